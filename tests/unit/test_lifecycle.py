"""The trip's record from its begin to its end: every change once, and never backwards."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from itertools import cycle

import pytest

from saga import log
from saga.errors import TransientError, TripConfirmed, TripConflict
from saga.ports import Key
from tests.memory import MemoryStore
from tests.story import record, story
from tests.unit.play import Play

UNDOING = ["COMPENSATING", "CANCELLING", "NEEDS_ATTENTION"]
GOALS = {"COMPENSATING": "ROLLED_BACK", "CANCELLING": "CANCELLED", "NEEDS_ATTENTION": "CANCELLED"}
OWED = {"car": "TransientError"}


@pytest.fixture(params=UNDOING)
def undoing(request: pytest.FixtureRequest, play: Play) -> str:
    """A status of a trip that is being undone, which the sample trip then has."""
    record(play.store).update(status=request.param, goal=GOALS[request.param])
    return str(request.param)


def test_end_reaches_the_goal(play: Play, store: MemoryStore, undoing: str) -> None:
    """With nothing owed a trip ends at its goal, and leaves the index of the unfinished; the log says so last."""
    record(store)["owed"] = OWED
    assert play.end() == record(store)["status"] == GOALS[undoing]
    assert not {"owed", "unfinished"} & set(record(store))
    assert story(store) == ["Saga BEGIN", f"Saga END {GOALS[undoing]}"]
    assert "owed" not in store.items[Key(log.TABLE, "trip-1", f"LOG#000#07#Saga#999#{GOALS[undoing]}")]


def test_end_remembers_what_is_owed(play: Play, store: MemoryStore, undoing: str) -> None:
    """With something owed a trip needs attention, keeps its goal, and stays in the index of the unfinished."""
    assert play.end(OWED) == record(store)["status"] == "NEEDS_ATTENTION"
    assert (record(store)["owed"], record(store)["goal"]) == (OWED, GOALS[undoing])
    assert "unfinished" in record(store)
    assert story(store) == ["Saga BEGIN", "Saga ABORT NEEDS_ATTENTION"]


def test_the_log_says_what_is_owed(play: Play, store: MemoryStore) -> None:
    """The saga's ABORT names each participant that is owed and the error that kept failing."""
    play.cancel("hotel")
    play.end(OWED)
    assert store.items[Key(log.TABLE, "trip-1", "LOG#000#07#Saga#999#NEEDS_ATTENTION")]["owed"] == OWED


def test_end_when_no_cancel_closed_the_trip(play: Play, store: MemoryStore) -> None:
    """If every cancel failed before it closed the trip, it needs attention on its way to ROLLED_BACK."""
    assert play.end(OWED) == "NEEDS_ATTENTION"
    assert (record(store)["goal"], record(store)["owed"]) == ("ROLLED_BACK", OWED)
    assert story(store) == ["Saga BEGIN", "Saga ABORT NEEDS_ATTENTION"]


def test_end_of_a_trip_still_booking(play: Play, store: MemoryStore) -> None:
    """A trip that is BOOKING with nothing owed has had no cancel: it can't be ended, and stays."""
    before = deepcopy(store.items)
    with pytest.raises(TransientError):
        play.end()
    assert store.items == before


@pytest.mark.parametrize("owed", [{}, OWED])
def test_a_confirmed_trip_is_not_ended(play: Play, store: MemoryStore, owed: Mapping[str, str]) -> None:
    """On a CONFIRMED trip the end of an undo raises TripConfirmed, and nothing changes."""
    play.book_all()
    before = deepcopy(store.items)
    with pytest.raises(TripConfirmed):
        play.end(owed)
    assert store.items == before


@pytest.mark.parametrize("owed", [{}, OWED])
@pytest.mark.parametrize("status", ["ROLLED_BACK", "CANCELLED"])
def test_an_ended_trip_stays_as_it_is(play: Play, store: MemoryStore, status: str, owed: Mapping[str, str]) -> None:
    """A late end answers what the trip ended as, and writes nothing, whatever it says is owed."""
    record(store)["status"] = status
    before = deepcopy(store.items)
    assert play.end(owed) == status
    assert store.items == before


@pytest.mark.parametrize("owed", [{}, OWED])
def test_a_repeated_end_ends_once(play: Play, store: MemoryStore, owed: Mapping[str, str]) -> None:
    """The same end again gives the same answer, and no second entry in the log."""
    play.cancel("hotel")
    first, told = play.end(owed), story(store)
    assert (play.end(owed), story(store)) == (first, told)


def test_a_repair_reaches_the_goal(play: Play, store: MemoryStore) -> None:
    """A trip that needs attention ends at its goal in a later run; the story tells both runs in order."""
    play.cancel("hotel")
    play.end(OWED)
    play.cancel_all(run=1)
    assert play.end(run=1) == "ROLLED_BACK"
    assert "owed" not in record(store)
    cancels = [f"Cancel{name} {kind}" for name in ("Car", "Flight") for kind in ("START", "END")]
    first = ["Saga BEGIN", "CancelHotel START", "CancelHotel END", "Saga ABORT NEEDS_ATTENTION"]
    assert story(store) == [*first, *cancels, "Saga END ROLLED_BACK"]


def test_a_repair_that_fails_says_so_again(play: Play, store: MemoryStore) -> None:
    """A later run that leaves something owed replaces what is owed, and has its own line in the log."""
    play.cancel("hotel")
    play.end(OWED)
    assert play.end({"flight": "States.Timeout"}, run=1) == "NEEDS_ATTENTION"
    assert record(store)["owed"] == {"flight": "States.Timeout"}
    assert story(store)[-2:] == ["Saga ABORT NEEDS_ATTENTION"] * 2


@pytest.mark.parametrize("change", [{"saga_id": "other"}, None])
def test_only_ones_own_trip_is_ended(play: Play, store: MemoryStore, change: dict[str, str] | None) -> None:
    """A trip of another saga, or one that was never begun, can't be ended."""
    record(store).update(change or {})
    if change is None:
        del store.items[log.trip_key("trip-1")]
    before = deepcopy(store.items)
    with pytest.raises(TripConflict):
        play.end(OWED)
    assert store.items == before


def test_an_end_that_loses_to_another_end(play: Play, store: MemoryStore) -> None:
    """If the same end, delivered twice, wins in between, this one gives its answer; the log has one entry."""
    play.cancel("hotel")

    def wrong() -> None:
        raise AssertionError("the trip was written without its entry in the log")

    assert play.between(end=play.end, leave=wrong).end() == "ROLLED_BACK"
    assert story(store)[-1] == "Saga END ROLLED_BACK"
    assert len(story(store)) == len(set(story(store)))


def test_an_end_that_loses_to_a_repair(play: Play, store: MemoryStore) -> None:
    """If a repair ends the trip in between, what this run says is owed is not owed any more."""
    play.cancel("hotel")
    play.end(OWED)
    assert play.between(end=lambda: play.end(run=1)).end(OWED) == "ROLLED_BACK"
    assert record(store)["status"] == "ROLLED_BACK"


def test_an_end_said_before_loses_to_a_repair(play: Play, store: MemoryStore) -> None:
    """The same, when the repair comes after the log has turned out to have this run's entry already."""
    play.cancel("hotel")
    play.end(OWED)
    assert play.between(leave=lambda: play.end(run=1)).end(OWED) == "ROLLED_BACK"
    assert record(store)["status"] == "ROLLED_BACK"
    assert "owed" not in record(store)


def test_an_end_that_loses_to_a_confirmation(play: Play, store: MemoryStore) -> None:
    """If the last book lands while every cancel has failed, the trip is CONFIRMED and the undo stops."""
    play.book("hotel")
    play.book("flight")
    with pytest.raises(TripConfirmed):
        play.between(end=lambda: play.book("car")).end(OWED)
    assert record(store)["status"] == "CONFIRMED"
    assert story(store)[-1] == "Saga END CONFIRMED"


def test_an_end_that_keeps_losing_is_retried(play: Play, store: MemoryStore) -> None:
    """An end whose trip changes under it three times asks to be retried, and has written nothing."""
    statuses = cycle(UNDOING)
    record(store)["status"] = next(statuses)
    acts = [lambda: record(store).update(status=next(statuses))] * 3
    with pytest.raises(TransientError):
        play.disturbed(end=acts).end(OWED)
    assert story(store) == ["Saga BEGIN"]


def test_an_end_wins_in_the_third_round(play: Play, store: MemoryStore) -> None:
    """An end whose trip changes under it twice looks again, and ends it from what it has become."""
    statuses = cycle(UNDOING)
    record(store)["status"] = next(statuses)
    acts = [lambda: record(store).update(status=next(statuses))] * 2
    assert play.disturbed(end=acts).end(OWED) == "NEEDS_ATTENTION"
    assert story(store) == ["Saga BEGIN", "Saga ABORT NEEDS_ATTENTION"]


def test_an_end_owes_what_was_booked_meanwhile(play: Play, store: MemoryStore) -> None:
    """If a book lands while every cancel of another execution has failed, the trip owes that participant too."""
    assert play.between(end=lambda: play.book("hotel")).end(OWED) == "NEEDS_ATTENTION"
    assert record(store)["owed"] == {"car": "TransientError", "hotel": "StillBooked"}
    assert story(store)[-1] == "Saga ABORT NEEDS_ATTENTION"


def test_an_end_owes_nothing_that_was_cancelled_meanwhile(play: Play, store: MemoryStore) -> None:
    """If another run's cancel lands between the look at the ledger and the end, it is not owed any more."""
    play.book("hotel")
    record(store)["status"] = "COMPENSATING"
    assert play.between(end=lambda: replace(play, owed=OWED).cancel("hotel", run=1)).end(OWED) == "NEEDS_ATTENTION"
    assert record(store)["owed"] == OWED


def test_an_end_says_what_is_booked(play: Play, store: MemoryStore) -> None:
    """EndSaga answers the status, what the ledger holds, and whether all cancels must run again."""
    play.book("hotel")
    record(store).update(status="COMPENSATING", goal="ROLLED_BACK")
    before = deepcopy(store.items)
    first = play.end_whole()
    assert first == {"status": "COMPENSATING", "booked": ["hotel"], "again": True}
    assert store.items == before
    replace(play, owed=OWED).cancel("hotel")
    assert play.end_whole(before=first) == {"status": "ROLLED_BACK", "booked": [], "again": False}
    assert play.end_whole(before=first) == {"status": "ROLLED_BACK", "booked": [], "again": False}
    assert story(store)[-1] == "Saga END ROLLED_BACK"


def test_an_open_trip_with_bookings_is_cancelled_again(play: Play, store: MemoryStore) -> None:
    """A trip that is BOOKING and holds bookings is not ended: all cancels run again, and close it."""
    play.book("hotel")
    assert play.end_whole() == {"status": "BOOKING", "booked": ["hotel"], "again": True}
    with pytest.raises(TransientError, match=r"^trip trip-1 could not be ended$"):
        play.end_whole(before={"booked": ["hotel"]})
    assert (record(store)["status"], story(store)[-1]) == ("BOOKING", "BookHotel END")


def test_a_trip_is_rolled_back(play: Play, store: MemoryStore) -> None:
    """A trip whose car was never booked rolls back in reverse, its own cancel first, and the log tells it in order."""
    play.book("hotel")
    play.book("flight")
    play.cancel_all()
    assert play.end() == "ROLLED_BACK"
    steps = ["BookHotel", "BookFlight", "CancelCar", "CancelFlight", "CancelHotel"]
    told = [f"{step} {kind}" for step in steps for kind in ("START", "END")]
    assert story(store) == ["Saga BEGIN", *told, "Saga END ROLLED_BACK"]
