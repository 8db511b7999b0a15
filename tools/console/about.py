"""What the page needs to know once: the stage, its machines, and what a trip is made of."""

import json
from typing import Any

from saga import trip
from saga.validation import SCHEMAS
from tools import events, offers
from tools.events import FAULT_STAGES
from tools.local.environment import ROOT
from tools.stage import Stage

STATUSES = (
    trip.BOOKING,
    trip.CONFIRMED,
    trip.COMPENSATING,
    trip.ROLLED_BACK,
    trip.CANCELLING,
    trip.CANCELLED,
    trip.NEEDS_ATTENTION,
)


def about(stage: Stage) -> dict[str, Any]:
    """Describe the stage. Samples that bring faults, and the faults' schema, are for the stages that allow them.

    The offers are those of a deploy, as suggestions: what a stage really offers may have changed since.
    """
    faults_allowed = stage.name in FAULT_STAGES
    samples = {path.stem: json.loads(path.read_text()) for path in sorted(events.EVENTS.glob("*.json"))}
    return {
        "stage": stage.name,
        "region": None if stage.is_local else stage.region,
        "statuses": STATUSES,
        "machines": {kind: _json(f"statemachine/{kind}.asl.json") for kind in ("booking", "cancellation")},
        "trip": json.loads((SCHEMAS / "trip.schema.json").read_text()),
        "faults": json.loads((SCHEMAS / "faults.schema.json").read_text()) if faults_allowed else None,
        "samples": {name: event for name, event in samples.items() if faults_allowed or "faults" not in event},
        "offers": {participant: list(offered) for participant, offered in offers.read().items()},
    }


def _json(path: str) -> Any:
    return json.loads((ROOT / path).read_text())
