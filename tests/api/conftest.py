"""The API's function over moto's tables and the real state machines, as API Gateway calls it."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto.core import DEFAULT_ACCOUNT_ID as ACCOUNT
from moto.dynamodb.models import dynamodb_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from handlers import api as handler
from saga import wiring
from saga.dynamo import DynamoStore
from saga.ports import Put
from tests.contract.conftest import dynamo
from tests.statemachine.machine import REGION, Machine, aws, harmless_faults, machine_arn
from tests.trips import CONTEXT, OFFERS
from tools.local import environment


@dataclass
class Answered:
    """What a traveller's application gets."""

    status: int
    headers: dict[str, str]
    body: Any


@dataclass
class Api:
    """Calls the function as the gateway does once the authorizer has let the token pass."""

    machine: Machine
    store: DynamoStore
    clients: dict[str, Any]

    def call(self, route: str, trip_id: str = "", body: Any = None, owner: str = "ann", **more: Any) -> Answered:
        """Call a route, e.g. `GET /trips/{trip_id}`; a body that is no text or bytes is sent as JSON."""
        event: dict[str, Any] = {
            "routeKey": route,
            "requestContext": {"authorizer": {"jwt": {"claims": {"sub": owner}}}},
            **({"pathParameters": {"trip_id": trip_id}} if trip_id else {}),
            **more,
        }
        if isinstance(body, bytes):
            event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
        elif body is not None:
            event |= {"body": body if isinstance(body, str) else json.dumps(body), "isBase64Encoded": False}
        with self.machine.serving():
            answer = handler.handle(event, CONTEXT)
        return Answered(answer["statusCode"], answer["headers"], json.loads(answer["body"]))


@dataclass
class Aws:
    """An AWS in memory: the store on its tables, a client for each service, the machines by what they do."""

    store: DynamoStore
    clients: dict[str, Any]
    machines: dict[str, str]


@pytest.fixture(scope="package")
def _aws() -> Iterator[Aws]:
    """One AWS in memory with its tables for all tests: setting it up costs as much as five sagas."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        with aws(), dynamo(None) as store:
            clients = {name: boto3.client(name, REGION) for name in ("stepfunctions", "cloudwatch")}
            machines = {kind: machine_arn(kind) for kind in ("booking", "cancellation")}
            yield Aws(store, clients | {"dynamodb": store.client}, machines)


@pytest.fixture
def api(_aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The API of an empty stage that offers something, where faults are allowed."""
    monkeypatch.setenv("SAGA_FAULTS", "allowed")
    monkeypatch.setenv("SAGA_TABLES", _aws.store.prefix)
    for kind, arn in _aws.machines.items():
        monkeypatch.setenv(f"SAGA_{kind.upper()}_MACHINE", arn)
    monkeypatch.setattr(wiring, "_client", _aws.clients.__getitem__)
    for table in dynamodb_backends[ACCOUNT][environment.REGION].tables.values():
        table.items.clear()
    for machine in stepfunctions_parser_backends[ACCOUNT][REGION].state_machines:
        machine.executions.clear()
    with harmless_faults():
        for key, offer in OFFERS.items():
            _aws.store.write({"offer": Put(key, offer)})
        yield Api(Machine(_aws.store), _aws.store, _aws.clients)
