"""The promise, checked on what the tables hold: what the code answered plays no part.

Items come one at a time, in any order, and only a digest of each is kept, so a stage of any size can be checked.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from saga.booking import confirmation
from saga.ports import Item, Key
from saga.trip import BOOKING, CANCELLED, CONFIRMED, NEEDS_ATTENTION, PARTICIPANTS, ROLLED_BACK, Trip

SETTLED = (CONFIRMED, ROLLED_BACK, CANCELLED)
"""Statuses of a trip that nothing works on any more."""


@dataclass
class Seen:
    """What is kept of one trip: digests of its record and its bookings, and its log as (key, step, kind and status)."""

    record: Item | None = None
    bookings: dict[str, Item] = field(default_factory=dict)
    log: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def live(self) -> set[str]:
        """Participants with a live booking."""
        return {name for name, item in self.bookings.items() if item["status"] == "BOOKED"}


class Audit:
    """Takes in every item of a stage and tells what breaks the promise."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.trips: dict[str, Seen] = defaultdict(Seen)
        self._live: Counter[tuple[str, str]] = Counter()
        self._taken: dict[tuple[str, str], int] = {}
        self._capacity: dict[tuple[str, str], int] = {}
        self._unreadable: list[str] = []

    def add(self, key: Key, item: Item) -> None:
        """Take in one item of any table."""
        try:
            self._add(key, item)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            self._unreadable.append(f"I4: {key.table} {key.id} {key.entry}: not readable: {error!r}")

    def violations(self) -> Iterator[str]:
        """Tell every breach of I1 to I4, I6 and I7 that the tables show, as one line each."""
        yield from self._unreadable
        yield from self._counters()
        for trip_id, trip in self.trips.items():
            for line in _trip(trip) if trip.record else ["I4: it has no record"]:
                yield f"{line} (trip {trip_id})"

    def _add(self, key: Key, item: Item) -> None:
        kind, _, name = key.id.partition("#")
        if key.entry == "TRIP":
            self.trips[key.id].record = _record(key.id, item)
        elif key.entry:
            told = f"{item['kind']} {item.get('status', '')}".strip()
            self.trips[key.id].log.append((key.entry, item["step"], told))
        elif kind == "OFFER":
            self._capacity[key.table, name] = item["capacity"]
        elif kind == "TAKEN":
            self._taken[key.table, name] = item["taken"]
        else:
            self.trips[name].bookings[key.table] = _booking(key.table, item)
            if item["status"] == "BOOKED":
                self._live.update((key.table, taken) for taken in item["takes"])

    def _counters(self) -> Iterator[str]:
        """I3: what is taken is what live bookings take, and never more than the capacity."""
        for counter in {*self._taken, *self._live}:
            taken, live, (table, name) = self._taken.get(counter, 0), self._live[counter], counter
            capacity = self._capacity.get((table, name.rpartition("#")[0]), 0)
            if taken != live:
                yield f"I3: {table} {name}: {taken} taken, but {live} live bookings"
            if taken > capacity:
                yield f"I3: {table} {name}: {taken} taken of {capacity}"


def violations(items: Mapping[Key, Item]) -> list[str]:
    """Tell every breach that a dump of the tables shows."""
    audit = Audit()
    for key, item in items.items():
        audit.add(key, item)
    return list(audit.violations())


def _record(trip_id: str, item: Item) -> Item:
    trip = Trip(trip_id, item["owner"], item["request"])
    return {
        "status": item["status"],
        "saga_id": item["saga_id"],
        "derived": trip.saga_id,
        "owed": set(item.get("owed", ())),
        "unfinished": "unfinished" in item,
        "takes": {name: part.parse(item["request"][name]).takes for name, part in PARTICIPANTS.items()},
    }


def _booking(participant: str, item: Item) -> Item:
    return {
        "status": item["status"],
        "saga_id": item["saga_id"],
        "takes": tuple(item["takes"]),
        "was_booked": "booked" in item,
        "derived": item["confirmation"] == confirmation(item["saga_id"], participant),
    }


def _trip(trip: Seen) -> Iterator[str]:
    """I1, I2, I6, I7: a trip's status and the bookings that it owns fit each other and what was asked for."""
    record = trip.record or {}
    status, owed = record["status"], record["owed"]
    if record["saga_id"] != record["derived"]:
        yield "I7: its saga_id is not that of its request and owner"
    for name, item in trip.bookings.items():
        if item["saga_id"] != record["saga_id"]:
            yield f"I7: its {name} belongs to another saga"
        if item["takes"] != record["takes"][name] or not item["derived"]:
            yield f"I4: its {name} is not what it asked for"
    if status == CONFIRMED and trip.live != set(PARTICIPANTS):
        yield f"I1: CONFIRMED with live bookings {sorted(trip.live)}"
    if status in (ROLLED_BACK, CANCELLED) and trip.live:
        yield f"I2: {status} with live bookings {sorted(trip.live)}"
    if status == NEEDS_ATTENTION and not (owed and trip.live <= owed):
        yield f"I6: NEEDS_ATTENTION owes {sorted(owed)}, live bookings {sorted(trip.live)}"
    if record["unfinished"] == (status in SETTLED):
        yield f"I6: {status}, and among the unfinished: {record['unfinished']}"
    yield from _log(trip, status)


def _log(trip: Seen, status: str) -> Iterator[str]:
    """I4: the log tells what the bookings show: an END for each booking made, and one for each that was undone."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for _, step, told in sorted(trip.log):
        kinds[step].append(told)
    ends = [told.removeprefix("END ") for told in kinds["Saga"] if told.startswith("END")]
    if kinds["Saga"][:1] != ["BEGIN"]:
        yield "I4: the log does not begin with the saga's BEGIN"
    if (status in SETTLED and ends[-1:] != [status]) or (status == BOOKING and ends):
        yield f"I4: {status}, but by the log the saga ended {ends}"
    for step, found in kinds.items():
        if step != "Saga" and found[0] != "START":
            yield f"I4: {step} has an outcome and no START"
    for name in PARTICIPANTS:
        booking = trip.bookings.get(name, {"status": "absent", "was_booked": False})
        booked, cancelled = (kinds[f"{verb}{name.title()}"].count("END") for verb in ("Book", "Cancel"))
        if booked != int(booking["was_booked"]):
            yield f"I4: {name} is {booking['status']}, but its book ended {booked} times"
        if cancelled != int(booking["status"] == CANCELLED):
            yield f"I4: {name} is {booking['status']}, but its cancel ended {cancelled} times"
