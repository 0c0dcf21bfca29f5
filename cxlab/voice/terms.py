"""Where do the words of many lists stand in a text? One pass over the words of the text, however many lists there are.

A term is a word or phrase: whole words in any case, `*` for any ending (alone for any one word), a blank for any white space, an
apostrophe for either kind of it. A place is found for every term wherever it stands, so places may overlap; what to do about that
is the caller's question.

The places are those of one regular expression a term (`pattern_of`), found many times faster: a text is parted at white space, each
distinct part is looked into once, and only a phrase whose longest word is there is compared with the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TypeVar

Place = tuple[int, int, int]
"""Number of the list, start, end."""

_Term = tuple[int, int, "re.Pattern[str] | None"]
"""Number of the list, how many words of the term stand before the one that it is looked up by, the pattern of a phrase."""

_T = TypeVar("_T")
_WORD = re.compile(r"\w+")
_LAST_WORD = re.compile(r"\w+\Z")
_WORDS_ONLY = re.compile(r"[\w*]+(?: [\w*]+)*")
_FIRST_WORD = re.compile(r"[\w*]*")
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
    words = r"\s+".join(_written(word) for word in term.split())
    return re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE)


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
        heads: list[tuple[str, _Term]] = []
        self._anywhere: list[tuple[int, re.Pattern[str]]] = []
        for number, terms in enumerate(lists):
            for term in (" ".join(term.split()) for term in terms):
                first, each = _FIRST_WORD.match(term), term.split()
                if _WORDS_ONLY.fullmatch(term):
                    at = max(range(len(each)), key=lambda place: len(each[place].replace("*", "")))
                    heads.append((each[at], (number, at, pattern_of(term) if len(each) > 1 else None)))
                elif first and first.group().strip("*"):
                    heads.append((first.group(), (number, 0, pattern_of(term))))
                else:  # "#fail", ":(": they begin with no word
                    self._anywhere.append((number, pattern_of(term)))
        self._parts = _Parts(_Words(heads))

    def find(self, text: str) -> list[Place]:
        """The places of every term in the text."""
        found: list[Place] = []
        parts = text.split()
        told = list(map(self._parts.__getitem__, parts))
        if any(told):
            end, starts = 0, []
            for part, terms in zip(parts, told, strict=True):
                start = text.find(part, end)
                end = start + len(part)
                starts.append(start)
                for (number, back, pattern), first, last in terms:
                    if pattern is None:
                        found.append((number, start + first, start + last))
                    elif (begin := _begin(parts, starts, first, back)) >= 0:
                        match = pattern.match(text, begin)
                        if match is not None:
                            found.append((number, *match.span()))
        for number, pattern in self._anywhere:
            match = pattern.search(text)
            while match is not None:
                found.append((number, *match.span()))
                match = pattern.search(text, match.start() + 1)
        return found


def _begin(parts: list[str], starts: list[int], first: int, back: int) -> int:
    """Where a phrase begins of which the word before which there are `back` stands at `first` in the last part; −1: nowhere."""
    if not back:
        return starts[-1] + first
    at = len(starts) - 1 - back
    word = _LAST_WORD.search(parts[at]) if at >= 0 and not first else None
    return -1 if word is None else starts[at] + word.start()


class _Words(dict[str, tuple[_Term, ...]]):
    """Each word that was met, with the terms that are looked up by it; what is asked for the first time is worked out and kept."""

    def __init__(self, heads: Iterable[tuple[str, _Term]]) -> None:
        super().__init__()
        self._all = [(re.compile(_written(word), re.IGNORECASE), word, term) for word, term in heads]
        self._whole: dict[str, list[_Term]] = {}
        self._other: list[tuple[re.Pattern[str], _Term]] = []
        begun: list[tuple[str, _Term]] = []
        for pattern, word, term in self._all:
            plain = word.rstrip("*").lower()
            if not plain.isascii() or not plain or "*" in plain:
                self._other.append((pattern, term))
            elif word.endswith("*"):
                begun.append((plain, term))
            else:
                self._whole.setdefault(plain, []).append(term)
        self._least = min((len(plain) for plain, _ in begun), default=0)
        self._begun: dict[str, list[tuple[str, _Term]]] = {}
        for plain, term in begun:
            self._begun.setdefault(plain[: self._least], []).append((plain, term))
        self._any = re.compile("|".join(f"(?:{pattern.pattern})" for pattern, _, _ in self._all), re.IGNORECASE)

    def __missing__(self, word: str) -> tuple[_Term, ...]:
        terms: list[_Term] = []
        if word.isascii():
            low = word.lower()
            terms += self._whole.get(low, ())
            terms += [term for plain, term in self._begun.get(low[: self._least], ()) if low.startswith(plain)]
            terms += [term for pattern, term in self._other if pattern.fullmatch(word)]
        elif self._any.fullmatch(word):  # letters that are equal in ways that `lower` does not know
            terms += [term for pattern, _, term in self._all if pattern.fullmatch(word)]
        return _kept(self, word, tuple(terms))


class _Parts(dict[str, tuple[tuple[_Term, int, int], ...]]):
    """Each part of a text between white space that was met, with the terms of its words and where in it they stand."""

    def __init__(self, words: _Words) -> None:
        super().__init__()
        self._words = words

    def __missing__(self, part: str) -> tuple[tuple[_Term, int, int], ...]:
        told: tuple[tuple[_Term, int, int], ...] = ()
        if any(map(self._words.__getitem__, _WORD.findall(part))):
            told = tuple((term, *word.span()) for word in _WORD.finditer(part) for term in self._words[word.group()])
        return _kept(self, part, told)


def _kept(memory: dict[str, tuple[_T, ...]], key: str, value: tuple[_T, ...]) -> tuple[_T, ...]:
    if len(memory) >= _MOST_PARTS:
        memory.clear()
    if len(key) <= _LONGEST_PART:
        memory[key] = value
    return value
