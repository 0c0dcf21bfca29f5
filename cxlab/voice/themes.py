"""What are comments about? An editable codebook with spans, and what it does not cover.

A codebook is a TOML file: each theme has words or phrases (`any`, `*` for any ending), phrases that do not count (`none`), groups
of which one of each must stand in a sentence (`all`), or regular expressions. One row of `assign` is one mention, so a comment
may have several themes. Words are not meaning: print the coverage, and code a sample by hand before acting on a theme.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxlab.problems import Problem, StudyError, did_you_mean

ASSIGNED = ["text_id", "theme", "start", "end", "match"]
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*")
_KEYS = {"label", "parent", "touchpoint", "any", "none", "all", "regex"}


@dataclass(frozen=True)
class Theme:
    """One theme of a codebook, with its patterns compiled."""

    name: str
    label: str
    touchpoint: str | None
    parent: str | None
    patterns: tuple[re.Pattern[str], ...]
    excluded: tuple[re.Pattern[str], ...]
    together: tuple[re.Pattern[str], ...]


@dataclass(frozen=True)
class Codebook:
    """A codebook: its themes in the order of the file."""

    name: str
    language: str
    themes: tuple[Theme, ...]

    @classmethod
    def from_toml(cls, path: Path | str) -> Codebook:
        """Read a codebook. Raises `StudyError` with everything that is wrong with the file."""
        where = Path(path).name
        try:
            raw = tomllib.loads(Path(path).read_text("utf-8"))
        except FileNotFoundError:
            raise StudyError(Problem(f"codebook {where}", "there is no such file", "name one that is there")) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise StudyError(Problem(f"codebook {where}", f"is not valid TOML: {error}", "mend the line")) from None
        head = raw.get("codebook", {})
        problems: list[Problem] = []
        themes = [_theme(where, name, body, problems) for name, body in raw.get("themes", {}).items()]
        known = {theme.name for theme in themes}
        problems += [
            Problem(f"codebook {where} [themes.{theme.name}] parent", f"unknown theme `{theme.parent}`",
                    did_you_mean(theme.parent, known))
            for theme in themes
            if theme.parent is not None and theme.parent not in known
        ]  # fmt: skip
        if not themes:
            problems.append(Problem(f"codebook {where}", "has no [themes.…]", "write at least one"))
        if problems:
            raise StudyError(problems)
        return cls(str(head.get("name", where)), str(head.get("language", "en")), tuple(themes))

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

    def assign(self, texts: Sequence[str] | pd.Series) -> pd.DataFrame:
        """One row a mention: text_id (index label), theme, start, end, match (= text[start:end]); none twice."""
        series = texts if isinstance(texts, pd.Series) else pd.Series(list(texts), dtype=object)
        rows = []
        cache: dict[str, list[tuple[str, int, int]]] = {}
        for text_id, text in series.dropna().items():
            if text not in cache:
                cache[text] = [(theme.name, *span) for theme in self.themes for span in _mentions(theme, text)]
            rows += [(text_id, name, start, end, text[start:end]) for name, start, end in cache[text]]
        return pd.DataFrame(rows, columns=ASSIGNED)


def _theme(where: str, name: str, body: Any, problems: list[Problem]) -> Theme:
    at = f"codebook {where} [themes.{name}]"
    body = body if isinstance(body, dict) else {}
    problems += [Problem(at, f"unknown key `{key}`", did_you_mean(key, _KEYS)) for key in body.keys() - _KEYS]
    if not body.get("any") and not body.get("all") and not body.get("regex"):
        problems.append(Problem(at, "has neither `any` nor `all` nor `regex`", "write the words that show the theme"))
    compiled = []
    for pattern in body.get("regex", []):
        try:
            compiled.append(re.compile(pattern, re.IGNORECASE))
        except re.error as error:
            problems.append(Problem(f"{at} regex", f"`{pattern}`: {error}", "mend the pattern"))
    if body.get("any"):
        compiled.append(_of_terms(body["any"]))
    return Theme(
        name=name,
        label=str(body.get("label", name.replace("_", " ").capitalize())),
        touchpoint=body.get("touchpoint"),
        parent=body.get("parent"),
        patterns=tuple(compiled),
        excluded=(_of_terms(body["none"]),) if body.get("none") else (),
        together=tuple(_of_terms(group) for group in body.get("all", [])),
    )


def _of_terms(terms: Iterable[str]) -> re.Pattern[str]:
    """Whole words and phrases; `*` stands for any ending, a blank for any white space."""
    parts = [r"\s+".join(re.escape(word).replace(r"\*", r"\w*") for word in str(term).split()) for term in terms]
    return re.compile(r"(?<!\w)(?:" + "|".join(sorted(parts, key=len, reverse=True)) + r")(?!\w)", re.IGNORECASE)


def _mentions(theme: Theme, text: str) -> list[tuple[int, int]]:
    spans = {match.span() for pattern in theme.patterns for match in pattern.finditer(text)}
    if theme.together:
        for sentence in _SENTENCE.finditer(text):
            if all(pattern.search(sentence.group()) for pattern in theme.together):
                spans |= {
                    (sentence.start() + match.start(), sentence.start() + match.end())
                    for match in theme.together[0].finditer(sentence.group())
                }
    out = [match.span() for pattern in theme.excluded for match in pattern.finditer(text)]
    kept = [span for span in sorted(spans) if not any(span[0] < end and start < span[1] for start, end in out)]
    apart: list[tuple[int, int]] = []
    for span in kept:
        if not apart or span[0] >= apart[-1][1]:
            apart.append(span)
    return apart


def suggest_themes(
    texts: Sequence[str] | pd.Series, codebook: Codebook, *, n_themes: int = 10, random_state: int = 0
) -> pd.DataFrame:
    """What the codebook misses: one row a proposed theme: theme, terms, n, share, examples (positions in `texts`).

    TF-IDF of the comments without a mention, cut by non-negative factorisation; the same seed gives the same table. Empty
    where fewer than twenty comments are left.
    """
    series = (texts if isinstance(texts, pd.Series) else pd.Series(list(texts), dtype=object)).reset_index(drop=True)
    covered = set(codebook.assign(series)["text_id"])
    left = series[~series.index.isin(covered) & series.notna()]
    columns = ["theme", "terms", "n", "share", "examples"]
    if len(left) < 20:
        return pd.DataFrame(columns=columns)
    from sklearn.decomposition import NMF
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer

    words = TfidfVectorizer(
        stop_words=sorted(ENGLISH_STOP_WORDS), min_df=3, max_df=0.6, ngram_range=(1, 2), sublinear_tf=True
    )
    try:
        matrix = words.fit_transform(left)
    except ValueError:  # no word is left
        return pd.DataFrame(columns=columns)
    k = min(n_themes, min(matrix.shape) - 1)
    if k < 1:
        return pd.DataFrame(columns=columns)
    model = NMF(n_components=k, init="nndsvd", random_state=random_state, max_iter=400)
    loads = model.fit_transform(matrix)
    names = words.get_feature_names_out()
    strongest = np.where(loads.max(axis=1) > 0, loads.argmax(axis=1), -1)
    rows = []
    for j in range(k):
        own = np.flatnonzero(strongest == j)
        terms = [str(names[i]) for i in np.argsort(-model.components_[j], kind="stable")[:8]]
        best = own[np.argsort(-loads[own, j], kind="stable")[:3]]
        rows.append({"theme": f"new {j + 1}", "terms": terms, "n": len(own), "share": len(own) / len(series),
                     "examples": [int(left.index[i]) for i in best]})  # fmt: skip
    return pd.DataFrame(rows, columns=columns).sort_values("n", ascending=False, kind="stable", ignore_index=True)
