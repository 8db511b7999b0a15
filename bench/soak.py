"""Thousands of mixed sagas, then the audit: does the promise hold, and what is left behind."""

import json
import time
from typing import Any

import psutil

from bench import trips
from bench.lab import Lab
from bench.numbers import Goal
from bench.report import Section
from bench.sagas import rate
from bench.sizes import Sizes
from saga.trip import PARTICIPANTS
from tools import trips as stage_trips
from tools.audit import audit
from tools.local import processes

AT_ONCE = 16
MIX = ("booked",) * 6 + ("refused",) * 3 + ("transient",)
"""What becomes of ten trips in turn."""
SETTLES = 5.0
"""Seconds in which what follows the last saga (its outcome, the reconciler's look) is over."""


def measure(lab: Lab, sizes: Sizes) -> Section:
    """Run the mix, hold all tables against the promise, and look at what is left."""
    before = _memory(lab)
    planned = [_trip(number) for number in range(sizes.soak)]
    ended = lab.run_all(lab.ours, planned, AT_ONCE)
    time.sleep(SETTLES)
    booked = sum(one.status == "SUCCEEDED" for one in ended)
    expected = sum(MIX[number % len(MIX)] != "refused" for number in range(sizes.soak))
    audited, found = audit(lab.stage)
    unfinished = len(list(stage_trips.listing(lab.stage).unfinished()))
    after = _memory(lab)
    rows = [
        ("sagas", f"{sizes.soak:,}"),
        ("booked, as many as planned", f"{booked:,} of {expected:,}"),
        ("sagas per second", f"{rate(ended, AT_ONCE):.1f}"),
        ("trips audited", f"{audited:,}"),
        ("violations of the promise", f"{len(found)}"),
        ("trips left unfinished", f"{unfinished}"),
        ("executions left running", f"{len(lab.running(lab.ours))}"),
        ("emulator's memory, before and after", f"{before[0]:,.0f} and {after[0]:,.0f} MB"),
        ("functions' processes, before and after", f"{before[1]} and {after[1]}, {after[2]:,.0f} MB"),
    ]
    goals = (
        Goal("violations of the promise after the soak", len(found), 0),
        Goal("sagas of the soak that ended otherwise than planned", abs(booked - expected), 0),
        Goal("trips of the soak left unfinished", unfinished, 0),
    )
    title = f"Soak: {sizes.soak:,} sagas, 60 % booked, 30 % refused, 10 % with transient faults, {AT_ONCE} at once"
    return Section(title, ("", ""), rows, goals, tuple(found[:10]))


def _trip(number: int) -> dict[str, Any]:
    """Make the n-th trip of the mix; refusals and faults go round the participants."""
    participant = list(PARTICIPANTS)[number % len(PARTICIPANTS)]
    match MIX[number % len(MIX)]:
        case "refused":
            return trips.trip(participant)
        case "transient":
            return trips.trip(faults={f"Book{participant.title()}": {"error": "TransientError", "times": 2}})
    return trips.trip()


def _memory(lab: Lab) -> tuple[float, int, float]:
    """Return the emulator's megabytes, how many processes its functions are, and their megabytes."""
    pid = json.loads((lab.emulator.folder / "emulator.pid").read_text())["pid"]
    sizes = {process.pid: _megabytes(process) for process in processes.ours(lab.emulator.folder)}
    return sizes.pop(pid, 0.0), len(sizes), sum(sizes.values())


def _megabytes(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss) / 1e6
    except psutil.Error:
        return 0.0
