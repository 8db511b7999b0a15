"""Where the console listens, and when it does not even begin."""

import socket
from collections.abc import Iterator

import pytest

from tests.local.conftest import find_free_port
from tools import cli
from tools.console import server
from tools.stage import UsageError


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else has."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_this_host_only() -> None:
    """It listens on 127.0.0.1 and on no other address."""
    with server._listen(0) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"


def test_a_named_port_that_is_taken(taken: int) -> None:
    """A port that was named and is taken is bad usage, told with what to do."""
    with pytest.raises(UsageError, match=f"port {taken} of 127.0.0.1 cannot be had .*--port"):
        server._listen(taken)


def test_the_usual_port_is_taken(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no port is named and the usual one is taken, it listens on another."""
    monkeypatch.setattr(server, "PORT", taken)
    with server._listen(None) as listening:
        assert listening.getsockname()[1] not in (taken, 0)


@pytest.mark.parametrize("port", [-1, 65536])
def test_no_port(port: int) -> None:
    """A number that is no port is bad usage."""
    with pytest.raises(UsageError):
        server._listen(port)


def test_a_stage_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A stage that can't be reached to begin with ends the command with 3 and what to do; nothing is served."""
    monkeypatch.setenv("TRAVEL_SAGA_PORT", str(find_free_port()))
    assert cli.main(["console", "--stage", "local"]) == 3
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "the embedded AWS does not answer; `./build.sh deploy local` starts it\n"
