"""Faults, and schedules of them: which step meets what, at which of its attempts."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from saga.errors import SoldOut, TransientError
from saga.ports import Item, Key, Put, Store, Write
from tests.statemachine.machine import Killed, Machine, Run, TimedOut

ROOT = Path(__file__).parents[2]
EVER = 1_000
"""Attempts that no retry budget reaches."""
WRITES = 4
"""The most writes that one call of a step makes: START, the close of the trip, and a cancel's two transactions."""


@dataclass(frozen=True)
class Fault:
    """What a step meets at its first `times` attempts; `write` counts the writes of one call, from 0."""

    step: str
    kind: str
    times: int = 1
    write: int = 0

    def __str__(self) -> str:
        """Name it for a test's id."""
        place = f"-{self.write}" if self.kind in ("killed-before", "killed-after") else ""
        return f"{self.step}-{self.kind}{place}-{'ever' if self.times == EVER else self.times}"


def tasks(definition: str) -> list[str]:
    """Discover the steps of a state machine: its Task states."""
    states = json.loads((ROOT / f"statemachine/{definition}.asl.json").read_text())["States"]
    return [name for name, state in states.items() if state["Type"] == "Task"]


def singles(step: str) -> list[Fault]:
    """Return every fault that a step can meet."""
    return [
        *(Fault(step, "error", times) for times in (1, 2, EVER)),
        *(
            Fault(step, f"killed-{when}", t, n)
            for when in ("before", "after")
            for t in (1, EVER)
            for n in range(WRITES)
        ),
        *(Fault(step, f"late-{when}", times) for when in LATE for times in (1, EVER)),
        Fault(step, "twice", EVER),
        *([Fault(step, "refused", EVER)] if step.startswith("Book") else []),
    ]


def pairs(steps: Iterable[str]) -> list[tuple[Fault, Fault]]:
    """Return every pair, on two steps or one, of the faults that differ in what they leave behind."""
    faults = [fault for step in steps for fault in _telling(step)]
    return [(one, other) for one, other in combinations(faults, 2) if one.step != other.step]


def _telling(step: str) -> list[Fault]:
    """Return a step's faults without those that leave what another leaves: its last write is the telling one."""
    if step.startswith(("Cancel", "End")):
        return [
            Fault(step, "killed-after", 1, 2),
            Fault(step, "error", EVER),
            Fault(step, "late-end"),
            Fault(step, "twice", EVER),
        ]
    return [
        Fault(step, "killed-before", 1, 1),
        *(Fault(step, "killed-after", times, 1) for times in (1, EVER)),
        *(
            Fault(step, f"late-{when}", times)
            for when, times in (("retry", 1), ("cancel", EVER), ("undone", EVER), ("end", EVER))
        ),
        Fault(step, "twice", EVER),
        *([Fault(step, "refused", EVER)] if step.startswith("Book") else []),
    ]


LATE = ("retry", "cancel", "undone", "end")
"""When a late delivery lands: before the step's retry; between two writes of a cancel; after one; after the end."""


@dataclass
class Schedule:
    """Plays faults on a machine's calls; `met` tells which of them really happened."""

    faults: tuple[Fault, ...]
    met: set[Fault] = field(default_factory=set)
    _late: list[tuple[str, Callable[[], Any]]] = field(default_factory=list)
    _store: "Interrupted" = field(init=False)

    def around(self, name: str, event: Mapping[str, Any], call: Callable[[], Any]) -> Any:
        """Answer a function's call as Lambda would, with the faults that are planned for this attempt."""
        self.deliver("retry")
        fault = next((f for f in self.faults if f.step == name and event["attempt"] < f.times), None)
        match fault.kind if fault else "":
            case "error":
                self._meet(fault)
                raise TransientError("a fault on purpose")
            case "refused":
                self._meet(fault)
                return self._interrupted(call, None, SoldOut("a fault on purpose"))
            case "twice":
                self._meet(fault)
                call()
            case "killed-before" | "killed-after":
                return self._interrupted(call, fault, None)
            case late if fault and late.startswith("late-"):
                self._meet(fault)
                self._late.append((late.removeprefix("late-"), call))
                raise TimedOut
        answer = call()
        if name.startswith("Cancel"):
            self.deliver("undone")
        return answer

    def finish(self) -> None:
        """Deliver whatever has not landed yet: the execution is over."""
        for when in LATE:
            self.deliver(when)

    def wrap(self, store: Store) -> "Interrupted":
        """Return the store through which this schedule's kills and late writes happen."""
        self._store = Interrupted(store, self)
        return self._store

    def _interrupted(self, call: Callable[[], Any], fault: Fault | None, refusal: Exception | None) -> Any:
        self._store.arm(fault, refusal)
        try:
            return call()
        finally:
            self._store.arm(None, None)

    def deliver(self, when: str) -> None:
        """Let what was delayed until now land."""
        due = [call for at, call in self._late if at == when]
        self._late = [(at, call) for at, call in self._late if at != when]
        for call in due:
            with self._store.overtaken(), suppress(Exception):  # nobody is there any more to hear what it says
                call()

    def _meet(self, fault: Fault | None) -> None:
        if fault:
            self.met.add(fault)


@dataclass
class Interrupted:
    """A store in which a call dies around its n-th write, is refused, or is overtaken by late ones."""

    store: Store
    schedule: Schedule
    _fault: Fault | None = None
    _refusal: Exception | None = None
    _written: int = 0

    def arm(self, fault: Fault | None, refusal: Exception | None) -> None:
        """Start counting the writes of a call that meets a fault."""
        self._fault, self._refusal, self._written = fault, refusal, 0

    @contextmanager
    def overtaken(self) -> Iterator[None]:
        """Let another call through, whose writes are not the interrupted one's."""
        kept = self._fault, self._refusal, self._written
        self.arm(None, None)
        yield
        self._fault, self._refusal, self._written = kept

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        """Read as ever."""
        return self.store.get(key, consistent=consistent)

    def write(self, writes: Mapping[str, Write]) -> None:
        """Write, and be interrupted."""
        if self._refusal and len(writes) > 1:
            raise self._refusal
        if _is_tombstone(writes):
            self.schedule.deliver("cancel")
        number, self._written = self._written, self._written + 1
        self._die("killed-before", number)
        try:
            self.store.write(writes)
        finally:
            self._die("killed-after", number)

    def _die(self, kind: str, number: int) -> None:
        if self._fault and (self._fault.kind, self._fault.write) == (kind, number):
            self.schedule.met.add(self._fault)
            raise Killed


def _is_tombstone(writes: Mapping[str, Write]) -> bool:
    match writes.get("booking"):
        case Put(item={"status": "CANCELLED"}):
            return True
    return False


def play(machine: Machine, request: Any, faults: tuple[Fault, ...]) -> tuple[Run, Schedule]:
    """Run a machine through a schedule to the end of everything; return the run and what was met."""
    schedule, store, usual = Schedule(faults), machine.store, machine.around
    machine.store, machine.around = schedule.wrap(store), schedule.around
    try:
        run = machine.run(request)
        schedule.finish()
    finally:
        machine.store, machine.around = store, usual
    return run, schedule
