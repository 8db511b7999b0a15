"""Book: one transaction, which books once whatever is repeated, and the last of them confirms the trip."""

from copy import deepcopy

import pytest

from saga import log
from saga.booking import confirmation
from saga.errors import SoldOut, TransientError
from saga.ports import Desk, Key
from saga.trip import PARTICIPANTS
from tests.memory import MemoryStore
from tests.story import booking, bookings, record, story, taken
from tests.trips import trip
from tests.unit.play import Interrupted, Play, offer, parsed

BOOKED_HOTEL = ["Saga BEGIN", "BookHotel START", "BookHotel END"]
REFUSED_HOTEL = ["Saga BEGIN", "BookHotel START", "BookHotel ABORT"]
MARCH = Key("hotel", "TAKEN#Holiday Inn Dublin#2099-03")


def another(play: Play, trip_id: str) -> Play:
    """The same trip under another id, begun."""
    return Play(play.desk, play.store, parsed(trip(trip_id=trip_id))).begin()


def test_books_with_a_confirmation_number(play: Play, store: MemoryStore) -> None:
    """A book answers BOOKED with the confirmation number that its booking carries."""
    assert play.book("hotel") == {"status": "BOOKED", "confirmation": booking(store, "hotel")["confirmation"]}
    assert story(store) == BOOKED_HOTEL


def test_keeps_what_it_took(play: Play, store: MemoryStore) -> None:
    """A booking says whose it is, what was booked, what it took of which counters, of which capacity, and when."""
    play.book("hotel")
    assert booking(store, "hotel") == {
        "id": "TRIP#trip-1",
        "status": "BOOKED",
        "saga_id": play.trip.saga_id,
        "confirmation": confirmation(play.trip.saga_id, "hotel"),
        "offer": "Holiday Inn Dublin",
        "takes": {"Holiday Inn Dublin#2099-03": ["d01", "d02", "d03"]},
        "capacity": 2,
        "booked": "2099-01-01T12:00:00.002+00:00",
    }
    assert story(store) == BOOKED_HOTEL


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
    """The same delivery again gives the same answer, takes nothing more, and no step of it is logged twice."""
    play.book_before(participant)
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
    play.book(participant, told=())
    another(play, "trip-2").book(participant, told=())
    with pytest.raises(SoldOut):
        another(play, "trip-3").book(participant, told=())
    assert set(taken(store)[participant]) == {2}
    assert story(store)[-1] == f"Book{participant.title()} END"


def test_one_full_night_sells_the_stay_out(play: Play, store: MemoryStore) -> None:
    """If one night of several is full, no night is taken, and the refusal names it."""
    store.items[MARCH] = {"d01": 1, "d02": 2, "d03": 1}
    with pytest.raises(SoldOut, match="Holiday Inn Dublin is sold out on 2099-03-02"):
        play.book("hotel")
    assert taken(store) == {"hotel": [1, 2, 1]}
    assert story(store) == REFUSED_HOTEL


def test_the_first_full_day_is_named(play: Play, store: MemoryStore) -> None:
    """Of several full nights the first is named, also where one was sold beyond a capacity that is lower now."""
    store.items[MARCH] = {"d02": 3, "d03": 2}
    with pytest.raises(SoldOut, match="sold out on 2099-03-02"):
        play.book("hotel")
    assert story(store) == REFUSED_HOTEL


@pytest.mark.parametrize(
    ("full", "day"),
    [({"02": {"d28": 2}, "03": {"d01": 2}}, "2099-02-28"), ({"03": {"d01": 2}}, "2099-03-01"), ({}, None)],
)
def test_a_stay_over_two_months(store: MemoryStore, desk: Desk, full: dict[str, dict[str, int]], day: str) -> None:
    """A stay over the end of a month takes from two counters both or neither; the first full day of both is named."""
    play = Play(desk, store, parsed(trip("hotel/check_in", "2099-02-27"))).begin()
    counters = {month: Key("hotel", f"TAKEN#Holiday Inn Dublin#2099-{month}") for month in ("02", "03")}
    store.items |= {counters[month]: dict(taken) for month, taken in full.items()}
    if day:
        with pytest.raises(SoldOut, match=f"sold out on {day}"):
            play.book("hotel")
        assert {month: store.items[counters[month]] for month in full} == full
        assert story(store) == REFUSED_HOTEL
    else:
        play.book("hotel")
        assert booking(store, "hotel")["takes"]["Holiday Inn Dublin#2099-02"] == ["d27", "d28"]
        assert taken(store) == {"hotel": [1, 1, 1, 1, 1]}
        assert story(store) == BOOKED_HOTEL


def test_no_capacity_is_sold_out(play: Play, store: MemoryStore) -> None:
    """An offer without capacity refuses the first who asks."""
    offer(store, "hotel", "Holiday Inn Dublin", 0)
    with pytest.raises(SoldOut, match="Holiday Inn Dublin is sold out on 2099-03-01"):
        play.book("hotel")
    assert (bookings(store), taken(store)) == ({}, {})
    assert story(store) == REFUSED_HOTEL


def test_a_sold_out_last_book_confirms_nothing(play: Play, store: MemoryStore) -> None:
    """A last book that is refused leaves the trip BOOKING, and logs no end of the saga."""
    offer(store, "car", "Volvo XC40", 0)
    with pytest.raises(SoldOut):
        play.book_before("car").book("car")
    assert (record(store)["status"], record(store)["booked"]) == ("BOOKING", ["flight", "hotel"])
    assert story(store)[-2:] == ["BookCar START", "BookCar ABORT"]


@pytest.mark.parametrize(("attempt", "told"), [(0, []), (1, ["BookHotel START"])])
def test_a_retry_starts_ahead(play: Play, store: MemoryStore, attempt: int, told: list[str]) -> None:
    """A book that dies at its transaction leaves nothing at the first attempt, and its START at a later one."""

    def die() -> None:
        raise TransientError

    with pytest.raises(TransientError):
        play.between(book=die).book("hotel", attempt)
    assert bookings(store) == {}
    assert story(store) == ["Saga BEGIN", *told]


def test_the_first_attempt_is_one_item(play: Play, store: MemoryStore) -> None:
    """Where the first attempt succeeds, one item tells its START and its END, and a later attempt's END only that."""
    play.book("hotel")
    entries = [key.entry for key in store.items if key.entry.startswith("LOG#")]
    assert entries == ["LOG#000#01#BookHotel#999#OUTCOME"]
    outcome = store.items[Key(log.TABLE, "trip-1", entries[0])]
    assert (outcome["started"], outcome["at"]) == ("2099-01-01T12:00:00.001+00:00", "2099-01-01T12:00:00.002+00:00")
    assert outcome["confirmation"] == booking(store, "hotel")["confirmation"]
    play.book("flight", attempt=1)
    assert "started" not in store.items[Key(log.TABLE, "trip-1", "LOG#000#02#BookFlight#999#OUTCOME")]
    assert story(store) == [*BOOKED_HOTEL, "BookFlight START", "BookFlight END"]


def test_a_book_reads_nothing_but_its_offer(play: Play) -> None:
    """A book asks for its offer alone, which may be a minute old, and has one transaction."""
    seen: list[str] = []
    watched = play.watched(seen)
    watched.book("hotel")
    assert isinstance(watched.desk.store, Interrupted)
    assert (watched.desk.store.stale, seen) == ([Key("hotel", "OFFER#Holiday Inn Dublin")], ["book"])
