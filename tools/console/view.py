"""One trip as the page shows it: its record, its runs with their states, its story, its bookings and their capacity."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from saga.ports import Item
from saga.reconciler import RUNNING
from saga.trip import BOOKING, CANCELLING, COMPENSATING, CONFIRMED, NEEDS_ATTENTION
from tools import follow, snapshot, trips
from tools.console import capacity, looks
from tools.console.story import story
from tools.follow import Step
from tools.snapshot import Snapshot
from tools.stage import Stage

WORKED_ON = (BOOKING, COMPENSATING, CANCELLING)

Execution = tuple[str | None, list[Step]]


class Viewer:
    """Looks at one trip again and again; what has ended is read once.

    `saga_id` says whose execution is looked at before the trip has its record, or when it is refused one.
    """

    def __init__(self, stage: Stage, trip_id: str, saga_id: str | None) -> None:
        """Keep what is looked at."""
        self._stage, self._trip_id, self._saga_id = stage, trip_id, saga_id
        self._ended: dict[str, Execution] = {}

    def view(self) -> dict[str, Any]:
        """Read the trip and return what the page shows; `live` says that it is being worked on. Raises Unreachable."""
        found = snapshot.read(self._stage, self._trip_id)
        if found.record and self._saga_id not in (None, found.record["saga_id"]):
            found = Snapshot(None, {}, [])
        runs, histories = self._runs(found)
        record = found.record or {}
        working = any(run["status"] == RUNNING for run in runs)
        return {
            "trip_id": self._trip_id,
            **{name: record.get(name) for name in ("status", "goal", "owner", "created", "updated", "request", "owed")},
            # A trip that is not recorded yet is about to be: somebody asks for it.
            "live": working or found.status in WORKED_ON or not (record or runs),
            "can": _can(found.status, working=working),
            "runs": runs,
            "story": story(found.log, histories),
            "bookings": _bookings(self._stage, found),
        }

    def _runs(self, found: Snapshot) -> tuple[list[dict[str, Any]], dict[int, list[Step]]]:
        runs: list[dict[str, Any]] = []
        histories: dict[int, list[Step]] = {}
        for run, arn in self._executions(found).items():
            log = [entry for entry in found.log if entry["run"] == run]
            status, steps = self._execution(arn)
            if status is None and not log:
                continue
            histories[run] = steps
            states = looks.looks(steps or looks.told(log, run))
            looks.overtake(states, log)
            shown = {name: _state(look) for name, look in states.items()}
            machine = "cancellation" if run else "booking"
            runs.append({"run": run, "machine": machine, "execution": arn, "status": status, "states": shown})
        return runs, histories

    def _executions(self, found: Snapshot) -> dict[int, str]:
        """Return the ARNs of the booking, run 0, of the undos that have begun, and of the one that may be next."""
        record = found.record or {"saga_id": self._saga_id}
        if not record["saga_id"]:
            return {}
        executions = trips.executions(self._stage)
        derived = executions.booking(self._trip_id, record["saga_id"])
        undos = {entry["run"]: entry["execution"] for entry in found.log if "execution" in entry and entry["run"]}
        if found.status in (CANCELLING, NEEDS_ATTENTION):  # one that was asked for may not have logged its begin yet
            number = max(
                record["runs"] + 1, record.get("undos", 0)
            )  # undos that died before their begin have names too
            asked = executions.cancellation(self._trip_id, number)
            if asked not in undos.values():
                undos.setdefault(record["runs"] + 1, asked)
        return {0: record.get("execution", derived), **undos}

    def _execution(self, arn: str) -> Execution:
        if arn in self._ended:
            return self._ended[arn]
        with self._stage.reaching():
            status = trips.executions(self._stage).status(arn)
        steps = follow.so_far(self._stage, arn) if status else []
        if status not in (None, RUNNING):
            if steps and steps[-1].what != "ended":  # the embedded AWS, restarted, ends what ran without a word
                steps.append(Step(steps[-1].at, str(status), "ended"))
            self._ended[arn] = status, steps
        return status, steps


def _state(look: looks.Look) -> dict[str, Any]:
    times = {name: _utc(at) for name, at in (("entered", look.entered), ("left", look.left))}
    return {**asdict(look), **times, "attempts": look.attempts}


def _utc(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="milliseconds") if at else None


def _can(status: str | None, *, working: bool) -> list[str]:
    """Return the actions that make sense now; that an undo runs already is for `repair` itself to find."""
    stuck = status == NEEDS_ATTENTION or (status in WORKED_ON and not working)
    return [*(["cancel"] if status in (BOOKING, CONFIRMED) else []), *(["repair"] if stuck else [])]


def _bookings(stage: Stage, found: Snapshot) -> dict[str, Item]:
    """Return each part of the trip: its booking, if there is one, and the capacity it takes."""
    if not found.record:
        return {}
    facts = ("status", "confirmation", "booked", "cancelled")
    return {
        name: part | {fact: found.bookings[name][fact] for fact in facts if fact in found.bookings.get(name, {})}
        for name, part in capacity.read(stage, found.record["request"]).items()
    }
