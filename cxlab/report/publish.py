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
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from cxlab.period import Period
from cxlab.problems import Problem, StudyError, did_you_mean

FAILED_DAYS = 30
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


def _lock_path(root: Path, target: Path) -> Path:
    folder = root / "reports" / ".tmp" / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / ("-".join(target.relative_to(root / "reports").parts) + ".lock")


def new_run(root: Path, target: Path) -> Path:
    """A folder for one run, with the note that recovery reads."""
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}"
    folder = root / "reports" / ".tmp" / name
    folder.mkdir(parents=True)
    note = {"target": str(target.relative_to(root / "reports"))}
    (folder / "run.json").write_text(json.dumps(note), "utf-8")
    return folder


def recover(root: Path, target: Path) -> None:
    """Put right what a killed run left behind. The caller holds the lock of `target`; other locks are only tried."""
    reports = root / "reports"
    for folder in sorted((reports / ".tmp").glob("*-*")):
        note = folder / "run.json"
        if not note.is_file():
            continue
        owner = reports / json.loads(note.read_text("utf-8"))["target"]
        if owner == target:
            _recover_run(folder, owner)
        else:
            with contextlib.suppress(LockedError), report_lock(root, owner):
                _recover_run(folder, owner)
    for folder in (reports / ".failed").glob("*"):
        if time.time() - folder.stat().st_mtime > FAILED_DAYS * 86_400:
            shutil.rmtree(folder, ignore_errors=True)


def _recover_run(folder: Path, target: Path) -> None:
    old = folder / "old"
    if old.is_dir() and not target.exists():
        os.rename(old, target)
    shutil.rmtree(folder, ignore_errors=True)


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


def write_atomically(path: Path, text: str) -> None:
    """Replace a file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(text, "utf-8")
    os.replace(partial, path)


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


def published_periods(root: Path, study: str) -> list[Period]:
    """The periods with a report, oldest first."""
    found = []
    for folder in (root / "reports" / study).glob("*/"):
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
    with FileLock(reports / ".tmp" / "locks" / "overview.lock", timeout=60):
        rows = overview_rows(root)
        for study in {row["study"] for row in rows}:
            newest = next(row for row in rows if row["study"] == study)
            latest = {"period": newest["period"], "published": newest["published"]}
            write_atomically(reports / study / "latest.json", json.dumps(latest, indent=1) + "\n")
        write_atomically(reports / "index.html", render_overview(rows))


def overview_rows(root: Path) -> list[dict[str, Any]]:
    """One row a published period, by study, newest first: what the overview and `cxlab status` list."""
    rows = []
    for study in sorted(path.name for path in (root / "reports").glob("[!.]*/") if path.is_dir()):
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
                    "period_words": period.words(),
                    "published": manifest.get("published", ""),
                    "lead": manifest.get("lead", ""),
                    "summary": ", ".join(counted),
                    "failed": states.count("failed"),
                }
            )
    return rows


def prune(root: Path, study: str, *, keep: int) -> list[str]:
    """Remove the reports of all but the newest `keep` periods and return their labels."""
    if not (root / "reports" / study).is_dir():
        known = {row["study"] for row in overview_rows(root)}
        raise StudyError(Problem("cxlab prune", f"`{study}` has no reports", did_you_mean(study, known)))
    gone = published_periods(root, study)[:-keep]
    for period in gone:
        target = report_dir(root, study, period.label)
        with report_lock(root, target):
            doomed = new_run(root, target) / "pruned"
            os.rename(target, doomed)
            shutil.rmtree(doomed.parent, ignore_errors=True)
    if gone:
        refresh_overview(root)
    return [period.label for period in gone]
