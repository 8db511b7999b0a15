"""Another release: the same saga with a participant more, or one less, than this checkout has."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

from saga import compensation, days, steps, validation, wiring
from saga.booking import part_of
from saga.log import Call
from saga.ports import Key
from saga.trip import PARTICIPANTS
from tests.memory import MemoryStore
from tests.statemachine.machine import ROOT, Machine

PLAN = {"plan": "Globetrotter", "from": "2099-03-01", "until": "2099-03-04"}
"""A trip's part of the participant that this checkout has not."""


@dataclass(frozen=True)
class Cover:
    """A policy of one plan, for each day from `from` to `until`."""

    participant: ClassVar = "insurance"
    offer: str
    starts: date
    takes: Mapping[str, tuple[str, ...]]

    @classmethod
    def parse(cls, part: Mapping[str, str]) -> "Cover":
        first = days.day("/insurance/from", part["from"])
        last = days.day("/insurance/until", part["until"])
        cover = days.span("/insurance/until", first, (last - first).days + 1)
        return cls(part["plan"], first, days.takes(part["plan"], cover))


def book(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Book as every participant's handler does."""
    return steps.book(wiring.desk(event, context), Call.parse(event), part_of(Cover, event["trip"]))


def cancel(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Cancel as every participant's handler does."""
    return compensation.cancel(wiring.desk(event, context), Call.parse(event), part_of(Cover, event["trip"]))


FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {"BookInsurance": book, "CancelInsurance": cancel}


@contextmanager
def release(names: list[str], folder: Path) -> Iterator[None]:
    """Let the code and its schemas be those of a release with these participants, in the order of booking."""
    kinds: dict[str, Any] = PARTICIPANTS | {"insurance": Cover}
    schema = json.loads((ROOT / "schemas/trip.schema.json").read_text())
    plan = {"description": "an object", "type": "object", "properties": {name: {"type": "string"} for name in PLAN}}
    schema["properties"] |= {"insurance": plan} if "insurance" in names else {}
    schema["required"] = names
    for path in (ROOT / "schemas").glob("*.json"):
        (folder / path.name).write_text(path.read_text().replace("|Car)", "|Car|Insurance)"))
    (folder / "trip.schema.json").write_text(json.dumps(schema))
    validation._validator.cache_clear()
    try:
        with (
            patch.dict(PARTICIPANTS, {name: kinds[name] for name in names}, clear=True),
            patch.object(validation, "SCHEMAS", folder),
        ):
            yield
    finally:
        validation._validator.cache_clear()


def machine(store: MemoryStore, definition: str, names: list[str]) -> Machine:
    """Make a machine of that release."""
    store.items.setdefault(Key("insurance", f"OFFER#{PLAN['plan']}"), {"capacity": 2})
    asl = rearranged(json.loads((ROOT / f"statemachine/{definition}.asl.json").read_text()), names)
    return Machine(store, definition, text=json.dumps(asl), functions=FUNCTIONS)


def rearranged(asl: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Return a definition with these participants, in the order of booking, as docs/add-a-participant.md has it."""
    states: dict[str, Any] = asl["States"]
    old = {name: states[name] for name in states if re.fullmatch("(Book|Cancel)(Hotel|Flight|Car)", name)}
    for name in old:
        del states[name]
    for place, name in enumerate(names):
        for verb in ("Book", "Cancel"):
            if f"{verb}Hotel" in old:
                state = old.get(f"{verb}{name.title()}") or _renamed(old[f"{verb}Hotel"], name)
                states[f"{verb}{name.title()}"] = _placed(state, verb, place, names)
    if "BeginSaga" in states:
        states["BeginSaga"]["Next"] = f"Book{names[0].title()}"
    else:
        states["IsThereAnythingToUndo"]["Default"] = f"Cancel{names[-1].title()}"
    states["EndSaga"]["Parameters"]["position"] = 2 * len(names) + 1
    states["HasItEnded"]["Choices"][0]["Variable"] = f"$.bookings.{names[0]}.ended"
    states["HowItEnded"]["Choices"][0]["Next"] = f"Cancel{names[-1].title()}"
    return asl


def _renamed(state: dict[str, Any], name: str) -> dict[str, Any]:
    text = json.dumps(state).replace("Hotel", name.title()).replace("hotel", name)
    renamed: dict[str, Any] = json.loads(text)
    return renamed


def _placed(state: dict[str, Any], verb: str, place: int, names: list[str]) -> dict[str, Any]:
    """Put a state where it belongs: its position in the log, and what follows it."""
    if verb == "Book":
        state["Parameters"]["position"] = place + 1
        state["Next"] = f"Book{names[place + 1].title()}" if place + 1 < len(names) else "TripBooked"
        return state
    state["Parameters"]["position"] = 2 * len(names) - place
    state["Next"] = f"Cancel{names[place - 1].title()}" if place else "HasItEnded"
    state["Catch"][1]["Next"] = f"Cancel{names[place - 1].title()}" if place else "EndSaga"
    return state
