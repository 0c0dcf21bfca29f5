"""A small drawing of one estimate: a dot and its interval on an axis, and below it a diamond where it was last period.

The diamond has a line of its own, so that close values never hide each other. The drawing carries its values as text for
whoever does not see it.
"""

from __future__ import annotations

import html
import math

from markupsafe import Markup

from cxlab.report.markup import figure_text

_INK, _CONTEXT, _MUTED, _EDGE = "#064573", "#65717d", "#4d5966", "#77838f"
_MARGIN = 6.0


def whisker(
    estimate: float,
    low: float | None,
    high: float | None,
    *,
    axis_low: float,
    axis_high: float,
    before: float | None = None,
    label: str,
    unit: str = "",
    width: int = 236,
    strong: bool = True,
    small_base: bool = False,
) -> Markup:
    """An inline SVG. `label` is its text; `unit` follows the ends of the axis; a small base has a hollow dot."""
    span = axis_high - axis_low
    if not (math.isfinite(span) and span > 0 and math.isfinite(estimate)):
        return Markup("")

    def x(value: float) -> str:
        share = min(1.0, max(0.0, (value - axis_low) / span))
        return f"{_MARGIN + share * (width - 2 * _MARGIN):.1f}"

    colour = _INK if strong else _CONTEXT
    parts = [f'<path d="M{_MARGIN:g} 27H{width - _MARGIN:g}" stroke="{_EDGE}"/>']
    if axis_low < 0 < axis_high:
        parts.append(f'<path d="M{x(0)} 2V31" stroke="{_MUTED}"/>')
    if before is not None:
        at = float(x(before))
        diamond = f"M{at - 4:.1f} 19.5L{at:.1f} 15.5L{at + 4:.1f} 19.5L{at:.1f} 23.5Z"
        parts.append(f'<path d="{diamond}" fill="#fff" stroke="{_MUTED}" stroke-width="1.6"/>')
    if low is not None and high is not None:
        ends_drawn = f"M{x(low)} 2V14M{x(high)} 2V14"  # higher than the dot, which a short interval would hide under
        parts.append(f'<path d="M{x(low)} 8H{x(high)}" stroke="{colour}" stroke-width="3"/>')
        parts.append(f'<path d="{ends_drawn}" stroke="{colour}" stroke-width="1.4"/>')
    fill, edge = ("#fff", f' stroke="{colour}" stroke-width="2"') if small_base else (colour, "")
    parts.append(f'<circle cx="{x(estimate)}" cy="8" r="{3.6 if small_base else 4.2}" fill="{fill}"{edge}/>')
    ends = f'<text x="0" y="42">{_tick(axis_low, unit)}</text>'
    ends += f'<text x="{width}" y="42" text-anchor="end">{_tick(axis_high, unit)}</text>'
    zero = float(x(0))
    if axis_low < 0 < axis_high and 40 < zero < width - 40:  # else it would stand in the text of an end
        ends += f'<text x="{zero:.1f}" y="42" text-anchor="middle">{_tick(0, unit)}</text>'
    return Markup(
        f'<svg role="img" aria-label="{html.escape(label)}" viewBox="0 0 {width} 44" width="{width}" height="44">'
        + "".join(parts)
        + f"{ends}</svg>"
    )


def _tick(value: float, unit: str) -> str:
    return figure_text(value) + html.escape(unit)


def axis(values: list[float], unit: str) -> tuple[float, float]:
    """The axis that estimates of one unit share: a whole scale where the unit names one, else round ends that hold zero.

    >>> axis([5.1, 4.9], "1 to 7"), axis([61, 74], "%"), axis([24, 30, -3], "points"), axis([0.12, 0.31], "")
    ((1.0, 7.0), (0.0, 100.0), (-10.0, 30.0), (0.0, 0.4))
    """
    known = [value for value in values if math.isfinite(value)]
    low, high = min([0.0, *known]), max([0.0, *known])
    first, found, last = unit.partition(" to ")
    if found:
        try:
            return min(float(first), *known), max(float(last), *known)
        except (ValueError, TypeError):
            pass
    if unit == "%" and low == 0 and high <= 100:
        return (0.0, 50.0) if high <= 50 else (0.0, 100.0)
    if low == high:
        return low, low + 1.0
    step = 10.0 ** math.floor(math.log10(high - low))
    ends = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    return round(ends[0], 10), round(ends[1], 10)
