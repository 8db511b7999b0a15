"""Outcomes: what changed a trip's status is announced, once for each change, and nothing else is."""

import json
from dataclasses import dataclass, field
from typing import Any

import jsonschema
import pytest

from handlers import outcomes
from saga import wiring
from saga.announcer import Announcer
from saga.errors import TransientError
from saga.expressions import marshal
from saga.gauges import Gauges
from saga.validation import SCHEMAS
from tests.trips import CONTEXT

SCHEMA = json.loads((SCHEMAS / "outcome.schema.json").read_text())


@dataclass
class Clients:
    """EventBridge, SNS and CloudWatch, as far as they are used."""

    events: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    measures: list[dict[str, Any]] = field(default_factory=list)
    refuses: str = ""

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803  the SDK's own name
        if self.refuses and self.refuses in Entries[0]["Detail"]:
            return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]}
        self.events += Entries
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}

    def publish(self, **message: Any) -> None:
        self.messages.append(message)

    def put_metric_data(self, **data: Any) -> None:
        self.measures.append(data)


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Clients:
    """Clients that keep what they are given."""
    made = Clients()
    monkeypatch.setattr(wiring, "gauges", lambda: Gauges(made, "stage"))
    monkeypatch.setattr(wiring, "announcer", lambda: Announcer(made, made, "bus", "topic"))
    return made


def change(before: str | None, after: str, trip_id: str = "trip-1", **facts: Any) -> dict[str, Any]:
    """Make one record of the table's stream."""
    record = {"trip_id": trip_id, "saga_id": "s", "runs": 0, "updated": "2099-01-01T00:00:00.000+00:00", **facts}
    images = {"NewImage": marshal({**record, "status": after})}
    if before:
        images["OldImage"] = marshal({**record, "status": before})
    return {"eventID": trip_id, "dynamodb": {**images, "SequenceNumber": f"n-{trip_id}"}}


def details(clients: Clients) -> list[dict[str, Any]]:
    """Return what was announced, after holding it against the public schema."""
    found = [json.loads(entry["Detail"]) for entry in clients.events]
    for detail in found:
        jsonschema.validate(detail, SCHEMA)
    return found


@pytest.mark.parametrize("status", ["CONFIRMED", "ROLLED_BACK", "CANCELLED"])
def test_an_outcome_is_announced(clients: Clients, status: str) -> None:
    """A change of status is put on the bus once, as the schema says, and operators are not called."""
    assert outcomes.handle({"Records": [change("BOOKING", status)]}, CONTEXT) == {"batchItemFailures": []}
    assert [detail["status"] for detail in details(clients)] == [status]
    assert (clients.events[0]["EventBusName"], clients.messages) == ("bus", [])


def test_what_needs_attention_calls_operators(clients: Clients) -> None:
    """A trip that needs attention is on the bus and in the operators' topic, with what it owes."""
    outcomes.handle({"Records": [change("COMPENSATING", "NEEDS_ATTENTION", owed={"car": "TransientError"})]}, CONTEXT)
    assert [(detail["status"], detail["owed"]) for detail in details(clients)] == [("NEEDS_ATTENTION", ["car"])]
    assert clients.messages[0]["TopicArn"] == "topic"
    assert clients.measures == [
        {"Namespace": "stage", "MetricData": [{"MetricName": "TripsNeedingAttention", "Value": 1}]}
    ]


def test_what_keeps_its_status_is_not_announced(clients: Clients) -> None:
    """A change of anything else in a trip's record is no outcome."""
    outcomes.handle({"Records": [change("NEEDS_ATTENTION", "NEEDS_ATTENTION", owed={"car": "x"})]}, CONTEXT)
    assert (clients.events, clients.messages) == ([], [])


def test_the_same_outcome_has_the_same_id(clients: Clients) -> None:
    """A record delivered twice is announced twice under one id; another outcome has another."""
    again = change("BOOKING", "CONFIRMED")
    outcomes.handle({"Records": [again, again, change("CANCELLING", "CANCELLED")]}, CONTEXT)
    one, two, other = (detail["id"] for detail in details(clients))
    assert one == two != other


@pytest.mark.parametrize("facts", [{"runs": 1}, {"saga_id": "another"}, {"trip_id": "trip-2"}])
def test_each_outcome_has_an_id_of_its_own(clients: Clients, facts: dict[str, Any]) -> None:
    """A trip that needs attention again after a repair is another outcome, as is that of another saga or trip."""
    before = change("COMPENSATING", "NEEDS_ATTENTION", owed={"car": "x"})
    outcomes.handle({"Records": [before, change("COMPENSATING", "NEEDS_ATTENTION", owed={}, **facts)]}, CONTEXT)
    one, other = (detail["id"] for detail in details(clients))
    assert one != other


def test_a_batch_goes_on_from_what_failed(clients: Clients) -> None:
    """What comes before a record that can't be announced stays announced, and the batch goes on from that record."""
    clients.refuses = "trip-2"
    records = [change("BOOKING", "CONFIRMED", f"trip-{n}") for n in (1, 2, 3)]
    assert outcomes.handle({"Records": records}, CONTEXT) == {"batchItemFailures": [{"itemIdentifier": "n-trip-2"}]}
    assert [detail["trip_id"] for detail in details(clients)] == ["trip-1"]


def test_a_batch_whose_first_record_fails_fails(clients: Clients) -> None:
    """A batch of which nothing could be announced is an error of the function, and so is counted and seen as one."""
    clients.refuses = "trip-1"
    with pytest.raises(TransientError):
        outcomes.handle({"Records": [change("BOOKING", "CONFIRMED", f"trip-{n}") for n in (1, 2)]}, CONTEXT)
    assert details(clients) == []


def test_a_refusal_of_the_bus_is_transient(clients: Clients) -> None:
    """PutEvents answers 200 for what it did not take, so its count of failures is looked at."""
    clients.refuses = "trip"
    with pytest.raises(TransientError):
        Announcer(clients, clients, "bus", "topic").publish({"trip_id": "trip"})
