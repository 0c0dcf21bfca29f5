"""One command publishes a report: validate, load, execute, render, publish.

Everything that can be refused is refused before a lock, a kernel or a file. Notebooks run in the order of what they need
and produce, several at a time; one that fails does not stop the others. A notebook whose source, parameters, inputs and
code have not changed keeps its published page.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from cxlab import __version__
from cxlab.config import StudyConfig, load_config
from cxlab.context import RunContext
from cxlab.period import Period
from cxlab.problems import Problem, StudyError, did_you_mean
from cxlab.report import graph, parameters, publish
from cxlab.report.graph import Notebook

Progress = Callable[[str, str, str, float], None]
"""progress(step, notebook, status, seconds): step is ingest, execute, render or publish; notebook is "" for a whole
step; status is started, ok, failed, skipped or carried over."""

PACKAGES = (
    "numpy",
    "pandas",
    "scipy",
    "statsmodels",
    "scikit-learn",
    "papermill",
    "nbconvert",
    "matplotlib",
    "ibis-framework",
)


@dataclass(frozen=True)
class RunResult:
    """How a run ended. `manifest` is that of the published report; `exit_code` 0 or 1 (a notebook failed)."""

    exit_code: int
    report_dir: Path
    manifest: dict[str, Any]
    message: str
    unchanged: bool = False


@dataclass
class _Outcome:
    """One notebook of a run: an entry of the manifest while it is being made."""

    notebook: Notebook
    values: dict[str, Any]
    status: str = "pending"
    reason: str | None = None
    seconds: float = 0.0
    carried: bool = False
    key: str = ""
    answer: str = ""
    products: dict[str, str] = field(default_factory=dict)
    book: Any = None


@dataclass
class _Run:
    """What is settled before a run starts."""

    root: Path
    study: str
    config: StudyConfig
    period: Period
    target: Path
    raw_dir: Path | None
    draft: str | None
    inputs: dict[str, str]
    code: str
    jobs: int
    progress: Progress
    steps: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def products_dir(self) -> Path:
        name = f"drafts/{self.draft}" if self.draft else self.period.label
        return self.root / "data" / "processed" / self.study / "products" / name

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step (wall, and CPU with ended children) for the manifest and the progress display."""
        self.progress(name, "", "started", 0.0)
        wall, cpu = time.perf_counter(), _cpu_seconds()
        yield
        self.steps[name] = {
            "seconds": round(time.perf_counter() - wall, 2),
            "cpu_seconds": round(_cpu_seconds() - cpu, 2),
        }
        self.progress(name, "", "ok", time.perf_counter() - wall)


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def run_study(
    study: str,
    notebooks: Sequence[str] | None = None,
    *,
    period: str,
    params: Mapping[str, Any] | None = None,
    root: Path | str = ".",
    force: bool = False,
    jobs: int = 1,
    raw_dir: Path | str | None = None,
    draft: str | None = None,
    progress: Progress | None = None,
) -> RunResult:
    """Run a study's notebooks for one period and publish the report.

    `notebooks` are stems (None: those of `[report] notebooks`, or all whose name starts with a digit). `params` are
    name → value, or NOTEBOOK.name → value. Raises `StudyError` for anything that the caller can mend, before anything
    is touched, and `LockedError` where another run of the same report is going on.
    """
    root = Path(root).resolve()
    config = _config(root, study)
    settled = _settle_period(config, period)
    books = _select(root, config, notebooks)
    outcomes = _with_values(root, config, books, notebooks, study, settled, params or {})
    if draft is not None and not draft.replace("-", "").replace("_", "").isalnum():
        raise StudyError(Problem("--draft", f"`{draft}` is no name", "use letters, digits, _ and -"))
    raw = Path(raw_dir).resolve() if raw_dir is not None else None
    target = publish.report_dir(root, study, settled.label, draft)
    inputs = _inputs(root, study, config, raw)
    run = _Run(
        root, study, config, settled, target, raw, draft, inputs, _code_hash(root), max(1, jobs), progress or _silent
    )
    published = publish.read_manifest(target)
    stale = _stale(run, outcomes, published, force)
    if notebooks is not None:
        outcomes = {name: outcome for name, outcome in outcomes.items() if name in notebooks or name in stale}
    if not stale and published is not None:
        message = f"{study} {settled.label}: unchanged, nothing to do."
        return RunResult(_exit_code(published), target, published, message, unchanged=True)
    return _locked_run(run, outcomes, stale)


def _silent(step: str, notebook: str, status: str, seconds: float) -> None:
    """The progress display of a caller who wants none."""


def _config(root: Path, study: str) -> StudyConfig:
    folder = root / "data" / "raw"
    if not (folder / study / "study.toml").is_file():
        known = [path.parent.name for path in folder.glob("*/study.toml")]
        raise StudyError(
            Problem(f"study `{study}`", f"there is no data/raw/{study}/study.toml", did_you_mean(study, known))
        )
    return load_config(folder / study / "study.toml")


def _settle_period(config: StudyConfig, period: str) -> Period:
    zone = config.study.timezone
    if period != "previous":
        return Period.parse(period, zone)
    if config.run.every is None:
        way_out = 'add [run] every = "quarter" (or year, month, week), or name the period'
        raise StudyError(Problem("--period previous", "the study does not say how often it runs", way_out))
    today = datetime.now(UTC).astimezone(_zone(zone)).date()
    return Period.containing(today, config.run.every, zone).previous()


def _zone(name: str) -> Any:
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


def _select(root: Path, config: StudyConfig, wanted: Sequence[str] | None) -> list[Notebook]:
    """The notebooks of the study, and of those asked for by name, in the order of their names."""
    paths = {path.stem: path for path in sorted((root / "notebooks").glob("*.ipynb"))}
    if not paths:
        raise StudyError(Problem("notebooks/", "holds no notebook", "put one there, or restore those of cxlab"))
    for name in [*config.report.notebooks, *config.notebooks, *(wanted or [])]:
        if name not in paths:
            where = "cxlab run" if name in (wanted or []) else "study.toml"
            if where == "study.toml" and name not in config.report.notebooks:
                continue  # parameters for a notebook that this project does not have
            raise StudyError(Problem(where, f"there is no notebook `{name}`", did_you_mean(name, paths)))
    listed = config.report.notebooks or [name for name in paths if name[0].isdigit()]
    names = dict.fromkeys([*listed, *(wanted or [])])
    return [graph.read_notebook(paths[name]) for name in sorted(names)]


def _with_values(
    root: Path,
    config: StudyConfig,
    books: list[Notebook],
    wanted: Sequence[str] | None,
    study: str,
    period: Period,
    params: Mapping[str, Any],
) -> dict[str, _Outcome]:
    """Every notebook with the values it runs with. Raises `StudyError` with all that is wrong with the parameters."""
    names = {book.name for book in books}
    asked = set(wanted) if wanted is not None else names
    general = {name: value for name, value in params.items() if "." not in name}
    own: dict[str, dict[str, Any]] = {}
    problems: list[Problem] = []
    for name, value in params.items():
        if "." in name:
            stem, _, parameter = name.partition(".")
            own.setdefault(stem, {})[parameter] = value
            if stem not in names:
                problems.append(Problem(f"-p {name}", f"no notebook `{stem}` is run", did_you_mean(stem, names)))
    known = {book.name: parameters.declared(book.path) for book in books}
    somewhere = {parameter for name in asked & names for parameter in known[name]}
    for name in general:
        if parameters.SECRET.search(name):
            problems.append(parameters.secret_problem(f"-p {name}"))
        elif name not in somewhere:
            way_out = did_you_mean(name, somewhere)
            problems.append(Problem(f"-p {name}", "is not a parameter of any notebook that is run", way_out))
    outcomes: dict[str, _Outcome] = {}
    for book in books:
        given = {name: value for name, value in general.items() if name in known[book.name] and book.name in asked}
        given |= own.get(book.name, {})
        values, wrong = parameters.resolve(
            book.path,
            supplied={"study": study, "period": period.label},
            study=config.notebooks.get(book.name, {}),
            given=given,
        )
        problems += wrong
        outcomes[book.name] = _Outcome(book, values)
    if problems:
        raise StudyError(list(dict.fromkeys(problems)))
    after = graph.order(books)
    return {name: outcomes[name] for name in _topological(after)}


def _topological(after: Mapping[str, set[str]]) -> list[str]:
    from graphlib import TopologicalSorter

    sorter = TopologicalSorter({name: sorted(before) for name, before in after.items()})
    sorter.prepare()
    names: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        names += ready
        sorter.done(*ready)
    return names


def _inputs(root: Path, study: str, config: StudyConfig, raw_dir: Path | None) -> dict[str, str]:
    """File → sha256 of everything that a report is made from: exports, study.toml, decisions."""
    base = root / "data" / "raw" / study
    folder = raw_dir or base
    found = {"study.toml": _sha(base / "study.toml")}
    for source in config.sources.values():
        for path in sorted(folder.glob(source.path)):
            found[str(path.relative_to(folder))] = _sha(path)
    return found | _decisions(root, study)


def _decisions(root: Path, study: str) -> dict[str, str]:
    folder = root / "data" / "raw" / study
    files = sorted((folder / "decisions").rglob("*")) if (folder / "decisions").is_dir() else []
    return {str(path.relative_to(folder)): _sha(path) for path in files if path.is_file() and path.suffix != ".lock"}


def _sha(path: Path) -> str:
    with path.open("rb") as file:
        digest = sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _code_hash(root: Path) -> str:
    """One hash of cxlab's code and of the pinned packages."""
    package = Path(__file__).resolve().parents[1]
    files = [path for path in sorted(package.rglob("*")) if path.suffix in (".py", ".j2", ".css", ".json", ".toml")]
    digest = sha256()
    for path in [*files, root / "requirements.lock"]:
        if path.is_file():
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def _key(run: _Run, outcome: _Outcome, products: Mapping[str, str]) -> str:
    """What a notebook's page depends on. The same key means the same page."""
    book = json.loads(outcome.notebook.path.read_text("utf-8"))
    parts = {
        "cells": [(cell["cell_type"], "".join(cell["source"])) for cell in book["cells"]],
        "metadata": book.get("metadata", {}).get("cxlab", {}),
        "parameters": outcome.values,
        "inputs": run.inputs,
        "products": {name: products.get(name) for name in (*outcome.notebook.needs, *outcome.notebook.wants)},
        "code": run.code,
    }
    return sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _stale(run: _Run, outcomes: Mapping[str, _Outcome], published: dict[str, Any] | None, force: bool) -> set[str]:
    """The notebooks that have to run: something they depend on has changed, or they have no good page."""
    before = {entry["name"]: entry for entry in (published or {}).get("notebooks", [])}
    products = {name: digest for entry in before.values() for name, digest in entry.get("products", {}).items()}
    producers = {name: outcome.notebook.name for outcome in outcomes.values() for name in outcome.notebook.produces}
    stale: set[str] = set()
    for name, outcome in outcomes.items():
        uses = {producers.get(product) for product in (*outcome.notebook.needs, *outcome.notebook.wants)}
        entry = before.get(name)
        outcome.key = _key(run, outcome, products)
        same = entry is not None and entry["key"] == outcome.key and entry["status"] in ("ok", "skipped")
        if force or not same or uses & stale:
            stale.add(name)
    return stale


def _locked_run(run: _Run, outcomes: dict[str, _Outcome], stale: set[str]) -> RunResult:
    with publish.report_lock(run.root, run.target), _terminated_cleanly():
        publish.recover(run.root, run.target)
        tables = _load_tables(run)
        folder = publish.new_run(run.root, run.target)
        try:
            published = publish.read_manifest(run.target)
            _execute_all(run, outcomes, stale, tables, folder, published)
            manifest = _stage(run, outcomes, folder, published, tables)
            with run.step("publish"):
                _publish_products(run, outcomes, folder)
                publish.exchange(folder / "stage", run.target, folder / "old")
                if run.draft is None:
                    publish.refresh_overview(run.root)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    code = 1 if any(outcome.status == "failed" for outcome in outcomes.values()) else 0
    return RunResult(code, run.target, manifest, _message(run, manifest))


@contextlib.contextmanager
def _terminated_cleanly() -> Iterator[None]:
    """On SIGTERM: end the kernels, publish nothing, leave with 143."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(signum: int, frame: object) -> None:
        from cxlab.report import kernels

        kernels.kill_all()
        raise SystemExit(128 + signum)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _load_tables(run: _Run) -> Any:
    """Read and check all sources. Raises `StudyError` with every error in them."""
    from cxlab.data.tables import ingest

    with run.step("ingest"):
        loaded = ingest(run.root, run.study, run.config, raw_dir=run.raw_dir)
    if errors := [problem for problem in loaded.problems if problem.severity == "error"]:
        raise StudyError(errors)
    return loaded


def _tables_with_rows(run: _Run, loaded: Any) -> dict[str, int]:
    from cxlab.data.tables import select

    return {name: len(select(frame, name, run.period, "to_date")) for name, frame in loaded.tables.items()}


def _execute_all(
    run: _Run,
    outcomes: dict[str, _Outcome],
    stale: set[str],
    loaded: Any,
    folder: Path,
    published: dict[str, Any] | None,
) -> None:
    """Run what is stale, in the order of the graph, at most `jobs` at a time; carry over the rest."""
    from cxlab.report import kernels

    rows = _rows_until(run, loaded)
    before = {entry["name"]: entry for entry in (published or {}).get("notebooks", [])}
    products = folder / "products"
    products.mkdir()
    forked = kernels.start_server()
    after = graph.order([outcome.notebook for outcome in outcomes.values()])
    running: dict[Future[None], str] = {}
    waiting = list(outcomes)
    with run.step("execute"), ThreadPoolExecutor(max_workers=run.jobs) as pool:
        while waiting or running:
            for name in [name for name in waiting if not after[name] & {*waiting, *running.values()}]:
                waiting.remove(name)
                outcome = outcomes[name]
                if name not in stale:
                    _carry(run, outcome, before[name], products)
                elif reason := _skip_reason(run, outcome, outcomes, rows, products):
                    outcome.status, outcome.reason = "skipped", reason
                else:
                    run.progress("execute", name, "started", 0.0)
                    running[pool.submit(_execute, run, outcome, folder, forked)] = name
                    continue
                run.progress("execute", name, "carried over" if outcome.carried else outcome.status, 0.0)
            if running:
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    name = running.pop(future)
                    future.result()
                    run.progress("execute", name, outcomes[name].status, outcomes[name].seconds)


def _rows_until(run: _Run, loaded: Any) -> dict[str, int]:
    """Rows of each table that count up to the period's end."""
    from cxlab.data.tables import select

    return {name: len(select(frame, name, run.period, "to_date")) for name, frame in loaded.tables.items()}


def _carry(run: _Run, outcome: _Outcome, entry: dict[str, Any], products: Path) -> None:
    """Keep a published page: its entry of the manifest and its products."""
    outcome.status, outcome.reason, outcome.carried = entry["status"], entry["reason"], True
    outcome.seconds, outcome.answer, outcome.products = entry["seconds"], entry["answer"], entry["products"]
    for name in outcome.products:
        shutil.copy2(run.products_dir / f"{name}.parquet", products / f"{name}.parquet")


def _skip_reason(
    run: _Run, outcome: _Outcome, outcomes: Mapping[str, _Outcome], rows: Mapping[str, int], products: Path
) -> str | None:
    """Why a notebook cannot run: a table or a product that it needs is not there. None where it can."""
    if table := graph.missing_table(outcome.notebook, rows):
        return f"needs {table}: the study has no such source"
    for name in outcome.notebook.needs:
        if graph.is_table(name):
            if not rows[graph.DERIVED.get(name, name)]:
                return f"needs {name}: there are no rows up to the end of {run.period.label}"
        elif not (products / f"{name}.parquet").is_file():
            makers = [other for other in outcomes.values() if name in other.notebook.produces]
            return f"needs {name}: " + (
                f"{makers[0].notebook.name} did not make it ({makers[0].status})" if makers else "no notebook makes it"
            )
    return None


def _execute(run: _Run, outcome: _Outcome, folder: Path, forked: bool) -> None:
    """Run one notebook in its own kernel and keep what it left: the executed copy, findings, tables, products."""
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    from cxlab.report import kernels

    name = outcome.notebook.name
    work = folder / "work" / name
    (work / "tables").mkdir(parents=True)
    context = RunContext(
        study=run.study, period=run.period.label, root=str(run.root), notebook=name, stage=str(work),
        products=str(folder / "products"), raw_dir=str(run.raw_dir) if run.raw_dir else None, draft=run.draft,
    )  # fmt: skip
    context.write(work / "context.json")
    executed = work / "executed.ipynb"
    start = time.perf_counter()
    try:
        papermill.execute_notebook(
            outcome.notebook.path, executed, parameters=outcome.values, progress_bar=False, kernel_name="python3",
            kernel_manager_class=kernels.manager_class(work / "context.json", run.root, forked=forked),
            record_timing=False,
        )  # fmt: skip
        outcome.status = "ok"
    except papermill.PapermillExecutionError as error:
        outcome.status, outcome.reason = "failed", _last_line(f"{error.ename}: {error.evalue}", run.root)
    except (DeadKernelError, CellTimeoutError, RuntimeError) as error:
        outcome.status, outcome.reason = "failed", f"the kernel died: {_last_line(str(error), run.root)}"
    outcome.seconds = round(time.perf_counter() - start, 2)
    outcome.book = _cleaned(executed if executed.is_file() else outcome.notebook.path, run.root)
    if outcome.status == "ok" and (fault := _page_fault(outcome.book)):
        outcome.status, outcome.reason = "failed", fault
    outcome.answer = _answer(outcome.book)
    if outcome.status == "ok":
        _keep_products(outcome, work / "products", folder / "products")


def _last_line(text: str, root: Path) -> str:
    """The first line of a message, without the path of this machine."""
    return (text.strip().split("\n") or [""])[0].replace(str(root), ".")[:500]


def _cleaned(path: Path, root: Path) -> Any:
    """The executed notebook without clock times, absolute paths and papermill's own error banner."""
    import nbformat

    text = path.read_text("utf-8").replace(json.dumps(str(root))[1:-1], ".")
    book = nbformat.reads(text, 4)
    book.metadata.pop("papermill", None)
    kept = []
    for cell in book.cells:
        if any(tag.startswith("papermill-error-cell") for tag in cell.metadata.get("tags", [])):
            continue
        for noise in ("papermill", "execution"):
            cell.metadata.pop(noise, None)
        kept.append(cell)
    book.cells = kept
    for number, cell in enumerate(book.cells):
        cell["id"] = f"cell-{number:03d}"
    return book


def _page_fault(book: Any) -> str | None:
    """What a page may not go out with: a picture without alternative text, or a picture that was lost."""
    from cxlab.exhibits import MIME
    from cxlab.report.html import figures_without_alt

    if missing := figures_without_alt(book):
        way_out = "show it with exhibits.exhibit(…, alt=…)"
        return f"cell {missing[0][0] + 1} shows a picture without alternative text; {way_out}"
    for number, cell in enumerate(book.cells, 1):
        for output in cell.get("outputs", []):
            part = output.get("data", {}).get(MIME, {})
            if part.get("kind") == "exhibit" and part.get("alt") and "image/png" not in output["data"]:
                return f"the picture of cell {number} was lost"
    return None


def _answer(book: Any) -> str:
    """The lead of the notebook's answer; empty where it gives none."""
    from cxlab.exhibits import MIME

    for cell in book.cells:
        for output in cell.get("outputs", []):
            part = output.get("data", {}).get(MIME, {})
            if part.get("kind") == "answer":
                return str(part.get("lead", ""))
    return ""


def _keep_products(outcome: _Outcome, made: Path, products: Path) -> None:
    """Hand products on to the rest of the run. What a notebook promised and did not make is its failure."""
    for name in outcome.notebook.produces:
        path = made / f"{name}.parquet"
        if not path.is_file():
            outcome.status, outcome.reason = "failed", f"promises the product `{name}` and did not save it"
            return
    for path in sorted(made.glob("*.parquet")) if made.is_dir() else []:
        outcome.products[path.stem] = _sha(path)
        os.replace(path, products / path.name)


def _stage(
    run: _Run, outcomes: dict[str, _Outcome], folder: Path, published: dict[str, Any] | None, loaded: Any
) -> dict[str, Any]:
    """Put the whole new report together under `stage/` and return its manifest."""
    stage = folder / "stage"
    (stage / "tables").mkdir(parents=True)
    before = {entry["name"]: entry for entry in (published or {}).get("notebooks", [])}
    old_findings = publish.read_findings(run.target)
    findings: list[dict[str, Any]] = []
    for name, outcome in outcomes.items():
        has_old = (run.target / f"{name}.html").is_file() and before.get(name, {}).get("page") == "good"
        if outcome.status == "ok" and outcome.book is not None:
            findings += _stage_new(outcome, folder / "work" / name, stage)
        elif (outcome.carried or outcome.status == "failed") and has_old:
            findings += [finding for finding in old_findings if finding["notebook"] == name]
            _copy_page(run.target, stage, name)
        if outcome.status == "failed":
            _keep_failed(run, outcome, folder)
    entries = [_manifest_entry(outcome, before.get(outcome.notebook.name)) for outcome in outcomes.values()]
    for name, entry in before.items():  # pages of notebooks that this run was not asked for
        if name not in outcomes and (run.root / "notebooks" / f"{name}.ipynb").is_file():
            entries.append({**entry, "carried": True})
            findings += [finding for finding in old_findings if finding["notebook"] == name]
            _copy_page(run.target, stage, name)
    entries.sort(key=lambda entry: entry["name"])
    findings.sort(key=lambda finding: finding["notebook"])
    manifest = _manifest(run, outcomes, entries, loaded)
    with run.step("render"):
        _render(run, outcomes, manifest, findings, stage)
    manifest["steps"] = run.steps
    (stage / "findings.json").write_text(_as_json(findings), "utf-8")
    (stage / "manifest.json").write_text(_as_json(manifest), "utf-8")
    return manifest


def _as_json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _stage_new(outcome: _Outcome, work: Path, stage: Path) -> list[dict[str, Any]]:
    """Stage the executed copy, tables and restricted lists of one notebook; returns its findings."""
    import nbformat

    nbformat.write(outcome.book, stage / f"{outcome.notebook.name}.ipynb")
    for kind in ("tables", "restricted"):
        for path in sorted((work / kind).glob("*")) if (work / kind).is_dir() else []:
            (stage / kind).mkdir(mode=0o700 if kind == "restricted" else 0o755, exist_ok=True)
            name = path.name if path.name.startswith(outcome.notebook.name) else f"{outcome.notebook.name}_{path.name}"
            shutil.copyfile(path, stage / kind / name)
    recorded = work / "findings.jsonl"
    lines = recorded.read_text("utf-8").splitlines() if recorded.is_file() else []
    return [json.loads(line) for line in lines]


def _copy_page(target: Path, stage: Path, name: str) -> None:
    """Carry a published page over: HTML, executed copy, tables, restricted lists."""
    for path in (target / f"{name}.html", target / f"{name}.ipynb"):
        if path.is_file():
            shutil.copy2(path, stage / path.name)
    for kind in ("tables", "restricted"):
        for path in sorted((target / kind).glob(f"{name}_*")):
            (stage / kind).mkdir(mode=0o700 if kind == "restricted" else 0o755, exist_ok=True)
            shutil.copy2(path, stage / kind / path.name)


def _keep_failed(run: _Run, outcome: _Outcome, folder: Path) -> None:
    """Keep the executed copy of a failed notebook for whoever mends it."""
    executed = folder / "work" / outcome.notebook.name / "executed.ipynb"
    if executed.is_file():
        kept = run.root / "reports" / ".failed" / folder.name
        kept.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(executed, kept / f"{outcome.notebook.name}.ipynb")
        (kept / f"{outcome.notebook.name}.log").write_text(f"{outcome.reason}\n", "utf-8")


def _manifest_entry(outcome: _Outcome, before: dict[str, Any] | None) -> dict[str, Any]:
    """One notebook in the manifest. `page` says whether a good page is published, one with a banner, or none."""
    good = outcome.status == "ok"
    if outcome.status == "failed":
        kept = before is not None and before.get("page") == "good"
        page = "good" if kept else "banner"
        answer = before["answer"] if kept and before else outcome.answer
    else:
        page, answer = ("good" if good else "none"), outcome.answer
    return {
        "name": outcome.notebook.name,
        "title": outcome.notebook.title,
        "status": outcome.status,
        "reason": outcome.reason,
        "seconds": outcome.seconds,
        "page": page,
        "answer": answer,
        "summary_rank": outcome.notebook.summary_rank,
        "carried": outcome.carried,
        "parameters": outcome.values,
        "products": outcome.products,
        "key": outcome.key,
    }


def _manifest(run: _Run, outcomes: dict[str, _Outcome], entries: list[dict[str, Any]], loaded: Any) -> dict[str, Any]:
    run.inputs.update(_decisions(run.root, run.study))  # as the run left them: unchanged until a person edits
    products = {name: digest for outcome in outcomes.values() for name, digest in outcome.products.items()}
    for entry in entries:
        if entry["name"] in outcomes:
            entry["key"] = _key(run, outcomes[entry["name"]], products)
    by_rank = sorted(
        (e for e in entries if e["answer"] and e["page"] == "good"), key=lambda e: (e["summary_rank"], e["name"])
    )
    accounting = loaded.accounting
    return {
        "study": run.study,
        "study_name": run.config.study.name,
        "simulated": run.config.study.simulated,
        "source_note": run.config.study.source_note,
        "period": run.period.label,
        "period_words": run.period.words(),
        "draft": run.draft,
        "published": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "lead": by_rank[0]["answer"] if by_rank else "",
        "notebooks": entries,
        "parameters": {entry["name"]: entry["parameters"] for entry in entries},
        "inputs": run.inputs,
        "rows": {name: int(accounting[name].sum()) for name in ("rows", "kept", "rejected")},
        "rows_known": _rows_known(run, loaded),
        "data_until": _data_until(run, loaded),
        "git_commit": _git_commit(run.root),
        "versions": _versions(),
        "code": run.code,
        "steps": run.steps,
    }


def _rows_known(run: _Run, loaded: Any) -> dict[str, dict[str, Any]]:
    """Rows of each table that this report knew, so that a later run can count those that arrived late."""
    return {name: {"end": run.period.end.isoformat(), "rows": rows} for name, rows in _rows_until(run, loaded).items()}


def _data_until(run: _Run, loaded: Any) -> str | None:
    """The newest moment in the data that counts, as a date in the study's zone."""
    import pandas as pd

    from cxlab.data.tables import select

    newest = [
        select(frame, name, run.period, "to_date")["counted_at"].max()
        for name, frame in loaded.tables.items()
        if "counted_at" in frame
    ]
    known = [moment for moment in newest if not pd.isna(moment)]
    return str(max(known).tz_convert(run.config.study.timezone).date()) if known else None


def _git_commit(root: Path) -> str | None:
    """The commit of the checkout, with +dirty for uncommitted changes; None outside a repository."""

    def git(*arguments: str) -> str | None:
        try:
            ended = subprocess.run(
                ["git", *arguments], cwd=root, capture_output=True, text=True, check=False, timeout=20
            )
        except (FileNotFoundError, subprocess.TimeoutExpired):
            return None
        return ended.stdout.strip() if ended.returncode == 0 else None

    commit = git("rev-parse", "--short=12", "HEAD")
    return f"{commit}+dirty" if commit and git("status", "--porcelain") else commit


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {"cxlab": __version__, "python": ".".join(map(str, sys.version_info[:3]))}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _render(
    run: _Run, outcomes: dict[str, _Outcome], manifest: dict[str, Any], findings: list[dict[str, Any]], stage: Path
) -> None:
    """Render the new pages and the index."""
    from cxlab.report import changes, html, pages

    entries = {entry["name"]: entry for entry in manifest["notebooks"]}
    for name, outcome in outcomes.items():
        if outcome.book is None or entries[name]["page"] == "none" or (stage / f"{name}.html").is_file():
            continue
        facts = html.PageFacts.from_manifest(manifest, entries[name])
        (stage / f"{name}.html").write_text(html.render_page(outcome.book, facts), "utf-8")
    earlier = publish.earlier_report(run.root, run.study, run.period)
    compared = changes.compare_findings(publish.read_findings(earlier), findings) if earlier else []
    (stage / "changes.json").write_text(changes.as_json(compared), "utf-8")
    index = pages.render_index(manifest, findings, compared, previous=earlier.name if earlier else None)
    (stage / "index.html").write_text(index, "utf-8")


def _publish_products(run: _Run, outcomes: Mapping[str, _Outcome], folder: Path) -> None:
    """Make the products of this run those of the period."""
    run.products_dir.mkdir(parents=True, exist_ok=True)
    for outcome in outcomes.values():
        for name in outcome.products:
            if not outcome.carried:
                os.replace(folder / "products" / f"{name}.parquet", run.products_dir / f"{name}.parquet")


def _message(run: _Run, manifest: dict[str, Any]) -> str:
    """How the run ended, with failed and skipped notebooks named."""
    lines = [f"{run.study} {run.period.label}:"]
    for status, words in (("ok", "published"), ("failed", "failed"), ("skipped", "not run")):
        entries = [entry for entry in manifest["notebooks"] if entry["status"] == status]
        if entries and status == "ok":
            lines[0] += f" {len(entries)} of {len(manifest['notebooks'])} notebooks {words}."
        lines += [f"  {words}: {entry['name']} ({entry['reason']})" for entry in entries if status != "ok"]
    return "\n".join(lines)


def _exit_code(manifest: dict[str, Any]) -> int:
    return 1 if any(entry["status"] == "failed" for entry in manifest["notebooks"]) else 0


def periods_since(
    study: str,
    since: str,
    *,
    root: Path | str = ".",
    raw_dir: Path | str | None = None,
    draft: str | None = None,
    force: bool = False,
) -> list[str]:
    """The periods from `since` to the last with rows that have no report yet (all of them with `force`)."""
    from cxlab.data.tables import ingest

    root = Path(root).resolve()
    config = _config(root, study)
    first = Period.parse(since, config.study.timezone)
    loaded = ingest(root, study, config, raw_dir=Path(raw_dir).resolve() if raw_dir is not None else None)
    if errors := [problem for problem in loaded.problems if problem.severity == "error"]:
        raise StudyError(errors)
    dated = ("events", "responses", "comments", "transactions", "invitations")
    newest = [frame["counted_at"].max() for name, frame in loaded.tables.items() if name in dated and len(frame)]
    moments = [moment for moment in newest if moment == moment]
    if not moments:
        raise StudyError(Problem(f"--since {since}", f"{study} has no dated rows", "name one period with --period"))
    last_day = max(moments).tz_convert(config.study.timezone).date()
    last = Period.containing(last_day, first.length, config.study.timezone)
    if last.first < first.first:
        raise StudyError(
            Problem(f"--since {since}", f"the newest rows of {study} are of {last.label}", "begin earlier")
        )
    return [
        period.label
        for period in first.up_to(last)
        if force or not (publish.report_dir(root, study, period.label, draft) / "manifest.json").is_file()
    ]
