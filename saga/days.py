"""Days and times as a traveller writes them, read strictly."""

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from itertools import groupby

from saga.errors import InvalidTrip, Problem

LONGEST = 30
"""How many nights or days one booking may take: they lie in three months at most, and so in three counters."""

# fromisoformat also reads 20260301 and 2026-W01-1, and \d also means Arabic digits: match the whole text first.
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}")


def day(pointer: str, text: str) -> date:
    """Read `YYYY-MM-DD`; raise InvalidTrip at the pointer if that is no day of the calendar."""
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise InvalidTrip(Problem(pointer, "expected a day that exists, as YYYY-MM-DD"))


def moment(pointer: str, text: str) -> datetime:
    """Read `YYYY-MM-DDTHH:MM`; raise InvalidTrip at the pointer if that is no time of the calendar."""
    try:
        if _MOMENT.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise InvalidTrip(Problem(pointer, "expected a time that exists, as YYYY-MM-DDTHH:MM"))


def span(pointer: str, first: date, count: int) -> tuple[date, ...]:
    """List `count` days from the first on; raise InvalidTrip at the pointer unless 1 to 30 are asked."""
    if not 1 <= count <= LONGEST:
        raise InvalidTrip(Problem(pointer, f"expected 1 to {LONGEST} nights or days, not {count}"))
    return tuple(first + timedelta(days=n) for n in range(count))


def takes(offer: str, days: Iterable[date]) -> dict[str, tuple[str, ...]]:
    """Make the counters that some days take: of one offer and month one counter, `<offer>#<yyyy-mm>`, a slot a day."""
    months = groupby(days, lambda day: f"{offer}#{day:%Y-%m}")
    return {counter: tuple(f"d{day:%d}" for day in taken) for counter, taken in months}
