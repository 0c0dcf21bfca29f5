"""The executive summary says what is known with interval and base, and in words what is missing, however little there is."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from cxlab.report.changes import compare_findings
from cxlab.report.pages import render_index, render_overview

EARLIER = "2026-Q2"


def text_of(page: str) -> str:
    """The words of a page, in order, each part of it parted by one space."""
    return " ".join(html.unescape(re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.S)).split())


def rows_of(page: str) -> list[str]:
    """The rows of what changed, as words."""
    return [text_of(row) for row in re.findall(r'<tr role="row"><th scope="row".*?</tr>', page, re.S)]


def findings_of(page: str) -> list[str]:
    return [text_of(part) for part in re.findall(r'<li class="find">.*?</li>', page, re.S)]


def cards_of(page: str) -> list[str]:
    return re.findall(r'<li class="card.*?</li>', page, re.S)


def compared(finding: dict[str, Any], earlier: dict[str, Any], manifest: Any, entry: Any) -> str:
    report = manifest(entry("08_experience_tracking", "Tracking"))
    return render_index(report, [finding], compare_findings([earlier], [finding]), previous=EARLIER)


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def small_reports(finding: Any, entry: Any, manifest: Any) -> dict[str, str]:
    """Reports with little in them."""
    tracking = entry("08_experience_tracking", "Tracking: did NPS move?", answer="NPS is 31, between 29 and 33.")
    nps = finding("nps", 31, 2, key=True, label="NPS", comparable="cumulative")
    failed = [entry(name, name, status="failed", page="banner", reason="ValueError: x") for name in ("07_a", "08_b")]
    skipped = entry("09_value", "Value", status="skipped", page="none", reason="needs transactions: the study has none")
    return {
        "one notebook, no earlier report": render_index(manifest(tracking), [nps], [], previous=None),
        "nothing tested": render_index(manifest(tracking), [nps], compare_findings([nps], [nps]), previous=EARLIER),
        "nothing found": render_index(manifest(tracking), [], [], previous=EARLIER),
        "all failed": render_index(manifest(*failed, skipped, inputs={}, data_until=None), [], [], previous=None),
        "overview": render_overview(
            [overview_row(), overview_row(period="2026-Q2", failed=1, summary="1 failed", lead="")]
        ),
        "empty overview": render_overview([]),
    }


def overview_row(**fields: Any) -> dict[str, Any]:
    return {
        "study": "acme", "study_name": "Acme", "simulated": False, "period": "2026-Q3",
        "period_words": "1 July to 30 September 2026", "published": "2026-10-03T06:12:00Z", "lead": "NPS fell by 6 points.",
        "summary": "11 ok", "failed": 0,
    } | fields  # fmt: skip


# ---- the answer


def test_the_answer_of_the_lowest_rank_leads_and_the_next_follow(full_report: dict[str, Any]) -> None:
    page = render_index(**full_report)
    answer = text_of(page[page.index('class="answer"') : page.index("</section>")])
    order = [
        "Loyalty fell: NPS is 24",
        "The first bill moves loyalty most: 30%.",
        "Fit: 96%",
        "3 of 5 actions are done.",
    ]
    assert [answer.index(words) for words in order] == sorted(answer.index(words) for words in order)
    assert '<p class="lead">Loyalty fell' in page
    assert '<a class="small" href="07_loyalty_drivers.html">07 Loyalty drivers</a>' in page


def test_an_answer_that_stayed_from_an_earlier_run_says_so(full_report: dict[str, Any]) -> None:
    assert "3 of 5 actions are done. (from an earlier run)" in text_of(render_index(**full_report))


def test_a_report_without_an_answer_says_why(entry: Any, manifest: Any, finding: Any) -> None:
    pages = small_reports(finding, entry, manifest)
    assert "There is no answer: of three notebooks, two failed and one could not run." in pages["all failed"]
    only = entry("07_a", "A", status="skipped", page="none", reason="needs events")
    assert "the only notebook could not run." in render_index(manifest(only), [], [])
    silent = entry("07_a", "A")
    assert "No notebook of this report states an answer." in render_index(manifest(silent), [], [])


# ---- numbers


def test_a_key_number_has_interval_and_what_changed(full_report: dict[str, Any]) -> None:
    page = render_index(**full_report)
    numbers = [text_of(part) for part in re.findall(r"<li><p class=\"name\">.*?</li>", page, re.S)]
    assert numbers == [
        "Recommend (NPS) 24 21 to 27 ▼ Worse than 30",
        "Satisfied (CSAT) 74% 72 to 76% No clear change from 76%",
        "Easy (CES), 1 to 7 5.1 5.0 to 5.2 ▲ Better than 4.9",
        "First bill as promised 61% 58 to 64% ▼ Worse than 70%",
    ]


def test_no_more_than_four_key_numbers_are_shown(finding: Any, entry: Any, manifest: Any) -> None:
    keys = [finding(f"m{i}", i, key=True) for i in range(6)]
    page = render_index(manifest(entry("08_experience_tracking", "T")), keys, [])
    assert page.count('<p class="big">') == 4


def test_a_suppressed_number_is_said_in_words(full_report: dict[str, Any]) -> None:
    line = next(line for line in findings_of(render_index(**full_report)) if "Public sector" in line)
    assert (
        line == "Public sector: NPS is not shown. 08 Experience tracking n<30 Not tested n<30 n<30 Head of Key Accounts"
    )


def test_a_finding_shows_its_place_last_period_base_and_owner(full_report: dict[str, Any]) -> None:
    page = render_index(**full_report)
    line = next(line for line in findings_of(page) if line.startswith("Value seekers"))
    assert "−3 to 9 points; ◇ 20 last period" in line
    assert line.endswith("▼ Worse −17 points (−25 to −9) n 820 Head of Value Plans")
    assert 'aria-label="3 points; interval −3 to 9; last period 20; axis from −10 to 50"' in page


def test_what_is_about_all_customers_is_named_by_its_label_and_a_segment_by_its_name(
    finding: Any, entry: Any, manifest: Any
) -> None:
    about_all = finding(
        "app_good", 70.0, unit="%", level="all", target="app", label="The good app", headline="It is 70%."
    )
    about_some = finding("nps", 20.0, level="segment", target="Savers", headline="NPS is 20.")
    page = render_index(manifest(entry("08_t", "T")), [about_all, about_some], [], previous=None)
    assert "<b>app:</b>" not in page
    assert "<b>Savers:</b> NPS is 20." in page


def test_estimates_of_one_group_and_unit_share_an_axis(full_report: dict[str, Any]) -> None:
    page = render_index(**full_report)
    segments = page[page.index("<h3>Segments") : page.index("<h3>Accounts")]
    assert set(re.findall(r"axis from [^\"]*", segments)) == {"axis from −10 to 50"}


def test_a_small_base_is_marked_and_hollow(full_report: dict[str, Any]) -> None:
    page = render_index(**full_report)
    line = next(part for part in re.findall(r'<li class="find">.*?</li>', page, re.S) if "Newcomers" in part)
    assert "n 92 (small)" in line
    assert 'r="3.6" fill="#fff" stroke="#064573"' in line


def test_an_interval_that_would_round_away_gets_another_decimal(finding: Any, entry: Any, manifest: Any) -> None:
    churn = finding("churn", 4.1, 0.4, unit="%", better="lower", label="Left")
    page = compared(churn, {**churn, "estimate": 3.2}, manifest, entry)
    assert rows_of(page) == ["Left 3.2% 4.1% +0.9 (0.3 to 1.5) ▲ Worse"]
    assert "3.7 to 4.5%; ◇ 3.2% last period" in page


def test_findings_stand_by_who_can_act_and_levels_without_any_are_left_out(
    full_report: dict[str, Any], finding: Any, entry: Any, manifest: Any
) -> None:
    page = render_index(**full_report)
    assert re.findall(r"<h3>(All customers|Segments|Accounts)", page) == ["All customers", "Segments", "Accounts"]
    alone = render_index(manifest(entry("08_experience_tracking", "T")), [finding("nps", 3)], [])
    assert re.findall(r"<h3>(All customers|Segments|Accounts)", alone) == ["All customers"]


def test_a_long_list_is_folded_after_the_clear_changes(finding: Any, entry: Any, manifest: Any) -> None:
    after = [finding(f"m{i}", 40 if i == 8 else 20) for i in range(13)]
    before = [finding(f"m{i}", 20) for i in range(13)]
    report = manifest(entry("08_experience_tracking", "T"))
    page = render_index(report, after, compare_findings(before, after), previous=EARLIER)
    lines = findings_of(page)
    assert len(lines) == 13
    assert lines[0].startswith("M8: 40 points.")
    assert "<summary>3 more</summary>" in page


# ---- what changed


def test_clear_changes_come_first_and_every_reading_has_its_words(full_report: dict[str, Any]) -> None:
    page = render_index(**full_report)
    rows = rows_of(page)
    assert "NPS, Value seekers 20 3 −17 (−25 to −9) ▼ Worse" in rows
    assert "Satisfied (CSAT) 76% 74% −2 (−5 to +1) No clear change" in rows
    assert "Calls per customer 1.9 1.4 −0.5 (−0.6 to −0.4) ▼ Changed" in rows
    assert "Days to pay 35.0 34.2 not tested The samples are overlapping" in rows
    assert "NPS, Public sector n<30 n<30 not tested n<30" in rows
    assert "Importance of the first bill none 30% not tested New: no earlier figure" in rows
    assert "Customers who fax 2% none not tested Not in this report" in rows
    assert len(rows) == 14
    clear = [i for i, row in enumerate(rows) if re.search(r"Worse|Better|Changed", row)]
    assert clear == list(range(len(clear)))
    assert rows[0].startswith("Calls per customer"), "the surest first"
    assert "10 tests, false discoveries held at 5%" in page


def test_a_rise_of_something_bad_is_an_arrow_up_and_worse(finding: Any, entry: Any, manifest: Any) -> None:
    churn = finding("churn", 20, 2, unit="%", better="lower")
    page = compared(churn, {**churn, "estimate": 10}, manifest, entry)
    assert '<span class="chg worse"><span class="w">▲ Worse</span></span>' in page


def test_without_an_earlier_report_every_figure_is_new(finding: Any, entry: Any, manifest: Any) -> None:
    page = small_reports(finding, entry, manifest)["one notebook, no earlier report"]
    assert "First report" in findings_of(page)[0]
    assert "There is no earlier report to compare with." in page
    assert rows_of(page) == []


def test_where_nothing_could_be_tested_that_is_said_with_the_reason(finding: Any, entry: Any, manifest: Any) -> None:
    page = small_reports(finding, entry, manifest)["nothing tested"]
    assert "No difference could be tested." in page
    assert rows_of(page) == ["NPS 31 31 not tested The samples are cumulative"]
    assert "Not tested (the samples are cumulative)" in text_of(page)


# ---- notebooks


def test_each_notebook_has_a_card_with_its_state_and_reason(full_report: dict[str, Any]) -> None:
    page = render_index(**full_report)
    cards = [text_of(card) for card in cards_of(page)]
    assert cards[0] == "00 Data health Are the data fit to be believed? Fit: 96% of answers match. ✓ Ok"
    assert cards[1].endswith("No answer this period. ✕ Failed: KeyError: the comments file has no column comment_text")
    assert cards[4].endswith("No answer this period. – Not run: needs transactions: the study has no such source")
    assert cards[5].endswith("3 of 5 actions are done. ✕ Failed: kernel died; the page is that of an earlier run")
    assert "Six questions, one page each" in page
    assert "Three answered, two failed, one not run." in page


def test_only_pages_that_exist_are_linked(full_report: dict[str, Any]) -> None:
    page = render_index(**full_report)
    links = {attributes["href"] for tag, attributes in Tags(page).found if tag == "a"}
    assert "06_voice_of_customer.html" in links
    assert "09_value_retention.html" not in links
    assert {"../../index.html", "findings.json", "manifest.json", "tables/"} <= links


def test_a_draft_says_that_it_is_one_and_finds_its_way_home(entry: Any, manifest: Any) -> None:
    page = render_index(manifest(entry("08_t", "T"), draft="try"), [], [])
    assert "Draft “try”" in page
    assert 'href="../../../index.html"' in page


# ---- every page


def test_pages_are_the_same_bytes_and_hold_no_clock(full_report: dict[str, Any]) -> None:
    later = {**full_report, "manifest": {**full_report["manifest"], "published": "2031-01-01T00:00:00Z"}}
    assert render_index(**full_report) == render_index(**later)


def test_what_others_wrote_is_escaped(full_report: dict[str, Any]) -> None:
    bad = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    for finding in full_report["findings"]:
        finding |= {"headline": bad, "owner": bad, "label": bad, "target": bad, "unit": bad, "reason": bad}
    for change in full_report["changes"]:
        change |= {"label": bad, "target": bad, "unit": bad, "reason": bad}
    for book in full_report["manifest"]["notebooks"]:
        book |= {"title": bad, "answer": bad, "reason": bad}
    full_report["manifest"] |= {"study_name": bad, "source_note": bad, "period_words": bad, "git_commit": bad}
    pages = [
        render_index(**full_report),
        render_overview([overview_row(study_name=bad, lead=bad, summary=bad, published=bad)]),
    ]
    for page in pages:
        assert "&lt;script&gt;" in page
        assert not {tag for tag, _ in Tags(page).found} & {"script", "img"}
        assert not [name for _, attributes in Tags(page).found for name in attributes if name.startswith("on")]


def test_every_page_has_one_h1_no_skipped_level_and_the_policy(
    full_report: dict[str, Any], finding: Any, entry: Any, manifest: Any
) -> None:
    for page in [render_index(**full_report), *small_reports(finding, entry, manifest).values()]:
        levels = [int(tag[1]) for tag, _ in Tags(page).found if re.fullmatch(r"h[1-6]", tag)]
        assert levels.count(1) == 1
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))
        assert (
            "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'" in page
        )
        assert '<html lang="en">' in page
        ids = [attributes["id"] for _, attributes in Tags(page).found if "id" in attributes]
        assert len(ids) == len(set(ids))


def test_the_overview_lists_studies_and_periods_with_the_moment_of_publishing() -> None:
    rows = [
        overview_row(),
        overview_row(period="2026-Q2", lead=""),
        overview_row(study="demo", study_name="Demo", simulated=True),
    ]
    page = render_overview(rows)
    assert re.findall(r"<h2>(\w+)", page) == ["Acme", "Demo"]
    assert "Two studies" in page
    assert '<a href="acme/2026-Q2/index.html">2026-Q2</a>' in page
    assert "3 October 2026, 06:12 UTC" in page
    assert "No answer was given." in page
    assert '<p class="latest">NPS fell by 6 points.</p>' in page


def test_an_overview_of_nothing_says_how_to_begin() -> None:
    assert "No report has been published." in render_overview([])


# ---- how it looks


@pytest.mark.chromium
@pytest.mark.parametrize("width", [1280, 400])
def test_no_page_scrolls_sideways_and_the_answer_is_the_largest_type(
    full_report: dict[str, Any], finding: Any, entry: Any, manifest: Any, browser: Any, width: int
) -> None:
    long = "word" * 60
    stretched = [finding("nps", 3, headline=long, owner=long, target=long, label=long)]
    report = manifest(entry("08_experience_tracking", long, answer=long, status="failed", reason=long), study_name=long)
    pages = {
        "full": render_index(**full_report),
        "long": render_index(report, stretched, compare_findings(stretched, stretched), previous=EARLIER),
        **small_reports(finding, entry, manifest),
    }
    seen = browser.layout(pages, width)
    for name in pages:
        assert seen[name]["width"] <= width, seen[name]["out"]
        assert seen[name]["requests"] == []
        assert seen[name]["broken"] == []
        assert seen[name]["least"] >= 13
    assert seen["full"]["out"] == []
    assert seen["full"]["largest"] == ["Loyalty fell: NPS is 24, six points lower than last quarter."]
    assert seen["all failed"]["largest"] == [
        "There is no answer: of three notebooks, two failed and one could not run."
    ]


@pytest.mark.chromium
@pytest.mark.parametrize("width", [1280, 400])
def test_axe_finds_nothing(
    full_report: dict[str, Any], finding: Any, entry: Any, manifest: Any, browser: Any, axe_source: str, width: int
) -> None:
    pages = {"full": render_index(**full_report), **small_reports(finding, entry, manifest)}
    assert browser.axe(pages, width, axe_source) == {name: [] for name in pages}
