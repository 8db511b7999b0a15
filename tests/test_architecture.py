"""The house keeps its order: who may import whom, how long a file may be, and that a participant is whole."""

import ast
import json
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from saga.trip import PARTICIPANTS
from tests.infra import fragment, short_name

ROOT = Path(__file__).parents[1]
PARTICIPANT_FILES = sorted(path.stem for path in (ROOT / "saga/participants").glob("[!_]*.py"))
MACHINE: dict[str, Any] = json.loads((ROOT / "statemachine/booking.asl.json").read_text())
STATES: dict[str, Any] = MACHINE["States"]

MAY_IMPORT = {
    "saga.errors": "",
    "saga.ports": "",
    "saga.days": "saga.errors",
    "saga.trip": "saga.errors saga.participants",
    "saga.log": "saga.ports saga.trip",
    "saga.booking": "saga.log saga.ports saga.trip",
    "saga.ledger": "saga.log saga.errors saga.ports saga.trip",
    "saga.lifecycle": "saga.ledger saga.log saga.errors saga.ports saga.trip",
    "saga.steps": "saga.lifecycle saga.ledger saga.log saga.booking saga.errors saga.ports saga.trip",
    "saga.compensation": "saga.lifecycle saga.ledger saga.log saga.booking saga.errors saga.ports saga.trip",
    "saga.reconciler": "saga.lifecycle saga.log saga.errors saga.ports saga.trip",
    "saga.telemetry": "saga.errors",
    "saga.gauges": "saga.telemetry botocore",
    "saga.travellers": "saga.telemetry saga.lifecycle saga.log saga.errors saga.ports saga.reconciler saga.trip",
    "saga.problems": "saga.errors",
    "saga.announcer": "saga.errors",
    "saga.expressions": "saga.ports boto3.dynamodb.types",
    "saga.dynamo": "saga.expressions saga.errors saga.ports botocore",
    "saga.listing": "saga.expressions saga.lifecycle saga.log saga.errors saga.ports botocore",
    "saga.executions": "saga.errors saga.ports botocore",
    "saga.validation": "saga.errors jsonschema",
    "saga.faults": "saga.errors saga.ports",
    "saga.wiring": "boto3 botocore saga.ports saga.announcer saga.dynamo saga.executions saga.faults saga.gauges "
    "saga.listing",
}
"""What each module may import beside the standard library; a module that is not here has no place in the house yet."""

HANDLERS_MAY_IMPORT = {f"saga.{name}" for name in ["lifecycle", "log", "trip", "errors", "wiring", "telemetry"]}
"""What every handler may import; beside it the rules of its own name."""

HANDLERS_OWN = {
    **{
        name: {"saga.steps", "saga.compensation", "saga.booking", f"saga.participants.{name}"}
        for name in PARTICIPANT_FILES
    },
    "saga": {"saga.booking", "saga.validation"},
    "api": {"saga.validation", "saga.travellers", "saga.problems"},
    "outcomes": {"saga.expressions", "saga.gauges"},
    "reconcile": {"saga.reconciler", "saga.gauges"},
}


def modules(*folders: str) -> dict[str, Path]:
    """The modules below some folders, by dotted name."""
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py") if path.name != "__init__.py"]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in sorted(paths)}


def imports(path: Path) -> set[str]:
    """What a file imports from outside the standard library, anywhere in it; `from saga import log` is saga.log."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            deeper = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name for name in deeper if is_module(name)} or {str(node.module)}
    return {name for name in found if name.partition(".")[0] not in sys.stdlib_module_names}


def is_module(name: str) -> bool:
    """Tell a module or package of this checkout from a name in one."""
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").exists() or path.is_dir()


def allowed(name: str, roots: set[str]) -> bool:
    """Whether a module is one of those named, or below one."""
    return any(name == root or name.startswith(f"{root}.") for root in roots)


SAGA, HANDLERS = modules("saga"), modules("handlers")
SHIPPED = SAGA | HANDLERS
SOURCES = SHIPPED | modules("tools", "bench")


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Each function of a file with its length in lines."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or 0) - node.lineno + 1


@pytest.mark.parametrize("module", [name for name in SAGA if not name.startswith("saga.participants.")])
def test_a_module_imports_only_what_it_may(module: str) -> None:
    """Each module of the saga knows those below it, and no more of other people's libraries than its work needs."""
    assert module in MAY_IMPORT, f"{module} has no place in MAY_IMPORT yet"
    may = set(MAY_IMPORT[module].split())
    assert {name for name in imports(SAGA[module]) if not allowed(name, may)} == set()


@pytest.mark.parametrize("participant", PARTICIPANT_FILES)
def test_a_participant_knows_no_sibling(participant: str) -> None:
    """A participant's rules import the days, the errors and the standard library, and no other participant."""
    assert imports(SAGA[f"saga.participants.{participant}"]) <= {"saga.days", "saga.errors"}


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_handler_only_hands_on(handler: str) -> None:
    """A handler knows its own participant or task and the saga's functions; no AWS library, and no other handler."""
    own = HANDLERS_OWN.get(handler.removeprefix("handlers."), set())
    assert imports(HANDLERS[handler]) - HANDLERS_MAY_IMPORT - own == set()


@pytest.mark.parametrize("module", SHIPPED)
def test_nothing_shipped_knows_the_workshop(module: str) -> None:
    """Tools, measurements and tests are imported by nothing that runs on AWS."""
    assert not any(allowed(name, {"tools", "bench", "tests"}) for name in imports(SHIPPED[module]))


@pytest.mark.parametrize("module", modules("tools", "bench"))
def test_no_tool_knows_the_tests(module: str) -> None:
    """Tests are imported by nothing but tests."""
    assert not any(allowed(name, {"tests"}) for name in imports(SOURCES[module]))


@pytest.mark.parametrize(
    ("imported", "by"),
    [
        ("saga.validation", {"handlers.saga", "handlers.api"}),
        ("saga.faults", {"saga.wiring"}),
        ("jsonschema", {"saga.validation"}),
        ("saga.expressions", {"saga.dynamo", "saga.listing", "handlers.outcomes"}),
        ("saga.dynamo", {"saga.wiring"}),
    ],
)
def test_some_are_imported_in_one_place(imported: str, by: set[str]) -> None:
    """What is costly, dangerous or a vendor's is let in by one door."""
    assert {module for module, path in SHIPPED.items() if any(allowed(n, {imported}) for n in imports(path))} <= by


def test_only_wiring_makes_clients() -> None:
    """boto3 itself, which makes clients, is imported by wiring alone."""
    assert {module for module, path in SHIPPED.items() if "boto3" in imports(path)} == {"saga.wiring"}


def test_only_wiring_reads_the_environment() -> None:
    """No other module of what runs on AWS reads environment variables."""
    reading = re.compile(r"os\.(environb?|getenvb?)\b|from os import")
    assert {module for module, path in SHIPPED.items() if reading.search(path.read_text())} == {"saga.wiring"}


@pytest.mark.parametrize("module", SOURCES)
def test_a_file_is_short(module: str) -> None:
    """A file has at most 200 lines, and a function at most 40."""
    assert len(SOURCES[module].read_text().splitlines()) <= 200
    assert {name: lines for name, lines in functions(SOURCES[module]) if lines > 40} == {}


def test_each_participant_takes_part() -> None:
    """Every file in saga/participants is a participant of the trip, under its file's name, and there is no other."""
    assert sorted(PARTICIPANTS) == PARTICIPANT_FILES
    for name, part in PARTICIPANTS.items():
        assert part.__module__ == f"saga.participants.{name}"
        assert part.participant == name


@pytest.mark.parametrize("participant", PARTICIPANT_FILES)
def test_a_participant_has_its_functions(participant: str) -> None:
    """A participant has its handler with the two verbs, and its fragment declares both as functions of its states."""
    handler = import_module(f"handlers.{participant}")
    assert callable(handler.book)
    assert callable(handler.cancel)
    declared = fragment(participant)["functions"]
    assert {name: function["handler"] for name, function in declared.items()} == {
        f"{verb.title()}{participant.title()}": f"handlers/{participant}.{verb}" for verb in ("book", "cancel")
    }


@pytest.mark.parametrize("participant", PARTICIPANT_FILES)
def test_a_participant_has_its_table(participant: str) -> None:
    """A participant's fragment holds its own table, which is named after it."""
    resources = fragment(participant)["resources"]["Resources"]
    tables = [r for r in resources.values() if r.get("Type") == "AWS::DynamoDB::Table"]
    assert [short_name(table["Properties"]) for table in tables] == [participant]


@pytest.mark.parametrize("participant", PARTICIPANT_FILES)
def test_a_participant_is_deployed(participant: str) -> None:
    """serverless.yml takes in a participant's functions and its resources."""
    serverless = (ROOT / "serverless.yml").read_text()
    for section in ("functions", "resources"):
        assert f"${{file(infra/{participant}.yml):{section}}}" in serverless


@pytest.mark.parametrize("participant", PARTICIPANT_FILES)
def test_a_participant_offers_something(participant: str) -> None:
    """What can be booked at a participant is loaded at deploy."""
    assert json.loads((ROOT / "infra/offers.json").read_text())[participant]


@pytest.mark.parametrize("participant", PARTICIPANT_FILES)
def test_a_participant_is_in_the_contract(participant: str) -> None:
    """The trip's schema requires a part for each participant, and describes it."""
    schema = json.loads((ROOT / "schemas/trip.schema.json").read_text())
    assert participant in schema["required"]
    assert schema["properties"][participant]["additionalProperties"] is False


@pytest.mark.parametrize("participant", PARTICIPANT_FILES)
def test_a_participant_is_in_the_state_machine(participant: str) -> None:
    """A participant's Book and Cancel get the trip and keep their answer; a failed Book goes to its Cancel first."""
    book, cancel = STATES[f"Book{participant.title()}"], STATES[f"Cancel{participant.title()}"]
    for state in (book, cancel):
        assert state["Parameters"]["trip.$"] == "$.trip"
        assert state["ResultPath"] == f"$.bookings.{participant}"
    assert [rule["Next"] for rule in book["Catch"]] == [f"Cancel{participant.title()}"]


def test_the_machine_books_in_order_and_cancels_in_reverse() -> None:
    """The machine's forward path books the participants in the trip's order; the cancels run the other way."""
    names = [name.title() for name in PARTICIPANTS]
    assert path("BeginSaga", "TripBooked") == ["BeginSaga", *(f"Book{name}" for name in names)]
    cancels = [f"Cancel{name}" for name in reversed(names)]
    assert path(cancels[0], "HasItEnded") == cancels
    assert path("EndSaga", "HowItEnded") == ["EndSaga"]


def test_the_machine_knows_no_one_else() -> None:
    """Every Book and Cancel of the machine belongs to a participant."""
    steps = {name for name in STATES if name.startswith(("Book", "Cancel"))}
    assert steps == {f"{verb}{name.title()}" for verb in ("Book", "Cancel") for name in PARTICIPANTS}


def path(first: str, end: str) -> list[str]:
    """The states from one on, by their Next, up to but without the end."""
    found = [first]
    while (following := STATES[found[-1]]["Next"]) != end:
        found.append(following)
    return found
