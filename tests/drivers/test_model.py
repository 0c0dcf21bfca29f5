"""The regression on drivers and what is said of it: tests, clusters, weights, and drivers that too few answered."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from cxlab.drivers import DriverModel, LoyaltyDrivers, loyalty_drivers, penalty_reward, segment_differences
from cxlab.inference import benjamini_hochberg
from cxlab.problems import NotApplicableError, ParameterError

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "drivers"


def _needed(name: str) -> pd.DataFrame:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"the shared real data lacks drivers/{name}")
    return pd.read_csv(path)


def _table(n: int = 60, seed: int = 0) -> pd.DataFrame:
    """loyal = 1 + 0.8·app + 0.4·shop + noise; `noise` moves nothing."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.normal(size=(n, 3)), columns=["app", "shop", "noise"])
    table["app"] += 0.5 * table["shop"]
    return table.assign(loyal=1 + 0.8 * table["app"] + 0.4 * table["shop"] + rng.normal(size=n))


def _fitted(table: pd.DataFrame, *drivers: str, **more: Any) -> DriverModel:
    return DriverModel.from_columns(table, "loyal", list(drivers or ("app", "shop", "noise")), **more).fit()


def test_a_regression_on_five_people_by_hand() -> None:
    # x = 1..5, y = 2, 1, 4, 3, 5: slope 8/10, r = .8, hat values .6, .3, .2, .3, .6, residuals .6, −1.2, 1, −.8, .4
    table = pd.DataFrame({"app": [1, 2, 3, 4, 5], "loyal": [2, 1, 4, 3, 5]})
    row = _fitted(table, "app").summary_frame().iloc[0]
    assert row["estimate"] == pytest.approx(0.8)
    assert row["correlation"] == pytest.approx(0.8)
    # HC3: Σ (x − 3)²·(residual/(1 − hat))² / 10²
    squares = 4 * (0.6 / 0.4) ** 2 + (1.2 / 0.7) ** 2 + (0.8 / 0.7) ** 2 + 4 * (0.4 / 0.4) ** 2
    assert row["std_error"] == pytest.approx(np.sqrt(squares) / 10)
    half = stats.t.ppf(0.975, 3) * row["std_error"]
    assert (row["conf_low"], row["conf_high"]) == pytest.approx((0.8 - half, 0.8 + half))
    assert row["vif"] == pytest.approx(1)
    assert row["n"] == 5


def test_an_interval_leaves_0_out_just_when_the_p_value_is_below_its_level() -> None:
    # the interval is Student's with n − p − 1 degrees of freedom, and so has the test to be
    table = _table(12)
    found = _fitted(table).summary_frame()
    expected = 2 * stats.t.sf((found["estimate"] / found["std_error"]).abs(), 12 - 4)
    assert found["p_value"].tolist() == pytest.approx(expected.tolist())


def test_vif_is_one_over_what_the_other_drivers_leave() -> None:
    # app, shop and noise correlate .6 by pairs exactly where shop = .6·app + .8·own; two drivers: 1/(1 − .36)
    app = np.array([1, 1, -1, -1.0])
    own = np.array([1, -1, 1, -1.0])
    table = pd.DataFrame({"app": app, "shop": 0.6 * app + 0.8 * own, "loyal": [1, 2, 3, 5]})
    assert _fitted(table, "app", "shop").summary_frame()["vif"].tolist() == pytest.approx([1 / 0.64, 1 / 0.64])


def test_q_values_are_benjamini_and_hochbergs_over_the_drivers() -> None:
    found = _fitted(_table()).summary_frame()
    p = found["p_value"].to_numpy()
    order = np.argsort(p)
    by_hand = np.minimum.accumulate((p[order] * 3 / np.arange(1, 4))[::-1])[::-1]
    assert found["q_value"].to_numpy()[order] == pytest.approx(by_hand)
    assert found["q_value"].tolist() == pytest.approx(benjamini_hochberg(p).tolist())


def test_a_planted_effect_is_recovered_and_noise_is_not_called_clear() -> None:
    found = _fitted(_table(4_000)).summary_frame().set_index("driver")
    assert found["estimate"].to_dict() == pytest.approx({"app": 0.8, "shop": 0.4, "noise": 0}, abs=0.06)
    assert (found["q_value"] < 0.05).to_dict() == {"app": True, "shop": True, "noise": False}


@pytest.mark.realdata
def test_hbat_agrees_with_the_textbook_and_its_turned_sign_is_marked() -> None:
    # Hair et al.; coefficients recomputed with R
    hbat = _needed("hbat_a.csv")
    model = DriverModel.from_columns(hbat, "x19", ["x6", "x7", "x9", "x11", "x12"]).fit()
    found = model.summary_frame()
    assert model.r2 == pytest.approx(0.7907800029, abs=1e-9)
    assert found["estimate"].tolist() == pytest.approx(
        [0.36899944452, -0.41713783712, 0.31896394746, 0.17435220529, 0.77512978982], abs=1e-9
    )
    assert found["correlation"][1] == pytest.approx(0.283, abs=5e-4)
    assert found["sign_reversed"].tolist() == [False, True, False, False, False]
    lmg = model.importance(n_boot=0)["estimate"]
    assert lmg[:2].tolist() == pytest.approx([0.1850056073, 0.054113054125], abs=1e-9)


@pytest.mark.realdata
def test_the_hc3_error_of_fees_agrees_with_sandwich() -> None:
    bank = _needed("displayr_bank.csv")
    drivers = ["Fees", "Interest", "Phone", "Branch", "Online", "ATM"]
    assert DriverModel.from_columns(bank, "Overall", drivers).n_left_out == 896 - 267
    model = DriverModel.from_columns(bank.dropna(), "Overall", drivers).fit()
    found = model.summary_frame().set_index("driver")
    assert found.loc["Fees", "std_error"] == pytest.approx(0.053189785451, abs=1e-10)


def test_rows_with_a_hole_are_left_out_and_counted() -> None:
    table = _table(20)
    table.loc[[1, 2], "app"] = np.nan
    table.loc[[2, 3], "loyal"] = np.nan
    model = DriverModel.from_columns(table, "loyal", ["app", "shop"])
    assert (len(model.X), len(model.y), model.n_left_out) == (17, 17, 3)
    assert DriverModel.from_columns(table, "loyal", ["shop", "noise"]).n_left_out == 2


def test_a_column_that_is_not_there_is_named_with_the_likely_one() -> None:
    with pytest.raises(ValueError, match="the table has no column `ap`; did you mean `app`"):
        DriverModel.from_columns(_table(), "loyal", ["ap", "shop"])
    with pytest.raises(ValueError, match="no column `weight`; known: app, loyal, noise, shop"):
        DriverModel.from_columns(_table(), "loyal", ["app"], weights="weight")
    with pytest.raises(ValueError, match=r"`conf_level` must be between 0 and 1, got 95; 95% is 0\.95"):
        DriverModel.from_columns(_table(), "loyal", ["app"], conf_level=95)


def test_an_answer_that_is_no_number_is_refused_with_its_column_and_value() -> None:
    table = _table(10).astype({"app": object})
    table.loc[3, "app"] = "don't know"
    with pytest.raises(ValueError, match=r"`app`.*don't know"):
        DriverModel.from_columns(table, "loyal", ["app", "shop"])


def test_weights_of_the_model_are_as_many_equal_respondents_in_every_figure_but_the_error() -> None:
    table = _table(40).assign(weight=np.random.default_rng(0).integers(1, 5, 40))
    repeated = table.loc[np.repeat(table.index, table["weight"])]
    weighted, plain = _fitted(table, weights="weight"), _fitted(repeated)
    assert weighted.r2 == pytest.approx(plain.r2)
    for figure in ("estimate", "correlation", "vif"):
        found, expected = (model.summary_frame()[figure].tolist() for model in (weighted, plain))
        assert found == pytest.approx(expected), figure
    assert weighted.importance(n_boot=0)["share"].tolist() == pytest.approx(
        plain.importance(n_boot=0)["share"].tolist()
    )


def test_copies_of_respondents_inside_an_account_add_no_information() -> None:
    table = _table(40)
    copied = table.loc[np.repeat(table.index, 5)].reset_index(drop=True)
    accounts = [f"A{i // 5}" for i in range(200)]
    drivers = ["app", "shop"]
    clustered = DriverModel.from_columns(copied, "loyal", drivers).fit("cluster", accounts).summary_frame()
    once, blind = (DriverModel.from_columns(t, "loyal", drivers).fit().summary_frame() for t in (table, copied))
    assert clustered["estimate"].tolist() == pytest.approx(once["estimate"].tolist())
    assert clustered["std_error"].tolist() == pytest.approx(once["std_error"].tolist(), rel=0.15)
    assert (blind["std_error"] < 0.6 * clustered["std_error"]).all()


def test_errors_by_account_are_those_of_leaving_every_account_out_once() -> None:
    rng = np.random.default_rng(8)
    table = pd.DataFrame({"app": rng.normal(size=60), "shop": rng.normal(size=60)})
    accounts = np.repeat(np.arange(12), 5)
    table["loyal"] = table["app"] + rng.normal(size=12)[accounts] + rng.normal(size=60)
    found = DriverModel.from_columns(table, "loyal", ["app", "shop"]).fit(clusters=accounts).summary_frame()
    whole = np.column_stack([np.ones(60), table[["app", "shop"]]])
    beta = np.linalg.lstsq(whole, table["loyal"], rcond=None)[0]
    without = [
        np.linalg.lstsq(whole[accounts != account], table["loyal"][accounts != account], rcond=None)[0]
        for account in range(12)
    ]
    errors = np.sqrt(((np.array(without) - beta) ** 2).sum(axis=0))
    assert found["std_error"].tolist() == pytest.approx(errors[1:].tolist())
    reach = stats.t.ppf(0.975, 11)
    assert found["conf_high"].tolist() == pytest.approx((beta + reach * errors)[1:].tolist())


def test_a_respondent_without_an_account_stands_alone() -> None:
    table = _table(40)
    accounts = np.array([f"A{i // 4}" for i in range(40)], dtype=object)
    alone = accounts.copy()
    alone[36:] = ["x", "y", "z", "w"]
    accounts[36:] = None
    expected, found = (
        DriverModel.from_columns(table, "loyal", ["app", "shop"]).fit("cluster", groups).summary_frame()
        for groups in (alone, accounts)
    )
    assert found["std_error"].tolist() == pytest.approx(expected["std_error"].tolist())


def test_the_accounts_of_the_fit_are_those_of_the_bootstrap() -> None:
    accounts = [f"A{i // 5}" for i in range(100)]
    model = DriverModel.from_columns(_table(100), "loyal", ["app", "shop"])
    told = model.fit().importance(n_boot=50, clusters=accounts)
    pd.testing.assert_frame_equal(model.fit("cluster", accounts).importance(n_boot=50), told)


def test_shares_have_intervals_that_hold_them_and_places_that_are_counted() -> None:
    found = _fitted(_table(200)).importance(n_boot=300, random_state=1).set_index("driver")
    assert (found["conf_low"] <= found["share"]).all()
    assert (found["share"] <= found["conf_high"]).all()
    assert found["share"].sum() == pytest.approx(1)
    assert found.loc["app", ["rank_low", "rank_high"]].tolist() == [1, 1]
    assert found.loc["noise", ["rank_low", "rank_high"]].tolist() == [3, 3]
    again = _fitted(_table(200)).importance(n_boot=300, random_state=1).set_index("driver")
    pd.testing.assert_frame_equal(found, again)


def test_johnson_and_lmg_bootstraps_nearly_agree_and_copies_in_accounts_widen_them() -> None:
    model = _fitted(_table(100))
    lmg, johnson = (model.importance(method, n_boot=200) for method in ("lmg", "johnson"))
    assert lmg["std_error"].tolist() == pytest.approx(johnson["std_error"].tolist(), rel=0.25)
    copied = _table(100).loc[lambda frame: np.repeat(frame.index, 4)].reset_index(drop=True)
    wide, narrow = (
        _fitted(copied).importance(n_boot=200, clusters=clusters)["std_error"]
        for clusters in (np.arange(400) // 4, None)
    )
    assert wide.sum() == pytest.approx(2 * narrow.sum(), rel=0.25)


# ------------------------------------------------------------------------------------------- kinds, formulas, accounts


def _ordered_table(n: int = 150, seed: int = 0) -> pd.DataFrame:
    """Answers 1 to 5, a channel, accounts of 5; recommendation 0 to 10 rises with app and in the shop, `loyal` is 9 or 10."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.integers(1, 6, (n, 2)).astype(float), columns=["app", "noise"])
    table["channel"] = rng.choice(["app", "shop", "web"], n)
    latent = 1.5 * table["app"] + 1.5 * (table["channel"] == "shop") + rng.logistic(size=n)
    table["ltr"] = latent.round().clip(0, 10)
    table["weight"] = rng.uniform(0.5, 2, n)
    return table.assign(loyal=(latent > 5) * 1.0, account=np.arange(n) // 5)


def test_a_formula_says_what_columns_say() -> None:
    table = _table().assign(weight=np.random.default_rng(1).uniform(0.5, 2, 60))
    table.loc[3, "app"] = np.nan
    by_formula = DriverModel.from_formula("loyal ~ app + shop + noise", table, weights="weight").fit()
    by_columns = _fitted(table, weights="weight")
    assert by_formula.n_left_out == 1
    pd.testing.assert_frame_equal(by_formula.summary_frame(), by_columns.summary_frame())
    pd.testing.assert_frame_equal(by_formula.importance(n_boot=60), by_columns.importance(n_boot=60))


def test_a_formula_with_categories_agrees_with_statsmodels() -> None:
    table = _ordered_table()
    found = DriverModel.from_formula("ltr ~ app + C(channel) + np.log(noise)", table, weights="weight").fit()
    expected = smf.wls("ltr ~ app + C(channel) + np.log(noise)", table, weights=table["weight"]).fit(
        cov_type="HC3", use_t=True
    )
    shown = found.summary_frame().set_index("driver")
    assert shown.index.tolist() == ["app", "C(channel)[T.shop]", "C(channel)[T.web]", "np.log(noise)"]
    assert shown["estimate"].to_numpy() == pytest.approx(expected.params[shown.index].to_numpy())
    assert shown["std_error"].to_numpy() == pytest.approx(expected.bse[shown.index].to_numpy())
    assert found.r2 == pytest.approx(expected.rsquared)
    assert shown["term"].tolist() == ["app", "channel", "channel", "np.log(noise)"]


@pytest.mark.parametrize("kind", ["ols", "ordered", "logit"])
def test_a_driver_with_categories_is_one_player_whatever_category_is_left_out(kind: Any) -> None:
    table = _ordered_table()
    outcome = {"ols": "ltr", "ordered": "ltr", "logit": "loyal"}[kind]
    model = DriverModel.from_formula(f"{outcome} ~ app + noise + C(channel)", table, kind=kind).fit()
    found = model.importance(n_boot=60).set_index("driver")
    assert found.index.tolist() == ["app", "noise", "channel"]
    assert found["estimate"].sum() == pytest.approx(model.r2)
    assert found["share"].sum() == pytest.approx(1)
    assert found[["conf_low", "conf_high", "rank_low"]].notna().all(axis=None)
    renamed = table.assign(channel=table["channel"].replace({"app": "zoo"}))
    again = DriverModel.from_formula(f"{outcome} ~ app + noise + C(channel)", renamed, kind=kind).fit()
    assert again.importance(n_boot=0)["estimate"].tolist() == pytest.approx(found["estimate"].tolist(), abs=1e-9)


def test_a_term_of_two_drivers_keeps_the_name_of_both() -> None:
    table = _ordered_table()
    crossed = DriverModel.from_formula("ltr ~ app + C(channel):app", table)
    assert list(crossed.groups) == ["app", "C(channel):app"]
    both = DriverModel.from_formula("ltr ~ app + C(app)", table.assign(app=table["app"] > 3))
    assert list(both.groups) == ["app", "C(app)"]


@pytest.mark.parametrize("kind", ["ols", "ordered", "logit"])
def test_the_unit_of_the_weights_changes_nothing(kind: Any) -> None:
    table = _ordered_table()
    outcome = "loyal" if kind == "logit" else "ltr"
    for cov_type in (None, "nonrobust"):
        one, other = (
            DriverModel.from_columns(table, outcome, ["app", "noise"], kind=kind, weights=table["weight"] * unit)
            .fit(cov_type)
            .summary_frame()
            for unit in (1, 1000)
        )
        assert one["std_error"].tolist() == pytest.approx(other["std_error"].tolist())


def test_weights_may_be_an_array_and_a_row_without_one_is_left_out() -> None:
    table = _table(40).assign(weight=np.random.default_rng(0).uniform(1, 2, 40))
    table.loc[5, "weight"] = np.nan
    table.loc[7, "app"] = np.nan
    named, given = (
        DriverModel.from_columns(table, "loyal", ["app", "shop"], weights=weights).fit()
        for weights in ("weight", table["weight"].to_numpy())
    )
    assert (named.n_left_out, given.n_left_out) == (2, 2)
    pd.testing.assert_frame_equal(named.summary_frame(), given.summary_frame())
    with pytest.raises(ValueError, match="3 weights for 40 rows; give one for each, or a column"):
        DriverModel.from_columns(table, "loyal", ["app"], weights=[1, 2, 3])


def test_accounts_are_a_column_the_rows_of_the_table_or_those_of_the_model() -> None:
    table = _ordered_table()
    table.loc[4, "app"] = np.nan
    for kind in ("ols", "ordered"):
        model = DriverModel.from_columns(table, "ltr", ["app", "noise"], kind=kind)
        accounts = table["account"]
        shown = [
            model.fit(**how).summary_frame()
            for how in (
                {"clusters": "account"},
                {"clusters": accounts},
                {"cov_type": "cluster", "clusters": accounts.drop(4).to_numpy()},
                {"cov_type": "cluster", "cov_kwds": {"groups": accounts}},
                {"cov_type": "cluster", "clusters": {"groups": accounts}},
            )
        ]
        for other in shown[1:]:
            pd.testing.assert_frame_equal(shown[0], other)
        assert (shown[0]["std_error"] != model.fit().summary_frame()["std_error"]).all()
        drawn = model.importance(n_boot=60, cluster="account")
        pd.testing.assert_frame_equal(drawn, model.importance(n_boot=60, clusters=accounts))


@pytest.mark.parametrize("kind", ["ols", "ordered"])
def test_few_accounts_leave_few_degrees_of_freedom_to_the_interval_and_to_the_test(kind: Any) -> None:
    table = _ordered_table(60)
    found = (
        DriverModel.from_columns(table, "ltr", ["app", "noise"], kind=kind)
        .fit(clusters=np.arange(60) // 10)
        .summary_frame()
    )
    reach = (found["conf_high"] - found["estimate"]) / found["std_error"]
    assert reach.tolist() == pytest.approx([stats.t.ppf(0.975, 5)] * 2)
    expected = 2 * stats.t.sf((found["estimate"] / found["std_error"]).abs(), 5)
    assert found["p_value"].tolist() == pytest.approx(expected.tolist())


def test_an_ordered_model_tests_with_the_normal_distribution_and_shares_mcfaddens_r2() -> None:
    model = DriverModel.from_columns(_ordered_table(), "ltr", ["app", "noise"], kind="ordered").fit()
    found = model.summary_frame()
    expected = 2 * stats.norm.sf((found["estimate"] / found["std_error"]).abs())
    assert found["p_value"].tolist() == pytest.approx(expected.tolist())
    assert found["estimate"].tolist() == pytest.approx(model.result.slopes.tolist())
    shares = model.importance(n_boot=100)
    assert set(shares["metric"]) == {"mcfadden_r2"}
    assert shares["estimate"].sum() == pytest.approx(model.r2)
    assert (shares["conf_low"] <= shares["share"]).all()
    assert (shares["conf_low"] >= 0).all()
    pd.testing.assert_frame_equal(shares[["driver", "estimate"]], model.importance(n_boot=0)[["driver", "estimate"]])


@pytest.mark.realdata
def test_an_ordered_model_of_the_bank_agrees_with_r() -> None:
    bank = _needed("displayr_bank.csv").dropna()
    drivers = ["Fees", "Interest", "Phone", "Branch", "Online", "ATM"]
    model = DriverModel.from_columns(bank, "Overall", drivers, kind="ordered").fit()
    r = [1.0732777177, 0.80380991092, 1.0614854567, 0.86928381, 0.40552271647, 0.68370170308]
    assert model.summary_frame()["estimate"].tolist() == pytest.approx(r, abs=2e-8)
    assert model.importance(n_boot=0)["estimate"].sum() == pytest.approx(model.r2)


def test_a_driver_that_separates_is_withheld_with_the_reason_and_the_others_stand() -> None:
    table = _ordered_table()
    table["vip"] = (np.arange(150) < 12) * 1.0
    table.loc[table["vip"] == 1, ["ltr", "loyal"]] = 10.0, 1.0
    for kind, outcome in (("ordered", "ltr"), ("logit", "loyal")):
        model = DriverModel.from_columns(table, outcome, ["app", "vip"], kind=kind).fit()
        found = model.summary_frame().set_index("driver")
        assert model.separated == ("vip",)
        columns = ["estimate", "std_error", "p_value", "q_value", "conf_low", "conf_high"]
        assert found.loc["vip", columns].isna().all()
        assert found.loc["app", columns].notna().all()
        assert found["reason"].to_dict() == {
            "app": "",
            "vip": "it separates the answers: no finite coefficient is the best",
        }
        assert not found["sign_reversed"].any()
        shares = model.importance(n_boot=60)
        assert (shares["conf_low"] >= 0).all()
        assert (shares["conf_high"] <= 1).all()
        assert shares["n_failed"].eq(0).all()
    assert DriverModel.from_columns(table, "ltr", ["app", "vip"]).fit().separated == ()


def test_more_than_twelve_drivers_of_an_ordered_model_share_the_linear_r2_and_say_so() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(120, 13)), columns=[f"d{j}" for j in range(13)])
    table = X.assign(ltr=(5 + X["d0"] + rng.normal(size=120)).round().clip(0, 10))
    model = DriverModel.from_columns(table, "ltr", list(X), kind="ordered").fit()
    found = model.importance(n_boot=0)
    assert found["estimate"].tolist() == pytest.approx(
        DriverModel.from_columns(table, "ltr", list(X)).importance(n_boot=0)["estimate"].tolist()
    )
    assert set(found["metric"]) == {"r2"}
    assert found["note"].iloc[0] == (
        "shares of the linear R² of the same answers: 13 drivers have too many subsets for an ordered model"
    )
    twelve = model.importance(n_boot=0, always=["d12"])
    assert set(twelve["metric"]) == {"mcfadden_r2"}
    assert set(twelve["note"]) == {""}
    with pytest.raises(ValueError, match=r"13 drivers have 2\^13 subsets"):
        model.dominance()


@pytest.mark.parametrize("kind", ["ols", "ordered"])
def test_drivers_that_are_always_in_leave_what_they_add_to_the_others(kind: Any) -> None:
    table = _ordered_table()
    model = DriverModel.from_formula("ltr ~ app + noise + C(channel)", table, kind=kind).fit()
    found = model.importance(always=["channel"], n_boot=60)
    alone = DriverModel.from_formula("ltr ~ C(channel)", table, kind=kind).fit()
    assert found["driver"].tolist() == ["app", "noise"]
    assert found["estimate"].sum() == pytest.approx(model.r2 - alone.r2)
    with pytest.raises(ValueError, match="there is no driver `chanel`; did you mean `channel`"):
        model.importance(always=["chanel"])


@pytest.mark.parametrize("kind", ["ols", "ordered", "logit"])
def test_general_dominance_is_the_importance_and_first_and_last_are_its_ends(kind: Any) -> None:
    outcome = "loyal" if kind == "logit" else "ltr"
    model = DriverModel.from_formula(f"{outcome} ~ app + noise + C(channel)", _ordered_table(), kind=kind).fit()
    found = model.dominance()
    assert found.general.to_dict() == pytest.approx(
        model.importance(n_boot=0).set_index("driver")["estimate"].to_dict(), abs=1e-9
    )
    only_app = DriverModel.from_columns(_ordered_table(), outcome, ["app"], kind=kind).fit()
    without = DriverModel.from_formula(f"{outcome} ~ noise + C(channel)", _ordered_table(), kind=kind).fit()
    assert found.conditional.loc["app", 0] == pytest.approx(only_app.r2, abs=1e-9)
    assert found.conditional.loc["app", 2] == pytest.approx(model.r2 - without.r2, abs=1e-9)


def test_differences_of_shares_come_with_intervals_for_every_kind() -> None:
    for kind in ("ols", "ordered"):
        model = DriverModel.from_columns(_ordered_table(), "ltr", ["app", "noise"], kind=kind).fit()
        pair = model.resampled_importance(n_boot=100).differences().iloc[0]
        assert (pair["driver"], pair["other"]) == ("app", "noise")
        assert 0 < pair["conf_low"] < pair["estimate"] < pair["conf_high"] <= 1


@pytest.mark.parametrize("kind", ["ols", "ordered"])
def test_a_model_asks_whether_segments_differ_of_its_own_respondents(kind: Any) -> None:
    table = _ordered_table()
    table.loc[4, "app"] = np.nan
    model = DriverModel.from_columns(table, "ltr", ["app", "noise"], kind=kind, weights="weight")
    found = model.by("channel", cluster="account", min_base=20, n_boot=0)
    expected = segment_differences(
        table.dropna().assign(weight=lambda frame: frame["weight"] / frame["weight"].mean()), outcome="ltr",
        drivers=["app", "noise"], segment_col="channel", kind=kind, weights_col="weight", cluster_col="account", min_base=20,
        n_boot=0,
    )  # fmt: skip
    assert (found.statistic, found.df, found.p_value) == pytest.approx(
        (expected.statistic, expected.df, expected.p_value)
    )
    given = model.by(table["channel"], clusters="account", min_base=20, n_boot=0)
    assert given.p_value == found.p_value


def test_a_model_draws_the_map_and_the_asymmetry_of_its_own_respondents() -> None:
    table = _ordered_table()
    table.loc[4, "app"] = np.nan
    model = DriverModel.from_columns(table, "ltr", ["app", "noise"], kind="ordered", weights="weight")
    found = model.ipma(scale=(1, 5), outcome_scale=(0, 10), n_boot=0).set_index("driver")
    linear = DriverModel.from_columns(table, "ltr", ["app", "noise"], weights="weight").fit()
    # a point of 0 to 100 is 4/100 of an answer of 1 to 5, and 10/100 of one of 0 to 10
    assert found["importance"].tolist() == pytest.approx((linear.summary_frame()["estimate"] * 0.4).tolist())
    whole = table.dropna()
    assert found.loc["app", "performance"] == pytest.approx(
        np.average(100 * (whole["app"] - 1) / 4, weights=whole["weight"])
    )
    same = DriverModel.from_columns(table.assign(ltr=table["ltr"] / 10), "ltr", ["app", "noise"])
    assert same.ipma(scale=(0, 5), n_boot=0)["driver"].tolist() == ["app", "noise"]
    rewards = model.asymmetry(scale=(1, 5), n_boot=0)
    expected = penalty_reward(whole, "ltr", ["app", "noise"], scales=(1, 5), weights_col="weight", n_boot=0)
    assert rewards.table["reward"].tolist() == pytest.approx(expected.table["reward"].tolist())
    with pytest.raises(ValueError, match="give `outcome_scale`"):
        model.ipma(scale={"app": (1, 5), "noise": (1, 5)})
    categories = DriverModel.from_formula("ltr ~ app + C(channel)", table)
    with pytest.raises(ValueError, match="`channel` is no question on a scale"):
        categories.ipma(scale=(1, 5), outcome_scale=(0, 10))


def test_what_a_model_cannot_be_made_of_is_refused_by_name() -> None:
    table = _ordered_table()
    formula = DriverModel.from_formula
    with pytest.raises(ValueError, match="no column `ap`; did you mean `app`"):
        formula("ltr ~ ap + noise", table)
    with pytest.raises(ValueError, match=r"the formula 'ltr ~ app \+' cannot be read"):
        formula("ltr ~ app +", table)
    with pytest.raises(ValueError, match="the formula 'app' cannot be read"):
        formula("app", table)
    with pytest.raises(ValueError, match="leaves the constant out"):
        formula("ltr ~ 0 + app", table)
    with pytest.raises(ValueError, match="the outcome `channel` is no number; code it as one first"):
        formula("channel ~ app", table)
    with pytest.raises(ValueError, match=r"`np.log\(app\)` is not finite for some answers"):
        formula("ltr ~ np.log(app)", table.assign(app=table["app"] - 1))
    with pytest.raises(ValueError, match=r"`np.log\(app\)` is not finite for some answers"):
        formula("ltr ~ np.log(app)", table.assign(app=table["app"] - 2))
    with pytest.raises(ValueError, match="no row of 150 has all of app, ltr"):
        formula("ltr ~ app", table.assign(app=np.nan))
    with pytest.raises(ValueError, match="a logit needs an outcome of 0 and 1, got 2 in `ltr`"):
        formula("ltr ~ app", table.assign(ltr=table["ltr"].clip(2, 3)), kind="logit")
    with pytest.raises(ValueError, match="`kind` must be ols, ordered or logit, got 'probit'"):
        formula("ltr ~ app", table, kind="probit")  # type: ignore[arg-type]
    model = formula("ltr ~ app + noise", table, kind="ordered")
    with pytest.raises(ValueError, match="not fitted yet: call `fit"):
        model.summary_frame()
    with pytest.raises(ValueError, match="an ordered model has errors sandwich, cluster, nonrobust; got 'HC3'"):
        model.fit("HC3")
    with pytest.raises(ValueError, match="errors by account need the accounts"):
        model.fit("cluster")
    with pytest.raises(ValueError, match=r"3 accounts for 150 respondents \(of 150 rows\)"):
        model.fit(clusters=["a", "b", "c"])
    with pytest.raises(ValueError, match="no column `acount`; did you mean `account`"):
        model.fit(clusters="acount")
    with pytest.raises(ValueError, match="an ordered model shares its likelihood by method lmg, got 'johnson'"):
        model.importance("johnson")
    with pytest.raises(ValueError, match="follow from each other: app, twice; leave one out"):
        formula("ltr ~ app + noise + twice", table.assign(twice=2 * table["app"])).fit()


# ---------------------------------------------------------------------------------------------------- loyalty_drivers

TOUCHPOINTS = pd.DataFrame({"touchpoint": ["app", "shop", "phone"], "owner": ["Ada", None, "Carl"]})


def _items() -> pd.DataFrame:
    rows = [
        ("recommend", "Recommendation", "loyalty", 0, 10, None),
        ("overall", "Satisfaction overall", "satisfaction", 1, 5, None),
        ("app_good", "The app", "satisfaction", 1, 5, "app"),
        ("app_fast", "Speed of the app", "satisfaction", 1, 5, "app"),
        ("shop_good", "The shop", "satisfaction", 1, 5, "shop"),
        ("phone_good", "The phone line", "satisfaction", 1, 5, "phone"),
    ]
    return pd.DataFrame(rows, columns=["item", "label", "role", "low", "high", "touchpoint"])


def _responses(n: int = 400) -> pd.DataFrame:
    """Recommendation rises by 1.2 a point of the app, .5 a point of its speed, none of the shop; 3 in 10 used the phone."""
    rng = np.random.default_rng(3)
    scores = pd.DataFrame(
        rng.integers(1, 6, (n, 4)).astype(float), columns=["app_good", "app_fast", "shop_good", "phone_good"]
    )
    loyal = 1.5 + 1.2 * scores["app_good"] + 0.5 * scores["app_fast"] + rng.normal(size=n)
    scores.loc[np.arange(n) % 10 >= 3, "phone_good"] = np.nan
    scores.loc[::8, "shop_good"] = np.nan
    return scores.assign(
        recommend=loyal.round().clip(0, 10),
        overall=scores["app_good"],
        perspective="customer",
        survey="tracking",
        wave="2026-Q2",
        counted_at=pd.Timestamp("2026-05-01", tz="UTC"),
    )


def _drivers(responses: pd.DataFrame | None = None, items: pd.DataFrame | None = None, **more: Any) -> LoyaltyDrivers:
    responses = _responses() if responses is None else responses
    return loyalty_drivers(responses, _items() if items is None else items, TOUCHPOINTS, **{"n_boot": 100, **more})


@pytest.fixture(scope="module")
def found() -> LoyaltyDrivers:
    return _drivers()


def test_a_touchpoint_that_too_few_have_used_is_left_out_and_said(found: LoyaltyDrivers) -> None:
    assert found.drivers["driver"].tolist() == ["app_good", "app_fast", "shop_good"]
    assert found.left_out == ["The phone line"]
    assert "Too few have used the phone line to be in the model." in found.sentences()
    lost = found.lost.set_index("driver")
    assert lost["missing"].to_dict() == {"phone_good": 280, "shop_good": 50, "app_good": 0, "app_fast": 0}
    assert lost.loc["phone_good", "estimate"] == 70
    assert found.lost_words()["title"] == "The phone line was not answered by 70% of respondents, the most."


def test_respondents_who_count_and_who_lack_an_answer_add_up(found: LoyaltyDrivers) -> None:
    assert (found.n, found.n_asked) == (350, 400)
    assert set(found.drivers["n"]) == {350}
    assert found.base_sentence() == "350 of 400 respondents of 2026-Q2 who answered every driver, not weighted."
    assert not any("Only" in said for said in found.sentences())  # 88% answered all: no warning


def test_a_model_that_few_answered_says_so() -> None:
    few = _drivers(_responses(600), least_answered=0.3)
    assert few.left_out == []
    # every 10th to 3rd of ten, less each 8th: 180 used the phone, 23 of them left the shop out
    assert (few.n, few.n_asked) == (int(_responses(600)[["phone_good", "shop_good"]].notna().all(axis=1).sum()), 600)
    assert f"Only {few.n:,} of 600 respondents answered every driver" in few.sentences()[-1]


def test_the_driver_that_counts_most_is_the_headline(found: LoyaltyDrivers) -> None:
    top = found.drivers.set_index("driver").loc["app_good"]
    assert found.headline() == (
        f"The app counts most for recommendation: {top['share']:.0f}% ({top['conf_low']:.0f} to {top['conf_high']:.0f}%) "
        "of what the drivers explain."
    )
    assert found.drivers["share"].sum() == pytest.approx(100)
    assert found.drivers["r2_part"].sum() == pytest.approx(found.r2)
    assert found.product()["share"].sum() == pytest.approx(1)


def test_the_headline_says_so_where_a_driver_that_is_not_clear_has_the_larger_share(found: LoyaltyDrivers) -> None:
    rows = found.drivers.copy()
    rows.loc[rows["driver"] == "app_good", "q_value"] = 0.2
    said = dataclasses.replace(found, drivers=rows).headline()
    assert said.startswith("Of the drivers that are clear of chance speed of the app counts most for recommendation: ")


def test_no_claim_is_made_for_a_driver_that_is_not_clear_of_chance(found: LoyaltyDrivers) -> None:
    shop = found.drivers.set_index("driver").loc["shop_good"]
    assert shop["q_value"] >= 0.05
    assert shop["conf_low"] > 0  # the interval of a share is no test
    assert "shop_good" not in set(found.counting["driver"]) | set(found.priorities["driver"])
    assert found.focus() == ["The app", "Speed of the app"]
    assert found.product().set_index("driver")["clear"].to_dict() == {
        "app_good": True,
        "app_fast": True,
        "shop_good": False,
    }
    assert "With the others held fixed, the shop adds nothing that chance could not explain." in found.sentences()
    assert found.importance_words()["note"]["Grey"] == "The shop: the coefficient is not clear of chance"
    many = pd.concat([found.drivers] * 4, ignore_index=True)
    longer = dataclasses.replace(found, drivers=many)
    assert longer._named(many.iloc[1:]) == "the other 11 drivers", "eleven names in a row say less than their number"
    assert longer._named(many) == "all 12 drivers"
    assert longer._named(many.iloc[:1]) == "the app"
    said = {finding["name"]: finding["result"]["headline"] for finding in found.findings()}
    assert said["driver_shop"].endswith("of what the drivers explain, but its coefficient is not clear of chance.")
    assert said["driver_app_good"].endswith("of what the drivers explain.")
    assert found.model_words()["title"] == "2 of 3 coefficients are clear of chance once their number is counted."


def test_where_nothing_is_clear_nothing_is_claimed() -> None:
    responses = _responses()
    responses["recommend"] = np.random.default_rng(9).integers(0, 11, 400).astype(float)
    none = _drivers(responses)
    assert none.counting.empty
    assert none.headline() == "No driver clearly goes with recommendation once the others are held fixed."
    assert none.priorities.empty
    assert not any(finding["attention"] for finding in none.findings())
    assert none.map_words()["title"] == "No driver is settled to count more than the average and to be rated below it."


def test_findings_of_two_items_about_one_touchpoint_are_named_after_the_items(found: LoyaltyDrivers) -> None:
    findings = found.findings()
    assert [finding["name"] for finding in findings] == ["driver_app_good", "driver_app_fast", "driver_shop"]
    assert [finding["target"] for finding in findings] == ["app", "app", "shop"]
    assert [finding["owner"] for finding in findings] == ["Ada", "Ada", None]


def test_performance_is_the_share_of_the_two_best_answers_of_all_who_answered(found: LoyaltyDrivers) -> None:
    responses = _responses()
    for name, performance in found.drivers.set_index("driver")["performance"].items():
        known = responses[name].dropna()
        assert performance == pytest.approx(100 * (known >= 4).mean())


def test_a_driver_that_counts_and_is_rated_low_comes_first() -> None:
    responses = _responses()
    responses["app_good"] = np.ceil(responses["app_good"] / 2)  # 1 to 3: nobody satisfied
    first = _drivers(responses)
    assert first.priorities["driver"].tolist() == ["app_good"]
    said = "To be mended first, as it counts more than the average driver and is rated lower: the app."
    assert said in first.sentences()
    attention = {finding["name"]: finding["attention"] for finding in first.findings()}
    assert attention == {"driver_app_good": True, "driver_app_fast": False, "driver_shop": False}


def test_a_place_that_is_not_certain_is_said() -> None:
    responses = _responses()
    responses["recommend"] = (responses["app_good"] + responses["app_fast"]).clip(0, 10)
    responses["recommend"] += np.random.default_rng(1).integers(-2, 3, 400)
    even = _drivers(responses.assign(recommend=responses["recommend"].clip(0, 10)))
    assert even.headline().endswith("of what the drivers explain, though it may lie as low as place 2.")


def test_drivers_that_are_answered_alike_are_called_a_mood() -> None:
    responses = _responses()
    rng = np.random.default_rng(2)
    for name in ("app_fast", "shop_good"):
        responses[name] = (responses["app_good"] + (rng.random(400) < 0.2)).clip(1, 5)
    alike = _drivers(responses)
    assert alike.halo > 0.9
    assert any("answered much alike" in said and "the mood in which" in said for said in alike.sentences())
    assert not any("answered much alike" in said for said in _drivers().sentences())


def test_only_customers_of_the_newest_wave_of_the_largest_survey_count() -> None:
    older = _responses().assign(wave="2026-Q1", counted_at=pd.Timestamp("2026-02-01", tz="UTC"))
    staff = _responses().assign(perspective="employee")
    dive = _responses(200).assign(survey="deep_dive", wave="2026-H1", counted_at=pd.Timestamp("2026-06-01", tz="UTC"))
    everything = pd.concat([older, _responses(), staff, dive], ignore_index=True)
    assert (_drivers(everything).survey, _drivers(everything).wave, _drivers(everything).n_asked) == (
        "tracking",
        "2026-Q2",
        400,
    )
    assert _drivers(everything, survey="deep_dive").n_asked == 200


def test_weights_and_accounts_are_used_and_said_where_they_are_known() -> None:
    responses = _responses().assign(weight=np.tile([1.0, 3.0], 200), cluster=[f"A{i // 4}" for i in range(400)])
    both = _drivers(responses)
    assert both.weighted
    assert both.clustered
    assert both.base_sentence().endswith("who answered every driver, weighted, accounts as clusters.")
    assert "errors by account" in both.model_words()["note"]["Test"]
    assert "bootstrap of accounts" in both.importance_words()["note"]["Method"]
    known = responses["shop_good"].notna()
    expected = np.average(responses["shop_good"][known] >= 4, weights=responses["weight"][known])
    assert both.drivers.set_index("driver").loc["shop_good", "performance"] == pytest.approx(100 * expected)


def test_answers_without_an_account_beside_those_with_one_are_used() -> None:
    accounts = np.array([f"A{i // 4}" for i in range(400)], dtype=object)
    accounts[:8] = None
    assert _drivers(_responses().assign(cluster=accounts)).n == 350


def test_fewer_than_two_drivers_no_loyalty_and_too_few_answers_are_not_applicable() -> None:
    items = _items()
    with pytest.raises(NotApplicableError, match="at least two questions about satisfaction with parts"):
        _drivers(items=items[~items["item"].isin(["app_fast", "shop_good", "phone_good"])])
    with pytest.raises(NotApplicableError, match="at least two questions"):
        _drivers(least_answered=0.95, items=items[items["item"] != "app_fast"])
    with pytest.raises(NotApplicableError, match=r'a question about loyalty \(role = "loyalty"\)'):
        _drivers(items=items[items["role"] != "loyalty"])
    with pytest.raises(NotApplicableError, match="needs 150 respondents who answered every driver; 140 of 160 did"):
        _drivers(_responses(160))


def test_an_outcome_or_survey_that_is_not_there_is_a_wrong_parameter() -> None:
    with pytest.raises(ParameterError, match="`outcome`: `recomend` is no item; did you mean `recommend`"):
        _drivers(outcome="recomend")
    with pytest.raises(ParameterError, match="`survey`: `event` has no answers about recommend; choose another"):
        _drivers(survey="event")


def test_an_outcome_that_was_chosen_is_explained_and_is_no_driver() -> None:
    chosen = _drivers(outcome="app_fast")
    assert chosen.outcome == "Speed of the app"
    assert "app_fast" not in set(chosen.drivers["driver"])
