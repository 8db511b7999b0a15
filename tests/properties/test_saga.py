"""Any sequence of calls, deaths and late deliveries that Hypothesis thinks of keeps the promise."""

from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from inspect import unwrap
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from handlers import car, flight, hotel, saga
from saga import wiring
from saga.ports import Key
from saga.trip import BOOKING, CANCELLED, CANCELLING, COMPENSATING, CONFIRMED, PARTICIPANTS, ROLLED_BACK
from tests.memory import MemoryStore
from tests.model.edges import TRIP
from tests.properties.mortal import Killed, Mortal
from tests.trips import OFFERS, trip
from tools.invariants import SETTLED, violations

HANDLERS: dict[str, Any] = {"hotel": hotel, "flight": flight, "car": car}
ORDER = list(PARTICIPANTS)
TRIPS, OWNERS, PARTS = st.sampled_from(["trip-1", "trip-2"]), st.sampled_from(["ann", "ben"]), st.sampled_from(ORDER)
DEATHS = st.one_of(st.none(), st.integers(0, 3))
"""After how many of its writes a function dies; None: it lives."""
AFTER = TRIP | {BOOKING: {*TRIP}, CONFIRMED: {CANCELLING}}


class Saga(RuleBasedStateMachine):
    """Two trips, one seat each; whoever asks first owns a trip_id. What a function answers decides nothing here."""

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore()
        self.store.items = {key: {"capacity": min(1, offer["capacity"])} for key, offer in OFFERS.items()}
        self.states: dict[tuple[str, str], list[Any]] = {}
        self.late: list[tuple[Callable[..., Any], Any]] = []
        self.booked: set[tuple[str, str]] = set()
        self.seen: dict[str, str] = {}
        self.undos = 0

    @initialize(books=st.integers(0, len(ORDER)), undone=st.booleans())
    def half_way(self, books: int, undone: bool) -> None:
        """Ann's trip-1 is booked so far, and perhaps an undo of it has begun: chance alone seldom gets there."""
        self.begin("trip-1", "ann", None)
        if undone:
            self.begin_cancellation("trip-1", None)
        for name in ORDER[:books]:
            self.late.append((HANDLERS[name].book, _event(self.states["trip-1", "arn:trip-1-ann"][0], "book", name, 0)))
            self._call(*self.late[-1], None)

    @rule(trip_id=TRIPS, owner=OWNERS, dies=DEATHS)
    def begin(self, trip_id: str, owner: str, dies: int | None) -> None:
        """BeginSaga; refused if the trip_id is another owner's."""
        self._state(trip_id, saga.begin, trip(trip_id=trip_id, owner=owner), f"arn:{trip_id}-{owner}", dies)

    @rule(trip_id=TRIPS, dies=DEATHS)
    def begin_cancellation(self, trip_id: str, dies: int | None) -> None:
        """BeginCancellation, as the reconciler or a repair starts it, perhaps by mistake."""
        self.undos += 1
        self._state(trip_id, saga.begin_cancellation, {"trip_id": trip_id}, f"arn:undo-{self.undos}", dies)

    @precondition(lambda self: self.states)
    @rule(data=st.data(), name=PARTS, verb=st.sampled_from(["book", "cancel"]), attempt=st.integers(0, 2), dies=DEATHS)
    def step(self, data: st.DataObject, name: str, verb: str, attempt: int, dies: int | None) -> None:
        """Call a book or a cancel of any saga and run, in any order; it may be delivered again later."""
        state = data.draw(st.sampled_from(self._begun(verb)))
        if verb == "book":  # in order, as the machine books: that the last one confirms relies on it
            before = ORDER[: ORDER.index(name)]
            name = next((other for other in before if (state["saga_id"], other) not in self.booked), name)
        call = HANDLERS[name].__dict__[verb], _event(state, verb, name, attempt)
        self.late.append(call)
        self._call(*call, dies)

    @precondition(lambda self: self.late)
    @rule(data=st.data(), dies=DEATHS)
    def deliver_late(self, data: st.DataObject, dies: int | None) -> None:
        """Call a function again that was called before."""
        self._call(*data.draw(st.sampled_from(self.late)), dies)

    @rule(trip_id=TRIPS)
    def whole_booking(self, trip_id: str) -> None:
        """All books of a trip in order, as a machine makes them without a fault; one of the two trips has no seat."""
        state = self._state(trip_id, saga.begin, trip(trip_id=trip_id, owner="ann"), "arn:whole", None)
        for name in ORDER if state else ():
            if not self._call(HANDLERS[name].book, _event(state, "book", name, 0), None):
                break

    @precondition(lambda self: self.states)
    @rule(trip_id=TRIPS, dies=DEATHS, owed=st.sets(PARTS, max_size=2))
    def undo(self, trip_id: str, dies: int | None, owed: set[str]) -> None:
        """An undo from its begin to its end, in which some cancels fail and EndSaga may die."""
        self._undo(trip_id, owed, dies)

    @precondition(lambda self: self.states)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        """EndSaga of any run, all of whose cancels failed."""
        event = _event(data.draw(st.sampled_from(self._begun("cancel"))), "end", "saga", 0)
        self._call(saga.end, event | {"owed": {name: {"Error": "TransientError"} for name in ORDER}}, None)

    @rule(trip_id=TRIPS)
    def delete(self, trip_id: str) -> None:
        """A traveller's DELETE, as design section 3 has it."""
        record = self.store.items.get(Key("saga-log", trip_id, "TRIP"), {"status": "-"})
        if record["status"] == BOOKING:
            record |= {"status": COMPENSATING, "goal": ROLLED_BACK}
        elif record["status"] == CONFIRMED:
            record |= {"status": CANCELLING, "goal": CANCELLED, "unfinished": record["shard"]}

    @invariant()
    def keeps_the_promise(self) -> None:
        """Every invariant that tables can show holds after every call."""
        assert violations(self.store.items) == []
        for key, item in self.store.items.items():
            if key.entry == "TRIP":
                before = self.seen.get(key.id, BOOKING)
                assert item["status"] in AFTER[before] | {before}
                self.seen[key.id] = item["status"]

    def teardown(self) -> None:
        """Undo what is unfinished; then every late call lands; then nothing may be owed or unfinished."""
        self._undo("trip-1", set(), None)
        self._undo("trip-2", set(), None)
        for call in self.late:
            self._call(*call, None)
        self.keeps_the_promise()
        assert all(item["status"] in SETTLED for key, item in self.store.items.items() if key.entry == "TRIP")

    def _begun(self, verb: str) -> list[Any]:
        """Return the states of sagas in the order in which they began; only a booking's own run books."""
        states = [state for states in self.states.values() for state in states]
        return [state for state in states if verb == "cancel" or state["run"] == 0] or states[:1]

    def _state(self, trip_id: str, begin: Callable[..., Any], request: Any, arn: str, dies: int | None) -> Any:
        event = {"request": request, "execution": arn, "step": "Begin", "attempt": 0}
        state = self._call(begin, event, dies)
        if state and state.get("status") not in SETTLED:
            self.states.setdefault((trip_id, arn), []).append(state)
        return state

    def _undo(self, trip_id: str, owed: set[str], dies: int | None) -> None:
        self.undos += 1
        state = self._state(trip_id, saga.begin_cancellation, {"trip_id": trip_id}, f"arn:undo-{self.undos}", None)
        if not state or state["status"] in SETTLED:
            return
        failed = set(owed)
        for name in reversed(ORDER):
            if name not in owed and not self._call(HANDLERS[name].cancel, _event(state, "cancel", name, 0), None):
                failed.add(name)
        event = _event(state, "end", "saga", 0) | {"owed": {name: {"Error": "TransientError"} for name in failed}}
        self._call(saga.end, event, dies)

    def _call(self, function: Callable[..., Any], event: Any, dies: int | None) -> Any:
        """Return what a function answers, None if it raised or died."""
        store = Mortal(self.store, dies)
        with suppress(Exception, Killed), patch.object(wiring, "_store", lambda: store):
            answer = unwrap(function)(deepcopy(event), None)
            if event["step"].startswith("Book"):
                self.booked.add((event["saga_id"], event["step"].removeprefix("Book").lower()))
            return answer
        return None


def _event(state: Any, verb: str, name: str, attempt: int) -> dict[str, Any]:
    """Make what a state of the machine passes to its function."""
    places = {"book": [*ORDER], "cancel": [*ORDER, *reversed(ORDER)], "end": [*ORDER, *ORDER, "saga"]}[verb]
    position = len(places) - places[::-1].index(name) if verb != "book" else places.index(name) + 1
    event = {n: state[n] for n in ("trip_id", "saga_id", "run")} | {"position": position, "attempt": attempt}
    event |= {"step": "EndSaga" if verb == "end" else f"{verb.title()}{name.title()}", "faults": {}}
    return (
        event
        | ({"part": state["trip"][name]} if verb != "end" else {})
        | {"confirms": (verb, name) == ("book", ORDER[-1])}
    )


Saga.TestCase.settings = settings(
    max_examples=200,
    stateful_step_count=40,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestSaga = Saga.TestCase
