"""The story of a trip: its saga log step by step, with errors of attempts that only an execution's history knows."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from typing import Any

from saga.errors import REFUSALS
from saga.log import START
from saga.ports import Item
from tools.console.looks import message
from tools.follow import Step

Chapter = dict[str, Any]


def story(log: Sequence[Item], histories: Mapping[int, Sequence[Step]]) -> list[Chapter]:
    """Return a chapter for each step of each run, in order: `{"run", "step", "lines"}`.

    A line has `at`, `kind` (of the log, or FAILED from the history), `attempt` and what the entry says. The n-th
    failure of a step's history belongs behind its n-th START: the clocks of the two need not agree. A first attempt
    that failed has no START in the log; its failure comes before the second one's.
    """
    failures = {run: _failures(steps) for run, steps in histories.items()}
    chapters: list[Chapter] = []
    for entry in log:
        run, step = entry["run"], entry["step"]
        if step == "Saga":
            chapters += _unlogged(run, "EndSaga" if chapters and chapters[-1]["run"] == run else "Begin", failures)
        if not chapters or (chapters[-1]["run"], chapters[-1]["step"]) != (run, step):
            chapters.append({"run": run, "step": step, "lines": []})
        failed = failures.get(run, {}).get(step, [])
        if not chapters[-1]["lines"] and entry["kind"] == START:
            chapters[-1]["lines"] += [_failed(one, n) for n, one in enumerate(failed[: entry["attempt"]])]
        chapters[-1]["lines"] += _lines(entry, failed)
    return chapters


def _lines(entry: Item, failures: Sequence[Step]) -> list[dict[str, Any]]:
    facts = ("at", "kind", "attempt", "status", "error", "message", "confirmation", "found")
    lines = [{name: entry[name] for name in facts if name in entry}]
    if entry.get("owed"):
        lines[0]["owed"] = entry["owed"]
    if entry["kind"] == START and entry["attempt"] < len(failures):
        failure = failures[entry["attempt"]]
        if failure.error not in REFUSALS:  # the log tells a refusal by itself
            lines.append(_failed(failure, entry["attempt"]))
    return lines


def _unlogged(run: int, step: str, failures: dict[int, dict[str, list[Step]]]) -> list[Chapter]:
    """Tell the failures of a step that logs no START: what begins a run, and what ends it."""
    return [
        {"run": run, "step": name, "lines": [_failed(failure, n) for n, failure in enumerate(failed)]}
        for name, failed in failures.get(run, {}).items()
        if name.startswith(step)
    ]


def _failed(failure: Step, attempt: int) -> dict[str, Any]:
    at = failure.at.astimezone(UTC).isoformat(timespec="milliseconds")
    return {"at": at, "kind": "FAILED", "attempt": attempt, "error": failure.error, "message": message(failure.cause)}


def _failures(steps: Iterable[Step]) -> dict[str, list[Step]]:
    found: defaultdict[str, list[Step]] = defaultdict(list)
    for step in steps:
        if step.what == "failed":
            found[step.state].append(step)
    return found
