import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from tools.local import processes
from tools.local.emulator import Emulator, EmulatorError
from tools.local.environment import local_variables
from tools.stage import Stage


def pid_of(emulator: Emulator) -> int:
    """The pid of its only process."""
    (process,) = processes.ours(emulator.folder)
    return process.pid


def table_names(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tables it holds."""
    monkeypatch.setenv("TRAVEL_SAGA_PORT", str(emulator.port))
    names: list[str] = Stage("local").client("dynamodb").list_tables()["TableNames"]
    return names


def make_table(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give it a table named `kept`."""
    monkeypatch.setenv("TRAVEL_SAGA_PORT", str(emulator.port))
    Stage("local").client("dynamodb").create_table(
        TableName="kept",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def test_a_second_start_finds_it_running(emulator: Emulator) -> None:
    """Starting what runs already starts nothing."""
    assert emulator.start()
    assert not emulator.start()
    assert len(processes.ours(emulator.folder)) == 1


def test_two_starts_at_once_make_one_emulator(emulator: Emulator) -> None:
    """Of two starts at the same time one starts it and the other finds it."""
    with ThreadPoolExecutor(2) as pool:
        started = list(pool.map(lambda _: emulator.start(), range(2)))
    assert sorted(started) == [False, True]
    assert len(processes.ours(emulator.folder)) == 1


def test_it_listens_on_the_loopback_address_only(emulator: Emulator) -> None:
    """Every socket that any of its processes listens on is bound to 127.0.0.1."""
    emulator.start()
    listening = [
        connection.laddr.ip
        for process in processes.ours(emulator.folder)
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    assert set(listening) == {"127.0.0.1"}


def test_its_environment_has_nothing_of_the_users(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the user's environment only the search path reaches the emulator."""
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    emulator.start()
    environ = psutil.Process(pid_of(emulator)).environ()
    assert "AWS_PROFILE" not in environ
    assert {name: environ[name] for name in local_variables(emulator.port)} == local_variables(emulator.port)


def test_its_state_survives_a_stop(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table made before a stop is there after the next start."""
    emulator.start()
    make_table(emulator, monkeypatch)
    emulator.stop()
    emulator.start()
    assert table_names(emulator, monkeypatch) == ["kept"]


def test_discarding_it_leaves_no_state(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a discard the next start is empty."""
    emulator.start()
    make_table(emulator, monkeypatch)
    emulator.discard()
    emulator.start()
    assert table_names(emulator, monkeypatch) == []


def test_a_stop_leaves_no_process(emulator: Emulator) -> None:
    """After a stop no process of it is left, and nobody listens on its port."""
    emulator.start()
    assert emulator.stop()
    assert processes.ours(emulator.folder) == []
    assert not emulator.running()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", emulator.port)) != 0


def test_a_killed_emulator_is_started_again(emulator: Emulator) -> None:
    """After a kill -9, which leaves the pid file, a start makes a new one."""
    emulator.start()
    killed = pid_of(emulator)
    os.kill(killed, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(killed)], timeout=5)
    assert not emulator.running()
    assert emulator.start()
    assert pid_of(emulator) != killed


def test_a_hung_emulator_is_replaced(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that lives but does not answer is ended and started again."""
    monkeypatch.setattr("tools.local.emulator.STOP_BOUND", 0.5)
    emulator.start()
    hung = pid_of(emulator)
    os.kill(hung, signal.SIGSTOP)
    assert emulator.start()
    assert pid_of(emulator) != hung


def test_a_pid_that_is_somebody_elses_by_now_is_left_alone(emulator: Emulator) -> None:
    """A stale pid file that names a stranger's process neither ends it nor counts as running."""
    emulator.folder.mkdir()
    (emulator.folder / "emulator.pid").write_text(f'{{"pid": {os.getpid()}, "port": {emulator.port}}}')
    assert not emulator.running()
    assert emulator.start()
    assert pid_of(emulator) != os.getpid()


@pytest.mark.parametrize("content", ["", "no json", "[]", '{"pid": "x"}', '{"pid": 99999999, "port": 1}'])
def test_a_broken_pid_file_is_no_emulator(emulator: Emulator, content: str) -> None:
    """Whatever stands in the pid file, without a live process of ours nothing runs."""
    emulator.folder.mkdir()
    (emulator.folder / "emulator.pid").write_text(content)
    assert not emulator.running()
    assert not emulator.stop()


def test_a_taken_port_is_reported_in_one_line(emulator: Emulator) -> None:
    """A port that another program listens on gives one line that names it and says what to do."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", emulator.port))
        other.listen()
        with pytest.raises(EmulatorError, match=rf"^port {emulator.port} .* TRAVEL_SAGA_PORT to a free port$"):
            emulator.start()


def test_one_that_cannot_come_up_points_to_its_log(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """An emulator that ends at once is reported with the path of its log, and leaves no pid file."""
    monkeypatch.setattr("tools.local.emulator.sys.executable", "/bin/false")
    with pytest.raises(EmulatorError, match=r"emulator\.log$"):
        emulator.start()
    assert not (emulator.folder / "emulator.pid").exists()


def test_a_port_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """TRAVEL_SAGA_PORT that is no port number is reported with what was expected."""
    monkeypatch.setenv("TRAVEL_SAGA_PORT", "80x")
    with pytest.raises(EmulatorError, match="expected a port number"):
        Emulator.of_checkout()
