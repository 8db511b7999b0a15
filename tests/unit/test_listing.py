"""The list of all trips: newest first over all shards, page by page, whatever was made in the same moment."""

import random
from collections.abc import Iterator

import pytest
from moto import mock_aws

from saga import log
from saga.dynamo import DynamoStore
from saga.errors import InvalidTrip
from saga.lifecycle import SHARDS
from saga.listing import Listing
from saga.ports import Put
from saga.trip import CONFIRMED, ROLLED_BACK
from tests.contract.conftest import dynamo

COUNT = 60
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


@pytest.mark.parametrize("limit", [1, 7, 20, 59, 60, 100])
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
