"""What is said of a trip at an end, of an execution or of a call, is true of the trip, and stays true."""

from typing import Any

from saga.ports import Item
from saga.trip import CANCELLED, CANCELLING, CONFIRMED, ENDED, NEEDS_ATTENTION
from tests.model.edges import DELETE, TRIP
from tests.model.functions import POST
from tests.model.orchestrator import At


def false_end(arn: str, at: At, record: Item, saga_id: str) -> str | None:
    """Say what is wrong with the last state of an execution of a saga ("": it undoes whatever trip there is)."""
    ended, mine = at.ended, not saga_id or record.get("saga_id") == saga_id
    if ended != "FAILED" and mine == (ended in ("TripRefused", "CancellationRefused")):
        return f"I7: {arn} ended as {ended}, and the trip is {'its own' if mine else 'of another saga'}"
    status, asked = record.get("status"), record.get("goal") == CANCELLED
    if ended == "TripBooked" and not (status == CONFIRMED or asked):
        return f"I1: {arn} ended as TripBooked, but the trip is {status}"
    if ended == "NothingToUndo" and not (status in (CONFIRMED, *ENDED) or asked):
        return f"I2: {arn} found nothing to undo, but the trip is {status}"
    if ended == "TripNeedsAttention" and not at.caught and status not in (NEEDS_ATTENTION, *ENDED):
        return f"I6: {arn} ended as {ended}, but the trip is {status}"
    if ended in ("TripRolledBack", "TripUndone") and status not in ENDED:
        return f"I2: {arn} ended as {ended}, but the trip is {status}"
    return None


def false_answer(invocation: Any, error: str, answer: Any, record: Item) -> str | None:
    """Say what is wrong with what a traveller is told: a status, or an error that nothing has caused."""
    name, event, answers = invocation
    if name not in (DELETE, POST):
        return None
    mine = event["owner"] == record.get("owner")
    if error:
        failed = error == "TransientError" and any(kind == "error" for kind, _ in answers)
        refused = not mine and error == {DELETE: "UnknownTrip", POST: "TripConflict"}[name]
        return None if failed or refused else f"I7: {name} raised {error}, and nothing failed"
    if not mine or record.get("status") not in _LATER[answer]:
        return f"I8: {name} answered {event['owner']} {answer}: the trip is {record}"
    return None


def _later(status: str) -> set[str]:
    """Return all statuses that may follow one, and itself."""
    found, new = {status}, {status}
    while new:
        new = {after for before in new for after in {**TRIP, CONFIRMED: {CANCELLING}}[before]} - found
        found |= new
    return found


_LATER = {status: _later(status) for status in TRIP}
