"""A copy of the checkout to break: what git knows of, written only where it differs, so that work done on it stands."""

import ast
import hashlib
import shutil
import subprocess
from pathlib import Path

from tools.local.environment import ROOT

HOME = ROOT / ".local" / "mutants"
"""Where all of this tool's state is; removing it is always safe."""
VENV = HOME / "venv"

MUTATED = ("saga", "handlers")
"""The folders whose Python is mutated."""


def digest(*texts: str) -> str:
    """Hash texts."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def sources() -> list[Path]:
    """Every file of the checkout that is tracked or could be, relative to it."""
    listed = ("git", "ls-files", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return sorted(Path(name) for name in set(names) if (ROOT / name).is_file())


def copy(folder: Path, *, undecorated: bool = False) -> str:
    """Make the folder like the checkout; return a hash of all its files.

    With `undecorated` the decorators of the mutated folders are written as calls: mutmut leaves decorated functions
    alone, and all handlers are.
    """
    wanted, seen = set(sources()), hashlib.sha256()
    for path in sorted(wanted):
        content = (ROOT / path).read_bytes()
        seen.update(f"{path} {len(content)} ".encode() + content)
        if undecorated and path.suffix == ".py" and path.parts[0] in MUTATED:
            content = as_calls(content.decode()).encode()
        _write(folder / path, content)
    for path in folder.rglob("*.py"):
        if path.relative_to(folder) not in wanted and "mutants" not in path.relative_to(folder).parts[:1]:
            path.unlink()
    shutil.copymode(ROOT / "build.sh", folder / "build.sh")
    return seen.hexdigest()


def as_calls(source: str) -> str:
    """Write `@decorator` over a function as `name = decorator(name)` under it; those of classes stay."""
    lines = source.splitlines()
    for node in sorted(ast.walk(ast.parse(source)), key=lambda found: -getattr(found, "lineno", 0)):
        if isinstance(node, ast.FunctionDef) and node.decorator_list and not _is_plain(node):
            called = node.name
            for decorator in reversed(node.decorator_list):
                called = f"{ast.unparse(decorator)}({called})"
            lines.insert(node.end_lineno or 0, f"{' ' * node.col_offset}{node.name} = {called}  # type: ignore")
            del lines[node.decorator_list[0].lineno - 1 : node.lineno - 1]
    return "\n".join(lines) + "\n"


def _is_plain(node: ast.FunctionDef) -> bool:
    """Whether mutmut takes the function as it is."""
    return [ast.unparse(decorator) for decorator in node.decorator_list] in (["classmethod"], ["staticmethod"])


def _write(path: Path, content: bytes) -> None:
    """Write only what differs: mutmut goes by the time of a file's last change."""
    if not path.is_file() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
