"""Keeps every other page in the browser, and every other host, away from the console."""

import hmac
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN_HEADER = "x-console-token"  # noqa: S105 — its name, not its value
READING = ("GET", "HEAD")
LONGEST_BODY = 64 * 1024

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    # No text becomes HTML by accident: the sinks that would take one throw.
    "require-trusted-types-for 'script'; trusted-types 'none'"
)

HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


@dataclass(frozen=True)
class Guard:
    """ASGI middleware around `app`: lets in what its own page asks, and what a person opens; all else gets a 403.

    The Host must be the console's own, or a name that an attacker points to 127.0.0.1 would read it (DNS rebinding).
    A change needs the page's Origin and the token of this run, which only the page can read.
    """

    app: ASGIApp
    host: str
    token: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse to."""
        if scope["type"] != "http":
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        reason = self.refusal(scope["method"], scope["path"], Headers(scope=scope))
        answer = JSONResponse({"detail": reason}, 403) if reason else self.app
        await answer(scope, receive, send_guarded)

    def refusal(self, method: str, path: str, headers: Headers) -> str | None:
        """Say why a request is refused, None if it isn't."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
        if headers.getlist("host") != [self.host]:
            return f"open http://{self.host}/"
        if origin not in (None, f"http://{self.host}"):
            return "another page asks"
        if method in READING:
            # A link to the page itself may stand anywhere: opening it changes nothing, and nobody else sees it.
            return None if path == "/" or site in ("none", "same-origin") else "another page asks"
        return self._refused_change(origin, headers)

    def _refused_change(self, origin: str | None, headers: Headers) -> str | None:
        length = headers.get("content-length", "")
        if origin is None:
            return "a change needs an Origin"
        if not hmac.compare_digest(headers.get(TOKEN_HEADER, "").encode(), self.token.encode()):
            return "the console was started anew; reload the page"
        if headers.get("content-type") != "application/json":
            return "expected application/json"
        if not length.isdigit() or int(length) > LONGEST_BODY:
            return f"expected a body of at most {LONGEST_BODY} bytes"
        return None
