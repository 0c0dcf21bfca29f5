"""Are segments real? Whether they come back when the sample is drawn again, and whether there are any.

`stability` draws pairs of bootstrap samples, segments each, and compares how all original respondents are grouped: the
adjusted Rand index of a pair (1: the same groups, 0: as by chance), for each segment how much of it comes back (Jaccard
overlap, SLSw of Dolnicar & Leisch 2017), and whether it stays together from one number of segments to the next (entropy,
SLSa of the same authors). `null_check` asks whether the answers are more grouped than answers without groups would be that
have the same item distributions, correlations and response styles. Stable is not yet real: answers without any segments, but
with people who tick high and people who tick low, give very stable raw solutions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from sklearn.cluster import KMeans
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight
from threadpoolctl import threadpool_limits

from cxlab.segments.kmeans import (
    KMeansSegmenter,
    Style,
    assign,
    best_of_starts,
    collapse,
    starts_by_cost,
    styled,
    swap_search,
)

_TOGETHER = 20  # bootstrap samples that are computed in one go
_DISTINCT = 2_000  # distinct rows up to which starts are searched on all of them
_PART, _STARTS = 1_000, 16  # of samples with more: rows on which starts are searched, and starts at most
# rows on which most of the starts take some steps, those steps, and the starts that are followed on all rows
_HALFWAY, _STEPS, _LAST = 4_000, 5, 3
_CHANCE = 0.01  # p-value below which answers count as more grouped than chance
_NULL_ROWS = 2_000  # respondents that the null check looks at, at most
_MOMENT_STEPS, _SPREAD_STEPS, _SPREAD_DRAWS = 8, 6, 8


@dataclass(frozen=True)
class Stability:
    """`pairs` has one row a number of segments and pair: k, pair, ari. `overlaps` is k → samples × segments (Jaccard).

    `labels` is k → the segment of each respondent in the solution of the full sample; `weights` what each respondent counts.
    """

    pairs: pd.DataFrame
    overlaps: dict[int, npt.NDArray[np.float64]]
    labels: dict[int, npt.NDArray[np.intp]]
    weights: npt.NDArray[np.float64] | None = None

    def to_frame(self) -> pd.DataFrame:
        return self.pairs.copy()

    def by_segment(self, k: int) -> pd.DataFrame:
        """One row a segment of the solution with k segments: segment, jaccard (median over samples)."""
        if k not in self.overlaps:
            raise ValueError(f"stability was not computed for k={k}; it was for {', '.join(map(str, self.overlaps))}")
        values = np.median(self.overlaps[k], axis=0)
        return pd.DataFrame({"segment": np.arange(k), "jaccard": values})

    def across(self) -> pd.DataFrame:
        """Whether segments stay together from k − 1 segments to k: one row a number of segments and segment.

        k, segment, sla, reason, and parent_0, parent_1, …: the shares of its respondents by the segment of the solution with
        k − 1 that they come from (NaN beyond k − 1). sla is 1 − H(shares)/log(k − 1), with H the entropy: 1 where all come
        from one segment, 0 where as many come from each (SLSa). It is NaN, with a reason, where k − 1 was not computed or is
        a single segment, from which all must come.
        """
        rows: list[dict[str, Any]] = []
        for k, labels in self.labels.items():
            before = self.labels.get(k - 1)
            if k <= 2 or before is None:
                reason = "there is one parent only" if k <= 2 else f"stability was not computed for k={k - 1}"
                rows += [{"k": k, "segment": segment, "sla": np.nan, "reason": reason} for segment in range(k)]
                continue
            table = np.bincount(labels * (k - 1) + before, weights=self.weights, minlength=k * (k - 1)).reshape(
                k, k - 1
            )
            for segment, came in enumerate(table):
                if came.sum() == 0:
                    rows.append({"k": k, "segment": segment, "sla": np.nan, "reason": "nobody is in the segment"})
                    continue
                shares = came / came.sum()
                entropy = -float((shares[shares > 0] * np.log(shares[shares > 0])).sum())
                sla = float(np.clip(1 - entropy / np.log(k - 1), 0, 1))
                parents = {f"parent_{parent}": float(share) for parent, share in enumerate(shares)}
                rows.append({"k": k, "segment": segment, "sla": sla, "reason": ""} | parents)
        return pd.DataFrame(rows)

    def summary(self) -> pd.DataFrame:
        """One row a number of segments: k, ari (median of the pairs), ari_low, ari_high (quartiles), weakest (Jaccard)."""
        grouped = self.pairs.groupby("k")["ari"]
        ends = {"ari_low": grouped.quantile(0.25), "ari": grouped.quantile(0.5), "ari_high": grouped.quantile(0.75)}
        table = pd.DataFrame(ends)
        weakest = {k: float(np.median(values, axis=0).min()) for k, values in self.overlaps.items()}
        return table.assign(weakest=pd.Series(weakest)).reset_index()


def stability(
    X: npt.ArrayLike | pd.DataFrame,
    *,
    k: Iterable[int] = range(2, 9),
    n_boot: int = 100,
    style: Style = "none",
    n_init: int = 20,
    sample_weight: npt.ArrayLike | None = None,
    random_state: Any = None,
) -> Stability:
    """How alike the solutions of `n_boot` pairs of bootstrap samples are, for each number of segments.

    X: respondents × items, without holes. Respondents are drawn with equal chances and keep their `sample_weight`, which
    also counts in the agreement of a pair (scaled to add up to the number of respondents with weight). With more than 2,000
    distinct rows the `n_init` starts (16 at most) are searched on 1,000 rows of each sample, the better ones compared on
    4,000 and the best three followed on all. The result depends neither on the order in which the numbers are given nor on
    the number of threads.

    Raises ValueError for missing answers, less than one pair, and numbers of segments that the distinct rows cannot give.
    """
    values = _complete(X)
    if n_boot < 1:
        raise ValueError(f"`n_boot` must be 1 or more pairs of samples, got {n_boot}")
    ks = sorted(set(k))
    weights = _check_sample_weight(sample_weight, values, dtype=np.float64, ensure_non_negative=True)
    counted = weights > 0
    weights = weights * (counted.sum() / weights.sum())
    points, inverse, counts = collapse(styled(values, style), weights)
    pairs, members = np.unique(np.column_stack([inverse, weights])[counted], axis=0, return_counts=True)
    pattern, each = pairs[:, 0].astype(np.intp), pairs[:, 1]
    narrow = points.astype(np.float32)
    seed = check_random_state(random_state).randint(np.iinfo(np.int32).max)
    rows, overlaps, labels = [], {}, {}
    with threadpool_limits(1):
        for number, stream in zip(ks, np.random.SeedSequence(seed).spawn(len(ks)), strict=True):
            rng = np.random.default_rng(stream)
            if not 1 <= number <= (counts > 0).sum():
                raise ValueError(f"k={number} is more than the {(counts > 0).sum()} distinct rows, or less than 1")
            full = assign(points, _fit(points, counts[None], number, 4 * n_init, rng)[0])
            draws = rng.multinomial(int(members.sum()), members / members.sum(), size=2 * n_boot)
            found = []
            for at in range(0, len(draws), _TOGETHER):
                mass = _by_pattern(draws[at : at + _TOGETHER] * each, pattern, len(points))
                found += [assign(narrow, centres) for centres in _fit(narrow, mass, number, n_init, rng)]
            rows += [
                {"k": number, "pair": pair, "ari": rand_index(found[2 * pair], found[2 * pair + 1], counts)}
                for pair in range(n_boot)
            ]
            overlaps[number] = np.array([_jaccard(full, one, counts, number) for one in found])
            labels[number] = full[inverse]
    return Stability(pd.DataFrame(rows), overlaps, labels, None if sample_weight is None else weights)


def _complete(X: npt.ArrayLike | pd.DataFrame) -> npt.NDArray[np.float64]:
    """Answers as numbers; an item with a hole is refused by its name."""
    values = np.asarray(X, dtype=float)
    if values.ndim != 2 or not len(values):
        raise ValueError(f"answers must be respondents × items, got shape {values.shape}")
    holes = (~np.isfinite(values)).sum(axis=0)
    if holes.any():
        at = int(holes.argmax())
        name = X.columns[at] if isinstance(X, pd.DataFrame) else at
        raise ValueError(
            f"item {name!r} lacks {holes[at]} of {len(values)} answers (NaN or infinite); leave these respondents out first"
        )
    return values


def _by_pattern(
    drawn: npt.NDArray[np.float64], pattern: npt.NDArray[np.intp], n_points: int
) -> npt.NDArray[np.float32]:
    """Weights of samples × cells (answers and weight) added up to samples × distinct answers."""
    if len(pattern) == n_points:
        return drawn.astype(np.float32)
    return np.array([np.bincount(pattern, weights=one, minlength=n_points) for one in drawn], dtype=np.float32)


def _fit(points: npt.NDArray[Any], weights: npt.NDArray[Any], k: int, n_init: int, rng: np.random.Generator) -> Any:
    """Centres for each row of weights: searched on the points themselves, or on a part of each sample and polished."""
    if len(points) <= _DISTINCT:
        return best_of_starts(points, weights, k, n_init, rng)[0]
    return np.array([_fit_many(points, own, k, n_init, rng) for own in weights])


def _fit_many(
    points: npt.NDArray[Any], own: npt.NDArray[Any], k: int, n_init: int, rng: np.random.Generator
) -> npt.NDArray[Any]:
    """The best of some starts, each searched on a part of the same sample and compared on all of it."""
    there = np.flatnonzero(own)
    X, mass = points[there].astype(np.float32), own[there].astype(np.float32)
    chances = mass.astype(float) / mass.sum(dtype=float)
    starts = starts_by_cost(X[rng.choice(len(there), _PART, p=chances)], k, min(n_init, _STARTS, 4 * k), rng)
    halfway = X[rng.choice(len(there), _HALFWAY, p=chances)]
    tried = [_polished(halfway, None, start, _STEPS) for start in starts[: -(-3 * len(starts) // 4)]]
    followed = [_polished(X, mass, one.cluster_centers_, 300) for one in sorted(tried, key=_inertia)[:_LAST]]
    return np.asarray(min(followed, key=_inertia).cluster_centers_)


def _inertia(fitted: KMeans) -> float:
    return float(fitted.inertia_)


def _polished(X: npt.NDArray[Any], mass: npt.NDArray[Any] | None, start: npt.NDArray[Any], max_iter: int) -> KMeans:
    return KMeans(len(start), init=start, n_init=1, max_iter=max_iter).fit(X, sample_weight=mass)


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
    the data and answers without groups. `p_value` (centred answers) and `p_value_raw` are the chances that answers without
    groups look as grouped, over all k together. `verdict`: "segments" (p_value below 0.01), "style" (only p_value_raw is),
    "none". `n` respondents were looked at."""

    table: pd.DataFrame
    verdict: Literal["segments", "style", "none"]
    p_value: float = np.nan
    p_value_raw: float = np.nan
    n: int = 0


def null_check(
    X: npt.ArrayLike | pd.DataFrame, *, k: Iterable[int] = range(2, 9), n_null: int = 20, random_state: Any = None
) -> NullCheck:
    """Whether answers are more grouped than answers without groups that keep items, correlations and style.

    The null: normal scores with a spread of their own for each respondent, ranked within each item and given that item's very
    answers. Their correlations are moved until those of the answers agree, and the differences of spread until the spreads of
    the respondents' answers do (the iterations after Ruscio & Kaczetow, *Multivariate Behavioral Research* 43, 2008).

    The statistic: answers (centred by respondent; raw for `z_raw`) on their k − 1 leading principal components, each with
    variance 1; the log of the share of variance that k segments leave. Distances to the mean of the nulls in their standard
    deviations are averaged over k, and the average is held against those of the nulls: p_value is that of a t distribution
    with n_null − 1 degrees of freedom for one more draw.

    X: respondents × items, without holes; of more than 2,000 respondents 2,000 are drawn. Survey weights play no part.
    What it cannot see: groups so near each other that no valley lies between them. Raises ValueError for missing answers,
    fewer than three null data sets, fewer than two items that vary and more segments than distinct rows.
    """
    values = _complete(X)
    rng = np.random.default_rng(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    ks = sorted(set(k))
    if n_null < 3:
        raise ValueError(f"`n_null` must be 3 or more data sets without groups, got {n_null}")
    if len(values) > _NULL_ROWS:
        values = values[np.sort(rng.choice(len(values), _NULL_ROWS, replace=False))]
    values = values[:, np.ptp(values, axis=0) > 0]
    if values.shape[1] < 2:
        raise ValueError(f"at least two items must vary between respondents; {values.shape[1]} do")
    distinct = len(np.unique(styled(values, "center"), axis=0))
    if not ks or ks[0] < 2 or ks[-1] >= distinct:
        raise ValueError(f"`k` must be from 2 to {distinct - 1} (below the distinct centred rows), got {ks}")
    with threadpool_limits(1):
        found = _left_over(values, ks, rng)
        spread = _spread_of_spreads(values, rng)
        nulls = np.array([_left_over(_without_groups(values, spread, rng), ks, rng) for _ in range(n_null)])
    centre, deviation = nulls.mean(axis=0), np.maximum(nulls.std(axis=0, ddof=1), 1e-9)
    z = (centre - found) / deviation
    over_k = ((centre - nulls) / deviation).mean(axis=2)
    t = z.mean(axis=1) / np.maximum(over_k.std(axis=0, ddof=1) * np.sqrt(1 + 1 / n_null), 1e-9)
    raw, centred = (float(p) for p in stats.t.sf(t, n_null - 1))
    verdict: Literal["segments", "style", "none"] = "none"
    if centred < _CHANCE:
        verdict = "segments"
    elif raw < _CHANCE:
        verdict = "style"
    table = pd.DataFrame({"k": ks, "z_raw": z[0], "z_centred": z[1]})
    return NullCheck(table, verdict, centred, raw, len(values))


def _left_over(values: npt.NDArray[np.float64], ks: list[int], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Raw and centred × k: log share of the variance that k segments leave on k − 1 components of variance 1."""
    return np.array(
        [[_log_share(scores, k, rng) for k in ks] for scores in (_scores(values), _scores(styled(values, "center")))]
    )


def _scores(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Principal components with variance 1, the largest first; those without variance are left out."""
    centred = values - values.mean(axis=0)
    variances, directions = np.linalg.eigh(np.cov(centred.T))
    there = variances > 1e-9 * variances.max()
    return (centred @ directions[:, there] / np.sqrt(variances[there]))[:, ::-1]


def _log_share(scores: npt.NDArray[np.float64], k: int, rng: np.random.Generator) -> float:
    led = np.ascontiguousarray(scores[:, : k - 1])
    remains = best_of_starts(led, np.ones((1, len(led))), k, 4, rng)[1][0]
    return float(np.log(max(remains / (led**2).sum(), 1e-12)))


def _without_groups(
    values: npt.NDArray[np.float64], spread: float, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Answers without groups: each item's own, in the order of normal scores whose correlations give those of the answers.

    `spread` is the standard deviation of the log of a respondent's own spread.
    """
    return _reordered(values, _uncorrelated(values.shape, rng), np.exp(spread * rng.normal(size=(len(values), 1))))


def _uncorrelated(shape: tuple[int, ...], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Normal scores whose sample correlations are exactly 0, where there are more respondents than items."""
    normal = rng.normal(size=shape)
    normal -= normal.mean(axis=0)
    if shape[0] <= shape[1] + 1:
        return normal
    root = np.linalg.cholesky(np.cov(normal.T))
    return np.linalg.solve(root, normal.T).T


def _reordered(
    values: npt.NDArray[np.float64], normal: npt.NDArray[np.float64], own_spread: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The answers of each item in the order of mixed normal scores: of some steps the one whose correlations are nearest."""
    items = np.sort(values, axis=0)
    goal = np.corrcoef(values.T)
    mix, nearest, best = goal.copy(), np.inf, values
    for _ in range(_MOMENT_STEPS):
        variances, directions = np.linalg.eigh(mix)
        root = directions * np.sqrt(np.maximum(variances, 1e-6))
        answers = np.empty_like(values)
        order = np.argsort((normal @ root.T) * own_spread, axis=0, kind="stable")
        np.put_along_axis(answers, order, items, axis=0)
        miss = goal - np.corrcoef(answers.T)
        if (miss**2).sum() < nearest:
            nearest, best = float((miss**2).sum()), answers
        mix = mix + miss
    return best


def _spread_of_spreads(values: npt.NDArray[np.float64], rng: np.random.Generator) -> float:
    """How much respondents' own spreads differ (SD of the log) for answers without groups to differ in it as the data do.

    0 unless the data differ in it by two standard deviations more than answers would whose respondents are all alike: a
    spread that is only chance makes heavy tails, beside which the data look grouped.
    """
    draws = [(_uncorrelated(values.shape, rng), rng.normal(size=(len(values), 1))) for _ in range(_SPREAD_DRAWS)]
    goal = values.std(axis=1).std()

    def reached(spread: float, among: int) -> npt.NDArray[np.float64]:
        fakes = [_reordered(values, normal, np.exp(spread * own)) for normal, own in draws[:among]]
        return np.array([fake.std(axis=1).std() for fake in fakes])

    alike = reached(0.0, _SPREAD_DRAWS)
    if goal <= alike.mean() + 2 * alike.std(ddof=1):
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(_SPREAD_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle, 3).mean() >= goal else (middle, high)
    return (low + high) / 2


__all__ = ["KMeansSegmenter", "NullCheck", "Stability", "null_check", "rand_index", "stability", "swap_search"]
