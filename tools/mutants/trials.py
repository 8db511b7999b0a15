"""A plugin of pytest that tries mutmut's mutants, each in a fork, by the tests that reach its function."""

import gc
import json
import os
import time
from collections import defaultdict
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest

# mutmut is in an environment of its own, where this runs.
from mutmut.mutation.trampoline import set_mutant_under_test  # type: ignore[import-not-found]
from mutmut.state import state  # type: ignore[import-not-found]

from tools.mutants import forks

Reaching = tuple[int, float, pytest.Item]
"""A test that reaches a function, after its folder's place in `ORDER` and the seconds it takes."""
ORDER = ("tests/unit", "tests/contract", "tests/statemachine", "tests/api")
"""The quickest first."""


def pytest_runtestloop(session: pytest.Session) -> bool:
    """Run all tests as they are, seeing which functions each reaches, and then try the mutants."""
    task = json.loads(Path(os.environ["MUTANTS_TASK"]).read_text())
    reached = _reached(session)
    if not session.testsfailed:
        set_mutant_under_test("")
        gc.collect()
        gc.freeze()  # else each fork copies what its collector looks at
        _try_all(session, task, reached)
    return True


def _reached(session: pytest.Session) -> dict[str, list[Reaching]]:
    """Return for each function the tests that reach it, the quickest of the quickest folder first."""
    reached: dict[str, list[Reaching]] = defaultdict(list)
    for number, item in enumerate(session.items):
        state()._stats.clear()  # noqa: SLF001  mutmut keeps there what is reached
        begun = time.monotonic()
        following = session.items[number + 1] if number + 1 < len(session.items) else None
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            break
        for function in state()._stats:  # noqa: SLF001  the same
            reached[function].append((_rank(item), time.monotonic() - begun, item))
    return {function: sorted(tests, key=itemgetter(0, 1)) for function, tests in reached.items()}


def _rank(item: pytest.Item) -> int:
    folder = "/".join(item.nodeid.split("/")[:2])
    return ORDER.index(folder) if folder in ORDER else len(ORDER)


def _try_all(session: pytest.Session, task: dict[str, Any], reached: dict[str, list[Reaching]]) -> None:
    """Try what is waiting, the quickest first, until the time is up; write down what came of it every few seconds."""
    path, waiting = Path(task["state"]), task["waiting"]
    times = {function: sum(seconds for _, seconds, _ in tests) for function, tests in reached.items()}
    ordered = sorted(waiting, key=lambda key: times.get(waiting[key][0], 0))
    known: dict[str, list[str]] = json.loads(path.read_text())
    written = time.time()

    def trial(key: str) -> list[pytest.Item]:
        set_mutant_under_test(key)
        return [item for _, _, item in reached.get(waiting[key][0], [])]

    def told(key: str, status: str) -> None:
        nonlocal written
        known[waiting[key][1]] = [status, task["seen"]]
        if time.time() - written > 5:  # noqa: PLR2004  seconds
            path.write_text(json.dumps(known))
            written = time.time()

    try:
        forks.judge(session, (key for key in ordered if time.time() < task["until"]), trial, told)
    finally:
        path.write_text(json.dumps(known))
