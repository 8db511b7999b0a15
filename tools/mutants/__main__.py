"""`python -m tools.mutants`: see --help."""

import argparse
import shutil
import sys
import time

from tools.mutants import functions, plain, report, templates, tree

PARTS = {"functions": functions, "plain": plain, "templates": templates}
GOAL = 95.0


def main() -> int:
    """Run what is asked for; exit code 1 below the goal or with mutants left untried."""
    parser = argparse.ArgumentParser(prog="./build.sh mutants", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", default=list(PARTS), help=f"some of {', '.join(PARTS)}; all of them unless named"
    )
    parser.add_argument("--minutes", type=float, default=90, help="stop after so many; the next run goes on (90)")
    parser.add_argument("--fresh", action="store_true", help="forget all that is known")
    parser.add_argument("--report", action="store_true", help="try nothing, only tell what is known")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if options.fresh:
        for path in tree.HOME.iterdir():
            if path != tree.VENV:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    deadline = time.monotonic() + options.minutes * 60
    for part in options.parts:
        if not options.report and time.monotonic() < deadline:
            PARTS[part].run(deadline - time.monotonic())
    mutants = report.judged(mutant for part in options.parts for mutant in PARTS[part].found())
    score = report.show(mutants)
    left = any(mutant.status == "untried" for mutant in mutants)
    return int(left or score < GOAL)


if __name__ == "__main__":
    sys.exit(main())
