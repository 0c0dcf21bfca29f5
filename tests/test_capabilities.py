"""docs/capabilities.md says which exhibits give what. Its names must be those of the notebooks, and its counts right.

An exhibit's name stands in the notebook (`name="needs"`, `name=f"trend_{item}"`) or in the words that a `…_shown` function of
the room yields to a notebook that takes them (`words.pop("name")`). Both are read from the source, so nothing has to run.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "capabilities.md"
STATUSES = ("there", "partly", "missing")
PLACES = {"answer", "restricted list", "index", "every page", "findings.json", "tables"}
SIZES = {"A": 9, "B": 8, "C": 6, "D": 6, "E": 6, "F": 19}
ROW = re.compile(r"\| ([A-F]\d+) \| (.+?) \| (.+?) \| \*\*(\w+)\*\*[:;]?(.*?) \|")


class Row(NamedTuple):
    """One capability; `shown` are its (notebook number, exhibit), `places` what is no exhibit."""

    name: str
    where: str
    status: str
    lacks: str

    @property
    def shown(self) -> list[tuple[str, str]]:
        pairs = []
        for part in self.where.split(" · "):
            number = re.match(r"\d\d ", part)
            pairs += [(number[0].strip() if number else "", name) for name in re.findall(r"`([^`]+)`", part)]
        return pairs

    @property
    def places(self) -> list[str]:
        return re.findall(r"(?<!\w)\*([^*`]+)\*(?!\w)", re.sub(r"`[^`]+`", "", self.where))


def _rows() -> list[Row]:
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if re.match(r"\| [A-Z]\d+ ", line)]
    found = [ROW.fullmatch(line) for line in lines]
    assert all(found), [line for line, match in zip(lines, found, strict=True) if not match]
    return [Row(match[1], match[3], match[4], match[5].strip()) for match in found if match]


ROWS = _rows()


def _notebook(number: str) -> Path:
    (path,) = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
    return path


def _pattern(node: ast.AST | None) -> str | None:
    """A text as a pattern: what a formatted text fills in is `*`. None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_pattern(part) or "*" for part in node.values)
    return None


def _names_in_notebook(code: ast.AST) -> Iterator[str]:
    for node in ast.walk(code):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "exhibit":
            given = next((keyword.value for keyword in node.keywords if keyword.arg == "name"), None)
            if pattern := _pattern(given):
                yield pattern


def _names_in_room(code: ast.AST) -> Iterator[str]:
    for function in ast.walk(code):
        if isinstance(function, ast.FunctionDef) and function.name.endswith("_shown"):
            for node in ast.walk(function):
                if isinstance(node, ast.Dict):
                    for key, value in zip(node.keys, node.values, strict=True):
                        if _pattern(key) == "name" and (pattern := _pattern(value)):
                            yield pattern


def _rooms(code: ast.AST) -> Iterator[Path]:
    """The files of the packages that a notebook imports from: `from cxlab.value import retention` → cxlab/value/*.py."""
    for node in ast.walk(code):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cxlab."):
            place = ROOT.joinpath(*str(node.module).split("."))
            yield from sorted(place.glob("*.py")) if place.is_dir() else [place.with_suffix(".py")]


@cache
def _exhibits(number: str) -> tuple[frozenset[str], frozenset[str]]:
    """The names of a notebook's exhibits as patterns, and all short texts that could fill a `*`."""
    cells = json.loads(_notebook(number).read_text("utf-8"))["cells"]
    notebook = ast.parse("\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"))
    rooms = [ast.parse(path.read_text("utf-8")) for path in _rooms(notebook)]
    names = {*_names_in_notebook(notebook), *(name for room in rooms for name in _names_in_room(room))}
    texts = {
        node.value.lower()
        for tree in (notebook, *rooms)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier()
    }
    return frozenset(names), frozenset(texts)


def _exists(number: str, name: str) -> bool:
    """Whether a notebook shows it: `trend_*` as it stands, or `gap_staff` where the room has the text "staff"."""
    names, texts = _exhibits(number)
    patterns = [pattern for pattern in names if "*" in pattern and fnmatchcase(name, pattern)]
    return name in names or any(name.removeprefix(pattern.partition("*")[0]) in texts for pattern in patterns)


def test_every_capability_has_one_row_in_order() -> None:
    assert [row.name for row in ROWS] == [f"{group}{n}" for group, size in SIZES.items() for n in range(1, size + 1)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_is_whole(row: Row) -> None:
    assert row.status in STATUSES
    assert set(row.places) <= PLACES
    if row.status == "missing":
        assert row.where == "none"
    else:
        assert row.shown or row.places
        assert re.sub(r"`[^`]+`|\*[^*]+\*|\b\d\d\b|·|\s", "", row.where) == "", "names only"
    if row.status == "partly":
        assert row.lacks, "what is missing?"


@pytest.mark.parametrize(
    ("number", "name"),
    sorted({pair for row in ROWS for pair in row.shown}),
    ids=lambda part: part,
)
def test_every_exhibit_exists(number: str, name: str) -> None:
    assert _exists(number, name), f"{_notebook(number).stem} shows {sorted(_exhibits(number)[0])}"


def test_a_name_that_no_notebook_shows_is_found_out() -> None:
    assert not _exists("01", "persona")
    assert not _exists("03", "gap_nowhere")
    assert not _exists("08", "mixture")


def test_the_counts_are_right() -> None:
    said = re.search(r"(\d+) are there, (\d+) are there partly, (\d+) are missing", PAGE.read_text("utf-8"))
    assert said
    assert list(map(int, said.groups())) == [sum(row.status == status for row in ROWS) for status in STATUSES]
    assert PAGE.read_text("utf-8").split("\n\n")[1].startswith("Fifty-four")
    assert len(ROWS) == 54
