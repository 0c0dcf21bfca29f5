"""Codes in exports: texts that stand for no answer, for another word, or for a number."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from cxlab.config import Code

_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_SWAPPED = str.maketrans({".": ",", ",": "."})
_IN_GROUPS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")  # 1,234,567.50


def stripped(texts: pd.Series) -> pd.Series:
    """Texts without surrounding blanks; what was nothing but blanks is empty."""
    return _each(texts, lambda text: text.strip() or None)


def translated(
    texts: pd.Series, *, missing: Sequence[Code] = (), recode: Mapping[str, Code] | None = None, ids: bool = False
) -> pd.Series:
    """Texts with missing codes emptied, then recoded.

    A code that is a number is compared as a number, so 0 stands for "0" and "0.0"; a word is compared as it is written.
    In ids (`ids`) every code is a word: 7 is not 007.
    """
    if not missing and not recode:
        return texts
    gone = {str(code) for code in missing}
    words = {key: str(value) for key, value in (recode or {}).items()}
    gone_numbers = set() if ids else {number for code in gone if (number := number_of(code)) is not None}
    numbers = {} if ids else {number: words[key] for key in words if (number := number_of(key)) is not None}

    def one(text: str) -> str | None:
        number = None if ids else number_of(text)
        if text in gone or number in gone_numbers:
            return None
        return (words[text] if text in words else numbers.get(number, text) if number is not None else text) or None

    return _each(texts, one)


def number_of(text: str, decimal: str | None = None) -> float | None:
    """A text as a finite number; None for what is none.

    Thousands may be grouped only where the decimal mark is said: 1,234 is 1234 in one country and 1.234 in another.

    >>> number_of("3.50"), number_of("3,50"), number_of("1.234,5", ","), number_of("12.5", ",")
    (3.5, None, 1234.5, None)
    """
    if decimal == ",":
        text = text.translate(_SWAPPED)
    if decimal is not None and _IN_GROUPS.fullmatch(text):
        text = text.replace(",", "")
    if not _PLAIN.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def as_numbers(texts: pd.Series, decimal: str | None) -> tuple[pd.Series, pd.Series]:
    """Texts as numbers with this decimal mark, and a mask of the texts that are there and are no number."""
    codes, unique = pd.factorize(texts.astype(object))
    known = [number_of(text, decimal) for text in unique]
    values = np.array([math.nan if number is None else number for number in known] + [math.nan])[codes]
    no_number = np.array([number is None for number in known] + [False])[codes]
    return pd.Series(values, index=texts.index), pd.Series(no_number, index=texts.index)


def _each(texts: pd.Series, change: Callable[[str], str | None]) -> pd.Series:
    """A function applied to every text that is there, once for each different one."""
    codes, unique = pd.factorize(texts.astype(object))
    changed = np.array([*(change(text) for text in unique), None], dtype=object)
    return pd.Series(changed[codes], index=texts.index, name=texts.name, dtype=object)
