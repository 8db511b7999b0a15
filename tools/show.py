"""How a trip looks in a terminal, and as plain lines where nobody looks."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from saga.log import ABORT
from saga.ports import Item
from saga.trip import PARTICIPANTS
from tools.attention import Stuck
from tools.changes import Change
from tools.cost import PRICES, Bill
from tools.follow import Step
from tools.snapshot import Snapshot

SHOWN = 3
"""How many failures of one step get a line each."""

PIPE = 200
"""Columns where nobody looks: no line of a table is broken there."""

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


class Show:
    """Writes to one console; a line a step, so that a pipe gets the same story as a terminal."""

    def __init__(self) -> None:
        """Write to standard output, in colour where it is a terminal."""
        self._console = Console(highlight=False)
        if not self._console.is_terminal:
            self._console.width = PIPE
        self._entered: dict[str, datetime] = {}
        self._tries: dict[str, int] = {}

    def title(self, text: str) -> None:
        """Show what is about to run."""
        self._console.print(escape(text), soft_wrap=True)

    def plain(self, text: str) -> None:
        """Print a text as it is."""
        self._console.print(Text(text), soft_wrap=True)

    def step(self, step: Step) -> None:
        """Show what happened in a state, when it has happened; a long retry is three lines and a count."""
        if step.what == "entered":
            self._entered[step.state] = step.at
            return
        if step.what == "failed":
            self._tries[step.state] = self._tries.get(step.state, 0) + 1
        tries = self._tries.get(step.state, 0)
        match step.what:
            case "failed" if tries <= SHOWN:
                self._line("✗", "red", step, step.error or "")
            case "caught" if tries > SHOWN:
                self._line("✗", "red", step, f"failed {tries} times")
            case "done":
                self._line("✓", "green", step, f"after {tries + 1} attempts" if tries else "")
            case "ended":
                self._console.print(Text(f" ■ {step.error or step.state}", "bold"))

    def _line(self, mark: str, colour: str, step: Step, note: str) -> None:
        seconds = (step.at - self._entered[step.state]).total_seconds()
        line = Text.assemble((f" {mark} ", colour), f"{step.state:<18}", (f"{seconds:7.2f} s  ", "dim"), note)
        self._console.print(line, soft_wrap=True)

    def trip(self, snapshot: Snapshot) -> None:
        """Show a trip's bookings and its log, as the tables hold them."""
        self._console.print()
        self.bookings(snapshot)
        self._console.print(_log(snapshot.log))

    def bookings(self, snapshot: Snapshot) -> None:
        """Show a trip's bookings."""
        self._console.print(_bookings(snapshot))

    def record(self, snapshot: Snapshot) -> None:
        """Show what a trip's record says: when, what was asked for, what is owed."""
        record = snapshot.record or {}
        table = Table(box=None, show_header=False)
        for name in ("created", "updated", "goal"):
            table.add_row(name, str(record.get(name, "-")))
        for name, part in record.get("request", {}).items():
            table.add_row(name, Text(", ".join(str(value) for value in part.values())))
        for name, error in record.get("owed", {}).items():
            table.add_row(Text(f"owed: {name}", "red"), error)
        self._console.print(table)

    def trips(self, trips: Sequence[Mapping[str, str]], after: str | None) -> None:
        """Show a page of trips, and how the next one is had."""
        table = Table("trip", "status", "created", box=None)
        for trip in trips:
            table.add_row(trip["trip_id"], Text(trip["status"], COLOURS.get(trip["status"], "")), trip["created"])
        self._console.print(table if trips else "no trip")
        if after:
            self._console.print(f"more: --after {after}", soft_wrap=True)

    def changes(self, changes: Sequence[Change]) -> None:
        """Show what a deploy would change; what loses something stands out."""
        table = Table("", "resource", "type", "", box=None)
        for change in sorted(changes, key=lambda change: (not change.loses, change.action, change.resource)):
            style = "bold red" if change.loses else "green" if change.action == "Add" else ""
            table.add_row(change.action, change.resource, change.kind, change.told, style=style)
        self._console.print(table)
        lost = sum(change.loses for change in changes)
        self._console.print(f"{len(changes)} changes, {lost} of them removing or replacing something")

    def cost(self, trips: int, bill: Bill) -> None:
        """Show what some trips cost: what was used, what is paid for it, and the sum."""
        table = Table("", "counted", "USD", box=None)
        for column in table.columns[1:]:
            column.justify = "right"
        counted = (bill.transitions, bill.calls, bill.seconds, bill.writes, bill.reads, bill.requests, bill.events)
        for (name, dollars), count in zip(bill.items.items(), counted, strict=True):
            table.add_row(name, f"{count:,.1f}".removesuffix(".0"), f"{dollars:.6f}")
        table.add_row(f"{trips} trips", "", f"{bill.dollars:.6f}", style="bold")
        self._console.print(table)
        if trips:
            self._console.print(f"USD {1000 * bill.dollars / trips:.3f} for a thousand such trips")
        self._console.print(f"list prices of {PRICES['region']}, {PRICES['as_of']}")

    def stuck(self, trips: Sequence[Stuck]) -> None:
        """Show the trips that need somebody."""
        if not trips:
            self._console.print("no trip is stuck")
            return
        table = Table("trip", "status", "since", "owed", "why", box=None)
        for trip in trips:
            why = ", ".join(sorted(set(trip.owed.values()))) or "unfinished"
            since = f"{timedelta(seconds=round(trip.age))}"
            table.add_row(trip.trip_id, Text(trip.status, "red"), since, ", ".join(sorted(trip.owed)) or "-", why)
        self._console.print(table)

    def findings(self, trips: int, violations: Sequence[str]) -> None:
        """Show what an audit found."""
        for line in violations:
            self._console.print(Text(line, "red"), soft_wrap=True)
        text = f"{trips} trips, {len(violations)} violations"
        self._console.print(Text(text, "red" if violations else "green"))

    @contextmanager
    def progress(self, text: str, *, on: bool) -> Iterator[Callable[[int], None]]:
        """Show a running count where somebody looks; yield what is told the count."""
        if not (on and self._console.is_terminal):
            yield lambda _count: None
            return
        with self._console.status(text) as status:
            yield lambda count: status.update(f"{text}: {count:,} items")

    def verdict(self, outcome: str, text: str) -> None:
        """Show how it ended."""
        colour = COLOURS.get(outcome, "bold")
        self._console.print(f"[{colour}]{escape(outcome)}[/]  {escape(text)}", soft_wrap=True)


def _bookings(snapshot: Snapshot) -> Table:
    table = Table("participant", "status", "confirmation", "offer", title="bookings", title_justify="left", box=None)
    for name in PARTICIPANTS:
        item = snapshot.bookings.get(name, {})
        status = item.get("status", "-")
        made = item.get("confirmation", "-") if "booked" in item else "-"
        table.add_row(name, Text(status, COLOURS.get(status, "dim")), made, Text(item.get("offer", "-")))
    return table


def _log(entries: Iterable[Item]) -> Table:
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
