"""Which words show a cue? Lists of terms in a TOML file, one file a language, which a study may replace by its own.

Terms are those of a codebook: whole words in any case, `*` for any ending, alone for any one word. A table `[cue.value]` has `any`
(terms), `none` (terms that hide those they overlap), `tone` ("positive": only in a sentence that is not negative by its words;
"polar": only in one that is either; told in English alone) and `value` where the name of the table is not the value. `[language]` has
the code, the `negations` and what looks like one and negates nothing; `[questions]` the words that make a question one to answer.
`decisions/cues.LANGUAGE.toml` of a study goes before the file that comes with cxlab; English comes along.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from cxlab.problems import Problem, StudyError, did_you_mean
from cxlab.voice.terms import Place, TermFinder, pattern_of

VALUES: dict[str, frozenset[str] | None] = {
    "effort": None,
    "intensity": frozenset("12345"),
    "actionability": frozenset({"response needed", "suggestion", "other"}),
    "wow": None,
    "pain_point": None,
    "need": frozenset({"emotional", "physical"}),
    "promise": frozenset({"kept", "broken", "spoken"}),
}
"""The tables of a file, each with its values where they are fixed."""
_KEYS = {"any", "none", "tone", "value"}
_TONES = {"positive", "polar"}
_REACH = (4, 3)  # words after a negation, and after a near one


@dataclass(frozen=True)
class CueList:
    """The terms that show one value of a cue, and those that hide them."""

    cue: str
    value: str
    any: tuple[str, ...]
    none: tuple[str, ...] = ()
    tone: str = ""


@dataclass(frozen=True)
class Found:
    """What stands in a text: places of terms (number of the list, start, end) without those that are hidden, in order; whether
    words that may begin a question are there; negations (start, end, reach in words)."""

    places: list[Place]
    may_ask: bool
    negations: list[tuple[int, int, int]]

    def is_negated(self, text: str, place: int, begin: int) -> bool:
        """Whether a negation stands between the beginning of the clause and a place, at most its reach of words before it."""
        return any(
            begin <= start and end <= place and len(text[end:place].split()) < reach
            for start, end, reach in self.negations
        )


_NOTHING = Found([], False, [])


@dataclass(frozen=True)
class CueLists:
    """All lists of a language, and its words of negation and of questions."""

    language: str
    lists: tuple[CueList, ...]
    negations: tuple[str, ...] = ()
    near_negations: tuple[str, ...] = ()
    no_negations: tuple[str, ...] = ()
    question_words: frozenset[str] = frozenset()
    question_starts: tuple[str, ...] = ()
    about_them: frozenset[str] = frozenset()
    to_you: frozenset[str] = frozenset()

    @classmethod
    def from_toml(cls, path: Path | str) -> CueLists:
        """Read a file. Raises `StudyError` with everything that is wrong with it."""
        where = f"cues {Path(path).name}"
        try:
            raw = tomllib.loads(Path(path).read_text("utf-8"))
        except FileNotFoundError:
            raise StudyError(Problem(where, "there is no such file", "name one that is there")) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise StudyError(Problem(where, f"is not valid TOML: {error}", "mend the line")) from None
        problems: list[Problem] = []
        head, asked = raw.pop("language", {}), raw.pop("questions", {})
        lists = [made for cue, tables in raw.items() for made in _of_cue(where, cue, tables, problems)]
        if not lists and not problems:
            problems.append(Problem(where, "has no list of words", "write at least one, for example [effort.waiting]"))
        if problems:
            raise StudyError(problems)
        return cls(
            language=str(head.get("code", "")),
            lists=tuple(lists),
            negations=tuple(head.get("negations", ())),
            near_negations=tuple(head.get("near_negations", ())),
            no_negations=tuple(head.get("no_negations", ())),
            question_words=frozenset(asked.get("words", ())),
            question_starts=tuple(asked.get("starts", ())),
            about_them=frozenset(asked.get("about", ())),
            to_you=frozenset(asked.get("to", ())),
        )

    @classmethod
    def of(cls, language: str = "en", folder: Path | str | None = None) -> CueLists | None:
        """The lists of a language: `cues.LANGUAGE.toml` in the folder, else what comes with cxlab, else none."""
        if folder is not None and (own := Path(folder) / f"cues.{language}.toml").is_file():
            return cls.from_toml(own)
        shipped = Path(str(files("cxlab.voice").joinpath("cue_words", f"{language}.toml")))
        return _shipped(shipped) if shipped.is_file() else None

    def found_in(self, text: str) -> Found:
        """What stands in a text."""
        places = self._finder.find(text)
        if not places:
            return _NOTHING
        n = len(self.lists)
        hidden = [place for place in places if n <= place[0] < 2 * n]
        shown = {place for place in places if place[0] < n and not _overlaps(place, hidden, place[0] + n)}
        free = [place for place in places if place[0] == 2 * n + 3]
        return Found(
            places=sorted(shown, key=lambda place: (place[1], -place[2], place[0])),
            may_ask=any(place[0] == 2 * n for place in places),
            negations=[
                (start, end, _REACH[number - 2 * n - 1])
                for number, start, end in places
                if number in (2 * n + 1, 2 * n + 2) and not _overlaps((number, start, end), free, 2 * n + 3)
            ],
        )

    @cached_property
    def question_start(self) -> re.Pattern[str]:
        """The beginning of a question that may lack its mark, after handles and the like."""
        starts = "|".join(f"(?:{pattern_of(term).pattern})" for term in self.question_starts) or "(?!)"
        return re.compile(rf"\s*(?:(?:[@#.]\S+|\[[A-Z]+\]|[^\w\s]+)\s+)*({starts})", re.IGNORECASE)

    @cached_property
    def _finder(self) -> TermFinder:
        return TermFinder([
            *(each.any for each in self.lists), *(each.none for each in self.lists),
            self.question_starts, self.negations, self.near_negations, self.no_negations,
        ])  # fmt: skip


@lru_cache(maxsize=8)
def _shipped(path: Path) -> CueLists:
    return CueLists.from_toml(path)


def _overlaps(place: Place, others: list[Place], number: int) -> bool:
    """Whether a place overlaps one of a list."""
    return any(other == number and start < place[2] and place[1] < end for other, start, end in others)


def _of_cue(where: str, cue: str, tables: Any, problems: list[Problem]) -> Iterable[CueList]:
    if cue not in VALUES or not isinstance(tables, Mapping):
        problems.append(Problem(f"{where} [{cue}]", "is no cue", did_you_mean(cue, [*VALUES, "language", "questions"])))
        return
    for name, body in tables.items():
        at = f"{where} [{cue}.{name}]"
        body = body if isinstance(body, dict) else {}
        problems += [Problem(at, f"unknown key `{key}`", did_you_mean(key, _KEYS)) for key in body.keys() - _KEYS]
        value, tone, allowed = str(body.get("value", name)), str(body.get("tone", "")), VALUES[cue]
        if allowed is not None and value not in allowed:
            problems.append(Problem(at, f"`{value}` is no value of {cue}", did_you_mean(value, allowed)))
        if tone and tone not in _TONES:
            problems.append(Problem(f"{at} tone", f"is `{tone}`", did_you_mean(tone, _TONES)))
        if not body.get("any"):
            problems.append(Problem(at, "has no `any`", "write the words that show it"))
        yield CueList(cue, value, tuple(body.get("any", ())), tuple(body.get("none", ())), tone)
