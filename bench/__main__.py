"""`./build.sh bench [--quick] [<measure> …]`: measures, prints, and after a full run writes docs/benchmarks.md."""

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version

import psutil
from rich.console import Console

from bench import cold, contention, cost, flat, inprocess, report, sagas, soak, steps
from bench.lab import Lab, lab
from bench.numbers import Goal
from bench.report import Section
from bench.sizes import FULL, QUICK, Sizes
from tools.local.emulator import EmulatorError
from tools.local.environment import ROOT
from tools.stage import ToolError

PAGE = ROOT / "docs" / "benchmarks.md"
MEASURES: dict[str, Callable[[Lab, Sizes], Section]] = {
    "steps": steps.measure,
    "latency": sagas.latency,
    "throughput": sagas.throughput,
    "cost": cost.measure,
    "contention": contention.measure,
    "soak": soak.measure,
    "flatness": flat.measure,
    "imports": cold.imports,
    "package": cold.package,
}
LIBRARIES = ("ministack", "boto3", "awslambdaric")


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0 measured, whatever came out; 1 the set-up failed; 2 usage."""
    parser = argparse.ArgumentParser(prog="./build.sh bench", description="Measure the saga in an embedded AWS.")
    parser.add_argument("--quick", action="store_true", help="few repetitions, to see that it works")
    parser.add_argument("measures", nargs="*", metavar="measure", help=f"of {', '.join(MEASURES)}; default: all")
    wanted = parser.parse_args(arguments)
    if unknown := sorted(set(wanted.measures) - set(MEASURES)):
        parser.error(f"unknown measure {', '.join(unknown)}; expected {', '.join(MEASURES)}")
    out, began, load = report.console(), time.monotonic(), os.getloadavg()[0]
    try:
        sections = _measure(wanted.measures or list(MEASURES), QUICK if wanted.quick else FULL, out)
    except (ToolError, EmulatorError) as error:
        print(error, file=sys.stderr)
        return 1
    if wanted.quick or wanted.measures:
        print(f"{PAGE.relative_to(ROOT)} is written by a full run only")
        return 0
    PAGE.write_text(report.markdown(_head(load, time.monotonic() - began), sections, report.by_hand(PAGE)))
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


def _measure(names: Sequence[str], sizes: Sizes, out: Console) -> list[Section]:
    inprocess.listen()
    sections = []
    with lab(lambda line: _say(out, line)) as made:
        for number, name in enumerate(names, 1):
            _say(out, f"{number} of {len(names)}: {name} …")
            began = time.monotonic()
            sections.append(_section(name, made, sizes))
            report.show(out, sections[-1])
            _say(out, f"{name} took {time.monotonic() - began:.0f} s")
    return sections


def _section(name: str, made: Lab, sizes: Sizes) -> Section:
    """Measure; what fails keeps nothing else from being measured and is told as unmet."""
    try:
        return MEASURES[name](made, sizes)
    except Exception as error:  # noqa: BLE001  whatever it is, the page says so
        goal = Goal(f"{name}: could not be measured", 1, 0)
        return Section(name, ("failed",), [(f"{type(error).__name__}: {error}",)], [goal])


def _say(out: Console, line: str) -> None:
    out.print(f"[dim]{line}[/dim]", soft_wrap=True)


def _head(load: float, seconds: float) -> tuple[str, ...]:
    """Say when, where and with what it was measured, and how busy the machine was beside it."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    memory = psutil.virtual_memory().total / 1e9
    return (
        "Made by `./build.sh bench`; what stands between the two marks is written by hand and kept.",
        (
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC · {platform.system()} {platform.machine()},"
            f" {os.cpu_count()} cores, {memory:.0f} GB · Python {platform.python_version()}, {libraries} ·"
            f" {seconds / 60:.0f} minutes. Load of the machine (1 minute) before it began: {load:.1f};"
            f" at its end: {os.getloadavg()[0]:.1f}."
        ),
        (
            "All on one machine: the embedded AWS runs every service in one Python process, so these numbers say how"
            " the saga compares with a naive one, not how fast AWS is. Ratios are of one run's medians, the order"
            " alternated. Each noise is told where it was measured."
        ),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
