"""Differences of drivers between segments: one joint test that is called as often as it should be, and small segments left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from cxlab.drivers.complete import complete_answers
from cxlab.drivers.groups import SegmentDifferences, segment_differences
from cxlab.drivers.robust import robust_fit
from cxlab.inference import benjamini_hochberg
from cxlab.inference.regression import least_squares

DRIVERS = ["app", "shop", "help"]


def _answers(seed: Any = 0, n: int = 240, *, planted: float = 0.0, accounts: int = 0) -> pd.DataFrame:
    """loyal rises by .5 a point of app and of shop; in segment b the app counts by `planted` more. b is happier by 1, and answers to
    the app spread the noise, so that only robust errors are right."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.normal(size=(n, 3)), columns=DRIVERS)
    table["shop"] += 0.5 * table["app"]
    which = rng.integers(0, 3, n)
    noise = rng.normal(size=n) * (1 + 0.5 * table["app"].abs())
    if accounts:
        table["account"] = rng.integers(0, accounts, n)
        noise += (
            rng.normal(size=accounts)[table["account"]]
            + 0.4 * rng.normal(size=accounts)[table["account"]] * table["app"]
        )
    loyal = 0.5 * table["app"] + 0.5 * table["shop"] + (which == 1) * (1 + planted * table["app"]) + noise
    return table.assign(loyal=loyal, segment=np.array(["a", "b", "c"])[which])


def _found(table: pd.DataFrame, **more: Any) -> SegmentDifferences:
    options: dict[str, Any] = {"outcome": "loyal", "drivers": DRIVERS, "segment_col": "segment", "n_boot": 0}
    return segment_differences(table, **options | more)


# ------------------------------------------------------------------------------------------------------------- robust_fit


def test_errors_and_shifts_agree_with_those_of_statsmodels_and_of_leaving_out_by_hand() -> None:
    rng = np.random.default_rng(1)
    X, w = rng.normal(size=(40, 2)), rng.integers(1, 4, 40).astype(float)
    y = X @ [1.0, -1.0] + rng.normal(size=40)
    one = robust_fit(X, y, w, np.arange(40))
    other = sm.WLS(y, sm.add_constant(X), weights=w).fit(cov_type="HC3")
    assert one.coefficients == pytest.approx(other.params)
    assert one.std_errors == pytest.approx(other.bse)
    assert (one.df, one.units, one.lost) == (37, 40, ())
    accounts = np.arange(40) // 5
    clustered = robust_fit(X, y, w, accounts)
    without = sm.WLS(y[5:], sm.add_constant(X[5:]), weights=w[5:]).fit().params
    assert clustered.moved[0] == pytest.approx(clustered.coefficients - without)
    design = np.column_stack([np.ones(40), X])
    assert clustered.std_errors == pytest.approx(least_squares(design, y, weights=w, clusters=accounts).std_errors)
    assert (clustered.df, clustered.units) == (7, 8)


def test_a_driver_without_spread_has_no_coefficient_and_the_others_keep_theirs() -> None:
    X = np.column_stack([[1.0, 2, 3, 4, 6], np.full(5, 3.0)])
    fit = robust_fit(X, np.array([1.0, 3, 2, 5, 4]), np.ones(5), np.arange(5))
    assert fit.lost == (2,)
    assert np.isnan(fit.coefficients[2])
    assert fit.coefficients[:2] == pytest.approx(np.polyfit(X[:, 0], [1.0, 3, 2, 5, 4], 1)[::-1])


# ------------------------------------------------------------------------------------------------------------------ linear


def test_two_segments_and_one_driver_are_the_difference_of_two_slopes_over_its_error() -> None:
    table = _answers().query("segment != 'c'")
    found = _found(table, drivers=["app"])
    fits = {}
    for name, rows in table.groupby("segment"):
        fits[name] = sm.OLS(rows["loyal"], sm.add_constant(rows[["app"]])).fit(cov_type="HC3")
    apart = fits["b"].params["app"] - fits["a"].params["app"]
    error = np.hypot(fits["a"].bse["app"], fits["b"].bse["app"])
    assert found.statistic == pytest.approx((apart / error) ** 2)
    assert (found.df, found.df_residual) == (1, len(table) - 4)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(apart / error), len(table) - 4))
    shown = found.coefficients.set_index("segment")
    assert shown["estimate"].to_dict() == pytest.approx({name: fit.params["app"] for name, fit in fits.items()})
    assert shown.loc["a", "conf_low"] == pytest.approx(fits["a"].conf_int().loc["app", 0], rel=0.02)


def test_segments_that_only_differ_in_level_are_called_different_one_time_in_twenty() -> None:
    p = np.array([_found(_answers([7, draw])).p_value for draw in range(60)])
    # 60 draws at 5%: 0 to 9 are what luck makes in 99.9% of such studies
    assert (p < 0.05).sum() <= stats.binom.ppf(0.9995, 60, 0.05)
    assert 17 <= (p < 0.5).sum() <= 43  # and half of them below a half: the test is not merely shy


def test_accounts_that_differ_are_not_taken_for_segments_that_do() -> None:
    p = np.array([_found(_answers([8, d], accounts=30), cluster_col="account").p_value for d in range(20)])
    assert (p < 0.05).sum() <= stats.binom.ppf(0.9995, 20, 0.05)


def test_a_planted_difference_is_found_and_belongs_to_its_driver() -> None:
    found = _found(_answers(n=600, planted=0.8))
    assert found.p_value < 0.001
    tests = found.tests.set_index("driver")
    assert list(tests.index[tests["reading"] == "differs"]) == ["app"]
    assert found.headline().startswith("The drivers differ between segments, clearly app (3 segments, n 600, p < 0.001")
    assert list(tests["q_value"]) == pytest.approx(benjamini_hochberg(tests["p_value"]))
    assert (found.df, set(tests["df"])) == (6, {2})
    by = found.coefficients.set_index(["segment", "driver"])
    assert by.loc[("b", "app"), "conf_low"] > by.loc[("a", "app"), "conf_high"]


def test_units_of_a_driver_the_order_of_rows_and_the_unit_of_weights_change_no_test() -> None:
    table = _answers(planted=0.3).assign(weight=np.tile([1.0, 2.0], 120))
    one = _found(table, weights_col="weight")
    turned = table.sample(frac=1, random_state=1).assign(
        weight=lambda t: 10 * t["weight"], app=lambda t: 100 * t["app"] + 5
    )
    other = _found(turned, weights_col="weight")
    assert other.statistic == pytest.approx(one.statistic)
    assert other.tests["p_value"].tolist() == pytest.approx(one.tests["p_value"].tolist())


def test_shares_stand_beside_the_coefficients_with_an_interval_around_them() -> None:
    shown = _found(_answers(planted=1.5), n_boot=100).to_frame()
    assert shown.groupby("segment")["share"].sum().tolist() == pytest.approx([1, 1, 1])
    assert (shown["share_low"] <= shown["share"]).all()
    assert (shown["share"] <= shown["share_high"]).all()
    b, a = (shown[(shown["segment"] == name) & (shown["driver"] == "app")].iloc[0] for name in "ba")
    assert b["share"] > a["share"]
    assert {"p_value", "q_value", "reading"} <= set(shown.columns)


def test_small_segments_rows_without_answer_and_rows_without_segment_are_left_out_and_counted() -> None:
    table = _answers()
    tiny = table.head(25).assign(segment="tiny")
    table.loc[:3, "app"] = np.nan
    table.loc[4:6, "segment"] = None
    found = _found(pd.concat([table, tiny], ignore_index=True))
    assert (found.n, found.n_small, found.n_left_out) == (233, 25, 7)
    segments = found.segments.set_index("segment")
    assert segments.loc["tiny", "reason"] == "25 respondents, 30 are needed"
    assert segments["kept"].tolist() == [True, True, True, False]
    assert "tiny" not in set(found.coefficients["segment"])
    each = _found(pd.concat([table, tiny]), min_base=5).segments.set_index("segment")
    assert each.loc["tiny", "reason"] == "25 respondents, 30 are needed"  # ten for each of three drivers
    assert segments["n"].sum() == 258
    assert "tiny" in set(_found(pd.concat([table, tiny]), min_base=20, least_per_driver=5).coefficients["segment"])


def test_a_segment_of_few_accounts_is_left_out_where_errors_are_by_account() -> None:
    table = _answers(accounts=30)
    table.loc[table["segment"] == "c", "account"] = 99
    found = _found(table, cluster_col="account")
    assert found.segments.set_index("segment").loc["c", "reason"] == "1 accounts, 5 are needed"
    assert found.test == "Wald test of all interactions, errors by account (CR3), Hotelling’s F"
    few = _answers(accounts=6)
    few["segment"] = np.where(few["segment"] == "c", "a", few["segment"])
    short = _found(few, cluster_col="account", drivers=["app", "shop", "help"])
    assert short.df_residual == 6 - 1 - 3 + 1
    many = _found(_answers(accounts=6), cluster_col="account")
    assert np.isnan(many.p_value)
    assert many.reason == "6 accounts cannot carry a test of 6 differences"


def test_with_one_segment_left_nothing_is_tested_and_the_reason_is_said() -> None:
    found = _found(_answers().query("segment == 'a'"))
    assert np.isnan(found.p_value)
    assert set(found.tests["reading"]) == {"not tested"}
    assert found.headline() == (
        "Whether drivers differ between segments cannot be said: 1 of 1 segments are large enough, two are needed."
    )
    assert len(found.coefficients) == 3


def test_a_driver_that_never_varies_in_a_segment_has_no_estimate_there_and_is_tested_between_the_others() -> None:
    table = _answers()
    table.loc[table["segment"] == "c", "help"] = 3.0
    found = _found(table)
    own = found.coefficients.set_index(["segment", "driver"])
    assert own.loc[("c", "help"), "reason"] == "no spread of its own in this segment"
    assert np.isnan(own.loc[("c", "help"), "estimate"])
    assert own.loc[("c", "app"), "std_error"] > 0
    assert found.tests.set_index("driver")["df"].to_dict() == {"app": 2, "shop": 2, "help": 1}
    assert found.df == 5


def test_columns_of_one_question_are_tested_as_one_driver() -> None:
    table = _answers(planted=0.4)
    apart, together = _found(table), _found(table, groups={"places": ["app", "help"]})
    assert together.tests["driver"].tolist() == ["places", "shop"]
    assert together.tests["df"].tolist() == [4, 2]
    assert (together.statistic, together.df) == (pytest.approx(apart.statistic), 6)
    assert together.tests.loc[1, "statistic"] == pytest.approx(apart.tests.set_index("driver").loc["shop", "statistic"])
    shown = together.to_frame().set_index(["segment", "driver"])
    assert shown.loc[("a", "help"), "p_value"] == together.tests.loc[0, "p_value"] == shown.loc[("b", "app"), "p_value"]
    flags = table.assign(loyal=(table["loyal"] > 0).astype(float))
    all_in_one = _found(flags, kind="logit", groups={"all": DRIVERS})
    assert all_in_one.tests.loc[0, "statistic"] == pytest.approx(all_in_one.statistic, abs=1e-6)
    assert all_in_one.tests.loc[0, "df"] == 6
    with pytest.raises(ValueError, match="`groups` names `ap`, which is no driver; did you mean `app`"):
        _found(table, groups={"x": ["ap"]})
    with pytest.raises(ValueError, match="`app` is in two groups, x and y"):
        _found(table, groups={"x": ["app"], "y": ["app"]})


# ----------------------------------------------------------------------------------------------------------------- ordered


def _ordered(seed: Any = 0, n: int = 300, planted: float = 0.0) -> pd.DataFrame:
    table = _answers(seed, n, planted=planted)
    noise = np.random.default_rng([99, *np.atleast_1d(seed)]).logistic(size=n)
    plain = 0.8 * table["app"] + 0.5 * table["shop"] + (table["segment"] == "b") * (1 + planted * table["app"]) + noise
    return table.assign(loyal=np.digitize(plain, [-1.5, 0, 1.5]).astype(float))


def test_a_binary_outcome_gives_the_likelihood_ratio_of_two_logits() -> None:
    table = _ordered().assign(loyal=lambda t: (t["loyal"] >= 2).astype(float))
    found = _found(table, kind="logit")
    dummies = pd.get_dummies(table["segment"], drop_first=True, dtype=float)
    plain = sm.add_constant(pd.concat([dummies, table[DRIVERS]], axis=1))
    crossed = [table[d] * dummies[s] for d in DRIVERS for s in dummies]
    small = sm.Logit(table["loyal"], plain).fit(disp=0)
    large = sm.Logit(table["loyal"], np.column_stack([plain, *crossed])).fit(disp=0)
    assert found.statistic == pytest.approx(2 * (large.llf - small.llf), abs=1e-6)
    assert found.p_value == pytest.approx(stats.chi2.sf(found.statistic, 6))
    without = [table[d] * dummies[s] for d in ("app", "shop") for s in dummies]
    middle = sm.Logit(table["loyal"], np.column_stack([plain, *without])).fit(disp=0)
    assert found.tests.set_index("driver").loc["help", "statistic"] == pytest.approx(
        2 * (large.llf - middle.llf), abs=1e-6
    )
    assert found.test.startswith("likelihood-ratio")


def test_an_ordered_difference_is_found_and_no_difference_is_not_called_too_often() -> None:
    assert list(_found(_ordered(n=600, planted=1.2), kind="ordered").tests.query("reading == 'differs'")["driver"]) == [
        "app"
    ]
    p = np.array([_found(_ordered([3, draw], n=200), kind="ordered").p_value for draw in range(10)])
    assert (p < 0.05).sum() <= stats.binom.ppf(0.9995, 10, 0.05)


def test_a_driver_that_separates_the_answers_of_a_segment_is_named_and_its_estimate_withheld() -> None:
    table = _ordered().assign(loyal=lambda t: (t["loyal"] >= 2).astype(float))
    here = table["segment"] == "c"
    table.loc[here, "loyal"] = (table.loc[here, "help"] > 0.2).astype(float)
    found = _found(table, kind="logit")
    assert "help" in found.separated
    own = found.coefficients.set_index(["segment", "driver"])
    assert np.isnan(own.loc[("c", "help"), "estimate"])
    assert own.loc[("c", "help"), "reason"].startswith("separates the answers")
    assert own.loc[("a", "help"), "std_error"] > 0
    assert found.tests.set_index("driver").loc["help", "reason"] == "help separates the answers of c"
    assert found.p_value < 0.01


def test_weighted_ordered_answers_are_tested_with_sandwich_errors_and_weights_of_one_change_no_slope() -> None:
    table = _ordered(n=600, planted=1.2).assign(one=1.0, account=np.arange(600) % 60)
    plain, weighted = _found(table, kind="ordered"), _found(table, kind="ordered", weights_col="one")
    assert weighted.coefficients["estimate"].tolist() == pytest.approx(
        plain.coefficients["estimate"].tolist(), abs=1e-6
    )
    assert weighted.test == "Wald test of all interactions, sandwich errors, F"
    assert weighted.p_value < 0.001
    assert weighted.statistic * 6 == pytest.approx(plain.statistic, rel=0.3)
    assert _found(table, kind="ordered", cluster_col="account").df_residual == 60 - 1 - 6 + 1


def test_segments_are_told_apart_by_what_they_are_not_by_how_they_are_written() -> None:
    table = _answers().assign(segment=lambda t: t["segment"].map({"a": 1, "b": "1", "c": 2}).astype(object))
    found = _found(table)
    assert sorted(found.segments["n"]) == sorted(_found(_answers()).segments["n"])
    assert found.statistic == pytest.approx(_found(_answers()).statistic)


# ----------------------------------------------------------------------------------------------------------------- refusals


def test_unknown_columns_text_repeated_names_and_outcomes_with_more_than_two_answers_are_refused() -> None:
    table = _answers()
    with pytest.raises(ValueError, match="the table has no column `ap`; did you mean `app`"):
        _found(table, drivers=["ap", "shop"])
    with pytest.raises(ValueError, match=r"`app` holds 'often' \(row 1\), which is no number"):
        _found(table.astype({"app": object}).assign(app=lambda t: t["app"].where(t.index != 1, "often")))
    with pytest.raises(ValueError, match="`app` is named twice"):
        _found(table, drivers=["app", "app"])
    with pytest.raises(ValueError, match="kind logit needs two"):
        _found(table, kind="logit")
    with pytest.raises(ValueError, match="`drivers` is empty"):
        _found(table, drivers=[])
    with pytest.raises(ValueError, match="the table has 2 columns `app`"):
        complete_answers(pd.concat([table, table[["app"]]], axis=1), outcome="loyal", drivers=["app"])
