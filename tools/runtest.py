"""`./runtest.sh`: runs one trip on a deployed stage, shows it live, and reads the tables back to say how it ended."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from saga.trip import PARTICIPANTS
from tools import deploy, events, follow, offers, options, snapshot, trips
from tools.events import Event
from tools.follow import Step
from tools.local.emulator import Emulator
from tools.show import Show
from tools.stage import Stage

OUTCOMES = ("booked", "rolled-back", "refused", "needs-attention")

TEXTS = {
    "booked": "three live bookings, all of this saga",
    "rolled-back": "nothing of the trip stays booked",
    "refused": "nothing was done",
    "needs-attention": "a cancel kept failing; the trip's record says what is owed",
    "inconsistent": "the execution and the tables disagree",
}


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line; wrong usage exits with 2."""
    parser = argparse.ArgumentParser(
        prog="./runtest.sh",
        description="Run one trip and verify how it ended.",
        epilog="exit: 0 booked whole or rolled back whole, or as --expect says; 1 anything else; "
        "2 bad usage or input; 3 AWS or the emulator could not be reached",
    )
    parser.add_argument("event", help=f"a path, or one of: {', '.join(events.names())}")
    parser.add_argument("--expect", choices=OUTCOMES, help="the only outcome that exits with 0")
    options.add(parser)
    return parser.parse_args(arguments)


def make_ready(stage: Stage) -> None:
    """For `local`, start the embedded AWS and deploy to it if that has not been done; progress goes to stderr."""
    if not stage.is_local:
        return
    with stage.reaching():
        Emulator.of_checkout().start()
    client = stage.client("stepfunctions")
    machines = client.list_state_machines()["stateMachines"]
    if stage.machine() not in {machine["name"] for machine in machines}:
        deploy.deploy(stage, sys.stderr)
    elif not offers.loaded(stage):
        offers.load(stage)


def run(stage: Stage, event: Event, show: Show | None) -> dict[str, Any]:
    """Run the trip to its end and return what `--json` prints."""
    begun, steps = time.monotonic(), []
    arn = trips.start(stage, event)
    for step in follow.follow(stage, arn):
        steps.append(step)
        if show:
            show.step(step)
    found = snapshot.read(stage, event.trip.trip_id)
    outcome = found.outcome(event.trip.saga_id, steps[-1].error)
    if show:
        show.trip(found)
    return {
        "trip_id": event.trip.trip_id,
        "stage": stage.name,
        "execution_arn": arn,
        "status": found.status,
        "outcome": outcome,
        "bookings": {name: found.bookings.get(name) for name in PARTICIPANTS},
        "log": found.log,
        "failure": _failure(steps),
        "seconds": round(time.monotonic() - begun, 3),
    }


def main(arguments: list[str]) -> int:
    """Run and return the exit code."""
    wanted = parse(arguments)
    return options.told(lambda: run_event(wanted))


def run_event(wanted: argparse.Namespace) -> int:
    """Run the event on the stage that is wanted; return 0 if it ended as expected, else 1."""
    stage = options.choose_stage(wanted)
    event = events.read(wanted.event, stage)
    make_ready(stage)
    show = None if wanted.json else Show()
    if show:
        show.title(f"trip {event.trip.trip_id} on stage {stage.name}")
    report = run(stage, event, show)
    if show:
        show.verdict(report["outcome"], f"{_why(report)}  {report['seconds']:.1f} s")
    else:
        options.as_json(report)
    expected = (wanted.expect,) if wanted.expect else ("booked", "rolled-back")
    return 0 if report["outcome"] in expected else 1


def _why(report: dict[str, Any]) -> str:
    outcome, failure = report["outcome"], report["failure"]
    cause = f" ({failure['step']}: {failure['error']})" if failure and outcome != "booked" else ""
    return TEXTS[outcome] + cause


def _failure(steps: Sequence[Step]) -> dict[str, Any] | None:
    """Return what turned the saga around: the last failure of the first step that was given up."""
    for failed, after in pairwise(steps):
        if failed.what == "failed" and after.what in ("caught", "ended"):
            return {"step": failed.state, "error": failed.error, "message": _message(failed.cause)}
    return None


def _message(cause: str | None) -> str | None:
    """Return the error message in what Lambda reports as a cause: JSON with errorMessage and a stack trace."""
    try:
        return str(json.loads(cause or "")["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return cause


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
