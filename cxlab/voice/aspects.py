"""Is what a comment says about one subject positive or negative? The feeling towards each mention of a theme, by its clause.

"The app is great, but the bill was wrong" is praise of one thing and a complaint about another. The clause that holds a mention is
scored; where it has no word with a feeling ("The food, the staff and the price were great" is cut at its commas), the sentence
around it is, and where that has none either, the mention is neutral. One row is one mention, with its score from −1 to 1; a comment
counts as often as it mentions a theme, so count comments where people are meant.

Where people have coded the feeling towards a few thousand mentions, `fit_aspects` learns from them: the words of the sentence, of the
clause and of the five words on either side, each with its own weight, and the lexicon's scores of both (logistic regression). A
model knows its own field alone: one for restaurants says nothing of bills.

How well: of 1,120 mentions in restaurant reviews and 638 in laptop reviews that people coded (SemEval-2014 task 4, test parts; Pontiki et
al. 2014) the rules read 73% and 62% rightly, and a model trained on the training parts 81% and 73% (benchmarks/voice_aspects.py). Over
all, the rules are no better than the score of the whole sentence; what they add is which subject the feeling is about where there are
several, and there they are right in half the cases only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_matrix, hstack

from cxlab.voice.sentences import clause_spans, sentence_spans
from cxlab.voice.sentiment import LABELS, NEUTRAL, label_of, lexicon_features

ASPECTS = ["text_id", "theme", "start", "end", "clause_start", "clause_end", "score", "label", "scope"]
LEAST_LABELS = 100  # coded mentions to learn from
_NEAR = 5  # words on either side of a mention
_TOKEN = re.compile(r"\w+(?:['’]\w+)*|[!?]+")
Span = tuple[int, int]
Floats = npt.NDArray[np.float64]


def aspect_sentiment(
    texts: Sequence[str] | pd.Series, mentions: pd.DataFrame, *, model: AspectModel | None = None
) -> pd.DataFrame:
    """The feeling towards each mention of `Codebook.assign`: one row a mention, in the order and with the index of `mentions`.

    Columns: text_id, theme, start, end, clause_start, clause_end (the place of the clause in the text), score (−1 to 1), label
    (negative, neutral, positive), scope ("clause" where the clause has a word with a feeling, else "sentence", which was scored then).
    With `model` the score is its probability of positive less that of negative. Raises ValueError where a mention's text is missing.

    >>> said = pd.Series({"k1": "The app is great, but the bill was wrong and I am angry"})
    >>> mentions = pd.DataFrame({"text_id": "k1", "theme": ["app", "bill"], "start": [4, 26], "end": [7, 30]})
    >>> aspect_sentiment(said, mentions)[["theme", "label", "scope"]].to_numpy().tolist()
    [['app', 'positive', 'clause'], ['bill', 'negative', 'clause']]
    """
    series = texts if isinstance(texts, pd.Series) else pd.Series(list(texts), dtype=object)
    if not series.index.is_unique:
        raise ValueError("two texts have the same index label; give each comment one of its own, as `assign` was given")
    places = series.index.get_indexer(pd.Index(mentions["text_id"]))
    if (places < 0).any():
        missing = mentions["text_id"].iloc[int(np.argmax(places < 0))]
        raise ValueError(f"there is no text `{missing}`; give the texts that the mentions were found in")
    said = series.to_numpy(dtype=object)[places].tolist()
    spans = list(zip(mentions["start"].tolist(), mentions["end"].tolist(), strict=True))
    around = _surroundings(said, spans, mentions["text_id"].tolist())
    polar = around.polar
    if model is None:
        score = np.where(polar, around.clause_scores[:, 0], around.sentence_scores[:, 0])
        label = label_of(pd.Series(score, index=mentions.index))
    else:
        chances = model.chances(around)
        score = chances[:, LABELS.index("positive")] - chances[:, LABELS.index("negative")]
        label = pd.Series(np.array(LABELS, dtype=object)[chances.argmax(axis=1)], index=mentions.index)
    return mentions[["text_id", "theme", "start", "end"]].assign(
        clause_start=np.array([start for start, _ in around.clauses], dtype=np.int64),
        clause_end=np.array([end for _, end in around.clauses], dtype=np.int64),
        score=score,
        label=label,
        scope=np.where(polar, "clause", "sentence").astype(object),
    )[ASPECTS]


def fit_aspects(texts: Sequence[str] | pd.Series, spans: Sequence[Span], labels: Sequence[str | None]) -> AspectModel:
    """Learn the feeling towards mentions from people's codes: one row a mention, its text, its place (start, end), its label.

    Mentions without a label are left out. Labels count by the root of their rarity, so that rare ones are not overlooked. The same
    input gives the same model. Raises ValueError for a label that is none of negative, neutral and positive, a place outside its
    text, and fewer than a hundred labels or a single one throughout.
    """
    said, places, coded = list(texts), list(spans), list(labels)
    if not len(said) == len(places) == len(coded):
        raise ValueError(f"texts, spans and labels go together; there are {len(said)}, {len(places)} and {len(coded)}")
    known = [row for row, label in enumerate(coded) if not (label is None or label != label)]
    if unknown := [row for row in known if coded[row] not in LABELS]:
        raise ValueError(f"row {unknown[0]}: `{coded[unknown[0]]}` is no label; known: {', '.join(LABELS)}")
    if len(known) < LEAST_LABELS:
        raise ValueError(f"{LEAST_LABELS} coded mentions are needed to learn from, there are {len(known)}")
    y = np.array([coded[row] for row in known], dtype=object)
    counts = pd.Series(y).value_counts()
    if len(counts) < 2:
        raise ValueError(f"every mention is {counts.index[0]}; there is nothing to learn")
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    around = _surroundings([said[row] for row in known], [places[row] for row in known], known)
    blocks, words = [], []
    for view in _views(around):
        vectors = TfidfVectorizer(analyzer=_as_they_are, sublinear_tf=True)
        blocks.append(vectors.fit_transform(view))
        words.append(vectors)
    matrix = hstack([*blocks, csr_matrix(_scores(around))]).tocsr()
    rarity = np.sqrt(len(y) / (len(counts) * counts.loc[y].to_numpy(dtype=float)))
    fitted = LogisticRegression(C=2.0, max_iter=400, tol=1e-3).fit(matrix, y, sample_weight=rarity)
    return AspectModel(tuple(words), fitted, len(known))


@dataclass(frozen=True)
class AspectModel:
    """What `fit_aspects` learned from `n` coded mentions."""

    words: tuple[Any, ...]
    fitted: Any
    n: int

    def predict(self, texts: Sequence[str] | pd.Series, spans: Sequence[Span]) -> np.ndarray:
        """The label of each mention: its text and its place in it, one row a mention."""
        return np.array(LABELS, dtype=object)[self.predict_proba(texts, spans).argmax(axis=1)]

    def predict_proba(self, texts: Sequence[str] | pd.Series, spans: Sequence[Span]) -> Floats:
        """The chances of negative, neutral and positive, one row a mention. They are not calibrated."""
        said, places = list(texts), list(spans)
        return self.chances(_surroundings(said, places, range(len(said))))

    def chances(self, around: Surroundings) -> Floats:
        made = np.zeros((len(around.clauses), len(LABELS)))
        if len(made):
            blocks = [vectors.transform(view) for vectors, view in zip(self.words, _views(around), strict=True)]
            matrix = hstack([*blocks, csr_matrix(_scores(around))]).tocsr()
            made[:, [LABELS.index(label) for label in self.fitted.classes_]] = self.fitted.predict_proba(matrix)
        return made


# ------------------------------------------------------------------------------------------------------------ surroundings


@dataclass(frozen=True)
class Surroundings:
    """What stands around each mention: the clause's place, the words of sentence, clause and neighbourhood, and the lexicon's scores
    (compound, neg, neu, pos) of clause and sentence."""

    clauses: list[Span]
    sentence_texts: list[str]
    clause_texts: list[str]
    near: list[list[str]]
    sentence_scores: Floats
    clause_scores: Floats

    @property
    def polar(self) -> npt.NDArray[np.bool_]:
        """Where the clause has a word with a feeling."""
        return np.asarray(self.clause_scores[:, 1] + self.clause_scores[:, 3] > 0)


def _surroundings(texts: Sequence[Any], spans: Sequence[Span], names: Sequence[Any]) -> Surroundings:
    if len(texts) != len(spans):
        raise ValueError(f"texts and spans go together; there are {len(texts)} and {len(spans)}")
    cut: dict[str, tuple[list[Span], list[Span]]] = {}
    clauses: list[Span] = []
    sentence_texts, clause_texts, near = [], [], []
    for text, (start, end), name in zip(texts, spans, names, strict=True):
        if not isinstance(text, str):
            what = "missing" if text is None or text != text else f"{text!r}, not text"
            raise ValueError(f"text `{name}` is {what}; leave out its mentions")
        if not 0 <= start < end <= len(text):
            raise ValueError(f"text `{name}`: {start} to {end} is no place in its {len(text)} signs")
        if text not in cut:
            cut[text] = (clause_spans(text), sentence_spans(text))
        clause, sentence = (_around(parts, (start, end)) for parts in cut[text])
        clauses.append(clause)
        clause_texts.append(text[clause[0] : clause[1]])
        sentence_texts.append(text[sentence[0] : sentence[1]])
        before, after = _tokens(text[sentence[0] : start]), _tokens(text[end : sentence[1]])
        near.append([*before[-_NEAR:], "\x00", *after[:_NEAR]])
    return Surroundings(clauses, sentence_texts, clause_texts, near, _scored(sentence_texts), _scored(clause_texts))


def _around(parts: Sequence[Span], place: Span) -> Span:
    """From the first to the last part that a place lies in, and all of the place."""
    inside = [part for part in parts if part[0] < place[1] and place[0] < part[1]]
    return (min(inside[0][0], place[0]), max(inside[-1][1], place[1])) if inside else place


def _scored(texts: Sequence[str]) -> Floats:
    """compound, neg, neu, pos of each text; the same text is scored once."""
    if not texts:
        return np.empty((0, 4))
    codes, distinct = pd.factorize(np.array(texts, dtype=object))
    return np.asarray(lexicon_features(list(distinct)), dtype=float)[codes]


# ---------------------------------------------------------------------------------------------------------------- features


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(text.lower())


def _views(around: Surroundings) -> list[list[list[str]]]:
    """The words and pairs of words of each mention's sentence, clause and neighbourhood."""
    return [
        [_with_pairs(_tokens(text)) for text in around.sentence_texts],
        [_with_pairs(_tokens(text)) for text in around.clause_texts],
        [_with_pairs(words) for words in around.near],
    ]


def _with_pairs(words: list[str]) -> list[str]:
    return [*words, *(f"{one} {two}" for one, two in pairwise(words))]


def _as_they_are(words: list[str]) -> list[str]:
    return words


def _scores(around: Surroundings) -> Floats:
    """The lexicon's scores of sentence and clause, of the one that counts, and whether the clause has a feeling and which."""
    clause, polar = around.clause_scores[:, 0], around.polar
    counts = np.where(polar, clause, around.sentence_scores[:, 0])
    sign = np.sign(clause) * (np.abs(clause) >= NEUTRAL)
    return np.column_stack([around.sentence_scores, around.clause_scores, counts, sign, polar])
