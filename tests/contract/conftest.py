"""The stores that keep the contract; each test of this folder runs on every one of them."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import boto3
import pytest
from moto import mock_aws

from saga.dynamo import DynamoStore
from saga.ports import Key, Store
from tests.infra import tables
from tests.memory import MemoryStore
from tools.local.emulator import Emulator
from tools.local.environment import REGION

ENDPOINT = os.environ.get("DYNAMODB_ENDPOINT")
"""Any other DynamoDB to hold to the contract; without it there is nothing to collect for it."""

SERVERS = [pytest.param("embedded", marks=pytest.mark.server), *(["endpoint"] if ENDPOINT else [])]
STORES = ["memory", "moto", *SERVERS]


@contextmanager
def dynamo(endpoint: str | None) -> Iterator[DynamoStore]:
    """A store on the stack's own tables, made at an endpoint (None: AWS's, or who plays it) and taken away again."""
    client = boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106  no account is behind it
    )
    prefix = f"contract-{uuid4().hex[:8]}"
    names = [client.create_table(**table)["TableDescription"]["TableName"] for table in tables(prefix)]
    for name in names:
        client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    yield DynamoStore(client, prefix)
    for name in names:
        client.delete_table(TableName=name)


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store on an embedded AWS of its own, on a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    emulator = Emulator(tmp_path_factory.mktemp("emulator"), port)
    try:
        emulator.start()
        with dynamo(emulator.endpoint) as store:
            yield store
    finally:
        emulator.stop()


@pytest.fixture(scope="session")
def endpoint() -> Iterator[Store]:
    """A store on whatever DYNAMODB_ENDPOINT names."""
    with dynamo(ENDPOINT) as store:
        yield store


@pytest.fixture(scope="module", params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """Each store in turn: for a whole module, as making a store takes longer than most tests do."""
    match request.param:
        case "memory":
            yield MemoryStore()
        case "moto":
            with mock_aws(), dynamo(None) as store:
                yield store
        case server:
            yield request.getfixturevalue(server)


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Store:
    """Each store that many may write to at once."""
    found: Store = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def key() -> Key:
    """A participant's item that is no other test's."""
    return Key("hotel", f"TRIP#{uuid4()}")


@pytest.fixture
def logged() -> Key:
    """An item of the saga log that is no other test's."""
    return Key("saga-log", str(uuid4()), "TRIP")
