"""The saga's own two functions: BeginSaga and EndSaga in the state machines."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from saga import lifecycle, wiring
from saga.log import Call
from saga.trip import OPERATOR, Trip, digest
from saga.validation import check


def begin(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Begin the saga of the trip in `event["request"]`; return the state that every later path relies on.

    Raises InvalidTrip (nothing is written) or TripConflict (the trip_id belongs to another saga).
    """
    request = check(event["request"], faults_allowed=wiring.faults_allowed())
    trip_id = request.get("trip_id") or digest(event["execution"])  # derived: a retry must find the same trip
    owner = request.get("owner", OPERATOR)
    trip = Trip.parse(request, trip_id, owner, datetime.now(UTC).date())
    lifecycle.begin(wiring.desk(event, context), trip, event["execution"])
    return {
        "trip_id": trip.trip_id,
        "saga_id": trip.saga_id,
        "run": 0,
        "trip": trip.request,
        "faults": request.get("faults", {}),
        "bookings": {},
        "owed": {},
    }


def end(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """End the saga after its cancels; return the trip's status: its goal, or NEEDS_ATTENTION with `event["owed"]`."""
    owed = {participant: error["Error"] for participant, error in event["owed"].items()}
    return {"status": lifecycle.end(wiring.desk(event, context), Call.parse(event), owed)}
