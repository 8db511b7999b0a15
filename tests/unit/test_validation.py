"""What comes from outside is checked whole: every bad input is an InvalidTrip, in one line that echoes nothing."""

import json
from typing import Any

import pytest

from saga.errors import InvalidTrip, Problem
from saga.validation import LONGEST_OWNER, check, load
from tests.trips import TRIP, trip

FIELDS = [f"{part}/{field}" for part in ("hotel", "flight", "car") for field in TRIP[part]]
NO_TEXTS: list[Any] = [None, True, False, 0, 1.5, [], ["2099-03-01"], {}, {"S": "x"}]
NAMES = [
    "Hôtel Zürich",
    "🏨🛏️",
    "فندق دبلن",
    "\u202eevil",
    "'; DROP TABLE trips; --",
    "#status = :x",
    "{{7*7}}${jndi:ldap://x}",
    "<script>alert(1)</script>",
    "TRIP#trip-1",
    "../../etc/passwd",
    "\x00\n\t",
    "x" * 100,
]


def problems(request: Any, *, faults_allowed: bool = False) -> tuple[Problem, ...]:
    """The problems that a request is refused for; none if it is not."""
    try:
        check(request, faults_allowed=faults_allowed)
    except InvalidTrip as invalid:
        return invalid.problems
    return ()


def pointers(request: Any, *, faults_allowed: bool = False) -> list[str]:
    """The fields that a request is refused for."""
    return [problem.pointer for problem in problems(request, faults_allowed=faults_allowed)]


def test_a_trip_passes() -> None:
    """A trip passes as it is."""
    assert check(trip(), faults_allowed=False) == TRIP


def test_a_trip_needs_no_id() -> None:
    """A trip without trip_id passes."""
    request = trip()
    del request["trip_id"]
    assert problems(request) == ()


@pytest.mark.parametrize("field", ["hotel", "flight", "car", *FIELDS])
def test_a_missing_field_is_named(field: str) -> None:
    """A missing part or field is named by its JSON Pointer."""
    request = trip()
    *path, last = field.split("/")
    del (request[path[0]] if path else request)[last]
    assert problems(request) == (Problem(f"/{field}", "expected, but missing"),)


@pytest.mark.parametrize("value", NO_TEXTS)
@pytest.mark.parametrize("field", FIELDS)
def test_a_field_is_a_text(field: str, value: Any) -> None:
    """Whatever is no text, where one belongs, is named by its JSON Pointer."""
    assert pointers(trip(field, value)) == [f"/{field}"]


@pytest.mark.parametrize("value", [None, True, 0, "hotel", [], [TRIP["hotel"]]])
@pytest.mark.parametrize("part", ["hotel", "flight", "car"])
def test_a_part_is_an_object(part: str, value: Any) -> None:
    """Whatever is no object, where a part belongs, is named by its JSON Pointer."""
    assert pointers(trip(part, value)) == [f"/{part}"]


@pytest.mark.parametrize("value", [None, True, 7, "trip", [], [TRIP], float("nan")])
def test_a_trip_is_an_object(value: Any) -> None:
    """What is no object is no trip; the pointer is to the whole of it."""
    assert problems(value) == (Problem("", "expected a JSON object"),)


@pytest.mark.parametrize(
    "value",  # among them a full-width digit
    ["", "x" * 65, "a b", "trip\n", "trip/1", "trip.1", "TRIP#1", "ñ", "\uff11", "🏨", 7, True, None, ["t"]],
)
def test_a_trip_id_is_1_to_64_plain_characters(value: Any) -> None:
    """A trip_id of another length, alphabet or type is refused, a trailing newline too."""
    assert problems(trip(trip_id=value)) == (Problem("/trip_id", "expected 1 to 64 of A-Z a-z 0-9 _ -"),)


@pytest.mark.parametrize("value", ["x", "x" * 64, "A-z_09", "-"])
def test_a_trip_id_may_be_this(value: str) -> None:
    """Letters, digits, underscores and hyphens make a trip_id."""
    assert problems(trip(trip_id=value)) == ()


@pytest.mark.parametrize("field", ["saga_id", "status", "customer_id", "Hotel", "hotel ", "__proto__", "entry", ""])
def test_an_unknown_field_is_named(field: str) -> None:
    """Clients set the trip and nothing else."""
    assert problems(trip(**{field: "x"})) == (Problem(f"/{field}", "expected no such field"),)


@pytest.mark.parametrize("part", ["hotel", "flight", "car"])
def test_an_unknown_field_of_a_part_is_named(part: str) -> None:
    """A part holds its own fields and nothing else."""
    assert pointers(trip(f"{part}/price", 0)) == [f"/{part}/price"]


@pytest.mark.parametrize(
    ("field", "pointer"),
    [("a/b", "/a~1b"), ("a~b", "/a~0b"), ("a\nb", "/a\\nb"), ("\ud800", "/\\ud800"), ("x" * 5000, "/" + "x" * 100)],
)
def test_an_unknown_field_can_not_break_the_line(field: str, pointer: str) -> None:
    """A field's own name is escaped as RFC 6901 has it, printable, and cut short."""
    assert pointers(trip(**{field: 1})) == [pointer]
    assert "\n" not in pointer


@pytest.mark.parametrize("field", ["hotel/check_in", "hotel/check_out", "car/pick_up", "car/drop_off"])
@pytest.mark.parametrize("value", ["", "20260301", "2026-W01-1", "٢٠٢٦-٠٣-٠١", "2026-03-01\n", "2026-3-1"])  # noqa: RUF001
def test_a_day_has_its_form(field: str, value: str) -> None:
    """A day is YYYY-MM-DD in ASCII digits and nothing after them."""
    assert problems(trip(field, value)) == (Problem(f"/{field}", "expected a day as YYYY-MM-DD"),)


@pytest.mark.parametrize("field", ["flight/depart_at", "flight/arrive_at"])
@pytest.mark.parametrize("value", ["", "2026-03-01", "20260301T0930", "2026-03-01T09:30\n", "2026-03-01T٠٩:٣٠"])  # noqa: RUF001
def test_a_time_has_its_form(field: str, value: str) -> None:
    """A time is YYYY-MM-DDTHH:MM in ASCII digits and nothing after them."""
    assert problems(trip(field, value)) == (Problem(f"/{field}", "expected a time as YYYY-MM-DDTHH:MM"),)


@pytest.mark.parametrize("field", ["hotel/name", "flight/number", "flight/depart", "flight/arrive", "car/model"])
@pytest.mark.parametrize("name", NAMES)
def test_a_name_passes_unchanged(field: str, name: str) -> None:
    """A name of any script or symbols, or one that looks like an injection, passes as it is."""
    part, last = field.split("/")
    assert check(trip(field, name), faults_allowed=False)[part][last] == name


@pytest.mark.parametrize("field", ["hotel/name", "flight/number", "flight/depart", "flight/arrive", "car/model"])
@pytest.mark.parametrize("name", ["", "x" * 101, "🏨" * 101])
def test_a_name_is_1_to_100_characters(field: str, name: str) -> None:
    """An empty name, or one of more than a hundred characters, is refused."""
    assert problems(trip(field, name)) == (Problem(f"/{field}", "expected a text of 1 to 100 characters"),)


@pytest.mark.parametrize("surrogate", ["\ud800", "x\udfff", "\udc00\ud800"])
@pytest.mark.parametrize("field", ["hotel/name", "owner"])
def test_a_lone_surrogate_is_refused(field: str, surrogate: str) -> None:
    """A text that can't be written as UTF-8 is refused before it is stored."""
    assert problems(trip(field, surrogate)) == (Problem("", "expected texts without lone surrogates"),)


@pytest.mark.parametrize("owner", ["ann", "x" * LONGEST_OWNER, "auth0|5f7c", "🧳"])
def test_an_owner_may_be_named(owner: str) -> None:
    """An owner's name is a text of 1 to 128 characters."""
    assert check(trip(owner=owner), faults_allowed=False)["owner"] == owner


@pytest.mark.parametrize("owner", ["", "x" * 129, None, True, 7, ["ann"], {"name": "ann"}])
def test_what_is_no_owner_is_refused(owner: Any) -> None:
    """Anything else as an owner is refused at /owner."""
    assert problems(trip(owner=owner)) == (Problem("/owner", "expected a text of 1 to 128 characters"),)


def test_faults_are_refused_where_not_allowed() -> None:
    """Where a stage allows no faults, an event that brings some is refused, even if it brings none of them."""
    assert pointers(trip(faults={})) == ["/faults"]
    assert pointers(trip(faults={"BookCar": {"error": "SoldOut"}})) == ["/faults"]


@pytest.mark.parametrize(
    "faults",
    [
        {},
        {"BookCar": {}},
        {"BookCar": {"error": "SoldOut", "times": 2, "delay_seconds": 5}},
        {"CancelHotel": {"error": "crash-after-write"}, "EndSaga": {"error": "timeout"}},
        {"BeginSaga": {"error": "TransientError", "times": 1000, "delay_seconds": 0.5}},
    ],
)
def test_faults_pass_where_allowed(faults: dict[str, Any]) -> None:
    """Where a stage allows faults, any step may bring its own."""
    assert problems(trip(faults=faults), faults_allowed=True) == ()


@pytest.mark.parametrize(
    ("faults", "pointer"),
    [
        (None, "/faults"),
        ([], "/faults"),
        ({"BookTrain": {}}, "/faults"),
        ({"BookCar\n": {}}, "/faults"),
        ({"BookCar": "SoldOut"}, "/faults/BookCar"),
        ({"BookCar": {"error": "Sold Out"}}, "/faults/BookCar/error"),
        ({"BookCar": {"error": ["SoldOut"]}}, "/faults/BookCar/error"),
        ({"BookCar": {"times": 0}}, "/faults/BookCar/times"),
        ({"BookCar": {"times": True}}, "/faults/BookCar/times"),
        ({"BookCar": {"times": 1.5}}, "/faults/BookCar/times"),
        ({"BookCar": {"times": float("inf")}}, "/faults/BookCar/times"),
        ({"BookCar": {"delay_seconds": -1}}, "/faults/BookCar/delay_seconds"),
        ({"BookCar": {"delay_seconds": "5"}}, "/faults/BookCar/delay_seconds"),
        ({"BookCar": {"delay_seconds": float("inf")}}, "/faults/BookCar/delay_seconds"),
        ({"BookCar": {"delay": 5}}, "/faults/BookCar/delay"),
    ],
)
def test_malformed_faults_are_named(faults: Any, pointer: str) -> None:
    """A malformed fault is named by its JSON Pointer."""
    assert pointers(trip(faults=faults), faults_allowed=True) == [pointer]


def test_every_problem_is_told() -> None:
    """All that is wrong with a request is told at once."""
    request = trip("hotel/name", 7) | {"owner": "", "status": "CONFIRMED"}
    del request["car"]
    assert sorted(pointers(request)) == ["/car", "/hotel/name", "/owner", "/status"]


@pytest.mark.parametrize("huge", ["x" * 1_000_000, ["x"] * 100_000, {str(n): n for n in range(50_000)}])
@pytest.mark.parametrize("field", ["hotel/name", "hotel", "trip_id", "owner"])
def test_huge_input_is_not_echoed(field: str, huge: Any) -> None:
    """However big what came is, a refusal's message is short."""
    with pytest.raises(InvalidTrip) as refused:
        check(trip(field, huge), faults_allowed=False)
    assert len(str(refused.value)) < 10_000


@pytest.mark.parametrize("depth", [500, 1_000, 100_000])
@pytest.mark.parametrize("field", ["hotel", "hotel/name", "trip_id", "owner", "faults", "unknown"])
def test_deep_input_is_an_answer(field: str, depth: int) -> None:
    """However deep what came is, it is an InvalidTrip: never an error that is retried."""
    nested: list[Any] = []
    for _ in range(depth):
        nested = [nested]
    assert pointers(trip(field, nested), faults_allowed=True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "trip",
        "{'hotel': 1}",
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": -Infinity}',
        '{"a": 1, "a": 2}',
        '{"hotel": {"name": "A", "name": "B"}}',
        '{"a": ' + "9" * 5000 + "}",
        "[" * 100_000,
        '{"a":' * 100_000,
        "[" * 100_000 + "]" * 100_000,
        "\ufeff{}",
        '{"a": "\n"}',
        "{} {}",
        '{"a": 1,}',
    ],
    ids=lambda text: text[:20].encode("unicode_escape").decode(),
)
def test_what_is_no_json_is_refused(text: str) -> None:
    """Whatever RFC 8259 does not allow is an InvalidTrip of the whole, in one short line."""
    with pytest.raises(InvalidTrip, match=r"^/: expected JSON") as refused:
        load(text)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 4000, "1e-999", "-0"])
@pytest.mark.parametrize("field", ["hotel/name", "trip_id", "owner", "hotel"])
def test_no_number_passes(field: str, number: str) -> None:
    """Numbers that JSON allows and Python stretches are refused wherever they stand, for a trip has none."""
    text = json.dumps(trip(field, "@")).replace('"@"', number)
    assert pointers(load(text)) == [f"/{field}"]


@pytest.mark.parametrize("number", ["1e999", "9" * 4000])
def test_no_infinite_fault_passes(number: str) -> None:
    """A fault is bounded, however its numbers are written."""
    request = load(json.dumps(trip(faults={"BookCar": {"delay_seconds": "@"}})).replace('"@"', number))
    assert pointers(request, faults_allowed=True) == ["/faults/BookCar/delay_seconds"]


def test_json_is_loaded_as_it_is() -> None:
    """Good JSON is loaded, escaped pairs of surrogates as the characters they stand for."""
    assert load(r'{"a": ["\ud83c\udfe8", 1, true, null]}') == {"a": ["🏨", 1, True, None]}
