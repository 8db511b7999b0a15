"""A saga outlives a deploy and a roll-back: functions of one release understand the states of another, at any call.

The releases are those kept under tests/data, see states.py. What a release has written is read by the other one too: of
each saga the first calls are made by the one, and all others by the other.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
from copy import deepcopy
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from tests.infra import fragment
from tests.statemachine.machine import ROOT, harmless_faults
from tests.statemachine.replay import Call, Item, Key, dump, load, replay
from tests.statemachine.states import DATA, LONG_AGO, SAGAS, keep_functions, record
from tests.trips import OFFERS
from tools.invariants import violations

pytestmark = pytest.mark.slow  # the functions of another release run in a process of their own

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RELEASES = sorted(
    (path.stem.removeprefix("states-") for path in DATA.glob("states-*.json")), key=lambda v: v.split(".")
)
LAST = RELEASES[-1]
SIZE = 100_000
"""Bytes that the functions of a release may take here."""

Jobs = list[tuple[dict[Key, Item], list[Call]]]
Results = list[tuple[list[Call], dict[Key, Item]]]


@pytest.fixture(scope="session")
def last(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The functions of the last release, unpacked."""
    folder = tmp_path_factory.mktemp("release")
    with ZipFile(DATA / f"release-{LAST}.zip") as kept:
        kept.extractall(folder)
    return folder


@pytest.fixture(scope="session")
def today(_aws: None) -> dict[str, list[Call]]:
    """The states of this checkout's machines."""
    with pytest.MonkeyPatch.context() as patch, harmless_faults():
        patch.setenv("SAGA_FAULTS", "allowed")
        return {name: record(name) for name in SAGAS}


def states(version: str) -> dict[str, list[Call]]:
    """Return the recorded calls of a release, by saga."""
    found: dict[str, list[Call]] = json.loads((DATA / f"states-{version}.json").read_text())
    return found


def by_last(folder: Path, jobs: Jobs) -> Results:
    """Replay jobs by the functions of the last release, in a process of their own."""
    given = json.dumps([[dump(items), calls] for items, calls in jobs])
    environ = os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-P", "-m", "tests.statemachine.replay"]
    done = subprocess.run(command, input=given, capture_output=True, text=True, env=environ, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert Path(told["code"]).is_relative_to(folder)
    return [(answers, load(items)) for answers, items in told["results"]]


def by_today(jobs: Jobs) -> Results:
    """Replay jobs by the functions of this checkout."""
    return [replay(items, calls) for items, calls in jobs]


def cut(calls: list[Call]) -> list[int]:
    """Say where to go over from one release to the other: behind each call; of a step's many retries, the first."""
    attempts = [(call["function"], call["event"].get("attempt", 0)) for call in calls]
    return [0, *(n + 1 for n, (_, attempt) in enumerate(attempts) if attempt <= 2)]


def outcome(call: Call) -> Call:
    """Return the recorded answer or error of a call."""
    return {name: call[name] for name in ("answer", "error") if name in call}


def crossed(calls: list[Call], first: Any, second: Any) -> None:
    """Insist that a saga whose first calls are one release's, and the others another's, is as it was recorded."""
    cuts = cut(calls)
    begun = first([(deepcopy(OFFERS), calls[:at]) for at in cuts])
    ended = second([(items, calls[at:]) for (_, items), at in zip(begun, cuts, strict=True)])
    for (before, _), (after, items), at in zip(begun, ended, cuts, strict=True):
        assert [*before, *after] == [outcome(call) for call in calls], f"from call {at} on"
        assert violations(items) == [], f"from call {at} on"


def test_this_release_is_kept() -> None:
    """The states and the functions of the version in pyproject.toml are kept, for the releases beside it."""
    assert PROJECT["version"] in RELEASES
    assert (DATA / f"release-{PROJECT['version']}.zip").stat().st_size < SIZE


def test_what_is_kept_of_a_release_is_always_the_same(tmp_path: Path) -> None:
    """The functions of one checkout are the same bytes, whenever they are kept."""
    for name in ("one", "two"):
        keep_functions(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    with ZipFile(tmp_path / "one") as kept:
        assert {info.date_time for info in kept.infolist()} == {LONG_AGO}


@pytest.mark.parametrize("version", RELEASES)
def test_the_states_of_a_release_are_understood(version: str) -> None:
    """Each recorded call of a release, made again, has the recorded answer or error, and the promise holds."""
    for calls in states(version).values():
        answers, items = replay(deepcopy(OFFERS), calls)
        assert answers == [outcome(call) for call in calls]
        assert violations(items) == []


@pytest.mark.parametrize("saga", SAGAS)
def test_a_saga_survives_a_deploy(last: Path, saga: str) -> None:
    """A saga of the last release, half way at any call, goes on with the functions of this one as if nothing was."""
    crossed(states(LAST)[saga], lambda jobs: by_last(last, jobs), by_today)


@pytest.mark.parametrize("saga", SAGAS)
def test_a_saga_survives_a_roll_back(last: Path, today: dict[str, list[Call]], saga: str) -> None:
    """A saga of this checkout, half way at any call, goes on with the functions of the last release."""
    crossed(today[saga], by_today, lambda jobs: by_last(last, jobs))


def test_functions_that_the_last_release_calls_are_still_there(last: Path) -> None:
    """A running execution calls functions by the names in its definition: one that is removed stays for a release."""
    called = {
        name
        for path in (last / "statemachine").glob("*.asl.json")
        for name in re.findall(r"\$\{(\w+)\}", path.read_text())
    }
    serverless = (ROOT / "serverless.yml").read_text()
    deployed = re.findall(r"\$\{file\(infra/(\w+)\.yml\):functions\}", serverless)
    assert called
    assert called <= {name for stem in deployed for name in fragment(stem)["functions"]}


def test_another_answer_would_be_told() -> None:
    """A release that answers otherwise than was recorded fails the replay."""
    calls = deepcopy(states(LAST)["refused at the car"])
    calls[1]["answer"]["confirmation"] = "H-other"
    with pytest.raises(AssertionError, match="from call 0 on"):
        crossed(calls, by_today, by_today)
