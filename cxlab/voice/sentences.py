"""Where a comment is cut: sentences and clauses, with their places in the text.

A sentence ends at a full stop, exclamation or question mark that is followed by white space, or at a line break; "e.g.", "No. 5",
"3.50" and initials do not end one. A clause is a part of a sentence between commas, semicolons, dashes and the words that turn a
thought around ("but", "although", "however", "while", "yet"). Every place holds `text[start:end] == part`, and nothing but white space
and the cutting marks is left between parts. The rules are for languages that write with full stops and blanks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

import pandas as pd

_KNOWN_TEXTS = 1_024  # whose places are kept in mind: several questions are asked of one text
_SHORT = 8  # characters before a full stop that tell a short form
SENTENCES = ["text_id", "sentence", "start", "end", "text"]
_END = re.compile(r"(?:[.!?…]+[\"'”’)\]]*(?=\s)|\n)\s*")
_NO_END = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|st|nr|vs|etc|inc|ltd|co|approx|dept|est|fig|e\.g|i\.e|a\.m|p\.m|u\.s|u\.k)|\b[A-Z])\.$",
    re.IGNORECASE,
)
_TURN = re.compile(
    r"(?:[,;:–—]|\s-{1,2}\s|(?<![\w'’])(?:but|although|though|however|while|whereas|yet|except)(?![\w'’]))",
    re.IGNORECASE,
)


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """The places of the sentences of a text, in order.

    >>> text = "Rude agent. I paid 3.50, e.g. for nothing!"
    >>> [text[start:end] for start, end in sentence_spans(text)]
    ['Rude agent.', 'I paid 3.50, e.g. for nothing!']
    """
    return list(_sentences(text))


def clause_spans(text: str) -> list[tuple[int, int]]:
    """The places of the clauses of a text, in order; none crosses a sentence.

    >>> text = "The app is great, but the bill was wrong. Never again"
    >>> [text[start:end] for start, end in clause_spans(text)]
    ['The app is great', 'the bill was wrong.', 'Never again']
    """
    return list(_clauses(text))


def sentences(texts: Sequence[str] | pd.Series) -> pd.DataFrame:
    """One row a sentence: text_id (index label), sentence (from 0 within its text), start, end, text (= the text between them). A
    missing or empty text has none."""
    series = texts if isinstance(texts, pd.Series) else pd.Series(list(texts), dtype=object)
    rows = [
        (text_id, number, start, end, text[start:end])
        for text_id, text in series.dropna().items()
        for number, (start, end) in enumerate(sentence_spans(text))
    ]
    return pd.DataFrame(rows, columns=SENTENCES)


@lru_cache(maxsize=_KNOWN_TEXTS)
def _sentences(text: str) -> tuple[tuple[int, int], ...]:
    spans, begin = [], 0
    for end in _END.finditer(text):
        if end.group().rstrip() == "." and _goes_on(
            text[max(begin, end.start() - _SHORT) : end.start() + 1], text[end.end() :][:1]
        ):
            continue
        spans.append((begin, end.end()))
        begin = end.end()
    spans.append((begin, len(text)))
    return tuple(kept for kept in (_tight(text, *span) for span in spans) if kept[0] < kept[1])


@lru_cache(maxsize=_KNOWN_TEXTS)
def _clauses(text: str) -> tuple[tuple[int, int], ...]:
    return tuple(span for begin, stop in _sentences(text) for span in _turns(text, begin, stop))


def _goes_on(part: str, following: str) -> bool:
    """Whether the full stop at the end belongs to a short form: "No." only before a number."""
    return _NO_END.search(part) is not None or (following.isdigit() and part.lower().endswith((" no.", "(no.")))


def _turns(text: str, begin: int, stop: int) -> Iterator[tuple[int, int]]:
    at = begin
    for turn in _TURN.finditer(text, begin, stop):
        if (
            turn.group() in ",:"
            and text[turn.start() - 1 : turn.start()].isdigit()
            and text[turn.end() : turn.end() + 1].isdigit()
        ):
            continue  # 3,50 and 10:30
        start, end = _tight(text, at, turn.start())
        if start < end:
            yield start, end
        at = turn.end()
    start, end = _tight(text, at, stop)
    if start < end:
        yield start, end


def _tight(text: str, start: int, end: int) -> tuple[int, int]:
    """A span without the white space at its ends."""
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), end - len(part) + len(part.rstrip())
