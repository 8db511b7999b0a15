"""Book: with cancel (compensation.py) the one copy of the protocol, which all participants share.

Every write is conditional on what it changes and raises its rank (a booking: absent, BOOKED, CANCELLED), so a
call may be repeated, reordered, late, or killed between any two writes. What is booked stands in the ledger too.
"""

from contextlib import suppress

from saga import ledger, lifecycle, log
from saga.booking import (
    BOOKED,
    CANCELLED,
    Part,
    answer,
    full_day,
    is_live,
    key,
    offer_key,
    row,
    takes,
)
from saga.errors import (
    REFUSALS,
    BookingCancelled,
    NotOffered,
    Refusal,
    SoldOut,
    TransientError,
    TripClosed,
    TripConflict,
)
from saga.log import Call
from saga.ports import Check, Desk, Item, Lost, Put, Take, Write
from saga.trip import BOOKING, CONFIRMED

ABSENT = "ABSENT"
"""What a step answers whose participant the trip does not have: it was booked before there was such a participant."""


def book(desk: Desk, call: Call, part: Part | None) -> Item:
    """Book the part, or find it booked; return `{"status", "confirmation"}`. The last book confirms the trip too.

    Raises NotOffered, SoldOut, BookingCancelled, TripClosed or TripConflict, and the same again whenever it is
    repeated; TransientError where a repetition may succeed.
    """
    if part is None:
        return {"status": ABSENT}
    began = lifecycle.start(desk, call)
    try:
        return _book(desk, call, part, began)
    except TripConflict:
        raise  # this trip_id's log is another saga's
    except Refusal as refusal:
        return _abort(desk, call, part, refusal, began)


def _book(desk: Desk, call: Call, part: Part, began: str) -> Item:
    offer = desk.store.get(offer_key(part), consistent=False)
    if not offer:
        raise NotOffered(f"{part.offer} is not offered")
    now, booked = desk.now(), answer(call, part)
    last = {name for name in call.trip if name != part.participant} <= set(call.bookings)
    ended = {"ended": CONFIRMED} if last else {}
    writes: dict[str, Write] = {
        "trip": ledger.confirms(call, part.participant, now) if last else ledger.joins(call, part.participant),
        "booking": Put(key(call, part), row(call, part, now, offer["capacity"])),
        "outcome": log.outcome(call, log.END, now, began, confirmation=booked["confirmation"], **ended),
        **takes(part, offer["capacity"]),
    }
    try:
        desk.store.write(writes)
    except Lost as lost:
        if _is_booked(call, lost):
            return _replay(desk, call, part, lost, writes)
        raise _refusal(call, part, lost, writes) from lost
    return booked


def _is_booked(call: Call, lost: Lost) -> bool:
    """Whether the booking stands there already: mine, live, and under my trip."""
    booking, trip = lost.standing.get("booking"), lost.standing.get("trip")
    foreign = trip and trip["saga_id"] != call.saga_id
    return bool(booking and not foreign and is_live(booking, call))


def _replay(desk: Desk, call: Call, part: Part, lost: Lost, writes: dict[str, Write]) -> Item:
    """Answer as the book that booked it. Where its outcome is missing, tables were restored apart: enter it again.

    Raises TransientError where it is the last to book and the ledger has a hole: then nothing has confirmed the trip.
    """
    trip = lost.standing.get("trip")
    if trip and trip["status"] == BOOKING:
        raise _hole(part)
    if "outcome" not in lost.standing and "trip" not in lost.standing:
        stands = {"booking": Check(key(call, part), (BOOKED,), call.saga_id)}
        with suppress(Lost):  # somebody else has entered it, or is undoing it
            desk.store.write({name: writes[name] for name in ("trip", "outcome")} | stands)
    return answer(call, part)


def _refusal(call: Call, part: Part, lost: Lost, writes: dict[str, Write]) -> Exception:
    """Say why nothing was written. The order matters: what this booking has become outweighs the trip's state."""
    booking, outcome, trip = (lost.standing.get(name) for name in ("booking", "outcome", "trip"))
    if trip and trip["saga_id"] != call.saga_id:
        return TripConflict(f"trip {call.trip_id} belongs to another saga")
    if booking and booking["status"] == CANCELLED:
        return BookingCancelled(f"{part.participant} was cancelled before this book")
    if booking:
        return TripConflict(f"{part.participant} is booked by another saga under this trip_id")
    if outcome and outcome["kind"] == log.ABORT:
        return _stored(outcome)
    if trip and trip["status"] == BOOKING:
        return _hole(part)
    return _closed_or_full(call, part, lost, writes)


def _closed_or_full(call: Call, part: Part, lost: Lost, writes: dict[str, Write]) -> Exception:
    if "trip" in lost.standing:
        return TripClosed(f"trip {call.trip_id} is not being booked any more")
    if day := full_day(lost.standing, {name: write for name, write in writes.items() if isinstance(write, Take)}):
        return SoldOut(f"{part.offer} is sold out on {day}")
    return TransientError(f"{part.participant} could not be booked: {lost}")


def _hole(part: Part) -> TransientError:
    return TransientError(f"{part.participant} is the last to book, and not all others are booked")


def _abort(desk: Desk, call: Call, part: Part, refusal: Refusal, began: str) -> Item:
    """Make the refusal the step's outcome and raise it, unless the step has its outcome already: then that stands."""
    error = type(refusal).__name__
    entry = log.outcome(call, log.ABORT, desk.now(), began, error=error, message=str(refusal))
    try:
        desk.store.write({"outcome": entry})
    except Lost as lost:
        standing = lost.standing["outcome"] or {}
        if standing.get("kind") == log.ABORT:
            raise _stored(standing) from refusal
        booking = desk.store.get(key(call, part))
        if booking and is_live(booking, call):
            return answer(call, part)
    raise refusal


def _stored(outcome: Item) -> Refusal:
    return REFUSALS[outcome["error"]](outcome["message"])
