"""Faults on purpose: they meet a step's transaction, and only as often as the event says."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from saga import errors, faults
from saga.faults import FaultyStore, planned
from saga.ports import Desk, Key, Lost, Put, Take
from tests.memory import MemoryStore
from tests.story import bookings, record, story
from tests.unit.play import Play

BOOKING = Key("hotel", "TRIP#1")
START = Put(Key("saga-log", "1", "LOG#START"), {"kind": "START"})
DECISIVE = {"booking": Put(BOOKING, {"status": "BOOKED"}), "take": Take(Key("hotel", "TAKEN#Inn#2099-03"), ["d01"], 1)}
SECONDS_LEFT = 10


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch, store: MemoryStore) -> list[Any]:
    """What the fault did instead of dying and sleeping, and whether the booking stood by then."""
    seen: list[Any] = []
    monkeypatch.setattr(faults, "crash", lambda: seen.append(("crash", BOOKING in store.items)))
    monkeypatch.setattr(faults, "sleep", lambda seconds: seen.append((seconds, BOOKING in store.items)))
    return seen


@pytest.fixture
def failing(store: MemoryStore) -> Callable[..., FaultyStore]:
    """Make a store that has a fault."""
    return lambda **fault: FaultyStore(store, fault, SECONDS_LEFT)


def event(fault: Any, attempt: int = 0) -> dict[str, Any]:
    """An event that holds a fault for BookCar."""
    return {"step": "BookCar", "attempt": attempt, "faults": {"BookCar": fault}}


def test_a_fault_is_found_by_its_step() -> None:
    """A step meets the fault that the event holds for it, and no other step's."""
    fault = {"error": "SoldOut"}
    assert planned(event(fault)) == fault
    assert planned(event(fault) | {"step": "BookHotel"}) == {}


def test_begin_finds_its_fault_in_the_request() -> None:
    """BeginSaga's own fault stands in the raw request, for there is no state yet."""
    fault = {"error": "TransientError"}
    raw = {"step": "BeginSaga", "attempt": 0, "request": {"faults": {"BeginSaga": fault}}}
    assert planned(raw) == fault


@pytest.mark.parametrize("attempt", [0, 1, 2, 99])
def test_a_fault_without_times_is_always_met(attempt: int) -> None:
    """A fault that does not say how often meets every attempt."""
    assert planned(event({"error": "SoldOut"}, attempt))


@pytest.mark.parametrize(("attempt", "met"), [(0, True), (1, True), (2, False), (3, False)])
def test_times_count_attempts(attempt: int, met: bool) -> None:
    """A fault of two times meets the first two attempts."""
    assert bool(planned(event({"error": "SoldOut", "times": 2}, attempt))) is met


@pytest.mark.parametrize(
    "malformed",
    [
        {},
        {"request": None},
        {"request": "trip"},
        {"request": {"faults": []}},
        {"request": {"faults": {"BookCar": 7}}},
        {"faults": None},
        {"faults": {"BookCar": None}},
        {"faults": {"BookCar": "SoldOut"}},
        {"faults": {"BookCar": []}},
        {"faults": {"BookCar": {"times": "2"}}},
    ],
)
def test_what_is_malformed_is_no_fault(malformed: dict[str, Any]) -> None:
    """Nobody has checked a raw request yet, so what is no fault in it must not become one."""
    assert planned({"step": "BookCar", "attempt": 0} | malformed) == {}


@pytest.mark.parametrize("name", [*errors.REFUSALS, "TransientError"])
def test_an_error_comes_before_the_write(failing: Any, store: MemoryStore, name: str) -> None:
    """A refusal or a TransientError is raised under its own name, and nothing is written."""
    with pytest.raises(getattr(errors, name), match="a fault on purpose"):
        failing(error=name).write(DECISIVE)
    assert BOOKING not in store.items


def test_a_crash_before_the_write(failing: Any, seen: list[Any]) -> None:
    """crash-before-write dies before anything is written."""
    failing(error="crash-before-write").write(DECISIVE)
    assert seen[0] == ("crash", False)


def test_a_crash_after_the_write(failing: Any, seen: list[Any]) -> None:
    """crash-after-write dies when all is written and nothing is answered."""
    failing(error="crash-after-write").write(DECISIVE)
    assert seen[0] == ("crash", True)


def test_a_timeout_outlives_its_function(failing: Any, store: MemoryStore, seen: list[Any]) -> None:
    """Timeout sleeps past the function's own timeout and then writes, as a late write does."""
    failing(error="timeout").write(DECISIVE)
    assert seen[0] == (SECONDS_LEFT + 1, False)
    assert BOOKING in store.items


def test_a_delay_comes_after_the_write(failing: Any, seen: list[Any]) -> None:
    """delay_seconds sleeps once all is written, so that a half-made trip can be looked at."""
    failing(delay_seconds=5).write(DECISIVE)
    assert seen == [(5, True)]


def test_a_lost_write_stays_lost(failing: Any, store: MemoryStore, seen: list[Any]) -> None:
    """A fault hides no failed condition."""
    store.write(DECISIVE)
    with pytest.raises(Lost):
        failing(delay_seconds=5).write(DECISIVE)
    assert seen == [(5, True)]


@pytest.mark.parametrize("name", ["start", "outcome", "close"])
@pytest.mark.parametrize("error", ["SoldOut", "crash-before-write", "crash-after-write", "timeout"])
def test_what_stands_aside_meets_no_fault(
    failing: Any, store: MemoryStore, seen: list[Any], error: str, name: str
) -> None:
    """A START, an ABORT and the close of a trip alone are written all the same, as they are in real life."""
    failing(error=error, delay_seconds=5).write({name: START})
    assert store.get(START.key)
    assert seen == []


@pytest.mark.parametrize("names", [("trip",), ("begin",), ("outcome", "trip"), ("start", "booking"), ("close", "end")])
def test_all_else_meets_the_fault(failing: Any, store: MemoryStore, names: tuple[str, ...]) -> None:
    """Every other write is what the fault is for: a plain one too, and one that has such a write among others."""
    writes = {name: Put(Key("saga-log", "1", f"LOG#{name}"), {}) for name in names}
    with pytest.raises(errors.TransientError, match="a fault on purpose"):
        failing(error="TransientError").write(writes)
    assert not any(write.key in store.items for write in writes.values())


def test_reads_meet_no_fault(failing: Any, store: MemoryStore) -> None:
    """A store that fails to write reads as ever."""
    store.write(DECISIVE)
    assert failing(error="SoldOut").get(BOOKING) == store.get(BOOKING)


def test_a_crash_is_a_death(monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash reports nothing and cleans nothing up: the process is gone."""
    codes: list[int] = []
    monkeypatch.setattr("os._exit", codes.append)
    faults.crash()
    assert codes == [1]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("TransientError", ["BookHotel START"]),
        ("SoldOut", ["BookHotel START", "BookHotel ABORT"]),
    ],
)
def test_a_book_that_meets_a_fault_is_logged(play: Play, error: str, told: list[str]) -> None:
    """A retried book that fails on purpose has left its START, and a refusal on purpose its ABORT."""
    faulty = replace(play, desk=Desk(FaultyStore(play.store, {"error": error}, SECONDS_LEFT), play.desk.now))
    with pytest.raises(getattr(errors, error), match="a fault on purpose"):
        faulty.book("hotel", attempt=1)
    assert story(play.store) == ["Saga BEGIN", *told]


@pytest.mark.parametrize("error", ["TransientError", "SoldOut"])
def test_a_cancel_that_meets_a_fault_closes_the_trip(play: Play, error: str) -> None:
    """A failed book's cancel that fails on purpose has closed the trip and left its START, and nothing else."""
    faulty = replace(play, desk=Desk(FaultyStore(play.store, {"error": error}, SECONDS_LEFT), play.desk.now))
    with pytest.raises(getattr(errors, error), match="a fault on purpose"):
        faulty.cancel("hotel", attempt=1)
    assert (record(play.store)["status"], bookings(play.store)) == ("COMPENSATING", {})
    assert story(play.store) == ["Saga BEGIN", "CancelHotel START"]
