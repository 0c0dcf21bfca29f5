"""Are those who answered like those who were invited? The R-indicator of the newest wave of every survey, for a page.

One row of the result is one survey. What is known of those invited are the columns of the invitations and of the customers
table that put them into two to twelve groups. Response that is alike in all groups says nothing of what nobody recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxlab.survey.representativity import ResponseIndicator, response_indicator
from cxlab.survey.tracking import newest_wave
from cxlab.survey.where import grouping_columns
from cxlab.wording import SURVEY_WORDS, capital_text, list_text

Shown = tuple[dict[str, Any], pd.DataFrame]
LEAST_INVITED = 200


@dataclass(frozen=True)
class Representation:
    """`rows` has one row a survey: survey, wave, label, estimate (R), conf_low, conf_high, response_rate, n (invited), variable (the
    most uneven one), partial_r (its), unit."""

    rows: pd.DataFrame
    variables: list[str]
    uneven: list[str]

    def sentences(self) -> list[str]:
        """The groups of a survey that clearly answered more or less often than the others."""
        return self.uneven

    def representation_shown(self) -> Iterator[Shown]:
        """R by survey; nothing without invitations of which something is known."""
        if len(self.rows):
            low = self.rows.sort_values("estimate", kind="stable").iloc[0]
            rank = f"the lowest of {len(self.rows)} surveys" if len(self.rows) > 1 else "where 1 is alike in all groups"
            words = {
                "name": "representation",
                "title": f"{capital_text(SURVEY_WORDS.get(low['survey'], low['survey']))}: R is {low['estimate']:.2f}, {rank}.",
                "subtitle": "R-indicator of the newest wave of each survey: 1 where all groups answer alike, 0 at the worst",
                "note": {
                    "Groups": list_text(name.replace("_", " ") for name in self.variables),
                    "Method": "1 less twice the standard deviation of the propensity to answer (Schouten 2009), adjusted; bootstrap",
                    "Partial R": "The standard deviation of response rates between the groups of one variable",
                },
            }
            yield words, self.rows


def representation(
    responses: pd.DataFrame | None,
    invitations: pd.DataFrame | None,
    customers: pd.DataFrame | None = None,
    *,
    conf_level: float = 0.95,
    random_state: int | None = 0,
) -> Representation:
    """Hold those who answered the newest wave of each survey against those who were invited to it.

    `responses`, `invitations` and `customers` are those of an open study; without the first two, or without anything known of those
    invited, there is nothing to show. Surveys with fewer than 200 invited customers are left out.
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
    empty = Representation(pd.DataFrame(columns=columns), [], [])
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
    for survey, frame in invited.groupby("survey", sort=False):
        newest = newest_wave(frame)
        part = frame[frame["wave"] == newest]
        known = [name for name in names if part[name].nunique() > 1]
        who = responses.loc[(responses["survey"] == survey) & (responses["wave"] == newest), "customer_id"]
        answered = part["customer_id"].isin(set(who.dropna()))
        if len(part) < LEAST_INVITED or not known or not 0 < answered.sum() < len(part):
            continue
        found = response_indicator(
            part, answered, known, conf_level=conf_level, random_state=random_state, separated="merge"
        )
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
    return Representation(pd.DataFrame(rows, columns=columns), names, uneven)


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
