"""NPS, CSAT and CES."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

from cxlab.survey import ces, csat, nps


def answers(promoters: int, detractors: int, n: int) -> list[int]:
    return [9] * promoters + [6] * detractors + [8] * (n - promoters - detractors)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [((50, 20, 100), 14.051, 44.201), ((500, 200, 1000), 25.077, 34.744), ((20, 50, 100), -44.201, -14.051)],
)
def test_the_nps_interval_is_rocks_adjusted_wald(counts: tuple[int, int, int], low: float, high: float) -> None:
    found = nps(answers(*counts))
    assert found.estimate == pytest.approx(100 * (counts[0] - counts[1]) / counts[2], abs=1e-5)
    assert (found.conf_low, found.conf_high) == pytest.approx((low, high), abs=0.001)


def test_nps_of_five_people_by_hand() -> None:
    # 3 promoters (9, 10, 10), 1 passive (7), 1 detractor (0): (3 − 1)/5
    found = nps([9, 10, 10, 7, 0])
    assert found.estimate == pytest.approx(40)
    # s = 1, 1, 1, 0, −1 around 0.4: Σ = 3·0.36 + 0.16 + 1.96 = 3.2; SE² = 3.2/4/5
    assert found.std_error == pytest.approx(100 * math.sqrt(0.16))


def test_seven_and_eight_are_passive_six_is_not() -> None:
    assert nps([7, 8]).estimate == 0
    assert nps([6]).estimate == -100
    assert nps([9]).estimate == 100


def test_equal_weights_of_any_size_change_nothing() -> None:
    plain = nps(answers(30, 12, 60))
    weighted = nps(answers(30, 12, 60), weights=[2.5] * 60)
    assert weighted.to_frame().drop(columns=["label", "unit", "reason"]).iloc[0].tolist() == pytest.approx(
        plain.to_frame().drop(columns=["label", "unit", "reason"]).iloc[0].tolist()
    )


def test_a_weight_of_two_moves_the_estimate_like_a_second_respondent_and_not_the_base() -> None:
    found = nps([10, 0, 8], weights=[2, 1, 1])
    assert found.estimate == pytest.approx(nps([10, 10, 0, 8]).estimate)
    assert found.n == 3
    assert found.n_eff == pytest.approx(16 / 6)
    assert found.deff == pytest.approx(found.n * 6 / 16)
    assert found.to_frame()["deff"].iloc[0] == found.deff


def test_copies_of_respondents_inside_a_cluster_add_no_information() -> None:
    # each answer given three times within its cluster: the same mean and standard error as one answer each
    once = [10, 9, 8, 3, 0, 10]
    found = nps(np.repeat(once, 3), clusters=np.repeat(range(6), 3))
    assert found.std_error == pytest.approx(nps(once).std_error)
    alone = nps(once)
    assert found.conf_low < alone.conf_low  # Student's t instead of the normal


def test_missing_answers_are_counted_and_their_missing_weights_do_not_matter() -> None:
    found = nps([10, None, 0], weights=[1, np.nan, 1])
    assert (found.n, found.n_missing) == (2, 1)
    with pytest.raises(ValueError, match="1 respondents who answered have no weight"):
        nps([10, None, 0], weights=[1, 1, np.nan])


@pytest.mark.parametrize("wrong", [11, -1, 7.5, "Blank"])
def test_an_answer_off_the_ltr_scale_is_refused_by_value(wrong: object) -> None:
    with pytest.raises(ValueError, match=f"`ltr` holds .*whole numbers from 0 to 10.*{wrong}"):
        nps([10, wrong])


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="weight must be"):
        nps([10, 0], weights=[1, -1])


def test_weights_of_other_respondents_are_refused() -> None:
    scores = pd.Series([10, 0, 8], index=[1, 2, 3])
    with pytest.raises(ValueError, match="`weights` has another index than the answers"):
        nps(scores, weights=pd.Series([1, 1, 1], index=[2, 3, 4]))
    with pytest.raises(ValueError, match=r"`clusters` must be one column of 3 values, one an answer, got shape \(2,\)"):
        nps(scores, clusters=[1, 2])


def test_nobody_one_person_and_one_cluster_are_undefined_with_a_reason() -> None:
    nobody = nps([None, None])
    assert math.isnan(nobody.estimate)
    assert math.isnan(nobody.conf_low)
    assert nobody.headline() == "NPS cannot be stated: nobody answered (n 0)."
    one = nps([10])
    assert math.isnan(one.std_error)
    assert one.reason == "a single answer has no standard error"
    cluster = nps([10, 0, 8], clusters=["f", "f", "f"])
    assert math.isnan(cluster.conf_low)
    assert cluster.reason == "all answers come from one cluster, so there is no standard error"


def test_an_nps_where_everybody_is_a_promoter_has_an_interval_that_stays_on_the_scale() -> None:
    found = nps([10] * 12)
    assert found.estimate == 100
    assert found.std_error == 0
    assert found.conf_low < 90
    assert found.conf_high == 100


def test_csat_is_the_share_of_the_top_two_boxes_with_wilsons_interval() -> None:
    found = csat([5] * 50 + [4] * 31 + [3] * 100 + [1] * 82)
    low, high = proportion_confint(81, 263, method="wilson")
    assert found.estimate == pytest.approx(100 * 81 / 263)
    assert (found.conf_low, found.conf_high) == pytest.approx((100 * low, 100 * high))
    assert csat([5, 4, 3], top=1).estimate == pytest.approx(100 / 3)
    assert csat([10, 9, 8], scale=(0, 10)).estimate == pytest.approx(200 / 3)


def test_csat_refuses_a_top_box_as_wide_as_the_scale() -> None:
    with pytest.raises(ValueError, match="`top` must be a whole number from 1 to 4 on the scale 1 to 5, got 5"):
        csat([5], top=5)


def test_ces_turns_a_scale_on_which_high_is_hard() -> None:
    hard = ces([1, 2, 4], scale=(1, 7), high_is_easy=False)
    easy = ces([7, 6, 4], scale=(1, 7), high_is_easy=True)
    assert hard == easy
    assert hard.estimate == pytest.approx(17 / 3)


def test_the_ces_interval_is_students() -> None:
    scores = [2, 5, 6, 7, 7, 3]
    found = ces(scores, scale=(1, 7), high_is_easy=True, conf_level=0.9)
    assert (found.conf_low, found.conf_high) == pytest.approx(DescrStatsW(scores).tconfint_mean(alpha=0.1))


def test_ces_refuses_a_seven_on_a_five_point_scale() -> None:
    with pytest.raises(ValueError, match=r"from 1 to 5\): 7; .*keep questions on different scales apart"):
        ces([1, 5, 7], scale=(1, 5), high_is_easy=True)


def test_a_mean_of_equal_answers_has_no_interval_and_says_why() -> None:
    found = ces([4, 4, 4], scale=(1, 5), high_is_easy=True)
    assert found.estimate == 4
    assert math.isnan(found.conf_low)
    assert found.reason == "everybody gave the same answer, so there is no interval"


def test_strata_take_the_difference_between_them_out_of_the_standard_error() -> None:
    scores = [10, 9, 8, 10, 0, 3, 7, 2]
    strata = ["a"] * 4 + ["b"] * 4
    assert nps(scores, strata=strata).std_error < nps(scores).std_error
    assert csat([5, 4, 2, 1], strata=[1, 1, 2, 2]).std_error == 0


@pytest.mark.parametrize("seed", range(3))
def test_the_clustered_interval_uses_one_degree_of_freedom_less_than_clusters(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, flights = rng.integers(1, 8, 80), rng.integers(0, 9, 80)
    found = ces(scores, scale=(1, 7), high_is_easy=True, clusters=flights)
    reach = stats.t.ppf(0.975, len(set(flights)) - 1)
    assert found.conf_high - found.estimate == pytest.approx(reach * found.std_error)


@pytest.mark.parametrize("scores", [[10], [0], [10, 10], [10] * 5, [0, 0], [10, 0]])
def test_the_interval_of_nps_holds_its_estimate_however_few_answer(scores: list[int]) -> None:
    estimate = nps(scores)
    assert estimate.conf_low <= estimate.estimate <= estimate.conf_high
