"""Who works on the tables: invocations, each with the execution that waits for it; what comes of their next step."""

from functools import cache
from typing import Any, NamedTuple

from saga.log import trip_key
from saga.trip import CONFIRMED, ENDED
from tests.model.edges import is_closed_with, is_final
from tests.model.ends import false_answer, false_end
from tests.model.functions import STEPS, Ask, saga_of
from tests.model.kernel import Kernel, Violation
from tests.model.orchestrator import At, Orchestrator

Items = tuple[int, ...]

RECORD = trip_key("")
"""The key of any trip's record."""

After = tuple[int, tuple[int, ...]]
"""What a step leaves: the tables, and the actors that come in the place of the one that did it."""


class Actor(NamedTuple):
    """An invocation, and the position of the execution that waits for it; 0 for a zombie, or a job.

    A job is what no execution calls: a DELETE, a reconciliation. `bit` stands for the execution, `asks` is what it
    asks of the executions next.
    """

    position: int
    invocation: int
    bit: int
    job: tuple[str, str] | None
    asks: Ask | None


class Actors:
    """All that have come up in a world, by number, and its states of the tables, by number too."""

    def __init__(self, kernel: Kernel, retries: int, faults: tuple[str, ...], *, alone: bool) -> None:
        """`alone` says that there is one trip: then nothing but its own bookings changes a counter."""
        self.kernel, self.kinds, self._alone = kernel, faults, alone
        self._settled_in = ENDED if "delete" in faults else (CONFIRMED, *ENDED)
        self._machines = Orchestrator(kernel, retries)
        self._numbers: dict[Any, int] = {}
        self.all: list[Actor] = []
        self.tables: list[Items] = []
        self._arns: dict[str, int] = {}
        self._about: dict[str, tuple[str, str]] = {}
        self._firsts: set[int] = set()
        self.step = cache(self._step)
        self.faulty = cache(self._faulty)
        self.answered = cache(self._answered)
        self.started = cache(self._started)
        self.is_sure = cache(self._is_sure)

    def number(self, items: Items) -> int:
        """Return the number of a state of the tables."""
        if items not in self._numbers:
            self._numbers[items] = len(self.tables)
            self.tables.append(items)
        return self._numbers[items]

    def bit(self, arn: str) -> int:
        """Return the bit of an execution."""
        return 1 << self._arns.setdefault(arn, len(self._arns))

    def actor(self, position: int, invocation: int) -> int:
        """Return the number of an actor."""
        who = ("actor", position, invocation)
        if who not in self._numbers:
            self._numbers[who] = len(self.all)
            name, event, _ = self.kernel.value(invocation)
            job = None if name in STEPS else (name, event["trip_id"])
            operation = self.kernel.pending(invocation).operation
            asks = operation if isinstance(operation, Ask) else None
            bit = self.bit(self._machines.execution(position)) if position else 0
            self.all.append(Actor(position, invocation, bit, job, asks))
        return self._numbers[who]

    def attempt(self, actor: int) -> int:
        """Return which attempt an actor's invocation is; the first is 0."""
        return int(self.kernel.value(self.all[actor].invocation)[1].get("attempt", 0))

    def _started(self, tables: int, machine: str, arn: str, request: int) -> After:
        """Return what comes of the start of an execution."""
        event = self.kernel.fresh(request)
        saga_id = event.get("saga_id") or (saga_of(event).saga_id if machine == "booking" else "")
        self._about[arn] = event["trip_id"], saga_id
        return self._settled(self.tables[tables], self._machines.start(machine, arn, event))

    def _answered(self, tables: int, actor: int, kind: str, answer: int) -> After:
        """Answer what an actor asks of the executions."""
        position, invocation, *_ = self.all[actor]
        return self._resumed(self.tables[tables], position, self.kernel.answered(invocation, kind, answer))

    def _step(self, tables: int, actor: int) -> After:
        """Do an actor's next operation on the tables."""
        position, invocation, *_ = self.all[actor]
        return self._resumed(*self._done(self.tables[tables], position, invocation))

    def _done(self, items: Items, position: int, invocation: int) -> tuple[Items, int, int]:
        slots = self.kernel.pending(invocation).slots
        after, values = self.kernel.effect(invocation, tuple(_get(items, slot) for slot in slots))
        return changed(items, slots, values), position, after

    def _faulty(self, tables: int, actor: int) -> tuple[tuple[str, After], ...]:
        """Return what may come of an actor's next operation on the tables if something fails, by the kind of fault."""
        position, invocation, _, job, _ = self.all[actor]
        if not position and not job:
            return ()
        items, written = self.tables[tables], self._done(self.tables[tables], position, invocation)[0]
        failed = self.kernel.fail(invocation)
        found: dict[After, str] = {}
        for kind in self.kinds:
            match kind:
                case "error":
                    after = self._resumed(items, position, failed)
                case "cut":  # what writes nothing fails just so
                    after = self._resumed(written, position, failed)
                case "killed":
                    after = self._failed(written, position, "Lambda.Unknown")
                case "timeout" if position:
                    after = self._failed(items, position, "States.Timeout", self.actor(0, invocation))
                case "twice" if position and actor in self._firsts:
                    after = tables, (actor, self.actor(0, invocation))
                case "lost" if position:
                    after = tables, (self.actor(0, invocation),)
                case _:
                    continue
            found.setdefault(after, kind)
        return tuple((kind, after) for after, kind in found.items())

    def _failed(self, items: Items, position: int, error: str, *zombies: int) -> After:
        if not position:
            return self.number(items), ()
        tables, actors = self._settled(items, self._machines.answer(position, error, ""))
        return tables, (*actors, *zombies)

    def _resumed(self, items: Items, position: int, invocation: int) -> After:
        """Go on with an invocation that has come this far, and then with who waits for it."""
        items, invocation = self._eager(items, invocation)
        done = self.kernel.pending(invocation).done
        if not done:
            return self.number(items), (self.actor(position, invocation),)
        if position:
            return self._settled(items, self._machines.answer(position, *done))
        called, (error, value) = self.kernel.value(invocation), done
        if called[0] not in STEPS:
            answer = None if error else self.kernel.value(value)
            if problem := false_answer(called, error, answer, self._record(items, called[1]["trip_id"])):
                raise Violation(problem)
        return self.number(items), ()

    def _eager(self, items: Items, invocation: int) -> tuple[Items, int]:
        """Let happen at once what commutes with everything: a START alone, a read of an offer."""
        while (pending := self.kernel.pending(invocation)).eager:
            touched = tuple(_get(items, slot) for slot in pending.slots)
            invocation, values = self.kernel.effect(invocation, touched)
            items = changed(items, pending.slots, values)
        return items, invocation

    def _is_sure(self, tables: int, actor: int) -> bool:
        """Whether an actor's next operation changes nothing, now or ever, and is never answered otherwise.

        So it is where all that it touches is final, or is not written any more once the trip's record is final.
        """
        items, invocation = self.tables[tables], self.all[actor].invocation
        slots, event = self.kernel.pending(invocation).slots, self.kernel.value(invocation)[1]
        record = self.kernel.slot(trip_key((event.get("request") or event)["trip_id"]))
        closed = is_final(RECORD, self.kernel.value(_get(items, record)), self._settled_in)
        for slot in slots:
            key = self.kernel.keys[slot]
            rests = closed and (is_closed_with(key) or (self._alone and key.id.startswith("TAKEN#")))
            if not rests and not is_final(key, self.kernel.value(_get(items, slot)), self._settled_in):
                return False
        return bool(slots)

    def _settled(self, items: Items, at: At) -> After:
        """Let an execution begin its next invocation, or end."""
        if at.ended:
            arn = self._machines.execution(at.position)
            trip_id, saga_id = self._about[arn]
            if problem := false_end(arn, at, self._record(items, trip_id), saga_id):
                raise Violation(problem)
            return self.number(items), ()
        items, invocation = self._eager(items, at.invocation)
        after = self._resumed(items, at.position, invocation)
        self._firsts.add(self.actor(at.position, invocation))
        return after

    def _record(self, items: Items, trip: str) -> Any:
        return self.kernel.value(_get(items, self.kernel.slot(trip_key(trip)))) or {}


def changed(items: Items, slots: tuple[int, ...], values: tuple[int, ...]) -> Items:
    """Return a state of the tables with some items changed."""
    after = [*items, *[0] * (max(slots, default=0) + 1 - len(items))]
    for slot, value in zip(slots, values, strict=True):
        after[slot] = value
    while after and not after[-1]:
        after.pop()
    return tuple(after)


def _get(items: Items, slot: int) -> int:
    return items[slot] if slot < len(items) else 0


def joined(actors: tuple[int, ...], come: tuple[int, ...]) -> tuple[int, ...]:
    """Return actors in their order, with those that come."""
    return tuple(sorted(actors + come)) if come else actors
