"""What engines write differently, written once: exact time, text in one order, tables kept between questions.

Everything else in cxlab's questions to an engine is plain Ibis. The rules that make the same question have the same answer on DuckDB,
Spark and PostgreSQL: time is whole microseconds in an integer and never an interval; every window has a total order; text is put in
the order of its bytes and not of a locale; quantiles are taken of integers cast to float.
"""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import pandas as pd

if TYPE_CHECKING:
    from ibis.backends import BaseBackend

_numbers = itertools.count()


@ibis.udf.scalar.builtin(name="epoch_us", signature=((dt.timestamp,), dt.int64))
def _epoch_us(moment: Any) -> Any: ...


@ibis.udf.scalar.builtin(name="unix_micros", signature=((dt.timestamp,), dt.int64))
def _unix_micros(moment: Any) -> Any: ...


@ibis.udf.scalar.builtin(name="hash", signature=((dt.int64,), dt.uint64))
def duckdb_hash(number: Any) -> Any:
    """DuckDB's hash of one integer. Two arguments would be mixed by xor, under which positions cancel."""


@ibis.udf.scalar.builtin(name="convert_to", signature=((dt.string, dt.string), dt.binary))
def _convert_to(text: Any, encoding: Any) -> Any: ...


def new_name(kind: str) -> str:
    """A name for a table that no other question of this process has used."""
    return f"cxlab_{kind}_{os.getpid()}_{next(_numbers)}"


def keep(backend: BaseBackend, expression: ibis.Table) -> ibis.Table:
    """The rows of an expression, computed now and kept in the engine for as long as the connection lives."""
    if backend.name in (
        "duckdb",
        "postgres",
    ):  # a temporary table; names are never used again, so nothing needs dropping
        return backend.create_table(new_name("kept"), expression, temp=True)
    return expression.cache()


def kept(backend: BaseBackend, name: str) -> ibis.Table:
    """A temporary table of DuckDB by its name."""
    return backend.table(name, database=("temp", "main"))


def keeps_places(backend: BaseBackend) -> bool:
    """Whether the engine promises that rows stay in the order in which they were put into a table. DuckDB does, unless told not to
    (its manual: Order Preservation): `OVER ()` then goes along the rows, and `rowid` counts them from 0."""
    if backend.name != "duckdb":
        return False
    asked: Any = backend
    return bool(asked.raw_sql("SELECT current_setting('preserve_insertion_order')").fetchone()[0])


def as_sql(backend: BaseBackend, table: ibis.Table) -> str:
    """A table as it may stand after FROM in DuckDB. A kept one has a name already."""
    if isinstance(table.op(), ops.DatabaseTable):
        return table.get_name()
    asked: Any = backend
    return f"({asked.compile(table)})"


def quoted(name: str) -> str:
    """The name of a column as DuckDB reads it."""
    return '"' + name.replace('"', '""') + '"'


def upload(backend: BaseBackend, frame: pd.DataFrame) -> ibis.Table:
    """A DataFrame as a table of the engine."""
    name = new_name("frame")
    if backend.name == "pyspark":  # a memtable would be gone when a kept question is asked
        session: Any = backend._session
        session.createDataFrame(
            frame.astype({c: object for c in frame if frame[c].dtype == "str"})
        ).createOrReplaceTempView(name)
        return backend.table(name)
    return backend.create_table(name, frame, temp=True)


def micros(backend: BaseBackend, moment: ibis.Value) -> ibis.Value:
    """Whole microseconds since 1970 (UTC) of a timestamp or date column.

    `epoch_seconds` alone would not do: Spark truncates it, DuckDB and PostgreSQL round it.
    """
    if moment.type().is_date():
        moment = moment.cast("timestamp")
    if backend.name == "duckdb":
        return _epoch_us(moment)
    if backend.name == "pyspark":  # knows no microseconds of a timestamp, and refuses the type without a zone here
        return _unix_micros(moment.cast("timestamp('UTC')"))
    return moment.truncate("s").epoch_seconds().cast("int64") * 1_000_000 + moment.microsecond().cast("int64")


def quantiles(backend: BaseBackend, number: ibis.Value, shares: dict[str, float]) -> dict[str, ibis.Value]:
    """Interpolated quantiles of whole numbers by name, for `agg`. DuckDB collects and sorts the numbers of a group once for all of
    them, and turns them into floats after that."""
    if backend.name == "duckdb":
        found = number.quantile(list(shares.values()))
        return {name: found[place] for place, name in enumerate(shares)}
    number = number.cast("float64")
    return {name: number.quantile(share) for name, share in shares.items()}


def in_byte_order(backend: BaseBackend, text: ibis.Value) -> ibis.Value:
    """A text column to order by, in the order of its bytes. Servers order text by their locale unless told."""
    return _convert_to(text, "UTF8") if backend.name == "postgres" else text
