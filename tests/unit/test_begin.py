"""Where a saga and its undos begin: once each, whoever asks again."""

from copy import deepcopy
from itertools import cycle, repeat
from typing import Any

import pytest

from saga import lifecycle, log
from saga.errors import InvalidTrip, TransientError, TripClosed, TripConflict
from saga.ports import Desk, Key, Put
from tests.memory import MemoryStore
from tests.story import record, story
from tests.trips import trip
from tests.unit.play import Interrupted, Play, parsed

UNDOING = ["COMPENSATING", "CANCELLING", "NEEDS_ATTENTION"]


def test_begin_puts_the_trip(play: Play, store: MemoryStore) -> None:
    """A saga begins with a record that says whose trip it is, what was asked, and which execution books it."""
    expected = {
        "status": "BOOKING",
        "owner": "ann",
        "saga_id": play.trip.saga_id,
        "fingerprint": play.trip.fingerprint,
        "request": play.trip.request,
        "runs": 0,
        "execution": "arn:execution",
    }
    assert record(store).items() >= expected.items()
    assert story(store) == ["Saga BEGIN"]


def test_begin_puts_the_trip_into_the_indexes(play: Play) -> None:
    """A new trip is unfinished, on one of eight shards, created and updated now."""
    begun = record(play.store)
    assert begun["unfinished"] == begun["shard"]
    assert begun["shard"] in {str(shard) for shard in range(lifecycle.SHARDS)}
    assert begun["created"] == begun["updated"] == "2099-01-01T12:00:00.000+00:00"


def test_trips_spread_over_eight_shards(desk: Desk) -> None:
    """Trips are on eight shards, and a trip is on the same one in every process and release."""
    begun = [lifecycle.begin(desk, parsed(trip(trip_id=f"trip-{number}")), None)["shard"] for number in range(60)]
    assert set(begun) == set("01234567")
    assert begun[1] == "2"


def test_a_trip_without_an_execution_says_none(desk: Desk, store: MemoryStore) -> None:
    """A trip that is begun before its execution has no execution in its record."""
    lifecycle.begin(desk, parsed(trip()), None)
    assert "execution" not in record(store)


@pytest.mark.parametrize("status", ["BOOKING", "CONFIRMED", "COMPENSATING", "ROLLED_BACK", "NEEDS_ATTENTION"])
def test_begin_again_changes_nothing(play: Play, store: MemoryStore, status: str) -> None:
    """The same request again succeeds, whatever its trip has become, and writes nothing."""
    record(store)["status"] = status
    before = deepcopy(store.items)
    lifecycle.begin(play.desk, play.trip, "arn:another-execution")
    assert store.items == before


@pytest.mark.parametrize(
    ("request_", "owner"),
    [
        (trip(), "eve"),
        (trip("hotel/name", "Elsewhere"), "ann"),
        (trip("car/drop_off", "2099-03-05"), "ann"),
        (trip("flight/depart", "Paris"), "ann"),
    ],
)
def test_a_trip_id_belongs_to_one_saga(play: Play, store: MemoryStore, request_: dict[str, object], owner: str) -> None:
    """Another owner or another request under the same trip_id is a conflict, and not one item changes."""
    before = deepcopy(store.items)
    with pytest.raises(TripConflict, match=r"^trip trip-1 belongs to another saga$"):
        lifecycle.begin(play.desk, parsed(request_, owner), "arn:execution")
    assert store.items == before


def test_begin_tells_the_record(desk: Desk, store: MemoryStore) -> None:
    """Who begins a trip gets its record without a read, whether it is new or has moved on meanwhile."""
    begun = lifecycle.begin(desk, parsed(trip()), None)
    assert record(store).items() >= begun.items()
    assert begun["status"] == "BOOKING"
    record(store)["status"] = "CONFIRMED"
    assert lifecycle.begin(desk, parsed(trip()), None)["status"] == "CONFIRMED"


def test_begin_is_one_write(desk: Desk, store: MemoryStore) -> None:
    """A saga begins with one plain put and no transaction: the record itself is the BEGIN of its log."""
    seen: list[Any] = []
    watched = Interrupted(store, {"begin": repeat(lambda: None)}, seen.append)
    lifecycle.begin(Desk(watched, desk.now), parsed(trip()), None)
    assert [[type(write) for write in writes.values()] for writes in seen] == [[Put]]
    assert {key.entry for key in store.items if key.table == log.TABLE} == {"TRIP"}
    assert story(store) == ["Saga BEGIN"]


def test_find_reads_only(play: Play, store: MemoryStore) -> None:
    """A saga that somebody has begun is found by its trip_id and its saga_id, and nothing is written."""
    before = deepcopy(store.items)
    assert lifecycle.find(play.desk, "trip-1", play.trip.saga_id) == record(store)
    assert store.items == before


def test_find_needs_a_trip(desk: Desk) -> None:
    """Where no trip has begun there is nothing to find: an InvalidTrip at its id."""
    with pytest.raises(InvalidTrip, match=r"^/trip_id: expected the id of a trip that has begun$"):
        lifecycle.find(desk, "trip-1", "any")


def test_find_needs_ones_own_saga(play: Play) -> None:
    """A trip of another saga is a conflict."""
    with pytest.raises(TripConflict, match=r"^trip trip-1 belongs to another saga$"):
        lifecycle.find(play.desk, "trip-1", "other")


@pytest.mark.parametrize("status", ["BOOKING", *UNDOING])
def test_an_undo_is_counted(play: Play, store: MemoryStore, status: str) -> None:
    """An undo of a trip that can be undone takes the next number, tells the log its execution, and closes the trip."""
    record(store)["status"] = status
    begun = lifecycle.begin_run(play.desk, "trip-1", "arn:undo")
    assert (begun["runs"], begun["undo"]) == (1, "arn:undo")
    assert record(store)["status"] == begun["status"] == ("COMPENSATING" if status == "BOOKING" else status)
    assert (record(store)["runs"], record(store)["undo"]) == (1, "arn:undo")
    assert store.items[Key(log.TABLE, "trip-1", "LOG#001#00#Saga#000#BEGIN")]["execution"] == "arn:undo"
    assert story(store) == ["Saga BEGIN", "Saga BEGIN"]


def test_an_undo_of_an_open_trip_sets_its_goal(play: Play, store: MemoryStore) -> None:
    """A trip that is BOOKING goes to ROLLED_BACK by it, and lets no further book in."""
    lifecycle.begin_run(play.desk, "trip-1", "arn:undo")
    assert (record(store)["goal"], "unfinished" in record(store)) == ("ROLLED_BACK", True)
    with pytest.raises(TripClosed):
        play.book("hotel")


def test_an_undo_is_counted_once(play: Play, store: MemoryStore) -> None:
    """The same execution again gets the same number, and writes nothing; another one gets the next."""
    lifecycle.begin_run(play.desk, "trip-1", "arn:undo")
    before = deepcopy(store.items)
    assert lifecycle.begin_run(play.desk, "trip-1", "arn:undo")["runs"] == 1
    assert store.items == before
    assert lifecycle.begin_run(play.desk, "trip-1", "arn:another")["runs"] == 2


@pytest.mark.parametrize("status", ["CONFIRMED", "ROLLED_BACK", "CANCELLED"])
def test_what_is_settled_is_not_undone(play: Play, store: MemoryStore, status: str) -> None:
    """A trip that is CONFIRMED or has ended is told as it is, and nothing is counted."""
    record(store)["status"] = status
    before = deepcopy(store.items)
    assert lifecycle.begin_run(play.desk, "trip-1", "arn:undo")["status"] == status
    assert store.items == before


def test_an_unknown_trip_is_not_undone(desk: Desk) -> None:
    """Where no trip is, an undo is refused as InvalidTrip."""
    with pytest.raises(InvalidTrip, match=r"^/trip_id: expected the id of a trip$"):
        lifecycle.begin_run(desk, "trip-1", "arn:undo")


def test_two_undos_get_two_numbers(play: Play, store: MemoryStore) -> None:
    """An undo that loses its number to another one takes the next."""
    lost = play.between(end=lambda: lifecycle.begin_run(play.desk, "trip-1", "arn:first"))
    assert lifecycle.begin_run(lost.desk, "trip-1", "arn:second")["runs"] == 2
    assert (record(store)["runs"], record(store)["undo"]) == (2, "arn:second")
    assert story(store) == ["Saga BEGIN"] * 3


@pytest.mark.parametrize(("losses", "wins"), [(2, True), (3, False)])
def test_an_undo_that_keeps_losing_is_retried(play: Play, store: MemoryStore, losses: int, wins: bool) -> None:
    """An undo whose trip changes under it three times asks to be retried."""
    statuses = cycle(UNDOING)
    acts = [lambda: record(store).update(status=next(statuses))] * losses
    lost = play.disturbed(end=acts).desk
    if wins:
        assert lifecycle.begin_run(lost, "trip-1", "arn:undo")["runs"] == 1
    else:
        with pytest.raises(TransientError, match=r"^trip trip-1: its undo could not begin$"):
            lifecycle.begin_run(lost, "trip-1", "arn:undo")
    assert record(store)["runs"] == int(wins)
