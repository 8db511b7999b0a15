"""Facts about the packaged HTTP API and the announcing of outcomes, for each kind of stage. No server is needed."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from handlers import api
from saga.trip import PARTICIPANTS
from tests.local.test_template import STAGES, Package, arn, executions, may, package, package_all

LETS_IN = ("AWS::ApiGatewayV2::Route", "AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Stage")
OTHER_DOORS = ("AWS::ApiGateway::RestApi", "AWS::Lambda::Url", "AWS::ElasticLoadBalancingV2::LoadBalancer")
FLOWS = ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]


@pytest.fixture(params=STAGES)
def packaged(request: pytest.FixtureRequest) -> Package:
    """One stage's package; a test that takes it runs for each kind of stage."""
    return package_all()[request.param]


def open_routes(template: dict[str, Any]) -> list[str]:
    """Return the routes that let in a request whose token no JWT authorizer of this template has checked."""
    resources = template["Resources"]
    checking = [
        {"Ref": name}
        for name, resource in resources.items()
        if resource["Type"] == "AWS::ApiGatewayV2::Authorizer"
        and resource["Properties"]["AuthorizerType"] == "JWT"
        and resource["Properties"]["JwtConfiguration"].keys() == {"Issuer", "Audience"}
    ]
    return [
        resource["Properties"]["RouteKey"]
        for resource in resources.values()
        if resource["Type"] == "AWS::ApiGatewayV2::Route"
        and not (
            resource["Properties"].get("AuthorizationType") == "JWT"
            and resource["Properties"].get("AuthorizerId") in checking
        )
    ]


def only(packaged: Package, kind: str) -> dict[str, Any]:
    """Return the properties of the one resource of a kind."""
    (found,) = packaged.resources(kind).values()
    return dict(found["Properties"])


def test_every_route_asks_for_a_token(packaged: Package) -> None:
    """Each route has a JWT authorizer, and there is no way in but the routes of one HTTP API."""
    assert open_routes(packaged.template) == []
    assert [name for kind in OTHER_DOORS for name in packaged.resources(kind)] == []
    assert [len(packaged.resources(kind)) for kind in LETS_IN] == [5, 1, 1]


@pytest.mark.parametrize(
    "opened",
    [
        {"AuthorizationType": "NONE"},
        {"AuthorizationType": "AWS_IAM"},
        {"AuthorizerId": {"Ref": "SomeOther"}},
        {"AuthorizationType": None},
    ],
)
def test_an_open_route_would_be_found(opened: dict[str, Any]) -> None:
    """A sixth route without the authorizer does not pass."""
    template = copy.deepcopy(package_all()["prod"].template)
    route = copy.deepcopy(template["Resources"]["HttpApiRouteGetTrips"])
    route["Properties"] |= {"RouteKey": "GET /open", **opened}
    template["Resources"]["Sixth"] = route
    assert open_routes(template) == ["GET /open"]


def test_the_routes_are_the_handlers(packaged: Package) -> None:
    """API Gateway has exactly the routes that the handler answers, and hands all to it in payload 2.0."""
    routes = [route["Properties"] for route in packaged.resources("AWS::ApiGatewayV2::Route").values()]
    assert {route["RouteKey"] for route in routes} == set(api.ROUTES)
    integration = only(packaged, "AWS::ApiGatewayV2::Integration")
    assert integration["IntegrationUri"] == arn("ApiLambdaFunction")
    assert integration["PayloadFormatVersion"] == "2.0"
    assert packaged.functions["Api"]["Properties"]["Timeout"] == 10


def test_tokens_are_of_one_issuer_for_this_api(packaged: Package) -> None:
    """Issuer and audience are the stack's own user pool and client, or those given; by default none is given."""
    configuration = only(packaged, "AWS::ApiGatewayV2::Authorizer")["JwtConfiguration"]
    pool = {"Fn::Sub": "https://cognito-idp.${AWS::Region}.${AWS::URLSuffix}/${TravellerPool}"}
    assert configuration == {
        "Issuer": {"Fn::If": ["OwnTravellers", pool, {"Ref": "Issuer"}]},
        "Audience": [{"Fn::If": ["OwnTravellers", {"Ref": "TravellerClient"}, {"Ref": "Audience"}]}],
    }
    assert packaged.template["Conditions"]["OwnTravellers"] == {"Fn::Equals": [{"Ref": "Issuer"}, ""]}
    parameters = {name: parameter["Default"] for name, parameter in packaged.template["Parameters"].items()}
    assert {parameters[name] for name in ("Issuer", "Audience", "Origin")} == {""}


def test_the_user_pool_is_guarded(packaged: Package) -> None:
    """Nobody signs himself up; in prod nothing deletes the pool; there is none where an issuer is given."""
    prod = packaged.stage == "prod"
    pool = packaged.template["Resources"]["TravellerPool"]
    assert pool["Properties"]["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    assert pool["Properties"]["DeletionProtection"] == ("ACTIVE" if prod else "INACTIVE")
    assert pool["DeletionPolicy"] == pool["UpdateReplacePolicy"] == ("Retain" if prod else "Delete")
    assert pool["Condition"] == packaged.template["Resources"]["TravellerClient"]["Condition"] == "OwnTravellers"


def test_a_password_alone_lets_in_on_local_and_dev_only(packaged: Package) -> None:
    """USER_PASSWORD_AUTH, which `./saga.sh token` uses, is for test users; no client has a secret."""
    client = only(packaged, "AWS::Cognito::UserPoolClient")
    testing = packaged.stage in {"local", "dev"}
    assert client["ExplicitAuthFlows"] == FLOWS + ["ALLOW_USER_PASSWORD_AUTH"] * testing
    assert client["GenerateSecret"] is False
    assert client["PreventUserExistenceErrors"] == "ENABLED"


def test_the_api_is_throttled_and_logged(packaged: Package) -> None:
    """The one stage, $default, bounds each route's requests and writes an access log without addresses."""
    stage = only(packaged, "AWS::ApiGatewayV2::Stage")
    assert stage["StageName"] == "$default"
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": 50, "ThrottlingBurstLimit": 100}
    assert "RouteSettings" not in stage
    assert stage["AccessLogSettings"]["DestinationArn"] == arn("HttpApiLogGroup")
    logged = json.loads(stage["AccessLogSettings"]["Format"])
    assert logged["route"] == "$context.routeKey"
    assert "$context.identity.sourceIp" not in logged.values()


def test_no_web_page_may_ask_unless_it_is_named(packaged: Package) -> None:
    """CORS is off without an origin; with one it holds for this origin and the API's own methods."""
    condition, allowed, otherwise = only(packaged, "AWS::ApiGatewayV2::Api")["CorsConfiguration"]["Fn::If"]
    assert otherwise == {"Ref": "AWS::NoValue"}
    assert packaged.template["Conditions"][condition] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "Origin"}, ""]}]}
    assert allowed["AllowOrigins"] == [{"Ref": "Origin"}]
    assert set(allowed["AllowMethods"]) == {route.partition(" ")[0] for route in api.ROUTES}
    assert "AllowCredentials" not in allowed


def test_only_the_gateway_calls_the_api(packaged: Package) -> None:
    """The function's one permission is for this API."""
    permissions = [p["Properties"] for p in packaged.resources("AWS::Lambda::Permission").values()]
    (own,) = [permission for permission in permissions if permission["FunctionName"] == arn("ApiLambdaFunction")]
    assert own["Principal"] == "apigateway.amazonaws.com"
    assert own["SourceArn"]["Fn::Join"][1][-2:] == [{"Ref": "HttpApi"}, "/*"]


def test_the_api_reaches_what_travellers_ask_for(packaged: Package) -> None:
    """It writes trips, lists an owner's, reads bookings, starts both machines, looks at undos, and no more."""
    assert may(packaged, "Api") == {
        json.dumps(arn("SagaLogTable")): {
            f"dynamodb:{verb}" for verb in ("GetItem", "BatchGetItem", "PutItem", "UpdateItem", "Query")
        },
        json.dumps({"Fn::Sub": "${SagaLogTable.Arn}/index/by-owner"}): {"dynamodb:Query"},
        **{json.dumps(arn(f"{name.capitalize()}Table")): {"dynamodb:GetItem"} for name in PARTICIPANTS},
        **{json.dumps({"Ref": f"{name}Machine"}): {"states:StartExecution"} for name in ("Booking", "Cancellation")},
        json.dumps(executions("CancellationMachine")): {"states:DescribeExecution"},
    }


def test_outcomes_are_read_from_the_stream(packaged: Package) -> None:
    """The saga log has a stream with both images; its mapping hands on trips that may have reached an outcome."""
    table = packaged.resources("AWS::DynamoDB::Table")["SagaLogTable"]["Properties"]
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    mapping = only(packaged, "AWS::Lambda::EventSourceMapping")
    assert mapping["EventSourceArn"] == {"Fn::GetAtt": ["SagaLogTable", "StreamArn"]}
    assert mapping["FunctionName"] == arn("OutcomesLambdaFunction")
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    (chosen,) = mapping["FilterCriteria"]["Filters"]
    assert json.loads(chosen["Pattern"]) == {
        "eventName": ["INSERT", "MODIFY"],
        "dynamodb": {
            "Keys": {"entry": {"S": ["TRIP"]}},
            "NewImage": {"status": {"S": ["CONFIRMED", "ROLLED_BACK", "CANCELLED", "NEEDS_ATTENTION"]}},
        },
    }


def test_an_outcome_that_cannot_be_announced_is_kept(packaged: Package) -> None:
    """One bad record holds the others up for a bounded time; what it was waits encrypted for 14 days."""
    mapping = only(packaged, "AWS::Lambda::EventSourceMapping")
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert 0 < mapping["MaximumRetryAttempts"] <= 100
    # The stream forgets after a day: time is left to read there what was given up.
    assert 0 < mapping["MaximumRecordAgeInSeconds"] <= 12 * 60 * 60
    assert mapping["DestinationConfig"] == {"OnFailure": {"Destination": arn("OutcomeDeadLetters")}}
    queue = packaged.resources("AWS::SQS::Queue")["OutcomeDeadLetters"]["Properties"]
    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 60 * 60


def test_outcomes_go_to_a_bus_and_a_topic(packaged: Package) -> None:
    """Both carry the stage in their names, the topic is encrypted, and the function is told both."""
    prefix = f"travel-saga-{packaged.stage}"
    assert only(packaged, "AWS::Events::EventBus") == {"Name": f"{prefix}-outcomes"}
    topic = only(packaged, "AWS::SNS::Topic")
    assert topic["TopicName"] == f"{prefix}-operators"
    told = packaged.functions["Outcomes"]["Properties"]["Environment"]["Variables"]
    assert told["SAGA_OUTCOME_BUS"] == {"Ref": "OutcomeBus"}
    assert told["SAGA_OPERATORS_TOPIC"] == {"Ref": "OperatorsTopic"}


def test_the_announcer_reads_the_stream_and_no_table(packaged: Package) -> None:
    """It reads the stream, puts events on the one bus, publishes to the one topic, keeps what failed, and no more."""
    stream = {"Fn::GetAtt": ["SagaLogTable", "StreamArn"]}
    reads = ("DescribeStream", "GetShardIterator", "GetRecords", "ListStreams")
    assert may(packaged, "Outcomes") == {
        json.dumps(stream): {f"dynamodb:{action}" for action in reads},
        json.dumps(arn("OutcomeBus")): {"events:PutEvents"},
        json.dumps({"Ref": "OperatorsTopic"}): {"sns:Publish"},
        json.dumps(arn("OutcomeDeadLetters")): {"sqs:SendMessage"},
    }


def test_the_stack_says_where_it_is(packaged: Package) -> None:
    """Outputs name the API's URL, on local by path, and the user pool and its client where there are any."""
    outputs = packaged.template["Outputs"]
    by_path = {"Fn::Sub": "/_aws/execute-api/${HttpApi}"}
    expected = by_path if packaged.stage == "local" else {"Fn::GetAtt": ["HttpApi", "ApiEndpoint"]}
    assert outputs["ApiUrl"] == {"Value": expected}
    assert outputs["UserPoolId"] == {"Condition": "OwnTravellers", "Value": {"Ref": "TravellerPool"}}
    assert outputs["UserPoolClientId"] == {"Condition": "OwnTravellers", "Value": {"Ref": "TravellerClient"}}


def test_a_given_issuer_and_origin_are_taken(tmp_path: Path) -> None:
    """Parameters of the stage name another issuer, its audience, and a web page's origin."""
    given = {"issuer": "https://id.example", "audience": "trips", "origin": "https://travel.example"}
    arguments = [f"--param={name}={value}" for name, value in given.items()]
    made = package("prod", tmp_path, "--param=requirements=none", *arguments)
    parameters = {name: parameter["Default"] for name, parameter in made.template["Parameters"].items()}
    assert {name: parameters[name.capitalize()] for name in given} == given
