"""Canonical tables kept on disk, so that a notebook opens a study without reading its exports again.

A version is a folder named by what the tables depend on. It appears at once as a whole; the newest few stay.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from filelock import FileLock

from cxlab import __version__
from cxlab.problems import Problem

if TYPE_CHECKING:
    from cxlab.data.loading import Ingest

KEPT = 3  # versions of a study's tables that stay
_ABOUT = ("accounting", "rejects", "columns", "masked")


def key(inputs: dict[str, str], forgotten: Path) -> str:
    """What tables depend on: the exports and study.toml, this room's code, and who was forgotten."""
    code = {path.name: path.read_text("utf-8") for path in sorted(Path(__file__).parent.glob("*.py"))}
    gone = forgotten.read_text("utf-8") if forgotten.is_file() else ""
    parts = [__version__, pd.__version__, sorted(inputs.items()), gone, sorted(code.items())]
    return sha256(json.dumps(parts).encode()).hexdigest()[:24]


def load(stored: Path, name: str) -> dict[str, Any] | None:
    """The parts of an ingest that were saved under a key, or None."""
    folder = stored / name
    if not (folder / "problems.json").is_file():
        return None
    with _lock(stored):
        if not folder.is_dir():
            return None
        os.utime(folder)
        frames = {path.stem: pd.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}
        problems = [Problem(**problem) for problem in json.loads((folder / "problems.json").read_text("utf-8"))]
    about = {part: frames.pop(f"_{part}") for part in _ABOUT}
    return {"tables": frames, "problems": problems, **about}


def save(stored: Path, name: str, ingest: Ingest) -> None:
    """Write an ingest in one step; the oldest versions make room."""
    partial = stored / f".{name}.{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    frames = ingest.tables | {f"_{part}": getattr(ingest, part) for part in _ABOUT}
    for table, frame in frames.items():
        frame.to_parquet(partial / f"{table}.parquet", index=False)
    (partial / "problems.json").write_text(json.dumps([asdict(problem) for problem in ingest.problems]), "utf-8")
    with _lock(stored):
        if (stored / name).exists():
            shutil.rmtree(partial)
        else:
            os.replace(partial, stored / name)
        versions = sorted(
            (path for path in stored.iterdir() if path.is_dir() and not path.name.startswith(".")),
            key=lambda path: path.stat().st_mtime,
        )
        for old in versions[:-KEPT]:
            shutil.rmtree(old)


def _lock(stored: Path) -> FileLock:
    """Held for as long as a version is read or put in its place."""
    return FileLock(stored / ".lock")
