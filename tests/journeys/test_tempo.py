"""How long it takes from stage to stage and end to end, and what the gap does: planted journeys, counted by hand."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxlab import charts
from cxlab.inference import wilson
from cxlab.journeys import CustomerJourneys, customer_journeys, reconstruct
from cxlab.journeys.dropoff import stage_spells, time_to_next_stage
from cxlab.journeys.tempo import Pace, pace

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "journeys"
STAGES = {"ad": "learn", "order": "buy", "help": "use", "app": "use", "exit_talk": "leave"}
TOUCHPOINTS = pd.DataFrame(
    {
        "touchpoint": list(STAGES),
        "label": ["Advertisement", "Order", "Help", "App", "Exit talk"],
        "owner": "Sales",
        "stage": list(STAGES.values()),
    }
)
START = pd.Timestamp("2026-01-01", tz="UTC")
END = START + pd.Timedelta(days=200)


def events(**paths: tuple[str, int]) -> pd.DataFrame:
    """`name=("ad 3 order", 40)`: forty customers who order three days after the advertisement."""
    rows = []
    for name, (path, count) in paths.items():
        day, at = 0.0, []
        for part in path.split():
            if part[0].isdigit():
                day += float(part)
            else:
                at.append((day, part))
        rows += [(f"{name}{i:03d}", START + pd.Timedelta(days=when), what) for i in range(count) for when, what in at]
    frame = pd.DataFrame(rows, columns=["customer_id", "timestamp", "touchpoint"])
    return frame.assign(event_id=range(len(frame)))


# 50 order after 10 days and get help 40 days later, 30 order and leave after 20 days, 20 do nothing more; 40 came before the log
LOG = events(
    helped=("ad 10 order 40 help", 50),
    left=("ad 10 order 20 exit_talk", 30),
    saw=("ad", 20),
    old=("help 5 exit_talk", 40),
)


def way_of(log: pd.DataFrame = LOG, **more: object) -> CustomerJourneys:
    given: dict[str, object] = {"observed_until": END} | more
    return customer_journeys(log, TOUCHPOINTS, **given)  # type: ignore[arg-type]


def made(log: pd.DataFrame = LOG, stage_of: dict[str, str] | None = None, **more: object) -> Pace:
    mine = {key: more.pop(key) for key in ("max_customers", "random_state", "ends", "observed_until") if key in more}
    given: dict[str, object] = {"ends": ["exit_talk"], "observed_until": END} | mine
    return pace(way_of(log, **more), stage_of=STAGES if stage_of is None else stage_of, **given)  # type: ignore[arg-type]


@cache
def usual() -> Pace:
    """Of the log above, made once. Not to be changed."""
    return made(LOG)


def shown(found: Pace, which: str) -> list[tuple[dict[str, object], pd.DataFrame]]:
    return [(dict(words), rows) for words, rows in getattr(found, f"{which}_shown")()]


def test_of_each_stage_it_is_known_who_went_on_left_and_stayed() -> None:
    rows = shown(usual(), "stops")[0][1].set_index("stage")
    assert rows["n"].to_dict() == {"learn": 100, "buy": 80, "use": 50}  # leaving is no stage to go on to
    assert rows["soon"].to_dict() == pytest.approx({"learn": 80, "buy": 0, "use": np.nan}, nan_ok=True)
    assert rows["later"].to_dict() == pytest.approx({"learn": 80, "buy": 62.5, "use": np.nan}, nan_ok=True)
    assert rows["left"].to_dict() == pytest.approx({"learn": 0, "buy": 37.5, "use": 0})
    assert rows["still"].to_dict() == pytest.approx({"learn": 20, "buy": 0, "use": 100})
    # half of 100 have ordered on day 10; after leaving 30 of 80 all 50 who are left go on on day 40
    assert rows["median_days"].to_dict() == pytest.approx({"learn": 10, "buy": 40, "use": np.nan}, nan_ok=True)
    assert rows.loc["use", "usual"] == rows.loc["use", "went_on_later"] == "the last stage"


def test_the_title_says_from_which_stage_fewest_go_on() -> None:
    words, _ = shown(usual(), "stops")[0]
    assert str(words["title"]).startswith(
        "Within 90 days 62% (52 to 73%) of those in buy go on to a later stage, the fewest"
    )
    assert str(words["title"]).endswith("from learn it is 80%.")
    assert usual().sentences()[0] == words["title"]


def test_the_curves_say_who_is_still_in_a_stage_by_days_since_entering_it() -> None:
    """Of 100 who learn 80 order on day 10; of 80 who buy 30 leave after 20 days and 50 go on after 40."""
    words, rows = shown(usual(), "remained")[0]
    still = rows.set_index(["label", "days"])["estimate"]
    assert set(still["Learn"].loc[:9]) == {100.0}
    assert set(still["Learn"].loc[12:]) == set()  # 20 are left to be watched, too few to draw
    assert set(still["Buy"].loc[:18]) == {100.0}
    assert set(still["Buy"].loc[21:39]) == {62.5}
    assert set(still["Buy"].loc[42:]) == {0.0}, "all have gone: that is known"
    assert set(rows["label"]) == {"Learn", "Buy"}, "use is the last stage that is reached"
    assert words["title"] == "After 9 days 100% of those who entered learn are still there."
    charts.steps(rows, time_col="days", series_col="label", x_label="Days")


def test_changes_of_stage_that_the_engine_merged_say_the_same_as_every_event() -> None:
    rng = np.random.default_rng(5)
    rows = pd.DataFrame(
        [
            (f"c{i:03d}", START + pd.Timedelta(hours=float(hours)), touchpoint)
            for i in range(80)
            for hours, touchpoint in zip(
                np.sort(rng.uniform(0, 2_000, 8)), ["ad", *rng.choice(list(STAGES), 7)], strict=True
            )
        ],
        columns=["customer_id", "timestamp", "touchpoint"],
    ).assign(event_id=range(640))
    rules = stage_spells(
        reconstruct(rows).to_frame(), STAGES, ["learn", "buy", "use", "leave"], ends=["exit_talk"], observed_until=END
    )
    direct = time_to_next_stage(rules, horizons=(90,), order=["learn", "buy", "use", "leave"]).table
    left = direct[direct["outcome"] == "dropped off"].set_index("stage")
    assert made(rows).drops.set_index("stage")["estimate"].to_dict() == pytest.approx(
        left.loc[["learn", "buy", "use"], "estimate"].to_dict()
    )
    on = direct[direct["outcome"] == "went on"].set_index("stage")["estimate"]
    assert made(rows).stops.set_index("stage").loc["buy", "later"] == pytest.approx(on["buy"])


def test_most_leave_from_the_stage_that_is_named_and_a_close_second_is_named_too() -> None:
    words, rows = shown(usual(), "drop")[0]
    assert rows.set_index("stage")["estimate"].to_dict() == pytest.approx({"learn": 0, "buy": 37.5, "use": 0})
    assert str(words["title"]).startswith("Within 90 days of entering a stage most leave from buy (38%, 28 to 49%).")
    log = events(a=("ad 5 exit_talk", 40), b=("ad 5 order 5 exit_talk", 38), c=("ad 5 order", 62))
    words, _ = shown(made(log), "drop")[0]
    assert "from buy (38%" in str(words["title"])
    assert " and learn (29%" in str(words["title"])


def test_where_nobody_leaves_it_says_so_and_where_no_end_is_defined_nothing() -> None:
    log = events(a=("ad 5 order 5 help", 60))
    assert shown(made(log, ends=[]), "drop") == []
    words, rows = shown(made(log, ends=[]), "stops")[0]
    assert words["note"]["Left"] == "Nothing says who left; they are still there"  # type: ignore[index]
    assert set(rows["left_later"]) == {"no end touchpoint says who dropped off"}
    words, _ = shown(made(events(a=("ad 5 order 5 help", 60), b=("exit_talk", 5))), "drop")[0]
    assert words["title"] == "Nobody was seen to leave within 90 days of entering a stage."


def test_a_stage_that_few_entered_is_left_out_and_named() -> None:
    log = events(a=("ad 5 order", 60), b=("ad 5 order 5 help", 29))
    words, rows = shown(made(log), "stops")[0]
    assert rows["stage"].tolist() == ["learn", "buy"]
    assert words["note"]["Not shown"] == "use: n<30"  # type: ignore[index]


def test_the_share_in_each_stage_adds_up_every_day_and_ends_while_enough_are_watched() -> None:
    _, rows = shown(usual(), "occupancy")[0]
    assert rows.groupby("days")["share"].sum().to_numpy() == pytest.approx(1)
    assert rows["days"].max() == 200
    at = rows.set_index(["days", "stage"])["estimate"]
    assert [at[180.0, stage] for stage in ("Learn", "Buy", "Use", "left")] == pytest.approx([20, 0, 50, 30])
    # one in ten must have been watched: 96 begin on the first day, 4 (and 12) a hundred days before the end
    for late, last in ((4, 200), (180, 200), (1_000, 100)):
        extra = events(late=("ad 5 order", late))
        extra["timestamp"] += pd.Timedelta(days=100)
        both = pd.concat([events(early=("ad 5 order", 96)), extra.assign(event_id=extra["event_id"] + 1_000)])
        assert made(both).occupied["days"].max() == last


def test_more_stages_than_can_be_told_apart_share_one_area() -> None:
    names = [f"s{number}" for number in range(9)]
    path = " 3 ".join(names)
    about = pd.DataFrame({"touchpoint": names, "label": names, "owner": None, "stage": names})
    way = customer_journeys(events(a=(path, 60), b=("s0 3 s1", 40)), about, observed_until=END)
    rows = pace(way, stage_of={name: name for name in names}, observed_until=END).occupied
    assert rows["stage"].nunique() == 7
    assert rows.groupby("days")["share"].sum().to_numpy() == pytest.approx(1)
    charts.occupancy(rows)


def test_a_journey_that_has_not_ended_is_not_a_short_one() -> None:
    # 40 end after 10 days; 60 go on, with their last event on day 1: half of those who ended took 10 days, half of all more than 200
    open_ones = events(ended=("ad 10 exit_talk", 40), going=("ad 1 order", 60))
    found = made(open_ones).length.iloc[0]
    assert np.isnan(found["estimate"])
    assert (found["n"], found["n_open"]) == (100, 60)
    assert made(open_ones).sentences()[-1] == (
        "Fewer than half of 100 journeys have ended: 60 were still going on when the log ended."
    )
    mostly = made(events(ended=("ad 10 exit_talk", 60), going=("ad 1 order", 40)))
    assert mostly.length["estimate"].tolist() == [10]
    assert mostly.sentences()[-1].startswith("From beginning to end half of journeys take more than 10 days")


def test_where_nothing_says_when_a_journey_is_over_it_lasts_from_the_first_to_the_last_event() -> None:
    found = made(events(short=("ad 4 order", 40), long=("ad 12 order", 60)), ends=[])
    assert found.length[["estimate", "n_open", "kind"]].to_numpy().tolist() == [[12, 0, "seen"]]
    assert found.sentences()[-1].startswith("From first to last event half of journeys take more than 12 days")


def test_a_silence_ends_a_journey_of_a_split_log() -> None:
    found = made(events(a=("ad 3 order 60 ad 5 order", 60)), ends=[], gap="30d")
    # two journeys a customer, of 3 and of 5 days, both over by the end
    assert found.length[["n", "n_open", "estimate"]].to_numpy().tolist() == [[120, 0, 3]]


def test_the_waits_at_a_touchpoint_leave_the_crowd_out() -> None:
    busy = events(a=("ad 1 app 1 app 1 app 1 app 1 app 1 app 1 order 2 help", 60), b=("ad 7 exit_talk", 5))
    words, rows = shown(made(busy), "times")[0]
    table = rows.set_index("touchpoint")
    assert table.loc["order", "median_wait_before"] == pd.Timedelta(days=7)
    assert table.loc["order", ["before", "after"]].tolist() == ["7 days", "2 days"]
    assert "app" not in table.index
    assert "exit_talk" not in table.index  # five events
    assert words["note"]["Left out"] == "App, which holds most events"  # type: ignore[index]
    assert words["title"] == (
        "The longest wait lies before order: half of the times it comes more than 7 days after the step before, one in ten more "
        "than 7 days."
    )


def test_at_most_two_hundred_journeys_are_drawn_as_dots_by_start_and_without_names() -> None:
    log = events(a=("ad 1 order 5 help", 300))
    log["timestamp"] += pd.to_timedelta(log["customer_id"].str[1:].astype(int) % 60, unit="D")
    words, rows = shown(made(log), "dots")[0]
    assert rows.columns.tolist() == ["row", "timestamp", "label"]
    assert rows["row"].nunique() == 200
    assert len(rows) == 600  # whole journeys
    begun = rows.groupby("row")["timestamp"].min()
    assert begun.is_monotonic_increasing
    assert words["title"] == "Half of the events of 200 customers drawn at random lie within 24 hours of their start."
    assert set(rows["label"]) == {"Learn", "Buy", "Use"}
    assert set(made(log, stage_of={}, ends=[]).dots["label"]) == {"Advertisement", "Order", "Help"}
    charts.dotted(rows, row_col="row", series_col="label")


def test_journeys_of_a_split_log_have_a_row_each() -> None:
    found = made(events(a=("ad 3 order 60 ad 5 order", 60)), gap="30d")
    assert found.dots.groupby("row").size().tolist() == [2] * 120


GAPS_LOG = events(a=("ad 1 order 9 help 31 ad 2 order", 60), b=("ad 0.02 order 100 help", 30))


def test_the_journeys_at_each_gap_are_those_of_a_split_there() -> None:
    rows = shown(made(GAPS_LOG), "gap")[0][1]
    log = reconstruct(GAPS_LOG)
    assert rows["journeys"].tolist() == [log.split(gap).n_journeys for gap in rows["gap"]]
    assert rows["n"].tolist() == [60 * 4 + 30 * 2] * len(rows)
    row = rows.set_index("label").loc["30 days"]
    assert row["journeys"] == 90 + 60 + 30
    low, high = (100 * end for end in wilson(90 / 300, 300))
    assert (row["estimate"], row["conf_low"], row["conf_high"]) == pytest.approx((30, low, high))


def test_a_log_that_was_split_is_put_together_again_before_gaps_are_compared() -> None:
    words, rows = shown(made(GAPS_LOG, gap="8d"), "gap")[0]
    once = made(GAPS_LOG).gaps
    assert rows.loc[rows["in_use"], "label"].tolist() == ["8 days"]
    pd.testing.assert_series_equal(
        rows.loc[~rows["in_use"], "journeys"].reset_index(drop=True), once["journeys"], check_names=False
    )
    assert str(words["title"]).endswith("; in use is 8 days.")


def test_half_and_double_the_gap_are_judged_by_the_rule_that_breaks_most() -> None:
    # 60 get help 9 days after the order, in another journey at a gap of 8 days; at 32 days their second order, which gets no help,
    # is in the same journey and breaks the rule; 90 orders without help at 16 days
    rule = "order is followed by help"
    words, rows = shown(made(GAPS_LOG, gap="16d", rules=[rule]), "conclusions")[0]
    assert rows["at"].tolist() == ["half", "whole", "double"]
    assert rows["label"].tolist() == ["8 days", "16 days", "32 days"]
    log = reconstruct(GAPS_LOG)
    for row in rows.to_dict("records"):
        cut = log.split(row["gap"])
        kept = cut.conform([rule], observed_until=END).iloc[0]
        assert (row["journeys"], row["n"]) == (cut.n_journeys, kept["n"])
        assert row["estimate"] == pytest.approx(100 * kept["estimate"])
    assert rows["estimate"].round().tolist() == [0, 40, 0]
    assert rows["change"].iloc[1] == 0
    assert str(words["title"]).startswith(
        "“Order is followed by help” holds in 40% (33 to 48%) of cases with the gap of 16 days in use"
    )


def test_a_rule_that_no_gap_changes_is_said_to_hold_as_often() -> None:
    log = events(a=("ad 1 order 60 help", 60), b=("ad 60 help", 40))
    words, rows = shown(made(log, gap="10d", rules=["ad is followed by order"]), "conclusions")[0]
    assert rows["estimate"].tolist() == pytest.approx([60, 60, 60])
    assert str(words["title"]).endswith("of cases, and in as many with half or double the gap of 10 days in use.")


def test_without_a_gap_and_without_a_suggestion_there_is_nothing_to_conclude() -> None:
    found = made(LOG)
    assert found.gap is None
    assert shown(found, "conclusions") == []
    assert str(shown(found, "gap")[0][0]["title"]).startswith("No gap parts the 200 waits")


def test_a_planted_pause_is_suggested_with_the_journeys_that_it_makes() -> None:
    rng = np.random.default_rng(8)
    hours = np.where(
        np.arange(3_000) % 5 == 4, rng.lognormal(np.log(24 * 40), 0.4, 3_000), rng.lognormal(np.log(2), 0.6, 3_000)
    )
    log = pd.DataFrame({"customer_id": np.repeat([f"c{i:02d}" for i in range(60)], 50), "touchpoint": "ad"})
    log["timestamp"] = (
        START + pd.to_timedelta(hours, unit="h").to_series().groupby(log["customer_id"].to_numpy()).cumsum().to_numpy()
    )
    found = made(log.assign(event_id=range(3_000)), observed_until=None)
    assert found.gap is not None
    assert pd.Timedelta(hours=12) < found.gap < pd.Timedelta(days=20)
    journeys = reconstruct(log.assign(event_id=range(3_000))).split(found.gap).n_journeys
    assert journeys == 60 * 11  # ten pauses a customer
    assert f"which makes {journeys:,} journeys, 11.0 a customer" in found.suggestion
    assert "that waits suggest" in str(shown(found, "conclusions")[0][0]["title"])


def test_without_stages_only_waits_dots_and_gaps_are_shown() -> None:
    found = made(stage_of={}, ends=[])
    assert [which for which in ("stops", "drop", "occupancy") if shown(found, which)] == []
    assert [which for which in ("times", "dots", "gap") if not shown(found, which)] == []
    assert len(found.sentences()) == 1


def test_an_end_that_is_not_there_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match="`ends`: there is no touchpoint `exit`; did you mean `exit_talk`"):
        made(ends=["exit"])
    with pytest.raises(ValueError, match=r"`max_customers` must be a whole number above 0, got 1\.5"):
        made(max_customers=1.5)


def test_a_sample_is_said_with_both_numbers_and_the_same_whatever_the_order_of_rows() -> None:
    found = made(max_customers=60, random_state=2)
    for which in ("stops", "drop", "occupancy", "dots"):
        note = shown(found, which)[0][0]["note"]
        assert "(60 of 100, drawn at random)" in note["Base"]  # type: ignore[index]
    assert found.stops["n"].iloc[0] == 60
    again = made(LOG.sample(frac=1, random_state=1), max_customers=60, random_state=2)
    for name in ("stops", "drops", "occupied", "length", "times", "dots", "gaps"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(found, name))
    assert made(max_customers=60, random_state=3).stops["later"].tolist() != found.stops["later"].tolist()


def test_every_table_can_be_drawn_and_every_title_is_a_sentence() -> None:
    found = made(gap="30d")
    drawn = {
        "drop": lambda rows: charts.dot_whisker(rows, label_col="label"),
        "occupancy": charts.occupancy,
        "dots": lambda rows: charts.dotted(rows, row_col="row", series_col="label"),
    }
    for which in ("stops", "drop", "occupancy", "times", "dots", "gap", "conclusions"):
        (words, rows), *none = shown(found, which)
        assert none == []
        drawn.get(which, lambda rows: None)(rows)
        assert str(words["title"]).endswith(".")
        assert len(str(words["title"]).split()) >= 3
        assert which not in drawn or len(str(words["alt"]).split()) >= 8


@pytest.mark.realdata
def test_the_help_desk_takes_as_long_as_plain_pandas_says() -> None:
    path = DATA / "helpdesk.parquet"
    if not path.exists():
        pytest.skip("the shared real data lacks journeys/helpdesk.parquet")
    rows = pd.read_parquet(path)
    found = pace(customer_journeys(rows), stage_of={}, ends=["Closed"])
    # 21 of 4,580 tickets were never closed; they count as open until the log ends (two were taken up again after that)
    plain = rows.assign(number=pd.to_numeric(rows["event_id"])).sort_values(["customer_id", "timestamp", "number"])
    ended = (plain["touchpoint"] == "Closed").groupby(plain["customer_id"]).any()
    span = plain.groupby("customer_id")["timestamp"].agg(lambda moments: moments.max() - moments.min())
    days = span.dt.total_seconds() / 86_400
    assert found.length["n_open"].tolist() == [int((~ended).sum())] == [21]
    # open tickets lengthen the median of closed ones, by no more than if all of them were longer than it
    closed = days[ended].sort_values()
    low, high = closed.median(), closed.iloc[len(closed) // 2 + 23]
    assert low <= found.length["estimate"].iloc[0] <= high
    after = plain["timestamp"].diff().where(plain["customer_id"] == plain["customer_id"].shift())
    table = found.times.set_index("touchpoint")["median_wait_before"].dt.total_seconds()
    for name in ("Closed", "Wait"):
        assert table[name] == pytest.approx(after[plain["touchpoint"] == name].median().total_seconds(), abs=1e-5)


def closing(log: pd.DataFrame) -> Pace:
    """The same stages, the last of them the goal of all."""
    stages = {name: "closing" if stage == "leave" else stage for name, stage in STAGES.items()}
    touchpoints = TOUCHPOINTS.assign(stage=TOUCHPOINTS["touchpoint"].map(stages))
    way = customer_journeys(log, touchpoints, observed_until=END)
    return pace(way, stage_of=stages, ends=["exit_talk"], observed_until=END)


def test_where_the_last_stage_is_the_goal_of_all_nobody_is_said_to_leave() -> None:
    """90 go from buying over use to closing, 30 close after buying at once: that is an early end, and use is none."""
    log = events(whole=("ad 2 order 3 help 4 exit_talk", 90), short=("ad 2 order 1 exit_talk", 30))
    found = closing(log)
    ((words, _),) = found.drop_shown()
    assert str(words["title"]).startswith("Within 90 days of entering a stage journeys end early most from buy (25%, ")
    ((whole, rows),) = found.occupancy_shown()
    assert "left" not in str(whole["title"])
    assert "ended" in set(rows["stage"])
    assert rows["days"].max() == 9, "on day 9 all have ended; the 191 days after it show nothing"
    # 30 take 3 days and 90 take 9
    assert found.leads()[0] == "From beginning to end half of journeys take more than 9 days."
    # 90 waits of four days before the end, 30 of one: half take more than three or four
    assert found.leads()[1].startswith(
        "The longest wait lies before exit talk: half of the times it comes more than 4 days"
    )


def test_a_journey_is_over_with_its_end_whatever_is_written_down_after_it() -> None:
    found = closing(events(whole=("ad 2 order 3 exit_talk 1 help", 60))).length.iloc[0]
    assert (found["n_open"], found["estimate"]) == (0, 6)
