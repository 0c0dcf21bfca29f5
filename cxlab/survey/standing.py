"""Who stands apart? One measure of one wave by groups of respondents, each group against all others.

For every way to group respondents (region, plan, boarding area, touchpoint of the contact) each group's figure is held against that
of all other respondents with a value, with interval, p, and q over all groups of all ways together (Benjamini–Hochberg). Beside it
stands the smallest true difference that these bases would have shown four times in five in a test on its own: a group that does not
stand apart on fifty answers has proved nothing.

One row is one group. The groups of one column are different people; those of two columns are the same people put together in
another way, so their tests are not independent. A group that stands apart may do so because of who belongs to it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxlab.inference.intervals import detectable_difference
from cxlab.inference.multiplicity import benjamini_hochberg
from cxlab.inference.suppression import linked_reasons
from cxlab.survey.comparison import difference_df, difference_of
from cxlab.survey.metrics import survey_estimate
from cxlab.survey.tracking import Tracked, measure_item, reading_of

_FIGURES = (
    "estimate",
    "std_error",
    "conf_low",
    "conf_high",
    "difference",
    "difference_low",
    "difference_high",
    "p_value",
    "detectable",
)
COLUMNS = [
    "by", "group", "unit", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "difference",
    "difference_low", "difference_high", "detectable", "p_value", "q_value", "reading", "reason",
]  # fmt: skip


@dataclass(frozen=True)
class Standing:
    """`groups` has one row a group: its figure, its difference from all others (group − others), detectable (the smallest true
    difference that would have been seen), p, q and reading ("better", "worse", "changed" where neither direction is good,
    "no clear change", "not tested")."""

    item: str
    groups: pd.DataFrame

    @property
    def apart(self) -> pd.DataFrame:
        """The groups that clearly stand apart, furthest first."""
        rows = self.groups[self.groups["reading"].isin(["better", "worse", "changed"])]
        return rows.reindex(rows["difference"].abs().sort_values(ascending=False, kind="stable").index)

    @property
    def first(self) -> str:
        """The way of grouping to look at: that of the clearest group."""
        known = self.groups.dropna(subset=["p_value"]).sort_values("p_value", kind="stable")
        return str(known["by"].iloc[0]) if len(known) else ""


def stand_apart(
    wave: pd.DataFrame,
    tracked: Tracked,
    columns: Iterable[str],
    *,
    weights_col: str | None = None,
    cluster_col: str | None = None,
    conf_level: float = 0.95,
    min_base: int = 30,
) -> Standing:
    """One item in one wave (one row a respondent) by the groups of each column, each against all others of that column.

    A group with fewer than `min_base` answers, or with so few others, has no figures and says why; so has a second one where the
    total would tell those of a small group (`suppress`). Respondents without a value are no group and not among the others.
    """
    rows: list[dict[str, Any]] = []
    for by in columns:
        answered = wave[wave[tracked.item].notna()]
        known = answered[answered[by].notna()]
        linked = linked_reasons(known[by].value_counts(), unknown=len(answered) - len(known), min_base=min_base)
        for group in sorted(known[by].unique(), key=str):
            inside = known[by] == group
            own, others = (
                measure_item(part, tracked, group, weights_col, cluster_col) for part in (known[inside], known[~inside])
            )
            row: dict[str, Any] = {
                "by": by, "group": str(group), "unit": own.unit, "conf_level": conf_level, "n": own.mean.n
            }  # fmt: skip
            if linked[group]:
                rows.append(row | dict.fromkeys([*_FIGURES, "n"], math.nan) | {"reason": linked[group]})
                continue
            if min(own.mean.n, others.mean.n) < min_base:
                reason = f"n<{min_base}" if own.mean.n < min_base else f"fewer than {min_base} others"
                rows.append(row | dict.fromkeys(_FIGURES, math.nan) | {"reason": reason})
                continue
            stated = survey_estimate(own, tracked.item, conf_level)
            change = difference_of(others, own, label=tracked.item, conf_level=conf_level)
            seen = detectable_difference(change.std_error, conf_level=conf_level, df=difference_df(others, own))
            rows.append(
                row
                | {
                    "estimate": stated.estimate, "std_error": stated.std_error, "conf_low": stated.conf_low,
                    "conf_high": stated.conf_high, "difference": change.estimate, "difference_low": change.conf_low,
                    "difference_high": change.conf_high, "p_value": change.p_value, "detectable": seen, "reason": change.reason,
                }
            )  # fmt: skip
    groups = pd.DataFrame(rows, columns=[name for name in COLUMNS if name not in ("q_value", "reading")])
    q = benjamini_hochberg(groups["p_value"].astype(float))
    readings = [
        reading_of(value, change, tracked.good, 1 - conf_level)
        for value, change in zip(np.asarray(q), groups["difference"], strict=True)
    ]
    return Standing(tracked.item, groups.assign(q_value=q, reading=readings)[COLUMNS])
