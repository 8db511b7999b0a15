"""`./saga.sh` as a user runs it, and what it and `./runtest.sh` say when there is nothing to look at."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.local.conftest import Stack, find_free_port, story, until
from tests.trips import trip
from tools import attention

OWES: dict[str, Any] = trip("car/model", "Fiat 500e", faults={"CancelFlight": {"error": "TransientError"}})
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@pytest.fixture(scope="module", autouse=True)
def owing(stack: Stack) -> None:
    """Three trips that owe the cancel of their flight, and no other trip that needs anybody."""
    for other in attention.stuck(stack.stage, 900):
        list(attention.repair(stack.stage, other.trip_id))
    arns = [stack.start(OWES | {"trip_id": f"stuck-{n}"}) for n in range(3)]
    assert [stack.wait(arn) for arn in arns] == ["TripNeedsAttention"] * 3


def saga(stack: Stack, *arguments: str, expect: int = 0) -> Any:
    """Run `./saga.sh … --json`; return what it prints."""
    done = stack.run("./saga.sh", *arguments, "--json")
    assert (done.returncode, done.stderr) == (expect, "")
    return json.loads(done.stdout)


def test_stuck_lists_what_is_owed_and_why(stack: Stack) -> None:
    """`stuck` lists each trip that needs attention with what it owes and why, and exits with 1; the audit agrees."""
    found = saga(stack, "stuck", expect=1)
    assert sorted((trip["trip_id"], trip["status"], json.dumps(trip["owed"])) for trip in found["unfinished"]) == [
        (f"stuck-{n}", "NEEDS_ATTENTION", '{"flight": "TransientError"}') for n in range(3)
    ]
    assert found["findings"] == []
    shown = stack.run("./saga.sh", "stuck").stdout
    line = r"^ ?stuck-\d +NEEDS_ATTENTION +[\d:]+ +flight +TransientError"
    assert len(re.findall(line, shown, re.MULTILINE)) == 3


def test_stuck_lists_what_is_unfinished_for_long(stack: Stack) -> None:
    """A trip that still runs is listed once it is older than asked, and not before."""
    arn = stack.start(trip(trip_id="young", faults={"BookFlight": {"delay_seconds": 6}}))
    until(lambda: "flight" in stack.statuses("young"))
    listed = saga(stack, "stuck", "--older-than", "0", "--unfinished", expect=1)
    assert {"young": "BOOKING"}.items() <= {trip["trip_id"]: trip["status"] for trip in listed["unfinished"]}.items()
    assert listed["findings"] is None
    listed = saga(stack, "stuck", "--unfinished", expect=1)
    assert "young" not in {trip["trip_id"] for trip in listed["unfinished"]}
    assert stack.wait(arn) == "SUCCEEDED"


def test_log_tells_the_story(stack: Stack) -> None:
    """`log` shows a trip's bookings and its log in order: the refusal, 65 attempts at what is owed, the end.

    The first of them, which failed, has left no START.
    """
    told = saga(stack, "log", "stuck-0")
    assert told["record"]["status"] == "NEEDS_ATTENTION"
    assert {name: item["status"] for name, item in told["bookings"].items()}["flight"] == "BOOKED"
    lines = story(told["log"])
    assert lines.count("CancelFlight START") == 64
    done = stack.run("./saga.sh", "log", "stuck-0")
    shown = re.findall(r"\b(\w+) +(BEGIN|START|END|ABORT)\b", done.stdout)
    assert [" ".join(line) for line in shown] == [" ".join(line.split()[:2]) for line in lines]
    assert re.search(r"BookCar +ABORT +\d+\.\d{3} s +SoldOut +Fiat 500e is sold out", done.stdout)
    assert re.search(r"Saga +ABORT +[\d. s]*NEEDS_ATTENTION +owed: flight", done.stdout)


def repaired(stack: Stack, *arguments: str) -> dict[str, tuple[str, list[str]]]:
    """Run `./saga.sh repair`, which heals all; return each trip's status, and what was done."""
    mended = saga(stack, "repair", *arguments)
    assert all(one["healed"] and not one["left"] for one in mended)
    return {one["trip_id"]: (one["status"], one["done"]) for one in mended}


def test_repair_ends_what_was_owed(stack: Stack) -> None:
    """`repair` without the fault cancels what is owed and ends ROLLED_BACK; once more changes nothing."""
    assert repaired(stack, "stuck-0") == {"stuck-0": ("ROLLED_BACK", ["undone: ROLLED_BACK"])}
    ended = stack.read("stuck-0")
    assert {item["status"] for item in ended.bookings.values()} == {"CANCELLED"}
    undo = [entry for entry in ended.log if entry["run"] == 1]
    assert story(undo)[0] == "Saga BEGIN"
    assert story(undo)[-1] == "Saga END ROLLED_BACK"
    assert [line for line in story(undo) if "Flight" in line] == ["CancelFlight START", "CancelFlight END"]
    assert repaired(stack, "stuck-0") == {"stuck-0": ("ROLLED_BACK", [])}
    assert stack.read("stuck-0") == ended


def test_repair_all_leaves_nothing_stuck(stack: Stack) -> None:
    """`repair --all` ends every trip that needs attention; then nothing is stuck and nothing is left to repair."""
    assert repaired(stack, "--all") == {f"stuck-{n}": ("ROLLED_BACK", ["undone: ROLLED_BACK"]) for n in (1, 2)}
    assert saga(stack, "stuck") == {"unfinished": [], "findings": []}
    assert stack.run("./saga.sh", "stuck").stdout == "nothing is stuck\n"
    assert repaired(stack, "--all") == {}
    assert stack.run("./saga.sh", "repair", "--all").stdout == "nothing needs repair\n"


def test_audit_counts_the_trips(stack: Stack) -> None:
    """`audit` of a sound stage finds nothing and says how many trips it looked at."""
    found = saga(stack, "audit")
    assert found["trips"] >= 4
    assert found["violations"] == []


@contextmanager
def corrupted(stack: Stack, kind: str, key: dict[str, str], change: dict[str, Any]) -> Iterator[None]:
    """Change an item by hand, and put it back."""
    table = stack.table(kind)
    sound = table.get_item(Key=key)["Item"]
    table.put_item(Item=sound | change)
    try:
        yield
    finally:
        table.put_item(Item=sound)


def test_audit_finds_what_was_corrupted(stack: Stack) -> None:
    """A row changed by hand in each of the four tables, and a counter, are each found and named; exit code 1."""
    names = [f"sound-{n}" for n in range(4)]
    assert {stack.book(trip(trip_id=name)) for name in names} == {"SUCCEEDED"}
    counter = {"id": "TAKEN#EI155#2099-03"}
    with (
        corrupted(stack, "hotel", {"id": "TRIP#sound-0"}, {"confirmation": "H-0000000000"}),
        corrupted(stack, "flight", {"id": "TRIP#sound-1"}, {"saga_id": "f" * 32}),
        corrupted(stack, "car", {"id": "TRIP#sound-2"}, {"status": "CANCELLED"}),
        corrupted(stack, "saga-log", {"trip_id": "sound-3", "entry": "TRIP"}, {"status": "ROLLED_BACK"}),
        corrupted(stack, "flight", counter, {"d01": 499}),
    ):
        found = saga(stack, "audit", expect=1)["violations"]
    assert [{line[:2] for line in found if line.endswith(f"(trip {name})")} for name in names] == [
        *({"I4"}, {"I4", "I7"}, {"I1", "I4"}, {"I2", "I4"})
    ]
    assert any(line.startswith("I3: flight EI155#2099-03 d01: 499 taken, but ") for line in found)


@pytest.mark.parametrize("command", ["log", "repair"])
@pytest.mark.parametrize(
    "trip_id",
    [
        "no-such-trip",
        "",
        "x" * 3000,
    ],
)
def test_an_unknown_trip(stack: Stack, command: str, trip_id: str) -> None:
    """A trip that does not exist, whatever is typed for its id, exits with 2 and one line."""
    done = stack.run("./saga.sh", command, trip_id, "--json")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("trip ")


SAGA_SH = (["stuck"], ["audit"], ["log", "x"], ["repair", "x"], ["repair", "--all"])
COMMANDS = [("./runtest.sh", "test-booking-success.json"), *(("./saga.sh", *command) for command in SAGA_SH)]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_stage_that_is_not_deployed(stack: Stack, command: tuple[str, ...]) -> None:
    """On a stage that was never deployed each command exits with 2 or 3 and one line that says so."""
    done = stack.run(*command, "--stage", "dev", "--json", AWS_ENDPOINT_URL=stack.emulator.endpoint, **KEYS)
    assert done.returncode in (2, 3)
    assert re.fullmatch(r"stage dev is not deployed in us-east-1: .*\n", done.stderr)


NOWHERE = KEYS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{find_free_port()}"}
ADVICE: dict[str, tuple[list[str], dict[str, str]]] = {
    "profile nobody is unknown; `aws configure --profile nobody` makes it": (["--profile", "nobody"], {}),
    "no AWS credentials": ([], {}),
    "AWS cannot be reached in region us-east-1; check the region's name and the network": ([], NOWHERE),
}


@pytest.mark.parametrize("command", COMMANDS[:2], ids=" ".join)
@pytest.mark.parametrize("told", ADVICE)
def test_an_aws_that_cannot_be_had(stack: Stack, tmp_path: Path, command: tuple[str, ...], told: str) -> None:
    """An unknown profile, no credentials, or an endpoint where nobody listens: exit code 3 and what to do."""
    options, environ = ADVICE[told]
    none = str(tmp_path / "none")
    nobody = {"AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_EC2_METADATA_DISABLED": "true"}
    done = stack.run(*command, "--stage", "dev", "--json", *options, **nobody, **environ)
    assert (done.returncode, done.stdout) == (3, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(told)


@pytest.mark.parametrize("command", COMMANDS[1:], ids=" ".join)
def test_an_emulator_that_does_not_run(stack: Stack, command: tuple[str, ...]) -> None:
    """Where the embedded AWS does not run, each command exits with 3 and one line that says how to start it."""
    done = stack.run(*command, "--json", TRAVEL_SAGA_PORT=str(find_free_port()))
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "the embedded AWS does not answer; `./build.sh deploy local` starts it\n"


def test_a_stage_that_cannot_be(stack: Stack) -> None:
    """A name that no stage could have exits with 2 and one line."""
    done = stack.run("./saga.sh", "audit", "--stage", "No_Stage")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
