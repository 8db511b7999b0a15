"""What the console reads of the capacity that a trip takes."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

from saga import expressions
from saga.ports import Key
from tests.memory import MemoryStore
from tests.trips import trip
from tests.unit.play import Play
from tools.console import capacity


def stage(store: MemoryStore) -> Any:
    """A stage whose tables are a store in memory."""

    def batch_get_item(RequestItems: Any) -> Any:  # noqa: N803  boto3 names it so
        found: dict[str, list[Any]] = {table: [] for table in RequestItems}
        for table, asked in RequestItems.items():
            keys = [Key(table, expressions.unmarshal(key)["id"]) for key in asked["Keys"]]
            found[table] = [
                expressions.marshal({"id": key.id, **store.items[key]}) for key in keys if key in store.items
            ]
        return {"Responses": found, "UnprocessedKeys": {}}

    client = SimpleNamespace(batch_get_item=batch_get_item)
    return SimpleNamespace(table=str, client=lambda _: client, reaching=nullcontext)


def test_each_day_has_what_is_taken_of_it(play: Play) -> None:
    """Of each offer the capacity is told, and for each day of the trip what is taken of it now."""
    play.book("hotel")
    found = capacity.read(stage(play.store), play.trip.request)
    assert found["hotel"] == {
        "offer": "Holiday Inn Dublin",
        "capacity": 2,
        "days": [{"day": f"2099-03-0{day}", "taken": 1} for day in (1, 2, 3)],
    }
    assert found["flight"]["days"] == [{"day": "2099-03-01", "taken": 0}]


def test_a_stay_over_the_end_of_a_month(store: MemoryStore) -> None:
    """Days of two months are told in their order, whatever counters they stand in."""
    request = trip("hotel/check_in", "2099-02-27")
    days = capacity.read(stage(store), request)["hotel"]["days"]
    assert [day["day"] for day in days] == ["2099-02-27", "2099-02-28", "2099-03-01", "2099-03-02", "2099-03-03"]


def test_a_trip_of_before(store: MemoryStore) -> None:
    """A trip that was booked without one of today's participants shows the others, and one of other rules nothing."""
    request = trip()
    del request["car"]
    assert list(capacity.read(stage(store), request)) == ["hotel", "flight"]
    assert capacity.read(stage(store), trip("hotel/check_out", "2099-02-01")) == {}


def test_an_offer_that_is_withdrawn(store: MemoryStore) -> None:
    """An offer that is not there has no capacity."""
    del store.items[Key("car", "OFFER#Volvo XC40")]
    assert capacity.read(stage(store), trip())["car"]["capacity"] is None
