"""Do two groups differ, or two waves? Differences with interval and p-value, corrected for how many were looked at.

NPS: from the adjusted centres and variances of Rocks (2016). Shares: Newcombe's method 10, p from the linearised
standard error. Means: Student's t. The groups must be different people: answers of the same customers twice are not
independent.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import pandas as pd

from cxlab.inference.intervals import Difference, check_conf_level, critical_value, newcombe, two_sided_p
from cxlab.inference.multiplicity import benjamini_hochberg
from cxlab.survey.metrics import LTR_SCALE, Measure, Metric, measure
from cxlab.survey.respondents import check_columns, read_answers
from cxlab.survey.scales import Scale, check_ends

_METRICS = ("top_box", "nps", "mean")
_NOTHING = 1e-12  # a standard error of rounding errors only


def difference_of(before: Measure, after: Measure, *, label: str, conf_level: float) -> Difference:
    """After − before of one metric, in its unit (percentage points for shares)."""
    check_conf_level(conf_level)
    df = difference_df(before, after)
    factor = before.factor
    std_error = math.hypot(before.std_error, after.std_error)
    reason = before.why_no_error() or after.why_no_error()
    change = after.estimate - before.estimate
    if before.metric == "top_box":
        low, high = newcombe(before.mean.mean, before.base, after.mean.mean, after.base, conf_level, df=df)
        statistic = change / std_error if std_error > _NOTHING else math.nan
    else:
        centre, spread = after.centre - before.centre, math.sqrt(before.variance + after.variance)
        spread = spread if spread > _NOTHING else math.nan
        half = critical_value(conf_level, df) * spread
        low, high, statistic = centre - half, centre + half, centre / spread
    if not reason and math.isnan(statistic):
        reason = "everybody in both groups gave the same answer, so there is no test"
    return Difference(
        change,
        std_error,
        factor * low,
        factor * high,
        conf_level,
        before.mean.n + after.mean.n,
        reason=reason,
        label=label,
        unit=before.unit,
        p_value=two_sided_p(statistic, df),
        n_before=before.mean.n,
        n_after=after.mean.n,
    )


def difference_df(before: Measure, after: Measure) -> float:
    """Degrees of freedom of a difference: those of both groups together where either uses Student's t."""
    return before.mean.df + after.mean.df if math.isfinite(min(before.df, after.df)) else math.inf


def nps_change(
    before: Any,
    after: Any,
    *,
    weights_before: Any = None,
    weights_after: Any = None,
    clusters_before: Any = None,
    clusters_after: Any = None,
    conf_level: float = 0.95,
) -> Difference:
    """NPS after − NPS before, in points, of two independent samples of answers 0 to 10.

    `estimate` is the plain difference; interval and p-value come from the adjusted centres, so the estimate does not
    lie exactly in the middle. Refuses what `nps` refuses.

    >>> nps_change([10] * 60 + [5] * 40, [10] * 45 + [5] * 55).headline()
    'NPS fell by 30 points, between 2 and 56 (n 100 before, 100 after).'
    """
    first = read_answers(before, LTR_SCALE, name="before", whole=True, weights=weights_before, clusters=clusters_before)
    second = read_answers(after, LTR_SCALE, name="after", whole=True, weights=weights_after, clusters=clusters_after)
    return difference_of(
        measure(first, "nps", LTR_SCALE), measure(second, "nps", LTR_SCALE), label="NPS", conf_level=conf_level
    )


def compare(
    frame: pd.DataFrame,
    items: list[str],
    *,
    by: str,
    metric: Metric = "top_box",
    top: int = 2,
    scale: Scale = (1, 5),
    weights_col: str | None = None,
    cluster_col: str | None = None,
    strata_col: str | None = None,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Compare groups of respondents on several items at once.

    One row an item for two groups; for more groups one row an item and pair. Columns: item, from_group, to_group,
    `estimate_<group>` and `n_<group>` for every group, difference (to − from; last − first in sorted order), std_error,
    conf_low, conf_high, conf_level, n, p_value, q_value (Benjamini–Hochberg over all rows that could be tested),
    family_size (their number) and reason (why a figure is NaN). Percent and percentage points for `top_box`, points for
    `nps` (answers 0 to 10), points of the scale for `mean`.

    With `strata_col` the errors are those of samples that were drawn within strata, of each group apart; a stratum needs two
    respondents (or clusters) of every group that has any.

    An item without answers in a group is NaN and outside the family. Raises ValueError for unknown columns, fewer than
    two groups, respondents without a group, answers off the scale, and answers without a weight.
    """
    if metric not in _METRICS:
        raise ValueError(f"`metric` must be one of {', '.join(_METRICS)}, got {metric!r}")
    if not items or isinstance(items, str):
        raise ValueError(f"`items` must be a list of columns, got {items!r}")
    check_conf_level(conf_level)
    check_columns(frame, [*items, by, weights_col, cluster_col, strata_col])
    groups = _groups(frame[by], by)
    parts = {group: frame[frame[by] == group] for group in groups}
    ends = LTR_SCALE if metric == "nps" else check_ends(scale)
    rows = []
    for item in items:
        measures = {
            group: measure(
                read_answers(
                    part[item],
                    ends,
                    name=item,
                    whole=metric != "mean",
                    weights=None if weights_col is None else part[weights_col],
                    clusters=None if cluster_col is None else part[cluster_col],
                    strata=None if strata_col is None else part[strata_col],
                ),
                metric,
                ends,
                top=top,
            )
            for group, part in parts.items()
        }
        for first, last in itertools.combinations(groups, 2):
            change = difference_of(measures[first], measures[last], label=item, conf_level=conf_level)
            rows.append(
                {
                    "item": item,
                    "from_group": first,
                    "to_group": last,
                    **{f"estimate_{group}": measures[group].estimate for group in groups},
                    **{f"n_{group}": measures[group].mean.n for group in groups},
                    "difference": change.estimate,
                    "std_error": change.std_error,
                    "conf_low": change.conf_low,
                    "conf_high": change.conf_high,
                    "conf_level": conf_level,
                    "n": change.n,
                    "p_value": change.p_value,
                    "reason": change.reason,
                }
            )
    table = pd.DataFrame(rows).assign(
        q_value=lambda rows: benjamini_hochberg(rows["p_value"]),
        family_size=lambda rows: int(rows["p_value"].notna().sum()),
    )
    return table[[*table.columns.drop("reason"), "reason"]]


def _groups(column: pd.Series, by: str) -> list[Any]:
    """The groups in sorted order (a categorical keeps its own)."""
    if column.isna().any():
        raise ValueError(f"{int(column.isna().sum())} respondents have no `{by}`; fill it in or leave them out by name")
    if isinstance(column.dtype, pd.CategoricalDtype):
        present = set(column.unique())
        groups = [group for group in column.cat.categories if group in present]
    else:
        groups = sorted(column.unique().tolist(), key=lambda group: (isinstance(group, str), group))
    if len(groups) < 2:
        raise ValueError(f"`{by}` has {len(groups)} group, and a comparison needs two; it holds {groups!r}")
    return groups
