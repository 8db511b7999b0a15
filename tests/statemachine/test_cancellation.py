"""The undo of a trip as it stands, through its real state machine."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from saga.trip import PARTICIPANTS
from tests.memory import MemoryStore
from tests.statemachine.machine import Machine
from tests.statemachine.schedules import EVER, Fault, Schedule, play, singles, tasks
from tests.statemachine.test_matrix import BUDGET, GOES_WELL, healed
from tests.statemachine.traveller import UNDO, asks
from tests.story import bookings, record, story
from tests.trips import OFFERS, TRIP, trip
from tools.invariants import violations

ID = {"trip_id": TRIP["trip_id"]}
CANCELS = ["CancelCar", "CancelFlight", "CancelHotel"]
ENDLESS = {"error": "TransientError"}


@pytest.fixture
def undo(machine: Machine, store: MemoryStore) -> Iterator[Machine]:
    """The cancellation machine; the promise holds when the test is over."""
    yield Machine(machine.store, "cancellation")
    assert violations(store.items) == []


def test_a_traveller_cancels_a_confirmed_trip(machine: Machine, undo: Machine, store: MemoryStore) -> None:
    """A trip that is CANCELLING is cancelled in reverse and ends CANCELLED, as the first undo of its log."""
    machine.run(trip())
    assert asks(store) == ("CANCELLING", [UNDO])
    assert violations(store.items) == []  # it is unfinished, and stands in the index
    run = undo.run(ID)
    assert run.status == "SUCCEEDED"
    assert run.states[2:] == [*CANCELS, "HasItEnded", "TripUndone"]
    assert record(store)["status"] == "CANCELLED"
    assert set(bookings(store).values()) == {"CANCELLED"}
    cancels = [f"{step} {kind}" for step in CANCELS for kind in ("START", "END")]
    assert story(store)[-8:] == ["Saga BEGIN", *cancels, "Saga END CANCELLED"]


def test_a_confirmed_trip_is_left_alone(machine: Machine, undo: Machine, store: MemoryStore) -> None:
    """An undo that nobody asked for finds a confirmed trip, writes nothing and succeeds (I8)."""
    machine.run(trip())
    before = deepcopy(store.items)
    assert undo.run(ID).states[-1] == "NothingToUndo"
    assert store.items == before
    assert story(store)[-1] == "Saga END CONFIRMED"


def test_an_ended_trip_is_left_alone(machine: Machine, undo: Machine, store: MemoryStore) -> None:
    """The undo of a trip that has ended writes nothing and succeeds."""
    machine.run(trip("car/model", "Sold Out"))
    before = deepcopy(store.items)
    assert undo.run(ID).states[-1] == "NothingToUndo"
    assert store.items == before
    assert story(store)[-1] == "Saga END ROLLED_BACK"


@pytest.mark.slow
@pytest.mark.parametrize("step", CANCELS)
def test_a_repair_does_what_is_owed(machine: Machine, undo: Machine, store: MemoryStore, step: str) -> None:
    """A trip that owes a cancel is repaired by an undo without the booking's faults, and reaches its goal."""
    machine.run(trip(faults={"BookCar": {"error": "SoldOut"}, step: ENDLESS}))
    assert record(store)["status"] == "NEEDS_ATTENTION"
    assert undo.run(ID).status == "SUCCEEDED"
    assert record(store)["status"] == "ROLLED_BACK"
    assert "owed" not in record(store)
    assert story(store)[-1] == "Saga END ROLLED_BACK"


@pytest.mark.slow
@pytest.mark.parametrize("step", CANCELS)
def test_a_repair_that_fails_still_needs_attention(
    machine: Machine, undo: Machine, store: MemoryStore, step: str
) -> None:
    """An undo whose cancel never works leaves the trip owing just that one, and can be run again."""
    machine.run(trip())
    asks(store)
    assert undo.run({**ID, "faults": {step: ENDLESS}}).error == "TripNeedsAttention"
    assert set(record(store)["owed"]) == {step.removeprefix("Cancel").lower()}
    assert undo.run(ID).status == "SUCCEEDED"
    assert record(store)["status"] == "CANCELLED"
    assert story(store)[-1] == "Saga END CANCELLED"


@pytest.mark.parametrize("request_", [[], None, {}, {"trip_id": "nobody"}, {"trip_id": 7}, {**ID, "owner": "ann"}])
def test_what_names_no_trip_is_refused(undo: Machine, store: MemoryStore, request_: Any) -> None:
    """An undo of anything but a trip ends in CancellationRefused, and nothing is written."""
    before = deepcopy(store.items)
    assert undo.run(request_).error == "CancellationRefused"
    assert store.items == before


@pytest.mark.slow
def test_an_end_that_never_works_needs_attention(machine: Machine, undo: Machine, store: MemoryStore) -> None:
    """If EndSaga uses up its retries, the undo ends in TripNeedsAttention; the next one ends the trip.

    A repair of a trip that owes a cancel is ended by EndSaga: its cancels take none for the last one.
    """
    machine.run(trip(faults={"BookCar": {"error": "SoldOut"}, "CancelCar": ENDLESS}))
    run = undo.run({**ID, "faults": {"EndSaga": ENDLESS}})
    assert (run.error, run.states[-2:]) == ("TripNeedsAttention", ["EndSaga", "TripNeedsAttention"])
    assert record(store)["status"] == "NEEDS_ATTENTION"
    assert undo.run(ID).status == "SUCCEEDED"
    assert record(store)["status"] == "ROLLED_BACK"
    assert story(store)[-1] == "Saga END ROLLED_BACK"


def owes_the_flight(machine: Machine, store: MemoryStore) -> None:
    """Let an undo end whose cancel of the flight has failed."""
    state = {"trip_id": ID["trip_id"], "saga_id": record(store)["saga_id"], "run": 1, "position": 7, "attempt": 0}
    owed = {"flight": {"Error": "TransientError"}}
    machine.invoke("EndSaga", state | {"step": "EndSaga", "owed": owed, "before": {}, "faults": {}})
    assert record(store)["status"] == "NEEDS_ATTENTION"


def checked_undo(machine: Machine, store: MemoryStore, fault: Fault) -> Schedule:
    """Play a fault on the undo of a booked trip that a traveller cancels, and insist on the promise.

    A trip that owes something is ended by EndSaga, so its faults meet the undo of such a trip.
    """
    store.items |= deepcopy(OFFERS)
    machine.definition = "booking"
    machine.run(GOES_WELL)
    assert asks(store) == ("CANCELLING", [UNDO])
    if fault.step == "EndSaga":
        owes_the_flight(machine, store)
    machine.definition = "cancellation"
    run, schedule = play(machine, ID, (fault,))
    found = violations(store.items) + healed(machine, store.items)
    ends = "TripNeedsAttention" if run.calls.count("EndSaga") > BUDGET else None
    if (fault.times < EVER or fault.step == "EndSaga") and run.error != ends:
        found.append(f"the undo ended {run.error}")
    assert not found, f"{fault}: {found}"
    return schedule


@pytest.mark.slow
@pytest.mark.parametrize("step", tasks("cancellation"))
def test_the_promise_survives_every_fault_of_an_undo(step: str, machine: Machine, record_property: Any) -> None:
    """Whatever one step of an undo meets, alone, the promise holds, then and after the next undo."""
    met = 0
    for fault in singles(step):
        machine.store = store = MemoryStore()
        met += len(checked_undo(machine, store, fault).met)
    record_property("schedules", met)
    record_property("unreachable", len(singles(step)) - met)


def test_the_cancels_are_those_of_the_booking() -> None:
    """Both machines undo in the same way: the same steps in the same order."""
    assert [step for step in tasks("cancellation") if step in tasks("booking")] == [*CANCELS, "EndSaga"]
    assert len(CANCELS) == len(PARTICIPANTS)
