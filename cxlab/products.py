"""Tables that one notebook makes for others: segment membership, comment scores, importance, …

A product is a parquet table. Inside a run it is staged and published with the report, under
`data/processed/<study>/products/<period>/`; a notebook that is opened in JupyterLab reads the published one.
"""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from cxlab import context
from cxlab.config import NAME
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


def load(
    name: str, *, study: str | None = None, period: str | None = None, root: Path | str | None = None
) -> pd.DataFrame:
    """The table that a notebook saved under this name: of this run, or the published one of the period.

    Outside a run `study` is needed, and without a `period` the newest published product is read. Raises `StudyError`
    where there is none, naming those that there are.
    """
    run = context.current()
    study = study or (run.study if run else None)
    period = period or (run.period if run else None)
    if study is None:
        raise StudyError(Problem(f"product `{name}`", "no study is known outside a run", "give study="))
    base = Path(root or (run.root if run else Path.cwd()))
    folders = [Path(run.products)] if run else []
    folders += _published(base / "data" / "processed" / study / "products", period)
    for folder in folders:
        if (folder / f"{name}.parquet").is_file():
            return pd.read_parquet(folder / f"{name}.parquet")
    there = {path.stem for folder in folders if folder.is_dir() for path in folder.glob("*.parquet")}
    raise StudyError(
        Problem(f"product `{name}`", f"is not there for {study} {period or ''}".rstrip(), did_you_mean(name, there))
    )


def exists(name: str, *, study: str | None = None, period: str | None = None, root: Path | str | None = None) -> bool:
    """Whether `load` would find it: for what a notebook wants but does not need."""
    try:
        load(name, study=study, period=period, root=root)
    except StudyError:
        return False
    return True


def _published(products: Path, period: str | None) -> list[Path]:
    if period:
        return [products / period]
    return sorted((path for path in products.glob("*") if path.is_dir()), reverse=True)
