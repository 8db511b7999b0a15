"""What the steps rely on when many write at once; only a server can show it."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from saga.errors import TransientError
from saga.ports import Change, GiveBack, Key, Lost, Put, Store, Take

AT_ONCE = 16


def race(act: Callable[[int], object]) -> Counter[str]:
    """Let sixteen act at one moment; count how they fared by the names of their errors, `done` for none."""
    start = Barrier(AT_ONCE)

    def one(number: int) -> str:
        start.wait()
        try:
            act(number)
        except Exception as error:  # noqa: BLE001  whatever it is, it is counted
            return type(error).__name__
        return "done"

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return Counter(pool.map(one, range(AT_ONCE)))


def patiently(act: Callable[[], object]) -> None:
    """Act again after each TransientError, as the state machine does, until it is done or lost."""
    while True:
        try:
            act()
        except TransientError:
            continue
        return


def booking(key: Key, number: int) -> Key:
    """The key of one of many bookings."""
    return Key(key.table, f"{key.id}#{number}")


def test_the_last_seats_are_sold_once(server: Store, key: Key) -> None:
    """Ten seats and sixteen who want one: exactly ten get it, in transactions with their bookings."""

    def book(number: int) -> None:
        writes = {"booking": Put(booking(key, number), {"n": number}), "take": Take(key, ["d01"], 10)}
        patiently(lambda: server.write(writes))

    assert race(book) == {"done": 10, Lost.__name__: 6}
    assert server.get(key) == {"id": key.id, "d01": 10}
    assert sum(server.get(booking(key, number)) is not None for number in range(AT_ONCE)) == 10


def test_single_takes_are_sold_once(server: Store, key: Key) -> None:
    """The same holds for writes alone."""
    assert race(lambda _: patiently(lambda: server.write({"take": Take(key, ["d01"], 10)}))) == {
        "done": 10,
        Lost.__name__: 6,
    }
    assert server.get(key) == {"id": key.id, "d01": 10}


def test_one_of_many_puts_wins(server: Store, logged: Key) -> None:
    """Of sixteen who put one item one wins, and its item is the one that stays."""
    winners: list[int] = []

    def act(number: int) -> None:
        patiently(lambda: server.write({"trip": Put(logged, {"winner": number})}))
        winners.append(number)

    assert race(act) == {"done": 1, Lost.__name__: 15}
    assert server.get(logged) == {"trip_id": logged.id, "entry": "TRIP", "winner": winners[0]}


def test_one_of_many_changes_wins(server: Store, logged: Key, key: Key) -> None:
    """A status is raised once: of sixteen transactions that raise it and give back, one gives back."""
    server.write({"trip": Put(logged, {"status": "BOOKED", "saga_id": "mine"})})
    for _ in range(2):
        server.write({"take": Take(key, ["d01"], 2)})
    change = Change(logged, ("BOOKED",), "mine", {"status": "CANCELLED"})
    cancel = {"booking": change, "back": GiveBack(key, ["d01"])}
    assert race(lambda _: patiently(lambda: server.write(cancel))) == {"done": 1, Lost.__name__: 15}
    assert server.get(key) == {"id": key.id, "d01": 1}


def test_one_of_many_ends_the_trip(server: Store, logged: Key) -> None:
    """Of sixteen who leave a ledger of sixteen, each needing to be the last, one is: it alone ends the trip."""
    names = [f"p{number:02}" for number in range(AT_ONCE)]
    server.write({"trip": Put(logged, {"status": "UNDOING", "saga_id": "mine"})})
    for name in names:
        server.write({"trip": Change(logged, ("UNDOING",), "mine", joins=name)})

    def act(number: int) -> None:
        name = names[number]
        patiently(lambda: server.write({"trip": Change(logged, ("UNDOING",), "mine", leaves=name)}))
        ends = Change(logged, ("UNDOING",), "mine", {"status": "ENDED", "by": name}, ledger=())
        patiently(lambda: server.write({"trip": ends}))

    assert race(act)["done"] == 1
    found = server.get(logged) or {}
    assert (found["status"], found["by"] in names, "booked" in found) == ("ENDED", True, False)


def test_contention_is_success_loss_or_transient(server: Store, key: Key) -> None:
    """Transactions in each other's way end in success, in Lost or in TransientError; what they say is what they did."""
    months = [booking(key, number) for number in range(4)]

    def act(number: int) -> None:
        order = months if number % 2 else months[::-1]
        server.write({f"take {month.id}": Take(month, ["d01", "d02"], 8) for month in order})

    fared = race(act)
    assert set(fared) <= {"done", Lost.__name__, TransientError.__name__}
    taken = {(server.get(month) or {}).get(day, 0) for month in months for day in ("d01", "d02")}
    assert taken == {fared["done"]}
    assert fared["done"] <= 8
