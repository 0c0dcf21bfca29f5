"""Which part of the experience counts much and does badly? The importance-performance map, with the uncertainty of both directions.

One row of the input is one respondent, one column a driver. Performance is the mean of 100·(x − low)/(high − low), where low and high
are the ends of the *questionnaire's* scale: the best and worst answers that happened to occur would move a driver on the map when one
respondent changes. Importance is the unstandardised effect: points of the 0 to 100 outcome that go with one point of the 0 to 100
driver, the other drivers held fixed (Ringle & Sarstedt, *Industrial Management & Data Systems* 116, 2016; Martilla & James 1977 for
the map). An effect of your own (a path model's total effect, an ordered model's) is taken in place of least squares.

Both come from the same respondents, so they are resampled together, by respondent or by account: each driver has an ellipse, and the
quadrant it lies in has a probability. A quadrant is named where at least 80% of the resamples agree; below that the map does not tell.

Importance rests on those who answered everything, performance of a driver on all who answered it: who never used a touchpoint is
no reason to ignore what others say of it. Rows without a weight are left out and counted. Association, not cause: a driver far to the
right that is improved need not move loyalty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from cxlab.drivers.complete import answers, check_column
from cxlab.drivers.moments import (
    check_n_boot,
    check_separate,
    check_units,
    drawn_counts,
    percentile_ends,
    products,
    slopes,
    sums_by_unit,
)
from cxlab.inference.intervals import Floats, check_conf_level, check_weights
from cxlab.inference.permutation import Codes, cluster_codes
from cxlab.problems import did_you_mean

Ends = tuple[float, float]
Effect = Callable[[Floats, Floats, Floats], npt.ArrayLike]
AGREED = 0.8  # of the resamples, from which on a class is named
QUADRANTS = ("concentrate here", "keep up the good work", "low priority", "possible overkill")  # Martilla & James 1977
NOT_SETTLED = "not settled"


@dataclass(frozen=True)
class ImportancePerformance:
    """The map. `table` has one row a driver: driver, importance, importance_error, importance_low, importance_high, performance,
    performance_error, performance_low, performance_high, conf_level, n (answered everything), n_performance (answered the driver),
    quadrant (of the estimates), quadrant_probability (share of resamples in it), quadrant_named (the quadrant from 80% on, else
    "not settled").

    `ellipses`: driver, importance, performance (the centre), long_axis and short_axis (half lengths, in points), angle (degrees from
    the importance axis to the long axis), conf_level: the region that holds both true values together, which is wider than the
    two intervals. The cross of the quadrants lies at the drivers' mean importance and mean performance.
    """

    table: pd.DataFrame
    ellipses: pd.DataFrame
    cross: tuple[float, float]
    outcome_performance: float
    n: int
    n_left_out: int
    n_units: int
    n_draws: int
    weighted: bool
    clustered: bool
    conf_level: float
    draws: Floats = field(repr=False)
    """Resamples × drivers × (importance, performance)."""

    def outlines(self, n_points: int = 60) -> pd.DataFrame:
        """The ellipses as closed polygons to draw: driver, point, importance, performance."""
        turn = np.linspace(0, 2 * np.pi, n_points + 1)
        parts = []
        for row in self.ellipses.to_dict("records"):
            angle = np.deg2rad(row["angle"])
            along, across = row["long_axis"] * np.cos(turn), row["short_axis"] * np.sin(turn)
            parts.append(
                pd.DataFrame(
                    {
                        "driver": row["driver"], "point": np.arange(n_points + 1),
                        "importance": row["importance"] + along * np.cos(angle) - across * np.sin(angle),
                        "performance": row["performance"] + along * np.sin(angle) + across * np.cos(angle),
                    }
                )
            )  # fmt: skip
        return pd.concat(parts, ignore_index=True)


def importance_performance(
    data: pd.DataFrame,
    outcome: str,
    drivers: Sequence[str],
    *,
    scales: Ends | Mapping[str, Ends],
    outcome_scale: Ends,
    weights_col: str | None = None,
    cluster_col: str | None = None,
    effect: Effect | None = None,
    n_boot: int = 1000,
    conf_level: float = 0.95,
    random_state: int | None = 0,
) -> ImportancePerformance:
    """The map of `drivers` (columns of `data`) for `outcome`. `scales`: one pair of ends, or one for each driver.

    `effect(X, y, weights)` gives one number a driver from respondents who answered everything: X and y are on 0 to 100, and the
    weights of a resample say how often each was drawn. Without it: weighted least squares. `n_boot` 0 leaves out errors, ellipses and
    probabilities (NaN). Raises ValueError for answers off the scale, drivers that follow from each other, and too few answers.
    """
    check_conf_level(conf_level)
    check_n_boot(n_boot)
    names = check_drivers(data, outcome, drivers)
    X = np.column_stack([rescaled(data, name, ends_of(scales, name)) for name in names])
    y = rescaled(data, outcome, ends_of(outcome_scale, outcome))
    w, codes, there = weights_and_clusters(data, weights_col, cluster_col)
    X, y, w = X[there], y[there], w[there]
    codes = np.unique(codes[there], return_inverse=True)[1]
    whole = ~np.isnan(X).any(axis=1) & ~np.isnan(y)
    check_enough(int(whole.sum()), len(data), len(names))
    n_units = check_units(codes, n_boot)
    check_separate(X[whole], w[whole], names)
    p = len(names)
    seen = ~np.isnan(X) * w[:, None]
    rows = np.column_stack([seen, np.nan_to_num(X) * seen])
    if effect is None:
        around = np.nan_to_num(np.column_stack([X, y]) - np.average(np.column_stack([X, y])[whole], axis=0))
        rows = np.column_stack([rows, products(around) * (w * whole)[:, None]])
    importance, performance = _places(rows.sum(axis=0)[None], p, X[whole], y[whole], [w[whole]], effect)
    drawn = []
    if n_boot:
        by_unit = sums_by_unit(rows, codes)
        for counts in drawn_counts(len(by_unit), n_boot, np.random.default_rng(random_state)):
            times = (count[codes[whole]] * w[whole] for count in counts)
            drawn.append(np.stack(_places(counts @ by_unit, p, X[whole], y[whole], times, effect), axis=2))
    draws = np.concatenate(drawn) if drawn else np.empty((0, p, 2))
    draws = draws[np.isfinite(draws).all(axis=(1, 2))]
    answered_y = ~np.isnan(y)
    table = _table(names, importance[0], performance[0], draws, conf_level, n_units)
    return ImportancePerformance(
        table=table.assign(n=int(whole.sum()), n_performance=(~np.isnan(X)).sum(axis=0))[_COLUMNS],
        ellipses=_ellipses(names, importance[0], performance[0], draws, conf_level, n_units),
        cross=(float(importance[0].mean()), float(performance[0].mean())),
        outcome_performance=float(np.average(y[answered_y], weights=w[answered_y])),
        n=int(whole.sum()), n_left_out=len(data) - int(whole.sum()), n_units=n_units, n_draws=len(draws),
        weighted=weights_col is not None, clustered=cluster_col is not None, conf_level=conf_level, draws=draws,
    )  # fmt: skip


_COLUMNS = [
    "driver", "importance", "importance_error", "importance_low", "importance_high", "performance", "performance_error",
    "performance_low", "performance_high", "conf_level", "n", "n_performance", "quadrant", "quadrant_probability",
    "quadrant_named",
]  # fmt: skip


def _places(
    sums: Floats, p: int, X: Floats, y: Floats, weights: Iterable[Floats], effect: Effect | None
) -> tuple[Floats, Floats]:
    """Samples × drivers: importance and performance, from the sums of the rows of each sample or from `effect` with its weights."""
    with np.errstate(invalid="ignore", divide="ignore"):
        performance = sums[:, p : 2 * p] / sums[:, :p]
    if effect is None:
        return slopes(sums[:, 2 * p :], p), performance
    importance = np.empty_like(performance)
    for k, w in enumerate(weights):
        made = np.asarray(effect(X[w > 0], y[w > 0], w[w > 0]), dtype=float)
        if made.shape != (p,):
            raise ValueError(f"`effect` must give one number for each of the {p} drivers, got shape {made.shape}")
        importance[k] = made
    return importance, performance


def _table(
    names: list[str], importance: Floats, performance: Floats, draws: Floats, conf_level: float, n_units: int
) -> pd.DataFrame:
    table = pd.DataFrame({"driver": names, "importance": importance, "performance": performance})
    for place, word in enumerate(("importance", "performance")):
        ends = percentile_ends(draws[:, :, place], len(names), conf_level, n_units)
        table[f"{word}_error"], table[f"{word}_low"], table[f"{word}_high"] = ends
    quadrant = _quadrant(np.stack([importance, performance], axis=1)[None])[0]
    agreed = (_quadrant(draws) == quadrant).mean(axis=0) if len(draws) else np.full(len(names), np.nan)
    table["quadrant"] = np.array(QUADRANTS)[quadrant]
    table["quadrant_probability"] = agreed
    table["quadrant_named"] = np.where(agreed >= AGREED, table["quadrant"], NOT_SETTLED)
    return table.assign(conf_level=conf_level)


def _quadrant(places: Floats) -> npt.NDArray[np.intp]:
    """Samples × drivers: the place in QUADRANTS; the cross lies at the means of each sample."""
    counts, does_well = np.moveaxis(places > places.mean(axis=1, keepdims=True), 2, 0)
    return np.where(counts, np.where(does_well, 1, 0), np.where(does_well, 3, 2))


def _ellipses(
    names: list[str], importance: Floats, performance: Floats, draws: Floats, conf_level: float, n_units: int
) -> pd.DataFrame:
    long_axis, short_axis, angle = (np.full(len(names), np.nan) for _ in range(3))
    reach = np.sqrt(2 * n_units / max(n_units - 2, 1) * stats.f.ppf(conf_level, 2, max(n_units - 2, 1)))  # Hotelling's
    for j in range(len(names) if len(draws) else 0):
        values, vectors = np.linalg.eigh(np.cov(draws[:, j].T))
        short_axis[j], long_axis[j] = reach * np.sqrt(np.maximum(values, 0))
        angle[j] = np.rad2deg(np.arctan2(vectors[1, 1], vectors[0, 1])) % 180
    return pd.DataFrame(
        {
            "driver": names, "importance": importance, "performance": performance, "long_axis": long_axis,
            "short_axis": short_axis, "angle": angle, "conf_level": conf_level,
        }
    )  # fmt: skip


def check_drivers(data: pd.DataFrame, outcome: str, drivers: Sequence[str]) -> list[str]:
    """The names of the drivers. Raises ValueError unless each is a column of its own and none is the outcome."""
    if isinstance(drivers, str):
        raise ValueError(f'`drivers` must be a list of columns, got "{drivers}"; write ["{drivers}"]')
    names = list(drivers)
    if not names:
        raise ValueError("`drivers` is empty; name at least one column")
    for column in [outcome, *names]:
        check_column(data, column)
        if [outcome, *names].count(column) > 1:
            raise ValueError(f"`{column}` is named twice among the outcome and the drivers; name it once")
    return names


def ends_of(scales: Ends | Mapping[str, Ends], name: str) -> Ends:
    """The ends of the questionnaire's scale for one question."""
    if isinstance(scales, Mapping) and name not in scales:
        raise ValueError(f"`scales` has no ends for `{name}`; {did_you_mean(name, map(str, scales))}")
    low, high = scales[name] if isinstance(scales, Mapping) else scales
    if not low < high:
        raise ValueError(f"the scale of `{name}` must run from low to high, got {low:g} to {high:g}")
    return float(low), float(high)


def rescaled(data: pd.DataFrame, name: str, ends: Ends) -> Floats:
    """Answers on 0 to 100 between the ends of the questionnaire's scale. Refuses what lies off it, with value and row."""
    given, (low, high) = answers(data, name), ends
    off = (given < low) | (given > high)
    if off.any():
        at = int(np.flatnonzero(off)[0])
        raise ValueError(
            f"`{name}` holds {given[at]:g} (row {data.index[at]!r}), off the scale {low:g} to {high:g}; mend the scale, or make a "
            "code that is no answer missing"
        )
    made: Floats = 100 * (given - low) / (high - low)
    return made


def weights_and_clusters(
    data: pd.DataFrame, weights_col: str | None, cluster_col: str | None
) -> tuple[Floats, Codes, npt.NDArray[np.bool_]]:
    """A weight and the number of a cluster for each row, and whether the row has a weight. A row without a cluster stands alone."""
    for column in (weights_col, cluster_col):
        if column is not None:
            check_column(data, column)
    w = np.ones(len(data)) if weights_col is None else answers(data, weights_col)
    there = ~np.isnan(w)
    check_weights(w[there], int(there.sum()))
    codes = cluster_codes(len(data), None if cluster_col is None else data[cluster_col].to_numpy(dtype=object))
    return w, codes, there


def check_enough(n: int, n_rows: int, p: int) -> None:
    """Raises ValueError for fewer than five complete rows a driver, or fewer than thirty."""
    least = max(30, 5 * p)
    if n < least:
        raise ValueError(
            f"{n} of {n_rows} respondents answered everything; {p} drivers need {least}: leave out the drivers that fewest answered"
        )
