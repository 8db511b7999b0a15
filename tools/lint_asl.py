"""Lints the state machines: asl-validator, statelint and the rules of this project.

Both linters know nothing of CloudFormation's `${Name}`, so they read a copy in which each is some ARN.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tools.local.environment import ROOT

PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")
PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")
# What ties a definition to one account or place.
LITERALS = {
    "an ARN": re.compile(r"\barn:"),
    "an account": re.compile(r"\b\d{12}\b"),
    "a region": re.compile(r"\b(?:af|ap|ca|cn|eu|il|me|mx|sa|us)(?:-gov|-iso[a-z]?)?-[a-z]+-\d\b"),
}


@dataclass(frozen=True)
class Finding:
    """Where, and what was expected there."""

    file: str
    state: str
    expected: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.file}: {self.state}: {self.expected}" if self.state else f"{self.file}: {self.expected}"


@dataclass(frozen=True)
class Infra:
    """What the fragments under infra/ say about functions and machines."""

    functions: frozenset[str]
    # Per definition file, what its machine substitutes.
    substitutions: dict[str, frozenset[str]]


def main(root: Path = ROOT) -> int:
    """Print every finding; exit code 1 if there is one."""
    findings = lint(root)
    for finding in findings:
        print(finding)
    if not findings:
        print(f"no finding in {len(_definitions(root))} state machine(s)")
    return int(bool(findings))


def lint(root: Path) -> list[Finding]:
    """Every finding in the checkout at `root`."""
    infra = read_infra(root / "infra")
    return [finding for path in _definitions(root) for finding in _lint_file(path, infra)]


def read_infra(folder: Path) -> Infra:
    """Read the fragments, merged as the Serverless Framework merges them: a resource may be spread over several."""
    functions: set[str] = set()
    files: dict[str, str] = {}
    names: dict[str, set[str]] = {}
    for path in sorted(folder.glob("*.yml")):
        fragment = yaml.load(path.read_text(), _Loader) or {}  # noqa: S506 — a SafeLoader
        functions.update(fragment.get("functions") or {})
        for logical, resource in ((fragment.get("resources") or {}).get("Resources") or {}).items():
            properties = resource.get("Properties") or {}
            names.setdefault(logical, set()).update(properties.get("DefinitionSubstitutions") or {})
            if match := re.search(r"([\w.-]+\.asl\.json)", str(properties.get("Definition"))):
                files[match[1]] = logical
    return Infra(frozenset(functions), {file: frozenset(names[logical]) for file, logical in files.items()})


def own_rules(name: str, text: str, infra: Infra) -> list[Finding]:
    """The rules of this project for one definition."""
    states = dict(_states(json.loads(text)))
    found = [
        *_nulls(name, states),
        *_literals(name, states),
        *_placeholders(name, text),
        *_substitutions(name, text, infra),
    ]
    return found + [finding for state, body in states.items() for finding in _resource(name, state, body, infra)]


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's tags, whose meaning is of no interest here."""


_Loader.add_multi_constructor("!", lambda _loader, suffix, _node: f"!{suffix}")


def _definitions(root: Path) -> list[Path]:
    return sorted((root / "statemachine").glob("*.asl.json"))


def _lint_file(path: Path, infra: Infra) -> list[Finding]:
    text = path.read_text()
    try:
        json.loads(text)
    except ValueError as error:
        return [Finding(path.name, "", f"expected JSON: {error}")]
    return own_rules(path.name, text, infra) + list(_linters(path.name, text))


def _states(machine: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every state, those inside Map and Parallel too."""
    if isinstance(machine, dict):
        states = machine.get("States")
        if isinstance(states, dict):
            yield from states.items()
        for value in machine.values():
            yield from _states(value)
    elif isinstance(machine, list):
        for value in machine:
            yield from _states(value)


def _nulls(name: str, states: dict[str, dict[str, Any]]) -> Iterator[Finding]:
    """Find what the Serverless Framework drops on the way: without its null, a ResultPath means `$`."""
    for state, body in states.items():
        if re.search(r"[:\[,]null\b", json.dumps(body, separators=(",", ":"))):
            yield Finding(name, state, "expected no null, which does not reach CloudFormation; name a path instead")


def _literals(name: str, states: dict[str, dict[str, Any]]) -> Iterator[Finding]:
    for state, body in states.items():
        for what, pattern in LITERALS.items():
            if match := pattern.search(json.dumps(body)):
                yield Finding(name, state, f"{match[0]!r} is {what}; expected a ${{Name}}")


def _placeholders(name: str, text: str) -> Iterator[Finding]:
    for inner in sorted(set(PLACEHOLDER.findall(text))):
        if not PLAIN_NAME.fullmatch(inner):
            yield Finding(name, "", f"${{{inner}}}: expected a plain ${{Name}}, or Serverless would resolve it")


def _substitutions(name: str, text: str, infra: Infra) -> Iterator[Finding]:
    if name not in infra.substitutions:
        yield Finding(name, "", "expected a state machine under infra/ with this Definition")
        return
    used, given = set(PLACEHOLDER.findall(text)), infra.substitutions[name]
    for missing in sorted(used - given):
        yield Finding(name, "", f"${{{missing}}}: expected it among DefinitionSubstitutions under infra/")
    for unused in sorted(given - used):
        yield Finding(name, "", f"DefinitionSubstitutions has {unused}; expected a ${{{unused}}} that uses it")


def _resource(name: str, state: str, body: dict[str, Any], infra: Infra) -> Iterator[Finding]:
    resource = body.get("Resource")
    if state in infra.functions and resource != f"${{{state}}}":
        yield Finding(name, state, f"Resource is {resource!r}; expected '${{{state}}}', the function of that name")
    runs = PLACEHOLDER.fullmatch(str(resource))
    if runs and runs[1] in infra.functions and state not in infra.functions:
        yield Finding(name, state, f"it runs {runs[1]}; expected a state named like its function")


def _linters(name: str, text: str) -> Iterator[Finding]:
    substituted = PLACEHOLDER.sub(r"arn:aws:lambda:us-east-1:123456789012:function:\1", text)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / name
        copy.write_text(substituted)
        validator = [str(ROOT / "node_modules/.bin/asl-validator"), "--json-path", str(copy)]
        statelint = [sys.executable, "-m", "statelint", "--ignore=FLOAT", str(copy)]
        for command in (validator, statelint):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                said = (line.strip() for line in (done.stdout + done.stderr).splitlines())
                headings = re.compile(r"\d+ errors?:|(one|two) errors?:?|. State machine definition .*", re.IGNORECASE)
                yield from (Finding(name, "", line) for line in said if line and not headings.fullmatch(line))


if __name__ == "__main__":
    sys.exit(main())
