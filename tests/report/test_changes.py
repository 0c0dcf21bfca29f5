"""What changed since another period."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cxlab.problems import StudyError
from cxlab.report.changes import compare_findings, diff_lines
from cxlab.report.publish import as_json


def _finding(name: str = "nps", estimate: float | None = 40.0, std_error: float | None = 3.0, **more: Any) -> dict:
    known = estimate is not None and std_error is not None
    return {
        "name": name, "notebook": "08_tracking", "level": "all", "target": None, "owner": None, "unit": "points",
        "better": "higher", "definition": None, "comparable": "independent", "label": "NPS", "key": False,
        "estimate": estimate, "std_error": std_error, "conf_low": 0.0, "conf_high": 1.0, "conf_level": 0.95, "n": 400,
        "reason": None if known else "n<30", "headline": "",
    } | more  # fmt: skip


def test_a_difference_comes_with_interval_and_test() -> None:
    # 30 − 40 = −10; its error is √(3² + 4²) = 5; z = −2; p = 0.0455; −10 ± 1.96 × 5
    (entry,) = compare_findings([_finding()], [_finding(estimate=30.0, std_error=4.0)])
    assert (entry["before"], entry["after"], entry["difference"], entry["std_error"]) == (40.0, 30.0, -10.0, 5.0)
    assert entry["p_value"] == pytest.approx(0.0455, abs=1e-4)
    assert entry["conf_low"] == pytest.approx(-19.8, abs=0.01)
    assert entry["conf_high"] == pytest.approx(-0.2, abs=0.01)
    assert (entry["q_value"], entry["tests"], entry["reading"]) == (entry["p_value"], 1, "worse")


def test_what_makes_a_reader_careful_is_said_beside_the_change() -> None:
    after = _finding(estimate=20.0, caution="mostly who answered")
    (entry,) = compare_findings([_finding()], [after])
    assert entry["caution"] == "mostly who answered"
    (gone,) = compare_findings([_finding()], [])
    assert gone["caution"] == ""


def test_all_tests_of_a_comparison_are_one_family() -> None:
    # p = 0.0455 and p = 1: the smallest of two has q = 2 × 0.0455
    before = [_finding(), _finding("csat")]
    after = [_finding(estimate=30.0, std_error=4.0), _finding("csat")]
    nps, csat = compare_findings(before, after)
    assert nps["q_value"] == pytest.approx(2 * nps["p_value"])
    assert (nps["reading"], csat["reading"], nps["tests"]) == ("no clear change", "no clear change", 2)


@pytest.mark.parametrize(
    ("better", "after", "reading"),
    [("higher", 60, "better"), ("higher", 20, "worse"), ("lower", 20, "better"), (None, 20, "changed")],
)
def test_the_direction_that_is_good_gives_the_reading(better: str | None, after: float, reading: str) -> None:
    (entry,) = compare_findings([_finding(better=better)], [_finding(estimate=after, better=better)])
    assert entry["reading"] == reading


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ({}, {"comparable": "overlapping"}, "the samples are overlapping"),
        ({"comparable": "cumulative"}, {}, "the samples are cumulative"),
        ({"unit": "%"}, {}, "the definition has changed"),
        ({"definition": "top 3"}, {"definition": "top 2"}, "the definition has changed"),
        ({}, {"estimate": None, "reason": "n<30"}, "n<30"),
        ({"std_error": None, "reason": "not defined: std_error"}, {}, "not defined: std_error"),
        ({"std_error": 0.0}, {"std_error": 0.0}, "the standard errors are not defined or 0"),
    ],
)
def test_what_cannot_be_compared_is_not_tested_and_says_why(before: dict, after: dict, reason: str) -> None:
    (entry,) = compare_findings([_finding(**before)], [_finding(**after)])
    assert (entry["reading"], entry["reason"], entry["difference"], entry["q_value"]) == (
        "not tested", reason, None, None,
    )  # fmt: skip


def test_the_same_name_in_another_segment_is_another_finding() -> None:
    before = [_finding(level="segment", target="A")]
    after = [_finding(level="segment", target="B")]
    assert [(entry["target"], entry["reading"]) for entry in compare_findings(before, after)] == [
        ("B", "new"), ("A", "gone"),
    ]  # fmt: skip


def test_changes_can_be_written_as_json() -> None:
    entries = compare_findings([_finding(std_error=0.0)], [_finding(std_error=0.0), _finding("csat", None, None)])
    assert json.loads(as_json(entries)) == entries


def test_two_published_periods_are_compared_line_by_line(tmp_path: Path) -> None:
    for period, estimate in (("2026-Q2", 40.0), ("2026-Q3", 20.0)):
        folder = tmp_path / "reports" / "acme" / period
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{}", "utf-8")
        (folder / "findings.json").write_text(
            as_json(
                [
                    _finding(estimate=estimate),
                    _finding("price", estimate, caution="mostly who answered"),
                    _finding("x", None, None),
                ]
            ),
            "utf-8",
        )
    head, nps, price, other = diff_lines(tmp_path, "acme", "2026-Q2", "2026-Q3")
    assert head == "acme: 2026-Q2 → 2026-Q3"
    assert "40.0 → 20.0 points" in nps
    assert nps.split()[-5:] == ["-20.0", "(-28.3", "to", "-11.7)", "worse"]
    assert price.endswith("worse, mostly who answered")
    assert other.endswith("not tested (n<30)")
    with pytest.raises(StudyError, match=r"acme has no report for 2026-Q4; did you mean `2026-Q[23]`"):
        diff_lines(tmp_path, "acme", "2026-Q2", "2026-Q4")


def test_the_level_of_the_report_decides_what_is_a_change() -> None:
    # p = 0.0455: clear at 95%, not at 99%
    (entry,) = compare_findings([_finding()], [_finding(estimate=30.0, std_error=4.0, conf_level=0.99)])
    assert entry["reading"] == "no clear change"


@pytest.mark.parametrize(("a", "b", "said"), [("2026-Q3", "2026-Q3", "is one period"), ("2026", "2026-Q3", "overlap")])
def test_periods_that_share_customers_are_not_compared(tmp_path: Path, a: str, b: str, said: str) -> None:
    for period in {a, b}:
        folder = tmp_path / "reports" / "acme" / period
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{}", "utf-8")
        (folder / "findings.json").write_text("[]", "utf-8")
    with pytest.raises(StudyError, match=said):
        diff_lines(tmp_path, "acme", a, b)
