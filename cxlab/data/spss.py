"""Reads an SPSS file (.sav, .zsav) to text: one row is one case, a cell is a code, a word, a number or a date.

A column is read as its codes unless the source names it in `labels`: a scale needs its numbers, a report the words of a
region. What the file itself declares missing (single codes, ranges, words) is no answer and becomes empty, as what SPSS
calls system-missing is; a note says which codes these were and in how many rows, because "don't know" and "not asked" are
the same empty cell afterwards. The texts of the questions are the file's variable labels. Nothing else of the file is
used: no weight, no multiple response sets, no levels of measurement.
"""

from __future__ import annotations

import codecs
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import pyreadstat

from cxlab.config import Source
from cxlab.data.privacy import mask_pii
from cxlab.problems import Problem, StudyError, did_you_mean

_N_ROWS = slice(80, 84)  # the bytes of the header that say how many rows follow
_NOT_SAID = b"\xff\xff\xff\xff"
_DATES = re.compile(r"(?:[AEJS]?DATE|QYR|MOYR|WKYR)\d")  # formats whose numbers are seconds since _ORIGIN
_MOMENTS = re.compile(r"(?:DATETIME|YMDHMS)\d")
_CLOCKS = re.compile(r"[DM]?TIME\d")  # seconds
_ORIGIN = np.datetime64("1582-10-14", "ms")
_WRITABLE = (np.datetime64("0001-01-01", "ms"), np.datetime64("9999-12-31T23:59:59.999", "ms"))
_EXACT = 2**53  # from here on a number does not know its last digit
_COLUMNS_SHOWN = 8
_CODES_SHOWN = 4
_LENGTH_SHOWN = 40
_SAY_ENCODING = 'say the right one, for example encoding = "cp1252"'
_CUT_OFF = ("is cut off or damaged", "copy or export it again")
_FAULTS = {  # words of the library → what is wrong, and the way out
    "convert string": ("holds bytes that are no text in the encoding it is read in", _SAY_ENCODING),
    "character set": ("is in an encoding that is unknown", _SAY_ENCODING),
    "expected number of rows": _CUT_OFF,
    "Unable to read": _CUT_OFF,
    "Invalid file": _CUT_OFF,
}


@dataclass(frozen=True)
class SpssFile:
    """A file as text: its columns' names and cells (None where empty), its questions, and what a person should know.

    `texts` are its distinct words, in which letters may have been lost.
    """

    names: list[str]
    cells: list[np.ndarray]
    question_text: dict[str, str]
    texts: list[str]
    notes: list[Problem]


def read_spss(path: Path, options: Source, shown: str) -> SpssFile:
    """Read a file that is known to be SPSS. `shown` names it in messages.

    Raises `StudyError` where it is cut off or in another encoding than it says, where two columns bear one name, and where
    a column of `labels` is not there.
    """
    data, meta = _load(path, options.encoding, shown)
    unmatched = _check_labels(meta.column_names, options.labels or [], shown)
    worded = {name for name in meta.column_names if any(fnmatchcase(name, label) for label in options.labels or [])}
    columns = [_column(name, data.pop(name), meta) for name in meta.column_names]
    asked = {name: " ".join((label or "").split()) for name, label in meta.column_names_to_labels.items()}
    return SpssFile(
        names=[column.name for column in columns],
        cells=[column.cells(in_words=column.name in worded) for column in columns],
        question_text={name: text for name, text in asked.items() if text},
        texts=[*asked.values(), *(text for column in columns for text in column.words())],
        notes=[
            *_row_count(path, meta, shown),
            *unmatched,
            *_missing_told(columns, shown),
            *(note for column in columns if column.name in worded for note in column.label_notes(shown)),
            *(_codes_told(columns, options, shown) if options.labels is None else ()),
        ],
    )


def _load(path: Path, encoding: str | None, shown: str) -> tuple[dict[str, list[Any]], Any]:
    """Values by column (missing codes as they are, dates as numbers) and the file's description of itself."""
    try:
        told = None if encoding is None else codecs.lookup(encoding).name  # as iconv calls it
    except LookupError:
        _refuse(shown, f"encoding `{encoding}` is unknown", "for example utf-8 or cp1252")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "column .* is duplicated")
            return pyreadstat.read_sav(
                path, encoding=told, user_missing=True, disable_datetime_conversion=True, output_format="dict"
            )
    except UserWarning as twice:
        name = str(twice).partition("' is duplicated")[0].removeprefix("column '")
        _refuse(shown, f"column `{name}` is there twice", "rename one")
    except UnicodeDecodeError:
        _refuse(shown, *_FAULTS["convert string"])
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError) as error:
        fault = next((fault for words, fault in _FAULTS.items() if words in str(error)), None)
        _refuse(shown, *(fault or (f"cannot be read as SPSS: {error}", "save it again in SPSS")))


def _refuse(where: str, what: str, way_out: str) -> NoReturn:
    raise StudyError(Problem(where, what, way_out)) from None


def _check_labels(names: list[str], labels: list[str], shown: str) -> list[Problem]:
    """A name in `labels` has to be there; a pattern may match nothing, which is a note."""
    where = f"{shown}, labels"
    unmatched = [label for label in labels if not any(fnmatchcase(name, label) for name in names)]
    if unknown := [label for label in unmatched if not _is_pattern(label)]:
        written = {name.casefold(): name for name in names}
        near = [did_you_mean(written.get(label.casefold(), label), names) for label in unknown]
        raise StudyError(
            Problem(where, f"the file has no column `{label}`", f'{meant}; if only some files have it write "{label}*"')
            for label, meant in zip(unknown, near, strict=True)
        )
    return [Problem(where, f"`{label}` matches no column of the file", "", "note") for label in unmatched]


def _is_pattern(label: str) -> bool:
    return any(mark in label for mark in "*?[")


# ------------------------------------------------------------------------------------------------------------- columns


@dataclass(frozen=True)
class _Column:
    """One column: its distinct values, which of them each row holds (-1 where empty), and what the file says of them."""

    name: str
    values: np.ndarray
    which: np.ndarray
    missing: np.ndarray  # of each distinct value, whether the file declares it missing
    labels: dict[Any, str]
    answers: dict[Any, str]  # the labels of codes that are not missing
    form: str  # F8.2, A20, DATE11 …

    def cells(self, *, in_words: bool) -> np.ndarray:
        texts = _as_text(self.values, self.form)
        if in_words:
            texts = [self.labels.get(value, text) for value, text in zip(self.values.tolist(), texts, strict=True)]
        kept = np.array([*texts, None], dtype=object)
        kept[:-1][self.missing] = None
        return kept[self.which]

    def words(self) -> Iterator[str]:
        """Its distinct texts and its value labels."""
        yield from self.labels.values()
        if self.values.dtype == object:
            yield from self.values

    def counted(self, chosen: np.ndarray) -> str:
        """The chosen values with their labels and rows, the most frequent first: 99 don't know (3 rows), 97 (1 row)."""
        counts = np.bincount(self.which[self.which >= 0], minlength=len(self.values))
        order = sorted(np.flatnonzero(chosen), key=lambda position: -counts[position])
        first = self.values[order[:_CODES_SHOWN]]  # no dates: a code of a date is still a code
        shown = [
            f"{_with_label(code, self.labels.get(value))} ({_rows(counts[position])})"
            for code, value, position in zip(_codes(first), first, order, strict=False)
        ]
        if rest := order[_CODES_SHOWN:]:
            shown.append(f"{len(rest)} more ({_rows(counts[rest].sum())})")
        return ", ".join(shown)

    def label_notes(self, shown: str) -> Iterator[Problem]:
        """What labels do not tell: codes without one, codes that share one."""
        where = f"{shown}, column `{self.name}`"
        if not self.answers:
            yield Problem(where, "has no value labels, though `labels` names it; its codes are read", "", "note")
            return
        bare = np.array([value not in self.labels for value in self.values.tolist()], dtype=bool) & ~self.missing
        if bare.any():
            what = f"codes without a value label stay as they are: {self.counted(bare)}"
            yield Problem(where, what, f"name them in recode.{self.name}, or label them in SPSS", "note")
        codes: dict[str, list[str]] = {}
        for code, label in self.answers.items():
            codes.setdefault(label, []).extend(_codes(np.array([code])))
        for label, same in codes.items():
            if len(same) > 1:
                yield Problem(where, f"the codes {', '.join(same)} are all called `{label}` and become one", "", "note")


def _column(name: str, raw: list[Any], meta: Any) -> _Column:
    declared = meta.missing_ranges.get(name, [])
    labels = {_plain(code): " ".join(label.split()) for code, label in meta.variable_value_labels.get(name, {}).items()}
    labels = {code: label for code, label in labels.items() if label}
    if meta.readstat_variable_types[name] == "string":
        which, filled_up = pd.factorize(np.array([*raw, None], dtype=object)[:-1])
        again, values = pd.factorize(np.array([*(_plain(text) or None for text in filled_up), None], dtype=object))
        which = again[which]  # -1, which is empty, is the None at the end
    else:
        which, values = pd.factorize(np.array(raw, dtype=float))
    missing = _is_missing(values, declared)
    answers = {code: label for code, label in labels.items() if not _is_missing(np.array([code]), declared)[0]}
    return _Column(name, values, which, missing, labels, answers, meta.original_variable_types[name] or "")


def _is_missing(codes: np.ndarray, declared: list[dict[str, Any]]) -> np.ndarray:
    """Whether each code lies in one of the ranges that the file declares; a single code is a range of its own."""
    missing = np.zeros(len(codes), dtype=bool)
    for ends in declared:
        missing |= (codes >= _plain(ends["lo"])) & (codes <= _plain(ends["hi"]))
    return missing


def _plain(code: Any) -> Any:
    """A code without the blanks that fill a word up to its column's width."""
    return code.strip() if isinstance(code, str) else code


def _as_text(values: np.ndarray, form: str) -> list[str]:
    """Whole numbers without `.0`, dates and times in ISO form, words as they are."""
    if values.dtype.kind != "f":
        return [str(value) for value in values]
    readable = np.zeros(len(values), dtype=bool)
    written: list[str] = []
    if _CLOCKS.match(form):
        readable = (values >= 0) & (values < _EXACT)
        written = [_clock(value) for value in values[readable].tolist()]
    elif _DATES.match(form) or _MOMENTS.match(form):
        first, last = ((end - _ORIGIN).astype(float) / 1000 for end in _WRITABLE)
        readable = (values >= first) & (values <= last)
        moments = _ORIGIN + np.round(values[readable] * 1000).astype("timedelta64[ms]")
        iso = np.datetime_as_string(moments, unit="D" if _DATES.match(form) else "ms")
        written = [moment.removesuffix(".000") for moment in iso.tolist()]
    whole = ~readable & (np.abs(values) < _EXACT) & (values == np.floor(values))
    other = ~readable & ~whole
    texts = np.empty(len(values), dtype=object)
    texts[readable] = written
    texts[whole] = [str(value) for value in values[whole].astype(np.int64).tolist()]
    texts[other] = [repr(value) for value in values[other].tolist()]
    return texts.tolist()


def _codes(values: np.ndarray) -> list[str]:
    """Values as messages show them: of words no person's data, and not all of a long one."""
    texts = _as_text(values, "")
    if values.dtype != object:
        return texts
    return [text if len(text) <= _LENGTH_SHOWN else f"{text[:_LENGTH_SHOWN]}…" for text in mask_pii(texts)]


def _clock(seconds: float) -> str:
    """10:00:05, with a fraction only where there is one; a duration may have more than 24 hours."""
    minutes, thousandths = divmod(round(seconds * 1000), 60_000)
    fraction = f".{thousandths % 1000:03d}" if thousandths % 1000 else ""
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{thousandths // 1000:02d}{fraction}"


# --------------------------------------------------------------------------------------------------------------- notes


def _row_count(path: Path, meta: Any, shown: str) -> Iterator[Problem]:
    with path.open("rb") as file:
        header = file.read(_N_ROWS.stop)
    if header[_N_ROWS] == _NOT_SAID:
        what = f"does not say how many rows it has; {meta.number_rows:,} were read"
        yield Problem(shown, what, "compare it with SPSS: a file that was cut off may look the same", "note")


def _missing_told(columns: list[_Column], shown: str) -> Iterator[Problem]:
    """Which codes were emptied because the file declares them missing."""
    told = [f"{column.name}: {column.counted(column.missing)}" for column in columns if column.missing.any()]
    if told:
        what = f"codes that the file declares missing are read as no answer, in {_columns(len(told))}: {_some(told)}"
        yield Problem(shown, what, "", "note")


def _codes_told(columns: list[_Column], options: Source, shown: str) -> Iterator[Problem]:
    """Which columns have value labels that nobody asked for; first those that the source itself names."""
    named = {*options.columns.values(), *(options.keep or [])}
    labelled = sorted((column for column in columns if column.answers), key=lambda column: column.name not in named)
    if labelled:
        what = f"of {_columns(len(labelled))} with value labels the codes are read: {_some([c.name for c in labelled])}"
        way_out = f'for words instead say labels = ["{labelled[0].name}"], for codes everywhere labels = []'
        yield Problem(shown, what, way_out, "note")


def _with_label(code: str, label: str | None) -> str:
    return f"{code} {label}" if label else code


def _some(told: list[str]) -> str:
    more = f" and {len(told) - _COLUMNS_SHOWN} more" if len(told) > _COLUMNS_SHOWN else ""
    return "; ".join(told[:_COLUMNS_SHOWN]) + more


def _columns(n: int) -> str:
    return f"{n:,} column" if n == 1 else f"{n:,} columns"


def _rows(n: int) -> str:
    return f"{n:,} row" if n == 1 else f"{n:,} rows"
