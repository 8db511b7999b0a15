"""The changes that an item may go through; any other is a promise broken, whenever it happens."""

from saga.ports import Item, Key
from saga.trip import BOOKING, CANCELLED, CANCELLING, COMPENSATING, CONFIRMED, NEEDS_ATTENTION, ROLLED_BACK

TRIP = {
    BOOKING: {BOOKING, CONFIRMED, COMPENSATING, NEEDS_ATTENTION},
    CONFIRMED: set(),  # I8: no function of the saga may leave it; a traveller's DELETE may
    COMPENSATING: {COMPENSATING, ROLLED_BACK, NEEDS_ATTENTION},
    CANCELLING: {CANCELLING, CANCELLED, NEEDS_ATTENTION},
    NEEDS_ATTENTION: {NEEDS_ATTENTION, ROLLED_BACK, CANCELLED},
    ROLLED_BACK: set(),
    CANCELLED: set(),
}
NAMES = ("saga_id", "owner", "request", "fingerprint", "created")
"""What never changes in a trip's record."""


def forbidden(key: Key, old: Item | None, new: Item | None) -> str | None:
    """Say what is wrong with an item's change from `old` to `new`, None if nothing is."""
    if old == new:
        return None
    if not new:
        return f"I4: {key} was deleted"
    if key.entry == "TRIP":
        return _trip(old, new)
    if key.entry:
        return f"I4: {key.entry} was overwritten" if old else None
    if key.id.startswith("TRIP#"):
        return _booking(key, old or {}, new)
    return f"I3: {key.id} fell below 0" if new["taken"] < 0 else None


def _trip(old: Item | None, new: Item) -> str | None:
    if not old:
        return None if new["status"] == BOOKING else f"I4: a trip began as {new['status']}"
    if any(old[name] != new[name] for name in NAMES):
        return "I7: a trip's record was replaced"
    if new["status"] not in TRIP[old["status"]]:
        return f"I8: the trip went from {old['status']} to {new['status']}"
    if "goal" in old and new.get("goal") != old["goal"]:
        return f"I8: the trip's goal went from {old['goal']} to {new.get('goal')}"
    return None


def _booking(key: Key, old: Item, new: Item) -> str | None:
    if old and old["saga_id"] != new["saga_id"]:
        return f"I7: {key.table} booking of another saga replaced"
    change = (old.get("status"), new["status"])
    allowed = ((None, "BOOKED"), (None, CANCELLED), ("BOOKED", CANCELLED))
    return None if change in allowed else f"I2: a {key.table} booking went from {change[0]} to {change[1]}"
