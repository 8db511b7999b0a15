"""`./saga.sh` for whoever books: book, watch, show, list, cancel, and what it all costs."""

import json
from typing import Any

from tests.local.conftest import Stack, story
from tests.trips import trip


def saga(stack: Stack, *arguments: str, expect: int = 0) -> Any:
    """Run `./saga.sh … --json`; return what it prints."""
    done = stack.run("./saga.sh", *arguments, "--json")
    assert (done.returncode, done.stderr) == (expect, "")
    return json.loads(done.stdout)


def told(stack: Stack, *arguments: str, expect: int = 0) -> str:
    """Run `./saga.sh …`; return its plain lines."""
    done = stack.run("./saga.sh", *arguments)
    assert (done.returncode, done.stderr) == (expect, "")
    return done.stdout


def test_a_trip_is_booked_watched_shown_and_cancelled(stack: Stack) -> None:
    """`book` says its trip_id, `watch` follows it to its end, `show` tells it, `cancel` and `watch` undo it."""
    trip_id = saga(stack, "book", "test-booking-success.json")["trip_id"]
    assert saga(stack, "watch", trip_id)["status"] == "CONFIRMED"
    assert {booking["status"] for booking in saga(stack, "show", trip_id)["bookings"].values()} == {"BOOKED"}
    assert saga(stack, "cancel", trip_id)["status"] == "CANCELLING"
    seen = told(stack, "watch", trip_id)
    assert [step for step in ("CancelCar", "CancelFlight", "CancelHotel", "EndSaga") if step in seen] != []
    assert saga(stack, "cancel", trip_id)["status"] == "CANCELLED"
    assert story(stack.read(trip_id).log)[-1] == "Saga END CANCELLED"


def test_a_page_leads_to_the_next(stack: Stack) -> None:
    """`list` shows the newest trip first, and says what asks for the next page."""
    for number in range(3):
        stack.book(trip(trip_id=f"listed-{number}"))
    first = saga(stack, "list", "--limit", "2")
    assert [found["trip_id"] for found in first["trips"]] == ["listed-2", "listed-1"]
    second = saga(stack, "list", "--limit", "1", "--after", first["after"])
    assert [found["trip_id"] for found in second["trips"]] == ["listed-0"]
    assert "listed-2" in told(stack, "list", "--status", "CONFIRMED")
    assert "listed-2" not in told(stack, "list", "--status", "ROLLED_BACK")


def test_what_cannot_be_is_one_line(stack: Stack) -> None:
    """A place that is none, an unknown trip and an unknown event are bad input: one line, exit 2."""
    for arguments in (("list", "--after", "x"), ("show", "nobody"), ("cancel", "nobody"), ("book", "nothing.json")):
        done = stack.run("./saga.sh", *arguments)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), arguments


def test_a_trip_that_needs_attention_is_not_cancelled(stack: Stack) -> None:
    """`cancel` of a trip that needs attention changes nothing, says `repair`, and exits with 1."""
    faults = {"BookCar": {"error": "SoldOut"}, "CancelFlight": {"error": "TransientError"}}
    stack.book({**trip(trip_id="owes"), "faults": faults})
    before = stack.read("owes")
    assert "repair" in told(stack, "cancel", "owes", expect=1)
    assert stack.read("owes") == before
    told(stack, "repair", "owes")


def test_costs_are_counted_as_the_machine_counts(stack: Stack) -> None:
    """`cost` counts as many transitions as the executions made, for a trip that was booked and one rolled back."""
    histories = 0
    for request in (trip(trip_id="cost-1"), trip("car/model", "Fiat 500e", trip_id="cost-2")):
        arn = stack.start(request)
        stack.wait(arn)
        pages = stack.clients["stepfunctions"].get_paginator("get_execution_history").paginate(executionArn=arn)
        events = [event["type"] for page in pages for event in page["events"]]
        histories += sum(event.endswith("StateEntered") for event in events)
    counted = saga(stack, "cost", "--last", "2")
    assert (counted["trips"], counted["transitions"]) == (2, histories) == (2, 14)
    assert counted["usd"] > 14 * counted["prices"]["state_transition"]
    assert "USD" in told(stack, "cost", "--last", "2")
    assert story(stack.read("cost-2").log)[-1] == "Saga END ROLLED_BACK"
