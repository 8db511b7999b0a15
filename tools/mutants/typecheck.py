"""`typecheck.py mypy <python> <folder> …`: the type checker's errors inside mutants, a line of JSON each.

mutmut runs this in its folder of mutants, and does not try what the checker refuses. It stumbles over errors elsewhere,
which a decorator written as a call makes, so they are left out.
"""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any


def main(python: str, *folders: str) -> None:
    """Print each error that lies in a mutant; `python` is the interpreter whose packages are checked against."""
    command = (sys.executable, "-m", "mypy", *folders, "--output", "json", "--python-executable", python)
    done = subprocess.run(
        (*command, "--disable-error-code", "unused-ignore"), check=False, capture_output=True, text=True
    )
    for line in done.stdout.splitlines():
        if line.strip() and is_inside(json.loads(line)):
            print(line)


def is_inside(error: dict[str, Any]) -> bool:
    """Whether the error's line belongs to a mutant."""
    return any(first <= error["line"] <= last for first, last in spans(error["file"]))


@cache
def spans(file: str) -> list[tuple[int, int]]:
    """Where the mutants of a file begin and end."""
    index = Path(f"{file}.spans")
    found = json.loads(index.read_text())["spans"] if index.is_file() else {}
    return [(first, last) for name, (first, last) in found.items() if not name.endswith("_orig")]


if __name__ == "__main__":
    main(*sys.argv[2:])
