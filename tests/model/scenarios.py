"""The worlds that are explored, and how far. In each of them two executions work on one saga."""

from dataclasses import dataclass, field
from typing import Any

from saga.ports import Item, Key
from saga.trip import BOOKING, COMPENSATING, CONFIRMED, NEEDS_ATTENTION
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
"""One night, one flight, one day: a slot of a counter each."""
OFFERS = {"hotel": "Holiday Inn Dublin", "flight": "EI155", "car": "Volvo XC40"}


@dataclass(frozen=True)
class Scenario:
    """Requests that are booked, by an execution each, those that come by the API, and what each offer has room for.

    Then what may happen, and the bound: how many faults.
    """

    requests: tuple[Any, ...] = (SHORT, SHORT)
    bound: int = 1
    rules: Rules = field(default_factory=Rules)
    capacity: dict[str, int] = field(default_factory=dict)
    rests: tuple[str, ...] = SETTLED
    """Statuses in which a trip may be left where nothing is left to run."""
    posts: tuple[Any, ...] = ()

    def explore(self, kernel: Kernel) -> Found:
        """Explore it with a version of the source."""
        offers: dict[Key, Item] = {
            Key(name, f"OFFER#{what}"): {"capacity": self.capacity.get(name, 2)} for name, what in OFFERS.items()
        }
        world = World(kernel, self.requests, self.posts, offers, self.rules)
        return Explorer(world, self.rests).explore(self.bound)


OTHER_OWNER = SHORT | {"owner": "ben"}
OTHER_TRIP = SHORT | {"trip_id": "trip-2"}
CRASHES = ("error", "cut", "killed", "timeout", "twice")
NO_HOTEL, NO_CAR = {"hotel": 0}, {"car": 0}

SCENARIOS: dict[str, Scenario] = {
    "faults within the budget": Scenario(rules=Rules(CRASHES, retries=1), rests=(CONFIRMED,)),
    "posted twice, within the budget": Scenario(
        (SHORT,), posts=(SHORT, SHORT), rules=Rules(("error", "cut"), retries=1), rests=(CONFIRMED,)
    ),
    "no room in the hotel": Scenario(capacity=NO_HOTEL),
    "nobody looks after it": Scenario(rules=Rules((*CRASHES, "delete"), undos=0), rests=(*SETTLED, BOOKING)),
    "a car sold out, nobody looks after it": Scenario(rules=Rules(CRASHES, retries=1, undos=0), capacity=NO_CAR),
    "cancels fail, nobody repairs": Scenario(
        bound=2, rules=Rules(("error",), undos=0), rests=(*SETTLED, COMPENSATING, NEEDS_ATTENTION)
    ),
    "undos die": Scenario(bound=4, rules=Rules(("outage",)), capacity=NO_HOTEL),
    "an undo begins twice": Scenario(bound=2, rules=Rules(("outage", "twice")), capacity=NO_HOTEL),
    "posted and deleted": Scenario((SHORT,), posts=(SHORT,), rules=Rules(("delete",))),
    "two owners, one trip_id": Scenario((SHORT, SHORT, OTHER_OWNER), rules=Rules((*CRASHES, "delete"))),
    "a car sold out, cancels fail": Scenario(bound=2, rules=Rules(("error",)), capacity=NO_CAR),
    "any fault": Scenario(),
    "any fault, a car sold out": Scenario(capacity=NO_CAR),
    "two sagas, one seat": Scenario((SHORT, SHORT, OTHER_TRIP), rules=Rules(CRASHES), capacity={"flight": 1}),
    "any fault, retried": Scenario(rules=Rules(retries=1)),
    "gone, and gone again": Scenario(bound=2, rules=Rules(("lost",))),
    "killed again": Scenario(bound=2, rules=Rules(("killed", "twice"))),
    "late and twice, retried": Scenario(bound=2, rules=Rules(("timeout", "twice"), retries=1), capacity=NO_CAR),
    "begun by the API": Scenario((SHORT,), posts=(SHORT,)),
    "failing, killed, late": Scenario(bound=2, rules=Rules(("error", "killed", "timeout"))),
}
"""About from the quickest to the longest: the first that kills a mutant is enough."""

DEEP: dict[str, Scenario] = {
    "cancels fail": Scenario(bound=3, rules=Rules(("error",)), capacity=NO_CAR),
    "two sagas, one seat, any fault": Scenario((SHORT, SHORT, OTHER_TRIP), capacity={"flight": 1}),
    "gone and late": Scenario(bound=2, rules=Rules(("lost", "timeout"))),
    "a car sold out, two faults": Scenario(bound=2, rules=Rules(CRASHES), capacity=NO_CAR),
    "begun by the API, two faults": Scenario((SHORT,), posts=(SHORT,), bound=2, rules=Rules(("error", "killed"))),
    "failing and deleted": Scenario(bound=2, rules=Rules(("error", "killed", "delete"))),
    "failing, and an undo by mistake": Scenario(bound=2, rules=Rules(("error", "mistaken"))),
}
"""Those that take minutes: `./build.sh test --deep` explores them."""
