"""Which drivers go with an answer on an ordered scale? The ordered logit, weighted, with errors that hold, and its shares.

    P(y ≤ level k) = 1/(1 + exp(−(θ_k − x'b)))            McCullagh, *JRSS B* 42 (1980)

One row of X and y is one respondent with all answers. A slope is in log odds of a higher answer per point of the driver, the
same at every level (proportional odds). With two levels it is the logit, its constant being −θ. Nothing may be missing. A
weight counts as that many respondents in the likelihood; the sandwich and the error by account do not change with its unit.

The fit is McFadden's R² (1 − log-likelihood/that without drivers), which is no share of variance and lower than R² of a
regression. Its shares are Shapley's over all subsets of drivers, as LMG's are of R².

Where a driver separates the answers (all who have it answer above all who do not) no finite slope is the best. Such slopes
are named in `separated` and withheld (NaN); the others are as if the separated respondents were explained.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from cxlab.drivers.correlations import correlation_of, read_answers
from cxlab.inference.intervals import Floats
from cxlab.inference.permutation import cluster_codes

Ints = npt.NDArray[np.intp]
MOST_ORDERED = 12  # players up to which every subset is fitted
LARGEST_SLOPE = (
    10.0  # log odds for a standard deviation (or for having a 0/1 driver) beyond which nobody should quote it
)
_MOST_STEPS = 100
_AT_ONCE = 2**15  # numbers of one array in the batched fits, so that several stay in the cache


@dataclass(frozen=True)
class OrderedLogit:
    """A fitted ordered logit. `thresholds` has one entry less than `levels`; `slopes` follow `columns`.

    `scores` has one row a respondent (weighted), thresholds first. `growing` says which of thresholds and slopes have no finite
    best value.
    """

    columns: tuple[str, ...]
    levels: Floats
    thresholds: Floats
    slopes: Floats
    log_likelihood: float
    null_log_likelihood: float
    n: int
    scores: Floats = field(repr=False)
    information: Floats = field(repr=False)
    growing: npt.NDArray[np.bool_] = field(repr=False)

    @property
    def r2(self) -> float:
        """McFadden's R²."""
        return 1 - self.log_likelihood / self.null_log_likelihood

    @property
    def separated(self) -> tuple[str, ...]:
        """The columns whose slopes have no finite best value."""
        slopes = self.growing[len(self.thresholds) :]
        return tuple(name for name, grows in zip(self.columns, slopes, strict=True) if grows)

    def covariance(self, cov_type: Literal["sandwich", "nonrobust"] = "sandwich", clusters: Any = None) -> Floats:
        """Of thresholds and slopes, in that order; NaN for those that grow without end.

        sandwich: H⁻¹(Σ s s')H⁻¹ with the scores s of respondents, or summed over accounts where `clusters` are given (a missing
        one stands alone), times m/(m − 1) for m independent units. nonrobust: H⁻¹.
        """
        free = ~self.growing
        inverse = np.linalg.pinv(self.information[np.ix_(free, free)], hermitian=True)
        if cov_type == "sandwich" or clusters is not None:
            scores = self.scores[:, free]
            if clusters is not None:
                scores = sums_by(cluster_codes(self.n, clusters), scores)
            m = len(scores)
            inverse = m / (m - 1) * inverse @ (scores.T @ scores) @ inverse if m > 1 else np.full_like(inverse, np.nan)
        made = np.full(self.information.shape, np.nan)
        made[np.ix_(free, free)] = inverse
        return made

    def probabilities(self, X: Any) -> Floats:
        """Respondents × levels."""
        below = special.expit(self.thresholds[None, :] - (np.asarray(X, dtype=float) @ self.slopes)[:, None])
        return np.diff(below, axis=1, prepend=0.0, append=1.0)


@dataclass(frozen=True)
class SubsetFits:
    """The ordered logit of every subset of players; player j is bit j of a subset's number.

    `log_likelihood` has 2^p entries; `thresholds`, `slopes` and `masks` (the columns that are in) a row each, slopes in units of
    the standardised columns.
    """

    log_likelihood: Floats
    null_log_likelihood: float
    thresholds: Floats = field(repr=False)
    slopes: Floats = field(repr=False)
    masks: Floats = field(repr=False)

    @property
    def r2(self) -> Floats:
        """McFadden's R² of every subset."""
        return 1 - self.log_likelihood / self.null_log_likelihood


def fit_ordered(
    X: Any, y: npt.ArrayLike, *, weights: npt.ArrayLike | None = None, start: OrderedLogit | None = None
) -> OrderedLogit:
    """By Newton's method on thresholds and slopes; a step is halved while thresholds cross or the likelihood falls.

    `start`: another fit of the same columns and levels, for example that of the sample of which this is a resample. Raises
    ValueError for missing answers, an outcome or drivers without spread, drivers that follow from each other (named).

    >>> fit = fit_ordered([[0], [0], [0], [1], [1], [1]], [0, 0, 1, 0, 1, 1])
    >>> fit.slopes.round(4).tolist()  # log of the odds ratio (2/1)/(1/2)
    [1.3863]
    """
    data, outcome, w, names = _checked(X, y, weights)
    levels = np.unique(outcome[w > 0])
    codes = np.searchsorted(levels, outcome).clip(0, len(levels) - 1)
    begin = None
    if start is not None and np.array_equal(start.levels, levels):
        begin = (start.thresholds, start.slopes)
    thresholds, slopes, value, step, information = newton(data, codes, w, len(levels), begin)
    spread = np.ptp(data, axis=0)
    moved = np.abs(step) * np.concatenate([np.ones(len(thresholds)), spread])
    growing = moved > 1e-3
    growing[len(thresholds) :] |= np.abs(slopes) * _unit(data) > LARGEST_SLOPE
    return OrderedLogit(
        columns=tuple(names), levels=levels, thresholds=thresholds, slopes=slopes, log_likelihood=value,
        null_log_likelihood=_null(codes, w, len(levels)), n=len(outcome),
        scores=_scores(data, codes, thresholds, slopes) * w[:, None], information=information, growing=growing,
    )  # fmt: skip


def _checked(X: Any, y: Any, weights: Any) -> tuple[Floats, Floats, Floats, list[str]]:
    """Drivers, outcome, weights and names, once they can tell drivers apart."""
    data, names, used = read_answers(X, y, weights)
    correlation_of(data, names, used)
    return data[:, :-1], data[:, -1], np.ones(len(data)) if used is None else used, names


def _unit(data: Floats) -> Floats:
    """One standard deviation of a column; the whole way from one value to the other where it has two."""
    two = np.array([len(np.unique(column)) == 2 for column in data.T], dtype=bool)
    made: Floats = np.where(two, np.ptp(data, axis=0), data.std(axis=0))
    return made


def sums_by(codes: Ints, rows: Floats) -> Floats:
    """The sums of rows with the same number."""
    sums = np.zeros((int(codes.max()) + 1, rows.shape[1]))
    np.add.at(sums, codes, rows)
    return sums


def by_level(codes: Ints, values: Floats, K: int) -> Floats:
    """The sums of values by number, 0 … K − 1."""
    return np.bincount(codes, weights=values, minlength=K).astype(float)


def _start(codes: Ints, w: Floats, K: int) -> Floats:
    below = np.cumsum(by_level(codes, w, K))[:-1] / w.sum()
    made: Floats = special.logit(below)
    return made


def _null(codes: Ints, w: Floats, K: int) -> float:
    at = by_level(codes, w, K)
    return float(special.xlogy(at, at / at.sum()).sum())


# With u and l the thresholds above and below an answer, F(u − η) − F(l − η) = F(u − η)·F(η − l)·(1 − exp(−(u − l))): the
# log-likelihood is a sum of two logits a row and of one term a level, and no difference of nearly equal numbers is taken.


def _ends(codes: Ints, thresholds: Floats, eta: Floats) -> tuple[Floats, Floats]:
    upper = np.append(thresholds, np.inf)[codes] - eta
    lower = np.append(-np.inf, thresholds)[codes] - eta
    return upper, lower


def _value(codes: Ints, w: Floats, thresholds: Floats, eta: Floats, at: Floats) -> float:
    upper, lower = _ends(codes, thresholds, eta)
    gaps = np.diff(thresholds)
    return float(w @ (special.log_expit(upper) + special.log_expit(-lower)) + at[1:-1] @ np.log(-np.expm1(-gaps)))


def _scores(data: Floats, codes: Ints, thresholds: Floats, slopes: Floats) -> Floats:
    """The score of each respondent, thresholds first, not weighted."""
    T = len(thresholds)
    upper, lower = _ends(codes, thresholds, data @ slopes)
    up, low = special.expit(upper), special.expit(lower)
    pull = np.zeros(T + 1)  # the pull of a level's own width on its two thresholds
    pull[1:T] = 1 / np.expm1(np.diff(thresholds))
    made = np.zeros((len(codes), T + data.shape[1]))
    rows = np.arange(len(codes))
    has, is_above = codes < T, codes > 0
    made[rows[has], codes[has]] += (1 - up + pull[codes])[has]
    made[rows[is_above], codes[is_above] - 1] -= (low + pull[codes])[is_above]
    made[:, T:] = data * (up + low - 1)[:, None]
    return made


def _derivatives(
    data: Floats, codes: Ints, w: Floats, thresholds: Floats, slopes: Floats, at: Floats
) -> tuple[Floats, Floats]:
    """Gradient and negative Hessian."""
    K, p = len(at), data.shape[1]
    T = K - 1
    upper, lower = _ends(codes, thresholds, data @ slopes)
    up, low = special.expit(upper), special.expit(lower)
    gaps = np.diff(thresholds)
    pull, bend = at[1:-1] / np.expm1(gaps), at[1:-1] / (4 * np.sinh(gaps / 2) ** 2)
    gradient = np.empty(T + p)
    above = by_level(codes, w * (1 - up), K)[:T]
    below = by_level(codes, w * low, K)[1:]
    gradient[:T] = above - below
    gradient[1:T] += pull
    gradient[: T - 1] -= pull
    gradient[T:] = (w * (up + low - 1)) @ data
    fu, fl = w * up * (1 - up), w * low * (1 - low)
    H = np.zeros((T + p, T + p))
    k = np.arange(T)
    H[k, k] = by_level(codes, fu, K)[:T] + by_level(codes, fl, K)[1:]
    H[k[1:], k[1:]] += bend
    H[k[:-1], k[:-1]] += bend
    H[k[:-1], k[1:]] = H[k[1:], k[:-1]] = -bend
    for j in range(p):
        column = data[:, j]
        crossed = by_level(codes, fu * column, K)[:T] + by_level(codes, fl * column, K)[1:]
        H[:T, T + j] = H[T + j, :T] = -crossed
    H[T:, T:] = (data * (fu + fl)[:, None]).T @ data
    return gradient, H


def newton(
    data: Floats,
    codes: Ints,
    w: Floats,
    K: int,
    begin: tuple[Floats, Floats] | None = None,
) -> tuple[Floats, Floats, float, Floats, Floats]:
    """Thresholds, slopes, log-likelihood, the step that would come next, and the information.

    Nothing is checked. `codes` are levels 0 … K−1, each with weight. Ends where a step would move less than √n · 3·10⁻⁸ standard
    errors.
    """
    at = by_level(codes, w, K)
    T = K - 1
    thresholds, slopes = begin if begin is not None else (_start(codes, w, K), np.zeros(data.shape[1]))
    value = _value(codes, w, thresholds, data @ slopes, at)
    for _ in range(_MOST_STEPS):
        gradient, H = _derivatives(data, codes, w, thresholds, slopes, at)
        step = np.asarray(np.linalg.solve(_solvable(H), gradient), dtype=float)
        if not gradient @ step > 1e-15 * w.sum():
            break
        length = 1.0
        while length > 1e-9:
            ahead, turned = thresholds + length * step[:T], slopes + length * step[T:]
            if (np.diff(ahead) > 0).all():
                risen = _value(codes, w, ahead, data @ turned, at)
                if risen >= value - 1e-12 * abs(value):
                    break
            length /= 2
        else:
            break
        thresholds, slopes, value = ahead, turned, risen
    return thresholds, slopes, value, step, H


def subset_fits(
    X: Any,
    y: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
    players: Sequence[Sequence[int]] | None = None,
    always: Sequence[int] = (),
) -> SubsetFits:
    """The ordered logit of all 2^p subsets of players, many at once. A player is a list of column numbers that enter together;
    without `players` each column is one. `always`: columns that are in every subset. Refuses more than twelve players.

    Rows with the same answers are fitted as one. A subset starts from its own part without the last player.
    """
    data, outcome, w, names = _checked(X, y, weights)
    players = [[j] for j in range(len(names)) if j not in always] if players is None else list(players)
    p = len(players)
    if p > MOST_ORDERED:
        raise ValueError(
            f"{p} drivers have 2^{p} subsets to fit; an ordered model is shared among {MOST_ORDERED} at most, "
            "group drivers or share the linear R²"
        )
    outcome, data, w = outcome[w > 0], data[w > 0], w[w > 0]
    levels, codes = np.unique(outcome, return_inverse=True)
    K, m = len(levels), data.shape[1]
    w = w * (len(w) / w.sum())
    codes, data, place = collapsed(codes, standardised(data, w))
    w = by_level(place, w, len(codes))
    masks = np.zeros((2**p, m))
    masks[:, list(always)] = 1.0
    for j, columns in enumerate(players):
        masks[np.ix_((np.arange(2**p) >> j) & 1 == 1, list(columns))] = 1.0
    thresholds, slopes, value = np.empty((2**p, K - 1)), np.zeros((2**p, m)), np.empty(2**p)
    thresholds[0], null = _start(codes, w, K), _null(codes, w, K)
    batch = Batch(codes, data, K)
    for at in _blocks(p, batch.at_once):
        these = np.arange(at.start, at.stop)
        before = these - 2 ** (int(these[0]).bit_length() - 1) if these[0] else these
        thresholds[these], slopes[these], value[these] = batch.fit(
            w[None], masks[these], thresholds[before], slopes[before]
        )
    for one in np.flatnonzero(np.isnan(value)):  # a separated subset; one at a time, with halved steps
        columns = masks[one] > 0
        thresholds[one], slopes[one, columns], value[one], *_ = newton(data[:, columns], codes, w, K)
    return SubsetFits(value, null, thresholds, slopes, masks)


def resampled_r2(
    fits: SubsetFits,
    X: Any,
    y: npt.ArrayLike,
    n_boot: int,
    rng: np.random.Generator,
    *,
    weights: npt.ArrayLike | None = None,
    clusters: Any = None,
) -> Floats:
    """McFadden's R² of every subset in bootstrap resamples of respondents (or accounts), less that of the subset of none:
    subsets × resamples.

    No resample is fitted anew. Its log-likelihood is taken at the fit of the whole sample, plus what one step of Newton gains:
    ½ g'H⁻¹g, where g are the scores drawn. What is left out is of the order 1/√n, its spread of the order √n.
    """
    data, outcome, w, _ = _checked(X, y, weights)
    groups = cluster_codes(len(w), clusters)[w > 0]
    outcome, data, w = outcome[w > 0], data[w > 0], w[w > 0]
    levels, codes = np.unique(outcome, return_inverse=True)
    K = len(levels)
    w, data = w * (len(w) / w.sum()), standardised(data, w)
    units = int(groups.max()) + 1
    counts = np.stack([np.bincount(rng.integers(0, units, units), minlength=units) for _ in range(n_boot)]).astype(
        float
    )
    of_level = counts @ sums_by(groups, w[:, None] * (codes[:, None] == np.arange(K)))
    total = of_level.sum(axis=1, keepdims=True)
    null = special.xlogy(of_level, of_level / total).sum(axis=1)
    at = by_level(codes, w, K)
    made = np.empty((len(fits.masks), n_boot))
    for number, mask in enumerate(fits.masks):
        columns = mask > 0
        thresholds, slopes, inner = fits.thresholds[number], fits.slopes[number, columns], data[:, columns]
        _, H = _derivatives(inner, codes, w, thresholds, slopes, at)
        upper, lower = _ends(codes, thresholds, inner @ slopes)
        width = np.zeros(K)
        width[1:-1] = np.log(-np.expm1(-np.diff(thresholds)))
        value = special.log_expit(upper) + special.log_expit(-lower) + width[codes]
        scores = _scores(inner, codes, thresholds, slopes) @ _root_inverse(H)
        drawn = counts @ sums_by(groups, w[:, None] * np.column_stack([value, scores]))
        made[number] = drawn[:, 0] + (drawn[:, 1:] ** 2).sum(axis=1) / 2 * (len(w) / total[:, 0])
    return (made - made[0]) / -null


def _root_inverse(H: Floats) -> Floats:
    """A matrix A with AA' = H⁻¹; directions without information (separated) are left out."""
    values, vectors = np.linalg.eigh(H)
    kept = values > 1e-8 * values[-1]
    made: Floats = vectors[:, kept] / np.sqrt(values[kept])
    return made


def standardised(data: Floats, w: Floats) -> Floats:
    """Columns with weighted mean 0 and spread 1."""
    centred = data - np.average(data, axis=0, weights=w)
    made: Floats = centred / np.sqrt(np.average(centred**2, axis=0, weights=w))
    return made


def _solvable(H: Floats) -> Floats:
    """Where a resample lacks a category, or everyone in it has it, a column tells nothing: its step is 0 and no division fails."""
    diagonal = np.diagonal(H, axis1=-2, axis2=-1)
    made = H.copy()
    at = np.arange(H.shape[-1])
    made[..., at, at] += np.where(diagonal > 0, 1e-11 * diagonal, 1.0)
    return made


def _blocks(p: int, size: int) -> Iterator[range]:
    """The subset of none, then those whose last player is 0, 1, …, so that the part without it comes before; `size` at once."""
    yield range(1)
    for j in range(p):
        for at in range(2**j, 2 ** (j + 1), size):
            yield range(at, min(at + size, 2 ** (j + 1)))


def collapsed(codes: Ints, data: Floats) -> tuple[Ints, Floats, Ints]:
    """One row for all respondents with the same answers, sorted by the outcome; and the row of each respondent."""
    rows, place = np.unique(np.column_stack([codes, data]), axis=0, return_inverse=True)
    return rows[:, 0].astype(np.intp), np.ascontiguousarray(rows[:, 1:]), place.ravel()


class Batch:
    """Many fits to the same respondents at once: with different columns left out, or with different weights.

    Rows are sorted by the outcome (`codes` 0 … K−1). A column that is left out has a score of 0 and a diagonal of 1.
    """

    def __init__(self, codes: Ints, data: Floats, K: int) -> None:
        self.data, self.K = data, K
        self.ends = np.searchsorted(codes, np.arange(K + 1))
        self.level = codes[:, None] == np.arange(K)
        self.with_one = np.column_stack([np.ones(len(data)), data])
        self.upper = np.triu_indices(data.shape[1])
        self.pairs = data[:, self.upper[0]] * data[:, self.upper[1]]
        self.at_once = max(4, _AT_ONCE // len(data))

    def fit(self, w: Floats, masks: Floats, thresholds: Floats, slopes: Floats) -> tuple[Floats, Floats, Floats]:
        """Thresholds, slopes and log-likelihood, a fit in each row. The value of a fit that 20 steps do not find is NaN.

        `w`: weights, one row for all fits or a row each; every level has weight. `masks`: fits × columns, 1 for those that are in.
        """
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # what is not finite is not found
            return self._steps(w, masks, thresholds.copy(), slopes.copy())

    def _steps(self, w: Floats, masks: Floats, thresholds: Floats, slopes: Floats) -> tuple[Floats, Floats, Floats]:
        value = np.full(len(masks), np.nan)
        active = np.arange(len(masks))
        T = self.K - 1
        for _ in range(20):
            own = w if len(w) == 1 else w[active]
            at = own @ self.level
            up, low = self._ends(thresholds[active], slopes[active])
            gradient, H = self._derivatives(up, low, own, at, thresholds[active], masks[active])
            step = np.asarray(np.linalg.solve(_solvable(H), gradient[..., None])[..., 0], dtype=float)
            gain = (gradient * step).sum(axis=1)
            done = gain < 1e-6
            # what is left to gain by a last step of Newton is half of gain; the rest is of the order gain^1.5/√n
            if done.any():
                alike = slice(None) if len(w) == 1 else done
                found = self._value(up[done], low[done], own[alike], at[alike], thresholds[active[done]])
                value[active[done]] = found + gain[done] / 2
            length = self._length(thresholds[active], step[:, :T])
            thresholds[active] += length * step[:, :T]
            slopes[active] += length * step[:, T:]
            active = active[~done]
            if not len(active):
                break
        return thresholds, slopes, value

    def _ends(self, thresholds: Floats, slopes: Floats) -> tuple[Floats, Floats]:
        odds = np.exp((slopes @ self.data.T).clip(-300, 300))
        factor = np.exp(-thresholds.clip(-300, 300))
        up, low = np.ones_like(odds), np.zeros_like(odds)
        for k in range(self.K):
            a, z = self.ends[k], self.ends[k + 1]
            if k < self.K - 1:
                up[:, a:z] = 1 / (1 + odds[:, a:z] * factor[:, k, None])
            if k > 0:
                low[:, a:z] = 1 / (1 + odds[:, a:z] * factor[:, k - 1, None])
        return up, low

    def _value(self, up: Floats, low: Floats, w: Floats, at: Floats, thresholds: Floats) -> Floats:
        gaps = np.log(-np.expm1(-np.diff(thresholds, axis=1)))
        # whoever was not drawn may be ever so unlikely
        by_row = np.where(w > 0, w * (np.log(up) + np.log1p(-low)), 0.0)
        made: Floats = by_row.sum(axis=1) + (at[:, 1:-1] * gaps).sum(axis=1)
        return made

    def _derivatives(
        self, up: Floats, low: Floats, w: Floats, at: Floats, thresholds: Floats, masks: Floats
    ) -> tuple[Floats, Floats]:
        B, T, m = len(up), self.K - 1, self.data.shape[1]
        gaps = np.diff(thresholds, axis=1)
        pull, bend = at[:, 1:-1] / np.expm1(gaps), at[:, 1:-1] / (4 * np.sinh(gaps / 2) ** 2)
        wu, wl = w * up, w * low
        gradient = np.empty((B, T + m))
        gradient[:, T:] = ((wu + wl - w) @ self.data) * masks
        wu, above = wu * (1 - up), w - wu
        below, wl = wl, wl * (1 - low)
        H = np.zeros((B, T + m, T + m))
        k = np.arange(T)
        for j in range(T):
            a, z, e = self.ends[j], self.ends[j + 1], self.ends[j + 2]
            gradient[:, j] = above[:, a:z].sum(axis=1) - below[:, z:e].sum(axis=1)
            sums = wu[:, a:z] @ self.with_one[a:z] + wl[:, z:e] @ self.with_one[z:e]
            H[:, j, j] = sums[:, 0]
            H[:, j, T:] = H[:, T:, j] = -sums[:, 1:] * masks
        gradient[:, 1:T] += pull
        gradient[:, : T - 1] -= pull
        H[:, k[1:], k[1:]] += bend
        H[:, k[:-1], k[:-1]] += bend
        H[:, k[:-1], k[1:]] = H[:, k[1:], k[:-1]] = -bend
        square = np.empty((B, m, m))
        wu += wl
        square[:, self.upper[0], self.upper[1]] = square[:, self.upper[1], self.upper[0]] = wu @ self.pairs
        square *= masks[:, :, None] * masks[:, None, :]
        square[:, np.arange(m), np.arange(m)] += 1 - masks
        H[:, T:, T:] = square
        return gradient, H

    @staticmethod
    def _length(thresholds: Floats, step: Floats) -> Floats:
        """Half, and half again, while thresholds would cross."""
        length = np.ones((len(step), 1))
        for _ in range(30):
            crossing = (np.diff(thresholds + length * step, axis=1) <= 0).any(axis=1)
            if not crossing.any():
                break
            length[crossing] /= 2
        return length
