"""Exports of other tools are event logs without a mapping, where their names leave no doubt, and what was taken is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from cxlab.config import load_config
from cxlab.data.aliases import event_aliases
from cxlab.data.quality import check
from cxlab.data.tables import Ingest, ingest
from cxlab.draft import draft_study

STUDY = '[study]\nname = "Acme"\n[sources.events]\npath = "log.csv"\n'
DAY = "2026-07-01T10:00:00"
LATER = "2026-07-01T12:00:00"
Read = Callable[..., Ingest]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Ingest one log: its header, its rows, and what study.toml says of it."""

    def ingested(header: str, *rows: str, toml: str = "", study: str = STUDY) -> Ingest:
        folder = tmp_path / "data" / "raw" / "acme"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "study.toml").write_text(study + toml, "utf-8")
        (folder / "log.csv").write_text("\n".join([header, *rows]) + "\n", "utf-8")
        return ingest(tmp_path, "acme", load_config(folder / "study.toml"), use_cache=False)

    return ingested


def told(found: Ingest, severity: str = "note") -> list[str]:
    return [str(problem) for problem in found.problems if problem.severity == severity]


def fates(found: Ingest) -> dict[str, str]:
    return dict(zip(found.columns["column"], found.columns["fate"], strict=True))


@pytest.mark.parametrize(
    "header",
    [
        "case:concept:name,concept:name,time:timestamp,org:resource",  # PM4Py
        "case_id,activity,timestamp,resource_id",  # bupaR
        "_CASE_KEY,ACTIVITY_EN,EVENTTIME,Resource",  # Celonis
        "Case ID,Activity,Complete Timestamp,Resource",  # Disco
        "user_id,event,timestamp,resource",  # retentioneering
        "Visitor ID,Event Name,Date Time,Resource",  # Adobe
        "user_pseudo_id,event_name,event_timestamp,resource",  # Google
        "caseid,step,occurred_at,AgentId",
        "CASE_KEY,Touchpoint,DATETIME,agent_id",
        "CustomerID,activity,Timestamp,resource",
    ],
)
def test_the_columns_of_other_tools_are_read_without_a_mapping_and_told(read: Read, header: str) -> None:
    found = read(header, f"007,order,{DAY},R1")
    assert told(found, "error") == []
    (row,) = found.tables["events"].to_dict("records")
    assert (row["customer_id"], row["touchpoint"], row["agent_id"]) == ("007", "order", "R1")
    assert row["timestamp"] == pd.Timestamp(f"{DAY}Z")
    (note,) = [note for note in told(found) if "is read as" in note]
    foreign = [name for name in header.split(",") if name not in ("timestamp", "agent_id")]
    assert all(f"`{name}` is read as" in note for name in foreign)
    assert "`timestamp`" not in note
    assert all(fate.startswith("kept as ") for fate in fates(found).values())


def test_a_start_and_a_completion_are_the_two_ends_of_a_step(read: Read) -> None:
    found = read("Case ID,Activity,Start Timestamp,Complete Timestamp", f"1,order,{DAY},{LATER}")
    (row,) = found.tables["events"].to_dict("records")
    assert (row["timestamp"], row["end_timestamp"]) == (pd.Timestamp(f"{DAY}Z"), pd.Timestamp(f"{LATER}Z"))
    alone = read("Case ID,Activity,start_timestamp", f"1,order,{DAY}")
    assert alone.tables["events"]["timestamp"].to_list() == [pd.Timestamp(f"{DAY}Z")]


def test_a_canonical_name_wins_over_an_alias(read: Read) -> None:
    header = "case_id,customer_id,touchpoint,activity,timestamp,start_timestamp"
    found = read(header, f"order 1,C1,shop,click,{DAY},{LATER}")
    (row,) = found.tables["events"].to_dict("records")
    assert (row["customer_id"], row["touchpoint"]) == ("C1", "shop")
    assert row["timestamp"] == pd.Timestamp(f"{DAY}Z")
    assert fates(found)["case_id"] == "dropped: not mapped"
    assert not [note for note in told(found) if "is read as" in note]


def test_a_mapping_wins_over_an_alias_and_over_what_its_column_is_called(read: Read) -> None:
    toml = 'columns = {customer_id = "account", touchpoint = "user_id"}'
    found = read("case_id,account,user_id,timestamp", f"1,C1,shop,{DAY}", toml=toml)
    (row,) = found.tables["events"].to_dict("records")
    assert (row["customer_id"], row["touchpoint"]) == ("C1", "shop")
    assert fates(found)["case_id"] == "dropped: not mapped"


def test_a_touchpoint_that_study_toml_gives_all_rows_wins_over_an_alias(read: Read) -> None:
    found = read("user_id,event,timestamp", f"1,click,{DAY}", toml='touchpoint = "app"')
    assert found.tables["events"]["touchpoint"].to_list() == ["app"]
    assert fates(found)["event"] == "dropped: not mapped"


def test_a_column_that_is_kept_or_dropped_by_name_is_no_alias(read: Read) -> None:
    found = read("user_id,event,timestamp,resource,org:resource", f"1,click,{DAY},R1,R2", toml='keep = ["resource"]')
    (row,) = found.tables["events"].to_dict("records")
    assert (row["resource"], row["agent_id"]) == ("R1", "R2")
    dropped = read("user_id,case_id,event,timestamp", f"1,2,click,{DAY}", toml='drop = ["case_id"]')
    assert dropped.tables["events"]["customer_id"].to_list() == ["1"]


def test_two_aliases_of_a_needed_column_are_refused_with_both_and_the_way_out(read: Read) -> None:
    found = read("user_id,case_id,event,datetime,EVENTTIME", f"1,2,click,{DAY},{LATER}")
    errors = told(found, "error")
    assert len(errors) == 2
    assert "`user_id` and `case_id` could both be customer_id" in errors[0]
    assert 'say which: columns.customer_id = "user_id" or "case_id"' in errors[0]
    assert "`datetime` and `EVENTTIME` could both be timestamp" in errors[1]
    assert found.accounting[["kept", "rejected"]].to_numpy().tolist() == [[0, 1]]
    said = read("user_id,case_id,event,datetime", f"1,2,click,{DAY}", toml='columns = {customer_id = "case_id"}')
    assert said.tables["events"]["customer_id"].to_list() == ["2"]


def test_two_aliases_of_a_column_that_is_not_needed_are_told_and_neither_is_read(read: Read) -> None:
    found = read("user_id,event,timestamp,resource,org:resource", f"1,click,{DAY},R1,R2")
    assert told(found, "error") == []
    assert "agent_id" not in found.tables["events"]
    assert "`resource` and `org:resource` could both be agent_id; neither is read" in told(found, "warning")[0]


def test_a_column_that_names_persons_is_no_customer_id(read: Read) -> None:
    rows = [f"ann{i}@mail.example,click,{DAY}" for i in range(5)]
    found = read("user_id,event,timestamp", *rows)
    assert "holds what names a person (email) and is dropped" in told(found, "warning")[0]
    assert any("`customer_id` is needed" in error for error in told(found, "error"))


def test_only_events_have_aliases(read: Read) -> None:
    survey = (
        '[study]\nname = "Acme"\n[sources.responses]\npath = "log.csv"\nsurvey = "tracking"\nperspective = "customer"\n'
        'wave = "1"\nperiod = "2026-Q3"\nid_from_row = true\n'
        '[items.q]\nquestion = "Q?"\nrole = "loyalty"\nscale = [0, 10]\n'
    )
    found = read("user_id,q", "1,5", "2,6", study=survey)
    assert "customer_id" not in found.tables["responses"]


def test_rows_that_only_start_a_step_are_counted_in_a_warning(read: Read) -> None:
    rows = [f"1,call,{DAY},start", f"1,call,{LATER},Complete", f"2,call,{DAY},suspend"]
    found = read("case_id,activity,timestamp,lifecycle_id", *rows)
    assert len(found.tables["events"]) == 3
    assert (
        "do not complete a step (1 start, 1 suspend); each counts as an event of its own" in told(found, "warning")[0]
    )
    complete = read("case_id,activity,timestamp,lifecycle_id", rows[1])
    assert told(complete, "warning") == []


def test_names_that_may_mean_something_else_are_no_aliases() -> None:
    assert event_aliases(["id", "date", "type", "name", "status", "time", "customer", "case_type"]) == {}


def test_init_drafts_the_log_of_another_tool_as_events(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_text(f"_CASE_KEY,ACTIVITY_EN,EVENTTIME\n1,order,{DAY}\n2,pay,{DAY}\n", "utf-8")
    toml = draft_study(tmp_path, "acme", [path])
    columns = {"customer_id": "_CASE_KEY", "timestamp": "EVENTTIME", "touchpoint": "ACTIVITY_EN"}
    assert load_config(toml).sources["events"].columns == columns
    path.rename(toml.parent / path.name)
    assert [str(problem) for problem in check(tmp_path, "acme") if problem.severity == "error"] == []
