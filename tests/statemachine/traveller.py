"""A traveller's DELETE in these tests: the product's own function, and what it starts."""

from dataclasses import dataclass

from saga import travellers, wiring
from saga.ports import Desk, Store
from saga.trip import OPERATOR
from tests.executions import SUCCEEDED, Executions
from tests.statemachine.machine import Machine
from tests.trips import TRIP

UNDO = f"{TRIP['trip_id']}-c1"
"""The name of a trip's first undo."""


@dataclass
class Running(Executions):
    """Executions of which an undo that is started runs to its end at once."""

    store: Store | None = None

    def start_cancellation(self, trip_id: str, run: int) -> bool:
        if not (started := super().start_cancellation(trip_id, run)):
            return started
        assert self.store
        Machine(self.store, "cancellation").run({"trip_id": trip_id})
        self.statuses[self.cancellation(trip_id, run)] = SUCCEEDED
        return started


def asks(store: Store, executions: Executions | None = None, trip_id: str = TRIP["trip_id"]) -> tuple[str, list[str]]:
    """Let the trip's owner cancel it; return the status that is answered and the executions that were started."""
    seen = executions or Executions()
    status = travellers.cancel(Desk(store, wiring.now), seen, trip_id, OPERATOR)
    return status, seen.started
