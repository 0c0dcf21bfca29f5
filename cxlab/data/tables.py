"""From exports to canonical tables: every source row is kept, or rejected with a reason, and the counts reconcile.

`ingest` reads all sources of a study, for all periods at once. `select` takes the part of a table that counts in a period.
`ratings` is the long view of all answers. Tables are cached by the hash of the files and of what databases answered,
study.toml, the code of this room and the ids that were forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import file_digest
from pathlib import Path

import pandas as pd

from cxlab import context
from cxlab.config import StudyConfig
from cxlab.data import cache
from cxlab.data.forgetting import forgotten_hashes
from cxlab.data.loading import Ingest, Loading, name_in
from cxlab.data.queries import ask
from cxlab.data.schemas import SCHEMAS
from cxlab.period import Period
from cxlab.problems import StudyError, by_severity, did_you_mean

__all__ = ["RATINGS", "Ingest", "ingest", "query_hashes", "ratings", "select"]

RATINGS = [
    "response_id", "customer_id", "account_id", "survey", "perspective", "wave", "timestamp", "touchpoint", "channel",
    "team", "item", "role", "score", "weight", "cluster",
]  # fmt: skip
WINDOWS = ("period", "to_date", "latest_wave")


def ingest(
    root: Path, study: str, config: StudyConfig, *, raw_dir: Path | None = None, use_cache: bool = True
) -> Ingest:
    """Read every source of a study from `raw_dir` (default: data/raw/STUDY).

    What is wrong with the data is gathered in `problems`, not raised. Raises `StudyError` only where no file at all can
    be read. Tables with errors are not cached. A database is asked each time, and its rows are kept; inside a run the kept
    rows are read, so that all its notebooks have the same. Without `use_cache` nothing is written.
    """
    base = root / "data" / "raw" / study
    folder = raw_dir if raw_dir is not None else base
    loading = Loading(config, forgotten_hashes(root, study))
    found = {name: loading.find(name, source, folder) for name, source in config.sources.items()}
    inputs = {"study.toml": _sha(base / "study.toml")}
    inputs |= {name_in(path, folder): _sha(path) for paths in found.values() for path in paths}
    stored = root / "data" / "processed" / study / "tables"
    run = context.current()
    in_run = run is not None and run.study == study and Path(run.root) == root
    answers = {
        name: answer
        for name, source in config.sources.items()
        if source.url is not None
        and (answer := loading.ask(name, source, folder, stored, keep=use_cache, in_run=in_run)) is not None
    }
    inputs |= {answer.file: answer.sha256 for answer in answers.values()}
    told = [answer.told for answer in answers.values()]  # not cached: it says when
    key = cache.key(inputs, base / "decisions" / "forgotten.json")
    if use_cache and (cached := cache.load(stored, key)) is not None:
        cached["problems"] = by_severity([*cached["problems"], *told])
        return Ingest(**cached, inputs=inputs, folder=stored / key)
    for name, source in config.sources.items():
        for path in found[name]:
            loading.read(name, source, path, name_in(path, folder), inputs)
        if name in answers:
            loading.take(name, source, answers[name].raw, answers[name].file, inputs)
    result = loading.finish(inputs)
    if not result.tables:
        raise StudyError(result.problems)
    problems = by_severity([*result.problems, *told])
    if use_cache and not any(problem.severity == "error" for problem in result.problems):
        cache.save(stored, key, result)
        return Ingest(**{**vars(result), "problems": problems, "folder": stored / key})
    return Ingest(**{**vars(result), "problems": problems})


def query_hashes(root: Path, study: str, config: StudyConfig, *, raw_dir: Path | None = None) -> dict[str, str]:
    """What the databases of a study answer now: name of the answer → SHA-256 of its cells, as in `Ingest.inputs`.

    For whoever has to know whether anything has changed. Writes nothing. Raises `StudyError` where an answer cannot be had.
    """
    folder = raw_dir if raw_dir is not None else root / "data" / "raw" / study
    stored = root / "data" / "processed" / study / "tables"
    sources = {name: source for name, source in config.sources.items() if source.url is not None}
    answers = [ask(name, source, folder, stored, keep=False) for name, source in sources.items()]
    return {answer.file: answer.sha256 for answer in answers}


def _sha(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def select(frame: pd.DataFrame, table: str, period: Period | None, window: str = "to_date") -> pd.DataFrame:
    """The rows of a table that count in a period, with the boolean `in_period`; what lies after its end is unknown.

    `window`: period (rows of the period alone), to_date (all before its end), latest_wave (of those the wave with the
    newest row). Rows without a moment count always. Without a period everything counts.
    """
    if window not in WINDOWS:
        raise ValueError(
            f"`window` must be one of {', '.join(WINDOWS)}, got {window!r}; {did_you_mean(window, WINDOWS)}"
        )
    counted = frame["counted_at"]
    if period is None:
        in_period = pd.Series(True, index=frame.index)
        known = frame.assign(in_period=in_period)
    else:
        in_period = counted.isna() | ((counted >= period.start) & (counted < period.end))
        known = frame.assign(in_period=in_period)[counted.isna() | (counted < period.end)]
        future = [column for column in SCHEMAS[table].future if column in known]
        known = known.assign(**{column: known[column].where(known[column] < period.end) for column in future})
    if window == "period":
        known = known[known["in_period"]]
    elif window == "latest_wave" and "wave" in known and known["counted_at"].notna().any():
        known = known[known["wave"] == known.groupby("wave")["counted_at"].max().idxmax()]
    return known.reset_index(drop=True)


def ratings(tables: Mapping[str, pd.DataFrame], config: StudyConfig) -> pd.DataFrame:
    """All answers on a scale: one row a respondent and item that was answered, with the columns `RATINGS`.

    `timestamp` is the moment from which the response counts. `touchpoint` is the item's, then the response's own, then
    that of the event it is about; channel and team are the response's, the event's, the agent's (team), the
    touchpoint's (channel), whichever is known first. What no table says is missing.
    """
    responses = tables["responses"]
    about = pd.DataFrame(
        {column: responses.get(column) for column in RATINGS if column in responses}
        | {"timestamp": responses["counted_at"]}
    )
    for column in ("touchpoint", "channel", "team"):
        about[column] = _known_first(responses.get(column), _from_event(tables, column))
    about["team"] = _known_first(about["team"], _from_table(responses, tables.get("agents"), "agent_id", "team"))
    items = [name for name, item in config.items.items() if item.scale is not None and name in responses]
    long = pd.concat([about, responses[items]], axis=1).melt(list(about), items, var_name="item", value_name="score")
    long = long.dropna(subset="score").reset_index(drop=True)
    long["touchpoint"] = _known_first(
        long["item"].map({name: item.touchpoint for name, item in config.items.items()}), long["touchpoint"]
    )
    channels = {name: touchpoint.channel for name, touchpoint in config.touchpoints.items()}
    long["channel"] = _known_first(long["channel"], long["touchpoint"].map(channels))
    long["role"] = long["item"].map({name: item.role for name, item in config.items.items()})
    return long.reindex(columns=RATINGS).astype(dict.fromkeys(_RATING_TEXTS, "str"))


_RATING_TEXTS = [column for column in RATINGS if column not in ("timestamp", "score", "weight")]


def _known_first(*columns: pd.Series | None) -> pd.Series:
    """The first of several columns that knows a value, row by row."""
    there = [column.astype(object) for column in columns if column is not None]
    known = there[0]
    for column in there[1:]:
        known = known.where(known.notna(), column)
    return known


def _from_event(tables: Mapping[str, pd.DataFrame], column: str) -> pd.Series:
    return _from_table(tables["responses"], tables.get("events"), "event_id", column)


def _from_table(rows: pd.DataFrame, other: pd.DataFrame | None, key: str, column: str) -> pd.Series:
    """A column of another table, looked up by a key; missing where the other table does not know it."""
    if other is None or key not in rows or key not in other or column not in other:
        return pd.Series(None, index=rows.index, dtype=object)
    known = other.loc[other[key].isin(rows[key].dropna()), [key, column]].drop_duplicates(key).set_index(key)[column]
    return rows[key].map(known)
