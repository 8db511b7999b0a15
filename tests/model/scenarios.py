"""The worlds that are explored, and how far."""

from dataclasses import dataclass, field
from typing import Any

from saga.ports import Item, Key
from saga.trip import COMPENSATING, CONFIRMED, NEEDS_ATTENTION
from tests.model.explore import Explorer, Found
from tests.model.kernel import Kernel
from tests.model.world import Rules, World
from tests.trips import trip
from tools.invariants import SETTLED

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
    rules: Rules = field(default_factory=Rules)
    capacity: dict[str, int] = field(default_factory=dict)
    rests: tuple[str, ...] = SETTLED
    """Statuses in which a trip may be left where nothing is left to run."""

    def explore(self, kernel: Kernel) -> Found:
        """Explore it with a version of the source."""
        offers: dict[Key, Item] = {
            Key(name, f"OFFER#{what}"): {"capacity": self.capacity.get(name, 2)} for name, what in OFFERS.items()
        }
        world = World(kernel, self.requests, offers, self.rules)
        return Explorer(world, self.rests).explore(self.bound)


OTHER_OWNER = SHORT | {"owner": "ben"}
OTHER_TRIP = SHORT | {"trip_id": "trip-2"}
CRASHES = ("error", "killed", "timeout", "twice")

SCENARIOS: dict[str, Scenario] = {
    "faults within the budget": Scenario(bound=1, rules=Rules(faults=CRASHES), rests=(CONFIRMED,)),
    "cancels fail, nobody repairs": Scenario(
        rules=Rules(faults=("error",), retries=0, undos=0), rests=(*SETTLED, COMPENSATING, NEEDS_ATTENTION)
    ),
    "a car sold out, nobody repairs": Scenario(bound=1, rules=Rules(faults=CRASHES, undos=0), capacity={"car": 0}),
    "any fault": Scenario(bound=1),
    "nothing retried, any fault": Scenario(bound=1, rules=Rules(retries=0)),
    "late and deleted": Scenario(rules=Rules(faults=("timeout", "delete"))),
    "a car sold out, any fault": Scenario(bound=1, capacity={"car": 0}),
    "cancels fail after a DELETE": Scenario(bound=3, rules=Rules(faults=("error", "delete"), retries=0, undos=4)),
    "two owners, one trip_id": Scenario((SHORT, OTHER_OWNER), bound=1),
    "twice and killed, a car sold out": Scenario(rules=Rules(faults=("twice", "killed")), capacity={"car": 0}),
    "killed and deleted": Scenario(rules=Rules(faults=("killed", "timeout", "delete"), retries=0)),
    "cancels fail": Scenario(bound=3, rules=Rules(faults=("error",), retries=0, undos=4), capacity={"car": 0}),
    "killed again and again": Scenario(bound=4, rules=Rules(faults=("killed",), retries=0, undos=5)),
    "late and lost": Scenario(rules=Rules(faults=("timeout", "lost"), retries=0)),
    "one request started twice": Scenario((SHORT, SHORT), bound=1, rules=Rules(faults=("killed", "timeout", "delete"))),
    "two sagas, one seat": Scenario((SHORT, OTHER_TRIP), bound=1, capacity={"flight": 1}),
    "two sagas, one seat, twice": Scenario(
        (SHORT, OTHER_TRIP), rules=Rules(faults=("twice", "error"), retries=0), capacity={"flight": 1}
    ),
    "an undo by mistake": Scenario(rules=Rules(faults=("mistaken", "timeout"), retries=0, undos=2)),
    "any two faults": Scenario(),
}
"""About from the quickest to the longest: the first that kills a mutant is enough."""
