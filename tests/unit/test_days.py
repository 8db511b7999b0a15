"""Days and times are read whole and strictly, before any calendar sees them."""

from datetime import date, datetime

import pytest

from saga import days
from saga.errors import InvalidTrip, Problem

NO_DAYS = [
    "",
    "2026-02-30",
    "2025-02-29",
    "2026-13-01",
    "0000-01-01",
    "20260301",
    "2026-W01-1",
    "2026-3-1",
    "2026-03-01\n",
    " 2026-03-01",
    "2026-03-01T00:00",
    "٢٠٢٦-٠٣-٠١",  # noqa: RUF001  Arabic digits
    "２０２６-０３-０１",  # noqa: RUF001  full-width digits
    "2026−03−01",  # noqa: RUF001  minus signs
    "-026-03-01",
]

NO_MOMENTS = [
    "2026-02-30T09:30",
    "2026-03-01T24:00",
    "2026-03-01T09:60",
    "2026-03-01 09:30",
    "2026-03-01T09:30\n",
    "2026-03-01T09:30:00",
    "2026-03-01T09:30Z",
    "2026-03-01T09",
    "20260301T0930",
    "2026-03-01T٠٩:٣٠",  # noqa: RUF001  Arabic digits
    "2026-03-01",
]


def test_a_day_is_read() -> None:
    """A day that exists is read, leap days too."""
    assert days.day("/x", "2028-02-29") == date(2028, 2, 29)


@pytest.mark.parametrize("text", NO_DAYS)
def test_what_is_no_day_is_refused(text: str) -> None:
    """Anything but YYYY-MM-DD of a day that exists is an InvalidTrip at the field, which is not echoed."""
    with pytest.raises(InvalidTrip) as refused:
        days.day("/hotel/check_in", text)
    assert refused.value.problems == (Problem("/hotel/check_in", "expected a day that exists, as YYYY-MM-DD"),)


def test_a_moment_is_read() -> None:
    """A time that exists is read to the minute."""
    assert days.moment("/x", "2026-03-01T23:59") == datetime(2026, 3, 1, 23, 59)  # noqa: DTZ001  local time


@pytest.mark.parametrize("text", NO_MOMENTS)
def test_what_is_no_moment_is_refused(text: str) -> None:
    """Anything but YYYY-MM-DDTHH:MM of a time that exists is an InvalidTrip at the field."""
    with pytest.raises(InvalidTrip, match="/flight/depart_at: expected a time that exists"):
        days.moment("/flight/depart_at", text)


def test_a_span_lists_its_days() -> None:
    """A span is its days in order, over the ends of months."""
    assert days.span("/x", date(2028, 2, 28), 3) == (date(2028, 2, 28), date(2028, 2, 29), date(2028, 3, 1))


@pytest.mark.parametrize("count", [1, days.LONGEST])
def test_a_span_may_be_this_long(count: int) -> None:
    """From one to thirty days can be booked."""
    assert len(days.span("/x", date(2026, 1, 1), count)) == count


@pytest.mark.parametrize("count", [-1, 0, days.LONGEST + 1])
def test_a_span_may_not_be_this_long(count: int) -> None:
    """None, less than none and more than thirty days are refused, in words that say how many were asked."""
    with pytest.raises(InvalidTrip, match=f"/x: expected 1 to 30 nights or days, not {count}"):
        days.span("/x", date(2026, 1, 1), count)


def test_the_last_day_of_all_can_be_spanned() -> None:
    """A span that ends on the calendar's last day does not run over it."""
    assert days.span("/x", date.max, 1) == (date.max,)


def test_days_take_a_slot_each() -> None:
    """Days take one slot each of their month's counter, in order, and each month has a counter of its own."""
    assert days.takes("Inn", days.span("/x", date(2028, 2, 28), 3)) == {
        "Inn#2028-02": ("d28", "d29"),
        "Inn#2028-03": ("d01",),
    }


def test_the_longest_span_takes_three_counters() -> None:
    """Thirty days around a February lie in three months, and a year's end is no exception."""
    assert list(days.takes("Inn", days.span("/x", date(2027, 1, 31), 30))) == [
        "Inn#2027-01",
        "Inn#2027-02",
        "Inn#2027-03",
    ]
    assert list(days.takes("Inn", days.span("/x", date(2027, 12, 31), 2))) == ["Inn#2027-12", "Inn#2028-01"]
