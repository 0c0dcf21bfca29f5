"""What a theme goes with in loyalty."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from cxlab.voice import adjusted_impact, theme_alerts, theme_impact, theme_trends, worst_themes
from tests.conftest import REAL_DATA


def mentions(**themes: list[object]) -> pd.DataFrame:
    return pd.DataFrame([(i, theme) for theme, ids in themes.items() for i in ids], columns=["text_id", "theme"])


def test_the_impact_of_a_theme_by_hand() -> None:
    # NPS of all (2 − 2)/5 = 0; without those who mention bills (2 − 0)/3 = 66.7
    scores = pd.Series([10, 9, 8, 0, 6], index=list("abcde"))
    row = theme_impact(mentions(bill=["d", "e"]), scores).iloc[0]
    assert row["estimate"] == pytest.approx(-200 / 3)
    assert (row["n"], row["score_with"]) == (2, -100)
    # means: 33/5 = 6.6 of all, 27/3 = 9 of the others
    assert theme_impact(mentions(bill=["d", "e"]), scores, metric="mean")["estimate"].tolist() == pytest.approx([-2.4])


def test_somebody_who_mentions_a_theme_twice_counts_once() -> None:
    scores = pd.Series([10, 9, 8, 0, 6], index=list("abcde"))
    once, twice = (theme_impact(mentions(bill=ids), scores) for ids in (["d", "e"], ["d", "d", "e", "d"]))
    pd.testing.assert_frame_equal(once, twice)


def test_who_gave_no_score_is_in_no_base_and_a_theme_of_all_or_none_has_no_figure_but_a_reason() -> None:
    scores = pd.Series([10, 9, None, 0], index=list("abcd"))
    found = theme_impact(mentions(some=["c", "d"], everybody=list("abd"), nobody=["c", "z"]), scores).set_index("theme")
    assert found["n"].to_dict() == {"some": 1, "everybody": 3, "nobody": 0}
    assert found["n_all"].tolist() == [3, 3, 3]
    # NPS of all 100/3, of a and b 100: one respondent shows no spread, but there is a figure
    assert found["estimate"]["some"] == pytest.approx(100 / 3 - 100)
    assert found.loc[["everybody", "nobody"], "estimate"].isna().all()
    assert found["std_error"].isna().all()
    assert found["reason"].tolist() == [
        "a single respondent mentions it",
        "everybody with a score mentions it",
        "nobody with a score mentions it",
    ]


def test_the_error_of_an_impact_is_that_of_the_textbook() -> None:
    # all − others = p·(mean with − mean of others): its variance by the delta method
    rng = np.random.default_rng(8)
    with_, without = rng.normal(4, 2, 120), rng.normal(7, 2, 280)
    scores = pd.Series(np.concatenate([with_, without]))
    row = theme_impact(mentions(bill=list(range(120))), scores, metric="mean", n_boot=4000).iloc[0]
    p, gap = 0.3, with_.mean() - without.mean()
    variance = p**2 * (with_.var() / 120 + without.var() / 280) + gap**2 * p * (1 - p) / 400
    assert row["std_error"] == pytest.approx(math.sqrt(variance), rel=0.05)
    assert row["conf_low"] < row["estimate"] < row["conf_high"]
    assert row["conf_high"] - row["conf_low"] == pytest.approx(2 * 1.96 * row["std_error"], rel=0.05)


def test_the_same_seed_gives_the_same_interval_and_themes_are_corrected_together() -> None:
    rng = np.random.default_rng(5)
    scores = pd.Series(rng.integers(0, 11, 200))
    many = mentions(**{f"t{i}": list(rng.choice(200, 40, replace=False)) for i in range(6)})
    first, again = (theme_impact(many, scores, n_boot=200, random_state=4) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(theme_impact(many, scores, n_boot=200, random_state=5))
    assert first["q_value"].tolist() == pytest.approx(stats.false_discovery_control(first["p_value"]).tolist())
    assert (first["q_value"] > first["p_value"]).any()


def test_a_metric_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="`metric` must be nps or mean, got 'csat'"):
        theme_impact(mentions(bill=[1]), pd.Series([1, 2]), metric="csat")


def bunched(rng: np.random.Generator, n: int) -> pd.Series:
    """Answers of which nine in ten are a 10."""
    return pd.Series(rng.choice([0, 5, 8, 9, 10], n, p=[0.02, 0.02, 0.02, 0.04, 0.9]))


def test_a_theme_that_is_mentioned_at_random_is_called_in_one_of_twenty_even_where_answers_are_bunched() -> None:
    rng = np.random.default_rng(1)
    called = []
    for replication in range(20):
        scores = bunched(rng, 150)
        own = mentions(**{f"t{j}": list(np.flatnonzero(rng.random(150) < 0.06)) for j in range(8)})
        p = theme_impact(own, scores, n_boot=199, random_state=replication)["p_value"]
        called += (p < 0.05).tolist()
    assert sum(called) <= 16  # of 160: 8 expected, more than 16 in 0.2%; the bootstrap of respondents calls about half


def test_p_is_that_of_all_ways_to_hand_out_the_mentions() -> None:
    # two of six mention it: 15 ways, and the two lowest are one of them; the mirror of it is at most as far
    scores = pd.Series([1.0, 2, 6, 7, 8, 9])
    row = theme_impact(mentions(bill=[0, 1]), scores, metric="mean", n_boot=4000).iloc[0]
    draws = []
    for pair in itertools.combinations(range(6), 2):
        inside = scores.index.isin(pair)
        error = math.sqrt(sandwich(scores.to_numpy(), inside))
        draws.append((scores.mean() - scores[~inside].mean()) / error)
    smaller = min(np.mean(np.array(draws) <= draws[0] + 1e-9), np.mean(np.array(draws) >= draws[0] - 1e-9))
    assert row["p_value"] == pytest.approx(2 * smaller, abs=0.03)


def sandwich(y: np.ndarray, inside: np.ndarray) -> float:
    """The variance of all − others by the influence of each respondent."""
    n, others = len(y), (~inside).sum()
    z = (y - y.mean()) / n - np.where(inside, 0, y - y[~inside].mean()) / others
    return float((z**2).sum() * n / (n - 1))


def test_the_error_is_that_of_the_influence_of_each_respondent() -> None:
    rng = np.random.default_rng(3)
    y, inside = rng.normal(6, 2, 90), rng.random(90) < 0.3
    row = theme_impact(mentions(bill=list(np.flatnonzero(inside))), pd.Series(y), metric="mean").iloc[0]
    assert row["std_error"] == pytest.approx(math.sqrt(sandwich(y, inside)))
    # respondents who are clusters of their own change nothing, and neither do equal weights
    same = {"clusters": np.arange(90), "weights": np.full(90, 3.0)}
    again = theme_impact(mentions(bill=list(np.flatnonzero(inside))), pd.Series(y), metric="mean", **same).iloc[0]
    pd.testing.assert_series_equal(row, again)


def test_the_interval_leaves_out_zero_exactly_where_the_test_is_clear() -> None:
    rng = np.random.default_rng(11)
    clear = 0
    for seed in range(40):
        scores = bunched(rng, 80) if seed % 2 else pd.Series(rng.integers(0, 11, 80))
        low = list(np.flatnonzero(rng.random(80) < 1 / (2 + scores)))
        row = theme_impact(mentions(low=low), scores, n_boot=199, random_state=seed).iloc[0]
        clear += row["p_value"] <= 0.05
        assert (row["p_value"] <= 0.05) == (not row["conf_low"] <= 0 <= row["conf_high"])
    assert 5 < clear < 35


def test_customers_are_shuffled_as_wholes() -> None:
    # ten customers who answer alike three times each are ten respondents: the same reference, the same p
    rng = np.random.default_rng(21)
    y, inside = rng.choice([0.0, 9, 10, 10, 10], 10), np.arange(10) < 3
    who = np.repeat(np.arange(10), 3)
    one = theme_impact(mentions(t=[0, 1, 2]), pd.Series(y), metric="mean", n_boot=2000)
    three = theme_impact(mentions(t=list(range(9))), pd.Series(y[who]), metric="mean", clusters=who, n_boot=2000)
    assert inside[who].sum() == 9
    assert three["p_value"][0] == pytest.approx(one["p_value"][0], abs=0.04)
    ends = ["estimate", "std_error", "conf_low", "conf_high"]
    assert three[ends].iloc[0].tolist() == pytest.approx(one[ends].iloc[0].tolist(), rel=0.05)


def test_a_customer_with_many_responses_is_one_witness() -> None:
    # 40 customers answer alike five times each: as uncertain as 40 answers, not as 200
    rng = np.random.default_rng(2)
    y, inside = rng.normal(6, 2, 40), rng.random(40) < 0.4
    one = theme_impact(mentions(t=list(np.flatnonzero(inside))), pd.Series(y), metric="mean").iloc[0]
    who = np.repeat(np.arange(40), 5)
    five = theme_impact(
        mentions(t=list(np.flatnonzero(inside[who]))), pd.Series(y[who]), metric="mean", clusters=who
    ).iloc[0]
    assert five["n"] == 5 * one["n"]
    assert five["estimate"] == pytest.approx(one["estimate"])
    assert five["std_error"] == pytest.approx(one["std_error"])
    assert five["p_value"] == pytest.approx(one["p_value"], abs=0.05)
    naive = theme_impact(mentions(t=list(np.flatnonzero(inside[who]))), pd.Series(y[who]), metric="mean").iloc[0]
    assert naive["std_error"] < 0.5 * five["std_error"]


def test_weights_count_respondents_as_often_as_they_stand_for() -> None:
    scores = pd.Series([10, 9, 8, 0, 6], index=list("abcde"))
    often = pd.Series([10, 9, 8, 0, 0, 0, 6], index=list("abcdxye"))
    weighted = theme_impact(mentions(bill=["d", "e"]), scores, weights=pd.Series([1, 1, 1, 3, 1], index=list("abcde")))
    assert weighted["estimate"][0] == pytest.approx(theme_impact(mentions(bill=list("dxye")), often)["estimate"][0])
    assert weighted["share"][0] == pytest.approx(400 / 7)


def test_a_group_and_theme_is_a_row_and_its_impact_that_of_the_group_alone() -> None:
    rng = np.random.default_rng(4)
    scores = pd.Series(rng.integers(0, 11, 300))
    group = pd.Series(rng.choice(["new", "old"], 300)).where(rng.random(300) < 0.95)
    own = mentions(bill=list(rng.choice(300, 80, replace=False)), app=list(rng.choice(300, 60, replace=False)))
    found = theme_impact(own, scores, by=group)
    assert found[["theme", "group"]].to_numpy().tolist() == [
        ["bill", "new"], ["bill", "old"], ["app", "new"], ["app", "old"],
    ]  # fmt: skip
    alone = theme_impact(own, scores[group == "new"])
    new = found[found["group"] == "new"]
    assert new["estimate"].tolist() == pytest.approx(alone["estimate"].tolist())
    assert new["std_error"].tolist() == pytest.approx(alone["std_error"].tolist())
    # who is in no group is in no row
    assert found.groupby("group")["n_all"].first().sum() == group.notna().sum()
    assert found["q_value"].tolist() == pytest.approx(stats.false_discovery_control(found["p_value"]).tolist())


def test_groups_in_which_a_theme_costs_differently_are_told_from_luck() -> None:
    rng = np.random.default_rng(5)
    group = pd.Series(np.repeat(["a", "b", "c"], 400))
    flags = rng.random((1200, 2)) < 0.25
    cost = np.where((group == "a") & flags[:, 0], 4, 0) + 2 * flags[:, 1]  # t0 costs in a alone, t1 the same in all
    scores = pd.Series(rng.normal(8, 1.5, 1200) - cost + (group == "b") * 1.0)
    who, which = np.nonzero(flags)
    own = pd.DataFrame({"text_id": who, "theme": [f"t{j}" for j in which]})
    found = (
        theme_impact(own, scores, metric="mean", by=group, n_boot=199)
        .groupby("theme")[["differs_p", "differs_q"]]
        .first()
    )
    assert found["differs_p"]["t0"] < 1e-6
    assert found["differs_p"]["t1"] > 0.05
    assert found["differs_q"]["t0"] == pytest.approx(2 * found["differs_p"]["t0"])
    # the published test of means that may differ in spread (Welch 1951) gives the same p from the same three estimates
    rows = theme_impact(own, scores, metric="mean", by=group, n_boot=199)
    t1 = rows[rows["theme"] == "t1"]
    u = 1 / t1["std_error"] ** 2
    spread = ((1 - u / u.sum()) ** 2 / (t1["n"] - 1)).sum()
    between = (u * (t1["estimate"] - (u * t1["estimate"]).sum() / u.sum()) ** 2).sum() / 2
    p = stats.f.sf(between / (1 + 2 * 1 / 8 * spread), 2, 8 / (3 * spread))
    assert t1["differs_p"].iloc[0] == pytest.approx(p)


def test_a_small_base_is_hidden_with_its_reason_and_never_0() -> None:
    scores = pd.Series(np.arange(40) % 11)
    found = theme_impact(mentions(few=[1, 2, 3], many=list(range(20))), scores, min_base=10).set_index("theme")
    assert found["reason"].to_dict() == {"few": "n<10", "many": ""}
    assert found.loc["few", ["estimate", "score_with", "conf_low", "p_value", "q_value"]].isna().all()
    assert found["q_value"]["many"] == found["p_value"]["many"]  # what is hidden is no test
    assert (
        theme_impact(mentions(most=list(range(35))), scores, min_base=10)["reason"][0]
        == "fewer than 10 do not mention it"
    )


def test_answers_that_nps_does_not_know_and_respondents_there_twice_are_refused() -> None:
    with pytest.raises(ValueError, match="NPS is made from answers 0 to 10, got 55"):
        theme_impact(mentions(bill=[1]), pd.Series([1, 55]))
    with pytest.raises(ValueError, match="`scores` holds respondent 'a' twice"):
        theme_impact(mentions(bill=["a"]), pd.Series([1, 5], index=["a", "a"]))
    with pytest.raises(ValueError, match="`n_boot` must be at least 39"):
        theme_impact(mentions(bill=[1]), pd.Series([1, 5]), n_boot=20)
    with pytest.raises(ValueError, match="`clusters` has 1 entries for 2 respondents"):
        theme_impact(mentions(bill=[1]), pd.Series([1, 5]), clusters=["x"])


def test_themes_that_travel_together_are_told_apart_by_the_model_of_all() -> None:
    rng = np.random.default_rng(6)
    bill = rng.random(2000) < 0.3
    fee = rng.random(2000) < np.where(bill, 0.6, 0.05)  # says nothing itself, but mostly stands beside bill
    scores = pd.Series(8 - 3 * bill + rng.normal(0, 1, 2000))
    own = mentions(bill=list(np.flatnonzero(bill)), fee=list(np.flatnonzero(fee)))
    plain = theme_impact(own, scores, metric="mean", n_boot=199).set_index("theme")
    held = adjusted_impact(own, scores, metric="mean").set_index("theme")
    assert plain["estimate"]["fee"] < -0.3
    assert plain["q_value"]["fee"] < 0.001
    assert held["conf_low"]["fee"] < 0 < held["conf_high"]["fee"]
    assert held["effect"]["bill"] == pytest.approx(-3, abs=0.15)
    assert held["vif"]["bill"] > 1.2


def test_the_adjusted_figures_are_those_of_least_squares_and_add_up() -> None:
    rng = np.random.default_rng(7)
    flags = rng.random((400, 3)) < [0.3, 0.2, 0.1]
    scores = pd.Series(rng.normal(7, 2, 400) - flags @ [2, 1, 0])
    segment = pd.Series(rng.choice(["x", "y"], 400))
    who, which = np.nonzero(flags)
    own = pd.DataFrame({"text_id": who, "theme": [f"t{j}" for j in which]}).sort_values("theme", kind="stable")
    found = adjusted_impact(own, scores, metric="mean", controls=segment)
    design = sm.add_constant(np.column_stack([flags, segment == "y"]).astype(float))
    fitted = sm.OLS(scores.to_numpy(), design).fit(cov_type="HC3")
    assert found["effect"].tolist() == pytest.approx(fitted.params[1:4].tolist())
    half = (found["effect_high"] - found["effect_low"]) / 2
    reach = stats.t.ppf(0.975, np.minimum(flags.sum(axis=0), (~flags).sum(axis=0)) - 1)
    assert half.tolist() == pytest.approx((reach * fitted.bse[1:4]).tolist())
    assert found["estimate"].tolist() == pytest.approx((fitted.params[1:4] * flags.mean(axis=0)).tolist())
    nothing = fitted.params[0] + fitted.params[4] * (segment == "y").mean()
    assert nothing + found["estimate"].sum() == pytest.approx(scores.mean())


def test_the_error_of_an_adjusted_figure_is_the_jackknife_of_customers() -> None:
    rng = np.random.default_rng(8)
    flags = rng.random((60, 2)) < 0.4
    customers = np.repeat(np.arange(20), 3)
    scores = pd.Series(rng.normal(7, 2, 60) + rng.normal(0, 2, 20)[customers] - flags[:, 0])
    who, which = np.nonzero(flags)
    own = pd.DataFrame({"text_id": who, "theme": [f"t{j}" for j in which]}).sort_values("theme", kind="stable")
    found = adjusted_impact(own, scores, metric="mean", clusters=customers)
    without = []
    for customer in range(20):
        kept = customers != customer
        again = adjusted_impact(own[own["text_id"].isin(np.flatnonzero(kept))], scores[kept], metric="mean")
        without.append(again["estimate"].to_numpy())
    error = np.sqrt(((np.array(without) - found["estimate"].to_numpy()) ** 2).sum(axis=0))
    assert found["std_error"].tolist() == pytest.approx(error.tolist())


def test_themes_that_cannot_be_told_apart_are_named_and_the_others_keep_their_figures() -> None:
    rng = np.random.default_rng(9)
    scores = pd.Series(rng.normal(6, 2, 200))
    both, third = list(range(0, 80)), list(range(40, 130))
    found = adjusted_impact(mentions(bill=both, invoice=both, app=third), scores, metric="mean").set_index("theme")
    assert found["reason"].to_dict() == {
        "bill": "cannot be told apart from invoice", "invoice": "cannot be told apart from bill", "app": "",
    }  # fmt: skip
    assert found.loc[["bill", "invoice"], ["estimate", "effect", "q_value"]].isna().all(axis=None)
    alone = adjusted_impact(mentions(bill=both, app=third), scores, metric="mean").set_index("theme")
    assert found["effect"]["app"] == pytest.approx(alone["effect"]["app"])
    segment = pd.Series(np.where(scores.index.isin(both), "phone", "web"))
    by_segment = adjusted_impact(mentions(bill=both), scores, metric="mean", controls=segment.rename("channel"))
    assert by_segment["reason"].tolist() == ["cannot be told apart from the constant and channel web"]


def test_a_theme_and_its_part_never_stand_in_one_model() -> None:
    rng = np.random.default_rng(10)
    scores = pd.Series(rng.normal(6, 2, 200))
    own = mentions(bill=list(range(30)), twice=list(range(20, 50)), app=list(range(40, 90)))
    parents = {"twice": "bill", "bill": None}
    top = adjusted_impact(own, scores, metric="mean", parents=parents).set_index("theme")
    assert top["n"].to_dict() == {"bill": 50, "app": 50, "twice": 30}
    assert top["reason"].to_dict() == {"bill": "", "app": "", "twice": "counted as bill"}
    leaves = adjusted_impact(own, scores, metric="mean", parents=parents, level="leaves").set_index("theme")
    assert leaves["reason"].to_dict() == {"twice": "", "app": "", "bill": "its parts are counted: twice"}
    with pytest.raises(ValueError, match="`parents` goes in a circle: bill → app → bill"):
        adjusted_impact(own, scores, metric="mean", parents={"bill": "app", "app": "bill"})
    with pytest.raises(ValueError, match="`level` must be top or leaves, got 'all'"):
        adjusted_impact(own, scores, metric="mean", level="all")  # type: ignore[arg-type]


def test_a_control_that_is_missing_leaves_nobody_out() -> None:
    rng = np.random.default_rng(12)
    scores = pd.Series(rng.normal(6, 2, 120))
    controls = pd.DataFrame(
        {
            "plan": rng.choice(["a", "b", None], 120),
            "age": np.where(rng.random(120) < 0.3, np.nan, 40.0 + np.arange(120)),
        }
    )
    found = adjusted_impact(mentions(bill=list(range(50))), scores, metric="mean", controls=controls)
    assert found["n_all"].tolist() == [120]
    age = controls["age"]
    design = np.column_stack(
        [
            np.ones(120),
            np.arange(120) < 50,
            controls["plan"] == "b",
            controls["plan"].isna(),
            age.fillna(age.mean()),
            age.isna(),
        ]
    ).astype(float)
    assert found["effect"][0] == pytest.approx(np.linalg.lstsq(design, scores, rcond=None)[0][1])


def test_too_few_respondents_for_the_model_are_said() -> None:
    found = adjusted_impact(
        mentions(a=[0, 1], b=[1, 2]), pd.Series([1.0, 5, 3, 4]), metric="mean", controls=pd.Series(list("wxyz"))
    )
    assert set(found["reason"]) == {"fewer respondents than columns of the model"}
    assert found["estimate"].isna().all()


IMPACT = pd.DataFrame(
    {
        "theme": ["fee", "bill", "app", "shop"], "n": [40, 90, 60, 70], "n_all": 400, "share": [10.0, 22.5, 15.0, 17.5],
        "estimate": [-4.0, -6.2, -1.0, 3.0], "conf_low": [-6.4, -9.1, -3.0, 1.0], "conf_high": [-1.6, -3.3, 1.0, 5.0],
        "conf_level": 0.95, "q_value": [0.004, 0.001, 0.4, 0.01],
    }
)  # fmt: skip


def alerts(**of: dict[str, object]) -> pd.DataFrame:
    quiet = {"alert": False, "direction": "", "since": "2026-05", "earliest": "2026-03", "latest": "2026-06", "older": False,
             "before": 12.0, "now": 13.1, "p_value": 0.3}  # fmt: skip
    rows = []
    for name, row in of.items():
        theme, _, measure = name.partition("_")
        rows.append({"theme": theme, "measure": measure or "mentions"} | quiet | row)
    return pd.DataFrame(rows)


def test_the_themes_that_hurt_most_are_said_with_cost_beginning_and_whom() -> None:
    table = alerts(
        bill={"alert": True, "direction": "up", "before": 9.4, "now": 22.0},
        bill_negative={"alert": True, "direction": "up", "before": 40.0, "now": 61.0},
        fee={},
    )
    groups = pd.DataFrame(
        {
            "theme": ["bill", "bill", "fee", "fee"], "group": ["new", "old", "new", "old"], "estimate": [-2.0, -9.0, -4.0, -4.1],
            "p_value": 0.01, "conf_level": 0.95, "differs_q": [0.01, 0.01, 0.8, 0.8],
        }
    )  # fmt: skip
    found = worst_themes(IMPACT, table, groups, labels={"bill": "Bills", "fee": "Fees"})
    # only what clearly costs: not the app (q), not the shop (it earns)
    assert found["theme"].tolist() == ["bill", "fee"]
    assert found["sentence"].tolist() == [
        "Bills: without those who mention it, the NPS would be 6 points higher (3 to 9); 90 of 400 people do (22%). It is mentioned "
        "more since May 2026 (plausible starts: March 2026 to June 2026): by 22% of people, before by 9.4%. Those who mention it are "
        "unhappier: 61% of them, before 40%. It costs most in old (9).",
        "Fees: without those who mention it, the NPS would be 4 points higher (2 to 6); 40 of 400 people do (10%). How often it "
        "is mentioned has not clearly changed: by 13% of people lately, by 12% before. What it costs does not clearly differ between "
        "groups.",
    ]
    assert found[["costs_most", "costs_most_by"]].iloc[0].tolist() == ["old", -9]
    assert found[["since", "direction"]].iloc[1].tolist() == ["", ""]


def test_a_theme_is_not_named_beside_its_own_part_and_a_small_cost_keeps_its_digits() -> None:
    found = worst_themes(IMPACT, parents={"fee": "bill"})
    assert found["theme"].tolist() == ["bill"]
    scale = IMPACT.assign(estimate=-0.36, conf_low=-0.42, conf_high=-0.31)
    said = worst_themes(scale, score="the mean rating", unit="1 to 10", n=1)["sentence"][0]
    assert (
        said
        == "Fee: without those who mention it, the mean rating would be 0.36 of a point higher (0.31 to 0.42); 40 of 400 people do (10%)."
    )
    assert worst_themes(IMPACT.assign(q_value=0.5)).empty


def test_on_real_reviews_refunds_cost_and_began_with_the_pandemic() -> None:
    path = REAL_DATA / "voice" / "ba_reviews.parquet"
    if not path.is_file():
        pytest.skip("the real reviews are not on this machine")
    reviews = pd.read_parquet(path)
    reviews["counted_at"] = pd.to_datetime(
        reviews["Datetime"].str.replace(r"(?<=\d)(?:st|nd|rd|th)", "", regex=True), format="%d %B %Y"
    )
    texts = reviews["ReviewBody"].str.lower()
    own = pd.concat(
        [
            pd.DataFrame({"text_id": reviews.index[texts.str.contains(words, regex=True)], "theme": theme})
            for theme, words in {"refunds": r"\brefund|\bvoucher", "crew": r"\bcabin crew\b"}.items()
        ]
    )
    impact = theme_impact(own, reviews["OverallRating"], metric="mean", min_base=30, n_boot=199)
    history = theme_alerts(theme_trends(own, reviews, every="quarter"), recent=40, baseline=60, n_sim=400)
    (row,) = worst_themes(impact, history, score="the mean rating", unit="1 to 10").to_dict("records")
    assert row["theme"] == "refunds"
    assert row["direction"] == "up"
    assert row["earliest"] <= "2020-Q2" <= "2020-Q4" >= row["since"]
    assert row["now"] > 1.5 * row["before"]
