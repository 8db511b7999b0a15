"""What a traveller may do: book a trip, look at it, list one's own, cancel it. Another's trip is an unknown one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from saga import lifecycle, log, telemetry
from saga.errors import TransientError, UnknownTrip
from saga.ports import Change, Desk, Item, Key, Lost
from saga.reconciler import Executions, start_undo, undo_runs
from saga.trip import BOOKING, CANCELLED, CANCELLING, COMPENSATING, CONFIRMED, ROLLED_BACK, Trip

_ROUNDS = 5  # a trip's status changes at most five times in its life


class Listing(Protocol):
    """What is needed of the indexes and the log; see listing.py."""

    def story(self, trip_id: str) -> list[Item]:
        """Return a trip's log in the order of its keys."""


def book(desk: Desk, executions: Executions, trip: Trip) -> str:
    """Record a trip and start its saga, or find it; return its status. Raises TripConflict for a taken trip_id.

    A start that fails is no failure: the trip is recorded, and the reconciler starts what was never started.
    """
    record = lifecycle.begin(desk, trip, None)
    if record["status"] == BOOKING:
        with _left_to_the_reconciler():
            executions.start_booking(trip.trip_id, record)
    return str(record["status"])


def find(desk: Desk, trip_id: str, owner: str) -> Item:
    """Return the record of one's own trip; raise UnknownTrip, the same for another's and for none."""
    record = desk.store.get(log.trip_key(trip_id))
    if not record or record["owner"] != owner:
        raise UnknownTrip(f"there is no trip {trip_id}")
    return record


def describe(desk: Desk, listing: Listing, record: Item) -> dict[str, Any]:
    """Tell all of a trip: status, bookings with confirmation numbers, what failed, what is owed."""
    trip_id = record["trip_id"]
    bookings = {name: desk.store.get(Key(name, f"TRIP#{trip_id}")) for name in record["request"]}
    aborts = [entry for entry in listing.story(trip_id) if entry["kind"] == log.ABORT and "error" in entry]
    return {
        "trip_id": trip_id,
        "status": record["status"],
        "created": record["created"],
        "updated": record["updated"],
        **record["request"],
        "bookings": {name: _booking(item) for name, item in bookings.items() if item and "booked" in item},
        "failure": {name: aborts[0][name] for name in ("step", "error", "message")} if aborts else None,
        "owed": sorted(record.get("owed", {})),
    }


def cancel(desk: Desk, executions: Executions, trip_id: str, owner: str) -> str:
    """Undo one's own trip: one still being booked rolls back, a confirmed one is cancelled. Return its status.

    Each change is conditional on the status that was read, and read again when that is lost. Raises UnknownTrip.
    """
    for _ in range(_ROUNDS):
        record = find(desk, trip_id, owner)
        asked = {BOOKING: (COMPENSATING, ROLLED_BACK), CONFIRMED: (CANCELLING, CANCELLED)}.get(record["status"])
        if asked:
            status, goal = asked
            facts = {"status": status, "goal": goal, "updated": desk.now(), "unfinished": record["shard"]}
            try:
                desk.store.write({"trip": Change(log.trip_key(trip_id), (record["status"],), record["saga_id"], facts)})
            except Lost:
                continue
            record |= facts
        if record["status"] == CANCELLING:
            _start(desk, executions, record)
        return str(record["status"])
    raise TransientError(f"trip {trip_id} keeps changing")


def _start(desk: Desk, executions: Executions, record: Item) -> None:
    """Start the undo of a trip that is CANCELLING, if none runs; what fails here the reconciler makes good."""
    with _left_to_the_reconciler():
        if not undo_runs(executions, record):
            start_undo(desk, executions, record)


@contextmanager
def _left_to_the_reconciler() -> Iterator[None]:
    try:
        yield
    except TransientError as error:
        telemetry.note("left to the reconciler", error)


def _booking(item: Item) -> dict[str, Any]:
    return {name: item[name] for name in ("status", "confirmation", "booked", "cancelled") if name in item}
