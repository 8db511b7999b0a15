"""Keys of the saga log: they sort into the story, whatever the order of writing."""

from dataclasses import replace

import pytest

from saga import log
from saga.log import Call
from saga.ports import Key, Put

CALL = Call("trip-1", "saga", run=0, position=3, step="BookCar", attempt=0)


def entries(*puts: Put) -> list[str]:
    """The sort keys of some entries."""
    return [put.key.entry for put in puts]


def test_a_call_is_what_the_state_passes() -> None:
    """A step reads its call from the fields that its state passes, and leaves the others alone."""
    event = {"trip_id": "t", "saga_id": "s", "run": 1, "position": 4, "step": "CancelCar", "attempt": 2}
    assert Call.parse(event | {"part": {}, "faults": {}}) == Call("t", "s", 1, 4, "CancelCar", 2, confirms=False)


def test_the_last_book_is_told_to_confirm() -> None:
    """A state that says `confirms` makes its book the last."""
    event = {"trip_id": "t", "saga_id": "s", "run": 0, "position": 3, "step": "BookCar", "attempt": 0}
    assert Call.parse(event | {"confirms": True}).confirms


@pytest.mark.parametrize("missing", ["trip_id", "saga_id", "run", "position", "step", "attempt"])
def test_a_call_lacks_nothing(missing: str) -> None:
    """A state that forgets a field is found out at once."""
    event = {"trip_id": "t", "saga_id": "s", "run": 0, "position": 3, "step": "BookCar", "attempt": 0}
    del event[missing]
    with pytest.raises(TypeError, match=missing):
        Call.parse(event)


def test_the_log_stands_beside_its_trip() -> None:
    """A trip's record and its log share a partition, and the record is no line of the log."""
    assert log.trip_key("trip-1") == Key("saga-log", "trip-1", "TRIP")
    assert log.started(CALL, "now").key == Key("saga-log", "trip-1", "LOG#000#03#BookCar#000#START")


def test_a_step_has_one_outcome() -> None:
    """END and ABORT share one key for all attempts, so whichever comes first stands."""
    ended, aborted = log.outcome(CALL, log.END, "now"), log.outcome(replace(CALL, attempt=7), log.ABORT, "now")
    assert ended.key == aborted.key
    assert (ended.item["kind"], aborted.item["kind"], aborted.item["attempt"]) == ("END", "ABORT", 7)


@pytest.mark.parametrize("other", [{"run": 1}, {"position": 4}, {"step": "CancelCar"}])
def test_runs_and_steps_have_their_own_outcomes(other: dict[str, object]) -> None:
    """A step of another run, or another step, has an outcome of its own."""
    assert log.outcome(CALL, log.END, "now").key != log.outcome(replace(CALL, **other), log.END, "now").key


def test_keys_sort_into_the_story() -> None:
    """The saga begins, its steps start as often as they try and have their outcome, it ends; then come later runs."""
    end = replace(CALL, position=7, step="EndSaga")
    story = entries(
        log.begun("trip-1", 0, "now"),
        *(log.started(replace(CALL, attempt=attempt), "now") for attempt in (0, 1, 2, 9, 10, 64, 100)),
        log.outcome(CALL, log.END, "now"),
        log.ended(CALL, "CONFIRMED", "now"),
        log.started(replace(CALL, position=4, step="CancelCar"), "now"),
        log.ended(end, "NEEDS_ATTENTION", "now"),
        log.started(replace(CALL, run=1, position=1, step="CancelCar"), "now"),
        log.ended(replace(end, run=2), "ROLLED_BACK", "now"),
        log.started(replace(CALL, run=10, position=1, step="CancelCar"), "now"),
    )
    assert sorted(story) == story


@pytest.mark.parametrize(
    ("status", "kind"),
    [("CONFIRMED", "END"), ("ROLLED_BACK", "END"), ("CANCELLED", "END"), ("NEEDS_ATTENTION", "ABORT")],
)
def test_a_saga_ends_or_aborts(status: str, kind: str) -> None:
    """The saga's last line is END where it reached a goal, ABORT where somebody must look."""
    assert log.ended(CALL, status, "now").item["kind"] == kind


def test_an_entry_says_when_and_where() -> None:
    """An entry carries its time, its step, its run, its attempt, and what the step adds to it."""
    entry = log.outcome(replace(CALL, attempt=1), log.ABORT, "noon", error="SoldOut")
    assert entry.item == {
        "step": "BookCar",
        "kind": "ABORT",
        "at": "noon",
        "run": 0,
        "attempt": 1,
        "error": "SoldOut",
    }
