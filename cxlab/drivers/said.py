"""Do people say that the same things matter that go with their loyalty? For a page.

Which question about importance belongs to which driver is said by `stated_items`; what the ranks are, and are not, by
`cxlab.drivers.stated`. Questions and drivers without a partner are named.

The questions may have been put to the respondents of the drivers, or in another survey: then in the newest wave of the survey with most
answers to them. Those count as other people, although some may have answered both. Answers are weighted where their wave is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cxlab.drivers.answers import DriverAnswers
from cxlab.drivers.stated import LEAST_PAIRS, StatedAgainstDerived, stated_against_derived, stated_items
from cxlab.wording import (
    SURVEY_WORDS,
    capital_text,
    estimate_text,
    inside_text,
    interval_text,
    list_text,
    number_text,
    span_text,
)

Shown = tuple[dict[str, Any], pd.DataFrame]
ROLES = ("need", "importance")
_LEAST_SHOWN = 3  # pairs, from which on their ranks are shown
_NAMED = 2  # of the drivers that are hidden, or overstated, in a sentence: those furthest off
_LEAST_PER_DRIVER = 5  # complete answers, for a share of R²
_SUBSETS = 6_000_000  # over all resamples: two or three seconds
_LEAST_BOOT = 100
_WORDS = {"hidden": "More than said", "overstated": "Less than said", "not clear": "Not clear"}


@dataclass(frozen=True)
class SaidAgainstDerived:
    """`found` holds the ranks, None where `why_not` says why. `labels` is driver → label, `asked_as` the question → label.
    `not_asked` are the labels of drivers that nobody was asked the importance of, `no_driver` those of questions without a driver;
    `where` is who was asked how important it is."""

    found: StatedAgainstDerived | None
    why_not: str
    outcome: str
    labels: dict[str, str]
    asked_as: dict[str, str]
    not_asked: list[str]
    no_driver: list[str]
    where: str
    conf_level: float

    # ------------------------------------------------------------------------------------------------------- in words

    @property
    def tau(self) -> dict[Any, Any]:
        """The row of Kendall's τ, with the reason where it has none."""
        if self.found is None:
            return {"estimate": math.nan, "conf_low": math.nan, "conf_high": math.nan, "n": 0, "reason": self.why_not}
        row: dict[Any, Any] = self.found.tau.to_dict("records")[0]
        return row

    def sentences(self) -> list[str]:
        """What counts for more, or less, than people say; and whether the two orders agree."""
        if self.found is None or math.isnan(self.tau["conf_low"]):
            return []
        apart = self._apart()
        agreed = f"Kendall’s τ {self._tau()}, {self.tau['n']} pairs"
        if apart:
            return [f"{capital_text(apart)} ({agreed})."]
        if self.tau["conf_low"] > 0:
            return [f"What people say matters agrees with what goes with {inside_text(self.outcome)} ({agreed})."]
        if self.tau["conf_high"] < 0:
            return [f"What people say matters contradicts what goes with {inside_text(self.outcome)} ({agreed})."]
        return []

    def notes(self) -> list[str]:
        """Why the two cannot be compared, where they cannot."""
        if self.found is None or math.isnan(self.tau["conf_low"]):
            return [
                f"Whether people say what counts for {inside_text(self.outcome)} cannot be told: {self.tau['reason']}."
            ]
        return []

    def _apart(self) -> str:
        """Hidden and overstated drivers, with their places; empty where none is clear."""
        rows = self._rows().assign(far=lambda table: table["rank_difference"].abs())
        rows = rows.sort_values(["far", "derived_rank"], ascending=[False, True])
        parts = []
        for reading, how in (("hidden", "more"), ("overstated", "less")):
            named = [
                f"{inside_text(row['label'])} (place {row['derived_rank']:g}, said {row['stated_rank']:g})"
                for row in rows[rows["reading"] == reading].to_dict("records")
            ]
            if named:
                more = len(named) - _NAMED
                shown = named[:_NAMED] + ([f"{more} other{'s' if more > 1 else ''}"] if more > 0 else [])
                parts.append(f"{list_text(shown)} {'counts' if len(named) == 1 else 'count'} for {how} than people say")
        return "; ".join(parts)

    def _tau(self) -> str:
        row = self.tau
        return f"{number_text(row['estimate'], 2)} ({number_text(row['conf_low'], 2)} to {number_text(row['conf_high'], 2)})"

    # ------------------------------------------------------------------------------------------------------- exhibits

    def _rows(self) -> pd.DataFrame:
        assert self.found is not None
        table = self.found.table
        return table.assign(
            label=table["driver"].map(self.labels),
            question=table["item"].map(self.asked_as),
            said=[_with_ends(row, "estimate", "conf_low", "conf_high", "", 1) for row in table.to_dict("records")],
            counts=[
                _with_ends(row, "derived", "derived_low", "derived_high", "%", 100) for row in table.to_dict("records")
            ],
            words=table["reading"].map(_WORDS),
        )

    def ranks_shown(self) -> list[Shown]:
        """Both ranks side by side, where there are pairs enough to judge."""
        if self.found is None or math.isnan(self.tau["conf_low"]):
            return []
        rows = self._rows().assign(
            unit="", words=lambda table: table["words"].where(table["reading"] != "not clear", "")
        )
        said = "; ".join(
            f"{row['label']} {row['stated_rank']:g} by what is said, {row['derived_rank']:g} by what goes with it"
            for row in rows.to_dict("records")
        )
        words = {
            "name": "said_ranks",
            "title": self._title(),
            "subtitle": f"Place by what people say (square) and by what goes with {inside_text(self.outcome)} (dot); 1 is most important",
            "alt": f"Pairs of places, 1 is most important: {said}.",
            "note": self._note(),
        }
        return [(words, rows)]

    def pairs_shown(self) -> list[Shown]:
        """The figures behind the ranks, with their intervals; for few pairs, too, though nothing is concluded from them."""
        if self.found is None:
            return []
        rows = self._rows()
        first = rows.sort_values("derived_rank", kind="stable").to_dict("records")[0]
        said = rows.sort_values("stated_rank", kind="stable").to_dict("records")[0]
        words = {
            "name": "said_pairs",
            "title": f"Of {len(rows)} pairs {inside_text(said['question'])} is said to matter most ({said['said']}); "
            f"{inside_text(first['label'])} explains most ({first['counts']}).",
            "subtitle": f"Mean answer to how important it is, and share of what the drivers explain; {100 * self.conf_level:g}% interval",
            "note": self._note(),
        }
        return [(words, rows)]

    def _title(self) -> str:
        apart = self._apart()
        if apart:
            return f"{capital_text(apart)}."
        row = self.tau
        verdict = "does not clearly agree with"
        if row["conf_low"] > 0:
            verdict = "agrees with"
        elif row["conf_high"] < 0:
            verdict = "contradicts"
        return (
            f"What people say matters {verdict} what goes with {inside_text(self.outcome)} (Kendall’s τ {self._tau()})."
        )

    def _note(self) -> dict[str, str]:
        assert self.found is not None
        table = self.found.table
        note = {
            "Base": f"{span_text(table['n'])} said how important it is ({self.where}); {int(table['n_derived'].iloc[0]):,} answered "
            "every driver",
            "Order": f"Kendall’s τ {self._tau()}: 1 the same order, 0 unrelated"
            if not math.isnan(self.tau["conf_low"])
            else f"Not judged: {self.tau['reason']}",
            "Read": "Neither is the true importance: what everybody gets alike goes with nothing. Each interval stands for itself",
        }
        if self.not_asked:
            note["Not asked"] = f"{list_text(self.not_asked)}: in the model, but nobody said how important it is"
        if self.no_driver:
            note["No driver"] = list_text(self.no_driver)
        return note


def said_against_derived(
    asked: DriverAnswers,
    responses: pd.DataFrame,
    *,
    conf_level: float = 0.95,
    min_base: int = 30,
    n_boot: int = 500,
    random_state: int = 0,
) -> SaidAgainstDerived:
    """Stated against derived importance of the drivers in `asked`; `responses` are the answers of all surveys and waves.

    A study that lacks what is needed gives no ranks and the reason.
    """
    said, where, pairs = _who_said(
        asked, responses, stated_items(asked.items.reset_index(), asked.drivers)[0], min_base
    )
    roles = {asked.items.loc[item, "role"] for item in pairs.values()} or set(ROLES)
    questions = asked.items.index[asked.items["role"].isin(roles)]
    least = max(min_base, _LEAST_PER_DRIVER * len(asked.drivers))
    draws = min(n_boot, _SUBSETS // 2 ** len(asked.drivers))
    why = ""
    if not len(questions):
        why = "no question asks how important something is (role need or importance)"
    elif len(pairs) < _LEAST_SHOWN:
        why = f"{len(pairs)} questions about importance have a driver, {LEAST_PAIRS} are needed"
    elif len(asked.whole) < least:
        why = f"{len(asked.whole):,} respondents answered every driver, {least} are needed"
    elif draws < min(n_boot, _LEAST_BOOT):
        why = f"with {len(asked.drivers)} drivers the intervals would take too long"
    found = None
    if not why:
        found = stated_against_derived(
            _weighted(asked.rows),
            pairs,
            outcome=asked.outcome,
            others=tuple(name for name in asked.drivers if name not in pairs),
            stated_data=None if said is asked.rows else _weighted(said),
            weights_col="weight",
            cluster_col=asked.cluster_col,
            conf_level=conf_level,
            n_boot=draws,
            random_state=random_state,
        )
    return SaidAgainstDerived(
        found=found,
        why_not=why,
        outcome=asked.label(asked.outcome),
        labels=asked.labels,
        asked_as={str(name): asked.label(str(name)) for name in questions},
        not_asked=[asked.label(name) for name in asked.drivers if name not in pairs],
        no_driver=[asked.label(str(name)) for name in questions if name not in pairs.values()],
        where=where,
        conf_level=conf_level,
    )


def _who_said(
    asked: DriverAnswers, responses: pd.DataFrame, pairs: dict[str, str], min_base: int
) -> tuple[pd.DataFrame, str, dict[str, str]]:
    """Who said how important it is, in words too, and the pairs that enough of them answered: the respondents of the drivers, or where
    more pairs are found there, those of the newest wave of the survey with most answers."""

    def enough(rows: pd.DataFrame) -> dict[str, str]:
        return {name: item for name, item in pairs.items() if item in rows and rows[item].notna().sum() >= min_base}

    own = asked.rows, "the same respondents", enough(asked.rows)
    rows = responses[responses["perspective"] == "customer"] if "perspective" in responses else responses
    rows = rows[rows[[item for item in pairs.values() if item in rows]].notna().any(axis=1)]
    if rows.empty:
        return own
    rows = rows[rows["survey"] == rows["survey"].value_counts().idxmax()]
    rows = rows[rows["wave"] == rows.groupby("wave")["counted_at"].max().idxmax()]
    survey, wave = str(rows["survey"].iloc[0]), str(rows["wave"].iloc[0])
    others = rows, f"{SURVEY_WORDS.get(survey, survey)} {wave}", enough(rows)
    return others if len(others[2]) > len(own[2]) else own


def _weighted(rows: pd.DataFrame) -> pd.DataFrame:
    """With a weight each: their own where all have one, else 1."""
    return rows if "weight" in rows and rows["weight"].notna().all() else rows.assign(weight=1.0)


def _with_ends(row: dict[Any, Any], value: str, low: str, high: str, unit: str, times: float) -> str:
    text = estimate_text(times * row[value], unit)
    return text if math.isnan(row[low]) else f"{text} ({interval_text(times * row[low], times * row[high], unit)})"
