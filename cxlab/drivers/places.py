"""Which places of the drivers are settled, and which drivers explain too much alike to be told apart?

One row is one respondent who answered everything; drivers stand in the order of their share of R². Every two of them are held against
each other in resamples of respondents or accounts, corrected for the number of pairs (Benjamini and Hochberg). Between two places lies
a *clear border* where each driver above it clearly explains more than each one below. What stands between two clear borders is a group
that is not told apart; a group of one is a *settled place*.

Beside it stands complete dominance: who adds more than whom to every choice of the other drivers. It describes this sample and has no
interval, so a settled place does not need it, nor does it settle one.

Shares are exact (LMG) up to fifteen drivers and Johnson's weights above. Refused with `NotApplicableError` are fewer complete rows than
`min_base`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd

from cxlab.drivers.answers import DriverAnswers
from cxlab.drivers.importance import bootstrap_importance, dominance_analysis
from cxlab.problems import NotApplicableError
from cxlab.wording import capital_text, inside_text, interval_text, list_text, number_text

Shown = tuple[dict[str, Any], pd.DataFrame]
MOST_LMG = 15  # drivers up to which shares are exact, and dominance is told
_NAMED_PLACES = 3  # settled places that a sentence names with their drivers
_NAMED = 4  # drivers of a group up to which a sentence names them


@dataclass(frozen=True)
class Places:
    """`shares` has one row a driver, the largest first: driver, label, estimate, conf_low, conf_high (percent of what is explained),
    conf_level, n, place, place_low, place_high. `pairs` has one row a pair: driver, other, difference with conf_low and conf_high
    (percentage points), p_value, q_value, reading. `dominance` has one row a pair (`cxlab.drivers.dominance`), none above fifteen."""

    shares: pd.DataFrame
    pairs: pd.DataFrame
    dominance: pd.DataFrame
    outcome: str
    n: int
    resampled: str
    conf_level: float

    @property
    def groups(self) -> list[list[str]]:
        """Drivers between two clear borders, from the first place down."""
        order = list(self.shares["driver"])
        clear = self.pairs[self.pairs["reading"] == "told apart"]
        apart = set(zip(clear["driver"], clear["other"], strict=True))
        made: list[list[str]] = [[]]
        for at, driver in enumerate(order):
            if at and all((above, below) in apart for above in order[:at] for below in order[at:]):
                made.append([])
            made[-1].append(driver)
        return made

    def sentences(self) -> list[str]:
        """Which places are settled; where the first is not, who may hold it."""
        groups = self.groups
        if not (self.pairs["reading"] == "told apart").any():
            return [f"No driver clearly explains more than another, so no place is settled (n {self.n:,})."]
        if len(groups) == len(self.shares):
            return [f"All {len(groups)} places of the drivers are settled (n {self.n:,})."]
        if len(groups[0]) == 1:
            return [f"{self._settled(groups)} (n {self.n:,})."]
        return [self._first_is_open()]

    def shown(self) -> list[Shown]:
        """Each driver with its place and what it explains more than the next one."""
        rows, level = self._with_next(), f"{100 * self.conf_level:g}% interval"
        settled = sum(len(group) == 1 for group in self.groups)
        title = (
            f"{settled} of {len(rows)} places {'is' if settled == 1 else 'are'} settled"
            if settled
            else "No place is settled"
        )
        top = rows.to_dict("records")[0]
        size = _points(top["difference"], top["difference_low"], top["difference_high"])
        title = f"{title}: {top['label']} explains {size} percentage points more than {spoken(top['next'])}, the next."
        return [
            (
                {
                    "name": "places",
                    "title": title,
                    "subtitle": f"Share of explained {inside_text(self.outcome)}, percent, the places that resamples give it, and how "
                    f"much more than the next driver, percentage points; {level}",
                    "note": {
                        "Base": f"{self.n:,} respondents who answered every driver",
                        "Method": f"{self._method}; resampled {self.resampled}; {len(self.pairs)} pairs, Benjamini–Hochberg",
                        "Read": "A place is settled where every driver above it clearly explains more, and every one below it clearly "
                        "less. Told apart from the next alone is not enough",
                    },
                },
                rows,
            )
        ]

    def dominance_shown(self) -> list[Shown]:
        """Who adds more than whom, whatever else is in the model."""
        if self.dominance.empty:
            return []
        labels = dict(zip(self.shares["driver"], self.shares["label"], strict=True))
        whole = self.dominance[self.dominance["dominance"] == "complete"]
        rows = []
        for driver, label in labels.items():
            over = [labels[name] for name in whole.loc[whole["driver"] == driver, "other"]]
            under = [labels[name] for name in whole.loc[whole["other"] == driver, "driver"]]
            rows.append(
                {
                    "driver": driver, "label": label, "over": capital_text(_named(over)) or "None",
                    "under": capital_text(_named(under)) or "None", "n_over": len(over), "n_under": len(under),
                }
            )  # fmt: skip
        top = rows[0]
        against = "every other" if top["n_over"] == len(rows) - 1 else inside_text(top["over"])
        return [
            (
                {
                    "name": "dominance",
                    "title": f"In {len(whole)} of {len(self.dominance)} pairs one driver adds more than the other whatever else is in "
                    f"the model; {top['label']} does so against {against}.",
                    "subtitle": "Complete dominance: adds more to R² than the other one for every choice of the remaining drivers",
                    "note": {
                        "Base": f"{self.n:,} respondents who answered every driver",
                        "Read": "This sample; no interval. In the other pairs it depends on what else is in the model",
                    },
                    "folded": True,
                },
                pd.DataFrame(rows),
            )
        ]

    @property
    def _method(self) -> str:
        exact = len(self.shares) <= MOST_LMG
        return "Share of R² over all orders of entry (LMG)" if exact else "Share of R² by Johnson's weights"

    def _with_next(self) -> pd.DataFrame:
        rows = self.shares.copy()
        between = self.pairs.set_index(["driver", "other"])
        columns = ["difference", "conf_low", "conf_high", "q_value", "reading"]
        order = list(rows["driver"])
        found = [between.loc[pair, columns].to_dict() for pair in pairwise(order)]
        for column in columns:
            name = {"conf_low": "difference_low", "conf_high": "difference_high"}.get(column, column)
            rows[name] = [*(row[column] for row in found), "" if column == "reading" else np.nan]
        rows["next"] = [*rows["label"].iloc[1:], ""]
        rows["group"] = [number for number, group in enumerate(self.groups, start=1) for _ in group]
        rows["places"] = [
            f"{low}" if low == high else f"{low} to {high}"
            for low, high in zip(rows["place_low"], rows["place_high"], strict=True)
        ]
        rows["reading"] = rows["reading"].map(capital_text)
        rows["reason"] = ["" for _ in found] + ["none follows"]
        return rows

    def _settled(self, groups: list[list[str]]) -> str:
        """The settled places first, the upper ones with their drivers; then those that are not."""
        labels = dict(zip(self.shares["driver"], self.shares["label"], strict=True))
        alone, loose, place = [], [], 1
        for group in groups:
            last = place + len(group) - 1
            if len(group) == 1:
                alone.append(f"{place} ({spoken(labels[group[0]])})" if place <= _NAMED_PLACES else f"{place}")
            else:
                loose.append(f"{place} {'and' if len(group) == 2 else 'to'} {last}")
            place = last + 1
        said = f"Place {alone[0]} is settled" if len(alone) == 1 else f"Places {list_text(alone)} are settled"
        others = ", ".join(loose[:-1]) + ", and " + loose[-1] if len(loose) > 1 else loose[0]
        return f"{said}; {others} are not told apart"

    def _first_is_open(self) -> str:
        """Who leads, who may lead as well, and how many clearly explain less."""
        lead = self.shares.to_dict("records")[0]
        mine = self.pairs[self.pairs["driver"] == lead["driver"]]
        rivals = list(mine.loc[mine["reading"] != "told apart", "other"])
        labels = dict(zip(self.shares["driver"], self.shares["label"], strict=True))
        behind = len(mine) - len(rivals)
        gap = mine[mine["other"] == rivals[0]].to_dict("records")[0]
        size = _points(gap["difference"], gap["conf_low"], gap["conf_high"])
        said = (
            f"The first place is not settled: {spoken(lead['label'])} explains {size} percentage points more than "
            f"{spoken(labels[rivals[0]])} (n {self.n:,}), which chance could explain"
        )
        if len(rivals) > 1:
            said += f", nor is it told apart from {_named([labels[name] for name in rivals[1:]])}"
        if behind:
            said += f"; {behind} other{'s' if behind > 1 else ''} clearly explain{'' if behind > 1 else 's'} less"
        return f"{said}."


def places_of(
    asked: DriverAnswers, *, n_boot: int = 500, conf_level: float = 0.95, min_base: int = 30, random_state: int = 0
) -> Places:
    """Places and pairs of the drivers of the respondents who answered all of them. `n_boot` is raised where it could not tell the first
    driver from all others, however far apart: the smallest p of a pair is 2 / (resamples + 1), times half the number of drivers once
    all pairs are counted."""
    whole = asked.whole
    if len(whole) < max(min_base, len(asked.drivers) + 2):
        raise NotApplicableError(f"too few answered all {len(asked.drivers)} drivers to rank them: {len(whole)}")
    n_boot = max(n_boot, math.ceil(2 * len(asked.drivers) / (1 - conf_level)))
    X, y = whole[asked.drivers], whole[asked.outcome]
    weights = whole[asked.weights_col] if asked.weights_col else None
    method: Literal["lmg", "johnson"] = "lmg" if len(asked.drivers) <= MOST_LMG else "johnson"
    drawn = bootstrap_importance(
        X, y, method=method, weights=weights, clusters=asked.clusters, n_boot=n_boot, conf_level=conf_level, random_state=random_state
    )  # fmt: skip
    shares = drawn.to_frame().sort_values("share", ascending=False, kind="stable", ignore_index=True)
    labels = asked.labels
    told = pd.DataFrame(
        {
            "driver": shares["driver"], "label": shares["driver"].map(labels), "estimate": 100 * shares["share"],
            "conf_low": 100 * shares["conf_low"], "conf_high": 100 * shares["conf_high"], "conf_level": conf_level,
            "n": shares["n"], "place": np.arange(1, len(shares) + 1), "place_low": shares["rank_low"],
            "place_high": shares["rank_high"], "unit": "%",
        }
    )  # fmt: skip
    pairs = drawn.differences()
    clear = pairs["q_value"] < 1 - conf_level
    pairs = pairs.assign(
        difference=100 * pairs["estimate"], conf_low=100 * pairs["conf_low"], conf_high=100 * pairs["conf_high"],
        reading=np.where(clear, "told apart", "not told apart"),
    ).drop(columns=["estimate", "std_error"])  # fmt: skip
    exact = len(asked.drivers) <= MOST_LMG
    dominance = dominance_analysis(X, y, weights=weights).pairs() if exact else pd.DataFrame()
    return Places(told, pairs, dominance, asked.label(asked.outcome), len(whole), resampled_units(asked), conf_level)


def spoken(label: str) -> str:
    """A label inside a sentence; one that holds a comma is quoted, as it may stand in a list.

    >>> spoken("Clean boarding areas"), spoken("Information booths, arrivals")
    ('clean boarding areas', '“information booths, arrivals”')
    """
    return f"“{inside_text(label)}”" if "," in label else inside_text(label)


def resampled_units(asked: DriverAnswers) -> str:
    """What is drawn with replacement."""
    return {None: "respondents", "account_id": "accounts"}.get(asked.cluster_col, "clusters")


def _named(labels: Sequence[str]) -> str:
    """Drivers by name, or the first and how many more."""
    if len(labels) > _NAMED:
        return f"{', '.join(map(spoken, labels[: _NAMED - 1]))} and {len(labels) - _NAMED + 1} more"
    return list_text(map(spoken, labels))


def _points(difference: float, low: float, high: float) -> str:
    """
    >>> _points(12.7, -2.2, 27)
    '13 (−2 to 27)'
    """
    return f"{number_text(difference)} ({interval_text(low, high, 'points')})"
