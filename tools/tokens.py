"""`./saga.sh token`: a token of a test user, for stages whose user pool lets one in by a password."""

import secrets
from contextlib import suppress
from typing import Any

from tools.stage import SERVICE, Stage, UsageError

STAGES = ("local", "dev")
"""Stages whose client allows USER_PASSWORD_AUTH (infra/api.yml)."""


USER = "traveller@example.com"


def token(stage: Stage, user: str) -> str:
    """Return an access token of a test user, who is made if need be and gets a new password each time.

    Raises UsageError on other stages and without a user pool, Unreachable.
    """
    if stage.name not in STAGES:
        raise UsageError(f"stage {stage.name}: test users are for {' and '.join(STAGES)}")
    outputs = _outputs(stage)
    if "UserPoolId" not in outputs:
        raise UsageError(f"stage {stage.name} has no user pool of its own; get a token from its issuer")
    pool, client, cognito = outputs["UserPoolId"], outputs["UserPoolClientId"], stage.client("cognito-idp")
    password = f"Aa1!{secrets.token_urlsafe(24)}"
    with stage.reaching():
        with suppress(cognito.exceptions.UsernameExistsException):
            cognito.admin_create_user(UserPoolId=pool, Username=user, MessageAction="SUPPRESS")
        cognito.admin_set_user_password(UserPoolId=pool, Username=user, Password=password, Permanent=True)
        answer = cognito.initiate_auth(
            ClientId=client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters={"USERNAME": user, "PASSWORD": password}
        )
    return str(answer["AuthenticationResult"]["AccessToken"])


def url(stage: Stage) -> str:
    """Return where the API of a stage is."""
    return str(_outputs(stage)["ApiUrl"])


def _outputs(stage: Stage) -> dict[str, Any]:
    with stage.reaching():
        stack = stage.client("cloudformation").describe_stacks(StackName=f"{SERVICE}-{stage.name}")["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
