"""Keys of the saga log: they sort into the story, whatever the order of writing."""

from dataclasses import replace

import pytest

from saga import log
from saga.log import Call
from saga.ports import Item, Key, Put

CALL = Call("trip-1", "saga", run=0, position=3, step="BookCar", attempt=0)


def entries(*puts: Put) -> list[str]:
    """The sort keys of some entries."""
    return [put.key.entry for put in puts]


def test_a_call_is_what_the_state_passes() -> None:
    """A step reads its call from the fields that its state passes, and leaves the others alone."""
    event = {"trip_id": "t", "saga_id": "s", "run": 1, "position": 4, "step": "CancelCar", "attempt": 2}
    call = Call.parse(event | {"faults": {}, "anything": 1})
    assert call == Call("t", "s", 1, 4, "CancelCar", 2, trip={}, bookings={}, owed={}, status="COMPENSATING")
    told = {"trip": {"car": {}}, "bookings": {"car": {}}, "owed": {"hotel": {}}, "status": "CANCELLING"}
    assert Call.parse(event | told) == Call("t", "s", 1, 4, "CancelCar", 2, **told)


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
    ended, aborted = (
        log.outcome(CALL, log.END, "now", "ago"),
        log.outcome(replace(CALL, attempt=7), log.ABORT, "now", "ago"),
    )
    assert ended.key == aborted.key
    assert (ended.item["kind"], aborted.item["kind"], aborted.item["attempt"]) == ("END", "ABORT", 7)


@pytest.mark.parametrize("other", [{"run": 1}, {"position": 4}, {"step": "CancelCar"}])
def test_runs_and_steps_have_their_own_outcomes(other: dict[str, object]) -> None:
    """A step of another run, or another step, has an outcome of its own."""
    ours, theirs = (log.outcome(call, log.END, "now", "ago") for call in (CALL, replace(CALL, **other)))
    assert ours.key != theirs.key


def test_keys_sort_into_the_story() -> None:
    """The saga begins, its steps start as often as they try and have their outcome, it ends; then come later runs."""
    end = replace(CALL, position=7, step="EndSaga")
    story = entries(
        log.begun("trip-1", 0, "now"),
        *(log.started(replace(CALL, attempt=attempt), "now") for attempt in (0, 1, 2, 9, 10, 64, 100)),
        log.outcome(CALL, log.END, "now", "ago"),
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
    entry = log.outcome(replace(CALL, attempt=1), log.ABORT, "noon", "morning", error="SoldOut")
    assert entry.item == {
        "step": "BookCar",
        "kind": "ABORT",
        "at": "noon",
        "run": 0,
        "attempt": 1,
        "error": "SoldOut",
    }


KEY = {"trip_id": "trip-1"}
LOG = "LOG#000#03#"


def stored(put: Put) -> Item:
    """An entry as it is read."""
    return {"trip_id": put.key.id, "entry": put.key.entry, **put.item}


def test_a_record_begins_the_story() -> None:
    """A trip's record tells one line: its saga's BEGIN, at the time when it was made."""
    record = {**KEY, "entry": "TRIP", "status": "CONFIRMED", "created": "dawn", "updated": "dusk", "runs": 3}
    begin = {"step": "Saga", "kind": "BEGIN", "at": "dawn", "run": 0}
    assert list(log.lines(record)) == [{**KEY, "entry": "LOG#000#00#Saga#000#BEGIN", **begin}]


def test_a_first_attempts_outcome_tells_its_start() -> None:
    """The outcome of the first attempt tells two lines, START and END, each with its own time and its own key."""
    item = stored(log.outcome(CALL, log.END, "noon", "morning", confirmation="C-1"))
    step = {"step": "BookCar", "run": 0, "attempt": 0}
    assert log.story([item]) == [
        {**KEY, "entry": f"{LOG}BookCar#000#START", **step, "kind": "START", "at": "morning"},
        {**KEY, "entry": f"{LOG}BookCar#999#OUTCOME", **step, "kind": "END", "at": "noon", "confirmation": "C-1"},
    ]


def test_a_later_attempts_outcome_tells_none() -> None:
    """The outcome of a later attempt tells itself alone: its START stands in an entry of its own."""
    call = replace(CALL, attempt=2)
    items = [stored(log.outcome(call, log.ABORT, "noon", "morning")), stored(log.started(call, "morning"))]
    assert [(line["kind"], line["attempt"], line["at"]) for line in log.story(items)] == [
        ("START", 2, "morning"),
        ("ABORT", 2, "noon"),
    ]


@pytest.mark.parametrize("status", ["CONFIRMED", "ROLLED_BACK", "CANCELLED"])
def test_an_outcome_may_end_the_saga(status: str) -> None:
    """The outcome of the step that ended the saga tells the saga's END last, as EndSaga would at that position."""
    call = replace(CALL, run=2, position=6, step="CancelHotel")
    item = stored(log.outcome(call, log.END, "noon", "morning", ended=status))
    end = {"step": "Saga", "kind": "END", "at": "noon", "run": 2, "status": status}
    assert log.story([item])[2:] == [{**KEY, "entry": f"LOG#002#06#Saga#999#{status}", **end}]
    assert log.story([item])[-1] == stored(log.ended(call, status, "noon"))
    assert all("ended" not in line and "started" not in line for line in log.lines(item))


def test_any_other_entry_tells_itself() -> None:
    """A START, an undo's BEGIN and EndSaga's entry are one line each, as they stand."""
    for put in (
        log.started(replace(CALL, attempt=1), "now"),
        log.begun("trip-1", 1, "now", execution="arn"),
        log.ended(CALL, "NEEDS_ATTENTION", "now", owed={"car": "x"}),
    ):
        assert list(log.lines(stored(put))) == [stored(put)]


def test_a_story_is_told_in_its_order() -> None:
    """Whatever order the items come in, the lines come as the saga went."""
    items = [
        stored(log.outcome(replace(CALL, attempt=1), log.END, "5", "4", ended="CONFIRMED")),
        stored(log.started(replace(CALL, attempt=1), "4")),
        {**KEY, "entry": "TRIP", "created": "1"},
        stored(log.outcome(replace(CALL, position=1, step="BookHotel"), log.END, "3", "2")),
    ]
    assert [(line["step"], line["kind"]) for line in log.story(items)] == [
        ("Saga", "BEGIN"),
        ("BookHotel", "START"),
        ("BookHotel", "END"),
        ("BookCar", "START"),
        ("BookCar", "END"),
        ("Saga", "END"),
    ]
