"""The picture of a control chart: limits, marks outside them, and what is hidden."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from drawn import STRICT, words
from matplotlib.collections import PolyCollection
from matplotlib.colors import same_color
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from cxlab import charts

pytestmark = STRICT
POINTS = pd.DataFrame(
    {
        "when": [f"2026-W{week:02d}" for week in range(1, 9)],
        "estimate": [70.0, 72.0, 95.0, 71.0, math.nan, 69.0, 40.0, 70.0],
        "conf_low": [55.0] * 8,
        "conf_high": [85.0] * 8,
        "center": 70.0,
        "n": [60, 60, 60, 60, 12, 60, 60, 60],
        "unit": "%",
        "signal": [False, False, True, False, False, False, True, False],
        "rule": ["", "4 of 5 beyond 1σ", "", "", "", "", "", ""],
        "reason": ["", "", "", "", "n<30", "", "", ""],
    }
)


def control(frame: pd.DataFrame = POINTS, **more: object) -> Figure:
    return charts.control(frame, x_col="when", **more)  # type: ignore[arg-type]


def marks(figure: Figure, marker: str) -> list[Line2D]:
    return [line for line in figure.axes[0].lines if line.get_marker() == marker]


def test_points_outside_are_triangles_with_their_value_and_patterns_open_squares() -> None:
    figure = control(better="higher")
    assert [len(marks(figure, marker)) for marker in "o^vs"] == [4, 1, 1, 1]
    assert same_color(marks(figure, "^")[0].get_color(), charts.READINGS["better"])
    assert same_color(marks(figure, "v")[0].get_color(), charts.READINGS["worse"])
    assert {"95%", "40%", "dashed: mean 70%"} <= set(words(figure))
    assert "72%" not in words(figure)


def test_where_low_is_good_a_fall_is_better_and_without_a_direction_neither_is() -> None:
    assert same_color(marks(control(better="lower"), "v")[0].get_color(), charts.READINGS["better"])
    plain = control()
    assert same_color(marks(plain, "^")[0].get_color(), charts.READINGS["changed"])
    assert same_color(marks(plain, "v")[0].get_color(), charts.READINGS["changed"])


def test_a_small_point_interrupts_the_line_and_has_no_limits() -> None:
    figure = control()
    assert "n<30" in words(figure)
    joined = [
        line for line in figure.axes[0].lines if line.get_marker() in ("", "None") and line.get_linestyle() == "-"
    ]
    assert sorted(len(line.get_xdata()) for line in joined if len(line.get_xdata()) > 2) == [3, 4]
    hidden = POINTS.assign(conf_low=POINTS["conf_low"].where(POINTS["estimate"].notna()))
    strips = [patch for patch in control(hidden).axes[0].collections if isinstance(patch, PolyCollection)]
    assert len(strips) == 7
    # a figure on a small base is not drawn either
    small = POINTS.assign(n=[12, *POINTS["n"].iloc[1:]])
    assert len(marks(control(small), "o")) == 3


def test_a_year_of_weeks_has_room_and_nothing_is_cut_off() -> None:
    weeks = pd.concat([POINTS.iloc[[0, 1, 2, 3]]] * 16, ignore_index=True)
    figure = control(weeks.assign(when=[f"{2025 + week // 52}-W{week % 52 + 1:02d}" for week in range(64)]))
    figure.canvas.draw()
    boxes = [
        text.get_window_extent() for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()
    ]
    assert all(box.x0 >= -0.5 and box.x1 <= figure.bbox.width + 0.5 and box.y0 >= -0.5 for box in boxes)
    assert figure.get_figwidth() == charts.WIDTH
    assert charts.png(figure) == charts.png(figure)


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="the table has no column `center`"):
        control(POINTS.drop(columns="center"))
    with pytest.raises(ValueError, match="the table has wave 2026-W01 twice"):
        control(POINTS.assign(when="2026-W01"))
    with pytest.raises(ValueError, match="the table has no rows"):
        control(POINTS.head(0))
