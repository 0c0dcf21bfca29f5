"""The engine that tables too large for memory are computed in: one Ibis connection, chosen by URL.

DuckDB needs nothing but the file; Spark and PostgreSQL are extras. Whatever the engine, its session speaks UTC, so that
the same question has the same answer everywhere. Passwords come from the environment (for PostgreSQL PGPASSWORD or
~/.pgpass), never from study.toml.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from cxlab.problems import Problem, StudyError, did_you_mean

if TYPE_CHECKING:
    from ibis.backends import BaseBackend

_WHERE = "[engine] url"
_SCHEMES = {"duckdb": "duckdb", "pyspark": "pyspark", "postgres": "postgres", "postgresql": "postgres"}
_EXTRAS = {"pyspark": ("pyspark", "spark"), "postgres": ("psycopg", "postgres")}
_SECRETS = frozenset({"password", "passwd", "pwd", "sslpassword"})  # parts of a query string
SPARK_PARTITIONS = 4  # shuffles of a study are small; Spark's 200 cost more than they divide


def connect(url: str = "duckdb://", *, where: str = _WHERE, read_only: bool = False) -> BaseBackend:
    """An Ibis backend with its session in UTC.

    `duckdb://` computes in memory, `duckdb://FILE` in a database file, both with `?memory_limit=4GB&threads=2` where wanted;
    `pyspark://` starts or finds a local Spark session, `pyspark://MASTER` one of a cluster; `postgres://USER@HOST/DATABASE` a
    server. `where` is the key of study.toml that messages name. `read_only` opens a database file so, and a server's session:
    whatever it is then asked, it changes nothing (Spark knows no such session). Raises `StudyError` for an unknown scheme, an
    extra that is not installed (with the line that installs it), a file that cannot be opened, a server that cannot be reached.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in _SCHEMES:
        way_out = "write duckdb://, pyspark:// or postgres://USER@HOST/DATABASE"
        near = did_you_mean(scheme, _SCHEMES)
        hint = f"{near} " if near.startswith("did") else ""
        raise StudyError(Problem(where, f"`{without_password(url)}` names no engine", hint + way_out))
    engine = _SCHEMES[scheme]
    _check_installed(engine, where)
    if engine == "duckdb":
        return _duckdb(rest, where, read_only)
    return _spark(rest, where) if engine == "pyspark" else _postgres(url, where, read_only)


def without_password(url: str) -> str:
    """The URL as it may be shown."""
    password = _password(url)
    shown = url.replace(f":{password}@", ":…@") if password else url
    return re.sub(rf"\b({'|'.join(_SECRETS)})=[^&#]*", r"\1=…", shown, flags=re.I)


def password_problem(url: str, *, where: str = _WHERE) -> Problem | None:
    """What is wrong with a URL in study.toml that holds a password; None for one that does not."""
    if without_password(url) == url:
        return None
    way_out = "take it out and set PGPASSWORD in the environment: study.toml is read and shared by many"
    return Problem(where, f"`{without_password(url)}` holds a password", way_out)


def _password(url: str) -> str | None:
    try:
        return urlsplit(url).password
    except ValueError:
        return None


def _check_installed(engine: str, where: str) -> None:
    package, extra = _EXTRAS.get(engine, (None, None))
    if package is not None and find_spec(package) is None:
        way_out = f"install it with: pip install 'cxlab[{extra}]'"
        raise StudyError(Problem(where, f"{engine} needs the package {package}, which is not installed", way_out))


_DUCKDB_SETTINGS = ("memory_limit", "threads", "temp_directory")


def _duckdb(rest: str, where: str, read_only: bool) -> BaseBackend:
    """`FILE?memory_limit=4GB&threads=2`. What does not fit into memory is laid down under the system's temporary directory."""
    import duckdb
    import ibis

    database, _, query = rest.partition("?")
    settings = {"temp_directory": str(Path(tempfile.gettempdir(), f"cxlab-duckdb-{os.getpid()}"))} | dict(
        parse_qsl(query)
    )
    for name in settings:
        if name not in _DUCKDB_SETTINGS:
            known = did_you_mean(name, _DUCKDB_SETTINGS)
            raise StudyError(Problem(where, f"`duckdb://{rest}` has an unknown setting `{name}`", known))
    try:
        backend = ibis.duckdb.connect(database or ":memory:", read_only=read_only and bool(database))
    except duckdb.Error as error:
        what = f"`duckdb://{database}` cannot be opened: {str(error).splitlines()[0]}"
        way_out = "check the path, and that no other program is writing to the file"
        raise StudyError(Problem(where, what, way_out)) from None
    backend.raw_sql("SET TimeZone = 'UTC'")
    backend.raw_sql("SET enable_progress_bar = false")
    for name, value in settings.items():
        try:
            backend.raw_sql(f"SET {name} = '{value.replace(chr(39), chr(39) * 2)}'")
        except duckdb.Error as error:
            what = f"`{name}={value}` is refused by DuckDB: {str(error).splitlines()[0]}"
            raise StudyError(Problem(where, what, "for example memory_limit=4GB, threads=2")) from None
    return backend


def _spark(master: str, where: str) -> BaseBackend:
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        raise StudyError(Problem(where, "pyspark needs Java, which is not there", "install Java 17, or use duckdb://"))
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # otherwise workers start another Python
    import ibis
    from pyspark.sql import SparkSession

    settings = {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": str(SPARK_PARTITIONS),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    if master and not master.startswith("local"):
        del settings["spark.driver.bindAddress"], settings["spark.driver.host"]  # a cluster has to find the driver
    builder = SparkSession.builder.master(master or "local[2]").appName("cxlab")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return ibis.pyspark.connect(session)


def _postgres(url: str, where: str, read_only: bool) -> BaseBackend:
    import ibis
    import psycopg

    try:
        backend = ibis.connect(url.replace("postgresql://", "postgres://", 1))
    except psycopg.OperationalError as error:
        reason = (str(error).strip().splitlines() or ["no answer"])[0]
        what = f"`{without_password(url)}` cannot be reached: {reason}"
        raise StudyError(Problem(where, what, "check host, database, user and PGPASSWORD")) from None
    with backend.begin() as cursor:
        cursor.execute("SET TIME ZONE 'UTC'")
        if read_only:
            cursor.execute("SET default_transaction_read_only = on")
    return backend
