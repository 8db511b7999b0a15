"""The names the state machines may match: Lambda reports the bare class name of what a handler raises."""

from typing import NamedTuple


class Refusal(Exception):
    """A business no. It is an answer, so the state machine never retries it."""


class NotOffered(Refusal):
    """Nothing of this name can be booked."""


class SoldOut(Refusal):
    """A night, flight or day that the booking needs is at its capacity."""


class TripConflict(Refusal):
    """The trip_id belongs to another saga: another request, or another owner."""


class BookingCancelled(Refusal):
    """The booking was cancelled, perhaps before it was made: this book came too late."""


class TripClosed(Refusal):
    """The trip is no longer being booked."""


class Problem(NamedTuple):
    """One fault of a request: a JSON Pointer (RFC 6901) to the field, and what was expected there."""

    pointer: str
    expected: str


class InvalidTrip(Refusal):
    """The request is no trip; `problems` lists each fault of it."""

    def __init__(self, *problems: Problem) -> None:
        """Say every problem in one line, which Lambda hands on as the error message."""
        self.problems = problems
        super().__init__("; ".join(f"{pointer or '/'}: {expected}" for pointer, expected in problems))


class UnknownTrip(Exception):
    """There is no such trip, or it is another traveller's: nobody is told which."""


class TransientError(Exception):
    """Something may work when it is tried again."""


class TripConfirmed(Exception):
    """The trip is confirmed, so an undo that nobody asked for must not run."""


REFUSALS: dict[str, type[Refusal]] = {
    refusal.__name__: refusal for refusal in (NotOffered, SoldOut, TripConflict, BookingCancelled, TripClosed)
}
"""What a step may refuse with, by name; InvalidTrip is BeginSaga's alone."""
