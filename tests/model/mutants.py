"""The protocol with one thing wrong. Each mutant is a replacement of text in a source file, or in two."""

from collections.abc import Mapping, Sequence

from saga.trip import PARTICIPANTS

Edit = tuple[str, str, str]
"""A file, by its module's name or a state machine's; the text that stands there once; what stands there instead."""

S, L, M = "saga.steps", "saga.lifecycle", "tests.memory"
_PUT = 'Put(key(call, part), row(call, part, CANCELLED, now))'
_BOOKED = "row(call, part, BOOKED, now)"
_TAKES = "        **{f\"take {name}\": Take(counter(part, name), offer[\"capacity\"]) for name in part.takes},\n"
_GIVES = "        **{f\"give back {name}\": GiveBack(counter(part, name)) for name in part.takes},\n"
_CONFIRM = '    return {"trip": change, "end": log.ended(call, CONFIRMED, now)}'
_CANCELS = "if _cancel_booking(desk, call, part) or _put_tombstone(desk, call, part):"
_CHANGE = '"booking": Change(key(call, part), (BOOKED,), call.saga_id, {"status": CANCELLED, "cancelled": now}),'
_END_OUTCOME = '        "outcome": log.outcome(call, log.END, now, confirmation=booked["confirmation"]),\n'
_DONE = "    try:\n        desk.store.write(writes)\n    except Lost as lost:\n        return _replay_or_refuse"
_FOUND = "        return _replay_or_refuse(call, part, lost)\n"


def _caught(name: str, instead: str) -> Edit:
    """Let a failed book go on with another cancel than its own."""
    caught = '"ResultPath": "$.failure", "Next": '
    return ("booking.asl", f'{caught}"Cancel{name.title()}"', f'{caught}"{instead}"')


def _stops(after: str) -> Edit:
    return ("booking.asl", f'"ResultPath": "$.owed.{after}", "Next": "Cancel', f'"ResultPath": "$.owed.{after}", "Next": "EndSaga", "_": "')


_ORDER = list(PARTICIPANTS)

MUTANTS: Mapping[str, Sequence[Edit]] = {
    "drop the tombstone": [(S, f'        "booking": {_PUT},\n', "")],
    "delete on cancel": [(M, "item |= deepcopy(write.set)", 'item |= deepcopy(write.set)\n                if "cancelled" in write.set:\n                    del self.items[write.key]')],
    **{
        f"the failing {name} book not cancelled": [_caught(name, f"Cancel{_ORDER[n - 1].title()}" if n else "EndSaga")]
        for n, name in enumerate(_ORDER)
    },
    "unconditional put of a booking": [(M, "return item is None", 'return item is None or "confirmation" in write.item')],
    "unconditional put of a log entry": [(M, "return item is None", 'return item is None or "kind" in write.item')],
    "capacity in a second write": [
        (S, _TAKES, ""),
        (S, f"{_FOUND}    return booked", f'{_FOUND}    desk.store.write({{n: Take(counter(part, n), offer["capacity"]) for n in part.takes}})\n    return booked'),
    ],
    "no look at the capacity": [(M, 'return (item or {}).get("taken", 0) < write.capacity', "return True")],
    "blind give-back": [
        (S, _GIVES, ""),
        (S, "    for _ in range(_ROUNDS):\n", "    desk.store.write({n: GiveBack(counter(part, n)) for n in part.takes})\n    for _ in range(_ROUNDS):\n"),
        (M, 'return (item or {}).get("taken", 0) > 0', "return True"),
        (M, 'item["taken"] -= 1', 'item["taken"] = item.get("taken", 0) - 1'),
    ],
    "give-back in a second write": [
        (S, _GIVES, ""),
        (S, "        return booking is not None\n", "        return booking is not None\n    desk.store.write({n: GiveBack(counter(part, n)) for n in part.takes})\n"),
    ],
    "stop at the first failed compensation": [_stops("car")],
    "stop at the second failed compensation": [_stops("flight")],
    "a failed compensation is not owed": [("booking.asl", '"$.owed.hotel"', '"$.forgotten"')],
    "a replay is an error": [(S, "    if booking and is_mine(booking, call, part):\n        return answer(call, part)\n", "")],
    "a replay is refused once the trip moved on": [
        (S, '    if booking and is_mine(booking, call, part):', '    if booking and is_mine(booking, call, part) and "trip" not in lost.standing:')
    ],
    "no owner check": [(L, 'if not standing or standing["saga_id"] != trip.saga_id:', "if not standing:")],
    "no TripConfirmed guard": [(L, 'if record["status"] == CONFIRMED:', "if False:")],
    "TripConfirmed is not caught first by CancelCar": [
        ("booking.asl", '"Next": "CancelFlight"}\n      ],\n', '"Next": "CancelFlight"}\n      ],\n      "_": "",\n')
    ],
    "a cancel closes a confirmed trip": [(L, "        (BOOKING,),\n", "        (BOOKING, CONFIRMED),\n")],
    "no cancel closes the trip": [(S, "if lifecycle.close(desk, call) in ENDED:", "if False:")],
    "the confirmation in a second write": [
        (S, _CONFIRM, '    return {"trip": Check(trip, (BOOKING,), call.saga_id)}'),
        (S, f"{_FOUND}    return booked", f'{_FOUND}    if call.confirms:\n        done = Change(log.trip_key(call.trip_id), (BOOKING,), call.saga_id, {{"status": CONFIRMED}}, ("unfinished",))\n        desk.store.write({{"trip": done, "end": log.ended(call, CONFIRMED, now)}})\n    return booked'),
    ],
    "a last book that does not need BOOKING": [
        (S, "Change(trip, (BOOKING,), call.saga_id", "Change(trip, (BOOKING, *UNDOING, *ENDED), call.saga_id")
    ],
    "a book that does not need BOOKING": [
        (S, "Check(trip, (BOOKING,), call.saga_id)", "Check(trip, (BOOKING, *UNDOING, *ENDED), call.saga_id)"),
    ],
    "a stale END": [
        (L, '        (record["status"],),\n', '        (BOOKING, CONFIRMED, *UNDOING, *ENDED),\n'),
    ],
    "an END that does not look at CONFIRMED": [(L, "status = _status(call, record)\n", 'status = record["status"]\n')],
    "an END with nothing owed takes BOOKING": [(L, "if status == BOOKING and not owed:", "if False:")],
    "an END with something owed needs a closed trip": [(L, "if status == BOOKING and not owed:", "if status == BOOKING:")],
    "an END forgets the goal": [(L, 'record.get("goal", ROLLED_BACK)', "ROLLED_BACK")],
    "an END forgets what is owed": [(L, 'facts: Item = {"owed": dict(owed)} if owed else {}', "facts: Item = {}")],
    "an END leaves the trip among the unfinished": [(L, '("owed", "unfinished")', '("owed",)')],
    "a second entry stops the second NEEDS_ATTENTION": [
        (L, '        if "trip" in lost.standing:\n            raise\n', '        raise\n')
    ],
    "separate keys for END and ABORT": [("saga.log", 'f"{_OUTCOME}#OUTCOME"', 'f"{_OUTCOME}#{kind}"')],
    "no outcome of a book": [(S, _END_OUTCOME, "")],
    "a cancel that does not need the trip to be undone": [
        (S, f'        "trip": Check(log.trip_key(call.trip_id), UNDOING, call.saga_id),\n        {_CHANGE}', f"        {_CHANGE}")
    ],
    "a tombstone that does not need the trip to be undone": [
        (S, f'        "trip": Check(log.trip_key(call.trip_id), UNDOING, call.saga_id),\n        "booking": {_PUT}', f'        "booking": {_PUT}')
    ],
    "a cancel cancels twice": [(S, "(BOOKED,), call.saga_id", "(BOOKED, CANCELLED), call.saga_id")],
    "a lost tombstone counts as a cancel": [
        (S, 'return "booking" not in lost.standing and _trip_has_ended(call, part, lost)', "return True")
    ],
    "no tombstone at all": [(S, _CANCELS, "if _cancel_booking(desk, call, part) or True:")],
    "an undo counts no run": [(L, '"runs": record["runs"] + 1', '"runs": record["runs"]')],
    "an undo counts twice for one execution": [(L, ' or record.get("undo") == execution', "")],
    "an undo of a confirmed trip": [(L, "not in (BOOKING, *UNDOING) or", "not in (BOOKING, CONFIRMED, *UNDOING) or")],
    "no START": [(S, 'desk.store.write({"start": log.started(call, desk.now())})', "pass")],
    "a START per step": [("saga.log", 'f"{call.attempt:03}#START"', '"000#START"')],
    "a START that was there is an error": [(S, "with suppress(Lost):  # the same", "with suppress():  # the same")],
    "a begin that is repeated is refused": [(L, 'if not standing or standing["saga_id"] != trip.saga_id:', "if True:")],
    "a refusal leaves no entry that binds": [(S, "        return _abort(desk, call, part, refusal)", "        raise refusal")],
    "an abort that lost forgets the booking": [(S, "        if booking and booking[\"status\"] == BOOKED and is_mine", "        if False and is_mine")],
    "a closed trip is sold out": [(S, "raise TripClosed(f", "raise TransientError(f")],
}
