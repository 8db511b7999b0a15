"""Many sagas and many deliveries at the same time, several executions of one saga, and writes that come late."""

import json
from contextlib import suppress
from typing import Any

import psutil
import pytest

from saga import lifecycle, wiring
from saga.dynamo import DynamoStore
from saga.executions import Executions
from saga.ports import Desk
from saga.trip import OPERATOR, Trip
from tests.local.conftest import Stack, at_once, story, until
from tests.trips import trip
from tools.local import processes

BOOKED = [
    "Saga BEGIN",
    *(f"Book{name} {kind}" for name in ("Hotel", "Flight", "Car") for kind in ("START", "END")),
    "Saga END CONFIRMED",
]


def begin(stack: Stack, request: dict[str, Any]) -> Trip:
    """Put the trip's record as BOOKING, and start nothing."""
    parts = {name: request[name] for name in ("hotel", "flight", "car")}
    begun = Trip(request["trip_id"], OPERATOR, parts)
    lifecycle.begin(Desk(DynamoStore(stack.clients["dynamodb"], "travel-saga-local"), wiring.now), begun, None)
    return begun


def payload(begun: Trip, participant: str, position: int) -> dict[str, Any]:
    """Make what the state machine calls a participant's book with, at the first attempt."""
    return {
        "trip_id": begun.trip_id,
        "saga_id": begun.saga_id,
        "run": 0,
        "position": position,
        "step": f"Book{participant.title()}",
        "attempt": 0,
        "trip": begun.request,
        "bookings": {name: {"status": "BOOKED"} for name in list(begun.request)[: position - 1]},
        "faults": {},
    }


@pytest.fixture(scope="module")
def warm(stack: Stack) -> None:
    """Sixteen workers of each function, started eight at a time.

    Sixteen at once need half a minute of processor time to come up; on a busy machine they run into the ten seconds
    that a function has, and are started again until the retries are used up.
    """
    for workers in (8, 16):
        requests = [trip("car/model", "Fiat 500e", trip_id=f"warm-{workers}-{n}") for n in range(workers)]
        assert at_once(stack.book, requests, workers) == ["TripRolledBack"] * workers


@pytest.mark.usefixtures("warm")
def test_32_sagas_for_5_seats(stack: Stack) -> None:
    """Of 32 sagas for 5 seats, 16 at a time, exactly 5 are booked and 27 rolled back, and the seats count 5."""
    stack.offer("flight", "RACE5", 5)
    names = [f"race-{n}" for n in range(32)]
    requests = [trip("flight/number", "RACE5", trip_id=name) for name in names]
    ends = at_once(stack.book, requests, workers=16)
    assert sorted(ends) == ["SUCCEEDED"] * 5 + ["TripRolledBack"] * 27
    assert stack.taken("RACE5") == {"TAKEN#RACE5#2099-03-01": 5}
    told = [story(stack.read(name).log) for name in names]
    assert told.count(BOOKED) == 5
    assert [lines[-1] for lines in told].count("Saga END ROLLED_BACK") == 27


def test_nothing_listens_but_on_the_loopback_address(stack: Stack) -> None:
    """Every socket that the emulator and its functions listen on is bound to 127.0.0.1."""
    running = processes.ours(stack.emulator.folder)
    assert len(running) > 1
    sockets = []
    for process in running:
        with suppress(psutil.NoSuchProcess):  # a worker that has ended meanwhile listens no more
            sockets += process.net_connections()
    assert {socket.laddr.ip for socket in sockets if socket.status == psutil.CONN_LISTEN} == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("model", "end", "status"),
    [("Volvo XC40", "SUCCEEDED", "Saga END CONFIRMED"), ("Fiat 500e", "TripRolledBack", "Saga END ROLLED_BACK")],
)
def test_one_trip_id_started_ten_times_at_once(stack: Stack, model: str, end: str, status: str) -> None:
    """Ten executions of the same request under one trip_id are one saga: one story, and ten equal ends."""
    trip_id = f"ten-{end}"
    stack.offer("flight", trip_id, 10)
    request = trip("car/model", model, trip_id=trip_id)
    request["flight"]["number"] = trip_id
    arns = at_once(lambda n: stack.start(request, f"{trip_id}-{n}"), range(10), workers=10)
    assert [stack.wait(arn) for arn in arns] == [end] * 10
    log = [line for line in story(stack.read(trip_id).log) if not line.endswith("START")]
    assert log.count("BookFlight END") == log.count("Saga BEGIN") == log.count(status) == 1
    assert stack.taken(trip_id) == ({f"TAKEN#{trip_id}#2099-03-01": 1} if end == "SUCCEEDED" else {})


def test_8_deliveries_of_one_book_at_once(stack: Stack) -> None:
    """Eight deliveries of one BookFlight at the same time give eight equal answers, one booking and one entry each."""
    stack.offer("flight", "EIGHT", 8)
    begun = begin(stack, trip("flight/number", "EIGHT", trip_id="eight"))
    call = payload(begun, "flight", 2)
    answers = at_once(lambda _: stack.invoke("BookFlight", call), range(8), workers=8)
    assert {answer.get("confirmation") for answer in answers} == {
        stack.read("eight").bookings["flight"]["confirmation"]
    }
    assert stack.taken("EIGHT") == {"TAKEN#EIGHT#2099-03-01": 1}
    assert story(stack.read("eight").log) == ["Saga BEGIN", "BookFlight START", "BookFlight END"]

    executions = Executions(stack.clients["stepfunctions"], **stack.machines)
    executions.start_booking("eight", stack.read("eight").record or {})
    assert stack.wait(executions.booking("eight", begun.saga_id)) == "SUCCEEDED"
    assert story(stack.read("eight").log) == BOOKED


def test_a_book_that_comes_after_its_cancel_is_refused(stack: Stack) -> None:
    """Books that arrive after their cancels, and again after the saga's end, are refused and leave nothing live."""
    faults = {"BookCar": {"error": "TransientError"}, "CancelHotel": {"delay_seconds": 2}}
    request = trip(trip_id="late", faults=faults)
    arn = stack.start(request)
    until(lambda: stack.statuses("late").get("flight") == "CANCELLED")
    begun = Trip("late", OPERATOR, {name: request[name] for name in ("hotel", "flight", "car")})

    def deliver() -> list[str]:
        late = {"flight": 2, "car": 3}
        answers = [stack.invoke(f"Book{n.title()}", payload(begun, n, position)) for n, position in late.items()]
        return [answer["errorType"] for answer in answers]

    assert deliver() == ["BookingCancelled"] * 2
    assert stack.wait(arn) == "TripRolledBack"
    told = story(stack.read("late").log)
    assert deliver() == ["BookingCancelled"] * 2
    assert story(stack.read("late").log) == told
    assert told[-1] == "Saga END ROLLED_BACK"
    assert set(stack.statuses("late").values()) == {"CANCELLED"}


def saga(stack: Stack, *arguments: str) -> Any:
    """Run `./saga.sh … --json`; return what it prints."""
    return json.loads(stack.run("./saga.sh", *arguments, "--json").stdout)


def of_one_mind(stack: Stack, trip_id: str, listed: list[str]) -> None:
    """`audit` finds nothing, `stuck` lists this and nothing else, and `repair` leaves nothing of it."""
    assert saga(stack, "audit")["violations"] == []
    found = saga(stack, "stuck")
    assert ([one["trip_id"] for one in found["unfinished"]], found["findings"]) == (listed, [])
    (mended,) = saga(stack, "repair", trip_id)
    assert (mended["healed"], mended["left"]) == (True, [])
    assert saga(stack, "repair", "--all") == []
    assert stack.read(trip_id).status == mended["status"]


def test_two_executions_of_one_trip(stack: Stack) -> None:
    """One execution dies at its hotel while another one has booked the flight: the trip is whole or not at all."""
    slow = {"BookFlight": {"delay_seconds": 8}}
    one = stack.start(trip(trip_id="two", faults=slow), "two-b")
    until(lambda: "flight" in stack.statuses("two"))
    other = stack.start(trip(trip_id="two", faults={"BookHotel": {"error": "TransientError"}}), "two-a")
    assert stack.wait(one) == stack.wait(other)
    found = stack.read("two")
    assert found.status in ("CONFIRMED", "ROLLED_BACK")
    assert set(stack.statuses("two").values()) == {"BOOKED" if found.status == "CONFIRMED" else "CANCELLED"}
    assert story(found.log)[-1] == f"Saga END {found.status}"
    of_one_mind(stack, "two", [])


def test_a_new_execution_of_a_trip_that_owes_a_cancel(stack: Stack) -> None:
    """The same input again, under a new name, of a trip that owes its flight: it owes it still, until its repair."""
    owes = trip("car/model", "Fiat 500e", trip_id="owes-still", faults={"CancelFlight": {"error": "TransientError"}})
    for name in ("owes-still-a", "owes-still-b"):
        assert stack.wait(stack.start(owes, name)) == "TripNeedsAttention"
        assert stack.statuses("owes-still") == {"hotel": "CANCELLED", "flight": "BOOKED", "car": "CANCELLED"}
        assert (stack.read("owes-still").record or {})["owed"] == {"flight": "TransientError"}
    assert story(stack.read("owes-still").log)[-1] == "Saga ABORT NEEDS_ATTENTION"
    of_one_mind(stack, "owes-still", ["owes-still"])
    assert set(stack.statuses("owes-still").values()) == {"CANCELLED"}
    assert story(stack.read("owes-still").log)[-1] == "Saga END ROLLED_BACK"
