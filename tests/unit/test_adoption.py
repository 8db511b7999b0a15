"""Tables restored apart: a book that finds its booking, but not its entry in the log, enters itself again."""

from copy import deepcopy
from functools import partial

import pytest

from saga.errors import TransientError, TripConflict
from saga.ports import Key
from tests.memory import MemoryStore
from tests.story import booking, bookings, record, story, taken
from tests.unit.play import ORDER, Play
from tools.invariants import violations


def forget(store: MemoryStore, participant: str) -> None:
    """Restore the log as it was before a book: neither the ledger nor an outcome knows of it."""
    step = f"#Book{participant.title()}#"
    store.items = {key: item for key, item in store.items.items() if step not in key.entry}
    record(store)["booked"] = [name for name in record(store)["booked"] if name != participant]
    if not record(store)["booked"]:
        del record(store)["booked"]


@pytest.fixture
def forgotten(play: Play, store: MemoryStore) -> Play:
    """A trip that is BOOKING, whose hotel is booked and whose log and ledger do not say so."""
    play.book("hotel")
    forget(store, "hotel")
    return play


@pytest.mark.parametrize("participant", ORDER)
def test_what_is_forgotten_is_entered_again(play: Play, store: MemoryStore, participant: str) -> None:
    """A repeated book of a trip that is BOOKING enters its booking in ledger and log again, and takes nothing more."""
    play.book_before(participant)
    first = play.book(participant, told=())
    before = taken(store)
    forget(store, participant)
    assert violations(store.items)
    assert play.book(participant, told=()) == first
    assert (participant in record(store)["booked"], taken(store)) == (True, before)
    assert story(store)[-2:] == [f"Book{participant.title()} START", f"Book{participant.title()} END"]
    assert violations(store.items) == []


def test_a_forgotten_last_book_confirms(play: Play, store: MemoryStore) -> None:
    """A last book that was forgotten, and with it the confirmation, confirms the trip when it comes again."""
    play.book_all()
    forget(store, "car")
    record(store).update(status="BOOKING", unfinished=record(store)["shard"])
    play.book("car")
    assert (record(store)["status"], record(store)["booked"]) == ("CONFIRMED", sorted(ORDER))
    assert story(store)[-1] == "Saga END CONFIRMED"
    assert violations(store.items) == []


@pytest.mark.parametrize("status", ["COMPENSATING", "CANCELLING", "NEEDS_ATTENTION", "ROLLED_BACK", "CONFIRMED"])
def test_only_a_trip_that_is_booking_adopts(forgotten: Play, store: MemoryStore, status: str) -> None:
    """A trip that is no longer BOOKING gets nothing entered; the booking that stands is the answer all the same."""
    record(store)["status"] = status
    before, seen = deepcopy(store.items), list[str]()
    assert forgotten.watched(seen).book("hotel") == {
        "status": "BOOKED",
        "confirmation": booking(store, "hotel")["confirmation"],
    }
    assert (store.items, seen) == (before, ["book"])


def test_an_outcome_that_stands_is_enough(play: Play, store: MemoryStore) -> None:
    """Where the log has the outcome there is nothing to adopt: the record stands in the same table."""
    play.book("hotel")
    del record(store)["booked"]
    before, seen = deepcopy(store.items), list[str]()
    assert play.watched(seen).book("hotel")["status"] == "BOOKED"
    assert (store.items, seen) == (before, ["book"])


@pytest.mark.parametrize("what", ["trip", "booking"])
def test_nothing_is_adopted_across_sagas(forgotten: Play, store: MemoryStore, what: str) -> None:
    """Neither another saga's booking nor a booking under another saga's trip is entered anywhere."""
    (record(store) if what == "trip" else booking(store, "hotel"))["saga_id"] = "other"
    before = deepcopy(store.items)
    with pytest.raises(TripConflict):
        forgotten.book("hotel")
    assert store.items == before


def test_a_cancelled_booking_is_not_adopted(forgotten: Play, store: MemoryStore) -> None:
    """If the booking is cancelled just before it is entered, nothing is entered."""
    act = partial(booking(store, "hotel").update, status="CANCELLED")
    forgotten.between(adopt=act).book("hotel")
    assert "booked" not in record(store)
    assert story(store) == ["Saga BEGIN"]


def test_what_another_has_adopted_is_enough(forgotten: Play, store: MemoryStore) -> None:
    """If the same book, delivered twice, enters it just before, this one gives its answer and enters nothing more."""
    assert forgotten.between(adopt=lambda: forgotten.book("hotel")).book("hotel")["status"] == "BOOKED"
    assert record(store)["booked"] == ["hotel"]
    assert story(store) == ["Saga BEGIN", "BookHotel START", "BookHotel END"]


def test_a_store_that_is_down_adopts_later(forgotten: Play, store: MemoryStore) -> None:
    """A store that does not answer is no answer: the book is to be retried."""

    def die() -> None:
        raise TransientError("down")

    with pytest.raises(TransientError, match="down"):
        forgotten.between(adopt=die).book("hotel")
    assert story(store) == ["Saga BEGIN"]


def test_a_restored_trip_that_rolls_back_owns_nothing(forgotten: Play, store: MemoryStore) -> None:
    """A half-made trip whose log was restored and that is booked again and refused ends with nothing live."""
    forgotten.book("hotel")
    store.items[Key("flight", "OFFER#EI155")] = {"capacity": 0}
    with pytest.raises(Exception, match="sold out"):
        forgotten.book("flight")
    forgotten.cancel("flight")
    forgotten.cancel("hotel")
    assert (record(store)["status"], bookings(store)) == (
        "ROLLED_BACK",
        {"hotel": "CANCELLED", "flight": "CANCELLED"},
    )
    assert violations(store.items) == []
