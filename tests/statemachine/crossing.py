"""Two executions that take turns: the first stops before one call, the second before one of its own, then both end."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Thread, current_thread
from typing import Any

from tests.statemachine.machine import Machine, Run, forget
from tests.statemachine.schedules import Fault, Schedule

PATIENCE = 60
"""Seconds after which a turn that nobody gives is a mistake in here."""


@dataclass
class Crossing:
    """The first execution stops before its `first`-th call (from 0), the other before its `second`-th.

    Only one of them runs at any time, so there is no chance in it. Of a step's retries only the first counts.
    """

    machine: Machine
    faults: tuple[Fault, ...]
    first: int
    second: int
    met: bool = False
    both: bool = False
    _turn: Event = field(default_factory=Event)
    _resume: Event = field(default_factory=Event)
    _calls: dict[bool, int] = field(default_factory=lambda: {False: 0, True: 0})

    def run(self, request: Any, other: Machine, others: Any) -> tuple[Run, Run | None]:
        """Play both; return how each ended. `met` and `both` say which of them stopped where it should."""
        forget()
        schedule, store, ended = Schedule(self.faults), self.machine.store, []
        self._thread = Thread(target=lambda: (ended.append(other.start(others)), self._turn.set()))
        self.machine.store = schedule.wrap(store)
        self.machine.around = self._around(schedule)
        try:
            with self.machine.serving():
                run = self.machine.start(request)
                self._resume.set()
                if self.met:
                    self._thread.join(PATIENCE)
            schedule.finish()
        finally:
            self.machine.store, self.machine.around = store, lambda _name, _event, call: call()
        return run, ended[0] if ended else None

    def _around(self, schedule: Schedule) -> Callable[..., Any]:
        def around(name: str, event: Any, call: Callable[[], Any]) -> Any:
            is_other = current_thread() is self._thread
            if event["attempt"] <= 1:
                self._calls[is_other] += 1
                if self._calls[is_other] - 1 == (self.second if is_other else self.first):
                    self._stop(is_other=is_other)
            return call() if is_other else schedule.around(name, event, call)

        return around

    def _stop(self, *, is_other: bool) -> None:
        """Let the other one have its turn, and wait for one's own."""
        if is_other:
            self.both = True
            self._turn.set()
            assert self._resume.wait(PATIENCE)
            return
        self.met = True
        self._thread.start()
        assert self._turn.wait(PATIENCE)
