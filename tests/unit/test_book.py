"""Book: one transaction, and on its loss one answer, whatever was repeated, reordered or late."""

from copy import deepcopy

import pytest

from saga import log, steps
from saga.errors import BookingCancelled, NotOffered, Refusal, SoldOut, TransientError, TripClosed, TripConflict
from saga.participants.hotel import Stay
from saga.ports import Desk, Key
from saga.trip import PARTICIPANTS
from tests.memory import MemoryStore
from tests.story import booking, bookings, record, story, taken
from tests.trips import TRIP, trip
from tests.unit.play import Play, parsed

BOOKED_HOTEL = ["Saga BEGIN", "BookHotel START", "BookHotel END"]
REFUSED_HOTEL = ["Saga BEGIN", "BookHotel START", "BookHotel ABORT"]


def offer(store: MemoryStore, participant: str, name: str, capacity: int) -> None:
    """Offer so many of something, whatever was offered before."""
    store.items[Key(participant, f"OFFER#{name}")] = {"capacity": capacity}


def another(play: Play, trip_id: str) -> Play:
    """The same trip under another id, begun."""
    return Play(play.desk, play.store, parsed(trip(trip_id=trip_id))).begin()


def test_books_with_a_confirmation_number(play: Play, store: MemoryStore) -> None:
    """A book answers BOOKED with the confirmation number that its booking carries."""
    assert play.book("hotel") == {"status": "BOOKED", "confirmation": booking(store, "hotel")["confirmation"]}
    assert story(store) == BOOKED_HOTEL


def test_keeps_what_it_took(play: Play, store: MemoryStore) -> None:
    """A booking says whose it is, what was booked, which counters it took and when."""
    play.book("hotel")
    kept = booking(store, "hotel")
    assert (kept["saga_id"], kept["offer"]) == (play.trip.saga_id, "Holiday Inn Dublin")
    assert kept["takes"] == list(play.part("hotel").takes)
    assert kept["booked"].startswith("2099-01-01T12:00:00")


def test_takes_every_night_seat_and_day(play: Play, store: MemoryStore) -> None:
    """A trip takes one of each night but the last, of its flight, and of each day of its rental."""
    play.book_all()
    assert taken(store) == {"hotel": [1, 1, 1], "flight": [1], "car": [1, 1, 1, 1]}


def test_the_last_book_confirms_the_trip(play: Play, store: MemoryStore) -> None:
    """With the last booking the trip is CONFIRMED, out of the index of the unfinished, and its saga's end is logged."""
    play.book_all()
    assert record(store)["status"] == "CONFIRMED"
    assert "unfinished" not in record(store)
    steps = [f"Book{name} {kind}" for name in ("Hotel", "Flight", "Car") for kind in ("START", "END")]
    assert story(store) == ["Saga BEGIN", *steps, "Saga END CONFIRMED"]


def test_no_other_book_confirms_it(play: Play, store: MemoryStore) -> None:
    """Before the last book the trip stays BOOKING, in the index of the unfinished."""
    play.book("hotel")
    play.book("flight")
    assert record(store)["status"] == "BOOKING"
    assert "unfinished" in record(store)


@pytest.mark.parametrize("participant", PARTICIPANTS)
def test_a_repeated_book_books_once(play: Play, store: MemoryStore, participant: str) -> None:
    """The same delivery again gives the same answer and takes nothing more."""
    first = play.book(participant)
    before = deepcopy(store.items)
    assert play.book(participant) == first
    assert store.items == before


def test_a_retry_finds_it_booked(play: Play, store: MemoryStore) -> None:
    """A retry after a lost reply gives the same answer; the log shows its START and still one outcome."""
    assert play.book("hotel", attempt=0) == play.book("hotel", attempt=1)
    assert taken(store) == {"hotel": [1, 1, 1]}
    assert story(store) == ["Saga BEGIN", "BookHotel START", "BookHotel START", "BookHotel END"]


@pytest.mark.parametrize("participant", PARTICIPANTS)
def test_a_replay_succeeds_after_confirmed(play: Play, store: MemoryStore, participant: str) -> None:
    """A booking that stands is the answer even when the trip is CONFIRMED since."""
    play.book_all()
    before = deepcopy(store.items)
    assert play.book(participant)["status"] == "BOOKED"
    assert store.items == before


def test_a_replay_succeeds_while_compensating(play: Play, store: MemoryStore) -> None:
    """A booking that stands outweighs the trip's status: its replay is a success."""
    play.book("hotel")
    record(store)["status"] = "COMPENSATING"
    assert play.book("hotel")["status"] == "BOOKED"
    assert story(store) == BOOKED_HOTEL


def test_a_replay_succeeds_when_sold_out_since(play: Play, store: MemoryStore) -> None:
    """The one who got the last room is told so again, not that the hotel is full."""
    offer(store, "hotel", "Holiday Inn Dublin", 1)
    assert play.book("hotel") == play.book("hotel")
    assert story(store) == BOOKED_HOTEL


def test_a_replay_succeeds_when_not_offered_since(play: Play, store: MemoryStore) -> None:
    """A booking that stands outweighs an offer that was withdrawn after it."""
    first = play.book("hotel")
    del store.items[Key("hotel", "OFFER#Holiday Inn Dublin")]
    assert play.book("hotel") == first
    assert story(store) == BOOKED_HOTEL


@pytest.mark.parametrize("participant", PARTICIPANTS)
def test_the_last_one_is_booked_once(play: Play, store: MemoryStore, participant: str) -> None:
    """Of a capacity of two the second trip gets the last one and the third is refused as SoldOut."""
    play.book(participant)
    another(play, "trip-2").book(participant)
    with pytest.raises(SoldOut):
        another(play, "trip-3").book(participant)
    assert set(taken(store)[participant]) == {2}


def test_one_full_night_sells_the_stay_out(play: Play, store: MemoryStore) -> None:
    """If one night of several is full, no night is taken."""
    store.items[Key("hotel", "TAKEN#Holiday Inn Dublin#2099-03-02")] = {"taken": 2}
    with pytest.raises(SoldOut):
        play.book("hotel")
    assert taken(store) == {"hotel": [2]}
    assert story(store) == REFUSED_HOTEL


def test_no_capacity_is_sold_out(play: Play, store: MemoryStore) -> None:
    """An offer without capacity refuses the first who asks."""
    offer(store, "hotel", "Holiday Inn Dublin", 0)
    with pytest.raises(SoldOut, match="Holiday Inn Dublin is sold out"):
        play.book("hotel")
    assert (bookings(store), taken(store)) == ({}, {})
    assert story(store) == REFUSED_HOTEL


def test_a_sold_out_last_book_confirms_nothing(play: Play, store: MemoryStore) -> None:
    """A last book that is refused leaves the trip BOOKING, and logs no end of the saga."""
    offer(store, "car", "Volvo XC40", 0)
    with pytest.raises(SoldOut):
        play.book("car")
    assert record(store)["status"] == "BOOKING"
    assert story(store) == ["Saga BEGIN", "BookCar START", "BookCar ABORT"]


def test_what_is_not_offered_is_refused(play: Play, store: MemoryStore) -> None:
    """A name without an offer is refused as NotOffered."""
    del store.items[Key("hotel", "OFFER#Holiday Inn Dublin")]
    with pytest.raises(NotOffered, match="Holiday Inn Dublin is not offered"):
        play.book("hotel")
    assert (bookings(store), taken(store)) == ({}, {})
    assert story(store) == REFUSED_HOTEL


def test_a_refusal_is_kept_with_its_reason(play: Play, store: MemoryStore) -> None:
    """The log's ABORT names the error and says its message."""
    offer(store, "hotel", "Holiday Inn Dublin", 0)
    with pytest.raises(SoldOut):
        play.book("hotel")
    entry = store.items[Key(log.TABLE, "trip-1", "LOG#000#01#BookHotel#999#OUTCOME")]
    assert (entry["error"], entry["message"]) == ("SoldOut", "Holiday Inn Dublin is sold out")


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
    with pytest.raises(TripClosed):
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
    with pytest.raises(Refusal):
        intruder.book(participant)
    assert (bookings(store), taken(store), record(store)) == ({}, {}, before)


@pytest.mark.parametrize("participant", PARTICIPANTS)
def test_a_trip_never_begun_is_not_booked(desk: Desk, store: MemoryStore, participant: str) -> None:
    """Without a trip's record nothing is booked under its id."""
    with pytest.raises(TripClosed):
        Play(desk, store).book(participant)
    assert (bookings(store), taken(store)) == ({}, {})


@pytest.mark.parametrize("change", [{"saga_id": "other"}, {"fingerprint": "other"}])
def test_anothers_booking_is_a_conflict(play: Play, store: MemoryStore, change: dict[str, str]) -> None:
    """A booking of another saga, or of another part, is never taken for one's own."""
    play.book("hotel")
    booking(store, "hotel").update(change)
    with pytest.raises(TripConflict):
        play.book("hotel")


def test_a_booking_of_other_days_is_a_conflict(play: Play, store: MemoryStore) -> None:
    """Under one saga the same hotel on other nights is not the same booking."""
    play.book("hotel")
    later = Stay.parse(TRIP["hotel"] | {"check_out": "2099-03-05"})
    with pytest.raises(TripConflict):
        steps.book(play.desk, play.call("BookHotel", 1), later)
    assert taken(store) == {"hotel": [1, 1, 1]}


def test_an_intruder_spoils_no_outcome(play: Play, store: MemoryStore) -> None:
    """A book that names another saga's trip is a conflict and no outcome: the rightful saga's book still works."""
    with pytest.raises(Refusal):
        Play(play.desk, store, parsed(trip(), owner="eve")).book("hotel")
    assert play.book("hotel")["status"] == "BOOKED"


def test_a_conflict_is_no_outcome(play: Play, store: MemoryStore) -> None:
    """TripConflict is not logged as the step's outcome, for the log is another saga's."""
    store.items[Key("hotel", "TRIP#trip-1")] = {"status": "BOOKED", "saga_id": "other", "fingerprint": "other"}
    with pytest.raises(TripConflict):
        play.book("hotel")
    assert story(store) == ["Saga BEGIN", "BookHotel START"]


def test_a_late_book_is_refused_after_its_cancel(play: Play, store: MemoryStore) -> None:
    """Once a booking is cancelled its book never books again, though its own END stands in the log."""
    play.book("hotel")
    play.cancel("hotel")
    with pytest.raises(BookingCancelled):
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


def test_start_is_written_ahead(play: Play, store: MemoryStore) -> None:
    """A book that dies at its transaction has left its START, and nothing else."""

    def die() -> None:
        raise TransientError

    with pytest.raises(TransientError):
        play.between(book=die).book("hotel")
    assert bookings(store) == {}
    assert story(store) == ["Saga BEGIN", "BookHotel START"]


def test_a_refusal_yields_to_a_book_that_landed(play: Play, store: MemoryStore) -> None:
    """If an earlier attempt lands while this one is being refused, the booking that stands is the answer."""
    offer(store, "hotel", "Holiday Inn Dublin", 0)

    def land() -> None:
        offer(store, "hotel", "Holiday Inn Dublin", 1)
        play.book("hotel", attempt=0)

    assert play.between(abort=land).book("hotel", attempt=1)["status"] == "BOOKED"
    assert story(store) == ["Saga BEGIN", "BookHotel START", "BookHotel START", "BookHotel END"]


@pytest.mark.parametrize("change", [{"status": "CANCELLED"}, {"saga_id": "other"}, {"fingerprint": "other"}])
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
    with pytest.raises(TransientError):
        play.book("hotel")
    assert bookings(store) == {}
