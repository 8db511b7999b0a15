"""The commands of `./saga.sh`: each takes the stage, what was typed and where to show it, and returns its exit code."""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice

from saga.trip import CANCELLED, CANCELLING, COMPENSATING, CONFIRMED, NEEDS_ATTENTION, ROLLED_BACK
from tools import attention, cost, events, follow, mending, options, snapshot, tokens, trips
from tools.audit import Progress, audit, findings
from tools.mending import Mended, Told
from tools.show import Show
from tools.snapshot import Snapshot
from tools.stage import Stage, UsageError

SETTLED = (CONFIRMED, ROLLED_BACK, CANCELLED)
UNDONE = (COMPENSATING, CANCELLING, ROLLED_BACK, CANCELLED)


def book(stage: Stage, wanted: argparse.Namespace, show: Show) -> int:
    """Start the saga of an event and say under which trip_id; exit 1 if it was refused."""
    event = events.read(wanted.event, stage)
    trip_id, arn = event.trip.trip_id, trips.start(stage, event)
    begun = trips.has_begun(stage, event, arn)
    if wanted.json:
        options.as_json({"trip_id": trip_id, "execution_arn": arn, "begun": begun})
    elif begun:
        show.title(f"trip {trip_id} is being booked; look: ./saga.sh watch {trip_id}")
    else:
        show.title(f"trip {trip_id} was refused: nothing was done, or the trip_id belongs to another saga")
    return 0 if begun else 1


def list_trips(stage: Stage, wanted: argparse.Namespace, show: Show) -> int:
    """List the newest trips, a page at a time."""
    page = trips.newest(stage, wanted.limit, wanted.after, wanted.status)
    if wanted.json:
        options.as_json(page)
    else:
        show.trips(page["trips"], page["after"])
    return 0


def show_trip(stage: Stage, wanted: argparse.Namespace, show: Show) -> int:
    """Tell how a trip stands."""
    found = _read(stage, wanted.trip_id)
    if wanted.json:
        options.as_json({"record": found.record, "bookings": found.bookings})
    else:
        show.title(f"trip {wanted.trip_id}: {found.status}")
        show.record(found)
        show.bookings(found)
    return 0


def watch(stage: Stage, wanted: argparse.Namespace, show: Show) -> int:
    """Follow what works on a trip to its end; exit 1 if the trip is not settled then."""
    for step in follow.follow(stage, trips.latest_execution(stage, wanted.trip_id)):
        if not wanted.json:
            show.step(step)
    found = _read(stage, wanted.trip_id)
    if wanted.json:
        options.as_json({"trip_id": wanted.trip_id, "status": found.status, "bookings": found.bookings})
    else:
        show.trip(found)
        show.verdict(str(found.status), "")
    return 0 if found.status in SETTLED else 1


def log(stage: Stage, wanted: argparse.Namespace, show: Show) -> int:
    """Tell the story of a trip."""
    found = _read(stage, wanted.trip_id)
    if wanted.json:
        options.as_json({"record": found.record, "bookings": found.bookings, "log": found.log})
    else:
        show.title(f"trip {wanted.trip_id}: {found.status}")
        show.trip(found)
    return 0


def cancel(stage: Stage, wanted: argparse.Namespace, show: Show) -> int:
    """Cancel a trip in its owner's name; exit 1 if it needs attention, and so its repair."""
    status = trips.cancel(stage, wanted.trip_id)
    if wanted.json:
        options.as_json({"trip_id": wanted.trip_id, "status": status})
    else:
        advice = f"./saga.sh {'repair' if status == NEEDS_ATTENTION else 'watch'} {wanted.trip_id}"
        show.verdict(status, "" if status in SETTLED else advice)
    return 0 if status in UNDONE else 1


def stuck(stage: Stage, wanted: argparse.Namespace, show: Show) -> int:
    """List the trips that need somebody and all that an audit finds, or the index alone; exit 1 if there is any."""
    unfinished, found = attention.stuck(stage, wanted.older_than * 60), None
    if not wanted.unfinished:
        with show.progress("reading the tables", on=not wanted.json) as progress:
            found = findings(stage, progress)[1]
    if wanted.json:
        told = None if found is None else [finding.told() for finding in found]
        options.as_json({"unfinished": [asdict(trip) for trip in unfinished], "findings": told})
    else:
        show.stuck(unfinished, found or [])
    return 1 if unfinished or found else 0


def repair(stage: Stage, wanted: argparse.Namespace, show: Show) -> int:
    """Heal what is stuck, or say why it can't be healed and what is next; exit 1 if anything is left."""
    all_healed, ended = True, []
    with show.progress("reading the tables", on=wanted.all and not wanted.json) as progress:
        for mended in _mended(stage, wanted, show, progress):
            all_healed &= mended.healed
            ended.append(mended.told())
            if not wanted.json:
                show.mended(mended)
    if wanted.json:
        options.as_json(ended)
    elif not ended:
        show.title("nothing needs repair")
    return 0 if all_healed else 1


def check(stage: Stage, wanted: argparse.Namespace, show: Show) -> int:
    """Hold all tables against the promise; exit 1 if it is broken anywhere."""
    with show.progress("reading the tables", on=not wanted.json) as progress:
        count, found = audit(stage, progress)
    if wanted.json:
        options.as_json({"trips": count, "violations": found})
    else:
        show.findings(count, found)
    return 1 if found else 0


def price(stage: Stage, wanted: argparse.Namespace, show: Show) -> int:
    """Add up what the newest trips cost, by list price."""
    with show.progress("reading logs", on=not wanted.json) as progress:
        bills = []
        for number, trip_id in enumerate(islice(trips.all_newest(stage), wanted.last)):
            bills.append(cost.of(snapshot.read(stage, trip_id)))
            progress(number + 1)
    total = sum(bills, cost.Bill())
    if wanted.json:
        counted = {"trips": len(bills), **asdict(total), "usd": total.dollars, "usd_by": total.items}
        options.as_json({**counted, "prices": cost.PRICES})
    else:
        show.cost(len(bills), total)
    return 0


def give_token(stage: Stage, wanted: argparse.Namespace, show: Show) -> int:
    """Print a token, and nothing else, so that a shell can take it; with --json also where the API is."""
    given = tokens.token(stage, wanted.user)
    if wanted.json:
        options.as_json({"token": given, "url": tokens.url(stage)})
    else:
        show.plain(given)
    return 0


def console(stage: Stage, wanted: argparse.Namespace, show: Show) -> int:
    """Serve the console until Ctrl-C, and print where."""
    from tools.console import server  # noqa: PLC0415 — no other command needs a web server

    def tell(url: str) -> None:
        options.as_json({"url": url}) if wanted.json else show.plain(f"console of stage {stage.name}: {url}")
        sys.stdout.flush()  # a program that reads it must not wait for the end

    server.serve(stage, wanted.port, tell)
    return 0


def _read(stage: Stage, trip_id: str) -> Snapshot:
    found = snapshot.read(stage, trip_id)
    if not found.record:
        raise UsageError(f"trip {trip_id}: there is none on stage {stage.name}")
    return found


def _mended(stage: Stage, wanted: argparse.Namespace, show: Show, progress: Progress) -> Iterator[Mended]:
    def told(trip_id: str) -> Told:
        if wanted.json:
            return lambda _step: None
        show.title(f"trip {trip_id}")
        return show.step

    if wanted.all:
        return mending.mend_all(stage, progress, told)
    return iter([mending.mend(stage, wanted.trip_id, told(wanted.trip_id))])
