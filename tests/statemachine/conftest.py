"""A state machine over the in-memory store, in an AWS in memory where faults are allowed."""

import logging
from collections.abc import Iterator

import pytest

from tests.memory import MemoryStore
from tests.statemachine.machine import Machine, aws, harmless_faults


@pytest.fixture(scope="session")
def _aws() -> Iterator[None]:
    """One AWS in memory for all runs: setting it up costs as much as five sagas."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        with aws():
            yield


@pytest.fixture
def machine(_aws: None, store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """The booking machine over a store full of offers, its waiting switched off, on a stage that allows faults."""
    monkeypatch.setenv("SAGA_FAULTS", "allowed")
    logging.disable()  # what moto and the functions say of thousands of schedules costs a fifth of the time
    with harmless_faults():
        yield Machine(store)
    logging.disable(logging.NOTSET)
