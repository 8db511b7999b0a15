"""The scripts as a user runs them, in a copy of the checkout."""

import json
import os
import subprocess
import time
from pathlib import Path
from zipfile import ZipFile

import pytest

from saga.trip import PARTICIPANTS
from tools.local import processes
from tools.local.environment import port
from tools.stage import Stage


def run(checkout: Path, *command: str, cwd: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the checkout, or a program in it."""
    script = str(checkout / command[0]) if "/" in command[0] else command[0]
    return subprocess.run(
        [script, *command[1:]],
        cwd=cwd or checkout,
        env=dict(os.environ) | environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_deploy_and_remove(checkout: Path, tmp_path: Path) -> None:
    """From any folder, `deploy local` makes the stack and its offers; `remove local` leaves no process of it."""
    done = run(checkout, "./build.sh", "deploy", "local", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    offers = json.loads((checkout / "infra/offers.json").read_text())
    stage = Stage("local")
    for participant in PARTICIPANTS:
        table = stage.resource("dynamodb").Table(stage.table(participant))
        capacities = {item["id"]: int(item["capacity"]) for item in table.scan()["Items"]}
        assert capacities == {f"OFFER#{what}": capacity for what, capacity in offers[participant].items()}
    assert f"http://127.0.0.1:{port()}" in (checkout / ".env.local").read_text()
    assert json.loads((checkout / ".local/last-deploy.json").read_text())["name"] == "local"

    assert run(checkout, "./build.sh", "remove", "local", cwd=tmp_path).returncode == 0
    assert processes.ours(checkout / ".local" / "emulator") == []
    assert not (checkout / ".local/last-deploy.json").exists()


def test_a_second_deploy_keeps_what_an_operator_changed(checkout: Path) -> None:
    """An offer's capacity that was changed in the table stays when the stage is deployed again."""
    assert run(checkout, "./build.sh", "deploy", "local").returncode == 0
    stage = Stage("local")
    table = stage.resource("dynamodb").Table(stage.table("car"))
    offer = next(iter(json.loads((checkout / "infra/offers.json").read_text())["car"]))
    table.put_item(Item={"id": f"OFFER#{offer}", "capacity": 7})
    assert run(checkout, "./deploy-stepfunc.sh", "local").returncode == 0
    assert table.get_item(Key={"id": f"OFFER#{offer}"})["Item"]["capacity"] == 7


def test_a_bare_sls_remove_leaves_nothing(checkout: Path) -> None:
    """After a deploy, a bare `npx sls remove` finds the embedded AWS by itself and leaves no stack and no table."""
    assert run(checkout, "./build.sh", "deploy", "local").returncode == 0
    done = run(checkout, "npx", "sls", "remove")
    assert done.returncode == 0, done.stdout + done.stderr
    stage = Stage("local")
    assert stage.client("dynamodb").list_tables()["TableNames"] == []
    assert stage.client("cloudformation").list_stacks(StackStatusFilter=["CREATE_COMPLETE"])["StackSummaries"] == []


def test_a_bad_definition_is_not_deployed(checkout: Path) -> None:
    """A state machine with a finding stops `deploy-stepfunc.sh` with exit code 1, before anything is deployed."""
    definition = checkout / "statemachine" / "booking.asl.json"
    sound = definition.read_text()
    definition.write_text(sound.replace('"Next": "BookFlight"', '"Next": "BookFlihgt"'))
    try:
        done = run(checkout, "./deploy-stepfunc.sh", "local")
    finally:
        definition.write_text(sound)
    assert done.returncode == 1
    assert "BookFlihgt" in done.stderr
    assert "deploying" not in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["destroy"],
        ["deploy"],
        ["deploy", "dev"],
        ["deploy", "dev", "eu-west-1"],
        ["deploy", "dev", "eu-west-1", ""],
        ["deploy", "dev", "eu-west-1", "work", "more"],
        ["deploy", "Dev", "eu-west-1", "work"],
        ["remove"],
        ["package"],
        ["package", "dev", "eu-west-1"],
        ["test", "--slow"],
    ],
)
def test_wrong_arguments_show_the_usage(checkout: Path, arguments: list[str]) -> None:
    """Arguments that build.sh does not take give its usage on stderr, nothing on stdout, and exit code 1."""
    done = run(checkout, "./build.sh", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("usage: ./build.sh deploy")


@pytest.mark.parametrize("arguments", [[], ["dev"], ["dev", "eu-west-1"], ["DEV", "eu-west-1", "work"]])
def test_wrong_arguments_show_the_usage_of_deploy_stepfunc(checkout: Path, arguments: list[str]) -> None:
    """Arguments that deploy-stepfunc.sh does not take give its usage on stderr and exit code 1."""
    done = run(checkout, "./deploy-stepfunc.sh", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("usage: ./deploy-stepfunc.sh")


def test_an_unknown_profile_ends_in_exit_code_3(checkout: Path, tmp_path: Path) -> None:
    """Deploying with a profile that does not exist says so in one line, with exit code 3."""
    none = str(tmp_path / "none")
    done = run(
        *(checkout, "./build.sh", "deploy", "dev", "eu-west-1", "nobody"),
        AWS_CONFIG_FILE=none,
        AWS_SHARED_CREDENTIALS_FILE=none,
    )
    assert done.returncode == 3
    assert done.stderr == "profile nobody is unknown; `aws configure --profile nobody` makes it\n"


def test_the_package_is_for_lambdas_processor(checkout: Path) -> None:
    """The package has the native library for Lambda's Python and processor, no boto3, and is under 700 kB."""
    done = run(checkout, "./build.sh", "package", "dev")
    assert done.returncode == 0, done.stdout + done.stderr
    archive = checkout / ".local/package/dev/travel-saga.zip"
    native = [name for name in ZipFile(archive).namelist() if name.endswith(".so")]
    assert native == ["rpds/rpds.cpython-313-aarch64-linux-gnu.so"]
    assert not any(name.startswith("boto") for name in ZipFile(archive).namelist())
    assert archive.stat().st_size < 700_000
    assert f"{archive.stat().st_size:,} bytes" in done.stdout


def test_a_set_up_that_is_done_is_skipped(checkout: Path) -> None:
    """Where everything is installed, set-up takes well under a tenth of a second."""
    began = time.monotonic()
    done = run(checkout, "bash", "-c", "set -euo pipefail; source tools/setup.sh; setup local; setup dev")
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 0.1


@pytest.mark.parametrize(("missing", "message"), [("node", "node is needed"), ("python3", "Python 3.11 or newer")])
def test_a_missing_program_is_named(checkout: Path, tmp_path: Path, missing: str, message: str) -> None:
    """Without Python or Node the set-up says in one line what is needed, with exit code 3."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in {"bash", "dirname", "mkdir", "rm", "cat", "cmp", "npm", "node", "sh", "env", "sleep"} - {missing}:
        (tools / name).symlink_to(next(p for p in map(Path, (f"/usr/bin/{name}", f"/bin/{name}")) if p.exists()))
    fresh = tmp_path / "fresh"
    (fresh / "tools").mkdir(parents=True)
    for name in ("tools/setup.sh", "requirements-local.txt", "requirements-dev.txt", "package-lock.json"):
        (fresh / name).write_bytes((checkout / name).read_bytes())
    part = "install_node" if missing == "node" else "install_python local"
    done = run(fresh, "bash", "-c", f"source tools/setup.sh; {part}", PATH=str(tools), PYTHON="")
    assert done.returncode == 3
    assert done.stderr.startswith(message)
    assert len(done.stderr.splitlines()) == 1
