"""Many sagas for one flight that has seats for half of them."""

from collections import Counter

from bench import trips
from bench.lab import Lab
from bench.numbers import Goal
from bench.report import Section
from bench.sizes import Sizes
from saga.ports import Item
from tools import snapshot

FLIGHT = "SCARCE1"
AT_ONCE = 16


def measure(lab: Lab, sizes: Sizes) -> Section:
    """Run them, then read from each trip's log how often it was tried and what was refused."""
    lab.offer("flight", FLIGHT, sizes.seats)
    requests = [trips.trip(day=0) for _ in range(sizes.contenders)]
    for request in requests:
        request["flight"]["number"] = FLIGHT
    ended = lab.run_all(lab.ours, requests, AT_ONCE)
    seconds = max(one.ended for one in ended) - min(one.began for one in ended)
    told: Counter[str] = Counter()
    for request in requests:
        told.update(_told(snapshot.read(lab.stage, request["trip_id"]).log))
    taken = _taken(lab, requests[0]["flight"])
    rows = [
        ("seats taken by the counter", f"{taken}"),
        ("sagas booked", f"{sum(one.status == 'SUCCEEDED' for one in ended)}"),
        ("seconds", f"{seconds:.1f}"),
        ("attempts at a step beyond its first", f"{told['retries']}"),
        ("transactions cancelled because no seat was left", f"{told['sold out']}"),
        ("cancels that found nothing booked, and left a tombstone", f"{told['nothing']}"),
    ]
    goals = (
        Goal(f"too many or too few booked of {sizes.seats} seats", abs(taken - sizes.seats), 0),
        Goal("retries per saga under contention", told["retries"] / sizes.contenders, 1),
    )
    notes = (
        (
            "The embedded DynamoDB runs one transaction after the other and never says TransactionConflict; AWS does,"
            " and then a step tries up to five times itself before the machine's retry (tests/unit/test_dynamo.py)."
        ),
    )
    title = f"Contention: {sizes.contenders} sagas, {AT_ONCE} at once, for {sizes.seats} seats"
    return Section(title, ("", "count"), rows, goals, notes)


def _told(log: list[Item]) -> Counter[str]:
    return Counter(
        {
            "retries": sum(entry["kind"] == "START" and entry["attempt"] > 0 for entry in log),
            "sold out": sum(entry.get("error") == "SoldOut" for entry in log),
            "nothing": sum(entry.get("found") == "nothing" for entry in log),
        }
    )


def _taken(lab: Lab, flight: Item) -> int:
    table = lab.stage.resource("dynamodb").Table(lab.stage.table("flight"))
    month, day = flight["depart_at"][:7], flight["depart_at"][8:10]
    return int(table.get_item(Key={"id": f"TAKEN#{FLIGHT}#{month}"})["Item"][f"d{day}"])
