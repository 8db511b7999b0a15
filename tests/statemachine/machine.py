"""The real state machine with the real handlers, in process: moto interprets the ASL, nothing waits or listens."""

import importlib
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import boto3
from moto import mock_aws
from moto.awslambda_simple.models import LambdaSimpleBackend
from moto.stepfunctions.parser.asl.component.common.path import result_path
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import json_path
from moto.stepfunctions.parser.asl.utils.boto_client import boto_client_for
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker, SyncExecutionWorker

from saga import faults, wiring
from saga.ports import Store
from saga.trip import PARTICIPANTS
from tests.trips import CONTEXT

ROOT = Path(__file__).parents[2]
REGION = "eu-west-1"
ARN = f"arn:aws:lambda:{REGION}:123456789012:function:"
CONFIG: Any = {"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}

FUNCTIONS = {
    "BeginSaga": "saga.begin",
    "BeginCancellation": "saga.begin_cancellation",
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


@dataclass
class Run:
    """How an execution ended, and the function calls that it made, in order."""

    status: str
    error: str | None
    calls: list[str]
    arn: str

    @cached_property
    def states(self) -> list[str]:
        """The states it entered, in order; to be asked for while its AWS is there."""
        history = _client().get_execution_history(executionArn=self.arn, maxResults=1000)["events"]
        entered = (event.get("stateEnteredEventDetails") for event in history)
        return [details["name"] for details in entered if details]


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

    def run(self, request: Any, name: str | None = None) -> Run:
        """Start an execution and follow it to its end; without a name it gets a fresh one."""
        self.calls.clear()
        with self.serving():
            started = _client().start_execution(
                stateMachineArn=machine_arn(self.definition), name=name or uuid4().hex, input=json.dumps(request)
            )
        ended = _client().describe_execution(executionArn=started["executionArn"])
        return Run(ended["status"], ended.get("error"), list(self.calls), started["executionArn"])

    def serving(self) -> AbstractContextManager[Any]:
        """Let the functions of this machine answer whatever execution calls them."""
        return patch.object(LambdaSimpleBackend, "invoke", self._lambda())

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
    """An AWS in memory in which waiting takes no time."""
    unhurried = SimpleNamespace(sleep=lambda _seconds: None)
    with (
        mock_aws(config=CONFIG),
        patch.object(retrier_decl, "time", unhurried),
        # One thread, and no second parse of the same definition: each would cost as much as a whole saga.
        patch.object(ExecutionWorker, "start", SyncExecutionWorker.start),
        patch.object(AmazonStateLanguageParser, "parse", staticmethod(cache(AmazonStateLanguageParser.parse))),
        # The interpreter would make a client a call.
        patch.object(lambda_eval_utils, "boto_client_for", _any_client),
        patch.object(json_path, "parse", cache(json_path.parse)),
        patch.object(result_path, "parse", cache(result_path.parse)),
    ):
        _client.cache_clear()
        machine_arn.cache_clear()
        _made.cache_clear()
        yield


@contextmanager
def harmless_faults() -> Iterator[None]:
    """Let a fault on purpose end a call and not this process, and let it wait without waiting."""
    with patch.object(faults, "crash", _killed), patch.object(faults, "sleep", _slept):
        yield


def _any_client(service: str, region: str, **_credentials: Any) -> Any:
    return _made(service, region)


@cache
def _made(service: str, region: str) -> Any:
    return boto_client_for(region, service)


@cache
def _client() -> Any:
    return boto3.client("stepfunctions", REGION)


@cache
def machine_arn(definition: str) -> str:
    """Make a state machine of a definition, once an AWS; return its ARN."""
    asl = (ROOT / f"statemachine/{definition}.asl.json").read_text()
    for name in FUNCTIONS:
        asl = asl.replace(f"${{{name}}}", ARN + name)
    role = f"arn:aws:iam::123456789012:role/{definition}"
    return str(_client().create_state_machine(name=definition, definition=asl, roleArn=role)["stateMachineArn"])
