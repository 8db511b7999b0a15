"""The ledger of a saga: `booked` in the trip's record, the set of participants that hold a live booking.

Each book enters its participant and each cancel takes its own out, in the transaction that changes the booking.
CONFIRMED needs the ledger full, ROLLED_BACK and CANCELLED need it empty: so no execution can end a trip for which
another one has booked something, however many work on one saga.
"""

from saga import log
from saga.errors import TripConfirmed, TripConflict
from saga.log import Call
from saga.ports import Change, Desk, Item, Lost
from saga.trip import BOOKING, CANCELLED, CANCELLING, COMPENSATING, CONFIRMED, ENDED, ROLLED_BACK, UNDOING

GOALS = {COMPENSATING: ROLLED_BACK, CANCELLING: CANCELLED}
"""Where an undo ends, by the status that it works in."""


def joins(call: Call, participant: str) -> Change:
    """Enter a participant in the ledger of a trip that is BOOKING and mine."""
    return Change(log.trip_key(call.trip_id), (BOOKING,), call.saga_id, joins=participant)


def confirms(call: Call, participant: str, now: str) -> Change:
    """Enter the last participant and confirm the trip: all others of its request must be in the ledger, and no more."""
    others = [name for name in call.trip if name != participant]
    facts = {"status": CONFIRMED, "updated": now}
    key = log.trip_key(call.trip_id)
    return Change(key, (BOOKING,), call.saga_id, facts, ("unfinished",), joins=participant, ledger=others)


def leaves(call: Call, participant: str) -> Change:
    """Take a participant out of the ledger of a trip that is being undone."""
    return Change(log.trip_key(call.trip_id), UNDOING, call.saga_id, leaves=participant)


def closes(call: Call, participant: str, now: str) -> Change:
    """Take a participant out of the ledger of a trip that is still BOOKING, and let no further book in."""
    return Change(log.trip_key(call.trip_id), (BOOKING,), call.saga_id, closed(now), leaves=participant)


def ends(call: Call, participant: str, now: str, *, live: bool) -> Change:
    """Take the last participant out of the ledger and end the trip: there must be nothing but its `live` booking."""
    facts = {"status": GOALS[call.status], "updated": now}
    ledger = [participant] if live else []
    key = log.trip_key(call.trip_id)
    return Change(key, (call.status,), call.saga_id, facts, ("unfinished",), leaves=participant, ledger=ledger)


def leave(desk: Desk, call: Call, participant: str) -> bool:
    """Take a participant out of the ledger whose booking is cancelled already; return whether the trip has ended.

    The cancel's own transaction did that before, unless tables were restored apart.
    """
    try:
        desk.store.write({"trip": leaves(call, participant)})
    except Lost as lost:
        return status(call, lost.standing["trip"]) in ENDED or close(desk, call) in ENDED
    return False


def close(desk: Desk, call: Call) -> str:
    """Let no further book in: a trip still BOOKING becomes COMPENSATING. Return the trip's status now.

    Raises TripConfirmed if the trip is confirmed, TripConflict if it is not of this saga.
    """
    change = Change(log.trip_key(call.trip_id), (BOOKING,), call.saga_id, closed(desk.now()))
    try:
        desk.store.write({"close": change})
    except Lost as lost:
        return status(call, lost.standing["close"])
    return COMPENSATING


def status(call: Call, record: Item | None) -> str:
    """Return the status of the saga's own trip; raise TripConfirmed if it is confirmed, TripConflict if another's."""
    if not record or record["saga_id"] != call.saga_id:
        raise TripConflict(f"trip {call.trip_id} belongs to another saga")
    if record["status"] == CONFIRMED:
        raise TripConfirmed(f"trip {call.trip_id} is confirmed")
    return str(record["status"])


def closed(now: str) -> Item:
    """What a trip becomes that lets no further book in."""
    return {"status": COMPENSATING, "goal": ROLLED_BACK, "updated": now}
