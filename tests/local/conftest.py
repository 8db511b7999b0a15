"""An embedded AWS and a checkout of their own, so that tests never touch the developer's."""

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.local.emulator import Emulator

ROOT = Path(__file__).parents[2]
LEFT_OUT = (".git", ".venv", "node_modules", ".local", ".serverless", ".env.local", "__pycache__", ".*_cache")


def find_free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    """An emulator that is not started yet, and is stopped at the end."""
    made = Emulator(tmp_path / "emulator", find_free_port())
    yield made
    made.stop()


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of this checkout that shares the installed packages and has its own embedded AWS."""
    copy = tmp_path_factory.mktemp("copy") / "checkout"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
    for name in (".venv", "node_modules"):
        (copy / name).symlink_to(ROOT / name)
    port = find_free_port()
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("TRAVEL_SAGA_PORT", str(port))
        yield copy
    Emulator(copy / ".local" / "emulator", port).stop()
