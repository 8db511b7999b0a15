"""The embedded AWS as a process: start when needed, stop, status.

Its state, temporary files, log and pid live in one folder; it listens on 127.0.0.1 only. Times are in seconds.
"""

import fcntl
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tools.local import environment, processes, state

START_BOUND = 30.0
# Saving the state of a busy emulator takes well under a second.
STOP_BOUND = 10.0
RUNTIME = Path(__file__).with_name("runtime")


class EmulatorError(Exception):
    """The emulator cannot be had; the message is one line that says what to do."""


@dataclass(frozen=True)
class Emulator:
    """One emulator: its folder and its port.

    `wait_scale` shortens the waits and retry pauses of state machines: at 0.002 an hour is seven seconds.
    `auth` makes it enforce signatures and IAM policies. A function's process that has idled for `warm` seconds ends.
    """

    folder: Path
    port: int
    wait_scale: float = 0.002
    auth: bool = False
    warm: int = 60

    @classmethod
    def of_checkout(cls) -> "Emulator":
        """The one that stage local uses. EmulatorError when TRAVEL_SAGA_PORT is no port."""
        try:
            return cls(environment.ROOT / ".local" / "emulator", environment.port())
        except ValueError as error:
            raise EmulatorError(str(error)) from error

    @property
    def endpoint(self) -> str:
        """Its URL."""
        return environment.endpoint(self.port)

    @property
    def log(self) -> Path:
        """What it and its functions print."""
        return self.folder / "emulator.log"

    def running(self) -> bool:
        """Whether it lives, is ours and answers."""
        return self._pid() is not None and self._recorded_port() == self.port and self._healthy()

    def start(self) -> bool:
        """Make sure it runs; say whether it had to be started. EmulatorError when it cannot.

        Whatever an emulator that was killed left behind (a pid file, functions still running) is cleared away first.
        """
        with self._locked():
            if self.running():
                return False
            self._stop()
            self._refuse_taken_port()
            self._spawn()
            return True

    def stop(self) -> bool:
        """End it and every function it started; say whether anything was running."""
        with self._locked():
            return self._stop()

    def discard(self) -> None:
        """Stop it and delete its state; its log stays."""
        with self._locked():
            self._stop()
            for name in ("state", "s3", "tmp"):
                shutil.rmtree(self.folder / name, ignore_errors=True)

    @property
    def _pid_file(self) -> Path:
        return self.folder / "emulator.pid"

    def _record(self) -> dict[str, int]:
        try:
            record = json.loads(self._pid_file.read_text())
        except (OSError, ValueError):
            return {}
        return record if isinstance(record, dict) else {}

    def _recorded_port(self) -> int | None:
        return self._record().get("port")

    def _pid(self) -> int | None:
        pid = self._record().get("pid")
        return pid if isinstance(pid, int) and processes.is_ours(pid, self.folder) else None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _stop(self) -> bool:
        pid = self._pid()
        if pid is not None:
            # The emulator first and alone: it saves its state, and its functions end with it as a rule.
            processes.end([psutil.Process(pid)], STOP_BOUND)
        left = processes.ours(self.folder)
        processes.end(left, 1.0)
        self._pid_file.unlink(missing_ok=True)
        return pid is not None or bool(left)

    def _refuse_taken_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError as error:
                raise EmulatorError(
                    f"port {self.port} of 127.0.0.1 is in use by another program; "
                    f"end that one, or set {environment.PORT_VARIABLE} to a free port"
                ) from error

    def _spawn(self) -> None:
        (self.folder / "tmp").mkdir(exist_ok=True)
        state.forget_stream_positions(self.folder / "state")
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "ministack"],
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A session of its own: a Ctrl-C at the command that started it does not end it.
                start_new_session=True,
            )
        self._pid_file.write_text(json.dumps({"pid": process.pid, "port": self.port}))
        self._await_health(process)

    def _await_health(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + START_BOUND
        while time.monotonic() < deadline:
            if self._healthy():
                return
            if process.poll() is not None:
                break
            time.sleep(0.05)
        self._stop()
        raise EmulatorError(f"the embedded AWS did not come up on port {self.port}; its log is {self.log}")

    def _healthy(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/_ministack/health")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _environment(self) -> dict[str, str]:
        """All of it: nothing of the user's reaches the emulator or the functions but the search path."""
        return environment.local_variables(self.port) | {
            processes.MARKER: str(self.folder),
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self.folder / "tmp"),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "STATE_DIR": str(self.folder / "state"),
            "S3_DATA_DIR": str(self.folder / "s3"),
            "S3_PERSIST": "1",
            "PERSIST_STATE": "1",
            # On by default, it would open port 8883 to the world.
            "IOT_MTLS_ENABLED": "0",
            "LAMBDA_WARM_TTL_SECONDS": str(self.warm),
            "SFN_WAIT_SCALE": str(self.wait_scale),
            "AUTH": str(self.auth).lower(),
            # Inherited by the functions; see `bootstrap`.
            "SAGA_RUNTIME": str(RUNTIME),
        }
