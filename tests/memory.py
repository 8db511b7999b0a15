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
        assert all(_is_accepted(write) for write in writes.values()), f"DynamoDB refuses this: {writes}"
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
                if write.joins or write.leaves:
                    _enter(item, write)
            case Take():
                item |= {slot: item.get(slot, 0) + 1 for slot in write.slots}
            case GiveBack():
                item |= {slot: item[slot] - 1 for slot in write.slots}


def holds(write: Write, item: Item | None) -> bool:
    """Whether a write's condition holds for the item that stands under its key."""
    match write:
        case Put():
            return item is None
        case Check():
            return _owned(write, item)
        case Change():
            return _owned(write, item) and (
                write.ledger is None or sorted(write.ledger) == (item or {}).get("booked", [])
            )
        case Take():
            return all((item or {}).get(slot, 0) < write.capacity for slot in write.slots)
        case GiveBack():
            return all((item or {}).get(slot, 0) > 0 for slot in write.slots)


def _is_accepted(write: Write) -> bool:
    """Whether DynamoDB takes a write at all: it must write something, and nothing twice."""
    match write:
        case Change():
            ledger = ["booked"] * len([name for name in (write.joins, write.leaves) if name])
            paths = [*write.set, *write.remove, *ledger]
            return bool(paths) and len(paths) == len(set(paths))
        case Take() | GiveBack():
            return 0 < len(write.slots) == len(set(write.slots))
    return True


def _owned(write: Check | Change, item: Item | None) -> bool:
    return bool(item and item["status"] in write.statuses and item["saga_id"] == write.saga_id)


def _enter(item: Item, write: Change) -> None:
    """Write the ledger; an empty one is none."""
    booked = (set(item.pop("booked", [])) | {write.joins}) - {write.leaves, ""}
    if booked:
        item["booked"] = sorted(booked)


def _named(key: Key) -> Item:
    return {"trip_id": key.id, "entry": key.entry} if key.entry else {"id": key.id}
