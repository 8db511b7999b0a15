"""What the saga needs of its storage: reads, and writes that land all together or not at all.

A write says what must be true for it to land. The conditions are few on purpose: an item is absent, or
it has one of some statuses and belongs to this saga, a counter leaves room, or the ledger holds what it must.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Item = dict[str, Any]
"""Attributes of an item: texts, whole numbers, and lists and dicts of them; what is read includes the key's own.

The ledger `booked` reads as a sorted list; only `Change.joins` and `Change.leaves` write it.
"""


@dataclass(frozen=True)
class Key:
    """Where an item stands: its table, the partition, and in the saga log the entry."""

    table: str
    id: str
    entry: str = ""


@dataclass(frozen=True)
class Put:
    """Put the item if there is none under its key."""

    key: Key
    item: Item


@dataclass(frozen=True)
class Check:
    """Change nothing, but insist that the item has one of these statuses and belongs to this saga."""

    key: Key
    statuses: Sequence[str]
    saga_id: str


@dataclass(frozen=True)
class Change:
    """Set and remove attributes, if the item has one of these statuses and belongs to this saga.

    On a trip's record it can also write the ledger `booked`, the set of participants that hold a live booking:
    `joins` enters one, `leaves` takes one out, and `ledger` is what it must hold before, no more and no less (None:
    whatever it holds). An empty ledger is an absent one.
    """

    key: Key
    statuses: Sequence[str]
    saga_id: str
    set: Item = field(default_factory=dict)
    remove: Sequence[str] = ()
    joins: str = ""
    leaves: str = ""
    ledger: Collection[str] | None = None


@dataclass(frozen=True)
class Take:
    """Add one to each of these slots of a counter, if all of them stay within the capacity."""

    key: Key
    slots: Sequence[str]
    capacity: int


@dataclass(frozen=True)
class GiveBack:
    """Subtract one from each of these slots of a counter, if something is taken in all of them."""

    key: Key
    slots: Sequence[str]


Write = Put | Check | Change | Take | GiveBack


class Lost(Exception):
    """Nothing was written: some condition failed. Maps each failed write's name to the item that stands there."""

    def __init__(self, standing: Mapping[str, Item | None]) -> None:
        """Keep, by the name of each write that failed, the item that stood in its way (None: there is none)."""
        super().__init__(f"conditions failed: {', '.join(standing)}")
        self.standing = standing


class Store(Protocol):
    """The tables, by their short names: one of each participant, and `saga-log`."""

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        """Return the item or None; raise TransientError when the storage does not answer.

        What is not read consistently may be a minute old.
        """

    def write(self, writes: Mapping[str, Write]) -> None:
        """Write all or nothing; raise Lost if a condition fails, TransientError if it can't be known or done."""


@dataclass(frozen=True)
class Desk:
    """What every function of the saga works with: the storage, and the time as ISO 8601 text in UTC."""

    store: Store
    now: Callable[[], str]
