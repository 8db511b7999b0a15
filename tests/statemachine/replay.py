"""Calls of functions made again, by the code that is imported here: today's, or, as a program, that of another release.

`PYTHONPATH=<release>:<checkout> python -P -m tests.statemachine.replay` reads jobs from its standard input, and writes
what came of them: see `replay`. The saga comes from the release then, the store in memory from the checkout.
"""

import importlib
import json
import sys
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from saga import faults, travellers, wiring
from saga.ports import Desk, Item, Key
from saga.trip import OPERATOR, PARTICIPANTS, Trip
from tests.executions import Executions
from tests.memory import MemoryStore
from tests.trips import CONTEXT

Call = dict[str, Any]
"""A call: its `function`, its `event`, and its `answer` or `error`. POST and DELETE are a traveller's."""

FUNCTIONS = {
    "BeginSaga": "saga.begin",
    "BeginCancellation": "saga.begin_cancellation",
    "EndSaga": "saga.end",
    **{f"{verb.title()}{name.title()}": f"{name}.{verb}" for verb in ("book", "cancel") for name in PARTICIPANTS},
}


def handler_of(name: str) -> Callable[[Any, Any], Any]:
    """Return the handler of a function."""
    module, function = FUNCTIONS[name].split(".")
    handler: Callable[[Any, Any], Any] = getattr(importlib.import_module(f"handlers.{module}"), function)
    return handler


def post(store: MemoryStore, event: Call) -> str:
    """Let a traveller book a trip; the execution is yet to start."""
    asked = Trip.parse(event, event["trip_id"], OPERATOR, datetime.now(UTC).date())
    return travellers.book(Desk(store, wiring.now), Executions(), asked)


def delete(store: MemoryStore, event: Call) -> str:
    """Let a traveller cancel a trip; the undo is yet to start."""
    return travellers.cancel(Desk(store, wiring.now), Executions(), event["trip_id"], OPERATOR)


TRAVELLERS = {"POST": post, "DELETE": delete}


def replay(items: dict[Key, Item], calls: list[Call]) -> tuple[list[Call], dict[Key, Item]]:
    """Make calls again on what the tables hold; return the answer or the error of each, and what they hold then."""
    store = MemoryStore()
    store.items = deepcopy(items)
    with (
        patch.dict("os.environ", {"SAGA_FAULTS": "allowed"}),
        patch.object(wiring, "_store", lambda: store),
        patch.object(faults, "sleep", lambda _seconds: None),
    ):
        return [_made(store, call) for call in calls], store.items


def _made(store: MemoryStore, call: Call) -> Call:
    try:
        if call["function"] in TRAVELLERS:
            return {"answer": TRAVELLERS[call["function"]](store, call["event"])}
        return {"answer": handler_of(call["function"])(call["event"], CONTEXT)}
    except Exception as error:  # noqa: BLE001  whatever a function raises is its answer
        return {"error": type(error).__name__}


def dump(items: dict[Key, Item]) -> list[Any]:
    """Write what the tables hold as JSON has it."""
    return [[key.table, key.id, key.entry, item] for key, item in items.items()]


def load(dumped: list[Any]) -> dict[Key, Item]:
    """Read what `dump` has written."""
    return {Key(*key): item for *key, item in dumped}


def main() -> None:
    """Do each job, `[items, calls]`; write for each `[answers, items]`, and first where the saga came from."""
    done = [replay(load(items), calls) for items, calls in json.load(sys.stdin)]
    results = [[answers, dump(items)] for answers, items in done]
    json.dump({"code": travellers.__file__, "results": results}, sys.stdout)


if __name__ == "__main__":
    main()
