"""What trips cost on AWS by list price, counted from their logs. Free tiers and what stands still are left out."""

import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from saga import log
from saga.ports import Item
from saga.trip import CONFIRMED, NEEDS_ATTENTION, OPERATOR, PARTICIPANTS
from tools.snapshot import Snapshot

PRICES: dict[str, Any] = json.loads((Path(__file__).parent / "prices.json").read_text())
"""USD for one unit, with where and when that was the price."""

GIGABYTES = 0.5
"""Memory of a function, which its time is billed by."""

BEYOND = 0.005
"""Seconds that a call of a function is billed beyond what its log shows: before its START and behind its END."""

# A transaction writes each item twice ("Capacity unit consumption", DynamoDB guide). A change of a trip's status also
# changes the indexes: the two lists' entries, and its place among the unfinished, which it takes, leaves, or, being
# changed, takes anew.
TRANSACTION, INDEXES, MOVED = 2, 3, 4
LAST = list(PARTICIPANTS)[-1].capitalize()


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
    """Count one trip. A call that died before its START is in no log, and so not here."""
    takes = {name.capitalize(): len(item.get("takes", ())) for name, item in trip.bookings.items()}
    started = _times(trip.log)
    bill = sum((_entry(entry, takes, started) for entry in trip.log), Bill())
    posted = bool(trip.record and trip.record["owner"] != OPERATOR)
    closed = any(entry["step"].startswith("Cancel") for entry in trip.log)
    return bill + Bill(requests=int(posted), writes=(1 + MOVED) * closed)


def _times(entries: Iterable[Item]) -> dict[tuple[int, str], datetime]:
    """Return when the last attempt of each step of each run started."""
    starts = (entry for entry in entries if entry["kind"] == log.START)
    return {(entry["run"], entry["step"]): datetime.fromisoformat(entry["at"]) for entry in starts}


def _entry(entry: Item, takes: dict[str, int], started: dict[tuple[int, str], datetime]) -> Bill:
    match entry["step"], entry["kind"]:
        case "Saga", log.BEGIN if entry["run"] == 0:
            return Bill(transitions=1, calls=1, seconds=BEYOND, writes=2 * TRANSACTION + INDEXES)
        case "Saga", log.BEGIN:  # and the choice whether there is anything to undo; the run is counted in the record
            return Bill(transitions=2, calls=1, seconds=BEYOND, writes=2 * TRANSACTION, reads=1)
        case "Saga", _:
            return _end(entry)
        case _, log.START:  # the attempt; a book reads its offer
            return Bill(1, 1, BEYOND, writes=1, reads=0.5 * entry["step"].startswith("Book"))
        case _:
            return _outcome(entry, takes, started)


def _end(entry: Item) -> Bill:
    """Count the end of a run: its last states, and the announcement. The last book confirms without any EndSaga."""
    announced = Bill(calls=1, seconds=BEYOND, events=1)
    if entry["status"] == CONFIRMED:
        return announced + Bill(transitions=1, writes=TRANSACTION + INDEXES)
    indexes = MOVED if entry["status"] == NEEDS_ATTENTION else INDEXES
    return announced + Bill(3, 1, BEYOND, writes=2 * TRANSACTION + indexes, reads=float(entry["run"] > 0))


def _outcome(entry: Item, takes: dict[str, int], started: dict[tuple[int, str], datetime]) -> Bill:
    """Count the transactions of a book or a cancel; one that loses a condition is paid for in full."""
    step, took = entry["step"], datetime.fromisoformat(entry["at"]) - started[entry["run"], entry["step"]]
    name = step.removeprefix("Book").removeprefix("Cancel")
    # The trip, the booking, the outcome; the last book has the saga's end in it too, which _end counts if it is done.
    whole = TRANSACTION * (3 + takes.get(name, 0))
    seconds = max(took.total_seconds(), 0.0)
    match entry:
        case {"kind": log.ABORT, "error": "NotOffered"}:
            return Bill(seconds=seconds, writes=1)
        case {"kind": log.ABORT}:
            return Bill(seconds=seconds, writes=whole + TRANSACTION * (name == LAST) + 1)
        case {"found": "nothing"}:  # the tombstone; an undo looks for a booking first, and that transaction is lost
            return Bill(seconds=seconds, writes=TRANSACTION * 3 + whole * (entry["run"] > 0))
    return Bill(seconds=seconds, writes=whole)
