"""Estimates as rows of a table: the fields that charts, exhibits and findings share, for a mean and for a share.

One row is one group. Where nobody answered, or a single unit is left, figures are NaN and `reason` says why.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxlab.inference.intervals import (
    check_conf_level,
    critical_value,
    effective_base,
    linearised_mean,
    two_sided_p,
    wilson,
)

FIELDS = ("estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "unit", "reason")


def mean_row(
    values: npt.ArrayLike,
    *,
    unit: str = "",
    weights: npt.ArrayLike | None = None,
    clusters: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
    factor: float = 1.0,
) -> dict[str, Any]:
    """A weighted mean with Student's t interval, as a row with the fields `FIELDS`. Missing values are left out.

    >>> row = mean_row([1, 2, 3, None], unit="1 to 5")
    >>> row["estimate"], row["n"], round(row["conf_low"], 2)
    (2.0, 3, -0.48)
    """
    check_conf_level(conf_level)
    given, w, c = _known(values, weights, clusters)
    mean = linearised_mean(given, w, c)
    half = critical_value(conf_level, mean.df) * mean.std_error if mean.units > 1 else math.nan
    row = _row(mean.mean, mean.std_error, mean.mean - half, mean.mean + half, conf_level, mean.n, factor)
    return row | {"unit": unit, "reason": _why(mean.n, mean.units)}


def share_row(
    flags: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
    clusters: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
) -> dict[str, Any]:
    """A share in percent with Wilson's interval on the effective base, as a row with the fields `FIELDS`.

    >>> row = share_row([1, 1, 0, 1])
    >>> row["estimate"], round(row["conf_low"]), row["n"]
    (75.0, 30, 4)
    """
    check_conf_level(conf_level)
    given, w, c = _known(flags, weights, clusters)
    mean = linearised_mean(given, w, c)
    low, high = wilson(mean.mean, effective_base(mean.mean * (1 - mean.mean), mean), conf_level)
    return _row(mean.mean, mean.std_error, low, high, conf_level, mean.n, 100) | {
        "unit": "%",
        "reason": _why(mean.n, mean.units),
    }


def share_of(count: int, n: int, *, conf_level: float = 0.95) -> dict[str, Any]:
    """`share_row` from counts: `count` of `n` units.

    >>> share_of(3, 4) == share_row([1, 1, 0, 1])
    True
    """
    check_conf_level(conf_level)
    share = count / n if n else math.nan
    error = math.sqrt(share * (1 - share) / (n - 1)) if n > 1 else math.nan
    low, high = wilson(share, n if n > 1 else math.nan, conf_level)
    return _row(share, error, low, high, conf_level, n, 100) | {"unit": "%", "reason": _why(n, n)}


def difference_row(before: dict[str, Any], after: dict[str, Any], *, min_base: int = 0) -> dict[str, Any]:
    """After minus before of two independent rows: difference, std_error, conf_low, conf_high, p_value (normal). Where either rests on
    fewer than `min_base` they are NaN, and the reason says so."""
    change = after["estimate"] - before["estimate"]
    error = math.hypot(before["std_error"], after["std_error"])
    known = math.isfinite(error) and error > 0
    half = critical_value(after["conf_level"]) * error if known else math.nan
    row = {
        "difference": change, "std_error": error, "conf_low": change - half, "conf_high": change + half,
        "conf_level": after["conf_level"], "p_value": two_sided_p(change / error) if known else math.nan,
        "n_before": before["n"], "n_after": after["n"], "unit": after["unit"],
        "reason": "" if known else before["reason"] or after["reason"] or "the standard errors are not defined",
    }  # fmt: skip
    if min(before["n"], after["n"]) < min_base:
        row |= dict.fromkeys(("difference", "std_error", "conf_low", "conf_high", "p_value"), math.nan)
        row["reason"] = f"n<{min_base}"
    return row


def _row(
    estimate: float, error: float, low: float, high: float, conf_level: float, n: int, factor: float
) -> dict[str, Any]:
    return {
        "estimate": factor * estimate, "std_error": factor * error, "conf_low": factor * low, "conf_high": factor * high,
        "conf_level": conf_level, "n": n,
    }  # fmt: skip


def _known(
    values: npt.ArrayLike, weights: npt.ArrayLike | None, clusters: npt.ArrayLike | None
) -> tuple[Any, Any, Any]:
    """The values that are there, with their weights and clusters."""
    given = pd.to_numeric(pd.Series(np.asarray(values)), errors="coerce").to_numpy(dtype=float)
    there = ~np.isnan(given)
    w = None if weights is None else np.asarray(weights, dtype=float)[there]
    c = None if clusters is None else np.asarray(clusters, dtype=object)[there]
    return given[there], w, c


def _why(n: int, units: int) -> str:
    if n == 0:
        return "nobody answered"
    return "" if units > 1 else "a single unit shows no spread"
