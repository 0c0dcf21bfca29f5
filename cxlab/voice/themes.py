"""What are comments about? An editable codebook of themes, with the place of every mention.

A codebook is a TOML file with an optional head `[codebook]` (`name`, `language`) and one `[themes.NAME]` a theme: words and phrases
(`any`), phrases that do not count (`none`), groups of which one of each must stand in a sentence (`all`), regular expressions
(`regex`); a `label`, the `parent` theme that it belongs to, and the `touchpoint` that it speaks of (else its parent's). A theme with
none of these but others below it is a heading.

Terms are whole words in any case ("bag" is not in "garbage"), `*` is any ending, a blank any white space. A match that overlaps
one of `none` does not count. Of matches of one theme that overlap, the first counts, and of those that begin together the longest.

One row of `assign` is one mention, so a comment may have several themes, and a theme may come up several times in a comment: count
comments, not rows. Parents are not added there; `roll_up` adds them when a parent is to be counted. Words are not meaning: print the
coverage, and have a sample coded by people (`cxlab.voice.coding`) before anybody acts on a theme.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxlab.problems import Problem, StudyError, did_you_mean
from cxlab.voice.proposals import suggest_themes
from cxlab.voice.sentences import sentence_spans
from cxlab.voice.terms import TermFinder, tidy

__all__ = ["Codebook", "Theme", "suggest_themes"]
ASSIGNED = ["text_id", "theme", "start", "end", "match"]
_HEAD = ("name", "language")
_KEYS = ("label", "parent", "touchpoint", "any", "none", "all", "regex")
_KNOWN_TEXTS = 100_000  # texts whose mentions are kept in mind, for those that come again
_ANY, _NONE = -1, -2  # what a list of terms is for; from 0 the number of a group of `all`


@dataclass(frozen=True)
class Theme:
    """One theme as the codebook writes it; `touchpoint` is its own or that of the nearest theme above it."""

    name: str
    label: str
    parent: str | None = None
    touchpoint: str | None = None
    any: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    all: tuple[tuple[str, ...], ...] = ()
    regex: tuple[re.Pattern[str], ...] = ()


@dataclass(frozen=True)
class Codebook:
    """A codebook: its themes in the order of the file."""

    name: str
    language: str
    themes: tuple[Theme, ...]

    @classmethod
    def from_toml(cls, path: Path | str) -> Codebook:
        """Read a codebook. Raises `StudyError` with everything that is wrong with the file: key, value and way out."""
        where = f"codebook {Path(path).name}"
        try:
            return cls.from_text(Path(path).read_text("utf-8-sig"), where=where)
        except FileNotFoundError:
            raise StudyError(Problem(where, "there is no such file", "name one that is there")) from None
        except UnicodeDecodeError:
            raise StudyError(Problem(where, "is not UTF-8", "save it as UTF-8")) from None
        except OSError as problem:
            what = f"cannot be read: {(problem.strerror or type(problem).__name__).lower()}"
            raise StudyError(Problem(where, what, "let it be a file that may be read")) from None

    @classmethod
    def from_text(cls, text: str, *, where: str = "codebook") -> Codebook:
        """A codebook from the text of a TOML file; `where` is what its mistakes are reported under.

        >>> book = Codebook.from_text('[themes.bag]\\nany = ["bag*"]')
        >>> book.assign(["A bag of garbage"])["match"].tolist()
        ['bag']
        """
        try:
            raw = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            twice = "twice" in str(error) or "overwrite" in str(error)
            way_out = "name each theme and each key once" if twice else "mend the line"
            raise StudyError(Problem(where, f"is not valid TOML: {error}", way_out)) from None
        problems: list[Problem] = []
        head = _head(raw, where, problems)
        bodies = raw.get("themes", {})
        if not bodies:
            problems.append(Problem(where, "has no [themes.…]", "write at least one"))
        bodies = bodies if isinstance(bodies, dict) else {}
        themes = [_theme(where, name, body, problems) for name, body in bodies.items()]
        headings = {name for name, body in bodies.items() if isinstance(body, dict) and not _looked_for(body)}
        problems += _between(where, themes, headings)
        if problems:
            raise StudyError(problems)
        name = str(head.get("name", where.removeprefix("codebook ").removesuffix(".toml")))
        return cls(name, str(head.get("language", "en")), _with_touchpoints(themes))

    @classmethod
    def named(cls, name: str, folder: Path | None = None) -> Codebook:
        """A codebook by name: `NAME.toml` in `folder` (a study's decisions), else one that comes with cxlab."""
        if folder is not None and (folder / f"{name}.toml").is_file():
            return cls.from_toml(folder / f"{name}.toml")
        own = files("cxlab.voice").joinpath("codebooks")
        known = sorted(entry.name.removesuffix(".toml") for entry in own.iterdir() if entry.name.endswith(".toml"))
        if name not in known:
            raise StudyError(
                Problem(f"codebook `{name}`", "is neither in decisions/ nor with cxlab", did_you_mean(name, known))
            )
        return cls.from_toml(Path(str(own.joinpath(f"{name}.toml"))))

    @property
    def labels(self) -> dict[str, str]:
        return {theme.name: theme.label for theme in self.themes}

    @property
    def touchpoints(self) -> dict[str, str | None]:
        """The touchpoint of each theme, its own or inherited; None where it speaks of none."""
        return {theme.name: theme.touchpoint for theme in self.themes}

    def ancestors(self, name: str) -> tuple[str, ...]:
        """The themes above one, the nearest first. Raises ValueError for a theme that the codebook lacks."""
        if name not in self._above:
            raise ValueError(f"unknown theme `{name}`; {did_you_mean(name, self._above)}")
        return self._above[name]

    def assign(self, texts: Sequence[str] | pd.Series) -> pd.DataFrame:
        """One row a mention: text_id (index label), theme, start, end, match (= text[start:end]); none twice, parents not added.

        Rows stand in the order of the texts, then of the themes in the codebook, then of their places. A missing text has none.
        Raises ValueError for what is no text.
        """
        series = texts if isinstance(texts, pd.Series) else pd.Series(list(texts), dtype=object)
        rows: list[int] = []
        found: list[tuple[int, int, int]] = []
        match: list[str] = []
        known: dict[str, list[tuple[int, int, int]]] = {}
        values, there = series.to_numpy(dtype=object), series.notna().to_numpy()
        for row in np.flatnonzero(there).tolist():
            text = values[row]
            mentions = known.get(text)
            if mentions is None:
                if not isinstance(text, str):
                    raise ValueError(
                        f"text `{series.index[row]}` is {text!r}, not text; turn it into str or leave it missing"
                    )
                if len(known) >= _KNOWN_TEXTS:
                    known.clear()
                known[text] = mentions = self._matcher.mentions(text)
            for mention in mentions:
                rows.append(row)
                found.append(mention)
                match.append(text[mention[1] : mention[2]])
        places = np.array(found, dtype=np.int64).reshape(-1, 3)
        names = np.array([theme.name for theme in self.themes], dtype=object)
        ids = series.index.to_flat_index().take(np.array(rows, dtype=np.intp))
        columns = [ids, names[places[:, 0]], places[:, 1], places[:, 2], np.array(match, dtype=object)]
        return pd.DataFrame(dict(zip(ASSIGNED, columns, strict=True)))

    def roll_up(self, mentions: pd.DataFrame) -> pd.DataFrame:
        """Mentions as of `assign`, and those of the themes above them: what a comment says of a theme it says of its parents.

        For counting: a parent is mentioned where it or any theme below it is, each place once (of places that overlap the first,
        of those that begin together the longest). Further columns go with their rows. Rows stand as in `assign`.
        """
        if unknown := set(mentions["theme"]) - set(self._above):
            name = min(map(str, unknown))
            raise ValueError(f"unknown theme `{name}`; {did_you_mean(name, self._above)}")
        order = {theme.name: number for number, theme in enumerate(self.themes)}
        text_of = pd.factorize(mentions["text_id"])[0].tolist()
        columns = (mentions["theme"].tolist(), mentions["start"].tolist(), mentions["end"].tolist())
        wanted = [
            (text, order[name], start, -end, row)
            for row, (text, theme, start, end) in enumerate(zip(text_of, *columns, strict=True))
            for name in (theme, *self._above[theme])
        ]
        rows, themes, names = [], [], [theme.name for theme in self.themes]
        last, reached = (-1, -1), 0
        for text, theme, start, end, row in sorted(wanted):
            if (text, theme) != last or start >= reached:
                rows.append(row)
                themes.append(names[theme])
                last, reached = (text, theme), -end
        return mentions.iloc[rows].assign(theme=np.array(themes, dtype=object)).reset_index(drop=True)

    @cached_property
    def _above(self) -> dict[str, tuple[str, ...]]:
        return _lines({theme.name: theme.parent for theme in self.themes})

    @cached_property
    def _matcher(self) -> _Matcher:
        return _Matcher(self.themes)


class _Matcher:
    """All themes of a codebook, looked for together: `mentions(text)` gives theme number, start and end in order."""

    def __init__(self, themes: Sequence[Theme]) -> None:
        lists: list[tuple[str, ...]] = []
        self._use: list[tuple[int, int]] = []  # of each list: number of its theme, what it is for
        for number, theme in enumerate(themes):
            for use, terms in ((_ANY, theme.any), (_NONE, theme.none), *enumerate(theme.all)):
                if terms:
                    lists.append(terms)
                    self._use.append((number, use))
        self._find = TermFinder(lists).find
        self._groups = [len(theme.all) for theme in themes]
        self._regex = [(number, pattern) for number, theme in enumerate(themes) for pattern in theme.regex]

    def mentions(self, text: str) -> list[tuple[int, int, int]]:
        found: dict[int, list[tuple[int, int, int]]] = {}
        for place, start, end in self._find(text):
            theme, use = self._use[place]
            found.setdefault(theme, []).append((use, start, end))
        for theme, pattern in self._regex:
            for match in pattern.finditer(text):
                if match.start() < match.end():
                    found.setdefault(theme, []).append((_ANY, *match.span()))
        return [
            (theme, start, end) for theme in sorted(found) for start, end in self._counted(text, theme, found[theme])
        ]

    def _counted(self, text: str, theme: int, found: list[tuple[int, int, int]]) -> list[tuple[int, int]]:
        """Which of the places found for a theme are mentions of it."""
        spans = {(start, -end) for use, start, end in found if use == _ANY}
        groups = self._groups[theme]
        if groups and len({use for use, _, _ in found if use >= 0}) == groups:
            for begin, stop in sentence_spans(text):
                inside = [place for place in found if place[0] >= 0 and begin <= place[1] and place[2] <= stop]
                if len({use for use, _, _ in inside}) == groups:
                    spans |= {(start, -end) for use, start, end in inside if use == 0}
        out = [(start, end) for use, start, end in found if use == _NONE]
        counted: list[tuple[int, int]] = []
        for start, minus_end in sorted(spans):
            if counted and start < counted[-1][1]:
                continue
            if not any(start < end and begin < -minus_end for begin, end in out):
                counted.append((start, -minus_end))
        return counted


# ------------------------------------------------------------------------------------------------------------------ reading


def _head(raw: dict[str, Any], where: str, problems: list[Problem]) -> dict[str, Any]:
    problems += [
        Problem(f"{where} [{key}]", "is no part of a codebook", did_you_mean(key, ("codebook", "themes")))
        for key in raw.keys() - {"codebook", "themes"}
    ]
    problems += [
        Problem(
            f"{where} [{key}]", f"is {raw[key]!r}, not a table", f"write [{key}{'.NAME' if key == 'themes' else ''}]"
        )
        for key in ("codebook", "themes")
        if not isinstance(raw.get(key, {}), dict)
    ]
    head = raw.get("codebook", {})
    head = head if isinstance(head, dict) else {}
    at = f"{where} [codebook]"
    problems += [Problem(at, f"unknown key `{key}`", did_you_mean(key, _HEAD)) for key in head.keys() - set(_HEAD)]
    for key in head.keys() & set(_HEAD):
        _words(f"{at} {key}", head[key], problems)
    language = head.get("language", "en")
    if isinstance(language, str) and language.strip() and not re.fullmatch("[a-z]{2,3}", language):
        problems.append(Problem(f"{at} language", f"`{language}` is no code of a language", "write it like `en`"))
    return head


def _theme(where: str, name: str, body: Any, problems: list[Problem]) -> Theme:
    at = f"{where} [themes.{name}]"
    if not isinstance(body, dict):
        problems.append(Problem(at, f"is {body!r}, not a table", f"write [themes.{name}] and its keys below"))
        body = {"any": [name]}
    problems += [Problem(at, f"unknown key `{key}`", did_you_mean(key, _KEYS)) for key in body.keys() - set(_KEYS)]
    for key in ("label", "parent", "touchpoint"):
        if key in body:
            _words(f"{at} {key}", body[key], problems)
    any_, none = (_terms(f"{at} {key}", body.get(key, []), problems) for key in ("any", "none"))
    problems += [
        Problem(f"{at} none", f"`{term}` is in `any` too, so it never counts", "take it out of one of them")
        for term in none
        if tidy(term) in map(tidy, any_)
    ]
    return Theme(
        name=name,
        label=str(body.get("label", name.replace("_", " ").capitalize())),
        parent=_text_or_none(body.get("parent")),
        touchpoint=_text_or_none(body.get("touchpoint")),
        any=any_,
        none=none,
        all=_groups(f"{at} all", body.get("all", []), problems),
        regex=_patterns(f"{at} regex", body.get("regex", []), problems),
    )


def _looked_for(body: dict[str, Any]) -> bool:
    """Whether a theme has words of its own, else it is a heading."""
    return any(body.get(key) for key in ("any", "all", "regex"))


def _words(at: str, value: Any, problems: list[Problem]) -> None:
    if not isinstance(value, str) or not value.strip():
        problems.append(Problem(at, f"is {value!r}, not a word", "write it in quotes"))


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _strings(at: str, value: Any, problems: list[Problem]) -> list[str]:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return value
    problems.append(Problem(at, f"is {value!r}, not a list of strings", 'write it like ["bill*", "direct debit"]'))
    return []


def _terms(at: str, value: Any, problems: list[Problem]) -> tuple[str, ...]:
    known: set[str] = set()
    strings = _strings(at, value, problems)
    for term in strings:
        if not term.replace("*", "").strip():
            what = f"`{term}` is {'every word' if '*' in term else 'no word'}"
            problems.append(Problem(at, what, "write a word or phrase, `*` only with letters"))
        elif tidy(term) in known:
            problems.append(Problem(at, f"`{term}` stands there twice", "take one of them out"))
        known.add(tidy(term))
    return tuple(strings)


def _groups(at: str, value: Any, problems: list[Problem]) -> tuple[tuple[str, ...], ...]:
    way_out = 'write one list a group, like [["charg*"], ["twice", "double*"]]'
    if not isinstance(value, list) or not all(isinstance(group, list) and group for group in value):
        problems.append(Problem(at, f"is {value!r}, not lists of words", way_out))
        return ()
    if len(value) == 1:
        problems.append(Problem(at, f"has one group, {value[0]!r}", f"{way_out}; a single list is `any`"))
    return tuple(_terms(at, group, problems) for group in value)


def _patterns(at: str, value: Any, problems: list[Problem]) -> tuple[re.Pattern[str], ...]:
    made: list[re.Pattern[str]] = []
    for text in _strings(at, value, problems):
        try:
            pattern = re.compile(text, re.IGNORECASE)
        except re.error as error:
            problems.append(Problem(at, f"`{text}`: {error}", "mend the pattern"))
            continue
        if pattern in made:
            problems.append(Problem(at, f"`{text}` stands there twice", "take one of them out"))
        if pattern.match("") is not None:
            problems.append(Problem(at, f"`{text}` matches no letters at all", "let it ask for at least one"))
        made.append(pattern)
    return tuple(made)


def _between(where: str, themes: Sequence[Theme], headings: set[str]) -> list[Problem]:
    """What is wrong between themes: parents that are not there or go in a circle, names twice, headings of nothing."""
    parents = {theme.name: theme.parent for theme in themes}
    problems: list[Problem] = []
    labels: dict[str, str] = {}
    for theme in themes:
        at = f"{where} [themes.{theme.name}]"
        if theme.parent is not None and theme.parent not in parents:
            way_out = did_you_mean(theme.parent, parents)
            problems.append(Problem(f"{at} parent", f"unknown theme `{theme.parent}`", way_out))
        if theme.name in headings and theme.name not in parents.values():
            what = "has neither `any` nor `all` nor `regex`"
            problems.append(
                Problem(at, what, "write the words that show the theme, or let other themes have it as parent")
            )
        first = labels.setdefault(tidy(theme.label), theme.name)
        if first != theme.name:
            what = f"`{theme.label}` is the label of [themes.{first}] too"
            problems.append(Problem(f"{at} label", what, "give each theme a label of its own"))
    for path in _circles(parents):
        what = f"goes in a circle: {' → '.join((*path, path[0]))}"
        problems.append(Problem(f"{where} [themes.{path[0]}] parent", what, "take one of the parents out"))
    return problems


def _circles(parents: dict[str, str | None]) -> list[tuple[str, ...]]:
    """Each circle of parents once, from its first theme in the file."""
    found, seen = [], set()
    for name in parents:
        path: list[str] = []
        at: str | None = name
        while at is not None and at in parents and at not in seen and at not in path:
            path.append(at)
            at = parents[at]
        if at in path:
            found.append(tuple(path[path.index(at) :]))
        seen |= set(path)
    return found


def _lines(parents: dict[str, str | None]) -> dict[str, tuple[str, ...]]:
    """The themes above each, the nearest first."""
    above: dict[str, tuple[str, ...]] = {}

    def line(name: str) -> tuple[str, ...]:
        if name not in above:
            parent = parents[name]
            above[name] = () if parent is None else (parent, *line(parent))
        return above[name]

    for name in parents:
        line(name)
    return above


def _with_touchpoints(themes: Iterable[Theme]) -> tuple[Theme, ...]:
    own = {theme.name: theme for theme in themes}
    above = _lines({name: theme.parent for name, theme in own.items()})

    def touchpoint(theme: Theme) -> str | None:
        points = (own[name].touchpoint for name in (theme.name, *above[theme.name]))
        return next((point for point in points if point is not None), None)

    return tuple(replace(theme, touchpoint=touchpoint(theme)) for theme in own.values())
