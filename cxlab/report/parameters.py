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
SUPPLIED = ("study", "period")  # set by the run itself
_SCALARS: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}
_TYPES = "str, int, float, bool, list[…], Literal[…] or X | None"


def declared(path: Path) -> dict[str, tuple[Any, Any]]:
    """name → (type, default) of a notebook's parameters cell. Raises `StudyError` for a cell that cannot be read."""
    where = f"notebooks/{path.name}"
    try:
        cells = json.loads(path.read_text("utf-8"))["cells"]
        tagged = [cell for cell in cells if "parameters" in cell.get("metadata", {}).get("tags", [])]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StudyError(Problem(where, f"is no notebook ({error})", "save it from JupyterLab")) from None
    if len(tagged) != 1:
        raise StudyError(Problem(where, f"{len(tagged)} cells are tagged `parameters`", "tag exactly one"))
    try:
        statements = ast.parse("".join(tagged[0]["source"])).body
        return dict(_parameter(statement) for statement in statements if not _is_aside(statement))
    except (ValueError, SyntaxError) as error:
        raise StudyError(Problem(where, f"parameters cell: {error}", "write `name: type = literal`")) from None


def _is_aside(statement: ast.stmt) -> bool:
    """`from typing import Literal` may open the cell; a line that is only a text may explain it."""
    is_import = isinstance(statement, ast.ImportFrom) and statement.module == "typing"
    return is_import or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))


def _parameter(statement: ast.stmt) -> tuple[str, tuple[Any, Any]]:
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value is not None:
        return statement.target.id, (_type(statement.annotation), ast.literal_eval(statement.value))
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name):
        value = ast.literal_eval(statement.value)
        if not isinstance(value, (str, int, float, bool)):
            raise ValueError(f"`{ast.unparse(statement)}` needs a type; use {_TYPES}")
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
    raise ValueError(f"type `{ast.unparse(node)}` is not allowed; use {_TYPES}")


def resolve(
    path: Path, *, supplied: Mapping[str, Any], study: Mapping[str, Any], given: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Problem]]:
    """The values that a notebook runs with, and what is wrong with them.

    Precedence: `given` (command line) over `study` (study.toml) over the cell. `supplied` (study, period) are set by the
    run where the notebook declares them, and by nobody else. Every name in `given` and `study` must be declared here.
    """
    parameters = declared(path)
    chosen = {**study, **given}

    def where(name: str) -> str:
        if name in given:
            return f"-p {name}"
        return f"study.toml [notebooks.{path.stem}] {name}" if name in study else f"notebook {path.stem}, `{name}`"

    problems = [
        problem for name in chosen if (problem := _misnamed(where(name), name, parameters, path.stem)) is not None
    ]
    values: dict[str, Any] = {}
    for name, (kind, default) in parameters.items():
        if SECRET.search(name):
            if name not in chosen and default not in ("", None):
                problems.append(secret_problem(where(name)))
        elif name in supplied:
            values[name] = supplied[name]
        else:
            value = chosen.get(name, default)
            try:
                values[name] = checked(kind, value)
            except ValueError as error:
                problems.append(Problem(where(name), f"got {value!r}", f"expected {type_words(kind)}{error}"))
    return values, problems


def _misnamed(where: str, name: str, parameters: Mapping[str, Any], notebook: str) -> Problem | None:
    """What is wrong with giving this name; None where nothing is."""
    if SECRET.search(name):
        return secret_problem(where)
    if name in SUPPLIED:
        return supplied_problem(where, name)
    if name not in parameters:
        return Problem(where, f"is not a parameter of {notebook}", did_you_mean(name, parameters))
    return None


def secret_problem(where: str) -> Problem:
    """A name that looks like a secret. The value is never echoed."""
    return Problem(
        where,
        "looks like a secret, and parameters are written into the report",
        "set it as an environment variable and read it there",
    )


def supplied_problem(where: str, name: str) -> Problem:
    """A name that the run sets itself: another value would be published under the wrong heading."""
    return Problem(where, f"`{name}` is set by the run", "name the study as argument and the period with --period")


def checked(kind: Any, value: Any) -> Any:
    """The value as this type; ValueError (with the way out, if any, after `; `) where it is none.

    Text from a command line is converted: `yes` for a bool, JSON for a list, `none` where None is allowed. For a `str`,
    `007` stays text.
    """
    from pydantic import TypeAdapter, ValidationError

    if _takes(kind, type(None)) and (value is None or value == "none"):
        return None
    adapter: Any = TypeAdapter(kind)
    try:
        if isinstance(value, str) and _takes(kind, list):
            result = adapter.validate_json(value)
        elif isinstance(value, str) and typing.get_origin(kind) is typing.Literal:
            named = {str(option): option for option in typing.get_args(kind)}
            result = adapter.validate_python(named.get(value, value))
        elif isinstance(value, str) and kind is not str:
            result = adapter.validate_strings(value)
        else:
            result = adapter.validate_python(value, strict=isinstance(value, bool) or kind is str)
    except ValidationError:
        raise ValueError(_hint(kind, value)) from None
    numbers = result if isinstance(result, list) else [result]
    if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
        raise ValueError(", a finite one")
    return result


def _takes(kind: Any, member: type) -> bool:
    """Whether a type is `member`, a list of something, or a union with it."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return any(_takes(part, member) for part in typing.get_args(kind))
    return kind is member or typing.get_origin(kind) is member


def _hint(kind: Any, value: Any) -> str:
    if typing.get_origin(kind) is typing.Literal:
        near = did_you_mean(str(value), map(str, typing.get_args(kind)))
        return f"; {near}" if near.startswith("did") else ""
    return '; a list is written as JSON, for example ["a", "b"] or [1, 2]' if _takes(kind, list) else ""


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
