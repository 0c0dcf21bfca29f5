"""Is the experience steady between waves? Control charts of the surveys that a study runs.

The event survey is asked after every contact, so its answers are looked at week by week (month by month where weeks are too
small): a p′ chart of satisfied customers, because weeks differ by more than chance within them. A survey with eight waves or
more has an XmR chart of its waves. The two are never pooled.

A signal says that a point does not fit the others, not why, and many points make signals by chance: of charts of a steady
process with 65 points one in six shows a point outside its limits. The note under a chart says how often.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxlab.data.answers import best_answers
from cxlab.inference.sentences import figure
from cxlab.period import Length, Period, labels_of
from cxlab.survey.control import ControlChart, control_chart
from cxlab.survey.tracking import label_of, text_or_none
from cxlab.wording import SURVEY_WORDS, describe, inside_text, span_text

Shown = tuple[dict[str, Any], pd.DataFrame]
LEAST_POINTS = 8
_LENGTHS: tuple[Length, ...] = ("week", "month", "quarter")
_OUTSIDE = 0.0027  # of points of a steady normal process beyond three standard deviations
_APART = 1.1  # Laney's factor, from which on points are said to differ by more than chance
_ENOUGH = 0.8  # share of points that must reach the smallest base


@dataclass(frozen=True)
class Watched:
    """One chart of an item: `points` has one row a point of time with when, estimate, conf_low and conf_high (the limits),
    center, n, unit, signal, rule, in_period and reason; `each` is what a point is (week, month, quarter or wave)."""

    item: str
    label: str
    question: str
    survey: str
    each: str
    better: str | None
    chart: ControlChart
    points: pd.DataFrame
    method: str

    @property
    def signals(self) -> pd.DataFrame:
        return self.points[self.points["signal"]]

    def sentence(self) -> str:
        """What the chart says, newest points first."""
        n, unit = int(self.points["estimate"].notna().sum()), self.points["unit"].iloc[0]
        whose = f"{self.label} in the {SURVEY_WORDS[self.survey]}"
        if self.signals.empty:
            return f"{whose} is steady: none of {n} {self.each}s lies outside its control limits."
        last: Any = self.signals.iloc[-1]
        side = "above" if last["estimate"] > last["conf_high"] else "below"
        count = len(self.signals)
        rest = "" if count == 1 else f", the newest of {count}"
        return (
            f"{whose} is not steady: {last['when']} lies {side} its control limits with {figure(last['estimate'], unit)}{rest} "
            f"(of {n} {self.each}s)."
        )

    def words(self) -> dict[str, Any]:
        """Title, subtitle, alternative text and notes of the chart."""
        rows, unit = self.points, self.points["unit"].iloc[0]
        n = int(rows["estimate"].notna().sum())
        patterns = rows[(rows["rule"] != "") & ~rows["signal"]]
        note = {
            "Base": f"{span_text(rows.loc[rows['estimate'].notna(), 'n'])} answers a {self.each}",
            "Question": f"“{self.question}”" if self.question else self.label,
            "Limits": self.method,
            "Chance": f"Of steady charts of {n} points {1 - (1 - _OUTSIDE) ** n:.0%} show one outside",
            "Source": f"Answers of customers to the {SURVEY_WORDS[self.survey]}",
        }
        if len(patterns):
            last: Any = patterns.iloc[-1]
            note["Square"] = f"A pattern ends there; the newest is {last['when']} ({last['rule']})"
        return {
            "title": self.sentence(),
            "subtitle": f"{_WHAT[unit]} by {self.each}, with the limits between which chance would leave them"
            if unit in _WHAT
            else f"Mean answer by {self.each}, with the limits between which chance would leave it",
            "alt": describe(
                f"Control chart of {inside_text(self.label)} by {self.each}", rows, label_col="when", unit=unit
            ),
            "note": note,
        }


_WHAT = {"%": "Satisfied customers (two best answers), percent,", "points": "NPS"}


@dataclass(frozen=True)
class Monitoring:
    """The charts of a study, those of the event survey first."""

    charts: list[Watched]

    def sentences(self) -> list[str]:
        return [watched.sentence() for watched in self.charts if len(watched.signals) and _is_new(watched)]

    def charts_shown(self) -> Iterator[Shown]:
        for watched in self.charts:
            yield {"name": f"control_{watched.item}", "better": watched.better} | watched.words(), watched.points


def _is_new(watched: Watched) -> bool:
    """Whether a signal lies in the period that is reported."""
    return bool(watched.signals["in_period"].any())


def monitor(
    responses: pd.DataFrame, items: pd.DataFrame, tracked: pd.DataFrame, *, survey: str = "tracking", min_base: int = 30
) -> Monitoring:
    """The control charts that a study has answers for; none where no survey goes on long enough.

    `responses` and `items` are those of an open study, `tracked` is the table of `cxlab.survey.track` for `survey`. Points on
    fewer than `min_base` answers have no figure and are left out of the limits.
    """
    known = items.set_index("item")
    charts = list(_events(responses, known, min_base))
    for item in dict.fromkeys(tracked["item"]):
        row = known.loc[item]
        if row["role"] in ("loyalty", "satisfaction", "effort") and pd.isna(row["touchpoint"]):
            charts += _waves(tracked[tracked["item"] == item], row, survey, responses)
    return Monitoring(charts)


def _events(responses: pd.DataFrame, items: pd.DataFrame, min_base: int) -> Iterator[Watched]:
    """Satisfaction after a contact, week by week."""
    if "counted_at" not in responses:
        return
    rows = responses[(responses["survey"] == "event") & responses["counted_at"].notna()]
    rows = rows[rows["perspective"] == "customer"] if "perspective" in rows else rows
    overall = items[(items["role"] == "satisfaction") & items["touchpoint"].isna()]
    asked = [str(name) for name in overall.index if name in rows and rows[str(name)].notna().any()]
    if not asked:
        return
    name = asked[0]
    item: Any = items.loc[name]
    scores = rows[name].dropna()
    best = best_answers(scores, item["low"], item["high"])
    days = rows.loc[scores.index, "counted_at"].dt.date
    for length in _LENGTHS:
        table = _by_stretch(best, days, length)
        if len(table) >= LEAST_POINTS and (table["n"] >= min_base).mean() >= _ENOUGH:
            in_period = rows.loc[scores.index].assign(when=labels_of(days, length))
            there = set(in_period.loc[in_period["in_period"], "when"]) if "in_period" in rows else set()
            enough = table["n"] >= min_base
            baseline = _before_period(table.index.isin(there), enough.to_numpy())
            chart = control_chart(
                table["hits"].where(enough, 0), kind="p_prime", n=table["n"].where(enough, 0), baseline=baseline
            )
            apart = f"differ {chart.sigma_z:.1f} times as much as" if chart.sigma_z >= _APART else "differ no more than"
            method = (
                f"p′ chart (Laney 2002), three standard deviations: {length}s {apart} chance within a {length} explains"
                f"{_drawn_from(baseline, length)}"
            )
            points = _points(chart, table.index, table["n"], 100.0, "%", min_base)
            points["in_period"] = points["when"].isin(there)
            yield Watched(
                name,
                label_of(name, item),
                text_or_none(item.get("question")) or "",
                "event",
                length,
                "higher",
                chart,
                points,
                method,
            )
            return


def _by_stretch(best: pd.Series, days: pd.Series, length: Length) -> pd.DataFrame:
    """One row a stretch of time, none left out between the first and the last: hits, n."""
    first, last = (Period.containing(day, length) for day in (days.min(), days.max()))
    every = [period.label for period in first.up_to(last)]
    table = best.groupby(labels_of(days, length)).agg(["sum", "size"]).reindex(every).fillna(0)
    return table.set_axis(["hits", "n"], axis=1)


def _waves(own: pd.DataFrame, item: pd.Series, survey: str, responses: pd.DataFrame) -> list[Watched]:
    """The figures of the waves, where there are enough of them."""
    own = own[own["n"] > 0]
    if own["estimate"].notna().sum() < LEAST_POINTS:
        return []
    name, unit = str(own["item"].iloc[0]), str(own["unit"].iloc[0])
    newest = set(responses.loc[responses["in_period"], "wave"].astype(str)) if "in_period" in responses else set()
    baseline = _before_period(own["wave"].astype(str).isin(newest).to_numpy(), own["estimate"].notna().to_numpy())
    chart = control_chart(own["estimate"].to_numpy(), kind="xmr", baseline=baseline)
    points = _points(chart, own["wave"].astype(str), own["n"], 1.0, unit, 0)
    points["reason"] = own["reason"].where(own["estimate"].isna(), "").to_numpy()
    points["in_period"] = points["when"].isin(newest)
    better = "higher" if item["role"] in ("loyalty", "satisfaction", "effort") else None
    method = "XmR chart: the mean difference of neighbouring waves tells how far one may lie from their mean"
    method += _drawn_from(baseline, "wave")
    return [
        Watched(
            name,
            label_of(name, item),
            text_or_none(item.get("question")) or "",
            survey,
            "wave",
            better,
            chart,
            points,
            method,
        )
    ]


def _before_period(in_period: Any, known: Any) -> int | None:
    """How many points lie before the period, to judge it by; None where there is no period, or too few before it."""
    first = int(np.argmax(in_period)) if np.any(in_period) else 0
    return first if int(known[:first].sum()) >= LEAST_POINTS else None


def _drawn_from(baseline: int | None, each: str) -> str:
    """Which points made the limits, where the newest are judged by those before."""
    return "" if baseline is None else f"; limits from the {baseline} {each}s before the period"


def _points(chart: ControlChart, when: Any, n: pd.Series, factor: float, unit: str, min_base: int) -> pd.DataFrame:
    points = chart.points
    table = pd.DataFrame(
        {
            "when": list(when), "estimate": factor * points["value"].to_numpy(), "conf_low": factor * points["lcl"].to_numpy(),
            "conf_high": factor * points["ucl"].to_numpy(), "center": factor * chart.center, "n": n.to_numpy().astype(int),
            "unit": unit, "signal": points["signal"].to_numpy(), "rule": points["rule"].to_numpy(),
        }
    )  # fmt: skip
    small = table["estimate"].isna()
    return table.assign(
        reason=np.where(small & (table["n"] < min_base), f"n<{min_base}", np.where(small, "no figure", ""))
    )
