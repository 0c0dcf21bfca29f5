"""XES logs: one row an event, starts joined with their completion, nothing dropped silently, the same log written and read."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxlab.config import Source, load_config
from cxlab.data.quality import check
from cxlab.data.sources import RawTable, parse_times, read_file
from cxlab.data.tables import Ingest, ingest
from cxlab.data.xes import write_xes
from cxlab.draft import draft_study
from cxlab.problems import StudyError

LOGS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "journeys"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<log xes.version="1.0" xmlns="http://www.xes-standard.org/">'


def event(name: str | None = "pay", at: str | None = "2026-07-01T10:00:00Z", more: str = "", **about: str) -> str:
    """One event; `about` are text attributes, `__` in a key stands for the colon."""
    own = f'<string key="concept:name" value="{name}"/>' if name is not None else ""
    own += f'<date key="time:timestamp" value="{at}"/>' if at is not None else ""
    own += "".join(f'<string key="{key.replace("__", ":")}" value="{value}"/>' for key, value in about.items())
    return f"<event>{own}{more}</event>"


def trace(*events: str, name: str | None = "C1", more: str = "") -> str:
    own = f'<string key="concept:name" value="{name}"/>' if name is not None else ""
    return f"<trace>{own}{more}{''.join(events)}</trace>"


def read(tmp_path: Path, *parts: str, **source: Any) -> RawTable:
    """A log of these parts, read through the public reader."""
    path = tmp_path / "log.xes"
    path.write_text(f"{HEAD}{''.join(parts)}</log>", "utf-8")
    return read_file(path, Source(path=path.name, **source), shown=path.name)


def cells(table: RawTable, column: str) -> list[str | None]:
    return table.rows[column].tolist()


def notes(table: RawTable) -> list[str]:
    return [str(note) for note in table.notes]


def refusal(path: Path, **source: Any) -> str:
    with pytest.raises(StudyError) as refused:
        read_file(path, Source(path=path.name, **source), shown=path.name)
    assert len(refused.value.problems) == 1
    return str(refused.value)


# --------------------------------------------------------------------------------------------------------------- events


def test_every_event_is_a_row_with_its_trace_its_name_its_time_and_its_number(tmp_path: Path) -> None:
    table = read(
        tmp_path,
        trace(event("order", org__resource="Ann"), event("pay", "2026-07-02T10:00:00.123456+02:00"), name="C1"),
        trace(event("order", cost="5"), name="NA", more='<int key="age" value="30"/>'),
    )
    assert table.rows.index.to_list() == [1, 2, 3]
    assert cells(table, "customer_id") == ["C1", "C1", "NA"]
    assert cells(table, "touchpoint") == ["order", "pay", "order"]
    assert cells(table, "timestamp")[1] == "2026-07-02T10:00:00.123456+02:00"
    assert cells(table, "event_id") == ["1", "2", "3"]
    assert cells(table, "org:resource") == ["Ann", None, None]
    assert cells(table, "case:age") == [None, None, "30"]
    assert notes(table) == []


def test_extensions_globals_classifiers_and_attributes_of_the_log_are_no_attributes_of_events(tmp_path: Path) -> None:
    around = (
        '<extension name="Concept" prefix="concept" uri="x"/><global scope="event"><string key="channel" value="?"/></global>'
        '<classifier name="a" keys="concept:name"/><string key="source" value="shop"><string key="by" value="me"/></string>'
    )
    table = read(tmp_path, around, trace(event()))
    assert list(table.rows) == ["customer_id", "timestamp", "touchpoint", "event_id"]
    assert notes(table) == []


def test_an_attribute_of_the_trace_that_follows_its_events_is_theirs_too(tmp_path: Path) -> None:
    late = (
        '<trace><event><string key="concept:name" value="pay"/></event><string key="concept:name" value="C9"/></trace>'
    )
    assert cells(read(tmp_path, late), "customer_id") == ["C9"]


def test_a_prefix_of_the_namespace_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log.xes"
    path.write_text(f"{HEAD}{trace(event())}</log>".replace("<", "<x:").replace("<x:/", "</x:").replace("<x:?", "<?"))
    assert cells(read_file(path, Source(path="log.xes"), shown="log.xes"), "touchpoint") == ["pay"]


def test_nested_attributes_are_columns_and_lists_are_json(tmp_path: Path) -> None:
    nested = '<string key="cost" value="5"><string key="currency" value="EUR"/></string>'
    items = '<list key="items"><values><string key="a" value="x"/><int key="b" value="2"/></values></list>'
    box = '<container key="box"><float key="w" value="1.5"/></container>'
    table = read(tmp_path, trace(event(more=nested + items + box)))
    assert cells(table, "cost") == ["5"]
    assert cells(table, "cost/currency") == ["EUR"]
    assert cells(table, "items") == ['["x", "2"]']
    assert cells(table, "box") == ['{"w": "1.5"}']


def test_what_cannot_be_placed_is_counted_in_a_note(tmp_path: Path) -> None:
    odd = '<string value="no key"/><string key="no value"/><string key="a" value="1"/><string key="a" value="2"/><foo/>'
    table = read(tmp_path, trace(event(more=odd)), trace(name="C2"))
    assert cells(table, "a") == ["1"]
    told = "\n".join(notes(table))
    assert "1 of 2 traces hold no event" in told
    assert "1 attributes are there twice" in told
    assert "3 elements of events and traces have no key or no value" in told


def test_an_attribute_called_like_one_of_our_columns_keeps_its_values_under_another_name(tmp_path: Path) -> None:
    table = read(tmp_path, trace(event(customer_id="x"), event(event_id="7"), name="C1"))
    assert cells(table, "customer_id") == ["C1", "C1"]
    assert cells(table, "event:customer_id") == ["x", None]
    assert cells(table, "event_id") == ["1", "2"]  # only one event bears an id of its own
    assert cells(table, "event:event_id") == [None, "7"]
    assert "`customer_id` is called `event:customer_id`" in notes(table)[0]
    own = read(tmp_path, trace(event(event_id="7"), event(event_id="9")))
    assert cells(own, "event_id") == ["7", "9"]


def test_the_names_of_xes_may_be_mapped_where_somebody_writes_them(tmp_path: Path) -> None:
    table = read(tmp_path, trace(event("pay"), name="C1"), columns={"touchpoint": "concept:name"})
    assert cells(table, "concept:name") == ["pay"]


# ------------------------------------------------------------------------------------------------------------ lifecycle


def step(name: str, transition: str, hour: int, **about: str) -> str:
    return event(name, f"2026-07-01T{hour:02d}:00:00Z", lifecycle__transition=transition, **about)


def test_a_start_joins_its_completion_and_is_counted(tmp_path: Path) -> None:
    table = read(tmp_path, trace(step("check", "start", 9, agent="A1"), step("check", "complete", 11, result="ok")))
    (row,) = table.rows.to_dict("records")
    assert (row["timestamp"], row["end_timestamp"]) == ("2026-07-01T09:00:00Z", "2026-07-01T11:00:00Z")
    assert (row["event_id"], row["agent"], row["result"]) == ("2", "A1", "ok")  # what only the start says is kept
    assert table.n_rows == 1
    assert "1 start joined its completion" in notes(table)[0]


def test_of_two_steps_of_one_name_the_earlier_start_is_completed_first_unless_instances_say_otherwise(
    tmp_path: Path,
) -> None:
    # starts at 1 and 2, completions at 3 and 4
    hours = [("start", 1, "a"), ("start", 2, "b"), ("complete", 3, "b"), ("complete", 4, "a")]
    plain = read(tmp_path, trace(*(step("call", word, hour) for word, hour, _ in hours)))
    assert [text[11:13] for text in plain.rows["timestamp"]] == ["01", "02"]
    told = read(tmp_path, trace(*(step("call", word, hour, concept__instance=i) for word, hour, i in hours)))
    assert [text[11:13] for text in told.rows["timestamp"]] == ["02", "01"]


def test_starts_join_by_time_whatever_the_order_of_the_file_and_never_across_traces(tmp_path: Path) -> None:
    table = read(
        tmp_path,
        trace(step("check", "complete", 11), step("check", "start", 9), name="C1"),
        trace(step("check", "complete", 12), name="C2"),
    )
    assert cells(table, "timestamp") == ["2026-07-01T09:00:00Z", "2026-07-01T12:00:00Z"]
    assert cells(table, "end_timestamp") == ["2026-07-01T11:00:00Z", None]


def test_a_completion_before_the_start_is_another_step(tmp_path: Path) -> None:
    table = read(tmp_path, trace(step("check", "complete", 8), step("check", "start", 9)))
    assert cells(table, "timestamp") == ["2026-07-01T08:00:00Z"]
    assert table.rejects[["line", "value", "reason"]].to_numpy().tolist() == [
        [2, "start", "started and never completed"]
    ]


def test_events_that_complete_nothing_are_rejected_with_their_reason_and_counts_reconcile(tmp_path: Path) -> None:
    table = read(
        tmp_path,
        trace(
            step("call", "schedule", 1), step("call", "Start", 2), step("call", "COMPLETE", 3), step("mail", "start", 4)
        ),
        trace(event("visit", "2026-07-02T10:00:00Z"), name="C2"),
    )
    assert cells(table, "touchpoint") == ["call", "visit"]
    assert table.rows.index.to_list() == [3, 5]
    assert table.rejects[["line", "reason"]].to_numpy().tolist() == [
        [1, "lifecycle schedule, not complete"],
        [4, "started and never completed"],
    ]
    assert table.n_rows == 5 - 1  # five events, one of them joined


def test_transitions_may_be_chosen_and_are_then_not_joined(tmp_path: Path) -> None:
    log = trace(step("call", "schedule", 1), step("call", "start", 2), step("call", "complete", 3))
    chosen = read(tmp_path, log, lifecycle=["start", "complete"])
    assert cells(chosen, "lifecycle:transition") == ["start", "complete"]
    assert "end_timestamp" not in chosen.rows
    assert chosen.rejects["reason"].to_list() == ["lifecycle schedule, not complete or start"]
    assert len(read(tmp_path, log, lifecycle=["*"]).rows) == 3


def test_a_log_without_the_transition_that_is_asked_for_is_refused_with_those_it_has(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"no event is complete: their lifecycle:transition is start \(2\)"):
        read(tmp_path, trace(step("call", "start", 1), step("mail", "start", 2)))
    with pytest.raises(StudyError, match="did you mean `complete`"):
        read(tmp_path, trace(step("call", "complete", 1)), lifecycle=["completed"])


# -------------------------------------------------------------------------------------------------- files that are wrong

BOMB = '<?xml version="1.0"?><!DOCTYPE log [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><log><trace>&b;</trace></log>'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (BOMB, r"declares a document type (DTD)"),
        ('<!DOCTYPE log SYSTEM "file:///etc/passwd"><log/>', "declares a document type (DTD)"),
        ("", "is empty"),
        ("<html><body/></html>", "is XML and no XES log: it begins with <html>"),
        (f"{HEAD}<trace>", "is cut off or no well-formed XML"),
        ("customer_id,timestamp\n", "is cut off or no well-formed XML"),
        (HEAD + "<trace>" + '<list key="x">' * 60, "more than 50 deep"),
        (HEAD.replace("UTF-8", "klingon") + "</log>", "encoding that is unknown"),
    ],
)
def test_what_is_no_xes_is_refused_in_one_sentence(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "log.xes"
    path.write_text(content, "utf-8")
    assert said in refusal(path)


def test_an_archive_is_read_whatever_it_is_called_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    packed = gzip.compress(f"{HEAD}{trace(event())}</log>".encode())
    for name in ("log.xes.gz", "LOG.XES.GZ", "log.xes"):
        path = tmp_path / name
        path.write_bytes(packed)
        assert len(read_file(path, Source(path=name), shown=name).rows) == 1
        path.write_bytes(packed[:-12])
        assert "cut off or damaged" in refusal(path)


def test_a_log_under_the_ending_of_a_csv_is_called_what_it_is_and_read_where_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(f"{HEAD}{trace(event())}</log>", "utf-8")
    assert "is an XES log, not CSV; give it the ending .xes" in refusal(path)
    assert len(read_file(path, Source(path="log.csv", format="xes"), shown="log.csv").rows) == 1


def test_a_log_in_another_encoding_is_read_as_it_says(tmp_path: Path) -> None:
    path = tmp_path / "log.xes"
    path.write_bytes(f"{HEAD.replace('UTF-8', 'cp1252')}{trace(event('Café €'))}</log>".encode("cp1252"))
    assert cells(read_file(path, Source(path="log.xes"), shown="log.xes"), "touchpoint") == ["Café €"]


def test_a_log_without_events_is_told(tmp_path: Path) -> None:
    assert "is a log without events" in notes(read(tmp_path))[0]


# -------------------------------------------------------------------------------------------------------- a whole study


def study(root: Path, log: str, toml: str = "") -> Ingest:
    folder = root / "data" / "raw" / "acme"
    folder.mkdir(parents=True)
    (folder / "log.xes").write_text(log, "utf-8")
    head = '[study]\nname = "Acme"\ntimezone = "Europe/Paris"\n[sources.events]\npath = "*.xes"\n'
    (folder / "study.toml").write_text(head + toml, "utf-8")
    return ingest(root, "acme", load_config(folder / "study.toml"), use_cache=False)


def test_a_study_needs_no_mapping_and_rejects_events_without_customer_name_or_time(tmp_path: Path) -> None:
    # 1 and 2 are good (2 local time), 3 has no name, 4 no time, 5 a time that is none, 6 no customer, 7 no trace
    events = [
        event("a", org__resource="R1"),
        event("a", "2026-07-01T10:00:00"),
        event(None),
        event("a", None),
        event("a", "soon"),
    ]
    found = study(tmp_path, f"{HEAD}{trace(*events)}{trace(event(), name=None)}{event()}</log>")
    assert [str(problem) for problem in found.problems if problem.severity == "error"] == []
    table = found.tables["events"]
    assert table["timestamp"].to_list() == [
        pd.Timestamp("2026-07-01 10:00", tz="UTC"),
        pd.Timestamp("2026-07-01 08:00", tz="UTC"),
    ]
    assert table["agent_id"].dropna().to_list() == ["R1"]
    assert found.accounting[["rows", "kept", "rejected"]].to_numpy().tolist() == [[7, 2, 5]]
    assert dict(zip(found.rejects["line"], found.rejects["reason"], strict=True)) == {
        3: "no touchpoint",
        4: "no date and no period",
        5: "cannot be read",
        6: "no customer_id",
        7: "no customer_id",
    }


def test_an_attribute_of_the_case_may_be_the_customer(tmp_path: Path) -> None:
    buyer = '<string key="buyer" value="C7"/>'
    log = f"{HEAD}{trace(event(), name='order 1', more=buyer)}</log>"
    assert study(tmp_path, log, 'columns = {customer_id = "case:buyer"}').tables["events"]["customer_id"].to_list() == [
        "C7"
    ]


def test_steps_that_last_have_an_end_in_the_table(tmp_path: Path) -> None:
    log = f"{HEAD}{trace(step('check', 'start', 9), step('check', 'complete', 11))}</log>"
    events = study(tmp_path, log).tables["events"]
    assert (events["end_timestamp"] - events["timestamp"]).to_list() == [pd.Timedelta(hours=2)]


def test_init_drafts_a_log_as_events_and_the_draft_reads_without_an_error(tmp_path: Path) -> None:
    path = write_xes(EVENTS, tmp_path / "log.xes.gz")
    toml = draft_study(tmp_path, "acme", [path])
    path.rename(toml.parent / path.name)
    assert set(load_config(toml).sources) == {"events"}
    assert [str(problem) for problem in check(tmp_path, "acme") if problem.severity == "error"] == []


# -------------------------------------------------------------------------------------------------------------- writing

EVENTS = pd.DataFrame(
    {
        "customer_id": ["C2", "C1", "C1"],
        "timestamp": pd.to_datetime(
            ["2026-07-01T10:00:00Z", "2026-07-02T10:00:00.000001Z", "2026-07-01T10:00:00Z"], format="ISO8601"
        ),
        "touchpoint": ["a & b", 'say "hi" <now>', "naïve\tline\nbreak"],
        "event_id": ["10", "9", "3"],
        "cost": [1.5, float("nan"), 2.0],
        "plan": ["plus", None, "basic"],
    }
)


def written(frame: pd.DataFrame, path: Path, **options: Any) -> RawTable:
    write_xes(frame, path, **options)
    return read_file(path, Source(path=path.name), shown=path.name)


def test_what_is_written_is_read_as_it_was(tmp_path: Path) -> None:
    table = written(EVENTS, tmp_path / "log.xes", segment="plan")
    assert cells(table, "customer_id") == ["C1", "C1", "C2"]
    assert cells(table, "touchpoint") == ["naïve\tline\nbreak", 'say "hi" <now>', "a & b"]
    assert cells(table, "timestamp")[1] == "2026-07-02T10:00:00.000001+00:00"
    assert cells(table, "event_id") == ["3", "9", "10"]
    assert cells(table, "cost") == ["2.0", None, "1.5"]
    assert cells(table, "case:plan") == ["basic", "basic", "plus"]
    assert set(cells(table, "lifecycle:transition")) == {"complete"}


def test_numbers_booleans_and_times_are_written_as_such(tmp_path: Path) -> None:
    frame = EVENTS.assign(n=[1, 2, 3], ok=[True, False, True], due=EVENTS["timestamp"].dt.tz_localize(None))
    path = write_xes(frame, tmp_path / "log.xes")
    text = path.read_text("utf-8")
    for part in ('<int key="n" value="1"/>', '<boolean key="ok" value="true"/>', '<float key="cost" value="1.5"/>'):
        assert part in text
    assert '<date key="due" value="2026-07-01T10:00:00.000000+00:00"/>' in text


def test_steps_that_last_are_written_as_two_events_and_read_as_one(tmp_path: Path) -> None:
    # one call of 9 to 12 o'clock lies within another of 8 to 17: without instances the first to begin would end first
    frame = EVENTS.assign(
        customer_id="C1",
        touchpoint="call",
        timestamp=pd.to_datetime([f"2026-07-01T{hour}:00:00Z" for hour in ("08", "09", "10")]),
        end_timestamp=pd.to_datetime(["2026-07-01T17:00:00Z", "2026-07-01T12:00:00Z", None]),
    )
    path = tmp_path / "log.xes"
    table = written(frame, path)
    assert path.read_text("utf-8").count("<event>") == 5
    hours = {
        row["event_id"]: [row[column] and row[column][11:13] for column in ("timestamp", "end_timestamp")]
        for row in table.rows.to_dict("records")
    }
    assert hours == {"10": ["08", "17"], "9": ["09", "12"], "3": ["10", None]}


def test_the_same_log_is_the_same_bytes_whatever_the_order_of_the_rows(tmp_path: Path) -> None:
    for name in ("log.xes", "log.xes.gz"):
        one = write_xes(EVENTS, tmp_path / name).read_bytes()
        assert write_xes(EVENTS.iloc[::-1], tmp_path / name).read_bytes() == one
    assert one[4:8] == bytes(4)  # an archive says when it was made, unless it is told not to


def test_ties_stand_in_the_order_of_the_ids_as_numbers_and_without_ids_in_that_of_the_rows(tmp_path: Path) -> None:
    frame = EVENTS.assign(customer_id="C1", timestamp=EVENTS["timestamp"].iloc[0])
    assert cells(written(frame, tmp_path / "log.xes"), "event_id") == ["3", "9", "10"]
    without = written(frame.drop(columns="event_id"), tmp_path / "log.xes")
    assert cells(without, "touchpoint") == EVENTS["touchpoint"].to_list()


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        ({}, {"path": "log.csv"}, "must end in .xes or .xes.gz, got log.csv"),
        ({}, {"touchpoint": "touchpiont"}, "no column `touchpiont`; did you mean `touchpoint`"),
        ({"customer_id": ["C1", None, "C2"]}, {}, "`customer_id` is missing in 1 of 3 rows"),
        ({"touchpoint": ["a", "", "b"]}, {}, "`touchpoint` is missing in 1 of 3 rows"),
        ({"timestamp": ["2026", "2027", "2028"]}, {}, "`timestamp` must hold times"),
        ({"touchpoint": ["a", "b\x07", "c"]}, {}, "holds '\\x07', which XML does not have"),
        ({"customer_id": "C1"}, {"segment": ["plan"]}, "`plan` has two values for customer_id 'C1': basic and plus"),
        ({}, {"segment": "timestamp"}, "`segment` names `timestamp`"),
        ({"concept:name": "x"}, {}, "column `concept:name` is a name that events have"),
        (
            {"end_timestamp": pd.Timestamp("2026-07-01T11:00:00Z")},
            {},
            "`end_timestamp` is before `timestamp` in 1 rows",
        ),
        ({"timestamp": pd.Timestamp("2026-07-01T10:00:00.000000001Z")}, {}, "finer than microseconds"),
    ],
)
def test_what_cannot_be_written_is_refused_and_leaves_no_file(
    tmp_path: Path, change: dict[str, Any], options: dict[str, Any], said: str
) -> None:
    path = tmp_path / options.pop("path", "log.xes")
    with pytest.raises(ValueError) as refused:
        write_xes(EVENTS.assign(**change), path, **options)
    assert said in str(refused.value)
    assert list(tmp_path.iterdir()) == []


letters = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff").filter(
        lambda letter: (
            letter in "\t\n\r" or (letter >= " " and not 0x7F <= ord(letter) < 0xA0 and ord(letter) & 0xFFFE != 0xFFFE)
        )
    ),
    min_size=1,
    max_size=8,
)
moments = st.datetimes(min_value=pd.Timestamp("1900-01-01"), max_value=pd.Timestamp("2200-01-01"))
log_rows = st.lists(
    st.fixed_dictionaries(
        {
            "customer_id": letters,
            "timestamp": moments,
            "touchpoint": letters,
            "note": st.none() | letters,
            "lasts": st.none() | st.integers(0, 10**9),
        }
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(log_rows, st.booleans())
def test_any_log_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], packed: bool
) -> None:
    frame = pd.DataFrame(rows)
    frame["event_id"] = [str(number) for number in range(len(frame))]
    frame["timestamp"] = pd.to_datetime(frame["timestamp"], utc=True).astype("datetime64[us, UTC]")
    lasts = pd.to_timedelta(pd.to_numeric(frame.pop("lasts")), unit="us").astype("timedelta64[us]")
    frame["end_timestamp"] = frame["timestamp"] + lasts
    folder = tmp_path_factory.mktemp("logs")
    table = written(frame, folder / ("log.xes.gz" if packed else "log.xes"))
    assert table.rejects.empty
    assert table.n_rows == len(frame)
    again = table.rows.set_index("event_id").reindex(
        columns=["customer_id", "touchpoint", "note", "timestamp", "end_timestamp"]
    )
    again = again.loc[frame["event_id"]]
    for column in ("customer_id", "touchpoint", "note"):
        expected = [None if pd.isna(value) else value for value in frame[column]]
        assert [None if pd.isna(value) else value for value in again[column]] == expected
    for column in ("timestamp", "end_timestamp"):
        moments_again, unreadable = parse_times(again[column], formats=None, timezone="UTC")
        assert not unreadable.any()
        pd.testing.assert_series_equal(moments_again, frame[column], check_names=False, check_index=False)


# ------------------------------------------------------------------------------------------------------------ real logs


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "events", "customers"), [("patients", 2721, 500), ("running_example", 42, 6), ("sepsis", 15214, 1050)]
)
def test_real_logs_come_back_event_for_event(tmp_path: Path, name: str, events: int, customers: int) -> None:
    path = LOGS / f"{name}.parquet"
    if not path.is_file():
        pytest.skip(f"the shared real data lacks journeys/{name}.parquet")
    log = pd.read_parquet(path)
    table = written(log, tmp_path / f"{name}.xes.gz")
    assert (len(table.rows), table.rows["customer_id"].nunique()) == (events, customers)
    log = log.assign(customer_id=log["customer_id"].astype(str), event_id=log["event_id"].astype(str)).set_index(
        "event_id"
    )
    again = table.rows.set_index("event_id").loc[log.index]
    assert (again["customer_id"] == log["customer_id"]).all()
    assert (again["touchpoint"] == log["touchpoint"]).all()
    moments_again, _ = parse_times(again["timestamp"], formats=None, timezone="UTC")
    assert (moments_again == log["timestamp"]).all()
