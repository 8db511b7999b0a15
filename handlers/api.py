"""Api: the HTTP API for travellers' applications, one function for its five routes (docs/openapi.yaml)."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from saga import telemetry, travellers, wiring
from saga.errors import InvalidTrip, Problem, TransientError, TripConflict, UnknownTrip
from saga.problems import Answer, Refused, answer, problem
from saga.trip import CANCELLED, CONFIRMED, NEEDS_ATTENTION, ROLLED_BACK, Trip
from saga.validation import check_trip, check_trip_id, load

LARGEST = 32 * 1024
"""Bytes of a body; it is not parsed beyond that."""

LIMIT = re.compile("[1-9][0-9]?|100")
"""How many trips a page may have."""

SETTLED = (CONFIRMED, ROLLED_BACK, CANCELLED)


@telemetry.observed
def handle(event: Mapping[str, Any], context: Any) -> Answer:
    """Answer a request of API Gateway (payload 2.0) whose token its authorizer has checked: the owner is its `sub`."""
    answered = _answer(event, event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"], context)
    telemetry.add(route=event["routeKey"], outcome=answered["statusCode"])
    return answered


def _answer(event: Mapping[str, Any], owner: str, context: Any) -> Answer:
    """Answer, whatever the trip's own code raises, with the status that the document gives it."""
    try:
        return ROUTES[event["routeKey"]](event, owner, context)
    except Refused as refused:
        return problem(refused)
    except InvalidTrip as invalid:
        return problem(Refused(HTTPStatus.BAD_REQUEST, "The request is not valid.", *invalid.problems))
    except UnknownTrip:
        return problem(Refused(HTTPStatus.NOT_FOUND, "There is no such trip."))
    except TripConflict:
        return problem(Refused(HTTPStatus.CONFLICT, "The trip_id belongs to another trip."))
    except TransientError as error:
        telemetry.note("answered 503", error)
        return problem(Refused(HTTPStatus.SERVICE_UNAVAILABLE, "Try again; the same request is answered the same."))


def post(event: Mapping[str, Any], owner: str, context: Any) -> Answer:
    """Book a trip: 202 with its Location; the same trip again 202, or 200 once it is settled."""
    request = check_trip(load(_body(event)))
    trip_id = request.get("trip_id") or f"trip-{uuid4().hex}"
    telemetry.add(trip_id=trip_id)
    trip = Trip.parse(request, trip_id, owner, datetime.now(UTC).date())
    status = travellers.book(wiring.desk({}, context), wiring.executions(), trip)
    code = HTTPStatus.OK if status in SETTLED else HTTPStatus.ACCEPTED
    return answer(code, {"trip_id": trip_id, "status": status}, location=f"/trips/{trip_id}")


def get(event: Mapping[str, Any], owner: str, context: Any) -> Answer:
    """Tell all of one's own trip."""
    desk = wiring.desk({}, context)
    record = travellers.find(desk, _trip_id(event), owner)
    return answer(HTTPStatus.OK, travellers.describe(desk, wiring.listing(), record))


def get_log(event: Mapping[str, Any], owner: str, context: Any) -> Answer:
    """Tell the story of one's own trip."""
    trip_id = _trip_id(event)
    travellers.find(wiring.desk({}, context), trip_id, owner)
    return answer(
        HTTPStatus.OK, {"trip_id": trip_id, "log": [_line(entry) for entry in wiring.listing().story(trip_id)]}
    )


def get_all(event: Mapping[str, Any], owner: str, _context: Any) -> Answer:
    """List one's own trips, the newest first, a page at a time: `limit` of 1 to 100, `after` from the last answer."""
    query = event.get("queryStringParameters") or {}
    if unknown := sorted(set(query) - {"limit", "after"}):
        raise InvalidTrip(*(Problem(f"/query/{name[:50]}", "expected no such parameter") for name in unknown))
    limit = query.get("limit", "20")
    if not LIMIT.fullmatch(limit):
        raise InvalidTrip(Problem("/query/limit", "expected a whole number of 1 to 100"))
    trips, after = wiring.listing().owned(owner, int(limit), query.get("after"))
    shown = [{name: trip[name] for name in ("trip_id", "status", "created")} for trip in trips]
    return answer(HTTPStatus.OK, {"trips": shown, "after": after})


def delete(event: Mapping[str, Any], owner: str, context: Any) -> Answer:
    """Cancel one's own trip: 202 while it is undone, 200 once it has ended, 409 if it needs attention."""
    trip_id = _trip_id(event)
    status = travellers.cancel(wiring.desk({}, context), wiring.executions(), trip_id, owner)
    if status == NEEDS_ATTENTION:
        raise Refused(HTTPStatus.CONFLICT, "The trip needs attention: an operator has to repair it first.")
    code = HTTPStatus.OK if status in SETTLED else HTTPStatus.ACCEPTED
    return answer(code, {"trip_id": trip_id, "status": status}, location=f"/trips/{trip_id}")


ROUTES: dict[str, Callable[[Mapping[str, Any], str, Any], Answer]] = {
    "POST /trips": post,
    "GET /trips": get_all,
    "GET /trips/{trip_id}": get,
    "GET /trips/{trip_id}/log": get_log,
    "DELETE /trips/{trip_id}": delete,
}


def _trip_id(event: Mapping[str, Any]) -> str:
    trip_id = str(event["pathParameters"]["trip_id"])
    try:
        check_trip_id(trip_id)
    except InvalidTrip as invalid:
        raise UnknownTrip(trip_id) from invalid
    telemetry.add(trip_id=trip_id)
    return trip_id


def _body(event: Mapping[str, Any]) -> str:
    """Return the body as text, after looking at its size and its encoding."""
    body = event.get("body") or ""
    try:
        raw = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
        if len(raw) > LARGEST:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A body has at most {LARGEST} bytes.")
        return raw.decode()
    except (binascii.Error, UnicodeError):
        raise Refused(HTTPStatus.BAD_REQUEST, "The body is no UTF-8 text.") from None


def _line(entry: Mapping[str, Any]) -> dict[str, Any]:
    names = ("run", "step", "kind", "attempt", "at", "status", "error", "message", "confirmation", "owed")
    return {name: entry[name] for name in names if name in entry}
