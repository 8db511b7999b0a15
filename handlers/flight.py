"""The flight's two functions: BookFlight and CancelFlight in the state machines."""

from collections.abc import Mapping
from typing import Any

from saga import compensation, steps, telemetry, wiring
from saga.booking import part_of
from saga.log import Call
from saga.participants.flight import Seat


@telemetry.observed
def book(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Book the seat of `event["trip"]`; return its status and confirmation number."""
    return steps.book(wiring.desk(event, context), Call.parse(event), part_of(Seat, event["trip"]))


@telemetry.observed
def cancel(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Cancel the seat of `event["trip"]`, or make sure that it can't be booked any more."""
    return compensation.cancel(wiring.desk(event, context), Call.parse(event), part_of(Seat, event["trip"]))
