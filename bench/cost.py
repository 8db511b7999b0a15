"""What a saga costs on AWS: counted in the embedded one, priced by list price."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

from bench import inprocess, sagas, steps, tables, trips
from bench.inprocess import RECORDER
from bench.lab import Lab, System
from bench.naive import handlers as naive
from bench.numbers import Goal
from bench.report import Section
from bench.sizes import Sizes
from bench.walk import Handler, walk
from tools.local.environment import ROOT

PRICES: dict[str, Any] = json.loads((ROOT / "tools" / "prices.json").read_text())
SECONDS, GIGABYTES = 0.1, 0.5
"""How long a function is billed for and with how much memory: assumed for both systems alike."""
NAIVE = ROOT / "bench" / "naive" / "naive.asl.json"
MACHINES = {"ours": ROOT / "statemachine" / "booking.asl.json"}
PREFIX = "bench-cost"
POSTED = "success by POST"
TRANSITIONS, WRITES, CALLS = "state transitions", "write units", "calls of DynamoDB"
LIMITS = {
    "success": {TRANSITIONS: 5, WRITES: 30, CALLS: 5},
    POSTED: {TRANSITIONS: 5, WRITES: 30, CALLS: 5},
    "rollback": {TRANSITIONS: 9, WRITES: 58, CALLS: 11},
}
COLUMNS = (
    "saga",
    "",
    "transitions",
    "invocations",
    CALLS,
    WRITES,
    "read units",
    "events",
    "USD per 1,000",
    "ours ÷ it",
)
PRICE = "cost of a success, ours ÷ naive"


@dataclass(frozen=True)
class Bill:
    """What one saga uses.

    States entered and tasks run again, functions called, DynamoDB's units, events published, calls of DynamoDB (not
    paid for), requests to the API.
    """

    transitions: int
    invocations: int
    writes: float
    reads: float
    events: int = 0
    calls: int = 0
    requests: int = 0

    @property
    def dollars(self) -> float:
        """Its price."""
        return float(
            self.transitions * PRICES["state_transition"]
            + self.invocations * (PRICES["lambda_request"] + SECONDS * GIGABYTES * PRICES["lambda_gb_second_arm"])
            + self.writes * PRICES["dynamodb_write_unit"]
            + self.reads * PRICES["dynamodb_read_unit"]
            + self.events * PRICES["event"]
            + self.requests * PRICES["http_api_request"]
        )


def measure(lab: Lab, _sizes: Sizes) -> Section:
    """Count one saga of each kind and system, and one of ours that a traveller posts."""
    bills = {(kind, system.name): _bill(lab, system, kind) for kind in sagas.KINDS for system in lab.systems}
    bills[POSTED, "ours"] = _bill(lab, lab.ours, "success", posted=True)
    rows = [_row(kind, name, bill, bills[kind, "ours"]) for (kind, name), bill in bills.items()]
    goals = [
        Goal(f"{what} of a {kind}", value, limit)
        for kind, limits in LIMITS.items()
        for (what, limit), value in zip(limits.items(), _limited(bills[kind, "ours"]), strict=True)
    ]
    ratio = bills["success", "ours"].dollars / bills["success", "naive"].dollars
    return Section("What a saga costs", COLUMNS, rows, [*goals, Goal(PRICE, ratio, 1.6)], _notes())


def _limited(bill: Bill) -> tuple[float, ...]:
    return bill.transitions, bill.writes, bill.calls


def _bill(lab: Lab, system: System, kind: str, *, posted: bool = False) -> Bill:
    """Count transitions and tasks from an execution's history, and units from the same path walked in this process."""
    history = lab.states.get_paginator("get_execution_history")
    arn = sagas.run(lab, system, kind, 1, 1)[0].arn
    events = [event["type"] for page in history.paginate(executionArn=arn) for event in page["events"]]
    entered = sum(event.endswith("StateEntered") for event in events)
    tasks = events.count("TaskScheduled")
    retries = tasks - events.count("TaskStateEntered")
    writes, reads, calls = _units(lab, system, kind, posted=posted)
    beside = int(system is lab.ours)  # Outcomes announces the product's end from the stream
    return Bill(entered + retries, tasks + beside + posted, writes, reads, beside, calls, int(posted))


def _units(lab: Lab, system: System, kind: str, *, posted: bool) -> tuple[float, float, int]:
    """Walk the saga's path in this process over fresh tables; return the write units, the read units and the calls.

    The second walk counts: by then this process keeps the offers, as a function does that has been called before.
    """
    machine = json.loads(MACHINES.get(system.name, NAIVE).read_text())
    with inprocess.idle(lab) as idle, tables.tables(lab, PREFIX), inprocess.handlers(lab, PREFIX, idle):
        functions = _functions(lab, system, machine)
        for _ in range(2):
            RECORDER.written = RECORDER.read = 0
            request = trips.trip(*sagas.KINDS[kind], day=0)
            calls = inprocess.recorded(partial(_saga, machine, request, functions, posted=posted))
    return RECORDER.written, RECORDER.read, sum(service == "dynamodb" for service, *_ in calls)


def _saga(machine: Mapping[str, Any], request: dict[str, Any], functions: dict[str, Handler], *, posted: bool) -> None:
    """Walk one saga, as its execution is started: with the whole request, or with the ids of what was posted."""
    if posted:
        post, trip_id, saga_id = steps.posting(request)
        post()
        request = {"trip_id": trip_id, "saga_id": saga_id}
    for _ in walk(machine, request, functions):
        pass


def _functions(lab: Lab, system: System, machine: dict[str, Any]) -> dict[str, Handler]:
    """Return the handler of each task, by the names that the deployed functions have."""
    client = lab.stage.client("lambda")
    found: dict[str, Handler] = {}
    for name in (name for name, state in machine["States"].items() if state["Type"] == "Task"):
        configured = client.get_function_configuration(FunctionName=f"{system.prefix}-{name}")
        module, _, function = configured["Handler"].replace("/", ".").rpartition(".")
        if system is lab.ours:
            found[name] = getattr(import_module(module), function)
        else:
            found[name] = _with(configured["Environment"]["Variables"], getattr(naive, function))
    return found


def _with(variables: Mapping[str, str], handler: Handler) -> Handler:
    """Return the handler of a naive function, which takes its participant and table from its environment."""

    def call(event: Mapping[str, Any], context: Any) -> Any:
        os.environ |= {name: variables[name] for name in ("PARTICIPANT", "TABLE")}
        return handler(event, context)

    return call


def _row(kind: str, name: str, bill: Bill, ours: Bill) -> tuple[str, ...]:
    counted = (bill.transitions, bill.invocations, bill.calls, bill.writes, bill.reads, bill.events)
    price = f"{bill.dollars * 1000:.4f}", f"{ours.dollars / bill.dollars:.2f}"
    return (kind, name, *(f"{count:g}" for count in counted), *price)


def _notes() -> tuple[str, ...]:
    return (
        (
            f"List prices of {PRICES['as_of']} in {PRICES['region']}, from tools/prices.json; each call of a function"
            f" is taken for {SECONDS} s at {GIGABYTES} GB. Transitions are the states entered and the retries, from the"
            " execution's history. Units are what DynamoDB's ConsumedCapacity says call by call, its indexes included;"
            " a transaction that loses a condition is counted by its items, 2 units each."
        ),
        (
            "Offers are kept, as they are for a minute in each function that has read them; the first read of an offer"
            " is one call more and half a read unit."
        ),
        (f"{sagas.LIKE} With a counter a day, each updated alone, it would make 11 calls and write 11 units."),
        (
            "Ours counts what it does beside the machine: Outcomes, called from the stream, and its event. Outcomes is"
            " called for up to ten trips at once, so its part is the most it can be. Not counted: cold starts, logs,"
            " storage, backups."
        ),
    )
