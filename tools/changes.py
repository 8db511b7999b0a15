"""What a deploy would change: CloudFormation's own answer, before anything is changed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from tools import releases
from tools.stage import SERVICE, Stage

TEMPLATE = "cloudformation-template-update-stack.json"


@dataclass(frozen=True)
class Change:
    """What becomes of a resource: `action` is Add, Modify or Remove; `replacement` is True, False or Conditional.

    Conditional: CloudFormation knows only while it deploys whether another one takes its place.
    """

    action: str
    resource: str
    kind: str
    replacement: str

    @property
    def loses(self) -> bool:
        """Whether what it holds is gone afterwards, or left behind where it is retained."""
        return self.action == "Remove" or self.replacement == "True"

    @property
    def told(self) -> str:
        """What a person should know of it."""
        return {"True": "replaced", "Conditional": "perhaps replaced"}.get(self.replacement, "")


def changes(stage: Stage, package: Path) -> list[Change]:
    """Ask CloudFormation what a package would change in a stage that is deployed; raise Unreachable."""
    client, name = stage.client("cloudformation"), f"{SERVICE}-{stage.name}"
    bucket, key = releases.bucket(stage), f"changes/{uuid4().hex}.json"
    with stage.reaching():
        stage.client("s3").upload_file(str(package / TEMPLATE), bucket, key)
        try:
            return _ask(client, name, stage.client("s3").meta.endpoint_url + f"/{bucket}/{key}")
        finally:
            stage.client("s3").delete_object(Bucket=bucket, Key=key)


def _ask(client: Any, stack: str, url: str) -> list[Change]:
    made = client.create_change_set(
        StackName=stack,
        ChangeSetName=f"look-{uuid4().hex}",
        ChangeSetType="UPDATE",
        TemplateURL=url,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
    )["Id"]
    try:
        client.get_waiter("change_set_create_complete").wait(ChangeSetName=made, WaiterConfig={"Delay": 2})
        pages = client.get_paginator("describe_change_set").paginate(ChangeSetName=made)
        return [_change(found["ResourceChange"]) for page in pages for found in page["Changes"]]
    finally:
        client.delete_change_set(ChangeSetName=made)


def _change(found: dict[str, Any]) -> Change:
    return Change(found["Action"], found["LogicalResourceId"], found["ResourceType"], found.get("Replacement", "False"))
