"""A mutant: one change, and what came of it."""

import re
from dataclasses import dataclass
from difflib import unified_diff

KILLED, SURVIVED, UNTRIED = "killed", "survived", "untried"
REFUSED = "refused"
"""The type checker refuses it, as `./build.sh lint` would: no program of this project, so it does not count."""
PROSE = "prose"
"""It changes a text for people, which no test is to hold word by word; it does not count either."""
EQUIVALENT = "equivalent"

_STRING = re.compile(r"""[rbf]*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
_COMMENT = re.compile(r"  # .*$", re.MULTILINE)


@dataclass(frozen=True)
class Mutant:
    """`place` is what is changed (a function, a path in a document), `before` and `after` its source with and without.

    `file` is the changed file, or what stands for it in the report.
    """

    file: str
    place: str
    before: str
    after: str
    status: str = UNTRIED

    @property
    def diff(self) -> str:
        """The changed lines, with one line of context."""
        lines = unified_diff(self.before.splitlines(), self.after.splitlines(), lineterm="", n=1)
        return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))

    @property
    def removed(self) -> str:
        """The lines that the change takes away, as the list of equivalents names them."""
        return self._side("-")

    @property
    def added(self) -> str:
        """The lines that the change puts there."""
        return self._side("+")

    def _side(self, sign: str) -> str:
        lines = (line[1:] for line in self.diff.splitlines() if line.startswith(sign))
        return " ".join(_COMMENT.sub("", line).strip() for line in lines)


def is_prose(mutant: Mutant) -> bool:
    """Whether nothing but a text with a space in it is changed: such a text is for people."""
    before, after = (_STRING.sub(_marked, side) for side in (mutant.removed, mutant.added))
    emptied = {before[: found.start()] + "None" + before[found.end() :] for found in re.finditer("¶", before)}
    return "¶" in before and (before == after or after in emptied)


def _marked(string: re.Match[str]) -> str:
    """Return one sign for any text with a space, and all else as it is."""
    return "¶" if " " in string.group() else string.group()
