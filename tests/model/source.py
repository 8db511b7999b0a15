"""The source that is explored: fresh modules of the product's files, with or without something wrong in them."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

import saga
from saga.trip import PARTICIPANTS

ROOT = Path(__file__).parents[2]
SHARED = (
    "saga.log",
    "saga.booking",
    "saga.ledger",
    "saga.lifecycle",
    "saga.steps",
    "saga.compensation",
    "saga.reconciler",
    "saga.travellers",
)
"""In the order of their imports."""
MODULES = (*SHARED, "tests.memory", "handlers.saga", *(f"handlers.{name}" for name in PARTICIPANTS))

Edits = Mapping[str, Sequence[tuple[str, str]]]
"""Replacements of text by file: a module's name, or a state machine's."""

SMALL: Edits = {"saga.reconciler": [("_NAMES = 10 ", "_NAMES = 1 ")]}
"""How many taken names one start passes over is cut, as retry budgets are: else ten undos must die to see its end."""


def edited(name: str, text: str, edits: Edits) -> str:
    """Replace what is to be replaced in a file, each text exactly once."""
    for old, new in edits.get(name, ()):
        assert text.count(old) == 1, f"a mutant's text stands {text.count(old)} times in {name}: {old}"
        text = text.replace(old, new)
    return text


def load(edits: Edits) -> dict[str, ModuleType]:
    """Make fresh modules of the sources; those that the rest of the process uses stay as they are."""
    assert set(edits) <= {*MODULES, "booking.asl", "cancellation.asl"}, f"nothing of this name: {set(edits)}"
    modules: dict[str, ModuleType] = {}
    with ExitStack() as stack:
        stack.enter_context(patch.dict(sys.modules))
        for name in MODULES:
            path = ROOT / f"{name.replace('.', '/')}.py"
            module = sys.modules[name] = modules[name] = ModuleType(name)
            if name in SHARED:
                stack.enter_context(patch.object(saga, name.removeprefix("saga."), module, create=True))
            text = edited(name, edited(name, path.read_text(), edits), SMALL)
            exec(compile(text, str(path), "exec"), module.__dict__)  # noqa: S102
    return modules
