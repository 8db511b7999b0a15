"""The storage port in memory: the same promises as DynamoDB's, kept by the contract suite."""

from collections.abc import Mapping
from copy import deepcopy

from saga.ports import Change, Check, GiveBack, Item, Key, Lost, Put, Take, Write


class MemoryStore:
    """Items by key; one write at a time, all of it or nothing."""

    def __init__(self) -> None:
        """Start with no items."""
        self.items: dict[Key, Item] = {}

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:  # noqa: ARG002  memory is always consistent
        """Return a copy of the item, or None."""
        return deepcopy(self.items.get(key))

    def write(self, writes: Mapping[str, Write]) -> None:
        """Check every condition against the items as they stand, then apply all writes."""
        standing = {n: self.get(w.key) for n, w in writes.items() if not holds(w, self.items.get(w.key))}
        if standing:
            raise Lost(standing)
        for write in writes.values():
            self._apply(write)

    def _apply(self, write: Write) -> None:
        item = self.items.setdefault(write.key, _named(write.key))
        match write:
            case Put():
                item |= deepcopy(write.item)
            case Change():
                item |= deepcopy(write.set)
                for name in write.remove:
                    item.pop(name, None)
            case Take():
                item["taken"] = item.get("taken", 0) + 1
            case GiveBack():
                item["taken"] -= 1


def holds(write: Write, item: Item | None) -> bool:
    """Whether a write's condition holds for the item that stands under its key."""
    match write:
        case Put():
            return item is None
        case Check() | Change():
            return bool(item and item["status"] in write.statuses and item["saga_id"] == write.saga_id)
        case Take():
            return (item or {}).get("taken", 0) < write.capacity
        case GiveBack():
            return (item or {}).get("taken", 0) > 0


def _named(key: Key) -> Item:
    return {"trip_id": key.id, "entry": key.entry} if key.entry else {"id": key.id}
