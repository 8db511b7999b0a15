"""What real faults do: a hanging function, a dying worker, a stopped execution, an AWS that restarts."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from saga import lifecycle, wiring
from saga.dynamo import DynamoStore
from saga.executions import booking_name
from saga.ports import Desk
from saga.trip import OPERATOR, Trip
from tests.local.conftest import Stack, at_once, story, until
from tests.trips import TRIP, trip
from tools import attention

SLOW: dict[str, dict[str, Any]] = {
    "timeout-book": trip(faults={"BookHotel": {"error": "timeout", "times": 1}}),
    "timeout-cancel": trip("car/model", "Fiat 500e", faults={"CancelFlight": {"error": "timeout", "times": 1}}),
    "owing": trip("car/model", "Fiat 500e", faults={"CancelFlight": {"error": "TransientError"}}),
}
"""Trips that take long, by their trip_id: all are started before the first test."""


def parse(trip_id: str) -> Trip:
    """Make the sample trip under this id."""
    return Trip(trip_id, OPERATOR, {name: TRIP[name] for name in ("hotel", "flight", "car")})


@pytest.fixture(scope="module")
def slow(stack: Stack) -> Iterator[dict[str, str]]:
    """The executions of the slow trips; what they owe is repaired at the end."""
    yield {trip_id: stack.start(request | {"trip_id": trip_id}) for trip_id, request in SLOW.items()}
    list(attention.repair(stack.stage, "owing"))


@pytest.fixture
def quiet(stack: Stack) -> Iterator[None]:
    """Nothing but the test calls the reconciler."""
    rules = [rule["Name"] for rule in stack.clients["events"].list_rules(NamePrefix="travel-saga-local")["Rules"]]
    assert len(rules) == 2
    for rule in rules:
        stack.clients["events"].disable_rule(Name=rule)
    yield
    for rule in rules:
        stack.clients["events"].enable_rule(Name=rule)


def hold(stack: Stack, trip_id: str, seconds: float = 6) -> str:
    """Start a trip under its saga's name and hold it after its flight is booked; return its execution."""
    request = trip(trip_id=trip_id, faults={"BookFlight": {"delay_seconds": seconds}})
    arn = stack.start(request, booking_name(trip_id, parse(trip_id).saga_id))
    until(lambda: "flight" in stack.statuses(trip_id))
    return arn


def stop(stack: Stack, arn: str) -> None:
    """Stop an execution in the middle."""
    stack.clients["stepfunctions"].stop_execution(executionArn=arn)
    assert stack.wait(arn) == "ABORTED"


def reconcile(stack: Stack, trip_id: str = "") -> dict[str, str]:
    """Run the reconciler over all trips, or for a trip whose execution ended badly; return what it started."""
    detail = {"executionArn": "gone", "input": json.dumps({"trip_id": trip_id})}
    event = {"detail-type": "Step Functions Execution Status Change", "detail": detail} if trip_id else {}
    return dict(stack.invoke("Reconcile", event)["started"])


def assert_rolled_back(stack: Stack, trip_id: str) -> None:
    """The trip ends rolled back, by one undo, and owns nothing."""
    until(lambda: stack.read(trip_id).status == "ROLLED_BACK")
    told = story(stack.read(trip_id).log)
    assert told[-1] == "Saga END ROLLED_BACK"
    assert told.count("Saga BEGIN") == 2
    assert [f"Cancel{name} END" in told for name in ("Hotel", "Flight", "Car")] == [True] * 3
    assert set(stack.statuses(trip_id).values()) == {"CANCELLED"}
    assert stack.undos(trip_id) == [f"{trip_id}-c1"]


STEPS = [f"{verb}{name}" for verb in ("Book", "Cancel") for name in ("Hotel", "Flight", "Car")]


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("step", [*STEPS, "EndSaga"])
@pytest.mark.parametrize("error", ["crash-before-write", "crash-after-write"])
def test_a_worker_that_dies(stack: Stack, step: str, error: str) -> None:
    """A worker killed before or after its write costs one attempt: each step ends once, and the trip as it would."""
    trip_id, books = f"{step}-{error}", step.startswith("Book")
    # A trip that fails at its hotel has no last cancel of several that could end it: EndSaga does.
    refused = ("hotel/name", "nowhere") if step == "EndSaga" else ("car/model", "Volvo XC40" if books else "Fiat 500e")
    request = trip(*refused, trip_id=trip_id, faults={step: {"error": error, "times": 1}})
    assert stack.book(request) == ("SUCCEEDED" if books else "TripRolledBack")
    told = story(stack.read(trip_id).log)
    assert told[-1] == f"Saga END {'CONFIRMED' if books else 'ROLLED_BACK'}"
    if step != "EndSaga":  # the START of a first attempt stands in its outcome: without that there is none
        assert [told.count(f"{step} {kind}") for kind in ("START", "END")] == [1 if "before" in error else 2, 1]
    assert set(stack.statuses(trip_id).values()) == {"BOOKED" if books else "CANCELLED"}


def test_a_stopped_execution_is_undone_by_its_event(stack: Stack) -> None:
    """An execution stopped after BookFlight: its event alone calls the reconciler, and the trip is rolled back."""
    stop(stack, hold(stack, "stopped-event"))
    assert_rolled_back(stack, "stopped-event")


@pytest.mark.usefixtures("quiet")
def test_a_stopped_execution_is_undone_by_the_sweep(stack: Stack) -> None:
    """An execution stopped after BookFlight, its event lost: one sweep rolls the trip back, the next starts nothing."""
    stop(stack, hold(stack, "stopped"))
    assert list(reconcile(stack)) == ["stopped"]
    assert reconcile(stack) == {}
    assert_rolled_back(stack, "stopped")
    assert reconcile(stack) == reconcile(stack, "stopped") == {}


@pytest.mark.usefixtures("quiet")
def test_reconcilers_at_once_start_one_undo(stack: Stack) -> None:
    """Of four reconcilers that run at the same time one starts the undo of a stopped trip."""
    stop(stack, hold(stack, "stopped-once"))
    started = at_once(lambda _: reconcile(stack), range(4), workers=4)
    assert [list(trips) for trips in started if trips] == [["stopped-once"]]
    assert_rolled_back(stack, "stopped-once")


@pytest.mark.usefixtures("quiet")
def test_a_running_trip_is_left_alone(stack: Stack) -> None:
    """The reconciler leaves a trip whose execution still runs, by sweep or by event, and it is booked."""
    arn = hold(stack, "running")
    assert reconcile(stack) == reconcile(stack, "running") == {}
    assert stack.wait(arn) == "SUCCEEDED"
    assert story(stack.read("running").log)[-1] == "Saga END CONFIRMED"


def test_a_trip_that_nothing_ever_began_is_booked(stack: Stack) -> None:
    """A trip that is BOOKING without any execution gets its booking started, under its own name, once."""
    begun = parse("orphan")
    lifecycle.begin(Desk(DynamoStore(stack.clients["dynamodb"], "travel-saga-local"), wiring.now), begun, None)
    arn = reconcile(stack)["orphan"]
    assert arn.endswith(f":execution:travel-saga-local-booking:orphan-{begun.saga_id[:12]}")
    assert stack.wait(arn) == "SUCCEEDED"
    assert story(stack.read("orphan").log)[-1] == "Saga END CONFIRMED"
    assert reconcile(stack) == {}


def test_a_confirmed_trip_is_never_touched(stack: Stack) -> None:
    """Neither a sweep nor the event of an execution that failed touches a trip that is CONFIRMED."""
    assert stack.book(trip(trip_id="confirmed")) == "SUCCEEDED"
    before = stack.read("confirmed")
    assert reconcile(stack) == reconcile(stack, "confirmed") == {}
    assert stack.read("confirmed") == before


@pytest.mark.parametrize(("trip_id", "step"), [("timeout-book", "BookHotel"), ("timeout-cancel", "CancelFlight")])
def test_a_function_that_hangs(stack: Stack, slow: dict[str, str], trip_id: str, step: str) -> None:
    """A function that runs into its own timeout is tried again, and the trip ends as it would."""
    booked = step == "BookHotel"
    assert stack.wait(slow[trip_id]) == ("SUCCEEDED" if booked else "TripRolledBack")
    told = story(stack.read(trip_id).log)
    assert [told.count(f"{step} {kind}") for kind in ("START", "END")] == [1, 1]
    assert told[-1] == f"Saga END {'CONFIRMED' if booked else 'ROLLED_BACK'}"


def test_what_needs_attention_is_left_to_repair(stack: Stack, slow: dict[str, str]) -> None:
    """The reconciler leaves a trip that NEEDS_ATTENTION as it is."""
    assert stack.wait(slow["owing"]) == "TripNeedsAttention"
    before = stack.read("owing")
    assert story(before.log)[-1] == "Saga ABORT NEEDS_ATTENTION"
    assert reconcile(stack) == reconcile(stack, "owing") == {}
    assert stack.read("owing") == before


@pytest.fixture(scope="module")
def restarted(stack: Stack) -> str:
    """A trip that was held when the emulator ended, and came back: its execution."""
    arn = hold(stack, "restarted", seconds=8)
    stack.emulator.stop()
    stack.emulator.start()
    return arn


@pytest.mark.usefixtures("quiet")
def test_a_restart_of_aws_in_the_middle(stack: Stack, restarted: str) -> None:
    """The emulator ends in the middle of a saga and comes back: one sweep rolls the trip back."""
    assert stack.wait(restarted) == "States.ServiceRestart"
    assert list(reconcile(stack)) == ["restarted"]
    assert_rolled_back(stack, "restarted")
    assert reconcile(stack) == {}


@pytest.mark.usefixtures("restarted")
@pytest.mark.parametrize("trip_id", ["stopped-event", "restarted"])
def test_the_same_event_after_its_execution_died(stack: Stack, tmp_path: Path, trip_id: str) -> None:
    """`./runtest.sh` with the event of a trip whose execution died finds it rolled back, at once."""
    event = tmp_path / "event.json"
    event.write_text(json.dumps(trip(trip_id=trip_id)))
    done = stack.run("./runtest.sh", str(event), "--json", timeout=10)
    assert (done.returncode, json.loads(done.stdout)["outcome"]) == (0, "rolled-back")


@pytest.mark.usefixtures("restarted")
def test_outcomes_are_announced_after_a_restart(stack: Stack) -> None:
    """What is committed once the emulator is back is announced, though it has forgotten the streams."""
    before = stack.emulator.log.read_text().count('"Sagas": 1')
    assert stack.book(trip(trip_id="announced")) == "SUCCEEDED"
    until(lambda: stack.emulator.log.read_text().count('"Sagas": 1') > before)
    assert story(stack.read("announced").log)[-1] == "Saga END CONFIRMED"
