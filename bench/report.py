"""What was measured, as tables in a terminal, plain lines in a pipe, and sections of docs/benchmarks.md."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.numbers import Goal

BY_HAND = ("<!-- by hand: kept by the tool -->", "<!-- end of what is kept -->")
PIPE = 200
"""Columns where nobody looks: no line of a table is broken there."""


@dataclass(frozen=True)
class Section:
    """One measurement: a table, the goals it was made for, and what has to be said about it."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    goals: Sequence[Goal] = ()
    notes: Sequence[str] = ()


def console() -> Console:
    """Return where it is printed."""
    made = Console(highlight=False)
    if not made.is_terminal:
        made.width = PIPE
    return made


def show(out: Console, section: Section) -> None:
    """Print a section."""
    _print(out, section.title, section.columns, section.rows)
    for note in section.notes:
        out.print(note, soft_wrap=True)
    if section.goals:
        _print(out, "", ("goal", "measured", "limit", ""), _goals(section.goals))


def markdown(head: Sequence[str], sections: Sequence[Section], by_hand: str) -> str:
    """Make the page: the goals first, then what a person wrote, then each measurement."""
    goals = [goal for section in sections for goal in section.goals]
    parts = ["# Benchmarks", *head, _table(("measure", "measured", "goal", ""), _goals(goals))]
    parts += [f"{BY_HAND[0]}\n{by_hand.strip()}\n{BY_HAND[1]}"]
    for section in sections:
        parts += [f"## {section.title}", _table(section.columns, section.rows), *section.notes]
    return "\n\n".join(parts) + "\n"


def by_hand(page: Path) -> str:
    """Return what a person wrote into the page, to be kept."""
    text = page.read_text() if page.exists() else ""
    begin, end = (text.find(mark) for mark in BY_HAND)
    return text[begin + len(BY_HAND[0]) : end] if 0 <= begin < end else ""


def _goals(goals: Sequence[Goal]) -> list[tuple[str, ...]]:
    return [(g.what, _number(g.value), g.limit_told, "met" if g.met else "**not met**") for g in goals]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _print(out: Console, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if not out.is_terminal:
        out.print(title)
        out.print("\n".join("  ".join(cells) for cells in (columns, *rows)), soft_wrap=True)
        return
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    out.print(table)
