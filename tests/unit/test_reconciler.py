"""The reconciler: what nothing works on gets its undo, once; all else is left alone."""

from typing import Any

import pytest

from saga import lifecycle
from saga.errors import TransientError
from saga.ports import Desk
from saga.reconciler import UNDOS, reconcile, start_undo
from saga.trip import Trip
from tests.executions import FAILED, RUNNING, Executions
from tests.memory import MemoryStore
from tests.story import record, story
from tests.trips import TRIP, trip
from tests.unit.play import Play
from tools.invariants import violations

ID = TRIP["trip_id"]
SAGA = Trip(ID, "ann", {name: trip()[name] for name in ("hotel", "flight", "car")})


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
    assert record(begun)["undos"] == 1
    assert story(begun) == ["Saga BEGIN"]


@pytest.mark.parametrize("running", ["trip-1-by-hand", "trip-1-booking", "by-somebody", "trip-1-c1", "trip-1-c2"])
def test_a_trip_that_something_works_on_is_left_alone(desk: Desk, begun: MemoryStore, running: str) -> None:
    """While the booking, the undo that began last, the one started last or the next one runs, nothing is started."""
    record(begun).update(undo="by-somebody", undos=1)
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
    """An undo that died before it was counted has used up its name; the next number is taken, and kept."""
    executions = Executions({"trip-1-by-hand": FAILED, "trip-1-c1": FAILED})
    assert reconcile(desk, executions, ID) == "trip-1-c2"
    assert (record(begun)["runs"], record(begun)["undos"]) == (0, 2)
    assert story(begun) == ["Saga BEGIN"]


def test_an_undo_that_runs_already_is_kept_in_mind(desk: Desk, begun: MemoryStore) -> None:
    """If another one has started the next undo, nothing is started beside it, and its number is kept."""
    executions = Executions({"trip-1-by-hand": FAILED, "trip-1-c1": FAILED, "trip-1-c2": RUNNING})
    assert start_undo(desk, executions, record(begun) | {"trip_id": ID}) is None
    assert (executions.started, record(begun)["undos"]) == ([], 2)
    assert story(begun) == ["Saga BEGIN"]


def test_a_trip_that_ends_meanwhile_keeps_no_number(desk: Desk, begun: MemoryStore) -> None:
    """An undo that ends the trip before its number is kept needs none: the ended record stays as it is."""
    before = record(begun) | {"trip_id": ID}
    record(begun)["status"] = "ROLLED_BACK"
    assert start_undo(desk, Executions(), before) == "trip-1-c1"
    assert "undos" not in record(begun)


def dying(desk: Desk, executions: Executions) -> list[str | None]:
    """Reconcile over and over, each undo dying before it is counted, until no more is started."""
    started = [reconcile(desk, executions, ID)]
    while started[-1]:
        executions.statuses[started[-1]] = FAILED
        started.append(reconcile(desk, executions, ID))
    return started


def test_undos_that_die_before_they_are_counted_are_bounded(desk: Desk, begun: MemoryStore) -> None:
    """After three undos that died uncounted the trip NEEDS_ATTENTION, owing everything with the reason; none starts."""
    executions = Executions({"trip-1-by-hand": FAILED})
    assert dying(desk, executions) == ["trip-1-c1", "trip-1-c2", "trip-1-c3", None]
    assert record(begun)["status"] == "NEEDS_ATTENTION"
    assert record(begun)["owed"] == dict.fromkeys(("hotel", "flight", "car"), "UndoDied")
    assert record(begun)["runs"] == 0
    assert story(begun) == ["Saga BEGIN", "Saga ABORT NEEDS_ATTENTION"]
    assert violations(begun.items) == []


def test_names_of_undos_never_run_out(desk: Desk, begun: MemoryStore) -> None:
    """With the names of twenty uncounted undos taken, a repair finds the next one: each call goes on from the last."""
    executions = Executions({"trip-1-by-hand": FAILED, **{f"trip-1-c{n}": FAILED for n in range(1, 21)}})
    assert reconcile(desk, executions, ID) is None
    assert record(begun)["status"] == "NEEDS_ATTENTION"
    kept, found = [record(begun)["undos"]], None
    while not found:
        try:
            found = start_undo(desk, executions, record(begun) | {"trip_id": ID}, most=None)
        except TransientError:
            assert record(begun)["undos"] == kept[-1] + 10
        kept.append(record(begun)["undos"])
    assert (found, executions.started) == ("trip-1-c21", ["trip-1-c21"])
    assert kept == [UNDOS, 13, 21]
    assert story(begun) == ["Saga BEGIN", "Saga ABORT NEEDS_ATTENTION"]


def test_taken_names_end(desk: Desk, begun: MemoryStore) -> None:
    """If the names of ten undos are taken, that is told and not tried for ever."""
    executions = Executions({f"trip-1-c{n}": FAILED for n in range(1, 30)})
    with pytest.raises(TransientError, match="the names of its undos up to 10 are taken; the next start goes on"):
        start_undo(desk, executions, record(begun) | {"trip_id": ID}, most=None)
    assert record(begun)["undos"] == 10


def test_undos_that_keep_dying_are_given_up(desk: Desk, begun: MemoryStore) -> None:
    """After three counted undos that died the trip NEEDS_ATTENTION and owes everything; no fourth one starts."""
    for run in range(UNDOS):
        lifecycle.begin_run(desk, ID, f"undo-{run}")
    executions = Executions({"trip-1-by-hand": FAILED})
    assert (reconcile(desk, executions, ID), executions.started) == (None, [])
    assert record(begun)["status"] == "NEEDS_ATTENTION"
    assert record(begun)["owed"] == dict.fromkeys(("hotel", "flight", "car"), "UndoDied")
    assert story(begun) == ["Saga BEGIN"] * 4 + ["Saga ABORT NEEDS_ATTENTION"]
    assert violations(begun.items) == []


def test_a_trip_that_is_booked_meanwhile_is_not_given_up(desk: Desk, store: MemoryStore) -> None:
    """If the last book lands before the undos are given up, the trip stays CONFIRMED (I8)."""
    play = Play(desk, store).begin()
    before = record(store) | {"undos": UNDOS, "trip_id": ID}
    play.book_all()
    assert start_undo(desk, Executions(), before) is None
    assert record(store)["status"] == "CONFIRMED"
    assert story(store)[-1] == "Saga END CONFIRMED"
    assert violations(store.items) == []


def test_a_booking_is_not_started_again_after_an_undo(desk: Desk, store: MemoryStore) -> None:
    """A trip whose booking nobody can see any more, but whose undo was started once, is undone and not booked."""
    lifecycle.begin(desk, SAGA, None)
    record(store)["undos"] = 1
    executions = Executions({"trip-1-c1": FAILED})
    assert reconcile(desk, executions, ID) == "trip-1-c2"
    assert story(store) == ["Saga BEGIN"]


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
