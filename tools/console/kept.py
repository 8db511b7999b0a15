"""A stage that keeps what the console would otherwise make anew ten times a second."""

from functools import cached_property
from threading import RLock
from typing import Any

from tools.stage import Stage


class Kept(Stage):
    """A stage that makes each client once, and asks for its machines' ARNs once: both take longer than most calls."""

    @classmethod
    def of(cls, stage: Stage) -> "Kept":
        """Return the same stage, but keeping."""
        return cls(stage.name, stage.region, stage.profile)

    def client(self, service: str) -> Any:
        """A boto3 client with bounded waiting; one for all threads."""
        with self._making:
            if service not in self._clients:
                self._clients[service] = super().client(service)
            return self._clients[service]

    def machine_arn(self, kind: str = "booking") -> str:
        """ARN of a state machine; Unreachable when AWS does not tell the account."""
        if kind not in self._arns:
            self._arns[kind] = super().machine_arn(kind)
        return self._arns[kind]

    @cached_property
    def _clients(self) -> dict[str, Any]:
        return {}

    @cached_property
    def _arns(self) -> dict[str, str]:
        return {}

    @cached_property
    def _making(self) -> RLock:
        return RLock()  # boto3's sessions, unlike its clients, are not to be shared between threads
