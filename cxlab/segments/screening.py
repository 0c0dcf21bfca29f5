"""Who answered a battery with care? `screen` says of each respondent whether to keep them, and why not.

One row of `answers` is one respondent, one column one item. One answer to everything over eight items or more is refused; a
low spread or a long run is only told, because in a short battery it is as likely contentment. Nobody is dropped here: who is
refused stays in the table, with the reason, and may still be placed in a segment later.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

STRAIGHT_FROM = 8  # items from which on the same answer to all is careless


def screen(answers: pd.DataFrame) -> pd.DataFrame:
    """One row a respondent, with the index of `answers`: keep, reason, spread, longest_run, missing_share.

    `spread` is the standard deviation of the known answers (NaN without any), in points of the scale; `longest_run` the
    longest stretch of equal answers in the order of the columns, which a missing one ends; `missing_share` from 0 to 1.

    Raises ValueError for a battery without items and for an item whose answers are no numbers.
    """
    if answers.shape[1] == 0:
        raise ValueError("the battery has no items; give the columns of its questions")
    values = np.column_stack([_numbers(answers.iloc[:, at]) for at in range(answers.shape[1])])
    known = ~np.isnan(values)
    n_known = known.sum(axis=1)
    spread = np.full(len(values), np.nan)
    spread[n_known > 0] = np.nanstd(values[n_known > 0], axis=1)
    lowest = np.where(known, values, np.inf).min(axis=1)
    same = lowest == np.where(known, values, -np.inf).max(axis=1)
    spread[same] = 0.0
    straight = same & (n_known >= STRAIGHT_FROM)
    reason = np.where(n_known == 0, "no answer", np.where(straight, "the same answer to everything", ""))
    columns = {
        "keep": reason == "",
        "reason": reason,
        "spread": spread,
        "longest_run": _longest_runs(values),
        "missing_share": 1 - n_known / values.shape[1],
    }
    return pd.DataFrame(columns, index=answers.index)


def _numbers(item: pd.Series) -> npt.NDArray[np.float64]:
    try:
        return np.asarray(item.to_numpy(dtype=float, na_value=np.nan))
    except (TypeError, ValueError) as error:
        odd = item[pd.to_numeric(item, errors="coerce").isna() & item.notna()]
        shown = repr(odd.iloc[0]) if len(odd) else str(item.dtype)
        raise ValueError(
            f"item {item.name!r} has the answer {shown}, which is no number; code its answers first"
        ) from error


def _longest_runs(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The longest stretch of equal answers of each row."""
    run = (~np.isnan(values[:, 0])).astype(np.int64)
    longest = run.copy()
    for at in range(1, values.shape[1]):
        run = np.where(values[:, at] == values[:, at - 1], run + 1, ~np.isnan(values[:, at]))
        longest = np.maximum(longest, run)
    return longest
