"""All files of a study put together: canonical tables, and the account of every row and column.

The answer of a database to a source's query is one more file. Every row of every file ends in exactly one of two places,
a table or the rejects, and that they add up is asserted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pandas as pd

from cxlab.config import FileOptions, Source, StudyConfig
from cxlab.data.canonical import FORGOTTEN, UTC, Canonical, Place, canonical
from cxlab.data.codes import stripped, translated
from cxlab.data.forgetting import ForgottenIds
from cxlab.data.long import read_long
from cxlab.data.person_names import words_of_every_day
from cxlab.data.privacy import Masker, masked_counts
from cxlab.data.queries import Answer, ask
from cxlab.data.schemas import ADDED, SCHEMAS
from cxlab.data.sources import RawTable, find_files, read_file
from cxlab.problems import Problem, StudyError, by_severity, did_you_mean

ACCOUNTING = ["source", "table", "file", "sha256", "rows"]
REJECTS = ["source", "table", "file", "line", "column", "value", "reason"]
COLUMNS = ["source", "file", "column", "fate"]
MASKED = ["source", "table", "file", "column", "kind", "n", "texts", "of"]
_FILE, _LINE = "_file", "_line"  # while reading: where a row stands


@dataclass(frozen=True)
class Ingest:
    """All tables of a study, for all periods, and what became of every row and column.

    `tables` are the canonical tables that the study has sources for; `from_source` names the source of a row, `counted_at`
    the moment (UTC) from which it counts. `accounting` has one row a file: source, table, file, sha256, rows, kept,
    rejected (rows = kept + rejected), and first, the earliest moment from which a kept row counts. `rejects` has one row a
    rejected row: source, table, file, line, column, value, reason. `columns` has one row a column of a file: source, file,
    column, fate. `masked` has one row a file, column of free text and kind of personal data: source, table, file, column, kind,
    n (masked), texts (that held it), of (texts that were read). `problems` with severity error mean that the study must not run.
    `inputs` is file → sha256. `folder` is where the tables are cached, where they are.
    """

    tables: dict[str, pd.DataFrame]
    accounting: pd.DataFrame
    rejects: pd.DataFrame
    columns: pd.DataFrame
    masked: pd.DataFrame
    problems: list[Problem]
    inputs: dict[str, str]
    folder: Path | None = None


@dataclass
class Loading:
    """A study on its way: what is gathered while its files are read, one after the other."""

    config: StudyConfig
    forgotten: ForgottenIds
    parts: dict[str, list[pd.DataFrame]] = field(default_factory=dict)
    accounting: list[dict[str, Any]] = field(default_factory=list)
    rejects: list[pd.DataFrame] = field(default_factory=list)
    columns: list[dict[str, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    lines: dict[tuple[str, str], pd.Series] = field(default_factory=dict)  # of long files: line → its respondent's line
    waves: dict[str, set[str]] = field(default_factory=dict)
    mask: dict[str, set[str]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    forgotten_responses: set[str] = field(default_factory=set)

    # --------------------------------------------------------------------------------------------------- one file

    def find(self, name: str, source: Source, folder: Path) -> list[Path]:
        """The files of a source. None, or a pattern for single files that none of them bears, is an error; a database has none."""
        if source.path is None:
            return []
        where = f"[sources.{name}] path"
        try:
            paths = find_files(folder, source.path)
        except StudyError as error:
            self.problems += [Problem(where, problem.what, problem.way_out) for problem in error.problems]
            return []
        if not paths:
            there = sorted(path.name for path in folder.glob("*") if path.is_file() and path.name != "study.toml")
            way_out = did_you_mean(source.path, there) if there else f"put the exports into {_shown(folder)}"
            self.problems.append(Problem(where, f"no file matches `{source.path}`", way_out))
        names = [name_in(path, folder) for path in paths]
        for pattern in source.files:
            if names and not any(fnmatch(file, pattern) for file in names):
                where = f'[sources.{name}.files."{pattern}"]'
                self.problems.append(Problem(where, "matches no file of the source", did_you_mean(pattern, names)))
        return paths

    def ask(self, name: str, source: Source, folder: Path, tables: Path, *, keep: bool, in_run: bool) -> Answer | None:
        """The rows of a source that is a database; None where they cannot be had, which is an error."""
        try:
            return ask(name, source, folder, tables, keep=keep, in_run=in_run)
        except StudyError as error:
            self.problems += error.problems
            return None

    def read(self, name: str, source: Source, path: Path, file: str, inputs: Mapping[str, str]) -> None:
        """Read one file: its kept rows, its rejected rows, the fate of its columns."""
        options = _merged(source, [own for pattern, own in source.files.items() if fnmatch(file, pattern)])
        try:
            raw = read_file(path, options, shown=file)
        except StudyError as error:
            self.problems += error.problems
            return
        self.take(name, options, raw, file, inputs)

    def take(self, name: str, options: Source, raw: RawTable, file: str, inputs: Mapping[str, str]) -> None:
        """Take in the rows of one file."""
        place = Place(name, self.config.table_of(name), file)
        self.problems += raw.notes
        rows, rejects = raw.rows, [raw.rejects]
        if place.table == "responses" and options.layout == "long":
            long = read_long(rows, options, file)
            self.problems += long.problems
            self.lines[name, file] = long.lines
            rows = long.rows
            rejects.append(long.rejects)
        parts = []
        for wave_rows, wave_options in self._by_wave(name, rows, options):
            read = canonical(wave_rows, wave_options, self.config, place, self.forgotten)
            parts.append(read)
            rejects.append(self._with_all_lines(read.rejects, place))
            self._note(read, place)
        kept = pd.concat([part.rows for part in parts]).sort_index(kind="stable") if len(parts) > 1 else parts[0].rows
        self.parts.setdefault(place.table, []).append(kept.assign(_file=file, _line=kept.index).reset_index(drop=True))
        gone = pd.concat([part for part in rejects if len(part)]) if any(map(len, rejects)) else raw.rejects
        self.rejects.append(gone.assign(source=name, table=place.table, file=file))
        self.accounting.append(
            {"source": name, "table": place.table, "file": file, "sha256": inputs[file], "rows": raw.n_rows}
        )

    def _by_wave(self, name: str, rows: pd.DataFrame, options: Source) -> Iterator[tuple[pd.DataFrame, Source]]:
        """The rows of a file, apart where a wave has options of its own."""
        column = options.columns.get("wave", "wave")
        if not options.waves or (column not in rows and options.wave is None):
            yield rows, options
            return
        wave = pd.Series(None, index=rows.index, dtype=object)
        if column in rows:
            codes, recode = options.missing_by_item.get("wave", []), options.recode.get("wave")
            wave = translated(stripped(rows[column]), missing=codes, recode=recode)
        wave = wave.fillna(options.wave or "")
        self.waves.setdefault(name, set()).update(wave)
        for label in wave.unique():
            own = [options.waves[label]] if label in options.waves else []
            yield rows[wave == label], _merged(options, own)

    def _note(self, read: Canonical, place: Place) -> None:
        self.problems += read.problems
        self.columns += [
            {"source": place.source, "file": place.file, "column": column, "fate": fate}
            for column, fate in read.fates.items()
        ]
        self.mask.setdefault(place.table, set()).update(read.mask)
        self.names |= read.names
        self.forgotten_responses |= read.forgotten_responses

    def _with_all_lines(self, rejects: pd.DataFrame, place: Place) -> pd.DataFrame:
        """In a long file, every line of a rejected respondent is rejected."""
        if (place.source, place.file) not in self.lines or rejects.empty:
            return rejects
        lines = self.lines[place.source, place.file]
        of_respondent = pd.DataFrame({"line": lines.to_numpy(), "own": lines.index})
        return rejects.merge(of_respondent, on="line").drop(columns="line").rename(columns={"own": "line"})

    # --------------------------------------------------------------------------------------------------- all files

    def finish(self, inputs: dict[str, str]) -> Ingest:
        """Put the parts of each table together, settle what only all rows can tell, and reconcile."""
        self._check_names()
        tables = {table: self._table(table, pd.concat(parts, ignore_index=True)) for table, parts in self.parts.items()}
        if "comments" in tables:
            tables["comments"] = self._without_forgotten_responses(tables["comments"])
        rejects = pd.concat(self.rejects, ignore_index=True) if self.rejects else pd.DataFrame(columns=REJECTS)
        ordinary = words_of_every_day(list(self._free_texts(tables)), self.names)
        masker = Masker(regions=self.config.study.regions, names=self.names, ordinary=ordinary)
        rejects["value"] = pd.Series(masker.mask(rejects["value"].fillna("").tolist()), rejects.index, dtype=object)
        accounting = self._reconciled(tables, rejects)
        masked = self._mask(tables, masker)
        tables = {table: _as_typed(rows.drop(columns=[_FILE, _LINE]), table) for table, rows in tables.items()}
        columns = pd.DataFrame(self.columns, columns=COLUMNS).drop_duplicates(ignore_index=True)
        texts = {column: "str" for column in REJECTS if column != "line"}
        rejects = rejects[REJECTS].astype({**texts, "line": "int64"})
        problems = by_severity(dict.fromkeys(self.problems))
        return Ingest(tables, accounting, rejects, columns.astype("str"), masked, problems, inputs)

    def _free_texts(self, tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
        for table, to_mask in self.mask.items():
            for column in sorted(to_mask & set(tables[table].columns)):
                yield from (text for text in tables[table][column].dropna() if isinstance(text, str))

    def _mask(self, tables: Mapping[str, pd.DataFrame], masker: Masker) -> pd.DataFrame:
        """Mask every column of free text where it stands, and count by file what was masked."""
        counted = [pd.DataFrame(columns=MASKED)]
        for table, to_mask in self.mask.items():
            rows = tables[table]
            where = rows[["from_source", _FILE]].set_axis(["source", "file"], axis=1)
            for column in sorted(to_mask & set(rows.columns)):
                before = rows[column]
                rows[column] = masker.mask(before)
                counted.append(masked_counts(before, rows[column], where).assign(table=table, column=column))
        types = {**dict.fromkeys(MASKED[:5], "str"), **dict.fromkeys(MASKED[5:], "int64")}
        return pd.concat(counted, ignore_index=True)[MASKED].astype(types)

    def _check_names(self) -> None:
        """Names in study.toml that nothing in the data bears: columns to keep, drop or mask, waves, items."""
        for item in self.config.items:
            if item in (*SCHEMAS["responses"].columns, *ADDED):
                way_out = f'call it otherwise and say column = "{item}"'
                self.problems.append(Problem(f"[items.{item}]", "is the name of a column of responses", way_out))
        for name, source in self.config.sources.items():
            there = {entry["column"] for entry in self.columns if entry["source"] == name}
            for key in ("keep", "drop", "mask"):
                for column in (getattr(source, key) or []) if there else []:
                    if column not in there:
                        where = f"[sources.{name}] {key}"
                        self.problems.append(
                            Problem(where, f"no file has a column `{column}`", did_you_mean(column, there))
                        )
            for wave in source.waves if name in self.waves else []:
                if wave not in self.waves[name]:
                    known = did_you_mean(wave, self.waves[name])
                    where = f"[sources.{name}.waves.{wave}]"
                    self.problems.append(Problem(where, "no row is of this wave", known, "warning"))
        fates = {fate for entry in self.columns for fate in entry["fate"].removesuffix(", masked").split("; ")}
        if "responses" in self.parts:
            for item in self.config.items:
                if f"item {item}" not in fates:
                    column = self.config.items[item].column or item
                    there = {e["column"] for e in self.columns if self.config.table_of(e["source"]) == "responses"}
                    what = f"no file of responses has its column `{column}`"
                    self.problems.append(Problem(f"[items.{item}]", what, did_you_mean(column, there), "warning"))

    def _table(self, table: str, rows: pd.DataFrame) -> pd.DataFrame:
        """One table's rows; a key that is there a second time is rejected, with the place of the first."""
        key = SCHEMAS[table].key
        again = rows.duplicated(key) if key is not None else pd.Series(False, index=rows.index)
        if not again.any():
            return rows
        first = rows[~again].set_index(key)[[_FILE, _LINE]]
        gone = rows[again]
        there = first.loc[gone[key]]
        values = [
            f"{value}, first in {file} line {line}"
            for value, file, line in zip(gone[key], there[_FILE], there[_LINE], strict=True)
        ]
        self._reject(table, gone, str(key), values, f"duplicate {key}")
        for place, part in gone.groupby(["from_source", _FILE]):
            source, file = map(str, place)
            value, line = part[key].iloc[0], part[_LINE].iloc[0]
            what = f"{len(part):,} rows bear a {key} that is there already (first: line {line}, `{value}`) and are rejected"
            way_out = (
                "remove the older export" if key != "response_id" else 'if ids repeat by wave say id_prefix = "{wave}-"'
            )
            self.problems.append(Problem(f"{file}, [sources.{source}] {key}", what, way_out, "warning"))
        return rows[~again].reset_index(drop=True)

    def _reject(self, table: str, gone: pd.DataFrame, column: str, values: list[str], reason: str) -> None:
        """Add rows of a table to the rejects."""
        found = pd.DataFrame(
            {"line": gone[_LINE].to_numpy(), "column": column, "value": values, "reason": reason,
             "source": gone["from_source"].to_numpy(), "table": table, "file": gone[_FILE].to_numpy()}
        )  # fmt: skip
        for place, part in found.groupby(["source", "file"], sort=False):
            source, file = map(str, place)
            self.rejects.append(self._with_all_lines(part, Place(source, table, file)))

    def _without_forgotten_responses(self, comments: pd.DataFrame) -> pd.DataFrame:
        """Comments that belong to a response of a forgotten customer go with it."""
        if "response_id" not in comments or not self.forgotten_responses:
            return comments
        theirs = comments["response_id"].isin(self.forgotten_responses)
        n = int(theirs.sum())
        self._reject("comments", comments[theirs], "response_id", [""] * n, FORGOTTEN)
        return comments[~theirs].reset_index(drop=True)

    def _reconciled(self, tables: Mapping[str, pd.DataFrame], rejects: pd.DataFrame) -> pd.DataFrame:
        """The accounting. That kept and rejected rows add up to each file is asserted, not assumed."""
        accounting = pd.DataFrame(self.accounting, columns=ACCOUNTING)
        counts, firsts = [], []
        for entry in self.accounting:
            source, file, n_rows = entry["source"], entry["file"], entry["rows"]
            rows = tables[entry["table"]]
            own = rows.loc[(rows["from_source"] == source) & (rows[_FILE] == file), _LINE]
            lines = self.lines.get((source, file))
            kept = len(own) if lines is None else int(lines.isin(own).sum())
            rejected = int(((rejects["source"] == source) & (rejects["file"] == file)).sum())
            if n_rows != kept + rejected:
                raise AssertionError(f"{file}: {n_rows} rows, but {kept} kept and {rejected} rejected")
            counts.append((kept, rejected))
            firsts.append(rows.loc[own.index, "counted_at"].min())
        accounting[["kept", "rejected"]] = pd.DataFrame(counts, columns=["kept", "rejected"], dtype="int64")
        accounting["first"] = pd.Series(firsts, dtype=UTC)
        return accounting.astype({"source": "str", "table": "str", "file": "str", "sha256": "str", "rows": "int64"})


def name_in(path: Path, folder: Path) -> str:
    """How a file is called in messages and accounts: its path within the folder of the exports."""
    return path.relative_to(folder).as_posix()


def _shown(folder: Path) -> str:
    parts = folder.parts
    return "/".join(parts[parts.index("data") :]) if "data" in parts else folder.name


def _merged(source: Source, overrides: list[FileOptions]) -> Source:
    """A source with what single files or waves say instead: mappings key by key, the rest replaced."""
    for override in overrides:
        said = {key: getattr(override, key) for key in override.model_fields_set}
        merged = {
            key: {**getattr(source, key), **value} if isinstance(value, dict) else value for key, value in said.items()
        }
        source = source.model_copy(update=merged)
    return source


def _as_typed(rows: pd.DataFrame, table: str) -> pd.DataFrame:
    """Texts, numbers and times with the same types whatever the files held, so that a cached table is the same table."""
    schema = SCHEMAS[table]
    types = {column: UTC for column in schema.times if column in rows}
    types |= {column: "float64" for column in schema.numbers if column in rows}
    types |= {str(column): "str" for column in rows if column not in types and rows[column].dtype == object}
    return rows.astype(types)
