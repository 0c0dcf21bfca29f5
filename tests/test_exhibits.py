"""What a notebook shows: the structured part, the readable part, and the CSV of a run."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import RichOutput, capture_output
from PIL import Image

from cxlab import charts, context, exhibits, wording
from cxlab.exhibits import MIME, Change, Number
from cxlab.report import html

SEGMENTS = pd.DataFrame(
    {
        "segment": ["Old", "New", "Trial"],
        "unit": "points",
        "estimate": [41.2, 3.0, 77.0],
        "std_error": [3.0, 3.1, 9.0],
        "conf_low": [35.0, -3.0, 60.0],
        "conf_high": [47.0, 9.0, 90.0],
        "n": [820, 92, 17],
    }
)
CHANGES = pd.DataFrame(
    {
        "item": ["Wi-Fi", "Signs", "Food"],
        "unit": ["%", "1 to 7", "%"],
        "estimate_before": [76.0, 4.9, 60.0],
        "estimate_after": [61.0, 5.1, 66.0],
        "difference": [-15.0, 0.2, 6.0],
        "conf_low": [-19.0, 0.1, -2.0],
        "conf_high": [-11.0, 0.3, 14.0],
        "p_value": [0.0001, 0.03, 0.2],
        "q_value": [0.0003, 0.045, 0.2],
        "n_before": [500, 400, 500],
        "n_after": [500, 400, 12],
        "reading": ["worse", "better", "no clear change"],
        "reason": "",
    }
)
ALT = "Dot plot of NPS by segment with 95% intervals: Old 41, New 3"
SHOWN = {"title": "Newcomers recommend us least: NPS 3, between −3 and 9.", "name": "segments"}


@pytest.fixture
def shell() -> Iterator[None]:
    """A session that can show things, as in JupyterLab."""
    InteractiveShell.instance()
    yield
    InteractiveShell.clear_instance()


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a notebook that the runner executes."""
    run = context.RunContext("acme", "2026-Q3", str(tmp_path), "08_tracking", str(tmp_path / "stage"), str(tmp_path))
    run.write(tmp_path / "run.json")
    monkeypatch.setenv(context.VARIABLE, str(tmp_path / "run.json"))
    return tmp_path / "stage"


def shown(call: Any, *arguments: Any, **options: Any) -> RichOutput:
    with capture_output() as captured:
        call(*arguments, **options)
    (output,) = captured.outputs
    return output


def part(call: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
    found = shown(call, *arguments, **options).data[MIME]
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found


pytestmark = pytest.mark.usefixtures("shell")


def test_an_answer_has_a_lead_and_sentences() -> None:
    output = shown(exhibits.answer, "Loyalty fell.", "NPS is **24**.", "Before it was 30.")
    assert output.data[MIME] == {
        "kind": "answer",
        "lead": "Loyalty fell.",
        "sentences": ["NPS is **24**.", "Before it was 30."],
    }
    assert output.data["text/markdown"].startswith("## Loyalty fell.")
    assert "**" not in output.data["text/plain"]


def test_key_numbers_carry_interval_and_change() -> None:
    entries = [Number("NPS", "24", "21 to 27", Change("worse", "down", "than 30")), Number("Easy", "5.1")]
    output = shown(exhibits.numbers, entries)
    assert output.data[MIME] == {
        "kind": "numbers",
        "numbers": [
            {
                "name": "NPS",
                "value": "24",
                "interval": "21 to 27",
                "change": {"reading": "worse", "arrow": "down", "text": "than 30"},
            },
            {"name": "Easy", "value": "5.1", "interval": "", "change": None},
        ],
    }
    assert "**NPS** 24 (21 to 27) ▼ Worse than 30" in output.data["text/markdown"]


def test_limits_notes_and_facts_are_what_they_say() -> None:
    assert part(exhibits.limits, {"Not why": "it compares waves"}) == {
        "kind": "limits",
        "items": [{"lead": "Not why", "text": "it compares waves"}],
    }
    assert part(exhibits.note, "No weights.", bad=True) == {"kind": "note", "text": "No weights.", "bad": True}
    assert part(exhibits.facts, {"Base": "2,214 answers"}) == {"kind": "facts", "facts": {"Base": "2,214 answers"}}


def test_a_picture_stands_beside_its_description() -> None:
    figure = charts.dot_whisker(SEGMENTS, label_col="segment")
    output = shown(exhibits.exhibit, figure, alt=ALT, note={"Base": "929 answers"}, subtitle="Points", **SHOWN)
    assert output.data[MIME] == {
        "kind": "exhibit",
        "title": SHOWN["title"],
        "subtitle": "Points",
        "note": {"Base": "929 answers"},
        "table": None,
        "csv": None,
        "alt": ALT,
        "folded": False,
    }
    assert output.metadata == {"image/png": {"alt": ALT}}
    with Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))) as image:
        assert image.width > 700
    assert f'alt="{ALT}"' in output.data["text/html"]


def test_a_table_is_shown_with_headings_and_sides() -> None:
    columns = [
        exhibits.text_column("segment", "Segment"),
        exhibits.estimate_column("NPS"),
        exhibits.interval_column(),
        exhibits.base_column(),
    ]
    table = part(exhibits.exhibit, SEGMENTS, columns=columns, caption="By segment", **SHOWN)["table"]
    assert table["caption"] == "By segment"
    assert table["columns"] == [
        {"name": "Segment", "align": "l"},
        {"name": "NPS", "align": "r"},
        {"name": "Interval", "align": "r"},
        {"name": "Base", "align": "r"},
    ]
    assert table["rows"] == [
        ["Old", {"text": "41", "strong": True}, "35 to 47", "820"],
        ["New", {"text": "3", "strong": True}, "−3 to 9", "92 (small)"],
        ["Trial", "n<30", "n<30", "n<30"],
    ]


def test_a_table_of_changes_says_each_in_its_own_unit() -> None:
    columns = [
        exhibits.text_column("item", "Item"),
        exhibits.estimate_column("Before", column="estimate_before", strong=False),
        exhibits.difference_column(),
        exhibits.reading_column(),
        exhibits.p_column("q", column="q_value"),
        exhibits.base_column("n", column="n_after"),
    ]
    assert part(exhibits.exhibit, CHANGES, columns=columns, **SHOWN)["table"]["rows"] == [
        ["Wi-Fi", "76%", "−15 (−19 to −11)", {"text": "▼ Worse", "tone": "worse"}, "< 0.001", "500"],
        ["Signs", "4.9", "+0.2 (0.1 to 0.3)", {"text": "▲ Better", "tone": "better"}, "0.045", "400"],
        ["Food", "60%", "n<30", {"text": "Not tested", "tone": "none"}, "not tested", "n<30"],
    ]


def test_a_whisker_carries_its_values_in_words() -> None:
    frame = SEGMENTS.assign(before=[30.0, math.nan, 1.0])
    column = exhibits.whisker_column((-20, 60), before_col="before")
    rows = part(exhibits.exhibit, frame, columns=[column], **SHOWN)["table"]["rows"]
    assert rows[0][0]["whisker"] == {
        "estimate": 41.2,
        "low": 35.0,
        "high": 47.0,
        "axis_low": -20.0,
        "axis_high": 60.0,
        "before": 30.0,
        "label": "41, 35 to 47; axis from −20 to 60; before 30",
    }
    assert rows[1][0]["whisker"]["before"] is None
    assert rows[2] == ["n<30"]


def test_without_columns_a_table_shows_all_of_its_own_in_readable_numbers() -> None:
    frame = pd.DataFrame(
        {
            "file": ["a", None],
            "rows": [12500, 7],
            "share": [0.25, math.nan],
            "p_value": [0.00001, 0.5],
            "ok": [True, False],
        },
        index=pd.Index(["x", "y"], name="source"),
    )
    table = part(exhibits.exhibit, frame, **SHOWN)["table"]
    assert [column["name"] for column in table["columns"]] == ["Source", "File", "Rows", "Share", "P value", "Ok"]
    assert table["rows"] == [
        ["x", "a", "12,500", "0.25", "< 0.001", "yes"],
        ["y", "not known", "7", "not known", "0.500", "no"],
    ]


def test_columns_can_be_named_with_their_headings() -> None:
    table = part(exhibits.exhibit, SEGMENTS, columns={"segment": "Who", "n": "Base"}, **SHOWN)["table"]
    assert [column["name"] for column in table["columns"]] == ["Who", "Base"]
    assert table["rows"] == [["Old", "820"], ["New", "92"], ["Trial", "n<30"]]


def test_nothing_that_rests_on_a_small_base_is_left_in_a_table() -> None:
    safe = exhibits.without_small_bases(CHANGES).loc[2]
    assert safe[["estimate_after", "difference", "conf_low", "conf_high", "p_value", "q_value"]].isna().all()
    assert (safe["n_after"], safe["n_before"], safe["estimate_before"]) == ("n<30", 500, 60.0)
    assert (safe["reason"], safe["reading"]) == ("n<30", "not tested")
    assert CHANGES.loc[2, "difference"] == 6.0  # the caller's table stays as it is


def test_counts_that_are_called_n_are_no_bases() -> None:
    counts = pd.DataFrame({"check": ["ties"], "n": [3]})
    assert exhibits.without_small_bases(counts) is counts


def test_an_estimate_without_a_base_below_the_limit_keeps_its_reason() -> None:
    frame = SEGMENTS.assign(n=[820, 0, 92], estimate=[41, math.nan, 3], reason=["", "nobody answered", ""])
    safe = exhibits.without_small_bases(frame)
    assert list(safe["reason"]) == ["", "nobody answered", ""]
    assert list(safe["n"]) == [820, 0, 92]


def test_a_run_writes_the_table_behind_a_picture(stage: Path) -> None:
    figure = charts.dot_whisker(SEGMENTS, label_col="segment")
    found = part(exhibits.exhibit, figure, alt=ALT, table=SEGMENTS, **SHOWN)
    assert found["csv"] == "tables/08_tracking_segments.csv"
    assert found["table"] is None
    rows = list(csv.DictReader((stage / found["csv"]).read_text("utf-8").splitlines()))
    assert rows[0]["estimate"] == "41.2"
    assert rows[1]["conf_low"] == "-3.0"
    assert (rows[2]["estimate"], rows[2]["conf_low"], rows[2]["n"], rows[2]["reason"]) == ("", "", "n<30", "n<30")


def test_a_run_writes_a_shown_table_too_and_a_session_writes_nothing(
    stage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert part(exhibits.exhibit, SEGMENTS, **SHOWN)["csv"] == "tables/08_tracking_segments.csv"
    monkeypatch.delenv(context.VARIABLE)
    assert part(exhibits.exhibit, SEGMENTS, **SHOWN)["csv"] is None
    assert len(list(stage.rglob("*.csv"))) == 1


def test_two_exhibits_of_one_name_do_not_overwrite_each_other(stage: Path) -> None:
    exhibits.exhibit(SEGMENTS, **SHOWN)
    with pytest.raises(ValueError, match="an exhibit named 'segments' already"):
        exhibits.exhibit(SEGMENTS, **SHOWN)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(start: str) -> None:
    frame = pd.DataFrame({f"{start}head": [f"{start}cmd|'/C calc'!A0", "safe"]}).astype({f"{start}head": "category"})
    head, first, second = csv.reader(io.StringIO(exhibits.csv_text(frame), newline=""))
    assert (head, first, second) == ([f"'{start}head"], [f"'{start}cmd|'/C calc'!A0"], ["safe"])


def test_numbers_and_times_stay_what_they_are_in_a_csv() -> None:
    frame = pd.DataFrame({"a": [-1.5, 2], "when": pd.to_datetime(["2026-07-01", "2026-07-02"]), "mixed": [-3, "-x"]})
    assert exhibits.csv_text(frame) == "a,when,mixed\r\n-1.5,2026-07-01,-3\r\n2.0,2026-07-02,'-x\r\n"


def test_row_names_of_a_csv_are_harmless_too() -> None:
    frame = pd.DataFrame({"a": [1]}, index=pd.Index(["=1+1"], name="who"))
    assert exhibits.csv_text(frame) == "who,a\r\n'=1+1,1\r\n"


@pytest.mark.parametrize("title", ["NPS by segment", "", "Fell.", 3])
def test_a_title_is_a_full_sentence(title: str) -> None:
    with pytest.raises(ValueError, match="full sentence that ends in a full stop"):
        exhibits.exhibit(SEGMENTS, title=title, name="segments")


@pytest.mark.parametrize("alt", [None, "", "chart", "a b c d e f g"])
def test_a_picture_without_a_description_is_refused(alt: str | None) -> None:
    with pytest.raises(ValueError, match="`alt` of eight words or more"):
        exhibits.exhibit(charts.dot_whisker(SEGMENTS, label_col="segment"), alt=alt, **SHOWN)


@pytest.mark.parametrize("name", ["", "../x", "a b", "Ä", "x.csv"])
def test_a_name_that_is_no_file_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="`name` names a file"):
        exhibits.exhibit(SEGMENTS, title=SHOWN["title"], name=name)


def test_other_mistakes_are_refused_with_the_way_out() -> None:
    with pytest.raises(ValueError, match="no column `segmnt`; did you mean `segment`"):
        exhibits.exhibit(SEGMENTS, columns={"segmnt": "Segment"}, **SHOWN)
    with pytest.raises(ValueError, match="at least one Number"):
        exhibits.numbers([])
    with pytest.raises(ValueError, match="`lead` must be text"):
        exhibits.answer("")
    with pytest.raises(ValueError, match="axis must rise"):
        exhibits.whisker_column((5, 5))


def test_markup_in_text_is_shown_and_never_run() -> None:
    frame = pd.DataFrame({"comment": ["<script>alert(1)</script> **bold**"]})
    output = shown(exhibits.exhibit, frame, subtitle='"><img src=x onerror=alert(1)>', **SHOWN)
    assert "<script" not in output.data["text/html"]
    assert "<img" not in output.data["text/html"]
    assert "<b>bold</b>" in output.data["text/html"]


def test_the_same_call_gives_the_same_bytes() -> None:
    figures = [charts.dot_whisker(SEGMENTS, label_col="segment") for _ in range(2)]
    first, second = (shown(exhibits.exhibit, figure, alt=ALT, **SHOWN).data for figure in figures)
    assert first == second


def test_without_a_notebook_the_text_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    InteractiveShell.clear_instance()
    exhibits.answer("Loyalty **fell**.")
    assert capsys.readouterr().out == "## Loyalty fell.\n"


def test_the_report_renders_what_a_notebook_shows() -> None:
    outputs = [
        shown(exhibits.answer, "Loyalty fell."),
        shown(exhibits.numbers, [Number("NPS", "24", "21 to 27", Change("worse", "down", "than 30"))]),
        shown(exhibits.exhibit, charts.dot_whisker(SEGMENTS, label_col="segment"), alt=ALT, **SHOWN),
        shown(
            exhibits.exhibit,
            CHANGES,
            columns=[exhibits.text_column("item", "Item"), exhibits.reading_column()],
            **SHOWN,
        ),
        shown(exhibits.limits, {"Not why": "it compares waves"}),
    ]
    book = nbformat.v4.new_notebook()
    cell = nbformat.v4.new_code_cell("pass")
    cell.outputs = [nbformat.v4.new_output("display_data", data=o.data, metadata=o.metadata or {}) for o in outputs]
    book.cells = [cell]
    page = html.render_page(book, html.PageFacts(title="Tracking"))
    for expected in (
        "Loyalty fell.",
        "21 to 27",
        "▼ Worse",
        SHOWN["title"],
        f'alt="{ALT}"',
        "▲ Better",
        "it compares waves",
    ):
        assert expected in page
    assert html.figures_without_alt(book) == []


def test_a_description_made_from_the_table_is_long_enough_for_a_picture() -> None:
    alt = wording.describe("Dot plot of NPS by segment", SEGMENTS, label_col="segment", unit="points")
    assert part(exhibits.exhibit, charts.dot_whisker(SEGMENTS, label_col="segment"), alt=alt, **SHOWN)["alt"] == alt
    assert "77" not in alt


def test_the_smallest_base_that_is_shown_is_the_minimum_itself() -> None:
    frame = pd.DataFrame({"estimate": [1.0, 2.0], "n": [29, 30]})
    safe = exhibits.without_small_bases(frame, 30)
    assert safe["n"].to_list() == ["n<30", 30]
    assert safe["estimate"].isna().to_list() == [True, False]


def test_the_heading_of_an_interval_says_the_level_of_the_table() -> None:
    columns = [exhibits.text_column("segment", "Segment"), exhibits.interval_column()]
    table = part(exhibits.exhibit, SEGMENTS.assign(conf_level=0.9), columns=columns, **SHOWN)["table"]
    assert table["columns"][1]["name"] == "90% interval"


STAGES = pd.DataFrame(
    {
        "label": ["Learn", "Buy", "Use"],
        "reach": [math.nan, 100.0, 0.4],
        "estimate": [math.nan, -12.0, 30.0],
        "conf_low": [math.nan, -20.0, 10.0],
        "conf_high": [math.nan, -4.0, 50.0],
        "n": [math.nan, 400, 12],
        "unit": "points",
        "known": [False, True, True],
        "reason": ["no source", "", ""],
    }
)
LANES = pd.DataFrame(
    [
        ("Rate", "Use", "", "71%", "60 to 80"),
        ("Rate", "Buy", "", "41%", "36 to 46"),
        ("Owner", "Use", "=Head of Care", "", ""),
    ],
    columns=["lane", "stage", "text", "value", "detail"],
)
MAP = {"title": "Buying feels worst: −12 (−20 to −4).", "name": "map"}


def test_a_journey_map_says_for_each_stage_what_is_known() -> None:
    found = part(exhibits.journey_map, STAGES, LANES, note={"Base": "400"}, **MAP)
    assert [stage["state"] for stage in found["stages"]] == ["unknown", "known", "hidden"]
    assert [stage["reach"] for stage in found["stages"]] == ["", "reached by 100%", "reached by under 1%"]
    assert [stage["missing"] for stage in found["stages"]] == ["no source", "", "n<30"]
    assert (found["stages"][1]["value"], found["stages"][1]["interval"], found["stages"][1]["base"]) == (
        "−12",
        "−20 to −4",
        "n 400",
    )
    assert found["stages"][1]["worse"] is True
    assert found["lanes"] == ["Rate", "Owner"]
    assert [cell["unknown"] for stage in found["stages"] for cell in stage["cells"]] == [
        True,
        True,
        False,
        True,
        False,
        False,
    ]
    assert found["stages"][2]["estimate"] is None
    assert (found["curve"]["low"], found["curve"]["high"], found["curve"]["ends"]) == (-60, 60, ["−60", "+60"])
    assert found["csv"] == [None, None]


def test_a_journey_map_in_jupyterlab_is_a_table_and_a_drawing() -> None:
    output = shown(exhibits.journey_map, STAGES, LANES, subtitle="<b>x</b>", **MAP)
    page = output.data["text/html"]
    assert page.count("<svg") == 1
    assert "−12 (−20 to −4), n 400" in page.split("</svg>")[0]
    assert "<rect" in page, "clearly unpleasant is a square here too"
    assert '<th style="text-align:left">Rate</th>' in page
    assert "<b>41%</b> 36 to 46" in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "71%" not in str(output.data)
    assert output.data["text/plain"].startswith(MAP["title"])


def test_a_run_writes_the_stages_and_the_lanes_of_a_map_without_what_is_hidden(stage: Path) -> None:
    found = part(exhibits.journey_map, STAGES, LANES, **MAP)
    assert found["csv"] == ["tables/08_tracking_map.csv", "tables/08_tracking_map_lanes.csv"]
    stages, lanes = (list(csv.DictReader((stage / place).read_text("utf-8").splitlines())) for place in found["csv"])
    assert [(row["label"], row["estimate"], row["n"]) for row in stages] == [
        ("Learn", "", ""),
        ("Buy", "-12.0", "400.0"),
        ("Use", "", "n<30"),
    ]
    assert [(row["lane"], row["stage"], row["text"], row["value"]) for row in lanes] == [
        ("Rate", "Buy", "", "41%"),
        ("Rate", "Use", "n<30", ""),
        ("Owner", "Use", "'=Head of Care", ""),
    ]


def test_a_table_of_ones_own_is_written_in_place_of_the_stages(stage: Path) -> None:
    found = part(exhibits.journey_map, STAGES, LANES, table=SEGMENTS, **MAP)
    assert (stage / found["csv"][0]).read_text("utf-8").startswith("segment,unit,estimate")


def test_maps_share_a_scale_where_it_is_given() -> None:
    assert part(exhibits.journey_map, STAGES, LANES, axis=(-40, 40), **MAP)["curve"]["high"] == 40
    far = STAGES.assign(conf_low=[math.nan, -61.0, 10.0])
    assert part(exhibits.journey_map, far, LANES, **MAP)["curve"]["low"] == -100
    means = STAGES.assign(
        unit="1 to 7", estimate=[math.nan, 4.2, 5.0], conf_low=[math.nan, 4.0, 4.5], conf_high=[math.nan, 4.4, 5.5]
    )
    found = part(exhibits.journey_map, means, LANES, **MAP)
    assert (found["curve"]["low"], found["curve"]["high"], found["stages"][1]["value"]) == (1, 7, "4.2")
    assert found["stages"][1]["worse"] is False


def test_only_a_net_feeling_can_be_clearly_unpleasant() -> None:
    scaled = STAGES.assign(unit="-60 to 60")
    assert part(exhibits.journey_map, scaled, LANES, **MAP)["stages"][1]["worse"] is False


@pytest.mark.parametrize(
    ("stages", "lanes", "options", "message"),
    [
        (STAGES, LANES, {"title": "Feelings"}, "a title is a full sentence"),
        (STAGES, LANES, {"name": "Map 1"}, "`name` names a file"),
        (STAGES.drop(columns="reach"), LANES, {}, "no column `reach`"),
        (STAGES.head(1), LANES, {}, "two to nine stages, got 1"),
        (STAGES.assign(label="Buy"), LANES, {}, "the stage `Buy` twice"),
        (STAGES.assign(n=math.nan), LANES, {}, "stage `Buy` has an estimate but no base"),
        (STAGES.assign(reach=[0, 101, 5]), LANES, {}, "`reach` of stage `Buy` is 101"),
        (STAGES.assign(unit=["%", "points", "points"]), LANES, {}, "several units"),
        (STAGES.assign(unit=""), LANES, {"curve_unit": "minutes"}, "got 'minutes'"),
        (STAGES, LANES, {"axis": (-10, 10)}, "`estimate` of stage `Buy` is -12, outside the axis from -10 to 10"),
        (STAGES, LANES, {"axis": (10, -10)}, "the axis must rise"),
        (STAGES, LANES, {"focus": "Byu"}, "`focus` names no stage; did you mean `Buy`"),
        (STAGES, LANES.assign(stage="Byu"), {}, "did you mean `Buy`"),
        (STAGES, LANES.assign(lane="Rate"), {}, "`Rate` of stage `Use` twice"),
        (STAGES, LANES.assign(tone="bad"), {}, "`tone` of `Rate` in stage `Use` is .* got 'bad'"),
        (STAGES, LANES.assign(unknown=True), {}, "`Rate` of stage `Use` is unknown and has a figure"),
        (STAGES, LANES.drop(columns="text"), {}, "no column `text`"),
        (STAGES, LANES.head(0), {}, "`lanes` has no rows"),
    ],
)
def test_what_makes_no_journey_map_is_refused_with_the_way_out(
    stages: pd.DataFrame, lanes: pd.DataFrame, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        exhibits.journey_map(stages, lanes, **{**MAP, **options})
