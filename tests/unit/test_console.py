"""How the console reads an execution's history and a saga log, and whom its guard lets in."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.datastructures import Headers

from tools.console import guard, looks
from tools.console.guard import Guard
from tools.console.story import story
from tools.follow import Step

NOON = datetime(2099, 1, 1, 12, tzinfo=UTC)


def steps(*told: str) -> list[Step]:
    """Make a history of `<state> <what> [<error>]`, a second apart."""
    made = []
    for second, text in enumerate(told):
        state, what, *error = text.split()
        made.append(Step(NOON + timedelta(seconds=second), state, what, *error))
    return made


BOOKED = ["BookHotel entered", "BookHotel done"]


@pytest.mark.parametrize(
    ("history", "look", "attempts"),
    [
        (["BookCar entered"], "running", 1),
        (["BookCar entered", "BookCar done"], "succeeded", 1),
        (["CancelCar entered", "CancelCar done"], "compensated", 1),
        (["BookCar entered", "BookCar failed SoldOut"], "running", 2),
        (["BookCar entered", "BookCar failed SoldOut", "BookCar caught"], "refused", 1),
        (["BookCar entered", "BookCar failed TransientError"], "retried", 2),
        (["BookCar entered", "BookCar failed TransientError", "BookCar done"], "succeeded", 2),
        (["BookCar entered", "BookCar failed States.Timeout", "BookCar caught"], "failed", 1),
        (["BookCar entered", "ABORTED ended"], "failed", 1),
        (["HowItEnded entered", "EndSaga entered"], "succeeded", 1),
        (["CancelCar entered", "CancelFlight entered"], "compensated", 1),
        (["CancelCar entered", "CancelCar failed TransientError", "CancelFlight entered"], "failed", 1),
        (["TripBooked entered", "ExecutionSucceeded ended"], "succeeded", 1),
        (["TripRolledBack entered", "ExecutionFailed ended TripRolledBack"], "compensated", 1),
        (["TripRefused entered", "ExecutionFailed ended TripRefused"], "refused", 1),
        (["TripNeedsAttention entered", "ExecutionFailed ended TripNeedsAttention"], "failed", 1),
    ],
)
def test_looks(history: list[str], look: str, attempts: int) -> None:
    """Each history gives its first state one look and a count of attempts."""
    found = next(iter(looks.looks(steps(*BOOKED, *history)[2:]).values()))
    assert (found.look, found.attempts) == (look, attempts)


def test_a_stopped_execution_says_so() -> None:
    """The state in which an execution was stopped has failed, with what ended it as its error."""
    found = looks.looks(steps("BookCar entered", "ABORTED ended"))["BookCar"]
    assert (found.look, found.error) == ("failed", "ABORTED")


@pytest.mark.parametrize(
    ("state", "entry", "look"),
    [
        ("BookCar", {"kind": "END"}, "succeeded"),
        ("CancelCar", {"kind": "END"}, "compensated"),
        ("BookCar", {"kind": "ABORT", "error": "SoldOut"}, "refused"),
        ("BookCar", {"kind": "START"}, "running"),
    ],
)
def test_the_log_overtakes_the_history(state: str, entry: dict[str, Any], look: str) -> None:
    """A step with an outcome in the log runs no more, whatever the history has not yet told."""
    found = looks.looks(steps(f"{state} entered"))
    looks.overtake(found, [{"step": state, "at": NOON.isoformat(), **entry}])
    assert found[state].look == look
    assert found[state].error == entry.get("error")


def entry(step: str, kind: str, attempt: int = 0, run: int = 0, position: int = 0, **facts: Any) -> dict[str, Any]:
    """A line of a saga log."""
    key = f"LOG#{run:03}#{position:02}#{step}"
    return {"entry": key, "step": step, "kind": kind, "attempt": attempt, "run": run, "at": NOON.isoformat(), **facts}


def test_a_first_failure_has_no_start_to_stand_behind() -> None:
    """A first attempt that failed logs no START: its failure stands before the second one's, and only there."""
    log = [entry("BookCar", "START", 1), entry("BookCar", "START", 2), entry("BookCar", "END", 2)]
    history = steps("BookCar entered", *["BookCar failed TransientError"] * 2, "BookCar done")
    (chapter,) = story(log, {0: history})
    assert [(line["kind"], line["attempt"]) for line in chapter["lines"]] == [
        *(("FAILED", 0), ("START", 1), ("FAILED", 1), ("START", 2), ("END", 2)),
    ]


LAST_CANCEL = [entry("CancelHotel", "START", position=6), entry("CancelHotel", "END", position=6)]


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (
            [*LAST_CANCEL, entry("Saga", "END", position=6, status="ROLLED_BACK")],
            {"CancelHotel": "compensated", "HasItEnded": "succeeded", "TripRolledBack": "compensated"},
        ),
        (
            [*LAST_CANCEL, entry("Saga", "END", position=7, status="ROLLED_BACK")],
            {
                "CancelHotel": "compensated",
                **dict.fromkeys(["HasItEnded", "EndSaga", "HowItEnded"], "succeeded"),
                "TripRolledBack": "compensated",
            },
        ),
        (
            [
                entry("CancelHotel", "START", 1, position=6),
                entry("Saga", "ABORT", position=7, status="NEEDS_ATTENTION"),
            ],
            {
                "CancelHotel": "failed",
                **dict.fromkeys(["EndSaga", "HowItEnded"], "succeeded"),
                "TripNeedsAttention": "failed",
            },
        ),
        (
            [
                entry("BookCar", "START", position=3),
                entry("BookCar", "END", position=3),
                entry("Saga", "END", position=3, status="CONFIRMED"),
            ],
            {"BookCar": "succeeded", "TripBooked": "succeeded"},
        ),
        (
            [entry("BookCar", "START", 1, position=3), entry("BookCar", "END", 1, position=3)],
            {"BookCar": "succeeded"},
        ),
    ],
)
def test_a_run_told_by_its_log_alone(log: list[dict[str, Any]], expected: dict[str, str]) -> None:
    """Without a history the log tells which states a run went through: a cancel that ended the trip has no EndSaga."""
    assert {name: look.look for name, look in looks.looks(looks.told(log, 0)).items()} == expected


def test_failures_stand_behind_their_attempts() -> None:
    """The n-th failure of the history follows the n-th START of its step; a refusal is told by the log alone."""
    log = [
        entry("Saga", "BEGIN"),
        *(entry("BookCar", "START", attempt) for attempt in range(3)),
        entry("BookCar", "ABORT", 2, error="SoldOut", message="none left"),
    ]
    history = steps(
        "BookCar entered", *["BookCar failed TransientError"] * 2, "BookCar failed SoldOut", "BookCar caught"
    )
    told = story(log, {0: history})
    assert [chapter["step"] for chapter in told] == ["Saga", "BookCar"]
    assert [line["kind"] for line in told[1]["lines"]] == ["START", "FAILED", "START", "FAILED", "START", "ABORT"]


def test_failures_that_no_log_has() -> None:
    """What begins and what ends a run logs no START; its failures come before its entry, each run its own."""
    log = [entry("Saga", "BEGIN"), entry("Saga", "END"), entry("Saga", "BEGIN", run=1), entry("Saga", "END", run=1)]
    histories = {
        0: steps("BeginSaga failed A", "EndSaga failed B"),
        1: steps("BeginCancellation failed C", "EndSaga failed D"),
    }
    told = [(chapter["run"], chapter["step"]) for chapter in story(log, histories)]
    undo = [(1, "BeginCancellation"), (1, "Saga"), (1, "EndSaga"), (1, "Saga")]
    assert told == [(0, "BeginSaga"), (0, "Saga"), (0, "EndSaga"), (0, "Saga"), *undo]


HOST = "127.0.0.1:4680"
GUARD = Guard(None, HOST, "right")  # type: ignore[arg-type]
SAME = {"host": HOST, "sec-fetch-site": "same-origin"}
CHANGE = SAME | {
    "origin": f"http://{HOST}",
    "content-type": "application/json",
    "content-length": "2",
    guard.TOKEN_HEADER: "right",
}


def refused(method: str, path: str, headers: dict[str, str]) -> bool:
    """Whether the guard refuses a request; a header of no text is left out."""
    kept = {name: value for name, value in headers.items() if value}
    return GUARD.refusal(method, path, Headers(kept)) is not None


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reading(method: str) -> None:
    """The page's own reading, and a person's, is let in."""
    assert not refused(method, "/api/trips", SAME)
    assert not refused(method, "/", {"host": HOST, "sec-fetch-site": "none"})
    assert not refused(method, "/", {"host": HOST, "sec-fetch-site": "cross-site"})


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "localhost:4680"},
        {"host": "127.0.0.1:4681"},
        {"host": "evil.example"},
        {"host": ""},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_reading_by_others(headers: dict[str, str]) -> None:
    """Another host, another origin and another site read nothing."""
    assert refused("GET", "/api/trips", SAME | headers)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_a_change_as_the_page_makes_it(method: str) -> None:
    """A change with the page's Host, Origin and token is let in; a reading's headers are not enough for it."""
    assert not refused(method, "/api/trips", CHANGE)
    assert refused(method, "/api/trips", SAME)


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"origin": ""},
        {"origin": "https://127.0.0.1:4680"},
        {guard.TOKEN_HEADER: ""},
        {guard.TOKEN_HEADER: "wrong"},
        {guard.TOKEN_HEADER: "r\u00efght"},
        {"content-type": "text/plain"},
        {"content-type": ""},
        {"content-length": ""},
        {"content-length": "-1"},
        {"content-length": str(guard.LONGEST_BODY + 1)},
    ],
)
def test_a_change_that_lacks_something(headers: dict[str, str]) -> None:
    """A change needs every one of them: Host, Origin, token, JSON, and a length within bounds."""
    assert refused("POST", "/api/trips", CHANGE | headers)
