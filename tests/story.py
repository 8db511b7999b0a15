"""Reading the sample trip back from a store in memory: the story its log tells, what is booked and what is taken."""

from saga.ports import Item, Key
from tests import tables
from tests.memory import MemoryStore
from tests.trips import TRIP

TRIP_ID = TRIP["trip_id"]


def story(store: MemoryStore) -> list[str]:
    """The saga log in the order of its keys, each entry as `<step> <kind>`, with the status where the saga ends."""
    return tables.story(store.items, TRIP_ID)


def record(store: MemoryStore) -> Item:
    """The trip's record itself: to be read, or to be changed behind the saga's back."""
    return tables.record(store.items, TRIP_ID)


def booking(store: MemoryStore, participant: str) -> Item:
    """The booking itself: to be read, or to be changed behind the saga's back."""
    return store.items[Key(participant, f"TRIP#{TRIP_ID}")]


def bookings(store: MemoryStore) -> dict[str, str]:
    """Each participant's booking status; a participant without a booking is left out."""
    return tables.statuses(store.items, TRIP_ID)


def taken(store: MemoryStore) -> dict[str, list[int]]:
    """Each participant's counters in the order of their days; a participant without counters is left out."""
    counters: dict[str, list[int]] = {}
    for key in sorted(store.items, key=lambda key: key.id):
        if key.id.startswith("TAKEN#"):
            counters.setdefault(key.table, []).extend(tables.slots(store.items[key]).values())
    return counters
