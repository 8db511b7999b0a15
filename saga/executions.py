"""How executions are named, so that the same saga is always found again."""


def booking_name(trip_id: str, saga_id: str) -> str:
    """Name the execution that books a trip: at most 77 of the 80 characters that Step Functions allows."""
    return f"{trip_id}-{saga_id[:12]}"
