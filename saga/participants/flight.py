"""The flight: a seat on the day of its departure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from saga import days
from saga.errors import InvalidTrip, Problem


@dataclass(frozen=True)
class Seat:
    """A seat on one flight, on the day it departs."""

    participant: ClassVar = "flight"
    offer: str
    starts: date
    takes: Mapping[str, tuple[str, ...]]

    @classmethod
    def parse(cls, part: Mapping[str, str]) -> "Seat":
        """Read `{"number", "depart_at", "arrive_at", …}`; raise InvalidTrip for times that are no flight."""
        depart_at = days.moment("/flight/depart_at", part["depart_at"])
        arrive_at = days.moment("/flight/arrive_at", part["arrive_at"])
        if arrive_at <= depart_at:
            raise InvalidTrip(Problem("/flight/arrive_at", "expected a time after depart_at"))
        return cls(part["number"], depart_at.date(), days.takes(part["number"], [depart_at.date()]))
