"""Tables that one notebook makes for others: segment membership, comment scores, importance, …

A product is a parquet table. Inside a run it is staged and published with the report, under
`data/processed/<study>/products/<period>/`; a notebook that is opened in JupyterLab reads the published one.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pandas as pd

from cxlab import context
from cxlab.config import NAME
from cxlab.period import Period
from cxlab.problems import Problem, StudyError, did_you_mean


def save(name: str, frame: pd.DataFrame) -> None:
    """Keep a table under a name for the notebooks that need or want it. Outside a run nothing is written."""
    if not NAME.fullmatch(name):
        raise ValueError(f"a product's name has letters, digits, _ and -, got {name!r}")
    run = context.current()
    if run is None:
        print(f"product `{name}`: {len(frame):,} rows (kept only inside a run)")
        return
    path = Path(run.stage, "products", f"{name}.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    frame.to_parquet(partial)
    os.replace(partial, path)


def restrict(name: str, frame: pd.DataFrame) -> None:
    """Keep a list of single customers: `restricted/` of the report, readable by its owner alone, in no page and no export.

    Outside a run nothing is written.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"a list's name has letters, digits, _ and -, got {name!r}")
    run = context.current()
    if run is None:
        print(f"restricted list `{name}`: {len(frame):,} rows (kept only inside a run)")
        return
    path = Path(run.stage, "restricted", f"{name}.csv")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    frame.to_csv(path, index=False)


def load(
    name: str, *, study: str | None = None, period: str | None = None, root: Path | str | None = None
) -> pd.DataFrame:
    """The table that a notebook saved under this name: of this run, or the published one of a period.

    Inside a run a notebook sees the products that its metadata needs or wants, and the published ones of other periods.
    Outside a run `study` is needed, and without a `period` the newest published product is read. Raises `StudyError`
    where there is none, naming those that there are.
    """
    folders, whose = _folders(study, period, root)
    for folder in folders:
        if (folder / f"{name}.parquet").is_file():
            return pd.read_parquet(folder / f"{name}.parquet")
    there = names(study=study, period=period, root=root)
    raise StudyError(Problem(f"product `{name}`", f"is not there for {whose}", did_you_mean(name, there)))


def exists(name: str, *, study: str | None = None, period: str | None = None, root: Path | str | None = None) -> bool:
    """Whether `load` would find it: for what a notebook wants but does not need."""
    folders, _ = _folders(study, period, root)
    return any((folder / f"{name}.parquet").is_file() for folder in folders)


def names(*, study: str | None = None, period: str | None = None, root: Path | str | None = None) -> list[str]:
    """The products that `load` would find."""
    folders, _ = _folders(study, period, root)
    return sorted({path.stem for folder in folders for path in folder.glob("[!.]*.parquet")})


def _folders(study: str | None, period: str | None, root: Path | str | None) -> tuple[list[Path], str]:
    """Where to look, in this order, and the same in words."""
    run = context.current()
    if run is not None and study in (None, run.study) and period in (None, run.period) and _is_root(run.root, root):
        return [Path(run.products)], f"this run; name it under `needs` or `wants` of {run.notebook}"
    study = study or (run.study if run else None)
    if study is None:
        raise StudyError(Problem("products", "no study is known outside a run", "give study="))
    published = Path(root or (run.root if run else _project(study))) / "data" / "processed" / study / "products"
    if period:
        return [published / period], f"{study} {period}"
    return [published / label for label in _newest_first(published)], study


def _is_root(known: str, root: Path | str | None) -> bool:
    return root is None or Path(root).resolve() == Path(known)


def _project(study: str) -> Path:
    """The project upwards from the working directory that has made something of this study."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / "data" / "processed" / study).is_dir()), here)


def _newest_first(published: Path) -> list[str]:
    """The periods with products."""
    periods = []
    for path in published.glob("*"):
        with contextlib.suppress(StudyError):  # drafts are no period
            periods.append(Period.parse(path.name))
    return [period.label for period in sorted(periods, key=lambda period: (period.after, period.first), reverse=True)]
