"""One connection for every engine: by URL, in UTC, refused with the way out."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from cxlab.data import engine
from cxlab.data.engine import connect
from cxlab.problems import StudyError


def moments() -> pd.DataFrame:
    return pd.DataFrame({"n": [1, 2], "at": pd.to_datetime(["2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"])})


def assert_utc(backend: Any) -> None:
    """The hour that Europe skips in March is an hour like every other."""
    name = "cxlab_moments"
    table = backend.create_table(name, moments(), overwrite=True)
    try:
        shown = table.order_by("n").mutate(hour=table["at"].hour()).to_pandas()
        assert shown["hour"].to_list() == [0, 1]
        assert [moment.timestamp() for moment in shown["at"]] == [m.timestamp() for m in moments()["at"]]
    finally:
        backend.drop_table(name)


def test_duckdb_computes_in_memory_and_in_utc() -> None:
    backend = connect()
    assert backend.name == "duckdb"
    assert backend.raw_sql("SELECT current_setting('TimeZone')").fetchall() == [("UTC",)]
    assert_utc(backend)


def test_two_connections_do_not_share_their_tables() -> None:
    connect().create_table("mine", moments())
    assert "mine" not in connect().list_tables()


def test_duckdb_keeps_a_database_file(tmp_path) -> None:
    url = f"duckdb://{tmp_path / 'events.duckdb'}"
    first = connect(url)
    first.create_table("kept", moments())
    first.disconnect()
    assert connect(url).table("kept").count().execute() == 2


def test_duckdb_takes_a_limit_and_refuses_what_it_does_not_know(tmp_path) -> None:
    backend = connect(f"duckdb://{tmp_path / 'a.duckdb'}?memory_limit=300MB&threads=1")
    assert backend.raw_sql("SELECT current_setting('threads')").fetchall() == [(1,)]
    assert backend.raw_sql("SELECT current_setting('memory_limit')").fetchall()[0][0] in ("286.1 MiB", "300.0 MB")
    with pytest.raises(StudyError, match="unknown setting `memory`; did you mean `memory_limit`"):
        connect("duckdb://?memory=1GB")
    with pytest.raises(StudyError, match="`memory_limit=much` is refused by DuckDB"):
        connect("duckdb://?memory_limit=much")


@pytest.mark.parametrize("url", ["duckdb", "sqlite://x", "", "C:/events.duckdb"])
def test_a_url_that_names_no_engine_is_refused_with_those_that_do(url: str) -> None:
    with pytest.raises(StudyError, match="duckdb://, pyspark:// or postgres://"):
        connect(url)


def test_a_near_miss_is_named() -> None:
    with pytest.raises(StudyError, match="did you mean `postgres`"):
        connect("postgess://db/cx")


@pytest.mark.parametrize(("url", "extra"), [("pyspark://", "spark"), ("postgres://db/cx", "postgres")])
def test_an_extra_that_is_not_installed_is_refused_with_the_line_that_installs_it(
    url: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "find_spec", lambda package: None)
    with pytest.raises(StudyError, match=rf"pip install 'cxlab\[{extra}\]'"):
        connect(url)


def test_a_server_that_cannot_be_reached_is_refused_without_showing_the_password() -> None:
    pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")
    with pytest.raises(StudyError, match="cannot be reached") as refused:
        connect("postgres://ann:s3cret@127.0.0.1:1/cx")
    assert "s3cret" not in str(refused.value)


def test_spark_without_java_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyspark", reason="the extra `spark` is not installed")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(StudyError, match="install Java 17"):
        connect("pyspark://")


@pytest.fixture
def spark(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    pytest.importorskip("pyspark", reason="the extra `spark` is not installed")
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        pytest.skip("there is no Java")
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
    backend = connect("pyspark://local[1]")
    yield backend
    backend.disconnect()


@pytest.mark.spark
def test_spark_computes_in_utc(spark: Any) -> None:
    assert spark.name == "pyspark"
    assert_utc(spark)


def test_postgres_computes_in_utc() -> None:
    url = os.environ.get("CXLAB_TEST_POSTGRES")
    if not url:
        pytest.skip("no server: set CXLAB_TEST_POSTGRES to its URL")
    assert_utc(connect(url))
