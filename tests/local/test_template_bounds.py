"""The numbers and switches of the packaged template that a deployment stands on, for each kind of stage."""

from typing import Any

from tests.local.test_template import Package, packaged

__all__ = ["packaged"]

COUNTED = {"Period": 300, "EvaluationPeriods": 1, "DatapointsToAlarm": None}
QUEUE = COUNTED | {"TreatMissingData": "notBreaching"}
THROTTLED = {"Period": 60, "EvaluationPeriods": 3, "DatapointsToAlarm": 2, "TreatMissingData": "notBreaching"}
WATCHED_FOR = {
    "NeedsAttention": COUNTED | {"TreatMissingData": "ignore"},
    "OldestUnfinished": COUNTED | {"EvaluationPeriods": 2, "DatapointsToAlarm": 1, "TreatMissingData": "missing"},
    "ReconcileDeadLettersAlarm": QUEUE,
    "OutcomeDeadLettersAlarm": QUEUE,
}
"""How long an alarm watches before it speaks; all others watch for throttles."""


def properties(packaged: Package, name: str) -> dict[str, Any]:
    """Return the properties of a resource."""
    found: dict[str, Any] = packaged.template["Resources"][name]["Properties"]
    return found


def test_an_alarm_speaks_in_time(packaged: Package) -> None:
    """What waits is told within five minutes; one burst of throttles wakes nobody; silence alone is no alarm."""
    for name in packaged.resources("AWS::CloudWatch::Alarm"):
        expected, found = WATCHED_FOR.get(name, THROTTLED), properties(packaged, name)
        assert {setting: found.get(setting) for setting in expected} == expected, name


def test_functions_have_their_memory_and_time(packaged: Package) -> None:
    """Every function has 512 MB and ten seconds, but a sweep of the reconciler a minute."""
    for name, function in packaged.functions.items():
        given = function["Properties"]
        assert (given["MemorySize"], given["Timeout"]) == (512, 60 if name == "Reconcile" else 10), name


def test_outcomes_are_announced_in_small_batches(packaged: Package) -> None:
    """Ten at a time fit into the function's ten seconds; what is given up after six hours stays readable for a day."""
    (mapping,) = packaged.resources("AWS::Lambda::EventSourceMapping").values()
    found = mapping["Properties"]
    assert (found["BatchSize"], found["MaximumRecordAgeInSeconds"], found["Enabled"]) == (10, 6 * 60 * 60, True)


def test_the_api_is_deployed_as_it_changes(packaged: Package) -> None:
    """A changed route is live at once, waits as long as API Gateway can, and a browser keeps CORS for an hour."""
    assert properties(packaged, "HttpApiStage")["AutoDeploy"] is True
    assert properties(packaged, "HttpApiIntegrationApi")["TimeoutInMillis"] == 30_000
    assert properties(packaged, "HttpApi")["CorsConfiguration"]["Fn::If"][1]["MaxAge"] == 3600


def test_travellers_sign_in_safely(packaged: Package) -> None:
    """A password has twelve characters or more, and a name is the same in capitals."""
    pool = properties(packaged, "TravellerPool")
    assert pool["Policies"]["PasswordPolicy"]["MinimumLength"] == 12
    assert pool["UsernameConfiguration"] == {"CaseSensitive": False}


def test_the_operators_key_is_for_publishing(packaged: Package) -> None:
    """The key is there with the alarms, is rotated, and lets alarms and publishers make and read data keys, no more."""
    key = packaged.template["Resources"]["OperatorsKey"]
    assert key["Condition"] == "WithAlarms"
    assert key["Properties"]["EnableKeyRotation"] is True
    _, *users = key["Properties"]["KeyPolicy"]["Statement"]
    assert [statement["Action"] for statement in users] == [["kms:GenerateDataKey", "kms:Decrypt"]] * 2


def test_alarms_publish_to_their_topic_only(packaged: Package) -> None:
    """The topic's policy is for this topic."""
    (policy,) = packaged.resources("AWS::SNS::TopicPolicy").values()
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Resource"] == {"Ref": "OperatorsTopic"}
