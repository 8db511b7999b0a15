"""`python -m tools.local start|stop|status`: the embedded AWS by hand."""

import sys

from tools.local.emulator import Emulator, EmulatorError

USAGE = "usage: python -m tools.local start|stop|status"


def main(arguments: list[str]) -> int:
    """Exit code: 0 done (status: it runs), 1 status: it does not run, 2 usage, 3 it cannot be had."""
    if arguments not in (["start"], ["stop"], ["status"]):
        print(USAGE, file=sys.stderr)
        return 2
    try:
        return _act(Emulator.of_checkout(), arguments[0])
    except EmulatorError as error:
        print(error, file=sys.stderr)
        return 3


def _act(emulator: Emulator, verb: str) -> int:
    if verb == "start":
        emulator.start()
    elif verb == "stop":
        emulator.stop()
    running = emulator.running()
    print(f"running on {emulator.endpoint}" if running else "stopped")
    return int(verb == "status" and not running)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
