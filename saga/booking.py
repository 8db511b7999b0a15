"""A booking as its participant's table holds it, and how a saga knows its own."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, ClassVar, Protocol, Self, TypeVar

from saga.log import Call
from saga.ports import GiveBack, Item, Key, Take
from saga.trip import digest

BOOKED, CANCELLED = "BOOKED", "CANCELLED"
"""A booking is absent, then BOOKED, then CANCELLED; or absent, then a tombstone: CANCELLED before it was booked."""


class Part(Protocol):
    """A participant's part of a trip: the offer it books, and the capacity it takes one of each from."""

    participant: ClassVar[str]

    @classmethod
    def parse(cls, part: Mapping[str, str]) -> Self:
        """Read the part of a request; raise InvalidTrip for one that no calendar allows."""

    @property
    def offer(self) -> str:
        """What is booked, by name."""

    @property
    def starts(self) -> date:
        """The first day of it."""

    @property
    def takes(self) -> Mapping[str, Sequence[str]]:
        """The slots that are taken, by their counter: of one offer and month one counter, a slot a day."""


P = TypeVar("P", bound=Part)


def part_of(kind: type[P], trip: Mapping[str, Any]) -> P | None:
    """Return the participant's part of a trip's request; None where the trip was booked without this participant."""
    return kind.parse(trip[kind.participant]) if kind.participant in trip else None


def confirmation(saga_id: str, participant: str) -> str:
    """Derive a booking's confirmation number, so that every attempt gives the same one."""
    return f"{participant[0]}-{digest(saga_id, participant)[:10]}".upper()


def key(call: Call, part: Part) -> Key:
    """Where the trip's booking stands."""
    return Key(part.participant, f"TRIP#{call.trip_id}")


def offer_key(part: Part) -> Key:
    """Where the offer stands, with its capacity."""
    return Key(part.participant, f"OFFER#{part.offer}")


def counter(participant: str, name: str) -> Key:
    """Where the count of what is taken stands, for one of a part's counters."""
    return Key(participant, f"TAKEN#{name}")


def takes(part: Part, capacity: int) -> dict[str, Take]:
    """Make the writes that take the part's capacity, by names that `full_day` knows."""
    return {
        f"take {name}": Take(counter(part.participant, name), slots, capacity) for name, slots in part.takes.items()
    }


def gives_back(participant: str, booking: Item) -> dict[str, GiveBack]:
    """Make the writes that give back what a booking says it took, whatever today's rules would take for it."""
    return {f"give back {n}": GiveBack(counter(participant, n), slots) for n, slots in booking["takes"].items()}


def full_day(standing: Mapping[str, Item | None], takes: Mapping[str, Take]) -> str | None:
    """Return the first day that is full, of the takes that failed; None if none of them has."""
    for name, take in takes.items():
        if name in standing:
            taken = standing[name] or {}
            month = name.rpartition("#")[2]
            slot = next((slot for slot in take.slots if taken.get(slot, 0) >= take.capacity), take.slots[0])
            return f"{month}-{slot.removeprefix('d')}"
    return None


def row(call: Call, part: Part, now: str, capacity: int) -> Item:
    """Make the item of a live booking. `capacity` is what it was held against: a later one may be lower."""
    return {**_row(call, part), "status": BOOKED, "capacity": capacity, "booked": now}


def tombstone(call: Call, part: Part, now: str) -> Item:
    """Make the item of a booking that was cancelled before it was made."""
    return {**_row(call, part), "status": CANCELLED, "cancelled": now}


def is_live(booking: Item, call: Call) -> bool:
    """Whether it is a live booking of this saga. A saga_id is of one request, so the booking is of this very part."""
    return bool(booking["status"] == BOOKED and booking["saga_id"] == call.saga_id)


def answer(call: Call, part: Part) -> Item:
    """What a book answers, however often it is asked."""
    return {"status": BOOKED, "confirmation": confirmation(call.saga_id, part.participant)}


def _row(call: Call, part: Part) -> Item:
    return {
        "saga_id": call.saga_id,
        "confirmation": confirmation(call.saga_id, part.participant),
        "offer": part.offer,
        "takes": {name: list(slots) for name, slots in part.takes.items()},
    }
