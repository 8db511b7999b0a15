"""Two who drive one saga at once: two executions under two names, an undo by mistake, a traveller's DELETE.

One runs up to each of its calls, then the other runs: wholly, or up to a call of its own, so that both are half way.
"""

from collections.abc import Callable
from copy import deepcopy
from itertools import count
from typing import Any

import pytest

from saga.errors import UnknownTrip
from saga.ports import Store
from saga.trip import CANCELLED, ENDED, ROLLED_BACK
from tests.executions import FAILED, Executions
from tests.memory import MemoryStore
from tests.slow import Slow
from tests.statemachine.crossing import Crossing
from tests.statemachine.machine import Machine
from tests.statemachine.schedules import EVER, Fault, Visit, play, telling
from tests.statemachine.test_matrix import GOES_WELL, RECORD, STEPS, breaches, healed, request_for
from tests.statemachine.traveller import UNDO, Running, asks
from tests.story import bookings, record, story
from tests.trips import OFFERS, TRIP, trip
from tools.invariants import violations

pytestmark = pytest.mark.slow

ID = {"trip_id": TRIP["trip_id"]}
LIKELY = [Fault("BookHotel", "error", EVER)] + [
    Fault(step, kind, EVER, int(kind == "killed-after"))
    for step in ("BookHotel", "BookFlight", "BookCar")
    for kind in ("refused", "killed-after", "late-undone")
]
"""Faults that send a saga each way: refused, booked without knowing it, and booked when nobody expects it any more."""

Act = Callable[[Store, Any], list[str]]
"""What somebody else does to the saga of a request, wholly; it tells what it has broken."""


def offering() -> MemoryStore:
    """Return a store in memory that offers something."""
    store = MemoryStore()
    store.items |= deepcopy(OFFERS)
    return store


def whole(faults: tuple[Fault, ...], firsts: tuple[Fault, ...]) -> Act:
    """Start the saga once more, under a name of its own, and let it meet faults; `firsts` are the first execution's."""

    def act(store: Store, request: Any) -> list[str]:
        run, _ = play(Machine(store), request, faults)
        return breaches(run, held(store), request, faults + firsts)

    return act


def undo(store: Store, _request: Any) -> list[str]:
    """Start an undo of the trip, as a reconciler does that is mistaken."""
    Machine(store, "cancellation").run(ID)
    return violations(held(store))


def delete(store: Store, _request: Any) -> list[str]:
    """Let the traveller cancel the trip; its undo runs at once."""
    try:
        asks(store, Running(store=store))
    except UnknownTrip:
        return [] if RECORD not in held(store) else ["the traveller's own trip is unknown"]
    return violations(held(store))


def held(store: Any) -> dict[Any, Any]:
    """Return what the tables hold."""
    items: dict[Any, Any] = getattr(store, "store", store).items
    return items


def visited(machine: Machine, request: Any, faults: tuple[Fault, ...], other: Act, others: Any = ()) -> int:
    """Play a saga once for each of its calls, with another's act before it; return how often. Insist on the promise.

    `others` are the faults that the other meets.
    """
    for at in count():
        machine.store = store = offering()
        found: list[str] = []
        visit = Visit(at, lambda store=store, found=found: found.extend(other(store, request)))  # type: ignore[misc]
        run, _ = play(machine, request, faults, visit)
        undone = other in (undo, delete)
        found += violations(store.items) if undone else breaches(run, store.items, request, (*faults, *others))
        found += healed(machine, store.items)
        if other is delete and at and visit.acted and record(store)["status"] not in ENDED:
            found.append(f"the traveller has cancelled it, the trip is {record(store)['status']}")
        assert not found, f"{[str(fault) for fault in faults]}, the other before call {at}: {found}"
        if not visit.acted:
            return at
    raise AssertionError


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("whose", ["first", "second"])
def test_a_second_execution_keeps_the_promise(machine: Machine, step: str, whose: str, record_property: Any) -> None:
    """Whatever a step of either execution meets, a second one that runs before any call of the first breaks nothing."""
    played = 0
    for fault in telling(step):
        mine, others = ((fault,), ()) if whose == "first" else ((), (fault,))
        played += visited(machine, request_for((fault,)), mine, whole(others, mine), others)
    record_property("schedules", played)


@pytest.mark.parametrize("other", [undo, delete])
def test_an_undo_meanwhile_keeps_the_promise(machine: Machine, other: Act, record_property: Any) -> None:
    """An undo that is started by mistake, or by the traveller's DELETE, before any call of a booking breaks nothing."""
    played = visited(machine, GOES_WELL, (), other)
    for fault in LIKELY:
        played += visited(machine, request_for((fault,)), (fault,), other)
    record_property("schedules", played)


@pytest.mark.parametrize("fault", [None, *LIKELY], ids=str)
@pytest.mark.parametrize("definition", ["booking", "cancellation"])
def test_two_that_are_both_half_way_keep_the_promise(
    machine: Machine, fault: Fault | None, definition: str, record_property: Any
) -> None:
    """A booking stands still at each call while another execution runs up to each of its own, and then both go on."""
    faults = (fault,) if fault else ()
    request = request_for(faults)
    played = 0
    for first in count():
        for second in count(1):
            machine.store = store = offering()
            crossing = Crossing(machine, faults, first, second)
            run, other = crossing.run(request, Machine(store, definition), request if definition == "booking" else ID)
            found = violations(store.items) + healed(machine, store.items)
            if not fault and definition == "booking" and (run.error, other and other.error) != (None, None):
                found.append(f"without a fault they ended {run.error} and {other and other.error}")
            assert not found, f"the first before call {first}, the other before {second}: {found}"
            played += crossing.both
            if not crossing.both:
                break
        if not crossing.met:
            break
    record_property("schedules", played)


def test_one_dies_at_its_first_book_while_the_other_books_on(machine: Machine, store: MemoryStore) -> None:
    """A dies at BookHotel while B is between BookFlight and BookCar: no booking stays under a trip that has ended."""
    ended = []

    def dies() -> None:
        ended.append(play(Machine(store), trip(), (Fault("BookHotel", "error", EVER),))[0])
        assert violations(store.items) == []

    run, _ = play(machine, trip(), (), Visit(3, dies))
    assert [run.error, *(other.error for other in ended)] == ["TripRolledBack", "TripRolledBack"]
    assert ended[0].calls[-6:] == ["CancelHotel", "EndSaga", "CancelCar", "CancelFlight", "CancelHotel", "EndSaga"]
    assert (record(store)["status"], set(bookings(store).values())) == ("ROLLED_BACK", {"CANCELLED"})
    assert violations(store.items) == []
    assert story(store)[-1] == "Saga END ROLLED_BACK"


def test_a_trip_that_owes_is_not_ended_by_a_new_execution(machine: Machine, store: MemoryStore) -> None:
    """A trip owes its flight, and its input is started again: BookHotel is refused, and the flight is cancelled."""
    request = trip(faults={"BookCar": {"error": "SoldOut"}, "CancelFlight": {"error": "TransientError"}})
    assert machine.run(request).error == "TripNeedsAttention"
    assert (record(store)["owed"], bookings(store)["flight"]) == ({"flight": "TransientError"}, "BOOKED")
    again = machine.run(trip())
    assert (again.error, again.calls[:4]) == (
        "TripRolledBack",
        ["BeginSaga", "BookHotel", "CancelHotel", "EndSaga"],
    )
    assert set(bookings(store).values()) == {"CANCELLED"}
    assert "owed" not in record(store)
    assert violations(store.items) == []
    assert story(store)[-1] == "Saga END ROLLED_BACK"


def test_a_slow_delete_loses_no_trip(machine: Machine, record_property: Any) -> None:
    """A DELETE that has read the trip before any call of its booking, and writes at any later one, ends the trip."""
    played = 0
    for read in range(2, 5):
        for wrote in range(read, 6):
            machine.store = store = offering()
            asking = _Asking(store, read, wrote)
            run, _ = play(machine, GOES_WELL, (), asking)
            asking.finish()
            assert violations(store.items) == [], f"read before call {read}, wrote before call {wrote}"
            assert record(store)["status"] == (ROLLED_BACK if wrote < 4 else CANCELLED)
            assert (run.error is None) == (wrote >= 4)
            assert story(store)[-1] == f"Saga END {record(store)['status']}"
            played += 1
    record_property("schedules", played)


class _Asking:
    """A traveller who reads the record of the trip before one call of its booking, and writes before another one."""

    def __init__(self, store: MemoryStore, read: int, wrote: int) -> None:
        self._store, self._read = store, read
        self._slow = Slow(store, None)
        self._calls, self._wrote, self._asked = 0, wrote, False

    def __call__(self, _name: str, _event: Any) -> None:
        if self._calls == self._read:
            self._slow.earlier = deepcopy(self._store.items[RECORD])
        if self._calls == self._wrote:
            self.finish()
        self._calls += 1

    def finish(self) -> None:
        if not self._asked:
            self._asked = True
            asks(self._slow, Running(store=self._store))


def test_a_delete_during_the_undo_starts_no_other(machine: Machine, store: MemoryStore) -> None:
    """However often a traveller asks while the undo runs, that one is all that is started."""
    machine.run(GOES_WELL)
    seen = Executions()
    answers = [asks(store, seen)[0]]
    undoing = Machine(
        store, "cancellation", lambda _name, _event, call: (answers.append(asks(store, seen)[0]), call())[1]
    )
    assert undoing.run(ID).status == "SUCCEEDED"
    assert answers == ["CANCELLING"] * 5  # once, and before each of four calls
    assert asks(store, seen) == ("CANCELLED", [UNDO])
    assert story(store)[-1] == "Saga END CANCELLED"
    assert violations(store.items) == []


def test_a_delete_after_an_undo_that_died_starts_the_next(machine: Machine, store: MemoryStore) -> None:
    """A trip that is CANCELLING and whose undo has died gets another one from the traveller who asks again."""
    machine.run(GOES_WELL)
    seen = Executions()
    asks(store, seen)
    seen.statuses[UNDO] = FAILED
    assert asks(store, seen) == ("CANCELLING", [UNDO, f"{TRIP['trip_id']}-c2"])
    assert Machine(store, "cancellation").run(ID).status == "SUCCEEDED"
    assert record(store)["status"] in ENDED
    assert story(store)[-1] == "Saga END CANCELLED"
    assert violations(store.items) == []
