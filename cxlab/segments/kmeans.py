"""k-means that finds the best known optimum at its default settings, with response style taken out on request.

One row of X is one respondent's answers to a battery. Equal rows are collapsed first, so weights equal repeated rows. Many
starts (greedy k-means++) run together, then a swap search moves single centres to where the cost lies, twice: plain restarts end in
poor optima (on a published study 3% worse than the best known, with other segments; research after Dolnicar, Grün & Leisch,
*Market Segmentation Analysis*, 2018).

It always gives k groups, also of people who do not differ: ask `cxlab.segments.stability` and `null_check` first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, check_random_state, validate_data
from threadpoolctl import threadpool_limits

Floats = npt.NDArray[np.float64]
Style = Literal["none", "center", "zscore"]
_SEARCHES, _TRIALS, _PATIENCE = 2, 20, 40  # of the swap search: it ends after 40 rounds that bring nothing
_GLANCE = 3  # Lloyd's steps after which the better quarter of starts and trials goes on
_DISTINCT = 3_000  # rows on which starts are searched; more are polished from there
_FLATTEST = 0.3  # smallest spread of a row that z-scores divide by, in scale points


def styled(X: npt.ArrayLike, style: Style) -> Floats:
    """Answers with a respondent's own level (`center`), and own spread (`zscore`), taken out; "none" leaves them.

    >>> styled([[5, 4, 3]], "center").tolist()
    [[1.0, 0.0, -1.0]]
    """
    values = np.asarray(X, dtype=float)
    if style not in ("none", "center", "zscore"):
        raise ValueError(f"`style` must be none, center or zscore, got {style!r}")
    if style == "none":
        return values
    centred = values - values.mean(axis=1, keepdims=True)
    return centred if style == "center" else centred / np.maximum(values.std(axis=1, keepdims=True), _FLATTEST)


class KMeansSegmenter(ClusterMixin, BaseEstimator):
    """k-means as a scikit-learn estimator.

    `n_segments` groups; `style` what is taken out of each row (`styled`); `n_init` starts; `init` centres to begin with
    (n_segments × items, after `style`), which are only polished; `random_state` the seed. After `fit`: `labels_` (largest
    segment first is not promised), `cluster_centers_`, `inertia_` (weighted sum of squares), `n_iter_`.
    """

    def __init__(
        self,
        n_segments: int = 3,
        *,
        style: Style = "none",
        n_init: int = 10,
        init: Any = None,
        random_state: Any = None,
    ) -> None:
        self.n_segments = n_segments
        self.style = style
        self.n_init = n_init
        self.init = init
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> KMeansSegmenter:
        """Fit on answers without holes. Raises ValueError for missing answers and more segments than distinct rows."""
        X = validate_data(self, X, dtype=np.float64, ensure_min_samples=1)
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        rng = check_random_state(self.random_state)
        generator = np.random.default_rng(rng.randint(np.iinfo(np.int32).max))
        points, inverse, mass = collapse(styled(X, self.style), weights)
        if not 1 <= self.n_segments <= int((mass > 0).sum()):
            most = int((mass > 0).sum())
            raise ValueError(
                f"n_segments={self.n_segments} must be from 1 to {most}, the distinct rows with weight (n_samples={len(X)})"
            )
        with threadpool_limits(1):
            centres = self._centres(points, mass, generator)
        self.cluster_centers_ = centres
        nearest = assign(points, centres)
        self.labels_ = nearest[inverse]
        self.inertia_ = float((mass * _cost(points, centres)).sum())
        self.n_iter_ = self.n_init
        return self

    def _centres(self, points: Floats, mass: Floats, rng: np.random.Generator) -> Floats:
        used, kept = points[mass > 0], mass[mass > 0]
        if self.init is not None:
            start = np.asarray(self.init, dtype=float)
            if start.shape != (self.n_segments, points.shape[1]):
                raise ValueError(f"`init` must have shape {(self.n_segments, points.shape[1])}, got {start.shape}")
            return lloyd(used, kept[None], start[None].copy())[0][0]
        if len(used) <= _DISTINCT:
            return swap_search(used, kept, self.n_segments, self.n_init, rng)
        sample = rng.choice(len(used), _DISTINCT, replace=False, p=kept / kept.sum())
        start = swap_search(used[sample], np.ones(_DISTINCT), self.n_segments, self.n_init, rng)
        return lloyd(used, kept[None], start[None])[0][0]

    def predict(self, X: Any) -> npt.NDArray[np.intp]:
        """The nearest segment of each row, after the same `style`."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return assign(styled(X, self.style), self.cluster_centers_)


def collapse(X: Floats, weights: Floats) -> tuple[Floats, npt.NDArray[np.intp], Floats]:
    """The distinct rows, the place of each row among them, and their total weights."""
    points, inverse = np.unique(X, axis=0, return_inverse=True)
    places = inverse.ravel()
    return points, places, np.bincount(places, weights=weights, minlength=len(points)).astype(float)


def swap_search(points: Floats, mass: Floats, k: int, n_init: int, rng: np.random.Generator) -> Floats:
    """The best of some searches, each from the best of `n_init` starts of its own: one search in twenty ends in a trap."""
    found = [_search(points, mass, k, n_init, rng) for _ in range(_SEARCHES if k > 2 else 1)]
    return min(found, key=lambda centres_and_cost: centres_and_cost[1])[0]


def _search(points: Floats, mass: Floats, k: int, n_init: int, rng: np.random.Generator) -> tuple[Floats, float]:
    """Moves one centre at a time to where the cost is, until 40 rounds of 20 trials have brought nothing."""
    centres, inertia = best_of_starts(points, mass[None], k, n_init, rng)
    best, cost = centres[0], float(inertia[0])
    if k == 1:
        return best, cost
    weights = np.repeat(mass[None], _TRIALS, axis=0)
    in_vain = 0
    while in_vain < _PATIENCE:
        in_vain += 1
        share = mass * _cost(points, best)
        if share.sum() <= 0:
            break
        trials = np.repeat(best[None], _TRIALS, axis=0)
        drawn = rng.choice(len(points), _TRIALS, p=share / share.sum())
        trials[np.arange(_TRIALS), rng.integers(0, k, _TRIALS)] = points[drawn]
        moved, costs = lloyd(points, weights, trials, _GLANCE)
        near = np.argsort(costs, kind="stable")[: _TRIALS // 4]
        moved, costs = lloyd(points, weights[near], moved[near])
        if costs.min() < cost * (1 - 1e-12):
            best, cost, in_vain = moved[int(costs.argmin())], float(costs.min()), 0
    return best, cost


def best_of_starts(
    points: Floats, weights: Floats, k: int, n_init: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """For each row of `weights` (samples × points) the best centres of `n_init` starts, and their inertia.

    The better quarter of the starts after three of Lloyd's steps is followed to the end.
    """
    n_samples, kept = len(weights), -(-n_init // 4)
    repeated = np.repeat(weights, n_init, axis=0)
    centres, inertia = lloyd(points, repeated, _plus_plus(points, repeated, k, rng), _GLANCE)
    order = inertia.reshape(n_samples, n_init).argsort(axis=1, kind="stable")[:, :kept]
    chosen = (order + n_init * np.arange(n_samples)[:, None]).ravel()
    centres, inertia = lloyd(points, repeated[chosen], centres[chosen])
    by_sample = inertia.reshape(n_samples, kept)
    shaped = centres.reshape(n_samples, kept, k, points.shape[1])
    return shaped[np.arange(n_samples), by_sample.argmin(axis=1)], by_sample.min(axis=1)


def starts_by_cost(points: npt.NDArray[Any], k: int, n_init: int, rng: np.random.Generator) -> npt.NDArray[Any]:
    """Centres of `n_init` starts (starts × k × items) after a few of Lloyd's steps on points that all count one, the best first."""
    equal = np.ones((n_init, len(points)), dtype=points.dtype)
    centres, inertia = lloyd(points, equal, _plus_plus(points, equal, k, rng), _GLANCE + 5)
    return centres[np.argsort(inertia, kind="stable")]


def _plus_plus(points: Floats, weights: Floats, k: int, rng: np.random.Generator) -> Floats:
    """Greedy k-means++ (Arthur & Vassilvitskii 2007) for every row of weights at once."""
    tried = 2 + int(np.log(k))
    distances = _distances(points, asked=len(weights) * (1 + tried * (k - 1)))
    centres = np.empty((len(weights), k, points.shape[1]), dtype=points.dtype)
    first = _draw(weights, 1, rng)[:, 0]
    centres[:, 0] = points[first]
    near = distances(first)
    for j in range(1, k):
        lowest = np.full(len(weights), np.inf)
        best_near, best = near.copy(), first.copy()
        for candidate in _draw(np.maximum(weights * near, np.finfo(near.dtype).tiny), tried, rng).T:
            closer = np.minimum(near, distances(candidate))
            potential = np.einsum("tm,tm->t", closer, weights)
            better = potential < lowest
            lowest = np.where(better, potential, lowest)
            best_near[better], best[better] = closer[better], candidate[better]
        near = best_near
        centres[:, j] = points[best]
    return centres


def _distances(points: Floats, *, asked: int) -> Callable[[npt.NDArray[np.intp]], Floats]:
    """Squared distances of chosen points to all: of all points at once where at least as many are `asked` for."""
    squares = (points**2).sum(axis=1)

    def to_all(chosen: npt.NDArray[np.intp]) -> Floats:
        near: Floats = points[chosen] @ points.T
        near *= -2
        near += squares[chosen, None]
        near += squares
        return np.maximum(near, 0, out=near)

    if asked < len(points):
        return to_all
    known = to_all(np.arange(len(points)))
    return lambda chosen: known[chosen]


def _draw(mass: Floats, n: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """n positions for each row of `mass`, with chances proportional to it."""
    running = np.cumsum(mass, axis=1, dtype=float)
    at = rng.random((len(mass), n)) * running[:, -1:]
    return np.stack([np.minimum((running < at[:, [j]]).sum(axis=1), mass.shape[1] - 1) for j in range(n)], axis=1)


def lloyd(points: Floats, weights: Floats, centres: Floats, max_iter: int = 100) -> tuple[Floats, Floats]:
    """Lloyd's steps for every pair of weights (samples × points) and centres (samples × k × items) until nothing moves."""
    n_samples, k, n_items = centres.shape
    squares = (points**2).sum(axis=1)
    active, inertia = np.arange(n_samples), np.full(n_samples, np.inf)
    labels = np.full((n_samples, len(points)), -1, dtype=np.int16)
    for _ in range(max_iter):
        now = centres[active]
        gaps = -2 * (now.reshape(-1, n_items) @ points.T).reshape(len(active), k, -1)
        gaps += (now**2).sum(axis=2)[:, :, None]
        nearest, lowest = _nearest(gaps)
        inertia[active] = np.einsum("tm,tm->t", np.maximum(lowest + squares, 0), weights[active])
        same = (nearest == labels[active]).all(axis=1)
        labels[active] = nearest
        active = active[~same]
        if not len(active):
            break
        held = weights[active]
        for j in range(k):
            own = held * (labels[active] == j)
            total = own.sum(axis=1)
            filled = total > 0
            centres[active[filled], j] = (own[filled] @ points) / total[filled, None]
    return centres, inertia


def _nearest(gaps: Floats) -> tuple[npt.NDArray[np.int16], Floats]:
    """The lowest of each column of each block (the first of equals), and how low: argmin over a middle axis is slow."""
    lowest = gaps[:, 0].copy()
    nearest = np.zeros(lowest.shape, dtype=np.int16)
    for j in range(1, gaps.shape[1]):
        closer = gaps[:, j] < lowest
        nearest[closer] = j
        np.minimum(lowest, gaps[:, j], out=lowest)
    return nearest, lowest


def assign(points: npt.NDArray[Any], centres: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """The nearest centre of each point."""
    return ((centres**2).sum(axis=1)[None] - 2 * points @ centres.T).argmin(axis=1)


def _cost(points: Floats, centres: Floats) -> Floats:
    gaps = (centres**2).sum(axis=1)[None] - 2 * points @ centres.T
    return np.maximum(gaps.min(axis=1) + (points**2).sum(axis=1), 0)
