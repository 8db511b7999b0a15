"""The composition root: environment → clients → desks. Nothing is built at import, and each client once a process."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal

from saga.announcer import Announcer
from saga.dynamo import DynamoStore
from saga.executions import Executions
from saga.gauges import Gauges
from saga.listing import Listing
from saga.ports import Desk, Store


def faults_allowed() -> bool:
    """Whether this stage lets an event bring faults on purpose."""
    return os.environ.get("SAGA_FAULTS") == "allowed"


def now() -> str:
    """Return the time in UTC, as ISO 8601 to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def desk(event: Mapping[str, Any], context: Any) -> Desk:
    """Return what a function works with; where faults are allowed, the storage fails as the event says."""
    store: Store = _store()
    if faults_allowed():
        from saga import faults  # noqa: PLC0415  the file is in the package of such stages only

        if fault := faults.planned(event):
            store = faults.FaultyStore(store, fault, context.get_remaining_time_in_millis() / 1000)
    return Desk(store, now)


def executions() -> Executions:
    """Return the executions of this stage's two state machines."""
    machines = (os.environ[f"SAGA_{machine}_MACHINE"] for machine in ("BOOKING", "CANCELLATION"))
    return Executions(_client("stepfunctions"), *machines)


def listing() -> Listing:
    """Return the lists of this stage's trips."""
    return Listing(_client("dynamodb"), os.environ["SAGA_TABLES"])


def gauges() -> Gauges:
    """Return what this stage's measures are put by."""
    return Gauges(_client("cloudwatch"), os.environ["SAGA_TABLES"])


def _store() -> Store:
    return _dynamo(_client("dynamodb"), os.environ["SAGA_TABLES"])


@cache
def _dynamo(client: Any, prefix: str) -> DynamoStore:
    """Make the store once a process: it keeps offers from one call to the next."""
    return DynamoStore(client, prefix)


def announcer() -> Announcer:
    """Return what announces this stage's outcomes."""
    where = os.environ["SAGA_OUTCOME_BUS"], os.environ["SAGA_OPERATORS_TOPIC"]
    return Announcer(_client("events"), _client("sns"), *where)


@cache
def _client(service: Literal["dynamodb", "stepfunctions", "events", "sns", "cloudwatch"]) -> Any:
    import boto3  # noqa: PLC0415  a quarter of a second that a test of the other parts need not pay
    from botocore.config import Config  # noqa: PLC0415

    config = Config(
        # A call that hangs must fail while the function still has time to say so.
        connect_timeout=1,
        read_timeout=3,
        retries={"mode": "standard", "total_max_attempts": 2},
        # Every request is built in this package and AWS checks it anyway; to check it here too is a tenth of a step.
        parameter_validation=False,
    )
    return boto3.client(service, config=config)
