"""Do needs tell customers apart better than who they are, or what they do? Three bases of segmentation on one page.

Firmographics are the columns that put customers (or respondents) into two to twelve groups, behaviour is recency, frequency and value
from the log and the invoices, needs are the battery that groups are made of. What each is judged by is what respondents say of their
satisfaction and loyalty; see `compare_bases` for how, and for what it does not say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxlab.data.answers import best_answers, grouping_columns
from cxlab.segments.bases import LEAST_RESPONDENTS, BaseComparison, compare_bases
from cxlab.segments.needs import NeedsSegments, Shown, careful_answers, scored_answers
from cxlab.wording import capital_text, describe, inside_text

_GROUPS = 4
_TOGETHER = "satisfaction with touchpoints"
_NEEDS = {
    "need": "what they need", "importance": "what matters to them", "expectation": "what they expect", "image": "what they think",
}  # fmt: skip


@dataclass(frozen=True)
class Discrimination:
    """`found` is the comparison, None where fewer than two bases could be made (`why_not`)."""

    found: BaseComparison | None
    why_not: str

    def sentences(self) -> list[str]:
        """What the page says up front."""
        return [] if self.found is None else [self.found.headline()]

    def bases_shown(self) -> Iterator[Shown]:
        """What the segments of each base foretell, outcome by outcome."""
        if self.found is None:
            return
        table = self.found.to_frame()
        for outcome, part in table.groupby("outcome", sort=False):
            rows = part.assign(label=[_label(row) for row in part.to_dict("records")], unit="%")
            for column in ("estimate", "std_error", "conf_low", "conf_high", "null_mean"):
                rows[column] = 100 * rows[column]
            first, clear = self.found.leader(str(outcome))
            title = f"No base clearly discriminates {inside_text(str(outcome))} better than another."
            if clear:
                row: Any = rows[rows["base"] == first].iloc[-1]
                size = f"{row['estimate']:.1f}%"
                title = (
                    f"{capital_text(first)} discriminates {inside_text(str(outcome))} best: {size} of the differences."
                )
            yield {
                "name": f"bases_{_slug(str(outcome))}",
                "title": title,
                "subtitle": "Differences between people that the segments foretell for those who were not used to make them, percent; "
                f"{100 * self.found.conf_level:g}% interval",
                "alt": describe(f"Dot plot of what each base foretells of {outcome}", rows, label_col="label", unit="%"),
                "note": {
                    "Base": self.found.base_sentence(),
                    "Style": "The battery is shown as answered and without each person's level: who ticks high there ticks high on "
                    "satisfaction, too",
                    "Test": f"{self.found.n_permutations} shuffles of the outcome; {int(table['p_value'].notna().sum())} tests, "
                    "Benjamini–Hochberg",
                },
            }, rows.reset_index(drop=True)  # fmt: skip


def _slug(outcome: str) -> str:
    """An outcome as part of a file's name."""
    return re.sub(r"\W+", "_", outcome.lower())


def _label(row: Any) -> str:
    styles = {"none": ", as answered", "center": ", without level"} if row["base"] in _NEEDS.values() else {}
    return f"{capital_text(str(row['base']))}{styles.get(str(row['style']), '')}"


def three_bases(
    groups: NeedsSegments,
    responses: pd.DataFrame,
    items: pd.DataFrame,
    customers: pd.DataFrame | None = None,
    *,
    done: pd.DataFrame | None = None,
    conf_level: float = 0.95,
    random_state: int = 0,
) -> Discrimination:
    """Segment the careful respondents of the newest wave by needs, by firmographics and by behaviour, and compare.

    Each base makes as many segments as `groups` has, four where it has none. `done` is what customers did (`what_they_did`),
    indexed by customer_id. Whoever lacks a value in a base is left out of all, and counted. Without customers the columns of the
    answers are the firmographics.
    """
    battery, answers = careful_answers(responses, items, role=groups.role)
    careful = answers.reset_index(drop=True)
    what = _NEEDS.get(groups.role, "what they need")
    bases: dict[str, pd.DataFrame] = {what: careful[battery]}
    about = careful if customers is None or "customer_id" not in careful else _of(customers, careful)
    names = grouping_columns(about)
    if names:
        bases["who they are"] = about[names]
    if done is not None and "customer_id" in careful:
        own = done.reindex(careful["customer_id"]).reset_index(drop=True)
        own = own[[name for name in own if own[name].notna().mean() > 0.5 and own[name].nunique() > 1]]
        if own.shape[1]:
            bases["what they do"] = _tamed(own)
    outcomes, together = _outcomes(careful, items)
    if len(bases) < 2 or outcomes.empty or len(careful) < LEAST_RESPONDENTS:
        return Discrimination(None, "there is nothing beside needs to segment by, or nothing to judge by")
    found = compare_bases(
        bases, outcomes, n_segments=groups.k if groups.found else _GROUPS, style=(what,), together=together,
        weights=careful["weight"].to_numpy() if groups.weighted else None, conf_level=conf_level, random_state=random_state,
    )  # fmt: skip
    return Discrimination(found, "")


def _of(customers: pd.DataFrame, careful: pd.DataFrame) -> pd.DataFrame:
    known = customers.drop_duplicates("customer_id").set_index("customer_id")
    return known.reindex(careful["customer_id"]).reset_index(drop=True)


def _tamed(values: pd.DataFrame) -> pd.DataFrame:
    """Counts and sums on a log scale: a few large customers would else be a segment each."""
    return values.apply(lambda column: np.log1p(column) if column.min() >= 0 else column)


def _outcomes(careful: pd.DataFrame, items: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Loyalty, satisfaction overall, and satisfaction with touchpoints that most answered, judged together."""
    known = items[items["low"].notna()]
    made: dict[str, pd.Series] = {}
    together: list[str] = []
    for item in known.to_dict("records"):
        name = str(item["item"])
        if name not in careful or careful[name].notna().mean() < 0.5:
            continue
        if item["role"] == "loyalty" and (item["low"], item["high"]) == (0, 10):
            made["NPS"] = scored_answers(careful[name], pd.Series(item))[0]
        elif item["role"] == "satisfaction" and not isinstance(item["touchpoint"], str):
            made[inside_text(str(item["label"]))] = best_answers(careful[name], item["low"], item["high"])
        elif item["role"] == "satisfaction" and careful[name].notna().mean() >= 0.9:
            made[name] = careful[name]
            together.append(name)
    return pd.DataFrame(made), {_TOGETHER: together} if len(together) > 1 else {}
