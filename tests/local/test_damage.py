"""Damage to the tables of the deployed stage: listed by `stuck`, healed or explained by `repair`, by the scripts."""

import json
from typing import Any

import pytest

from saga import log
from saga.expressions import marshal
from saga.ports import Item
from saga.trip import PARTICIPANTS
from tests.local.conftest import Stack, story
from tests.trips import trip
from tools import attention


@pytest.fixture(scope="module", autouse=True)
def _healthy(stack: Stack) -> None:
    """No trip but those of these tests needs anybody."""
    for other in attention.stuck(stack.stage, attention.LATE):
        list(attention.repair(stack.stage, other.trip_id))


def saga(stack: Stack, *arguments: str, expect: int) -> Any:
    """Run `./saga.sh … --json`; return what it prints."""
    done = stack.run("./saga.sh", *arguments, "--json")
    assert (done.returncode, done.stderr) == (expect, "")
    return json.loads(done.stdout)


def kinds(stack: Stack) -> set[str]:
    """What `stuck` finds, which is what `audit` finds."""
    found = saga(stack, "stuck", expect=1)["findings"]
    assert len(saga(stack, "audit", expect=1)["violations"]) == len(found)
    return {one["kind"] for one in found}


def sound(stack: Stack) -> None:
    """Nothing is found, and nothing is left to repair."""
    assert saga(stack, "stuck", expect=0) == {"unfinished": [], "findings": []}
    assert saga(stack, "repair", "--all", expect=0) == []


def held(stack: Stack, table: str, trip_id: str) -> list[Item]:
    """What a table holds of a trip."""
    name, value = ("trip_id", trip_id) if table == log.TABLE else ("id", f"TRIP#{trip_id}")
    return [item for item in stack.table(table).scan()["Items"] if item[name] == value]


def lose(stack: Stack, table: str, items: list[Item]) -> None:
    """Take items out of a table."""
    for item in items:
        stack.table(table).delete_item(Key={name: item[name] for name in ("id", "trip_id", "entry") if name in item})


def test_a_live_booking_under_an_ended_trip(stack: Stack) -> None:
    """A flight's table that is restored from before a cancellation holds a live booking: it is cancelled again."""
    assert stack.book(trip(trip_id="ended")) == "SUCCEEDED"
    (booking,) = held(stack, "flight", "ended")
    counter = stack.table("flight").get_item(Key={"id": "TAKEN#EI155#2099-03"})["Item"]
    assert stack.run("./saga.sh", "cancel", "ended").returncode == 0
    assert stack.run("./saga.sh", "watch", "ended").returncode == 0
    stack.table("flight").put_item(Item=booking)
    stack.table("flight").put_item(Item=counter)
    assert kinds(stack) == {"still-booked", "ledger", "log"}
    (mended,) = saga(stack, "repair", "--all", expect=0)
    assert (mended["trip_id"], mended["status"]) == ("ended", "CANCELLED")
    assert set(stack.statuses("ended").values()) == {"CANCELLED"}
    assert story(stack.read("ended").log)[-1] == "Saga END CANCELLED"
    sound(stack)


def test_a_counter_and_a_hole_in_the_log(stack: Stack) -> None:
    """A counter that is off is set right, and a line that the log has lost is entered again."""
    assert stack.book(trip(trip_id="holed")) == "SUCCEEDED"
    told = story(stack.read("holed").log)
    taken = stack.taken("EI155")
    client = stack.clients["dynamodb"]
    client.update_item(
        TableName=stack.stage.table("flight"),
        Key=marshal({"id": "TAKEN#EI155#2099-03"}),
        UpdateExpression="SET d01 = :n",
        ExpressionAttributeValues=marshal({":n": 400}),
    )
    lose(stack, log.TABLE, [i for i in held(stack, log.TABLE, "holed") if "BookFlight" in i["entry"]])
    assert kinds(stack) == {"counter", "log"}
    assert [one["what"] for one in saga(stack, "repair", "--all", expect=0)] == [
        "flight EI155#2099-03 d01",
        "trip holed",
    ]
    assert stack.taken("EI155") == taken
    assert story(stack.read("holed").log) == told
    sound(stack)


def test_a_record_that_is_missing(stack: Stack) -> None:
    """A trip that the saga log has lost is explained; started again, it takes its bookings up, and no capacity."""
    request = trip(trip_id="lost")
    assert stack.book(request) == "SUCCEEDED"
    taken = stack.taken()
    lose(stack, log.TABLE, held(stack, log.TABLE, "lost"))
    assert kinds(stack) == {"no-record"}
    (mended,) = saga(stack, "repair", "--all", expect=1)
    assert mended["left"][0]["next"].startswith("start the same request under trip_id lost again")
    shown = stack.run("./saga.sh", "repair", "lost").stdout
    assert "why: " in shown
    assert "next: start the same request" in shown
    assert stack.book(request) == "SUCCEEDED"
    assert stack.taken() == taken
    assert story(stack.read("lost").log)[-1] == "Saga END CONFIRMED"
    sound(stack)


def test_a_booking_that_is_missing(stack: Stack) -> None:
    """A CONFIRMED trip whose flight is lost is explained; the cancel that `repair` names leaves nothing of it."""
    assert stack.book(trip(trip_id="torn")) == "SUCCEEDED"
    lose(stack, "flight", held(stack, "flight", "torn"))
    assert kinds(stack) == {"missing", "ledger", "log", "counter"}
    left = [one["next"] for mended in saga(stack, "repair", "--all", expect=1) for one in mended["left"]]
    assert any(then.startswith("./saga.sh cancel torn ") for then in left)
    assert stack.run("./saga.sh", "cancel", "torn").returncode == 0
    assert stack.run("./saga.sh", "watch", "torn").returncode == 0
    assert saga(stack, "repair", "torn", expect=0)[0]["status"] == "CANCELLED"
    assert set(stack.statuses("torn").values()) == {"CANCELLED"}
    assert list(stack.statuses("torn")) == list(PARTICIPANTS)
    assert story(stack.read("torn").log)[-1] == "Saga END CANCELLED"
    sound(stack)
