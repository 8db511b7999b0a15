"""`./build.sh mutants`: break the project in one place at a time, and count the changes that no quick test notices.

Three parts: the functions of saga/ and handlers/; whole files (the constants outside of functions, the state machines);
infra, as it is packaged. What is known stays in .local/mutants: a run goes on where the last one stopped, a changed
function is tried anew, and what has survived is tried again once anything has changed.
"""

import argparse
import shutil
import sys
import time

from tools.mutants import functions, plain, report, templates, tree
from tools.mutants.mutant import UNTRIED

PARTS = {"functions": functions, "files": plain, "infra": templates}
GOAL = 95.0


def main() -> int:
    """Run what is asked for; exit code 1 below the goal or with mutants left untried."""
    options = _options()
    if options.fresh:
        _forget()
    deadline = time.monotonic() + options.minutes * 60
    for part in options.parts:
        if not options.report and time.monotonic() < deadline:
            PARTS[part].run(deadline - time.monotonic())
    mutants = report.judged(mutant for part in options.parts for mutant in PARTS[part].found())
    score = report.show(mutants)
    return int(score < GOAL or any(mutant.status == UNTRIED for mutant in mutants))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./build.sh mutants", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=f"some of {', '.join(PARTS)}; all unless named")
    parser.add_argument("--minutes", type=float, default=90, help="stop after so many (90); a next run goes on")
    parser.add_argument("--fresh", action="store_true", help="forget all that is known")
    parser.add_argument("--report", action="store_true", help="try nothing, only tell what is known")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    return options


def _forget() -> None:
    for path in tree.HOME.iterdir():
        if path.is_file():
            path.unlink()
        elif path != tree.VENV:
            shutil.rmtree(path)


if __name__ == "__main__":
    sys.exit(main())
