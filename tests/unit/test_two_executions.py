"""Two executions of one saga: the console's "New execution" makes a second one, and the promise holds all the same."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from saga.errors import BookingCancelled, TripConfirmed
from tests.memory import MemoryStore
from tests.story import bookings, record, story, taken
from tests.unit.play import ORDER, Play
from tools.invariants import violations

LIVE, CANCELLED = {"status": "BOOKED"}, {"status": "CANCELLED"}


@dataclass
class Execution:
    """One execution of the booking machine: what it knows is what its own steps have answered."""

    play: Play
    bookings: dict[str, Any] = field(default_factory=dict)
    owed: dict[str, str] = field(default_factory=dict)
    end: Mapping[str, Any] = field(default_factory=dict)

    def book(self, participant: str) -> None:
        """A Book whose answer the machine keeps."""
        self.bookings[participant] = self.play.book(participant, told=self.bookings)

    def cancel(self, *participants: str) -> bool:
        """Some Cancels; return whether the last one has ended the trip."""
        for participant in participants:
            told = replace(self.play, bookings=dict(self.bookings), owed=self.owed)
            self.bookings[participant] = told.cancel(participant)
        return bool(self.bookings[participants[-1]]["ended"])

    def end_saga(self) -> Mapping[str, Any]:
        """EndSaga, told its own last answer."""
        self.end = self.play.end_whole(self.owed, before=self.end)
        return self.end

    def roll_back(self, participants: Iterable[str] = ORDER[::-1]) -> str:
        """Run the cancels and EndSaga as the machine does; return the status that the trip has then."""
        if self.cancel(*participants):
            return str(record(self.play.store)["status"])
        answer = self.end_saga()
        return self.roll_back() if answer["again"] else str(answer["status"])


@pytest.fixture
def one(play: Play) -> Execution:
    """An execution of the sample trip's saga."""
    return Execution(play)


@pytest.fixture
def other(play: Play) -> Execution:
    """Another execution of the same saga."""
    return Execution(play)


def test_the_one_that_fails_undoes_the_others_bookings(one: Execution, other: Execution, store: MemoryStore) -> None:
    """A dies at BookHotel and ends at CancelHotel while B has booked the flight: A cancels all again, then it ends."""
    other.book("hotel")
    other.book("flight")
    assert not one.cancel("hotel")
    assert one.end_saga() == {"status": "COMPENSATING", "booked": ["flight"], "again": True}
    assert record(store)["status"] == "COMPENSATING"
    assert one.roll_back() == "ROLLED_BACK"
    with pytest.raises(BookingCancelled):
        other.book("car")
    assert set(bookings(store).values()) == {"CANCELLED"}
    assert [line for line in story(store) if "Saga" in line] == ["Saga BEGIN", "Saga END ROLLED_BACK"]
    assert violations(store.items) == []


def test_both_roll_back(one: Execution, other: Execution, store: MemoryStore) -> None:
    """When both fail, both find the trip rolled back, and all that was taken is given back once."""
    other.book("hotel")
    other.book("flight")
    assert one.roll_back(["hotel"]) == "ROLLED_BACK"
    assert other.roll_back() == "ROLLED_BACK"
    assert {count for counts in taken(store).values() for count in counts} == {0}
    assert story(store).count("Saga END ROLLED_BACK") == 1
    assert violations(store.items) == []


def test_the_one_that_confirms_stops_the_other(one: Execution, other: Execution, store: MemoryStore) -> None:
    """Once B has confirmed the trip, A's cancels and its EndSaga stop at TripConfirmed, and all stays booked."""
    for name in ORDER:
        other.book(name)
    for act in (lambda: one.cancel("hotel"), one.end_saga):
        with pytest.raises(TripConfirmed):
            act()
    assert set(bookings(store).values()) == {"BOOKED"}
    assert story(store)[-1] == "Saga END CONFIRMED"
    assert violations(store.items) == []


def test_both_book_the_trip_once(one: Execution, other: Execution, store: MemoryStore) -> None:
    """Two executions side by side book each part once, give the same confirmation numbers, and confirm once."""
    for name in ORDER:
        one.book(name)
        other.book(name)
    assert one.bookings == other.bookings
    assert {count for counts in taken(store).values() for count in counts} == {1}
    assert story(store).count("Saga END CONFIRMED") == 1
    assert violations(store.items) == []


@pytest.fixture
def owing(one: Execution, store: MemoryStore) -> Execution:
    """An execution whose flight could not be cancelled: the trip needs attention, and the ledger has the flight."""
    one.book("hotel")
    one.book("flight")
    one.cancel("car")
    one.owed = {"flight": "TransientError"}
    one.cancel("hotel")
    assert one.end_saga() == {"status": "NEEDS_ATTENTION", "booked": ["flight"], "again": False}
    assert (record(store)["owed"], record(store)["booked"]) == ({"flight": "TransientError"}, ["flight"])
    return one


@pytest.mark.usefixtures("owing")
def test_a_new_execution_of_a_trip_that_owes_its_flight(other: Execution, store: MemoryStore) -> None:
    """Started again, it is refused at the hotel, cancels that, finds the flight in the ledger, and cancels all."""
    with pytest.raises(BookingCancelled):
        other.book("hotel")
    assert not other.cancel("hotel")
    assert other.end_saga() == {"status": "NEEDS_ATTENTION", "booked": ["flight"], "again": True}
    assert ("owed" in record(store), "unfinished" in record(store)) == (True, True)
    assert other.roll_back() == "ROLLED_BACK"
    assert not {"owed", "unfinished", "booked"} & set(record(store))
    assert set(bookings(store).values()) == {"CANCELLED"}
    assert story(store)[-1] == "Saga END ROLLED_BACK"
    assert violations(store.items) == []


@pytest.mark.usefixtures("owing")
def test_a_new_execution_whose_cancel_fails_again(other: Execution, store: MemoryStore) -> None:
    """If the flight still can't be cancelled, the trip goes on needing attention, and owes it."""
    assert not other.cancel("hotel")
    assert other.end_saga()["again"]
    other.cancel("car")
    other.owed = {"flight": "States.Timeout"}
    other.cancel("hotel")
    assert other.end_saga() == {"status": "NEEDS_ATTENTION", "booked": ["flight"], "again": False}
    assert record(store)["owed"] == {"flight": "States.Timeout"}
    assert violations(store.items) == []


def test_a_ledger_that_stays_as_it_was_is_owed(one: Execution, other: Execution, store: MemoryStore) -> None:
    """If all cancels have run once more and the ledger has not shrunk, what it holds is owed, and the run ends."""
    other.book("hotel")
    other.book("flight")
    one.cancel("hotel")
    assert one.end_saga()["again"]
    assert one.end_saga() == {"status": "NEEDS_ATTENTION", "booked": ["flight"], "again": False}
    assert (record(store)["owed"], record(store)["goal"]) == ({"flight": "StillBooked"}, "ROLLED_BACK")
    assert story(store)[-1] == "Saga ABORT NEEDS_ATTENTION"
    assert violations(store.items) == []


def test_a_ledger_that_shrinks_gets_another_pass(one: Execution, other: Execution, store: MemoryStore) -> None:
    """Each pass that has taken something out of the ledger is followed by another one, until it is empty."""
    for name in ORDER[:-1]:
        other.book(name)
    other.play.book("car", told=())
    one.bookings = dict.fromkeys(ORDER, LIVE)
    seen = []
    for name in ("car", "flight", "hotel"):
        one.cancel(name)
        one.bookings[name] = LIVE
        seen.append(one.end_saga())
    assert [(answer["booked"], answer["again"]) for answer in seen] == [
        (["flight", "hotel"], True),
        (["hotel"], True),
        ([], False),
    ]
    assert record(store)["status"] == "ROLLED_BACK"
    assert story(store)[-1] == "Saga END ROLLED_BACK"


def test_what_failed_and_what_is_booked_are_both_owed(one: Execution, other: Execution, store: MemoryStore) -> None:
    """A run that owes something does not go round again: it owes that and all that the ledger holds."""
    other.book("hotel")
    other.book("flight")
    other.play.cancel("car")
    one.owed = {"hotel": "States.Timeout"}
    assert one.end_saga() == {"status": "NEEDS_ATTENTION", "booked": ["flight", "hotel"], "again": False}
    assert record(store)["owed"] == {"flight": "StillBooked", "hotel": "States.Timeout"}
    assert story(store)[-1] == "Saga ABORT NEEDS_ATTENTION"
    assert violations(store.items) == []
