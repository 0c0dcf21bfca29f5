"""What is wrong with the data is said all at once, and nothing is changed by asking."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from cxlab.config import load_config
from cxlab.data.quality import check, freshness, match_rates, missingness
from cxlab.period import Period
from cxlab.problems import Problem

STUDY = """
[study]
name = "Acme"

[sources.responses]
path = "survey.csv"
survey = "tracking"
perspective = "customer"
wave = "2026-Q3"
period = "2026-Q3"
columns = {response_id = "ID", customer_id = "customer"}

[sources.customers]
path = "customers.csv"

[items.recommend]
question = "Recommend?"
role = "loyalty"
scale = [0, 10]

[report]
min_base = 3
caution_base = 3
"""
SURVEY = "ID,customer,recommend\n1,C1,9\n2,C2,0\n3,C9,10\n"
CUSTOMERS = "customer_id,plan\nC1,basic\nC2,plus\n"
Checked = Callable[..., list[Problem]]


@pytest.fixture
def checked(tmp_path: Path) -> Checked:
    def check_study(toml: str = STUDY, **files: str) -> list[Problem]:
        folder = tmp_path / "data" / "raw" / "acme"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "study.toml").write_text(toml, "utf-8")
        for name, content in ({"survey": SURVEY, "customers": CUSTOMERS} | files).items():
            (folder / f"{name}.csv").write_text(content, "utf-8")
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
        problems = check(tmp_path, "acme")
        assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
        return problems

    return check_study


def texts(problems: list[Problem], severity: str) -> list[str]:
    return [str(problem) for problem in problems if problem.severity == severity]


def test_a_sound_study_has_no_errors_and_its_match_rates_are_notes(checked: Checked) -> None:
    problems = checked()
    assert texts(problems, "error") == texts(problems, "warning") == []
    assert "responses.customer_id: 2 of 3 are in customers (66.7%)" in texts(problems, "note")


def test_all_mistakes_are_said_at_once_errors_first(checked: Checked) -> None:
    toml = STUDY.replace('customer = "', 'client = "').replace('"customer"}', '"client"}')
    problems = checked(toml, survey="ID,customer,recommend\n1,C1,11\n1,C2,0\n")
    assert len(texts(problems, "error")) == 2  # the column that is not there, the answer off the scale
    severities = [problem.severity for problem in problems]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)


def test_mistakes_in_study_toml_come_first_and_the_data_are_looked_at_all_the_same(checked: Checked) -> None:
    problem, *rest = checked(STUDY.replace("min_base", "min_bse"))
    assert {other.severity for other in rest} <= {"warning", "note"}
    assert any("without the parts of study.toml that are wrong" in other.what for other in rest)
    assert "did you mean `min_base`" in problem.way_out


def test_a_study_that_is_not_there_is_said_with_the_near_one(checked: Checked, tmp_path: Path) -> None:
    checked()
    (problem,) = check(tmp_path, "acne")
    assert "did you mean `acme`" in problem.way_out


def test_touchpoints_of_events_that_study_toml_does_not_know_are_counted(checked: Checked) -> None:
    toml = STUDY + '[sources.events]\npath = "events.csv"\n[touchpoints.app]\n'
    events = "customer_id,timestamp,touchpoint\nC1,2026-07-01,app\nC1,2026-07-02,ap\nC2,2026-07-02,ap\n"
    (warning,) = texts(checked(toml, events=events), "warning")
    assert "does not know `ap` (2 rows)" in warning
    assert "did you mean `app`" in warning


def test_ids_that_match_nothing_are_shown_side_by_side(checked: Checked) -> None:
    (warning,) = texts(checked(survey="ID,customer,recommend\n1,c1,9\n2,c2,0\n3,c3,10\n"), "warning")
    assert "0 of 3 are in customers; here `c1`, there `C1`" in warning


def test_rows_of_overlapping_exports_are_counted(checked: Checked) -> None:
    toml = STUDY + '[sources.transactions]\npath = "paid*.csv"\n'
    paid = "timestamp,amount,customer_id\n2026-07-01,5,C1\n2026-07-02,5,C1\n"
    (warning,) = texts(checked(toml, paid_july=paid, paid_all=paid), "warning")
    assert "2 of 4 rows are the same as an earlier one in every column" in warning


def test_words_and_codes_that_look_like_no_answer_are_asked_about(checked: Checked) -> None:
    customers = "customer_id,plan,visits\nC1,Blank,99\nC2,plus,1\n"
    warnings = texts(checked(customers=customers), "warning")
    assert any(
        'customers.plan: `Blank` (1 rows): is this no answer?; if so, declare missing_by_item.plan = ["Blank"]' in w
        for w in warnings
    )
    assert any("customers.visits: `99`" in warning for warning in warnings)


def test_a_code_that_stands_out_on_a_long_scale_is_asked_about(checked: Checked) -> None:
    toml = STUDY.replace("[0, 10]", "[0, 100]")
    answers = [50, 60, 0, 100] + [99] * 10
    survey = "ID,customer,recommend\n" + "".join(f"{i},C1,{answer}\n" for i, answer in enumerate(answers))
    (warning,) = texts(checked(toml, survey=survey), "warning")
    assert "10 answers are 99, on the scale 0 to 100" in warning


def test_a_scale_whose_end_nobody_ever_chose_is_noted(checked: Checked) -> None:
    survey = "ID,customer,recommend\n" + "".join(f"{i},C1,{1 + i % 10}\n" for i in range(120))
    assert any("lowest answer 0 is never given in 120" in note for note in texts(checked(survey=survey), "note"))


def test_a_wave_below_the_smallest_base_is_told(checked: Checked) -> None:
    (warning,) = texts(checked(survey="ID,customer,recommend\n1,C1,9\n2,C2,0\n"), "warning")
    assert "tracking wave 2026-Q3: 2 respondents, below min_base 3" in warning


def test_margins_that_no_table_has_are_refused_and_who_uses_the_others_is_noted(checked: Checked) -> None:
    margins = "[weights.margins.{}]\nbasic = 0.5\nplus = 0.5\n"
    problems = checked(STUDY + margins.format("plan"))
    assert texts(problems, "error") == []
    assert any(
        "every wave of customers of deep_dive and tracking is weighted to them" in note
        for note in texts(problems, "note")
    )
    (error,) = texts(checked(STUDY + margins.format("plam")), "error")
    assert error == (
        "study.toml [weights.margins]: `plam` is no column of the answers or of the customers; did you mean `plan`?"
    )


def test_a_password_in_study_toml_is_refused_without_repeating_it(checked: Checked) -> None:
    (error,) = texts(checked(STUDY + '[engine]\nurl = "postgres://ann:s3cret@db/cx"'), "error")
    assert "PGPASSWORD" in error
    assert "s3cret" not in error


def test_match_rates_count_rows_that_bear_a_key() -> None:
    tables = {
        "responses": pd.DataFrame({"customer_id": ["1", "2", "3", None]}),
        "customers": pd.DataFrame({"customer_id": ["1", "2"]}),
    }
    (row,) = match_rates(tables).to_dict("records")
    assert row == {
        "left": "responses",
        "right": "customers",
        "key": "customer_id",
        "n": 3,
        "matched": 2,
        "share": 2 / 3,
    }


def test_freshness_says_what_lies_in_the_period_and_how_new_it_is() -> None:
    counted = pd.to_datetime(["2026-05-01", "2026-08-01"], utc=True)
    (row,) = freshness({"events": pd.DataFrame({"counted_at": counted})}, Period.parse("2026-Q3")).to_dict("records")
    assert row == {"table": "events", "rows": 2, "in_period": 1, "first": counted[0], "newest": counted[1]}


def test_missingness_tells_not_asked_from_not_answered(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(STUDY, "utf-8")
    responses = pd.DataFrame({"survey": "tracking", "wave": ["A", "A", "B"], "recommend": [9.0, None, None]})
    table = missingness(responses, load_config(tmp_path / "study.toml"))
    assert table[["wave", "n", "answered", "share", "why"]].to_numpy().tolist() == [
        ["A", 2, 1, 0.5, "empty or a missing code"],
        ["B", 1, 0, 0.0, "not asked"],
    ]


def test_what_is_wrong_with_the_file_its_names_and_its_data_is_said_together(checked: Checked) -> None:
    toml = STUDY.replace("scale = [0, 10]", "scale = [10, 0]").replace("min_base = 3", 'min_base = "many"')
    toml += """
[items.ease]
question = "Easy?"
role = "effort"
scale = [1, 5]
touchpoint = "shop"

[touchpoints.app]
owner = 3
cost = "free"

[sources.events]
path = "log_*.csv"
"""
    wheres = [problem.where for problem in checked(toml) if problem.severity == "error"]
    for expected in (
        "[items.recommend]",
        "[report] min_base",
        "[items.ease] touchpoint",
        "[touchpoints.app] owner",
        "[touchpoints.app] cost",
        "[sources.events] path",
    ):
        assert any(expected in where for where in wheres), expected


def test_a_section_that_is_no_section_does_not_hide_the_rest(checked: Checked) -> None:
    toml = STUDY + '\n[touchpoints]\nshop = "owner"\n[items.ease]\nquestion = "?"\nrole = "ease"\nscale = [1, 5]\n'
    errors = [str(problem) for problem in checked(toml) if problem.severity == "error"]
    assert any("shop" in text for text in errors)
    assert any("'ease'" in text for text in errors)
