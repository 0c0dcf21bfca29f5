"""What does a sentence show beyond its theme: effort, pain, delight, a wish, a need, a promise kept or broken?

One row of `cues` is one value of a cue in one sentence, with the words that show it: `text[start:end] == match`. What nothing shows is
absent: there is no zero, and no row says "no effort". The cues and their values:

    effort          waiting, contacting, unanswered, chasing, repeating, passed_on, hard: trouble to get something done with the company
    intensity       1 to 5: how strongly it is said: boosters, strong and extreme words, capitals, "!!"
    actionability   response needed (a question or a call for help), suggestion, other (leaves, complains formally, praises a person)
    wow             beyond, outstanding: better than anybody had to expect
    pain_point      late, cancelled, lost, broken, unanswered, rude, uncomfortable, cost, bad: what went wrong or is bad
    need            emotional (respect, care, trust), physical (comfort, food, sleep, health)
    promise_kept, promise_broken    the name of the study's promise, or "unnamed": a promise is spoken of, but none of those

The words stand in cue_words/en.toml (`cue_lists`), those of promises come from their statements (`promise_words`). A trigger does
not count after a negation in its clause ("did not have to wait on hold"), except of a need, which "no leg room" is about as well.
Words are not meaning: irony, and trouble told in plain facts, are not seen. Of sentences coded by hand for which no word was written
the rules found half of the effort and two thirds of the pain points (kappa .60 and .52; benchmarks/voice_cues.py has all): good to
compare groups and periods and to find quotes, not to judge a single sentence, nor to say how many customers had to wait.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import pandas as pd

from cxlab.config import Promise
from cxlab.voice.cue_lists import CueList, CueLists, Found
from cxlab.voice.emotions import shipped
from cxlab.voice.promise_words import BROKEN, KEPT, PromiseWords
from cxlab.voice.sentences import clause_spans, sentence_spans
from cxlab.voice.sentiment import NEUTRAL, lexicon_sentiment

CUES = ("effort", "intensity", "actionability", "wow", "pain_point", "need", KEPT, BROKEN)
COLUMNS = ["text_id", "sentence", "cue", "value", "start", "end", "match"]
ACTIONS = ("response needed", "suggestion", "other")
"""From the most to the least urgent."""
UNNAMED = "unnamed"
Promises = Mapping[str, Promise | Mapping[str, object] | str]
_MARKS = re.compile(r"[!?]*!!+[!?]*|\?+!+|!+\?+|\?{3,}")
_SHOUTED = re.compile(r"(?<![\w@#\[&/])[A-Z]{3,}(?![\w\]])")
_LONGER = re.compile(r"([A-HJ-VY-Za-hj-vy-z])\1{3}")  # "sooooo"; not "iiii", "www", "xxxx"
_LENGTHENED = re.compile(r"(?<![\w@#/.])[A-Za-z]{4,}(?![\w.])")
_SHORT_WORDS = frozenset({"not", "bad", "all", "why", "now", "too", "how", "you", "the", "and", "for", "are", "was"})
_QUESTION = re.compile(r"\?[^\w]*$")
_WORD = re.compile(r"\w+(?:['’]\w+)*")
_DENIAL = re.compile(r"(?:^|\W)(?:\w+n['’]t|not|never|no)(?:\W|$)", re.IGNORECASE)


@dataclass
class _Sentence:
    """A sentence in which something may be, with what was found; tones are told later, for all at once."""

    text_id: object
    number: int
    start: int
    text: str
    whole: str
    found: Found
    loud: list[tuple[int, int]]
    hits: list[tuple[CueList, int, int]] = field(default_factory=list)
    promised: list[tuple[PromiseWords, list[tuple[int, int]], str]] = field(default_factory=list)
    tone: float = math.nan
    clause_tones: dict[tuple[int, int], float] = field(default_factory=dict)

    @cached_property
    def clauses(self) -> list[tuple[int, int]]:
        return clause_spans(self.text) or [(0, len(self.text))]

    def clause_of(self, place: int) -> tuple[int, int]:
        """The clause in which a place lies."""
        return self.clauses[max(bisect_right(self.clauses, (place, len(self.text))) - 1, 0)]

    def in_clause_of(self, place: int, cue: str) -> bool:
        """Whether a cue was found in the clause of a place."""
        begin, end = self.clause_of(place)
        return any(one.cue == cue and begin <= start < end for one, start, _ in self.hits)

    def is_negated(self, place: int) -> bool:
        """Whether a negation in the clause of a place stands before it."""
        return bool(self.found.negations) and self.found.is_negated(
            self.whole, self.start + place, self.start + self.clause_of(place)[0]
        )


_Row = tuple[str, object, int, int]
"""Cue, value, start and end in the sentence."""


def cues(
    texts: Sequence[str] | pd.Series, *, promises: Promises | None = None, lists: CueLists | None = None
) -> pd.DataFrame:
    """One row a value of a cue in a sentence: text_id (index label), sentence (from 0 within its text), cue, value, start, end, match
    (`text[start:end]`), in the order of the texts. `promises` are the study's (config.promises); without them no promise is looked
    for. `lists` are the words of another language or of the study's own.

    >>> found = cues(["I was on hold for an hour. Please call me back!!"])
    >>> found[["sentence", "cue", "value", "match"]].values.tolist()[:2]
    [[0, 'effort', 'waiting', 'on hold'], [0, 'pain_point', 'unanswered', 'on hold']]
    """
    series = texts if isinstance(texts, pd.Series) else pd.Series(list(texts), dtype=object)
    words = lists or _english()
    wanted = [PromiseWords.of(name, promise) for name, promise in (promises or {}).items()]
    found = [each for text_id, text in series.dropna().items() for each in _sentences(text_id, text, words, wanted)]
    _tell_tone(found, words)
    rows = [
        (each.text_id, each.number, cue, value, each.start + start, each.start + end, each.text[start:end])
        for each in found
        for cue, value, start, end in _rows(each, words, bool(wanted))
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def cue_table(
    texts: Sequence[str] | pd.Series, *, promises: Promises | None = None, lists: CueLists | None = None
) -> pd.DataFrame:
    """One row a comment, indexed like the texts, which must be unique: effort, wow, pain_point, need_emotional, need_physical,
    promise_kept, promise_broken (in how many sentences), intensity (the highest), actionability (the most urgent). Missing where
    nothing shows it, never 0.

    >>> cue_table(["Nobody answers. Nobody answers the phone.", "Fine."])[["effort", "actionability"]].values.tolist()
    [[2.0, None], [nan, None]]
    """
    series = texts if isinstance(texts, pd.Series) else pd.Series(list(texts), dtype=object)
    if not series.index.is_unique:
        twice = series.index[series.index.duplicated()][0]
        raise ValueError(f"the index of the texts has {twice!r} twice; reset it first")
    found = cues(series, promises=promises, lists=lists)
    made = pd.DataFrame(index=series.index)
    kind = found["cue"].where(found["cue"] != "need", "need_" + found["value"].astype(str))
    for name in ("effort", "wow", "pain_point", "need_emotional", "need_physical", KEPT, BROKEN):
        own = found[kind == name].drop_duplicates(["text_id", "sentence"])
        made[name] = own.groupby("text_id").size().reindex(series.index).astype(float)
    levels = found[kind == "intensity"]
    made["intensity"] = levels.groupby("text_id")["value"].max().reindex(series.index).astype(float)
    urgent = found[kind == "actionability"]
    order = urgent["value"].map({action: place for place, action in enumerate(ACTIONS)})
    first = order.groupby(urgent["text_id"]).min().reindex(series.index)
    made["actionability"] = [ACTIONS[int(place)] if place == place else None for place in first]
    made["actionability"] = made["actionability"].astype(object).where(first.notna(), None)
    return made


@lru_cache(maxsize=1)
def _english() -> CueLists:
    lists = CueLists.of("en")
    assert lists is not None  # it comes along
    return lists


def _sentences(text_id: object, text: str, words: CueLists, promises: list[PromiseWords]) -> Iterator[_Sentence]:
    """The sentences of a text in which something may be."""
    found = words.found_in(text)
    loud = _loud(text)
    may_ask = found.may_ask or "?" in text
    if not found.places and not loud and not may_ask and not promises:
        return
    spans = sentence_spans(text)
    starts = [start for start, _ in spans]
    inside: dict[int, list[tuple[CueList, int, int]]] = {}
    for number, start, end in found.places:
        at = bisect_right(starts, start) - 1
        if at >= 0 and end <= spans[at][1]:
            inside.setdefault(at, []).append((words.lists[number], start - starts[at], end - starts[at]))
    signs: dict[int, list[tuple[int, int]]] = {}
    for start, end in loud:
        at = max(bisect_right(starts, start) - 1, 0)
        signs.setdefault(at, []).append((start - starts[at], end - starts[at]))
    for at, (start, end) in enumerate(spans):
        hits = inside.get(at, [])
        if not hits and at not in signs and not may_ask and not promises:
            continue
        made = _Sentence(text_id, at, start, text[start:end], text, found, signs.get(at, []))
        made.hits = [hit for hit in hits if hit[0].cue == "need" or not made.is_negated(hit[1])]
        if promises:
            spoken = any(one.cue == "promise" for one, _, _ in made.hits)
            about = [(promise, *promise.about(made.text, spoken=spoken)) for promise in promises]
            made.promised = [each for each in about if each[1]]
        yield made


def _loud(text: str) -> list[tuple[int, int]]:
    """Where a text is loud without words of its own: "!!", longer letters, words in capitals."""
    found = [mark.span() for mark in _MARKS.finditer(text)]
    if _LONGER.search(text):
        found += [word.span() for word in _LENGTHENED.finditer(text) if _LONGER.search(word.group())]
    return found + [word.span() for word in _SHOUTED.finditer(text) if _is_word(word.group())]


def _tell_tone(found: Iterable[_Sentence], words: CueLists) -> None:
    """The lexicon's score of each sentence where a cue asks for it, and of each clause about a promise; English only."""
    if words.language != "en":
        return
    asked = [each for each in found if any(one.tone for one, _, _ in each.hits)]
    clauses = [(each, each.clause_of(where[0][0])) for each in found for _, where, _ in each.promised]
    said = [each.text for each in asked] + [each.text[begin:end] for each, (begin, end) in clauses]
    tones = lexicon_sentiment(said)["score"].tolist()
    for each, tone in zip(asked, tones, strict=False):
        each.tone = tone
    for (each, clause), tone in zip(clauses, tones[len(asked) :], strict=True):
        each.clause_tones[clause] = tone


def _rows(each: _Sentence, words: CueLists, promised: bool) -> list[_Row]:
    """What a sentence shows, one row a cue and value, in the order of CUES."""
    pain = any(one.cue == "pain_point" for one, _, _ in each.hits)
    rows: dict[tuple[str, object], _Row] = {}

    def add(cue: str, value: object, start: int, end: int) -> None:
        if (cue, value) not in rows:
            rows[cue, value] = (cue, value, start, end)

    for one, start, end in each.hits:
        if one.cue in ("intensity", "promise"):
            continue
        if one.tone == "positive" and (each.tone < 0 or each.in_clause_of(start, "pain_point")):
            continue
        if one.tone == "polar" and abs(each.tone) < NEUTRAL and not pain:
            continue
        add(one.cue, one.value, start, end)
    if (asked := _question(each.text, words)) is not None:
        add("actionability", ACTIONS[0], *asked)
    if (loud := _intensity(each)) is not None:
        add("intensity", *loud)
    if promised:
        for row in _promises(each):
            add(*row)
    return sorted(rows.values(), key=lambda row: (CUES.index(row[0]), row[2], row[3]))


def _question(said: str, words: CueLists) -> tuple[int, int] | None:
    """The mark, or the first words, of a question that wants an answer."""
    mark, start = _QUESTION.search(said), words.question_start.match(said)
    if mark is None and start is None:
        return None
    asked = {word.lower().replace("’", "'") for word in _WORD.findall(said)}
    if asked & words.about_them and not asked & words.to_you:
        return None
    if mark is not None and asked & words.question_words:
        return mark.start(), mark.start() + 1
    return None if start is None else start.span(1)


def _intensity(each: _Sentence) -> tuple[int, int, int] | None:
    """The level and the strongest trigger. A second trigger of another place that is at least a booster adds one."""
    found = [(int(one.value), start, end) for one, start, end in each.hits if one.cue == "intensity"]
    shouted = [(start, end) for start, end in each.loud if each.text[start:end].isupper()]
    found += [(3, start, end) for start, end in each.loud if (start, end) not in shouted]
    if any(end - start > 3 for start, end in shouted) or len(shouted) > 1:
        found.append((3 if len(shouted) < 3 else 4, *max(shouted, key=lambda span: span[1] - span[0])))
    if not found:
        return None
    level, start, end = max(found, key=lambda hit: (hit[0], -hit[1]))
    more = any(other >= 2 and (stop <= start or begin >= end) for other, begin, stop in found)
    return min(level + more, 5), start, end


def _is_word(shouted: str) -> bool:
    """Whether capitals are a word and no abbreviation."""
    word = shouted.lower()
    return word in _known_words() and (len(word) > 3 or word in _SHORT_WORDS)


@lru_cache(maxsize=1)
def _known_words() -> frozenset[str]:
    return frozenset(shipped().words)


def _promises(each: _Sentence) -> Iterator[_Row]:
    """Evidence that a promise was kept or broken."""
    general = {one.value: (start, end) for one, start, end in reversed(each.hits) if one.cue == "promise"}
    said = KEPT if "kept" in general else BROKEN if "broken" in general else ""
    for promise, places, settled in each.promised:
        start, end = places[0]
        denied = any(each.is_negated(place) for place, _ in places)
        by_words = (KEPT if denied else BROKEN) if promise.says_not else BROKEN if denied else ""
        if evidence := settled or said or by_words or _felt(each, start):
            yield evidence, promise.name, start, end
    if general and not each.promised:
        if said:
            yield said, UNNAMED, *general["kept" if said == KEPT else "broken"]
        elif _DENIAL.search(each.text) or any(one.cue == "pain_point" for one, _, _ in each.hits):
            yield BROKEN, UNNAMED, *general["spoken"]


def _felt(each: _Sentence, place: int) -> str:
    """What the tone of a clause says about a promise in it."""
    tone = each.clause_tones.get(each.clause_of(place), math.nan)
    if each.in_clause_of(place, "pain_point") or tone <= -NEUTRAL:
        return BROKEN
    return KEPT if tone >= NEUTRAL else ""
