"""Everything at once: the tables, the executions, the invocations that nobody waits for, and what may happen next."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from saga.log import trip_key
from saga.ports import Item, Key
from saga.trip import BOOKING, CANCELLING, COMPENSATING, CONFIRMED, NEEDS_ATTENTION
from tests.model.actors import changed, joined
from tests.model.edges import DELETE
from tests.model.executions import Executions, Move, State
from tests.model.functions import POST, RECONCILE, REPAIR, Feed, saga_of
from tests.model.kernel import Kernel

FAULTS = ("error", "cut", "killed", "timeout", "twice", "lost", "delete", "early", "mistaken")
"""An operation that fails; one that lands and is not answered; a death after it; a zombie; a second delivery; an
execution gone; a DELETE; a reconciler that looks at a trip while an execution works on it; an undo that nobody needs.
One more, `outage`: all executions gone at once."""

FORGOTTEN = (BOOKING, COMPENSATING, CANCELLING)
"""Statuses in which the reconciler looks after a trip."""


class Facts(NamedTuple):
    """What a trip's record says: its status, the bits of the executions that book and undo it, how many undos."""

    status: str
    bookings: int
    undos: int
    number: int


NO_TRIP = Facts("", 0, 0, 0)


@dataclass(frozen=True)
class Rules:
    """What may happen: kinds of faults, attempts of a step after its first, undos of one trip until none is repaired.

    With no undos, nobody looks after a trip but the executions that were asked for.
    """

    faults: tuple[str, ...] = FAULTS
    retries: int = 0
    undos: int = 7


class World(Executions):
    """The moves of a world in which `requests` are booked, each by an execution, and `posts` by the API."""

    def __init__(
        self, kernel: Kernel, requests: tuple[Any, ...], posts: tuple[Any, ...], offers: dict[Key, Item], rules: Rules
    ) -> None:
        self._asked = {(request["trip_id"], request["owner"]): None for request in (*requests, *posts)}
        self.trips = sorted({trip_id for trip_id, _ in self._asked})
        super().__init__(kernel, rules.retries, rules.faults, alone=len(self.trips) == 1)
        self._rules = rules
        self._slots = [kernel.slot(trip_key(trip)) for trip in self.trips]
        self._facts = cache(self._read)
        slots = tuple(kernel.slot(key) for key in offers)
        tables = self.number(changed((), slots, tuple(kernel.id(offer) for offer in offers.values())))
        actors = [self.actor(0, kernel.invoke(POST, request)) for request in posts]
        for arn, request in _named(requests, posts):
            tables, more = self.started(tables, "booking", arn, kernel.id(request))
            actors += more
        self.start = State(tables, tuple(sorted(actors)), 0)

    def facts(self, tables: int, trip: int) -> Facts:
        """Return what a trip's record says."""
        items, slot = self.tables[tables], self._slots[trip]
        return self._facts(items[slot]) if slot < len(items) and items[slot] else NO_TRIP

    def moves(self, state: State, left: int) -> Iterator[Move]:
        """Everything that may happen next with so many faults left.

        Where an actor's next operation changes nothing and is sure of its answer, all others may as well wait for it.
        """
        tables, actors, started = state
        sure = next((number for number in actors if self.is_sure(tables, number)), None)
        for place, number in enumerate(actors):
            if (place and actors[place - 1] == number) or sure not in (None, number):
                continue
            actor, others = self.all[number], actors[:place] + actors[place + 1 :]
            if actor.asks:
                yield from self.answers(state, number, others, left)
                continue
            begun = started | actor.bit
            after, come = self.step(tables, number)
            yield ("step", number), 0, State(after, joined(others, come), begun)
            if left:
                for kind, (after, come) in self.faulty(tables, number):
                    yield (kind, number), 1, State(after, joined(others, come), begun)
        if sure is None:
            yield from self._begins(state, left)

    def settled(self, state: State) -> State:
        """Let happen what is sure to change nothing: where no fault is left to come, its moment plays no part."""
        tables, actors, started = state
        is_sure, place = self.is_sure, 0
        while place < len(actors):
            number = actors[place]
            if is_sure(tables, number):
                tables, come = self.step(tables, number)
                actors = joined(actors[:place] + actors[place + 1 :], come)
                started, place = started | self.all[number].bit, 0
            else:
                place += 1
        return State(tables, actors, started) if actors is not state.actors else state

    def job(self, name: str, trip: int, owner: str = "") -> int:
        """Return what an operator, a traveller or a schedule calls."""
        trip_id = self.trips[trip]
        owner = owner or next(owner for asked, owner in self._asked if asked == trip_id)
        return self.actor(0, self.kernel.invoke(name, {"trip_id": trip_id, "owner": owner}))

    def _begins(self, state: State, left: int) -> Iterator[Move]:
        """Yield what begins: whatever others do to each trip, an outage; or that an execution never does."""
        kinds, running = self._rules.faults, self.running(state)
        if not running and not any(self._has_begun(state, number) for number in state.actors):
            for place, number in enumerate(state.actors):
                rest = state.actors[:place] + state.actors[place + 1 :]
                yield ("never", number), 0, State(state.tables, rest, state.started)
        if left and running and "outage" in kinds:
            rest = tuple(n for n in state.actors if not self.all[n].bit & state.started)
            yield ("outage", ""), 1, State(state.tables, rest, state.started)
        for trip in range(len(self.trips)):
            facts = self.facts(state.tables, trip)
            if facts.status:
                yield from self._begin_jobs(state, trip, facts, running, left)

    def _begin_jobs(self, state: State, trip: int, facts: Facts, running: int, left: int) -> Iterator[Move]:
        """Yield that the reconciler or a repair begins, a DELETE, or an undo by mistake."""
        kinds, works = self._rules.faults, (facts.bookings | facts.undos) & running
        if facts.status in FORGOTTEN and self._rules.undos and not works:
            yield from self._begin(state, 0, self.job(RECONCILE, trip))
        if facts.status == NEEDS_ATTENTION and facts.number < self._rules.undos and not works:
            yield from self._begin(state, 0, self.job(REPAIR, trip))
        if left and "delete" in kinds and facts.status in (BOOKING, CONFIRMED, CANCELLING):
            for owner in [owner for trip_id, owner in self._asked if trip_id == self.trips[trip]]:
                yield from self._begin(state, 1, self.job(DELETE, trip, owner))
        if left and "mistaken" in kinds:
            yield from self._begin(state, 1, self.job(REPAIR, trip))
        if left and "early" in kinds and works:
            yield from self._begin(state, 1, self.job(RECONCILE, trip))

    def _begin(self, state: State, cost: int, job: int) -> Iterator[Move]:
        """Yield that a job begins, with its first operation: before that it is as good as not begun."""
        name = self.all[job].job
        if cost or not any(self.all[number].job == name for number in state.actors):
            tables, come = self.step(state.tables, job)
            yield (name and name[0], job), cost, State(tables, joined(state.actors, come), state.started)

    def _has_begun(self, state: State, number: int) -> bool:
        return number not in self.start.actors or bool(self.all[number].bit & state.started)

    def _read(self, number: int) -> Facts:
        record, feed = self.kernel.value(number), Feed()
        derived = feed.booking(record["trip_id"], record["saga_id"])
        bookings = self.bit(derived) | self.bit(record.get("execution", derived))
        last, undos = record.get("undos", 0), self.bit(record["undo"]) if "undo" in record else 0
        undos |= self.bit(feed.cancellation(record["trip_id"], last)) if last else 0
        return Facts(record["status"], bookings, undos, last)


def _named(requests: tuple[Any, ...], posts: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    """Name the executions of requests: the first of a saga by its own name, unless a POST takes it."""
    names = {Feed().booking(trip.trip_id, trip.saga_id) for trip in map(saga_of, posts)}
    for request in requests:
        trip = saga_of(request)
        arn = Feed().booking(trip.trip_id, trip.saga_id)
        while arn in names:
            arn += "-again"
        names.add(arn)
        yield arn, request
