"""A page shows what a notebook found, in the order of the reader, and nothing that a notebook holds can act on the page."""

from __future__ import annotations

import base64
import html
import io
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from PIL import Image

from cxlab.report.html import EXHIBIT, PageFacts, figures_without_alt, render, render_page

new = nbformat.v4.new_output
MARK = "document.documentElement.setAttribute('data-pwn-{0}','1')"
FORBIDDEN = {
    "script",
    "iframe",
    "object",
    "embed",
    "base",
    "video",
    "audio",
    "link",
    "input",
    "form",
    "button",
    "frame",
}


def payload(name: str) -> str:
    """A customer's comment that leaves a mark on the document if any part of it runs."""
    mark = MARK.format(name)
    return f'<script>{mark}</script><img src=x onerror="{mark}"><svg onload="{mark}"></svg>'


class Seen(HTMLParser):
    """What a browser would find on a page: tags with attributes, ids, headings and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def levels(self) -> list[int]:
        return [int(tag[1]) for tag, _ in self.tags if re.fullmatch(r"h[1-6]", tag)]

    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.tags if "id" in attributes]


def assert_inert(page: str) -> None:
    """No element that runs or loads, no handler, no address but https, mailto, a file of the report or a place here."""
    for tag, attributes in Seen(page).tags:
        assert tag not in FORBIDDEN
        assert not [
            name for name in attributes if name.startswith("on") or name in ("srcdoc", "formaction", "background")
        ]
        assert "data:image/" in attributes.get("src", "data:image/")
        assert re.match(r"(https://|mailto:|#|(?!/)[\w./-]*$)", attributes.get("href", ""))
    styles = re.findall(r"<style>(.*?)</style>", page, re.S)
    assert not [style for style in styles if re.search(r"url\(|@import|expression", style)]


def assert_well_formed(page: str) -> None:
    """One h1, no skipped level, no id twice, and every entry of the contents leads somewhere."""
    seen = Seen(page)
    levels = seen.levels()
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert len(seen.ids()) == len(set(seen.ids()))
    inner = [a["href"][1:] for tag, a in seen.tags if tag == "a" and a.get("href", "").startswith("#")]
    assert set(inner) <= set(seen.ids())


def page_of(*cells: Any, book: Any, **facts: Any) -> str:
    return render_page(book(*cells), PageFacts(**facts))


def html_output(markup: str) -> Any:
    return new("display_data", {"text/html": markup, "text/plain": "readable"})


# ---- what a reader finds, in which order


def test_the_answer_stands_before_the_evidence_wherever_its_cell_is(drivers_book: Any) -> None:
    drivers_book.cells.append(drivers_book.cells.pop(6))  # the answer is shown by the last cell
    page = render_page(drivers_book, PageFacts())
    assert page.index('class="lead"') < page.index('<nav class="toc"') < page.index('id="x1"') < page.index('id="not"')
    assert page.index('id="not"') < page.index('id="method"')
    assert_well_formed(page)


def test_the_first_heading_is_the_title_and_the_line_below_it_the_question(drivers_book: Any) -> None:
    page = render_page(drivers_book, PageFacts(study_name="Acme", period="2026-Q3"))
    title = "Loyalty drivers: what moves loyalty, how surely, and what if it improved?"
    assert f"<h1>{title}</h1>" in page
    assert f"<title>{title}, 2026-Q3 · Acme</title>" in page
    assert '<p class="question">Seven experiences, one question.</p>' in page


def test_a_notebook_without_a_heading_gets_the_title_of_the_manifest(book: Any) -> None:
    page = page_of("only text", book=book, title="Fallback")
    assert "<h1>Fallback</h1>" in page
    assert_well_formed(page)


def test_a_second_h1_and_skipped_levels_become_ordinary_headings(book: Any) -> None:
    page = page_of(
        "# One\n\n#### Deep\n\n# Two\n\ntext\n\n###### Deeper", [html_output("<h1>Three</h1><p>x</p>")], book=book
    )
    assert Seen(page).levels() == [1, 2, 2, 3, 2, 2]
    assert_well_formed(page)


def test_code_is_folded_at_the_end_and_named_by_its_section(drivers_book: Any) -> None:
    page = render_page(drivers_book, PageFacts())
    flow, method = page.split('<section id="method">')
    assert "show(" not in flow
    assert "<summary>Code [4] Load and compute</summary>" in method
    assert "<summary>Code [2] Parameters of this run</summary>" in method
    assert method.count('<details class="code">') == 12  # 11 code cells and what was written to stderr
    assert "a warning from a library" in method
    assert "a warning from a library" not in flow


def test_a_folded_exhibit_shows_its_title_and_keeps_the_rest_for_whoever_opens_it(book: Any) -> None:
    part = {
        "kind": "exhibit",
        "title": "Half go on within 3 days.",
        "subtitle": "By stage",
        "note": {"Base": "9 people"},
    }
    page = page_of("# T", [new("display_data", {EXHIBIT: part | {"folded": True}, "text/plain": "x"})], book=book)
    folded = page.split('<details class="exhibit fold" id="x1">')[1].split("</details>")[0]
    summary, rest = folded.split("</summary>")
    assert "Exhibit 1" in summary
    assert "<h2>Half go on within 3 days.</h2>" in summary
    assert "By stage" in rest
    assert "<dd>9 people</dd>" in rest
    assert_well_formed(page)
    plain = page_of("# T", [new("display_data", {EXHIBIT: part | {"folded": "yes"}, "text/plain": "x"})], book=book)
    assert '<section class="exhibit" id="x1">' in plain, "whatever is not said to be folded is open"


def test_a_heading_over_code_that_shows_nothing_is_no_section_of_the_page(drivers_book: Any) -> None:
    page = render_page(drivers_book, PageFacts())
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", page)
    assert "Load and compute" not in headings
    assert "Record" not in headings
    assert "What counts most" in headings


def test_the_method_is_folded_away_with_the_code(drivers_book: Any) -> None:
    page = render_page(drivers_book, PageFacts())
    assert '<details class="method"><summary>Method, weights and missing answers</summary>' in page


def test_an_exhibit_has_number_title_picture_note_and_table_file(drivers_book: Any) -> None:
    page = render_page(drivers_book, PageFacts())
    exhibit = page[page.index('id="x1"') : page.index('id="x2"')]
    assert (
        '<p class="no">Exhibit 1</p><h2>A clear first bill carries 30% of explained loyalty; range carries 5%.</h2>'
        in exhibit
    )
    assert 'alt="Dot plot of importance' in exhibit
    assert "<dt>Test</dt><dd>LMG shares; 1,000 resamples</dd>" in exhibit
    assert '<a href="tables/07_loyalty_drivers_importance.csv">' in exhibit


def test_a_table_keeps_its_roles_and_headings_when_a_phone_shows_cards(drivers_book: Any) -> None:
    page = render_page(drivers_book, PageFacts())
    assert '<table class="stack" role="table">' in page
    assert '<th scope="row" role="rowheader">First bill clear and right</th>' in page
    assert '<td role="cell" data-l="NPS"><span><b>+6.7</b></span></td>' in page
    assert 'aria-label="6.7, 95% interval 5.4 to 7.8; axis from −1 to 8"' in page


def test_key_numbers_say_interval_and_change_in_words(drivers_book: Any) -> None:
    page = render_page(drivers_book, PageFacts())
    assert '<p class="big">24 <span>21 to 27</span></p>' in page
    assert '<p class="chg worse"><span class="w">▼ Worse</span> than 30</p>' in page
    assert '<p class="chg none"><span class="w">No clear change</span> from 76%</p>' in page


def test_only_stars_mean_something_in_a_structured_text(book: Any, shown: Any) -> None:
    page = page_of("# T", [shown({"kind": "note", "text": "**NPS** is <i>24</i> & *more*", "bad": True})], book=book)
    assert '<div class="note bad"><p><b>NPS</b> is &lt;i&gt;24&lt;/i&gt; &amp; *more*</p>' in page


def test_formulas_become_mathml_and_prices_stay_prices(book: Any) -> None:
    page = page_of("# T\n\n$\\frac{1}{2}$ of $5 and $6, `$x$`, $\\undefined{$\n\n$$a < b$$", book=book)
    assert page.count("<math") == 2
    assert "<mfrac><mrow><mn>1</mn></mrow><mrow><mn>2</mn></mrow></mfrac>" in page
    assert "of $5 and $6" in page
    assert "<code>$x$</code>" in page


def test_a_failed_notebook_opens_with_the_reason(book: Any) -> None:
    failed = new(
        "error", ename="KeyError", evalue="'wave'", traceback=["\x1b[31mFile /home/ana/x/a.py\x1b[0m", "KeyError"]
    )
    page = page_of("# T", [failed], book=book, failed="no column `wave` in /home/ana/x/survey.csv", notebook="07_x")
    assert "✕ This notebook failed.</b> no column <code>wave</code> in …/survey.csv" in page
    assert page.index("This notebook failed") < page.index('<main id="main"')
    assert "<b>Cell 2 failed.</b> KeyError: &#39;wave&#39;" in page
    assert "File …/a.py" in page
    assert "/home/" not in page
    assert "\x1b" not in page


def test_the_banner_that_papermill_adds_is_not_shown_twice(book: Any) -> None:
    banner = nbformat.v4.new_markdown_cell(
        "An Exception was encountered", metadata={"tags": ["papermill-error-cell-tag"]}
    )
    assert "An Exception was encountered" not in page_of("# T", banner, book=book)


def test_a_page_names_its_report_and_how_it_was_made(drivers_book: Any, manifest: Any, entry: Any) -> None:
    made = entry(
        "07_loyalty_drivers", "Loyalty drivers", parameters={"study": "demo", "n_boot": 200, "items": ["a", "b"]}
    )
    report = manifest(made, source_note="Source: a public survey.", draft="try")
    page = render_page(drivers_book, PageFacts.from_manifest(report, made))
    assert '<p class="sim">Simulated data.' in page
    assert '<a href="index.html">Executive summary</a>' in page
    assert '<a href="07_loyalty_drivers.ipynb">executed notebook</a>' in page
    assert "<dt>Data until</dt><dd>29 September 2026</dd>" in page
    assert "cxlab 0.1.0 · commit 4f2a9c1" in page
    assert "parameters: items a, b, n_boot 200" in page
    assert "Source: a public survey." in page
    assert "Draft “try”" in page


def test_the_same_notebook_is_the_same_bytes(drivers_book: Any, book: Any) -> None:
    assert render_page(drivers_book, PageFacts()) == render_page(drivers_book, PageFacts())
    frame = pd.DataFrame({"n": [1]})
    one, other = (
        page_of("# T", [html_output(frame.style.to_html())], book=book) for _ in range(2)
    )  # a new random name each
    assert one == other


def test_no_page_shows_a_moment_of_rendering(drivers_book: Any, manifest: Any, entry: Any) -> None:
    made = entry("07_loyalty_drivers", "Loyalty drivers")
    assert "October" not in render_page(drivers_book, PageFacts.from_manifest(manifest(made), made))


# ---- any notebook, whatever it holds


def test_any_executed_notebook_makes_a_page(tmp_path: Path, book: Any, png: Any) -> None:
    cells = book(
        "# Any\n\nText.",
        [
            new("stream", name="stdout", text="printed\n"),
            new("execute_result", {"text/plain": "42 at 0x7f00"}, execution_count=1),
        ],
        [
            html_output(pd.DataFrame({"a": [1]}, index=["x"]).to_html()),
            new("display_data", {"image/png": png(100, 50)}),
        ],
        [new("display_data", {"text/markdown": "some **bold**"}), new("display_data", {"text/latex": "$x^2$"})],
        nbformat.v4.new_raw_cell("raw"),
        [new("display_data", {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}})],
    )
    path = tmp_path / "any_notebook.ipynb"
    nbformat.write(cells, path)
    page = render(path)
    assert "printed" in page
    assert ">42</pre>" in page
    assert '<th scope="row">x</th>' in page
    assert 'width="100" height="50"' in page
    assert "<strong>bold</strong>" in page
    assert "<msup>" in page
    assert "Cell 6 shows something that a page cannot: application/vnd.jupyter.widget-view+json." in page
    assert 'href="index.html"' not in page
    assert_well_formed(page)
    assert_inert(page)


def test_an_empty_notebook_makes_a_page(book: Any) -> None:
    assert_well_formed(page_of(book=book, title="Nothing"))


@pytest.mark.parametrize(
    "data",
    [
        {"image/png": "no base64 at all"},
        {"image/png": base64.b64encode(b"\x89PNG\r\n\x1a\n broken").decode()},
        {"image/png": ["a", "list"]},
        {"image/jpeg": ""},
        {"image/svg+xml": "no drawing"},
        {"text/html": "<script>1</script>"},
        {"application/json": {"a": 1}},
        {EXHIBIT: {"kind": "unheard of"}},
        {EXHIBIT: "no mapping"},
        {},
    ],
    ids=str,
)
def test_what_cannot_be_shown_becomes_a_note(book: Any, data: dict[str, Any]) -> None:
    output = nbformat.from_dict({"output_type": "display_data", "data": data, "metadata": {}})
    page = page_of("# T", [output], book=book)
    assert '<div class="note"><p>Cell 2 shows something that a page cannot' in page


@pytest.mark.parametrize(
    "part",
    [
        {"kind": "answer", "lead": None, "sentences": "text"},
        {"kind": "numbers", "numbers": [1, {"name": None, "change": "x"}, {"change": {"reading": []}}]},
        {"kind": "exhibit", "title": 3, "note": ["x"], "table": {"columns": ["a", {}], "rows": [1, [[]], ["a", "b", "c"]]}},
        {"kind": "exhibit", "table": {"columns": "x", "rows": None}, "csv": "../etc/passwd/tables/x.csv"},
        {"kind": "exhibit", "table": {"columns": ["a"], "rows": [[{"whisker": {"estimate": "x"}}], [{"whisker": {
            "estimate": 1, "axis_low": 2, "axis_high": 2}}]]}},
        {"kind": "limits", "items": {"a": 1}},
        {"kind": "facts", "facts": ["a"]},
        {"kind": "note"},
        {"kind": "journey_map", "stages": [{"cells": 3, "mark": []}, 7], "curve": {"low": 0, "high": 1}, "csv": {"a": 1}, "lanes": [[]]},
    ],
    ids=lambda part: part["kind"],
)  # fmt: skip
def test_a_malformed_structured_output_never_stops_a_page(book: Any, shown: Any, part: dict[str, Any]) -> None:
    page = page_of("# T", [shown(part)], book=book)
    assert_well_formed(page)
    assert "/etc/passwd" not in page


def test_a_lost_picture_is_said_with_its_description(book: Any, shown: Any) -> None:
    part = {"kind": "exhibit", "title": "NPS fell.", "alt": "Line of NPS over nine waves, from 30 to 24."}
    page = page_of("# T", [shown(part)], [shown(part, picture="broken")], book=book)
    assert page.count("The picture of this exhibit cannot be shown.") == 2
    assert page.count("Line of NPS over nine waves, from 30 to 24.") == 2


def test_a_transparent_picture_lies_on_white(book: Any, png: Any) -> None:
    page = page_of("# T", [new("display_data", {"image/png": png(40, 40, mode="RGBA")})], book=book)
    found = re.search(r"data:image/png;base64,([^\"]+)", page)
    assert found
    image = Image.open(io.BytesIO(base64.b64decode(found[1]))).convert("RGB")
    assert image.getpixel((0, 0)) == (255, 255, 255)


def test_a_wide_picture_is_shown_as_wide_as_the_column(book: Any, png: Any) -> None:
    assert 'width="620" height="331"' in page_of("# T", [new("display_data", {"image/png": png(749, 400)})], book=book)


def test_pictures_from_elsewhere_are_not_shown_and_that_is_said(book: Any) -> None:
    page = page_of("# T\n\n![chart](https://example.com/a.png)\n\n![b](attachment:b.png)", book=book)
    assert "example.com" not in page
    assert "2 pictures in this text are not shown" in page


# ---- alternative text


@pytest.mark.parametrize(
    "alt", [None, "", "  ", "No description has been provided for this image", "figure 3", "image"]
)
def test_a_figure_without_a_description_of_its_own_is_found(book: Any, png: Any, alt: str | None) -> None:
    metadata = {} if alt is None else {"image/png": {"alt": alt}}
    output = new("display_data", {"image/png": png(9, 9)}, metadata=metadata)
    assert figures_without_alt(book("# T", [output])) == [(1, "image/png")]


def test_a_described_figure_is_in_order_wherever_the_description_stands(book: Any, shown: Any, png: Any) -> None:
    cell = nbformat.v4.new_code_cell(
        "", outputs=[new("display_data", {"image/png": png(9, 9)})], metadata={"alt": "NPS by wave"}
    )
    exhibit = shown({"kind": "exhibit", "title": "T.", "alt": "NPS by segment, four dots"}, picture=png(9, 9))
    exhibit.metadata = {}
    assert figures_without_alt(book(cell, [exhibit])) == []


# ---- two walls


@pytest.mark.parametrize(
    ("link", "kept"),
    [
        ("https://example.com/a?b=1", True),
        ("mailto:ana@example.com", True),
        ("08_experience_tracking.html", True),
        ("tables/08_waves.csv", True),
        ("http://example.com", False),
        ("//example.com/x.html", False),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("file:///etc/passwd", False),
        ("/etc/hosts.html", False),
    ],
)
def test_links_lead_to_https_mail_and_files_of_the_report_only(book: Any, link: str, kept: bool) -> None:
    page = page_of(f'# T\n\n<a href="{link}">go</a>', book=book)
    assert (f'href="{link}"' in page) is kept
    assert ">go</a>" in page


def vectors() -> dict[str, list[Any] | str]:
    """The ways by which a comment reaches a rendered notebook: name → outputs of a cell, or a markdown cell."""

    def table(name: str) -> pd.DataFrame:
        return pd.DataFrame({"c": [payload(name)], "n": [1.0]})

    def styled(frame: pd.DataFrame, **options: Any) -> list[Any]:
        return [html_output(frame.style.set_uuid("cx").format(escape="html", **options).to_html())]

    def escaped(name: str) -> str:
        return payload(name).replace("<", "&lt;")

    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">{}</svg>'
    captioned = table("none").style.set_uuid("cx").format(escape="html").set_caption(payload("styler-caption"))
    return {
        "to-html": [html_output(table("to-html").to_html())],
        "to-html-unescaped": [html_output(table("to-html-unescaped").to_html(escape=False))],
        "styler": [html_output(table("styler").style.set_uuid("cx").to_html())],
        "styler-escaped": styled(table("styler-escaped")),
        "styler-formatted": styled(table("styler-formatted"), formatter={"n": "{:.1f}"}),
        "styler-column": styled(pd.DataFrame({payload("styler-column"): [1]})),
        "styler-index": styled(pd.DataFrame({"n": [1]}, index=[payload("styler-index")])),
        "styler-caption": [html_output(captioned.to_html())],
        "table-escaped": [
            html_output(f"<style>#t{{color:red}}</style><table id=t><td>{escaped('table-escaped')}</table>")
        ],
        "table-markdown": [html_output(f"<table><tbody><tr><td>{payload('table-markdown')}</td></tr></tbody></table>")],
        "table-title": [html_output(f"<table><thead><tr><td>{escaped('table-title')}</td></tr></thead></table>")],
        "table-module": [
            html_output(f'<table><td>1</table><script type="module">{MARK.format("table-module")}</script>')
        ],
        "table-script": [html_output(f"<table><td>1</table><script>{MARK.format('table-script')}</script>")],
        "markdown": [new("display_data", {"text/markdown": payload("markdown")})],
        "markdown-link": [
            new("display_data", {"text/markdown": "[go](javascript:alert(1)) " + payload("markdown-link")})
        ],
        "html": [html_output(f"<p>{payload('html')}</p>")],
        "svg": [new("display_data", {"image/svg+xml": svg.format(f"<script>{MARK.format('svg')}</script>")})],
        "svg-title": [new("display_data", {"image/svg+xml": svg.format(f"<title>{payload('svg-title')}</title>")})],
        "print": [new("stream", name="stdout", text=payload("print"))],
        "javascript": [new("display_data", {"application/javascript": MARK.format("javascript")})],
        "latex": [new("display_data", {"text/latex": payload("latex")})],
        "exception": [new("error", ename="E", evalue=payload("exception"), traceback=[payload("exception")])],
        "markdown-cell": f"## Heading {payload('markdown-cell')}\n\n[go](javascript:alert(1)) {payload('markdown-cell')}",
    }


def structured_vectors(shown: Any, png: Any) -> list[list[Any]]:
    """A comment in every text of every structured output, and tricks against quotes, formulas and styles."""

    def bad(name: str) -> str:
        return f'"><b a=\'{payload("structured-" + name)}\n" onmouseover="{MARK.format("structured-" + name)}'

    cell = {"text": bad("cell"), "strong": True, "tone": bad("tone"), "whisker": None}
    drawn = {"estimate": 1, "low": 0, "high": 2, "axis_low": 0, "axis_high": 3, "before": 1, "label": bad("whisker")}
    table = {
        "caption": bad("caption"),
        "columns": [{"name": bad("column"), "align": bad("align")}] * 2,
        "rows": [[bad("row"), cell], ["x", {"text": bad("drawn"), "whisker": drawn}]],
    }
    exhibit = {
        "kind": "exhibit",
        "title": bad("title"),
        "subtitle": bad("sub"),
        "alt": bad("alt"),
        "csv": "tables/" + bad("csv"),
    }
    number = {
        "name": bad("n"),
        "value": bad("v"),
        "interval": bad("i"),
        "change": {"reading": bad("r"), "text": bad("t")},
    }
    place = {
        "text": bad("place"),
        "value": bad("place-value"),
        "detail": bad("place-detail"),
        "tone": bad("place-tone"),
    }
    stage = {
        **{
            key: bad(f"stage-{key}")
            for key in ("label", "reach", "missing", "value", "interval", "base", "label_drawn")
        },
        **{
            "state": "known",
            "mark": bad("stage-mark"),
            "estimate": 1,
            "low": 0,
            "high": 2,
            "worse": True,
            "small": bad("small"),
        },
        "cells": [place, {**place, "unknown": True}, {**place, "value": "", "tone": "worse"}],
    }
    mapped = {
        "kind": "journey_map",
        **{key: bad(f"map-{key}") for key in ("title", "subtitle", "alt", "key")},
        "curve": {
            "low": -1,
            "high": 3,
            **{key: bad(f"curve-{key}") for key in ("label", "unit", "level")},
            "ends": [bad("end")] * 2,
        },
        "lanes": [bad("lane")] * 3,
        "stages": [stage, {**stage, "state": "unknown"}, {**stage, "state": bad("state")}, stage],
        "note": {bad("map-note"): bad("map-note-text")},
        "csv": ["tables/" + bad("map-csv"), "tables/x.csv"],
    }
    styles = (
        "<style type='text/css'>#T_a1_row0{color:red;background:url(https://evil.example/x);position:fixed}"
        "body{display:none}#T_a1, main{color:white}#T_a1_x{background-image:image-set('x')}</style>"
        "<table id='T_a1'><td id='T_a1_row0'>x</td></table>"
    )
    return [
        [shown({"kind": "answer", "lead": bad("lead"), "sentences": [bad("sentence")]})],
        [
            shown(
                {
                    "kind": "numbers",
                    "numbers": [number, {**number, "change": {"reading": "worse", "arrow": bad("arrow")}}],
                }
            )
        ],
        [shown({**exhibit, "table": table, "note": {bad("note"): bad("note-text")}}, picture=png(9, 9))],
        [shown({**exhibit, "alt": bad("alt2"), "table": None}, picture=bad("png"))],
        [shown(mapped)],
        [shown({"kind": "limits", "items": [{"lead": bad("limit"), "text": bad("limit-text")}]})],
        [
            shown({"kind": "note", "text": bad("note"), "bad": True}),
            shown({"kind": "facts", "facts": {bad("f"): bad("g")}}),
        ],
        [
            html_output(styles),
            new("display_data", {"image/png": png(9, 9)}, metadata={"image/png": {"alt": bad("pngalt")}}),
        ],
        [new("display_data", {"text/latex": f"$\\text{{<script>{MARK.format('tex-script')}</script>}}$"})],
        [new("display_data", {"text/latex": f"$\\text{{{payload('tex')}}} \\href{{javascript:1}}{{x}}$"})],
        [new("display_data", {"text/markdown": '$\\text{<img src=x onerror="1">}$ [$x$](https://a.example/"$y$")'})],
        [html_output('<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=1&gt;">')],
    ]


@pytest.fixture
def hostile(book: Any, shown: Any, png: Any) -> dict[str, Any]:
    """The notebook with the 23 ways, and that with comments in structured outputs."""
    assert len(vectors()) == 23
    return {
        "outputs": book("# Vectors", *vectors().values(), "### Kept\n\n| a | b |\n|---|---|\n| 1 | 2 |"),
        "structured": book(f"# {payload('title')}", *structured_vectors(shown, png)),
    }


def hostile_pages(hostile: dict[str, Any]) -> dict[str, str]:
    facts = PageFacts(
        notebook="07_x", title=payload("t"), study_name=payload("study"), period_words=payload("period"),
        data_until=payload("until"), simulated=True, source_note=payload("source"), draft=payload("draft"),
        failed=f"`{payload('failed')}`", version=payload("version"), commit=payload("commit"),
        parameters={payload("name"): payload("value")},
    )  # fmt: skip
    return {name: render_page(notebook, facts) for name, notebook in hostile.items()}


def test_a_hostile_page_holds_nothing_that_runs_or_loads_and_keeps_its_form(hostile: dict[str, Any]) -> None:
    for page in hostile_pages(hostile).values():
        assert_inert(page)
        assert_well_formed(page)
        assert "data-pwn" in page, "the comments are shown as text, not lost"
    page = hostile_pages(hostile)["outputs"]
    assert "<td>1</td><td>2</td>" in re.sub(r"\s+", "", page), "an ordinary table survives"


def test_a_hostile_style_speaks_about_its_own_table_only(hostile: dict[str, Any]) -> None:
    own = hostile_pages(hostile)["structured"].split("</head>")[1]
    assert re.findall(r"<style>(.*?)</style>", own) == ["#T_1_row0{color:red}"]
    assert '<td id="T_1_row0">x</td>' in own
    assert "body{display" not in own
    assert ", main" not in own
    assert "evil.example" not in own


@pytest.mark.chromium
def test_no_vector_runs_in_a_browser_and_each_wall_holds_alone(hostile: dict[str, Any], browser: Any) -> None:
    from nbconvert import HTMLExporter

    def ran(page: str) -> set[str]:
        return set(re.findall(r"data-pwn-([\w-]+)=", browser.dom(page).split(">", 3)[1]))

    control = {name: ran(HTMLExporter().from_notebook_node(notebook)[0]) for name, notebook in hostile.items()}
    assert len(control["outputs"]) >= 11, "the detector sees what runs in an ordinary page"
    bare = {
        name: re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
        for name, page in hostile_pages(hostile).items()
    }
    for name, page in hostile_pages(hostile).items():
        assert bare[name] != page
        assert ran(page) == set()
        assert ran(bare[name]) == set()


@pytest.mark.chromium
def test_the_policy_alone_stops_a_script(browser: Any, drivers_book: Any) -> None:
    page = render_page(drivers_book, PageFacts())
    injected = page.replace("</main>", payload("policy") + "</main>")
    assert "data-pwn-policy=" not in browser.dom(injected).split("<head>")[0]
    bare = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", injected)
    assert "data-pwn-policy=" in browser.dom(bare).split("<head>")[0]


# ---- how it looks


@pytest.mark.chromium
@pytest.mark.parametrize("width", [1280, 400])
def test_a_page_never_scrolls_sideways_and_the_answer_is_its_largest_type(
    drivers_book: Any, hostile: dict[str, Any], book: Any, browser: Any, width: int
) -> None:
    long = "word" * 60
    table = html_output(pd.DataFrame([[12345.678] * 30]).to_html())
    code = nbformat.v4.new_code_cell("x = " + "1 + " * 200)
    pages = {
        "full": render_page(drivers_book, PageFacts(notebook="07_x", study_name="Acme", simulated=True)),
        "long": page_of(
            f"# {long}\n\n{long}\n\n$${'a+' * 200}b$$\n\n|{long}|b|\n|-|-|\n|1|2|", [table], code, book=book
        ),
        **hostile_pages(hostile),
    }
    seen = browser.layout(pages, width)
    for name in pages:
        assert seen[name]["width"] <= width, seen[name]["out"]
        assert seen[name]["requests"] == []
        assert seen[name]["broken"] == []
        assert seen[name]["least"] >= 13
    assert seen["full"]["out"] == []
    assert seen["full"]["largest"] == [
        "The first bill moves loyalty most: it carries 30% of what seven experiences explain."
    ]


@pytest.mark.chromium
@pytest.mark.parametrize("width", [1280, 400])
def test_axe_finds_nothing_on_a_page_with_everything_unfolded(
    drivers_book: Any, book: Any, browser: Any, axe_source: str, width: int
) -> None:
    failed = [new("error", ename="E", evalue="x", traceback=["E: x"])]
    pages = {
        "full": render_page(
            drivers_book, PageFacts(notebook="07_x", study_name="Acme", period_words="July", simulated=True)
        ),
        "failed": page_of("# T", failed, book=book, failed="x", notebook="07_x", draft="a"),
        "any": page_of(
            "# T", [html_output(pd.DataFrame({"a": [1]}).style.to_html())], [new("stream", text="x")], book=book
        ),
    }
    assert browser.axe(pages, width, axe_source) == {name: [] for name in pages}


def test_the_mime_type_is_that_of_the_exhibits() -> None:
    exhibits = pytest.importorskip("cxlab.exhibits", reason="exhibits are not built yet")
    assert exhibits.MIME == EXHIBIT


def test_a_page_is_small(drivers_book: Any) -> None:
    page = render_page(drivers_book, PageFacts())
    assert len(page.encode()) < 60_000, "style, one picture and text"
    assert json.dumps(page).count("http") <= 2
    assert html.unescape(page).startswith("<!DOCTYPE html>")
