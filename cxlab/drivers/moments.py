"""Sums of products of answers: all that least squares and correlations need, and so all that has to be resampled.

`products` makes one row a respondent from the columns of a table. Sums of its rows by respondent or account, times how often each was
drawn, are the sums of a resample: a bootstrap is a matrix product, and no model is fitted to rows again. Columns should be centred
first, else the covariances lose digits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import stats

from cxlab.inference.intervals import Floats
from cxlab.inference.permutation import Codes

LEAST_DRAWS = 100
_SINGULAR = 1e-10
_HELD = 4_000_000  # numbers held at once while resampling


def check_separate(X: Floats, weights: Floats, names: Sequence[str]) -> None:
    """Raises ValueError for a column without spread, and for columns that follow from each other, by name."""
    centred = (X - np.average(X, axis=0, weights=weights)) * np.sqrt(weights)[:, None]
    size = np.sqrt((centred**2).sum(axis=0))
    for name, own in zip(names, size, strict=True):
        if not own > 1e-9:
            raise ValueError(f"`{name}` has no spread among those who answered everything; leave it out")
    values, vectors = np.linalg.eigh((centred / size).T @ (centred / size))
    if values[0] <= _SINGULAR:
        together = [name for name, load in zip(names, vectors[:, 0], strict=True) if abs(load) > 0.1]
        raise ValueError(f"these follow from each other: {', '.join(together)}; leave one out")


def products(columns: Floats) -> Floats:
    """Rows of 1, the columns, and their products by pairs (upper triangle): summed, they are all that least squares needs."""
    upper = np.triu_indices(columns.shape[1])
    return np.column_stack([np.ones(len(columns)), columns, columns[:, upper[0]] * columns[:, upper[1]]])


def moments(sums: Floats, m: int) -> tuple[Floats, Floats]:
    """Means and covariances of m columns, from (weighted) sums of `products`: samples × m, samples × m × m."""
    upper = np.triu_indices(m)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, second = sums[:, 1 : m + 1] / sums[:, :1], sums[:, m + 1 :] / sums[:, :1]
    covariance = np.empty((len(sums), m, m))
    covariance[:, upper[0], upper[1]] = covariance[:, upper[1], upper[0]] = second
    covariance -= mean[:, :, None] * mean[:, None, :]
    return mean, covariance


def slopes(sums: Floats, p: int) -> Floats:
    """Samples × p: the least squares slopes of the last column on the p others, from sums of `products`; NaN where not defined."""
    covariance = moments(sums, p + 1)[1]
    made = np.full((len(sums), p), np.nan)
    spread = np.sqrt(np.maximum(np.diagonal(covariance, axis1=1, axis2=2)[:, :p], 0))
    told = np.isfinite(covariance).all(axis=(1, 2)) & (spread.min(axis=1) > 1e-9)
    own, size = covariance[told], spread[told]
    together = own[:, :p, :p] / (size[:, :, None] * size[:, None, :])
    apart = np.linalg.eigvalsh(together)[:, 0] > _SINGULAR
    solved = np.linalg.solve(together[apart], (own[:, :p, p] / size)[apart][:, :, None])[:, :, 0] / size[apart]
    made[np.flatnonzero(told)[apart]] = solved
    return made


def check_n_boot(n_boot: int) -> None:
    """Raises ValueError unless it is 0 or large enough for percentiles."""
    if int(n_boot) != n_boot or n_boot < 0 or 0 < n_boot < LEAST_DRAWS:
        raise ValueError(f"`n_boot` must be 0 or a whole number from {LEAST_DRAWS} upwards, got {n_boot!r}")


def sums_by_unit(rows: Floats, codes: Codes) -> Floats:
    """Units × columns: the sums of rows by respondent or account; units without a row here are none."""
    present, numbers = np.unique(codes, return_inverse=True)
    if len(present) == len(rows):
        return rows[np.argsort(codes, kind="stable")]
    made = np.zeros((len(present), rows.shape[1]))
    np.add.at(made, numbers, rows)
    return made


def drawn_counts(n_units: int, n_boot: int, rng: np.random.Generator) -> Iterator[Floats]:
    """How often each unit is drawn, resamples × units, a part of the resamples at a time."""
    step = max(1, _HELD // max(n_units, 1))
    for at in range(0, n_boot, step):
        size = min(step, n_boot - at)
        drawn = (np.bincount(rng.integers(0, n_units, n_units), minlength=n_units) for _ in range(size))
        yield np.stack(list(drawn)).astype(float)


def resampled_sums(rows: Floats, codes: Codes, n_boot: int, rng: np.random.Generator) -> Floats:
    """Resamples × columns: the sums of rows over units (respondents or accounts) drawn with replacement."""
    by_unit = sums_by_unit(rows, codes)
    parts = [counts @ by_unit for counts in drawn_counts(len(by_unit), n_boot, rng)]
    return np.concatenate(parts) if parts else np.empty((0, rows.shape[1]))


def percentile_ends(draws: Floats | None, size: int, conf_level: float, n_units: int) -> tuple[Floats, Floats, Floats]:
    """Spread and percentile interval of each of `size` figures over resamples (first axis) of `n_units`; NaN without them.

    The percentiles are a little further out where few units were drawn (Hesterberg, *American Statistician* 69, 2015): resamples vary by
    (n − 1)/n too little, and Student's percentile takes the place of the normal one.
    """
    if draws is None or len(draws) < 2:
        return np.full(size, np.nan), np.full(size, np.nan), np.full(size, np.nan)
    score = np.sqrt(n_units / (n_units - 1)) * stats.t.ppf(0.5 + conf_level / 2, n_units - 1)
    low, high = np.quantile(draws, stats.norm.cdf([-score, score]), axis=0)
    return draws.std(axis=0, ddof=1), low, high


def check_units(codes: Codes, n_boot: int) -> int:
    """The number of units. Raises ValueError for resamples of a single one."""
    n_units = int(np.unique(codes).size)
    if n_boot and n_units < 2:
        raise ValueError("all respondents are of one account, which shows no spread; resample respondents")
    return n_units
