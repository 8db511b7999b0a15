"""Finds what nothing works on any more, and starts its undo. Doubled or mistaken, a start is safe: see steps.py."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol

from saga import lifecycle, log
from saga.errors import TransientError, TripConfirmed
from saga.log import Call
from saga.ports import Desk, Item
from saga.trip import BOOKING, CANCELLING, COMPENSATING, PARTICIPANTS

RUNNING = "RUNNING"

UNDOS = 3
"""How many undos of a trip may die before it needs attention: what kills them all will kill the next one too."""

_BEHIND_ALL = 99  # the position in the log of what follows every step of a run
_NAMES = 10  # how many taken names a start passes over: undos that died before they could be counted


class Executions(Protocol):
    """What the reconciler needs of the state machines; see executions.py."""

    def booking(self, trip_id: str, saga_id: str) -> str:
        """Return the ARN of a trip's booking."""

    def cancellation(self, trip_id: str, run: int) -> str:
        """Return the ARN of a trip's `run`-th undo."""

    def status(self, arn: str) -> str | None:
        """Return an execution's status, None if there is none."""

    def start_booking(self, trip_id: str, record: Mapping[str, Any]) -> bool:
        """Start a booking; return False if its name is taken."""

    def start_cancellation(self, trip_id: str, run: int) -> bool:
        """Start an undo; return False if its name is taken."""


def reconcile(desk: Desk, executions: Executions, trip_id: str) -> str | None:
    """Start what a forgotten trip needs: its undo, or its booking if none has begun. Return the execution's ARN.

    Returns None for a trip that something works on, that is CONFIRMED or has ended, that is unknown, or that
    NEEDS_ATTENTION, which is left to repair; a trip whose undos keep dying becomes that here. Raises TransientError
    when the executions can't be seen.
    """
    record = desk.store.get(log.trip_key(trip_id))
    if not record or record["status"] not in (BOOKING, COMPENSATING, CANCELLING):
        return None
    derived = executions.booking(trip_id, record["saga_id"])
    bookings = {executions.status(arn) for arn in {derived, record.get("execution", derived)}}
    undone = record.get("undo")
    if RUNNING in bookings or (undone and executions.status(undone) == RUNNING):
        return None
    if record["runs"] >= UNDOS:
        give_up(desk, trip_id, record)
        return None
    if record["status"] == BOOKING and bookings == {None} and not undone:
        return derived if executions.start_booking(trip_id, record) else None
    return start_undo(executions, trip_id, record["runs"] + 1)


def give_up(desk: Desk, trip_id: str, record: Item) -> None:
    """Leave a trip to repair, as owing everything: its undos died, so which of its cancels worked is unknown."""
    call = Call(trip_id, record["saga_id"], record["runs"], _BEHIND_ALL, "Reconcile", 0)
    with suppress(TripConfirmed):  # its last book landed in between
        lifecycle.end(desk, call, dict.fromkeys(PARTICIPANTS, "UndoDied"))


def start_undo(executions: Executions, trip_id: str, run: int) -> str | None:
    """Start the next undo of a trip, `run` or later; return its ARN, None if one of these is already running."""
    for number in range(run, run + _NAMES):
        arn = executions.cancellation(trip_id, number)
        if executions.start_cancellation(trip_id, number):
            return arn
        if executions.status(arn) == RUNNING:
            return None
    raise TransientError(f"trip {trip_id}: the names of {_NAMES} undos are taken")
