"""Makes awslambdaric work where its native half does not exist (macOS)."""

import importlib
import sysconfig
from pathlib import Path

STAND_IN = Path(__file__).with_name("runtime_client.py")


def ensure_runtime_client(site_packages: Path | None = None) -> bool:
    """Install the stand-in as module `runtime_client`, unless a native one can be imported.

    Returns whether the stand-in is what handlers will use.
    """
    installed = (site_packages or Path(sysconfig.get_path("purelib"))) / STAND_IN.name
    if not installed.exists() and _native_works():
        return False
    if not installed.exists() or installed.read_bytes() != STAND_IN.read_bytes():
        installed.write_bytes(STAND_IN.read_bytes())
    return True


def _native_works() -> bool:
    try:
        importlib.import_module("runtime_client")
    except ImportError:
        return False
    return True
