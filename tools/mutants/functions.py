"""The mutants of functions: mutmut makes them, tries them and remembers what came of them."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tools.local.environment import ROOT
from tools.mutants import tree
from tools.mutants.mutant import KILLED, REFUSED, SURVIVED, UNTRIED, Mutant

TREE = tree.HOME / "tree"
RESULTS = TREE / "mutants"
PYTHON = ROOT / ".venv" / "bin" / "python"

TESTS = ["tests/unit", "tests/contract", "tests/statemachine", "tests/api"]
QUICK = ["-p", "no:cacheprovider", "-m", "not slow and not server"]

REFUSING = [str(PYTHON), str(ROOT / "tools/mutants/typecheck.py"), "mypy", str(tree.VENV / "bin/python"), *tree.MUTATED]

STATUSES = {0: SURVIVED, 5: SURVIVED, 33: SURVIVED, 37: REFUSED, None: UNTRIED, 2: UNTRIED}
"""What mutmut's numbers mean; without a test (5, 33) a mutant survives too, and all others are ways to die."""


def run(seconds: float) -> None:
    """Try what has not been tried, and what has survived if anything has changed since; stop when the time is up."""
    seen = tree.copy(TREE, undecorated=True)
    _configure()
    stamp = tree.HOME / "functions.seen"
    if RESULTS.exists() and (not stamp.exists() or stamp.read_text() != seen):
        _forget()
    stamp.write_text(seen)
    environment = os.environ | {"PATH": f"{PYTHON.parent}{os.pathsep}{os.environ['PATH']}"}
    command = (str(tree.VENV / "bin/mutmut"), "run", "--max-children", "2")
    # A group of its own: an interrupt by hand reaches it through us, so it writes down what it has.
    process = subprocess.Popen(command, cwd=TREE, env=environment, start_new_session=True)
    try:
        process.wait(seconds)
    except (subprocess.TimeoutExpired, KeyboardInterrupt) as reason:
        process.send_signal(signal.SIGINT)
        process.wait()
        if isinstance(reason, KeyboardInterrupt):
            raise
    else:
        if process.returncode:
            raise SystemExit("mutants: mutmut could not run, see above; do all quick tests pass?")


def found() -> Iterator[Mutant]:
    """Yield every mutant that mutmut has made, with what came of it."""
    for meta in sorted(RESULTS.rglob("*.meta")):
        mutated = meta.with_suffix("")
        file = str(mutated.relative_to(RESULTS))
        if not (ROOT / file).is_file():
            continue
        lines = mutated.read_text().splitlines()
        spans = json.loads(Path(f"{mutated}.spans").read_text())["spans"]
        for key, code in json.loads(meta.read_text())["exit_code_by_key"].items():
            name = key.rpartition(".")[2]
            original, _, _ = name.rpartition("_")
            place = f"{key.rpartition('.')[0]}.{_plain(original)}"
            before, after = (_source(lines, *spans[which]) for which in (f"{original}_orig", name))
            yield Mutant(file, place, before, after.replace(name, f"{original}_orig"), STATUSES.get(code, KILLED))


def _source(lines: list[str], first: int, last: int) -> str:
    return "\n".join(lines[first - 1 : last])


def _plain(mangled: str) -> str:
    """Return a function's own name: mutmut writes x_name__mutmut and xǁClassǁname__mutmut."""
    name = mangled.removesuffix("__mutmut")
    return name.replace("ǁ", ".").removeprefix("x.") if "ǁ" in name else name.removeprefix("x_")


def _configure() -> None:
    """Put mutmut's configuration into the copy's pyproject.toml."""
    others = sorted({path.parts[0] for path in tree.sources()} - {*tree.MUTATED, "pyproject.toml"})
    settings = {
        "source_paths": [*tree.MUTATED],
        "also_copy": others,
        "pytest_add_cli_args": QUICK,
        "pytest_add_cli_args_test_selection": [name for name in TESTS if (ROOT / name).exists()],
        "type_check_command": REFUSING,
        "on_dependency_change": "ignore",
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    text = "\n".join(["", "[tool.mutmut]", "use_git_change_detection = false", *lines, ""])
    with (TREE / "pyproject.toml").open("a") as file:
        file.write(text)


def _forget() -> None:
    """Forget which tests reach which function, and what has survived: the tests may be better now."""
    (RESULTS / "mutmut-stats.json").unlink(missing_ok=True)
    for meta in RESULTS.rglob("*.meta"):
        results = json.loads(meta.read_text())
        codes = results["exit_code_by_key"]
        codes.update({key: None for key, code in codes.items() if STATUSES.get(code) == SURVIVED})
        meta.write_text(json.dumps(results))
