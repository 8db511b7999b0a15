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
    passed = {name: state[name] for name in ("trip_id", "saga_id", "run", "trip", "bookings", "owed", "faults")}
    return {**passed, "step": step, "position": position, "attempt": 0, **more}


def test_begin_returns_the_state() -> None:
    """BeginSaga answers with every path that later states rely on, whatever the request left out."""
    state = begin(trip())
    assert state.keys() == {"trip_id", "saga_id", "run", "trip", "faults", "bookings", "owed", "end"}
    assert state["trip"] == {name: TRIP[name] for name in PARTICIPANTS}
    assert (state["trip_id"], state["run"]) == ("trip-1", 0)
    assert [state[name] for name in ("faults", "bookings", "owed", "end")] == [{}] * 4


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
    state, last = begin(trip()), list(PARTICIPANTS)[-1]
    for position, name in enumerate(PARTICIPANTS, 1):
        if name == last:
            break
        state["bookings"][name] = HANDLERS[name].book(event(state, f"Book{name.title()}", position), CONTEXT)
        assert state["bookings"][name]["status"] == "BOOKED"
    for position, name in enumerate(reversed(PARTICIPANTS), 4):
        state["bookings"][name] = HANDLERS[name].cancel(event(state, f"Cancel{name.title()}", position), CONTEXT)
        assert state["bookings"][name] == {"status": "CANCELLED", "ended": name == "hotel"}
    answer = {"status": "ROLLED_BACK", "booked": [], "again": False}
    assert saga.end(event(state, "EndSaga", 7, before={}), CONTEXT) == answer
    steps = [f"Book{name.title()}" for name in PARTICIPANTS if name != last] + [
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
    answer = saga.end(event(state, "EndSaga", 7, before={}) | {"owed": owed}, CONTEXT)
    assert answer == {"status": "NEEDS_ATTENTION", "booked": [], "again": False}
    assert record(store)["owed"] == {"car": "TransientError", "hotel": "States.Timeout"}


def test_answers_are_json() -> None:
    """What a function answers goes through JSON unchanged."""
    state = begin(trip())
    booked = HANDLERS["hotel"].book(event(state, "BookHotel", 1), CONTEXT)
    assert json.loads(json.dumps([state, booked])) == [state, booked]


def test_functions_confirm_the_trip(store: MemoryStore) -> None:
    """The last book knows by what the others have answered that it is the last, and confirms the trip."""
    state = begin(trip())
    for position, name in enumerate(PARTICIPANTS, 1):
        state["bookings"][name] = HANDLERS[name].book(event(state, f"Book{name.title()}", position), CONTEXT)
    assert (record(store)["status"], record(store)["booked"]) == ("CONFIRMED", sorted(PARTICIPANTS))
    assert story(store)[-1] == "Saga END CONFIRMED"


@pytest.mark.parametrize("name", PARTICIPANTS)
def test_functions_of_an_absent_participant_do_nothing(store: MemoryStore, name: str) -> None:
    """A trip of before there was this participant is neither booked nor cancelled here, and nothing is written."""
    state = begin(trip())
    del state["trip"][name]
    before = deepcopy(store.items)
    assert HANDLERS[name].book(event(state, f"Book{name.title()}", 1), CONTEXT) == {"status": "ABSENT"}
    answer = {"status": "CANCELLED", "ended": False}
    assert HANDLERS[name].cancel(event(state, f"Cancel{name.title()}", 4), CONTEXT) == answer
    assert store.items == before


def test_end_is_told_its_last_answer(store: MemoryStore) -> None:
    """EndSaga asks for another pass once; a ledger that it has seen before is owed."""
    state = begin(trip())
    HANDLERS["hotel"].book(event(state, "BookHotel", 1), CONTEXT)
    HANDLERS["car"].cancel(event(state, "CancelCar", 4), CONTEXT)
    first = saga.end(event(state, "EndSaga", 7, before=state["end"]), CONTEXT)
    assert first == {"status": "COMPENSATING", "booked": ["hotel"], "again": True}
    second = saga.end(event(state, "EndSaga", 7, before=first), CONTEXT)
    assert second == {"status": "NEEDS_ATTENTION", "booked": ["hotel"], "again": False}
    assert record(store)["owed"] == {"hotel": "StillBooked"}
    assert story(store)[-1] == "Saga ABORT NEEDS_ATTENTION"


def test_a_saga_that_has_begun_is_only_read(store: MemoryStore) -> None:
    """BeginSaga of a saga that the API has begun answers the same state, and writes nothing."""
    state = begin(trip())
    before = deepcopy(store.items)
    assert begin({"trip_id": "trip-1", "saga_id": state["saga_id"]}, "arn:another") == state
    assert store.items == before


def test_a_saga_that_has_not_begun_is_refused(store: MemoryStore) -> None:
    """Named by trip_id and saga_id, an unknown trip is an InvalidTrip and one of another saga a TripConflict."""
    with pytest.raises(InvalidTrip, match="has begun"):
        begin({"trip_id": "trip-1", "saga_id": "any"})
    begin(trip())
    before = deepcopy(store.items)
    with pytest.raises(TripConflict):
        begin({"trip_id": "trip-1", "saga_id": "any"})
    assert store.items == before


@pytest.mark.parametrize("trip_id", ["", "no id!", "x" * 65, "\ud800"])
def test_a_saga_is_named_by_a_trip_id(store: MemoryStore, trip_id: str) -> None:
    """What can be no trip's id is an InvalidTrip before any table is asked: a key that is none is an error there."""
    store.items.clear()
    with pytest.raises(InvalidTrip, match="/trip_id: expected 1 to 64 of"):
        begin({"trip_id": trip_id, "saga_id": "any"})


@pytest.mark.parametrize(
    "more", [{"owner": "eve"}, {"faults": {}}, {"hotel": TRIP["hotel"]}, {"saga_id": 7}, {"trip_id": None}]
)
def test_anything_beside_the_two_names_makes_it_a_trip(store: MemoryStore, more: dict[str, Any]) -> None:
    """What is not exactly a trip_id and a saga_id, both texts, is checked as a trip, and none has a saga_id."""
    state = begin(trip())
    before = deepcopy(store.items)
    with pytest.raises(InvalidTrip, match="/saga_id: expected no such field"):
        begin({"trip_id": "trip-1", "saga_id": state["saga_id"]} | more)
    assert store.items == before


def begin_cancellation(request: Any, execution: str = "arn:undo") -> dict[str, Any]:
    """Call BeginCancellation as its state does."""
    event = {"request": request, "execution": execution, "step": "BeginCancellation", "attempt": 0}
    return saga.begin_cancellation(event, CONTEXT)


def test_an_undo_begins_with_what_the_ledger_holds(store: MemoryStore) -> None:
    """BeginCancellation closes the trip and answers its state: the run, the status, and what is booked."""
    state = begin(trip(owner="ann"))
    HANDLERS["hotel"].book(event(state, "BookHotel", 1), CONTEXT)
    undo = begin_cancellation({"trip_id": "trip-1"})
    assert undo == state | {"run": 1, "status": "COMPENSATING", "bookings": {"hotel": {"status": "BOOKED"}}}
    assert (record(store)["status"], record(store)["undo"]) == ("COMPENSATING", "arn:undo")
    assert json.loads(json.dumps(undo)) == undo


def test_an_undo_of_a_settled_trip_says_so(store: MemoryStore) -> None:
    """BeginCancellation of a trip that is CONFIRMED answers that, and writes nothing."""
    begin(trip())
    record(store)["status"] = "CONFIRMED"
    before = deepcopy(store.items)
    assert begin_cancellation({"trip_id": "trip-1"})["status"] == "CONFIRMED"
    assert store.items == before


@pytest.mark.parametrize("request_", [{}, {"trip_id": "trip-1"}, {"trip_id": 7}, {"trip_id": "trip-1", "faults": {}}])
def test_an_undo_of_nothing_is_refused(store: MemoryStore, request_: dict[str, Any]) -> None:
    """BeginCancellation of no trip, or with faults where none are allowed, is an InvalidTrip."""
    with pytest.raises(InvalidTrip):
        begin_cancellation(request_)
    assert store.items == OFFERS


def test_an_undo_brings_its_own_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faults of an undo come from its own request, and never from the booking's."""
    monkeypatch.setenv("SAGA_FAULTS", "allowed")
    begin(trip(faults={"BookCar": {"error": "SoldOut"}}))
    faults = {"CancelCar": {"error": "TransientError"}}
    assert begin_cancellation({"trip_id": "trip-1"})["faults"] == {}
    assert begin_cancellation({"trip_id": "trip-1", "faults": faults})["faults"] == faults
