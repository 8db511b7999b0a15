from collections import defaultdict
from collections.abc import Iterable

import pytest

from tests.model.kernel import Edits, Kernel, Violation
from tests.model.mutants import BACKED, MUTANTS, Edit
from tests.model.scenarios import SCENARIOS

pytestmark = pytest.mark.slow

REACHED: dict[str, int] = {
    "any fault": 670,
    "any two faults": 146_000,
    "two owners, one trip_id": 2_400,
    "two sagas, one seat": 12_800,
    "an undo by mistake": 93_700,
}
"""States that an exploration must at least see, lest it quietly explores nothing."""


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    """The source as it is; what one test finds out about it serves the next."""
    return Kernel()


def edits(some: Iterable[Edit]) -> Edits:
    """Sort replacements by file."""
    found = defaultdict(list)
    for file, old, new in some:
        found[file].append((old, new))
    return found


def breach(edits: Edits) -> str | None:
    """Return what breaks first when the source is changed like this, None if nothing does."""
    kernel = Kernel(edits)
    try:
        for scenario in SCENARIOS.values():
            scenario.explore(kernel)
    except Violation as violation:
        return str(violation)
    return None


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_state_within_the_bound_keeps_the_promise(name: str, kernel: Kernel) -> None:
    """Whatever happens, in whatever order, up to the scenario's number of faults, no invariant breaks."""
    assert SCENARIOS[name].explore(kernel).states >= REACHED.get(name, 10)


@pytest.mark.parametrize("name", MUTANTS)
def test_the_model_kills_a_protocol_with_one_thing_wrong(name: str) -> None:
    """Each condition that is dropped or weakened breaks an invariant in some scenario."""
    assert breach(edits(MUTANTS[name])), f"nothing notices: {name}"


@pytest.mark.parametrize("name", BACKED)
def test_conditions_that_back_each_other_up_cannot_both_go(name: str) -> None:
    """Where one condition's loss breaks nothing because another does its work, losing both breaks an invariant."""
    one, other = BACKED[name]
    assert breach(edits([*one, *other])), f"nothing notices: {name}"
