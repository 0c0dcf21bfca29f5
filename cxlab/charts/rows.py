"""The pictures of a report: one look, drawn from tidy tables of estimates.

One row of a table is one estimate: a label, `estimate`, `conf_low`, `conf_high`, `n`, and where a study has them `unit` and
`reason`. An estimate on fewer than `min_base` answers is never drawn, its place says `n<30`; one that is not defined says
why. A base below `caution_base` is drawn hollow. The functions compute no statistics: they draw what the table says, in the
order of the table unless they say otherwise.

A picture is 5.2 inches wide with text of 10 pt or more, so that it is read at 620 pixels on a desk and still at 366 on a
phone. Every text is measured before it gets its place: long names wrap, many rows make the picture taller, and no two texts
touch. There is no title and no legend: the title is text of the page (`cxlab.exhibits`), names stand beside what they name.

Colours are told apart in greyscale and with each kind of colour blindness, and never speak alone: every series has its own
marker, every reading its word. `style` gives pictures that are made with seaborn or matplotlib the same look.
"""

from __future__ import annotations

import calendar
import io
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal

import matplotlib.style
import pandas as pd
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import AbstractPathEffect, withStroke
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from PIL import Image

from cxlab.problems import did_you_mean
from cxlab.wording import (
    CAUTION_BASE,
    MIN_BASE,
    base_text,
    difference_text,
    difference_unit,
    estimate_text,
    finer,
    is_missing,
    number_text,
    reading_text,
    why_hidden,
)

INK, MUTED, GRID, PAPER = "#1b2530", "#4d5966", "#e3e7eb", "#ffffff"
SERIES = {"blue": "#064573", "rust": "#bf3a0a", "teal": "#17736e", "plum": "#ac4dbf"}
"""Colours in order of use; each goes with the marker of the same place in `MARKERS`."""
MARKERS = ("o", "s", "^", "D")
FOCUS, CONTEXT = SERIES["blue"], "#65717d"
"""The thing that is meant, and everything else."""
STILL = "#8a949e"
READINGS = {"better": SERIES["teal"], "worse": SERIES["rust"], "changed": FOCUS, "no clear change": STILL}
"""Colours of the marks of a tested change. `CONTEXT` is too close to teal for colour-blind readers; words in `MUTED`."""
WIDTH, DPI = 5.2, 144

STYLE: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib: the same bytes on every machine
    "font.size": 10.5,
    "text.color": INK,
    "text.parse_math": False,  # a price in a label is no formula
    "axes.unicode_minus": True,
    "axes.edgecolor": MUTED,
    "axes.facecolor": PAPER,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 10,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "x",
    "axes.prop_cycle": cycler(color=list(SERIES.values()), marker=list(MARKERS)),
    "grid.color": GRID,
    "grid.linewidth": 1.0,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "lines.linewidth": 2.2,
    "lines.markersize": 7,
    "hatch.color": PAPER,
    "hatch.linewidth": 1.6,
    "legend.frameon": False,
    "figure.facecolor": PAPER,
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
}

# All lengths are inches of the picture, measured from its lower left corner; text sizes are points.
_LABEL, _SMALL = 10.5, 10.0
_EDGE = 0.06  # between text and the border of the picture
_GAP = 0.14  # between the columns of a row, and between texts on an axis
_ROW_GAP = 0.12
_LABELS_MAX, _WORDS_MAX = 1.75, 1.05  # the widest that the names and the words of rows get
_VALUE_LIFT = 0.09  # from the middle of a dot to the number above it
_DOT_BELOW = 0.1
_BAR, _BAR_LIFT = 0.2, 0.03
_NARROWEST_PLOT = WIDTH - 2 * _EDGE - 2 * _GAP - _LABELS_MAX  # of rows without words
_PLOT_HEIGHT = 2.3
_STRIP = 0.21
_MAX_SERIES = 4
_HATCHES = ("", "///", "...", "xx")
_in_style: ContextVar[bool] = ContextVar("_in_style", default=False)
_HALO: list[AbstractPathEffect] = [withStroke(linewidth=3, foreground=PAPER)]


@contextmanager
def style() -> Iterator[None]:
    """The look of cxlab for pictures drawn inside the `with`, whatever was set before; seaborn's own theme is not needed."""
    if _in_style.get():  # setting every parameter of matplotlib again takes longer than measuring a word
        yield
        return
    inside = _in_style.set(True)
    try:
        with matplotlib.style.context(["default", STYLE]):
            yield
    finally:
        _in_style.reset(inside)


def png(figure: Figure) -> bytes:
    """The picture as a PNG of at most 256 colours. The same picture is the same bytes."""
    raw = io.BytesIO()
    with style():
        figure.savefig(raw, format="png", dpi=DPI, metadata={"Software": None})
    raw.seek(0)
    out = io.BytesIO()
    with Image.open(raw) as image:
        flat = image.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    flat.save(out, "PNG", optimize=True)
    return out.getvalue()


def dot_whisker(
    frame: pd.DataFrame,
    *,
    label_col: str,
    unit: str | None = None,
    focus: Sequence[str] = (),
    axis_label: str | None = None,
    min_base: int = MIN_BASE,
    caution_base: int = CAUTION_BASE,
) -> Figure:
    """Estimates with their intervals, one row each, in the order of the table.

    `unit` is that of the table's `unit` column where it has one. Labels named in `focus` are drawn in blue and all others
    in grey; without it all are blue. Raises ValueError for a missing column, a table without rows, several units, and a
    `focus` that is no label.
    """
    rows = _rows(frame, [label_col, "estimate", "conf_low", "conf_high", "n"])
    unit = _unit(frame, unit)
    _check_focus(focus, [row[label_col] for row in rows])
    hidden = [why_hidden(row, min_base=min_base) for row in rows]
    shown = [row for row, why in zip(rows, hidden, strict=True) if not why]
    with style():
        sheet = _Sheet(
            [_named(row[label_col], _bases(row, ("n",), min_base, caution_base)) for row in rows],
            [f"not shown: {why}" if why else "" for why in hidden],
            above=[_VALUE_LIFT + _line_height(_SMALL)] * len(rows),
            below=_DOT_BELOW,
            axis_label=_unit_words(unit) if axis_label is None else axis_label,
        )
        low, high = _reach(shown, "estimate", unit)
        sheet.set_scale(low, high, unit="%" if unit == "%" else "")
        for y, row, why in zip(sheet.y, rows, hidden, strict=True):
            if not why:
                colour = FOCUS if not focus or row[label_col] in focus else CONTEXT
                sheet.draw_estimate(y, row, "estimate", colour, "o", hollow=_is_small(row, ("n",), caution_base))
                sheet.write_above(y, row["estimate"], _value(estimate_text(row["estimate"], unit), row), colour)
        return sheet.figure


def difference_plot(
    frame: pd.DataFrame,
    *,
    label_col: str,
    unit: str | None = None,
    estimate_col: str = "estimate",
    base_cols: Sequence[str] = ("n",),
    axis_label: str | None = None,
    still_word: str = "",
    changed_word: str = "",
    min_base: int = MIN_BASE,
    caution_base: int = CAUTION_BASE,
) -> Figure:
    """Differences with their intervals around zero, the largest rise first, what was not tested last.

    One row is one difference (`estimate_col`; `survey.compare_waves` calls it `difference`, with the bases `n_before` and
    `n_after`). The column `reading` says "better", "worse", "changed", "no clear change" or "not tested" and gives colour,
    marker (a triangle points where the number went) and word; `still_word` stands for "No clear change" where nothing changed in
    time ("No clear difference"), `changed_word` for "Changed" ("Clear"). Raises what `dot_whisker` raises, and ValueError for another
    reading.
    """
    rows = _rows(frame, [label_col, estimate_col, "conf_low", "conf_high", "reading", *base_cols])
    unit = _unit(frame, unit)
    for row in rows:
        if row["reading"] not in (*READINGS, "not tested"):
            known = did_you_mean(str(row["reading"]), (*READINGS, "not tested"))
            raise ValueError(f"`{row['reading']}` is no reading of a difference; {known}")
        if why_hidden(row, estimate_col, min_base):
            row["reading"] = "not tested"
    rows.sort(key=lambda row: (row["reading"] == "not tested", -_number(row[estimate_col])))
    hidden = [why_hidden(row, estimate_col, min_base) for row in rows]
    shown = [row for row, why in zip(rows, hidden, strict=True) if not why]
    with style():
        sheet = _Sheet(
            [_named(row[label_col], _bases(row, base_cols, min_base, caution_base)) for row in rows],
            hidden,
            above=[_VALUE_LIFT + _line_height(_SMALL)] * len(rows),
            below=_DOT_BELOW,
            words=[
                still_word
                if still_word and row["reading"] == "no clear change"
                else f"{'▲' if row[estimate_col] > 0 else '▼'} {changed_word}"
                if changed_word and row["reading"] == "changed"
                else reading_text(row["reading"], row[estimate_col])
                for row in rows
            ],
            axis_label=f"difference, {difference_unit(unit)}".rstrip(", ") if axis_label is None else axis_label,
        )
        low, high = _reach(shown, estimate_col, "points" if unit == "%" else unit)
        sheet.set_scale(min(low, 0.0), max(high, 0.0), signed=True)
        for y, row, why, word in zip(sheet.y, rows, hidden, sheet.words, strict=True):
            moved = row["reading"] in ("better", "worse", "changed")
            colour = READINGS.get(row["reading"], STILL)
            ink = colour if moved else MUTED
            sheet.write_word(y, word, ink, bold=moved)
            if not why:
                change = row[estimate_col]
                marker = ("^" if change > 0 else "v") if moved else "o"
                sheet.draw_estimate(
                    y, row, estimate_col, colour, marker, hollow=_is_small(row, base_cols, caution_base)
                )
                sheet.write_above(y, change, _value(difference_text(change, unit), row), ink)
        return sheet.figure


def bars(
    frame: pd.DataFrame,
    *,
    label_col: str,
    value_cols: Sequence[str] = ("estimate",),
    names: Sequence[str] | None = None,
    unit: str | None = None,
    focus: Sequence[str] = (),
    axis_label: str | None = None,
    min_base: int = MIN_BASE,
    caution_base: int = CAUTION_BASE,
) -> Figure:
    """Counts or shares from zero, one bar a row, in the order of the table.

    Several `value_cols` (at most four) are parts that follow each other in one bar, each with its own colour and hatch, and
    its number and name (`names`, else the columns') written above: rows kept and rejected. A single value may have
    `conf_low` and `conf_high`. A column `n` is the base of each row, unless it is itself what is drawn. Raises ValueError
    for a value below zero, which a bar cannot show, and what `dot_whisker` raises.
    """
    rows = _rows(frame, [label_col, *value_cols])
    unit = _unit(frame, unit)
    _check_focus(focus, [row[label_col] for row in rows])
    parts = _part_names(rows, label_col, value_cols, names)
    base_cols = ("n",) if "n" in frame.columns and "n" not in value_cols else ()
    hidden = [_why_no_bar(row, value_cols, base_cols, min_base) for row in rows]
    shown = [row for row, why in zip(rows, hidden, strict=True) if not why]
    stacked = len(value_cols) > 1
    with style():
        pieces = [
            [
                f"{estimate_text(row[column], unit)} {part}".rstrip()
                for column, part in zip(value_cols, parts, strict=True)
            ]
            for row in rows
        ]
        lines = [len(_flow(texts)) if stacked else 0 for texts in pieces]
        sheet = _Sheet(
            [_named(row[label_col], _bases(row, base_cols, min_base, caution_base)) for row in rows],
            [f"not shown: {why}" if why else "" for why in hidden],
            above=[_BAR / 2 + _BAR_LIFT + count * _line_height(_SMALL) for count in lines],
            below=_BAR / 2,
            axis_label=_unit_words(unit) if axis_label is None else axis_label,
        )
        longest = max((_bar_end(row, value_cols) for row in shown), default=0.0)
        whole = 100.0 if unit == "%" and 50 < longest <= 100 else longest or 1.0
        beside = [(whole, "%")] if unit == "%" else []  # the sign of the last number of the axis
        if not stacked:
            beside += [
                (_bar_end(row, value_cols), texts[0])
                for row, texts, why in zip(rows, pieces, hidden, strict=True)
                if not why
            ]
        room = sheet.reach_for_texts(beside)
        sheet.set_scale(0.0, max(whole, room), unit="%" if unit == "%" else "", last_tick=whole)
        for y, row, texts, why in zip(sheet.y, rows, pieces, hidden, strict=True):
            if why:
                continue
            if stacked:
                sheet.draw_parts(y, [row[column] for column in value_cols])
                sheet.write_parts(y, texts)
            else:
                sheet.draw_bar(y, row, value_cols[0], FOCUS if not focus or row[label_col] in focus else CONTEXT)
                sheet.write_beside(y, _bar_end(row, value_cols), texts[0])
        return sheet.figure


def trend(
    frame: pd.DataFrame,
    *,
    x_col: str,
    series_col: str | None = None,
    unit: str | None = None,
    focus: Sequence[str] = (),
    interval: Literal["band", "whisker"] | None = None,
    axis_label: str | None = None,
    min_base: int = MIN_BASE,
    caution_base: int = CAUTION_BASE,
) -> Figure:
    """Estimates over waves: one row of the table is one wave, or one wave of one series (at most four series).

    Waves stand in the order of the table, at equal distances. A wave without a figure interrupts its line, and a strip
    below says `n<30` or "no figure" there. Intervals are bands for one or two series over more than three waves,
    else whiskers side by side. One
    series has its values written at its points; several are named at their end with their newest value. Series named in
    `focus` are blue and all others grey. Raises ValueError for a wave that a series has twice, for more than four series,
    and what `dot_whisker` raises.
    """
    rows = _rows(frame, [x_col, "estimate", "conf_low", "conf_high", "n", *([series_col] if series_col else [])])
    unit = _unit(frame, unit)
    waves = list(dict.fromkeys(row[x_col] for row in rows))
    series = _series(rows, x_col, series_col, waves, focus, min_base)
    with style():
        sheet = _WaveSheet(series, waves, unit, _unit_words(unit) if axis_label is None else axis_label)
        kind = interval or ("band" if len(series) <= 2 and len(waves) > 3 else "whisker")
        for number, line in enumerate(series):
            sheet.draw(line, sheet.dodge(number) if kind == "whisker" else 0.0, kind, caution_base)
        sheet.write_gaps()
        if series_col is None:
            sheet.write_values()
        else:
            sheet.write_names()
        return sheet.figure


def _rows(frame: pd.DataFrame, needed: Sequence[str]) -> list[dict[Any, Any]]:
    """The rows of a table that has all it needs."""
    if absent := [column for column in needed if column not in frame.columns]:
        raise ValueError(f"the table has no column `{absent[0]}`; {did_you_mean(absent[0], map(str, frame.columns))}")
    if frame.empty:
        raise ValueError("the table has no rows, so there is nothing to draw; say so in a note instead")
    return frame.to_dict("records")


def _unit(frame: pd.DataFrame, unit: str | None) -> str:
    """The one unit of what is drawn: on one axis there can be only one."""
    if unit is not None:
        return unit
    units = frame["unit"].dropna().unique().tolist() if "unit" in frame.columns else []
    if len(units) > 1:
        raise ValueError(f"the table has several units ({', '.join(units)}); draw one picture for each")
    return str(units[0]) if units else ""


def _unit_words(unit: str) -> str:
    """A unit as the name of an axis. Percent stands at the last number of the axis."""
    if unit == "%":
        return ""
    return f"scale {unit}" if " to " in unit else unit


def _check_focus(focus: Sequence[str], labels: list[Any]) -> None:
    for label in focus:
        if label not in labels:
            raise ValueError(f"`focus` names `{label}`, which is not drawn; {did_you_mean(label, map(str, labels))}")


def _named(label: Any, bases: str) -> str:
    """What stands at the left of a row, still unwrapped: the name, and in a second paragraph its bases."""
    return "\n".join(filter(None, (" ".join(str(label).split()), bases)))


def _bases(row: dict[Any, Any], base_cols: Sequence[str], min_base: int, caution_base: int) -> str:
    """The bases of a row; nothing where the place of its figure says already that they are too small."""
    bases = [row[column] for column in base_cols]
    if not bases or any(is_missing(n) or n < min_base for n in bases):
        return ""
    return "n " + " and ".join(base_text(n, min_base, caution_base) for n in bases)


def _is_small(row: dict[Any, Any], base_cols: Sequence[str], caution_base: int) -> bool:
    return any(not is_missing(row[column]) and row[column] < caution_base for column in base_cols)


def _has_interval(row: dict[Any, Any]) -> bool:
    return not (is_missing(row.get("conf_low")) or is_missing(row.get("conf_high")))


def _value(text: str, row: dict[Any, Any]) -> str:
    return text if _has_interval(row) else f"{text}, no interval"


def _number(value: Any) -> float:
    """A figure to sort by; what is none counts as the largest."""
    return math.inf if is_missing(value) else float(value)


def _reach(rows: list[dict[Any, Any]], estimate_col: str, unit: str) -> tuple[float, float]:
    """From the lowest to the highest that is drawn, with some air; never so narrow that noise looks like news."""
    values = [row[estimate_col] for row in rows]
    values += [row[end] for row in rows if _has_interval(row) for end in ("conf_low", "conf_high")]
    if not values:
        return 0.0, 1.0
    low, high = float(min(values)), float(max(values))
    air = max(0.04 * (high - low), (_narrowest(unit) - (high - low)) / 2, 1e-6 * abs(high), 1e-9)
    return low - air, high + air


def _narrowest(unit: str) -> float:
    """The shortest stretch of a unit that an axis shows."""
    ends = re.fullmatch(r"(-?[\d.]+) to (-?[\d.]+)", unit)
    if ends:
        return (float(ends[2]) - float(ends[1])) / 10
    return 10.0 if unit in ("points", "%") else 0.0


def _part_names(
    rows: list[dict[Any, Any]], label_col: str, value_cols: Sequence[str], names: Sequence[str] | None
) -> list[str]:
    """What the parts of a bar are called; a single value needs no name. Refuses what bars cannot show."""
    if not 1 <= len(value_cols) <= _MAX_SERIES:
        raise ValueError(f"a bar has one to four parts, got {len(value_cols)}; add the small ones up")
    if names is not None and len(names) != len(value_cols):
        raise ValueError(f"`names` needs one name for each of {len(value_cols)} value columns, got {len(names)}")
    for row in rows:
        for column in value_cols:
            if not is_missing(row[column]) and row[column] < 0:
                where = f"`{column}` of {row[label_col]} is {row[column]}"
                raise ValueError(f"{where}: a bar starts at 0; draw values below it with dot_whisker")
    return [str(name) for name in names or (value_cols if len(value_cols) > 1 else [""])]


def _why_no_bar(row: dict[Any, Any], value_cols: Sequence[str], base_cols: Sequence[str], min_base: int) -> str:
    known = {key: row[key] for key in (*value_cols, *base_cols, "reason") if key in row}
    if "n" in value_cols:  # then it is what is counted, not the base of an estimate
        known["n"] = None
        known |= {"value": row["n"]}
    columns = ["value" if column == "n" else column for column in value_cols]
    return next(filter(None, (why_hidden(known, column, min_base) for column in columns)), "")


def _bar_end(row: dict[Any, Any], value_cols: Sequence[str]) -> float:
    """How far to the right a row reaches."""
    total = float(sum(row[column] for column in value_cols))
    return max(total, float(row["conf_high"])) if len(value_cols) == 1 and _has_interval(row) else total


@lru_cache(maxsize=8192)
def _extent(text: str, size: float, bold: bool = False, italic: bool = False) -> tuple[float, float]:
    """Width and height of a text as it will be drawn."""
    with style():
        drawn = _measure().text(0, 0, text, fontsize=size, **_face(bold, italic))
        box = drawn.get_window_extent()
        drawn.remove()
    return box.width / DPI, box.height / DPI


@lru_cache(maxsize=1)
def _measure() -> Figure:
    """A picture that nobody sees, on which texts are measured."""
    figure = Figure(dpi=DPI)
    FigureCanvasAgg(figure)
    return figure


def _face(bold: bool, italic: bool) -> dict[str, Any]:
    return {"fontweight": "bold" if bold else "normal", "fontstyle": "italic" if italic else "normal"}


def _line_height(size: float) -> float:
    return _extent("Ag", size)[1]


def _wrap(text: str, width: float, size: float, *, bold: bool = False, italic: bool = False) -> str:
    """A text in lines of at most this width. Words that are wider themselves are cut."""

    def fits(line: str) -> bool:
        return _extent(line, size, bold, italic)[0] <= width

    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in _cut(paragraph.split(), fits):
            longer = f"{line} {word}".strip()
            if line and not fits(longer):
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    return "\n".join(lines)


def _cut(words: list[str], fits: Callable[[str], bool]) -> Iterator[str]:
    for word in words:
        rest = word
        while len(rest) > 1 and not fits(rest):
            longest = next((n for n in range(len(rest) - 1, 1, -1) if fits(rest[:n])), 1)
            length = next((n for n in range(longest, longest // 2, -1) if rest[n - 1] in "_-/."), longest)
            yield rest[:length]
            rest = rest[length:]
        yield rest


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers between two ends."""
    found = MaxNLocator(nbins=most, steps=[1, 2, 5, 10], min_n_ticks=2).tick_values(low, high)
    slack = 1e-9 * (high - low)
    return [float(tick) + 0.0 for tick in found if low - slack <= tick <= high + slack]


def _tick_texts(ticks: list[float], unit: str, *, signed: bool = False) -> list[str]:
    """Numbers of an axis with as many decimals as tell them apart; the last one carries the percent sign."""
    step = min((b - a for a, b in pairwise(ticks)), default=1.0)
    decimals = next((d for d in range(7) if math.isclose(round(step, d), step, rel_tol=1e-6)), 6)
    texts = [number_text(tick, decimals, signed=signed) for tick in ticks]
    return [*texts[:-1], texts[-1] + "%"] if unit == "%" and texts else texts


def _flow(texts: Sequence[str]) -> list[list[tuple[float, str, str]]]:
    """Coloured words, one for each part, in as many lines as they need: distance from the left, text, colour."""
    lines: list[list[tuple[float, str, str]]] = [[]]
    at = 0.0
    for text, colour in zip(texts, SERIES.values(), strict=False):
        wrapped = _wrap(text, _NARROWEST_PLOT, _SMALL, bold=True).split("\n")
        for number, line in enumerate(wrapped):
            width = _extent(line, _SMALL, bold=True)[0]
            if lines[-1] and (number or at + width > _NARROWEST_PLOT):
                lines.append([])
                at = 0.0
            lines[-1].append((at, line, colour))
            at += width + _GAP
    return lines


class _Sheet:
    """A picture of rows: names at the left, a plot, and where wanted words at the right.

    Its height follows from the names, its scale is set afterwards. `y` is the middle of each row.
    """

    def __init__(
        self,
        names: list[str],
        hidden: list[str],
        *,
        above: list[float],
        below: float,
        axis_label: str,
        words: list[str] | None = None,
    ) -> None:
        self.words = [_wrap(word, _WORDS_MAX, _SMALL, bold=True) for word in words or []]
        names = [_wrap(name, _LABELS_MAX, _LABEL) for name in names]
        self.left = _EDGE + max(_extent(name, _LABEL)[0] for name in names) + _GAP
        self.word_left = WIDTH - _EDGE - max((_extent(word, _SMALL, bold=True)[0] for word in self.words), default=0.0)
        self.right = self.word_left - _GAP
        hidden = [_wrap(text, self.plot_width - _EDGE, _SMALL, italic=True) for text in hidden]
        self._above = above
        ups, downs = [], []
        for number, name in enumerate(names):
            texts = [
                _extent(name, _LABEL)[1],
                _extent(hidden[number], _SMALL, italic=True)[1] if hidden[number] else 0.0,
            ]
            texts += [_extent(self.words[number], _SMALL, bold=True)[1]] if self.words else []
            ups.append(max(above[number], *(height / 2 for height in texts)) + _ROW_GAP / 2)
            downs.append(max(below, *(height / 2 for height in texts)) + _ROW_GAP / 2)
        self._axis_label = axis_label
        self.bottom = 0.32 + (_line_height(_SMALL) + 0.03 if axis_label else 0.0)
        height = self.bottom + sum(ups) + sum(downs) + _EDGE
        self.figure, self.axes = _blank(height, self.left, self.bottom, self.right, height - _EDGE)
        self.y: list[float] = []
        top = height - _EDGE
        for up, down in zip(ups, downs, strict=True):
            self.y.append(top - up)
            top -= up + down
        self.axes.set_ylim(self.bottom, height - _EDGE)
        self.axes.set_yticks([])
        for y, name, text in zip(self.y, names, hidden, strict=True):
            _write(self.figure, _EDGE, y, name, INK, size=_LABEL)
            if text:
                written = _write(self.figure, self.left + _EDGE / 2, y, text, MUTED, italic=True)
                written.set_bbox({"facecolor": PAPER, "edgecolor": "none", "pad": 1})

    @property
    def plot_width(self) -> float:
        return self.right - self.left

    def set_scale(
        self, low: float, high: float, *, unit: str = "", signed: bool = False, last_tick: float | None = None
    ) -> None:
        """Fix the numbers of the axis: as many as have room."""
        self.low, self.high = low, high
        self.axes.set_xlim(low, high)
        for most in (6, 5, 4, 3, 2, 1):
            ticks = self._inside(_ticks(low, high if last_tick is None else last_tick, most), unit, signed)
            texts = _tick_texts(ticks, unit, signed=signed)
            ends = [self._tick_ends(tick, text) for tick, text in zip(ticks, texts, strict=True)]
            if len(ticks) > 1 and all(right[0] - left[1] >= _GAP for left, right in pairwise(ends)):
                break
        self.axes.set_xticks(ticks, texts)
        if low < 0 < high:
            self.axes.axvline(0, color=MUTED, lw=1.2, zorder=1)
        if self._axis_label:
            right = min(WIDTH - _EDGE, max(self.right, self.left + _extent(self._axis_label, _SMALL)[0]))
            _write(self.figure, right, _EDGE, self._axis_label, MUTED, ha="right", va="bottom")

    def _inside(self, ticks: list[float], unit: str, signed: bool) -> list[float]:
        """Those numbers of the axis that the picture does not cut off."""
        ends = [
            self._tick_ends(tick, text)
            for tick, text in zip(ticks, _tick_texts(ticks, unit, signed=signed), strict=True)
        ]
        return [tick for tick, (start, end) in zip(ticks, ends, strict=True) if start >= _EDGE and end <= WIDTH - _EDGE]

    def _tick_ends(self, tick: float, text: str) -> tuple[float, float]:
        half = _extent(text, _SMALL)[0] / 2
        return self.x(tick) - half, self.x(tick) + half

    def x(self, value: float) -> float:
        """Where a value of the axis lies."""
        return self.left + (value - self.low) / (self.high - self.low) * self.plot_width

    def draw_estimate(
        self, y: float, row: dict[Any, Any], estimate_col: str, colour: str, marker: str, *, hollow: bool
    ) -> None:
        if _has_interval(row):
            ends = [row["conf_low"], row["conf_high"]]
            self.axes.plot(ends, [y, y], color=colour, lw=2.6, marker="", solid_capstyle="butt", clip_on=False)
        face = PAPER if hollow else colour
        look: dict[str, Any] = {"color": colour, "marker": marker, "ms": 8.5, "mew": 2, "mfc": face, "ls": ""}
        self.axes.plot([row[estimate_col]], [y], clip_on=False, **look)

    def write_above(self, y: float, value: float, text: str, colour: str) -> None:
        """A number over its dot; at the border it moves inwards."""
        half = _extent(text, _SMALL, bold=True)[0] / 2
        x = min(max(self.x(value), self.left + half), self.right + _GAP / 2 - half)
        _write(self.figure, x, y + _VALUE_LIFT, text, colour, bold=True, ha="center", va="bottom", halo=True)

    def write_word(self, y: float, word: str, colour: str, *, bold: bool) -> None:
        _write(self.figure, self.word_left, y, word, colour, bold=bold)

    def reach_for_texts(self, bars_with_text: list[tuple[float, str]]) -> float:
        """How far the axis must reach so that every bar leaves room for the text at its end."""
        needed = [
            end * self.plot_width / (self.plot_width - _extent(text, _SMALL, bold=True)[0] - _GAP / 2)
            for end, text in bars_with_text
        ]
        return max(needed, default=0.0)

    def draw_bar(self, y: float, row: dict[Any, Any], value_col: str, colour: str) -> None:
        self.axes.barh(y, row[value_col], height=_BAR, color=colour)
        if _has_interval(row):
            ends = [row["conf_low"], row["conf_high"]]
            self.axes.plot(ends, [y, y], color=INK, lw=2, marker="", path_effects=_HALO, solid_capstyle="butt")

    def write_beside(self, y: float, end: float, text: str) -> None:
        _write(self.figure, self.x(end) + _GAP / 2, y, text, INK, bold=True, halo=True)

    def draw_parts(self, y: float, values: list[float]) -> None:
        start = 0.0
        for value, colour, hatch in zip(values, SERIES.values(), _HATCHES, strict=False):
            self.axes.barh(y, value, left=start, height=_BAR, color=colour, hatch=hatch, edgecolor=PAPER, lw=0.6)
            start += value

    def write_parts(self, y: float, texts: Sequence[str]) -> None:
        lines = _flow(texts)
        for number, line in enumerate(lines):
            at = y + _BAR / 2 + _BAR_LIFT + (len(lines) - 1 - number) * _line_height(_SMALL)
            for x, text, colour in line:
                _write(self.figure, self.left + x, at, text, colour, bold=True, va="bottom", halo=True)


@dataclass(frozen=True)
class _Line:
    """One series: for each wave its row, or why there is none."""

    name: str
    colour: str
    marker: str
    points: list[dict[Any, Any] | None]
    gaps: list[str]


def _series(
    rows: list[dict[Any, Any]],
    x_col: str,
    series_col: str | None,
    waves: list[Any],
    focus: Sequence[str],
    min_base: int,
) -> list[_Line]:
    """The series of a table, in its order."""
    found: dict[Any, dict[Any, dict[Any, Any]]] = {}
    for row in rows:
        name = row[series_col] if series_col else ""
        points = found.setdefault(name, {})
        if row[x_col] in points:
            where = f"wave {row[x_col]}" + (f" of {name}" if series_col else "")
            way_out = (
                "choose one row for each wave" if series_col else "name the column that tells them apart (`series_col`)"
            )
            raise ValueError(f"the table has {where} twice; {way_out}")
        points[row[x_col]] = row
    if len(found) > _MAX_SERIES:
        raise ValueError(f"a picture holds at most four series, got {len(found)}; choose four or draw several pictures")
    _check_focus(focus, list(found))
    lines = []
    for number, (name, points) in enumerate(found.items()):
        colour = list(SERIES.values())[number] if not focus else FOCUS if name in focus else CONTEXT
        hidden = [why_hidden(points[w], min_base=min_base) if w in points else "no figure" for w in waves]
        gaps = [why if not why or why == f"n<{min_base}" else "no figure" for why in hidden]
        shown = [None if why else points[wave] for why, wave in zip(gaps, waves, strict=True)]
        lines.append(_Line(" ".join(str(name).split()), colour, MARKERS[number], shown, gaps))
    return lines


class _WaveSheet:
    """A picture of waves from left to right, and of a value from bottom to top."""

    def __init__(self, series: list[_Line], waves: list[Any], unit: str, axis_label: str) -> None:
        self.series, self.unit = series, unit
        known = [row for line in series for row in line.points if row is not None]
        self.more = min((finer(unit, row.get("conf_low"), row.get("conf_high")) for row in known), default=0)
        low, high = _reach(known, "estimate", unit)
        ticks = _ticks(low, high, 6)
        texts = _tick_texts(ticks, "%" if unit == "%" else "")
        self.left = _EDGE + max((_extent(text, _SMALL)[0] for text in texts), default=0.0) + 0.07
        self.ends = {line.name: _wrap(_end_text(line, unit), 1.25, _SMALL, bold=True) for line in series if line.name}
        sizes = [_extent(text, _SMALL, bold=True) for text in self.ends.values()]
        self.name_left = WIDTH - _EDGE - max((width for width, _ in sizes), default=0.0)
        self.right = self.name_left - _GAP if sizes else WIDTH - 2 * _EDGE
        self._place_waves(waves)
        strips = sum(any(line.gaps) for line in series)
        labels = max(_extent(text, _SMALL)[1] for text in self.labels.values())
        self.bottom = _EDGE + labels + 0.07
        self.floor = self.bottom + strips * _STRIP + 0.08
        self.ceiling = self.floor + max(_PLOT_HEIGHT, sum(height + 0.04 for _, height in sizes))
        top = self.ceiling + (0.3 if not self.ends else 0.1)
        height = top + (_line_height(_SMALL) + 0.04 if axis_label else 0.0) + _EDGE
        self.low, self.high = low, high
        self.figure, self.axes = _blank(height, self.left, self.bottom, self.right, top)
        self.axes.set_xlim(self.left, self.right)
        self.axes.set_ylim(self.bottom, top)
        self.axes.grid(visible=False)
        self.axes.set_xticks([])
        self.axes.set_yticks([])
        for tick, text in zip(ticks, texts, strict=True):
            zero = tick == 0 and low < 0 < high
            self.axes.axhline(self.y(tick), color=MUTED if zero else GRID, lw=1.2 if zero else 1.0, zorder=0.5)
            _write(self.figure, self.left - 0.07, self.y(tick), text, MUTED, ha="right")
        for x, text in self.labels.items():
            _write(self.figure, x, self.bottom - 0.06, text, MUTED, ha="center", va="top")
        if axis_label:
            _write(self.figure, _EDGE, height - _EDGE, axis_label, MUTED, va="top")

    def _place_waves(self, waves: list[Any]) -> None:
        """Find the places of the waves, and those of their labels that have room, counted from the newest."""
        texts = [_wave_words(wave) for wave in waves]
        words = [word for _, text in texts for word in text.split()] + [year for year, _ in texts if year]
        widest = max((_extent(word, _SMALL)[0] for word in words), default=0.0)
        slot = (self.right - self.left) / len(waves)
        inset = min(max(slot / 2, widest / 2 + 0.02, 0.2), 0.6)
        self.pitch = (self.right - self.left - 2 * inset) / max(len(waves) - 1, 1)
        start = self.left + inset if len(waves) > 1 else (self.left + self.right) / 2
        self.x = [start + number * self.pitch for number in range(len(waves))]
        step = next((n for n in range(1, len(waves)) if n * self.pitch - 0.08 >= widest), len(waves))
        room = min(step * self.pitch - 0.08 if len(waves) > 1 else 2.0, 2 * inset)
        self.labels: dict[float, str] = {}
        shown_year = ""
        for number in range((len(waves) - 1) % step, len(waves), step):
            year, text = texts[number]
            lines = [_wrap(text, room, _SMALL)] + ([year] if year != shown_year else [])
            self.labels[self.x[number]] = "\n".join(filter(None, lines))
            shown_year = year

    def y(self, value: float) -> float:
        return self.floor + (value - self.low) / (self.high - self.low) * (self.ceiling - self.floor)

    def dodge(self, number: int) -> float:
        """How far a series stands beside the middle of its waves."""
        apart = min(0.09, self.pitch / (len(self.series) + 1))
        return (number - (len(self.series) - 1) / 2) * apart

    def draw(self, line: _Line, dodge: float, kind: str, caution_base: int) -> None:
        """A line through each stretch of waves with figures, and its intervals."""
        for stretch in _stretches(line.points):
            at = [self.x[number] + dodge for number in stretch]
            rows = [row for number in stretch if (row := line.points[number]) is not None]
            self.axes.plot(at, [self.y(row["estimate"]) for row in rows], color=line.colour, marker="", zorder=3)
            bounded = all(_has_interval(row) for row in rows)
            if kind == "band" and len(rows) > 1 and bounded:
                low, high = ([self.y(row[end]) for row in rows] for end in ("conf_low", "conf_high"))
                self.axes.fill_between(at, low, high, color=line.colour, alpha=0.16, lw=0, zorder=2)
            for x, row in zip(at, rows, strict=True):
                if (kind == "whisker" or len(rows) == 1 or not bounded) and _has_interval(row):
                    ends = [self.y(row["conf_low"]), self.y(row["conf_high"])]
                    self.axes.plot([x, x], ends, color=line.colour, lw=1.8, marker="", zorder=3, solid_capstyle="butt")
                face = PAPER if _is_small(row, ("n",), caution_base) else line.colour
                look: dict[str, Any] = {"color": line.colour, "marker": line.marker, "mfc": face, "mew": 1.8, "ls": ""}
                self.axes.plot([x], [self.y(row["estimate"])], zorder=4, **look)

    def write_gaps(self) -> None:
        """Say in a strip below each series why it is interrupted; neighbours that would touch share their words."""
        rest = [line for line in self.series if any(line.gaps)]
        for number, line in enumerate(rest):
            y = self.bottom + (len(rest) - 1 - number + 0.5) * _STRIP
            runs = [_Run([i], {line.gaps[i]}) for i in range(len(line.gaps)) if line.gaps[i]]
            for run in self._apart(runs):
                x, text = self._run_text(run)
                _write(self.figure, x, y, text, line.colour, italic=True, ha="center", halo=True)

    def _apart(self, runs: list[_Run]) -> list[_Run]:
        kept: list[_Run] = []
        for run in runs:
            kept.append(run)
            while len(kept) > 1 and (kept[-2].waves[-1] + 1 == kept[-1].waves[0] or self._touch(kept[-2], kept[-1])):
                last = kept.pop()
                kept[-1] = _Run(kept[-1].waves + last.waves, kept[-1].reasons | last.reasons)
        return kept

    def _touch(self, first: _Run, second: _Run) -> bool:
        (a, left), (b, right) = self._run_text(first), self._run_text(second)
        widths = [_extent(text, _SMALL, italic=True)[0] for text in (left, right)]
        return b - a < sum(widths) / 2 + 0.05

    def _run_text(self, run: _Run) -> tuple[float, str]:
        """The words of a run of gaps and where their middle lies, inside the plot."""
        text = " or ".join(sorted(run.reasons))
        half = _extent(text, _SMALL, italic=True)[0] / 2
        middle = (self.x[run.waves[0]] + self.x[run.waves[-1]]) / 2
        return min(max(middle, self.left + half), WIDTH - _EDGE - half), text

    def write_values(self) -> None:
        """Numbers over the points of the one series; the newest first, and no number where it would touch another."""
        (line,) = self.series
        taken: list[tuple[float, float, float, float]] = []
        known = [(x, row) for x, row in zip(self.x, line.points, strict=True) if row is not None]
        for x, row in [*known[-1:], *known[:1], *known[-2:0:-1]]:
            text = _value(estimate_text(row["estimate"], self.unit, more=self.more), row)
            width, height = _extent(text, _SMALL, bold=True)
            x = min(max(x, self.left + width / 2), WIDTH - _EDGE - width / 2)
            y = self.y(row["conf_high"] if _has_interval(row) else row["estimate"]) + 0.07
            box = (x - width / 2 - 0.03, y, x + width / 2 + 0.03, y + height)
            if not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
                taken.append(box)
                _write(self.figure, x, y, text, line.colour, bold=True, ha="center", va="bottom", halo=True)

    def write_names(self) -> None:
        """Each series by its name and newest value beside its end, moved apart where ends are close."""
        ends = [
            (self.y(row["estimate"]) if row else self.floor, x, line)
            for line in self.series
            for row, x in [
                next(((r, x) for r, x in zip(line.points[::-1], self.x[::-1], strict=True) if r), (None, 0.0))
            ]
        ]
        ends.sort(key=lambda end: end[0])
        heights = [_extent(self.ends[line.name], _SMALL, bold=True)[1] + 0.04 for _, _, line in ends]
        places = _spread([y for y, _, _ in ends], heights, self.floor - 0.05, self.ceiling + 0.1)
        for (y, x, line), place in zip(ends, places, strict=True):
            if x and (abs(place - y) > 0.09 or x < self.x[-1]):
                self.axes.plot(
                    [x + 0.1, self.name_left - 0.04],
                    [y, place],
                    color=line.colour,
                    lw=0.8,
                    marker="",
                    clip_on=False,
                    zorder=1,
                )
            _write(self.figure, self.name_left, place, self.ends[line.name], line.colour, bold=True)


@dataclass(frozen=True)
class _Run:
    """Waves that lie side by side without a figure, and why."""

    waves: list[int]
    reasons: set[str]


def _end_text(line: _Line, unit: str) -> str:
    newest = next((row for row in reversed(line.points) if row is not None), None)
    return line.name if newest is None else f"{line.name} {estimate_text(newest['estimate'], unit)}"


def _wave_words(wave: Any) -> tuple[str, str]:
    """Year and rest of a wave that is named like a period, so that the year is written once; else no year and its name."""
    text = " ".join(str(wave).split())
    found = re.fullmatch(r"(\d{4})-(Q[1-4]|W\d\d|0[1-9]|1[0-2])", text)
    if not found:
        return "", text
    part = found[2]
    return found[1], part if part[0] in "QW" else calendar.month_abbr[int(part)]


def _stretches(points: list[dict[Any, Any] | None]) -> list[list[int]]:
    """Numbers of the waves that have figures, cut where one has none."""
    found: list[list[int]] = []
    for number, row in enumerate(points):
        if row is None:
            continue
        if found and found[-1][-1] == number - 1:
            found[-1].append(number)
        else:
            found.append([number])
    return found


def _spread(wanted: list[float], heights: list[float], low: float, high: float) -> list[float]:
    """Middles of texts as near as possible to where they are wanted (rising), without touching, between two ends."""
    places: list[float] = []
    edge = low
    for middle, height in zip(wanted, heights, strict=True):
        places.append(max(middle, edge + height / 2))
        edge = places[-1] + height / 2
    edge = high
    for number in reversed(range(len(places))):
        places[number] = min(places[number], edge - heights[number] / 2)
        edge = places[number] - heights[number] / 2
    return places


def _blank(height: float, left: float, bottom: float, right: float, top: float) -> tuple[Figure, Axes]:
    """An empty picture and its plot, whose borders are given in inches."""
    figure = Figure(figsize=(WIDTH, height), dpi=DPI)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((left / WIDTH, bottom / height, (right - left) / WIDTH, (top - bottom) / height))
    return figure, axes


def _write(
    figure: Figure,
    x: float,
    y: float,
    text: str,
    colour: str,
    *,
    size: float = _SMALL,
    bold: bool = False,
    italic: bool = False,
    ha: str = "left",
    va: str = "center",
    halo: bool = False,
) -> Text:
    """A text at a place in inches."""
    where: dict[str, Any] = {"transform": figure.dpi_scale_trans, "ha": ha, "va": va, "parse_math": False}
    written = figure.text(x, y, text, color=colour, fontsize=size, **_face(bold, italic), **where)
    if halo:
        written.set_path_effects(_HALO)
    return written
