"""What the world is told, word for word: the bus, the operators, the log lines and the clients behind them."""

import json
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from handlers import api, outcomes
from saga import telemetry, travellers, wiring
from saga.announcer import Announcer
from saga.dynamo import DynamoStore
from saga.errors import TransientError
from saga.executions import Executions
from saga.expressions import marshal
from saga.gauges import Gauges
from saga.listing import Listing
from saga.ports import Key, Put

TRIP = {"trip_id": "trip-1", "saga_id": "s", "status": "NEEDS_ATTENTION", "runs": 0, "updated": "2099-01-01T00:00:00"}
KEY = Key("saga-log", "trip-1", "TRIP")
BOOKS, UNDOES = (f"arn:aws:states:eu-west-1:1:stateMachine:{name}" for name in ("books", "undoes"))


class Calls:
    """A client that answers every call and keeps it, by its name."""

    def __init__(self, **answers: Any) -> None:
        self.answers, self.calls = answers, []

    def __getattr__(self, name: str) -> Any:
        def call(**given: Any) -> Any:
            self.calls.append((name, given))
            return self.answers.get(name)

        return call


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The lines that are told, in order."""
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(telemetry.LOG, "info", lambda text: told.append(json.loads(text)))
    return told


def test_the_bus_is_given_a_whole_entry() -> None:
    """An outcome is put on its bus under the source and type that rules match, as JSON."""
    events = Calls(put_events={"FailedEntryCount": 0})
    Announcer(events, None, "bus", "topic").publish({"status": "CONFIRMED"})
    entry = {"EventBusName": "bus", "Source": "travel-saga", "DetailType": "Trip outcome"}
    assert events.calls == [("put_events", {"Entries": [entry | {"Detail": '{"status": "CONFIRMED"}'}]})]


def test_a_refusal_of_the_bus_says_why() -> None:
    """An entry that the bus does not take is an error that has the bus's own code."""
    events = Calls(put_events={"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]})
    with pytest.raises(TransientError, match="InternalFailure"):
        Announcer(events, None, "bus", "topic").publish({})


def test_operators_are_told_which_trip() -> None:
    """An alert goes to the topic, is named after the trip within the hundred characters of a subject, and is JSON."""
    sns, outcome = Calls(), {"trip_id": "t" * 70, "status": "NEEDS_ATTENTION"}
    Announcer(None, sns, "bus", "topic").alert(outcome)
    subject = f"Trip {'t' * 64} needs attention"
    assert len(subject) <= 100
    assert sns.calls == [("publish", {"TopicArn": "topic", "Subject": subject, "Message": json.dumps(outcome)})]


def test_an_outcome_is_counted(monkeypatch: pytest.MonkeyPatch, lines: list[dict[str, Any]]) -> None:
    """An announced outcome is one of the stage's Sagas, by how it ended."""
    calls = Calls(put_events={"FailedEntryCount": 0})
    monkeypatch.setattr(wiring, "announcer", lambda: Announcer(calls, calls, "bus", "topic"))
    monkeypatch.setattr(wiring, "gauges", lambda: Gauges(calls, "stage"))
    context = type("Context", (), {"function_name": "travel-saga-dev-Outcomes"})
    outcomes.handle({"Records": [{"dynamodb": {"NewImage": marshal(TRIP)}}]}, context)
    counted, _ = lines
    assert (counted["level"], counted["outcome"], counted["Sagas"]) == ("INFO", "NEEDS_ATTENTION", 1)
    (directive,) = counted["_aws"]["CloudWatchMetrics"]
    assert directive == {
        "Namespace": "travel-saga-dev",
        "Dimensions": [["outcome"]],
        "Metrics": [{"Name": "Sagas", "Unit": "Count"}],
    }


def test_a_first_outcome_has_no_image_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trip that the stream shows for the first time is announced."""
    calls = Calls(put_events={"FailedEntryCount": 0})
    monkeypatch.setattr(wiring, "announcer", lambda: Announcer(calls, calls, "bus", "topic"))
    outcomes.announce({"dynamodb": {"NewImage": marshal(TRIP | {"status": "CONFIRMED"})}}, "travel-saga-dev")
    assert [name for name, _ in calls.calls] == ["put_events"]


def failing(code: str) -> SimpleNamespace:
    """A client whose every call fails with a code and a reason."""
    error = ClientError({"Error": {"Code": code, "Message": "for this reason"}}, "Call")

    def fail(**_given: Any) -> Any:
        raise error

    calls = dict.fromkeys(("get_item", "put_item", "describe_execution", "start_execution"), fail)
    others = SimpleNamespace(ExecutionDoesNotExist=KeyError, ExecutionAlreadyExists=KeyError)
    return SimpleNamespace(**calls, exceptions=others)


@pytest.mark.parametrize("code", ["ThrottlingException", "TransactionConflictException"])
def test_a_write_that_fails_says_why(code: str) -> None:
    """A write that may pass later is told with the table's own reason."""
    store = DynamoStore(failing(code), "stage", sleep=lambda _seconds: None)
    with pytest.raises(TransientError, match="for this reason"):
        store.write({"trip": Put(KEY, {})})


def test_a_read_that_fails_says_why() -> None:
    """A read that may pass later is told with the table's own reason."""
    with pytest.raises(TransientError, match="for this reason"):
        DynamoStore(failing("ThrottlingException"), "stage").get(KEY)


def test_a_table_that_is_not_reached_says_which() -> None:
    """A connection that fails is told with where it was to lead."""

    def fail(**_given: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="https://table")

    with pytest.raises(TransientError, match="https://table"):
        DynamoStore(SimpleNamespace(get_item=fail), "stage").get(KEY)


def test_executions_that_fail_say_why() -> None:
    """An execution that cannot be seen or started is told with the machine's own reason."""
    executions = Executions(failing("ThrottlingException"), BOOKS, UNDOES)
    for call in (
        lambda: executions.status(executions.cancellation("t", 1)),
        lambda: executions.start_cancellation("t", 1),
    ):
        with pytest.raises(TransientError, match="for this reason"):
            call()


def test_a_page_reads_its_trips_as_they_stand() -> None:
    """The records of a page are read consistently, and again what a batch has left out."""
    first, second = ({"trip_id": {"S": name}, "entry": {"S": "TRIP"}} for name in "ab")
    left = {"Responses": {"stage-saga-log": [first]}, "UnprocessedKeys": {"stage-saga-log": {"Keys": [second]}}}
    answers = iter([left, {"Responses": {"stage-saga-log": [second]}}])
    asked: list[Any] = []

    def batch_get_item(**given: Any) -> Any:
        asked.append(given["RequestItems"]["stage-saga-log"])
        return next(answers)

    listing = Listing(SimpleNamespace(batch_get_item=batch_get_item), "stage")
    assert [found["trip_id"] for found in listing._records(["a", "b"])] == ["a", "b"]
    assert asked == [{"Keys": [first, second], "ConsistentRead": True}, {"Keys": [second], "ConsistentRead": True}]


class Clients(dict[str, Any]):
    """Clients by the service, each made on demand."""

    def __missing__(self, service: str) -> Calls:
        return self.setdefault(service, Calls(put_events={"FailedEntryCount": 0}))


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Clients:
    """A stage's environment, and what its functions call."""
    made = Clients()
    monkeypatch.setattr(wiring, "_client", made.__getitem__)
    names = ("OUTCOME_BUS", "OPERATORS_TOPIC", "TABLES", "BOOKING_MACHINE", "CANCELLATION_MACHINE")
    for name in names:
        monkeypatch.setenv(f"SAGA_{name}", name.lower())
    return made


def test_a_line_of_the_story_is_told_whole() -> None:
    """A traveller is told what happened, when and how it went, and nothing of what the log keeps for itself."""
    names = ("run", "step", "kind", "attempt", "at", "status", "error", "message", "confirmation", "owed")
    entry = {name: name for name in (*names, "trip_id", "entry", "execution")}
    assert api._line(entry) == {name: name for name in names}
    assert api._line({"step": "Saga", "trip_id": "trip-1"}) == {"step": "Saga"}


def test_a_story_says_whose_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer of a trip's log names the trip."""
    monkeypatch.setattr(wiring, "desk", lambda *_given: None)
    monkeypatch.setattr(travellers, "find", lambda *_given: {})
    monkeypatch.setattr(wiring, "listing", lambda: SimpleNamespace(story=lambda _trip_id: [{"step": "Saga"}]))
    answer = api.get_log({"pathParameters": {"trip_id": "trip-1"}}, "ann", None)
    assert json.loads(answer["body"]) == {"trip_id": "trip-1", "log": [{"step": "Saga"}]}


def test_the_announcer_is_wired(clients: Clients) -> None:
    """Outcomes go to the bus by EventBridge and alerts to the topic by SNS."""
    wiring.announcer().publish({})
    wiring.announcer().alert({"trip_id": "trip-1"})
    assert clients["events"].calls[0][1]["Entries"][0]["EventBusName"] == "outcome_bus"
    assert clients["sns"].calls[0][1]["TopicArn"] == "operators_topic"


def test_the_gauges_are_wired(clients: Clients) -> None:
    """Measures go into the stage's own namespace by CloudWatch."""
    wiring.gauges().put(Waiting=1)
    measured = {"Namespace": "tables", "MetricData": [{"MetricName": "Waiting", "Value": 1}]}
    assert clients["cloudwatch"].calls == [("put_metric_data", measured)]


def test_a_client_is_made_for_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client connects within a second and reads within three, tries twice in all, and leaves checking to AWS."""
    made: list[Any] = []
    monkeypatch.setattr(boto3, "client", lambda *given, **config: made.append((given, config["config"])))
    wiring._client.__wrapped__("sns")
    ((given, config),) = made
    assert given == ("sns",)
    assert (config.connect_timeout, config.read_timeout, config.parameter_validation) == (1, 3, False)
    assert config.retries == {"mode": "standard", "total_max_attempts": 2}
