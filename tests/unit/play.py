"""A saga played by hand: each function as its state in the machine would call it, at any time and in any order."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from saga import lifecycle, steps
from saga.booking import Part
from saga.log import Call
from saga.ports import Desk, Item, Key, Write
from saga.trip import PARTICIPANTS, Trip
from tests.memory import MemoryStore
from tests.trips import trip

TODAY = date(2099, 1, 1)
ORDER = list(PARTICIPANTS)


@dataclass(frozen=True)
class Play:
    """A desk, the store under it, the trip that a saga books there, and what its machine tells the cancels of books."""

    desk: Desk
    store: MemoryStore
    trip: Trip = field(default_factory=lambda: parsed(trip()))
    bookings: Mapping[str, Any] | None = None

    def begin(self) -> "Play":
        """BeginSaga."""
        lifecycle.begin(self.desk, self.trip, "arn:execution")
        return self

    def part(self, participant: str) -> Part:
        """The participant's part of the trip."""
        return PARTICIPANTS[participant].parse(self.trip.request[participant])

    def book(self, participant: str, attempt: int = 0) -> Item:
        """BookHotel, BookFlight or BookCar; the last of them confirms the trip."""
        position = ORDER.index(participant) + 1
        call = self.call(f"Book{participant.title()}", position, attempt)
        return steps.book(self.desk, replace(call, confirms=participant == ORDER[-1]), self.part(participant))

    def book_all(self) -> "Play":
        """Every book, in order."""
        for participant in ORDER:
            self.book(participant)
        return self

    def cancel(self, participant: str, attempt: int = 0, run: int = 0) -> Item:
        """CancelCar, CancelFlight or CancelHotel."""
        position = 2 * len(ORDER) - ORDER.index(participant)
        call = self.call(f"Cancel{participant.title()}", position, attempt, run)
        return steps.cancel(self.desk, replace(call, bookings=self.bookings), self.part(participant))

    def cancel_all(self, run: int = 0) -> "Play":
        """Every cancel, in reverse order."""
        for participant in reversed(ORDER):
            self.cancel(participant, run=run)
        return self

    def end(self, owed: Mapping[str, str] | None = None, run: int = 0) -> str:
        """EndSaga."""
        return lifecycle.end(self.desk, self.call("EndSaga", 2 * len(ORDER) + 1, 0, run), owed or {})

    def call(self, step: str, position: int, attempt: int = 0, run: int = 0) -> Call:
        """One attempt at one step of this saga."""
        return Call(self.trip.trip_id, self.trip.saga_id, run, position, step, attempt)

    def between(self, **acts: Callable[[], object]) -> "Play":
        """The same saga, disturbed: before its first write of a kind (see `kind`) the act of that name happens."""
        return self.disturbed(**{kind: [act] for kind, act in acts.items()})

    def disturbed(self, **acts: Iterable[Callable[[], object]]) -> "Play":
        """The same saga, disturbed again and again: each write of a kind is preceded by the next act of that name."""
        store = Interrupted(self.store, {kind: iter(some) for kind, some in acts.items()})
        return replace(self, desk=Desk(store, self.desk.now))


@dataclass(frozen=True)
class Interrupted:
    """A store in which others act between a function's writes."""

    store: MemoryStore
    acts: Mapping[str, Iterator[Callable[[], object]]]

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        """Read as ever."""
        return self.store.get(key, consistent=consistent)

    def write(self, writes: Mapping[str, Write]) -> None:
        """Let the next act that goes before such a write happen, and then write."""
        if act := next(self.acts.get(kind(writes), iter(())), None):
            act()
        self.store.write(writes)


def kind(writes: Mapping[str, Write]) -> str:
    """Tell the protocol's writes apart, by what is in them."""
    names = {name.split()[0] for name in writes}
    if "take" in names:
        return "book"
    if "give" in names:
        return "cancel"
    if "booking" in names:
        return "tombstone"
    return {("start",): "start", ("trip",): "close", ("outcome",): "abort"}.get(tuple(names), "end")


def parsed(request: Mapping[str, Any], owner: str = "ann") -> Trip:
    """The trip that a request asks for."""
    return Trip.parse(request, request.get("trip_id", "trip-1"), owner, TODAY)
