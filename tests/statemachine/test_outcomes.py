"""Whole sagas through the real state machine: how each ends, what its log tells, and that the promise holds."""

from typing import Any

import pytest

from saga.ports import Key
from tests.memory import MemoryStore
from tests.statemachine.machine import Machine
from tests.tables import record, statuses, story, taken
from tests.trips import trip
from tools.invariants import violations

BOOKS = ["BookHotel", "BookFlight", "BookCar"]
CANCELS = ["CancelCar", "CancelFlight", "CancelHotel"]
ALWAYS = {"error": "TransientError"}


def items(machine: Machine) -> dict[Key, Any]:
    """Return everything the machine's tables hold, after checking the promise on it."""
    assert isinstance(machine.store, MemoryStore)
    found = machine.store.items
    assert violations(found) == []
    return found


def both(*steps: str) -> list[str]:
    """Return the log lines of steps that went well at once."""
    return [f"{step} {kind}" for step in steps for kind in ("START", "END")]


def test_a_trip_is_booked_whole(machine: Machine) -> None:
    """A trip that can be booked ends CONFIRMED with three live bookings and the log of three books."""
    run = machine.run(trip())
    found = items(machine)
    assert (run.status, run.states) == ("SUCCEEDED", ["BeginSaga", *BOOKS, "TripBooked"])
    assert statuses(found) == {"hotel": "BOOKED", "flight": "BOOKED", "car": "BOOKED"}
    assert story(found) == ["Saga BEGIN", *both(*BOOKS), "Saga END CONFIRMED"]
    assert taken(found) == 3 + 1 + 4


@pytest.mark.parametrize(
    ("field", "value", "booked", "cancelled"),
    [
        ("hotel/name", "Full House", [], CANCELS[2:]),
        ("flight/number", "FR1", BOOKS[:1], CANCELS[1:]),
        ("car/model", "Sold Out", BOOKS[:2], CANCELS),
        ("hotel/name", "Nowhere", [], CANCELS[2:]),
        ("flight/number", "XX0", BOOKS[:1], CANCELS[1:]),
        ("car/model", "Batmobile", BOOKS[:2], CANCELS),
    ],
)
def test_a_refusal_rolls_back_in_reverse(
    machine: Machine, field: str, value: str, booked: list[str], cancelled: list[str]
) -> None:
    """A participant's refusal cancels its own step first and then what was booked, and nothing stays taken.

    The last cancel of what was booked ends the trip; where nothing was booked, EndSaga does.
    """
    run = machine.run(trip(field, value))
    found = items(machine)
    refused = BOOKS[len(booked)]
    assert (run.status, run.error) == ("FAILED", "TripRolledBack")
    ends = ["HasItEnded"] if booked else ["HasItEnded", "EndSaga", "HowItEnded"]
    assert run.states == ["BeginSaga", *booked, refused, *cancelled, *ends, "TripRolledBack"]
    assert story(found) == [
        "Saga BEGIN",
        *both(*booked),
        f"{refused} START",
        f"{refused} ABORT",
        *both(*cancelled),
        "Saga END ROLLED_BACK",
    ]
    assert taken(found) == 0


@pytest.mark.parametrize("step", BOOKS)
@pytest.mark.parametrize("error", ["TransientError", "crash-before-write", "crash-after-write", "timeout"])
def test_a_fault_within_the_retries_fails_no_saga(machine: Machine, step: str, error: str) -> None:
    """A book that fails twice in any way and then works leaves a trip booked whole (I5)."""
    run = machine.run(trip(faults={step: {"error": error, "times": 2}}))
    found = items(machine)
    tried = 3 if error == "crash-after-write" else 2  # a first attempt that writes nothing leaves no START
    lines = [line for name in BOOKS for line in ([f"{name} START"] * (tried if name == step else 1) + [f"{name} END"])]
    assert run.status == "SUCCEEDED"
    assert story(found) == ["Saga BEGIN", *lines, "Saga END CONFIRMED"]


@pytest.mark.parametrize("step", BOOKS)
@pytest.mark.parametrize("error", ["TransientError", "crash-before-write", "timeout"])
def test_a_fault_beyond_the_retries_rolls_back(machine: Machine, step: str, error: str) -> None:
    """A book that never works ends rolled back after five attempts, of which the repeated ones are in the log."""
    run = machine.run(trip(faults={step: {"error": error}}))
    found = items(machine)
    assert (run.error, run.calls.count(step), taken(found)) == ("TripRolledBack", 5, 0)
    assert story(found).count(f"{step} START") == 4
    assert story(found)[-1] == "Saga END ROLLED_BACK"


def test_a_last_book_whose_replies_are_all_lost_stays_confirmed(machine: Machine) -> None:
    """The last booking confirms the trip, so its undo is refused and the execution succeeds (I8)."""
    run = machine.run(trip(faults={"BookCar": {"error": "crash-after-write"}}))
    found = items(machine)
    assert run.states[-2:] == ["CancelCar", "TripBooked"]
    assert record(found)["status"] == "CONFIRMED"
    assert story(found) == [
        "Saga BEGIN",
        *both(*BOOKS[:2]),
        *["BookCar START"] * 5,
        "BookCar END",
        "Saga END CONFIRMED",
    ]


@pytest.mark.parametrize("step", CANCELS)
@pytest.mark.parametrize("error", ["TransientError", "crash-before-write", "crash-after-write", "timeout"])
def test_a_compensation_that_fails_twice_is_tried_again(machine: Machine, step: str, error: str) -> None:
    """A cancel that fails twice in any way and then works still rolls the trip back."""
    run = machine.run(trip("car/model", "Sold Out", faults={step: {"error": error, "times": 2}}))
    found = items(machine)
    assert (run.error, taken(found)) == ("TripRolledBack", 0)
    assert story(found).count(f"{step} START") == (3 if error == "crash-after-write" else 2)
    assert story(found).count(f"{step} END") == 1


@pytest.mark.slow
@pytest.mark.parametrize("step", CANCELS)
def test_a_compensation_that_never_works_is_owed(machine: Machine, step: str) -> None:
    """A cancel that fails for ever leaves the others cancelled and the trip NEEDS_ATTENTION, owing just that one."""
    run = machine.run(trip(faults={"BookCar": {"error": "SoldOut"}, step: ALWAYS}))
    found = items(machine)
    owed = step.removeprefix("Cancel").lower()
    assert run.error == "TripNeedsAttention"
    assert run.calls.count(step) == 65
    assert record(found)["owed"] == {owed: "TransientError"}
    assert {status for name, status in statuses(found).items() if name != owed} == {"CANCELLED"}
    assert story(found)[-1] == "Saga ABORT NEEDS_ATTENTION"


@pytest.mark.slow
def test_three_compensations_that_never_work_are_all_owed(machine: Machine) -> None:
    """If no cancel works, every one is tried and the trip owes all three, whatever its status was."""
    faults = {"BookCar": {"error": "SoldOut"}, **dict.fromkeys(CANCELS, ALWAYS)}
    run = machine.run(trip(faults=faults))
    found = items(machine)
    assert run.error == "TripNeedsAttention"
    assert set(record(found)["owed"]) == {"hotel", "flight", "car"}
    assert story(found)[-1] == "Saga ABORT NEEDS_ATTENTION"


@pytest.mark.slow
def test_an_end_that_never_works_needs_attention(machine: Machine) -> None:
    """If EndSaga uses up its retries, the execution ends in TripNeedsAttention, and the trip stays unfinished."""
    run = machine.run(trip("hotel/name", "Full House", faults={"EndSaga": ALWAYS}))
    found = items(machine)
    assert (run.error, run.states[-2:]) == ("TripNeedsAttention", ["EndSaga", "TripNeedsAttention"])
    assert run.calls.count("EndSaga") == 65
    assert (record(found)["status"], "unfinished" in record(found)) == ("COMPENSATING", True)
    assert story(found) == ["Saga BEGIN", "BookHotel START", "BookHotel ABORT", *both("CancelHotel")]


@pytest.mark.parametrize(
    "request_",
    [[], "trip", None, {}, trip("car/pick_up", "2099-02-30"), trip(trip_id="a b"), trip(faults={"BookBoat": {}})],
)
def test_what_is_no_trip_is_refused_and_leaves_nothing(machine: Machine, request_: Any) -> None:
    """An execution started with anything but a trip ends in TripRefused, and nothing is written."""
    before = dict(machine.store.items)  # type: ignore[attr-defined]
    run = machine.run(request_)
    assert (run.error, run.calls) == ("TripRefused", ["BeginSaga"])
    assert machine.store.items == before  # type: ignore[attr-defined]


def test_faults_are_refused_where_they_are_not_allowed(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a stage without fault injection an event that brings faults is refused, and nothing is written."""
    monkeypatch.delenv("SAGA_FAULTS")
    run = machine.run(trip(faults={"BookCar": {"error": "SoldOut"}}))
    assert run.error == "TripRefused"
    assert not any(key.entry for key in items(machine))


def test_the_same_request_again_gives_the_same_trip(machine: Machine) -> None:
    """The same trip started under another execution's name books nothing twice and logs nothing twice (I7)."""
    machine.run(trip())
    before = {key: dict(item) for key, item in items(machine).items()}
    assert machine.run(trip()).status == "SUCCEEDED"
    assert items(machine) == before


def test_another_request_under_the_same_trip_id_is_refused(machine: Machine) -> None:
    """Another trip under a taken trip_id ends in TripRefused, and the first one stays as it is, its log too (I7)."""
    machine.run(trip())
    before = {key: dict(item) for key, item in items(machine).items()}
    run = machine.run(trip("hotel/check_in", "2099-03-02"))
    assert (run.error, run.calls) == ("TripRefused", ["BeginSaga"])
    assert items(machine) == before


def test_a_rolled_back_trip_stays_rolled_back(machine: Machine) -> None:
    """The same request after a roll-back gives the same answer, though it could be booked by now (I7)."""
    machine.run(trip("car/model", "Sold Out"))
    machine.store.items[Key("car", "OFFER#Sold Out")]["capacity"] = 1  # type: ignore[attr-defined]
    assert machine.run(trip("car/model", "Sold Out")).error == "TripRolledBack"
    assert taken(items(machine)) == 0


def test_a_trip_without_an_id_gets_one_from_its_execution(machine: Machine) -> None:
    """An execution whose trip has no trip_id derives it from its own ARN, so that a retry finds the same trip."""
    request = trip(faults={"BeginSaga": {"error": "crash-after-write", "times": 2}})
    del request["trip_id"]
    assert machine.run(request).status == "SUCCEEDED"
    assert [item["status"] for key, item in items(machine).items() if key.entry == "TRIP"] == ["CONFIRMED"]
