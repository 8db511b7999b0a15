"""Releases: a running saga survives one, there is a way back, and prod is shown what would change before it does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.conftest import Stack, story, until
from tests.trips import trip
from tools import releases
from tools.stage import Stage

PROD = ("prod", "us-east-1", "ops")


@pytest.fixture
def source(stack: Stack) -> Iterator[Path]:
    """A source file of the stack's checkout that may be changed."""
    path = stack.folder / "saga/days.py"
    text = path.read_text()
    yield path
    path.write_text(text)


@pytest.fixture
def operator(stack: Stack, tmp_path: Path) -> dict[str, str]:
    """The environment of an operator whose profile's AWS is the embedded one."""
    (tmp_path / "config").write_text("[profile ops]\nregion = us-east-1\n")
    (tmp_path / "credentials").write_text("[ops]\naws_access_key_id = test\naws_secret_access_key = test\n")
    return {
        "AWS_ENDPOINT_URL": stack.emulator.endpoint,
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "SLS_AWS_MONITORING_FREQUENCY": "500",
    }


@pytest.fixture(scope="module", autouse=True)
def _remembers_local(stack: Stack) -> Iterator[None]:
    """Leave `local` as the stage that was deployed last."""
    yield
    stack.stage.remember(stack.folder / ".local/last-deploy.json")


def build(stack: Stack, *arguments: str, expect: int = 0, **environ: str) -> str:
    """Run build.sh; return what it prints."""
    done = stack.run("./build.sh", *arguments, **environ)
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_saga_survives_a_deploy(stack: Stack, source: Path) -> None:
    """A saga that is half way when a new release is deployed ends booked, with the story of any other."""
    arn = stack.start(trip(trip_id="deployed-over", faults={"BookHotel": {"delay_seconds": 4}}))
    until(lambda: "hotel" in stack.statuses("deployed-over"))
    source.write_text(source.read_text() + "\n# another release\n")
    assert "deployed stage local" in build(stack, "deploy", "local")
    assert stack.wait(arn) == "SUCCEEDED"
    assert story(stack.read("deployed-over").log)[-1] == "Saga END CONFIRMED"


def test_there_is_a_way_back_and_forth(stack: Stack, source: Path) -> None:
    """A rollback deploys the release before; trips are booked there; the next deploy takes the stage forth again."""
    old = releases.deployed(stack.stage)
    source.write_text(source.read_text() + "\n# a release to go back from\n")
    build(stack, "deploy", "local")
    assert releases.deployed(stack.stage) > old
    assert old.at in build(stack, "rollback", "local")
    assert releases.deployed(stack.stage) == old
    assert stack.book(trip(trip_id="rolled-over")) == "SUCCEEDED"
    assert story(stack.read("rolled-over").log)[-1] == "Saga END CONFIRMED"
    build(stack, "deploy", "local")
    assert releases.deployed(stack.stage) > old


def test_prod_shows_its_changes_and_asks(
    stack: Stack, operator: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is deployed to prod unless it is said, and what a deploy would change is shown before."""
    for name, value in operator.items():
        monkeypatch.setenv(name, value)
    refused = build(stack, "deploy", *PROD, expect=1)
    assert "everything will be made" in refused
    assert "`--yes` deploys to prod" in refused
    build(stack, "deploy", *PROD, "--yes")
    release = releases.deployed(Stage(*PROD))
    fragment = stack.folder / "infra/operations.yml"
    text = fragment.read_text()
    fragment.write_text(
        text.replace("    # For the rules only: the function sends", "    Extra: {Type: AWS::SQS::Queue}\n    # x")
    )
    shown = build(stack, "deploy", *PROD, expect=1)
    fragment.write_text(text)
    assert [line.split() for line in shown.splitlines() if " Extra " in line] == [["Add", "Extra", "AWS::SQS::Queue"]]
    assert releases.deployed(Stage(*PROD)) == release
    assert not any("look-" in s["ChangeSetName"] for s in _change_sets())
    assert build(stack, "rollback", *PROD, expect=1).splitlines()[-1].startswith("stage prod has no release before")


def _change_sets() -> list[dict[str, str]]:
    client = Stage(*PROD).client("cloudformation")
    return list(client.list_change_sets(StackName="travel-saga-prod")["Summaries"])
