"""The API is what docs/openapi.yaml says: requests made from it, good and bad, get answers that it allows."""

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, settings

from handlers.api import ROUTES
from tests.local.conftest import Stack
from tools import tokens

DOCUMENT = Path(__file__).parents[2] / "docs/openapi.yaml"

EXAMPLES = 25
"""Requests made up for each operation."""

PAIRS = {"hotel": ("check_in", "check_out"), "flight": ("depart_at", "arrive_at"), "car": ("pick_up", "drop_off")}
PATTERNS = (re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}"), re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}"))


def in_order(body: Any) -> Any:
    """Give a trip dates that exist and are in order, where it has some: no schema can say that. All else stays."""
    for part, names in PAIRS.items():
        found = body.get(part) if isinstance(body, dict) else None
        texts = [found.get(name) for name in names] if isinstance(found, dict) else []
        for pattern, clock in zip(PATTERNS, ("", "T09:30"), strict=True):
            if texts and all(isinstance(text, str) and pattern.fullmatch(text) for text in texts):
                first = date(2099, 1, 1) + timedelta(days=sum(map(ord, texts[0])) % 300)
                found |= {names[0]: f"{first}{clock}", names[1]: f"{first + timedelta(days=2)}{clock}"}
    return body


api = schemathesis.openapi.from_path(str(DOCUMENT))
target: dict[str, str] = {}


@api.auth()
class Token:
    """A traveller's token, which a check may leave out."""

    def get(self, _case: Any, _context: Any) -> str:
        """Say that there will be one: this is asked before anything is deployed."""
        return "later"

    def set(self, case: Any, _data: str, _context: Any) -> None:
        """Send it."""
        case.headers["Authorization"] = f"Bearer {target.get('token')}"


@pytest.fixture(scope="module", autouse=True)
def _deployed(stack: Stack) -> None:
    """The API that the document is about."""
    target.update(url=tokens.url(stack.stage), token=tokens.token(stack.stage, "schemathesis@example.com"))


@api.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_document_is_true(case: Any) -> None:
    """Every answer has a status, a type and a shape that the document allows, and no request is a server's error."""
    case.body = in_order(case.body)
    case.call_and_validate(base_url=target["url"], excluded_checks=[schemathesis.checks.unsupported_method])


def test_every_route_is_in_the_document() -> None:
    """The document has the routes that the function answers, and no others."""
    paths = yaml.safe_load(DOCUMENT.read_text())["paths"]
    documented = {f"{verb.upper()} {path}" for path, item in paths.items() for verb in item if verb != "parameters"}
    assert documented == set(ROUTES)
