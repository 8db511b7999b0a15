"""The worlds that are explored, and how far."""

from dataclasses import dataclass, field
from typing import Any

from saga.ports import Item, Key
from tests.model.explore import Explorer, Found
from tests.model.kernel import Kernel
from tests.model.world import FAULTS, Rules, World
from tests.trips import trip

SHORT = trip(
    hotel={"name": "Holiday Inn Dublin", "check_in": "2099-03-01", "check_out": "2099-03-02"},
    car={"model": "Volvo XC40", "pick_up": "2099-03-01", "drop_off": "2099-03-01"},
    owner="ann",
)
"""One night, one flight, one day: a counter each."""
OFFERS = {"hotel": "Holiday Inn Dublin", "flight": "EI155", "car": "Volvo XC40"}


@dataclass(frozen=True)
class Scenario:
    """Requests that are booked, the capacity of each offer, what may happen, and the bound: how many faults."""

    requests: tuple[Any, ...] = (SHORT,)
    bound: int = 2
    rules: Rules = Rules()
    capacity: dict[str, int] = field(default_factory=dict)

    def explore(self, kernel: Kernel, bound: int | None = None) -> Found:
        """Explore it with a version of the source."""
        offers: dict[Key, Item] = {
            Key(name, f"OFFER#{what}"): {"capacity": self.capacity.get(name, 2)} for name, what in OFFERS.items()
        }
        return Explorer(World(kernel, self.requests, offers, self.rules)).explore(
            self.bound if bound is None else bound
        )


OTHER_OWNER = SHORT | {"owner": "ben"}
OTHER_TRIP = SHORT | {"trip_id": "trip-2"}
CRASHES = ("error", "killed", "timeout", "twice")

SCENARIOS: dict[str, Scenario] = {
    "one saga": Scenario(),
    "one saga, nothing retried": Scenario(rules=Rules(retries=0)),
    "one saga, a car sold out": Scenario(capacity={"car": 0}),
    "two owners, one trip_id": Scenario((SHORT, OTHER_OWNER), bound=1),
    "one request started twice": Scenario((SHORT, SHORT), bound=1),
    "two sagas, one seat": Scenario((SHORT, OTHER_TRIP), bound=1, capacity={"flight": 1}),
    "one saga, faults within its budget": Scenario(bound=1, rules=Rules(faults=CRASHES)),
}
