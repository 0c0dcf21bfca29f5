"""Where do the words of many lists stand in a text? One pass over the words of the text, however many lists there are.

A term is a word or phrase: whole words in any case, `*` for any ending (alone for any one word), a blank for any white space, an
apostrophe for either kind of it. A place is found for every term wherever it stands, so places may overlap; what to do about that
is the caller's question.

The places are those of one regular expression a term (`pattern_of`), found many times faster: a text is parted at white space, each
distinct part is looked into once, and a phrase is compared with the text only where two of its words follow one another.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeVar

Place = tuple[int, int, int]
"""Number of the list, start, end."""

_T = TypeVar("_T")
_WORD = re.compile(r"\w+")
_MOST_PARTS, _LONGEST_PART = 200_000, 40  # what is kept in mind, so that memory stays flat


def tidy(term: str) -> str:
    """A term as it is compared with others: one blank between words, small letters."""
    return " ".join(term.split()).lower()


def pattern_of(term: str) -> re.Pattern[str]:
    """The regular expression that says what a term means.

    >>> pattern = pattern_of("direct  debit*")
    >>> bool(pattern.search("by Direct\\n Debits")), bool(pattern.search("indirect debit"))
    (True, False)
    """
    return _compiled(_phrase(term))


def _phrase(term: str) -> str:
    words = r"\s+".join(_written(word) for word in term.split())
    return rf"(?<!\w){words}(?!\w)"


@lru_cache(maxsize=10_000)
def _compiled(written: str) -> re.Pattern[str]:
    """Compiled where it is first needed: most terms of a codebook never come near a match."""
    return re.compile(written, re.IGNORECASE)


def _written(word: str) -> str:
    if not word.strip("*"):
        return r"\w+"
    return re.sub("['’]", "['’]", re.escape(word)).replace(r"\*", r"\w*")


class TermFinder:
    """Finds the terms of several lists; `find(text)` gives their places.

    >>> finder = TermFinder([["bag", "hand luggage"], ["lost*"]])
    >>> finder.find("Hand luggage lost, my bag too, no garbage")
    [(0, 0, 12), (1, 13, 17), (0, 22, 25)]
    """

    def __init__(self, lists: Sequence[Sequence[str]]) -> None:
        self._phrases: list[_Phrase] = []
        self._anywhere: list[tuple[int, re.Pattern[str]]] = []
        uses = [use for number, terms in enumerate(lists) for term in terms for use in self._uses(number, term)]
        self._parts = _Parts(_Words(uses))

    def _uses(self, number: int, term: str) -> list[tuple[str, _Use]]:
        """The words by which a term is looked up, and what each of them tells."""
        words, pattern = term.split(), _phrase(term)
        runs = [_runs(word) for word in words]
        plain = [bool(word.strip("*")) for word in words]
        pairs = [at for at in range(len(words) - 1) if runs[at][1] and runs[at + 1][0]]
        pairs = [at for at in pairs if plain[at] and plain[at + 1]] or ([] if plain[0] else pairs)
        if pairs:
            at = max(pairs, key=lambda at: len((words[at] + words[at + 1]).replace("*", "")))
            self._phrases.append(_Phrase(number, pattern, _last(words[0]), at))
            key = len(self._phrases) - 1
            second = rf"{_written(words[at + 1])}(?!\w)"
            return [
                (runs[at][1], _Use("first", key, _last(words[at]))),
                (runs[at + 1][0], _Use("second", key, second)),
            ]
        if runs[0][0]:
            before = words[0].index(runs[0][0])
            return [(runs[0][0], _Use("phrase" if len(words) > 1 else "word", number, pattern, before))]
        self._anywhere.append((number, _compiled(pattern)))  # no letters to look it up by, such as ":("
        return []

    def find(self, text: str) -> list[Place]:
        """The places of every term in the text."""
        found: list[Place] = []
        parts = text.split()
        starts: list[int] = []  # of the parts so far, filled in where one is needed
        end, before = 0, _NOTHING
        for at, told in enumerate(map(self._parts.__getitem__, parts)):
            if told is None:
                before = _NOTHING
                continue
            own, first, second = told
            if own or not before.isdisjoint(second):
                for part in parts[len(starts) : at + 1]:
                    start = text.find(part, end)
                    end = start + len(part)
                    starts.append(start)
                for number, begin, stop, pattern in own:
                    if pattern is None:
                        found.append((number, start + begin, start + stop))
                    elif match := pattern.match(text, start + begin):
                        found.append((number, *match.span()))
                for key in before & second:
                    found += self._phrases[key].at_pair(text, parts, starts, at - 1)
            before = first
        for number, pattern in self._anywhere:
            match = pattern.search(text)
            while match is not None:
                found.append((number, *match.span()))
                match = pattern.search(text, match.start() + 1)
        return found


@dataclass(frozen=True)
class _Phrase:
    """A term of several words: `first_word` finds its first at the end of a part, `pair` is the place of the two looked up."""

    number: int
    pattern: str
    first_word: str
    pair: int

    def at_pair(self, text: str, parts: list[str], starts: list[int], at: int) -> list[Place]:
        """The place of the phrase whose pair begins in part `at`, if it is there."""
        begin = at - self.pair
        word = _compiled(self.first_word).search(parts[begin]) if begin >= 0 else None
        match = _compiled(self.pattern).match(text, starts[begin] + word.start()) if word else None
        return [(self.number, *match.span())] if match else []


@dataclass(frozen=True)
class _Use:
    """What a word tells. It may be a term, alone (`word`) or as the beginning of a phrase that is not looked up as a pair (`phrase`),
    both `before` signs behind the term's beginning; `key` is then the number of the list. Or it ends a part that may be the `first` of a
    pair, or begins one that may be the `second`; `key` is then the phrase."""

    tells: Literal["word", "phrase", "first", "second"]
    key: int
    pattern: str
    before: int = 0


def _runs(word: str) -> tuple[str, str]:
    """The first and the last run of letters of a word, by which it can be looked up; "" where a run may be empty."""
    runs = re.findall(r"[\w*]+", word)
    sure = [run if run.strip("*") or run == word else "" for run in runs] or [""]
    return sure[0], sure[-1]


def _last(word: str) -> str:
    """What finds a word at the end of a part."""
    return rf"(?<!\w){_written(word)}\Z"


class _Words(dict[str, tuple[_Use, ...]]):
    """Each word that was met, with the terms that are looked up by it; what is asked for the first time is worked out and kept."""

    def __init__(self, heads: Sequence[tuple[str, _Use]]) -> None:
        super().__init__()
        self._all = [(_written(word), term) for word, term in heads]
        self._any = "|".join(f"(?:{written})" for written, _ in self._all)
        self._whole: dict[str, list[_Use]] = {}
        self._other: list[tuple[str, _Use]] = []
        begun: list[tuple[str, _Use]] = []
        for word, term in heads:
            plain = word.rstrip("*").lower()
            if not plain.isascii() or not plain or "*" in plain:
                self._other.append((_written(word), term))
            elif word.endswith("*"):
                begun.append((plain, term))
            else:
                self._whole.setdefault(plain, []).append(term)
        self._least = min((len(plain) for plain, _ in begun), default=0)
        self._begun: dict[str, list[tuple[str, _Use]]] = {}
        for plain, term in begun:
            self._begun.setdefault(plain[: self._least], []).append((plain, term))

    def __missing__(self, word: str) -> tuple[_Use, ...]:
        terms: list[_Use] = []
        if word.isascii():
            low = word.lower()
            terms += self._whole.get(low, ())
            terms += [term for plain, term in self._begun.get(low[: self._least], ()) if low.startswith(plain)]
            terms += [term for written, term in self._other if _compiled(written).fullmatch(word)]
        elif _compiled(self._any).fullmatch(word):  # letters that are equal in ways that `lower` does not know
            terms += [term for written, term in self._all if _compiled(written).fullmatch(word)]
        return _kept(self, word, tuple(terms))


_Own = tuple[int, int, int, "re.Pattern[str] | None"]
_Told = tuple[tuple[_Own, ...], frozenset[int], frozenset[int]]
"""What a part of a text tells: terms in it (number of the list, start, end, or the pattern of a phrase that may begin there), and the
phrases it may be the first and the second of a pair of."""

_NOTHING: frozenset[int] = frozenset()


class _Parts(dict[str, "_Told | None"]):
    """Each part of a text between white space that was met, with what it tells; None where that is nothing."""

    def __init__(self, words: _Words) -> None:
        super().__init__()
        self._words = words

    def __missing__(self, part: str) -> _Told | None:
        told = None
        if any(map(self._words.__getitem__, _WORD.findall(part))):
            told = self._worked_out(part)
        return _kept(self, part, told)

    def _worked_out(self, part: str) -> _Told | None:
        own: list[_Own] = []
        first, second = set[int](), set[int]()
        runs = list(_WORD.finditer(part))
        for run in runs:
            for use in self._words[run.group()]:
                begin = run.start() - use.before
                if use.tells == "phrase":
                    own += [(use.key, begin, 0, _compiled(use.pattern))] if begin >= 0 else []
                elif use.tells == "word":
                    match = _compiled(use.pattern).match(part, begin) if begin >= 0 else None
                    own += [(use.key, *match.span(), None)] if match else []
                elif use.tells == "first" and run is runs[-1] and _compiled(use.pattern).search(part):
                    first.add(use.key)
                elif use.tells == "second" and run is runs[0] and _compiled(use.pattern).match(part):
                    second.add(use.key)
        return (tuple(own), frozenset(first), frozenset(second)) if own or first or second else None


def _kept(memory: dict[str, _T], key: str, value: _T) -> _T:
    if len(memory) >= _MOST_PARTS:
        memory.clear()
    if len(key) <= _LONGEST_PART:
        memory[key] = value
    return value
