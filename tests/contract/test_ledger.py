"""What the steps rely on of the ledger: a set of participants in the trip's record, absent when it is empty."""

from collections.abc import Mapping
from typing import Any

import pytest

from saga.ports import Change, Key, Put, Store, Write
from tests.contract.test_store import facts, lost, other, put

ALL = ["car", "flight", "hotel"]


@pytest.fixture(params=["alone", "together"])
def beside(request: pytest.FixtureRequest, key: Key) -> dict[str, Write]:
    """What a write goes with: nothing, or another one, which makes it a transaction."""
    return {} if request.param == "alone" else {"beside": Put(other(key, "beside"), {})}


@pytest.fixture
def trip(store: Store, logged: Key) -> Key:
    """The record of a trip that has booked nothing."""
    put(store, logged, {"status": "BOOKING", "saga_id": "mine"})
    return logged


def change(trip: Key, set_: Mapping[str, Any] | None = None, **ledger: Any) -> Change:
    """A change of the trip's record that writes the ledger."""
    return Change(trip, ("BOOKING",), "mine", dict(set_ or {}), **ledger)


def hold(store: Store, trip: Key, *names: str) -> None:
    """Let some join."""
    for name in names:
        store.write({"trip": change(trip, joins=name)})


def held(store: Store, trip: Key) -> Any:
    """What the ledger reads as; None where there is none."""
    return (store.get(trip) or {}).get("booked")


def test_participants_join(store: Store, trip: Key, beside: dict[str, Write]) -> None:
    """The first to join makes the ledger, and it reads as a sorted list of texts, whatever the order of joining."""
    assert held(store, trip) is None
    hold(store, trip, "hotel", "flight")
    store.write({"trip": change(trip, joins="car"), **beside})
    assert held(store, trip) == ALL


def test_who_joins_again_is_in_it_once(store: Store, trip: Key) -> None:
    """The ledger is a set."""
    hold(store, trip, "hotel", "hotel")
    assert held(store, trip) == ["hotel"]


def test_participants_leave(store: Store, trip: Key, beside: dict[str, Write]) -> None:
    """Who leaves is out of it, and the others stay."""
    hold(store, trip, *ALL)
    store.write({"trip": change(trip, leaves="flight"), **beside})
    assert held(store, trip) == ["car", "hotel"]


def test_the_last_to_leave_leaves_nothing(store: Store, trip: Key, beside: dict[str, Write]) -> None:
    """An empty ledger is an absent attribute, and can be joined again."""
    hold(store, trip, "hotel")
    store.write({"trip": change(trip, leaves="hotel"), **beside})
    assert facts(store.get(trip)) == {"status": "BOOKING", "saga_id": "mine"}
    hold(store, trip, "car")
    assert held(store, trip) == ["car"]


@pytest.mark.parametrize("before", [(), ("car",)])
def test_who_is_not_in_it_may_leave(store: Store, trip: Key, before: tuple[str, ...]) -> None:
    """To leave is no condition: an absent participant, or an absent ledger, changes nothing."""
    hold(store, trip, *before)
    store.write({"trip": change(trip, leaves="hotel")})
    assert held(store, trip) == (list(before) or None)


def test_a_ledger_is_written_beside_all_else(store: Store, trip: Key, beside: dict[str, Write]) -> None:
    """Joining and leaving go with attributes that are set and removed in the same write."""
    store.write({"trip": Change(trip, ("BOOKING",), "mine", {"status": "A", "goal": "x"}, ("none",), joins="car")})
    joined = {"status": "A", "saga_id": "mine", "goal": "x", "booked": ["car"]}
    assert facts(store.get(trip)) == joined
    store.write({"trip": Change(trip, ("A",), "mine", {"status": "B"}, ("goal",), leaves="car"), **beside})
    assert facts(store.get(trip)) == {"status": "B", "saga_id": "mine"}


@pytest.mark.parametrize("before", [[], ["car"], ["car", "flight"], ALL])
@pytest.mark.parametrize("ledger", [[], ["car"], ["flight", "car"], ["hotel", "flight", "car"], ["boat"]])
def test_a_ledger_must_hold_exactly_this(
    store: Store, trip: Key, beside: dict[str, Write], ledger: list[str], before: list[str]
) -> None:
    """What the ledger must hold it must hold whole and without more, in any order; nothing means it is absent."""
    hold(store, trip, *before)
    write = change(trip, {"status": "DONE"}, ledger=ledger)
    if sorted(ledger) == before:
        store.write({"trip": write, **beside})
        assert (facts(store.get(trip))["status"], held(store, trip)) == ("DONE", before or None)
    else:
        standing = lost(store, trip=write, **beside)
        assert list(standing) == ["trip"]
        assert (standing["trip"] or {}).get("booked") == (before or None)
        assert facts(store.get(trip))["status"] == "BOOKING"


@pytest.mark.parametrize(("before", "lands"), [(["flight", "hotel"], True), (["hotel"], False), (ALL, False)])
def test_joining_is_judged_by_what_was_before(
    store: Store, trip: Key, beside: dict[str, Write], before: list[str], lands: bool
) -> None:
    """The last book joins where all others stand: what the ledger must hold is what it held before the write."""
    hold(store, trip, *before)
    write = change(trip, {"status": "CONFIRMED"}, joins="car", ledger=["hotel", "flight"])
    if lands:
        store.write({"trip": write, **beside})
        assert (facts(store.get(trip))["status"], held(store, trip)) == ("CONFIRMED", ALL)
    else:
        assert facts(lost(store, trip=write, **beside)["trip"])["booked"] == before
        assert held(store, trip) == before


@pytest.mark.parametrize("before", [["car"], []])
def test_the_last_may_leave(store: Store, trip: Key, beside: dict[str, Write], before: list[str]) -> None:
    """The last cancel leaves where nothing but its own booking stands, or nothing at all."""
    hold(store, trip, *before)
    store.write({"trip": change(trip, {"status": "ROLLED_BACK"}, leaves="car", ledger=before), **beside})
    assert facts(store.get(trip)) == {"status": "ROLLED_BACK", "saga_id": "mine"}


@pytest.mark.parametrize(("before", "ledger"), [(["car"], []), (["car", "hotel"], ["car"])])
def test_leaving_is_judged_by_what_was_before(
    store: Store, trip: Key, beside: dict[str, Write], before: list[str], ledger: list[str]
) -> None:
    """What stays in the ledger, or was in it before, is not overlooked because the same write takes something out."""
    hold(store, trip, *before)
    write = change(trip, {"status": "ROLLED_BACK"}, leaves="car", ledger=ledger)
    assert facts(lost(store, trip=write, **beside)["trip"])["booked"] == before
    assert held(store, trip) == before


@pytest.mark.parametrize(("statuses", "saga_id"), [(("CONFIRMED",), "mine"), (("BOOKING",), "other")])
def test_a_ledger_has_the_record_s_conditions_too(
    store: Store, trip: Key, beside: dict[str, Write], statuses: tuple[str, ...], saga_id: str
) -> None:
    """Who joins or leaves needs the record's status and saga; what stands there is told with the ledger as a list."""
    hold(store, trip, "hotel")
    for ledger in ({"joins": "car"}, {"leaves": "hotel"}, {"joins": "car", "ledger": ["hotel"]}):
        standing = lost(store, trip=Change(trip, statuses, saga_id, **ledger), **beside)
        assert facts(standing["trip"]) == {"status": "BOOKING", "saga_id": "mine", "booked": ["hotel"]}
    assert held(store, trip) == ["hotel"]


def test_a_lost_write_joins_nothing(store: Store, trip: Key, key: Key) -> None:
    """If another write of a transaction fails, nobody has joined."""
    put(store, key, {})
    assert list(lost(store, trip=change(trip, joins="car"), booking=Put(key, {}))) == ["booking"]
    assert held(store, trip) is None


def test_a_change_leaves_the_ledger_alone(store: Store, trip: Key, key: Key) -> None:
    """What neither joins nor leaves changes no ledger, and nothing else of that name."""
    hold(store, trip, "car", "hotel")
    store.write({"trip": change(trip, {"n": 1})})
    assert held(store, trip) == ["car", "hotel"]
    put(store, key, {"status": "BOOKING", "saga_id": "mine", "booked": "at noon"})
    store.write({"booking": change(key, {"n": 1})})
    assert facts(store.get(key))["booked"] == "at noon"
