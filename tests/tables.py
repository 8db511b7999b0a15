"""What tests read from a dump of the tables."""

from collections.abc import Mapping
from typing import Any

from saga import log
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
    told = log.story(item for key, item in items.items() if key.table == log.TABLE and key.id == trip_id)
    return [f"{line['step']} {line['kind']} {line.get('status', '')}".strip() for line in told]


def taken(items: Items) -> int:
    """Add up all that is taken."""
    return sum(sum(slots(item).values()) for key, item in items.items() if key.id.startswith("TAKEN#"))


def slots(counter: Item) -> dict[str, int]:
    """Return what is taken of each day of a counter."""
    return {name: value for name, value in sorted(counter.items()) if name != "id"}
