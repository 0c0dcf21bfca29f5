"""The journey map of a page: stages from left to right, a curve of feeling across them, lanes of what is known below.

What comes in is the structured part that `exhibits.journey_map` writes; what goes out is made of escaped text, numbers and our
own drawings. On a wide screen and on paper the stages are columns under one curve; a phone shows each stage as a card with
its own small drawing. No line crosses a stage that has no figure.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from cxlab.report.markup import plain, rich

_INK, _WORSE, _MUTED, _EDGE = "#064573", "#bf3a0a", "#4d5966", "#77838f"
_WIDTH, _HEIGHT = 1050.0, 216.0  # of the curve, near to the pixels that it has on a page
_TOP, _BOTTOM = 44.0, 154.0  # where the ends of the scale lie; above and below there is room for figures
_MINI, _MARGIN = 300.0, 8.0
_MOST_STAGES, _MOST_LANES = 9, 20
_STATES = ("known", "unrated", "hidden", "unknown")
_PAPER = ((20.5, 5.8, ""), (25, 4.8, "dense"), (math.inf, 4.1, "densest"))
"""Sizes of type on paper: how many lines of it fill a page below the curve, the width of a letter in pixels, its class."""
_PAPER_WIDTH, _PAPER_PADDING = 950.0, 12.0
_RAGGED = 1.1  # lines end at words


@dataclass(frozen=True)
class Cell:
    """One lane in one stage."""

    lane: Markup
    text: Markup
    value: Markup
    detail: Markup
    tone: str
    unknown: bool

    def lines(self, per_line: float) -> int:
        """About how many lines of so many letters it takes."""
        parts = [f"Unknown: {self.text.striptags()}"] if self.unknown else [self.value, self.detail, self.text]
        return sum(math.ceil(len(Markup(part).striptags()) * _RAGGED / per_line) for part in parts)


@dataclass(frozen=True)
class Stage:
    """One stage: a column of a wide screen, a card of a phone."""

    label: Markup
    under: tuple[Markup, ...]
    css: str
    missing: Markup
    figures: Markup
    mini: Markup
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Map:
    """A journey map as the template writes it."""

    curve_label: Markup
    curve_words: Markup
    lanes: tuple[Markup, ...]
    stages: tuple[Stage, ...]
    curve: Markup
    key: Markup
    css: str


@dataclass(frozen=True)
class _Point:
    """A stage of the curve: where its marks lie in the drawing; without `y` there is no figure."""

    x: float
    y: float | None
    low: float | None
    high: float | None
    worse: bool
    small: bool
    value: str
    interval: str
    base: str


def journey_map(part: Mapping[str, Any]) -> Map | None:
    """The structured part as a map; None where it is none that can be shown."""
    given = part.get("curve")
    curve: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    stages = [stage for stage in _list(part.get("stages")) if isinstance(stage, Mapping)][:_MOST_STAGES]
    low, high = _float(curve.get("low")), _float(curve.get("high"))
    if not stages or low is None or high is None or not low < high:
        return None
    lanes = [plain(lane) for lane in _list(part.get("lanes"))][:_MOST_LANES]
    width = _WIDTH / len(stages)
    points = [_point(stage, (number + 0.5) * width, low, high) for number, stage in enumerate(stages)]
    ends = [plain(end) for end in _list(curve.get("ends"))]
    if len(ends) != 2:
        ends = [f"{low:g}", f"{high:g}"]
    drawn = tuple(_stage(stage, lanes, low, high, ends) for stage in stages)
    bare = all(_state(stage) in ("unrated", "unknown") for stage in stages)  # nobody was asked: no row for a curve
    return Map(
        curve_label=rich(curve.get("label")),
        curve_words=rich(", ".join(filter(None, (plain(curve.get("unit")), plain(curve.get("level")).lower())))),
        lanes=tuple(map(rich, lanes)),
        stages=drawn,
        curve=Markup("") if bare else _curve(points, width, low, high, ends, plain(part.get("alt"))),
        key=rich(part.get("key")),
        css=" ".join(filter(None, ("many" if len(stages) > 7 else "", "bare" if bare else "", _paper_size(drawn)))),
    )


def _paper_size(stages: tuple[Stage, ...]) -> str:
    """The class of the largest type with which the lanes stay on one page, by a count of their lines."""
    width = _PAPER_WIDTH / len(stages) - _PAPER_PADDING
    for most, letter, css in _PAPER:
        rows = zip(*(stage.cells for stage in stages), strict=True)
        if sum(max(cell.lines(width / letter) for cell in row) + 0.4 for row in rows) <= most:
            return css
    return _PAPER[-1][2]


def _stage(stage: Mapping[str, Any], lanes: list[str], low: float, high: float, ends: list[str]) -> Stage:
    state, mark = _state(stage), stage.get("mark")
    marked = mark if mark in ("lowest", "focus") else ""
    worse = stage.get("worse") is True
    under = [plain(stage.get("reach")) or ("unknown" if state == "unknown" else "reach unknown")]
    under += ["lowest"] if marked == "lowest" else []
    css = [
        name
        for name, is_so in (
            ("unk", state == "unknown"),
            ("hid", state == "hidden"),
            (f"mark{' low' if worse else ''}", marked),
        )
        if is_so
    ]
    figures = [f"**{plain(stage.get('value'))}**", plain(stage.get("interval")), plain(stage.get("base"))]
    cells = [*_cells(stage), *[{"unknown": True}] * len(lanes)]
    return Stage(
        label=rich(stage.get("label")),
        under=tuple(map(rich, under)),
        css=" ".join(css),
        missing=Markup("") if state == "known" else rich(plain(stage.get("missing")) or "unknown"),
        figures=rich(", ".join(filter(None, figures))) if state == "known" else Markup(""),
        mini=_mini(stage, low, high, ends) if state == "known" else Markup(""),
        cells=tuple(_cell(lane, cell) for lane, cell in zip(lanes, cells, strict=False)),
    )


def _cells(stage: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [cell if isinstance(cell, Mapping) else {} for cell in _list(stage.get("cells"))]


def _cell(lane: str, cell: Mapping[str, Any]) -> Cell:
    tone = cell.get("tone")
    texts = {name: rich(cell.get(name)) for name in ("text", "value", "detail")}
    unknown = cell.get("unknown") is True or not (texts["text"] or texts["value"])
    return Cell(lane=rich(lane), tone=str(tone) if tone in ("worse", "better") else "", unknown=unknown, **texts)


def _state(stage: Mapping[str, Any]) -> str:
    """A stage that says to be known but has no figure is unrated."""
    state = stage.get("state")
    known = str(state) if state in _STATES else "unknown"
    return "unrated" if known == "known" and _float(stage.get("estimate")) is None else known


def _point(stage: Mapping[str, Any], x: float, low: float, high: float) -> _Point:
    def y(name: str) -> float | None:
        value = _float(stage.get(name)) if _state(stage) == "known" else None
        return None if value is None else _TOP + (high - min(max(value, low), high)) / (high - low) * (_BOTTOM - _TOP)

    ends = y("low"), y("high")
    if ends[0] is None or ends[1] is None:
        ends = None, None
    words = (plain(stage.get(name)) for name in ("value", "interval", "base"))
    return _Point(x, y("estimate"), *ends, stage.get("worse") is True, stage.get("small") is True, *words)


def _curve(points: list[_Point], width: float, low: float, high: float, ends: list[str], alt: str) -> Markup:
    """The drawing across all stages: band, line, intervals, marks with their figures, and bases at its foot."""
    parts = []
    if low < 0 < high:
        zero = _TOP + high / (high - low) * (_BOTTOM - _TOP)
        known = [
            f"M{point.x - width / 2:.1f} {zero:.1f}H{point.x + width / 2:.1f}"
            for point in points
            if point.y is not None
        ]
        parts += [f'<path d="{"".join(known)}" stroke="{_EDGE}"/>'] if known else []
    for first, second in pairwise(points):
        if first.y is None or second.y is None:
            continue
        if None not in (first.low, first.high, second.low, second.high):
            corners = ((first.x, first.high), (second.x, second.high), (second.x, second.low), (first.x, first.low))
            area = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
            parts.append(f'<polygon points="{area}" fill="{_INK}" fill-opacity=".15"/>')
        parts.append(
            f'<path d="M{first.x:.1f} {first.y:.1f}L{second.x:.1f} {second.y:.1f}" stroke="{_INK}" stroke-width="2.5"/>'
        )
    for number, point in enumerate(points):
        if point.y is None:
            continue
        colour = _WORSE if point.worse else _INK
        if point.low is not None and point.high is not None:
            parts.append(
                f'<path d="M{point.x:.1f} {point.low:.1f}V{point.high:.1f}" stroke="{colour}" stroke-width="2"/>'
            )
        parts.append(_mark(point.x, point.y, worse=point.worse, small=point.small))
        beside = [
            other.y for other in points[max(number - 1, 0) : number + 2] if other is not point and other.y is not None
        ]
        if not beside or point.y <= sum(beside) / len(
            beside
        ):  # a peak has its figures above, a valley below: off the line
            at = (point.y if point.high is None else min(point.high, point.y - 6)) - 8
            parts.append(_figure(point, at - 16, at))
        else:
            at = (point.y if point.low is None else max(point.low, point.y + 6)) + 18
            parts.append(_figure(point, at, at + 16))
        parts.append(
            f'<text x="{point.x:.1f}" y="{_HEIGHT - 6:g}" text-anchor="middle">{html.escape(point.base)}</text>'
        )
    scale = "".join(
        f'<text class="end" x="3" y="{y:g}">{html.escape(end)}</text>'
        for y, end in ((_TOP + 4, ends[1]), (_BOTTOM + 4, ends[0]))
    )
    return _svg(_WIDTH, _HEIGHT, alt, "".join(parts) + scale)


def _figure(point: _Point, y: float, y_below: float) -> str:
    css = "v bad" if point.worse else "v"
    value = f'<text class="{css}" x="{point.x:.1f}" y="{y:.1f}" text-anchor="middle">{html.escape(point.value)}</text>'
    below = f'<text x="{point.x:.1f}" y="{y_below:.1f}" text-anchor="middle">{html.escape(point.interval)}</text>'
    return value + below


def _mark(x: float, y: float, *, worse: bool, small: bool) -> str:
    """A circle; a square for what is clearly unpleasant; hollow on a small base."""
    colour = _WORSE if worse else _INK
    look = f'fill="#fff" stroke="{colour}" stroke-width="2.5"' if small else f'fill="{colour}"'
    size = 5.0 if small else 6.0
    if worse:
        return f'<rect x="{x - size:.1f}" y="{y - size:.1f}" width="{2 * size:g}" height="{2 * size:g}" {look}/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:g}" {look}/>'


def _mini(stage: Mapping[str, Any], low: float, high: float, ends: list[str]) -> Markup:
    """The interval of one stage on the scale of the curve, for a card."""

    def x(value: float) -> float:
        return _MARGIN + (min(max(value, low), high) - low) / (high - low) * (_MINI - 2 * _MARGIN)

    estimate, first, last = (_float(stage.get(name)) for name in ("estimate", "low", "high"))
    if estimate is None:
        return Markup("")
    worse, small = stage.get("worse") is True, stage.get("small") is True
    parts = [f'<path d="M{_MARGIN:g} 26H{_MINI - _MARGIN:g}" stroke="{_EDGE}"/>']
    if low < 0 < high:
        parts.append(f'<path d="M{x(0):.1f} 2V30" stroke="{_MUTED}"/>')
        parts.append(f'<text x="{x(0):.1f}" y="43" text-anchor="middle">0</text>')
    if first is not None and last is not None:
        parts.append(
            f'<path d="M{x(first):.1f} 10H{x(last):.1f}" stroke="{_WORSE if worse else _INK}" stroke-width="3"/>'
        )
    parts.append(_mark(x(estimate), 10, worse=worse, small=small))
    parts.append(f'<text x="0" y="43">{html.escape(ends[0])}</text>')
    parts.append(f'<text x="{_MINI:g}" y="43" text-anchor="end">{html.escape(ends[1])}</text>')
    return _svg(
        _MINI, 46, plain(stage.get("label_drawn")) or plain(stage.get("value")) or f"{estimate:g}", "".join(parts)
    )


def _svg(width: float, height: float, label: str, body: str) -> Markup:
    return Markup(
        f'<svg role="img" aria-label="{html.escape(label)}" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}">'
        f"{body}</svg>"
    )


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _float(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
