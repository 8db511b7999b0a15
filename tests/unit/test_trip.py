"""A trip: what makes it the same saga, and what no schema can say about it."""

from datetime import date
from typing import Any

import pytest

from saga.booking import part_of
from saga.errors import InvalidTrip, Problem
from saga.trip import PARTICIPANTS, Trip
from tests.trips import TRIP, trip
from tests.unit.play import TODAY, parsed


def starting(day: str) -> dict[str, Any]:
    """The sample trip with a hotel for one night from that day on."""
    following = date.fromordinal(date.fromisoformat(day).toordinal() + 1)
    return trip(hotel={"name": "Inn", "check_in": day, "check_out": following.isoformat()})


def test_participants_are_booked_in_this_order() -> None:
    """Hotel, flight and car take part, and are booked in this order."""
    assert list(PARTICIPANTS) == ["hotel", "flight", "car"]


def test_a_trip_holds_a_part_for_each() -> None:
    """A trip keeps each participant's part as it was asked, and nothing else."""
    found = parsed(trip(owner="ann", faults={}))
    assert found == Trip("trip-1", "ann", {name: TRIP[name] for name in PARTICIPANTS})


def test_the_same_request_is_the_same_saga() -> None:
    """The order of fields does not matter: the same request of the same owner under the same id is the same saga."""
    turned = {name: dict(reversed(TRIP[name].items())) for name in reversed(PARTICIPANTS)}
    assert parsed(trip()).saga_id == parsed(trip(**turned)).saga_id


@pytest.mark.parametrize(
    ("request_", "owner"),
    [
        (trip(trip_id="trip-2"), "ann"),
        (trip(), "eve"),
        *[
            (trip(f"{name}/{field}", f"{value[:-1]}2"), "ann")
            for name in PARTICIPANTS
            for field, value in TRIP[name].items()
        ],
    ],
)
def test_any_other_request_is_another_saga(request_: dict[str, Any], owner: str) -> None:
    """Another id, another owner, or one other field makes another saga."""
    assert parsed(request_, owner).saga_id != parsed(trip()).saga_id


def test_a_fingerprint_is_of_the_request_alone() -> None:
    """Two travellers who ask for the same have one fingerprint and two sagas."""
    one, other = parsed(trip(), "ann"), parsed(trip(trip_id="trip-2"), "eve")
    assert one.fingerprint == other.fingerprint
    assert one.saga_id != other.saga_id


def test_parts_of_an_id_are_kept_apart() -> None:
    """What ends the trip_id and what begins the owner's name can't be mistaken for each other."""
    assert parsed(trip(trip_id="trip-1a"), "nn").saga_id != parsed(trip(trip_id="trip-1"), "ann").saga_id


def test_a_saga_id_is_32_hex_digits() -> None:
    """A saga_id is 32 lower-case hex digits."""
    assert len(parsed(trip()).saga_id) == 32
    assert int(parsed(trip()).saga_id, 16)


@pytest.mark.parametrize("day", ["2098-01-01", "2099-01-01", "2100-01-01"])
def test_a_trip_may_start_then(day: str) -> None:
    """A trip may start up to 365 days ago, today, or whenever later."""
    assert parsed(starting(day)).request["hotel"]["check_in"] == day


def test_a_trip_may_not_start_earlier() -> None:
    """A trip of more than 365 days ago is refused at the part that starts so early."""
    with pytest.raises(InvalidTrip) as refused:
        parsed(starting("2097-12-31"))
    assert refused.value.problems == (Problem("/hotel", "expected to start 2098-01-01 or later"),)


def test_every_part_is_held_to_its_start() -> None:
    """A flight or a car of more than 365 days ago is refused as a hotel is."""
    old = trip(
        flight=TRIP["flight"] | {"depart_at": "2097-12-31T09:30", "arrive_at": "2097-12-31T10:30"},
        car={"model": "Volvo", "pick_up": "2097-12-31", "drop_off": "2098-01-01"},
    )
    with pytest.raises(InvalidTrip) as refused:
        parsed(old)
    assert [problem.pointer for problem in refused.value.problems] == ["/flight", "/car"]


def test_all_problems_are_told_at_once() -> None:
    """What is wrong with each part is told together, in the order of the parts."""
    wrong = trip("hotel/check_in", "2026-02-30") | {"car": TRIP["car"] | {"drop_off": "2099-02-01"}}
    with pytest.raises(InvalidTrip) as refused:
        Trip.parse(wrong, "trip-1", "ann", TODAY)
    assert [problem.pointer for problem in refused.value.problems] == ["/hotel/check_in", "/car/drop_off"]


@pytest.mark.parametrize("participant", PARTICIPANTS)
def test_a_part_is_picked_by_its_participant(participant: str) -> None:
    """A participant reads its own part of a request; a request without it has none, and one that is wrong is told."""
    kind: Any = PARTICIPANTS[participant]
    assert part_of(kind, TRIP) == kind.parse(TRIP[participant])
    assert part_of(kind, {name: part for name, part in TRIP.items() if name != participant}) is None
    with pytest.raises(InvalidTrip):
        part_of(kind, {participant: dict.fromkeys(TRIP[participant], "2026-02-30")})
