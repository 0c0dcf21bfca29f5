"""Said against derived: the two orders side by side, with the respondents drawn again together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cxlab.drivers import relative_importance
from cxlab.drivers.stated import StatedAgainstDerived, stated_against_derived, stated_items

DRIVERS = ["a", "b", "c", "d", "e", "f"]
STATED = {name: f"{name}_matters" for name in DRIVERS}
EFFECT = np.array([1.2, 0.9, 0.7, 0.5, 0.3, 0.0])


def _answers(seed: int = 0, n: int = 500, said: Any = (6.0, 5.5, 5.0, 4.5, 4.0, 3.5)) -> pd.DataFrame:
    """loyal goes with a most and f not at all; people say that they matter in the order of `said`."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6)) + 0.5 * rng.normal(size=(n, 1))
    table = pd.DataFrame(X, columns=DRIVERS).assign(loyal=X @ EFFECT + rng.normal(size=n))
    return pd.concat([table, pd.DataFrame(said + rng.normal(size=(n, 6)), columns=list(STATED.values()))], axis=1)


def _found(table: pd.DataFrame, **more: Any) -> StatedAgainstDerived:
    return stated_against_derived(table, **{"stated": STATED, "outcome": "loyal", "n_boot": 300} | more)


def test_the_two_orders_are_the_mean_statement_and_the_share_of_r2() -> None:
    table = _answers()
    rows = _found(table).table.set_index("driver").loc[DRIVERS]
    shares = relative_importance(table[DRIVERS], table["loyal"])["share"]
    assert rows["derived"].tolist() == pytest.approx(shares.tolist())
    assert rows["estimate"].tolist() == pytest.approx(table[list(STATED.values())].mean().tolist())
    assert rows["derived_rank"].tolist() == stats.rankdata(-shares).tolist()
    assert rows["stated_rank"].tolist() == [1, 2, 3, 4, 5, 6]
    errors = table[list(STATED.values())].std() / np.sqrt(500)
    assert rows["std_error"].tolist() == pytest.approx(errors.tolist(), rel=0.2)
    assert (rows["derived_low"] < rows["derived"]).all()
    assert set(rows["n_derived"]) == {500}


def test_one_order_is_found_to_agree_and_the_turned_one_to_contradict() -> None:
    same = _found(_answers())
    assert same.tau.loc[0, "estimate"] == pytest.approx(1)
    assert same.tau.loc[0, "conf_low"] > 0
    assert same.headline().startswith(
        "What people say matters agrees with what goes with their loyalty (Kendall’s τ 1.00"
    )
    assert same.same_people
    turned = _found(_answers(said=(3.5, 4.0, 4.5, 5.0, 5.5, 6.0)))
    assert turned.tau.loc[0, "conf_high"] < 0
    assert "contradicts" in turned.headline()


def test_what_counts_and_is_not_said_is_hidden_and_what_is_said_and_does_not_count_is_overstated() -> None:
    found = _found(_answers(said=(3.5, 5.5, 5.0, 4.5, 4.0, 6.0)))  # a, the strongest, is said last; f, nothing, first
    assert found.hidden == ["a"]
    assert found.overstated == ["f"]
    row = found.table.set_index("driver").loc["a"]
    assert (row["stated_rank"], row["derived_rank"], row["rank_difference"]) == (6, 1, 5)
    assert row["rank_difference_low"] > 0
    assert found.headline().endswith("; a counts for more than they say, f counts for less.")
    assert found.table["stated_rank"].tolist() == [1, 2, 3, 4, 5, 6]


def test_tau_is_scipys() -> None:
    table = _answers(3, n=60, said=(5.0, 5.6, 4.9, 5.2, 5.1, 4.8))
    found = _found(table)
    rows = found.table
    assert found.tau.loc[0, "estimate"] == pytest.approx(stats.kendalltau(rows["estimate"], rows["derived"]).statistic)
    assert found.tau.loc[0, "n"] == 6


def test_ranks_put_the_smallest_mean_first() -> None:
    table = _answers()
    asked = table[list(STATED.values())]
    ranked = table.assign(**asked.rank(axis=1, ascending=False).to_dict("series"))
    by_rank, by_score = _found(ranked, ranks=True), _found(table)
    assert by_rank.table["driver"].tolist() == by_score.table["driver"].tolist()
    assert by_rank.table.iloc[0]["estimate"] < by_rank.table.iloc[-1]["estimate"]
    assert by_rank.tau.loc[0, "estimate"] == pytest.approx(1)
    assert by_rank.tau.loc[0, "conf_low"] > 0
    assert by_rank.hidden == []


def test_with_fewer_than_five_pairs_it_says_that_it_cannot_tell() -> None:
    few = {name: STATED[name] for name in "adef"}
    found = _found(_answers(said=(3.5, 5.5, 5.0, 4.5, 4.0, 6.0)), stated=few, others=("b", "c"))
    assert np.isnan(found.tau.loc[0, "estimate"])
    assert found.tau.loc[0, "reason"] == "4 pairs of stated and derived importance are fewer than 5"
    assert found.headline() == (
        "Whether people say what counts for their loyalty cannot be told: 4 pairs of stated and derived importance are fewer than 5."
    )
    assert set(found.table["reading"]) == {"not clear"}
    assert found.table["derived"].sum() < 1  # b and c are in the model, and in no pair


def test_the_interval_holds_the_truth_and_is_wider_with_fewer_respondents() -> None:
    small, large = _found(_answers(1, n=80)).tau.loc[0], _found(_answers(1, n=2000)).tau.loc[0]
    assert small["conf_high"] - small["conf_low"] > large["conf_high"] - large["conf_low"]
    assert small["conf_low"] <= 1 <= small["conf_high"]  # the orders are the same


def test_statements_of_other_people_are_drawn_on_their_own() -> None:
    table = _answers()
    others = _answers(9, n=120)[list(STATED.values())]
    found = _found(table[[*DRIVERS, "loyal"]], stated_data=others)
    assert not found.same_people
    assert set(found.table["n"]) == {120}
    assert set(found.table["n_derived"]) == {500}
    errors = others.std().mean() / np.sqrt(120)
    assert found.table["std_error"].mean() == pytest.approx(errors, rel=0.15)


def test_a_missing_statement_leaves_out_that_statement_and_a_missing_driver_the_model_only() -> None:
    table = _answers()
    table.loc[:9, "a_matters"] = np.nan
    table.loc[:19, "b"] = np.nan
    rows = _found(table).table.set_index("driver")
    assert rows.loc["a", ["n", "n_missing"]].tolist() == [490, 10]
    assert rows.loc["b", ["n", "n_missing"]].tolist() == [500, 0]
    assert set(rows["n_derived"]) == {480}
    whole = table.dropna(subset=DRIVERS)
    shares = relative_importance(whole[DRIVERS], whole["loyal"]).set_index("driver")["share"]
    assert rows["derived"].to_dict() == pytest.approx(shares.to_dict())


def test_weights_count_and_accounts_make_intervals_wider() -> None:
    table = _answers(n=300).assign(weight=np.tile([1.0, 3.0], 150))
    weighted = _found(table, weights_col="weight").table.set_index("driver")
    assert weighted.loc["a", "estimate"] == pytest.approx(np.average(table["a_matters"], weights=table["weight"]))
    shares = relative_importance(table[DRIVERS], table["loyal"], weights=table["weight"]).set_index("driver")["share"]
    assert weighted["derived"].to_dict() == pytest.approx(shares.to_dict())
    copied = pd.concat([table] * 4, ignore_index=True).assign(account=np.tile(np.arange(300), 4))
    alone, together = _found(copied).table, _found(copied, cluster_col="account").table
    assert together["std_error"].mean() == pytest.approx(2 * alone["std_error"].mean(), rel=0.15)
    assert (together["derived_high"] - together["derived_low"]).mean() == pytest.approx(
        2 * (alone["derived_high"] - alone["derived_low"]).mean(), rel=0.25
    )


def test_an_item_that_nobody_answered_is_named() -> None:
    found = _found(_answers().assign(c_matters=np.nan))
    assert found.tau.loc[0, "reason"] == "nobody answered `c_matters`"
    assert found.n_failed == 300
    assert found.table.set_index("driver").loc["c", "reason"] == "nobody said how important it is"


def test_unknown_columns_collinear_drivers_and_empty_pairs_are_refused() -> None:
    table = _answers()
    with pytest.raises(ValueError, match="no column `a_maters`; did you mean `a_matters`"):
        _found(table, stated=STATED | {"a": "a_maters"})
    with pytest.raises(ValueError, match="`stated` is empty"):
        _found(table, stated={})
    with pytest.raises(ValueError, match="one has no spread, or follows from the others"):
        _found(table.assign(a=table["b"] + table["c"]))
    with pytest.raises(ValueError, match="named twice, or is the outcome"):
        _found(table, others=("a",))
    with pytest.raises(ValueError, match="too few for a model"):
        _found(table.assign(a=np.nan))
    with pytest.raises(ValueError, match="`n_boot` must be 2 or more"):
        _found(table, n_boot=1)


def _items(*rows: tuple[Any, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["item", "role", "touchpoint", "low", "high"])


def test_questions_of_importance_belong_to_drivers_by_name_or_by_the_only_one_about_a_touchpoint() -> None:
    items = _items(
        ("s_app", "satisfaction", "app", 1, 5), ("s_shop", "satisfaction", "shop", 1, 5), ("calm", "satisfaction", "help", 1, 5),
        ("kind", "satisfaction", "desk", 1, 5), ("quick", "satisfaction", "desk", 1, 5), ("far", "satisfaction", "far", 1, 5),
        ("i_app", "importance", "web", 1, 7), ("i_shop", "importance", None, 1, 7), ("matters", "importance", "help", 1, 7),
        ("desk_matters", "importance", "desk", 1, 7), ("odd", "importance", "far", 0, 100), ("need_quick", "need", "desk", 1, 7),
    )  # fmt: skip
    drivers = ["s_app", "s_shop", "calm", "kind", "quick", "far"]
    pairs, alone = stated_items(items, drivers)
    assert pairs == {"s_app": "i_app", "s_shop": "i_shop", "calm": "matters"}
    assert alone == ("kind", "quick", "far")  # two drivers about one desk; another scale than the others
    only_needs = items[items["role"] != "importance"]
    assert stated_items(only_needs, drivers)[0] == {"quick": "need_quick"}
    assert stated_items(items[items["role"] == "satisfaction"], drivers) == ({}, tuple(drivers))
    assert stated_items(_items(("s1", "satisfaction", None, 1, 5), ("i1", "importance", None, 1, 5)), ["s1"])[0] == {
        "s1": "i1"
    }
