"""Scorecard, seams and consistency: by hand, against statsmodels, and the sentences about them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cxlab.experience import Touchpoints, consistency, scorecard, seams, touchpoint_scores
from cxlab.inference import linearised_mean, wilson
from cxlab.problems import NotApplicableError

PLACES = pd.DataFrame(
    {
        "touchpoint": ["app", "shop", "help", "bill"],
        "label": ["App", "Shop", "Help", "Bill"],
        "owner": ["Digital", None, "Care, Finance", "Finance"],
    }
)


def rated(**scores: list[float]) -> pd.DataFrame:
    """One row an answer; the i-th answer about every touchpoint is of customer i."""
    rows = [(number, place, score) for place, own in scores.items() for number, score in enumerate(own)]
    return pd.DataFrame(rows, columns=["customer_id", "touchpoint", "score"])


# app: 30 of 40 in the two best boxes; shop: 12 answers; nobody was asked about help and bill
ANSWERS = rated(app=[5] * 10 + [4] * 20 + [3] * 10, shop=[5] * 12)


def test_the_scorecard_by_hand() -> None:
    card = scorecard(ANSWERS, touchpoints=PLACES, importance={"app": 0.6, "shop": 0.2}).set_index("touchpoint")
    assert card.loc["app", ["n", "estimate", "reach"]].tolist() == [40, 0.75, 1]
    assert card.loc["app", ["conf_low", "conf_high"]].tolist() == pytest.approx(list(wilson(0.75, 40)))
    # 12 of the 40 customers who rated anything were in the shop
    assert card.loc["shop", "reach"] == pytest.approx(0.3)
    assert card["significance"].to_dict() == pytest.approx(
        {"app": 0.6, "shop": 0.06, "help": math.nan, "bill": math.nan}, nan_ok=True
    )


def test_too_few_and_unmeasured_touchpoints_stay_on_the_card_and_say_why() -> None:
    card = scorecard(ANSWERS, touchpoints=PLACES).set_index("touchpoint")
    assert card["status"].to_dict() == {"app": "ok", "shop": "too few", "help": "unmeasured", "bill": "unmeasured"}
    assert card.loc[["shop", "help"], "reason"].tolist() == ["n<30", "not asked"]
    assert card.loc[["shop", "help", "bill"], ["estimate", "conf_low", "conf_high"]].isna().all(axis=None)
    assert card["n"].sum() == len(ANSWERS)


def test_an_orphan_is_what_nobody_owns_and_a_touchpoint_that_is_not_listed_is_one() -> None:
    card = scorecard(pd.concat([ANSWERS, rated(lift=[1] * 30)]), touchpoints=PLACES).set_index("touchpoint")
    assert card.index[card["orphan"]].tolist() == ["shop", "lift"]
    assert scorecard(ANSWERS)["orphan"].all()


def test_reach_comes_from_the_event_log_where_there_is_one() -> None:
    card = scorecard(ANSWERS, touchpoints=PLACES, reach={"app": 0.5, "bill": 0.9}, importance={"app": 0.6, "bill": 0.1})
    assert card.set_index("touchpoint")["reach"].to_dict() == pytest.approx(
        {"app": 0.5, "shop": math.nan, "help": math.nan, "bill": 0.9}, nan_ok=True
    )
    assert card.set_index("touchpoint").loc[["app", "bill"], "significance"].tolist() == pytest.approx([0.3, 0.09])


def test_the_top_box_follows_the_scale_and_its_width() -> None:
    assert scorecard(ANSWERS, top=1).set_index("touchpoint").loc["app", "estimate"] == 0.25
    seven = rated(app=[7] * 10 + [6] * 10 + [5] * 20)
    assert scorecard(seven, scale=(1, 7))["estimate"].tolist() == [0.5]


def test_answers_of_one_customer_go_together() -> None:
    found = scorecard(pd.concat([ANSWERS] * 3)).set_index("touchpoint").loc["app"]
    assert found["n"] == 120
    # forty customers, whatever they repeat: SE² = 0.75·0.25/39, so the effective base is 120/119·39
    assert found["std_error"] == pytest.approx(math.sqrt(0.75 * 0.25 / 39))
    assert (found["conf_low"], found["conf_high"]) == pytest.approx(wilson(0.75, 39 * 120 / 119))


def visits(*paths: tuple[str, list[float]], days: float = 1, first: int = 0) -> pd.DataFrame:
    """One customer a path: the touchpoints and what was said of them, `days` apart."""
    rows = [
        (f"c{first + number}", pd.Timestamp("2026-01-01", tz="UTC") + pd.Timedelta(days=days * step), place, score)
        for number, (path, scores) in enumerate(paths)
        for step, (place, score) in enumerate(zip(path.split(), scores, strict=True))
    ]
    return pd.DataFrame(rows, columns=["customer_id", "timestamp", "touchpoint", "score"])


def test_a_seam_is_the_mean_change_within_the_same_customers() -> None:
    # changes −1, −2, −3, and +1 the other way round
    rows = visits(("app help", [5, 4]), ("app help", [5, 3]), ("app help", [4, 1]), ("help app", [2, 3]))
    table = seams(rows, min_base=1).set_index(["from_touchpoint", "to_touchpoint"])
    found = table.loc[("app", "help")]
    assert (found["estimate"], found["n"], found["customers"]) == (-2, 3, 3)
    assert found["std_error"] == pytest.approx(1 / math.sqrt(3))
    paired = stats.ttest_rel([4, 3, 1], [5, 5, 4]).confidence_interval()
    assert (found["conf_low"], found["conf_high"]) == pytest.approx((paired.low, paired.high))
    assert table.loc[("help", "app"), "estimate"] == 1


def test_the_p_value_of_a_seam_agrees_with_its_interval() -> None:
    rows = visits(("app help", [5, 4]), ("app help", [5, 3]), ("app help", [4, 1]))
    found = seams(rows, min_base=1).iloc[0]
    assert found["conf_low"] < 0 < found["conf_high"]
    assert found["p_value"] == pytest.approx(stats.ttest_rel([4, 3, 1], [5, 5, 4]).pvalue)


def test_the_same_touchpoint_twice_and_another_customer_make_no_seam() -> None:
    rows = visits(("app app help", [5, 4, 3]), ("bill", [1]))
    table = seams(rows, min_base=1)
    assert table[["from_touchpoint", "to_touchpoint", "n"]].to_numpy().tolist() == [["app", "help", 1]]
    assert table["estimate"].tolist() == [-1]


def test_ratings_further_apart_than_the_window_make_no_seam() -> None:
    assert len(seams(visits(("app help", [5, 4]), days=7), min_base=1)) == 1
    assert seams(visits(("app help", [5, 4]), days=7.01), min_base=1).empty
    assert len(seams(visits(("app help", [5, 4]), days=7.01), min_base=1, within="8d")) == 1


def test_unsorted_ratings_are_put_in_order_first() -> None:
    rows = visits(("app help", [5, 4]), ("app help", [4, 2]))
    pd.testing.assert_frame_equal(seams(rows.iloc[::-1], min_base=1), seams(rows, min_base=1))


def test_seams_on_a_small_base_are_not_shown() -> None:
    paths = [("app help", [5.0, 4.0 - number % 2]) for number in range(30)]
    assert seams(visits(*paths))["n"].tolist() == [30]
    assert seams(visits(*paths[1:])).empty


def test_customers_with_several_hand_overs_are_clusters() -> None:
    rows = visits(("app help app help", [5, 4, 5, 4]), ("app help", [5, 2]), ("app help", [3, 3]))
    found = seams(rows, min_base=3).iloc[0]
    expected = linearised_mean([-1, -1, -3, 0], clusters=["a", "a", "b", "c"])
    assert (found["n"], found["customers"]) == (4, 3)
    assert found["std_error"] == pytest.approx(expected.std_error)


def one_way(groups: dict[str, list[float]]) -> pd.DataFrame:
    rows = [("app", group, score) for group, scores in groups.items() for score in scores]
    return pd.DataFrame(rows, columns=["touchpoint", "team", "score"])


def test_consistency_is_the_intraclass_correlation_by_hand() -> None:
    groups = {"a": [1.0, 2, 3] * 10, "b": [3.0, 4, 5] * 20}
    found = consistency(one_way(groups), by="team").iloc[0]
    F = stats.f_oneway(*groups.values()).statistic
    n0 = 90 - (30**2 + 60**2) / 90  # (N − Σn²/N)/(k − 1)
    assert found["estimate"] == pytest.approx((F - 1) / (F + n0 - 1))
    low = F / stats.f.ppf(0.975, 1, 88)
    assert found["conf_low"] == pytest.approx((low - 1) / (low + n0 - 1))
    assert (found["n"], found["n_groups"]) == (90, 2)
    assert found["within_sd"] == pytest.approx(math.sqrt((20 + 40) / 88))


def test_the_same_experience_everywhere_is_zero_and_never_below() -> None:
    found = consistency(one_way({"a": [1.0, 3, 5] * 20, "b": [1.0, 3, 5] * 20}), by="team").iloc[0]
    assert (found["estimate"], found["conf_low"]) == (0, 0)


@pytest.mark.parametrize(("truth", "within"), [(0.04, 0.015), (0.30, 0.04)])
def test_a_planted_intraclass_correlation_is_found_on_average(truth: float, within: float) -> None:
    rng = np.random.default_rng(2)
    found = []
    for _ in range(60):
        sizes = rng.integers(30, 90, 30)
        scores = {
            f"t{i}": list(rng.normal(0, math.sqrt(truth)) + rng.normal(0, math.sqrt(1 - truth), n))
            for i, n in enumerate(sizes)
        }
        found.append(consistency(one_way(scores), by="team")["estimate"].iloc[0])
    assert np.mean(found) == pytest.approx(truth, abs=within)


def test_groups_on_a_small_base_are_left_out_and_one_group_has_no_consistency() -> None:
    groups = {"a": [1.0, 3, 5] * 10, "b": [2.0, 3, 5] * 10, "c": [5.0] * 29}
    assert consistency(one_way(groups), by="team")[["n", "n_groups"]].to_numpy().tolist() == [[60, 2]]
    alone = consistency(one_way({"a": [1.0, 3, 5] * 10, "c": [5.0] * 29}), by="team").iloc[0]
    assert math.isnan(alone["estimate"])
    assert alone["reason"] == "fewer than two groups"


def test_teams_that_differ_and_never_vary_are_not_called_the_same() -> None:
    found = consistency(one_way({"a": [1.0] * 30, "b": [5.0] * 30}), by="team").iloc[0]
    assert found["reason"] != "all answers are the same"


def study(rows: pd.DataFrame, survey: str = "tracking", wave: str = "2", **more: object) -> pd.DataFrame:
    """The rows as those of an open study, a day a wave."""
    given: dict[str, object] = {"channel": None, "team": None, "cluster": None, "weight": math.nan, "item": "q"} | more
    day = pd.Timestamp("2026-01-01", tz="UTC") + pd.Timedelta(days=int(wave))
    rows = rows if "timestamp" in rows else rows.assign(timestamp=day)
    return rows.assign(
        role="satisfaction",
        perspective="customer",
        survey=survey,
        wave=wave,
        response_id=[f"{survey}{wave}-{number}" for number in range(len(rows))],
        **given,
    )


def made(rows: pd.DataFrame, high: float = 5, **more: object) -> Touchpoints:
    items = pd.DataFrame({"item": ["q"], "role": ["satisfaction"], "low": [1.0], "high": [high]})
    return touchpoint_scores(rows, PLACES, items, **more)  # type: ignore[arg-type]


GOOD_AND_BAD = study(rated(app=[5] * 50 + [1] * 10, help=[5] * 20 + [2] * 40, shop=[4] * 12))


def test_the_headline_names_the_lowest_touchpoint_and_who_owns_it() -> None:
    low, high = wilson(1 / 3, 60)
    assert made(GOOD_AND_BAD).headline() == (
        "1 of 2 rated touchpoints lies clearly below 70% satisfied customers; the lowest is help, owned by Care, Finance: "
        f"33% ({100 * low:.0f} to {100 * high:.0f}%)."
    )


def test_orphans_contested_and_unmeasured_touchpoints_are_all_listed() -> None:
    found = made(GOOD_AND_BAD)
    assert (found.orphans, found.contested) == (["Shop"], ["Help"])
    assert found.sentences()[:3] == [
        "Nobody owns shop.",
        "More than one department owns help.",
        "Nobody was asked about bill.",
    ]
    assert found.card_words()["title"] == "2 of 4 touchpoints are measured, 3 are owned."
    assert found.base_sentence() == "132 ratings of 3 touchpoints; 4 are in the study."


def test_the_goal_is_passed_or_missed_only_with_the_whole_interval() -> None:
    rows = study(rated(app=[5] * 95 + [1] * 5, shop=[5] * 70 + [1] * 30, help=[5] * 40 + [1] * 60))
    goals = made(rows).card_shown().set_index("touchpoint")["goal"].to_dict()
    assert goals == {"app": "passed", "shop": "open", "help": "missed", "bill": "unknown"}


def test_of_each_touchpoint_one_survey_counts_and_of_each_survey_its_newest_wave() -> None:
    rows = pd.concat(
        [
            study(rated(app=[5] * 30 + [1] * 10)),
            study(rated(app=[1] * 90), wave="1"),
            study(rated(app=[1] * 50, help=[5] * 40), survey="event"),
        ]
    )
    card = made(rows).card.set_index("touchpoint")
    assert card.loc["app", ["n", "estimate", "survey"]].tolist() == [40, 75, "tracking survey"]
    assert card.loc["help", ["n", "survey"]].tolist() == [40, "event survey"]


def test_the_two_best_answers_are_those_of_the_questions_own_scale() -> None:
    # 1 to 7: 20 of 70 give a 6 or a 7
    rows = study(rated(app=[1, 2, 3, 4, 5, 6, 7] * 10))
    assert made(rows, high=7).card.set_index("touchpoint").loc["app", "estimate"] == pytest.approx(100 * 2 / 7)
    # 1 to 5 of which nobody gave the best: 10 of 40 give a 4
    few = study(rated(app=[1, 2, 3, 4] * 10))
    assert made(few).card.set_index("touchpoint").loc["app", "estimate"] == 25


def test_on_a_long_scale_the_satisfied_are_its_upper_fifth() -> None:
    # 1 to 100: a fifth of 99 points below the top is 80.2; 81 and 95 lie above, 80 does not
    rows = study(rated(app=[95] * 10 + [81] * 10 + [80] * 20))
    assert made(rows, high=100).card.set_index("touchpoint").loc["app", "estimate"] == 50


def test_seams_are_those_of_the_event_survey_and_a_clear_fall_is_said() -> None:
    fall = visits(*[("app help", [5, 3 + number % 2]) for number in range(40)])
    found = made(study(fall, survey="event"))
    assert found.seams["estimate"].tolist() == [-1.5]
    said = next(said for said in found.sentences() if said.startswith("Where customers are handed on"))
    assert said == (
        "Where customers are handed on from app to help, the same customers are 1.5 points less content (1.3 to 1.7, n 40)."
    )
    words, rows = next(found.seams_shown())
    assert words["title"] == "1 of 1 hand-overs between touchpoints clearly lowers what the same customers say."
    assert rows["reading"].tolist() == ["worse"]
    assert "App → Help −1.5" in words["alt"]
    assert found.findings()[-1]["attention"] is True


def test_a_hand_over_that_lowers_nothing_is_said_to() -> None:
    level = visits(*[("app help", [4, 3 + 2 * (number % 2)]) for number in range(40)])
    found = made(study(level, survey="event"))
    assert "No hand-over between touchpoints clearly lowers what the same customers say." in found.sentences()


def test_teams_that_differ_are_said_to() -> None:
    scores = [[1, 2, 3], [3, 4, 5], [2, 3, 4], [1, 2, 2]]
    rows = pd.concat(
        study(rated(app=own * 20), survey="event", team=f"team {number}") for number, own in enumerate(scores)
    )
    rows["customer_id"] = range(len(rows))
    found = made(rows)
    assert found.by == "team"
    assert "How content customers are depends on the team with app." in found.sentences()


def test_importance_and_reach_make_significance_and_sort_the_card() -> None:
    weights = pd.DataFrame({"driver": ["a", "b"], "touchpoint": ["help", "app"], "share": [0.2, 0.7]})
    found = made(GOOD_AND_BAD, importance=weights, reach={"app": 0.5, "help": 1.0})
    shown = found.card_shown()
    assert shown["touchpoint"].tolist()[:2] == ["app", "help"]
    assert shown["significance"].tolist()[:2] == pytest.approx([0.35, 0.2])
    assert shown["reached"].tolist()[:2] == ["50%", "100%"]
    assert made(GOOD_AND_BAD).card_words()["note"]["Importance"] == "Not known: 07 has not run"


SPENT = pd.DataFrame(
    {
        "touchpoint": ["app", "help", "bill"],
        "impact_share": [0.5, 0.3, 0.2],
        "cost_share": [0.1, 0.3, 0.6],
        "share_difference": [0.4, 0.0, -0.4],
        "share_difference_low": [0.3, -0.1, -0.5],
        "share_difference_high": [0.5, 0.1, -0.3],
        "reading": ["counts for more than it costs", "not clear", "costs more than it counts for"],
        "outcome": "NPS",
        "n": 300,
    }
)


def test_where_to_divert_resources_is_said_only_of_what_is_clear() -> None:
    found = made(study(rated(app=[5] * 40)), priorities=SPENT)
    assert "Resources to divert: bill costs more than it counts for, app less." in found.sentences()
    ((words, rows),) = found.spending_shown()
    assert rows[["label", "estimate", "reading"]].to_numpy().tolist() == [
        ["App", 40, "changed"], ["Help", 0, "no clear change"], ["Bill", -40, "changed"],
    ]  # fmt: skip
    assert words["title"] == "App takes 10% of the cost and brings 50% of the impact on loyalty."
    assert "what an improvement would cost, nobody has measured" in found.cost_limit()
    same = made(study(rated(app=[5] * 40)), priorities=SPENT.assign(reading="not clear"))
    assert not any("divert" in said for said in same.sentences())
    ((words, _),) = same.spending_shown()
    assert words["title"] == "No touchpoint clearly counts for more, or for less, than it costs."


def test_without_costs_the_page_says_that_it_has_none() -> None:
    none = made(study(rated(app=[5] * 40)))
    assert list(none.spending_shown()) == []
    assert none.cost_limit() == "Costs are not in this study, or 07 has not run."
    assert not any("divert" in said for said in none.sentences())


def test_two_drivers_of_one_touchpoint_add_up_on_the_card() -> None:
    shares = pd.DataFrame({"driver": ["a", "b", "c"], "touchpoint": ["app", "app", None], "share": [0.3, 0.2, 0.5]})
    card = made(study(rated(app=[5] * 40)), importance=shares).card.set_index("touchpoint")
    assert card.loc["app", "importance"] == pytest.approx(0.5)


def test_every_touchpoint_is_a_finding_and_an_orphan_asks_for_attention() -> None:
    findings = {finding["target"]: finding for finding in made(GOOD_AND_BAD).findings()}
    assert findings["shop"]["result"]["headline"] == "Shop: n<30; nobody owns it."
    assert findings["shop"]["attention"] is True
    assert findings["help"]["attention"] is True
    assert findings["app"]["attention"] is False
    assert findings["bill"]["result"]["headline"] == "Bill: not asked."


def test_no_touchpoint_with_enough_answers_has_no_headline_figure() -> None:
    assert made(study(rated(app=[1] * 12))).headline() == "No touchpoint was rated by enough customers."


def test_a_study_without_ratings_of_touchpoints_is_told_what_it_lacks() -> None:
    with pytest.raises(NotApplicableError, match="needs answers about satisfaction with a touchpoint"):
        made(GOOD_AND_BAD.assign(role="loyalty"))
