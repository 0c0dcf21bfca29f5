"""Are the data fit to be believed? What came in, what was left out, who answered, and what looks wrong.

`examine_health` looks at one open study as it was known at the end of its period. It says nothing about whether the
people who did not answer think alike: a response rate that is the same everywhere is no proof of that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from cxlab.data.privacy import MEASURED
from cxlab.data.quality import freshness, match_rates, missingness
from cxlab.inference import Estimate, difference, linearised_mean, linked_reasons, wilson, with_readings
from cxlab.study import Study
from cxlab.wording import MIN_BASE, SURVEY_WORDS, capital_text, describe, list_text, number_text

Verdict = Literal["fit", "fit with reservations", "not fit"]

MANY_REJECTED, MOST_REJECTED = 0.01, 0.2
"""Rejected rows of a file: from the first share on a reservation, from the second on it is not fit."""
FEW_MATCHED, SOME_MATCHED = 0.95, 0.5
"""Ids that another table knows: below the first share a reservation, below the second the two do not belong together."""
OFTEN_MISSING = 0.2
"""Share of respondents without an answer to a question that their wave asked, from which on it is a reservation."""
LOW_RESPONSE = 20
"""Percent of those invited who answered, below which it is a reservation: the many who are silent may think otherwise."""
_DATED = ("responses", "events", "comments", "transactions", "invitations")
_MOST_CELLS = 12  # a column with more different values is no cell of a frame
_RATES = [
    "survey", "wave", "by", "cell", "label", "invited", "answered", "estimate", "std_error", "conf_low", "conf_high",
    "conf_level", "n", "unit", "is_new", "difference", "q_value", "reading", "reason",
]  # fmt: skip


@dataclass(frozen=True)
class Health:
    """The state of a study's data.

    `serious` and `reservations` are sentences. `files` has one row a file (see `Study.accounting`) with the share of its
    rows that were rejected, `rejects` one row a file, column and reason with the number of rows and the first line.
    `matches` has one row a link between two tables, `freshness` one row a table, `missing` one row a question of the
    newest wave of each survey, `response` one row a wave and one row a cell of its frame, `bases` one row a group of the
    newest wave with what will become of its figures, `late` one row a table, `traps` one row a warning. `masked` has one row a
    file, column of free text and kind of personal data (see `Study.masked`).
    """

    period: str
    serious: list[str]
    reservations: list[str]
    files: pd.DataFrame
    rejects: pd.DataFrame
    matches: pd.DataFrame
    freshness: pd.DataFrame
    missing: pd.DataFrame
    response: pd.DataFrame
    bases: pd.DataFrame
    late: pd.DataFrame
    traps: pd.DataFrame
    masked: pd.DataFrame
    min_base: int = MIN_BASE

    @property
    def verdict(self) -> Verdict:
        if self.serious:
            return "not fit"
        return "fit with reservations" if self.reservations else "fit"

    def headline(self) -> str:
        """The verdict in one sentence."""
        whose = f"The data{f' up to {self.period}' if self.period else ''}"
        if self.serious:
            return f"{whose} are not fit to be believed as they are: {_counted(len(self.serious), 'serious fault')}."
        if self.reservations:
            return f"{whose} are fit to be believed, with {_counted(len(self.reservations), 'reservation')}."
        return f"{whose} are fit to be believed: nothing that was looked at gives a reason for doubt."

    def sentences(self) -> list[str]:
        """What was counted, then every fault and reservation."""
        return [self._rows_sentence(), *self._response_sentences(), *self.serious, *self.reservations]

    def _rows_sentence(self) -> str:
        rows, kept, rejected = (int(self.files[column].sum()) for column in ("rows", "kept", "rejected"))
        files = _counted(self.files["file"].nunique(), "file")
        if not rejected:
            return f"All {rows:,} rows of {files} are kept."
        return f"Of {rows:,} rows in {files}, {kept:,} are kept and {rejected:,} rejected, each with its reason."

    def _response_sentences(self) -> list[str]:
        return [_response_sentence(row) for row in self._newest_rates.to_dict("records")]

    @property
    def _newest_rates(self) -> pd.DataFrame:
        """The response rate of the newest wave of each survey."""
        return self.response[self.response["by"] == "all"].drop_duplicates("survey", keep="last")

    def key_numbers(self) -> pd.DataFrame:
        """At most four: label, unit, estimate, conf_low, conf_high, n. Counts of rows have no interval."""
        rows, rejected = int(self.files["rows"].sum()), int(self.files["rejected"].sum())
        counts = [(f"Rows rejected, of {rows:,}", rejected, rows)]
        if len(self.matches):
            weakest = self.matches.sort_values("share", kind="stable", na_position="last").to_dict("records")[0]
            label = f"Ids of {weakest['left']} unknown in {weakest['right']}, of {weakest['n']:,}"
            counts.append((label, weakest["n"] - weakest["matched"], weakest["n"]))
        whole = [{"label": label, "unit": "", "estimate": count, "n": base} for label, count, base in counts]
        rates = self._newest_rates.assign(label=lambda rate: "Response rate, " + rate["survey"].map(SURVEY_WORDS))
        columns = ["label", "unit", "estimate", "conf_low", "conf_high", "n"]
        return pd.DataFrame([*whole, *rates[columns].to_dict("records")], columns=columns).head(4)

    def base_sentence(self) -> str:
        """How many rows and files were looked at."""
        tables = self.files["table"].nunique()
        files = _counted(self.files["file"].nunique(), "file")
        return f"{int(self.files['rows'].sum()):,} rows of {files} in {_counted(tables, 'table')}"

    def findings(self) -> list[dict[str, Any]]:
        """What the next period is compared with, as `cxlab.findings.record` takes it: the response rate of each survey."""
        return [
            {
                "name": f"response_rate_{row['survey']}",
                "result": {**row, "headline": _response_sentence(row)},
                "level": "all",
                "unit": "%",
                "better": "higher",
                "definition": "invited customers who answered, in percent",
                "comparable": "independent" if row["is_new"] else "cumulative",
                "label": f"Response rate, {SURVEY_WORDS[row['survey']]}",
            }
            for row in self._newest_rates.to_dict("records")
        ]

    # ------------------------------------------------------------------------------------------- what is shown, and said

    def files_words(self) -> dict[str, Any]:
        """Title, subtitle and notes of the table of files."""
        return {
            "title": self._rows_sentence(),
            "subtitle": "Rows of every export, whatever the period",
            "note": {
                "Base": "All rows of all files; the exhibits below count only rows up to the end of the period",
                "Not shown": "Files that hold only what came after the period",
            },
        }

    def rejects_shown(self) -> Iterator[Shown]:
        """The rejected rows by file and reason, if there are any."""
        if len(self.rejects):
            kinds = self.rejects.groupby("reason")["rows"].sum().sort_values(ascending=False, kind="stable")
            said = list_text(f"{number_text(n)} {reason}" for reason, n in kinds.head(4).items())
            title = f"{number_text(kinds.sum())} {'row is' if kinds.sum() == 1 else 'rows are'} rejected: {said}."
            yield {"title": title, "subtitle": "Rejected rows by file and reason, with the first of each"}, self.rejects

    def links_shown(self) -> Iterator[Shown]:
        """The links between tables, weakest first, if there are any."""
        if len(self.matches):
            rows = self.matches.sort_values("share", kind="stable", na_position="first", ignore_index=True)
            weakest = rows.to_dict("records")[0]
            title = (
                f"{weakest['matched']:,} of {weakest['n']:,} ids of {weakest['left']} are known in {weakest['right']}, the "
                f"weakest link of {len(rows)}."
            )
            rows = rows.assign(link=rows["left"] + " → " + rows["right"], unknown=rows["n"] - rows["matched"])
            note = {"Base": "Rows that bear the id", "Source": "All tables, up to the end of the period"}
            yield {"title": title, "subtitle": "Ids that the other table knows, rows", "note": note}, rows

    def freshness_shown(self) -> pd.DataFrame:
        """One row a table, with its first and newest day in words."""
        days = {column: self.freshness[column].map(_day) for column in ("first", "newest")}
        return self.freshness.assign(**days)

    def freshness_words(self) -> dict[str, Any]:
        """Title and subtitle of the table of tables."""
        new = int(self.freshness["in_period"].sum())
        title = (
            f"{number_text(new)} of {number_text(self.freshness['rows'].sum())} rows that are known lie in the period."
        )
        return {"title": title, "subtitle": "Rows by table, up to the end of the period"}

    def response_shown(self) -> Iterator[Shown]:
        """The response of each survey: its waves and the groups of its newest wave."""
        for survey, rows in self.response.groupby("survey", sort=False):
            cells = rows[rows["by"] != "all"]
            tested = int(cells["q_value"].notna().sum())
            apart = cells[cells["reading"] == "changed"]
            newest = rows[rows["by"] == "all"].to_dict("records")[-1]
            words, wave = SURVEY_WORDS[str(survey)], newest["wave"]
            rate = f"{newest['estimate']:.0f}% of those invited to the {words} of {wave} answered"
            if not apart.empty:
                far = apart.sort_values("difference", key=abs, kind="stable").to_dict("records")[-1]
                more = "above" if far["difference"] > 0 else "below"
                title = (
                    f"{rate}; {far['cell']} ({far['by']}) {far['estimate']:.0f}%, {abs(far['difference']):.0f} points {more} "
                    "the others."
                )
            elif tested:
                title = f"{rate}, and no group clearly more or less often than the others."
            else:
                title = f"{rate}."
            note = {"Base": "Customers who were invited, each counted once a wave"}
            if tested:
                n_tests = int(self.response["q_value"].notna().sum())
                note["Test"] = (
                    f"Each group of the newest wave against all others; {n_tests} tests on this page, Benjamini–Hochberg"
                )
            note["Source"] = "Invitations, matched to responses by customer and wave"
            yield {
                "survey": survey,
                "title": title,
                "subtitle": "Share of those invited who answered, by wave, and by group for the newest; "
                f"{100 * newest['conf_level']:g}% interval",
                "alt": describe("Dot plot of the response rate", rows, label_col="label", unit="%"),
                "note": note,
            }, _protected(rows, self.min_base).reset_index(drop=True)  # fmt: skip

    def missing_shown(self) -> Iterator[Shown]:
        """Questions of the newest waves that were left without an answer, most often first."""
        for survey, rows in self.missing.groupby("survey", sort=False):
            wave, n = rows["wave"].iloc[0], int(rows["n"].max())
            without = rows.assign(estimate=100 * (1 - rows["share"])).sort_values(
                "estimate", ascending=False, kind="stable"
            )
            most = without.to_dict("records")[0]
            words = SURVEY_WORDS[str(survey)]
            title = (
                f"Of {n:,} respondents of the {words} of {wave}, {most['estimate']:.0f}% gave no answer to "
                f"{most['label']}, the most."
            )
            if not most["estimate"]:
                title = f"All {n:,} respondents of the {words} of {wave} answered every question that was asked."
            shown = without.head(_MOST_BARS)
            note = {"Base": f"{n:,} respondents; empty and a missing code count alike"}
            if len(without) > len(shown):
                note["Not shown"] = f"{len(without) - len(shown)} more questions; all are in the table"
            yield {
                "survey": survey,
                "title": title,
                "subtitle": f"Respondents of the {SURVEY_WORDS[str(survey)]} of {wave} without an answer, percent",
                "alt": describe(
                    "Bars of respondents without an answer, by question",
                    shown[["label", "estimate"]], label_col="label", unit="%",
                ),
                "note": note,
                "table": without,
            }, shown.reset_index(drop=True)  # fmt: skip

    def warnings_shown(self) -> Iterator[Shown]:
        """What `cxlab check` warns about, if it does."""
        if len(self.traps):
            title = f"{_counted(len(self.traps), 'warning').capitalize()} about the exports."
            yield {"title": title, "subtitle": "What was found, where, and the way out"}, self.traps

    def masked_shown(self) -> Iterator[Shown]:
        """What was masked in free texts, by source and kind, in numbers; nothing where a study has no free texts."""
        if self.masked.empty:
            return
        rows = (
            self.masked.groupby(["source", "table", "column", "kind"], sort=False)[["n", "texts", "of"]]
            .sum()
            .reset_index()
        )
        read = int(rows.drop_duplicates(["source", "table", "column"])["of"].sum())
        kinds = rows.groupby("kind", sort=False)["n"].sum()
        kinds = kinds[kinds > 0].sort_values(ascending=False, kind="stable")
        if kinds.empty:
            title = f"No personal data were found in {number_text(read)} texts."
        else:
            said = list_text(_counted(int(n), *_MASKED_WORDS[str(kind)]) for kind, n in kinds.head(4).items())
            more = f", and {int(kinds.iloc[4:].sum()):,} of other kinds" if len(kinds) > 4 else ""
            was = "was" if int(kinds.sum()) == 1 else "were"
            title = capital_text(f"{said}{more} {was} masked in {number_text(read)} texts.")
        found = rows[rows["n"] > 0] if len(kinds) else rows.drop_duplicates(["source", "table", "column"])
        found = found.assign(
            what=found["kind"].map(lambda kind: _MASKED_WORDS[kind][1]) if len(kinds) else "nothing",
            where=found["source"] + ": " + found["column"],
            share=100 * found["texts"] / found["of"].where(found["of"] > 0),
        )
        yield {
            "title": title,
            "subtitle": "Personal data masked in free texts by source and kind, and the texts that held them",
            "note": {
                "Base": f"{read:,} texts of all files that are known, whatever the period; no text is kept unmasked",
                "Finds": MEASURED.sentence(),
                "Not found": "Names that no cue announces and that are not among the study's own customers and staff, numbers in "
                "words, letters in place of digits, addresses without a number",
            },
        }, found.reset_index(drop=True)  # fmt: skip

    def bases_shown(self) -> Iterator[Shown]:
        """One row a survey and kind of group: how many will be shown, shown as small, hidden; nothing without a survey."""
        if len(self.bases):
            counted = self.bases.groupby(["survey", "by", "state"], sort=False).size().unstack("state", fill_value=0)
            yield self.bases_words(), counted.reindex(columns=["shown", "small", "hidden"], fill_value=0).reset_index()

    def bases_words(self) -> dict[str, Any]:
        """Title and subtitle of the preview of what will be hidden."""
        hidden = self.bases[self.bases["state"] == "hidden"]
        title = f"None of {number_text(len(self.bases))} questions and groups of the newest waves will be hidden."
        if len(hidden):
            some = list_text([f"{row['cell']} ({row['by']})" for row in hidden.head(3).to_dict("records")])
            of_all = f"{number_text(len(hidden))} of {number_text(len(self.bases))}"
            title = f"{of_all} questions and groups will be hidden: {some}"
            title += f" and {len(hidden) - 3} more." if len(hidden) > 3 else "."
        note = {"Base": "Answers to a question, respondents of a group; newest wave of each survey"}
        return {"title": title, "subtitle": "Questions and groups of customers by what their base allows", "note": note}


Shown = tuple[dict[str, Any], pd.DataFrame]
"""What an exhibit says (title, subtitle, alt, note) and the rows that it shows."""
_MOST_BARS = 15
_MASKED_WORDS = {
    "EMAIL": ("e-mail address", "e-mail addresses"),
    "PHONE": ("telephone number", "telephone numbers"),
    "CARD": ("card number", "card numbers"),
    "IBAN": ("IBAN", "IBANs"),
    "ID": ("number of a person", "numbers of persons"),
    "URL": ("link", "links"),
    "IP": ("IP address", "IP addresses"),
    "HANDLE": ("handle", "handles"),
    "NAME": ("name", "names"),
    "ADDRESS": ("postal address", "postal addresses"),
}


def examine_health(study: Study) -> Health:
    """Look at everything at once. What a study has no table for is left out of the result's tables."""
    tables = study.tables
    report = study.report
    silent = (
        study.rejects[study.rejects["reason"] == "no text"].groupby("file").size()
    )  # who wrote nothing is no fault of a file
    files = study.accounting.assign(
        share_rejected=lambda f: (
            (f["rejected"] - f["file"].map(silent).fillna(0).where(f["table"] == "comments", 0))
            / f["rows"].where(f["rows"] > 0)
        )
    )
    responses = tables.get("responses", pd.DataFrame())
    missing = _none("item", "survey", "wave", "n", "answered", "share", "why", "label")
    gone: list[str] = []
    if len(responses):
        labels = study.items.set_index("item")["label"]
        customers = responses[responses["perspective"] == "customer"]  # staff are asked less, and not invited
        every = missingness(customers, study.config)
        gone = [labels[item] for item in _no_longer_answered(every, customers)]
        missing = _newest_waves(every, customers)
        missing = missing.assign(label=missing["item"].map(labels))
    result = {
        "files": files,
        "rejects": _reasons(study.rejects),
        "matches": match_rates(study.tables_to_date),
        "freshness": _in_zone(freshness(tables, study.period), study.config.study.timezone),
        "missing": missing,
        "response": response_rates(tables, conf_level=report.conf_level),
        "bases": bases(tables, missing, min_base=report.min_base, caution_base=report.caution_base),
        "late": study.late_rows(),
        "traps": pd.DataFrame(
            [vars(problem) for problem in study.problems if problem.severity == "warning"],
            columns=["where", "what", "way_out", "severity"],
        ),
        "masked": study.masked,
    }
    words = study.period.label if study.period else ""
    lost = [f"Nobody answered {label} in the newest wave, though the wave before did: is its column called otherwise?"
            for label in gone]  # fmt: skip
    return Health(words, list(_serious(result)), [*lost, *_reservations(result)], **result, min_base=report.min_base)


def _protected(rates: pd.DataFrame, min_base: int) -> pd.DataFrame:
    """Response rates of which no small group can be worked out from the total: a second one is hidden with it."""
    safe = rates.copy()
    figures = ["invited", "answered", "estimate", "std_error", "conf_low", "conf_high", "difference", "q_value"]
    safe[[*figures, "n"]] = safe[[*figures, "n"]].astype(float)
    whole = rates[rates["by"] == "all"]
    everybody = dict(zip(zip(whole["survey"], whole["wave"], strict=True), whole["invited"], strict=True))
    for (survey, wave, _), cells in rates[rates["by"] != "all"].groupby(["survey", "wave", "by"]):
        invited = cells["invited"].astype(int)
        linked = linked_reasons(invited, unknown=int(everybody[survey, wave] - invited.sum()), min_base=min_base)
        small = cells.index[(cells["invited"] > 0) & (cells["invited"] < min_base)]
        also = linked.index[linked != ""]
        safe.loc[[*small, *also], figures] = np.nan
        safe.loc[also, "n"] = np.nan
        safe.loc[also, "reason"] = linked[also]
        safe.loc[[*small, *also], "reading"] = "not tested"
    return safe


def _response_sentence(rate: Any) -> str:
    return (
        f"{rate['answered']:,} of {rate['invited']:,} invited customers answered the {SURVEY_WORDS[rate['survey']]} of "
        f"{rate['wave']}: {rate['estimate']:.0f}%."
    )


def _in_zone(moments: pd.DataFrame, timezone: str) -> pd.DataFrame:
    """Days as the study's people count them."""
    return moments.assign(**{column: moments[column].dt.tz_convert(timezone) for column in ("first", "newest")})


def _day(moment: pd.Timestamp) -> str:
    return "no date" if pd.isna(moment) else str(moment.date())


def _none(*columns: str) -> pd.DataFrame:
    return pd.DataFrame(columns=list(columns))


def _counted(n: int, noun: str, several: str = "") -> str:
    return f"{_NUMBERS.get(n, f'{n:,}')} {noun if n == 1 else several or noun + 's'}"


_NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}


def _reasons(rejects: pd.DataFrame) -> pd.DataFrame:
    """One row a file, column and reason: how many rows, and the first of them."""
    grouped = rejects.groupby(["file", "column", "reason"], sort=False, dropna=False)
    return grouped.agg(rows=("line", "size"), line=("line", "min"), value=("value", "first")).reset_index()


def _newest_waves(missing: pd.DataFrame, responses: pd.DataFrame) -> pd.DataFrame:
    """The questions that the newest wave of each survey asked."""
    newest = _newest(responses)
    is_newest = missing["wave"].astype(str) == missing["survey"].map(newest)
    return missing[is_newest & (missing["answered"] > 0)].reset_index(drop=True)


def _no_longer_answered(missing: pd.DataFrame, responses: pd.DataFrame) -> list[str]:
    """Items that the wave before the newest has answers to, and the newest has none."""
    last = (
        responses.groupby(["survey", "wave"], sort=False)["counted_at"].max().sort_values(kind="stable").reset_index()
    )
    items: list[str] = []
    for survey, waves in last.groupby("survey", sort=False):
        if len(waves) < 2:
            continue
        of_survey = missing[missing["survey"] == survey]
        before, newest = (set(of_survey.loc[(of_survey["wave"] == wave) & (of_survey["answered"] > 0), "item"])
                          for wave in waves["wave"].iloc[-2:])  # fmt: skip
        items += sorted(before - newest)
    return items


def _newest(responses: pd.DataFrame) -> dict[str, str]:
    """survey → the wave with the newest answer."""
    last = responses.groupby(["survey", "wave"], sort=False)["counted_at"].max().reset_index()
    ordered = last.sort_values("counted_at", kind="stable")
    return {str(row["survey"]): str(row["wave"]) for row in ordered.to_dict("records")}


def response_rates(tables: dict[str, pd.DataFrame], *, conf_level: float = 0.95) -> pd.DataFrame:
    """Who of those invited answered: one row a wave (`by` is "all"), and one row a cell of the newest wave's frame.

    A cell is a value of a column of the invitations with at most twelve different ones. `estimate` is in percent with
    Wilson's interval; `difference` (percentage points) is against all others of the wave, `q_value` corrected for all
    cells (Benjamini–Hochberg), `reading` "changed" where it is below 1 − conf_level. Empty without invitations that
    name customers.
    """
    invitations, responses = tables.get("invitations"), tables.get("responses")
    if invitations is None or responses is None or not {"customer_id"} <= set(invitations) & set(responses):
        return _none(*_RATES)
    invited = invitations.dropna(subset="customer_id").drop_duplicates(["survey", "wave", "customer_id"])
    who = responses.loc[responses["customer_id"].notna(), ["survey", "wave", "customer_id"]].drop_duplicates()
    known = invited.merge(who.assign(answered=1.0), how="left", on=["survey", "wave", "customer_id"])
    known["answered"] = known["answered"].fillna(0.0)
    rows = []
    waves = known.groupby(["survey", "wave"])["counted_at"].max().sort_values(kind="stable").index
    newest: dict[str, str] = dict(waves.tolist())
    for survey, wave in waves:
        part = known[(known["survey"] == survey) & (known["wave"] == wave)]
        rows.append(_rate(part["answered"], conf_level) | {"survey": survey, "wave": wave, "by": "all", "cell": "all"})
        rows[-1] |= {"label": wave, "is_new": bool(part["in_period"].any()) if "in_period" in part else True}
        if newest[survey] == wave:
            rows += [row | {"survey": survey, "wave": wave} for row in _cells(part, conf_level)]
    rates = pd.DataFrame(rows).reindex(columns=[*_RATES, "p_value"])
    return with_readings(rates, conf_level)[_RATES]


def _rate(answered: pd.Series, conf_level: float) -> dict[str, Any]:
    mean = linearised_mean(answered)
    low, high = wilson(mean.mean, mean.n, conf_level)
    return {
        "invited": len(answered), "answered": int(answered.sum()), "estimate": 100 * mean.mean,
        "std_error": 100 * mean.std_error, "conf_low": 100 * low, "conf_high": 100 * high, "conf_level": conf_level,
        "n": len(answered), "unit": "%", "reason": "",
    }  # fmt: skip


def _cells(part: pd.DataFrame, conf_level: float) -> Iterator[dict[str, Any]]:
    own = ("customer_id", "survey", "wave", "invited_at", "from_source", "counted_at", "in_period", "answered")
    for column in part.columns.difference(list(own), sort=False):
        values = part[column]
        if not 2 <= values.nunique() <= _MOST_CELLS:
            continue
        for cell in sorted(values.dropna().unique()):
            inside, others = part.loc[values == cell, "answered"], part.loc[values != cell, "answered"]
            change = difference(_estimate(others), _estimate(inside), conf_level=conf_level)
            own_row = {"by": column, "cell": str(cell), "label": f"{column}: {cell}"}
            enough = min(len(inside), len(others)) >= MIN_BASE
            p_value = change.p_value if enough else np.nan
            yield _rate(inside, conf_level) | own_row | {"difference": change.estimate, "p_value": p_value}


def _estimate(answered: pd.Series) -> Estimate:
    mean = linearised_mean(answered)
    return Estimate(100 * mean.mean, 100 * mean.std_error, np.nan, np.nan, 0.95, mean.n)


def bases(
    tables: dict[str, pd.DataFrame], missing: pd.DataFrame, *, min_base: int = 30, caution_base: int = 100
) -> pd.DataFrame:
    """What will be hidden: one row a question or a group of customers of each newest wave.

    Columns: survey, wave, by ("question", or a column of the customers), cell, n, state ("shown", "small", "hidden").
    """
    rows = [
        {"survey": row["survey"], "wave": row["wave"], "by": "question", "cell": row["item"], "n": row["answered"]}
        for row in missing.to_dict("records")
    ]
    responses, customers = tables.get("responses"), tables.get("customers")
    if responses is not None and customers is not None and "customer_id" in responses:
        about = [c for c in customers if c not in ("customer_id", "from_source") and _is_grouping(customers[c])]
        for survey, wave in _newest(responses).items():
            asked = responses[(responses["survey"] == survey) & (responses["wave"] == wave)]
            known = asked[["customer_id"]].merge(customers[["customer_id", *about]], on="customer_id", how="inner")
            for column in about:
                counts = known[column].value_counts().sort_index()
                rows += [
                    {"survey": survey, "wave": wave, "by": column, "cell": str(cell), "n": int(n)}
                    for cell, n in counts.items()
                ]
    frame = pd.DataFrame(rows, columns=["survey", "wave", "by", "cell", "n"])
    state = np.where(frame["n"] < min_base, "hidden", np.where(frame["n"] < caution_base, "small", "shown"))
    return frame.assign(state=state)


def _is_grouping(values: pd.Series) -> bool:
    return pd.api.types.is_string_dtype(values) and 2 <= values.nunique() <= _MOST_CELLS


def _serious(found: dict[str, pd.DataFrame]) -> Iterator[str]:
    files, matches, bases_ = found["files"], found["matches"], found["bases"]
    for row in files[files["share_rejected"] >= MOST_REJECTED].to_dict("records"):
        yield f"{row['file']}: {row['rejected']:,} of {row['rows']:,} rows are rejected."
    for row in matches[matches["share"] < SOME_MATCHED].to_dict("records"):
        yield (
            f"Only {row['matched']:,} of {row['n']:,} ids ({row['key']}) of {row['left']} are known in {row['right']}: "
            "the two exports do not belong together, or write ids differently."
        )
    known = found["freshness"]
    dated = known[known["table"].isin(_DATED)]
    if not dated["in_period"].sum():
        what = "no answer, event, comment or payment lies in it" if len(dated) else "the study has no table with dates"
        yield f"There is nothing to say about this period: {what}."
    questions = bases_[bases_["by"] == "question"]
    for (survey, wave), part in questions.groupby(["survey", "wave"], sort=False):
        if (part["state"] == "hidden").all():
            yield f"Every question of the {SURVEY_WORDS[str(survey)]} of {wave} has too few answers to be shown."


def _reservations(found: dict[str, pd.DataFrame]) -> Iterator[str]:
    files, matches, missing, bases_ = found["files"], found["matches"], found["missing"], found["bases"]
    for row in files[files["share_rejected"].between(MANY_REJECTED, MOST_REJECTED, inclusive="left")].to_dict(
        "records"
    ):
        yield f"{row['file']}: {row['rejected']:,} of {row['rows']:,} rows are rejected ({row['share_rejected']:.1%})."
    for row in matches[matches["share"].between(SOME_MATCHED, FEW_MATCHED, inclusive="left")].to_dict("records"):
        yield (
            f"{row['n'] - row['matched']:,} of {row['n']:,} ids ({row['key']}) of {row['left']} are not known in "
            f"{row['right']} ({1 - row['share']:.0%})."
        )
    newest = found["response"][found["response"]["by"] == "all"].drop_duplicates("survey", keep="last")
    for row in newest[newest["estimate"] < LOW_RESPONSE].to_dict("records"):
        yield (
            f"Only {row['estimate']:.0f}% of those invited answered the {SURVEY_WORDS[row['survey']]} of {row['wave']}: "
            "what the others think is not known."
        )
    apart = found["response"][found["response"]["reading"] == "changed"]
    if len(apart):
        cells = [f"{row['label']} {row['estimate']:.0f}%" for row in apart.to_dict("records")]
        more = f" and {len(cells) - 4} more" if len(cells) > 4 else ""
        yield f"Not all groups answered equally often: {list_text(cells[:4])}{more}. Unweighted figures lean that way."
    often = missing[1 - missing["share"] > OFTEN_MISSING]
    if len(often):
        worst = often.sort_values("share", kind="stable").to_dict("records")[0]
        yield (
            f"{_counted(len(often), 'question').capitalize()} of the newest waves {'was' if len(often) == 1 else 'were'} "
            f"left without an answer by more than {OFTEN_MISSING:.0%} of respondents, most often {worst['label']} "
            f"({1 - worst['share']:.0%})."
        )
    small = bases_[bases_["state"] == "hidden"]
    if len(small):
        yield f"{_counted(len(small), 'group').capitalize()} of the newest waves will not be shown, for too few answers."
    tables = found["freshness"]
    dated = tables[tables["table"].isin(_DATED)]
    stale = dated[dated["in_period"] == 0]["table"].tolist()
    if stale:
        yield f"Nothing new in this period: {list_text(stale)}."
    late = found["late"][found["late"]["rows"] != 0]
    for row in late.to_dict("records"):
        what = "arrived after" if row["rows"] > 0 else "have gone since"
        rows = f"{number_text(abs(row['rows']))} {'row' if abs(row['rows']) == 1 else 'rows'}"
        yield f"{rows} of {row['table']} that belong to earlier periods {what} the report of {row['since']}."
    traps = found["traps"]
    values = traps[~traps["what"].str.contains("rejected")] if len(traps) else traps
    if len(values):
        yield f"{_counted(len(values), 'warning').capitalize()} about values that may mean something else, listed below."
