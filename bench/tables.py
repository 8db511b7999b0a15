"""Tables like the product's under another prefix, for measurements that the product must not see."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from bench.lab import NOTHING, PLENTY, Lab
from saga.log import TABLE
from saga.trip import PARTICIPANTS

KINDS = (TABLE, *PARTICIPANTS)
_INDEX = ("IndexName", "KeySchema", "Projection")
BATCH = 25
"""Items that one BatchWriteItem takes."""


@contextmanager
def tables(lab: Lab, prefix: str) -> Iterator[Any]:
    """Make empty tables with the product's keys and indexes and its offers; yield a client; drop them."""
    client = lab.stage.client("dynamodb")
    for kind in KINDS:
        found = client.describe_table(TableName=lab.stage.table(kind))["Table"]
        indexes = [{name: index[name] for name in _INDEX} for index in found.get("GlobalSecondaryIndexes", [])]
        client.create_table(
            TableName=f"{prefix}-{kind}",
            KeySchema=found["KeySchema"],
            AttributeDefinitions=found["AttributeDefinitions"],
            BillingMode="PAY_PER_REQUEST",
            **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
        )
    for offers, capacity in ((PLENTY, 1_000_000), (NOTHING, 0)):
        for participant, what in offers.items():
            item = {"id": {"S": f"OFFER#{what}"}, "capacity": {"N": f"{capacity}"}}
            client.put_item(TableName=f"{prefix}-{participant}", Item=item)
    try:
        yield client
    finally:
        for kind in KINDS:
            client.delete_table(TableName=f"{prefix}-{kind}")


def put(client: Any, table: str, items: Sequence[dict[str, Any]]) -> None:
    """Put items, as many in a call as it takes."""
    for first in range(0, len(items), BATCH):
        batch = [{"PutRequest": {"Item": item}} for item in items[first : first + BATCH]]
        client.batch_write_item(RequestItems={table: batch})
