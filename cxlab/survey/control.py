"""Is a figure that is measured again and again still the same process, or did something happen?

Shewhart's control charts (Montgomery, *Introduction to Statistical Quality Control*; NIST/SEMATECH e-Handbook 6.3): p for
shares, u and c for counts, XmR for single figures, EWMA for small drifts, and Laney's p′ (*Quality Engineering* 14, 2002) for
shares on bases so large that a plain p chart takes every week for an event.

One row of `points` is one point of time. A signal says that a point does not fit the rest; it does not say why, and it says
nothing of whether the level is good. Points without a figure are left out of everything and stay NaN.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxlab.inference.intervals import Floats
from cxlab.problems import did_you_mean

Kind = Literal["p", "u", "c", "xmr", "ewma", "p_prime"]
_COUNTED = ("p", "u", "c", "p_prime")
_D2 = 1.128  # mean range of two values of a normal distribution with σ = 1


@dataclass(frozen=True)
class ControlChart:
    """Centre, limits and points of one chart.

    `points` has one row a point: value (what is plotted: share, rate, count, or the smoothed value of an EWMA), raw (the
    figure itself, for an EWMA), n, lcl, ucl, signal (outside the limits) and rule (which other pattern ends here; empty
    for none). `lcl` and `ucl` are numbers where all points have the same limits, else one a point. `sigma_z` is Laney's
    factor: above 1, points differ by more than chance within them explains.
    """

    kind: Kind
    center: float
    lcl: float | Floats
    ucl: float | Floats
    points: pd.DataFrame
    sigma_z: float = math.nan

    @property
    def n_points(self) -> int:
        """Points with a figure."""
        return int(self.points["value"].notna().sum())

    @property
    def flagged(self) -> pd.DataFrame:
        """The points that lie outside the limits or end a pattern."""
        return self.points[self.points["signal"] | (self.points["rule"] != "")]


def control_chart(
    values: npt.ArrayLike,
    *,
    kind: str,
    n: npt.ArrayLike | None = None,
    target: float | None = None,
    sigma: float | None = None,
    lam: float = 0.3,
    k: float = 3,
    baseline: int | None = None,
) -> ControlChart:
    """A control chart of figures in the order of time.

    `values` are counts for p, u, c and p_prime, figures for xmr and ewma. `n` is the base of each count (p, p_prime) or
    its exposure (u), one number or one a point. `target` and `sigma` are known centre and spread; without them they are
    taken from the first `baseline` points, or from all. `lam` is the weight of the newest point in an EWMA, `k` the
    distance of the limits in standard deviations.

    A pattern (`rule`) is eight points on one side, six rising or falling, two of three beyond two standard deviations on
    one side, four of five beyond one. An EWMA has none: neighbours of a smoothed series are alike anyway. Raises
    ValueError for an unknown kind, counts that are none or exceed their base, and too few points.

    >>> chart = control_chart([12, 15, 8, 10, 4, 7, 16, 9, 14, 24], kind="p", n=50)
    >>> round(chart.center, 3), chart.points["signal"].to_list().index(True)
    (0.238, 9)
    """
    chosen = _check_kind(kind)
    x = _numbers(values, "values")
    base = _bases(n, x, chosen)
    if not k > 0:
        raise ValueError(f"`k` must be above 0, got {k!r}; 3 is usual")
    if chosen in _COUNTED:
        _check_counts(x, base, chosen)
    first = _baseline(baseline, x)
    if chosen in ("xmr", "ewma"):
        return _of_figures(chosen, x, base, target, sigma, lam, k, first)
    share = x / base if chosen != "c" else x
    weight = base if chosen != "c" else np.ones(len(x))
    known = first & ~np.isnan(share)
    center = float((share[known] * weight[known]).sum() / weight[known].sum()) if target is None else float(target)
    spread = np.sqrt(center * (1 - center) / base) if chosen in ("p", "p_prime") else np.sqrt(center / weight)
    factor = math.nan
    if chosen == "p_prime":
        z = np.divide(share - center, spread, out=np.zeros(len(x)), where=spread > 0)
        factor = _moving_range(z[known]) / _D2
        spread = spread * factor
    if sigma is not None:
        spread = np.full(len(x), float(sigma))
    spread = np.where(np.isnan(share), math.nan, spread)
    top = 1.0 if chosen in ("p", "p_prime") else math.inf
    return _chart(chosen, share, share, base, center, spread, k, (0.0, top), factor)


def _of_figures(
    kind: Kind,
    x: Floats,
    base: Floats,
    target: float | None,
    sigma: float | None,
    lam: float,
    k: float,
    first: npt.NDArray[np.bool_],
) -> ControlChart:
    """XmR and EWMA."""
    known = x[first & ~np.isnan(x)]
    center = float(known.mean()) if target is None else float(target)
    s = _moving_range(known) / _D2 if sigma is None else float(sigma)
    if kind == "xmr":
        return _chart(kind, x, x, base, center, np.where(np.isnan(x), math.nan, s), k, (-math.inf, math.inf), math.nan)
    if not 0 < lam <= 1:
        raise ValueError(f"`lam` must be above 0 and at most 1, got {lam!r}; 0.2 or 0.3 is usual")
    z, spread, last = np.full(len(x), math.nan), np.full(len(x), math.nan), center
    for t, i in enumerate(np.flatnonzero(~np.isnan(x)), start=1):
        last = lam * x[i] + (1 - lam) * last
        z[i] = last
        spread[i] = s * math.sqrt(lam / (2 - lam) * (1 - (1 - lam) ** (2 * t)))
    return _chart(kind, z, x, base, center, spread, k, (-math.inf, math.inf), math.nan)


def _chart(
    kind: Kind,
    value: Floats,
    raw: Floats,
    base: Floats,
    center: float,
    spread: Floats,
    k: float,
    ends: tuple[float, float],
    factor: float,
) -> ControlChart:
    lcl, ucl = np.clip(center - k * spread, *ends), np.clip(center + k * spread, *ends)
    slack = 1e-12 * max(abs(center), 1.0)  # a point on the limit is inside it, whatever the rounding
    signal = (value < lcl - slack) | (value > ucl + slack)
    z = np.divide(value - center, spread, out=np.full(len(value), math.nan), where=spread > 0)
    points = pd.DataFrame(
        {
            "value": value, "raw": raw, "n": base, "lcl": lcl, "ucl": ucl, "signal": signal,
            "rule": [""] * len(value) if kind == "ewma" else _rules(z),
        }
    )  # fmt: skip
    same = np.unique(np.round(spread[~np.isnan(spread)], 12)).size <= 1
    known = np.flatnonzero(~np.isnan(value))
    low: float | Floats = float(lcl[known[0]]) if same else lcl
    high: float | Floats = float(ucl[known[0]]) if same else ucl
    return ControlChart(kind, center, low, high, points, factor)


def _rules(z: Floats) -> list[str]:
    """The pattern that ends at each point, among the points that have a figure."""
    at = np.flatnonzero(~np.isnan(z))
    own = z[at]
    found = [""] * len(z)
    for place, i in enumerate(at):
        said = []
        for run, wanted, beyond, words in (
            (8, 8, 0, "8 on one side"),
            (3, 2, 2, "2 of 3 beyond 2σ"),
            (5, 4, 1, "4 of 5 beyond 1σ"),
        ):
            last = own[max(place - run + 1, 0) : place + 1]
            sides = ((last > beyond).sum(), (last < -beyond).sum())
            if len(last) >= wanted and max(sides) >= wanted and abs(own[place]) > beyond:
                mine = sides[0] if own[place] > 0 else sides[1]
                said += [words] if mine >= wanted else []
        steps = np.diff(own[max(place - 5, 0) : place + 1])
        if len(steps) == 5 and ((steps > 0).all() or (steps < 0).all()):
            said.append("6 rising" if steps[0] > 0 else "6 falling")
        found[i] = "; ".join(said)
    return found


def _moving_range(known: Floats) -> float:
    """The mean difference of neighbours, without sign."""
    return float(np.abs(np.diff(known)).mean()) if len(known) > 1 else math.nan


def _check_kind(kind: str) -> Kind:
    kinds = get_args(Kind)
    if kind not in kinds:
        raise ValueError(f"there is no chart `{kind}`; {did_you_mean(kind, kinds)}")
    return kind  # type: ignore[return-value]


def _numbers(given: npt.ArrayLike, name: str) -> Floats:
    column = pd.Series(np.atleast_1d(np.asarray(given)))
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=math.nan)
    lost = column.notna().to_numpy() & np.isnan(values)
    if lost.any():
        raise ValueError(f"`{name}` must be numbers, got {column[lost].iloc[0]!r}")
    if np.isinf(values).any():
        raise ValueError(f"`{name}` must be finite, got {values[np.isinf(values)][0]:g}")
    return values


def _bases(n: npt.ArrayLike | None, x: Floats, kind: Kind) -> Floats:
    """The base of each point; a base of 0 is a point without a figure."""
    if n is None:
        if kind in ("p", "u", "p_prime"):
            raise ValueError(f'a chart of kind "{kind}" needs `n`, the base of each count')
        return np.full(len(x), math.nan)
    bases = _numbers(n, "n")
    if bases.size == 1:
        bases = np.full(len(x), bases[0])
    if bases.shape != x.shape:
        raise ValueError(f"`n` has {bases.size} bases for {x.size} points; give one number, or one a point")
    if (bases < 0).any():
        raise ValueError(f"a base must not be negative, got {bases[bases < 0][0]:g}")
    return np.where(bases > 0, bases, math.nan)


def _check_counts(x: Floats, base: Floats, kind: Kind) -> None:
    known = ~np.isnan(x)
    if (x[known] < 0).any() or (np.abs(x[known] - np.round(x[known])) > 1e-9).any():
        wrong = x[known & ((x < 0) | (np.abs(x - np.round(x)) > 1e-9))][0]
        raise ValueError(f'a chart of kind "{kind}" takes counts, whole numbers from 0 upwards, got {wrong:g}')
    if kind in ("p", "p_prime") and (x > base).any():
        i = int(np.flatnonzero(x > base)[0])
        raise ValueError(f"point {i + 1} counts {x[i]:g} of {base[i]:g}; give counts and the bases they are part of")
    if kind != "c" and np.isnan(base[known & (x > 0)]).any():
        i = int(np.flatnonzero(known & (x > 0) & np.isnan(base))[0])
        raise ValueError(f"point {i + 1} counts {x[i]:g} of a base of 0 or without a base")


def _baseline(baseline: int | None, x: Floats) -> npt.NDArray[np.bool_]:
    """The points from which centre and spread are taken."""
    first = np.ones(len(x), dtype=bool)
    if baseline is not None:
        if int(baseline) != baseline or not 2 <= baseline <= len(x):
            raise ValueError(f"`baseline` must be a number of points from 2 to {len(x)}, got {baseline!r}")
        first[int(baseline) :] = False
    if (~np.isnan(x) & first).sum() < 2:
        raise ValueError(f"a control chart needs two points with a figure, got {(~np.isnan(x) & first).sum()}")
    return first
