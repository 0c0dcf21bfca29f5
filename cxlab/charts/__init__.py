"""The pictures of a report: one look, drawn from tidy tables of estimates (`rows` says how).

Rows and waves: `dot_whisker`, `difference_plot`, `bars`, `trend`. Two values a row, fields, planes and curves:
`dumbbell`, `matrix`, `plane`, `steps`. Movement: `flow`, `dotted`, `occupancy`, `paths`. Control
charts: `control`.
"""

from cxlab.charts.control import control
from cxlab.charts.fields import dumbbell, matrix, plane, steps
from cxlab.charts.flows import dotted, flow, occupancy
from cxlab.charts.rows import (
    CONTEXT,
    DPI,
    FOCUS,
    INK,
    MARKERS,
    MUTED,
    PAPER,
    READINGS,
    SERIES,
    STILL,
    STYLE,
    WIDTH,
    bars,
    difference_plot,
    dot_whisker,
    png,
    style,
    trend,
)
from cxlab.charts.sequences import paths

__all__ = [
    "CONTEXT",
    "DPI",
    "FOCUS",
    "INK",
    "MARKERS",
    "MUTED",
    "PAPER",
    "READINGS",
    "SERIES",
    "STILL",
    "STYLE",
    "WIDTH",
    "bars",
    "control",
    "difference_plot",
    "dot_whisker",
    "dotted",
    "dumbbell",
    "flow",
    "matrix",
    "occupancy",
    "paths",
    "plane",
    "png",
    "steps",
    "style",
    "trend",
]
