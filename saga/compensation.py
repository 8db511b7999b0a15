"""Cancel: undoes what a book has done, or makes sure that it can't be done any more. All participants share it."""

from dataclasses import dataclass, replace

from saga import ledger, lifecycle, log
from saga.booking import BOOKED, CANCELLED, Part, gives_back, is_live, key, tombstone
from saga.errors import TransientError
from saga.log import Call
from saga.ports import Change, Desk, Item, Lost, Put, Write
from saga.trip import BOOKING, ENDED

_ROUNDS = 3  # each lost round of a cancel tells at least one of the three facts that it has guessed


@dataclass(frozen=True)
class Guess:
    """What a cancel tries first: on this booking or none, in a trip that is still open, as the last one, which ends it.

    A wrong guess costs a lost transaction, which says what stands there.
    """

    booking: Item | None
    is_open: bool
    last: bool


def cancel(desk: Desk, call: Call, part: Part | None) -> Item:
    """Cancel the part's booking, or make sure that it can't be booked any more; return `{"status", "ended"}`.

    `ended` says that the trip has reached its goal: the last cancel of a run that owes nothing ends it. Cancelling
    twice, or what never was booked, succeeds. Raises TripConfirmed if the trip is confirmed, TripConflict if it is
    another saga's, TransientError where a repetition may succeed.
    """
    if part is None:
        return {"status": CANCELLED, "ended": False}
    began = lifecycle.start(desk, call)
    return {"status": CANCELLED, "ended": _undo(desk, call, part, began)}


def _undo(desk: Desk, call: Call, part: Part, began: str) -> bool:
    """Cancel what is booked, or put a tombstone where nothing is; return whether the trip has ended."""
    guess, failed = _guess(desk, call, part), ""
    for _ in range(_ROUNDS):
        if guess.booking and not is_live(guess.booking, call):
            return ledger.leave(desk, call, part.participant)
        try:
            desk.store.write(_cancelled(desk, call, part, began, guess))
        except Lost as lost:
            if "trip" in lost.standing:
                status = ledger.status(call, lost.standing["trip"])
                if status in ENDED:
                    return True
                guess = replace(guess, is_open=status == BOOKING, last=False)
            guess, failed = replace(guess, booking=lost.standing.get("booking", guess.booking)), str(lost)
        except Exception:
            if guess.is_open:  # this participant may be down for an hour: meanwhile no late book must land anywhere
                ledger.close(desk, call)
            raise
        else:
            return guess.last
    raise TransientError(f"{part.participant} could not be cancelled: {failed}")


def _guess(desk: Desk, call: Call, part: Part) -> Guess:
    """Guess what is likely: where no book has answered, its own failure is what led here, and the trip is still open.

    Where the others are cancelled and nothing is owed, this is the last cancel.
    """
    if not call.run and part.participant not in call.bookings:
        return Guess(booking=None, is_open=True, last=False)
    others = (booking["status"] for name, booking in call.bookings.items() if name != part.participant)
    last = call.status in ledger.GOALS and not call.owed and BOOKED not in others
    return Guess(desk.store.get(key(call, part)), is_open=False, last=last)


def _cancelled(desk: Desk, call: Call, part: Part, began: str, guess: Guess) -> dict[str, Write]:
    """Make the cancel's transaction: of a live booking with what it took, or else the tombstone."""
    now, name, booking = desk.now(), part.participant, guess.booking
    trip = ledger.leaves(call, name)
    if guess.is_open:
        trip = ledger.closes(call, name, now)
    elif guess.last:
        trip = ledger.ends(call, name, now, live=bool(booking))
    ended = {"ended": trip.set["status"]} if guess.last else {}
    entry = log.outcome(call, log.END, now, began, found=BOOKED if booking else "nothing", **ended)
    if not booking:
        return {"trip": trip, "booking": Put(key(call, part), tombstone(call, part, now)), "outcome": entry}
    change = Change(key(call, part), (BOOKED,), call.saga_id, {"status": CANCELLED, "cancelled": now})
    return {"trip": trip, "booking": change, "outcome": entry, **gives_back(name, booking)}
