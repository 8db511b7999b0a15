"""Every state that a world can come to with a number of faults, fewest faults first, each judged by the promise."""

import gc
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from saga.ports import Item, Key
from tests.model.kernel import Violation
from tests.model.world import State, World
from tools.invariants import violations


class Found(NamedTuple):
    """What an exploration saw: states, and the statuses of the trips where everything had come to rest."""

    states: int
    ends: set[tuple[str, ...]]


class Explorer:
    """Explores one world."""

    def __init__(self, world: World, rests: tuple[str, ...]) -> None:
        self._world, self._rests = world, rests
        self._came: dict[State, tuple[State | None, Any]] = {}
        self._well: set[Any] = set()
        self._ends: set[tuple[str, ...]] = set()

    def explore(self, faults: int) -> Found:
        """Explore all states within `faults` faults; raise Violation with the way that led there."""
        layers: list[list[State]] = [[self._world.start], *([] for _ in range(faults))]
        self._came[self._world.start] = (None, ("start", ""))
        gc.disable()  # it would walk through all these tuples again and again, and find no cycle
        try:
            for used, layer in enumerate(layers):
                for state in layer:  # the layer grows as it is walked
                    self._expand(state, used, layers)
        finally:
            gc.enable()
        return Found(len(self._came), self._ends)

    def _expand(self, state: State, used: int, layers: list[list[State]]) -> None:
        rests = True
        try:
            for label, cost, after in self._world.moves(state):
                rests = rests and cost > 0
                if used + cost < len(layers) and after not in self._came:
                    self._came[after] = (state, label)
                    layers[used + cost].append(after)
            self._judge(state, rests=rests, used=used)
        except Violation as violation:
            raise Violation(f"{violation}\n{self._way(state)}") from None

    def _judge(self, state: State, *, rests: bool, used: int) -> None:
        """Check the tables; and where nothing is left to run, that no trip is forgotten."""
        if state.items not in self._well:
            items = self._world.kernel.items(state.items)
            if found := [*violations(items), *_twice(items)]:
                raise Violation("; ".join(found))
            self._well.add(state.items)
        if not rests:
            return
        if not used and (silent := _silent(self._world.kernel.items(state.items))):
            raise Violation(f"I4: without a fault, no outcome of {silent}")
        statuses = tuple(self._world.record(state, n).get("status", "-") for n in range(len(self._world.trips)))
        self._ends.add(statuses)
        if forgotten := {status for status in statuses if status not in (*self._rests, "-")}:
            raise Violation(f"I6: nothing works on it any more, and it is {forgotten}")

    def _way(self, state: State) -> str:
        """Tell what led to a state, one move a line."""
        moves: list[str] = []
        here: State | None = state
        while here:
            here, (what, where) = self._came[here]
            moves.append(f"  {what} {self._described(where)}")
        return "\n".join(reversed(moves))

    def _described(self, where: Any) -> str:
        if isinstance(where, str):
            return where
        name, event, _ = self._world.kernel.value(where)
        operation = self._world.kernel.pending(where).operation
        run = f"run {event.get('run', '-')} attempt {event['attempt']}"
        return f"{name} ({run}): {', '.join(operation) if isinstance(operation, dict) else f'read {operation}'}"


def _twice(items: Mapping[Key, Item]) -> list[str]:
    """I4: a step has one outcome in a run, and an execution begins one run."""
    outcomes = Counter(
        (key.id, item["run"] if item["step"] != "Saga" else item["execution"], item["step"])
        for key, item in items.items()
        if key.entry.startswith("LOG#")
        if (item["kind"] in ("END", "ABORT") and item["step"] != "Saga") or (item["kind"] == "BEGIN" and item["run"])
    )
    return [f"I4: {count} outcomes of {step}, {run}" for (_, run, step), count in outcomes.items() if count > 1]


def _silent(items: Mapping[Key, Item]) -> list[Any]:
    """I4: return the steps that started and have no outcome."""
    log = [(key.id, item["run"], item["step"], item["kind"]) for key, item in items.items() if "kind" in item]
    ended = {where for *where_, kind in log if kind in ("END", "ABORT") for where in [tuple(where_)]}
    return sorted({tuple(where) for *where, _ in log} - ended)
