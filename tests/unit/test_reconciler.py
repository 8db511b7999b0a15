"""The reconciler: what nothing works on gets its undo, once; all else is left alone."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from saga import lifecycle, log
from saga.errors import TransientError
from saga.ports import Desk
from saga.reconciler import UNDOS, reconcile, start_undo
from saga.trip import Trip
from tests.memory import MemoryStore
from tests.story import record, story
from tests.trips import TRIP, trip
from tools.invariants import violations

ID = TRIP["trip_id"]
SAGA = Trip(ID, "ann", {name: trip()[name] for name in ("hotel", "flight", "car")})


@dataclass
class Executions:
    """Executions by their names, as the reconciler sees them."""

    statuses: dict[str, str] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)

    def booking(self, trip_id: str, _saga_id: str) -> str:
        return f"{trip_id}-booking"

    def cancellation(self, trip_id: str, run: int) -> str:
        return f"{trip_id}-c{run}"

    def status(self, arn: str) -> str | None:
        return self.statuses.get(arn)

    def start_booking(self, trip_id: str, _record: Any) -> bool:
        return self._start(self.booking(trip_id, ""))

    def start_cancellation(self, trip_id: str, run: int) -> bool:
        return self._start(self.cancellation(trip_id, run))

    def _start(self, arn: str) -> bool:
        if arn in self.statuses:
            return False
        self.statuses[arn] = "RUNNING"
        self.started.append(arn)
        return True


@pytest.fixture
def begun(desk: Desk, store: MemoryStore) -> MemoryStore:
    """A store with a trip that an execution has begun."""
    lifecycle.begin(desk, SAGA, "trip-1-by-hand")
    return store


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
@pytest.mark.parametrize("at", ["BOOKING", "COMPENSATING", "CANCELLING"])
def test_a_trip_that_nothing_works_on_is_undone(desk: Desk, begun: MemoryStore, at: str, status: str) -> None:
    """An unfinished trip whose execution died gets the undo of the next run."""
    record(begun)["status"] = at
    executions = Executions({"trip-1-by-hand": status})
    assert reconcile(desk, executions, ID) == "trip-1-c1"


def test_it_is_undone_once(desk: Desk, begun: MemoryStore) -> None:
    """However often the reconciler runs, one undo is started, as long as that one runs."""
    executions = Executions({"trip-1-by-hand": "FAILED"})
    for _ in range(3):
        reconcile(desk, executions, ID)
    assert executions.started == ["trip-1-c1"]
    assert story(begun) == ["Saga BEGIN"]


@pytest.mark.parametrize("running", ["trip-1-by-hand", "trip-1-booking", "by-somebody", "trip-1-c1"])
def test_a_trip_that_something_works_on_is_left_alone(desk: Desk, begun: MemoryStore, running: str) -> None:
    """While the booking, a counted undo or the next undo runs, nothing is started."""
    record(begun)["undo"] = "by-somebody"
    executions = Executions({"trip-1-by-hand": "FAILED", "by-somebody": "FAILED", running: "RUNNING"})
    assert reconcile(desk, executions, ID) is None
    assert executions.started == []


@pytest.mark.parametrize("status", ["CONFIRMED", "ROLLED_BACK", "CANCELLED", "NEEDS_ATTENTION"])
def test_a_trip_that_is_not_forgotten_is_left_alone(desk: Desk, begun: MemoryStore, status: str) -> None:
    """A confirmed trip, an ended one and one that is left to repair are not touched."""
    record(begun)["status"] = status
    executions = Executions({"trip-1-by-hand": "FAILED"})
    assert (reconcile(desk, executions, ID), executions.started) == (None, [])


def test_an_unknown_trip_is_none(desk: Desk) -> None:
    """There is nothing to do for a trip that there is not."""
    assert reconcile(desk, Executions(), "nobody") is None


def test_a_booking_that_never_began_is_started(desk: Desk, store: MemoryStore) -> None:
    """A trip that was recorded, but whose execution was never started, is booked under its name."""
    lifecycle.begin(desk, SAGA, None)
    executions = Executions()
    assert reconcile(desk, executions, ID) == "trip-1-booking"
    assert story(store) == ["Saga BEGIN"]


def test_taken_names_are_passed_over(desk: Desk, begun: MemoryStore) -> None:
    """An undo that died before it was counted has used up its name; the next number is taken."""
    executions = Executions({"trip-1-by-hand": "FAILED", "trip-1-c1": "FAILED"})
    assert reconcile(desk, executions, ID) == "trip-1-c2"
    assert begun.items[log.trip_key(ID)]["runs"] == 0


def test_taken_names_end() -> None:
    """If the names of ten undos are taken, that is told and not tried for ever."""
    with pytest.raises(TransientError):
        start_undo(Executions({f"trip-1-c{n}": "FAILED" for n in range(1, 11)}), ID, 1)


def test_undos_that_keep_dying_are_given_up(desk: Desk, begun: MemoryStore) -> None:
    """After three counted undos that died the trip NEEDS_ATTENTION and owes everything; no fourth one starts."""
    for run in range(UNDOS):
        lifecycle.begin_run(desk, ID, f"undo-{run}")
    executions = Executions({"trip-1-by-hand": "FAILED"})
    assert (reconcile(desk, executions, ID), executions.started) == (None, [])
    assert record(begun)["status"] == "NEEDS_ATTENTION"
    assert set(record(begun)["owed"]) == {"hotel", "flight", "car"}
    assert story(begun) == ["Saga BEGIN"] * 4 + ["Saga ABORT NEEDS_ATTENTION"]
    assert violations(begun.items) == []


def test_a_run_is_counted_once(desk: Desk, begun: MemoryStore) -> None:
    """An execution that begins its undo twice has one run; another execution has the next."""
    runs = [lifecycle.begin_run(desk, ID, execution)["runs"] for execution in ("one", "one", "two")]
    assert runs == [1, 1, 2]
    assert story(begun) == ["Saga BEGIN"] * 3


def test_a_run_loses_its_number_to_another(desk: Desk, begun: MemoryStore) -> None:
    """Of two undos that begin at once, the one that comes second takes the next number."""
    reads = begun.get
    overtaken = []

    def get(key: Any, *, consistent: bool = True) -> Any:
        found = reads(key, consistent=consistent)
        if not overtaken:
            overtaken.append(True)
            lifecycle.begin_run(desk, ID, "other")
        return found

    begun.get = get  # type: ignore[method-assign]
    assert lifecycle.begin_run(desk, ID, "mine")["runs"] == 2


@pytest.mark.parametrize("status", ["CONFIRMED", "ROLLED_BACK", "CANCELLED"])
def test_a_settled_trip_has_no_undo(desk: Desk, begun: MemoryStore, status: str) -> None:
    """The undo of a trip that is confirmed or has ended is not counted, and nothing is logged."""
    record(begun)["status"] = status
    assert lifecycle.begin_run(desk, ID, "undo")["runs"] == 0
    assert story(begun) == ["Saga BEGIN"]
