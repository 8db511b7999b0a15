"""Trips that need somebody: which they are by the index of unfinished trips, and running again what they owe."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from saga.errors import TransientError
from saga.reconciler import start_undo
from saga.trip import CANCELLED, CONFIRMED, NEEDS_ATTENTION, ROLLED_BACK
from tools import follow, trips
from tools.follow import Step
from tools.stage import Stage, UsageError

LATE = 15 * 60
"""Seconds after which an unfinished trip needs a look: nothing but the retries of a cancel takes longer."""

_STARTS = 20  # each passes over ten names that are taken by undos that died


@dataclass(frozen=True)
class Stuck:
    """A trip that needs attention, or that has been unfinished for long: `age` in seconds since its last change."""

    trip_id: str
    status: str
    age: float
    owed: dict[str, str]


def stuck(stage: Stage, older_than: float) -> list[Stuck]:
    """List the trips that need attention, and those unfinished for more than `older_than` seconds, oldest first."""
    now = datetime.now(UTC)
    with stage.reaching():
        unfinished = list(trips.listing(stage).unfinished())
    found = [
        Stuck(
            trip["trip_id"],
            trip["status"],
            (now - datetime.fromisoformat(trip["updated"])).total_seconds(),
            trip.get("owed", {}),
        )
        for trip in unfinished
    ]
    wanted = (trip for trip in found if trip.status == NEEDS_ATTENTION or trip.age > older_than)
    return sorted(wanted, key=lambda trip: -trip.age)


def repair(stage: Stage, trip_id: str) -> Iterator[Step]:
    """Run again the undo of an unfinished trip, and yield its steps; one that is settled needs none and yields none.

    Raises UsageError for an unknown trip, or one whose undo is running already.
    """
    execution = start_repair(stage, trip_id)
    if execution:
        yield from follow.follow(stage, execution)


def start_repair(stage: Stage, trip_id: str) -> str | None:
    """Start the undo that `repair` follows; return its ARN, None for a trip that is settled. Raises like it.

    However many of its undos have died, the next one is started: somebody has looked at the trip.
    """
    desk, executions = trips.desk(stage), trips.executions(stage)
    for _ in range(_STARTS):
        found = trips.record(stage, trip_id)
        if found["status"] in (CONFIRMED, ROLLED_BACK, CANCELLED):
            return None
        try:
            with stage.reaching():
                execution = start_undo(desk, executions, found, most=None)
        except TransientError as error:
            if error.__cause__:
                raise
            continue  # the names were taken; where that start came to is kept in the record
        if not execution:
            raise UsageError(f"trip {trip_id}: its undo is running already")
        return execution
    raise UsageError(f"trip {trip_id}: all the names of its next undos are taken; run it again")
