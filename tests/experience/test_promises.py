"""Promises, feelings, teams and the wowed: by hand, and at the borders of their intervals."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from cxlab.config import Emotions, Promise
from cxlab.experience import BrandExperience, brand_experience, promise_register, team_scores
from cxlab.inference import linearised_mean, wilson
from cxlab.problems import NotApplicableError


def occasions(met: int, n: int) -> pd.DataFrame:
    """`n` waits in minutes, of which `met` were at most ten."""
    return pd.DataFrame({"wait": [10.0] * met + [11.0] * (n - met)})


def promise(**more: object) -> dict[str, Promise]:
    given = {"statement": "We answer in ten minutes", "metric": "wait", "threshold": 10, "better": "lower"} | more
    return {"fast": Promise(**given)}  # type: ignore[arg-type]


def row(met: int, n: int, **more: float) -> pd.Series:
    return promise_register(promise(), occasions(met, n), **more).iloc[0]


def test_a_promise_has_the_share_of_occasions_with_wilsons_interval() -> None:
    # Newcombe 1998, Table I: 15 of 148
    found = row(15, 148)
    assert (found["conf_low"], found["conf_high"]) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert found["estimate"] == pytest.approx(15 / 148)
    assert (found["n"], found["status"]) == (148, "broken")
    # and 0 of 20
    assert row(0, 20, min_base=20)["conf_high"] == pytest.approx(0.1611, abs=5e-5)
    assert row(0, 20, min_base=20)["conf_low"] == 0


def test_kept_and_broken_begin_exactly_where_the_interval_leaves_the_target() -> None:
    low, high = wilson(0.95, 200)
    assert row(190, 200, target=low)["status"] == "kept"
    assert row(190, 200, target=np.nextafter(low, 1))["status"] == "undecided"
    assert row(190, 200, target=high)["status"] == "undecided"
    assert row(190, 200, target=np.nextafter(high, 1))["status"] == "broken"


def test_a_share_above_the_target_is_not_yet_a_promise_kept() -> None:
    # 92 of 100 with a target of 90%: 85% to 96%
    assert row(92, 100)["status"] == "undecided"
    assert row(970, 1000)["status"] == "kept"
    assert row(30, 30)["status"] == "undecided"  # all of thirty: from 89%


def test_the_threshold_itself_meets_the_promise_in_both_directions() -> None:
    assert row(100, 100)["estimate"] == 1
    higher = promise_register(promise(better="higher"), pd.DataFrame({"wait": [10.0] * 60 + [9.9] * 40})).iloc[0]
    assert higher["estimate"] == 0.6


def test_a_promises_own_target_wins() -> None:
    table = promise_register(promise(target=0.05), occasions(15, 148))
    assert table[["target", "status"]].to_numpy().tolist() == [[0.05, "kept"]]


def test_occasions_of_one_customer_go_together() -> None:
    once = occasions(80, 100)
    thrice = pd.DataFrame({"wait": np.repeat(once["wait"], 3).to_numpy(), "customer_id": np.repeat(range(100), 3)})
    alone = promise_register(promise(), once).iloc[0]
    found = promise_register(promise(), thrice).iloc[0]
    assert found["n"] == 300
    assert found["std_error"] == pytest.approx(alone["std_error"])
    # the effective base is 300/299·0.8·0.2/SE² with SE² = 0.8·0.2/99
    assert (found["conf_low"], found["conf_high"]) == pytest.approx(wilson(0.8, 99 * 300 / 299))
    # 80% of 100 customers is undecided about a target that 300 independent occasions would call broken
    assert promise_register(promise(target=0.86), thrice)["status"].tolist() == ["undecided"]
    assert promise_register(promise(target=0.86), thrice.drop(columns="customer_id"))["status"].tolist() == ["broken"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"metric": None}, "no metric is named"),
        ({"threshold": None}, "no metric is named"),
        ({"metric": "delay"}, "there is no `delay` in the data"),
        ({"metric": "empty"}, "`empty` has no value in this period"),
        ({"touchpoint": "shop"}, "`wait` has no value in this period"),
    ],
)
def test_what_nothing_measures_is_unmeasured_and_says_why(change: dict[str, object], reason: str) -> None:
    data = occasions(90, 100).assign(empty=math.nan, touchpoint="help")
    found = promise_register(promise(**change), data).iloc[0]
    assert (found["status"], found["reason"], found["n"]) == ("unmeasured", reason, 0)
    assert math.isnan(found["estimate"])


def test_too_few_occasions_show_their_number_and_no_share() -> None:
    found = row(29, 29)
    assert (found["status"], found["n"], found["reason"]) == ("too few", 29, "n<30")
    assert math.isnan(found["estimate"])
    assert math.isnan(found["conf_low"])
    assert row(30, 30)["estimate"] == 1


def test_a_promise_counts_the_occasions_of_its_own_touchpoint_and_those_of_none() -> None:
    data = occasions(40, 120).assign(touchpoint=["help"] * 60 + ["shop"] * 40 + [None] * 20)
    assert promise_register(promise(touchpoint="help"), data)[["n", "estimate"]].to_numpy().tolist() == [[80, 0.5]]


ITEMS = pd.DataFrame(
    [
        ("felt_help", "emotion", math.nan, math.nan, "help", "Feeling"),
        ("overall", "satisfaction", 1.0, 5.0, None, "Overall"),
        ("ltr", "loyalty", 0.0, 10.0, None, "Recommend"),
        ("modern", "image", 1.0, 5.0, None, "Modern"),
        ("honest", "image", 1.0, 5.0, None, "Honest"),
    ],
    columns=["item", "role", "low", "high", "touchpoint", "label"],
)
TOUCHPOINTS = pd.DataFrame({"touchpoint": ["help", "shop"], "label": ["Help", "Shop"], "owner": ["Care", None]})


def answers(wave: str = "2", **columns: list[object]) -> pd.DataFrame:
    frame = pd.DataFrame({name: pd.Series(values) for name, values in columns.items()})
    day = pd.Timestamp("2026-01-01", tz="UTC") + pd.Timedelta(days=int(wave))
    return frame.assign(perspective="customer", survey="tracking", wave=wave, counted_at=day)


FELT = answers(felt_help=["calm"] * 20 + ["angry"] * 50 + ["bored"] * 30 + [None] * 10)


def brand(responses: pd.DataFrame = FELT, **more: object) -> BrandExperience:
    given: dict[str, object] = {"promises": {}, "intended": {"help": Emotions(intended=["calm", "proud"])}} | more
    promises, intended = given.pop("promises"), given.pop("intended")
    return brand_experience(promises, intended, responses, ITEMS, TOUCHPOINTS, **given)  # type: ignore[arg-type]


def test_feelings_intended_and_felt_by_hand() -> None:
    table = brand().felt.set_index("emotion")
    assert table["estimate"].to_dict() == {"calm": 20, "proud": 0, "angry": 50, "bored": 30}
    assert table["intended"].to_dict() == {"calm": True, "proud": True, "angry": False, "bored": False}
    assert set(table["n"]) == {100}
    low, high = wilson(0.2, 100)
    assert table.loc["calm", ["conf_low", "conf_high"]].tolist() == pytest.approx([100 * low, 100 * high])


def test_who_was_not_asked_about_a_touchpoint_is_not_in_its_base() -> None:
    items = pd.concat([ITEMS, ITEMS.head(1).assign(item="felt_shop", touchpoint="shop")])
    rows = FELT.assign(felt_shop=[None] * 60 + ["calm"] * 50)
    table = brand_experience({}, {}, rows, items, TOUCHPOINTS).felt.set_index(["touchpoint", "emotion"])
    assert table.loc[("help", "calm"), ["n", "estimate"]].tolist() == [100, 20]
    assert table.loc[("shop", "calm"), ["n", "estimate"]].tolist() == [50, 100]


def test_what_is_felt_most_and_not_meant_is_said_with_what_is_meant() -> None:
    assert brand().headline() == "Help: angry is felt most (50%), meant is calm (20%) and proud (0%)."
    calm = FELT.assign(felt_help=FELT["felt_help"].replace("angry", "calm"))
    assert brand(calm).headline() == "At every touchpoint the feeling that was meant is the one felt most."


def test_feelings_are_those_of_the_newest_wave() -> None:
    rows = pd.concat([FELT, answers(wave="1", felt_help=["calm"] * 500)])
    assert brand(rows).felt.set_index("emotion").loc["calm", ["estimate", "n"]].tolist() == [20, 100]


def test_a_broken_promise_is_the_headline_and_its_owner_hears_of_it() -> None:
    events = occasions(50, 100).assign(customer_id=range(100), touchpoint="help").rename(columns={"wait": "value"})
    found = brand(promises=promise(metric="value", touchpoint="help"), events=events)
    low, high = wilson(0.5, 100)
    share = f"50% ({low:.0%} to {high:.0%})"
    assert found.headline() == (
        f"One promise is broken: “We answer in ten minutes” holds on {share} of occasions, 90% were promised."
    )
    finding = found.findings()[0]
    assert (finding["owner"], finding["attention"], finding["result"]["estimate"]) == ("Care", True, 50)
    assert finding["result"]["headline"] == (
        f"The promise “We answer in ten minutes” is broken: met on {share} of occasions, target 90%."
    )


def test_promises_that_nobody_measures_are_not_said_to_be_kept() -> None:
    found = brand(promises={"a": Promise(statement="We care"), "b": Promise(statement="We listen")})
    assert found.headline() == "No promise is broken: 2 unmeasured."
    assert "Not measured: “We care” and “We listen”." in found.sentences()
    assert not any(said.startswith("Kept") for said in found.sentences())
    words, table = next(found.register_shown())
    assert words["title"] == "2 of 2 promises are measured by nothing."
    assert table["owner"].tolist() == ["no owner", "no owner"]
    assert [finding["attention"] for finding in found.findings()] == [True, True]
    assert list(found.promises_shown()) == []


def test_the_statuses_of_the_register_add_up_to_its_promises() -> None:
    kinds = {"kept": promise(target=0.5), "broken": promise(target=0.99), "unmeasured": promise(metric=None)}
    promises = {name: given["fast"] for name, given in kinds.items()}
    found = brand(promises=promises, events=None, responses=pd.concat([FELT, occasions(90, 100)], axis=1))
    assert found.register.set_index("promise")["status"].to_dict() == {name: name for name in kinds}
    words, table = next(found.promises_shown())
    assert words["title"] == "Of 2 promises that are measured 1 is kept and 1 is broken."
    assert len(table) + 1 == len(found.register)


def test_answers_of_before_the_period_keep_no_promise_of_the_period() -> None:
    rows = occasions(0, 100).assign(in_period=[True] * 40 + [False] * 60, perspective="customer", survey="event")
    found = brand(rows.assign(wave="1", counted_at=pd.Timestamp("2026-01-01", tz="UTC")), promises=promise())
    assert found.register["n"].tolist() == [40]


def test_the_wowed_are_compared_with_the_only_satisfied() -> None:
    rows = answers(
        felt_help=["calm"] * 80,
        overall=[5.0] * 40 + [4.0] * 20 + [1.0] * 20,
        ltr=[10.0] * 40 + [9.0] * 10 + [6.0] * 10 + [0.0] * 20,
    )
    found = brand(rows)
    table = found.wow.set_index("label")
    assert table.loc["Wowed", ["share", "estimate", "n"]].tolist() == [50, 100, 40]
    assert table.loc["Only satisfied", ["share", "estimate", "n"]].tolist() == [25, 0, 20]
    assert (
        "Customers who were wowed (50%) lie 100 NPS points above those who are only satisfied; which comes first is not known."
        in found.sentences()
    )


def test_the_image_is_the_share_of_the_two_best_answers_best_first() -> None:
    rows = answers(felt_help=["calm"] * 40, modern=[5.0] * 10 + [4.0] * 10 + [3.0] * 20, honest=[4.0] * 30 + [1.0] * 10)
    found = brand(rows)
    assert found.image[["item", "estimate"]].to_numpy().tolist() == [["honest", 75], ["modern", 50]]
    words, _ = next(found.image_shown())
    assert words["title"] == "Customers see the brand most as honest (75%), least as modern (50%)."


def test_team_means_are_drawn_to_the_mean_of_all_by_hand() -> None:
    # two teams of 40 with means 3 and 4 and deviations of ½ around them
    ratings = pd.DataFrame({"team": ["a"] * 40 + ["b"] * 40, "score": [2.5, 3.5] * 20 + [3.5, 4.5] * 20})
    table = team_scores(ratings).set_index("label")
    within = 80 * 0.25 / 78
    between = (2 * 40 * 0.25 - within) / 40  # (mean square between − within)/n₀, n₀ = 40
    w = 40 / (40 + within / between)
    assert table["estimate"].tolist() == pytest.approx([3.5 - 0.5 * w, 3.5 + 0.5 * w])
    assert table["std_error"].tolist() == pytest.approx([math.sqrt((1 - w) * between)] * 2)
    assert set(table["reading"]) == {"apart"}


def test_teams_that_differ_by_luck_only_all_get_the_mean_of_all() -> None:
    ratings = pd.DataFrame({"team": ["b"] * 40 + ["a"] * 40, "score": [1.0, 5.0] * 40})
    table = team_scores(ratings)
    assert table["label"].tolist() == ["a", "b"]
    assert table["estimate"].tolist() == [3, 3]
    assert set(table["reading"]) == {"not distinguishable"}


def test_a_team_below_the_base_is_not_named() -> None:
    ratings = pd.DataFrame({"team": ["a"] * 40 + ["b"] * 40 + ["c"] * 29, "score": [1.0, 5.0] * 54 + [5.0]})
    assert team_scores(ratings)["label"].tolist() == ["a", "b"]
    assert team_scores(ratings[ratings["team"] != "b"]).empty


def test_a_study_without_promises_and_feelings_is_told_what_it_lacks() -> None:
    with pytest.raises(
        NotApplicableError, match=r"needs \[promises.…\] in study.toml, or questions with the role emotion"
    ):
        brand(answers(ltr=[10.0] * 40))


def test_the_error_of_a_promise_is_the_linearised_one() -> None:
    data = pd.DataFrame({"wait": [10.0, 11.0, 10.0, 9.0] * 20, "customer_id": list("aabb") * 10 + list("ccdd") * 10})
    found = promise_register(promise(), data).iloc[0]
    assert found["std_error"] == pytest.approx(
        linearised_mean(data["wait"] <= 10, clusters=data["customer_id"]).std_error
    )
