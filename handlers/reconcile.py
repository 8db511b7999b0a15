"""Reconcile: called when an execution ends badly, and on a schedule for all that no such call has mended."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from saga import telemetry, wiring
from saga.errors import TransientError
from saga.gauges import NEEDS_ATTENTION, OLDEST
from saga.reconciler import reconcile as reconcile_trip
from saga.trip import NEEDS_ATTENTION as ATTENTION
from saga.trip import digest


@telemetry.observed
def reconcile(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Look at the trip of an ended execution, or at all unfinished trips; return what was started for which.

    `event` is EventBridge's "Step Functions Execution Status Change", or anything else for all trips. One trip's
    trouble keeps no other from being looked at; at the end it raises TransientError, and Lambda's retries and then
    its dead-letter queue take over.
    """
    desk, executions = wiring.desk({}, context), wiring.executions()
    started: dict[str, str] = {}
    failed: dict[str, str] = {}
    for trip_id in _trips(event):
        try:
            if execution := reconcile_trip(desk, executions, trip_id):
                started[trip_id] = execution
        except Exception as error:  # noqa: BLE001  whatever it is, the other trips must be looked at too
            failed[trip_id] = f"{type(error).__name__}: {error}"
    telemetry.add(started=len(started), failed=len(failed))
    if failed:
        raise TransientError(f"could not look after {json.dumps(failed)}")
    return {"started": started}


def _trips(event: Mapping[str, Any]) -> Iterable[str]:
    if event.get("detail-type") != "Step Functions Execution Status Change":
        return _unfinished()
    detail = event["detail"]
    try:
        trip_id = json.loads(detail["input"]).get("trip_id")
    except (AttributeError, KeyError, TypeError, ValueError):
        return ()  # too long for an event, or no trip at all; the schedule finds what it began
    return (trip_id if isinstance(trip_id, str) else digest(detail["executionArn"]),)


def _unfinished() -> Iterator[str]:
    """Yield all unfinished trips, and put how many need attention and how long the oldest other one has stood still."""
    now, waiting, oldest = datetime.fromisoformat(wiring.now()), 0, 0.0
    for trip in wiring.listing().unfinished():
        if trip["status"] == ATTENTION:
            waiting += 1
        else:
            oldest = max(oldest, (now - datetime.fromisoformat(trip["updated"])).total_seconds())
        yield trip["trip_id"]
    wiring.gauges().put(**{NEEDS_ATTENTION: waiting, OLDEST: oldest})
