"""The mutants of whole files: constants and state machines, each written into a copy and judged by a run of pytest."""

import hashlib
import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from time import monotonic

from tools.local.environment import ROOT
from tools.mutants import constants, documents, tree
from tools.mutants.forks import WAITS, limit
from tools.mutants.functions import PYTHON, QUICK
from tools.mutants.mutant import KILLED, SURVIVED, Mutant

STATE = tree.HOME / "plain.json"
Tests = tuple[tuple[str, ...], ...]
"""The runs that judge a mutant, the quickest first: whoever dies in one needs no other."""
OF_CONSTANTS: Tests = (
    ("tests/unit", "tests/contract"),
    ("tests/statemachine", "tests/test_architecture.py", "tests/api"),
)
OF_MACHINES: Tests = (
    ("tests/statemachine/test_topology.py",),
    ("tests/test_architecture.py", "tests/unit/test_lint_asl.py", "tests/statemachine", "tests/api"),
)


@dataclass(frozen=True)
class Written:
    """A mutant with all of its file as it is to be written, and the tests that judge it."""

    mutant: Mutant
    content: str
    tests: Tests

    @property
    def key(self) -> str:
        """What it is remembered by: a change of its file makes it another."""
        return hashlib.sha256(f"{self.mutant.file}\n{self.content}".encode()).hexdigest()


def made() -> Iterator[Written]:
    """Yield them all."""
    for folder in tree.MUTATED:
        for path in sorted((ROOT / folder).rglob("*.py")):
            file, module = str(path.relative_to(ROOT)), ".".join(path.relative_to(ROOT).with_suffix("").parts)
            for name, before, after, content in constants.of_module(path.read_text()):
                own = tuple(str(test.relative_to(ROOT)) for test in (ROOT / "tests/unit").glob(f"test_{path.stem}*.py"))
                yield Written(Mutant(file, f"{module}.{name}", before, after), content, (own, *OF_CONSTANTS))
    for path in sorted((ROOT / "statemachine").glob("*.asl.json")):
        machine = json.loads(path.read_text())
        for change in documents.of_machine(machine):
            content = json.dumps(documents.changed(machine, change), indent=2)
            mutant = Mutant(str(path.relative_to(ROOT)), *documents.told(machine, change))
            yield Written(mutant, content, OF_MACHINES)


def found() -> list[Mutant]:
    """Return them with what is known of each."""
    known = _read()
    return [replace(one.mutant, status=known.get(one.key, [one.mutant.status])[0]) for one in made()]


def run(seconds: float) -> None:
    """Judge those of which nothing is known, and the survivors again if anything has changed; stop in time."""
    deadline, known = monotonic() + seconds, _read()
    folders: SimpleQueue[Path] = SimpleQueue()
    for number in range(2):
        folder = tree.HOME / f"plain-{number}"
        seen = tree.copy(folder)
        folders.put(folder)
    waiting = [
        one for one in made() if known.get(one.key, [""])[0] != KILLED and known.get(one.key, ["", ""])[1] != seen
    ]
    if waiting and not _passes(
        tree.HOME / "plain-0", *{test: 0 for one in waiting for run in one.tests for test in run}
    ):
        raise SystemExit("mutants: the tests fail without any mutant; see .local/mutants/plain-0")

    def judge(one: Written) -> None:
        if monotonic() > deadline:
            return
        folder = folders.get()
        try:
            known[one.key] = [SURVIVED if _survives(folder, one) else KILLED, seen]
        finally:
            folders.put(folder)
        print(f"{known[one.key][0]:9} {one.mutant.file} {one.mutant.place}", flush=True)
        STATE.write_text(json.dumps(known))

    with ThreadPoolExecutor(2) as pool:
        try:
            list(pool.map(judge, waiting))
        finally:
            pool.shutdown(cancel_futures=True)


def _survives(folder: Path, one: Written) -> bool:
    file = folder / one.mutant.file
    try:
        file.write_text(one.content)
        return all(_passes(folder, *run) for run in one.tests if run)
    finally:
        file.write_bytes((ROOT / one.mutant.file).read_bytes())


def _passes(folder: Path, *tests: str) -> bool:
    """Whether these tests pass there; a run that takes too long does not."""
    chosen = (test for test in tests if (folder / test).exists())
    command = (str(PYTHON), "-B", "-m", "pytest", "-x", "-q", *QUICK, *chosen)
    quiet = subprocess.DEVNULL
    try:
        done = subprocess.run(
            command, cwd=folder, stdout=quiet, stderr=quiet, timeout=WAITS, preexec_fn=limit, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _read() -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads(STATE.read_text()) if STATE.exists() else {}
    return found
