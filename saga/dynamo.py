"""The storage port on DynamoDB; its errors become the saga's at this edge and are seen nowhere else."""

import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from saga import expressions
from saga.errors import TransientError
from saga.ports import Item, Key, Lost, Write

CONTENDED = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
"""Cancellation reasons that say nothing of the conditions: another transaction is at the item, or it is hot."""

CONFLICTS = {"TransactionConflictException", "TransactionInProgressException"}
"""Error codes of the same, for a write alone and for the same transaction sent twice."""

TRANSIENT = {
    "InternalServerError",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ThrottlingException",
}
"""Error codes after which the same call may succeed (DynamoDB Developer Guide, Error handling)."""

ATTEMPTS = 5
"""How often a contended write is tried here, before the state machine's retry takes over."""

KEPT, MOST_KEPT = 60.0, 1_000
"""For how many seconds, and how many, items are kept that need not be read consistently: offers."""


class Contended(Exception):
    """Another transaction holds the item, or the item is hot; tried again in this file and never seen outside."""


class DynamoStore:
    """Tables named `<prefix>-<short name>`, through one low-level client."""

    def __init__(self, client: Any, prefix: str, sleep: Callable[[float], None] = time.sleep) -> None:
        """Keep the client; `sleep` takes seconds and can be switched off."""
        self.client, self.prefix, self._sleep = client, prefix, sleep
        self._kept: dict[Key, tuple[float, Item]] = {}

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        """Return the item or None; raise TransientError when DynamoDB does not answer.

        What is not read consistently is kept for a minute, if it is there: what is new is seen at once.
        """
        if consistent:
            return self._get(key, consistent=True)
        kept = self._kept.get(key)
        if kept and time.monotonic() - kept[0] < KEPT:
            return kept[1]
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        if found := self._get(key, consistent=False):
            self._kept[key] = time.monotonic(), found
        return found

    def _get(self, key: Key, *, consistent: bool) -> Item | None:
        try:
            found = self.client.get_item(
                TableName=f"{self.prefix}-{key.table}", Key=expressions.key(key), ConsistentRead=consistent
            )
        except (ClientError, BotoCoreError) as error:
            raise _translated(error) from error
        return expressions.unmarshal(found["Item"]) if "Item" in found else None

    def write(self, writes: Mapping[str, Write]) -> None:
        """Write all or nothing; raise Lost if a condition fails, TransientError if it can't be known or done."""
        requests = [expressions.request(self.prefix, write) for write in writes.values()]
        for attempt in range(ATTEMPTS):
            try:
                return self._send(list(writes), requests)
            except Contended as contended:
                if attempt == ATTEMPTS - 1:
                    raise TransientError(str(contended)) from contended
                self._sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311  jitter is no secret
        return None

    def _send(self, names: list[str], requests: list[tuple[str, expressions.Request]]) -> None:
        try:
            match requests:
                case [("Put", put)]:  # alone it costs half of what it costs in a transaction
                    self.client.put_item(**put)
                case [("Update", update)]:
                    self.client.update_item(**update)
                case _:
                    items = [{verb: parameters} for verb, parameters in requests]
                    self.client.transact_write_items(TransactItems=items)
        except (ClientError, BotoCoreError) as error:
            raise _lost(names, error) or _translated(error) from error


def _lost(names: list[str], error: Exception) -> Exception | None:
    """Read which conditions failed; None if the error is about something else."""
    response: Mapping[str, Any] = error.response if isinstance(error, ClientError) else {}
    code = response.get("Error", {}).get("Code")
    if code == "ConditionalCheckFailedException":
        return Lost({names[0]: _standing(response)})
    if code != "TransactionCanceledException":
        return None
    reasons = dict(zip(names, response["CancellationReasons"], strict=True))
    if any(reason["Code"] in CONTENDED for reason in reasons.values()):
        return Contended(str(error))
    failed = {name: _standing(r) for name, r in reasons.items() if r["Code"] == "ConditionalCheckFailed"}
    return Lost(failed) if failed else None


def _standing(reason: Mapping[str, Any]) -> Item | None:
    return expressions.unmarshal(reason["Item"]) if reason.get("Item") else None


def _translated(error: Exception) -> Exception:
    """Make a TransientError of what may pass; a missing table or permission stays what it is."""
    if isinstance(error, ClientError):
        code = error.response["Error"]["Code"]
        if code in CONFLICTS:
            return Contended(str(error))
        return TransientError(str(error)) if code in TRANSIENT else error
    return TransientError(str(error))
