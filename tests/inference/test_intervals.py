"""Means, shares and differences: worked by hand, by another library, and against published figures."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from cxlab.inference import (
    Difference,
    Estimate,
    detectable_difference,
    difference,
    effective_base,
    kish,
    linearised_mean,
    newcombe,
    wilson,
)


def test_without_weights_the_standard_error_is_the_textbook_one() -> None:
    y = [1.0, 2.0, 4.0, 9.0]
    found = linearised_mean(y)
    assert found.mean == 4
    assert found.std_error == pytest.approx(np.std(y, ddof=1) / 2)
    assert (found.n, found.n_eff, found.units, found.df) == (4, 4, 4, 3)


def test_a_weighted_mean_worked_by_hand() -> None:
    # Σw = 4, mean = (1·0 + 1·4 + 2·8)/4 = 5; z = (−5, −1, 6)/4; SE² = 3/2·(25 + 1 + 36)/16 = 5.8125
    found = linearised_mean([0, 4, 8], weights=[1, 1, 2])
    assert found.mean == 5
    assert found.std_error == pytest.approx(math.sqrt(5.8125))
    assert found.n_eff == pytest.approx(16 / 6)


def test_clusters_worked_by_hand_and_a_respondent_without_one_stands_alone() -> None:
    # mean 4; z = (−3, −1, 1, 3)/4; clusters {1, 2}, {3}, {4} sum to −1, ¼, ¾; SE² = 3/2·(1 + 1/16 + 9/16) = 2.4375
    found = linearised_mean([1, 3, 5, 7], clusters=["a", "a", None, float("nan")])
    assert found.units == 3
    assert found.df == 2
    assert found.std_error == pytest.approx(math.sqrt(2.4375))


def test_strata_worked_by_hand() -> None:
    # z = (−3, −1, 1, 3)/4; within each stratum ±¼ around its mean; SE² = 2·(2·(1/16)) + the same again = ½
    found = linearised_mean([1, 3, 5, 7], strata=["x", "x", "y", "y"])
    assert found.std_error == pytest.approx(math.sqrt(0.5))
    assert found.df == 2


def test_one_stratum_is_no_stratum() -> None:
    y, w = [1, 4, 4, 2, 8], [1, 2, 1, 1, 3]
    assert linearised_mean(y, w, strata=["x"] * 5) == linearised_mean(y, w)


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ([1, float("nan"), 1], "1 respondents who answered have no weight"),
        ([1, -2, 1], "weight must be a finite number from 0 upwards, got -2"),
        ([1, "heavy", 1], "have no weight that is a number"),
        ([1, float("inf"), 1], "got inf"),
        ([0, 0, 0], "every weight of the 3 respondents"),
        ([1, 1], "2 weights for 3 respondents"),
    ],
)
def test_an_impossible_weight_is_refused(weights: list[object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        linearised_mean([1, 2, 3], weights=weights)


def test_missing_values_lone_strata_and_split_clusters_are_refused() -> None:
    with pytest.raises(ValueError, match="1 values of `y` are missing"):
        linearised_mean([1, float("nan")])
    with pytest.raises(ValueError, match="a stratum has a single respondent"):
        linearised_mean([1, 2, 3], strata=["x", "x", "y"])
    with pytest.raises(ValueError, match="1 respondents have no stratum"):
        linearised_mean([1, 2, 3], strata=["x", "x", None])
    with pytest.raises(ValueError, match="a cluster lies in several strata"):
        linearised_mean([1, 2, 3, 4], clusters=[1, 1, 1, 2], strata=["x", "x", "y", "y"])


def test_nobody_and_one_have_no_standard_error() -> None:
    assert math.isnan(linearised_mean([]).mean)
    assert linearised_mean([3]).mean == 3
    assert math.isnan(linearised_mean([3]).std_error)


def test_the_effective_base_is_n_without_weights_and_kish_where_nobody_differs() -> None:
    y = [0, 1, 1, 1]
    assert effective_base(0.75 * 0.25, linearised_mean(y)) == pytest.approx(4)
    assert effective_base(0.0, linearised_mean([1, 1, 1], weights=[1, 1, 2])) == pytest.approx(16 / 6)
    assert kish([1, 1, 2]) == pytest.approx(16 / 6)


def test_wilson_agrees_with_newcombe_1998_and_statsmodels() -> None:
    assert wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    for count, n in ((0, 7), (3, 7), (7, 7), (15, 148)):
        assert wilson(count / n, n, 0.9) == pytest.approx(proportion_confint(count, n, alpha=0.1, method="wilson"))
    assert wilson(0.0, 5)[0] == 0
    assert wilson(1.0, 5)[1] == 1


def test_newcombe_agrees_with_newcombe_1998_and_statsmodels() -> None:
    assert newcombe(48 / 80, 80, 56 / 70, 70) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    expected = confint_proportions_2indep(9, 10, 3, 10, method="newcomb")
    assert newcombe(0.3, 10, 0.9, 10) == pytest.approx(expected)


def test_a_share_in_percent_is_refused() -> None:
    with pytest.raises(ValueError, match="got 81; divide percentages by 100"):
        wilson(81, 263)


def test_the_difference_of_two_estimates_adds_their_variances() -> None:
    before = Estimate(40, 3, 34, 46, 0.95, 300)
    after = Estimate(30, 4, 22, 38, 0.95, 200)
    found = difference(before, after, label="NPS", unit="points")
    assert (found.estimate, found.std_error, found.n) == (-10, 5, 500)
    assert found.p_value == pytest.approx(2 * stats.norm.sf(2))
    assert (found.conf_low, found.conf_high) == pytest.approx((-19.8, -0.2), abs=0.001)
    assert found.headline() == "NPS fell by 10 points, between 0 and 20 (n 300 before, 200 after)."


def test_a_difference_with_an_undefined_estimate_is_undefined_and_says_why() -> None:
    found = difference(
        SimpleNamespace(estimate=math.nan, std_error=math.nan, n=12), SimpleNamespace(estimate=3.0, std_error=1.0, n=50)
    )
    assert math.isnan(found.estimate)
    assert math.isnan(found.p_value)
    assert found.reason == "one of the two estimates is not defined"


def test_a_difference_without_standard_error_has_no_interval() -> None:
    found = difference(Estimate(3, 0, 3, 3, 0.95, 9), Estimate(4, 0, 4, 4, 0.95, 9))
    assert found.estimate == 1
    assert math.isnan(found.p_value)
    assert math.isnan(found.conf_low)
    assert found.reason == "the standard errors are not defined or 0"


def test_a_confidence_level_in_percent_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`conf_level` must be between 0 and 1, got 95; 95% is 0\.95"):
        wilson(0.5, 10, 95)


def test_the_detectable_difference_turns_the_sample_size_formula_round() -> None:
    # promoters .5, detractors .2: 3,831 respondents a wave see 5 points with 80% power
    variance = 0.5 + 0.2 - 0.3**2
    assert detectable_difference(100 * math.sqrt(2 * variance / 3831)) == pytest.approx(5, abs=0.001)
    effect = NormalIndPower().solve_power(nobs1=50, alpha=0.1, power=0.9)
    assert detectable_difference(math.sqrt(2 / 50), power=0.9, conf_level=0.9) == pytest.approx(effect, rel=1e-4)
    with pytest.raises(ValueError, match=r"`power` must be from 0\.5 to below 1, got 80"):
        detectable_difference(1, power=80)


def test_every_field_is_a_column() -> None:
    row = Difference(1, 2, 3, 4, 0.9, 5, p_value=0.5, n_before=2, n_after=3).to_frame()
    assert len(row) == 1
    assert {"estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "p_value", "reason"} <= set(
        row.columns
    )
