"""The real state machine with the real handlers, in process: moto interprets the ASL, nothing waits or listens."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import boto3
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID as ACCOUNT
from moto.stepfunctions.parser.asl.component.common.path import result_path
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.program import program
from moto.stepfunctions.parser.asl.component.state.exec import execute_state
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.eval import states
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import json_path
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker, SyncExecutionWorker
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from moto.stepfunctions.parser.utils import TMP_THREADS

from saga import faults, wiring
from saga.ports import Store
from saga.trip import digest
from tests.statemachine.replay import handler_of
from tests.trips import CONTEXT

ROOT = Path(__file__).parents[2]
REGION = "eu-west-1"
ARN = f"arn:aws:lambda:{REGION}:123456789012:function:"
CONFIG: Any = {"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}


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
    """A state machine over a store; `around` may replace what happens when a function is called.

    `text` is another ASL under the same name, `functions` are others than this checkout's.
    """

    store: Store
    definition: str = "booking"
    around: Callable[[str, Any, Callable[[], Any]], Any] = lambda _name, _event, call: call()
    calls: list[str] = field(default_factory=list)
    text: str | None = None
    functions: dict[str, Callable[[Any, Any], Any]] = field(default_factory=dict)

    def invoke(self, name: str, event: Any) -> Any:
        """Call a function as Lambda would, with this machine's store."""
        handler = self.functions[name] if name in self.functions else handler_of(name)
        with patch.object(wiring, "_store", lambda: self.store):
            return handler(event, CONTEXT)

    def run(self, request: Any, name: str | None = None) -> Run:
        """Start an execution and follow it to its end; without a name it gets a fresh one."""
        self.calls.clear()
        with self.serving():
            return self.start(request, name)

    def start(self, request: Any, name: str | None = None) -> Run:
        """Start an execution where the functions are served already, and follow it to its end."""
        started = _client().start_execution(
            stateMachineArn=machine_arn(self.definition, self.text),
            name=name or uuid4().hex,
            input=json.dumps(request),
        )
        ended = _client().describe_execution(executionArn=started["executionArn"])
        return Run(ended["status"], ended.get("error"), list(self.calls), started["executionArn"])

    def serving(self) -> AbstractContextManager[Any]:
        """Let the functions of this machine answer whatever execution calls them."""
        return patch.object(lambda_eval_utils, "_invoke_lambda_function", self._lambda())

    def _lambda(self) -> Callable[..., dict[str, Any]]:
        def invoke(parameters: dict[str, Any], **_aws: Any) -> dict[str, Any]:
            name, event = parameters["FunctionName"].rpartition(":")[2], json.loads(parameters["Payload"])
            self.calls.append(name)
            try:
                answer = self.around(name, event, lambda: self.invoke(name, event))
                return {"StatusCode": 200, "Payload": json.loads(json.dumps(answer))}
            except Killed:
                error = {"errorType": "Runtime.ExitError", "errorMessage": "exit status 1"}
            except TimedOut:
                error = {"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out after 10.00 seconds"}
            except Exception as raised:  # noqa: BLE001  Lambda reports whatever a handler raises
                error = {"errorType": type(raised).__name__, "errorMessage": str(raised)}
            return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": error}

        return invoke


def forget() -> None:
    """Drop the executions that have ended: thousands of them would be kept, and looked through for every new one."""
    for machine in stepfunctions_parser_backends[ACCOUNT][REGION].state_machines:
        machine.executions[:] = [one for one in machine.executions if one.status == "RUNNING"]
    TMP_THREADS.clear()


class _Inline(Thread):
    """A thread that runs where it is started."""

    def start(self) -> None:
        """Run to the end."""
        self.run()

    def join(self, timeout: float | None = None) -> None:
        """Wait for nothing."""


def _copied(value: Any) -> Any:
    """Copy what a state holds, which is JSON: so that is faster than any other way."""
    return json.loads(json.dumps(value))


@contextmanager
def aws() -> Iterator[None]:
    """An AWS in memory in which waiting takes no time."""
    unhurried = SimpleNamespace(sleep=lambda _seconds: None)
    with (
        mock_aws(config=CONFIG),
        patch.object(retrier_decl, "time", unhurried),
        # One thread, and no second parse of the same definition: each would cost as much as a whole saga.
        patch.object(program, "threading", SimpleNamespace(Thread=_Inline)),
        patch.object(execute_state, "Thread", _Inline),
        patch.object(states, "copy", SimpleNamespace(deepcopy=_copied)),
        patch.object(ExecutionWorker, "start", SyncExecutionWorker.start),
        patch.object(AmazonStateLanguageParser, "parse", staticmethod(cache(AmazonStateLanguageParser.parse))),
        patch.object(json_path, "parse", cache(json_path.parse)),
        patch.object(result_path, "parse", cache(result_path.parse)),
    ):
        _client.cache_clear()
        machine_arn.cache_clear()
        yield


@contextmanager
def harmless_faults() -> Iterator[None]:
    """Let a fault on purpose end a call and not this process, and let it wait without waiting."""
    with patch.object(faults, "crash", _killed), patch.object(faults, "sleep", _slept):
        yield


@cache
def _client() -> Any:
    return boto3.client("stepfunctions", REGION)


@cache
def machine_arn(definition: str, text: str | None = None) -> str:
    """Make a state machine of a definition, once an AWS; return its ARN."""
    asl = text or (ROOT / f"statemachine/{definition}.asl.json").read_text()
    asl = re.sub(r"\$\{(\w+)\}", rf"{ARN}\1", asl)
    name = f"{definition}-{digest(text)}" if text else definition
    role = f"arn:aws:iam::123456789012:role/{definition}"
    return str(_client().create_state_machine(name=name, definition=asl, roleArn=role)["stateMachineArn"])
