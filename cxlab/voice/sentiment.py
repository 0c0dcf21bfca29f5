"""Is a comment positive or negative? A rule-based score that needs no download, with negated problems read rightly.

The score is VADER's compound (Hutto & Gilbert 2014, −1 to 1) after one repair: "no problems at all" and "hassle-free" are praise,
"nothing but problems" and "no reply to my complaint" are not. A lexicon knows no irony and no domain; `agreement` says how far
it agrees with the ratings that people gave themselves, and that belongs beside every share that is made from it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

LABELS = ("negative", "neutral", "positive")
NEUTRAL = 0.05  # compound scores closer to 0 are neutral
_PROBLEM = (
    r"(?:problem|issue|complaint|hassle|fault|trouble|difficult(?:y|ie)|error|glitch|hiccup|bug|hitch|snag|concern|worr(?:y|ie)"
    r"|drama|fuss|delay|surprise|stress|pain|nonsense|flaw|gripe|queue|wait|disappointment|regret)(?:e?s)?"
)
_FILL = (
    r"(?:(?:any|a|an|single|real|major|big|serious|such|more|further|technical|other|hidden|nasty|of|the|one|slightest"
    r"|significant|whatsoever)\s+){0,3}"
)
_SOLVE = r"(?:solv|fix|resolv|address|sort|handl|deal)\w*"
_PRAISE = re.compile(
    r"\b(?:no|zero|without|free\s+(?:of|from)|never\s+(?:had|have|a|an|any|experienced|encountered|met)"
    r"|(?:not|n['o]?t|didn'?t|haven'?t|hasn'?t|hadn'?t|don'?t|doesn'?t)\s+(?:have|had|has|a|any|one|experienced?|encounter(?:ed)?"
    rf"|see|find|caused?|had\s+an?|had\s+any))\s+{_FILL}{_PROBLEM}\b(?!\s+(?:solv|resol|fix|handl|desk))"
    rf"|\b{_PROBLEM}[ -]free\b"
    r"|\b(?:can(?:no|')?t|cannot|couldn'?t|could\s+not|can\s+not)\s+(?:really\s+|possibly\s+)?(?:complain|fault)\b"
    r"|\bnothing\s+(?:to\s+complain\s+about|went\s+wrong|bad\s+to\s+say|negative\s+to\s+say|to\s+critici[sz]e)\b"
    r"|\bnever\s+(?:let\s+me\s+down|disappoint\w*|failed|fails)\b|\bnot\s+(?:disappointed|bad)\b",
    re.IGNORECASE,
)
_STILL_BAD = re.compile(  # looked for first: the negation governs the repair of the problem, not the problem
    rf"\b(?:not\s+without|no\s+(?:end|shortage|lack)\s+of|nothing\s+but)\s+{_FILL}{_PROBLEM}\b"
    rf"|\b(?:not|never|no\s+one|nobody|\w+n['o]?t|without)\s+(?:\w+\s+){{0,2}}?{_SOLVE}\s+(?:\w+\s+){{0,3}}?{_PROBLEM}\b"
    rf"|\bno\s+(?:help|fix|solution|answer|response|reply|apology|resolution|explanation)\s+(?:\w+\s+){{0,3}}?{_PROBLEM}\b"
    rf"|\b{_PROBLEM}\s+(?:\w+\s+){{0,2}}?(?:not|never|\w+n['o]?t)\s+(?:\w+\s+){{0,2}}?{_SOLVE}",
    re.IGNORECASE,
)
_GOOD, _BAD = "flawlesslyok", "unsolvedbad"


@lru_cache(maxsize=1)
def _analyzer() -> Any:
    """VADER with two words of our own. The lexicon is in the package: nothing is downloaded."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    made = SentimentIntensityAnalyzer()
    made.lexicon |= {_GOOD: 2.2, _BAD: -2.0}
    return made


def repaired(text: str) -> str:
    """A text in which a negated problem is one positive word, and an unsolved one a negative word.

    >>> repaired("No problems at all"), repaired("nothing but problems")
    ('flawlesslyok at all', 'unsolvedbad')
    """
    return _PRAISE.sub(_GOOD, _STILL_BAD.sub(_BAD, text))


def lexicon_sentiment(texts: Sequence[str] | pd.Series) -> pd.DataFrame:
    """One row a text, indexed like the input: score (−1 to 1), label (negative, neutral, positive; cut at ±0.05).

    A missing text has no score. The same text is scored once.

    >>> lexicon_sentiment(["Great, no problems at all", "It was awful"])["label"].tolist()
    ['positive', 'negative']
    """
    series = texts if isinstance(texts, pd.Series) else pd.Series(list(texts), dtype=object)
    analyzer = _analyzer()
    known = {text: analyzer.polarity_scores(repaired(text))["compound"] for text in series.dropna().unique()}
    score = series.map(known).astype(float)
    return pd.DataFrame({"score": score, "label": label_of(score)}, index=series.index)


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
