"""Which words of customers are worth reading aloud under a theme?

A quote is one to three whole sentences of a comment that hold the theme's own words. `quotes` takes first the one that is nearest
to what all comments of the theme say (the centre of their tf-idf vectors), then those that are near and unlike what was taken
(maximal marginal relevance, Carbonell and Goldstein 1998), weighed by how well they read: a sentence that stands on its own, says
"I" or "we" and something definite, of a speakable length, without swearing, shouting and placeholders. One row is one quote.

A theme that fewer than `min_base` people mention is not quoted. Nobody is quoted twice, no comment stands for two themes, and what
two people wrote alike is quoted once. Quotes are masked here, whether or not the texts were; no word of them is altered: what is
left out is left out at the ends, at a sentence or at a mention that opens or closes it.

A quote is an illustration, not evidence: it is chosen because it is typical and readable, which most comments are not.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxlab.data.privacy import REGIONS, Masker
from cxlab.voice.sentences import sentence_spans
from cxlab.voice.sentiment import lexicon_sentiment

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfVectorizer

    from cxlab.voice.sentiment import Lexicon

QUOTES = ["theme", "text_id", "quote", "rank", "feeling", "n"]
SHORTEST = 40
"""Signs that a quote has at least: less says too little to be heard."""
_MOST_TEXTS = 800  # of a theme that are looked at
_NEAREST = 120  # sentences of a theme, nearest to its centre, around which quotes are cut
_CLEAR = 0.2  # score from which on a part is surely of a feeling
_RELEVANCE = 0.7  # against being unlike, in maximal marginal relevance
_ALIKE = 0.6  # cosine from which on two quotes say the same
_PLACEHOLDER = re.compile(r"\[(?:EMAIL|PHONE|CARD|IBAN|ID|URL|IP|HANDLE|NAME|ADDRESS)\]")
_OPENING = re.compile(r"^(?:(?:\[HANDLE\]|\[URL\]|RT\b|via|cc|[:,.…;|/–-]|[^\w\s\"'“‘(\[£$€#@])\s*)+")
_CLOSING = re.compile(r"(?:\s*(?:\[URL\]|\[HANDLE\]|(?<=\s)#\w+))+$")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SWEARING = re.compile(
    r"\b(?:f+u+c+k\w*|f\*+\w*|f[-.]?ing|sh[i1*]+t\w*|bull\W?sh\w*|cr[a*]p\w*|a[s*]{2}(?:hole\w*|es)?|bitch\w*"
    r"|bastard\w*|cunt\w*"
    r"|pi[s*]{2}(?:ed)?|dickhead\w*|wank\w*|twat\w*|arse\w*|damn\w*|goddamn\w*|bloody|wtf|stfu|bs|hell|sucks?"
    r"|sucked|slut\w*|whore\w*"
    r"|retard\w*|fag\w*|moron\w*|idiot\w*|stupid|nazi\w*|terrorist\w*|rape\w*|kill(?:ed|ing)?)\b",
    re.IGNORECASE,
)
_LEANING = re.compile(  # what opens a sentence that leans on the one before it
    r"(?:and|but|so|also|however|then|because|which|this|that|these|those|they|them|he|she|it|its|it['’]s|there"
    r"|such|or|yet|plus|again"
    r"|still|otherwise|therefore|furthermore|moreover|besides|additionally|instead|secondly|finally|another"
    r"|same|not|after that|his|her"
    r"|their|once they|no because|\d+[).])(?!\w)",
    re.IGNORECASE,
)
_OWN = re.compile(
    r"\b(?:I|I['’]?ve|I['’]?m|I['’]?d|my|me|we|we['’]?ve|our|us|mein\w*|ich|wir|unser\w*|je|nous|mon|ma|mes"
    r"|notre|yo|nosotros|mi)\b",
    re.IGNORECASE,
)
_DEFINITE = re.compile(
    r"\b(?:\d+|one|two|three|four|five|six|ten|twice|half) ?"
    r"(?:hours?|minutes?|days?|weeks?|months?|years?|times|people|calls?|bags?|pounds|euros)\b",
    re.IGNORECASE,
)
_VERB = re.compile(
    r"\b(?:is|are|was|were|am|be|been|has|have|had|do|does|did|will|would|can|could|should|isn['’]?t|wasn['’]?t"
    r"|weren['’]?t|don['’]?t|didn['’]?t"
    r"|couldn['’]?t|won['’]?t|can['’]?t|\w+ed|\w+ing|got|get|took|made|paid|told|said|left|went|came|kept|felt"
    r"|lost|love|loved|need|ist|war|hat"
    r"|habe|sind|wurde|est|a|ont|était|es|fue|era)\b",
    re.IGNORECASE,
)
_STUMBLE = re.compile(  # codes, a blank that is missing, an i that is I, a word twice, short forms, smileys, counts of messages
    r"\b[A-Z]+[-/]?\d+\w*|\b\d{3}[A-Z]?\b(?! (?:people|pounds|euros|miles|hours))|\b[A-Z]{2,4}[-/ ][A-Z]{3}\b"
    r"|[a-z][.,;][A-Za-z]|(?<!\w)i(?![\w.])"
    r"|\b(\w+) \1\b|\b(?:u|ur|pls|plz|thx|b4|w/|b/c|bc|tho|gonna|wanna|dont|cant|didnt|wont|ive|im|hrs?"
    r"|mins?)\b|[:;]-?[()DPp]|\(?\d ?(?:of|/) ?\d\)?| [?!.,]"
)


def quotes(
    texts: Sequence[str] | pd.Series,
    groups: pd.DataFrame | Mapping[str, Sequence[bool] | npt.NDArray[np.bool_]],
    *,
    people: pd.Series | None = None,
    labels: pd.Series | None = None,
    feelings: Mapping[str, str] | None = None,
    lexicon: Lexicon | None = None,
    min_base: int = 30,
    n: int = 2,
    max_length: int = 220,
    regions: Sequence[str] = REGIONS,
    names: Collection[str] = (),
    random_state: int = 0,
) -> pd.DataFrame:
    """One row a quote: theme, text_id (index label), quote (masked), rank (1 is the most central), feeling (that it was asked to
    have, else ""), n (people who mention the theme). Themes in the order of `groups`; one without a quote has no row.

    `groups` are mentions as `Codebook.assign` gives them (text_id and theme; with start and end a quote holds one of the places),
    or theme → which texts are about it. `people` says who wrote each text, indexed like `texts`; one of whom nothing is known
    wrote it alone. `feelings` is theme → the label (negative, neutral, positive) that its quotes must have by their own words,
    `labels` those of the whole texts: where it is given only texts of the theme's feeling are quoted, which is the most frequent
    label of the theme where `feelings` does not say it. `lexicon`, `regions` and `names` are those of `lexicon_sentiment` and
    `mask_pii`. Of a theme with more than 800 texts a sample of so many is looked at.

    >>> said = pd.Series(["My bag came two days late and nobody called me."] + [f"Bag {word} late." for word in "abcdefgh"])
    >>> found = quotes(said, {"bags": [True] * 9}, min_base=5, n=1)
    >>> found[["theme", "quote", "rank", "n"]].to_dict("records")
    [{'theme': 'bags', 'quote': 'My bag came two days late and nobody called me.', 'rank': 1, 'n': 9}]
    """
    series = (texts if isinstance(texts, pd.Series) else pd.Series(list(texts), dtype=object)).dropna()
    _check(series, people, labels, n, max_length)
    rng = np.random.default_rng(random_state)
    who = _who(series, people)
    cutter = _Cutter(Masker(regions=regions, names=names), max_length)
    found: list[_Candidates] = []
    for theme, own in _mentions(series, groups).items():
        n_people = int(who[own["text_id"]].nunique())
        if n_people < min_base:
            continue
        feeling = _feeling(theme, own["text_id"], labels, feelings, who)
        fit = own["text_id"].drop_duplicates()
        if labels is not None and feeling:
            fit = fit[(labels[fit] == feeling).to_numpy()]
        if len(fit) > _MOST_TEXTS:
            fit = fit.iloc[np.sort(rng.choice(len(fit), _MOST_TEXTS, replace=False))]
        rows = cutter.sentences(series[fit], own)
        if len(rows):
            found.append(_Candidates(theme, feeling, n_people, rows, len(found)))
    return _chosen(found, who, cutter, lexicon, n)


@dataclass
class _Candidates:
    """Sentences that hold a theme, one row each: text_id, sentence, part. `order` is that of the theme."""

    theme: str
    feeling: str
    n: int
    rows: pd.DataFrame
    order: int


def _check(series: pd.Series, people: pd.Series | None, labels: pd.Series | None, n: int, max_length: int) -> None:
    if not series.index.is_unique:
        raise ValueError("`texts` has an index label twice; a quote could not say whose it is: reset_index first")
    for name, given in (("people", people), ("labels", labels)):
        if given is not None and not series.index.isin(given.index).all():
            raise ValueError(f"`{name}` does not know every text: give it the index of `texts`")
    if n < 1:
        raise ValueError(f"`n` must be at least 1, got {n}")
    if max_length < 2 * SHORTEST:
        raise ValueError(f"`max_length` must be at least {2 * SHORTEST} signs, got {max_length}")


def _mentions(
    series: pd.Series, groups: pd.DataFrame | Mapping[str, Sequence[bool] | npt.NDArray[np.bool_]]
) -> dict[str, pd.DataFrame]:
    """Theme → one row a mention in a text that is there: text_id, start, end (missing where no place is known)."""
    if isinstance(groups, pd.DataFrame):
        if lacking := {"text_id", "theme"} - set(groups):
            raise ValueError(f"`groups` needs the columns text_id and theme; it lacks {', '.join(sorted(lacking))}")
        known = groups[groups["text_id"].isin(series.index)].reindex(columns=["text_id", "theme", "start", "end"])
        return {str(theme): own for theme, own in known.groupby("theme", sort=False)}
    parts = {}
    for theme, inside in groups.items():
        chosen = pd.Series(np.asarray(inside, dtype=bool), name=theme)
        if len(chosen) != len(series):
            raise ValueError(
                f"`groups[{theme!r}]` has {len(chosen)} values for {len(series)} texts that are not missing"
            )
        ids = series.index[chosen.to_numpy()]
        parts[str(theme)] = pd.DataFrame({"text_id": ids, "start": np.nan, "end": np.nan})
    return parts


def _who(series: pd.Series, people: pd.Series | None) -> pd.Series:
    """The number of the person who wrote each text; who is not known is somebody of their own."""
    alone = pd.Series(-1 - np.arange(len(series)), index=series.index)
    if people is None:
        return alone
    own = people.reindex(series.index)
    return pd.Series(pd.factorize(own)[0], index=series.index).where(own.notna(), alone)


def _feeling(
    theme: str, ids: pd.Series, labels: pd.Series | None, feelings: Mapping[str, str] | None, who: pd.Series
) -> str:
    """The label that quotes of a theme must have: what is asked for, else the one that most people have."""
    if feelings is not None and theme in feelings:
        return str(feelings[theme])
    if labels is None:
        return ""
    own = pd.DataFrame({"who": who[ids].to_numpy(), "label": labels[ids].to_numpy()}).dropna().drop_duplicates()
    return str(own["label"].value_counts().sort_index().idxmax()) if len(own) else ""


class _Cutter:
    """Cuts masked texts into sentences and parts of one or two, each text once."""

    def __init__(self, masker: Masker, max_length: int) -> None:
        self.masker = masker
        self._max_length = max_length
        self._known: dict[object, tuple[str, list[tuple[int, int]], list[tuple[int, int, str]]]] = {}

    def _cut(self, text_id: object, text: str) -> tuple[str, list[tuple[int, int]], list[tuple[int, int, str]]]:
        """A text masked, its sentences, and what was masked in the original."""
        if text_id not in self._known:
            masked = str(self.masker.mask(text))
            self._known[text_id] = masked, sentence_spans(masked), self.masker.spans(text) if masked != text else []
        return self._known[text_id]

    def sentences(self, texts: pd.Series, own: pd.DataFrame) -> pd.DataFrame:
        """The sentences that hold a mention; all of a text whose mentions have no place."""
        places: dict[object, list[tuple[int, int]]] = {}
        known = own.dropna(subset=["start", "end"])
        for text_id, start, end in zip(
            known["text_id"], known["start"].astype(int), known["end"].astype(int), strict=True
        ):
            places.setdefault(text_id, []).append((start, end))
        rows = []
        for text_id, text in texts.items():
            masked, spans, hidden = self._cut(text_id, text)
            moved = _moved(places.get(text_id, []), hidden)
            for number, (start, end) in enumerate(spans):
                if text_id not in places or any(start <= first and last <= end for first, last in moved):
                    rows.append((text_id, number, masked[start:end]))
        return pd.DataFrame(rows, columns=["text_id", "sentence", "part"])

    def parts(self, text_id: object, number: int) -> list[tuple[str, int]]:
        """What could be quoted around a sentence, and of how many sentences it is: it alone, with the next, with the one before."""
        masked, spans, _ = self._known[text_id]
        found = []
        for first, last in ((number, number), (number, number + 1), (number - 1, number)):
            if first >= 0 and last < len(spans):
                part = _tidy(masked[spans[first][0] : spans[last][1]])
                if SHORTEST <= len(part) <= self._max_length:
                    found.append((part, last - first + 1))
        return found


def _moved(places: list[tuple[int, int]], hidden: list[tuple[int, int, str]]) -> list[tuple[int, int]]:
    """Where mentions stand after masking; those that were masked themselves are gone."""
    return [
        (start + shift, end + shift)
        for start, end in places
        if all(end <= first or start >= last for first, last, _ in hidden)
        for shift in [sum(len(kind) + 2 - (last - first) for first, last, kind in hidden if last <= start)]
    ]


def _tidy(part: str) -> str:
    """On one line, without the mentions and links that open or close it."""
    part = " ".join(part.split())
    return _CLOSING.sub("", _OPENING.sub("", part)).strip()


# ------------------------------------------------------------------------------------------------------------------- choice


def _chosen(found: list[_Candidates], who: pd.Series, cutter: _Cutter, lexicon: Lexicon | None, n: int) -> pd.DataFrame:
    """The quotes of all themes; those with the fewest candidates choose first."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer

    vectors = TfidfVectorizer(
        sublinear_tf=True,
        token_pattern=r"(?u)\b[^\W\d_]{2,}\b",
        stop_words=list(ENGLISH_STOP_WORDS),
        preprocessor=_bare,
    )
    every = [part for one in found for part in one.rows["part"]]
    try:
        matrix = vectors.fit_transform(every)
    except ValueError:  # no words at all
        return pd.DataFrame(columns=QUOTES)
    bounds = np.cumsum([0, *(len(one.rows) for one in found)])
    tables = [
        _nearest(one, matrix[bounds[place] : bounds[place + 1]], cutter, vectors) for place, one in enumerate(found)
    ]
    whole = pd.concat(tables, ignore_index=True)
    whole = whole.assign(who=who[whole["text_id"]].to_numpy(), readable=whole["part"].map(readability))
    whole = whole[whole["readable"] > 0].reset_index(drop=True)
    if whole.empty:
        return pd.DataFrame(columns=QUOTES)
    whole = whole.assign(worth=_worth(whole, lexicon))
    vectors_of = vectors.transform(whole["part"])
    taken = _Taken(set(), set(), [])
    rows: list[tuple[int, tuple[object, ...]]] = []
    for one in sorted(found, key=lambda one: (one.rows["text_id"].nunique(), one.order)):
        own = np.flatnonzero((whole["theme"] == one.theme) & (whole["worth"] > 0))
        for rank, place in enumerate(_picked(vectors_of, own, whole, taken, n), start=1):
            quote = str(
                cutter.masker.mask(whole["part"][place])
            )  # what was cut may have kept something from being masked
            rows.append((one.order, (one.theme, whole["text_id"][place], quote, rank, one.feeling, one.n)))
    rows.sort(key=lambda row: (row[0], row[1][3]))
    return pd.DataFrame([row for _, row in rows], columns=QUOTES)


def _bare(part: str) -> str:
    return _PLACEHOLDER.sub(" ", part).lower()


def _nearest(one: _Candidates, matrix: csr_matrix, cutter: _Cutter, vectors: TfidfVectorizer) -> pd.DataFrame:
    """Parts around the sentences nearest to the centre of a theme: theme, feeling, text_id, part, sentences, near (cosine of the
    part and the centre, as a share of the nearest's)."""
    centre = np.asarray(matrix.mean(axis=0)).ravel()
    centre /= max(float(np.linalg.norm(centre)), 1e-12)
    order = np.argsort(-np.round(matrix @ centre, 12), kind="stable")[:_NEAREST]
    rows = [
        (one.theme, one.feeling, text_id, part, sentences)
        for text_id, number in one.rows[["text_id", "sentence"]].iloc[order].itertuples(index=False)
        for part, sentences in cutter.parts(text_id, number)
    ]
    parts = pd.DataFrame(rows, columns=["theme", "feeling", "text_id", "part", "sentences"])
    near = np.round(vectors.transform(parts["part"]) @ centre, 12) if len(parts) else np.zeros(0)
    return parts.assign(near=near / max(float(near.max(initial=0.0)), 1e-12))


def _worth(parts: pd.DataFrame, lexicon: Lexicon | None) -> pd.Series:
    """How near to the centre, times how well it reads; nothing where it is not clearly of the feeling that is asked for.

    No sentence of a part may be of the opposite feeling.
    """
    worth = parts["near"] * parts["readable"] * np.where(parts["sentences"] == 1, 1.0, 0.85)
    asked = parts["feeling"] != ""
    if not asked.any():
        return worth
    cut = [part[start:end] for part in parts["part"] for start, end in sentence_spans(part)]
    owner = np.repeat(np.arange(len(parts)), [len(sentence_spans(part)) for part in parts["part"]])
    scores = lexicon_sentiment(cut, lexicon=lexicon)["score"].fillna(0.0).groupby(owner)
    low, high, mean = (getattr(scores, name)().reindex(range(len(parts))).to_numpy() for name in ("min", "max", "mean"))
    sign = parts["feeling"].map({"negative": -1.0, "positive": 1.0}).fillna(0.0).to_numpy()
    against = np.where(sign > 0, -low, high)
    fits = np.where(sign == 0, np.maximum(-low, high) < _CLEAR, (sign * mean >= _CLEAR) & (against < 0.05))
    return worth.where(~asked, worth * fits * np.where(sign == 0, 1.0, 0.7 + 0.3 * np.abs(mean)))


@dataclass
class _Taken:
    """What has been quoted: persons, texts, and rows of the matrix."""

    people: set[int]
    texts: set[object]
    rows: list[int]


def _picked(matrix: csr_matrix, own: npt.NDArray[np.int64], parts: pd.DataFrame, taken: _Taken, n: int) -> list[int]:
    """Places of at most n quotes by maximal marginal relevance, none alike, of a person or of a text that was quoted."""
    mine = parts.iloc[own]
    worth, vectors = mine["worth"].to_numpy(), matrix[own]
    free = ~(mine["text_id"].isin(taken.texts) | mine["who"].isin(taken.people)).to_numpy()
    for row in taken.rows:
        free &= (vectors @ matrix[row].T).toarray().ravel() < _ALIKE
    closest = np.zeros(len(own))
    picked: list[int] = []
    while free.any() and len(picked) < n:
        score = np.where(free, _RELEVANCE * worth - (1 - _RELEVANCE) * closest, -np.inf)
        best = int(np.argmax(np.round(score, 12)))
        author, text_id = int(mine["who"].iloc[best]), mine["text_id"].iloc[best]
        picked.append(int(own[best]))
        taken.people.add(author)
        taken.texts.add(text_id)
        taken.rows.append(int(own[best]))
        near = (vectors @ vectors[best].T).toarray().ravel()
        closest = np.maximum(closest, near)
        free &= (near < _ALIKE) & ((mine["who"] != author) & (mine["text_id"] != text_id)).to_numpy()
    return picked


def readability(part: str) -> float:
    """How well a part of a comment can be read aloud, from 0 (not at all) to about 1.

    0 where it is mostly placeholders or hardly any words. It falls with what a listener stumbles over (a sentence that leans on
    one before it, has no end or no verb, shouting, hashtags, odd signs, swearing) and rises with "I", "we" and a definite detail.

    >>> readability("I waited three hours on hold and then they hung up on me.") > readability("And they did it again, #fail #never")
    True
    >>> readability("[HANDLE] [NAME] [URL] ok thanks [PHONE]")
    0.0
    """
    words = _WORD.findall(_PLACEHOLDER.sub(" ", part))
    hidden = len(_PLACEHOLDER.findall(part))
    if len(words) < 6 or hidden * 4 > len(words):
        return 0.0
    worth = 1.0 * 0.8**hidden
    if not (part[0].isupper() or part[0] in "\"'“‘£$€" or part[0].isdigit()):
        worth *= 0.7
    if part[-1] not in ".!?”\"')":
        worth *= 0.8
    if part.endswith(("…", "...", "..")):
        worth *= 0.6
    if _LEANING.match(part):
        worth *= 0.6
    if not _VERB.search(part):
        worth *= 0.5
    if _SWEARING.search(part):
        worth *= 0.15
    worth *= 0.8 ** len(_STUMBLE.findall(part))
    capitals = sum(len(word) > 2 and word.isupper() for word in words)
    worth *= 0.75 ** min(capitals, 4)
    worth *= 0.75 ** len(re.findall(r"#\w+|\?!|!\?|[!?.]{2,}|[@/\\|=_*~^<>{}]|(?<!\w)&|&amp;", part))
    worth *= 0.85 ** part.count("!") if part.count("!") > 1 else 1.0
    worth *= 0.9 ** sum(len(word) == 1 and word.lower() not in "aiyoe" for word in words)
    if part.isascii() is False and sum(ord(sign) > 0x2190 for sign in part) > 0:  # emoji and arrows are not read aloud
        worth *= 0.7
    worth *= 1.15 if _OWN.search(part) else 0.9
    worth *= 1.15 if _DEFINITE.search(part) else 1.0
    length = len(part)
    return float(worth * (0.75 + 0.25 * min(length / 80, 1.0)) * (1.0 if length <= 170 else 0.85))
