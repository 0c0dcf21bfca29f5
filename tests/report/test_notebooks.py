"""The committed notebooks: their form, and what they say on planted data and on the simulated company."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest

from cxlab.demo import LAST_PERIODS
from cxlab.problems import StudyError
from cxlab.report.runner import run_study

REPOSITORY = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
COMMITTED = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
HEALTH, TRACKING = "00_data_health", "08_experience_tracking"


def _code(path: Path) -> list[Any]:
    return [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]


# ------------------------------------------------------------------------------------------------------------------ form


def test_the_two_notebooks_of_the_frame_are_there() -> None:
    assert {HEALTH, TRACKING} <= {path.stem for path in NOTEBOOKS}


@COMMITTED
def test_a_notebook_is_committed_without_outputs(path: Path) -> None:
    for cell in _code(path):
        assert cell.outputs == []
        assert cell.execution_count is None


@COMMITTED
def test_a_notebook_asks_one_question_and_has_one_parameters_cell(path: Path) -> None:
    book = nbformat.read(path, 4)
    opening = book.cells[0].source.split("\n\n")
    assert opening[0].startswith("# ")
    assert opening[1].endswith("?")
    tagged = [cell for cell in book.cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    assert tagged[0] is book.cells[1]


@COMMITTED
def test_the_answer_is_shown_before_any_evidence(path: Path) -> None:
    shown = [cell.source for cell in _code(path) if "exhibits." in cell.source]
    assert shown[0].startswith("exhibits.answer(")
    assert any(source.startswith("exhibits.limits(") for source in shown)


@COMMITTED
def test_what_is_computed_or_decided_belongs_in_the_package(path: Path) -> None:
    banned = (
        ast.If,
        ast.IfExp,
        ast.While,
        ast.Try,
        ast.FunctionDef,
        ast.Lambda,
        ast.BinOp,
        ast.Compare,
        ast.comprehension,
    )
    for cell in _code(path):
        found = [ast.unparse(node) for node in ast.walk(ast.parse(cell.source)) if isinstance(node, banned)]
        assert found == [], f"cell: {cell.source}"
        assert len(cell.source.splitlines()) <= 22


# -------------------------------------------------------------------------------------------------------- a small study


def _findings(root: Path, study: str, period: str) -> dict[str, dict[str, Any]]:
    found = json.loads((root / "reports" / study / period / "findings.json").read_text("utf-8"))
    return {finding["name"]: finding for finding in found}


def test_tracking_says_the_nps_that_a_count_by_hand_gives(project: Path) -> None:
    run_study("acme", [TRACKING], period="2026-Q3", root=project, params={"before": "2026-Q2"})
    answers = pd.read_csv(project / "data/raw/acme/survey_2026-Q3.csv")["recommend"]
    nps = 100 * ((answers >= 9).mean() - (answers <= 6).mean())
    finding = _findings(project, "acme", "2026-Q3")["tracking_recommend"]
    assert finding["estimate"] == pytest.approx(nps)
    assert finding["n"] == 120
    assert finding["conf_low"] < nps < finding["conf_high"]
    assert finding["comparable"] == "overlapping", "the same 120 customers answered both waves"
    page = (project / "reports/acme/2026-Q3" / f"{TRACKING}.html").read_text("utf-8")
    assert "NPS fell from" in page
    table = pd.read_csv(project / "reports/acme/2026-Q3/tables" / f"{TRACKING}_measures.csv").set_index("item")
    assert table.loc["recommend", "estimate"] == pytest.approx(nps)
    assert _findings(project, "acme", "2026-Q3")["tracking_app_good"]["owner"] == "Head of Digital"


def test_a_survey_that_was_not_asked_is_refused_with_those_that_were(project: Path) -> None:
    with pytest.raises(StudyError, match=r"`event`: no customer has answered.*surveys with answers: tracking"):
        run_study("acme", [TRACKING], period="2026-Q3", root=project, params={"survey": "event"})


def test_health_accounts_for_every_row_and_names_the_reasons(project: Path) -> None:
    path = project / "data/raw/acme/survey_2026-Q3.csv"
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([*lines, lines[-1]]) + "\n", "utf-8")
    run_study("acme", [HEALTH], period="2026-Q3", root=project)
    tables = project / "reports/acme/2026-Q3/tables"
    files = pd.read_csv(tables / f"{HEALTH}_files.csv")
    assert (files["rows"] == files["kept"] + files["rejected"]).all()
    assert files["rows"].sum() == 391
    rejected = pd.read_csv(tables / f"{HEALTH}_rejected.csv")
    assert rejected[["reason", "rows"]].to_numpy().tolist() == [["duplicate response_id", 1]]


# ------------------------------------------------------------------------------------------------ the simulated company


def test_the_planted_changes_are_told_and_compared_with_the_last_report(company: Path) -> None:
    last, now = LAST_PERIODS
    entries = json.loads((company / "reports/demo" / now / "changes.json").read_text("utf-8"))
    readings = {entry["name"]: entry["reading"] for entry in entries}
    assert readings["tracking_satisfaction_first_bill"] == "worse"
    assert readings["response_rate_deep_dive"] == "not tested", "it is the survey of the period before"
    index = (company / "reports/demo" / now / "index.html").read_text("utf-8")
    assert "First bill" in index
    assert f"What changed since {last}" in index.replace('<span class="nw">', "").replace("</span>", "")


def test_late_rows_are_counted_when_the_next_period_is_run(own_company: Path) -> None:
    _, now = LAST_PERIODS
    path = own_company / "data/raw/demo/tracking_2026-Q2.csv"
    original = path.read_bytes()
    path.write_bytes(
        original + b"\n".join(line.replace(b"R_", b"R_x") for line in original.split(b"\n")[-6:-1]) + b"\n"
    )
    run_study("demo", [HEALTH], period=now, root=own_company)
    page = (own_company / "reports/demo" / now / f"{HEALTH}.html").read_text("utf-8")
    assert "rows of responses that belong to earlier periods arrived after the report of" in page


def test_pages_open_clean_in_a_browser_at_both_widths(company: Path, browser: Any) -> None:
    folder = company / "reports/demo" / LAST_PERIODS[-1]
    pages = {path.name: path.read_text("utf-8") for path in folder.glob("*.html")}
    pages["overview"] = (company / "reports/index.html").read_text("utf-8")
    looked = {width: browser.layout(pages, width) for width in (1280, 400)}
    for width, of_width in looked.items():
        for name, seen in of_width.items():
            assert seen["width"] <= width, (name, width, seen["out"])
            assert seen["out"] == [], (name, width)
            assert seen["requests"] == [], (name, "a page loads nothing")
            assert seen["broken"] == [], (name, "no number is broken over lines")
            assert seen["least"] >= 12
    assert len(looked[1280][f"{TRACKING}.html"]["largest"]) == 1, "the answer is the largest type of its page"


def test_every_picture_says_what_it_shows_and_no_page_names_a_person_or_a_machine(company: Path) -> None:
    for page in (company / "reports").rglob("*.html"):
        text = page.read_text("utf-8")
        assert 'alt=""' not in text
        assert "@example.com" not in text
        assert str(company) not in text
        assert "<script" not in text
