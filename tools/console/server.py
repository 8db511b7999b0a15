"""Serves the console on 127.0.0.1 until it is interrupted."""

import secrets
import socket
from collections.abc import Callable
from contextlib import suppress

import uvicorn

from tools import trips
from tools.console import app
from tools.stage import Stage, UsageError

ADDRESS = "127.0.0.1"
PORT = 4680
"""Where the console is, unless that port is taken or another one is named."""


def serve(stage: Stage, port: int | None, tell: Callable[[str], None]) -> None:
    """Serve the console of a stage until Ctrl-C; `tell` gets its URL once it can be opened.

    Raises Unreachable when the stage does not answer to begin with, UsageError for a port that is taken.
    """
    trips.newest(stage, 1)
    with _listen(port) as listening:
        host = f"{ADDRESS}:{listening.getsockname()[1]}"
        made = app.make(stage, host, secrets.token_urlsafe(32), lambda: server.should_exit)
        config = uvicorn.Config(
            made,
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=3,
        )
        server = uvicorn.Server(config)
        listening.listen()  # from now on an early request waits
        tell(f"http://{host}/")
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listening])


def _listen(port: int | None) -> socket.socket:
    """Bind the port that is named, or else the usual one or any free one."""
    try:
        return _bind(PORT if port is None else port)
    except (OSError, OverflowError) as error:
        if port is None:
            return _bind(0)
        raise UsageError(f"port {port} of {ADDRESS} cannot be had ({error}); name another: --port") from error


def _bind(port: int) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((ADDRESS, port))
    except (OSError, OverflowError):
        made.close()
        raise
    return made
