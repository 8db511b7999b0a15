"""Bare class names are the contract between the functions and the state machine."""

import json
from pathlib import Path
from typing import Any

import pytest

from saga import errors
from saga.errors import InvalidTrip, Problem, Refusal

MACHINE = json.loads((Path(__file__).parents[2] / "statemachine/booking.asl.json").read_text())
TASKS = {name: state for name, state in MACHINE["States"].items() if state["Type"] == "Task"}
REFUSALS = {"InvalidTrip", "NotOffered", "SoldOut", "TripConflict", "BookingCancelled", "TripClosed"}


def matched(state: dict[str, Any]) -> set[str]:
    """Every error name that a state retries or catches."""
    rules = [*state.get("Retry", []), *state.get("Catch", [])]
    return {name for rule in rules for name in rule["ErrorEquals"]}


def never_retried(state: dict[str, Any]) -> set[str]:
    """Every error name that a state excepts from its retries."""
    return {name for rule in state["Retry"] if rule["MaxAttempts"] == 0 for name in rule["ErrorEquals"]}


def test_refusals_are_these() -> None:
    """Six errors are a business no, and no other class is."""
    assert {refusal.__name__ for refusal in Refusal.__subclasses__()} == REFUSALS


def test_steps_refuse_by_name() -> None:
    """A stored refusal is found by its name again; InvalidTrip is none that a step stores."""
    assert set(errors.REFUSALS) == REFUSALS - {"InvalidTrip"}
    assert all(refusal.__name__ == name for name, refusal in errors.REFUSALS.items())


@pytest.mark.parametrize("name", ["TransientError", "TripConfirmed"])
def test_what_is_no_refusal(name: str) -> None:
    """What is to be retried, and what stops an undo, are no refusals."""
    assert not issubclass(getattr(errors, name), Refusal)


@pytest.mark.parametrize("task", TASKS)
def test_the_machine_matches_names_that_exist(task: str) -> None:
    """Every name that a state matches is a class of saga.errors, or one of Step Functions' own."""
    ours = {name for name in matched(TASKS[task]) if not name.startswith("States.")}
    assert ours <= set(vars(errors))


@pytest.mark.parametrize("task", [task for task in TASKS if task.startswith("Book")])
def test_a_book_never_retries_a_refusal(task: str) -> None:
    """Every refusal is excepted from every Book's retries, and nothing else is."""
    assert never_retried(TASKS[task]) == REFUSALS


def test_an_undo_never_retries_a_confirmed_trip() -> None:
    """Every Cancel, and EndSaga, except TripConfirmed from their retries, and nothing else."""
    undoing = [task for task in TASKS if task.startswith(("Cancel", "End"))]
    assert undoing
    assert all(never_retried(TASKS[task]) == {"TripConfirmed"} for task in undoing)


def test_begin_never_retries_its_refusals() -> None:
    """BeginSaga can refuse with InvalidTrip and TripConflict, and neither is retried."""
    assert never_retried(TASKS["BeginSaga"]) == {"InvalidTrip", "TripConflict"}


def test_an_invalid_trip_tells_every_problem_in_one_line() -> None:
    """InvalidTrip says each problem as a JSON Pointer and what was expected, all of them in one line."""
    invalid = InvalidTrip(Problem("/hotel/name", "expected a text"), Problem("", "expected JSON"))
    assert str(invalid) == "/hotel/name: expected a text; /: expected JSON"
