"""Where it is measured: an embedded AWS of its own, with the product and two naive sagas deployed beside each other."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TextIO

from saga.trip import PARTICIPANTS
from tools import deploy
from tools.local import environment
from tools.local.emulator import Emulator
from tools.stage import SERVICE, Stage, ToolError

FOLDER = environment.ROOT / ".local" / "bench"
NAIVE = environment.ROOT / "bench" / "naive"
NAIVE_STAGES = ("local", "counted")

PLENTY = {"hotel": "Bench Hotel", "flight": "BENCH1", "car": "Bench Car"}
"""Offers with room for every measurement."""
NOTHING = {"hotel": "Hotel Sacher Vienna", "flight": "BA832", "car": "Fiat 500e"}
"""Offers of which there is none, by the product's own list."""

WARM = 900
"""Seconds that a function's process may idle: cold starts are measured by themselves."""

POLL = 0.05
"""Seconds between two looks at a running execution; durations come from Step Functions' own dates, not from this."""


@dataclass(frozen=True)
class System:
    """One of the sagas: its resources' prefix, and its booking machine."""

    name: str
    prefix: str
    machine: str


@dataclass(frozen=True)
class Ended:
    """An execution that has ended: when it began and ended (seconds since 1970), and as what."""

    arn: str
    began: float
    ended: float
    status: str

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.began


@dataclass(frozen=True)
class Lab:
    """The embedded AWS and what is deployed in it."""

    emulator: Emulator
    stage: Stage
    say: Callable[[str], None]

    def renew(self) -> None:
        """Begin with an empty embedded AWS.

        It gets slower with what it has kept: a list of executions goes through all of them, and a transaction through
        the tokens of all others of ten minutes, which the naive saga, without any, never meets.
        """
        self.emulator.discard()
        self.emulator.start()
        _deploy(self)

    @cached_property
    def states(self) -> Any:
        """A Step Functions client."""
        return self.stage.client("stepfunctions")

    @cached_property
    def ours(self) -> System:
        """The product."""
        return System("ours", f"{SERVICE}-local", self.stage.machine_arn())

    @cached_property
    def naive(self) -> System:
        """The baseline."""
        return self._naive("naive", "naive-saga-local")

    @cached_property
    def like(self) -> System:
        """The naive saga that takes capacity too, as the product does."""
        return self._naive("like-for-like", "naive-saga-counted")

    @property
    def systems(self) -> tuple[System, ...]:
        """All of them, the product first."""
        return self.ours, self.naive, self.like

    def _naive(self, name: str, prefix: str) -> System:
        return System(name, prefix, self.ours.machine.replace(f"{SERVICE}-local", prefix))

    def start(self, system: System, request: Mapping[str, Any]) -> str:
        """Start a saga; return its execution's ARN."""
        started = self.states.start_execution(stateMachineArn=system.machine, input=json.dumps(request))
        return str(started["executionArn"])

    def run(self, system: System, request: Mapping[str, Any]) -> Ended:
        """Run a saga to its end."""
        return self.run_all(system, [request], 1)[0]

    def run_all(self, system: System, requests: Sequence[Mapping[str, Any]], at_once: int) -> list[Ended]:
        """Run sagas to their ends, so many at once; return them in the order of their ends.

        One look in a while asks for all that run: a look for each saga would keep the emulator busier than the sagas.
        The first ones start one by one, or all of them would call the same function at the same time ever after.
        """
        waiting, running, ended = list(reversed(requests)), set[str](), list[Ended]()
        while waiting or running:
            room = at_once - len(running) if ended else min(1, at_once - len(running))
            for request in [waiting.pop() for _ in range(min(room, len(waiting)))]:
                running.add(self.start(system, request))
            time.sleep(POLL)
            over = running - self.running(system)
            running -= over
            ended += map(self._ended, over)
        return ended

    def running(self, system: System) -> set[str]:
        """Return the ARNs of a saga's running executions (a hundred at most)."""
        found = self.states.list_executions(stateMachineArn=system.machine, statusFilter="RUNNING")
        return {execution["executionArn"] for execution in found["executions"]}

    def _ended(self, arn: str) -> Ended:
        found = self.states.describe_execution(executionArn=arn)
        return Ended(arn, found["startDate"].timestamp(), found["stopDate"].timestamp(), found["status"])

    def offer(self, participant: str, what: str, capacity: int) -> None:
        """Offer something at a participant of the product."""
        table = self.stage.resource("dynamodb").Table(self.stage.table(participant))
        table.put_item(Item={"id": f"OFFER#{what}", "capacity": capacity})


@contextmanager
def lab(say: Callable[[str], None]) -> Iterator[Lab]:
    """Start an embedded AWS on a free port, deploy both sagas, and take all of it away at the end."""
    port = _free_port()
    os.environ[environment.PORT_VARIABLE] = str(port)
    os.environ |= environment.local_variables(port)
    emulator = Emulator(FOLDER / "emulator", port, warm=WARM)
    try:
        made = Lab(emulator, Stage("local"), say)
        made.renew()
        yield made
    finally:
        emulator.discard()


def _deploy(made: Lab) -> None:
    made.say("deploying the product …")
    with (FOLDER / "deploy.log").open("w") as log:
        deploy.serverless(made.stage, "deploy", out=log)
        made.say("deploying the naive sagas …")
        for stage in NAIVE_STAGES:
            _deploy_naive(made, stage, log)
    for participant in PARTICIPANTS:
        made.offer(participant, PLENTY[participant], 1_000_000)
        made.offer(participant, NOTHING[participant], 0)


def _deploy_naive(made: Lab, stage: str, log: TextIO) -> None:
    sls = str(environment.ROOT / "node_modules" / ".bin" / "sls")
    variables = deploy.sls_environment(made.stage)
    done = subprocess.run([sls, "deploy", "--stage", stage], cwd=NAIVE, env=variables, stdout=log, check=False)
    shutil.rmtree(NAIVE / ".serverless", ignore_errors=True)
    if done.returncode:
        raise ToolError(f"the naive saga's stage {stage} could not be deployed; see {FOLDER / 'deploy.log'}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
