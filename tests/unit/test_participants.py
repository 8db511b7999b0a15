"""What a stay, a flight and a rental are, and which capacity each takes."""

from datetime import date
from typing import Any

import pytest

from saga.errors import InvalidTrip
from saga.participants.car import Rental
from saga.participants.flight import Seat
from saga.participants.hotel import Stay
from saga.trip import PARTICIPANTS
from tests.trips import TRIP


def stay(check_in: str, check_out: str) -> Stay:
    """A stay between two days."""
    return Stay.parse({"name": "Inn", "check_in": check_in, "check_out": check_out})


def flight(depart_at: str, arrive_at: str) -> Seat:
    """A flight between two times."""
    return Seat.parse(TRIP["flight"] | {"depart_at": depart_at, "arrive_at": arrive_at})


def rental(pick_up: str, drop_off: str) -> Rental:
    """A rental between two days."""
    return Rental.parse({"model": "Volvo", "pick_up": pick_up, "drop_off": drop_off})


def test_a_stay_takes_its_nights() -> None:
    """A stay takes each night from check_in to the one before check_out."""
    found = stay("2099-03-01", "2099-03-03")
    assert found == Stay("Inn", date(2099, 3, 1), {"Inn#2099-03": ("d01", "d02")})


def test_a_flight_takes_a_seat() -> None:
    """A flight takes one seat, on the day it departs, even if it lands on another."""
    found = flight("2099-03-01T23:30", "2099-03-02T01:10")
    assert found == Seat("EI155", date(2099, 3, 1), {"EI155#2099-03": ("d01",)})


def test_a_rental_takes_its_days() -> None:
    """A rental takes each day from pick_up to drop_off, both included."""
    found = rental("2099-03-01", "2099-03-02")
    assert found == Rental("Volvo", date(2099, 3, 1), {"Volvo#2099-03": ("d01", "d02")})


def test_a_rental_may_be_of_one_day() -> None:
    """A car may be brought back on the day it was picked up."""
    assert rental("2099-03-01", "2099-03-01").takes == {"Volvo#2099-03": ("d01",)}


def test_a_stay_may_last_over_a_months_end() -> None:
    """A stay over the end of a month takes its nights from the counters of both."""
    assert stay("2099-02-28", "2099-03-02").takes == {"Inn#2099-02": ("d28",), "Inn#2099-03": ("d01",)}


def test_thirty_at_most() -> None:
    """Thirty nights and thirty days are the most of either."""
    assert len(stay("2099-03-01", "2099-03-31").takes["Inn#2099-03"]) == 30
    assert len(rental("2099-03-01", "2099-03-30").takes["Volvo#2099-03"]) == 30


@pytest.mark.parametrize(
    ("check_in", "check_out", "pointer"),
    [
        ("2099-03-01", "2099-03-01", "/hotel/check_out"),
        ("2099-03-02", "2099-03-01", "/hotel/check_out"),
        ("2099-03-01", "2099-04-01", "/hotel/check_out"),
        ("0001-01-01", "9999-12-31", "/hotel/check_out"),
        ("2026-02-30", "2026-03-01", "/hotel/check_in"),
        ("2026-02-01", "2026-02-30", "/hotel/check_out"),
    ],
)
def test_dates_that_are_no_stay(check_in: str, check_out: str, pointer: str) -> None:
    """A stay ends after it begins, within thirty nights, on days that exist."""
    with pytest.raises(InvalidTrip, match=f"^{pointer}: expected "):
        stay(check_in, check_out)


@pytest.mark.parametrize(
    ("depart_at", "arrive_at", "pointer"),
    [
        ("2099-03-01T09:30", "2099-03-01T09:30", "/flight/arrive_at"),
        ("2099-03-01T09:30", "2099-03-01T09:29", "/flight/arrive_at"),
        ("2026-02-30T09:30", "2026-03-01T09:30", "/flight/depart_at"),
        ("2026-02-01T09:30", "2026-02-30T09:30", "/flight/arrive_at"),
    ],
)
def test_times_that_are_no_flight(depart_at: str, arrive_at: str, pointer: str) -> None:
    """A flight arrives after it departs, at times that exist."""
    with pytest.raises(InvalidTrip, match=f"^{pointer}: expected "):
        flight(depart_at, arrive_at)


@pytest.mark.parametrize(
    ("pick_up", "drop_off", "pointer"),
    [
        ("2099-03-02", "2099-03-01", "/car/drop_off"),
        ("2099-03-01", "2099-03-31", "/car/drop_off"),
        ("2026-02-30", "2026-03-01", "/car/pick_up"),
        ("2026-02-01", "2026-02-30", "/car/drop_off"),
    ],
)
def test_dates_that_are_no_rental(pick_up: str, drop_off: str, pointer: str) -> None:
    """A rental ends on the day it begins or later, within thirty days, on days that exist."""
    with pytest.raises(InvalidTrip, match=f"^{pointer}: expected "):
        rental(pick_up, drop_off)


@pytest.mark.parametrize("participant", PARTICIPANTS)
def test_a_value_says_whose_it_is(participant: str) -> None:
    """Each value names its participant as the trip does, and never changes."""
    part: Any = PARTICIPANTS[participant].parse(TRIP[participant])
    assert part.participant == participant
    with pytest.raises(AttributeError):
        part.offer = "another"


@pytest.mark.parametrize("name", ["A#2099-03", "#", "OFFER#A", "Zürich 🏨", "فندق", "' OR 1=1 --"])
def test_names_do_not_collide(name: str) -> None:
    """No name can be chosen so that its counters are those of another: the month that ends them has a fixed length."""
    ours = Stay.parse(TRIP["hotel"] | {"name": name}).takes
    assert {counter[: -len("#2099-03")] for counter in ours} == {name}
