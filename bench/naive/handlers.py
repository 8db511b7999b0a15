"""Three functions that put a row and three that delete it; which three, the environment says."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import boto3

NOT_TO_BE_HAD = ("Fiat 500e", "BA832", "Hotel Sacher Vienna")


class SoldOut(Exception):
    """There is none left: the naive saga knows that without looking."""


def book(event: Mapping[str, Any], _context: Any) -> dict[str, str]:
    """Put the booking's row."""
    part = event["part"]
    if not {part.get("name"), part.get("number"), part.get("model")}.isdisjoint(NOT_TO_BE_HAD):
        raise SoldOut(f"{os.environ['PARTICIPANT']} is sold out")
    _dynamodb().Table(os.environ["TABLE"]).put_item(Item={"id": event["trip_id"], "status": "BOOKED", **part})
    return {"status": "BOOKED"}


def cancel(event: Mapping[str, Any], _context: Any) -> dict[str, str]:
    """Delete the booking's row."""
    _dynamodb().Table(os.environ["TABLE"]).delete_item(Key={"id": event["trip_id"]})
    return {"status": "CANCELLED"}


@cache
def _dynamodb() -> Any:
    return boto3.resource("dynamodb")
