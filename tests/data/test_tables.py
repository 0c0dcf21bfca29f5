"""Canonical tables: every row is accounted for, ids survive, answers off their scale are refused by name."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from cxlab.config import StudyConfig, load_config
from cxlab.data import cache
from cxlab.data.tables import Ingest, ingest, ratings, select
from cxlab.period import Period
from cxlab.problems import StudyError

STUDY = """
[study]
name = "Acme"
timezone = "Europe/Paris"
"""
SURVEY = (
    STUDY
    + """
[sources.responses]
path = "survey*.csv"
survey = "tracking"
perspective = "customer"
wave = "2026-Q3"
period = "2026-Q3"
columns = {response_id = "ID"}
%s
[items.satisfied]
question = "How satisfied are you?"
role = "satisfaction"
scale = [1, 5]
"""
)
Read = Callable[..., Ingest]


def configured(root: Path, toml: str) -> StudyConfig:
    folder = root / "data" / "raw" / "acme"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.toml").write_text(toml, "utf-8")
    return load_config(folder / "study.toml")


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Ingest a study from its study.toml and its files (name → content), without a cache unless asked."""

    def read_study(toml: str, files: dict[str, str], **options: object) -> Ingest:
        config = configured(tmp_path, toml)
        for name, content in files.items():
            (tmp_path / "data" / "raw" / "acme" / name).write_text(content, "utf-8")
        return ingest(tmp_path, "acme", config, **{"use_cache": False, **options})  # type: ignore[arg-type]

    return read_study


def errors(read: Ingest) -> list[str]:
    return [str(problem) for problem in read.problems if problem.severity == "error"]


def warnings(read: Ingest) -> list[str]:
    return [str(problem) for problem in read.problems if problem.severity == "warning"]


def reasons(read: Ingest) -> list[tuple[int, str, str]]:
    return list(zip(read.rejects["line"], read.rejects["column"], read.rejects["reason"], strict=True))


# -------------------------------------------------------------------------------------------------- ids and accounting


def test_ids_that_look_like_numbers_or_like_nothing_stay_as_they_are(read: Read) -> None:
    found = read(SURVEY % "", {"survey.csv": "ID,satisfied\n007,5\nNA,4\n1e5,3\n7,1\n"})
    assert found.tables["responses"]["response_id"].to_list() == ["007", "NA", "1e5", "7"]
    assert errors(found) == []


def test_every_row_of_a_file_is_kept_or_rejected_and_the_counts_reconcile(read: Read) -> None:
    # five data rows: a good one, one without id, one with a cell too many, a repeated id, a repeated header
    found = read(SURVEY % "", {"survey.csv": "ID,satisfied\n1,5\n,4\n2,3,9\n1,2\nID,satisfied\n"})
    file = found.accounting.iloc[0]
    assert (file["rows"], file["kept"], file["rejected"]) == (5, 1, 4)
    assert {line for line, _, _ in reasons(found)} == {3, 4, 5, 6}
    assert (3, "response_id", "no response_id") in reasons(found)


def test_a_repeated_id_names_the_file_and_line_of_the_first(read: Read) -> None:
    found = read(SURVEY % "", {"survey_a.csv": "ID,satisfied\n1,5\n", "survey_b.csv": "ID,satisfied\n2,5\n1,4\n"})
    assert reasons(found) == [(3, "response_id", "duplicate response_id")]
    assert found.rejects["value"].to_list() == ["1, first in survey_a.csv line 2"]
    assert found.accounting.set_index("file")["rejected"].to_dict() == {"survey_a.csv": 0, "survey_b.csv": 1}
    assert "id_prefix" in warnings(found)[0]


def test_ids_that_start_again_in_every_wave_are_told_apart_by_a_prefix(read: Read) -> None:
    toml = SURVEY.replace('wave = "2026-Q3"', "") % (
        'id_prefix = "{wave}-"\n[sources.responses.files."survey_a.csv"]\nwave = "A"\n'
        '[sources.responses.files."survey_b.csv"]\nwave = "B"'
    )
    found = read(toml, {"survey_a.csv": "ID,satisfied\n1,5\n", "survey_b.csv": "ID,satisfied\n1,4\n"})
    assert found.tables["responses"][["response_id", "wave"]].to_numpy().tolist() == [["A-1", "A"], ["B-1", "B"]]
    assert found.rejects.empty


def test_rows_without_ids_take_their_line_where_the_study_says_so(read: Read) -> None:
    toml = SURVEY.replace('columns = {response_id = "ID"}', "id_from_row = true") % ""
    found = read(toml, {"survey.csv": "satisfied\n5\n4\n"})
    assert found.tables["responses"]["response_id"].to_list() == ["survey-2", "survey-3"]
    without = read(SURVEY.replace('columns = {response_id = "ID"}', "") % "", {"survey.csv": "satisfied\n5\n"})
    assert "`response_id` is needed" in errors(without)[0]
    assert "id_from_row = true" in errors(without)[0]


def test_a_mapped_column_that_is_absent_is_refused_with_the_likely_one(read: Read) -> None:
    found = read(SURVEY % "", {"survey.csv": "IDD,satisfied\n1,5\n"})
    assert "columns.response_id" in errors(found)[0]
    assert "did you mean `IDD`" in errors(found)[0]


def test_a_source_without_files_is_an_error_and_raises_where_nothing_else_can_be_read(read: Read) -> None:
    with pytest.raises(StudyError, match=r"no file matches `survey\*\.csv`"):
        read(SURVEY % "", {})
    toml = SURVEY % '[sources.customers]\npath = "customers.csv"'
    found = read(toml, {"survey.csv": "ID,satisfied\n1,5\n"})
    assert "[sources.customers] path" in errors(found)[0]
    assert len(found.tables["responses"]) == 1


# ------------------------------------------------------------------------------------------------------------- answers


def test_an_answer_off_the_scale_is_an_error_with_file_column_value_count_scale_and_way_out(read: Read) -> None:
    answers = "".join(f"{i},{answer}\n" for i, answer in enumerate([5, 4, 99, 99, 0]))
    found = read(SURVEY % "", {"survey.csv": "ID,satisfied\n" + answers})
    (message,) = errors(found)
    for part in ("survey.csv", "`satisfied`", "99 (2 rows)", "0 (1 row)", "scale 1 to 5", "missing = [99, 0]"):
        assert part in message
    assert found.tables["responses"]["satisfied"].count() == 2


def test_declared_missing_codes_are_compared_as_numbers_and_words_as_they_are_written(read: Read) -> None:
    found = read(
        SURVEY % 'missing = [0, 6, "Blank"]', {"survey.csv": "ID,satisfied\n1,5\n2,0.0\n3,6\n4,Blank\n5, 3 \n"}
    )
    assert errors(found) == []
    assert found.tables["responses"]["satisfied"].to_list()[0] == 5
    assert found.tables["responses"]["satisfied"].isna().to_list() == [False, True, True, True, False]
    near = read(SURVEY % 'missing = ["Blank"]', {"survey.csv": "ID,satisfied\n1,5\n2,BLANK\n"})
    assert "declared missing is `Blank`, which is written otherwise" in errors(near)[0]


def test_a_missing_code_that_lies_on_the_scale_is_told_with_the_answers_it_takes_away(read: Read) -> None:
    found = read(SURVEY % "missing = [5]", {"survey.csv": "ID,satisfied\n1,5\n2,5\n3,4\n"})
    assert "2 rows with 5 are taken as missing" in warnings(found)[0]
    said = read(SURVEY % "missing_by_item = {satisfied = [5]}", {"survey.csv": "ID,satisfied\n1,5\n2,4\n"})
    assert warnings(said) == []


def test_words_become_numbers_by_recode_and_a_decimal_comma_has_to_be_said(read: Read) -> None:
    recoded = read(
        SURVEY % 'recode = {satisfied = {"very" = 5, "1" = 2}}', {"survey.csv": "ID,satisfied\n1,very\n2,1.0\n"}
    )
    assert recoded.tables["responses"]["satisfied"].to_list() == [5.0, 2.0]
    comma = 'ID;satisfied\n1;"3,5"\n'
    assert 'decimal = ","' in errors(read(SURVEY % "", {"survey.csv": comma}))[0]
    assert read(SURVEY % 'decimal = ","', {"survey.csv": comma}).tables["responses"]["satisfied"].to_list() == [3.5]


def test_an_item_is_found_under_another_name_in_each_file_and_missing_where_a_file_lacks_it(read: Read) -> None:
    toml = SURVEY % '[sources.responses.files."survey_b.csv".columns]\nsatisfied = "Q7"'
    files = {"survey_a.csv": "ID,satisfied\n1,5\n", "survey_b.csv": "ID,Q7\n2,4\n", "survey_c.csv": "ID\n3\n"}
    found = read(toml, files)
    answers = found.tables["responses"].set_index("response_id")["satisfied"]
    assert answers.to_dict() == {"1": 5, "2": 4, "3": pytest.approx(float("nan"), nan_ok=True)}
    assert any("survey_c.csv" in str(p) and p.severity == "note" for p in found.problems)
    assert "item satisfied" in found.columns.set_index(["file", "column"]).loc[("survey_b.csv", "Q7"), "fate"]


def test_options_of_a_wave_apply_to_its_rows_only(read: Read) -> None:
    toml = SURVEY.replace('wave = "2026-Q3"\n', "").replace('"ID"}', '"ID", wave = "W"}') % (
        "[sources.responses.waves.old]\nmissing = [3]"
    )
    found = read(toml, {"survey.csv": "ID,W,satisfied\n1,old,3\n2,new,3\n3,old,4\n"})
    answers = found.tables["responses"].set_index("response_id")["satisfied"]
    assert errors(found) == []
    assert answers.isna().to_dict() == {"1": True, "2": False, "3": False}


def test_weights_above_zero_count_zero_is_none_and_a_negative_one_is_an_error(read: Read) -> None:
    toml = SURVEY.replace('"ID"}', '"ID", weight = "W"}') % ""
    found = read(toml, {"survey.csv": "ID,W,satisfied\n1,1.5,5\n2,0,4\n3,,4\n"})
    assert found.tables["responses"]["weight"].to_list() == pytest.approx(
        [1.5, float("nan"), float("nan")], nan_ok=True
    )
    assert "2 of 3 rows have no weight" in warnings(found)[0]
    negative = read(toml, {"survey.csv": "ID,W,satisfied\n1,-1,5\n2,1,5\n"})
    assert "negative" in errors(negative)[0]
    assert "line 2" in errors(negative)[0]


# ---------------------------------------------------------------------------------------------------------- long layout

LONG = SURVEY.replace('"ID"}', '"ID", submitted_at = "day"}') % 'layout = "long"'


def test_a_long_file_becomes_one_row_a_respondent_and_still_accounts_for_every_line(read: Read) -> None:
    # 2: first respondent; 3: another item; 4: answers the same item again; 5: second respondent; 6: no respondent
    rows = (
        "ID,day,item,score\n1,2026-07-01,satisfied,5\n1,2026-07-01,other,2\n1,2026-07-01,satisfied,3\n"
        "2,2026-07-02,satisfied,4\n,2026-07-02,satisfied,1\n"
    )
    found = read(LONG, {"survey.csv": rows})
    assert found.tables["responses"][["response_id", "satisfied"]].to_numpy().tolist() == [["1", 5.0], ["2", 4.0]]
    file = found.accounting.iloc[0]
    assert (file["rows"], file["kept"], file["rejected"]) == (5, 3, 2)
    assert {line for line, _, _ in reasons(found)} == {4, 6}


def test_every_line_of_a_rejected_respondent_is_rejected(read: Read) -> None:
    toml = LONG.replace('period = "2026-Q3"\n', "")
    found = read(toml, {"survey.csv": "ID,day,item,score\n1,2026-07-01,satisfied,5\n2,,satisfied,4\n2,,other,4\n"})
    file = found.accounting.iloc[0]
    assert (file["rows"], file["kept"], file["rejected"]) == (3, 1, 2)
    assert {line for line, _, _ in reasons(found)} == {3, 4}


# -------------------------------------------------------------------------------------------------- times and constants

EVENTS = STUDY + '[sources.events]\npath = "events.csv"\n%s'


def test_local_times_become_utc_and_a_date_is_local_midnight(read: Read) -> None:
    found = read(
        EVENTS % "", {"events.csv": "customer_id,timestamp,touchpoint\n1,2026-07-01,app\n1,2026-07-01T10:00:00Z,app\n"}
    )
    events = found.tables["events"]
    assert events["timestamp"].to_list() == [
        pd.Timestamp("2026-06-30 22:00", tz="UTC"),
        pd.Timestamp("2026-07-01 10:00", tz="UTC"),
    ]
    assert str(events["timestamp"].dtype) == "datetime64[us, UTC]"
    assert (events["counted_at"] == events["timestamp"]).all()


def test_a_date_that_may_be_march_or_april_is_never_guessed(read: Read) -> None:
    rows = {"events.csv": "customer_id,timestamp,touchpoint\n1,03/04/2026,app\n"}
    found = read(EVENTS % "", rows)
    assert "03/04/2026" in errors(found)[0]
    assert "date_formats" in errors(found)[0]
    assert found.accounting["rejected"].to_list() == [1]
    said = read(EVENTS % 'date_formats = ["%d/%m/%Y"]', rows)
    assert said.tables["events"]["timestamp"].iloc[0] == pd.Timestamp("2026-04-02 22:00", tz="UTC")


def test_a_few_unreadable_dates_reject_their_rows_with_a_warning(read: Read) -> None:
    rows = "".join(f"1,2026-07-0{day},app\n" for day in range(1, 6)) + "1,soon,app\n"
    found = read(EVENTS % "", {"events.csv": "customer_id,timestamp,touchpoint\n" + rows})
    assert errors(found) == []
    assert "line 7, `soon`" in warnings(found)[0]
    assert reasons(found) == [(7, "timestamp", "cannot be read")]


def test_an_unreadable_optional_value_is_emptied_and_told_and_its_row_stays(read: Read) -> None:
    toml = STUDY + '[sources.customers]\npath = "customers.csv"'
    found = read(toml, {"customers.csv": "customer_id,end_date\n1,2026-07-01\n2,2026-08-01\n3,2026-09-01\n4,later\n"})
    assert found.tables["customers"]["end_date"].isna().to_list() == [False, False, False, True]
    assert "1 values of `end_date` cannot be read" in warnings(found)[0]


def test_rows_with_neither_a_date_nor_a_period_are_an_error_with_their_count(read: Read) -> None:
    toml = SURVEY.replace('period = "2026-Q3"\n', "") % ""
    found = read(toml, {"survey.csv": "ID,satisfied\n1,5\n2,4\n"})
    assert "2 of 2 rows have neither a date (`submitted_at`) nor a period" in errors(found)[0]
    assert found.accounting["rejected"].to_list() == [2]


def test_a_row_with_only_a_period_counts_from_its_last_moment_in_the_studys_zone(read: Read) -> None:
    found = read(SURVEY % "", {"survey.csv": "ID,satisfied\n1,5\n"})
    assert found.tables["responses"]["counted_at"].iloc[0] == pd.Timestamp("2026-09-30 21:59:59.999999", tz="UTC")


def test_a_wave_that_nobody_says_is_the_period_of_every_run_or_the_files_name(read: Read) -> None:
    toml = (
        SURVEY.replace('wave = "2026-Q3"\nperiod = "2026-Q3"', "").replace('"ID"}', '"ID", submitted_at = "day"}') % ""
    )
    rows = {"survey_one.csv": "ID,day,satisfied\n1,2026-06-30,5\n2,2026-07-01,5\n"}
    named = read(toml, rows)
    assert set(named.tables["responses"]["wave"]) == {"survey_one"}
    dated = read(toml + '[run]\nevery = "quarter"', rows)
    assert dated.tables["responses"]["wave"].to_list() == ["2026-Q2", "2026-Q3"]
    assert any("wave: is not said; taken as 2026-Q2, 2026-Q3" in str(problem) for problem in dated.problems)


def test_a_perspective_that_is_none_is_refused_with_those_that_are(read: Read) -> None:
    toml = SURVEY.replace('perspective = "customer"\n', "").replace('"ID"}', '"ID", perspective = "who"}') % ""
    found = read(toml, {"survey.csv": "ID,who,satisfied\n1,client,5\n"})
    assert "got `client`" in errors(found)[0]
    assert "customer, staff" in errors(found)[0]


# ------------------------------------------------------------------------------------------------------ columns, privacy


def test_every_column_of_a_file_has_a_fate(read: Read) -> None:
    toml = (
        STUDY
        + '[sources.customers]\npath = "customers.csv"\ndrop = ["score"]\ncolumns = {customer_id = "no", plan = "tariff"}'
    )
    found = read(toml, {"customers.csv": "no,tariff,email,score,city\n1,plus,ann@example.com,3,Paris\n"})
    assert found.columns.set_index("column")["fate"].to_dict() == {
        "no": "kept as customer_id",
        "tariff": "kept as plan",
        "email": "dropped: direct identifier (email)",
        "score": "dropped: listed in drop",
        "city": "kept as city",
    }
    assert list(found.tables["customers"]) == ["customer_id", "plan", "city", "from_source", "counted_at"]


def test_a_column_to_drop_keep_or_mask_that_no_file_has_is_an_error(read: Read) -> None:
    toml = STUDY + '[sources.customers]\npath = "customers.csv"\ndrop = ["emial_adress"]'
    found = read(toml, {"customers.csv": "customer_id,email_adress_hash\n1,x\n"})
    assert "[sources.customers] drop: no file has a column `emial_adress`" in errors(found)[0]


def test_personal_data_in_comments_are_masked(read: Read) -> None:
    toml = STUDY + '[sources.comments]\npath = "comments.csv"\nperiod = "2026-Q3"\nid_from_row = true\nmask = ["reply"]'
    found = read(toml, {"comments.csv": "text,reply\nwrite to ann@example.com,I wrote to ann@example.com\n"})
    row = found.tables["comments"].iloc[0]
    assert "ann@example.com" not in row["text"]
    assert "ann@example.com" not in row["reply"]
    assert row["source"] == "comments"
    assert found.columns.set_index("column")["fate"].to_dict() == {
        "text": "kept as text, masked",
        "reply": "kept as reply, masked",
    }


def test_telephone_numbers_are_masked_as_the_studys_countries_write_them(read: Read) -> None:
    source = '[sources.comments]\npath = "comments.csv"\nperiod = "2026-Q3"\nid_from_row = true\n'
    files = {"comments.csv": "text\nmon numéro 0142685300 svp\n"}
    assert read(STUDY + source, files).tables["comments"]["text"].to_list() == ["mon numéro 0142685300 svp"]
    french = STUDY.replace("[study]\n", '[study]\nregions = ["FR"]\n')
    assert french != STUDY
    assert read(french + source, files).tables["comments"]["text"].to_list() == ["mon numéro [PHONE] svp"]


COMMENTS = '[sources.comments]\npath = "comments.csv"\nperiod = "2026-Q3"\nid_from_row = true\n'


def test_what_was_masked_is_counted_by_source_and_kind_and_the_counts_survive_the_cache(read: Read) -> None:
    files = {
        "comments.csv": "text\nann@example.com and bob@example.com\n[EMAIL] was masked before\nmail ann@example.com\nfine\n"
    }
    for found in (read(STUDY + COMMENTS, files), read(STUDY + COMMENTS, files)):
        masked = found.masked.set_index("kind")
        assert masked.loc["EMAIL", ["source", "file", "column"]].to_list() == ["comments", "comments.csv", "text"]
        assert masked.loc["EMAIL", ["n", "texts", "of"]].to_list() == [3, 2, 4]
        assert masked.loc["PHONE", ["n", "texts", "of"]].to_list() == [0, 0, 4]
        assert "example" not in found.masked.to_csv()


def test_names_of_customers_and_staff_are_masked_in_comments_and_written_nowhere(read: Read, tmp_path: Path) -> None:
    toml = (
        STUDY + COMMENTS + '[sources.customers]\npath = "customers.csv"\n'
        '[sources.agents]\npath = "agents.csv"\ncolumns = {agent_id = "Agent"}\n'
    )
    files = {
        "comments.csv": "text\nthen Zebrowska called Quillfeather back\nWill you call?\n",
        "customers.csv": "customer_id,Full name\n1,Ola Zebrowska\n2,Will Wong\n",
        "agents.csv": "Agent,team\nTom Quillfeather,North\nMia Abelove,South\n",
    }
    found = read(toml, files)
    assert found.tables["comments"]["text"].to_list() == ["then [NAME] called [NAME] back", "Will you call?"]
    assert found.masked.set_index("kind").loc["NAME", ["n", "texts", "of"]].to_list() == [2, 1, 2]
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and "raw" not in path.parts)
    assert b"Zebrowska" not in kept


def test_a_word_that_comments_use_as_a_word_is_no_name_because_a_customer_bears_it(read: Read) -> None:
    toml = STUDY + COMMENTS + '[sources.customers]\npath = "customers.csv"\n'
    texts = [f"the wombat was late on day {day}" for day in range(5)]
    texts += ["flew Wombat class with Zebrowska", "a Wombat named Wombat"]
    files = {
        "comments.csv": "\n".join(["text", *texts]),
        "customers.csv": "customer_id,Full name\n1,Wombat Zebrowska\n2,Ola Nowak\n",
    }
    found = read(toml, files).tables["comments"]["text"].to_list()
    assert found[:5] == texts[:5]
    assert found[5:] == ["flew Wombat class with [NAME]", "a Wombat named [NAME]"]


def test_a_forgotten_customer_is_rejected_without_repeating_the_id_and_so_are_the_comments(
    read: Read, tmp_path: Path
) -> None:
    from cxlab.data.forgetting import forget

    toml = SURVEY.replace('"ID"}', '"ID", customer_id = "customer"}') % (
        '[sources.comments]\npath = "comments.csv"\nperiod = "2026-Q3"\nid_from_row = true'
    )
    files = {
        "survey.csv": "ID,customer,satisfied\n1,C77,5\n2,C78,4\n",
        "comments.csv": "response_id,text\n1,slow\n2,fast\n",
    }
    read(toml, files)
    forget(tmp_path, "acme", "C77")
    found = read(toml, files)
    assert found.tables["responses"]["customer_id"].to_list() == ["C78"]
    assert found.tables["comments"]["text"].to_list() == ["fast"]
    assert set(found.rejects["reason"]) == {"forgotten on request"}
    assert "C77" not in found.rejects.to_csv()
    assert found.accounting.set_index("table")["rejected"].to_dict() == {"responses": 1, "comments": 1}


# ------------------------------------------------------------------------------------------------------------- selection


@pytest.fixture
def customers() -> pd.DataFrame:
    moments = ["2026-05-01", "2026-08-01", "2026-10-01", None]
    ends = ["2026-07-15", "2026-11-01", None, None]
    return pd.DataFrame(
        {
            "customer_id": ["old", "new", "later", "undated"],
            "wave": ["A", "B", "C", "A"],
            "end_date": pd.to_datetime(ends, utc=True).astype("datetime64[us, UTC]"),
            "counted_at": pd.to_datetime(moments, utc=True).astype("datetime64[us, UTC]"),
        }
    )


def test_what_comes_after_the_end_of_the_period_is_not_known(customers: pd.DataFrame) -> None:
    known = select(customers, "customers", Period.parse("2026-Q3"))
    assert known["customer_id"].to_list() == ["old", "new", "undated"]
    assert known["in_period"].to_list() == [False, True, True]
    assert known["end_date"].notna().to_list() == [True, False, False]  # 1 November has not come


def test_the_end_of_a_period_belongs_to_the_next(customers: pd.DataFrame) -> None:
    rows = customers.assign(counted_at=pd.Timestamp("2026-10-01", tz="UTC"))
    assert select(rows, "customers", Period.parse("2026-Q3")).empty
    assert select(rows, "customers", Period.parse("2026-Q4"))["in_period"].all()


def test_a_window_keeps_the_period_or_the_latest_wave_alone(customers: pd.DataFrame) -> None:
    period = Period.parse("2026-Q3")
    assert select(customers, "customers", period, "period")["customer_id"].to_list() == ["new", "undated"]
    assert select(customers, "customers", period, "latest_wave")["customer_id"].to_list() == ["new"]
    assert len(select(customers, "customers", None, "to_date")) == 4
    with pytest.raises(ValueError, match="did you mean `to_date`"):
        select(customers, "customers", period, "todate")


# --------------------------------------------------------------------------------------------------------------- ratings


def test_ratings_have_one_row_an_answer_and_take_the_touchpoint_of_the_item_then_of_the_response(read: Read) -> None:
    toml = SURVEY.replace('"ID"}', '"ID", touchpoint = "where", event_id = "event"}') % "" + (
        '[touchpoints.app]\nchannel = "digital"\n[touchpoints.shop]\n[items.app_good]\nquestion = "App?"\n'
        'role = "satisfaction"\nscale = [1, 5]\ntouchpoint = "app"\n[sources.events]\npath = "events.csv"\n'
    )
    survey = "ID,where,event,satisfied,app_good\n1,shop,e1,5,\n2,,e2,4,2\n3,,,3,\n"
    events = (
        "event_id,customer_id,timestamp,touchpoint,channel,team\n"
        "e1,c,2026-07-01,desk,branch,North\ne2,c,2026-07-02,call,phone,South\n"
    )
    found = read(toml, {"survey.csv": survey, "events.csv": events})
    long = ratings(found.tables, StudyConfig.model_validate(tomllib.loads(toml)))
    columns = ["response_id", "item", "score", "touchpoint", "channel", "team"]
    rows = long[columns].astype(object).fillna("").to_numpy().tolist()
    assert rows == [
        ["1", "satisfied", 5.0, "shop", "branch", "North"],
        ["2", "satisfied", 4.0, "call", "phone", "South"],
        ["3", "satisfied", 3.0, "", "", ""],
        ["2", "app_good", 2.0, "app", "phone", "South"],
    ]


# ----------------------------------------------------------------------------------------------------------------- cache


def test_a_cached_study_is_the_same_study_and_changes_with_its_files(read: Read, tmp_path: Path) -> None:
    files = {"survey.csv": "ID,satisfied\n007,5\n8,\n"}
    first = read(SURVEY % "", files, use_cache=True)
    again = read(SURVEY % "", files, use_cache=True)
    assert again.folder == first.folder
    pd.testing.assert_frame_equal(first.tables["responses"], again.tables["responses"])
    pd.testing.assert_frame_equal(first.accounting, again.accounting)
    pd.testing.assert_frame_equal(first.rejects, again.rejects)
    pd.testing.assert_frame_equal(first.columns, again.columns)
    assert first.problems == again.problems
    changed = read(SURVEY % "", {"survey.csv": "ID,satisfied\n007,4\n"}, use_cache=True)
    assert changed.tables["responses"]["satisfied"].to_list() == [4.0]
    assert changed.folder != first.folder


def test_only_the_newest_versions_are_kept_and_a_study_with_errors_is_not_cached(read: Read, tmp_path: Path) -> None:
    for answer in range(1, 6):
        read(SURVEY % "", {"survey.csv": f"ID,satisfied\n1,{answer}\n"}, use_cache=True)
    stored = tmp_path / "data" / "processed" / "acme" / "tables"
    versions = {path.name for path in stored.iterdir() if path.is_dir()}
    assert len(versions) == cache.KEPT
    read(SURVEY % "", {"survey.csv": "ID,satisfied\n1,9\n"}, use_cache=True)
    assert {path.name for path in stored.iterdir() if path.is_dir()} == versions


def test_forgetting_a_customer_makes_the_cached_tables_stale(read: Read, tmp_path: Path) -> None:
    toml = SURVEY.replace('"ID"}', '"ID", customer_id = "customer"}') % ""
    files = {"survey.csv": "ID,customer,satisfied\n1,C1,5\n2,C2,4\n"}
    assert len(read(toml, files, use_cache=True).tables["responses"]) == 2
    from cxlab.data.forgetting import forget

    forget(tmp_path, "acme", "C1")
    assert read(toml, files, use_cache=True).tables["responses"]["customer_id"].to_list() == ["C2"]


def test_exports_may_lie_elsewhere_while_study_toml_stays(read: Read, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "survey.csv").write_text("ID,satisfied\n1,5\n", "utf-8")
    found = read(SURVEY % "", {}, raw_dir=elsewhere)
    assert list(found.inputs) == ["study.toml", "survey.csv"]
    assert len(found.tables["responses"]) == 1
    assert json.dumps(found.inputs)


def test_amounts_with_thousands_are_read_only_with_a_decimal_mark_that_is_said(read: Read) -> None:
    toml = STUDY + '[sources.transactions]\npath = "invoices.csv"\n%s'
    rows = {"invoices.csv": 'timestamp;amount\n2026-07-01;"1.234,50"\n2026-07-02;"12,5"\n2026-07-03;99\n'}
    said = read(toml % 'decimal = ","', rows)
    assert said.tables["transactions"]["amount"].to_list() == [1234.5, 12.5, 99.0]
    unsaid = read(toml % "", rows)
    assert "`amount` cannot be read" in errors(unsaid)[0]
    assert unsaid.tables["transactions"]["amount"].to_list() == [99.0]


def test_a_pattern_for_single_files_that_matches_none_is_an_error(read: Read) -> None:
    toml = SURVEY % '[sources.responses.files."survye_a.csv"]\nwave = "A"'
    found = read(toml, {"survey_a.csv": "ID,satisfied\n1,5\n"})
    assert "did you mean `survey_a.csv`" in errors(found)[0]
