"""A write of the port as a DynamoDB request.

Names and values enter expressions through placeholders only, so no text of a traveller is ever part of one.
"""

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
            return "Update", {**where, "Key": key(write.key), **_take(write.capacity)}
        case GiveBack():
            return "Update", {**where, "Key": key(write.key), **_count(-1, "#taken > :limit", 0)}


def marshal(item: Item) -> Request:
    """Turn attributes into DynamoDB's typed form."""
    return {name: _serialize(value) for name, value in item.items()}


def unmarshal(typed: Request) -> Item:
    """Turn DynamoDB's typed form into attributes; numbers become int, for the saga stores no others."""
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
    update = "SET " + ", ".join(f"{name} = :set{n}" for n, name in enumerate(sets))
    if removes:
        update += " REMOVE " + ", ".join(removes)
    request["UpdateExpression"] = update
    request["ExpressionAttributeNames"] |= sets | removes
    request["ExpressionAttributeValues"] |= marshal({f":set{n}": value for n, value in enumerate(write.set.values())})
    return request


def _take(capacity: int) -> Request:
    if capacity < 1:  # an absent counter would leave room for the first
        return _count(1, "#taken < :limit", 0)
    return _count(1, "attribute_not_exists(#taken) OR #taken < :limit", capacity)


def _count(step: int, condition: str, limit: int) -> Request:
    return {
        "UpdateExpression": "ADD #taken :step",
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {"#taken": "taken"},
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
    return value
