"""Everything at once: the tables, the executions, the invocations that nobody waits for, and what may happen next."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from saga.ports import Item, Key
from saga.trip import BOOKING, CANCELLED, CANCELLING, COMPENSATING, CONFIRMED, ENDED, NEEDS_ATTENTION, ROLLED_BACK
from tests.model.kernel import Kernel, Violation
from tests.model.orchestrator import At, Orchestrator

Items = tuple[int, ...]
FAULTS = ("error", "killed", "timeout", "twice", "lost", "delete", "mistaken")
"""An operation that fails; a death after it; a zombie; a second delivery; an execution gone; a DELETE; an undo."""


class State(NamedTuple):
    """A state of the world. `zombies` still write, whenever; `runs` counts the undos started of each trip."""

    items: Items
    executions: tuple[tuple[int, int], ...]
    zombies: tuple[int, ...]
    runs: tuple[int, ...]


Move = tuple[tuple[Any, ...], int, State]
"""What happens, how many faults it costs, and the state then."""


@dataclass(frozen=True)
class Rules:
    """What may happen: kinds of faults, attempts of a step after its first, undos of one trip."""

    faults: tuple[str, ...] = FAULTS
    retries: int = 1
    undos: int = 3


class World:
    """The moves of a world in which `requests` are booked, each by an execution of its own."""

    def __init__(self, kernel: Kernel, requests: tuple[Any, ...], offers: dict[Key, Item], rules: Rules) -> None:
        self.kernel, self._rules = kernel, rules
        self._machines = Orchestrator(kernel, rules.retries)
        self._requests = {f"arn:{n}": request for n, request in enumerate(requests)}
        self.trips = sorted({request["trip_id"] for request in requests})
        self._records = [kernel.slot(Key("saga-log", trip, "TRIP")) for trip in self.trips]
        self._deleted = cache(self._delete)
        items: Items = ()
        for key, offer in offers.items():
            items = _set(items, (kernel.slot(key),), (kernel.id(offer),))
        self.start = State(items, (), (), (0,) * len(self.trips))
        for arn, request in self._requests.items():
            self.start = self._settled(self.start, self._machines.start("booking", arn, request))

    def record(self, state: State, trip: int) -> Item:
        """Return a trip's record, {} if there is none."""
        return self.kernel.value(_get(state.items, self._records[trip])) or {}

    def moves(self, state: State) -> Iterator[Move]:
        """Everything that may happen next."""
        for number, (position, invocation) in enumerate(state.executions):
            rest = state._replace(executions=state.executions[:number] + state.executions[number + 1 :])
            items, after = self._step(state.items, invocation)
            yield ("step", invocation), 0, self._resumed(rest._replace(items=items), position, after)
            yield from self._faults(rest, position, invocation, rest._replace(items=items))
        for zombie in dict.fromkeys(state.zombies):
            items, after = self._step(state.items, zombie)
            left = list(state.zombies)
            left.remove(zombie)
            yield ("late", zombie), 0, _haunted(state._replace(items=items, zombies=tuple(left)), self._alive(after))
        for trip in range(len(self.trips)):
            yield from self._asked(state, trip)

    def _faults(self, rest: State, position: int, invocation: int, written: State) -> Iterator[Move]:
        kinds, zombie = self._rules.faults, (invocation,)
        if "error" in kinds:
            failed = self._resumed(rest, position, self._eager(rest.items, self.kernel.fail(invocation))[1])
            yield ("error", invocation), 1, failed
        if "killed" in kinds:
            yield ("killed", invocation), 1, self._failed(written, position, "Lambda.Unknown")
        if "timeout" in kinds:
            yield ("timeout", invocation), 1, self._failed(_haunted(rest, zombie), position, "States.Timeout")
        if "twice" in kinds and self.kernel.is_first(invocation):
            twice = rest._replace(executions=(*rest.executions, (position, invocation)))
            yield ("twice", invocation), 1, _haunted(twice, zombie)
        if "lost" in kinds:
            yield ("lost", invocation), 1, _haunted(rest, zombie)

    def _asked(self, state: State, trip: int) -> Iterator[Move]:
        """Yield what others do: a traveller's DELETE, the reconciler or a repair, an undo started by mistake."""
        record = self.record(state, trip)
        if not record:
            return
        if "delete" in self._rules.faults and record["status"] in (BOOKING, CONFIRMED):
            slot = self._records[trip]
            deleted = _set(state.items, (slot,), (self._deleted(_get(state.items, slot)),))
            yield ("DELETE", self.trips[trip]), 1, state._replace(items=deleted)
        if state.runs[trip] == self._rules.undos:
            return
        if record["status"] in (BOOKING, COMPENSATING, CANCELLING, NEEDS_ATTENTION) and not self._works(state, trip):
            yield ("undo", self.trips[trip]), 0, self._undo(state, trip)
        elif "mistaken" in self._rules.faults:
            yield ("mistaken undo", self.trips[trip]), 1, self._undo(state, trip)

    def _delete(self, record: int) -> int:
        """Do what a traveller's DELETE writes (design section 3), which is not part of the saga's own functions."""
        item = self.kernel.fresh(record)
        if item["status"] == BOOKING:
            return self.kernel.id(item | {"status": COMPENSATING, "goal": ROLLED_BACK})
        return self.kernel.id(item | {"status": CANCELLING, "goal": CANCELLED, "unfinished": item["shard"]})

    def _works(self, state: State, trip: int) -> bool:
        return any(self._trip(position) == self.trips[trip] for position, _ in state.executions)

    def _trip(self, position: int) -> str:
        arn = self._machines.execution(position)
        return str(self._requests[arn]["trip_id"]) if arn in self._requests else arn.split("/")[1]

    def _undo(self, state: State, trip: int) -> State:
        runs = tuple(n + (t == trip) for t, n in enumerate(state.runs))
        name = self.trips[trip]
        at = self._machines.start("cancellation", f"undo/{name}/{runs[trip]}", {"trip_id": name})
        return self._settled(state._replace(runs=runs), at)

    def _step(self, items: Items, invocation: int) -> tuple[Items, int]:
        slots = self.kernel.pending(invocation).slots
        after, values = self.kernel.effect(invocation, tuple(_get(items, slot) for slot in slots))
        return self._eager(_set(items, slots, values), after)

    def _eager(self, items: Items, invocation: int) -> tuple[Items, int]:
        """Let happen at once what commutes with everything: a START, a read of what never changes."""
        while (pending := self.kernel.pending(invocation)).eager:
            touched = tuple(_get(items, slot) for slot in pending.slots)
            invocation, values = self.kernel.effect(invocation, touched)
            items = _set(items, pending.slots, values)
        return items, invocation

    def _alive(self, invocation: int) -> tuple[int, ...]:
        return () if self.kernel.pending(invocation).done else (invocation,)

    def _resumed(self, state: State, position: int, invocation: int) -> State:
        """Go on with an execution whose invocation has come this far."""
        if done := self.kernel.pending(invocation).done:
            return self._settled(state, self._machines.answer(position, *done))
        return state._replace(executions=tuple(sorted((*state.executions, (position, invocation)))))

    def _failed(self, state: State, position: int, error: str) -> State:
        return self._settled(state, self._machines.answer(position, error, ""))

    def _settled(self, state: State, at: At) -> State:
        """Let an execution begin its next invocation, or end."""
        if at.ended:
            self._check_end(state, at)
            return state
        items, invocation = self._eager(state.items, at.invocation)
        self.kernel.firsts.add(invocation)
        return self._resumed(state._replace(items=items), at.position, invocation)

    def _check_end(self, state: State, at: At) -> None:
        """I1, I2, I7: how an execution ends is true of its trip."""
        arn = self._machines.execution(at.position)
        record = self.record(state, self.trips.index(self._trip(at.position)))
        if at.ended == "FAILED":
            return
        request = self._requests.get(arn, {})
        mine = all(record.get("request", {}).get(n, record.get(n)) == v for n, v in request.items() if n != "faults")
        if mine == (at.ended in ("TripRefused", "CancellationRefused")):
            raise Violation(
                f"I7: {arn} ended as {at.ended}, and the trip is {'its own' if mine else 'of another saga'}"
            )
        asked = record.get("goal") == CANCELLED
        if at.ended == "TripBooked" and not (record["status"] == CONFIRMED or asked):
            raise Violation(f"I1: {arn} ended as TripBooked, but the trip is {record['status']}")
        if at.ended in ("TripRolledBack", "TripUndone") and record["status"] not in ENDED:
            raise Violation(f"I2: {arn} ended as {at.ended}, but the trip is {record['status']}")


def _haunted(state: State, zombies: tuple[int, ...]) -> State:
    return state._replace(zombies=tuple(sorted((*state.zombies, *zombies))))


def _get(items: Items, slot: int) -> int:
    return items[slot] if slot < len(items) else 0


def _set(items: Items, slots: tuple[int, ...], values: tuple[int, ...]) -> Items:
    changed = [*items, *[0] * (max(slots, default=0) + 1 - len(items))]
    for slot, value in zip(slots, values, strict=True):
        changed[slot] = value
    while changed and not changed[-1]:
        changed.pop()
    return tuple(changed)
