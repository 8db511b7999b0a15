"""One JSON line for each call of a function, which is its metrics too: CloudWatch reads them out of the line.

The format is CloudWatch's embedded metric format (AWS documentation, "Specification: Embedded metric format"): it costs
no call, and what a metric shows can be looked up in the very lines it was made of. No line says who travels or where.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

from saga.errors import REFUSALS, InvalidTrip

Handler = Callable[[Mapping[str, Any], Any], dict[str, Any]]

LOG = logging.getLogger("travel-saga")
"""For the lines of this module alone: what is logged here is JSON already."""

CALL = ("trip_id", "saga_id", "run", "attempt")
"""What an event or an answer says of its call, as far as it does."""

_REFUSALS = {*REFUSALS, InvalidTrip.__name__}
_facts: ContextVar[dict[str, Any]] = ContextVar("facts")


def observed(handler: Handler) -> Handler:
    """Tell each call of a Lambda function in one line: trip_id, saga_id, step, attempt, outcome, milliseconds.

    The outcome is the status in its answer, or the class of what it raised. Metrics, by step: milliseconds, and
    Compensations where a cancel succeeded; by reason: Refusals.
    """

    @wraps(handler)
    def observe(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        prefix, _, step = context.function_name.rpartition("-")
        with _told(prefix, step, event) as facts:
            answer = handler(event, context)
            facts |= {name: answer[name] for name in CALL if name in answer}
            facts.setdefault("outcome", answer.get("status", "OK"))
            return answer

    return observe


def add(**facts: Any) -> None:
    """Add something to the line of this call; outside of a call it is not told."""
    if (line := _facts.get(None)) is not None:
        line.update(facts)


def note(what: str, error: BaseException) -> None:
    """Tell of an error that the call survives, so that nothing fails in silence."""
    _tell({"level": "WARNING", "note": what, "error": type(error).__name__, "message": str(error)})


def count(prefix: str, name: str, **dimension: str) -> None:
    """Count one, in a line of its own; `prefix` is the stage's."""
    _tell({"level": "INFO", **_metric(prefix, {name: (1, "Count")}, dimension)})


@contextmanager
def _told(prefix: str, step: str, event: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    facts = {name: event[name] for name in CALL if name in event}
    token, begun = _facts.set(facts), time.perf_counter()
    try:
        yield facts
    except Exception as error:
        facts["outcome"] = type(error).__name__
        raise
    finally:
        _facts.reset(token)
        _tell(_line(prefix, step, facts, round((time.perf_counter() - begun) * 1000, 1)))


def _line(prefix: str, step: str, facts: dict[str, Any], milliseconds: float) -> dict[str, Any]:
    outcome = facts.get("outcome", "Killed")
    values: dict[str, tuple[float, str]] = {"milliseconds": (milliseconds, "Milliseconds")}
    if step.startswith("Cancel") and outcome == "CANCELLED":
        values["Compensations"] = (1, "Count")
    line = {"level": "INFO", **facts, "outcome": outcome, **_metric(prefix, values, {"step": step})}
    if outcome in _REFUSALS:
        refusal = _metric(prefix, {"Refusals": (1, "Count")}, {"reason": outcome})
        line["_aws"]["CloudWatchMetrics"] += refusal.pop("_aws")["CloudWatchMetrics"]
        line |= refusal
    return line


def _metric(prefix: str, values: Mapping[str, tuple[float, str]], dimension: Mapping[str, str]) -> dict[str, Any]:
    directive = {
        "Namespace": prefix,
        "Dimensions": [list(dimension)],
        "Metrics": [{"Name": name, "Unit": unit} for name, (_, unit) in values.items()],
    }
    aws = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    return {**dimension, **{name: value for name, (value, _) in values.items()}, "_aws": aws}


def _tell(line: Mapping[str, Any]) -> None:
    if not LOG.handlers:
        LOG.addHandler(logging.StreamHandler())
        LOG.setLevel(logging.INFO)
        LOG.propagate = False  # the runtime's own handler would tell it again, in a format of its own
    LOG.info(json.dumps(line, ensure_ascii=False, default=str))
