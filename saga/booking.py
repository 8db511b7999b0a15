"""A booking as its participant's table holds it, and how a saga knows its own."""

from datetime import date
from typing import ClassVar, Protocol

from saga.log import Call
from saga.ports import Item, Key
from saga.trip import digest

BOOKED, CANCELLED = "BOOKED", "CANCELLED"
"""A booking is absent, then BOOKED, then CANCELLED; or absent, then a tombstone: CANCELLED before it was booked."""


class Part(Protocol):
    """A participant's part of a trip: the offer it books, and the counters it takes one of each from."""

    participant: ClassVar[str]

    @property
    def offer(self) -> str:
        """What is booked, by name."""

    @property
    def starts(self) -> date:
        """The first day of it."""

    @property
    def takes(self) -> tuple[str, ...]:
        """Counters of capacity, as `<offer>#<day>`."""


def confirmation(saga_id: str, participant: str) -> str:
    """Derive a booking's confirmation number, so that every attempt gives the same one."""
    return f"{participant[0]}-{digest(saga_id, participant)[:10]}".upper()


def key(call: Call, part: Part) -> Key:
    """Where the trip's booking stands."""
    return Key(part.participant, f"TRIP#{call.trip_id}")


def counter(part: Part, name: str) -> Key:
    """Where the count of what is taken stands, for one of `part.takes`."""
    return Key(part.participant, f"TAKEN#{name}")


def row(call: Call, part: Part, status: str, now: str) -> Item:
    """Make the booking's item: BOOKED, or as a tombstone CANCELLED."""
    return {
        "status": status,
        "saga_id": call.saga_id,
        "confirmation": confirmation(call.saga_id, part.participant),
        "fingerprint": _fingerprint(part),
        "offer": part.offer,
        "takes": list(part.takes),
        "booked" if status == BOOKED else "cancelled": now,
    }


def is_mine(booking: Item, call: Call, part: Part) -> bool:
    """Whether this saga made the booking, for this very part."""
    return bool(booking["saga_id"] == call.saga_id and booking["fingerprint"] == _fingerprint(part))


def answer(call: Call, part: Part) -> Item:
    """What a book answers, however often it is asked."""
    return {"status": BOOKED, "confirmation": confirmation(call.saga_id, part.participant)}


def _fingerprint(part: Part) -> str:
    return digest(part.offer, *part.takes)
