"""`./saga.sh`: books, shows, cancels, looks after the trips of a stage. What each command does is in commands.py."""

import argparse
import math
import sys

from saga.errors import InvalidTrip
from saga.trip import BOOKING, CANCELLED, CANCELLING, COMPENSATING, CONFIRMED, NEEDS_ATTENTION, ROLLED_BACK
from saga.validation import check_trip_id
from tools import commands, events, options, tokens
from tools.show import Show
from tools.stage import UsageError

STATUSES = (BOOKING, CONFIRMED, COMPENSATING, ROLLED_BACK, CANCELLING, CANCELLED, NEEDS_ATTENTION)
ONE_TRIP = ("show", "watch", "log", "cancel")

COMMANDS = {
    "book": (commands.book, "start the saga of an event and say under which trip_id"),
    "list": (commands.list_trips, "list the newest trips, a page at a time, perhaps of one status"),
    "show": (commands.show_trip, "tell how a trip stands: status, request, bookings, what it owes"),
    "watch": (commands.watch, "follow a trip live to its end; exit 1 if it is not settled then"),
    "log": (commands.log, "tell the story of a trip: its steps, attempts, errors and durations"),
    "cancel": (commands.cancel, "cancel a trip in its owner's name; exit 1 if it needs its repair first"),
    "stuck": (
        commands.stuck,
        "list trips that need attention or are unfinished for long, and all that `audit` finds; exit 1 if any",
    ),
    "repair": (
        commands.repair,
        "heal what `stuck` lists, or say why not and what to type next; exit 1 if anything is left",
    ),
    "audit": (commands.check, "check the promise over all trips and counters of the stage; exit 1 on any violation"),
    "cost": (commands.price, "add up what the newest trips cost on AWS by list price, counted from their logs"),
    "console": (
        commands.console,
        "serve a page on 127.0.0.1 that shows trips live, and lets one book, cancel and repair them",
    ),
    "token": (commands.give_token, "print a token of a test user, on local and dev"),
}


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line; wrong usage exits with 2."""
    parser = argparse.ArgumentParser(
        prog="./saga.sh",
        description="Book trips, look at them, look after them.",
        epilog="exit: 0 all is well; 1 it is not (see each command); 2 bad usage or input; 3 AWS could not be reached",
    )
    choices = parser.add_subparsers(dest="command", required=True, metavar="<command>")
    for name, (_, text) in COMMANDS.items():
        command = choices.add_parser(name, help=text, description=text)
        options.add(command)
        _add(name, command)
    return parser.parse_args(arguments)


def _add(name: str, command: argparse.ArgumentParser) -> None:
    """Add what is a command's own."""
    if name in ONE_TRIP:
        command.add_argument("trip_id")
    match name:
        case "book":
            command.add_argument("event", help=f"a path, or one of: {', '.join(events.names())}")
        case "list":
            command.add_argument("--status", choices=STATUSES)
            command.add_argument("--limit", type=_count, default=20, metavar="N", help="trips of a page; default: 20")
            command.add_argument("--after", metavar="PLACE", help="what the page before ends with")
        case "stuck":
            command.add_argument("--older-than", type=_minutes, default=15, metavar="MINUTES", help="default: 15")
            command.add_argument("--unfinished", action="store_true", help="read the index alone, which is quick")
        case "cost":
            command.add_argument("--last", type=_count, default=100, metavar="N", help="trips; default: 100")
        case "token":
            command.add_argument("--user", default=tokens.USER, help=f"an email address; default: {tokens.USER}")
        case "console":
            command.add_argument("--port", type=int, help="default: 4680, or any if that is taken")
        case "repair":
            which = command.add_mutually_exclusive_group(required=True)
            which.add_argument("trip_id", nargs="?")
            which.add_argument("--all", action="store_true", help="all that `stuck` lists")


def main(arguments: list[str]) -> int:
    """Run a command and return its exit code."""
    wanted = parse(arguments)
    return options.told(lambda: _run(wanted))


def _run(wanted: argparse.Namespace) -> int:
    command, _ = COMMANDS[wanted.command]
    if (trip_id := getattr(wanted, "trip_id", None)) is not None:
        _check(trip_id)
    try:
        return command(options.choose_stage(wanted), wanted, Show())
    except InvalidTrip as invalid:  # only --after is not checked before
        raise UsageError(f"--after: {invalid.problems[0].expected}") from invalid


def _check(trip_id: str) -> None:
    try:
        check_trip_id(trip_id)
    except InvalidTrip as invalid:
        raise UsageError(f"trip {trip_id[:70]!r}: {invalid.problems[0].expected}") from invalid


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 10_000:  # noqa: PLR2004  said in the message
        raise argparse.ArgumentTypeError(f"{text}: expected a whole number of 1 to 10000")
    return number


def _minutes(text: str) -> float:
    minutes = float(text)
    if not (math.isfinite(minutes) and minutes >= 0):
        raise argparse.ArgumentTypeError(f"{text}: expected a number of minutes, 0 or more")
    return minutes


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
