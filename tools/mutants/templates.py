"""The mutants of `infra/`: changes of the packaged template, judged by the tests of the template.

As a plugin of pytest (`-p tools.mutants.templates`) this runs the collected tests as they are, and then once for each
mutant in a fork of the process: to package each mutant would take a thousand times longer. The tests' module has
`package_all`, which returns what has been packaged for each stage.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tools.local.environment import ROOT
from tools.mutants import documents, tree
from tools.mutants.mutant import KILLED, SURVIVED, UNTRIED, Mutant

STATE = Path(os.environ.get("MUTANTS_STATE", tree.HOME / "templates.json"))
"""What is known; the plugin runs in a copy, so it is told."""
STAGE = "prod"
"""The stage whose template is mutated; the others' are, where they have something in the same place."""
SLOW = 0.5
"""Seconds. A test that takes longer packages by itself, and so looks at no mutant."""


def run(seconds: float) -> None:
    """Judge those of which nothing is known, and the survivors again; stop when the time is up."""
    folder = tree.HOME / "template"
    tree.copy(folder)
    if not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(ROOT / "node_modules")
    tests = sorted(str(path.relative_to(folder)) for path in folder.glob("tests/*/test_*template*.py"))
    command = (sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "tools.mutants.templates")
    environment = os.environ | {"MUTANTS_STATE": str(STATE), "MUTANTS_UNTIL": str(time.time() + seconds)}
    if subprocess.run((*command, *tests), cwd=folder, env=environment, check=False).returncode:
        raise SystemExit("mutants: the tests of the template fail without any mutant, see above")


def found() -> list[Mutant]:
    """Return them with what is known of each."""
    return [Mutant(*mutant) for mutant in json.loads(STATE.read_text())] if STATE.exists() else []


def made(template: dict[str, Any]) -> Iterator[tuple[documents.Change, Mutant]]:
    """Yield each change of a template with its mutant."""
    for change in documents.of_template(template):
        yield change, Mutant("infra", *documents.told(template, change))


def pytest_runtestloop(session: pytest.Session) -> bool:
    """Run the tests, and then all mutants if they pass."""
    _play(session, session.items)
    if session.testsfailed:
        return True
    quick = [item for item in session.items if _seconds(session, item) < SLOW]
    packages = next(module.package_all for module in _modules(session) if hasattr(module, "package_all"))()
    dead = {replace(mutant, status=UNTRIED) for mutant in found() if mutant.status == KILLED}
    judged: list[Mutant] = []
    for change, mutant in made(packages[STAGE].template):
        if mutant in dead:
            status = KILLED
        elif time.time() < float(os.environ["MUTANTS_UNTIL"]):
            status = _judged(session, quick, packages, change)
        else:
            status = UNTRIED
        judged.append(replace(mutant, status=status))
    STATE.write_text(json.dumps([[one.file, one.place, one.before, one.after, one.status] for one in judged]))
    return True


def _play(session: pytest.Session, items: Sequence[pytest.Item]) -> None:
    """Run tests until one fails."""
    for number, item in enumerate(items):
        following = items[number + 1] if number + 1 < len(items) else None
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return


def _seconds(session: pytest.Session, item: pytest.Item) -> float:
    begun = time.monotonic()
    _play(session, [item])
    return time.monotonic() - begun


def _modules(session: pytest.Session) -> Iterator[Any]:
    return (item.module for item in session.items if isinstance(item, pytest.Function))


def _judged(
    session: pytest.Session, items: Sequence[pytest.Item], packages: dict[str, Any], change: documents.Change
) -> str:
    """Try a mutant in a fork; say what comes of it."""
    if child := os.fork():
        return KILLED if os.waitpid(child, 0)[1] else SURVIVED
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for package in packages.values():
        try:
            package.__dict__["template"] = documents.changed(package.template, change)
        except (KeyError, IndexError):
            continue  # another stage has nothing there
    _play(session, items)
    os._exit(int(session.testsfailed > 0))
