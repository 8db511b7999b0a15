"""Faults on purpose, at the decisive write of a step, for the stages `local` and `dev`; elsewhere this file is absent.

A step's decisive write is its transaction (a START comes before it, alone). Faults sit around the store and not
around the handler, so that the saga log shows them as it shows the faults of real life.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from saga import errors
from saga.ports import Item, Key, Store, Write

CRASHES = ("crash-before-write", "crash-after-write")

ASIDE = ({"start"}, {"outcome"}, {"close"})
"""Writes of a step that decide nothing: a START, an ABORT, and the close of a trip alone."""


def crash() -> None:
    """Die as a killed process does: nothing is reported, no clean-up runs."""
    os._exit(1)


def sleep(seconds: float) -> None:
    """Wait for some seconds."""
    time.sleep(seconds)


def planned(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fault that this attempt of this step must meet, {} if none.

    `$.faults` maps a step to `{"error", "times", "delay_seconds"}`; BeginSaga finds it in the raw request, which
    nobody has validated yet: what is malformed there is no fault.
    """
    try:
        faults = event["faults"] if "faults" in event else event["request"]["faults"]
        fault = faults[event["step"]]
        return dict(fault) if event["attempt"] < fault.get("times", event["attempt"] + 1) else {}
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}


@dataclass(frozen=True)
class FaultyStore:
    """A store that fails as `fault` says; `seconds_left` is what remains of the function's own timeout."""

    store: Store
    fault: Mapping[str, Any]
    seconds_left: float

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        """Read as ever."""
        return self.store.get(key, consistent=consistent)

    def write(self, writes: Mapping[str, Write]) -> None:
        """Write, and if this is the step's transaction, fail before or after it."""
        if set(writes) in ASIDE:
            return self.store.write(writes)
        self._before()
        try:
            return self.store.write(writes)
        finally:
            self._after()

    def _before(self) -> None:
        match self.fault.get("error"):
            case "crash-before-write":
                crash()
            case "timeout":
                sleep(self.seconds_left + 1)
            case str(name) if name not in CRASHES:
                raise {**errors.REFUSALS, "TransientError": errors.TransientError}[name]("a fault on purpose")

    def _after(self) -> None:
        if self.fault.get("error") == "crash-after-write":
            crash()
        sleep(self.fault.get("delay_seconds", 0))
