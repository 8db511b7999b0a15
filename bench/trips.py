"""The trips that are measured: three nights, a flight and four rental days, on a date of their own."""

from datetime import date, timedelta
from itertools import count
from typing import Any

from bench.lab import NOTHING, PLENTY

DATES = 300
"""Trips go to so many dates in turn, ten months, so that few meet at one counter; that is measured by itself."""

_numbers = count()


def trip(*refused: str, day: int | None = None, faults: dict[str, Any] | None = None) -> dict[str, Any]:
    """Make a new trip, on the n-th day if that is given; the participants in `refused` have nothing to offer for it."""
    number = next(_numbers)
    first = date(2099, 1, 1) + timedelta(days=number % DATES if day is None else day)
    last = first + timedelta(days=3)
    offers = PLENTY | {participant: NOTHING[participant] for participant in refused}
    request: dict[str, Any] = {
        "trip_id": f"bench-{number:09}",
        "hotel": {"name": offers["hotel"], "check_in": f"{first}", "check_out": f"{last}"},
        "flight": {
            "number": offers["flight"],
            "depart": "London",
            "arrive": "Dublin",
            "depart_at": f"{first}T09:30",
            "arrive_at": f"{first}T10:50",
        },
        "car": {"model": offers["car"], "pick_up": f"{first}", "drop_off": f"{last}"},
    }
    return request | ({"faults": faults} if faults else {})
