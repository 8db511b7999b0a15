"""The mutants of functions: mutmut makes them, and what knows pytest (trials.py) tries them.

mutmut would try them too, but it collects the tests anew for each, which takes longer than the tests that kill it.
"""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.local.environment import ROOT
from tools.mutants import tree
from tools.mutants.mutant import KILLED, REFUSED, UNTRIED, Mutant

TREE = tree.HOME / "tree"
RESULTS = TREE / "mutants"
STATE = tree.HOME / "functions.json"
PYTHON = ROOT / ".venv" / "bin" / "python"

TESTS = ("tests/unit", "tests/contract", "tests/statemachine", "tests/api")
QUICK = ("-p", "no:cacheprovider", "-m", "not slow and not server")

MAKING = {
    "source_paths": [*tree.MUTATED],
    "pytest_add_cli_args": [*QUICK],
    "pytest_add_cli_args_test_selection": ["tests/unit/test_days.py"],
    "on_dependency_change": "ignore",
    "use_git_change_detection": False,
}
"""mutmut cannot be asked to make mutants only, so it is asked to try those of one small module."""
SMALL = "saga.days.*"


@dataclass(frozen=True)
class Made:
    """A mutant as mutmut has made it: `key` is its name, `function` its function's, `lines` where it stands."""

    key: str
    file: str
    function: str
    source: str
    original: str

    @property
    def shown(self) -> Mutant:
        """What the report says of it."""
        name = self.key.rpartition(".")[2]
        original = f"{name.rpartition('_')[0]}_orig"
        place = f"{self.key.rpartition('.')[0]}.{_plain(original)}"
        return Mutant(self.file, place, self.original, self.source.replace(name, original))


def run(seconds: float) -> None:
    """Try what has not been tried, and what has survived if anything has changed since; stop when the time is up."""
    until, seen = time.time() + seconds, tree.copy(TREE, undecorated=True)
    _make()
    known = _read()
    refused = _refused()
    waiting = {
        one.key: [one.function, _identity(one)]
        for one in made()
        if one.key not in refused and known.get(_identity(one), ["", ""])[0] != KILLED
        if known.get(_identity(one), ["", ""])[1] != seen
    }
    known |= {_identity(one): [REFUSED, seen] for one in made() if one.key in refused}
    STATE.write_text(json.dumps(known))
    task = {"waiting": waiting, "state": str(STATE), "seen": seen, "until": until}
    (tree.HOME / "task.json").write_text(json.dumps(task))
    tests = [name for name in TESTS if (ROOT / name).exists()]
    command = (str(tree.VENV / "bin/python"), "-m", "pytest", "-x", "-q", *QUICK, "-p", "tools.mutants.trials", *tests)
    environment = os.environ | {"MUTANTS_TASK": str(tree.HOME / "task.json"), "MUTANT_UNDER_TEST": "stats"}
    if waiting and subprocess.run(command, cwd=RESULTS, env=environment, check=False).returncode:
        raise SystemExit("mutants: the quick tests fail without any mutant, see above")


def found() -> Iterator[Mutant]:
    """Yield every mutant of the functions, with what is known of it."""
    known = _read()
    for one in made():
        mutant = one.shown
        yield Mutant(mutant.file, mutant.place, mutant.before, mutant.after, known.get(_identity(one), [UNTRIED])[0])


def made() -> Iterator[Made]:
    """Yield what mutmut has made."""
    for index in sorted(RESULTS.rglob("*.spans")):
        mutated = index.with_suffix("")
        file = str(mutated.relative_to(RESULTS))
        if not (ROOT / file).is_file():
            continue
        lines, module = mutated.read_text().splitlines(), ".".join(Path(file).with_suffix("").parts)
        spans = json.loads(index.read_text())["spans"]
        for name, (first, last) in spans.items():
            if not name.endswith("_orig"):
                function = name.partition("__mutmut")[0]
                begin, end = spans[f"{function}__mutmut_orig"]
                original = "\n".join(lines[begin - 1 : end])
                yield Made(
                    f"{module}.{name}", file, f"{module}.{function}", "\n".join(lines[first - 1 : last]), original
                )


def _identity(one: Made) -> str:
    """Return what a mutant is remembered by: a change of its function makes it another."""
    mutant = one.shown
    return tree.digest(mutant.place, mutant.before, mutant.after)


def _plain(mangled: str) -> str:
    """Return a function's own name: mutmut writes x_name__mutmut_orig and xǁClassǁname__mutmut_orig."""
    name = mangled.partition("__mutmut")[0]
    return name.replace("ǁ", ".").removeprefix("x.") if "ǁ" in name else name.removeprefix("x_")


def _make() -> None:
    """Let mutmut make the mutants of each file that has changed."""
    settings = MAKING | {"also_copy": sorted({path.parts[0] for path in tree.sources()} - {*tree.MUTATED})}
    with (TREE / "pyproject.toml").open("a") as file:
        file.write("\n[tool.mutmut]\n")
        file.writelines(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
    command = (str(tree.VENV / "bin/mutmut"), "run", "--max-children", "2", SMALL)
    done = subprocess.run(command, cwd=TREE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{done.stdout}\nmutants: mutmut could not make them, see above")


def _refused() -> set[str]:
    """Return the mutants that the type checker refuses."""
    command = (str(PYTHON), "-m", "tools.mutants.typecheck", str(tree.VENV / "bin/python"), *tree.MUTATED)
    done = subprocess.run(command, cwd=RESULTS, stdout=subprocess.PIPE, text=True, check=True)
    return set(done.stdout.split())


def _read() -> dict[str, list[str]]:
    known: dict[str, list[str]] = json.loads(STATE.read_text()) if STATE.exists() else {}
    return known
