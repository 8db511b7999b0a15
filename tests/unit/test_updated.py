"""`updated` moves with every change of a trip's status: what has stood still, and when an outcome came, rely on it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from saga import lifecycle, reconciler, travellers
from saga.errors import TransientError
from tests.memory import MemoryStore
from tests.story import record
from tests.unit.play import Play

OWED = {"car": "TransientError"}
STARTS: Any = type("Executions", (), {"start_cancellation": lambda *_: True, "cancellation": lambda *_: "arn"})()


@dataclass(frozen=True)
class Move:
    """A change of status: what does it, from which status and goal, and to which."""

    name: str
    act: Callable[[Play], object]
    before: str
    after: str
    goal: str = "ROLLED_BACK"


def die() -> None:
    """A store that does not answer."""
    raise TransientError


def _closed_alone(play: Play) -> None:
    with pytest.raises(TransientError):
        replace(play, bookings={}).between(tombstone=die).cancel("car")


def _ended_by_the_last(play: Play) -> None:
    replace(play, status=record(play.store)["status"], bookings={}).cancel("car", run=1)


def _delete(play: Play) -> None:
    travellers.cancel(play.desk, STARTS, "trip-1", "ann")


def _give_up(play: Play) -> None:
    reconciler.give_up(play.desk, "trip-1", record(play.store))


MOVES = [
    Move("last book", lambda play: play.book_all(), "BOOKING", "CONFIRMED"),
    Move("failed book's cancel", lambda play: replace(play, bookings={}).cancel("car"), "BOOKING", "COMPENSATING"),
    Move("close alone", _closed_alone, "BOOKING", "COMPENSATING"),
    Move("BeginCancellation", lambda p: lifecycle.begin_run(p.desk, "trip-1", "arn"), "BOOKING", "COMPENSATING"),
    Move("EndSaga of nothing closed", lambda play: play.end(OWED), "BOOKING", "NEEDS_ATTENTION"),
    Move("EndSaga that owes", lambda play: play.end(OWED), "CANCELLING", "NEEDS_ATTENTION", "CANCELLED"),
    Move("EndSaga", lambda play: play.end(), "COMPENSATING", "ROLLED_BACK"),
    Move("EndSaga of a cancellation", lambda play: play.end(), "CANCELLING", "CANCELLED", "CANCELLED"),
    Move("EndSaga of a repair", lambda play: play.end(run=1), "NEEDS_ATTENTION", "CANCELLED", "CANCELLED"),
    Move("last cancel", _ended_by_the_last, "COMPENSATING", "ROLLED_BACK"),
    Move("last cancel of a cancellation", _ended_by_the_last, "CANCELLING", "CANCELLED", "CANCELLED"),
    Move("DELETE", _delete, "BOOKING", "COMPENSATING"),
    Move("DELETE of a booked trip", _delete, "CONFIRMED", "CANCELLING"),
    Move("undos that died", _give_up, "COMPENSATING", "NEEDS_ATTENTION"),
]


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.name)
def test_a_change_of_status_is_an_update(play: Play, store: MemoryStore, move: Move) -> None:
    """Whatever changes the status says when, and puts the trip into the index of the unfinished or takes it out."""
    before = record(store)["updated"]
    record(store).update(status=move.before, goal=move.goal)
    if move.before == "BOOKING":
        del record(store)["goal"]
    move.act(play)
    assert record(store)["status"] == move.after
    assert record(store)["updated"] > before
    assert ("unfinished" in record(store)) == (move.after not in {"CONFIRMED", "ROLLED_BACK", "CANCELLED"})
    if move.after != "CONFIRMED":
        assert record(store)["goal"] == ("CANCELLED" if "CANCELL" in move.after else move.goal)
