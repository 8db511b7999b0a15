"""What trips cost on AWS by list price, counted from their logs. Free tiers and what stands still are left out."""

import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from saga import log
from saga.ports import Item
from saga.trip import CONFIRMED, NEEDS_ATTENTION, OPERATOR
from tools.snapshot import Snapshot

PRICES: dict[str, Any] = json.loads((Path(__file__).parent / "prices.json").read_text())
"""USD for one unit, with where and when that was the price."""

GIGABYTES = 0.5
"""Memory of a function, which its time is billed by."""

BEYOND = 0.005
"""Seconds that a call of a function is billed beyond what its log shows: before its START and behind its END."""

# A transaction writes each item twice ("Capacity unit consumption", DynamoDB guide); a change of a trip's status also
# changes the indexes: the two lists' entries, and its place among the unfinished, which it takes or leaves.
TRANSACTION, INDEXES = 2, 3


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
    return bill + Bill(requests=int(posted))


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
        case _, log.START:  # the attempt; a book reads its offer, a cancel tries to close the trip
            book = entry["step"].startswith("Book")
            return Bill(1, 1, BEYOND, writes=1 if book else 2, reads=0.5 if book else 0)
        case _:
            return _outcome(entry, takes, started)


def _end(entry: Item) -> Bill:
    """Count the end of a run: its last states, and the announcement. The last book confirms without any EndSaga."""
    announced = Bill(calls=1, seconds=BEYOND, events=1)
    if entry["status"] == CONFIRMED:
        return announced + Bill(transitions=1, writes=TRANSACTION + INDEXES)
    closed = INDEXES if entry["status"] != NEEDS_ATTENTION else INDEXES + 1
    return announced + Bill(3, 1, BEYOND, writes=2 * TRANSACTION + INDEXES + closed, reads=1)


def _outcome(entry: Item, takes: dict[str, int], started: dict[tuple[int, str], datetime]) -> Bill:
    """Count the transaction of a book or a cancel; one that was refused is paid for too, and then its ABORT."""
    verb, name = ("Book", entry["step"][4:]) if entry["step"].startswith("Book") else ("Cancel", entry["step"][6:])
    took = (datetime.fromisoformat(entry["at"]) - started[entry["run"], entry["step"]]).total_seconds()
    counters = takes.get(name, 0) if verb == "Book" or entry.get("found") == "BOOKED" else 0
    tried = entry.get("error") != "NotOffered"
    failed = entry["kind"] == log.ABORT or (verb == "Cancel" and not counters)
    writes = TRANSACTION * (3 + counters) * tried + (1 if entry["kind"] == log.ABORT else 0)
    return Bill(seconds=max(took, 0.0), writes=writes + (TRANSACTION * 3 if failed and verb == "Cancel" else 0))
