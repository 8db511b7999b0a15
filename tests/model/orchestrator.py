"""The state machines as their files say: which function runs next, after every answer and every error."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from tests.model.kernel import Kernel, Violation
from tests.model.source import ROOT, edited

MACHINES = ("booking", "cancellation")
_PATHS = re.compile(r".*\.\$|Variable")


class At(NamedTuple):
    """Where an execution stands: waiting for an invocation, or (`ended`) in its last state, perhaps by an error."""

    position: int
    invocation: int
    ended: str = ""
    caught: bool = False


class Orchestrator:
    """Both machines, with every retry budget cut to `retries`.

    An execution's data keep only what some later state reads, and of an error only a name that some state knows: states
    of the world that differ in the rest have the same future, so they are one.
    """

    def __init__(self, kernel: Kernel, retries: int) -> None:
        self._kernel, self._retries = kernel, retries
        self._asl: dict[str, Any] = {}
        self._read: dict[str, set[str]] = {}
        self._named: set[str] = set()
        for name in MACHINES:
            text = edited(f"{name}.asl", (ROOT / f"statemachine/{name}.asl.json").read_text(), kernel.edits)
            self._asl[name] = json.loads(text)
            self._read[name] = {path.split(".")[1] for path in _strings(self._asl[name], _PATHS) if path[:2] == "$."}
            self._named |= set(_strings(self._asl[name], re.compile("ErrorEquals")))
        self.answer = cache(self._answer)

    def start(self, machine: str, arn: str, request: Any) -> At:
        """Start an execution."""
        return self._enter([machine, arn, self._asl[machine]["StartAt"]], request)

    def execution(self, position: int) -> str:
        """Return the ARN of the execution that stands there."""
        return str(self._kernel.value(position)[1])

    def _answer(self, position: int, error: str, value: int | str) -> At:
        """Go on from a task with its value (a number of the kernel's), or with the error that it raised."""
        machine, arn, name, data, tried = self._kernel.fresh(position)
        state = self._asl[machine]["States"][name]
        if not error:
            data = self._placed(machine, data, state.get("ResultPath", "$"), self._kernel.fresh(int(value)))
            return self._enter([machine, arn, state["Next"]], data)
        for number, retrier in enumerate(state.get("Retry", ())):
            if _matches(retrier, error):
                if tried[number] < min(retrier["MaxAttempts"], self._retries):
                    tried[number] += 1
                    return self._task([machine, arn, name], data, tried)
                break
        for catcher in state.get("Catch", ()):
            if _matches(catcher, error):
                caught = {"Error": error if error in self._named else "Error", "Cause": "-"}
                data = self._placed(machine, data, catcher.get("ResultPath", "$"), caught)
                return self._enter([machine, arn, catcher["Next"]], data)._replace(caught=True)
        return At(position, 0, "FAILED")

    def _enter(self, where: list[str], data: Any) -> At:
        machine, arn, name = where
        state = self._asl[machine]["States"][name]
        match state["Type"]:
            case "Task":
                return self._task(where, data, [0] * len(state.get("Retry", ())))
            case "Choice":
                chosen = (choice["Next"] for choice in state["Choices"] if _holds(choice, data))
                return self._enter([machine, arn, next(chosen, state["Default"])], data)
            case "Succeed" | "Fail":
                return At(self._kernel.id([machine, arn, name, None, []]), 0, name)
        raise AssertionError(f"the model does not know states of type {state['Type']}")

    def _task(self, where: list[str], data: Any, tried: list[int]) -> At:
        machine, arn, name = where
        state = self._asl[machine]["States"][name]
        context = {"Execution": {"Id": arn}, "State": {"Name": name, "RetryCount": sum(tried)}}
        event = {
            key.removesuffix(".$"): _found(path, data, context) if key.endswith(".$") else path
            for key, path in state["Parameters"].items()
        }
        return At(self._kernel.id([*where, data, tried]), self._kernel.invoke(state["Resource"][2:-1], event))

    def _placed(self, machine: str, data: Any, path: str, value: Any) -> Any:
        """Put a result where its path says, if a state reads it. The data are fresh, so they are changed in place."""
        if path == "$":
            return value
        *names, last = path.removeprefix("$.").split(".")
        if path.split(".")[1] not in self._read[machine]:
            return data
        inner = data
        for name in names:
            inner = inner[name]
        inner[last] = value
        return data


def _strings(tree: Any, names: re.Pattern[str], name: str = "") -> Iterator[str]:
    """Yield all texts of a machine that stand under such names."""
    match tree:
        case dict():
            for inner, value in tree.items():
                yield from _strings(value, names, inner)
        case list():
            for value in tree:
                yield from _strings(value, names, name)
        case str() if names.fullmatch(name):
            yield tree


def _matches(rule: Any, error: str) -> bool:
    return error in rule["ErrorEquals"] or "States.ALL" in rule["ErrorEquals"]


def _holds(choice: Any, data: Any) -> bool:
    if "Or" in choice:
        return any(_holds(one, data) for one in choice["Or"])
    found = _found(choice["Variable"], data, {})
    return bool(found is choice["BooleanEquals"] if "BooleanEquals" in choice else found == choice["StringEquals"])


def _found(path: str, data: Any, context: Any) -> Any:
    value = context if path.startswith("$$") else data
    for name in path.lstrip("$").split(".")[1:]:
        if name not in value:
            raise Violation(f"States.Runtime: there is no {path}")
        value = value[name]
    return value
