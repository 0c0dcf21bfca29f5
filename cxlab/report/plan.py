"""What a run is going to do, settled before a lock, a kernel or a file: notebooks, values, inputs, and what is unchanged.

A notebook's key is one hash of all that its page depends on: its cells, its values, every input file, the products that it
uses, cxlab's code and the pinned packages. A published page with the same key is the page that would be made again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from cxlab.config import NAME, StudyConfig, study_config
from cxlab.period import Period
from cxlab.problems import Problem, StudyError, did_you_mean
from cxlab.report import graph, parameters, publish
from cxlab.report.graph import Notebook

Entry = dict[str, Any]


@dataclass
class Task:
    """One notebook of a run: what it runs with, and what became of it.

    `planned` are the values that this run gives it, `values` those of its page (see `is_current`).
    """

    notebook: Notebook
    planned: dict[str, Any]
    asked: bool
    values: dict[str, Any] = field(default_factory=dict)
    status: str = "pending"
    reason: str | None = None
    refused: str = ""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    carried: bool = False
    key: str = ""
    answer: str = ""
    products: dict[str, str] = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)
    book: Any = None
    log: str = ""

    @property
    def name(self) -> str:
        return self.notebook.name

    @property
    def uses(self) -> list[str]:
        """The products and tables that it needs or wants."""
        return [*self.notebook.needs, *self.notebook.wants]


@dataclass
class Plan:
    """Everything that is settled before a run starts. `tasks` stand in an order in which they can run."""

    root: Path
    study: str
    config: StudyConfig
    period: Period
    target: Path
    raw_dir: Path | None
    draft: str | None
    force: bool
    tasks: dict[str, Task]
    after: dict[str, set[str]]
    inputs: dict[str, str]
    code: str
    provisional: bool

    @property
    def period_words(self) -> str:
        """The days of the period, and that it has not ended where it has not."""
        return self.period.words() + (" (it has not ended: provisional)" if self.provisional else "")

    @property
    def products_dir(self) -> Path:
        """Where the products of this report are published."""
        name = f"drafts/{self.draft}" if self.draft else self.period.label
        return self.root / "data" / "processed" / self.study / "products" / name

    def published(self) -> Entry | None:
        """The manifest of the report that this run replaces. A draft of another period is none."""
        manifest = publish.read_manifest(self.target)
        return manifest if manifest is not None and manifest["period"] == self.period.label else None


def make_plan(
    root: Path,
    study: str,
    notebooks: Sequence[str] | None,
    *,
    period: str,
    params: Mapping[str, Any],
    raw_dir: Path | None,
    draft: str | None,
    force: bool,
) -> Plan:
    """Settle a run. Raises `StudyError` for whatever the caller can mend; reads, and writes nothing."""
    config = study_config(root, study)
    settled = _settle_period(config, period)
    if draft is not None and not NAME.fullmatch(draft):
        raise StudyError(Problem("--draft", f"`{draft}` is no name", "use letters, digits, _ and -"))
    books = {book.name: book for book in _notebooks(root, config, notebooks)}
    after = graph.order(books.values())
    asked = set(notebooks) if notebooks is not None else set(books)
    tasks = _tasks([books[name] for name in after], asked, config, params, {"study": study, "period": settled.label})
    chosen = asked | graph.ancestors(asked, after)
    return Plan(
        root=root,
        study=study,
        config=config,
        period=settled,
        target=publish.report_dir(root, study, settled.label, draft),
        raw_dir=raw_dir,
        draft=draft,
        force=force,
        tasks={name: task for name, task in tasks.items() if name in chosen},
        after={name: before for name, before in after.items() if name in chosen},
        inputs=_inputs(root, study, config, raw_dir),
        code=_code_hash(root),
        provisional=not config.study.simulated and pd.Timestamp.now("UTC") < settled.end,
    )


def _settle_period(config: StudyConfig, period: str) -> Period:
    zone = config.study.timezone
    if period != "previous":
        return Period.parse(period, zone)
    if config.run.every is None:
        way_out = 'add [run] every = "quarter" (or year, month, week), or name the period'
        raise StudyError(Problem("--period previous", "the study does not say how often it runs", way_out))
    today = datetime.now(UTC).astimezone(ZoneInfo(zone)).date()
    return Period.containing(today, config.run.every, zone).previous()


def _notebooks(root: Path, config: StudyConfig, wanted: Sequence[str] | None) -> list[Notebook]:
    """The notebooks of the study (those it lists, or all that start with a digit) and those asked for by name."""
    paths = {path.stem: path for path in sorted((root / "notebooks").glob("*.ipynb"))}
    if not paths:
        raise StudyError(Problem("notebooks/", "holds no notebook", "put one there, or restore those of cxlab"))
    listed = config.report.notebooks or [name for name in paths if name[0].isdigit()]
    unknown = [("cxlab run", name) for name in wanted or [] if name not in paths]
    unknown += [("study.toml [report] notebooks", name) for name in listed if name not in paths]
    if unknown:
        raise StudyError(
            [Problem(where, f"there is no notebook `{name}`", did_you_mean(name, paths)) for where, name in unknown]
        )
    if wanted is not None and not wanted:
        raise StudyError(Problem("notebooks", "none is named", "leave `notebooks` out to run all of the study"))
    return [graph.read_notebook(paths[name]) for name in dict.fromkeys([*listed, *(wanted or [])])]


def _tasks(
    books: Sequence[Notebook],
    asked: set[str],
    config: StudyConfig,
    params: Mapping[str, Any],
    supplied: Mapping[str, str],
) -> dict[str, Task]:
    """Every notebook with its values. Raises `StudyError` with all that is wrong with the parameters."""
    known = {book.name: parameters.declared(book.path) for book in books}
    everyone, own, problems = _given(params, known, asked)
    tasks: dict[str, Task] = {}
    for book in books:
        given = {name: value for name, value in everyone.items() if book.name in asked and name in known[book.name]}
        values, wrong = parameters.resolve(
            book.path,
            supplied=supplied,
            study=config.notebooks.get(book.name, {}),
            given={**given, **own.get(book.name, {})},
        )
        problems += wrong
        tasks[book.name] = Task(book, values, asked=book.name in asked)
    if problems:
        raise StudyError(dict.fromkeys(problems))
    return tasks


def _given(
    params: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]], asked: set[str]
) -> tuple[dict[str, Any], dict[str, dict[str, Any]], list[Problem]]:
    """Values for every notebook that declares the name, values for one notebook, and names that nobody declares."""
    everyone: dict[str, Any] = {}
    own: dict[str, dict[str, Any]] = {}
    problems: list[Problem] = []
    somewhere = {parameter for notebook in asked for parameter in known[notebook]}
    for full, value in params.items():
        notebook, dot, name = full.rpartition(".")
        if parameters.SECRET.search(name):
            problems.append(parameters.secret_problem(f"-p {full}"))
        elif dot and notebook not in asked:
            problems.append(Problem(f"-p {full}", f"no notebook `{notebook}` is run", did_you_mean(notebook, asked)))
        elif dot:
            own.setdefault(notebook, {})[name] = value
        elif name in parameters.SUPPLIED:
            problems.append(parameters.supplied_problem(f"-p {name}", name))
        elif name not in somewhere:
            way_out = did_you_mean(name, somewhere)
            problems.append(Problem(f"-p {name}", "is not a parameter of any notebook that is run", way_out))
        else:
            everyone[name] = value
    return everyone, own, problems


def _inputs(root: Path, study: str, config: StudyConfig, raw_dir: Path | None) -> dict[str, str]:
    """File → sha256 of everything that a report is made from: exports, answers of databases, study.toml, decisions."""
    from cxlab.data.sources import find_files
    from cxlab.data.tables import query_hashes

    base = root / "data" / "raw" / study
    folder = raw_dir or base
    found = {"study.toml": file_hash(base / "study.toml")}
    for source in config.sources.values():
        for path in find_files(folder, source.path):
            found[path.relative_to(folder).as_posix()] = file_hash(path)
    found |= query_hashes(root, study, config, raw_dir=raw_dir)
    return found | decisions(root, study)


def decisions(root: Path, study: str) -> dict[str, str]:
    """File → sha256 of what people decided."""
    folder = root / "data" / "raw" / study
    files = sorted((folder / "decisions").rglob("*"))
    return {
        path.relative_to(folder).as_posix(): file_hash(path)
        for path in files
        if path.is_file() and path.suffix != ".lock"
    }


def file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _code_hash(root: Path) -> str:
    """One hash of cxlab's code and of the pinned packages."""
    package = Path(__file__).resolve().parents[1]
    files = [path for path in sorted(package.rglob("*")) if path.is_file() and path.suffix not in (".pyc", ".pyo")]
    digest = sha256()
    for path in [*files, root / "requirements.lock"]:
        if path.is_file():
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def task_key(plan: Plan, task: Task, values: Mapping[str, Any], products: Mapping[str, str]) -> str:
    """What a notebook's page depends on. `products` is product → hash; the keys of earlier tasks are known."""
    book = json.loads(task.notebook.path.read_text("utf-8"))
    others = [plan.tasks[name].key for name in plan.tasks if name in plan.after[task.name]]
    parts = {
        "period": plan.period.label,
        "cells": [(cell["cell_type"], "".join(cell["source"])) for cell in book["cells"]],
        "metadata": book.get("metadata", {}).get("cxlab", {}),
        "values": values,
        "inputs": plan.inputs,
        "products": {name: products.get(name) for name in task.uses},
        "findings": others if task.name == graph.LAST else [],
        "code": plan.code,
        "provisional": plan.provisional,
    }
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def is_current(plan: Plan, task: Task, published: Entry | None, products: Mapping[str, str]) -> bool:
    """Whether the published page is the one that would be made now. Sets the key and the values of the task.

    A notebook that nobody asked for may have been published with values of its own (`-p`): its products are used as
    they are, and the task takes those values over.
    """
    entry = entries(published).get(task.name)
    if entry is not None and entry["status"] in ("ok", "skipped") and not (plan.force and task.asked):
        for values in [task.planned] if task.asked else [task.planned, entry["parameters"]]:
            task.values, task.key = values, task_key(plan, task, values, products)
            if task.key == entry["key"] and _is_whole(plan, entry):
                return True
    task.values, task.key = task.planned, task_key(plan, task, task.planned, products)
    return False


def _is_whole(plan: Plan, entry: Entry) -> bool:
    """Whether the page of an entry and its products are still there as they were published."""
    if entry["page"] == "good" and not (plan.target / f"{entry['name']}.html").is_file():
        return False
    for name, digest in entry["products"].items():
        path = plan.products_dir / f"{name}.parquet"
        if not path.is_file() or file_hash(path) != digest:
            return False
    return True


def entries(published: Entry | None) -> dict[str, Entry]:
    """The notebooks of a manifest by name."""
    return {entry["name"]: entry for entry in published["notebooks"]} if published else {}


def kept_entries(plan: Plan, published: Entry | None) -> list[Entry]:
    """Entries of notebooks that this run was not asked for and that the project still has."""
    return [
        entry
        for name, entry in entries(published).items()
        if name not in plan.tasks and (plan.root / "notebooks" / f"{name}.ipynb").is_file()
    ]


def compared_with(plan: Plan) -> dict[str, str] | None:
    """The earlier report that this one is compared with: its period and the hash of its findings."""
    earlier = publish.earlier_report(plan.root, plan.study, plan.period)
    if earlier is None:
        return None
    return {"period": earlier.name, "findings": file_hash(earlier / "findings.json")}


def is_unchanged(plan: Plan, published: Entry | None) -> bool:
    """Whether the published report is, as a whole, the one that this run would make."""
    if published is None or published.get("compared_with") != compared_with(plan):
        return False
    known = entries(published)
    if len(kept_entries(plan, published)) + len(known.keys() & plan.tasks.keys()) != len(known):
        return False  # a notebook has been deleted
    products = {name: digest for entry in known.values() for name, digest in entry["products"].items()}
    return all(is_current(plan, task, published, products) for task in plan.tasks.values())
