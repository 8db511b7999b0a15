"""`./saga.sh audit`: reads every table of a stage, page by page, and holds what is there against the promise."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from saga import expressions, log
from saga.ports import Item, Key
from saga.trip import PARTICIPANTS
from tools.findings import Finding
from tools.invariants import Audit
from tools.stage import Stage

TABLES = (log.TABLE, *PARTICIPANTS)
"""What is read: the saga log first, so that a booking that is made meanwhile is not one without a record."""

SETTLES = 2.0
"""Seconds after which a finding is looked at again: tables are read one after the other while sagas run."""

Progress = Callable[[int], None]


def audit(stage: Stage, progress: Progress = lambda _items: None) -> tuple[int, list[str]]:
    """Return how many trips there are and what breaks the promise, a line each. `progress` and errors as below."""
    trips, found = findings(stage, progress)
    return trips, sorted(map(str, found))


def findings(stage: Stage, progress: Progress = lambda _items: None) -> tuple[int, list[Finding]]:
    """Return how many trips there are and what breaks the promise; a finding counts if it stands twice.

    `progress` is told how many items have been read. Raises Unreachable.
    """
    trips, found = _findings(stage, progress)
    if found:
        time.sleep(SETTLES)
        first = set(found)
        trips, again = _findings(stage, progress)
        found = [finding for finding in again if finding in first]
    return trips, sorted(found, key=str)


def of_trip(stage: Stage, trip_id: str) -> tuple[dict[Key, Item], list[Finding]]:
    """Return what the tables hold of one trip, and what breaks the promise there; its counters are not looked at."""
    held, items, client = Audit(), dict[Key, Item](), stage.client("dynamodb")
    for table in TABLES:
        name, value = ("trip_id", trip_id) if table == log.TABLE else ("id", f"TRIP#{trip_id}")
        query = {
            "KeyConditionExpression": "#name = :value",
            "ExpressionAttributeNames": {"#name": name},
            "ExpressionAttributeValues": expressions.marshal({":value": value}),
        }
        items |= {_key(table, item): item for page in _pages(stage, client, "query", table, query) for item in page}
    for key, item in items.items():
        held.add(key, item)
    return items, list(held.findings(counters=False))


def _findings(stage: Stage, progress: Progress) -> tuple[int, list[Finding]]:
    held, read = Audit(), 0
    client = stage.client("dynamodb")
    for table in TABLES:
        for page in _pages(stage, client, "scan", table, {}):
            for item in page:
                held.add(_key(table, item), item)
            read += len(page)
            progress(read)
    return len(held.trips), list(held.findings())


def _key(table: str, item: Item) -> Key:
    return Key(table, item.get("id") or item["trip_id"], item.get("entry", ""))


def _pages(stage: Stage, client: Any, how: str, table: str, options: dict[str, Any]) -> Iterator[list[Item]]:
    pages = client.get_paginator(how).paginate(TableName=stage.table(table), ConsistentRead=True, **options)
    with stage.reaching():
        for page in pages:
            yield [expressions.unmarshal(item) for item in page["Items"]]
