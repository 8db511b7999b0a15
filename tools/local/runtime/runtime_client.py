"""Takes the place of awslambdaric's native half in the embedded AWS; `bootstrap` puts this folder in its way.

It has the four functions that awslambdaric calls, speaking the Lambda Runtime API (version 2018-06-01) over
http.client. The native half is built for Linux only, and in the embedded AWS each call under it costs 90 ms more: on a
connection that is kept the emulator's answer waits 40 ms for a delayed acknowledgement, so here each call has its own;
and the emulator waits 50 ms for a line of log, so here there is one.
"""

import http
import http.client
import json
import os
import sys

ROOT = "/2018-06-01/runtime/invocation"
DEADLINE = "Lambda-Runtime-Deadline-Ms"
_user_agent = "aws-lambda-python"


def initialize_client(user_agent: str) -> None:
    """Remember what to call ourselves in every request."""
    global _user_agent  # noqa: PLW0603 — the native module keeps it the same way
    _user_agent = user_agent


def next() -> tuple[bytes, dict[str, str | int]]:  # noqa: A001 — the native module's name
    """Wait for an invocation, as long as it takes; return its event and the Lambda-Runtime-* headers."""
    response, body = _call("GET", f"{ROOT}/next", None, {})
    headers: dict[str, str | int] = dict(response.getheaders())
    # Milliseconds since 1970; the native client hands this one header on as a number.
    headers[DEADLINE] = int(headers.get(DEADLINE, 0))
    return body, headers


def post_invocation_result(
    invoke_id: str, result: bytes, content_type: str = "application/json", invocation_id: str | None = None
) -> None:
    """Hand in what the handler returned."""
    headers = {"Content-Type": content_type} | _invocation(invocation_id)
    _say(f"{invoke_id} answered")
    _call("POST", f"{ROOT}/{invoke_id}/response", result, headers)


def post_error(invoke_id: str, error: str, xray_fault: str = "", invocation_id: str | None = None) -> None:
    """Hand in what the handler raised: a JSON object with errorType, errorMessage and stackTrace."""
    headers = {
        "Content-Type": "application/json",
        "Lambda-Runtime-Function-Error-Type": str(json.loads(error).get("errorType", "Unhandled")),
        "Lambda-Runtime-Function-XRay-Error-Cause": xray_fault,
    }
    _say(f"{invoke_id} failed")
    _call("POST", f"{ROOT}/{invoke_id}/error", error.encode(), headers | _invocation(invocation_id))


def _say(line: str) -> None:
    """Write a line of log before the answer: the emulator then need not wait for one."""
    print(line, file=sys.stderr, flush=True)


def _invocation(invocation_id: str | None) -> dict[str, str]:
    return {"Lambda-Runtime-Invocation-Id": invocation_id} if invocation_id else {}


def _call(
    method: str, path: str, body: bytes | None, headers: dict[str, str]
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        connection.request(method, path, body, {"User-Agent": _user_agent} | headers)
        response = connection.getresponse()
        answer = response.read()
    finally:
        connection.close()
    if response.status >= http.HTTPStatus.BAD_REQUEST:
        raise RuntimeError(f"the Lambda Runtime API answered {response.status} to {method} {path}")
    return response, answer
