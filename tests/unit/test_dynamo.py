"""DynamoDB's errors become the saga's at its edge: what was lost, what may pass, and what must be seen as it is."""

from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)
from botocore.stub import Stubber

from saga.dynamo import ATTEMPTS, TRANSIENT, DynamoStore
from saga.errors import TransientError
from saga.ports import Check, Key, Lost, Put, Take, Write

KEY = Key("hotel", "TRIP#1")
ONE: Mapping[str, Write] = {"booking": Put(KEY, {"status": "BOOKED"})}
TWO: Mapping[str, Write] = {
    "trip": Check(Key("saga-log", "1", "TRIP"), ("BOOKING",), "saga"),
    "take": Take(KEY, ["d01"], 1),
}
STANDS = {"id": {"S": "TRIP#1"}, "d01": {"N": "1"}}
READ = {"id": "TRIP#1", "d01": 1}


@pytest.fixture(scope="module")
def client() -> Any:
    """A client that has no one to talk to."""
    return boto3.client(
        "dynamodb",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106
    )


@pytest.fixture
def naps() -> list[float]:
    """How long the store slept, each time."""
    return []


@pytest.fixture
def stub(client: Any) -> Iterator[Stubber]:
    """What DynamoDB answers, in order; a call more than that fails the test."""
    with Stubber(client) as stub:
        yield stub


@pytest.fixture
def dynamo(stub: Stubber, naps: list[float]) -> DynamoStore:
    """A store whose client answers as `stub` says, and which sleeps in no time."""
    return DynamoStore(stub.client, "prefix", naps.append)


def cancelled(stub: Stubber, *reasons: dict[str, Any]) -> None:
    """Let a transaction be cancelled for these reasons, one for each write."""
    stub.add_client_error(
        "transact_write_items", "TransactionCanceledException", modeled_fields={"CancellationReasons": list(reasons)}
    )


def test_a_condition_that_failed_is_lost(dynamo: DynamoStore, stub: Stubber) -> None:
    """A transaction's failed condition is named, with the item that stands there."""
    cancelled(stub, {"Code": "None"}, {"Code": "ConditionalCheckFailed", "Item": STANDS})
    with pytest.raises(Lost) as lost:
        dynamo.write(TWO)
    assert lost.value.standing == {"take": READ}


def test_every_condition_that_failed_is_named(dynamo: DynamoStore, stub: Stubber) -> None:
    """All failed conditions are named; where no item stands the answer is None."""
    cancelled(stub, {"Code": "ConditionalCheckFailed"}, {"Code": "ConditionalCheckFailed", "Item": STANDS})
    with pytest.raises(Lost) as lost:
        dynamo.write(TWO)
    assert lost.value.standing == {"trip": None, "take": READ}


@pytest.mark.parametrize(("fields", "standing"), [({"Item": STANDS}, READ), ({}, None)])
def test_a_single_write_is_lost_alike(
    dynamo: DynamoStore, stub: Stubber, fields: dict[str, Any], standing: Any
) -> None:
    """A write on its own that fails its condition says the same as in a transaction."""
    stub.add_client_error("put_item", "ConditionalCheckFailedException", modeled_fields=fields)
    with pytest.raises(Lost) as lost:
        dynamo.write(ONE)
    assert lost.value.standing == {"booking": standing}


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_contention_passes(dynamo: DynamoStore, stub: Stubber, naps: list[float], code: str) -> None:
    """A transaction in another's way is tried again here, after a nap, up to the fifth time."""
    for _ in range(ATTEMPTS - 1):
        cancelled(stub, {"Code": code}, {"Code": "None"})
    stub.add_response("transact_write_items", {})
    dynamo.write(TWO)
    assert len(naps) == ATTEMPTS - 1 == 4
    assert all(0 <= nap <= 0.05 * 2**n for n, nap in enumerate(naps))


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_contention_that_stays_is_transient(dynamo: DynamoStore, stub: Stubber, naps: list[float], code: str) -> None:
    """After five times the state machine's retry takes over, and no nap follows the last."""
    for _ in range(ATTEMPTS):
        cancelled(stub, {"Code": code}, {"Code": "None"})
    with pytest.raises(TransientError) as transient:
        dynamo.write(TWO)
    assert type(transient.value) is TransientError  # the bare class name is what the state machine sees
    assert len(naps) == ATTEMPTS - 1
    stub.assert_no_pending_responses()


def test_contention_outweighs_a_failed_condition(dynamo: DynamoStore, stub: Stubber) -> None:
    """Where one write met another transaction and one failed its condition, both are tried again."""
    cancelled(stub, {"Code": "ConditionalCheckFailed", "Item": STANDS}, {"Code": "TransactionConflict"})
    cancelled(stub, {"Code": "None"}, {"Code": "ConditionalCheckFailed"})
    with pytest.raises(Lost) as lost:
        dynamo.write(TWO)
    assert set(lost.value.standing) == {"take"}


def test_a_single_write_meets_contention_alike(dynamo: DynamoStore, stub: Stubber, naps: list[float]) -> None:
    """A write on its own that meets a transaction is tried again here, too."""
    stub.add_client_error("put_item", "TransactionConflictException")
    stub.add_response("put_item", {})
    dynamo.write(ONE)
    assert len(naps) == 1


@pytest.mark.parametrize("code", sorted(TRANSIENT))
def test_what_may_pass_is_transient(dynamo: DynamoStore, stub: Stubber, code: str) -> None:
    """Throttling and trouble inside DynamoDB are TransientErrors of a read, whose cause is kept."""
    stub.add_client_error("get_item", code)
    with pytest.raises(TransientError) as transient:
        dynamo.get(KEY)
    assert isinstance(transient.value.__cause__, ClientError)


@pytest.mark.parametrize("code", sorted(TRANSIENT - {"TransactionConflictException"}))
@pytest.mark.parametrize(("writes", "operation"), [(ONE, "put_item"), (TWO, "transact_write_items")])
def test_a_write_that_may_pass_is_transient(
    dynamo: DynamoStore, stub: Stubber, writes: Mapping[str, Write], operation: str, code: str
) -> None:
    """The same for writes, alone and in a transaction."""
    stub.add_client_error(operation, code)
    with pytest.raises(TransientError):
        dynamo.write(writes)


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException", "ValidationException"])
def test_what_never_passes_stays_itself(dynamo: DynamoStore, stub: Stubber, code: str) -> None:
    """A missing permission or table, or a request that makes no sense, is not called transient."""
    stub.add_client_error("get_item", code)
    stub.add_client_error("transact_write_items", code)
    for call in (lambda: dynamo.get(KEY), lambda: dynamo.write(TWO)):
        with pytest.raises(ClientError, match=code):
            call()


@pytest.mark.parametrize("code", ["ValidationError", "ItemCollectionSizeLimitExceeded", "AccessDenied"])
def test_a_cancellation_for_other_reasons_stays_itself(dynamo: DynamoStore, stub: Stubber, code: str) -> None:
    """A transaction that can never succeed is neither lost nor transient."""
    cancelled(stub, {"Code": "None"}, {"Code": code})
    with pytest.raises(ClientError, match="TransactionCanceledException"):
        dynamo.write(TWO)


@pytest.mark.parametrize(
    "error", [ReadTimeoutError, ConnectTimeoutError, ConnectionClosedError, EndpointConnectionError, HTTPClientError]
)
def test_silence_is_transient(error: type[Exception]) -> None:
    """Where DynamoDB does not answer nobody knows what landed: that is a TransientError, of reads and writes."""

    class Silent:
        def get_item(self, **_: Any) -> None:
            raise error(endpoint_url="https://dynamodb", error="silence")

        put_item = transact_write_items = get_item

    silent = DynamoStore(Silent(), "prefix", lambda _: None)
    for call in (lambda: silent.get(KEY), lambda: silent.write(ONE), lambda: silent.write(TWO)):
        with pytest.raises(TransientError):
            call()


@pytest.mark.parametrize("consistent", [True, False])
def test_reads_say_how_fresh(dynamo: DynamoStore, stub: Stubber, consistent: bool) -> None:
    """A read is consistent unless it need not be, of the stage's table."""
    expected = {"TableName": "prefix-hotel", "Key": {"id": {"S": "TRIP#1"}}, "ConsistentRead": consistent}
    stub.add_response("get_item", {"Item": STANDS}, expected)
    assert dynamo.get(KEY, consistent=consistent) == READ


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the store's clock shows, as its only element."""
    shown = [1_000.0]
    monkeypatch.setattr("saga.dynamo.time.monotonic", lambda: shown[0])
    return shown


def test_an_offer_is_kept_for_a_minute(dynamo: DynamoStore, stub: Stubber, clock: list[float]) -> None:
    """What need not be read consistently is read once a minute; the stub fails a call that is not expected."""
    stub.add_response("get_item", {"Item": STANDS})
    assert dynamo.get(KEY, consistent=False) == READ
    clock[0] += 59.75
    assert dynamo.get(KEY, consistent=False) == READ
    clock[0] += 0.25
    stub.add_response("get_item", {"Item": {**STANDS, "d01": {"N": "2"}}})
    assert dynamo.get(KEY, consistent=False) == {**READ, "d01": 2}
    stub.assert_no_pending_responses()


@pytest.mark.usefixtures("clock")
def test_what_is_not_there_is_not_kept(dynamo: DynamoStore, stub: Stubber) -> None:
    """An offer that is new is seen at once: nothing is kept of what was not found."""
    stub.add_response("get_item", {})
    stub.add_response("get_item", {"Item": STANDS})
    assert [dynamo.get(KEY, consistent=False) for _ in range(2)] == [None, READ]


@pytest.mark.usefixtures("clock")
def test_a_consistent_read_is_never_kept(dynamo: DynamoStore, stub: Stubber) -> None:
    """A consistent read asks DynamoDB each time, whatever is kept, and keeps nothing for the others."""
    for answer in ({"Item": STANDS}, {"Item": STANDS}, {}):
        stub.add_response("get_item", answer)
    assert [dynamo.get(KEY, consistent=fresh) for fresh in (True, False, True)] == [READ, READ, None]
    assert dynamo.get(KEY, consistent=False) == READ
    stub.assert_no_pending_responses()


@pytest.mark.usefixtures("clock")
def test_each_item_is_kept_on_its_own(dynamo: DynamoStore, stub: Stubber) -> None:
    """What is kept is told apart by its whole key."""
    keys = [Key("hotel", "OFFER#Inn"), Key("car", "OFFER#Inn")]
    for number in range(2):
        stub.add_response("get_item", {"Item": {"id": {"S": "OFFER#Inn"}, "capacity": {"N": str(number)}}})
    read = [dynamo.get(key, consistent=False) for key in keys * 2]
    assert [item and item["capacity"] for item in read] == [0, 1, 0, 1]


@pytest.mark.usefixtures("clock")
def test_only_so_much_is_kept(dynamo: DynamoStore, stub: Stubber, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that reads very many offers forgets them before they fill its memory."""
    monkeypatch.setattr("saga.dynamo.MOST_KEPT", 2)
    keys = [Key("hotel", f"OFFER#{n}") for n in (1, 2, 3, 1)]
    for _ in keys:
        stub.add_response("get_item", {"Item": STANDS})
    for key in keys:
        dynamo.get(key, consistent=False)
    stub.assert_no_pending_responses()
    assert dynamo.get(keys[2], consistent=False) == READ


def test_no_token_is_set_by_hand(dynamo: DynamoStore, stub: Stubber, client: Any) -> None:
    """The client draws an idempotency token for each call; a fixed one would clash with the time in the items."""
    seen: list[dict[str, Any]] = []
    client.meta.events.register_first(
        "provide-client-params.dynamodb.TransactWriteItems", lambda params, **_: seen.append(dict(params))
    )
    stub.add_response("transact_write_items", {})
    dynamo.write(TWO)
    assert [set(params) for params in seen] == [{"TransactItems"}]
