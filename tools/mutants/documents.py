"""The mutants of documents, by rule: the state machines and the packaged template."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

Path = tuple[str | int, ...]
Change = tuple[Path, Any]
"""Where in a document, and what comes there: DROPPED, or a value."""

DROPPED = "DROPPED"
THEIRS = "Serverless"
"""What the Serverless Framework makes for itself is named so; no fragment of ours says anything about it."""
CHOOSES = ("Next", "Default", "StartAt")


def changed(document: Any, change: Change) -> Any:
    """Return a copy of the document with the change made."""
    (*inner, last), value = change
    copied = deepcopy(document)
    at = copied
    for step in inner:
        at = at[step]
    if value == DROPPED:
        del at[last]
    else:
        at[last] = value
    return copied


def told(document: Any, change: Change) -> tuple[str, str, str]:
    """Return a change's place, what stands there, and what comes there."""
    path, value = change
    for step in path:
        document = document[step]
    return "/".join(map(str, path)), json.dumps(document), value if value == DROPPED else json.dumps(value)


def leaves(document: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every place in a document with what stands there, the outer ones first."""
    yield path, document
    inner = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for step, value in inner:
        yield from leaves(value, (*path, step))


def other(value: Any) -> Any:
    """Another value of the same kind for a number or a truth, None for all else."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value * 2 or 1
    return None


def of_machine(machine: dict[str, Any]) -> Iterator[Change]:
    """Yield the mutants of a state machine.

    Each catcher, retrier, parameter, choice and jitter is dropped, and each name of an error where there are several;
    each number is doubled, each truth turned; each way to a next state leads to another; where a state puts its
    result, and what a choice compares with, is changed.
    """
    names = list(machine["States"])
    for path, value in leaves(machine):
        last, above = (str(step) for step in ("", "", *path)[-1:-3:-1])
        if above in ("Catch", "Retry", "Parameters", "Choices", "Or") or last == "JitterStrategy":
            yield path, DROPPED
        if above == "ErrorEquals" and not _is_only(machine, path):
            yield path, DROPPED
        if last in CHOOSES:
            yield path, names[(names.index(value) + 1) % len(names)]
        elif last in ("ResultPath", "StringEquals", "Error", "Variable"):
            yield path, f"{value}X"
        elif other(value) is not None:
            yield path, other(value)


def of_template(template: dict[str, Any]) -> Iterator[Change]:
    """Yield the mutants of a packaged template.

    Each action that is allowed is dropped, and each condition of a statement or a resource; each statement's resource
    becomes all; each number is doubled, each truth turned; each alarm compares otherwise, treats silence otherwise, and
    tells nobody; what keeps data when a resource goes is dropped.
    """
    for path, value in leaves(template["Resources"], ("Resources",)):
        last = path[-1]
        if str((*path, "", "")[1]).startswith(THEIRS):
            continue
        if path[-2:-1] == ("Action",) and not _is_only(template, path):
            yield path, DROPPED
        if last in ("Condition", "DeletionPolicy", "UpdateReplacePolicy", "AlarmActions", "OKActions"):
            yield path, DROPPED
        elif last == "Resource" and value != "*":
            yield path, "*"
        elif last == "ComparisonOperator":
            yield path, "LessThanThreshold" if value != "LessThanThreshold" else "GreaterThanThreshold"
        elif last == "TreatMissingData":
            yield path, "breaching" if value != "breaching" else "ignore"
        elif other(value) is not None and "Definition" not in path:
            yield path, other(value)


def _is_only(document: Any, path: Path) -> bool:
    for step in path[:-1]:
        document = document[step]
    return len(document) == 1
