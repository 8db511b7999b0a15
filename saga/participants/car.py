"""The car: a rental, and the days it takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from saga import days


@dataclass(frozen=True)
class Rental:
    """A car of one model, for each day from pick_up to drop_off, both included."""

    participant: ClassVar = "car"
    offer: str
    starts: date
    takes: Mapping[str, tuple[str, ...]]

    @classmethod
    def parse(cls, part: Mapping[str, str]) -> "Rental":
        """Read `{"model", "pick_up", "drop_off"}`; raise InvalidTrip for dates that are no rental."""
        pick_up = days.day("/car/pick_up", part["pick_up"])
        drop_off = days.day("/car/drop_off", part["drop_off"])
        rental = days.span("/car/drop_off", pick_up, (drop_off - pick_up).days + 1)
        return cls(part["model"], pick_up, days.takes(part["model"], rental))
