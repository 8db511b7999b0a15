"""The states that a release's machines hand to its functions, recorded: a running saga outlives a deploy with them.

`python -m tests.statemachine.states <version>` records those of this checkout, once, when a release is made.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.memory import MemoryStore
from tests.statemachine.machine import Machine, aws, harmless_faults
from tests.trips import OFFERS, trip

DATA = Path(__file__).parents[1] / "data"

SAGAS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "booked and cancelled": (trip(trip_id="kept"), ["booking", "cancellation"]),
    "refused at the car": (trip("car/model", "Fiat 500e", trip_id="refused"), ["booking"]),
    "owes the flight, then repaired": (
        trip("car/model", "Fiat 500e", trip_id="owing", faults={"CancelFlight": {"error": "TransientError"}}),
        ["booking", "cancellation"],
    ),
}
"""What is asked for, and the machines that then work on it."""


def record(request: dict[str, Any], machines: list[str]) -> list[dict[str, Any]]:
    """Run the machines one after the other; return each call's function, event, and answer or error."""
    calls: list[dict[str, Any]] = []
    store = MemoryStore()
    store.items |= OFFERS

    def keep(name: str, event: Any, call: Any) -> Any:
        told = {"function": name, "event": event}
        calls.append(told)
        try:
            told["answer"] = call()
        except Exception as error:
            told["error"] = type(error).__name__
            raise
        return told["answer"]

    for definition in machines:
        undo = definition == "cancellation"
        if undo and "faults" not in request:
            ask_for_cancellation(store, request["trip_id"])
        Machine(store, definition, keep).run({"trip_id": request["trip_id"]} if undo else request, name=definition)
    return calls


def ask_for_cancellation(store: MemoryStore, trip_id: str) -> None:
    """Let a confirmed trip be cancelled, as a traveller's DELETE does."""
    for key, item in store.items.items():
        if key.entry == "TRIP" and key.id == trip_id:
            item |= {"status": "CANCELLING", "goal": "CANCELLED"}


def main(version: str) -> None:
    """Write tests/data/states-<version>.json."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "SAGA_FAULTS": "allowed"}
    recorded = {}
    for name, (request, machines) in SAGAS.items():
        with aws(), harmless_faults():
            recorded[name] = record(request, machines)
    path = DATA / f"states-{version}.json"
    path.write_text(json.dumps(recorded, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
