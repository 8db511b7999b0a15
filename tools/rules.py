"""What must hold of one trip: its record, its ledger, its bookings and its log against each other."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from saga import log
from saga.booking import BOOKED
from saga.ports import Item, Key
from saga.trip import BOOKING, CANCELLED, CONFIRMED, ENDED, NEEDS_ATTENTION, ROLLED_BACK
from tools.findings import Finding, Kind

SETTLED = (CONFIRMED, ROLLED_BACK, CANCELLED)
"""Statuses of a trip that nothing works on any more."""

ABSENT: Item = {"status": "absent", "was_booked": False}


@dataclass
class Seen:
    """What is kept of one trip: digests of its record and its bookings, and its log as (key, step, kind, status)."""

    record: Item | None = None
    bookings: dict[str, Item] = field(default_factory=dict)
    log: list[tuple[str, str, str, str]] = field(default_factory=list)
    unreadable: bool = False

    @property
    def live(self) -> set[str]:
        """Participants with a live booking."""
        return {name for name, item in self.bookings.items() if item["status"] == BOOKED}


def check(trip_id: str, trip: Seen) -> Iterator[Finding]:
    """Tell every breach of I1, I2, I4, I6 and I7 that one trip shows.

    What a repair has looked at and can't mend is `known` in the record; only holes of the log can be.
    """
    if trip.unreadable:
        return  # an item that can't be read is a finding by itself, and the rest can't be judged
    if not trip.record:
        yield Finding("I4", Kind.NO_RECORD, "it has no record", trip_id)
        return
    for name, item in trip.bookings.items():
        if item["saga_id"] != trip.record["saga_id"]:
            where = Key(name, f"TRIP#{trip_id}")
            yield Finding("I7", Kind.FOREIGN, f"its {name} belongs to another saga", trip_id, where=where)
    for rule, kind, text in (*_bookings(trip, trip.record), *_status(trip, trip.record), *_log(trip, trip.record)):
        if not (kind == Kind.LOG and text in trip.record["known"]):
            yield Finding(rule, kind, text, trip_id)


Breach = tuple[str, Kind, str]


def _bookings(trip: Seen, record: Item) -> Iterator[Breach]:
    """I4, I7: the saga is that of the request, and what is booked is what was asked for and what the ledger says."""
    if record["saga_id"] != record["derived"]:
        yield "I7", Kind.ALTERED, "its saga_id is not that of its request and owner"
    for name, item in trip.bookings.items():
        if name not in record["participants"] or not item["derived"]:
            yield "I4", Kind.ALTERED, f"its {name} is not what it asked for"
    if record["ledger"] != trip.live:
        text = f"by the ledger it has booked {sorted(record['ledger'])}, live bookings {sorted(trip.live)}"
        yield "I4", Kind.LEDGER, text


def _status(trip: Seen, record: Item) -> Iterator[Breach]:
    """I1, I2, I6: a trip's status says what is booked, what is owed, and whether somebody will look at it."""
    status, owed, live = record["status"], record["owed"], sorted(trip.live)
    if status == CONFIRMED and trip.live != record["participants"]:
        yield "I1", Kind.MISSING, f"CONFIRMED with live bookings {live}"
    if status in ENDED and live:
        yield "I2", Kind.STILL_BOOKED, f"{status} with live bookings {live}"
    if status == NEEDS_ATTENTION and not (owed and trip.live <= owed):
        yield "I6", Kind.NOT_OWED, f"NEEDS_ATTENTION owes {sorted(owed)}, live bookings {live}"
    if record["unfinished"] == (status in SETTLED):
        yield "I6", Kind.INDEX, f"{status}, and among the unfinished: {record['unfinished']}"


def _log(trip: Seen, record: Item) -> Iterator[Breach]:
    """I4: the log tells what the bookings show: an END for each booking made, and one for each that was undone.

    A cancel ends once more each time that a repair has taken the trip back from its end.
    """
    status, ends, reopened, kinds = record["status"], [], 0, defaultdict[str, list[str]](list)
    for entry, step, kind, at in sorted(trip.log):
        kinds[step].append(kind)
        if step == "Saga" and kind == log.END:
            ends.append(at)
        reopened += step == "Saga" and kind == log.ABORT and entry.split("#")[2] == "00"
    if (status in SETTLED and ends[-1:] != [status]) or (status == BOOKING and ends):
        yield "I4", Kind.LOG, f"{status}, but by the log the saga ended {ends}"
    for step, found in kinds.items():
        if step != "Saga" and found[0] != log.START:
            yield "I4", Kind.LOG, f"{step} has an outcome and no START"
    for name in sorted({*record["participants"], *trip.bookings}):
        booking = trip.bookings.get(name, ABSENT)
        booked, cancelled = (kinds[f"{verb}{name.title()}"].count(log.END) for verb in ("Book", "Cancel"))
        if booked != int(booking["was_booked"]):
            yield "I4", Kind.LOG, f"{name} is {booking['status']}, but its book ended {booked} times"
        least = int(booking["status"] == CANCELLED)
        if not least <= cancelled <= least * (1 + reopened):
            yield "I4", Kind.LOG, f"{name} is {booking['status']}, but its cancel ended {cancelled} times"
