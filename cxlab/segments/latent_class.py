"""Latent classes: groups of respondents who answer a set of items alike, how sure we are of each, and who is in which.

One row of X is one respondent's answers, as codes; NaN is no answer. Within a class the answers to different items are
independent (Goodman 1974; Lazarsfeld & Henry, *Latent Structure Analysis*, 1968), so that

    log L = Σ_u w_u log Σ_c π_c Π_j p_cj(x_uj),   the product over the answered items only.

A missing answer is taken to be missing at random (full information maximum likelihood); nobody is left out for a hole, and
who answered nothing is placed by the sizes of the classes alone. Equal rows are collapsed first, holes included, so weights
equal repeated rows. The likelihood has many local maxima: five short searches a start, the best carried on, and the result
says how many of these ended in the same place.

Covariates and outcomes are related to the classes in three steps: classes, assignment, and an analysis that takes out the
error of assignment (Bolck, Croon & Hagenaars 2004; Vermunt 2010; Bakk, Tekle & Vermunt 2013). Cross-tabulating the assigned
class instead pulls every difference towards zero.

It always gives k classes, also of people who do not differ. A class is not a target, and a covariate is not a cause.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, special
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, check_random_state, validate_data
from threadpoolctl import threadpool_limits

from cxlab.inference import benjamini_hochberg
from cxlab.inference.intervals import check_conf_level, check_weights, critical_value, two_sided_p

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]
ItemType = Literal["nominal", "ordinal"]

_SHORT, _SHORT_STEPS = 5, 20  # short searches for each start that is carried on, and how long they are
_MOST_STEPS = 5_000
_GAIN = 1e-11  # relative gain of a step at which a search has arrived
_SAME = 1e-6  # relative gap of log-likelihoods that counts as the same optimum
_LEAST = 1e-12  # smallest chance of an answer
_TOGETHER = 2_000_000  # numbers in a block of searches
_TOLD_APART = 1e-3  # smallest singular value of the table of assignment errors that can be turned back


class LatentClassSegmenter(DensityMixin, BaseEstimator):
    """A latent class model as a scikit-learn estimator.

    `n_classes` classes; `n_init` searches that are carried to the end (out of five times as many short ones); `item_type`
    "nominal" (any pattern of answers), "ordinal", or one of the two for each item; `random_state` the seed. An ordinal item
    has one slope a class, log p_c(l + 1)/p_c(l) = α_l + β_c · (step of the code): fewer parameters, and a class answers
    higher or lower as a whole (Agresti, *Categorical Data Analysis*, 2013, adjacent categories).

    After `fit`: `labels_` (0 is the largest class), `class_weights_` (shares), `item_probs_` (for each item classes ×
    levels, the levels in `levels_`), `log_likelihood_`, `n_parameters_`, `aic_`, `bic_`, `sabic_` (n is the weight of all
    who answered anything), `df_` (possible rows − 1 − parameters; below 0 the classes are not identified), `entropy_` (relative
    entropy R²: 1 sure, 0 no idea; NaN for one class). Of the search: `starts_` (the log-likelihood where each search ended,
    best first), `n_best_` (how many ended at the best), `optimum_` ("repeated", or "single": only one search found it, so
    another may find better), `converged_`, `n_iter_`. Of the respondents: `n_fitted_` (with a weight and an answer),
    `n_empty_` (without any answer), `n_unseen_` (answers in the table seen last with a code that nobody gave when the model
    was fitted; they count as missing).
    """

    def __init__(
        self,
        n_classes: int = 2,
        *,
        n_init: int = 10,
        item_type: ItemType | Sequence[ItemType] = "nominal",
        random_state: Any = None,
    ) -> None:
        self.n_classes = n_classes
        self.n_init = n_init
        self.item_type = item_type
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> LatentClassSegmenter:
        """Fit on codes, NaN for no answer. Raises ValueError for an item without answers and for more classes than
        respondents."""
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        rng = np.random.default_rng(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        answers = self._collapsed(X, weights)
        if not 1 <= self.n_classes <= self.n_fitted_:
            raise ValueError(
                f"n_classes={self.n_classes} must be from 1 to {self.n_fitted_}, the respondents with a weight and an answer "
                f"(n_samples={len(X)})"
            )
        if self.n_init < 1:
            raise ValueError(f"`n_init` must be at least 1, got {self.n_init}")
        with threadpool_limits(1):
            found = _search(answers, int(self.n_classes), int(self.n_init), rng)
            posterior, _ = _expect(answers, found.sizes[None], found.chances[None])
        self._keep(answers, found, posterior[0])
        self.labels_ = self._posterior(X).argmax(axis=1)
        return self

    def _collapsed(self, X: Floats, weights: Floats) -> _Answers:
        """The table as distinct rows; sets `levels_`, `ordinal_`, `n_fitted_` and `n_empty_`."""
        there = ~np.isnan(X)
        used = (weights > 0) & there.any(axis=1)
        self.n_fitted_, self.n_empty_ = int(used.sum()), int((~there.any(axis=1)).sum())
        if not used.any():
            raise ValueError(f"none of the {len(X)} respondents has a weight and an answer")
        self.levels_ = [np.unique(X[used & there[:, j], j]) for j in range(X.shape[1])]
        names = getattr(self, "feature_names_in_", [f"column {j}" for j in range(X.shape[1])])
        nobody = [str(name) for name, levels in zip(names, self.levels_, strict=True) if not len(levels)]
        if nobody:
            raise ValueError(f"nobody with a weight answered {', '.join(nobody)}; leave it out of X")
        kinds = [self.item_type] * X.shape[1] if isinstance(self.item_type, str) else list(self.item_type)
        if len(kinds) != X.shape[1] or set(kinds) - {"nominal", "ordinal"}:
            raise ValueError(
                f"`item_type` must be nominal, ordinal, or one of them for each of {X.shape[1]} items, got {self.item_type!r}"
            )
        self.ordinal_ = np.array([kind == "ordinal" for kind in kinds])
        return _collapse(_codes(X[used], self.levels_)[0], weights[used], self.levels_, self.ordinal_)

    def _keep(self, answers: _Answers, found: _Found, posterior: Floats) -> None:
        """Numbers of the best search as attributes."""
        self.class_weights_ = found.sizes
        self.item_probs_ = [found.chances[:, answers.item == j] for j in range(len(self.levels_))]
        self.log_likelihood_ = found.log_likelihood
        self.starts_ = found.ends
        self.n_best_ = int((found.ends >= found.ends[0] - _SAME * max(1.0, abs(found.ends[0]))).sum())
        self.optimum_ = "repeated" if self.n_best_ > 1 else "single"
        self.converged_, self.n_iter_ = found.converged, found.n_iter
        self.n_parameters_ = answers.n_parameters(len(found.sizes))
        n, q = answers.weights.sum(), self.n_parameters_
        self.df_ = math.prod(map(len, self.levels_)) - 1 - q
        self.aic_ = float(2 * q - 2 * found.log_likelihood)
        self.bic_ = float(q * np.log(n) - 2 * found.log_likelihood)
        self.sabic_ = float(q * np.log((n + 2) / 24) - 2 * found.log_likelihood)
        k = len(found.sizes)
        unsure = float(special.entr(posterior).sum(axis=0) @ answers.weights)
        self.entropy_ = 1 - unsure / (float(n) * np.log(k)) if k > 1 else np.nan

    def _table(self, X: Any) -> Floats:
        check_is_fitted(self)
        return validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)

    def _logits(self, X: Floats) -> Floats:
        """log π_c p_c(x) of each row (rows × classes); sets `n_unseen_`."""
        codes, self.n_unseen_ = _codes(X, self.levels_)
        logits = np.tile(np.log(self.class_weights_), (len(X), 1))
        for j, chances in enumerate(self.item_probs_):
            there = codes[:, j] >= 0
            logits[there] += np.log(chances).T[codes[there, j]]
        return logits

    def _posterior(self, X: Floats) -> Floats:
        return special.softmax(self._logits(X), axis=1)

    def predict_proba(self, X: Any) -> Floats:
        """How likely each respondent is in each class (rows × classes; each row adds up to 1)."""
        return self._posterior(self._table(X))

    def predict(self, X: Any) -> Codes:
        """The likeliest class of each respondent."""
        return self._posterior(self._table(X)).argmax(axis=1)

    def score_samples(self, X: Any) -> Floats:
        """The log-likelihood of each respondent's answers."""
        return special.logsumexp(self._logits(self._table(X)), axis=1)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """The mean log-likelihood of a respondent."""
        return float(np.average(self.score_samples(X), weights=sample_weight))


@dataclass(frozen=True)
class _Answers:
    """Distinct rows as 0/1 columns, one for each item and level: `onehot` (rows × columns), and their `weights`.

    `starts` is the first column of each item, `item` the item of each column, `ordinal` columns and scores (items × levels)
    of ordinal items with equally many levels.
    """

    onehot: Floats
    weights: Floats
    starts: Codes
    item: Codes
    ordinal: tuple[tuple[Codes, Floats], ...]

    def n_parameters(self, k: int) -> int:
        """Free chances: k − 1 sizes, k(L − 1) of a nominal item, L − 1 + k − 1 of an ordinal one."""
        saved = sum(len(columns) * (k - 1) * (columns.shape[1] - 2) for columns, _ in self.ordinal)
        return k - 1 + k * (len(self.item) - len(self.starts)) - saved


@dataclass(frozen=True)
class _Found:
    """The best of several searches: sizes (k), chances (k × columns), and where every search ended, best first."""

    sizes: Floats
    chances: Floats
    log_likelihood: float
    ends: Floats
    converged: bool
    n_iter: int


def _codes(X: Floats, levels: list[Floats]) -> tuple[Codes, int]:
    """The place of each answer among the levels of its item, −1 for none, and how many answers have an unseen code."""
    codes = np.full(X.shape, -1, dtype=np.intp)
    for j, known in enumerate(levels):
        at = np.minimum(np.searchsorted(known, X[:, j]), len(known) - 1)
        codes[:, j] = np.where(known[at] == X[:, j], at, -1)
    return codes, int(((codes < 0) & ~np.isnan(X)).sum())


def _collapse(codes: Codes, weights: Floats, levels: list[Floats], ordinal: npt.NDArray[np.bool_]) -> _Answers:
    rows, inverse = np.unique(codes, axis=0, return_inverse=True)
    sizes = np.array([len(known) for known in levels])
    item = np.repeat(np.arange(len(sizes)), sizes)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    onehot = (rows[:, item] == np.arange(len(item)) - starts[item]).astype(float)
    groups = []
    for size in sorted(set(sizes[ordinal & (sizes > 2)])):  # of two levels or fewer, an order says nothing
        own = np.flatnonzero(ordinal & (sizes == size))
        scores = np.array([levels[j] for j in own])
        spread = scores.std(axis=1, keepdims=True)
        groups.append((starts[own][:, None] + np.arange(size), (scores - scores.mean(axis=1, keepdims=True)) / spread))
    mass = np.bincount(inverse.ravel(), weights=weights, minlength=len(rows)).astype(float)
    return _Answers(onehot, mass, starts, item, tuple(groups))


# ------------------------------------------------------------------ the search: all starts are one stack of matrices


def _expect(answers: _Answers, sizes: Floats, chances: Floats) -> tuple[Floats, Floats]:
    """How likely each row is in each class (starts × classes × rows), and the log-likelihood of each start."""
    n_starts, k, n_columns = chances.shape
    logits = (np.log(chances).reshape(-1, n_columns) @ answers.onehot.T).reshape(n_starts, k, -1)
    logits += np.log(np.maximum(sizes, 1e-300))[:, :, None]
    top = logits.max(axis=1)
    logits -= top[:, None]
    posterior = np.exp(logits, out=logits)
    total = posterior.sum(axis=1)
    posterior /= total[:, None]
    return posterior, (top + np.log(total)) @ answers.weights


def _maximise(answers: _Answers, posterior: Floats) -> tuple[Floats, Floats]:
    """Sizes (starts × classes) and chances (starts × classes × columns) that fit the posterior best."""
    n_starts, k, n_rows = posterior.shape
    own = (posterior * answers.weights).reshape(-1, n_rows)
    counts = (own @ answers.onehot).reshape(n_starts, k, -1)
    return own.sum(axis=1).reshape(n_starts, k) / answers.weights.sum(), _chances(answers, counts)


def _chances(answers: _Answers, counts: Floats) -> Floats:
    """Counts as chances within each item; those of ordinal items with one slope a class."""
    base = np.add.reduceat(counts, answers.starts, axis=2)[:, :, answers.item]
    size = np.bincount(answers.item)[answers.item]
    chances = np.where(base > 0, counts / np.where(base > 0, base, 1), 1 / size)
    for columns, scores in answers.ordinal:
        fitted = _adjacent(counts[:, :, columns].transpose(0, 2, 1, 3), scores[None])
        chances[:, :, columns] = fitted.transpose(0, 2, 1, 3)
    return np.clip(chances, _LEAST, 1)


def _adjacent(counts: Floats, scores: Floats) -> Floats:
    """Adjacent-category chances by Newton's steps: log p_cl = α_l + β_c s_l − log Σ, for stacks of classes × levels.

    counts: … × k × L, scores: … × L with mean 0. Concave, so halved steps always end at the maximum; a class that gives
    one answer only has no finite slope and stops where its chances are as good as 0 and 1.
    """
    *stack, k, n_levels = counts.shape
    total = counts.sum(axis=-1, keepdims=True)
    overall = counts.sum(axis=-2)
    scores = scores[..., None, :]
    free = n_levels - 1  # one parameter for each α (the first level is 0), then one for each β (the first class is 0)
    theta = np.zeros((*stack, free + k - 1))
    theta[..., :free] = np.log((overall[..., 1:] + 0.5) / (overall[..., :1] + 0.5))
    ridge = 1e-9 * np.maximum(total.sum(axis=(-1, -2))[..., None, None], 1e-9) * np.eye(free + k - 1)
    of_level, of_class = np.arange(free), np.arange(free, free + k - 1)

    def at(theta: Floats) -> tuple[Floats, Floats]:
        logs = np.zeros(counts.shape)
        logs[..., 1:] = theta[..., None, :free]
        logs[..., 1:, :] += theta[..., free:, None] * scores
        logs = special.log_softmax(logs, axis=-1)
        return np.exp(logs), (counts * logs).sum(axis=(-1, -2))

    chances, value = at(theta)
    for _ in range(50):
        over = counts - total * chances
        gradient = np.concatenate([over.sum(axis=-2)[..., 1:], (over * scores).sum(axis=-1)[..., 1:]], axis=-1)
        if (np.abs(gradient).max(axis=-1) <= 1e-8 * np.maximum(total.sum(axis=(-1, -2)), 1e-9)).all():
            break
        expected = total * chances
        away = scores - (chances * scores).sum(axis=-1, keepdims=True)  # of a level's score from the mean of its class
        cross = (expected * away)[..., 1:, 1:]
        curvature = ridge.copy()
        curvature[..., :free, :free] -= (expected.swapaxes(-1, -2) @ chances)[..., 1:, 1:]
        curvature[..., of_level, of_level] += expected.sum(axis=-2)[..., 1:]
        curvature[..., free:, :free] = cross
        curvature[..., :free, free:] = cross.swapaxes(-1, -2)
        curvature[..., of_class, of_class] += (expected * away**2).sum(axis=-1)[..., 1:]
        step = np.linalg.solve(curvature, gradient[..., None])[..., 0]
        step *= np.minimum(1, 5 / np.maximum(np.abs(step).max(axis=-1, keepdims=True), 1e-300))
        length = np.ones((*stack, 1))
        for _ in range(20):
            new, reached = at(theta + length * step)
            worse = reached < value - 1e-12 * np.abs(value)
            if not worse.any():
                break
            length = np.where(worse[..., None], length / 2, length)
        theta, chances, value = theta + length * step, new, reached
    return chances


def _search(answers: _Answers, k: int, n_init: int, rng: np.random.Generator) -> _Found:
    """The best of `n_init` searches, those that began best of five times as many."""
    block = max(1, _TOGETHER // (k * len(answers.weights)))
    n_short, n_long = (_SHORT * n_init, n_init) if k > 1 else (1, 1)
    begun = [_short(answers, *_draw(answers, k, min(block, n_short - at), rng)) for at in range(0, n_short, block)]
    sizes, chances, values = (np.concatenate(parts) for parts in zip(*begun, strict=True))
    best = np.argsort(-values, kind="stable")[:n_long]
    sizes, chances = sizes[best], chances[best]
    ended = [_climb(answers, sizes[at : at + block], chances[at : at + block]) for at in range(0, n_long, block)]
    sizes, chances, values, arrived, steps = (np.concatenate(parts) for parts in zip(*ended, strict=True))
    at = int(values.argmax())
    order = np.argsort(-sizes[at], kind="stable")
    ends = np.sort(values)[::-1]
    if k == 1:
        ends = np.repeat(ends, n_init)  # one class has one optimum, wherever a search begins
    return _Found(sizes[at][order], chances[at][order], float(values[at]), ends, bool(arrived[at]), int(steps[at]))


def _draw(answers: _Answers, k: int, n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """n beginnings: each class halfway between everybody's answers and those of a respondent drawn at random."""
    overall = _chances(answers, (answers.weights @ answers.onehot)[None, None])[0, 0]
    drawn = answers.onehot[rng.choice(len(answers.weights), (n, k), p=answers.weights / answers.weights.sum())]
    known = np.add.reduceat(drawn, answers.starts, axis=2)[:, :, answers.item]
    pull = rng.uniform(0.2, 0.8, (n, k, 1))
    chances = np.where(known > 0, (1 - pull) * overall + pull * drawn, overall)
    return rng.dirichlet(np.full(k, 5.0), size=n), np.clip(chances, _LEAST, 1)


def _short(answers: _Answers, sizes: Floats, chances: Floats) -> tuple[Floats, Floats, Floats]:
    """A few steps of every beginning, and how good it is before the last of them."""
    for _ in range(_SHORT_STEPS):
        posterior, value = _expect(answers, sizes, chances)
        sizes, chances = _maximise(answers, posterior)
    return sizes, chances, value


def _climb(answers: _Answers, sizes: Floats, chances: Floats) -> tuple[Floats, Floats, Floats, Codes, Codes]:
    """EM to the end, with squared steps (SQUAREM; Varadhan & Roland 2008) that are taken back where they do not climb.

    Gives sizes, chances, log-likelihood, whether it arrived, and the number of steps, for each start.
    """
    sizes, chances = sizes.copy(), chances.copy()
    n_starts = len(sizes)
    values, arrived, steps = np.full(n_starts, -np.inf), np.zeros(n_starts, dtype=np.intp), np.zeros(n_starts, np.intp)
    active = np.arange(n_starts)
    p0, c0 = sizes, chances
    posterior, value0 = _expect(answers, p0, c0)
    while len(active):
        p1, c1 = _maximise(answers, posterior)
        posterior, value1 = _expect(answers, p1, c1)
        p2, c2 = _maximise(answers, posterior)
        steps[active] += 2
        sizes[active], chances[active], values[active] = p1, c1, value1
        near = value1 - value0 <= _GAIN * np.maximum(1, np.abs(value1))
        arrived[active[near]] = 1
        on = ~near & (steps[active] < _MOST_STEPS)
        if not on.any():
            break
        active, value1 = active[on], value1[on]
        p0, c0, p1, c1, p2, c2 = p0[on], c0[on], p1[on], c1[on], p2[on], c2[on]
        p0, c0 = _squared(answers, (p0, p1, p2), (c0, c1, c2))
        posterior, value0 = _expect(answers, p0, c0)
        back = ~(value0 >= value1)
        if back.any():
            p0[back], c0[back] = p2[back], c2[back]
            posterior[back], value0[back] = _expect(answers, p2[back], c2[back])
    return sizes, chances, values, arrived, steps


def _squared(
    answers: _Answers, sizes: tuple[Floats, Floats, Floats], chances: tuple[Floats, Floats, Floats]
) -> tuple[Floats, Floats]:
    """Where two steps of EM lead when both are drawn on: θ0 + 2αr + α²v, brought back to chances."""
    r_p, r_c = sizes[1] - sizes[0], chances[1] - chances[0]
    v_p, v_c = sizes[2] - sizes[1] - r_p, chances[2] - chances[1] - r_c
    length = (r_p**2).sum(axis=1) + (r_c**2).sum(axis=(1, 2))
    bend = (v_p**2).sum(axis=1) + (v_c**2).sum(axis=(1, 2))
    alpha = np.maximum(1, np.sqrt(length / np.maximum(bend, 1e-300)))[:, None]
    p = np.maximum(sizes[0] + 2 * alpha * r_p + alpha**2 * v_p, 1e-12)
    alpha = alpha[:, :, None]
    c = np.maximum(chances[0] + 2 * alpha * r_c + alpha**2 * v_c, _LEAST)
    return p / p.sum(axis=1, keepdims=True), _chances(answers, c)


# ------------------------------------------------------------------ how many classes


def latent_classes(
    X: Any,
    *,
    k: Iterable[int] = range(1, 8),
    weights: npt.ArrayLike | None = None,
    n_init: int = 10,
    n_boot: int = 0,
    item_type: ItemType | Sequence[ItemType] = "nominal",
    random_state: Any = None,
) -> pd.DataFrame:
    """How well each number of classes describes the answers. One row a number of classes.

    k, n (respondents with a weight and an answer), log_likelihood, n_parameters, df, aic, bic, sabic (smaller is better),
    entropy (R², 1 sure), smallest_share, n_init, n_best (searches that ended at the best), reading (what to beware of, or
    empty). With `n_boot` the bootstrap test of k against k − 1 classes (`bootstrap_lr`): lr, p_value; NaN for one class.
    A row does not depend on which other numbers are asked for. No single column decides: BIC errs to few classes in small
    samples, AIC to many (Nylund, Asparouhov & Muthén 2007).
    """
    models = fitted_classes(X, k=k, weights=weights, n_init=n_init, item_type=item_type, random_state=random_state)
    table = classes_table(models)
    if n_boot:
        tests: list[Any] = []
        for model in models:
            tests.append((np.nan, np.nan))
            if model.n_classes > 1:
                test = bootstrap_lr(
                    X, model.n_classes, n_boot=n_boot, weights=weights, n_init=n_init, item_type=item_type,
                    random_state=model.random_state,
                )  # fmt: skip
                tests[-1] = (test.statistic, test.p_value)
        table[["lr", "p_value"]] = tests
    return table


def fitted_classes(
    X: Any,
    *,
    k: Iterable[int] = range(1, 8),
    weights: npt.ArrayLike | None = None,
    n_init: int = 10,
    item_type: ItemType | Sequence[ItemType] = "nominal",
    random_state: Any = None,
) -> list[LatentClassSegmenter]:
    """A model for each number of classes, each with a state of randomness of its own: the models behind `latent_classes`."""
    seed = check_random_state(random_state).randint(np.iinfo(np.int32).max)
    own_weights = None if weights is None else check_weights(weights, len(X))
    models = []
    for number in sorted(set(k)):
        own = np.random.RandomState(np.random.SeedSequence([seed, number]).generate_state(4))
        model = LatentClassSegmenter(number, n_init=n_init, item_type=item_type, random_state=own)
        models.append(model.fit(X, sample_weight=own_weights))
    return models


def classes_table(models: Iterable[LatentClassSegmenter]) -> pd.DataFrame:
    """How well each of these models describes the answers it was fitted on: the columns of `latent_classes` without test."""
    return pd.DataFrame(
        {
            "k": model.n_classes, "n": model.n_fitted_, "log_likelihood": model.log_likelihood_,
            "n_parameters": model.n_parameters_, "df": model.df_, "aic": model.aic_, "bic": model.bic_,
            "sabic": model.sabic_, "entropy": model.entropy_, "smallest_share": float(model.class_weights_.min()),
            "n_init": model.n_init, "n_best": model.n_best_, "reading": _beware(model),
        }
        for model in models
    )  # fmt: skip


def _beware(model: LatentClassSegmenter) -> str:
    """What a reader of one solution has to know, in words."""
    said = []
    if model.df_ < 0:
        said.append("more parameters than the answers can tell apart")
    if model.optimum_ == "single":
        said.append(f"only 1 of {model.n_init} searches ended here, a larger `n_init` may find better")
    if not model.converged_:
        said.append("the search did not arrive")
    if len(model.class_weights_) == 1:
        said.append("entropy is not defined for one class")
    return "; ".join(said)


@dataclass(frozen=True)
class BootstrapLR:
    """Whether k classes fit better than k − 1 by more than luck.

    `statistic` is twice the difference of the log-likelihoods, `draws` the same in samples from the model with k − 1
    classes, `p_value` the share of samples (and these data) in which it is at least as large.
    """

    k: int
    statistic: float
    p_value: float
    n_boot: int
    n: int
    draws: Floats

    def to_frame(self) -> pd.DataFrame:
        """One row: k, lr, p_value, n_boot, n."""
        values = {"k": self.k, "lr": self.statistic, "p_value": self.p_value, "n_boot": self.n_boot, "n": self.n}
        return pd.DataFrame([values])

    def headline(self) -> str:
        """The answer in one sentence."""
        fewer = f"{self.k - 1} {'class' if self.k == 2 else 'classes'}"
        better = "fit better than" if self.p_value < 0.05 else "do not clearly fit better than"
        return f"{self.k} classes {better} {fewer} (bootstrap likelihood-ratio test, p = {self.p_value:.3f}, n {self.n:,})."


def bootstrap_lr(
    X: Any,
    n_classes: int,
    *,
    n_boot: int = 99,
    weights: npt.ArrayLike | None = None,
    n_init: int = 10,
    item_type: ItemType | Sequence[ItemType] = "nominal",
    random_state: Any = None,
) -> BootstrapLR:
    """The parametric bootstrap test of `n_classes` against one class fewer (McLachlan 1987).

    Samples are drawn from the smaller model; each respondent keeps their holes and their weight, which here says how much
    somebody counts, not how many there are. The same search is made on the samples as on the data.
    """
    if n_classes < 2 or n_boot < 1:
        raise ValueError(
            f"`n_classes` must be at least 2 and `n_boot` at least 1, got {n_classes} and {n_boot}; "
            "one class has no smaller model to be compared with"
        )
    rng = np.random.default_rng(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    w = None if weights is None else check_weights(weights, len(X))
    smaller, larger = (
        LatentClassSegmenter(
            number, n_init=n_init, item_type=item_type, random_state=np.random.RandomState(rng.integers(2**31))
        ).fit(X, sample_weight=w)
        for number in (n_classes - 1, n_classes)
    )
    table = np.asarray(X, dtype=float)
    mass = np.ones(len(table)) if w is None else w
    used = (mass > 0) & ~np.isnan(table).all(axis=1)
    codes, mass = _codes(table[used], larger.levels_)[0], mass[used]
    draws = np.empty(n_boot)
    with threadpool_limits(1):
        for b in range(n_boot):
            sample = _collapse(_simulated(smaller, codes, rng), mass, larger.levels_, larger.ordinal_)
            null, other = (_search(sample, number, n_init, rng) for number in (n_classes - 1, n_classes))
            draws[b] = 2 * (other.log_likelihood - null.log_likelihood)
    statistic = 2 * (larger.log_likelihood_ - smaller.log_likelihood_)
    p_value = (1 + int((draws >= statistic).sum())) / (n_boot + 1)
    return BootstrapLR(n_classes, float(statistic), p_value, n_boot, int(used.sum()), draws)


def _simulated(model: LatentClassSegmenter, codes: Codes, rng: np.random.Generator) -> Codes:
    """Answers of as many respondents as the model says they come, with the holes of `codes`."""
    member = rng.choice(len(model.class_weights_), len(codes), p=model.class_weights_ / model.class_weights_.sum())
    drawn = np.empty_like(codes)
    for j, chances in enumerate(model.item_probs_):
        running = np.cumsum(chances, axis=1)[member]
        drawn[:, j] = (running[:, :-1] < rng.random((len(codes), 1)) * running[:, -1:]).sum(axis=1)
    return np.where(codes >= 0, drawn, -1)


# ------------------------------------------------------------------ three steps: who is in which class, and how do they fare


def class_covariates(
    model: LatentClassSegmenter,
    X: Any,
    covariates: pd.DataFrame,
    *,
    method: Literal["ml", "bch"] = "ml",
    weights: npt.ArrayLike | None = None,
    reference: int = 0,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """How the odds of being in a class rather than in `reference` go with each covariate, the others held.

    One row a class and covariate: class, reference, covariate, estimate (change of the log odds for one unit more),
    std_error, conf_low, conf_high, conf_level, n, n_left_out (respondents without weight or without all covariates),
    p_value, q_value (Benjamini and Hochberg over all rows).

    Everybody is assigned to the likeliest class; the chances of a wrong one are estimated from `predict_proba` and taken
    out, "ml" in the likelihood of the assignments (Vermunt 2010; prefer it), "bch" by weights that turn the table of errors
    back (Bolck, Croon & Hagenaars 2004; Vermunt 2010). Errors are sandwich estimates over respondents that carry the
    uncertainty of the first step along (Bakk, Oberski & Vermunt 2014); X is the table the model was fitted on. Where classes
    are hard to tell apart (entropy below .5) and the sample is small they are still somewhat too small.

    Raises ValueError for covariates that are not numbers, constant or collinear, for classes that cannot be told apart,
    and where a covariate separates classes so that no estimate is finite.
    """
    check_conf_level(conf_level)
    if method not in ("ml", "bch"):
        raise ValueError(f"`method` must be ml or bch, got {method!r}")
    step = _assignment(model, X, weights)
    k = len(step.errors)
    if not 0 <= reference < k or k == 1:
        raise ValueError(
            f"`reference` must be one of {k} classes from 0, and there must be two or more, got {reference!r}"
        )
    values = _covariates(covariates, X)
    used = (step.weights > 0) & ~np.isnan(values).any(axis=1)
    names = [str(name) for name in covariates]
    design, spread = _standardised(values[used], step.weights[used], names)
    order = [reference, *(c for c in range(k) if c != reference)]
    with threadpool_limits(1):
        slopes, variance = _three_step_logit(step, design, used, order, known=method == "bch", names=names)
    q = design.shape[1]
    rows = []
    for c, number in enumerate(order[1:]):
        for j, name in enumerate(names):
            at = c * q + 1 + j
            estimate, error = float(slopes[at] / spread[j]), float(np.sqrt(variance[at, at]) / spread[j])
            half = critical_value(conf_level) * error
            rows.append(
                {
                    "class": number, "reference": reference, "covariate": name, "estimate": estimate, "std_error": error,
                    "conf_low": estimate - half, "conf_high": estimate + half, "conf_level": conf_level,
                    "n": int(used.sum()), "n_left_out": int((~used).sum()), "p_value": two_sided_p(estimate / error),
                }
            )  # fmt: skip
    table = pd.DataFrame(rows).sort_values("class", kind="stable", ignore_index=True)
    return table.assign(q_value=benjamini_hochberg(table["p_value"]))


def class_outcomes(
    model: LatentClassSegmenter,
    X: Any,
    outcome: npt.ArrayLike,
    *,
    method: Literal["bch"] = "bch",
    weights: npt.ArrayLike | None = None,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """The mean of an outcome (NPS score, spend, 0/1) in each class, with the error of assignment taken out.

    One row a class: class, share, estimate (in the unit of the outcome), std_error, conf_low, conf_high, conf_level, n and
    n_left_out (respondents assigned to the class with and without an outcome and a weight; together all rows of X), reason
    (why a figure is missing, or empty). No distribution of the outcome is assumed (Bakk, Tekle & Vermunt 2013; only "bch").
    Respondents count with weights that turn the table of assignment errors back, some of them below 0; errors are
    linearised over respondents and carry the uncertainty of the first step along; X is the table the model was fitted on.
    """
    check_conf_level(conf_level)
    if method != "bch":
        raise ValueError(f"`method` must be bch, got {method!r}; others assume how the outcome is distributed")
    step = _assignment(model, X, weights)
    _same_rows(outcome, X, "outcome")
    y = pd.to_numeric(pd.Series(np.asarray(outcome)), errors="raise").to_numpy(dtype=float, na_value=np.nan)
    used = (step.weights > 0) & ~np.isnan(y)
    y = np.where(used, y, 0)
    turned = _turned_back(step.errors)
    own = np.where(used, step.weights, 0)[:, None] * turned[step.assigned]
    n, total = int((step.weights > 0).sum()), own.sum(axis=0)
    shares = np.average(step.posterior, axis=0, weights=step.weights)
    with threadpool_limits(1):
        doubt = step.doubt()
    rows = []
    for c in range(len(turned)):
        mean = error = np.nan
        members = int((step.assigned[used] == c).sum())
        reason = "nobody of the class has an outcome"
        if members and total[c] > 0:
            mean = float(own[:, c] @ y / total[c])
            gaps = np.where(used, step.weights * (y - mean), 0)
            pull = (
                -np.outer(gaps @ turned[step.assigned], turned[:, c]) / total[c]
            )  # of each entry of the table of errors
            z = own[:, c] * (y - mean) / total[c] + np.tensordot(doubt, pull, 2)
            error = float(np.sqrt(n / (n - 1) * (z**2).sum())) if n > 1 else np.nan
            reason = "" if n > 1 else "a single respondent shows no spread"
        half = critical_value(conf_level) * error
        rows.append(
            {
                "class": c, "share": float(shares[c]), "estimate": mean, "std_error": error, "conf_low": mean - half,
                "conf_high": mean + half, "conf_level": conf_level, "n": members,
                "n_left_out": int((step.assigned[~used] == c).sum()), "reason": reason,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class _Assignment:
    """The second step: how likely each respondent is in each class, the likeliest one, the weights, and how often members
    of each class (rows of `errors`) are assigned to each (columns)."""

    model: LatentClassSegmenter
    codes: Codes
    posterior: Floats
    assigned: Codes
    weights: Floats
    errors: Floats

    def doubt(self) -> Floats:
        """How far each respondent moved the table of errors (respondents × classes × classes): as one of those it is an
        average over, and through the parameters of the model, by the slopes of its likelihood."""
        rows, first, place = np.unique(self.codes, axis=0, return_index=True, return_inverse=True)
        place = place.ravel()
        mass = np.bincount(place, weights=self.weights, minlength=len(rows))
        posterior, k = self.posterior[first], len(self.errors)
        chosen = np.eye(k)[self.assigned[first]]
        sizes = [len(known) for known in self.model.levels_]
        item, level = np.repeat(np.arange(len(sizes)), sizes), np.concatenate([np.arange(size) for size in sizes])
        onehot, there = (rows[:, item] == level).astype(float), (rows[:, item] >= 0).astype(float)
        chances = np.hstack(self.model.item_probs_)
        scores, moved = [posterior - self.model.class_weights_], []
        members = (posterior * mass[:, None]).T @ chosen
        total = members.sum(axis=1)[:, None]
        shift = (
            mass[:, None] * posterior
        )  # d posterior_t / d log-odds of class c = posterior_t · (1[t = c] − posterior_c)
        for c in range(k):
            gap = onehot - there * chances[c]
            scores.append(posterior[:, [c]] * gap)
            both = shift * (np.eye(k)[c] - posterior[:, [c]])
            moved.append(np.concatenate([(both.T @ chosen)[:, :, None], _weighted(both, chosen, gap)], axis=2))
        of_size = np.stack([part[:, :, 0] for part in moved], axis=2)
        change = np.concatenate([of_size, *(part[:, :, 1:] for part in moved)], axis=2)
        change = (change - self.errors[:, :, None] * change.sum(axis=1, keepdims=True)) / total[:, :, None]
        free = _jacobian(self.model)
        score = np.hstack(scores) @ free
        parameters = score @ np.linalg.pinv(score.T @ (mass[:, None] * score), rcond=1e-7, hermitian=True)
        direct = posterior[:, :, None] * (chosen[:, None] - self.errors) / total
        influence = direct + np.tensordot(parameters, change @ free, axes=(1, 2))
        return self.weights[:, None, None] * influence[place]


def _weighted(both: Floats, chosen: Floats, gap: Floats) -> Floats:
    """Σ_u both_ut chosen_us gap_ul as classes × classes × columns."""
    k = chosen.shape[1]
    return np.stack([(both * chosen[:, [s]]).T @ gap for s in range(k)], axis=1)


def _jacobian(model: LatentClassSegmenter) -> Floats:
    """How the free parameters move the logits: of the sizes, then of every column of every class.

    A nominal item moves all freely (the directions that change nothing are taken out by the pseudo-inverse); an ordinal one
    by its levels, alike in all classes, and by a slope a class.
    """
    k, sizes = len(model.class_weights_), [len(known) for known in model.levels_]
    n_columns, starts = sum(sizes), np.concatenate([[0], np.cumsum(sizes)[:-1]])
    blocks = [np.eye(k + k * n_columns)[:, :k]]
    for j, (start, size) in enumerate(zip(starts, sizes, strict=True)):
        at = k + start + np.arange(k)[:, None] * n_columns + np.arange(size)  # classes × levels
        own = np.eye(k + k * n_columns)[:, at.ravel()].reshape(-1, k, size)
        if model.ordinal_[j] and size > 2:
            scores = model.levels_[j] - model.levels_[j].mean()
            blocks += [own.sum(axis=1), own @ (scores / scores.std())]
        else:
            blocks.append(own.reshape(len(own), -1))
    return np.hstack(blocks)


def _assignment(model: LatentClassSegmenter, X: Any, weights: npt.ArrayLike | None) -> _Assignment:
    posterior = model.predict_proba(X)
    w = check_weights(weights, len(posterior))
    assigned = posterior.argmax(axis=1)
    table = (posterior * w[:, None]).T @ np.eye(posterior.shape[1])[assigned]
    codes = _codes(np.asarray(X, dtype=float), model.levels_)[0]
    return _Assignment(model, codes, posterior, assigned, w, table / table.sum(axis=1, keepdims=True))


def _turned_back(errors: Floats) -> Floats:
    """Weights (assigned class × class) under which the assigned count, on average, for the class they are in."""
    if np.linalg.svd(errors, compute_uv=False).min() < _TOLD_APART:
        raise ValueError(
            f"the {len(errors)} classes cannot be told apart: the table of assignment errors cannot be turned back; "
            "fit fewer classes"
        )
    turned = np.linalg.inv(errors)
    return np.asarray(turned, dtype=float)


def _same_rows(given: Any, X: Any, name: str) -> None:
    if len(given) != len(X):
        raise ValueError(
            f"`{name}` has {len(given)} rows and X {len(X)}; give one for each respondent, in the same order"
        )
    if hasattr(given, "index") and hasattr(X, "index") and not given.index.equals(X.index):
        raise ValueError(
            f"`{name}` and X have different index labels; bring them into one order, as with .reindex(X.index)"
        )


def _covariates(covariates: pd.DataFrame, X: Any) -> Floats:
    """Covariates as numbers, NaN where missing."""
    _same_rows(covariates, X, "covariates")
    for name, column in covariates.items():
        if not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)):
            raise ValueError(
                f"covariate `{name}` is {column.dtype}, not a number; pandas.get_dummies makes 0/1 columns"
            )
    values = covariates.to_numpy(dtype=float, na_value=np.nan)
    if np.isinf(values).any():
        raise ValueError(f"covariate `{covariates.columns[np.isinf(values).any(axis=0)][0]}` has an infinite value")
    return values


def _standardised(values: Floats, w: Floats, names: list[str]) -> tuple[Floats, Floats]:
    """An intercept and the covariates with mean 0 and spread 1, and the spreads. Raises ValueError for idle columns."""
    if not names or not len(values):
        raise ValueError("no covariate, or nobody with a weight and all covariates, is left")
    mean = np.average(values, axis=0, weights=w)
    spread = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=w))
    for name, own, centre in zip(names, spread, mean, strict=True):
        if own <= 1e-10 * max(1.0, abs(centre)):
            raise ValueError(f"covariate `{name}` is {centre:g} for everybody; leave it out")
    standard = (values - mean) / spread
    for j in range(1, len(names)):
        others = np.linalg.lstsq(standard[:, :j], standard[:, j], rcond=None)[0]
        if np.abs(standard[:, j] - standard[:, :j] @ others).max() < 1e-8:
            raise ValueError(f"covariate `{names[j]}` follows from {', '.join(names[:j])}; leave one out")
    return np.column_stack([np.ones(len(values)), standard]), spread


def _three_step_logit(
    step: _Assignment, design: Floats, used: npt.NDArray[np.bool_], order: list[int], *, known: bool, names: list[str]
) -> tuple[Floats, Floats]:
    """Coefficients, class after class in `order` (the first is the reference), and their variance.

    `known`: each assigned respondent counts for every class by the table of errors turned back. Otherwise the chance of
    the assignment is an average over the classes.
    """

    def signal(errors: Floats) -> Floats:
        return (_turned_back(errors) if known else errors.T)[step.assigned[used]][:, order]

    w, k, n = step.weights[used], len(order), int((step.weights > 0).sum())
    theta, inverse = _logit(design, signal(step.errors), w, known, names)
    psi = np.zeros((len(used), len(theta)))
    psi[used] = _parts(theta, design, signal(step.errors), w, known)[3]
    doubt = step.doubt()
    for of, to in np.ndindex(k, k):
        nudge = np.zeros((k, k))
        nudge[of, to] = 1e-6
        up, down = (
            _parts(theta, design, signal(step.errors + sign * nudge), w, known)[3].sum(axis=0) for sign in (1, -1)
        )
        psi += doubt[:, of, to][:, None] * (up - down) / 2e-6
    psi = psi @ inverse
    return theta, n / (n - 1) * psi.T @ psi


def _parts(
    theta: Floats, design: Floats, signal: Floats, w: Floats, known: bool
) -> tuple[float, Floats, Floats, Floats]:
    """Value of the multinomial logit, chances and posterior of the classes, and scores (respondents × coefficients).

    `known`: Σ w Σ_t signal_t log p_t, where the signal of a respondent adds up to 1; otherwise Σ w log Σ_t signal_t p_t.
    """
    n, q = design.shape
    logits = np.column_stack([np.zeros(n), design @ theta.reshape(-1, q).T])
    logs = special.log_softmax(logits, axis=1)
    chances = np.exp(logs)
    if known:
        value, posterior = float(w @ (signal * logs).sum(axis=1)), signal
    else:
        seen = np.maximum((chances * signal).sum(axis=1), 1e-300)
        value, posterior = float(w @ np.log(seen)), chances * signal / seen[:, None]
    gaps = (w[:, None] * (posterior - chances))[:, 1:]
    return value, chances, posterior, (gaps[:, :, None] * design[:, None]).reshape(n, -1)


def _logit(design: Floats, signal: Floats, w: Floats, known: bool, names: list[str]) -> tuple[Floats, Floats]:
    """The coefficients at which `_parts` is largest, and the inverse of minus its curvature there."""
    q, free, scale = design.shape[1], signal.shape[1] - 1, w.sum()

    def value(theta: Floats) -> float:
        return -_parts(theta, design, signal, w, known)[0] / scale

    def slope(theta: Floats) -> Any:
        return -_parts(theta, design, signal, w, known)[3].sum(axis=0) / scale

    def bend(theta: Floats) -> Any:
        _, chances, posterior, _ = _parts(theta, design, signal, w, known)
        p, u = chances[:, 1:], posterior[:, 1:]
        curvature = np.empty((free, q, free, q))
        for s, t in np.ndindex(free, free):
            own = (p[:, s] if s == t else 0) - p[:, s] * p[:, t]
            if not known:
                own = own - (u[:, s] if s == t else 0) + u[:, s] * u[:, t]
            curvature[s, :, t] = design.T @ ((w * own)[:, None] * design)
        return curvature.reshape(free * q, free * q) / scale

    options: Any = {"gtol": 1e-9, "maxiter": 500}
    found = optimize.minimize(value, np.zeros(free * q), jac=slope, hess=bend, method="trust-exact", options=options)
    theta = np.asarray(found.x, dtype=float)
    curvature = bend(theta)
    if np.abs(theta).max() > 15 or np.linalg.eigvalsh(curvature).min() < 1e-8:
        worst = names[int(np.abs(theta.reshape(free, q)[:, 1:]).max(axis=0).argmax())]
        raise ValueError(
            f"no finite estimate: covariate `{worst}` separates the classes, or too little tells them apart; "
            "leave it out, group its values, or fit fewer classes"
        )
    return theta, np.linalg.inv(curvature) / scale


__all__ = [
    "BootstrapLR",
    "LatentClassSegmenter",
    "bootstrap_lr",
    "class_covariates",
    "class_outcomes",
    "latent_classes",
]
