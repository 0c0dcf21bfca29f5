"""What can each notebook use of the data, and what does it leave out, and why?

One row is one notebook and reason: so many of so many respondents, comments, ratings, customers or events. The rows are chosen by the
very functions that the notebooks choose them with. A notebook that the study has no data for says what it needs.

Rows of files that were rejected on entry are not counted here; `Health.files` has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cxlab.drivers.answers import driver_answers
from cxlab.problems import NotApplicableError
from cxlab.segments.needs import needs_answers
from cxlab.study import Study
from cxlab.survey.tracking import newest_wave
from cxlab.voice.languages import scorable
from cxlab.wording import SURVEY_WORDS, list_text, number_text

Shown = tuple[dict[str, Any], pd.DataFrame]
COLUMNS = ["notebook", "takes", "n", "used", "lost", "share", "why"]
MUCH = 0.2
"""Share of rows that a notebook leaves out, from which on the page says so up front."""


@dataclass(frozen=True)
class Losses:
    """`rows` has one row a notebook: notebook, takes (what one row is), n, used, lost (n − used), share (lost of n, percent), why.
    `unfit` has notebook and why: the study lacks what it needs."""

    rows: pd.DataFrame
    unfit: pd.DataFrame

    def sentences(self) -> list[str]:
        """The notebooks that leave out much."""
        much = self.rows[self.rows["share"] > 100 * MUCH].sort_values("share", ascending=False, kind="stable")
        if much.empty:
            return []
        said = list_text(
            f"{row['notebook']} {row['share']:.0f}% of its {row['takes']} ({row['why']})" for _, row in much.iterrows()
        )
        return [f"Left out by {said}."]

    def losses_shown(self) -> Iterator[Shown]:
        """What each notebook uses; nothing where no notebook has anything to use."""
        if self.rows.empty:
            return
        rows = self.rows
        most: Any = rows.sort_values("share", ascending=False, kind="stable").iloc[0]
        title = "Every notebook uses all that it is given."
        if most["lost"]:
            title = (
                f"{most['notebook']} leaves out most: {number_text(most['lost'])} of {number_text(most['n'])} {most['takes']}, "
                f"{most['share']:.0f}%."
            )
        note = {"Base": "Newest wave, or the period; rows rejected on entry are in the first table"}
        if len(self.unfit):
            note["Not fit"] = "; ".join(f"{row['notebook']} {row['why']}" for row in self.unfit.to_dict("records"))
        yield {
            "name": "losses",
            "title": title,
            "subtitle": "What each notebook is given, what it uses, and why the rest is left out",
            "note": note,
        }, rows.reset_index(drop=True)  # fmt: skip


def losses(data: Study) -> Losses:
    """What the notebooks of an open study leave out."""
    rows, unfit = [], []
    for notebook, count in _NOTEBOOKS.items():
        try:
            found = list(count(data))
        except NotApplicableError as refusal:
            unfit.append({"notebook": notebook, "why": str(refusal)})
            continue
        rows += [{"notebook": notebook, **row} for row in found]
    table = pd.DataFrame(rows, columns=["notebook", "takes", "n", "used", "why"])
    lost = table["n"] - table["used"]
    share = 100 * lost / table["n"].where(table["n"] > 0)
    return Losses(table.assign(lost=lost, share=share)[COLUMNS], pd.DataFrame(unfit, columns=["notebook", "why"]))


def _row(takes: str, n: int, used: int, why: str) -> dict[str, Any]:
    return {"takes": takes, "n": n, "used": used, "why": why if n > used else ""}


def _needs(data: Study) -> Iterator[dict[str, Any]]:
    if not data.has("responses"):
        return
    _, role, _, newest, screened = needs_answers(data.responses, data.items)
    reasons = screened.loc[~screened["keep"], "reason"].value_counts()
    why = list_text(f"{reason} ({number_text(n)})" for reason, n in reasons.items())
    yield _row(f"respondents asked about {role}s", len(newest), int(screened["keep"].sum()), why)


def _journeys(data: Study) -> Iterator[dict[str, Any]]:
    if not data.has("events"):
        return
    log = data.events
    n = int(log.count().to_pandas())
    named = log.drop_null(["customer_id", "timestamp", "touchpoint"])
    yield _row("events", n, int(named.count().to_pandas()), "no customer, moment or touchpoint")


def _touchpoints(data: Study) -> Iterator[dict[str, Any]]:
    ratings = data.ratings_or_none
    if ratings is None:
        return
    mine = ratings[(ratings["role"] == "satisfaction") & (ratings["perspective"] == "customer")]
    if len(mine):
        yield _row("ratings", len(mine), int(mine["touchpoint"].notna().sum()), "about no touchpoint")


def _voice(data: Study) -> Iterator[dict[str, Any]]:
    comments = data.table_or_none("comments")
    if comments is None:
        return
    known = comments[comments["text"].notna() & comments["in_period"]]
    scored = scorable(known["text"], data.config.study.language or "en")["scored"]
    yield _row("comments of the period", len(known), int(scored.sum()), "in another language than the codebook")


def _drivers(data: Study) -> Iterator[dict[str, Any]]:
    if not data.has("responses"):
        return
    asked = driver_answers(data.responses, data.items, data.touchpoints)
    answered = asked.rows[asked.drivers].notna()
    least = answered.mean().sort_values(kind="stable").index[0]
    why = f"no answer to one of {len(asked.drivers)} drivers, most often {asked.label(least)} ({1 - answered[least].mean():.0%})"
    yield _row(
        f"respondents who answered {asked.label(asked.outcome)}", len(asked.rows), int(answered.all(axis=1).sum()), why
    )


def _tracking(data: Study) -> Iterator[dict[str, Any]]:
    if not data.has("responses"):
        return
    responses = data.responses[data.responses["perspective"] == "customer"]
    overall = data.items[data.items["touchpoint"].isna() & data.items["role"].isin(["loyalty", "satisfaction"])]
    for survey, part in responses.groupby("survey", sort=False):
        newest = part[part["wave"] == newest_wave(part)]
        asked = [str(item) for item in overall["item"] if item in newest and newest[item].notna().any()]
        if asked:
            lead = str(overall.loc[overall["item"] == asked[0], "label"].iloc[0])
            used = int(newest[asked[0]].notna().sum())
            yield _row(f"respondents, {SURVEY_WORDS[str(survey)]}", len(newest), used, f"no answer to {lead}")


def _retention(data: Study) -> Iterator[dict[str, Any]]:
    customers = data.table_or_none("customers")
    if customers is None or "start_date" not in customers:
        return
    known = customers["start_date"].notna() & (customers["start_date"] <= data.known_until)
    yield _row(
        "customers", len(customers), int(known.sum()), "no date of their beginning, or one that is still to come"
    )


_NOTEBOOKS = {
    "01 Needs": _needs,
    "02 Journeys": _journeys,
    "05 Touchpoints": _touchpoints,
    "06 Voice": _voice,
    "07 Drivers": _drivers,
    "08 Tracking": _tracking,
    "09 Retention": _retention,
}
