"""Did the experience change, or did other people answer? The change of a mean, split into mix and rate.

Symmetric decomposition after Kitagawa (1955): rate is what changed within groups, at the mean of both shares; mix is what
changed because groups have other shares, centred on the overall mean so that it does not depend on where a scale begins. Both
add up exactly to the change. It says nothing about groups that nobody named.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def mix_rate(frame: pd.DataFrame, *, value: str, by: str, period: str, weights_col: str | None = None) -> pd.DataFrame:
    """One row a group (column named as `by`): mix, rate (in the unit of `value`), share_before, share_after, mean_before,
    mean_after, n. mix + rate over all groups is the change from the first to the last period.

    A group that is there in one period only takes that mean for both: all of it is mix. Raises ValueError unless there are
    exactly two periods. Rows without a value or a group are left out.

    >>> frame = pd.DataFrame({"t": [0, 0, 1, 1, 1, 1], "g": ["a", "b", "a", "b", "b", "b"], "v": [1.0, 0, 1, 0, 0, 0]})
    >>> table = mix_rate(frame, value="v", by="g", period="t")
    >>> float(table["mix"].sum()), float(table["rate"].sum())
    (-0.25, 0.0)
    """
    known = frame.dropna(subset=[value, by, period])
    periods = sorted(known[period].unique())
    if len(periods) != 2:
        raise ValueError(f"a change has two periods, got {len(periods)}: {', '.join(map(str, periods))}")
    weight = known[weights_col] if weights_col else pd.Series(1.0, index=known.index)
    table = known.assign(_w=weight, _wv=weight * known[value])
    sums: Any = table.groupby([by, period])[["_w", "_wv"]].sum().unstack(period)
    w = sums["_w"].reindex(columns=periods).fillna(0.0)
    means = sums["_wv"].reindex(columns=periods) / w.where(w > 0)
    means = means.apply(lambda row: row.fillna(row.dropna().iloc[0]), axis=1)
    shares = w / w.sum()
    before, after = periods
    overall = (shares * means).sum()
    middle = (overall[before] + overall[after]) / 2
    rate = 0.5 * (shares[before] + shares[after]) * (means[after] - means[before])
    mix = (shares[after] - shares[before]) * (0.5 * (means[before] + means[after]) - middle)
    return pd.DataFrame(
        {
            "mix": mix, "rate": rate, "share_before": shares[before], "share_after": shares[after], "mean_before": means[before],
            "mean_after": means[after], "n": known.groupby(by).size().reindex(w.index).astype(np.int64),
        }
    ).reset_index()  # fmt: skip
