"""A user of the store who is slow between a read and a write."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass

from saga.ports import Item, Key, Store, Write


@dataclass
class Slow:
    """A store whose first read is of an earlier time: whoever reads it wrote down what stood there, and waited."""

    store: Store
    earlier: Item | None

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        found, self.earlier = deepcopy(self.earlier), None
        return found or self.store.get(key, consistent=consistent)

    def write(self, writes: Mapping[str, Write]) -> None:
        self.store.write(writes)
