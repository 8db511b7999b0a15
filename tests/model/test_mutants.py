from collections import defaultdict
from collections.abc import Iterable

import pytest

from tests.model.kernel import Kernel, Violation
from tests.model.mutants import BACKED, MUTANTS, Edit
from tests.model.scenarios import SCENARIOS
from tests.model.source import Edits

pytestmark = pytest.mark.slow


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


@pytest.mark.parametrize("name", MUTANTS)
def test_the_model_kills_a_protocol_with_one_thing_wrong(name: str) -> None:
    """Each condition that is dropped or weakened breaks an invariant in some scenario."""
    assert breach(edits(MUTANTS[name])), f"nothing notices: {name}"


@pytest.mark.parametrize("name", BACKED)
def test_conditions_that_back_each_other_up_cannot_both_go(name: str) -> None:
    """Where one condition's loss breaks nothing because another does its work, losing both breaks an invariant."""
    one, other = BACKED[name]
    assert breach(edits([*one, *other])), f"nothing notices: {name}"
