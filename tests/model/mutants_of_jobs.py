"""What travellers and the reconciler do to trips, with one thing wrong."""

from collections.abc import Mapping, Sequence

Edit = tuple[str, str, str]
"""A file, by its module's name or a state machine's; the text that stands there once; what stands there instead."""

R, T = "saga.reconciler", "saga.travellers"
_ASKED = 'Change(log.trip_key(trip_id), (record["status"],), record["saga_id"], facts)'

JOBS: Mapping[str, Sequence[Edit]] = {
    "a DELETE does not look again": [(T, "                continue\n", "                pass\n")],
    "a DELETE looks once": [(T, "_ROUNDS = 5", "_ROUNDS = 1")],
    "a DELETE of what it has not read": [(T, _ASKED, _ASKED.replace('(record["status"],)', "(BOOKING, CONFIRMED)"))],
    "a DELETE of what has moved on": [
        (T, _ASKED, _ASKED.replace('(record["status"],)', "(BOOKING, COMPENSATING, ROLLED_BACK, CONFIRMED)"))
    ],
    "a DELETE by another": [(T, 'if not record or record["owner"] != owner:', "if not record:")],
    "a DELETE with another goal": [(T, "CONFIRMED: (CANCELLING, CANCELLED)", "CONFIRMED: (CANCELLING, ROLLED_BACK)")],
    "a DELETE leaves it out of the unfinished": [(T, ', "unfinished": record["shard"]', "")],
    "a DELETE starts an undo beside one that runs": [(T, "if not undo_runs(executions, record):", "if True:")],
    "a DELETE leaves the undo to others": [(T, "            _start(desk, executions, record)\n", "            pass\n")],
    "a DELETE is not answered where a start fails": [
        (T, "        telemetry.note(", "        raise\n        telemetry.note(")
    ],
    "a POST starts nothing": [
        (T, "            executions.start_booking(trip.trip_id, record)\n", "            pass\n")
    ],
    "an undo beside a booking": [(R, "if RUNNING in bookings or undo_runs", "if undo_runs")],
    "an undo beside an undo": [
        (R, "if RUNNING in bookings or undo_runs(executions, record):", "if RUNNING in bookings:")
    ],
    "an undo beside a booking of another name": [(R, 'in {derived, record.get("execution", derived)}', "in {derived}")],
    "an undo beside a booking of the saga's own name": [
        (R, 'in {derived, record.get("execution", derived)}', 'in {record.get("execution", derived)}')
    ],
    "an undo that began is looked at alone": [(R, '    if "undos" in record:', "    if False:")],
    "an undo that was started is looked at alone": [(R, '{record["undo"]} if "undo" in record else set()', "set()")],
    "undos without a bound": [(R, "if most is not None and number > most:", "if False:")],
    "one undo fewer": [(R, "if most is not None and number > most:", "if number > UNDOS:")],
    "deaths are not counted": [(R, "        _count(desk, record, number)\n", "")],
    "deaths are counted of what began": [(R, 'max(record["runs"], record.get("undos", 0))', 'record["runs"]')],
    "a trip given up owes nothing": [(R, 'owed = dict.fromkeys(record["request"], "UndoDied")', "owed: Item = {}")],
    "a trip is never given up": [(R, "            give_up(desk, trip_id, record)\n", "")],
    "a booking that never began is undone": [(R, "bookings == {None}", "False")],
    "a booking that died begins again": [(R, "bookings == {None}", "True")],
    "a closed trip is nobody's": [(R, "not in (BOOKING, COMPENSATING, CANCELLING)", "not in (BOOKING, CANCELLING)")],
    "an open trip is nobody's": [
        (R, "not in (BOOKING, COMPENSATING, CANCELLING)", "not in (COMPENSATING, CANCELLING)")
    ],
    "a trip to be cancelled is nobody's": [
        (R, "not in (BOOKING, COMPENSATING, CANCELLING)", "not in (BOOKING, COMPENSATING)")
    ],
}
