"""Functions under `bootstrap`, with the stand-in for awslambdaric's native half and with the native half itself."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.conftest import ROOT, find_free_port
from tools.local import processes
from tools.local.emulator import RUNTIME, Emulator
from tools.stage import Stage

HANDLER = """
import runtime_client

class SoldOut(Exception):
    pass

def handle(event, context):
    if event.get("sold_out"):
        raise SoldOut("nothing left")
    return {
        "echo": event["text"],
        "client": runtime_client.__file__,
        "request": context.aws_request_id,
        "left": context.get_remaining_time_in_millis(),
    }
"""
ROLE = "arn:aws:iam::000000000000:role/any"


def package() -> bytes:
    """A Lambda package of the probe and the bootstrap."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.write(ROOT / "bootstrap", "bootstrap")
        archive.writestr("handlers/probe.py", HANDLER)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """An emulator with the same function twice: as it is, and without the stand-in."""
    emulator = Emulator(tmp_path_factory.mktemp("runtime") / "emulator", find_free_port())
    emulator.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAVEL_SAGA_PORT", str(emulator.port))
        local = Stage("local")
        for name, path in (("native", ""), ("stand-in", str(RUNTIME))):
            local.client("lambda").create_function(
                FunctionName=name,
                Runtime="provided.al2023",
                Handler="handlers/probe.handle",
                Role=ROLE,
                Timeout=5,
                Code={"ZipFile": package()},
                Environment={"Variables": {"SAGA_RUNTIME": path}},
            )
        yield local
    emulator.stop()
    assert processes.ours(emulator.folder) == []


def invoke(stage: Stage, function: str, event: dict[str, Any]) -> dict[str, Any]:
    """What a function answers to an event."""
    answer = stage.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    payload: dict[str, Any] = json.loads(answer["Payload"].read())
    return payload


@pytest.mark.parametrize("function", ["native", "stand-in"])
def test_an_answer_and_its_context_arrive(stage: Stage, function: str) -> None:
    """What a handler returns reaches the caller, and the handler knows its request and its time left."""
    answer = invoke(stage, function, {"text": "Zoë"})
    assert answer["echo"] == "Zoë"
    assert answer["request"]
    assert 0 < answer["left"] <= 5000


def test_the_native_half_is_hidden_where_the_test_says_so(stage: Stage) -> None:
    """The two functions differ in the client they run under: this test file tests both."""
    clients = {name: invoke(stage, name, {"text": ""})["client"] for name in ("native", "stand-in")}
    assert Path(clients["stand-in"]).suffix == ".py"
    assert clients["native"] != clients["stand-in"]


@pytest.mark.parametrize("function", ["native", "stand-in"])
def test_one_process_serves_one_invocation_after_the_other(stage: Stage, function: str) -> None:
    """Ten invocations in a row all answer, each with its own request id."""
    assert len({invoke(stage, function, {"text": str(n)})["request"] for n in range(10)}) == 10


@pytest.mark.parametrize("function", ["native", "stand-in"])
def test_a_bare_class_name_is_the_error(stage: Stage, function: str) -> None:
    """An exception reaches the caller under its bare class name, with its message."""
    answer = invoke(stage, function, {"sold_out": True})
    assert (answer["errorType"], answer["errorMessage"]) == ("SoldOut", "nothing left")


@pytest.mark.parametrize("function", ["native", "stand-in"])
def test_step_functions_matches_the_bare_class_name(stage: Stage, function: str) -> None:
    """A Catch by the bare class name matches the exception of a handler."""
    states = stage.client("stepfunctions")
    definition = {
        "StartAt": "Ask",
        "States": {
            "Ask": {
                "Type": "Task",
                "Resource": f"arn:aws:lambda:us-east-1:000000000000:function:{function}",
                "Catch": [{"ErrorEquals": ["SoldOut"], "Next": "Refused"}],
                "End": True,
            },
            "Refused": {"Type": "Succeed"},
        },
    }
    machine = states.create_state_machine(name=f"ask-{function}", roleArn=ROLE, definition=json.dumps(definition))
    execution = states.start_execution(stateMachineArn=machine["stateMachineArn"], input='{"sold_out": true}')
    ended = wait(states, execution["executionArn"])
    assert ended["status"] == "SUCCEEDED"
    assert json.loads(ended["output"])["Error"] == "SoldOut"


def wait(states: Any, execution: str) -> dict[str, Any]:
    """The execution once it has ended."""
    for _ in range(1000):
        found: dict[str, Any] = states.describe_execution(executionArn=execution)
        if found["status"] != "RUNNING":
            return found
    pytest.fail("the execution does not end")
