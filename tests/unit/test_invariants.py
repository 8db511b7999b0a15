"""The audit: each kind of damage to the tables is found and named, and what operators may do is not."""

from collections.abc import Callable
from typing import Any

import pytest

from saga import log
from saga.ports import Key
from tests.memory import MemoryStore
from tests.story import TRIP_ID, booking, record, story
from tests.unit.play import Play
from tools.findings import Kind
from tools.invariants import Audit, violations

COUNTER = Key("flight", "TAKEN#EI155#2099-03")
OUTCOME = Key("saga-log", TRIP_ID, "LOG#000#01#BookHotel#999#OUTCOME")


def found(store: MemoryStore) -> list[str]:
    """What is found."""
    return sorted(violations(store.items))


def kinds(store: MemoryStore) -> set[Kind]:
    """What the findings are about."""
    audit = Audit()
    for key, item in store.items.items():
        audit.add(key, item)
    return {finding.kind for finding in audit.findings()}


@pytest.fixture
def booked(play: Play) -> MemoryStore:
    """A trip that is CONFIRMED."""
    return play.book_all().store


@pytest.fixture
def rolled_back(play: Play) -> MemoryStore:
    """A trip that was booked but for its car, and has rolled back."""
    play.book("hotel")
    play.book("flight")
    play.cancel_all()
    return play.store


def test_a_sound_trip_shows_nothing(booked: MemoryStore) -> None:
    """Nothing is found of a trip that is booked."""
    assert found(booked) == []
    assert story(booked)[-1] == "Saga END CONFIRMED"


def test_a_sound_rollback_shows_nothing(rolled_back: MemoryStore) -> None:
    """Nothing is found of a trip that rolled back."""
    assert found(rolled_back) == []
    assert story(rolled_back)[-1] == "Saga END ROLLED_BACK"


DAMAGE: dict[str, tuple[Callable[[MemoryStore], Any], set[Kind]]] = {
    "a counter": (lambda s: s.items[COUNTER].update(d01=3), {Kind.COUNTER, Kind.OVERSOLD}),
    "a lost counter": (lambda s: s.items.pop(COUNTER), {Kind.COUNTER}),
    "a lost outcome": (lambda s: s.items.pop(OUTCOME), {Kind.LOG}),
    "a lost START": (lambda s: s.items[OUTCOME].pop("started"), {Kind.LOG}),
    "a lost record": (lambda s: s.items.pop(log.trip_key(TRIP_ID)), {Kind.NO_RECORD}),
    "a lost booking": (
        lambda s: s.items.pop(Key("hotel", f"TRIP#{TRIP_ID}")),
        {Kind.MISSING, Kind.LEDGER, Kind.LOG, Kind.COUNTER},
    ),
    "a lost ledger": (lambda s: record(s).pop("booked"), {Kind.LEDGER}),
    "an end": (
        lambda s: record(s).update(status="ROLLED_BACK"),
        {Kind.STILL_BOOKED, Kind.LOG},
    ),
    "an index": (lambda s: record(s).update(unfinished="0"), {Kind.INDEX}),
    "a debt": (
        lambda s: record(s).update(status="NEEDS_ATTENTION", unfinished="0"),
        {Kind.NOT_OWED},
    ),
    "an owner": (lambda s: record(s).update(owner="eve"), {Kind.ALTERED}),
    "a confirmation": (lambda s: booking(s, "car").update(confirmation="C-0"), {Kind.ALTERED}),
    "a saga_id": (lambda s: booking(s, "car").update(saga_id="other"), {Kind.FOREIGN, Kind.ALTERED}),
    "a booking": (lambda s: booking(s, "car").pop("status"), {Kind.UNREADABLE, Kind.COUNTER}),
    "the takes": (lambda s: booking(s, "car").update(takes=7), {Kind.UNREADABLE, Kind.COUNTER}),
    "a request": (lambda s: record(s).pop("request"), {Kind.UNREADABLE}),
    "a stranger": (lambda s: s.items.update({Key("car", "X"): {"id": "X"}}), {Kind.UNREADABLE}),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_found_and_named(booked: MemoryStore, what: str) -> None:
    """Each kind of damage to a booked trip shows, and as nothing else than it is."""
    damage, expected = DAMAGE[what]
    damage(booked)
    assert kinds(booked) == expected


def test_a_finding_is_one_line_with_its_trip(booked: MemoryStore) -> None:
    """A finding of a trip names its rule and the trip, one of a day names the table, the counter and the slot."""
    record(booked).pop("booked")
    booked.items[COUNTER]["d01"] = 2
    assert found(booked) == [
        "I3: flight EI155#2099-03 d01: 2 taken, but 1 live bookings",
        f"I4: by the ledger it has booked [], live bookings ['car', 'flight', 'hotel'] (trip {TRIP_ID})",
    ]


def test_a_live_booking_under_an_ended_trip(rolled_back: MemoryStore) -> None:
    """A booking that is live again under a trip that has ended breaks I2, whatever else it breaks."""
    booking(rolled_back, "flight")["status"] = "BOOKED"
    assert kinds(rolled_back) == {Kind.STILL_BOOKED, Kind.LEDGER, Kind.LOG, Kind.COUNTER}
    assert f"I2: ROLLED_BACK with live bookings ['flight'] (trip {TRIP_ID})" in found(rolled_back)


@pytest.mark.parametrize("capacity", [1, 0, None])
def test_a_capacity_may_be_lowered(booked: MemoryStore, capacity: int | None) -> None:
    """A lower capacity, and an offer that is withdrawn, leave what is booked as sound as it was."""
    offer = Key("flight", "OFFER#EI155")
    if capacity is None:
        del booked.items[offer]
    else:
        booked.items[offer]["capacity"] = capacity
    assert found(booked) == []
    assert story(booked)[-1] == "Saga END CONFIRMED"


def test_an_oversold_day_is_found(booked: MemoryStore) -> None:
    """A booking that was taken beyond the capacity it was held against is found, and so is its trip's day."""
    booked.items[Key("flight", "OFFER#EI155")]["capacity"] = 0
    booking(booked, "flight")["capacity"] = 0
    assert found(booked) == ["I3: flight EI155#2099-03 d01: 1 taken of 0"]
    assert story(booked)[-1] == "Saga END CONFIRMED"


def test_what_is_known_is_not_found_again(rolled_back: MemoryStore) -> None:
    """A hole of the log that the record says is known shows no more; another hole, and no other breach, is hidden."""
    cancel = Key("saga-log", TRIP_ID, "LOG#000#05#CancelFlight#999#OUTCOME")
    del rolled_back.items[cancel]
    (line,) = found(rolled_back)
    record(rolled_back)["known"] = [line.removeprefix("I4: ").removesuffix(f" (trip {TRIP_ID})")]
    assert found(rolled_back) == []
    del rolled_back.items[OUTCOME]
    record(rolled_back)["booked"] = ["hotel"]
    assert kinds(rolled_back) == {Kind.LOG, Kind.LEDGER}
