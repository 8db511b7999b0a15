from collections.abc import Callable

import pytest

from tests.model.kernel import Kernel
from tests.model.scenarios import DEEP, SCENARIOS

pytestmark = pytest.mark.slow

REACHED: dict[str, int] = {
    "any fault": 80_000,
    "two owners, one trip_id": 70_000,
    "two sagas, one seat": 90_000,
    "begun by the API": 300_000,
    "undos die": 20_000,
}
"""States that an exploration must at least see, lest it quietly explores nothing."""


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    """The source as it is; what one test finds out about it serves the next."""
    return Kernel()


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_state_within_the_bound_keeps_the_promise(
    name: str, kernel: Kernel, record_property: Callable[[str, object], None]
) -> None:
    """Whatever happens, in whatever order, up to the scenario's number of faults, no invariant breaks."""
    found = SCENARIOS[name].explore(kernel)
    record_property("states", {name: found.states})
    assert found.states >= REACHED.get(name, 300)


@pytest.mark.deep
@pytest.mark.parametrize("name", DEEP)
def test_every_state_within_a_further_bound_keeps_the_promise(
    name: str, record_property: Callable[[str, object], None]
) -> None:
    """Nor does one break with more faults, or more kinds of them at once."""
    found = DEEP[name].explore(Kernel())
    record_property("states", {name: found.states})
    assert found.states >= 10_000
