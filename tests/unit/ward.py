"""A stage on moto's tables with the real machines behind it: trips are booked, damaged and repaired there."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from moto.core import DEFAULT_ACCOUNT_ID as ACCOUNT
from moto.dynamodb.models import dynamodb_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from saga import expressions, log
from saga.dynamo import DynamoStore
from saga.ports import Item, Key, Put
from saga.trip import PARTICIPANTS
from tests import tables as read
from tests.infra import tables
from tests.statemachine.machine import REGION, Machine, aws, machine_arn
from tests.trips import OFFERS, TRIP, trip
from tools import audit, mending, trips
from tools.console.kept import Kept
from tools.mending import Mended
from tools.stage import SERVICE, Stage

ID = TRIP["trip_id"]
NAME = "ward"


class Moto(Kept):
    """A stage whose machines moto knows by the names of their definitions."""

    def machine_arn(self, kind: str = "booking") -> str:
        """ARN of a state machine."""
        return machine_arn(kind)


@dataclass
class Ward:
    """Books, damages and repairs trips."""

    machine: Machine
    stage: Stage = field(default_factory=lambda: Moto(NAME, REGION))

    def book(self, trip_id: str = ID, name: str | None = None, **changes: Any) -> str:
        """Book the sample trip; return the trip's status then."""
        self.machine.run(trip(trip_id=trip_id, **changes), name)
        return self.status(trip_id)

    def undo(self, trip_id: str = ID) -> str:
        """Cancel a trip as its owner does; return the trip's status then."""
        with self.machine.serving():
            trips.cancel(self.stage, trip_id)
        return self.status(trip_id)

    @property
    def items(self) -> dict[Key, Item]:
        """All that the tables hold."""
        found = {}
        for table in (
            log.TABLE,
            *PARTICIPANTS,
        ):  # from moto itself: a scan through the client takes fifty times as long
            for stored in _held(self.stage.table(table)).all_items():
                item = expressions.unmarshal(stored.to_json()["Attributes"])
                found[Key(table, item.get("id") or item["trip_id"], item.get("entry", ""))] = item
        return found

    def status(self, trip_id: str = ID) -> str:
        """The trip's status."""
        return str(read.record(self.items, trip_id)["status"])

    def story(self, trip_id: str = ID) -> list[str]:
        """The trip's log."""
        return read.story(self.items, trip_id)

    def bookings(self, trip_id: str = ID) -> dict[str, str]:
        """The status of each booking."""
        return read.statuses(self.items, trip_id)

    def put(self, items: Mapping[Key, Item]) -> None:
        """Put items as they are, behind the saga's back."""
        for key, item in items.items():
            ledger = {"booked": {"SS": item["booked"]}} if isinstance(item.get("booked"), list) else {}
            typed = expressions.marshal(item) | ledger
            self.stage.client("dynamodb").put_item(TableName=self.stage.table(key.table), Item=typed)

    def change(self, key: Key, **facts: Any) -> None:
        """Change an item behind the saga's back; a fact that is None is taken away."""
        changed = self.items[key] | facts
        self.put({key: {name: value for name, value in changed.items() if value is not None}})

    def delete(self, *keys: Key) -> None:
        """Take items away behind the saga's back."""
        for key in keys:
            self.stage.client("dynamodb").delete_item(TableName=self.stage.table(key.table), Key=expressions.key(key))

    def restore(self, table: str, then: Mapping[Key, Item]) -> None:
        """Let one table hold what it held at another moment."""
        self.delete(*(key for key in self.items if key.table == table))
        self.put({key: item for key, item in then.items() if key.table == table})

    def found(self) -> set[str]:
        """What the audit finds, by the kinds."""
        return {str(one.kind) for one in audit.findings(self.stage)[1]}

    def violations(self) -> list[str]:
        """What the audit finds."""
        return audit.audit(self.stage)[1]

    def repair(self, trip_id: str = ID) -> Mended:
        """`./saga.sh repair <trip_id>`."""
        with self.machine.serving():
            return mending.mend(self.stage, trip_id)

    def repair_all(self) -> list[Mended]:
        """`./saga.sh repair --all`."""
        with self.machine.serving():
            return list(mending.mend_all(self.stage, lambda _: None, lambda _: lambda _: None))


@contextmanager
def stage() -> Iterator[Ward]:
    """An AWS in memory with the tables of a stage."""
    with aws():
        client = boto3.client("dynamodb", REGION)
        for table in tables(f"{SERVICE}-{NAME}"):
            client.create_table(**table)
        yield Ward(Machine(DynamoStore(client, f"{SERVICE}-{NAME}")))


def cleared(ward: Ward) -> Ward:
    """Empty the tables, offer the sample offers, and forget all executions."""
    for table in (log.TABLE, *PARTICIPANTS):
        _held(ward.stage.table(table)).items.clear()
    for machine in stepfunctions_parser_backends[ACCOUNT][REGION].state_machines:
        machine.executions.clear()
    for key, offer in OFFERS.items():
        ward.machine.store.write({"offer": Put(key, offer)})
    return ward


def _held(name: str) -> Any:
    return dynamodb_backends[ACCOUNT][REGION].tables[name]
