"""Executions of the two state machines: started and found again under names that derive from the trip."""

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from saga.errors import TransientError


def booking_name(trip_id: str, saga_id: str) -> str:
    """Name the execution that books a trip: at most 77 of the 80 characters that Step Functions allows."""
    return f"{trip_id}-{saga_id[:12]}"


def cancellation_name(trip_id: str, run: int) -> str:
    """Name the execution that undoes a trip for the `run`-th time. Names stay taken for 90 days."""
    return f"{trip_id}-c{run}"


def booking_input(trip_id: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """Make what the booking of a saga is started with that has begun already: BeginSaga reads the rest."""
    return {"trip_id": trip_id, "saga_id": record["saga_id"]}


class Executions:
    """The executions of one stage, through a Step Functions client; `booking` and `cancellation` are machine ARNs."""

    def __init__(self, client: Any, booking: str, cancellation: str) -> None:
        """Keep the client and the ARNs."""
        self._client, self._booking, self._cancellation = client, booking, cancellation

    def booking(self, trip_id: str, saga_id: str) -> str:
        """Return the ARN of the execution that books a trip, started or not."""
        return f"{_executions(self._booking)}:{booking_name(trip_id, saga_id)}"

    def cancellation(self, trip_id: str, run: int) -> str:
        """Return the ARN of the execution that is a trip's `run`-th undo, started or not."""
        return f"{_executions(self._cancellation)}:{cancellation_name(trip_id, run)}"

    def status(self, arn: str) -> str | None:
        """Return an execution's status; None if these machines have none such, or had it over 90 days ago.

        Raises TransientError.
        """
        if not arn.startswith((_executions(self._booking) + ":", _executions(self._cancellation) + ":")):
            return None  # recorded by a machine that is gone: to ask would fail for ever
        try:
            return str(self._client.describe_execution(executionArn=arn)["status"])
        except self._client.exceptions.ExecutionDoesNotExist:
            return None
        except (ClientError, BotoCoreError) as error:
            raise TransientError(str(error)) from error

    def start_booking(self, trip_id: str, record: Mapping[str, Any]) -> bool:
        """Start the booking of a trip's record under its name; return False if that name is taken."""
        return self.start_input(trip_id, record["saga_id"], booking_input(trip_id, record))

    def start_input(self, trip_id: str, saga_id: str, request: Mapping[str, Any]) -> bool:
        """Start the booking of a request under its saga's name; return False if that name is taken."""
        return self._start(self._booking, booking_name(trip_id, saga_id), request)

    def start_cancellation(self, trip_id: str, run: int) -> bool:
        """Start the `run`-th undo of a trip under its name; return False if that name is taken."""
        return self._start(self._cancellation, cancellation_name(trip_id, run), {"trip_id": trip_id})

    def _start(self, machine: str, name: str, request: Mapping[str, Any]) -> bool:
        try:
            self._client.start_execution(
                stateMachineArn=machine, name=name, input=json.dumps(request, ensure_ascii=False)
            )
        except self._client.exceptions.ExecutionAlreadyExists:
            return False
        except (ClientError, BotoCoreError) as error:
            raise TransientError(str(error)) from error
        return True


def _executions(machine: str) -> str:
    return machine.replace(":stateMachine:", ":execution:")
