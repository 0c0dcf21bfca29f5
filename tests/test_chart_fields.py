"""Pictures with two values a row, fields, planes, curves and stages: marks where the table says, nothing small shown."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from drawn import LONG, STRICT, WORD, texts, words
from matplotlib.colors import same_color
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon

from cxlab import charts, wording

pytestmark = STRICT


def cut_off(figure: Figure) -> list[str]:
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts(figure)]
    width, height = figure.bbox.width, figure.bbox.height
    return [
        name for name, box in boxes if box.x0 < -0.5 or box.y0 < -0.5 or box.x1 > width + 0.5 or box.y1 > height + 0.5
    ]


def touching(figure: Figure) -> list[tuple[str, str]]:
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts(figure)]
    found = []
    for (a, first), (b, second) in itertools.combinations(boxes, 2):
        across = min(first.x1, second.x1) - max(first.x0, second.x0)
        down = min(first.y1, second.y1) - max(first.y0, second.y0)
        if across > 1 and down > 1:
            found.append((a, b))
    return found


def marks(figure: Figure, marker: str = "o") -> list[Line2D]:
    return [line for line in figure.axes[0].lines if line.get_marker() == marker]


def fills(figure: Figure) -> list[Polygon]:
    return [patch for patch in figure.axes[0].patches if isinstance(patch, Polygon)]


PAIRS = pd.DataFrame(
    {"label": ["App", "Shop", "Help"], "reference": [4.5, 3.0, 4.0], "actual": [2.5, 3.5, 3.9], "n": [400, 80, 12]}
)
CELLS = pd.DataFrame(
    [("App", "New", 40.0, 300), ("App", "Old", -20.0, 200), ("Shop", "New", 10.0, 300), ("Shop", "Old", 88.0, 12)],
    columns=["place", "segment", "estimate", "n"],
)
POINTS = pd.DataFrame(
    {"label": ["App", "Shop", "Help"], "weight": [10.0, 30.0, 60.0], "estimate": [80.0, 40.0, math.nan]}
).assign(conf_low=lambda t: t["estimate"] - 4, conf_high=lambda t: t["estimate"] + 4)
CURVES = pd.DataFrame(
    [(1, "New", 90.0), (2, "New", 60.0), (1, "Old", 95.0), (3, "Old", 85.0)], columns=["time", "series", "estimate"]
).assign(conf_low=lambda t: t["estimate"] - 3, conf_high=lambda t: t["estimate"] + 3)
STAGES = pd.DataFrame(
    {
        "stage": ["Learn", "Buy", "Use", "Leave"],
        "reach": [100.0, 80.0, 40.0, math.nan],
        "estimate": [50.0, 75.0, 99.0, math.nan],
        "conf_low": [45.0, 70.0, 90.0, math.nan],
        "conf_high": [55.0, 80.0, 100.0, math.nan],
        "n": [300, 200, 12, 0],
        "reason": ["", "", "", "not rated"],
    }
)


def dumbbell(frame: pd.DataFrame = PAIRS, **more: object) -> Figure:
    return charts.dumbbell(frame, label_col="label", unit="1 to 5", **more)  # type: ignore[arg-type]


def matrix(frame: pd.DataFrame = CELLS, **more: object) -> Figure:
    return charts.matrix(frame, row_col="place", column_col="segment", **more)  # type: ignore[arg-type]


def plane(frame: pd.DataFrame = POINTS, **more: object) -> Figure:
    given = {"x_label": "Importance", "y_label": "Satisfied", "x_unit": "%", "y_unit": "%"} | more
    return charts.plane(frame, label_col="label", x_col="weight", y_col="estimate", **given)  # type: ignore[arg-type]


def steps(frame: pd.DataFrame = CURVES, **more: object) -> Figure:
    return charts.steps(frame, **{"series_col": "series", "x_label": "Months", "y_label": "Customers", **more})  # type: ignore[arg-type]


ALL: dict[str, tuple[Callable[..., Figure], pd.DataFrame, str]] = {
    "dumbbell": (dumbbell, PAIRS, "label"),
    "matrix": (matrix, CELLS, "place"),
    "plane": (plane, POINTS, "label"),
    "steps": (steps, CURVES, "series"),
}


@pytest.mark.parametrize("name", ALL)
def test_a_picture_has_the_width_of_all_nothing_cut_off_and_leaves_no_figure_open(name: str) -> None:
    draw, _, _ = ALL[name]
    figure = draw()
    assert figure.get_figwidth() == charts.WIDTH
    assert cut_off(figure) == []
    assert touching(figure) == []
    assert charts.png(figure).startswith(b"\x89PNG")
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", ALL)
def test_a_single_row_is_a_picture(name: str) -> None:
    draw, frame, _ = ALL[name]
    figure = draw(frame.head(1))
    assert cut_off(figure) == []
    assert touching(figure) == []


@pytest.mark.parametrize("name", ALL)
def test_a_table_without_rows_is_refused_with_what_to_do(name: str) -> None:
    draw, frame, _ = ALL[name]
    with pytest.raises(
        ValueError, match="the table has no rows, so there is nothing to draw; say so in a note instead"
    ):
        draw(frame.head(0))


@pytest.mark.parametrize("name", ALL)
def test_a_missing_column_is_refused_by_name(name: str) -> None:
    draw, frame, label = ALL[name]
    with pytest.raises(ValueError, match=f"the table has no column `{label}`"):
        draw(frame.drop(columns=label))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("long", [LONG, WORD])
def test_a_long_name_is_wrapped_and_nothing_of_it_is_lost(name: str, long: str) -> None:
    draw, frame, label = ALL[name]
    first = frame[label].iloc[0]
    figure = draw(frame.assign(**{label: frame[label].replace(first, long)}))
    assert cut_off(figure) == []
    assert long.replace(" ", "") in "".join(words(figure)).replace(" ", "")


@pytest.mark.parametrize("name", ALL)
def test_the_same_table_gives_the_same_picture(name: str) -> None:
    draw, _, _ = ALL[name]
    assert charts.png(draw()) == charts.png(draw())


def test_the_table_of_every_picture_can_be_said_in_words() -> None:
    said = wording.describe("Map of the stages", STAGES, label_col="stage", unit="%")
    assert said == (
        "Map of the stages: Learn 50% (45 to 55%); Buy 75% (70 to 80%); Use not shown, n<30; Leave not shown, not rated."
    )


def test_a_dumbbell_has_a_square_a_dot_and_a_line_where_the_table_says() -> None:
    figure = dumbbell(PAIRS.head(2))
    assert [float(mark.get_xdata()[0]) for mark in marks(figure, "s")] == [4.5, 3.0]
    assert [float(mark.get_xdata()[0]) for mark in marks(figure, "o")] == [2.5, 3.5]
    lines = [list(line.get_xdata()) for line in figure.axes[0].lines if len(line.get_xdata()) == 2]
    assert [4.5, 2.5] in lines
    assert {"Expected 4.5", "Actual 2.5", "3.0", "3.5"} <= set(words(figure))


def test_a_dumbbell_on_a_small_base_is_not_drawn_and_on_a_modest_one_hollow() -> None:
    figure = dumbbell(PAIRS.assign(reference=[4.5, 3.0, 4.2]))
    assert "not shown: n<30" in words(figure)
    assert not {"4.2", "3.9"} & set(words(figure))
    dots = marks(figure)
    assert len(dots) == len(marks(figure, "s")) == 2
    assert [same_color(dot.get_markerfacecolor(), charts.PAPER) for dot in dots] == [False, True]
    assert "Shop n 80 (small)" in words(figure)


def test_a_dumbbell_without_its_reference_says_so_and_one_in_which_all_is_hidden_has_no_marks() -> None:
    figure = dumbbell(PAIRS.assign(reference=[math.nan, 3.0, 4.0]))
    assert "not shown: no reference" in words(figure)
    assert len(marks(figure)) == 1
    assert marks(dumbbell(PAIRS.assign(n=5))) == []


def test_the_words_of_a_dumbbell_stand_at_the_right_of_their_row() -> None:
    figure = dumbbell(PAIRS.assign(gap=["−2.0", "+0.5", ""]), words_col="gap")
    assert {"−2.0", "+0.5"} <= set(words(figure))


def test_two_values_that_are_the_same_do_not_write_over_each_other() -> None:
    assert touching(dumbbell(PAIRS.assign(actual=PAIRS["reference"]))) == []


def test_a_field_has_a_fill_and_a_number_for_each_cell_that_is_shown() -> None:
    figure = matrix(unit="points", decimals=0, signed=True)
    assert len(fills(figure)) == 3
    assert {"+40", "−20", "+10", "n<30"} <= set(words(figure))
    assert "+88" not in words(figure)


def test_a_field_is_blue_above_its_middle_and_rust_below_stronger_with_distance() -> None:
    high, low, mild = fills(matrix(CELLS.head(3)))
    assert same_color(high.get_facecolor()[:3], mild.get_facecolor()[:3])
    assert not same_color(high.get_facecolor()[:3], low.get_facecolor()[:3])
    assert [patch.get_alpha() for patch in (high, low, mild)] == pytest.approx([1, 0.5, 0.25])
    assert len({patch.get_facecolor()[:3] for patch in fills(matrix(CELLS.head(3), middle=None))}) == 1


def test_a_cell_that_is_hidden_does_not_pale_the_others() -> None:
    shown, all_ = fills(matrix(CELLS.head(3))), fills(matrix(CELLS))
    assert [patch.get_alpha() for patch in all_] == [patch.get_alpha() for patch in shown]


def test_a_cell_that_is_not_there_is_a_dash_and_one_without_a_figure_a_question_mark() -> None:
    figure = matrix(CELLS.head(3).assign(estimate=[40.0, math.nan, 10.0]))
    assert {"–", "?"} <= set(words(figure))
    assert len(fills(figure)) == 2


def test_a_frame_marks_only_cells_that_are_shown() -> None:
    figure = matrix(CELLS.assign(clear=[True, False, False, True]), mark_col="clear")
    frames = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 5]
    assert len(frames) == 1


def test_a_cell_that_is_there_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="the table has the cell App, New twice; give each once"):
        matrix(pd.concat([CELLS, CELLS.head(1)]))


def test_a_field_of_percent_says_so_in_every_cell() -> None:
    assert {"40%", "−20%", "10%"} <= set(words(matrix(unit="%")))


def test_a_study_can_ask_for_larger_bases_in_a_field() -> None:
    assert words(matrix(min_base=250)).count("n<250") == 2


def test_a_plane_has_a_dot_and_an_interval_for_each_row_with_both_values() -> None:
    figure = plane(x_line=20, y_line=50)
    assert [(float(dot.get_xdata()[0]), float(dot.get_ydata()[0])) for dot in marks(figure)] == [(10, 80), (30, 40)]
    bars = [list(line.get_ydata()) for line in figure.axes[0].lines if list(line.get_xdata()) in ([10, 10], [30, 30])]
    assert bars == [[76, 84], [36, 44]]
    assert {"App", "Shop", "Importance", "Satisfied"} <= set(words(figure))
    assert "Help" not in words(figure)


def test_regions_take_the_place_of_intervals_in_a_plane_and_lie_inside_it() -> None:
    corners = [(5, 60), (25, 60), (25, 95), (5, 95)]
    around = pd.DataFrame([{"label": "App", "weight": x, "estimate": y} for x, y in corners])
    figure = plane(outlines=around)
    axes = figure.axes[0]
    (region,) = axes.patches
    assert region.get_xy()[:4].tolist() == [list(corner) for corner in corners]  # type: ignore[attr-defined]
    assert not [line for line in axes.lines if len(line.get_xdata()) == 2]
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    assert left < 5
    assert right > 25
    assert low < 60
    assert high > 95


def test_only_what_is_meant_is_blue_in_a_plane() -> None:
    assert [dot.get_color() for dot in marks(plane(focus=["Shop"]))] == [charts.CONTEXT, charts.FOCUS]
    assert {dot.get_color() for dot in marks(plane())} == {charts.FOCUS}


def test_a_plane_in_which_no_row_has_both_values_is_refused() -> None:
    with pytest.raises(ValueError, match="no row has both values, so there is nothing to draw"):
        plane(POINTS.tail(1))


def test_names_of_points_that_lie_close_do_not_touch() -> None:
    crowd = pd.DataFrame({"label": [f"Touchpoint {i}" for i in range(8)], "weight": [20.0 + i / 2 for i in range(8)]})
    crowd = crowd.assign(estimate=[50.0 + 3 * (i % 4) for i in range(8)], conf_low=math.nan, conf_high=math.nan)
    figure = plane(crowd)
    assert {f"Touchpoint {i}" for i in range(8)} <= set(words(figure))
    assert touching(figure) == []


def test_curves_begin_at_a_hundred_percent_stay_level_and_are_named_at_their_end() -> None:
    figure = steps()
    new, old = (line for line in figure.axes[0].lines if len(line.get_xdata()) == 3)
    assert (list(new.get_xdata()), list(new.get_ydata())) == ([0, 1, 2], [100, 90, 60])
    assert (list(old.get_xdata()), list(old.get_ydata())) == ([0, 1, 3], [100, 95, 85])
    assert new.get_drawstyle() == "steps-post"
    assert new.get_linestyle() != old.get_linestyle()
    assert len(figure.axes[0].collections) == 2
    assert {"New 60%", "Old 85%", "Months", "Customers"} <= set(words(figure))


def test_rows_of_a_curve_are_put_in_order_of_time() -> None:
    assert charts.png(steps(CURVES.iloc[[1, 0, 3, 2]])) == charts.png(steps())


def test_a_curve_without_an_interval_has_no_band() -> None:
    figure = steps(CURVES.assign(conf_low=math.nan, conf_high=math.nan))
    assert len(figure.axes[0].collections) == 0


def test_more_than_four_curves_are_refused() -> None:
    with pytest.raises(ValueError, match="a picture holds at most four series, got 5"):
        steps(pd.concat([CURVES.head(1).assign(series=name) for name in "abcde"]))


def test_curves_that_end_alike_do_not_write_over_each_other() -> None:
    frame = pd.concat([CURVES.head(2).assign(series=name) for name in ("One", "Two", "Three", "Four")])
    assert [pair for pair in touching(steps(frame)) if any(" " in text for text in pair)] == []


@pytest.mark.parametrize("ending", [97.0, 99.5, 100.0])
def test_curves_that_end_near_the_top_do_not_write_over_each_other(ending: float) -> None:
    frame = pd.concat([CURVES.head(1).assign(series=name, estimate=ending) for name in ("One", "Two", "Three", "Four")])
    figure = steps(frame)
    assert [pair for pair in touching(figure) if any(" " in text for text in pair)] == []
    assert cut_off(figure) == []
