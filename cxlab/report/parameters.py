"""The gate before any kernel: parameters that a notebook does not declare, or that are of another type, are refused.

papermill only warns and runs with the default. Here the cell tagged `parameters` is read as JSON and syntax tree (nothing
is executed), its annotations become types, and each given value is checked against them.
"""

from __future__ import annotations

import ast
import json
import math
import re
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cxlab.problems import Problem, StudyError, did_you_mean

SECRET = re.compile(r"(^|_)(token|secret|passw(or)?d|passphrase|pwd|api_?key|private_?key|credentials?)($|_)", re.I)
_SCALARS: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}


def declared(path: Path) -> dict[str, tuple[Any, Any]]:
    """name → (type, default) of a notebook's parameters cell. Raises `StudyError` for a cell that cannot be read."""
    where = f"notebooks/{path.name}"
    try:
        cells = json.loads(path.read_text("utf-8"))["cells"]
    except (ValueError, KeyError) as error:
        raise StudyError(Problem(where, f"is no notebook ({error})", "save it from JupyterLab")) from None
    tagged = [cell for cell in cells if "parameters" in cell.get("metadata", {}).get("tags", [])]
    if len(tagged) != 1:
        raise StudyError(Problem(where, f"{len(tagged)} cells are tagged `parameters`", "tag exactly one"))
    try:
        statements = ast.parse("".join(tagged[0]["source"])).body
        return dict(_parameter(statement) for statement in statements if not _is_typing_import(statement))
    except (ValueError, SyntaxError) as error:
        raise StudyError(Problem(where, f"parameters cell: {error}", "write `name: type = literal`")) from None


def _is_typing_import(statement: ast.stmt) -> bool:
    """`from typing import Literal` may open the cell; a docstring-like line may explain it."""
    is_import = isinstance(statement, ast.ImportFrom) and statement.module == "typing"
    return is_import or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))


def _parameter(statement: ast.stmt) -> tuple[str, tuple[Any, Any]]:
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value is not None:
        return statement.target.id, (_type(statement.annotation), ast.literal_eval(statement.value))
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name):
        value = ast.literal_eval(statement.value)
        return statement.targets[0].id, (type(value), value)
    raise ValueError(f"`{ast.unparse(statement)}` is not `name: type = literal`")


def _type(node: ast.expr) -> Any:
    """The type that an annotation names: str, int, float, bool, None, list[…], Literal[…] and unions of these."""
    match node:
        case ast.Constant(value=str(text)):
            return _type(ast.parse(text, mode="eval").body)
        case ast.Constant(value=None):
            return type(None)
        case ast.Name(id=name) if name in _SCALARS:
            return _SCALARS[name]
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return typing.Union[_type(left), _type(right)]  # noqa: UP007  (built at run time)
        case ast.Subscript(value=ast.Name(id="list"), slice=inner):
            return list[_type(inner)]  # type: ignore[misc]
        case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
            options = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            return typing.Literal[tuple(ast.literal_eval(option) for option in options)]
    allowed = "str, int, float, bool, list[…], Literal[…] or X | None"
    raise ValueError(f"type `{ast.unparse(node)}` is not allowed; use {allowed}")


def resolve(
    path: Path, *, supplied: Mapping[str, Any], study: Mapping[str, Any], given: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Problem]]:
    """The values that a notebook runs with, and what is wrong with them.

    Precedence: `given` (command line) over `study` (study.toml) over the cell. `supplied` (study, period) are set by the
    runner where the notebook declares them. Every name in `given` and `study` must be declared here.
    """
    parameters = declared(path)
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    chosen = {**study, **given}
    for name in chosen:
        where = f"-p {name}" if name in given else f"study.toml [notebooks.{path.stem}] {name}"
        if SECRET.search(name):
            problems.append(secret_problem(where))
        elif name not in parameters:
            problems.append(Problem(where, f"is not a parameter of {path.stem}", did_you_mean(name, parameters)))
    for name, (kind, default) in parameters.items():
        where = f"-p {name}" if name in given else f"notebook {path.stem}, parameter `{name}`"
        if SECRET.search(name):
            if name not in chosen and default not in ("", None):
                problems.append(secret_problem(where))
            continue
        value = chosen.get(name, supplied.get(name, default))
        try:
            values[name] = _checked(kind, value)
        except ValueError as error:
            problems.append(Problem(where, f"got {value!r}", f"expected {type_words(kind)}{error}"))
    return values, problems


def secret_problem(where: str) -> Problem:
    """A name that looks like a secret. The value is never echoed."""
    return Problem(
        where,
        "looks like a secret, and parameters are written into the report",
        "set it as an environment variable and read it there",
    )


def _checked(kind: Any, value: Any) -> Any:
    """The value as this type. Text from a command line is converted (`yes` for a bool, JSON for a list), `007` stays text."""
    from pydantic import TypeAdapter, ValidationError

    adapter: Any = TypeAdapter(kind)
    try:
        if kind is str:
            checked = adapter.validate_python(value, strict=True)
        elif isinstance(value, str):
            is_list = typing.get_origin(kind) is list
            checked = adapter.validate_json(value) if is_list else adapter.validate_strings(value)
        else:
            checked = adapter.validate_python(value, strict=isinstance(value, bool))
    except ValidationError:
        near = (
            did_you_mean(str(value), map(str, typing.get_args(kind)))
            if typing.get_origin(kind) is typing.Literal
            else ""
        )
        raise ValueError(f"; {near}" if near.startswith("did") else "") from None
    if isinstance(checked, float) and not math.isfinite(checked):
        raise ValueError(", a finite one")
    return checked


def type_words(kind: Any) -> str:
    """A type as it is written in a parameters cell.

    >>> type_words(typing.Literal["lmg", "pmvd"])
    "'lmg' or 'pmvd'"
    """
    if typing.get_origin(kind) is typing.Literal:
        return " or ".join(repr(option) for option in typing.get_args(kind))
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return " or ".join(type_words(part) for part in typing.get_args(kind))
    if kind is type(None):
        return "None"
    return str(kind) if typing.get_args(kind) else kind.__name__
