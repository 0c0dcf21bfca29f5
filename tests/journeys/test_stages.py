"""The journey map: what stands in each lane, the curve, the maps of segments, and where segments differ."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from scipy import stats

from cxlab import charts, exhibits
from cxlab.inference import wilson
from cxlab.journeys import CustomerJourneys, customer_journeys
from cxlab.journeys.stages import StageMap, StageMaps, stage_maps
from cxlab.wording import difference_text

TOUCHPOINTS = pd.DataFrame(
    {
        "touchpoint": ["ad", "offer", "order", "help", "exit_talk"],
        "label": ["Advertisement", "Offer", "Order", "Help", "Exit talk"],
        "owner": ["Marketing", "Sales", "Sales", None, "Care"],
        "stage": ["learn", "learn", "buy", "use", "leave"],
    }
)
RULE = "order is followed by help within 5d"
END = pd.Timestamp("2026-02-01", tz="UTC")
ITEMS = pd.DataFrame(
    [
        {"item": f"{touchpoint}_{role}", "role": role, "touchpoint": touchpoint, "label": label, "low": 1.0, "high": 5.0}
        for touchpoint, label in (("order", "A quick order: how much do you need it?"), ("help", "A friendly voice"))
        for role in ("satisfaction", "need", "importance", "expectation")
    ]
    + [{"item": f"{name}_felt", "role": "emotion", "touchpoint": name, "label": "Felt", "low": None, "high": None}
       for name in ("order", "help")]
)  # fmt: skip


def events(**paths: tuple[str, int]) -> pd.DataFrame:
    """`name=("ad order", 40)`: forty customers who go that way, a day a step."""
    rows = [
        (f"{name}{number:03d}", pd.Timestamp("2026-01-01", tz="UTC") + pd.Timedelta(days=step), touchpoint)
        for name, (path, count) in paths.items()
        for number in range(count)
        for step, touchpoint in enumerate(path.split())
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "timestamp", "touchpoint"])
    return frame.assign(event_id=range(len(frame)))


# 40 order and get help, 40 order twice and get none, 20 see an advertisement only; 10 were customers before the log began
LOG = events(kept=("ad order help", 40), left=("offer order order", 40), saw=("ad", 20), old=("help", 10))
KEPT, LEFT = ([f"{name}{number:03d}" for number in range(40)] for name in ("kept", "left"))
MEMBERS = pd.DataFrame({"customer_id": KEPT + LEFT, "segment": ["Keen"] * 40 + ["Quiet"] * 40, "segment_id": "s"})


@cache
def plain() -> CustomerJourneys:
    return customer_journeys(LOG, TOUCHPOINTS, rules=[RULE], observed_until=END, items=ITEMS)


@cache
def by_members() -> CustomerJourneys:
    return customer_journeys(LOG, TOUCHPOINTS, rules=[RULE], observed_until=END, items=ITEMS, membership=MEMBERS)


def way_of(log: pd.DataFrame, **more: Any) -> CustomerJourneys:
    given: dict[str, Any] = {"observed_until": END, "items": ITEMS} | more
    return customer_journeys(log, TOUCHPOINTS, **given)


def maps(way: CustomerJourneys | None = None, **more: Any) -> StageMaps:
    return stage_maps(way or plain(), TOUCHPOINTS, items=ITEMS, **more)


def answers(item: str, scores: list[float], customers: list[str] | None = None, wave: str = "2", day: int = 2) -> Any:
    """Answers on a scale, as the ratings of a study."""
    return pd.DataFrame(
        {
            "customer_id": customers or [f"c{number}" for number in range(len(scores))],
            "item": item,
            "role": item.split("_")[1],
            "touchpoint": item.split("_")[0],
            "score": scores,
            "perspective": "customer",
            "survey": "tracking",
            "wave": wave,
            "timestamp": pd.Timestamp(f"2026-01-{day:02d}", tz="UTC"),
        }
    )


def felt(customers: list[str] | None = None, **words: list[str]) -> pd.DataFrame:
    """`order=["joy", …]`: emotions named at touchpoints."""
    parts = [
        pd.DataFrame(
            {
                "customer_id": customers or [f"c{number}" for number in range(len(own))],
                "perspective": "customer",
                "survey": "tracking",
                "wave": "2",
                "counted_at": END,
                f"{name}_felt": own,
            }
        )
        for name, own in words.items()
    ]
    return pd.concat(parts, ignore_index=True)


def cell(found: StageMaps, lane: str, stage: str, segment: str = "") -> Any:
    one = map_of(found, segment)
    (row,) = one.lanes[(one.lanes["lane"] == lane) & (one.lanes["stage"] == stage)].to_dict("records")
    return row


def map_of(found: StageMaps, segment: str = "") -> StageMap:
    return next(one for one in found.maps if one.segment == segment)


def drawn(found: StageMaps) -> dict[str, dict[str, Any]]:
    """What the page shows of each map."""
    InteractiveShell.instance()
    parts = {}
    for words, stages, lanes in found.maps_shown():
        with capture_output() as captured:
            exhibits.journey_map(stages, lanes, min_base=found.min_base, **words)
        parts[words["name"]] = captured.outputs[0].data[exhibits.MIME]
    InteractiveShell.clear_instance()
    return parts


# ------------------------------------------------------------------------------------------------------------- the lanes


def test_what_customers_do_is_who_came_and_how_often_of_those_whose_journey_begins() -> None:
    found = maps()
    assert cell(found, "Do", "Learn")["text"] == "Advertisement 60%; Offer 40%"
    # 40 order once and 40 twice: 120 orders of 80 customers
    assert cell(found, "Do", "Buy")["text"] == "Order 80%, twice each"
    # the ten old customers with help are not of the hundred
    assert (cell(found, "Do", "Use")["text"], cell(found, "Do", "Use")["n"]) == ("Help 40%", 100)


def test_visits_of_customers_are_counted_and_a_few_of_many_are_not_none() -> None:
    log = events(often=("ad order order order", 1), ad=("ad", 249))
    assert cell(maps(way_of(log)), "Do", "Buy")["text"] == "Order under 1%, 3 times each"


def test_needs_are_those_of_the_newest_wave_and_the_largest_stands_first() -> None:
    rows = pd.concat(
        [
            answers("order_need", [5.0] * 40, wave="1", day=1),
            answers("order_need", [5.0] * 20 + [4.0] * 10 + [3.0] * 10),
        ]
    )
    found = cell(maps(ratings=rows), "Need", "Buy")
    assert (found["text"], found["n"]) == ("A quick order: 75% need it much", 40)


def test_what_is_important_stands_for_a_need_that_was_not_asked_or_of_too_few() -> None:
    few = answers("order_need", [5.0] * 29)
    rows = pd.concat([few, answers("order_importance", [1.0] * 30 + [5.0] * 10)])
    assert cell(maps(ratings=rows), "Need", "Buy")["text"] == "A quick order: 25% call it important"
    rows = pd.concat([few, answers("order_expectation", [5.0] * 30)])
    assert cell(maps(ratings=rows), "Need", "Buy")["text"] == "A quick order: 100% expect it much"
    assert cell(maps(ratings=few), "Need", "Buy")["unknown"]


def test_answers_of_unknown_time_are_needs_where_there_are_no_others() -> None:
    never = pd.Series(pd.NaT, index=range(40), dtype="datetime64[us, UTC]")
    undated = answers("order_need", [5.0] * 40).assign(timestamp=never)
    assert cell(maps(ratings=undated), "Need", "Buy")["n"] == 40
    rows = pd.concat([undated.assign(wave="1"), answers("order_need", [1.0] * 30)])
    assert cell(maps(ratings=rows), "Need", "Buy")["text"] == "A quick order: 0% need it much"


def test_on_a_long_scale_the_upper_fifth_needs_it_much() -> None:
    items = ITEMS.assign(low=100.0, high=200.0)
    rows = answers("order_need", [170.0] * 20 + [185.0] * 20)
    found = stage_maps(plain(), TOUCHPOINTS, items=items, ratings=rows)
    assert cell(found, "Need", "Buy")["text"] == "A quick order: 50% need it much"


def test_each_segment_has_its_own_needs() -> None:
    rows = answers("order_need", [5.0] * 40 + [1.0] * 40, KEPT + LEFT)
    found = maps(by_members(), ratings=rows)
    assert cell(found, "Need", "Buy", "Keen")["text"] == "A quick order: 100% need it much"
    assert cell(found, "Need", "Buy", "Quiet")["text"] == "A quick order: 0% need it much"
    assert cell(found, "Need", "Buy")["text"] == "A quick order: 50% need it much"


def test_a_feeling_has_its_net_its_interval_and_the_emotions_most_often_named() -> None:
    words = ["joy"] * 24 + ["neutral"] * 8 + ["frustration"] * 8
    found = cell(maps(responses=felt(order=words, help=["worry"] * 35 + ["joy"] * 5)), "Feel", "Buy")
    # 24 of 40 less 8 of 40; squares 32/40 − 0.16 = 0.64, so that the error is √(0.64/39)
    half = 100 * stats.t.ppf(0.975, 39) * math.sqrt(0.64 / 39)
    assert found["value"] == "Pleasant +40"
    assert found["detail"] == f"{40 - half:.0f} to {40 + half:.0f}" == "14 to 66"
    assert found["text"] == "most often joy 60% and frustration 20%"
    assert (found["tone"], found["n"]) == ("", 40)


def test_a_feeling_is_unpleasant_only_where_its_whole_interval_is() -> None:
    bad, mixed = ["worry"] * 35 + ["joy"] * 5, ["worry"] * 21 + ["joy"] * 19
    found = maps(responses=felt(order=bad, help=mixed))
    assert (cell(found, "Feel", "Buy")["value"], cell(found, "Feel", "Buy")["tone"]) == ("Unpleasant −75", "worse")
    assert (cell(found, "Feel", "Use")["value"], cell(found, "Feel", "Use")["tone"]) == ("Mixed −5", "")


def test_a_rating_has_its_interval_and_base() -> None:
    rows = answers("order_satisfaction", [5.0] * 30 + [1.0] * 10)
    low, high = (100 * end for end in wilson(0.75, 40))
    found = cell(maps(way_of(LOG, ratings=rows)), "Rate", "Buy")
    assert (found["value"], found["detail"]) == ("75%", f"{low:.0f} to {high:.0f}%, n 40")


def test_each_segment_has_the_ratings_of_its_own_customers() -> None:
    rows = pd.concat(
        [
            answers("order_satisfaction", [5.0] * 40 + [1.0] * 40, KEPT + LEFT),
            answers("help_satisfaction", [1.0] * 30 + [5.0] * 10, KEPT),
        ]
    )
    found = maps(way_of(LOG, ratings=rows, membership=MEMBERS))
    assert [cell(found, "Rate", "Buy", segment)["value"] for segment in ("", "Keen", "Quiet")] == ["50%", "100%", "0%"]
    assert cell(found, "Rate", "Use", "Keen")["value"] == "25%"
    assert cell(found, "Rate", "Use", "Quiet")["text"] == "n<30 in this segment", (
        "it was asked: a question would not help"
    )
    reach = {one.segment: one.stages.set_index("label")["reach"]["Use"] for one in found.maps}
    assert reach == {"": 40, "Keen": 100, "Quiet": 0}
    assert {one.segment: one.n_customers for one in found.maps} == {"": 100, "Keen": 40, "Quiet": 40}
    titles = [words["title"].split(":")[1] for words, _, _ in found.maps_shown()]
    assert "customers are least satisfied in use" in titles[1]


def test_owners_are_named_and_nobody_is_said_to_be_nobody() -> None:
    found = maps()
    assert [cell(found, "Owner", stage)["text"] for stage in ("Learn", "Buy", "Use", "Leave")] == [
        "Marketing, Sales", "Sales", "no owner", "Care",
    ]  # fmt: skip


def test_a_promise_is_kept_or_broken_or_cannot_be_measured_yet() -> None:
    kept, broken, few = ({"estimate": 0.95, "conf_low": 0.91, "conf_high": 0.97, "n": 300, "status": "kept"},
                         {"estimate": 0.60, "conf_low": 0.52, "conf_high": 0.68, "n": 150, "status": "broken"},
                         {"estimate": 0.20, "conf_low": 0.08, "conf_high": 0.41, "n": 20, "status": "broken"})  # fmt: skip
    promises = pd.DataFrame(
        [
            kept | {"touchpoint": "order", "statement": "Delivered in a day"},
            broken | {"touchpoint": "help", "statement": "Solved at once"},
            few | {"touchpoint": "exit_talk", "statement": "We let you go"},
        ]
    )
    found = maps(promises=promises)
    assert cell(found, "Promise", "Buy")["text"] == "“Delivered in a day”: kept 95% (91 to 97%)"
    assert cell(found, "Promise", "Use")["text"] == "“Solved at once”: **broken**, kept 60% (52 to 68%)"
    assert cell(found, "Promise", "Leave")["text"] == "“We let you go”: cannot be measured yet"
    tones = [cell(found, "Promise", stage)["tone"] for stage in ("Learn", "Buy", "Use", "Leave")]
    assert tones == ["", "", "worse", ""], "twenty occasions do not break a promise"
    none = cell(found, "Promise", "Learn")
    assert (none["text"], none["unknown"]) == ("No promise made", False)


def test_the_metric_is_the_rule_of_a_stage_or_how_many_come_further() -> None:
    found = maps()
    low, high = (100 * end for end in wilson(0.5, 80))
    assert cell(found, "Metric", "Buy")["text"] == (
        f"Order is followed by help within 5 days: **50%** ({low:.0f} to {high:.0f}%)"
    )
    # of 100 who learn 80 order
    low, high = (100 * end for end in wilson(0.8, 100))
    learn = cell(found, "Metric", "Learn")
    assert (learn["text"], learn["n"]) == (f"Come to a later stage: **80%** ({low:.0f} to {high:.0f}%)", 100)


def test_what_follows_the_last_stage_of_the_log_is_unknown_and_not_none() -> None:
    # leaving is not in the log: that nobody who gets help is seen to leave says nothing
    found = cell(maps(), "Metric", "Use")
    assert found["unknown"]
    assert found["text"] == "A journey rule, or events of the next stage, would show it"


def test_a_later_stage_counts_only_where_it_came_later() -> None:
    # 40 learn and then buy, 40 buy and then see an advertisement: of 80 who learn half come to a later stage
    log = events(on=("ad order", 40), back=("order ad", 40))
    assert cell(maps(way_of(log)), "Metric", "Learn")["text"].startswith("Come to a later stage: **50%**")
    split = way_of(log.assign(timestamp=log["timestamp"] + pd.to_timedelta(9 * (log.index % 2), unit="D")), gap="5d")
    assert cell(maps(split), "Metric", "Learn")["text"].startswith("Come to a later stage: **50%**")


def test_the_metric_of_a_segment_is_its_own() -> None:
    found = maps(by_members())
    assert "**100%**" in cell(found, "Metric", "Buy", "Keen")["text"]
    assert "**0%**" in cell(found, "Metric", "Buy", "Quiet")["text"]
    assert cell(found, "Metric", "Learn", "Keen")["n"] == 40


# ------------------------------------------------------------------------------------------------- what staff believe


def staff(scores: list[float], item: str = "order_satisfaction", wave: str = "1", day: int = 1) -> Any:
    rows = answers(item, scores, wave=wave, day=day)
    return rows.assign(
        perspective="staff", survey="staff", response_id=[f"s{i}" for i in range(len(scores))], customer_id=None
    )


def test_what_staff_believe_stands_beside_what_customers_say() -> None:
    """Of 40 customers 20 are satisfied, of 40 staff 36 believe they are: 40 points, clear."""
    rows = pd.concat([answers("order_satisfaction", [5.0] * 20 + [1.0] * 20), staff([5.0] * 36 + [2.0] * 4)])
    found = maps(way_of(LOG, ratings=rows), ratings=rows)
    (row,) = found.layers.to_dict("records")
    assert (row["label"], row["actual"], row["believed"], row["difference"]) == ("Buy", 50, 90, 40)
    error = 100 * math.sqrt(0.5 * 0.5 / 39 + 0.9 * 0.1 / 39)
    assert row["std_error"] == pytest.approx(error)
    assert row["p_value"] == pytest.approx(2 * stats.norm.sf(40 / error))
    assert (row["reading"], row["n_before"], row["n_after"]) == ("changed", 40, 40)
    assert cell(found, "Rate", "Buy")["text"] == "satisfied; staff believe 90%"
    ((words, shown),) = found.layers_shown()
    low, high = (difference_text(row[end], "%") for end in ("conf_low", "conf_high"))
    assert words["title"].startswith(
        "Staff see buy better than customers do: 90% satisfied, they believe; 50% are (+40 ("
    )
    assert low.removeprefix("+") in words["title"]
    assert high.removeprefix("+") in words["title"]
    charts.dumbbell(shown, label_col="label", ends=("actual", "believed"), names=("Customers", "Staff"), words_col="words",
                    base_cols=("n_before", "n_after"))  # fmt: skip


def test_staff_are_asked_of_the_same_touchpoints_and_newest_wave() -> None:
    """Nobody asked customers about help; what staff said in an earlier wave is gone."""
    rows = pd.concat(
        [
            answers("order_satisfaction", [5.0] * 40),
            staff([5.0] * 40, "help_satisfaction", "2", 5),
            staff([5.0] * 20 + [1.0] * 20, wave="2", day=5),
            staff([1.0] * 40),
        ]
    )
    (row,) = maps(way_of(LOG, ratings=rows), ratings=rows).layers.to_dict("records")
    assert (row["label"], row["actual"], row["believed"]) == ("Buy", 100, 50)


def test_few_staff_are_not_compared_and_without_them_nothing_is_said() -> None:
    rows = pd.concat([answers("order_satisfaction", [5.0] * 20 + [1.0] * 20), staff([5.0] * 29)])
    found = maps(way_of(LOG, ratings=rows), ratings=rows)
    assert (found.layers["reading"].iloc[0], found.layers["reason"].iloc[0]) == ("not tested", "n<30")
    assert list(found.layers_shown()) == []
    assert cell(found, "Rate", "Buy")["text"] == "satisfied"
    assert maps().layers.empty


# --------------------------------------------------------------------------------------------------------------- unknown


def test_a_stage_without_data_is_unknown_and_each_lane_names_what_would_fill_it() -> None:
    found = maps()
    last = map_of(found).stages.iloc[-1]
    assert not last["known"]
    assert math.isnan(last["reach"])
    said = {lane: cell(found, lane, "Leave") for lane in ("Do", "Need", "Feel", "Rate", "Metric")}
    assert {lane: row["text"] for lane, row in said.items()} == {
        "Do": "Events of this stage would show it",
        "Need": "A question on needs or expectations here would show it",
        "Feel": "A question on emotions, or comments, would show it",
        "Rate": "A satisfaction question here would show it",
        "Metric": "A journey rule, or events of the next stage, would show it",
    }
    assert all(row["unknown"] for row in said.values())


def test_every_stage_has_the_seven_lanes_once() -> None:
    lanes = map_of(maps()).lanes
    assert list(lanes["lane"].unique()) == ["Do", "Need", "Feel", "Rate", "Owner", "Promise", "Metric"]
    assert (lanes.groupby(["stage", "lane"]).size() == 1).all()
    assert len(lanes) == 28


def test_without_stages_there_are_no_maps() -> None:
    found = stage_maps(customer_journeys(LOG), TOUCHPOINTS.iloc[:0])
    assert (found.maps, len(found.differences), found.sentences()) == ((), 0, [])
    assert list(found.maps_shown()) == list(found.differences_shown()) == []


# ----------------------------------------------------------------------------------------------------------------- curve


def test_the_curve_is_the_net_feeling_where_two_stages_have_one_and_else_satisfaction() -> None:
    rated = way_of(
        LOG,
        ratings=pd.concat(
            [
                answers("order_satisfaction", [5.0] * 30 + [1.0] * 10),
                answers("help_satisfaction", [5.0] * 20 + [1.0] * 20),
            ]
        ),
    )
    one = maps(rated, responses=felt(order=["worry"] * 40))
    assert (one.is_net, one.curve_label, one.curve_unit) == (False, "Satisfied", "%")
    assert map_of(one).stages["estimate"].tolist() == pytest.approx([math.nan, 75, 50, math.nan], nan_ok=True)
    low, high = (100 * end for end in wilson(0.5, 40))
    assert one.sentences() == [f"Customers are least satisfied in use: 50% ({low:.0f} to {high:.0f}%)."]
    assert one.axis == (30, 100)
    two = maps(rated, responses=felt(order=["worry"] * 35 + ["joy"] * 5, help=["joy"] * 30 + ["worry"] * 10))
    assert (two.is_net, two.curve_label, two.curve_unit) == (True, "Feeling", "points")
    assert map_of(two).stages["estimate"].tolist() == pytest.approx([math.nan, -75, 50, math.nan], nan_ok=True)
    half = 100 * stats.t.ppf(0.975, 39) * math.sqrt((1 - 0.75**2) / 39)
    assert two.sentences() == [f"Customers feel worst in buy: −75 (−{75 + half:.0f} to −{75 - half:.0f})."]
    assert two.axis == (-100, 100)
    words, _, _ = next(two.maps_shown())
    assert words["title"] == two.sentences()[0]
    assert words["subtitle"].endswith("in emotions that customers named in a survey, 95% interval")


def test_one_stage_with_a_curve_is_not_the_worst() -> None:
    found = maps(way_of(LOG, ratings=answers("order_satisfaction", [1.0] * 40)))
    assert found.sentences() == []


def test_comments_are_the_curve_where_they_know_more_touchpoints() -> None:
    ids = [f"{name}{number}" for name in ("order", "help") for number in range(30)]
    said = pd.DataFrame({"comment_id": ids, "customer_id": ids, "touchpoint": ["order"] * 30 + ["help"] * 30})
    scores = pd.DataFrame({"comment_id": ids, "label": ["negative"] * 20 + ["positive"] * 40})
    found = maps(responses=felt(order=["joy"] * 20 + ["saudade"] * 20), comments=said, comment_scores=scores)
    assert map_of(found).stages["estimate"].tolist() == pytest.approx([math.nan, -100 / 3, 100, math.nan], nan_ok=True)
    assert "in comments, by their sentiment" in found.curve_words
    words, _, _ = next(found.maps_shown())
    assert words["note"]["Not read"] == "Emotions of unknown sign: saudade"


def test_emotions_of_unknown_sign_are_told_even_where_nothing_else_was_named() -> None:
    found = maps(responses=felt(order=["saudade"] * 40))
    words, _, _ = next(found.maps_shown())
    assert words["note"]["Not read"] == "Emotions of unknown sign: saudade"
    assert cell(found, "Feel", "Buy")["unknown"]
    assert "Not read" not in next(maps().maps_shown())[0]["note"]


def test_without_a_curve_the_title_says_where_most_are_lost() -> None:
    titles = [words["title"] for words, _, _ in maps(by_members()).maps_shown()]
    assert titles == [
        "Most are lost between buy (seen by 80%) and use (40%).",
        "“Keen”: 4 stages, 1 of them unknown.",  # all forty go on and on
        "“Quiet”: most are lost between buy (seen by 100%) and use (0%).",
    ]


def test_where_more_come_to_each_stage_nobody_is_said_to_be_lost() -> None:
    words, _, _ = next(maps(way_of(events(some=("ad order help", 20), most=("order help", 40)))).maps_shown())
    assert words["title"] == "4 stages, 1 of them unknown."


# -------------------------------------------------------------------------------------------------------- small segments


def few_and_many(few: int = 20) -> CustomerJourneys:
    log = pd.concat(
        [
            events(a=("ad help", few)).assign(plan="few"),
            events(b=("ad order", 60), c=("ad help", 20)).assign(plan="many"),
        ]
    )
    ids = [f"a{number:03d}" for number in range(few)] + [f"b{number:03d}" for number in range(60)]
    rows = pd.concat(
        [answers(f"{name}_satisfaction", [1.0] * few + [5.0] * 50 + [1.0] * 10, ids) for name in ("order", "help")]
    )
    return way_of(log, rules=["ad is followed by help"], ratings=rows, segment_col="plan")


def test_nothing_that_rests_on_few_is_on_the_map_of_a_segment() -> None:
    way = few_and_many()
    ids = way.rated.loc[way.rated["touchpoint"] == "order", "customer_id"].tolist()
    needs = pd.concat([answers("order_need", [5.0] * 80, ids), answers("help_importance", [5.0] * 80, ids)])
    named = felt(ids, order=["worry"] * 20 + ["joy"] * 60, help=["anger"] * 20 + ["trust"] * 60)
    found = maps(way, ratings=needs, responses=named)
    assert [one.segment for one in found.maps] == ["", "many", "few"]
    pages = drawn(found)
    few = pages["map_2"]
    for stage in few["stages"]:
        assert (stage["reach"], stage["estimate"], stage["value"], stage["interval"]) == ("", None, "", "")
        figures = {
            lane: own
            for lane, own in zip(few["lanes"], stage["cells"], strict=True)
            if own["value"] or own["detail"] or any(c.isdigit() for c in own["text"].replace("n<30", ""))
        }
        assert figures == {}
    said = " ".join(own["text"] for stage in few["stages"] for own in stage["cells"])
    assert "n<30" in said
    assert not any(word in said for word in ("worry", "anger"))
    assert few["title"] == "“few”: 4 stages, 1 of them unknown."
    many = " ".join(own["text"] for stage in pages["map_1"]["stages"] for own in stage["cells"])
    assert "Order 75%" in many
    assert "joy 100%" in many


def test_a_small_stage_is_never_the_worst() -> None:
    few = answers("help_satisfaction", [1.0] * 20)
    rows = pd.concat([answers("order_satisfaction", [5.0] * 40), few])
    assert maps(way_of(LOG, ratings=rows)).sentences() == []


# ----------------------------------------------------------------------------------------------------------- differences


def test_a_segment_is_compared_with_all_others_together() -> None:
    log = pd.concat(
        [
            events(a=("ad help", 30), b=("ad order", 10)).assign(plan="x"),
            events(c=("ad help", 10), d=("ad order", 30)).assign(plan="y"),
            events(e=("ad help", 10), f=("ad order", 30)).assign(plan="z"),
        ]
    )
    found = maps(way_of(log, segment_col="plan"))
    table: Any = found.differences.set_index(["measure", "stage", "segment"])
    row = table.loc[("reach", "Use", "x")]
    # 30 of 40 against 20 of 80; shares with s² = n/(n − 1) · p(1 − p)
    error = 100 * math.sqrt(0.75 * 0.25 / 39 + 0.25 * 0.75 / 79)
    assert (row["difference"], row["n_before"], row["n_after"]) == (50, 80, 40)
    assert row["std_error"] == pytest.approx(error)
    assert (row["conf_low"], row["conf_high"]) == pytest.approx((50 - 1.959964 * error, 50 + 1.959964 * error))
    assert row["reading"] == "changed"
    p = found.differences["p_value"]
    assert found.differences["q_value"][p.notna()].tolist() == pytest.approx(
        stats.false_discovery_control(p.dropna()).tolist()
    )
    assert (found.differences["q_value"] > p)[p.notna()].any()


def test_everybody_and_nobody_are_no_difference_to_test() -> None:
    found = maps(by_members())
    table: Any = found.differences.set_index(["measure", "stage", "segment"])
    assert table.loc[("reach", "Learn", "Keen"), ["difference", "reading"]].tolist() == [0, "not tested"]
    assert table.loc[("reach", "Leave", "Keen"), "reading"] == "not tested"
    assert math.isnan(table.loc[("reach", "Leave", "Keen"), "difference"])


def test_differences_that_rest_on_few_are_not_tested_and_have_no_figure() -> None:
    table = maps(few_and_many()).differences
    assert len(table) == 16  # reach and satisfaction, four stages, two segments
    assert set(table["reading"]) == {"not tested"}
    assert table[["estimate", "difference", "std_error", "conf_low", "conf_high", "p_value"]].isna().all(axis=None)
    assert set(table["reason"]) == {"n<30"}
    enough: Any = maps(few_and_many(30)).differences.set_index(["measure", "stage", "segment"])
    # all thirty are dissatisfied, of the sixty others ten
    assert enough.loc[("satisfaction", "Buy", "few"), "difference"] == pytest.approx(-500 / 6)
    assert enough.loc[("satisfaction", "Buy", "few"), "reading"] == "changed"
    assert enough.loc[("reach", "Buy", "few"), "difference"] == -75


def test_feelings_of_segments_are_compared_where_the_curve_is_a_feeling() -> None:
    words = ["joy"] * 30 + ["worry"] * 10 + ["worry"] * 30 + ["joy"] * 10
    table = maps(by_members(), responses=felt(KEPT + LEFT, order=words, help=words)).differences
    rows: Any = table[table["measure"] == "net feeling"].set_index(["stage", "segment"])
    assert rows.loc[("Buy", "Keen"), ["estimate", "difference", "reading"]].tolist() == [50, 100, "changed"]
    assert rows.loc[("Buy", "Quiet"), "difference"] == -100
    assert "net feeling" not in set(maps(by_members()).differences["measure"])


def test_the_title_of_the_differences_names_the_largest_clear_one() -> None:
    ((words, rows),) = maps(few_and_many(30)).differences_shown()
    assert words["title"] == (
        "Segments differ most in buy: of “many” 83 in 100 more are satisfied than of the others."
    )  # as far in use, and the other way for the few: the first of equals
    tested = int(rows["p_value"].notna().sum())
    assert words["note"]["Test"] == (
        f"{tested} differences, by customer, Benjamini–Hochberg; {int(rows['clear'].sum())} are clear"
    )
    assert words["note"]["Not tested"].startswith(f"{16 - tested} that rest on fewer than 30 on one side, or")


def test_segments_that_go_the_same_way_have_no_clear_difference() -> None:
    log = pd.concat([events(a=("ad help", 30), b=("ad order", 30)).assign(plan=plan) for plan in "xy"])
    log["customer_id"] = log["plan"] + log["customer_id"]
    ((words, _),) = maps(way_of(log, segment_col="plan")).differences_shown()
    assert words["title"] == "None of 4 differences between segments along the stages is clear."


def test_without_segments_nothing_is_compared() -> None:
    found = maps()
    assert found.differences.empty
    assert list(found.differences_shown()) == []
    assert [one.segment for one in found.maps] == [""]


def test_a_lane_of_which_no_stage_is_known_is_named_and_not_drawn() -> None:
    found = maps(promises=None)
    ((words, _, lanes),) = found.maps_shown()
    assert list(lanes["lane"].unique()) == ["Do", "Owner", "Metric"]
    assert words["note"]["Unknown"] == (
        "Of every stage: Need (a question on needs or expectations here would show it), Feel (a question on emotions, or comments, "
        "would show it), Rate (a satisfaction question here would show it) and Promise (none is made)"
    )
    owned = stage_maps(plain(), TOUCHPOINTS.assign(owner=None), items=ITEMS)
    assert "Owner" in owned.maps[0].unknown or set(owned.maps[0].lanes.query("lane == 'Owner'")["text"]) != {"no owner"}


def test_where_some_skip_a_stage_nobody_is_said_to_be_lost_before_it() -> None:
    way = way_of(events(whole=("ad order help exit_talk", 40), short=("ad help exit_talk", 60)))
    words, _, _ = next(maps(way).maps_shown())
    assert words["title"] == "Fewest come through buy (40%); 100% come to leave."
    lost = way_of(events(whole=("ad order help exit_talk", 40), short=("ad", 60)))
    words, _, _ = next(maps(lost).maps_shown())
    assert words["title"] == "Most are lost between learn (seen by 100%) and buy (40%)."
