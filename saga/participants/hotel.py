"""The hotel: a stay, and the nights it takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from saga import days


@dataclass(frozen=True)
class Stay:
    """A room in one hotel, for each night from check_in to the one before check_out."""

    participant: ClassVar = "hotel"
    offer: str
    starts: date
    takes: Mapping[str, tuple[str, ...]]

    @classmethod
    def parse(cls, part: Mapping[str, str]) -> "Stay":
        """Read `{"name", "check_in", "check_out"}`; raise InvalidTrip for dates that are no stay."""
        check_in = days.day("/hotel/check_in", part["check_in"])
        check_out = days.day("/hotel/check_out", part["check_out"])
        nights = days.span("/hotel/check_out", check_in, (check_out - check_in).days)
        return cls(part["name"], check_in, days.takes(part["name"], nights))
