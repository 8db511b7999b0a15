import ast
import json
from pathlib import Path
from typing import Any

import pytest

from tools.mutants import constants, documents, report, tree, typecheck
from tools.mutants.mutant import EQUIVALENT, KILLED, PROSE, REFUSED, SURVIVED, UNTRIED, Mutant, is_prose

DECORATED = """
@observed
def handle(event):
    return event


class Trip:
    @property
    def saga_id(self):
        return 1

    @classmethod
    def parse(cls):
        return cls()
"""

MACHINE: dict[str, Any] = {
    "StartAt": "Book",
    "States": {
        "Book": {
            "Type": "Task",
            "Retry": [{"ErrorEquals": ["A", "B"], "MaxAttempts": 0, "JitterStrategy": "FULL"}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Cancel"}],
            "Parameters": {"position": 1},
            "Next": "Ended",
        },
        "Cancel": {"Type": "Task", "Next": "Ended"},
        "Ended": {"Type": "Choice", "Choices": [{"BooleanEquals": True, "Next": "Done"}], "Default": "Cancel"},
        "Done": {"Type": "Succeed"},
    },
}


def mutant(before: str, after: str, status: str = SURVIVED, place: str = "saga.steps.book") -> Mutant:
    """A mutant of one line in a function."""
    return Mutant(
        "saga/steps.py", place, f"def book():\n    {before}\n    end()", f"def book():\n    {after}\n    end()", status
    )


def test_decorators_become_calls() -> None:
    """A decorated function is written as a plain one and a call, a class method stays, and both mean the same."""
    written = tree.as_calls(DECORATED)
    assert "@observed" not in written
    assert "    @classmethod" in written
    found: dict[str, Any] = {"observed": lambda function: lambda event: [function(event)]}
    exec(compile(written, "written", "exec"), found)  # noqa: S102  the source above
    assert found["handle"](3) == [3]
    assert found["Trip"].parse().saga_id == 1


@pytest.mark.parametrize("folder", tree.MUTATED)
def test_every_source_can_be_written_so(folder: str) -> None:
    """Each mutated file is still Python when its decorators are calls, and has no decorator that mutmut minds."""
    for path in (tree.ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(tree.as_calls(path.read_text()))):
            if isinstance(node, ast.FunctionDef):
                assert [ast.unparse(name) for name in node.decorator_list] in ([], ["classmethod"], ["staticmethod"])


def test_a_machine_is_broken_everywhere() -> None:
    """What guards a state is dropped; numbers, truths, and the ways to the next states are changed."""
    assert {documents.told(MACHINE, change)[::2] for change in documents.of_machine(MACHINE)} == {
        ("StartAt", '"Cancel"'),
        ("States/Book/Retry/0", "DROPPED"),
        ("States/Book/Retry/0/ErrorEquals/0", "DROPPED"),
        ("States/Book/Retry/0/ErrorEquals/1", "DROPPED"),
        ("States/Book/Retry/0/MaxAttempts", "1"),
        ("States/Book/Retry/0/JitterStrategy", "DROPPED"),
        ("States/Book/Catch/0", "DROPPED"),
        ("States/Book/Catch/0/ResultPath", '"$.failureX"'),
        ("States/Book/Catch/0/Next", '"Ended"'),
        ("States/Book/Parameters/position", "DROPPED"),
        ("States/Book/Parameters/position", "2"),
        ("States/Book/Next", '"Done"'),
        ("States/Cancel/Next", '"Done"'),
        ("States/Ended/Choices/0", "DROPPED"),
        ("States/Ended/Choices/0/BooleanEquals", "false"),
        ("States/Ended/Choices/0/Next", '"Book"'),
        ("States/Ended/Default", '"Ended"'),
    }


def test_a_change_leaves_the_document_alone() -> None:
    """A mutant is made of a copy."""
    before = json.dumps(MACHINE)
    assert (
        documents.changed(MACHINE, (("States", "Book", "Catch", 0), documents.DROPPED))["States"]["Book"]["Catch"] == []
    )
    assert json.dumps(MACHINE) == before


def test_a_template_loses_its_permissions_and_alarms() -> None:
    """Actions and conditions are dropped, resources widened, thresholds and truths changed, and alarms tell nobody."""
    statement = {"Action": ["a", "b"], "Resource": "one", "Condition": {"StringEquals": {}}}
    alarm = {"Threshold": 0, "ComparisonOperator": "GreaterThanThreshold", "AlarmActions": ["topic"], "On": True}
    template = {"Resources": {"Role": {"Statement": [statement]}, "Alarm": alarm}}
    assert [documents.told(template, change)[::2] for change in documents.of_template(template)] == [
        ("Resources/Role/Statement/0/Action/0", "DROPPED"),
        ("Resources/Role/Statement/0/Action/1", "DROPPED"),
        ("Resources/Role/Statement/0/Resource", '"*"'),
        ("Resources/Role/Statement/0/Condition", "DROPPED"),
        ("Resources/Alarm/Threshold", "1"),
        ("Resources/Alarm/ComparisonOperator", '"LessThanThreshold"'),
        ("Resources/Alarm/AlarmActions", "DROPPED"),
        ("Resources/Alarm/On", "false"),
    ]


def test_constants_and_decorators_are_mutated() -> None:
    """Outside of functions, elements and decorators are dropped, and numbers, truths and words changed."""
    source = "A = (1, 'x')\n\nclass B:\n    c: bool = True\n\n@observed\ndef handle():\n    return 2\n"
    made = [(name, after.splitlines()[0]) for name, _, after, _ in constants.of_module(source)]
    assert made == [
        ("A", "A = ('x',)"),
        ("A", "A = (1,)"),
        ("A", "A = (2, 'x')"),
        ("A", "A = (1, 'XXx')"),
        ("B.c", "c: bool = False"),
        ("handle", "def handle():"),
    ]
    contents = [content for *_, content in constants.of_module(source)]
    assert contents[4] == source.replace("True", "False")
    assert contents[5] == source.replace("@observed\n", "")


@pytest.mark.parametrize(
    ("before", "after", "is_one"),
    [
        ('raise Gone("it is gone")', 'raise Gone("XXit is goneXX")', True),
        ('raise Gone(f"{name} is gone")', "raise Gone(None)", True),
        ('raise Gone("it is gone", 1)', 'raise Gone("IT IS GONE", 2)', False),
        ('status = "BOOKED"', 'status = "XXBOOKEDXX"', False),
        ('raise Gone("it is gone")', "raise Gone(1)", False),
        ('write({"a": change, "b": 1})', 'write({"a": None, "b": 1})', False),
        ('raise Gone("a", "it is gone")  # it\'s', 'raise Gone("a", "XXit is goneXX")  # it\'s', True),
    ],
)
def test_texts_for_people_do_not_count(before: str, after: str, is_one: bool) -> None:
    """A mutant of nothing but a text with a space in it is prose."""
    assert is_prose(mutant(before, after)) is is_one


def test_the_list_of_equivalents_is_by_place_and_change() -> None:
    """An entry means a mutant by its place and its changed lines, wherever in the function they are."""
    entry = {"place": "saga.*.book", "before": "if a[0]:", "after": "if * and a[0]:"}
    assert report.is_listed(mutant("if a[0]:", "if True and a[0]:"), entry)
    assert not report.is_listed(mutant("if a[0]:", "if not a[0]:"), entry)
    assert not report.is_listed(mutant("if a[0]:", "if True and a[0]:", place="saga.steps.cancel"), entry)


def test_every_equivalent_has_its_reason() -> None:
    """Each entry of the list says where, and why nothing can tell the difference."""
    for entry in report.listed():
        assert entry["place"]
        assert entry["reason"].endswith(".")


def test_what_does_not_count_is_set_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equivalent is a survivor that is listed, prose any text; what is killed or refused stays that."""
    monkeypatch.setattr(
        report, "listed", lambda: [{"place": "saga.steps.book", "before": "a()", "after": "b()", "reason": "."}]
    )
    tried = [
        mutant("a()", "b()"),
        mutant("a()", "b()", KILLED),
        mutant("a()", "c()"),
        mutant('a("some text")', 'a("XXsome textXX")', KILLED),
        mutant('a("some text")', 'a("XXsome textXX")', REFUSED),
        mutant("a()", "b()", UNTRIED),
    ]
    statuses = [one.status for one in report.judged(tried)]
    assert statuses == [EQUIVALENT, KILLED, SURVIVED, PROSE, REFUSED, UNTRIED]


def test_the_score_is_of_what_counts(capsys: pytest.CaptureFixture[str]) -> None:
    """The score is what is killed of what is killed or survives; a survivor is shown with its diff."""
    statuses = (KILLED, KILLED, KILLED, EQUIVALENT, PROSE, REFUSED)
    score = report.show([*(mutant("a()", "b()", status) for status in statuses), mutant("a()", "c()")])
    assert score == 75
    said = capsys.readouterr().out
    assert "saga/steps.py: saga.steps.book\n def book():\n-    a()\n+    c()\n     end()" in said
    assert "b()" not in said


def test_only_mutants_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error in a mutant refuses it; one in the original or elsewhere refuses nothing."""
    monkeypatch.chdir(tmp_path)
    spans = {"x_a__mutmut_orig": [1, 3], "x_a__mutmut_1": [5, 7]}
    Path("saga").mkdir()
    Path("saga/a.py.spans").write_text(json.dumps({"spans": spans}))
    refused = [typecheck.mutant({"file": "saga/a.py", "line": line}) for line in range(1, 10)]
    assert refused == [None] * 4 + ["saga.a.x_a__mutmut_1"] * 3 + [None] * 2
