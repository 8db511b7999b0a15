"""The protocol with one thing wrong. A mutant replaces texts in source files, each of them there once."""

from collections.abc import Mapping, Sequence

from tests.model.mutants_of_jobs import JOBS, Edit

B, S, C = "saga.booking", "saga.steps", "saga.compensation"
LEDGER, L, LOG, M = "saga.ledger", "saga.lifecycle", "saga.log", "tests.memory"
_MACHINES = ("booking.asl", "cancellation.asl")
_FORGET = """
                if "cancelled" in write.set:
                    del self.items[write.key]
                    return"""
_OUTCOME = '        "outcome": log.outcome(call, log.END, now, began, confirmation=booked["confirmation"], **ended),\n'
_TAKES = '        **takes(part, offer["capacity"]),\n'
_LANDED = "        raise _refusal(call, part, lost, writes) from lost\n"
_IN_TRIP = '"trip": ledger.confirms(call, part.participant, now) if last else ledger.joins(call, part.participant)'
_LAST = "last = {name for name in call.trip if name != part.participant} <= set(call.bookings)"
_CONFIRM = """    if last:
        desk.store.write({"trip": ledger.confirms(call, "", now)})
"""
_LEAVES = "UNDOING, call.saga_id, leaves"
_CLOSES = "(BOOKING,), call.saga_id, closed(now), leaves=participant)"
_CLOSE = "(BOOKING,), call.saga_id, closed(desk.now()))"
_GIVES = ', "outcome": entry, **gives_back(name, booking)}'
_WRITES = "            desk.store.write(_cancelled(desk, call, part, began, guess))\n"
_TOMB = '"booking": Put(key(call, part), tombstone(call, part, now)), '
_AGAIN = '"$.end.again", "BooleanEquals": true'
_ENDED = '"$.bookings.hotel.ended", "BooleanEquals": true'
_BLIND = '            desk.store.write(gives_back(part.participant, {"takes": part.takes}))\n'
_LATER = """            if guess.booking:
                desk.store.write(gives_back(part.participant, guess.booking))
"""
_BEGUN = 'if not standing or standing["saga_id"] != trip.saga_id:'


def _stops(name: str) -> list[Edit]:
    owed = f'"ResultPath": "$.owed.{name}", "Next": "'
    return [("booking.asl", f"{owed}Cancel", f'{owed}EndSaga", "_": "')]


def _both(old: str, new: str) -> list[Edit]:
    return [(machine, old, new) for machine in _MACHINES]


_LEDGERS: Mapping[str, Sequence[Edit]] = {
    "a book does not join": [(LEDGER, "call.saga_id, joins=participant)", 'call.saga_id, {"updated": "-"})')],
    "the last book does not join": [(LEDGER, "joins=participant, ledger=others)", "ledger=others)")],
    "the last book wants nothing in the ledger": [(LEDGER, "ledger=others)", "ledger=[])")],
    "a cancel does not leave": [(LEDGER, f"{_LEAVES}=participant)", 'UNDOING, call.saga_id, {"updated": "-"})')],
    "the cancel that closes does not leave": [(LEDGER, _CLOSES, _CLOSES.replace(", leaves=participant", ""))],
    "the cancel that ends does not leave": [(LEDGER, "leaves=participant, ledger=ledger)", "ledger=ledger)")],
    "the last cancel does not need an empty ledger": [(LEDGER, ", ledger=ledger)", ")")],
    "the last cancel ends whatever is undone": [(LEDGER, "Change(key, (call.status,)", "Change(key, UNDOING")],
    "the last cancel leaves it unfinished": [
        (LEDGER, '("unfinished",), leaves=participant', "(), leaves=participant"),
    ],
    "the last cancel does not log the end": [(C, '{"ended": trip.set["status"]} if guess.last', "{} if guess.last")],
    "a last cancel that lost ends all the same": [(C, "is_open=status == BOOKING, last=False)", "last=True)")],
    "an END does not look at the ledger": [(L, "if booked and not call.owed and", "if False and")],
    "an END forgets what the ledger holds": [(L, "dict.fromkeys(booked, STILL_BOOKED) | dict(call.owed)", "call.owed")],
    "an END says never again": [(L, '"again": True', '"again": False')],
    "an END is not heard": [
        ("booking.asl", f'{_AGAIN}, "Next": "CancelCar"', f'{_AGAIN}, "Next": "TripNeedsAttention"')
    ],
    "an END that must go back ends": _both(f'{{"Variable": {_AGAIN}, "Next": "CancelCar"}},\n', ""),
    "every last cancel has ended it": _both(_ENDED, '"$.bookings.hotel.status", "StringEquals": "CANCELLED"'),
}

_BOOKS: Mapping[str, Sequence[Edit]] = {
    "unconditional put of a booking": [(M, "return item is None", 'return not item or "offer" in write.item')],
    "unconditional put of a log entry": [(M, "return item is None", 'return not item or "kind" in write.item')],
    "unconditional put of a trip": [(M, "return item is None", 'return not item or "runs" in write.item')],
    "capacity in a second write": [
        (S, _TAKES, ""),
        (S, _LANDED, f'{_LANDED}    desk.store.write(takes(part, offer["capacity"]))\n'),
    ],
    "no look at the capacity": [(M, "(item or {}).get(slot, 0) < write.capacity", "True")],
    "a replay is an error": [
        (S, "        if _is_booked(call, lost):\n            return", "        if False:\n            return")
    ],
    "a replay of the last book that finds a hole": [
        (
            S,
            'if trip and trip["status"] == BOOKING:\n        raise _hole(part)\n    if "outcome" not',
            'if trip:\n        raise _hole(part)\n    if "outcome" not',
        )
    ],
    "the confirmation in a second write": [
        (S, _IN_TRIP, '"trip": ledger.joins(call, part.participant)'),
        (S, _LANDED, f"{_LANDED}{_CONFIRM}"),
        (LEDGER, "joins=participant, ledger=others)", ")"),
    ],
    "a last book that does not need BOOKING": [
        (LEDGER, "Change(key, (BOOKING,), call.saga_id, facts", "Change(key, (BOOKING, *UNDOING), call.saga_id, facts")
    ],
    "a book into a trip that has ended": [
        (LEDGER, "(BOOKING,), call.saga_id, joins", "(BOOKING, *UNDOING, *ENDED), call.saga_id, joins")
    ],
    "the last book does not confirm": [(S, _LAST, "last = False")],
    "a book thinks it is the last": [(S, _LAST, "last = len(call.bookings) > 0")],
    "the last book does not log the end": [(S, '{"ended": CONFIRMED} if last', "{} if last")],
    "the last book leaves it unfinished": [(LEDGER, '("unfinished",), joins', "(), joins")],
    "separate keys for END and ABORT": [(LOG, 'f"{_OUTCOME}#OUTCOME", kind', 'f"{_OUTCOME}#{kind}", kind')],
    "no outcome of a book": [(S, _OUTCOME, "")],
    "a refusal leaves no entry": [(S, "        return _abort(desk, call, part, refusal, began)", "        raise")],
    "no START of the first attempt": [(LOG, '{} if call.attempt else {"started": began}', "{}")],
    "no START of a later attempt": [
        (L, '            desk.store.write({"start": log.started(call, now)})', "            pass")
    ],
}

_CANCELS: Mapping[str, Sequence[Edit]] = {
    "drop the tombstone": [(C, _TOMB, "")],
    "delete on cancel": [(M, "item |= deepcopy(write.set)", f"item |= deepcopy(write.set){_FORGET}")],
    "the failing first book not cancelled": [
        ("booking.asl", '"$.failure", "Next": "CancelHotel"', '"$.failure", "Next": "EndSaga"')
    ],
    "blind give-back": [
        (C, _GIVES, ', "outcome": entry}'),
        (C, _WRITES, f"{_BLIND}{_WRITES}"),
        (M, "(item or {}).get(slot, 0) > 0", "True"),
        (M, "item[slot] - 1", "item.get(slot, 0) - 1"),
    ],
    "give-back in a second write": [
        (C, _GIVES, ', "outcome": entry}'),
        (
            C,
            _WRITES,
            f"{_WRITES}{_LATER}",
        ),
    ],
    "stop at the first failed compensation": _stops("car"),
    "stop at the second failed compensation": _stops("flight"),
    "a failed compensation is not owed": [("booking.asl", '"$.owed.hotel"', '"$.forgotten"')],
    "no TripConfirmed guard": [(LEDGER, 'if record["status"] == CONFIRMED:', "if False:")],
    "a cancel closes a confirmed trip": [(LEDGER, _CLOSES, _CLOSES.replace("(BOOKING,)", "(BOOKING, CONFIRMED)"))],
    "a close of a confirmed trip": [(LEDGER, _CLOSE, _CLOSE.replace("(BOOKING,)", "(BOOKING, CONFIRMED)"))],
    "no cancel closes the trip": [(C, "        trip = ledger.closes(call, name, now)", "        pass")],
    "a cancel looks once": [(C, "_ROUNDS = 3", "_ROUNDS = 1")],
    "a cancel that lost to a booking is enough": [
        (C, "if guess.booking and not is_live", "if failed or guess.booking and not is_live")
    ],
    "no outcome of a tombstone": [(C, f'{_TOMB}"outcome": entry}}', f"{_TOMB}}}")],
    "no outcome of a cancel": [(C, _GIVES, _GIVES.replace(', "outcome": entry', ""))],
    "a cancel cancels twice": [
        (C, "(BOOKED,), call.saga_id", "(BOOKED, CANCELLED), call.saga_id"),
        (C, "not is_live(guess.booking, call)", "False"),
    ],
    "a closed trip leaves no goal": [(LEDGER, '"status": COMPENSATING, "goal": ROLLED_BACK', '"status": CANCELLING')],
}

_LIVES: Mapping[str, Sequence[Edit]] = {
    "no owner check": [(L, _BEGUN, "if not standing:")],
    "a begin that is repeated is refused": [(L, _BEGUN, "if True:")],
    "a stale END": [
        (
            L,
            '        (record["status"],),\n        call.saga_id',
            "        (BOOKING, CONFIRMED, *UNDOING, *ENDED),\n        call.saga_id",
        ),
        (L, "    BOOKING,\n", "    BOOKING,\n    CONFIRMED,\n"),
    ],
    "an END of what has ended": [(L, "if not record or standing in ENDED:", "if not record:")],
    "an END forgets the goal": [(L, 'goal, now = record.get("goal", ROLLED_BACK)', "goal, now = ROLLED_BACK")],
    "an END forgets what is owed": [(L, 'facts: Item = {"owed": dict(owed)} if owed else {}', "facts: Item = {}")],
    "an END stays unfinished": [(L, '("owed", "unfinished")', '("owed",)')],
    "an END is not logged": [
        (L, '{"trip": change, "end": log.ended(call, settled, now, **facts)}', '{"trip": change}')
    ],
    "an undo counts no run": [(L, '"runs": record["runs"] + 1', '"runs": record["runs"]')],
    "an undo counts twice for one execution": [(L, ' or record.get("undo") == execution', "")],
    "an undo of a confirmed trip": [
        (L, "not in (BOOKING, *UNDOING) or", "not in (BOOKING, CONFIRMED, *UNDOING) or"),
        (L, "    BOOKING,\n", "    BOOKING,\n    CONFIRMED,\n"),
    ],
    "the API's saga is another's": [(L, 'if record["saga_id"] != saga_id:', "if True:")],
}

MUTANTS: Mapping[str, Sequence[Edit]] = _LEDGERS | _BOOKS | _CANCELS | _LIVES | JOBS

_NO_CLOSE: list[Edit] = [(C, "                ledger.close(desk, call)\n", "                pass\n")]

BACKED: Mapping[str, tuple[Sequence[Edit], Sequence[Edit]]] = {
    "a cancel that fails does not close the trip / an END does not need the ledger that it read": (
        _NO_CLOSE,
        [(L, '        ledger=record.get("booked", []),\n', "")],
    ),
    "a cancel that fails does not close the trip / a cancel of a confirmed trip": (
        _NO_CLOSE,
        [(LEDGER, _LEAVES, f"(*{_LEAVES.replace(',', ', CONFIRMED),', 1)}")],
    ),
    "a cancel that fails does not close the trip / an END that does not look at CONFIRMED": (
        _NO_CLOSE,
        [(L, "ledger.status(call, record), (record", '(record or {})["status"], (record')],
    ),
    "a cancel that fails does not close the trip / an END with something owed needs a closed trip": (
        _NO_CLOSE,
        [(L, "if standing == BOOKING and not call.owed", "if standing == BOOKING")],
    ),
}
"""Pairs of which one alone breaks nothing within the bounds, because the other does its work.

More conditions can go alone, and have no test here. Because the ledger does their work: the own cancel of a failed book
that is not the first, a tombstone beside the one that closes the trip, the last cancel's look at what the others have
cancelled, an undo that closes the trip as it begins. Because what they guard against comes only of tables restored
apart, or of a machine that calls out of order: the ledger that the last book needs, a replay that enters itself again,
a cancel that leaves though nothing is booked, an END that stops at a ledger which does not shrink.
"""
