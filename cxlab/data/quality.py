"""Are the data fit to be believed? Everything wrong at once, before anything runs.

`check` reads a study without changing anything and says what is wrong: configuration, files, columns, answers off their
scale, ids that match nothing. `match_rates`, `freshness` and `missingness` are the same questions as tables. None of them
says whether the people who answered are like those who did not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from cxlab.config import StudyConfig, config_path, examine_config
from cxlab.data.codes import number_of
from cxlab.data.engine import password_problem
from cxlab.data.schemas import ADDED, SCHEMAS
from cxlab.data.tables import Ingest, ingest
from cxlab.period import Period
from cxlab.problems import Problem, StudyError, by_severity, did_you_mean

LINKS = (
    ("responses", "customers", "customer_id"),
    ("responses", "accounts", "account_id"),
    ("responses", "events", "event_id"),
    ("responses", "agents", "agent_id"),
    ("events", "customers", "customer_id"),
    ("events", "agents", "agent_id"),
    ("invitations", "customers", "customer_id"),
    ("comments", "customers", "customer_id"),
    ("comments", "responses", "response_id"),
    ("transactions", "customers", "customer_id"),
    ("transactions", "accounts", "account_id"),
    ("customers", "accounts", "account_id"),
)
SENTINELS = (-99.0, -9.0, -1.0, 88.0, 97.0, 98.0, 99.0, 888.0, 997.0, 998.0, 999.0, 9999.0)
BLANKS = {
    "-", "--", ".", "?", "#n/a", "#null!", "blank", "don't know", "dk", "empty", "k.a.", "keine angabe", "missing", "n.a.",
    "n/a", "na", "nan", "no answer", "none", "not applicable", "null", "refused", "unknown", "unbekannt",
}  # fmt: skip
_CODES = 20  # different values up to which a column is a list of codes
_UNUSED_END_BASE = 100  # answers after which an end of a scale that nobody ever chose is worth a word


def check(root: Path, study: str, *, raw_dir: Path | None = None) -> list[Problem]:
    """Everything that is wrong with a study, errors first. Writes nothing.

    Where study.toml has errors, the data are looked at without the parts that are wrong.
    """
    try:
        config, problems = examine_config(config_path(root, study))
    except StudyError as error:
        return error.problems
    if config is None:
        return by_severity(problems)
    if problems:
        what = "what follows about the data is said without the parts of study.toml that are wrong"
        problems.append(Problem("data", what, "it may change once they are mended", "note"))
    try:
        loaded = ingest(root, study, config, raw_dir=raw_dir, use_cache=False)
    except StudyError as error:
        return by_severity([*problems, *error.problems])
    problems += [*loaded.problems, *_engine(config), *_links(loaded), *examine(loaded.tables, config)]
    return by_severity(dict.fromkeys([*problems, *_left_out(loaded)]))


def examine(tables: Mapping[str, pd.DataFrame], config: StudyConfig) -> list[Problem]:
    """What the values of canonical tables give away: unknown touchpoints, repeated rows, codes that look like no answer."""
    return [
        *_touchpoints(tables, config),
        *_repeated_events(tables),
        *_codes_in_texts(tables),
        *_codes_on_scales(tables, config),
        *_small_waves(tables, config),
        *_margins(tables, config),
    ]


def match_rates(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One row a link between two tables: left, right, key, n, matched, share.

    `n` rows of the left table bear the key, `matched` of them find it in the right table; share is missing where n is 0.
    """
    rows = []
    for left, right, key in LINKS:
        if left in tables and right in tables and key in tables[left] and key in tables[right]:
            keys = tables[left][key].dropna()
            # `isin` would make an Arrow scalar of each id: 28 times slower
            known = set(tables[right][key].dropna().tolist())
            matched = sum(value in known for value in keys.tolist())
            share = matched / len(keys) if len(keys) else float("nan")
            rows.append({"left": left, "right": right, "key": key, "n": len(keys), "matched": matched, "share": share})
    return pd.DataFrame(rows, columns=["left", "right", "key", "n", "matched", "share"])


def freshness(tables: Mapping[str, pd.DataFrame], period: Period | None) -> pd.DataFrame:
    """One row a table: table, rows, in_period, first, newest (moments from which rows count, UTC)."""
    rows = []
    for name, frame in tables.items():
        counted = frame["counted_at"]
        inside = pd.Series(True, index=counted.index)
        if period is not None:
            inside = counted.isna() | ((counted >= period.start) & (counted < period.end))
        rows.append(
            {"table": name, "rows": len(frame), "in_period": int(inside.sum()), "first": counted.min(),
             "newest": counted.max()}
        )  # fmt: skip
    return pd.DataFrame(rows, columns=["table", "rows", "in_period", "first", "newest"])


def missingness(responses: pd.DataFrame, config: StudyConfig) -> pd.DataFrame:
    """One row an item of a survey's wave: item, survey, wave, n, answered, share, why.

    `n` respondents, `answered` of them gave an answer that counts. `why` is "not asked" where nobody did: an item that is
    in no file of the wave, or only missing codes; missing codes and empty cells are otherwise not told apart.
    """
    rows = []
    for (survey, wave), group in responses.groupby(["survey", "wave"], sort=False):
        for item in (name for name in config.items if name in responses):
            n, answered = len(group), int(group[item].notna().sum())
            why = "not asked" if not answered else "" if answered == n else "empty or a missing code"
            rows.append({"item": item, "survey": survey, "wave": wave, "n": n, "answered": answered,
                         "share": answered / n, "why": why})  # fmt: skip
    return pd.DataFrame(rows, columns=["item", "survey", "wave", "n", "answered", "share", "why"])


def _engine(config: StudyConfig) -> Iterator[Problem]:
    if problem := password_problem(config.engine.url):
        yield problem


def _touchpoints(tables: Mapping[str, pd.DataFrame], config: StudyConfig) -> Iterator[Problem]:
    """Touchpoints in the data that study.toml does not know."""
    for name, table in tables.items():
        if "touchpoint" not in table:
            continue
        counts = table["touchpoint"].value_counts()
        unknown = counts[~counts.index.isin(list(config.touchpoints))]
        if len(unknown):
            shown = ", ".join(f"`{touchpoint}` ({n:,} rows)" for touchpoint, n in unknown.head(6).items())
            more = f" and {len(unknown) - 6} more" if len(unknown) > 6 else ""
            near = did_you_mean(str(unknown.index[0]), config.touchpoints)
            way_out = f"add [touchpoints.{unknown.index[0]}], or recode.touchpoint; {near}"
            yield Problem(f"{name}.touchpoint", f"study.toml does not know {shown}{more}", way_out, "warning")


def _links(loaded: Ingest) -> Iterator[Problem]:
    """How many ids of one table another knows."""
    for link in match_rates(loaded.tables).to_dict("records"):
        left, right, key, n = link["left"], link["right"], link["key"], link["n"]
        where, what = f"{left}.{key}", f"{link['matched']:,} of {n:,} are in {right}"
        if link["matched"]:
            yield Problem(where, f"{what} ({link['share']:.1%})", "", "note")
        elif n:
            there = loaded.tables[right][key].dropna()
            shown = f"; here `{loaded.tables[left][key].dropna().iloc[0]}`"
            shown += f", there `{there.iloc[0]}`" if len(there) else ""
            yield Problem(where, f"{what}{shown}", "are ids written alike in both exports?", "warning")


def _repeated_events(tables: Mapping[str, pd.DataFrame]) -> Iterator[Problem]:
    """Rows of tables without a key that are there twice, in every column: exports that overlap."""
    for name in ("events", "transactions", "invitations"):
        if name in tables:
            table = tables[name]
            n = int(table.drop(columns=[column for column in ADDED if column in table]).duplicated().sum())
            if n:
                what = f"{n:,} of {len(table):,} rows are the same as an earlier one in every column"
                yield Problem(name, what, "do exports overlap? They count twice", "warning")


def _codes_in_texts(tables: Mapping[str, pd.DataFrame]) -> Iterator[Problem]:
    """Texts that look like "no answer" and are not declared missing."""
    for name, table in tables.items():
        ids = SCHEMAS[name].all_ids
        for column in table.columns:
            if column in (*ids, *ADDED, "text") or not pd.api.types.is_string_dtype(table[column]):
                continue
            counts = table[column].value_counts()
            blanks = {value: n for value, n in counts.items() if _means_nothing(str(value), len(counts))}
            if blanks:
                values = ", ".join(f"`{value}` ({n:,} rows)" for value, n in blanks.items())
                codes = ", ".join(f'"{value}"' for value in blanks)
                way_out = f"if so, declare missing_by_item.{column} = [{codes}]"
                yield Problem(f"{name}.{column}", f"{values}: is this no answer?", way_out, "warning")


def _means_nothing(value: str, n_values: int) -> bool:
    """A word for "no answer"; or, among a handful of codes, a number that is often used for it."""
    return value.strip().casefold() in BLANKS or (n_values <= _CODES and number_of(value) in SENTINELS)


def _codes_on_scales(tables: Mapping[str, pd.DataFrame], config: StudyConfig) -> Iterator[Problem]:
    """Answers on the scale that may mean something else: 99 of 100, and scales of which an end is never used."""
    responses = tables.get("responses", pd.DataFrame())
    for name, item in config.items.items():
        if item.scale is None or name not in responses:
            continue
        counts = responses[name].value_counts()
        low, high = item.scale
        for code in counts.index.intersection(list(SENTINELS)):
            neighbours = counts.reindex([code - 1, code + 1], fill_value=0).max()
            if code not in (low, high) and counts[code] > 3 * neighbours + 3:
                what = f"{counts[code]:,} answers are {code:g}, on the scale {low:g} to {high:g}: is this no answer?"
                yield Problem(
                    f"responses.{name}", what, f"if so, declare missing_by_item.{name} = [{code:g}]", "warning"
                )
        n = int(counts.sum())
        for end, word, code in ((low, "lowest", low), (high, "highest", high)):
            if n >= _UNUSED_END_BASE and code not in counts.index:
                what = f"the {word} answer {end:g} is never given in {n:,}: is the scale right, or stored otherwise?"
                yield Problem(f"responses.{name}", what, f"hold [items.{name}] scale against the questionnaire", "note")


def _small_waves(tables: Mapping[str, pd.DataFrame], config: StudyConfig) -> Iterator[Problem]:
    """Waves whose figures will be hidden."""
    if "responses" not in tables:
        return
    smallest = config.report.min_base
    for (survey, wave), rows in tables["responses"].groupby(["survey", "wave"], sort=False):
        if len(rows) < smallest:
            what = f"{len(rows)} respondents, below min_base {smallest}: its figures are hidden"
            yield Problem(f"responses, {survey} wave {wave}", what, "", "warning")


def _margins(tables: Mapping[str, pd.DataFrame], config: StudyConfig) -> Iterator[Problem]:
    """Margins that no table has a column for, and who rakes to them."""
    if not config.weights.margins or "responses" not in tables:
        return
    columns = [*tables["responses"].columns, *tables.get("customers", pd.DataFrame()).columns]
    where = "study.toml [weights.margins]"
    for name in config.weights.margins:
        if name not in columns:
            what = f"`{name}` is no column of the answers or of the customers"
            yield Problem(where, what, did_you_mean(name, columns))
    surveys = " and ".join(config.weights.surveys) or "no survey"
    what = f"every wave of customers of {surveys} is weighted to them; add to `surveys`, or take away, what should be"
    yield Problem(where, what, "", "note")


def _left_out(loaded: Ingest) -> Iterator[Problem]:
    """Columns that were dropped because they name a person."""
    named = loaded.columns[loaded.columns["fate"].str.startswith("dropped: direct identifier")]
    for file, columns in named.groupby("file", sort=False)["column"]:
        what = f"columns that name a person are dropped on entry: {', '.join(dict.fromkeys(columns))}"
        yield Problem(str(file), what, "", "note")
