"""What is shown as a table: trips, bookings, logs, costs, changes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from rich.table import Table
from rich.text import Text

from saga.log import ABORT
from saga.ports import Item
from saga.trip import PARTICIPANTS
from tools.attention import Stuck
from tools.changes import Change
from tools.cost import Bill
from tools.snapshot import Snapshot

COLOURS = {
    "booked": "green",
    "rolled-back": "yellow",
    "refused": "magenta",
    "needs-attention": "red",
    "inconsistent": "bold red",
    "BOOKED": "green",
    "CANCELLED": "yellow",
    "CONFIRMED": "green",
    "ROLLED_BACK": "yellow",
    "NEEDS_ATTENTION": "red",
}


def bookings(snapshot: Snapshot) -> Table:
    """Lay out a trip's bookings."""
    table = Table("participant", "status", "confirmation", "offer", title="bookings", title_justify="left", box=None)
    for name in (snapshot.record or {}).get("request", PARTICIPANTS):
        item = snapshot.bookings.get(name, {})
        status = item.get("status", "-")
        made = item.get("confirmation", "-") if "booked" in item else "-"
        table.add_row(name, Text(status, COLOURS.get(status, "dim")), made, Text(item.get("offer", "-")))
    return table


def log(entries: Iterable[Item]) -> Table:
    """Tell the log line by line; an outcome says how long its step took, from its first START on."""
    table = Table("time", "run", "step", "entry", "took", "", title="saga log", title_justify="left", box=None)
    starts: dict[tuple[int, str], datetime] = {}
    for entry in entries:
        at, step = datetime.fromisoformat(entry["at"]), (entry["run"], entry["step"])
        took = f"{(at - starts[step]).total_seconds():.3f} s" if step in starts and entry["kind"] != "START" else ""
        starts.setdefault(step, at)
        facts = [entry.get("status"), entry.get("error"), entry.get("message"), entry.get("confirmation")]
        if entry.get("attempt"):
            facts.append(f"attempt {entry['attempt'] + 1}")
        if entry.get("owed"):
            facts.append("owed: " + ", ".join(sorted(entry["owed"])))
        style = "red" if entry["kind"] == ABORT else "dim" if entry["kind"] == "START" else ""
        row = (
            entry["at"][11:23],
            str(entry["run"]),
            entry["step"],
            entry["kind"],
            took,
            "  ".join(filter(None, facts)),
        )
        table.add_row(*(Text(cell) for cell in row), style=style)
    return table


def record(snapshot: Snapshot) -> Table:
    """Lay out what a trip's record says: when, what was asked for, what is owed."""
    found = snapshot.record or {}
    table = Table(box=None, show_header=False)
    for name in ("created", "updated", "goal"):
        table.add_row(name, str(found.get(name, "-")))
    for name, part in found.get("request", {}).items():
        table.add_row(name, Text(", ".join(str(value) for value in part.values())))
    for name, error in found.get("owed", {}).items():
        table.add_row(Text(f"owed: {name}", "red"), error)
    return table


def trips(found: Sequence[Mapping[str, str]]) -> Table:
    """Lay out a page of trips."""
    table = Table("trip", "status", "created", box=None)
    for trip in found:
        table.add_row(trip["trip_id"], Text(trip["status"], COLOURS.get(trip["status"], "")), trip["created"])
    return table


def stuck(trips: Sequence[Stuck]) -> Table:
    """Lay out the trips that need somebody."""
    table = Table("trip", "status", "since", "owed", "why", box=None)
    for trip in trips:
        why = ", ".join(sorted(set(trip.owed.values()))) or "unfinished"
        since = f"{timedelta(seconds=round(trip.age))}"
        table.add_row(trip.trip_id, Text(trip.status, "red"), since, ", ".join(sorted(trip.owed)) or "-", why)
    return table


def changes(found: Sequence[Change]) -> Table:
    """Lay out what a deploy would change; what loses something stands out."""
    table = Table("", "resource", "type", "", box=None)
    for change in sorted(found, key=lambda change: (not change.loses, change.action, change.resource)):
        style = "bold red" if change.loses else "green" if change.action == "Add" else ""
        table.add_row(change.action, change.resource, change.kind, change.told, style=style)
    return table


def cost(trips: int, bill: Bill) -> Table:
    """Lay out what some trips cost: what was used, what is paid for it, and the sum."""
    table = Table("", "counted", "USD", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    counted = (bill.transitions, bill.calls, bill.seconds, bill.writes, bill.reads, bill.requests, bill.events)
    for (name, dollars), count in zip(bill.items.items(), counted, strict=True):
        table.add_row(name, f"{count:,.1f}".removesuffix(".0"), f"{dollars:.6f}")
    table.add_row(f"{trips} trips", "", f"{bill.dollars:.6f}", style="bold")
    return table
