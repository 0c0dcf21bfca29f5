"""Missing answers: what they cost by hand, Rubin's rules by hand, imputed truth, what is structural is never drawn, the bank."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxlab.drivers import missing as module
from cxlab.drivers.importance import relative_importance
from cxlab.drivers.missing import among_users, applicable, imputed_drivers, pool, ranking_depends, rows_lost

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "drivers"
BANK = ["Fees", "Interest", "Phone", "Branch", "Online", "ATM"]
FEW: dict[str, Any] = {"n_imputations": 4, "n_boot": 100}


def _bank() -> pd.DataFrame:
    path = DATA / "displayr_bank.csv"
    if not path.exists():
        pytest.skip("the shared real data lacks drivers/displayr_bank.csv")
    return pd.read_csv(path)


def _complete(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """loyal = .5·app + .3·shop + .2·phone + noise; the drivers correlate about .4."""
    rng = np.random.default_rng(seed)
    mood = rng.normal(size=n)
    table = pd.DataFrame(
        {name: np.sqrt(0.4) * mood + np.sqrt(0.6) * rng.normal(size=n) for name in ("app", "shop", "phone")}
    )
    return table.assign(
        loyal=0.5 * table["app"] + 0.3 * table["shop"] + 0.2 * table["phone"] + 0.8 * rng.normal(size=n)
    )


def _with_holes(table: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    """The app is missing for half, more often where loyalty is low."""
    chance = 1 / (1 + np.exp(1.5 * table["loyal"]))
    return table.assign(app=table["app"].where(np.random.default_rng(seed).random(len(table)) > chance))


def test_rows_that_each_driver_costs_by_hand() -> None:
    nan = math.nan
    data = pd.DataFrame(
        {
            "loyal": [9, 8, 7, 6, 5, nan],
            "app": [5, nan, nan, 4, 3, nan],
            "shop": [4, 3, nan, nan, 2, 1],
            "phone": [0, 2, 3, 0, nan, 3],  # 0 says: never called
        }
    )
    found = rows_lost(data, "loyal", ["app", "shop", "phone"], not_applicable={"phone": 0}).set_index("driver")
    # of the five with an outcome: app misses rows 1, 2; shop 2, 3; phone does not apply in 0, 3 and misses 4
    assert found["n"].tolist() == [5, 5, 5]
    assert found["missing"].to_dict() == {"phone": 1, "app": 2, "shop": 2}
    assert found["not_applicable"].to_dict() == {"phone": 2, "app": 0, "shop": 0}
    assert found["answered"].to_dict() == {"phone": 2, "app": 3, "shop": 3}
    assert found["lost_alone"].to_dict() == {"phone": 3, "app": 2, "shop": 2}
    assert found["lost_only"].to_dict() == {"phone": 2, "app": 1, "shop": 0}
    assert found["whole"].tolist() == [0, 0, 0]
    assert found["whole_without"].to_dict() == {"phone": 2, "app": 1, "shop": 0}
    assert found.index[0] == "phone"


def test_a_driver_that_many_left_out_asks_whether_it_applied() -> None:
    data = _complete(100)
    data.loc[:34, "app"] = np.nan
    data.loc[:28, "shop"] = np.nan
    ask = rows_lost(data, "loyal", ["app", "shop", "phone"]).set_index("driver")["ask"]
    assert ask.to_dict() == {"app": True, "shop": False, "phone": False}
    assert not rows_lost(data, "loyal", ["app", "shop"], not_applicable={"app": 99})["ask"].any()


def test_what_does_not_apply_is_said_by_codes_or_by_marks() -> None:
    data = pd.DataFrame({"app": [0.0, 8, 9, 3], "shop": [1.0, math.nan, 2, 4]})
    marks = pd.Series([False, True, False, False])
    table, found = applicable(data, ["app", "shop"], {"app": [8, 9], "shop": marks})
    assert found.tolist() == [[False, False], [True, True], [True, False], [False, False]]
    assert table["app"].tolist() == pytest.approx([0, math.nan, math.nan, 3], nan_ok=True)
    assert data["app"].tolist() == [0, 8, 9, 3], "the table that was given is not changed"
    with pytest.raises(ValueError, match="`shop` does not apply in row 2, but its answer there is 2; mend one of them"):
        applicable(data, ["shop"], {"shop": np.array([False, False, True, False])})
    with pytest.raises(ValueError, match="`not_applicable` of `shop` has 2 marks for 4 rows"):
        applicable(data, ["shop"], {"shop": np.array([False, True])})
    with pytest.raises(ValueError, match="`not_applicable` names `web`, which is no driver; there are app, shop"):
        applicable(data, ["app", "shop"], {"web": 0})


def test_rubins_rules_by_hand() -> None:
    # estimates 1, 2, 3 with variances 4, 4, 1: mean 2, within 3, between 1·(1 + 1/3) = 4/3, total 13/3
    row = pool([[1.0], [2], [3]], [[4.0], [4], [1]], 50).iloc[0]
    part = (4 / 3) / (13 / 3)
    assert row["estimate"] == pytest.approx(2)
    assert row["std_error"] == pytest.approx(math.sqrt(13 / 3))
    assert row["missing_information"] == pytest.approx(part)
    old, observed = 2 / part**2, 51 / 53 * 50 * (1 - part)
    assert row["df"] == pytest.approx(old * observed / (old + observed))


def test_a_table_without_holes_is_pooled_to_itself() -> None:
    alone = pool([[1.5]], [[0.25]], 30).iloc[0]
    assert (alone["estimate"], alone["std_error"], alone["df"], alone["missing_information"]) == (1.5, 0.5, 30, 0)
    data = _complete(200)
    found = imputed_drivers(data, "loyal", ["app", "shop", "phone"], **FEW)
    expected = relative_importance(data[["app", "shop", "phone"]], data["loyal"])
    assert found.shares["estimate"].tolist() == pytest.approx(expected["share"].tolist())
    assert found.r2 == pytest.approx(expected["importance"].sum())
    assert found.shares["missing_information"].tolist() == pytest.approx([0, 0, 0])
    design = np.column_stack([np.ones(200), data[["app", "shop", "phone"]]])
    beta = np.linalg.lstsq(design, data["loyal"], rcond=None)[0][1:]
    assert found.coefficients["estimate"].tolist() == pytest.approx(beta.tolist())
    assert (found.n, found.n_incomplete) == (200, 0)


def test_imputation_takes_back_what_listwise_deletion_bends() -> None:
    # the app is missing where loyalty is low, so complete rows have a coefficient too near to 0: .37 for .5
    table = _with_holes(_complete(3000))
    found = imputed_drivers(table, "loyal", ["app", "shop", "phone"], **FEW).coefficients.set_index("driver")
    whole = imputed_drivers(table.dropna(), "loyal", ["app", "shop", "phone"], **FEW).coefficients.set_index("driver")
    assert whole.loc["app", "conf_high"] < 0.5
    for driver, truth in (("app", 0.5), ("shop", 0.3), ("phone", 0.2)):
        assert found.loc[driver, "conf_low"] < truth < found.loc[driver, "conf_high"]
    assert found.loc["app", "missing_information"] > 0.2
    assert found.loc["app", "std_error"] > 1.1 * whole.loc["app", "std_error"] * math.sqrt(len(table.dropna()) / 3000)


def test_pooled_intervals_hold_a_planted_truth() -> None:
    held = [
        _holds(imputed_drivers(_with_holes(_complete(200, seed), seed), "loyal", ["app", "shop", "phone"], **FEW))
        for seed in range(30)
    ]
    assert np.mean(held, axis=0).min() > 0.8  # of 30 at 95%: 24 or fewer has a chance of .003
    assert np.mean(held) < 1


def _holds(found: module.ImputedDrivers) -> np.ndarray:
    table = found.coefficients
    return ((table["conf_low"] <= [0.5, 0.3, 0.2]) & (table["conf_high"] >= [0.5, 0.3, 0.2])).to_numpy()


def test_drawn_answers_keep_given_ones_differ_between_imputations_and_spread_as_wide() -> None:
    table = _with_holes(_complete(800))
    asked = module._asked(table, "loyal", ["app", "shop", "phone"], None, None, None)
    one, other = module._imputations(asked, 2, np.random.default_rng(0))
    known = ~asked.hole
    assert (one[known] == asked.values[known]).all()
    drawn, again = one[asked.hole], other[asked.hole]
    assert (drawn != again).all()
    # about its prediction an app answer spreads as in the complete table: not one line, not twice as wide
    complete = _complete(800)
    design = np.column_stack([np.ones(800), complete[["shop", "phone", "loyal"]]])
    beta = np.linalg.lstsq(design, complete["app"], rcond=None)[0]
    left = (complete["app"] - design @ beta).std()
    assert (drawn - design[asked.hole.any(axis=1)] @ beta).std() == pytest.approx(left, rel=0.15)


def test_a_touchpoint_that_does_not_apply_is_never_drawn() -> None:
    table = _complete(300)
    table["phone"] = table["phone"].where(np.arange(300) % 3 != 0, -99)
    holes = table.assign(shop=table["shop"].where(np.arange(300) % 10 != 1))
    found = imputed_drivers(holes, "loyal", ["app", "shop", "phone"], not_applicable={"phone": -99}, **FEW)
    assert (found.n, found.n_not_applicable, found.n_incomplete) == (200, 100, 20)
    users = holes[holes["phone"] != -99]
    alone = imputed_drivers(users, "loyal", ["app", "shop", "phone"], **FEW)
    pd.testing.assert_frame_equal(found.shares, alone.shares)


def _rarely_all(n: int = 1500, seed: int = 0) -> pd.DataFrame:
    """Three touchpoints that half, half and a fifth have used (0: not used), .5, .3 and 1 points a point; users of the phone are 2 points
    less loyal whatever they say of it."""
    rng = np.random.default_rng(seed)
    used = rng.random((n, 3)) < [0.5, 0.5, 0.2]
    given = rng.integers(1, 6, size=(n, 3))
    loyal = 4 + (used * (given - 3) * [0.5, 0.3, 1.0]).sum(axis=1) - 2 * used[:, 2] + rng.normal(size=n)
    return pd.DataFrame(np.where(used, given, 0), columns=["app", "shop", "phone"]).astype(float).assign(loyal=loyal)


def test_each_touchpoint_is_asked_of_its_own_users() -> None:
    data = _rarely_all()
    never = dict.fromkeys(["app", "shop", "phone"], 0)
    found = among_users(data, "loyal", list(never), not_applicable=never).set_index("driver")
    for driver, truth in (("app", 0.5), ("shop", 0.3), ("phone", 1.0)):
        assert found.loc[driver, "conf_low"] < truth < found.loc[driver, "conf_high"]
    assert found["n_users"].to_dict() == {name: int((data[name] > 0).sum()) for name in never}
    assert found["reach"].to_dict() == pytest.approx({name: (data[name] > 0).mean() for name in never})
    assert (found["n"] == 1500).all()
    # the other route: a dummy for not used, and the answer less the users' mean
    import statsmodels.api as sm

    X = pd.DataFrame({n: (data[n] - data.loc[data[n] > 0, n].mean()).where(data[n] > 0, 0) for n in never})
    fit = sm.OLS(data["loyal"], sm.add_constant(X.assign(**{f"no_{n}": (data[n] == 0) * 1.0 for n in never}))).fit(
        cov_type="HC3", use_t=True
    )
    assert found["estimate"].tolist() == pytest.approx(fit.params[list(never)].tolist())
    assert found["std_error"].tolist() == pytest.approx(fit.bse[list(never)].tolist())
    assert found["p_value"].tolist() == pytest.approx(fit.pvalues[list(never)].tolist())
    # as sure as those who used all three could never make it
    whole = ranking_depends(data, "loyal", list(never), not_applicable=never, **FEW).n_imputed
    assert whole < 100


def test_a_missing_answer_of_a_user_makes_no_non_user() -> None:
    data = _rarely_all()
    never = dict.fromkeys(["app", "shop", "phone"], 0)
    holes = data.copy()
    lost = holes.index[holes["app"] > 0][:50]
    holes.loc[lost, "app"] = np.nan
    found = among_users(holes, "loyal", list(never), not_applicable=never)
    assert (found["n"] == 1450).all()
    expected = among_users(data.drop(index=lost), "loyal", list(never), not_applicable=never)
    pd.testing.assert_frame_equal(found, expected)


def test_a_touchpoint_of_few_users_or_without_its_own_answers_says_why_it_has_no_effect() -> None:
    data = _rarely_all(400)
    data["phone"] = data["phone"].where(np.arange(400) < 60, 0)
    data["twice"] = 2 * data["app"]
    never = dict.fromkeys(["app", "shop", "phone", "twice"], 0)
    found = among_users(data, "loyal", list(never), not_applicable=never).set_index("driver")
    assert found.loc["phone", "n_users"] < 30
    assert found["reason"].to_dict() == {
        "app": "", "shop": "", "phone": "fewer than 30 users", "twice": "its answers follow from other drivers, or are all the same",
    }  # fmt: skip
    assert np.isnan(found.loc[["phone", "twice"], "estimate"]).all()


def test_rows_without_an_outcome_or_weight_are_left_out_and_counted() -> None:
    table = _with_holes(_complete(200)).assign(w=1.5)
    table.loc[:4, "loyal"] = np.nan
    table.loc[3:9, "w"] = np.nan
    found = imputed_drivers(table, "loyal", ["app", "shop", "phone"], weights_col="w", **FEW)
    assert (found.n, found.n_left_out) == (190, 10)


def test_a_weight_is_as_many_equal_respondents_where_nothing_is_missing() -> None:
    data = _complete(120)
    times = np.random.default_rng(0).integers(1, 4, 120)
    weighted = imputed_drivers(data.assign(w=times * 1.0), "loyal", ["app", "shop"], weights_col="w", **FEW)
    repeated = imputed_drivers(data.loc[data.index.repeat(times)], "loyal", ["app", "shop"], **FEW)
    assert weighted.shares["estimate"].tolist() == pytest.approx(repeated.shares["estimate"].tolist())
    assert weighted.r2 == pytest.approx(repeated.r2)


def test_weights_and_accounts_widen_what_they_should() -> None:
    # every respondent five times, in one account: drawn singly the errors look √5 smaller than they are
    once = _with_holes(_complete(80))
    data = pd.concat([once] * 5, ignore_index=True).assign(account=np.tile(np.arange(80), 5))
    single = imputed_drivers(data, "loyal", ["app", "shop", "phone"], **FEW).coefficients["std_error"]
    account = imputed_drivers(data, "loyal", ["app", "shop", "phone"], cluster_col="account", **FEW).coefficients
    assert (account["std_error"] > 1.5 * single).all()


def test_a_ranking_without_holes_depends_on_nothing() -> None:
    found = ranking_depends(_complete(200), "loyal", ["app", "shop", "phone"], **FEW)
    assert [found.first_depends, found.order_depends, found.clearly] == [False] * 3
    assert found.turned.empty
    assert (found.n_listwise, found.n_imputed) == (200, 200)
    assert found.table["share_listwise"].tolist() == pytest.approx(found.table["share_imputed"].tolist())


def test_drivers_that_clearly_change_their_order_are_named() -> None:
    # where the phone was answered it moves loyalty little and the app much; among the others the app moves nothing
    rng = np.random.default_rng(0)
    n = 4000
    table = pd.DataFrame(rng.normal(size=(n, 3)), columns=["app", "shop", "phone"])
    group = np.arange(n) % 4 == 0
    table["loyal"] = np.where(group, 1.0, 0.0) * table["app"] + 0.5 * table["shop"] + 0.5 * rng.normal(size=n)
    holes = table.assign(phone=table["phone"].where(group))
    found = ranking_depends(holes, "loyal", ["app", "shop", "phone"], **FEW)
    assert (found.first_listwise, found.first_imputed, found.first_depends) == ("app", "shop", True)
    row = found.turned.set_index(["driver", "other"]).loc[("app", "shop")]
    assert row["clear"] == "both"
    assert found.clearly
    assert row["difference_listwise_low"] > 0 > row["difference_imputed_high"]
    shares = found.table.set_index("driver")
    for way in ("listwise", "imputed"):
        gap = shares.loc["app", f"share_{way}"] - shares.loc["shop", f"share_{way}"]
        assert row[f"difference_{way}"] == pytest.approx(gap)
    assert shares["missing"].tolist() == pytest.approx([0, 0, 0.75])


def test_where_an_order_is_clear_is_said_for_each_way() -> None:
    def gaps(*rows: tuple[float, float, float]) -> pd.DataFrame:
        return pd.DataFrame(rows, columns=["estimate", "conf_low", "conf_high"])

    pairs = np.array([0, 0, 1]), np.array([1, 2, 2])
    listwise = gaps((0.2, 0.1, 0.3), (-0.1, -0.2, 0.1), (0.1, 0.05, 0.2))
    imputed = gaps((-0.1, -0.3, 0.1), (0.2, 0.1, 0.3), (0.3, 0.2, 0.4))
    turned = module._turned(["app", "shop", "phone"], *pairs, listwise, imputed)
    assert turned[["driver", "other", "clear"]].to_numpy().tolist() == [
        ["app", "shop", "listwise"], ["phone", "app", "imputed"],
    ]  # fmt: skip
    assert turned.iloc[1, 2:8].tolist() == pytest.approx([0.1, -0.1, 0.2, -0.2, -0.3, -0.1])


def test_what_cannot_be_imputed_is_refused_by_name() -> None:
    table = _with_holes(_complete(200))
    drivers = ["app", "shop", "phone"]
    with pytest.raises(ValueError, match="`n_imputations` must be 2 or more, got 1; 20 is usual"):
        imputed_drivers(table, "loyal", drivers, n_imputations=1)
    with pytest.raises(ValueError, match="`n_boot` must be 100 or more: the variance within"):
        imputed_drivers(table, "loyal", drivers, n_boot=0)
    few = table.assign(app=table["app"].where(np.arange(200) < 40))
    n = int(few["app"].notna().sum())
    with pytest.raises(
        ValueError, match=f"`app` has {n} answers of 200 respondents to whom all drivers apply, too few"
    ):
        imputed_drivers(few, "loyal", drivers)
    even = np.arange(200) % 2 == 0
    apart = table.assign(app=table["app"].where(even), shop=table["shop"].where(~even))
    with pytest.raises(ValueError, match="0 of 200 respondents answered everything; 3 drivers need 30"):
        ranking_depends(apart, "loyal", drivers)
    with pytest.raises(ValueError, match="a ranking needs two drivers at least, got 1"):
        ranking_depends(table, "loyal", ["app"])


@pytest.mark.realdata
def test_the_first_driver_of_the_bank_rests_on_who_answered_everything() -> None:
    bank = _bank()
    lost = rows_lost(bank, "Overall", BANK).set_index("driver")
    assert (len(bank), len(bank.dropna()), lost.loc["Branch", "whole"]) == (896, 244, 267)
    assert lost.loc["Branch", ["missing", "lost_only", "whole_without", "ask"]].tolist() == [421, 327, 594, True]
    found = ranking_depends(bank, "Overall", BANK, weights_col="weight", cluster_col="ID", n_boot=100)
    assert (found.n_listwise, found.n_imputed, found.n_left_out) == (244, 696, 200)
    assert (found.first_listwise, found.first_imputed) == ("Phone", "Branch")
    assert found.first_depends
    assert not found.clearly
    assert set(found.turned["clear"]) == {"neither"}
    unweighted = relative_importance(bank.dropna()[BANK], bank.dropna()["Overall"]).set_index("driver")["importance"]
    assert unweighted.idxmax() == "Phone"
    assert unweighted["Phone"] == pytest.approx(0.122, abs=0.0005)


@pytest.mark.realdata
def test_pooled_shares_of_the_bank_agree_with_scikit_learns_imputer() -> None:
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer

    bank = _bank()
    asked = module._asked(bank, "Overall", BANK, None, None, None)
    drawn = IterativeImputer(sample_posterior=True, random_state=0, max_iter=3).fit_transform(asked.values)
    theirs = relative_importance(pd.DataFrame(drawn[:, :-1], columns=BANK), drawn[:, -1])["share"]
    found = imputed_drivers(bank, "Overall", BANK, n_boot=100).shares
    # a single draw of theirs: apart by less than three errors of the difference between imputations
    between = found["std_error"] * np.sqrt(found["missing_information"])
    assert ((found["estimate"] - theirs).abs() < 3 * between).all()
