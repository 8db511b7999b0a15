"""The shape of the two hand-written state machines, and that they fit the participants and the errors."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from saga.errors import REFUSALS
from saga.trip import CONFIRMED, ENDED, PARTICIPANTS

ROOT = Path(__file__).parents[2]
TEXTS = {name: (ROOT / f"statemachine/{name}.asl.json").read_text() for name in ("booking", "cancellation")}
MACHINES: dict[str, dict[str, Any]] = {name: json.loads(text)["States"] for name, text in TEXTS.items()}
TASKS = {
    machine: {name: state for name, state in states.items() if state["Type"] == "Task"}
    for machine, states in MACHINES.items()
}
BOOKING = TASKS["booking"]
BOOKS = [f"Book{name.title()}" for name in PARTICIPANTS]
CANCELS = [f"Cancel{name.title()}" for name in PARTICIPANTS]
UNDOS = [*CANCELS, "EndSaga"]
LAST = CANCELS[0]
"""The cancel that runs last: what was booked first."""
STOPS = {"booking": "TripBooked", "cancellation": "NothingToUndo"}
"""Where a machine goes on when an undo finds the trip confirmed."""
UNDONE = {"booking": "TripRolledBack", "cancellation": "TripUndone"}

both = pytest.mark.parametrize("machine", MACHINES)
undos = pytest.mark.parametrize("undo", UNDOS)
every_task = pytest.mark.parametrize(
    ("machine", "task"), [(name, task) for name, tasks in TASKS.items() for task in tasks]
)

HISTORY = 25_000
"""Events an execution may have, after which AWS ends it (Step Functions, Quotas)."""

SHORT = {"IntervalSeconds": 1, "BackoffRate": 2, "MaxAttempts": 4, "MaxDelaySeconds": 10, "JitterStrategy": "FULL"}
LONG = {"IntervalSeconds": 2, "BackoffRate": 2, "MaxAttempts": 64, "MaxDelaySeconds": 60, "JitterStrategy": "FULL"}
"""How what goes forward is retried, for half a minute, and what undoes, for an hour."""

CONTEXT = {"step.$": "$$.State.Name", "attempt.$": "$$.State.RetryCount"}
BEGINS = {"request.$": "$", "execution.$": "$$.Execution.Id", **CONTEXT}
STEP = {name: f"$.{name.removesuffix('.$')}" for name in ("trip_id.$", "saga_id.$", "run.$", "faults.$")} | CONTEXT
BOOK = STEP | {"trip.$": "$.trip", "bookings.$": "$.bookings"}
CANCEL = BOOK | {"owed.$": "$.owed"}
END = STEP | {"owed.$": "$.owed", "before.$": "$.end"}
PASSED = {
    "booking": {"BeginSaga": BEGINS, **dict.fromkeys(BOOKS, BOOK), **dict.fromkeys(CANCELS, CANCEL), "EndSaga": END},
    "cancellation": {
        "BeginCancellation": BEGINS,
        **dict.fromkeys(CANCELS, CANCEL | {"status.$": "$.status"}),
        "EndSaga": END,
    },
}
"""What each task passes to its function, but for its position."""


def retried(refusals: list[str], how: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the retriers of a task: refusals never, all else in this way."""
    return [{"ErrorEquals": refusals, "MaxAttempts": 0}, {"ErrorEquals": ["States.ALL"], **how}]


def test_the_books_follow_each_other_in_the_order_of_the_participants() -> None:
    """From BeginSaga the machine books each participant in turn and then succeeds."""
    path, state = [], "BeginSaga"
    while state in BOOKING:
        path.append(state)
        state = BOOKING[state]["Next"]
    assert [*path, state] == ["BeginSaga", *BOOKS, "TripBooked"]


@both
def test_the_cancels_follow_each_other_in_reverse(machine: str) -> None:
    """From the last participant's cancel each machine cancels in reverse and then asks whether the trip has ended."""
    path, state = [], CANCELS[-1]
    while state in CANCELS:
        path.append(state)
        state = TASKS[machine][state]["Next"]
    assert [*path, state] == [*reversed(CANCELS), "HasItEnded"]


@pytest.mark.parametrize("book", BOOKS)
def test_each_book_is_undone_from_its_own_cancel_on(book: str) -> None:
    """Whatever a book fails with, its own cancel is the first to run."""
    assert BOOKING[book]["Catch"] == [
        {"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": book.replace("Book", "Cancel")}
    ]


@both
@undos
def test_an_exhausted_undo_is_passed_over(machine: str, undo: str) -> None:
    """An undo stops first at a confirmed trip; a cancel that keeps failing is owed, and the next state follows.

    Behind the last cancel that is EndSaga, for what is owed has not ended; behind EndSaga the trip needs attention.
    """
    state = TASKS[machine][undo]
    following = {LAST: "EndSaga", "EndSaga": "TripNeedsAttention"}.get(undo, state["Next"])
    kept = "$.unended" if undo == "EndSaga" else f"$.owed.{undo.removeprefix('Cancel').lower()}"
    assert state["Catch"] == [
        {"ErrorEquals": ["TripConfirmed"], "ResultPath": "$.confirmed", "Next": STOPS[machine]},
        {"ErrorEquals": ["States.ALL"], "ResultPath": kept, "Next": following},
    ]


def test_what_begins_is_refused_or_fails() -> None:
    """A refused begin ends the execution as refused; any other failure fails it, for there is nothing to undo yet."""
    refused = [{"ErrorEquals": ["InvalidTrip", "TripConflict"], "Next": "TripRefused"}]
    assert BOOKING["BeginSaga"]["Catch"] == refused
    unknown = [{"ErrorEquals": ["InvalidTrip"], "Next": "CancellationRefused"}]
    assert TASKS["cancellation"]["BeginCancellation"]["Catch"] == unknown


@pytest.mark.parametrize("book", BOOKS)
def test_refusals_are_never_retried_by_a_book(book: str) -> None:
    """Every refusal that the code knows is in the first retrier, with no attempts; all else is tried five times."""
    refusals = BOOKING[book]["Retry"][0]["ErrorEquals"]
    assert set(refusals) == {*REFUSALS, "InvalidTrip"}
    assert BOOKING[book]["Retry"] == retried(refusals, SHORT)


@both
@undos
def test_an_undo_is_retried_for_an_hour_but_not_on_a_confirmed_trip(machine: str, undo: str) -> None:
    """The waits of an undo's retries add up to between fifty and seventy minutes at their longest."""
    assert TASKS[machine][undo]["Retry"] == retried(["TripConfirmed"], LONG)
    waits = (LONG["IntervalSeconds"] * LONG["BackoffRate"] ** n for n in range(LONG["MaxAttempts"]))
    assert 3000 < sum(min(wait, LONG["MaxDelaySeconds"]) for wait in waits) < 4200


def test_a_begin_is_retried_like_what_follows_it() -> None:
    """BeginSaga is retried like a book, BeginCancellation like a cancel; what is refused stays refused."""
    assert BOOKING["BeginSaga"]["Retry"] == retried(["InvalidTrip", "TripConflict"], SHORT)
    assert TASKS["cancellation"]["BeginCancellation"]["Retry"] == retried(["InvalidTrip"], LONG)


@both
def test_the_worst_execution_fits_the_history(machine: str) -> None:
    """If every task uses up its retries, and the cancels run once more for each participant, the events are few."""
    attempts = {name: 1 + state["Retry"][-1]["MaxAttempts"] for name, state in TASKS[machine].items()}
    again = sum(attempts[undo] for undo in UNDOS) * len(PARTICIPANTS)
    assert (sum(attempts.values()) + again) * 4 + len(MACHINES[machine]) * 2 * len(PARTICIPANTS) < HISTORY / 4


@every_task
def test_each_task_calls_the_function_of_its_own_name(machine: str, task: str) -> None:
    """A task's resource is the placeholder that bears the state's name."""
    assert TASKS[machine][task]["Resource"] == f"${{{task}}}"


@every_task
def test_a_task_outlasts_its_function(machine: str, task: str) -> None:
    """A task's timeout is above the ten seconds of its function, so the function is dead before its retry starts."""
    assert TASKS[machine][task]["TimeoutSeconds"] == 15


@both
def test_positions_rise_in_the_order_of_the_story(machine: str) -> None:
    """Log positions rise from the first book to the last, then from the last cancel to the first, then to the end."""
    order = [*BOOKS, *reversed(CANCELS), "EndSaga"]
    positions = {name: n for n, name in enumerate(order, 1) if name in TASKS[machine]}
    told = {name: task["Parameters"]["position"] for name, task in TASKS[machine].items() if name in positions}
    assert told == positions


@every_task
def test_each_task_passes_what_its_function_reads(machine: str, task: str) -> None:
    """A book gets the whole trip and what has been booked, a cancel also what is owed, EndSaga its last answer."""
    passed = {name: value for name, value in TASKS[machine][task]["Parameters"].items() if name != "position"}
    assert passed == PASSED[machine][task]


@every_task
def test_each_answer_is_kept_in_its_place(machine: str, task: str) -> None:
    """A begin's answer is the state; a participant's is among the bookings, where the other steps find it."""
    places = {f"{verb}{name.title()}": f"$.bookings.{name}" for verb in ("Book", "Cancel") for name in PARTICIPANTS}
    assert TASKS[machine][task].get("ResultPath") == (places | {"EndSaga": "$.end"}).get(task)


@both
def test_a_last_cancel_that_has_ended_the_trip_is_the_end(machine: str) -> None:
    """Behind the cancels the machine looks whether the last of them has ended the trip; if not, EndSaga does."""
    ended = {"Variable": f"$.bookings.{LAST.removeprefix('Cancel').lower()}.ended", "BooleanEquals": True}
    state = MACHINES[machine]["HasItEnded"]
    assert state["Choices"] == [ended | {"Next": UNDONE[machine]}]
    assert state["Default"] == "EndSaga"


@both
def test_a_ledger_that_is_not_empty_sends_all_cancels_again(machine: str) -> None:
    """Behind EndSaga the machine goes back to the first cancel, or ends as the trip has ended."""
    assert TASKS[machine]["EndSaga"]["Next"] == "HowItEnded"
    state = MACHINES[machine]["HowItEnded"]
    assert state["Choices"] == [
        {"Variable": "$.end.again", "BooleanEquals": True, "Next": CANCELS[-1]},
        {"Variable": "$.end.status", "StringEquals": "NEEDS_ATTENTION", "Next": "TripNeedsAttention"},
    ]
    assert state["Default"] == UNDONE[machine]


def test_a_trip_with_nothing_to_undo_is_left_alone() -> None:
    """An undo ends at once for a trip that is confirmed or has ended, and else begins with the last participant."""
    state = MACHINES["cancellation"]["IsThereAnythingToUndo"]
    (choice,) = state["Choices"]
    statuses = [{"Variable": "$.status", "StringEquals": status} for status in (CONFIRMED, *ENDED)]
    assert choice == {"Or": statuses, "Next": "NothingToUndo"}
    assert state["Default"] == CANCELS[-1]
    assert TASKS["cancellation"]["BeginCancellation"]["Next"] == "IsThereAnythingToUndo"


@both
def test_nothing_of_an_account_is_in_the_definition(machine: str) -> None:
    """No ARN, account, region or Serverless variable stands in the ASL, only plain placeholders."""
    assert not re.search(r"arn:|\d{12}|[a-z]{2}-[a-z]+-\d", TEXTS[machine])
    assert set(re.findall(r"\$\{([^}]*)\}", TEXTS[machine])) == set(TASKS[machine])


@both
def test_no_null_stands_in_the_definition(machine: str) -> None:
    """Serverless drops a property that is null, so the definition has none (a ResultPath would lose its meaning)."""
    assert "null" not in TEXTS[machine]


@pytest.mark.parametrize(
    ("machine", "succeed", "fail"),
    [
        ("booking", {"TripBooked"}, {"TripRolledBack", "TripNeedsAttention", "TripRefused"}),
        ("cancellation", {"TripUndone", "NothingToUndo"}, {"TripNeedsAttention", "CancellationRefused"}),
    ],
)
def test_it_ends_in_few_ways(machine: str, succeed: set[str], fail: set[str]) -> None:
    """What went well succeeds; the other ends fail under their own names."""
    states = MACHINES[machine]
    assert {name for name, state in states.items() if state["Type"] == "Succeed"} == succeed
    assert {name: state["Error"] for name, state in states.items() if state["Type"] == "Fail"} == {
        name: name for name in fail
    }


def test_faults_may_name_just_the_steps() -> None:
    """The schema of faults allows the task states of both machines, and no step of a participant that there is not."""
    schema = json.loads((ROOT / "schemas/faults.schema.json").read_text())
    pattern = re.compile(schema["propertyNames"]["pattern"])
    assert all(pattern.match(step) for tasks in TASKS.values() for step in tasks)
    named = set(re.findall("[A-Z][a-z]+", schema["propertyNames"]["pattern"])) - {"Begin", "End", "Book", "Cancel"}
    assert {name.lower() for name in named} - {"saga", "cancellation"} == set(PARTICIPANTS)
