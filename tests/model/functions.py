"""Every function that works on a trip: the machines' own, and what travellers, operators and the reconciler call."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from inspect import unwrap
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

from saga.errors import TransientError
from saga.executions import booking_input, booking_name, cancellation_name
from saga.log import trip_key
from saga.ports import Desk, Key, Lost, Write
from saga.trip import OPERATOR, PARTICIPANTS, Trip
from tests.model.seen import seen

RECONCILE, REPAIR, POST = "Reconcile", "Repair", "POST"
"""What nobody but a schedule, an event, an operator or a traveller calls; edges.py names the DELETE."""

STEPS = {
    "BeginSaga": ("handlers.saga", "begin"),
    "BeginCancellation": ("handlers.saga", "begin_cancellation"),
    "EndSaga": ("handlers.saga", "end"),
    **{f"{v.title()}{name.title()}": (f"handlers.{name}", v) for v in ("book", "cancel") for name in PARTICIPANTS},
}
"""The functions that a state machine calls."""


class Ask(NamedTuple):
    """An operation on the executions: the status of one, or (`machine`) its start."""

    arn: str
    machine: str = ""
    request: Any = None


class Suspended(BaseException):
    """The function has come to an operation that is not answered yet."""

    def __init__(self, operation: Key | Mapping[str, Write] | Ask) -> None:
        self.operation = operation


class Feed:
    """The storage and the executions of a function: gives recorded answers, and then suspends."""

    def __init__(self, name: str = "", answers: Sequence[Any] = ()) -> None:
        self._name, self._answers = name, iter(answers)

    def get(self, key: Key, *, consistent: bool = True) -> Any:  # noqa: ARG002  what is read so never changes here
        return self._next(key)

    def write(self, writes: Mapping[str, Write]) -> None:
        self._next(dict(writes))

    def booking(self, trip_id: str, saga_id: str) -> str:
        return f"booking:{booking_name(trip_id, saga_id)}"

    def cancellation(self, trip_id: str, run: int) -> str:
        return f"cancellation:{cancellation_name(trip_id, run)}"

    def status(self, arn: str) -> Any:
        return self._next(Ask(arn))

    def start_booking(self, trip_id: str, record: Mapping[str, Any]) -> Any:
        arn = self.booking(trip_id, record["saga_id"])
        return self._next(Ask(arn, "booking", booking_input(trip_id, record)))

    def start_cancellation(self, trip_id: str, run: int) -> Any:
        return self._next(Ask(self.cancellation(trip_id, run), "cancellation", {"trip_id": trip_id}))

    def _next(self, operation: Any) -> Any:
        kind, value = next(self._answers, ("suspend", None))
        match kind:
            case "suspend":
                raise Suspended(operation)
            case "lost":
                raise Lost({n: seen(self._name, operation[n].key, item) for n, item in value.items()})
            case "error":
                raise TransientError("no answer")
        return seen(self._name, operation, value) if isinstance(operation, Key) else value


def saga_of(request: Any) -> Trip:
    """Return the trip that a request books."""
    return Trip.parse(request, request["trip_id"], request.get("owner", OPERATOR), date(2099, 1, 1))


def bound(modules: Mapping[str, ModuleType]) -> Callable[[str, Any, Feed], Any]:
    """Return what calls a function of these modules by its name, with an event and what is to answer it."""
    fed: list[Feed] = []
    wiring = SimpleNamespace(desk=lambda *_: Desk(fed[0], lambda: "now"), faults_allowed=lambda: True)
    for name, module in modules.items():
        if name.startswith("handlers."):
            module.wiring = wiring  # type: ignore[attr-defined]
    modules["saga.travellers"].telemetry = SimpleNamespace(note=lambda *_: None)  # type: ignore[attr-defined]
    travellers, reconciler = modules["saga.travellers"], modules["saga.reconciler"]

    def call(name: str, event: Any, feed: Feed) -> Any:
        desk = Desk(feed, lambda: "now")
        match name:
            case "DELETE":
                return travellers.cancel(desk, feed, event["trip_id"], event["owner"])
            case "POST":
                return travellers.book(desk, feed, saga_of(event))
            case "Reconcile":
                return reconciler.reconcile(desk, feed, event["trip_id"])
            case "Repair":
                return reconciler.start_undo(desk, feed, feed.get(trip_key(event["trip_id"])), most=None)
        fed[:] = [feed]
        module, function = STEPS[name]
        return unwrap(getattr(modules[module], function))(event, None)

    return call
