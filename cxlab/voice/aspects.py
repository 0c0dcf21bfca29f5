"""Is what a comment says about one subject positive or negative? The feeling towards each mention of a theme, by its clause.

"The app is great, but the bill was wrong" is praise of one thing and a complaint about another. The clause that holds the mention is
scored; where it has no word with a feeling ("The food, the staff and the price were great" is cut at its commas), the sentence around it
is. Where that has none either, the mention is neutral. One row is one mention, so a comment counts as often as it mentions a theme.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cxlab.voice.sentences import clause_spans, sentence_spans
from cxlab.voice.sentiment import label_of, lexicon_features

ASPECTS = ["text_id", "theme", "start", "end", "clause_start", "clause_end", "score", "label", "scope"]
Span = tuple[int, int]


def aspect_sentiment(texts: Sequence[str] | pd.Series, mentions: pd.DataFrame, *, model: None = None) -> pd.DataFrame:
    """The feeling towards each mention: one row a mention of `Codebook.assign`, in the order and with the index of `mentions`."""
    series = texts if isinstance(texts, pd.Series) else pd.Series(list(texts), dtype=object)
    said = [str(text) for text in series.loc[mentions["text_id"]]]
    places = list(zip(mentions["start"].tolist(), mentions["end"].tolist(), strict=True))
    clauses = [_around(clause_spans(text), place) for text, place in zip(said, places, strict=True)]
    whole = [_around(sentence_spans(text), place) for text, place in zip(said, places, strict=True)]
    clause = _scored([text[start:end] for text, (start, end) in zip(said, clauses, strict=True)])
    sentence = _scored([text[start:end] for text, (start, end) in zip(said, whole, strict=True)])
    polar = clause[:, 1] + clause[:, 3] > 0
    score = pd.Series(np.where(polar, clause[:, 0], sentence[:, 0]), index=mentions.index)
    return mentions[["text_id", "theme", "start", "end"]].assign(
        clause_start=[start for start, _ in clauses],
        clause_end=[end for _, end in clauses],
        score=score,
        label=label_of(score),
        scope=np.where(polar, "clause", "sentence"),
    )[ASPECTS]


def _around(parts: Sequence[Span], place: Span) -> Span:
    """From the first to the last part that a place lies in; the place itself where it lies in none."""
    inside = [part for part in parts if part[0] < place[1] and place[0] < part[1]]
    return (min(inside[0][0], place[0]), max(inside[-1][1], place[1])) if inside else place


def _scored(texts: Sequence[str]) -> np.ndarray:
    """compound, neg, neu, pos of each text; the same text is scored once."""
    if not texts:
        return np.empty((0, 4))
    codes, distinct = pd.factorize(np.array(texts, dtype=object))
    return lexicon_features(list(distinct))[codes]
