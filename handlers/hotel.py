"""The hotel's two functions: BookHotel and CancelHotel in the state machines."""

from collections.abc import Mapping
from typing import Any

from saga import steps, telemetry, wiring
from saga.log import Call
from saga.participants.hotel import Stay


@telemetry.observed
def book(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Book the stay in `event["part"]`; return its status and confirmation number."""
    return steps.book(wiring.desk(event, context), Call.parse(event), Stay.parse(event["part"]))


@telemetry.observed
def cancel(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Cancel the stay in `event["part"]`, or make sure that it can't be booked any more."""
    return steps.cancel(wiring.desk(event, context), Call.parse(event), Stay.parse(event["part"]))
