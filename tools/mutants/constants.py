"""The mutants of what stands outside of functions, which mutmut leaves alone: constants, defaults, decorators."""

import ast
from collections.abc import Iterator
from copy import deepcopy
from textwrap import indent

Collection = ast.Tuple | ast.List | ast.Set | ast.Dict


def of_module(source: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield a name, its source before and after, and the whole changed module, for each mutant.

    Each element of a constant collection is dropped, each number raised by one, each truth turned, each word changed;
    each decorator of a function is dropped.
    """
    for prefix, statement in _statements(ast.parse(source)):
        if isinstance(statement, ast.FunctionDef):
            changes = _undecorated(statement)
        elif isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value:
            changes = _changed(statement)
        else:
            continue
        for name, after in changes:
            before = ast.unparse(_head(statement))
            yield prefix + name, before, ast.unparse(_head(after)), _replaced(source, statement, ast.unparse(after))


def _statements(module: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    """Yield the statements of a module and of its classes, with the name of the class and a dot."""
    for statement in module.body:
        yield "", statement
        if isinstance(statement, ast.ClassDef):
            yield from ((f"{statement.name}.", inner) for inner in statement.body)


def _undecorated(function: ast.FunctionDef) -> Iterator[tuple[str, ast.stmt]]:
    """Drop each decorator without which the function would be called the same way."""
    for number, decorator in enumerate(function.decorator_list):
        if ast.unparse(decorator) not in ("classmethod", "staticmethod", "property"):
            after = deepcopy(function)
            del after.decorator_list[number]
            yield function.name, after


def _changed(statement: ast.Assign | ast.AnnAssign) -> Iterator[tuple[str, ast.stmt]]:
    target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
    for number, node in enumerate(ast.walk(statement)):
        for which in range(_ways(node)):
            if node is not target and not (isinstance(target, ast.Tuple) and node is statement.value):
                after = deepcopy(statement)
                _change(list(ast.walk(after))[number], which)
                yield ast.unparse(target), after


def _ways(node: ast.AST) -> int:
    """Return in how many ways a node can be changed."""
    match node:
        case ast.Tuple() | ast.List() | ast.Set():
            return len(node.elts) if len(node.elts) > 1 else 0
        case ast.Dict():
            return len(node.values) if len(node.values) > 1 else 0
        case ast.Constant(value=bool() | int() | float()):
            return 1
        case ast.Constant(value=str()):
            return int(" " not in str(node.value))
    return 0


def _change(node: ast.AST, which: int) -> None:
    match node:
        case ast.Tuple() | ast.List() | ast.Set():
            del node.elts[which]
        case ast.Dict():
            del node.keys[which], node.values[which]
        case ast.Constant(value=bool()):
            node.value = not node.value
        case ast.Constant(value=int() | float() as value):
            node.value = value + 1
        case ast.Constant(value=str() as value):
            node.value = f"XX{value}"


def _head(statement: ast.stmt) -> ast.stmt:
    """Return what of a statement is shown: of a function its decorators and its name."""
    if not isinstance(statement, ast.FunctionDef):
        return statement
    head = deepcopy(statement)
    head.body = [ast.Expr(ast.Constant(...))]
    return head


def _replaced(source: str, statement: ast.stmt, new: str) -> str:
    lines = source.splitlines()
    first = min([statement.lineno, *(decorator.lineno for decorator in getattr(statement, "decorator_list", []))])
    lines[first - 1 : statement.end_lineno] = indent(new, " " * statement.col_offset).splitlines()
    return "\n".join(lines) + "\n"
