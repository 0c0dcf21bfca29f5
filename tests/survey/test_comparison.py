"""Groups and waves against each other."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.weightstats import ttest_ind

from cxlab.survey import compare, nps, nps_change


def test_the_change_is_the_difference_of_two_nps_and_adds_their_variances() -> None:
    before, after = [10, 9, 8, 2, 10, 7], [10, 0, 3, 8, 9]
    found = nps_change(before, after)
    assert found.estimate == pytest.approx(nps(after).estimate - nps(before).estimate)
    assert found.std_error == pytest.approx(math.hypot(nps(before).std_error, nps(after).std_error))
    assert (found.n, found.n_before, found.n_after) == (11, 6, 5)


def test_the_change_by_hand_from_the_adjusted_centres() -> None:
    # before: 50/20/100 → P̃ = 50.75/103, D̃ = 20.75/103; after: the shares swapped
    before, after = [9] * 50 + [0] * 20 + [8] * 30, [9] * 20 + [0] * 50 + [8] * 30
    centre = 30 / 103
    variance = (71.5 / 103 - centre**2) / 103
    z = -2 * centre / math.sqrt(2 * variance)
    found = nps_change(before, after)
    assert found.p_value == pytest.approx(2 * stats.norm.sf(-z))
    half = stats.norm.ppf(0.975) * math.sqrt(2 * variance)
    assert (found.conf_low, found.conf_high) == pytest.approx((100 * (-2 * centre - half), 100 * (-2 * centre + half)))


def test_exchanging_the_waves_turns_the_sign_and_nothing_else() -> None:
    one, other = [10, 9, 8, 2, 10, 7], [10, 0, 3, 8, 9]
    forth, back = nps_change(one, other), nps_change(other, one)
    assert forth.estimate == -back.estimate
    assert forth.conf_low == pytest.approx(-back.conf_high)
    assert forth.p_value == pytest.approx(back.p_value)


def test_clusters_in_one_wave_make_it_students_t_with_the_units_of_both() -> None:
    rng = np.random.default_rng(4)
    before, after = rng.integers(0, 11, 40), rng.integers(0, 11, 30)
    flights = np.arange(40) // 8
    found = nps_change(before, after, clusters_before=flights)
    plain = nps_change(before, after, clusters_before=None)
    assert found.estimate == plain.estimate
    alone = nps_change(before, after, clusters_before=range(40))
    reach = (alone.conf_high - alone.conf_low) / (plain.conf_high - plain.conf_low)
    assert reach == pytest.approx(stats.t.ppf(0.975, 40 + 30 - 2) / stats.norm.ppf(0.975))


def test_a_bad_answer_is_refused_with_its_wave() -> None:
    with pytest.raises(ValueError, match=r"`after` holds answers off the scale .* 11"):
        nps_change([10, 9], [11, 0])


def test_a_wave_in_which_nobody_answered_makes_no_change() -> None:
    found = nps_change([10, 9], [None])
    assert math.isnan(found.estimate)
    assert math.isnan(found.p_value)
    assert found.reason == "nobody answered"


SHOPS = pd.DataFrame(
    {
        "city": ["Rome"] * 80 + ["Paris"] * 70,
        "clean": [5] * 48 + [2] * 32 + [4] * 56 + [3] * 14,
        "fast": [5, 1] * 40 + [5, 1] * 35,
        "quiet": [None] * 80 + [5] * 70,
    }
)


def test_one_row_an_item_with_the_groups_in_sorted_order_and_newcombes_interval() -> None:
    found = compare(SHOPS, ["clean", "fast"], by="city").set_index("item")
    # Paris 56/70, Rome 48/80: Rome is the last, so the difference is Rome − Paris
    assert found.loc["clean", "estimate_Paris"] == pytest.approx(80)
    assert found.loc["clean", "estimate_Rome"] == pytest.approx(60)
    assert found.loc["clean", "difference"] == pytest.approx(-20)
    assert found.loc["clean", ["conf_low", "conf_high"]].tolist() == pytest.approx([-33.39, -5.24], abs=0.005)
    assert found.loc["fast", "difference"] == pytest.approx(0)
    assert found.loc["fast", "p_value"] == pytest.approx(1)


def test_p_comes_from_the_linearised_standard_error() -> None:
    row = compare(SHOPS, ["clean"], by="city").iloc[0]
    # variances with n − 1: .8·.2/69 and .6·.4/79
    assert row["std_error"] == pytest.approx(100 * math.sqrt(0.16 / 69 + 0.24 / 79))
    assert row["p_value"] == pytest.approx(2 * stats.norm.sf(20 / row["std_error"]))


def test_an_item_without_answers_in_a_group_is_undefined_and_outside_the_family() -> None:
    found = compare(SHOPS, ["clean", "quiet"], by="city").set_index("item")
    assert math.isnan(found.loc["quiet", "q_value"])
    assert found.loc["quiet", "reason"] == "nobody answered"
    assert found.loc["quiet", "estimate_Paris"] == 100
    assert found["family_size"].tolist() == [1, 1]
    assert found.loc["clean", "q_value"] == found.loc["clean", "p_value"]


def test_three_groups_make_three_pairs_in_one_family() -> None:
    frame = pd.DataFrame({"wave": np.repeat([2016, 2017, 2018], 40), "a": [5, 4, 2, 1, 5] * 24, "b": [1, 5] * 60})
    found = compare(frame, ["a", "b"], by="wave")
    assert list(zip(found["from_group"], found["to_group"], strict=True))[:3] == [
        (2016, 2017),
        (2016, 2018),
        (2017, 2018),
    ]
    assert len(found) == 6
    assert (found["family_size"] == 6).all()


def test_a_categorical_keeps_its_own_order() -> None:
    wave = pd.Categorical(["pre", "post"] * 20, categories=["pre", "post", "never"], ordered=True)
    found = compare(pd.DataFrame({"wave": wave, "a": [5, 1, 2, 4] * 10}), ["a"], by="wave")
    assert (found.loc[0, "from_group"], found.loc[0, "to_group"]) == ("pre", "post")


def test_means_agree_with_the_t_test_where_bases_are_equal() -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"g": ["a", "b"] * 30, "x": rng.integers(1, 6, 60)})
    row = compare(frame, ["x"], by="g", metric="mean").iloc[0]
    expected = ttest_ind(frame["x"][frame["g"] == "b"], frame["x"][frame["g"] == "a"])
    assert row["p_value"] == pytest.approx(expected[1])


def test_nps_by_group_is_the_same_as_nps_change() -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"g": ["a", "b"] * 30, "ltr": rng.integers(0, 11, 60), "w": rng.uniform(0.5, 2, 60)})
    row = compare(frame, ["ltr"], by="g", metric="nps", weights_col="w").iloc[0]
    a, b = frame[frame["g"] == "a"], frame[frame["g"] == "b"]
    change = nps_change(a["ltr"], b["ltr"], weights_before=a["w"], weights_after=b["w"])
    assert row["difference"] == pytest.approx(change.estimate)
    assert row["p_value"] == pytest.approx(change.p_value)


def test_groups_that_all_agree_have_an_interval_and_no_test() -> None:
    frame = pd.DataFrame({"g": ["a"] * 5 + ["b"] * 5, "x": [5] * 5 + [1] * 5})
    row = compare(frame, ["x"], by="g").iloc[0]
    assert row["difference"] == -100
    assert row["conf_high"] < -30
    assert math.isnan(row["p_value"])
    assert "same answer" in row["reason"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"items": ["cleen"]}, "no column `cleen`; did you mean `clean`"),
        ({"by": "clean", "metric": "nps", "items": ["fast"], "where": "one"}, "has 1 group"),
        ({"metric": "median"}, "`metric` must be one of top_box, nps, mean, got 'median'"),
        ({"items": []}, "`items` must be a list of columns"),
        ({"items": "clean"}, "`items` must be a list of columns"),
        ({"scale": (1, 4)}, r"from 1 to 4\): 5"),
        ({"weights_col": "w"}, "no column `w`"),
    ],
)
def test_what_cannot_be_compared_is_refused(arguments: dict[str, object], says: str) -> None:
    frame = SHOPS[SHOPS["clean"] == 5] if arguments.pop("where", "") else SHOPS
    given = {"items": ["clean"], "by": "city"} | arguments
    with pytest.raises(ValueError, match=says):
        compare(frame, given.pop("items"), **given)  # type: ignore[arg-type]


def test_respondents_without_a_group_are_refused_and_not_dropped() -> None:
    frame = SHOPS.assign(city=SHOPS["city"].where(SHOPS.index > 2))
    with pytest.raises(ValueError, match="3 respondents have no `city`"):
        compare(frame, ["clean"], by="city")
