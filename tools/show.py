"""How a trip looks in a terminal, and as plain lines where nobody looks."""

from collections.abc import Callable, Iterable, Iterator, Sequence
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
        self._console.print(_bookings(snapshot))
        self._console.print(_log(snapshot.log))

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
