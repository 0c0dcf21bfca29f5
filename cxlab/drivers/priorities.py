"""Where would the next unit of money do most for loyalty, and which touchpoints cost more than they count?

One row in is one driver with its impact: what one point more of it does to the outcome (or the points that `change` names, for example
those up to a target). One row out is one touchpoint. Money is spent on a touchpoint and not on a question about it, so its drivers rise
together: the impact of a touchpoint is the sum of those of its drivers, and they share its cost. A touchpoint with three questions is
favoured no more than one with one: held fixed against each other, three questions divide between them what one would hold.

`impact_per_cost` is the impact over the cost, for `per` units of money, with an interval from the bootstrap draws of the impact; costs
are taken as known. `share_difference` is the touchpoint's share of the whole impact less its share of the whole cost: above 0 it counts
for more than it costs. First is clearly first only where it comes first in at least `conf_level` of the draws.

What it does not say: that money buys points. A cost is what a touchpoint costs now, so the ratio is an average; what the *next* unit of
money buys there can be more or less, and a touchpoint that is already as good as it can be buys nothing. Where the cost of raising a
touchpoint by a point is known, give that as its cost: then the ratio is the return. The impact is an association until somebody tried.

A driver without a touchpoint and one without a cost are in no ratio; they are listed. Refused are costs that are not above 0, draws that
do not fit the impacts, and names that appear twice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cxlab.drivers.complete import check_column
from cxlab.inference.intervals import Floats, check_conf_level
from cxlab.problems import did_you_mean
from cxlab.wording import number_text

PRODUCT = ["touchpoint", "impact", "cost", "impact_per_cost", "conf_low", "conf_high"]
_COLUMNS = [
    *PRODUCT[:4], "std_error", "conf_low", "conf_high", "conf_level", "impact_low", "impact_high", "rank", "rank_low", "rank_high",
    "probability_first", "impact_share", "cost_share", "share_difference", "share_difference_low", "share_difference_high",
    "reading", "drivers", "reason",
]  # fmt: skip


@dataclass(frozen=True)
class MoneyPriorities:
    """`table` has one row a touchpoint with a cost, most impact for its cost first: touchpoint, impact (of all its drivers) with
    impact_low and impact_high, cost, impact_per_cost with std_error, conf_low, conf_high, conf_level; rank with rank_low and rank_high;
    probability_first; impact_share and cost_share (0 to 1, of the touchpoints with a cost), share_difference with its ends; reading
    ("counts for more than it costs", "costs more than it counts for", "not clear"), drivers (their number) and reason.

    `first` is the touchpoint in rank 1 and `first_is_clear` says whether it may be called so. `left_out` has one row a driver in no
    ratio: driver, touchpoint, impact, reason. `without_driver` are touchpoints that have a cost and no driver. `per` is the
    amount of money that impact_per_cost is for; `n_draws` bootstrap draws were given.
    """

    table: pd.DataFrame
    left_out: pd.DataFrame
    without_driver: tuple[str, ...]
    first: str | None
    first_is_clear: bool
    per: float
    n_draws: int
    conf_level: float

    def to_frame(self) -> pd.DataFrame:
        return self.table.copy()

    def product(self) -> pd.DataFrame:
        """The product for the page of touchpoints, `PRODUCT`."""
        return self.table[PRODUCT].copy()

    def headline(self) -> str:
        """Which touchpoint does most for its cost, and whether that is clear."""
        if self.first is None:
            return "No driver has a touchpoint with a cost, so nothing can be said of money."
        top = self.table.to_dict("records")[0]
        said = f"{self.first} does most for its cost"
        if self.first_is_clear:
            return f"{said}, in {top['probability_first']:.0%} of {number_text(self.n_draws)} draws."
        if math.isnan(top["probability_first"]):
            return f"{said}; how surely cannot be said: {top['reason']}."
        return f"{said}, but not clearly: it is first in {top['probability_first']:.0%} of {number_text(self.n_draws)} draws."


def money_priorities(
    impact: pd.DataFrame,
    costs: Mapping[str, float],
    *,
    draws: pd.DataFrame | None = None,
    touchpoints: Mapping[str, str | None] | None = None,
    change: Mapping[str, float] | None = None,
    per: float = 1.0,
    conf_level: float = 0.95,
) -> MoneyPriorities:
    """What each touchpoint's drivers do for its cost.

    `impact`: one row a driver, with driver, estimate and, unless `touchpoints` (driver → touchpoint) is given, touchpoint. `costs`:
    touchpoint → money, as `[economics] touchpoint_cost` of study.toml. `draws`: one row a bootstrap draw, one column a driver; without
    them there are no intervals. `change`: driver → points by which it would rise, 1 where none is named.

    >>> impact = pd.DataFrame({"driver": ["app", "shop"], "estimate": [4.0, 6.0], "touchpoint": ["app", "shop"]})
    >>> money_priorities(impact, {"app": 100, "shop": 300}, per=100).table["impact_per_cost"].tolist()
    [4.0, 2.0]
    """
    check_conf_level(conf_level)
    if not (per > 0 and math.isfinite(per)):
        raise ValueError(f"`per` must be an amount of money above 0, got {per!r}")
    given = _impacts(impact, touchpoints)
    for touchpoint, cost in costs.items():
        if not (isinstance(cost, (int, float)) and math.isfinite(cost) and cost > 0):
            raise ValueError(
                f"the cost of `{touchpoint}` must be above 0, got {cost!r}; leave it out where it is not known"
            )
    drawn = None if draws is None else _draws(draws, list(given["driver"]))
    points = _points(change or {}, list(given["driver"]))
    effect = given["estimate"].to_numpy(dtype=float) * points
    place = given["touchpoint"].to_numpy(dtype=object)
    with_cost = np.array([isinstance(one, str) and one in costs for one in place], dtype=bool)
    reasons = np.where(
        with_cost,
        "",
        np.where([isinstance(one, str) for one in place], "no cost is given", "it belongs to no touchpoint"),
    )
    names = list(dict.fromkeys(place[with_cost]))
    belongs = np.array([[one == name for name in names] for one in place], dtype=float).reshape(len(place), len(names))
    table = _table(
        names,
        effect @ belongs,
        None if drawn is None else (drawn * points) @ belongs,
        np.array([float(costs[name]) for name in names]),
        belongs.sum(axis=0).astype(int),
        per,
        conf_level,
    )
    top = table.to_dict("records")[0] if len(table) else None
    return MoneyPriorities(
        table=table,
        left_out=pd.DataFrame({"driver": given["driver"], "touchpoint": place, "impact": effect, "reason": reasons})[
            ~with_cost
        ].reset_index(drop=True),
        without_driver=tuple(name for name in costs if name not in set(names)),
        first=None if top is None else str(top["touchpoint"]),
        first_is_clear=bool(top is not None and len(table) > 1 and top["probability_first"] >= conf_level),
        per=per,
        n_draws=0 if drawn is None else len(drawn),
        conf_level=conf_level,
    )


def _impacts(impact: pd.DataFrame, touchpoints: Mapping[str, str | None] | None) -> pd.DataFrame:
    for column in ("driver", "estimate", *(() if touchpoints is not None else ("touchpoint",))):
        check_column(impact, column)
    if impact.empty:
        raise ValueError("`impact` has no rows; give one row a driver")
    twice = impact.loc[impact["driver"].duplicated(), "driver"]
    if len(twice):
        raise ValueError(f"`impact` names `{twice.iloc[0]}` twice; give one row a driver")
    wrong = impact.loc[~np.isfinite(pd.to_numeric(impact["estimate"], errors="coerce").astype(float)), "driver"]
    if len(wrong):
        raise ValueError(f"the impact of `{wrong.iloc[0]}` is missing or no number; leave the driver out")
    given = impact.reset_index(drop=True)
    if touchpoints is None:
        return given
    return given.assign(touchpoint=pd.Series([touchpoints.get(name) for name in given["driver"]], dtype=object))


def _draws(draws: pd.DataFrame, drivers: list[str]) -> Floats:
    """The draws by driver, in the order of the impacts."""
    for name in drivers:
        if name not in draws.columns:
            raise ValueError(f"`draws` has no column `{name}`; {did_you_mean(name, map(str, draws.columns))}")
        check_column(draws, name)
    values = draws[drivers].to_numpy(dtype=float)
    if len(values) < 2:
        raise ValueError(f"`draws` has {len(values)} rows; an interval needs at least two, and 1000 are usual")
    if not np.isfinite(values).all():
        lost = int((~np.isfinite(values)).any(axis=1).sum())
        raise ValueError(f"{lost} of {len(values)} draws are not whole; leave them out and count them")
    return values


def _points(change: Mapping[str, float], drivers: list[str]) -> Floats:
    for name, points in change.items():
        if name not in drivers:
            raise ValueError(f"`change` names `{name}`, which has no impact; {did_you_mean(name, drivers)}")
        if not (math.isfinite(points) and points >= 0):
            raise ValueError(f"`change` of `{name}` must be 0 or more points, got {points!r}")
    return np.array([float(change.get(name, 1.0)) for name in drivers])


def _table(
    names: list[str], effect: Floats, drawn: Floats | None, cost: Floats, sizes: Floats, per: float, conf_level: float
) -> pd.DataFrame:
    ratio = effect / cost * per
    nothing = np.full(len(names), math.nan)
    table = pd.DataFrame(
        {
            "touchpoint": names, "impact": effect, "cost": cost, "impact_per_cost": ratio, "conf_level": conf_level,
            "rank": (-ratio).argsort(kind="stable").argsort() + 1, "impact_share": _shares(effect[None])[0],
            "cost_share": cost / cost.sum(), "drivers": sizes,
        }
    )  # fmt: skip
    table["share_difference"] = table["impact_share"] - table["cost_share"]
    if drawn is None or not names:
        for column in (*_NEED_DRAWS, "probability_first"):
            table[column] = nothing
        return table.assign(reading="not clear", reason="no bootstrap draws were given")[_COLUMNS].sort_values(
            "rank", ignore_index=True
        )
    tails = [(1 - conf_level) / 2, (1 + conf_level) / 2]
    ratios = drawn / cost * per
    ranks = (-ratios).argsort(axis=1, kind="stable").argsort(axis=1) + 1
    apart = _shares(drawn) - cost / cost.sum()
    for column, values in (("impact", drawn), ("conf", ratios), ("share_difference", apart)):
        table[f"{column}_low"], table[f"{column}_high"] = np.quantile(values, tails, axis=0)
    low, high = np.quantile(ranks, tails, axis=0, method="closest_observation")
    table = table.assign(
        std_error=ratios.std(axis=0, ddof=1), rank_low=low, rank_high=high, probability_first=(ranks == 1).mean(axis=0), reason=""
    )  # fmt: skip
    reading = np.where(
        table["share_difference_low"] > 0,
        "counts for more than it costs",
        np.where(table["share_difference_high"] < 0, "costs more than it counts for", "not clear"),
    )
    return table.assign(reading=reading)[_COLUMNS].sort_values("rank", ignore_index=True)


_NEED_DRAWS = (
    "std_error", "conf_low", "conf_high", "impact_low", "impact_high", "rank_low", "rank_high", "share_difference_low",
    "share_difference_high",
)  # fmt: skip


def _shares(effect: Floats) -> Floats:
    """Of what all touchpoints do. Those that harm count as 0: a share of a sum with both signs says nothing."""
    some = effect.clip(0)
    total = some.sum(axis=1, keepdims=True)
    shares: Floats = np.divide(some, total, out=np.full(some.shape, math.nan), where=total > 0)
    return shares
