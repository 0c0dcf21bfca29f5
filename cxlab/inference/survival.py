"""How long until it happens, when not everybody was watched until it did? Survival curves and competing ends.

Survival is Kaplan and Meier's (*JASA* 53, 1958) with the log-log interval: whoever is still there when the data end counts as
censored, never as lost and never as stayed for good. Who came into view late (left truncation) is at risk only from the moment
from which on he could be seen. Groups are compared by the log-rank test (Mantel 1966).

Where several ends compete (a customer goes on to the next stage, or leaves), `cumulative_incidence` gives the share that met
each end by a moment (Aalen & Johansen, *Scandinavian Journal of Statistics* 5, 1978). Kaplan–Meier on one end alone, with
the others as censored, answers another question: what would be if nobody could leave, and whoever did would have gone on like those
who stayed. 1 minus that curve is never below the cumulative incidence, and those of all ends may add up to more than everybody.

All of this takes censoring to be independent of what would have come. None of it says why.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from cxlab.inference.intervals import Floats, check_conf_level, critical_value

_ROUNDING = 1e-12  # products of shares miss a half by this much at most


@dataclass(frozen=True)
class Survival:
    """A survival curve. `table` has one row a moment at which somebody left: time, n_at_risk, n_events, estimate, std_error,
    conf_low, conf_high (shares, 0 to 1), conf_level, n. Once nobody is left there is no interval."""

    table: pd.DataFrame
    conf_level: float
    n: int

    def to_frame(self) -> pd.DataFrame:
        return self.table.copy()

    @property
    def median(self) -> float:
        """The moment at which half have left; NaN where it is not reached."""
        return _first_time(self.table, self.table["estimate"] <= 0.5 + _ROUNDING)

    @property
    def median_interval(self) -> tuple[float, float]:
        """The moments at which the interval of the curve comes down to a half (Brookmeyer & Crowley, *Biometrics* 38, 1982).

        An end that is not reached is NaN: the median may lie beyond what was watched.
        """
        low, high = (_first_time(self.table, self.table[end] <= 0.5) for end in ("conf_low", "conf_high"))
        return low, high

    def survival_at(self, time: float) -> dict[str, float]:
        """The share still there at a moment, with its interval; 1 before anybody left."""
        before = self.table[self.table["time"] <= time]
        if before.empty:
            return {"estimate": 1.0, "conf_low": math.nan, "conf_high": math.nan}
        row = before.iloc[-1]
        return {key: float(row[key]) for key in ("estimate", "conf_low", "conf_high")}


@dataclass(frozen=True)
class CumulativeIncidence:
    """Shares that met each of several ends, by time.

    `table` has one row a moment at which somebody met an end, and cause: time, cause, n_at_risk, n_events (of this cause),
    estimate, std_error, conf_low, conf_high (shares, 0 to 1), conf_level, n, reason. `still` is the survival curve of
    whoever met none; it and the causes add up to 1 at every moment. `watched` is the longest time that anybody was watched; beyond it
    nothing is known, unless everybody had met an end.
    """

    table: pd.DataFrame
    still: Survival
    causes: tuple[str, ...]
    watched: float
    conf_level: float
    n: int
    _durations: Floats = field(repr=False, compare=False)

    def to_frame(self) -> pd.DataFrame:
        return self.table.copy()

    def incidence_at(self, time: float) -> pd.DataFrame:
        """One row a cause: the columns of `table` at a moment, n_at_risk those not ended and watched so long.

        The estimate is NaN beyond what was watched, its interval where nobody or everybody met the end; `reason` says so.
        """
        blank = {"n_at_risk": self.at_risk(time), "conf_level": self.conf_level, "n": self.n}
        empty = {"std_error": math.nan, "conf_low": math.nan, "conf_high": math.nan}
        rows = []
        for cause, (moments, events, steps) in self._steps.items():
            before = int(np.searchsorted(moments, time, side="right"))
            row = {"time": time, "cause": cause, **empty, **blank, "n_events": int(events[before - 1]) if before else 0}
            if not self.is_known(time):
                row |= {"estimate": math.nan, "reason": "nobody was watched so long"}
            elif not before:
                row |= {"estimate": 0.0, "reason": "nobody so far"}
            else:
                row |= steps[before - 1]
            rows.append(row)
        return pd.DataFrame(rows, columns=list(self.table.columns))

    @cached_property
    def _steps(self) -> dict[str, tuple[Any, Any, list[dict[Any, Any]]]]:
        """Of each cause its moments, its events up to each, and the figures there."""
        figures = ["estimate", "std_error", "conf_low", "conf_high", "reason"]
        own = {cause: self.table[self.table["cause"] == cause] for cause in self.causes}
        return {
            cause: (rows["time"].to_numpy(), rows["n_events"].cumsum().to_numpy(), rows[figures].to_dict("records"))
            for cause, rows in own.items()
        }

    def is_known(self, time: float) -> bool:
        """Whether anybody was watched so long, or everybody had met an end."""
        gone = len(self.still.table) > 0 and float(self.still.table["estimate"].iloc[-1]) <= _ROUNDING
        return self.n > 0 and (time <= self.watched or gone)

    def at_risk(self, time: float) -> int:
        """How many had met no end before a moment and were watched until it."""
        return int((self._durations >= time).sum())

    def time_of(self, cause: str, share: float = 0.5) -> tuple[float, float, float]:
        """When this share of all had met an end, and the moments at which the interval passes it; NaN where not reached."""
        own = self.table[self.table["cause"] == cause]
        line = share - _ROUNDING
        found = (_first_time(own, own[column] >= line) for column in ("estimate", "conf_high", "conf_low"))
        estimate, low, high = found
        return estimate, low, high


def kaplan_meier(
    durations: npt.ArrayLike,
    observed: npt.ArrayLike,
    *,
    entry: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
) -> Survival:
    """The share that is still there after each duration.

    `durations`: how long each was seen, from the beginning; `observed`: whether it ended then (else censored). `entry`: from
    which duration on each could be seen at all. Censorings tied with an event are still at risk. The standard error is Greenwood's.
    Raises ValueError for negative or missing durations, an `observed` that is missing, and an entry after the end.

    >>> kaplan_meier([6, 6, 6, 6, 7, 9, 10], [1, 1, 1, 0, 1, 0, 1]).survival_at(6)["estimate"].__round__(3)
    0.571
    """
    check_conf_level(conf_level)
    time, event = _durations(durations), _flags(observed)
    if len(event) != len(time):
        raise ValueError(f"`observed` has {len(event)} entries for {len(time)} durations; give one for each")
    start = np.zeros(len(time)) if entry is None else np.asarray(entry, dtype=float)
    if (start > time).any():
        raise ValueError(f"{int((start > time).sum())} came into view after they had ended; leave them out by name")
    moments = np.unique(time[event])
    begun, ended = np.sort(start), np.sort(time)
    at_risk = np.searchsorted(begun, moments, side="left") - np.searchsorted(ended, moments, side="left")
    if entry is None:
        at_risk = len(time) - np.searchsorted(ended, moments, side="left")
    n_events = _counts(time[event], moments)
    known = at_risk > 0
    moments, at_risk, n_events = moments[known], at_risk[known], n_events[known]
    estimate = np.cumprod(1 - n_events / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(n_events / (at_risk * (at_risk - n_events)))
        reach = critical_value(conf_level) * np.sqrt(greenwood) / np.log(estimate)
        low, high = estimate ** np.exp(-reach), estimate ** np.exp(reach)
        std_error = estimate * np.sqrt(greenwood)
    edge = (estimate <= 0) | (estimate >= 1) | ~np.isfinite(reach)
    table = pd.DataFrame(
        {
            "time": moments, "n_at_risk": at_risk, "n_events": n_events, "estimate": estimate,
            "std_error": np.where(edge, np.nan, std_error),
            "conf_low": np.where(edge, np.nan, np.minimum(low, high)),
            "conf_high": np.where(edge, np.nan, np.maximum(low, high)),
            "conf_level": conf_level, "n": len(time),
        }
    )  # fmt: skip
    return Survival(table, conf_level, len(time))


def cumulative_incidence(
    durations: npt.ArrayLike, causes: npt.ArrayLike, *, conf_level: float = 0.95
) -> CumulativeIncidence:
    """The share that met each end by each duration, where ends compete (Aalen & Johansen 1978).

    `durations`: how long each was seen, from the beginning, in any unit; `causes`: the end that each met then, missing where it was
    still watched (censored). At a moment t with n at risk, of whom d met an end and d_k this one, F_k grows by S(t−)·d_k/n.
    The variance is the delta method's, with Greenwood's terms (Marubini & Valsecchi 1995); with one cause it is Greenwood's own,
    and without censoring that of a share, F(1 − F)/n. The interval is log-log on 1 − F.

    Kaplan–Meier on one cause, with the others as censored, is not the same and higher: see the top of this module.

    Raises ValueError for negative or missing durations and lengths that differ.

    >>> found = cumulative_incidence([1, 2, 3, 4], ["on", "off", None, "on"])
    >>> found.incidence_at(4)[["cause", "estimate"]].values.tolist()
    [['off', 0.25], ['on', 0.75]]
    """
    check_conf_level(conf_level)
    time = _durations(durations)
    given = pd.Series(np.asarray(causes, dtype=object), dtype=object)
    if len(given) != len(time):
        raise ValueError(
            f"`causes` has {len(given)} entries for {len(time)} durations; give one for each, missing if none"
        )
    ended = given.notna().to_numpy()
    met = given.astype(str).to_numpy()
    still = kaplan_meier(time, ended, conf_level=conf_level)
    moments, at_risk = still.table["time"].to_numpy(), still.table["n_at_risk"].to_numpy(dtype=float)
    before = np.concatenate([[1.0], still.table["estimate"].to_numpy()])[:-1]
    ends = still.table["n_events"].to_numpy(dtype=float)
    names = tuple(sorted(set(met[ended])))
    parts = []
    for name in names:
        own = _counts(time[ended & (met == name)], moments)
        estimate = np.cumsum(before * own / at_risk)
        error = np.sqrt(_incidence_variance(estimate, before, at_risk, ends, own.astype(float)))
        low, high, reason = _incidence_interval(estimate, error, conf_level)
        parts.append(
            pd.DataFrame(
                {
                    "time": moments, "cause": name, "n_at_risk": still.table["n_at_risk"].to_numpy(), "n_events": own,
                    "estimate": estimate, "std_error": np.where(estimate > 0, error, np.nan), "conf_low": low,
                    "conf_high": high, "conf_level": conf_level, "n": len(time), "reason": reason,
                }
            )
        )  # fmt: skip
    columns = [
        "time",
        "cause",
        "n_at_risk",
        "n_events",
        "estimate",
        "std_error",
        "conf_low",
        "conf_high",
        "conf_level",
        "n",
        "reason",
    ]
    table = pd.concat(parts) if parts else pd.DataFrame(columns=columns)
    table = table.sort_values(["time", "cause"], kind="stable", ignore_index=True)
    watched = float(time.max()) if len(time) else math.nan
    return CumulativeIncidence(table, still, names, watched, conf_level, len(time), np.sort(time))


def log_rank(
    durations: npt.ArrayLike, observed: npt.ArrayLike, groups: npt.ArrayLike, *, entry: npt.ArrayLike | None = None
) -> float:
    """The p-value of no difference in survival between groups (Mantel 1966), with late entries."""
    time, event = np.asarray(durations, dtype=float), np.asarray(observed).astype(bool)
    start = np.full(len(time), -1.0) if entry is None else np.asarray(entry, dtype=float)
    codes, names = pd.factorize(np.asarray(groups, dtype=object))
    k = len(names)
    moments = np.unique(time[event])
    risk = np.empty((len(moments), k))
    lost = np.empty((len(moments), k))
    for g in range(k):
        own = codes == g
        begun, ended = np.sort(start[own]), np.sort(time[own])
        risk[:, g] = np.searchsorted(begun, moments, side="left") - np.searchsorted(ended, moments, side="left")
        lost[:, g] = _counts(time[own & event], moments)
    total, d = risk.sum(axis=1), lost.sum(axis=1)
    use = total > 1
    risk, lost, total, d = risk[use], lost[use], total[use], d[use]
    share = risk / total[:, None]
    gap = (lost - d[:, None] * share).sum(axis=0)[:-1]
    factor = d * (total - d) / (total - 1)
    variance = np.zeros((k - 1, k - 1))
    for a in range(k - 1):
        for b in range(k - 1):
            variance[a, b] = (factor * share[:, a] * ((a == b) - share[:, b])).sum()
    if k < 2 or np.linalg.matrix_rank(variance) < k - 1:
        return math.nan
    return float(stats.chi2.sf(gap @ np.linalg.solve(variance, gap), k - 1))


def _durations(given: npt.ArrayLike) -> Floats:
    time = np.asarray(given, dtype=float)
    if not (np.isfinite(time) & (time >= 0)).all():
        wrong = int((~(np.isfinite(time) & (time >= 0))).sum())
        raise ValueError(f"{wrong} durations are missing or negative; mend or leave them out by name")
    return time


def _flags(given: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Whether each ended. A missing one is refused: as a truth value it would be an end."""
    values = np.asarray(given)
    lost = pd.isna(values)
    if lost.any():
        raise ValueError(
            f"`observed` is missing for {int(lost.sum())}; say of each whether it ended, or leave them out by name"
        )
    return values.astype(bool)


def _counts(times: Floats, moments: Floats) -> npt.NDArray[np.intp]:
    """How many of `times` fall on each moment."""
    ordered = np.sort(times)
    return np.searchsorted(ordered, moments, side="right") - np.searchsorted(ordered, moments, side="left")


def _incidence_variance(f: Floats, before: Floats, n: Floats, d: Floats, own: Floats) -> Floats:
    """Σ (F(t) − F_j)²·d/(n(n − d)) + S²·d_k(n − d_k)/n³ − 2(F(t) − F_j)·S·d_k/n², over moments up to t, with running sums.

    Where all at risk end, n = d: it is the last moment, at which F(t) − F_j is 0, and the first term is none.
    """
    left = n - d
    a = np.divide(d, n * left, out=np.zeros_like(d), where=left > 0)
    c = before * own / n**2
    v = f**2 * np.cumsum(a) - 2 * f * np.cumsum(f * a) + np.cumsum(f**2 * a)
    v += np.cumsum(before**2 * own * (n - own) / n**3) - 2 * (f * np.cumsum(c) - np.cumsum(f * c))
    return np.maximum(v, 0.0)


def _incidence_interval(f: Floats, error: Floats, conf_level: float) -> tuple[Floats, Floats, npt.NDArray[np.object_]]:
    """Log-log on 1 − F, as the interval of a survival curve; none where nobody or everybody met the end."""
    inner = (f > 0) & (f < 1 - _ROUNDING)
    stay = np.where(inner, 1 - f, 0.5)
    reach = critical_value(conf_level) * error / (stay * np.log(stay))
    ends = 1 - stay ** np.exp(reach), 1 - stay ** np.exp(-reach)
    low, high = np.where(inner, np.minimum(*ends), np.nan), np.where(inner, np.maximum(*ends), np.nan)
    reason = np.where(f > 0, np.where(inner, "", "everybody met this end"), "nobody so far").astype(object)
    return low, high, reason


def _first_time(table: pd.DataFrame, reached: pd.Series) -> float:
    """The first moment of a table at which a condition holds; NaN where it never does."""
    times = table.loc[reached, "time"]
    return float(times.iloc[0]) if len(times) else math.nan
