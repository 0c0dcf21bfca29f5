"""Running notebooks: each in its own kernel, after those whose products it uses, several at a time.

A notebook that fails does not stop the others. Whether one has failed is judged by what was raised and by what it left
behind, never by what the executed copy says about itself: after a killed kernel it says that all is well.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from cxlab.context import RunContext
from cxlab.problems import Problem, StudyError
from cxlab.report import graph, parameters, publish
from cxlab.report.kernels import Kernels
from cxlab.report.plan import Entry, Plan, Task, entries, file_hash, is_current

Progress = Callable[[str, str, str, float], None]

_CELL_FILE = re.compile(r"(?<![^\s\"'<>])[^\s\"'<>]*[/\\]ipykernel_\d+[/\\]\d+\.py")  # linear in a long picture, too
_PARAMETER = re.compile(r"parameter `(\w+)`: ")  # as `ParameterError` begins
_ADDRESS = re.compile(r"\b0x[0-9a-f]{8,}\b")


def run_tasks(
    plan: Plan,
    rows: Mapping[str, int],
    folder: Path,
    kernels: Kernels,
    *,
    published: Entry | None,
    jobs: int,
    progress: Progress,
) -> None:
    """Run what has changed and carry over the rest. `rows` is table → rows until the period's end.

    Raises `StudyError` where the data allow none of the values that somebody gave a notebook.

    Leaves the products of the run in `folder/products`, everything else of a notebook in `folder/work/<name>` and in its
    task.
    """
    (folder / "products").mkdir()
    waiting = list(plan.tasks.values())
    running: dict[Future[None], Task] = {}
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        try:
            while waiting or running:
                for task in [task for task in waiting if not plan.after[task.name] & _names(waiting, running)]:
                    if len(running) == jobs:
                        break
                    waiting.remove(task)
                    if _settle(plan, task, rows, folder, published):
                        progress("execute", task.name, "carried over" if task.carried else task.status, 0.0)
                    else:
                        progress("execute", task.name, "started", 0.0)
                        running[pool.submit(_execute, plan, task, folder, kernels)] = task
                for future in wait(running, return_when=FIRST_COMPLETED).done if running else ():
                    task = running.pop(future)
                    future.result()
                    progress("execute", task.name, task.status, task.seconds)
        except BaseException:  # the run is being ended: without their kernels the threads end at once
            kernels.kill()
            raise
    if refused := [task for task in plan.tasks.values() if task.refused]:
        raise StudyError([Problem(f"notebook {task.name}", task.refused) for task in refused])


def _names(waiting: list[Task], running: Mapping[Future[None], Task]) -> set[str]:
    return {task.name for task in (*waiting, *running.values())}


def _settle(plan: Plan, task: Task, rows: Mapping[str, int], folder: Path, published: Entry | None) -> bool:
    """Carry a notebook over or skip it. False where it has to run."""
    products = {name: digest for other in plan.tasks.values() for name, digest in other.products.items()}
    if is_current(plan, task, published, products):
        entry = entries(published)[task.name]
        task.status, task.reason, task.carried = entry["status"], entry["reason"], True
        task.products = entry["products"]
        for name in task.products:
            shutil.copyfile(plan.products_dir / f"{name}.parquet", folder / "products" / f"{name}.parquet")
        return True
    task.reason = _skip_reason(plan, task, rows, products)
    if task.reason is not None:
        task.status = "skipped"
    return task.reason is not None


def _skip_reason(plan: Plan, task: Task, rows: Mapping[str, int], products: Mapping[str, str]) -> str | None:
    """Why a notebook cannot run: a table or a product that it needs is not there. None where it can."""
    if table := graph.missing_table(task.notebook, rows):
        return f"needs {table}: the study has no such source"
    for name in task.notebook.needs:
        if graph.is_table(name):
            if not rows[graph.DERIVED.get(name, name)]:
                return f"needs {name}: there are no rows up to the end of {plan.period.label}"
        elif name not in products:
            makers = [other for other in plan.tasks.values() if name in other.notebook.produces]
            if not makers:
                return f"needs {name}: none of the study's notebooks makes it"
            return f"needs {name}: {makers[0].name} did not make it ({makers[0].status})"
    return None


def _execute(plan: Plan, task: Task, folder: Path, kernels: Kernels) -> None:
    """Run one notebook in its own kernel and keep what it left: the executed copy, findings, tables, products."""
    work = folder / "work" / task.name
    context_file = _prepare(plan, task, folder, work)
    executed = work / "executed.ipynb"
    start = time.perf_counter()
    try:
        _run_papermill(task, executed, kernels.manager_class(context_file, plan.root))
        task.status = "ok"
    except Exception as error:  # whatever goes wrong in one notebook is its failure, and not that of the run
        task.status, task.reason = "failed", _reason(error)
        task.log = "".join(traceback.format_exception(error))
        _settle_refusal(task, error)
    task.seconds = round(time.perf_counter() - start, 2)
    if task.status == "skipped":
        return
    task.book = cleaned(executed if executed.is_file() else task.notebook.path, _places(plan, folder))
    stock = json.loads(_text(work / "kernel.json") or "{}")
    task.cpu_seconds = stock.get("cpu_seconds", 0.0)
    task.answer = answer_of(task.book)
    task.findings = [json.loads(line) for line in _text(work / "findings.jsonl").splitlines()]
    if task.status == "ok":
        fault = _fault(task, work, stock.get("lost_figures", 0))
        task.status, task.reason = ("failed", fault) if fault else ("ok", None)
    if task.status == "ok":
        for path in sorted((work / "products").glob("*.parquet")):
            task.products[path.stem] = file_hash(path)
            os.replace(path, folder / "products" / path.name)
    else:
        task.reason = _without_places(task.reason or "", _places(plan, folder))
        task.log = _without_places(task.log + _text(work / "kernel.log"), _places(plan, folder))


def _prepare(plan: Plan, task: Task, folder: Path, work: Path) -> Path:
    """The folders and the context of one notebook. Of the products it sees those that it says it uses."""
    for name in ("tables", "inputs"):
        (work / name).mkdir(parents=True)
    for name in task.uses:
        product = folder / "products" / f"{name}.parquet"
        if product.is_file():
            shutil.copyfile(product, work / "inputs" / product.name)
    before = None
    if task.name == graph.LAST:
        before = work / "findings_before.json"
        before.write_text(json.dumps(_findings_before(plan, task)), "utf-8")
    context = RunContext(
        study=plan.study,
        period=plan.period.label,
        root=str(plan.root),
        notebook=task.name,
        stage=str(work),
        products=str(work / "inputs"),
        raw_dir=str(plan.raw_dir) if plan.raw_dir else None,
        draft=plan.draft,
        findings=str(before) if before else None,
    )
    context.write(work / "context.json")
    return work / "context.json"


def _findings_before(plan: Plan, task: Task) -> list[dict[str, Any]]:
    """What the other notebooks of the report have found: in this run, or on the pages that stay as they are."""
    published = publish.read_findings(plan.target)
    made = {name: other.findings for name, other in plan.tasks.items() if other.status == "ok" and not other.carried}
    kept = [entry for entry in published if entry["notebook"] not in made and entry["notebook"] != task.name]
    return [entry for name in sorted(made) if name != task.name for entry in made[name]] + kept


def _is_no_false_alarm(record: logging.LogRecord) -> bool:
    """papermill's own reading of the parameters cell knows no Literal; `report.parameters` has checked every name."""
    return not record.getMessage().startswith("Passed unknown parameter")


def _run_papermill(task: Task, executed: Path, manager_class: type) -> None:
    from cxlab.report import notebook_format  # noqa: F401 (before papermill, which imports nbformat)

    import papermill  # isort: skip

    logging.getLogger("papermill").addFilter(_is_no_false_alarm)
    papermill.execute_notebook(
        task.notebook.path,
        executed,
        parameters=task.values,
        kernel_name="python3",
        language="python",
        kernel_manager_class=manager_class,
        progress_bar=False,
        record_timing=False,
    )


def _reason(error: Exception) -> str:
    """One line that says why a notebook failed."""
    from nbclient.exceptions import DeadKernelError
    from papermill import PapermillExecutionError

    if isinstance(error, PapermillExecutionError):
        return _first_line(f"{error.ename}: {error.evalue}")
    if isinstance(error, DeadKernelError):
        return "the kernel died: was it killed, or out of memory?"
    return _first_line(f"{type(error).__name__}: {error}")


def _settle_refusal(task: Task, error: Exception) -> None:
    """A notebook whose question the study cannot be asked is not run; a value that somebody gave is to be refused."""
    kind = getattr(error, "ename", "")
    if kind not in ("NotApplicableError", "ParameterError"):
        return
    task.reason = _first_line(error.evalue)  # type: ignore[attr-defined]
    named = _PARAMETER.match(task.reason)
    default = parameters.declared(task.notebook.path).get(named[1], (None, None))[1] if named else None
    if named and task.values.get(named[1]) != default:
        task.refused = task.reason
    else:
        task.status = "skipped"


def _first_line(text: str) -> str:
    return (text.strip().split("\n") or [""])[0][:500]


def _text(path: Path) -> str:
    return path.read_text("utf-8", errors="replace") if path.is_file() else ""


def _fault(task: Task, work: Path, lost_figures: int) -> str | None:
    """What a notebook may not be published with, though no cell has raised anything."""
    from cxlab.report.html import figures_without_alt

    for number, cell in enumerate(task.book.cells, 1):
        if cell.cell_type == "code" and cell.source.strip() and cell.execution_count is None:
            return f"cell {number} was not run: the kernel was left before it"
    if lost_figures:
        return f"{lost_figures} of its pictures were drawn and never shown"
    if missing := figures_without_alt(task.book):
        way_out = "show it with exhibits.exhibit(…, alt=…)"
        return f"cell {missing[0][0] + 1} shows a picture without alternative text; {way_out}"
    known = Counter((finding["name"], finding["level"], finding["target"]) for finding in task.findings)
    for (name, level, target), times in known.items():
        if times > 1:
            return f"records the finding `{name}` ({level}{f', {target}' if target else ''}) {times} times"
    for name in task.notebook.produces:
        if not (work / "products" / f"{name}.parquet").is_file():
            return f"promises the product `{name}` and did not save it"
    for path in sorted((work / "products").glob("*.parquet")):
        if path.stem not in task.notebook.produces:
            return f"saved the product `{path.stem}`, which its metadata does not list under `produces`"
    return None


def answer_of(book: Any) -> str:
    """The lead of the notebook's answer; empty where it gives none."""
    from cxlab.report.html import EXHIBIT

    for cell in book.cells:
        for output in cell.get("outputs", []):
            part = output.get("data", {}).get(EXHIBIT, {})
            if part.get("kind") == "answer":
                return str(part.get("lead", ""))
    return ""


def _places(plan: Plan, folder: Path) -> dict[str, str]:
    """Folders of this machine, and what a reader sees instead."""
    package = Path(__file__).resolve().parents[2]
    known = {
        str(folder): ".",
        str(plan.raw_dir or plan.root): "raw" if plan.raw_dir else ".",
        str(plan.root): ".",
        str(package): ".",
        sys.prefix: "python",
        sys.base_prefix: "python",
        tempfile.gettempdir(): "tmp",
        str(Path.home()): "~",
    }
    return {place: known[place] for place in sorted(known, key=len, reverse=True) if len(place) > 1}


def _without_places(text: str, places: Mapping[str, str]) -> str:
    text = _CELL_FILE.sub("cell.py", text)
    for place, shown in places.items():
        if place not in text:
            continue
        # a whole path, where one begins; the colour code of a traceback may stand before it
        whole = rf"(?:(?<![\w./-])|(?<=\dm)|(?<=file://)){re.escape(place)}(?![\w.-])"
        text = re.sub(whole, shown, text)
    return text


def cleaned(path: Path, places: Mapping[str, str]) -> Any:
    """The executed notebook without clock times, absolute paths, memory addresses and papermill's own error banner."""
    from cxlab.report.notebook_format import nbformat

    book = nbformat.read(path, as_version=4)
    book.metadata.pop("papermill", None)
    book.cells = [cell for cell in book.cells if "papermill-error-cell-tag" not in cell.metadata.get("tags", [])]
    for number, cell in enumerate(book.cells):
        cell["id"] = f"cell-{number:03d}"
        for noise in ("papermill", "execution"):
            cell.metadata.pop(noise, None)
        cell.source = _without_places(cell.source, places)
        if "outputs" in cell:
            cell.outputs = [_cleaned_output(output, places) for output in cell.outputs]
    return book


def _cleaned_output(value: Any, places: Mapping[str, str]) -> Any:
    """An output, or a part of one. Pictures stay as they are."""
    if isinstance(value, str):
        return _ADDRESS.sub("0x…", _without_places(value, places))
    if isinstance(value, list):
        return [_cleaned_output(part, places) for part in value]
    if isinstance(value, dict):
        return type(value)(
            {
                key: part if key in ("image/png", "image/jpeg", "application/pdf") else _cleaned_output(part, places)
                for key, part in value.items()
            }
        )
    return value
