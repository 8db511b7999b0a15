"""The check of what comes from outside, against the public schemas; imported only where a trip enters."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from saga.errors import InvalidTrip, Problem

SCHEMAS = Path(__file__).parent.parent / "schemas"

LONGEST_OWNER = 128
"""Characters of an owner's name. The subject of a token, which an owner mostly is, has 36 in Cognito's."""


MOST = 20
"""How many problems are told at once: a person mends no more, and an answer has a size."""


def load(text: str) -> Any:
    """Parse JSON as RFC 8259 has it: no NaN, no key twice. Raise InvalidTrip, whatever the text is."""
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except RecursionError:
        raise InvalidTrip(Problem("", "expected JSON of few levels")) from None
    except ValueError as error:  # also a number of thousands of digits
        raise InvalidTrip(Problem("", f"expected JSON: {error}")) from None
    return value


def check(request: Any, *, faults_allowed: bool) -> dict[str, Any]:
    """Return the input of a booking if it is one: a trip, perhaps with its `owner` and, where allowed, `faults`.

    Raises InvalidTrip with every problem that the schemas find.
    """
    return _check("trip", request, ("owner", "faults"), faults_allowed=faults_allowed)


def is_begun(request: Any) -> bool:
    """Whether the input of a booking is no trip, but names a saga that has begun: by `trip_id` and `saga_id`."""
    named = isinstance(request, dict) and set(request) == {"trip_id", "saga_id"}
    return named and all(isinstance(value, str) for value in request.values())


def check_trip(request: Any) -> dict[str, Any]:
    """Return a traveller's trip if it is one: clients set the trip and nothing beside it. Raises InvalidTrip."""
    return _check("trip", request, (), faults_allowed=True)


def check_trip_id(trip_id: str) -> None:
    """Raise InvalidTrip if a text is no trip_id."""
    _check("cancellation", {"trip_id": trip_id}, (), faults_allowed=False)


def check_cancellation(request: Any, *, faults_allowed: bool) -> dict[str, Any]:
    """Return the input of an undo if it is one: a `trip_id` and, where allowed, `faults`. Raises InvalidTrip."""
    return _check("cancellation", request, ("faults",), faults_allowed=faults_allowed)


def _check(schema: str, request: Any, beside: tuple[str, ...], *, faults_allowed: bool) -> dict[str, Any]:
    """Check a request against a schema, and what may stand beside it by rules of their own."""
    if not isinstance(request, dict):
        raise InvalidTrip(Problem("", "expected a JSON object"))
    try:
        problems = list(_problems(schema, {name: value for name, value in request.items() if name not in beside}))
        if "faults" in beside and "faults" in request and faults_allowed:
            problems += _problems("faults", request["faults"], "/faults")
    except RecursionError:  # jsonschema renders each value that it finds wrong
        raise InvalidTrip(Problem("", "expected JSON of few levels")) from None
    owner = request.get("owner", "-")
    if "owner" in beside and not (isinstance(owner, str) and 1 <= len(owner) <= LONGEST_OWNER):
        problems.append(Problem("/owner", f"expected a text of 1 to {LONGEST_OWNER} characters"))
    if "faults" in beside and "faults" in request and not faults_allowed:
        problems.append(Problem("/faults", "expected none: this stage allows no faults on purpose"))
    if not problems and not _is_unicode(request):
        problems.append(Problem("", "expected texts without lone surrogates"))
    if problems:
        raise InvalidTrip(*list(dict.fromkeys(problems))[:MOST])
    return request


def _problems(schema: str, value: Any, pointer: str = "") -> Iterator[Problem]:
    for error in _validator(schema).iter_errors(value):
        yield from _explain(error, pointer + "".join(f"/{_escaped(step)}" for step in error.absolute_path))


def _explain(error: ValidationError, pointer: str) -> Iterator[Problem]:
    """Say what was expected in the schema's own words, never what came: it may be huge or private."""
    schema: Any = error.schema
    instance: Any = error.instance
    match error.validator:
        case "required":
            for name in sorted(set(schema["required"]) - set(instance)):
                yield Problem(f"{pointer}/{name}", "expected, but missing")
        case "additionalProperties":
            for name in sorted(set(instance) - set(schema["properties"])):
                yield Problem(f"{pointer}/{_escaped(name)}", "expected no such field")
        case _:
            yield Problem(pointer, f"expected {schema['description']}")


def _escaped(step: str | int) -> str:
    """Escape a step of a JSON Pointer; a key that came from outside must not break the line it is reported in."""
    printable = str(step)[:100].encode("unicode_escape").decode()
    return printable.replace("~", "~0").replace("/", "~1")


def _is_unicode(request: dict[str, Any]) -> bool:
    try:
        json.dumps(request, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


@cache
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((SCHEMAS / f"{schema}.schema.json").read_text()))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
