"""Pictures of movement: what comes before and after a touchpoint, every event as a dot, and where customers are day by day.

They follow the rules of `cxlab.charts.rows`: every text is measured before it gets its place, colour never speaks alone, the
same table is the same bytes. Shares lie between 0 and 1, or are percent where a table says so; they are written in percent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateFormatter, AutoDateLocator, date2num
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from cxlab.charts.rows import (
    _EDGE,
    _GAP,
    _SMALL,
    CONTEXT,
    FOCUS,
    INK,
    MARKERS,
    MUTED,
    PAPER,
    SERIES,
    WIDTH,
    _blank,
    _extent,
    _line_height,
    _rows,
    _spread,
    _tick_texts,
    _ticks,
    _unit,
    _wrap,
    _write,
    style,
)
from cxlab.problems import did_you_mean
from cxlab.wording import MIN_BASE, is_missing, number_text

EDGES = ("(start)", "(end)", "(still open)")
"""What is no touchpoint: the journey had not begun, it was over, or it runs on past the end of the data."""

_TOLERANCE = 1e-6
_FLOW_TALL = 2.4  # of a flow of 100%
_LANE = 0.24  # the least height of a lane, in which a share can be read
_BAR = 0.1
_NAMES = 1.3
_MAX_ROWS = 400
_MAX_STAGES = 7
_SWATCH = 0.2
_AREAS = (
    (FOCUS, ""),
    ("#bccbd9", ""),
    (CONTEXT, "///"),
    ("#e3e7eb", ""),
    ("#3f6f9a", "..."),
    ("#9aa6b1", ""),
    (INK, "xx"),
)
"""Fills of neighbouring areas: far apart in lightness or in hatch, so that they are told apart without colour."""


def flow(
    frame: pd.DataFrame,
    *,
    step_col: str = "step",
    from_col: str = "from_touchpoint",
    to_col: str = "to_touchpoint",
    value_col: str = "share",
    n: int | None = None,
    largest: int = 6,
    min_base: int = MIN_BASE,
) -> Figure:
    """What customers met before and after one touchpoint: columns are steps, ribbons the shares that went from one to the next.

    One row is one ribbon: from a touchpoint at `step_col` (−2, −1, 0, 1 …, counted from the anchor, which alone stands at 0)
    to one at the next step, with the share of all journeys that pass the anchor (0 to 1). "(start)", "(end)" and "(still
    open)" are no touchpoints. The `largest` touchpoints keep their names and a lane each, the others share one. The anchor
    is blue, also where it is met again. `n` is the number of journeys; below `min_base` nothing is drawn.

    Raises ValueError for missing columns, an empty table, shares outside 0 to 1, steps that are no whole numbers or leave one
    out, a ribbon that is there twice, and a step 0 that holds more than one touchpoint.
    """
    rows = _rows(frame, [step_col, from_col, to_col, value_col])
    ribbons, anchor = _ribbons(rows, step_col, from_col, to_col, value_col)
    names, ribbons = _lanes(ribbons, anchor, largest)
    steps = list(range(min(step for step, _, _ in ribbons), max(step for step, _, _ in ribbons) + 2))
    nodes = {(step, name): _through(ribbons, step, name) for step in steps for name in names}
    lanes = [name for name in names if any(nodes[step, name] > 0 for step in steps if step != 0)]
    with style():
        if n is not None and n < min_base:
            return _nothing(f"not shown: n<{min_base}")
        line = _line_height(_SMALL)
        labels = {name: _wrap(name, _NAMES, _SMALL, bold=name == anchor) for name in lanes}
        tall = {
            name: max(
                _LANE,
                _extent(labels[name], _SMALL, bold=name == anchor)[1] + 0.06,
                max(nodes[step, name] for step in steps if step != 0) * _FLOW_TALL,
            )
            for name in lanes
        }
        total = max(sum(tall.values()) + 0.08 * (len(lanes) - 1), _FLOW_TALL)
        title = _wrap(f"{anchor} {_percent(nodes[0, anchor])}", 1.9, _SMALL, bold=True)
        head = line + 0.08
        foot = 0.08 + _extent(title, _SMALL, bold=True)[1]
        height = _EDGE + head + total + foot + _EDGE
        figure, axes = _blank(height, 0.0, 0.0, WIDTH, height)
        axes.set_xlim(0, WIDTH)
        axes.set_ylim(0, height)
        axes.set_axis_off()
        left = _EDGE + max(_extent(labels[name], _SMALL, bold=name == anchor)[0] for name in lanes) + _GAP
        pitch = (WIDTH - _EDGE - left) / len(steps)
        top = height - _EDGE - head
        middle: dict[tuple[int, str], float] = {}
        y = top
        for name in lanes:
            for step in steps:
                middle[step, name] = y - tall[name] / 2
            _write(
                figure, _EDGE, y - tall[name] / 2, labels[name], FOCUS if name == anchor else INK, bold=name == anchor
            )
            y -= tall[name] + 0.08
        middle[0, anchor] = top - total / 2
        at = {step: left + number * pitch for number, step in enumerate(steps)}
        _draw_ribbons(axes, ribbons, nodes, middle, at, anchor)
        for step in steps:
            text = "this" if step == 0 else number_text(step, signed=True)
            _write(
                figure,
                at[step] + _BAR / 2,
                height - _EDGE,
                text,
                FOCUS if step == 0 else MUTED,
                bold=step == 0,
                ha="center",
                va="top",
            )
            for name in names:
                share = nodes[step, name]
                if share > 0 and (step, name) in middle:
                    _draw_node(figure, axes, at[step], middle[step, name], share, name, anchor, is_anchor=step == 0)
        half = _extent(title, _SMALL, bold=True)[0] / 2
        x = min(max(at[0] + _BAR / 2, _EDGE + half), WIDTH - _EDGE - half)
        _write(figure, x, _EDGE, title, FOCUS, bold=True, ha="center", va="bottom", halo=True)
        return figure


def _ribbons(
    rows: list[dict[Any, Any]], step_col: str, from_col: str, to_col: str, value_col: str
) -> tuple[dict[tuple[int, str, str], float], str]:
    """The ribbons by step, from and to, checked; and the touchpoint at step 0."""
    ribbons: dict[tuple[int, str, str], float] = {}
    for row in rows:
        step, share = row[step_col], row[value_col]
        if is_missing(step) or float(step) != int(step):
            raise ValueError(f"`{step_col}` counts steps from the anchor in whole numbers, got {step}")
        key = (int(step), str(row[from_col]), str(row[to_col]))
        if key in ribbons:
            raise ValueError(f"the table has {key[1]} to {key[2]} at step {key[0]} twice; add them up")
        ribbons[key] = _share(share, f"`{value_col}` of {key[1]} to {key[2]} at step {key[0]}")
    known = sorted({step for step, _, _ in ribbons})
    if absent := [step for step in range(known[0], known[-1] + 1) if step not in known]:
        raise ValueError(
            f"the table has no ribbons at step {absent[0]}, between {known[0]} and {known[-1]}; steps follow each other"
        )
    anchors = {start for step, start, _ in ribbons if step == 0} | {end for step, _, end in ribbons if step == -1}
    if len(anchors) != 1:
        raise ValueError(
            f"one touchpoint stands at step 0, got {', '.join(sorted(anchors)) or 'none'}; count steps from one anchor"
        )
    return ribbons, anchors.pop()


def _share(value: Any, what: str, whole: float = 1.0) -> float:
    if is_missing(value) or not -_TOLERANCE <= value / whole <= 1 + _TOLERANCE:
        way_out = f"; {value:g}% is {value / 100:g}" if whole == 1 and not is_missing(value) and value > 1 else ""
        raise ValueError(f"{what} is {value}: a share lies between 0 and {whole:g}{way_out}")
    return float(value)


def _lanes(
    ribbons: dict[tuple[int, str, str], float], anchor: str, largest: int
) -> tuple[list[str], dict[tuple[int, str, str], float]]:
    """The names of the lanes from top to bottom, and the ribbons between them: what is not among the largest is joined."""
    sizes: dict[str, float] = {}
    for step, name in {(s + d, n) for s, *ends in ribbons for d, n in enumerate(ends)}:
        if name != anchor and name not in EDGES:
            sizes[name] = sizes.get(name, 0.0) + _through(ribbons, step, name)
    ordered = sorted(sizes, key=lambda name: (-round(sizes[name], 12), name))
    few = ordered if len(ordered) <= largest + 1 else ordered[:largest]
    rest = f"{len(ordered) - len(few)} others"
    joined: dict[tuple[int, str, str], float] = {}
    for (step, start, end), share in sorted(ribbons.items()):
        kept = [name if name == anchor or name in EDGES or name in few else rest for name in (start, end)]
        key = (step, kept[0], kept[1])
        joined[key] = joined.get(key, 0.0) + share
    edges = [name for name in EDGES if any(name in (start, end) for _, start, end in ribbons)]
    return [anchor, *few, *([rest] if len(few) < len(ordered) else []), *edges], joined


def _through(ribbons: dict[tuple[int, str, str], float], step: int, name: str) -> float:
    """The share that is at a touchpoint in one step: what comes in or what goes out, where one end is not in the table."""
    came = math.fsum(share for (at, _, end), share in ribbons.items() if at == step - 1 and end == name)
    went = math.fsum(share for (at, start, _), share in ribbons.items() if at == step and start == name)
    return max(came, went)


def _draw_ribbons(
    axes: Axes,
    ribbons: dict[tuple[int, str, str], float],
    nodes: dict[tuple[int, str], float],
    middle: dict[tuple[int, str], float],
    at: dict[int, float],
    anchor: str,
) -> None:
    """Ribbons leave and reach a node from top to bottom in the order of the lanes, so that they cross as little as they can."""
    out = {key: middle[key] + nodes[key] * _FLOW_TALL / 2 for key in middle}
    into = dict(out)
    ends: dict[tuple[int, str, str], tuple[float, float]] = {}
    for key in sorted(ribbons, key=lambda key: (key[0], -middle[key[0] + 1, key[2]])):
        ends[key] = (out[key[0], key[1]], 0.0)
        out[key[0], key[1]] -= ribbons[key] * _FLOW_TALL
    for key in sorted(ribbons, key=lambda key: (key[0], -middle[key[0], key[1]])):
        ends[key] = (ends[key][0], into[key[0] + 1, key[2]])
        into[key[0] + 1, key[2]] -= ribbons[key] * _FLOW_TALL
    for key in sorted(ribbons):
        share, (left, right) = ribbons[key] * _FLOW_TALL, ends[key]
        if share <= 0:
            continue
        x0, x1 = at[key[0]] + _BAR, at[key[0] + 1]
        half = (x0 + x1) / 2
        corners = [(x0, left), (half, left), (half, right), (x1, right), (x1, right - share), (half, right - share),
                   (half, left - share), (x0, left - share), (x0, left)]  # fmt: skip
        codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
        again = anchor in (key[1] if key[0] != 0 else "", key[2] if key[0] != -1 else "")
        patch = PathPatch(
            Path(corners, codes), facecolor=FOCUS if again else CONTEXT, alpha=0.42 if again else 0.24, lw=0
        )
        axes.add_patch(patch)


def _draw_node(
    figure: Figure, axes: Axes, x: float, y: float, share: float, name: str, anchor: str, *, is_anchor: bool
) -> None:
    half = max(share * _FLOW_TALL, 0.012) / 2
    outline = {"(still open)": {"facecolor": CONTEXT, "edgecolor": PAPER, "hatch": "//////", "lw": 0}}
    look: dict[str, Any] = outline.get(name, {"facecolor": FOCUS if name == anchor else CONTEXT, "lw": 0})
    axes.fill([x, x + _BAR, x + _BAR, x], [y - half, y - half, y + half, y + half], zorder=3, **look)
    if not is_anchor:
        colour = FOCUS if name == anchor else INK
        _write(figure, x + _BAR + 0.03, y, _percent(share), colour, bold=name == anchor, halo=True)


def _percent(share: float) -> str:
    return "<1%" if 0 < share < 0.005 else f"{number_text(100 * share)}%"


def _nothing(text: str) -> Figure:
    figure, axes = _blank(0.6, 0.0, 0.0, WIDTH, 0.6)
    axes.set_axis_off()
    _write(figure, WIDTH / 2, 0.3, text, MUTED, italic=True, ha="center")
    return figure


def dotted(
    frame: pd.DataFrame,
    *,
    row_col: str = "customer_id",
    time_col: str = "timestamp",
    series_col: str = "touchpoint",
    since_start: bool = True,
    focus: Sequence[str] = (),
    x_label: str | None = None,
) -> Figure:
    """Every event as a dot: a row a customer, the earliest start at the top, time from left to right.

    One row of the table is one event. `time_col` holds moments, or numbers (then `x_label` says what they count). Time counts
    from each customer's first event, or with `since_start=False` it is the calendar. The four most frequent series, or those
    in `focus`, have a colour and a marker each, all others are grey. Customers are not named.

    Raises ValueError for missing columns, an empty table, events without time or customer, more than 400 customers, more
    than four series in `focus`, and one that is not there.
    """
    _rows(frame.head(1) if len(frame) else frame, [row_col, time_col, series_col])
    times = frame[time_col]
    moments = pd.api.types.is_datetime64_any_dtype(times)
    if not moments and not pd.api.types.is_numeric_dtype(times):
        raise ValueError(
            f"`{time_col}` holds moments or numbers, got {times.dtype}; convert it with pandas.to_datetime"
        )
    if not moments and not x_label:
        raise ValueError(
            f'`{time_col}` holds numbers; say what they count with `x_label`, such as "Days since the order"'
        )
    for column in (row_col, time_col):
        if missing := int(frame[column].isna().sum()):
            raise ValueError(f"{missing} events have no `{column}`; leave them out, and say how many they are")
    customers = frame[row_col].astype(str)
    if customers.nunique() > _MAX_ROWS:
        raise ValueError(
            f"{customers.nunique()} customers are more rows than can be told apart; draw a sample of at most {_MAX_ROWS}"
        )
    series = frame[series_col].map(lambda value: "(none)" if is_missing(value) else " ".join(str(value).split()))
    shown = _chosen(series, focus)
    begun = times.groupby(customers).transform("min")
    first = begun.groupby(customers).first()
    order = {name: place for place, name in enumerate(sorted(first.index, key=lambda name: (first[name], name)))}
    rows = customers.map(order).to_numpy()
    x, words = _time_axis(times, begun, moments, since_start, x_label)
    with style():
        line = _line_height(_SMALL)
        names = [*shown, *(["all others"] if (~series.isin(shown)).any() else [])]
        key, lines = _key(names)
        pitch = min(0.11, 4.3 / len(order))
        tall = max(pitch * len(order), 0.9)
        bottom = 0.36 + line + 0.03
        height = bottom + tall + 0.1 + lines * (line + 0.05) + line + 2 * _EDGE
        top = bottom + tall
        figure, axes = _blank(height, _EDGE + 0.04, bottom, WIDTH - _EDGE - 0.08, top)
        axes.set_ylim(len(order) - 0.4, -0.6)
        axes.set_yticks([])
        low, high = float(x.min()), float(x.max())
        air = (high - low or 1.0) * 0.015
        axes.set_xlim(low - air, high + air if high > low else high + 1 + air)
        _set_time_ticks(axes, moments and not since_start)
        size = float(np.clip(pitch * 72 * 0.75, 2.2, 6.0))
        for name in reversed(names):
            own = series == name if name in shown else ~series.isin(shown)
            number = shown.index(name) if name in shown else None
            colour = "#a9b2ba" if number is None else list(SERIES.values())[number]
            marker = "." if number is None else MARKERS[number]
            axes.plot(x[own], rows[own], ls="", marker=marker, ms=size, mew=0, color=colour, zorder=2 if number is None else 3,
                      clip_on=False)  # fmt: skip
        count = f"{number_text(len(order))} customers, a row each, the earliest start at the top"
        _write(figure, _EDGE, height - _EDGE, count if len(order) > 1 else "1 customer", MUTED, va="top")
        for place, at, name, number in key:
            y = height - _EDGE - line - 0.06 - (at + 0.5) * (line + 0.05)
            colour = "#8a949e" if number is None else list(SERIES.values())[number]
            marker = "." if number is None else MARKERS[number]
            axes.plot(
                [place],
                [y],
                ls="",
                marker=marker,
                ms=7,
                mew=0,
                color=colour,
                transform=figure.dpi_scale_trans,
                clip_on=False,
            )
            _write(figure, place + 0.1, y, name, MUTED if number is None else colour, bold=number is not None)
        _write(figure, WIDTH - _EDGE, _EDGE, words, MUTED, ha="right", va="bottom")
        return figure


def _chosen(series: pd.Series, focus: Sequence[str]) -> list[str]:
    """The series that have a colour: those in focus, else the four most frequent."""
    counts = series.value_counts()
    if len(focus) > len(MARKERS):
        raise ValueError(f"a picture holds at most four series, got {len(focus)}; choose four or draw several pictures")
    for name in focus:
        if name not in counts.index:
            raise ValueError(
                f"`focus` names `{name}`, which is not drawn; {did_you_mean(name, map(str, counts.index))}"
            )
    return list(focus) or sorted(counts.index, key=lambda name: (-counts[name], name))[: len(MARKERS)]


def _time_axis(
    times: pd.Series, begun: pd.Series, moments: bool, since_start: bool, x_label: str | None
) -> tuple[np.ndarray, str]:
    """Where events lie on the axis of time, and what that axis counts."""
    if not since_start:
        if moments:
            aware = times.dt.tz is not None
            plain = times.dt.tz_convert("UTC").dt.tz_localize(None) if aware else times
            return date2num(plain.to_numpy()), x_label or ("Time (UTC)" if aware else "Time")
        return times.to_numpy(float), x_label or ""
    waited = times - begun
    if not moments:
        return waited.to_numpy(float), x_label or ""
    days = waited.dt.total_seconds().to_numpy() / 86_400
    if days.max() >= 3:
        return days, x_label or "Days since the customer’s first event"
    return days * 24, x_label or "Hours since the customer’s first event"


def _set_time_ticks(axes: Axes, calendar: bool) -> None:
    low, high = axes.get_xlim()
    if not calendar:
        ticks = _ticks(max(low, 0.0) if low > -(high - low) * 0.05 else low, high, 6)
        axes.set_xticks(ticks, _tick_texts(ticks, ""))
        return
    locator = AutoDateLocator(minticks=3, maxticks=5)
    locator.set_axis(axes.xaxis)
    formatter = AutoDateFormatter(locator)
    formatter.scaled = {365.0: "%Y", 31.0: "%b %Y", 1.0: "%-d %b %Y", 1 / 24: "%-d %b %H:%M", 1 / 1440: "%H:%M"}
    inches = axes.get_position().width * WIDTH / (high - low)
    room = axes.get_position().x0 * WIDTH - _EDGE
    kept: list[tuple[float, str]] = []
    end = -math.inf
    for tick in (float(tick) for tick in locator() if low <= tick <= high):
        text = formatter(tick)
        half, at = _extent(text, _SMALL)[0] / 2, (tick - low) * inches
        if at - half >= max(end + _GAP, -room) and at + half <= (high - low) * inches + room:
            kept.append((tick, text))
            end = at + half
    axes.set_xticks([tick for tick, _ in kept], [text for _, text in kept])


def _key(names: Sequence[str]) -> tuple[list[tuple[float, int, str, int | None]], int]:
    """The names of the series in lines above the plot: place, line, name and number (None: all others)."""
    placed: list[tuple[float, int, str, int | None]] = []
    x, line = _EDGE + 0.06, 0
    for number, name in enumerate(names):
        last = name == "all others" and number == len(names) - 1
        text, *more = _wrap(name, WIDTH - 0.6, _SMALL, bold=not last).split("\n")
        text += "…" if more else ""
        width = 0.1 + _extent(text, _SMALL, bold=not last)[0] + 2 * _GAP
        if placed and x + width - 2 * _GAP > WIDTH - _EDGE:
            x, line = _EDGE + 0.06, line + 1
        placed.append((x, line, text, None if last else number))
        x += width
    return placed, line + 1


def occupancy(
    frame: pd.DataFrame,
    *,
    time_col: str = "days",
    stage_col: str = "stage",
    share_col: str = "estimate",
    unit: str | None = None,
    x_label: str = "Days since the customer’s start",
    min_base: int = MIN_BASE,
) -> Figure:
    """Where customers are, day by day: areas on top of each other are the shares of customers in each stage.

    One row is one stage on one day. Its share lies between 0 and 1, or is percent where `unit` (else the column `unit`) is "%";
    the shares of a day add up to the whole. Stages are stacked from the bottom in the order of the table and named at the
    right, in that order, with their fill and last share. A column `n`, where there is one, counts the customers who were
    observed that long: from the first day with fewer than `min_base` on nothing is drawn, and the picture says so.

    Raises ValueError for missing columns, an empty table, more than seven stages, a stage that a day has twice, shares
    outside 0 to 1, a day whose shares do not add up, and fewer than two days on a sufficient base.
    """
    rows = _rows(frame, [time_col, stage_col, share_col])
    whole = 100.0 if _unit(frame, unit) == "%" else 1.0
    stages = list(dict.fromkeys(" ".join(str(row[stage_col]).split()) for row in rows))
    if len(stages) > _MAX_STAGES:
        raise ValueError(
            f"a picture holds at most {_MAX_STAGES} stages, got {len(stages)}; join those that belong together"
        )
    days, cut = _days(rows, time_col, stage_col, share_col, whole, min_base)
    x = sorted(days)
    shares = np.array([[days[day].get(stage, 0.0) for day in x] for stage in stages])
    tops = np.cumsum(shares, axis=0)
    with style():
        line = _line_height(_SMALL)
        texts = [
            _wrap(f"{stage} {_percent(shares[number, -1])}", 1.45, _SMALL, bold=True)
            for number, stage in enumerate(stages)
        ]
        sizes = [_extent(text, _SMALL, bold=True) for text in texts]
        y_ticks = _ticks(0.0, 100.0, 5)
        y_texts = _tick_texts(y_ticks, "%")
        left = _EDGE + max(_extent(text, _SMALL)[0] for text in y_texts) + 0.1
        name_left = WIDTH - _EDGE - max(width for width, _ in sizes)
        right = name_left - _SWATCH - 0.2
        bottom = 0.36 + line + 0.03 + (line + 0.04 if cut else 0.0)
        tall = max(2.5, sum(height + 0.05 for _, height in sizes))
        height = bottom + tall + 2 * _EDGE + line / 2
        top = bottom + tall
        figure, axes = _blank(height, left, bottom, right, top)
        axes.set_xlim(x[0], x[-1])
        axes.set_ylim(0, 1)
        axes.grid(visible=False)
        for number in range(len(stages)):
            colour, hatch = _AREAS[number]
            below = tops[number - 1] if number else np.zeros(len(x))
            axes.fill_between(x, below, tops[number], facecolor=colour, hatch=hatch or None, edgecolor=PAPER, lw=0)
            axes.plot(x, tops[number], color=PAPER, lw=1.4, marker="", zorder=3)
        axes.set_xticks(_ticks(x[0], x[-1], 5), _tick_texts(_ticks(x[0], x[-1], 5), ""))
        axes.set_yticks([tick / 100 for tick in y_ticks], y_texts)
        middles = [float((tops[number, -1] - shares[number, -1] / 2) * tall + bottom) for number in range(len(stages))]
        places = _spread(middles, [height + 0.05 for _, height in sizes], bottom - 0.05, top + line / 2)
        for place, text, (colour, hatch) in zip(places, texts, _AREAS, strict=False):
            box = (name_left - _SWATCH - 0.06, place - _SWATCH * 0.4)
            look: dict[str, Any] = {"facecolor": colour, "hatch": hatch, "edgecolor": PAPER, "lw": 0}
            axes.add_patch(
                Rectangle(box, _SWATCH, _SWATCH * 0.8, transform=figure.dpi_scale_trans, clip_on=False, **look)
            )
            _write(figure, name_left, place, text, INK, bold=True)
        _write(figure, right, _EDGE + (line + 0.04 if cut else 0.0), x_label, MUTED, ha="right", va="bottom")
        if cut:
            _write(figure, right, _EDGE, cut, MUTED, italic=True, ha="right", va="bottom")
        return figure


def _days(
    rows: list[dict[Any, Any]], time_col: str, stage_col: str, share_col: str, whole: float, min_base: int
) -> tuple[dict[float, dict[str, float]], str]:
    """The shares of each day that rests on enough customers; and, where days are left out, why."""
    days: dict[float, dict[str, float]] = {}
    small: list[float] = []
    for row in rows:
        if is_missing(row[time_col]):
            raise ValueError(f"a row of stage `{row[stage_col]}` has no `{time_col}`; leave it out")
        day, stage = float(row[time_col]), " ".join(str(row[stage_col]).split())
        if "n" in row and (is_missing(row["n"]) or float(row["n"]) < min_base):
            small.append(day)
            continue
        if stage in days.setdefault(day, {}):
            raise ValueError(f"the table has stage `{stage}` on day {day:g} twice; give each once")
        days[day][stage] = _share(row[share_col], f"`{share_col}` of `{stage}` on day {day:g}", whole) / whole
    first = min(small, default=math.inf)
    kept = {day: shares for day, shares in days.items() if day < first}
    for day, shares in sorted(kept.items()):
        if abs(math.fsum(shares.values()) - 1) > 1e-4:
            total = math.fsum(shares.values())
            raise ValueError(
                f"the shares of day {day:g} add up to {total:.4g}, not 1; add the stage that is missing, such as (not begun)"
            )
    if len(kept) < 2:
        raise ValueError(
            f"{len(kept)} days rest on {min_base} customers or more; two are needed to draw areas: say so in a note instead"
        )
    return kept, "" if first == math.inf else f"from {first:g} on: n<{min_base}"
