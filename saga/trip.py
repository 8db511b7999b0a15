"""A trip: its three parts, who it belongs to, and the statuses it goes through."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from saga.errors import InvalidTrip, Problem
from saga.participants.car import Rental
from saga.participants.flight import Seat
from saga.participants.hotel import Stay

PARTICIPANTS: dict[str, type[Stay] | type[Seat] | type[Rental]] = {
    "hotel": Stay,
    "flight": Seat,
    "car": Rental,
}
"""Who takes part, in the order of booking."""

BOOKING, CONFIRMED = "BOOKING", "CONFIRMED"
COMPENSATING, ROLLED_BACK = "COMPENSATING", "ROLLED_BACK"
CANCELLING, CANCELLED = "CANCELLING", "CANCELLED"
NEEDS_ATTENTION = "NEEDS_ATTENTION"

UNDOING = (COMPENSATING, CANCELLING, NEEDS_ATTENTION)
"""Statuses of a trip whose bookings may be cancelled."""
ENDED = (ROLLED_BACK, CANCELLED)
"""Statuses of a trip that owns nothing any more; nothing follows them."""

OPERATOR = "operator"
"""The owner of a trip that was started without a traveller: at the state machine, by an operator."""

OLDEST = timedelta(days=365)
"""How long ago a trip may have begun: bookings of the past are entered late, but not for ever."""


def digest(*parts: str) -> str:
    """Hash texts to 32 hex digits; the same texts always give the same ones (JSON keeps the parts apart)."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Trip:
    """A whole trip as one saga books it: `request` holds a part for each participant."""

    trip_id: str
    owner: str
    request: dict[str, Any]

    @classmethod
    def parse(cls, request: Mapping[str, Any], trip_id: str, owner: str, today: date) -> "Trip":
        """Make a trip of a request that the schema allows; raise InvalidTrip listing what no calendar allows."""
        problems: list[Problem] = []
        for name, participant in PARTICIPANTS.items():
            try:
                if today - participant.parse(request[name]).starts > OLDEST:
                    problems.append(Problem(f"/{name}", f"expected to start {today - OLDEST} or later"))
            except InvalidTrip as invalid:
                problems += invalid.problems
        if problems:
            raise InvalidTrip(*problems)
        return cls(trip_id, owner, {name: dict(request[name]) for name in PARTICIPANTS})

    @property
    def fingerprint(self) -> str:
        """What the trip asks for, whoever asks and under whatever id."""
        return digest(json.dumps(self.request, sort_keys=True))

    @property
    def saga_id(self) -> str:
        """The saga: the same request of the same owner under the same trip_id is the same saga."""
        return digest(self.trip_id, self.owner, self.fingerprint)
