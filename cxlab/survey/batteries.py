"""May the questions of a battery be added up to one index? Reliability of every battery that a survey asked in its newest wave.

One row is one battery: the questions of one role on one scale, three or more. Alpha and omega say how much of an index of these
questions would be the same again if other questions of the kind were asked; they do not say that it measures what its name says. A
battery that asks about different things on purpose (needs, satisfaction with touchpoints) need not hang together, and a high alpha
there may be one mood that colours every answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cxlab.survey.reliability import IndexScale, index_scale
from cxlab.survey.tracking import newest_wave
from cxlab.wording import SURVEY_WORDS, capital_text

Shown = tuple[dict[str, Any], pd.DataFrame]
LEAST_ITEMS, LEAST_ANSWERS = 3, 100
GOOD = 0.7  # reliability from which on an index is commonly taken to serve for groups (Nunnally 1978)
_ROLES = {
    "image": "Image", "satisfaction": "Satisfaction", "expectation": "Expectation", "need": "Needs", "importance": "Importance",
    "attitude": "Attitude", "enjoyment": "Enjoyment", "effort": "Effort",
}  # fmt: skip
_COLUMNS = [
    "label", "role", "survey", "wave", "items", "mean", "mean_low", "mean_high", "scale", "estimate", "std_error", "conf_low",
    "conf_high", "conf_level", "omega", "omega_low", "omega_high", "n", "reason",
]  # fmt: skip


@dataclass(frozen=True)
class Batteries:
    """`rows` has one row a battery: label, items (how many), mean of the index with mean_low and mean_high on `scale`, estimate
    (alpha) with its interval, omega with omega_low and omega_high, n (respondents who answered all), reason."""

    rows: pd.DataFrame
    conf_level: float

    def batteries_shown(self) -> Iterator[Shown]:
        """The batteries by reliability; nothing where no survey has one."""
        if self.rows.empty:
            return
        rows = self.rows.sort_values("estimate", ascending=False, kind="stable", ignore_index=True)
        sure = rows[rows["conf_low"] >= GOOD]
        title = f"Of {len(rows)} batteries none can surely be added up to one index."
        if len(sure):
            first: Any = sure.iloc[0]
            title = (
                f"{len(sure)} of {len(rows)} batteries can be added up to one index, best {first['label']}: alpha "
                f"{first['estimate']:.2f}."
            )
        yield {
            "name": "batteries",
            "title": title,
            "subtitle": f"Reliability of an index of all questions of a battery, newest wave, {100 * self.conf_level:g}% interval",
            "note": {
                "Method": "Alpha (Cronbach 1951, Feldt's interval), omega of one factor (McDonald 1999, bootstrap); who answered all",
                "Rule": f"An index where alpha is at least {GOOD:g} even at the low end; alpha is no proof that it is one thing",
            },
        }, rows.assign(
            alpha=[_stated(row, "estimate", "conf_low", "conf_high") for row in rows.to_dict("records")],
            omega_text=[_stated(row, "omega", "omega_low", "omega_high") for row in rows.to_dict("records")],
            index=[_stated(row, "mean", "mean_low", "mean_high") for row in rows.to_dict("records")],
        )  # fmt: skip


def batteries(
    responses: pd.DataFrame | None,
    items: pd.DataFrame,
    *,
    conf_level: float = 0.95,
    n_boot: int = 400,
    random_state: int = 0,
) -> Batteries:
    """The reliability of every battery in the newest wave of every survey of customers; nothing without a survey.

    `responses` and `items` are those of an open study. Questions that are `reversed` are turned; weights serve the mean alone.
    """
    if responses is None:
        return Batteries(pd.DataFrame(columns=_COLUMNS), conf_level)
    rows = []
    is_customer = responses["perspective"] == "customer" if "perspective" in responses else responses["survey"].notna()
    for survey, part in responses[is_customer].groupby("survey", sort=False):
        wave = newest_wave(part)
        newest = part[part["wave"] == wave]
        asked = items.loc[[name in newest and newest[name].nunique() > 1 for name in items["item"]]]
        asked = asked[asked["role"].isin(_ROLES) & (asked["high"] - asked["low"] >= 2)]
        for (role, *_), own in asked.groupby(["role", "low", "high"], sort=False):
            scale = float(own["low"].iloc[0]), float(own["high"].iloc[0])
            names = [str(name) for name in own["item"]]
            complete = int(newest[names].notna().all(axis=1).sum())
            if len(names) < LEAST_ITEMS or complete < LEAST_ANSWERS:
                continue
            weighted = "weight" in newest and newest["weight"].notna().all()
            found = index_scale(
                newest, names, scale=scale, reversed=_turned(own), weights=newest["weight"] if weighted else None,
                conf_level=conf_level, least_answered=0.5, n_boot=n_boot, random_state=random_state,
            )  # fmt: skip
            label = f"{_ROLES[str(role)]} ({SURVEY_WORDS[str(survey)]} {wave})"
            rows.append(
                {"label": capital_text(label), "role": role, "survey": survey, "wave": wave, **_row(found, names)}
            )
    return Batteries(pd.DataFrame(rows, columns=_COLUMNS), conf_level)


def _turned(items: pd.DataFrame) -> list[str]:
    return [str(row["item"]) for row in items.to_dict("records") if row.get("reversed") is True]


def _row(found: IndexScale, names: list[str]) -> dict[str, Any]:
    alpha, omega, mean = found.alpha, found.omega, found.mean
    return {
        "items": len(names), "mean": mean.estimate, "mean_low": mean.conf_low, "mean_high": mean.conf_high,
        "scale": f"{found.scale[0]:g} to {found.scale[1]:g}", "estimate": alpha.estimate, "std_error": alpha.std_error,
        "conf_low": alpha.conf_low, "conf_high": alpha.conf_high, "conf_level": alpha.conf_level, "omega": omega.estimate,
        "omega_low": omega.conf_low, "omega_high": omega.conf_high, "n": found.n_complete, "reason": alpha.reason or omega.reason,
    }  # fmt: skip


def _stated(row: Any, estimate: str, low: str, high: str) -> str:
    if pd.isna(row[estimate]):
        return row["reason"] or "not defined"
    return f"{row[estimate]:.2f}" + ("" if pd.isna(row[low]) else f" ({row[low]:.2f} to {row[high]:.2f})")
