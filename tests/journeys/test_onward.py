"""Where customers go next, what stands for all, what comes again and first: planted journeys, counted by hand."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxlab import charts
from cxlab.inference import wilson
from cxlab.journeys import CustomerJourneys, customer_journeys
from cxlab.journeys.onward import Ways, ways

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "journeys"
STAGES = {"ad": "learn", "offer": "learn", "order": "buy", "help": "use", "app": "use", "exit_talk": "leave"}
TOUCHPOINTS = pd.DataFrame(
    {
        "touchpoint": list(STAGES),
        "label": ["Advertisement", "Offer", "Order", "Help", "App", "Exit talk"],
        "owner": "Sales",
        "stage": list(STAGES.values()),
    }
)


def events(**paths: tuple[str, int]) -> pd.DataFrame:
    """`name=("ad order", 40)`: forty customers who go that way, a day a step."""
    rows = [
        (f"{name}{number:03d}", pd.Timestamp("2026-01-01", tz="UTC") + pd.Timedelta(days=step), touchpoint, name)
        for name, (path, count) in paths.items()
        for number in range(count)
        for step, touchpoint in enumerate(path.split())
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "timestamp", "touchpoint", "plan"])
    return frame.assign(event_id=range(len(frame)))


# 60 order and get help twice, 30 order and leave, 10 order and nothing follows
LOG = events(helped=("ad order help order help", 60), left=("offer order exit_talk", 30), bare=("ad order", 10))


def way_of(log: pd.DataFrame = LOG, **more: object) -> CustomerJourneys:
    return customer_journeys(log, TOUCHPOINTS, **more)  # type: ignore[arg-type]


def made(log: pd.DataFrame = LOG, stage_of: dict[str, str] | None = None, k: int = 3, **more: object) -> Ways:
    return ways(way_of(log, **more), anchor="order", stage_of=STAGES if stage_of is None else stage_of, k=k)


@cache
def usual() -> Ways:
    """Of the log above, made once. Not to be changed."""
    return made(LOG)


def shown(found: Ways, which: str) -> list[tuple[dict[str, object], pd.DataFrame]]:
    return [(dict(words), rows) for words, rows in getattr(found, f"{which}_shown")()]


def test_the_title_of_the_flow_says_who_goes_where_and_for_how_many_nothing_follows() -> None:
    words, rows = shown(usual(), "flow")[0]
    low, high = (100 * end for end in wilson(0.6, 100))
    assert words["title"] == (
        f"After order 60% ({low:.0f} to {high:.0f}%) of journeys go on to help, 30% to exit talk; for 10% nothing follows."
    )
    exits = rows[rows["step"] == 0].set_index("to_touchpoint")
    assert exits["journeys"].to_dict() == {"help": 60, "exit_talk": 30, "(end)": 10}
    assert exits["estimate"].to_dict() == pytest.approx({"help": 60, "exit_talk": 30, "(end)": 10})
    assert (rows["n"] == 100).all()
    assert usual().sentences()[0] == words["title"]


def test_where_customers_go_next_is_a_field_of_the_touchpoints_left_most_often() -> None:
    """Orders are left 160 times: 120 for help, 30 for an exit talk; help is left 60 times, always for an order."""
    words, rows = shown(usual(), "exits")[0]
    share = rows.set_index(["from_touchpoint", "to_touchpoint"])
    assert share["n"].groupby(level=0).first().to_dict() == {"ad": 70, "help": 60, "offer": 30, "order": 150}
    assert share.loc[("order", "help"), ["steps", "estimate"]].tolist() == [120, 80]
    assert share.loc[("help", "order"), "estimate"] == 100
    assert share.loc[("help", "ad"), "estimate"] == 0
    assert share.loc[("order", "help"), "conf_low"] == pytest.approx(100 * wilson(0.8, 150)[0])
    assert ("order", "order") not in share.index
    assert str(words["title"]).startswith("The surest step leads from ")
    charts.matrix(rows, row_col="label", column_col="to_label", unit="%", middle=None)


def test_the_step_matrix_has_everybody_in_every_step_but_that_of_the_anchor() -> None:
    _, rows = shown(usual(), "step_matrix")[0]
    assert rows.groupby("step")["journeys"].sum().to_dict() == dict.fromkeys([-2, -1, 1, 2, 3, 4], 100)
    cells = rows.set_index(["label", "step"])["estimate"]
    assert cells["Order", 2] == pytest.approx(60)
    assert cells["Help", 3] == pytest.approx(60)
    assert cells["(end)", 4] == pytest.approx(100)
    assert cells["(start)", -2] == pytest.approx(100)
    assert rows["step_label"].unique().tolist() == ["−2", "−1", "+1", "+2", "+3", "+4"]


def test_the_title_of_the_step_matrix_says_how_many_have_a_fourth_step() -> None:
    log = events(long=("order help help help exit_talk", 60), short=("order help", 40))
    words, _ = shown(made(log), "step_matrix")[0]
    assert (
        words["title"]
        == "40% of journeys have no fourth step after order; the fourth is most often exit talk, for 60%."
    )


def test_more_than_eleven_touchpoints_share_a_row_and_none_gets_lost() -> None:
    log = events(**{f"t{number}": (f"order t{number:02d}", 5 + number) for number in range(14)})
    rows = made(log).step_matrix
    assert rows[rows["step"] == 1]["journeys"].sum() == sum(5 + number for number in range(14))
    assert rows["label"].nunique() == 13  # ten, the others, and both ends
    others = rows[(rows["label"] == "all others") & (rows["step"] == 1)]
    assert others["journeys"].tolist() == [5 + 6 + 7 + 8]


def test_without_an_anchor_the_rule_that_breaks_most_says_where_to_look() -> None:
    rules = ["ad is followed by order", "order is followed by help within 5d", "offer happens before exit_talk"]
    assert ways(way_of(rules=rules), stage_of=STAGES).anchor == "order"
    # a rule on a small base does not count, nor one that holds
    few = events(helped=("ad order help", 60), few=("offer order", 10))
    assert (
        ways(way_of(few, rules=["offer is followed by help", "ad is followed by order"]), stage_of={}).anchor == "order"
    )


def test_without_a_broken_rule_the_most_frequent_touchpoint_that_is_not_the_crowd_is_looked_at() -> None:
    log = events(busy=("ad app app app app app app order order help", 60), other=("offer app app", 5))
    way = way_of(log)
    assert way.crowd == "app"
    assert ways(way, stage_of=STAGES).anchor == "order"
    broken = way_of(log, rules=["app is followed by order within 1h", "help is followed by order"])
    assert ways(broken, stage_of=STAGES).anchor == "help"


def test_the_crowd_is_left_out_of_the_flow_and_the_note_says_so() -> None:
    log = events(busy=("ad order app app app app app app app help", 60), other=("offer order app", 40))
    words, rows = shown(made(log), "flow")[0]
    assert "for 40% nothing but app follows." in str(words["title"])
    assert words["note"]["Left out"] == "App, which holds most events"  # type: ignore[index]
    assert "app" not in set(rows["to_touchpoint"])
    around = ways(way_of(log), anchor="app", stage_of=STAGES)
    words, rows = shown(around, "flow")[0]
    assert "Left out" not in words["note"]  # type: ignore[operator]
    assert rows[rows["step"] == 0]["to_touchpoint"].tolist() == ["app", "(end)"]


def test_an_unknown_anchor_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match="there is no touchpoint `ordr`; did you mean `order`"):
        ways(way_of(), anchor="ordr", stage_of=STAGES)
    with pytest.raises(ValueError, match="`max_customers` must be a whole number above 0, got 0"):
        ways(way_of(), stage_of=STAGES, max_customers=0)
    with pytest.raises(ValueError, match="`k` must be a whole number above 0, got 0"):
        ways(way_of(), stage_of=STAGES, k=0)


def test_an_anchor_that_few_meet_is_not_shown() -> None:
    found = ways(way_of(events(many=("ad order", 60), few=("ad help order", 29))), anchor="help", stage_of=STAGES)
    assert shown(found, "flow") == shown(found, "step_matrix") == []
    enough = ways(way_of(events(many=("ad order", 60), few=("ad help order", 30))), anchor="help", stage_of=STAGES)
    assert len(shown(enough, "flow")) == 1


def test_loops_count_journeys_in_which_something_comes_again_and_the_events_that_are_not_the_first() -> None:
    # of 100 journeys with help 40 have it three times: once more at once, once after the order, two days later
    log = events(again=("ad help help order help", 40), once=("ad help order", 60))
    words, rows = shown(made(log), "loops")[0]
    row = rows.set_index("touchpoint").loc["help"]
    assert (row["n"], row["events"], row["again"], row["at_once"], row["returns"]) == (100, 180, 80, 40, 40)
    low, high = (100 * end for end in wilson(0.4, 100))
    assert (row["estimate"], row["conf_low"], row["conf_high"]) == pytest.approx((40, low, high))
    assert (row["share_of_events"], row["usual"]) == (pytest.approx(100 * 80 / 180), "2 days")
    assert words["title"] == (
        f"Help comes again in 40% ({low:.0f} to {high:.0f}%) of the journeys that have it: 44% of its 180 events are not the first "
        "of their journey."
    )
    assert rows["touchpoint"].tolist() == ["help"]  # the others never come again


def test_a_touchpoint_that_comes_again_in_under_one_percent_is_no_loop() -> None:
    log = events(again=("ad order order", 1), once=("ad order", 120))
    assert shown(made(log), "loops") == []
    assert made(events(again=("ad order order", 2), once=("ad order", 120))).loops["touchpoint"].tolist() == ["order"]


def test_the_time_until_something_comes_again_rests_on_enough_returns() -> None:
    log = events(again=("ad help order help", 29), at_once=("ad offer offer", 20), once=("ad help offer", 60))
    rows = made(log).loops.set_index("touchpoint")
    assert (rows.loc["help", "usual"], rows.loc["offer", "usual"]) == ("n<30", "only at once")
    assert rows["median_return"].isna().all()


def test_the_journeys_that_stand_for_all_are_planted_ones_with_their_shares() -> None:
    words, rows = shown(made(k=2), "representatives")[0]
    # learn → buy → use → buy → use (60), learn → buy → leave (30), learn → buy (10, which is nearer to the second)
    assert rows["path"].tolist() == ["learn → buy → use → buy → use", "learn → buy → leave"]
    assert rows["estimate"].tolist() == pytest.approx([60, 40])
    assert rows["differ"].tolist() == pytest.approx([0, 100 * (10 * (1 / 3)) / 40])
    assert str(words["title"]).startswith("“learn → buy → use → buy → use” stands for 60%")
    assert "on average 3% of steps differ" in words["note"]["Method"]  # type: ignore[index]


def test_without_stages_touchpoints_stand_in_and_repeats_are_merged() -> None:
    log = events(busy=("ad order order help", 60))
    assert made(log, stage_of={}).representatives["path"].tolist() == ["advertisement → order → help"]
    assert made(log, stage_of={}, k=8).representatives["estimate"].tolist() == [100]


def test_whose_journey_begins_before_the_log_stands_for_nobody() -> None:
    log = events(begun=("ad order", 60), old=("help app exit_talk", 40))
    rows = made(log).representatives
    assert rows["n"].tolist() == [60]
    assert rows["path"].tolist() == ["learn → buy"]


def test_segments_have_their_own_journeys_and_those_with_few_are_named() -> None:
    log = events(a=("ad order help", 50), b=("offer order exit_talk", 40), c=("ad order", 29))
    words, rows = shown(made(log, k=1, segment_col="plan"), "representatives")[0]
    assert rows["segment"].tolist() == ["All", "a", "b"]
    assert rows.set_index("segment")["path"].to_dict() == {
        "All": "learn → buy → use", "a": "learn → buy → use", "b": "learn → buy → leave",
    }  # fmt: skip
    assert words["note"]["Not shown"] == "c: fewer than 30 journeys begin in the log"  # type: ignore[index]


def test_a_sample_of_customers_is_said_with_both_numbers_and_drawn_the_same_whatever_the_order_of_rows() -> None:
    found = ways(way_of(), anchor="order", stage_of=STAGES, max_customers=50, random_state=3)
    words, rows = shown(found, "representatives")[0]
    assert words["note"]["Base"] == "50 journeys that begin in the log, of 50 of 100 customers, drawn at random"  # type: ignore[index]
    assert set(rows["n"]) == {50}
    again = ways(
        way_of(LOG.sample(frac=1, random_state=1)), anchor="order", stage_of=STAGES, max_customers=50, random_state=3
    )
    for name in ("flow", "step_matrix", "representatives", "loops", "precedence"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(found, name))
    other = ways(way_of(), anchor="order", stage_of=STAGES, max_customers=50, random_state=4)
    assert other.representatives["journeys"].tolist() != rows["journeys"].tolist()


def test_of_very_many_paths_a_sample_is_compared_and_the_note_says_how_many() -> None:
    rng = np.random.default_rng(4)
    drawn = {tuple(rng.choice(["ad", "order", "help", "app"], 9)) for _ in range(1_500)}
    every = sorted(drawn)
    log = events(
        **{f"p{number:04d}": ("offer exit_talk " + " exit_talk ".join(path), 1) for number, path in enumerate(every)}
    )
    words, rows = shown(ways(way_of(log), anchor="order", stage_of={}), "representatives")[0]
    compared = rows["paths_compared"].iloc[0]
    assert (rows["paths"].iloc[0], compared) == (len(every), 800)
    assert f"chosen from 800 of {len(every):,} paths" in words["note"]["Method"]  # type: ignore[index]
    assert rows["estimate"].sum() == pytest.approx(100)
    assert "paths" not in shown(usual(), "representatives")[0][0]["note"]["Method"]  # type: ignore[index]


def test_what_comes_first_is_counted_in_journeys_with_both_and_the_earliest_stands_first() -> None:
    log = events(straight=("ad order help", 60), turned=("ad help order", 40), few=("ad exit_talk", 29))
    rows = made(log).precedence
    cells = rows.set_index(["touchpoint", "other"])
    assert cells.loc[("order", "help"), ["n", "times_first"]].tolist() == [100, 60]
    low, high = (100 * end for end in wilson(0.6, 100))
    assert cells.loc[("order", "help"), ["estimate", "conf_low", "conf_high"]].tolist() == pytest.approx(
        [60, low, high]
    )
    assert list(dict.fromkeys(rows["label"])) == list(dict.fromkeys(rows["other_label"]))
    assert rows["label"].iloc[0] == "Advertisement"
    # a pair that few journeys hold is empty, also by subtraction
    hidden = cells.loc[("ad", "exit_talk")]
    assert (hidden["reason"], hidden["times_first"]) == ("n<30", 0)
    assert np.isnan(hidden["estimate"])


def test_an_order_against_that_of_the_stages_is_the_title() -> None:
    log = events(turned=("ad help order", 80), straight=("ad order help", 20))
    words, rows = shown(made(log), "precedence")[0]
    low, high = (100 * end for end in wilson(0.8, 100))
    assert words["title"] == (
        f"Against the order of the stages, help comes before order in 80% ({low:.0f} to {high:.0f}%) of 100 journeys with both."
    )
    assert rows.loc[rows["against"], ["touchpoint", "other"]].to_numpy().tolist() == [["help", "order"]]
    even = events(turned=("ad help order", 52), straight=("ad order help", 48))  # a little more is not clearly more
    assert not made(even).precedence["against"].any()


def test_without_stages_the_least_settled_pair_is_the_title() -> None:
    words, _ = shown(made(events(a=("ad order help", 60), b=("ad help order", 40)), stage_of={}), "precedence")[0]
    assert str(words["title"]).startswith(
        "2 of 3 pairs of touchpoints come in one order in at least 90% of journeys; least settled, order comes before help in 60%"
    )
    words, _ = shown(made(events(a=("ad order help", 60)), stage_of={}), "precedence")[0]
    assert words["title"] == "All 3 pairs of touchpoints come in one order in at least 100% of journeys."


def test_touchpoints_that_share_a_label_are_told_apart() -> None:
    about = TOUCHPOINTS.assign(label=["Sales", "Sales", "Order", "Help", "App", "Exit talk"])
    found = ways(customer_journeys(LOG, about), anchor="order", stage_of=STAGES)
    assert {"Sales (ad)", "Sales (offer)"} <= set(found.flow["from_label"])
    charts.flow(found.flow, from_col="from_label", to_col="to_label")  # which refuses a ribbon that is there twice


def test_a_split_log_counts_journeys_and_not_customers() -> None:
    log = events(long=("ad order help", 60))
    late = log.assign(timestamp=log["timestamp"] + pd.Timedelta(days=60), event_id=log["event_id"] + 1_000)
    both = pd.concat([log, late])
    words, _ = shown(made(both, gap="30d"), "flow")[0]
    assert words["note"]["Base"] == "120 journeys with order"  # type: ignore[index]
    words, _ = shown(made(both), "flow")[0]
    assert words["note"]["Base"] == "60 journeys with order; a customer is one journey"  # type: ignore[index]


def test_every_table_can_be_drawn_and_every_title_is_a_sentence() -> None:
    found = made(segment_col="plan")
    drawn = {
        "flow": lambda rows: charts.flow(rows, from_col="from_label", to_col="to_label", n=int(rows["n"].iloc[0])),
        "step_matrix": lambda rows: charts.matrix(
            rows, row_col="label", column_col="step_label", unit="%", middle=None
        ),
        "representatives": lambda rows: None,  # a table
        "loops": lambda rows: charts.dot_whisker(rows, label_col="label"),
        "precedence": lambda rows: charts.matrix(
            rows, row_col="label", column_col="other_label", unit="%", middle=50, mark_col="against"
        ),
    }
    for which, draw in drawn.items():
        for words, rows in shown(found, which):
            draw(rows)
            assert str(words["title"]).endswith(".")
            assert len(str(words["title"]).split()) >= 3
            assert which == "representatives" or len(str(words["alt"]).split()) >= 8
            assert words["name"] == which
            assert {"estimate", "std_error", "conf_low", "conf_high", "conf_level", "n"} <= set(rows.columns)


@pytest.mark.realdata
def test_the_help_desk_goes_on_as_plain_pandas_counts_it() -> None:
    path = DATA / "helpdesk.parquet"
    if not path.exists():
        pytest.skip("the shared real data lacks journeys/helpdesk.parquet")
    rows = pd.read_parquet(path)
    found = ways(customer_journeys(rows), anchor="Take in charge ticket", stage_of={})
    plain = rows.assign(number=pd.to_numeric(rows["event_id"])).sort_values(["customer_id", "timestamp", "number"])
    paths = [list(part) for _, part in plain.groupby("customer_id")["touchpoint"]]
    after = Counter(
        [*path, "(end)"][path.index("Take in charge ticket") + 1] for path in paths if "Take in charge ticket" in path
    )
    exits = found.flow[found.flow["step"] == 0]
    assert exits.set_index("to_touchpoint")["journeys"].to_dict() == after
    assert set(found.flow["n"]) == {sum(after.values())} == {4_285}
    again = found.loops.set_index("touchpoint")
    for name in ("Wait", "Resolve ticket"):
        counts = [path.count(name) for path in paths if name in path]
        assert again.loc[name, "n"] == len(counts)
        assert again.loc[name, "again"] == sum(counts) - len(counts)
        assert again.loc[name, "estimate"] == pytest.approx(100 * np.mean(np.array(counts) > 1))


def test_steps_that_segments_take_differently_are_told_with_both_names() -> None:
    """From order 60 of 60 of one plan go to help, 60 of 120 of the other: 50 points."""
    log = events(big=("ad order help", 60), small=("ad order help", 60), little=("ad order app", 60))
    log["plan"] = np.where(log["plan"] == "big", "Big", "Small")
    words, rows = shown(made(log, segment_col="plan"), "apart")[0]
    row = rows.set_index(["from_touchpoint", "to_touchpoint"]).loc[("order", "help")]
    assert (row["segment_a"], row["segment_b"], row["difference"], row["reading"]) == ("Big", "Small", -50, "changed")
    assert row["n"] == 180
    assert str(words["title"]).endswith("that from order to help, by “Big” more than by “Small”.")
    charts.difference_plot(rows, label_col="label", estimate_col="difference", still_word="No clear difference")


def test_segments_that_go_the_same_way_are_not_called_different() -> None:
    log = events(one=("ad order help", 60), two=("ad order app", 60))
    log["plan"] = np.where(log["event_id"] // 3 % 2 == 0, "Even", "Odd")
    words, rows = shown(made(log, segment_col="plan"), "apart")[0]
    assert words["title"] == "None of 2 steps is clearly taken more often by one segment than by another."
    assert set(rows["reading"]) == {"no clear change"}
    assert shown(made(log), "apart") == []
