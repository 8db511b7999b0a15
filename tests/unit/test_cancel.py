"""Cancel: it succeeds on what is booked, on what is not, and on what is cancelled already."""

from copy import deepcopy
from dataclasses import replace
from itertools import repeat
from typing import Any

import pytest

from saga import log
from saga.booking import confirmation
from saga.errors import TransientError, TripConfirmed, TripConflict
from saga.ports import Desk, Key
from saga.trip import PARTICIPANTS
from tests.memory import MemoryStore
from tests.story import booking, bookings, record, story, taken
from tests.trips import trip
from tests.unit.play import Play, parsed

BOOKED = ["Saga BEGIN", "BookHotel START", "BookHotel END"]
CANCELLED = ["CancelHotel START", "CancelHotel END"]
DONE = {"status": "CANCELLED", "ended": True}
GOING_ON = {"status": "CANCELLED", "ended": False}


EVERY = {name: {"status": "BOOKED"} for name in PARTICIPANTS}
"""What the machine knows once every book has answered: no cancel takes itself for the last then."""


@pytest.fixture(params=[None, {}, EVERY], ids=["right", "no book answered", "every book answered"])
def play(request: pytest.FixtureRequest, play: Play) -> Play:
    """A begun saga whose machine tells its cancels how the others stand, or something that may be wrong.

    It owes something, so that no cancel ends it.
    """
    bookings: dict[str, Any] | None = request.param
    return replace(play, bookings=bookings, owed={"boat": {"Error": "TransientError"}})


def die() -> None:
    """A store that does not answer."""
    raise TransientError("the store is down")


@pytest.mark.parametrize("participant", PARTICIPANTS)
def test_gives_back_what_was_taken(play: Play, store: MemoryStore, participant: str) -> None:
    """A cancel gives back one of each counter that the booking took."""
    play.book_all()
    record(store)["status"] = "CANCELLING"
    assert play.cancel(participant) == GOING_ON
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
    assert play.cancel(participant) == GOING_ON
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
    assert play.cancel("hotel") == GOING_ON
    assert store.items == before


@pytest.mark.parametrize("booked", [True, False])
def test_a_retried_cancel_has_one_outcome(play: Play, store: MemoryStore, booked: bool) -> None:
    """A retry after a lost reply gives nothing back again; the log shows its START and still one END."""
    if booked:
        play.book("hotel")
    play.cancel("hotel", attempt=0)
    given = deepcopy(taken(store))
    assert play.cancel("hotel", attempt=1) == GOING_ON
    assert taken(store) == given
    assert [line for line in story(store) if "Cancel" in line] == ["CancelHotel START", *CANCELLED]


def test_two_runs_give_back_once(play: Play, store: MemoryStore) -> None:
    """What the saga has cancelled a repair finds cancelled: the second run logs nothing but what it tried again."""
    play.book("hotel")
    play.cancel("hotel", run=0)
    play.cancel("hotel", run=1)
    assert taken(store) == {"hotel": [0, 0, 0]}
    assert story(store) == [*BOOKED, *CANCELLED]
    play.cancel("hotel", attempt=1, run=1)
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
    del before["booked"]
    play.cancel("hotel")
    assert record(store) == before
    assert bookings(store) == {"hotel": "CANCELLED"}
    assert story(store) == [*BOOKED, *CANCELLED]


@pytest.mark.parametrize("participant", PARTICIPANTS)
def test_a_confirmed_trip_is_not_undone(play: Play, store: MemoryStore, participant: str) -> None:
    """On a CONFIRMED trip a cancel raises TripConfirmed and every booking stays."""
    play.book_all()
    told = story(store)
    with pytest.raises(TripConfirmed, match=r"^trip trip-1 is confirmed$"):
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
    assert play.cancel("hotel", attempt=1) == DONE
    assert (bookings(store), record(store)["status"], len(story(store))) == (before, status, told + 1)


@pytest.mark.parametrize("status", ["ROLLED_BACK", "CANCELLED"])
def test_a_cancel_after_the_end_leaves_no_tombstone(play: Play, store: MemoryStore, status: str) -> None:
    """On a trip that has ended nothing is put where nothing is."""
    record(store)["status"] = status
    assert play.cancel("hotel") == DONE
    assert bookings(store) == {}
    assert story(store) == ["Saga BEGIN"]


def test_another_sagas_trip_is_not_cancelled(play: Play, store: MemoryStore) -> None:
    """A cancel for a trip that belongs to another saga is a conflict; trip and bookings stay."""
    play.book("hotel")
    before = deepcopy(record(store))
    with pytest.raises(TripConflict, match=r"^trip trip-1 belongs to another saga$"):
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
    assert play.cancel("hotel") == GOING_ON
    assert (bookings(store), taken(store)) == ({"hotel": "BOOKED"}, {"hotel": [1, 1, 1]})
    assert story(store) == BOOKED


@pytest.mark.parametrize(("attempt", "told"), [(0, []), (1, ["CancelHotel START"])])
def test_a_retry_starts_ahead(play: Play, store: MemoryStore, attempt: int, told: list[str]) -> None:
    """A cancel that dies before it has written anything leaves nothing at the first attempt, a START at a later one."""
    first = replace(play, bookings=EVERY)
    with pytest.raises(TransientError):
        first.between(tombstone=die).cancel("hotel", attempt)
    assert (record(store)["status"], bookings(store)) == ("BOOKING", {})
    assert story(store) == ["Saga BEGIN", *told]


def test_a_cancel_gives_back_what_its_booking_took(play: Play, store: MemoryStore) -> None:
    """Other rules, or another reading of the request, undo an older booking all the same: it says what it took."""
    play.book("hotel")
    other = {"Holiday Inn Dublin#2099-04": ["d07"], "Annexe#2099-03": ["d01", "d02"]}
    booking(store, "hotel")["takes"] = other
    for name, slots in other.items():
        store.items[Key("hotel", f"TAKEN#{name}")] = dict.fromkeys(slots, 1)
    play.cancel("hotel")
    assert {name: set(store.items[Key("hotel", f"TAKEN#{name}")].values()) for name in other} == {
        name: {0} for name in other
    }
    march = store.items[Key("hotel", "TAKEN#Holiday Inn Dublin#2099-03")]
    assert {slot: march[slot] for slot in ("d01", "d02", "d03")} == {"d01": 1, "d02": 1, "d03": 1}
    assert story(store) == [*BOOKED, *CANCELLED]


@pytest.mark.parametrize("booked", [True, False])
def test_the_log_says_what_a_cancel_found(play: Play, store: MemoryStore, booked: bool) -> None:
    """The END of a cancel says whether it found a booking or put a tombstone."""
    if booked:
        play.book("hotel")
    play.cancel("hotel")
    entry = store.items[Key(log.TABLE, "trip-1", "LOG#000#06#CancelHotel#999#OUTCOME")]
    assert entry["found"] == ("BOOKED" if booked else "nothing")


def test_a_tombstone_says_what_it_stands_for(play: Play, store: MemoryStore) -> None:
    """A tombstone is of its saga, its confirmation number and its offer, was never booked, and says when it was put."""
    play.cancel("hotel")
    put = booking(store, "hotel")
    assert (put["saga_id"], put["offer"]) == (play.trip.saga_id, "Holiday Inn Dublin")
    assert put["confirmation"] == confirmation(play.trip.saga_id, "hotel")
    assert put["cancelled"].startswith("2099-01-01T12:00:00")
    assert not {"booked", "capacity"} & set(put)


def tried(play: Play, run: int = 0) -> list[str]:
    """Cancel the hotel; return the kinds of the writes that it tried, in order."""
    seen: list[str] = []
    play.watched(seen).cancel("hotel", run=run)
    return seen


def test_a_failed_books_cancel_is_one_transaction(play: Play, store: MemoryStore) -> None:
    """Where no book has answered, the close, the tombstone and the END are one, and the trip is updated with it."""
    before = record(store)["updated"]
    assert tried(replace(play, bookings={})) == ["tombstone"]
    assert (record(store)["status"], record(store)["goal"]) == ("COMPENSATING", "ROLLED_BACK")
    assert record(store)["updated"] > before
    assert bookings(store) == {"hotel": "CANCELLED"}
    assert story(store) == ["Saga BEGIN", *CANCELLED]


@pytest.mark.parametrize(("known", "run"), [(EVERY, 0), (EVERY, 1), ({}, 1)])
@pytest.mark.parametrize("booked", [True, False])
def test_a_later_cancel_is_one_transaction(
    play: Play, store: MemoryStore, known: dict[str, Any], run: int, booked: bool
) -> None:
    """On a closed trip a cancel looks for its booking and has one transaction, unless it takes the trip for open."""
    if booked:
        play.book("hotel")
    record(store)["status"] = "COMPENSATING"
    assert tried(replace(play, bookings=known), run) == ["cancel" if booked else "tombstone"]
    assert bookings(store) == {"hotel": "CANCELLED"}
    assert story(store)[-2:] == CANCELLED


@pytest.mark.parametrize("booked", [True, False])
def test_a_participant_that_is_down_keeps_the_trip_closed(play: Play, store: MemoryStore, booked: bool) -> None:
    """Where the failed book's own cancel can't reach its participant, it closes the trip alone: no late book lands."""
    if booked:
        play.book("hotel")
    before, told = deepcopy(bookings(store)), story(store)
    with pytest.raises(TransientError, match="down"):
        replace(play, bookings={}).disturbed(tombstone=repeat(die), cancel=repeat(die)).cancel("hotel")
    assert (record(store)["status"], record(store)["goal"]) == ("COMPENSATING", "ROLLED_BACK")
    assert (bookings(store), story(store)) == (before, told)


@pytest.mark.parametrize("known", [EVERY, {"hotel": {"status": "BOOKED"}}])
def test_no_other_cancel_closes_an_open_trip_on_its_own(play: Play, store: MemoryStore, known: dict[str, Any]) -> None:
    """A cancel whose book has answered needs no close: a participant that is down leaves the trip as it is."""
    with pytest.raises(TransientError):
        replace(play, bookings=known).between(tombstone=die).cancel("hotel")
    assert record(store)["status"] == "BOOKING"
    assert story(store) == ["Saga BEGIN"]


@pytest.mark.parametrize("live", [True, False])
def test_a_cancel_ends_once(play: Play, store: MemoryStore, live: bool) -> None:
    """Where the log says that this cancel ended, but its booking does not, it can't tell and asks to be retried."""
    play.book("hotel")
    play.cancel("hotel")
    if live:
        booking(store, "hotel")["status"] = "BOOKED"
        store.items[Key("hotel", "TAKEN#Holiday Inn Dublin#2099-03")] = {"d01": 1, "d02": 1, "d03": 1}
    else:
        del store.items[Key("hotel", "TRIP#trip-1")]
    with pytest.raises(TransientError, match=r"hotel could not be cancelled: conditions failed: outcome$"):
        play.cancel("hotel")
    assert story(store) == [*BOOKED, *CANCELLED]
