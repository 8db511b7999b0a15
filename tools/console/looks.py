"""How the states of one execution look: waiting, running, succeeded, refused, retried, compensated or failed."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from saga.errors import REFUSALS
from saga.log import ABORT, BEGIN, END, START
from saga.ports import Item
from saga.trip import CANCELLED, CONFIRMED, NEEDS_ATTENTION, ROLLED_BACK
from tools.follow import Step

RUNNING, RETRIED = "running", "retried"
SUCCEEDED, COMPENSATED, REFUSED, FAILED = "succeeded", "compensated", "refused", "failed"
"""A state that was never entered has no look; the page shows it as waiting."""

ENDS = {"TripRolledBack": COMPENSATED, "TripRefused": REFUSED, "CancellationRefused": REFUSED}
"""Fail states that say more than failed."""

SETTLED = {CONFIRMED: "TripBooked", CANCELLED: "TripUndone", NEEDS_ATTENTION: "TripNeedsAttention"}
"""Where an execution ends that left its trip in this status; ROLLED_BACK depends on the machine."""


@dataclass
class Look:
    """How a state looks: `failures` counts its failed attempts, `error` and `message` are of the last one."""

    look: str
    entered: datetime
    left: datetime | None = None
    failures: int = 0
    error: str | None = None
    message: str | None = None

    @property
    def open(self) -> bool:
        """Whether the state is still being worked on."""
        return self.look in (RUNNING, RETRIED)

    @property
    def attempts(self) -> int:
        """How often it was tried, the attempt that runs or waits included."""
        return self.failures + (self.look not in (REFUSED, FAILED) or not self.failures)

    def fail(self, step: Step) -> None:
        """Count a failed attempt; a refusal is never retried."""
        self.failures += 1
        self.error, self.message = step.error, message(step.cause)
        self.look = RUNNING if step.error in REFUSALS else RETRIED

    def leave(self, look: str, at: datetime) -> None:
        """Give it the look that it keeps."""
        self.look, self.left = look, at


def looks(steps: Iterable[Step]) -> dict[str, Look]:
    """Return the look of each state that was entered, in the order of entering."""
    found: dict[str, Look] = {}
    state, current = "", Look(SUCCEEDED, datetime.min)  # noqa: DTZ901 — stands for no state, and is never shown
    for step in steps:
        if step.what == "entered":
            if (
                current.open
            ):  # a choice says nothing of itself; nor does the log of a cancel that is owed, or that had no work
                current.leave(FAILED if current.look == RETRIED else done(state), step.at)
            state = step.state
            current = found[state] = Look(RUNNING, step.at)
        elif step.what == "failed":
            current.fail(step)
        elif step.what == "done":
            current.leave(done(state), step.at)
        elif step.what == "caught":
            current.leave(REFUSED if current.error in REFUSALS else FAILED, step.at)
        elif current.open:
            _end(state, current, step)
    return found


def done(state: str) -> str:
    """Return how a state looks that has done its work."""
    return COMPENSATED if state.startswith("Cancel") else SUCCEEDED


def overtake(found: dict[str, Look], log: Iterable[Item]) -> None:
    """Let the log of a run have the last word where its history is behind: a step with an outcome runs no more."""
    for entry in log:
        look = found.get(entry["step"])
        if look and look.open and entry["kind"] in (END, ABORT):
            look.leave(REFUSED if entry["kind"] == ABORT else done(entry["step"]), datetime.fromisoformat(entry["at"]))
            look.error, look.message = entry.get("error", look.error), entry.get("message", look.message)


def told(log: Sequence[Item], run: int) -> list[Step]:
    """Tell a run by its log alone, for where the execution's history is gone: after 90 days, or a restart.

    A cancel that found nothing left to cancel is not in the log, and not told.
    """
    before: list[Item] = [{"step": "", "kind": ""}, *log]
    return [step for last, entry in zip(before, log, strict=False) for step in _told(entry, last, run)]


def message(cause: str | None) -> str | None:
    """Return the error message in what Lambda reports as a cause: JSON with errorMessage and a stack trace."""
    try:
        return str(json.loads(cause or "")["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return cause


def _told(entry: Item, last: Item, run: int) -> Iterator[Step]:
    at, state, kind = datetime.fromisoformat(entry["at"]), entry["step"], entry["kind"]
    if state == "Saga" and kind == BEGIN:
        yield Step(at, "BeginCancellation" if run else "BeginSaga", "entered")
        yield Step(at, "", "done")
    elif state == "Saga":
        yield from _ended(at, entry, last, run)
    elif kind == START:
        if last["step"] != state:
            yield Step(at, state, "entered")
        if entry["attempt"]:  # the one before has failed; the first logs no START of its own unless it ends the step
            yield Step(at, state, "failed")
    elif kind == ABORT:
        yield Step(at, state, "failed", entry["error"], entry["message"])
        yield Step(at, state, "caught")
    else:
        yield Step(at, state, "done")


def _ended(at: datetime, entry: Item, last: Item, run: int) -> Iterator[Step]:
    status = entry["status"]
    if last["kind"] == END and last["step"].startswith("Cancel"):
        yield Step(at, "HasItEnded", "entered")
    # The last book confirms a trip by itself, and the last cancel of a run that owes nothing ends one.
    if status != CONFIRMED and not _is_of(entry, last):
        yield Step(at, "EndSaga", "entered")
        yield Step(at, "EndSaga", "done")
        yield Step(at, "HowItEnded", "entered")
    state = SETTLED.get(status) or ("TripUndone" if run and status == ROLLED_BACK else "TripRolledBack")
    yield Step(at, state, "entered")
    well = status == CONFIRMED or (run and status != NEEDS_ATTENTION)
    yield Step(at, "ExecutionSucceeded", "ended") if well else Step(at, "ExecutionFailed", "ended", state)


def _is_of(entry: Item, last: Item) -> bool:
    """Whether the line before is the step's that ended the saga: it has the same place in the run."""
    return bool(last["kind"] == END and _place(last) == _place(entry))


def _place(entry: Item) -> str:
    return str(entry["entry"].split("#")[2])


def _end(state: str, current: Look, step: Step) -> None:
    """The execution ends in this state: by succeeding, by a Fail state, whose error is its name, or in the middle."""
    if step.error == state:
        current.leave(ENDS.get(state, FAILED), step.at)
    elif step.state in ("ExecutionSucceeded", "SUCCEEDED"):
        current.leave(SUCCEEDED, step.at)
    else:
        current.leave(FAILED, step.at)
        current.error = current.error or step.error or step.state
