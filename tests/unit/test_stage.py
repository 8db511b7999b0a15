import json
from pathlib import Path

import pytest
from botocore import exceptions as aws

from tools import offers
from tools.local import environment
from tools.stage import Stage, ToolError, Unreachable, UsageError, last_deployed


def client_error(code: str) -> aws.ClientError:
    """What boto3 raises for an error code of AWS."""
    return aws.ClientError({"Error": {"Code": code, "Message": "…"}}, "GetCallerIdentity")


@pytest.mark.parametrize("name", ["", "Dev", "1dev", "dev_1", "dev\n", "-", "a" * 21, "dév"])
def test_a_stage_name_that_no_resource_could_carry_is_bad_usage(name: str) -> None:
    """A stage's name is up to 20 of a-z, 0-9 and -, starting with a letter."""
    with pytest.raises(UsageError, match="expected up to 20"):
        Stage(name)


def test_resources_are_named_after_the_stage() -> None:
    """Every resource's name begins with the product and the stage."""
    stage = Stage("dev-1", "eu-west-1", "work")
    assert stage.table("saga-log") == "travel-saga-dev-1-saga-log"
    assert stage.function("BookHotel") == "travel-saga-dev-1-BookHotel"
    assert stage.machine() == "travel-saga-dev-1-booking"
    assert stage.machine("cancellation") == "travel-saga-dev-1-cancellation"


def test_nothing_of_the_users_settings_reaches_stage_local(monkeypatch: pytest.MonkeyPatch) -> None:
    """Profile, keys, region, endpoint and proxy of the environment do not change where stage local is."""
    for name, value in {
        "AWS_PROFILE": "mine",
        "AWS_ACCESS_KEY_ID": "AKIAMINE",
        "AWS_SECRET_ACCESS_KEY": "mine",
        "AWS_SESSION_TOKEN": "mine",
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:1",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "TRAVEL_SAGA_PORT": "4999",
    }.items():
        monkeypatch.setenv(name, value)
    client = Stage("local").client("dynamodb")
    credentials = client._request_signer._credentials
    assert client.meta.endpoint_url == "http://127.0.0.1:4999"
    assert client.meta.region_name == "us-east-1"
    assert (credentials.access_key, credentials.token) == ("test", None)
    assert client.meta.config.proxies == {}


def test_an_unknown_profile_says_how_to_make_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A profile that no configuration file knows ends in exit code 3 and one line."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(Unreachable, match="aws configure --profile nobody") as caught:
        Stage("dev", "eu-west-1", "nobody").client("sts")
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("stage", "error", "advice"),
    [
        ("dev", aws.NoCredentialsError(), "no AWS credentials"),
        ("dev", aws.SSOTokenLoadError(profile_name="work", error_msg="…"), "aws sso login"),
        ("dev", client_error("ExpiredToken"), "refuses the credentials of profile work: ExpiredToken"),
        ("dev", aws.EndpointConnectionError(endpoint_url="…"), "region eu-west-1"),
        ("dev", aws.ConnectTimeoutError(endpoint_url="…"), "region eu-west-1"),
        ("local", aws.EndpointConnectionError(endpoint_url="…"), "./build.sh deploy local"),
        ("local", aws.ReadTimeoutError(endpoint_url="…"), "./build.sh deploy local"),
    ],
)
def test_what_botocore_says_about_the_way_there_becomes_advice(stage: str, error: Exception, advice: str) -> None:
    """Each way in which a stage cannot be reached has a line that says what to do."""
    with pytest.raises(Unreachable, match=advice), Stage(stage, "eu-west-1", "work").reaching():
        raise error


def test_what_aws_says_about_the_request_is_not_hidden() -> None:
    """An error that is not about the way there passes unchanged."""
    with pytest.raises(aws.ClientError), Stage("dev").reaching():
        raise client_error("ValidationException")


def test_the_last_deployed_stage_is_remembered(tmp_path: Path) -> None:
    """What was deployed last comes back with its region and profile, until it is removed."""
    file, stage = tmp_path / "new" / "last.json", Stage("dev", "eu-west-1", "work")
    stage.remember(file)
    assert last_deployed(file) == stage
    Stage("prod", "eu-west-1", "work").forget(file)
    assert last_deployed(file) == stage
    stage.forget(file)
    assert last_deployed(file) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"name": "Ö"}', '{"name": "dev", "more": 1}'])
def test_a_broken_memory_is_no_memory(tmp_path: Path, content: str) -> None:
    """A file that says nothing sensible counts as nothing deployed."""
    (tmp_path / "last.json").write_text(content)
    assert last_deployed(tmp_path / "last.json") is None


def test_the_local_environment_drops_every_aws_setting() -> None:
    """Of the user's AWS settings none is left; the rest of the environment is."""
    made = environment.local_environment(4567, {"AWS_PROFILE": "mine", "AWS_ENDPOINT_URL_S3": "x", "HOME": "/h"})
    assert "AWS_PROFILE" not in made
    assert "AWS_ENDPOINT_URL_S3" not in made
    assert made["HOME"] == "/h"
    assert made["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4567"


def test_settings_that_would_win_over_the_file_are_named() -> None:
    """AWS settings that a bare `npx sls` would follow are named, unless they say the same as ours."""
    environ = {"AWS_PROFILE": "mine", "AWS_REGION": "us-east-1", "AWS_SESSION_TOKEN": "x", "PATH": "/bin"}
    assert environment.winning_variables(4566, environ) == ["AWS_PROFILE", "AWS_SESSION_TOKEN"]


@pytest.mark.parametrize("capacity", [-1, 1.5, True, "20", None])
def test_an_offer_without_a_capacity_is_named(tmp_path: Path, capacity: object) -> None:
    """A capacity is a whole number of 0 or more; anything else is reported by its place in the file."""
    (tmp_path / "offers.json").write_text(json.dumps({"car": {"Fiat 500e": capacity}}))
    with pytest.raises(UsageError, match="/car/Fiat 500e is"):
        offers.read(tmp_path / "offers.json")


def test_offers_that_are_not_json_are_bad_input(tmp_path: Path) -> None:
    """A broken offers file ends in exit code 2 and names the file."""
    (tmp_path / "offers.json").write_text("{")
    with pytest.raises(ToolError, match=r"offers\.json") as caught:
        offers.read(tmp_path / "offers.json")
    assert caught.value.exit_code == 2


def test_stage_local_is_where_it_is() -> None:
    """A region or a profile given with stage local changes nothing."""
    assert Stage("local", "eu-west-1", "work") == Stage("local")
