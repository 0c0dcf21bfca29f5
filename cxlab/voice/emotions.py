"""What do customers feel? Eight emotions of a comment, from a linear model that comes with cxlab.

One row of `emotions` is one text. Several emotions may be called, or none. `<name>_score` lies between 0 and 1 and says how near
a text is to the line: above a half exactly where the emotion is called. It is no probability, and it is not how strongly somebody
feels. A missing text is missing; a text without a single word that the model knows is called nothing and has no score, not even
"neutral": count it as not scored.

The eight groups gather the 28 labels of GoEmotions (Demszky et al. 2020, Google Research, CC BY 4.0), on whose comments the
model was trained: English, written on Reddit, read by paid raters. It knows no irony and nothing of any other language (see
`languages`), and customers write otherwise than people on Reddit do. How well it does, group by group and also on tweets to
airlines, stands in models/emotions.md; to train it again: `python -m cxlab.voice.train_emotions`.

The model: words and pairs of neighbouring words, weighted tf-idf (1 + log tf), rows of length 1; for each emotion a logistic
regression of them. Masked data ("[NAME]") is no word.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

GROUPS: dict[str, tuple[str, ...]] = {
    "frustration": ("anger", "annoyance", "disapproval", "disgust"),
    "disappointment": ("disappointment", "sadness", "grief", "remorse", "embarrassment"),
    "worry": ("fear", "nervousness"),
    "confusion": ("confusion", "curiosity"),
    "surprise": ("surprise", "realization"),
    "gratitude": ("gratitude", "relief", "caring"),
    "delight": ("joy", "admiration", "love", "excitement", "amusement", "pride", "optimism", "approval", "desire"),
    "neutral": ("neutral",),
}
"""Each emotion with the labels of GoEmotions that it gathers, in the order of the columns."""
EMOTIONS = tuple(GROUPS)
FORMAT = 1
_SHIPPED = "emotions.npz"
_LARGEST = 65_535  # in 16 bits
_TOKEN = re.compile(r"\0|\[[a-z]+\]|\w+(?:'\w+)*|[!?]{1,3}")
_CHUNK = 20_000  # texts that are looked at together


def emotions(texts: Sequence[str] | pd.Series) -> pd.DataFrame:
    """One row a text, indexed like the input: eight columns true or false, then eight `<name>_score` (0 to 1).

    The columns are `bool`, or `boolean` with missing values where a text is missing.

    >>> found = emotions(["Thank you so much for your help!", "I am so angry, this is ridiculous"])
    >>> found["gratitude"].tolist(), found["frustration"].tolist()
    ([True, False], [False, True])
    """
    series = texts if isinstance(texts, pd.Series) else pd.Series(list(texts), dtype=object)
    there = series.notna().to_numpy()
    score = np.full((len(series), len(EMOTIONS)), np.nan)
    score[there] = shipped().scores(series[there])
    with np.errstate(invalid="ignore"):
        called = score > 0.5
    table = pd.DataFrame(called, columns=list(EMOTIONS), index=series.index)
    if not there.all():
        table = table.astype("boolean")
        table.loc[~there, :] = pd.NA
    for k, name in enumerate(EMOTIONS):
        table[f"{name}_score"] = score[:, k]
    return table


def emotion_of(texts: Sequence[str] | pd.Series) -> pd.Series:
    """The emotion of each text that is called with the highest score; one that is felt goes before "neutral". Missing where
    none is called.

    >>> emotion_of(["Thanks a lot!", None]).tolist()
    ['gratitude', None]
    """
    table = emotions(texts)
    score = table[[f"{name}_score" for name in EMOTIONS]].to_numpy(dtype=float)
    felt = np.where(score > 0.5, score, 0.0)  # NaN is not above a half
    felt[:, EMOTIONS.index("neutral")] *= 1e-6
    named = np.array(EMOTIONS, dtype=object)[felt.argmax(axis=1)]
    return pd.Series(np.where(felt.max(axis=1) > 0, named, None), index=table.index, dtype=object)


@dataclass(frozen=True)
class EmotionModel:
    """A linear model of emotions: what stands in the file.

    `words` and `pairs` (two places in `words`, ascending) are the terms, `frequency` in how many of `documents` comments each
    was; `coef` has one row an emotion and one column a term. An emotion is called where coef · x + intercept > cut.
    """

    words: tuple[str, ...]
    pairs: np.ndarray
    frequency: np.ndarray
    documents: int
    coef: np.ndarray
    intercept: np.ndarray
    cut: np.ndarray

    @classmethod
    def load(cls, path: Path | str) -> EmotionModel:
        """Read a model. No object is unpickled. ValueError names what does not fit."""
        where = Path(path).name
        try:
            with np.load(path, allow_pickle=False) as stored:
                found = {key: stored[key] for key in stored.files}
        except FileNotFoundError:
            raise ValueError(f"there is no model {where}; it comes with cxlab: install it again") from None
        except (ValueError, zipfile.BadZipFile) as error:
            raise ValueError(f"{where} is no model of emotions: {error}") from None
        keys = {"format", "names", "words", "pairs", "frequency", "documents", "coef", "intercept", "cut"}
        if lacking := sorted(keys - found.keys()):
            raise ValueError(f"{where} is no model of emotions: it lacks `{lacking[0]}`")
        if (version := int(found["format"])) != FORMAT:
            raise ValueError(
                f"{where} has format {version}, this cxlab reads {FORMAT}; train it again (train_emotions)"
            )
        if (names := tuple(str(name) for name in found["names"])) != EMOTIONS:
            raise ValueError(f"{where} is about {', '.join(names)}; it must be about {', '.join(EMOTIONS)}")
        words = tuple(json.loads(found["words"].tobytes()))
        terms, k = len(words) + len(found["pairs"]), len(EMOTIONS)
        wanted = {
            "pairs": (len(found["pairs"]), 2), "frequency": (terms,), "coef": (k, terms), "intercept": (k,), "cut": (k,),
        }  # fmt: skip
        for key, shape in wanted.items():
            if found[key].shape != shape:
                raise ValueError(f"{where}: `{key}` has the shape {found[key].shape}, it must be {shape}")
            if not np.isfinite(found[key]).all():
                raise ValueError(f"{where}: `{key}` holds what is no number")
        if len(found["pairs"]) and int(found["pairs"].max()) >= len(words):
            raise ValueError(f"{where}: `pairs` names a word that is not in `words`")
        return cls(
            words=words, pairs=found["pairs"].astype(np.int64), frequency=found["frequency"].astype(float),
            documents=int(found["documents"]), coef=found["coef"].astype(float), intercept=found["intercept"].astype(float),
            cut=found["cut"].astype(float),
        )  # fmt: skip

    def save(self, path: Path | str) -> None:
        """Write the model: plain arrays, not compressed, so that the same model is the same bytes everywhere."""
        if max(len(self.words), int(self.frequency.max(initial=0))) > _LARGEST:
            raise ValueError(
                f"the format numbers words and comments up to {_LARGEST:,}, this model has more; leave some out"
            )
        text = json.dumps(list(self.words), ensure_ascii=False, separators=(",", ":")).encode()
        np.savez(
            path, format=np.int64(FORMAT), names=np.array(EMOTIONS), words=np.frombuffer(text, np.uint8),
            pairs=self.pairs.astype(np.uint16), frequency=self.frequency.astype(np.uint16), documents=np.int64(self.documents),
            coef=self.coef.astype(np.float16), intercept=self.intercept, cut=self.cut,
        )  # fmt: skip

    def scores(self, texts: Iterable[str]) -> np.ndarray:
        """One row a text and one column an emotion: 1 / (1 + exp(cut − coef · x − intercept)). NaN where no term is known."""
        texts = list(texts)
        made = np.full((len(texts), len(self.cut)), np.nan)
        for begin in range(0, len(texts), _CHUNK):
            x = self.weighted(texts[begin : begin + _CHUNK])
            z = x @ self.coef.T + (self.intercept - self.cut)
            z[np.diff(x.indptr) == 0] = np.nan
            made[begin : begin + _CHUNK] = 1 / (1 + np.exp(-z))
        return made

    def weighted(self, texts: Sequence[str]) -> sparse.csr_array:
        """tf-idf of the terms in each text: (1 + log tf)(1 + log((1 + documents)/(1 + frequency))), rows of length 1."""
        x = term_counts(texts, self._places, self._codes)
        x.data = 1 + np.log(x.data)
        x.data *= self._idf[x.indices]
        rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
        length = np.sqrt(np.bincount(rows, weights=x.data**2, minlength=x.shape[0]))
        x.data /= length[rows]
        return x

    @cached_property
    def _places(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.words)}

    @cached_property
    def _codes(self) -> np.ndarray:
        return self.pairs[:, 0] * len(self.words) + self.pairs[:, 1]

    @cached_property
    def _idf(self) -> np.ndarray:
        return 1 + np.log((1 + self.documents) / (1 + self.frequency))


@lru_cache(maxsize=1)
def shipped() -> EmotionModel:
    """The model that comes with cxlab."""
    return EmotionModel.load(Path(str(files("cxlab.voice").joinpath("models", _SHIPPED))))


def tokens(texts: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """The words of all texts in a row, in small letters, and in which text each stands. "!" and "?" are words."""
    ends = "\0".join(text.replace("\0", " ") for text in texts).lower().replace("’", "'")
    found = _TOKEN.findall(ends)
    marks = np.fromiter((token == "\0" for token in found), dtype=bool, count=len(found))
    which = np.cumsum(marks)
    return [token for token in found if token != "\0"], which[~marks]


def term_counts(texts: Sequence[str], places: dict[str, int], codes: np.ndarray) -> sparse.csr_array:
    """How often each term is in each text: words first (their places), then pairs of neighbours (their codes, ascending:
    place of the first × number of words + place of the second)."""
    words, which = tokens(texts)
    look_up = places.get
    place = np.fromiter((look_up(word, -1) for word in words), dtype=np.int64, count=len(words))
    code, of = neighbours(place, which, len(places))
    at = np.searchsorted(codes, code) if len(codes) else np.zeros(len(code), dtype=np.int64)
    known = codes[np.minimum(at, len(codes) - 1)] == code if len(codes) else np.zeros(len(code), dtype=bool)
    rows = np.concatenate([which[place >= 0], of[known]])
    columns = np.concatenate([place[place >= 0], at[known] + len(places)])
    made = sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(texts), len(places) + len(codes))).tocsr()
    made.sum_duplicates()
    return made


def neighbours(place: np.ndarray, which: np.ndarray, n_words: int) -> tuple[np.ndarray, np.ndarray]:
    """The codes of two known words that follow each other in one text, and that text."""
    both = (place[:-1] >= 0) & (place[1:] >= 0) & (which[:-1] == which[1:])
    return (place[:-1] * n_words + place[1:])[both], which[1:][both]
