"""The product's handlers in this process, over tables of the embedded AWS; what they ask of AWS is taken down."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore import xform_name
from botocore.config import Config

from bench.lab import Lab

CONFIG = Config(
    connect_timeout=1,
    read_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 2},
    parameter_validation=False,
)
"""As saga/wiring.py has it: the bare calls go through a client like the product's."""


class Context:
    """What Lambda gives a handler beside its event, as far as handlers look at it."""

    aws_request_id = "bench"
    function_name = "bench"
    memory_limit_in_mb = 512

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """As if the function had just been called."""
        return 10_000


@dataclass
class Recorder:
    """Takes down each call to AWS and, when told to count, the units of DynamoDB that it consumed."""

    calls: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    written: float = 0
    read: float = 0
    on: bool = False

    def take_down(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        """Before a call: note it, and ask DynamoDB what it consumes."""
        if not self.on:
            return
        # The SDK draws a token for each transaction; the same calls made again need tokens of their own.
        kept = {name: value for name, value in params.items() if name != "ClientRequestToken"}
        self.calls.append((model.service_model.service_name, model.name, json.loads(json.dumps(kept))))
        if model.service_model.service_name == "dynamodb":
            params["ReturnConsumedCapacity"] = "TOTAL"

    def count(self, parsed: Mapping[str, Any], model: Any, **_: Any) -> None:
        """After a call of DynamoDB: add what it consumed."""
        if not self.on:
            return
        units = consumed(parsed, self.calls[-1][2])
        if model.name in ("GetItem", "Query"):
            self.read += units
        else:
            self.written += units


def consumed(answer: Mapping[str, Any], params: Mapping[str, Any]) -> float:
    """Return the units a call consumed: as DynamoDB says, its indexes included, or by its rules where it failed.

    A transaction that loses a condition costs what it would have written, 2 units for each of its items below 1 kB; a
    single write that loses its condition costs 1 (DynamoDB Developer Guide, Read and write capacity).
    """
    if "Error" in answer:
        return 2.0 * len(params["TransactItems"]) if "TransactItems" in params else 1.0
    told = answer.get("ConsumedCapacity", [])
    return float(sum(one["CapacityUnits"] for one in ([told] if isinstance(told, dict) else told)))


RECORDER = Recorder()
"""The one of this process: clients are made once, and hold on to it."""


@contextmanager
def handlers(lab: Lab, prefix: str, idle: str) -> Iterator[None]:
    """Let handlers in this process work on the tables of a prefix, start executions of `idle`, and print nothing."""
    before = dict(os.environ)
    os.environ |= {"SAGA_TABLES": prefix, "SAGA_STAGE": "bench", "AWS_ENDPOINT_URL": lab.emulator.endpoint}
    os.environ |= {"SAGA_BOOKING_MACHINE": idle, "SAGA_CANCELLATION_MACHINE": idle}
    try:
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
            yield
    finally:
        os.environ.clear()
        os.environ |= before


@contextmanager
def idle(lab: Lab) -> Iterator[str]:
    """Make a state machine that does nothing, so that what a POST starts takes no time from what is measured."""
    definition = json.dumps({"StartAt": "Nothing", "States": {"Nothing": {"Type": "Succeed"}}})
    made = lab.states.create_state_machine(
        name="bench-idle", definition=definition, roleArn="arn:aws:iam::000000000000:role/bench"
    )
    yield made["stateMachineArn"]
    lab.states.delete_state_machine(stateMachineArn=made["stateMachineArn"])


def recorded(work: Callable[[], object]) -> list[tuple[str, str, dict[str, Any]]]:
    """Do it and return its calls as (service, operation, parameters)."""
    RECORDER.calls.clear()
    RECORDER.on = True
    try:
        work()
    finally:
        RECORDER.on = False
    return list(RECORDER.calls)


def bare(calls: list[tuple[str, str, dict[str, Any]]], replaced: Mapping[str, str]) -> Callable[[], None]:
    """Return a function that makes the same calls with other ids and nothing around them."""
    text = json.dumps(calls)
    for old, new in replaced.items():
        text = text.replace(old, new)
    bound = [(getattr(_client(service), xform_name(name)), params) for service, name, params in json.loads(text)]

    def make() -> None:
        for call, params in bound:
            call(**params)

    return make


@cache
def _client(service: str) -> Any:
    return boto3.client(service, config=CONFIG)  # type: ignore[call-overload]


def listen() -> None:
    """Make this process's clients tell the recorder; before the first of them is made."""
    boto3.setup_default_session()
    session = boto3.DEFAULT_SESSION
    if session:
        session.events.register("before-parameter-build", RECORDER.take_down)
        session.events.register("after-call.dynamodb", RECORDER.count)
