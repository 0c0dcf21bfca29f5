"""One file's rows under canonical names and types, each kept or rejected with a reason.

`columns` of a source maps canonical names to the file's; a column that bears a canonical name already needs no mapping, nor
does one of an event log that bears the name that another tool gives it (`cxlab.data.aliases`), which is told.
A row is rejected where its key, a required value or its date is missing or cannot be read. An optional value that
cannot be read is emptied and told; where that happens to half of a column or more, it is an error.
"""

from __future__ import annotations

import typing
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from cxlab.config import Code, Item, Perspective, Source, StudyConfig, Survey
from cxlab.data.aliases import event_aliases, transition_columns
from cxlab.data.answers import read_answers
from cxlab.data.codes import as_numbers, stripped, translated
from cxlab.data.forgetting import ForgottenIds
from cxlab.data.identifiers import direct_identifier, is_free_text
from cxlab.data.privacy import mask_pii
from cxlab.data.schemas import ADDED, SCHEMAS
from cxlab.data.sources import date_formats_for, parse_times
from cxlab.period import Period, labels_of
from cxlab.problems import Problem, StudyError, did_you_mean

UTC: typing.Final = "datetime64[us, UTC]"
FORGOTTEN = "forgotten on request"
_VALUES = {"survey": typing.get_args(Survey), "perspective": typing.get_args(Perspective)}


@dataclass(frozen=True)
class Place:
    """Where rows come from, for messages and the accounting."""

    source: str
    table: str
    file: str

    def key(self, name: str) -> str:
        return f"{self.file}, [sources.{self.source}] {name}"


@dataclass
class Canonical:
    """What became of a file's rows and columns.

    `rows` are the kept ones by line, `rejects` has line, column, value, reason; `fates` is column → what became of it.
    `mask` are columns of free text in which personal data are still to be masked, `names` persons' names to mask there,
    `forgotten_responses` the responses of customers who were forgotten; the last two are never written anywhere.
    """

    rows: pd.DataFrame
    rejects: pd.DataFrame
    fates: dict[str, str]
    problems: list[Problem]
    mask: set[str]
    names: set[str]
    forgotten_responses: set[str]


def canonical(
    rows: pd.DataFrame, options: Source, config: StudyConfig, place: Place, forgotten: ForgottenIds
) -> Canonical:
    """Read one file's rows (all text, indexed by line) for its table."""
    reading = _Reading(rows, options, config, place)
    reading.pick_columns()
    reading.read_times_and_numbers()
    reading.settle_moment()
    reading.fill_constants()
    reading.make_ids()
    reading.read_items()
    reading.keep_the_rest()
    return reading.result(forgotten)


@dataclass
class _Reading:
    """A file on its way.

    `made` collects canonical columns and `texts` what they were before they were read; `faults` says which rows of a
    column could not be read; `uses` is column of the file → canonical names made of it, `dropped` why it makes none;
    `undecided` are names for which the file has two columns.
    """

    rows: pd.DataFrame
    options: Source
    config: StudyConfig
    place: Place
    made: dict[str, pd.Series] = field(default_factory=dict)
    texts: dict[str, pd.Series] = field(default_factory=dict)
    faults: dict[str, pd.Series] = field(default_factory=dict)
    uses: dict[str, list[str]] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    mask: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    undecided: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.schema = SCHEMAS[self.place.table]
        self.items: dict[str, Item] = self.config.items if self.place.table == "responses" else {}
        self.item_columns = {
            name: self.options.columns.get(name) or item.column or name for name, item in self.items.items()
        }

    def tell(self, where: str, what: str, way_out: str = "", severity: typing.Any = "error") -> None:
        self.problems.append(Problem(where, what, way_out, severity))

    # ------------------------------------------------------------------------------------------------------- columns

    def pick_columns(self) -> None:
        """Take the columns that study.toml maps, and those that bear a canonical name."""
        for key, column in self.options.columns.items():
            where = self.place.key(f"columns.{key}")
            if column not in self.rows:
                self.tell(where, f"the file has no column `{column}`", did_you_mean(column, self.rows.columns))
            elif key in ADDED:
                self.tell(where, f"`{key}` is made by cxlab itself", "choose another name")
            elif key not in self.items:
                self._pick(key, column)
                self._note_names(key, column)
        taken = {*self.options.columns.values(), *self.item_columns.values(), *self.options.drop}
        for key in self.schema.columns:
            if key not in self.options.columns and key in self.rows and key not in taken:
                kind = None if key == "text" else direct_identifier(key, self.rows[key])
                if kind is None:
                    self._pick(key, key)
                else:
                    what = f"column `{key}` holds what names a person ({kind}) and is dropped"
                    way_out = f'if it has to stay say columns.{key} = "{key}"'
                    self.tell(self.place.key("columns"), what, way_out, "warning")

        if self.place.table == "events":
            self._pick_aliases(taken)
            self._tell_transitions()

    def _note_names(self, key: str, column: str) -> None:
        """A column that study.toml keeps may name the study's own customers and staff: their names are masked in comments."""
        if self.place.table in ("customers", "accounts", "agents") or key == "agent_id":
            different = pd.Series(self.rows[column].dropna().unique(), dtype=object)
            if direct_identifier(column, different) == "name":
                self.names |= set(different)

    def _pick_aliases(self, taken: set[str]) -> None:
        """Take the columns that bear another tool's name for a canonical one, where nobody says otherwise."""
        options = self.options
        said = {key for key in self.schema.constants if getattr(options, key) is not None}
        asked = {*taken, *(options.keep or []), *options.mask, *self.schema.columns}
        free = [str(column) for column in self.rows.columns if column not in asked]
        told = []
        for key, columns in event_aliases(free, known={*self.made, *options.columns, *said}).items():
            if len(columns) > 1:
                self._tell_two_aliases(key, columns)
                continue
            (column,) = columns
            if (kind := direct_identifier(column, self.rows[column])) is None:
                self._pick(key, column)
                told.append(f"`{column}` is read as {key}")
            elif key in self.schema.required:
                what = f"column `{column}` is what other tools call {key}, but holds what names a person ({kind}) and is dropped"
                self.tell(
                    self.place.key("columns"), what, f'if it has to stay say columns.{key} = "{column}"', "warning"
                )
        if told:
            way_out = "what is meant otherwise say in columns"
            self.tell(self.place.key("columns"), ", ".join(told), way_out, "note")

    def _tell_two_aliases(self, key: str, columns: list[str]) -> None:
        """An error where the column is needed; otherwise neither is read."""
        self.undecided.add(key)
        needed = key in self.schema.required
        what = f"{' and '.join(f'`{column}`' for column in columns)} could both be {key}"
        way_out = f'say which: columns.{key} = "{columns[0]}" or "{columns[1]}"'
        outcome = "" if needed else "; neither is read"
        self.tell(self.place.key("columns"), what + outcome, way_out, "error" if needed else "warning")

    def _tell_transitions(self) -> None:
        """Rows that do not complete a step, where a table (not XES, which is read so) says it."""
        for column in transition_columns(map(str, self.rows.columns)) if self.options.lifecycle is None else []:
            counts = stripped(self.rows[column]).dropna().str.casefold().value_counts()
            other = {word: n for word, n in counts.items() if word != "complete"}
            if other and "complete" in counts:
                shown = ", ".join(f"{n:,} {word}" for word, n in list(other.items())[:4])
                what = f"`{column}` says that rows do not complete a step ({shown}); each counts as an event of its own"
                way_out = "export completed steps alone, or write the log as XES, where starts join their completion"
                self.tell(self.place.key("columns"), what, way_out, "warning")

    def _pick(self, key: str, column: str) -> None:
        codes = self.options.missing_by_item.get(key, self._codes_of_source(key))
        self.made[key] = translated(
            stripped(self.rows[column]),
            missing=codes,
            recode=self.options.recode.get(key),
            ids=key in self.schema.all_ids,
        )
        self.texts[key] = self.made[key]
        self.uses.setdefault(column, []).append(key)

    def _codes_of_source(self, key: str) -> list[Code]:
        """`missing` of a source speaks about answers; where a table has none, about every column but ids."""
        about_items = self.place.table == "responses" or key in self.schema.all_ids
        return [] if about_items else self.options.missing or []

    def read_items(self) -> None:
        """Add one column an item."""
        answers, problems = read_answers(self.rows, self.item_columns, self.items, self.options, self.place.file)
        self.problems += problems
        for name, column in self.item_columns.items():
            self.made[name] = answers[name]
            if column in self.rows:
                self.uses.setdefault(column, []).append(name)
            if self.items[name].scale is None:
                self.mask.add(name)

    def keep_the_rest(self) -> None:
        """Keep, mask or drop every column that nobody mapped."""
        options = self.options
        for column in self.rows.columns:
            if column in self.uses:
                continue
            kind = None if column in options.mask else direct_identifier(column, self.rows[column])
            wanted = self.schema.keep_all if options.keep is None else column in options.keep
            if kind == "name":
                self.names |= set(self.rows[column].dropna())
            if kind is not None:
                self.dropped[column] = f"direct identifier ({kind})"
            elif column in options.drop:
                self.dropped[column] = "listed in drop"
            elif not wanted and column not in options.mask:
                self.dropped[column] = "not mapped"
            elif column in self.made or column in ADDED:
                self.dropped[column] = "its name is that of another column"
            else:
                self._pick(column, column)
                if is_free_text(self.rows[column]):
                    self.mask.add(column)
        for column in options.mask:
            self.mask |= {column, *self.uses.get(column, [])}
        if self.place.table == "comments":
            self.mask.add("text")

    def fates(self) -> dict[str, str]:
        """Column of the file → what became of it."""
        fates = {column: f"dropped: {reason}" for column, reason in self.dropped.items()}
        for column, names in self.uses.items():
            kept = [f"item {name}" if name in self.items else f"kept as {name}" for name in names]
            fates[column] = "; ".join(kept) + (", masked" if self.mask & set(names) else "")
        return fates

    # ------------------------------------------------------------------------------------------------- times, numbers

    def read_times_and_numbers(self) -> None:
        """Turn texts into UTC moments and numbers, and tell what cannot be read."""
        for column in self.schema.times:
            if column in self.made:
                self.made[column], self.faults[column] = self._times(self.made[column])
        for column in self.schema.numbers:
            if column in self.made:
                self.made[column], self.faults[column] = as_numbers(self.made[column], self.options.decimal)
        for column, wrong in self.faults.items():
            if wrong.any():
                self._tell_unreadable(column, wrong)
        if self.place.table == "responses" and "weight" in self.made:
            self._check_weights()

    def _times(self, texts: pd.Series) -> tuple[pd.Series, pd.Series]:
        zone = self.options.timezone or self.config.study.timezone
        try:
            return parse_times(texts, formats=self.options.date_formats, timezone=zone)
        except StudyError as error:
            self.problems += [Problem(self.place.key(p.where), p.what, p.way_out, p.severity) for p in error.problems]
            return pd.Series(pd.NaT, index=texts.index, dtype=UTC), pd.Series(False, index=texts.index)

    def _tell_unreadable(self, column: str, wrong: pd.Series) -> None:
        texts = self.texts[column]
        most = 2 * wrong.sum() >= texts.notna().sum()
        needed = column in self.schema.required or column == self.schema.counts
        outcome = "their rows are rejected" if needed else "they are taken as missing"
        line, value = wrong.index[wrong][0], mask_pii([texts[wrong].iloc[0]])[0]
        what = f"{int(wrong.sum()):,} values of `{column}` cannot be read (first: line {line}, `{value}`); {outcome}"
        if column in self.schema.times:
            formats = date_formats_for(texts[wrong])
            choice = " or ".join(f'["{pattern}"]' for pattern in formats)
            way_out = f"say date_formats = {choice}" if formats else 'say date_formats, for example ["%d.%m.%Y %H:%M"]'
        else:
            way_out = 'mend them, or say decimal = "," or "."'
        self.tell(self.place.key(column), what, way_out, "error" if most else "warning")

    def _check_weights(self) -> None:
        """A weight is a number above 0. A negative one or a word is an error; 0 and empty are no weight, and told."""
        weight, where = self.made["weight"], self.place.key("columns.weight")
        wrong = (weight < 0) | self.faults["weight"]
        if wrong.any():
            line, value = wrong.index[wrong][0], self.texts["weight"][wrong].iloc[0]
            what = f"{int(wrong.sum()):,} weights are negative or no numbers (first: line {line}, `{value}`)"
            self.tell(where, what, "a weight is a number above 0")
        without = ~(weight > 0)
        if without.any() and not without.all():
            what = f"{int(without.sum()):,} of {len(weight):,} rows have no weight (empty or 0)"
            self.tell(where, what, "weighted results leave them out or refuse; give every row a weight", "warning")
        self.made["weight"] = weight.where(~without)

    def settle_moment(self) -> None:
        """Add `counted_at`: the row's own date, or the last moment of the file's period."""
        counts = self.schema.counts
        moment = pd.Series(pd.NaT, index=self.rows.index, dtype=UTC)
        if counts in self.made:
            moment = self.made[counts]
        if self.options.period is not None:
            last = Period.parse(self.options.period, self.config.study.timezone).end - pd.Timedelta(1, unit="us")
            unread = self.faults.get(counts or "", pd.Series(False, index=moment.index))
            moment = moment.where(moment.notna() | unread, last.as_unit("us"))
        elif self.schema.dated and counts not in self.undecided:
            undated = self.texts[counts].isna() if counts in self.texts else pd.Series(True, self.rows.index)
            if undated.any():
                way_out = f'map `{counts}` in columns, or say period = "2026-Q3" for the file'
                what = f"{int(undated.sum()):,} of {len(undated):,} rows have neither a date (`{counts}`) nor a period"
                most = 2 * undated.sum() >= len(undated)
                what += "" if most else " and are rejected"
                self.tell(self.place.key("columns"), what, way_out, "error" if most else "warning")
        self.moment = moment.astype(UTC)

    # ------------------------------------------------------------------------------------------------ constants, ids

    def fill_constants(self) -> None:
        """Fill what study.toml says once for the whole file; then `source` and `wave`, which have a default."""
        for key in self.schema.constants:
            if (value := getattr(self.options, key)) is not None:
                self._fill(key, pd.Series(value, index=self.rows.index, dtype=object))
        if self.place.table == "comments":
            self._fill("source", pd.Series(self.place.source, index=self.rows.index, dtype=object))
        if "wave" in self.schema.required and "wave" not in self.made:
            self.made["wave"] = self._default_wave()
        for key, known in _VALUES.items():
            if key in self.schema.constants and key in self.made:
                found = set(self.made[key].dropna())
                for value in sorted(found - set(known)):
                    self.tell(self.place.key(key), f"got `{value}`", f"expected {', '.join(known)}; recode.{key}")

    def _fill(self, key: str, values: pd.Series) -> None:
        self.made[key] = self.made[key].where(self.made[key].notna(), values) if key in self.made else values

    def _default_wave(self) -> pd.Series:
        """A wave where nobody says one: the file's period, or the period of [run] every, or the file's name."""
        every, zone = self.config.run.every, self.config.study.timezone
        if self.options.period is not None:
            wave = pd.Series(self.options.period, index=self.rows.index, dtype=object)
        elif every is not None:
            days = self.moment.dt.tz_convert(zone).dt.date
            wave = labels_of(days, every, zone).astype("object")
        else:
            wave = pd.Series(Path(self.place.file).stem, index=self.rows.index, dtype=object)
        if len(wave):
            shown = ", ".join(sorted(set(wave.dropna()))[:4])
            self.tell(self.place.key("wave"), f"is not said; taken as {shown}", 'say wave = "…" or map it', "note")
        return wave

    def make_ids(self) -> None:
        """Ids from row numbers and prefixes, where study.toml asks for them."""
        key, prefix = self.schema.key, self.options.id_prefix
        if key is not None and self.options.id_from_row:
            stem = Path(self.place.file).stem
            self._fill(key, pd.Series([f"{stem}-{line}" for line in self.rows.index], self.rows.index, dtype=object))
        if not prefix:
            return
        wave = self.made.get("wave", pd.Series(None, index=self.rows.index, dtype=object))
        try:
            made = {value: prefix.format(wave=value, file=Path(self.place.file).stem) for value in wave.unique()}
        except (KeyError, IndexError, ValueError):
            self.tell(self.place.key("id_prefix"), f"got `{prefix}`", 'write "{wave}-" or "{file}-"')
            return
        if "{wave}" in prefix and wave.isna().any():
            what = f"`{prefix}` needs a wave, {int(wave.isna().sum()):,} rows have none"
            self.tell(self.place.key("id_prefix"), what, 'say wave = "…" for the file')
        for column in dict.fromkeys([key, "response_id"]):  # a comment carries the id of its response
            if column is not None and column in self.made:
                self.made[column] = wave.map(made).astype(object) + self.made[column]

    # ------------------------------------------------------------------------------------------------ kept, rejected

    def result(self, forgotten: ForgottenIds) -> Canonical:
        for column in self.schema.required:
            if column not in self.made:
                if column not in self.undecided:
                    self._tell_lacking(column)
                self.made[column] = pd.Series(None, index=self.rows.index, dtype=object)
        in_order = [column for column in self.schema.columns if column in self.made]
        frame = pd.DataFrame({key: self.made[key] for key in dict.fromkeys([*in_order, *self.made])}, self.rows.index)
        frame = frame.assign(from_source=self.place.source, counted_at=self.moment)
        reasons = self._reasons(forgotten)
        rejects = self._rejected(reasons)
        mask = self.mask & set(frame.columns)
        gone = set(self.made["response_id"][reasons["reason"] == FORGOTTEN]) if "response_id" in self.made else set()
        kept = frame[reasons["reason"] == ""]
        return Canonical(kept, rejects, self.fates(), self.problems, mask, self.names, gone)

    def _tell_lacking(self, column: str) -> None:
        way_out = f'say columns.{column} = "…" ({did_you_mean(column, self.rows.columns)})'
        if column == self.schema.key and self.schema.dated:
            way_out += ", or id_from_row = true"
        elif column in self.schema.constants:
            way_out += f', or {column} = "…" for all rows'
        self.tell(self.place.key("columns"), f"`{column}` is needed", way_out)

    def _reasons(self, forgotten: ForgottenIds) -> pd.DataFrame:
        """Why each row is rejected: column and reason, empty for rows that are kept. The first reason counts."""
        reasons = pd.DataFrame("", self.rows.index, ["column", "reason"], dtype=object)

        def reject(rows: pd.Series, column: str | None, reason: str) -> None:
            reasons.loc[(rows & (reasons["reason"] == "")).to_numpy(), ["column", "reason"]] = column or "", reason

        if "customer_id" in self.made:
            reject(forgotten.mask(self.made["customer_id"]), "customer_id", FORGOTTEN)
        counts = self.schema.counts
        if counts in self.faults:
            reject(self.faults[counts], counts, "cannot be read")
        if self.schema.dated:
            reject(self.moment.isna(), counts, "no date and no period")
        for column in self.schema.required:
            if column in self.faults:
                reject(self.faults[column], column, "cannot be read")
            empty = self.made[column].isna() & (reasons["reason"] == "")
            reject(empty, column, f"no {column}")
            if column in self.texts and empty.any():
                what = f"{int(empty.sum()):,} of {len(empty):,} rows have no {column} and are rejected"
                self.tell(self.place.key(column), what, "mend the export if they should count", "warning")
        return reasons

    def _rejected(self, reasons: pd.DataFrame) -> pd.DataFrame:
        """One row a rejected row, with the value as it stands in the file; a forgotten id is not repeated."""
        gone = reasons[reasons["reason"] != ""]
        values = [
            "" if reason == FORGOTTEN or column not in self.texts else self.texts[column][line] or ""
            for line, column, reason in zip(gone.index, gone["column"], gone["reason"], strict=True)
        ]
        return gone.assign(value=values).rename_axis("line").reset_index()[["line", "column", "value", "reason"]]
