"""The record of a trip, from its begin to its end. Every change raises its status, so each happens once.

BOOKING → CONFIRMED (with the last booking, see steps.py) or BOOKING → COMPENSATING → ROLLED_BACK; CONFIRMED →
CANCELLING → CANCELLED; what cannot be undone waits in NEEDS_ATTENTION on its way to its goal.

Books and cancels change it in their own transactions: see ledger.py.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

from saga import ledger, log
from saga.errors import InvalidTrip, Problem, TransientError, TripConflict
from saga.log import Call
from saga.ports import Change, Desk, Item, Lost, Put, Write
from saga.trip import (
    BOOKING,
    ENDED,
    NEEDS_ATTENTION,
    ROLLED_BACK,
    UNDOING,
    Trip,
    digest,
)

STILL_BOOKED = "StillBooked"
"""Why a trip owes a cancel that has not failed: the ledger holds the participant all the same."""

SHARDS = 8
"""Partitions of the indexes over all trips: enough that none of them gets hot, few enough to read them all."""

_ROUNDS = 3  # a status changes at most five times in a trip's life, so three losses in a row mean something else


def begin(desk: Desk, trip: Trip, execution: str | None) -> Item:
    """Put the trip as BOOKING, once, which begins its log; the same saga again changes nothing. Return its record.

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
        desk.store.write({"begin": Put(log.trip_key(trip.trip_id), record)})
    except Lost as lost:
        standing = lost.standing["begin"]
        if not standing or standing["saga_id"] != trip.saga_id:
            raise TripConflict(f"trip {trip.trip_id} belongs to another saga") from lost
        return standing
    return {"trip_id": trip.trip_id, **record}


def find(desk: Desk, trip_id: str, saga_id: str) -> Item:
    """Return the record of a saga that somebody has begun already, as the API does before it starts an execution.

    Raises InvalidTrip if there is none, TripConflict if the trip_id belongs to another saga.
    """
    record = desk.store.get(log.trip_key(trip_id))
    if not record:
        raise InvalidTrip(Problem("/trip_id", "expected the id of a trip that has begun"))
    if record["saga_id"] != saga_id:
        raise TripConflict(f"trip {trip_id} belongs to another saga")
    return record


def begin_run(desk: Desk, trip_id: str, execution: str) -> Item:
    """Begin the next undo of a trip, once for an execution (its ARN); return the trip's record, `runs` being the run.

    A trip that is BOOKING is closed by it. One that is CONFIRMED or has ended is returned as it is. Raises InvalidTrip
    if there is no such trip.
    """
    for _ in range(_ROUNDS):
        record = desk.store.get(log.trip_key(trip_id))
        if not record:
            raise InvalidTrip(Problem("/trip_id", "expected the id of a trip"))
        if record["status"] not in (BOOKING, *UNDOING) or record.get("undo") == execution:
            return record
        now = desk.now()
        counted: Item = {"runs": record["runs"] + 1, "undo": execution}
        if record["status"] == BOOKING:
            counted |= ledger.closed(now)
        change = Change(log.trip_key(trip_id), (record["status"],), record["saga_id"], counted)
        entry = log.begun(trip_id, counted["runs"], now, execution=execution)
        with suppress(Lost):  # the trip moved on, or another undo took the number
            desk.store.write({"trip": change, "begin": entry})
            return record | counted
    raise TransientError(f"trip {trip_id}: its undo could not begin")


def start(desk: Desk, call: Call) -> str:
    """Return when an attempt of a step starts. A later one writes its START ahead: something went wrong before it."""
    now = desk.now()
    if call.attempt:
        with suppress(Lost):  # the same attempt delivered again: its START stands
            desk.store.write({"start": log.started(call, now)})
    return now


def end(desk: Desk, call: Call, before: Mapping[str, Any]) -> Item:
    """End a trip whose cancels have run; return `{"status", "booked", "again"}`.

    It ends at its goal with an empty ledger. If `call.owed` has cancels that failed (a participant, and why), it needs
    attention, and owes these and what the ledger holds. Otherwise the machine must run all cancels `again`: another
    execution has booked something. `before` is the answer of the last time ({} at first): a ledger that stays as it was
    is owed too, so that this ends. Raises TripConfirmed if the trip is confirmed; one that has ended stays as it is.
    """
    for _ in range(_ROUNDS):
        record = desk.store.get(log.trip_key(call.trip_id))
        standing, booked = ledger.status(call, record), (record or {}).get("booked", [])
        if not record or standing in ENDED:
            return {"status": standing, "booked": booked, "again": False}
        if booked and not call.owed and booked != before.get("booked"):
            return {"status": standing, "booked": booked, "again": True}
        if standing == BOOKING and not call.owed:
            break  # a cancel that succeeded has closed the trip; without one there is no goal to reach
        with suppress(Lost):  # the trip moved on
            settled = _settle(desk, call, record, dict.fromkeys(booked, STILL_BOOKED) | dict(call.owed))
            return {"status": settled, "booked": booked, "again": False}
    raise TransientError(f"trip {call.trip_id} could not be ended")


def reopen(desk: Desk, record: Item, owed: Collection[str]) -> Item:
    """Take a trip that has ended back from its end, as owing the cancels of these participants; return its record.

    For a repair, where something is booked all the same: tables were restored apart, or changed by hand. The goal stays
    what it was, so the next undo ends the trip as before. It counts as a run of its own, whose only entry it is. Raises
    Lost if the trip is not at that end any more.
    """
    now, run = desk.now(), record["runs"] + 1
    owing = dict.fromkeys(sorted(owed), STILL_BOOKED)
    facts: Item = {"status": NEEDS_ATTENTION, "goal": record["status"], "owed": owing, "runs": run, "updated": now}
    facts["unfinished"] = record["shard"]
    call = Call(record["trip_id"], record["saga_id"], run, 0, "Saga", 0)
    change = Change(log.trip_key(call.trip_id), (record["status"],), call.saga_id, facts)
    desk.store.write({"trip": change, "end": log.ended(call, NEEDS_ATTENTION, now, owed=owing)})
    return record | facts


def _settle(desk: Desk, call: Call, record: Item, owed: Mapping[str, str]) -> str:
    """Move the trip on from the status and the ledger that were read; raise Lost if it has moved since."""
    goal, now = record.get("goal", ROLLED_BACK), desk.now()
    settled = NEEDS_ATTENTION if owed else goal
    facts: Item = {"owed": dict(owed)} if owed else {}
    change = Change(
        log.trip_key(call.trip_id),
        (record["status"],),
        call.saga_id,
        {"status": settled, "goal": goal, "updated": now, **facts},
        () if owed else ("owed", "unfinished"),
        ledger=record.get("booked", []),
    )
    writes: dict[str, Write] = {"trip": change, "end": log.ended(call, settled, now, **facts)}
    try:
        desk.store.write(writes)
    except Lost as lost:
        if "trip" in lost.standing:
            raise
        desk.store.write({"trip": change})  # this run has said NEEDS_ATTENTION before: no second entry
    return settled
