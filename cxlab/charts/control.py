"""A control chart: points in the order of time, the limits between which chance would leave them, and those it would not."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
from matplotlib.figure import Figure

from cxlab.charts.rows import (
    _EDGE,
    _SMALL,
    CONTEXT,
    FOCUS,
    PAPER,
    READINGS,
    WIDTH,
    _extent,
    _line_height,
    _rows,
    _series,
    _stretches,
    _unit,
    _unit_words,
    _WaveSheet,
    _write,
    style,
)
from cxlab.wording import MIN_BASE, estimate_text, is_missing

_LIMITS = "#dfe5ea"


def control(
    frame: pd.DataFrame,
    *,
    x_col: str,
    unit: str | None = None,
    signal_col: str = "signal",
    rule_col: str = "rule",
    center_col: str = "center",
    better: Literal["higher", "lower"] | None = None,
    axis_label: str | None = None,
    min_base: int = MIN_BASE,
) -> Figure:
    """One figure over time with its control limits: one row is one point, in the order of the table.

    `estimate` is the figure, `conf_low` and `conf_high` are its limits, `center_col` the centre. A point outside them is a
    triangle with its value, in the colour of better or worse where `better` says which is which; a point that ends a pattern
    is an open square. Points without a figure or on a small base
    interrupt the line, and a strip below says why. Raises ValueError for missing columns, an empty table and a point of time
    that is there twice.
    """
    rows = _rows(frame, [x_col, "estimate", "conf_low", "conf_high", "n", signal_col, rule_col, center_col])
    unit = _unit(frame, unit)
    moments = list(dict.fromkeys(row[x_col] for row in rows))
    series = _series(rows, x_col, None, moments, (), min_base)
    center = next((row[center_col] for row in rows if not is_missing(row[center_col])), None)
    words = _unit_words(unit) if axis_label is None else axis_label
    if center is not None:
        words = "; ".join(filter(None, [words, f"dashed: mean {estimate_text(center, unit)}"]))
    with style():
        sheet = _WaveSheet(series, moments, unit, words)
        (line,) = series
        half = sheet.pitch / 2 if len(moments) > 1 else 0.4
        for x, row in zip(sheet.x, line.points, strict=True):
            if row is not None and not is_missing(row["conf_low"]):
                ends = [max(x - half, sheet.left), min(x + half, sheet.right)]
                low, high = sheet.y(row["conf_low"]), sheet.y(row["conf_high"])
                sheet.axes.fill_between(ends, [low, low], [high, high], color=_LIMITS, lw=0, zorder=1)
        if center is not None:
            sheet.axes.plot(
                [sheet.left, sheet.right],
                [sheet.y(float(center))] * 2,
                color=CONTEXT,
                lw=1.2,
                ls="--",
                marker="",
                zorder=2,
            )
        small = len(moments) > 26
        for stretch in _stretches(line.points):
            own = [(sheet.x[i], row) for i in stretch if (row := line.points[i]) is not None]
            sheet.axes.plot(
                [x for x, _ in own],
                [sheet.y(row["estimate"]) for _, row in own],
                color=FOCUS,
                lw=1.2,
                marker="",
                zorder=3,
            )
            for x, row in own:
                _point(sheet, x, row, signal_col, rule_col, _colour(row, better), small=small)
        _write_signals(sheet, line.points, signal_col, unit, better)
        sheet.write_gaps()
        return sheet.figure


def _colour(row: dict[Any, Any], better: str | None) -> str:
    """The colour of a point outside the limits."""
    if better is None:
        return READINGS["changed"]
    return READINGS["better" if (row["estimate"] > row["conf_high"]) == (better == "higher") else "worse"]


def _point(
    sheet: _WaveSheet, x: float, row: dict[Any, Any], signal_col: str, rule_col: str, colour: str, *, small: bool
) -> None:
    look: dict[str, Any] = {"color": FOCUS, "marker": "o", "ms": 4 if small else 6.5, "mfc": FOCUS}
    if row[signal_col]:
        marker = "^" if row["estimate"] > row["conf_high"] else "v"
        look = {"color": colour, "marker": marker, "ms": 8.5, "mfc": colour}
    elif row[rule_col]:
        look = {"color": FOCUS, "marker": "s", "ms": 6 if small else 7.5, "mfc": PAPER}
    sheet.axes.plot([x], [sheet.y(row["estimate"])], ls="", mew=1.6, zorder=4, **look)


def _write_signals(
    sheet: _WaveSheet, points: list[dict[Any, Any] | None], signal_col: str, unit: str, better: str | None
) -> None:
    """The value of every point outside the limits, away from the centre; no number where it would touch another."""
    taken: list[tuple[float, float, float, float]] = []
    tall = _line_height(_SMALL)
    for x, row in reversed([(x, row) for x, row in zip(sheet.x, points, strict=True) if row is not None]):
        if not row[signal_col]:
            continue
        text = estimate_text(row["estimate"], unit, more=sheet.more)
        width = _extent(text, _SMALL, bold=True)[0]
        at = sheet.y(row["estimate"])
        y = at + 0.08 if row["estimate"] > row["conf_high"] else at - 0.08 - tall
        if y < sheet.floor - 0.02:  # no room below: beside the mark, on the side that has more of it
            y, x = at - tall / 2, x + (width / 2 + 0.1) * (1 if x < (sheet.left + sheet.right) / 2 else -1)
        x = min(max(x, sheet.left + width / 2), WIDTH - _EDGE - width / 2)
        box = (x - width / 2 - 0.03, y, x + width / 2 + 0.03, y + tall)
        if any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
            continue
        taken.append(box)
        _write(sheet.figure, x, y, text, _colour(row, better), bold=True, ha="center", va="bottom", halo=True)
