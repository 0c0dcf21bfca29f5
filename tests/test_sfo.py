"""The SFO study: nine yearly files that name, code and weight the same questions differently become one table.

The answer to hold it against was harmonised separately, by hand: 28,665 respondents of 2010 to 2018.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxlab.config import StudyConfig, load_config
from cxlab.report.runner import run_study

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data" / "survey"
RAW = DATA / "sfo_raw"
HARMONISED = DATA / "sfo_tracking_2010_2018.parquet"

RESPONDENTS = dict(zip(range(2010, 2019), (3234, 3872, 3521, 3535, 2818, 2958, 3087, 2831, 2809), strict=True))
FLIGHTS = dict(zip(range(2010, 2019), (0, 244, 186, 210, 153, 218, 225, 212, 205), strict=True))
NAMES = {"recommend": "nps"}  # ours: theirs, where they differ
FACTS = {
    "departure_band": "departure_band",
    "questionnaire_language": "language",
    "boarding_area": "boarding_area",
    "age": "age",
    "gender": "gender",
    "income": "income",
    "flights_12_months": "freq12m",
    "interview_day": "interview_day",
}

needs_data = pytest.mark.skipif(not HARMONISED.exists(), reason=f"the SFO files are not at {DATA}")


@pytest.fixture(scope="module")
def config() -> StudyConfig:
    return load_config(ROOT / "data" / "raw" / "sfo" / "study.toml")


@pytest.fixture(scope="module")
def read(config: StudyConfig):
    from cxlab.data.tables import ingest

    return ingest(ROOT, "sfo", config, raw_dir=RAW, use_cache=False)


@pytest.fixture(scope="module")
def responses(read) -> pd.DataFrame:
    return read.tables["responses"].set_index("response_id")


@pytest.fixture(scope="module")
def harmonised(responses: pd.DataFrame) -> pd.DataFrame:
    theirs = pd.read_parquet(HARMONISED)
    theirs.index = pd.Index(theirs["wave"].astype(str) + "-" + theirs["respnum"].astype(str))
    return theirs.loc[responses.index]


def test_only_the_airport_as_a_whole_and_the_recommendation_stand_above_the_touchpoints(config: StudyConfig) -> None:
    above = {name for name, item in config.items.items() if item.touchpoint is None and item.scale is not None}
    assert above == {"overall", "recommend"}


def test_every_touchpoint_is_rated_and_has_a_place_in_a_stage(config: StudyConfig) -> None:
    rated = {item.touchpoint for item in config.items.values()} - {None}
    staged = [touchpoint for stage in config.stages.values() for touchpoint in stage]
    assert rated == set(config.touchpoints) == set(staged)
    assert len(staged) == len(set(staged))


@pytest.mark.realdata
@needs_data
def test_the_files_are_read_without_an_error_and_every_row_is_accounted_for(read) -> None:
    assert [str(problem) for problem in read.problems if problem.severity == "error"] == []
    assert set(zip(read.rejects["table"], read.rejects["reason"], strict=True)) == {("comments", "no text")}
    tables = read.accounting.set_index("table")
    assert tables.loc["comments", ["rows", "kept", "rejected"]].tolist() == [2809, 354, len(read.rejects)]
    rows = tables.loc["responses"].set_index("file")["kept"]
    assert {int(Path(file).stem[-4:]): kept for file, kept in rows.items()} == RESPONDENTS


@pytest.mark.realdata
@needs_data
@pytest.mark.parametrize("wave", RESPONDENTS)
def test_every_answer_of_a_wave_is_the_one_harmonised_by_hand(
    wave: int, config: StudyConfig, responses: pd.DataFrame, harmonised: pd.DataFrame
) -> None:
    ours, theirs = responses[responses["wave"] == str(wave)], harmonised[harmonised["wave"] == wave]
    assert len(ours) == RESPONDENTS[wave]
    differing = []
    for item in config.items:
        answers = ours[item].map({"yes": 1.0, "no": 0.0}) if item == "problem" else ours[item]
        expected = theirs[NAMES.get(item, item)].astype("Float64").to_numpy(float, na_value=np.nan)
        if not np.array_equal(answers.to_numpy(float), expected, equal_nan=True):
            differing.append(item)
    assert differing == []


@pytest.mark.realdata
@needs_data
@pytest.mark.parametrize("fact", FACTS)
def test_facts_about_respondents_mean_the_same_in_every_wave(
    fact: str, responses: pd.DataFrame, harmonised: pd.DataFrame
) -> None:
    ours, theirs = responses[fact], harmonised[FACTS[fact]].astype("string")
    if fact == "interview_day":  # theirs keeps the code lists of 2010 and 2011; "other day" of 2012 is no day of May
        day_lists = harmonised["wave"].isin([2010, 2011])
        other_day = (harmonised["wave"] == 2012) & (theirs == "19")
        assert ours[other_day].isna().all()
        assert set(ours[harmonised["wave"] == 2010].astype(int)) == {7, *range(12, 22)}
        assert set(ours[harmonised["wave"] == 2011].astype(int)) == set(range(11, 25))
        first_monday = ours[(harmonised["wave"] == 2010) & (theirs == "3")]  # code 3 is Monday, 13 September
        assert set(first_monday) == {"13"}
        ours, theirs = ours[~day_lists & ~other_day], theirs[~day_lists & ~other_day]
    differs = ours.astype("string").fillna("none") != theirs.fillna("none")
    assert harmonised.loc[differs[differs].index].groupby("wave").size().to_dict() == {}


@pytest.mark.realdata
@needs_data
def test_a_purpose_coded_as_blank_is_no_purpose(responses: pd.DataFrame, harmonised: pd.DataFrame) -> None:
    # Until 2013 code 8 is "no other / next question (or blank)"; the harmonised file counts it among "other".
    differs = responses["trip_purpose"].astype("string").fillna("none") != harmonised["purpose"].fillna("none")
    assert responses.loc[differs, "trip_purpose"].isna().all()
    assert (harmonised.loc[differs, "purpose"] == "other").all()
    assert differs.groupby(harmonised["wave"]).sum().loc[[2010, 2011, 2012, 2013]].to_list() == [69, 52, 57, 72]
    assert differs.sum() == 250


@pytest.mark.realdata
@needs_data
def test_weights_are_those_of_the_files_and_missing_in_2011_and_2012(
    responses: pd.DataFrame, harmonised: pd.DataFrame
) -> None:
    np.testing.assert_array_equal(responses["weight"].to_numpy(float), harmonised["weight"].to_numpy(float))
    unweighted = responses.loc[responses["weight"].isna(), "wave"]
    assert set(unweighted) == {"2011", "2012"}


@pytest.mark.realdata
@needs_data
def test_flights_are_clusters_except_in_2010_where_nothing_names_them(responses: pd.DataFrame) -> None:
    flights = responses.groupby("wave")["cluster"].nunique().to_dict()
    without = responses["cluster"].isna().groupby(responses["wave"]).sum().to_dict()
    assert flights == {str(wave): n for wave, n in FLIGHTS.items()}
    assert {wave: n for wave, n in without.items() if n} == {"2010": 3234, "2014": 24, "2018": 12}


@pytest.mark.realdata
@needs_data
def test_a_wave_counts_from_the_end_of_its_year(responses: pd.DataFrame) -> None:
    after = pd.Timestamp("2018-01-01", tz="America/Los_Angeles")
    assert set(responses.loc[responses["counted_at"] < after, "wave"]) == {str(year) for year in range(2010, 2018)}
    assert (responses.loc[responses["wave"] == "2017", "counted_at"] == after - pd.Timedelta("1us")).all()


@pytest.mark.realdata
@needs_data
def test_the_recommendation_score_falls_from_39_84_to_30_98_unweighted(responses: pd.DataFrame) -> None:
    counts = {}
    for wave in ("2017", "2018"):
        ltr = responses.loc[responses["wave"] == wave, "recommend"].dropna()
        counts[wave] = (int((ltr >= 9).sum()), int((ltr <= 6).sum()), len(ltr))
    assert counts == {"2017": (1436, 342, 2746), "2018": (1268, 447, 2650)}
    scores = [100 * (promoters - detractors) / n for promoters, detractors, n in counts.values()]
    assert scores == pytest.approx([39.840, 30.981], abs=5e-4)
    assert responses["recommend"].notna().groupby(responses["wave"]).any().sum() == 2


@pytest.mark.realdata
@needs_data
def test_weights_take_two_fifths_of_the_fall_and_flights_push_it_past_one_in_twenty(responses: pd.DataFrame) -> None:
    from cxlab.survey import nps_change

    before, after = (responses[responses["wave"] == wave] for wave in ("2017", "2018"))
    weights = {"weights_before": before["weight"], "weights_after": after["weight"]}
    clusters = {"clusters_before": before["cluster"], "clusters_after": after["cluster"]}
    plain = nps_change(before["recommend"], after["recommend"])
    weighted = nps_change(before["recommend"], after["recommend"], **weights)
    clustered = nps_change(before["recommend"], after["recommend"], **weights, **clusters)
    # by hand: 30.981 − 39.840; 35.114 − 40.398 with √(1.446² + 1.578²); √(1.552² + 2.244²) with 211 and 217 clusters
    assert [plain.estimate, weighted.estimate, clustered.estimate] == pytest.approx([-8.859, -5.285, -5.285], abs=1e-3)
    assert [plain.std_error, weighted.std_error, clustered.std_error] == pytest.approx([1.965, 2.140, 2.729], abs=1e-3)
    assert weighted.p_value < 0.05 < clustered.p_value


@pytest.mark.realdata
@needs_data
def test_only_the_way_through_security_got_worse_once_flights_are_clusters(
    config: StudyConfig, responses: pd.DataFrame
) -> None:
    from cxlab.survey import compare

    ratings = [name for name, item in config.items.items() if item.scale == (1, 5)]
    two_waves = responses[responses["wave"].isin(["2017", "2018"])]
    surviving = {}
    for design, options in {
        "as they come": {},
        "weighted": {"weights_col": "weight"},
        "weighted, by flight": {"weights_col": "weight", "cluster_col": "cluster"},
    }.items():
        table = compare(two_waves, ratings, by="wave", **options)
        surviving[design] = table.loc[table["q_value"] < 0.05, "item"].to_list()
    assert len(ratings) == 26
    assert [len(items) for items in surviving.values()] == [7, 2, 1]
    assert surviving["weighted, by flight"] == ["ease_security"]


@pytest.mark.realdata
@needs_data
def test_the_code_for_blank_is_refused_by_name_when_it_is_not_declared(config: StudyConfig) -> None:
    from cxlab.data.tables import ingest

    source = config.sources["responses"]
    declared = {item: codes for item, codes in source.missing_by_item.items() if item != "recommend"}
    careless = source.model_copy(update={"missing_by_item": declared, "missing": ["Blank", "BLANK"]})
    config = config.model_copy(update={"sources": {"responses": careless}})
    read = ingest(ROOT, "sfo", config, raw_dir=RAW, use_cache=False)
    errors = [str(problem) for problem in read.problems if problem.severity == "error"]
    assert any("NETPRO" in error and "11" in error for error in errors)
    assert any("Q7ART" in error and "6" in error for error in errors)


# ------------------------------------------------------------------------------------------------------- the whole way


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The nine reports of tracking, made by the command line alone, beside a notebook that needs what the study does not have."""
    if not RAW.is_dir():
        pytest.skip(f"the SFO files are not at {RAW}")
    root = tmp_path_factory.mktemp("sfo")
    shutil.copytree(ROOT / "notebooks", root / "notebooks")
    (root / "data/raw/sfo").mkdir(parents=True)
    shutil.copy(ROOT / "data/raw/sfo/study.toml", root / "data/raw/sfo/study.toml")
    stranger = json.loads((ROOT / "notebooks/00_data_health.ipynb").read_text("utf-8"))
    stranger["metadata"]["cxlab"] = {"needs": ["events"]}
    (root / "notebooks/42_needs_events.ipynb").write_text(json.dumps(stranger), "utf-8")
    names = ("08_experience_tracking", "42_needs_events")
    command = [sys.executable, "-m", "cxlab", "run", "sfo", *names, "--since", "2010", "--raw", str(RAW)]
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.rstrip().endswith("reports/sfo/2018/index.html")
    return root


def _json(root: Path, period: int, name: str) -> Any:
    return json.loads((root / "reports/sfo" / str(period) / f"{name}.json").read_text("utf-8"))


@pytest.mark.realdata
def test_nine_reports_are_published_and_what_did_not_run_is_named(published: Path) -> None:
    assert sorted(path.parent.name for path in published.glob("reports/sfo/*/index.html")) == [
        str(y) for y in range(2010, 2019)
    ]
    states = {
        entry["name"]: (entry["status"], entry["reason"]) for entry in _json(published, 2018, "manifest")["notebooks"]
    }
    assert states["08_experience_tracking"] == ("ok", None)
    assert states["42_needs_events"] == ("skipped", "needs events: the study has no such source")
    assert "needs events" in (published / "reports/sfo/2018/index.html").read_text("utf-8")
    latest = json.loads((published / "reports/sfo/latest.json").read_text("utf-8"))
    assert latest["period"] == "2018"


@pytest.mark.realdata
def test_the_published_figures_are_those_worked_out_above(published: Path) -> None:
    found = {finding["name"]: finding for finding in _json(published, 2018, "findings")}
    nps = found["tracking_recommend"]
    assert nps["estimate"] == pytest.approx(35.114, abs=1e-3)
    assert nps["std_error"] == pytest.approx(2.244, abs=1e-3)
    assert nps["n"] == 2650
    changes = {entry["name"]: entry for entry in _json(published, 2018, "changes")}
    assert changes["tracking_recommend"]["difference"] == pytest.approx(-5.285, abs=1e-3)
    assert changes["tracking_recommend"]["p_value"] == pytest.approx(0.0527, abs=5e-4)  # normal: 5.285/2.729 = 1.936
    assert [name for name, entry in changes.items() if entry["reading"] == "worse"] == ["tracking_ease_security"]
    assert changes["tracking_recommend"]["tests"] == 27
    page = (published / "reports/sfo/2018/08_experience_tracking.html").read_text("utf-8")
    assert "No clear change in NPS: 35" in page


@pytest.mark.realdata
def test_each_report_says_what_changed_since_the_last_and_knows_nothing_later(published: Path) -> None:
    assert _json(published, 2010, "changes") == []
    for year in range(2011, 2019):
        assert _json(published, year, "manifest")["compared_with"]["period"] == str(year - 1)
        assert _json(published, year, "changes")
    assert _json(published, 2014, "manifest")["rows_known"]["responses"]["rows"] == sum(
        RESPONDENTS[y] for y in range(2010, 2015)
    )
    page = (published / "reports/sfo/2014/08_experience_tracking.html").read_text("utf-8")
    assert "2015" not in re.sub(r'src="data:[^"]*"|<pre.*?</pre>', "", page, flags=re.S)


@pytest.mark.realdata
def test_a_weighted_wave_is_not_tested_against_one_without_weights(published: Path) -> None:
    entries = _json(published, 2013, "changes")
    known = [entry for entry in entries if entry["reading"] not in ("new", "gone")]
    assert {entry["reading"] for entry in known} == {"not tested"}
    assert {entry["reason"] for entry in known} == {"the definition has changed"}
    page = (published / "reports/sfo/2013/08_experience_tracking.html").read_text("utf-8")
    assert "without weights, which" in page


@pytest.fixture(scope="module")
def everything(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of 2018 with all other notebooks beside those that are there already."""
    root = Path(shutil.copytree(published, tmp_path_factory.mktemp("sfo_all") / "project"))
    result = run_study("sfo", None, period="2018", root=root, raw_dir=RAW, jobs=2)
    assert result.exit_code == 0, result.message
    return root


@pytest.mark.realdata
def test_touchpoints_comments_and_drivers_run_and_the_rest_says_what_it_needs(everything: Path) -> None:
    states = {entry["name"][:2]: entry["status"] for entry in _json(everything, 2018, "manifest")["notebooks"]}
    assert {name for name, status in states.items() if status == "ok"} == {"00", "05", "06", "07", "08", "10"}
    reasons = {entry["name"][:2]: entry["reason"] for entry in _json(everything, 2018, "manifest")["notebooks"]}
    for name in ("01", "02", "03", "04", "09"):
        assert states[name] == "skipped"
        assert reasons[name].startswith("needs ")


@pytest.mark.realdata
def test_the_scorecard_has_the_weighted_shares_of_the_file(everything: Path) -> None:
    theirs = pd.read_parquet(HARMONISED)
    theirs = theirs[(theirs["wave"].astype(str) == "2018") & theirs["shops"].notna()]
    by_hand = 100 * float(np.average(theirs["shops"] >= 4, weights=theirs["weight"]))
    found = {finding["name"]: finding for finding in _json(everything, 2018, "findings")}
    assert found["touchpoint_shops"]["estimate"] == pytest.approx(by_hand, abs=1e-6)
    assert found["touchpoint_shops"]["n"] == len(theirs)


@pytest.mark.realdata
def test_the_drivers_of_the_airport_leave_out_what_few_have_used_and_add_up(everything: Path) -> None:
    drivers = [f for f in _json(everything, 2018, "findings") if f["name"].startswith("driver_")]
    assert sum(driver["estimate"] for driver in drivers) == pytest.approx(100)
    assert not [driver for driver in drivers if driver["target"] in ("parking", "parking_shuttle")]
    page = (everything / "reports/sfo/2018/07_loyalty_drivers.html").read_text("utf-8")
    assert "Too few have used" in page


@pytest.mark.realdata
def test_what_passengers_wrote_is_counted_once_and_small_themes_are_hidden(everything: Path) -> None:
    found = {finding["name"]: finding for finding in _json(everything, 2018, "findings")}
    # 354 passengers wrote: two in Spanish, two unsure, four ("WIFI") too short to tell the language
    assert found["negative_comments"]["n"] == 346
    quotes = pd.read_csv(everything / "reports/sfo/2018/tables/06_voice_of_customer_quotes.csv")
    assert (quotes["n"] >= 30).all()
