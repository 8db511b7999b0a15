"""A trip as the tables of a stage hold it: its record, its bookings, its log."""

from dataclasses import dataclass

from saga import log
from saga.ports import Item, Key
from saga.trip import CANCELLED, CONFIRMED, NEEDS_ATTENTION, PARTICIPANTS, ROLLED_BACK
from tools import trips
from tools.stage import Stage

BOOKED = "BOOKED"


@dataclass(frozen=True)
class Snapshot:
    """What was read of one trip; `record` is None and the rest empty where there is no such trip."""

    record: Item | None
    bookings: dict[str, Item]
    log: list[Item]

    @property
    def status(self) -> str | None:
        """The trip's status."""
        return self.record["status"] if self.record else None

    def outcome(self, saga_id: str, error: str | None) -> str:
        """How the saga stands, by what the tables say; `error` is the one its execution ended with, if any.

        One of booked, rolled-back, refused, needs-attention, inconsistent.
        """
        if not self.record or self.record["saga_id"] != saga_id:
            return "refused" if error == "TripRefused" else "inconsistent"
        live = {name for name, item in self.bookings.items() if item["status"] == BOOKED}
        mine = all(item["saga_id"] == saga_id for item in self.bookings.values())
        match self.record["status"]:
            case _ if not mine:
                return "inconsistent"
            case status if status == CONFIRMED and live == set(self.record["request"]):
                return "booked"
            case status if status in (ROLLED_BACK, CANCELLED) and not live:
                return "rolled-back"
            case status if status == NEEDS_ATTENTION and live <= set(self.record["owed"]):
                return "needs-attention"
        return "needs-attention" if error == "TripNeedsAttention" else "inconsistent"


def read(stage: Stage, trip_id: str) -> Snapshot:
    """Read a trip from the stage's tables, consistently; raise Unreachable when they cannot be reached."""
    store = trips.desk(stage).store
    with stage.reaching():
        record = store.get(log.trip_key(trip_id))
        bookings = {name: store.get(Key(name, f"TRIP#{trip_id}")) for name in PARTICIPANTS}
        story = trips.listing(stage).story(trip_id)
    return Snapshot(record, {name: item for name, item in bookings.items() if item}, story)
