"""Whole sagas in the embedded AWS, the product's and the naive one's in turn: latency alone, throughput at 8 and 16."""

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
THROUGHPUT = {"success": 0.75, "rollback": 0.6}
AT_ONCE = (8, 16)


def latency(lab: Lab, sizes: Sizes) -> Section:
    """Run sagas one at a time, from the start of the execution to its end by Step Functions' own dates."""
    rows, goals = [], []
    for kind, limit in LATENCY.items():
        taken: dict[str, list[float]] = {"ours": [], "naive": []}
        for system in (lab.ours, lab.naive):
            run(lab, system, kind, 2, 1)
        for system in alternating(lab.ours, lab.naive, sizes.singles):
            taken[system.name] += [ended.seconds for ended in run(lab, system, kind, 1, 1)]
        for percent in (50, 95):
            ours, naive = (percentile(taken[name], percent) for name in ("ours", "naive"))
            rows.append((kind, f"p{percent}", f"{ours:.3f} s", f"{naive:.3f} s", f"{ours / naive:.2f}"))
            goals.append(Goal(f"one saga's latency, ours ÷ naive, {kind}, p{percent}", ours / naive, limit))
    notes = (f"{sizes.singles} of each, in turn. The embedded AWS sleeps 0.150 s at the start of every execution.",)
    return Section("One saga's latency", ("saga", "", "ours", "naive", "ratio"), rows, goals, notes)


def throughput(lab: Lab, sizes: Sizes) -> Section:
    """Run blocks of sagas, so many at once, the systems in turn; each kind and number in an empty embedded AWS."""
    rows, goals = [], []
    for at_once in AT_ONCE:
        for kind, limit in THROUGHPUT.items():
            lab.renew()
            rates: dict[str, list[float]] = {"ours": [], "naive": []}
            for system in (lab.ours, lab.naive):
                run(lab, system, kind, 2 * at_once, at_once)
            for system in alternating(lab.ours, lab.naive, sizes.sagas // sizes.block):
                rates[system.name].append(rate(run(lab, system, kind, sizes.block, at_once), at_once))
            ours, naive = median(rates["ours"]), median(rates["naive"])
            noise = [f"±{spread(rates[name]) / 2:.0%}" for name in ("ours", "naive")]
            rows.append(
                (kind, f"{at_once}", f"{ours:.1f} {noise[0]}", f"{naive:.1f} {noise[1]}", f"{ours / naive:.2f}")
            )
            what = f"sagas per second, ours ÷ naive, {kind}, {at_once} at once"
            goals.append(Goal(what, ours / naive, limit, at_least=True))
    notes = (
        (
            f"{sizes.sagas} sagas of each kind and system in blocks of {sizes.block}; medians of the blocks, ± half of"
            " the range of their middle half. Trips go to 300 dates, so that they do not meet at one counter."
            " Each line is of an embedded AWS of its own: it gets slower with what it has run before."
        ),
    )
    return Section("Sagas per second", ("saga", "at once", "ours", "naive", "ratio"), rows, goals, notes)


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
