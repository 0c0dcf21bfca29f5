"""Is a comment positive or negative? A rule-based score that needs no download and no label, with negated problems read rightly.

The score is VADER's compound (Hutto & Gilbert 2014, −1 to 1; `lexicon`) after one repair (`negation`): "no problems at all" and
"hassle-free" are praise, "nothing but problems" and "no reply to my complaint" are not. One row is a text, or a sentence of one; a
missing text has no score. The score says how strong the words are, not how many customers feel so, and a list of words knows no irony
and no domain: `agreement` says how far it agrees with people who read the comments or with the ratings that they gave themselves, and
that belongs beside every share made from it. Where a study has labels or ratings, `classifier.calibrate_sentiment` asks whether a
model trained on them does better.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pandas as pd

from cxlab.voice.lexicon import Lexicon
from cxlab.voice.negation import VALENCES, repaired
from cxlab.voice.sentences import sentences

LABELS = ("negative", "neutral", "positive")
NEUTRAL = 0.05  # compound scores closer to 0 are neutral
FEATURES = ("compound", "neg", "neu", "pos")


@lru_cache(maxsize=1)
def english() -> Lexicon:
    """VADER's list and rules with two words of our own, which `repaired` writes."""
    return Lexicon.vader(VALENCES)


def lexicon_features(texts: Sequence[str], *, lexicon: Lexicon | None = None) -> np.ndarray:
    """One row a text: compound (−1 to 1), and the shares of negative, neutral and positive words (neg, neu, pos)."""
    if lexicon is not None:
        return lexicon.table(texts)
    return english().table([repaired(text) for text in texts])


def lexicon_sentiment(texts: Sequence[str] | pd.Series, *, lexicon: Lexicon | None = None) -> pd.DataFrame:
    """One row a text, indexed like the input: score (−1 to 1), label (negative, neutral, positive; cut at ±0.05).

    A missing text has no score. lexicon: another language's list (`Lexicon.from_toml`); its texts are scored as they are, without
    the repair, which is English.

    >>> lexicon_sentiment(["Great, no problems at all", "It was awful"])["label"].tolist()
    ['positive', 'negative']
    """
    series = texts if isinstance(texts, pd.Series) else pd.Series(list(texts), dtype=object)
    there = series.notna().to_numpy()
    score = pd.Series(np.nan, index=series.index)
    score[there] = lexicon_features([str(text) for text in series[there]], lexicon=lexicon)[:, 0]
    return pd.DataFrame({"score": score, "label": label_of(score)})


def sentence_sentiment(texts: Sequence[str] | pd.Series, *, lexicon: Lexicon | None = None) -> pd.DataFrame:
    """One row a sentence: text_id (index label), sentence (from 0 within its text), start, end (its place in the text), score, label.

    >>> sentence_sentiment(["The app is great. The bill was wrong, I am angry."])[["start", "end", "label"]].values.tolist()
    [[0, 17, 'positive'], [18, 49, 'negative']]
    """
    table = sentences(texts)
    found = lexicon_sentiment(table["text"], lexicon=lexicon)
    return table.drop(columns="text").assign(score=found["score"], label=found["label"])


def label_of(score: pd.Series) -> pd.Series:
    """The label of each score; missing where there is none."""
    made = np.where(score >= NEUTRAL, LABELS[2], np.where(score <= -NEUTRAL, LABELS[0], LABELS[1]))
    return pd.Series(made, index=score.index, dtype=object).where(score.notna(), None)


def labels_of_ratings(ratings: pd.Series, scale: tuple[float, float]) -> pd.Series:
    """What a rating says: the lower third of its scale negative, the upper third positive, the middle neutral."""
    place = (ratings - scale[0]) / (scale[1] - scale[0])
    made = np.where(place <= 1 / 3, LABELS[0], np.where(place >= 2 / 3, LABELS[2], LABELS[1]))
    return pd.Series(made, index=ratings.index, dtype=object).where(ratings.notna(), None)


def agreement(labels: pd.Series, reference: pd.Series) -> dict[str, float]:
    """How far two labellings of the same texts agree: n, accuracy, macro_f1, kappa (Cohen). NaN below 30 texts."""
    both = pd.DataFrame({"a": labels, "b": reference}).dropna()
    if len(both) < 30 or both["b"].nunique() < 2:
        return {"n": float(len(both)), "accuracy": np.nan, "macro_f1": np.nan, "kappa": np.nan}
    from sklearn.metrics import cohen_kappa_score, f1_score

    return {
        "n": float(len(both)),
        "accuracy": float((both["a"] == both["b"]).mean()),
        "macro_f1": float(f1_score(both["b"], both["a"], average="macro", labels=list(LABELS), zero_division=0.0)),
        "kappa": float(cohen_kappa_score(both["b"], both["a"])),
    }
