"""The arithmetic of the benchmark; what it measures is not tested, and no time is."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench import report
from bench.cost import PRICES, Bill
from bench.inprocess import consumed
from bench.numbers import Goal, alternating, percentile, spread
from bench.report import Section
from bench.walk import walk


def test_a_bill_is_the_sum_of_what_is_used() -> None:
    """A thousand trips of 5 transitions, 4 calls of 0.1 s at half a gigabyte, 49 writes and 1.5 reads cost 16 cents."""
    assert Bill(5, 4, 49, 1.5).dollars * 1000 == pytest.approx(0.1593, abs=1e-4)


def test_each_price_is_for_one_unit() -> None:
    """A million write units cost 0.625 dollars, and four thousand transitions ten cents."""
    assert PRICES["dynamodb_write_unit"] * 1_000_000 == pytest.approx(0.625)
    assert PRICES["state_transition"] * 4000 == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("answer", "params", "units"),
    [
        ({"ConsumedCapacity": {"CapacityUnits": 4.0}}, {}, 4),
        ({"ConsumedCapacity": [{"CapacityUnits": 4.0}, {"CapacityUnits": 7.0}]}, {}, 11),
        ({"Error": {}}, {"TransactItems": [{}, {}, {}]}, 6),
        ({"Error": {}}, {"Item": {}}, 1),
    ],
)
def test_units_are_counted(answer: dict[str, Any], params: dict[str, Any], units: float) -> None:
    """Units are those DynamoDB names, over all tables; a lost transaction costs two for each item, a lost write one."""
    assert consumed(answer, params) == units


def test_a_percentile_is_one_of_the_values() -> None:
    """The nearest rank counts: of 1 to 20 the 95th percentile is 19, the median 10."""
    values = [float(n) for n in range(20, 0, -1)]
    assert (percentile(values, 95), percentile(values, 50), percentile(values, 100)) == (19, 10, 20)
    assert percentile([3.0], 5) == 3


def test_the_noise_is_the_middle_half() -> None:
    """Of 1 to 5 the middle half reaches from 2 to 4: two thirds of the median."""
    assert spread([1.0, 2.0, 3.0, 4.0, 5.0]) == pytest.approx(2 / 3)


def test_the_order_alternates() -> None:
    """Each has its turn in each round, and the order is reversed in every second one."""
    assert list(alternating(("a", "b", "c"), 3)) == ["a", "b", "c", "c", "b", "a", "a", "b", "c"]


@pytest.mark.parametrize(("value", "at_least", "met"), [(1.3, False, True), (1.31, False, False), (1.31, True, True)])
def test_a_goal_is_met_at_its_limit(value: float, *, at_least: bool, met: bool) -> None:
    """A number at its limit meets its goal; beyond it only where more is better."""
    assert Goal("ratio", value, 1.3, at_least=at_least).met is met


def test_the_page_keeps_what_is_written_by_hand(tmp_path: Path) -> None:
    """What stands between the marks is in the next page too, and each goal stands at its top."""
    page = tmp_path / "page.md"
    section = Section("Steps", ("a", "b"), [("1", "2")], [Goal("a ratio", 1.5, 1.3)])
    page.write_text(report.markdown(["head"], [section], "what was tried"))
    assert report.by_hand(page).strip() == "what was tried"
    assert "| a ratio | 1.50 | ≤ 1.3 | **not met** |" in page.read_text()


@pytest.mark.parametrize(
    ("fails", "path"),
    [
        ("", ["BookHotel", "BookFlight", "BookCar", "TripBooked"]),
        ("BookFlight", ["BookHotel", "BookFlight", "CancelFlight", "CancelHotel", "TripRolledBack"]),
    ],
)
def test_a_walk_goes_where_the_machine_says(fails: str, path: list[str]) -> None:
    """A path follows Next, and Catch where a function raises; each function gets its parameters."""
    machine = json.loads(Path("bench/naive/naive.asl.json").read_text())

    def handler(name: str) -> Any:
        def call(event: dict[str, Any], _context: Any) -> dict[str, str]:
            assert event == {"trip_id": "t", "part": name[-3:]}
            if name == fails:
                raise ValueError
            return {"status": "BOOKED"}

        return call

    request = {"trip_id": "t", "hotel": "tel", "flight": "ght", "car": "Car"}
    assert list(walk(machine, request, {name: handler(name) for name in machine["States"]})) == path
