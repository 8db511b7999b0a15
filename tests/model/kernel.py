"""The real functions as transitions: each can be advanced by one operation of its storage, and no further.

A function is determined by what the storage answered it. So its progress is the list of those answers: to advance it
by one operation, it runs again from its beginning, is fed the answers it had, and is suspended at the next operation.
What an operation does depends on the items that it touches, so all of this is computed once for each such situation.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from inspect import unwrap
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from unittest.mock import patch

import saga
from saga import wiring
from saga.errors import TransientError
from saga.ports import Item, Key, Lost, Put, Write
from saga.trip import PARTICIPANTS
from tests.model.edges import forbidden

ROOT = Path(__file__).parents[2]
SHARED = ("saga.log", "saga.booking", "saga.lifecycle", "saga.steps")
MODULES = (*SHARED, "tests.memory", "handlers.saga", *(f"handlers.{name}" for name in PARTICIPANTS))
FUNCTIONS = {
    "BeginSaga": ("handlers.saga", "begin"),
    "BeginCancellation": ("handlers.saga", "begin_cancellation"),
    "EndSaga": ("handlers.saga", "end"),
    **{f"{v.title()}{name.title()}": (f"handlers.{name}", v) for v in ("book", "cancel") for name in PARTICIPANTS},
}

Edits = Mapping[str, Sequence[tuple[str, str]]]
"""Replacements of text by file: a module's name, or a state machine's."""


class Violation(Exception):
    """A promise is broken."""


class Suspended(BaseException):
    """The function has come to an operation that is not answered yet."""

    def __init__(self, operation: Key | Mapping[str, Write]) -> None:
        self.operation = operation


class Pending(NamedTuple):
    """What an invocation does next: an operation on these slots, or (`done`) its outcome: an error's name, a value."""

    operation: Any
    slots: tuple[int, ...]
    done: tuple[str, Any] | None
    eager: bool


class Feed:
    """A store that gives recorded answers, and then suspends."""

    def __init__(self, answers: Sequence[Any]) -> None:
        self._answers = iter(answers)

    def get(self, key: Key, *, consistent: bool = True) -> Any:  # noqa: ARG002  the model's reads are consistent
        return self._next(key)

    def write(self, writes: Mapping[str, Write]) -> None:
        self._next(dict(writes))

    def _next(self, operation: Any) -> Any:
        kind, value = next(self._answers, ("suspend", None))
        match kind:
            case "suspend":
                raise Suspended(operation)
            case "lost":
                raise Lost(value)
            case "error":
                raise TransientError("the storage does not answer")
        return value


class Kernel:
    """One version of the source, and everything found out about it so far."""

    def __init__(self, edits: Edits | None = None) -> None:
        self.edits = edits or {}
        self._modules = _load(self.edits)
        self._ids: dict[str, int] = {"null": 0}
        self._texts = ["null"]
        self._slots: dict[Key, int] = {}
        self.keys: list[Key] = []
        self.firsts: set[int] = set()
        self.value = cache(self.fresh)
        self.pending = cache(self._pending)
        self.effect = cache(self._effect)

    def id(self, value: Any) -> int:
        """Return a number that stands for a JSON value; None is 0."""
        text = json.dumps(value, sort_keys=True)
        if text not in self._ids:
            self._ids[text] = len(self._texts)
            self._texts.append(text)
        return self._ids[text]

    def fresh(self, number: int) -> Any:
        """Return the value that a number stands for; `value` returns one that is shared."""
        return json.loads(self._texts[number])

    def slot(self, key: Key) -> int:
        """Return an item's place in a state of the tables."""
        if key not in self._slots:
            self._slots[key] = len(self.keys)
            self.keys.append(key)
        return self._slots[key]

    def items(self, state: Sequence[int]) -> dict[Key, Item]:
        """Return the tables of a state."""
        return {self.keys[slot]: self.value(number) for slot, number in enumerate(state) if number}

    def invoke(self, name: str, event: Any) -> int:
        """Return an invocation that has not done anything yet."""
        return self.id([name, event, []])

    def is_first(self, invocation: int) -> bool:
        """Whether it has done nothing yet but what happens at once."""
        return invocation in self.firsts

    def fail(self, invocation: int) -> int:
        """Let an invocation's next operation fail without an effect."""
        return self._answered(invocation, ["error", None])

    def _answered(self, invocation: int, answer: Any) -> int:
        name, event, answers = self.value(invocation)
        return self.id([name, event, [*answers, answer]])

    def _pending(self, invocation: int) -> Pending:
        name, event, answers = json.loads(self._texts[invocation])
        module, function = FUNCTIONS[name]
        with patch.object(wiring, "_store", lambda: Feed(answers)), patch.object(wiring, "now", lambda: "now"):
            try:
                answer = unwrap(getattr(self._modules[module], function))(event, None)
                return Pending(None, (), ("", self.id(answer)), False)
            except Suspended as suspended:
                operation = suspended.operation
            except Exception as error:  # noqa: BLE001  Lambda reports whatever a handler raises
                return Pending(None, (), (type(error).__name__, str(error)), False)
        if isinstance(operation, Key):
            return Pending(operation, (self.slot(operation),), None, operation.id.startswith("OFFER#"))
        slots = tuple(self.slot(write.key) for write in operation.values())
        return Pending(operation, slots, None, _is_start(operation))

    def _effect(self, invocation: int, touched: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
        """Do the next operation on the items that it touches; return the invocation then, and the items."""
        pending = self.pending(invocation)
        if isinstance(pending.operation, Key):
            return self._answered(invocation, ["ok", self.value(touched[0])]), touched
        store = self._modules["tests.memory"].MemoryStore()
        store.items = {self.keys[s]: self.fresh(n) for s, n in zip(pending.slots, touched, strict=True) if n}
        try:
            store.write(pending.operation)
        except Lost as lost:
            return self._answered(invocation, ["lost", lost.standing]), touched
        for slot, before in zip(pending.slots, touched, strict=True):
            if problem := forbidden(self.keys[slot], self.value(before), store.items.get(self.keys[slot])):
                raise Violation(problem)
        after = tuple(self.id(store.items.get(self.keys[slot])) for slot in pending.slots)
        return self._answered(invocation, ["ok", None]), after


def _is_start(writes: Mapping[str, Write]) -> bool:
    """Whether it's a START alone: it commutes with all that others do, so it may happen as its invocation begins."""
    return list(writes) == ["start"] and all(isinstance(write, Put) for write in writes.values())


def edited(name: str, text: str, edits: Edits) -> str:
    """Replace what is to be replaced in a file, each text exactly once."""
    for old, new in edits.get(name, ()):
        assert text.count(old) == 1, f"a mutant's text stands {text.count(old)} times in {name}: {old}"
        text = text.replace(old, new)
    return text


def _load(edits: Edits) -> dict[str, ModuleType]:
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
            exec(compile(edited(name, path.read_text(), edits), str(path), "exec"), module.__dict__)  # noqa: S102
    return modules
