"""Any sequence of calls, deaths and late deliveries that Hypothesis thinks of keeps the promise."""

from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from datetime import UTC, datetime
from itertools import count
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from saga import reconciler, travellers, wiring
from saga.ports import Desk, Item, Key
from saga.trip import BOOKING, CANCELLING, CONFIRMED, NEEDS_ATTENTION, Trip
from tests.executions import FAILED, RUNNING, Executions
from tests.memory import MemoryStore
from tests.model.edges import TRIP
from tests.properties.driver import ORDER, Execution
from tests.properties.mortal import Killed, Mortal
from tests.slow import Slow
from tests.trips import OFFERS, trip
from tools.invariants import SETTLED, violations

TRIPS, OWNERS, PARTS = st.sampled_from(["trip-1", "trip-2"]), st.sampled_from(["ann", "ben"]), st.sampled_from(ORDER)
DRIVERS = st.sampled_from(["one", "other"])
DEATHS = st.one_of(st.none(), st.integers(0, 3))
"""After how many of its writes a function dies; None: it lives."""
TODAY = datetime.now(UTC).date()


class Saga(RuleBasedStateMachine):
    """Two trips, one seat each; whoever asks first owns a trip_id. Each saga may be driven by several at once."""

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore()
        self.store.items = {key: {"capacity": min(1, offer["capacity"])} for key, offer in OFFERS.items()}
        self.executions = Executions()
        self.waiting: dict[str, Execution] = {}
        self.driving: list[Execution] = []
        self.late: list[tuple[Callable[..., Any], Any]] = []
        self.seen: dict[str, list[Item]] = {}
        self.asked: set[str] = set()
        self.numbers = count(1)

    @initialize(books=st.integers(0, len(ORDER)), undone=st.booleans(), second=st.booleans())
    def half_way(self, books: int, undone: bool, second: bool) -> None:
        """Ann's trip-1 is booked so far, perhaps by two, and perhaps an undo of it has begun."""
        self.begin("trip-1", "ann", "one", None)
        if second:
            self.begin("trip-1", "ann", "other", None)
        if undone:
            self.begin_undo("trip-1", None)
        for name in ORDER[:books]:
            self._step(self.driving[0], "book", name, 0, None)

    @rule(trip_id=TRIPS, owner=OWNERS, driver=DRIVERS, dies=DEATHS)
    def begin(self, trip_id: str, owner: str, driver: str, dies: int | None) -> None:
        """An execution, one of two, begins a saga; refused if the trip_id is another owner's."""
        self._begin(Execution(f"{trip_id}-{owner}-{driver}", trip(trip_id=trip_id, owner=owner), undoes=False), dies)

    @rule(trip_id=TRIPS, owner=OWNERS)
    def post(self, trip_id: str, owner: str) -> None:
        """A traveller's POST records a trip and starts its saga, or finds it."""
        asked = Trip.parse(trip(), trip_id, owner, TODAY)
        with suppress(Exception):
            travellers.book(self._desk(), self.executions, asked)
        self._keep_started()

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), dies=DEATHS)
    def begin_started(self, data: st.DataObject, dies: int | None) -> None:
        """What a POST, a DELETE, the reconciler or a repair has started begins at last."""
        self._begin(self.waiting[data.draw(st.sampled_from(sorted(self.waiting)))], dies)

    @rule(trip_id=TRIPS, dies=DEATHS)
    def begin_undo(self, trip_id: str, dies: int | None) -> None:
        """BeginCancellation of an undo that somebody starts, perhaps by mistake."""
        self._begin(Execution(f"undo-{next(self.numbers)}", {"trip_id": trip_id}, undoes=True), dies)

    @precondition(lambda self: self.driving)
    @rule(data=st.data(), name=PARTS, verb=st.sampled_from(["book", "cancel"]), attempt=st.integers(0, 2), dies=DEATHS)
    def step(self, data: st.DataObject, name: str, verb: str, attempt: int, dies: int | None) -> None:
        """Call a book or a cancel of any execution, in any order; it may be delivered again later."""
        drivers = [one for one in self.driving if verb == "cancel" or not one.undoes]
        if drivers:
            self._step(data.draw(st.sampled_from(drivers)), verb, name, attempt, dies)

    @precondition(lambda self: self.late)
    @rule(data=st.data(), dies=DEATHS)
    def deliver_late(self, data: st.DataObject, dies: int | None) -> None:
        """Call a function again that was called before."""
        self._call(*data.draw(st.sampled_from(self.late)), dies)

    @rule(trip_id=TRIPS, driver=DRIVERS)
    def whole_booking(self, trip_id: str, driver: str) -> None:
        """All books of a trip in order, as a machine makes them without a fault; one of the two trips has no seat."""
        one = Execution(f"{trip_id}-ann-{driver}", trip(trip_id=trip_id, owner="ann"), undoes=False)
        if self._begin(one, None):
            all(self._step(one, "book", name, 0, None) for name in ORDER)

    @precondition(lambda self: self.driving)
    @rule(data=st.data(), first=PARTS, dies=DEATHS, owed=st.sets(PARTS, max_size=2))
    def roll_back(self, data: st.DataObject, first: str, dies: int | None, owed: set[str]) -> None:
        """An execution enters at the cancel of a book that has failed, and undoes what it can, to its end."""
        self._undo(data.draw(st.sampled_from(self.driving)), owed, dies, ORDER.index(first))

    @rule(trip_id=TRIPS, dies=DEATHS, owed=st.sets(PARTS, max_size=2))
    def undo(self, trip_id: str, dies: int | None, owed: set[str]) -> None:
        """An undo from its begin to its end, in which some cancels fail and EndSaga may die."""
        one = Execution(f"undo-{next(self.numbers)}", {"trip_id": trip_id}, undoes=True)
        if self._begin(one, None):
            self._undo(one, owed, dies)

    @rule(trip_id=TRIPS, owner=OWNERS, data=st.data())
    def delete(self, trip_id: str, owner: str, data: st.DataObject) -> None:
        """A traveller's DELETE, perhaps a slow one, whose first look at the trip was long ago."""
        earlier = data.draw(st.sampled_from([None, *self.seen.get(trip_id, [])[-3:]]))
        with suppress(Exception):
            travellers.cancel(self._desk(earlier), self.executions, trip_id, owner)
            self.asked.add(trip_id)
        self._keep_started()

    @rule(trip_id=TRIPS)
    def reconcile(self, trip_id: str) -> None:
        """The reconciler looks at a trip."""
        with suppress(Exception):
            reconciler.reconcile(self._desk(), self.executions, trip_id)
        self._keep_started()

    @rule(trip_id=TRIPS)
    def repair(self, trip_id: str) -> None:
        """An operator has a trip undone that needs attention."""
        record = self.store.get(Key("saga-log", trip_id, "TRIP"))
        if record and record["status"] == NEEDS_ATTENTION and not reconciler.undo_runs(self.executions, record):
            with suppress(Exception):
                reconciler.start_undo(self._desk(), self.executions, record, most=None)
            self._keep_started()

    @precondition(lambda self: RUNNING in self.executions.statuses.values())
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        """An execution dies, begun or not; what it has called may still land."""
        running = [name for name, status in self.executions.statuses.items() if status == RUNNING]
        name = data.draw(st.sampled_from(sorted(running)))
        self.executions.statuses[name] = FAILED
        self.waiting.pop(name, None)

    @invariant()
    def keeps_the_promise(self) -> None:
        """Every invariant that tables can show holds after every call; only who asked for it loses a trip (I8)."""
        assert violations(self.store.items) == []
        for key, item in self.store.items.items():
            if key.entry == "TRIP":
                seen = self.seen.setdefault(key.id, [])
                before = seen[-1]["status"] if seen else BOOKING
                undone = (before, item["status"]) == (CONFIRMED, CANCELLING) and key.id in self.asked
                assert undone or item["status"] in {before, *TRIP[before]}
                if not seen or seen[-1]["status"] != item["status"]:
                    seen.append(deepcopy(item))

    def teardown(self) -> None:
        """Undo what is unfinished; then every late call lands; then nothing may be owed or unfinished."""
        for trip_id in ("trip-1", "trip-2"):
            self.undo(trip_id, None, set())
        for call in self.late:
            self._call(*call, None)
        self.keeps_the_promise()
        assert all(item["status"] in SETTLED for key, item in self.store.items.items() if key.entry == "TRIP")

    def _desk(self, earlier: Item | None = None) -> Desk:
        return Desk(Slow(self.store, earlier), wiring.now)

    def _keep_started(self) -> None:
        """Keep what was started, until it begins or dies."""
        for name in self.executions.started:
            trip_id, _, kind = name.rpartition("-")
            begun = self.store.items[Key("saga-log", trip_id, "TRIP")]
            named = {"trip_id": trip_id} if kind.startswith("c") else {"trip_id": trip_id, "saga_id": begun["saga_id"]}
            self.waiting[name] = Execution(name, named, undoes=kind.startswith("c"))
        self.executions.started.clear()

    def _begin(self, one: Execution, dies: int | None) -> bool:
        """Begin an execution; return whether it goes on."""
        self.executions.statuses.setdefault(one.name, RUNNING)
        state = self._call(*one.begin(), dies)
        if not state or state.get("status") in SETTLED:
            return False
        self.waiting.pop(one.name, None)
        one.state = state
        self.driving.append(one)
        return True

    def _step(self, one: Execution, verb: str, name: str, attempt: int, dies: int | None) -> bool:
        """Make a call of a step and keep its answer where the machine keeps it; return whether there is one."""
        self.late.append(one.step(verb, name, attempt))
        answer = self._call(*self.late[-1], dies)
        if answer:
            one.state["bookings"][name] = answer
        return bool(answer)

    def _undo(self, one: Execution, owed: set[str], dies: int | None, first: int = len(ORDER) - 1) -> None:
        """Run the cancels from one participant on, all of them again as often as EndSaga says, and EndSaga."""
        names = ORDER[first::-1]
        while True:
            for name in names:
                if name in owed or not self._step(one, "cancel", name, 0, None):
                    one.state["owed"][name] = {"Error": "TransientError"}
            if ORDER[0] not in one.state["owed"] and one.state["bookings"][ORDER[0]]["ended"]:
                return
            answer = self._call(*one.end(), dies)
            if not answer or not answer["again"]:
                return
            one.state["end"], names = answer, ORDER[::-1]

    def _call(self, function: Callable[..., Any], event: Any, dies: int | None) -> Any:
        """Return what a function answers, None if it raised or died."""
        store, answer = Mortal(self.store, dies), None
        with suppress(Exception, Killed), patch.object(wiring, "_store", lambda: store):
            answer = function(deepcopy(event), None)
        self.keeps_the_promise()
        return answer


Saga.TestCase.settings = settings(
    max_examples=200,
    stateful_step_count=40,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
# It takes half a minute: no part of the inner loop.
TestSaga = pytest.mark.slow(Saga.TestCase)
