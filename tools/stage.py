"""A stage: where it is, what its resources are called, and what to say when it cannot be reached."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore import exceptions as aws
from botocore.config import Config
from botocore.session import Session as BotocoreSession

from saga.errors import TransientError
from tools.local import environment
from tools.local.emulator import Emulator, EmulatorError

SERVICE = "travel-saga"
LAST_DEPLOY = environment.ROOT / ".local" / "last-deploy.json"
# The same bound as in tools/setup.sh; the longest resource name must stay under AWS's 64 characters.
NAME = re.compile(r"[a-z][a-z0-9-]{0,19}")

# Error codes that mean: these credentials are no good.
BAD_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}


# Error codes that mean: there are no such tables or machines.
NOT_DEPLOYED = {"ResourceNotFoundException", "StateMachineDoesNotExist"}


class ToolError(Exception):
    """Ends a command: one line for stderr, and the exit code."""

    exit_code = 1


class UsageError(ToolError):
    """What was typed, or a file it names, is not what the command takes."""

    exit_code = 2


class Unreachable(ToolError):
    """AWS or the emulator could not be reached."""

    exit_code = 3


@dataclass(frozen=True)
class Stage:
    """Name, region and profile of a deployment. Stage `local` is the embedded AWS and needs neither of the latter."""

    name: str
    region: str = environment.REGION
    profile: str | None = None

    def __post_init__(self) -> None:
        """Refuse a name that no resource could carry (UsageError); put `local` where it is, whatever was said."""
        if not NAME.fullmatch(self.name):
            raise UsageError(f"stage {self.name!r}: expected up to 20 of a-z, 0-9 and -, starting with a letter")
        if self.is_local:
            object.__setattr__(self, "region", environment.REGION)
            object.__setattr__(self, "profile", None)

    @property
    def is_local(self) -> bool:
        """Whether it is the embedded AWS."""
        return self.name == "local"

    @cached_property
    def session(self) -> boto3.Session:
        """A session that reaches this stage only: for `local`, none of the user's AWS settings count."""
        if self.is_local:
            return boto3.Session("test", "test", region_name=environment.REGION, botocore_session=_without_settings())
        with self.reaching():
            return boto3.Session(profile_name=self.profile, region_name=self.region)

    def client(self, service: str) -> Any:
        """A boto3 client with bounded waiting."""
        with self.reaching():
            return self.session.client(service, **self._endpoint(), config=self._config())  # type: ignore[call-overload]

    def resource(self, service: str) -> Any:
        """A boto3 resource with bounded waiting."""
        with self.reaching():
            return self.session.resource(service, **self._endpoint(), config=self._config())  # type: ignore[call-overload]

    def table(self, kind: str) -> str:
        """Name of a table; `kind` is hotel, flight, car or saga-log."""
        return f"{self._prefix}-{kind}"

    def function(self, step: str) -> str:
        """Name of a Lambda function; `step` is BookHotel and the like."""
        return f"{self._prefix}-{step}"

    def machine(self, kind: str = "booking") -> str:
        """Name of a state machine."""
        return f"{self._prefix}-{kind}"

    def machine_arn(self, kind: str = "booking") -> str:
        """ARN of a state machine. Asks AWS for the account; Unreachable when it does not answer."""
        with self.reaching():
            caller = self.client("sts").get_caller_identity()
        partition = caller["Arn"].split(":")[1]
        return f"arn:{partition}:states:{self.region}:{caller['Account']}:stateMachine:{self.machine(kind)}"

    @contextmanager
    def reaching(self) -> Iterator[None]:
        """Turn what botocore says about the way to this stage into Unreachable, with what to do about it."""
        try:
            yield
        except (aws.BotoCoreError, aws.ClientError, EmulatorError, TransientError) as error:
            # The saga's own adapters hide the SDK's error behind a TransientError.
            advice = self._advice((error.__cause__ or error) if isinstance(error, TransientError) else error)
            if advice is None:
                raise
            raise Unreachable(advice) from error

    def remember(self, path: Path = LAST_DEPLOY) -> None:
        """Make it the stage that `./runtest.sh` uses unless told otherwise."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self)) + "\n")

    def forget(self, path: Path = LAST_DEPLOY) -> None:
        """Undo `remember`, if it is this stage that is remembered."""
        if last_deployed(path) == self:
            path.unlink()

    @property
    def _prefix(self) -> str:
        return f"{SERVICE}-{self.name}"

    def _endpoint(self) -> dict[str, str]:
        return {"endpoint_url": Emulator.of_checkout().endpoint} if self.is_local else {}

    def _config(self) -> Config:
        return Config(
            connect_timeout=3,
            read_timeout=20,
            retries={"mode": "standard", "total_max_attempts": 2 if self.is_local else 4},
            max_pool_connections=32,
            # An empty mapping keeps a proxy of the environment away from 127.0.0.1; None means the environment's.
            proxies={} if self.is_local else None,
        )

    def _advice(self, error: BaseException) -> str | None:  # noqa: PLR0911 — a table
        match error:
            case EmulatorError():
                return str(error)
            case aws.ProfileNotFound():
                return f"profile {self.profile} is unknown; `aws configure --profile {self.profile}` makes it"
            case aws.NoCredentialsError() | aws.PartialCredentialsError():
                return f"no AWS credentials for profile {self.profile}; `aws configure` or `aws sso login` sets them"
            case aws.TokenRetrievalError() | aws.SSOError() | aws.CredentialRetrievalError():
                return f"the login of profile {self.profile} has expired; `aws sso login --profile {self.profile}`"
            case aws.HTTPClientError() | aws.ConnectionError() if self.is_local:
                return "the embedded AWS does not answer; `./build.sh deploy local` starts it"
            case aws.HTTPClientError() | aws.ConnectionError() | aws.InvalidRegionError():
                return f"AWS cannot be reached in region {self.region}; check the region's name and the network"
            case aws.ClientError() if error.response["Error"]["Code"] in NOT_DEPLOYED:
                return f"stage {self.name} is not deployed in {self.region}: ./build.sh deploy {self.name} …"
            case aws.ClientError() if error.response["Error"]["Code"] in BAD_CREDENTIALS:
                return f"AWS refuses the credentials of profile {self.profile}: {error.response['Error']['Code']}"
        return None


def _without_settings() -> BotocoreSession:
    """A session that reads neither AWS_PROFILE nor the user's configuration files."""
    nothing = {"profile": (None, None, None, None)}
    nowhere = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
    return BotocoreSession(session_vars=nothing | nowhere)


def last_deployed(path: Path = LAST_DEPLOY) -> Stage | None:
    """The stage deployed last from this checkout, or None."""
    try:
        return Stage(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError, UsageError):
        return None
