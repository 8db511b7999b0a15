"""The arithmetic of the measurements: medians, percentiles, goals, and whose turn it is."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Goal:
    """A number and the limit it must keep: at most it, or with `at_least` no less than it."""

    what: str
    value: float
    limit: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the number keeps to its limit."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    @property
    def limit_told(self) -> str:
        """The limit as a reader says it."""
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that `percent` of them do not exceed (nearest rank, so it is one that was measured)."""
    ranked = sorted(values)
    return ranked[max(0, -int(-len(ranked) * percent // 100) - 1)]


def alternating(turns: Sequence[T], rounds: int) -> Iterator[T]:
    """Return each so many times, in turn and with the order reversed each round: drift then meets all alike."""
    for number in range(rounds):
        yield from turns if number % 2 == 0 else reversed(turns)


def timed(work: Callable[[], object]) -> float:
    """Do it and return the seconds it took."""
    began = perf_counter()
    work()
    return perf_counter() - began


def spread(values: Sequence[float]) -> float:
    """Return how far the middle half of the values reaches, as a share of their median: the noise."""
    return (percentile(values, 75) - percentile(values, 25)) / median(values)
