"""What operators are told when a trip needs attention: the metric, the alarm, two messages; and what calls log."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.local.conftest import Stack, until
from tests.trips import trip

ALARM = "travel-saga-local-needs-attention"


@pytest.fixture
def mail(stack: Stack) -> Iterator[list[str]]:
    """What a subscriber of the operators' topic gets."""
    sqs, sns = stack.stage.client("sqs"), stack.stage.client("sns")
    queue = sqs.create_queue(QueueName="operator")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = "arn:aws:sns:us-east-1:000000000000:travel-saga-local-operators"
    allowed = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [{**allowed, "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)["SubscriptionArn"]

    class Mail(list[str]):
        """Looks into the queue whenever it is looked into."""

        def __iter__(self) -> Iterator[str]:
            for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
                self.append(json.loads(message["Body"])["Message"])
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            return super().__iter__()

    yield Mail()
    sns.unsubscribe(SubscriptionArn=subscription)


def alarm(stack: Stack) -> str:
    """Return the state of the alarm."""
    (found,) = stack.stage.client("cloudwatch").describe_alarms(AlarmNames=[ALARM])["MetricAlarms"]
    return str(found["StateValue"])


def test_a_trip_that_needs_attention_calls_operators(stack: Stack, mail: list[str]) -> None:
    """It drives the metric, the alarm goes to ALARM, and the topic gets the trip's message and the alarm's."""
    quiet = {"StateValue": "OK", "StateReason": "other tests' trips are repaired"}
    stack.stage.client("cloudwatch").set_alarm_state(AlarmName=ALARM, **quiet)
    faults = {"BookCar": {"error": "SoldOut"}, "CancelFlight": {"error": "TransientError"}}
    assert stack.book({**trip(trip_id="watched"), "faults": faults}) == "TripNeedsAttention"
    until(lambda: alarm(stack) == "ALARM")
    metrics = stack.stage.client("cloudwatch").list_metrics(Namespace="travel-saga-local")["Metrics"]
    assert "TripsNeedingAttention" in {metric["MetricName"] for metric in metrics}
    until(lambda: {"trip", "alarm"} <= {kind(text) for text in mail})
    (told,) = (json.loads(text) for text in list.__iter__(mail) if kind(text) == "trip")
    assert (told["trip_id"], told["status"], told["owed"]) == ("watched", "NEEDS_ATTENTION", ["flight"])
    assert stack.run("./saga.sh", "repair", "watched").returncode == 0
    assert stack.read("watched").log[-1]["status"] == "ROLLED_BACK"


def kind(text: str) -> str:
    """Tell an alarm's message from a trip's."""
    message: dict[str, Any] = json.loads(text)
    return "alarm" if message.get("AlarmName") == ALARM else "trip" if "trip_id" in message else "other"


def test_the_reconciler_measures(stack: Stack) -> None:
    """A sweep puts how many trips need attention and how long the oldest other one has stood still."""
    arn = stack.start(trip(trip_id="old", faults={"BookFlight": {"delay_seconds": 5}}))
    until(lambda: "flight" in stack.statuses("old"))
    stack.table("saga-log").update_item(
        Key={"trip_id": "old", "entry": "TRIP"},
        UpdateExpression="SET updated = :long_ago",
        ExpressionAttributeValues={":long_ago": "2026-01-01T00:00:00.000+00:00"},
    )
    assert "old" not in stack.invoke("Reconcile", {})["started"]
    state = stack.stage.client("cloudwatch").describe_alarms(AlarmNames=["travel-saga-local-oldest-unfinished"])
    assert state["MetricAlarms"][0]["StateValue"] == "ALARM"
    assert stack.wait(arn) == "SUCCEEDED"
    assert stack.read("old").log[-1]["status"] == "CONFIRMED"


def test_each_call_is_one_line(stack: Stack) -> None:
    """A booked trip leaves one line of JSON for each of its calls, in order, with what CloudWatch makes metrics of."""
    assert stack.book(trip(trip_id="logged")) == "SUCCEEDED"
    logs = stack.stage.client("logs")
    lines = []
    for step in ("BeginSaga", "BookHotel", "BookFlight", "BookCar"):
        group = f"/aws/lambda/{stack.stage.function(step)}"
        events = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        texts = [event["message"] for page in events for event in page["events"]]
        lines += [json.loads(text) for text in texts if text.startswith("{") and '"logged"' in text]
    told = [(line["step"], line["outcome"], line["trip_id"]) for line in lines]
    steps = [("BeginSaga", "OK"), ("BookHotel", "BOOKED"), ("BookFlight", "BOOKED"), ("BookCar", "BOOKED")]
    assert told == [(step, outcome, "logged") for step, outcome in steps]
    assert {directive["Namespace"] for line in lines for directive in line["_aws"]["CloudWatchMetrics"]} == {
        "travel-saga-local"
    }
    assert stack.read("logged").log[-1]["status"] == "CONFIRMED"
