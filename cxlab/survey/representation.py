"""Are those who answered like those who were invited, and like all customers? The newest wave of every survey, for a page.

One row of the result is one survey: its R-indicator, early against late answers, and its profile beside that of the customers it
stands for. What is known of those invited are the columns of the invitations and of the customers table that put them into two to
twelve groups. Response that is alike in all groups says nothing of what nobody recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from cxlab.inference.multiplicity import benjamini_hochberg, with_readings
from cxlab.survey.metrics import LTR_SCALE, Metric
from cxlab.survey.representativity import ResponseIndicator, achieved_sample, late_responders, response_indicator
from cxlab.survey.scales import Scale
from cxlab.survey.tracking import label_of, newest_wave
from cxlab.survey.where import grouping_columns
from cxlab.wording import SURVEY_WORDS, capital_text, inside_text, list_text

Shown = tuple[dict[str, Any], pd.DataFrame]
LEAST_INVITED = 200


@dataclass(frozen=True)
class Representation:
    """`rows` has one row a survey: survey, wave, label, estimate (R), conf_low, conf_high, response_rate, n (invited), variable (the
    most uneven one), partial_r (its), unit; `left_out` says for which survey there is none, and why.

    `late` has one row a survey: label, early, late, difference (late − early) with its interval, p_value, q_value, reading, n_early,
    n_late, unit, meaning. `profile` has one row a survey and variable: label, variable, chi_square, df, p_value, q_value, cell (the
    one that is furthest off), frame_share and achieved_share (its, percent), n.
    """

    rows: pd.DataFrame
    variables: list[str]
    uneven: list[str]
    late: pd.DataFrame
    profile: pd.DataFrame
    conf_level: float
    left_out: dict[str, str] = field(default_factory=dict)

    def sentences(self) -> list[str]:
        """The groups of a survey that clearly answered more or less often than the others."""
        return self.uneven

    def late_shown(self) -> Iterator[Shown]:
        """Early against late answers by survey; nothing without invitations that have a moment."""
        if len(self.late):
            apart = self.late[self.late["reading"] == "changed"]
            title = (
                "Late answers do not clearly differ from early ones: nothing here points to another view of the silent."
            )
            if len(apart):
                far: Any = apart.sort_values("q_value", kind="stable").iloc[0]
                way = "lower" if far["difference"] < 0 else "higher"
                title = (
                    f"{far['label']}: {far['measure']} is {abs(far['difference']):.0f} points {way} among those who answered late, so it "
                    f"may be too {'high' if way == 'lower' else 'low'}."
                )
            yield (
                {
                    "name": "late_answers",
                    "title": title,
                    "subtitle": "The first half against the last third of answers by days from the invitation, "
                    f"{100 * self.conf_level:g}% interval of the difference",
                    "note": {
                        "Read": "If the silent are like the late, a difference says which way the figure errs: weak evidence "
                        "(Armstrong & Overton 1977), and no difference is weaker still",
                        "Test": f"{int(self.late['p_value'].notna().sum())} surveys, Benjamini–Hochberg",
                    },
                },
                self.late,
            )

    def profile_shown(self) -> Iterator[Shown]:
        """The profile of answers beside that of all customers; nothing without customers of whom something is known."""
        if len(self.profile):
            rows = self.profile
            apart = rows[rows["q_value"] < 1 - self.conf_level]
            title = "The answers have the profile of the customers, as far as anything is known of them."
            if len(apart):
                first: Any = apart.iloc[(apart["achieved_share"] - apart["frame_share"]).abs().argmax()]
                title = (
                    f"{first['label']}: {first['achieved_share']:.0f}% of answers come from {first['cell']} ({first['variable']}), "
                    f"who are {first['frame_share']:.0f}% of the customers."
                )
            yield (
                {
                    "name": "achieved_sample",
                    "title": title,
                    "subtitle": "Answers of the newest wave against all customers of that day, by what is known of them; not weighted",
                    "note": {
                        "Test": f"χ² of {len(rows)} profiles, Benjamini–Hochberg",
                        "Read": "A sample may be drawn unevenly on purpose; weights ([weights] in study.toml) put it right",
                    },
                },
                rows,
            )

    def representation_shown(self) -> Iterator[Shown]:
        """R by survey; nothing without invitations of which something is known."""
        if len(self.rows):
            low = self.rows.sort_values("estimate", kind="stable").iloc[0]
            rank = f"the lowest of {len(self.rows)} surveys" if len(self.rows) > 1 else "where 1 is alike in all groups"
            words: dict[str, Any] = {
                "name": "representation",
                "title": f"{capital_text(SURVEY_WORDS.get(low['survey'], low['survey']))}: R is {low['estimate']:.2f}, {rank}.",
                "subtitle": "R-indicator of the newest wave of each survey: 1 where all groups answer alike, 0 at the worst",
                "note": {
                    "Groups": list_text(name.replace("_", " ") for name in self.variables),
                    "Method": "1 less twice the standard deviation of the propensity to answer (Schouten 2009), adjusted; bootstrap",
                    "Partial R": "The standard deviation of response rates between the groups of one variable",
                },
            }
            if self.left_out:
                words["note"]["No R"] = "; ".join(f"{survey}: {why}" for survey, why in self.left_out.items())
            yield words, self.rows


def representation(
    responses: pd.DataFrame | None,
    invitations: pd.DataFrame | None,
    customers: pd.DataFrame | None = None,
    items: pd.DataFrame | None = None,
    *,
    conf_level: float = 0.95,
    random_state: int | None = 0,
) -> Representation:
    """Hold those who answered the newest wave of each survey against those who were invited to it.

    `responses`, `invitations`, `customers` and `items` are those of an open study. Without the first two, or without anything
    known of those invited, there is no R; surveys with fewer than 200 invited customers are left out. Late answers need the moments
    of invitations and answers, profiles the customers.
    """
    columns = [
        "survey",
        "wave",
        "label",
        "estimate",
        "conf_low",
        "conf_high",
        "response_rate",
        "n",
        "variable",
        "partial_r",
        "unit",
    ]
    late = _late(responses, invitations, items, conf_level)
    profile = _profile(responses, customers)
    empty = Representation(pd.DataFrame(columns=columns), [], [], late, profile, conf_level)
    if responses is None or invitations is None or not {"customer_id"} <= set(invitations) & set(responses):
        return empty
    invited = invitations.dropna(subset="customer_id").drop_duplicates(["survey", "wave", "customer_id"])
    if customers is not None:
        about = customers.drop_duplicates("customer_id").set_index("customer_id")
        # the frame as it was drawn stays; what it lacks comes from the customers
        shared = [
            name
            for name in about
            if name in invited and name not in ("account_id", "from_source", "counted_at", "in_period")
        ]
        invited = invited.join(about[[name for name in about if name not in invited]], on="customer_id")
        for name in shared:
            invited[name] = invited[name].where(invited[name].notna(), invited["customer_id"].map(about[name]))
    names = grouping_columns(invited, ["invited_at"])
    if not names:
        return empty
    rows, uneven = [], []
    left_out: dict[str, str] = {}
    for survey, frame in invited.groupby("survey", sort=False):
        newest = newest_wave(frame)
        part = frame[frame["wave"] == newest]
        known = [name for name in names if part[name].nunique() > 1]
        who = responses.loc[(responses["survey"] == survey) & (responses["wave"] == newest), "customer_id"]
        answered = part["customer_id"].isin(set(who.dropna()))
        if len(part) < LEAST_INVITED or not known or not 0 < answered.sum() < len(part):
            continue
        try:
            found = response_indicator(
                part, answered, known, conf_level=conf_level, random_state=random_state, separated="merge"
            )
        except ValueError as refusal:  # nearly all, or nearly nobody, of a group answered: no model of it
            left_out[SURVEY_WORDS[str(survey)]] = str(refusal)
            continue
        first: Any = found.variables.iloc[0]
        about_survey = {
            "survey": str(survey),
            "wave": str(newest),
            "label": f"{capital_text(SURVEY_WORDS[str(survey)])}, {newest}",
        }
        rows.append(
            about_survey
            | {
                "estimate": found.estimate, "conf_low": found.conf_low, "conf_high": found.conf_high, "unit": "",
                "response_rate": found.response_rate, "n": found.n, "variable": str(first["variable"]).replace("_", " "),
                "partial_r": float(np.round(first["estimate"], 3)),
            }
        )  # fmt: skip
        if said := _uneven(found, str(survey), str(newest)):
            uneven.append(said)
    return Representation(pd.DataFrame(rows, columns=columns), names, uneven, late, profile, conf_level, left_out)


_LATE = [
    "survey", "wave", "label", "measure", "early", "late", "difference", "conf_low", "conf_high", "conf_level", "p_value", "q_value",
    "reading", "n_early", "n_late", "unit", "meaning",
]  # fmt: skip


def _late(
    responses: pd.DataFrame | None, invitations: pd.DataFrame | None, items: pd.DataFrame | None, conf_level: float
) -> pd.DataFrame:
    """Early against late answers to the leading question of the newest wave of each survey."""
    if responses is None or invitations is None or items is None or "submitted_at" not in responses:
        return pd.DataFrame(columns=_LATE)
    if not {"customer_id", "invited_at"} <= set(invitations) or "customer_id" not in responses:
        return pd.DataFrame(columns=_LATE)
    keys = ["survey", "wave", "customer_id"]
    first = (
        invitations.dropna(subset=[*keys, "invited_at"]).sort_values("invited_at", kind="stable").drop_duplicates(keys)
    )
    rows = []
    for survey, part in responses[responses["perspective"] == "customer"].groupby("survey", sort=False):
        wave = newest_wave(part)
        newest = part[part["wave"] == wave].drop_duplicates(keys)
        known = newest.merge(first[[*keys, "invited_at"]], on=keys, how="inner")
        known["_days"] = (known["submitted_at"] - known["invited_at"]).dt.total_seconds() / 86_400
        known = known[known["_days"] >= 0]
        lead = _lead(known, items)
        if lead is None or len(known) < LEAST_INVITED or known["_days"].nunique() < 2:
            continue
        name, metric, scale, measure = lead
        found = late_responders(
            known, days_col="_days", score_col=name, metric=metric, scale=scale, conf_level=conf_level
        )
        early, late = found.groups.to_dict("records")
        gap = found.difference
        rows.append(
            {
                "survey": str(survey), "wave": wave, "label": f"{capital_text(SURVEY_WORDS[str(survey)])}, {wave}",
                "measure": measure, "early": early["estimate"], "late": late["estimate"], "difference": gap.estimate,
                "conf_low": gap.conf_low, "conf_high": gap.conf_high, "conf_level": conf_level, "p_value": gap.p_value,
                "n_early": early["n"], "n_late": late["n"], "unit": gap.unit, "meaning": found.meaning(),
            }
        )  # fmt: skip
    table = pd.DataFrame(rows, columns=[name for name in _LATE if name not in ("q_value", "reading")])
    return with_readings(table, conf_level)[_LATE]


def _lead(rows: pd.DataFrame, items: pd.DataFrame) -> tuple[str, Metric, Scale, str] | None:
    """The leading question: recommendation on 0 to 10, else satisfaction overall."""
    asked = items[items["low"].notna() & items["touchpoint"].isna()]
    for item in asked.sort_values("role", key=lambda roles: roles != "loyalty", kind="stable").to_dict("records"):
        name, ends = str(item["item"]), (float(item["low"]), float(item["high"]))
        if name not in rows or rows[name].notna().sum() < LEAST_INVITED:
            continue
        if item["role"] == "loyalty" and ends == LTR_SCALE:
            return name, "nps", LTR_SCALE, "NPS"
        if item["role"] == "satisfaction":
            return name, "top_box", ends, inside_text(label_of(name, item))
    return None


_PROFILE = [
    "survey", "wave", "label", "variable", "chi_square", "df", "p_value", "q_value", "cell", "frame_share", "achieved_share", "n",
]  # fmt: skip


def _profile(responses: pd.DataFrame | None, customers: pd.DataFrame | None) -> pd.DataFrame:
    """The newest wave of each survey of customers against the customers who were there when it was asked."""
    if responses is None or customers is None or "customer_id" not in responses:
        return pd.DataFrame(columns=_PROFILE)
    about = customers.drop_duplicates("customer_id")
    names = grouping_columns(about, [])
    rows: list[dict[str, Any]] = []
    for survey, part in responses[responses["perspective"] == "customer"].groupby("survey", sort=False):
        wave = newest_wave(part)
        newest = part[part["wave"] == wave]
        there = about[_there(about, newest["counted_at"].min())]
        answered = there[there["customer_id"].isin(set(newest["customer_id"].dropna()))]
        if str(survey) == "event" or len(answered) < LEAST_INVITED:  # contacts are not customers
            continue
        for name in names:
            frame = there[name].value_counts()
            found = achieved_sample(frame, answered[name].value_counts())
            if np.isnan(found.p_value):
                continue
            far: Any = found.cells.iloc[int(np.nanargmax(found.cells["residual"].abs()))]
            rows.append(
                {
                    "survey": str(survey), "wave": wave, "label": f"{capital_text(SURVEY_WORDS[str(survey)])}, {wave}",
                    "variable": name.replace("_", " "), "chi_square": found.chi_square, "df": found.df, "p_value": found.p_value,
                    "cell": far["cell"], "frame_share": far["frame_share"], "achieved_share": far["achieved_share"], "n": found.n,
                }
            )  # fmt: skip
    table = pd.DataFrame(rows, columns=[name for name in _PROFILE if name != "q_value"])
    table["q_value"] = benjamini_hochberg(table["p_value"].astype(float))
    return table[_PROFILE]


def _there(customers: pd.DataFrame, at: pd.Timestamp) -> pd.Series:
    """Who had come and not gone at a moment; everybody where the table does not say."""
    there = pd.Series(True, index=customers.index)
    if "start_date" in customers:
        there &= ~(customers["start_date"] > at)
    if "end_date" in customers:
        there &= ~(customers["end_date"] <= at)
    return there


def _uneven(found: ResponseIndicator, survey: str, wave: str) -> str:
    """The groups that clearly answered more or less often than the others."""
    clear = found.categories[found.categories["reading"] != "no clear difference"]
    if clear.empty:
        return ""
    rows = clear.sort_values("partial_r", key=lambda column: column.abs(), ascending=False).head(2).to_dict("records")
    ways = {"overrepresented": "more", "underrepresented": "less"}
    said = list_text(
        f"{row['category']} ({str(row['variable']).replace('_', ' ')}) {ways[row['reading']]} often ({row['estimate']:.0f}%)"
        for row in rows
    )
    return f"Unlike the others, in the {SURVEY_WORDS[survey]} of {wave} answered {said}."
