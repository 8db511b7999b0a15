"""A function that dies between two of its writes."""

from collections.abc import Mapping

from saga.ports import Item, Key, Write
from tests.memory import MemoryStore


class Killed(BaseException):
    """The function's process died."""


class Mortal:
    """A store whose user dies after some writes."""

    def __init__(self, store: MemoryStore, writes: int | None) -> None:
        self._store, self._left = store, writes

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        return self._store.get(key, consistent=consistent)

    def write(self, writes: Mapping[str, Write]) -> None:
        if self._left == 0:
            raise Killed
        if self._left is not None:
            self._left -= 1
        self._store.write(writes)
