"""The promise, checked on the tables alone: what the code answered plays no part.

Works on any dump of the tables as a dict from Key to Item, so that every kind of run is held to the same promise.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from saga.ports import Item, Key
from saga.trip import BOOKING, CANCELLED, CONFIRMED, NEEDS_ATTENTION, PARTICIPANTS, ROLLED_BACK

Items = Mapping[Key, Item]


def violations(items: Items) -> list[str]:
    """Return every breach of I1 to I4 and I6 that the tables show, as one line each."""
    found = [*_counters(items)]
    for trip_id, trip in trips(items).items():
        found += _trip(items, trip_id, trip)
    return found


def trips(items: Items) -> dict[str, Item]:
    """Return the records of all trips by trip_id."""
    return {key.id: item for key, item in items.items() if key.entry == "TRIP"}


def bookings(items: Items, trip_id: str) -> dict[str, Item]:
    """Return a trip's bookings by participant, tombstones too."""
    found = {name: items.get(Key(name, f"TRIP#{trip_id}")) for name in PARTICIPANTS}
    return {name: item for name, item in found.items() if item}


def story(items: Items, trip_id: str) -> list[str]:
    """Return a trip's saga log in the order of its keys, as `<step> <kind>`, with the status where the saga ends."""
    keys = sorted((key for key in items if key.id == trip_id and key.entry.startswith("LOG#")), key=lambda k: k.entry)
    entries = (items[key] for key in keys)
    return [f"{entry['step']} {entry['kind']} {entry.get('status', '')}".strip() for entry in entries]


def _counters(items: Items) -> Iterator[str]:
    """I3: what is taken is what live bookings take, and never more than the capacity."""
    live: Counter[Key] = Counter()
    for key, item in items.items():
        if key.id.startswith("TRIP#") and item["status"] == "BOOKED":
            live.update(Key(key.table, f"TAKEN#{name}") for name in item["takes"])
    for key in {key for key in items if key.id.startswith("TAKEN#")} | set(live):
        taken = items.get(key, {}).get("taken", 0)
        offer = items.get(Key(key.table, "OFFER#" + key.id.removeprefix("TAKEN#").rpartition("#")[0]), {})
        if taken != live[key]:
            yield f"I3: {key.table} {key.id}: taken {taken}, live bookings {live[key]}"
        if taken > offer.get("capacity", 0):
            yield f"I3: {key.table} {key.id}: taken {taken} of {offer.get('capacity', 0)}"


def _trip(items: Items, trip_id: str, trip: Item) -> Iterator[str]:
    booked = bookings(items, trip_id)
    live = {name for name, item in booked.items() if item["status"] == "BOOKED"}
    foreign = {name for name, item in booked.items() if item["saga_id"] != trip["saga_id"]}
    if foreign:
        yield f"I7: {trip_id}: {sorted(foreign)} belong to another saga"
    if trip["status"] == CONFIRMED and live != set(PARTICIPANTS):
        yield f"I1: {trip_id} is CONFIRMED with {sorted(live)}"
    if trip["status"] in (ROLLED_BACK, CANCELLED) and live:
        yield f"I2: {trip_id} is {trip['status']} with {sorted(live)}"
    if trip["status"] == NEEDS_ATTENTION and not trip.get("owed"):
        yield f"I6: {trip_id} needs attention but owes nothing"
    if trip["status"] == NEEDS_ATTENTION and not live <= set(trip["owed"]):
        yield f"I6: {trip_id} owes {sorted(trip['owed'])} but {sorted(live)} are live"
    if ("unfinished" in trip) != (trip["status"] not in (CONFIRMED, ROLLED_BACK, CANCELLED)):
        yield f"I6: {trip_id} is {trip['status']}, and in the index of the unfinished: {'unfinished' in trip}"
    yield from _log(items, trip_id, trip, booked)


def _log(items: Items, trip_id: str, trip: Item, booked: Mapping[str, Item]) -> Iterator[str]:
    """I4: the log tells what the bookings show: an END for each booking made, another for each that was undone."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for line in story(items, trip_id):
        step, kind, *_ = line.split()
        kinds[step].append(kind)
    if kinds["Saga"][:1] != ["BEGIN"]:
        yield f"I4: {trip_id}: the log does not begin with the saga's BEGIN"
    for step, found in kinds.items():
        if step != "Saga" and found[0] != "START":
            yield f"I4: {trip_id}: {step} has an outcome and no START"
    for name in PARTICIPANTS:
        item, ended = booked.get(name, {}), "END" in kinds[f"Book{name.title()}"]
        if ended != ("booked" in item):
            yield f"I4: {trip_id}: Book{name.title()} ended: {ended}, but the booking is {item.get('status')}"
        undone = kinds[f"Cancel{name.title()}"].count("END")
        if undone != int(item.get("status") == "CANCELLED"):
            yield f"I4: {trip_id}: Cancel{name.title()} ended {undone} times, but the booking is {item.get('status')}"
    ends = [line.split()[-1] for line in story(items, trip_id) if line.startswith("Saga END")]
    settled = trip["status"] in (CONFIRMED, ROLLED_BACK, CANCELLED)
    if settled and trip["status"] not in ends or trip["status"] == BOOKING and ends:
        yield f"I4: {trip_id} is {trip['status']}, its log says {ends}"
