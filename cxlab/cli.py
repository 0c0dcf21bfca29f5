"""The command line: `cxlab run STUDY --period 2026-Q3` and what belongs to it.

Exit codes: 0 ok · 1 a notebook failed · 2 bad parameters, configuration or data · 75 another run holds the lock.
Everything heavy is imported inside the command that needs it, so that a refusal comes at once.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from cxlab.problems import Problem, StudyError

if TYPE_CHECKING:
    from cxlab.report.runner import RunResult

OK, FAILED, REFUSED, LOCKED = 0, 1, 2, 75

app = typer.Typer(
    name="cxlab",
    help="The research workbench for customer experience teams.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

StudyName = Annotated[str, typer.Argument(help="Name of the folder under data/raw/.", metavar="STUDY")]
RawDir = Annotated[
    Path | None,
    typer.Option("--raw", help="Read the exports from this folder instead of data/raw/STUDY.", metavar="DIR"),
]
Jobs = Annotated[int, typer.Option("--jobs", min=1, help="Notebooks that run at the same time.")]
Force = Annotated[bool, typer.Option("--force", help="Run again what has not changed.")]


@app.command()
def demo(
    customers: Annotated[int, typer.Option(min=500, help="Customers of the simulated company.")] = 20_000,
    data_only: Annotated[bool, typer.Option("--data-only", help="Write the exports and stop.")] = False,
    jobs: Jobs = 2,
    force: Force = False,
) -> None:
    """Make the simulated company's exports and publish its last two periods."""
    from cxlab.demo import LAST_PERIODS, write_demo
    from cxlab.study import find_root

    root = find_root()
    with out.status("Making the simulated company …"):
        folder = write_demo(root, customers=customers)
    out.print(f"Simulated company of {customers:,} customers: {_relative(folder, root)}")
    if not data_only:
        _end([_run(root, "demo", [], period, {}, None, None, jobs, force) for period in LAST_PERIODS], root)


@app.command()
def init(
    study: StudyName,
    files: Annotated[list[Path], typer.Argument(help="Exports to describe.", metavar="FILE…")],
) -> None:
    """Draft a study.toml from exports: a beginning, with every guess marked."""
    from cxlab.draft import draft_study
    from cxlab.study import find_root

    root = find_root()
    path = draft_study(root, study, files)
    out.print(f"Drafted {_relative(path, root)}. Read it, mend the lines marked `check`, then: cxlab check {study}")


@app.command()
def check(study: StudyName, raw: RawDir = None) -> None:
    """Say everything that is wrong with the configuration and the data. Changes nothing."""
    from cxlab.data.quality import check as check_study
    from cxlab.study import find_root

    problems = check_study(find_root(), study, raw_dir=_folder(raw))
    _print_problems(problems, out)
    errors = sum(problem.severity == "error" for problem in problems)
    if errors:
        out.print(f"{study}: {errors} {'error' if errors == 1 else 'errors'}; nothing was changed.")
        raise typer.Exit(REFUSED)
    out.print(f"{study}: no errors. Next: cxlab run {study} --period …")


@app.command()
def run(
    study: StudyName,
    notebooks: Annotated[
        list[str] | None, typer.Argument(help="Notebooks by stem; none: all of the study.", metavar="[NOTEBOOK…]")
    ] = None,
    period: Annotated[str | None, typer.Option(help="2026, 2026-Q3, 2026-09, 2026-W38 or previous.")] = None,
    since: Annotated[str | None, typer.Option(help="Run every period from this one on that has no report yet.")] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", help="name=value, or NOTEBOOK.name=value.", metavar="NAME=VALUE"),
    ] = None,
    raw: RawDir = None,
    draft: Annotated[
        str | None, typer.Option(help="Publish under drafts/NAME; the period's report stays as it is.")
    ] = None,
    jobs: Jobs = 2,
    force: Force = False,
) -> None:
    """Run a study's notebooks for a period and publish the report."""
    from cxlab.study import find_root

    root = find_root()
    params = _parameters(parameter or [])
    raw_dir = _folder(raw)
    if (period is None) == (since is None):
        raise StudyError(
            Problem("cxlab run", "needs one of --period and --since, not both", "for example --period 2026-Q3")
        )
    periods = [period] if period is not None else _periods_since(root, study, str(since), raw_dir, draft, force)
    if not periods:
        out.print(f"{study}: every period since {since} has its report.")
        return
    results = [_run(root, study, notebooks or [], str(label), params, raw_dir, draft, jobs, force) for label in periods]
    _end(results, root)


@app.command()
def status() -> None:
    """List studies, their published periods and how each ended."""
    from cxlab.report.publish import overview_rows
    from cxlab.study import find_root

    rows = overview_rows(find_root())
    if not rows:
        out.print("Nothing is published yet. Begin with: cxlab run STUDY --period …")
    for row in rows:
        out.print(f"{row['study']:20} {row['period']:10} {row['published']}  {row['summary']}")


@app.command()
def diff(study: StudyName, a: str, b: str) -> None:
    """Compare the findings of two published periods."""
    from cxlab.report.changes import diff_lines
    from cxlab.study import find_root

    for line in diff_lines(find_root(), study, a, b):
        out.print(line)


@app.command()
def prune(
    study: StudyName, keep: Annotated[int, typer.Option(min=1, help="Newest periods of each length that stay.")] = 24
) -> None:
    """Remove the reports of all but the newest periods. They can be made again from data/raw."""
    from cxlab.report.publish import prune as prune_reports
    from cxlab.study import find_root

    removed = prune_reports(find_root(), study, keep=keep)
    out.print(f"{study}: removed {', '.join(removed)}" if removed else f"{study}: nothing to remove.")


@app.command()
def forget(
    study: StudyName,
    customer_id: Annotated[str, typer.Argument(metavar="CUSTOMER_ID")],
    unknown: Annotated[bool, typer.Option("--unknown", help="Also an id that no table knows.")] = False,
) -> None:
    """Remove a person from processed data, decisions and restricted lists, now and at every later run."""
    from cxlab.data.forgetting import forget as forget_customer
    from cxlab.report.publish import study_locks
    from cxlab.study import find_root

    root = find_root()
    with study_locks(root, study):  # a run that goes on would publish the person again
        for line in forget_customer(root, study, customer_id, unknown=unknown):
            out.print(line)


def main() -> None:
    """Entry point of the `cxlab` command."""
    from cxlab.report.publish import LockedError

    try:
        app()
    except StudyError as error:
        _print_problems(error.problems, err)
        sys.exit(REFUSED)
    except LockedError as error:
        err.print(str(error))
        sys.exit(LOCKED)


def _run(
    root: Path,
    study: str,
    notebooks: list[str],
    period: str,
    params: dict[str, str],
    raw_dir: Path | None,
    draft: str | None,
    jobs: int,
    force: bool,
) -> RunResult:
    from cxlab.report.runner import run_study

    with _progress(f"{study} {period}") as progress:
        return run_study(
            study, notebooks or None, period=period, params=params, root=root, raw_dir=raw_dir, draft=draft,
            jobs=jobs, force=force, progress=progress,
        )  # fmt: skip


def _end(results: list[RunResult], root: Path) -> None:
    """Say how each period ended, the index last, and leave with the worst exit code."""
    for result in results:
        out.print(result.message, markup=False)
    out.print(f"Report: {results[-1].report_dir / 'index.html'}")
    if code := max(result.exit_code for result in results):
        raise typer.Exit(code)


def _periods_since(
    root: Path, study: str, since: str, raw_dir: Path | None, draft: str | None, force: bool
) -> list[str]:
    from cxlab.report.runner import periods_since

    return periods_since(study, since, root=root, raw_dir=raw_dir, draft=draft, force=force)


@contextlib.contextmanager
def _progress(title: str) -> Iterator[Any]:
    """One line a notebook on a terminal; plain lines where the output is a file."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    if not out.is_terminal:
        yield lambda event, notebook, status, seconds: out.print(
            f"  {title}  {notebook or event}: {status} {seconds:.1f} s"
        )
        return
    columns = (
        TextColumn("{task.description:32}"),
        BarColumn(bar_width=18),
        TextColumn("{task.fields[status]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=out) as bar:
        tasks: dict[str, Any] = {}

        def show(event: str, notebook: str, status: str, seconds: float) -> None:
            key = notebook or event
            if key not in tasks:
                tasks[key] = bar.add_task(f"{title}  {key}", total=1, status=status)
            ended = status not in ("started", "running")
            bar.update(tasks[key], completed=int(ended), status=status)
            if ended:
                bar.stop_task(tasks[key])

        yield show


def _parameters(pairs: list[str]) -> dict[str, str]:
    """name=value pairs as a mapping. A pair without `=`, or one name twice, is refused."""
    values: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise StudyError(Problem("-p", f"`{name}` has no value", "write -p name=value or -p NOTEBOOK.name=value"))
        if name.strip() in values:
            raise StudyError(Problem("-p", f"`{name.strip()}` is given twice", "give it once"))
        values[name.strip()] = value
    return values


def _folder(raw: Path | None) -> Path | None:
    if raw is not None and not raw.is_dir():
        raise StudyError(Problem("--raw", f"`{raw}` is not a folder", "name the folder that holds the exports"))
    return raw.resolve() if raw is not None else None


def _print_problems(problems: list[Problem], console: Console) -> None:
    colours = {"error": "bold red", "warning": "yellow", "note": "dim"}
    for problem in problems:
        console.print(f"[{colours[problem.severity]}]{problem.severity}[/] ", end="")
        console.print(str(problem), markup=False)


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
