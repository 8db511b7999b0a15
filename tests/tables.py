"""What tests read from a dump of the tables."""

from collections.abc import Mapping
from typing import Any

from saga.ports import Item, Key
from saga.trip import PARTICIPANTS

Items = Mapping[Key, Item]


def record(items: Items, trip_id: str = "trip-1") -> Item:
    """Return the record of a trip."""
    return items[Key("saga-log", trip_id, "TRIP")]


def statuses(items: Items, trip_id: str = "trip-1") -> dict[str, str]:
    """Return the status of each booking of a trip, tombstones too, by participant."""
    found: dict[str, Any] = {name: items.get(Key(name, f"TRIP#{trip_id}")) for name in PARTICIPANTS}
    return {name: item["status"] for name, item in found.items() if item}


def story(items: Items, trip_id: str = "trip-1") -> list[str]:
    """Return a trip's log in the order of its keys, as `<step> <kind>`, with the status where the saga ends."""
    entries = sorted(key.entry for key in items if key.id == trip_id and key.entry.startswith("LOG#"))
    found = (items[Key("saga-log", trip_id, entry)] for entry in entries)
    return [f"{entry['step']} {entry['kind']} {entry.get('status', '')}".strip() for entry in found]


def taken(items: Items) -> int:
    """Add up all that is taken."""
    return sum(item["taken"] for key, item in items.items() if key.id.startswith("TAKEN#"))
