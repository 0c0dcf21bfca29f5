"""Answers to questions: missing codes out, recodes in, and nothing that lies off the scale.

An answer off its declared scale is an error, never a guess: 99 on a 1 to 5 scale may be "don't know", and 11 on 0 to 10
may be a scale that was stored from 1. The message names file, column, value, count, scale and the way out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxlab.config import Code, Item, Source
from cxlab.data.codes import as_numbers, number_of, stripped, translated
from cxlab.data.privacy import mask_pii
from cxlab.problems import Problem

LONGEST_COUNTED = 10  # points: on a longer scale the two best answers are too few to be counted
_VALUES_SHOWN = 4
_ITEMS_SHOWN = 8
_LENGTH_SHOWN = 40


def best_answers(scores: pd.Series, low: Any, high: Any) -> pd.Series:
    """Whether each answer is one of the two best of its scale (1.0 or 0.0; NaN without an answer).

    On a scale longer than ten points (0 to 100) two answers are too few to be counted: there it is the upper fifth. `low`
    and `high` are numbers, or one for each answer.

    >>> best_answers(pd.Series([3, 4, 5, None]), 1, 5).tolist()
    [0.0, 1.0, 1.0, nan]
    >>> best_answers(pd.Series([80, 81]), 0, 100).tolist()
    [0.0, 1.0]
    """
    low, high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    above = np.where(high - low > LONGEST_COUNTED, low + 0.8 * (high - low), high - 2)
    return (scores > above).astype(float).where(scores.notna())


def read_answers(
    rows: pd.DataFrame, columns: Mapping[str, str], items: Mapping[str, Item], options: Source, file: str
) -> tuple[pd.DataFrame, list[Problem]]:
    """One column an item: numbers for items with a scale, text for the others. And what is wrong with them.

    `columns` is item → column of the file; an item that the file does not have is missing in all its rows.
    """
    answers: dict[str, pd.Series] = {}
    problems: list[Problem] = []
    for name, item in items.items():
        if columns[name] not in rows:
            answers[name] = pd.Series(None, index=rows.index, dtype=object if item.scale is None else float)
            continue
        given = stripped(rows[columns[name]])
        codes = options.missing_by_item.get(name, options.missing or [])
        text = translated(given, missing=codes, recode=options.recode.get(name))
        if item.scale is None:
            answers[name] = text
            continue
        answer = _Answer(name, item, columns[name], file)
        answers[name], no_number = as_numbers(text, options.decimal)
        wrong = no_number | (text.notna() & ~answers[name].between(*item.scale))
        answers[name] = answers[name].where(~wrong)
        if wrong.any():
            problems.append(answer.off_scale(text[wrong], codes))
        if name not in options.missing_by_item and (lost := answer.codes_on_scale(given, codes)):
            problems.append(lost)
    if absent := [name for name in items if columns[name] not in rows]:
        names = ", ".join(
            name if columns[name] == name else f"{name} ({columns[name]})" for name in absent[:_ITEMS_SHOWN]
        )
        more = f" and {len(absent) - _ITEMS_SHOWN} more" if len(absent) > _ITEMS_SHOWN else ""
        what = f"has no column for {len(absent)} of {len(items)} items, they are missing there: {names}{more}"
        problems.append(Problem(file, what, "", "note"))
    return pd.DataFrame(answers, index=rows.index), problems


@dataclass(frozen=True)
class _Answer:
    """One item in one file, for messages."""

    name: str
    item: Item
    column: str
    file: str

    @property
    def where(self) -> str:
        return f"{self.file}, column `{self.column}` (item {self.name})"

    @property
    def scale(self) -> str:
        low, high = self.item.scale or (0, 0)
        return f"the scale {low:g} to {high:g}"

    def off_scale(self, wrong: pd.Series, codes: list[Code]) -> Problem:
        """Answers that are no number or lie off the scale: each value with its count, and the way out."""
        counts = wrong.value_counts()
        shown = list(counts.index[:_VALUES_SHOWN])
        values = ", ".join(f"{_shown(value)} ({_rows(int(counts[value]))})" for value in shown)
        more = (
            f" and {_rows(int(counts.iloc[_VALUES_SHOWN:].sum()))} with other values"
            if counts.size > len(shown)
            else ""
        )
        what = f"{values}{more} {'lies' if len(counts) == 1 else 'lie'} off {self.scale}"
        near = [f"`{code}`" for code in codes for value in shown if str(code).casefold() == value.casefold()]
        if near:
            what += f" (declared missing is {near[0]}, which is written otherwise)"
        if all(number_of(value) is None and number_of(value, ",") is not None for value in shown):
            return Problem(self.where, what, 'if this is a decimal comma say decimal = ","')
        declared = ", ".join(value if number_of(value) is not None else f'"{_shown(value)}"' for value in shown)
        way_out = f"if this is no answer declare missing = [{declared}] (or missing_by_item.{self.name})"
        return Problem(self.where, what, f"{way_out}; if it is one, mend the scale, or recode.{self.name}")

    def codes_on_scale(self, given: pd.Series, codes: list[Code]) -> Problem | None:
        """Answers on the scale that a missing code of the whole source takes away."""
        taken = [code for code in codes if self._on_scale(str(code))]
        n_lost = int((given.notna() & translated(given, missing=taken).isna()).sum()) if taken else 0
        if not n_lost:
            return None
        values = ", ".join(map(str, taken))
        what = f"{_rows(n_lost)} with {values} are taken as missing, though {values} lies on {self.scale}"
        way_out = f"say missing_by_item.{self.name} = [{values}] to confirm, or [] if they are answers"
        return Problem(self.where, what, way_out, "warning")

    def _on_scale(self, code: str) -> bool:
        number, scale = number_of(code), self.item.scale
        return number is not None and scale is not None and scale[0] <= number <= scale[1]


def _shown(value: str) -> str:
    masked = mask_pii([value])[0]
    return masked if len(masked) <= _LENGTH_SHOWN else f"{masked[:_LENGTH_SHOWN]}…"


def _rows(n: int) -> str:
    return f"{n:,} row" if n == 1 else f"{n:,} rows"


MOST_GROUPS = 12


def grouping_columns(rows: pd.DataFrame, but: Iterable[str] = ()) -> list[str]:
    """The columns that put respondents, or customers, into two to twelve groups, by name; ids and what names a wave are none."""
    out = {*but, "response_id", "customer_id", "account_id", "survey", "perspective", "wave", "from_source", "cluster"}
    return [
        str(column)
        for column in rows.columns
        if column not in out
        and pd.api.types.is_string_dtype(rows[column])
        and 2 <= rows[column].nunique() <= MOST_GROUPS
    ]
