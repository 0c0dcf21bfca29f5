"""Was the survey conducted alike every time? Rhythm, season and hours of its waves, who answers again, and the order of arrival.

One row of the table is one wave. A survey after contacts runs all the time and has no rhythm to keep; a study whose answers bring no
dates cannot be asked, and the page says so. That waves are alike does not make them right, and that one is not does not make its
figures wrong: they then say less of change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxlab.survey.fieldwork import Regularity, RunsTest, regularity, repeat_respondents, runs_test
from cxlab.wording import SURVEY_WORDS, capital_text

Shown = tuple[dict[str, Any], pd.DataFrame]
_OFTEN = 20.0  # percent of a wave's customers who answered before, from which on its page says so


@dataclass(frozen=True)
class Conduct:
    """How one survey was fielded. `waves` has one row a wave: wave, n (dated answers), first_day, last_day, fieldwork_days, gap_days,
    repeats (percent of its customers who answered an earlier wave; NaN where nobody is known, or could have), reason (what is not
    as usual). `why_not` says why there is nothing to show."""

    survey: str
    waves: pd.DataFrame
    rhythm: Regularity | None
    order: RunsTest | None
    question: str
    why_not: str = ""

    def sentences(self) -> list[str]:
        """What a reader of the newest wave has to know: it is not like the others, or is answered by the same people."""
        if self.rhythm is None or self.waves.empty:
            return []
        newest: Any = self.waves.iloc[-1]
        said = []
        if newest["reason"]:
            said.append(f"{newest['wave']} was not fielded like the waves before: {newest['reason']}.")
        if newest["repeats"] > _OFTEN:
            said.append(
                f"{newest['repeats']:.0f}% of the customers of {newest['wave']} had answered an earlier wave: a change is known "
                "better than its interval says, and the newcomers' view counts less."
            )
        return said

    def waves_shown(self) -> Iterator[Shown]:
        """The waves with their fieldwork; nothing for a survey after contacts or without dates."""
        if self.rhythm is None or self.waves.empty:
            return
        note = {
            "Irregular": "Another gap, season, length of fieldwork, or other days and hours than the typical wave (median of all)",
        }
        if self.waves["repeats"].notna().any():
            note["Again"] = "Customers of a wave who had answered an earlier wave of this survey"
        if self.order is not None:
            note["Order"] = f"{self.question}: {self.order.headline()}"
        yield {
            "name": f"fieldwork_{self.survey}",
            "title": self.rhythm.headline(),
            "subtitle": f"Fieldwork of the {SURVEY_WORDS[self.survey]} by wave, days as the study counts them",
            "note": note,
        }, self.waves  # fmt: skip


def conduct(
    responses: pd.DataFrame, items: pd.DataFrame, *, survey: str = "tracking", timezone: str = "UTC"
) -> Conduct:
    """How the waves of one survey of customers were fielded, from the moments of their answers (`submitted_at`, UTC).

    `responses` and `items` are those of an open study, `timezone` is where its days are counted. The order of arrival is that of
    the newest wave, for the first question about loyalty, else about satisfaction.
    """
    nothing = Conduct(survey, pd.DataFrame(), None, None, "")
    if survey == "event":
        return Conduct(**vars(nothing) | {"why_not": "a survey after contacts runs all the time"})
    rows = responses[responses["survey"] == survey]
    rows = rows[rows["perspective"] == "customer"] if "perspective" in rows else rows
    if "submitted_at" not in rows or rows["submitted_at"].isna().all():
        return Conduct(**vars(nothing) | {"why_not": "the answers bring no dates"})
    local = rows.assign(date=rows["submitted_at"].dt.tz_convert(timezone), wave=rows["wave"].astype(str))
    rhythm = regularity(local)
    waves = rhythm.to_frame()
    days = {name: waves[name].dt.date.astype(str) for name in ("first_day", "last_day")}
    waves = waves.assign(repeats=_repeats(local, waves["wave"]), **days)
    order, question = _order(local[local["wave"] == str(waves["wave"].iloc[-1])], items)
    columns = ["wave", "n", "first_day", "last_day", "fieldwork_days", "gap_days", "repeats", "reason"]
    return Conduct(survey, waves[columns], rhythm, order, question)


def _repeats(rows: pd.DataFrame, waves: pd.Series) -> Any:
    """Percent of each wave's customers who answered an earlier one."""
    if "customer_id" not in rows or rows["customer_id"].isna().all():
        return np.nan
    in_time = pd.Categorical(rows["wave"], categories=list(waves), ordered=True)
    known = repeat_respondents(
        rows.assign(wave=in_time).dropna(subset="wave"), wave_col="wave", customer_col="customer_id"
    )
    return waves.map(dict(zip(known["wave"].astype(str), known["estimate"], strict=True)))


def _order(newest: pd.DataFrame, items: pd.DataFrame) -> tuple[RunsTest | None, str]:
    """Whether the answers of the newest wave arrive in no order, and to which question."""
    for role in ("loyalty", "satisfaction"):
        for item in items[(items["role"] == role) & items["touchpoint"].isna()].to_dict("records"):
            if item["item"] in newest and newest[item["item"]].notna().sum() > 1:
                arrived = newest.dropna(subset="submitted_at").sort_values("submitted_at", kind="stable")
                return runs_test(arrived[item["item"]]), capital_text(str(item["label"]))
    return None, ""
