"""Warm steps in this process, against the bare calls to AWS that they make."""

import json
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

from bench import inprocess, tables, trips
from bench.inprocess import Context
from bench.lab import Lab
from bench.numbers import Goal, percentile, timed
from bench.report import Section
from bench.sizes import Sizes
from bench.walk import parameters
from handlers import api, hotel
from handlers import saga as lifecycle
from saga.trip import PARTICIPANTS, Trip
from tools.local.environment import ROOT

BOOKING: dict[str, Any] = json.loads((ROOT / "statemachine" / "booking.asl.json").read_text())
PREFIX = "bench-steps"
WARM_UP = 3
"""Rounds that do not count: clients connect in them."""
PREPARED = tuple[Callable[[], object], str, str]
"""What to call, and the trip_id and saga_id that it is about."""


def measure(lab: Lab, sizes: Sizes) -> Section:
    """Time the booking of a hotel and the POST of a trip, each in turn with the same calls without the code around."""
    with inprocess.idle(lab) as idle, tables.tables(lab, PREFIX), inprocess.handlers(lab, PREFIX, idle):
        book = _against(_book, sizes.calls)
        post = _against(_post, sizes.calls)
    rows = [_row("BookHotel", "transaction", *book), _row("POST /trips", "put, start", *post)]
    goals = (
        Goal("warm BookHotel ÷ its bare DynamoDB calls, p50", median(book[0]) / median(book[1]), 1.3),
        Goal("warm POST /trips ÷ its bare calls, p50", median(post[0]) / median(post[1]), 1.5),
    )
    columns = ("handler", "its calls", "handler p50", "bare p50", "ratio", "handler p95", "bare p95")
    return Section(
        "Warm steps, in process",
        columns,
        rows,
        goals,
        (f"{sizes.calls} of each, in turn. The offer is kept from an earlier call, as for a minute in each function.",),
    )


def begun() -> dict[str, Any]:
    """Begin a trip in this process; return the state after it."""
    request = trips.trip(day=0)
    state: dict[str, Any] = lifecycle.begin(
        parameters("BeginSaga", BOOKING["States"]["BeginSaga"], request) | {"request": request}, Context
    )
    return state


def booking(state: Mapping[str, Any]) -> Callable[[], object]:
    """Return what books the hotel of a trip that has begun."""
    event = parameters("BookHotel", BOOKING["States"]["BookHotel"], state)
    return lambda: hotel.book(event, Context)


def posting(request: Mapping[str, Any]) -> PREPARED:
    """Return what posts a trip, and the trip's ids."""
    event = {
        "routeKey": "POST /trips",
        "requestContext": {"authorizer": {"jwt": {"claims": {"sub": "bench"}}}},
        "body": json.dumps(request),
    }
    trip = Trip(request["trip_id"], "bench", {name: request[name] for name in PARTICIPANTS})
    return lambda: api.handle(event, Context), trip.trip_id, trip.saga_id


def _against(prepare: Callable[[], PREPARED], rounds: int) -> tuple[list[float], list[float]]:
    """Time a handler and its bare calls, each for trips of its own; return both lists of seconds."""
    prepare()[0]()  # from here on the offer is kept
    work, trip_id, saga_id = prepare()
    calls = inprocess.recorded(work)
    handler: list[float] = []
    bare: list[float] = []
    for number in range(-WARM_UP, rounds):
        work, _, _ = prepare()
        _, other_trip, other_saga = prepare()
        same = {trip_id: other_trip, saga_id: other_saga, saga_id[:12]: other_saga[:12]}
        turns = [(work, handler), (inprocess.bare(calls, same), bare)]
        for call, times in turns if number % 2 else reversed(turns):
            times.append(timed(call))
    return handler[WARM_UP:], bare[WARM_UP:]


def _book() -> PREPARED:
    state = begun()
    return booking(state), state["trip_id"], state["saga_id"]


def _post() -> PREPARED:
    return posting(trips.trip(day=0))


def _row(name: str, calls: str, handler: list[float], bare: list[float]) -> tuple[str, ...]:
    p50, p95 = (f"{percentile(handler, 95) * 1000:.2f} ms", f"{percentile(bare, 95) * 1000:.2f} ms")
    ours, theirs = median(handler) * 1000, median(bare) * 1000
    return (name, calls, f"{ours:.2f} ms", f"{theirs:.2f} ms", f"{ours / theirs:.2f}", p50, p95)
