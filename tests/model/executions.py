"""What is asked of the executions: whether one runs, and to start one."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from saga.reconciler import RUNNING, UNDOS
from tests.model.actors import Actors, After, joined
from tests.model.functions import REPAIR, Ask
from tests.model.kernel import Violation


class State(NamedTuple):
    """A state of the world: the number of its tables, those of its actors, and a bit for each execution ever started.

    An execution that has not done anything yet may as well begin later: it gets its bit as soon as it does something.
    """

    tables: int
    actors: tuple[int, ...]
    started: int


Move = tuple[tuple[Any, ...], int, State]
"""What happens, how many faults it costs, and the state then."""


class Executions(Actors):
    """All executions of a world, as those see them who ask: each by its bit."""

    def running(self, state: State) -> int:
        """Return the bits of all executions that run."""
        running = 0
        for number in state.actors:
            running |= self.all[number].bit
        return running & state.started

    def alone(self, state: State, job: int) -> State:
        """Let a job run from its begin to its end, and nothing else meanwhile."""
        (tables, others, started), came = state, (job,)
        while came:
            if self.all[came[0]].asks:
                (tables, came), new, started = self.asks(State(tables, joined(others, came), started), came[0])
                others = joined(others, new)
            else:
                tables, came = self.step(tables, came[0])
        return State(tables, others, started)

    def answers(self, state: State, number: int, others: tuple[int, ...], left: int) -> Iterator[Move]:
        """Yield what may come of a question to the executions, and of one that fails or is cut off."""
        (tables, came), new, started = self.asks(state, number)
        yield ("step", number), 0, State(tables, joined(joined(others, new), came), started)
        if not left:
            return
        (failed, came), kinds = self.answered(state.tables, number, "error", 0), self.kinds
        if "error" in kinds:
            yield ("error", number), 1, State(failed, joined(others, came), state.started)
        if "killed" in kinds:
            yield ("killed", number), 1, State(tables, joined(others, new), started)
        if "cut" in kinds and started != state.started:
            tables, came = self.answered(tables, number, "error", 0)
            yield ("cut", number), 1, State(tables, joined(joined(others, new), came), started)

    def asks(self, state: State, number: int) -> tuple[After, tuple[int, ...], int]:
        """Answer what an actor asks of the executions; return what comes of it, a new execution, and the bits then.

        An execution of the name that is waiting to begin is the one that a start starts.
        """
        ask: Any = self.all[number].asks
        tables, bit, new = state.tables, self.bit(ask.arn), ()
        answer: Any = None
        if ask.machine:
            answer = not bit & state.started
            if answer and not any(self.all[other].bit == bit for other in state.actors):
                self._judge_start(number, ask)
                tables, new = self.started(tables, ask.machine, ask.arn, self.kernel.id(ask.request))
        elif bit & state.started:
            answer = RUNNING if bit & self.running(state) else "FAILED"
        after = self.answered(tables, number, "ok", self.kernel.id(answer))
        return after, new, state.started | bit if ask.machine else state.started

    def _judge_start(self, number: int, ask: Ask) -> None:
        job, run = self.all[number].job, ask.arn.rpartition("-c")[2]
        if job and job[0] != REPAIR and ask.machine == "cancellation" and int(run) > UNDOS:
            raise Violation(f"I6: {job[0]} starts undo {run} of {job[1]}")
