"""Who answered a battery with care? `screen` says of each respondent whether to keep them, and why not.

One row of `answers` is one respondent. One answer to everything over eight items or more is refused; a low spread is only
flagged, because in a short battery it is as likely contentment.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

STRAIGHT_FROM = 8  # items from which on the same answer to all is careless


def screen(answers: pd.DataFrame) -> pd.DataFrame:
    """One row a respondent, with the index of `answers`: keep, reason, spread, longest_run, missing_share."""
    values = answers.to_numpy(dtype=float)
    missing = np.isnan(values).mean(axis=1)
    known = ~np.isnan(values).all(axis=1)
    spread = np.full(len(values), np.nan)
    spread[known] = np.nanstd(values[known], axis=1)
    table = pd.DataFrame(
        {"spread": spread, "longest_run": [_longest_run(row) for row in values], "missing_share": missing},
        index=answers.index,
    )
    straight = (table["spread"] == 0) & (answers.notna().sum(axis=1) >= STRAIGHT_FROM)
    reason = np.where(missing == 1, "no answer", np.where(straight, "the same answer to everything", ""))
    return table.assign(keep=reason == "", reason=reason)[["keep", "reason", "spread", "longest_run", "missing_share"]]


def _longest_run(row: np.ndarray) -> int:
    """The longest stretch of equal answers."""
    longest = run = 0
    last = np.nan
    for value in row:
        run = run + 1 if value == last else int(not np.isnan(value))
        longest, last = max(longest, run), value
    return longest
