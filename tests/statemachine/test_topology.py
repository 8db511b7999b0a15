"""The shape of the hand-written state machine, and that it fits the participants and the errors."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from saga.errors import REFUSALS
from saga.trip import PARTICIPANTS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "statemachine/booking.asl.json").read_text()
MACHINE: dict[str, Any] = json.loads(TEXT)
STATES: dict[str, Any] = MACHINE["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
BOOKS = [f"Book{name.title()}" for name in PARTICIPANTS]
CANCELS = [f"Cancel{name.title()}" for name in PARTICIPANTS]
UNDOS = [*CANCELS, "EndSaga"]

HISTORY = 25_000
"""Events an execution may have, after which AWS ends it (Step Functions, Quotas)."""


def test_the_books_follow_each_other_in_the_order_of_the_participants() -> None:
    """From BeginSaga the machine books each participant in turn and then succeeds."""
    path, state = [], "BeginSaga"
    while state in TASKS:
        path.append(state)
        state = TASKS[state]["Next"]
    assert [*path, state] == ["BeginSaga", *BOOKS, "TripBooked"]


def test_the_cancels_follow_each_other_in_reverse() -> None:
    """From the last participant's cancel the machine cancels in reverse and then ends the saga."""
    path, state = [], CANCELS[-1]
    while state in CANCELS:
        path.append(state)
        state = TASKS[state]["Next"]
    assert [*path, state] == [*reversed(CANCELS), "EndSaga"]


@pytest.mark.parametrize("book", BOOKS)
def test_each_book_is_undone_from_its_own_cancel_on(book: str) -> None:
    """Whatever a book fails with, its own cancel is the first to run."""
    assert TASKS[book]["Catch"] == [
        {"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": book.replace("Book", "Cancel")}
    ]


@pytest.mark.parametrize("cancel", CANCELS)
def test_an_exhausted_cancel_is_owed_and_passed_over(cancel: str) -> None:
    """A cancel that keeps failing is recorded under its participant, and the next state is that after success."""
    confirmed, exhausted = TASKS[cancel]["Catch"]
    assert confirmed["ErrorEquals"] == ["TripConfirmed"]
    assert confirmed["Next"] == "TripBooked"
    assert exhausted == {
        "ErrorEquals": ["States.ALL"],
        "ResultPath": f"$.owed.{cancel.removeprefix('Cancel').lower()}",
        "Next": TASKS[cancel]["Next"],
    }


@pytest.mark.parametrize("book", BOOKS)
def test_refusals_are_never_retried_by_a_book(book: str) -> None:
    """Every refusal that the code knows is in the first retrier, with no attempts."""
    first, rest = TASKS[book]["Retry"]
    assert set(first["ErrorEquals"]) == {*REFUSALS, "InvalidTrip"}
    assert first["MaxAttempts"] == 0
    assert rest["ErrorEquals"] == ["States.ALL"]
    assert rest["MaxAttempts"] > 0


@pytest.mark.parametrize("undo", UNDOS)
def test_an_undo_is_retried_for_an_hour_but_not_on_a_confirmed_trip(undo: str) -> None:
    """The waits of an undo's retries add up to between fifty and seventy minutes at their longest."""
    first, rest = TASKS[undo]["Retry"]
    assert first == {"ErrorEquals": ["TripConfirmed"], "MaxAttempts": 0}
    waits = (rest["IntervalSeconds"] * rest["BackoffRate"] ** n for n in range(rest["MaxAttempts"]))
    assert 3000 < sum(min(wait, rest["MaxDelaySeconds"]) for wait in waits) < 4200


@pytest.mark.parametrize("task", TASKS)
def test_retries_are_jittered_and_capped(task: str) -> None:
    """The last retrier of every task catches all errors, spreads its retries and caps their delay."""
    last = TASKS[task]["Retry"][-1]
    assert last["ErrorEquals"] == ["States.ALL"]
    assert last["JitterStrategy"] == "FULL"
    assert last["MaxDelaySeconds"] <= 60


def test_the_worst_execution_fits_the_history() -> None:
    """If every task uses up its retries, the events stay far below the limit of an execution's history."""
    attempts = sum(1 + state["Retry"][-1]["MaxAttempts"] for state in TASKS.values())
    assert attempts * 4 + len(STATES) * 2 < HISTORY / 10


@pytest.mark.parametrize("task", TASKS)
def test_each_task_calls_the_function_of_its_own_name(task: str) -> None:
    """A task's resource is the placeholder that bears the state's name."""
    assert TASKS[task]["Resource"] == f"${{{task}}}"


@pytest.mark.parametrize("task", TASKS)
def test_a_task_outlasts_its_function(task: str) -> None:
    """A task's timeout is above the ten seconds of its function, so the function is dead before its retry starts."""
    assert TASKS[task]["TimeoutSeconds"] > 10


def test_positions_rise_in_the_order_of_the_story() -> None:
    """Log positions rise from the first book to the last, then from the last cancel to the first, then to the end."""
    order = [*BOOKS, *reversed(CANCELS), "EndSaga"]
    positions = [TASKS[step]["Parameters"]["position"] for step in order]
    assert positions == sorted(set(positions))


def test_only_the_last_book_confirms() -> None:
    """The parameter that confirms the trip is on the last book and on no other."""
    assert [name for name, state in TASKS.items() if state["Parameters"].get("confirms")] == [BOOKS[-1]]


def test_the_cancels_are_told_which_books_have_answered() -> None:
    """Each cancel of the booking machine gets the books' answers, so that it tries the likely transaction first."""
    assert {TASKS[name]["Parameters"].get("bookings.$") for name in CANCELS} == {"$.bookings"}


def test_nothing_of_an_account_is_in_the_definition() -> None:
    """No ARN, account, region or Serverless variable stands in the ASL, only plain placeholders."""
    assert not re.search(r"arn:|\d{12}|[a-z]{2}-[a-z]+-\d", TEXT)
    assert set(re.findall(r"\$\{([^}]*)\}", TEXT)) == set(TASKS)


def test_no_null_stands_in_the_definition() -> None:
    """Serverless drops a property that is null, so the definition has none (a ResultPath would lose its meaning)."""
    assert "null" not in TEXT


def test_it_ends_in_four_ways() -> None:
    """TripBooked succeeds; the three other ends fail under their own names."""
    ends = {name: state for name, state in STATES.items() if state["Type"] in ("Succeed", "Fail")}
    assert set(ends) == {"TripBooked", "TripRolledBack", "TripNeedsAttention", "TripRefused"}
    assert [name for name, state in ends.items() if state["Type"] == "Succeed"] == ["TripBooked"]
    assert all(state["Error"] == name for name, state in ends.items() if state["Type"] == "Fail")


def test_faults_may_name_just_the_steps() -> None:
    """The schema of faults allows the task states of both machines, and no step of a participant that there is not."""
    schema = json.loads((ROOT / "schemas/faults.schema.json").read_text())
    pattern = re.compile(schema["propertyNames"]["pattern"])
    cancellation = json.loads((ROOT / "statemachine/cancellation.asl.json").read_text())["States"]
    steps = {*TASKS, *(name for name, state in cancellation.items() if state["Type"] == "Task")}
    assert all(pattern.match(step) for step in steps)
    named = set(re.findall("[A-Z][a-z]+", schema["propertyNames"]["pattern"])) - {"Begin", "End", "Book", "Cancel"}
    assert {name.lower() for name in named} - {"saga", "cancellation"} == set(PARTICIPANTS)
