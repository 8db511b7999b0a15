"""What came of the mutants: the score, and each survivor with its diff."""

import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from tools.mutants.mutant import EQUIVALENT, KILLED, PROSE, SURVIVED, UNTRIED, Mutant, is_prose

EQUIVALENTS = Path(__file__).with_name("equivalent.toml")
COUNTED = (KILLED, SURVIVED)


def listed() -> list[dict[str, str]]:
    """Return the list of equivalents: `place`, `before` and `after` are patterns, `reason` is for people."""
    found: list[dict[str, str]] = tomllib.loads(EQUIVALENTS.read_text())["mutant"]
    return found


def judged(mutants: Iterable[Mutant]) -> list[Mutant]:
    """Set apart what does not count: texts for people, and what is listed as equivalent."""
    entries = listed()
    return [_set_apart(mutant, entries) for mutant in mutants]


def _set_apart(mutant: Mutant, entries: Sequence[dict[str, str]]) -> Mutant:
    if mutant.status not in (KILLED, SURVIVED, UNTRIED):
        return mutant
    if is_prose(mutant):
        return replace(mutant, status=PROSE)
    same = mutant.status == SURVIVED and any(is_listed(mutant, entry) for entry in entries)
    return replace(mutant, status=EQUIVALENT) if same else mutant


def is_listed(mutant: Mutant, entry: dict[str, str]) -> bool:
    """Whether an entry means this mutant: by its place and by the changed lines, so a line elsewhere may change."""
    sides = {"place": mutant.place, "before": mutant.removed, "after": mutant.added}
    return all(_matches(pattern, sides[name]) for name, pattern in entry.items() if name in sides)


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


def show(mutants: Sequence[Mutant]) -> float:
    """Print the survivors and the counts; return the score."""
    by_file = defaultdict(list)
    for mutant in mutants:
        by_file[mutant.file].append(mutant)
    for file in sorted(by_file):
        for mutant in by_file[file]:
            if mutant.status == SURVIVED:
                print(f"\n{file}: {mutant.place}\n{mutant.diff}")
    print(f"\n{'':32}{'tried':>7}{'killed':>8}{'survived':>10}{'equivalent':>12}{'score':>8}")
    for file in sorted(by_file):
        _line(file, by_file[file])
    score = _line("all", mutants)
    counts = Counter(mutant.status for mutant in mutants)
    print(", ".join(f"{counts[name]} {name}" for name in counts if name not in (*COUNTED, EQUIVALENT)))
    return score


def _line(name: str, mutants: Sequence[Mutant]) -> float:
    counts = Counter(mutant.status for mutant in mutants)
    tried = counts[KILLED] + counts[SURVIVED] + counts[EQUIVALENT]
    score = 100 * counts[KILLED] / (counts[KILLED] + counts[SURVIVED] or 1)
    figures = f"{tried:7}{counts[KILLED]:8}{counts[SURVIVED]:10}{counts[EQUIVALENT]:12}{score:7.1f}%"
    print(f"{name:32}{figures}")
    return score
