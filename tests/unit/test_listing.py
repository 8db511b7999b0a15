"""Lists of trips: newest first, page by page, whatever was made in the same moment; and a trip's whole story."""

import random
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from moto import mock_aws

from saga import expressions, log
from saga.dynamo import DynamoStore
from saga.errors import InvalidTrip, TransientError
from saga.lifecycle import SHARDS
from saga.listing import Listing
from saga.log import Call
from saga.ports import Change, Put
from saga.trip import CONFIRMED, ROLLED_BACK
from tests.contract.conftest import dynamo

COUNT = 32
STATUSES = (CONFIRMED, ROLLED_BACK, ROLLED_BACK)


@pytest.fixture(scope="module")
def store() -> Iterator[DynamoStore]:
    """A log of trips, four in each millisecond."""
    with mock_aws(), dynamo(None) as made:
        dice = random.Random(1)  # noqa: S311  a shuffle that is the same each time
        for number in dice.sample(range(COUNT), COUNT):
            created = f"2026-01-01T00:00:00.{number // 4:03}+00:00"
            facts = {"status": STATUSES[number % 3], "created": created, "shard": str(number % SHARDS // 2)}
            made.write({"trip": Put(log.trip_key(f"trip-{number:02}"), facts)})
        yield made


def pages(store: DynamoStore, limit: int, status: str | None = None) -> list[str]:
    """Read page by page; return the trip_ids in the order they came."""
    listing, seen, after = Listing(store.client, store.prefix), [], None
    while True:
        trips, after = listing.newest(limit, after, status)
        assert len(trips) <= limit
        seen += [trip["trip_id"] for trip in trips]
        if after is None:
            return seen


@pytest.mark.parametrize("limit", [1, 7, 20, 31, 32, 100])
def test_all_trips_come_once_newest_first(store: DynamoStore, limit: int) -> None:
    """However large a page is, all trips come, each once, the newest first."""
    assert pages(store, limit) == [f"trip-{number:02}" for number in reversed(range(COUNT))]


@pytest.mark.parametrize("status", [CONFIRMED, ROLLED_BACK])
def test_a_status_leaves_the_others_out(store: DynamoStore, status: str) -> None:
    """Only trips of the wanted status come, all of them, the newest first."""
    wanted = [f"trip-{n:02}" for n in reversed(range(COUNT)) if STATUSES[n % 3] == status]
    assert pages(store, 6, status) == wanted


@pytest.mark.parametrize("after", ["", "x", "2026-01-01T00:00:00.000Z,"])
def test_a_place_that_is_none_is_refused(store: DynamoStore, after: str) -> None:
    """What no page ended with is bad input."""
    with pytest.raises(InvalidTrip):
        Listing(store.client, store.prefix).newest(1, after, None)


@pytest.fixture
def owned(store: DynamoStore) -> Iterator[str]:
    """An owner with five trips, newer than all others: what is listed of them stands in their records alone."""
    keys = [log.trip_key(f"anns-{number}") for number in range(5)]
    for number, key in enumerate(keys):
        created = f"2026-02-01T00:00:00.00{number}+00:00"
        store.write({"trip": Put(key, {"owner": "ann", "status": CONFIRMED, "created": created, "saga_id": "s"})})
    store.write({"trip": Change(keys[2], (CONFIRMED,), "s", {"status": ROLLED_BACK})})
    yield "ann"
    for key in keys:
        store.client.delete_item(TableName=f"{store.prefix}-saga-log", Key=expressions.key(key))


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
def test_an_owners_trips_are_listed_as_they_stand(store: DynamoStore, owned: str, limit: int) -> None:
    """An owner's trips come newest first, page by page, each with what its record says now."""
    listing, seen, after = Listing(store.client, store.prefix), [], None
    while after or not seen:
        trips, after = listing.owned(owned, limit, after)
        seen += [(trip["trip_id"], trip["status"]) for trip in trips]
    statuses = [CONFIRMED, CONFIRMED, ROLLED_BACK, CONFIRMED, CONFIRMED]
    assert seen == [(f"anns-{4 - n}", status) for n, status in enumerate(statuses)]


def test_an_owner_without_trips_has_an_empty_page(store: DynamoStore) -> None:
    """Nobody's trips are an empty page, and nothing follows it."""
    assert Listing(store.client, store.prefix).owned("nobody", 20, None) == ([], None)


class Partly:
    """A client that answers a batch in part: one record at a time."""

    def __init__(self, client: Any) -> None:
        self.client, self.batches = client, 0

    def query(self, **query: Any) -> Any:
        return self.client.query(**query)

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> Any:  # noqa: N803  the SDK's own name
        ((table, wanted),) = RequestItems.items()
        first, rest = wanted["Keys"][:1], wanted["Keys"][1:]
        self.batches += 1
        answer = self.client.batch_get_item(RequestItems={table: {**wanted, "Keys": first}})
        return answer | ({"UnprocessedKeys": {table: {**wanted, "Keys": rest}}} if rest else {})


def test_a_batch_that_is_answered_in_part_is_asked_for_again(store: DynamoStore, owned: str) -> None:
    """What DynamoDB leaves out of a batch is asked for again, and the order of the page stays."""
    partly = Partly(store.client)
    trips, _ = Listing(partly, store.prefix).owned(owned, 20, None)
    assert ([trip["trip_id"] for trip in trips], partly.batches) == ([f"anns-{n}" for n in (4, 3, 2, 1, 0)], 5)


def test_a_story_is_read_whole(store: DynamoStore) -> None:
    """A trip's log is read with its record, which begins it, and each item tells all its lines."""
    call = Call("told", "s", 0, 1, "BookHotel", 0)
    store.write({"trip": Put(log.trip_key("told"), {"created": "1"})})
    store.write({"outcome": log.outcome(call, log.END, "3", "2", ended=CONFIRMED)})
    told = Listing(store.client, store.prefix).story("told")
    assert [(line["step"], line["kind"], line["at"]) for line in told] == [
        ("Saga", "BEGIN", "1"),
        ("BookHotel", "START", "2"),
        ("BookHotel", "END", "3"),
        ("Saga", "END", "3"),
    ]


@pytest.mark.parametrize("error", [EndpointConnectionError, ConnectTimeoutError, ReadTimeoutError])
@pytest.mark.parametrize("silent", ["query", "batch_get_item", "get_paginator"])
def test_silence_is_transient(store: DynamoStore, owned: str, silent: str, error: type[Exception]) -> None:
    """Where DynamoDB does not answer a list or a story, it may do so later: that is a TransientError."""

    def fall_silent(*_arguments: Any, **_named: Any) -> Any:
        raise error(endpoint_url="https://dynamodb", error="silence")

    client = SimpleNamespace(query=store.client.query, batch_get_item=store.client.batch_get_item)
    setattr(client, silent, fall_silent)
    listing = Listing(client, store.prefix)
    with pytest.raises(TransientError):
        listing.story("trip-01") if silent == "get_paginator" else listing.owned(owned, 20, None)
