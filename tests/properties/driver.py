"""One execution of a machine as the properties drive it: its own state, and what each of its steps is handed."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from inspect import unwrap
from typing import Any

from handlers import car, flight, hotel, saga
from saga.trip import PARTICIPANTS

HANDLERS: dict[str, Any] = {"hotel": hotel, "flight": flight, "car": car}
ORDER = list(PARTICIPANTS)

Function = Callable[[Any, Any], Any]


@dataclass
class Execution:
    """An execution by its name; `undoes` tells which machine it is of, `state` is what its begin has answered."""

    name: str
    request: Any
    undoes: bool
    state: dict[str, Any] = field(default_factory=dict)

    def begin(self) -> tuple[Function, Any]:
        """Return the function that begins it, and its event."""
        event = {"request": self.request, "execution": self.name, "step": "Begin", "attempt": 0}
        return unwrap(saga.begin_cancellation if self.undoes else saga.begin), event

    def step(self, verb: str, name: str, attempt: int = 0) -> tuple[Function, Any]:
        """Return a book or a cancel, and what its state passes to it now."""
        event = self._event(f"{verb.title()}{name.title()}", self._position(verb, name), attempt)
        event |= {told: deepcopy(self.state[told]) for told in ("trip", "bookings")}
        if verb == "cancel":
            event |= {"owed": deepcopy(self.state["owed"])}
            event |= {"status": self.state["status"]} if self.undoes else {}
        return unwrap(getattr(HANDLERS[name], verb)), event

    def end(self) -> tuple[Function, Any]:
        """Return EndSaga, and what its state passes to it now."""
        event = self._event("EndSaga", 2 * len(ORDER) + 1, 0)
        return unwrap(saga.end), event | {"owed": deepcopy(self.state["owed"]), "before": deepcopy(self.state["end"])}

    def _event(self, step: str, position: int, attempt: int) -> dict[str, Any]:
        named = {told: self.state[told] for told in ("trip_id", "saga_id", "run", "faults")}
        return {**named, "step": step, "position": position, "attempt": attempt}

    def _position(self, verb: str, name: str) -> int:
        return ORDER.index(name) + 1 if verb == "book" else 2 * len(ORDER) - ORDER.index(name)
