"""What the stack's fragments say, for tests that must not drift from it."""

from pathlib import Path
from typing import Any

import yaml

INFRA = Path(__file__).parents[1] / "infra"

# What DynamoDB's CreateTable takes of what CloudFormation takes.
CREATED_WITH = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")


def fragment(name: str) -> dict[str, Any]:
    """Read an infra file; CloudFormation's tags are read as the values they mark."""
    loaded: dict[str, Any] = yaml.load((INFRA / f"{name}.yml").read_text(), Loader=_Tolerant)  # noqa: S506  it is one
    return loaded


def tables(prefix: str) -> list[dict[str, Any]]:
    """What CreateTable needs for each of the stack's tables, named `<prefix>-<short name>`."""
    resources = [r for path in INFRA.glob("*.yml") for r in _resources(path.stem)]
    found = [r["Properties"] for r in resources if r.get("Type") == "AWS::DynamoDB::Table"]
    return [
        {"TableName": f"{prefix}-{short_name(table)}", **{n: table[n] for n in CREATED_WITH if n in table}}
        for table in found
    ]


def short_name(table: dict[str, Any]) -> str:
    """Return the name of a table as the storage port has it: what follows the stage's prefix."""
    prefix, _, name = table["TableName"].partition("-")
    assert prefix == "${self:custom.prefix}"
    return str(name)


def _resources(name: str) -> list[dict[str, Any]]:
    return list(fragment(name).get("resources", {}).get("Resources", {}).values())


class _Tolerant(yaml.SafeLoader):
    """YAML that knows any tag."""


def _untagged(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> Any:
    match node:
        case yaml.ScalarNode():
            return loader.construct_scalar(node)
        case yaml.SequenceNode():
            return loader.construct_sequence(node, deep=True)
        case yaml.MappingNode():
            return loader.construct_mapping(node, deep=True)


_Tolerant.add_multi_constructor("!", _untagged)
