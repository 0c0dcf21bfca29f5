"""Response and profile by hand; planted response mechanisms whose R is known."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from cxlab.inference.intervals import wilson
from cxlab.survey import compare, nps_change
from cxlab.survey.representativity import (
    achieved_sample,
    drift,
    late_responders,
    response_indicator,
)

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "survey"


def _invited(column: str = "age", **groups: tuple[int, int]) -> tuple[pd.DataFrame, pd.Series]:
    """Of each group (invited, answered)."""
    labels = [label for label, (invited, _) in groups.items() for _ in range(invited)]
    said = [place < answered for invited, answered in groups.values() for place in range(invited)]
    return pd.DataFrame({column: labels}), pd.Series(said)


# R


def test_two_groups_by_hand_have_the_known_indicator() -> None:
    # response .2 and .6 in halves: mean .4, SD .2, R = 1 − 2·.2 = .6. Estimation adds Σ w(1 − w)·p(1 − p)/n_k
    # = ¼·(.16/500 + .24/500) = .0002 to the variance: adjusted SD √(.04 − .0002)
    frame, said = _invited(young=(500, 100), old=(500, 300))
    found = response_indicator(frame, said, ["age"], random_state=1)
    assert found.unadjusted == pytest.approx(0.6, abs=1e-9)
    assert found.estimate == pytest.approx(1 - 2 * math.sqrt(0.0398), abs=1e-9)
    assert (found.n, found.n_answered, found.response_rate) == (1000, 400, 40)
    assert found.bias_at_most == pytest.approx(math.sqrt(0.0398) / 0.4)
    assert found.conf_low < 0.6 < found.conf_high
    # from the delta method: SD of the difference of two rates √(.0008), R moves by as much
    assert found.std_error == pytest.approx(math.sqrt(0.0008), rel=0.15)


def test_partial_indicators_by_hand_say_who_is_underrepresented() -> None:
    frame, said = _invited(young=(500, 100), old=(300, 180), oldest=(200, 120))
    found = response_indicator(frame, said, ["age"], random_state=1)
    # mean .4; √.5·(.2 − .4), √.3·(.6 − .4), √.2·(.6 − .4)
    rows = found.categories.set_index("category")
    assert rows.loc[["young", "old", "oldest"], "partial_r"].tolist() == pytest.approx(
        [-math.sqrt(0.5) * 0.2, math.sqrt(0.3) * 0.2, math.sqrt(0.2) * 0.2]
    )
    assert rows["reading"].to_dict() == {
        "old": "overrepresented",
        "oldest": "overrepresented",
        "young": "underrepresented",
    }
    # the squares add up to the variance between categories, here .2²
    row = found.variables.iloc[0]
    assert row["unadjusted"] ** 2 == pytest.approx((rows["partial_r"] ** 2).sum())
    assert row["unadjusted"] == pytest.approx(0.2)
    # w(1 − w)·p(1 − p)/n_k: .25·.16/500 + .21·.24/300 + .16·.24/200
    added = 0.25 * 0.16 / 500 + 0.21 * 0.24 / 300 + 0.16 * 0.24 / 200
    assert row["estimate"] == pytest.approx(math.sqrt(0.04 - added))
    assert row["conf_low"] < 0.2 < row["conf_high"]
    low, high = wilson(0.2, 500)
    assert rows.loc["young", ["estimate", "conf_low", "conf_high", "n", "n_answered"]].tolist() == pytest.approx(
        [20, 100 * low, 100 * high, 500, 100]
    )


def test_with_one_variable_the_variable_and_the_whole_agree() -> None:
    frame, said = _invited(a=(300, 90), b=(200, 100), c=(100, 20))
    found = response_indicator(frame, said, ["age"], random_state=1)
    assert 1 - 2 * found.variables["estimate"].iloc[0] == pytest.approx(found.estimate, abs=1e-9)
    assert 1 - 2 * found.variables["unadjusted"].iloc[0] == pytest.approx(found.unadjusted, abs=1e-9)


def _two_variables(n: int, seed: int) -> tuple[pd.DataFrame, pd.Series]:
    """Log-odds −1, +.8 where `plan` is pro, +.5 and −.5 by `region`."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"plan": rng.choice(["free", "pro"], n), "region": rng.choice(["north", "south", "west"], n)})
    odds = -1 + 0.8 * (frame["plan"] == "pro") + frame["region"].map({"north": 0.0, "south": 0.5, "west": -0.5})
    return frame, pd.Series(rng.random(n) < 1 / (1 + np.exp(-odds)))


def test_propensities_are_those_of_a_logistic_model_of_main_effects() -> None:
    frame, said = _two_variables(700, 3)
    found = response_indicator(frame, said, ["plan", "region"], random_state=1)
    X = sm.add_constant(pd.get_dummies(frame, drop_first=True).astype(float))
    fit = sm.Logit(said.astype(float), X).fit(disp=0)
    rho = np.asarray(fit.predict(X))
    assert found.unadjusted == pytest.approx(1 - 2 * rho.std(), abs=1e-7)
    # the adjustment customer by customer: the mean squared error of ρ (delta method), less that of its mean
    slope = (rho * (1 - rho))[:, None] * X.to_numpy()
    V = np.asarray(fit.cov_params())
    added = np.einsum("ij,jk,ik->i", slope, V, slope).mean() - slope.mean(0) @ V @ slope.mean(0)
    assert found.estimate == pytest.approx(1 - 2 * math.sqrt(rho.var() - added), abs=1e-7)


def test_the_adjusted_indicator_is_right_on_average_and_its_interval_holds_the_truth() -> None:
    # .3, .5 in halves, and two variables of four categories that do nothing: SD .1, R .8; seven effects add 7·.24/500 to the variance
    estimates, raw, held = [], [], 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame(
            {"age": rng.integers(0, 2, 500), "a": rng.integers(0, 4, 500), "b": rng.integers(0, 4, 500)}
        )
        said = pd.Series(rng.random(500) < np.where(frame["age"] == 1, 0.5, 0.3))
        found = response_indicator(frame, said, ["age", "a", "b"], n_boot=80, random_state=seed)
        estimates.append(found.estimate)
        raw.append(found.unadjusted)
        held += found.conf_low <= 0.8 <= found.conf_high
    # three standard errors of one survey's R, about .045, over √60
    assert np.mean(estimates) == pytest.approx(0.8, abs=0.0175)
    assert np.mean(raw) == pytest.approx(1 - 2 * math.sqrt(0.01 + 7 * 0.24 / 500), abs=0.0175)
    assert held >= 51  # of 60; at a coverage of .92 fewer come up in one of fifty runs


def test_a_response_that_does_not_vary_has_an_indicator_near_one() -> None:
    frame, said = _invited(a=(200, 80), b=(300, 120), c=(500, 200))
    found = response_indicator(frame, said, ["age"], random_state=1)
    assert (found.estimate, found.unadjusted, found.conf_high) == (1, pytest.approx(1, abs=1e-7), 1)
    assert 0.85 < found.conf_low < 1
    assert found.variables.loc[0, "p_value"] == pytest.approx(1)
    assert found.headline().endswith("No group clearly answered more or less often than the others.")


def test_the_headline_has_base_interval_and_the_most_uneven_groups() -> None:
    frame, said = _invited(young=(500, 100), old=(500, 300))
    both = frame.assign(sex=["f", "m"] * 500)
    found = response_indicator(both, said, ["sex", "age"], random_state=1)
    low, high = f"{found.conf_low:.2f}", f"{found.conf_high:.2f}"
    assert found.headline() == (
        f"R is 0.60, between {low} and {high}, where 1 is a response that is alike in all groups (400 of 1,000 invited answered, "
        "40%). Most uneven by age: young (20% of 500 answered) and old (60% of 500 answered)."
    )
    assert found.variables["variable"].tolist() == ["age", "sex"]
    assert found.variables["q_value"].iloc[0] < 1e-9
    assert set(found.categories.loc[found.categories["variable"] == "sex", "reading"]) == {"no clear difference"}


def test_the_same_random_state_gives_the_same_interval() -> None:
    frame, said = _two_variables(300, 1)
    ends = [
        response_indicator(frame, said, ["plan", "region"], n_boot=50, random_state=state).to_frame().loc[0, "conf_low"]
        for state in (5, 5, 6)
    ]
    assert ends[0] == ends[1] != ends[2]


def test_rare_categories_become_other_and_are_named() -> None:
    frame, said = _invited(web=(300, 90), app=(300, 150), fax=(6, 0), telex=(5, 1), post=(30, 10))
    found = response_indicator(frame, said, ["age"], min_base=20, random_state=1)
    # fax and telex are 11 together, still below 20: post, the next smallest, joins them
    assert found.merged == {"age": ("fax", "post", "telex")}
    assert found.categories.set_index("category")["n"].to_dict() == {"app": 300, "other": 41, "web": 300}
    assert response_indicator(frame, said, ["age"], min_base=10, random_state=1).merged == {"age": ("fax", "telex")}


def test_a_missing_frame_value_is_a_category_of_its_own() -> None:
    frame, said = _invited(a=(100, 30), b=(100, 60))
    found = response_indicator(frame.replace("b", None), said, ["age"], random_state=1)
    assert found.categories["category"].tolist() == ["a", "unknown"]


def test_a_category_in_which_nobody_answered_is_refused_by_name_or_merged_if_asked() -> None:
    frame, said = _invited(web=(300, 90), app=(300, 150), fax=(40, 0))
    with pytest.raises(ValueError, match="`age`: nobody of the 40 invited in `fax` answered, so it has no finite"):
        response_indicator(frame, said, ["age"])
    found = response_indicator(frame, said, ["age"], separated="merge", random_state=1)
    # alone as "other" it would still have nobody: the smaller of the rest joins it (both have 300, the first in order)
    assert found.merged == {"age": ("app", "fax")}
    with pytest.raises(ValueError, match="everybody of the 300 invited in `app` answered"):
        response_indicator(*_invited(web=(300, 90), app=(300, 300)), ["age"])


def test_variables_that_together_part_the_answers_are_refused() -> None:
    # every category varies, but all a of x answered and no b of y: with log-odds a + y and b + x finite, a + x grows without end
    rows = (
        [("a", "x", 1)] * 40 + [("a", "y", 1)] * 10 + [("a", "y", 0)] * 30 + [("b", "y", 0)] * 40 + [("b", "x", 1)] * 9
    )
    frame = pd.DataFrame(rows + [("b", "x", 0)] * 31, columns=["u", "v", "said"])
    with pytest.raises(
        ValueError, match=r"the variables together part those .* (everybody|nobody) of the 40 with u . and v"
    ):
        response_indicator(frame, frame["said"], ["u", "v"])
    frame.loc[[0, 80], "said"] = [0, 1]  # one of each side goes over, and the model has an end
    assert 0 < response_indicator(frame, frame["said"], ["u", "v"], random_state=1).estimate < 1


def test_a_variable_that_repeats_another_changes_nothing() -> None:
    frame, said = _two_variables(500, 2)
    once = response_indicator(frame, said, ["plan", "region"], random_state=1)
    again = response_indicator(
        frame.assign(plan_code=frame["plan"] + "!"), said, ["plan", "region", "plan_code"], random_state=1
    )
    assert again.estimate == pytest.approx(once.estimate, abs=1e-6)


FRAME, SAID = _invited(a=(100, 30), b=(100, 60))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"variables": "age"}, "`variables` must be a list of columns, got 'age'"),
        ({"variables": []}, "`variables` must be a list of columns, got []"),
        ({"variables": ["age", "age"]}, "`age` is among `variables` twice"),
        ({"variables": ["ago"]}, "no column `ago`; did you mean `age`"),
        ({"answered": SAID.to_numpy()}, "`answered` must be a Series with the index of the frame"),
        ({"answered": SAID.astype(float).replace(0.0, math.nan)}, "`answered` is missing for 110 customers"),
        ({"answered": SAID.map({True: "yes", False: "no"})}, "`answered` must be true or false, got 'yes'"),
        ({"answered": SAID | True}, "200 of 200 invited answered"),
        ({"answered": SAID & False}, "0 of 200 invited answered"),
        ({"n_boot": 10}, "`n_boot` must be a whole number from 50 upwards, got 10"),
        ({"conf_level": 95}, "`conf_level` must be between 0 and 1, got 95"),
        ({"separated": "drop"}, '`separated` must be "refuse" or "merge", got \'drop\''),
        (
            {"frame": pd.DataFrame({"age": range(200)})},
            "`age` has 200 different values; put them into at most 50 groups",
        ),
        ({"min_base": 150}, "`age` leaves 1 category to compare"),
        ({"frame": pd.DataFrame({"age": ["a"] * 200})}, "`age` leaves 1 category to compare"),
    ],
)
def test_what_has_no_indicator_is_refused_by_name(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as refused:
        response_indicator(**({"frame": FRAME, "answered": SAID, "variables": ["age"]} | given))
    assert said in str(refused.value)


# Early and late


def test_early_is_the_first_half_and_late_the_last_third_and_no_day_is_torn_apart() -> None:
    # 12 answers; half: up to the sixth, day 2, which the seventh shares; a third: from the ninth, day 5, which the eighth shares
    days = [0, 0, 1, 1, 2, 2, 2, 5, 5, 6, 7, 9]
    frame = pd.DataFrame({"days": days, "ltr": [10, 10, 10, 9, 9, 8, 5, 8, 9, 3, 2, 8]})
    found = late_responders(frame, days_col="days", score_col="ltr")
    early, late = found.groups.to_dict("records")
    assert (early["from_days"], early["to_days"], early["n"]) == (0, 2, 7)
    assert (late["from_days"], late["to_days"], late["n"]) == (5, 9, 5)
    assert (found.early_until_days, found.late_from_days, found.n_between) == (2, 5, 0)
    # early 5 promoters, 1 detractor of 7; late 1 and 2 of 5
    assert (early["estimate"], late["estimate"]) == (pytest.approx(400 / 7), pytest.approx(-20))
    assert found.difference == nps_change(frame["ltr"][:7], frame["ltr"][7:])


def test_where_half_answer_at_once_the_late_are_all_the_others() -> None:
    frame = pd.DataFrame({"days": [0] * 8 + [1, 4], "ltr": [9, 10] * 5})
    found = late_responders(frame, days_col="days", score_col="ltr")
    assert found.groups["n"].tolist() == [8, 2]
    frame["days"] = 0
    with pytest.raises(ValueError, match="the first 50% of 10 answers reach to the largest `days`, 0: nobody is late"):
        late_responders(frame, days_col="days", score_col="ltr")


def test_a_reminder_parts_early_from_late() -> None:
    frame = pd.DataFrame({"days": pd.to_timedelta([1, 2, 6.9, 7, 9, None], unit="D"), "score": [5, 4, 4, 2, 1, 3]})
    found = late_responders(
        frame, days_col="days", score_col="score", metric="mean", scale=(1, 5), reminder_day=7, early=0.4, late=0.2
    )
    assert found.groups["n"].tolist() == [3, 2]
    assert found.groups["estimate"].tolist() == pytest.approx([13 / 3, 1.5])
    assert found.n_left_out == 1
    both = frame.dropna().assign(late=[0, 0, 0, 1, 1])
    row = compare(both, ["score"], by="late", metric="mean", scale=(1, 5)).iloc[0]
    assert found.difference.estimate == pytest.approx(row["difference"])
    assert (found.difference.conf_low, found.difference.p_value) == (
        pytest.approx(row["conf_low"]),
        pytest.approx(row["p_value"]),
    )


def test_a_share_of_best_answers_is_compared_in_percentage_points() -> None:
    frame = pd.DataFrame({"days": range(40), "score": [5, 4, 4, 1] * 5 + [5, 1, 1, 1] * 5})
    found = late_responders(frame, days_col="days", score_col="score", metric="top_box", scale=(1, 5), late=0.5)
    assert found.groups["estimate"].tolist() == [75, 25]
    assert found.difference.estimate == -50
    assert found.headline() == (
        "The share of best answers is 25% among those who answered from day 20 on and 75% up to day 19: 50 points lower, between "
        f"{-found.difference.conf_high:.0f} and {-found.difference.conf_low:.0f} (n 20 late, 20 early). If those who never "
        "answered resemble the late, the figure of the survey is too high; that is weak evidence: whoever never answers may "
        "differ from both."
    )
    assert found.to_frame()["group"].tolist() == ["early", "late", "late − early"]


def test_no_difference_of_the_late_is_said_as_weak_evidence() -> None:
    frame = pd.DataFrame({"days": range(40), "ltr": [10, 9, 8, 3] * 10})
    found = late_responders(frame, days_col="days", score_col="ltr", late=0.5)
    assert "no clear difference" in found.headline()
    assert found.headline().endswith("that is weak evidence: whoever never answers may differ from both.")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"score_col": "nps"}, "no column `nps`"),
        ({"metric": "median"}, "`metric` must be one of nps, top_box, mean, got 'median'"),
        ({"metric": "mean"}, '`metric` "mean" needs `scale`, the ends of `ltr`'),
        ({"early": 0.8, "late": 0.5}, "`early` and `late` are shares that add up to 1 at most, got 0.8 and 0.5"),
        ({"reminder_day": 90}, "of 4 answers 4 came before `reminder_day` 90 and 0 from it on"),
        ({"days_col": "word"}, "`word` must be numbers of days or durations"),
        ({"days_col": "minus"}, "`minus` must not be negative, got -1 days"),
        ({"days_col": "none"}, "nobody has both `none` and `ltr`"),
        ({"score_col": "off"}, "`off` holds answers off the scale"),
    ],
)
def test_late_answers_that_cannot_be_told_are_refused_by_name(given: dict[str, Any], said: str) -> None:
    frame = pd.DataFrame(
        {
            "days": [0, 1, 2, 3],
            "ltr": [9, 9, 8, 3],
            "word": list("abcd"),
            "minus": [-1, 0, 1, 2],
            "none": [math.nan] * 4,
            "off": 11,
        }
    )
    with pytest.raises(ValueError) as refused:
        late_responders(frame, **({"days_col": "days", "score_col": "ltr"} | given))
    assert said in str(refused.value)


# Profile drift


def _profile(**counts: int) -> pd.DataFrame:
    return pd.DataFrame({"band": [label for label, count in counts.items() for _ in range(count)]})


def test_drift_by_hand_is_half_the_sum_of_the_moves() -> None:
    # 50, 30, 20 → 40, 30, 30 of 100: (10 + 0 + 10)/2 = 10 percent, which is not over 10
    table = drift(_profile(a=50, b=30, c=20), _profile(a=80, b=60, c=60), ["band"])
    row = table.iloc[0]
    assert row["drift"] == pytest.approx(10)
    assert not row["warn"]
    assert (row["category"], row["share_before"], row["share_after"]) == ("a", 50, 40)
    assert (row["n_before"], row["n_after"], row["df"]) == (100, 200, 2)
    by_other_route = stats.chi2_contingency([[50, 30, 20], [80, 60, 60]], correction=False)
    assert (row["chi_square"], row["p_value"]) == (
        pytest.approx(by_other_route.statistic),
        pytest.approx(by_other_route.pvalue),
    )
    moved = drift(_profile(a=50, b=30, c=20), _profile(a=39, b=30, c=31), ["band"]).iloc[0]
    assert (moved["drift"], moved["warn"]) == (pytest.approx(11), True)


def test_by_chance_is_the_drift_of_two_samples_of_one_population() -> None:
    # two halves of 100 and 100: ½·2·√(2/π·¼·(1/100 + 1/100))
    row = drift(_profile(a=50, b=50), _profile(a=50, b=50), ["band"]).iloc[0]
    assert row["by_chance"] == pytest.approx(100 * math.sqrt(2 / math.pi * 0.25 * 0.02))
    draws = np.random.default_rng(1).multinomial(100, [0.4, 0.3, 0.2, 0.1], size=(4000, 2)) / 100
    drawn = 50 * np.abs(draws[:, 0] - draws[:, 1]).sum(axis=1).mean()
    four = _profile(a=40, b=30, c=20, d=10)
    assert drift(four, four, ["band"])["by_chance"].iloc[0] == pytest.approx(drawn, rel=0.02)


def test_a_design_effect_divides_the_test_and_widens_what_chance_makes() -> None:
    waves = _profile(a=50, b=50), _profile(a=65, b=35)
    plain, clustered = (drift(*waves, ["band"], deff=deff).iloc[0] for deff in (1.0, 4.0))
    assert clustered["chi_square"] == pytest.approx(plain["chi_square"] / 4)
    assert clustered["p_value"] == pytest.approx(stats.chi2.sf(plain["chi_square"] / 4, 1))
    assert clustered["by_chance"] == pytest.approx(2 * plain["by_chance"])
    assert clustered["drift"] == plain["drift"]


def test_several_variables_are_one_family_and_missing_values_are_left_out_and_counted() -> None:
    before = pd.DataFrame({"a": ["x", "y"] * 50, "b": ["u"] * 50 + ["v"] * 50, "c": ["k"] * 100})
    after = pd.DataFrame({"a": ["x", "x", "y", None] * 25, "b": ["u"] * 45 + ["v"] * 55, "c": ["k"] * 100})
    table = drift(before, after, ["a", "b", "c"]).set_index("variable")
    # x 50 → 50 of 75
    assert table.loc["a", ["drift", "n_after", "n_unknown"]].tolist() == [pytest.approx(100 / 6), 75, 25]
    assert table.loc["c", ["drift", "df", "reason"]].tolist() == [0, 0, "one category only"]
    assert math.isnan(table.at["c", "p_value"])
    small, large = sorted([table.at["a", "p_value"], table.at["b", "p_value"]])
    assert sorted(table["q_value"].dropna()) == pytest.approx([2 * small, large])


def test_rare_categories_are_pooled_for_the_test_only() -> None:
    before, after = _profile(a=60, b=38, c=1, d=1), _profile(a=60, b=30, c=4, d=6)
    row = drift(before, after, ["band"]).iloc[0]
    # c expects 2.5 in each wave, d 3.5: together 6
    assert (row["n_pooled"], row["df"]) == (2, 2)
    assert row["p_value"] == pytest.approx(stats.chi2_contingency([[60, 38, 2], [60, 30, 10]], correction=False).pvalue)
    assert row["drift"] == pytest.approx(8)


def test_a_wave_without_values_has_no_drift_and_says_why() -> None:
    row = drift(_profile(a=5), pd.DataFrame({"band": [None, None]}), ["band"]).iloc[0]
    assert math.isnan(row["drift"])
    assert (row["reason"], row["warn"]) == ("nobody after has a value", False)
    with pytest.raises(ValueError, match="`deff` must be a number above 0, got 0"):
        drift(_profile(a=5), _profile(a=5), ["band"], deff=0)
    with pytest.raises(ValueError, match="no column `bond`; did you mean `band`"):
        drift(_profile(a=5), _profile(a=5), ["bond"])


# The sample against its frame


def test_the_achieved_sample_by_hand() -> None:
    # frame 50, 30, 20 percent; of 100 answers 40, 35, 25: χ² = 100/50 + 25/30 + 25/20
    found = achieved_sample(
        pd.Series({"north": 500, "south": 300, "west": 200}), pd.Series({"west": 25, "north": 40, "south": 35})
    )
    assert found.chi_square == pytest.approx(2 + 25 / 30 + 1.25)
    assert (found.df, found.n) == (2, 100)
    assert found.p_value == pytest.approx(stats.chisquare([40, 35, 25], [50, 30, 20]).pvalue)
    cells = found.cells.set_index("cell")
    assert cells["expected"].tolist() == [50, 30, 20]
    assert cells["achieved"].tolist() == [40, 35, 25]
    assert cells["difference"].tolist() == pytest.approx([-10, 5, 5])
    # −10/√(50·½) = −2
    assert cells.at["north", "residual"] == pytest.approx(-2)
    assert found.headline().startswith("The sample does not clearly differ from the frame (χ² 4.1 with 2 degrees")
    halved = achieved_sample({"north": 5, "south": 3, "west": 2}, {"west": 25, "north": 40, "south": 35}, deff=4)
    assert halved.chi_square == pytest.approx(found.chi_square / 4)
    assert halved.cells["residual"].iloc[0] == pytest.approx(-1)


def test_a_cell_without_answers_counts_as_none_and_is_named() -> None:
    frame = pd.Series({("north", "pro"): 100, ("north", "free"): 100, ("south", "free"): 100})
    found = achieved_sample(frame, pd.Series({("north", "pro"): 30, ("north", "free"): 30}))
    assert found.cells.set_index("cell")["achieved"].to_dict() == {
        "north, pro": 30,
        "north, free": 30,
        "south, free": 0,
    }
    assert found.cells["reading"].tolist()[-1] == "less than its share"
    assert found.headline() == (
        "The sample differs from the frame (χ² 30.0 with 2 degrees of freedom, p < 0.001, n 60), most in south, free: 0% of "
        "answers against 33% of the frame."
    )


def test_cells_that_expect_few_are_put_together_and_not_tested_alone() -> None:
    found = achieved_sample({"a": 90, "b": 6, "c": 4}, {"a": 80, "b": 12, "c": 8})
    # of 100 answers b expects 6, c 4: c alone is below five, so b joins it, and 20 against 10 are left: 100/90 + 100/10
    assert (found.n_pooled, found.df) == (2, 1)
    assert found.chi_square == pytest.approx(100 / 90 + 10)
    assert found.cells["reading"].tolist() == ["less than its share", "more than its share", "not tested"]
    nothing = achieved_sample({"a": 90, "b": 6}, {"a": 0})
    assert (nothing.n, nothing.reason) == (0, "nobody answered")
    assert nothing.headline() == "The sample cannot be held against the frame: nobody answered (n 0)."


@pytest.mark.parametrize(
    ("frame", "achieved", "said"),
    [
        ({"north": 5}, {"nort": 1}, "`achieved_counts` has the cell nort, which the frame lacks; did you mean `north`"),
        ({"north": 5, "south": 0}, {"north": 1}, "`frame_counts` has nobody in the cell south"),
        (
            {"north": 5},
            {"north": -1},
            "`achieved_counts` must be whole numbers from 0 upwards, got -1 in the cell north",
        ),
        ({"north": 5}, {"north": 1.5}, "`achieved_counts` must be whole numbers from 0 upwards, got 1.5"),
        ({"north": math.nan}, {"north": 1}, "`frame_counts` must be numbers from 0 upwards, got nan in the cell north"),
        ({}, {"north": 1}, "`frame_counts` is empty"),
    ],
)
def test_counts_that_do_not_belong_together_are_refused_by_name(
    frame: dict[str, float], achieved: dict[str, float], said: str
) -> None:
    with pytest.raises(ValueError) as refused:
        achieved_sample(frame, achieved)
    assert said in str(refused.value)


@pytest.mark.realdata
def test_at_the_airport_departure_bands_drifted_by_more_than_ten_percent() -> None:
    path = DATA / "sfo_tracking_2010_2018.parquet"
    if not path.exists():
        pytest.skip("the shared real data lacks survey/sfo_tracking_2010_2018.parquet")
    sfo = pd.read_parquet(path)
    before, after = (sfo[sfo["wave"] == wave] for wave in (2017, 2018))
    row = drift(before, after, ["departure_band"]).iloc[0]
    # by another route: AM 35 → 24, PM 28 → 39 percent
    shares = [part["departure_band"].value_counts(normalize=True) for part in (before, after)]
    assert [round(100 * share["AM"]) for share in shares] == [35, 24]
    assert row["drift"] == pytest.approx(50 * (shares[1] - shares[0]).abs().sum())
    assert row["warn"]
    assert row["p_value"] < 1e-10
