"""Are segments real? Whether they come back when the sample is drawn again, and whether there are any.

`stability` draws pairs of bootstrap samples, segments each, and compares how all original respondents are grouped: the
adjusted Rand index of a pair (1: the same groups, 0: as by chance), and for each segment how much of it comes back
(Jaccard overlap, SLSw of Dolnicar & Leisch 2017). `null_check` asks whether the answers are more grouped than answers
without groups would be that have the same items, correlations and response styles. Stable is not yet real: answers without
any segments, but with people who tick high and people who tick low, give very stable raw solutions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils import check_random_state
from threadpoolctl import threadpool_limits

from cxlab.segments.kmeans import KMeansSegmenter, Style, assign, best_of_starts, collapse, lloyd, styled, swap_search

_TOGETHER = 20  # bootstrap samples that are computed in one go
_DISTINCT = 2_000
_LINE = 3.0  # standard deviations of the null that count as more than chance


@dataclass(frozen=True)
class Stability:
    """`pairs` has one row a number of segments and pair: k, pair, ari. `overlaps` is k → samples × segments (Jaccard)."""

    pairs: pd.DataFrame
    overlaps: dict[int, npt.NDArray[np.float64]]
    labels: dict[int, npt.NDArray[np.intp]]

    def to_frame(self) -> pd.DataFrame:
        return self.pairs.copy()

    def by_segment(self, k: int) -> pd.DataFrame:
        """One row a segment of the solution with k segments: segment, jaccard (median over samples)."""
        if k not in self.overlaps:
            raise ValueError(f"stability was not computed for k={k}; it was for {', '.join(map(str, self.overlaps))}")
        values = np.median(self.overlaps[k], axis=0)
        return pd.DataFrame({"segment": np.arange(k), "jaccard": values})

    def summary(self) -> pd.DataFrame:
        """One row a number of segments: k, ari (median of the pairs), ari_low, ari_high (quartiles), weakest (Jaccard)."""
        grouped = self.pairs.groupby("k")["ari"]
        ends = {"ari_low": grouped.quantile(0.25), "ari": grouped.quantile(0.5), "ari_high": grouped.quantile(0.75)}
        table = pd.DataFrame(ends)
        weakest = {k: float(np.median(values, axis=0).min()) for k, values in self.overlaps.items()}
        return table.assign(weakest=pd.Series(weakest)).reset_index()


def stability(
    X: npt.ArrayLike,
    *,
    k: Iterable[int] = range(2, 9),
    n_boot: int = 100,
    style: Style = "none",
    n_init: int = 5,
    random_state: Any = None,
) -> Stability:
    """How alike the solutions of `n_boot` pairs of bootstrap samples are, for each number of segments.

    X: respondents × items, without holes. The result does not depend on the order in which the numbers are given.
    """
    ks = sorted(set(k))
    points, inverse, counts = collapse(styled(X, style), np.ones(len(np.asarray(X))))
    seed = check_random_state(random_state).randint(np.iinfo(np.int32).max)
    rows, overlaps, labels = [], {}, {}
    with threadpool_limits(1):
        for number, stream in zip(ks, np.random.SeedSequence(seed).spawn(len(ks)), strict=True):
            rng = np.random.default_rng(stream)
            if number > len(points):
                raise ValueError(f"k={number} is more than the {len(points)} distinct rows")
            full = assign(points, _fit(points, counts[None], number, 4 * n_init, rng)[0])
            draws = rng.multinomial(int(counts.sum()), counts / counts.sum(), size=2 * n_boot).astype(float)
            found = [
                assign(points, centres)
                for at in range(0, len(draws), _TOGETHER)
                for centres in _fit(points, draws[at : at + _TOGETHER], number, n_init, rng)
            ]
            rows += [
                {"k": number, "pair": pair, "ari": rand_index(found[2 * pair], found[2 * pair + 1], counts)}
                for pair in range(n_boot)
            ]
            overlaps[number] = np.array([_jaccard(full, one, counts, number) for one in found])
            labels[number] = full[inverse]
    return Stability(pd.DataFrame(rows), overlaps, labels)


def _fit(
    points: npt.NDArray[np.float64], weights: npt.NDArray[np.float64], k: int, n_init: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Centres for each row of weights: searched on the points themselves, or on a part of each sample and polished."""
    if len(points) <= _DISTINCT:
        return best_of_starts(points, weights, k, n_init, rng)[0]
    centres = []
    for own in weights:
        part = rng.choice(len(points), 1_000, replace=True, p=own / own.sum())
        start = best_of_starts(points[part], np.ones((1, 1_000)), k, n_init, rng)[0]
        centres.append(lloyd(points, own[None], start)[0][0])
    return np.array(centres)


def rand_index(one: npt.NDArray[Any], other: npt.NDArray[Any], weights: npt.NDArray[np.float64]) -> float:
    """The adjusted Rand index of two groupings of weighted points (Hubert & Arabie 1985)."""
    k = int(max(one.max(), other.max())) + 1
    table = np.bincount(one.astype(np.int64) * k + other, weights=weights, minlength=k * k).reshape(k, k)
    pairs = lambda x: (x * (x - 1) / 2).sum()  # noqa: E731
    together, rows, columns = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    expected = rows * columns / pairs(np.array([table.sum()]))
    most = (rows + columns) / 2
    return 1.0 if most == expected else float((together - expected) / (most - expected))


def _jaccard(
    full: npt.NDArray[Any], one: npt.NDArray[Any], weights: npt.NDArray[np.float64], k: int
) -> npt.NDArray[np.float64]:
    """For each segment of the full solution the largest overlap with a segment of another."""
    table = np.bincount(full.astype(np.int64) * k + one, weights=weights, minlength=k * k).reshape(k, k)
    either = table.sum(axis=1)[:, None] + table.sum(axis=0)[None] - table
    return (table / np.where(either > 0, either, 1)).max(axis=1)


@dataclass(frozen=True)
class NullCheck:
    """`table` has one row a number of segments: k, z_raw, z_centred: how many standard deviations of the null lie between
    the data and answers without groups. `verdict`: "segments", "style" (groups only before style is taken out), "none"."""

    table: pd.DataFrame
    verdict: Literal["segments", "style", "none"]


def null_check(
    X: npt.ArrayLike, *, k: Iterable[int] = range(2, 9), n_null: int = 20, random_state: Any = None
) -> NullCheck:
    """Whether answers are more grouped than answers without groups that keep items, correlations and style.

    The null: rows standardised, drawn from a normal with the same means and correlations, given back their own level and
    spread, rounded and cut to the scale. Judged on the share of variance that k segments leave, on centred answers.
    """
    values = np.asarray(X, dtype=float)
    rng = np.random.default_rng(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    ks = sorted(set(k))
    data = {style: _left_over(styled(values, style), ks, rng) for style in ("none", "center")}
    nulls: dict[str, list[list[float]]] = {"none": [], "center": []}
    for _ in range(n_null):
        fake = _without_groups(values, rng)
        for style in nulls:
            nulls[style].append(_left_over(styled(fake, style), ks, rng))  # type: ignore[arg-type]
    z = {}
    for style, draws in nulls.items():
        spread = np.array(draws)
        z[style] = (spread.mean(axis=0) - np.array(data[style])) / np.maximum(spread.std(axis=0, ddof=1), 1e-9)
    table = pd.DataFrame({"k": ks, "z_raw": z["none"], "z_centred": z["center"]})
    verdict: Literal["segments", "style", "none"] = "none"
    if table["z_centred"].max() > _LINE:
        verdict = "segments"
    elif table["z_raw"].max() > _LINE:
        verdict = "style"
    return NullCheck(table, verdict)


def _left_over(X: npt.NDArray[np.float64], ks: list[int], rng: np.random.Generator) -> list[float]:
    """The share of the variance that remains within k segments."""
    points, _, mass = collapse(X, np.ones(len(X)))
    if len(points) > _DISTINCT:
        chosen = rng.choice(len(points), _DISTINCT, replace=False)
        points, mass = points[chosen], mass[chosen]
    centre = np.average(points, axis=0, weights=mass)
    total = float((mass * ((points - centre) ** 2).sum(axis=1)).sum())
    with threadpool_limits(1):
        return [float(best_of_starts(points, mass[None], k, 5, rng)[1][0]) / total for k in ks]


def _without_groups(values: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    level = values.mean(axis=1, keepdims=True)
    centred = values - level
    drawn = rng.multivariate_normal(centred.mean(axis=0), np.cov(centred.T), size=len(values), method="eigh")
    return np.clip(np.rint(level + drawn), values.min(), values.max())


__all__ = ["KMeansSegmenter", "NullCheck", "Stability", "null_check", "rand_index", "stability", "swap_search"]
