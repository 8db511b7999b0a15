"""Trips and offers that tests book."""

from copy import deepcopy
from types import SimpleNamespace
from typing import Any

from saga.ports import Item, Key

CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 10_000, function_name="travel-saga-test-Step")
"""What Lambda hands to a function beside its event."""

TRIP: dict[str, Any] = {
    "trip_id": "trip-1",
    "hotel": {"name": "Holiday Inn Dublin", "check_in": "2099-03-01", "check_out": "2099-03-04"},
    "flight": {
        "number": "EI155",
        "depart": "London",
        "arrive": "Dublin",
        "depart_at": "2099-03-01T09:30",
        "arrive_at": "2099-03-01T10:50",
    },
    "car": {"model": "Volvo XC40", "pick_up": "2099-03-01", "drop_off": "2099-03-04"},
}

OFFERS: dict[Key, Item] = {
    Key("hotel", "OFFER#Holiday Inn Dublin"): {"capacity": 2},
    Key("flight", "OFFER#EI155"): {"capacity": 2},
    Key("car", "OFFER#Volvo XC40"): {"capacity": 2},
    Key("hotel", "OFFER#Full House"): {"capacity": 0},
    Key("flight", "OFFER#FR1"): {"capacity": 0},
    Key("car", "OFFER#Sold Out"): {"capacity": 0},
}


def trip(pointer: str = "", value: Any = None, **changes: Any) -> dict[str, Any]:
    """Return the sample trip with top-level changes, and the field at `a/b` set to a value."""
    request = deepcopy(TRIP) | changes
    if pointer:
        *path, last = pointer.split("/")
        inner = request
        for step in path:
            inner = inner[step]
        inner[last] = value
    return request
