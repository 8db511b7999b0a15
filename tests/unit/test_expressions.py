"""A write as a DynamoDB request: every text of a traveller is a value or a key, never part of an expression."""

import re
from decimal import Decimal
from typing import Any

import pytest

from saga import expressions
from saga.ports import Change, Check, GiveBack, Item, Key, Put, Take, Write

HOSTILE = "x) OR #taken < :limit OR attribute_exists(#key"
HOTEL = Key("hotel", HOSTILE)
LOGGED = Key("saga-log", HOSTILE, HOSTILE)

WRITES: list[Write] = [
    Put(HOTEL, {HOSTILE: HOSTILE}),
    Put(LOGGED, {HOSTILE: HOSTILE}),
    Check(LOGGED, (HOSTILE, HOSTILE), HOSTILE),
    Change(LOGGED, (HOSTILE,), HOSTILE, {HOSTILE: HOSTILE, "status": HOSTILE}, (HOSTILE,)),
    Take(HOTEL, 2),
    Take(HOTEL, 0),
    GiveBack(HOTEL),
]
"""Every kind of write, made of nothing but a text that would be an expression."""

# What an expression may be made of: placeholders, DynamoDB's own words, and nothing of anybody else's.
GRAMMAR = re.compile(r"(?:[#:][a-z_]+[0-9]*|SET|REMOVE|ADD|IN|AND|OR|attribute_not_exists|[<>=(), ])*")


def sent(write: Write) -> dict[str, Any]:
    """The request that is made of a write."""
    return expressions.request("prefix", write)[1]


@pytest.mark.parametrize("write", WRITES, ids=lambda write: type(write).__name__)
def test_no_text_is_part_of_an_expression(write: Write) -> None:
    """Expressions consist of placeholders and DynamoDB's own words."""
    texts = [text for name, text in sent(write).items() if name.endswith("Expression")]
    assert texts
    assert all(GRAMMAR.fullmatch(text) for text in texts)


@pytest.mark.parametrize("write", WRITES, ids=lambda write: type(write).__name__)
def test_placeholders_are_all_used(write: Write) -> None:
    """Every placeholder that is defined is used and the other way round, or DynamoDB refuses the request."""
    request = sent(write)
    used = set(re.findall(r"[#:]\w+", " ".join(text for name, text in request.items() if name.endswith("Expression"))))
    names = request["ExpressionAttributeNames"]
    assert used == set(names) | set(request.get("ExpressionAttributeValues", {}))


@pytest.mark.parametrize("write", WRITES, ids=lambda write: type(write).__name__)
def test_every_write_is_conditional(write: Write) -> None:
    """There is no write without a condition, and each asks for what stands when it fails."""
    assert sent(write)["ConditionExpression"]
    assert sent(write)["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"


@pytest.mark.parametrize(
    ("write", "verb"),
    [
        (WRITES[0], "Put"),
        (WRITES[2], "ConditionCheck"),
        (WRITES[3], "Update"),
        (WRITES[4], "Update"),
        (WRITES[6], "Update"),
    ],
)
def test_verbs(write: Write, verb: str) -> None:
    """A put is a Put, a check a ConditionCheck, and all else an Update."""
    assert expressions.request("prefix", write)[0] == verb


def test_tables_carry_the_prefix() -> None:
    """A short table name becomes the stage's table."""
    assert sent(Take(HOTEL, 1))["TableName"] == "prefix-hotel"


def test_keys() -> None:
    """A participant's item is found by id, one of the saga log by trip and entry."""
    assert expressions.key(Key("car", "TRIP#1")) == {"id": {"S": "TRIP#1"}}
    assert expressions.key(Key("saga-log", "1", "TRIP")) == {"trip_id": {"S": "1"}, "entry": {"S": "TRIP"}}


@pytest.mark.parametrize("key", [HOTEL, LOGGED])
def test_a_put_carries_its_key(key: Key) -> None:
    """A put item has its key's attributes, and the condition is on one of them."""
    put = sent(Put(key, {"taken": 1}))
    assert put["Item"].items() >= expressions.key(key).items()
    assert put["ExpressionAttributeNames"]["#key"] in expressions.key(key)


def test_no_capacity_leaves_no_room() -> None:
    """A take of no capacity needs a counter below nothing, so that not even an absent counter leaves room."""
    assert sent(Take(HOTEL, 0))["ConditionExpression"] == "#taken < :limit"
    assert sent(Take(HOTEL, 1))["ConditionExpression"] == "attribute_not_exists(#taken) OR #taken < :limit"


@pytest.mark.parametrize(
    "item",
    [
        {"n": 0, "big": 10**30, "negative": -1},
        {"text": "🏨 فندق", "empty": ""},
        {"list": [1, ["x", {"deep": 2}]], "map": {"a": {"b": [3]}}, "none": None, "yes": True},
        {},
    ],
)
def test_items_survive_the_round_trip(item: Item) -> None:
    """What is marshalled comes back equal, whole numbers as int at any depth."""
    back = expressions.unmarshal(expressions.marshal(item))
    assert back == item
    assert not any(isinstance(value, Decimal) for value in flat(back))


def flat(value: Any) -> list[Any]:
    """Every value in a nest of lists and maps."""
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    return [value] if inner is None else [leaf for part in inner for leaf in flat(part)]
