"""Which few questions place a new customer in a segment, how often are they right, and who is everybody else?

`TypingTool` chooses a handful of questions of the battery that the segments were made from. One row of its answers is one
respondent; answers are taken as ticked (a short form that is centred within itself lost five points of accuracy on a
published study). Questions are added one at a time, each time the one with which linear discriminant analysis (Fisher 1936;
Hastie, Tibshirani & Friedman, *The Elements of Statistical Learning*, 2009, ch. 4.3) places most respondents rightly. The
whole choice is made again within each fold of a repeated cross-validation, so its accuracy is that of people it has not seen.
Scores of such models are often too sure of themselves; one factor for all of them (Guo et al. 2017), found on respondents
who were held out, makes the probabilities as high as they are right.

`score_customers` spreads the segments over the customer base: who answered keeps that place, everybody else gets a
probability from what the company knows of them, or the shares of the segments where that knowledge is no help.

What it does not say: right means the segment that the whole battery gives, which need not be the truth about a customer. Nor
does it say that those who never answered are like those who did.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, special, stats
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.utils.validation import check_is_fitted, check_random_state
from threadpoolctl import threadpool_limits

from cxlab.inference import kish, mean_row, wilson
from cxlab.inference.intervals import check_conf_level, check_weights, critical_value
from cxlab.problems import NotApplicableError, did_you_mean
from cxlab.wording import list_text, number_text

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

PLACED = [
    "customer_id", "segment_id", "segment", "probability", "typing_version", "placed_at", "how", "n_answered", "unsure", "reason",
]  # fmt: skip
HOW = ("answers", "typing questions", "customer record", "base rate")
LEAST_MEMBERS = 100  # customers placed by answers, from which on the customer record is asked for the segment
RARE = 20  # customers that a value of a text column needs to be told apart
_RIDGE = 1e-3  # of each question's variance, so that questions that repeat each other can be told apart
_LEAST_GAIN = 1e-3  # mean log-likelihood that a question has to bring where it brings no accuracy
_TEMPERS = (0.05, 2.0)
_PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)  # inverse strengths, as in scikit-learn
_PROBABILITIES = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_FORMAT = "cxlab typing tool 1"


@dataclass(frozen=True)
class TypingQuality:
    """How well the tool places people it has not seen. Shares are in percent.

    `measures` has one row a measure: accuracy, chance (the share of the largest segment), kappa, unsure (largest probability
    below `unsure_below`), accuracy_sure, accuracy_unsure, probability (mean of the largest), overconfidence (its mean less
    the accuracy, in points), brier and log_loss, each also of the base rates. `steps` has one row a number of questions:
    the accuracy with so many, `gain` over one question less, the `question` that the tool adds there, and the share of fits
    that chose this question at all. `recall` has one row a segment, `confusion` one row a segment and assigned segment (% of
    the segment's members), `calibration` one row a range of the largest probability, `left_out` one row a reason.

    Every respondent is placed once a repeat by a tool that was chosen and fitted without them. Intervals are on
    respondents, not on placements (shares: Wilson's): repeats share respondents and make no base larger. Simulated, the 95%
    interval of the accuracy covered the tool's true accuracy among new people in 94 to 96% of samples of 150 and 300, and in
    92% of samples of 800: it knows the luck of the respondents, not all of the luck of the choice.
    """

    measures: pd.DataFrame
    steps: pd.DataFrame
    recall: pd.DataFrame
    confusion: pd.DataFrame
    calibration: pd.DataFrame
    left_out: pd.DataFrame
    n: int
    n_folds: int
    n_repeats: int
    unsure_below: float
    conf_level: float

    def to_frame(self) -> pd.DataFrame:
        """One row a measure."""
        return self.measures.copy()

    def confusion_matrix(self) -> pd.DataFrame:
        """Rows: the segment, columns: the assigned segment, cells: shares that add up to 1 in each row."""
        wide = self.confusion.pivot_table(index="segment", columns="assigned", values="estimate", sort=False) / 100
        return wide[list(wide.index)]

    def headline(self) -> str:
        """The answer in one sentence."""
        row = self.measures.set_index("measure")
        right, chance = row.loc["accuracy"], float(row["estimate"]["chance"])
        asked = len(self.steps)
        return (
            f"{_COUNTS.get(asked, str(asked))} question{'s' * (asked > 1)} place{'s' * (asked == 1)} {right['estimate']:.0f}% of "
            f"respondents in the segment that the whole battery gives them (between {right['conf_low']:.1f} and "
            f"{right['conf_high']:.1f}%, n {self.n:,}); the largest segment for everybody would be right for {chance:.0f}%."
        )

    def sentences(self) -> list[str]:
        """What the last question brought, who is hard to place, how far the probability can be trusted, who was left out."""
        value = self.measures.set_index("measure")["estimate"].astype(float)
        weakest = min(self.recall.to_dict("records"), key=lambda one: one["estimate"])
        said = [
            f"Hardest to recognise is “{weakest['segment']}”: {weakest['estimate']:.0f}% of its {weakest['n']:,} members are placed "
            "rightly.",
            f"{value['unsure']:.0f}% are placed with a probability below {self.unsure_below:g}.",
            f"The mean probability is {value['probability']:.0f}%, the accuracy {value['accuracy']:.0f}%.",
        ]
        if len(self.steps) > 1:
            last = self.steps.iloc[-1]
            said.insert(
                0,
                f"The last question brings {number_text(last['gain'], 1, signed=True)} points of accuracy "
                f"({number_text(last['gain_low'], 1, signed=True)} to {number_text(last['gain_high'], 1, signed=True)}).",
            )
        if len(self.left_out):
            reasons = list_text(f"{row['n']:,} for {row['reason']}" for row in self.left_out.to_dict("records"))
            total = self.n + int(self.left_out["n"].sum())
            said.append(f"Of {total:,} respondents {total - self.n:,} were left out: {reasons}.")
        return said


_COUNTS = {1: "One", 2: "Two", 3: "Three", 4: "Four", 5: "Five", 6: "Six", 7: "Seven", 8: "Eight", 9: "Nine", 10: "Ten"}


class TypingTool(BaseEstimator):
    """A few questions that place a new customer into a segment.

    At most `max_questions` questions are chosen, fewer where one more would bring nothing. `n_folds` × `n_repeats` is the
    cross-validation in which the choice is made anew each time; `scale` the lowest and highest answer that may be given (those
    of the whole battery where it is None); a largest probability below `unsure_below` counts as unsure.
    After `fit`: `questions_` in the order chosen, `segments_` in the order of ties, `version_` (the same model, the same
    version), `quality_` (`TypingQuality`).
    """

    def __init__(
        self,
        max_questions: int = 6,
        *,
        n_folds: int = 5,
        n_repeats: int = 5,
        scale: tuple[float, float] | None = None,
        unsure_below: float = 0.6,
        conf_level: float = 0.95,
        random_state: Any = None,
    ) -> None:
        self.max_questions = max_questions
        self.scale = scale
        self.n_folds = n_folds
        self.n_repeats = n_repeats
        self.unsure_below = unsure_below
        self.conf_level = conf_level
        self.random_state = random_state

    def fit(self, answers: pd.DataFrame, segments: Any, sample_weight: Any = None) -> TypingTool:
        """Choose the questions among the columns of `answers` (respondents × questions, numbers as ticked).

        `segments` has one label a respondent, whole numbers or text. Left out and counted: respondents with a hole in
        the battery, without a segment, or with weight 0. Raises ValueError for answers that are no numbers, fewer than
        two segments, a segment with fewer than 2 × `n_folds` respondents, and questions that all have one answer.
        """
        self._check_settings()
        X = _numbers(answers, list(answers.columns) if isinstance(answers, pd.DataFrame) else [])
        labels = _labels(answers, segments)
        weights = np.ones(len(X)) if sample_weight is None else _weights(sample_weight, len(X))
        keep, left_out = _usable(X, labels, weights)
        X, w = X[keep], weights[keep]
        self.segments_, y = _codes(labels[keep])
        counts = np.bincount(y, minlength=len(self.segments_))
        if len(counts) < 2:
            raise ValueError(
                f"`segments` must name at least two segments, got {self.segments_}; one needs no questions"
            )
        if counts.min() < 2 * self.n_folds:
            raise ValueError(
                f"segment {self.segments_[int(counts.argmin())]!r} has {counts.min()} respondents; at least {2 * self.n_folds} are "
                f"needed with n_folds={self.n_folds}; join it with another, or use fewer folds"
            )
        if not (X.var(axis=0) > 0).any():
            raise ValueError(
                f"every one of the {X.shape[1]} questions has one answer only; no question tells segments apart"
            )
        rng = check_random_state(self.random_state)
        self.scale_ = self._scale(X)
        with threadpool_limits(1):
            chosen = _choose(X, y, w, len(counts), self.max_questions)
            self._model = _fit(X, y, w, len(counts), chosen, self.n_folds, _seed(rng))
            placed = _out_of_fold(X, y, w, len(counts), self.max_questions, self.n_folds, self.n_repeats, rng)
        self.questions_ = [str(answers.columns[j]) for j in chosen]
        self.version_ = self._version()
        self.quality_ = _quality(self, placed, y, w, chosen, left_out)
        return self

    def _check_settings(self) -> None:
        for name, least in (("max_questions", 1), ("n_folds", 2), ("n_repeats", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
                raise ValueError(f"`{name}` must be a whole number from {least} upwards, got {value!r}")
        if not 0 < self.unsure_below < 1:
            raise ValueError(f"`unsure_below` must be between 0 and 1, got {self.unsure_below!r}; 60% is 0.6")
        check_conf_level(self.conf_level)

    def _scale(self, X: Floats) -> tuple[float, float]:
        seen = (float(X.min()), float(X.max()))
        if self.scale is None:
            return seen
        low, high = (float(end) for end in self.scale)
        if not (low <= seen[0] and seen[1] <= high):
            raise ValueError(f"`scale` is {low:g} to {high:g}, but answers reach from {seen[0]:g} to {seen[1]:g}")
        return low, high

    def predict_proba(self, answers: pd.DataFrame) -> pd.DataFrame:
        """One row a respondent with the index of `answers`, one column a segment; each row adds up to 1.

        Where some of the questions have no answer, the model of those that have one is used (a marginal of a normal
        distribution is normal again). NaN where none is answered. Raises ValueError for a question that is no column of
        `answers`, and for answers that are no numbers or lie outside the scale of the fit.
        """
        scores = self._scores(answers)
        return pd.DataFrame(special.softmax(scores, axis=1), index=answers.index, columns=self.segments_)

    def predict(self, answers: pd.DataFrame) -> pd.Series:
        """The segment of each respondent, with the index of `answers`; the first of `segments_` where several are as likely.

        Missing where none of the questions is answered; `place` says so for each customer, and counts answers.
        """
        scores = self._scores(answers)
        none = np.isnan(scores[:, 0])
        best = np.where(none, 0, np.where(none[:, None], 0, scores).argmax(axis=1))
        kind = "Int64" if isinstance(self.segments_[0], int) else "str"
        placed = pd.Series(np.array(self.segments_)[best], index=answers.index, dtype=kind, name="segment")
        return placed.mask(none)

    def _scores(self, answers: pd.DataFrame) -> Floats:
        """Respondents × segments; NaN where no question is answered."""
        check_is_fitted(self, "questions_")
        X = _numbers(answers, self.questions_)
        low, high = self.scale_
        for question, column in zip(self.questions_, X.T, strict=True):
            off = column[(column < low) | (column > high)]
            if len(off):
                raise ValueError(
                    f"question `{question}`: {len(off)} answers lie outside {low:g} to {high:g}, the first is {off[0]:g}; "
                    "give codes for no answer as missing, or fit with the whole `scale`"
                )
        scores = np.full((len(X), len(self.segments_)), np.nan)
        given = ~np.isnan(X)
        for pattern in np.unique(given, axis=0):
            rows = (given == pattern).all(axis=1)
            if pattern.any():
                constants, coefficients = self._model.table(np.flatnonzero(pattern), self.scale_)
                scores[rows] = _add_up(X[rows][:, pattern], constants, coefficients)
        return scores

    def to_frame(self, answered: Sequence[str] | None = None) -> pd.DataFrame:
        """The scoring table: one row a segment, with a constant and one coefficient a question.

        A customer's score for a segment is constant + Σ coefficient × answer, and the customer belongs where it is highest,
        in the first row that reaches it. This is what `predict` does, to the last digit: all figures are multiples of a
        power of ½, so that scores of whole-number answers carry no rounding, in whatever order they are added up, and have
        no more than the 15 digits that spreadsheets keep. `answered` names the questions asked, where they are fewer.

        In a spreadsheet, with the table in A1:H5 (four segments, six questions) and the customer's answers in C7:H7: the
        scores in I2:I5 are `=B2+SUMPRODUCT(C2:H2,C$7:H$7)`, the segment `=INDEX(A2:A5,MATCH(MAX(I2:I5),I2:I5,0))`, and its
        probability `=1/SUMPRODUCT(EXP(I2:I5-MAX(I2:I5)))`. Yes and no are 1 and 0, as in the fit. Every answer is needed: an
        empty cell would count as 0. `to_csv(path, index=False)` keeps every digit.
        """
        check_is_fitted(self, "questions_")
        asked = self.questions_ if answered is None else list(answered)
        unknown = [question for question in asked if question not in self.questions_]
        if unknown or not asked:
            what = f"`{unknown[0]}` is no question of the tool" if unknown else "`answered` names no question"
            raise ValueError(f"{what}; {did_you_mean(str(unknown[0]) if unknown else '', self.questions_)}")
        at = np.array([j for j, question in enumerate(self.questions_) if question in asked])
        constants, coefficients = self._model.table(at, self.scale_)
        columns = {self.questions_[j]: coefficients[i] for i, j in enumerate(at)}
        return pd.DataFrame({"segment": self.segments_, "constant": constants, **columns})

    def place(
        self,
        answers: pd.DataFrame,
        *,
        customer_col: str = "customer_id",
        placed_at: Any = None,
        names: Mapping[Any, str] | None = None,
    ) -> pd.DataFrame:
        """One row a row of `answers`, in its order, as the product `segment_membership` holds them.

        customer_id, segment_id, segment (from `names`, segment_id → name), probability (of this segment), typing_version,
        placed_at (a time, or the column of `answers` that holds it), how ("typing questions" or "not placed"), n_answered,
        unsure, reason (why not placed, or placed on fewer answers). Raises ValueError for a missing or repeated customer.
        """
        ids = _customer_ids(answers, customer_col, "`answers`")
        probabilities = self.predict_proba(answers)
        segment = self.predict(answers)
        called = _called(self.segments_, names)
        n_answered = answers[self.questions_].notna().sum(axis=1).to_numpy()
        top = probabilities.max(axis=1).to_numpy()
        none, some = n_answered == 0, n_answered < len(self.questions_)
        short = [f"{n} of {len(self.questions_)} questions answered" for n in n_answered]
        at = answers[placed_at].array if isinstance(placed_at, str) and placed_at in answers else _time(placed_at)
        return pd.DataFrame(
            {
                "customer_id": ids,
                "segment_id": segment.array,
                "segment": pd.Series([called.get(one) for one in segment.astype(object)], dtype="str").array,
                "probability": top,
                "typing_version": self.version_,
                "placed_at": at,
                "how": np.where(none, "not placed", "typing questions"),
                "n_answered": n_answered,
                "unsure": top < self.unsure_below,
                "reason": np.where(none, "no question of the typing tool answered", np.where(some, short, "")),
            },
            columns=PLACED,
        )

    def save(self, path: str | Path) -> None:
        """Write the tool and its quality as JSON: text that can be read and compared, and runs nothing when it is opened."""
        check_is_fitted(self, "questions_")
        settings = {name: value for name, value in self.get_params().items() if name != "random_state"}
        quality = {field.name: _as_json(getattr(self.quality_, field.name)) for field in fields(self.quality_)}
        kept = {"format": _FORMAT, "version": self.version_, "settings": settings, **self._kept(), "quality": quality}
        text = json.dumps(kept, indent=1, allow_nan=False, ensure_ascii=False, default=lambda value: value.item())
        Path(path).write_text(text + "\n", "utf-8")

    @classmethod
    def load(cls, path: str | Path) -> TypingTool:
        """The tool that `save` wrote; it predicts the same. Raises ValueError where the file is something else, or was changed."""
        try:
            kept = json.loads(Path(path).read_text("utf-8"))
            tool = cls(**kept["settings"])
            tool.questions_, tool.segments_, tool.scale_ = kept["questions"], kept["segments"], tuple(kept["scale"])
            model = {name: np.array(value, dtype=float) for name, value in kept["model"].items() if name != "temper"}
            tool._model = _Model(**model, temper=kept["model"]["temper"])
            tool.quality_ = TypingQuality(**{name: _from_json(value) for name, value in kept["quality"].items()})
            tool.version_, kept["format"] = kept["version"], str(kept["format"])
        except (KeyError, TypeError, AttributeError, ValueError) as problem:
            raise ValueError(
                f"{path}: no typing tool that can be read ({problem!r}); give a file that `save` wrote"
            ) from problem
        if kept["format"] != _FORMAT or tool._version() != tool.version_:
            raise ValueError(
                f"{path}: the model is not that of version {tool.version_!r}; save the tool again, do not edit the file"
            )
        return tool

    def _kept(self) -> dict[str, Any]:
        """All that a prediction depends on."""
        model = self._model
        return {
            "questions": self.questions_,
            "segments": self.segments_,
            "scale": list(self.scale_),
            "model": {"temper": model.temper}
            | {name: getattr(model, name).tolist() for name in ("shares", "means", "within")},
        }

    def _version(self) -> str:
        digest = hashlib.sha256(json.dumps(self._kept(), sort_keys=True).encode()).hexdigest()
        return f"typing-{len(self.questions_)}-{digest[:8]}"


# ------------------------------------------------------------------------------------------- the model, and the choice


@dataclass(frozen=True)
class _Model:
    """Normal classes with one covariance: shares (k), means (k × m), within (m × m), and the factor of all scores."""

    shares: Floats
    means: Floats
    within: Floats
    temper: float

    def table(self, at: Places, scale: tuple[float, float]) -> tuple[Floats, Floats]:
        """Constants (k) and coefficients (questions × k) for the questions `at`, rounded to multiples of a power of ½.

        A coefficient is rounded so far that even at the end of the scale a score moves by less than .002.
        """
        constants, coefficients = _discriminant(self, at)
        largest = max(abs(scale[0]), abs(scale[1]), 1.0)
        finest = 2.0 ** -(8 + math.ceil(math.log2(largest)))
        centred = [self.temper * (values - values.mean(axis=-1, keepdims=True)) for values in (constants, coefficients)]
        return _rounded(centred[0], 2.0**-8), _rounded(centred[1], finest)


def _rounded(values: Floats, step: float) -> Floats:
    """To multiples of `step`, a power of ½; no zero has a sign."""
    rounded: Floats = np.rint(values / step) * step + 0.0
    return rounded


def _moments(X: Floats, y: Places, w: Floats, k: int) -> _Model:
    """Weighted shares and means of the classes, and the covariance within them."""
    mass = np.bincount(y, weights=w, minlength=k)
    hot = np.zeros((len(y), k))
    hot[np.arange(len(y)), y] = w
    means = (hot.T @ X) / mass[:, None]
    rest = X - means[y]
    spread = np.average((X - np.average(X, axis=0, weights=w)) ** 2, axis=0, weights=w)
    within = (rest * w[:, None]).T @ rest / w.sum() + np.diag(_RIDGE * np.maximum(spread, 1e-12))
    return _Model(mass / w.sum(), means, within, 1.0)


def _discriminant(model: _Model, at: Places) -> tuple[Floats, Floats]:
    """Constants (k) and coefficients (questions × k) of Fisher's functions: log π_k − ½ μ_k'Σ⁻¹μ_k, Σ⁻¹μ_k."""
    means = model.means[:, at]
    coefficients = np.linalg.solve(model.within[np.ix_(at, at)], means.T)
    constants: Floats = np.log(model.shares) - 0.5 * (means.T * coefficients).sum(axis=0)
    return constants, np.asarray(coefficients, dtype=np.float64)


def _add_up(X: Floats, constants: Floats, coefficients: Floats) -> Floats:
    """constant + Σ coefficient × answer, question after question."""
    total = np.repeat(constants[None], len(X), axis=0)
    for column, coefficient in zip(X.T, coefficients, strict=True):
        total = total + column[:, None] * coefficient
    return total


def _choose(X: Floats, y: Places, w: Floats, k: int, most: int) -> list[int]:
    """Questions in the order in which they are added: each the one that places most rightly, then the likeliest."""
    model = _moments(X, y, w, k)
    open_ = [j for j in range(X.shape[1]) if X[:, j].var() > 0]
    chosen: list[int] = []
    reached = (-math.inf, -math.inf)
    while open_ and len(chosen) < most:
        best, place = max((_success(model, X, y, w, [*chosen, j]), -j) for j in open_)
        if best[0] <= reached[0] and best[1] < reached[1] + _LEAST_GAIN:
            break
        chosen.append(-place)
        open_.remove(-place)
        reached = best
    return chosen


def _success(model: _Model, X: Floats, y: Places, w: Floats, columns: list[int]) -> tuple[float, float]:
    """Accuracy and mean log-likelihood, rounded so that equal choices tie."""
    at = np.array(columns)
    constants, coefficients = _discriminant(model, at)
    scores = X[:, at] @ coefficients + constants
    hits = scores.argmax(axis=1) == y
    return round(float(np.average(hits, weights=w)), 12), round(-_log_loss(scores, y, w), 9)


def _log_loss(scores: Floats, y: Places, w: Floats) -> float:
    likely = scores[np.arange(len(y)), y] - special.logsumexp(scores, axis=1)
    return -float(np.average(likely, weights=w))


def _fit(X: Floats, y: Places, w: Floats, k: int, chosen: list[int], n_folds: int, seed: int) -> _Model:
    """The model of the chosen questions; its factor makes held-out respondents' own segments likeliest."""
    own, at = X[:, chosen], np.arange(len(chosen))
    held_out = np.empty((len(y), k))
    for train, test in StratifiedKFold(n_folds, shuffle=True, random_state=seed).split(own, y):
        constants, coefficients = _discriminant(_moments(own[train], y[train], w[train], k), at)
        held_out[test] = own[test] @ coefficients + constants
    ends = (math.log(_TEMPERS[0]), math.log(_TEMPERS[1]))
    found = optimize.minimize_scalar(lambda u: _log_loss(math.exp(u) * held_out, y, w), bounds=ends, method="bounded")
    model = _moments(own, y, w, k)
    return _Model(model.shares, model.means, model.within, math.exp(float(found.x)))


@dataclass(frozen=True)
class _OutOfFold:
    """Probabilities (repeats × respondents × segments), right or not (repeats × steps × respondents), how often chosen."""

    probabilities: Floats
    hits: npt.NDArray[np.bool_]
    chosen: Floats


def _out_of_fold(
    X: Floats, y: Places, w: Floats, k: int, most: int, n_folds: int, n_repeats: int, rng: np.random.RandomState
) -> _OutOfFold:
    """Every respondent placed once a repeat by a tool whose questions were chosen without them."""
    most = min(most, X.shape[1])
    probabilities = np.empty((n_repeats, len(y), k))
    hits = np.empty((n_repeats, most, len(y)), dtype=bool)
    times = np.zeros(X.shape[1])
    for repeat in range(n_repeats):
        for train, test in StratifiedKFold(n_folds, shuffle=True, random_state=_seed(rng)).split(X, y):
            chosen = _choose(X[train], y[train], w[train], k, most)
            model = _fit(X[train], y[train], w[train], k, chosen, n_folds, _seed(rng))
            times[chosen] += 1
            for step in range(most):
                at = np.arange(min(step + 1, len(chosen)))
                constants, coefficients = _discriminant(model, at)
                scores = X[np.ix_(test, np.array(chosen)[at])] @ coefficients + constants
                hits[repeat, step, test] = scores.argmax(axis=1) == y[test]
            probabilities[repeat, test] = special.softmax(model.temper * scores, axis=1)
    return _OutOfFold(probabilities, hits, times / (n_folds * n_repeats))


def _seed(rng: np.random.RandomState) -> int:
    return int(rng.randint(np.iinfo(np.int32).max))


# ------------------------------------------------------------------------------------------------------ how good it is


def _quality(
    tool: TypingTool, placed: _OutOfFold, y: Places, w: Floats, chosen: list[int], left_out: pd.DataFrame
) -> TypingQuality:
    level, segments = tool.conf_level, tool.segments_
    confusion = _confusion(placed.probabilities, y, w, segments, level)
    return TypingQuality(
        measures=_measures(placed.probabilities, y, w, tool.unsure_below, level),
        steps=_steps(placed, w, tool.questions_, chosen, level),
        recall=confusion[confusion["segment"] == confusion["assigned"]].drop(columns="assigned").reset_index(drop=True),
        confusion=confusion,
        calibration=_calibration(placed.probabilities, y, w, level),
        left_out=left_out,
        n=len(y),
        n_folds=int(tool.n_folds),
        n_repeats=int(tool.n_repeats),
        unsure_below=tool.unsure_below,
        conf_level=level,
    )


def _measures(probabilities: Floats, y: Places, w: Floats, unsure_below: float, conf_level: float) -> pd.DataFrame:
    """One row a measure of held-out probabilities (repeats × respondents × segments)."""
    k = probabilities.shape[2]
    hits = (probabilities.argmax(axis=2) == y).astype(float)
    top = probabilities.max(axis=2)
    unsure = top < unsure_below
    shares = np.bincount(y, weights=w, minlength=k) / w.sum()
    own = np.eye(k)[y]
    brier, brier_base = ((probabilities - own) ** 2).sum(axis=2), ((shares - own) ** 2).sum(axis=1)[None]
    loss = -np.log(np.maximum(probabilities[:, np.arange(len(y)), y], 1e-15))
    mean = partial(_mean, w=w, conf_level=conf_level)
    rows = {
        "accuracy": _share(hits.mean(axis=0), w, conf_level),
        "chance": _share(y == shares.argmax(), w, conf_level),
        "kappa": _kappa(probabilities, y, w, conf_level),
        "unsure": _share(unsure.mean(axis=0), w, conf_level),
        "accuracy_sure": _share_of_placements(hits, ~unsure, w, conf_level),
        "accuracy_unsure": _share_of_placements(hits, unsure, w, conf_level),
        "probability": mean(top, unit="%", factor=100),
        "overconfidence": mean(top - hits, unit="points", factor=100),
        "brier": mean(brier),
        "brier_base": mean(brier_base),
        "log_loss": mean(loss),
        "log_loss_base": mean(-np.log(shares)[y][None]),
    }
    return pd.DataFrame([{"measure": name} | row for name, row in rows.items()])


def _mean(values: Floats, *, w: Floats, conf_level: float, unit: str = "", factor: float = 1.0) -> dict[str, Any]:
    """The mean of repeats × respondents with Student's interval on respondents, as wide as that of a single repeat."""
    rows = [mean_row(one, weights=w, conf_level=conf_level, unit=unit, factor=factor) for one in values]
    estimate = float(np.mean([row["estimate"] for row in rows]))
    error = math.sqrt(float(np.mean([row["std_error"] ** 2 for row in rows])))
    half = critical_value(conf_level, len(w) - 1) * error
    return rows[0] | {
        "estimate": estimate, "std_error": error, "conf_low": estimate - half, "conf_high": estimate + half,
    }  # fmt: skip


def _share(hits: npt.NDArray[Any], w: Floats, conf_level: float) -> dict[str, Any]:
    """The percentage of respondents, with Wilson's interval on respondents (Kish's base where they are weighted)."""
    return _share_row(float(np.average(hits, weights=w)), kish(w), len(w), conf_level)


def _share_row(share: float, base: float, n: int, conf_level: float) -> dict[str, Any]:
    if not base > 0:
        undefined = dict.fromkeys(("estimate", "std_error", "conf_low", "conf_high"), math.nan)
        return undefined | {"conf_level": conf_level, "n": 0, "unit": "%", "reason": "nobody was placed so"}
    low, high = wilson(min(share, 1.0), base, conf_level)
    error = 100 * math.sqrt(max(share * (1 - share), 0) / base)
    return {
        "estimate": 100 * share, "std_error": error, "conf_low": 100 * low, "conf_high": 100 * high,
        "conf_level": conf_level, "n": n, "unit": "%", "reason": "",
    }  # fmt: skip


def _share_of_placements(hits: Floats, flags: npt.NDArray[np.bool_], w: Floats, conf_level: float) -> dict[str, Any]:
    """The share of hits among the flagged placements (repeats × respondents); their base is respondents a repeat."""
    weights = flags * w
    n = flags.sum() / len(flags)
    share = float((hits * weights).sum() / weights.sum()) if weights.any() else math.nan
    return _share_row(share, n * kish(w) / len(w), math.ceil(n), conf_level)


def _kappa(probabilities: Floats, y: Places, w: Floats, conf_level: float) -> dict[str, Any]:
    """Cohen's kappa, 1 − (1 − p_o)/(1 − p_e), with the linearised standard error of Fleiss, Cohen & Everitt (1969)."""
    k = probabilities.shape[2]
    true = np.bincount(y, weights=w, minlength=k) / w.sum()
    estimates, variances = [], []
    for best in probabilities.argmax(axis=2):
        given = np.bincount(best, weights=w, minlength=k) / w.sum()
        right = best == y
        missed, expected = 1 - float(np.average(right, weights=w)), float(true @ given)
        slope = right / (1 - expected) - missed / (1 - expected) ** 2 * (given[y] + true[best])
        estimates.append(1 - missed / (1 - expected))
        variances.append(float((w**2 * (slope - np.average(slope, weights=w)) ** 2).sum()) / float(w.sum()) ** 2)
    estimate, error = float(np.mean(estimates)), math.sqrt(float(np.mean(variances)))
    half = critical_value(conf_level) * error
    return {
        "estimate": estimate, "std_error": error, "conf_low": max(estimate - half, -1.0), "conf_high": min(estimate + half, 1.0),
        "conf_level": conf_level, "n": len(y), "unit": "", "reason": "",
    }  # fmt: skip


def _steps(placed: _OutOfFold, w: Floats, questions: list[str], chosen: list[int], conf_level: float) -> pd.DataFrame:
    hits = placed.hits.mean(axis=0)
    rows = []
    for step, (question, column) in enumerate(zip(questions, chosen, strict=True)):
        row = {"n_questions": step + 1, "question": question, "share_of_fits": 100 * placed.chosen[column]}
        row |= _share(hits[step], w, conf_level)
        more = placed.hits[:, step].astype(float) - placed.hits[:, step - 1] if step else None
        gain = None if more is None else _mean(more, w=w, conf_level=conf_level, factor=100)
        ends = {"gain": "estimate", "gain_low": "conf_low", "gain_high": "conf_high"}
        rows.append(row | {name: math.nan if gain is None else gain[end] for name, end in ends.items()})
    return pd.DataFrame(rows)


def _confusion(probabilities: Floats, y: Places, w: Floats, segments: list[Any], conf_level: float) -> pd.DataFrame:
    """One row a segment and assigned segment: % of the segment's members, and the placements behind it."""
    assigned = probabilities.argmax(axis=2)
    rows = []
    for i, segment in enumerate(segments):
        members = y == i
        for j, other in enumerate(segments):
            there = assigned[:, members] == j
            row = {"segment": segment, "assigned": other} | _share(there.mean(axis=0), w[members], conf_level)
            rows.append(row | {"placements": int(there.sum())})
    return pd.DataFrame(rows)


def _calibration(probabilities: Floats, y: Places, w: Floats, conf_level: float) -> pd.DataFrame:
    """One row a range of the largest probability: its mean (%), the accuracy there, and the placements behind it."""
    hits = (probabilities.argmax(axis=2) == y).astype(float)
    top = probabilities.max(axis=2)
    rows = []
    for low, high in itertools.pairwise(_PROBABILITIES):
        inside = (top >= low) & ((top < high) | (high == 1))
        weights = inside * w
        mean = 100 * float((top * weights).sum() / weights.sum()) if weights.any() else math.nan
        row = {"probability_from": 100 * low, "probability_to": 100 * high, "probability": mean}
        row |= _share_of_placements(hits, inside, w, conf_level)
        rows.append(row | {"placements": int(inside.sum())})
    return pd.DataFrame(rows)


# --------------------------------------------------------------------------------------------- what comes in, and files


def _numbers(answers: Any, questions: Sequence[Any]) -> Floats:
    """The questions' answers as numbers, NaN where there is none."""
    if not isinstance(answers, pd.DataFrame):
        raise ValueError(
            f"`answers` must be a DataFrame with one named column a question, got {type(answers).__name__}"
        )
    columns = []
    for question in questions:
        if question not in answers:
            raise ValueError(
                f"`answers` has no column `{question}`, a question of the tool; add it, empty where it was not asked"
            )
        column = answers[question]
        if isinstance(column, pd.DataFrame):
            raise ValueError(
                f"`answers` has {column.shape[1]} columns `{question}`; every question needs a name of its own"
            )
        if question in ("segment", "constant"):
            raise ValueError(f"a question cannot be called `{question}`, a column of the scoring table; rename it")
        values = pd.to_numeric(column.astype(object), errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        wrong = column[(np.isnan(values) & column.notna().to_numpy()) | np.isinf(values)]
        if len(wrong):
            raise ValueError(
                f"question `{question}`: {wrong.iloc[0]!r} is no number; code answers as numbers, yes and no as 1 and 0"
            )
        columns.append(values)
    if not columns:
        raise ValueError("`answers` has no column; give one column a question")
    return np.column_stack(columns)


def _labels(answers: pd.DataFrame, segments: Any) -> npt.NDArray[Any]:
    """One label a respondent; a Series has to have the index of the answers."""
    if len(segments) != len(answers):
        raise ValueError(f"{len(segments)} segments for {len(answers)} respondents; give one label for each")
    if isinstance(segments, pd.Series) and not segments.index.equals(answers.index):
        raise ValueError(
            "`segments` has another index than `answers`; bring them into one order, or pass `.to_numpy()`"
        )
    return pd.Series(np.asarray(segments, dtype=object), dtype=object).to_numpy()


def _weights(sample_weight: Any, n: int) -> Floats:
    try:
        return check_weights(sample_weight, n)
    except ValueError as problem:
        raise ValueError(f"`sample_weight`: {problem}") from problem


def _usable(X: Floats, labels: npt.NDArray[Any], w: Floats) -> tuple[npt.NDArray[np.bool_], pd.DataFrame]:
    """Which respondents count, and how many do not, by the first reason that holds."""
    reason = np.where(
        np.isnan(X).any(axis=1),
        "a hole in the battery",
        np.where(pd.isna(labels), "no segment", np.where(w == 0, "weight 0", "")),
    )
    counts = pd.Series(reason[reason != ""]).value_counts()
    left_out = pd.DataFrame({"reason": pd.Series(counts.index, dtype="str"), "n": counts.to_numpy(dtype=int)})
    if (reason != "").all():
        said = list_text(f"{row['n']} for {row['reason']}" for row in left_out.to_dict("records")) or "there was none"
        raise ValueError(f"no respondent is left to learn from: {said}")
    return reason == "", left_out


def _codes(labels: npt.NDArray[Any]) -> tuple[list[Any], Places]:
    """The segments in their order (numbers by size, text by letter), and the place of each label among them."""
    first = labels[0]
    if all(isinstance(label, str) for label in labels):
        plain: list[Any] = [str(label) for label in labels]
    elif all(
        isinstance(label, (int, float, np.number)) and not isinstance(label, bool) and label == int(label)
        for label in labels
    ):
        plain = [int(label) for label in labels]
    else:
        odd = next((label for label in labels if type(label) is not type(first)), first)
        raise ValueError(f"`segments` must all be whole numbers or all text, got {first!r} and {odd!r}")
    segments = sorted(set(plain))
    place = {segment: j for j, segment in enumerate(segments)}
    return segments, np.array([place[label] for label in plain], dtype=np.intp)


def _customer_ids(frame: pd.DataFrame, column: str, where: str) -> npt.NDArray[Any]:
    if column not in frame:
        raise ValueError(f"{where} has no column `{column}`; {did_you_mean(column, map(str, frame.columns))}")
    ids = frame[column]
    if ids.isna().any():
        raise ValueError(
            f"{where}, column `{column}`: {int(ids.isna().sum())} customers have no id; leave them out and count them first"
        )
    if ids.duplicated().any():
        raise ValueError(
            f"{where}, column `{column}`: {ids[ids.duplicated()].iloc[0]!r} is there more than once; keep one row a customer, the latest"
        )
    return ids.to_numpy()


def _time(given: Any) -> Any:
    """A time, or none; a text that is neither a column nor a time is refused."""
    try:
        return pd.Timestamp(given)
    except ValueError as problem:
        raise ValueError(f"`placed_at`: {given!r} is neither a column of `answers` nor a time") from problem


def _called(segments: Iterable[Any], names: Mapping[Any, str] | None) -> dict[Any, str]:
    known = {segment: str(segment) for segment in segments} if names is None else {**names}
    lacking = [segment for segment in segments if segment not in known]
    if lacking:
        raise ValueError(
            f"`names` has no name for segment {lacking[0]!r}; it names {list_text(map(repr, known)) or 'none'}"
        )
    return known


def _as_json(value: Any) -> Any:
    if isinstance(value, pd.DataFrame):
        rows = [[None if pd.isna(cell) else cell for cell in row] for row in value.astype(object).to_numpy().tolist()]
        return {"columns": list(value.columns), "rows": rows}
    return value


def _from_json(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    table = pd.DataFrame(value["rows"], columns=value["columns"])
    return table if len(table) else table.astype({"reason": "str", "n": int})  # none but `left_out` can be empty


# ------------------------------------------------------------------------------------------------ everybody in the CRM


@dataclass(frozen=True)
class CustomerTyping:
    """The segments of the whole customer base, and what they are known from.

    `customers` has one row a customer, in the order of the customers table: customer_id, segment_id, segment, probability
    (of this segment), how ("answers", "typing questions", "customer record", "base rate"), typing_version, placed_at.
    `probabilities` has the same rows and one column a segment; each row adds up to 1. How many customers a segment has is the
    sum of its column: counting `customers` by segment would give all who are known by the base rates to the largest.
    `measures` has one row a measure of the model on customers it has not seen (log_loss, log_loss_base, gain, accuracy,
    chance, probability, overconfidence, brier, brier_base), `calibration` one row a range of the largest probability,
    `counts` one row a way of placing, `left_out` one row a reason for which a member was not used. `helps` says whether the
    customer record is used: its gain over the base rates lies above 0 with its whole interval; `reason` says why not.
    """

    customers: pd.DataFrame
    probabilities: pd.DataFrame
    measures: pd.DataFrame
    calibration: pd.DataFrame
    counts: pd.DataFrame
    left_out: pd.DataFrame
    columns: tuple[str, ...]
    helps: bool
    reason: str
    n_members: int
    conf_level: float

    def __post_init__(self) -> None:
        if int(self.counts["n"].sum()) != len(self.customers):
            raise ValueError(
                f"{self.counts['n'].sum()} customers are placed of {len(self.customers)}; the counts must add up"
            )

    def to_frame(self) -> pd.DataFrame:
        """One row a customer."""
        return self.customers.copy()

    def headline(self) -> str:
        """The answer in one sentence."""
        known = list_text(str(column).replace("_", " ") for column in self.columns)
        if not self.helps:
            return (
                f"What the company knows of its customers ({known}) does not tell their segment: {self.reason}. Who was not "
                "asked is given the shares of the segments."
            )
        row = self.measures.set_index("measure")
        right, chance = row.loc["accuracy"], float(row["estimate"]["chance"])
        return (
            f"What the company knows of its customers ({known}) gives {right['estimate']:.0f}% of them the segment of their "
            f"answers (between {right['conf_low']:.0f} and {right['conf_high']:.0f}%, n {right['n']:,}); the largest segment for "
            f"everybody would be right for {chance:.0f}%."
        )

    def sentences(self) -> list[str]:
        """How many customers are placed in which way, how far the model is better than the shares, who was left out."""
        ways = {"answers": "answers", "typing questions": "typing questions", "customer record": "the customer record"}
        placed = list_text(
            f"{row['n']:,} by {ways.get(row['how'], 'the shares of the segments')}"
            for row in self.counts.to_dict("records")
            if row["n"]
        )
        said = [f"Of {len(self.customers):,} customers, {placed}."]
        if len(self.measures):
            gain = self.measures.set_index("measure").loc["gain"].to_dict()
            said.append(
                f"The record's gain in log loss over the shares alone is {number_text(gain['estimate'], 3, signed=True)} "
                f"({number_text(gain['conf_low'], 3, signed=True)} to {number_text(gain['conf_high'], 3, signed=True)}, "
                f"{gain['n']:,} customers not seen by the model)."
            )
        if len(self.left_out):
            reasons = list_text(f"{row['n']:,} {row['reason']}" for row in self.left_out.to_dict("records"))
            said.append(f"Members that were not used: {reasons}.")
        return said


def score_customers(
    customers: pd.DataFrame,
    members: pd.DataFrame,
    *,
    columns: Sequence[str],
    weight_col: str | None = None,
    n_folds: int = 5,
    n_repeats: int = 2,
    conf_level: float = 0.95,
    random_state: Any = None,
) -> CustomerTyping:
    """A segment, and a probability for each, for every customer in the CRM.

    `customers` has one row a customer with `customer_id` and the `columns` to tell segments from: numbers (used by rank, so
    that a few large accounts do not rule), times, or text (values of fewer than 20 customers together, missing as a value of
    its own). `members` has one row a placed customer with customer_id, segment_id, segment, probability, and perhaps `how`
    ("answers" where it is absent), as `TypingTool.place` gives it; `weight_col` names their survey weight.

    A multinomial logistic regression with a ridge penalty, chosen by cross-validation, learns from the members placed by
    answers. Whether it helps is asked of members it has not seen (`n_folds` × `n_repeats`): the gain in mean log loss over
    the shares of the segments, with Student's interval on customers. Where that reaches 0, everybody without a place gets
    the shares; so does a customer of whom none of the `columns` is known. With fewer than 100 members placed by answers,
    or a segment with fewer than 2 × `n_folds`, nothing is learnt, and the shares are given with the reason.

    Simulated with 400 members, a record that tells nothing was used in none of 200 samples; where the record was used, the
    95% interval of its gain covered the true one in 89%, since the model given to all has learnt from more members than those
    that were tried out.

    Raises ValueError for columns that are not there or tell nobody apart, and customers or members that are there twice;
    NotApplicableError where no customer was placed by answers.
    """
    check_conf_level(conf_level)
    columns = _columns(customers, columns)
    ids = pd.Index(_customer_ids(customers, "customer_id", "`customers`"))
    placed, left_out = _placed(members, ids)
    asked = placed[placed["how"] == "answers"]
    if asked.empty:
        raise NotApplicableError(
            "needs customers who were placed by their answers; no member of the customers table was"
        )
    if weight_col is not None and weight_col not in asked:
        raise ValueError(f"`members` has no column `{weight_col}`; {did_you_mean(weight_col, map(str, asked.columns))}")
    w = _weights(asked[weight_col] if weight_col else None, len(asked))
    segments, codes = _codes(placed["segment_id"].to_numpy())
    y = codes[(placed["how"] == "answers").to_numpy()]
    k = len(segments)
    counts = np.bincount(y, minlength=k)
    features, unknown = _features(customers, columns)
    where = ids.get_indexer(pd.Index(asked["customer_id"]))
    shares = np.bincount(y, weights=w, minlength=k) / w.sum()
    rng = check_random_state(random_state)
    reason = _too_few(counts, segments, n_folds)
    measures, calibration, helps = pd.DataFrame(columns=_MEASURED), pd.DataFrame(columns=_CALIBRATED), False
    model = np.repeat(shares[None], len(customers), axis=0)
    if not reason:
        with threadpool_limits(1):
            F = features[where]
            held_out, base = _held_out(F, y, w, k, n_folds, n_repeats, rng)
            measures = _record_measures(held_out, base, y, w, conf_level)
            calibration = _calibration(held_out, y, w, conf_level)
            gain = measures.set_index("measure").loc["gain"]
            helps = bool(gain["conf_low"] > 0)
            reason = (
                "" if helps else "on customers it has not seen it is not clearly better than the shares of the segments"
            )
            if helps:
                fitted = _logistic(F, y, w, _penalty(F, y, w, k, n_folds, _seed(rng)))
                model = np.where(unknown[:, None], shares, _probabilities(fitted, features, k))
    return _everybody(
        ids, placed, segments, codes, model, unknown | (not helps),
        measures=measures, calibration=calibration, left_out=left_out, columns=tuple(columns), helps=helps, reason=reason,
        n_members=len(asked), conf_level=conf_level,
    )  # fmt: skip


_ESTIMATE = ["estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "unit", "reason"]
_MEASURED = ["measure", *_ESTIMATE]
_CALIBRATED = ["probability_from", "probability_to", "probability", *_ESTIMATE, "placements"]


def _columns(customers: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    if isinstance(columns, str):
        raise ValueError(f"`columns` must be a list of names, got {columns!r}; for one column give [{columns!r}]")
    wanted = list(dict.fromkeys(columns))
    if not wanted:
        raise ValueError("`columns` names no column; name those that may tell segments apart")
    for column in wanted:
        if column not in customers or column == "customer_id":
            others = [str(name) for name in customers if name != "customer_id"]
            raise ValueError(
                f"`columns`: `{column}` is no column of `customers` to tell segments from; {did_you_mean(column, others)}"
            )
    return wanted


def _placed(members: pd.DataFrame, ids: pd.Index) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The members who have a segment and are among the customers, and how many are not, by reason."""
    _customer_ids(members, "customer_id", "`members`")
    lacking = [column for column in ("segment_id", "segment", "probability") if column not in members]
    if lacking:
        raise ValueError(
            f"`members` has no column `{lacking[0]}`; {did_you_mean(lacking[0], map(str, members.columns))}"
        )
    known = members if "how" in members else members.assign(how="answers")
    odd = known[~known["how"].isin([*HOW[:2], "not placed"])]
    if len(odd):
        raise ValueError(
            f"`members`, column `how`: {odd['how'].iloc[0]!r} is no place that was asked for; "
            "known: answers, typing questions, not placed"
        )
    without = (known["segment_id"].isna() | (known["how"] == "not placed")).to_numpy()
    strangers = ~known["customer_id"].isin(ids).to_numpy()
    counts = {"not among the customers": int(strangers.sum()), "without a segment": int((without & ~strangers).sum())}
    left_out = pd.DataFrame([{"reason": reason, "n": n} for reason, n in counts.items() if n], columns=["reason", "n"])
    return known[~without & ~strangers].reset_index(drop=True), left_out


def _too_few(counts: Places, segments: list[Any], n_folds: int) -> str:
    if counts.sum() < LEAST_MEMBERS:
        return f"only {counts.sum()} customers were placed by their answers, and {LEAST_MEMBERS} are needed"
    if len(counts) < 2:
        return "there is one segment only"
    if counts.min() < 2 * n_folds:
        least = segments[int(counts.argmin())]
        return (
            f"only {counts.min()} customers of segment {least!r} were placed by answers, and {2 * n_folds} are needed"
        )
    return ""


def _features(customers: pd.DataFrame, columns: list[str]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Customers × features with mean 0 and spread 1, and who has none of the columns filled in."""
    parts = [part for column in columns for part in _coded(customers[column], column)]
    unknown = customers[columns].isna().all(axis=1).to_numpy()
    return np.column_stack(parts), unknown


def _coded(values: pd.Series, column: str) -> Iterator[Floats]:
    """A number or time as its normal score, and whether it is missing; text as one feature a value."""
    missing = values.isna().to_numpy()
    ordered = pd.api.types.is_numeric_dtype(values) or pd.api.types.is_datetime64_any_dtype(values)
    coded = []
    if ordered:
        ranks = values.rank().to_numpy(dtype=float, na_value=np.nan)
        scores = stats.norm.ppf((ranks - 0.5) / max((~missing).sum(), 1))
        coded += [np.where(missing, 0.0, scores), missing.astype(float)]
    else:
        text = values.astype(object).map(str).mask(missing, "")
        sizes = text[~missing].value_counts()
        common = sorted(sizes.index[sizes >= RARE])
        if not common:
            raise ValueError(
                f"`columns`: no value of `{column}` is shared by {RARE} customers ({text[~missing].nunique():,} values), so it "
                "tells no group apart; leave it out, or group its values"
            )
        rare = ~text.isin(common).to_numpy() & ~missing
        coded += [(text == value).to_numpy(dtype=float) for value in common] + [
            rare.astype(float),
            missing.astype(float),
        ]
    differ = [one for one in coded if one.std() > 0]
    if not differ:
        raise ValueError(f"`columns`: `{column}` has the same value for every customer; leave it out")
    return ((one - one.mean()) / one.std() for one in differ)


def _logistic(F: Floats, y: Places, w: Floats, penalty: float) -> LogisticRegression:
    return LogisticRegression(C=penalty, max_iter=2_000).fit(F, y, sample_weight=w * len(w) / w.sum())


def _probabilities(model: LogisticRegression, F: Floats, k: int) -> Floats:
    probabilities = np.zeros((len(F), k))
    probabilities[:, model.classes_] = model.predict_proba(F)
    return probabilities


def _penalty(F: Floats, y: Places, w: Floats, k: int, n_folds: int, seed: int) -> float:
    """The strength of the ridge with the smallest log loss on customers held out; the stronger one where two are as good."""
    losses = np.zeros(len(_PENALTIES))
    for train, test in StratifiedKFold(n_folds, shuffle=True, random_state=seed).split(F, y):
        for j, penalty in enumerate(_PENALTIES):
            chances = _probabilities(_logistic(F[train], y[train], w[train], penalty), F[test], k)
            losses[j] -= (w[test] * np.log(np.maximum(chances[np.arange(len(test)), y[test]], 1e-15))).sum()
    return _PENALTIES[int(losses.argmin())]


def _held_out(
    F: Floats, y: Places, w: Floats, k: int, n_folds: int, n_repeats: int, rng: np.random.RandomState
) -> tuple[Floats, Floats]:
    """Probabilities from the record, and shares of the segments, from fits without the customer: repeats × customers × segments."""
    held_out, base = (np.empty((n_repeats, len(y), k)) for _ in range(2))
    for repeat in range(n_repeats):
        for train, test in StratifiedKFold(n_folds, shuffle=True, random_state=_seed(rng)).split(F, y):
            own = F[train], y[train], w[train]
            fitted = _logistic(*own, _penalty(*own, k, n_folds, _seed(rng)))
            held_out[repeat, test] = _probabilities(fitted, F[test], k)
            base[repeat, test] = np.bincount(y[train], weights=w[train], minlength=k) / w[train].sum()
    return held_out, base


def _record_measures(held_out: Floats, base: Floats, y: Places, w: Floats, conf_level: float) -> pd.DataFrame:
    """The measures of the record, and its gain in log loss over the shares, customer by customer."""
    table = _measures(held_out, y, w, 0.5, conf_level)
    table = table[~table["measure"].isin(["kappa", "unsure", "accuracy_sure", "accuracy_unsure"])]
    at = np.arange(len(y))
    likely = [np.log(np.maximum(each[:, at, y], 1e-15)) for each in (held_out, base)]
    gain = {"measure": "gain"} | _mean(likely[0] - likely[1], w=w, conf_level=conf_level)
    return pd.concat([table, pd.DataFrame([gain])], ignore_index=True)[_MEASURED]


def _everybody(
    ids: pd.Index,
    placed: pd.DataFrame,
    segments: list[Any],
    codes: Places,
    model: Floats,
    by_shares: npt.NDArray[np.bool_],
    **more: Any,
) -> CustomerTyping:
    """One row a customer: the place that was asked for, else the likeliest segment."""
    where = ids.get_indexer(pd.Index(placed["customer_id"]))
    names = dict(zip(placed["segment_id"], placed["segment"], strict=True))
    best = model.argmax(axis=1)
    best[where] = codes
    probabilities = model.copy()
    certain = np.asarray(placed["probability"].astype(float).fillna(1.0), dtype=np.float64)
    probabilities[where] = _with_own(model[where], codes, certain)
    how = np.where(by_shares, "base rate", "customer record").astype(object)
    how[where] = placed["how"]
    segment_ids = pd.Series(np.array(segments, dtype=object)[best])
    table = pd.DataFrame(
        {
            "customer_id": ids,
            "segment_id": segment_ids.infer_objects(),
            "segment": segment_ids.map(names),
            "probability": probabilities[np.arange(len(ids)), best],
            "how": how,
        }
    )
    for column in ("typing_version", "placed_at"):
        given = placed[column] if column in placed else pd.Series(np.nan, index=placed.index)
        table[column] = table["customer_id"].map(pd.Series(given.to_numpy(), index=placed["customer_id"].to_numpy()))
    counts = table["how"].value_counts().reindex(HOW, fill_value=0)
    wide = pd.DataFrame(probabilities, columns=segments)
    wide.insert(0, "customer_id", ids)
    return CustomerTyping(
        customers=table,
        probabilities=wide,
        counts=pd.DataFrame({"how": list(HOW), "n": counts.to_numpy(dtype=int)}),
        **more,
    )


def _with_own(model: Floats, codes: Places, certain: Floats) -> Floats:
    """The probability of the own segment as it was placed; the rest is spread over the others as the model does."""
    at = np.arange(len(codes))
    others = model.copy()
    others[at, codes] = 0
    total = others.sum(axis=1, keepdims=True)
    spread = np.divide(others * (1 - certain[:, None]), total, out=np.zeros_like(others), where=total > 0)
    spread[at, codes] = np.where(total[:, 0] > 0, certain, 1.0)
    return spread
