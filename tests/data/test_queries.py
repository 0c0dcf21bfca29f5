"""Sources that are a database: one SELECT, nothing changed, every row accounted for, and the rows kept for the next report."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

import cxlab
from cxlab import context
from cxlab.config import load_config
from cxlab.data import queries, tables
from cxlab.data.engine import connect, password_problem, without_password
from cxlab.data.forgetting import forget
from cxlab.data.quality import check
from cxlab.data.tables import Ingest
from cxlab.problems import StudyError

STUDY = """
[study]
name = "Acme"
timezone = "Europe/Paris"

[sources.events]
url = "{url}"
{options}
"""
TABLE = """
CREATE SCHEMA shop;
CREATE TABLE shop.events (client VARCHAR, moment TIMESTAMPTZ, page VARCHAR, amount DECIMAL(8, 2));
INSERT INTO shop.events VALUES
  ('007', '2026-07-01 10:00:00+00', 'app', 3.50),
  ('NA', '2026-07-01 11:00:00.000001+02', 'shop', 4.00),
  (NULL, '2026-07-02 10:00:00+00', 'app', NULL);
"""
MAPPED = 'columns = {customer_id = "client", timestamp = "moment", touchpoint = "page", value = "amount"}'
FROM_TABLE = f'table_name = "shop.events"\n{MAPPED}'


@dataclass
class Acme:
    """A study whose events are a DuckDB file beside its study.toml."""

    root: Path
    asked: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.root / "data" / "raw" / "acme"

    @property
    def stored(self) -> Path:
        return self.root / "data" / "processed" / "acme" / "tables"

    def sql(self, *statements: str) -> None:
        connection = duckdb.connect(str(self.folder / "crm.duckdb"))
        for statement in statements:
            connection.execute(statement)
        connection.close()

    def write(self, options: str = FROM_TABLE, url: str = "duckdb://crm.duckdb") -> None:
        (self.folder / "study.toml").write_text(STUDY.format(url=url, options=options), "utf-8")

    def ingest(self, options: str = FROM_TABLE, *, use_cache: bool = False, **study: str) -> Ingest:
        self.write(options, **study)
        return tables.ingest(self.root, "acme", load_config(self.folder / "study.toml"), use_cache=use_cache)

    def refusal(self, options: str = FROM_TABLE, **study: str) -> str:
        """The one thing that is wrong."""
        with pytest.raises(StudyError) as refused:
            self.ingest(options, **study)
        assert len(refused.value.problems) == 1
        return str(refused.value)


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Acme:
    made = Acme(tmp_path)
    made.folder.mkdir(parents=True)
    (tmp_path / "notebooks").mkdir()
    made.sql(TABLE)
    monkeypatch.setattr(queries, "connect", lambda url, **about: made.asked.append(url) or connect(url, **about))
    return made


def told(found: Ingest, severity: str = "note") -> list[str]:
    return [str(problem) for problem in found.problems if problem.severity == severity]


# ----------------------------------------------------------------------------------------------------------------- rows


def test_rows_of_a_table_are_events_kept_or_rejected_with_a_reason(acme: Acme) -> None:
    found = acme.ingest()
    assert told(found, "error") == []
    events = found.tables["events"]
    assert events[["customer_id", "touchpoint", "value"]].to_numpy().tolist() == [
        ["007", "app", 3.5],
        ["NA", "shop", 4.0],
    ]
    assert events["timestamp"].to_list() == [
        pd.Timestamp("2026-07-01 10:00", tz="UTC"),
        pd.Timestamp("2026-07-01 09:00:00.000001", tz="UTC"),
    ]
    (file,) = found.accounting.to_dict("records")
    assert (file["file"], file["rows"], file["kept"], file["rejected"]) == ("events.table", 3, 2, 1)
    assert found.rejects[["line", "column", "reason"]].to_numpy().tolist() == [[3, "customer_id", "no customer_id"]]
    assert file["sha256"] == found.inputs["events.table"]
    assert "events.table: 3 rows in 4 columns read from `duckdb://crm.duckdb`, shop.events" in told(found)


def test_a_query_may_name_the_columns_itself(acme: Acme) -> None:
    query = 'query = """\nWITH e AS (SELECT * FROM shop.events) -- all\nSELECT client AS customer_id, moment AS "timestamp", '
    found = acme.ingest(query + 'page AS touchpoint FROM e;\n"""')
    assert found.tables["events"]["customer_id"].to_list() == ["007", "NA"]
    assert any("read from `duckdb://crm.duckdb`, by its `query`" in note for note in told(found))
    assert found.accounting["file"].to_list() == ["events.query"]


def test_a_time_without_a_zone_is_local_time_of_the_study(acme: Acme) -> None:
    acme.sql("CREATE TABLE plain AS SELECT client, TIMESTAMP '2026-07-01 10:00:00' AS moment, page FROM shop.events")
    found = acme.ingest(
        'table_name = "plain"\ncolumns = {customer_id = "client", timestamp = "moment", touchpoint = "page"}'
    )
    assert set(found.tables["events"]["timestamp"]) == {pd.Timestamp("2026-07-01 08:00", tz="UTC")}


def test_columns_of_unusual_types_are_read_as_the_database_writes_them(acme: Acme) -> None:
    acme.sql(
        "CREATE TABLE odd AS SELECT '5c2a4d1e-0000-4000-8000-000000000001'::UUID AS id, INTERVAL 3 DAYS AS wait, [1, 2] AS list, "
        "{'a': 1}::JSON AS doc, 'x'::ENUM ('x', 'y') AS kind, 12345678901234567890::HUGEINT AS huge, DATE '2026-07-01' AS day, "
        "TRUE AS ok, 2.0::DOUBLE AS two"
    )
    toml = 'table_name = "odd"\ncolumns = {customer_id = "id", timestamp = "day", touchpoint = "kind"}\n'
    found = acme.ingest(toml + 'keep = ["wait", "list", "doc", "huge", "ok", "two"]')
    (row,) = found.tables["events"].to_dict("records")
    assert row["customer_id"] == "5c2a4d1e-0000-4000-8000-000000000001"
    kept = [row[column] for column in ("touchpoint", "wait", "list", "huge", "ok", "two")]
    assert kept == ["x", "3 days", "[1, 2]", "12345678901234567890", "true", "2"]
    assert json.loads(row["doc"]) == {"a": 1}


def test_a_survey_may_come_from_a_database_too(acme: Acme) -> None:
    acme.sql("CREATE TABLE answers AS SELECT 'r1' AS response_id, DATE '2026-07-01' AS submitted_at, 9 AS recommend")
    (acme.folder / "study.toml").write_text(
        '[study]\nname = "Acme"\n[sources.responses]\nurl = "duckdb://crm.duckdb"\ntable_name = "answers"\nsurvey = "tracking"\n'
        'perspective = "customer"\nwave = "1"\n[items.recommend]\nquestion = "?"\nrole = "loyalty"\nscale = [0, 10]\n'
    )
    found = tables.ingest(acme.root, "acme", load_config(acme.folder / "study.toml"), use_cache=False)
    assert found.tables["responses"]["recommend"].to_list() == [9.0]


def test_rows_stand_in_the_same_order_whatever_the_database_returns_unless_the_query_orders_them(acme: Acme) -> None:
    ties = [("C1", "b"), ("C1", "a"), ("C1", "c")]
    hashes = set()
    for turn in (ties, ties[::-1]):
        rows = ", ".join(f"('{who}', DATE '2026-07-01', '{page}')" for who, page in turn)
        acme.sql(f"CREATE OR REPLACE TABLE t AS SELECT * FROM (VALUES {rows}) AS v(customer_id, timestamp, touchpoint)")
        found = acme.ingest('table_name = "t"')
        assert found.tables["events"]["touchpoint"].to_list() == ["a", "b", "c"]
        hashes.add(found.inputs["events.table"])
    assert len(hashes) == 1
    ordered = acme.ingest('query = "SELECT * FROM t ORDER BY touchpoint DESC"')
    assert ordered.tables["events"]["touchpoint"].to_list() == ["c", "b", "a"]


def test_a_query_over_files_reads_them_from_the_studys_folder(acme: Acme) -> None:
    pd.DataFrame({"customer_id": ["C1"], "timestamp": ["2026-07-01"], "touchpoint": ["app"]}).to_csv(
        acme.folder / "part_1.csv", index=False
    )
    found = acme.ingest("query = \"SELECT * FROM read_csv('part_*.csv', all_varchar = true)\"", url="duckdb://")
    assert found.tables["events"]["customer_id"].to_list() == ["C1"]


def test_a_query_without_rows_is_told(acme: Acme) -> None:
    found = acme.ingest(f'query = "SELECT * FROM shop.events WHERE false"\n{MAPPED}')
    assert any("events.query: 0 rows in 4 columns" in warning for warning in told(found, "warning"))


# --------------------------------------------------------------------------------------------------------- what is asked


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("DELETE FROM shop.events", "does more than read (DELETE)"),
        ("UPDATE shop.events SET page = ''", "does more than read (UPDATE)"),
        ("INSERT INTO shop.events SELECT * FROM shop.events", "does more than read (INSERT)"),
        ("CREATE TABLE x AS SELECT 1", "does more than read (CREATE)"),
        ("DROP TABLE shop.events", "does more than read (DROP)"),
        ("TRUNCATE shop.events", "does more than read (TRUNCATETABLE)"),
        ("COPY shop.events TO 'x.csv'", "does more than read (COPY)"),
        ("ATTACH 'other.db'", "does more than read (ATTACH)"),
        ("PRAGMA database_list", "does more than read (PRAGMA)"),
        ("SELECT 1; DROP TABLE shop.events", "holds 2 statements"),
        ("WITH gone AS (DELETE FROM shop.events RETURNING *) SELECT * FROM gone", "does more than read (DELETE)"),
        ("SELECT * INTO copy FROM shop.events", "does more than read (INTO)"),
        ("SELECT * FROM shop.events FOR UPDATE", "does more than read (LOCK)"),
        ("SELEC * FROM", "is not understood"),
        ("-- nothing", "is empty"),
        ("SELECT * FROM postgres_scan('host=x password=geheim', 'a', 'b')", "holds a password"),
    ],
)
def test_anything_but_one_query_is_refused_before_the_database_is_asked(acme: Acme, query: str, said: str) -> None:
    message = acme.refusal(f'query = "{query}"')
    assert message.startswith("[sources.events] query: ")
    assert said in message
    assert "geheim" not in message
    assert acme.asked == []


def test_a_database_file_is_opened_so_that_nothing_can_be_written(acme: Acme) -> None:
    acme.ingest()
    backend = connect(acme.asked[0], read_only=True)
    with pytest.raises(duckdb.InvalidInputException, match="read-only"):
        backend.raw_sql("DROP TABLE shop.events")
    backend.disconnect()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ('table_name = "shop.evnts"', "[sources.events] table_name: is refused by the database"),
        ('table_name = "shop.evnts"', "did you mean `events`"),
        ('table_name = "events; DROP TABLE x"', "is no table"),
        ("table_name = \"read_csv('x')\"", "is no table"),
        (
            'query = "SELECT nothing FROM shop.events"',
            "[sources.events] query: is refused by the database: Binder Error",
        ),
        ('query = "SELECT client AS a, page AS a FROM shop.events"', "returns two columns called `a`"),
        ("query = \"SELECT 1 / 0 AS x, error('boom') AS y\"", "is refused by the database: "),
    ],
)
def test_what_the_database_refuses_is_one_message_with_its_key(acme: Acme, options: str, said: str) -> None:
    message = acme.refusal(options)
    assert said in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("duckdb://cmr.duckdb", "there is no database file `cmr.duckdb`; did you mean `crm.duckdb`"),
        ("mysql://db/x", "`mysql://db/x` names no engine"),
        ("postgres://ann:geheim@db/cx", "`postgres://ann:…@db/cx` holds a password; take it out and set PGPASSWORD"),
        ("postgres://ann@db/cx?password=geheim", "`postgres://ann@db/cx?password=…` holds a password"),
        ("postgres://ann@127.0.0.1:1/cx", "`postgres://ann@127.0.0.1:1/cx` cannot be reached"),
    ],
)
def test_a_database_that_cannot_be_had_is_one_message_without_a_password(acme: Acme, url: str, said: str) -> None:
    message = acme.refusal(url=url)
    assert message.startswith("[sources.events] url: ")
    assert said in message
    assert "geheim" not in message


def test_a_file_that_is_no_database_and_one_that_somebody_writes_are_told(acme: Acme) -> None:
    (acme.folder / "text.duckdb").write_text("customer_id,timestamp\n" * 100)
    assert "cannot be opened" in acme.refusal(url="duckdb://text.duckdb")


def test_a_path_in_full_and_one_written_with_three_slashes_are_found(acme: Acme) -> None:
    for url in (f"duckdb://{acme.folder / 'crm.duckdb'}", "duckdb:///crm.duckdb"):
        assert len(acme.ingest(url=url).tables["events"]) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("", "says neither `query` nor `table_name`"),
        ('table_name = "a"\nquery = "SELECT 1"', "says both `query` and `table_name`"),
        ('table_name = "a"\npath = "a.csv"', "says both `path` and `url`"),
        ('table_name = "a"\nsheet = "b"', "`sheet` is said of files (`path`); leave it out"),
        ('table_name = "a"\n[sources.other]\ntable = "events"', "says neither `path` nor `url`"),
        (
            'table_name = "a"\n[sources.other]\npath = "x.csv"\nquery = "SELECT 1"',
            "`query` is said of a database (`url`)",
        ),
        ('table_name = "a"\nrefresh = "sometimes"', "expected 'always' or 'never'"),
    ],
)
def test_a_source_is_files_or_a_database_and_says_what_it_reads(acme: Acme, options: str, said: str) -> None:
    acme.write(options)
    with pytest.raises(StudyError) as refused:
        load_config(acme.folder / "study.toml")
    assert said in str(refused.value)
    assert "study.toml [sources." in str(refused.value)


def test_a_password_is_found_wherever_a_url_may_hold_one() -> None:
    assert password_problem("postgres://ann@db/cx?sslmode=require") is None
    assert without_password("postgres://a:b@db/cx?PWD=c&x=1") == "postgres://a:…@db/cx?PWD=…&x=1"


# ------------------------------------------------------------------------------------------------------------ kept rows


def snapshots(acme: Acme) -> list[Path]:
    return sorted((acme.stored / queries.KEPT_IN).rglob("*.parquet"))


def test_the_same_rows_are_the_same_tables_and_other_rows_are_others(acme: Acme) -> None:
    first = acme.ingest(use_cache=True)
    again = acme.ingest(use_cache=True)
    assert again.folder == first.folder
    assert told(again) == told(first)
    pd.testing.assert_frame_equal(again.tables["events"], first.tables["events"])
    acme.sql("INSERT INTO shop.events VALUES ('C3', '2026-07-03 10:00:00+00', 'app', 1)")
    other = acme.ingest(use_cache=True)
    assert other.folder != first.folder
    assert other.inputs["events.table"] != first.inputs["events.table"]
    assert len(other.tables["events"]) == 3


def test_whether_anything_has_changed_is_known_without_writing(acme: Acme) -> None:
    found = acme.ingest()
    config = load_config(acme.folder / "study.toml")
    assert tables.query_hashes(acme.root, "acme", config) == {"events.table": found.inputs["events.table"]}
    acme.sql("UPDATE shop.events SET amount = 5 WHERE client = '007'")
    assert tables.query_hashes(acme.root, "acme", config) != {"events.table": found.inputs["events.table"]}
    assert not acme.stored.exists()


def test_a_changed_cell_changes_the_hash_and_an_empty_one_is_no_word() -> None:
    def digest(*cells: str | None, name: str = "a") -> str:
        return queries.hash_of(pd.DataFrame({name: pd.Series(cells, dtype=object)}))

    hashes = [
        digest("x", None),
        digest("x", "None"),
        digest("x", "null"),
        digest(None, "x"),
        digest("x", None, name="b"),
    ]
    assert len(set(hashes)) == 5
    assert digest("x", None) == digest("x", None)


def test_rows_are_kept_for_their_owner_alone_and_checking_writes_nothing(acme: Acme) -> None:
    acme.write()
    assert [str(problem) for problem in check(acme.root, "acme") if "3 rows in 4 columns read from" in str(problem)]
    assert not acme.stored.exists()
    acme.ingest(use_cache=True)
    (path,) = snapshots(acme)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700
    acme.ingest(f'query = "SELECT * FROM shop.events"\n{MAPPED}', use_cache=True)
    assert len(snapshots(acme)) == 1


def test_kept_rows_make_the_report_again_when_the_database_is_gone(acme: Acme) -> None:
    first = acme.ingest(use_cache=True)
    acme.sql("DELETE FROM shop.events")
    again = acme.ingest(f'refresh = "never"\n{FROM_TABLE}', use_cache=True)
    assert again.inputs["events.table"] == first.inputs["events.table"]
    pd.testing.assert_frame_equal(again.tables["events"], first.tables["events"])
    pd.testing.assert_frame_equal(again.rejects, first.rejects)
    assert any("UTC and not since (refresh is never)" in note for note in told(again))
    assert len(acme.asked) == 1


def test_where_the_database_is_gone_the_way_out_names_the_kept_rows(acme: Acme) -> None:
    url = f"duckdb://{acme.folder / 'crm.duckdb'}"
    acme.ingest(url=url, use_cache=True)
    acme.sql("DROP TABLE shop.events")
    assert re.search(r'the rows read on \S+ \S+ UTC are kept: refresh = "never" uses them', acme.refusal(url=url))


def test_refresh_never_without_kept_rows_is_refused(acme: Acme) -> None:
    message = acme.refusal(f'refresh = "never"\n{FROM_TABLE}')
    assert "[sources.events] refresh: no rows of this query have been kept" in message


def test_the_notebooks_of_a_run_read_the_rows_that_it_began_with(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    acme.ingest(use_cache=True)
    acme.sql("INSERT INTO shop.events VALUES ('C3', '2026-07-03 10:00:00+00', 'app', 1)")
    places = dict.fromkeys(("stage", "products"), str(acme.root))
    run = context.RunContext(study="acme", period="2026-Q3", root=str(acme.root), notebook="00_x", **places)
    run.write(acme.root / "run.json")
    monkeypatch.setenv(context.VARIABLE, str(acme.root / "run.json"))
    assert cxlab.open_study("acme").events.count().execute() == 2
    assert len(acme.asked) == 1
    monkeypatch.delenv(context.VARIABLE)
    assert cxlab.open_study("acme", root=acme.root).events.count().execute() == 3


def test_a_forgotten_customer_is_in_no_kept_row(acme: Acme) -> None:
    acme.ingest(use_cache=True)
    forget(acme.root, "acme", "007", unknown=True)
    assert snapshots(acme) == []
    assert acme.ingest(use_cache=True).tables["events"]["customer_id"].to_list() == ["NA"]


def test_one_source_that_cannot_be_read_does_not_hide_the_others(acme: Acme) -> None:
    (acme.folder / "more.csv").write_text("customer_id,timestamp,touchpoint\nC1,2026-07-01,app\n")
    found = acme.ingest('table_name = "nothing"\n[sources.more]\ntable = "events"\npath = "more.csv"')
    assert found.tables["events"]["customer_id"].to_list() == ["C1"]
    assert len(told(found, "error")) == 1


# ------------------------------------------------------------------------------------------------------- other engines


@pytest.fixture
def postgres() -> Iterator[Any]:
    url = os.environ.get("CXLAB_TEST_POSTGRES")
    if not url:
        pytest.skip("no server: set CXLAB_TEST_POSTGRES to its URL")
    psycopg = pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS cxlab_test CASCADE")
        connection.execute("CREATE SCHEMA cxlab_test")
        connection.execute("CREATE SEQUENCE cxlab_test.numbers")
        connection.execute(
            'CREATE TABLE cxlab_test."Events" (client text, moment timestamptz, page varchar(20), amount numeric, id uuid, net inet, '
            "doc jsonb, tags text[], day date, code char(3), wait interval, seen timestamp)"
        )
        connection.execute(
            """INSERT INTO cxlab_test."Events" VALUES
            ('007', '2026-07-01 10:00+00', 'app', 3.123456789012345678901, '5c2a4d1e-0000-4000-8000-000000000001', '10.0.0.1',
             '{"a": 1}', ARRAY['x', 'y'], '2026-07-01', 'ab', '3 days', '2026-07-01 10:00'),
            (NULL, '2026-07-02 10:00+00', 'app', 7, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"""
        )
        yield url
        connection.execute("DROP SCHEMA cxlab_test CASCADE")


def test_postgres_is_read_in_a_session_that_cannot_write(acme: Acme, postgres: str) -> None:
    keep = 'keep = ["id", "net", "doc", "tags", "day", "code", "wait", "seen"]'
    found = acme.ingest(f'table_name = "cxlab_test.Events"\n{MAPPED}\n{keep}', url=postgres, use_cache=True)
    assert told(found, "error") == []
    (row,) = found.tables["events"].to_dict("records")
    assert (row["customer_id"], row["timestamp"]) == ("007", pd.Timestamp("2026-07-01 10:00", tz="UTC"))
    assert row["value"] == pytest.approx(3.123456789012345678901)
    kept = [row[column] for column in ("id", "net", "tags", "day", "code", "wait", "seen")]
    assert kept == [
        "5c2a4d1e-0000-4000-8000-000000000001", "10.0.0.1/32", '["x", "y"]', "2026-07-01", "ab", "3 days", "2026-07-01T10:00:00",
    ]  # fmt: skip
    assert json.loads(row["doc"]) == {"a": 1}
    assert found.accounting[["rows", "kept", "rejected"]].to_numpy().tolist() == [[2, 1, 1]]
    writes = "query = \"SELECT setval('cxlab_test.numbers', 5)::text AS customer_id\""
    assert "cannot execute setval() in a read-only transaction" in acme.refusal(writes, url=postgres)
    assert "did you mean `Events`" in acme.refusal('table_name = "cxlab_test.events"', url=postgres)


@pytest.mark.spark
def test_spark_is_read_too(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyspark", reason="the extra `spark` is not installed")
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        pytest.skip("there is no Java")
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
    times = pd.to_datetime(["2026-07-02T10:00:00Z", "2026-07-01T10:00:00Z"])
    frame = pd.DataFrame({"customer_id": ["2", "007"], "timestamp": times, "touchpoint": ["a", "b"]})
    frame.to_parquet(acme.folder / "part.parquet")
    columns = "*, map('k', 1) AS m, to_timestamp_ntz('2026-07-01 10:00:00') AS end_timestamp"
    query = f"SELECT {columns} FROM parquet.`{acme.folder / 'part.parquet'}`"
    found = acme.ingest(f'query = "{query}"\nkeep = ["m"]', url="pyspark://local[1]")
    try:
        assert told(found, "error") == []
        assert found.tables["events"]["customer_id"].to_list() == ["007", "2"]
        assert found.tables["events"]["timestamp"].max() == times[0]
        local = pd.Timestamp("2026-07-01 10:00", tz="Europe/Paris")
        assert set(found.tables["events"]["end_timestamp"]) == {local}
        assert found.tables["events"]["m"].to_list() == ["{k -> 1}"] * 2
        assert "is refused by the database" in acme.refusal('query = "SELECT * FROM nowhere"', url="pyspark://local[1]")
    finally:
        connect("pyspark://local[1]").disconnect()
