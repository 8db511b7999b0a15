"""Trips that need somebody: which they are, and running again what they owe."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from saga.executions import Executions
from saga.listing import Listing
from saga.reconciler import start_undo
from saga.trip import CANCELLED, CONFIRMED, NEEDS_ATTENTION, ROLLED_BACK
from tools import follow, snapshot
from tools.follow import Step
from tools.stage import SERVICE, Stage, UsageError


@dataclass(frozen=True)
class Stuck:
    """A trip that needs attention, or that has been unfinished for long: `age` in seconds since its last change."""

    trip_id: str
    status: str
    age: float
    owed: dict[str, str]


def stuck(stage: Stage, older_than: float) -> list[Stuck]:
    """List the trips that need attention, and those unfinished for more than `older_than` seconds, oldest first."""
    now, listing = datetime.now(UTC), Listing(stage.client("dynamodb"), f"{SERVICE}-{stage.name}")
    with stage.reaching():
        trips = list(listing.unfinished())
    found = [
        Stuck(
            trip["trip_id"],
            trip["status"],
            (now - datetime.fromisoformat(trip["updated"])).total_seconds(),
            trip.get("owed", {}),
        )
        for trip in trips
    ]
    wanted = (trip for trip in found if trip.status == NEEDS_ATTENTION or trip.age > older_than)
    return sorted(wanted, key=lambda trip: -trip.age)


def repair(stage: Stage, trip_id: str) -> Iterator[Step]:
    """Run again the undo of an unfinished trip, and yield its steps; one that is settled needs none and yields none.

    Raises UsageError for an unknown trip, or one whose undo is running already.
    """
    found = snapshot.read(stage, trip_id)
    if not found.record:
        raise UsageError(f"trip {trip_id}: there is none on stage {stage.name}")
    if found.status in (CONFIRMED, ROLLED_BACK, CANCELLED):
        return
    with stage.reaching():
        execution = start_undo(_executions(stage), trip_id, found.record["runs"] + 1)
    if not execution:
        raise UsageError(f"trip {trip_id}: its undo is running already")
    yield from follow.follow(stage, execution)


def _executions(stage: Stage) -> Executions:
    machines: list[Any] = [stage.machine_arn(kind) for kind in ("booking", "cancellation")]
    return Executions(stage.client("stepfunctions"), *machines)
