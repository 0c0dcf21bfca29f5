"""Publishing: a report is there as a whole or not at all, whatever happens to the process that makes it.

A run works under `reports/.tmp/<run>/`. The complete new report is staged there and exchanged with the published one in a
single system call on Linux (`renameat2`), in two renames elsewhere. What a killed run left behind is put right when the
next run of the same report starts, because that run holds the same lock.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from cxlab.period import LENGTHS, Period
from cxlab.problems import Problem, StudyError, did_you_mean

FAILED_DAYS = 30
_FORGOTTEN_SECONDS = 3_600
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100


class LockedError(RuntimeError):
    """Another run of the same study and period is going on. The command line ends with 75."""


def report_dir(root: Path, study: str, period: str, draft: str | None = None) -> Path:
    """Where a period's report, or a draft, is published."""
    folder = root / "reports" / study
    return folder / "drafts" / draft if draft else folder / period


@contextlib.contextmanager
def report_lock(root: Path, target: Path) -> Iterator[None]:
    """Hold the lock of one report. Raises `LockedError` at once where another run holds it."""
    lock = FileLock(_lock_path(root, target), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        name = target.relative_to(root / "reports")
        raise LockedError(f"another run of {name} is going on; wait until it has ended, or try again later") from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def study_locks(root: Path, study: str) -> Iterator[None]:
    """Hold the locks of all reports of a study, published or being made. Raises `LockedError` where a run holds one."""
    targets = {report_dir(root, study, period.label) for period in published_periods(root, study)}
    targets |= {path for path in (root / "reports" / study / "drafts").glob("*") if path.is_dir()}
    targets |= {run.target for run in _runs(root) if run.target.is_relative_to(root / "reports" / study)}
    with contextlib.ExitStack() as locks:
        for target in sorted(targets):
            locks.enter_context(report_lock(root, target))
        yield


def _lock_path(root: Path, target: Path) -> Path:
    folder = root / "reports" / ".tmp" / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / ("-".join(target.relative_to(root / "reports").parts) + ".lock")


@dataclass(frozen=True)
class RunFolder:
    """Where one run works: `path` on the disk of the reports, `sockets` in the system's folder for temporary files.

    The path of a socket has to be short, and its file system local.
    """

    path: Path
    target: Path
    sockets: Path

    def end(self) -> None:
        """Remove it; a report that was moved aside and not replaced goes back to its place first."""
        old = self.path / "old"
        if old.is_dir() and not self.target.exists():
            os.rename(old, self.target)
        shutil.rmtree(self.sockets, ignore_errors=True)
        shutil.rmtree(self.path, ignore_errors=True)


def new_run(root: Path, target: Path) -> RunFolder:
    """The folder of one run, readable by its owner alone, with the note that recovery reads."""
    runs = root / "reports" / ".tmp"
    runs.mkdir(parents=True, exist_ok=True)
    path = runs / f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{os.getpid()}"
    path.mkdir(mode=0o700)
    folder = RunFolder(path, target, Path(tempfile.mkdtemp(prefix="cxlab-")))
    note = {"target": target.relative_to(root / "reports").as_posix(), "sockets": str(folder.sockets)}
    partial = path / "run.json.partial"
    partial.write_text(as_json(note), "utf-8")
    os.replace(partial, path / "run.json")
    return folder


def _runs(root: Path) -> Iterator[RunFolder]:
    """The folders of runs, alive or killed."""
    for path in sorted((root / "reports" / ".tmp").glob("[0-9]*-*")):
        if note := _read_json(path / "run.json"):
            yield RunFolder(path, root / "reports" / note["target"], Path(note["sockets"]))
        elif _age(path) > _FORGOTTEN_SECONDS:  # killed before it said what it makes
            shutil.rmtree(path, ignore_errors=True)


def was_killed(root: Path, target: Path) -> bool:
    """Whether a run of this report left something behind, or is going on."""
    return any(run.target == target for run in _runs(root))


def recover(root: Path, target: Path) -> None:
    """Put right what a killed run left behind. The caller holds the lock of `target`; other locks are only tried."""
    for run in _runs(root):
        if run.target == target:
            run.end()
        else:
            with contextlib.suppress(LockedError), report_lock(root, run.target):
                run.end()
    for folder in (root / "reports" / ".failed").glob("*"):
        if _age(folder) > FAILED_DAYS * 86_400:
            shutil.rmtree(folder, ignore_errors=True)


def _age(folder: Path) -> float:
    """Seconds since a folder was changed; 0 for one that has just gone."""
    try:
        return time.time() - folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def exchange(stage: Path, target: Path, old: Path) -> None:
    """Put `stage` in the place of `target`; what was there is afterwards at `old`."""
    _sync(stage)
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        os.rename(stage, target)
    elif _swap(stage, target):
        os.rename(stage, old)
    else:
        os.rename(target, old)
        os.rename(stage, target)


def _swap(one: Path, other: Path) -> bool:
    """Exchange two folders in one system call. False where the system or the file system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    return rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0


def _sync(stage: Path) -> None:
    """Have the manifest on disk before the report is visible."""
    with (stage / "manifest.json").open("rb") as file:
        os.fsync(file.fileno())


def _replace(path: Path, text: str, partial: Path) -> None:
    """Replace a file in one step. `partial` is where it is written first, on the same file system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial.write_text(text, "utf-8")
    os.replace(partial, path)


def as_json(value: Any) -> str:
    """JSON as it is published: readable, and without NaN, which is none."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a published report, or None."""
    return _read_json(folder / "manifest.json")


def read_findings(folder: Path) -> list[dict[str, Any]]:
    """The findings of a published report; empty where there is none."""
    return _read_json(folder / "findings.json") or []


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError:
        raise StudyError(
            Problem(str(path), "is no JSON any more", "remove its folder and run the period again")
        ) from None


def published_periods(root: Path, study: str) -> list[Period]:
    """The periods with a report, oldest first."""
    found = []
    for folder in (root / "reports" / study).glob("*"):
        if folder.name != "drafts" and (folder / "manifest.json").is_file():
            with contextlib.suppress(StudyError):
                found.append(Period.parse(folder.name))
    return sorted(found, key=lambda period: (period.after, period.first))


def earlier_report(root: Path, study: str, period: Period) -> Path | None:
    """The newest published report of an earlier period of the same length."""
    earlier = [p for p in published_periods(root, study) if p.length == period.length and p.after <= period.first]
    return root / "reports" / study / earlier[-1].label if earlier else None


def refresh_overview(root: Path) -> None:
    """Rebuild `latest.json` of every study and `reports/index.html` from the manifests."""
    from cxlab.report.pages import render_overview

    reports = root / "reports"
    locks = reports / ".tmp" / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    with FileLock(locks / "overview.lock", timeout=60):
        rows = overview_rows(root)
        for study in _studies(reports):
            newest = next((row for row in rows if row["study"] == study), None)
            if newest is None:
                (reports / study / "latest.json").unlink(missing_ok=True)
                continue
            latest = {"period": newest["period"], "published": newest["published"]}
            _replace(reports / study / "latest.json", as_json(latest), locks / "latest.partial")
        _replace(reports / "index.html", render_overview(rows), locks / "index.partial")


def _studies(reports: Path) -> list[str]:
    return sorted(path.name for path in reports.glob("[!.]*") if path.is_dir())


def overview_rows(root: Path) -> list[dict[str, Any]]:
    """One row a published period, by study, newest first: what the overview and `cxlab status` list."""
    rows = []
    for study in _studies(root / "reports"):
        for period in reversed(published_periods(root, study)):
            manifest = read_manifest(root / "reports" / study / period.label) or {}
            states = [book["status"] for book in manifest.get("notebooks", [])]
            counted = [f"{states.count(state)} {state}" for state in ("ok", "failed", "skipped") if state in states]
            rows.append(
                {
                    "study": study,
                    "study_name": manifest.get("study_name", study),
                    "simulated": manifest.get("simulated", False),
                    "period": period.label,
                    "period_words": manifest.get("period_words", period.words()),
                    "published": manifest.get("published", ""),
                    "lead": manifest.get("lead", ""),
                    "summary": ", ".join(counted),
                    "failed": states.count("failed"),
                }
            )
    return rows


def prune(root: Path, study: str, *, keep: int) -> list[str]:
    """Remove the reports of all but the newest `keep` periods of each length (years, quarters …); returns their labels.

    Raises `LockedError` before anything is removed where a run holds one of them.
    """
    if not (root / "reports" / study).is_dir():
        known = {row["study"] for row in overview_rows(root)}
        raise StudyError(Problem("cxlab prune", f"`{study}` has no reports", did_you_mean(study, known)))
    periods = published_periods(root, study)
    newest = [p for length in LENGTHS for p in [q for q in periods if q.length == length][-keep:]]
    gone = [period for period in periods if period not in newest]
    targets = [report_dir(root, study, period.label) for period in gone]
    with contextlib.ExitStack() as locks:
        for target in targets:
            locks.enter_context(report_lock(root, target))
        for target in targets:
            run = new_run(root, target)
            os.rename(target, run.path / "pruned")
            run.end()
    if gone:
        refresh_overview(root)
    return [period.label for period in gone]
