"""Event logs in XES (IEEE 1849-2016), the format that process mining tools exchange: read to text, and written.

Read, one row is one event: `customer_id` is the name of its trace, `touchpoint` its own name (`concept:name`), `timestamp` its
`time:timestamp`, `event_id` its number in the file, from 1 (or the attribute `event_id` where every event bears one of its
own). Its other attributes keep their names, those of its trace begin with `case:`; a nested attribute is called
`outer/inner`, a list is JSON text. Nothing is interpreted here but the life of an activity:

- Of events that say what they report (`lifecycle:transition`), those that complete an activity are rows; one that does not
  say so is complete. A `start` joins its completion, which is then one row from `timestamp` (the start) to `end_timestamp`:
  in a trace by `concept:instance` where there is one, otherwise the earliest open start of the same name. What only the
  start says is kept too. A note counts them: joined, they are no rows of their own.
- Every other event (scheduled, suspended, started and never completed) is rejected with its reason.
- `lifecycle = ["start", "complete"]` of the source keeps these as rows, each for itself, and `["*"]` every event.

The file is read as a stream. A document type is refused, because entities can make a small file endless.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import zlib
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple, NoReturn
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

import numpy as np
import pandas as pd

from cxlab.config import Source
from cxlab.data.sources import parse_times
from cxlab.problems import Problem, StudyError, did_you_mean

NAME, TIME, TRANSITION, INSTANCE = "concept:name", "time:timestamp", "lifecycle:transition", "concept:instance"
_OF_TRACE = "case:"
_MADE = ("customer_id", "timestamp", "touchpoint", "event_id", "end_timestamp")
_OWN_ID = "event:event_id"
_VALUES = frozenset({"string", "date", "int", "float", "boolean", "id"})
_NESTED = frozenset({"list", "container"})
_DEEPEST = 50  # elements inside each other; real logs have under ten
_GZIP = b"\x1f\x8b"
_SHOWN = 4

Reject = tuple[int, str, str, str]


@dataclass(frozen=True)
class XesFile:
    """A log as text: its columns' names and cells (None where empty), the number of each row's event in the file, the events
    left out (number, column, value, reason), and what a person should know."""

    names: list[str]
    cells: list[np.ndarray]
    numbers: np.ndarray
    rejects: list[Reject]
    notes: list[Problem]

    def texts(self) -> Iterator[str]:
        """Its distinct words, in which letters may have been lost."""
        for name, cells in zip(self.names, self.cells, strict=True):
            if name not in ("customer_id", "timestamp", "event_id", "end_timestamp"):
                yield from {cell for cell in cells if cell is not None}


def read_xes(path: Path, options: Source, shown: str) -> XesFile:
    """Read a log, plain or in gzip. `shown` names the file in messages.

    Raises `StudyError` where it is no well-formed XES, is cut off, declares a document type, or holds no event of the
    transitions that are asked for.
    """
    log = _Log(shown)
    _parse(path, log, shown)
    columns, notes = log.table(), log.notes()
    kept, rejects, starts, completions = _lifecycle(columns, log.of_trace, options, shown)
    n_joined = len(starts)
    if n_joined:
        columns["end_timestamp"] = _joined(columns, starts, completions)
        joined = "1 start joined its completion" if n_joined == 1 else f"{n_joined:,} starts joined their completions"
        what = f"{joined}: `timestamp` is when the step began, `end_timestamp` when it was completed"
        notes.append(Problem(shown, what, 'to keep each for itself say lifecycle = ["*"]', "note"))
    if _OWN_ID in columns and _is_key(columns[_OWN_ID][kept]):
        columns["event_id"] = columns.pop(_OWN_ID)
    in_xes = {NAME: "touchpoint", TIME: "timestamp", _OF_TRACE + NAME: "customer_id"}  # where study.toml says them so
    for column in dict.fromkeys(options.columns.values()):
        if column in in_xes and column not in columns:
            columns[column] = columns[in_xes[column]]
    numbers = np.flatnonzero(kept) + 1
    return XesFile(list(columns), [cells[kept] for cells in columns.values()], numbers, rejects, notes)


def _refuse(where: str, what: str, way_out: str) -> NoReturn:
    raise StudyError(Problem(where, what, way_out)) from None


# -------------------------------------------------------------------------------------------------------------- parsing


def _parse(path: Path, log: _Log, shown: str) -> None:
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = log.doctype
    parser.StartElementHandler = log.start
    parser.EndElementHandler = log.end
    damaged = "export it again"
    try:
        with gzip.open(path) if packed else path.open("rb") as stream:
            parser.ParseFile(stream)
    except expat.ExpatError as error:
        if parser.CurrentByteIndex <= 0 and not path.stat().st_size:
            _refuse(shown, "is empty", damaged)
        fault = expat.ErrorString(error.code)
        _refuse(shown, f"is cut off or no well-formed XML: {fault}, line {error.lineno}", damaged)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        _refuse(shown, "is a gzip archive that is cut off or damaged", damaged)
    except LookupError as error:
        _refuse(shown, f"is written in an encoding that is unknown: {error}", "export it as UTF-8")


class _Attribute(NamedTuple):
    kind: str
    key: str | None
    value: str | None
    inside: list[_Attribute]


@dataclass
class _Sparse:
    """Attributes by name: whose (events or traces by number), and the values. Of one that is there twice the first counts."""

    found: dict[str, tuple[list[int], list[str]]] = field(default_factory=dict)
    n_again: int = 0

    def add(self, owner: int, name: str, value: str) -> None:
        owners, values = self.found.setdefault(name, ([], []))
        if owners and owners[-1] == owner:
            self.n_again += 1
        else:
            owners.append(owner)
            values.append(value)

    def column(self, name: str, n: int) -> np.ndarray:
        cells = np.full(n, None, dtype=object)
        owners, values = self.found.get(name, ([], []))
        cells[owners] = np.array([*values, None], dtype=object)[:-1]
        return cells


@dataclass
class _Log:
    """What the parser has seen: the trace of each event (-1 outside of any), and the attributes of both."""

    shown: str
    of_trace: list[int] = field(default_factory=list)
    n_traces: int = 0
    n_empty: int = 0
    events: _Sparse = field(default_factory=_Sparse)
    traces: _Sparse = field(default_factory=_Sparse)
    n_unreadable: int = 0
    renamed: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)  # log, trace, event: those that are open
    open: list[_Attribute] = field(default_factory=list)
    depth: int = 0
    ignored: int = 0  # how deep inside an element that is none of ours
    first_of_trace: int = 0

    def doctype(self, *declared: object) -> None:
        what = "declares a document type (DTD), which XES does not have; its entities can make a small file endless"
        _refuse(self.shown, what, "remove the line <!DOCTYPE …>")

    def start(self, tag: str, about: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            _refuse(self.shown, f"holds elements more than {_DEEPEST} deep in each other", "is it an XES log?")
        if self.ignored:
            self.ignored += 1
            return
        tag = tag.rpartition(":")[2]
        place = self.places[-1] if self.places else ""
        if place == "":
            if tag != "log":
                _refuse(self.shown, f"is XML and no XES log: it begins with <{tag}>", "export it as XES")
            self.places.append(tag)
        elif self.open:
            self.open.append(_Attribute(tag, about.get("key"), about.get("value"), []))
        elif tag == "trace" and place == "log":
            self.places.append(tag)
            self.n_traces += 1
            self.first_of_trace = len(self.of_trace)
        elif tag == "event" and place != "event":
            self.of_trace.append(self.n_traces - 1 if place == "trace" else -1)
            self.places.append(tag)
        elif place != "log" and (tag in _VALUES or tag in _NESTED):
            self.open.append(_Attribute(tag, about.get("key"), about.get("value"), []))
        else:  # extensions, globals, classifiers, attributes of the log
            self.n_unreadable += place != "log"
            self.ignored = 1

    def end(self, tag: str) -> None:
        self.depth -= 1
        if self.ignored:
            self.ignored -= 1
        elif self.open:
            attribute = self.open.pop()
            if self.open:
                self.open[-1].inside.append(attribute)
            else:
                self._record(attribute)
        elif self.places.pop() == "trace":
            self.n_empty += self.first_of_trace == len(self.of_trace)

    def _record(self, attribute: _Attribute) -> None:
        event = self.places[-1] == "event"
        owner = len(self.of_trace) - 1 if event else self.n_traces - 1
        for name, value in self._values(attribute, ""):
            (self.events if event else self.traces).add(owner, name, value)

    def _values(self, attribute: _Attribute, before: str) -> Iterator[tuple[str, str]]:
        """Name and text of an attribute and of those nested in it. What has no name or no value is counted."""
        kind, key, value, inside = attribute
        if not key or (kind in _VALUES and value is None):
            self.n_unreadable += 1
            return
        name = before + key
        if kind in _NESTED:
            yield name, json.dumps(_plain(attribute), ensure_ascii=False)
            return
        if value:
            yield name, value
        for nested in inside:
            yield from self._values(nested, f"{name}/")

    def table(self) -> dict[str, np.ndarray]:
        """Cells by column, a row an event."""
        n = len(self.of_trace)
        of_trace = np.array([*self.of_trace, -1])[:-1]
        traces = {
            name: self.traces.column(name, self.n_traces + 1)[of_trace]  # -1 is the None at the end
            for name in dict.fromkeys([NAME, *self.traces.found])
        }
        table = {
            "customer_id": traces.pop(NAME),
            "timestamp": self.events.column(TIME, n),
            "touchpoint": self.events.column(NAME, n),
            "event_id": np.array([*map(str, range(1, n + 1)), None], dtype=object)[:-1],
        }
        taken = {*_MADE, *(_OF_TRACE + name for name in traces)}
        for name in self.events.found:
            if name in (NAME, TIME):
                continue
            cells = self.events.column(name, n)
            called = _OWN_ID if name == "event_id" else name
            while called in taken:
                called = f"event:{called}"
            if called not in (name, _OWN_ID):
                self.renamed.append(f"`{name}` is called `{called}`")
            taken.add(called)
            table[called] = cells
        return table | {_OF_TRACE + name: cells for name, cells in traces.items()}

    def notes(self) -> list[Problem]:
        told = []
        if self.renamed:
            told.append(f"attributes of events bear the name of another column: {', '.join(self.renamed)}")
        if self.n_empty:
            told.append(f"{self.n_empty:,} of {self.n_traces:,} traces hold no event: their customers are in no row")
        if again := self.events.n_again + self.traces.n_again:
            told.append(f"{again:,} attributes are there twice in their event or trace; the first counts")
        if self.n_unreadable:
            told.append(f"{self.n_unreadable:,} elements of events and traces have no key or no value and are left out")
        notes = [Problem(self.shown, what, "", "note") for what in told]
        if not self.of_trace:
            notes.append(Problem(self.shown, "is a log without events", "export it again", "warning"))
        return notes


def _plain(attribute: _Attribute) -> Any:
    """What a list or container holds, as JSON shows it."""
    inside = [
        entry
        for nested in attribute.inside
        for entry in (nested.inside if nested.kind == "values" else [nested])  # lists wrap their entries in <values>
    ]
    if attribute.kind == "list":
        return [_plain(entry) for entry in inside]
    if attribute.kind == "container":
        return {entry.key or "": _plain(entry) for entry in inside}
    return attribute.value


def _is_key(cells: np.ndarray) -> bool:
    """Whether every row has one, and none the same."""
    return None not in cells and len(set(cells)) == len(cells)


# ------------------------------------------------------------------------------------------------------------ lifecycle


def _lifecycle(
    columns: dict[str, np.ndarray], of_trace: list[int], options: Source, shown: str
) -> tuple[np.ndarray, list[Reject], list[int], list[int]]:
    """Which events are rows, why others are not, and which starts join which completions (two lists alike)."""
    n = len(of_trace)
    if TRANSITION not in columns or not n or options.lifecycle == ["*"]:
        return np.ones(n, dtype=bool), [], [], []
    said = ["complete" if text is None else text.strip().casefold() or "complete" for text in columns[TRANSITION]]
    transitions = np.array(said, dtype=object)
    wanted = {word.strip().casefold() for word in options.lifecycle or ["complete"]}
    known = pd.Series(transitions).value_counts()
    if not wanted & set(known.index):
        counted = ", ".join(f"{word} ({number:,})" for word, number in known.head(_SHOWN).items())
        what = f"no event is {' or '.join(sorted(wanted))}: their lifecycle:transition is {counted}"
        near = did_you_mean(sorted(wanted)[0], map(str, known.index))
        _refuse(f"{shown}, lifecycle", what, f'say for example lifecycle = ["{known.index[0]}"]; {near}')
    kept = np.isin(transitions, list(wanted))
    starts, completions = ([], []) if options.lifecycle else _pairs(columns, of_trace, transitions, options)
    gone = ~kept
    gone[starts] = False
    rejects = []
    for at in np.flatnonzero(gone):
        word = transitions[at]
        never = word == "start" and not options.lifecycle
        reason = "started and never completed" if never else f"lifecycle {word}, not {' or '.join(sorted(wanted))}"
        rejects.append((int(at) + 1, TRANSITION, word, reason))
    return kept, rejects, starts, completions


def _pairs(
    columns: dict[str, np.ndarray], of_trace: list[int], transitions: np.ndarray, options: Source
) -> tuple[list[int], list[int]]:
    """Starts and the completions they belong to: in each trace by name and instance, the earliest open start first."""
    at = np.flatnonzero(np.isin(transitions, ["start", "complete"]))
    if not (transitions == "start").any():
        return [], []
    times, _ = parse_times(pd.Series(columns["timestamp"][at]), formats=None, timezone=options.timezone or "UTC")
    there = times.notna().to_numpy()
    at, moments = at[there], times[there].astype("int64").to_numpy()
    completes = transitions[at] == "complete"
    in_time = np.lexsort((at, completes, moments, np.array(of_trace)[at]))
    instances = columns.get(INSTANCE, np.full(len(of_trace), None, dtype=object))
    open_: defaultdict[tuple[Any, ...], deque[int]] = defaultdict(deque)
    starts, completions = [], []
    for event, complete in zip(at[in_time].tolist(), completes[in_time].tolist(), strict=True):
        trace, name = of_trace[event], columns["touchpoint"][event]
        if trace < 0 or name is None:
            continue
        waiting = open_[trace, name, instances[event]]
        if not complete:
            waiting.append(event)
        elif waiting:
            starts.append(waiting.popleft())
            completions.append(event)
    return starts, completions


def _joined(columns: dict[str, np.ndarray], starts: list[int], completions: list[int]) -> np.ndarray:
    """Give every completion the moment of its start, and what only the start says; returns the ends."""
    ends = np.full(len(columns["timestamp"]), None, dtype=object)
    ends[completions] = columns["timestamp"][completions]
    for name, cells in columns.items():
        if name not in ("timestamp", "event_id"):
            own, earlier = cells[completions], cells[starts]
            lacks = np.array([cell is None for cell in own], dtype=bool)
            own[lacks] = earlier[lacks]
            columns[name][completions] = own
    columns["timestamp"][completions] = columns["timestamp"][starts]
    return ends


# -------------------------------------------------------------------------------------------------------------- writing

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1849.2016" xes.features="" xmlns="http://www.xes-standard.org/">
  <extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
  <extension name="Time" prefix="time" uri="http://www.xes-standard.org/time.xesext"/>
  <extension name="Lifecycle" prefix="lifecycle" uri="http://www.xes-standard.org/lifecycle.xesext"/>
  <global scope="trace">
    <string key="concept:name" value="unknown"/>
  </global>
  <global scope="event">
    <string key="concept:name" value="unknown"/>
    <date key="time:timestamp" value="1970-01-01T00:00:00.000+00:00"/>
  </global>
  <classifier name="Touchpoint" keys="concept:name"/>
"""
_ENDINGS = (".xes", ".xes.gz")
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_AT_ONCE = 1000  # traces


def write_xes(
    events: pd.DataFrame,
    path: Path | str,
    *,
    segment: str | Sequence[str] | None = None,
    customer: str = "customer_id",
    timestamp: str = "timestamp",
    touchpoint: str = "touchpoint",
    order: str = "event_id",
) -> Path:
    """Write events as XES 1849-2016 (`.xes`, or `.xes.gz`) for other tools; returns the path.

    One row is one event, one trace a customer. Customers stand in the order of their ids, their events by time, those of the
    same moment by `order` where there is such a column, otherwise as the rows stand. A row with an `end_timestamp` becomes
    two events, `start` and `complete`. `segment` names columns that hold one value a customer: they, and columns called
    `case:…`, are written on the trace; every other column on its events, numbers, booleans and times as such, a missing
    value not at all. Times without a zone are UTC. Read again, the texts are the same ones; a name in `segment` comes back as
    `case:NAME`.

    Raises `ValueError`, before anything is written, for a column that is not there, a row without customer, time or
    touchpoint, a customer with two values of a segment, an end before its start, and a character that XML does not have.
    """
    path = Path(path)
    if not path.name.lower().endswith(_ENDINGS):
        raise ValueError(f"`path` must end in .xes or .xes.gz, got {path.name}; both are the same log")
    of_trace = [segment] if isinstance(segment, str) else list(segment or [])
    _check_columns(events, [customer, timestamp, touchpoint, *of_trace])
    of_trace += [str(column) for column in events if str(column).startswith(_OF_TRACE) and column not in of_trace]
    if clash := {customer, timestamp, touchpoint, "end_timestamp"} & set(of_trace):
        raise ValueError(f"`segment` names `{min(clash)}`, which events are made of; name what is said of customers")
    rows = _in_order(events.reset_index(drop=True), customer, timestamp, order)
    begins = _moments(rows, timestamp)
    ends = (
        _moments(rows, "end_timestamp")
        if "end_timestamp" in rows
        else pd.Series(pd.NaT, rows.index, dtype=begins.dtype)
    )
    _check_rows(rows, {customer: rows[customer], timestamp: begins, touchpoint: rows[touchpoint]})
    if (early := ends < begins).any():
        row = rows.loc[early].iloc[0]
        raise ValueError(
            f"`end_timestamp` is before `{timestamp}` in {int(early.sum()):,} rows (first: {customer} {row[customer]!r}, "
            f"{row['end_timestamp']}); mend the times, or leave the column out"
        )
    plain = [column for column in rows if column not in (customer, timestamp, touchpoint, "end_timestamp", *of_trace)]
    both = ends.notna()
    ours = [NAME, TIME, *([TRANSITION, INSTANCE] if both.any() else [])]
    names = _attributes("string", NAME, _texts(rows[touchpoint], touchpoint))
    about = _concatenated([_column(rows[column], str(column), ours) for column in plain], len(rows))
    if TRANSITION not in plain:
        about = [' <string key="lifecycle:transition" value="complete"/>' + text for text in about]
    log = _Written(
        about=[name + text for name, text in zip(names, about, strict=True)],
        started=[name + ' <string key="lifecycle:transition" value="start"/>' for name in names],
        begins=_attributes("date", TIME, _iso(begins)),
        ends=_attributes("date", TIME, _iso(ends)),
        joined=both.tolist(),
    )
    ids = _texts(rows[customer], customer)
    traces = _concatenated([_of_customers(rows, ids, column, customer) for column in of_trace], len(rows))
    heads = [a + b for a, b in zip(_attributes("string", NAME, ids), traces, strict=True)]
    firsts = [at for at, id_ in enumerate(ids) if not at or id_ != ids[at - 1]]
    with _replacing(path) as file:
        file.write(_HEAD.encode())
        bounds = list(zip(firsts, [*firsts[1:], len(ids)], strict=True))
        for begin in range(0, len(bounds), _AT_ONCE):
            file.write("".join(log.trace(heads[a], a, b) for a, b in bounds[begin : begin + _AT_ONCE]).encode())
        file.write(b"</log>\n")
    return path


@dataclass(frozen=True)
class _Written:
    """The attributes of every event as XML, row by row."""

    about: list[str]
    started: list[str]
    begins: list[str]
    ends: list[str]
    joined: list[bool]

    def trace(self, head: str, first: int, after: int) -> str:
        """The trace of the rows from `first` to before `after`; an activity that lasts is two events."""
        events = []
        for row in range(first, after):
            if self.joined[row]:
                instance = f' <string key="{INSTANCE}" value="{row + 1}"/>'
                events.append(f"    <event>{self.started[row]}{self.begins[row]}{instance}</event>\n")
                events.append(f"    <event>{self.about[row]}{self.ends[row]}{instance}</event>\n")
            else:
                events.append(f"    <event>{self.about[row]}{self.begins[row]}</event>\n")
        return f"  <trace>{head}\n{''.join(events)}  </trace>\n"


def _check_columns(events: pd.DataFrame, needed: Iterable[str]) -> None:
    for column in needed:
        if column not in events:
            raise ValueError(f"there is no column `{column}`; {did_you_mean(column, events.columns)}")
    if not events.columns.is_unique:
        twice = events.columns[events.columns.duplicated()][0]
        raise ValueError(f"column `{twice}` is there twice; rename one")


def _in_order(rows: pd.DataFrame, customer: str, timestamp: str, order: str) -> pd.DataFrame:
    """By customer, time and `order`: as numbers where every value is one."""
    ids = rows[customer].astype(str)
    keys: dict[str, pd.Series] = {"id": ids.where(rows[customer].notna()), "time": rows[timestamp]}
    if order in rows:
        numbers = pd.to_numeric(rows[order], errors="coerce")
        keys["order"] = numbers if numbers.notna().all() else rows[order].astype(str)
    sorted_ = pd.DataFrame(keys, index=rows.index).sort_values(list(keys), kind="stable", na_position="last")
    return rows.loc[sorted_.index].reset_index(drop=True)


def _moments(rows: pd.DataFrame, column: str) -> pd.Series:
    """Times as UTC in whole microseconds."""
    values = rows[column]
    if not pd.api.types.is_datetime64_any_dtype(values.dtype):
        if column == "end_timestamp" and values.isna().all():
            return pd.Series(pd.NaT, rows.index, dtype="datetime64[us, UTC]")
        raise ValueError(f"`{column}` must hold times, got {values.dtype}; convert it with pd.to_datetime(…, utc=True)")
    zoned = values.dt.tz_convert("UTC") if values.dt.tz is not None else values.dt.tz_localize("UTC")
    whole = zoned.astype("datetime64[us, UTC]")
    if (zoned.notna() & (zoned != whole)).any():
        first = zoned[zoned != whole].iloc[0]
        raise ValueError(f'`{column}` is finer than microseconds (first: {first}); round it with .dt.round("us")')
    return whole


def _check_rows(rows: pd.DataFrame, needed: dict[str, pd.Series]) -> None:
    for column, values in needed.items():
        lacks = values.isna() | (values.astype(str) == "")
        if lacks.any():
            raise ValueError(
                f"`{column}` is missing in {int(lacks.sum()):,} of {len(rows):,} rows; an event needs customer, time and "
                "touchpoint: leave these rows out, and count them"
            )


def _iso(moments: pd.Series) -> list[str]:
    """2026-07-01T10:00:00.000+00:00; microseconds where one of the times has them. "" for no time."""
    values = moments.dt.tz_localize(None).to_numpy("datetime64[us]")
    unit: Literal["ms", "us"] = "ms" if (values == values.astype("datetime64[ms]"))[~np.isnat(values)].all() else "us"
    return ["" if text == "NaT" else f"{text}+00:00" for text in np.datetime_as_string(values, unit=unit)]


def _column(values: pd.Series, key: str, ours: Sequence[str]) -> list[str]:
    """One column as attributes of its rows, "" where the value is missing."""
    if key in ours:
        raise ValueError(f"column `{key}` is a name that events have from other columns; rename it")
    if not key or _NO_XML.search(key):
        raise ValueError(f"{key!r} cannot be the name of an attribute; rename the column")
    kind = values.dtype
    if pd.api.types.is_bool_dtype(kind):
        return _attributes("boolean", key, ["" if pd.isna(value) else str(value).lower() for value in values])
    if pd.api.types.is_integer_dtype(kind):
        return _attributes("int", key, ["" if pd.isna(value) else str(int(value)) for value in values])
    if pd.api.types.is_float_dtype(kind):
        named = {"inf": "INF", "-inf": "-INF"}  # as XML Schema writes them
        texts = ["" if pd.isna(value) else repr(float(value)) for value in values]
        return _attributes("float", key, [named.get(text, text) for text in texts])
    if pd.api.types.is_datetime64_any_dtype(kind):
        return _attributes("date", key, _iso(_moments(values.to_frame(key), key)))
    return _attributes("string", key, _texts(values, key))


def _texts(values: pd.Series, column: str) -> list[str]:
    texts = ["" if missing else str(value) for value, missing in zip(values, values.isna(), strict=True)]
    for text in dict.fromkeys(texts):
        if found := _NO_XML.search(text):
            raise ValueError(
                f"`{column}` holds {found[0]!r}, which XML does not have (in {text[:40]!r}); take the character out"
            )
    return texts


def _attributes(kind: str, key: str, texts: Sequence[str]) -> list[str]:
    written = {text: f" <{kind} key={quoteattr(key)} value={quoteattr(text)}/>" for text in dict.fromkeys(texts)}
    return [written[text] if text else "" for text in texts]


def _of_customers(rows: pd.DataFrame, ids: list[str], column: str, customer: str) -> list[str]:
    """A column of the trace: the one value that a customer has, in each of the rows."""
    key = column.removeprefix(_OF_TRACE)
    written = _column(rows[column], key, [NAME])
    known: dict[str, str] = {}
    for at, (id_, text) in enumerate(zip(ids, written, strict=True)):
        if text and known.setdefault(id_, text) != text:
            values = [str(value) for value in rows.loc[np.array(ids) == id_, column].dropna().unique()[:2]]
            raise ValueError(
                f"`{column}` has two values for {customer} {id_!r}: {' and '.join(values)} (row {at}); "
                "name only columns in `segment` that say one thing of a customer"
            )
    return [known.get(id_, "") for id_ in ids]


def _concatenated(columns: list[list[str]], n: int) -> list[str]:
    return ["".join(parts) for parts in zip(*columns, strict=True)] if columns else [""] * n


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """The file under a name of its own until it is whole. A gzip archive says no time, so the same log is the same bytes."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as raw:
            if path.name.lower().endswith(".gz"):
                with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
                    yield packed  # type: ignore[misc]
            else:
                yield raw
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
