"""Lists of trips, from the indexes over their records. What an index shows may be a moment old."""

import random
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from saga import expressions, log
from saga.errors import TransientError
from saga.lifecycle import SHARDS
from saga.ports import Item


class Listing:
    """Reads the indexes of the saga log of tables named `<prefix>-…`, page by page."""

    def __init__(self, client: Any, prefix: str) -> None:
        """Keep the client and the table's name."""
        self._client, self._table = client, f"{prefix}-{log.TABLE}"

    def unfinished(self) -> Iterator[Item]:
        """Yield the trips that are not settled, shard by shard, the oldest of each first; raise TransientError."""
        for shard in random.sample(range(SHARDS), SHARDS):  # no shard is always the one that time runs out on
            yield from self._query("unfinished", "unfinished", str(shard))

    def _query(self, index: str, name: str, value: str) -> Iterator[Item]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName=index,
            KeyConditionExpression="#name = :value",
            ExpressionAttributeNames={"#name": name},
            ExpressionAttributeValues={":value": {"S": value}},
        )
        try:
            for page in pages:
                yield from (expressions.unmarshal(item) for item in page["Items"])
        except (ClientError, BotoCoreError) as error:
            raise TransientError(str(error)) from error
