"""May a classifier, trained on this study's own labels or ratings, replace the lexicon? Only where it is shown to read better.

`calibrate_sentiment` learns from what people coded by hand (`gold`) and, where nobody coded, from the ratings that customers gave
themselves: the lower third of the scale is a weak label "negative", the upper third "positive". Ratings are no labels of texts: a happy
customer may write about a fault. So the classifier is judged on texts that it had not seen (five folds), by hand-coded labels where at
least 100 are there and else by the ratings, and replaces the lexicon only if

1. the ratings go with the words at all (rank correlation with the lexicon's score at least .15),
2. at least 100 texts are labelled, and at least 15 of each label,
3. its macro-F1 is higher: the lower 5 % bound of the gain, by resampling texts, is above 0,
4. and its agreement with the labels is more than slight (Cohen's kappa at least .2).

Otherwise the lexicon stays. Either way `agreement` and `confusion` say how well both read. Accuracy judges nothing here: where most
comments are negative, calling all of them negative is accurate. Texts that repeat each other but for case, marks, handles and links
(near-duplicates) count once: the same text to learn from and to judge by would flatter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from cxlab.voice.classifier import SentimentClassifier, calibration_error, temperature_of, tempered
from cxlab.voice.features import plain
from cxlab.voice.sentiment import LABELS, NEUTRAL, label_of, labels_of_ratings, lexicon_features
from cxlab.wording import number_text

LEAST_CORRELATION, LEAST_LABELS, LEAST_EACH, LEAST_KAPPA, LEAST_CODED = 0.15, 100, 15, 0.2, 100
UNCERTAIN = 0.2  # the share of texts that goes to the review list
PROBABILITIES = tuple(f"probability_{label}" for label in LABELS)
_FOLDS, _DRAWS, _LEVEL = 5, 2_000, 0.90  # the lower end of a 90 % interval is the 5 % bound
_MARKS = re.compile(r"\[[A-Z]+\]|@\w+|(?:https?://|www\.)\S+|[\W_]+")


@dataclass(frozen=True)
class CalibratedSentiment:
    """How sentiment is read in a study, and how well.

    `method` "classifier" or "lexicon"; `reason` why, in a sentence. `agreement` one row a method: method, against ("hand-coded" or
    "ratings"), n texts, accuracy, macro_f1, kappa, then of macro_f1 std_error, conf_low, conf_high, conf_level (by resampling texts),
    and ece (expected calibration error; NaN for the lexicon, which gives no probability). `confusion` one row a method and given label:
    method, given, and how many were read as negative, neutral, positive. `gain` one row: the macro-F1 of the classifier less that of the
    lexicon (estimate, std_error, conf_low, conf_high, conf_level, n, reason). `counts` what became of the texts; they add up.
    """

    method: Literal["classifier", "lexicon"]
    reason: str
    agreement: pd.DataFrame
    confusion: pd.DataFrame
    gain: pd.DataFrame
    counts: dict[str, int]
    review_below: float
    model: SentimentClassifier | None = field(default=None, repr=False)

    def predict(self, texts: Sequence[str] | pd.Series) -> pd.DataFrame:
        """One row a text, indexed like the input: score (−1 to 1), label, probability (of the label), probability_negative, …_neutral,
        …_positive, uncertain (goes to the review list: about a fifth of texts like the study's).

        The classifier's score is its probability of "positive" less that of "negative"; the lexicon's is its own, and it has no
        probability (NaN). A missing or blank text has nothing. Each row stands for itself: other texts do not change it.
        """
        series = texts if isinstance(texts, pd.Series) else pd.Series(list(texts), dtype=object)
        there = np.array([isinstance(text, str) and not text.isspace() and text != "" for text in series], dtype=bool)
        told = self._told([text for text, known in zip(series, there, strict=True) if known])
        made: dict[str, Any] = {}
        for name, values in told.items():
            column: np.ndarray
            if name == "uncertain":
                column = np.zeros(len(series), dtype=bool)
            elif name == "label":
                column = np.full(len(series), None, dtype=object)
            else:
                column = np.full(len(series), np.nan)
            column[there] = values
            made[name] = pd.Series(column, index=series.index, dtype=object) if name == "label" else column
        return pd.DataFrame(made, index=series.index)

    def review(self, texts: Sequence[str] | pd.Series) -> pd.DataFrame:
        """The review list: one row a text that the method is least sure of, least sure first: text_id (index label), label, probability,
        score. What a person codes there teaches most: give it back as `gold`."""
        found = self.predict(texts)
        rows = found[found["uncertain"]]
        sure = rows["probability"] if self.method == "classifier" else (rows["score"].abs() - NEUTRAL).abs()
        rows = rows.loc[:, ["label", "probability", "score"]].iloc[np.argsort(sure.to_numpy(), kind="stable")]
        return rows.rename_axis("text_id").reset_index()

    def to_frame(self) -> pd.DataFrame:
        """The agreement of both methods."""
        return self.agreement

    def headline(self) -> str:
        """The one sentence for a reader: which method reads the comments, and how well."""
        return self.reason

    def sentences(self) -> list[str]:
        """What a reader should know: the reason, how far the method in use agrees, its probabilities, and the review list."""
        said = [self.reason]
        for row in self.agreement[self.agreement["method"] == self.method].to_dict("records"):
            said.append(
                f"It gives the same label as {_SOURCE[str(row['against'])]} in {number_text(100 * row['accuracy'])} of 100 comments "
                f"(kappa {_two(row['kappa'])}, where 0 is chance and 1 always; {number_text(row['n'])} comments that it had not seen)."
            )
            if self.method == "classifier":
                said.append(
                    f"Its probabilities are off by {number_text(100 * row['ece'])} percentage points on average, "
                    f"and labels less probable than {number_text(100 * self.review_below)}% are on the review list: about one comment "
                    "in five."
                )
        if self.method == "lexicon":
            said.append(
                "It gives no probability; the comments whose label a single word would change are on the review list."
            )
        return said

    def _told(self, texts: list[str]) -> dict[str, np.ndarray]:
        if self.model is None:
            score = lexicon_features(texts)[:, 0] if texts else np.zeros(0)
            missing = np.full(len(texts), np.nan)
            return {
                "score": score, "label": label_of(pd.Series(score)).to_numpy(), "probability": missing,
                **dict.fromkeys(PROBABILITIES, missing), "uncertain": _sureness(score) <= self.review_below,
            }  # fmt: skip
        p = np.zeros((len(texts), len(LABELS)))
        p[:, [LABELS.index(label) for label in self.model.classes_]] = self.model.probabilities(list(map(plain, texts)))
        p = p.round(6)  # so that the last bits, which hang on the machine, are in no file
        most = p.max(axis=1, initial=0.0)
        return {
            "score": (p[:, 2] - p[:, 0]).round(6), "label": np.array(LABELS, dtype=object)[p.argmax(axis=1)], "probability": most,
            **{name: p[:, k] for k, name in enumerate(PROBABILITIES)}, "uncertain": most < self.review_below,
        }  # fmt: skip


_SOURCE = {"hand-coded": "the person who coded by hand", "ratings": "the customer's own rating"}
_COMMENTS = {"hand-coded": "hand-coded", "ratings": "rated"}


def calibrate_sentiment(
    texts: Sequence[str] | pd.Series,
    *,
    ratings: Sequence[float] | pd.Series | None = None,
    gold: Sequence[str | None] | pd.Series | None = None,
    scale: tuple[float, float] | None = None,
    random_state: int = 0,
) -> CalibratedSentiment:
    """Choose between the lexicon and a classifier of this study's own.

    ratings: numbers on `scale` (lowest, highest; without it those that occur), high is good. gold: negative, neutral, positive, or
    missing where nobody coded. Both stand in the order of the texts; a coder's label goes before a rating. The same input gives the
    same result. ValueError for lengths that differ, other labels, and ratings off the scale.

    >>> calibrate_sentiment(["great", "awful"], gold=["positive", "negative"]).reason
    'The lexicon stays: 2 comments are labelled, and 100 are needed for a classifier.'
    """
    study = _Study.of(texts, ratings, gold, scale)
    lexical = lexicon_features(study.texts)
    score = lexical[:, 0]
    lexicon = label_of(pd.Series(score)).to_numpy()
    if reason := _no_classifier(study, score):
        return _with_lexicon(study, score, lexicon, reason)
    texts = [plain(text) for text in study.texts]
    for place, text in enumerate(texts):
        if text != study.texts[place]:
            lexical[place] = lexicon_features([text])[0]  # a handle may hold a word of feeling
    told = _out_of_fold(study, texts, lexical, random_state)
    classes = np.array(sorted(set(study.labels[study.labelled])))
    at = np.flatnonzero(study.labelled)
    temperature = temperature_of(told[at], study.labels[at].astype(str), classes)
    p = tempered(told, temperature)
    read = np.full(len(study.texts), None, dtype=object)
    read[at] = classes[p[at].argmax(axis=1)]
    judged = np.flatnonzero(study.judge)
    given = study.labels[judged].astype(str)
    gain, low = _gain(given, read[judged].astype(str), lexicon[judged].astype(str), random_state)
    rows = [
        _agreement_row("classifier", study.against, given, read[judged], random_state)
        | {"ece": calibration_error(p[judged], given.tolist(), classes.tolist())},
        _agreement_row("lexicon", study.against, given, lexicon[judged], random_state),
    ]
    agreed = pd.DataFrame(rows)
    confusion = pd.concat(
        [_confusion("classifier", given, read[judged]), _confusion("lexicon", given, lexicon[judged])],
        ignore_index=True,
    )
    ours, theirs = rows
    base = f"{number_text(len(judged))} {_COMMENTS[study.against]} comments"
    if not low > 0:
        why = (
            f"the classifier is not shown to read better: macro-F1 {_two(ours['macro_f1'])} against {_two(theirs['macro_f1'])} on "
            f"{base}, a gain that may be as low as {_two(low, True)}"
        )
        return _with_lexicon(study, score, lexicon, why, agreed, confusion, gain)
    if not ours["kappa"] >= LEAST_KAPPA:
        why = (
            f"the classifier cannot be relied on: its agreement on {base} is slight (kappa {_two(ours['kappa'])}, at least "
            f"{_two(LEAST_KAPPA)} is asked)"
        )
        return _with_lexicon(study, score, lexicon, why, agreed, confusion, gain)
    model = SentimentClassifier(random_state, calibrated=False)
    model.learn([texts[place] for place in at], study.labels[at].astype(str), lexical[at])
    model.temperature_ = temperature
    return CalibratedSentiment(
        method="classifier",
        reason=f"The classifier replaces the lexicon: macro-F1 {_two(ours['macro_f1'])} against {_two(theirs['macro_f1'])} on {base} "
        f"(gain at least {_two(low, True)}), kappa {_two(ours['kappa'])}.",
        agreement=agreed,
        confusion=confusion,
        gain=gain,
        counts=study.counts,
        review_below=float(np.quantile(p[at].max(axis=1), UNCERTAIN)),
        model=model,
    )


@dataclass(frozen=True)
class _Study:
    """The distinct texts with their labels: `labels` (gold before rating, None where neither), `ratings` (NaN where none), `judge` which
    are judged on, `against` what."""

    texts: list[str]
    labels: np.ndarray
    ratings: np.ndarray
    rated: bool
    judge: np.ndarray
    against: Literal["hand-coded", "ratings"]
    counts: dict[str, int]

    @property
    def labelled(self) -> np.ndarray:
        return np.array([label is not None for label in self.labels], dtype=bool)

    @classmethod
    def of(cls, texts: Any, ratings: Any, gold: Any, scale: tuple[float, float] | None) -> _Study:
        said = pd.Series(list(texts), dtype=object)
        coded = _coded(gold, len(said))
        rated = _rated(ratings, len(said))
        scale = _scale(rated, scale)
        labels = labels_of_ratings(rated, scale) if scale else pd.Series(None, index=said.index, dtype=object)
        labels = coded.where(coded.notna(), labels)
        blank = said.isna() | (said.astype(str).str.strip() == "")
        order = np.lexsort(
            (np.arange(len(said)), labels.isna(), coded.isna())
        )  # who is coded stands for those who are not
        kept = pd.Series(order).loc[lambda places: ~blank.to_numpy()[places]]
        keys = [near_duplicate_key(said[place]) for place in kept]
        kept = pd.Series(sorted(kept[~pd.Series(keys, index=kept.index, dtype=object).duplicated()]), dtype=int)
        is_coded = coded.notna().to_numpy()[kept]
        found = labels.to_numpy(dtype=object)[kept]
        found[pd.isna(found)] = None
        known = np.array([label is not None for label in found], dtype=bool)
        by_hand = bool(is_coded.sum() >= LEAST_CODED) or not rated.notna().any()
        counts = {
            "texts": len(said), "blank": int(blank.sum()), "near_duplicates": int((~blank).sum()) - len(kept), "distinct": len(kept),
            "coded": int(is_coded.sum()), "rated_only": int((known & ~is_coded).sum()), "unlabelled": int((~known).sum()),
        }  # fmt: skip
        return cls(
            texts=[said[place] for place in kept],
            labels=found,
            ratings=rated.to_numpy(dtype=float)[kept],
            rated=bool(rated.notna().any()),
            judge=is_coded if by_hand else known,
            against="hand-coded" if by_hand else "ratings",
            counts=counts,
        )


def near_duplicate_key(text: str) -> str:
    """What texts that repeat each other have in common: the words, without case, marks, handles, links and placeholders.

    >>> near_duplicate_key("@acme GREAT!! https://x.example") == near_duplicate_key("great")
    True
    """
    return " ".join(_MARKS.sub(" ", text).lower().split()) or text


def _coded(gold: Any, n: int) -> pd.Series:
    if gold is None:
        return pd.Series([None] * n, dtype=object)
    found = pd.Series(list(gold), dtype=object)
    if len(found) != n:
        raise ValueError(f"`gold` must be as many as `texts` (missing where nobody coded), got {len(found)} and {n}")
    found = found.where(found.notna(), None)
    if wrong := sorted({str(label) for label in found.dropna()} - set(LABELS)):
        raise ValueError(f"`gold` must be {', '.join(LABELS)} or missing, got {wrong[0]!r}")
    return found


def _rated(ratings: Any, n: int) -> pd.Series:
    if ratings is None:
        return pd.Series(np.nan, index=range(n))
    found = pd.Series(list(ratings), dtype=object)
    if len(found) != n:
        raise ValueError(f"`ratings` must be as many as `texts` (missing where nobody rated), got {len(found)} and {n}")
    numbers = pd.to_numeric(found, errors="coerce").astype(float)
    if (lost := found.notna() & numbers.isna()).any():
        raise ValueError(f"`ratings` must be numbers or missing, got {found[lost].iloc[0]!r}")
    return numbers


def _scale(rated: pd.Series, scale: tuple[float, float] | None) -> tuple[float, float] | None:
    known = rated.dropna()
    if scale is not None:
        low, high = float(scale[0]), float(scale[1])
        if not low < high:
            raise ValueError(f"`scale` must be (lowest, highest), got {scale!r}")
        if ((known < low) | (known > high)).any():
            off = known[(known < low) | (known > high)].iloc[0]
            raise ValueError(
                f"the rating {off:g} is off the `scale` {low:g} to {high:g}; leave it out or give the scale that was used"
            )
        return low, high
    return (float(known.min()), float(known.max())) if known.nunique() > 1 else None


def _no_classifier(study: _Study, score: np.ndarray) -> str:
    """Why no classifier can be tried, or ""."""
    if study.rated:
        has = ~np.isnan(study.ratings)
        alike = len(set(study.ratings[has])) < 2 or len(set(score[has])) < 2
        together = np.nan if alike else float(spearmanr(score[has], study.ratings[has]).statistic)
        if alike:
            return "the ratings say nothing about the comments: they are all alike"
        if not together >= LEAST_CORRELATION:
            return (
                f"the ratings do not go with the words (rank correlation {_two(together)}, at least {_two(LEAST_CORRELATION)} is "
                "asked): their scale is reversed, or they are about something else"
            )
    known = study.labels[study.labelled]
    if len(known) < LEAST_LABELS:
        are = "comment is" if len(known) == 1 else "comments are"
        return f"{number_text(len(known))} {are} labelled, and {LEAST_LABELS} are needed for a classifier"
    counts = pd.Series(known).value_counts()
    if len(counts) < 2:
        return f"all labelled comments are {counts.index[0]}"
    if counts.min() < LEAST_EACH:
        fewest = min(counts.index, key=lambda label: (counts[label], label))
        are = "comment is" if counts[fewest] == 1 else "comments are"
        return f"only {number_text(counts[fewest])} {are} labelled {fewest}, and {LEAST_EACH} of each label are needed for a classifier"
    return ""


def _out_of_fold(study: _Study, texts: list[str], lexical: np.ndarray, random_state: int) -> np.ndarray:
    """One row a text: probabilities by a model that had not seen it, 0 where the text has no label."""
    from sklearn.model_selection import StratifiedKFold

    at = np.flatnonzero(study.labelled)
    y = study.labels[at].astype(str)
    told = np.zeros((len(study.texts), len(set(y))))
    for learn, ask in StratifiedKFold(_FOLDS, shuffle=True, random_state=random_state).split(at, y):
        model = SentimentClassifier(random_state, calibrated=False)
        model.learn([texts[at[k]] for k in learn], y[learn], lexical[at[learn]], part=len(learn) / len(at))
        told[at[ask]] = model.probabilities([texts[at[k]] for k in ask], lexical[at[ask]])
    return told


def _with_lexicon(
    study: _Study,
    score: np.ndarray,
    lexicon: np.ndarray,
    why: str,
    agreed: pd.DataFrame | None = None,
    confusion: pd.DataFrame | None = None,
    gain: pd.DataFrame | None = None,
) -> CalibratedSentiment:
    judged = np.flatnonzero(study.judge & study.labelled)
    given = study.labels[judged].astype(str)
    if agreed is None:
        agreed = pd.DataFrame([_agreement_row("lexicon", study.against, given, lexicon[judged], 0)])
        confusion = _confusion("lexicon", given, lexicon[judged])
        gain = _no_gain(why)
    assert confusion is not None
    assert gain is not None
    return CalibratedSentiment(
        method="lexicon",
        reason=f"The lexicon stays: {why}.",
        agreement=agreed,
        confusion=confusion,
        gain=gain,
        counts=study.counts,
        review_below=_review_below(_sureness(score)),
    )


def _sureness(score: np.ndarray) -> np.ndarray:
    """How far a score is from where its label would change."""
    return np.abs(np.abs(score) - NEUTRAL)


def _review_below(sureness: np.ndarray) -> float:
    """The sureness up to which about a fifth of texts lies: of the values that occur, the one that comes nearest."""
    if not len(sureness):
        return -1.0
    values, counts = np.unique(sureness, return_counts=True)
    shares = np.concatenate([[0.0], counts.cumsum() / len(sureness)])
    return float(np.concatenate([[-1.0], values])[np.argmin(np.abs(shares - UNCERTAIN))])


_CODES = {label: k for k, label in enumerate(LABELS)}


def _cells(given: np.ndarray, *read: np.ndarray) -> np.ndarray:
    """How many texts have each combination of given label and labels read, one axis each."""
    made = np.zeros((3,) * (1 + len(read)))
    np.add.at(made, tuple([_CODES[label] for label in column] for column in (given, *read)), 1)
    return made


def _macro_f1(tables: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Macro-F1 of tables given × read (last two axes): the mean over the labels `asked` for, 0 where one is never right. Labels that
    nobody gave are not asked for, so that a method that knows them (the lexicon's "neutral") is not the worse for it."""
    right = np.diagonal(tables, axis1=-2, axis2=-1)
    either = tables.sum(axis=-1) + tables.sum(axis=-2)
    f1 = np.divide(2 * right, either, out=np.zeros_like(right, dtype=float), where=either > 0)
    return f1[..., asked].mean(axis=-1)


def _kappa(table: np.ndarray) -> float:
    n = table.sum()
    chance = float(table.sum(axis=1) @ table.sum(axis=0)) / n**2
    return float((np.trace(table) / n - chance) / (1 - chance)) if chance < 1 else float("nan")


def _drawn(cells: np.ndarray, random_state: int) -> np.ndarray:
    """Tables of as many texts, drawn with replacement: the bootstrap of texts, of which only the combination counts."""
    rng = np.random.default_rng(random_state)
    n = int(cells.sum())
    return rng.multinomial(n, (cells / n).ravel(), size=_DRAWS).reshape(_DRAWS, *cells.shape)


def _agreement_row(method: str, against: str, given: np.ndarray, read: np.ndarray, random_state: int) -> dict[str, Any]:
    row: dict[str, Any] = {"method": method, "against": against, "n": len(given)}
    numbers = ("accuracy", "macro_f1", "kappa", "std_error", "conf_low", "conf_high")
    if not len(given):
        return row | dict.fromkeys(numbers, np.nan) | {"conf_level": _LEVEL, "ece": np.nan}
    cells = _cells(given, read)
    asked = cells.sum(axis=1) > 0
    draws = _macro_f1(_drawn(cells, random_state), asked)
    low, high = np.quantile(draws, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return row | {
        "accuracy": float(np.trace(cells) / len(given)), "macro_f1": float(_macro_f1(cells, asked)), "kappa": _kappa(cells),
        "std_error": float(draws.std(ddof=1)), "conf_low": float(low), "conf_high": float(high), "conf_level": _LEVEL, "ece": np.nan,
    }  # fmt: skip


def _gain(given: np.ndarray, ours: np.ndarray, theirs: np.ndarray, random_state: int) -> tuple[pd.DataFrame, float]:
    """The macro-F1 of ours less that of theirs on the same texts, and the lower 5 % bound."""
    cells = _cells(given, ours, theirs)
    asked = cells.sum(axis=(1, 2)) > 0

    def gained(tables: np.ndarray) -> np.ndarray:
        return _macro_f1(tables.sum(axis=-1), asked) - _macro_f1(tables.sum(axis=-2), asked)

    draws = gained(_drawn(cells, random_state))
    low, high = np.quantile(draws, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    row = {
        "estimate": float(gained(cells)),
        "std_error": float(draws.std(ddof=1)),
        "conf_low": float(low),
        "conf_high": float(high),
    }
    return pd.DataFrame([row | {"conf_level": _LEVEL, "n": len(given), "reason": ""}]), float(low)


def _no_gain(why: str) -> pd.DataFrame:
    numbers = dict.fromkeys(("estimate", "std_error", "conf_low", "conf_high"), np.nan)
    return pd.DataFrame([numbers | {"conf_level": _LEVEL, "n": 0, "reason": why}])


def _confusion(method: str, given: np.ndarray, read: np.ndarray) -> pd.DataFrame:
    cells = _cells(given, read).astype(int)
    rows = [
        {"method": method, "given": label, **dict(zip(LABELS, cells[k], strict=True))} for k, label in enumerate(LABELS)
    ]
    return pd.DataFrame(rows)


def _two(value: float, signed: bool = False) -> str:
    return number_text(value, 2, signed=signed)
