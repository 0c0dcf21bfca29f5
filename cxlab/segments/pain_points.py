"""Which problems hurt customers most: how many have them, how much less loyal those are, and how much they spend.

One row is one question about a problem that was answered by yes or no. Pain is frequency times severity: the share of customers who
had the problem times how much lower their loyalty is, in points of the overall figure. The order is that of a Pareto chart, with the
running share of all pain beside it.

It does not say that the problem costs that much: who has problems may be less loyal for other reasons, and problems come together. A
problem that nobody was asked about is not here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxlab.inference import benjamini_hochberg, mean_row, share_row
from cxlab.inference.intervals import critical_value, two_sided_p
from cxlab.segments.needs import NeedsSegments, Shown, careful_answers, scored_answers
from cxlab.wording import describe, inside_text

_LEAST = 100  # answers to a problem and to loyalty
COLUMNS = [
    "item", "label", "touchpoint", "frequency", "frequency_low", "frequency_high", "severity", "severity_low", "severity_high",
    "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "n_with", "p_value", "q_value", "reading", "running", "value",
    "unit", "reason",
]  # fmt: skip


@dataclass(frozen=True)
class PainPoints:
    """`rows` has one row a problem, most pain first: frequency (percent of respondents who had it) and severity (how much lower
    their loyalty is than that of the others, points) with intervals, estimate (pain: frequency × severity, points of loyalty over
    all), n, n_with, p_value and q_value of severity, reading ("clear", "not clear"), running (percent of all clear pain so far), value
    (median value of those who had it; NaN where it is not known). `by_group` has one row a segment and problem (frequency)."""

    rows: pd.DataFrame
    by_group: pd.DataFrame
    outcome: str
    currency: str
    conf_level: float
    min_base: int

    def sentences(self) -> list[str]:
        """The problem that hurts most, if one clearly does."""
        clear = self.rows[self.rows["reading"] == "clear"]
        if clear.empty:
            return []
        first: Any = clear.iloc[0]
        return [
            f"Most pain comes from “{first['label']}”: {first['frequency']:.0f}% of those asked had it, and their "
            f"{self.outcome} is {first['severity']:.0f} points lower."
        ]

    def pain_shown(self) -> Iterator[Shown]:
        """The problems by pain; nothing where nobody was asked about problems."""
        if self.rows.empty:
            return
        clear = self.rows[self.rows["reading"] == "clear"]
        title = f"None of {len(self.rows)} problems clearly goes with lower loyalty."
        if len(clear):
            first: Any = clear.iloc[0]
            title = (
                f"“{first['label']}” costs most: {first['estimate']:.1f} points of {self.outcome} over all, {first['frequency']:.0f}% of "
                f"those asked and {first['severity']:.0f} points each."
            )
        yield {
            "name": "pain_points",
            "title": title,
            "subtitle": f"Frequency × severity of each problem, points of {self.outcome}, {100 * self.conf_level:g}% interval",
            "alt": describe("Dot plot of pain by problem", self.rows, label_col="label", unit="points"),
            "note": {
                "Severity": f"{self.outcome} of those without the problem less that of those with it",
                "Test": f"{int(self.rows['p_value'].notna().sum())} severities, Benjamini–Hochberg",
                "Read": "Lower loyalty goes with the problem; it need not come from it",
            }
            | ({"Value": f"Median value of those who had it, {self.currency}, in the table"} if self.rows["value"].notna().any() else {}),
        }, self.rows  # fmt: skip

    def groups_shown(self) -> Iterator[Shown]:
        """How often each segment had each problem."""
        enough = self.by_group[self.by_group["n"] >= self.min_base] if len(self.by_group) else self.by_group
        if enough.empty:
            return
        most: Any = enough.sort_values("estimate", ascending=False, kind="stable").iloc[0]
        yield {
            "name": "pain_groups",
            "title": f"Most often: “{most['label']}” in “{most['segment']}”, {most['estimate']:.0f}% of those asked.",
            "subtitle": "Share of each group that had the problem, percent",
            "alt": describe("Field of problems by group", self.by_group, label_col="label", series_col="segment", unit="%"),
            "note": {"Interval": f"{100 * self.conf_level:g}%, in the table; groups are not tested here"},
        }, self.by_group  # fmt: skip


def pain_points(
    groups: NeedsSegments,
    responses: pd.DataFrame,
    items: pd.DataFrame,
    *,
    done: pd.DataFrame | None = None,
    currency: str = "",
    conf_level: float = 0.95,
    min_base: int = 30,
) -> PainPoints:
    """The problems that the respondents of `groups` were asked about (role `problem`, a scale of two answers; the higher one is yes).

    Loyalty is the first question with that role on 0 to 10 (NPS), else satisfaction overall (share of the two best answers). `done`
    has the value of each customer (`what_they_did`). A problem or a loyalty with fewer than a hundred answers is left out.
    """
    _, careful = careful_answers(responses, items, role=groups.role)
    loyalty, outcome = _loyalty(careful, items)
    asked = items[(items["role"] == "problem") & (items["high"] - items["low"] == 1)]
    asked = asked.loc[[name in careful and careful[name].notna().sum() >= _LEAST for name in asked["item"]]]
    empty = pd.DataFrame(columns=COLUMNS)
    if loyalty is None or asked.empty:
        return PainPoints(empty, pd.DataFrame(), outcome, currency, conf_level, min_base)
    rows, parts = [], []
    for item in asked.to_dict("records"):
        had = (careful[item["item"]] == item["high"]).where(careful[item["item"]].notna())
        rows.append(
            {
                "item": item["item"],
                "label": item["label"],
                "touchpoint": item["touchpoint"],
                **_pain(had, loyalty, careful, done, conf_level, min_base),
            }
        )
        for segment in groups.sizes["label"] if groups.found else []:
            inside = had[groups.labels.reindex(careful.index) == segment].dropna()
            parts.append(
                {"segment": segment, "label": item["label"], **share_row(inside.astype(float), conf_level=conf_level)}
            )
    table = pd.DataFrame(rows)
    table["q_value"] = benjamini_hochberg(table["p_value"])
    table["reading"] = np.where(table["q_value"] < 1 - conf_level, "clear", "not clear")
    table = table.sort_values("estimate", ascending=False, kind="stable", na_position="last", ignore_index=True)
    clear = table["estimate"].where((table["reading"] == "clear") & (table["estimate"] > 0), 0.0)
    table["running"] = 100 * clear.cumsum() / clear.sum() if clear.sum() > 0 else math.nan
    return PainPoints(table[COLUMNS], pd.DataFrame(parts), outcome, currency, conf_level, min_base)


def _loyalty(careful: pd.DataFrame, items: pd.DataFrame) -> tuple[pd.Series | None, str]:
    """What each answer counts for loyalty, in points, and what the figure is called."""
    answered = items.loc[[name in careful and careful[name].notna().any() for name in items["item"]]]
    loyal = answered[(answered["role"] == "loyalty") & (answered["low"] == 0) & (answered["high"] == 10)]
    overall = answered[(answered["role"] == "satisfaction") & answered["touchpoint"].isna()]
    chosen = pd.concat([loyal, overall])
    if chosen.empty:
        return None, ""
    scored, unit, label = scored_answers(careful[chosen["item"].iloc[0]], chosen.iloc[0])
    return (scored, label) if unit == "points" else (100.0 * scored, inside_text(label))


def _pain(
    had: pd.Series,
    loyalty: pd.Series,
    careful: pd.DataFrame,
    done: pd.DataFrame | None,
    conf_level: float,
    min_base: int,
) -> dict[str, Any]:
    """Frequency, severity and their product for one problem; the error of the product by the delta method."""
    share = share_row(had.dropna().astype(float), conf_level=conf_level)
    yes, no = (loyalty[had == flag].dropna() for flag in (True, False))
    row: dict[str, Any] = {
        "frequency": share["estimate"], "frequency_low": share["conf_low"], "frequency_high": share["conf_high"], "n": share["n"],
        "n_with": int((had == True).sum()), "conf_level": conf_level, "unit": "points", "reason": "", "value": math.nan,  # noqa: E712
    }  # fmt: skip
    if min(len(yes), len(no)) < min_base:
        hidden = dict.fromkeys(
            ("severity", "severity_low", "severity_high", "estimate", "std_error", "conf_low", "conf_high", "p_value"),
            math.nan,
        )
        return row | hidden | {"reason": f"n<{min_base} with or without the problem"}
    with_it, without = (mean_row(part, unit="points", conf_level=conf_level) for part in (yes, no))
    severity = without["estimate"] - with_it["estimate"]
    error = math.hypot(with_it["std_error"], without["std_error"])
    half = critical_value(conf_level) * error
    f, f_error = share["estimate"] / 100, share["std_error"] / 100
    spread = math.hypot(f * error, severity * f_error)
    reach = critical_value(conf_level) * spread
    if done is not None and "value" in done and "customer_id" in careful:
        spent = careful.loc[had == True, "customer_id"].map(done["value"]).dropna()  # noqa: E712
        row["value"] = float(spent.median()) if len(spent) >= min_base else math.nan
    return row | {
        "severity": severity, "severity_low": severity - half, "severity_high": severity + half, "estimate": f * severity,
        "std_error": spread, "conf_low": f * severity - reach, "conf_high": f * severity + reach,
        "p_value": two_sided_p(severity / error) if error > 0 else math.nan,
    }  # fmt: skip
