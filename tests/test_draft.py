"""`cxlab init`: what it drafts is valid, marks its guesses, and never overwrites."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from cxlab.config import load_config
from cxlab.data.quality import check
from cxlab.demo import write_demo
from cxlab.draft import draft_study
from cxlab.problems import StudyError


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    n = 40
    path = tmp_path / "tracking.csv"
    pd.DataFrame(
        {
            "Response ID": [f"r{i}" for i in range(n)],
            "Date": "2026-08-01",
            "recommend": [i % 11 for i in range(n)],
            "The app": [1 + i % 5 for i in range(n - 1)] + [99],
            "comment": "fine",
        }
    ).to_csv(path, index=False)
    return path


def test_a_draft_is_valid_and_marks_every_guess(survey: Path, tmp_path: Path) -> None:
    path = draft_study(tmp_path, "acme", [survey])
    config = load_config(path)
    assert config.sources["responses"].columns == {"response_id": "Response ID", "submitted_at": "Date"}
    assert config.items["recommend"].scale == (0, 10)
    assert config.items["the_app"].column == "The app"
    assert config.sources["responses"].missing_by_item == {"the_app": [99]}
    assert path.read_text("utf-8").count("# check") >= 8


def test_what_is_drafted_reads_without_an_error(survey: Path, tmp_path: Path) -> None:
    path = draft_study(tmp_path, "acme", [survey])
    survey.rename(path.parent / survey.name)
    assert [str(problem) for problem in check(tmp_path, "acme") if problem.severity == "error"] == []


def test_the_exports_of_the_simulated_company_make_one_valid_file(tmp_path: Path) -> None:
    write_demo(tmp_path, customers=2_000)
    exports = sorted(p for p in (tmp_path / "data/raw/demo").iterdir() if p.is_file() and p.name != "study.toml")
    config = load_config(draft_study(tmp_path, "mine", exports))
    tables = {source.path: config.table_of(name) for name, source in config.sources.items()}
    assert {name: table for name, table in tables.items() if table != "responses"} == {
        "accounts.xlsx": "accounts",
        "agents.csv": "agents",
        "comments.csv": "comments",
        "customers.xlsx": "customers",
        "events.parquet": "events",
        "invitations.csv": "invitations",
        "invoices.csv": "transactions",
    }
    sources = {source.path: source for source in config.sources.values()}
    assert sources["invoices.csv"].columns["paid_at"] == "paid"
    assert sources["staff_2026-Q3.csv"].perspective == "staff"
    assert [sources[f"{name}.csv"].survey for name in ("event_survey", "deep_dive_2026-Q3", "tracking_2026-Q3")] == [
        "event",
        "deep_dive",
        "tracking",
    ]
    assert config.items["q1"].role == "loyalty"


def test_nothing_is_overwritten_and_what_is_not_there_is_said(survey: Path, tmp_path: Path) -> None:
    draft_study(tmp_path, "acme", [survey])
    with pytest.raises(StudyError, match="exists already"):
        draft_study(tmp_path, "acme", [survey])
    with pytest.raises(StudyError, match="there is no such file"):
        draft_study(tmp_path, "other", [tmp_path / "absent.csv"])
    assert not (tmp_path / "data/raw/other").exists()
    with pytest.raises(StudyError, match="is no study name"):
        draft_study(tmp_path, "../up", [survey])


def test_a_question_in_two_files_is_one_item_with_the_widest_scale(tmp_path: Path) -> None:
    for name, top in (("a", 5), ("b", 7)):
        rows = {"Response ID": [f"{name}{i}" for i in range(40)], "Date": "2026-08-01"}
        answers = {column: [1 + i % top for i in range(40)] for column in ("calm", "clear")}
        pd.DataFrame(rows | answers).to_csv(tmp_path / f"{name}.csv", index=False)
    config = load_config(draft_study(tmp_path, "acme", [tmp_path / "a.csv", tmp_path / "b.csv"]))
    assert config.items["calm"].scale == (1, 7)
