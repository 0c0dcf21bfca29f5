"""How far off may a number from a sample be? Means, shares and differences with their intervals.

Every estimate of the workbench carries `estimate, std_error, conf_low, conf_high, conf_level, n`. Standard errors of
weighted and clustered answers are linearised (Taylor series), as in Lumley, *Complex Surveys* (2010), and agree with R
`survey::svymean`. Intervals of shares are Wilson's, of differences of shares Newcombe's method 10 (*Statistics in
Medicine* 17, 1998), on the base of a simple random sample that would be as informative as this one.

An interval covers the luck of the draw. It says nothing about people who were never asked, or did not answer.
"""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, asdict, dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special, stats

from cxlab.inference.sentences import difference_statement, statement

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A number from a sample. `std_error` and the interval are in the unit of `estimate`.

    Undefined figures are NaN, and `reason` says why.
    """

    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    conf_level: float
    n: int
    _: KW_ONLY
    reason: str = ""
    label: str = "The estimate"
    unit: str = ""

    def to_frame(self) -> pd.DataFrame:
        """One row, one column a field."""
        return pd.DataFrame([asdict(self)])

    def headline(self) -> str:
        """The sentence that may be quoted: number, interval and base."""
        return statement(
            self.label,
            self.unit,
            estimate=self.estimate,
            conf_low=self.conf_low,
            conf_high=self.conf_high,
            conf_level=self.conf_level,
            n=self.n,
            reason=self.reason,
        )


@dataclass(frozen=True)
class Difference(Estimate):
    """After minus before, of two independent samples; `n` counts both. `p_value` is two-sided, for no difference."""

    _: KW_ONLY
    p_value: float = math.nan
    n_before: int = 0
    n_after: int = 0

    def headline(self) -> str:
        """Whether it rose, fell, or did not clearly change, with interval and both bases."""
        return difference_statement(
            self.label,
            self.unit,
            estimate=self.estimate,
            conf_low=self.conf_low,
            conf_high=self.conf_high,
            conf_level=self.conf_level,
            n_before=self.n_before,
            n_after=self.n_after,
            reason=self.reason,
        )


def check_conf_level(conf_level: float) -> None:
    """Raises ValueError unless it lies between 0 and 1."""
    if not 0 < conf_level < 1:
        raise ValueError(f"`conf_level` must be between 0 and 1, got {conf_level!r}; 95% is 0.95")


@lru_cache(maxsize=4_096)
def critical_value(conf_level: float, df: float = math.inf) -> float:
    """How many standard errors the interval reaches to each side; NaN where no degree of freedom is left."""
    check_conf_level(conf_level)
    return float(stats.t.ppf(0.5 + conf_level / 2, df)) if df > 0 else math.nan


def two_sided_p(statistic: float, df: float = math.inf) -> float:
    """The chance of a statistic at least this far from zero where there is no difference."""
    if not df > 0:
        return math.nan
    below = special.ndtr(-abs(statistic)) if math.isinf(df) else special.stdtr(df, -abs(statistic))
    return float(2 * below)


@dataclass(frozen=True)
class LinearisedMean:
    """A weighted mean with its linearised standard error.

    `units` are the independent parts (respondents, or clusters), `df` the degrees of freedom that they leave;
    `n_eff` is Kish's effective base, which knows the weights but not the clusters.
    """

    mean: float
    std_error: float
    n: int
    n_eff: float
    units: int
    df: int


def linearised_mean(
    y: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    clusters: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
) -> LinearisedMean:
    """Σwy/Σw and its standard error, from the spread of z = w(y − mean)/Σw between respondents or clusters.

    SE² = Σ_h m_h/(m_h − 1)·Σ(z − z̄_h)², with one stratum h where none are given. A respondent without a cluster is a
    cluster of one. NaN where there is nobody; the standard error is NaN where there is one unit only.

    Raises ValueError for missing values of `y`, missing or negative weights, a stratum with a single unit, and clusters
    that lie in several strata.

    >>> linearised_mean([1, 2, 3])
    LinearisedMean(mean=2.0, std_error=0.5773502691896257, n=3, n_eff=3.0, units=3, df=2)
    """
    values = np.asarray(y, dtype=float)
    n = len(values)
    if np.isnan(values).any():
        raise ValueError(
            f"{int(np.isnan(values).sum())} values of `y` are missing; leave them out and count them first"
        )
    w = check_weights(weights, n)
    if n == 0:
        return LinearisedMean(math.nan, math.nan, 0, 0.0, 0, 0)
    mean = float((w * values).sum() / w.sum())
    z = w * (values - mean) / w.sum()
    layer = np.zeros(n, dtype=np.intp) if strata is None else _strata_codes(strata, n)
    if clusters is not None:
        z, layer = _sum_by_cluster(z, layer, clusters)
    return LinearisedMean(mean, _standard_error(z, layer), n, kish(w), len(z), len(z) - int(layer.max()) - 1)


def check_weights(weights: npt.ArrayLike | None, n: int) -> Floats:
    """One weight for each of `n` respondents, all 1 where none are given. Raises ValueError for impossible weights."""
    if weights is None:
        return np.ones(n)
    given = pd.Series(np.asarray(weights))
    w = pd.to_numeric(given, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    if len(w) != n:
        raise ValueError(f"{len(w)} weights for {n} respondents; give one weight for each")
    if np.isnan(w).any():
        raise ValueError(
            f"{int(np.isnan(w).sum())} respondents who answered have no weight that is a number; "
            "weight them, or leave them out by name"
        )
    if (w < 0).any() or np.isinf(w).any():
        raise ValueError(f"a weight must be a finite number from 0 upwards, got {w[(w < 0) | np.isinf(w)][0]:g}")
    if n and w.sum() == 0:
        raise ValueError(f"every weight of the {n} respondents who answered is 0; the weighted base is empty")
    return w


def _strata_codes(strata: npt.ArrayLike, n: int) -> npt.NDArray[np.intp]:
    codes = pd.factorize(pd.Series(strata))[0]
    if len(codes) != n:
        raise ValueError(f"{len(codes)} strata for {n} respondents; give one stratum for each")
    if (codes < 0).any():
        raise ValueError(f"{int((codes < 0).sum())} respondents have no stratum; every respondent needs one")
    return codes


def _sum_by_cluster(
    z: Floats, layer: npt.NDArray[np.intp], clusters: npt.ArrayLike
) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Sums of z by cluster, and the stratum of each cluster."""
    codes = pd.factorize(pd.Series(clusters))[0]
    if len(codes) != len(z):
        raise ValueError(
            f"{len(codes)} clusters for {len(z)} respondents; give one cluster for each (missing is allowed)"
        )
    alone = codes < 0
    codes[alone] = codes.max(initial=-1) + 1 + np.arange(alone.sum())
    layer_of_cluster = np.zeros(codes.max() + 1, dtype=np.intp)
    layer_of_cluster[codes] = layer
    if (layer_of_cluster[codes] != layer).any():
        raise ValueError("a cluster lies in several strata; number clusters afresh within each stratum")
    sums: Floats = np.bincount(codes, weights=z).astype(float)
    return sums, layer_of_cluster


def _standard_error(z: Floats, layer: npt.NDArray[np.intp]) -> float:
    m = np.bincount(layer)
    if len(z) < 2:
        return math.nan
    if (m < 2).any():
        raise ValueError("a stratum has a single respondent or cluster, which shows no spread; merge it with another")
    centred = z - (np.bincount(layer, weights=z) / m)[layer]
    return math.sqrt(float((m / (m - 1) * np.bincount(layer, weights=centred**2)).sum()))


def kish(weights: npt.ArrayLike) -> float:
    """Kish's effective base (Σw)²/Σw²: equally weighted respondents who would be as informative."""
    w = np.asarray(weights, dtype=float)
    return float(w.sum() ** 2 / (w**2).sum()) if (w > 0).any() else 0.0


def effective_base(spread: float, mean: LinearisedMean) -> float:
    """Respondents of a simple random sample as informative as this one; `spread` is the variance of one answer.

    Exactly n with equal weights and no clusters. Kish's figure where the standard error is 0 or undefined.
    """
    if mean.n < 2 or not mean.std_error > 1e-12:
        return mean.n_eff
    return mean.n / (mean.n - 1) * spread / mean.std_error**2


def wilson(share: float, n_eff: float, conf_level: float = 0.95, *, df: float = math.inf) -> tuple[float, float]:
    """Wilson's score interval of a share (0 to 1). NaN where the base is empty.

    >>> low, high = wilson(81 / 263, 263)
    >>> round(low, 4), round(high, 4)
    (0.2553, 0.3662)
    """
    if not 0 <= share <= 1 and not math.isnan(share):
        raise ValueError(f"a share lies between 0 and 1, got {share:g}; divide percentages by 100")
    z = critical_value(conf_level, df)
    if not n_eff > 0:
        return math.nan, math.nan
    centre = (share + z**2 / (2 * n_eff)) / (1 + z**2 / n_eff)
    half = z * math.sqrt(share * (1 - share) / n_eff + z**2 / (4 * n_eff**2)) / (1 + z**2 / n_eff)
    # Written out, the ends at a share of 0 and 1 are exact; the formula misses them by rounding.
    return (0.0 if share == 0 else centre - half), (1.0 if share == 1 else centre + half)


def newcombe(
    before: float,
    n_before: float,
    after: float,
    n_after: float,
    conf_level: float = 0.95,
    *,
    df: float = math.inf,
) -> tuple[float, float]:
    """Interval of the difference of two independent shares, after − before (Newcombe's method 10).

    >>> low, high = newcombe(48 / 80, 80, 56 / 70, 70)
    >>> round(low, 4), round(high, 4)
    (0.0524, 0.3339)
    """
    low_before, high_before = wilson(before, n_before, conf_level, df=df)
    low_after, high_after = wilson(after, n_after, conf_level, df=df)
    change = after - before
    return (
        change - math.hypot(after - low_after, high_before - before),
        change + math.hypot(high_after - after, before - low_before),
    )


class _WithError(Protocol):
    """An estimate, or a finding read back from a file."""

    @property
    def estimate(self) -> float: ...
    @property
    def std_error(self) -> float: ...
    @property
    def n(self) -> int: ...


def difference(
    before: _WithError, after: _WithError, *, conf_level: float = 0.95, label: str = "the estimate", unit: str = ""
) -> Difference:
    """After − before of two *independent* estimates, from their standard errors alone (normal approximation).

    For two waves whose answers are at hand, `cxlab.survey.nps_change` and `compare` know more and are better. Estimates
    from the same or overlapping customers are not independent; this would call their differences too uncertain.
    """
    reach = critical_value(conf_level)
    change = after.estimate - before.estimate
    std_error = math.hypot(before.std_error, after.std_error)
    reason = ""
    if math.isnan(change):
        reason = "one of the two estimates is not defined"
    elif math.isnan(std_error) or std_error == 0:
        reason, std_error = "the standard errors are not defined or 0", math.nan
    return Difference(
        change,
        std_error,
        change - reach * std_error,
        change + reach * std_error,
        conf_level,
        before.n + after.n,
        p_value=two_sided_p(change / std_error),
        n_before=before.n,
        n_after=after.n,
        reason=reason,
        label=label,
        unit=unit,
    )


def detectable_difference(
    std_error: float, *, power: float = 0.8, conf_level: float = 0.95, df: float = math.inf
) -> float:
    """The smallest true difference that a comparison with this standard error would have shown with this power.

    Print it beside every "no clear change": a flat line on a small base has proved nothing. For one test on its own;
    with a correction for many tests it is larger.

    >>> round(detectable_difference(100 * (2 * 0.61 / 3831) ** 0.5), 2)
    5.0
    """
    if not 0.5 <= power < 1:
        raise ValueError(f"`power` must be from 0.5 to below 1, got {power!r}; 80% is 0.8")
    reach = critical_value(conf_level, df)
    return (reach + float(stats.t.ppf(power, df))) * std_error if df > 0 else math.nan
