"""Functions that put a row and functions that delete it, of which participant the environment says.

The counted ones take capacity as well, as a like-for-like measure: in one transaction with the row, a count for each
day in one item for each offer and month. They promise no more than the others.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date, timedelta
from functools import cache
from itertools import groupby
from typing import Any

import boto3

NOT_TO_BE_HAD = ("Fiat 500e", "BA832", "Hotel Sacher Vienna")
PLENTY = 1_000_000
"""What there is of all else."""


class SoldOut(Exception):
    """There is none left; without counting, the naive saga knows that without looking."""


def book(event: Mapping[str, Any], _context: Any) -> dict[str, str]:
    """Put the booking's row."""
    part = event["part"]
    if not {part.get("name"), part.get("number"), part.get("model")}.isdisjoint(NOT_TO_BE_HAD):
        raise SoldOut(f"{os.environ['PARTICIPANT']} is sold out")
    _dynamodb().Table(os.environ["TABLE"]).put_item(Item=_row(event))
    return {"status": "BOOKED"}


def cancel(event: Mapping[str, Any], _context: Any) -> dict[str, str]:
    """Delete the booking's row."""
    _dynamodb().Table(os.environ["TABLE"]).delete_item(Key={"id": event["trip_id"]})
    return {"status": "CANCELLED"}


def book_counted(event: Mapping[str, Any], _context: Any) -> dict[str, str]:
    """Put the booking's row and take its days, or find that one of them is full."""
    try:
        _write({"Put": {"TableName": os.environ["TABLE"], "Item": _row(event)}}, *_counts(event["part"], 1))
    except _dynamodb().meta.client.exceptions.TransactionCanceledException as error:
        raise SoldOut(f"{os.environ['PARTICIPANT']} is sold out") from error
    return {"status": "BOOKED"}


def cancel_counted(event: Mapping[str, Any], _context: Any) -> dict[str, str]:
    """Delete the booking's row and give its days back, if it is there."""
    row = {"TableName": os.environ["TABLE"], "Key": {"id": event["trip_id"]}}
    with suppress(_dynamodb().meta.client.exceptions.TransactionCanceledException):
        _write({"Delete": {**row, "ConditionExpression": "attribute_exists(id)"}}, *_counts(event["part"], -1))
    return {"status": "CANCELLED"}


def _row(event: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": event["trip_id"], "status": "BOOKED", **event["part"]}


def _counts(part: Mapping[str, str], by: int) -> Iterator[dict[str, Any]]:
    """Make the updates of the counters, one for each month; nothing that is not to be had has a count to be below."""
    offer, days = _asked(part)
    may_be_new = "{0} < :most" if offer in NOT_TO_BE_HAD else "(attribute_not_exists({0}) OR {0} < :most)"
    for month, some in groupby(days, lambda day: f"{day:%Y-%m}"):
        slots = [f"d{day:%d}" for day in some]
        yield {
            "Update": {
                "TableName": os.environ["TABLE"],
                "Key": {"id": f"{offer}#{month}"},
                "UpdateExpression": "ADD " + ", ".join(f"{slot} :by" for slot in slots),
                "ConditionExpression": " AND ".join(may_be_new.format(slot) for slot in slots),
                "ExpressionAttributeValues": {":by": by, ":most": PLENTY},
            }
        }


def _asked(part: Mapping[str, str]) -> tuple[str, list[date]]:
    """Return the offer and the days: each night, the day of departure, or each rental day."""
    match part:
        case {"name": offer, "check_in": first, "check_out": until}:
            return offer, _days(first, until)[:-1]
        case {"model": offer, "pick_up": first, "drop_off": until}:
            return offer, _days(first, until)
    return part["number"], _days(part["depart_at"][:10], part["depart_at"][:10])


def _days(first: str, last: str) -> list[date]:
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    return [begin + timedelta(days=n) for n in range((end - begin).days + 1)]


def _write(*items: dict[str, Any]) -> None:
    _dynamodb().meta.client.transact_write_items(TransactItems=list(items))


@cache
def _dynamodb() -> Any:
    return boto3.resource("dynamodb")
