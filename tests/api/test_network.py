"""What an application is told when AWS does not answer the API: that it may ask again, and never a 500."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from saga.errors import TransientError
from saga.executions import Executions
from tests.api.conftest import Answered, Api
from tests.statemachine.test_matrix import held
from tests.tables import record, story
from tests.trips import CONTEXT, TRIP, trip
from tools.invariants import violations

ID = TRIP["trip_id"]
ONE = "/trips/{trip_id}"
SILENCES = [EndpointConnectionError, ConnectTimeoutError, ReadTimeoutError]

Silence = Callable[[str, str], AbstractContextManager[None]]


@pytest.fixture(params=SILENCES, ids=lambda error: error.__name__)
def silence(request: pytest.FixtureRequest, api: Api) -> Silence:
    """Let an operation of a service not be answered, in one of the ways in which a network fails."""

    def fail(*_: Any, **_named: Any) -> Any:
        raise request.param(endpoint_url="https://aws", error="silence")

    @contextmanager
    def silence(service: str, operation: str) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(api.clients[service], operation, fail)
            yield

    return silence


@pytest.fixture(autouse=True)
def _promise(api: Api) -> Any:
    """The promise holds when a test is over."""
    yield
    assert violations(held(api.store)) == []


def post(api: Api) -> Answered:
    """Book the sample trip."""
    return api.call("POST /trips", body=trip())


def delete(api: Api) -> Answered:
    """Cancel the sample trip."""
    return api.call(f"DELETE {ONE}", ID)


def status(api: Api) -> Any:
    """Return the sample trip's status."""
    return record(held(api.store))["status"]


def reconciled(api: Api) -> set[str]:
    """Let the reconciler look at all trips; return those that it started something for."""
    from handlers.reconcile import reconcile  # noqa: PLC0415

    with api.machine.serving():
        return set(reconcile({}, CONTEXT)["started"])


def test_a_booking_whose_start_is_not_answered(api: Api, silence: Silence) -> None:
    """A trip whose execution can't be started is accepted all the same, and the reconciler starts it."""
    with silence("stepfunctions", "start_execution"):
        assert (post(api).status, status(api)) == (202, "BOOKING")
    assert (reconciled(api), status(api)) == ({ID}, "CONFIRMED")
    assert story(held(api.store))[-1] == "Saga END CONFIRMED"


def test_a_cancellation_whose_start_is_not_answered(api: Api, silence: Silence) -> None:
    """A trip whose undo can't be started is CANCELLING all the same, and the reconciler starts it."""
    post(api)
    with silence("stepfunctions", "start_execution"):
        assert (delete(api).status, status(api)) == (202, "CANCELLING")
    assert (reconciled(api), status(api)) == ({ID}, "CANCELLED")
    assert story(held(api.store))[-1] == "Saga END CANCELLED"


def test_a_cancellation_that_cannot_be_seen(api: Api, silence: Silence) -> None:
    """Where it can't be known whether an undo runs, none is started: asked again, the DELETE starts it."""
    post(api)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Executions, "start_cancellation", lambda *_: True)
        delete(api)
    before = held(api.store)
    assert record(before)["undos"] == 1
    with silence("stepfunctions", "describe_execution"):
        assert (delete(api).status, held(api.store)) == (202, before)
    assert delete(api).status == 202
    assert (status(api), delete(api).status) == ("CANCELLED", 200)


def test_a_sweep_that_cannot_see_fails(api: Api, silence: Silence) -> None:
    """A reconciler that can't see executions starts nothing and says so, and the next one makes it good."""
    with silence("stepfunctions", "start_execution"):
        post(api)
    before = held(api.store)
    with silence("stepfunctions", "describe_execution"), pytest.raises(TransientError, match=ID):
        reconciled(api)
    assert held(api.store) == before
    assert (reconciled(api), status(api)) == ({ID}, "CONFIRMED")


@pytest.mark.parametrize(
    ("route", "operation"),
    [
        ("GET /trips", "query"),
        ("GET /trips", "batch_get_item"),
        (f"GET {ONE}/log", "get_paginator"),
        (f"GET {ONE}/log", "get_item"),
        (f"GET {ONE}", "get_item"),
        (f"GET {ONE}", "get_paginator"),
        (f"DELETE {ONE}", "get_item"),
        (f"DELETE {ONE}", "update_item"),
        ("POST /trips", "put_item"),
    ],
)
def test_a_table_that_is_not_answered_is_a_503(api: Api, silence: Silence, route: str, operation: str) -> None:
    """Where the tables do not answer, an application is told to try again, and nothing has changed."""
    post(api)
    before = deepcopy(held(api.store))
    body = trip(trip_id="trip-2") if route.startswith("POST") else None
    with silence("dynamodb", operation):
        answer = api.call(route, ID, body)
    assert (answer.status, answer.headers["content-type"]) == (503, "application/problem+json")
    assert answer.body["title"] == "Service Unavailable"
    assert held(api.store) == before
