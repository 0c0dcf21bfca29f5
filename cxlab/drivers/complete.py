"""Who answered the outcome and every driver? The rows that a model of drivers can use, and how many it cannot.

One row is one respondent (in a record over waves: one answer of a respondent). A row with a missing outcome, driver, weight or group is
left out and counted; a missing cluster is a cluster of its own. Whoever has not used a touchpoint has no answer about it and is not made
to have one. Refuses columns that are not there or named twice, text, infinite answers and impossible weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxlab.inference.intervals import Floats, check_weights
from cxlab.inference.permutation import Codes, cluster_codes
from cxlab.problems import did_you_mean


@dataclass(frozen=True)
class CompleteAnswers:
    """The respondents who answered everything: `X` (respondents × drivers), `y` the outcome, `weights` (1 where none were given),
    `clusters` (a number from 0 upwards for each) and `rows`, their rows of the table. `n_left_out` others did not."""

    drivers: tuple[str, ...]
    rows: pd.DataFrame
    X: Floats
    y: Floats
    weights: Floats
    clusters: Codes
    n_left_out: int

    @property
    def n(self) -> int:
        return len(self.y)


def complete_answers(
    data: pd.DataFrame,
    *,
    outcome: str,
    drivers: Sequence[str],
    weights_col: str | None = None,
    cluster_col: str | None = None,
    group_cols: Sequence[str] = (),
) -> CompleteAnswers:
    """The rows of `data` with an answer to the outcome, to every driver and in every column of `group_cols`."""
    names = [str(name) for name in drivers]
    if not names:
        raise ValueError("`drivers` is empty; name at least one column")
    numbers = [outcome, *names, *([weights_col] if weights_col else [])]
    twice = [name for name in dict.fromkeys([outcome, *names]) if [outcome, *names].count(name) > 1]
    if twice:
        raise ValueError(f"`{twice[0]}` is named twice among the outcome and the drivers; name it once")
    for column in (*numbers, *([cluster_col] if cluster_col else []), *group_cols):
        check_column(data, column)
    values = pd.DataFrame({name: answers(data, name) for name in dict.fromkeys(numbers)}, index=data.index)
    there = values.notna().all(axis=1) & data[list(group_cols)].notna().all(axis=1)
    rows, whole = data[there.to_numpy()], values[there.to_numpy()]
    return CompleteAnswers(
        drivers=tuple(names),
        rows=rows,
        X=whole[names].to_numpy(dtype=float),
        y=whole[outcome].to_numpy(dtype=float),
        weights=check_weights(whole[weights_col] if weights_col else None, len(whole)),
        clusters=cluster_codes(len(rows), np.asarray(rows[cluster_col], dtype=object) if cluster_col else None),
        n_left_out=len(data) - len(rows),
    )


def check_column(data: pd.DataFrame, column: str) -> None:
    """Raises ValueError unless the table has exactly one column of this name."""
    named = int((data.columns == column).sum())
    if named == 0:
        raise ValueError(f"the table has no column `{column}`; {did_you_mean(column, map(str, data.columns))}")
    if named > 1:
        raise ValueError(f"the table has {named} columns `{column}`; rename all but one")


def answers(data: pd.DataFrame, column: str) -> Floats:
    """A column as numbers, NaN for no answer. Raises ValueError for text and infinite answers, with the first one and its row."""
    given = data[column]
    found: npt.NDArray[np.float64] = pd.to_numeric(given, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    wrong = (np.isnan(found) & given.notna().to_numpy()) | np.isinf(found)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise ValueError(
            f"`{column}` holds {given.iloc[at]!r} (row {data.index[at]!r}), which is no number; recode it or leave it out"
        )
    return found
