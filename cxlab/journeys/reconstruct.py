"""Journeys rebuilt from an event log: what customers really do, in which order, how long it takes, where it stops.

One row of the log is one thing that happened to a customer. Events are put in order once (customer, time, tie-break) with the next
touchpoint and the wait to it beside each; every question after that is counting over that order, asked of the engine that holds the
log: DuckDB unless another is named, so that a log need not fit into memory. Rows without customer, time or touchpoint are counted,
never dropped silently. A journey that was still going on when the log ends is censored: its length is a lower bound, and a median of
finished journeys alone would be too short.

Nothing here says why somebody went where they went, and a share of exits is not a share of customers: read both.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.operations as ops
import numpy as np
import numpy.typing as npt
import pandas as pd

from cxlab.data.engine import connect
from cxlab.data.portable import in_byte_order, keep, keeps_places, kept, micros, new_name, quoted, upload
from cxlab.problems import did_you_mean

if TYPE_CHECKING:
    from ibis.backends import BaseBackend

    from cxlab.journeys.log import Journeys

MOST_TOUCHPOINTS = 32_767
_KEY, _PLACE = "_key", 2**32  # of a customer, to sort by: the place of the first event, times 2³², and the number
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(d|h|min|s)")
_SECONDS = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}
_NUMBER = r"^-?[0-9]{1,18}$"


def duration(text: str | pd.Timedelta) -> pd.Timedelta:
    """A length of time with its unit: 30d, 36h, 90min, 45s. A bare number is refused: it could mean anything.

    >>> duration("36h")
    Timedelta('1 days 12:00:00')
    """
    if isinstance(text, pd.Timedelta):
        return text
    found = _DURATION.fullmatch(str(text).strip())
    if found is None:
        raise ValueError(f"a duration is a number with a unit (30d, 12h, 30min, 45s), got {text!r}")
    return pd.Timedelta(seconds=float(found[1]) * _SECONDS[found[2]])


def whole_micros(length: str | pd.Timedelta) -> int:
    """A length of time in microseconds.

    >>> whole_micros("90min")
    5400000000
    """
    return round(duration(length) / pd.Timedelta(microseconds=1))


def as_lengths(micros: pd.Series) -> pd.Series:
    """Quantiles of waits, as floats of microseconds, as lengths of time. Engines interpolate with other rounding errors: those are
    taken off before a half is rounded up, so that every engine gives the same microsecond."""
    whole = np.floor(np.round(micros.astype(float), 1) + 0.5)
    return pd.to_timedelta(whole.astype("Int64"), unit="us")


@dataclass(frozen=True)
class Source:
    """The rows of a log as they came: customer_id, touchpoint, moment, number (the tie-break), `row` (the place in the file,
    where it is known), `ended` where events have an end, and the segments. `counts` is filled when somebody asks."""

    backend: BaseBackend
    rows: ibis.Table
    segments: tuple[str, ...]
    has_rows: bool
    has_ends: bool

    @property
    def good(self) -> ibis.Table:
        """The rows that have a customer, a moment and a touchpoint."""
        rows = self.rows
        return rows.filter(rows.customer_id.notnull() & rows.moment.notnull() & rows.touchpoint.notnull())


def reconstruct(
    events: Any,
    *,
    customer: str = "customer_id",
    timestamp: str = "timestamp",
    touchpoint: str = "touchpoint",
    order: str = "event_id",
    segment: str | list[str] | None = None,
    end: str = "end_timestamp",
    engine: str | BaseBackend | None = None,
) -> Journeys:
    """Put a log in order. `events`: a DataFrame, the path of a parquet file, or an Ibis table.

    Order is (customer, timestamp, `order`); without the column `order` ties fall back on the place of the row, or for a table of
    an engine, which has no places, on the name of the touchpoint; ties are counted. An `order` of whole numbers written as text
    is put in the order of the numbers. Ids become text ("007" and "NA" stay), naive times are UTC. A segment is one value a
    customer, as text: its one non-missing value on any row; two are counted as a conflict and the first in the alphabet counts.
    `end` is when an event was over, where the log says so. `engine` is a URL of `cxlab.data.engine.connect` or an Ibis backend;
    without it an Ibis table stays where it is, and everything else is computed in DuckDB. Raises ValueError for a missing column
    and for times that are none.
    """
    from cxlab.journeys.log import Journeys

    names = [segment] if isinstance(segment, str) else list(segment or [])
    source = _source(events, (customer, timestamp, touchpoint), order, names, end, engine)
    in_places = keeps_places(source.backend) and not source.rows.op().find(ops.InMemoryTable)
    people, found, table = (_by_places if in_places else _by_windows)(source, touchpoint)
    return Journeys(source, people, found, table, in_places=in_places)


def _by_windows(source: Source, touchpoint: str) -> tuple[ibis.Table, npt.NDArray[Any], ibis.Table]:
    """Customers by number, touchpoints by code and the events in order, as any engine makes them."""
    backend, good, names = source.backend, source.good, source.segments
    kinds = good.select("touchpoint").distinct()
    found = sorted(kinds.to_pandas()["touchpoint"])
    _check_kinds(len(found), touchpoint)
    # text is looked at once; from here on everything is small integers
    codes = upload(
        backend, pd.DataFrame({"touchpoint": pd.array(found, dtype="str"), "a": np.arange(len(found), dtype="int16")})
    )
    people = good.group_by("customer_id").agg(**{name: good[name].min() for name in names})
    first = ibis.window(order_by=in_byte_order(backend, people.customer_id))
    people = keep(backend, people.mutate(c=ibis.row_number().over(first).cast("int32")))
    coded = good.inner_join(codes, "touchpoint").inner_join(people.select("customer_id", "c"), "customer_id")
    coded = coded.select(
        "c", "a", t=coded.t, number=coded.number, **({"ended": coded.ended} if source.has_ends else {})
    )
    in_order = ibis.window(
        group_by="c", order_by=[coded.t, coded.number, coded.a, *([coded.ended] if source.has_ends else [])]
    )
    table = coded.mutate(
        pos=ibis.row_number().over(in_order).cast("int32"),
        nx=coded.a.lead().over(in_order),
        wait=coded.t.lead().over(in_order) - coded.t,
    )
    return people, np.array(found, dtype=object), keep(backend, table.drop("number"))


def _by_places(source: Source, touchpoint: str) -> tuple[ibis.Table, npt.NDArray[Any], ibis.Table]:
    """The same where an engine keeps rows in their places (DuckDB): they are sorted once by small integers, and the next event is
    the next row. The first event of a customer lies after all events of the customers before."""
    backend: Any = source.backend
    rows = backend.compile(source.good)
    names = [quoted(name) for name in source.segments]
    customer, lowest = ", ".join(["customer_id", *names]), "".join(f", min({name}) AS {name}" for name in names)
    ended, last = (", e.ended", ", e.ended NULLS LAST") if source.has_ends else ("", "")
    seen, codes, people, placed, made = (new_name("kept") for _ in range(5))
    backend.raw_sql(f"""
        CREATE TEMP TABLE {seen} AS SELECT {customer}, touchpoint, count(*) AS n FROM ({rows})
        GROUP BY GROUPING SETS (({customer}), (touchpoint))""")
    backend.raw_sql(f"""
        CREATE TEMP TABLE {codes} AS SELECT touchpoint, (row_number() OVER (ORDER BY touchpoint) - 1)::SMALLINT AS a
        FROM {seen} WHERE touchpoint IS NOT NULL""")
    found = [name for (name,) in backend.raw_sql(f"SELECT touchpoint FROM {codes} ORDER BY a").fetchall()]
    _check_kinds(len(found), touchpoint)
    backend.raw_sql(f"""
        CREATE TEMP TABLE {people} AS SELECT {customer}, (row_number() OVER so_far - 1)::INTEGER AS c,
            ((sum(n) OVER so_far - n) * {_PLACE} + c)::BIGINT AS {_KEY}
        FROM (SELECT customer_id{lowest}, sum(n) AS n FROM {seen} WHERE customer_id IS NOT NULL GROUP BY customer_id)
        WINDOW so_far AS (ORDER BY customer_id ROWS UNBOUNDED PRECEDING)""")
    backend.raw_sql(f"""
        CREATE TEMP TABLE {placed} AS SELECT p.{_KEY} AS key, k.a, e.t{ended}
        FROM ({rows}) e JOIN {codes} k ON e.touchpoint = k.touchpoint JOIN {people} p ON e.customer_id = p.customer_id
        ORDER BY key, e.t, e.number NULLS LAST, k.a{last}""")
    backend.raw_sql(f"""
        CREATE TEMP TABLE {made} AS SELECT (key & {_PLACE - 1})::INTEGER AS c, a, t{ended}, (place - (key >> 32))::INTEGER AS pos,
            CASE WHEN next_key = key THEN next_a END AS nx, CASE WHEN next_key = key THEN next_t - t END AS wait
        FROM (SELECT *, rowid AS place, lead(key) OVER () AS next_key, lead(a) OVER () AS next_a, lead(t) OVER () AS next_t
            FROM {placed}) e""")
    for done in (seen, codes, placed):
        backend.raw_sql(f"DROP TABLE {done}")
    return kept(backend, people), np.array(found, dtype=object), kept(backend, made)


def _check_kinds(n: int, touchpoint: str) -> None:
    if n > MOST_TOUCHPOINTS:
        what = f"`{touchpoint}` has {n:,} kinds of events, more than {MOST_TOUCHPOINTS:,}"
        raise ValueError(f"{what}: it seems to number them; give the column that names what happened")


def _source(
    events: Any, needed: tuple[str, str, str], order: str, names: list[str], end: str, engine: str | BaseBackend | None
) -> Source:
    """The log in its engine, with our own names of columns."""
    customer, timestamp, touchpoint = needed
    if isinstance(events, str | os.PathLike):
        backend = connect(engine) if isinstance(engine, str) else engine or connect()
        if backend.name == "duckdb":
            table, has_rows = backend.read_parquet(str(events), file_row_number=True), True
        else:
            table, has_rows = backend.read_parquet(str(events)), False
        place = "file_row_number"
        columns = [name for name in table.columns if name != place]
    elif isinstance(events, pd.DataFrame):
        columns = list(map(str, events.columns))
        backend, table, has_rows, place = None, None, True, "_row"
    else:
        table, has_rows, place, columns = events, False, "", list(events.columns)
        backend = connect(engine) if isinstance(engine, str) else engine or events.get_backend()
    for column in (*needed, *names):
        if column not in columns:
            raise ValueError(f"the log has no column `{column}`; {did_you_mean(column, columns)}")
    has_order, has_ends = order in columns, end in columns
    if isinstance(events, pd.DataFrame):
        backend = connect(engine) if isinstance(engine, str) else engine or connect()
        ours = _tidied(events, needed, order if has_order else "", names, end if has_ends else "")
        table = upload(backend, ours)
        customer, timestamp, touchpoint, order, end = "customer_id", "moment", "touchpoint", "number", "ended"
        names_there = {name: f"_{number}" for number, name in enumerate(names)}
    else:
        names_there = {name: name for name in names}
    moment = table[timestamp]
    if not (moment.type().is_timestamp() or moment.type().is_date()):
        raise ValueError(f"`{timestamp}` is {moment.type()} and no time; convert it to a timestamp (UTC)")
    rows = table.select(
        customer_id=table[customer].cast("string"),
        touchpoint=table[touchpoint].cast("string"),
        moment=moment,
        **({"number": table[order]} if has_order else {"number": table[place]} if has_rows else {}),
        **({"row": table[place]} if has_rows else {}),
        **({"ended": table[end]} if has_ends else {}),
        **{name: table[there].cast("string") for name, there in names_there.items()},
    )
    if not has_order and not has_rows:
        rows = rows.mutate(number=rows.touchpoint)
    rows = rows.mutate(number=_comparable(backend, rows), t=micros(backend, rows.moment))
    if has_ends:
        rows = rows.mutate(ended=micros(backend, rows.ended))
    return Source(backend, rows, tuple(names), has_rows, has_ends)


def _comparable(backend: BaseBackend, rows: ibis.Table) -> ibis.Value:
    """The tie-break as engines order it alike: numbers as numbers, also those written as text; other text by its bytes."""
    number = rows.number
    if not number.type().is_string():
        return number
    other = rows.filter(number.notnull() & ~number.re_search(_NUMBER)).count().to_pandas()
    return in_byte_order(backend, number) if other else number.cast("int64")


def _tidied(frame: pd.DataFrame, needed: tuple[str, str, str], order: str, names: list[str], end: str) -> pd.DataFrame:
    """A DataFrame as an engine takes it: ids and names as text, times in UTC to the microsecond, the place of each row."""
    customer, timestamp, touchpoint = needed
    ours = pd.DataFrame(
        {
            "customer_id": _text(frame[customer]),
            "moment": _utc(frame[timestamp]),
            "touchpoint": _text(frame[touchpoint]),
        }
    )
    ours["_row"] = np.arange(len(frame), dtype="int64")
    if order:
        number = pd.to_numeric(pd.Series(frame[order].to_numpy()), errors="coerce")
        whole = number.notna().all() and (number == number.round()).all()
        ours["number"] = number.astype("int64") if whole else _text(frame[order])
        if number.notna().all() and not whole:
            ours["number"] = number
    if end:
        ours["ended"] = _utc(frame[end])
    for place, name in enumerate(names):
        ours[f"_{place}"] = _text(frame[name])
    return ours


def _text(values: pd.Series) -> pd.Series:
    there = values.notna().to_numpy()
    made = np.full(len(values), None, dtype=object)
    made[there] = values[there].astype(str).to_numpy(dtype=object)
    return pd.Series(pd.array(made, dtype="str"))


def _utc(times: pd.Series) -> pd.Series:
    """Times in UTC and without a zone, to the microsecond, as every engine stores them."""
    at: Any = pd.to_datetime(times, utc=True).dt.tz_localize(None)
    made: pd.Series = at.astype("datetime64[us]").reset_index(drop=True)
    return made
