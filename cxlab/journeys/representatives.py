"""Which few journeys stand for all of them?

One row in is one distinct path: the stages (or touchpoints) of a journey in order, and how many journeys took it. Two paths differ by
their edit distance, the steps that must be put in, taken out or exchanged (Levenshtein 1966), as representatives of customer
journeys are judged by in Bernard & Andritsos (CAiSE Forum 2019). Here it is divided by the number of steps of the longer path: 0 is the
same path, 1 is nothing in common, and one step more is little in a journey of thirty and much in one of three. Undivided,
a few very long journeys would draw every representative to themselves.

The representatives are medoids, so each is a journey that somebody took: those k paths to which all journeys together are
nearest (PAM: Kaufman & Rousseeuw, *Finding Groups in Data*, 1990; the swap is evaluated for all medoids at once as in Schubert &
Rousseeuw, *Information Systems* 101, 2021). Where there are few enough choices all are tried and the result is exact; else
BUILD and SWAP end where no single exchange helps.

What it does not say: that journeys fall into k kinds. Any k paths stand for all, well or badly; `mean_distance`, `silhouette` and
`explained` say how well, `refound` whether journeys drawn
anew would have given the same paths. Time plays no part.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils import check_random_state

from cxlab.inference.intervals import Floats, check_conf_level
from cxlab.problems import did_you_mean
from cxlab.wording import interval_text, list_text, number_text

Path = tuple[Hashable, ...]
Places = npt.NDArray[np.intp]
MOST_CHOSEN = 8
LEAST_GAIN = 0.05
_CHOICES = 20_000  # ways to choose k of the paths that are all tried
_CELLS = 1 << 15  # pairs of paths compared at a time: what stays in a processor's cache
_TIE = 1e-9
_WORD = 64


@dataclass(frozen=True)
class Representatives:
    """The journeys that stand for all.

    `table` has one row a representative, the largest share first: representative (1, 2, …), path (tuple), steps, estimate (percent of
    journeys that are nearest to it), std_error, conf_low, conf_high, conf_level, n (all journeys), journeys (of these nearest to
    it), same (journeys that took exactly this path), mean_distance (of its journeys, 0 to 1), silhouette (mean of its
    journeys, −1 to 1; those of the sample), refound (percent of resamples that chose the same path again), drift (mean
    distance to the nearest path chosen there), unit, reason.

    The interval resamples journeys and assigns them to these same representatives: it is the luck of who is in the log. That
    others might have been chosen is in `refound` and `drift`. Journeys count as independent; a customer with several makes it too short.

    `paths` has one row a distinct path: variant, n, representative, distance, tied (another representative is as near), sampled.
    `choices` has one row a number of representatives that was tried: k, mean_distance, explained (share of the distance to
    the best single path that k do away with), gain (over k − 1), silhouette, chosen; from the sampled paths.
    `coverage` is the percentage of journeys whose path was among those that representatives were chosen from.
    """

    table: pd.DataFrame
    paths: pd.DataFrame
    choices: pd.DataFrame
    k: int
    n_journeys: int
    n_paths: int
    n_sampled: int
    coverage: float
    mean_distance: float
    explained: float
    silhouette: float
    is_exact: bool
    rule: str
    conf_level: float

    def to_frame(self) -> pd.DataFrame:
        return self.table.copy()

    def headline(self) -> str:
        """How many journeys the representatives stand for, and how like them these are."""
        rows = self.table.to_dict("records")
        shares = list_text(
            f"“{' › '.join(map(str, row['path']))}” for {number_text(row['estimate'])}% "
            f"({interval_text(row['conf_low'], row['conf_high'], '%')})"
            for row in rows
        )
        word = "One path stands" if self.k == 1 else f"{self.k} paths stand"
        like = number_text(100 * (1 - self.mean_distance))
        return f"{word} for {self.n_journeys:,} journeys, {like}% alike in the mean: {shares}."


def representatives(
    paths: pd.DataFrame,
    *,
    k: int | None = 3,
    max_paths: int = 2_000,
    n_boot: int = 1_000,
    n_refits: int = 20,
    conf_level: float = 0.95,
    random_state: Any = 0,
) -> Representatives:
    """The k journeys that stand for all, with the share that each stands for.

    `paths` has one row a distinct path: variant (a tuple) and n (journeys), as `Journeys.variants()` returns; rows of the same path
    are added up. With `k=None` it is the smallest number, up to 8, after which one more representative takes away less than 5%
    of the distance to the best single path. (The silhouette does not choose: journeys that take exactly the same path make it the
    larger the more paths stand for themselves alone.)

    Above `max_paths` distinct paths the representatives are chosen from a sample of them, drawn with probability proportional to
    n (systematically; the most frequent are always in), each weighted by what it stands for; then every path is assigned.
    `n_boot` resamples make the interval, in `n_refits` resamples representatives are chosen anew. A journey that is equally
    near to two goes to the one that more journeys took exactly.

    Raises ValueError for missing columns, paths that are no tuples or empty, counts that are not whole numbers above 0, and more
    representatives than distinct paths.

    >>> logged = pd.DataFrame({"variant": [("a", "b"), ("a", "b", "c"), ("x", "y")], "n": [6, 1, 3]})
    >>> representatives(logged, k=2, random_state=0).to_frame()[["path", "estimate", "same"]].values.tolist()
    [[('a', 'b'), 70.0, 6], [('x', 'y'), 30.0, 3]]
    """
    check_conf_level(conf_level)
    table = _read(paths)
    _check(k, len(table), max_paths, n_boot, n_refits)
    rng = check_random_state(random_state)
    n = table["n"].to_numpy(dtype=float)
    every = list(table["variant"])
    sampled, weights = _sample(n, max_paths, rng)
    chosen = [every[i] for i in sampled]
    distances = path_distances(chosen)
    tried = _tried(distances, weights, k)
    best, rule = _choose(tried, k)
    medoids, is_exact = tried[best][0], tried[best][1]
    nearest = path_distances(every, [chosen[i] for i in medoids])
    own, distance, tied = _assign(nearest, n[sampled[medoids]])
    order = _by_share(own, n, n[sampled[medoids]])
    medoids, own = medoids[order], np.argsort(order)[own]
    shares = np.bincount(own, weights=n, minlength=best) / n.sum()
    draws = rng.multinomial(int(n.sum()), _sums_to_one(shares), size=n_boot) / n.sum()
    refound, drift = _stability(distances, weights, int(n.sum()), medoids, n_refits, rng)
    fit = _silhouettes(distances, weights, distances[:, medoids].argmin(axis=1), best)
    inside = own[sampled]
    rows = []
    for place, medoid in enumerate(medoids):
        mine, sample = own == place, inside == place
        low, high = np.quantile(draws[:, place], [(1 - conf_level) / 2, (1 + conf_level) / 2])
        known = 0 < shares[place] < 1
        rows.append(
            {
                "representative": place + 1, "path": chosen[medoid], "steps": len(chosen[medoid]),
                "estimate": 100 * shares[place], "std_error": 100 * draws[:, place].std(ddof=1) if known else math.nan,
                "conf_low": 100 * low if known else math.nan, "conf_high": 100 * high if known else math.nan,
                "conf_level": conf_level, "n": int(n.sum()), "journeys": int(n[mine].sum()), "same": int(n[sampled[medoid]]),
                "mean_distance": _mean(distance[mine], n[mine]), "silhouette": _mean(fit[sample], weights[sample]),
                "refound": refound[place], "drift": drift[place], "unit": "%",
                "reason": "" if known else "it stands for every journey",
            }
        )  # fmt: skip
    choices = pd.DataFrame([{"k": size, **figures} for size, (_, _, figures) in tried.items()])
    return Representatives(
        table=pd.DataFrame(rows),
        paths=table.assign(
            representative=own + 1, distance=distance, tied=tied, sampled=np.isin(np.arange(len(table)), sampled)
        ),
        choices=choices.assign(chosen=choices["k"] == best),
        k=best,
        n_journeys=int(n.sum()),
        n_paths=len(table),
        n_sampled=len(sampled),
        coverage=100 * float(n[sampled].sum() / n.sum()),
        mean_distance=_mean(distance, n),
        explained=float(tried[best][2]["explained"]),
        silhouette=float(tried[best][2]["silhouette"]),
        is_exact=is_exact,
        rule=rule,
        conf_level=conf_level,
    )


def path_distances(first: Sequence[Path], second: Sequence[Path] | None = None) -> Floats:
    """Edit distances divided by the steps of the longer path, 0 to 1; one row a path of `first`, one column one of `second`."""
    edits = edit_distances(first, second).astype(float)
    rows, columns = (np.array([len(path) for path in side]) for side in (first, first if second is None else second))
    edits /= np.maximum(np.maximum(rows[:, None], columns[None, :]), 1)
    return edits


def edit_distances(first: Sequence[Path], second: Sequence[Path] | None = None) -> npt.NDArray[np.int32]:
    """Steps to be put in, taken out or exchanged to make one path of another; one row a path of `first`, one column one of
    `second` (default: `first`).

    A column of the usual table is kept as bits, 64 steps to a word, and many pairs go through at a time (Myers, *Journal of the ACM*
    46, 1999; Hyyrö 2003).

    >>> edit_distances([tuple("kitten")], [tuple("sitting"), tuple("kit"), ()]).tolist()
    [[3, 3, 6]]
    """
    other = first if second is None else second
    code: dict[Hashable, int] = {}
    for path in (*first, *other):
        for step in path:
            code.setdefault(step, len(code))
    rows, columns = _by_length(first), _by_length(other)
    texts = _codes([other[i] for i in columns], code)
    lengths = np.array([len(other[i]) for i in columns], dtype=np.intp)
    found = np.zeros((len(first), len(other)), dtype=np.int32)
    per_block = max(1, _CELLS // max(len(other), 1))
    start = 0
    while start < len(first):
        n_words = max(1, -(-len(first[rows[start]]) // _WORD))
        block = [i for i in rows[start : start + per_block] if max(1, -(-len(first[i]) // _WORD)) == n_words]
        skip = start if second is None else 0  # the rest is symmetric
        distances = _block([first[i] for i in block], n_words, texts[skip:], lengths[skip:], code)
        found[np.ix_(block, columns[skip:])] = distances.T
        start += len(block)
    if second is None:
        upper = np.argsort(rows)
        found = np.where(upper[:, None] <= upper[None, :], found, found.T)
    return found


def _block(
    patterns: list[Path], n_words: int, texts: npt.NDArray[np.intp], lengths: Places, code: dict[Hashable, int]
) -> npt.NDArray[np.int32]:
    """Texts × patterns. Texts are ordered from the longest to the shortest, so those that still go on are the first ones."""
    one, zero, full = np.uint64(1), np.uint64(0), np.uint64(2**64 - 1)
    where = np.zeros((n_words, len(code) + 1, len(patterns)), dtype=np.uint64)
    for p, path in enumerate(patterns):
        for i, step in enumerate(path):
            where[i // _WORD, code[step], p] |= one << np.uint64(i % _WORD)
    steps = np.array([len(path) for path in patterns], dtype=np.int32)
    last = ((np.maximum(steps, 1) - 1) % _WORD).astype(np.uint64)
    score = np.repeat(steps[None, :], len(texts), axis=0)
    up = np.full((n_words, len(texts), len(patterns)), full)
    down = np.zeros_like(up)
    for column in range(int(lengths.max(initial=0))):
        going = int(np.searchsorted(-lengths, -column, side="left"))
        symbols = texts[:going, column]
        carry_up: Any = one  # the first row of the table grows by one with each step
        carry_down: Any = zero
        for word in range(n_words):
            equal = where[word, symbols]
            pv, mv = up[word, :going], down[word, :going]
            xv = equal | mv
            equal |= carry_down
            xh = (((equal & pv) + pv) ^ pv) | equal
            ph, mh = mv | ~(xh | pv), pv & xh
            out = last if word == n_words - 1 else np.uint64(_WORD - 1)
            out_up, out_down = (ph >> out) & one, (mh >> out) & one
            ph, mh = (ph << one) | carry_up, (mh << one) | carry_down
            up[word, :going], down[word, :going] = mh | ~(xv | ph), ph & xv
            carry_up, carry_down = out_up, out_down
        score[:going] += carry_up.astype(np.int32) - carry_down.astype(np.int32)
    score[:, steps == 0] = lengths[:, None]
    return score


def _by_length(paths: Sequence[Path]) -> Places:
    """The longest first."""
    return np.argsort([-len(path) for path in paths], kind="stable").astype(np.intp)


def _codes(paths: list[Path], code: dict[Hashable, int]) -> npt.NDArray[np.intp]:
    codes = np.full((len(paths), max(map(len, paths), default=0)), len(code), dtype=np.intp)
    for i, path in enumerate(paths):
        codes[i, : len(path)] = [code[step] for step in path]
    return codes


def _sample(n: Floats, max_paths: int, rng: Any) -> tuple[Places, Floats]:
    """Paths to choose from, and how many journeys each stands for (n divided by its chance to be drawn; Horvitz & Thompson 1952).

    Whoever would be drawn more than once for sure is in; the others are drawn systematically, with probability ∝ n.
    """
    if len(n) <= max_paths:
        return np.arange(len(n)), n
    sure = np.zeros(len(n), dtype=bool)
    while True:
        step = n[~sure].sum() / (max_paths - sure.sum())
        more = ~sure & (n >= step)
        if not more.any():
            break
        sure |= more
        if sure.sum() >= max_paths:
            break
    rest = np.flatnonzero(~sure)
    left = max_paths - int(sure.sum())
    step = n[rest].sum() / left
    ends = n[rest].cumsum()
    marks = (rng.uniform() + np.arange(left)) * step
    drawn = rest[np.minimum(np.searchsorted(ends, marks, side="right"), len(rest) - 1)]
    weights = n.copy()
    weights[drawn] = step
    sampled = np.sort(np.concatenate([np.flatnonzero(sure), np.unique(drawn)]))
    return sampled, weights[sampled]


def _tried(distances: Floats, weights: Floats, k: int | None) -> dict[int, tuple[Places, bool, dict[str, float]]]:
    """For each number of representatives the medoids, whether they are surely the best, and how well they stand for all."""
    most = min(MOST_CHOSEN, len(weights)) if k is None else k
    sizes = range(1, most + 1) if k is None else sorted({1, k - 1, k} - {0})
    found: dict[int, tuple[Places, bool, dict[str, float]]] = {}
    single = before = math.nan
    for size in sizes:
        medoids, is_exact = _medoids(distances, weights, size)
        mean = _mean(distances[:, medoids].min(axis=1), weights)
        single = mean if size == 1 else single
        explained = 1 - mean / single if single > 0 else math.nan
        gain = (before - mean) / single if single > 0 and size - 1 in found else math.nan
        own = distances[:, medoids].argmin(axis=1)
        fit = _mean(_silhouettes(distances, weights, own, size), weights) if size > 1 else math.nan
        found[size] = (
            medoids,
            is_exact,
            {"mean_distance": mean, "explained": explained, "gain": gain, "silhouette": fit},
        )
        before = mean
    return found


def _choose(tried: dict[int, tuple[Places, bool, dict[str, float]]], k: int | None) -> tuple[int, str]:
    if k is not None:
        return k, f"{k} were asked for"
    for size in tried:
        more = tried.get(size + 1)
        if more is None:
            return size, f"{size} is the most that is looked for, or there are no more paths"
        if not more[2]["gain"] >= LEAST_GAIN:
            return size, f"one more than {size} takes away less than {LEAST_GAIN:.0%} of the distance to a single path"
    raise AssertionError("there is always a last one")


def _medoids(distances: Floats, weights: Floats, k: int) -> tuple[Places, bool]:
    """The k paths with the smallest weighted distance to all, and whether all choices were tried."""
    some = np.flatnonzero(weights > 0)
    part, w = distances[np.ix_(some, some)] if len(some) < len(weights) else distances, weights[some]
    k = min(k, len(some))
    if math.comb(len(some), k) <= _CHOICES:
        return some[_tried_all(part, w, k)], True
    chosen = _build(part, w, k)
    return some[_swap(part, w, chosen)], False


def _tried_all(distances: Floats, w: Floats, k: int) -> Places:
    sets = np.array(list(combinations(range(len(w)), k)), dtype=np.intp)
    cost = np.zeros(len(sets))
    for i in range(len(w)):
        cost += w[i] * distances[i][sets].min(axis=1)
    return sets[_first_lowest(cost, w.sum())]


def _build(distances: Floats, w: Floats, k: int) -> Places:
    """One medoid after another, each that which brings all nearest."""
    chosen = [_first_lowest(_column_sums(distances, w), w.sum())]
    near = distances[:, chosen[0]].copy()
    while len(chosen) < k:
        cost = _column_sums(np.minimum(distances, near[:, None]), w)
        cost[chosen] = math.inf
        chosen.append(_first_lowest(cost, w.sum()))
        near = np.minimum(near, distances[:, chosen[-1]])
    return np.array(chosen, dtype=np.intp)


def _swap(distances: Floats, w: Floats, chosen: Places) -> Places:
    """The best exchange of a medoid for another path, as long as one helps."""
    chosen = chosen.copy()
    k, rows = len(chosen), np.arange(len(w))
    while True:
        to = distances[:, chosen]
        own = to.argmin(axis=1)
        near = to[rows, own]
        to[rows, own] = math.inf
        second = to.min(axis=1) if k > 1 else np.ones(len(w))
        gain = _column_sums(np.minimum(distances - near[:, None], 0), w)
        loss = np.clip(distances, near[:, None], second[:, None])
        change = np.stack([gain + _column_sums(loss[own == m] - near[own == m, None], w[own == m]) for m in range(k)])
        change[:, chosen] = math.inf
        best = _first_lowest(change.ravel(), w.sum())
        if not change.flat[best] < -_TIE * w.sum():
            return chosen
        chosen[best // len(w)] = best % len(w)


def _column_sums(values: Floats, w: Floats) -> Floats:
    """Σ w·values by column; not a product of matrices, whose last digits hang on the number of threads."""
    total: Floats = np.einsum("ij,i->j", values, w, optimize=False)
    return total


def _first_lowest(cost: Floats, scale: float) -> int:
    """The first of those that are lowest but for rounding: paths that more journeys took come first."""
    return int((cost <= cost.min() + _TIE * scale).argmax())


def _silhouettes(distances: Floats, weights: Floats, own: Places, k: int) -> Floats:
    """(b − a)/max(a, b) for each path, a the mean distance to the other journeys of its own representative, b to those of the
    next one; 0 for a journey that is alone (Rousseeuw 1987)."""
    if k < 2:
        return np.full(len(weights), math.nan)
    mass = np.bincount(own, weights=weights, minlength=k)
    sums = np.stack([_column_sums(distances[own == m], weights[own == m]) for m in range(k)], axis=1)
    rows = np.arange(len(weights))
    others = mass[own] - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        a = np.where(others > 0, sums[rows, own] / others, 0.0)
        means = np.where(mass > 0, sums / mass, math.inf)
        means[rows, own] = math.inf
        b = means.min(axis=1)
        fit = np.where((others > 0) & (np.maximum(a, b) > 0), (b - a) / np.maximum(a, b), 0.0)
    return fit


def _stability(
    distances: Floats, weights: Floats, n: int, medoids: Places, n_refits: int, rng: Any
) -> tuple[Floats, Floats]:
    """In how many resamples of journeys each path is chosen again, in percent, and how far off the nearest chosen one is."""
    if not n_refits:
        return np.full(len(medoids), math.nan), np.full(len(medoids), math.nan)
    chance = _sums_to_one(weights / weights.sum())
    again, off = np.zeros(len(medoids)), np.zeros(len(medoids))
    for _ in range(n_refits):
        other, _ = _medoids(distances, rng.multinomial(n, chance).astype(float), len(medoids))
        to = distances[np.ix_(medoids, other)].min(axis=1)
        again += np.isin(medoids, other)
        off += to
    return 100 * again / n_refits, off / n_refits


def _assign(nearest: Floats, same: Floats) -> tuple[Places, Floats, npt.NDArray[np.bool_]]:
    """The nearest representative of each path, how far it is, and whether another one is as near; ties go to the frequent."""
    order = np.argsort(-same, kind="stable")
    distance = nearest.min(axis=1)
    level = nearest <= distance[:, None] + _TIE
    own = order[level[:, order].argmax(axis=1)]
    return own.astype(np.intp), distance, level.sum(axis=1) > 1


def _by_share(own: Places, n: Floats, same: Floats) -> Places:
    """Representatives from the one with the most journeys to that with the fewest."""
    mass = np.bincount(own, weights=n, minlength=len(same))
    return np.lexsort((-same, -mass)).astype(np.intp)


def _mean(values: Floats, weights: Floats) -> float:
    return float((values * weights).sum() / weights.sum()) if weights.sum() > 0 else math.nan


def _sums_to_one(shares: Floats) -> Floats:
    """Shares for a multinomial draw, which refuses a sum that is above 1 by rounding."""
    made: Floats = shares / shares.sum()
    made[int(made.argmax())] -= max(0.0, float(made.sum()) - 1)
    return made


def _read(paths: pd.DataFrame) -> pd.DataFrame:
    """One row a distinct path, the most frequent first, then by its steps."""
    for column in ("variant", "n"):
        if column not in paths:
            raise ValueError(f"`paths` lacks the column `{column}`; {did_you_mean(column, map(str, paths.columns))}")
    if paths.empty:
        raise ValueError("`paths` has no row; there is no journey to stand for")
    for path in paths["variant"]:
        if not isinstance(path, tuple) or not path:
            raise ValueError(f"`variant` must be tuples of at least one step, got {path!r}; tuple(steps) makes one")
    n = pd.to_numeric(paths["n"], errors="coerce").to_numpy(dtype=float, na_value=math.nan)
    wrong = ~((n > 0) & (n == np.floor(n)) & np.isfinite(n))
    if wrong.any():
        raise ValueError(
            f"`n` must be whole numbers above 0, got {paths['n'].iloc[int(wrong.argmax())]}; count journeys"
        )
    counts: dict[Path, int] = {}
    for path, count in zip(paths["variant"], n, strict=True):
        counts[path] = counts.get(path, 0) + int(count)
    order = sorted(counts, key=lambda path: (-counts[path], tuple(map(str, path))))
    variant = pd.Series(order, dtype=object)
    return pd.DataFrame({"variant": variant, "n": [counts[path] for path in order]})


def _check(k: int | None, n_paths: int, max_paths: int, n_boot: int, n_refits: int) -> None:
    if k is not None and (int(k) != k or k < 1):
        raise ValueError(f"`k` must be a whole number from 1 upwards, or None to have it chosen, got {k!r}")
    if int(max_paths) != max_paths or max_paths < 2:
        raise ValueError(f"`max_paths` must be a whole number from 2 upwards, got {max_paths!r}")
    if k is not None and k > min(n_paths, max_paths):
        raise ValueError(
            f"`k` is {k}, but there are {min(n_paths, max_paths)} distinct paths to choose from; ask for fewer"
        )
    if int(n_boot) != n_boot or n_boot < 2:
        raise ValueError(f"`n_boot` must be a whole number from 2 upwards, got {n_boot!r}")
    if int(n_refits) != n_refits or n_refits < 0:
        raise ValueError(f"`n_refits` must be a whole number from 0 upwards, got {n_refits!r}")
