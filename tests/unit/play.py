"""A saga played by hand: each function as its state in the machine would call it, at any time and in any order."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from saga import compensation, lifecycle, steps
from saga.booking import Part, part_of
from saga.log import Call
from saga.ports import Check, Desk, Item, Key, Write
from saga.trip import COMPENSATING, PARTICIPANTS, Trip
from tests.memory import MemoryStore
from tests.tables import statuses
from tests.trips import trip

TODAY = date(2099, 1, 1)
ORDER = list(PARTICIPANTS)


@dataclass(frozen=True)
class Play:
    """A desk, the store under it, the trip that a saga books there, and what its machine knows of the other steps.

    `bookings` is what the machine tells a step; None: what the tables say then, so that the step's guesses are right.
    `owed` and `status` are what it tells a cancel: which others have failed, and the trip's status when its undo began.
    """

    desk: Desk
    store: MemoryStore
    trip: Trip = field(default_factory=lambda: parsed(trip()))
    bookings: Mapping[str, Any] | None = None
    owed: Mapping[str, Any] = field(default_factory=dict)
    status: str = COMPENSATING

    def begin(self) -> "Play":
        """BeginSaga."""
        lifecycle.begin(self.desk, self.trip, "arn:execution")
        return self

    def part(self, participant: str) -> Part:
        """The participant's part of the trip."""
        return PARTICIPANTS[participant].parse(self.trip.request[participant])

    def _part(self, participant: str) -> Part | None:
        kind: type[Part] = PARTICIPANTS[participant]
        return part_of(kind, self.trip.request)

    def book(self, participant: str, attempt: int = 0, told: Iterable[str] | None = None) -> Item:
        """BookHotel, BookFlight or BookCar; the last of them confirms the trip.

        `told` are the participants whose books have answered, as the machine says; None: all that come before this one.
        """
        position = ORDER.index(participant) + 1
        call = self.call(f"Book{participant.title()}", position, attempt)
        before = {name: {"status": "BOOKED"} for name in (ORDER[: position - 1] if told is None else told)}
        return steps.book(self.desk, replace(call, bookings=before), self._part(participant))

    def book_before(self, participant: str) -> "Play":
        """Every book that comes before this participant's."""
        for name in ORDER[: ORDER.index(participant)]:
            self.book(name)
        return self

    def book_all(self) -> "Play":
        """Every book, in order."""
        for participant in ORDER:
            self.book(participant)
        return self

    def cancel(self, participant: str, attempt: int = 0, run: int = 0) -> Item:
        """CancelCar, CancelFlight or CancelHotel."""
        position = 2 * len(ORDER) - ORDER.index(participant)
        call = self.call(f"Cancel{participant.title()}", position, attempt, run)
        return compensation.cancel(self.desk, call, self._part(participant))

    def cancel_all(self, run: int = 0) -> "Play":
        """Every cancel, in reverse order."""
        for participant in reversed(ORDER):
            self.cancel(participant, run=run)
        return self

    def end(self, owed: Mapping[str, str] | None = None, run: int = 0, before: Mapping[str, Any] | None = None) -> str:
        """EndSaga; return the status that it answers."""
        return str(self.end_whole(owed, run, before)["status"])

    def end_whole(
        self, owed: Mapping[str, str] | None = None, run: int = 0, before: Mapping[str, Any] | None = None
    ) -> Item:
        """EndSaga; return all that it answers."""
        call = replace(self.call("EndSaga", 2 * len(ORDER) + 1, 0, run), owed=owed or {})
        return lifecycle.end(self.desk, call, before or {})

    def call(self, step: str, position: int, attempt: int = 0, run: int = 0) -> Call:
        """One attempt at one step of this saga."""
        told = {"trip": self.trip.request, "bookings": self._known(), "owed": self.owed, "status": self.status}
        return Call(self.trip.trip_id, self.trip.saga_id, run, position, step, attempt, **told)

    def _known(self) -> Mapping[str, Any]:
        if self.bookings is not None:
            return self.bookings
        return {name: {"status": status} for name, status in statuses(self.store.items, self.trip.trip_id).items()}

    def between(self, **acts: Callable[[], object]) -> "Play":
        """The same saga, disturbed: before its first write of a kind (see `kind`) the act of that name happens."""
        return self.disturbed(**{kind: [act] for kind, act in acts.items()})

    def watched(self, seen: list[str]) -> "Play":
        """The same saga, which appends the kind of each of its writes to `seen`."""
        store = Interrupted(self.store, {}, lambda writes: seen.append(kind(writes)))
        return replace(self, desk=Desk(store, self.desk.now))

    def disturbed(self, **acts: Iterable[Callable[[], object]]) -> "Play":
        """The same saga, disturbed again and again: each write of a kind is preceded by the next act of that name."""
        store = Interrupted(self.store, {kind: iter(some) for kind, some in acts.items()})
        return replace(self, desk=Desk(store, self.desk.now))


@dataclass(frozen=True)
class Interrupted:
    """A store in which others act between a function's writes, and which shows them to whoever wants to see them."""

    store: MemoryStore
    acts: Mapping[str, Iterator[Callable[[], object]]]
    seen: Callable[[Mapping[str, Write]], object] = dict
    stale: list[Key] = field(default_factory=list)
    """What was read that may be a minute old."""

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        """Read as ever."""
        self.stale.extend([] if consistent else [key])
        return self.store.get(key, consistent=consistent)

    def write(self, writes: Mapping[str, Write]) -> None:
        """Let the next act that goes before such a write happen, and then write."""
        if act := next(self.acts.get(kind(writes), iter(())), None):
            act()
        self.seen(writes)
        self.store.write(writes)


def kind(writes: Mapping[str, Write]) -> str:
    """Tell the protocol's writes apart, by what is in them."""
    names = {name.split()[0] for name in writes}
    if "take" in names:
        return "book"
    if "give" in names:
        return "cancel"
    if "booking" in names:
        return "adopt" if isinstance(writes["booking"], Check) else "tombstone"
    alone = {("start",): "start", ("close",): "close", ("outcome",): "abort", ("trip",): "leave", ("begin",): "begin"}
    return alone.get(tuple(names), "end")


def parsed(request: Mapping[str, Any], owner: str = "ann") -> Trip:
    """The trip that a request asks for."""
    return Trip.parse(request, request.get("trip_id", "trip-1"), owner, TODAY)


def offer(store: MemoryStore, participant: str, name: str, capacity: int) -> None:
    """Offer so many of something, whatever was offered before."""
    store.items[Key(participant, f"OFFER#{name}")] = {"capacity": capacity}
