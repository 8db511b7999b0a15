"""What `./build.sh deploy|remove|package` and `./deploy-stepfunc.sh` do once the tools are installed."""

import os
import subprocess
import sys
from pathlib import Path
from typing import TextIO

from tools import changes, lint_asl, offers, releases
from tools.local import environment
from tools.local.emulator import Emulator
from tools.show import Show
from tools.stage import SERVICE, Stage, ToolError

ROOT = environment.ROOT

ASKED = "prod"
"""The stage that nothing is deployed to unseen."""
YES = "--yes"


def deploy(stage: Stage, out: TextIO = sys.stdout, *, yes: bool = False) -> None:
    """Bring the stage up to the checkout: the stack, then the offers it lacks. Shows progress on `out`.

    For prod it shows first what would change, and asks, unless `yes`.

    The state machines are linted first, since nothing else would flag a bad definition before it fails a trip.
    Raises ToolError; Unreachable when the stage, or the emulator for `local`, cannot be had.
    """
    _check_definitions(out)
    _make_ready(stage, out)
    looked_at = _look(stage, yes=yes, out=out) if stage.name == ASKED else []
    print(f"deploying stage {stage.name} …", file=out, flush=True)
    # Serverless compares with the newest release it keeps, and after a rollback that is not the one deployed.
    force = ["--force"] if _exists(stage) and releases.went_back(stage) else []
    serverless(stage, "deploy", *looked_at, *force, out=out)
    added = offers.load(stage)
    stage.remember()
    print(f"deployed stage {stage.name}; {added} new offer(s)", file=out, flush=True)


def remove(stage: Stage, out: TextIO = sys.stdout) -> None:
    """Delete the stack and, for `local`, the embedded AWS with its state. Raises like `deploy`."""
    _make_ready(stage, out)
    try:
        if _exists(stage):
            serverless(stage, "remove", out=out)
    finally:
        if stage.is_local:
            Emulator.of_checkout().discard()
    stage.forget()
    print(f"removed stage {stage.name}", file=out, flush=True)


def roll_back(stage: Stage, out: TextIO = sys.stdout) -> None:
    """Deploy the release before the one that the stage stands at; data stay as they are. Raises like `deploy`."""
    _make_ready(stage, out)
    if not _exists(stage):
        raise ToolError(f"stage {stage.name} is not deployed")
    release = releases.before(stage)
    serverless(stage, "rollback", "--timestamp", str(release.timestamp), out=out)
    print(f"stage {stage.name} is back at the release of {release.at}", file=out, flush=True)


def package(stage: Stage, out: TextIO = sys.stdout) -> Path:
    """Build the Lambda package without any account; return the zip."""
    folder = ROOT / ".local" / "package" / stage.name
    serverless(stage, "package", "--package", str(folder), out=out)
    return folder / f"{SERVICE}.zip"


def serverless(stage: Stage, command: str, *options: str, out: TextIO = sys.stdout) -> None:
    """Run the Serverless Framework on the stage, its output as it comes. ToolError when it fails."""
    variables = sls_environment(stage)
    if stage.is_local and not variables.get("AWS_ENDPOINT_URL"):
        raise ToolError("stage local has no endpoint, and without one it would be a real account; nothing was done")
    where = ["--stage", stage.name, "--region", stage.region]
    who = ["--aws-profile", stage.profile] if stage.profile else []
    sls = str(ROOT / "node_modules" / ".bin" / "sls")
    done = subprocess.run([sls, command, *where, *who, *options], cwd=ROOT, env=variables, stdout=out, check=False)
    if done.returncode:
        raise ToolError(f"`sls {command}` failed for stage {stage.name} (see above)")


def sls_environment(stage: Stage) -> dict[str, str]:
    """For `local`, the emulator and nothing of the user's AWS settings; else the user's."""
    if stage.is_local:
        return environment.local_environment(environment.port())
    return dict(os.environ) | environment.tool_variables()


def main(arguments: list[str]) -> int:
    """`python -m tools.deploy <command> <stage> [<region> <profile>] [--yes]`; the scripts check the arguments."""
    command, *target = (argument for argument in arguments if argument != YES)
    try:
        stage = Stage(*target)
        if command == "package":
            archive = package(stage)
            print(f"{archive.relative_to(ROOT)}  {archive.stat().st_size:,} bytes")
        elif command == "deploy":
            deploy(stage, yes=YES in arguments)
        else:
            {"remove": remove, "rollback": roll_back}[command](stage)
    except ToolError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _look(stage: Stage, *, yes: bool, out: TextIO) -> list[str]:
    """Show what a deploy would change, and ask; return the options that deploy the very package that was shown."""
    folder = package(stage, out).parent
    if _exists(stage):
        Show().changes(changes.changes(stage, folder))
    else:
        print(f"stage {stage.name} is not deployed yet: everything will be made", file=out, flush=True)
    if not yes and not (sys.stdin.isatty() and input(f"deploy to {stage.name}? [y/N] ").strip().lower() == "y"):
        raise ToolError(f"nothing was deployed; `--yes` deploys to {stage.name} without a question")
    return ["--package", str(folder)]


def _check_definitions(out: TextIO) -> None:
    print("linting the state machines …", file=out, flush=True)
    findings = lint_asl.lint(ROOT)
    if findings:
        raise ToolError("\n".join(["the state machines were not deployed:", *map(str, findings)]))


def _make_ready(stage: Stage, out: TextIO) -> None:
    with stage.reaching():
        if not stage.is_local:
            # Bad credentials show here, in a second and in one line.
            stage.client("sts").get_caller_identity()
            return
        emulator = Emulator.of_checkout()
        if emulator.start():
            print(f"started the embedded AWS on {emulator.endpoint}", file=out, flush=True)
    environment.write_env_file(emulator.port)
    if winning := environment.winning_variables(emulator.port):
        print(f"note: a bare `npx sls` would follow {', '.join(winning)} of your environment", file=sys.stderr)


def _exists(stage: Stage) -> bool:
    cloudformation = stage.client("cloudformation")
    try:
        with stage.reaching():
            cloudformation.describe_stacks(StackName=f"{SERVICE}-{stage.name}")
    except cloudformation.exceptions.ClientError as error:
        if "does not exist" in str(error):
            return False
        raise
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
