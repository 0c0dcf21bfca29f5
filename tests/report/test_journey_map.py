"""A journey map says what is known stage by stage, draws nothing across a gap, and fits a screen, a phone and a page."""

from __future__ import annotations

import html
import math
import re
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from cxlab import exhibits
from cxlab.report.html import PageFacts, render_page
from cxlab.report.journey_map import journey_map

MIME = exhibits.MIME
TITLE = "People enter pleased and feel worst at the start: −34 (−42 to −26)."
NAN = math.nan
STAGES = pd.DataFrame(
    [
        ("Learn", NAN, NAN, NAN, NAN, NAN, False, "no source covers this stage"),
        ("Buy", 100.0, 18.0, 10.0, 26.0, 402, True, ""),
        ("Start", 98.0, -34.0, -42.0, -26.0, 391, True, ""),
        ("Use", 84.0, 5.0, -6.0, 16.0, 64, True, ""),
        ("Ask", 2.0, -50.0, -70.0, -30.0, 12, True, ""),
        ("Stay", 63.0, 9.0, 2.0, 16.0, 196, True, ""),
    ],
    columns=["label", "reach", "estimate", "conf_low", "conf_high", "n", "known", "reason"],
).assign(unit="points", conf_level=0.95)
LANES = pd.DataFrame(
    [
        ("Do", "Learn", "A web export would show it", "", "", "", True),
        ("Do", "Buy", "Compares **three** plans", "", "", "", False),
        ("Do", "Start", "Calls about the bill", "", "", "worse", False),
        ("Do", "Use", "Uses it weekly", "", "", "", False),
        ("Do", "Ask", "Writes 14 times", "", "", "", False),
        ("Do", "Stay", "Renews", "", "", "better", False),
        ("Rate", "Buy", "", "72%", "67 to 77, n 402", "", False),
        ("Rate", "Start", "", "41%", "36 to 46, n 391", "worse", False),
        ("Rate", "Ask", "", "22%", "9 to 44", "", False),
        ("Owner", "Learn", "Head of Marketing", "", "", "", False),
        ("Owner", "Ask", "Head of Care", "", "", "", False),
    ],
    columns=["lane", "stage", "text", "value", "detail", "tone", "unknown"],
)


def shown(stages: pd.DataFrame = STAGES, lanes: pd.DataFrame = LANES, **more: Any) -> Any:
    """What `exhibits.journey_map` shows, as its output."""
    InteractiveShell.instance()
    try:
        with capture_output() as captured:
            exhibits.journey_map(stages, lanes, **{"title": TITLE, "name": "map", **more})
        (output,) = captured.outputs
        return output.data
    finally:
        InteractiveShell.clear_instance()


def page_of(book: Any, *parts: dict[str, Any]) -> str:
    outputs = [{"output_type": "display_data", "data": {MIME: part}, "metadata": {}} for part in parts]
    import nbformat

    return render_page(book("# Journeys", *[[nbformat.from_dict(output)] for output in outputs]), PageFacts())


def cards(page: str) -> list[str]:
    return re.findall(r'<section class="stage.*?</section>', page, re.S)


def words(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<svg.*?</svg>|<[^>]*>", " ", markup, flags=re.S)).split())


def curve(page: str) -> str:
    found = re.search(r'<div class="curve">(<svg.*?</svg>)', page, re.S)
    assert found
    return found[1]


def many(number: int, letters: int = 60) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A map of so many stages, with texts of so many letters in seven lanes."""
    stages = pd.DataFrame(
        {
            "label": [f"Stage number {i}" for i in range(number)],
            "reach": 50.0,
            "estimate": [20.0 - 9 * i for i in range(number)],
            "n": 200,
            "known": True,
        }
    ).assign(conf_low=lambda t: t["estimate"] - 5, conf_high=lambda t: t["estimate"] + 5)
    text = ("they wait for an answer and " * 20)[:letters].strip()
    names = ("Do", "Need", "Feel", "Rate", "Owner", "Promise", "Metric")
    lanes = pd.DataFrame(
        [(lane, stage, text) for stage in stages["label"] for lane in names], columns=["lane", "stage", "text"]
    )
    return stages, lanes


# ---- what a reader finds


def test_the_source_goes_stage_by_stage_and_each_cell_names_its_lane(book: Any) -> None:
    page = page_of(book, shown()[MIME])
    found = cards(page)
    assert [re.findall(r"<h3>(.*?)<span", card)[0] for card in found] == ["Learn", "Buy", "Start", "Use", "Ask", "Stay"]
    assert all(re.findall(r"<dt>(.*?)</dt>", card) == ["Do", "Rate", "Owner"] for card in found)
    assert words(found[1]).startswith(
        "Buy reached by 100% +18 , 10 to 26, n 402 Do Compares three plans Rate 72% 67 to 77, n 402"
    )
    assert page.index("</section>") < page.index('<div class="curve">'), "the drawing comes after the words"


def test_the_drawing_says_every_value_to_whoever_does_not_see_it(book: Any) -> None:
    page = page_of(book, shown()[MIME])
    alt = re.findall(r'aria-label="([^"]*)"', curve(page))[0]
    assert html.unescape(alt) == (
        "Feeling by stage, points, 95% interval: Learn unknown (no source covers this stage); "
        "Buy +18 (10 to 26), n 402, reached by 100%; Start −34 (−42 to −26), n 391, reached by 98%; "
        "Use +5 (−6 to 16), n 64 (small), reached by 84%; Ask n<30, reached by 2%; Stay +9 (2 to 16), n 196, reached by 63%."
    )
    minis = re.findall(r'aria-label="([^"]*axis from[^"]*)"', page)
    assert minis[1] == "−34, 95% interval −42 to −26, n 391; axis from −60 to +60"
    assert len(minis) == 4


def test_no_line_crosses_an_unknown_or_hidden_stage(book: Any) -> None:
    drawn = curve(page_of(book, shown()[MIME]))
    lines = re.findall(r'<path d="M([\d.]+) [\d.]+L([\d.]+) [\d.]+" stroke="#064573"', drawn)
    width = 1050 / 6
    joined = [(round(float(a) / width - 0.5), round(float(b) / width - 0.5)) for a, b in lines]
    assert joined == [(1, 2), (2, 3)], "Buy to Start to Use; nothing to Learn, Ask and the lonely Stay"
    assert len(re.findall("<polygon", drawn)) == 2
    middles = {round((number + 0.5) * width, 1) for number in (0, 4)}
    assert not [x for x in re.findall(r'c?x="([\d.]+)"', drawn) if round(float(x), 1) in middles]


def test_heights_in_the_drawing_are_those_of_the_scale(book: Any) -> None:
    """±60 lie at 44 and 154, so +18 lies at 99 − 18 · 55/60 = 82.5 and its interval from 99 − 10 · 55/60 to 99 − 26 · 55/60."""
    drawn = curve(page_of(book, shown()[MIME]))
    assert '<circle cx="262.5" cy="82.5"' in drawn
    assert '<path d="M262.5 89.8V75.2"' in drawn


def test_only_what_is_clearly_unpleasant_is_a_square_and_a_small_base_is_hollow(book: Any) -> None:
    part = shown()[MIME]
    drawn = curve(page_of(book, part))
    assert len(re.findall("<rect", drawn)) == 1
    assert (
        re.findall(r'<circle[^>]*fill="#fff"', drawn) == re.findall(r'<circle cx="612.5"[^>]*fill="#fff"', drawn) != []
    )
    wide = STAGES.assign(conf_high=[NAN, 26.0, 2.0, 16.0, -30.0, 16.0])
    assert "<rect" not in curve(page_of(book, shown(wide)[MIME])), "an interval that reaches 0 is not clear"
    assert part["key"] == (
        "Square: clearly unpleasant, the whole interval is below 0. Hollow: fewer than 100 answers. "
        "n<30: fewer than 30 answers, not shown. Hatched: unknown or not shown."
    )


def test_a_share_is_never_called_clearly_unpleasant(book: Any) -> None:
    shares = STAGES.assign(unit="%", estimate=[NAN, 72, 41, 66, 22, 60], conf_low=[NAN, 67, 36, 50, 9, 55])
    part = shown(shares.assign(conf_high=[NAN, 77, 46, 80, 44, 65]))[MIME]
    assert "<rect" not in curve(page_of(book, part))
    assert (part["curve"]["low"], part["curve"]["high"]) == (0, 100)
    assert "Start 41% (36 to 46%), n 391" in part["alt"]


def test_a_small_base_is_said_in_words_and_none_of_its_figures_is_left_anywhere(book: Any) -> None:
    data = shown()
    ask = words(cards(page_of(book, data[MIME]))[4])
    assert ask == "Ask reached by 2% n<30 Do n<30 Rate n<30 Owner Head of Care"
    for text in (str(data[MIME]), data["text/html"], data["text/plain"]):
        assert not re.search(r"−50|-50|−70|22%|9 to 44|14 times", text)


def test_a_cell_with_a_base_of_its_own_is_shown_or_hidden_by_that_base(book: Any) -> None:
    lanes = pd.DataFrame(
        [
            ("Metric", "Ask", "Ease 4.7", 500.0),
            ("Rate", "Ask", "22%", 29.0),
            ("Rate", "Buy", "72%", 29.0),
            ("Metric", "Buy", "31%", 30.0),
        ],
        columns=["lane", "stage", "text", "n"],
    )
    found = cards(page_of(book, shown(lanes=lanes)[MIME]))
    assert words(found[4]).endswith("Metric Ease 4.7 Rate n<30")
    assert words(found[1]).endswith("Metric 31% Rate n<30")


def test_a_gap_says_which_data_would_fill_it_and_a_missing_cell_is_a_gap(book: Any) -> None:
    found = cards(page_of(book, shown()[MIME]))
    assert words(found[0]) == (
        "Learn unknown no source covers this stage Do Unknown: A web export would show it Rate Unknown Owner Head of Marketing"
    )
    assert 'class="stage unk"' in found[0]
    assert words(found[3]).endswith("Rate Unknown Owner Unknown")


def test_a_stage_that_nobody_rated_says_why_and_is_not_hatched(book: Any) -> None:
    stages = STAGES.assign(
        estimate=STAGES["estimate"].mask(STAGES["label"] == "Use"), n=STAGES["n"].mask(STAGES["label"] == "Use", 0)
    )
    stages.loc[3, "reason"] = "the survey did not ask"
    card = cards(page_of(book, shown(stages)[MIME]))[3]
    assert words(card).startswith("Use reached by 84% the survey did not ask Do Uses it weekly")
    assert '<section class="stage" ' in card


def test_the_lowest_shown_stage_is_marked_in_words_and_rust_only_where_it_is_clearly_unpleasant(book: Any) -> None:
    found = cards(page_of(book, shown()[MIME]))
    assert [("mark low" in card, "lowest" in card) for card in found] == [
        (False, False),
        (False, False),
        (True, True),
        (False, False),
        (False, False),
        (False, False),
    ]
    pleasant = STAGES.assign(
        estimate=STAGES["estimate"] + 60, conf_low=STAGES["conf_low"] + 60, conf_high=STAGES["conf_high"] + 60
    )
    card = cards(page_of(book, shown(pleasant)[MIME]))[2]
    assert 'class="stage mark"' in card
    named = cards(page_of(book, shown(focus="Use")[MIME]))
    assert ['class="stage mark' in card for card in named] == [False, False, False, True, False, False]
    assert "lowest" not in " ".join(named)


def test_equal_stages_have_no_lowest(book: Any) -> None:
    stages, lanes = many(3)
    same = stages.assign(estimate=5.0, conf_low=1.0, conf_high=9.0)
    assert 'class="stage mark' not in page_of(book, shown(same, lanes)[MIME])


def test_a_tone_has_a_sign_besides_its_colour(book: Any) -> None:
    found = cards(page_of(book, shown()[MIME]))
    assert '<span class="chg worse">' in found[2]
    assert words(found[2]).endswith("Do ✕ Calls about the bill Rate ✕ 41% 36 to 46, n 391 Owner Unknown")
    assert "✓ Renews" in words(found[5])


def test_a_map_is_a_numbered_exhibit_with_its_notes_and_takes_the_room_of_the_contents(book: Any) -> None:
    part = shown(note={"Base": "402 customers"}, subtitle="37% of customers")[MIME] | {
        "csv": ["tables/02_map.csv", "../x/tables/a.csv", "tables/02_map_lanes.csv"]
    }
    page = page_of(
        book, part, {"kind": "exhibit", "title": "A second one, with 3 words."}, {"kind": "limits", "items": []}
    )
    assert re.search(r'<main id="main" tabindex="-1" class="wrap[a-z ]* wide">', page)
    assert '<section class="exhibit turned" id="x1"><p class="no">Exhibit 1</p>' in page
    assert "Exhibit 2</p>" in page
    assert "<dt>Base</dt><dd>402 customers</dd>" in page
    assert re.findall(r'<a href="(tables[^"]*)"', page) == ["tables/02_map.csv", "tables/02_map_lanes.csv"]
    assert " wide" not in page_of(book, {"kind": "exhibit", "title": "Only a table of 3."}).split("<main")[1]


def test_the_contents_of_a_page_with_a_map_name_its_sections_alone(book: Any) -> None:
    import nbformat

    new = nbformat.v4.new_output
    limits = [new("display_data", {MIME: {"kind": "limits", "items": [{"lead": "x", "text": "y"}]}})]
    mapped = [new("display_data", {MIME: shown()[MIME]})]
    page = render_page(book("# T", "## Stage by stage", mapped, "## Where they stop", "text", limits), PageFacts())
    contents = re.findall(r'<a href="#[^"]*">(.*?)</a>', page.split('<nav class="toc"')[1].split("</nav>")[0])
    assert contents == ["Stage by stage", "Where they stop", "What this does not say", "Method and code"]


def test_a_folded_map_shows_its_title_and_opens(book: Any) -> None:
    page = page_of(book, shown()[MIME] | {"folded": True})
    summary = page.split('<details class="exhibit turned fold" id="x1"><summary>')[1].split("</summary>")[0]
    assert "<h2>People enter pleased" in summary


def test_the_same_map_is_the_same_bytes_whatever_the_order_of_the_lanes_rows_within_a_lane(book: Any) -> None:
    shuffled = LANES.iloc[[3, 0, 1, 2, 5, 4, 7, 6, 8, 10, 9]]
    assert page_of(book, shown()[MIME]) == page_of(book, shown(lanes=shuffled)[MIME])


# ---- whatever stands in a notebook


@pytest.mark.parametrize(
    "part",
    [
        {},
        {"stages": 3, "curve": {"low": 0, "high": 1}},
        {"stages": [{}], "curve": {"low": 1, "high": 1}},
        {"stages": [{}], "curve": {"low": 10**400, "high": 1}},
        {"stages": [], "curve": {"low": 0, "high": 1}},
        {"stages": ["x"], "curve": None},
    ],
    ids=str,
)
def test_what_is_no_map_is_not_taken_for_one(book: Any, part: dict[str, Any]) -> None:
    assert journey_map(part) is None
    assert "<h1>Journeys</h1>" in page_of(book, {"kind": "journey_map", "title": "x", **part})


def test_a_map_with_broken_parts_shows_the_rest(book: Any) -> None:
    broken = {
        "kind": "journey_map",
        "title": None,
        "curve": {"low": -1, "high": 1, "ends": "x"},
        "lanes": ["Do", 7],
        "note": ["x"],
        "csv": "x",
        "stages": [
            {"label": "A", "state": "known", "estimate": "no"},
            {"label": "B", "state": "known", "estimate": 9, "low": True, "cells": [3, {"text": ["a"], "unknown": "x"}]},
            {"label": "C", "state": [], "cells": {}},
            "no stage",
        ],
    }
    page = page_of(book, broken)
    assert [words(card).split(" ")[0] for card in cards(page)] == ["A", "B", "C"]
    assert len(re.findall("<circle", curve(page))) == 1


# ---- how it looks


def printed(browser: Any, page: str, folder: Path) -> list[tuple[float, float, str]]:
    """Width, height and words of each page on paper; skips where poppler is not installed."""
    import shutil

    if not shutil.which("pdftotext"):
        pytest.skip("pdftotext (poppler) is not on this machine")
    source, pdf = folder / "map.html", folder / "map.pdf"
    source.write_text(page, "utf-8")
    browser._run("--no-pdf-header-footer", f"--print-to-pdf={pdf}", source.as_uri())
    layout = subprocess.run(["pdftotext", "-bbox", str(pdf), "-"], capture_output=True, text=True, check=True).stdout
    found = []
    for sheet in re.findall(r"<page.*?</page>", layout, re.S):
        size = re.search(r'width="([\d.]+)" height="([\d.]+)"', sheet)
        assert size
        text = " ".join(html.unescape(word) for word in re.findall(r"<word[^>]*>(.*?)</word>", sheet))
        found.append((float(size[1]), float(size[2]), text))
    return found


@pytest.mark.chromium
@pytest.mark.parametrize(("number", "letters"), [(2, 180), (5, 20), (5, 140), (7, 60), (7, 100), (9, 20), (9, 80)])
def test_a_map_is_printed_on_one_page_of_turned_paper(
    book: Any, browser: Any, tmp_path: Path, number: int, letters: int
) -> None:
    stages, lanes = many(number, letters)
    sheets = printed(browser, page_of(book, shown(stages, lanes, note={"Base": "402 customers"})[MIME]), tmp_path)
    turned = [text for wide, tall, text in sheets if wide > tall]
    assert len(turned) == 1
    assert "People enter pleased" in turned[0]
    assert all(lane in turned[0] for lane in ("Stage", "Promise", "Metric", "402 customers"))
    assert turned[0].count("number") == number


@pytest.mark.chromium
def test_two_maps_are_two_pages_and_what_follows_is_upright_again(book: Any, browser: Any, tmp_path: Path) -> None:
    first, second = (shown(title=f"Map {name} has 3 figures.")[MIME] for name in ("one", "two"))
    after = {"kind": "exhibit", "title": "What follows the 2 maps."}
    sheets = printed(browser, page_of(book, {"kind": "note", "text": "Before."}, first, second, after), tmp_path)
    held = [
        (wide > tall, [name for name in ("Before", "Map one", "Map two", "follows") if name in text])
        for wide, tall, text in sheets
    ]
    assert held == [(False, ["Before"]), (True, ["Map one"]), (True, ["Map two"]), (False, ["follows"])]


@pytest.mark.chromium
@pytest.mark.parametrize("width", [1280, 1000, 400])
def test_a_map_stays_inside_a_screen_and_no_text_is_too_small(book: Any, browser: Any, width: int) -> None:
    pages = {"usual": page_of(book, shown()[MIME])}
    for number in (2, 9):
        stages, lanes = many(number, 400)
        stages["label"] = [f"{label}: Donaudampfschifffahrtsgesellschaftskapitän" for label in stages["label"]]
        lanes["stage"] = [f"{stage}: Donaudampfschifffahrtsgesellschaftskapitän" for stage in lanes["stage"]]
        lanes["text"] = lanes["text"] + "w" * 80
        pages[str(number)] = page_of(book, shown(stages, lanes)[MIME])
    for seen in browser.layout(pages, width).values():
        assert seen["width"] <= width
        assert seen["out"] == []
        assert seen["least"] >= 13


@pytest.mark.chromium
def test_a_wide_screen_shows_columns_in_line_with_the_curve_and_a_phone_cards(book: Any, browser: Any) -> None:
    script = """async (frame) => {
        const d = frame.contentDocument, look = frame.contentWindow.getComputedStyle;
        const box = e => e.getBoundingClientRect();
        const stages = [...d.querySelectorAll(".stage")].map(box), svg = box(d.querySelector(".curve svg"));
        const owner = [...d.querySelectorAll(".stage")].map(s => box(s.querySelectorAll("dl>div")[2]).top);
        return {lefts: stages.map(b => Math.round(b.left)), tops: stages.map(b => Math.round(b.top)),
                drift: stages.map((b, i) => Math.abs((b.left + b.right) / 2 - svg.left - svg.width * (i + .5) / stages.length)),
                owner: owner.map(Math.round), lane: Math.round(box(d.querySelectorAll(".lanes span")[4]).top),
                curve: look(d.querySelector(".curve")).display, mini: look(d.querySelector(".sp svg")).display};
    }"""
    page = {"map": page_of(book, shown()[MIME])}
    wide, phone = browser._framed(page, 1280, script)["map"], browser._framed(page, 400, script)["map"]
    assert wide["lefts"] == sorted(set(wide["lefts"]))
    assert len(set(wide["tops"])) == 1
    assert max(wide["drift"]) < 2, "marks stand in the middle of their columns"
    assert {*wide["owner"], wide["lane"]} == {wide["lane"]}, "a lane is one row"
    assert (wide["curve"], wide["mini"]) == ("block", "none")
    assert len(set(phone["lefts"])) == 1
    assert phone["tops"] == sorted(set(phone["tops"]))
    assert (phone["curve"], phone["mini"]) == ("none", "block")


@pytest.mark.chromium
@pytest.mark.parametrize("width", [1280, 400])
def test_axe_finds_nothing_on_a_map(book: Any, browser: Any, axe_source: str, width: int) -> None:
    pages = {"map": page_of(book, shown(note={"Base": "402 customers"})[MIME])}
    assert browser.axe(pages, width, axe_source) == {"map": []}
