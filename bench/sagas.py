"""Whole sagas in the embedded AWS, the product's and the naive ones' in turn: latency alone, throughput at 8 and 16."""

from collections.abc import Sequence
from statistics import median

from bench import trips
from bench.lab import Ended, Lab, System
from bench.numbers import Goal, alternating, percentile, spread
from bench.report import Section
from bench.sizes import Sizes

KINDS: dict[str, tuple[str, ...]] = {"success": (), "rollback": ("car",)}
"""What becomes of the trips, and which participant has nothing to offer then."""
ENDS = {"success": "SUCCEEDED", "rollback": "FAILED"}
LATENCY = {"success": 1.4, "rollback": 1.6}
THROUGHPUT = {8: {"success": 0.75, "rollback": 0.6}, 16: {"success": 0.6, "rollback": 0.5}}
"""At least, of the naive saga's; by how many run at once."""
COLUMNS = ("ours", "naive", "ours ÷ naive", "like-for-like", "ours ÷ like-for-like")
LIKE = (
    "The like-for-like saga is the naive one that takes capacity too, each booking and its counters in a transaction."
)


def latency(lab: Lab, sizes: Sizes) -> Section:
    """Run sagas one at a time, from the start of the execution to its end by Step Functions' own dates."""
    rows, goals = [], []
    for kind, limit in LATENCY.items():
        taken: dict[str, list[float]] = {system.name: [] for system in lab.systems}
        for system in lab.systems:
            run(lab, system, kind, 2, 1)
        for system in alternating(lab.systems, sizes.singles):
            taken[system.name] += [ended.seconds for ended in run(lab, system, kind, 1, 1)]
        for percent in (50, 95):
            found = [percentile(seconds, percent) for seconds in taken.values()]
            rows.append((kind, f"p{percent}", *_compared([f"{seconds:.3f} s" for seconds in found], found)))
            goals.append(Goal(f"one saga's latency, ours ÷ naive, {kind}, p{percent}", found[0] / found[1], limit))
    notes = (
        f"{sizes.singles} of each, in turn. The embedded AWS sleeps 0.150 s at the start of every execution. {LIKE}",
    )
    return Section("One saga's latency", ("saga", "", *COLUMNS), rows, goals, notes)


def throughput(lab: Lab, sizes: Sizes) -> Section:
    """Run blocks of sagas, so many at once, the systems in turn; each kind and number in an empty embedded AWS."""
    rows, goals = [], []
    for at_once, limits in THROUGHPUT.items():
        for kind, limit in limits.items():
            rates = _rates(lab, sizes, kind, at_once)
            found = [median(rate) for rate in rates]
            told = [f"{median(rate):.1f} ±{spread(rate) / 2:.0%}" for rate in rates]
            rows.append((kind, f"{at_once}", *_compared(told, found)))
            what = f"sagas per second, ours ÷ naive, {kind}, {at_once} at once"
            goals.append(Goal(what, found[0] / found[1], limit, at_least=True))
    notes = (
        (
            f"{sizes.sagas} sagas of each kind and system in blocks of {sizes.block}; medians of the blocks, ± half of"
            " the range of their middle half. Trips go to 300 dates, ten months: a counter has a month."
            f" Each line is of an embedded AWS of its own: it gets slower with what it has run before. {LIKE}"
        ),
    )
    return Section("Sagas per second", ("saga", "at once", *COLUMNS), rows, goals, notes)


def _rates(lab: Lab, sizes: Sizes, kind: str, at_once: int) -> list[list[float]]:
    """Return the rates of each system's blocks."""
    lab.renew()
    rates: dict[str, list[float]] = {system.name: [] for system in lab.systems}
    for system in lab.systems:
        run(lab, system, kind, 2 * at_once, at_once)
    for system in alternating(lab.systems, sizes.sagas // sizes.block):
        rates[system.name].append(rate(run(lab, system, kind, sizes.block, at_once), at_once))
    return list(rates.values())


def _compared(told: Sequence[str], found: Sequence[float]) -> tuple[str, ...]:
    """Lay out what was found of ours and of the others, and what ours is of each of theirs."""
    ours, naive, like = found
    return told[0], told[1], f"{ours / naive:.2f}", told[2], f"{ours / like:.2f}"


def run(lab: Lab, system: System, kind: str, count: int, at_once: int) -> list[Ended]:
    """Run sagas of one kind; each must end as its kind does."""
    ended = lab.run_all(system, [trips.trip(*KINDS[kind]) for _ in range(count)], at_once)
    if wrong := {one.status for one in ended} - {ENDS[kind]}:
        raise RuntimeError(f"{system.name}: a {kind} ended {wrong}")
    return ended


def rate(ended: Sequence[Ended], at_once: int) -> float:
    """Return how many ended in a second, from when as many as run at once had ended: the start is left out."""
    ends = sorted(one.ended for one in ended)
    return (len(ends) - at_once) / (ends[-1] - ends[at_once - 1])
