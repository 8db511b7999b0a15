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
    Change(LOGGED, (HOSTILE,), HOSTILE, {HOSTILE: HOSTILE}, joins=HOSTILE, ledger=[HOSTILE]),
    Change(LOGGED, (HOSTILE,), HOSTILE, leaves=HOSTILE, ledger=[]),
    Change(LOGGED, (HOSTILE,), HOSTILE, {HOSTILE: HOSTILE}, ledger=[]),
    Take(HOTEL, [HOSTILE, "d02"], 2),
    Take(HOTEL, [HOSTILE], 0),
    GiveBack(HOTEL, [HOSTILE]),
]
"""Every kind of write, made of nothing but a text that would be an expression."""

# What an expression may be made of: placeholders, DynamoDB's own words, and nothing of anybody else's.
GRAMMAR = re.compile(r"(?:[#:][a-z_]+[0-9]*|SET|REMOVE|ADD|DELETE|IN|AND|OR|attribute_not_exists|[<>=(), ])*")


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
        (WRITES[7], "Update"),
        (WRITES[9], "Update"),
    ],
)
def test_verbs(write: Write, verb: str) -> None:
    """A put is a Put, a check a ConditionCheck, and all else an Update."""
    assert expressions.request("prefix", write)[0] == verb


def test_tables_carry_the_prefix() -> None:
    """A short table name becomes the stage's table."""
    assert sent(Take(HOTEL, ["d01"], 1))["TableName"] == "prefix-hotel"


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
    assert sent(Take(HOTEL, ["d01"], 0))["ConditionExpression"] == "#slot0 < :limit"
    room = "(attribute_not_exists(#slot0) OR #slot0 < :limit)"
    assert sent(Take(HOTEL, ["d01"], 1))["ConditionExpression"] == room


def test_every_slot_is_a_condition() -> None:
    """Each slot that is taken or given back is counted, and held to its own limit."""
    take, back = sent(Take(HOTEL, ["d01", "d02"], 1)), sent(GiveBack(HOTEL, ["d01", "d02"]))
    assert take["UpdateExpression"] == back["UpdateExpression"] == "ADD #slot0 :step, #slot1 :step"
    rooms = [f"(attribute_not_exists(#slot{n}) OR #slot{n} < :limit)" for n in range(2)]
    assert take["ConditionExpression"] == " AND ".join(rooms)
    assert back["ConditionExpression"] == "#slot0 > :limit AND #slot1 > :limit"
    assert take["ExpressionAttributeNames"] == {"#slot0": "d01", "#slot1": "d02"}


@pytest.mark.parametrize(
    ("ledger", "condition", "held"),
    [
        (None, "", None),
        ((), " AND attribute_not_exists(#booked)", None),
        (("hotel", "flight"), " AND #booked = :ledger", {"SS": ["flight", "hotel"]}),
    ],
)
def test_a_ledger_is_a_string_set(ledger: Any, condition: str, held: Any) -> None:
    """What the ledger must hold is a set of texts, in no order; an empty one is an absent attribute."""
    request = sent(Change(LOGGED, ("BOOKING",), "mine", {"status": "X"}, ledger=ledger))
    assert request["ConditionExpression"] == f"#status IN (:is0) AND #saga_id = :saga_id{condition}"
    assert request["ExpressionAttributeValues"].get(":ledger") == held


def test_a_ledger_is_joined_and_left() -> None:
    """One participant is added to the set, or deleted from it, beside whatever else changes."""
    joined = sent(Change(LOGGED, ("BOOKING",), "mine", {"status": "X"}, ("old",), joins="car"))
    assert joined["UpdateExpression"] == "SET #set0 = :set0 REMOVE #remove0 ADD #booked :joins"
    assert joined["ExpressionAttributeValues"][":joins"] == {"SS": ["car"]}
    left = sent(Change(LOGGED, ("BOOKING",), "mine", leaves="car"))
    assert left["UpdateExpression"] == "DELETE #booked :leaves"
    assert left["ExpressionAttributeNames"]["#booked"] == "booked"
    assert left["ExpressionAttributeValues"][":leaves"] == {"SS": ["car"]}


def test_a_set_reads_as_a_sorted_list() -> None:
    """DynamoDB's sets have no order, so what is read of one is sorted."""
    typed = {"booked": {"SS": ["hotel", "car", "flight"]}, "deep": {"M": {"in": {"SS": ["b", "a"]}}}}
    assert expressions.unmarshal(typed) == {"booked": ["car", "flight", "hotel"], "deep": {"in": ["a", "b"]}}


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
