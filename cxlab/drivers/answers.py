"""Whose answers say what moves loyalty: the newest wave of one survey, the outcome, and the drivers that enough people answered.

One row is one respondent who answered the outcome. Drivers are questions about satisfaction with a touchpoint; where there are none, all
questions about satisfaction. A driver that too few answered is named and left out: with it the model would be one of its few users.

Everything that 07 shows starts here, so that no two exhibits are about other people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from cxlab.data.answers import LONGEST_COUNTED
from cxlab.problems import NotApplicableError, ParameterError, did_you_mean

LEAST_ACCOUNTS = 5  # with two answers or more, from which on errors are by account
_MOST_LEVELS = 11  # answers of an outcome, up to which it is ordered and not measured


@dataclass(frozen=True)
class DriverAnswers:
    """Respondents of one wave with the outcome and its drivers.

    `rows` has one row a respondent who answered `outcome`, holes in the drivers included; `left_out` are the drivers that too few
    answered. `items` is the table of items by their name, `touchpoints` that of touchpoints.
    """

    rows: pd.DataFrame
    outcome: str
    drivers: list[str]
    left_out: list[str]
    items: pd.DataFrame
    touchpoints: pd.DataFrame

    @property
    def survey(self) -> str:
        return str(self.rows["survey"].iloc[0])

    @property
    def wave(self) -> str:
        return str(self.rows["wave"].iloc[0])

    @cached_property
    def whole(self) -> pd.DataFrame:
        """The rows without a hole, in a driver or a weight."""
        return self.rows.dropna(subset=[*self.drivers, *filter(None, (self.weights_col,))])

    @property
    def weights_col(self) -> str | None:
        return "weight" if "weight" in self.rows and self.rows["weight"].notna().all() else None

    @cached_property
    def cluster_col(self) -> str | None:
        """`cluster` where the survey has one, else `account_id` where five accounts or more have several answers."""
        if "cluster" in self.rows and self.rows["cluster"].notna().any():
            return "cluster"
        if "account_id" in self.rows and (self.rows["account_id"].value_counts() > 1).sum() >= LEAST_ACCOUNTS:
            return "account_id"
        return None

    @property
    def clusters(self) -> np.ndarray | None:
        """The account of each row of `whole`."""
        return None if self.cluster_col is None else self.whole[self.cluster_col].to_numpy()

    @cached_property
    def kind(self) -> Literal["ols", "ordered", "logit"]:
        """The model of the answers as they are: 0 and 1, a few ordered answers, or a measured number."""
        levels = self.whole[self.outcome].unique()
        if set(levels) <= {0, 1}:
            return "logit"
        return "ordered" if len(levels) <= _MOST_LEVELS and bool((levels == np.round(levels)).all()) else "ols"

    @cached_property
    def scales(self) -> dict[str, tuple[float, float]]:
        """Driver → worst and best answer that the questionnaire allows."""
        return {name: self.scale_of(name) for name in self.drivers}

    @cached_property
    def outcome_scale(self) -> tuple[float, float]:
        return self.scale_of(self.outcome)

    @cached_property
    def steps(self) -> dict[str, int]:
        """Driver → the points for which its coefficient is given and by which it is moved: one, or ten on a scale longer than ten."""
        return {name: 10 if high - low > LONGEST_COUNTED else 1 for name, (low, high) in self.scales.items()}

    @property
    def step_words(self) -> str:
        sizes = set(self.steps.values())
        if len(sizes) > 1:
            return "one point (ten on scales longer than ten)"
        return "one point" if sizes == {1} else "ten points"

    @cached_property
    def labels(self) -> dict[str, str]:
        return {name: self.label(name) for name in self.drivers}

    def label(self, item: str) -> str:
        return str(self.items.loc[item, "label"])

    @cached_property
    def touchpoint_of(self) -> dict[str, str | None]:
        """Driver → the touchpoint it is about, or None."""
        places = {name: self.items.loc[name, "touchpoint"] for name in self.drivers}
        return {name: place if isinstance(place, str) else None for name, place in places.items()}

    @cached_property
    def owners(self) -> dict[str, str | None]:
        """Driver → who owns its touchpoint, or None."""
        known: Mapping[str, object] = dict(zip(self.touchpoints["touchpoint"], self.touchpoints["owner"], strict=True))
        found = {name: known.get(str(place)) for name, place in self.touchpoint_of.items()}
        return {name: owner if isinstance(owner, str) else None for name, owner in found.items()}

    def scale_of(self, item: str) -> tuple[float, float]:
        """The worst and the best answer that the questionnaire allows to an item."""
        low, high = self.items.loc[[item], ["low", "high"]].to_numpy(dtype=float)[0]
        return float(low), float(high)


def driver_answers(
    responses: pd.DataFrame,
    items: pd.DataFrame,
    touchpoints: pd.DataFrame,
    *,
    outcome: str = "",
    survey: str = "",
    least_answered: float = 0.5,
) -> DriverAnswers:
    """The customers of the newest wave of one survey who answered the outcome, and the drivers.

    `outcome`: an item; empty the first with the role loyalty. `survey`: tracking, event or deep_dive; empty the one with most answers.
    Drivers are the items with the role satisfaction that are about a touchpoint (where there are none, all that are about none),
    that differ between people, and that at least the share `least_answered` answered. Raises `NotApplicableError` where no loyalty or
    fewer than two drivers were asked; `ParameterError` for an outcome that is no item and a survey without answers about it.
    """
    customers = responses[responses["perspective"] == "customer"] if "perspective" in responses else responses
    known = items.set_index("item")
    if outcome and outcome not in known.index:
        raise ParameterError("outcome", f"`{outcome}` is no item", did_you_mean(outcome, map(str, known.index)))
    loyal = [outcome] if outcome else list(known.index[known["role"] == "loyalty"])
    loyal = [name for name in loyal if name in customers and customers[name].notna().any()]
    if not loyal:
        raise NotApplicableError('needs a question about loyalty (role = "loyalty") with answers')
    target = loyal[0]
    rows = customers[customers[target].notna()]
    survey = survey or str(rows["survey"].value_counts().idxmax())
    rows = rows[rows["survey"] == survey]
    if rows.empty:
        raise ParameterError("survey", f"`{survey}` has no answers about {target}", "choose another, or leave it empty")
    wave = rows.groupby("wave")["counted_at"].max().idxmax()
    rows = rows[rows["wave"] == wave]
    names, left_out = _drivers(known, rows, target, least_answered)
    return DriverAnswers(rows, target, names, left_out, known, touchpoints)


def _drivers(
    known: pd.DataFrame, rows: pd.DataFrame, target: str, least_answered: float
) -> tuple[list[str], list[str]]:
    """The drivers, and those that too few answered."""
    asked = [
        str(name)
        for name in known.index[known["role"] == "satisfaction"]
        if name != target and name in rows and rows[name].notna().any() and rows[name].nunique() > 1
    ]
    about = [name for name in asked if isinstance(known.loc[name, "touchpoint"], str)]
    names = about if len(about) >= 2 else [name for name in asked if not isinstance(known.loc[name, "touchpoint"], str)]
    enough = [name for name in names if rows[name].notna().mean() >= least_answered]
    if len(enough) < 2:
        raise NotApplicableError(
            "needs at least two questions about satisfaction with parts of the experience that "
            f"{least_answered:.0%} of respondents answered"
        )
    return enough, [name for name in names if name not in enough]
