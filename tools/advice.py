"""What each kind of finding means that a repair leaves, and what to type next."""

import json

from saga import expressions
from tools.findings import Finding, Kind
from tools.stage import Stage

MEANS = {
    Kind.UNREADABLE: "no release of this saga writes such an item: it was changed by hand, or is another program's",
    Kind.COUNTER: "somebody books or cancels there right now, or an item of that table can't be read",
    Kind.OVERSOLD: "more is booked on that day than was ever offered: a write went round the counter's condition",
    Kind.NO_RECORD: "its bookings or its log stand without its record, as after a restore of the saga log alone",
    Kind.ALTERED: "an item of it was changed by hand: nothing is booked wrongly by that, but it can't be trusted",
    Kind.FOREIGN: "tables were restored apart and its trip_id was used again: no saga touches another one's booking",
    Kind.LEDGER: "its record and its bookings disagree, and the repair has not brought them together",
    Kind.MISSING: "its owner was told that it is booked, and it is not: a participant's table was restored alone",
    Kind.STILL_BOOKED: "it has ended, and something is booked that no saga of this trip may cancel",
    Kind.NOT_OWED: "it needs attention and does not say for what",
    Kind.INDEX: "the index of unfinished trips is wrong about it, so that the reconciler may not see it",
    Kind.LOG: "its log lacks lines or has too many; what is booked is not touched by that",
}

NEXT = {
    Kind.UNREADABLE: "aws dynamodb get-item --table-name {table} --key '{key}'  (mend it, or put it back from a "
    "restored table), then: ./saga.sh repair --all",
    Kind.COUNTER: "./saga.sh repair --all  (again, while little is booked)",
    Kind.OVERSOLD: "raise the capacity of {offer} (docs/operations.md, Capacity), or cancel trips of that day: "
    "./saga.sh cancel <trip_id>",
    Kind.NO_RECORD: "start the same request under trip_id {trip_id} again (its owner's POST, or ./saga.sh book): each "
    "book takes its booking up again; then: ./saga.sh repair {trip_id}",
    Kind.ALTERED: "put the item back from a restored table (docs/operations.md, Backup and restore), then: "
    "./saga.sh repair {trip_id}",
    Kind.FOREIGN: "aws dynamodb delete-item --table-name {table} --key '{key}'  (if the other saga is gone for good), "
    "then: ./saga.sh repair --all",
    Kind.MISSING: "./saga.sh cancel {trip_id}  (gives back the rest; tell its owner, who may book again under another "
    "trip_id), then: ./saga.sh repair {trip_id}",
}
AGAIN = "./saga.sh log {trip_id}, then: ./saga.sh repair {trip_id}"


def advice(stage: Stage, finding: Finding) -> dict[str, str]:
    """Say what a finding means and what to type next: `{"finding", "reason", "next"}`."""
    where, offer = finding.where, finding.count.counter.rpartition("#")[0] if finding.count else ""
    text = NEXT.get(finding.kind, AGAIN).format(
        trip_id=finding.trip_id,
        offer=offer,
        table=stage.table(where.table) if where else "",
        key=json.dumps(expressions.key(where)) if where else "",
    )
    return {"finding": str(finding), "reason": MEANS[finding.kind], "next": text}
