"""Outcomes: announces each outcome of a trip once it is committed, from the stream of the saga log's table.

The stream is a transactional outbox: what is in it was written, and what was written is in it. Delivery is at least
once; `id` is the same for the same outcome.
"""

from collections.abc import Mapping
from typing import Any

from saga import telemetry, wiring
from saga.expressions import unmarshal
from saga.gauges import NEEDS_ATTENTION
from saga.trip import NEEDS_ATTENTION as ATTENTION
from saga.trip import digest


@telemetry.observed
def handle(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Publish the outcomes in a batch of the stream; return which record to go on from if one could not be.

    `event` is DynamoDB's stream event with new and old images, filtered to trips that have reached an outcome.
    Raises what kept the very first record from being published: nothing is done then, and the whole batch comes again.
    """
    for number, record in enumerate(event["Records"]):
        try:
            announce(record, context.function_name.rpartition("-")[0])
        except Exception as error:  # whatever it is, the mapping tries this record again
            if number == 0:
                raise
            telemetry.note("left to the next delivery", error)
            return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
    return {"batchItemFailures": []}


def announce(record: Mapping[str, Any], prefix: str) -> None:
    """Publish one change of a trip's record, if it changed the status; what needs attention goes to operators too."""
    change = record["dynamodb"]
    trip, before = unmarshal(change["NewImage"]), unmarshal(change.get("OldImage", {}))
    if trip["status"] == before.get("status"):
        return
    outcome = {
        "id": digest(trip["trip_id"], trip["saga_id"], trip["status"], str(trip["runs"])),
        "trip_id": trip["trip_id"],
        "saga_id": trip["saga_id"],
        "status": trip["status"],
        "owed": sorted(trip.get("owed", {})),
        "at": trip["updated"],
    }
    announcer = wiring.announcer()
    announcer.publish(outcome)
    if trip["status"] == ATTENTION:
        announcer.alert(outcome)
        wiring.gauges().put(**{NEEDS_ATTENTION: 1})  # an operator is not kept waiting for the reconciler's count
    telemetry.count(prefix, "Sagas", outcome=trip["status"])
