"""How far is the experience from what customers expect, and from what staff believe it is?

Gap = actual − reference, so a negative gap is a shortfall. Against staff the reference is their mean of the same question
(two samples, Welch); against expectations it is the same person's expectation (pairs). Standard errors are linearised, with
clusters where given (Zeithaml, Parasuraman & Berry 1990 for the gaps; Welch 1947).

A gap says nothing about importance, and a gap against expectations is mostly performance turned round: expectations differ
little from question to question.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import pandas as pd
from scipy import stats

from cxlab.inference import benjamini_hochberg, linearised_mean
from cxlab.inference.intervals import check_conf_level

GAP_COLUMNS = [
    "item", "actual", "reference", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "n_reference",
    "p_value", "q_value", "quadrant", "blind_spot", "suppressed", "reason",
]  # fmt: skip


def gap_table(
    frame: pd.DataFrame,
    items: list[str],
    *,
    against: Literal["staff"] | Mapping[str, str] = "staff",
    perspective_col: str = "perspective",
    weights_col: str | None = None,
    cluster_col: str | None = None,
    threshold: float | None = None,
    min_base: int = 30,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """One row an item: actual, reference, estimate (actual − reference) with interval, p, q (Benjamini–Hochberg), quadrant.

    `frame` has one row a respondent. `against="staff"`: rows whose `perspective_col` is staff are the reference. `against`
    a mapping item → column of expectation: pairs within a respondent. `threshold` parts high from low (default: the mean
    of the actual means). Quadrants against staff: blind spot (low, and staff believe it high), known weakness, hidden
    strength, shared strength; against expectations unmet, met. Weights and clusters are the customers'.

    An item with fewer than `min_base` answers on a side is kept with NaN and `suppressed`. Raises ValueError for missing
    columns and where there is no answer of staff at all.
    """
    check_conf_level(conf_level)
    wanted = [*items, *(against.values() if not isinstance(against, str) else [perspective_col])]
    for column in [*wanted, *filter(None, (weights_col, cluster_col))]:
        if column not in frame:
            raise ValueError(f"the table has no column `{column}`; a gap needs it")
    customers, staff = frame, frame.iloc[:0]
    if perspective_col in frame:
        customers, staff = (frame[frame[perspective_col] == who] for who in ("customer", "staff"))
    if against == "staff" and staff[items].notna().to_numpy().sum() == 0:
        raise ValueError(f"no row has `{perspective_col}` staff and an answer; a gap against staff needs both sides")
    design: dict[str, Any] = {
        "weights_col": weights_col,
        "cluster_col": cluster_col,
        "conf_level": conf_level,
        "min_base": min_base,
    }
    rows = [
        _against_staff(item, customers, staff, **design)
        if isinstance(against, str)
        else _paired(item, against[item], customers, **design)
        for item in items
    ]
    table = pd.DataFrame(rows)
    table["q_value"] = benjamini_hochberg(table["p_value"])
    line = float(table["actual"].mean()) if threshold is None else threshold
    table["quadrant"] = [_quadrant(row, line, isinstance(against, str)) for row in table.to_dict("records")]
    clear = (table["q_value"] < 1 - conf_level) & (table["estimate"] < 0)
    table["blind_spot"] = clear & (table["quadrant"] == "blind spot")
    table.loc[(table["quadrant"] == "blind spot") & ~clear, "quadrant"] = "shared view"
    return table[GAP_COLUMNS]


def _against_staff(
    item: str,
    customers: pd.DataFrame,
    staff: pd.DataFrame,
    *,
    weights_col: str | None,
    cluster_col: str | None,
    conf_level: float,
    min_base: int,
) -> dict[str, Any]:
    """Two samples: Welch's test with Satterthwaite's degrees of freedom."""
    own = _mean(customers, item, weights_col, cluster_col)
    theirs = _mean(staff, item, None, None)
    row = {"item": item, "actual": own.mean, "reference": theirs.mean, "n": own.n, "n_reference": theirs.n}
    variances = own.std_error**2, theirs.std_error**2
    total = sum(variances)
    df = math.nan
    if total > 0 and own.units > 1 and theirs.units > 1:
        df = total**2 / (variances[0] ** 2 / (own.units - 1) + variances[1] ** 2 / (theirs.units - 1))
    return (
        row
        | _test(own.mean - theirs.mean, math.sqrt(total) if total > 0 else math.nan, df, conf_level)
        | _small(min(own.n, theirs.n), min_base)
    )


def _paired(
    item: str,
    expectation: str,
    customers: pd.DataFrame,
    *,
    weights_col: str | None,
    cluster_col: str | None,
    conf_level: float,
    min_base: int,
) -> dict[str, Any]:
    """Pairs within a respondent."""
    pairs = customers.dropna(subset=[item, expectation])
    gaps = pairs.assign(_gap=pairs[item] - pairs[expectation])
    mean = _mean(gaps, "_gap", weights_col, cluster_col)
    sides = (_mean(pairs, column, weights_col, cluster_col).mean for column in (item, expectation))
    row = {"item": item, **dict(zip(("actual", "reference"), sides, strict=True)), "n": mean.n, "n_reference": mean.n}
    df = mean.units - 1 if mean.units > 1 else math.nan
    return row | _test(mean.mean, mean.std_error, df, conf_level) | _small(mean.n, min_base)


def _mean(frame: pd.DataFrame, column: str, weights_col: str | None, cluster_col: str | None) -> Any:
    known = frame[frame[column].notna()]
    weights = known[weights_col] if weights_col else None
    clusters = known[cluster_col] if cluster_col and known[cluster_col].notna().any() else None
    return linearised_mean(known[column].to_numpy(dtype=float), weights, clusters)


def _test(gap: float, error: float, df: float, conf_level: float) -> dict[str, Any]:
    known = error > 0 and df > 0
    half = float(stats.t.ppf(0.5 + conf_level / 2, df)) * error if known else math.nan
    p_value = float(2 * stats.t.sf(abs(gap / error), df)) if known else math.nan
    reason = "" if known else "there is no spread to judge it by"
    return {"estimate": gap, "std_error": error, "conf_low": gap - half, "conf_high": gap + half,
            "conf_level": conf_level, "p_value": p_value, "reason": reason}  # fmt: skip


def _small(n: int, min_base: int) -> dict[str, Any]:
    if n >= min_base:
        return {"suppressed": False}
    hidden = ("actual", "reference", "estimate", "std_error", "conf_low", "conf_high", "p_value")
    return dict.fromkeys(hidden, math.nan) | {"suppressed": True, "reason": f"n<{min_base}"}


def _quadrant(row: dict[Any, Any], line: float, is_staff: bool) -> str:
    if math.isnan(row["actual"]) or math.isnan(row["reference"]):
        return "not shown"
    if not is_staff:
        return "unmet" if row["estimate"] < 0 else "met"
    high, believed = row["actual"] >= line, row["reference"] >= line
    if high:
        return "shared strength" if believed else "hidden strength"
    return "blind spot" if believed else "known weakness"
