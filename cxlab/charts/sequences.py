"""Pictures of whole paths: which ways customers take, and how many of them a few ways cover.

They follow the rules of `cxlab.charts.rows`. A stop is a box with its number; the key above the paths says what the numbers mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cxlab.charts.rows import (
    _EDGE,
    _GAP,
    _SMALL,
    FOCUS,
    GRID,
    INK,
    MUTED,
    PAPER,
    WIDTH,
    _blank,
    _extent,
    _line_height,
    _rows,
    _wrap,
    _write,
    style,
)
from cxlab.problems import did_you_mean
from cxlab.wording import MIN_BASE, estimate_text, is_missing, number_text, why_hidden

MOST_NAMES, MOST_STOPS = 9, 12
"""Names that have a number of their own, and stops of a path that are drawn."""
_BOX, _BETWEEN, _ROW = 0.25, 0.035, 0.14
_SWATCHES = LinearSegmentedColormap.from_list("stops", ["#e6edf3", "#a9c3da", FOCUS])
_OTHER = "#dfe3e7"
_MORE = "…"
_ROOM = WIDTH - 2 * _EDGE - _BOX - 0.25  # for a name in the key


def paths(
    frame: pd.DataFrame,
    *,
    path_col: str = "path",
    share_col: str = "estimate",
    covered_col: str = "covered",
    order: Sequence[str] = (),
    min_base: int = MIN_BASE,
) -> Figure:
    """Paths, a row each, as numbered boxes from left to right; beside each its share, and the share of all rows so far.

    One row of the table is one path, the most frequent first: `path_col` holds its stops (a sequence of names, or a text with “ → ”
    between them), `share_col` and `covered_col` percent, and a column `n`, where there is one, of how many journeys. Names get
    their numbers and their shades, light to dark, in `order`, without it as they come first; those after the ninth, and stops
    for which there is no room, are “…”. A bar under the boxes grows with the share covered.

    Raises ValueError for missing columns, an empty table, a path without stops, a name twice in `order`, and one that `order` lacks.
    """
    rows = _rows(frame, [path_col, share_col, covered_col])
    stops = [_stops(row[path_col], number, path_col) for number, row in enumerate(rows, 1)]
    numbers = _numbers([name for path in stops for name in path if name != _MORE], order)
    with style():
        shown = [name for name, number in numbers.items() if number <= MOST_NAMES]
        others = len(numbers) > len(shown)
        key, lines = _key([*shown, *(["all others"] if others else [])])
        line = _line_height(_SMALL)
        shares = [_share_text(row, share_col, min_base) for row in rows]
        sums = [_share_text(row, covered_col, min_base) for row in rows]
        heads = ("of all", "so far")
        widths = [
            max(_extent(text, _SMALL, bold=bold)[0] for text in (head, *texts))
            for head, texts, bold in zip(heads, (shares, sums), (True, False), strict=True)
        ]
        pitch = _BOX + _ROW
        head = lines * (_BOX + 0.06) + 0.08 + line
        height = _EDGE + len(rows) * pitch + head + 2 * _EDGE
        figure, axes = _blank(height, 0.0, 0.0, WIDTH, height)
        axes.set_axis_off()
        axes.set_xlim(0, WIDTH)
        axes.set_ylim(0, height)
        right = WIDTH - _EDGE
        ends = (right - widths[1] - _GAP, right)
        room = ends[0] - widths[0] - _GAP - _EDGE
        most = min(MOST_STOPS, int((room + _BETWEEN) // (_BOX + _BETWEEN)))
        for place, at, name in key:
            y = height - _EDGE - (at + 0.5) * (_BOX + 0.06)
            _box(figure, axes, place, y, min(numbers.get(name, MOST_NAMES + 1), MOST_NAMES + 1), len(shown))
            text, *more = _wrap(name, _ROOM, _SMALL).split("\n")
            _write(figure, place + _BOX + 0.06, y, text + ("…" if more else ""), INK)
        y = height - _EDGE - head + line / 2
        for text, end in zip(heads, ends, strict=True):
            _write(figure, end, y, text, MUTED, ha="right")
        for place, row in enumerate(rows):
            y = height - _EDGE - head - _EDGE - (place + 0.5) * pitch
            own = [numbers.get(name, MOST_NAMES + 1) for name in stops[place]]
            drawn = own if len(own) <= most else [*own[: most - 1], MOST_NAMES + 1]
            for at, stop in enumerate(drawn):
                _box(figure, axes, _EDGE + at * (_BOX + _BETWEEN), y, stop, len(shown))
            _write(figure, ends[0], y, shares[place], INK, bold=True, ha="right")
            _write(figure, ends[1], y, sums[place], MUTED, ha="right")
            covered = row[covered_col]
            if not is_missing(covered) and not why_hidden(row, covered_col, min_base):
                low = y - _BOX / 2 - 0.055
                axes.add_patch(Rectangle((_EDGE, low), room, 0.03, facecolor=GRID, lw=0))
                axes.add_patch(
                    Rectangle((_EDGE, low), room * min(float(covered), 100.0) / 100, 0.03, facecolor=FOCUS, lw=0)
                )
        return figure


def _stops(path: Any, number: int, path_col: str) -> list[str]:
    """The names of a path in order."""
    names = path.split(" → ") if isinstance(path, str) else path
    if not isinstance(names, Sequence) or not len(names) or names == [""]:
        raise ValueError(f"row {number}: `{path_col}` holds the stops of a path, got {path!r}; give their names")
    return [_name(name) for name in names]


def _numbers(met: Sequence[str], order: Sequence[str]) -> dict[str, int]:
    """The number of each name, from 1."""
    known = [_name(name) for name in order] or list(dict.fromkeys(met))
    if twice := [name for name in known if known.count(name) > 1]:
        raise ValueError(f"`order` names `{twice[0]}` twice; give each once")
    for name in met:
        if name not in known:
            raise ValueError(f"`order` lacks `{name}`; {did_you_mean(name, known)}")
    seen = set(met)
    return {name: number for number, name in enumerate((name for name in known if name in seen), 1)}


def _name(stop: Any) -> str:
    return "(none)" if is_missing(stop) else " ".join(str(stop).split())


def _share_text(row: Mapping[Any, Any], column: str, min_base: int) -> str:
    if why := why_hidden(row, column, min_base):
        return why
    share = float(row[column])
    return "<1%" if 0 < share < 0.5 else estimate_text(float(np.round(share)), "%")


def _key(names: Sequence[str]) -> tuple[list[tuple[float, int, str]], int]:
    """Where each name of the key stands: place, line and the name, cut where it is too long for a line."""
    placed: list[tuple[float, int, str]] = []
    x, line = _EDGE, 0
    for name in names:
        width = _BOX + 0.06 + min(_extent(name, _SMALL)[0], _ROOM + 0.15)
        if placed and x + width > WIDTH - _EDGE:
            x, line = _EDGE, line + 1
        placed.append((x, line, name))
        x += width + _GAP
    return placed, line + 1


def _box(figure: Figure, axes: Axes, x: float, y: float, number: int, names: int) -> None:
    """A stop: its number on its shade; what has no number of its own is an ellipsis on grey."""
    is_named = number <= MOST_NAMES
    depth = (number - 1) / max(names - 1, 1)
    colour = to_hex(_SWATCHES(depth)) if is_named else _OTHER
    axes.add_patch(Rectangle((x, y - _BOX / 2), _BOX, _BOX, facecolor=colour, lw=0))
    ink = PAPER if is_named and depth > 0.62 else INK
    _write(figure, x + _BOX / 2, y, number_text(number) if is_named else _MORE, ink, bold=is_named, ha="center")
