"""Reconcile: the trips that it looks at, what one trip's trouble does to the others, and what it measures."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from handlers import reconcile
from saga import wiring
from saga.errors import TransientError
from saga.expressions import marshal
from saga.gauges import Gauges
from saga.lifecycle import SHARDS
from saga.listing import Listing
from saga.ports import Item, Key
from saga.trip import Trip, digest
from tests.executions import FAILED, Executions
from tests.memory import MemoryStore
from tests.story import record, story
from tests.trips import CONTEXT, TRIP, trip

NOW = "2099-01-01T12:00:00.000+00:00"
SWEEP: dict[str, Any] = {"source": "aws.scheduler"}
PARTS = {name: trip()[name] for name in ("hotel", "flight", "car")}


@dataclass
class Client:
    """DynamoDB's index of unfinished trips, and CloudWatch, as far as they are used."""

    shards: dict[str, list[Item]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    measures: dict[str, float] = field(default_factory=dict)

    def get_paginator(self, operation: str) -> "Client":
        assert operation == "query"
        return self

    def paginate(self, **query: Any) -> Iterator[dict[str, Any]]:
        assert query["IndexName"] == "unfinished"
        shard = query["ExpressionAttributeValues"][":value"]["S"]
        self.asked.append(shard)
        yield {"Items": [marshal(item) for item in self.shards.get(shard, [])]}

    def put_metric_data(self, *, Namespace: str, MetricData: list[dict[str, Any]]) -> None:  # noqa: N803  the SDK's
        assert Namespace == "stage"
        self.measures |= {measure["MetricName"]: measure["Value"] for measure in MetricData}


@dataclass
class Broken(Executions):
    """Executions of which some cannot be seen."""

    broken: dict[str, Exception] = field(default_factory=dict)

    def status(self, arn: str) -> str | None:
        if arn in self.broken:
            raise self.broken[arn]
        return super().status(arn)


@dataclass
class Stage:
    """A stage with trips whose executions have died."""

    store: MemoryStore
    client: Client = field(default_factory=Client)
    executions: Broken = field(default_factory=Broken)

    def add(self, trip_id: str, shard: int = 0, **facts: Any) -> None:
        """Add an unfinished trip; its booking has failed."""
        saga = Trip(trip_id, "ann", PARTS)
        item: Item = {"trip_id": trip_id, "entry": "TRIP", "saga_id": saga.saga_id, "owner": "ann", "request": PARTS}
        item |= {"status": "BOOKING", "runs": 0, "created": NOW, "updated": NOW}
        item |= {"shard": str(shard), "unfinished": str(shard)} | facts
        self.store.items[Key("saga-log", trip_id, "TRIP")] = item
        self.client.shards.setdefault(str(shard), []).append(item)
        self.executions.statuses[f"{trip_id}-booking"] = FAILED

    def reconcile(self, event: Any) -> dict[str, Any]:
        """Call the function."""
        return reconcile.reconcile(event, CONTEXT)


@pytest.fixture
def stage(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A stage without trips."""
    made = Stage(store)
    monkeypatch.setattr(wiring, "_store", lambda: store)
    monkeypatch.setattr(wiring, "executions", lambda: made.executions)
    monkeypatch.setattr(wiring, "listing", lambda: Listing(made.client, "stage"))
    monkeypatch.setattr(wiring, "gauges", lambda: Gauges(made.client, "stage"))
    monkeypatch.setattr(wiring, "now", lambda: NOW)
    return made


def ended(**detail: Any) -> dict[str, Any]:
    """Make EventBridge's event of an execution that has ended."""
    return {"detail-type": "Step Functions Execution Status Change", "detail": {"executionArn": "arn:1", **detail}}


def test_every_shard_is_swept(stage: Stage) -> None:
    """A trip in each shard of the index gets its undo, and each shard is asked once."""
    for shard in range(SHARDS):
        stage.add(f"trip-{shard}", shard)
    started = {f"trip-{shard}": f"trip-{shard}-c1" for shard in range(SHARDS)}
    assert stage.reconcile(SWEEP) == {"started": started}
    assert sorted(stage.client.asked) == [str(shard) for shard in range(SHARDS)]
    assert story(stage.store) == ["Saga BEGIN"]


@pytest.mark.parametrize("error", [TransientError("throttled"), RuntimeError("a mistake in here")])
def test_one_trips_trouble_stops_no_other(stage: Stage, error: Exception) -> None:
    """Whatever is wrong with one trip, the others get their undos, and then the call fails, naming that trip."""
    for number in range(3):
        stage.add(f"trip-{number}")
    stage.executions.broken = {"trip-1-booking": error}
    with pytest.raises(TransientError, match=f'"trip-1": "{type(error).__name__}: {error}"') as raised:
        stage.reconcile(SWEEP)
    assert stage.executions.started == ["trip-0-c1", "trip-2-c1"]
    assert "trip-0" not in str(raised.value)
    assert set(stage.client.measures) == {"TripsNeedingAttention", "OldestUnfinishedSeconds"}


def test_an_index_that_does_not_answer_fails_the_call(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the trips can't be listed, the call fails, so that it is made again."""
    monkeypatch.setattr(
        Listing, "unfinished", lambda _listing: iter((_ for _ in ()).throw(TransientError("throttled")))
    )
    with pytest.raises(TransientError, match="throttled"):
        stage.reconcile(SWEEP)


def test_an_execution_that_ended_has_its_trip_looked_at(stage: Stage) -> None:
    """The trip in the input of an execution that ended is looked at, and no other one."""
    stage.add("trip-1")
    stage.add("trip-2")
    event = ended(input=json.dumps(TRIP), status="FAILED")
    assert stage.reconcile(event) == {"started": {"trip-1": "trip-1-c1"}}
    assert stage.client.asked == []


@pytest.mark.parametrize("request_", [PARTS, {"trip_id": 7}])
def test_an_execution_without_a_trip_id_is_known_by_its_arn(stage: Stage, request_: Any) -> None:
    """A trip that was started without an id has one that derives from its execution's ARN."""
    trip_id = digest("arn:1")
    stage.add(trip_id)
    assert stage.reconcile(ended(input=json.dumps(request_))) == {"started": {trip_id: f"{trip_id}-c1"}}


@pytest.mark.parametrize("detail", [{}, {"input": "{"}, {"input": "[]"}, {"input": "null"}, {"input": None}])
def test_an_execution_of_no_trip_is_none_of_its_business(stage: Stage, detail: dict[str, Any]) -> None:
    """An execution whose input is cut off or no trip is left to the schedule."""
    stage.add("trip-1")
    assert stage.reconcile(ended(**detail)) == {"started": {}}
    assert (stage.client.asked, stage.executions.started) == ([], [])


def test_trips_that_wait_are_counted_apart(stage: Stage) -> None:
    """Trips that need attention are counted and left alone; the oldest of the others is measured in seconds."""
    old = {"updated": "2099-01-01T11:58:30.000+00:00"}
    stage.add("trip-1", 1, **old)
    stage.add("trip-2", 2, updated="2099-01-01T11:59:00.000+00:00")
    for number in (3, 4):
        stage.add(f"trip-{number}", number, status="NEEDS_ATTENTION", updated="2098-01-01T00:00:00.000+00:00")
    assert set(stage.reconcile(SWEEP)["started"]) == {"trip-1", "trip-2"}
    assert stage.client.measures == {"TripsNeedingAttention": 2, "OldestUnfinishedSeconds": 90.0}


def test_nothing_unfinished_is_measured_too(stage: Stage) -> None:
    """Where no trip is unfinished, both measures say 0: an alarm must be able to end."""
    assert stage.reconcile(SWEEP) == {"started": {}}
    assert stage.client.measures == {"TripsNeedingAttention": 0, "OldestUnfinishedSeconds": 0.0}


def test_a_trip_of_the_index_that_has_ended_is_left_alone(stage: Stage) -> None:
    """What the index shows may be a moment old: a trip that has ended meanwhile gets no undo."""
    stage.add("trip-1")
    record(stage.store)["status"] = "ROLLED_BACK"
    assert stage.reconcile(SWEEP) == {"started": {}}
    assert story(stage.store) == ["Saga BEGIN"]
