"""What would go with a better experience, driver by driver and together, for whom, and for what money?

Each driver is moved by one step (a point, ten on a scale longer than ten) and nobody passes the end of the scale; the model is that
of the answers as they are (ordered or binary logit, else least squares). What a step does for its cost needs `[economics]
touchpoint_cost` in study.toml. The statistics are `cxlab.drivers.simulate`, `cxlab.drivers.priorities` and
`cxlab.drivers.sensitivity`; here stands what a reader of 07 sees of them.

**All of it presumes that the association is causal**, and every sentence says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from cxlab.drivers.answers import DriverAnswers
from cxlab.drivers.model import DriverModel
from cxlab.drivers.priorities import PRODUCT, MoneyPriorities, money_priorities
from cxlab.drivers.simulate import TOGETHER, Simulator, WhatIf
from cxlab.drivers.widget import what_if_sliders
from cxlab.wording import decimals_of, describe, difference_text, inside_text, list_text, number_text

Shown = tuple[dict[str, Any], pd.DataFrame]
_SHARES = [
    "impact_share", "cost_share", "share_difference", "share_difference_low", "share_difference_high", "reading",
]  # fmt: skip
TOGETHER_LABEL = "All together"
_NOWHERE = "of no known segment"
_FRAGILE = 0.1  # robustness value below which a sentence warns


@dataclass(frozen=True)
class Improvement:
    """`step` is what would go with one step more of every driver: its `parts` are the drivers alone and all together. `top` has one row a
    driver moved to the best answer. `money` is None where no touchpoint with a driver has a cost. `simulator` answers other changes."""

    asked: DriverAnswers
    simulator: Simulator
    step: WhatIf
    top: pd.DataFrame
    money: MoneyPriorities | None
    touchpoint_labels: Mapping[str, str]
    counting: tuple[str, ...]
    min_base: int

    @property
    def outcome(self) -> str:
        """What moves, as it is called in a sentence."""
        return "NPS" if self.simulator.unit == "NPS points" else inside_text(self.asked.label(self.asked.outcome))

    @property
    def unit(self) -> str:
        if self.simulator.unit == "NPS points":
            return "points"
        low, high = self.asked.outcome_scale
        return "%" if self.simulator.unit == "percentage points" else f"{low:g} to {high:g}"

    @property
    def conf_level(self) -> float:
        return self.step.conf_level

    @property
    def rows(self) -> pd.DataFrame:
        """One row a driver and one of all together: label, estimate with interval, n, can_move (percent), to_top (its gain where
        everybody gives the best answer) with interval, unit."""
        parts = self.step.parts.merge(self.top, on="driver", how="left", validate="one_to_one")
        names = {**self.asked.labels, TOGETHER: TOGETHER_LABEL}
        return parts.assign(
            label=parts["driver"].map(names), can_move=100 * parts["share_can_move"], unit=self.unit
        ).sort_values("estimate", ascending=False, kind="stable", ignore_index=True)

    @property
    def clear(self) -> pd.DataFrame:
        """The drivers alone that count at all and whose gain lies above 0 with its whole interval, the largest first."""
        rows = self.rows
        return rows[rows["driver"].isin(self.counting) & (rows["conf_low"] > 0)]

    def sentences(self) -> list[str]:
        clear = self.clear.to_dict("records")
        if not clear:
            return [f"No single driver, moved by {self._step()}, would clearly change {self.outcome}."]
        first = clear[0]
        said = [
            f"If the association is causal, {self._step()} more of {inside_text(first['label'])} would go with "
            f"{difference_text(first['estimate'], self.unit, first['conf_low'], first['conf_high'])} {self._words()}; "
            f"{first['can_move']:.0f}% of respondents can move."
        ]
        if self.money is not None and self.money.first is not None and self.money.first_is_clear:
            said.append(f"For its cost {inside_text(self._place(self.money.first))} does most.")
        return said

    # ------------------------------------------------------------------------------------------------------- exhibits

    def gains_shown(self) -> pd.DataFrame:
        return self.rows

    def focus(self) -> list[str]:
        return [*self.clear["label"], TOGETHER_LABEL]

    def gains_words(self) -> dict[str, Any]:
        rows = self.rows
        whole = rows[rows["driver"] == TOGETHER].to_dict("records")[0]
        return {
            "title": f"With {self._step()} more of every driver {self.outcome} would be "
            f"{number_text(whole['estimate'], decimals_of(self.unit, whole['estimate']))} higher, if the association is causal.",
            "subtitle": f"Change of {self.outcome} ({self._words()}) with {self._step()} more of each driver alone; "
            f"{100 * self.conf_level:g}% interval",
            "alt": describe(f"Dot plot of the change of {self.outcome}", rows, label_col="label", unit=self.unit),
            "note": {
                "Base": f"{self.step.n:,} respondents who answered every driver",
                "Capped": "Nobody passes the best answer of the scale, so a second step brings less",
                "Model": {"ordered": "Ordered logit", "logit": "Logit", "ols": "Least squares"}[self.asked.kind]
                + "; interval by bootstrap of "
                + ("accounts" if self.asked.cluster_col else "respondents"),
                "Grey": "The coefficient is not clear of chance",
                "Association": "What differs between customers; whether it follows when something is improved only a trial tells",
            },
        }

    def table_words(self) -> dict[str, Any]:
        rows = self.rows[self.rows["driver"] != TOGETHER]
        most = rows.sort_values("to_top", ascending=False).to_dict("records")[0]
        return {
            "title": f"If everybody gave {inside_text(most['label'])} the best answer, {self.outcome} would be "
            f"{number_text(most['to_top'], decimals_of(self.unit, most['to_top']))} higher.",
            "subtitle": f"Change of {self.outcome}, {self._words()}, if the association is causal; {100 * self.conf_level:g}% interval",
            "note": {"Can move": "Respondents below the best answer, weighted where answers are"},
        }

    def segments_shown(self) -> list[Shown]:
        """Where a step of all drivers would bring most, by segment; nothing without segments."""
        rows = self.step.segments
        if len(rows):
            rows = rows[(rows["n"] >= self.min_base) & (rows["segment"] != _NOWHERE)]
        if len(rows) < 2:
            return []
        rows = rows.sort_values("estimate", ascending=False, kind="stable")
        rows = rows.assign(label=rows["segment"], unit=self.unit).reset_index(drop=True)
        first = rows.to_dict("records")[0]
        words = {
            "name": "gains_segments",
            "title": f"A step of every driver would bring “{first['label']}” most: "
            f"{difference_text(first['estimate'], self.unit, first['conf_low'], first['conf_high'])}.",
            "subtitle": f"Change of {self.outcome} with {self._step()} more of every driver, by segment; "
            f"{100 * self.conf_level:g}% interval",
            "alt": describe(f"Dot plot of the change of {self.outcome} by segment", rows, label_col="label", unit=self.unit),
            "note": {
                "Read": "One model for all: segments differ by where their members stand on the scales, not by what moves them"
            },
        }  # fmt: skip
        return [(words, rows)]

    def sensitivity_shown(self) -> list[Shown]:
        """How strong a driver that nobody asked would have to be to explain the clear gains away; nothing where none is clear."""
        rows = self.simulator.sensitivity[self.simulator.sensitivity["driver"].isin(self.clear["driver"])]
        if rows.empty:
            return []
        labels = self.asked.labels
        rows = rows.assign(
            label=rows["driver"].map(labels),
            robustness=100 * rows["robustness_value"],
            kept_percent=100 * rows["kept"],
            strongest=rows["benchmark"].map(labels).fillna("none"),
            n=self.step.n,
        ).sort_values("robustness", ascending=False, kind="stable", ignore_index=True)
        first = rows.to_dict("records")[0]
        words = {
            "name": "omitted",
            "title": f"A driver that nobody asked would have to explain {first['robustness']:.0f}% of what is left of both to bring "
            f"{inside_text(first['label'])} to nothing.",
            "subtitle": "How strong an omitted driver would have to be, percent of what is left of the driver and of the outcome",
            "note": {
                "Robustness": "Cinelli & Hazlett 2020, exact for the linear model of the same answers",
                "Stays": "What would stay of the coefficient beside an omitted driver as strong as the strongest that was asked; "
                "below 0 it would turn",
                "Read": f"Below {100 * _FRAGILE:.0f}% little would be enough",
            },
        }
        return [(words, rows)]

    def money_shown(self) -> list[Shown]:
        """What each touchpoint brings for its cost; nothing where no cost is known."""
        if self.money is None or self.money.table.empty:
            return []
        rows = self.money.table.assign(
            label=[self._place(name) for name in self.money.table["touchpoint"]], estimate=self.money.table["impact_per_cost"],
            n=self.step.n, unit=self.unit,
        )  # fmt: skip
        first = rows.to_dict("records")[0]
        sure = "clearly" if self.money.first_is_clear else "but not clearly"
        amount = number_text(self.money.per)
        note = {
            "Cost": "What the touchpoint costs now ([economics] touchpoint_cost): an average, not what the next improvement costs",
            "Impact": f"Change of {self.outcome} with {self._step()} more of its drivers, if the association is causal",
        }
        out = [*(self.asked.labels[name] for name in self.money.left_out["driver"]), *self.money.without_driver]
        if out:
            note["Not in it"] = f"No cost or no driver: {list_text(inside_text(self._place(name)) for name in out)}"
        words = {
            "name": "money",
            "title": f"{first['label']} brings most for its cost, {sure} "
            f"({number_text(first['estimate'], 1)}, {number_text(first['conf_low'], 1)} to {number_text(first['conf_high'], 1)}).",
            "subtitle": f"Change of {self.outcome} ({self._words()}) for each {amount} that the touchpoint costs; "
            f"{100 * self.conf_level:g}% interval",
            "alt": describe("Dot plot of impact for its cost", rows, label_col="label", unit=self.unit),
            "note": note,
        }  # fmt: skip
        return [(words, rows)]

    def product(self) -> pd.DataFrame:
        """The product `priorities`: touchpoint, impact, cost, impact_per_cost with interval, and its share of all impact less its
        share of all cost (share_difference, with interval and reading); no rows where no cost is known."""
        about: dict[str, Any] = {
            "per": math.nan,
            "conf_level": self.conf_level,
            "outcome": self.outcome,
            "n": self.step.n,
        }
        if self.money is None or self.money.table.empty:
            return pd.DataFrame(columns=[*PRODUCT, *_SHARES, *about])
        return self.money.table[[*PRODUCT, *_SHARES]].assign(**{**about, "per": self.money.per})

    def sliders(self) -> Any:
        """What-if sliders for whoever explores in JupyterLab; nothing in a run."""
        return what_if_sliders(self.simulator, self.asked.drivers, scale=self.asked.scales, labels=self.asked.labels)

    def _place(self, touchpoint: str) -> str:
        return self.touchpoint_labels.get(touchpoint, touchpoint)

    def _step(self) -> str:
        sizes = set(self.asked.steps.values())
        if len(sizes) == 1:
            return "one point" if sizes == {1} else f"{number_text(sizes.pop())} points"
        return "one step (a point, ten on long scales)"

    def _words(self) -> str:
        return {"points": "NPS points", "%": "percentage points"}.get(self.unit, f"points of {self.unit}")


def improvement(
    asked: DriverAnswers,
    *,
    counting: Sequence[str] | None = None,
    membership: pd.DataFrame | None = None,
    costs: Mapping[str, float] | None = None,
    n_boot: int = 500,
    conf_level: float = 0.95,
    min_base: int = 30,
    random_state: int = 0,
) -> Improvement:
    """What would go with better drivers of the answers in `asked`.

    `counting`: the drivers whose coefficient is clear once their number is counted (all, where nobody says); no other gain is called one.
    `membership`: the product of 01 with customer_id and segment (its name), for gains by segment. `costs`: touchpoint → money. Takes
    what `DriverModel` takes, so answers are whole and the outcome has spread.
    """
    column = "segment shown"
    rows = asked.rows
    if membership is not None and "customer_id" in rows:
        name = "segment" if "segment" in membership else "segment_id"
        segment = (
            membership.dropna(subset=["customer_id"]).drop_duplicates("customer_id").set_index("customer_id")[name]
        )
        rows = rows.assign(**{column: rows["customer_id"].map(segment).fillna(_NOWHERE)})
    model = DriverModel.from_columns(
        rows, asked.outcome, asked.drivers, kind=asked.kind, weights=asked.weights_col, conf_level=conf_level
    )
    metric: Literal["nps", "mean"] | None = None
    if asked.kind == "ordered":
        metric = "nps" if asked.outcome_scale == (0, 10) else "mean"
    simulator = model.simulator(clusters=asked.clusters, n_boot=n_boot, metric=metric, random_state=random_state)
    step = simulator.what_if(asked.steps, scale=asked.scales, segment_col=column if column in rows else None)
    best = simulator.what_if(scale=asked.scales, target={name: high for name, (_, high) in asked.scales.items()})
    top = best.parts.rename(columns={"estimate": "to_top", "conf_low": "to_top_low", "conf_high": "to_top_high"})
    known = dict(costs or {})
    money = None
    if any(place in known for place in asked.touchpoint_of.values()):
        money = money_priorities(
            step.parts[step.parts["driver"] != TOGETHER][["driver", "estimate"]],
            known,
            draws=step.draws[asked.drivers],
            touchpoints=asked.touchpoint_of,
            per=10.0 ** math.floor(np.log10(max(known.values()))),
            conf_level=conf_level,
        )
    labels = dict(zip(asked.touchpoints["touchpoint"], asked.touchpoints["label"], strict=True))
    return Improvement(
        asked,
        simulator,
        step,
        top[["driver", "to_top", "to_top_low", "to_top_high"]],
        money,
        labels,
        tuple(asked.drivers if counting is None else counting),
        min_base,
    )
