"""What moves loyalty: which parts of the experience go with it, how surely, and what would happen if one improved.

`loyalty_drivers` chooses the answers, fits `DriverModel` and puts together what a reader of 07 needs first.
`derived_importance` gives the weights of needs to other pages.

Everything here is association, as `cxlab.drivers.model` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from cxlab.data.answers import best_answers
from cxlab.drivers.answers import DriverAnswers, driver_answers
from cxlab.drivers.importance import MOST_EXACT, relative_importance
from cxlab.drivers.model import DriverModel
from cxlab.drivers.performance import ImportancePerformance, importance_performance
from cxlab.inference import share_row
from cxlab.problems import NotApplicableError
from cxlab.wording import capital_text, describe, inside_text, list_text, number_text

LEAST_ROWS = 150
MOST_RESAMPLED = 18  # drivers up to which every resample has all its subsets
_SUBSETS, _LEAST_BOOT = 2**26, 200
_NAMED = 6  # more drivers than this are counted in a sentence, not named


@dataclass(frozen=True)
class LoyaltyDrivers:
    """What the satisfaction with parts of the experience explains of loyalty.

    `drivers` has one row a driver: its label, share of R² in percent with interval, coefficient (what goes with `step` points
    more of the driver: one, or ten on a scale longer than ten), test and performance (percent who give one of the two best
    answers, see `cxlab.data.answers.best_answers`). `lost` has one row a driver: how many respondents it costs. `asked` are the answers
    that all of 07 is about, `map` the importance-performance map. Among more than 18 drivers shares are Johnson's weights, whose
    intervals need no subsets; `off` says how many points the furthest of them lies from the exact LMG share.
    """

    outcome: str
    survey: str
    wave: str
    drivers: pd.DataFrame
    lost: pd.DataFrame
    left_out: list[str]
    r2: float
    n: int
    n_asked: int
    clustered: bool
    weighted: bool
    halo: float
    conf_level: float
    method: Literal["lmg", "johnson"]
    off: float
    asked: DriverAnswers
    map: ImportancePerformance

    @property
    def counting(self) -> pd.DataFrame:
        """The drivers whose coefficient is clear once the number of tests is counted."""
        return self.drivers[self.drivers["q_value"] < 1 - self.conf_level]

    def headline(self) -> str:
        clear = self.counting.sort_values("share", ascending=False).to_dict("records")
        if not clear:
            return f"No driver clearly goes with {inside_text(self.outcome)} once the others are held fixed."
        top = clear[0]
        who = f"{top['label']} counts most"
        if top["share"] < self.drivers["share"].max():
            who = f"Of the drivers that are clear of chance {inside_text(top['label'])} counts most"
        said = (
            f"{who} for {inside_text(self.outcome)}: {top['share']:.0f}% ({top['conf_low']:.0f} to "
            f"{top['conf_high']:.0f}%) of what the drivers explain"
        )
        if top["rank_high"] > 1:
            return said + f", though it may lie as low as place {top['rank_high']}."
        return said + "."

    def sentences(self) -> list[str]:
        said = [
            f"Together the {len(self.drivers)} drivers explain {self.r2:.0%} of the differences in {inside_text(self.outcome)} "
            f"between customers (n {self.n:,})."
        ]
        without = self.drivers[self.drivers["q_value"] >= 1 - self.conf_level]
        if len(without):
            names = self._named(without)
            verb = "adds" if len(without) == 1 else "add"
            said.append(f"With the others held fixed, {names} {verb} nothing that chance could not explain.")
        first = self.priorities
        if len(first):
            names = list_text(inside_text(label) for label in first["label"])
            said.append(f"To be mended first, as it counts more than the average driver and is rated lower: {names}.")
        turned = self.drivers[self.drivers["sign_reversed"] & (self.drivers["q_value"] < 1 - self.conf_level)]
        if len(turned):
            names = list_text(inside_text(label) for label in turned["label"])
            said.append(f"The sign of {names} turns once the others are held fixed: do not act on it.")
        if self.halo > 0.6:
            said.append(
                f"The drivers are answered much alike (one common part holds {self.halo:.0%}): much of what they explain may be "
                "the mood in which a questionnaire is filled in."
            )
        if self.left_out:
            names = list_text(inside_text(label) for label in self.left_out[:4])
            more = f" and {len(self.left_out) - 4} more" if len(self.left_out) > 4 else ""
            said.append(f"Too few have used {names}{more} to be in the model.")
        if self.n < 0.8 * self.n_asked:
            said.append(
                f"Only {self.n:,} of {self.n_asked:,} respondents answered every driver; whoever has not used a touchpoint is "
                "not in these figures."
            )
        return said

    @property
    def priorities(self) -> pd.DataFrame:
        """Drivers that count, and that the map puts among those that count more than the average and are rated below it."""
        rows, places = self.counting, self.map.table.set_index("driver")["quadrant_named"]
        return rows[rows["driver"].map(places) == "concentrate here"]

    def base_sentence(self) -> str:
        about = "weighted" if self.weighted else "not weighted"
        clusters = ", accounts as clusters" if self.clustered else ""
        return (
            f"{self.n:,} of {self.n_asked:,} respondents of {self.wave} who answered every driver, {about}{clusters}."
        )

    def key_numbers(self) -> pd.DataFrame:
        """The four drivers that explain most, by their share."""
        rows = self.drivers.sort_values("share", ascending=False).head(4)
        return rows.assign(label="Share of " + rows["label"].map(inside_text), estimate=rows["share"], unit="%")

    def _named(self, rows: pd.DataFrame) -> str:
        """Drivers by name, or by number where a list of names would say less."""
        if len(rows) > _NAMED:
            return f"the other {len(rows)} drivers" if len(rows) < len(self.drivers) else f"all {len(rows)} drivers"
        return list_text(inside_text(label) for label in rows["label"])

    def importance_shown(self) -> pd.DataFrame:
        rows = self.drivers.sort_values("share", ascending=False, ignore_index=True)
        return rows.assign(estimate=rows["share"], unit="%")

    def importance_words(self) -> dict[str, Any]:
        rows = self.importance_shown()
        first = rows.to_dict("records")[0]
        noise = rows[rows["q_value"] >= 1 - self.conf_level]
        note = {
            "Base": f"{self.n:,} respondents who answered every driver",
            "Method": self._method()
            + "; interval by bootstrap of "
            + ("accounts" if self.clustered else "respondents"),
            "Read": "A share is never below 0, so its interval is no test; the test stands in the table below",
        }
        if len(noise):
            note["Grey"] = capital_text(self._named(noise)) + ": the coefficient is not clear of chance"
        return {
            "title": f"{first['label']} explains {first['share']:.0f}% of what the drivers explain together.",
            "subtitle": f"Share of explained {inside_text(self.outcome)}, percent, {100 * self.conf_level:g}% interval",
            "alt": describe("Dot plot of the share of each driver", rows, label_col="label", unit="%"),
            "note": note,
        }

    def _method(self) -> str:
        if self.method == "lmg":
            return "Share of R² over all orders of entry (LMG)"
        near = (
            f", no further than {self.off:.1f} points from the exact shares over all orders of entry (LMG)"
            if self.off
            else ""
        )
        return f"Share of R² by Johnson's weights{near}"

    def focus_items(self) -> list[str]:
        """The drivers that count, by item."""
        return list(self.counting["driver"])

    def focus(self) -> list[str]:
        return list(self.counting["label"])

    def map_shown(self) -> pd.DataFrame:
        """One row a driver: label, importance and performance with their intervals, quadrant (named where it is settled)."""
        labels = self.drivers.set_index("driver")["label"]
        return self.map.table.assign(label=self.map.table["driver"].map(labels))

    def map_outlines(self) -> pd.DataFrame:
        """The regions that hold a driver's both values at once, as lines to draw."""
        labels = self.drivers.set_index("driver")["label"]
        outlines = self.map.outlines()
        return outlines.assign(label=outlines["driver"].map(labels))

    def map_lines(self) -> dict[str, float]:
        importance, performance = self.map.cross
        return {"x_line": performance, "y_line": importance}

    def map_words(self) -> dict[str, Any]:
        rows = self.map_shown()
        settled = rows[rows["quadrant_named"] == "concentrate here"].sort_values("importance", ascending=False)
        settled = settled[settled["driver"].isin(self.counting["driver"])]
        title = "No driver is settled to count more than the average and to be rated below it."
        if len(settled):
            top = settled.to_dict("records")[0]
            title = (
                f"{top['label']} should be mended first: ten points more of it go with {10 * top['importance']:.1f} of loyalty, and "
                f"at {top['performance']:.0f} of 100 it is rated below the average."
            )
        points = "; ".join(
            f"{row['label']} importance {_two(row['importance'])} ({_two(row['importance_low'])} to {_two(row['importance_high'])}), "
            f"performance {row['performance']:.0f} ({row['performance_low']:.0f} to {row['performance_high']:.0f})"
            for row in rows.to_dict("records")
        )
        return {
            "title": title,
            "subtitle": "Upwards the points of loyalty (0 to 100) that go with one point more of the driver (0 to 100), to the right how "
            "good it is rated (0 to 100)",
            "alt": f"Map of importance against performance: {points}.",
            "note": {
                "Regions": f"Hold both true values together in {100 * self.conf_level:g}% of samples; where they cross a line the "
                "place is not settled",
                "Lines": "Means of all drivers; they move when a driver is added",
                "Blue": "The coefficient is clear of chance",
                "Settled": f"At least 80% of the bootstrap samples agree; n {self.map.n:,}",
            },
        }

    def model_words(self) -> dict[str, Any]:
        clear = len(self.counting)
        return {
            "title": f"{clear} of {len(self.drivers)} coefficients are clear of chance once their number is counted.",
            "subtitle": f"Points of {inside_text(self.outcome)} that go with {self.asked.step_words} more of a driver, the others held "
            f"fixed; {100 * self.conf_level:g}% interval",
            "note": {
                "Test": f"{len(self.drivers)} coefficients, "
                + ("errors by account" if self.clustered else "HC3 errors")
                + ", Benjamini–Hochberg",
                "VIF": "Above 5 a coefficient shares so much with the others that it is hard to tell apart",
                "Halo": f"One common part holds {self.halo:.0%} of what the drivers differ by",
            },
        }

    def lost_words(self) -> dict[str, Any]:
        most = self.lost.to_dict("records")[0]
        return {
            "title": f"{most['label']} was not answered by {most['estimate']:.0f}% of respondents, the most.",
            "subtitle": "Respondents without an answer (not used, or left out), percent",
            "alt": describe("Bars of respondents without an answer by driver", self.lost, label_col="label", unit="%"),
            "note": {"Base": f"{self.n_asked:,} respondents; {self.n:,} answered all"},
        }

    def product(self) -> pd.DataFrame:
        """The product `importance`: driver, label, touchpoint, share (0 to 1), conf_low, conf_high, clear."""
        rows = self.drivers
        return pd.DataFrame(
            {
                "driver": rows["driver"], "label": rows["label"], "touchpoint": rows["touchpoint"], "share": rows["share"] / 100,
                "conf_low": rows["conf_low"] / 100, "conf_high": rows["conf_high"] / 100,
                "clear": rows["q_value"] < 1 - self.conf_level, "outcome": self.outcome,
            }
        )  # fmt: skip

    def findings(self) -> list[dict[str, Any]]:
        made = []
        counts = self.drivers["touchpoint"].value_counts()
        for row in self.drivers.to_dict("records"):
            own_touchpoint = row["touchpoint"] if counts.get(row["touchpoint"], 0) == 1 else None
            clear = row["q_value"] < 1 - self.conf_level
            ends = f"{row['conf_low']:.0f} to {row['conf_high']:.0f}%"
            said = f"{row['label']} holds {row['share']:.0f}% ({ends}) of what the drivers explain"
            said += "." if clear else ", but its coefficient is not clear of chance."
            made.append(
                {
                    "name": f"driver_{own_touchpoint or row['driver']}",
                    "result": {**row, "estimate": row["share"], "std_error": row["share_error"], "headline": said},
                    "level": "all",
                    "target": row["touchpoint"],
                    "owner": row["owner"],
                    "unit": "%",
                    "definition": f"{'LMG' if self.method == 'lmg' else 'Johnson'} share of R² of {self.outcome}",
                    "comparable": "cumulative",
                    "label": f"Driver of loyalty: {row['label']}",
                    "attention": row["driver"] in set(self.priorities["driver"]),
                }
            )
        return made


def loyalty_drivers(
    responses: pd.DataFrame,
    items: pd.DataFrame,
    touchpoints: pd.DataFrame,
    *,
    outcome: str = "",
    survey: str = "",
    least_answered: float = 0.5,
    n_boot: int = 1000,
    conf_level: float = 0.95,
    random_state: int = 0,
) -> LoyaltyDrivers:
    """What moves loyalty among the respondents of the newest wave of one survey.

    Drivers are the items with the role satisfaction that are about a touchpoint (where there are none, all that are not
    overall) and that at least the share `least_answered` answered.

    `outcome`: an item; empty the first with the role loyalty. `survey`: tracking, event or deep_dive; empty the
    one with most answers. Raises `NotApplicableError` where no loyalty or fewer than two drivers were asked, or too few
    answered all; `ParameterError` for an outcome that is no item.
    """
    asked = driver_answers(responses, items, touchpoints, outcome=outcome, survey=survey, least_answered=least_answered)
    return moved_by(asked, n_boot=n_boot, conf_level=conf_level, random_state=random_state)


def moved_by(
    asked: DriverAnswers, *, n_boot: int = 1000, conf_level: float = 0.95, random_state: int = 0
) -> LoyaltyDrivers:
    """The same of answers that are chosen already."""
    model = DriverModel.from_columns(
        asked.rows, asked.outcome, asked.drivers, weights=asked.weights_col, conf_level=conf_level
    )
    if len(model.y) < LEAST_ROWS:
        raise NotApplicableError(
            f"needs {LEAST_ROWS} respondents who answered every driver; {len(model.y)} of {len(asked.rows)} did"
        )
    clusters = asked.clusters
    model.fit("cluster" if clusters is not None else "HC3", clusters)
    p = len(asked.drivers)
    method: Literal["lmg", "johnson"] = "lmg" if p <= MOST_RESAMPLED else "johnson"
    draws = n_boot if method == "johnson" else min(n_boot, max(_LEAST_BOOT, _SUBSETS >> p))
    shares = model.importance(method, n_boot=draws, clusters=clusters, random_state=random_state)
    return LoyaltyDrivers(
        outcome=asked.label(asked.outcome),
        survey=asked.survey,
        wave=asked.wave,
        drivers=_table(model, shares, asked),
        lost=_lost(asked),
        left_out=[asked.label(name) for name in asked.left_out],
        r2=model.r2,
        n=len(model.y),
        n_asked=len(asked.rows),
        clustered=clusters is not None,
        weighted=asked.weights_col is not None,
        halo=float(np.linalg.eigvalsh(np.corrcoef(model.X.to_numpy().T))[-1] / len(asked.drivers)),
        conf_level=conf_level,
        method=method,
        off=_off(model, shares) if method == "johnson" and p <= MOST_EXACT else 0.0,
        asked=asked,
        map=importance_performance(
            asked.rows, asked.outcome, asked.drivers, scales=asked.scales, outcome_scale=asked.outcome_scale,
            weights_col=asked.weights_col, cluster_col=asked.cluster_col, n_boot=n_boot, conf_level=conf_level, random_state=random_state,
        ),
    )  # fmt: skip


def derived_importance(answers: pd.DataFrame, needs: Mapping[str, str], *, outcome: str) -> pd.Series:
    """The share of what satisfaction explains of an outcome that each need holds: need → share, adding up to 1.

    `needs` is need → column of satisfaction with it. Respondents who answered the outcome and every column count; exact LMG up to
    twelve columns, Johnson's weights above. NaN where there are fewer than five respondents a column, or a column is constant.
    """
    columns = list(needs.values())
    whole = answers[[outcome, *columns]].dropna()
    if len(whole) < max(5 * len(columns), 30) or (whole.nunique() < 2).any():
        return pd.Series(np.nan, index=list(needs))
    method: Literal["lmg", "johnson"] = "lmg" if len(columns) <= 12 else "johnson"
    shares = relative_importance(whole[columns], whole[outcome], method=method).set_index("driver")["share"]
    return pd.Series([float(shares[column]) for column in columns], index=list(needs))


def _table(model: DriverModel, shares: pd.DataFrame, asked: DriverAnswers) -> pd.DataFrame:
    table = model.summary_frame().rename(
        columns={"estimate": "coefficient", "conf_low": "coefficient_low", "conf_high": "coefficient_high"}
    )
    ends = shares.rename(columns={"estimate": "r2_part", "std_error": "share_error"})[
        ["driver", "r2_part", "share", "share_error", "conf_low", "conf_high", "rank_low", "rank_high"]
    ]
    for column in ("share", "share_error", "conf_low", "conf_high"):
        ends[column] = 100 * ends[column]
    table = table.merge(ends, on="driver", validate="one_to_one")
    names, scales = list(table["driver"]), asked.scales
    own = asked.rows[asked.weights_col] if asked.weights_col else None
    performance = [share_row(best_answers(asked.rows[name], *scales[name]), weights=own)["estimate"] for name in names]
    step = np.array([asked.steps[name] for name in names])
    for column in ("coefficient", "coefficient_low", "coefficient_high"):
        table[column] = table[column] * step
    return table.assign(
        step=step,
        label=[asked.label(name) for name in names],
        touchpoint=pd.Series([asked.touchpoint_of[name] for name in names], dtype=object),
        owner=pd.Series([asked.owners[name] for name in names], dtype=object),
        performance=performance,
        unit="%",
        reason="",
    )


def _two(value: float) -> str:
    return number_text(value, 2)


def _off(model: DriverModel, shares: pd.DataFrame) -> float:
    """The furthest that a share lies from the exact one, in points."""
    exact = model.importance("lmg", n_boot=0).set_index("driver")["share"]
    return float(100 * (shares.set_index("driver")["share"] - exact).abs().max())


def _lost(asked: DriverAnswers) -> pd.DataFrame:
    names = [*asked.drivers, *asked.left_out]
    table = pd.DataFrame(
        {
            "driver": names,
            "label": [asked.label(name) for name in names],
            "estimate": [100 * float(asked.rows[name].isna().mean()) for name in names],
            "missing": [int(asked.rows[name].isna().sum()) for name in names],
        }
    )
    return table.sort_values("estimate", ascending=False, ignore_index=True)
