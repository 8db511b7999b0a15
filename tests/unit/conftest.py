"""Unit tests open no socket, and drive the protocol by hand."""

import pytest

from saga.ports import Desk
from tests.memory import MemoryStore
from tests.unit.play import Play


@pytest.fixture(autouse=True)
def _offline(socket_disabled: None) -> None:
    """Let every attempt to open a socket fail the test."""


@pytest.fixture
def play(desk: Desk, store: MemoryStore) -> Play:
    """The sample trip's saga, already begun."""
    return Play(desk, store).begin()
