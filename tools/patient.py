"""One trip under repair: what the tables hold of it, what breaks the promise there, and each single cure.

Every cure is a write of the saga's own port, conditional on what was read; one that comes too late changes nothing.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from saga import lifecycle, log
from saga.booking import BOOKED, counter
from saga.log import Call
from saga.ports import Change, Check, Item, Key, Lost, Put, Write
from saga.trip import CANCELLED, CONFIRMED, ENDED, PARTICIPANTS
from tools import audit, counters, trips
from tools.attention import LATE
from tools.findings import Finding, Kind
from tools.rules import SETTLED
from tools.stage import Stage

ORDER = list(PARTICIPANTS)


class Patient:
    """A trip of a stage; `done` tells what has been cured."""

    items: dict[Key, Item]
    findings: list[Finding]

    def __init__(self, stage: Stage, trip_id: str) -> None:
        """Look at the trip; raise Unreachable."""
        self.stage, self.trip_id, self.done = stage, trip_id, list[str]()
        self._desk = trips.desk(stage)
        self.look()

    def look(self) -> None:
        """Read again what the tables hold."""
        self.items, self.findings = audit.of_trip(self.stage, self.trip_id)

    @property
    def record(self) -> Item:
        """The trip's record; to be asked for where the trip is `readable`."""
        return self.items[log.trip_key(self.trip_id)]

    @property
    def readable(self) -> bool:
        """Whether it has a record, and all that is there of it can be read."""
        return not self.kinds & {Kind.UNREADABLE, Kind.NO_RECORD}

    @property
    def status(self) -> str | None:
        """The trip's status, None without a record."""
        record = self.items.get(log.trip_key(self.trip_id), {})
        return record.get("status")

    @property
    def kinds(self) -> set[Kind]:
        """What its findings are about."""
        return {finding.kind for finding in self.findings}

    @property
    def is_young(self) -> bool:
        """Whether its record has changed a moment ago, and nobody has given it up."""
        age = datetime.now(UTC) - datetime.fromisoformat(self.record["updated"])
        return age.total_seconds() < LATE and "owed" not in self.record

    @property
    def live(self) -> dict[str, Item]:
        """Its live bookings, by participant; none of another saga."""
        found = {key.table: item for key, item in self.items.items() if not key.entry}
        mine = self.record["saga_id"]
        return {name: item for name, item in found.items() if item["status"] == BOOKED and item["saga_id"] == mine}

    def set_counters(self) -> None:
        """Set those counters right that keep its cancels from giving back: they say that nobody took what it took."""
        if self.status == CONFIRMED or not (empty := set(self._empty())):
            return
        for count in counters.off(audit.findings(self.stage)[1]):
            if (count.table, count.counter, count.slot) in empty and counters.set_right(self.stage, count):
                self.done.append(f"{count}: set to {count.live}, the number of live bookings; it was {count.taken}")

    def put_in_index(self) -> None:
        """Put an unfinished trip among the unfinished, and take a settled one out."""
        if Kind.INDEX in self.kinds:
            settled = self.status in SETTLED
            facts = {} if settled else {"unfinished": self.record["shard"]}
            self._write("its place in the index", trip=self._change(facts, ("unfinished",) if settled else ()))

    def reopen(self) -> None:
        """Take it back from its end, if something of it is booked all the same or stands in its ledger."""
        owed = (set(self.live) | set(self.record.get("booked", ()))) & set(self.record["request"])
        if self.status in ENDED and owed:
            with suppress(Lost):
                lifecycle.reopen(self._desk, self.record, owed)
                self.done.append(f"taken back from {self.status}: still booked: {', '.join(sorted(owed))}")
            self.look()

    def enter(self) -> None:
        """Enter again what its bookings prove: in the ledger of a CONFIRMED trip, and in the log of a settled one.

        In the log only where all else is sound: no line of it may tell what somebody has done by hand.
        """
        if self.status == CONFIRMED and Kind.LEDGER in self.kinds:
            for name in self.live.keys() - set(self.record.get("booked", ())):
                stands = Check(Key(name, f"TRIP#{self.trip_id}"), (BOOKED,), self.record["saga_id"])
                self._write(f"{name} in its ledger", trip=self._change({}, joins=name), stands=stands)
        if self.status in SETTLED and self.kinds == {Kind.LOG}:
            for what, put in self._holes().items():
                self._write(f"{what} in its log", outcome=put)

    def note(self) -> None:
        """Note in its record what is wrong with its log and can't be mended; it is not found again."""
        if self.status in SETTLED and self.kinds == {Kind.LOG}:
            texts = [finding.text for finding in self.findings]
            known = sorted({*self.record.get("known", ()), *texts})
            self._write(
                "nothing is booked or owed by it, so it is noted: " + "; ".join(texts),
                trip=self._change({"known": known}),
            )

    def _holes(self) -> Mapping[str, Put]:
        """Make the log's lines that are missing, of what the bookings and the record say."""
        told = {(line["step"], line["kind"], line.get("status")) for line in log.story(self._logged())}
        steps = {f"{step} END": put for step, put in self._outcomes() if (step, log.END, None) not in told}
        if ("Saga", log.END, self.status) in told:
            return steps
        run, place = (0, len(ORDER)) if self.status == CONFIRMED else (self.record["runs"], 2 * len(ORDER) + 1)
        end = log.ended(self._call(run, place, "Saga"), self.record["status"], self.record["updated"])
        return {**steps, "Saga END": end}

    def _outcomes(self) -> Iterator[tuple[str, Put]]:
        """Make the outcomes that the bookings prove, by their steps."""
        for place, name in enumerate(ORDER):
            booking = self.items.get(Key(name, f"TRIP#{self.trip_id}"), {})
            if "booked" in booking:
                yield self._outcome(0, place + 1, f"Book{name.title()}", booking["booked"])
            if booking.get("status") == CANCELLED:
                at = booking.get("cancelled") or self.record["updated"]
                yield self._outcome(self.record["runs"], 2 * len(ORDER) - place, f"Cancel{name.title()}", at)

    def _logged(self) -> list[Item]:
        return [item for key, item in self.items.items() if key.entry]

    def _outcome(self, run: int, position: int, step: str, at: str) -> tuple[str, Put]:
        return step, log.outcome(self._call(run, position, step), log.END, at, at, restored=True)

    def _call(self, run: int, position: int, step: str) -> Call:
        return Call(self.trip_id, self.record["saga_id"], run, position, step, 0)

    def _empty(self) -> list[tuple[str, str, str]]:
        """Return the days of which its live bookings have taken one, and of which nobody has by the counter."""
        wanted = [
            (name, month, slot)
            for name, item in self.live.items()
            for month, slots in item["takes"].items()
            for slot in slots
        ]
        held = {(name, month): self._desk.store.get(counter(name, month)) or {} for name, month, _ in wanted}
        return [day for day in wanted if held[day[:2]].get(day[2], 0) < 1]

    def _change(self, facts: Item, remove: tuple[str, ...] = (), joins: str = "") -> Change:
        record = self.record
        return Change(log.trip_key(self.trip_id), (record["status"],), record["saga_id"], facts, remove, joins=joins)

    def _write(self, what: str, **writes: Write) -> None:
        with suppress(Lost), self.stage.reaching():
            self._desk.store.write(writes)
            self.done.append(what)
        self.look()
