"""The composition root: nothing is built or read before it is needed, and faults only where they are allowed."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from saga import wiring
from saga.dynamo import DynamoStore
from saga.faults import FaultyStore

ROOT = Path(__file__).parents[2]
FAULT = {"step": "BookCar", "attempt": 0, "faults": {"BookCar": {"error": "SoldOut"}}}


class Context:
    """What Lambda hands to a function beside its event."""

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 9_500


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a function on a stage without faults."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "SAGA_"))]:
        monkeypatch.delenv(name)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "SAGA_BOOKING_MACHINE", "SAGA_CANCELLATION_MACHINE"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("SAGA_TABLES", "travel-saga-test")


def imported(module: str) -> set[str]:
    """The modules that a fresh Python has loaded after importing this one, in an empty environment."""
    code = f"import sys, {module}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={}, check=True, capture_output=True, text=True)
    return set(run.stdout.split())


def test_a_participant_loads_no_more_than_it_needs() -> None:
    """A participant's function needs no environment to be imported, and neither the JSON Schema check nor faults."""
    assert not {"jsonschema", "saga.validation", "saga.faults", "handlers.saga"} & imported("handlers.hotel")


def test_nothing_is_built_at_import() -> None:
    """The functions that begin and end a saga can be imported with an empty environment."""
    assert "saga.validation" in imported("handlers.saga")


@pytest.mark.parametrize(("value", "allowed"), [("allowed", True), ("", False), ("true", False), ("ALLOWED", False)])
def test_faults_are_allowed_by_one_word(monkeypatch: pytest.MonkeyPatch, value: str, allowed: bool) -> None:
    """Only the word `allowed` in SAGA_FAULTS lets an event bring faults."""
    monkeypatch.setenv("SAGA_FAULTS", value)
    assert wiring.faults_allowed() is allowed


def test_faults_are_refused_by_default() -> None:
    """A stage that says nothing of faults allows none."""
    assert not wiring.faults_allowed()


def test_a_desk_stands_on_dynamo() -> None:
    """A function works on the stage's tables."""
    store = wiring.desk({}, Context()).store
    assert isinstance(store, DynamoStore)
    assert store.prefix == "travel-saga-test"


def test_a_fault_is_ignored_where_not_allowed() -> None:
    """Where faults are not allowed an event that brings one meets none."""
    assert isinstance(wiring.desk(FAULT, Context()).store, DynamoStore)


def test_a_stage_without_the_file_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where faults are not allowed saga/faults.py is not even looked for: it is not in the package."""
    monkeypatch.setitem(sys.modules, "saga.faults", None)
    assert isinstance(wiring.desk(FAULT, Context()).store, DynamoStore)


def test_a_fault_is_met_where_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where faults are allowed the store fails as the event says, and knows how long its function has left."""
    monkeypatch.setenv("SAGA_FAULTS", "allowed")
    store: Any = wiring.desk(FAULT, Context()).store
    assert isinstance(store, FaultyStore)
    assert (store.fault, store.seconds_left) == ({"error": "SoldOut"}, 9.5)


def test_no_fault_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where faults are allowed an event without one works on the tables directly."""
    monkeypatch.setenv("SAGA_FAULTS", "allowed")
    assert isinstance(wiring.desk({"faults": {}}, Context()).store, DynamoStore)


def test_the_client_is_made_once() -> None:
    """All calls of a process share one client."""
    first, second = wiring.desk({}, Context()).store, wiring.desk({}, Context()).store
    assert first.client is second.client  # type: ignore[attr-defined]


def test_the_store_is_made_once() -> None:
    """All calls of a process share one store, which keeps offers from one call to the next."""
    assert wiring.desk({}, Context()).store is wiring.desk({}, Context()).store


def test_a_hanging_call_ends_before_its_function() -> None:
    """Two tries of a call that hangs take less than the ten seconds that a function may run."""
    config = wiring.desk({}, Context()).store.client.meta.config  # type: ignore[attr-defined]
    assert 2 * (config.connect_timeout + config.read_timeout) < 10
    assert config.retries["total_max_attempts"] == 2


def test_time_is_utc_to_the_millisecond() -> None:
    """Times are ISO 8601 in UTC, to the millisecond, so that they sort as texts."""
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}\+00:00", wiring.now())
