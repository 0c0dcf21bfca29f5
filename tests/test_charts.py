"""Pictures: nothing touches, nothing is cut off, nothing small is shown, and colours can be told apart."""

from __future__ import annotations

import io
import itertools
import math
import re

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from drawn import LONG, WORD, texts, words
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from matplotlib.collections import PolyCollection
from matplotlib.colors import same_color, to_rgb
from matplotlib.figure import Figure
from PIL import Image

from cxlab import charts


def faults(figure: Figure) -> list[str]:
    """Texts that touch each other, leave the picture, or are too small to be read on a phone."""
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts(figure)]
    width, height = figure.bbox.width, figure.bbox.height
    found = [
        f"cut off: {name!r}"
        for name, box in boxes
        if box.x0 < -0.5 or box.y0 < -0.5 or box.x1 > width + 0.5 or box.y1 > height + 0.5
    ]
    for (a, first), (b, second) in itertools.combinations(boxes, 2):
        across = min(first.x1, second.x1) - max(first.x0, second.x0)
        down = min(first.y1, second.y1) - max(first.y0, second.y0)
        if across > 1 and down > 1:
            found.append(f"{a!r} touches {b!r}")
    return found + [f"small: {text.get_text()!r}" for text in texts(figure) if text.get_fontsize() < 10]


def drawn_at(figure: Figure) -> set[float]:
    """Every x at which a line or marker of the plot lies."""
    (axes,) = figure.axes
    return {float(x) for line in axes.lines for x in np.atleast_1d(line.get_xdata())}


def estimates(values: list[float], *, half: float = 4.0, n: int = 500, **columns: object) -> pd.DataFrame:
    frame = pd.DataFrame({"label": [f"Row {i}" for i in range(len(values))], "estimate": values})
    return frame.assign(conf_low=frame["estimate"] - half, conf_high=frame["estimate"] + half, n=n, **columns)


def comparison(rows: int, unit: str = "%") -> pd.DataFrame:
    """Like the table of `compare_waves`: rises, falls, unclear ones, small bases and an item nobody answered."""
    rng = np.random.default_rng(1)
    names = [LONG, WORD, "Wi-Fi", "Parking: $5 or $10 a day", *(f"Question {i} of the battery" for i in range(rows))][
        :rows
    ]
    change, half = rng.normal(0, 6, rows), rng.uniform(1, 6, rows)
    frame = pd.DataFrame({"item": names, "difference": change, "conf_low": change - half, "conf_high": change + half})
    frame["reading"] = np.select([change > half, change < -half], ["better", "worse"], "no clear change")
    frame = frame.assign(
        unit=unit, n_before=rng.integers(40, 3000, rows), n_after=rng.integers(40, 3000, rows), reason=""
    )
    for row, n, reason in ((2, 12, "n<30"), (3, 0, "nobody answered after")):
        if row < rows:
            frame.loc[row, ["difference", "conf_low", "conf_high"]] = math.nan
            frame.loc[row, ["n_after", "reading", "reason"]] = [n, "not tested", reason]
    return frame


def waves(labels: list[object], *, series: list[str] | None = None, start: float = 40.0) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    rows = [
        {"wave": wave, "series": name, "estimate": start - 3 * number + rng.normal(0, 2), "n": 500}
        for number, name in enumerate(series or ["All"])
        for wave in labels
    ]
    frame = pd.DataFrame(rows)
    return frame.assign(conf_low=frame["estimate"] - 4, conf_high=frame["estimate"] + 4)


YEARS: list[object] = list(range(2010, 2019))
QUARTERS: list[object] = [f"{2024 + i // 4}-Q{i % 4 + 1}" for i in range(9)]
MONTHS: list[object] = [f"{2024 + i // 12}-{i % 12 + 1:02d}" for i in range(24)]
NAMED: list[object] = [f"Spring fieldwork {year} (terminal survey)" for year in YEARS]
FOUR = ["Frequent users of the app", "Value seekers", "Hands-off", WORD]


def _gaps(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.copy()
    frame.loc[frame.index[1::3], "n"] = 7
    frame.loc[frame.index[2::5], "estimate"] = math.nan
    return frame


STRESS = {
    "five rows with a hidden one": lambda: charts.dot_whisker(
        estimates([41, 33, 22, 3, 99]).assign(n=[627, 675, 92, 820, 17]), label_col="label", unit="points"
    ),
    "one row": lambda: charts.dot_whisker(estimates([5.0]), label_col="label", unit="1 to 7"),
    "all rows hidden": lambda: charts.dot_whisker(estimates([5.0, 6.0], n=3), label_col="label", unit="%"),
    "dots with long names and reasons": lambda: charts.dot_whisker(
        estimates([-90, math.nan, 95]).assign(label=[LONG, WORD, "a"], reason=["", LONG, ""]), label_col="label"
    ),
    "dots without intervals at both borders": lambda: charts.dot_whisker(
        estimates([-100, 0, 100], half=math.nan), label_col="label", unit="points"
    ),
    "dots of large numbers": lambda: charts.dot_whisker(
        estimates([-1_250_000, 2_400_000, 9_900_000], half=400_000), label_col="label"
    ),
    "dots of tiny numbers": lambda: charts.dot_whisker(estimates([0.0012, 0.0031], half=0.0004), label_col="label"),
    "26 rows": lambda: charts.dot_whisker(estimates(list(np.linspace(-60, 60, 26))), label_col="label", unit="points"),
    "26 differences": lambda: difference_plot(comparison(26)),
    "one difference": lambda: difference_plot(comparison(1)),
    "differences of scale points": lambda: difference_plot(comparison(8, unit="1 to 7")),
    "nothing tested": lambda: difference_plot(comparison(4).iloc[2:]),
    "bars of two parts": lambda: charts.bars(
        pd.DataFrame({"file": ["a.csv", f"export_{WORD}.csv"], "kept": [3234, 120], "rejected": [0, 900]}),
        label_col="file",
        value_cols=("kept", "rejected"),
    ),
    "bars of four long parts": lambda: charts.bars(
        pd.DataFrame({"file": ["a.csv", "b.csv"], "a": [1e6, 2], "b": [3e5, 3], "c": [0, 4], "d": [7, 5e5]}),
        label_col="file",
        value_cols=("a", "b", "c", "d"),
        names=["kept as they were", LONG, "rejected", WORD],
    ),
    "bars of shares": lambda: charts.bars(
        estimates([96.2, 100, 41.5, 0, 0], unit="%").assign(n=[2214, 500, 120000, 70, 20], conf_low=math.nan),
        label_col="label",
    ),
    "bars of counts": lambda: charts.bars(
        pd.DataFrame({"table": ["events", "all", "none"], "n": [1_250_000, 9, 0]}), label_col="table", value_cols=("n",)
    ),
    "bars of nothing": lambda: charts.bars(
        pd.DataFrame({"table": ["a", "b"], "rows": [0, 0]}), label_col="table", value_cols=("rows",)
    ),
    "one wave": lambda: charts.trend(waves([2018]), x_col="wave", unit="points"),
    "two waves": lambda: charts.trend(waves([2017, 2018]), x_col="wave", unit="points"),
    "two waves with long names": lambda: charts.trend(waves(NAMED[:2]), x_col="wave", unit="points"),
    "nine waves": lambda: charts.trend(waves(YEARS, start=82.0), x_col="wave", unit="%"),
    "nine waves with gaps": lambda: charts.trend(_gaps(waves(YEARS)), x_col="wave", unit="%"),
    "nine waves with long names": lambda: charts.trend(waves(NAMED), x_col="wave", unit="1 to 100"),
    "nine quarters": lambda: charts.trend(waves(QUARTERS, start=0.0), x_col="wave", unit="points"),
    "24 months with gaps": lambda: charts.trend(_gaps(waves(MONTHS)), x_col="wave", unit="points"),
    "60 waves": lambda: charts.trend(_gaps(waves(list(range(1, 61)))), x_col="wave"),
    "no wave with a figure": lambda: charts.trend(waves(YEARS).assign(n=5), x_col="wave", unit="points"),
    "four series close together": lambda: charts.trend(
        waves(QUARTERS, series=FOUR, start=41.0).assign(unit="points"), x_col="wave", series_col="series"
    ),
    "four series that end alike": lambda: charts.trend(
        waves([1, 2, 3], series=FOUR).assign(estimate=40.0), x_col="wave", series_col="series", unit="points"
    ),
    "four series with gaps": lambda: charts.trend(
        _gaps(waves(YEARS, series=FOUR)), x_col="wave", series_col="series", unit="points"
    ),
    "two series, one hidden": lambda: charts.trend(
        waves(YEARS, series=["A", "B"]).assign(n=[500] * 9 + [5] * 9), x_col="wave", series_col="series", unit="%"
    ),
}  # fmt: skip


def difference_plot(frame: pd.DataFrame, **more: object) -> Figure:
    bases = ("n_before", "n_after")
    return charts.difference_plot(frame, label_col="item", estimate_col="difference", base_cols=bases, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("case", STRESS)
def test_no_text_touches_another_or_is_cut_off(case: str) -> None:
    assert faults(STRESS[case]()) == []


LETTERS = st.characters(codec="latin-1", categories=("L", "N", "P", "S", "Zs"))
FIGURES = st.floats(-1e5, 1e5).map(lambda value: round(value, 2))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(
    st.lists(
        st.tuples(st.text(LETTERS, max_size=60), FIGURES, st.floats(0, 1e4), st.integers(0, 5000)),
        min_size=1,
        max_size=8,
    )
)
def test_no_text_touches_another_whatever_the_names_and_figures_are(rows: list[tuple[str, float, float, int]]) -> None:
    frame = pd.DataFrame(rows, columns=["label", "estimate", "half", "n"])
    frame = frame.assign(conf_low=frame["estimate"] - frame["half"], conf_high=frame["estimate"] + frame["half"])
    assert faults(charts.dot_whisker(frame, label_col="label", unit="points")) == []
    assert faults(charts.trend(frame.assign(wave=range(len(frame))), x_col="wave")) == []
    bars = frame.assign(estimate=frame["estimate"].abs(), conf_low=math.nan)
    assert faults(charts.bars(bars, label_col="label")) == []


def test_the_check_itself_sees_texts_that_touch_and_texts_that_leave_the_picture() -> None:
    figure = Figure(figsize=(2, 2))
    for x, text in ((0.3, "one"), (0.35, "two"), (0.95, "outside")):
        figure.text(x, 0.5, text)
    assert faults(figure) == ["cut off: 'outside'", "'one' touches 'two'"]


def test_a_long_name_is_wrapped_and_nothing_of_it_is_lost() -> None:
    shown = words(charts.dot_whisker(estimates([1.0, 2.0]).assign(label=[LONG, WORD]), label_col="label"))
    assert f"{LONG} n 500" in shown
    assert any(text.replace(" ", "").startswith(WORD) for text in shown)


def test_more_rows_make_the_picture_taller_and_never_wider() -> None:
    few, many = (charts.dot_whisker(estimates([1.0] * rows), label_col="label") for rows in (3, 26))
    assert many.get_figheight() > 5 * few.get_figheight()
    assert few.get_figwidth() == many.get_figwidth() == charts.WIDTH


def test_a_base_below_30_is_written_in_words_and_its_figure_is_nowhere() -> None:
    figure = charts.dot_whisker(estimates([41, 77]).assign(n=[627, 29]), label_col="label", unit="points")
    assert "not shown: n<30" in words(figure)
    assert "77" not in " ".join(words(figure))
    assert max(drawn_at(figure)) < 60
    figure = charts.bars(estimates([41, 77], half=math.nan).assign(n=[627, 29]), label_col="label", unit="%")
    assert "not shown: n<30" in words(figure)
    assert max(patch.get_width() for patch in figure.axes[0].patches) == 41


def test_a_study_can_ask_for_larger_bases() -> None:
    figure = charts.dot_whisker(estimates([41, 77]).assign(n=[627, 49]), label_col="label", min_base=50)
    assert "not shown: n<50" in words(figure)


def test_an_estimate_that_is_not_defined_says_why() -> None:
    frame = estimates([41, math.nan]).assign(reason=["", "everybody gave the same answer"])
    assert "not shown: everybody gave the same answer" in words(charts.dot_whisker(frame, label_col="label"))


def test_an_estimate_without_an_interval_says_so() -> None:
    figure = charts.dot_whisker(estimates([41.0], half=math.nan), label_col="label", unit="%")
    assert "41%, no interval" in words(figure)


def test_a_small_base_is_hollow_and_marked_in_words() -> None:
    figure = charts.dot_whisker(estimates([41, 33]).assign(n=[100, 99]), label_col="label")
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert [same_color(dot.get_markerfacecolor(), charts.PAPER) for dot in dots] == [False, True]
    assert {"Row 0 n 100", "Row 1 n 99 (small)"} <= set(words(figure))


def test_interval_and_dot_lie_where_the_table_says() -> None:
    figure = charts.dot_whisker(estimates([41.0]).assign(conf_low=30.0, conf_high=47.0), label_col="label")
    whisker, dot = figure.axes[0].lines
    assert list(whisker.get_xdata()) == [30.0, 47.0]
    assert list(dot.get_xdata()) == [41.0]


def test_only_what_is_meant_is_blue() -> None:
    figure = charts.dot_whisker(estimates([41, 33]), label_col="label", focus=["Row 1"])
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert [dot.get_color() for dot in dots] == [charts.CONTEXT, charts.FOCUS]


def test_differences_are_sorted_with_untested_ones_last() -> None:
    frame = comparison(7).assign(item=list("ABCDEFG"), difference=[5, -9, math.nan, math.nan, 9, 0, 1])
    figure = difference_plot(frame)
    rows = sorted(
        (-text.get_position()[1], text.get_text()[0]) for text in texts(figure) if re.match("[A-G]\\b", text.get_text())
    )
    assert "".join(letter for _, letter in rows) == "EAGFBCD"


@pytest.mark.parametrize(
    ("change", "reading", "marker", "word"),
    [
        (5.0, "better", "^", "▲ Better"),
        (5.0, "worse", "^", "▲ Worse"),
        (-5.0, "better", "v", "▼ Better"),
        (-5.0, "changed", "v", "▼ Changed"),
        (5.0, "no clear change", "o", "No clear change"),
    ],
)
def test_a_difference_has_colour_marker_and_word_of_its_reading(
    change: float, reading: str, marker: str, word: str
) -> None:
    frame = comparison(1).assign(difference=change, conf_low=change - 9, conf_high=change + 9, reading=reading)
    figure = difference_plot(frame)
    dot = figure.axes[0].lines[-1]
    assert (dot.get_marker(), dot.get_color()) == (marker, charts.READINGS[reading])
    assert word in words(figure)


def test_a_difference_that_a_small_base_hides_is_not_tested_whatever_the_table_says() -> None:
    frame = comparison(1).assign(difference=66.0, conf_low=60.0, conf_high=70.0, reading="better", n_after=8)
    figure = difference_plot(frame)
    assert {"Not tested", "n<30"} <= set(words(figure))
    assert not {"▲ Better", "+66"} & set(words(figure))


def test_zero_is_always_on_the_axis_of_differences() -> None:
    frame = comparison(1).assign(difference=20.0, conf_low=18.0, conf_high=22.0, reading="better")
    low, high = difference_plot(frame).axes[0].get_xlim()
    assert low <= 0 < 22 <= high


def test_bars_start_at_zero_and_parts_follow_each_other() -> None:
    frame = pd.DataFrame({"file": ["a"], "kept": [90], "rejected": [10]})
    figure = charts.bars(frame, label_col="file", value_cols=("kept", "rejected"))
    kept, rejected = figure.axes[0].patches
    assert figure.axes[0].get_xlim()[0] == 0
    assert (kept.get_x(), kept.get_width(), rejected.get_x(), rejected.get_width()) == (0, 90, 90, 10)
    assert kept.get_hatch() != rejected.get_hatch()
    assert {"90 kept", "10 rejected"} <= set(words(figure))


def test_a_count_that_is_called_n_is_drawn_and_not_taken_for_a_base() -> None:
    figure = charts.bars(pd.DataFrame({"check": ["ties"], "n": [3]}), label_col="check", value_cols=("n",))
    assert figure.axes[0].patches[0].get_width() == 3
    assert "not shown: n<30" not in words(figure)


def test_shares_are_drawn_against_the_whole() -> None:
    figure = charts.bars(estimates([62.0], half=math.nan), label_col="label", unit="%")
    assert "100%" in words(figure)


def test_a_trend_is_interrupted_where_a_wave_is_suppressed_and_says_so() -> None:
    frame = waves(YEARS).assign(n=[500, 500, 500, 12, 500, 500, 500, 500, 500])
    frame.loc[3, "estimate"] = 90.0
    figure = charts.trend(frame, x_col="wave", unit="%")
    lengths = [
        len(line.get_xdata())
        for line in figure.axes[0].lines
        if line.get_linestyle() == "-" and line.get_linewidth() == 2.2
    ]
    assert lengths == [3, 5]
    assert len([c for c in figure.axes[0].collections if isinstance(c, PolyCollection)]) == 2
    assert "n<30" in words(figure)
    assert "90%" not in words(figure)


def test_a_wave_alone_between_gaps_keeps_its_interval() -> None:
    frame = waves([1, 2, 3, 4, 5]).assign(n=[500, 5, 500, 5, 500])
    figure = charts.trend(frame, x_col="wave")
    upright = [line for line in figure.axes[0].lines if len(set(line.get_xdata())) == 1 and len(line.get_xdata()) == 2]
    assert len(upright) == 3


def test_a_wave_that_a_series_lacks_is_a_gap_with_words() -> None:
    frame = waves([1, 2, 3, 4], series=["A", "B"]).query("not (series == 'B' and wave == 2)")
    assert "no figure" in words(charts.trend(frame, x_col="wave", series_col="series"))


def test_every_wave_of_nine_is_named_and_has_its_value() -> None:
    frame = waves(YEARS, start=82.0)
    shown = words(charts.trend(frame, x_col="wave", unit="%"))
    assert set(map(str, YEARS)) <= set(shown)
    assert {f"{round(value)}%" for value in frame["estimate"]} <= set(shown)


def test_the_year_of_a_quarter_is_written_where_it_changes() -> None:
    shown = words(charts.trend(waves(QUARTERS), x_col="wave", unit="points"))
    assert [text for text in shown if text.startswith("Q")] == [
        "Q1 2024", "Q2", "Q3", "Q4", "Q1 2025", "Q2", "Q3", "Q4", "Q1 2026",
    ]  # fmt: skip


def test_the_newest_wave_is_always_named() -> None:
    shown = words(charts.trend(waves(MONTHS), x_col="wave", unit="points"))
    assert "Dec" in shown
    assert len(set(shown) & {"Mar 2024", "Jun", "Sep", "Mar 2025"}) == 4


def test_series_are_named_at_their_end_with_their_newest_value_and_own_markers() -> None:
    frame = waves([1, 2], series=["A", "B", "C", "D"]).assign(estimate=[1.0, 10, 2, 20, 3, 30, 4, 40])
    figure = charts.trend(frame, x_col="wave", series_col="series", unit="points")
    assert {"A 10", "B 20", "C 30", "D 40"} <= set(words(figure))
    markers = {(line.get_marker(), line.get_color()) for line in figure.axes[0].lines if line.get_linestyle() == "None"}
    assert markers == set(zip(charts.MARKERS, charts.SERIES.values(), strict=True))


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: charts.dot_whisker(waves([1]).drop(columns="conf_low"), label_col="wave"), "`conf_low`; known: conf_high"),
        (lambda: charts.dot_whisker(estimates([1.0]), label_col="lable"), "no column `lable`; did you mean `label`"),
        (lambda: charts.dot_whisker(estimates([]), label_col="label"), "no rows, so there is nothing to draw"),
        (lambda: charts.dot_whisker(estimates([1.0]), label_col="label", focus=["Row 9"]), "`Row 9`, which is not drawn"),
        (lambda: charts.bars(estimates([1.0, 2.0], unit=["%", "points"]), label_col="label"), r"%, points\); draw one"),
        (lambda: difference_plot(comparison(1).assign(reading="beter")), "did you mean `better`"),
        (lambda: charts.bars(estimates([-1.0]), label_col="label"), "`estimate` of Row 0 is -1.0: a bar starts at 0"),
        (lambda: charts.bars(estimates([1.0]), label_col="label", value_cols=[]), "one to four parts, got 0"),
        (lambda: charts.bars(estimates([1.0]), label_col="label", names=["a", "b"]), "1 value columns, got 2"),
        (lambda: charts.trend(waves([1, 1]), x_col="wave"), "wave 1 twice; name the column"),
        (lambda: charts.trend(waves([1], series=list("abcde")), x_col="wave", series_col="series"), "four series, got 5"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused_with_the_way_out(draw: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw()  # type: ignore[operator]


def test_a_picture_leaves_no_trace_in_matplotlib_and_needs_none() -> None:
    before = dict(mpl.rcParams)
    first = charts.png(STRESS["nine waves with gaps"]())
    assert dict(mpl.rcParams) == before
    import seaborn as sns

    with mpl.rc_context():
        sns.set_theme("poster", "darkgrid", font="serif", font_scale=2)
        assert charts.png(STRESS["nine waves with gaps"]()) == first
    import matplotlib.pyplot as plt

    assert plt.get_fignums() == []


def test_a_png_is_small_and_has_the_width_that_its_text_is_made_for() -> None:
    data = charts.png(STRESS["nine quarters"]())
    with Image.open(io.BytesIO(data)) as image:
        assert image.mode == "P"
        assert image.width == pytest.approx(charts.WIDTH * charts.DPI, abs=1)
        assert "Software" not in image.info
    assert len(data) < 40_000


def test_drawings_of_ones_own_get_the_same_look() -> None:
    with charts.style():
        assert mpl.rcParams["font.family"] == ["DejaVu Sans"]
        assert same_color(mpl.rcParams["text.color"], charts.INK)


def linear(colour: str) -> np.ndarray:
    channels = np.array(to_rgb(colour))
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(colour: str, paper: str = charts.PAPER) -> float:
    """Contrast ratio of WCAG 2."""
    lights = [float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (colour, paper)]
    return (max(lights) + 0.05) / (min(lights) + 0.05)


SEEN = {  # Machado, Oliveira and Fernandes (2009), severity 1
    "normal": np.eye(3),
    "protan": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    "deutan": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
    "tritan": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]),
}  # fmt: skip
TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def distance(first: str, second: str, sight: str) -> float:
    """Distance in OKLab × 100, as seen by somebody with this colour vision."""
    labs = [TO_LAB @ np.cbrt(TO_CONES @ np.clip(SEEN[sight] @ linear(c), 0, 1)) for c in (first, second)]
    return 100 * float(np.linalg.norm(labs[0] - labs[1]))


def test_black_and_white_have_the_known_contrast_and_distance() -> None:
    assert contrast("#000000") == pytest.approx(21)
    assert distance("#000000", "#ffffff", "normal") == pytest.approx(100, abs=0.01)


@pytest.mark.parametrize("sight", SEEN)
@pytest.mark.parametrize("pair", list(itertools.combinations(charts.SERIES, 2)), ids="/".join)
def test_two_series_can_be_told_apart_with_any_colour_vision(pair: tuple[str, str], sight: str) -> None:
    assert distance(charts.SERIES[pair[0]], charts.SERIES[pair[1]], sight) >= 12


@pytest.mark.parametrize("sight", SEEN)
@pytest.mark.parametrize("pair", list(itertools.combinations(charts.READINGS, 2)), ids="/".join)
def test_two_readings_can_be_told_apart_with_any_colour_vision(pair: tuple[str, str], sight: str) -> None:
    assert distance(charts.READINGS[pair[0]], charts.READINGS[pair[1]], sight) >= 12


@pytest.mark.parametrize("sight", SEEN)
def test_what_is_meant_can_be_told_from_its_context_with_any_colour_vision(sight: str) -> None:
    assert distance(charts.FOCUS, charts.CONTEXT, sight) >= 12


def test_marks_stand_out_from_paper() -> None:
    assert min(contrast(colour) for colour in (*charts.READINGS.values(), charts.CONTEXT)) >= 3


@pytest.mark.parametrize("colour", [*charts.SERIES.values(), charts.CONTEXT, charts.INK, charts.MUTED])
def test_text_in_every_colour_is_legible_on_paper(colour: str) -> None:
    assert contrast(colour) >= 4.5
