"""A state machine over the in-memory store, in an AWS in memory where faults are allowed."""

from collections.abc import Iterator

import pytest

from saga.ports import Put
from tests.memory import MemoryStore
from tests.statemachine.machine import Machine, aws
from tests.trips import OFFERS


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """The booking machine, its store full of offers and its waiting switched off."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("SAGA_FAULTS", "allowed")
    store = MemoryStore()
    for key, offer in OFFERS.items():
        store.write({"offer": Put(key, offer)})
    with aws():
        yield Machine(store)
