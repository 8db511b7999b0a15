"""`./saga.sh repair`: heals what `stuck` lists, or says what it means and what to type next."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from saga.errors import TransientError
from saga.ports import Item
from tools import attention, audit, counters
from tools.advice import advice
from tools.findings import Finding, Kind
from tools.follow import Step
from tools.patient import Patient
from tools.rules import SETTLED
from tools.stage import Stage, UsageError

Told = Callable[[Step], None]


@dataclass(frozen=True)
class Mended:
    """What a repair has come to: what was `done`, and of all that is `left` the finding, its reason, and what is next.

    It is about a trip, or a day that is counted; `status` is the trip's.
    """

    what: str
    trip_id: str = ""
    status: str | None = None
    done: list[str] = field(default_factory=list)
    left: list[dict[str, str]] = field(default_factory=list)

    @property
    def healed(self) -> bool:
        """Whether nothing is left."""
        return not self.left

    def told(self) -> dict[str, Any]:
        """Tell it for a machine."""
        names = ("what", "trip_id", "status", "healed", "done", "left")
        return {name: getattr(self, name) for name in names}


def mend(stage: Stage, trip_id: str, told: Told = lambda _step: None, *, patient: bool = False) -> Mended:
    """Heal one trip, as far as that can be done; `told` hears the steps of its undo.

    `patient` leaves an unfinished trip alone that has changed a moment ago: something works on it. Raises UsageError
    for a trip of which nothing is known, Unreachable.
    """
    trip = Patient(stage, trip_id)
    if not trip.items:
        raise UsageError(f"trip {trip_id}: there is none on stage {stage.name}")
    left: list[dict[str, str]] = []
    if trip.readable:
        trip.set_counters()
        trip.put_in_index()
        trip.reopen()
        left = _undo(trip, told, patient=patient)
        trip.enter()
        trip.note()
    left += [advice(stage, finding) for finding in trip.findings if not left or finding.kind != Kind.LOG]
    return Mended(f"trip {trip_id}", trip_id, trip.status, trip.done, left)


def mend_all(stage: Stage, progress: audit.Progress, told: Callable[[str], Told]) -> Iterator[Mended]:
    """Heal all that `stuck` lists: first the counters, for a cancel can't give back what a counter says nobody took.

    `told` is asked, at each trip, for what hears its steps. Raises Unreachable.
    """
    _, found = audit.findings(stage, progress)
    yield from _days(stage, found)
    yield from (_unreadable(stage, one) for one in found if one.kind == Kind.UNREADABLE and not one.trip_id)
    unfinished = [trip.trip_id for trip in attention.stuck(stage, attention.LATE)]
    for trip_id in dict.fromkeys([*unfinished, *(one.trip_id for one in found if one.trip_id)]):
        yield mend(stage, trip_id, told(trip_id), patient=trip_id not in unfinished)


def _days(stage: Stage, found: Iterable[Finding]) -> Iterator[Mended]:
    """Set the counters right that are off, and explain the days of which more is booked than there is."""
    right = set(counters.off(found))
    for one in found:
        if not one.count:
            continue
        done: list[str] = []
        if one.kind == Kind.COUNTER and one.count in right and counters.set_right(stage, one.count):
            done.append(f"set to {one.count.live}, the number of live bookings; it was {one.count.taken}")
        oversold = one.kind == Kind.OVERSOLD and one.count not in right  # one that is off is judged when it is right
        if done or one.kind == Kind.COUNTER or oversold:
            yield Mended(str(one.count), done=done, left=[] if done else [advice(stage, one)])


def _unreadable(stage: Stage, finding: Finding) -> Mended:
    where = finding.where
    return Mended(f"{where.table} {where.id}" if where else "", left=[advice(stage, finding)])


def _undo(trip: Patient, told: Told, *, patient: bool) -> list[dict[str, str]]:
    """Run the undo of an unfinished trip; return what is left of it."""
    record, again = trip.record, f"./saga.sh repair {trip.trip_id}"
    if trip.status in SETTLED:
        return []
    if patient and trip.is_young:
        return [_left(record, "it has changed a moment ago: something works on it", f"wait, then: {again}")]
    try:
        for step in attention.repair(trip.stage, trip.trip_id):
            told(step)
    except UsageError as error:
        return [_left(record, str(error), f"./saga.sh watch {trip.trip_id}, then: {again}")]
    except TransientError as error:
        return [_left(record, f"its undo could not be started: {error}", f"wait, then: {again}")]
    trip.look()
    if trip.status in SETTLED:
        trip.done.append(f"undone: {trip.status}")
        return []
    owed = ", ".join(f"{name}: {error}" for name, error in trip.record.get("owed", {}).items())
    reason = f"cancels have failed again ({owed})" if owed else "its undo has ended without ending it"
    shows = f"./saga.sh log {trip.trip_id}  (shows the attempts; docs/operations.md, A trip needs attention)"
    return [_left(trip.record, reason, f"{shows}, then: {again}")]


def _left(record: Item, reason: str, then: str) -> dict[str, str]:
    owed = ", ".join(sorted(record.get("owed", {})))
    finding = f"{record['status']}{f' owes {owed}' if owed else ''} (trip {record['trip_id']})"
    return {"finding": finding, "reason": reason, "next": then}
