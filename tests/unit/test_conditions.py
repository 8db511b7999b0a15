"""Single facts of the protocol that a change of one word would break, and no story would tell."""

from types import SimpleNamespace
from typing import Any

import pytest

from handlers import api, reconcile
from saga import faults, lifecycle, log, reconciler, wiring
from saga.booking import full_day
from saga.errors import InvalidTrip, TransientError
from saga.faults import FaultyStore
from saga.listing import Listing
from saga.ports import Desk, Key, Put, Take
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


@pytest.mark.parametrize(
    ("name", "standing", "capacity", "day"),
    [
        ("take Room #7#2099-03", {"d01": 1, "d02": 1}, 1, "2099-03-01"),
        ("take Inn#2099-03", {"d02": 1}, 1, "2099-03-02"),
        ("take Inn#2099-03", None, 0, "2099-03-01"),
        ("take Inn#2099-03", {"d01": 1}, 2, "2099-03-01"),
    ],
    ids=["an offer with a # in its name", "a later day", "nothing taken", "given back meanwhile"],
)
def test_a_refusal_names_the_first_full_day(
    name: str, standing: dict[str, int] | None, capacity: int, day: str
) -> None:
    """The first day at its capacity is named; where none is any more, the first day of the booking."""
    take = Take(Key("hotel", "TAKEN#Inn#2099-03"), ["d01", "d02"], capacity)
    assert full_day({name: standing}, {"take Other#2099-02": take, name: take}) == day


def test_a_fault_reads_as_the_step_asked() -> None:
    """A store with a fault reads what stands, or what may be a minute old, as it is asked, and what stands unasked."""
    asked: list[bool] = []
    store: Any = SimpleNamespace(get=lambda _key, *, consistent: asked.append(consistent))
    for how in ({}, {"consistent": True}, {"consistent": False}):
        FaultyStore(store, {}, 10).get(Key("hotel", "OFFER#Inn"), **how)
    assert asked == [True, True, False]


def listing(*trips: str) -> Listing:
    """A list whose one shard has trips of one moment, in this order."""
    items = [{"trip_id": {"S": name}, "created": {"S": "2099-01-01"}} for name in trips]

    def paginate(**query: Any) -> list[Any]:
        return [{"Items": items if query["ExpressionAttributeValues"][":value"]["S"] == "0" else []}]

    return Listing(SimpleNamespace(get_paginator=lambda _call: SimpleNamespace(paginate=paginate)), "stage")


def test_trips_of_one_moment_are_listed_by_their_ids() -> None:
    """Whatever order the index has trips of one moment in, the list has that of their ids, so that a page ends."""
    trips, after = listing("b", "c", "a").newest(10, None, None)
    assert [trip["trip_id"] for trip in trips] == ["c", "b", "a"]
    assert after is None


def test_a_last_page_that_is_full_is_the_last() -> None:
    """A page that holds just all trips that are left has nothing behind it; one that leaves a trip out has."""
    assert listing("a", "b").newest(2, None, None)[1] is None
    assert listing("a", "b").newest(1, None, None)[1] is not None
