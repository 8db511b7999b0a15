"""Executions of the two machines without the machines: their names, how each fares, and which were started."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

RUNNING, FAILED, SUCCEEDED = "RUNNING", "FAILED", "SUCCEEDED"


@dataclass
class Executions:
    """Executions by their names, as the reconciler and a traveller's DELETE see them; one that is started runs."""

    statuses: dict[str, str] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)

    def booking(self, trip_id: str, _saga_id: str) -> str:
        return f"{trip_id}-booking"

    def cancellation(self, trip_id: str, run: int) -> str:
        return f"{trip_id}-c{run}"

    def status(self, arn: str) -> str | None:
        return self.statuses.get(arn)

    def start_booking(self, trip_id: str, record: Mapping[str, Any]) -> bool:
        return self._start(self.booking(trip_id, record["saga_id"]))

    def start_cancellation(self, trip_id: str, run: int) -> bool:
        return self._start(self.cancellation(trip_id, run))

    def _start(self, name: str) -> bool:
        if name in self.statuses:
            return False
        self.statuses[name] = RUNNING
        self.started.append(name)
        return True
