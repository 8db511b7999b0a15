"""Follows an execution while it runs: its history as steps that start, fail, succeed."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tools.stage import Stage

POLL = 0.1
"""Seconds between two looks at an execution in the embedded AWS."""
POLL_AWS = 0.5
"""The same on AWS, where GetExecutionHistory allows 5 to 20 calls a second for the whole account (Quotas)."""

FAILURES = ("LambdaFunctionFailed", "LambdaFunctionTimedOut", "LambdaFunctionScheduleFailed", "TaskTimedOut")
ENDS = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted")


@dataclass(frozen=True)
class Step:
    """What happened in a state: `what` is entered, failed, done or ended; `error` and `cause` say why it failed."""

    at: datetime
    state: str
    what: str
    error: str | None = None
    cause: str | None = None


def follow(stage: Stage, execution_arn: str) -> Iterator[Step]:
    """Yield what happens in an execution as it happens, from its start to its end; raise Unreachable."""
    client, state, seen = stage.client("stepfunctions"), "", 0
    while True:
        with stage.reaching():
            events = _history(client, execution_arn)
        for event in events[seen:]:
            details = event.get("stateEnteredEventDetails")
            if details:
                state = details["name"]
            if step := _step(event, state):
                yield step
                if step.what == "ended":
                    return
        seen = len(events)
        time.sleep(POLL if stage.is_local else POLL_AWS)


def _history(client: Any, execution_arn: str) -> list[dict[str, Any]]:
    pages = client.get_paginator("get_execution_history").paginate(executionArn=execution_arn, maxResults=1000)
    return [event for page in pages for event in page["events"]]


def _step(event: dict[str, Any], state: str) -> Step | None:
    kind, at = event["type"], event["timestamp"]
    details: dict[str, Any] = next((value for name, value in event.items() if name.endswith("EventDetails")), {})
    if kind in ENDS:
        return Step(at, kind, "ended", details.get("error"), details.get("cause"))
    if kind in FAILURES:
        return Step(at, state, "failed", details.get("error", "States.Timeout"), details.get("cause"))
    if kind.endswith("StateEntered"):
        return Step(at, state, "entered")
    if kind.endswith("StateExited") or kind == "LambdaFunctionSucceeded":
        return Step(at, state, "done") if kind.endswith("StateExited") else None
    return None
