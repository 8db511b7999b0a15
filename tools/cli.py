"""`./saga.sh`: looks after the trips of a stage."""

import argparse
import sys
from dataclasses import asdict

from saga.errors import InvalidTrip
from saga.trip import CANCELLED, CONFIRMED, ROLLED_BACK
from saga.validation import check_trip_id
from tools import attention, options, snapshot, tokens
from tools.audit import audit
from tools.show import Show
from tools.stage import Stage, UsageError

SETTLED = (CONFIRMED, ROLLED_BACK, CANCELLED)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line; wrong usage exits with 2."""
    parser = argparse.ArgumentParser(
        prog="./saga.sh",
        description="Look after the trips of a stage.",
        epilog="exit: 0 all is well; 1 it is not (see each command); 2 bad usage or input; 3 AWS could not be reached",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="<command>")
    for name, (_, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        options.add(command)
        if name == "stuck":
            command.add_argument("--older-than", type=float, default=15, metavar="MINUTES", help="default: 15")
        if name == "log":
            command.add_argument("trip_id")
        if name == "token":
            command.add_argument("--user", default=tokens.USER, help=f"an email address; default: {tokens.USER}")
        if name == "repair":
            which = command.add_mutually_exclusive_group(required=True)
            which.add_argument("trip_id", nargs="?")
            which.add_argument("--all", action="store_true", help="every trip that needs attention")
    return parser.parse_args(arguments)


def stuck(stage: Stage, wanted: argparse.Namespace, show: Show) -> int:
    """List the trips that need somebody; exit 1 if there are any."""
    trips = attention.stuck(stage, wanted.older_than * 60)
    if wanted.json:
        options.as_json([asdict(trip) for trip in trips])
    else:
        show.stuck(trips)
    return 1 if trips else 0


def repair(stage: Stage, wanted: argparse.Namespace, show: Show) -> int:
    """Run again what trips owe; exit 1 if one of them still is not settled."""
    trip_ids = [wanted.trip_id] if wanted.trip_id else [t.trip_id for t in attention.stuck(stage, 15 * 60)]
    ended = {trip_id: _repair(stage, trip_id, None if wanted.json else show) for trip_id in trip_ids}
    if wanted.json:
        options.as_json(ended)
    elif not ended:
        show.title("no trip needs repair")
    return 0 if set(ended.values()) <= set(SETTLED) else 1


def log(stage: Stage, wanted: argparse.Namespace, show: Show) -> int:
    """Tell the story of a trip."""
    found = snapshot.read(stage, wanted.trip_id)
    if not found.record:
        raise UsageError(f"trip {wanted.trip_id}: there is none on stage {stage.name}")
    if wanted.json:
        options.as_json({"record": found.record, "bookings": found.bookings, "log": found.log})
    else:
        show.title(f"trip {wanted.trip_id}: {found.status}")
        show.trip(found)
    return 0


def check(stage: Stage, wanted: argparse.Namespace, show: Show) -> int:
    """Hold all tables against the promise; exit 1 if it is broken anywhere."""
    with show.progress("reading the tables", on=not wanted.json) as progress:
        trips, found = audit(stage, progress)
    if wanted.json:
        options.as_json({"trips": trips, "violations": found})
    else:
        show.findings(trips, found)
    return 1 if found else 0


def give_token(stage: Stage, wanted: argparse.Namespace, show: Show) -> int:
    """Print a token, and nothing else, so that a shell can take it; with --json also where the API is."""
    given = tokens.token(stage, wanted.user)
    if wanted.json:
        options.as_json({"token": given, "url": tokens.url(stage)})
    else:
        show.plain(given)
    return 0


COMMANDS = {
    "stuck": (stuck, "list trips that need attention or are unfinished for long, and what they owe; exit 1 if any"),
    "repair": (repair, "run again what a trip owes, and say how it ended; exit 1 if it still owes something"),
    "log": (log, "tell the story of a trip: its steps, attempts, errors and durations"),
    "token": (give_token, "print a token of a test user, on local and dev"),
    "audit": (check, "check the promise over all trips and counters of the stage; exit 1 on any violation"),
}


def main(arguments: list[str]) -> int:
    """Run a command and return its exit code."""
    wanted = parse(arguments)
    return options.told(lambda: _run(wanted))


def _run(wanted: argparse.Namespace) -> int:
    trip_id = getattr(wanted, "trip_id", None)
    if trip_id is not None:
        _check(trip_id)
    command, _ = COMMANDS[wanted.command]
    return command(options.choose_stage(wanted), wanted, Show())


def _check(trip_id: str) -> None:
    try:
        check_trip_id(trip_id)
    except InvalidTrip as invalid:
        raise UsageError(f"trip {trip_id[:70]!r}: {invalid.problems[0].expected}") from invalid


def _repair(stage: Stage, trip_id: str, show: Show | None) -> str:
    if show:
        show.title(f"trip {trip_id}")
    for step in attention.repair(stage, trip_id):
        if show:
            show.step(step)
    status = str(snapshot.read(stage, trip_id).status)
    if show:
        show.verdict(status, "" if status in SETTLED else f"still owes something: ./saga.sh log {trip_id}")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
