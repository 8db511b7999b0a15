import json
from pathlib import Path
from typing import Any

import pytest

from tools.lint_asl import Infra, own_rules, read_infra

FUNCTIONS = frozenset({"BookCar", "CancelCar"})


def machine(**changes: Any) -> str:
    """A definition of one sound state, with changes."""
    book = {"Type": "Task", "Resource": "${BookCar}", "End": True} | changes
    return json.dumps({"StartAt": "BookCar", "States": {"BookCar": book}})


def findings(text: str, names: frozenset[str] = frozenset({"BookCar"})) -> list[str]:
    """What the rules say of a definition whose machine substitutes these names."""
    infra = Infra(FUNCTIONS, {"booking.asl.json": names})
    return [str(finding) for finding in own_rules("booking.asl.json", text, infra)]


def test_a_sound_definition_has_no_finding() -> None:
    """A definition that keeps the rules is not complained about."""
    assert findings(machine()) == []


@pytest.mark.parametrize(
    ("literal", "what"),
    [
        ("arn:aws:sns:x", "an ARN"),
        ("123456789012", "an account"),
        ("eu-central-1", "a region"),
        ("us-gov-west-1", "a region"),
    ],
)
def test_what_ties_it_to_one_place_is_found(literal: str, what: str) -> None:
    """An ARN, an account or a region in a state is a finding that names the file and the state."""
    (found,) = findings(machine(Comment=f"to {literal}"))
    assert found.startswith("booking.asl.json: BookCar: ")
    assert what in found


def test_a_null_is_found() -> None:
    """A null is a finding: Serverless drops it, and a ResultPath that is gone means the whole state."""
    assert "expected no null" in findings(machine(ResultPath=None))[0]


def test_a_variable_of_serverless_is_found() -> None:
    """`${type:…}` would be resolved by Serverless, so only plain names may stand there."""
    assert any("expected a plain ${Name}" in found for found in findings(machine(Comment="${self:service}")))


def test_a_name_without_substitution_is_found() -> None:
    """A `${Name}` that nothing substitutes is a finding."""
    assert findings(machine(Comment="${Topic}")) == [
        "booking.asl.json: ${Topic}: expected it among DefinitionSubstitutions under infra/"
    ]


def test_a_substitution_without_name_is_found() -> None:
    """A substitution that no `${Name}` uses is a finding."""
    names = frozenset({"BookCar", "Topic"})
    assert findings(machine(), names) == [
        "booking.asl.json: DefinitionSubstitutions has Topic; expected a ${Topic} that uses it"
    ]


def test_a_definition_that_no_machine_uses_is_found() -> None:
    """A definition file that no resource under infra/ names is a finding."""
    found = own_rules("lost.asl.json", machine(), Infra(FUNCTIONS, {}))
    assert [str(finding) for finding in found] == [
        "lost.asl.json: expected a state machine under infra/ with this Definition"
    ]


def test_a_state_that_runs_another_function_is_found() -> None:
    """A state named like a function runs that function and no other."""
    found = findings(machine(Resource="${CancelCar}"), frozenset({"CancelCar"}))
    assert found == [
        "booking.asl.json: BookCar: Resource is '${CancelCar}'; expected '${BookCar}', the function of that name"
    ]


def test_a_function_under_another_name_is_found() -> None:
    """A state that runs a function is named like it, inside a Parallel too."""
    inner = {"StartAt": "Undo", "States": {"Undo": {"Type": "Task", "Resource": "${CancelCar}", "End": True}}}
    outer = {"StartAt": "All", "States": {"All": {"Type": "Parallel", "Branches": [inner], "End": True}}}
    found = findings(json.dumps(outer), frozenset({"CancelCar"}))
    assert found == ["booking.asl.json: Undo: it runs CancelCar; expected a state named like its function"]


def test_substitutions_are_gathered_from_every_fragment(tmp_path: Path) -> None:
    """A machine's substitutions may be spread over the fragments, which Serverless merges."""
    (tmp_path / "saga.yml").write_text(
        "resources: {Resources: {M: {Properties: {Definition: '${file(statemachine/a.asl.json)}',"
        " DefinitionSubstitutions: {Begin: !GetAtt B.Arn}}}}}"
    )
    (tmp_path / "car.yml").write_text(
        "functions: {BookCar: {handler: x}}\n"
        "resources: {Resources: {M: {Properties: {DefinitionSubstitutions: {BookCar: !GetAtt B.Arn}}}}}"
    )
    infra = read_infra(tmp_path)
    assert infra.functions == {"BookCar"}
    assert infra.substitutions == {"a.asl.json": {"Begin", "BookCar"}}
