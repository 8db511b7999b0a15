"""Trips as a user runs them: `./runtest.sh` on the deployed stack."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.local.conftest import ROOT, Stack, at_once, story
from tests.trips import trip
from tools import attention

Done = subprocess.CompletedProcess[str]

BOOKS = [f"Book{name} {kind}" for name in ("Hotel", "Flight", "Car") for kind in ("START", "END")]
CANCELS = [f"Cancel{name} {kind}" for name in ("Car", "Flight", "Hotel") for kind in ("START", "END")]
ROLLED_BACK = ["Saga BEGIN", *BOOKS[:-1], "BookCar ABORT", *CANCELS, "Saga END ROLLED_BACK"]

ENDS: dict[str, tuple[str, int, str]] = {
    "test-booking-success.json": ("booked", 0, "Saga END CONFIRMED"),
    "test-booking-fail.json": ("rolled-back", 0, "Saga END ROLLED_BACK"),
    "test-compensation-fails.json": ("needs-attention", 1, "Saga ABORT NEEDS_ATTENTION"),
    "test-compensation-recovers.json": ("rolled-back", 0, "Saga END ROLLED_BACK"),
    "test-crash-recovers.json": ("booked", 0, "Saga END CONFIRMED"),
    "test-held.json": ("booked", 0, "Saga END CONFIRMED"),
    "test-last-reply-lost.json": ("booked", 0, "Saga END CONFIRMED"),
    "test-refused-car.json": ("rolled-back", 0, "Saga END ROLLED_BACK"),
    "test-refused-flight.json": ("rolled-back", 0, "Saga END ROLLED_BACK"),
    "test-refused-hotel.json": ("rolled-back", 0, "Saga END ROLLED_BACK"),
    "test-transient-recovers.json": ("booked", 0, "Saga END CONFIRMED"),
}
"""How each sample event ends: the outcome, the exit code, the log's last entry."""

INVALID = {
    "test-invalid-date.json": "/hotel/check_in: expected a day that exists, as YYYY-MM-DD",
    "test-invalid-missing.json": "/car: expected, but missing",
}


def write(path: Path, request: Mapping[str, Any]) -> str:
    """Write an event to a file; return its path."""
    path.write_text(json.dumps(request))
    return str(path)


def sample(name: str, **changes: Any) -> dict[str, Any]:
    """Return a sample event with changes."""
    return dict(json.loads((ROOT / "events" / name).read_text()) | changes)


@pytest.fixture(scope="module")
def runs(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Done]]:
    """Every sample event and every compensation that fails for ever, run once, four at a time, by name."""
    folder = tmp_path_factory.mktemp("events")
    for name in ("Hotel", "Flight", "Car"):
        faults = {f"Cancel{name}": {"error": "TransientError"}}
        write(folder / name.lower(), sample("test-booking-fail.json", trip_id=f"owes-{name.lower()}", faults=faults))
    slow = sorted(str(path) for path in folder.iterdir())
    names = [*slow, *sorted(path.name for path in (ROOT / "events").iterdir())]
    done = at_once(lambda name: stack.run("./runtest.sh", name, "--json"), names, workers=4)
    yield {Path(name).name: run for name, run in zip(names, done, strict=True)}
    for stuck in attention.stuck(stack.stage, 900):
        list(attention.repair(stack.stage, stuck.trip_id))


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "events").iterdir()))
def test_a_sample_event_ends_as_its_name_says(runs: dict[str, Done], name: str) -> None:
    """A sample event ends with the outcome, the exit code and the log that its name promises."""
    done = runs[name]
    if name in INVALID:
        assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{name}: {INVALID[name]}\n")
        return
    report = json.loads(done.stdout)
    ends = [line for line in story(report["log"]) if line.startswith("Saga")]
    assert (report["outcome"], done.returncode, ends[-1]) == ENDS[name]


@pytest.mark.parametrize("owing", ["hotel", "flight", "car"])
def test_a_compensation_that_fails_for_ever(stack: Stack, runs: dict[str, Done], owing: str) -> None:
    """One participant's cancel that never works is owed and passed over: the other two are cancelled, exit code 1."""
    done, others = runs[owing], {"hotel", "flight", "car"} - {owing}
    report = json.loads(done.stdout)
    assert (done.returncode, report["outcome"], report["status"]) == (1, "needs-attention", "NEEDS_ATTENTION")
    assert {name for name in others if report["bookings"][name]["status"] == "CANCELLED"} == others
    told = story(report["log"])
    assert told.count(f"Cancel{owing.title()} START") == 64  # of 65 attempts; the first one's stands in an outcome
    assert f"Cancel{owing.title()} END" not in told
    assert told[-1] == "Saga ABORT NEEDS_ATTENTION"
    assert (stack.read(f"owes-{owing}").record or {})["owed"] == {owing: "TransientError"}


def test_a_trip_is_booked_whole(stack: Stack, runs: dict[str, Done]) -> None:
    """The success event ends with three live bookings and their log, and its execution SUCCEEDED."""
    report = json.loads(runs["test-booking-success.json"].stdout)
    assert [item["status"] for item in report["bookings"].values()] == ["BOOKED"] * 3
    assert story(report["log"]) == ["Saga BEGIN", *BOOKS, "Saga END CONFIRMED"]
    assert (report["stage"], report["status"], report["failure"]) == ("local", "CONFIRMED", None)
    assert stack.wait(report["execution_arn"]) == "SUCCEEDED"


@pytest.mark.usefixtures("runs")
def test_a_trip_is_rolled_back_whole(stack: Stack) -> None:
    """The fail event: car refused, cancels in reverse, counters as before; `--expect booked` on it exits with 1."""
    before = stack.taken()
    done = stack.run("./runtest.sh", "test-booking-fail.json", "--json", "--expect", "booked")
    report = json.loads(done.stdout)
    assert (done.returncode, report["outcome"], report["status"]) == (1, "rolled-back", "ROLLED_BACK")
    assert report["failure"] == {
        "step": "BookCar",
        "error": "SoldOut",
        "message": "Fiat 500e is sold out on 2099-03-01",
    }
    assert story(report["log"]) == ROLLED_BACK
    assert {item["status"] for item in report["bookings"].values()} == {"CANCELLED"}
    assert stack.wait(report["execution_arn"]) == "TripRolledBack"
    assert stack.taken() == before


def test_what_is_expected_is_the_only_success(stack: Stack, runs: dict[str, Done]) -> None:
    """`--expect needs-attention` on a trip that needs it exits with 0; after its repair the trip is rolled back."""
    event = runs["car"].args[1]
    assert stack.run("./runtest.sh", event, "--json", "--expect", "needs-attention").returncode == 0
    list(attention.repair(stack.stage, "owes-car"))
    done = stack.run("./runtest.sh", event, "--json")
    assert (done.returncode, json.loads(done.stdout)["outcome"]) == (0, "rolled-back")
    assert set(stack.statuses("owes-car").values()) == {"CANCELLED"}


def test_the_same_event_twice(stack: Stack, tmp_path: Path) -> None:
    """The same event under one trip_id gives the same answer again, and nothing is booked or taken twice."""
    event = write(tmp_path / "event.json", trip(trip_id="twice"))
    first = json.loads(stack.run("./runtest.sh", event, "--json", "--expect", "booked").stdout)
    taken = stack.taken()
    second = json.loads(stack.run("./runtest.sh", event, "--json", "--expect", "booked").stdout)
    assert first | {"seconds": 0} == second | {"seconds": 0}
    assert story(second["log"]) == ["Saga BEGIN", *BOOKS, "Saga END CONFIRMED"]
    assert stack.taken() == taken


def test_another_body_under_the_same_trip_id(stack: Stack, tmp_path: Path) -> None:
    """Another request under a trip_id that is taken is refused with TripConflict; the first trip stays as it is."""
    assert stack.book(trip(trip_id="owned")) == "SUCCEEDED"
    before = stack.read("owned"), stack.taken()
    event = write(tmp_path / "event.json", trip("car/drop_off", "2099-03-05", trip_id="owned"))
    done = stack.run("./runtest.sh", event, "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["outcome"], report["failure"]["error"]) == (1, "refused", "TripConflict")
    assert stack.run("./runtest.sh", event, "--expect", "refused").returncode == 0
    assert (stack.read("owned"), stack.taken()) == before


def test_no_trip_at_the_state_machine_writes_nothing(stack: Stack) -> None:
    """Something that is no trip, started directly at the state machine, ends in TripRefused and nothing is written."""
    before = stack.rows()
    requests = [{}, sample("test-invalid-date.json"), sample("test-invalid-missing.json"), {"faults": 1}]
    assert at_once(stack.book, requests, workers=4) == ["TripRefused"] * 4
    assert stack.rows() == before


BAD: dict[str, tuple[bytes, str]] = {
    "not JSON": (b"{", r": /: expected JSON: "),
    "not an object": (b"[]", r": /: expected a JSON object$"),
    "NaN": (json.dumps(trip("car/model", float("nan"))).encode(), r": /: expected JSON: NaN is no JSON number$"),
    "a key twice": (b'{"car": 1, "car": 2}', r": /: expected JSON: a key stands twice in one object$"),
    "a field missing": (json.dumps(trip("car", {})).encode(), r": /car/drop_off: expected, but missing; /car/model: "),
    "a bad date": (
        json.dumps(trip("car/pick_up", "2099-02-30")).encode(),
        r": /car/pick_up: expected a day that exists",
    ),
    "an unknown field": (json.dumps(trip("car/colour", "red")).encode(), r": /car/colour: expected no such field$"),
    "not UTF-8": (json.dumps(trip()).encode("utf-16"), r": expected a readable UTF-8 text file: "),
}


@pytest.mark.parametrize(("content", "told"), BAD.values(), ids=BAD)
def test_a_bad_event_is_told_in_one_line(stack: Stack, tmp_path: Path, content: bytes, told: str) -> None:
    """A file that is no trip exits with 2 and one line: the file, the field by JSON Pointer, what was expected."""
    event = tmp_path / "event.json"
    event.write_bytes(content)
    done = stack.run("./runtest.sh", str(event), "--json")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert re.match(re.escape(str(event)) + told, line)


def test_an_event_that_does_not_exist(stack: Stack) -> None:
    """A name without a file exits with 2, and the one line lists the sample events."""
    done = stack.run("./runtest.sh", "test-nothing.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("test-nothing.json: no such event; expected a path, or one of test-booking-fail.json")
    assert len(done.stderr.splitlines()) == 1


def test_a_pipe_gets_plain_text(stack: Stack) -> None:
    """Where nobody looks, the steps, the bookings and the log come as plain text without escape codes."""
    done = stack.run("./runtest.sh", "test-booking-fail.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    shown = re.findall(r"^ [✓✗] (\w+)", done.stdout, re.MULTILINE)
    assert shown[-4:] == ["BookCar", "CancelCar", "CancelFlight", "CancelHotel"]
    assert done.stdout.splitlines()[-1].startswith("rolled-back  nothing of the trip stays booked (BookCar: SoldOut)")
