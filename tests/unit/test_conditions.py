"""Single facts of the protocol that a change of one word would break, and no story would tell."""

from typing import Any

import pytest

from handlers import api, reconcile
from saga import faults, lifecycle, log, reconciler, wiring
from saga.errors import InvalidTrip, TransientError
from saga.faults import FaultyStore
from saga.ports import Desk, Key, Put
from tests.executions import Executions
from tests.memory import MemoryStore
from tests.story import TRIP_ID, record
from tests.trips import CONTEXT
from tests.unit.play import Play


def lines(store: MemoryStore) -> list[dict[str, Any]]:
    """The lines of the trip's story, whole."""
    return log.story(item for key, item in store.items.items() if key.table == log.TABLE and key.id == TRIP_ID)


@pytest.fixture
def ended(play: Play) -> Play:
    """A trip that has rolled back."""
    play.book("hotel")
    play.cancel_all()
    assert record(play.store)["status"] == "ROLLED_BACK"
    return play


def test_a_trip_taken_back_says_when_and_what_it_owes(desk: Desk, ended: Play) -> None:
    """The record of a trip that is taken back from its end has moved, and its log says what is owed."""
    before = record(ended.store)["updated"]
    lifecycle.reopen(desk, record(ended.store), {"hotel"})
    assert record(ended.store)["updated"] > before
    told = lines(ended.store)[-1]
    assert (told["kind"], told["owed"], told["at"]) == (
        "ABORT",
        {"hotel": "StillBooked"},
        record(ended.store)["updated"],
    )


def test_a_booking_started_by_another_is_not_told_as_ours(desk: Desk, store: MemoryStore) -> None:
    """A sweep that loses the start of a booking to somebody else says that it has started nothing."""

    class Late(Executions):
        def start_booking(self, _trip_id: str, _record: Any) -> bool:
            return False

    Play(desk, store).begin()
    record(store).pop("execution")
    assert reconciler.reconcile(desk, Late(), TRIP_ID) is None


def test_a_sweep_counts_what_it_did(monkeypatch: pytest.MonkeyPatch, store: MemoryStore) -> None:
    """The line of a sweep says how many executions it started and for how many trips it failed."""
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(reconcile.telemetry, "add", lambda **facts: told.append(facts))
    monkeypatch.setattr(reconcile, "_trips", lambda _event: ["good", "better", "bad"])
    monkeypatch.setattr(wiring, "_store", lambda: store)
    monkeypatch.setattr(wiring, "executions", Executions)

    def look(_desk: Any, _executions: Any, trip_id: str) -> str:
        if trip_id == "bad":
            raise TransientError(trip_id)
        return "arn"

    monkeypatch.setattr(reconcile, "reconcile_trip", look)
    with pytest.raises(TransientError):
        reconcile.reconcile({}, CONTEXT)
    assert told == [{"started": 2, "failed": 1}]


def test_a_fault_without_delay_waits_for_nothing(monkeypatch: pytest.MonkeyPatch, store: MemoryStore) -> None:
    """A fault sleeps as long as it says, and not at all where it says nothing."""
    slept: list[float] = []
    monkeypatch.setattr(faults.time, "sleep", slept.append)
    for number, fault in enumerate([{"delay_seconds": 3}, {}]):
        FaultyStore(store, fault, 10).write({"booking": Put(Key("hotel", f"TRIP#{number}"), {})})
    assert slept == [3, 0]


def test_a_parameter_is_told_by_its_beginning() -> None:
    """An unknown parameter of a query is named by at most fifty characters."""
    with pytest.raises(InvalidTrip) as raised:
        api.get_all({"queryStringParameters": {"x" * 60: ""}}, "ann", CONTEXT)
    (problem,) = raised.value.problems
    assert problem.pointer == f"/query/{'x' * 50}"
