"""How a trip looks in a terminal, and as plain lines where nobody looks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from tools import tables
from tools.attention import Stuck
from tools.changes import Change
from tools.cost import PRICES, Bill
from tools.findings import Finding
from tools.follow import Step
from tools.mending import Mended
from tools.snapshot import Snapshot

SHOWN = 3
"""How many failures of one step get a line each."""

PIPE = 200
"""Columns where nobody looks: no line of a table is broken there."""


class Show:
    """Writes to one console; a line a step, so that a pipe gets the same story as a terminal."""

    def __init__(self) -> None:
        """Write to standard output, in colour where it is a terminal."""
        self._console = Console(highlight=False)
        if not self._console.is_terminal:
            self._console.width = PIPE
        self._entered: dict[str, float] = {}
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
            self._entered[step.state] = step.at.timestamp()
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
        seconds = step.at.timestamp() - self._entered[step.state]
        line = Text.assemble((f" {mark} ", colour), f"{step.state:<18}", (f"{seconds:7.2f} s  ", "dim"), note)
        self._console.print(line, soft_wrap=True)

    def trip(self, snapshot: Snapshot) -> None:
        """Show a trip's bookings and its log, as the tables hold them."""
        self._console.print()
        self.bookings(snapshot)
        self._console.print(tables.log(snapshot.log))

    def bookings(self, snapshot: Snapshot) -> None:
        """Show a trip's bookings."""
        self._console.print(tables.bookings(snapshot))

    def record(self, snapshot: Snapshot) -> None:
        """Show what a trip's record says: when, what was asked for, what is owed."""
        self._console.print(tables.record(snapshot))

    def trips(self, trips: Sequence[Mapping[str, str]], after: str | None) -> None:
        """Show a page of trips, and how the next one is had."""
        self._console.print(tables.trips(trips) if trips else "no trip")
        if after:
            self._console.print(f"more: --after {after}", soft_wrap=True)

    def changes(self, changes: Sequence[Change]) -> None:
        """Show what a deploy would change; what loses something stands out."""
        self._console.print(tables.changes(changes))
        lost = sum(change.loses for change in changes)
        self._console.print(f"{len(changes)} changes, {lost} of them removing or replacing something")

    def cost(self, trips: int, bill: Bill) -> None:
        """Show what some trips cost: what was used, what is paid for it, and the sum."""
        self._console.print(tables.cost(trips, bill))
        if trips:
            self._console.print(f"USD {1000 * bill.dollars / trips:.3f} for a thousand such trips")
        self._console.print(f"list prices of {PRICES['region']}, {PRICES['as_of']}")

    def stuck(self, trips: Sequence[Stuck], found: Sequence[Finding]) -> None:
        """Show the trips that need somebody, and what an audit found."""
        if not trips and not found:
            self._console.print("nothing is stuck")
            return
        if trips:
            self._console.print(tables.stuck(trips))
        for finding in found:
            self._console.print(Text(str(finding), "red"), soft_wrap=True)
        self._console.print("heal it, or learn why not: ./saga.sh repair --all")

    def mended(self, mended: Mended) -> None:
        """Show what a repair has come to: what was done, and what is left, why, and what to type next."""
        if not mended.trip_id:
            self.title(mended.what)
        for line in mended.done:
            self._console.print(Text.assemble((" ✓ ", "green"), line), soft_wrap=True)
        for left in mended.left:
            self._console.print(Text.assemble((" ✗ ", "red"), left["finding"]), soft_wrap=True)
            self._console.print(Text(f"   why: {left['reason']}"), soft_wrap=True)
            self._console.print(Text(f"   next: {left['next']}"), soft_wrap=True)
        self.verdict(mended.status or ("healed" if mended.healed else "left"), "" if mended.healed else "not healed")

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
        colour = tables.COLOURS.get(outcome, "bold")
        self._console.print(f"[{colour}]{escape(outcome)}[/]  {escape(text)}", soft_wrap=True)
