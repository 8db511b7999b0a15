"""What trips cost on AWS by list price, counted from their logs. Free tiers and what stands still are left out."""

import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from saga import log
from saga.ports import Item
from saga.trip import CANCELLED, CONFIRMED, NEEDS_ATTENTION
from tools.snapshot import Snapshot

PRICES: dict[str, Any] = json.loads((Path(__file__).parent / "prices.json").read_text())
"""USD for one unit, with where and when that was the price."""

GIGABYTES = 0.5
"""Memory of a function, which its time is billed by."""

BEYOND = 0.005
"""Seconds that a call of a function is billed beyond what its log shows: before its START and behind its END."""

# A transaction writes each item twice, whether it lands or loses a condition ("Capacity unit consumption", DynamoDB
# guide). A change of a trip's status also changes the indexes: its entry in the list of all trips, and its place among
# the unfinished, which it takes, leaves (ENDED), or, as that index is sorted by when it changed, takes anew (MOVED).
ITEM, BEGUN, ENDED, MOVED = 2, 3, 2, 3
READ = 1.0
"""A consistent read of an item under 4 kB. Reads of offers are left out: each function keeps them for a minute."""


@dataclass(frozen=True)
class Bill:
    """What trips use: state transitions, calls and seconds of functions, units of DynamoDB, requests, events."""

    transitions: int = 0
    calls: int = 0
    seconds: float = 0.0
    writes: float = 0.0
    reads: float = 0.0
    requests: int = 0
    events: int = 0

    def __add__(self, other: "Bill") -> "Bill":
        """Add up two bills."""
        return Bill(*(one + two for one, two in zip(astuple(self), astuple(other), strict=True)))

    @property
    def items(self) -> dict[str, float]:
        """USD by what is paid for."""
        return {
            "state transitions": self.transitions * PRICES["state_transition"],
            "function calls": self.calls * PRICES["lambda_request"],
            "function time": self.seconds * GIGABYTES * PRICES["lambda_gb_second_arm"],
            "table writes": self.writes * PRICES["dynamodb_write_unit"],
            "table reads": self.reads * PRICES["dynamodb_read_unit"],
            "API requests": self.requests * PRICES["http_api_request"],
            "events": self.events * PRICES["event"],
        }

    @property
    def dollars(self) -> float:
        """The sum of it."""
        return sum(self.items.values())


def of(trip: Snapshot) -> Bill:
    """Count one trip. Of an attempt that is in no log, its call is counted if a later one is; not what it wrote."""
    if not trip.record:
        return Bill()
    steps = _steps(trip.log)
    # A failed book's own cancel comes first, and closes the trip.
    closing = next((found for found in steps if found[0] == 0 and found[1].startswith("Cancel")), None)
    bill = sum((_step(trip, entries, closes=found == closing) for found, entries in steps.items()), Bill())
    acted = {_place(entry) for entries in steps.values() for entry in entries}
    sagas = (entry for entry in trip.log if entry["step"] == "Saga")
    bill += sum((_saga(entry, by_a_step=_place(entry) in acted) for entry in sagas), Bill())
    return bill + _asked(trip.record) + _silent(trip.record, trip.log, steps)


def _place(entry: Item) -> tuple[str, ...]:
    """Return a line's run and position, which the end of a saga shares with the step that ended it."""
    return tuple(entry["entry"].split("#")[1:3])


def _steps(entries: Iterable[Item]) -> dict[tuple[int, str], list[Item]]:
    """Return the lines of each step of each run, in the order of the story."""
    steps: dict[tuple[int, str], list[Item]] = {}
    for entry in entries:
        if entry["step"] != "Saga":
            steps.setdefault((entry["run"], entry["step"]), []).append(entry)
    return steps


def _asked(record: Item) -> Bill:
    """Count what the API did: it puts a trip, which BeginSaga then reads, and makes a confirmed one CANCELLING."""
    posted = Bill(calls=1, seconds=BEYOND, reads=READ, requests=1) if "execution" not in record else Bill()
    if record.get("goal") != CANCELLED:
        return posted
    # The record is read and changed, with both lists; then it keeps the number of the undo that was started.
    return posted + Bill(calls=posted.calls, requests=posted.requests, reads=READ, writes=1 + 2 + 1)


def _silent(record: Item, entries: Iterable[Item], steps: Iterable[tuple[int, str]]) -> Bill:
    """Count the cancels of ended undos that found nothing to cancel: they read that, and look at the ledger."""
    ended = {entry["run"] for entry in entries if entry["run"] and entry["step"] == "Saga" and "status" in entry}
    passed = {(run, f"Cancel{name.title()}") for run in ended for name in record["request"]}
    silent = len(passed - set(steps))
    return Bill(silent, silent, BEYOND * silent, writes=silent, reads=READ * silent)


def _step(trip: Snapshot, entries: list[Item], *, closes: bool) -> Bill:
    """Count a step: its attempts, of which each but the first writes its START, and what its outcome wrote."""
    attempts = 1 + max(entry["attempt"] for entry in entries)
    later = sum(entry["kind"] == log.START and entry["attempt"] > 0 for entry in entries)
    bill = Bill(attempts, attempts, BEYOND * attempts, writes=later)
    outcome = entries[-1]
    if outcome["kind"] == log.START:
        return bill
    starts = [datetime.fromisoformat(entry["at"]) for entry in entries if entry["kind"] == log.START]
    took = (datetime.fromisoformat(outcome["at"]) - starts[-1]).total_seconds() if starts else 0.0
    name = outcome["step"].removeprefix("Book").removeprefix("Cancel").lower()
    counters = len(trip.bookings.get(name, {}).get("takes", ()))
    whole = ITEM * (3 + counters)  # beside them the record, the booking, the outcome
    return bill + Bill(seconds=max(took, 0.0)) + _outcome(outcome, whole, closes=closes)


def _outcome(outcome: Item, whole: int, *, closes: bool) -> Bill:
    """Count the transactions of a step; one that loses a condition is paid for in full."""
    match outcome:
        case {"kind": log.ABORT, "error": "NotOffered"}:
            return Bill(writes=1, reads=READ / 2)  # what is not there is not kept
        case {"kind": log.ABORT}:
            return Bill(writes=whole + 1)
        case {"found": found} if closes:  # without a look it tries the tombstone first
            return Bill(writes=3 * ITEM + whole * (found != "nothing") + MOVED)
        case {"found": found}:
            return Bill(writes=3 * ITEM if found == "nothing" else whole, reads=READ)
    return Bill(writes=whole)


def _saga(entry: Item, *, by_a_step: bool) -> Bill:
    """Count the begin of a run, or its end: the announcement, the states behind the last step, what was written."""
    match entry:
        case {"kind": log.BEGIN, "run": 0}:
            return Bill(1, 1, BEYOND, writes=1 + BEGUN)
        case {"kind": log.BEGIN}:  # and the choice whether there is anything to undo
            return Bill(2, 1, BEYOND, writes=2 * ITEM, reads=READ)
        case {"status": status} if by_a_step:  # behind the last cancel stands a choice
            states = 1 if status == CONFIRMED else 2
            return Bill(states, 1, BEYOND, writes=ENDED, events=1)
    # The choice behind the last cancel, EndSaga, its own choice, the last state; and beside EndSaga the announcement.
    moved = MOVED if entry["status"] == NEEDS_ATTENTION else ENDED
    return Bill(4, 2, 2 * BEYOND, writes=2 * ITEM + moved, reads=READ, events=1)
