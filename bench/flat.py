"""Whether a step takes longer where many trips are."""

import json
from collections.abc import Iterator
from statistics import median
from typing import Any

from bench import inprocess, steps, tables
from bench.lab import Lab
from bench.numbers import Goal, percentile, timed
from bench.report import Section
from bench.sizes import Sizes
from saga.log import RECORD, TABLE
from saga.trip import PARTICIPANTS

FEW, MANY = "bench-few", "bench-many"
SEEDED = 500
"""Trips whose items are made at a time."""


def measure(lab: Lab, sizes: Sizes) -> Section:
    """Book hotels in turn where few trips are and where many are."""
    taken: dict[str, list[float]] = {FEW: [], MANY: []}
    with tables.tables(lab, FEW) as client, tables.tables(lab, MANY):
        for prefix, trips in ((FEW, sizes.small), (MANY, sizes.large)):
            with inprocess.handlers(lab, prefix, ""):
                _seed(client, prefix, trips)
                steps.booking(steps.begun())()
        for number in range(sizes.calls):
            for prefix in (FEW, MANY) if number % 2 else (MANY, FEW):
                with inprocess.handlers(lab, prefix, ""):
                    taken[prefix].append(timed(steps.booking(steps.begun())))
    few, many = median(taken[FEW]), median(taken[MANY])
    rows = [
        (f"{trips:,}", f"{median(taken[prefix]) * 1000:.2f} ms", f"{percentile(taken[prefix], 95) * 1000:.2f} ms")
        for prefix, trips in ((FEW, sizes.small), (MANY, sizes.large))
    ]
    goal = Goal(f"a step at {sizes.large:,} trips ÷ at {sizes.small:,}, p50", many / few, 1.2)
    notes = (
        (
            f"{sizes.calls} BookHotel of each, in turn, in process. A trip in the tables is its record, which is in all"
            " three indexes, and its three bookings."
        ),
    )
    return Section("Flatness", ("trips in the tables", "BookHotel p50", "p95"), rows, (goal,), notes)


def _seed(client: Any, prefix: str, count: int) -> None:
    """Put trips like one that has begun and booked its hotel, under ids of their own."""
    state = steps.begun()
    steps.booking(state)()
    key = {"trip_id": {"S": state["trip_id"]}, "entry": {"S": RECORD}}
    record = client.get_item(TableName=f"{prefix}-{TABLE}", Key=key)["Item"]
    booking = client.get_item(TableName=f"{prefix}-hotel", Key={"id": {"S": f"TRIP#{state['trip_id']}"}})["Item"]
    for kind, items in ((TABLE, [record]), *((name, [booking]) for name in PARTICIPANTS)):
        for made in _copies(items, state["trip_id"], count):
            tables.put(client, f"{prefix}-{kind}", made)


def _copies(items: list[dict[str, Any]], trip_id: str, count: int) -> Iterator[list[dict[str, Any]]]:
    text = json.dumps(items)
    for first in range(0, count, SEEDED):
        numbers = range(first, min(first + SEEDED, count))
        yield [item for number in numbers for item in json.loads(text.replace(trip_id, f"seeded-{number}"))]
