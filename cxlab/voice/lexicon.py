"""How strong are the words of feeling in a text? VADER's numbers to the last digit, in a fraction of its time.

`Lexicon.scores(text)` gives compound (−1 to 1) and the shares neg, neu, pos, exactly as `polarity_scores` of vaderSentiment 3.3.2 does
(Hutto & Gilbert 2014; the list of words is read from that package, nothing is downloaded). Time is saved, no rule is changed: each
distinct token is looked up once, the rules of negation, degree and idiom are asked only where a word of the lexicon has a word near it
that they are about, and emoji are put into words only where there are some.

A list of another language is read from a TOML file (`Lexicon.from_toml`): its words, its negations, its words of degree. VADER's
English rules of single words ("but", "least", "the bomb") are then left out; those of capitals and of "!" and "?" stay.
"""

from __future__ import annotations

import math
import string
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cxlab.problems import Problem, StudyError, did_you_mean

Scores = tuple[float, float, float, float]
"""compound, neg, neu, pos."""

NEGATED, CAPITALS, DEGREE_BY_DISTANCE = -0.74, 0.733, (1.0, 0.95, 0.9)
_HOT, _NEAR, _UPPER, _BUT, _OWN = (
    1,
    2,
    4,
    8,
    16,
)  # scored; changes its neighbours; in capitals; "but"; has a rule of its own
_MOST_TOKENS = 200_000  # distinct tokens kept in mind; then it starts anew, so that memory stays flat
# every phrase of two or three words that VADER knows has one of these
_PHRASES = frozenset(["shit", "bomb", "ass", "bus", "yeah", "kiss", "die", "beating", "enough", "kind", "sort"])
_OWN_RULE = frozenset(["no", "bad"]) | _PHRASES  # of these a rule asks what follows, or what they end
_ASKED_BEFORE = frozenset(["no", "or", "nor", "so", "this", "least", "doubt"]) | _PHRASES
_KEYS = {"language", "words", "degree", "negations"}


@dataclass(slots=True)
class _Token:
    """What the rules ask of a token: its word in small letters without punctuation at its ends, its valence, whether the lexicon has
    it, whether it is in capitals, whether it negates, what it adds to the word after it, and the flags above."""

    low: str
    valence: float
    known: bool
    upper: bool
    negates: bool
    degree: float
    flags: int


class _Kept(dict[str, _Token]):
    """Tokens that were looked up; a new one is looked up when it is asked for."""

    def __init__(self, look_up: Callable[[str], _Token]) -> None:
        super().__init__()
        self._look_up = look_up

    def __missing__(self, raw: str) -> _Token:
        self[raw] = made = self._look_up(raw)
        return made


class _Flags(dict[str, int]):
    """The flags of each token that was met."""

    def __init__(self, told: _Kept) -> None:
        super().__init__()
        self._tokens = told

    def __missing__(self, raw: str) -> int:
        if len(self) > _MOST_TOKENS:
            self.clear()
            self._tokens.clear()
        self[raw] = made = self._tokens[raw].flags
        return made


class Lexicon:
    """Words of feeling with their valence (−4 to 4), negations, and words of degree with what they add.

    >>> Lexicon.vader().scores("Not a great flight!")
    (-0.5553, 0.544, 0.456, 0.0)
    """

    def __init__(
        self,
        words: Mapping[str, float],
        *,
        negations: Sequence[str] = (),
        degree: Mapping[str, float] | None = None,
        english: bool = False,
    ) -> None:
        self.words = {word.lower(): float(valence) for word, valence in words.items()}
        self.english = english
        self._negations = frozenset(word.lower() for word in negations)
        self._degree = {word.lower(): added for word, added in (degree or {}).items()}
        self._phrases: Mapping[str, float] = {}
        self._emoji: Mapping[str, str] = {}
        self._start_anew()

    @classmethod
    def vader(cls, more: Mapping[str, float] | None = None) -> Lexicon:
        """VADER's own, with words of ours where `more` is given."""
        from vaderSentiment.vaderSentiment import BOOSTER_DICT, NEGATE, SPECIAL_CASES, SentimentIntensityAnalyzer

        theirs = SentimentIntensityAnalyzer()
        made = cls({}, negations=NEGATE, degree=BOOSTER_DICT, english=True)
        made.words = {**theirs.lexicon, **(more or {})}
        made._phrases = SPECIAL_CASES
        made._emoji = {sign: told for sign, told in theirs.emojis.items() if len(sign) == 1}
        return made

    @classmethod
    def from_toml(cls, path: Path | str) -> Lexicon:
        """Read a list: `[words]` word = valence, `[degree]` word = what it adds (about ±0.3), `negations` = list of words."""
        where = Path(path).name
        try:
            told = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise StudyError(Problem(where, f"the lexicon cannot be read: {error}", "mend the file")) from None
        return cls(
            _numbers(told, "words", where), negations=_listed(told, where), degree=_numbers(told, "degree", where)
        )

    def scores(self, text: str) -> Scores:
        """compound, neg, neu, pos of a text; of an empty one all 0."""
        if not text.isascii() and not self._emoji.keys().isdisjoint(text):
            text = self._in_words(text)
        return self._of_tokens(text, text.split())

    def table(self, texts: Sequence[str]) -> np.ndarray:
        """One row a text: compound, neg, neu, pos."""
        return np.array([self.scores(text) for text in texts], dtype=float).reshape(-1, 4)

    def _of_tokens(self, text: str, raw: list[str]) -> Scores:
        n = len(raw)
        if not n:
            return 0.0, 0.0, 0.0, 0.0
        flags = list(map(self._flags.__getitem__, raw))
        hot = [place for place, flag in enumerate(flags) if flag & _HOT]
        if not hot:
            return 0.0, 0.0, 1.0, 0.0
        told = self._told
        capitals: bool | None = None
        valences: list[float] = []
        for i in hot:
            flag = flags[i]
            near = flag & _OWN
            for before in flags[max(i - 3, 0) : i]:
                near |= before & _NEAR
            if near or flag & _UPPER:
                if capitals is None:
                    capitals = 0 < sum(1 for each in flags if each & _UPPER) < n
                first = max(i - 3, 0)
                valences.append(self._valence([told[each] for each in raw[first : i + 3]], i - first, capitals))
            else:
                valences.append(told[raw[i]].valence)
        if _BUT in flags or _BUT | _UPPER in flags:
            valences = self._turned(valences, hot, flags)
        return _summed(valences, n, text)

    def _valence(self, window: list[_Token], i: int, capitals: bool) -> float:
        """The valence of the word at `i`, by what stands up to three words before it and two after."""
        word = window[i]
        valence = word.valence
        low = [token.low for token in window]
        if self.english:
            after = window[i + 1] if i + 1 < len(window) else None
            if after is not None and word.low == "kind" and after.low == "of":
                return 0.0
            if word.low == "no" and after is not None and after.known:
                valence = 0.0
            if (
                (i > 0 and low[i - 1] == "no")
                or (i > 1 and low[i - 2] == "no")
                or (i > 2 and low[i - 3] == "no" and low[i - 1] in ("or", "nor"))
            ):
                valence = word.valence * NEGATED
        if word.upper and capitals:
            valence += CAPITALS if valence > 0 else -CAPITALS
        for back in range(3):
            at = i - back - 1
            if at < 0 or window[at].known:
                continue
            valence = valence + _degree(window[at], valence, capitals) * DEGREE_BY_DISTANCE[back]
            valence = self._negated(valence, window, low, i, back)
            if back == 2 and self.english:
                valence = self._idiom(valence, low, i)
        least = self.english and i > 0 and low[i - 1] == "least" and not window[i - 1].known
        return valence * NEGATED if least and (i == 1 or low[i - 2] not in ("at", "very")) else valence

    def _negated(self, valence: float, window: list[_Token], low: list[str], i: int, back: int) -> float:
        if self.english and back == 1:
            if low[i - 2] == "never" and low[i - 1] in ("so", "this"):
                return valence * 1.25
            if low[i - 2] == "without" and low[i - 1] == "doubt":
                return valence
        if self.english and back == 2:
            if (low[i - 3] == "never" and low[i - 2] in ("so", "this")) or low[i - 1] in ("so", "this"):
                return valence * 1.25
            if low[i - 3] == "without" and "doubt" in (low[i - 2], low[i - 1]):
                return valence
        return valence * NEGATED if window[i - back - 1].negates else valence

    def _idiom(self, valence: float, low: list[str], i: int) -> float:
        three, two, one, zero = low[i - 3], low[i - 2], low[i - 1], low[i]
        before = (f"{three} {two} {one}", f"{three} {two}", f"{two} {one}")
        for phrase in (f"{one} {zero}", f"{two} {one} {zero}", before[2], before[0], before[1]):
            if phrase in self._phrases:
                valence = self._phrases[phrase]
                break
        for after in (2, 3):
            if i + after <= len(low):
                valence = self._phrases.get(" ".join(low[i : i + after]), valence)
        for phrase in before:
            if phrase in self._degree:
                valence = valence + self._degree[phrase]
        return valence

    def _turned(self, valences: list[float], hot: list[int], flags: list[int]) -> list[float]:
        """VADER's halving before and raising after the first "but", word for word: it looks each value up by what it is, so
        that of two equal values the first is changed twice."""
        spread: list[float] = [0] * len(flags)
        for i, valence in zip(hot, valences, strict=True):
            spread[i] = valence
        turn = next(place for place, flag in enumerate(flags) if flag & _BUT)  # "but" has no valence and no other flag
        for place in range(len(spread)):
            first = spread.index(spread[place])
            if first != turn:
                spread[first] *= 0.5 if first < turn else 1.5
        return [value for value in spread if value != 0]

    def _in_words(self, text: str) -> str:
        """A text with its emoji in words, a blank before each that does not follow one."""
        parts, before = [], " "
        for sign in text:
            told = self._emoji.get(sign)
            parts.append(sign if told is None else told if before == " " else f" {told}")
            before = sign
        return "".join(parts)

    def _start_anew(self) -> None:
        self._told = _Kept(self._look_up)
        self._flags = _Flags(self._told)

    def _look_up(self, raw: str) -> _Token:
        stripped = raw.strip(string.punctuation)
        word = raw if len(stripped) <= 2 else stripped
        low = word.lower()
        known, degree, upper = low in self.words, low in self._degree, word.isupper()
        negates = low in self._negations or (self.english and "n't" in low)
        valence = self.words.get(low, 0.0)
        flags = _UPPER * upper
        if known and not degree:
            flags |= _HOT
        if degree or negates or (self.english and low in _ASKED_BEFORE):
            flags |= _NEAR
        if self.english and low in _OWN_RULE:
            flags |= _OWN
        if self.english and low == "but":
            flags |= _BUT
        return _Token(low, valence, known, upper, negates, self._degree.get(low, 0.0), flags)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key not in ("_told", "_flags")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start_anew()


def _degree(before: _Token, valence: float, capitals: bool) -> float:
    """What a word of degree adds to the valence of a word after it."""
    if not before.degree:
        return 0.0
    added = -before.degree if valence < 0 else before.degree
    if before.upper and capitals:
        added += CAPITALS if valence > 0 else -CAPITALS
    return added


def _summed(valences: Sequence[float], n: int, text: str) -> Scores:
    """The scores of a text of `n` words with these valences, in their order; a word without one counts as neutral."""
    questions = text.count("?")
    emphasis = min(text.count("!"), 4) * 0.292 + (0 if questions < 2 else questions * 0.18 if questions <= 3 else 0.96)
    total = float(sum(valences))
    if total > 0:
        total += emphasis
    elif total < 0:
        total -= emphasis
    compound = max(-1.0, min(1.0, total / math.sqrt(total * total + 15)))
    pos = neg = 0.0
    neutral = n
    for valence in valences:
        if valence > 0:
            pos += valence + 1
            neutral -= 1
        elif valence < 0:
            neg += valence - 1
            neutral -= 1
    if pos > -neg:
        pos += emphasis
    elif pos < -neg:
        neg -= emphasis
    whole = pos + abs(neg) + neutral
    return round(compound, 4), round(abs(neg / whole), 3), round(abs(neutral / whole), 3), round(abs(pos / whole), 3)


def _numbers(told: Mapping[str, Any], key: str, where: str) -> dict[str, float]:
    found = told.get(key, {})
    if not isinstance(found, dict) or (key == "words" and not found):
        raise StudyError(
            Problem(f"{where} [{key}]", "no words with numbers", f'write [{key}] and lines such as "gut" = 1.9')
        )
    for word, number in found.items():
        if isinstance(number, bool) or not isinstance(number, int | float) or not abs(number) <= 4:
            raise StudyError(Problem(f"{where} [{key}] {word}", f"{number!r} is no number from −4 to 4", "give one"))
    return {word: float(number) for word, number in found.items()}


def _listed(told: Mapping[str, Any], where: str) -> list[str]:
    if unknown := sorted(told.keys() - _KEYS):
        raise StudyError(Problem(f"{where} `{unknown[0]}`", "no part of a lexicon", did_you_mean(unknown[0], _KEYS)))
    found = told.get("negations", [])
    if not isinstance(found, list) or not all(isinstance(word, str) for word in found):
        raise StudyError(Problem(f"{where} `negations`", f"{found!r} is no list of words", 'write ["nicht", "kein"]'))
    return found
