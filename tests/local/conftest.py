"""An embedded AWS and a checkout of their own, so that tests never touch the developer's."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pytest

from saga.expressions import marshal
from saga.log import TABLE
from saga.ports import Item
from saga.trip import PARTICIPANTS
from tools import snapshot
from tools.audit import audit
from tools.local.emulator import Emulator
from tools.stage import Stage

ROOT = Path(__file__).parents[2]
LEFT_OUT = (".git", ".venv", "node_modules", ".local", ".serverless", ".env.local", "__pycache__", ".*_cache")


def find_free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


BOUND = 120.0  # seconds that nothing here takes
T = TypeVar("T")


def until(look: Callable[[], T], bound: float = BOUND) -> T:
    """Look again and again until something is there; return it."""
    deadline = time.monotonic() + bound
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {bound} s"
        time.sleep(0.05)
    return found


def at_once(work: Callable[[Any], T], items: Sequence[Any], workers: int) -> list[T]:
    """Do the same with each item, so many at a time; return the results in the items' order."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, items))


def story(log: Sequence[Item]) -> list[str]:
    """Tell a trip's log as `<step> <kind>`, with the status where the saga ends."""
    return [f"{entry['step']} {entry['kind']} {entry.get('status', '')}".strip() for entry in log]


@dataclass(frozen=True)
class Stack:
    """A stage `local` of its own, deployed from a copy of the checkout."""

    folder: Path
    port: int

    @property
    def emulator(self) -> Emulator:
        """The embedded AWS that it is deployed in."""
        return Emulator(self.folder / ".local" / "emulator", self.port, auth=True)

    @property
    def stage(self) -> Stage:
        return Stage("local")

    @cached_property
    def clients(self) -> dict[str, Any]:
        return {name: self.stage.client(name) for name in ("dynamodb", "stepfunctions", "lambda", "events")}

    @cached_property
    def machines(self) -> dict[str, str]:
        return {kind: self.stage.machine_arn(kind) for kind in ("booking", "cancellation")}

    def run(self, *command: str, timeout: float = BOUND, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a script of the checkout as a user does."""
        script = str(self.folder / command[0])
        variables = dict(os.environ) | environ
        return subprocess.run(
            [script, *command[1:]], env=variables, capture_output=True, text=True, timeout=timeout, check=False
        )

    def start(self, request: Mapping[str, Any], name: str | None = None) -> str:
        """Start an execution of the booking machine; return its ARN."""
        client, named = self.clients["stepfunctions"], {"name": name} if name else {}
        started = client.start_execution(stateMachineArn=self.machines["booking"], input=json.dumps(request), **named)
        return str(started["executionArn"])

    def wait(self, arn: str) -> str:
        """Wait for an execution's end; return its error, or its status."""
        describe = self.clients["stepfunctions"].describe_execution
        until(lambda: describe(executionArn=arn)["status"] != "RUNNING")
        found = describe(executionArn=arn)
        return str(found.get("error") or found["status"])

    def book(self, request: Mapping[str, Any]) -> str:
        """Run a trip to its end; return its execution's error, or SUCCEEDED."""
        return self.wait(self.start(request))

    def read(self, trip_id: str) -> snapshot.Snapshot:
        """Read a trip from the tables."""
        return snapshot.read(self.stage, trip_id)

    def statuses(self, trip_id: str) -> dict[str, str]:
        """Return the status of each booking of a trip, tombstones too, by participant."""
        return {name: item["status"] for name, item in self.read(trip_id).bookings.items()}

    def invoke(self, function: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Call a function; return its answer, or what it raised as errorType and errorMessage."""
        client, name = self.clients["lambda"], self.stage.function(function)
        answer = client.invoke(FunctionName=name, Payload=json.dumps(payload))
        found: dict[str, Any] = json.loads(answer["Payload"].read())
        return found

    def table(self, kind: str) -> Any:
        """Return a table, to be read or changed behind the saga's back."""
        return self.stage.resource("dynamodb").Table(self.stage.table(kind))

    def offer(self, participant: str, what: str, capacity: int) -> None:
        """Offer something of one's own, so that no other test counts there."""
        item = marshal({"id": f"OFFER#{what}", "capacity": capacity})
        self.clients["dynamodb"].put_item(TableName=self.stage.table(participant), Item=item)

    def taken(self, what: str = "") -> dict[str, int]:
        """Return each day's count that is not 0, of all counters or those of one offer, as `TAKEN#<offer>#<day>`."""
        items = [item for name in PARTICIPANTS for item in self.table(name).scan()["Items"]]
        counters = [item for item in items if item["id"].startswith(f"TAKEN#{what}")]
        days = {f"{item['id']}-{day[1:]}": int(n) for item in counters for day, n in item.items() if day != "id"}
        return {name: count for name, count in days.items() if count}

    def rows(self) -> int:
        """Count all that the tables hold."""
        return sum(self.table(kind).scan(Select="COUNT")["Count"] for kind in (TABLE, *PARTICIPANTS))

    def undos(self, trip_id: str) -> list[str]:
        """Return the names of the executions that undo a trip."""
        client, machine = self.clients["stepfunctions"], self.machines["cancellation"]
        pages = client.get_paginator("list_executions").paginate(stateMachineArn=machine)
        names = [execution["name"] for page in pages for execution in page["executions"]]
        return sorted(name for name in names if name.startswith(f"{trip_id}-c"))


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    """An emulator that is not started yet, and is stopped at the end."""
    made = Emulator(tmp_path / "emulator", find_free_port())
    yield made
    made.stop()


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of this checkout that shares the installed packages and has its own embedded AWS."""
    copy = tmp_path_factory.mktemp("copy") / "checkout"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
    for name in (".venv", "node_modules"):
        (copy / name).symlink_to(ROOT / name)
    port = find_free_port()
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("TRAVEL_SAGA_PORT", str(port))
        yield copy
    Emulator(copy / ".local" / "emulator", port).stop()


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack in an embedded AWS of its own, deployed once for all tests by the script."""
    made = Stack(tmp_path_factory.mktemp("stack") / "checkout", find_free_port())
    shutil.copytree(ROOT, made.folder, ignore=shutil.ignore_patterns(*LEFT_OUT))
    for name in (".venv", "node_modules"):
        (made.folder / name).symlink_to(ROOT / name)
    try:
        # Every function may do what its role says and nothing else: each test is one of least privilege too.
        made.emulator.start()
        done = made.run("./build.sh", "deploy", "local", timeout=120, TRAVEL_SAGA_PORT=str(made.port))
        assert done.returncode == 0, done.stdout + done.stderr
        yield made
    finally:
        made.emulator.stop()


@pytest.fixture(scope="module")
def stack(deployed: Stack) -> Iterator[Stack]:
    """The deployed stack; what a module has done with it must leave the promise whole."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("TRAVEL_SAGA_PORT", str(deployed.port))
        yield deployed
        assert audit(deployed.stage)[1] == []
