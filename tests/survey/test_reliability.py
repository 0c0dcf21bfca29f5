"""Index scales: alpha by hand and as R's psych has it, omega against planted loadings, intervals by coverage."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from statsmodels.multivariate.factor import Factor

from cxlab.survey.reliability import feldt, index_scale, one_factor

# R's `attitude` (Chatterjee & Price 1977): favourable answers in 30 departments, percent
ATTITUDE = """43 51 30 39 61 92 45 63 64 51 54 63 73 47 71 70 68 69 76 86 48 61 63 45 47 54 84 35 81 78 56 66 71 83 47 43 55
49 44 54 49 34 58 67 42 56 66 68 35 71 75 50 55 70 66 41 72 82 72 67 71 83 31 67 61 45 47 62 80 41 64 53 53 58 58 67 34 67 60
47 39 59 74 41 69 62 57 42 55 63 25 68 83 83 45 59 77 35 77 77 54 72 79 77 46 81 90 50 72 60 54 36 74 85 64 69 79 79 63 65 60
65 75 55 80 60 65 70 46 57 75 85 46 50 58 68 54 64 78 52 50 40 33 34 43 64 33 64 61 52 62 66 80 41 53 66 52 50 63 80 37 40 37
42 58 50 57 49 63 54 42 48 66 75 33 66 77 66 63 88 76 72 78 75 58 74 80 78 49 48 57 44 45 51 83 38 85 85 71 71 77 74 55 82 82
39 59 64 78 39"""
NAMES = ["rating", "complaints", "privileges", "learning", "raises", "critical", "advance"]
ABC = ["a", "b", "c"]
FOUR = pd.DataFrame({"a": [1, 2, 4, 5], "b": [1, 3, 4, 4], "c": [2, 3, 3, 5]})


def with_correlations(R: Any, n: int = 200, seed: int = 1) -> pd.DataFrame:
    """Answers with exactly these correlations and standard deviation 1."""
    z = np.random.default_rng(seed).normal(size=(n, len(R)))
    z = np.linalg.solve(np.linalg.cholesky(np.cov(z.T)), (z - z.mean(axis=0)).T)
    return pd.DataFrame((np.linalg.cholesky(np.asarray(R)) @ z).T, columns=list("abcdef")[: len(R)])


def congeneric(load: Any, theta: Any, n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Items = load · the common thing + an own part with the variance theta."""
    common, own = rng.normal(size=(n, 1)), rng.normal(size=(n, len(load)))
    return pd.DataFrame(common * np.asarray(load) + own * np.sqrt(theta), columns=list("abcdef")[: len(load)])


def test_alpha_item_rest_and_alpha_if_dropped_are_as_worked_by_hand() -> None:
    # variances 10/3, 2, 19/12, of the sum 73/4: alpha = 3/2·(1 − (83/12)/(73/4)) = 204/219
    # a with b + c: Σ of products 13, sums of squares 10 and 18.75; without c: 2·(1 − (16/3)/10)
    result = index_scale(FOUR, ABC, scale=(1, 5), n_boot=0)
    assert result.alpha.estimate == pytest.approx(204 / 219)
    assert result.items["item_rest"].iloc[0] == pytest.approx(13 / math.sqrt(187.5))
    assert result.items["alpha_if_dropped"].iloc[2] == pytest.approx(14 / 15)
    assert result.average_r.estimate == pytest.approx((FOUR.corr().to_numpy().sum() - 3) / 6)


def test_the_attitude_data_give_the_figures_of_psych() -> None:
    # psych::alpha(attitude): raw_alpha 0.843, average_r 0.427, Feldt 0.74 to 0.92, and alpha.drop
    frame = pd.DataFrame(np.array(ATTITUDE.split(), dtype=float).reshape(30, 7), columns=NAMES)
    result = index_scale(frame, NAMES, scale=(0, 100), random_state=1)
    assert round(result.alpha.estimate, 3) == 0.843
    assert round(result.average_r.estimate, 3) == 0.427
    assert (round(result.alpha.conf_low, 2), round(result.alpha.conf_high, 2)) == (0.74, 0.92)
    dropped = [0.810, 0.797, 0.828, 0.803, 0.795, 0.864, 0.840]
    assert result.items["alpha_if_dropped"].round(3).tolist() == dropped
    assert result.alpha.n == result.n_complete == 30


def test_with_two_items_feldts_interval_is_that_of_a_ratio_of_variances() -> None:
    # by another route: the interval of (1 − ρ) is (1 − alpha) times the ends of F(n − 1, (n − 1)(k − 1)); F.975(9, 9) = 4.026
    low, high = feldt(0.6, 10, 2)
    assert (low, high) == (pytest.approx(1 - 0.4 * 4.026, abs=5e-4), pytest.approx(1 - 0.4 / 4.026, abs=5e-4))


def test_feldts_interval_holds_the_true_reliability_in_about_95_of_100_sets() -> None:
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(300):  # equal loadings 1, own variances 1: reliability of four items 16/20
        alpha = index_scale(congeneric([1] * 4, [1] * 4, 40, rng), list("abcd"), scale=(-50, 50), n_boot=0).alpha
        held += alpha.conf_low <= 0.8 <= alpha.conf_high
    assert held / 300 == pytest.approx(0.95, abs=2 * math.sqrt(0.95 * 0.05 / 300))


def test_three_correlations_give_the_loadings_by_hand() -> None:
    # .8·.6 = .48, .8·.5 = .40, .6·.5 = .30; omega = 1.9²/(1.9² + .36 + .64 + .75)
    R = np.array([[1, 0.48, 0.40], [0.48, 1, 0.30], [0.40, 0.30, 1]])
    load, unique = one_factor(R[None])
    assert load[0] == pytest.approx([0.8, 0.6, 0.5], abs=1e-5)
    assert unique[0] == pytest.approx([0.36, 0.64, 0.75], abs=1e-5)
    result = index_scale(with_correlations(R), ABC, scale=(-9, 9), n_boot=0)
    assert result.omega.estimate == pytest.approx(3.61 / 5.36, abs=1e-5)
    assert result.srmr == pytest.approx(0, abs=1e-5)


def test_loadings_are_those_of_statsmodels() -> None:
    frame = congeneric([0.9, 0.7, 0.5, 0.4], [0.5, 0.5, 0.8, 1.0], 300, np.random.default_rng(3))
    R = np.corrcoef(frame.T)
    fit = Factor(n_factor=1, corr=R, method="ml", nobs=300).fit(start=(np.full((4, 1), 0.6), np.full(4, 0.64)))
    load, unique = one_factor(R[None])
    assert load[0] == pytest.approx(np.abs(fit.loadings[:, 0]), abs=1e-4)
    assert unique[0] == pytest.approx(fit.uniqueness, abs=1e-4)


def test_a_stack_of_matrices_is_fitted_as_one_by_one() -> None:
    stack = np.stack([with_correlations(np.eye(4) * (1 - r) + r).corr().to_numpy() for r in (0.2, 0.5, 0.8)])
    together = one_factor(stack)[0]
    assert together == pytest.approx(np.concatenate([one_factor(R[None])[0] for R in stack]), abs=1e-6)
    # items that all correlate r load √r
    assert together[:, 0] == pytest.approx(np.sqrt([0.2, 0.5, 0.8]), abs=1e-5)


def test_omega_finds_the_planted_reliability_and_alpha_is_below_it() -> None:
    load, theta = np.array([1.2, 0.9, 0.5, 0.3]), np.array([0.4, 0.6, 0.8, 1.0])
    planted = load.sum() ** 2 / (load.sum() ** 2 + theta.sum())
    true_alpha = 4 / 3 * (1 - (load**2 + theta).sum() / (load.sum() ** 2 + theta.sum()))
    frame = congeneric(load, theta, 4000, np.random.default_rng(5))
    result = index_scale(frame, list("abcd"), scale=(-50, 50), random_state=1)
    assert abs(result.omega.estimate - planted) < 3 * result.omega.std_error
    assert abs(result.alpha.estimate - true_alpha) < 3 * result.alpha.std_error
    assert result.omega.estimate - result.alpha.estimate == pytest.approx(planted - true_alpha, abs=0.01)


def test_alpha_and_omega_agree_where_all_items_follow_equally_closely() -> None:
    frame = congeneric([1] * 5, [0.5, 0.8, 1.0, 1.2, 1.5], 4000, np.random.default_rng(6))
    result = index_scale(frame, list("abcde"), scale=(-50, 50), n_boot=0)
    assert result.alpha.estimate == pytest.approx(25 / 30, abs=0.015)
    assert result.omega.estimate == pytest.approx(result.alpha.estimate, abs=0.002)


def test_the_bootstrap_interval_of_omega_holds_the_planted_value_in_about_95_of_100_sets() -> None:
    load, theta = [0.9, 0.8, 0.7, 0.6], [0.5, 0.5, 0.6, 0.7]
    planted, rng, held = 9 / (9 + 2.3), np.random.default_rng(21), 0
    for seed in range(100):
        frame = congeneric(load, theta, 150, rng)
        omega = index_scale(frame, list("abcd"), scale=(-50, 50), n_boot=200, random_state=seed).omega
        held += omega.conf_low <= planted <= omega.conf_high
    assert held / 100 == pytest.approx(0.95, abs=2 * math.sqrt(0.95 * 0.05 / 100))


def test_the_index_is_the_mean_of_what_was_answered_and_turned_where_reversed() -> None:
    frame = pd.DataFrame(
        {"a": [5, 4, None, None, 1], "b": [4, None, None, 2, 1], "c": [1, 2, 3, None, 5]}, index=list("vwxyz")
    )
    result = index_scale(frame, ABC, scale=(1, 5), reversed=["c"], least_answered=0.5, n_boot=0)
    # c turned: 5, 4, 3, –, 1; two of three answers are needed
    assert result.index.index.tolist() == list("vwxyz")
    assert result.index.round(6).tolist()[:2] == [round(14 / 3, 6), 4.0]
    assert result.index.isna().tolist() == [False, False, True, True, False]
    assert result.index["z"] == 1
    assert (result.mean.n, result.mean.n_missing, result.n_partial, result.n_silent, result.n_complete) == (
        3,
        2,
        2,
        0,
        2,
    )
    assert result.items["n"].tolist() == [3, 3, 4]
    assert result.items["mean"].tolist() == pytest.approx([10 / 3, 7 / 3, 13 / 4])
    assert index_scale(frame, ABC, scale=(1, 5), reversed=["c"], n_boot=0).index.notna().sum() == 2


def test_the_mean_of_the_index_is_weighted_and_reliability_is_not() -> None:
    plain = index_scale(FOUR, ABC, scale=(1, 5), n_boot=0)
    weighted = index_scale(FOUR, ABC, scale=(1, 5), weights=[1, 1, 1, 3], n_boot=0)
    # indices 4/3, 8/3, 11/3, 14/3
    assert plain.mean.estimate == pytest.approx(37 / 12)
    assert weighted.mean.estimate == pytest.approx((4 + 8 + 11 + 3 * 14) / 3 / 6)
    assert weighted.mean.n_eff == pytest.approx(36 / 12)
    assert weighted.alpha == plain.alpha
    # the interval of the plain mean: t of 3 degrees of freedom, s/√n
    index = np.array([4, 8, 11, 14]) / 3
    assert plain.mean.conf_high == pytest.approx(index.mean() + 3.18245 * index.std(ddof=1) / 2, abs=1e-4)


def test_answers_repeated_within_an_account_do_not_narrow_an_interval_with_clusters() -> None:
    once = congeneric([1] * 4, [1] * 4, 100, np.random.default_rng(9))
    four = pd.concat([once] * 4, ignore_index=True)
    account = np.tile(np.arange(100), 4)
    single = index_scale(once, list("abcd"), scale=(-50, 50), n_boot=4000, random_state=1)
    blind = index_scale(four, list("abcd"), scale=(-50, 50), n_boot=4000, random_state=1)
    knows = index_scale(four, list("abcd"), scale=(-50, 50), clusters=account, n_boot=4000, random_state=1)
    assert knows.omega.std_error == pytest.approx(single.omega.std_error, rel=0.06)
    assert knows.omega.std_error == pytest.approx(2 * blind.omega.std_error, rel=0.08)
    assert knows.alpha.conf_high - knows.alpha.conf_low > 1.5 * (blind.alpha.conf_high - blind.alpha.conf_low)


def test_an_item_that_runs_against_the_others_is_asked_about() -> None:
    frame = FOUR.assign(c=6 - FOUR["c"])
    result = index_scale(frame, ABC, scale=(1, 5), n_boot=0)
    assert result.items["asks_reversed"].tolist() == [False, False, True]
    assert "`c` runs against the other items (is it reversed?)" in result.headline()
    # c with a + b: Σ of products −10, sums of squares 4.75 and 30
    assert result.items["item_rest"].iloc[2] == pytest.approx(-10 / math.sqrt(142.5))
    assert "`c` runs against the other items (item-rest correlation −0.84)" in result.cautions()[0]
    turned = index_scale(frame, ABC, scale=(1, 5), reversed=["c"], n_boot=0)
    assert turned.alpha.estimate == pytest.approx(204 / 219)
    assert not turned.items["asks_reversed"].any()


def test_two_topics_have_a_high_alpha_and_a_factor_that_does_not_fit() -> None:
    R = np.kron(np.eye(2), np.full((3, 3), 0.8)) + np.eye(6) * 0.2
    result = index_scale(with_correlations(R), list("abcdef"), scale=(-9, 9), n_boot=0)
    # 6/5·(1 − 6/(6 + 6·2·.8))
    assert result.alpha.estimate == pytest.approx(6 / 5 * (1 - 6 / 15.6))
    assert result.srmr > 0.2
    assert any("may measure more than one thing" in caution for caution in result.cautions())


def test_a_factor_that_is_one_item_is_cautioned_against() -> None:
    # λ² of a would have to be .6·.6/.2 = 1.8
    R = [[1, 0.6, 0.6], [0.6, 1, 0.2], [0.6, 0.2, 1]]
    result = index_scale(with_correlations(R), ABC, scale=(-9, 9), n_boot=0)
    assert result.improper == ("a",)
    assert 0 < result.omega.estimate < 1
    assert any("almost `a` alone" in caution for caution in result.cautions())


def test_two_items_have_an_alpha_and_no_omega() -> None:
    result = index_scale(FOUR, ["a", "b"], scale=(1, 5), random_state=1)
    # Spearman and Brown with equal variances in general: 2·(1 − (16/3)/10)
    assert result.alpha.estimate == pytest.approx(14 / 15)
    assert math.isnan(result.omega.estimate)
    assert result.omega.reason.startswith("omega needs three items")
    assert result.items["alpha_if_dropped"].isna().all()
    assert "by alpha" in result.headline()
    assert "omega" not in result.headline()


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ({"a": [1, None, 3], "b": [None, 2, 4]}, "a single respondent answered every item"),
        ({"a": [1, 2, None, None], "b": [None, None, 3, 4]}, "nobody answered every item"),
        (
            {"a": [2, 2, 2, 5], "b": [1, 2, 3, None]},
            "`a` has no spread among the 3 respondents who answered every item",
        ),
        ({"a": [1, 2, 3], "b": [3, 2, 1]}, "the sum of the items is the same for everybody"),
    ],
)
def test_a_reliability_that_is_not_defined_says_why(frame: dict[str, list[float]], reason: str) -> None:
    result = index_scale(pd.DataFrame(frame), list(frame), scale=(1, 5))
    assert math.isnan(result.alpha.estimate)
    assert result.alpha.reason == result.omega.reason == reason
    assert f"reliability cannot be stated: {reason}" in result.headline()
    assert result.n_draws == 0


def test_intervals_of_the_bootstrap_are_left_out_where_it_cannot_be_drawn() -> None:
    frame = congeneric([1] * 3, [1] * 3, 50, np.random.default_rng(2))
    one = index_scale(frame, ABC, scale=(-50, 50), clusters=["x"] * 50)
    assert one.omega.reason == one.alpha.reason == "the respondents who answered every item are one cluster"
    none = index_scale(frame, ABC, scale=(-50, 50), n_boot=0)
    assert math.isnan(none.omega.conf_low)
    assert none.omega.reason == "no resamples were drawn"
    assert none.alpha.conf_low < none.alpha.estimate < none.alpha.conf_high


def test_the_same_random_state_gives_the_same_interval_and_another_another() -> None:
    frame = congeneric([1] * 3, [1] * 3, 50, np.random.default_rng(2))
    ends = [index_scale(frame, ABC, scale=(-50, 50), n_boot=200, random_state=s).omega.conf_low for s in (1, 1, 2)]
    assert ends[0] == ends[1] != ends[2]


def test_the_table_has_the_columns_of_every_estimate_and_the_headline_its_figures() -> None:
    frame = congeneric([1] * 3, [1] * 3, 400, np.random.default_rng(2)).round().clip(-2, 2) + 3
    result = index_scale(frame, ABC, scale=(1, 5), random_state=1)
    table = result.to_frame()
    assert table["measure"].tolist() == ["mean", "alpha", "omega", "average_r"]
    assert {"estimate", "std_error", "conf_low", "conf_high", "conf_level", "n"} <= set(table.columns)
    assert table[["estimate", "std_error", "conf_low", "conf_high"]].notna().all(axis=None)
    alpha = result.alpha
    said = f"{alpha.estimate:.2f} ({alpha.conf_low:.2f} to {alpha.conf_high:.2f}) by alpha"
    assert said in result.headline()
    assert result.headline().startswith(
        "The index of 3 items is 2.9 on a scale of 1 to 5, between 2.8 and 3.0 (n 400);"
    )
    assert "equally spaced" in result.cautions()[-1]
    yes_no = index_scale((frame > 3).astype(int), ABC, scale=(0, 1), n_boot=0)
    assert "2 different answers" in yes_no.cautions()[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"items": ["a"]}, "an index needs at least two items, got 1"),
        ({"items": "a"}, '`items` must be a list of columns, got "a"'),
        ({"items": ["a", "b", "d"]}, "the table has no column `d`"),
        ({"items": ["a", "b", "a"]}, "`a` is 2 times among the items"),
        ({"items": ["a", "b"], "reversed": ["c"]}, "`c` is reversed but not among the items (a, b)"),
        ({"scale": (1, 4)}, "`a` holds answers off the scale (from 1 to 4): 5"),
        ({"frame": FOUR.assign(b=3)}, "`b` has no spread: all 4 answers are 3"),
        ({"frame": FOUR.assign(b=math.nan)}, "nobody answered `b`"),
        ({"least_answered": 50}, "`least_answered` must be a share of the items, above 0 and at most 1, got 50"),
        ({"n_boot": 20}, "`n_boot` must be 0 or a whole number from 100 upwards, got 20"),
        ({"conf_level": 95}, "`conf_level` must be between 0 and 1, got 95"),
        ({"weights": [1, 1, None, 1]}, "1 respondents who answered have no weight"),
        ({"weights": [1, 1]}, "`weights` must be one column of 4 values"),
    ],
)
def test_what_makes_no_index_is_refused_by_name(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as refused:
        index_scale(**({"frame": FOUR, "items": ABC, "scale": (1, 5), "n_boot": 0} | change))
    assert said in str(refused.value)
