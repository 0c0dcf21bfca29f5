"""Is a comment positive or negative, learned from comments that somebody labelled?

A linear model of words, pairs of words, pieces of words and the lexicon's features (`features`): a logistic regression up to 3,000
labels, above that (or where the texts are long) one trained by averaged stochastic gradient descent; classes count alike however rare.
One row is a text. The probability of a label is calibrated: predictions of comments that the model had not seen are sharpened or
softened by one number until, of those given 80 %, about 80 % are right. It is the probability that a person who labels like the ones it
learned from would give that label (a little too high for a rare label, because classes count alike), not how strong a feeling is, and
it holds for comments like those it learned from: on other comments (a model of tweets on reviews) it is worse than the lexicon, which
is why `calibrate_sentiment` judges it before it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from threadpoolctl import threadpool_limits

from cxlab.voice.features import TextFeatures, plain
from cxlab.voice.sentiment import LABELS

MANY = 3_000  # labels from which the model is trained by gradient descent
_MANY_NUMBERS = 2_000_000  # numbers other than 0, likewise
_FOLDS = 5
_LEAST_PROBABLE = 1e-6


class SentimentClassifier(ClassifierMixin, BaseEstimator):
    """A classifier of texts in the manner of scikit-learn: `fit(texts, labels)`, `predict`, `predict_proba` (columns as `classes_`).

    Labels are negative, neutral, positive; two of them are enough. `calibrated=False` leaves the probabilities as the model gives
    them and saves five fits; the labels are the same. After `fit`: `classes_`, `temperature_` (above 1 the model was too sure of
    itself). ValueError for other labels, a single class or lengths that differ.

    >>> model = SentimentClassifier(random_state=0).fit(["so good", "so bad", "very good", "very bad"] * 5,
    ...                                                 ["positive", "negative"] * 10)
    >>> model.predict(["good", "bad"]).tolist()
    ['positive', 'negative']
    """

    def __init__(self, random_state: int | None = None, *, calibrated: bool = True) -> None:
        self.random_state = random_state
        self.calibrated = calibrated

    def fit(self, texts: Sequence[str], labels: Sequence[str]) -> SentimentClassifier:
        """Learn from texts and their labels."""
        texts = [plain(text) for text in _checked(texts)]
        y = np.asarray(labels, dtype=object)
        if len(y) != len(texts):
            raise ValueError(f"`labels` must be as many as `texts`, got {len(y)} and {len(texts)}")
        if wrong := sorted({str(label) for label in y} - set(LABELS)):
            raise ValueError(f"labels must be {', '.join(LABELS)}, got {wrong[0]!r}")
        y = y.astype(str)
        if len(set(y)) < 2:
            raise ValueError(f"two labels are needed to learn from, got only {y[0] if len(y) else 'none'!r}")
        return self.learn(texts, y)

    def learn(
        self, texts: Sequence[str], y: np.ndarray, lexical: np.ndarray | None = None, *, part: float = 1.0
    ) -> SentimentClassifier:
        """As `fit`, of texts that went through `plain`; `lexical` their `lexicon_features`, where they are known. part: which share of
        the study's texts these are, so that a fold is learned in the same way as the whole."""
        self.features_ = TextFeatures()
        rows = self.features_.fit_transform(texts, lexical)
        self.by_descent_ = len(y) >= MANY * part or rows.nnz >= _MANY_NUMBERS * part
        with threadpool_limits(1):  # on vectors this short several threads cost ten times the time of one
            self.model_ = _linear(self.by_descent_, self.random_state).fit(rows, y)
            self.classes_ = self.model_.classes_
            self.temperature_ = self._temperature(rows, y) if self.calibrated else 1.0
        return self

    def predict_proba(self, texts: Sequence[str]) -> np.ndarray:
        """One row a text, one column a class of `classes_`."""
        return self.probabilities([plain(text) for text in _checked(texts)])

    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """The label of each text that is most probable."""
        return self.classes_[self.predict_proba(texts).argmax(axis=1)]

    def probabilities(self, texts: Sequence[str], lexical: np.ndarray | None = None) -> np.ndarray:
        """As `predict_proba`, of texts that went through `plain`; `lexical` their `lexicon_features`, where they are known."""
        if not len(texts):
            return np.zeros((0, len(self.classes_)))
        blocks = self.features_.blocks(texts, lexical)
        ends = np.cumsum([block.shape[1] for block in blocks])[:-1]
        parts = np.split(self.model_.coef_, ends, axis=1)
        z = self.model_.intercept_ + sum(block @ part.T for block, part in zip(blocks, parts, strict=True))
        return tempered(_probabilities(np.asarray(z), one_against_all=self.by_descent_), self.temperature_)

    def _temperature(self, rows: Any, y: np.ndarray) -> float:
        from sklearn.model_selection import StratifiedKFold

        folds = min(_FOLDS, int(pd.Series(y).value_counts().min()))
        if folds < 2:
            return 1.0
        told = np.zeros((len(y), len(self.classes_)))
        for learn, ask in StratifiedKFold(folds, shuffle=True, random_state=self.random_state).split(rows, y):
            told[ask] = _linear(self.by_descent_, self.random_state).fit(rows[learn], y[learn]).predict_proba(rows[ask])
        return temperature_of(told, y, self.classes_)


def _probabilities(z: np.ndarray, *, one_against_all: bool) -> np.ndarray:
    """The probabilities of the classes, as scikit-learn makes them of what its linear models decide by; with two classes z has one
    column, for the second of them."""
    if z.shape[1] == 1:
        p = expit(z)
        return np.hstack([1 - p, p])
    if not one_against_all:
        return softmax(z, axis=1)
    p = expit(z)
    return p / np.maximum(p.sum(axis=1, keepdims=True), 1e-300)


def temperature_of(probabilities: np.ndarray, labels: np.ndarray, classes: np.ndarray) -> float:
    """The temperature at which probabilities of texts that were not learned from fit their labels best (least log loss)."""
    given = np.searchsorted(classes, labels)

    def loss(log_temperature: float) -> float:
        p = tempered(probabilities, float(np.exp(log_temperature)))[np.arange(len(given)), given]
        return float(-np.log(np.maximum(p, _LEAST_PROBABLE)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2.0, 2.0), method="bounded").x))


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities softened (temperature above 1) or sharpened; which is largest does not change.

    >>> tempered(np.array([[0.8, 0.2]]), 2.0).round(3).tolist()
    [[0.667, 0.333]]
    """
    z = np.log(np.maximum(probabilities, _LEAST_PROBABLE)) / temperature
    z = np.exp(z - z.max(axis=1, keepdims=True))
    return z / z.sum(axis=1, keepdims=True)


def calibration_error(probabilities: np.ndarray, labels: Sequence[str], classes: Sequence[str]) -> float:
    """Expected calibration error: the mean distance between the largest probability and the share that is right, in ten bins of equal
    width, each bin by its size (Guo et al. 2017)."""
    sure = probabilities.max(axis=1)
    right = np.asarray(classes)[probabilities.argmax(axis=1)] == np.asarray(labels)
    bins = np.minimum((sure * 10).astype(int), 9)
    gaps = np.bincount(bins, weights=right - sure, minlength=10)
    return float(np.abs(gaps).sum() / len(sure))


def _linear(by_descent: bool, random_state: int | None) -> Any:
    from sklearn.linear_model import LogisticRegression, SGDClassifier

    if not by_descent:
        return LogisticRegression(C=4, class_weight="balanced", max_iter=300, tol=1e-3)
    return SGDClassifier(
        loss="log_loss", alpha=5e-5, class_weight="balanced", average=True, max_iter=30, random_state=random_state
    )


def _checked(texts: Sequence[str]) -> list[str]:
    found = list(texts)
    for place, text in enumerate(found):
        if not isinstance(text, str):
            raise ValueError(f"text {place} is {text!r}, not a text; leave out or fill missing ones first")
    return found
