"""Loads what can be booked into the participants' tables."""

import json
from pathlib import Path
from typing import Any

from tools.local.environment import ROOT
from tools.stage import Stage, UsageError

OFFERS = ROOT / "infra" / "offers.json"
Offers = dict[str, dict[str, int]]


def load(stage: Stage, path: Path = OFFERS) -> int:
    """Put each offer that is not there yet, so that an operator's change of a capacity stays; return how many were put.

    Unreachable when the stage cannot be reached, UsageError when the file is not what `read` expects.
    """
    dynamodb = stage.resource("dynamodb")
    added = 0
    with stage.reaching():
        for participant, offers in read(path).items():
            table = dynamodb.Table(stage.table(participant))
            added += sum(_put(table, what, capacity) for what, capacity in offers.items())
    return added


def loaded(stage: Stage, path: Path = OFFERS) -> bool:
    """Whether the stage has the first offer: a bare `npx sls deploy` makes the tables, but loads nothing."""
    participant, offers = next(iter(read(path).items()))
    key = {"id": f"OFFER#{next(iter(offers))}"}
    with stage.reaching():
        return "Item" in stage.resource("dynamodb").Table(stage.table(participant)).get_item(Key=key)


def read(path: Path = OFFERS) -> Offers:
    """Participant → what → capacity, a whole number of 0 or more. UsageError names the entry that is not."""
    try:
        offers: Offers = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"{path.name}: {error}") from error
    for participant, entries in offers.items():
        for what, capacity in entries.items():
            if type(capacity) is not int or capacity < 0:
                raise UsageError(
                    f"{path.name}: /{participant}/{what} is {capacity!r}; expected a whole number of 0 or more"
                )
    return offers


def _put(table: Any, what: str, capacity: int) -> bool:
    exists = table.meta.client.exceptions.ConditionalCheckFailedException
    try:
        table.put_item(
            Item={"id": f"OFFER#{what}", "capacity": capacity},
            ConditionExpression="attribute_not_exists(id)",
        )
    except exists:
        return False
    return True
