"""Pictures of movement: ribbons, dots and areas are where the table says, and every text can be read."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from drawn import LONG, STRICT, WORD, texts, words
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Polygon, Rectangle

from cxlab import charts

pytestmark = STRICT

FLOW = pd.DataFrame(
    [
        (-2, "Home", "Search", 0.3),
        (-2, "(start)", "Home", 0.2),
        (-1, "Search", "Help", 0.4),
        (-1, "Home", "Help", 0.35),
        (-1, "(start)", "Help", 0.25),
        (0, "Help", "Home", 0.5),
        (0, "Help", "Help", 0.1),
        (0, "Help", "(end)", 0.3),
        (0, "Help", "(still open)", 0.1),
        (1, "Home", "Search", 0.4),
        (1, "Home", "(end)", 0.1),
    ],
    columns=["step", "from_touchpoint", "to_touchpoint", "share"],
)
EVENTS = pd.DataFrame(
    [
        ("b", "2026-03-05", "App"),
        ("b", "2026-03-25", "Shop"),
        ("a", "2026-01-01", "App"),
        ("a", "2026-01-31", "Help"),
        ("a", "2026-02-10", "App"),
        ("c", "2026-02-01", "Mail"),
        ("c", "2026-02-02", "Web"),
        ("c", "2026-02-03", "Web"),
    ],
    columns=["customer_id", "timestamp", "touchpoint"],
).assign(timestamp=lambda t: pd.to_datetime(t["timestamp"], utc=True).astype("datetime64[us, UTC]"))
DAYS = pd.DataFrame(
    [(day, stage, share, n)
     for day, n, *shares in [(0, 500, 1.0, 0.0, 0.0), (10, 400, 0.4, 0.5, 0.1), (20, 30, 0.1, 0.6, 0.3), (30, 29, 0.0, 0.2, 0.8)]
     for stage, share in zip(("New", "Active", "Left"), shares, strict=True)],
    columns=["days", "stage", "estimate", "n"],
)  # fmt: skip

PATHS = pd.DataFrame(
    [("Learn → Buy → Use", 60.0, 60.0, 400), ("Learn → Buy", 30.0, 90.0, 400), ("Use", 0.3, 90.3, 400)],
    columns=["path", "estimate", "covered", "n"],
)


def flow(frame: pd.DataFrame = FLOW, **more: Any) -> Figure:
    return charts.flow(frame, **more)


def dotted(frame: pd.DataFrame = EVENTS, **more: Any) -> Figure:
    return charts.dotted(frame, **more)


def occupancy(frame: pd.DataFrame = DAYS, **more: Any) -> Figure:
    return charts.occupancy(frame, **more)


def paths(frame: pd.DataFrame = PATHS, **more: Any) -> Figure:
    return charts.paths(frame, **more)


ALL: dict[str, tuple[Callable[..., Figure], pd.DataFrame]] = {
    "flow": (flow, FLOW),
    "dotted": (dotted, EVENTS),
    "occupancy": (occupancy, DAYS),
    "paths": (paths, PATHS),
}


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


def long_flow() -> pd.DataFrame:
    """Six steps of eleven touchpoints with long names."""
    names = [f"{LONG if i % 3 else WORD} {i}" for i in range(11)]
    rows = [
        (step, a, b, (1 + i + j) / 2000)
        for step in (-2, 1, 2)
        for i, a in enumerate(names)
        for j, b in enumerate(names)
    ]
    rows += [(-1, a, LONG, (i + 1) / 100) for i, a in enumerate(names)] + [
        (0, LONG, a, (i + 1) / 100) for i, a in enumerate(names)
    ]
    return pd.DataFrame(rows, columns=FLOW.columns)


def long_events() -> pd.DataFrame:
    names = [LONG, WORD, "Shop visit", "Home page of the company", "Mail"]
    rows = [(f"c{i}", 0.3 * i + j * 7.1, names[(i + j) % 5]) for i in range(400) for j in range(i % 5 + 1)]
    frame = pd.DataFrame(rows, columns=EVENTS.columns)
    return frame.assign(timestamp=pd.Timestamp("2025-11-20", tz="UTC") + pd.to_timedelta(frame["timestamp"], unit="D"))


def long_days() -> pd.DataFrame:
    stages = [LONG, WORD, "Use", "Help", "Stay", "Leave", "Come back"]
    rows = [
        (day, stage, (1.0 if i == 0 else 0.0) if day == 0 else (0.94 if i == 3 else 0.01))
        for day in (0, 700)
        for i, stage in enumerate(stages)
    ]
    return pd.DataFrame(rows, columns=["days", "stage", "estimate"])


def long_paths() -> pd.DataFrame:
    names = [LONG, WORD, *(f"Stop number {i}" for i in range(12))]
    rows = [(tuple(names[(i + j) % 14] for j in range(4 * i + 1)), 100 / 9, 100 * (i + 1) / 9, 400) for i in range(9)]
    return pd.DataFrame(rows, columns=PATHS.columns)


PICTURES: dict[str, Callable[[], Figure]] = {
    "flow": flow,
    "a long flow": lambda: flow(long_flow()),
    "a flow on a small base": lambda: flow(n=12),
    "dotted": dotted,
    "dotted by calendar": lambda: dotted(since_start=False),
    "400 rows": lambda: dotted(long_events()),
    "400 rows by calendar": lambda: dotted(long_events(), since_start=False),
    "one event": lambda: dotted(EVENTS.head(1)),
    "one event by calendar": lambda: dotted(EVENTS.head(1), since_start=False),
    "minutes by calendar": lambda: dotted(
        EVENTS.assign(timestamp=pd.date_range("2026-03-01 23:50", periods=8, freq="7min", tz="UTC")), since_start=False
    ),
    "occupancy": occupancy,
    "seven stages": lambda: occupancy(long_days()),
    "paths": paths,
    "long paths": lambda: paths(long_paths()),
    "paths on a small base": lambda: paths(PATHS.assign(n=29)),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_has_the_width_of_all_and_no_text_is_cut_off_touched_or_too_small(name: str) -> None:
    figure = PICTURES[name]()
    assert figure.get_figwidth() == charts.WIDTH
    assert cut_off(figure) == []
    assert touching(figure) == []
    assert min(text.get_fontsize() for text in texts(figure)) >= 10
    assert figure.get_figheight() < 9
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", PICTURES)
def test_the_same_table_is_the_same_bytes(name: str) -> None:
    assert charts.png(PICTURES[name]()) == charts.png(PICTURES[name]())


@pytest.mark.parametrize("name", ["flow", "dotted"])
def test_the_order_of_the_rows_does_not_matter(name: str) -> None:
    draw, frame = ALL[name]
    assert charts.png(draw(frame)) == charts.png(draw(frame.sample(frac=1, random_state=3)))
    if name == "dotted":  # many dots that overlap
        many = long_events()
        assert charts.png(draw(many)) == charts.png(draw(many.sample(frac=1, random_state=3)))


@pytest.mark.parametrize("name", ALL)
def test_a_table_without_rows_and_one_without_a_column_are_refused(name: str) -> None:
    draw, frame = ALL[name]
    with pytest.raises(ValueError, match="the table has no rows"):
        draw(frame.head(0))
    for column in frame.columns.drop("n", errors="ignore"):
        with pytest.raises(ValueError, match=f"the table has no column `{column}`"):
            draw(frame.drop(columns=column))


# ---- steps around a touchpoint


def test_every_node_of_a_flow_carries_its_share() -> None:
    """Home: 0.3 leave it at step −2; 0.2 come and 0.35 leave at −1, so 0.35 are there; 0.5 at +1."""
    said = words(flow())
    assert {
        "Help",
        "Home",
        "Search",
        "(start)",
        "(end)",
        "(still open)",
        "Help 100%",
        "this",
        "−2",
        "−1",
        "+1",
        "+2",
    } <= set(said)
    assert sorted(text for text in said if text.endswith("%") and " " not in text) == sorted(
        ["30%", "20%", "35%", "40%", "25%", "50%", "10%", "30%", "10%", "40%", "10%"]
    )


def ribbons(figure: Figure) -> list[tuple[float, float, float]]:
    """Of each ribbon: where it leaves, where it arrives (its top edges), how thick it is; in inches."""
    found = []
    for patch in figure.axes[0].patches:
        if isinstance(patch, PathPatch):
            corners = patch.get_path().vertices
            found.append((float(corners[0][1]), float(corners[3][1]), float(corners[0][1] - corners[7][1])))
    return found


def test_ribbons_are_as_thick_as_their_shares_and_fill_the_anchor_from_top_to_bottom() -> None:
    figure = flow()
    drawn = ribbons(figure)
    assert sorted(round(thick / 2.4, 6) for *_, thick in drawn) == sorted(FLOW["share"])
    into = [
        (arrives, thick) for (_, arrives, thick), step in zip(drawn, sorted(FLOW["step"]), strict=True) if step == -1
    ]
    into.sort(reverse=True)
    for (above, thick), (below, _) in itertools.pairwise(into):
        assert below == pytest.approx(above - thick)
    assert sum(thick for _, thick in into) == pytest.approx(2.4)


def test_meeting_the_anchor_again_is_blue() -> None:
    blue = [p for p in flow().axes[0].patches if isinstance(p, PathPatch) and to_hex(p.get_facecolor()) == charts.FOCUS]
    assert len(blue) == 1, "Help to Help after the first Help"


def test_the_largest_touchpoints_have_lanes_and_the_others_share_one_with_the_sum() -> None:
    starts = [("A", 0.3), ("B", 0.25), ("C", 0.15), ("D", 0.1), ("E", 0.2)]
    frame = pd.DataFrame([(-1, name, "Help", share) for name, share in starts], columns=FLOW.columns)
    said = words(flow(frame, largest=2))
    assert said.index("A") < said.index("B") < said.index("3 others")
    assert "45%" in said
    assert "C" not in said
    assert "D" in words(flow(frame, largest=4)), "one touchpoint alone is never hidden as an other"


def test_a_share_that_is_nearly_nothing_is_not_called_nothing() -> None:
    frame = pd.DataFrame([(0, "Help", "A", 0.003), (0, "Help", "B", 0.997)], columns=FLOW.columns)
    assert "<1%" in words(flow(frame))


def test_a_flow_on_a_small_base_draws_nothing() -> None:
    figure = flow(n=29)
    assert words(figure) == ["not shown: n<30"]
    assert ribbons(figure) == []
    assert len(ribbons(flow(n=30))) == len(FLOW)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"share": 37.0}, "a share lies between 0 and 1; 37% is 0.37"),
        ({"share": -0.1}, "`share` of Home to Search at step -2 is -0.1"),
        ({"share": np.nan}, "is nan: a share lies between 0 and 1"),
        ({"step": -1.5}, "whole numbers, got -1.5"),
        ({"step": 0}, "one touchpoint stands at step 0, got Help, Home"),
        ({"step": 9}, "the table has no ribbons at step 2, between -2 and 9"),
        ({"from_touchpoint": "(start)", "to_touchpoint": "Home"}, r"\(start\) to Home at step -2 twice"),
    ],
)
def test_a_table_that_is_no_flow_is_refused(change: dict[str, Any], message: str) -> None:
    frame = FLOW.astype({"step": float})
    for column, value in change.items():
        frame.loc[0, column] = value
    with pytest.raises(ValueError, match=message):
        flow(frame)


# ---- every event a dot


def dots(figure: Figure, marker: str) -> list[tuple[float, float]]:
    lines = [
        line
        for line in figure.axes[0].lines
        if line.get_marker() == marker and line.get_transform() == figure.axes[0].transData
    ]
    return [
        (round(float(x), 3), float(y))
        for line in lines
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
    ]


def test_every_event_is_a_dot_in_the_row_of_its_customer_by_days_since_the_start() -> None:
    """a started first (row 0), then c, then b. App is met three times and comes first, then Web; the others once each."""
    figure = dotted()
    assert sorted(dots(figure, "o")) == [(0.0, 0.0), (0.0, 2.0), (40.0, 0.0)]
    assert sorted(dots(figure, "s")) == [(1.0, 1.0), (2.0, 1.0)]
    assert sum(len(dots(figure, marker)) for marker in ("o", "s", "^", "D", ".")) == len(EVENTS)
    assert {"App", "Web", "all others", "3 customers, a row each, the earliest start at the top"} <= set(words(figure))
    assert figure.axes[0].get_ylim()[0] > figure.axes[0].get_ylim()[1], "the first row is at the top"


def test_series_in_focus_alone_have_a_colour() -> None:
    figure = dotted(focus=["Help"])
    assert dots(figure, "o") == [(30.0, 0.0)]
    assert len(dots(figure, ".")) == len(EVENTS) - 1
    assert dots(figure, "s") == []


def test_the_calendar_names_months_and_a_short_time_counts_hours() -> None:
    said = words(dotted(since_start=False))
    assert {"Feb 2026", "Mar 2026", "Time (UTC)"} <= set(said) or {"1 Feb 2026", "1 Mar 2026", "Time (UTC)"} <= set(
        said
    )
    short = EVENTS.assign(timestamp=pd.date_range("2026-03-01", periods=8, freq="5h", tz="UTC"))
    assert "Hours since the customer’s first event" in words(dotted(short))
    assert "Days since the customer’s first event" in words(dotted())


def test_customers_are_not_named() -> None:
    assert not {"a", "b", "c"} & set(words(dotted()))


@pytest.mark.parametrize(
    ("frame", "more", "message"),
    [
        (
            EVENTS.assign(timestamp=EVENTS["timestamp"].mask(EVENTS["touchpoint"] == "Web")),
            {},
            "2 events have no `timestamp`",
        ),
        (
            EVENTS.assign(customer_id=EVENTS["customer_id"].mask(EVENTS.index == 0)),
            {},
            "1 events have no `customer_id`",
        ),
        (EVENTS.assign(timestamp="2026-01-01"), {}, "holds moments or numbers, got"),
        (EVENTS.assign(timestamp=1.0), {}, "say what they count with `x_label`"),
        (EVENTS, {"focus": ["Hlep"]}, "`focus` names `Hlep`, which is not drawn; did you mean `Help`"),
        (EVENTS, {"focus": ["App", "Shop", "Help", "Mail", "Web"]}, "at most four series, got 5"),
        (
            pd.DataFrame({"customer_id": range(401), "timestamp": 1.0, "touchpoint": "A"}),
            {"x_label": "Days"},
            "401 customers are more",
        ),
    ],
)
def test_events_that_cannot_be_drawn_are_refused(frame: pd.DataFrame, more: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dotted(frame, **more)


# ---- who is where, day by day


def areas(figure: Figure) -> list[PolyCollection]:
    return [part for part in figure.axes[0].collections if isinstance(part, PolyCollection)]


def test_areas_stand_on_each_other_in_the_order_of_the_table() -> None:
    """On day 10 New reaches from 0 to 0.4, Active on to 0.9, Left to 1."""
    found = []
    for area in areas(occupancy()):
        corners = area.get_paths()[0].vertices
        found.append(sorted({round(float(y), 6) for x, y in corners if x == 10}))
    assert found == [[0.0, 0.4], [0.4, 0.9], [0.9, 1.0]]


def test_each_stage_is_named_at_its_end_with_its_last_share_on_a_sufficient_base() -> None:
    said = words(occupancy())
    assert {"New 10%", "Active 60%", "Left 30%", "from 30 on: n<30"} <= set(said)
    assert occupancy().axes[0].get_xlim() == (0, 20)
    assert "New 0%" in words(occupancy(DAYS.drop(columns="n")))


def test_shares_in_percent_make_the_same_picture_where_the_table_says_so() -> None:
    percent = DAYS.assign(estimate=DAYS["estimate"] * 100, unit="%")
    assert charts.png(occupancy(percent)) == charts.png(occupancy())
    assert charts.png(occupancy(percent.drop(columns="unit"), unit="%")) == charts.png(occupancy())
    with pytest.raises(ValueError, match=r"is 101\.0: a share lies between 0 and 100$"):
        occupancy(percent.assign(estimate=[101.0, *percent["estimate"][1:]]))


def test_a_day_on_which_one_stage_has_a_small_base_is_not_drawn_at_all() -> None:
    mixed = DAYS.assign(n=[500] * 6 + [400, 29, 400] + [400] * 3)
    assert occupancy(mixed).axes[0].get_xlim() == (0, 10)
    assert "from 20 on: n<30" in words(occupancy(mixed))


def test_neighbouring_areas_differ_in_lightness_or_hatch() -> None:
    """At least 20 of 100 in the lightness of grey, or another hatch."""
    found = [
        (np.dot(area.get_facecolor()[0][:3], (0.299, 0.587, 0.114)) * 100, area.get_hatch())
        for area in areas(occupancy(long_days()))
    ]
    assert len(found) == 7
    for (light, hatch), (other, other_hatch) in itertools.combinations(found, 2):
        assert abs(light - other) >= 8 or hatch != other_hatch
    for (light, _), (other, _) in itertools.pairwise(found):
        assert abs(light - other) >= 20


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (
            DAYS.assign(estimate=DAYS["estimate"] * 100),
            "`estimate` of `New` on day 0 is 100.0: a share lies between 0 and 1; 100% is 1",
        ),
        (DAYS[DAYS["stage"] != "Left"], "the shares of day 10 add up to 0.9, not 1"),
        (pd.concat([DAYS, DAYS.head(1)]), "stage `New` on day 0 twice"),
        (DAYS[DAYS["days"] != 10].assign(n=[400] * 3 + [9] * 6), "1 days rest on 30 customers or more"),
        (DAYS.assign(days=np.nan), "has no `days`"),
        (pd.DataFrame({"days": 1, "stage": list("abcdefgh"), "estimate": 0.125}), "at most 7 stages, got 8"),
    ],
)
def test_shares_that_are_no_whole_are_refused(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        occupancy(frame)


def test_marks_of_nodes_are_as_tall_as_their_shares() -> None:
    tall = [np.ptp(patch.get_xy()[:, 1]) for patch in flow().axes[0].patches if isinstance(patch, Polygon)]
    assert max(tall) == pytest.approx(2.4), "the anchor"
    assert sorted(round(value / 2.4, 3) for value in tall)[-2] == 0.5


# ---- whole paths


def boxes(figure: Figure) -> list[tuple[float, str]]:
    """The numbers in boxes below the key: how high they stand, and what they say; row by row from the top."""
    head = next(text for text in texts(figure) if text.get_text() == "of all").get_position()[1]
    own = [t for t in texts(figure) if t.get_position()[1] < head and (t.get_text().isdigit() or t.get_text() == "…")]
    return [(-text.get_position()[1], text.get_text()) for text in own]


def rows_of(figure: Figure) -> list[str]:
    found: dict[float, str] = {}
    for height, said in sorted(boxes(figure), key=lambda box: box[0]):
        found[height] = found.get(height, "") + said
    return list(found.values())


def test_a_path_is_its_stops_in_order_with_its_share_and_the_share_so_far() -> None:
    figure = paths(order=["Never", "Learn", "Buy", "Use"])
    assert rows_of(figure) == ["123", "12", "3"], "a name that no path has gets no number"
    assert {"Learn", "Buy", "Use", "60%", "30%", "<1%", "90%", "of all", "so far"} <= set(words(figure))
    assert "Never" not in words(figure)
    assert rows_of(paths(PATHS.assign(path=[("Use", "Buy"), ("Buy",), ("Learn",)]))) == ["12", "2", "3"]


def test_the_line_under_a_path_is_as_long_as_the_share_so_far() -> None:
    lines = [p for p in paths().axes[0].patches if isinstance(p, Rectangle) and p.get_height() == pytest.approx(0.03)]
    whole, own = lines[::2], lines[1::2]
    shares = [mine.get_width() / full.get_width() for full, mine in zip(whole, own, strict=True)]
    assert shares == pytest.approx([0.6, 0.9, 0.903])


def test_what_has_no_room_and_no_number_is_an_ellipsis() -> None:
    long = rows_of(
        charts.paths(pd.DataFrame({"path": [tuple("ABCDEFGHIJKL" * 2)], "estimate": [50.0], "covered": [50.0]}))
    )
    assert long[0].startswith("123456789…")
    assert long[0].endswith("…")
    assert len(long[0]) <= 12
    assert rows_of(paths(PATHS.assign(path=["Use → …", "Use", "Use"])))[0] == "1…"


def test_shares_on_a_small_base_are_not_written() -> None:
    said = words(paths(PATHS.assign(n=29)))
    assert said.count("n<30") == 6
    assert "60%" not in said


@pytest.mark.parametrize(
    ("path", "order", "message"),
    [
        ("", (), "row 1: `path` holds the stops of a path, got ''"),
        (np.nan, (), "row 1: `path` holds the stops of a path, got nan"),
        ("Learn → By", ("Learn", "Buy", "Use"), "`order` lacks `By`; did you mean `Buy`"),
        ("Learn", ("Learn", "Buy", "Use", "Buy"), "`order` names `Buy` twice"),
    ],
)
def test_paths_that_cannot_be_drawn_are_refused(path: Any, order: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        paths(PATHS.assign(path=[path, "Buy", "Use"]), order=order)
