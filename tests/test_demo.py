"""The simulated company: the same bytes again, the shapes of real exports, and a planted truth that can be recovered."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxlab.config import StudyConfig, load_config
from cxlab.data.tables import Ingest, ingest
from cxlab.demo import LAST_PERIODS, TRUTH, events, expected, write_demo
from cxlab.demo.people import population
from cxlab.period import Period

WAVES = ("2025-Q4", "2026-Q1", "2026-Q2", "2026-Q3")
CHANGED = {"recommend": "worse", "satisfaction_first_bill": "worse", "effort": "better"}
ONLY_MIX = "satisfaction_price"  # business customers are asked more often in the last wave, and rate it lower
DIVES = ("2025-Q4", "2026-Q3")
DOCS = Path(__file__).resolve().parents[1] / "docs" / "simulated-company.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_demo(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def config(folder: Path) -> StudyConfig:
    return load_config(folder / "study.toml")


@pytest.fixture(scope="module")
def customers(folder: Path) -> pd.DataFrame:
    return pd.read_excel(folder / "customers.xlsx", engine="calamine").set_index("Customer ID")


@pytest.fixture(scope="module")
def invitations(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "invitations.csv", parse_dates=["invited_at"])


@pytest.fixture(scope="module")
def tracking(folder: Path, config: StudyConfig) -> pd.DataFrame:
    """The tracking answers by plain pandas: header rows and duplicates out, 99 and blanks missing."""
    waves = [pd.read_csv(folder / f"tracking_{wave}.csv", dtype=str) for wave in WAVES]
    rows = pd.concat([wave.rename(columns={"Q4_1": "Q4"}) for wave in waves])
    rows = rows[rows["Status"] == "0"].drop_duplicates("ResponseId")
    names = {item.column: name for name, item in config.items.items() if item.column in rows}
    answers = rows[list(names)].astype(float).rename(columns=names)
    answers = answers.where(answers != 99)
    return pd.concat([rows[["customer_id", "wave", "RecordedDate"]], answers], axis=1).reset_index(drop=True)


@pytest.fixture(scope="module")
def deep_dive(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "deep_dive_2026-Q3.csv", sep=";", decimal=",", encoding="cp1252", na_values=["99"])


@pytest.fixture(scope="module")
def truth() -> pd.DataFrame:
    return expected().set_index(["survey", "wave", "item"]).sort_index()


def _estimate(scores: pd.Series, metric: str) -> tuple[float, float]:
    """NPS, top-2 box in percent or mean of those who answered, and its standard error."""
    answered = scores.dropna()
    if metric == "nps":
        answered = 100.0 * (answered >= 9) - 100.0 * (answered <= 6)
    elif metric == "top_box":
        answered = 100.0 * (answered >= 4)
    return answered.mean(), answered.std() / len(answered) ** 0.5


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ------------------------------------------------------------------------------------------------------------ the files


def test_the_same_seed_gives_the_same_bytes_and_another_seed_gives_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _bytes(write_demo(tmp_path / "first", customers=600, random_state=1))
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)  # openpyxl stamps zip entries with the clock
    assert _bytes(write_demo(tmp_path / "second", customers=600, random_state=1)) == first
    other = _bytes(write_demo(tmp_path / "third", customers=600, random_state=2))
    assert {name for name in first if first[name] == other[name]} == {"study.toml", "decisions/actions.csv"}


def test_the_workbook_holds_no_clock(folder: Path) -> None:
    import zipfile

    with zipfile.ZipFile(folder / "customers.xlsx") as book:
        assert {entry.date_time for entry in book.infolist()} == {(2026, 10, 12, 6, 0, 0)}
        stamps = re.findall(rb"\d{4}-\d\d-\d\dT[\d:]+Z", book.read("docProps/core.xml"))
    assert stamps == [b"2026-10-12T06:00:00Z"] * 2


def test_writing_again_leaves_decisions_alone(tmp_path: Path) -> None:
    folder = write_demo(tmp_path, customers=600)
    (folder / "decisions" / "actions.csv").write_text("action,status\nmend the bill,open\n", "utf-8")
    write_demo(tmp_path, customers=600)
    assert (folder / "decisions" / "actions.csv").read_text("utf-8") == "action,status\nmend the bill,open\n"


def test_too_few_customers_are_refused_with_the_number(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`customers` must be at least 500, got 20"):
        write_demo(tmp_path, customers=20)
    assert not list(tmp_path.iterdir())


def test_the_smallest_company_still_has_every_file(tmp_path: Path) -> None:
    names = {path.name for path in write_demo(tmp_path, customers=500).iterdir()}
    waves = {f"tracking_{wave}.csv" for wave in WAVES} | {
        f"{kind}_{wave}.csv" for kind in ("deep_dive", "staff") for wave in DIVES
    }
    singles = {"study.toml", "customers.xlsx", "accounts.xlsx", "invitations.csv", "agents.csv", "events.parquet"}
    assert names == singles | {"event_survey.csv", "comments.csv", "invoices.csv", "decisions"} | waves


def test_the_study_is_valid_simulated_and_quarterly(config: StudyConfig) -> None:
    assert config.study.simulated
    assert config.run.every == "quarter"
    assert [str(Period.parse(LAST_PERIODS[0]).next())] == [LAST_PERIODS[1]]


def test_every_touchpoint_but_the_price_has_an_owner(config: StudyConfig) -> None:
    assert [name for name in config.touchpoints if config.owner_of(name) is None] == ["price"]
    assert [name for name in config.touchpoints if "," in (config.owner_of(name) or "")] == ["complaint"]
    rated = {item.touchpoint for item in config.items.values() if item.role == "satisfaction" and item.touchpoint}
    staged = [touchpoint for stage in config.stages.values() for touchpoint in stage]
    assert rated < set(config.touchpoints) == set(staged)
    assert len(staged) == len(set(staged)) == 15
    assert list(config.stages) == ["awareness", "purchase", "onboarding", "usage", "support", "renewal", "termination"]


def test_every_item_has_its_column_in_the_export_it_belongs_to(config: StudyConfig, folder: Path) -> None:
    tracked = set(pd.read_csv(folder / "tracking_2026-Q3.csv", nrows=0))
    dived = set(pd.read_csv(folder / "deep_dive_2026-Q3.csv", sep=";", encoding="cp1252", nrows=0))
    assert {item.column for item in config.items.values() if item.column} <= tracked | dived
    for source, columns in {"tracking": tracked, "deep_dive": dived}.items():
        assert set(config.sources[source].columns.values()) <= columns
    roles = pd.Series([item.role for item in config.items.values()]).value_counts().to_dict()
    assert roles == {
        "loyalty": 1, "satisfaction": 8, "effort": 4, "need": 8, "expectation": 6, "goal": 2, "problem": 2, "enjoyment": 2,
        "image": 5, "emotion": 4, "wallet_rank": 1, "attitude": 1,
    }  # fmt: skip


def test_the_crm_tells_neither_segment_nor_anything_after_the_export(customers: pd.DataFrame) -> None:
    crm = ["Account", "Contact name", "E-mail", "Plan", "Region", "Sales channel", "Start date", "End date"]
    assert list(customers) == crm
    assert len(customers) == 20_000
    assert customers.index.is_unique
    assert customers.index[16] == "C000017"
    assert (customers["Account"].notna() == (customers["Plan"] == "Business")).all()
    assert customers["End date"].max() <= pd.Timestamp("2026-10-12")
    assert (customers["End date"].dropna() > customers["Start date"][customers["End date"].notna()]).all()


def test_nobody_in_the_crm_can_be_taken_for_a_person(customers: pd.DataFrame) -> None:
    assert customers["Contact name"].str.fullmatch(r"Contact \d+").all()
    assert customers["E-mail"].str.fullmatch(r"customer\d+@example\.com").all()


@pytest.mark.parametrize("wave", WAVES)
def test_a_tracking_file_has_the_three_header_rows_and_the_planted_faults(folder: Path, wave: str) -> None:
    with (folder / f"tracking_{wave}.csv").open(encoding="utf-8", newline="") as file:
        names, questions, imports, *rows = csv.reader(file)
    assert all(cell.startswith('{"ImportId":"') for cell in imports)
    assert questions[names.index("Q1")].startswith("How likely are you to recommend")
    assert names[-1] == ("Q4_1" if wave == "2026-Q1" else "Q4")
    heads = [row for row in rows if row in (names, questions, imports)]
    assert len(heads) == (3 if wave == "2025-Q4" else 0)
    answers = pd.DataFrame([row for row in rows if row not in heads], columns=names)
    ids = answers["ResponseId"]
    assert (ids.duplicated().sum(), len(rows)) == (4, ids.nunique() + 4 + len(heads))
    single = answers[~ids.duplicated()]
    assert (single["customer_id"] == "").sum() == 2
    assert single["customer_id"].str.startswith("X").sum() == 4
    late = single["RecordedDate"] >= str(Period.parse(wave).after)
    assert 0.005 < late.mean() < 0.03
    assert 0.02 < (single["Finished"] == "0").mean() < 0.045
    assert 1_400 < len(single) < 2_200


def test_response_ids_are_unique_over_all_waves(tracking: pd.DataFrame, folder: Path) -> None:
    ids = pd.concat([pd.read_csv(folder / f"tracking_{wave}.csv", dtype=str)["ResponseId"] for wave in WAVES])
    assert ids[ids.str.startswith("R_")].nunique() == len(tracking)


def test_the_deep_dive_is_written_as_an_agency_on_windows_would(folder: Path, deep_dive: pd.DataFrame) -> None:
    data = (folder / "deep_dive_2026-Q3.csv").read_bytes()
    assert data.startswith(b"Interview;Kundennummer;Konto;Datum;L\xe4nge_min;Gebiet;Gewicht;W1;")
    with pytest.raises(UnicodeDecodeError):
        data.decode("utf-8")
    assert re.search(rb";\d\d\.\d\d\.2026;\d+,\d;S\xfcd;\d,\d{4};", data)
    assert deep_dive["Gewicht"].mean() == pytest.approx(1, abs=1e-3)
    assert 1_200 < len(deep_dive) < 1_900


# ------------------------------------------------------------------------------------------------------ who was asked


def test_nobody_is_invited_to_tracking_in_two_quarters_running_or_to_two_surveys_of_a_quarter(
    invitations: pd.DataFrame,
) -> None:
    planned = invitations[invitations["survey"] != "event"]
    assert not planned.duplicated(["customer_id", "wave"]).any()
    tracked = planned[planned["survey"] == "tracking"]
    quarter = tracked["wave"].map({wave: number for number, wave in enumerate(WAVES)})
    gaps = tracked.assign(quarter=quarter).sort_values("quarter").groupby("customer_id")["quarter"].diff().dropna()
    assert len(gaps) > 1_000
    assert gaps.min() == 2


def test_only_customers_of_two_months_or_more_are_invited(invitations: pd.DataFrame, customers: pd.DataFrame) -> None:
    people = invitations[invitations["survey"] != "event"].join(customers, on="customer_id")
    assert people["Start date"].notna().all()
    assert (people["invited_at"] - people["Start date"]).min() >= pd.Timedelta(days=60)
    first_day = people.groupby(["survey", "wave"])["invited_at"].transform("min").dt.normalize()
    assert not (people["End date"] <= first_day).any()
    assert (people["plan"] == people["Plan"]).all()
    assert (people["region"] == people["Region"]).all()


def test_all_who_answered_were_invited_before_but_for_the_forwarded_links(
    tracking: pd.DataFrame, invitations: pd.DataFrame
) -> None:
    asked = invitations[invitations["survey"] == "tracking"]
    both = tracking.merge(asked, on=["customer_id", "wave"], how="left")
    assert both["invited_at"].isna().sum() == len(WAVES) * (4 + 2)
    known = both.dropna(subset="invited_at")
    assert (pd.to_datetime(known["RecordedDate"]) >= known["invited_at"]).all()


def test_the_longer_a_customer_the_likelier_an_answer(
    tracking: pd.DataFrame, invitations: pd.DataFrame, customers: pd.DataFrame
) -> None:
    asked = invitations[invitations["survey"] == "tracking"].join(customers, on="customer_id")
    first_day = asked.groupby("wave")["invited_at"].transform("min").dt.normalize()
    band = np.digitize((first_day - asked["Start date"]).dt.days, [365, 3 * 365])
    answered = asked.merge(tracking, on=["customer_id", "wave"], how="left")["RecordedDate"].notna()
    rates = answered.groupby(band).agg(["mean", "size"])
    error = (rates["mean"] * (1 - rates["mean"]) / rates["size"]) ** 0.5
    assert (abs(rates["mean"] - np.array(TRUTH.response_rates)) < 3.3 * error).all()


# ------------------------------------------------------------------------------------------------- the planted truth


def test_the_expected_figures_say_what_was_planted_and_nothing_else_moves(truth: pd.DataFrame) -> None:
    by_wave = truth.loc["tracking", "population"].unstack("wave")
    change = by_wave["2026-Q3"] - by_wave["2026-Q2"]
    assert -10 < change["recommend"] < -7
    assert -15.5 < change["satisfaction_first_bill"] < -12.5
    assert 0.2 < change["effort"] < 0.3
    assert (
        change.drop(CHANGED).abs().max() < 0.35
    )  # the discontented leave sooner, so the rest grows a little more content
    earlier = by_wave[["2025-Q4", "2026-Q1", "2026-Q2"]]
    assert (earlier.max(axis=1) - earlier.min(axis=1)).max() < 1.6


def test_the_price_changes_only_by_who_is_asked(truth: pd.DataFrame) -> None:
    price = truth.loc["tracking"].xs(ONLY_MIX, level="item")
    assert abs(price.loc["2026-Q3", "population"] - price.loc["2026-Q2", "population"]) < 0.35
    assert price.loc["2026-Q3", "answering"] - price.loc["2026-Q2", "answering"] < -3


def test_expected_figures_agree_with_a_case_worked_by_hand() -> None:
    # Someone whose latent overall satisfaction centres at the cut between 3 and 4 is in the top box every other time;
    # a recommendation that centres far above the last cut is 10, far below the first 0.
    from cxlab.demo.surveys import expected_scores

    assert expected_scores("overall", np.array([-0.4]), 0.8)[1] == pytest.approx(50)
    assert expected_scores("recommend", np.array([9.0, -9.0]), 0.5)[1] == pytest.approx([100, -100])
    assert expected_scores("effort", np.array([9.0, -9.0]), 0.5)[1] == pytest.approx([7, 1])
    assert expected_scores("goal_help", np.array([0.0]), 1.0)[1] == pytest.approx(50)


@pytest.mark.parametrize("wave", WAVES)
def test_every_tracked_figure_lies_around_what_those_who_answer_truly_think(
    tracking: pd.DataFrame, truth: pd.DataFrame, wave: str
) -> None:
    here = tracking[tracking["wave"] == wave]
    figures = truth.loc["tracking", wave]
    assert len(figures) == 9
    for item, row in figures.iterrows():
        estimate, error = _estimate(here[item], row["metric"])
        assert abs(estimate - row["answering"]) < 3.5 * error, item


def test_the_planted_changes_are_found_and_no_other(tracking: pd.DataFrame, truth: pd.DataFrame) -> None:
    for item, row in truth.loc["tracking", "2026-Q3"].iterrows():
        before, error_before = _estimate(tracking.loc[tracking["wave"] == "2026-Q2", item], row["metric"])
        after, error_after = _estimate(tracking.loc[tracking["wave"] == "2026-Q3", item], row["metric"])
        error = np.hypot(error_before, error_after)
        planted = row["answering"] - truth.loc[("tracking", "2026-Q2", item), "answering"]
        assert abs(after - before - planted) < 3.3 * error, item
        reading = "better" if after - before > 2.4 * error else "worse" if before - after > 2.4 * error else None
        assert reading == (CHANGED | {ONLY_MIX: "worse"}).get(item), item


def test_the_change_is_large_enough_for_nine_in_ten_samples_to_show_it(
    tracking: pd.DataFrame, truth: pd.DataFrame
) -> None:
    # Of three true changes among nine tests the weakest meets the Benjamini-Hochberg level 3/9 of .05: 2.39 standard errors;
    # 1.28 more make the power 90%.
    for item in CHANGED:
        metric = truth.loc[("tracking", "2026-Q3", item), "metric"]
        errors = [_estimate(tracking.loc[tracking["wave"] == wave, item], metric)[1] for wave in WAVES[2:]]
        before, after = (truth.loc[("tracking", wave, item), "answering"] for wave in WAVES[2:])
        assert abs(after - before) > (2.39 + 1.28) * np.hypot(*errors), item


def test_weights_of_the_deep_dive_bring_the_answers_back_to_all_customers(
    deep_dive: pd.DataFrame, truth: pd.DataFrame, config: StudyConfig
) -> None:
    columns = {item: config.items[item].column for item in truth.loc["deep_dive", "2026-Q3"].index}
    columns |= {item: column for item, column in config.sources["deep_dive"].columns.items() if item in columns}
    for item, row in truth.loc["deep_dive", "2026-Q3"].iterrows():
        scores = deep_dive[columns[item]]
        if row["metric"] == "top_box":
            scores = 100.0 * (scores >= (1 if item.startswith(("goal", "problem")) else 4)).where(scores.notna())
        elif row["metric"] == "nps":
            scores = 100.0 * (scores >= 9) - 100.0 * (scores <= 6)
        weights = deep_dive["Gewicht"].where(scores.notna(), 0)
        mean = (weights * scores.fillna(0)).sum() / weights.sum()
        error = ((weights * (scores - mean).fillna(0)) ** 2).sum() ** 0.5 / weights.sum()
        assert abs(mean - row["population"]) < 3.5 * error, item


def test_weights_of_the_deep_dive_give_each_tenure_its_share_and_the_answers_alone_do_not(
    deep_dive: pd.DataFrame, customers: pd.DataFrame
) -> None:
    first_day = pd.Timestamp("2026-07-06")
    there = (customers["Start date"] <= first_day - pd.Timedelta(days=60)) & ~(customers["End date"] <= first_day)
    veteran = (first_day - customers["Start date"]).dt.days >= 3 * 365
    answering = veteran.reindex(deep_dive["Kundennummer"]).to_numpy()
    error = (answering.mean() * (1 - answering.mean()) / len(answering)) ** 0.5
    assert answering.mean() - veteran[there].mean() > 3 * error
    assert abs(np.average(answering, weights=deep_dive["Gewicht"]) - veteran[there].mean()) < 2 * error


def test_the_documentation_gives_the_expected_figures(truth: pd.DataFrame) -> None:
    shown = DOCS.read_text("utf-8")
    figures = (
        truth.loc["tracking"].reset_index().pivot(index="item", columns="wave", values=["population", "answering"])
    )
    for item, row in figures.iterrows():
        decimals = 2 if item == "effort" else 1
        cells = [f"{row[('population', wave)]:.{decimals}f}" for wave in WAVES]
        cells.append(f"{row[('answering', '2026-Q3')]:.{decimals}f}")
        assert f"| `{item}` | {' | '.join(cells)} |" in shown


# ------------------------------------------------------------------------------------------------ into canonical tables


@pytest.fixture(scope="module")
def read(folder: Path, config: StudyConfig) -> Ingest:
    return ingest(folder.parents[2], "demo", config, use_cache=False)


def test_the_exports_are_read_without_an_error_and_every_row_is_accounted_for(
    read: Ingest, tracking: pd.DataFrame, deep_dive: pd.DataFrame, invitations: pd.DataFrame
) -> None:
    assert [problem for problem in read.problems if problem.severity == "error"] == []
    accounting = read.accounting.set_index("file")
    assert (accounting["rows"] == accounting["kept"] + accounting["rejected"]).all()
    rejected = {f"tracking_{wave}.csv": 7 if wave == "2025-Q4" else 4 for wave in WAVES} | {"events.parquet": 25 + 15}
    assert accounting["rejected"][accounting["rejected"] > 0].to_dict() == rejected
    tables = read.tables
    sizes = {name: len(tables[name]) for name in ("customers", "invitations", "responses")}
    assert sizes["customers"] == 20_000
    assert sizes["invitations"] == len(invitations)
    dives = sum(accounting.loc[f"deep_dive_{wave}.csv", "kept"] for wave in DIVES)
    n_responses = len(tracking) + dives + accounting.loc["event_survey.csv", "kept"] + len(DIVES) * TRUTH.staff
    assert sizes["responses"] == n_responses
    assert accounting.loc["deep_dive_2026-Q3.csv", "kept"] == len(deep_dive)
    assert 900_000 < len(tables["events"]) < 1_100_000
    assert 7_000 < len(tables["comments"]) < 10_000


def test_direct_identifiers_do_not_enter_and_answers_arrive_as_they_were_given(
    read: Ingest, config: StudyConfig, tracking: pd.DataFrame, deep_dive: pd.DataFrame
) -> None:
    tables = read.tables
    assert {"customer_id", "account_id", "plan", "region", "start_date", "end_date"} <= set(tables["customers"])
    assert not {"E-mail", "Contact name"} & set(tables["customers"])
    assert not any("@" in str(value) for value in tables["customers"].head(100).to_numpy().ravel())
    responses = tables["responses"]
    for item in config.items:
        if item in tracking:
            here = responses[responses["survey"] == "tracking"]
            assert here.groupby("wave")[item].mean().to_numpy() == pytest.approx(
                tracking.groupby("wave")[item].mean().to_numpy()
            ), item
    dive = responses[(responses["survey"] == "deep_dive") & (responses["perspective"] == "customer")]
    dive = dive[dive["wave"] == "2026-Q3"]
    assert dive["weight"].to_numpy() == pytest.approx(deep_dive["Gewicht"].to_numpy())
    assert dive["need_price"].to_numpy() == pytest.approx(deep_dive["W1"].to_numpy())
    assert dive["satisfaction_help"].mean() == pytest.approx(deep_dive["Z5"].mean())
    assert set(dive["counted_at"].dt.tz_convert("Europe/Paris").dt.hour) == {0}


# ------------------------------------------------------------------------------------------------- journeys, voice, value


@pytest.fixture(scope="module")
def log(folder: Path) -> pd.DataFrame:
    table = pd.read_parquet(folder / "events.parquet").dropna(subset=["customer_id", "timestamp"]).drop_duplicates()
    return table.sort_values(["customer_id", "timestamp", "event_id"])


def test_the_log_is_shuffled_has_the_planted_faults_and_ends_before_the_export(folder: Path, log: pd.DataFrame) -> None:
    raw = pd.read_parquet(folder / "events.parquet")
    assert not raw["event_id"].is_monotonic_increasing
    assert raw["event_id"].duplicated().sum() == TRUTH.faults.events_twice
    assert raw["customer_id"].isna().sum() == pytest.approx(TRUTH.faults.events_without_customer, abs=1)
    assert log["timestamp"].between("2024-10-01", "2026-10-01").all()


def test_the_hand_off_from_shops_to_activation_is_broken_and_complaints_are_left_unanswered(log: pd.DataFrame) -> None:
    began = log[log["touchpoint"] == "onboarding"]
    days = began.groupby("channel")["value"].median()
    assert days["shop"] > 5 * days["web"]
    complained, resolved = (log.loc[log["touchpoint"] == name, "customer_id"] for name in ("complaint", "resolution"))
    share = complained.isin(resolved).mean()
    assert (
        TRUTH.resolved - 0.08 < share < TRUTH.resolved + 0.02
    )  # some leave, or the log ends, before they are answered


def test_segments_use_the_app_and_help_as_planted(log: pd.DataFrame) -> None:
    people = population(20_000, 2026).set_index("customer_id")["segment"]
    counts = pd.crosstab(log["customer_id"].map(people), log["touchpoint"])
    per_app = (counts["help"] / counts["app"]).sort_values()
    assert list(per_app.index[[0, -1]]) == ["independent", "cared_for"]


def test_what_is_written_carries_no_truth_and_one_theme_rises(folder: Path) -> None:
    comments = pd.read_csv(folder / "comments.csv")
    assert not {"theme", "feeling"} & set(comments)
    quarter = comments["submitted_at"].str[:7]
    rises = comments["text"].str.contains("eSIM").groupby(quarter >= "2026-07").mean()
    assert rises[True] > 5 * rises[False]
    assert comments["text"].str.contains("<script>").sum() == 1
    assert comments["text"].str.contains("@example.com").sum() > 50


def test_the_personal_contact_was_drawn_by_lot_and_the_newsletter_went_to_the_least_satisfied(folder: Path) -> None:
    units = pd.read_csv(folder / "decisions" / "action_units.csv")
    dive = pd.read_csv(folder / "deep_dive_2025-Q4.csv", sep=";", encoding="cp1252")
    before = dive.groupby("Konto")["L2"].mean()
    by_action = before.groupby(before.index.map(units.set_index("account_id")["action_id"]).fillna("none")).mean()
    assert by_action["A2"] < by_action["none"] - 0.8
    assert abs(by_action["A1"] - before.mean()) < 0.3


def test_event_surveys_ask_after_events_that_happened(folder: Path, log: pd.DataFrame) -> None:
    answers = pd.read_csv(folder / "event_survey.csv")
    about = answers.merge(log[["event_id", "customer_id", "touchpoint"]], on="event_id", suffixes=("", "_of_event"))
    assert len(about) >= len(answers) - 3
    assert (about["customer_id"] == about["customer_id_of_event"]).all()
    assert set(answers["touchpoint"]) == set(events.MEANS)
    shops = population(20_000, 2026).set_index("customer_id")["shop"]
    started = answers[answers["touchpoint"] == "onboarding"]
    by_shop = started.groupby(started["customer_id"].map(shops))["satisfaction"].mean()
    assert by_shop[True] < by_shop[False] - 0.4
