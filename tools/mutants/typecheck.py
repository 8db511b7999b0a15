"""`python -m tools.mutants.typecheck <python> <folder> …`: the mutants that the type checker refuses, a name a line."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any


def main(python: str, *folders: str) -> None:
    """Print each mutant that has an error; `python` is the interpreter whose packages are checked against."""
    command = (sys.executable, "-m", "mypy", *folders, "--output", "json", "--python-executable", python)
    done = subprocess.run(
        (*command, "--disable-error-code", "unused-ignore"), check=False, capture_output=True, text=True
    )
    errors = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    print(*sorted({name for error in errors if (name := mutant(error))}), sep="\n")


def mutant(error: dict[str, Any]) -> str | None:
    """Return the mutant in which an error lies; None for one elsewhere, as a decorator written as a call makes."""
    module = ".".join(Path(error["file"]).with_suffix("").parts)
    for name, (first, last) in spans(error["file"]).items():
        if first <= error["line"] <= last:
            return None if name.endswith("_orig") else f"{module}.{name}"
    return None


@cache
def spans(file: str) -> dict[str, tuple[int, int]]:
    """Return where mutmut's functions begin and end in a file."""
    index = Path(f"{file}.spans")
    found: dict[str, tuple[int, int]] = json.loads(index.read_text())["spans"] if index.is_file() else {}
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
