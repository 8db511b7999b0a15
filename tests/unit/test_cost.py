"""What a trip costs, counted from its log as DynamoDB, Lambda and Step Functions count."""

from typing import Any

import pytest

from saga.errors import SoldOut
from saga.log import TABLE
from saga.ports import Key
from saga.trip import OPERATOR, PARTICIPANTS
from tests.memory import MemoryStore
from tests.story import record, story
from tests.trips import TRIP
from tests.unit.play import Play
from tools import cost
from tools.snapshot import Snapshot


def snapshot(store: MemoryStore) -> Snapshot:
    """Read the one trip of a store as the tools do."""
    bookings = {name: item for name in PARTICIPANTS if (item := _booking(store, name))}
    entries = sorted((key.entry, item) for key, item in store.items.items() if key.table == TABLE)
    return Snapshot(record(store), bookings, [item for entry, item in entries if entry != "TRIP"])


def test_a_booked_trip_costs_what_the_services_count(play: Play, store: MemoryStore) -> None:
    """Five transitions, four calls and the announcement's, 49 write units of which six go to the indexes."""
    bill = cost.of(snapshot(play.book_all().store))
    assert (bill.transitions, bill.calls, bill.writes, bill.reads, bill.events) == (5, 5, 49, 1.5, 1)
    assert story(store)[-1] == "Saga END CONFIRMED"


def test_a_rolled_back_trip_costs_ten_transitions(play: Play, store: MemoryStore) -> None:
    """A refusal at the car: three books, three cancels, the end, its choice, the last state."""
    store.items[Key("car", f"OFFER#{TRIP['car']['model']}")]["capacity"] = 0
    with pytest.raises(SoldOut):
        play.book_all()
    play.cancel_all().end()
    bill = cost.of(snapshot(store))
    assert (bill.transitions, bill.calls, bill.writes, bill.reads) == (10, 9, 88, 1.5)
    assert story(store)[-1] == "Saga END ROLLED_BACK"


def test_bills_add_up(play: Play) -> None:
    """Two trips cost what each of them costs, item by item, and a sum is the sum of its items."""
    one = cost.of(snapshot(play.book_all().store))
    assert (one + one).writes == 2 * one.writes
    assert (one + one).dollars == pytest.approx(2 * one.dollars)
    assert one.dollars == pytest.approx(sum(one.items.values()))
    assert one.items["state transitions"] == pytest.approx(5 * 0.000025)


def test_an_operators_trip_made_no_request(play: Play, store: MemoryStore) -> None:
    """Only a traveller's trip came in by the API."""
    play.book_all()
    assert cost.of(snapshot(store)).requests == 1
    record(store)["owner"] = OPERATOR
    assert cost.of(snapshot(store)).requests == 0


def _booking(store: MemoryStore, name: str) -> Any:
    found = [i for key, i in store.items.items() if (key.table, key.id) == (name, f"TRIP#{TRIP['trip_id']}")]
    return found[0] if found else None
