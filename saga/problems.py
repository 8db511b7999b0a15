"""Answers of the HTTP API: JSON, and problems as RFC 9457 has them (application/problem+json)."""

import json
from http import HTTPStatus
from typing import Any

from saga.errors import Problem

Answer = dict[str, Any]


class Refused(Exception):
    """A request that is answered with a problem; `problems` lists the fields that are at fault."""

    def __init__(self, status: HTTPStatus, detail: str, *problems: Problem) -> None:
        """Keep what the answer says."""
        super().__init__(detail)
        self.status, self.detail, self.problems = status, detail, problems


def answer(status: HTTPStatus, body: Any, **headers: str) -> Answer:
    """Make a JSON answer for API Gateway (payload format 2.0)."""
    return {
        "statusCode": status.value,
        "headers": {"content-type": "application/json", "cache-control": "no-store", **headers},
        "body": json.dumps(body, ensure_ascii=False),
    }


def problem(refused: Refused) -> Answer:
    """Make the problem that a refused request is answered with."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": refused.status.phrase,
        "status": refused.status.value,
        "detail": refused.detail,
    }
    if refused.problems:
        body["errors"] = [{"pointer": pointer, "detail": expected} for pointer, expected in refused.problems]
    made = answer(refused.status, body)
    made["headers"]["content-type"] = "application/problem+json"
    return made
