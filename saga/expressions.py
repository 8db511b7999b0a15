"""A write of the port as a DynamoDB request.

Names and values enter expressions through placeholders only, so no text of a traveller is ever part of one.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from saga.ports import Change, Check, GiveBack, Item, Key, Put, Take, Write

Request = dict[str, Any]

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


def key(key: Key) -> Request:
    """Make the primary key: `id` in a participant's table, `trip_id` and `entry` in the saga log."""
    if key.entry:
        return {"trip_id": {"S": key.id}, "entry": {"S": key.entry}}
    return {"id": {"S": key.id}}


def request(prefix: str, write: Write) -> tuple[str, Request]:
    """Make the verb (Put, Update, ConditionCheck) and its parameters, for a transaction or a single call."""
    where = {
        "TableName": f"{prefix}-{write.key.table}",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    match write:
        case Put():
            absent = {
                "ConditionExpression": "attribute_not_exists(#key)",
                "ExpressionAttributeNames": {"#key": "entry" if write.key.entry else "id"},
            }
            return "Put", {**where, **absent, "Item": {**key(write.key), **marshal(write.item)}}
        case Check():
            return "ConditionCheck", {**where, "Key": key(write.key), **_owned(write)}
        case Change():
            return "Update", {**where, "Key": key(write.key), **_change(write)}
        case Take():
            return "Update", {**where, "Key": key(write.key), **_take(write)}
        case GiveBack():
            return "Update", {**where, "Key": key(write.key), **_count(-1, write.slots, "{slot} > :limit", 0)}


def marshal(item: Item) -> Request:
    """Turn attributes into DynamoDB's typed form."""
    return {name: _serialize(value) for name, value in item.items()}


def unmarshal(typed: Request) -> Item:
    """Turn DynamoDB's typed form into attributes; numbers become int, for the saga stores no others, sets lists."""
    return {name: _whole(_deserialize(value)) for name, value in typed.items()}


def _owned(write: Check | Change) -> Request:
    statuses = {f":is{n}": status for n, status in enumerate(write.statuses)}
    return {
        "ConditionExpression": f"#status IN ({', '.join(statuses)}) AND #saga_id = :saga_id",
        "ExpressionAttributeNames": {"#status": "status", "#saga_id": "saga_id"},
        "ExpressionAttributeValues": marshal({**statuses, ":saga_id": write.saga_id}),
    }


def _change(write: Change) -> Request:
    request = _owned(write)
    sets = {f"#set{n}": name for n, name in enumerate(write.set)}
    removes = {f"#remove{n}": name for n, name in enumerate(write.remove)}
    values = marshal({f":set{n}": value for n, value in enumerate(write.set.values())})
    clauses = {
        "SET": ", ".join(f"{name} = :set{n}" for n, name in enumerate(sets)),
        "REMOVE": ", ".join(removes),
        "ADD": "#booked :joins" if write.joins else "",
        "DELETE": "#booked :leaves" if write.leaves else "",
    }
    request["UpdateExpression"] = " ".join(f"{verb} {text}" for verb, text in clauses.items() if text)
    request["ExpressionAttributeNames"] |= sets | removes
    request["ExpressionAttributeValues"] |= values
    return _with_ledger(request, write)


def _with_ledger(request: Request, write: Change) -> Request:
    """Add the ledger's part: DynamoDB knows no empty set, so an empty ledger is an absent attribute."""
    told = {":joins": [write.joins], ":leaves": [write.leaves], ":ledger": write.ledger or ()}
    sets = {name: {"SS": sorted(some)} for name, some in told.items() if any(some)}
    if write.ledger is not None:
        held = "#booked = :ledger" if write.ledger else "attribute_not_exists(#booked)"
        request["ConditionExpression"] += f" AND {held}"
    if sets or write.ledger is not None:
        request["ExpressionAttributeNames"]["#booked"] = "booked"
        request["ExpressionAttributeValues"] |= sets
    return request


def _take(write: Take) -> Request:
    if write.capacity < 1:  # an absent slot would leave room for the first
        return _count(1, write.slots, "{slot} < :limit", 0)
    return _count(1, write.slots, "(attribute_not_exists({slot}) OR {slot} < :limit)", write.capacity)


def _count(step: int, slots: Sequence[str], condition: str, limit: int) -> Request:
    names = {f"#slot{n}": slot for n, slot in enumerate(slots)}
    return {
        "UpdateExpression": "ADD " + ", ".join(f"{name} :step" for name in names),
        "ConditionExpression": " AND ".join(condition.format(slot=name) for name in names),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": marshal({":step": step, ":limit": limit}),
    }


def _whole(value: Any) -> Any:
    match value:
        case Decimal():
            return int(value)
        case dict():
            return {name: _whole(inner) for name, inner in value.items()}
        case list():
            return [_whole(inner) for inner in value]
        case set():
            return sorted(value)
    return value
