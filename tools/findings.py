"""What an audit finds: each breach of the promise as one line, and what a repair has to know of it."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from saga.ports import Key


class Kind(StrEnum):
    """What a finding is about. `advice.py` says of each what it means and what to do."""

    UNREADABLE = "unreadable"
    COUNTER = "counter"
    OVERSOLD = "oversold"
    NO_RECORD = "no-record"
    ALTERED = "altered"
    FOREIGN = "foreign"
    LEDGER = "ledger"
    MISSING = "missing"
    STILL_BOOKED = "still-booked"
    NOT_OWED = "not-owed"
    INDEX = "index"
    LOG = "log"


@dataclass(frozen=True)
class Count:
    """What is counted of one day: `taken` by its counter, `live` by the bookings, of which `mark` is a digest."""

    table: str
    counter: str
    slot: str
    taken: int
    live: int
    mark: int

    def __str__(self) -> str:
        """Name the day: table, counter and slot."""
        return f"{self.table} {self.counter} {self.slot}"


@dataclass(frozen=True)
class Finding:
    """A breach of one of the invariants: of a trip, of a day that is counted, or of an item that can't be read."""

    rule: str
    kind: Kind
    text: str
    trip_id: str = ""
    count: Count | None = None
    where: Key | None = None

    def __str__(self) -> str:
        """Tell it in one line."""
        return f"{self.rule}: {self.text}" + (f" (trip {self.trip_id})" if self.trip_id else "")

    def told(self) -> dict[str, Any]:
        """Tell it for a machine."""
        count = {name: value for name, value in asdict(self.count).items() if name != "mark"} if self.count else None
        return {"rule": self.rule, "kind": self.kind, "text": self.text, "trip_id": self.trip_id, "counter": count}
