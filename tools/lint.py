"""Every linter of the project: `python -m tools.lint [<linter> …]`, all of them unless named."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from tools.local.environment import ROOT, tool_variables

BIN = Path(sys.executable).parent
PYTHON = [sys.executable, "-m"]
# Any other stage is like dev, without faults.
TEMPLATE_STAGES = ("local", "dev", "prod")
Result = tuple[int, str]


def run(*command: str, env: dict[str, str] | None = None) -> Result:
    """Exit code and output of a command in the checkout."""
    done = subprocess.run(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout


def shell_files() -> list[str]:
    """The scripts, those without an ending too."""
    scripts = [*ROOT.glob("*.sh"), *ROOT.glob("tools/*.sh"), ROOT / "bootstrap", ROOT / ".ci" / "run"]
    return [str(path.relative_to(ROOT)) for path in sorted(scripts)]


def templates() -> Result:
    """Package the stages, which needs no account, and lint what CloudFormation would be given."""
    built = []
    for stage in TEMPLATE_STAGES:
        folder = f".local/lint/{stage}"
        code, output = run(
            *("node_modules/.bin/sls", "package", "--stage", stage, "--package", folder),
            env=dict(os.environ) | tool_variables(),
        )
        if code:
            return code, output
        built.append(f"{folder}/cloudformation-template-update-stack.json")
    return run(str(BIN / "cfn-lint"), *built)


LINTERS: dict[str, Callable[[], Result]] = {
    # The slow ones first: two run at a time.
    "cfn-lint": templates,
    "mypy": lambda: run(*PYTHON, "mypy"),
    "ruff": lambda: run(*PYTHON, "ruff", "check", "."),
    "format": lambda: run(*PYTHON, "ruff", "format", "--check", "."),
    "shellcheck": lambda: run(str(BIN / "shellcheck"), "--external-sources", *shell_files()),
    "shfmt": lambda: run(str(BIN / "shfmt"), "--diff", *shell_files()),
    "asl": lambda: run(*PYTHON, "tools.lint_asl"),
}


def main(names: list[str]) -> int:
    """Run them all, whichever fails; print a line for each and the findings. Exit code 1 if one failed, 2 unknown."""
    if unknown := sorted(set(names) - set(LINTERS)):
        print(f"unknown linter {', '.join(unknown)}; expected {', '.join(LINTERS)}", file=sys.stderr)
        return 2
    with ThreadPoolExecutor(2) as pool:
        running = {name: pool.submit(_timed, LINTERS[name]) for name in names or LINTERS}
        failed = [name for name, future in running.items() if not _report(name, future)]
    if failed:
        print(f"lint: failed: {', '.join(failed)}")
    return int(bool(failed))


def _timed(linter: Callable[[], Result]) -> tuple[int, str, float]:
    began = time.monotonic()
    code, output = linter()
    return code, output, time.monotonic() - began


def _report(name: str, future: "Future[tuple[int, str, float]]") -> bool:
    code, output, seconds = future.result()
    print(f"lint: {name:10} {'failed' if code else 'ok':6} {seconds:5.1f} s", flush=True)
    if code:
        print(output, flush=True)
    return not code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
