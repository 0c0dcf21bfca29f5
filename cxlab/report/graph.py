"""Which notebook runs after which: needs, wants and produces, as each says in its metadata.

A notebook that needs or wants a product runs after the one that produces it. A missing need skips the notebook with the
reason; a missing want does not. A circle is refused with its path.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from cxlab.config import TABLES
from cxlab.problems import Problem, StudyError, did_you_mean

_KEYS = {"needs", "wants", "produces", "summary_rank"}
LAST = "10_actions"  # merges the findings of all others
DERIVED = {"ratings": "responses"}  # views that exist where their table does


@dataclass(frozen=True)
class Notebook:
    """One notebook file: what it needs (tables, products), wants and produces; where its answer ranks in the summary.

    `title` is its first heading, `question` the line that follows.
    """

    name: str
    path: Path
    title: str
    question: str = ""
    needs: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    produces: tuple[str, ...] = ()
    summary_rank: int = 50


def read_notebook(path: Path) -> Notebook:
    """Read a notebook's place in the graph. Raises `StudyError` for metadata that cannot be understood."""
    where = f"notebooks/{path.name}"
    try:
        book = json.loads(path.read_text("utf-8"))
        declared: Any = book.get("metadata", {}).get("cxlab", {})
        prose = ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "markdown"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StudyError(Problem(where, f"is no notebook ({error})", "save it from JupyterLab")) from None
    title, question = _heading(prose, path.stem)
    if not isinstance(declared, dict):
        raise StudyError(Problem(f"{where} metadata `cxlab`", f"got {declared!r}", 'write {"needs": ["responses"]}'))
    for key in declared.keys() - _KEYS:
        raise StudyError(Problem(f"{where} metadata `cxlab`", f"unknown key `{key}`", did_you_mean(key, _KEYS)))
    lists = {}
    for key in ("needs", "wants", "produces"):
        value = declared.get(key, [])
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise StudyError(Problem(f"{where} metadata `cxlab`, {key}", f"got {value!r}", "write a list of names"))
        lists[key] = tuple(value)
    rank = declared.get("summary_rank", 50)
    if not isinstance(rank, int) or isinstance(rank, bool):
        raise StudyError(Problem(f"{where} metadata `cxlab`, summary_rank", f"got {rank!r}", "write a whole number"))
    return Notebook(path.stem, path, title, question, summary_rank=rank, **lists)


def _heading(prose: Iterable[str], stem: str) -> tuple[str, str]:
    """The first heading of a notebook and the line after it."""
    for text in prose:
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        for number, line in enumerate(lines):
            if line.startswith("# "):
                after = lines[number + 1] if number + 1 < len(lines) else ""
                return line[2:].strip(), "" if after.startswith("#") else after
    return stem, ""


def is_table(name: str) -> bool:
    """Whether a name in needs or wants is a canonical table (or the view of one), not a product."""
    return name in TABLES or name in DERIVED


def missing_table(notebook: Notebook, tables: Iterable[str]) -> str | None:
    """The first table that the notebook needs and the study has not; None where all are there."""
    there = set(tables)
    return next((name for name in notebook.needs if is_table(name) and DERIVED.get(name, name) not in there), None)


def producers_of(notebooks: Iterable[Notebook]) -> dict[str, str]:
    """product → the notebook that makes it. Raises `StudyError` for two makers of one, and for the name of a table."""
    producers: dict[str, str] = {}
    for book in notebooks:
        for product in book.produces:
            if is_table(product):
                where = f"notebooks/{book.path.name} metadata `cxlab`, produces"
                raise StudyError(Problem(where, f"`{product}` is the name of a table", "give the product another"))
            if product in producers:
                both = f"{producers[product]} and {book.name}"
                raise StudyError(Problem(f"product `{product}`", f"is produced by {both}", "rename one"))
            producers[product] = book.name
    return producers


def order(notebooks: Iterable[Notebook]) -> dict[str, set[str]]:
    """name → the notebooks that have to end first, in an order in which they can run.

    Raises `StudyError` for two producers of one product and for a circle.
    """
    books = {book.name: book for book in sorted(notebooks, key=lambda book: book.name)}
    producers = producers_of(books.values())
    after = {
        book.name: {producers[name] for name in (*book.needs, *book.wants) if name in producers} - {book.name}
        for book in books.values()
    }
    if LAST in after:
        after[LAST] |= {name for name, before in after.items() if name != LAST and LAST not in before}
    try:
        names = list(TopologicalSorter({name: sorted(before) for name, before in after.items()}).static_order())
    except CycleError as error:
        circle = " → ".join(error.args[1])
        raise StudyError(
            Problem("notebooks", f"feed each other in a circle: {circle}", "let the lower-numbered derive its own")
        ) from None
    return {name: after[name] for name in names}


def ancestors(names: Iterable[str], after: Mapping[str, set[str]]) -> set[str]:
    """The notebooks that have to end before these, however far back."""
    found: set[str] = set()
    open_ends = list(names)
    while open_ends:
        new = after[open_ends.pop()] - found
        found |= new
        open_ends += new
    return found
