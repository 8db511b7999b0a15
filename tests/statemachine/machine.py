"""The real state machine with the real handlers, in process: moto interprets the ASL, nothing waits or listens."""

import importlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import boto3
from moto import mock_aws
from moto.awslambda_simple.models import LambdaSimpleBackend
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker, SyncExecutionWorker

from saga import faults, wiring
from saga.ports import Store
from saga.trip import PARTICIPANTS

ROOT = Path(__file__).parents[2]
REGION = "eu-west-1"
ARN = f"arn:aws:lambda:{REGION}:123456789012:function:"
CONFIG: Any = {"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}

FUNCTIONS = {
    "BeginSaga": "saga.begin",
    "EndSaga": "saga.end",
    **{f"{verb.title()}{name.title()}": f"{name}.{verb}" for verb in ("book", "cancel") for name in PARTICIPANTS},
}


class Killed(BaseException):
    """The function's process died: nothing of it gets to answer."""


class TimedOut(BaseException):
    """The function's time was up: Lambda kills it where it stands."""


def _killed() -> None:
    raise Killed


def _slept(seconds: float) -> None:
    if seconds > CONTEXT.get_remaining_time_in_millis() / 1000:
        raise TimedOut


_parse_once = cache(AmazonStateLanguageParser.parse)

CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 10_000)


@dataclass
class Run:
    """How an execution ended, and the function calls that it made, in order."""

    status: str
    error: str | None
    states: list[str]
    calls: list[str]
    output: Any
    name: str


@dataclass
class Machine:
    """A state machine over a store; `around` may replace what happens when a function is called."""

    store: Store
    definition: str = "booking"
    around: Callable[[str, Any, Callable[[], Any]], Any] = lambda _name, _event, call: call()
    calls: list[str] = field(default_factory=list)

    def invoke(self, name: str, event: Any) -> Any:
        """Call a function as Lambda would, with this machine's store."""
        module, function = FUNCTIONS[name].split(".")
        handler = getattr(importlib.import_module(f"handlers.{module}"), function)
        with patch.object(wiring, "_store", lambda: self.store):
            return handler(event, CONTEXT)

    def run(self, request: Any, name: str = "run") -> Run:
        """Start an execution and follow it to its end."""
        client = boto3.client("stepfunctions", REGION)
        arn = self._deploy(client)
        self.calls.clear()
        with patch.object(LambdaSimpleBackend, "invoke", self._lambda()):
            execution = client.start_execution(stateMachineArn=arn, name=name, input=json.dumps(request))
            ended = client.describe_execution(executionArn=execution["executionArn"])
        history = client.get_execution_history(executionArn=execution["executionArn"], maxResults=1000)["events"]
        entered = (event.get("stateEnteredEventDetails") for event in history)
        states = [details["name"] for details in entered if details]
        output = json.loads(ended["output"]) if "output" in ended else None
        return Run(ended["status"], ended.get("error"), states, list(self.calls), output, name)

    def _deploy(self, client: Any) -> str:
        machines = {m["name"]: m["stateMachineArn"] for m in client.list_state_machines()["stateMachines"]}
        if self.definition not in machines:
            asl = (ROOT / f"statemachine/{self.definition}.asl.json").read_text()
            for name in FUNCTIONS:
                asl = asl.replace(f"${{{name}}}", ARN + name)
            role = "arn:aws:iam::123456789012:role/booking"
            created = client.create_state_machine(name=self.definition, definition=asl, roleArn=role)
            return str(created["stateMachineArn"])
        return str(machines[self.definition])

    def _lambda(self) -> Callable[..., bytes]:
        def invoke(
            _backend: Any, function_name: str, _qualifier: Any, body: Any, _headers: Any, response_headers: Any
        ) -> bytes:
            name, event = function_name.rpartition(":")[2], json.loads(body)
            self.calls.append(name)
            try:
                return json.dumps(self.around(name, event, lambda: self.invoke(name, event))).encode()
            except Killed:
                error = {"errorType": "Runtime.ExitError", "errorMessage": "exit status 1"}
            except TimedOut:
                error = {"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out after 10.00 seconds"}
            except Exception as raised:  # noqa: BLE001  Lambda reports whatever a handler raises
                error = {"errorType": type(raised).__name__, "errorMessage": str(raised)}
            response_headers["x-amz-function-error"] = "Unhandled"
            return json.dumps(error).encode()

        return invoke


@contextmanager
def aws() -> Iterator[None]:
    """An AWS in memory in which waiting takes no time and a fault on purpose kills no process."""
    unhurried = SimpleNamespace(sleep=lambda _seconds: None)
    with (
        mock_aws(config=CONFIG),
        patch.object(retrier_decl, "time", unhurried),
        # One thread, and no second parse of the same definition: each would cost as much as a whole saga.
        patch.object(ExecutionWorker, "start", SyncExecutionWorker.start),
        patch.object(AmazonStateLanguageParser, "parse", staticmethod(_parse_once)),
        patch.object(faults, "crash", _killed),
        patch.object(faults, "sleep", _slept),
    ):
        yield
