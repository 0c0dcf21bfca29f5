"""The satisfaction index of a study, and what leads to loyalty by way of it: the path model that `study.toml` draws.

`[satisfaction_index]` names constructs (each with its items) and the arrows between them, as the European and American satisfaction
indices do: image → expectation → quality → value → satisfaction → loyalty. The statistics are `cxlab.drivers.paths`; here stands what a
reader of 07 sees of them. A study without the section has no index, and nothing is shown.

The arrows are the researcher's: a path model says how strong they are if they are right, never that they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cxlab.drivers.answers import DriverAnswers
from cxlab.drivers.paths import PathModel, path_model
from cxlab.inference.intervals import Estimate
from cxlab.problems import NotApplicableError
from cxlab.wording import capital_text, describe, inside_text, list_text

Shown = tuple[dict[str, Any], pd.DataFrame]
LEAST_ROWS = 100
_RELIABLE, _ALPHA = 0.7, 0.6  # composite reliability and alpha, below which items hardly measure one thing


@dataclass(frozen=True)
class SatisfactionIndex:
    """`index` is that of the construct `measured` (0 to 100), `effects` the total effects on `target`, `map` importance and performance
    of each construct for it (no rows where an item runs against its construct)."""

    model: PathModel
    measured: str
    target: str
    index: Estimate
    effects: pd.DataFrame
    map: pd.DataFrame

    def sentences(self) -> list[str]:
        first = self.effects.to_dict("records")[0]
        return [
            f"The index of {_inside(self.measured)} is {self.index.estimate:.0f} of 100 ({self.index.conf_low:.0f} to "
            f"{self.index.conf_high:.0f}, n {self.index.n:,}); most of what leads to {_inside(self.target)} comes from "
            f"{_inside(first['driver'])}, if the arrows of study.toml are right."
        ]

    def effects_shown(self) -> Shown:
        rows = self.effects.assign(label=self.effects["driver"].map(_label), unit="")
        first = rows.to_dict("records")[0]
        r2: Any = self.model.r2.set_index("construct").loc[self.target]
        words = {
            "name": "index_effects",
            "title": f"{first['label']} moves {_inside(self.target)} most: {first['estimate']:.2f} of a standard deviation "
            "for one of its own.",
            "subtitle": f"Total effect on {_inside(self.target)}, direct and by way of others, standard deviations; "
            f"{100 * self.model.conf_level:g}% interval",
            "alt": describe(f"Dot plot of total effects on {_inside(self.target)}", rows, label_col="label"),
            "note": {
                "Base": f"{self.model.n:,} respondents who answered every item"
                + (f", {self.model.n_left_out:,} did not" if self.model.n_left_out else ""),
                "Model": f"Partial least squares; R² of {_inside(self.target)} {r2['estimate']:.2f} ({r2['conf_low']:.2f} to "
                f"{r2['conf_high']:.2f})",
                "Arrows": "Those of [satisfaction_index] in study.toml: taken as given, not tested",
            },
        }  # fmt: skip
        return words, rows

    def paths_shown(self) -> Shown:
        rows = self.model.paths.assign(
            label=[
                f"{_label(row['from_construct'])} → {_inside(row['to_construct'])}"
                for row in self.model.paths.to_dict("records")
            ]
        )
        unclear = rows[(rows["conf_low"] <= 0) & (rows["conf_high"] >= 0)]
        title = f"All {len(rows)} arrows are clear of chance."
        if len(unclear):
            title = f"{len(rows) - len(unclear)} of {len(rows)} arrows are clear of chance; not clear: {list_text(unclear['label'])}."
        words = {
            "name": "index_paths",
            "title": title,
            "subtitle": f"Standard deviations that go with one of where the arrow comes from; {100 * self.model.conf_level:g}% interval",
            "note": {"Base": f"{self.model.n:,} respondents, {self.model.n_draws:,} resamples"},
        }
        return words, rows

    def quality_shown(self) -> Shown:
        """Whether the items of each construct measure one thing."""
        rows = self.model.reliability.merge(
            self.model.r2[["construct", "estimate"]].rename(columns={"estimate": "r2"}), on="construct", how="left"
        )
        rows = rows.assign(label=rows["construct"].map(_label), n=self.model.n)
        weak = rows[(rows["n_items"] > 1) & ((rows["rho_c"] < _RELIABLE) | (rows["alpha"] < _ALPHA))]
        together = self.model.discriminant[~self.model.discriminant["separate"].astype(bool)]
        title = "The items of every construct measure one thing."
        if len(weak):
            names = list_text(map(_inside, weak["construct"]))
            title = f"The items of {names} hardly measure one thing (reliability below {_RELIABLE:g}, or alpha below {_ALPHA:g})."
        note = {"Reliability": "Composite reliability; one item has none", "AVE": "Mean squared loading"}
        if len(together):
            pairs = [f"{_inside(row['construct'])} and {_inside(row['other'])}" for row in together.to_dict("records")]
            note["Hardly apart"] = (
                f"{capital_text(list_text(pairs[:4]))}: their items go together as if they were one (HTMT .9 and more)"
            )
        words = {
            "name": "index_quality",
            "title": title,
            "subtitle": "Measurement of the constructs, and how much of each the arrows explain",
            "note": note,
        }
        return words, rows


def satisfaction_index(
    asked: DriverAnswers,
    *,
    constructs: Mapping[str, Sequence[str]],
    paths: Sequence[tuple[str, str]],
    measured: str = "satisfaction",
    target: str = "",
    n_boot: int = 500,
    conf_level: float = 0.95,
    random_state: int = 0,
) -> list[SatisfactionIndex]:
    """The index and its path model among the respondents of `asked`: one, or none where a study draws no model.

    `measured`: the construct whose index is told; `target`: the one that effects are about, empty the last that an arrow reaches. Raises
    `NotApplicableError` for fewer than 100 respondents who answered every item; ValueError for a model that cannot be.
    """
    if not constructs:
        return []
    items = [item for own in constructs.values() for item in own]
    whole = asked.rows.dropna(subset=[item for item in items if item in asked.rows])
    if len(whole) < LEAST_ROWS:
        raise NotApplicableError(
            f"the satisfaction index needs {LEAST_ROWS} respondents who answered every item; {len(whole)} did (without "
            "[satisfaction_index] in study.toml the page does without it)"
        )
    model = path_model(
        asked.rows, constructs=constructs, paths=paths, weights_col=asked.weights_col, cluster_col=asked.cluster_col,
        n_boot=n_boot, conf_level=conf_level, random_state=random_state,
    )  # fmt: skip
    target = target or list(paths)[-1][1]
    scale = {item: asked.scale_of(item) for item in items}
    runs_well = bool((model.loadings["weight"] > 0).all())
    return [
        SatisfactionIndex(
            model=model, measured=measured, target=target, index=model.index(measured, scale=scale),
            effects=model.total_effects(target), map=model.ipma(target, scale=scale) if runs_well else pd.DataFrame(),
        )
    ]  # fmt: skip


def _label(construct: str) -> str:
    return capital_text(construct.replace("_", " "))


def _inside(construct: str) -> str:
    return inside_text(_label(construct))
