"""What tests of every kind share: a store in memory that offers something, and a desk with a clock that ticks."""

import os
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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes minutes each, unless the environment says DEEP=1."""
    deep = [item for item in items if item.get_closest_marker("deep")]
    if deep and os.environ.get("DEEP") != "1":
        config.hook.pytest_deselected(items=deep)
        items[:] = [item for item in items if item not in deep]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many schedules of faults have been played, how many cannot happen; what the model has explored."""
    counts = {"schedules": 0, "unreachable": 0}
    states: dict[str, int] = {}
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            states |= dict(report.user_properties).get("states", {})
            for name, value in report.user_properties:
                if name in counts:
                    counts[name] += value
    if counts["schedules"]:
        broken = len([r for r in terminalreporter.getreports("failed") if dict(r.user_properties).get("schedules")])
        played, unreachable = counts["schedules"], counts["unreachable"]
        terminalreporter.write_line(f"{played:,} schedules, {broken} violations ({unreachable:,} unreachable, skipped)")
    for name, reached in states.items():
        terminalreporter.write_line(f"{reached:>10,} states: {name}")
    if states:
        terminalreporter.write_line(f"{sum(states.values()):>10,} states of the model in all")
