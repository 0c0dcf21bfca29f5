"""Does a sentence say that a promise of the brand was kept or broken? The words come from the promise itself.

A promise is a statement ("Your call is answered within three minutes"), as in `[promises.NAME]` of study.toml, or a mapping that may
add `terms` (a codebook's words that mean this promise), `kept` and `broken` (words that settle it). A sentence is about the promise
where it has one of the terms; where none are given, two words of the statement (one, where the statement has no more, or where the
sentence speaks of a promise at all). It is evidence

1. by a duration, where the statement has one: "within three minutes" is broken by "answered after 20 minutes";
2. by a term of `kept` or `broken`;
3. by a negation of the words of the statement ("was not answered"; the other way round where the statement itself says "never");
4. by the tone of the clause.

Where none of these says anything there is no evidence, and no row. Evidence is what people say, not what happened: it stands beside
the measured promise (`cxlab.experience.promise_register`), never in its place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from cxlab.config import Promise
from cxlab.voice.terms import TermFinder

KEPT, BROKEN = "promise_kept", "promise_broken"
_MINUTES = {"s": 1 / 60, "m": 1.0, "h": 60.0, "d": 1440.0, "w": 10_080.0, "mo": 43_200.0, "y": 525_600.0}
_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "ninety": 90,
}  # fmt: skip
_DURATION = re.compile(
    rf"(?<![\w.,])(?P<n>\d+(?:[.,]\d+)?|{'|'.join(_NUMBERS)})[\s-]*"
    r"(?P<unit>seconds?|secs?|minutes?|mins?|hours?|hrs?|h|days?|weeks?|months?|years?)(?!\w)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_ENDINGS = re.compile(r"(?:ingly|edly|ing|ed|ies|es|ly|er|s|e|y)$")
_SAYS_NOT = frozenset({"never", "no", "not", "without", "nobody", "nothing"})
_SILENT = frozenset([
    "your", "you", "yours", "our", "ours", "us", "we", "they", "them", "their", "the", "a", "an", "and", "or", "of", "to", "in", "on",
    "at", "by", "for", "from", "with", "is", "are", "be", "been", "was", "were", "will", "can", "do", "does", "it", "its", "this", "that",
    "than", "within", "under", "less", "more", "every", "each", "all", "always", "any", "as", "if", "when", "after", "before", "until",
    "up", "one", "new", "get", "have", "has", "who", "what", "there", "here", "so", "only", "just", "time",
]) | _SAYS_NOT  # fmt: skip


@dataclass(frozen=True)
class PromiseWords:
    """What is looked for in a sentence for one promise."""

    name: str
    statement: str
    terms: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, promise: Promise | Mapping[str, object] | str) -> PromiseWords:
        """A promise as a statement, as a `Promise` of the configuration, or as a mapping with `statement` and terms."""
        if isinstance(promise, str):
            return cls(name, promise)
        if isinstance(promise, Promise):
            return cls(name, promise.statement)
        if not isinstance(promise.get("statement"), str):
            raise ValueError(
                f"promise `{name}` has no statement; give one, for example 'Your call is answered within a minute'"
            )
        lists = {key: tuple(_listed(promise.get(key, ()))) for key in ("terms", "kept", "broken")}
        return cls(name, str(promise["statement"]), **lists)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The telling words of the statement, as terms.

        >>> PromiseWords("calls", "Your call is answered within three minutes").words
        ('call*', 'answer*')
        """
        said = _DURATION.sub(" ", self.statement).lower()
        found = [word for word in _WORD.findall(said) if word not in _SILENT and len(word) > 2]
        return tuple(dict.fromkeys(_stem(word) + "*" for word in found))

    @cached_property
    def says_not(self) -> bool:
        """Whether the statement says that something does not happen."""
        return any(word in _SAYS_NOT or word.endswith("n't") for word in _WORD.findall(self.statement.lower()))

    @cached_property
    def limit(self) -> float | None:
        """The longest duration that the statement allows, in minutes."""
        found = _DURATION.search(self.statement)
        return None if found is None else minutes(found)

    @cached_property
    def _finder(self) -> TermFinder:
        return TermFinder([self.terms, self.kept, self.broken, *([word] for word in self.words)])

    def about(self, sentence: str, *, spoken: bool) -> tuple[list[tuple[int, int]], str]:
        """The places of its words in a sentence, none where it is not about the promise, and what they settle: kept, broken or "".
        `spoken`: the sentence speaks of a promise in general words."""
        found = self._finder.find(sentence)
        settled = {1: KEPT, 2: BROKEN}
        for number, start, end in found:
            if number in settled:
                return [(start, end)], settled[number]
        own = [(start, end) for number, start, end in found if number == 0]
        words = sorted({number: (start, end) for number, start, end in reversed(found) if number > 2}.values())
        needed = 1 if spoken or len(self.words) < 2 else 2
        if not own and (self.terms or len(words) < needed) and not (spoken and words):
            return [], ""
        places = sorted({*own, *words})
        length = None if self.limit is None else _DURATION.search(sentence)
        if length is not None and self.limit is not None:
            return [*places, length.span()], KEPT if minutes(length) <= self.limit else BROKEN
        return places, ""


def minutes(found: re.Match[str]) -> float:
    """A duration in minutes."""
    said, unit = found["n"].lower(), found["unit"].lower()
    number = float(_NUMBERS[said]) if said in _NUMBERS else float(said.replace(",", "."))
    return number * _MINUTES["mo" if unit.startswith("mo") else unit[0]]


def _stem(word: str) -> str:
    """A word without its ending, at least three letters."""
    cut = _ENDINGS.sub("", word)
    return cut if len(cut) >= 3 else word


def _listed(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(term) for term in value] if isinstance(value, list | tuple | set | frozenset) else []
