"""What a traveller's application may ask, and how it is answered."""

import json
import os
from typing import Any

import pytest

from saga import lifecycle
from saga.errors import TransientError
from saga.ports import Desk
from saga.trip import Trip
from tests.api.conftest import Answered, Api
from tests.statemachine.test_matrix import held
from tests.tables import record, story
from tests.trips import CONTEXT, TRIP, trip
from tools.invariants import violations

ID = TRIP["trip_id"]
ONE = "/trips/{trip_id}"


def book(api: Api, owner: str = "ann", **changes: Any) -> Answered:
    """Post the sample trip."""
    return api.call("POST /trips", body=trip(**changes), owner=owner)


def get(api: Api, trip_id: str = ID, owner: str = "ann") -> Answered:
    """Read a trip."""
    return api.call(f"GET {ONE}", trip_id, owner=owner)


def delete(api: Api, trip_id: str = ID, owner: str = "ann") -> Answered:
    """Cancel a trip."""
    return api.call(f"DELETE {ONE}", trip_id, owner=owner)


@pytest.fixture(autouse=True)
def _promise(api: Api) -> Any:
    """The promise holds when a test is over."""
    yield
    assert violations(held(api.store)) == []


def test_a_trip_is_accepted_and_booked(api: Api) -> None:
    """A posted trip is answered at once with its Location, and its saga books it."""
    answer = book(api)
    assert (answer.status, answer.headers["location"]) == (202, "/trips/trip-1")
    assert answer.body == {"trip_id": "trip-1", "status": "BOOKING"}
    found = get(api).body
    assert found["status"] == "CONFIRMED"
    assert {booking["status"] for booking in found["bookings"].values()} == {"BOOKED"}
    assert found["bookings"]["hotel"]["confirmation"].startswith("H-")
    assert (found["failure"], found["owed"]) == (None, [])
    assert story(held(api.store))[-1] == "Saga END CONFIRMED"


def test_the_execution_is_told_which_saga_has_begun(api: Api) -> None:
    """A posted trip's execution is given its trip_id and saga_id alone: what was asked stands in its record."""
    book(api)
    states = api.clients["stepfunctions"]
    (execution,) = states.list_executions(stateMachineArn=os.environ["SAGA_BOOKING_MACHINE"])["executions"]
    told = json.loads(states.describe_execution(executionArn=execution["executionArn"])["input"])
    assert told == {"trip_id": ID, "saga_id": record(held(api.store))["saga_id"]}
    assert execution["name"] == f"{ID}-{told['saga_id'][:12]}"


def test_a_saga_is_begun_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record of a posted trip is put once, by the API: its execution only reads it."""
    begun: list[str] = []
    really = lifecycle.begin
    monkeypatch.setattr(lifecycle, "begin", lambda *told: begun.append(told[1].trip_id) or really(*told))
    book(api)
    assert (begun, get(api).body["status"]) == ([ID], "CONFIRMED")
    assert story(held(api.store))[0] == "Saga BEGIN"


def test_a_trip_without_an_id_gets_one(api: Api) -> None:
    """A client need not choose a trip_id."""
    request = trip()
    del request["trip_id"]
    trip_id = api.call("POST /trips", body=request).body["trip_id"]
    assert get(api, trip_id).body["status"] == "CONFIRMED"
    assert story(held(api.store), trip_id)[-1] == "Saga END CONFIRMED"


def test_the_same_trip_again_is_the_same(api: Api) -> None:
    """The same body under the same trip_id gives the same trip, and books and logs nothing twice."""
    book(api)
    before = held(api.store)
    answer = book(api)
    assert (answer.status, answer.body) == (200, {"trip_id": "trip-1", "status": "CONFIRMED"})
    assert held(api.store) == before


@pytest.mark.parametrize("owner", ["ann", "bob"])
def test_another_trip_under_the_id_is_a_conflict(api: Api, owner: str) -> None:
    """A trip_id that is taken by another trip, one's own or not, is refused, and the first one stays as it is."""
    book(api)
    before = held(api.store)
    answer = api.call("POST /trips", body=trip("hotel/check_in", "2099-03-02"), owner=owner)
    assert (answer.status, answer.headers["content-type"]) == (409, "application/problem+json")
    assert held(api.store) == before


def test_what_failed_is_told(api: Api) -> None:
    """A trip that was rolled back tells which step refused, and that what was booked is cancelled."""
    api.call("POST /trips", body=trip("car/model", "Sold Out"))
    found = get(api).body
    assert found["status"] == "ROLLED_BACK"
    assert found["failure"] == {"step": "BookCar", "error": "SoldOut", "message": "Sold Out is sold out on 2099-03-01"}
    assert {name: booking["status"] for name, booking in found["bookings"].items()} == {
        "hotel": "CANCELLED",
        "flight": "CANCELLED",
    }
    assert story(held(api.store))[-1] == "Saga END ROLLED_BACK"


@pytest.mark.parametrize("route", [f"GET {ONE}", f"GET {ONE}/log", f"DELETE {ONE}"])
def test_anothers_trip_is_an_unknown_one(api: Api, route: str) -> None:
    """Another traveller's trip, an unknown one and an impossible id are answered by the same 404."""
    book(api)
    before = held(api.store)
    answers = [api.call(route, ID, owner="bob"), api.call(route, "nobody"), api.call(route, "no id!")]
    assert [answer.status for answer in answers] == [404, 404, 404]
    assert answers[0] == answers[1] == answers[2]
    assert held(api.store) == before


def test_a_confirmed_trip_is_cancelled(api: Api) -> None:
    """A traveller's DELETE of a confirmed trip is accepted, and the cancellation machine cancels it."""
    book(api)
    assert (delete(api).status, get(api).body["status"]) == (202, "CANCELLED")
    again = delete(api)
    assert (again.status, again.body["status"]) == (200, "CANCELLED")
    assert story(held(api.store))[-1] == "Saga END CANCELLED"


def test_a_trip_that_is_being_booked_rolls_back(api: Api, desk: Desk) -> None:
    """A DELETE while the trip is BOOKING closes it, and its own saga rolls back."""
    lifecycle.begin(Desk(api.store, desk.now), Trip(ID, "ann", {n: TRIP[n] for n in ("hotel", "flight", "car")}), None)
    answer = delete(api)
    assert (answer.status, answer.body["status"]) == (202, "COMPENSATING")
    run = api.machine.run({**trip(), "owner": "ann"})
    assert (run.error, get(api).body["status"]) == ("TripRolledBack", "ROLLED_BACK")
    assert "BookHotel ABORT" in story(held(api.store))


def test_a_trip_that_needs_attention_is_not_cancelled(api: Api) -> None:
    """A DELETE of a trip that waits for an operator is a conflict, and the trip says what it owes."""
    api.machine.run({**trip("car/model", "Sold Out"), "owner": "ann", "faults": {"CancelCar": {"error": "SoldOut"}}})
    assert delete(api).status == 409
    assert (get(api).body["status"], get(api).body["owed"]) == ("NEEDS_ATTENTION", ["car"])
    assert story(held(api.store))[-1] == "Saga ABORT NEEDS_ATTENTION"


def test_the_story_is_told(api: Api) -> None:
    """A trip's log is answered in its order, without the keys of the table."""
    book(api)
    lines = api.call(f"GET {ONE}/log", ID).body["log"]
    assert [line["step"] for line in lines if line["kind"] == "END"] == ["BookHotel", "BookFlight", "BookCar", "Saga"]
    assert not {"trip_id", "entry"} & {name for line in lines for name in line}


def test_ones_own_trips_are_listed_newest_first(api: Api) -> None:
    """A traveller sees one's own trips, the newest first, a page at a time, and nobody else's."""
    for number in range(5):
        book(api, trip_id=f"trip-{number}")
    book(api, "bob", trip_id="bobs")
    seen, after = [], None
    while after or not seen:
        query = {"limit": "2", **({"after": after} if after else {})}
        page = api.call("GET /trips", queryStringParameters=query).body
        seen += [found["trip_id"] for found in page["trips"]]
        after = page["after"]
    assert seen == [f"trip-{number}" for number in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [({"limit": v}, "/query/limit") for v in ("0", "101", "x", "-1", "٣", "")]
    + [({"after": v}, "/query/after") for v in ("", "x", "AAAA", "eHh4IHh4eA==", "%%")]
    + [({"owner": "bob"}, "/query/owner")],
)
def test_a_bad_query_is_told(api: Api, query: dict[str, str], pointer: str) -> None:
    """A parameter of a listing that is not as it should be is named."""
    answer = api.call("GET /trips", queryStringParameters=query)
    assert (answer.status, [error["pointer"] for error in answer.body["errors"]]) == (400, [pointer])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (None, 400),
        ("", 400),
        ("[]", 400),
        ("{", 400),
        ('{"hotel": NaN}', 400),
        ('{"hotel": 1e999}', 400),
        ('{"hotel": 1, "hotel": 1}', 400),
        ("[" * 30_000, 400),
        ('{"trip_id": ' + "[" * 15_000 + "]" * 15_000 + "}", 400),
        ("9" * 5_000, 400),
        ('"\\ud800"', 400),
        (b"\xff\xfe{}", 400),
        (" " * 32 * 1024 + "{}", 413),
        (b" " * (32 * 1024 + 1), 413),
        (trip(faults={}), 400),
        (trip(saga_id="x"), 400),
        (trip(status="CONFIRMED"), 400),
        (trip(customer_id="x"), 400),
        (trip(owner="bob"), 400),
        (trip("hotel/check_in", "2026-02-30"), 400),
        (trip("hotel/name", "\ud800"), 400),
        (trip(trip_id="trip-1\n"), 400),
    ],
)
def test_bad_input_is_a_problem(api: Api, body: Any, status: int) -> None:
    """No body makes more than a problem of a few lines: never an error of the server, and nothing is written."""
    before = held(api.store)
    answer = api.call("POST /trips", body=body)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    assert {"type", "title", "status", "detail"} <= set(answer.body)
    assert len(str(answer.body)) < 5_000
    assert held(api.store) == before


def test_bad_base64_is_a_problem(api: Api) -> None:
    """A body that the gateway marks as base64 and that is none is a bad request."""
    assert api.call("POST /trips", body="%%%").status == 400
    answer = api.call("POST /trips", isBase64Encoded=True, body="%%%")
    assert answer.status == 400


def test_a_start_that_fails_forgets_no_trip(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the execution can't be started the trip is recorded and accepted, and the reconciler starts it."""
    from handlers.reconcile import reconcile  # noqa: PLC0415

    with monkeypatch.context() as patch:
        patch.setattr("saga.executions.Executions.start_booking", _unavailable)
        assert book(api).status == 202
    assert get(api).body["status"] == "BOOKING"
    with api.machine.serving():
        assert set(reconcile({}, CONTEXT)["started"]) == {ID}
    assert get(api).body["status"] == "CONFIRMED"
    assert story(held(api.store))[-1] == "Saga END CONFIRMED"


def _unavailable(*_arguments: Any, **_named: Any) -> Any:
    raise TransientError("not now")
