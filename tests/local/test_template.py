"""Facts about what `sls package` makes of serverless.yml and infra/, for each kind of stage. No server is needed."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import pytest

from saga.trip import PARTICIPANTS

ROOT = Path(__file__).parents[2]
STAGES = ("local", "dev", "prod", "elsewhere")
FAULTS_ALLOWED = {"local", "dev"}
SOURCES = ("infra", "handlers", "saga", "schemas", "statemachine")

# Which of a function's actions go to which table; {own} is its participant's.
LOGGED = {"PutItem", "UpdateItem"}
BOOK = {"{own}Table": {"GetItem", "PutItem", "UpdateItem", "ConditionCheckItem"}, "SagaLogTable": LOGGED}
CANCEL = {"{own}Table": {"GetItem", "PutItem", "UpdateItem"}, "SagaLogTable": LOGGED}
MAY = {
    "BeginSaga": {"SagaLogTable": {"GetItem", "PutItem"}},
    "BeginCancellation": {"SagaLogTable": {"GetItem", "PutItem", "UpdateItem"}},
    "EndSaga": {"SagaLogTable": {"GetItem", "PutItem", "UpdateItem"}},
}


TRACES = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
DELIVERIES = {f"logs:{verb}LogDelivery" for verb in ("Create", "Get", "Update", "Delete")}
WATCHED = {
    *TRACES,
    *DELIVERIES,
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
}
MEASURE = "cloudwatch:PutMetricData"
WITHOUT_RESOURCE = {*WATCHED, MEASURE}
STATES = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}"
MEASURERS = {"Reconcile", "Outcomes"}
ASL = sorted((ROOT / "statemachine").glob("*.asl.json"))
RULES = ("ExecutionEndedBadly", "EveryFiveMinutes")
# Logical id of each machine → its file and the end of its name.
MACHINES = {"BookingMachine": "booking", "CancellationMachine": "cancellation"}


@dataclass(frozen=True)
class Package:
    """What one stage's packaging left: the template and the zip."""

    stage: str
    folder: Path

    @cached_property
    def template(self) -> dict[str, Any]:
        return json.loads((self.folder / "cloudformation-template-update-stack.json").read_text())

    @cached_property
    def files(self) -> set[str]:
        with ZipFile(self.folder / "travel-saga.zip") as package:
            return set(package.namelist())

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        """The resources of a CloudFormation type, by logical id."""
        return {name: r for name, r in self.template["Resources"].items() if r["Type"] == kind}

    @property
    def functions(self) -> dict[str, dict[str, Any]]:
        """The Lambda functions by the name of their state."""
        found = self.resources("AWS::Lambda::Function").items()
        return {name.removesuffix("LambdaFunction"): function for name, function in found}

    @property
    def machines(self) -> dict[str, dict[str, Any]]:
        """The state machines by logical id."""
        return self.resources("AWS::StepFunctions::StateMachine")

    @property
    def steps(self) -> set[str]:
        """The functions that a machine calls."""
        return {name for machine in self.machines.values() for name in tasks(machine)}

    def policies(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """All permission statements, with the logical id of the role or policy they stand in."""
        for name, role in self.resources("AWS::IAM::Role").items():
            for policy in role["Properties"].get("Policies", []):
                yield from ((name, statement) for statement in policy["PolicyDocument"]["Statement"])
        for name, policy in self.resources("AWS::IAM::Policy").items():
            statements = policy["Properties"]["PolicyDocument"]["Statement"]
            yield from ((name, statement) for statement in statements)


def package(stage: str, folder: Path, *arguments: str) -> Package:
    """Package a copy of the sources, as Serverless cleans and fills `.serverless` beside its configuration."""
    for source in SOURCES:  # makes the folder too
        shutil.copytree(ROOT / source, folder / source)
    for source in ("serverless.yml", "package.json", "requirements.txt", "bootstrap"):
        shutil.copy(ROOT / source, folder)
    (ROOT / ".local").mkdir(exist_ok=True)  # where downloaded libraries are kept
    for source in ("node_modules", ".local"):
        (folder / source).symlink_to(ROOT / source)
    # No AWS_ variable, no profile: packaging asks AWS nothing.
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    subprocess.run(
        [ROOT / "node_modules/.bin/sls", "package", "--stage", stage, *arguments],
        cwd=folder,
        env=environment | {"SAGA_PYTHON": sys.executable},
        check=True,
        capture_output=True,
        timeout=120,
    )
    return Package(stage, folder / ".serverless")


@cache
def package_all() -> dict[str, Package]:
    """Every kind of stage, once a process, packaged without the third-party libraries: those take a download."""
    with TemporaryDirectory(prefix="packages-") as folder, ThreadPoolExecutor(2) as pool:
        folders = [Path(folder, stage) for stage in STAGES]
        made = list(pool.map(lambda *where: package(*where, "--param=requirements=none"), STAGES, folders))
        # Both are read now: the folder goes.
        assert all(packaged.template and packaged.files for packaged in made)
        return dict(zip(STAGES, made, strict=True))


@pytest.fixture(params=STAGES)
def packaged(request: pytest.FixtureRequest) -> Package:
    """One stage's package; a test that takes it runs for each kind of stage."""
    return package_all()[request.param]


def listed(value: Any) -> list[Any]:
    """IAM takes one action for a list of one."""
    return value if isinstance(value, list) else [value]


def tasks(machine: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The states of a machine that call a function."""
    states = machine["Properties"]["Definition"]["States"]
    return {name: state for name, state in states.items() if state["Type"] == "Task"}


def arn(logical: str) -> dict[str, list[str]]:
    """How the template says a resource's ARN."""
    return {"Fn::GetAtt": [logical, "Arn"]}


def executions(machine: str) -> dict[str, str]:
    """How the template says all executions of a machine."""
    return {"Fn::Sub": f"{STATES}:execution:${{{machine}.Name}}:*"}


def test_there_are_two_machines(packaged: Package) -> None:
    """One books, the other undoes; each has a role of its own."""
    roles = {name: machine["Properties"]["RoleArn"] for name, machine in packaged.machines.items()}
    assert roles == {name: arn(f"{name}Role") for name in MACHINES}


def test_each_function_has_a_role_of_its_own(packaged: Package) -> None:
    """No two functions share a role, and a function's role is named after it."""
    roles = {name: function["Properties"]["Role"] for name, function in packaged.functions.items()}
    assert roles == {name: arn(f"{name}Role") for name in packaged.functions}


def test_nothing_is_allowed_by_wildcard(packaged: Package) -> None:
    """No statement names an action or a resource by a wildcard or by what it is not, but where AWS demands it.

    Which these are stands in docs/decisions.md: a machine's executions, and actions that know no resource at all.
    """
    for name, statement in packaged.policies():
        if statement["Resource"] == "*":
            assert set(listed(statement["Action"])) <= WITHOUT_RESOURCE, name
            continue
        assert {"Effect", "Action", "Resource"} == set(statement), name
        # An execution has its ARN when it starts, so IAM can only be given all of a machine's.
        resources = [r for r in listed(statement["Resource"]) if r not in [executions(m) for m in MACHINES]]
        assert "*" not in json.dumps([statement["Action"], resources]), name


def test_a_function_may_do_only_what_it_does(packaged: Package) -> None:
    """A step reaches its own log group, its own participant's table and the saga log, and nothing else."""
    for name in packaged.steps:
        verb, own = re.fullmatch("(Begin|End|Book|Cancel)(.+)", name).groups()
        tables = MAY.get(name) or (CANCEL if verb == "Cancel" else BOOK)
        expected = {
            json.dumps(arn(table.format(own=own))): {f"dynamodb:{action}" for action in actions}
            for table, actions in tables.items()
        }
        assert may(packaged, name) == expected, name


def test_the_reconciler_reads_and_starts(packaged: Package) -> None:
    """It reads one index, reads trips and gives them up, looks at executions and starts them, and no more."""
    assert may(packaged, "Reconcile") == {
        json.dumps(arn("SagaLogTable")): {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"},
        json.dumps({"Fn::Sub": "${SagaLogTable.Arn}/index/unfinished"}): {"dynamodb:Query"},
        **{json.dumps(executions(machine)): {"states:DescribeExecution"} for machine in MACHINES},
        **{json.dumps({"Ref": machine}): {"states:StartExecution"} for machine in MACHINES},
        json.dumps(arn("ReconcileDeadLetters")): {"sqs:SendMessage"},
    }


def may(packaged: Package, function: str) -> dict[str, set[str]]:
    """Which actions a function may do on which resource, said as JSON; beside writing to its own log group."""
    role = packaged.functions[function]["Properties"]["Role"]["Fn::GetAtt"][0]
    allowed: dict[str, set[str]] = {}
    attached = packaged.resources("AWS::IAM::Policy").items()
    owners = {role} | {name for name, policy in attached if {"Ref": role} in policy["Properties"]["Roles"]}
    for owner, statement in packaged.policies():
        if owner in owners:
            for resource in listed(statement["Resource"]):
                # Once each: what is allowed twice is still allowed when one of the two is taken away.
                assert not allowed.get(json.dumps(resource), set()) & set(listed(statement["Action"])), function
                allowed.setdefault(json.dumps(resource), set()).update(listed(statement["Action"]))
    log_group = json.dumps(arn(f"{function}LogGroup"))
    assert allowed.pop(log_group) == {"logs:CreateLogStream", "logs:PutLogEvents"}, function
    measures = {MEASURE} if function in MEASURERS else set()
    assert allowed.pop(json.dumps("*")) == TRACES | measures, function
    return allowed


def test_a_machine_may_call_exactly_its_own_functions(packaged: Package) -> None:
    """The policies attached to a machine's role allow the functions of its definition, and nothing else."""
    for machine in packaged.machines.values():
        role = {"Ref": machine["Properties"]["RoleArn"]["Fn::GetAtt"][0]}
        policies = packaged.resources("AWS::IAM::Policy").values()
        allowed = [
            (statement["Action"], statement["Resource"]["Fn::Sub"].rpartition(":")[2])
            for policy in policies
            if role in policy["Properties"]["Roles"]
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        ]
        called = [
            ("lambda:InvokeFunction", f"travel-saga-{packaged.stage}-{function}")
            for function in machine["Properties"]["DefinitionSubstitutions"]
        ]
        assert sorted(allowed) == sorted(called)


def test_placeholders_are_the_substitutions(packaged: Package) -> None:
    """Each task's resource is a placeholder of its state's name, which stands for the function of that name."""
    for machine in packaged.machines.values():
        resources = {name: state["Resource"] for name, state in tasks(machine).items()}
        assert resources == {name: f"${{{name}}}" for name in resources}
        arns = {name: arn(f"{name}LambdaFunction") for name in resources}
        assert machine["Properties"]["DefinitionSubstitutions"] == arns


def test_the_definition_is_deployed_as_written(packaged: Package) -> None:
    """Serverless resolves ${type:…} and drops null, which CloudFormation would refuse: a definition has neither."""
    for name, file in MACHINES.items():
        written = json.loads((ROOT / f"statemachine/{file}.asl.json").read_text())
        assert packaged.machines[name]["Properties"]["Definition"] == written


def test_permission_exists_before_the_machine(packaged: Package) -> None:
    """A step's function waits for the policy that lets machines call it, and a machine waits for its functions."""
    for name in packaged.steps:
        assert f"{name}Callers" in packaged.functions[name]["DependsOn"], name
        assert f"{name}Callers" in packaged.resources("AWS::IAM::Policy"), name


def test_a_role_trusts_one_service(packaged: Package) -> None:
    """Functions' roles are Lambda's to assume, machines' roles those of Step Functions in this account."""
    functions = {f"{name}Role" for name in packaged.functions}
    for name, role in packaged.resources("AWS::IAM::Role").items():
        (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        if name in functions:
            assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}
        else:
            assert statement["Principal"] == {"Service": "states.amazonaws.com"}
            own_account = {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
            assert statement["Condition"] == {"StringEquals": own_account}


def test_faults_can_be_injected_on_local_and_dev_only(packaged: Package) -> None:
    """On any other stage neither the code of saga/faults.py nor the word that allows it is there."""
    allowed = packaged.stage in FAULTS_ALLOWED
    assert ("saga/faults.py" in packaged.files) is allowed
    for function in packaged.functions.values():
        variables = function["Properties"]["Environment"]["Variables"]
        assert variables.get("SAGA_FAULTS") == ("allowed" if allowed else None)


def test_functions_are_told_their_stage_and_tables(packaged: Package) -> None:
    """SAGA_STAGE and SAGA_TABLES are all that a step is told on AWS; who starts executions is told the machines too."""
    for name, function in packaged.functions.items():
        variables = dict(function["Properties"]["Environment"]["Variables"])
        variables.pop("SAGA_FAULTS", None)
        assert (variables.pop("SAGA_PYTHON", None) is not None) is (packaged.stage == "local")
        if name == "Outcomes":  # what it is told stands in test_api_template.py
            del variables["SAGA_OUTCOME_BUS"], variables["SAGA_OPERATORS_TOPIC"]
        if name in {"Reconcile", "Api"}:
            assert variables.pop("SAGA_BOOKING_MACHINE") == {"Ref": "BookingMachine"}
            assert variables.pop("SAGA_CANCELLATION_MACHINE") == {"Ref": "CancellationMachine"}
        assert variables == {"SAGA_STAGE": packaged.stage, "SAGA_TABLES": f"travel-saga-{packaged.stage}"}


def test_names_carry_the_stage(packaged: Package) -> None:
    """All that has a name has travel-saga-<stage> in front of it; a function is named by its state."""
    prefix = f"travel-saga-{packaged.stage}"
    names = {name: function["Properties"]["FunctionName"] for name, function in packaged.functions.items()}
    assert names == {name: f"{prefix}-{name}" for name in names}
    tables = packaged.resources("AWS::DynamoDB::Table").values()
    expected = {f"{prefix}-{table}" for table in (*PARTICIPANTS, "saga-log")}
    assert {table["Properties"]["TableName"] for table in tables} == expected
    for name, machine in packaged.machines.items():
        assert machine["Properties"]["StateMachineName"] == f"{prefix}-{MACHINES[name]}"
    rules = packaged.resources("AWS::Events::Rule").values()
    queues = packaged.resources("AWS::SQS::Queue").values()
    named = [r["Properties"]["Name"] for r in rules] + [q["Properties"]["QueueName"] for q in queues]
    pools = packaged.resources("AWS::Cognito::UserPool").values()
    clients = packaged.resources("AWS::Cognito::UserPoolClient").values()
    named += [p["Properties"]["UserPoolName"] for p in pools] + [c["Properties"]["ClientName"] for c in clients]
    assert [name for name in named if not name.startswith(f"{prefix}-")] == []
    assert packaged.resources("AWS::ApiGatewayV2::Api")["HttpApi"]["Properties"]["Name"] == prefix


def test_only_local_runs_under_the_bootstrap(packaged: Package) -> None:
    """AWS runs Python 3.13 on arm64; the bootstrap, and the runtime that asks for it, are the embedded AWS's."""
    local = packaged.stage == "local"
    assert ("bootstrap" in packaged.files) is local
    for function in packaged.functions.values():
        assert function["Properties"]["Runtime"] == ("provided.al2023" if local else "python3.13")
        assert function["Properties"]["Architectures"] == ["arm64"]


def test_the_package_holds_sources_only(packaged: Package) -> None:
    """Nothing but handlers, the saga and its schemas is packaged: no tests, no byte code, no tools."""
    ours = re.compile(r"(handlers|saga)/([\w/]+)\.py|schemas/[\w.-]+\.json|bootstrap")
    assert [name for name in packaged.files if not ours.fullmatch(name)] == []


def test_every_handler_exists(packaged: Package) -> None:
    """A function's handler is a function in a packaged file."""
    for function in packaged.functions.values():
        module, _, entry = function["Properties"]["Handler"].rpartition(".")
        assert f"{module}.py" in packaged.files
        assert callable(getattr(import_module(module.replace("/", ".")), entry))


def test_a_function_ends_before_its_task(packaged: Package) -> None:
    """A task waits longer than its function may run, so a function is dead before its retry starts."""
    for machine in packaged.machines.values():
        for name, state in tasks(machine).items():
            assert packaged.functions[name]["Properties"]["Timeout"] < state["TimeoutSeconds"], name


def test_a_bad_end_wakes_the_reconciler(packaged: Package) -> None:
    """The rule matches the bad ends of exactly the two machines: not those that are FAILED and yet in order."""
    ends = {
        state["Error"] for path in ASL for state in json.loads(path.read_text())["States"].values() if "Error" in state
    }
    in_order = ["TripRolledBack", "TripRefused", "CancellationRefused"]
    assert ends == {*in_order, "TripNeedsAttention"}
    rule = packaged.resources("AWS::Events::Rule")["ExecutionEndedBadly"]["Properties"]
    assert rule["EventPattern"] == {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {
            "stateMachineArn": [{"Ref": machine} for machine in MACHINES],
            "$or": [
                {"status": ["TIMED_OUT", "ABORTED"]},
                {"status": ["FAILED"], "error": [None, {"exists": False}, {"anything-but": in_order}]},
            ],
        },
    }


def test_the_reconciler_sweeps_on_every_stage(packaged: Package) -> None:
    """Every five minutes it is called with an event that names no execution; no stage switches the rule off."""
    rule = packaged.resources("AWS::Events::Rule")["EveryFiveMinutes"]["Properties"]
    assert rule["ScheduleExpression"] == "rate(5 minutes)"
    assert rule.get("State", "ENABLED") == "ENABLED"
    assert "Input" not in rule["Targets"][0]


def test_only_the_rules_call_the_reconciler(packaged: Package) -> None:
    """Each rule has the reconciler as its one target, and a permission that holds for this rule alone."""
    function = arn("ReconcileLambdaFunction")
    for rule in RULES:
        (target,) = packaged.resources("AWS::Events::Rule")[rule]["Properties"]["Targets"]
        assert target["Arn"] == function
    permissions = [p["Properties"] for p in packaged.resources("AWS::Lambda::Permission").values()]
    own = [permission for permission in permissions if permission["FunctionName"] == function]
    assert [permission["SourceArn"] for permission in own] == [arn(rule) for rule in RULES]
    for permission in own:
        assert permission["Principal"] == "events.amazonaws.com"
        assert permission["Action"] == "lambda:InvokeFunction"


def test_what_the_reconciler_could_not_do_is_kept(packaged: Package) -> None:
    """A call that fails three times, and an event a rule cannot deliver, wait encrypted for 14 days."""
    given_up = packaged.resources("AWS::Lambda::EventInvokeConfig")["ReconcileLambdaEvConf"]
    assert given_up["Properties"] == {
        "FunctionName": {"Ref": "ReconcileLambdaFunction"},
        "Qualifier": "$LATEST",
        "MaximumRetryAttempts": 2,
        "DestinationConfig": {"OnFailure": {"Destination": arn("ReconcileDeadLetters")}},
    }
    for rule in RULES:
        (target,) = packaged.resources("AWS::Events::Rule")[rule]["Properties"]["Targets"]
        assert target["DeadLetterConfig"] == {"Arn": arn("ReconcileDeadLetters")}
    queue = packaged.resources("AWS::SQS::Queue")["ReconcileDeadLetters"]["Properties"]
    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 60 * 60


def test_only_the_rules_write_to_the_dead_letters(packaged: Package) -> None:
    """The queue's policy lets EventBridge send to it, and only for these rules."""
    policy = packaged.resources("AWS::SQS::QueuePolicy")["ReconcileDeadLettersPolicy"]
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert policy["Properties"]["Queues"] == [{"Ref": "ReconcileDeadLetters"}]
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn("ReconcileDeadLetters"),
        "Condition": {"ArnEquals": {"aws:SourceArn": [arn(rule) for rule in RULES]}},
    }


def test_tables_are_guarded(packaged: Package) -> None:
    """Every table is encrypted, restorable to a point in time and paid by use; in prod nothing deletes it."""
    prod = packaged.stage == "prod"
    for table in packaged.resources("AWS::DynamoDB::Table").values():
        properties = table["Properties"]
        assert properties["BillingMode"] == "PAY_PER_REQUEST"
        assert properties["SSESpecification"] == {"SSEEnabled": True}
        assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert properties["DeletionProtectionEnabled"] is prod
        assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == ("Retain" if prod else "Delete")


def test_logs_do_not_pile_up(packaged: Package) -> None:
    """Every log group, of functions, machines and the API, ends its entries: after a year in prod, else two weeks."""
    groups = packaged.resources("AWS::Logs::LogGroup")
    assert set(groups) == {f"{name}LogGroup" for name in (*packaged.functions, *MACHINES, "HttpApi")}
    days = 365 if packaged.stage == "prod" else 14
    assert {group["Properties"]["RetentionInDays"] for group in groups.values()} == {days}


def test_each_participant_can_be_sold_out() -> None:
    """Each participant offers something plentiful and something without capacity: both answers can be had for real."""
    offers = json.loads((ROOT / "infra/offers.json").read_text())
    assert list(offers) == list(PARTICIPANTS)
    for capacities in offers.values():
        assert all(type(capacity) is int for capacity in capacities.values())
        assert 0 in capacities.values()
        assert max(capacities.values()) >= 100


def test_the_package_for_aws_fits_its_processor(tmp_path: Path) -> None:
    """It is under 700 kB, holds the one native library for CPython 3.13 on aarch64, and leaves boto3 to the runtime."""
    dev = package("dev", tmp_path)
    native = [name for name in dev.files if name.endswith(".so")]
    assert native == ["rpds/rpds.cpython-313-aarch64-linux-gnu.so"]
    assert not [name for name in dev.files if name.startswith(("boto", "bin/", "tests/"))]
    assert (dev.folder / "travel-saga.zip").stat().st_size < 700_000
