"""Undoes trips that no execution works on. Doubled or mistaken, a start is safe: see steps.py."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol

from saga import lifecycle, log
from saga.errors import TransientError, TripConfirmed
from saga.log import Call
from saga.ports import Change, Desk, Item, Lost
from saga.trip import BOOKING, CANCELLING, COMPENSATING, UNDOING

RUNNING = "RUNNING"

UNDOS = 3
"""How many undos of a trip may die before it needs attention: what kills them all will kill the next one too."""

_BEHIND_ALL = 99  # the position in the log of what follows every step of a run
_NAMES = 10  # how many taken names one start passes over; where it comes to is kept, so the next one goes on there


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

    Returns None for a trip that an execution works on, that is CONFIRMED or has ended, that is unknown, or that
    NEEDS_ATTENTION, which is left to repair; a trip whose undos keep dying becomes that here. Raises TransientError
    when the executions can't be seen.
    """
    record = desk.store.get(log.trip_key(trip_id))
    if not record or record["status"] not in (BOOKING, COMPENSATING, CANCELLING):
        return None
    derived = executions.booking(trip_id, record["saga_id"])
    bookings = {executions.status(arn) for arn in {derived, record.get("execution", derived)}}
    if RUNNING in bookings or undo_runs(executions, record):
        return None
    if record["status"] == BOOKING and bookings == {None} and not record.get("undos"):
        return derived if executions.start_booking(trip_id, record) else None
    return start_undo(desk, executions, record)


def start_undo(desk: Desk, executions: Executions, record: Item, *, most: int | None = UNDOS) -> str | None:
    """Start the next undo of a trip; return its ARN, None if one runs already or if `most` of them have died.

    Names of undos that died before they were counted are taken, and passed over; the record keeps the last number, so
    names never run out, and these deaths count too. After `most` (None: no bound, for a repair) the trip
    NEEDS_ATTENTION. Raises TransientError.
    """
    trip_id, tried = record["trip_id"], max(record["runs"], record.get("undos", 0))
    for number in range(tried + 1, tried + 1 + _NAMES):
        if most is not None and number > most:
            give_up(desk, trip_id, record)
            return None
        arn = executions.cancellation(trip_id, number)
        started = executions.start_cancellation(trip_id, number)
        _count(desk, record, number)
        if started:
            return arn
        if executions.status(arn) == RUNNING:
            return None
    raise TransientError(
        f"trip {trip_id}: the names of its undos up to {tried + _NAMES} are taken; the next start goes on"
    )


def give_up(desk: Desk, trip_id: str, record: Item) -> None:
    """Leave a trip to repair, as owing everything: its undos died, so which of its cancels worked is unknown."""
    owed = dict.fromkeys(record["request"], "UndoDied")
    call = Call(trip_id, record["saga_id"], record["runs"], _BEHIND_ALL, "Reconcile", 0, owed=owed)
    with suppress(TripConfirmed):  # its last book landed in between
        lifecycle.end(desk, call, {})


def undo_runs(executions: Executions, record: Item) -> bool:
    """Whether an undo runs: the last one that began, or the last one that was started."""
    last = {record["undo"]} if "undo" in record else set()
    if "undos" in record:
        last.add(executions.cancellation(record["trip_id"], record["undos"]))
    return any(executions.status(arn) == RUNNING for arn in last)


def _count(desk: Desk, record: Item, number: int) -> None:
    """Keep the number of the last undo that was started, while the trip is unfinished."""
    key = log.trip_key(record["trip_id"])
    with suppress(Lost):  # it has ended meanwhile, and needs no undo any more
        desk.store.write({"trip": Change(key, (BOOKING, *UNDOING), record["saga_id"], {"undos": number})})
