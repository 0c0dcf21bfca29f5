"""Which numbers stand for a text, when a model learns what it says: words, pairs of words, pieces of words, and the lexicon's view.

One row is a text. Three blocks of columns: words and pairs of neighbouring words (tf-idf, 1 + log tf, in at least two texts; "!", "?"
and emoticons are words), pieces of two to five letters of each word with a blank at its ends (tf-idf, in at least three texts, the 60,000
most frequent), and the lexicon's features times 0.7: compound and its square, shares of negative, neutral and positive words, whether
compound is beyond ±0.05, numbers of "!", "?" and of words in capitals (log). Each block of tf-idf has length 1. Handles and links are
one word each, whoever or wherever they are.

Pieces are counted once for each distinct word: pieces never cross a blank, so the counts of a text are (texts × distinct words) times
(distinct words × pieces), the same matrix as scikit-learn's `char_wb` at a fraction of the time. Rows do not depend on what other texts
are looked at together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain, repeat

import numpy as np
from scipy import sparse

from cxlab.voice.lexicon import Lexicon
from cxlab.voice.sentiment import NEUTRAL, lexicon_features

LEXICON_WEIGHT = 0.7
PIECES = (2, 5)
_MOST_PIECES = 60_000
_MOST_KEPT = 100_000  # distinct words whose pieces are kept in mind; then it starts anew, so that memory stays flat
_TOKEN = re.compile(r"\0|\w+(?:'\w+)*|[!?]+|[:;=]['^-]?[)(dp/|]+|<3|[\u2600-\u27bf\U0001f300-\U0001faff]")
_HANDLE = re.compile(r"(?<![\w@])@\w+")
_LINK = re.compile(r"(?:https?://|www\.)\S+")
_CAPITALS = re.compile(r"(?<![\w\[])[A-Z][A-Z'’]*[A-Z](?![\w\]])")


def plain(text: str) -> str:
    """A text in which every handle is [HANDLE] and every link [URL], as masking leaves them.

    >>> plain("@acme see https://acme.example/1")
    '[HANDLE] see [URL]'
    """
    if "@" in text:
        text = _HANDLE.sub("[HANDLE]", text)
    return _LINK.sub("[URL]", text) if "http" in text or "www." in text else text


class TextFeatures:
    """The columns that stand for texts: learned by `fit_transform`, made by `transform`."""

    def __init__(self, *, lexicon: Lexicon | None = None) -> None:
        self.lexicon = lexicon

    def fit_transform(self, texts: Sequence[str], lexical: np.ndarray | None = None) -> sparse.csr_array:
        """Learn words, pairs and pieces from the texts, and give their rows."""
        self._words, self._pairs, words = _learn_words(texts)
        self._pieces, pieces = _learn_pieces(texts)
        self._word_idf, self._piece_idf = _idf(words), _idf(pieces)
        self._kept: dict[str, np.ndarray] = {}
        return _side_by_side(self._weighed(words, pieces, texts, lexical))

    def transform(self, texts: Sequence[str], lexical: np.ndarray | None = None) -> sparse.csr_array:
        """The rows of texts. lexical: their `lexicon_features`, where they are known already."""
        return _side_by_side(self.blocks(texts, lexical))

    def blocks(self, texts: Sequence[str], lexical: np.ndarray | None = None) -> list[sparse.csr_array]:
        """The rows of texts in their three blocks of columns, from left to right."""
        counts = _count_words(texts, self._words, self._pairs), self._count_pieces(texts)
        return self._weighed(*counts, texts, lexical)

    def _weighed(
        self, words: sparse.csr_array, pieces: sparse.csr_array, texts: Sequence[str], lexical: np.ndarray | None
    ) -> list[sparse.csr_array]:
        told = sparse.csr_array(self._told(texts, lexical) * LEXICON_WEIGHT)
        return [_weighted(words, self._word_idf), _weighted(pieces, self._piece_idf), told]

    def _told(self, texts: Sequence[str], lexical: np.ndarray | None) -> np.ndarray:
        if lexical is None:
            lexical = lexicon_features(texts, lexicon=self.lexicon)
        compound = lexical[:, 0]
        counts = [(text.count("!"), text.count("?"), len(_CAPITALS.findall(text))) for text in texts]
        return np.column_stack(
            [
                lexical,
                compound**2,
                compound >= NEUTRAL,
                compound <= -NEUTRAL,
                np.log1p(np.array(counts, float).reshape(-1, 3)),
            ]
        )

    def _count_pieces(self, texts: Sequence[str]) -> sparse.csr_array:
        if len(self._kept) > _MOST_KEPT:
            self._kept.clear()  # flat memory, however many texts are streamed through
        place: dict[str, int] = {}
        which = [[place.setdefault(word, len(place)) for word in text.lower().split()] for text in texts]
        kept, look_up = self._kept, self._pieces.get
        rows = []
        for word in place:
            found = kept.get(word)
            if found is None:
                ids = [look_up(piece, -1) for piece in _pieces_of(word)]
                kept[word] = found = np.array([each for each in ids if each >= 0], dtype=np.int32)
            rows.append(found)
        return _texts_by_words(which, len(place)) @ _rows_of(rows, len(self._pieces))

    def __getstate__(self) -> dict[str, object]:
        return {key: value for key, value in self.__dict__.items() if key != "_kept"}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._kept = {}


def _side_by_side(blocks: Sequence[sparse.csr_array]) -> sparse.csr_array:
    made = sparse.hstack(blocks, format="csr")
    made.indices, made.indptr = made.indices.astype(np.int32), made.indptr.astype(np.int32)
    return made


def _pieces_of(word: str) -> list[str]:
    padded = f" {word} "
    least, most = PIECES
    return [
        padded[begin : begin + size]
        for size in range(least, min(most, len(padded)) + 1)
        for begin in range(len(padded) - size + 1)
    ]


def _learn_pieces(texts: Sequence[str]) -> tuple[dict[str, int], sparse.csr_array]:
    place: dict[str, int] = {}
    which = [[place.setdefault(word, len(place)) for word in text.lower().split()] for text in texts]
    names: dict[str, int] = {}
    rows = [np.array([names.setdefault(piece, len(names)) for piece in _pieces_of(word)], np.int32) for word in place]
    counts = _texts_by_words(which, len(place)) @ _rows_of(rows, len(names))
    frequency = np.bincount(counts.indices, minlength=len(names))
    spellings = np.array(list(names), dtype=object)
    total = np.bincount(counts.indices, weights=counts.data, minlength=len(names))
    wanted = np.flatnonzero(frequency >= 3)
    order = sorted(wanted.tolist(), key=lambda each: (-total[each], spellings[each]))[:_MOST_PIECES]
    keep = np.array(sorted(order, key=lambda each: spellings[each]), dtype=np.int64)
    return {spellings[each]: column for column, each in enumerate(keep)}, counts[:, keep]


def _texts_by_words(which: Sequence[Sequence[int]], n_words: int) -> sparse.csr_array:
    ends = np.cumsum([0, *map(len, which)])
    columns = np.array(list(chain.from_iterable(which)), dtype=np.int32)
    return sparse.csr_array((np.ones(len(columns)), columns, ends), shape=(len(which), n_words))


def _rows_of(rows: Sequence[np.ndarray], n_columns: int) -> sparse.csr_array:
    ends = np.cumsum([0, *map(len, rows)])
    columns = np.concatenate(rows) if rows else np.zeros(0, np.int32)
    return sparse.csr_array((np.ones(len(columns)), columns, ends), shape=(len(rows), n_columns))


def _tokens(texts: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """The words of all texts in a row, in small letters, and in which text each stands."""
    joined = "\0".join(text.replace("\0", " ") for text in texts).lower().replace("’", "'")
    found = _TOKEN.findall(joined)
    ends = np.array([token == "\0" for token in found], dtype=bool)
    return [token for token in found if token != "\0"], np.cumsum(ends)[~ends]


def _learn_words(texts: Sequence[str]) -> tuple[dict[str, int], np.ndarray, sparse.csr_array]:
    """Words and pairs (place of the first × number of words + place of the second) that at least two texts have, and their counts."""
    tokens, which = _tokens(texts)
    all_words = {word: place for place, word in enumerate(sorted(set(tokens)))}
    code = np.array([all_words[token] for token in tokens], dtype=np.int64)
    frequency = np.bincount(_once(code, which, len(texts)), minlength=len(all_words))
    kept = [word for word, n in zip(all_words, frequency, strict=True) if n >= 2]
    words = {word: place for place, word in enumerate(kept)}
    place = np.array([words.get(token, -1) for token in tokens], dtype=np.int64)
    pair, of = _neighbours(place, which, len(words))
    codes, n = np.unique(_once(pair, of, len(texts)), return_counts=True)
    pairs = codes[n >= 2]
    return words, pairs, _counted(place, which, pairs, len(words), len(texts))


def _once(code: np.ndarray, which: np.ndarray, n_texts: int) -> np.ndarray:
    """Each code once for each text that it is in."""
    return np.unique(code * n_texts + which) // max(n_texts, 1)


def _count_words(texts: Sequence[str], words: dict[str, int], pairs: np.ndarray) -> sparse.csr_array:
    tokens, which = _tokens(texts)
    place = np.array(list(map(words.get, tokens, repeat(-1))), dtype=np.int64)
    return _counted(place, which, pairs, len(words), len(texts))


def _counted(place: np.ndarray, which: np.ndarray, pairs: np.ndarray, n_words: int, n_texts: int) -> sparse.csr_array:
    pair, of = _neighbours(place, which, n_words)
    at = np.minimum(np.searchsorted(pairs, pair), max(len(pairs) - 1, 0))
    known = pairs[at] == pair if len(pairs) else np.zeros(len(pair), dtype=bool)
    rows = np.concatenate([which[place >= 0], of[known]])
    columns = np.concatenate([place[place >= 0], at[known] + n_words])
    return sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=(n_texts, n_words + len(pairs))).tocsr()


def _neighbours(place: np.ndarray, which: np.ndarray, n_words: int) -> tuple[np.ndarray, np.ndarray]:
    both = (place[:-1] >= 0) & (place[1:] >= 0) & (which[:-1] == which[1:])
    return (place[:-1] * n_words + place[1:])[both], which[1:][both]


def _idf(counts: sparse.csr_array) -> np.ndarray:
    frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    return 1 + np.log((1 + counts.shape[0]) / (1 + frequency))


def _weighted(counts: sparse.csr_array, idf: np.ndarray) -> sparse.csr_array:
    """(1 + log tf) × idf, each row of length 1."""
    counts.data = (1 + np.log(counts.data)) * idf[counts.indices]
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    length = np.sqrt(np.bincount(rows, weights=counts.data**2, minlength=counts.shape[0]))
    counts.data /= length[rows]
    return counts
