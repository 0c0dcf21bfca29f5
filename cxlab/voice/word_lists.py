"""How does one score a comment in a language that cxlab has no rules for? With the study's own list of words.

A study brings `lexicon.LANGUAGE.txt` or `lexicon.LANGUAGE.toml` in its decisions, for example `lexicon.de.txt`. The text is in the
format of VADER's own file: a word and its score (−4 very bad to 4 very good), parted by a tab; further columns and lines that begin
with `#` are ignored, `*` at the end of a word stands for any ending. Instead of a score a word may say what it does to others:

    gut         1.9
    enttäusch*  -2.1
    nicht       not both
    kein*       not
    sehr        more
    kaum        less

`not` turns the next word with a score, at most three words further; `not both` turns the last one before where none comes after
("gefällt mir nicht"). `more` and `less` make the next word stronger or weaker. The same in TOML, where `degree` says how much:

    language = "de"
    negations = ["kein*"]
    negations_both = ["nicht"]
    [words]
    gut = 1.9
    [degree]
    sehr = 0.293

`score_with_lexicon` adds up and squeezes as VADER does (Hutto & Gilbert 2014): a turned score counts −0.74 times, a stronger one
0.293 more, the sum s becomes s/√(s² + 15). It knows no capitals, no irony and no grammar, and nothing reaches over a clause. A
language without a file is not scored, and the reason says so. What a list is worth is told by `agreement` with ratings or codes.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from cxlab.problems import Problem, StudyError, did_you_mean
from cxlab.voice.languages import NAMES, UNSURE, identify, why_not
from cxlab.voice.sentences import clause_spans
from cxlab.voice.sentiment import label_of, lexicon_sentiment

BUILT_IN = "en"
"""The language that is scored without a file: VADER's rules."""
SCORED = ["language", "score", "label", "lexicon", "reason"]
AFTER, BOTH = "not", "not both"
_TURNED, _STEP, _SPREAD = -0.74, 0.293, 15.0  # as in VADER
_REACH = 3  # words
_LARGEST = 4.0
_EFFECTS: dict[str, tuple[str, str | float]] = {
    AFTER: ("negation", AFTER), BOTH: ("negation", BOTH), "more": ("degree", _STEP), "less": ("degree", -_STEP)
}  # fmt: skip
_Said = tuple[str, str | float]  # kind, and what is said
_Entry = tuple[str, str, str, str | float]  # place in the file, word, kind, what is said
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True)
class WordList:
    """The words of one language: `scores` (−4 to 4), `negations` ("not", "not both"), `degree` (what is added to the next score);
    a key may end with `*`."""

    language: str
    name: str
    scores: Mapping[str, float]
    negations: Mapping[str, str] = field(default_factory=dict)
    degree: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def from_file(cls, path: Path | str) -> WordList:
        """Read a list. Raises `StudyError` with everything that is wrong with the file, line by line."""
        path = Path(path)
        where = f"lexicon {path.name}"
        try:
            text = path.read_text("utf-8-sig")
        except FileNotFoundError:
            raise StudyError(Problem(where, "there is no such file", "name one that is there")) from None
        except UnicodeDecodeError as error:
            raise StudyError(Problem(where, f"is not UTF-8: {error}", "save it as UTF-8")) from None
        problems: list[Problem] = []
        parts = path.name.split(".")
        language = parts[1] if len(parts) == 3 and parts[0] == "lexicon" else ""
        if path.suffix == ".toml":
            said, entries = _of_toml(where, text, problems)
            if language and said and said != language:
                problems.append(Problem(f"{where} language", f"is `{said}`", f"the name of the file says `{language}`"))
            language = said or language
        else:
            entries = _of_lines(where, text, problems)
        if not language:
            problems.append(
                Problem(where, "says no language", "name it lexicon.LANGUAGE.txt, for example lexicon.de.txt")
            )
        made = cls(language, path.name, *_sorted_out(entries, problems))
        if not made.scores and not problems:
            problems.append(Problem(where, "has no word with a score", "write at least one, for example `gut<tab>1.9`"))
        if problems:
            raise StudyError(problems)
        return made

    def of(self, word: str) -> _Said | None:
        """What a word (in small letters) says, or nothing. A whole word goes before a beginning, a longer one before a shorter."""
        if word in self._whole:
            return self._whole[word]
        return next((said for end in range(len(word), 0, -1) if (said := self._beginnings.get(word[:end]))), None)

    @cached_property
    def _said(self) -> dict[str, _Said]:
        kinds: dict[str, Mapping[str, str | float]] = {
            "score": self.scores,
            "negation": self.negations,
            "degree": self.degree,
        }
        return {word: (kind, what) for kind, said in kinds.items() for word, what in said.items()}

    @cached_property
    def _whole(self) -> dict[str, _Said]:
        return {word: said for word, said in self._said.items() if word[-1:] != "*"}

    @cached_property
    def _beginnings(self) -> dict[str, _Said]:
        return {word[:-1]: said for word, said in self._said.items() if word[-1:] == "*"}


def lexicon_for(language: str, folder: Path | str | None) -> WordList | None:
    """The lexicon of a language in a folder (a study's decisions): lexicon.LANGUAGE.toml, else .txt; none where there is no such
    file. English needs none."""
    if folder is None:
        return None
    found = [path for ending in ("toml", "txt") if (path := Path(folder) / f"lexicon.{language}.{ending}").is_file()]
    if len(found) > 1:
        raise StudyError(Problem(f"lexicon.{language}", "is there as .toml and as .txt", "keep one of them"))
    return WordList.from_file(found[0]) if found else None


def lexicons_in(folder: Path | str | None) -> dict[str, WordList]:
    """Every lexicon of a folder by its language."""
    if folder is None or not Path(folder).is_dir():
        return {}
    named = [
        path.name.split(".") for path in sorted(Path(folder).glob("lexicon.*.*")) if path.suffix in (".toml", ".txt")
    ]
    made = {parts[1]: lexicon_for(parts[1], folder) for parts in named if len(parts) == 3}
    return {language: lexicon for language, lexicon in made.items() if lexicon is not None}


def score_with_lexicon(texts: Sequence[str] | pd.Series, lexicon: WordList) -> pd.DataFrame:
    """One row a text, indexed like the input: score (−1 to 1), label (negative, neutral, positive; cut at ±0.05).

    A missing text has no score; one without a word of the lexicon is 0 and neutral.

    >>> german = WordList("de", "", {"gut": 1.9}, {"nicht": "not both"})
    >>> score_with_lexicon(["Gut.", "nicht gut", None], german)["label"].tolist()
    ['positive', 'negative', None]
    """
    series = texts if isinstance(texts, pd.Series) else pd.Series(list(texts), dtype=object)
    known = {text: _compound(text, lexicon) for text in series.dropna().unique()}
    score = series.map(known).astype(float)
    return pd.DataFrame({"score": score, "label": label_of(score)}, index=series.index)


def sentiment_by_language(
    texts: Sequence[str] | pd.Series, folder: Path | str | None = None, *, expected: str = "en"
) -> pd.DataFrame:
    """One row a text, indexed like the input: language, score, label, lexicon (what scored it), reason (why it is not scored).

    Each text is scored with the words of its own language: English with VADER's rules unless the folder has a lexicon.en,
    others with the folder's lexicons. `expected` is the language that most are in. A text that is not scored has a reason.
    """
    series = texts if isinstance(texts, pd.Series) else pd.Series(list(texts), dtype=object)
    own = lexicons_in(folder)
    told = identify(series, expected=expected)["language"]
    table = pd.DataFrame(
        {"language": told, "score": np.nan, "label": None, "lexicon": "", "reason": ""}, index=series.index
    )
    reason = np.array(
        [why_not(text, language, expected) for text, language in zip(series, told, strict=True)], dtype=object
    )
    spoken = np.where(reason == "", expected, told.to_numpy())  # "10/10" is scored as the others are
    for language in sorted({BUILT_IN, *own}):
        here = spoken == language
        lexicon = own.get(language)
        made = lexicon_sentiment(series[here]) if lexicon is None else score_with_lexicon(series[here], lexicon)
        table.loc[here, "score"] = made["score"].to_numpy()
        table.loc[here, "label"] = made["label"].to_numpy()
        table.loc[here, "lexicon"] = "VADER" if lexicon is None else lexicon.name
        reason[here] = ""
    unread = (table["lexicon"] == "").to_numpy() & np.isin(spoken, ["", UNSURE], invert=True)
    reason[unread] = [f"no lexicon of {NAMES.get(language, language)}" for language in spoken[unread]]
    table["reason"] = reason
    return table[SCORED]


def _compound(text: str, lexicon: WordList) -> float:
    total = sum(_clause_sum(text[start:end], lexicon) for start, end in clause_spans(text))
    return total / (total * total + _SPREAD) ** 0.5


def _clause_sum(clause: str, lexicon: WordList) -> float:
    """The scores of a clause, after what its other words do to them."""
    said = [lexicon.of(word.replace("’", "'").lower()) or ("", "") for word in _WORD.findall(clause)]
    scores = {at: float(what) for at, (kind, what) in enumerate(said) if kind == "score"}
    if not scores:
        return 0.0
    for at, (kind, what) in enumerate(said):
        if kind == "degree" and (near := _next(scores, at)) is not None:
            scores[near] += float(what) if scores[near] > 0 else -float(what)
    for at, (kind, what) in enumerate(said):
        if kind == "negation":
            near = _next(scores, at)
            if near is None and what == BOTH:
                near = max((place for place in scores if at - _REACH <= place < at), default=None)
            if near is not None:
                scores[near] *= _TURNED
    return sum(scores.values())


def _next(scores: Mapping[int, float], at: int) -> int | None:
    return min((place for place in scores if at < place <= at + _REACH), default=None)


def _of_lines(where: str, text: str, problems: list[Problem]) -> list[_Entry]:
    made: list[_Entry] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        at = f"{where} line {number}"
        word, tab, rest = line.partition("\t")
        said = rest.split("\t")[0].strip()
        if not tab:
            problems.append(Problem(at, f"`{line.strip()}` has no tab", "part the word and its score with one"))
        elif said in _EFFECTS:
            made.append((at, word, *_EFFECTS[said]))
        else:
            try:
                made.append((at, word, "score", float(said)))
            except ValueError:
                known = ", ".join(_EFFECTS)
                problems.append(Problem(at, f"`{said}` is no number and none of {known}", "write a score such as 1.9"))
    return made


def _of_toml(where: str, text: str, problems: list[Problem]) -> tuple[str, list[_Entry]]:
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StudyError(Problem(where, f"is not valid TOML: {error}", "mend the line")) from None
    tables, lists = {"words": "score", "degree": "degree"}, {"negations": AFTER, "negations_both": BOTH}
    keys = {"language", *tables, *lists}
    problems += [Problem(where, f"unknown key `{key}`", did_you_mean(key, keys)) for key in raw.keys() - keys]
    made: list[_Entry] = []
    for key, kind in lists.items():
        words = raw.get(key, [])
        made += [
            (f"{where} {key}", str(word), "negation", kind) for word in (words if isinstance(words, list) else [words])
        ]
    for key, kind in tables.items():
        for word, score in raw.get(key, {}).items():
            at = f"{where} [{key}] {word}"
            if isinstance(score, bool) or not isinstance(score, int | float):
                problems.append(Problem(at, f"`{score}` is no number", "write one such as 1.9"))
            else:
                made.append((at, word, kind, float(score)))
    return str(raw.get("language", "")), made


def _sorted_out(
    entries: Iterable[_Entry], problems: list[Problem]
) -> tuple[dict[str, float], dict[str, str], dict[str, float]]:
    """Scores, negations and degrees by word; adds what cannot be used to the problems."""
    scores: dict[str, float] = {}
    negations: dict[str, str] = {}
    degree: dict[str, float] = {}
    for at, written, kind, said in entries:
        word = written.strip().lower().replace("’", "'")
        if not _WORD.fullmatch(word.removesuffix("*")):
            if kind == "score" and not _LETTER.search(word):
                continue  # an emoticon, as in VADER's own file
            problems.append(Problem(at, f"`{written}` is not one word", "write single words; `*` only at the end"))
        elif word in scores or word in negations or word in degree:
            problems.append(Problem(at, f"`{written}` is there twice", "keep one of them"))
        elif kind == "negation":
            negations[word] = str(said)
        elif not abs(float(said)) <= _LARGEST:
            problems.append(Problem(at, f"the score of `{written}` is {said}", "scores lie between -4 and 4"))
        else:
            (scores if kind == "score" else degree)[word] = float(said)
    return scores, negations, degree
