"""A state machine's path in this process: as much of the Amazon States Language as the two bookings have."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bench.inprocess import Context

Handler = Callable[[Mapping[str, Any], Any], Any]


def walk(machine: Mapping[str, Any], request: Mapping[str, Any], handlers: Mapping[str, Handler]) -> Iterator[str]:
    """Run the path of one request without retries; yield each state when it is over."""
    name, data = machine["StartAt"], dict(request)
    while True:
        state = machine["States"][name]
        following = state.get("Next")
        if state["Type"] == "Task":
            following = _task(name, state, data, handlers[name])
        elif state["Type"] == "Choice":
            following = next((c["Next"] for c in state["Choices"] if _chosen(c, data)), state["Default"])
        yield name
        if not following:
            return
        name = following


def parameters(name: str, state: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a state's function is called with, at its first attempt."""
    context = {
        "Execution": {"Id": f"arn:aws:states:us-east-1:0:execution:bench:{data['trip_id']}"},
        "State": {"Name": name, "RetryCount": 0},
    }
    return {
        key.removesuffix(".$"): _find(value, data, context) if key.endswith(".$") else value
        for key, value in state["Parameters"].items()
    }


def _task(name: str, state: Mapping[str, Any], data: dict[str, Any], handler: Handler) -> str:
    try:
        result = handler(parameters(name, state, data), Context)
    except Exception as error:  # noqa: BLE001  whatever a function raises, its state may catch
        wanted = {"States.ALL", type(error).__name__}
        catch = next(rule for rule in state["Catch"] if wanted & set(rule["ErrorEquals"]))
        _put(catch.get("ResultPath", "$"), data, {"Error": type(error).__name__})
        return str(catch["Next"])
    _put(state.get("ResultPath", "$"), data, result)
    return str(state["Next"])


def _chosen(choice: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    """Whether a choice's one test holds: it compares a path with a value, whatever their type."""
    return bool(_find(choice["Variable"], data, {}) in [value for test, value in choice.items() if "Equals" in test])


def _find(path: str, data: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
    found: Any = context if path.startswith("$$") else data
    for step in path.split(".")[1:]:
        found = found[step]
    return found


def _put(path: str, data: dict[str, Any], result: Any) -> None:
    if path == "$":
        data.clear()
        data.update(result)
        return
    *way, last = path.split(".")[1:]
    for step in way:
        data = data.setdefault(step, {})
    data[last] = result
