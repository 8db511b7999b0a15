"""The releases of a stage: what its deployment bucket keeps of them, which one is deployed, and the way back."""

import json
import re
from dataclasses import dataclass
from typing import Any

from tools.stage import SERVICE, Stage, ToolError

BUCKET = "ServerlessDeploymentBucket"
"""The Serverless Framework's logical id of the bucket; in it a folder a release, `<milliseconds>-<time>`."""

FOLDER = re.compile(rf"serverless/{SERVICE}/[a-z0-9-]+/([0-9]+)-([^/]+)/")


@dataclass(frozen=True, order=True)
class Release:
    """A release: when it was deployed first, in milliseconds since 1970 and as ISO 8601 in UTC."""

    timestamp: int
    at: str


def bucket(stage: Stage) -> str:
    """Return the name of a stage's deployment bucket."""
    with stage.reaching():
        found = stage.client("cloudformation").describe_stack_resource(
            StackName=f"{SERVICE}-{stage.name}", LogicalResourceId=BUCKET
        )
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def kept(stage: Stage) -> list[Release]:
    """List the releases that can be gone back to, the oldest first."""
    pages = stage.client("s3").get_paginator("list_objects_v2")
    prefix = f"serverless/{SERVICE}/{stage.name}/"
    with stage.reaching():
        found = pages.paginate(Bucket=bucket(stage), Prefix=prefix)
        keys = [item["Key"] for page in found for item in page.get("Contents", [])]
    return sorted({_release(key) for key in keys if FOLDER.match(key)})


def deployed(stage: Stage) -> Release:
    """Return the release that the stack stands at."""
    with stage.reaching():
        answer = stage.client("cloudformation").get_template(StackName=f"{SERVICE}-{stage.name}")
    body: Any = answer["TemplateBody"]
    resources = (json.loads(body) if isinstance(body, str) else body)["Resources"].values()
    keys = (r["Properties"]["Code"]["S3Key"] for r in resources if r["Type"] == "AWS::Lambda::Function")
    return _release(next(keys))


def before(stage: Stage) -> Release:
    """Return the release before the one that the stack stands at; raise ToolError if none is kept."""
    now = deployed(stage)
    earlier = [release for release in kept(stage) if release < now]
    if not earlier:
        raise ToolError(f"stage {stage.name} has no release before that of {now.at}")
    return earlier[-1]


def went_back(stage: Stage) -> bool:
    """Whether the stack stands at an older release than the newest that is kept."""
    return deployed(stage) < kept(stage)[-1]


def _release(key: str) -> Release:
    found = FOLDER.match(key)
    if not found:
        raise ToolError(f"{key}: expected a release of the Serverless Framework")
    return Release(int(found[1]), found[2])
