"""What the steps rely on when they read and write."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from saga.ports import Change, Check, GiveBack, Item, Key, Lost, Put, Store, Take, Write

MINE = {"status": "BOOKING", "saga_id": "mine", "goal": "none"}
NAMES = ["Hôtel Zürich", "🏨🛏️", "فندق دبلن", "\u202eevil", "') OR 1=1", "#status", ":is0", "x" * 1000, "\x00\n\t", " "]


def put(store: Store, key: Key, item: Item) -> None:
    """Put an item where none is."""
    store.write({"put": Put(key, item)})


def lost(store: Store, **writes: Write) -> Mapping[str, Item | None]:
    """What stands where these writes lose; it is an error if they do not."""
    with pytest.raises(Lost) as error:
        store.write(writes)
    return error.value.standing


def other(key: Key, name: str = "other") -> Key:
    """Another item of the same test: in the log another entry, elsewhere another id."""
    return replace(key, entry=f"LOG#{name}") if key.entry else replace(key, id=f"{key.id}#{name}")


def facts(item: Item | None) -> Item:
    """An item without the attributes of its key."""
    assert item is not None
    return {name: value for name, value in item.items() if name not in ("id", "trip_id", "entry")}


@pytest.fixture(params=["key", "logged"])
def anywhere(request: pytest.FixtureRequest) -> Key:
    """A key of a participant's table, and one of the saga log."""
    found: Key = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["alone", "together"])
def beside(request: pytest.FixtureRequest, key: Key) -> dict[str, Write]:
    """What a write goes with: nothing, or another one, which makes it a transaction."""
    return {} if request.param == "alone" else {"beside": Put(other(key, "beside"), {})}


def test_what_is_not_there_is_none(store: Store, anywhere: Key) -> None:
    """An item that was never put is None."""
    assert store.get(anywhere) is None


def test_what_was_put_is_there(store: Store, anywhere: Key) -> None:
    """An item reads back as it was put, and right after the write."""
    put(store, anywhere, MINE)
    assert facts(store.get(anywhere)) == MINE


@pytest.mark.parametrize("consistent", [True, False])
def test_an_item_carries_its_key(store: Store, key: Key, logged: Key, consistent: bool) -> None:
    """What is read includes the attributes of its key, by the names that the tables give them."""
    put(store, key, {})
    put(store, logged, {})
    assert store.get(key, consistent=consistent) == {"id": key.id}
    assert store.get(logged, consistent=consistent) == {"trip_id": logged.id, "entry": "TRIP"}


def test_entries_of_one_trip_are_apart(store: Store, logged: Key) -> None:
    """A trip's record and its log entries are items of their own."""
    put(store, logged, {"n": 1})
    put(store, other(logged), {"n": 2})
    assert [facts(store.get(key)) for key in (logged, other(logged))] == [{"n": 1}, {"n": 2}]


def test_tables_are_apart(store: Store, key: Key) -> None:
    """Each participant has its own items: the same id in another table is another item."""
    put(store, key, MINE)
    assert store.get(replace(key, table="car")) is None


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:9].encode("unicode_escape").decode())
def test_texts_survive(store: Store, key: Key, logged: Key, name: str) -> None:
    """Texts of any script, or ones that look like expressions, come back unchanged, from values and from keys."""
    put(store, other(key, name), {"name": name})
    put(store, other(logged, name), {"name": name})
    assert [facts(store.get(other(each, name))) for each in (key, logged)] == [{"name": name}] * 2


@pytest.mark.parametrize(
    "value",
    [0, -1, 10**30, "", [], {}, [1, "x", [2]], {"a": {"b": [1, {"c": 2}]}}, {"#status": ":x"}, True, None],
)
def test_values_survive(store: Store, key: Key, value: Any) -> None:
    """Numbers, lists and maps at any depth come back equal, whole numbers as int."""
    put(store, key, {"value": value})
    back = facts(store.get(key))["value"]
    assert (back, type(back)) == (value, type(value))


def test_what_is_read_can_not_change_what_is_stored(store: Store, key: Key) -> None:
    """An item that was read, or put, is a copy: changing it changes nothing that is stored."""
    mine: Item = {"list": [1]}
    put(store, key, mine)
    mine["list"].append(2)
    read = store.get(key)
    assert read is not None
    read["list"].append(3)
    assert facts(store.get(key)) == {"list": [1]}


def test_a_put_loses_to_what_stands(store: Store, anywhere: Key, beside: dict[str, Write]) -> None:
    """A put where an item stands is lost, says what stands there, and leaves it as it is."""
    put(store, anywhere, MINE)
    standing = lost(store, put=Put(anywhere, {"status": "OTHER"}), **beside)
    assert list(standing) == ["put"]
    assert facts(standing["put"]) == MINE
    assert facts(store.get(anywhere)) == MINE


def test_a_check_changes_nothing(store: Store, logged: Key) -> None:
    """A check that holds lets the other writes land and leaves its own item as it is."""
    put(store, logged, MINE)
    store.write({"check": Check(logged, ("BOOKING",), "mine"), "put": Put(other(logged), {"n": 1})})
    assert facts(store.get(logged)) == MINE
    assert facts(store.get(other(logged))) == {"n": 1}


@pytest.mark.parametrize("statuses", [("BOOKING",), ("A", "BOOKING"), ("BOOKING", "B", "C")])
def test_a_change_holds_for_any_of_its_statuses(store: Store, logged: Key, statuses: tuple[str, ...]) -> None:
    """Of several statuses one is enough."""
    put(store, logged, MINE)
    store.write({"change": Change(logged, statuses, "mine", {"status": "DONE"})})
    assert facts(store.get(logged))["status"] == "DONE"


def test_a_change_sets_and_removes(store: Store, logged: Key, beside: dict[str, Write]) -> None:
    """A change sets and removes attributes, those that were not there too, and leaves the others."""
    put(store, logged, {**MINE, "kept": [1], "owed": {"car": "x"}})
    change = Change(logged, ("BOOKING",), "mine", {"status": "DONE", "new": {"a": 1}}, ("owed", "goal", "never"))
    store.write({"change": change, **beside})
    assert facts(store.get(logged)) == {"status": "DONE", "saga_id": "mine", "kept": [1], "new": {"a": 1}}


@pytest.mark.parametrize(("statuses", "saga_id"), [(("CONFIRMED",), "mine"), (("BOOKING",), "other"), (("A", "B"), "")])
def test_a_change_loses(
    store: Store, logged: Key, beside: dict[str, Write], statuses: tuple[str, ...], saga_id: str
) -> None:
    """A change of an item that has another status, or is another saga's, is lost and says what stands there."""
    put(store, logged, MINE)
    standing = lost(store, change=Change(logged, statuses, saga_id, {"status": "DONE"}), **beside)
    assert facts(standing["change"]) == MINE
    assert facts(store.get(logged)) == MINE


@pytest.mark.parametrize(("statuses", "saga_id"), [(("CONFIRMED",), "mine"), (("BOOKING",), "other")])
def test_a_check_loses(store: Store, logged: Key, statuses: tuple[str, ...], saga_id: str) -> None:
    """A check that fails keeps the other writes from landing and says what stands there."""
    put(store, logged, MINE)
    standing = lost(store, check=Check(logged, statuses, saga_id), put=Put(other(logged), {}))
    assert list(standing) == ["check"]
    assert facts(standing["check"]) == MINE
    assert store.get(other(logged)) is None


def test_nothing_stands_where_nothing_is(store: Store, logged: Key, beside: dict[str, Write]) -> None:
    """A change of what is not there is lost to None, and puts nothing."""
    assert lost(store, change=Change(logged, ("BOOKING",), "mine", {"n": 1}), **beside) == {"change": None}
    assert store.get(logged) is None


def test_a_check_of_nothing_is_lost_to_none(store: Store, logged: Key) -> None:
    """A check of what is not there is lost to None."""
    assert lost(store, check=Check(logged, ("A",), "mine"), put=Put(other(logged), {})) == {"check": None}


def test_every_loss_is_named(store: Store, key: Key, logged: Key) -> None:
    """Of several writes all those that fail are named, each with what stands in its own way, and only those."""
    put(store, key, {"status": "BOOKED"})
    put(store, logged, MINE)
    standing = lost(
        store,
        trip=Check(logged, ("CONFIRMED",), "mine"),
        booking=Put(key, {}),
        outcome=Put(other(logged), {}),
        take=Take(other(key, "taken"), ["d01"], 0),
        back=GiveBack(other(key, "back"), ["d01"]),
    )
    assert set(standing) == {"trip", "booking", "take", "back"}
    assert (facts(standing["trip"]), facts(standing["booking"])) == (MINE, {"status": "BOOKED"})
    assert (standing["take"], standing["back"]) == (None, None)


def test_all_or_nothing(store: Store, key: Key, logged: Key) -> None:
    """If one of several writes fails, none of the others has landed."""
    put(store, logged, MINE)
    put(store, other(key), {})
    lost(
        store,
        change=Change(logged, ("BOOKING",), "mine", {"status": "DONE"}),
        take=Take(other(key, "taken"), ["d01"], 5),
        put=Put(key, {}),
        fails=Put(other(key), {}),
    )
    assert facts(store.get(logged)) == MINE
    assert (store.get(key), store.get(other(key, "taken"))) == (None, None)


@pytest.mark.parametrize("capacity", [1, 2, 5])
def test_takes_up_to_the_capacity(store: Store, key: Key, beside: dict[str, Write], capacity: int) -> None:
    """A counter that was never there is taken from up to its capacity, and then lost with what is taken."""
    for _ in range(capacity):
        store.write({"take": Take(key, ["d01"], capacity)})
    standing = lost(store, take=Take(key, ["d01"], capacity), **beside)
    assert facts(standing["take"]) == facts(store.get(key)) == {"d01": capacity}


@pytest.mark.parametrize("capacity", [0, -1])
@pytest.mark.parametrize("slots", [["d01"], ["d01", "d02"]])
def test_no_capacity_takes_nothing(
    store: Store, key: Key, beside: dict[str, Write], slots: list[str], capacity: int
) -> None:
    """Of a capacity of nothing the first take is lost, and no counter is made."""
    assert lost(store, take=Take(key, slots, capacity), **beside) == {"take": None}
    assert store.get(key) is None


def test_a_shrunken_capacity_takes_nothing_more(store: Store, key: Key) -> None:
    """Where more is taken than a smaller capacity allows, nothing more is taken and nothing breaks."""
    for _ in range(3):
        store.write({"take": Take(key, ["d01"], 3)})
    assert facts(lost(store, take=Take(key, ["d01"], 1))["take"]) == {"d01": 3}
    assert facts(lost(store, take=Take(key, ["d01"], 0))["take"]) == {"d01": 3}


def test_slots_are_counted_apart(store: Store, key: Key, beside: dict[str, Write]) -> None:
    """Slots of one counter are taken each on its own, those that were never taken too."""
    store.write({"take": Take(key, ["d01", "d02"], 2)})
    store.write({"take": Take(key, ["d02", "d03"], 2), **beside})
    assert facts(store.get(key)) == {"d01": 1, "d02": 2, "d03": 1}


@pytest.mark.parametrize("full", ["d01", "d02", "d03"])
def test_one_full_slot_takes_none(store: Store, key: Key, beside: dict[str, Write], full: str) -> None:
    """If one of several slots is full, whichever, the write is named with the whole counter, and nothing lands."""
    store.write({"take": Take(key, [full], 1)})
    standing = lost(store, take=Take(key, ["d01", "d02", "d03"], 1), **beside)
    assert list(standing) == ["take"]
    assert facts(standing["take"]) == facts(store.get(key)) == {full: 1}
    assert all(store.get(write.key) is None for write in beside.values())


def test_gives_back_what_was_taken(store: Store, key: Key) -> None:
    """What is given back can be taken again."""
    store.write({"take": Take(key, ["d01", "d02"], 1)})
    store.write({"back": GiveBack(key, ["d01", "d02"])})
    assert facts(store.get(key)) == {"d01": 0, "d02": 0}
    store.write({"take": Take(key, ["d02"], 1)})
    assert facts(store.get(key)) == {"d01": 0, "d02": 1}


def test_never_gives_back_below_nothing(store: Store, key: Key, beside: dict[str, Write]) -> None:
    """A slot at nothing, or one that was never there, gives nothing back."""
    assert lost(store, back=GiveBack(key, ["d01"]), **beside) == {"back": None}
    store.write({"take": Take(key, ["d01"], 1)})
    store.write({"back": GiveBack(key, ["d01"])})
    assert facts(lost(store, back=GiveBack(key, ["d01"]), **beside)["back"]) == {"d01": 0}


@pytest.mark.parametrize("empty", ["d01", "d02"])
def test_one_empty_slot_gives_back_none(store: Store, key: Key, beside: dict[str, Write], empty: str) -> None:
    """If nothing is taken in one of several slots, whichever, none of them is given back."""
    held = "d02" if empty == "d01" else "d01"
    store.write({"take": Take(key, [held], 1)})
    assert facts(lost(store, back=GiveBack(key, ["d01", "d02"]), **beside)["back"]) == {held: 1}
    assert facts(store.get(key)) == {held: 1}


def test_the_longest_booking_is_one_transaction(store: Store, key: Key, logged: Key) -> None:
    """Every day of three months, the booking, the trip and the outcome land together, and together they are undone."""
    put(store, logged, {**MINE, "unfinished": "3"})
    days = [f"d{day:02}" for day in range(1, 32)]
    months = [other(key, month) for month in ("2099-01", "2099-02", "2099-03")]
    confirm = {
        "trip": Change(logged, ("BOOKING",), "mine", {"status": "X"}, ("unfinished",), joins="hotel", ledger=()),
        "booking": Put(key, {"status": "BOOKED", "saga_id": "mine"}),
        "outcome": Put(other(logged, "outcome"), {"kind": "END"}),
    }
    store.write({**confirm, **{f"take {month.id}": Take(month, days, 1) for month in months}})
    assert [facts(store.get(month)) for month in months] == [dict.fromkeys(days, 1)] * 3
    cancel = {
        "trip": Change(logged, ("X",), "mine", {"status": "Y"}, leaves="hotel", ledger=["hotel"]),
        "booking": Change(key, ("BOOKED",), "mine", {"status": "CANCELLED"}),
    }
    store.write({**cancel, **{f"back {month.id}": GiveBack(month, days) for month in months}})
    assert [facts(store.get(month)) for month in months] == [dict.fromkeys(days, 0)] * 3


@pytest.mark.parametrize("full", [0, 1])
def test_a_full_day_of_one_month_undoes_both(store: Store, key: Key, full: int) -> None:
    """If the last of a month's 31 days is full its counter is the only one named, and no other day is taken."""
    days = [f"d{day:02}" for day in range(1, 32)]
    months = [other(key, "2099-03"), other(key, "2099-04")]
    store.write({"take": Take(months[full], ["d31"], 1)})
    standing = lost(store, **{f"take {n}": Take(month, days, 1) for n, month in enumerate(months)})
    assert list(standing) == [f"take {full}"]
    assert facts(standing[f"take {full}"]) == {"d31": 1}
    assert store.get(months[1 - full]) is None


NO_WRITES: list[Callable[[Key], Write]] = [
    lambda key: Change(key, ("BOOKING",), "mine"),
    lambda key: Take(key, [], 1),
    lambda key: GiveBack(key, []),
]
DOUBLE_WRITES: list[Callable[[Key], Write]] = [
    lambda key: Change(key, ("BOOKING",), "mine", {"status": "X"}, ("status",)),
    lambda key: Change(key, ("BOOKING",), "mine", joins="car", leaves="car"),
    lambda key: Change(key, ("BOOKING",), "mine", {"booked": 1}, joins="car"),
    lambda key: Take(key, ["d01", "d01"], 1),
]


@pytest.mark.parametrize("write", NO_WRITES)
def test_a_write_of_nothing_is_an_error(store: Store, logged: Key, write: Callable[[Key], Write]) -> None:
    """A write that writes nothing is neither done nor lost: whoever made it is wrong."""
    put(store, logged, MINE)
    with pytest.raises((ClientError, AssertionError)):
        store.write({"write": write(logged)})
    assert facts(store.get(logged)) == MINE


# The embedded AWS takes these; AWS answers "Two document paths overlap with each other".
@pytest.mark.parametrize("store", ["memory", "moto"], indirect=True)
@pytest.mark.parametrize("write", DOUBLE_WRITES)
def test_an_attribute_is_written_once(store: Store, logged: Key, write: Callable[[Key], Write]) -> None:
    """A write that writes one attribute twice is neither done nor lost: whoever made it is wrong."""
    put(store, logged, MINE)
    with pytest.raises((ClientError, AssertionError)):
        store.write({"write": write(logged)})
    assert facts(store.get(logged)) == MINE


def test_the_same_transaction_again_is_judged_again(store: Store, key: Key, logged: Key) -> None:
    """A transaction that is written a second time by its caller meets its own first: it is lost, not taken for done."""
    writes: dict[str, Write] = {"one": Put(key, {"n": 1}), "two": Put(logged, {"n": 2})}
    store.write(writes)
    assert set(lost(store, **writes)) == {"one", "two"}
