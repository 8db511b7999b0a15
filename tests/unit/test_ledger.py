"""The ledger: what it holds decides whether a trip is confirmed, and whether it has ended."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from saga import ledger as ledger_of_a_saga
from saga.errors import SoldOut, TransientError
from saga.ports import Desk, Key
from saga.trip import PARTICIPANTS, Trip
from tests.memory import MemoryStore
from tests.story import bookings, record, story, taken
from tests.trips import TRIP
from tests.unit.play import ORDER, Play

CANCELLED = {"status": "CANCELLED"}
LIVE = {"status": "BOOKED"}


def ledger(store: MemoryStore) -> list[str]:
    """What the trip's record says is booked."""
    return list(record(store).get("booked", []))


def part_trip(*names: str) -> Trip:
    """The sample trip with some of its parts alone, as it was booked before there were others."""
    return Trip("trip-1", "ann", {name: TRIP[name] for name in names})


@pytest.fixture
def booked(play: Play, store: MemoryStore) -> Play:
    """A trip that is being rolled back, with all three booked."""
    play.book_before("car").book("car", told=())
    record(store).update(status="COMPENSATING", goal="ROLLED_BACK")
    return play


def test_each_book_enters_its_participant(play: Play, store: MemoryStore) -> None:
    """The ledger is absent at first, and each book adds its participant in its own transaction."""
    seen = [ledger(store)]
    for participant in ORDER:
        play.book(participant)
        seen.append(ledger(store))
    assert seen == [[], ["hotel"], ["flight", "hotel"], ["car", "flight", "hotel"]]
    assert story(store)[-1] == "Saga END CONFIRMED"


def test_what_is_refused_is_not_entered(play: Play, store: MemoryStore) -> None:
    """A refused book leaves the ledger as it was."""
    store.items[Key("flight", "OFFER#EI155")] = {"capacity": 0}
    play.book("hotel")
    with pytest.raises(SoldOut):
        play.book("flight")
    assert ledger(store) == ["hotel"]
    assert story(store)[-1] == "BookFlight ABORT"


@pytest.mark.parametrize("last", ORDER)
def test_whoever_comes_last_confirms(play: Play, store: MemoryStore, last: str) -> None:
    """The book that is told of all others confirms the trip, whichever it is; one that is not does not."""
    others = [name for name in ORDER if name != last]
    for number, name in enumerate(others):
        play.book(name, told=others[:number])
        assert record(store)["status"] == "BOOKING"
    play.book(last, told=others)
    assert record(store)["status"] == "CONFIRMED"
    assert [line for line in story(store) if "Saga" in line] == ["Saga BEGIN", "Saga END CONFIRMED"]


def test_a_book_that_is_told_of_none_does_not_confirm(play: Play, store: MemoryStore) -> None:
    """A full ledger is not enough: only the book that is told of all others is the last."""
    play.book_before("car").book("car", told=["hotel"])
    assert (record(store)["status"], ledger(store)) == ("BOOKING", ["car", "flight", "hotel"])
    assert "Saga END CONFIRMED" not in story(store)


@pytest.mark.parametrize("held", [(), ("hotel",), ("flight",)])
def test_a_hole_confirms_nothing(play: Play, store: MemoryStore, held: tuple[str, ...]) -> None:
    """A last book that finds a hole in the ledger asks to be retried, and nothing of it is written."""
    for name in held:
        play.book(name, told=())
    before = deepcopy(store.items)
    with pytest.raises(TransientError, match="car is the last to book, and not all others are booked"):
        play.book("car", told=["hotel", "flight"])
    assert store.items == before
    assert (record(store)["status"], "car" in bookings(store)) == ("BOOKING", False)


def test_a_stranger_in_the_ledger_confirms_nothing(play: Play, store: MemoryStore) -> None:
    """The last book needs all others in the ledger and no more: what the trip did not ask for is no part of it."""
    play.book_before("car")
    record(store)["booked"] = ["boat", "flight", "hotel"]
    with pytest.raises(TransientError):
        play.book("car")
    assert record(store)["status"] == "BOOKING"
    assert story(store)[-1] == "BookFlight END"


def test_a_booking_in_a_hole_is_no_answer(play: Play, store: MemoryStore) -> None:
    """A last book whose booking stands asks to be retried while the trip is BOOKING: nothing has confirmed it."""
    play.book("car", told=())
    before = deepcopy(store.items)
    with pytest.raises(TransientError, match="not all others are booked"):
        play.book("car", told=["hotel", "flight"])
    assert store.items == before


def test_a_trip_of_one_is_confirmed_by_it(desk: Desk, store: MemoryStore) -> None:
    """What takes part is what the trip's request has: of one part alone the first book is the last."""
    play = Play(desk, store, part_trip("hotel")).begin()
    play.book("hotel", told=())
    assert (record(store)["status"], ledger(store)) == ("CONFIRMED", ["hotel"])
    assert story(store) == ["Saga BEGIN", "BookHotel START", "BookHotel END", "Saga END CONFIRMED"]


@pytest.mark.parametrize("participant", PARTICIPANTS)
def test_each_cancel_takes_its_participant_out(booked: Play, store: MemoryStore, participant: str) -> None:
    """A cancel takes out its own participant and no other."""
    booked.cancel(participant)
    assert ledger(store) == sorted(set(ORDER) - {participant})
    assert story(store)[-1] == f"Cancel{participant.title()} END"


def test_an_empty_ledger_is_an_absent_one(booked: Play, store: MemoryStore) -> None:
    """The last to leave leaves no attribute."""
    booked.cancel_all()
    assert "booked" not in record(store)


def test_a_failed_books_own_cancel_takes_it_out(play: Play, store: MemoryStore) -> None:
    """Where the failed book had landed after all, its cancel takes its participant out as it closes the trip."""
    play.book("hotel")
    assert replace(play, bookings={}).cancel("hotel") == {"status": "CANCELLED", "ended": False}
    assert (record(store)["status"], ledger(store)) == ("COMPENSATING", [])
    assert taken(store) == {"hotel": [0, 0, 0]}


def test_the_last_cancel_ends_the_trip(booked: Play, store: MemoryStore) -> None:
    """The cancel that takes out the last participant ends the trip, and its entry in the log tells the saga's end."""
    assert [booked.cancel(name)["ended"] for name in reversed(ORDER)] == [False, False, True]
    assert record(store)["status"] == "ROLLED_BACK"
    assert "unfinished" not in record(store)
    assert story(store)[-3:] == ["CancelHotel START", "CancelHotel END", "Saga END ROLLED_BACK"]


def test_a_travellers_cancellation_ends_at_its_own_goal(booked: Play, store: MemoryStore) -> None:
    """A trip that is CANCELLING ends as CANCELLED with its last cancel."""
    record(store).update(status="CANCELLING", goal="CANCELLED")
    replace(booked, status="CANCELLING").cancel_all(run=1)
    assert record(store)["status"] == "CANCELLED"
    assert story(store)[-1] == "Saga END CANCELLED"


@pytest.mark.parametrize("live", [True, False])
def test_the_last_cancel_needs_the_rest_of_the_ledger_empty(booked: Play, store: MemoryStore, live: bool) -> None:
    """A cancel that takes itself for the last does its own, but ends nothing while another stands in the ledger."""
    if not live:
        del store.items[Key("hotel", "TRIP#trip-1")]
        record(store)["booked"] = ["car", "flight"]
    wrong = replace(booked, bookings={"hotel": LIVE, "flight": CANCELLED, "car": CANCELLED})
    assert wrong.cancel("hotel") == {"status": "CANCELLED", "ended": False}
    assert (record(store)["status"], ledger(store)) == ("COMPENSATING", ["car", "flight"])
    assert bookings(store) == {"hotel": "CANCELLED", "flight": "BOOKED", "car": "BOOKED"}
    assert story(store)[-2:] == ["CancelHotel START", "CancelHotel END"]


def test_a_tombstone_ends_no_trip_that_the_ledger_says_it_booked(booked: Play, store: MemoryStore) -> None:
    """Where its booking is gone and the ledger has it, a last cancel takes it out, but leaves the end to EndSaga."""
    booked.cancel("car")
    booked.cancel("flight")
    del store.items[Key("hotel", "TRIP#trip-1")]
    assert booked.cancel("hotel") == {"status": "CANCELLED", "ended": False}
    assert (record(store)["status"], ledger(store)) == ("COMPENSATING", [])
    assert booked.end() == "ROLLED_BACK"


@pytest.mark.parametrize(
    "told",
    [
        {"owed": {"car": {"Error": "TransientError"}}},
        {"status": "NEEDS_ATTENTION"},
        {"bookings": {"hotel": LIVE, "flight": LIVE, "car": CANCELLED}},
        {"status": "CANCELLING"},
    ],
    ids=["owing", "repair", "others live", "wrong status"],
)
def test_no_other_cancel_ends_the_trip(booked: Play, store: MemoryStore, told: Mapping[str, Any]) -> None:
    """A cancel whose run owes something, repairs, has others to cancel, or is of another undo, leaves the end alone."""
    booked.cancel("car")
    booked.cancel("flight")
    assert replace(booked, **told).cancel("hotel") == {"status": "CANCELLED", "ended": False}
    assert (record(store)["status"], bookings(store)["hotel"]) == ("COMPENSATING", "CANCELLED")
    assert "unfinished" in record(store)
    assert story(store)[-1] == "CancelHotel END"


def test_what_is_cancelled_already_is_taken_out(booked: Play, store: MemoryStore) -> None:
    """A cancel that finds its booking cancelled takes its participant out of the ledger, and logs nothing."""
    booked.cancel("hotel")
    record(store)["booked"], told = ["flight", "hotel"], story(store)
    assert booked.cancel("hotel") == {"status": "CANCELLED", "ended": False}
    assert (ledger(store), story(store)) == (["flight"], told)


@pytest.mark.parametrize("status", ["ROLLED_BACK", "CANCELLED"])
def test_what_is_cancelled_already_may_have_ended(booked: Play, store: MemoryStore, status: str) -> None:
    """A cancel that finds its booking cancelled and its trip ended says so, and writes nothing."""
    booked.cancel_all()
    record(store)["status"] = status
    before, seen = deepcopy(store.items), list[str]()
    assert booked.watched(seen).cancel("car") == {"status": "CANCELLED", "ended": True}
    assert (store.items, seen) == (before, ["leave"])


def test_what_is_cancelled_already_closes_an_open_trip(booked: Play, store: MemoryStore) -> None:
    """Where a restored record says BOOKING, a cancel that finds its booking cancelled lets no further book in."""
    booked.cancel("hotel")
    record(store)["status"] = "BOOKING"
    assert booked.cancel("hotel") == {"status": "CANCELLED", "ended": False}
    assert (record(store)["status"], record(store)["goal"]) == ("COMPENSATING", "ROLLED_BACK")


@pytest.mark.parametrize("participant", PARTICIPANTS)
def test_a_participant_that_the_trip_lacks(desk: Desk, store: MemoryStore, participant: str) -> None:
    """Neither a book nor a cancel of a participant that the trip does not have does anything, and both succeed."""
    play = Play(desk, store, part_trip(*(name for name in ORDER if name != participant))).begin()
    before = deepcopy(store.items)
    assert play.book(participant, attempt=1) == {"status": "ABSENT"}
    assert play.cancel(participant, attempt=1) == {"status": "CANCELLED", "ended": False}
    assert store.items == before


def test_a_trip_of_before_is_cancelled(desk: Desk, store: MemoryStore) -> None:
    """A trip without a flight is booked whole and cancelled whole by machines that have one."""
    play = Play(desk, store, part_trip("hotel", "car")).begin().book_all()
    assert (record(store)["status"], ledger(store)) == ("CONFIRMED", ["car", "hotel"])
    record(store).update(status="CANCELLING", goal="CANCELLED")
    replace(play, status="CANCELLING").cancel_all(run=1)
    assert (record(store)["status"], bookings(store)) == ("CANCELLED", {"hotel": "CANCELLED", "car": "CANCELLED"})
    assert story(store)[-1] == "Saga END CANCELLED"


@pytest.mark.parametrize(
    ("status", "closed"), [("BOOKING", "COMPENSATING"), ("CANCELLING", "CANCELLING"), ("ROLLED_BACK", "ROLLED_BACK")]
)
def test_a_close_tells_the_status(play: Play, store: MemoryStore, status: str, closed: str) -> None:
    """Who closes a trip is told its status then, whether it was open or not."""
    record(store)["status"] = status
    assert ledger_of_a_saga.close(play.desk, play.call("CancelCar", 4)) == record(store)["status"] == closed
