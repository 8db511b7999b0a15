"""Cancel: it succeeds on what is booked, on what is not, and on what is cancelled already."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from saga.errors import TransientError, TripConfirmed, TripConflict
from saga.ports import Desk
from saga.trip import PARTICIPANTS
from tests.memory import MemoryStore
from tests.story import booking, bookings, record, story, taken
from tests.trips import trip
from tests.unit.play import Play, parsed

BOOKED = ["Saga BEGIN", "BookHotel START", "BookHotel END"]
CANCELLED = ["CancelHotel START", "CancelHotel END"]


@pytest.fixture(
    params=[None, {}, dict.fromkeys(PARTICIPANTS)], ids=["unknown", "no book answered", "every book answered"]
)
def play(request: pytest.FixtureRequest, play: Play) -> Play:
    """A begun saga whose machine tells its cancels nothing of the books, or something that may be wrong."""
    bookings: dict[str, Any] | None = request.param
    return replace(play, bookings=bookings)


@pytest.mark.parametrize("participant", PARTICIPANTS)
def test_gives_back_what_was_taken(play: Play, store: MemoryStore, participant: str) -> None:
    """A cancel gives back one of each counter that the booking took."""
    play.book_all()
    record(store)["status"] = "CANCELLING"
    assert play.cancel(participant) == {"status": "CANCELLED"}
    assert bookings(store)[participant] == "CANCELLED"
    assert {name: set(counts) for name, counts in taken(store).items()} == {
        name: {0} if name == participant else {1} for name in PARTICIPANTS
    }


def test_keeps_the_booking_as_cancelled(play: Play, store: MemoryStore) -> None:
    """A cancelled booking is not deleted: it still says what it was, and when it was cancelled."""
    play.book("hotel")
    before = deepcopy(booking(store, "hotel"))
    play.cancel("hotel")
    after = booking(store, "hotel")
    assert after == before | {"status": "CANCELLED", "cancelled": after["cancelled"]}
    assert story(store) == [*BOOKED, *CANCELLED]


@pytest.mark.parametrize("participant", PARTICIPANTS)
def test_leaves_a_tombstone_where_nothing_is_booked(play: Play, store: MemoryStore, participant: str) -> None:
    """A cancel that finds no booking leaves one that is CANCELLED from the start, and gives nothing back."""
    assert play.cancel(participant) == {"status": "CANCELLED"}
    assert (bookings(store), taken(store)) == ({participant: "CANCELLED"}, {})
    step = f"Cancel{participant.title()}"
    assert story(store) == ["Saga BEGIN", f"{step} START", f"{step} END"]


@pytest.mark.parametrize("booked", [True, False])
def test_a_repeated_cancel_cancels_once(play: Play, store: MemoryStore, booked: bool) -> None:
    """The same delivery again succeeds and changes nothing, on a booking as on a tombstone."""
    if booked:
        play.book("hotel")
    play.cancel("hotel")
    before = deepcopy(store.items)
    assert play.cancel("hotel") == {"status": "CANCELLED"}
    assert store.items == before


@pytest.mark.parametrize("booked", [True, False])
def test_a_retried_cancel_has_one_outcome(play: Play, store: MemoryStore, booked: bool) -> None:
    """A retry after a lost reply gives nothing back again; the log shows its START and still one END."""
    if booked:
        play.book("hotel")
    play.cancel("hotel", attempt=0)
    given = deepcopy(taken(store))
    assert play.cancel("hotel", attempt=1) == {"status": "CANCELLED"}
    assert taken(store) == given
    assert [line for line in story(store) if "Cancel" in line] == ["CancelHotel START", *CANCELLED]


def test_two_runs_give_back_once(play: Play, store: MemoryStore) -> None:
    """What the saga has cancelled a repair finds cancelled: the second run has a START and no END of its own."""
    play.book("hotel")
    play.cancel("hotel", run=0)
    play.cancel("hotel", run=1)
    assert taken(store) == {"hotel": [0, 0, 0]}
    assert story(store) == [*BOOKED, *CANCELLED, "CancelHotel START"]


def test_the_first_cancel_closes_the_trip(play: Play, store: MemoryStore) -> None:
    """A cancel moves a trip that is BOOKING to COMPENSATING, with ROLLED_BACK as its goal, still unfinished."""
    play.cancel("hotel")
    assert (record(store)["status"], record(store)["goal"]) == ("COMPENSATING", "ROLLED_BACK")
    assert "unfinished" in record(store)


@pytest.mark.parametrize(
    ("status", "goal"),
    [("COMPENSATING", "ROLLED_BACK"), ("CANCELLING", "CANCELLED"), ("NEEDS_ATTENTION", "CANCELLED")],
)
def test_a_closed_trip_is_not_closed_again(play: Play, store: MemoryStore, status: str, goal: str) -> None:
    """A trip that is being undone keeps its status and its goal, and its cancels work."""
    play.book("hotel")
    record(store).update(status=status, goal=goal)
    before = deepcopy(record(store))
    play.cancel("hotel")
    assert record(store) == before
    assert bookings(store) == {"hotel": "CANCELLED"}
    assert story(store) == [*BOOKED, *CANCELLED]


@pytest.mark.parametrize("participant", PARTICIPANTS)
def test_a_confirmed_trip_is_not_undone(play: Play, store: MemoryStore, participant: str) -> None:
    """On a CONFIRMED trip a cancel raises TripConfirmed and every booking stays."""
    play.book_all()
    told = story(store)
    with pytest.raises(TripConfirmed):
        play.cancel(participant)
    assert set(bookings(store).values()) == {"BOOKED"}
    assert record(store)["status"] == "CONFIRMED"
    assert [line for line in story(store) if "Cancel" not in line] == told
    assert f"Cancel{participant.title()} END" not in story(store)


@pytest.mark.parametrize("status", ["ROLLED_BACK", "CANCELLED"])
def test_a_cancel_after_the_end_does_nothing(play: Play, store: MemoryStore, status: str) -> None:
    """On a trip that has ended a late cancel succeeds, and only its START is new."""
    play.cancel_all().end()
    record(store)["status"] = status
    before, told = deepcopy(bookings(store)), len(story(store))
    assert play.cancel("hotel", attempt=1) == {"status": "CANCELLED"}
    assert (bookings(store), record(store)["status"], len(story(store))) == (before, status, told + 1)


@pytest.mark.parametrize("status", ["ROLLED_BACK", "CANCELLED"])
def test_a_cancel_after_the_end_leaves_no_tombstone(play: Play, store: MemoryStore, status: str) -> None:
    """On a trip that has ended nothing is put where nothing is."""
    record(store)["status"] = status
    assert play.cancel("hotel") == {"status": "CANCELLED"}
    assert bookings(store) == {}
    assert story(store) == ["Saga BEGIN", "CancelHotel START"]


def test_another_sagas_trip_is_not_cancelled(play: Play, store: MemoryStore) -> None:
    """A cancel for a trip that belongs to another saga is a conflict; trip and bookings stay."""
    play.book("hotel")
    before = deepcopy(record(store))
    with pytest.raises(TripConflict):
        Play(play.desk, store, parsed(trip(), owner="eve")).cancel("hotel")
    assert (record(store), bookings(store), taken(store)) == (before, {"hotel": "BOOKED"}, {"hotel": [1, 1, 1]})


def test_a_trip_never_begun_is_not_cancelled(desk: Desk, store: MemoryStore) -> None:
    """Without a trip's record a cancel is a conflict and leaves no tombstone for whoever takes the id."""
    with pytest.raises(TripConflict):
        Play(desk, store).cancel("hotel")
    assert bookings(store) == {}


def test_anothers_booking_is_not_cancelled(play: Play, store: MemoryStore) -> None:
    """A booking of another saga stays booked and keeps what it took: there is nothing of ours to cancel."""
    play.book("hotel")
    booking(store, "hotel")["saga_id"] = "other"
    assert play.cancel("hotel") == {"status": "CANCELLED"}
    assert (bookings(store), taken(store)) == ({"hotel": "BOOKED"}, {"hotel": [1, 1, 1]})


def test_start_is_written_ahead(play: Play, store: MemoryStore) -> None:
    """A cancel that dies before it closes the trip has left its START, and nothing else."""

    def die() -> None:
        raise TransientError

    with pytest.raises(TransientError):
        play.between(close=die).cancel("hotel")
    assert record(store)["status"] == "BOOKING"
    assert story(store) == ["Saga BEGIN", "CancelHotel START"]


def test_the_trip_is_closed_before_anything_is_cancelled(play: Play, store: MemoryStore) -> None:
    """A cancel that dies right after it closed the trip has cancelled nothing, and lets no further book in."""

    def die() -> None:
        if record(store)["status"] != "BOOKING":
            raise TransientError

    play.book("hotel")
    with pytest.raises(TransientError):
        play.disturbed(cancel=[die, die], tombstone=[die]).cancel("hotel")
    assert (record(store)["status"], bookings(store)) == ("COMPENSATING", {"hotel": "BOOKED"})
    assert story(store) == [*BOOKED, "CancelHotel START"]


def test_a_book_between_start_and_close_is_cancelled(play: Play, store: MemoryStore) -> None:
    """A book that lands just before the trip is closed is found and cancelled."""
    play.between(close=lambda: play.book("hotel")).cancel("hotel")
    assert (bookings(store), taken(store)) == ({"hotel": "CANCELLED"}, {"hotel": [0, 0, 0]})
    assert story(store) == [*BOOKED, *CANCELLED]


def test_a_book_after_the_close_is_refused(play: Play, store: MemoryStore) -> None:
    """A book that comes between the close and the tombstone is refused as TripClosed, and takes nothing."""
    refused: list[Exception] = []

    def late() -> None:
        try:
            play.book("hotel")
        except Exception as error:  # noqa: BLE001  whatever it is, the test looks at it
            refused.append(error)

    play.between(tombstone=late).cancel("hotel")
    assert [type(error).__name__ for error in refused] == ["TripClosed"]
    assert (bookings(store), taken(store)) == ({"hotel": "CANCELLED"}, {})
    assert story(store) == ["Saga BEGIN", "BookHotel START", "BookHotel ABORT", *CANCELLED]


def test_a_failed_books_cancel_closes_the_trip_before_all_else(play: Play, store: MemoryStore) -> None:
    """Where no book has answered the trip is closed first: even a participant that is down gets no late book."""

    def die() -> None:
        raise TransientError

    with pytest.raises(TransientError):
        replace(play, bookings={}).between(tombstone=die, cancel=die).cancel("hotel")
    assert record(store)["status"] == "COMPENSATING"
    assert story(store) == ["Saga BEGIN", "CancelHotel START"]


@pytest.mark.parametrize("booked", [True, False])
def test_a_right_guess_writes_once(play: Play, store: MemoryStore, booked: bool) -> None:
    """On a closed trip a cancel that knows whether its book has answered has one transaction: the right one."""
    if booked:
        play.book("hotel")
    record(store)["status"] = "COMPENSATING"
    told = replace(play, bookings={"hotel": {}} if booked else {})

    def wrong() -> None:
        raise AssertionError("the other transaction was tried")

    told.between(**{"tombstone" if booked else "cancel": wrong}).cancel("hotel")
    assert bookings(store) == {"hotel": "CANCELLED"}
    assert story(store)[-2:] == CANCELLED
