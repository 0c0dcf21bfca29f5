"""Impact for its cost: ratios by hand, who is clearly first, and what has no cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxlab.drivers.priorities import PRODUCT, MoneyPriorities, money_priorities

IMPACT = pd.DataFrame(
    {
        "driver": ["app_good", "app_fast", "shop_good", "help_good", "mood"],
        "estimate": [3.0, 1.0, 6.0, 2.0, 9.0],
        "touchpoint": ["app", "app", "shop", "help", None],
    }
)
COSTS = {"app": 100.0, "shop": 300.0, "web": 50.0}


def _draws(spread: float = 0.5, n: int = 2000) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    made = IMPACT["estimate"].to_numpy() + spread * rng.normal(size=(n, len(IMPACT)))
    return pd.DataFrame(made, columns=IMPACT["driver"])


def _found(**more: Any) -> MoneyPriorities:
    return money_priorities(IMPACT, **{"costs": COSTS, "draws": _draws()} | more)


def test_drivers_of_one_touchpoint_add_up_and_share_its_cost() -> None:
    table = _found().table.set_index("touchpoint")
    assert table["impact"].to_dict() == {"app": 4.0, "shop": 6.0}  # 3 + 1, and 6
    assert table["impact_per_cost"].to_dict() == pytest.approx({"app": 0.04, "shop": 0.02})
    assert table["drivers"].to_dict() == {"app": 2, "shop": 1}
    assert _found(per=1000).table["impact_per_cost"].tolist() == pytest.approx([40, 20])


def test_the_interval_is_that_of_the_sum_of_draws_over_the_cost() -> None:
    row = _found().table.set_index("touchpoint").loc["app"]
    draws = (_draws()["app_good"] + _draws()["app_fast"]) / 100
    assert (row["conf_low"], row["conf_high"]) == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])))
    assert row["std_error"] == pytest.approx(draws.std())
    assert row["conf_high"] - row["conf_low"] == pytest.approx(2 * 1.96 * np.hypot(0.5, 0.5) / 100, rel=0.1)
    wide = _found(conf_level=0.99).table.set_index("touchpoint").loc["app"]
    assert wide["conf_low"] < row["conf_low"]
    assert wide["conf_level"] == 0.99


def test_first_is_clear_only_where_nearly_every_draw_says_so() -> None:
    sure, unsure = _found(), _found(draws=_draws(2.0))
    assert (sure.first, sure.first_is_clear) == ("app", True)
    assert sure.headline().startswith("app does most for its cost, in ")
    by_hand = (_draws(2.0)[["app_good", "app_fast"]].sum(axis=1) / 100 > _draws(2.0)["shop_good"] / 300).mean()
    assert unsure.table.iloc[0]["probability_first"] == pytest.approx(by_hand)
    assert by_hand < 0.95
    assert (unsure.first, unsure.first_is_clear) == ("app", False)
    assert "but not clearly" in unsure.headline()
    assert unsure.table["rank_low"].tolist() == [1, 1]
    assert unsure.table["rank_high"].tolist() == [2, 2]
    assert sure.table["rank"].tolist() == [1, 2]
    alone = _found(costs={"app": 100.0})
    assert not alone.first_is_clear  # first of one is no order


def test_what_counts_for_more_than_it_costs_is_where_money_may_go() -> None:
    table = _found().table.set_index("touchpoint")
    assert table["impact_share"].to_dict() == pytest.approx({"app": 0.4, "shop": 0.6})
    assert table["cost_share"].to_dict() == pytest.approx({"app": 0.25, "shop": 0.75})
    assert table["share_difference"].sum() == pytest.approx(0)
    assert table["reading"].to_dict() == {
        "app": "counts for more than it costs",
        "shop": "costs more than it counts for",
    }
    assert set(_found(draws=_draws(3.0)).table["reading"]) == {"not clear"}


def test_drivers_without_touchpoint_or_cost_and_costs_without_driver_are_listed() -> None:
    found = _found()
    left = found.left_out.set_index("driver")["reason"].to_dict()
    assert left == {"help_good": "no cost is given", "mood": "it belongs to no touchpoint"}
    assert found.without_driver == ("web",)
    nothing = _found(costs={"web": 1.0})
    assert nothing.table.empty
    assert (nothing.first, nothing.first_is_clear) == (None, False)
    assert len(nothing.left_out) == 5
    assert nothing.headline() == "No driver has a touchpoint with a cost, so nothing can be said of money."


def test_points_up_to_a_target_replace_one_point() -> None:
    found = _found(change={"app_good": 2.0, "app_fast": 0.0, "shop_good": 0.5}).table.set_index("touchpoint")
    assert found["impact"].to_dict() == {"app": 6.0, "shop": 3.0}
    assert found.loc["app", "std_error"] == pytest.approx(2 * _draws()["app_good"].std() / 100)


def test_without_draws_there_is_an_order_and_no_interval() -> None:
    found = _found(draws=None)
    assert found.table["conf_low"].isna().all()
    assert set(found.table["reason"]) == {"no bootstrap draws were given"}
    assert found.first == "app"
    assert not found.first_is_clear
    assert found.headline() == "app does most for its cost; how surely cannot be said: no bootstrap draws were given."


def test_the_product_has_the_columns_that_the_page_of_touchpoints_reads() -> None:
    assert list(_found().product().columns) == PRODUCT
    assert PRODUCT == ["touchpoint", "impact", "cost", "impact_per_cost", "conf_low", "conf_high"]


def test_touchpoints_may_come_as_a_mapping_and_columns_of_draws_in_any_order() -> None:
    mapped = dict(zip(IMPACT["driver"], IMPACT["touchpoint"], strict=True))
    other = money_priorities(
        IMPACT[["driver", "estimate"]], COSTS, touchpoints=mapped, draws=_draws()[IMPACT["driver"][::-1]]
    )
    pd.testing.assert_frame_equal(other.table, _found().table)


def test_a_touchpoint_whose_impact_is_below_zero_has_no_share_and_ranks_last() -> None:
    impact = IMPACT.assign(estimate=[3.0, 1.0, -2.0, 2.0, 9.0])
    found = money_priorities(impact, COSTS).table.set_index("touchpoint")
    assert found.loc["shop", ["impact_share", "rank"]].tolist() == [0, 2]
    assert found.loc["shop", "impact_per_cost"] < 0


def test_costs_that_are_not_above_zero_and_draws_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="the cost of `app` must be above 0, got 0"):
        _found(costs={"app": 0})
    with pytest.raises(ValueError, match="`draws` has no column `mood`"):
        _found(draws=_draws().drop(columns="mood"))
    with pytest.raises(ValueError, match="1 of 2000 draws are not whole"):
        _found(draws=_draws().mask(_draws() == _draws().iloc[0, 0]))
    with pytest.raises(ValueError, match="names `app_good` twice"):
        money_priorities(pd.concat([IMPACT, IMPACT.head(1)]), COSTS)
    with pytest.raises(ValueError, match="`change` names `app_god`, which has no impact; did you mean `app_good`"):
        _found(change={"app_god": 1})
    with pytest.raises(ValueError, match="the impact of `mood` is missing"):
        money_priorities(IMPACT.assign(estimate=[1.0, 2, 3, 4, np.nan]), COSTS)
    with pytest.raises(ValueError, match="`per` must be an amount of money above 0"):
        _found(per=0)
    with pytest.raises(ValueError, match="no column `touchpoint`"):
        money_priorities(IMPACT[["driver", "estimate"]], COSTS)
