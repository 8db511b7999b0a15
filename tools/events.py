"""Events: files that hold a trip, under `events/` or anywhere."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from saga import validation
from saga.errors import InvalidTrip
from saga.trip import OPERATOR, Trip
from tools.local.environment import ROOT
from tools.stage import Stage, UsageError

EVENTS = ROOT / "events"

FAULT_STAGES = ("local", "dev")
"""Stages whose functions are deployed with fault injection (serverless.yml, params)."""


@dataclass(frozen=True)
class Event:
    """What an execution is started with, and the trip that it asks for."""

    input: dict[str, Any]
    trip: Trip


def find(name: str) -> Path:
    """Return the file of an event, named by its path from where the user stands or by its name under events/."""
    for path in (Path(os.environ.get("SAGA_FROM", "."), name), EVENTS / name):
        if path.is_file():
            return path
    raise UsageError(f"{name}: no such event; expected a path, or one of {', '.join(names())}")


def names() -> list[str]:
    """List the sample events."""
    return sorted(path.name for path in EVENTS.glob("*.json"))


def read(name: str, stage: Stage) -> Event:
    """Read and check an event as the stage will; without a trip_id it gets a fresh one.

    Raises UsageError: one line that names the file, the fields by JSON Pointer and what was expected.
    """
    path = find(name)
    try:
        return check(validation.load(path.read_text(encoding="utf-8")), stage)
    except InvalidTrip as invalid:
        raise UsageError(f"{name}: {invalid}") from invalid
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{name}: expected a readable UTF-8 text file: {error}") from error


def check(request: Any, stage: Stage) -> Event:
    """Check the input of a booking as the stage will; without a trip_id it gets a fresh one. Raises InvalidTrip."""
    request = validation.check(request, faults_allowed=stage.name in FAULT_STAGES)
    trip_id = request.get("trip_id") or f"trip-{uuid4().hex[:12]}"
    trip = Trip.parse(request, trip_id, request.get("owner", OPERATOR), datetime.now(UTC).date())
    return Event(request | {"trip_id": trip_id}, trip)
