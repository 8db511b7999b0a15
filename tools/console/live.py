"""What changes, as server-sent events: `trip`, `trips`, `attention` and `reach`, each sent when it differs."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from starlette.concurrency import run_in_threadpool

from saga.errors import TransientError
from tools import attention, trips
from tools.console.view import Viewer
from tools.stage import Stage, ToolError

PAGE = 50
"""Trips of the list in one page."""

Looks = dict[str, Callable[[], Any]]


@dataclass(frozen=True)
class Pace:
    """Seconds between two looks: at a trip that is worked on, and at everything else.

    On AWS GetExecutionHistory allows 5 to 20 calls a second for the whole account, and each read is paid for.
    """

    live: float
    still: float

    @classmethod
    def of(cls, stage: Stage) -> "Pace":
        """Return the pace of a stage."""
        return cls(0.1, 0.5) if stage.is_local else cls(0.4, 5.0)


@dataclass
class Feed:
    """What one page is told: a trip, perhaps, and the newest trips, perhaps of one status."""

    stage: Stage
    viewer: Viewer | None
    status: str | None
    _live: bool = False
    _news: "asyncio.Queue[str]" = field(default_factory=asyncio.Queue)
    _sent: dict[str, str] = field(default_factory=dict)
    _unreached: dict[str, str] = field(default_factory=dict)

    async def events(self, stopping: Callable[[], bool]) -> AsyncIterator[str]:
        """Yield what is new until the page or the server goes. The trip does not wait for the list."""
        at_trip: Looks = {"trip": self._trip} if self.viewer else {}
        at_all: Looks = {"trips": self._newest, "attention": self._attention}
        tasks = [asyncio.create_task(self._watch(looks)) for looks in (at_trip, at_all) if looks]
        try:
            yield "retry: 500\n\n"
            while not stopping():
                with suppress(TimeoutError):
                    yield await asyncio.wait_for(self._news.get(), 0.5)
        finally:
            for task in tasks:
                task.cancel()

    async def _watch(self, looks: Looks) -> None:
        """Look again and again; where the stage can't be reached, say so and go on."""
        pace, at_trip = Pace.of(self.stage), "trip" in looks
        while True:
            began = time.monotonic()
            await self._look(looks)
            # What takes long is looked at less often, so that looking never is most of the work of a stage.
            took = time.monotonic() - began
            await asyncio.sleep(max(pace.live if at_trip and self._live else pace.still, took))

    async def _look(self, looks: Looks) -> None:
        watch = next(iter(looks))
        try:
            for name, look in looks.items():
                self._tell(name, await run_in_threadpool(look))
            self._unreached.pop(watch, None)
        except (ToolError, TransientError, BotoCoreError, ClientError) as error:
            self._live, self._unreached[watch] = False, str(error)
        self._tell("reach", {"advice": next(iter(self._unreached.values()), None)})

    def _tell(self, name: str, value: Any) -> None:
        """Make an event of what the page does not know already."""
        text = json.dumps(value, ensure_ascii=False)
        if self._sent.get(name) != text:
            self._sent[name] = text
            self._news.put_nowait(f"event: {name}\ndata: {text}\n\n")

    def _trip(self) -> dict[str, Any]:
        view = self.viewer.view() if self.viewer else {}
        self._live = view.get("live", False)
        return view

    def _newest(self) -> dict[str, Any]:
        return trips.newest(self.stage, PAGE, None, self.status)

    def _attention(self) -> list[dict[str, Any]]:
        # How long ago is the page's to say: a number that grows would be news at every look.
        found = attention.stuck(self.stage, attention.LATE)
        return [{name: value for name, value in asdict(trip).items() if name != "age"} for trip in found]
