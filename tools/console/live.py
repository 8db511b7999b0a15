"""What changes, as server-sent events: `trip`, `trips`, `attention` and `reach`, each sent when it differs."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
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

LATE = 15 * 60
"""Seconds after which an unfinished trip needs a look, as for `./saga.sh stuck`."""

Looks = dict[str, Callable[[], Any]]


@dataclass
class Pace:
    """Seconds between two looks: at a trip that is worked on, and at everything else.

    On AWS GetExecutionHistory allows 5 to 20 calls a second for the whole account, and each read is paid for.
    """

    live: float
    still: float

    @classmethod
    def of(cls, stage: Stage) -> "Pace":
        """Return the pace of a stage."""
        return cls(0.15, 1.0) if stage.is_local else cls(0.4, 5.0)


@dataclass
class Feed:
    """What one page is told: a trip, perhaps, and the newest trips, perhaps of one status."""

    stage: Stage
    viewer: Viewer | None
    status: str | None
    _live: bool = False
    _due: float = 0.0
    _sent: dict[str, str] = field(default_factory=dict)

    async def events(self, stopping: Callable[[], bool]) -> AsyncIterator[str]:
        """Yield what is new until the page or the server goes; where the stage can't be reached, say so and go on."""
        pace = Pace.of(self.stage)
        yield "retry: 500\n\n"
        while not stopping():
            looks, advice = self._looks(pace), None
            for name, look in looks.items():
                try:
                    yield self._news(name, await run_in_threadpool(look))
                except (ToolError, TransientError, BotoCoreError, ClientError) as error:
                    self._live, advice = False, str(error)
                    break
            if looks:
                yield self._news("reach", {"advice": advice})
            await asyncio.sleep(pace.live)

    def _looks(self, pace: Pace) -> Looks:
        """Return what it is time to look at."""
        due = time.monotonic() >= self._due
        looks: Looks = {"trip": self._trip} if self.viewer and (self._live or due) else {}
        if due:
            self._due = time.monotonic() + pace.still
            looks |= {"trips": self._newest, "attention": self._attention}
        return looks

    def _news(self, name: str, value: Any) -> str:
        """Return an event, or nothing for what the page knows already."""
        text = json.dumps(value, ensure_ascii=False)
        if self._sent.get(name) == text:
            return ""
        self._sent[name] = text
        return f"event: {name}\ndata: {text}\n\n"

    def _trip(self) -> dict[str, Any]:
        view = self.viewer.view() if self.viewer else {}
        self._live = view.get("live", False)
        return view

    def _newest(self) -> dict[str, Any]:
        return trips.newest(self.stage, PAGE, None, self.status)

    def _attention(self) -> list[dict[str, Any]]:
        # How long ago is the page's to say: a number that grows would be news at every look.
        found = attention.stuck(self.stage, LATE)
        return [{name: value for name, value in asdict(trip).items() if name != "age"} for trip in found]
