"""Cancel against the rest of the world: what others do between its transactions.

The protocol lets nobody do most of this (a closed trip books nothing), so each of these guards backs another one up.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from saga.errors import TransientError, TripConfirmed, TripConflict
from saga.ports import Key
from saga.trip import PARTICIPANTS
from tests.memory import MemoryStore
from tests.story import booking, bookings, record, story, taken
from tests.unit.play import Play

BOOKED = ["Saga BEGIN", "BookHotel START", "BookHotel END"]
CANCELLED = ["CancelHotel START", "CancelHotel END"]
DONE = {"status": "CANCELLED", "ended": True}
GOING_ON = {"status": "CANCELLED", "ended": False}
ANSWERED = {name: {"status": "BOOKED"} for name in PARTICIPANTS}
"""What the machine knows once every book has answered: no cancel takes itself for the last then."""


@pytest.fixture
def play(play: Play) -> Play:
    """A begun saga whose cancels look for a booking first, and leave the end to EndSaga."""
    return replace(play, bookings=ANSWERED)


@pytest.fixture
def land(play: Play, store: MemoryStore) -> Callable[[], object]:
    """A book that lands although the trip is closed."""

    def land() -> None:
        status = record(store)["status"]
        record(store)["status"] = "BOOKING"
        play.book("hotel")
        record(store)["status"] = status

    return land


def setting(store: MemoryStore, **facts: str) -> Callable[[], object]:
    """Somebody else who changes the trip's record."""
    return lambda: record(store).update(facts)


def test_a_book_between_the_looks_is_cancelled(play: Play, store: MemoryStore, land: Callable[[], object]) -> None:
    """A late book between the look for a booking and the tombstone is found by the next round, and cancelled."""
    record(store)["status"] = "COMPENSATING"
    assert play.between(tombstone=land).cancel("hotel") == GOING_ON
    assert "booked" not in record(store)
    assert (bookings(store), taken(store)) == ({"hotel": "CANCELLED"}, {"hotel": [0, 0, 0]})
    assert story(store) == [*BOOKED, *CANCELLED]


def appearing(play: Play, store: MemoryStore, times: int) -> Play:
    """The same saga, whose booking comes before each tombstone and goes before each cancel, so many times in all."""
    key = Key("hotel", "TRIP#trip-1")
    found = {"id": key.id, "status": "BOOKED", "saga_id": play.trip.saga_id, "takes": {"Inn#2099-03": ["d01"]}}
    come, go = lambda: store.items.update({key: dict(found)}), lambda: store.items.pop(key, None)
    store.items[Key("hotel", "TAKEN#Inn#2099-03")] = {"d01": 1}
    record(store)["status"] = "COMPENSATING"
    return play.disturbed(tombstone=[come] * ((times + 1) // 2), cancel=[go] * (times // 2))


def test_looks_three_times(play: Play, store: MemoryStore) -> None:
    """A cancel whose booking comes and goes again under it finds nothing the third time, and leaves its tombstone."""
    assert appearing(play, store, 2).cancel("hotel") == GOING_ON
    assert (bookings(store), story(store)) == ({"hotel": "CANCELLED"}, ["Saga BEGIN", *CANCELLED])


def test_does_not_look_a_fourth_time(play: Play, store: MemoryStore) -> None:
    """A cancel whose booking comes before each tombstone and goes before each cancel asks to be retried after three."""
    with pytest.raises(TransientError, match="hotel could not be cancelled: conditions failed: booking"):
        appearing(play, store, 3).cancel("hotel")
    assert story(store) == ["Saga BEGIN"]


@pytest.mark.parametrize("status", ["ROLLED_BACK", "CANCELLED"])
@pytest.mark.parametrize("known", [ANSWERED, {}])
def test_an_end_under_way_is_respected(
    play: Play, store: MemoryStore, known: dict[str, dict[str, str]], status: str
) -> None:
    """If another run ends the trip before a transaction of this cancel, it succeeds, and writes nothing more."""
    end = setting(store, status=status)
    assert replace(play, bookings=known).between(tombstone=end).cancel("hotel") == DONE
    assert bookings(store) == {}
    assert story(store) == ["Saga BEGIN"]


@pytest.mark.parametrize("status", ["ROLLED_BACK", "CANCELLED"])
def test_nothing_is_cancelled_after_the_end(play: Play, store: MemoryStore, status: str) -> None:
    """If another run ends the trip just before a booking is cancelled, the log gets no END after the saga's."""
    play.book("hotel")
    end = setting(store, status=status)
    assert play.between(cancel=end).cancel("hotel") == DONE
    assert (bookings(store), taken(store)) == ({"hotel": "BOOKED"}, {"hotel": [1, 1, 1]})
    assert story(store) == BOOKED


@pytest.mark.parametrize("before", ["cancel", "tombstone"])
@pytest.mark.parametrize(
    ("facts", "error"), [({"status": "CONFIRMED"}, TripConfirmed), ({"saga_id": "other"}, TripConflict)]
)
def test_only_a_trip_being_undone_is_cancelled(
    play: Play, store: MemoryStore, facts: dict[str, str], error: type[Exception], before: str
) -> None:
    """If the trip is suddenly confirmed or another's, a cancel says so and writes nothing, whatever it tries first."""
    if before == "cancel":
        play.book("hotel")
    told, had = story(store), bookings(store)
    first = play if before == "cancel" else replace(play, bookings={})
    with pytest.raises(error):
        first.between(**{before: setting(store, **facts)}).cancel("hotel")
    assert (story(store), bookings(store)) == (told, had)


@pytest.mark.parametrize("before", ["cancel", "tombstone"])
def test_a_trip_found_open_is_closed(play: Play, store: MemoryStore, before: str) -> None:
    """A cancel needs a closed trip; if the trip is open all the same, it is closed, and then undone."""
    play.book("hotel")
    record(store)["status"] = "COMPENSATING"
    first = play if before == "cancel" else replace(play, bookings={})
    first.between(**{before: setting(store, status="BOOKING")}).cancel("hotel")
    assert (record(store)["status"], bookings(store)) == ("COMPENSATING", {"hotel": "CANCELLED"})
    assert story(store) == [*BOOKED, *CANCELLED]


def test_an_ended_trip_of_another_is_no_success(play: Play, store: MemoryStore) -> None:
    """That another saga's trip has ended says nothing of our booking."""
    play.book("hotel")
    with pytest.raises(TripConflict):
        play.between(cancel=setting(store, status="ROLLED_BACK", saga_id="other")).cancel("hotel")
    assert bookings(store) == {"hotel": "BOOKED"}
    assert story(store) == BOOKED


def test_never_gives_back_what_is_not_taken(play: Play, store: MemoryStore) -> None:
    """If a counter says nothing is taken, the booking stays and the cancel asks to be retried, and so ends as owed."""
    play.book("hotel")
    store.items[Key("hotel", "TAKEN#Holiday Inn Dublin#2099-03")]["d02"] = 0
    record(store)["status"] = "COMPENSATING"
    with pytest.raises(TransientError, match="give back Holiday Inn Dublin#2099-03"):
        play.cancel("hotel")
    assert record(store)["booked"] == ["hotel"]
    assert (bookings(store), taken(store)) == ({"hotel": "BOOKED"}, {"hotel": [1, 0, 1]})
    assert story(store) == BOOKED


def test_a_tombstone_of_another_cancel_is_enough(play: Play, store: MemoryStore) -> None:
    """If the same cancel, delivered twice, wins between the looks, this one succeeds and logs no second END."""
    assert play.between(tombstone=lambda: play.cancel("hotel")).cancel("hotel") == GOING_ON
    assert booking(store, "hotel")["status"] == "CANCELLED"
    assert story(store) == ["Saga BEGIN", *CANCELLED]


def test_a_cancel_of_another_cancel_is_enough(play: Play, store: MemoryStore) -> None:
    """If the same cancel, delivered twice, wins just before, capacity is given back once."""
    play.book("hotel")
    assert play.between(cancel=lambda: play.cancel("hotel")).cancel("hotel") == GOING_ON
    assert taken(store) == {"hotel": [0, 0, 0]}
    assert story(store) == [*BOOKED, *CANCELLED]
