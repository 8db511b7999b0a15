"""Tests that are collected once and run again and again, in forks: to collect them takes longer than a mutant lives."""

import os
import resource
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import pytest

from tools.mutants.mutant import KILLED, SURVIVED

WORKERS = 2
BOUND = 120
"""Seconds of the processor that a mutant may take: then it is killed, as one that makes a loop endless."""
WAITS = 900
"""Seconds that it may take in all: a busy machine kills nothing."""
T = TypeVar("T")


def play(session: pytest.Session, items: Sequence[pytest.Item]) -> None:
    """Run tests until one fails."""
    for number, item in enumerate(items):
        following = items[number + 1] if number + 1 < len(items) else None
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return


def seconds(session: pytest.Session, item: pytest.Item) -> float:
    """Run a test by itself; return how long it took."""
    begun = time.monotonic()
    play(session, [item])
    return time.monotonic() - begun


def judge(
    session: pytest.Session,
    some: Iterable[T],
    trial: Callable[[T], Sequence[pytest.Item]],
    told: Callable[[T, str], None],
) -> None:
    """Try each of some, `WORKERS` at a time: `trial` makes a change, in a fork, and returns the tests that judge it.

    `told` is called, in this process, with what has been tried and what came of it.
    """
    running: dict[int, T] = {}

    def wait() -> None:
        pid, status = os.wait()
        told(running.pop(pid), KILLED if status else SURVIVED)

    for one in some:
        if len(running) == WORKERS:
            wait()
        if child := os.fork():
            running[child] = one
        else:
            _try(session, trial, one)
    while running:
        wait()


def limit() -> None:
    """Let this process die once it has had its share of the processor."""
    resource.setrlimit(resource.RLIMIT_CPU, (BOUND, BOUND))


def _try(session: pytest.Session, trial: Callable[[T], Sequence[pytest.Item]], one: T) -> None:
    """Be the fork."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        session.config.pluginmanager.unregister(name="terminalreporter")
        items = trial(one)
        limit()
        signal.alarm(WAITS)
        play(session, items)
        code = int(session.testsfailed > 0)
    finally:
        os._exit(code)
