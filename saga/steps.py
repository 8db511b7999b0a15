"""Book and cancel: the one copy of the protocol that all participants share.

Every write is conditional on what it changes and raises its rank (a booking: absent, BOOKED, CANCELLED), so a
call may be repeated, reordered, late, or killed between any two writes.
"""

from contextlib import suppress

from saga import lifecycle, log
from saga.booking import BOOKED, CANCELLED, Part, answer, counter, is_mine, key, row
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
from saga.ports import Change, Check, Desk, GiveBack, Item, Key, Lost, Put, Take, Write
from saga.trip import BOOKING, CONFIRMED, ENDED, UNDOING

_ROUNDS = 3  # a cancel's guess may be wrong once, and a late book may land once before the trip is closed


def book(desk: Desk, call: Call, part: Part) -> Item:
    """Book the part, or find it booked; return `{"status", "confirmation"}`. The last book confirms the trip too.

    Raises NotOffered, SoldOut, BookingCancelled, TripClosed or TripConflict, and the same again whenever it is
    repeated; TransientError where a repetition may succeed.
    """
    _start(desk, call)
    try:
        return _book(desk, call, part)
    except TripConflict:
        raise  # this trip_id's log is another saga's
    except Refusal as refusal:
        return _abort(desk, call, part, refusal)


def cancel(desk: Desk, call: Call, part: Part) -> Item:
    """Cancel the part's booking, or make sure that it can't be booked any more; return `{"status"}`.

    Cancelling twice, or what never was booked, succeeds. Raises TripConfirmed if the trip is confirmed,
    TripConflict if it is another saga's, TransientError where a repetition may succeed.
    """
    _start(desk, call)
    _undo(desk, call, part)
    return {"status": CANCELLED}


def _start(desk: Desk, call: Call) -> None:
    with suppress(Lost):  # the same attempt delivered again: its START stands
        desk.store.write({"start": log.started(call, desk.now())})


def _book(desk: Desk, call: Call, part: Part) -> Item:
    offer = desk.store.get(Key(part.participant, f"OFFER#{part.offer}"), consistent=False)
    if not offer:
        raise NotOffered(f"{part.offer} is not offered")
    now, booked = desk.now(), answer(call, part)
    writes = {
        **_trip_still_booking(call, now),
        "booking": Put(key(call, part), row(call, part, BOOKED, now)),
        "outcome": log.outcome(call, log.END, now, confirmation=booked["confirmation"]),
        **{f"take {name}": Take(counter(part, name), offer["capacity"]) for name in part.takes},
    }
    try:
        desk.store.write(writes)
    except Lost as lost:
        return _replay_or_refuse(call, part, lost)
    return booked


def _trip_still_booking(call: Call, now: str) -> dict[str, Write]:
    """A book needs a trip that is BOOKING and mine; the last one moves it to CONFIRMED in the same transaction."""
    trip = log.trip_key(call.trip_id)
    if not call.confirms:
        return {"trip": Check(trip, (BOOKING,), call.saga_id)}
    change = Change(trip, (BOOKING,), call.saga_id, {"status": CONFIRMED, "updated": now}, ("unfinished",))
    return {"trip": change, "end": log.ended(call, CONFIRMED, now)}


def _replay_or_refuse(call: Call, part: Part, lost: Lost) -> Item:
    """Say why nothing was written. The order matters: what this booking has become outweighs the trip's state."""
    booking, outcome = lost.standing.get("booking"), lost.standing.get("outcome")
    trip = lost.standing.get("trip")
    if trip and trip["saga_id"] != call.saga_id:
        raise TripConflict(f"trip {call.trip_id} belongs to another saga")
    if booking and booking["status"] == CANCELLED:
        raise BookingCancelled(f"{part.participant} was cancelled before this book")
    if booking and is_mine(booking, call, part):
        return answer(call, part)
    if booking:
        raise TripConflict(f"{part.participant} is booked by another saga under this trip_id")
    if outcome and outcome["kind"] == log.ABORT:
        raise _refusal(outcome)
    if "trip" in lost.standing:
        raise TripClosed(f"trip {call.trip_id} is not being booked any more")
    if any(name.startswith("take ") for name in lost.standing):
        raise SoldOut(f"{part.offer} is sold out")
    raise TransientError(f"{part.participant} could not be booked") from lost


def _abort(desk: Desk, call: Call, part: Part, refusal: Refusal) -> Item:
    """Make the refusal the step's outcome and raise it, unless the step has its outcome already: then that stands."""
    error = type(refusal).__name__
    entry = log.outcome(call, log.ABORT, desk.now(), error=error, message=str(refusal))
    try:
        desk.store.write({"outcome": entry})
    except Lost as lost:
        standing = lost.standing["outcome"] or {}
        if standing.get("kind") == log.ABORT:
            raise _refusal(standing) from refusal
        booking = desk.store.get(key(call, part))
        if booking and booking["status"] == BOOKED and is_mine(booking, call, part):
            return answer(call, part)
    raise refusal


def _undo(desk: Desk, call: Call, part: Part) -> None:
    """Cancel what is booked, or put a tombstone where nothing is: first what the machine's answers make likely."""
    booked = call.bookings is None or part.participant in call.bookings
    # Where no book has answered, its own failure is what led here, and the trip is still open to late books.
    if not booked and lifecycle.close(desk, call) in ENDED:
        return
    failed = ""
    for _ in range(_ROUNDS):
        attempt = _cancel_booking if booked else _put_tombstone
        try:
            attempt(desk, call, part)
        except Lost as lost:
            if _nothing_is_left(desk, call, lost):
                return
            booked, failed = bool(lost.standing.get("booking", booked)), str(lost)
        else:
            return
    raise TransientError(f"{part.participant} could not be cancelled: {failed}")


def _cancel_booking(desk: Desk, call: Call, part: Part) -> None:
    """Cancel what is booked and give its capacity back; raise Lost if there is no live booking of mine."""
    now = desk.now()
    writes: dict[str, Write] = {
        "trip": Check(log.trip_key(call.trip_id), UNDOING, call.saga_id),
        "booking": Change(key(call, part), (BOOKED,), call.saga_id, {"status": CANCELLED, "cancelled": now}),
        "outcome": log.outcome(call, log.END, now, found=BOOKED),
        **{f"give back {name}": GiveBack(counter(part, name)) for name in part.takes},
    }
    desk.store.write(writes)


def _put_tombstone(desk: Desk, call: Call, part: Part) -> None:
    """Cancel what is not booked yet, so that a late book is refused; raise Lost if there is a booking."""
    now = desk.now()
    writes: dict[str, Write] = {
        "trip": Check(log.trip_key(call.trip_id), UNDOING, call.saga_id),
        "booking": Put(key(call, part), row(call, part, CANCELLED, now)),
        "outcome": log.outcome(call, log.END, now, found="nothing"),
    }
    desk.store.write(writes)


def _nothing_is_left(desk: Desk, call: Call, lost: Lost) -> bool:
    """Whether the trip has ended, or the booking is cancelled already or not mine; a trip still open is closed."""
    if "trip" in lost.standing and lifecycle.close(desk, call) in ENDED:
        return True
    booking = lost.standing.get("booking")
    return booking is not None and (booking["status"] != BOOKED or booking["saga_id"] != call.saga_id)


def _refusal(outcome: Item) -> Refusal:
    return REFUSALS[outcome["error"]](outcome["message"])
