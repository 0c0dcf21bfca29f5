"""How numbers are written for readers, so that one number looks the same on every page.

NPS and shares are whole numbers, means and effects have one decimal, p has three. A minus is a minus sign, an interval is
"−3 to 9", a base has thousands separators, and a base that is too small is written `n<30`: never as a blank, a 0 or a dash.

A unit is "points" (NPS), "%" (shares), the ends of a scale such as "1 to 7", or "" for a plain number, which stays whole
where it is whole and has two decimals below 1. Nothing here computes a statistic.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

import pandas as pd

SURVEY_WORDS = {"tracking": "tracking survey", "event": "event survey", "deep_dive": "deep dive"}
MIN_BASE, CAUTION_BASE = 30, 100
"""Below the first a figure is not shown; below the second it is marked as resting on a small base."""

_WHOLE = ("points", "%")
_READINGS = {
    "better": "Better",
    "worse": "Worse",
    "changed": "Changed",
    "no clear change": "No clear change",
    "none": "No clear change",
    "not tested": "Not tested",
    "new": "New: no earlier figure",
    "gone": "No figure now",
}


def number_text(value: float, decimals: int = 0, *, signed: bool = False) -> str:
    """A number with a true minus and thousands separators; what rounds to zero has no sign.

    >>> number_text(-2214.4), number_text(0.04, 1, signed=True), number_text(6.71, 1, signed=True)
    ('−2,214', '0.0', '+6.7')
    """
    text = f"{value:,.{decimals}f}"
    is_zero = not text.strip("-0.,")
    text = text.lstrip("-") if is_zero else text.replace("-", "−")
    return f"+{text}" if signed and value > 0 and not is_zero else text


def decimals_of(unit: str, *values: float) -> int:
    """How many decimals figures of a unit have. Without a unit whole numbers stay whole, and those below 1 have two.

    >>> decimals_of("%"), decimals_of("1 to 7"), decimals_of("", 1200.0), decimals_of("", 3.4, 0.2), decimals_of("", 0.15)
    (0, 1, 0, 1, 2)
    """
    if unit:
        return 0 if unit in _WHOLE else 1
    known = [float(value) for value in values if math.isfinite(value)]
    if all(value.is_integer() for value in known):
        return 0
    return 1 if max(map(abs, known)) > 1 else 2


def finer(unit: str, low: float | None, high: float | None) -> int:
    """How many decimals more than usual a figure needs so that its interval does not vanish in the rounding.

    >>> finer("%", 4.6, 5.3), finer("%", 40, 52)
    (1, 0)
    """
    if is_missing(low) or is_missing(high) or unit not in _WHOLE:
        return 0
    return int(_finite(high) - _finite(low) < 1.5)


def estimate_text(value: float | None, unit: str = "", *, reason: str = "", more: int = 0) -> str:
    """One estimate. What is not a number is said in words: `reason`, or "not defined".

    >>> estimate_text(-18.1, "points"), estimate_text(81.4, "%"), estimate_text(5.24, "1 to 7"), estimate_text(2214)
    ('−18', '81%', '5.2', '2,214')
    >>> estimate_text(float("nan"), "%", reason="n<30")
    'n<30'
    """
    if is_missing(value):
        return reason or "not defined"
    number = _finite(value)
    return number_text(number, decimals_of(unit, number) + more) + ("%" if unit == "%" else "")


def interval_text(low: float | None, high: float | None, unit: str = "", *, more: int = 0) -> str:
    """An interval; the unit is named once.

    >>> interval_text(-3.2, 8.9, "points"), interval_text(57.6, 64.2, "%"), interval_text(5.02, 5.2, "1 to 7")
    ('−3 to 9', '58 to 64%', '5.0 to 5.2')
    """
    if is_missing(low) or is_missing(high):
        return "no interval"
    ends = _finite(low), _finite(high)
    decimals = decimals_of(unit, *ends) + more
    return f"{number_text(ends[0], decimals)} to {number_text(ends[1], decimals)}" + ("%" if unit == "%" else "")


def difference_text(
    value: float | None, unit: str = "", low: float | None = None, high: float | None = None, *, reason: str = ""
) -> str:
    """A difference with its sign, and its interval where there is one. Between shares it is percentage points, never "%".

    >>> difference_text(-17.2, "points", -25, -9), difference_text(-9, "%"), difference_text(0.21, "1 to 7", -0.1, 0.5)
    ('−17 (−25 to −9)', '−9', '+0.2 (−0.1 to +0.5)')
    """
    if is_missing(value):
        return reason or "not tested"
    number = _finite(value)
    if is_missing(low) or is_missing(high):
        return number_text(number, decimals_of(unit, number), signed=True)
    ends = _finite(low), _finite(high)
    decimals = decimals_of(unit, number, *ends)
    text = number_text(number, decimals, signed=True)
    both = ends[0] < 0 < ends[1]  # an interval on both sides of zero carries both signs
    return f"{text} ({number_text(ends[0], decimals)} to {number_text(ends[1], decimals, signed=both)})"


def inside_text(label: str) -> str:
    """A label inside a sentence; one with another capital letter is a name, or an abbreviation, and stays.

    >>> inside_text("Overall satisfaction"), inside_text("NPS"), inside_text("eSIM"), inside_text("Create SW anomaly")
    ('overall satisfaction', 'NPS', 'eSIM', 'Create SW anomaly')
    """
    return label if any(letter.isupper() for letter in label[1:]) else label[:1].lower() + label[1:]


def period_text(label: str) -> str:
    """The label of a period as it is spoken.

    >>> period_text("2026-07"), period_text("2026-Q3"), period_text("2026-W05"), period_text("2026")
    ('July 2026', 'Q3 2026', 'week 5 of 2026', '2026')
    """
    year, _, part = str(label).partition("-")
    if part.startswith("Q"):
        return f"{part} {year}"
    if part.startswith("W"):
        return f"week {int(part[1:])} of {year}"
    return f"{_MONTHS[int(part) - 1]} {year}" if part else year


_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def capital_text(text: str) -> str:
    """A text that opens a sentence."""
    return text[:1].upper() + text[1:]


def span_text(counts: Iterable[float]) -> str:
    """From the smallest to the largest count; one number where they are the same.

    >>> span_text([1510, 980]), span_text([1510, 1510])
    ('980 to 1,510', '1,510')
    """
    known = [int(count) for count in counts]
    low, high = min(known), max(known)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def duration_text(text: str) -> str:
    """A duration as it is spoken; every one in a text, where it holds several.

    >>> duration_text("2d"), duration_text("order is followed by help within 1h"), duration_text("30min")
    ('2 days', 'order is followed by help within 1 hour', '30 minutes')
    """
    return re.sub(
        r"\b(\d+)(d|h|min|s)\b",
        lambda found: f"{found[1]} {_UNITS_OF_TIME[found[2]]}{'' if found[1] == '1' else 's'}",
        text,
    )


_UNITS_OF_TIME = {"d": "day", "h": "hour", "min": "minute", "s": "second"}


def difference_unit(unit: str) -> str:
    """What a difference of two figures of this unit is counted in.

    >>> difference_unit("%"), difference_unit("1 to 7"), difference_unit("points")
    ('percentage points', 'on a scale of 1 to 7', 'points')
    """
    if unit == "%":
        return "percentage points"
    return f"on a scale of {unit}" if " to " in unit else unit


def p_text(p: float | None) -> str:
    """A p-value or q-value: three decimals. Raises ValueError for what is no probability.

    >>> p_text(0.0316), p_text(0.0004), p_text(float("nan"))
    ('0.032', '< 0.001', 'not tested')
    """
    if is_missing(p):
        return "not tested"
    value = _finite(p)
    if not 0 <= value <= 1:
        raise ValueError(f"a p-value lies between 0 and 1, got {value}")
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def base_text(n: float | None, min_base: int = MIN_BASE, caution_base: int = CAUTION_BASE) -> str:
    """A base: how many people an estimate rests on. A base that is hidden says only that it is too small.

    >>> base_text(2214), base_text(92), base_text(17), base_text(0)
    ('2,214', '92 (small)', 'n<30', 'no answers')
    """
    if is_missing(n) or n == 0:
        return "no answers"
    count = _finite(n)
    if count < min_base:
        return f"n<{min_base}"
    return number_text(count) + (" (small)" if count < caution_base else "")


def reading_text(reading: str, difference: float | None = None) -> str:
    """How a change is said: the arrow is where the number went, the word is whether that is good.

    >>> reading_text("worse", 4.0), reading_text("better", 3.0), reading_text("no clear change", -1.0)
    ('▲ Worse', '▲ Better', 'No clear change')
    """
    if reading not in _READINGS:
        raise ValueError(f"`{reading}` is no reading; known: {', '.join(_READINGS)}")
    arrow = ""
    if reading in ("better", "worse", "changed") and not is_missing(difference) and difference != 0:
        arrow = "▲ " if _finite(difference) > 0 else "▼ "
    return arrow + _READINGS[reading]


def list_text(words: Iterable[str]) -> str:
    """Words in a row.

    >>> list_text(["price", "speed", "staff"]), list_text(["price"])
    ('price, speed and staff', 'price')
    """
    items = list(words)
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def describe(
    what: str,
    frame: pd.DataFrame,
    *,
    label_col: str,
    unit: str = "",
    series_col: str | None = None,
    difference: bool = False,
    estimate_col: str = "estimate",
    min_base: int = MIN_BASE,
) -> str:
    """The values of a table in one sentence, for whoever does not see the picture (`alt`).

    One row of `frame` is one estimate: its label, `estimate`, and where known `conf_low`, `conf_high`, `n`, `reason`. What a
    picture does not show is not said here either. `what` names the kind of picture and what it is about.

    >>> frame = pd.DataFrame({"group": ["New", "Old"], "estimate": [3.0, 41.0], "conf_low": [-3.0, 35.0],
    ...                       "conf_high": [9.0, 47.0], "n": [820, 12]})
    >>> describe("Dot plot of NPS by group", frame, label_col="group", unit="points")
    'Dot plot of NPS by group: New 3 (−3 to 9); Old not shown, n<30.'
    """
    needed = [label_col, estimate_col, *([series_col] if series_col else [])]
    if absent := [column for column in needed if column not in frame.columns]:
        raise ValueError(f"the table has no column `{absent[0]}`; it has {list_text(map(str, frame.columns))}")

    def said(row: Any) -> str:
        return f"{row[label_col]} {_value_words(row, unit, difference, estimate_col, min_base)}"

    if series_col is None:
        parts = [said(row) for row in frame.to_dict("records")]
    else:
        groups = frame.groupby(series_col, sort=False, observed=True)
        parts = [f"{name}: " + ", ".join(said(row) for row in part.to_dict("records")) for name, part in groups]
    return f"{what}: " + "; ".join(parts) + "."


def why_hidden(row: Any, estimate_col: str = "estimate", min_base: int = MIN_BASE) -> str:
    """Why an estimate (a row, as a mapping) is not shown, in words; empty where it is shown."""
    bases = [row[key] for key in ("n", "n_before", "n_after") if key in row and not is_missing(row[key])]
    if any(0 < base < min_base for base in bases):
        return f"n<{min_base}"
    if not is_missing(row[estimate_col]):
        return ""
    reason = row.get("reason")
    if isinstance(reason, str) and reason:
        return reason
    return "no answers" if 0 in bases else "not defined"


def is_missing(value: Any) -> bool:
    """Whether a figure is not there: None, NaN or infinite."""
    return value is None or bool(pd.isna(value)) or value in (math.inf, -math.inf)


def _value_words(row: Any, unit: str, difference: bool, estimate_col: str, min_base: int) -> str:
    if hidden := why_hidden(row, estimate_col, min_base):
        return f"not shown, {hidden}"
    low, high = row.get("conf_low"), row.get("conf_high")
    if difference:
        text = difference_text(row[estimate_col], unit, low, high)
        reading = row.get("reading")
        return f"{text}, {_READINGS[reading].lower()}" if reading in _READINGS else text
    text = estimate_text(row[estimate_col], unit)
    return text if is_missing(low) or is_missing(high) else f"{text} ({interval_text(low, high, unit)})"


def _finite(value: Any) -> float:
    """A figure as a float. Raises ValueError where it is none."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"expected a number, got {value!r}") from None
    return number
