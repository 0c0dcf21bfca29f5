"""Which needs are badly served, and is what customers say matters what goes with their loyalty? For a page.

A need belongs to the question about satisfaction with the same touchpoint, or with the same end of its name (`e1` and `s1`,
`need_app` and `satisfaction_app`). Needs without such a question are named and left out. See `opportunity` and
`said_against_derived` for what the figures are, and are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cxlab.segments.needs import NeedsSegments, Shown, careful_answers
from cxlab.segments.opportunity import LEAST_NEEDS, Opportunity, SaidAgainstDerived, opportunity, said_against_derived
from cxlab.wording import describe, inside_text, list_text

Derive = Callable[[pd.DataFrame, Mapping[str, str]], pd.Series]
"""Respondents and need → column of satisfaction → the derived importance of each need."""
_LEAST_ANSWERS = 100


@dataclass(frozen=True)
class UnmetNeeds:
    """`map` is the opportunity map over all, `by_group` within each segment, `stated` stated against derived importance; None where
    the study does not ask for it. `alone` are needs that no question about satisfaction belongs to."""

    map: Opportunity | None
    by_group: Opportunity | None
    stated: SaidAgainstDerived | None
    why_not_stated: str
    alone: list[str]
    scale: str
    min_base: int

    def sentences(self) -> list[str]:
        """What the page says up front."""
        said = [] if self.map is None else [self.map.headline()]
        return said + ([] if self.stated is None else [self.stated.headline()])

    def map_shown(self) -> Iterator[Shown]:
        """The opportunity map: importance against satisfaction."""
        if self.map is None:
            return
        rows = self.map.to_frame().assign(label=lambda table: table["need"])
        clear = rows[rows["reading"] == "under-served"]
        title = f"None of {len(rows)} needs is clearly under-served."
        if len(clear):
            first: Any = clear.iloc[0]
            score = f"{inside_text(first['label'])} ({first['estimate']:.1f} of 20)"
            title = f"{len(clear)} of {len(rows)} needs are clearly under-served, first {score}."
        yield {
            "name": "opportunity",
            "title": title,
            "subtitle": "Opportunity score, 0 to 20: importance and what satisfaction lacks of it, each ten times the share of the two "
            f"best answers; {100 * self.map.conf_level:g}% interval",
            "alt": describe("Dot plot of opportunity by need", rows, label_col="label", unit="", min_base=self.min_base),
            "note": {
                "Rule": "Under-served where the interval lies above 10 (Ulwick 2005): a convention",
                "Read": "Importance counts twice; the gap in points stands beside it in the table",
            }
            | ({"No question about satisfaction": list_text(self.alone)} if self.alone else {}),
        }, rows.assign(unit="")  # fmt: skip

    def groups_shown(self) -> Iterator[Shown]:
        """The opportunity of each need in each segment."""
        if self.by_group is None:
            return
        rows = self.by_group.to_frame().assign(
            segment=lambda table: table["segment"].astype(str), label=lambda table: table["need"]
        )
        enough = rows[rows["n"] >= self.min_base]
        if enough.empty:
            return
        top: Any = enough.sort_values("estimate", ascending=False, kind="stable").iloc[0]
        state = {"under-served": "clearly under-served"}.get(str(top["reading"]), "not clearly under-served")
        yield {
            "name": "opportunity_groups",
            "title": f"Highest is {inside_text(top['label'])} for “{top['segment']}”: {top['estimate']:.1f} of 20, {state}.",
            "subtitle": "Opportunity score by need and group, 0 to 20",
            "alt": describe(
                "Field of opportunity by need and group", rows.assign(unit=""), label_col="label", series_col="segment",
                unit="",
            ),
            "note": {"Read": "Groups that tick differently have other scores with the same needs: compare needs within a group"},
        }, rows  # fmt: skip

    def stated_shown(self) -> Iterator[Shown]:
        """Stated against derived importance, rank by rank."""
        if self.stated is None:
            return
        rows = self.stated.to_frame().assign(label=lambda table: table["need"])
        yield {
            "name": "stated_derived",
            "title": self.stated.headline(),
            "subtitle": f"Needs by what people say (mean, {self.scale}) and by what goes with their loyalty (share of what is explained)",
            "note": {
                "Derived": "LMG share of R² of loyalty on satisfaction with each; up to 12 drivers exact, else Johnson's weights",
                "Read": "Neither is the true importance: what everybody gets goes with nothing",
            },
        }, rows  # fmt: skip


def unmet_needs(
    groups: NeedsSegments,
    responses: pd.DataFrame,
    items: pd.DataFrame,
    *,
    derive: Derive | None = None,
    conf_level: float = 0.95,
    min_base: int = 30,
    random_state: int = 0,
) -> UnmetNeeds:
    """The opportunity map of the respondents of `groups`, over all and by segment, and stated against derived importance.

    `derive` gives the derived importance of needs from respondents and need → column of satisfaction; a notebook passes what
    `cxlab.drivers` has. A study without satisfaction about any need has nothing to show.
    """
    battery, careful = careful_answers(responses, items, role=groups.role)
    pairs = _pairs(items, battery, careful)
    about = items.set_index("item")
    labels = {name: str(about.loc[name, "label"]) for name in battery}
    if len(set(labels.values())) < len(labels):  # two needs of one name are told apart by their items
        labels = {name: f"{label} ({name})" for name, label in labels.items()}
    alone = [labels[name] for name in battery if name not in pairs]
    nothing = UnmetNeeds(None, None, None, "", alone, groups.scale, min_base)
    if not pairs:
        return nothing
    low, high = float(about.loc[battery, "low"].min()), float(about.loc[battery, "high"].max())
    both = {labels[need]: (need, column) for need, column in pairs.items()}
    weights = careful["weight"].to_numpy() if groups.weighted else None
    settings: dict[str, Any] = {"scale": (low, high), "conf_level": conf_level, "random_state": random_state}
    whole = opportunity(careful, both, weights=weights, **settings)
    inside = None
    if groups.found:
        inside = opportunity(careful.assign(segment=groups.labels), both, weights=weights, by="segment", **settings)
    stated, why = _stated(careful, both, derive, weights, conf_level, random_state)
    return UnmetNeeds(whole, inside, stated, why, alone, groups.scale, min_base)


def _pairs(items: pd.DataFrame, battery: list[str], answers: pd.DataFrame) -> dict[str, str]:
    """Need → the question about satisfaction with the same thing, on the same scale."""
    asked = items[(items["role"] == "satisfaction") & items["low"].notna()]
    asked = asked.loc[[name in answers and answers[name].notna().sum() >= _LEAST_ANSWERS for name in asked["item"]]]
    about = items.set_index("item")
    found: dict[str, str] = {}
    for need in battery:
        own: Any = about.loc[need]
        for row in asked.to_dict("records"):
            same_place = isinstance(own["touchpoint"], str) and row["touchpoint"] == own["touchpoint"]
            if (same_place or _end(str(row["item"])) == _end(need)) and (row["low"], row["high"]) == (
                own["low"],
                own["high"],
            ):
                found[need] = str(row["item"])
                break
    return found


def _end(name: str) -> str:
    """What an item is about by its name: need_app → app, e1 → 1."""
    head, _, tail = name.partition("_")
    return tail or head.lstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") or name


def _stated(
    answers: pd.DataFrame,
    pairs: dict[str, tuple[str, str]],
    derive: Derive | None,
    weights: Any,
    conf_level: float,
    random_state: int,
) -> tuple[SaidAgainstDerived | None, str]:
    """Stated against derived importance; or why it cannot be said."""
    if derive is None or len(pairs) < LEAST_NEEDS:
        return None, f"{len(pairs)} needs have a question about satisfaction; {LEAST_NEEDS} are needed"
    importance = {need: column for need, (column, _) in pairs.items()}
    satisfaction = {need: column for need, (_, column) in pairs.items()}
    shares = derive(answers, satisfaction)
    if shares.isna().any():
        return None, "too few answered every question about satisfaction"
    derived = pd.DataFrame({"item": list(shares.index), "estimate": shares.to_numpy()})
    return said_against_derived(
        answers, importance, derived, derive=lambda part: derive(part, satisfaction), weights=weights, conf_level=conf_level,
        random_state=random_state,
    ), ""  # fmt: skip
