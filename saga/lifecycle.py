"""The record of a trip, from its begin to its end. Every change raises its status, so each happens once.

BOOKING → CONFIRMED (in the last booking's transaction, see steps.py) or BOOKING → COMPENSATING → ROLLED_BACK;
CONFIRMED → CANCELLING → CANCELLED; what cannot be undone waits in NEEDS_ATTENTION on its way to its goal.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from saga import log
from saga.errors import InvalidTrip, Problem, TransientError, TripConfirmed, TripConflict
from saga.log import Call
from saga.ports import Change, Desk, Item, Lost, Put, Write
from saga.trip import (
    BOOKING,
    COMPENSATING,
    CONFIRMED,
    ENDED,
    NEEDS_ATTENTION,
    ROLLED_BACK,
    UNDOING,
    Trip,
    digest,
)

SHARDS = 8
"""Partitions of the indexes over all trips: enough that none of them gets hot, few enough to read them all."""

_ROUNDS = 3  # a status changes at most five times in a trip's life, so three losses in a row mean something else


def begin(desk: Desk, trip: Trip, execution: str | None) -> Item:
    """Put the trip as BOOKING and begin its log, once; the same saga again changes nothing. Return the trip's record.

    `execution` is the ARN of the execution that begins it, None where one is yet to be started.
    Raises TripConflict if the trip_id belongs to another saga, whose log stays as it is.
    """
    now = desk.now()
    shard = str(int(digest(trip.trip_id), 16) % SHARDS)
    record: Item = {
        "status": BOOKING,
        "saga_id": trip.saga_id,
        "owner": trip.owner,
        "fingerprint": trip.fingerprint,
        "request": trip.request,
        "runs": 0,
        "created": now,
        "updated": now,
        "shard": shard,
        "unfinished": shard,
    }
    if execution:
        record["execution"] = execution
    try:
        desk.store.write({"trip": Put(log.trip_key(trip.trip_id), record), "begin": log.begun(trip.trip_id, 0, now)})
    except Lost as lost:
        standing = lost.standing.get("trip")
        if not standing or standing["saga_id"] != trip.saga_id:
            raise TripConflict(f"trip {trip.trip_id} belongs to another saga") from lost
        return standing
    return {"trip_id": trip.trip_id, **record}


def begin_run(desk: Desk, trip_id: str, execution: str) -> Item:
    """Begin the next undo of a trip, once for an execution (its ARN); return the trip's record, `runs` being the run.

    A trip that is CONFIRMED or has ended is returned as it is. Raises InvalidTrip if there is no such trip.
    """
    for _ in range(_ROUNDS):
        record = desk.store.get(log.trip_key(trip_id))
        if not record:
            raise InvalidTrip(Problem("/trip_id", "expected the id of a trip"))
        if record["status"] not in (BOOKING, *UNDOING) or record.get("undo") == execution:
            return record
        counted: Item = {"runs": record["runs"] + 1, "undo": execution}
        change = Change(log.trip_key(trip_id), (record["status"],), record["saga_id"], counted)
        entry = log.begun(trip_id, counted["runs"], desk.now(), execution=execution)
        with suppress(Lost):  # the trip moved on, or another undo took the number
            desk.store.write({"trip": change, "begin": entry})
            return record | counted
    raise TransientError(f"trip {trip_id}: its undo could not begin")


def close(desk: Desk, call: Call) -> str:
    """Let no further book in: a trip still BOOKING becomes COMPENSATING. Return the trip's status now.

    Raises TripConfirmed if the trip is confirmed, TripConflict if it is not of this saga.
    """
    change = Change(
        log.trip_key(call.trip_id),
        (BOOKING,),
        call.saga_id,
        {"status": COMPENSATING, "goal": ROLLED_BACK, "updated": desk.now()},
    )
    try:
        desk.store.write({"trip": change})
    except Lost as lost:
        return _status(call, lost.standing["trip"])
    return COMPENSATING


def end(desk: Desk, call: Call, owed: Mapping[str, Any]) -> str:
    """End a trip whose cancels have run: at its goal, or NEEDS_ATTENTION with what is owed. Return its status.

    `owed` maps a participant to the error that kept its cancel from succeeding.
    Raises TripConfirmed if the trip is confirmed; a trip that has ended stays as it is.
    """
    # In run 0 the cancels have closed the trip a moment ago; only an undo finds it in one of several statuses.
    record: Item | None = {"saga_id": call.saga_id, "status": COMPENSATING}
    if call.run:
        record = desk.store.get(log.trip_key(call.trip_id))
    for _ in range(_ROUNDS):
        status = _status(call, record)
        if not record or status in ENDED:
            return status
        if status == BOOKING and not owed:
            break  # a cancel that succeeded has closed the trip; without one there is no goal to reach
        try:
            return _settle(desk, call, record, owed)
        except Lost as lost:
            record = lost.standing["trip"]
    raise TransientError(f"trip {call.trip_id} could not be ended")


def _settle(desk: Desk, call: Call, record: Item, owed: Mapping[str, Any]) -> str:
    """Move the trip on from the status that was read; raise Lost if it is not that any more."""
    goal, now = record.get("goal", ROLLED_BACK), desk.now()
    status = NEEDS_ATTENTION if owed else goal
    facts: Item = {"owed": dict(owed)} if owed else {}
    remove = () if owed else ("owed", "unfinished")
    change = Change(
        log.trip_key(call.trip_id),
        (record["status"],),
        call.saga_id,
        {"status": status, "goal": goal, "updated": now, **facts},
        remove,
    )
    writes: dict[str, Write] = {"trip": change, "end": log.ended(call, status, now, **facts)}
    try:
        desk.store.write(writes)
    except Lost as lost:
        if "trip" in lost.standing:
            raise
        desk.store.write({"trip": change})  # this run has said NEEDS_ATTENTION before: no second entry
    return status


def _status(call: Call, record: Item | None) -> str:
    if not record or record["saga_id"] != call.saga_id:
        raise TripConflict(f"trip {call.trip_id} belongs to another saga")
    if record["status"] == CONFIRMED:
        raise TripConfirmed(f"trip {call.trip_id} is confirmed")
    return str(record["status"])
