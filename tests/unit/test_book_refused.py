"""Book refused: one answer, the same whenever it is repeated, and nothing of the booking is written."""

from copy import deepcopy

import pytest

from saga import log
from saga.errors import BookingCancelled, NotOffered, Refusal, SoldOut, TransientError, TripClosed, TripConflict
from saga.ports import Desk, Key
from saga.trip import PARTICIPANTS
from tests.memory import MemoryStore
from tests.story import booking, bookings, record, story, taken
from tests.trips import trip
from tests.unit.play import Play, offer, parsed

BOOKED_HOTEL = ["Saga BEGIN", "BookHotel START", "BookHotel END"]
REFUSED_HOTEL = ["Saga BEGIN", "BookHotel START", "BookHotel ABORT"]


def test_what_is_not_offered_is_refused(play: Play, store: MemoryStore) -> None:
    """A name without an offer is refused as NotOffered."""
    del store.items[Key("hotel", "OFFER#Holiday Inn Dublin")]
    with pytest.raises(NotOffered, match=r"^Holiday Inn Dublin is not offered$"):
        play.book("hotel")
    assert (bookings(store), taken(store)) == ({}, {})
    assert story(store) == REFUSED_HOTEL


def test_a_refusal_is_kept_with_its_reason(play: Play, store: MemoryStore) -> None:
    """The log's ABORT names the error and says its message."""
    offer(store, "hotel", "Holiday Inn Dublin", 0)
    with pytest.raises(SoldOut):
        play.book("hotel")
    entry = store.items[Key(log.TABLE, "trip-1", "LOG#000#01#BookHotel#999#OUTCOME")]
    assert (entry["error"], entry["message"]) == ("SoldOut", "Holiday Inn Dublin is sold out on 2099-03-01")


def test_a_refused_step_stays_refused(play: Play, store: MemoryStore) -> None:
    """After an ABORT a late delivery is refused in the same words, though there is room by then."""
    offer(store, "hotel", "Holiday Inn Dublin", 0)
    with pytest.raises(SoldOut):
        play.book("hotel")
    offer(store, "hotel", "Holiday Inn Dublin", 9)
    with pytest.raises(SoldOut, match="Holiday Inn Dublin is sold out"):
        play.book("hotel")
    assert (bookings(store), taken(store)) == ({}, {})
    assert story(store) == REFUSED_HOTEL


def test_the_first_refusal_stands(play: Play, store: MemoryStore) -> None:
    """A step that was SoldOut is not NotOffered later: it has one outcome."""
    offer(store, "hotel", "Holiday Inn Dublin", 0)
    with pytest.raises(SoldOut):
        play.book("hotel")
    del store.items[Key("hotel", "OFFER#Holiday Inn Dublin")]
    with pytest.raises(SoldOut):
        play.book("hotel")
    assert story(store) == REFUSED_HOTEL


def test_a_stored_refusal_outweighs_a_closed_trip(play: Play, store: MemoryStore) -> None:
    """After an ABORT the same refusal comes again, though the trip is closed by then."""
    offer(store, "hotel", "Holiday Inn Dublin", 0)
    with pytest.raises(SoldOut):
        play.book("hotel")
    record(store)["status"] = "COMPENSATING"
    with pytest.raises(SoldOut):
        play.book("hotel")


@pytest.mark.parametrize("participant", PARTICIPANTS)
@pytest.mark.parametrize(
    "status", ["CONFIRMED", "COMPENSATING", "ROLLED_BACK", "CANCELLING", "CANCELLED", "NEEDS_ATTENTION"]
)
def test_only_a_trip_that_is_booking_books(play: Play, store: MemoryStore, participant: str, status: str) -> None:
    """Whatever the trip has become, a new booking is refused as TripClosed and the trip stays what it is."""
    record(store)["status"] = status
    with pytest.raises(TripClosed, match=r"^trip trip-1 is not being booked any more$"):
        play.book(participant)
    assert (bookings(store), taken(store), record(store)["status"]) == ({}, {}, status)
    step = f"Book{participant.title()}"
    assert story(store) == ["Saga BEGIN", f"{step} START", f"{step} ABORT"]


def test_a_closed_trip_outweighs_a_full_hotel(play: Play, store: MemoryStore) -> None:
    """A trip that is closed is told so, not that the hotel is full."""
    offer(store, "hotel", "Holiday Inn Dublin", 0)
    record(store)["status"] = "COMPENSATING"
    with pytest.raises(TripClosed):
        play.book("hotel")


@pytest.mark.parametrize("participant", PARTICIPANTS)
def test_another_sagas_trip_is_not_booked(play: Play, store: MemoryStore, participant: str) -> None:
    """A book for a trip that belongs to another saga changes neither bookings nor the trip."""
    before = deepcopy(record(store))
    intruder = Play(play.desk, store, parsed(trip(), owner="eve"))
    with pytest.raises(TripConflict, match=r"^trip trip-1 belongs to another saga$"):
        intruder.book(participant)
    assert (bookings(store), taken(store), record(store)) == ({}, {}, before)


@pytest.mark.parametrize("participant", PARTICIPANTS)
def test_a_trip_never_begun_is_not_booked(desk: Desk, store: MemoryStore, participant: str) -> None:
    """Without a trip's record nothing is booked under its id."""
    with pytest.raises(TripClosed):
        Play(desk, store).book(participant)
    assert (bookings(store), taken(store)) == ({}, {})


def test_anothers_booking_is_a_conflict(play: Play, store: MemoryStore) -> None:
    """A booking of another saga is never taken for one's own."""
    play.book("hotel")
    booking(store, "hotel")["saga_id"] = "other"
    with pytest.raises(TripConflict, match=r"^hotel is booked by another saga under this trip_id$"):
        play.book("hotel")
    assert story(store) == BOOKED_HOTEL


def test_an_intruder_spoils_no_outcome(play: Play, store: MemoryStore) -> None:
    """A book that names another saga's trip is a conflict and no outcome: the rightful saga's book still works."""
    with pytest.raises(Refusal):
        Play(play.desk, store, parsed(trip(), owner="eve")).book("hotel")
    assert play.book("hotel")["status"] == "BOOKED"


def test_a_conflict_is_no_outcome(play: Play, store: MemoryStore) -> None:
    """TripConflict is not logged as the step's outcome, for the log is another saga's."""
    store.items[Key("hotel", "TRIP#trip-1")] = {"status": "BOOKED", "saga_id": "other"}
    with pytest.raises(TripConflict):
        play.book("hotel")
    assert story(store) == ["Saga BEGIN"]


def test_a_late_book_is_refused_after_its_cancel(play: Play, store: MemoryStore) -> None:
    """Once a booking is cancelled its book never books again, though its own END stands in the log."""
    play.book("hotel")
    play.cancel("hotel")
    with pytest.raises(BookingCancelled, match=r"^hotel was cancelled before this book$"):
        play.book("hotel", attempt=1)
    assert (bookings(store), taken(store)) == ({"hotel": "CANCELLED"}, {"hotel": [0, 0, 0]})
    cancelled = ["CancelHotel START", "CancelHotel END"]
    assert story(store) == ["Saga BEGIN", "BookHotel START", "BookHotel START", "BookHotel END", *cancelled]


def test_a_late_book_is_refused_after_a_tombstone(play: Play, store: MemoryStore) -> None:
    """A book that comes after its cancel is refused as BookingCancelled and takes nothing."""
    play.cancel("hotel")
    with pytest.raises(BookingCancelled):
        play.book("hotel")
    assert (bookings(store), taken(store)) == ({"hotel": "CANCELLED"}, {})
    assert story(store) == [*REFUSED_HOTEL, "CancelHotel START", "CancelHotel END"]


def test_a_refusal_yields_to_a_book_that_landed(play: Play, store: MemoryStore) -> None:
    """If an earlier attempt lands while this one is being refused, the booking that stands is the answer."""
    offer(store, "hotel", "Holiday Inn Dublin", 0)

    def land() -> None:
        offer(store, "hotel", "Holiday Inn Dublin", 1)
        play.book("hotel", attempt=0)

    assert play.between(abort=land).book("hotel", attempt=1)["status"] == "BOOKED"
    assert story(store) == ["Saga BEGIN", "BookHotel START", "BookHotel START", "BookHotel END"]


@pytest.mark.parametrize("change", [{"status": "CANCELLED"}, {"saga_id": "other"}])
def test_a_refusal_yields_to_nothing_else(play: Play, store: MemoryStore, change: dict[str, str]) -> None:
    """A booking that is cancelled or another's does not turn a refusal into an answer."""
    play.book("hotel")
    booking(store, "hotel").update(change)
    del store.items[Key("hotel", "OFFER#Holiday Inn Dublin")]
    with pytest.raises(NotOffered):
        play.book("hotel")
    assert story(store) == BOOKED_HOTEL


def test_an_end_without_a_booking_is_no_answer(play: Play, store: MemoryStore) -> None:
    """If the log says END and no booking stands, the step can't tell and asks to be retried."""
    play.book("hotel")
    del store.items[Key("hotel", "TRIP#trip-1")]
    with pytest.raises(TransientError, match=r"^hotel could not be booked: conditions failed: outcome$"):
        play.book("hotel")
    assert bookings(store) == {}


def test_a_refusal_where_nothing_is_booked_stands(play: Play, store: MemoryStore) -> None:
    """If the log says END and no booking stands, a refusal stays a refusal: it is raised, and not logged."""
    play.book("hotel")
    del store.items[Key("hotel", "TRIP#trip-1")]
    del store.items[Key("hotel", "OFFER#Holiday Inn Dublin")]
    with pytest.raises(NotOffered):
        play.book("hotel")
    assert story(store) == BOOKED_HOTEL
