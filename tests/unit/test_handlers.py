"""What the functions make of what the state machine passes, and what they answer."""

import json
from copy import deepcopy
from importlib import import_module
from typing import Any

import pytest

from handlers import saga
from saga import wiring
from saga.errors import InvalidTrip, TripConflict
from saga.ports import Desk
from saga.trip import PARTICIPANTS
from tests.memory import MemoryStore
from tests.story import bookings, record, story
from tests.trips import CONTEXT, OFFERS, TRIP, trip

HANDLERS = {name: import_module(f"handlers.{name}") for name in PARTICIPANTS}


@pytest.fixture(autouse=True)
def _wired(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every function works at the test's desk."""
    monkeypatch.setattr(wiring, "desk", lambda *_: desk)
    monkeypatch.delenv("SAGA_FAULTS", raising=False)


def begin(request: Any, execution: str = "arn:execution") -> dict[str, Any]:
    """Call BeginSaga as its state does."""
    return saga.begin({"request": request, "execution": execution, "step": "BeginSaga", "attempt": 0}, CONTEXT)


def event(state: dict[str, Any], step: str, position: int, **more: Any) -> dict[str, Any]:
    """What a step's state passes on of the saga's."""
    passed = {name: state[name] for name in ("trip_id", "saga_id", "run", "faults")}
    return {**passed, "step": step, "position": position, "attempt": 0, **more}


def test_begin_returns_the_state() -> None:
    """BeginSaga answers with every path that later states rely on, whatever the request left out."""
    state = begin(trip())
    assert state.keys() == {"trip_id", "saga_id", "run", "trip", "faults", "bookings", "owed"}
    assert state["trip"] == {name: TRIP[name] for name in PARTICIPANTS}
    assert (state["trip_id"], state["run"], state["faults"], state["bookings"], state["owed"]) == (
        "trip-1",
        0,
        {},
        {},
        {},
    )


def test_begin_again_returns_the_same() -> None:
    """The same request under another execution is the same saga."""
    assert begin(trip()) == begin(trip(), "arn:another")


def test_an_owner_is_kept(store: MemoryStore) -> None:
    """A trip belongs to the owner that its event names."""
    begin(trip(owner="ann"))
    assert record(store)["owner"] == "ann"


def test_a_trip_without_an_owner_is_the_operators(store: MemoryStore) -> None:
    """A trip started at the state machine belongs to the operator, and to no traveller."""
    begin(trip())
    assert record(store)["owner"] == "operator"


@pytest.mark.parametrize(
    "request_",
    [
        None,
        [],
        "trip",
        {},
        trip("hotel/check_in", "2026-02-30"),
        trip(status="CONFIRMED"),
        trip(faults={}),
        trip(hotel=7),
    ],
)
def test_an_invalid_trip_writes_nothing(store: MemoryStore, request_: Any) -> None:
    """InvalidTrip comes before anything is written."""
    with pytest.raises(InvalidTrip):
        begin(request_)
    assert store.items == OFFERS


def test_a_conflict_writes_nothing(store: MemoryStore) -> None:
    """A trip_id that is another saga's is refused, and nothing of that saga changes."""
    begin(trip())
    before = deepcopy(store.items)
    with pytest.raises(TripConflict):
        begin(trip("hotel/name", "Elsewhere"))
    assert store.items == before


def test_faults_are_handed_on(monkeypatch: pytest.MonkeyPatch, store: MemoryStore) -> None:
    """Where they are allowed an event's faults reach the steps, but not the trip's record or its saga_id."""
    monkeypatch.setenv("SAGA_FAULTS", "allowed")
    faults = {"BookCar": {"error": "SoldOut"}}
    state = begin(trip(faults=faults))
    assert state["faults"] == faults
    assert "BookCar" not in json.dumps(record(store))
    assert state["saga_id"] == begin(trip())["saga_id"]


def test_a_state_is_small() -> None:
    """The longest trip's state is far below the 256 KiB that Step Functions carries."""
    longest = trip(trip_id="x" * 64, owner="🏨" * 128)
    for part, field in (
        ("hotel", "name"),
        ("flight", "number"),
        ("flight", "depart"),
        ("flight", "arrive"),
        ("car", "model"),
    ):
        longest[part][field] = "🏨" * 100
    assert len(json.dumps(begin(longest))) < 16_384


def test_functions_book_cancel_and_end(store: MemoryStore) -> None:
    """The functions of all participants, called as the machine calls them, book a trip and roll it back."""
    state = begin(trip())
    for position, name in enumerate(PARTICIPANTS, 1):
        called = event(state, f"Book{name.title()}", position, part=state["trip"][name])
        assert HANDLERS[name].book(called, CONTEXT)["status"] == "BOOKED"
    for position, name in enumerate(reversed(PARTICIPANTS), 4):
        called = event(state, f"Cancel{name.title()}", position, part=state["trip"][name])
        assert HANDLERS[name].cancel(called, CONTEXT) == {"status": "CANCELLED"}
    assert saga.end(event(state, "EndSaga", 7, owed={}), CONTEXT) == {"status": "ROLLED_BACK"}
    steps = [f"Book{name.title()}" for name in PARTICIPANTS] + [
        f"Cancel{name.title()}" for name in reversed(PARTICIPANTS)
    ]
    told = [f"{step} {kind}" for step in steps for kind in ("START", "END")]
    assert story(store) == ["Saga BEGIN", *told, "Saga END ROLLED_BACK"]
    assert set(bookings(store).values()) == {"CANCELLED"}


def test_end_keeps_the_errors_names(store: MemoryStore) -> None:
    """What is owed is kept as each participant's error name, without its long cause."""
    state = begin(trip())
    owed = {
        "car": {"Error": "TransientError", "Cause": "x" * 30_000},
        "hotel": {"Error": "States.Timeout", "Cause": ""},
    }
    assert saga.end(event(state, "EndSaga", 7, owed=owed), CONTEXT) == {"status": "NEEDS_ATTENTION"}
    assert record(store)["owed"] == {"car": "TransientError", "hotel": "States.Timeout"}


def test_answers_are_json() -> None:
    """What a function answers goes through JSON unchanged."""
    state = begin(trip())
    booked = HANDLERS["hotel"].book(event(state, "BookHotel", 1, part=state["trip"]["hotel"]), CONTEXT)
    assert json.loads(json.dumps([state, booked])) == [state, booked]
