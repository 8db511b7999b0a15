"""What a release leaves to those after and before it: the states of its machines, and its functions.

A running saga outlives a deploy with such states, and a roll-back too. `python -m tests.statemachine.states <version>`
keeps those of this checkout under tests/data, once, when a release is made; the same checkout gives the same bytes.
"""

import json
import os
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from tests.memory import MemoryStore
from tests.statemachine.machine import ROOT, Machine, aws, harmless_faults
from tests.statemachine.replay import TRAVELLERS, Call
from tests.trips import OFFERS, trip

DATA = ROOT / "tests/data"
KEPT = ("saga/**/*.py", "handlers/**/*.py", "schemas/*.json", "statemachine/*.json")
"""What is kept of a release: its functions, and what they and the machines read."""
LONG_AGO = (1980, 1, 1, 0, 0, 0)

DOWN = {"error": "TransientError"}

SAGAS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "booked and cancelled": [
        ("booking", trip(trip_id="kept")),
        ("DELETE", {"trip_id": "kept"}),
        ("cancellation", {"trip_id": "kept"}),
    ],
    "begun by the API": [
        ("POST", trip(trip_id="posted")),
        ("booking", {"trip_id": "posted"}),
    ],
    "refused at the hotel": [("booking", trip("hotel/name", "Full House", trip_id="refused-at-once"))],
    "refused at the car": [("booking", trip("car/model", "Sold Out", trip_id="refused"))],
    "cancelled by its traveller half way": [
        ("POST", trip(trip_id="half-way")),
        ("DELETE", {"trip_id": "half-way"}),
        ("booking", {"trip_id": "half-way"}),
    ],
    "owes the flight, then repaired": [
        ("booking", trip("car/model", "Sold Out", trip_id="owing", faults={"CancelFlight": DOWN})),
        ("cancellation", {"trip_id": "owing"}),
    ],
    "tried again": [("booking", trip(trip_id="again", faults={"BookFlight": DOWN | {"times": 2}}))],
}
"""What is asked for, and of whom: a traveller's POST and DELETE, or one of the machines."""


def record(name: str) -> list[Call]:
    """Play a saga; return each call's function, event, and answer or error."""
    calls: list[Call] = []
    store = MemoryStore()
    store.items |= deepcopy(OFFERS)

    def keep(function: str, event: Any, call: Callable[[], Any]) -> Any:
        told: Call = {"function": function, "event": event}
        calls.append(told)
        try:
            told["answer"] = call()
        except Exception as error:
            told["error"] = type(error).__name__
            raise
        return told["answer"]

    for asked, request in SAGAS[name]:
        if asked in TRAVELLERS:
            keep(asked, request, lambda asked=asked, request=request: TRAVELLERS[asked](store, request))  # type: ignore[misc]
            continue
        named = deepcopy(request)
        if asked == "booking" and set(request) == {"trip_id"}:
            named["saga_id"] = next(item["saga_id"] for key, item in store.items.items() if key.entry == "TRIP")
        Machine(store, asked, keep).run(named, name=f"{request['trip_id']}-{asked}")
    return [_once(call) for call in calls]


def _once(call: Call) -> Call:
    """Return the call as JSON has it: what was handed out then may have changed since."""
    copied: Call = json.loads(json.dumps(call))
    return copied


def keep_functions(path: Path) -> None:
    """Write the functions of this checkout."""
    with ZipFile(path, "w", ZIP_DEFLATED, compresslevel=9) as kept:
        for file in sorted(file for pattern in KEPT for file in ROOT.glob(pattern)):
            info = ZipInfo(str(file.relative_to(ROOT)), LONG_AGO)
            info.compress_type, info.external_attr = ZIP_DEFLATED, 0o644 << 16
            kept.writestr(info, file.read_bytes())


def main(version: str) -> None:
    """Write tests/data/states-<version>.json and tests/data/release-<version>.zip."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "SAGA_FAULTS": "allowed"}
    with aws(), harmless_faults():
        recorded = {name: record(name) for name in SAGAS}
    (DATA / f"states-{version}.json").write_text(json.dumps(recorded, indent=1) + "\n")
    keep_functions(DATA / f"release-{version}.zip")


if __name__ == "__main__":
    main(sys.argv[1])
