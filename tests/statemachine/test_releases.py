"""Functions of this release understand the states that machines of earlier releases hand to them."""

import json
import tomllib
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from saga import faults, wiring
from tests.memory import MemoryStore
from tests.statemachine.machine import FUNCTIONS
from tests.statemachine.states import DATA, SAGAS, ask_for_cancellation
from tests.trips import CONTEXT, OFFERS
from tools.invariants import violations

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
RELEASES = sorted(DATA.glob("states-*.json"))


def test_this_release_is_recorded() -> None:
    """The states of the version in pyproject.toml are kept, for the releases that come after it."""
    assert f"states-{PROJECT['version']}.json" in {path.name for path in RELEASES}


@pytest.mark.parametrize("saga", SAGAS)
@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.stem)
def test_the_states_of_a_release_are_understood(
    release: Path, saga: str, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each recorded call, made again, has the recorded answer or error, and the promise holds at the end."""
    monkeypatch.setenv("SAGA_FAULTS", "allowed")
    monkeypatch.setattr(faults, "sleep", lambda _seconds: None)
    store.items.clear()
    store.items |= deepcopy(OFFERS)
    calls: list[dict[str, Any]] = json.loads(release.read_text())[saga]
    for call in calls:
        if call["function"] == "BeginCancellation" and call["answer"]["status"] == "CANCELLING":
            ask_for_cancellation(store, call["answer"]["trip_id"])
        assert made(store, call) == {name: call[name] for name in ("answer", "error") if name in call}
    assert violations(store.items) == []


def made(store: MemoryStore, call: dict[str, Any]) -> dict[str, Any]:
    """Make a call; return its answer or its error."""
    module, function = FUNCTIONS[call["function"]].split(".")
    with patch.object(wiring, "_store", lambda: store):
        try:
            return {"answer": getattr(import_module(f"handlers.{module}"), function)(call["event"], CONTEXT)}
        except Exception as error:  # noqa: BLE001  whatever a function raises is its answer
            return {"error": type(error).__name__}
