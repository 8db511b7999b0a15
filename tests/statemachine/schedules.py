"""Faults, and schedules of them: which step meets what, at which of its attempts."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from saga import log
from saga.errors import SoldOut, TransientError
from saga.ports import Item, Key, Put, Store, Write
from saga.trip import PARTICIPANTS
from tests.statemachine.machine import Killed, Machine, Run, TimedOut, forget

ROOT = Path(__file__).parents[2]
EVER = 1_000
"""Attempts that no retry budget reaches."""
WRITES = 3
"""The most writes that one call of a step makes behind its START: a cancel's rounds. Others make two at most."""


@dataclass(frozen=True)
class Fault:
    """What a step meets at its first `times` attempts; a kill is at the `write`-th write of a call.

    The first write behind START is 1, and is the decisive one. 0 is the call's first write: its START if it has one.
    """

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
        *(Fault(step, "down", times) for times in (1, EVER)),
        *(
            Fault(step, f"killed-{when}", times, n)
            for when in ("before", "after")
            for times in (1, EVER)
            for n in range(times == 1, WRITES + 1)  # a first attempt has no START
        ),
        *(Fault(step, f"late-{when}", times) for when in LATE for times in (1, EVER)),
        Fault(step, "twice", EVER),
        *([Fault(step, "refused", EVER)] if step.startswith("Book") else []),
    ]


def pairs(steps: Iterable[str]) -> list[tuple[Fault, Fault]]:
    """Return every pair, on two steps, of the faults that differ in what they leave behind and can meet."""
    faults = [fault for step in steps for fault in telling(step)]
    return [(one, other) for one, other in combinations(faults, 2) if one.step != other.step and _meet(one, other)]


def undone(fault: Fault) -> bool:
    """Whether a fault alone makes a saga roll back, so that its cancels run."""
    return fault.step.startswith("Book") and fault.times == EVER and fault.kind not in ("twice", "killed-after")


def _meet(one: Fault, other: Fault) -> bool:
    """Whether a saga can meet both: a participant behind a book that never works is neither booked nor cancelled."""
    order = [*PARTICIPANTS, "saga"]
    first, second = (order.index(re.sub("Book|Cancel|Begin|End", "", fault.step).lower()) for fault in (one, other))
    return not (undone(one) and second > first and not other.step.endswith("Saga"))


def telling(step: str) -> list[Fault]:
    """Return a step's faults without those that leave what another leaves: its decisive write is the telling one."""
    if step.startswith(("Cancel", "End")):
        return [
            Fault(step, "killed-after", 1, 1),
            Fault(step, "error", EVER),
            Fault(step, "late-end"),
            Fault(step, "twice", EVER),
            *([Fault(step, "down")] if step.startswith("Cancel") else []),
        ]
    return [
        Fault(step, "killed-before", 1, 1),
        *(Fault(step, "killed-after", times, 1) for times in (1, EVER)),
        *(
            Fault(step, f"late-{when}", times)
            for when, times in (("retry", 1), ("cancel", EVER), ("undone", EVER), ("end", EVER))
        ),
        Fault(step, "twice", EVER),
        *([Fault(step, "refused", EVER), Fault(step, "error", EVER)] if step.startswith("Book") else []),
    ]


LATE = ("retry", "cancel", "undone", "end")
"""When a late delivery lands: before the step's retry; between two writes of a cancel; after one; after the end."""


@dataclass
class Schedule:
    """Plays faults on a machine's calls; `met` tells which of them really happened. `before` acts before each call."""

    faults: tuple[Fault, ...]
    before: Callable[[str, Mapping[str, Any]], None] = lambda _name, _event: None
    met: set[Fault] = field(default_factory=set)
    _late: list[tuple[str, Callable[[], Any]]] = field(default_factory=list)
    _store: "Interrupted" = field(init=False)

    def around(self, name: str, event: Mapping[str, Any], call: Callable[[], Any]) -> Any:
        """Answer a function's call as Lambda would, with the faults that are planned for this attempt."""
        self.before(name, event)
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
            case "killed-before" | "killed-after" | "down":
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
    """A store in which a call dies around a write, is refused, finds its participant down, or is overtaken."""

    store: Store
    schedule: Schedule
    _fault: Fault | None = None
    _refusal: Exception | None = None
    _written: int = 0
    _first: bool = True

    def arm(self, fault: Fault | None, refusal: Exception | None) -> None:
        """Start counting the writes of a call that meets a fault."""
        self._fault, self._refusal, self._written, self._first = fault, refusal, 0, True

    @contextmanager
    def overtaken(self) -> Iterator[None]:
        """Let another call through, whose writes are not the interrupted one's."""
        kept = self._fault, self._refusal, self._written, self._first
        self.arm(None, None)
        yield
        self._fault, self._refusal, self._written, self._first = kept

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        """Read, if the table is not down."""
        self._reach(key)
        return self.store.get(key, consistent=consistent)

    def write(self, writes: Mapping[str, Write]) -> None:
        """Write, and be interrupted."""
        if self._refusal and len(writes) > 1:
            raise self._refusal
        if _is_tombstone(writes):
            self.schedule.deliver("cancel")
        for write in writes.values():
            self._reach(write.key)
        self._written += "start" not in writes
        self._die("killed-before")
        try:
            self.store.write(writes)
        finally:
            self._die("killed-after")
            self._first = False

    def _die(self, kind: str) -> None:
        fault = self._fault
        if fault and fault.kind == kind and (self._first if fault.write == 0 else self._written == fault.write):
            self.schedule.met.add(fault)
            raise Killed

    def _reach(self, key: Key) -> None:
        """Raise if this is a participant's table and the call finds it down."""
        if self._fault and self._fault.kind == "down" and key.table != log.TABLE:
            self.schedule.met.add(self._fault)
            raise TransientError("a participant that is down on purpose")


def _is_tombstone(writes: Mapping[str, Write]) -> bool:
    match writes.get("booking"):
        case Put(item={"status": "CANCELLED"}):
            return True
    return False


@dataclass
class Visit:
    """Acts once, before the n-th call (from 0) of an execution; of a step's retries only the first counts."""

    at: int
    act: Callable[[], None]
    acted: bool = False
    _calls: int = 0

    def __call__(self, _name: str, event: Mapping[str, Any]) -> None:
        """Count a call, and act if it is the one."""
        if event["attempt"] > 1:
            return
        if self._calls == self.at:
            self.acted = True
            self.act()
        self._calls += 1


def play(
    machine: Machine,
    request: Any,
    faults: tuple[Fault, ...],
    before: Callable[[str, Mapping[str, Any]], None] | None = None,
) -> tuple[Run, Schedule]:
    """Run a machine through a schedule to the end of everything; return the run and what was met."""
    forget()
    schedule, store, usual = Schedule(faults), machine.store, machine.around
    if before:
        schedule.before = before
    machine.store, machine.around = schedule.wrap(store), schedule.around
    try:
        run = machine.run(request)
        schedule.finish()
    finally:
        machine.store, machine.around = store, usual
    return run, schedule
