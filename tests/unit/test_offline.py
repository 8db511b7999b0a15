"""That unit tests can't reach anything is itself tested."""

import socket

import pytest
from pytest_socket import SocketBlockedError


@pytest.mark.filterwarnings("ignore:A test tried to use socket")
def test_no_socket_can_be_opened() -> None:
    """In a unit test every socket is refused."""
    with pytest.raises(SocketBlockedError):
        socket.socket()
