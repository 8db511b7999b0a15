"""What tests of every kind share: a store in memory that offers something, and a desk with a clock that ticks."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from saga.ports import Desk
from tests.memory import MemoryStore
from tests.trips import OFFERS

NOON = datetime(2099, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def store() -> MemoryStore:
    """A store in memory that holds the sample offers."""
    store = MemoryStore()
    store.items |= deepcopy(OFFERS)
    return store


@pytest.fixture
def desk(store: MemoryStore) -> Desk:
    """A desk over `store`; each look at its clock is a millisecond after the last."""
    ticks = count()
    return Desk(store, lambda: (NOON + timedelta(milliseconds=next(ticks))).isoformat(timespec="milliseconds"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many schedules of faults have been played, and how many cannot happen."""
    counts = {"schedules": 0, "unreachable": 0}
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, value in report.user_properties:
                counts[name] = counts.get(name, 0) + value
    if counts["schedules"]:
        broken = len([r for r in terminalreporter.getreports("failed") if dict(r.user_properties).get("schedules")])
        played, unreachable = counts["schedules"], counts["unreachable"]
        terminalreporter.write_line(f"{played:,} schedules, {broken} violations ({unreachable:,} unreachable, skipped)")
