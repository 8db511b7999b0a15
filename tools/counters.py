"""Sets counters right. No function of the saga may do that, so it is no write of the port: it is done from here."""

from collections.abc import Iterable
from typing import Any

from botocore.exceptions import ClientError

from saga import expressions
from saga.booking import counter
from tools.findings import Count, Finding, Kind
from tools.stage import Stage

MOVED = ("ConditionalCheckFailedException", "TransactionConflictException")


def off(findings: Iterable[Finding]) -> list[Count]:
    """Return the counters that can be set right, each from two whole reads that agree.

    A booking that can't be read may hold anything: while there is one, no counter of its table is touched.
    """
    found = list(findings)
    doubtful = {one.where.table for one in found if one.kind == Kind.UNREADABLE and one.where}
    return [one.count for one in found if one.kind == Kind.COUNTER and one.count and one.count.table not in doubtful]


def set_right(stage: Stage, count: Count) -> bool:
    """Set a counter to the number of live bookings, if it still is what was read; return whether that was done."""
    at = counter(count.table, count.counter)
    absent = "attribute_not_exists(#slot) OR " if not count.taken else ""
    request: dict[str, Any] = {
        "TableName": stage.table(count.table),
        "Key": expressions.key(at),
        "UpdateExpression": "SET #slot = :live",
        "ConditionExpression": f"{absent}#slot = :taken",
        "ExpressionAttributeNames": {"#slot": count.slot},
        "ExpressionAttributeValues": expressions.marshal({":live": count.live, ":taken": count.taken}),
    }
    try:
        with stage.reaching():
            stage.client("dynamodb").update_item(**request)
    except ClientError as error:
        if error.response["Error"]["Code"] in MOVED:
            return False
        raise
    return True
