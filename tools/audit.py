"""`./saga.sh audit`: reads every table of a stage, page by page, and holds what is there against the promise."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from saga import expressions, log
from saga.ports import Item, Key
from saga.trip import PARTICIPANTS
from tools.invariants import Audit
from tools.stage import Stage

NEEDED = {
    log.TABLE: ("trip_id", "entry", "status", "saga_id", "owner", "request", "owed", "unfinished", "step", "kind"),
    **dict.fromkeys(PARTICIPANTS, ("id", "status", "saga_id", "confirmation", "takes", "booked", "taken", "capacity")),
}
"""What is read of each table: all that the checks need, and nothing else."""

SETTLES = 2.0
"""Seconds after which a finding is looked at again: tables are read one after the other while sagas run."""


def audit(stage: Stage, progress: Callable[[int], None] = lambda _items: None) -> tuple[int, list[str]]:
    """Return how many trips there are and what breaks the promise; a finding counts if it stands twice.

    `progress` is told how many items have been read. Raises Unreachable.
    """
    trips, found = _audit(stage, progress)
    if found:
        time.sleep(SETTLES)
        trips, again = _audit(stage, progress)
        found = [line for line in again if line in set(found)]
    return trips, sorted(found)


def _audit(stage: Stage, progress: Callable[[int], None]) -> tuple[int, list[str]]:
    held, read = Audit(), 0
    client = stage.client("dynamodb")
    for table, names in NEEDED.items():
        for page in _pages(stage, client, table, names):
            for item in page:
                held.add(Key(table, item.get("id") or item["trip_id"], item.get("entry", "")), item)
            read += len(page)
            progress(read)
    return len(held.trips), list(held.violations())


def _pages(stage: Stage, client: Any, table: str, names: tuple[str, ...]) -> Iterator[list[Item]]:
    placeholders = {f"#{name}": name for name in names}
    scan = client.get_paginator("scan").paginate(
        TableName=stage.table(table),
        ConsistentRead=True,
        ProjectionExpression=", ".join(placeholders),
        ExpressionAttributeNames=placeholders,
    )
    with stage.reaching():
        for page in scan:
            yield [expressions.unmarshal(item) for item in page["Items"]]
