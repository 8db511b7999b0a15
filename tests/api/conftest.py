"""The API's function over moto's tables and the real state machines, as API Gateway calls it."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from handlers import api as handler
from saga import wiring
from saga.dynamo import DynamoStore
from saga.ports import Put
from tests.contract.conftest import dynamo
from tests.statemachine.machine import CONTEXT, Machine, aws, harmless_faults, machine_arn
from tests.trips import OFFERS


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


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The API of an empty stage that offers something, where faults are allowed."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("SAGA_FAULTS", "allowed")
    with aws(), harmless_faults(), dynamo(None) as store:
        for key, offer in OFFERS.items():
            store.write({"offer": Put(key, offer)})
        monkeypatch.setenv("SAGA_TABLES", store.prefix)
        for kind in ("booking", "cancellation"):
            monkeypatch.setenv(f"SAGA_{kind.upper()}_MACHINE", machine_arn(kind))
        clients = {"dynamodb": store.client, "stepfunctions": boto3.client("stepfunctions", "eu-west-1")}
        monkeypatch.setattr(wiring, "_client", clients.__getitem__)
        yield Api(Machine(store), store)
