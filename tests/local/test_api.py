"""The HTTP API as a traveller's application meets it: through the gateway, with real tokens."""

import base64
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jsonschema
import pytest
import requests

from saga.validation import SCHEMAS
from tests.local.conftest import Stack, at_once, story, until
from tests.trips import trip
from tools import tokens

SETTLED = ("CONFIRMED", "ROLLED_BACK", "CANCELLED")


@dataclass
class Application:
    """An application of one traveller."""

    url: str
    token: str

    def ask(self, method: str, path: str, body: Any = None) -> requests.Response:
        """Send a request with the token."""
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        return requests.request(method, self.url + path, json=body, headers=headers, timeout=30)

    def settled(self, trip_id: str) -> dict[str, Any]:
        """Wait until a trip is settled; return it."""
        return until(lambda: (t := self.ask("GET", f"/trips/{trip_id}").json())["status"] in SETTLED and t)

    def story(self, trip_id: str) -> list[str]:
        """Return the story of a trip as the API tells it."""
        return story(self.ask("GET", f"/trips/{trip_id}/log").json()["log"])


@pytest.fixture(scope="module")
def ann(stack: Stack) -> Application:
    """The application of a traveller."""
    return Application(tokens.url(stack.stage), tokens.token(stack.stage, "ann@example.com"))


@pytest.fixture(scope="module")
def bob(stack: Stack) -> Application:
    """The application of another one."""
    return Application(tokens.url(stack.stage), tokens.token(stack.stage, "bob@example.com"))


@pytest.fixture(scope="module")
def subscriber(stack: Stack) -> Iterator[Any]:
    """A queue that subscribes to the bus of outcomes."""
    sqs, events = stack.stage.client("sqs"), stack.clients["events"]
    queue = sqs.create_queue(QueueName="outcomes")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bus = "travel-saga-local-outcomes"
    events.put_rule(Name="all", EventBusName=bus, EventPattern=json.dumps({"source": ["travel-saga"]}))
    events.put_targets(Rule="all", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])

    def received() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"])["detail"])
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    yield received
    events.remove_targets(Rule="all", EventBusName=bus, Ids=["queue"])
    events.delete_rule(Name="all", EventBusName=bus)


def test_the_whole_story(ann: Application) -> None:
    """A trip is booked, polled, told, cancelled and read again."""
    answer = ann.ask("POST", "/trips", trip(trip_id="api-story"))
    assert (answer.status_code, answer.headers["location"]) == (202, "/trips/api-story")
    assert ann.settled("api-story")["status"] == "CONFIRMED"
    assert ann.story("api-story")[-1] == "Saga END CONFIRMED"
    assert "api-story" in [found["trip_id"] for found in ann.ask("GET", "/trips?limit=100").json()["trips"]]
    assert ann.ask("DELETE", "/trips/api-story").status_code == 202
    assert ann.settled("api-story")["status"] == "CANCELLED"
    assert ann.story("api-story")[-1] == "Saga END CANCELLED"
    assert ann.ask("DELETE", "/trips/api-story").status_code == 200


def forged(token: str) -> list[str]:
    """Return tokens that are not the user pool's: none, junk, one with another signature, one that asks for none."""
    head, claims, signature = token.split(".")
    nobody = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    other = base64.urlsafe_b64encode(b'{"sub":"x","exp":1}').decode().rstrip("=")
    return [
        "",
        "junk",
        f"{head}.{claims}.{signature[::-1]}",
        f"{head}.{other}.{signature}",
        f"{nobody}.{claims}.",
        f"{nobody}.{claims}.{signature}",
    ]


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize(("method", "path"), [("GET", "/trips"), ("POST", "/trips"), ("DELETE", "/trips/x")])
def test_a_token_that_is_none_is_refused(ann: Application, number: int, method: str, path: str) -> None:
    """Without a token, with a forged one or with alg none, every route answers 401 and does nothing."""
    nobody = Application(ann.url, forged(ann.token)[number])
    assert nobody.ask(method, path, trip(trip_id="api-forged")).status_code == 401
    assert ann.ask("GET", "/trips/api-forged").status_code == 404


def test_an_expired_token_is_refused(ann: Application, stack: Stack) -> None:
    """A token that was good a moment ago answers 401 once its time is over."""
    cognito = stack.stage.client("cognito-idp")
    pool = next(found["Id"] for found in cognito.list_user_pools(MaxResults=10)["UserPools"])
    client = cognito.list_user_pool_clients(UserPoolId=pool)["UserPoolClients"][0]["ClientId"]
    which = {"UserPoolId": pool, "ClientId": client}
    flows = cognito.describe_user_pool_client(**which)["UserPoolClient"]["ExplicitAuthFlows"]
    for seconds in (1, 3600):  # the second one puts it back
        cognito.update_user_pool_client(
            **which,
            ExplicitAuthFlows=flows,
            AccessTokenValidity=seconds,
            TokenValidityUnits={"AccessToken": "seconds"},
        )
        if seconds == 1:
            brief = Application(ann.url, tokens.token(stack.stage, "ann@example.com"))
    claims = json.loads(base64.urlsafe_b64decode(brief.token.split(".")[1] + "=="))
    assert claims["exp"] - claims["iat"] == 1
    until(lambda: brief.ask("GET", "/trips").status_code == 401)
    assert ann.ask("GET", "/trips").status_code == 200


def test_anothers_trip_is_an_unknown_one(ann: Application, bob: Application) -> None:
    """Another traveller gets the same 404 for a trip as for none, and changes nothing."""
    ann.ask("POST", "/trips", trip(trip_id="api-anns"))
    ann.settled("api-anns")
    for method, path in (("GET", ""), ("GET", "/log"), ("DELETE", "")):
        answers = [bob.ask(method, f"/trips/{trip_id}{path}") for trip_id in ("api-anns", "api-nobodys")]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].json() == answers[1].json()
    assert ann.story("api-anns")[-1] == "Saga END CONFIRMED"


def test_ten_identical_posts_are_one_saga(ann: Application, stack: Stack) -> None:
    """The same trip posted ten times at once gives ten equal answers and one saga."""
    request = trip(trip_id="api-ten")
    answers = at_once(lambda _: ann.ask("POST", "/trips", request), range(10), 10)
    assert {answer.status_code for answer in answers} <= {200, 202}
    assert {answer.json()["trip_id"] for answer in answers} == {"api-ten"}
    assert ann.settled("api-ten")["status"] == "CONFIRMED"
    assert Counter(ann.story("api-ten"))["BookHotel END"] == 1
    executions = stack.clients["stepfunctions"].list_executions(stateMachineArn=stack.machines["booking"])["executions"]
    assert len([found for found in executions if found["name"].startswith("api-ten-")]) == 1


def test_a_trip_is_cancelled_while_it_is_being_booked(ann: Application, stack: Stack) -> None:
    """A DELETE while a step is held closes the trip: it rolls back, and what was taken is given back."""
    stack.offer("flight", "SLOW", 5)
    sub = json.loads(base64.urlsafe_b64decode(ann.token.split(".")[1] + "=="))["sub"]
    request = trip("flight/number", "SLOW", trip_id="api-held", owner=sub)
    stack.start(request | {"faults": {"BookFlight": {"delay_seconds": 2}}})
    until(lambda: "flight" in stack.statuses("api-held"))
    answer = ann.ask("DELETE", "/trips/api-held")
    assert (answer.status_code, answer.json()["status"]) == (202, "COMPENSATING")
    assert ann.settled("api-held")["status"] == "ROLLED_BACK"
    assert stack.taken("SLOW") == {}
    assert "BookCar ABORT" in ann.story("api-held")


def test_a_cancellation_races_the_last_book(ann: Application) -> None:
    """A DELETE at any moment of a booking ends in CANCELLED or in ROLLED_BACK with nothing live, never half."""

    def race(number: int) -> dict[str, Any]:
        trip_id = f"api-race-{number}"
        ann.ask("POST", "/trips", trip(trip_id=trip_id))
        until(lambda: len(ann.story(trip_id)) > number)
        ann.ask("DELETE", f"/trips/{trip_id}")
        return until(lambda: (t := ann.ask("GET", f"/trips/{trip_id}").json())["status"] in SETTLED[1:] and t)

    for found in at_once(race, range(8), 4):
        assert "BOOKED" not in {booking["status"] for booking in found["bookings"].values()}
        assert ann.story(found["trip_id"])[-1] == f"Saga END {found['status']}"


def test_the_outcomes_are_announced(ann: Application, subscriber: Any) -> None:
    """Over fifty mixed trips a subscriber gets each committed outcome at least once, and none that is not."""
    subscriber()

    def book(number: int) -> tuple[str, list[str]]:
        trip_id = f"api-mixed-{number}"
        refused = {"car": {**trip()["car"], "model": "Fiat 500e"}} if number % 5 < 2 else {}
        ann.ask("POST", "/trips", trip(trip_id=trip_id, **refused))
        outcomes = [ann.settled(trip_id)["status"]]
        if number % 5 == 4:
            ann.ask("DELETE", f"/trips/{trip_id}")
            until(lambda: ann.settled(trip_id)["status"] == "CANCELLED")
            outcomes.append("CANCELLED")
        return trip_id, outcomes

    expected = dict(at_once(book, range(50), 8))
    got: list[dict[str, Any]] = []

    def all_told() -> bool:
        got.extend(subscriber())
        return {(d["trip_id"], d["status"]) for d in got} >= {(t, s) for t, o in expected.items() for s in o}

    until(all_told)
    schema = json.loads((SCHEMAS / "outcome.schema.json").read_text())
    for detail in got:
        jsonschema.validate(detail, schema)
    mine = {(d["trip_id"], d["status"]) for d in got if d["trip_id"].startswith("api-mixed")}
    assert mine == {(trip_id, status) for trip_id, told in expected.items() for status in told}
    assert all(ann.story(trip_id)[-1] == f"Saga END {told[-1]}" for trip_id, told in expected.items())
