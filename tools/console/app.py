"""The console as an application: its page, what the page reads, and the changes it may ask for."""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from saga import validation
from saga.errors import InvalidTrip, Problem, TransientError, UnknownTrip
from tools import attention, events, trips
from tools.console.about import STATUSES, about
from tools.console.guard import Guard
from tools.console.kept import Kept
from tools.console.live import PAGE, Feed
from tools.console.view import Viewer
from tools.stage import Stage, ToolError, Unreachable

STATIC = Path(__file__).parent / "static"
SAGA_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Console:
    """Answers the page of one stage."""

    stage: Stage
    token: str
    stopping: Callable[[], bool]

    async def page(self, _: Request) -> Response:
        """Answer the page, with the token that its changes need."""
        text = (STATIC / "index.html").read_text(encoding="utf-8")
        stage = html.escape(self.stage.name)
        return HTMLResponse(text.replace("{token}", self.token).replace("{stage}", stage))

    async def about(self, _: Request) -> Response:
        """Answer what the page needs to know once."""
        return JSONResponse(about(self.stage))

    async def trips(self, request: Request) -> Response:
        """Answer a page of the list: `after` and `status` as of `trips.newest`."""
        after, status = request.query_params.get("after"), _status(request)
        return JSONResponse(await run_in_threadpool(trips.newest, self.stage, PAGE, after, status))

    async def events(self, request: Request) -> Response:
        """Answer what changes as it changes: of the list, and of a `trip` that one `saga` is."""
        trip_id, saga_id = request.query_params.get("trip"), request.query_params.get("saga")
        if trip_id is not None:
            validation.check_trip_id(trip_id)
        if saga_id is not None and not SAGA_ID.fullmatch(saga_id):
            raise InvalidTrip(Problem("/saga", "expected 32 hex digits"))
        viewer = Viewer(self.stage, trip_id, saga_id) if trip_id else None
        feed = Feed(self.stage, viewer, _status(request))
        return StreamingResponse(feed.events(self.stopping), media_type="text/event-stream")

    async def book(self, request: Request) -> Response:
        """Check an event as the stage will, and start its saga."""
        text = (await request.body()).decode(errors="replace")
        event = await run_in_threadpool(lambda: events.check(validation.load(text), self.stage))
        await run_in_threadpool(trips.start, self.stage, event)
        return JSONResponse({"trip_id": event.trip.trip_id, "saga_id": event.trip.saga_id}, 202)

    async def cancel(self, request: Request) -> Response:
        """Cancel a trip in its owner's name."""
        return JSONResponse({"status": await run_in_threadpool(trips.cancel, self.stage, _trip_id(request))}, 202)

    async def repair(self, request: Request) -> Response:
        """Start again the undo of a trip; the page follows it."""
        execution = await run_in_threadpool(attention.start_repair, self.stage, _trip_id(request))
        return JSONResponse({"execution": execution}, 202)


def make(stage: Stage, host: str, token: str, stopping: Callable[[], bool] = lambda: False) -> ASGIApp:
    """Make the console of a stage that is served at `host` (with its port), behind its guard."""
    console = Console(Kept.of(stage), token, stopping)
    changes = {"": console.book, "/{trip_id}/cancel": console.cancel, "/{trip_id}/repair": console.repair}
    app = Starlette(
        routes=[
            Route("/", console.page),
            Route("/api/about", console.about),
            Route("/api/trips", console.trips, methods=["GET"]),
            Route("/api/events", console.events),
            *(Route(f"/api/trips{path}", change, methods=["POST"]) for path, change in changes.items()),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        exception_handlers={InvalidTrip: _invalid, **dict.fromkeys((ToolError, TransientError, UnknownTrip), _failed)},
    )
    return Guard(app, host, token)


def _trip_id(request: Request) -> str:
    trip_id: str = request.path_params["trip_id"]
    validation.check_trip_id(trip_id)
    return trip_id


def _status(request: Request) -> str | None:
    status = request.query_params.get("status")
    if status not in (None, *STATUSES):
        raise InvalidTrip(Problem("/status", f"expected one of {', '.join(STATUSES)}"))
    return status


async def _invalid(_: Request, error: Exception) -> Response:
    problems: Any = error.problems if isinstance(error, InvalidTrip) else ()
    return JSONResponse({"detail": str(error), "errors": [{"pointer": p, "detail": d} for p, d in problems]}, 400)


async def _failed(_: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, 503 if isinstance(error, Unreachable | TransientError) else 409)
