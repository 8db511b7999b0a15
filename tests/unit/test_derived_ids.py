"""Ids are derived, never drawn: that is all this file proves, for every repetition relies on it."""

import pytest

from handlers import saga as handler
from saga import executions, wiring
from saga.booking import answer, confirmation, key, row
from saga.log import started
from saga.ports import Desk, Key
from saga.trip import digest
from tests.memory import MemoryStore
from tests.story import record
from tests.trips import CONTEXT, trip
from tests.unit.play import Play, parsed


def test_a_digest_is_stable() -> None:
    """A digest is the same in every process and release, or a retry after a deploy would be another saga."""
    assert digest("trip-1", "ann") == "0c54365e7734a296cfb5e843e5893ce3"


def test_a_saga_id_is_stable() -> None:
    """The sample trip's saga_id is the same in every process and release."""
    assert parsed(trip()).saga_id == "c19e23c80665bebe0261893f7b340c19"


def test_a_confirmation_number_is_derived() -> None:
    """A confirmation number is a hash of saga and participant, with the participant's letter before it."""
    assert confirmation("saga", "hotel") == f"H-{digest('saga', 'hotel')[:10].upper()}"
    assert confirmation("saga", "hotel") != confirmation("saga", "flight") != confirmation("other", "flight")


def test_attempts_differ_in_nothing_but_their_start(play: Play) -> None:
    """Every attempt of a step gives one answer, one booking's key and one outcome; only STARTs are told apart."""
    first, second = play.call("BookHotel", 1, 0), play.call("BookHotel", 1, 1)
    part = play.part("hotel")
    assert (answer(first, part), key(first, part), row(first, part, "now", 2)) == (
        answer(second, part),
        key(second, part),
        row(second, part, "now", 2),
    )
    assert started(first, "now").key != started(second, "now").key


def test_an_execution_is_named_after_its_saga() -> None:
    """A booking's execution is named by trip and saga, within the 80 characters that Step Functions allows."""
    saga_id = parsed(trip()).saga_id
    assert executions.booking_name("trip-1", saga_id) == f"trip-1-{saga_id[:12]}"
    assert len(executions.booking_name("x" * 64, saga_id)) <= 80


def test_a_trip_without_an_id_gets_one(desk: Desk, store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trip that comes without an id is named after its execution, so that a retry of BeginSaga finds it."""
    monkeypatch.setattr(wiring, "desk", lambda *_: desk)
    request = trip()
    del request["trip_id"]
    event = {"request": request, "execution": "arn:one", "step": "BeginSaga", "attempt": 0}
    first, again = handler.begin(event, CONTEXT), handler.begin(event | {"attempt": 1}, CONTEXT)
    other = handler.begin(event | {"execution": "arn:two"}, CONTEXT)
    assert first == again
    assert first["trip_id"] != other["trip_id"]
    assert Key("saga-log", first["trip_id"], "TRIP") in store.items
    with pytest.raises(KeyError):
        record(store)
