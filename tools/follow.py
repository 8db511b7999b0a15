"""Follows an execution while it runs: its history as steps that start, fail, succeed."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tools.stage import Stage

POLL = 0.1
"""Seconds between two looks at an execution in the embedded AWS."""
POLL_AWS = 0.5
"""The same on AWS, where GetExecutionHistory allows 5 to 20 calls a second for the whole account (Quotas)."""

# AWS reports a failed function as LambdaFunctionFailed, the embedded AWS as TaskFailed.
FAILURES = (
    "LambdaFunctionFailed",
    "LambdaFunctionTimedOut",
    "LambdaFunctionScheduleFailed",
    "TaskFailed",
    "TaskTimedOut",
)
ENDS = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted")


@dataclass(frozen=True)
class Step:
    """What happened in a state: `what` is entered, failed (with `error` and `cause`), done, caught or ended.

    `caught` leaves a state after its last failure; `ended` is the execution's own end.
    """

    at: datetime
    state: str
    what: str
    error: str | None = None
    cause: str | None = None


def follow(stage: Stage, execution_arn: str) -> Iterator[Step]:
    """Yield what happens in an execution as it happens, from its start to its end; raise Unreachable.

    A history may go on behind the end, with what was running when the execution was stopped; and the embedded AWS,
    started again, ends what was running without a word in its history. So the execution is asked too.
    """
    client, last, seen, over = stage.client("stepfunctions"), Step(datetime.now(UTC), "", "entered"), 0, False
    while True:
        with stage.reaching():
            events = _history(client, execution_arn)
            found = client.describe_execution(executionArn=execution_arn) if len(events) == seen else {}
        for event in events[seen:]:
            if step := _step(event, last):
                last = step
                yield step
                if step.what == "ended":
                    return
        if over and found:
            yield Step(found.get("stopDate", last.at), found["status"], "ended", found.get("error"), found.get("cause"))
            return
        seen, over = len(events), bool(found) and found["status"] != "RUNNING"
        if not over:
            time.sleep(POLL if stage.is_local else POLL_AWS)


def so_far(stage: Stage, execution_arn: str) -> list[Step]:
    """Return what has happened in an execution up to now, once and without waiting; raise Unreachable."""
    steps = [Step(datetime.now(UTC), "", "entered")]
    with stage.reaching():
        for event in _history(stage.client("stepfunctions"), execution_arn):
            if step := _step(event, steps[-1]):
                steps.append(step)
    return steps[1:]


def _history(client: Any, execution_arn: str) -> list[dict[str, Any]]:
    pages = client.get_paginator("get_execution_history").paginate(executionArn=execution_arn, maxResults=1000)
    return [event for page in pages for event in page["events"]]


def _step(event: dict[str, Any], last: Step) -> Step | None:
    """Read one event of a history; the state is the one that was entered last."""
    kind, at = event["type"], event["timestamp"]
    details: dict[str, Any] = next((value for name, value in event.items() if name.endswith("EventDetails")), {})
    if kind in ENDS:
        return Step(at, kind, "ended", details.get("error"), details.get("cause"))
    if kind in FAILURES:
        return Step(at, last.state, "failed", details.get("error", "States.Timeout"), details.get("cause"))
    if kind.endswith("StateEntered"):
        return Step(at, details["name"], "entered")
    if kind.endswith("Succeeded"):
        return Step(at, last.state, "done")
    if kind.endswith("StateExited") and last.what == "failed":
        return Step(at, last.state, "caught")
    return None
