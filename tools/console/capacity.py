"""The capacity that a trip takes: of each offer how much there is, and for each day how much of it is taken now."""

from typing import Any

from saga.booking import counter
from saga.errors import InvalidTrip, TransientError
from saga.expressions import marshal, unmarshal
from saga.ports import Item, Key
from saga.trip import PARTICIPANTS
from tools.stage import Stage


def read(stage: Stage, request: dict[str, Any]) -> dict[str, Any]:
    """Return `{participant: {"offer", "capacity", "days": [{"day", "taken"}]}}`; a capacity is None if not offered.

    Raises Unreachable.
    """
    try:
        parts = {name: kind.parse(request[name]) for name, kind in PARTICIPANTS.items() if name in request}
    except InvalidTrip:  # a record that other rules let in
        return {}
    offers = {name: Key(name, f"OFFER#{part.offer}") for name, part in parts.items()}
    months = {
        name: {counter(name, month): slots for month, slots in part.takes.items()} for name, part in parts.items()
    }
    items = _get(stage, [*offers.values(), *(key for counters in months.values() for key in counters)])
    return {
        name: {
            "offer": part.offer,
            "capacity": items.get(offers[name], {}).get("capacity"),
            "days": [_day(key, slot, items) for key, slots in months[name].items() for slot in slots],
        }
        for name, part in parts.items()
    }


def _day(key: Key, slot: str, items: dict[Key, Item]) -> dict[str, Any]:
    month = key.id.rpartition("#")[2]
    return {"day": f"{month}-{slot.removeprefix('d')}", "taken": items.get(key, {}).get(slot, 0)}


def _get(stage: Stage, keys: list[Key]) -> dict[Key, Item]:
    """Read an offer and two months of each participant, in one call; a batch takes 100 items."""
    tables = {stage.table(key.table): key.table for key in keys}
    asked = {
        table: {"Keys": [marshal({"id": key.id}) for key in keys if key.table == kind], "ConsistentRead": True}
        for table, kind in tables.items()
    }
    with stage.reaching():
        answer = stage.client("dynamodb").batch_get_item(RequestItems=asked)
        if answer["UnprocessedKeys"]:
            raise TransientError("a batch was answered in part")
    items = ((tables[table], unmarshal(item)) for table, found in answer["Responses"].items() for item in found)
    return {Key(kind, item["id"]): item for kind, item in items}
