"""The promise, checked on what the tables hold: what the code answered plays no part.

Items come one at a time, in any order, and only a digest of each is kept, so a stage of any size can be checked. A trip
is held against its own request, and a booking against what it says it took: today's rules may be others.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from saga import log
from saga.booking import BOOKED, confirmation
from saga.ports import Item, Key
from saga.trip import Trip
from tools.findings import Count, Finding, Kind
from tools.rules import SETTLED, Seen, check

__all__ = ["SETTLED", "Audit", "violations"]

Slot = tuple[str, str]
"""A participant's table, and what is counted there: `<offer>#<yyyy-mm> d<dd>`."""


class Audit:
    """Takes in every item of a stage, or of a trip, and tells what breaks the promise."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.trips: dict[str, Seen] = defaultdict(Seen)
        self._live: Counter[Slot] = Counter()
        self._marks: Counter[Slot] = Counter()
        self._taken: dict[Slot, int] = {}
        self._capacity: dict[Slot, int] = {}
        self._allowed: Counter[Slot] = Counter()
        self._unreadable: list[Finding] = []

    def add(self, key: Key, item: Item) -> None:
        """Take in one item of any table."""
        try:
            self._add(key, item)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            trip_id = key.id if key.entry else key.id.removeprefix("TRIP#") if key.id.startswith("TRIP#") else ""
            if trip_id:
                self.trips[trip_id].unreadable = True
            where = f"{key.table} {key.id} {key.entry}".strip()
            text = f"{where}: not readable: {error!r}"
            self._unreadable.append(Finding("I4", Kind.UNREADABLE, text, trip_id, where=key))

    def findings(self, *, counters: bool = True) -> Iterator[Finding]:
        """Tell every breach of I1 to I4, I6 and I7; without `counters`, those that trips show by themselves."""
        yield from self._unreadable
        if counters:
            yield from self._counters()
        for trip_id, trip in self.trips.items():
            yield from check(trip_id, trip)

    def violations(self) -> Iterator[str]:
        """Tell every breach as one line."""
        yield from map(str, self.findings())

    def _add(self, key: Key, item: Item) -> None:
        kind, _, name = key.id.partition("#")
        if key.entry:
            self._add_logged(key, item)
        elif kind == "OFFER":
            self._capacity[key.table, name] = int(item["capacity"])
        elif kind == "TAKEN":
            self._taken |= {(key.table, f"{name} {slot}"): int(n) for slot, n in item.items() if slot != "id"}
        elif kind == "TRIP":
            self.trips[name].bookings[key.table] = _booking(key.table, item)
            if item["status"] == BOOKED:
                self._add_live(key.table, name, item)
        else:
            raise ValueError("neither a booking, an offer nor a counter")

    def _add_logged(self, key: Key, item: Item) -> None:
        trip = self.trips[key.id]
        for line in log.lines({"trip_id": key.id, "entry": key.entry, **item}):
            trip.log.append((line["entry"], line["step"], line["kind"], line.get("status", "")))
        if key.entry == log.RECORD:
            trip.record = _record(key.id, item)

    def _add_live(self, table: str, trip_id: str, item: Item) -> None:
        for slot in [(table, f"{name} {slot}") for name, slots in item["takes"].items() for slot in slots]:
            self._live[slot] += 1
            self._marks[slot] ^= hash(trip_id)
            self._allowed[slot] = max(self._allowed[slot], item["capacity"])

    def _counters(self) -> Iterator[Finding]:
        """I3: what is taken is what live bookings take, and never more than the capacity.

        A capacity may be lowered, and an offer withdrawn, under live bookings: so each says what it was held against.
        """
        for slot in {**self._taken, **self._live}:
            taken, live, (table, name) = self._taken.get(slot, 0), self._live[slot], slot
            capacity = max(self._allowed[slot], self._capacity.get((table, name.rpartition("#")[0]), 0))
            if taken == live <= capacity:
                continue
            counter, _, day = name.rpartition(" ")
            count = Count(table, counter, day, taken, live, self._marks[slot])
            if taken != live:
                yield Finding("I3", Kind.COUNTER, f"{count}: {taken} taken, but {live} live bookings", count=count)
            if taken > capacity:
                yield Finding("I3", Kind.OVERSOLD, f"{count}: {taken} taken of {capacity}", count=count)


def violations(items: Mapping[Key, Item]) -> list[str]:
    """Tell every breach that a dump of the tables shows."""
    audit = Audit()
    for key, item in items.items():
        audit.add(key, item)
    return list(audit.violations())


def _record(trip_id: str, item: Item) -> Item:
    return {
        "status": item["status"],
        "saga_id": item["saga_id"],
        "derived": Trip(trip_id, item["owner"], item["request"]).saga_id,
        "participants": set(item["request"]),
        "ledger": set(item.get("booked", ())),
        "owed": set(item.get("owed", ())),
        "unfinished": "unfinished" in item,
        "known": set(item.get("known", ())),
        "run": (item["runs"], item["shard"], item["updated"]),  # a record that lacks one of them can't be undone
    }


def _booking(participant: str, item: Item) -> Item:
    return {
        "status": item["status"],
        "saga_id": item["saga_id"],
        "was_booked": "booked" in item,
        "derived": item["confirmation"] == confirmation(item["saga_id"], participant),
    }
