"""Where did a measure move? Its change within each group of those who answered, and whether the groups differ at all.

For every way to group respondents (region, plan, boarding area) each group's change is estimated, and Cochran's Q asks whether
the changes of the groups are one and the same (Cochran 1954; Q = Σ(d_g − d̄)²/SE_g², χ² with one degree of freedom less than
groups). Only where the groups clearly differ is it right to say that something moved here and not there: that one group's
change is clear and another's is not is no difference between them.

One row of `groups` is one group of one column, one row of `columns` one way of grouping.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from cxlab.data.answers import grouping_columns
from cxlab.inference.multiplicity import benjamini_hochberg
from cxlab.inference.suppression import linked_reasons
from cxlab.survey.comparison import difference_of
from cxlab.survey.tracking import Tracked, measure_item, reading_of

__all__ = ["COLUMNS", "GROUPS", "Where", "grouping_columns", "where_it_moved"]
GROUPS = [
    "by", "group", "unit", "estimate_before", "estimate_after", "difference", "std_error", "conf_low", "conf_high",
    "conf_level", "p_value", "q_value", "n_before", "n_after", "reading", "reason",
]  # fmt: skip
COLUMNS = ["by", "groups", "statistic", "df", "p_value", "q_value"]


@dataclass(frozen=True)
class Where:
    """`groups` has one row a group and column: its change with interval, p, q over all groups, and reading. `columns` has one
    row a column: how many groups could be compared, Cochran's Q with its p, and q over all columns."""

    item: str
    groups: pd.DataFrame
    columns: pd.DataFrame

    @property
    def uneven(self) -> pd.DataFrame:
        """The columns whose groups clearly changed differently, clearest first."""
        alpha = 1 - float(self.groups["conf_level"].iloc[0]) if len(self.groups) else 0.05
        return self.columns[self.columns["q_value"] < alpha].sort_values("p_value", kind="stable")

    @property
    def first(self) -> str:
        """The column to look at: the clearest one."""
        known = self.columns.dropna(subset=["p_value"]).sort_values("p_value", kind="stable")
        return str(known["by"].iloc[0]) if len(known) else ""


def where_it_moved(
    before: pd.DataFrame,
    after: pd.DataFrame,
    tracked: Tracked,
    columns: Iterable[str],
    *,
    weights_col: str | None = None,
    cluster_col: str | None = None,
    conf_level: float = 0.95,
    min_base: int = 30,
) -> Where:
    """The change of one item from `before` to `after` (one row a respondent each) within the groups of each column.

    A group with fewer than `min_base` answers in either wave is not compared; its figures are NaN, and so are those of a second one
    where the total would tell them (`suppress`). A column needs two groups
    that can be compared.
    """
    rows: list[dict[str, Any]] = []
    tests: list[dict[str, Any]] = []
    for by in columns:
        if by not in before or by not in after:
            continue
        found: list[dict[str, Any]] = []
        linked = _linked(before, after, tracked.item, by, min_base)
        for group in sorted({*before[by].dropna().unique(), *after[by].dropna().unique()}, key=str):
            parts = [part[part[by] == group] for part in (before, after)]
            first, last = (measure_item(part, tracked, group, weights_col, cluster_col) for part in parts)
            bases = {"n_before": first.mean.n, "n_after": last.mean.n}
            row = {
                "by": by,
                "group": str(group),
                "unit": first.unit,
                "conf_level": conf_level,
                **bases,
                "good": tracked.good,
            }
            if group in linked:
                hidden = dict.fromkeys([*_FIGURES, "n_before", "n_after"], math.nan)
                found.append(row | hidden | {"reason": linked[group]})
                continue
            if min(bases.values()) < min_base:
                reason = f"n<{min_base}" if max(bases.values()) else "nobody answered"
                told = {when: n if n < min_base else math.nan for when, n in bases.items()}
                found.append(row | told | dict.fromkeys(_FIGURES, math.nan) | {"reason": reason})
                continue
            change = difference_of(first, last, label=tracked.item, conf_level=conf_level)
            found.append(
                row
                | {
                    "estimate_before": first.estimate, "estimate_after": last.estimate, "difference": change.estimate,
                    "std_error": change.std_error, "conf_low": change.conf_low, "conf_high": change.conf_high,
                    "p_value": change.p_value, "reason": change.reason,
                }
            )  # fmt: skip
        known = [row for row in found if row["std_error"] > 0]
        if len(known) < 2:
            continue
        rows += found
        tests.append({"by": by, "groups": len(known), **_cochran(known)})
    groups = pd.DataFrame(rows, columns=[*(name for name in GROUPS if name not in ("q_value", "reading")), "good"])
    groups["q_value"] = benjamini_hochberg(groups["p_value"])
    groups["reading"] = [
        reading_of(q, change, good, 1 - conf_level)
        for q, change, good in zip(groups["q_value"], groups["difference"], groups["good"], strict=True)
    ]
    table = pd.DataFrame(tests, columns=[name for name in COLUMNS if name != "q_value"])
    table["q_value"] = benjamini_hochberg(table["p_value"])
    return Where(tracked.item, groups[GROUPS], table[COLUMNS])


def _linked(before: pd.DataFrame, after: pd.DataFrame, item: str, by: str, min_base: int) -> dict[Any, str]:
    """The groups that must be hidden because the total of a wave would tell the figures of a small one, and why."""
    found: dict[Any, str] = {}
    small: set[Any] = set()
    for part in (before, after):
        answered = part.loc[part[item].notna(), by]
        counts = answered.value_counts()
        reasons = linked_reasons(counts, unknown=int(answered.isna().sum()), min_base=min_base)
        found |= dict(reasons[reasons != ""])
        small |= set(counts.index[counts < min_base])  # these say so themselves
    return {group: reason for group, reason in found.items() if group not in small}


_FIGURES = ("estimate_before", "estimate_after", "difference", "std_error", "conf_low", "conf_high", "p_value")


def _cochran(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Cochran's Q of the changes of the groups."""
    change = np.array([row["difference"] for row in rows])
    weight = np.array([row["std_error"] for row in rows]) ** -2.0
    mean = (weight * change).sum() / weight.sum()
    statistic = float((weight * (change - mean) ** 2).sum())
    return {"statistic": statistic, "df": len(rows) - 1, "p_value": float(stats.chi2.sf(statistic, len(rows) - 1))}
