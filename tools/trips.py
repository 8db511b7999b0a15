"""What people do with the trips of a stage: start, list, cancel. saga.sh, runtest.sh and the console do it by these."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from saga import log, travellers
from saga.dynamo import DynamoStore
from saga.executions import Executions
from saga.listing import Listing
from saga.ports import Desk, Item
from saga.reconciler import RUNNING
from tools.events import Event
from tools.stage import SERVICE, Stage, UsageError

POLL = 0.1
"""Seconds between two looks at a saga that is to begin."""
PAGE = 100
"""Trips that are asked for at once where all are wanted."""


def desk(stage: Stage) -> Desk:
    """Return what the saga's own code works with, over the tables of a stage."""
    store = DynamoStore(stage.client("dynamodb"), f"{SERVICE}-{stage.name}")
    return Desk(store, lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))


def listing(stage: Stage) -> Listing:
    """Return the lists of a stage's trips."""
    return Listing(stage.client("dynamodb"), f"{SERVICE}-{stage.name}")


def executions(stage: Stage) -> Executions:
    """Return the executions of a stage's two state machines."""
    return Executions(stage.client("stepfunctions"), *(stage.machine_arn(kind) for kind in ("booking", "cancellation")))


def start(stage: Stage, event: Event) -> str:
    """Start a saga under its own name, or find the execution that has it already; return its ARN."""
    found = executions(stage)
    with stage.reaching():
        found.start_input(event.trip.trip_id, event.trip.saga_id, event.input)
    return found.booking(event.trip.trip_id, event.trip.saga_id)


def has_begun(stage: Stage, event: Event, execution_arn: str) -> bool:
    """Wait until the saga that was started has begun; return False if it was refused instead."""
    store, found = desk(stage).store, executions(stage)
    while True:
        with stage.reaching():
            status = found.status(execution_arn)
            begun = store.get(log.trip_key(event.trip.trip_id))
        if begun and begun["saga_id"] == event.trip.saga_id:
            return True
        if status != RUNNING:
            return False
        time.sleep(POLL)


def record(stage: Stage, trip_id: str) -> Item:
    """Return the record of a trip; raise UsageError for an unknown one."""
    with stage.reaching():
        found = desk(stage).store.get(log.trip_key(trip_id))
    if not found:
        raise UsageError(f"trip {trip_id}: there is none on stage {stage.name}")
    return found


def newest(stage: Stage, limit: int, after: str | None = None, status: str | None = None) -> dict[str, Any]:
    """Return `{"trips": […], "after": …}`: the newest trips, perhaps of one status, a page at a time.

    A trip has trip_id, status and created; `after` asks for the next page and is None behind the last.
    """
    with stage.reaching():
        trips, last = listing(stage).newest(limit, after, status)
    return {"trips": [{name: trip[name] for name in ("trip_id", "status", "created")} for trip in trips], "after": last}


def all_newest(stage: Stage) -> Iterator[str]:
    """Yield the ids of all trips, the newest first."""
    after = None
    while True:
        page = newest(stage, PAGE, after)
        yield from (trip["trip_id"] for trip in page["trips"])
        after = page["after"]
        if after is None:
            return


def cancel(stage: Stage, trip_id: str) -> str:
    """Cancel a trip in its owner's name, as the API does it; return its status. UsageError: it is unknown."""
    owner = record(stage, trip_id)["owner"]
    with stage.reaching():
        return travellers.cancel(desk(stage), executions(stage), trip_id, owner)


def latest_execution(stage: Stage, trip_id: str) -> str:
    """Return the ARN of the execution that worked on a trip last: an undo, or else its booking."""
    found = record(stage, trip_id)
    return str(found.get("undo") or found.get("execution") or executions(stage).booking(trip_id, found["saga_id"]))
