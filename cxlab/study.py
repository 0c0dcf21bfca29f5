"""A study opened for a period: its tables, its items and touchpoints, and what is known about its rows.

    study = cxlab.open_study("acme", period="2026-Q3")
    study.responses, study.ratings, study.items

Tables hold what was known at the end of the period: rows that count later are not there, and what came later (an end
date, a payment) is empty. Without a period everything is there.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from cxlab import context, products
from cxlab.config import TABLES, Report, StudyConfig, Weights, study_config
from cxlab.data.quality import examine, freshness
from cxlab.data.schemas import SCHEMAS
from cxlab.data.tables import Ingest, ingest, ratings, select
from cxlab.period import Period
from cxlab.problems import Problem, StudyError, by_severity

if TYPE_CHECKING:
    import ibis


def find_root(start: Path | None = None) -> Path:
    """The project's folder: upwards from `start` (default: here) the first that holds notebooks/ and data/raw/."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "notebooks").is_dir() and (folder / "data" / "raw").is_dir():
            return folder
    what = "no folder from here upwards holds notebooks/ and data/raw/"
    raise StudyError(Problem(str(here), what, "change into the project's folder, or make the two"))


def open_study(
    study: str, *, period: str | None = None, root: Path | str | None = None, raw_dir: Path | str | None = None
) -> Study:
    """Open a study with what was known at the end of a period ("2026-Q3"; none or "": with everything).

    `root` is the project's folder and `raw_dir` where the exports are; inside a run both are the run's, elsewhere the
    project is found upwards and the exports are in data/raw/STUDY. Raises `StudyError` with all errors in study.toml
    and the data.
    """
    run = context.current()
    if run is not None and run.study == study:
        root = root if root is not None else run.root
        raw_dir = raw_dir if raw_dir is not None else run.raw_dir
    folder = Path(root).resolve() if root is not None else find_root()
    raw = Path(raw_dir).resolve() if raw_dir is not None else None
    config = study_config(folder, study)
    parsed = Period.parse(period, config.study.timezone) if period else None
    loaded = ingest(folder, study, config, raw_dir=raw)
    if errors := [problem for problem in loaded.problems if problem.severity == "error"]:
        raise StudyError(errors)
    return Study(study, config, parsed, folder, raw, loaded)


class Study:
    """One study as it was known at the end of one period. `open_study` makes it.

    Every table is a DataFrame with `counted_at` (UTC), from when a row counts, `in_period`, whether that lies in the
    period, and `from_source`, the source in study.toml. `events` is an Ibis table, because it may be large. A table that
    the study has no source for is refused with the way out; `has` asks first.
    """

    def __init__(
        self, name: str, config: StudyConfig, period: Period | None, root: Path, raw_dir: Path | None, loaded: Ingest
    ) -> None:
        self.name = name
        self.config = config
        self.period = period
        self.root = root
        self.raw_dir = raw_dir
        self._loaded = loaded
        self._selected: dict[str, pd.DataFrame] = {}

    # ---------------------------------------------------------------------------------------------------------- tables

    @property
    def customers(self) -> pd.DataFrame:
        """One row a customer: customer_id, account_id, role, start_date, end_date and any column of the export."""
        return self._table("customers")

    @property
    def accounts(self) -> pd.DataFrame:
        """One row a business customer: account_id, owner, key, renewal_date and any column of the export."""
        return self._table("accounts")

    @property
    def responses(self) -> pd.DataFrame:
        """One row a person's answers to one survey: response_id, survey, perspective, wave and one column an item."""
        return self._table("responses")

    @property
    def invitations(self) -> pd.DataFrame:
        """One row an invitation to a survey: survey, wave, customer_id, invited_at."""
        return self._table("invitations")

    @property
    def comments(self) -> pd.DataFrame:
        """One row a comment: comment_id, text (personal data masked), source, response_id, rating."""
        return self._table("comments")

    @property
    def transactions(self) -> pd.DataFrame:
        """One row an invoice or purchase: timestamp, amount, customer_id or account_id, due_at, paid_at."""
        return self._table("transactions")

    @property
    def agents(self) -> pd.DataFrame:
        """One row a person or team that serves: agent_id, team, unit."""
        return self._table("agents")

    @cached_property
    def events(self) -> ibis.Table:
        """One row something that happened to a customer: customer_id, timestamp, touchpoint, channel. An Ibis table."""
        from cxlab.data.engine import connect, password_problem

        self._source_of("events")
        if problem := password_problem(self.config.engine.url):
            raise StudyError(problem)
        return self._select_events(connect(self.config.engine.url))

    @cached_property
    def ratings(self) -> pd.DataFrame:
        """One row an answer on a scale, with who gave it, when, about which touchpoint: the long view of responses."""
        tables = {name: self._table(name) for name in ("responses", "agents") if name == "responses" or self.has(name)}
        if self.has("events") and "event_id" in self.responses:
            tables["events"] = self._table("events")
        return ratings(tables, self.config)

    def table_or_none(self, table: str) -> pd.DataFrame | None:
        """A table that a notebook wants and does not need: None where the study has no source for it."""
        return self._table(table) if self.has(table) else None

    @property
    def ratings_or_none(self) -> pd.DataFrame | None:
        """`ratings`, or None where the study has no survey."""
        return self.ratings if self.has("responses") else None

    @property
    def events_or_none(self) -> ibis.Table | None:
        """`events`, or None where the study has no log."""
        return self.events if self.has("events") else None

    @property
    def event_times_or_none(self) -> pd.DataFrame | None:
        """Who had an event when: customer_id and timestamp of the whole log, for recency and frequency; None without a log."""
        if not self.has("events"):
            return None
        found: pd.DataFrame = self.events.select("customer_id", "timestamp").to_pandas()
        return found

    @property
    def events_of_period(self) -> pd.DataFrame | None:
        """The events that lie in the period, as a DataFrame; None where the study has none."""
        if not self.has("events"):
            return None
        found: pd.DataFrame = self.events.filter(self.events.in_period).to_pandas()
        return found

    @cached_property
    def reach(self) -> dict[str, float] | None:
        """touchpoint → share (0 to 1) of the customers in the event log who were there; None where there is no log."""
        if not self.has("events"):
            return None
        log = self.events
        everybody = int(log.customer_id.nunique().to_pandas())
        counted = log.group_by("touchpoint").agg(n=log.customer_id.nunique()).to_pandas()
        return (
            {str(row["touchpoint"]): float(row["n"]) / everybody for row in counted.to_dict("records")}
            if everybody
            else {}
        )

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables of the study by name, events among them as a DataFrame."""
        return {name: self._table(name) for name in TABLES if self.has(name)}

    @property
    def tables_to_date(self) -> dict[str, pd.DataFrame]:
        """All tables with every row known at the end of the period, those that a source's window leaves out among them."""
        return {
            name: self._table(name)
            if set(self._windows(name).values()) == {"to_date"}
            else select(self._loaded.tables[name], name, self.period)
            for name in TABLES
            if self.has(name)
        }

    def has(self, table: str) -> bool:
        """Whether the study has a source for a table."""
        return table in self._loaded.tables

    def _source_of(self, table: str) -> pd.DataFrame:
        if not self.has(table):
            what = f"this study has no `{table}`"
            raise StudyError(Problem(f"study `{self.name}`", what, f'add a [sources.…] section with table = "{table}"'))
        return self._loaded.tables[table]

    def _table(self, table: str) -> pd.DataFrame:
        """The rows that count, each source in its own window."""
        if table not in self._selected:
            whole = self._source_of(table)
            parts = [
                select(whole[whole["from_source"] == source], table, self.period, window)
                for source, window in self._windows(table).items()
            ]
            rows = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
            self._selected[table] = self._weighted(rows) if table == "responses" else rows
        return self._selected[table]

    def _weighted(self, responses: pd.DataFrame) -> pd.DataFrame:
        """The answers with a weight for customers of the surveys that [weights] names; each wave is weighted on its own."""
        if not self.weights.margins:
            return responses
        from cxlab.survey.weighting import rake_surveys

        margins = {str(survey): self.weights.margins_of(survey) for survey in self.weights.surveys}
        return rake_surveys(responses, margins, customers=self.table_or_none("customers"), trim=self.weights.trim)

    def _windows(self, table: str) -> dict[str, str]:
        """The sources of a table and which part of them counts."""
        sources = self.config.sources
        return {name: sources[name].window or "to_date" for name in sources if self.config.table_of(name) == table}

    def _select_events(self, connection: Any) -> ibis.Table:
        """`select` for events, as an expression over the cached file where the engine can read it."""
        import ibis

        path = self._loaded.folder / "events.parquet" if self._loaded.folder else None
        if path is None or connection.name not in ("duckdb", "pyspark"):
            return connection.create_table(ibis.util.gen_name("events"), self._table("events"), temp=True)
        events = connection.read_parquet(path)
        if self.period is None:
            return events.mutate(in_period=True)
        start, end = (ibis.timestamp(moment.to_pydatetime()) for moment in (self.period.start, self.period.end))
        events = events.filter(events.counted_at < end)
        events = events.mutate(in_period=events.counted_at >= start)
        for source in (source for source, window in self._windows("events").items() if window == "period"):
            events = events.filter((events.from_source != source) | events.in_period)
        if "end_timestamp" in events.columns:
            ended = events.end_timestamp
            events = events.mutate(end_timestamp=ibis.ifelse(ended < end, ended, ibis.null(ended.type())))
        return events

    # ---------------------------------------------------------------------------------------------------- what it means

    @cached_property
    def items(self) -> pd.DataFrame:
        """One row a question: item, question, role, low, high, touchpoint, reversed, high_is_easy, label, kind."""
        rows = [
            {
                "item": name,
                "question": item.question,
                "role": item.role,
                "low": item.scale[0] if item.scale else None,
                "high": item.scale[1] if item.scale else None,
                "touchpoint": item.touchpoint,
                "reversed": item.reversed,
                "high_is_easy": item.high_is_easy,
                "label": item.label or name.replace("_", " ").capitalize(),
                "kind": item.kind,
            }
            for name, item in self.config.items.items()
        ]
        columns = ["item", "question", "role", "low", "high", "touchpoint", "reversed", "high_is_easy", "label", "kind"]
        texts = dict.fromkeys(("item", "question", "role", "touchpoint", "label", "kind"), "str")
        return pd.DataFrame(rows, columns=columns).astype({**texts, "low": float, "high": float})

    def item_of(self, role: str) -> str:
        """The first question with this role that the study asks; "" where it asks none."""
        return next((name for name, item in self.config.items.items() if item.role == role), "")

    @cached_property
    def touchpoints(self) -> pd.DataFrame:
        """One row a touchpoint: touchpoint, label, owner, channel, cost, stage; stages in the order of study.toml."""
        stages = {touchpoint: stage for stage, names in self.config.stages.items() for touchpoint in names}
        order = {name: place for place, name in enumerate(stages)}
        rows = [
            {
                "touchpoint": name,
                "label": touchpoint.label or name.replace("_", " ").capitalize(),
                "owner": self.config.owner_of(name),
                "channel": touchpoint.channel,
                "cost": touchpoint.cost,
                "stage": stages.get(name),
            }
            for name, touchpoint in sorted(
                self.config.touchpoints.items(), key=lambda entry: order.get(entry[0], len(order))
            )
        ]
        columns = ["touchpoint", "label", "owner", "channel", "cost", "stage"]
        texts = dict.fromkeys((column for column in columns if column != "cost"), "str")
        return pd.DataFrame(rows, columns=columns).astype({**texts, "cost": float})

    @property
    def report(self) -> Report:
        """[report]: conf_level, min_base, caution_base."""
        return self.config.report

    @property
    def weights(self) -> Weights:
        """[weights]: margins to weight every wave to, and trim."""
        return self.config.weights

    @property
    def known_until(self) -> pd.Timestamp:
        """The end of the period; without one the newest moment in any table (UTC)."""
        if self.period is not None:
            return self.period.end
        newest = [frame["counted_at"].max() for frame in self.tables.values()]
        known = [moment for moment in newest if not pd.isna(moment)]
        return max(known) if known else pd.Timestamp.now("UTC")

    @property
    def events_until(self) -> pd.Timestamp:
        """Until when the event log was watched: the end of the period, or the newest event where the export ends before it (UTC).

        What had not happened by then may still come, and is not called missing.
        """
        newest = self._loaded.tables["events"]["counted_at"].max() if self.has("events") else pd.NaT
        return self.known_until if pd.isna(newest) else min(newest, self.known_until)

    @property
    def journey_rules(self) -> list[str]:
        """The sentences of [[journey_rules]]."""
        return [entry.rule for entry in self.config.journey_rules]

    @property
    def journey_rule_owners(self) -> dict[str, str]:
        """Sentence → who answers for it, where somebody does."""
        return {entry.rule: entry.owner for entry in self.config.journey_rules if entry.owner}

    @property
    def call_back_within(self) -> str:
        """How soon an unhappy customer is called ([service_levels]); two days where nothing is said."""
        return self.config.service_levels.call_back_within or "2d"

    @property
    def decisions(self) -> Path:
        """The folder of what people decided: data/raw/STUDY/decisions."""
        return self.root / "data" / "raw" / self.name / "decisions"

    @property
    def products(self) -> Products:
        """What other notebooks made: `study.products["importance"]`, `"importance" in study.products`."""
        return Products(self)

    # ---------------------------------------------------------------------------------------------- what became of rows

    @cached_property
    def accounting(self) -> pd.DataFrame:
        """One row a file: source, table, file, sha256, rows, kept, rejected, first; rows = kept + rejected.

        All rows of the file, whatever the period; a file that holds nothing from before the period's end is left out.
        """
        files = self._loaded.accounting
        if self.period is not None:
            files = files[files["first"].isna() | (files["first"] < self.period.end)]
        return files.reset_index(drop=True)

    @property
    def rejects(self) -> pd.DataFrame:
        """One row a rejected row of the files in `accounting`: source, table, file, line, column, value, reason."""
        return self._known(self._loaded.rejects)

    @property
    def columns(self) -> pd.DataFrame:
        """One row a column of the files in `accounting`: source, file, column, fate."""
        return self._known(self._loaded.columns)

    @property
    def masked(self) -> pd.DataFrame:
        """Personal data masked on entry, in numbers: one row a file in `accounting`, column and kind with n, texts, of."""
        return self._known(self._loaded.masked)

    def _known(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows[rows["file"].isin(self.accounting["file"])].reset_index(drop=True)

    @property
    def inputs(self) -> dict[str, str]:
        """File → sha256 of the exports and study.toml."""
        return self._loaded.inputs

    @property
    def problems(self) -> list[Problem]:
        """Warnings and notes about what is known at the period's end; a study with errors does not open."""
        later = set(self._loaded.accounting["file"]) - set(self.accounting["file"])
        told = [problem for problem in self._loaded.problems if problem.where.split(",")[0].split(":")[0] not in later]
        return by_severity(dict.fromkeys([*told, *examine(self.tables, self.config)]))

    def rows_known(self) -> dict[str, dict[str, str | int]]:
        """Rows of each table known at the end of the period: table → {"end": …, "rows": …}. Empty without a period."""
        if self.period is None:
            return {}
        end = self.period.end
        return {name: {"end": end.isoformat(), "rows": self._rows_before(name, end)} for name in self._loaded.tables}

    def late_rows(self) -> pd.DataFrame:
        """Rows that arrived late: table, rows, since (the period of the report that did not have them).

        One row a table whose rows have dates: those that count before the end of the last earlier report, less those
        that it knew. Negative where rows have gone since. Empty without a period or an earlier report.
        """
        label, known = self._earlier_report()
        rows = [
            {"table": name, "rows": self._rows_before(name, pd.Timestamp(entry["end"])) - entry["rows"], "since": label}
            for name, entry in known.items()
            if self.has(name) and SCHEMAS[name].dated
        ]
        return pd.DataFrame(rows, columns=["table", "rows", "since"])

    def _rows_before(self, table: str, end: pd.Timestamp) -> int:
        counted = self._loaded.tables[table]["counted_at"]
        return int((counted.isna() | (counted < end)).sum())

    def _earlier_report(self) -> tuple[str, dict[str, dict]]:
        """The last published report that ends before this period starts, and the rows that it knew."""
        if self.period is None:
            return "", {}
        earlier: dict[Period, Path] = {}
        for path in (self.root / "reports" / self.name).glob("*/manifest.json"):
            try:
                period = Period.parse(path.parent.name, self.config.study.timezone)
            except StudyError:
                continue
            if period.after <= self.period.first:
                earlier[period] = path
        if not earlier:
            return "", {}
        last = max(earlier, key=lambda period: (period.after, period.first))
        return last.label, json.loads(earlier[last].read_text("utf-8")).get("rows_known", {})

    # ------------------------------------------------------------------------------------------------------------ shown

    def __repr__(self) -> str:
        lines = [f"{self.config.study.name} ({self.name}), {self._period_words()}"]
        lines += [f"  {row.table}: {row.rows:,} rows, {row.in_period:,} in the period" for row in self._overview()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        cells = [
            (row.table, f"{row.rows:,}", f"{row.in_period:,}", _day(row.first), _day(row.newest), row.columns)
            for row in self._overview()
        ]
        heads = ("table", "rows", "in the period", "first", "newest", "columns")
        head = "".join(f"<th>{name}</th>" for name in heads)
        body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in cells)
        title = html.escape(f"{self.config.study.name}, {self._period_words()}")
        return f"<p><b>{title}</b></p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _period_words(self) -> str:
        return f"{self.period.label}, {self.period.words()}" if self.period else "all periods"

    def _overview(self) -> Iterator:
        """One row a table: its rows and dates, and its columns in words."""
        table = freshness(self.tables, self.period)
        table["columns"] = [", ".join(map(str, self._table(name).columns)) for name in table["table"]]
        return table.itertuples()


def _day(moment: pd.Timestamp) -> str:
    return "" if pd.isna(moment) else str(moment.date())


class Products(Mapping[str, pd.DataFrame]):
    """The products of a study and period by name; those of this run come first."""

    def __init__(self, study: Study) -> None:
        label = study.period.label if study.period else None
        self._where: dict[str, Any] = {"study": study.name, "period": label, "root": study.root}

    def __getitem__(self, name: str) -> pd.DataFrame:
        return products.load(name, **self._where)

    def get(self, name: str, default: Any = None) -> Any:
        """The product, or `default` where nobody has made it."""
        return self[name] if name in self else default  # noqa: SIM401  (this is `get`)

    def __contains__(self, name: object) -> bool:
        return name in products.names(**self._where)

    def __iter__(self) -> Iterator[str]:
        return iter(products.names(**self._where))

    def __len__(self) -> int:
        return len(products.names(**self._where))

    def __repr__(self) -> str:
        return f"products: {', '.join(self) or 'none'}"
