"""The saga's own functions: BeginSaga, BeginCancellation and EndSaga in the state machines."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from saga import lifecycle, telemetry, wiring
from saga.log import Call
from saga.trip import OPERATOR, Trip, digest
from saga.validation import check, check_cancellation


@telemetry.observed
def begin(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Begin the saga of the trip in `event["request"]`; return the state that every later path relies on.

    Raises InvalidTrip (nothing is written) or TripConflict (the trip_id belongs to another saga).
    """
    request = check(event["request"], faults_allowed=wiring.faults_allowed())
    trip_id = request.get("trip_id") or digest(event["execution"])  # derived: a retry must find the same trip
    owner = request.get("owner", OPERATOR)
    trip = Trip.parse(request, trip_id, owner, datetime.now(UTC).date())
    lifecycle.begin(wiring.desk(event, context), trip, event["execution"])
    return _state(trip.trip_id, trip.saga_id, 0, trip.request, request)


@telemetry.observed
def begin_cancellation(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Begin an undo of the trip named in `event["request"]`; return its status and the state for the cancels.

    What is undone comes from the trip's record; faults on purpose come from the request alone, so that a repair runs
    without those of the booking. Raises InvalidTrip if there is no such trip.
    """
    request = check_cancellation(event["request"], faults_allowed=wiring.faults_allowed())
    record = lifecycle.begin_run(wiring.desk(event, context), request["trip_id"], event["execution"])
    state = _state(record["trip_id"], record["saga_id"], record["runs"], record["request"], request)
    return {**state, "status": record["status"]}


@telemetry.observed
def end(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """End the saga after its cancels; return the trip's status: its goal, or NEEDS_ATTENTION with `event["owed"]`."""
    owed = {participant: error["Error"] for participant, error in event["owed"].items()}
    return {"status": lifecycle.end(wiring.desk(event, context), Call.parse(event), owed)}


def _state(trip_id: str, saga_id: str, run: int, trip: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """Make a state in which every path of the state machines exists, whatever the steps will do."""
    return {
        "trip_id": trip_id,
        "saga_id": saga_id,
        "run": run,
        "trip": trip,
        "faults": request.get("faults", {}),
        "bookings": {},
        "owed": {},
    }
