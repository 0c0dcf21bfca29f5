"""Did the respondents of a study answer with care, and would its figures be others without those who may not have?

`carefulness` looks at the newest wave of every survey of customers: the questions on its most frequent scale, in the order of
study.toml, are one battery. It flags (`cxlab.survey.careless`) and excludes nobody; what would change is shown beside the figure
of all. A survey with fewer than eight such questions is not looked at, and the page says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from cxlab.survey.careless import Careless, careless, effect_of_exclusion
from cxlab.survey.metrics import LTR_SCALE, SurveyEstimate, csat, nps
from cxlab.survey.tracking import label_of, newest_wave
from cxlab.wording import SURVEY_WORDS, capital_text, inside_text, list_text

Shown = tuple[dict[str, Any], pd.DataFrame]
LEAST_ITEMS = 8
_RULES = {
    "speeder": "Much faster than the others",
    "straight_liner": "The same answer to everything",
    "long_run": "The same answer to most questions in a row",
    "duplicate": "The same customer with the same answers again",
    "impossible": "Answers that cannot both be true",
    "any": "Any of these",
}
_LACKS = {
    "speeder": "the answers bring no time",
    "duplicate": "the answers name no customer",
    "impossible": "[careless] of study.toml declares no answers that cannot both be true",
}


@dataclass(frozen=True)
class _Looked:
    """One survey: its newest wave, the battery, the flags, and the leading figure with and without those flagged."""

    survey: str
    wave: str
    items: list[str]
    found: Careless
    effect: pd.DataFrame
    measure: str


@dataclass(frozen=True)
class Carefulness:
    """What was looked at, one entry a survey, and the surveys that have too few questions for it."""

    looked: list[_Looked]
    too_short: list[str]
    min_base: int

    def sentences(self) -> list[str]:
        """One sentence a survey in which somebody is flagged."""
        said = []
        for own in self.looked:
            count = int(own.found.flagged.sum())
            if count:
                straight = own.found.straight_answers.sort_values("n", ascending=False)
                mostly = len(straight) and straight["share"].iloc[0] > 50
                same = (
                    f" or content (one answer throughout was mostly {straight['answer'].iloc[0]:g})" if mostly else ""
                )
                of = f"the {SURVEY_WORDS[own.survey]} of {own.wave}"
                said.append(
                    f"{count:,} of {own.found.n:,} respondents of {of} answered in a way that may "
                    f"be careless{same}; without them {own.measure} would be {_moved(own.effect.iloc[-1])}."
                )
        return said

    def flags_shown(self) -> Iterator[Shown]:
        """How many are flagged by each rule, one table a survey."""
        for own in self.looked:
            counts = own.found.counts()
            rows = counts[counts["base"] > 0].assign(label=counts["reason"].map(_RULES)).reset_index(drop=True)
            note = {
                "Battery": f"{len(own.items)} questions on one scale, in the order of study.toml",
                "Rule": "Nobody is left out. In a short battery about satisfaction one answer throughout is as likely contentment",
            }
            lacking = counts.loc[counts["base"] == 0]
            if len(lacking):
                note["Not looked at"] = list_text(
                    f"{_RULES[row['reason']].lower()} ({_LACKS.get(row['reason'], row['why_not'])})"
                    for _, row in lacking.iterrows()
                )
            straight = own.found.straight_answers
            if len(straight):
                most = straight.sort_values("n", ascending=False).iloc[0]
                note["Answer"] = (
                    f"Of those who gave one answer to everything {most['share']:.0f}% gave {most['answer']:g}"
                )
            yield {
                "name": f"careless_{own.survey}",
                "title": f"{own.found.flagged.mean():.0%} of {own.found.n:,} respondents are flagged, and none is left out.",
                "subtitle": f"{capital_text(SURVEY_WORDS[own.survey])} of {own.wave}: respondents by rule, percent of those judged",
                "note": note,
            }, rows  # fmt: skip

    def effect_shown(self) -> Iterator[Shown]:
        """The leading figure with and without those flagged."""
        for own in self.looked:
            if not own.found.flagged.any():
                continue
            told = own.effect[(own.effect["group"] == "all") | (own.effect["n_excluded"] > 0)]
            rows = told.assign(label=[_group(group) for group in told["group"]]).reset_index(drop=True)
            yield {
                "name": f"careless_effect_{own.survey}",
                "title": f"Without all who are flagged {own.measure} would be {_moved(own.effect.iloc[-1])}.",
                "subtitle": f"{capital_text(own.measure)}, {SURVEY_WORDS[own.survey]} of {own.wave}: all, and without those flagged",
                "note": {"Read": "Both figures are about the same people: hold their difference against the interval of all"},
            }, rows  # fmt: skip


def _group(group: str) -> str:
    if group == "all":
        return "All respondents"
    return "Without: " + _RULES[group.removeprefix("without ")].lower()


def _moved(row: Any) -> str:
    """How a figure would move: 2.1 points lower."""
    change, unit = float(row["change"]), "points"
    if abs(change) < 0.05:
        return "the same"
    return f"{abs(change):.1f} {unit} {'higher' if change > 0 else 'lower'}"


def carefulness(
    responses: pd.DataFrame | None,
    items: pd.DataFrame,
    *,
    pairs: Sequence[Sequence[Any]] = (),
    conf_level: float = 0.95,
    min_base: int = 30,
) -> Carefulness:
    """Look at the newest wave of every survey of customers; at nothing in a study without a survey.

    `responses` and `items` are those of an open study. `pairs` are answers that cannot both be true (`careless`; [careless] of
    study.toml), each used where a survey asked all that it is about. A column `seconds` or `minutes` of the answers is the time
    they took.
    """
    if responses is None:
        return Carefulness([], [], min_base)
    is_customer = responses["perspective"] == "customer" if "perspective" in responses else responses["survey"].notna()
    looked, too_short = [], []
    for survey, rows in responses[is_customer].groupby("survey", sort=False):
        newest = newest_wave(rows)
        part = rows[rows["wave"] == newest]
        battery = _battery(part, items)
        measure, name = _measure(part, items, conf_level)
        if len(battery) < LEAST_ITEMS or measure is None or len(part) < min_base:
            too_short.append(str(survey))
            continue
        ids = part["customer_id"] if "customer_id" in part and part["customer_id"].notna().any() else None
        asked = [name for name in items["item"] if name in part and part[name].notna().any()]
        own = [pair for pair in pairs if _named(pair) <= set(asked)]
        answers = part[list(dict.fromkeys([*battery, *asked]))].select_dtypes("number")
        found = careless(answers, items=battery, ids=ids, seconds=_seconds(part), pairs=own, least_items=LEAST_ITEMS)
        effect = effect_of_exclusion(part, found, measure)
        looked.append(_Looked(str(survey), str(newest), battery, found, effect, name))
    return Carefulness(looked, too_short, min_base)


def _named(pair: Sequence[Any]) -> set[str]:
    """The items that a pair of conditions is about."""
    return {name for condition in pair for name in (condition[0], condition[-1]) if isinstance(name, str)} - {
        "answered"
    }


def _seconds(part: pd.DataFrame) -> pd.Series | None:
    """How long each took, where the answers bring a column `seconds` or `minutes`."""
    for column, factor in (("seconds", 1.0), ("minutes", 60.0)):
        if column in part:
            taken = pd.to_numeric(part[column], errors="coerce") * factor
            return taken if taken.notna().any() else None
    return None


def _battery(part: pd.DataFrame, items: pd.DataFrame) -> list[str]:
    """The questions that were asked in one battery: those of one role on one scale, if there are enough; else of one scale."""
    asked = items[items["low"].notna() & (items["high"] - items["low"] >= 2)]
    asked = asked.loc[[name in part and bool(part[name].notna().any()) for name in asked["item"]]]
    for alike in (["role", "low", "high"], ["low", "high"]):
        sizes = asked.groupby(alike, sort=False)["item"].agg(list)
        most = max(sizes, key=len, default=[])
        if len(most) >= LEAST_ITEMS:
            return [str(name) for name in most]
    return []


def _measure(
    part: pd.DataFrame, items: pd.DataFrame, conf_level: float
) -> tuple[Callable[[pd.DataFrame], SurveyEstimate] | None, str]:
    """The leading figure of a survey: NPS, else the share satisfied overall, or with the first thing that was asked."""
    weighted = "weight" in part and bool(part["weight"].notna().any())

    def weights(rows: pd.DataFrame) -> pd.Series | None:
        return rows["weight"] if weighted else None

    def recommends(rows: pd.DataFrame, name: str) -> SurveyEstimate:
        return nps(rows[name], weights=weights(rows), conf_level=conf_level)

    def content(rows: pd.DataFrame, name: str, scale: tuple[float, float]) -> SurveyEstimate:
        return csat(rows[name], scale=scale, weights=weights(rows), conf_level=conf_level)

    asked = items[items["low"].notna()]
    asked = asked.loc[[name in part and bool(part[name].notna().any()) for name in asked["item"]]]
    loyal = asked[(asked["role"] == "loyalty") & (asked["low"] == LTR_SCALE[0]) & (asked["high"] == LTR_SCALE[1])]
    if len(loyal):
        return partial(recommends, name=str(loyal["item"].iloc[0])), "NPS"
    overall = asked[(asked["role"] == "satisfaction") & (asked["high"] - asked["low"] >= 2)]
    overall = overall.sort_values("touchpoint", na_position="first", kind="stable", key=lambda column: column.notna())
    if overall.empty:
        return None, ""
    first: Any = overall.iloc[0]
    label = label_of(str(first["item"]), first)
    return partial(content, name=str(first["item"]), scale=(float(first["low"]), float(first["high"]))), (
        f"the share satisfied ({inside_text(label)})"
    )
