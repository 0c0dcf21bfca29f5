"""Putting the new report together beside the old one: pages, tables, findings, manifest, index.

It holds the newest good page of every notebook: those of this run, and the published ones of notebooks that have not
changed, were not asked for, or have failed or been skipped this time.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cxlab import __version__
from cxlab.report import publish
from cxlab.report.plan import Entry, Plan, Task, compared_with, decisions, entries, kept_entries, task_key

if TYPE_CHECKING:
    from cxlab.data.tables import Ingest

PACKAGES = (
    "numpy", "pandas", "scipy", "statsmodels", "scikit-learn", "ibis-framework", "duckdb", "matplotlib", "papermill",
    "nbconvert",
)  # fmt: skip
_KINDS = {"tables": 0o755, "restricted": 0o700}
Step = Callable[[str], AbstractContextManager[None]]


@dataclass
class _Staged:
    """The report that is being put together: entries of the manifest and findings, by notebook."""

    folder: Path
    entries: dict[str, Entry]
    findings: dict[str, list[Entry]]


def stage_report(plan: Plan, folder: Path, published: Entry | None, loaded: Ingest, step: Step) -> Entry:
    """Put the whole new report together under `folder/stage` and return its manifest (without the last timings)."""
    staged = _Staged(folder / "stage", {}, {})
    (staged.folder / "tables").mkdir(parents=True)
    before = entries(published)
    old_findings = publish.read_findings(plan.target)
    _settle_keys(plan)
    for task in plan.tasks.values():
        _stage_task(plan, task, before.get(task.name), old_findings, staged, folder / "work" / task.name)
        if task.status == "failed":
            _keep_failed(plan, task, folder)
    for entry in kept_entries(plan, published):
        _carry(plan, {**entry, "carried": True}, old_findings, staged)
    findings = [finding for name in sorted(staged.findings) for finding in staged.findings[name]]
    manifest = _manifest(plan, [staged.entries[name] for name in sorted(staged.entries)], loaded)
    with step("render"):
        _render(plan, manifest, findings, staged.folder)
    (staged.folder / "findings.json").write_text(publish.as_json(findings), "utf-8")
    return manifest


def _settle_keys(plan: Plan) -> None:
    """Take in the decisions that this run has written: it stays unchanged until a person edits them."""
    data = {name: digest for name, digest in plan.inputs.items() if not name.startswith("decisions/")}
    plan.inputs = data | decisions(plan.root, plan.study)
    products = {name: digest for task in plan.tasks.values() for name, digest in task.products.items()}
    for task in plan.tasks.values():
        task.key = task_key(plan, task, task.values, products)


def _stage_task(
    plan: Plan, task: Task, before: Entry | None, old_findings: list[Entry], staged: _Staged, work: Path
) -> None:
    """Stage what one notebook of this run adds, or keep what is there already. Its page is rendered at the end."""
    from cxlab.report.notebook_format import nbformat

    if task.carried and before is not None:
        _carry(plan, {**before, "carried": True, "key": task.key}, old_findings, staged)
        return
    entry: Entry = {
        "name": task.name,
        "title": task.notebook.title,
        "question": task.notebook.question,
        "status": task.status,
        "reason": task.reason,
        "seconds": task.seconds,
        "cpu_seconds": task.cpu_seconds,
        "page": {"ok": "good", "failed": "banner", "skipped": "none"}[task.status],
        "answer": task.answer if task.status == "ok" else "",
        "summary_rank": task.notebook.summary_rank,
        "carried": False,
        "parameters": task.values,
        "products": task.products,
        "files": [],
        "key": task.key,
    }
    if task.status != "ok" and before is not None and before["page"] == "good":
        _carry(plan, entry | {key: before[key] for key in ("page", "answer", "files")}, old_findings, staged)
        return
    staged.entries[task.name] = entry
    staged.findings[task.name] = []
    if task.book is not None:
        nbformat.write(task.book, staged.folder / f"{task.name}.ipynb")
    if task.status == "ok":
        entry["files"] = _stage_files(task.name, work, staged.folder)
        staged.findings[task.name] = task.findings


def _carry(plan: Plan, entry: Entry, old_findings: list[Entry], staged: _Staged) -> None:
    """Stage a published page as it is: HTML, executed copy, tables, restricted lists, findings."""
    name = entry["name"]
    staged.entries[name] = entry
    staged.findings[name] = [finding for finding in old_findings if finding["notebook"] == name]
    for file in (f"{name}.html", f"{name}.ipynb", *entry["files"]):
        if (plan.target / file).is_file():
            _copy(plan.target / file, staged.folder / file)


def _copy(source: Path, target: Path) -> None:
    if target.parent.name in _KINDS:
        target.parent.mkdir(mode=_KINDS[target.parent.name], exist_ok=True)
    shutil.copyfile(source, target)
    if target.parent.name == "restricted":
        target.chmod(0o600)


def _stage_files(name: str, work: Path, stage: Path) -> list[str]:
    """Stage the tables and restricted lists of a notebook; returns their paths in the report."""
    files = []
    for kind in _KINDS:
        for path in sorted((work / kind).glob("*")):
            own = path.name if path.name.startswith(f"{name}_") else f"{name}_{path.name}"
            _copy(path, stage / kind / own)
            files.append(f"{kind}/{own}")
    return files


def _keep_failed(plan: Plan, task: Task, folder: Path) -> None:
    """Keep the executed copy and the log of a failed notebook for whoever mends it."""
    from cxlab.report.notebook_format import nbformat

    kept = plan.root / "reports" / ".failed" / folder.name
    kept.mkdir(parents=True, exist_ok=True)
    nbformat.write(task.book, kept / f"{task.name}.ipynb")
    (kept / f"{task.name}.log").write_text(f"{task.reason}\n\n{task.log}", "utf-8")


def _manifest(plan: Plan, notebooks: list[Entry], loaded: Ingest) -> Entry:
    with_answer = [entry for entry in notebooks if entry["answer"] and entry["page"] == "good"]
    first = min(with_answer, key=lambda entry: (entry["summary_rank"], entry["name"]), default=None)
    return {
        "study": plan.study,
        "study_name": plan.config.study.name,
        "simulated": plan.config.study.simulated,
        "source_note": plan.config.study.source_note,
        "period": plan.period.label,
        "period_words": plan.period_words,
        "provisional": plan.provisional,
        "draft": plan.draft,
        "report": {"min_base": plan.config.report.min_base, "caution_base": plan.config.report.caution_base},
        "published": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "compared_with": compared_with(plan),
        "lead": first["answer"] if first else "",
        "notebooks": notebooks,
        "parameters": {entry["name"]: entry["parameters"] for entry in notebooks},
        "inputs": plan.inputs,
        "rows": {name: int(loaded.accounting[name].sum()) for name in ("rows", "kept", "rejected")},
        "rows_known": {
            name: {"end": plan.period.end.isoformat(), "rows": rows} for name, rows in rows_until(plan, loaded).items()
        },
        "data_until": _data_until(plan, loaded),
        "git_commit": _git_commit(plan.root),
        "versions": _versions(),
        "code": plan.code,
    }


def rows_until(plan: Plan, loaded: Ingest) -> dict[str, int]:
    """Rows of each table that count up to the period's end."""
    from cxlab.data.tables import select

    return {name: len(select(frame, name, plan.period, "to_date")) for name, frame in loaded.tables.items()}


def _data_until(plan: Plan, loaded: Ingest) -> str | None:
    """The newest day in the data that counts, in the study's zone."""
    import pandas as pd

    from cxlab.data.tables import select

    newest = [select(frame, name, plan.period, "to_date")["counted_at"].max() for name, frame in loaded.tables.items()]
    known = [moment for moment in newest if not pd.isna(moment)]
    return str(max(known).tz_convert(plan.config.study.timezone).date()) if known else None


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


def _render(plan: Plan, manifest: Entry, findings: list[Entry], stage: Path) -> None:
    """Write the new pages, what changed since the earlier report, and the index."""
    from cxlab.report import changes, html, pages

    for entry in manifest["notebooks"]:
        page = stage / f"{entry['name']}.html"
        task = plan.tasks.get(entry["name"])
        if task is not None and task.book is not None and not page.exists():
            facts = html.PageFacts.from_manifest(manifest, entry)
            page.write_text(html.render_page(task.book, facts), "utf-8")
    earlier = publish.earlier_report(plan.root, plan.study, plan.period)
    compared = changes.compare_findings(publish.read_findings(earlier), findings) if earlier else []
    (stage / "changes.json").write_text(publish.as_json(compared), "utf-8")
    index = pages.render_index(manifest, findings, compared, previous=earlier.name if earlier else None)
    (stage / "index.html").write_text(index, "utf-8")
