"""Lists of trips, from the indexes over their records, and a trip's log. What an index shows may be a moment old."""

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from heapq import merge
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from saga import expressions, log
from saga.errors import InvalidTrip, Problem, TransientError
from saga.lifecycle import SHARDS
from saga.ports import Item

_PLACE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3})Z,([A-Za-z0-9_-]{1,64})")
_UTC = "+00:00"


class Listing:
    """Reads the saga log of tables named `<prefix>-…`, page by page."""

    def __init__(self, client: Any, prefix: str) -> None:
        """Keep the client and the table's name."""
        self._client, self._table = client, f"{prefix}-{log.TABLE}"

    def unfinished(self) -> Iterator[Item]:
        """Yield the trips that are not settled, shard by shard, the oldest of each first; raise TransientError."""
        for shard in random.sample(range(SHARDS), SHARDS):  # no shard is always the one that time runs out on
            yield from self._pages({"unfinished": str(shard)}, IndexName="unfinished")

    def story(self, trip_id: str) -> list[Item]:
        """Return a trip's log in the order of its keys; raise TransientError."""
        return log.story(self._pages({"trip_id": trip_id}, ConsistentRead=True))

    def owned(self, owner: str, limit: int, after: str | None) -> tuple[list[Item], str | None]:
        """Return a page of an owner's trips, the newest first, and what asks for the next one: None behind the last.

        Raises InvalidTrip if `after` is not from an earlier page; TransientError.
        """
        query = self._query({"owner": owner}, IndexName="by-owner", ScanIndexForward=False, Limit=limit)
        if after is not None:
            query["ExclusiveStartKey"] = expressions.marshal({"owner": owner, "entry": "TRIP", **_place(after)})
        with _answering():
            page = self._client.query(**query)
            records = self._records([item["trip_id"]["S"] for item in page["Items"]])
        last = expressions.unmarshal(page["LastEvaluatedKey"]) if "LastEvaluatedKey" in page else None
        return records, _after(last) if last else None

    def newest(self, limit: int, after: str | None, status: str | None) -> tuple[list[Item], str | None]:
        """Return a page of all trips, the newest first, perhaps of one status; and what asks for the next one.

        Raises InvalidTrip if `after` is not from an earlier page; TransientError.
        """
        shards = [
            self._shard(str(shard), limit, _place(after) if after is not None else None, status)
            for shard in range(SHARDS)
        ]
        trips = list(islice(merge(*shards, key=_age, reverse=True), limit + 1))
        return trips[:limit], _after(trips[limit - 1]) if len(trips) > limit else None

    def _records(self, trip_ids: list[str]) -> list[Item]:
        """Read the records of at most 100 trips as they stand now: the index by owner carries nothing but keys."""
        found: dict[str, Item] = {}
        wanted = [{"trip_id": {"S": trip_id}, "entry": {"S": log.RECORD}} for trip_id in trip_ids]
        while wanted:  # a batch may be answered in part, but never not at all
            answer = self._client.batch_get_item(RequestItems={self._table: {"Keys": wanted, "ConsistentRead": True}})
            records = (expressions.unmarshal(item) for item in answer["Responses"][self._table])
            found |= {record["trip_id"]: record for record in records}
            wanted = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys", [])
        return [found[trip_id] for trip_id in trip_ids]

    def _shard(self, shard: str, limit: int, place: Item | None, status: str | None) -> Iterator[Item]:
        options: dict[str, Any] = {"IndexName": "newest", "ScanIndexForward": False, "Limit": limit + 1}
        if status:  # a filter is applied behind the limit, so the pages had better be large
            options |= {"FilterExpression": "#status = :status", "Limit": 1000}
        query = self._query({"shard": shard}, **options)
        if status:
            query["ExpressionAttributeNames"]["#status"] = "status"
            query["ExpressionAttributeValues"] |= expressions.marshal({":status": status})
        if place:
            query["KeyConditionExpression"] += " AND #created <= :created"
            query["ExpressionAttributeNames"]["#created"] = "created"
            query["ExpressionAttributeValues"] |= expressions.marshal({":created": place["created"]})
        for _, same_moment in groupby(self._paged(query), key=itemgetter("created")):
            trips = sorted(same_moment, key=_age, reverse=True)
            yield from (trip for trip in trips if place is None or _age(trip) < _age(place))

    def _pages(self, key: Item, **options: Any) -> Iterator[Item]:
        yield from self._paged(self._query(key, **options))

    def _paged(self, query: dict[str, Any]) -> Iterator[Item]:
        with _answering():
            for page in self._client.get_paginator("query").paginate(**query):
                yield from (expressions.unmarshal(item) for item in page["Items"])

    def _query(self, key: Item, **options: Any) -> dict[str, Any]:
        ((name, value),) = key.items()
        return {
            "TableName": self._table,
            "KeyConditionExpression": "#name = :value",
            "ExpressionAttributeNames": {"#name": name},
            "ExpressionAttributeValues": expressions.marshal({":value": value}),
            **options,
        }


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise TransientError(str(error)) from error


def _age(trip: Item) -> tuple[str, str]:
    """Order trips by when they were made; two of one millisecond by their id, so that a page ends somewhere."""
    return trip["created"], trip["trip_id"]


def _after(last: Item) -> str:
    """Say where a page ends; in a URL a plus would be a space, so UTC is a Z here."""
    return f"{last['created'].removesuffix(_UTC)}Z,{last['trip_id']}"


def _place(after: str) -> Item:
    """Read where a page ends. Nobody has to trust it: the partition it is used in is the asking owner's own."""
    found = _PLACE.fullmatch(after)
    if not found:
        raise InvalidTrip(Problem("/query/after", "expected the `after` of an earlier page"))
    return {"created": found[1] + _UTC, "trip_id": found[2]}
