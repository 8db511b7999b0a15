"""Least privilege, proven: each function does its work with the role as written, and fails without any grain of it.

The embedded AWS enforces each function's role. So each action on each resource that a role allows is taken away alone,
and the function must run into it. What the embedded AWS does not enforce is held by test_template.py.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any

import pytest

from saga.expressions import marshal
from tests.local.conftest import Stack, until
from tests.trips import trip

SERVICES = ("dynamodb", "states", "events", "sqs", "sns", "cloudwatch")

NOT_ENFORCED = {
    # The mapping reads the stream, and Lambda sends what failed, by the function's role: on AWS, not in the emulator.
    *(("Outcomes", f"dynamodb:{name}") for name in ("DescribeStream", "GetShardIterator", "GetRecords", "ListStreams")),
    ("Outcomes", "sqs:SendMessage"),
    ("Reconcile", "sqs:SendMessage"),
}

OFFER = "Least"

numbers = count()


class Exercise:
    """Calls functions so that each grain of their roles is needed once."""

    def __init__(self, stack: Stack) -> None:
        """Keep the stack."""
        self.stack = stack

    def request(self) -> dict[str, Any]:
        """Make a trip that nobody else's tests count, of offers that no function has read: each keeps them a minute."""
        number = next(numbers)
        offer = f"{OFFER}-{number}"
        for participant in ("hotel", "flight", "car"):
            self.stack.offer(participant, offer, 10)
        request = trip("hotel/name", offer, trip_id=f"least-{number}")
        request["flight"]["number"] = request["car"]["model"] = offer
        return request

    def clear(self) -> None:
        """Take away what the exercises leave half done."""
        for kind, key in (("saga-log", "trip_id"), ("hotel", "id"), ("flight", "id"), ("car", "id")):
            table = self.stack.table(kind)
            for item in table.scan()["Items"]:
                if item[key].startswith(("least-", "TRIP#least-", f"TAKEN#{OFFER}", f"OFFER#{OFFER}")):
                    table.delete_item(Key={name: item[name] for name in (key, "entry") if name in item})

    def begin(self) -> dict[str, Any]:
        """Begin a saga that no execution works on; return its state."""
        request = self.request() | {"owner": "ann"}
        arn = self.stack.machines["booking"].replace(":stateMachine:", ":execution:")
        event = {"request": request, "execution": f"{arn}:none", "step": "BeginSaga", "attempt": 0}
        return self.stack.invoke("BeginSaga", event)

    def find(self) -> None:
        """Begin a saga, and read one that has begun already."""
        begun = self.begin()
        known = {"trip_id": begun.get("trip_id", "none"), "saga_id": begun.get("saga_id", "0" * 32)}
        self.stack.invoke("BeginSaga", {"request": known, "execution": "arn:x", "step": "BeginSaga", "attempt": 0})

    def step(self, step: str, state: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """Call a book or a cancel."""
        return self.stack.invoke(step, {**state, "position": 1, "attempt": 0, "step": step, **more})

    def book(self, step: str) -> None:
        """Book, and book again where the log has lost the book: it is entered, as the booking stands."""
        state = self.begin()
        self.step(step, state)
        lost = marshal({"trip_id": state["trip_id"], "entry": f"LOG#000#01#{step}#999#OUTCOME"})
        self.stack.clients["dynamodb"].delete_item(TableName=self.stack.stage.table("saga-log"), Key=lost)
        self.step(step, state)

    def cancel(self, step: str) -> None:
        """Cancel what is booked, in an undo, and what is not, in the booking: that needs all that a cancel may do."""
        booked = self.begin()
        self.step(step.replace("Cancel", "Book"), booked)
        self.change(booked["trip_id"], status="CANCELLING", goal="CANCELLED")
        self.step(step, booked, run=1)
        self.step(step, self.begin())

    def end(self) -> None:
        """End a saga that is closed."""
        state = self.begin()
        self.step("CancelHotel", state)
        more = {"run": 1, "position": 7, "step": "EndSaga", "attempt": 0, "owed": {}, "before": {}}
        self.stack.invoke("EndSaga", {**state, **more})

    def begin_cancellation(self) -> None:
        """Begin an undo."""
        trip_id = self.begin()["trip_id"]
        event = {"request": {"trip_id": trip_id}, "execution": "arn:x", "step": "BeginCancellation", "attempt": 0}
        self.stack.invoke("BeginCancellation", event)

    def change(self, trip_id: str, **facts: Any) -> None:
        """Change a trip's record behind the saga's back."""
        table = self.stack.table("saga-log")
        item = table.get_item(Key={"trip_id": trip_id, "entry": "TRIP"})["Item"]
        table.put_item(Item={**item, **facts})

    def undo(self, trip_id: str) -> str:
        """Return the ARN of an undo that has never been."""
        machine = self.stack.machines["cancellation"].replace(":stateMachine:", ":execution:")
        return f"{machine}:{trip_id}-none"

    def api(self) -> None:
        """Book, read, list, cancel what is being booked, and what is being cancelled already."""
        self.ask("POST /trips", body=json.dumps(self.request()))
        closing, cancelling = self.begin()["trip_id"], self.begin()["trip_id"]
        for route in ("GET /trips/{trip_id}", "GET /trips/{trip_id}/log", "DELETE /trips/{trip_id}"):
            self.ask(route, pathParameters={"trip_id": closing})
        self.ask("GET /trips")
        self.change(cancelling, status="CANCELLING", goal="CANCELLED", undo=self.undo(cancelling))
        self.ask("DELETE /trips/{trip_id}", pathParameters={"trip_id": cancelling})

    def ask(self, route: str, **more: Any) -> None:
        """Ask the API as the gateway does."""
        context = {"authorizer": {"jwt": {"claims": {"sub": "ann"}}}}
        self.stack.invoke("Api", {"routeKey": route, "requestContext": context, **more})

    def reconcile(self) -> None:
        """Find a trip that never began, one whose undo died, one whose undos keep dying; then look at all."""
        self.clear()  # or the sweep would start an undo of all that the other exercises have left
        fresh, dead, hopeless = (self.begin()["trip_id"] for _ in range(3))
        self.change(dead, status="COMPENSATING", goal="ROLLED_BACK", undo=self.undo(dead))
        self.change(hopeless, status="COMPENSATING", goal="ROLLED_BACK", runs=3)
        for trip_id in (fresh, dead, hopeless):
            detail = {"input": json.dumps({"trip_id": trip_id})}
            event = {"detail-type": "Step Functions Execution Status Change", "detail": detail}
            self.stack.invoke("Reconcile", event)
        self.stack.invoke("Reconcile", {})

    def outcomes(self) -> None:
        """Announce a trip that needs attention."""
        facts = {"trip_id": "least", "saga_id": "s", "runs": 0, "updated": "2099-01-01T00:00:00.000+00:00"}
        image = marshal({**facts, "status": "NEEDS_ATTENTION", "owed": {"car": "x"}})
        self.stack.invoke("Outcomes", {"Records": [{"eventID": "1", "dynamodb": {"NewImage": image}}]})


EXERCISES: dict[str, Callable[[Exercise], Any]] = {
    "BeginSaga": Exercise.find,
    "BeginCancellation": Exercise.begin_cancellation,
    "EndSaga": Exercise.end,
    **{f"Book{name}": lambda e, n=name: e.book(f"Book{n}") for name in ("Hotel", "Flight", "Car")},
    **{f"Cancel{name}": lambda e, n=name: e.cancel(f"Cancel{n}") for name in ("Hotel", "Flight", "Car")},
    "Api": Exercise.api,
    "Reconcile": Exercise.reconcile,
    "Outcomes": Exercise.outcomes,
}


def grains(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Split a policy into statements of one action on one resource each."""
    return [
        {**statement, "Action": action, "Resource": resource}
        for statement in document["Statement"]
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    ]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.fixture(scope="module")
def exercise(stack: Stack) -> Iterator[Exercise]:
    """Exercises on the deployed stack; what they leave half done is swept away."""
    made = Exercise(stack)
    yield made
    client = stack.clients["stepfunctions"]
    for machine in stack.machines.values():
        running = {"stateMachineArn": machine, "statusFilter": "RUNNING"}
        until(lambda running=running: not client.list_executions(**running)["executions"])
    made.clear()


def put(iam: Any, role: str, name: str, document: Mapping[str, Any]) -> None:
    """Give a role a policy; one without a statement is none."""
    if document["Statement"]:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
    else:
        iam.delete_role_policy(RoleName=role, PolicyName=name)


def role_of(stack: Stack, function: str) -> str:
    """Return the name of a function's role."""
    arn = stack.clients["lambda"].get_function_configuration(FunctionName=stack.stage.function(function))["Role"]
    return str(arn.rpartition("/")[2])


def evidence(stack: Stack, role: str, exercise: Callable[[], Any]) -> set[str]:
    """Return the actions that a role was refused during an exercise, by what was logged."""
    start = stack.emulator.log.stat().st_size
    exercise()
    with stack.emulator.log.open() as log:
        log.seek(start)
        text = log.read()
    said = "is not authorized to perform: "
    return {line.partition(said)[2].split()[0] for line in text.splitlines() if said in line and f"/{role}/" in line}


@pytest.mark.parametrize("function", EXERCISES)
def test_a_role_has_no_grain_too_many_and_none_too_few(stack: Stack, exercise: Exercise, function: str) -> None:
    """As written a role refuses nothing; without any single action on a resource the function is refused that one."""
    iam, role = stack.stage.client("iam"), role_of(stack, function)

    def run() -> set[str]:
        return evidence(stack, role, lambda: EXERCISES[function](exercise))

    assert run() == set()
    idle = set()
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        whole = grains(document)
        for grain in whole:
            if not grain["Action"].startswith(SERVICES):
                continue
            rest = [other for other in whole if other != grain]
            put(iam, role, name, {**document, "Statement": rest})
            if grain["Action"] not in run():
                idle.add((function, grain["Action"], str(grain["Resource"])))
        put(iam, role, name, document)
    expected = {pair for pair in NOT_ENFORCED if pair[0] == function}
    assert {(name, action) for name, action, _ in idle} == expected, idle
    assert run() == set()


def test_every_function_is_exercised(stack: Stack) -> None:
    """No function of the stack is left out."""
    functions = stack.clients["lambda"].list_functions()["Functions"]
    assert {found["FunctionName"].rpartition("-")[2] for found in functions} == set(EXERCISES)
