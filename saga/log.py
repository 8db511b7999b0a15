"""The saga log: what each step was about to do, and how it ended.

The kinds of entries are those of Garcia-Molina and Salem's Sagas (1987): a saga begins and ends, and each
request in it starts and then ends or is aborted. Keys sort into the story:
`LOG#<run>#<position>#<step>#<attempt>#<kind>`, run 0 being the booking and run n its n-th undo.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from saga.ports import Key, Put
from saga.trip import NEEDS_ATTENTION

TABLE = "saga-log"

BEGIN, START, END, ABORT = "BEGIN", "START", "END", "ABORT"

_OUTCOME = "999"  # in the place of an attempt: a step has one outcome, and it sorts behind all its attempts


@dataclass(frozen=True)
class Call:
    """One attempt at one step of a saga, as its state says.

    `confirms` marks the last book: it confirms the trip. `bookings` has the participants whose books have answered,
    so that a cancel knows where to look first; None where the machine can't tell.
    """

    trip_id: str
    saga_id: str
    run: int
    position: int
    step: str
    attempt: int
    confirms: bool = False
    bookings: Mapping[str, Any] | None = None

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> "Call":
        """Read the fields that a step's state passes by these names."""
        return cls(**{name: event[name] for name in cls.__match_args__ if name in event})


def trip_key(trip_id: str) -> Key:
    """Where the record of a trip stands, beside its log."""
    return Key(TABLE, trip_id, "TRIP")


def begun(trip_id: str, run: int, at: str, **facts: Any) -> Put:
    """A run of the saga begins: the booking, or one of its undos. Only one run gets each number."""
    return _put(trip_id, f"LOG#{run:03}#00#Saga#000#BEGIN", step="Saga", kind=BEGIN, at=at, run=run, **facts)


def started(call: Call, at: str) -> Put:
    """This attempt is about to act. Written ahead of the act, so that a crash leaves evidence."""
    return _entry(call, f"{call.attempt:03}#START", START, at, attempt=call.attempt)


def outcome(call: Call, kind: str, at: str, **facts: Any) -> Put:
    """The step's only outcome: END and ABORT share one key, so whichever comes first stands."""
    return _entry(call, f"{_OUTCOME}#OUTCOME", kind, at, attempt=call.attempt, **facts)


def ended(call: Call, status: str, at: str, **facts: Any) -> Put:
    """The saga ends in this run: END at CONFIRMED, ROLLED_BACK or CANCELLED, ABORT where it needs attention."""
    key = f"LOG#{call.run:03}#{call.position:02}#Saga#{_OUTCOME}#{status}"
    kind = ABORT if status == NEEDS_ATTENTION else END
    return _put(call.trip_id, key, step="Saga", kind=kind, at=at, status=status, run=call.run, **facts)


def _entry(call: Call, tail: str, kind: str, at: str, **facts: Any) -> Put:
    key = f"LOG#{call.run:03}#{call.position:02}#{call.step}#{tail}"
    return _put(call.trip_id, key, step=call.step, kind=kind, at=at, run=call.run, **facts)


def _put(trip_id: str, entry: str, **item: Any) -> Put:
    return Put(Key(TABLE, trip_id, entry), item)
