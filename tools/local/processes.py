"""Finding and ending the emulator's processes, and never anybody else's."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

# In the emulator's environment and, inherited, in that of every function it starts. It names the emulator's folder,
# so a pid that the system gave to another process since is never taken for ours.
MARKER = "TRAVEL_SAGA_EMULATOR"


def is_ours(pid: int, folder: Path) -> bool:
    """Whether this process lives and belongs to the emulator of that folder."""
    try:
        return psutil.Process(pid).environ().get(MARKER) == str(folder)
    except (psutil.Error, OSError):
        return False


def ours(folder: Path) -> list[psutil.Process]:
    """Every live process of that folder's emulator: itself and the functions it started."""
    return [process for process in psutil.process_iter() if is_ours(process.pid, folder)]


def end(processes: list[psutil.Process], patience: float) -> None:
    """Ask them to end, and after `patience` seconds make them."""
    for process in processes:
        _quietly(process.terminate)
    _, alive = psutil.wait_procs(processes, timeout=patience)
    for process in alive:
        _quietly(process.kill)
    psutil.wait_procs(alive, timeout=patience)


def _quietly(act: Callable[[], None]) -> None:
    with suppress(psutil.Error):
        act()
