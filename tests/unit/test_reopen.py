"""A trip taken back from its end, for which something is booked all the same."""

import pytest

from saga import lifecycle, log
from saga.ports import Desk, Lost
from tests.memory import MemoryStore
from tests.story import TRIP_ID, booking, bookings, record, story
from tests.unit.play import Play
from tools.invariants import violations


@pytest.fixture
def ended(play: Play) -> Play:
    """A trip that has rolled back, and of which the flight is live again."""
    play.book("hotel")
    play.book("flight")
    play.cancel_all()
    booking(play.store, "flight")["status"] = "BOOKED"
    play.store.items[next(key for key in play.store.items if key.id.startswith("TAKEN#EI155"))]["d01"] = 1
    return play


def test_it_needs_attention_and_says_for_what(desk: Desk, ended: Play) -> None:
    """The trip NEEDS_ATTENTION on its way to the same goal, owes what is booked, and is among the unfinished again."""
    found = lifecycle.reopen(desk, record(ended.store), {"flight"})
    assert found == record(ended.store)
    expected = {"status": "NEEDS_ATTENTION", "goal": "ROLLED_BACK", "owed": {"flight": "StillBooked"}, "runs": 1}
    assert expected.items() <= found.items()
    assert found["unfinished"] == found["shard"]
    assert found["updated"] > found["created"]
    assert story(ended.store)[-1] == "Saga ABORT NEEDS_ATTENTION"


def test_the_next_undo_ends_it_as_before(desk: Desk, ended: Play) -> None:
    """An undo of the next run cancels what is booked and ends the trip at its goal, and nothing is found then."""
    lifecycle.reopen(desk, record(ended.store), {"flight"})
    found = lifecycle.begin_run(desk, TRIP_ID, "arn:repair")
    assert found["runs"] == 2
    ended.cancel_all(run=2)
    ended.end(run=2)
    assert record(ended.store)["status"] == "ROLLED_BACK"
    assert bookings(ended.store)["flight"] == "CANCELLED"
    assert story(ended.store)[-4:] == ["Saga BEGIN", "CancelFlight START", "CancelFlight END", "Saga END ROLLED_BACK"]
    assert violations(ended.store.items) == []


def test_it_can_be_reopened_again(desk: Desk, ended: Play) -> None:
    """Each time counts as a run of its own, so its entries never collide."""
    for _ in range(2):
        lifecycle.reopen(desk, record(ended.store), {"flight"})
        record(ended.store)["status"] = "ROLLED_BACK"  # by an execution of long ago, which counts no run
    assert story(ended.store)[-2:] == ["Saga ABORT NEEDS_ATTENTION"] * 2


@pytest.mark.parametrize("change", [{"status": "CANCELLED"}, {"saga_id": "another"}])
def test_only_the_end_that_was_read(desk: Desk, store: MemoryStore, ended: Play, change: dict[str, str]) -> None:
    """A trip that is not at that end any more, or is another saga's, stays as it is, and its log too."""
    read = store.get(log.trip_key(TRIP_ID)) or {}
    record(ended.store).update(change)
    before, told = dict(record(ended.store)), story(store)
    with pytest.raises(Lost):
        lifecycle.reopen(desk, read, {"flight"})
    assert (record(store), story(store)) == (before, told)
