"""The real functions as transitions: each can be advanced by one operation of its storage, and no further.

A function is determined by what the storage and the executions answered it. So its progress is the list of those
answers: to advance it by one operation, it runs again from its beginning, is fed the answers it had, and is suspended
at the next operation. What an operation does depends on the items that it touches, so all of this is computed once for
each such situation.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from saga import errors
from saga.ports import Item, Key, Lost, Put, Write
from tests.model.edges import forbidden
from tests.model.functions import Ask, Feed, Suspended, bound
from tests.model.seen import seen
from tests.model.source import Edits, load


class Violation(Exception):
    """A promise is broken."""


class Pending(NamedTuple):
    """What an invocation does next: an operation on these slots, or (`done`) its outcome: an error's name, a value."""

    operation: Any
    slots: tuple[int, ...]
    done: tuple[str, Any] | None
    eager: bool


class Kernel:
    """One version of the source, and everything found out about it so far."""

    def __init__(self, edits: Edits | None = None) -> None:
        self.edits = edits or {}
        self._modules = load(self.edits)
        self._call = bound(self._modules)
        self._ids: dict[str, int] = {"null": 0}
        self._texts = ["null"]
        self._slots: dict[Key, int] = {}
        self.keys: list[Key] = []
        self.value = cache(self.fresh)
        self.pending = cache(self._pending)
        self.effect = cache(self._effect)
        self.answered = cache(self._answered)

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

    def items(self, tables: Sequence[int]) -> dict[Key, Item]:
        """Return the items of a state of the tables."""
        return {self.keys[slot]: self.value(number) for slot, number in enumerate(tables) if number}

    def invoke(self, name: str, event: Any) -> int:
        """Return an invocation that has not done anything yet."""
        return self.id([name, event, []])

    def fail(self, invocation: int) -> int:
        """Let an invocation's next operation fail without an effect."""
        return self.answered(invocation, "error", 0)

    def _answered(self, invocation: int, kind: str, value: int) -> int:
        name, event, answers = self.value(invocation)
        return self.id([name, event, [*answers, [kind, self.value(value)]]])

    def _pending(self, invocation: int) -> Pending:
        name, event, answers = json.loads(self._texts[invocation])
        try:
            answer = self._call(name, event, Feed(name, answers))
        except Suspended as suspended:
            operation = suspended.operation
        except AssertionError:
            raise
        except Exception as error:
            if not hasattr(errors, type(error).__name__):
                raise Violation(f"{name} raised {error!r}") from error
            return Pending(None, (), (type(error).__name__, str(error)), eager=False)
        else:
            return Pending(None, (), ("", self.id(answer)), eager=False)
        match operation:
            case Ask():
                return Pending(operation, (), None, eager=False)
            case Key():
                return Pending(operation, (self.slot(operation),), None, operation.id.startswith("OFFER#"))
        slots = tuple(self.slot(write.key) for write in operation.values())
        return Pending(operation, slots, None, _is_start(operation))

    def _effect(self, invocation: int, touched: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
        """Do the next operation on the items that it touches; return the invocation then, and the items."""
        pending = self.pending(invocation)
        name = self.value(invocation)[0]
        if isinstance(pending.operation, Key):
            item = self.id(seen(name, pending.operation, self.value(touched[0])))
            return self.answered(invocation, "ok", item), touched
        store = self._modules["tests.memory"].MemoryStore()
        store.items = {self.keys[s]: self.fresh(n) for s, n in zip(pending.slots, touched, strict=True) if n}
        try:
            store.write(pending.operation)
        except Lost as lost:
            standing = {n: seen(name, pending.operation[n].key, item) for n, item in lost.standing.items()}
            return self.answered(invocation, "lost", self.id(standing)), touched
        before = {self.keys[slot]: self.value(number) for slot, number in zip(pending.slots, touched, strict=True)}
        if problem := forbidden(name, before, store.items):
            raise Violation(problem)
        return self.answered(invocation, "ok", 0), tuple(self.id(store.items.get(self.keys[s])) for s in pending.slots)


def _is_start(writes: Mapping[str, Write]) -> bool:
    """Whether it's a START alone: it commutes with all that others do, so it may happen as its invocation begins."""
    return list(writes) == ["start"] and all(isinstance(write, Put) for write in writes.values())
