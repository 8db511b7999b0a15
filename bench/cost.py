"""What a saga costs on AWS: counted in the embedded one, priced by list price."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from bench import inprocess, sagas, tables, trips
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
MACHINES = {"ours": ROOT / "statemachine" / "booking.asl.json", "naive": ROOT / "bench" / "naive" / "naive.asl.json"}


@dataclass(frozen=True)
class Bill:
    """What one saga uses: states entered and tasks run again, functions called, DynamoDB's units, events published."""

    transitions: int
    invocations: int
    writes: float
    reads: float
    events: int = 0

    @property
    def dollars(self) -> float:
        """Its price."""
        return float(
            self.transitions * PRICES["state_transition"]
            + self.invocations * (PRICES["lambda_request"] + SECONDS * GIGABYTES * PRICES["lambda_gb_second_arm"])
            + self.writes * PRICES["dynamodb_write_unit"]
            + self.reads * PRICES["dynamodb_read_unit"]
            + self.events * PRICES["event"]
        )


def measure(lab: Lab, _sizes: Sizes) -> Section:
    """Count one saga of each kind and system."""
    bills = {(kind, s.name): _bill(lab, s, kind) for kind in sagas.KINDS for s in (lab.ours, lab.naive)}
    rows = [_row(kind, name, bill) for (kind, name), bill in bills.items()]
    ours, naive = bills["success", "ours"], bills["success", "naive"]
    goals = (
        Goal("state transitions of a success", ours.transitions, 5),
        Goal("state transitions of a rollback", bills["rollback", "ours"].transitions, 10),
        Goal("cost of a success, ours ÷ naive", ours.dollars / naive.dollars, 1.6),
    )
    columns = ("saga", "", "transitions", "invocations", "write units", "read units", "events", "USD per 1,000")
    return Section("What a saga costs", columns, rows, goals, _notes())


def _bill(lab: Lab, system: System, kind: str) -> Bill:
    """Count transitions and tasks from an execution's history, and units from the same path walked in this process."""
    history = lab.states.get_paginator("get_execution_history")
    arn = sagas.run(lab, system, kind, 1, 1)[0].arn
    events = [event["type"] for page in history.paginate(executionArn=arn) for event in page["events"]]
    entered = sum(event.endswith("StateEntered") for event in events)
    tasks = events.count("TaskScheduled")
    retries = tasks - events.count("TaskStateEntered")
    writes, reads = _units(lab, system, kind)
    beside = int(system is lab.ours)  # Outcomes announces the product's end from the stream
    return Bill(entered + retries, tasks + beside, writes, reads, beside)


def _units(lab: Lab, system: System, kind: str) -> tuple[float, float]:
    """Walk the saga's path in this process over fresh tables; return the write and the read units."""
    machine = json.loads(MACHINES[system.name].read_text())
    with tables.tables(lab, "bench-cost"), inprocess.handlers(lab, "bench-cost", ""):
        RECORDER.written = RECORDER.read = 0
        functions = _functions(lab, system, machine)
        request = trips.trip(*sagas.KINDS[kind])
        inprocess.recorded(lambda: list(walk(machine, request, functions)))
    return RECORDER.written, RECORDER.read


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


def _row(kind: str, name: str, bill: Bill) -> tuple[str, ...]:
    counted = (bill.transitions, bill.invocations, bill.writes, bill.reads, bill.events)
    return (kind, name, *(f"{count:g}" for count in counted), f"{bill.dollars * 1000:.4f}")


def _notes() -> tuple[str, ...]:
    return (
        (
            f"List prices of {PRICES['as_of']} in {PRICES['region']}, from tools/prices.json; each call of a function"
            f" is taken for {SECONDS} s at {GIGABYTES} GB. Transitions are the states entered and the retries, from the"
            " execution's history. Units are what DynamoDB's ConsumedCapacity says call by call, its indexes included;"
            " a transaction that loses a condition is counted by its items, 2 units each."
        ),
        (
            "Ours counts what it does beside the machine: Outcomes, called from the stream, and its event. Outcomes is"
            " called for up to ten trips at once, so its part is the most it can be. Not counted: cold starts, logs,"
            " storage, backups."
        ),
    )
