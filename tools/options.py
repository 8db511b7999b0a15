"""The options that every command shares: which stage, and whether a person or a machine reads the answer."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from tools.stage import Stage, ToolError, UsageError, last_deployed


def add(parser: argparse.ArgumentParser) -> None:
    """Add --stage, --region, --profile and --json."""
    parser.add_argument("--stage", help="default: the stage deployed last, or local")
    parser.add_argument("--region", help="default: as deployed")
    parser.add_argument("--profile", help="default: as deployed")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")


def choose_stage(wanted: argparse.Namespace) -> Stage:
    """Return the named stage, else the one deployed last, else local; prod only when it is named (UsageError)."""
    last = last_deployed()
    if not wanted.stage and last and last.name == "prod":
        raise UsageError("the stage deployed last is prod, where trips are real; name it to use it: --stage prod")
    if last and wanted.stage in (None, last.name):
        return Stage(last.name, wanted.region or last.region, wanted.profile or last.profile)
    usual = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or Stage.region
    return Stage(wanted.stage or "local", wanted.region or usual, wanted.profile)


def told(command: Callable[[], int]) -> int:
    """Run a command and return its exit code; what keeps it from working is told in one line on stderr."""
    try:
        return command()
    except ToolError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        return 1


def as_json(answer: Any) -> None:
    """Print an answer for a machine."""
    print(json.dumps(answer, ensure_ascii=False))
