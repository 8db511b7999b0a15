"""What a call tells: one line of JSON, which is its metrics too, and nothing of the traveller in it."""

import json
from typing import Any

import pytest

from handlers import flight, saga
from saga import telemetry, wiring
from saga.errors import SoldOut, TransientError
from saga.gauges import Gauges
from tests.memory import MemoryStore
from tests.trips import CONTEXT, TRIP

CALL = {"trip_id": "trip-1", "saga_id": "s", "run": 0, "attempt": 2, "trip": {"hotel": {"name": "Ann's hotel"}}}


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The lines that are told, in order."""
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(telemetry.LOG, "info", lambda text: told.append(json.loads(text)))
    return told


def call(step: str, handler: Any, event: dict[str, Any] = CALL) -> Any:
    """Call a function of the stage `travel-saga-dev`."""
    context = type("Context", (), {"function_name": f"travel-saga-dev-{step}"})
    return telemetry.observed(handler)(event, context)


def raising(error: Exception) -> Any:
    """Make a function that raises."""

    def handler(_event: Any, _context: Any) -> Any:
        raise error

    return handler


def metrics(line: dict[str, Any]) -> set[tuple[str, str, float]]:
    """Return what CloudWatch reads out of a line, as it reads it: dimension, metric and value."""
    found = set()
    for directive in line["_aws"]["CloudWatchMetrics"]:
        assert directive["Namespace"] == "travel-saga-dev"
        for metric in directive["Metrics"]:
            ((name,),) = directive["Dimensions"]
            found.add((f"{name}={line[name]}", metric["Name"], line[metric["Name"]]))
    return found


def test_a_call_is_one_line(lines: list[dict[str, Any]]) -> None:
    """A call that answers tells which call it was, of which step, how it ended and how long it took."""
    call("BookHotel", lambda _event, _context: {"status": "BOOKED"})
    (line,) = lines
    assert {name: line[name] for name in ("trip_id", "saga_id", "run", "attempt", "step", "outcome")} == {
        "trip_id": "trip-1",
        "saga_id": "s",
        "run": 0,
        "attempt": 2,
        "step": "BookHotel",
        "outcome": "BOOKED",
    }
    assert metrics(line) == {("step=BookHotel", "milliseconds", line["milliseconds"])}
    assert line["milliseconds"] >= 0


def test_a_refusal_is_counted_by_its_reason(lines: list[dict[str, Any]]) -> None:
    """A refusal is raised all the same, and counted."""
    with pytest.raises(SoldOut):
        call("BookHotel", raising(SoldOut("no room")))
    assert ("reason=SoldOut", "Refusals", 1) in metrics(lines[0])
    assert lines[0]["outcome"] == "SoldOut"


def test_a_transient_error_is_no_refusal(lines: list[dict[str, Any]]) -> None:
    """What is tried again is an outcome of the call, and no business no."""
    with pytest.raises(TransientError):
        call("BookHotel", raising(TransientError("busy")))
    assert {name for _, name, _ in metrics(lines[0])} == {"milliseconds"}
    assert lines[0]["outcome"] == "TransientError"


def test_a_compensation_is_counted(lines: list[dict[str, Any]]) -> None:
    """A cancel that succeeds is a compensation; a book with the same answer is none."""
    for step in ("CancelHotel", "BookHotel"):
        call(step, lambda _event, _context: {"status": "CANCELLED"})
    counted = [{name for _, name, _ in metrics(line)} for line in lines]
    assert counted == [{"milliseconds", "Compensations"}, {"milliseconds"}]


def test_facts_belong_to_one_call(lines: list[dict[str, Any]]) -> None:
    """What a function adds to its line is in no other one, and outside of a call it is in none."""
    call("Api", lambda _event, _context: telemetry.add(route="GET /trips") or {})
    telemetry.add(route="nowhere")
    call("Api", lambda _event, _context: {})
    assert [line.get("route") for line in lines] == ["GET /trips", None]


def test_an_error_that_is_survived_is_told(lines: list[dict[str, Any]]) -> None:
    """A note has the error's class and message."""
    telemetry.note("left", TransientError("busy"))
    assert lines == [{"level": "WARNING", "note": "left", "error": "TransientError", "message": "busy"}]


def test_a_measure_that_fails_keeps_nothing_from_going_on(lines: list[dict[str, Any]]) -> None:
    """A CloudWatch that does not take a value is told of, and no more."""

    class Cloudwatch:
        def put_metric_data(self, **_data: Any) -> None:
            raise wiring_error

    from botocore.exceptions import EndpointConnectionError  # noqa: PLC0415

    wiring_error = EndpointConnectionError(endpoint_url="https://monitoring")
    Gauges(Cloudwatch(), "stage").put(OldestUnfinishedSeconds=1)
    assert [line["note"] for line in lines] == ["not measured"]


def test_no_line_says_who_or_where(
    lines: list[dict[str, Any]], store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lines of a begin and of a book, done and refused, have nothing of the trip's content and not its owner."""
    monkeypatch.setattr(wiring, "_store", lambda: store)
    begin = {"request": {**TRIP, "owner": "ann-smith"}, "execution": "arn:one", "step": "BeginSaga", "attempt": 0}
    state = saga.begin(begin, CONTEXT)
    book = {"step": "BookFlight", "position": 2, "attempt": 0, **state}
    flight.book(book, CONTEXT)
    with pytest.raises(Exception, match=r"."):
        flight.book({**book, "trip_id": "trip-2", "trip": {"flight": {**TRIP["flight"], "number": "ZZ1"}}}, CONTEXT)
    assert [line["outcome"] for line in lines] == ["OK", "BOOKED", "NotOffered"]
    told = json.dumps(lines)
    private = {"ann-smith", *(value for part in ("hotel", "flight", "car") for value in TRIP[part].values())}
    assert [word for word in private if word in told] == []
