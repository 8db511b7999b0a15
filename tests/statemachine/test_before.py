"""Trips of before keep working: what takes part in a trip is what its request has, whoever takes part today."""

import json
import re
from collections.abc import Iterator
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from handlers import saga
from saga import lifecycle, wiring
from saga.ports import Desk
from saga.trip import OPERATOR, PARTICIPANTS, Trip
from tests.memory import MemoryStore
from tests.statemachine import other
from tests.statemachine.machine import ROOT, Machine
from tests.statemachine.other import PLAN
from tests.statemachine.replay import handler_of
from tests.statemachine.traveller import UNDO, asks
from tests.story import bookings, record, story
from tests.trips import CONTEXT, TRIP, trip
from tools.invariants import violations

ID = {"trip_id": TRIP["trip_id"]}
TODAY = date(2099, 1, 1)
NAMES = list(PARTICIPANTS)
MORE = {place: [*NAMES[:at], "insurance", *NAMES[at:]] for place, at in (("first", 0), ("middle", 2), ("last", 3))}
REFUSED = {"hotel": ("hotel/name", "Full House"), "flight": ("flight/number", "FR1"), "car": ("car/model", "Sold Out")}
SUBSETS = [subset for size in range(1, len(NAMES) + 1) for subset in combinations(NAMES, size)]
DEFINITIONS = {
    name: json.loads((ROOT / f"statemachine/{name}.asl.json").read_text()) for name in ("booking", "cancellation")
}


@pytest.fixture(params=MORE)
def later(request: pytest.FixtureRequest) -> list[str]:
    """The participants of a later release: an insurance is booked first, between the others, or last."""
    return MORE[request.param]


@pytest.fixture
def upheld(store: MemoryStore) -> Iterator[None]:
    """The promise holds when the test is over."""
    yield
    assert violations(store.items) == []


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_another_release_is_written_as_this_one_is(definition: str) -> None:
    """With the participants of this checkout, what these tests make of a definition is the definition."""
    text = (ROOT / f"statemachine/{definition}.asl.json").read_text()
    assert other.rearranged(json.loads(text), NAMES) == json.loads(text)


@pytest.mark.usefixtures("upheld")
def test_a_trip_of_before_is_cancelled(machine: Machine, store: MemoryStore, later: list[str], tmp_path: Path) -> None:
    """A trip that was booked before there was an insurance is cancelled by the release that has one."""
    machine.run(trip())
    with other.release(later, tmp_path):
        assert asks(store) == ("CANCELLING", [UNDO])
        assert other.machine(store, "cancellation", later).run(ID).status == "SUCCEEDED"
    assert record(store)["status"] == "CANCELLED"
    assert bookings(store) == dict.fromkeys(NAMES, "CANCELLED")
    cancels = [f"Cancel{name.title()} {kind}" for name in reversed(NAMES) for kind in ("START", "END")]
    assert story(store)[-8:] == ["Saga BEGIN", *cancels, "Saga END CANCELLED"]


@pytest.mark.slow
@pytest.mark.usefixtures("upheld")
def test_a_trip_of_before_is_repaired(machine: Machine, store: MemoryStore, later: list[str], tmp_path: Path) -> None:
    """A trip of before that owes a cancel is repaired by the later release."""
    machine.run(trip("car/model", "Sold Out", faults={"CancelFlight": {"error": "TransientError"}}))
    assert record(store)["owed"] == {"flight": "TransientError"}
    with other.release(later, tmp_path):
        assert other.machine(store, "cancellation", later).run(ID).status == "SUCCEEDED"
    assert (record(store)["status"], "owed" in record(store)) == ("ROLLED_BACK", False)
    assert story(store)[-1] == "Saga END ROLLED_BACK"


@pytest.mark.usefixtures("upheld")
def test_a_saga_begun_before_is_booked_as_it_was_asked(
    store: MemoryStore, machine: Machine, later: list[str], tmp_path: Path
) -> None:
    """A trip that the API has begun before, and whose execution starts after the release, is CONFIRMED as asked."""
    asked = Trip.parse(trip(), TRIP["trip_id"], OPERATOR, TODAY)
    lifecycle.begin(Desk(machine.store, wiring.now), asked, None)
    with other.release(later, tmp_path):
        run = other.machine(store, "booking", later).run(ID | {"saga_id": asked.saga_id})
    assert (run.status, "BookInsurance" in run.calls) == ("SUCCEEDED", True)
    assert record(store)["status"] == "CONFIRMED"
    assert record(store)["booked"] == sorted(NAMES)
    books = [f"Book{name.title()} {kind}" for name in NAMES for kind in ("START", "END")]
    assert story(store) == ["Saga BEGIN", *books, "Saga END CONFIRMED"]


@pytest.mark.usefixtures("upheld")
@pytest.mark.parametrize("refused", NAMES)
def test_a_saga_begun_before_rolls_back_as_it_was_asked(
    store: MemoryStore, machine: Machine, later: list[str], tmp_path: Path, refused: str
) -> None:
    """Refused at any of its participants, a saga that was begun before the release ends ROLLED_BACK."""
    field = {
        "hotel": ("hotel/name", "Full House"),
        "flight": ("flight/number", "FR1"),
        "car": ("car/model", "Sold Out"),
    }
    asked = Trip.parse(trip(*field[refused]), TRIP["trip_id"], OPERATOR, TODAY)
    lifecycle.begin(Desk(machine.store, wiring.now), asked, None)
    with other.release(later, tmp_path):
        run = other.machine(store, "booking", later).run(ID | {"saga_id": asked.saga_id})
    assert (run.error, record(store)["status"]) == ("TripRolledBack", "ROLLED_BACK")
    assert "insurance" not in record(store)["request"]
    assert story(store)[-1] == "Saga END ROLLED_BACK"


@pytest.mark.usefixtures("upheld")
def test_a_new_trip_has_the_insurance(machine: Machine, store: MemoryStore, later: list[str], tmp_path: Path) -> None:
    """A trip of the later release books all four, and is CONFIRMED with its last book."""
    assert machine.store is store
    with other.release(later, tmp_path):
        run = other.machine(store, "booking", later).run(trip(insurance=PLAN))
        assert run.calls == ["BeginSaga", *(f"Book{name.title()}" for name in later)]
        assert (run.status, record(store)["status"]) == ("SUCCEEDED", "CONFIRMED")
        assert bookings(store) == dict.fromkeys(later, "BOOKED")
        asks(store)
        assert other.machine(store, "cancellation", later).run(ID).status == "SUCCEEDED"
        assert bookings(store) == dict.fromkeys(later, "CANCELLED")
    assert story(store)[-1] == "Saga END CANCELLED"


@pytest.mark.usefixtures("upheld")
def test_a_new_trip_that_is_refused_undoes_the_insurance(
    machine: Machine, store: MemoryStore, later: list[str], tmp_path: Path
) -> None:
    """A trip of the later release that its last participant refuses undoes all four and ends ROLLED_BACK."""
    assert machine.store is store
    request = trip(insurance=PLAN, faults={f"Book{later[-1].title()}": {"error": "SoldOut"}})
    with other.release(later, tmp_path):
        run = other.machine(store, "booking", later).run(request)
        assert run.error == "TripRolledBack"
        assert bookings(store) == dict.fromkeys(later, "CANCELLED")
    assert run.calls[-4:] == [f"Cancel{name.title()}" for name in reversed(later)]
    assert story(store)[-1] == "Saga END ROLLED_BACK"


@pytest.mark.parametrize("gone", NAMES)
def test_a_trip_with_a_participant_that_is_gone_is_owed(
    machine: Machine, store: MemoryStore, tmp_path: Path, gone: str
) -> None:
    """A release without a participant undoes all else of an older trip, which then owes that one; it ends."""
    machine.run(trip())
    asks(store)
    left = [name for name in NAMES if name != gone]
    with other.release(left, tmp_path):
        run = other.machine(store, "cancellation", left).run(ID)
    again = [f"Cancel{name.title()}" for name in reversed(left)] + ["EndSaga"]
    assert (run.error, run.calls) == ("TripNeedsAttention", ["BeginCancellation", *again, *again])
    assert (record(store)["status"], record(store)["owed"]) == ("NEEDS_ATTENTION", {gone: "StillBooked"})
    assert bookings(store) == dict.fromkeys(left, "CANCELLED") | {gone: "BOOKED"}
    assert story(store)[-1] == "Saga ABORT NEEDS_ATTENTION"
    assert violations(store.items) == []


@pytest.mark.usefixtures("upheld")
def test_a_removal_that_is_undone_heals_the_trip(machine: Machine, store: MemoryStore, tmp_path: Path) -> None:
    """Once the participant is back, a repair cancels what was owed."""
    machine.run(trip())
    asks(store)
    with other.release(NAMES[:-1], tmp_path):
        other.machine(store, "cancellation", NAMES[:-1]).run(ID)
    assert Machine(store, "cancellation").run(ID).status == "SUCCEEDED"
    assert (record(store)["status"], "owed" in record(store)) == ("CANCELLED", False)
    assert story(store)[-1] == "Saga END CANCELLED"


@pytest.mark.parametrize("definition", DEFINITIONS)
@pytest.mark.parametrize("names", SUBSETS, ids="-".join)
def test_no_path_of_a_state_is_missing(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, definition: str, names: tuple[str, ...]
) -> None:
    """Whatever an older trip has, every path that a state passes, writes under or chooses by is there.

    On AWS a path that is missing is States.Runtime, which no Catch takes.
    """
    monkeypatch.setattr(wiring, "_store", lambda: store)
    state = begun(store, definition, names)
    for name, task in DEFINITIONS[definition]["States"].items():
        for path in paths(task):
            assert resolves(state, path), f"{name}: {path}"


def test_what_a_choice_looks_at_is_in_every_answer(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancels and EndSaga answer what the choices behind them look at, also where the trip has no such participant."""
    monkeypatch.setattr(wiring, "_store", lambda: store)
    state = begun(store, "cancellation", ("flight",))
    step = state | {"position": 4, "attempt": 0}
    cancels = [f"Cancel{name.title()}" for name in PARTICIPANTS]
    answers = [handler_of(name)(step | {"step": name}, CONTEXT) for name in cancels]
    assert [answer["ended"] for answer in answers] == [False, True, False]  # its only participant's cancel ends it
    answer = saga.end(step | {"step": "EndSaga", "before": state["end"]}, CONTEXT)
    assert (answer["status"], answer["again"]) == ("ROLLED_BACK", False)


def begun(store: MemoryStore, definition: str, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the state that a machine begins with for a trip that has these participants."""
    asked = Trip(TRIP["trip_id"], OPERATOR, {name: TRIP[name] for name in names})
    lifecycle.begin(Desk(store, wiring.now), asked, "arn:before")
    event = {"execution": "arn:now", "step": "Begin", "attempt": 0}
    if definition == "booking":
        return saga.begin(event | {"request": ID | {"saga_id": asked.saga_id}}, CONTEXT)
    return saga.begin_cancellation(event | {"request": ID}, CONTEXT)


def paths(state: Any) -> Iterator[str]:
    """Tell the paths into the state that a state of a machine reads, and those under which it writes."""
    if isinstance(state, dict):
        for name, value in state.items():
            if name == "ResultPath":
                yield value.rpartition(".")[0]
            elif isinstance(value, str) and re.match(r"\$\.", value) and not answered(value):
                yield value
            else:
                yield from paths(value)
    elif isinstance(state, list):
        for value in state:
            yield from paths(value)


def answered(path: str) -> bool:
    """Whether a path is into what a state before has answered; see the test of what a choice looks at."""
    return path.endswith((".ended", ".again", "end.status"))


def resolves(state: Any, path: str) -> bool:
    """Whether a path leads to something, as AWS reads it."""
    for name in path.split(".")[1:]:
        if not isinstance(state, dict) or name not in state:
            return False
        state = state[name]
    return True


def test_a_path_that_is_missing_would_be_told() -> None:
    """The walk finds a parameter, a choice and a place of a result that the state has not."""
    state = {"Parameters": {"a.$": "$.a", "b.$": "$.b"}, "ResultPath": "$.c.d", "Choices": [{"Variable": "$.e"}]}
    assert [path for path in paths(state) if not resolves({"a": 1}, path)] == ["$.b", "$.c", "$.e"]
    broken = patch.dict(DEFINITIONS["booking"]["States"], {"X": state})
    with broken, pytest.MonkeyPatch.context() as undone, pytest.raises(AssertionError, match=r"X: \$"):
        test_no_path_of_a_state_is_missing(MemoryStore(), undone, "booking", ("car",))
