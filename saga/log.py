"""The saga log: what each step was about to do, and how it ended.

The kinds of its lines are those of Garcia-Molina and Salem's Sagas (1987): a saga begins and ends, and each
request in it starts and then ends or is aborted. Keys sort into the story:
`LOG#<run>#<position>#<step>#<attempt>#<kind>`, run 0 being the booking and run n its n-th undo.

An item may hold more than one line, because every item is paid for: a trip's record begins its saga; a step's outcome
holds the START of the first attempt (`started`) and the saga's end, if the step ended it (`ended`). `lines` tells them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from saga.ports import Item, Key, Put
from saga.trip import COMPENSATING, NEEDS_ATTENTION

TABLE = "saga-log"
RECORD = "TRIP"
"""The entry under which a trip's record stands, beside its log."""

BEGIN, START, END, ABORT = "BEGIN", "START", "END", "ABORT"

_OUTCOME = "999"  # in the place of an attempt: a step has one outcome, and it sorts behind all its attempts


@dataclass(frozen=True)
class Call:
    """One attempt at one step of a saga, as its state says.

    `trip` is the trip's request, a part for each participant. `bookings` has what the books and cancels of this run
    have answered, by participant, and `owed` the cancels that have failed; a step tries first what they make likely.
    `status` is the trip's when its undo began.
    """

    trip_id: str
    saga_id: str
    run: int
    position: int
    step: str
    attempt: int
    trip: Mapping[str, Any] = field(default_factory=dict)
    bookings: Mapping[str, Any] = field(default_factory=dict)
    owed: Mapping[str, Any] = field(default_factory=dict)
    status: str = COMPENSATING

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> "Call":
        """Read the fields that a step's state passes by these names."""
        return cls(**{name: event[name] for name in cls.__match_args__ if name in event})


def trip_key(trip_id: str) -> Key:
    """Where the record of a trip stands, beside its log."""
    return Key(TABLE, trip_id, RECORD)


def begun(trip_id: str, run: int, at: str, **facts: Any) -> Put:
    """An undo of the saga begins as this run; only one gets each number. The booking's begin is the record itself."""
    return Put(Key(TABLE, trip_id, _saga(run, 0, "000#BEGIN")), _line("Saga", BEGIN, at, run, **facts))


def started(call: Call, at: str) -> Put:
    """This attempt is about to act. Written ahead of the act, so that a crash leaves evidence."""
    return _entry(call, f"{call.attempt:03}#START", START, at)


def outcome(call: Call, kind: str, at: str, began: str, **facts: Any) -> Put:
    """The step's only outcome: END and ABORT share one key, so whichever comes first stands.

    `began` is when the attempt began; of the first one that is its START. `ended` is the status in which the step ended
    the saga, where it did.
    """
    first = {} if call.attempt else {"started": began}
    return _entry(call, f"{_OUTCOME}#OUTCOME", kind, at, **first, **facts)


def ended(call: Call, status: str, at: str, **facts: Any) -> Put:
    """The saga ends in this run: END at ROLLED_BACK or CANCELLED, ABORT where it needs attention."""
    return Put(Key(TABLE, call.trip_id, _end(call.run, call.position, status)), _ended(status, at, call.run, **facts))


def story(items: Iterable[Item]) -> list[Item]:
    """Tell the lines of a trip's record and log, in the order of the story."""
    return sorted((line for item in items for line in lines(item)), key=itemgetter("entry"))


def lines(item: Item) -> Iterator[Item]:
    """Tell the lines that one item of the saga log holds, each with the key that it sorts under."""
    key = {"trip_id": item["trip_id"]}
    if item["entry"] == RECORD:
        yield {**key, "entry": _saga(0, 0, "000#BEGIN"), **_line("Saga", BEGIN, item["created"], 0)}
        return
    yield {name: value for name, value in item.items() if name not in ("started", "ended")}
    if "started" in item:
        entry = item["entry"].replace(f"{_OUTCOME}#OUTCOME", "000#START")
        yield {**key, "entry": entry, **_line(item["step"], START, item["started"], item["run"], attempt=0)}
    if "ended" in item:
        entry = _end(item["run"], int(item["entry"].split("#")[2]), item["ended"])
        yield {**key, "entry": entry, **_ended(item["ended"], item["at"], item["run"])}


def _entry(call: Call, tail: str, kind: str, at: str, **facts: Any) -> Put:
    key = Key(TABLE, call.trip_id, f"LOG#{call.run:03}#{call.position:02}#{call.step}#{tail}")
    return Put(key, _line(call.step, kind, at, call.run, attempt=call.attempt, **facts))


def _saga(run: int, position: int, tail: str) -> str:
    return f"LOG#{run:03}#{position:02}#Saga#{tail}"


def _end(run: int, position: int, status: str) -> str:
    return _saga(run, position, f"{_OUTCOME}#{status}")


def _line(step: str, kind: str, at: str, run: int, **facts: Any) -> Item:
    return {"step": step, "kind": kind, "at": at, "run": run, **facts}


def _ended(status: str, at: str, run: int, **facts: Any) -> Item:
    kind = ABORT if status == NEEDS_ATTENTION else END
    return _line("Saga", kind, at, run, status=status, **facts)
