"""One command publishes a report: plan, lock, load, execute, render, publish.

Everything that can be refused is refused before a lock, a kernel or a file. A report is replaced as a whole or not at all,
and a run that is killed leaves nothing that the next one does not put right.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxlab.config import study_config
from cxlab.period import Period
from cxlab.problems import Problem, StudyError
from cxlab.report import publish
from cxlab.report.plan import Entry, Plan, is_unchanged, make_plan
from cxlab.report.publish import LockedError

if TYPE_CHECKING:
    from cxlab.data.tables import Ingest
    from cxlab.report.execution import Progress

__all__ = ["LockedError", "RunResult", "periods_since", "run_study"]


@dataclass(frozen=True)
class RunResult:
    """How a run ended. `manifest` is that of the published report; `exit_code` is 0, or 1 where a notebook failed."""

    exit_code: int
    report_dir: Path
    manifest: dict[str, Any]
    message: str
    unchanged: bool = False


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

    `notebooks` are stems (None: those of `[report] notebooks`, or all whose name starts with a digit); what they build on
    runs too where it has changed. `params` are name → value, or NOTEBOOK.name → value. `force` runs what is asked for
    even if it is unchanged. `progress(step, notebook, status, seconds)` is called as things happen: `step` is ingest,
    execute, render or publish; `notebook` is "" for a whole step; `status` is started, ok, failed, skipped or carried over.

    Raises `StudyError` for whatever the caller can mend (nothing is touched then) and `LockedError` where another run of
    the same report is going on.
    """
    if jobs < 1:
        raise StudyError(Problem("jobs", f"got {jobs}", "at least 1 notebook runs at a time"))
    plan = make_plan(
        Path(root).resolve(),
        study,
        notebooks,
        period=period,
        params=params or {},
        raw_dir=Path(raw_dir).resolve() if raw_dir is not None else None,
        draft=draft,
        force=force,
    )
    if not publish.was_killed(plan.root, plan.target) and (result := _unchanged(plan)):
        return result
    from cxlab.report.kernels import start_server

    clock, forked = _Clock(progress or _silent), start_server()
    with clock.step("ingest"):  # before the lock: what is wrong with the data changes nothing under reports/
        loaded = _load(plan)
    with publish.report_lock(plan.root, plan.target), _ended_by_signals():
        publish.recover(plan.root, plan.target)
        if result := _unchanged(plan):
            _refresh_overview(plan)
            return result
        return _run(plan, loaded, clock, jobs, forked=forked)


def _silent(step: str, notebook: str, status: str, seconds: float) -> None:
    """The progress display of a caller who wants none."""


def _unchanged(plan: Plan) -> RunResult | None:
    published = plan.published()
    if published is None or not is_unchanged(plan, published):
        return None
    message = f"{plan.study} {plan.period.label}: unchanged, nothing to do."
    return RunResult(0, plan.target, published, message, unchanged=True)


@dataclass
class _Clock:
    """Times the steps of a run, for its manifest and for whoever watches."""

    progress: Progress
    steps: dict[str, dict[str, float]] = field(default_factory=dict)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Wall seconds and CPU seconds of this process; those of forked kernels stand with their notebooks."""
        self.progress(name, "", "started", 0.0)
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        seconds = time.perf_counter() - wall
        self.steps[name] = {"seconds": round(seconds, 2), "cpu_seconds": round(time.process_time() - cpu, 2)}
        self.progress(name, "", "ok", seconds)


def _run(plan: Plan, loaded: Ingest, clock: _Clock, jobs: int, *, forked: bool) -> RunResult:
    """Execute, render and publish. The caller holds the lock."""
    from cxlab.report import execution, staging
    from cxlab.report.kernels import Kernels

    run = publish.new_run(plan.root, plan.target)
    folder = run.path
    try:
        kernels = Kernels(run.sockets, forked=forked)
        published = plan.published()
        rows = staging.rows_until(plan, loaded)
        with clock.step("execute"):
            execution.run_tasks(plan, rows, folder, kernels, published=published, jobs=jobs, progress=clock.progress)
        manifest = staging.stage_report(plan, folder, published, loaded, clock.step)
        with clock.step("publish"):
            _publish(plan, folder, manifest, clock)
    finally:
        run.end()
    code = 1 if any(task.status == "failed" for task in plan.tasks.values()) else 0
    return RunResult(code, plan.target, manifest, _message(plan, manifest))


def _load(plan: Plan) -> Ingest:
    """Read and check all sources. Raises `StudyError` with every error in them."""
    from cxlab.data.tables import ingest

    loaded = ingest(plan.root, plan.study, plan.config, raw_dir=plan.raw_dir)
    if errors := [problem for problem in loaded.problems if problem.severity == "error"]:
        raise StudyError(errors)
    return loaded


def _publish(plan: Plan, folder: Path, manifest: Entry, clock: _Clock) -> None:
    """Make the staged report, and the products it was made with, those of the period."""
    made = [(name, plan.products_dir / f".{name}.partial") for name in _new_products(plan)]
    plan.products_dir.mkdir(parents=True, exist_ok=True)
    for name, partial in made:  # copied first: it may be another disk, and a full one
        shutil.copyfile(folder / "products" / f"{name}.parquet", partial)
    manifest["steps"] = clock.steps
    (folder / "stage" / "manifest.json").write_text(publish.as_json(manifest), "utf-8")
    with _signals_wait():
        publish.exchange(folder / "stage", plan.target, folder / "old")
        for name, partial in made:
            os.replace(partial, plan.products_dir / f"{name}.parquet")
        _refresh_overview(plan)


def _new_products(plan: Plan) -> list[str]:
    return [name for task in plan.tasks.values() if not task.carried for name in task.products]


def _refresh_overview(plan: Plan) -> None:
    if plan.draft is None:
        publish.refresh_overview(plan.root)


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM ends the run as Ctrl-C does: its kernels are killed, nothing is published, the process leaves with 143."""

    def end(signum: int, frame: object) -> None:
        raise SystemExit(128 + signum)

    with _handling({signal.SIGTERM: end}):
        yield


@contextlib.contextmanager
def _signals_wait() -> Iterator[None]:
    """Keep the last moment of a run, the exchange of the reports, in one piece."""
    with _handling({signal.SIGTERM: signal.SIG_IGN, signal.SIGINT: signal.SIG_IGN}):
        yield


@contextlib.contextmanager
def _handling(handlers: Mapping[signal.Signals, Any]) -> Iterator[None]:
    """Handle signals in this way for a while. Python handles them in its main thread alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _message(plan: Plan, manifest: Entry) -> str:
    """How the run ended, with failed and skipped notebooks named."""
    states = [entry["status"] for entry in manifest["notebooks"]]
    lines = [f"{plan.study} {plan.period.label}: published, {states.count('ok')} of {len(states)} notebooks are good."]
    if plan.provisional:
        lines.append("  provisional: the period has not ended; `--since` runs it again once it has")
    for status, words in (("failed", "failed"), ("skipped", "not run")):
        entries = [entry for entry in manifest["notebooks"] if entry["status"] == status]
        lines += [f"  {words}: {entry['name']} ({entry['reason']})" for entry in entries]
    return "\n".join(lines)


def periods_since(
    study: str,
    since: str,
    *,
    root: Path | str = ".",
    raw_dir: Path | str | None = None,
    draft: str | None = None,
    force: bool = False,
) -> list[str]:
    """The periods from `since` to the last with rows that have no report yet (all of them with `force`).

    A report that was made before its period had ended counts as none once it has.
    """
    from cxlab.data.tables import ingest

    root = Path(root).resolve()
    config = study_config(root, study)
    first = Period.parse(since, config.study.timezone)
    if draft is not None:
        raise StudyError(Problem("--since", "makes several reports and a draft is one", "name one period"))
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
        if force or not _is_final(publish.read_manifest(publish.report_dir(root, study, period.label)))
    ]


def _is_final(manifest: Entry | None) -> bool:
    return manifest is not None and not manifest.get("provisional", False)
