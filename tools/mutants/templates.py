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
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tools.local.environment import ROOT
from tools.mutants import documents, forks, tree
from tools.mutants.mutant import KILLED, UNTRIED, Mutant

Made = tuple[documents.Change, Mutant]
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


def made(template: dict[str, Any]) -> Iterator[Made]:
    """Yield each change of a template with its mutant."""
    for change in documents.of_template(template):
        yield change, Mutant("infra", *documents.told(template, change))


def pytest_runtestloop(session: pytest.Session) -> bool:
    """Run the tests, and then all mutants if they pass."""
    forks.play(session, session.items)
    if session.testsfailed:
        return True
    quick = [item for item in session.items if forks.seconds(session, item) < SLOW]
    packages = next(module.package_all for module in _modules(session) if hasattr(module, "package_all"))()
    known = {replace(mutant, status=UNTRIED): mutant.status for mutant in found() if mutant.status == KILLED}
    all_made = list(made(packages[STAGE].template))

    def trial(one: Made) -> list[pytest.Item]:
        _change(packages, one[0])
        return quick

    def told(one: Made, status: str) -> None:
        known[one[1]] = status

    until = float(os.environ["MUTANTS_UNTIL"])
    waiting = (one for one in all_made if one[1] not in known and time.time() < until)
    forks.judge(session, waiting, trial, told)
    judged = [replace(mutant, status=known.get(mutant, UNTRIED)) for _, mutant in all_made]
    STATE.write_text(json.dumps([[one.file, one.place, one.before, one.after, one.status] for one in judged]))
    return True


def _modules(session: pytest.Session) -> Iterator[Any]:
    return (item.module for item in session.items if isinstance(item, pytest.Function))


def _change(packages: dict[str, Any], change: documents.Change) -> None:
    for package in packages.values():
        try:
            package.__dict__["template"] = documents.changed(package.template, change)
        except (KeyError, IndexError):
            continue  # another stage has nothing there
