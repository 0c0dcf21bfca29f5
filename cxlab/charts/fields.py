"""Pictures that are more than rows: two values a row, fields of numbers, planes with two scales, curves over time.

They follow the rules of `cxlab.charts.rows`: nothing on a small base is drawn, every text is measured before it gets its
place, colour never speaks alone. One row of a table is one estimate; what is missing says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cxlab.charts.rows import (
    _DOT_BELOW,
    _EDGE,
    _GAP,
    _LABEL,
    _SMALL,
    _VALUE_LIFT,
    CONTEXT,
    FOCUS,
    GRID,
    INK,
    MUTED,
    PAPER,
    SERIES,
    WIDTH,
    _bases,
    _blank,
    _extent,
    _is_small,
    _line_height,
    _named,
    _reach,
    _rows,
    _Sheet,
    _spread,
    _tick_texts,
    _ticks,
    _unit,
    _unit_words,
    _wrap,
    _write,
    style,
)
from cxlab.wording import CAUTION_BASE, MIN_BASE, estimate_text, is_missing, number_text, why_hidden

_CELL = 0.36
_FILL_LOW, _FILL_HIGH = "#f4dccf", "#c9dcea"  # below and above the middle of a field; numbers stay readable on both


def dumbbell(
    frame: pd.DataFrame,
    *,
    label_col: str,
    ends: tuple[str, str] = ("reference", "actual"),
    names: tuple[str, str] = ("Expected", "Actual"),
    words_col: str | None = None,
    unit: str | None = None,
    axis_label: str | None = None,
    base_cols: Sequence[str] = ("n",),
    min_base: int = MIN_BASE,
    caution_base: int = CAUTION_BASE,
) -> Figure:
    """Two values a row and the line between them: an open square for the first of `ends`, a dot for the second.

    `names` stand at the values of the first row. `words_col` is written at the right of each row. The difference and its
    interval belong into a table beside the picture. Raises ValueError for missing columns and an empty table.
    """
    rows = _rows(frame, [label_col, *ends, *base_cols, *([words_col] if words_col else [])])
    unit = _unit(frame, unit)
    hidden = []
    for row in rows:
        why = why_hidden(row, ends[1], min_base) or ("" if not is_missing(row[ends[0]]) else "no reference")
        hidden.append(why)
    with style():
        sheet = _Sheet(
            [_named(row[label_col], _bases(row, base_cols, min_base, caution_base)) for row in rows],
            [f"not shown: {why}" if why else "" for why in hidden],
            above=[_VALUE_LIFT + _line_height(_SMALL) * (2 if number == 0 else 1) for number in range(len(rows))],
            below=_DOT_BELOW,
            words=[str(row[words_col]) for row in rows] if words_col else None,
            axis_label=_unit_words(unit) if axis_label is None else axis_label,
        )
        shown = [row for row, why in zip(rows, hidden, strict=True) if not why]
        values = [{"v": row[end]} for row in shown for end in ends]
        low, high = _reach(values, "v", unit)
        sheet.set_scale(low, high, unit="%" if unit == "%" else "")
        first = True
        for number, (y, row, why) in enumerate(zip(sheet.y, rows, hidden, strict=True)):
            if words_col:
                sheet.write_word(y, sheet.words[number], INK, bold=False)
            if why:
                continue
            a, b = float(row[ends[0]]), float(row[ends[1]])
            sheet.axes.plot([a, b], [y, y], color=CONTEXT, lw=2.2, marker="", zorder=2)
            sheet.axes.plot([a], [y], color=CONTEXT, marker="s", ms=7.5, mew=2, mfc=PAPER, ls="", clip_on=False)
            hollow = PAPER if _is_small(row, base_cols, caution_base) else FOCUS
            sheet.axes.plot([b], [y], color=FOCUS, marker="o", ms=8.5, mew=2, mfc=hollow, ls="", clip_on=False)
            _name_ends(sheet, y, (a, b), unit, names if first else ("", ""))
            first = False
        return sheet.figure


def _name_ends(sheet: _Sheet, y: float, values: tuple[float, float], unit: str, names: tuple[str, str]) -> None:
    """Both numbers above their marks, moved apart where they would touch."""
    texts = [f"{name}\n{estimate_text(value, unit)}".lstrip("\n") for name, value in zip(names, values, strict=True)]
    widths = [_extent(text, _SMALL, bold=True)[0] for text in texts]
    places = [sheet.x(value) for value in values]
    left, right = (0, 1) if places[0] <= places[1] else (1, 0)
    needed = (widths[0] + widths[1]) / 2 + 0.06
    lacking = max(needed - (places[right] - places[left]), 0)
    places[left] -= lacking / 2
    places[right] += lacking / 2
    ordered = sorted(zip(places, texts, widths, (CONTEXT, FOCUS), strict=True), key=lambda entry: entry[0])
    middles = _spread(
        [place for place, *_ in ordered], [width + 0.06 for *_, width, _ in ordered], sheet.left, sheet.right + _GAP / 2
    )
    for x, (_, text, _, colour) in zip(middles, ordered, strict=True):
        _write(sheet.figure, x, y + _VALUE_LIFT, text, colour, bold=True, ha="center", va="bottom", halo=True)


def matrix(
    frame: pd.DataFrame,
    *,
    row_col: str,
    column_col: str,
    value_col: str = "estimate",
    unit: str = "",
    middle: float | None = 0.0,
    signed: bool = False,
    decimals: int | None = None,
    mark_col: str | None = None,
    min_base: int = MIN_BASE,
) -> Figure:
    """A field of numbers: one row of the table is one cell. Cells above `middle` are blue, below it rust, stronger with
    distance; without a `middle` all are blue, from 0 on. `mark_col` (true or false) sets a frame around cells.

    Every cell carries its number, so that the colour only guides the eye. A cell on a small base says `n<30`. Raises
    ValueError for missing columns, an empty table, and a cell that is there twice.
    """
    rows = _rows(frame, [row_col, column_col, value_col])
    names = list(dict.fromkeys(str(row[row_col]) for row in rows))
    heads = list(dict.fromkeys(str(row[column_col]) for row in rows))
    cells: dict[tuple[str, str], dict[Any, Any]] = {}
    for row in rows:
        place = (str(row[row_col]), str(row[column_col]))
        if place in cells:
            raise ValueError(f"the table has the cell {place[0]}, {place[1]} twice; give each once")
        cells[place] = row
    with style():
        label_width = min(max(_extent(_wrap(name, 1.7, _LABEL), _LABEL)[0] for name in names), 1.7)
        left = _EDGE + label_width + _GAP
        width = (WIDTH - _EDGE - left) / len(heads)
        titles, lifts, top = _staggered(heads, width)
        top += 0.12
        labels = [_wrap(name, 1.7, _LABEL) for name in names]
        heights = [max(_CELL, _extent(label, _LABEL)[1] + 0.1) for label in labels]
        height = top + sum(heights) + 2 * _EDGE
        figure, axes = _blank(height, left, _EDGE, WIDTH - _EDGE, height - _EDGE)
        axes.set_xlim(left, WIDTH - _EDGE)
        axes.set_ylim(_EDGE, height - _EDGE)
        axes.set_axis_off()
        for number, title in enumerate(titles):
            x = min(left + (number + 0.5) * width, WIDTH - _EDGE - _extent(title, _SMALL)[0] / 2)
            _write(figure, x, height - _EDGE - top + 0.06 + lifts[number], title, MUTED, ha="center", va="bottom")
        shown_rows = [row for row in rows if not why_hidden(row, value_col, min_base)]
        known = [abs(float(row[value_col]) - (middle or 0.0)) for row in shown_rows]
        largest = max(known, default=0.0) or 1.0
        y = height - _EDGE - top
        for name, label, tall in zip(names, labels, heights, strict=True):
            _write(figure, _EDGE, y - tall / 2, label, INK, size=_LABEL)
            for number, head in enumerate(heads):
                cell = cells.get((name, head))
                why = "–" if cell is None else why_hidden(cell, value_col, min_base)
                x = left + number * width
                if not why and cell is not None:
                    value = float(cell[value_col])
                    share = min(abs(value - (middle or 0.0)) / largest, 1.0)
                    colour = _FILL_LOW if middle is not None and value < middle else _FILL_HIGH
                    axes.fill([x, x + width, x + width, x], [y, y, y - tall, y - tall], color=colour, alpha=share, lw=0)
                    places = decimals if decimals is not None else (0 if unit == "%" else 1)
                    text = number_text(value, places, signed=signed) + ("%" if unit == "%" and not signed else "")
                    strong = bool(mark_col and cell.get(mark_col))
                    _write(figure, x + width / 2, y - tall / 2, text, INK, bold=strong, ha="center")
                    if strong:
                        edge = 0.02
                        xs = [x + edge, x + width - edge, x + width - edge, x + edge, x + edge]
                        ys = [y - edge, y - edge, y - tall + edge, y - tall + edge, y - edge]
                        axes.plot(xs, ys, color=INK, lw=1.4, marker="")
                else:
                    shown = why if why.startswith("n<") or why == "–" else "?"
                    _write(figure, x + width / 2, y - tall / 2, shown, MUTED, italic=True, ha="center")
            axes.plot([_EDGE, WIDTH - _EDGE], [y - tall, y - tall], color=GRID, lw=0.8, marker="", clip_on=False)
            y -= tall
        return figure


def plane(
    frame: pd.DataFrame,
    *,
    label_col: str,
    x_col: str,
    y_col: str,
    x_label: str,
    y_label: str,
    x_unit: str = "",
    y_unit: str = "",
    y_ends: tuple[str, str] | None = ("conf_low", "conf_high"),
    focus: Sequence[str] = (),
    x_line: float | None = None,
    y_line: float | None = None,
    outlines: pd.DataFrame | None = None,
) -> Figure:
    """Points on two scales, each with its name and, upwards, its interval: importance against performance.

    `x_line` and `y_line` part the plane where the table says (the means, as a rule). Names in `focus` are blue. `outlines` has the
    same columns with several rows a name, which draw the region that holds the point; then there are no lines upwards.
    Raises ValueError for missing columns and an empty table.
    """
    y_ends = None if outlines is not None else y_ends
    rows = [
        row
        for row in _rows(frame, [label_col, x_col, y_col, *(y_ends or ())])
        if not is_missing(row[x_col]) and not is_missing(row[y_col])
    ]
    if not rows:
        raise ValueError("no row has both values, so there is nothing to draw; say so in a note instead")
    with style():
        xs = [{"v": row[x_col]} for row in rows]
        ys = [{"v": row[column]} for row in rows for column in (y_col, *(y_ends or ())) if not is_missing(row[column])]
        around = [] if outlines is None else _rows(outlines, [label_col, x_col, y_col])
        xs, ys = xs + [{"v": row[x_col]} for row in around], ys + [{"v": row[y_col]} for row in around]
        x_low, x_high = _padded(_reach(xs, "v", x_unit), 0.12)
        y_low, y_high = _padded(_reach(ys, "v", y_unit), 0.04)
        x_ticks, y_ticks = _ticks(x_low, x_high, 5), _ticks(y_low, y_high, 5)
        y_texts = _tick_texts(y_ticks, "%" if y_unit == "%" else "")
        left = _EDGE + max(_extent(text, _SMALL)[0] for text in y_texts) + 0.1
        bottom = 0.36 + _line_height(_SMALL) + 0.03
        height = bottom + 3.3 + _line_height(_SMALL) + 2 * _EDGE
        top = height - _line_height(_SMALL) - 2 * _EDGE
        figure, axes = _blank(height, left, bottom, WIDTH - _EDGE, top)
        axes.set_xlim(x_low, x_high)
        axes.set_ylim(y_low, y_high)
        axes.grid(visible=True, axis="both")
        axes.set_xticks(x_ticks, _tick_texts(x_ticks, "%" if x_unit == "%" else ""))
        axes.set_yticks(y_ticks, y_texts)
        for at, draw in ((x_line, axes.axvline), (y_line, axes.axhline)):
            if at is not None:
                draw(at, color=MUTED, lw=1.2, ls=(0, (4, 3)), marker="", zorder=1)
        _write(figure, WIDTH - _EDGE, _EDGE, x_label, MUTED, ha="right", va="bottom")
        _write(figure, _EDGE, height - _EDGE, y_label, MUTED, va="top")
        inches_x = (WIDTH - _EDGE - left) / (x_high - x_low)
        inches_y = (top - bottom) / (y_high - y_low)
        taken: list[tuple[float, float, float, float]] = []
        points = [(left + (r[x_col] - x_low) * inches_x, bottom + (r[y_col] - y_low) * inches_y) for r in rows]
        taken += [(x - 0.07, y - 0.07, x + 0.07, y + 0.07) for x, y in points]
        for row, (x, y) in sorted(zip(rows, points, strict=True), key=lambda pair: -pair[1][1]):
            colour = FOCUS if not focus or row[label_col] in focus else CONTEXT
            if y_ends and not is_missing(row[y_ends[0]]):
                axes.plot(
                    [row[x_col]] * 2, [row[y_ends[0]], row[y_ends[1]]], color=colour, lw=1.6, marker="", alpha=0.75
                )
            own = [each for each in around if each[label_col] == row[label_col]]
            if own:
                axes.fill([e[x_col] for e in own], [e[y_col] for e in own], fc=colour, ec=colour, alpha=0.18, lw=1)
            axes.plot([row[x_col]], [row[y_col]], color=colour, marker="o", ms=8, ls="", zorder=4)
            _place_name(figure, str(row[label_col]), x, y, colour, taken, left)
        return figure


def _staggered(texts: Sequence[str], width: float, *, bold: bool = False) -> tuple[list[str], list[float], float]:
    """Heads of columns: wrapped where every word fits; else on two levels, so that each has the width of two.

    Returns the texts, how far each is lifted, and the height of all.
    """
    words = [word for text in texts for word in text.split()]
    if all(_extent(word, _SMALL, bold=bold)[0] <= width - 0.04 for word in words):
        wrapped = [_wrap(text, width - 0.04, _SMALL, bold=bold) for text in texts]
        return wrapped, [0.0] * len(wrapped), max(_extent(text, _SMALL, bold=bold)[1] for text in wrapped)
    wrapped = [_wrap(text, 2 * width - 0.1, _SMALL, bold=bold) for text in texts]
    tall = [_extent(text, _SMALL, bold=bold)[1] for text in wrapped]
    lower = max(tall[1::2], default=0.0) + 0.04
    return wrapped, [0.0 if number % 2 else lower for number in range(len(wrapped))], lower + max(tall[0::2])


def _padded(ends: tuple[float, float], share: float) -> tuple[float, float]:
    room = (ends[1] - ends[0]) * share
    return ends[0] - room, ends[1] + room


def _place_name(
    figure: Figure,
    name: str,
    x: float,
    y: float,
    colour: str,
    taken: list[tuple[float, float, float, float]],
    left: float,
) -> None:
    """A name beside its point, on the first side where it touches nothing."""
    text = _wrap(name, 1.5, _SMALL, bold=True)
    width, height = _extent(text, _SMALL, bold=True)
    sides = ((0.12, 0.0), (-0.12 - width, 0.0), (0.1, 0.17), (-0.1 - width, 0.17), (0.1, -0.17), (-0.1 - width, -0.17),
             (-width / 2, 0.22), (-width / 2, -0.22))  # fmt: skip
    best = None
    for dx, dy in sides:
        box = (x + dx, y + dy - height / 2, x + dx + width, y + dy + height / 2)
        if box[0] < left or box[2] > WIDTH - 0.02:
            continue
        clash = sum(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken)
        if best is None or clash < best[0]:
            best = (clash, box)
        if clash == 0:
            break
    if best is None:
        best = (0, (max(left, x - width / 2), y + 0.12, 0.0, y + 0.12 + height))
    box = best[1]
    taken.append(box)
    _write(figure, box[0], (box[1] + box[3]) / 2, text, colour, bold=True, halo=True)


def steps(
    frame: pd.DataFrame,
    *,
    time_col: str = "time",
    series_col: str | None = None,
    value_col: str = "estimate",
    ends: tuple[str, str] = ("conf_low", "conf_high"),
    x_label: str,
    y_label: str = "",
    focus: Sequence[str] = (),
) -> Figure:
    """Curves that stay level until something happens (survival, in percent), with bands; at most four series.

    One row is one moment of one series. Series are named at their end. Raises ValueError for more than four series.
    """
    rows = _rows(frame, [time_col, value_col, *ends, *([series_col] if series_col else [])])
    names = list(dict.fromkeys(str(row[series_col]) if series_col else "" for row in rows))
    if len(names) > 4:
        raise ValueError(f"a picture holds at most four series, got {len(names)}; choose four or draw several pictures")
    with style():
        lines = {
            name: sorted(
                (row for row in rows if not series_col or str(row[series_col]) == name), key=lambda row: row[time_col]
            )
            for name in names
        }
        texts = {
            name: _wrap(f"{name} {estimate_text(line[-1][value_col], '%')}".strip(), 1.3, _SMALL, bold=True)
            for name, line in lines.items()
        }
        right = WIDTH - _EDGE - max(_extent(text, _SMALL, bold=True)[0] for text in texts.values()) - _GAP
        lowest = min((row[ends[0]] for row in rows if not is_missing(row[ends[0]])), default=0.0)
        low = 0.0 if lowest < 50 else max(float(np.floor(lowest / 10) * 10 - 10), 0.0)
        latest = max(float(row[time_col]) for row in rows) or 1.0
        y_ticks = _ticks(low, 100.0, 5)
        y_texts = _tick_texts(y_ticks, "%")
        left = _EDGE + max(_extent(text, _SMALL)[0] for text in y_texts) + 0.1
        bottom = 0.36 + _line_height(_SMALL) + 0.03
        height = bottom + 2.5 + _line_height(_SMALL) + 2 * _EDGE
        top = height - _line_height(_SMALL) - 2 * _EDGE
        figure, axes = _blank(height, left, bottom, right, top)
        axes.set_xlim(0, latest)
        axes.set_ylim(low, 100)
        axes.grid(visible=True, axis="y")
        axes.grid(visible=False, axis="x")
        x_ticks = _ticks(0.0, latest, 5)
        axes.set_xticks(x_ticks, _tick_texts(x_ticks, ""))
        axes.set_yticks(y_ticks, y_texts)
        axes.tick_params(axis="x", pad=7)
        _write(figure, right, _EDGE, x_label, MUTED, ha="right", va="bottom")
        if y_label:
            _write(figure, _EDGE, height - _EDGE, y_label, MUTED, va="top")
        placed: list[tuple[float, str, str]] = []
        for number, (name, line) in enumerate(lines.items()):
            colour = list(SERIES.values())[number] if not focus else FOCUS if name in focus else CONTEXT
            at = [0.0, *(float(row[time_col]) for row in line)]
            values = [100.0, *(float(row[value_col]) for row in line)]
            axes.step(at, values, where="post", color=colour, lw=2.2, marker="", ls=("-", "--", "-.", ":")[number])
            known = [row for row in line if not is_missing(row[ends[0]]) and not is_missing(row[ends[1]])]
            if known:
                axes.fill_between(
                    [float(row[time_col]) for row in known],
                    [float(row[ends[0]]) for row in known],
                    [float(row[ends[1]]) for row in known],
                    step="post", color=colour, alpha=0.13, lw=0,
                )  # fmt: skip
            placed.append((bottom + (values[-1] - low) / (100 - low) * (top - bottom), texts[name], colour))
        placed.sort()
        tall = [_extent(text, _SMALL, bold=True)[1] + 0.04 for _, text, _ in placed]
        middles = _spread([y for y, *_ in placed], tall, bottom, top + tall[-1] / 2)
        for y, (_, text, colour) in zip(middles, placed, strict=True):
            _write(figure, right + _GAP / 2, y, text, colour, bold=True)
        return figure
