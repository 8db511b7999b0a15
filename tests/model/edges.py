"""The changes that an item may go through; any other is a promise broken, whenever it happens."""

from collections.abc import Collection, Mapping

from saga.ports import Item, Key
from saga.trip import BOOKING, CANCELLED, CANCELLING, COMPENSATING, CONFIRMED, NEEDS_ATTENTION, ROLLED_BACK, UNDOING

Items = Mapping[Key, Item | None]

DELETE = "DELETE"
"""The name of the traveller's own function, among all that write."""

TRIP = {
    BOOKING: {BOOKING, CONFIRMED, COMPENSATING, NEEDS_ATTENTION},
    CONFIRMED: set(),  # I8: a traveller's DELETE alone may leave it
    COMPENSATING: {COMPENSATING, ROLLED_BACK, NEEDS_ATTENTION},
    CANCELLING: {CANCELLING, CANCELLED, NEEDS_ATTENTION},
    NEEDS_ATTENTION: {NEEDS_ATTENTION, ROLLED_BACK, CANCELLED},
    ROLLED_BACK: set(),
    CANCELLED: set(),
}
NAMES = ("saga_id", "owner", "request", "fingerprint", "created")
"""What never changes in a trip's record."""


def forbidden(by: str, before: Items, after: Items) -> str | None:
    """Say what is wrong with a function's write on all items that it touches, None if nothing is."""
    changed = [key for key, old in before.items() if after.get(key) != old]
    for key in changed:
        if problem := _problem(by, key, before[key], after.get(key)):
            return problem
    if any(is_closed_with(key) for key in changed):
        status = next((old["status"] for key, old in before.items() if key.entry == "TRIP" and old), "not looked at")
        return None if status in (BOOKING, *UNDOING) else f"I2: {by} changed a booking, and the trip is {status}"
    return None


def is_final(key: Key, item: Item | None, settled: Collection[str]) -> bool:
    """Whether an item never changes any more: `forbidden` refuses it. No trip leaves the statuses `settled`."""
    if not item:
        return False
    if key.entry == "TRIP":
        return item["status"] in settled
    return bool(key.entry) or (key.id.startswith("TRIP#") and item["status"] == CANCELLED)


def is_closed_with(key: Key) -> bool:
    """Whether an item of a trip changes in transactions only that `forbidden` refuses once the trip is settled."""
    return key.id.startswith("TRIP#") or ("#Cancel" in key.entry and key.entry.endswith("OUTCOME"))


def _problem(by: str, key: Key, old: Item | None, new: Item | None) -> str | None:
    if not new:
        return f"I4: {key} was deleted"
    if key.entry == "TRIP":
        return _trip(old, new, by)
    if key.entry:
        return f"I4: {key.entry} was overwritten" if old else None
    if key.id.startswith("TRIP#"):
        return _booking(key, old or {}, new)
    below = [slot for slot, taken in new.items() if slot != "id" and taken < 0]
    return f"I3: {key.id} fell below 0 in {below}" if below else None


def _trip(old: Item | None, new: Item, by: str) -> str | None:
    if not old:
        return None if new["status"] == BOOKING else f"I4: a trip began as {new['status']}"
    if any(old[name] != new[name] for name in NAMES):
        return "I7: a trip's record was replaced"
    asked = by == DELETE and (old["status"], new["status"]) == (CONFIRMED, CANCELLING)
    if not asked and new["status"] not in TRIP[old["status"]]:
        return f"I8: {by} took the trip from {old['status']} to {new['status']}"
    if "goal" in old and new.get("goal") != old["goal"]:
        return f"I8: the trip's goal went from {old['goal']} to {new.get('goal')}"
    return None


def _booking(key: Key, old: Item, new: Item) -> str | None:
    if old and old["saga_id"] != new["saga_id"]:
        return f"I7: {key.table} booking of another saga replaced"
    change = (old.get("status"), new["status"])
    allowed = ((None, "BOOKED"), (None, CANCELLED), ("BOOKED", CANCELLED))
    return None if change in allowed else f"I2: a {key.table} booking went from {change[0]} to {change[1]}"
