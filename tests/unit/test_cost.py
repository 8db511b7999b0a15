"""What a trip costs, counted from its log as DynamoDB, Lambda and Step Functions count."""

from dataclasses import replace
from typing import Any

import pytest

from saga import lifecycle, log
from saga.errors import NotOffered, SoldOut
from saga.ports import Change, Desk, Key
from saga.trip import CANCELLED, CANCELLING, CONFIRMED, PARTICIPANTS
from tests.memory import MemoryStore
from tests.story import record, story
from tests.trips import TRIP, trip
from tests.unit.play import Play, parsed
from tools import cost
from tools.snapshot import Snapshot


def bill(store: MemoryStore) -> cost.Bill:
    """Count the one trip of a store, read as the tools read it."""
    bookings = {name: item for name in PARTICIPANTS if (item := _booking(store, name))}
    told = log.story(item for key, item in store.items.items() if key.table == log.TABLE)
    return cost.of(Snapshot(record(store), bookings, told))


def test_a_booked_trip_costs_what_the_services_count(play: Play, store: MemoryStore) -> None:
    """Five transitions, four calls and the announcement's, 30 write units of which five go to the indexes."""
    play.book_all()
    counted = bill(store)
    assert (counted.transitions, counted.calls, counted.writes, counted.reads, counted.events) == (5, 5, 30, 0, 1)
    assert story(store)[-1] == "Saga END CONFIRMED"


def test_a_rolled_back_trip_costs_nine_transitions(play: Play, store: MemoryStore) -> None:
    """A refusal at the car: three books, three cancels of which the last ends the trip, the choice, the last state."""
    store.items[Key("car", f"OFFER#{TRIP['car']['model']}")]["capacity"] = 0
    with pytest.raises(SoldOut):
        play.book_all()
    play.cancel_all()
    counted = bill(store)
    assert (counted.transitions, counted.calls, counted.writes, counted.reads) == (9, 8, 56, 2)
    assert story(store)[-1] == "Saga END ROLLED_BACK"


def test_a_cancelled_trip_costs_its_booking_and_its_undo(play: Play, store: MemoryStore) -> None:
    """The traveller's change and its undo make 34 write units: 4, the run's begin 4, three cancels 24, the end 2."""
    play.book_all()
    _cancel(play, store)
    counted = bill(store)
    assert (counted.transitions, counted.calls, counted.writes, counted.reads) == (5 + 7, 5 + 5, 30 + 34, 5)
    assert story(store)[-1] == f"Saga END {CANCELLED}"


def test_a_month_more_is_a_counter_more(desk: Desk, store: MemoryStore) -> None:
    """Nights in two months are two items: two write units more."""
    Play(desk, store, parsed(trip("hotel/check_in", "2099-02-28"))).begin().book("hotel")
    assert bill(store).writes == 4 + 8 + 2
    assert story(store) == ["Saga BEGIN", "BookHotel START", "BookHotel END"]


def test_a_second_attempt_costs_its_start(play: Play, store: MemoryStore) -> None:
    """The first attempt, which is in no log, counts as a call; the second one writes its START."""
    play.book("hotel", attempt=1)
    counted = bill(store)
    assert (counted.transitions, counted.calls, counted.writes) == (1 + 2, 1 + 2, 4 + 8 + 1)
    assert story(store) == ["Saga BEGIN", "BookHotel START", "BookHotel END"]


def test_a_late_booking_costs_a_tombstone_too(play: Play, store: MemoryStore) -> None:
    """A cancel that takes its book for failed tries the tombstone before it cancels what stands there."""
    play.book("hotel")
    replace(play, bookings={}).cancel("hotel")
    assert bill(store).writes == 4 + 8 + (6 + 8 + 3)
    assert story(store)[-1] == "CancelHotel END"


def test_an_offer_that_is_not_there_is_read_and_its_refusal_written(desk: Desk, store: MemoryStore) -> None:
    """No transaction is tried for what is not offered."""
    with pytest.raises(NotOffered):
        Play(desk, store, parsed(trip("hotel/name", "Nowhere"))).begin().book("hotel")
    counted = bill(store)
    assert (counted.writes, counted.reads) == (4 + 1, 0.5)
    assert story(store)[-1] == "BookHotel ABORT"


def test_what_is_owed_costs_an_end_of_its_own(play: Play, store: MemoryStore) -> None:
    """EndSaga reads the record and writes it with its entry: four transitions, 4 units and the indexes' 3."""
    play.book("hotel")
    before = bill(store)
    play.end({"hotel": "TransientError"})
    counted = bill(store)
    assert (counted.transitions - before.transitions, counted.calls - before.calls) == (4, 2)
    assert (counted.writes - before.writes, counted.reads - before.reads) == (7, 1)
    assert story(store)[-1] == "Saga ABORT NEEDS_ATTENTION"


def test_a_repair_pays_for_what_it_only_looks_at(play: Play, store: MemoryStore) -> None:
    """Of an undo that has ended, each cancel without an entry has read its booking and looked at the ledger."""
    play.book("hotel")
    replace(play, bookings={}).cancel("hotel")
    play.end({"hotel": "TransientError"})
    before = bill(store)
    lifecycle.begin_run(play.desk, play.trip.trip_id, "arn:undo")
    play.cancel_all(run=1).end(run=1)
    counted = bill(store)
    # The run's begin 4, two tombstones 12, the hotel's look at the ledger 1, the end 6.
    assert (counted.writes - before.writes, counted.reads - before.reads) == (4 + 12 + 1 + 6, 1 + 3 + 1)
    assert story(store)[-1] == "Saga END ROLLED_BACK"


def test_bills_add_up(play: Play, store: MemoryStore) -> None:
    """Two trips cost what each of them costs, item by item, and a sum is the sum of its items."""
    play.book_all()
    one = bill(store)
    assert (one + one).writes == 2 * one.writes
    assert (one + one).dollars == pytest.approx(2 * one.dollars)
    assert one.dollars == pytest.approx(sum(one.items.values()))
    assert one.items["state transitions"] == pytest.approx(5 * 0.000025)


def test_only_what_the_api_has_begun_made_a_request(play: Play, store: MemoryStore) -> None:
    """A trip that was posted is put by the API's call and then read: a request, a call and a read more."""
    play.book_all()
    before = bill(store)
    del record(store)["execution"]
    counted = bill(store)
    assert (before.requests, counted.requests) == (0, 1)
    assert (counted.calls - before.calls, counted.reads - before.reads, counted.writes) == (1, 1, before.writes)


def test_a_trip_without_a_record_costs_nothing() -> None:
    """What was refused at once has written nothing."""
    assert cost.of(Snapshot(None, {}, [])) == cost.Bill()


def _cancel(play: Play, store: MemoryStore) -> None:
    """Cancel the confirmed trip as its traveller does, and undo it."""
    facts = {"status": CANCELLING, "goal": CANCELLED, "unfinished": "0"}
    key = log.trip_key(play.trip.trip_id)
    store.write({"trip": Change(key, (CONFIRMED,), play.trip.saga_id, facts)})
    lifecycle.begin_run(play.desk, play.trip.trip_id, "arn:undo")
    replace(play, status=CANCELLING).cancel_all(run=1)


def _booking(store: MemoryStore, name: str) -> Any:
    return store.items.get(Key(name, f"TRIP#{TRIP['trip_id']}"))
