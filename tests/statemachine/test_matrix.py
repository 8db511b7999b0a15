"""Every fault at every step, alone and in pairs, through the real state machine: the promise holds after each.

The steps are the Task states of the ASL. The single faults that tell most run on moto's tables, all else on the store
in memory that keeps the contract. The number of schedules is printed at the end of the run.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from itertools import groupby
from typing import Any

import pytest

from saga import expressions, log
from saga.dynamo import DynamoStore
from saga.ports import Item, Key, Put, Store
from saga.trip import CONFIRMED, NEEDS_ATTENTION, PARTICIPANTS, ROLLED_BACK
from tests.contract.conftest import dynamo
from tests.memory import MemoryStore
from tests.statemachine.machine import Machine, Run
from tests.statemachine.schedules import EVER, Fault, Schedule, pairs, play, singles, tasks, telling, undone
from tests.trips import OFFERS, TRIP, trip
from tools.invariants import SETTLED, violations

pytestmark = pytest.mark.slow

STEPS = tasks("booking")
BUDGET = 64
"""Retries of an undo's step in the ASL."""
GOES_WELL, IS_REFUSED = trip(), trip("car/model", "Sold Out")
REFUSED_AT_ONCE = trip("hotel/name", "Full House")
"""Nothing of it is booked, so no cancel can be the last one, and EndSaga ends it."""
RECORD = log.trip_key(TRIP["trip_id"])
ENDS = {None: CONFIRMED, "TripRolledBack": ROLLED_BACK, "TripNeedsAttention": NEEDS_ATTENTION}


@contextmanager
def memory() -> Iterator[Store]:
    """A store in memory that offers something."""
    store = MemoryStore()
    store.items |= deepcopy(OFFERS)
    yield store


@contextmanager
def tables() -> Iterator[Store]:
    """A store on moto's tables that offers something."""
    with dynamo(None) as store:
        for key, offer in OFFERS.items():
            store.write({"offer": Put(key, offer)})
        yield store


def store_for(fault: Fault) -> AbstractContextManager[Store]:
    """Return moto's tables for the telling faults, but memory for an undo that never works: 65 attempts take long."""
    endless = fault.times == EVER and fault.step.startswith(("Cancel", "End"))
    return tables() if fault in telling(fault.step) and not endless else memory()


def held(store: Any) -> dict[Key, Item]:
    """Return everything that the tables hold."""
    if isinstance(store, MemoryStore):
        return store.items
    assert isinstance(store, DynamoStore)
    found = {}
    for table in (*PARTICIPANTS, log.TABLE):
        for typed in store.client.scan(TableName=f"{store.prefix}-{table}")["Items"]:
            item = expressions.unmarshal(typed)
            found[Key(table, item.get("id") or item["trip_id"], item.get("entry", ""))] = item
    return found


def request_for(faults: tuple[Fault, ...]) -> dict[str, Any]:
    """Return a trip that lets the faults be met: cancels run only where a book fails, EndSaga where they can't end."""
    if all(f.step.startswith(("Begin", "Book")) for f in faults) or any(map(undone, faults)):
        return GOES_WELL
    steps = {f.step for f in faults}
    ends_early = steps - {"BeginSaga", "BookHotel"} <= {"CancelHotel", "EndSaga"} and "EndSaga" in steps
    return REFUSED_AT_ONCE if ends_early else IS_REFUSED


def breaches(run: Run, items: dict[Key, Item], request: Any, faults: tuple[Fault, ...]) -> list[str]:
    """Tell what is broken: by the tables, and between them and how the execution ended."""
    found = violations(items)
    status = items.get(RECORD, {}).get("status")
    if run.calls.count("EndSaga") > BUDGET:
        if run.error != "TripNeedsAttention":
            found.append(f"EndSaga's retries are used up, and the execution ended {run.error}")
    elif run.calls != ["BeginSaga"] * 5 and ENDS.get(run.error, "-") != status:
        found.append(f"the execution ended {run.error}, the trip is {status}")
    if request is GOES_WELL and all(f.times < EVER for f in faults) and run.status != "SUCCEEDED":
        found.append(f"I5: faults within the budget ended the execution {run.error}")
    return found


def healed(machine: Machine, items: dict[Key, Item]) -> list[str]:
    """Undo what is left unfinished, as repair and the reconciler do; tell what is still not well."""
    if RECORD not in items or items[RECORD]["status"] in SETTLED:
        return []
    run = Machine(machine.store, "cancellation").run({"trip_id": TRIP["trip_id"]})
    after = held(machine.store)
    left = [] if after[RECORD]["status"] in SETTLED else [f"after its undo the trip is {after[RECORD]['status']}"]
    return [*left, *violations(after), *([] if run.status == "SUCCEEDED" else [f"the undo ended {run.error}"])]


def checked(machine: Machine, faults: tuple[Fault, ...]) -> Schedule:
    """Play a schedule and insist on the promise."""
    request = request_for(faults)
    run, schedule = play(machine, request, faults)
    items = held(machine.store)
    found = breaches(run, items, request, faults) + healed(machine, items)
    assert not found, f"{[str(fault) for fault in faults]}: {found}"
    return schedule


@pytest.mark.parametrize("step", STEPS)
def test_the_promise_survives_every_single_fault(step: str, machine: Machine, record_property: Any) -> None:
    """Whatever one step meets at its first attempts or for ever, the promise holds, then and after the undo."""
    met = 0
    for fault in singles(step):
        with store_for(fault) as machine.store:
            met += len(checked(machine, (fault,)).met)
    record_property("schedules", met)
    record_property("unreachable", len(singles(step)) - met)


@pytest.mark.parametrize(
    ("first", "both"), [(f, list(p)) for f, p in groupby(pairs(STEPS), lambda pair: pair[0])], ids=str
)
def test_the_promise_survives_every_pair_of_faults(
    first: Fault, both: list[tuple[Fault, Fault]], machine: Machine, record_property: Any
) -> None:
    """Whatever two steps meet, the promise holds, then and after the undo."""
    assert all(pair[0] == first for pair in both)
    met = 0
    for pair in both:
        with memory() as machine.store:
            met += checked(machine, pair).met == set(pair)
    record_property("schedules", met)
    record_property("unreachable", len(both) - met)
