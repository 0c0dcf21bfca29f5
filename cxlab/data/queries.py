"""Sources that are a database: the rows of one SELECT as text, with nothing changed there and no password in study.toml.

`ask` sends the query through an Ibis connection that is read-only where the engine knows such a thing, and refuses anything
but one SELECT or WITH. One row of its `RawTable` is one row of the answer, numbered from 1: in the order of the query where
it ends in ORDER BY, otherwise sorted by all columns, because a database promises no order and ties would come out otherwise
each time. A column of a type that is no text, number, date or time is read as the database writes it.

What a report was made from is known by a hash of all cells (SHA-256), made after the rows are read. A count and a hash made
by the engine would save the reading, but each engine hashes otherwise, and what has to be told apart is what was read.

The rows are kept in `data/processed/STUDY/tables/.queries`, readable by their owner alone, until the next answer to the same
query. All notebooks of one run read these, so that they speak of the same rows. `refresh = "never"` reads them instead of the
database from then on. `cxlab forget` removes them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pandas as pd

from cxlab.config import Source
from cxlab.data.engine import connect, password_problem, without_password
from cxlab.data.sources import RawTable, arrow_as_text, without_empty_rows
from cxlab.problems import Problem, StudyError, did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa
    import sqlglot.expressions as exp

_DIALECTS = {"duckdb": "duckdb", "pyspark": "spark", "postgres": "postgres", "postgresql": "postgres"}
_PLAIN = {  # types that arrive as what they are; all others are cast to text by the engine
    "duckdb": r"bool\w*|u?\w*int(eger)?|float|double|decimal\(.*\)|varchar|date|time|timestamp.*|blob|.*\[\d*\]|(struct|map)\(.*",
    "postgres": r"bool|int[248]|float[48]|numeric\(.*\)|text|varchar.*|date|time|timestamp(tz)?(\(\d\))?|bytea"
    r"|(bool|int[248]|float[48]|text|varchar)\[\]",
    "pyspark": r"boolean|tinyint|smallint|int|bigint|float|double|decimal\(.*\)|string|date|timestamp(_ntz)?|binary"
    r"|(array|struct)<.*",
}
_ZONED = {
    "duckdb": "timestamp with time zone",
    "postgres": r"timestamptz.*",
    "pyspark": "timestamp",
}  # moments, not local times
_SECRET = re.compile(r"\b(password|passwd|pwd)\s*=\s*\S", re.I)
_HASHED_AT_ONCE = 100_000  # cells
KEPT_IN = ".queries"


@dataclass(frozen=True)
class Answer:
    """What a database said: `file` is what it is called in messages and accounts, `sha256` the hash of its cells, `told` where
    the rows come from."""

    file: str
    raw: RawTable
    sha256: str
    told: Problem


def ask(name: str, source: Source, folder: Path, tables: Path, *, keep: bool, in_run: bool = False) -> Answer:
    """The rows of the source `name`. `folder` is where the study's exports are, `tables` where its tables are kept.

    With `keep` they are kept there; without it nothing is written. `in_run` takes the rows that its run has kept. Raises
    `StudyError` for a password, a statement that is no query, a database that cannot be reached and one that refuses, and
    where `refresh` is never and nothing has been kept.
    """
    section = f"[sources.{name}]"
    file = f"{name}.{'query' if source.table_name is None else 'table'}"
    url = _located(source.url or "", folder, f"{section} url")
    statement = _statement(source, url, section)
    place = sha256(json.dumps([url, statement.text]).encode()).hexdigest()[:24]
    stored = tables / KEPT_IN / name / f"{place}.parquet"
    known = datetime.fromtimestamp(stored.stat().st_mtime, UTC) if stored.is_file() else None
    origin = f"`{without_password(source.url or '')}`, " + (source.table_name or "by its `query`")
    notes: list[Problem] = []
    if known is not None and (in_run or source.refresh == "never"):
        rows = _kept(stored, file)
    elif source.refresh == "never":
        _refuse(f"{section} refresh", "no rows of this query have been kept", 'run once with refresh = "always"')
    else:
        try:
            rows = _asked(url, statement, folder, file, section, notes)
        except StudyError as error:
            raise StudyError([_with_kept(problem, known) for problem in error.problems]) from None
        if keep:
            _keep(rows, stored)
    what = f"{_counted(len(rows), 'row')} in {_counted(rows.shape[1], 'column')} read from {origin}"
    if source.refresh == "never" and known is not None:
        what += f", on {known:%Y-%m-%d %H:%M} UTC and not since (refresh is never)"
    told = Problem(
        file,
        what,
        "" if len(rows) else "is that the right table, and the right day?",
        "note" if len(rows) else "warning",
    )
    digest = hash_of(rows)
    return Answer(file, without_empty_rows(Path(file), rows, {}, file, notes), digest, told)


def hash_of(rows: pd.DataFrame) -> str:
    """SHA-256 of the names and cells of a table of text, column by column."""
    digest = sha256(json.dumps([len(rows), *map(str, rows.columns)]).encode())
    for position in range(rows.shape[1]):
        cells = rows.iloc[:, position].tolist()
        for begin in range(0, len(cells), _HASHED_AT_ONCE):
            digest.update(json.dumps(cells[begin : begin + _HASHED_AT_ONCE]).encode())
    return digest.hexdigest()


def _refuse(where: str, what: str, way_out: str) -> NoReturn:
    raise StudyError(Problem(where, what, way_out)) from None


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _with_kept(problem: Problem, known: datetime | None) -> Problem:
    """Where rows have been kept, the way out names them, too."""
    if known is None:
        return problem
    way_out = f'{problem.way_out}; the rows read on {known:%Y-%m-%d %H:%M} UTC are kept: refresh = "never" uses them'
    return Problem(problem.where, problem.what, way_out, problem.severity)


def _located(url: str, folder: Path, where: str) -> str:
    """The URL with the path of a DuckDB file in full: as it stands, or from the study's folder on."""
    if problem := password_problem(url, where=where):
        raise StudyError(problem)
    scheme, _, rest = url.partition("://")
    if scheme != "duckdb" or not rest or rest == ":memory:":
        return url
    candidates = [folder / rest, folder / rest.lstrip("/")]  # an absolute path stays what it is
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        there = [found.name for found in folder.glob("*") if found.suffix in (".duckdb", ".db", ".ddb")]
        near = did_you_mean(Path(rest).name, there) if there else "write it from the study's folder on, or in full"
        _refuse(where, f"there is no database file `{rest}`", near)
    return f"duckdb://{path.resolve()}"


# ------------------------------------------------------------------------------------------------------------ the query


@dataclass(frozen=True)
class _Statement:
    """One query: its text, whether its order is meant, and the key of study.toml that it comes from."""

    text: str
    ordered: bool
    key: str
    table: exp.Table | None = None


def _statement(source: Source, url: str, section: str) -> _Statement:
    """The query of a source, which can do nothing but read."""
    import sqlglot
    import sqlglot.expressions as exp

    dialect = _DIALECTS.get(url.partition("://")[0], "duckdb")  # another one is refused by `connect`
    if source.table_name is not None:
        where = f"{section} table_name"
        try:
            table = exp.to_table(source.table_name, dialect=dialect)
        except sqlglot.ParseError:
            table = None
        if table is None or not table.name or table.args.keys() - {"this", "db", "catalog"} or not _is_named(table):
            _refuse(where, f"`{source.table_name}` is no table", 'write table_name = "schema.table", or a query')
        for part in table.parts:
            part.set("quoted", True)
        return _Statement(exp.select("*").from_(table).sql(dialect), False, where, table)
    where, query = f"{section} query", source.query or ""
    try:
        statements = [one for one in sqlglot.parse(query, read=dialect) if one is not None]
    except sqlglot.errors.SqlglotError as error:
        _refuse(where, f"is not understood: {_first_line(error)}", "write one SELECT as your database understands it")
    if len(statements) != 1:
        what = f"holds {len(statements)} statements" if statements else "is empty"
        _refuse(where, what, "write one SELECT, or one WITH … SELECT")
    (statement,) = statements
    changes = (exp.DML, exp.DDL, exp.Drop, exp.Alter, exp.Command, exp.Into, exp.Lock)
    change = next(
        (node for node in statement.walk() if isinstance(node, changes) and not isinstance(node, exp.Query)), None
    )
    if change is not None or not isinstance(statement, exp.Query):
        word = (change or statement).key.upper()
        _refuse(
            where, f"does more than read ({word})", "write one SELECT, or one WITH … SELECT: a source changes nothing"
        )
    if any(literal.is_string and _SECRET.search(literal.name) for literal in statement.find_all(exp.Literal)):
        _refuse(where, "holds a password", "take it out: study.toml is read and shared by many")
    text = query.strip().rstrip(";").rstrip()
    return _Statement(text, statement.args.get("order") is not None, where)


def _is_named(table: exp.Table) -> bool:
    import sqlglot.expressions as exp

    return all(isinstance(part, exp.Identifier) for part in table.parts)


def _first_line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return re.sub(r"\x1b\[[0-9;]*m", "", lines[0]).strip() if lines else type(error).__name__


# ------------------------------------------------------------------------------------------------------------- the rows


def _asked(
    url: str, statement: _Statement, folder: Path, file: str, section: str, notes: list[Problem]
) -> pd.DataFrame:
    """The answer as text, numbered from 1, in an order that does not depend on the database's mood."""
    backend = connect(url, where=f"{section} url", read_only=True)
    try:
        if backend.name == "duckdb":  # read_parquet('part_*.parquet') finds the exports
            backend.raw_sql(f"SET file_search_path = {_quoted(str(folder))}")
        with _refusals_told(backend, statement):
            types = _described(backend, statement.text)
            twice = [name for name, _ in types]
            if len(set(twice)) < len(twice):
                again = next(name for name in twice if twice.count(name) > 1)
                _refuse(statement.key, f"returns two columns called `{again}`", "give one another name: … AS name")
            answer = _fetched(backend, statement.text, types)
    finally:
        if backend.name != "pyspark":  # a Spark session is shared
            backend.disconnect()
    rows = arrow_as_text(answer, file, notes)
    return rows if statement.ordered else _sorted(rows)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _described(backend: Any, query: str) -> list[tuple[str, str]]:
    """Name and type of each column of a query, as the engine calls them; nothing is computed."""
    if backend.name == "duckdb":
        return [(row[0], row[1].lower()) for row in backend.raw_sql(f"DESCRIBE {query}").fetchall()]
    if backend.name == "pyspark":
        return [(name, kind.lower()) for name, kind in backend._session.sql(query).dtypes]
    with backend.con.transaction(), backend.con.cursor() as cursor:
        cursor.execute(f"SELECT * FROM (\n{query}\n) AS asked LIMIT 0")
        return [(column.name, column.type_display.lower()) for column in cursor.description]


def _fetched(backend: Any, query: str, types: Sequence[tuple[str, str]]) -> pa.Table:
    """The answer, with columns of unusual types cast to text by the engine."""
    import pyarrow as pa
    import sqlglot.expressions as exp

    dialect = _DIALECTS[backend.name]
    plain = {name: re.fullmatch(_PLAIN[backend.name], kind) is not None for name, kind in types}
    columns = ", ".join(
        name if plain[column] else f"CAST({name} AS {'TEXT' if dialect == 'postgres' else 'STRING'}) AS {name}"
        for column, name in ((column, exp.to_identifier(column, quoted=True).sql(dialect)) for column, _ in types)
    )
    schema = None
    if backend.name == "postgres":  # Ibis would make a view to learn it, which a read-only session refuses
        mapper = backend.compiler.type_mapper
        schema = {name: mapper.from_string(kind) if plain[name] else "string" for name, kind in types}
    answer = backend.sql(f"SELECT {columns} FROM (\n{query}\n) AS asked", schema=schema).to_pyarrow()
    for position, (column, kind) in enumerate(types):
        if pa.types.is_timestamp(answer.schema.field(position).type):  # Ibis gives Spark's moments without their zone
            moment = re.fullmatch(_ZONED[backend.name], kind) is not None
            cells = answer.column(position).cast(pa.timestamp("us", "UTC" if moment else None), safe=False)
            answer = answer.set_column(position, column, cells)
    return answer


@contextmanager
def _refusals_told(backend: Any, statement: _Statement) -> Iterator[None]:
    """What an engine refuses, as one message with its own first line."""
    import pyarrow as pa
    from ibis.common.exceptions import IbisError

    refusals: tuple[type[BaseException], ...] = (IbisError, pa.ArrowException)
    if backend.name == "duckdb":
        import duckdb

        refusals += (duckdb.Error,)
    elif backend.name == "postgres":
        import psycopg

        refusals += (psycopg.Error,)
    else:
        from pyspark.errors import PySparkException

        refusals += (PySparkException,)
    try:
        yield
    except refusals as error:
        way_out = "try it in your database first"
        if (table := statement.table) is not None:
            try:
                way_out = did_you_mean(table.name, backend.list_tables(database=table.db or None))
            except refusals:
                way_out = "write it as schema.table, as your database calls them"
        _refuse(statement.key, f"is refused by the database: {_first_line(error)}", way_out)


def _sorted(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows by all their columns, from the first to the last, empty cells at the end; numbered anew."""
    import pyarrow.compute as pc

    table = _as_arrow(rows)
    keys = [(name, "ascending") for name in table.column_names]
    if not keys or not len(rows):
        return rows
    order = pc.sort_indices(table, sort_keys=keys).to_numpy()
    return rows.iloc[order].set_axis(rows.index, axis=0)


# ----------------------------------------------------------------------------------------------------------- kept rows


def _as_arrow(rows: pd.DataFrame) -> pa.Table:
    import pyarrow as pa

    columns = [
        pa.array(rows.iloc[:, position], type=pa.string(), from_pandas=True) for position in range(rows.shape[1])
    ]
    return pa.table(columns, names=[str(name) for name in rows.columns])


def _keep(rows: pd.DataFrame, stored: Path) -> None:
    """Write the rows in one step; those of an earlier query of the source make room."""
    import pyarrow.parquet as pq

    stored.parent.mkdir(parents=True, exist_ok=True)
    for folder in (stored.parent.parent, stored.parent):
        folder.chmod(0o700)
    partial = stored.with_name(f".{stored.name}.{os.getpid()}")
    partial.touch(mode=0o600)
    pq.write_table(_as_arrow(rows), partial)
    os.replace(partial, stored)
    for other in stored.parent.glob("*.parquet"):
        if other != stored:
            other.unlink(missing_ok=True)


def _kept(stored: Path, file: str) -> pd.DataFrame:
    import pyarrow.parquet as pq

    return arrow_as_text(pq.ParquetFile(stored).read(), file, [])
