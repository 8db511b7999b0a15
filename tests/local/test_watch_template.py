"""What an operator is told and shown, by stage: traces, logs, alarms, the topic and the dashboard."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from saga.gauges import NEEDS_ATTENTION, OLDEST
from saga.trip import PARTICIPANTS
from tests.local.test_template import MACHINES, WATCHED, Package, arn, packaged

__all__ = ["packaged"]

RUNBOOK = (Path(__file__).parents[2] / "docs/operations.md").read_text()
WATCHED_STAGES = {"local", "prod"}
TOPIC = [{"Ref": "OperatorsTopic"}]

THRESHOLDS = {
    "NeedsAttention": (NEEDS_ATTENTION, 0),
    "OldestUnfinished": (OLDEST, 900),
    "ReconcileDeadLettersAlarm": ("ApproximateNumberOfMessagesVisible", 0),
    "OutcomeDeadLettersAlarm": ("ApproximateNumberOfMessagesVisible", 0),
    "LambdaThrottles": ("Throttles", 0),
    "BookingThrottles": ("ExecutionThrottled", 0),
    "CancellationThrottles": ("ExecutionThrottled", 0),
    "SagaLogTableThrottles": ("WriteThrottleEvents", 0),
    **{f"{name.capitalize()}TableThrottles": ("WriteThrottleEvents", 0) for name in PARTICIPANTS},
}


def alarms(packaged: Package) -> dict[str, dict[str, Any]]:
    """The alarms of a stage, by logical id."""
    return packaged.resources("AWS::CloudWatch::Alarm")


def test_each_alarm_is_there(packaged: Package) -> None:
    """What waits, stands still, was given up or is held back raises an alarm beyond its threshold."""
    found = {
        name: (alarm["Properties"]["MetricName"], alarm["Properties"]["Threshold"])
        for name, alarm in alarms(packaged).items()
    }
    assert found == THRESHOLDS
    compared = {alarm["Properties"]["ComparisonOperator"] for alarm in alarms(packaged).values()}
    assert compared == {"GreaterThanThreshold"}


def test_alarms_are_where_somebody_listens(packaged: Package) -> None:
    """Alarms and dashboard are there on prod and local; on other stages, cheap and disposable, they are not."""
    default = packaged.template["Parameters"]["Alarms"]["Default"]
    assert default == ("yes" if packaged.stage in WATCHED_STAGES else "no")
    assert packaged.template["Conditions"]["WithAlarms"] == {"Fn::Equals": [{"Ref": "Alarms"}, "yes"]}
    watching = [*alarms(packaged).values(), *packaged.resources("AWS::CloudWatch::Dashboard").values()]
    assert {resource["Condition"] for resource in watching} == {"WithAlarms"}


def test_each_alarm_tells_operators_what_to_read(packaged: Package) -> None:
    """An alarm goes to the topic, says when it is over, and names its chapter of the runbook."""
    for name, alarm in alarms(packaged).items():
        properties = alarm["Properties"]
        assert properties["AlarmActions"] == properties["OKActions"] == TOPIC, name
        assert properties["AlarmName"].startswith(f"travel-saga-{packaged.stage}-")
        (chapter,) = re.findall('docs/operations.md, "([^"]+)"', properties["AlarmDescription"])
        assert re.search(f"^### {chapter}$", RUNBOOK, re.MULTILINE), chapter


def test_a_silent_reconciler_is_told_of(packaged: Package) -> None:
    """The reconciler counts every five minutes; when nothing comes, that is a message too."""
    oldest = alarms(packaged)["OldestUnfinished"]["Properties"]
    assert oldest["InsufficientDataActions"] == TOPIC
    assert (oldest["TreatMissingData"], oldest["Period"]) == ("missing", 300)


def test_metrics_are_of_the_stage(packaged: Package) -> None:
    """The alarms on our own metrics look into the namespace that the functions measure into."""
    (space,) = {alarms(packaged)[name]["Properties"]["Namespace"] for name in ("NeedsAttention", "OldestUnfinished")}
    for function in packaged.functions.values():
        assert function["Properties"]["Environment"]["Variables"]["SAGA_TABLES"] == space
        assert function["Properties"]["FunctionName"].rpartition("-")[0] == space


@pytest.mark.parametrize("function", ["Reconcile", "Outcomes"])
def test_measures_go_to_one_namespace(packaged: Package, function: str) -> None:
    """Who may put metrics may put them into the stage's own namespace only."""
    (statement,) = (
        statement
        for owner, statement in packaged.policies()
        if owner == f"{function}Role" and statement["Action"] == "cloudwatch:PutMetricData"
    )
    own = {"cloudwatch:namespace": f"travel-saga-{packaged.stage}"}
    assert statement["Condition"] == {"StringEqualsIfExists": own}


def test_everything_is_traced(packaged: Package) -> None:
    """Functions and machines are traced, and a machine's role may do what its logs and traces need."""
    modes = {function["Properties"]["TracingConfig"]["Mode"] for function in packaged.functions.values()}
    assert modes == {"Active"}
    for machine in packaged.machines.values():
        assert machine["Properties"]["TracingConfiguration"] == {"Enabled": True}
        role = packaged.template["Resources"][machine["Properties"]["RoleArn"]["Fn::GetAtt"][0]]
        (policy,) = role["Properties"]["Policies"]
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert (set(statement["Action"]), statement["Resource"]) == (WATCHED, "*")


def test_machines_log_errors_without_data(packaged: Package) -> None:
    """A machine's log says what failed and where, and nothing of a trip."""
    for name, machine in packaged.machines.items():
        assert machine["Properties"]["LoggingConfiguration"] == {
            "Level": "ERROR",
            "IncludeExecutionData": False,
            "Destinations": [{"CloudWatchLogsLogGroup": {"LogGroupArn": arn(f"{name}LogGroup")}}],
        }
        group = packaged.template["Resources"][f"{name}LogGroup"]["Properties"]["LogGroupName"]
        assert group == f"/aws/vendedlogs/states/travel-saga-{packaged.stage}-{MACHINES[name]}"


def test_the_topic_is_encrypted_and_the_alarms_own(packaged: Package) -> None:
    """Only this stage's alarms publish by the topic's policy, and its key is one that they may use."""
    (topic,) = packaged.resources("AWS::SNS::Topic").values()
    key = {"Fn::If": ["WithAlarms", {"Ref": "OperatorsKey"}, "alias/aws/sns"]}
    assert topic["Properties"]["KmsMasterKeyId"] == key
    (policy,) = packaged.resources("AWS::SNS::TopicPolicy").values()
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    source = statement["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Sub"]
    assert source.endswith(f":alarm:travel-saga-{packaged.stage}-*")
    (secret,) = packaged.resources("AWS::KMS::Key").values()
    bounds = [found.get("Condition") for found in secret["Properties"]["KeyPolicy"]["Statement"]]
    assert bounds[0] is None
    assert all("Ref" in json.dumps(bound) for bound in bounds[1:])


def test_the_dashboard_shows_alarms_first(packaged: Package) -> None:
    """The dashboard is JSON, begins with the alarms, and shows each of our own metrics."""
    (dashboard,) = packaged.resources("AWS::CloudWatch::Dashboard").values()
    text = dashboard["Properties"]["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(text)["widgets"]
    assert widgets[0]["type"] == "alarm"
    for metric in (NEEDS_ATTENTION, OLDEST, "Sagas", "milliseconds", "Refusals", "Compensations"):
        assert metric in text
    for name in re.findall(r"\$\{(\w+)(?:\.Arn)?\}", text):
        assert name in packaged.template["Resources"]
