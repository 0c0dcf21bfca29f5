"""A study opened for a period holds what was known at its end, and says what arrived late."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import cxlab
from cxlab import context, products
from cxlab.problems import StudyError
from cxlab.study import Study, find_root

STUDY = """
[study]
name = "Acme <Ltd>"
timezone = "Europe/Paris"

[sources.responses]
path = "survey.csv"
survey = "tracking"
perspective = "customer"
columns = {response_id = "ID", submitted_at = "day", wave = "wave"}

[sources.staff]
table = "responses"
path = "staff.csv"
survey = "deep_dive"
perspective = "staff"
wave = "staff"
window = "period"
columns = {response_id = "ID", submitted_at = "day"}

[sources.events]
path = "events.csv"

[touchpoints.shop]
owner = ["Ann", "Bob"]
[touchpoints.app]
label = "The app"
channel = "digital"
[stages]
awareness = ["app"]
purchase = ["shop"]

[items.recommend]
question = "Recommend?"
role = "loyalty"
scale = [0, 10]
"""
FILES = {
    "survey.csv": "ID,day,wave,recommend\n1,2026-05-01,A,9\n2,2026-08-01,B,7\n3,2026-11-01,C,3\n",
    "staff.csv": "ID,day,recommend\ns1,2026-05-01,8\ns2,2026-09-01,8\n",
    "events.csv": "customer_id,timestamp,end_timestamp,touchpoint\nC1,2026-06-01T10:00:00,2026-06-01T11:00:00,app\n"
    "C1,2026-09-30T23:59:59,2026-10-01T00:30:00,shop\nC1,2026-10-01T00:00:00,,shop\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "raw" / "acme"
    folder.mkdir(parents=True)
    (tmp_path / "notebooks").mkdir()
    (folder / "study.toml").write_text(STUDY, "utf-8")
    for name, content in FILES.items():
        (folder / name).write_text(content, "utf-8")
    return tmp_path


@pytest.fixture
def acme(root: Path) -> Callable[..., Study]:
    return lambda period=None: cxlab.open_study("acme", period=period, root=root)


def test_the_root_is_found_upwards_from_anywhere_inside(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert find_root(root / "data" / "raw" / "acme") == root
    with pytest.raises(StudyError, match="notebooks/ and data/raw/"):
        find_root(tmp_path_factory.mktemp("elsewhere"))


def test_an_unknown_study_is_refused_with_the_near_one(root: Path) -> None:
    with pytest.raises(StudyError, match="did you mean `acme`"):
        cxlab.open_study("acmee", root=root)


def test_a_study_with_errors_in_its_data_does_not_open(root: Path, acme: Callable[..., Study]) -> None:
    (root / "data" / "raw" / "acme" / "survey.csv").write_text("ID,day,wave,recommend\n1,2026-05-01,A,11\n", "utf-8")
    with pytest.raises(StudyError, match="11 \\(1 row\\)"):
        acme()


def test_each_source_contributes_its_own_window(acme: Callable[..., Study]) -> None:
    known = acme("2026-Q3").responses
    assert known["response_id"].to_list() == ["1", "2", "s2"]  # s1 is older than the window of the staff survey
    assert known["in_period"].to_list() == [False, True, True]
    assert len(acme().responses) == 5
    assert acme("").period is None


def test_a_table_without_a_source_is_refused_with_the_section_to_add(acme: Callable[..., Study]) -> None:
    study = acme()
    assert not study.has("comments")
    with pytest.raises(StudyError, match=r'no `comments`; add a \[sources\.…\] section with table = "comments"'):
        _ = study.comments


@pytest.mark.parametrize("period", ["2026-Q3", "2026-Q2", None])
def test_events_computed_by_the_engine_are_those_selected_in_memory(
    acme: Callable[..., Study], period: str | None
) -> None:
    study = acme(period)
    by_engine = study.events.order_by("timestamp").to_pandas()
    in_memory = study.tables["events"]
    assert len(in_memory) == {"2026-Q3": 2, "2026-Q2": 1, None: 3}[period]
    pd.testing.assert_frame_equal(by_engine, in_memory, check_dtype=False)


def test_an_event_that_ends_after_the_period_has_no_end_yet(acme: Callable[..., Study]) -> None:
    assert acme("2026-Q3").tables["events"]["end_timestamp"].notna().to_list() == [True, False]


def test_a_log_was_watched_to_the_end_of_the_period_or_to_that_of_its_export(acme: Callable[..., Study]) -> None:
    # the last event happened at midnight of 1 October in Paris: two hours earlier in UTC
    ends = {period: acme(period).events_until for period in ("2026-Q2", "2026-Q3", "2026", None)}
    assert ends["2026-Q2"] == pd.Timestamp("2026-06-30T22:00", tz="UTC"), "the log goes on after the quarter"
    assert ends["2026-Q3"] == ends["2026"] == ends[None] == pd.Timestamp("2026-09-30T22:00", tz="UTC")
    assert acme("2026").known_until == pd.Timestamp("2026-12-31T23:00", tz="UTC")


def test_items_and_touchpoints_are_tables(acme: Callable[..., Study]) -> None:
    study = acme()
    item = study.items.iloc[0]
    assert (item["item"], item["role"], item["low"], item["high"], item["label"]) == (
        "recommend",
        "loyalty",
        0,
        10,
        "Recommend",
    )
    assert not item["reversed"]
    table = study.touchpoints[["touchpoint", "label", "owner", "stage"]].fillna("")
    assert table.to_numpy().tolist() == [
        ["app", "The app", "", "awareness"],
        ["shop", "Shop", "Ann, Bob", "purchase"],
    ]


def test_ratings_hold_the_answers_known_in_the_period(acme: Callable[..., Study]) -> None:
    assert acme("2026-Q3").ratings[["response_id", "score"]].to_numpy().tolist() == [["1", 9], ["2", 7], ["s2", 8]]


def _weighted(root: Path, weights: str) -> Study:
    folder = root / "data" / "raw" / "acme"
    mapped = STUDY.replace('wave = "wave"}', 'wave = "wave", plan = "plan"}')
    (folder / "study.toml").write_text(f"{mapped}\n{weights}", "utf-8")
    rows = [
        f"{number},2026-05-0{1 + number % 3},A,{9 if number < 4 else 3},{'basic' if number < 4 else 'plus'}"
        for number in range(5)
    ]
    (folder / "survey.csv").write_text("ID,day,wave,recommend,plan\n" + "\n".join(rows) + "\n", "utf-8")
    return cxlab.open_study("acme", period="2026-Q3", root=root)


def test_every_notebook_gets_the_same_weights_and_staff_none(root: Path) -> None:
    study = _weighted(root, "[weights.margins.plan]\nbasic = 0.5\nplus = 0.5\n")
    customers = study.responses[study.responses["perspective"] == "customer"]
    assert customers["weight"].tolist() == pytest.approx([0.625] * 4 + [2.5])
    assert study.responses.loc[study.responses["perspective"] == "staff", "weight"].isna().all()
    assert study.ratings["weight"].dropna().sum() == pytest.approx(5)


def test_a_survey_that_is_not_named_is_not_weighted(root: Path) -> None:
    study = _weighted(root, '[weights]\nsurveys = ["deep_dive"]\n[weights.margins.plan]\nbasic = 0.5\nplus = 0.5\n')
    assert "weight" not in study.responses or study.responses["weight"].isna().all()


def test_a_target_that_nobody_meets_is_refused_with_the_wave(root: Path) -> None:
    study = _weighted(root, "[weights.margins.plan]\nbasic = 0.5\nplus = 0.3\ngold = 0.2\n")
    with pytest.raises(StudyError) as refused:
        _ = study.responses
    assert "wave A" in str(refused.value)
    assert "gold" in str(refused.value)


def test_rows_that_arrived_after_a_report_are_counted(root: Path, acme: Callable[..., Study]) -> None:
    assert acme("2026-Q3").late_rows().empty
    earlier = acme("2026-Q2").rows_known()
    assert earlier["responses"] == {"end": "2026-06-30T22:00:00+00:00", "rows": 2}
    for folder, known in {
        "2026-Q2": earlier,
        "2026-Q4": {"responses": {"end": "2027-01-01T00:00:00Z", "rows": 0}},
    }.items():
        report = root / "reports" / "acme" / folder
        report.mkdir(parents=True)
        (report / "manifest.json").write_text(json.dumps({"rows_known": known}), "utf-8")
    survey = root / "data" / "raw" / "acme" / "survey.csv"
    survey.write_text(survey.read_text("utf-8") + "4,2026-06-01,A,8\n", "utf-8")
    late = acme("2026-Q3").late_rows()
    assert late.set_index("table")["rows"].to_dict() == {"responses": 1, "events": 0}
    assert set(late["since"]) == {"2026-Q2"}


def test_inside_a_run_root_and_exports_are_the_runs(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exports = tmp_path / "exports"
    exports.mkdir()
    for name, content in FILES.items():
        (exports / name).write_text(content.replace("3,2026-11-01,C,3\n", ""), "utf-8")
    stage = tmp_path / "stage"
    run = context.RunContext("acme", "2026-Q3", str(root), "01", str(stage), str(stage), raw_dir=str(exports))
    run.write(tmp_path / "context.json")
    monkeypatch.setenv(context.VARIABLE, str(tmp_path / "context.json"))
    study = cxlab.open_study("acme")
    assert (study.root, study.raw_dir) == (root, exports)
    assert len(study.responses) == 4
    products.save("importance", pd.DataFrame({"driver": ["app"]}))
    monkeypatch.delenv(context.VARIABLE)
    folder = root / "data" / "processed" / "acme" / "products" / "2026-Q3"
    folder.mkdir(parents=True)
    (stage / "products" / "importance.parquet").rename(folder / "importance.parquet")
    view = cxlab.open_study("acme", period="2026-Q3", root=root).products
    assert list(view) == ["importance"]
    assert "importance" in view
    assert "segments" not in view
    assert view["importance"]["driver"].to_list() == ["app"]
    with pytest.raises(StudyError, match="product `importence`"):
        _ = view["importence"]


def test_a_study_shows_its_tables_and_columns_and_escapes_what_it_shows(acme: Callable[..., Study]) -> None:
    study = acme("2026-Q3")
    assert repr(study).splitlines() == [
        "Acme <Ltd> (acme), 2026-Q3, 1 July to 30 September 2026",
        "  events: 2 rows, 1 in the period",
        "  responses: 3 rows, 2 in the period",
    ]
    page = study._repr_html_()
    assert "Acme &lt;Ltd&gt;" in page
    assert "submitted_at" in page


@pytest.mark.realdata
def test_the_airport_study_opens_for_a_year(sfo_raw: Path) -> None:
    root = Path(__file__).parents[1]
    study = cxlab.open_study("sfo", period="2017", root=root, raw_dir=sfo_raw)
    assert study.responses["wave"].nunique() == 8
    assert study.responses["in_period"].sum() == 2831
    assert study.ratings["wave"].max() == "2017"
