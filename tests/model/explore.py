"""Every state that a world can come to with a number of faults, fewest faults first, each judged by the promise."""

import gc
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from saga import log
from saga.lifecycle import STILL_BOOKED
from saga.ports import Item, Key
from saga.trip import CANCELLING, NEEDS_ATTENTION, ROLLED_BACK
from tests.model.edges import DELETE
from tests.model.executions import State
from tests.model.functions import RECONCILE, REPAIR, Ask
from tests.model.kernel import Violation
from tests.model.world import FORGOTTEN, World
from tools.invariants import violations


class Found(NamedTuple):
    """What an exploration saw: states, and the statuses of the trips where everything had come to rest."""

    states: int
    ends: set[tuple[str, ...]]


class Explorer:
    """Explores one world."""

    def __init__(self, world: World, rests: tuple[str, ...]) -> None:
        self._world, self._rests = world, rests
        self._came: dict[State, tuple[State | None, Any, int]] = {}
        self._well: set[int] = set()
        self._left_alone: set[tuple[int, ...]] = set()
        self._ends: set[tuple[str, ...]] = set()

    def explore(self, faults: int) -> Found:
        """Explore all states within `faults` faults; raise Violation with the way that led there."""
        layers: list[list[State]] = [[self._world.start], *([] for _ in range(faults))]
        self._came[self._world.start] = (None, ("start", ""), 0)
        gc.disable()  # it would walk through all these tuples again and again, and find no cycle
        try:
            for used, layer in enumerate(layers):
                for state in layer:  # the layer grows as it is walked
                    if self._came[state][2] == used:  # else a way with fewer faults has been found meanwhile
                        self._expand(state, used, layers)
        finally:
            gc.enable()
        return Found(len(self._came), self._ends)

    def _expand(self, state: State, used: int, layers: list[list[State]]) -> None:
        came, left = self._came, len(layers) - 1 - used
        try:
            for label, cost, to in self._world.moves(state, left):
                after = to if cost < left else self._world.settled(to)
                if after not in came or came[after][2] > used + cost:
                    came[after] = (state, label, used + cost)
                    layers[used + cost].append(after)
            self._judge(state, used)
        except Violation as violation:
            raise Violation(f"{violation}\n{self._way(state)}") from None

    def _judge(self, state: State, used: int) -> None:
        """Check the tables; that nothing is started beside what works; and at rest, that no trip is forgotten."""
        if state.tables not in self._well:
            items = self._items(state)
            if found := [*violations(items), *_twice(items), *_owes(items)]:
                raise Violation("; ".join(found))
            self._well.add(state.tables)
        if not used and (again := [self._described(a) for a in state.actors if self._world.attempt(a)]):
            raise Violation(f"I5: without a fault, {again} is tried again")
        running = self._world.running(state)
        if running:
            for trip in range(len(self._world.trips)):
                self._judge_jobs(state, trip, running)
        if not state.actors:
            self._judge_rest(state, used)

    def _judge_jobs(self, state: State, trip: int, running: int) -> None:
        """Check that neither the reconciler nor a DELETE starts anything beside an execution that the record names."""
        facts = self._world.facts(state.tables, trip)
        case = (*facts, running, state.started)
        if case in self._left_alone:
            return
        self._left_alone.add(case)
        if facts.status in FORGOTTEN and (facts.bookings | facts.undos) & running:
            self._starts_nothing(state, RECONCILE, trip)
        if facts.status == CANCELLING and facts.undos & running:
            self._starts_nothing(state, DELETE, trip)

    def _starts_nothing(self, state: State, job: str, trip: int) -> None:
        if self._world.alone(state, self._world.job(job, trip)).started != state.started:
            raise Violation(f"I6: {job} starts an execution beside one that works")

    def _judge_rest(self, state: State, used: int) -> None:
        """Check where nothing runs: a trip may rest as it is, or the reconciler or a repair does something about it."""
        if not used and (silent := _silent(self._items(state))):
            raise Violation(f"I4: without a fault, no outcome of {silent}")
        if NEEDS_ATTENTION in self._rests and (untried := _owed(self._items(state), [STILL_BOOKED])):
            raise Violation(f"I6: of {untried}, a cancel was never tried")
        statuses = [self._world.facts(state.tables, trip).status for trip in range(len(self._world.trips))]
        looked_after = any(not cost for _, cost, _ in self._world.moves(state, 0))
        for trip, status in enumerate(statuses):
            if status and status not in self._rests:
                job = REPAIR if status == NEEDS_ATTENTION else RECONCILE
                if not looked_after or self._world.alone(state, self._world.job(job, trip)) == state:
                    raise Violation(f"I6: nothing works on a trip that is {status}, and {job} does nothing")
        if not looked_after:
            self._ends.add(tuple(statuses))

    def _items(self, state: State) -> dict[Key, Item]:
        return self._world.kernel.items(self._world.tables[state.tables])

    def _way(self, state: State) -> str:
        """Tell what led to a state, one move a line."""
        moves: list[str] = []
        here: State | None = state
        while here:
            here, (what, where), _ = self._came[here]
            moves.append(f"  {what} {self._described(where)}")
        return "\n".join(reversed(moves))

    def _described(self, where: Any) -> str:
        if isinstance(where, str):
            return where
        invocation = self._world.all[where].invocation
        name, event, _ = self._world.kernel.value(invocation)
        operation = self._world.kernel.pending(invocation).operation
        run = f"run {event.get('run', '-')} attempt {event.get('attempt', '-')}"
        does = ", ".join(operation) if isinstance(operation, dict) else operation
        return f"{name} ({run}): {does.arn if isinstance(does, Ask) else does}"


def _twice(items: Mapping[Key, Item]) -> list[str]:
    """I4: a step has one outcome in a run, and an execution begins one run."""
    outcomes = Counter(
        (key.id, item["run"] if item["step"] != "Saga" else item["execution"], item["step"])
        for key, item in items.items()
        if key.entry.startswith("LOG#")
        if (item["kind"] in ("END", "ABORT") and item["step"] != "Saga") or (item["kind"] == "BEGIN" and item["run"])
    )
    return [f"I4: {count} outcomes of {step}, {run}" for (_, run, step), count in outcomes.items() if count > 1]


def _owes(items: Mapping[Key, Item]) -> list[str]:
    """I6: a trip needs attention because some cancel has failed: what others booked meanwhile is cancelled again."""
    return [
        f"I6: no cancel failed, and {owed} is owed"
        for owed in _owed(items, [STILL_BOOKED])
        if set(owed.values()) == {STILL_BOOKED}
    ]


def _owed(items: Mapping[Key, Item], reasons: list[str]) -> list[dict[str, str]]:
    """Return what is owed by trips that need attention, if one of the reasons is among these."""
    records = [item for key, item in items.items() if key.entry == log.RECORD and item["status"] == NEEDS_ATTENTION]
    return [record.get("owed", {}) for record in records if set(reasons) & set(record.get("owed", {}).values())]


def _silent(items: Mapping[Key, Item]) -> list[Any]:
    """I4: return the steps that started and have no outcome, and the sagas of which no line says why they failed."""
    told = log.story(item for key, item in items.items() if key.table == log.TABLE)
    ended = {(line["trip_id"], line["run"], line["step"]) for line in told if line["kind"] in (log.END, log.ABORT)}
    failed = {line["trip_id"] for line in told if line.get("status") == ROLLED_BACK}
    failed -= {line["trip_id"] for line in told if line["kind"] == log.ABORT}
    return sorted({(line["trip_id"], line["run"], line["step"]) for line in told} - ended) + sorted(failed)
