"""How a trip looks in a terminal, and as plain lines where nobody looks."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from saga.log import ABORT
from saga.ports import Item
from saga.trip import PARTICIPANTS
from tools.follow import Step
from tools.snapshot import Snapshot

if TYPE_CHECKING:
    from datetime import datetime

MARKS = {"entered": ("…", "dim"), "failed": ("✗", "red"), "done": ("✓", "green"), "ended": ("■", "bold")}
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

    def __init__(self, console: Console) -> None:
        """Write to the console."""
        self._console = console
        self._entered: dict[str, datetime] = {}
        self._tries: dict[str, int] = {}

    def step(self, step: Step) -> None:
        """Show what happened in a state; what was only entered says so where somebody looks."""
        if step.what == "entered":
            self._entered[step.state] = step.at
            return
        if step.what == "ended" or step.state not in self._entered:
            return
        seconds = (step.at - self._entered[step.state]).total_seconds()
        mark, colour = MARKS[step.what]
        if step.what == "failed":
            self._tries[step.state] = self._tries.get(step.state, 0) + 1
            if self._tries[step.state] > 3:  # noqa: PLR2004  a long retry is one line, not sixty
                return
        tries = self._tries.get(step.state, 0)
        note = f"{step.error}" if step.what == "failed" else f"after {tries + 1} attempts" if tries else ""
        self._console.print(
            Text.assemble((f" {mark} ", colour), f"{step.state:<14}", (f"{seconds:7.2f} s  ", "dim"), note),
            soft_wrap=True,
        )

    def trip(self, snapshot: Snapshot) -> None:
        """Show a trip's bookings and its log, as the tables hold them."""
        self._console.print()
        self._console.print(_bookings(snapshot))
        self._console.print(_log(snapshot.log))

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
    table = Table("time", "run", "step", "entry", "", title="saga log", title_justify="left", box=None)
    for entry in entries:
        facts = [entry.get("status"), entry.get("error"), entry.get("message"), entry.get("confirmation")]
        if entry.get("attempt"):
            facts.append(f"attempt {entry['attempt'] + 1}")
        if entry.get("owed"):
            facts.append("owed: " + ", ".join(sorted(entry["owed"])))
        style = "red" if entry["kind"] == ABORT else "dim" if entry["kind"] == "START" else ""
        row = (entry["at"][11:23], str(entry["run"]), entry["step"], entry["kind"], "  ".join(filter(None, facts)))
        table.add_row(*(Text(cell) for cell in row), style=style)
    return table
