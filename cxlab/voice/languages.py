"""In which language is a comment, so that what cannot be scored is counted and never scored wrongly?

One row of `identify` is one text: its language (ISO 639-1 where there is one) and how probable that is. A comment is first asked
whether its words are common English ones, which settles most English comments at once; py3langid (after langid.py, Lui & Baldwin
2012; nothing is downloaded) reads the others, their first 200 characters. What a text cannot tell is said: "" where
it has fewer than twenty characters, "unsure" where no language is more probable than all others together.

`expected` is the language that nine in ten comments of a study are in: nine to one for it before a text is read. So a short or
sloppy comment of that language is kept, and one in another language still is not taken for it. A comment in two languages is
counted as the one that most of it is in. Masked data, handles, links and numbers say nothing about a language.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import pandas as pd

from cxlab.voice.emotions import shipped

UNSURE, TOO_SHORT = "unsure", ""
NAMES = {
    "af": "Afrikaans", "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan", "cs": "Czech", "cy": "Welsh",
    "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian", "eu": "Basque",
    "fa": "Persian", "fi": "Finnish", "fr": "French", "ga": "Irish", "gl": "Galician", "he": "Hebrew", "hi": "Hindi",
    "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "is": "Icelandic", "it": "Italian", "ja": "Japanese", "ko": "Korean",
    "lt": "Lithuanian", "lv": "Latvian", "mk": "Macedonian", "ms": "Malay", "nl": "Dutch", "nn": "Norwegian (Nynorsk)",
    "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sk": "Slovak", "sl": "Slovene",
    "sq": "Albanian", "sr": "Serbian", "sv": "Swedish", "sw": "Swahili", "ta": "Tamil", "te": "Telugu", "th": "Thai",
    "tl": "Tagalog", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
PRIOR_ODDS = 9.0
_LONG_ENOUGH = 20  # characters, below which a language is not guessed
_READ = 200  # characters that are read
_MASKED = re.compile(r"\[[A-Z]+\]|(?:https?://|www\.)\S+|[@#]\w+|&\w+;")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_NO_LETTERS = re.compile(r"[\d_]|[^\w\s.,;:!?'()-]")
# Common in English comments, and words of other languages as well: they speak for none. So does a single letter but "i".
_SHARED = (
    "al alle als alt am an ama app as at au aber be ben bin bra but can che check client come con da dal dan dar das de dem den "
    "der des det di die do dom door du due een eh el em en er era es est et eu for fin fine fun game god gut ha hat have he hei "
    "her hi hier ho hotel il in information internet is it ja je jam kan la las le les like lo los lot ma mal man mange mas me men "
    "mi mit mm my na ne nei nein no non not nu o of og oh ok okay om on online op or os pa par pas per personal plan planet pro que "
    "rest sa se sent service si simple site so sol solo son sono spar sta super support te team ten test time to top tot tu ui un "
    "una und up us va van vi via vil vir vol von war was wat we wir y ya yo zum"
)
_NOT_TOLD = {"pcm", "zxx"}  # Nigerian Pidgin is told from English by slang alone; zxx is no language


def languages(texts: Sequence[str] | pd.Series, *, expected: str = "") -> pd.Series:
    """The language of each text; "" where it is too short to tell or missing, "unsure" where none is likely.

    >>> languages(["The bill is wrong and nobody answers.", "Die Rechnung ist falsch, niemand antwortet.", "Hm"]).tolist()
    ['en', 'de', '']
    """
    return identify(texts, expected=expected)["language"]


def identify(texts: Sequence[str] | pd.Series, *, expected: str = "") -> pd.DataFrame:
    """One row a text, indexed like the input: language, probability (0 to 1, missing where nothing is told).

    The probability is that of py3langid, with the odds for the `expected` language; 1 where the words alone say English. The
    language is that code, "" or "unsure".
    """
    series = texts if isinstance(texts, pd.Series) else pd.Series(list(texts), dtype=object)
    known = {text: _told(text, expected) for text in series.dropna().unique()}
    told = [known.get(text, (TOO_SHORT, float("nan"))) for text in series]
    return pd.DataFrame(told, columns=["language", "probability"], index=series.index).astype(
        {"language": object, "probability": float}
    )


def scorable(texts: Sequence[str] | pd.Series, language: str = "en") -> pd.DataFrame:
    """One row a text: language, probability, scored (whether it may be scored in `language`), reason ("" where it is scored).

    A text without letters ("10/10", "👍") is in every language. A missing text is not scored.

    >>> scorable(["Great service", "Sehr guter Service, danke", "👍", None])[["scored", "reason"]].values.tolist()
    [[True, ''], [False, 'in German'], [True, ''], [False, 'no text']]
    """
    series = texts if isinstance(texts, pd.Series) else pd.Series(list(texts), dtype=object)
    table = identify(series, expected=language)
    reasons = [why_not(text, told, language) for text, told in zip(series, table["language"], strict=True)]
    return table.assign(scored=[not reason for reason in reasons], reason=reasons)


def not_scored(table: pd.DataFrame) -> pd.DataFrame:
    """What `scorable` leaves out: one row a reason with its n, the largest first. The n and those scored add up to all."""
    counts = table.loc[~table["scored"], "reason"].value_counts()
    rows = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    return pd.DataFrame(rows, columns=["reason", "n"])


def why_not(text: Any, told: str, language: str) -> str:
    """Why a text of which `told` is told cannot be scored in a language; "" where it can be."""
    if not isinstance(text, str) or not text.strip():
        return "no text"
    if told == language:
        return ""
    said = _MASKED.sub(" ", text)
    if not said.strip():
        return "no words"
    if not _WORD.search(said):
        return ""
    if told in (UNSURE, TOO_SHORT):
        return "language unsure" if told == UNSURE else "too short to tell the language"
    return f"in {NAMES.get(told, told)}"


def _told(text: str, expected: str) -> tuple[str, float]:
    """The language of one text and its probability."""
    said = _MASKED.sub(" ", text[: 2 * _READ])[:_READ]
    words = _WORD.findall(said.lower().replace("’", "'"))
    if not words:
        return TOO_SHORT, float("nan")
    own, others = _english(words)
    if own > others and own >= (1 if expected == "en" else 3):
        return "en", 1.0
    long_enough = len(said.strip()) >= _LONG_ENOUGH
    if not long_enough and not expected:
        return TOO_SHORT, float("nan")
    language, probability = _likeliest(said, expected)
    if probability >= 0.5:
        return language, probability
    return (UNSURE, probability) if long_enough else (TOO_SHORT, float("nan"))


def _english(words: Sequence[str]) -> tuple[int, int]:
    """How many words are common English ones and no others, and how many are not English."""
    kinds = list(map(_kinds().get, words))
    return kinds.count(True), kinds.count(None)


def _likeliest(said: str, expected: str) -> tuple[str, float]:
    """py3langid's most probable language, after the odds for the expected one."""
    letters = _NO_LETTERS.sub(" ", said)
    if sum(letter.isupper() for letter in letters) > len(letters) / 3:
        letters = letters.lower()
    ranked = {code: p for code, p in _identifier().rank(" ".join(letters.split())) if code not in _NOT_TOLD}
    if expected in ranked:
        ranked[expected] *= PRIOR_ODDS
    total = sum(ranked.values())
    best = max(ranked, key=ranked.__getitem__)
    return best, ranked[best] / total


@lru_cache(maxsize=1)
def _kinds() -> dict[str, bool]:
    """Common English words that hardly any other language writes: true. Words that say nothing: false."""
    silent = dict.fromkeys([*_SHARED.split(), *"abcdefghjklmnopqrstuvwxyz"], False)
    return dict.fromkeys(shipped().words, True) | silent


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
