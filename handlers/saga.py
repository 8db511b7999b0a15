"""The saga's own functions: BeginSaga, BeginCancellation and EndSaga in the state machines."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from saga import lifecycle, telemetry, wiring
from saga.booking import BOOKED
from saga.log import Call
from saga.trip import OPERATOR, Trip, digest
from saga.validation import check, check_cancellation, check_trip_id, is_begun


@telemetry.observed
def begin(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Begin the saga of the trip in `event["request"]`; return the state that every later path relies on.

    A saga that the API has begun is named there by trip_id and saga_id, and only read. Raises InvalidTrip (nothing is
    written) or TripConflict (the trip_id belongs to another saga).
    """
    desk = wiring.desk(event, context)
    if is_begun(event["request"]):
        check_trip_id(event["request"]["trip_id"])
        return _state(lifecycle.find(desk, **event["request"]), 0, {})
    request = check(event["request"], faults_allowed=wiring.faults_allowed())
    trip_id = request.get("trip_id") or digest(event["execution"])  # derived: a retry must find the same trip
    owner = request.get("owner", OPERATOR)
    trip = Trip.parse(request, trip_id, owner, datetime.now(UTC).date())
    return _state(lifecycle.begin(desk, trip, event["execution"]), 0, request)


@telemetry.observed
def begin_cancellation(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Begin an undo of the trip named in `event["request"]`; return its status and the state for the cancels.

    What is undone comes from the trip's record; faults on purpose come from the request alone, so that a repair runs
    without those of the booking. Raises InvalidTrip if there is no such trip.
    """
    request = check_cancellation(event["request"], faults_allowed=wiring.faults_allowed())
    record = lifecycle.begin_run(wiring.desk(event, context), request["trip_id"], event["execution"])
    bookings = {name: {"status": BOOKED} for name in record.get("booked", [])}
    return {**_state(record, record["runs"], request), "bookings": bookings, "status": record["status"]}


@telemetry.observed
def end(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """End the saga after its cancels; return the trip's status, what is still `booked`, and whether to cancel `again`.

    `event["owed"]` has the error of each cancel that failed, `event["before"]` this state's last answer, {} at first.
    """
    owed = {participant: error["Error"] for participant, error in event["owed"].items()}
    return lifecycle.end(wiring.desk(event, context), Call.parse({**event, "owed": owed}), event["before"])


def _state(record: Mapping[str, Any], run: int, request: Mapping[str, Any]) -> dict[str, Any]:
    """Make a state in which every path of the state machines exists, whatever the steps will do."""
    return {
        "trip_id": record["trip_id"],
        "saga_id": record["saga_id"],
        "run": run,
        "trip": record["request"],
        "faults": request.get("faults", {}),
        "bookings": {},
        "owed": {},
        "end": {},
    }
