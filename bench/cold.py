"""What a cold start pays before the first request: imports and clients; and the package that is loaded."""

import subprocess
import sys
from pathlib import Path
from statistics import median

from bench.lab import FOLDER, Lab
from bench.numbers import Goal
from bench.report import Section
from bench.sizes import Sizes
from tools import deploy
from tools.local.environment import ROOT
from tools.stage import Stage

CLIENT = "import boto3; boto3.client('dynamodb')"
VALIDATES = ("saga", "api")
"""Handlers that check a trip against its schema and need jsonschema for it."""
TIMED = "from time import perf_counter; began = perf_counter(); {}; print(perf_counter() - began)"
READY = "import handlers.{}; from saga import wiring; wiring.desk({{}}, None)"
LARGEST = 700.0
"""Kilobytes of the package."""


def imports(_lab: Lab, sizes: Sizes) -> Section:
    """Import each handler in processes of its own, in turn with a process that makes a bare client."""
    names = sorted(path.stem for path in (ROOT / "handlers").glob("[!_]*.py"))
    programs = {"client": CLIENT}
    for name in names:
        programs |= {name: f"import handlers.{name}", f"{name} ready": READY.format(name)}
    taken = _in_turn(programs, sizes.imports)
    rows, goals = [("bare boto3 client", f"{taken['client'] * 1000:.0f} ms", "1", "", "")], []
    for name in names:
        alone, ready = (taken[key] for key in (name, f"{name} ready"))
        ratios = [f"{value / taken['client']:.2f}" for value in (alone, ready)]
        rows.append((f"handlers/{name}.py", f"{alone * 1000:.0f} ms", ratios[0], f"{ready * 1000:.0f} ms", ratios[1]))
        limit = 1.5 if name in VALIDATES else 1.15
        goals.append(Goal(f"cold import of handlers/{name}.py ÷ a bare client", alone / taken["client"], limit))
    columns = ("", "import", "ratio", "import and its DynamoDB client", "ratio")
    notes = (f"{sizes.imports} processes of each, in turn; medians. The goals are about the import.",)
    return Section("Cold imports", columns, rows, goals, notes)


def package(_lab: Lab, _sizes: Sizes) -> Section:
    """Build the package of stage dev and weigh it."""
    with (FOLDER / "package.log").open("w") as log:
        archive = deploy.package(Stage("dev"), log)
    kilobytes = archive.stat().st_size / 1000
    rows = [(archive.name, f"{kilobytes:,.0f} kB")]
    return Section("The package", ("file", "size"), rows, (Goal("the zip, in kB", kilobytes, LARGEST),))


def _in_turn(programs: dict[str, str], rounds: int) -> dict[str, float]:
    """Run each program so often, the order reversed each round; return the median seconds that each says."""
    taken: dict[str, list[float]] = {name: [] for name in programs}
    for number in range(rounds + 1):
        for name in programs if number % 2 else reversed(programs):
            seconds = _run(programs[name], ROOT)
            if number:  # the first round writes the bytecode
                taken[name].append(seconds)
    return {name: median(values) for name, values in taken.items()}


def _run(program: str, folder: Path) -> float:
    variables = {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "SAGA_TABLES": "bench"}
    variables |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "PYTHONPATH": str(folder)}
    command = [sys.executable, "-c", TIMED.format(program)]
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=True)
    return float(done.stdout)
