"""Each kind of damage is made, found, and healed or explained: nothing is left without a reason and a next step."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from saga import log, reconciler
from saga.errors import TransientError
from saga.ports import Key
from tests.statemachine.machine import harmless_faults
from tests.tables import record
from tests.trips import trip
from tests.unit import ward as wards
from tests.unit.ward import ID, Ward
from tools import attention, audit, trips
from tools.mending import Mended
from tools.stage import UsageError

pytestmark = pytest.mark.slow  # a cancel that fails for good is tried 65 times

RECORD = log.trip_key(ID)
HOTEL, FLIGHT, CAR = (Key(name, f"TRIP#{ID}") for name in ("hotel", "flight", "car"))
COUNTER = Key("flight", "TAKEN#EI155#2099-03")
FULL = trip("car/model", "Sold Out")["car"]


@pytest.fixture(scope="module")
def _ward() -> Iterator[Ward]:
    """One stage for all tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("SAGA_FAULTS", "allowed")
        patch.setattr(audit, "SETTLES", 0)
        with wards.stage() as made, harmless_faults():
            yield made


@pytest.fixture
def ward(_ward: Ward) -> Ward:
    """A stage that is empty but for its offers."""
    return wards.cleared(_ward)


def sound(ward: Ward) -> None:
    """Nothing is found, and nothing is left to repair."""
    assert ward.violations() == []
    assert ward.repair_all() == []


def explained(mended: Mended) -> list[str]:
    """The next steps of what a repair leaves; each has its reason."""
    assert all(left["finding"] and left["reason"] and left["next"] for left in mended.left)
    return [left["next"] for left in mended.left]


def test_a_live_booking_under_an_ended_trip(ward: Ward) -> None:
    """A flight that is live under a trip that ended, as from a restored table, is cancelled; the trip ends again."""
    ward.book()
    booked = ward.items
    assert ward.undo() == "CANCELLED"
    ward.restore("flight", booked)
    assert ward.found() == {"ledger", "still-booked", "log"}
    (mended,) = ward.repair_all()
    assert (mended.healed, mended.status, mended.trip_id) == (True, "CANCELLED", ID)
    assert mended.done == ["taken back from CANCELLED: still booked: flight", "undone: CANCELLED"]
    assert set(ward.bookings().values()) == {"CANCELLED"}
    assert ward.story()[-5:] == [
        *("Saga ABORT NEEDS_ATTENTION", "Saga BEGIN"),
        *("CancelFlight START", "CancelFlight END", "Saga END CANCELLED"),
    ]
    sound(ward)


@pytest.mark.parametrize("taken", [0, 7, None])
def test_a_counter_that_is_off(ward: Ward, taken: int | None) -> None:
    """A counter that says more or less than there are live bookings is set to their number."""
    ward.book()
    ward.change(COUNTER, d01=taken)
    assert ward.found() >= {"counter"}
    (mended,) = ward.repair_all()
    assert (mended.what, mended.healed, mended.status) == ("flight EI155#2099-03 d01", True, None)
    assert ward.items[COUNTER]["d01"] == 1
    assert ward.story()[-1] == "Saga END CONFIRMED"
    sound(ward)


def test_a_counter_that_moves_is_left(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    """A counter that changes between the look and the write is not touched, and the repair says so."""
    ward.book()
    ward.change(COUNTER, d01=5)
    looked = audit.findings

    def then_moved(*arguments: Any) -> Any:
        found = looked(*arguments)
        ward.change(COUNTER, d01=6)
        return found

    monkeypatch.setattr(audit, "findings", then_moved)
    (mended,) = ward.repair_all()
    assert explained(mended) == ["./saga.sh repair --all  (again, while little is booked)"]
    assert ward.items[COUNTER]["d01"] == 6
    assert ward.story()[-1] == "Saga END CONFIRMED"


def test_a_counter_that_keeps_a_cancel_from_giving_back(ward: Ward) -> None:
    """A trip whose cancel fails since the counter says nobody took anything is healed by its own repair, in one go."""
    ward.book()
    ward.change(COUNTER, d01=0)
    ward.undo()
    assert (ward.status(), ward.story()[-1]) == ("NEEDS_ATTENTION", "Saga ABORT NEEDS_ATTENTION")
    mended = ward.repair()
    assert (mended.healed, mended.status) == (True, "CANCELLED")
    assert mended.done[0] == "flight EI155#2099-03 d01: set to 1, the number of live bookings; it was 0"
    assert ward.items[COUNTER]["d01"] == 0
    sound(ward)


def test_no_counter_is_set_beside_what_cannot_be_read(ward: Ward) -> None:
    """While a booking can't be read, its table's counters stay as they are: it may hold any of them."""
    ward.book()
    ward.change(FLIGHT, takes=7)
    mended = {one.what: one for one in ward.repair_all()}
    assert ward.items[COUNTER]["d01"] == 1
    assert explained(mended["flight EI155#2099-03 d01"]) == ["./saga.sh repair --all  (again, while little is booked)"]
    (told,) = explained(mended[f"trip {ID}"])
    assert told.startswith('aws dynamodb get-item --table-name travel-saga-ward-flight --key \'{"id": {"S": "TRIP#')
    assert ward.story()[-1] == "Saga END CONFIRMED"


@pytest.mark.parametrize(
    "lost",
    ["LOG#000#01#BookHotel#999#OUTCOME", "LOG#000#03#BookCar#999#OUTCOME"],
)
def test_a_hole_in_the_log_of_a_booked_trip(ward: Ward, lost: str) -> None:
    """What a booking and the record prove is entered in the log again, under the same key."""
    ward.book()
    told = ward.story()
    ward.delete(Key("saga-log", ID, lost))
    assert ward.found() == {"log"}
    (mended,) = ward.repair_all()
    assert (mended.healed, mended.status) == (True, "CONFIRMED")
    assert ward.story() == told
    sound(ward)


def test_a_hole_in_the_log_of_an_ended_trip(ward: Ward) -> None:
    """Of a trip that was cancelled each lost outcome, and the lost end, are entered again."""
    ward.book()
    ward.undo()
    told = ward.story()
    ward.delete(*(key for key in ward.items if "Cancel" in key.entry or "BookFlight" in key.entry))
    (mended,) = ward.repair_all()
    assert (mended.healed, mended.status) == (True, "CANCELLED")
    assert ward.story() == told
    sound(ward)


def test_a_log_that_tells_more_than_there_is(ward: Ward) -> None:
    """Bookings that an older table has lost, of a trip that has ended, can't be made again: the repair notes that."""
    before = ward.items
    ward.book()
    ward.undo()
    ward.restore("flight", before)
    assert ward.found() == {"log"}
    (mended,) = ward.repair_all()
    assert (mended.healed, mended.status) == (True, "CANCELLED")
    assert mended.done[0].startswith("nothing is booked or owed by it, so it is noted: flight is absent")
    sound(ward)
    ward.delete(Key("saga-log", ID, "LOG#000#01#BookHotel#999#OUTCOME"))
    assert ward.found() == {"log"}  # what is noted hides nothing else


def test_a_record_that_is_missing(ward: Ward) -> None:
    """Bookings whose record a restore has lost are explained; the same request then takes them up, and no more."""
    empty = ward.items
    ward.book()
    ward.restore("saga-log", empty)
    assert ward.found() == {"no-record"}
    (mended,) = ward.repair_all()
    (told,) = explained(mended)
    assert told.startswith(f"start the same request under trip_id {ID} again")
    assert ward.book() == "CONFIRMED"
    assert ward.items[COUNTER]["d01"] == 1
    assert ward.story()[-1] == "Saga END CONFIRMED"
    sound(ward)


def test_a_record_alone_that_is_missing(ward: Ward) -> None:
    """Where the log still stands, the same request can't enter its bookings in it: it ends with none of them live."""
    ward.book()
    ward.delete(RECORD)
    assert ward.book() == "ROLLED_BACK"
    ward.repair_all()
    assert set(ward.bookings().values()) == {"CANCELLED"}
    assert ward.story()[-1] == "Saga END ROLLED_BACK"
    sound(ward)


def test_a_confirmed_trip_without_its_flight(ward: Ward) -> None:
    """A CONFIRMED trip whose flight is lost is explained; cancelled, as the repair says, it leaves nothing behind."""
    before = ward.items
    ward.book()
    ward.restore("flight", before)
    assert ward.found() == {"missing", "ledger", "log"}
    (mended,) = ward.repair_all()
    assert mended.status == "CONFIRMED"
    assert any(told.startswith(f"./saga.sh cancel {ID} ") for told in explained(mended))
    assert ward.undo() == "CANCELLED"
    assert ward.repair().healed
    assert set(ward.bookings().values()) == {"CANCELLED"}
    assert ward.story()[-1] == "Saga END CANCELLED"
    sound(ward)


def test_a_booking_of_another_saga(ward: Ward) -> None:
    """Another saga's booking under the trip_id is never touched by a repair; taken away as it says, all is sound."""
    empty = ward.items
    ward.book()
    other = ward.items
    ward.restore("saga-log", empty)
    for table in ("hotel", "car"):
        ward.restore(table, empty)
    assert ward.book(flight=trip("flight/number", "FR1")["flight"]) == "ROLLED_BACK"
    (mended,) = ward.repair_all()
    assert any(told.startswith("aws dynamodb delete-item") for told in explained(mended))
    assert ward.items[FLIGHT] == other[FLIGHT]
    ward.delete(FLIGHT)
    ward.repair_all()
    assert ward.items[COUNTER]["d01"] == 0
    assert ward.story()[-1] == "Saga END ROLLED_BACK"
    sound(ward)


def test_an_item_that_was_changed_by_hand(ward: Ward) -> None:
    """A confirmation number that is not the saga's is explained, and stays listed until it is put back."""
    ward.book()
    confirmation = ward.items[HOTEL]["confirmation"]
    ward.change(HOTEL, confirmation="H-0000000000")
    (mended,) = ward.repair_all()
    assert explained(mended) == [
        f"put the item back from a restored table (docs/operations.md, Backup and restore), then: ./saga.sh repair {ID}"
    ]
    ward.change(HOTEL, confirmation=confirmation)
    assert ward.story()[-1] == "Saga END CONFIRMED"
    sound(ward)


def test_a_booking_that_was_cancelled_by_hand(ward: Ward) -> None:
    """A booking of a CONFIRMED trip that somebody has set to CANCELLED is explained, and the log stays as it is."""
    ward.book()
    told = ward.story()
    ward.change(FLIGHT, status="CANCELLED")
    mended = {one.what: one for one in ward.repair_all()}
    assert any(then.startswith(f"./saga.sh cancel {ID} ") for then in explained(mended[f"trip {ID}"]))
    assert ward.story() == told


@pytest.mark.parametrize("key", [Key("car", "SOMETHING"), Key("car", "OFFER#Volvo XC40")])
def test_an_item_that_nobody_knows(ward: Ward, key: Key) -> None:
    """An item that no release has written is named, with how to look at it."""
    ward.put({key: {"id": key.id}})
    (mended,) = ward.repair_all()
    (told,) = explained(mended)
    assert told.startswith("aws dynamodb get-item --table-name travel-saga-ward-car")


def test_an_oversold_day(ward: Ward) -> None:
    """More live bookings than were ever offered are explained: a cancel or more capacity ends that."""
    for number in range(2):
        ward.book(f"over-{number}")
    for number in range(2):
        ward.change(Key("flight", f"TRIP#over-{number}"), capacity=1)
    ward.change(Key("flight", "OFFER#EI155"), capacity=1)
    (mended,) = ward.repair_all()
    assert explained(mended)[0].startswith("raise the capacity of EI155")
    assert ward.undo("over-1") == "CANCELLED"
    assert ward.story("over-1")[-1] == "Saga END CANCELLED"
    sound(ward)


@pytest.mark.parametrize("capacity", [1, 0, None])
def test_a_capacity_that_is_lowered(ward: Ward, capacity: int | None) -> None:
    """A capacity below what is booked, or an offer that is withdrawn, is what operators may do: nothing is found."""
    for number in range(2):
        ward.book(f"held-{number}")
    offer = Key("flight", "OFFER#EI155")
    ward.delete(offer) if capacity is None else ward.change(offer, capacity=capacity)
    assert ward.story("held-1")[-1] == "Saga END CONFIRMED"
    sound(ward)


@pytest.mark.parametrize("dead", [3, 10, 20])
def test_undos_that_died_before_they_were_counted(ward: Ward, dead: int) -> None:
    """However many names of undos are taken by ones that died, a repair starts the next one, and the trip ends."""
    ward.book()
    with ward.machine.serving():
        executions = trips.executions(ward.stage)
        for number in range(1, dead + 1):
            executions.start_cancellation(ID, number)  # of a trip that is CONFIRMED: it has nothing to undo
    ward.change(RECORD, status="CANCELLING", goal="CANCELLED", unfinished="0", updated="2020-01-01T00:00:00.000+00:00")
    assert [one.trip_id for one in attention.stuck(ward.stage, 0)] == [ID]
    (mended,) = ward.repair_all()
    assert (mended.healed, mended.status) == (True, "CANCELLED")
    assert ward.items[RECORD]["undo"].endswith(f"{ID}-c{dead + 1}")
    assert ward.story()[-1] == "Saga END CANCELLED"
    sound(ward)


def test_an_undo_that_fails_again(ward: Ward) -> None:
    """A trip that owes the same again is explained: by what fails, and where to look."""
    ward.book(car=FULL, faults={"CancelFlight": {"error": "TransientError"}})
    ward.delete(COUNTER, FLIGHT)
    ward.put({FLIGHT: {"id": FLIGHT.id, "status": "BOOKED", "saga_id": record(ward.items)["saga_id"]}})
    mended = ward.repair()
    assert not mended.healed
    assert explained(mended)
    assert ward.story()[-1] == "Saga ABORT NEEDS_ATTENTION"


def test_a_new_execution_of_a_trip_that_owes_a_cancel(ward: Ward) -> None:
    """An operator's new execution of a trip that owes its flight leaves it owing; the repair ends it."""
    ward.book(car=FULL, faults={"CancelFlight": {"error": "TransientError"}})
    assert ward.status() == "NEEDS_ATTENTION"
    assert ward.book(name="by-hand", car=FULL) in ("NEEDS_ATTENTION", "ROLLED_BACK")
    assert ward.violations() == []
    mended = ward.repair()
    assert (mended.healed, mended.status) == (True, "ROLLED_BACK")
    assert set(ward.bookings().values()) == {"CANCELLED"}
    assert ward.story()[-1] == "Saga END ROLLED_BACK"
    sound(ward)


@pytest.mark.parametrize("kind", ["owed", "unfinished", "booked"])
def test_a_record_that_was_changed_by_hand(ward: Ward, kind: str) -> None:
    """An unfinished trip that does not say what it owes, is in no index, or has lost its ledger, is ended."""
    ward.book(car=FULL, faults={"CancelFlight": {"error": "TransientError"}})
    ward.change(RECORD, **{kind: None}, updated="2020-01-01T00:00:00.000+00:00")
    assert ward.found()
    (mended,) = ward.repair_all()
    assert (mended.healed, mended.status) == (True, "ROLLED_BACK")
    assert ward.story()[-1] == "Saga END ROLLED_BACK"
    sound(ward)


@pytest.mark.parametrize("facts", [{"unfinished": "0"}, {"booked": None}, {"booked": ["hotel"]}])
def test_the_record_of_a_booked_trip_changed_by_hand(ward: Ward, facts: dict[str, Any]) -> None:
    """A CONFIRMED trip is taken out of the index, and its live bookings are entered in its ledger again."""
    ward.book()
    sound_record = ward.items[RECORD]
    ward.change(RECORD, **facts)
    (mended,) = ward.repair_all()
    assert (mended.healed, mended.status) == (True, "CONFIRMED")
    assert ward.items[RECORD] == sound_record
    assert ward.story()[-1] == "Saga END CONFIRMED"
    sound(ward)


def test_a_trip_that_has_changed_a_moment_ago_is_left(ward: Ward) -> None:
    """`repair --all` leaves an unfinished trip that is listed by a finding alone, while something may work on it."""
    ward.book()
    ward.change(RECORD, status="COMPENSATING", goal="ROLLED_BACK", updated=trips.desk(ward.stage).now())
    (mended,) = ward.repair_all()
    assert explained(mended)[0] == f"wait, then: ./saga.sh repair {ID}"
    assert ward.status() == "COMPENSATING"
    assert ward.repair().status == "ROLLED_BACK"
    assert ward.story()[-1] == "Saga END ROLLED_BACK"
    sound(ward)


def half_made(ward: Ward) -> None:
    """A trip with its hotel and its flight booked, of whose execution nobody knows, as in a stage made of a backup."""
    event = {"request": trip(), "execution": "arn:of:another-stage", "step": "BeginSaga", "attempt": 0}
    state = ward.machine.invoke("BeginSaga", event)
    for position, name in enumerate(("hotel", "flight")):
        call = {"position": position + 1, "step": f"Book{name.title()}", "attempt": 0}
        state["bookings"][name] = ward.machine.invoke(call["step"], state | call)


def reconciled(ward: Ward, failing: str | None) -> None:
    """Let the reconciler find the trip, and everything run that it starts; one step fails whenever it is tried."""

    def around(name: str, _event: Any, call: Callable[[], Any]) -> Any:
        if name == failing:
            raise TransientError("down")
        return call()

    with replace(ward.machine, around=around).serving():
        assert reconciler.reconcile(trips.desk(ward.stage), trips.executions(ward.stage), ID)


@pytest.mark.parametrize("failing", [None, "BookHotel", "BookFlight", "BookCar"])
def test_a_half_made_trip_whose_executions_are_unknown(ward: Ward, failing: str | None) -> None:
    """A half-made trip out of a backup is booked on; if a book fails then, it ends ROLLED_BACK with nothing live."""
    half_made(ward)
    reconciled(ward, failing)
    status = "ROLLED_BACK" if failing else "CONFIRMED"
    assert ward.status() == status
    assert set(ward.bookings().values()) == {"CANCELLED" if failing else "BOOKED"}
    assert ward.story()[-1] == f"Saga END {status}"
    sound(ward)


@pytest.mark.parametrize("failing", [None, "BookHotel", "BookFlight", "BookCar"])
@pytest.mark.parametrize("older", ["hotel", "flight", "saga-log"])
def test_a_half_made_trip_with_an_older_table(ward: Ward, older: str, failing: str | None) -> None:
    """The same with one table from before the books: whole or nothing in the end, if need be by the repair."""
    begun = {"request": trip(), "execution": "arn:of:another-stage", "step": "BeginSaga", "attempt": 0}
    ward.machine.invoke("BeginSaga", begun)
    before = ward.items
    half_made(ward)
    ward.restore(older, before)
    reconciled(ward, failing)
    ward.repair_all()
    live = "BOOKED" in ward.bookings().values()
    assert set(ward.bookings().values()) == {"BOOKED" if live else "CANCELLED"}
    assert live == (older == "saga-log" and not failing)
    assert ward.story()[-1] == f"Saga END {'CONFIRMED' if live else 'ROLLED_BACK'}"
    sound(ward)


def test_two_executions_of_one_saga(ward: Ward) -> None:
    """One execution dies at its hotel and ends the trip, while another one has booked the flight: nothing stays."""
    others = ["other"]

    def around(name: str, _event: Any, call: Callable[[], Any]) -> Any:
        answer = call()
        if name == "BookFlight" and others:
            ward.machine.run(trip(faults={"BookHotel": {"error": "TransientError"}}), others.pop())
        return answer

    replace(ward.machine, around=around).run(trip(), "one")
    assert ward.status() == "ROLLED_BACK"
    assert set(ward.bookings().values()) == {"CANCELLED"}
    assert ward.story()[-1] == "Saga END ROLLED_BACK"
    sound(ward)


def test_a_trip_that_nobody_knows(ward: Ward) -> None:
    """A trip of which there is nothing at all is a wrong trip_id."""
    with pytest.raises(UsageError, match="there is none on stage ward"):
        ward.repair("nobody")
