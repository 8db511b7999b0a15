"""The protocol with one thing wrong. A mutant replaces texts in source files, each of them there once."""

from collections.abc import Mapping, Sequence

from saga.trip import PARTICIPANTS

Edit = tuple[str, str, str]
"""A file, by its module's name or a state machine's; the text that stands there once; what stands there instead."""

S, L, M, LOG = "saga.steps", "saga.lifecycle", "tests.memory", "saga.log"
_ORDER = list(PARTICIPANTS)
_TOMBSTONE = "Put(key(call, part), row(call, part, CANCELLED, now))"
_TOMB = f'        "booking": {_TOMBSTONE}'
_CHANGE = '        "booking": Change('
_TAKES = '        **{f"take {name}": Take(counter(part, name), offer["capacity"]) for name in part.takes},\n'
_GIVES = '        **{f"give back {name}": GiveBack(counter(part, name)) for name in part.takes},\n'
_GIVE = "desk.store.write({n: GiveBack(counter(part, n)) for n in part.takes})\n"
_BOOKED = "        return _replay_or_refuse(call, part, lost)\n"
_CONFIRM = """    if call.confirms:
        change = Change(log.trip_key(call.trip_id), (BOOKING,), call.saga_id, {"status": CONFIRMED}, ("unfinished",))
        desk.store.write({"trip": change, "end": log.ended(call, CONFIRMED, now)})
"""
_FORGET = '\n                if "cancelled" in write.set:\n                    del self.items[write.key]'
_UNDOING = '        "trip": Check(log.trip_key(call.trip_id), UNDOING, call.saga_id),\n'
_WRITTEN = "    desk.store.write(writes)\n\n\ndef _put_tombstone"
_FIRST_CLOSE = "if not booked and lifecycle.close(desk, call) in ENDED:"
_CLOSE = 'if "trip" in lost.standing and lifecycle.close(desk, call) in ENDED:'
_LIVE = ' and (booking["status"] != BOOKED or booking["saga_id"] != call.saga_id)'
_BEGUN = 'if not standing or standing["saga_id"] != trip.saga_id:'
_MINE = "    if booking and is_mine(booking, call, part):"


def _uncancelled(number: int) -> list[Edit]:
    caught = '"ResultPath": "$.failure", "Next": '
    instead = f"Cancel{_ORDER[number - 1].title()}" if number else "EndSaga"
    return [("booking.asl", f'{caught}"Cancel{_ORDER[number].title()}"', f'{caught}"{instead}"')]


def _stops(name: str) -> list[Edit]:
    owed = f'"ResultPath": "$.owed.{name}", "Next": "'
    return [("booking.asl", f"{owed}Cancel", f'{owed}EndSaga", "_": "')]


MUTANTS: Mapping[str, Sequence[Edit]] = {
    "drop the tombstone": [(S, f"{_TOMB},\n", "")],
    "delete on cancel": [(M, "item |= deepcopy(write.set)", f"item |= deepcopy(write.set){_FORGET}")],
    **{f"the failing {name} book not cancelled": _uncancelled(n) for n, name in enumerate(_ORDER)},
    "unconditional put of a booking": [(M, "return item is None", 'return not item or "offer" in write.item')],
    "unconditional put of a log entry": [(M, "return item is None", 'return not item or "kind" in write.item')],
    "unconditional put of a trip": [(M, "return item is None", 'return not item or "runs" in write.item')],
    "capacity in a second write": [
        (S, _TAKES, ""),
        (S, _BOOKED, f"{_BOOKED}    desk.store.write({{n: Take(counter(part, n), 2) for n in part.takes}})\n"),
    ],
    "no look at the capacity": [(M, 'return (item or {}).get("taken", 0) < write.capacity', "return True")],
    "blind give-back": [
        (S, _GIVES, ""),
        (S, "    for _ in range(_ROUNDS):\n", f"    {_GIVE}    for _ in range(_ROUNDS):\n"),
        (M, 'return (item or {}).get("taken", 0) > 0', "return True"),
        (M, 'item["taken"] -= 1', 'item["taken"] = item.get("taken", 0) - 1'),
    ],
    "give-back in a second write": [
        (S, _GIVES, ""),
        (S, _WRITTEN, _WRITTEN.replace("\n", f"\n    {_GIVE}", 1)),
    ],
    "stop at the first failed compensation": _stops("car"),
    "stop at the second failed compensation": _stops("flight"),
    "a failed compensation is not owed": [("booking.asl", '"$.owed.hotel"', '"$.forgotten"')],
    "a replay is an error": [(S, f"{_MINE}\n        return answer(call, part)\n", "")],
    "no owner check": [(L, _BEGUN, "if not standing:")],
    "no TripConfirmed guard": [(L, 'if record["status"] == CONFIRMED:', "if False:")],
    "a cancel closes a confirmed trip": [(L, "        (BOOKING,),\n", "        (BOOKING, CONFIRMED),\n")],
    "no cancel closes the trip": [(S, _FIRST_CLOSE, "if False:"), (S, _CLOSE, "if False:")],
    "a cancel that finds the trip open leaves it open": [(S, _CLOSE, "if False:")],
    "a cancel that finds the trip open thinks it done": [(S, _CLOSE, 'if "trip" in lost.standing:')],
    "a cancel does not look at the trip": [(S, f"{_UNDOING}{_CHANGE}", _CHANGE)],
    "a cancel looks once": [(S, "_ROUNDS = 3", "_ROUNDS = 1")],
    "a tombstone that lost to a booking is enough": [(S, _LIVE, "")],
    "a cancel that found no booking is enough": [(S, "return booking is not None and", "return not booking or")],
    "no outcome of a tombstone": [(S, '        "outcome": log.outcome(call, log.END, now, found="nothing"),\n', "")],
    "a closed trip leaves no goal": [(L, '"status": COMPENSATING, "goal": ROLLED_BACK', '"status": CANCELLING')],
    "the confirmation in a second write": [
        (S, "    if not call.confirms:\n", "    if True:\n"),
        (S, f"{_BOOKED}    return booked", f"{_BOOKED}{_CONFIRM}    return booked"),
    ],
    "a last book that does not need BOOKING": [
        (S, "Change(trip, (BOOKING,), call.saga_id", "Change(trip, (BOOKING, *UNDOING, *ENDED), call.saga_id")
    ],
    "the last book does not confirm": [("booking.asl", '"confirms": true', '"confirms": false')],
    "a stale END": [(L, '        (record["status"],),\n', "        (BOOKING, CONFIRMED, *UNDOING, *ENDED),\n")],
    "an END that does not look at CONFIRMED": [(L, "status = _status(call, record)", 'status = record["status"]')],
    "an END with something owed needs a closed trip": [
        (L, "if status == BOOKING and not owed", "if status == BOOKING")
    ],
    "an END does not look again": [(L, 'record = lost.standing["trip"]', "continue")],
    "an END forgets the goal": [(L, 'record.get("goal", ROLLED_BACK)', "ROLLED_BACK")],
    "an END forgets what is owed": [(L, 'facts: Item = {"owed": dict(owed)} if owed else {}', "facts: Item = {}")],
    "an END stays unfinished": [(L, '("owed", "unfinished")', '("owed",)')],
    "separate keys for END and ABORT": [(LOG, 'f"{_OUTCOME}#OUTCOME"', 'f"{_OUTCOME}#{kind}"')],
    "no outcome of a book": [
        (S, '"outcome": log.outcome(call, log.END, now, confirmation=booked["confirmation"]),', "")
    ],
    "no outcome of a cancel": [(S, '"outcome": log.outcome(call, log.END, now, found=BOOKED),', "")],
    "a refusal leaves no entry": [(S, "        return _abort(desk, call, part, refusal)", "        raise")],
    "a cancel cancels twice": [(S, "(BOOKED,), call.saga_id", "(BOOKED, CANCELLED), call.saga_id")],
    "an undo counts no run": [(L, '"runs": record["runs"] + 1', '"runs": record["runs"]')],
    "an undo counts twice for one execution": [(L, ' or record.get("undo") == execution', "")],
    "an undo of a confirmed trip": [(L, "not in (BOOKING, *UNDOING) or", "not in (BOOKING, CONFIRMED, *UNDOING) or")],
    "no START": [(S, 'desk.store.write({"start": log.started(call, desk.now())})', "pass")],
    "a begin that is repeated is refused": [(L, _BEGUN, "if True:")],
}

_NO_REPLAY: list[Edit] = [(S, _MINE, f'{_MINE[:-1]} and "trip" not in lost.standing:')]
_NO_LOOK: list[Edit] = [(S, 'if booking and booking["status"] == BOOKED and is_mine', "if False and is_mine")]

BACKED: Mapping[str, tuple[Sequence[Edit], Sequence[Edit]]] = {
    "a cancel does not close the trip first / a tombstone does not look at the trip": (
        [(S, _FIRST_CLOSE, "if False:")],
        [(S, f"{_UNDOING}{_TOMB}", _TOMB)],
    ),
    "a replay on a trip that moved on is refused / an abort that lost does not look": (_NO_REPLAY, _NO_LOOK),
}
"""Pairs of which each alone breaks nothing within the bounds, because the other does its work.

Five more conditions can go alone, and have no test here. A book's check of the trip, but for the last: what it books is
cancelled by the run that closed the trip, or refused by its tombstone. A cancel's third look: with two it is retried or
owed. Its look at whose booking it is: another saga's trip is refused before. END's stop at BOOKING with nothing owed: a
cancel that succeeded closed the trip. The write without an entry when a run says NEEDS_ATTENTION a second time: without
it EndSaga fails, its Catch ends the execution in the same state, and the record says it already.
"""
