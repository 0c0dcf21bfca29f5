"""Time in stage and drop-off: a few customers worked by hand, planted rates, and real logs."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxlab.inference import kaplan_meier
from cxlab.inference.intervals import wilson
from cxlab.journeys.dropoff import StageSpells, TimeToNextStage, occupancy, stage_spells, time_to_next_stage

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "journeys"
ORDER = ["aware", "buy", "use"]
STAGES = {"ad": "aware", "visit": "aware", "order": "buy", "login": "use", "cancel": "use"}
START = pd.Timestamp("2026-01-01", tz="UTC")


def log(**customers: list[tuple[float, str]]) -> pd.DataFrame:
    """Events as (day, touchpoint), in order."""
    rows = [
        (name, 0, i, touchpoint, START + pd.Timedelta(days=day))
        for name, events in customers.items()
        for i, (day, touchpoint) in enumerate(events)
    ]
    return pd.DataFrame(rows, columns=["customer_id", "journey", "position", "touchpoint", "timestamp"])


# a goes on after 2 days, b leaves after 4, c is still aware on day 10, d skips buying after 6
FOUR = log(
    a=[(0, "ad"), (1, "visit"), (2, "order"), (8, "login")],
    b=[(0, "ad"), (4, "cancel")],
    c=[(1, "visit"), (10, "ad")],
    d=[(0, "ad"), (6, "login"), (7, "order")],
)


def spells(events: pd.DataFrame = FOUR, **more: Any) -> StageSpells:
    return stage_spells(events, STAGES, ORDER, **{"ends": ["cancel"], **more})


def days(table: pd.DataFrame, column: str) -> list[float]:
    return [round((moment - START) / pd.Timedelta("1D"), 6) for moment in table[column]]


def shares(found: TimeToNextStage, stage: str, day: float) -> dict[str, float]:
    table = found.to_frame()
    rows = table[(table["stage"] == stage) & (table["days"] == day)]
    return dict(zip(rows["outcome"], rows["estimate"], strict=True))


def test_spells_of_four_customers_by_hand() -> None:
    table = spells().to_frame()
    assert list(zip(table["customer_id"], table["stage"], strict=True)) == [
        ("a", "aware"), ("a", "buy"), ("a", "use"), ("b", "aware"), ("c", "aware"), ("d", "aware"), ("d", "buy"), ("d", "use"),
    ]  # fmt: skip
    assert days(table, "entered") == [0, 2, 8, 0, 1, 0, 7, 6]
    assert [None if pd.isna(name) else name for name in table["next_stage"]] == [
        "buy", "use", None, None, None, "use", None, None,
    ]  # fmt: skip
    assert days(table.dropna(subset=["next_at"]), "next_at") == [2, 8, 6]
    assert table.loc[table["left_at"].notna(), "customer_id"].tolist() == ["b"]
    assert days(table.dropna(subset=["left_at"]), "left_at") == [4]
    assert set(days(table, "observed_until")) == {10}


def test_an_end_is_leaving_whatever_stage_it_has() -> None:
    # "cancel" belongs to the stage "use": without ends b has gone on to it
    table = spells(ends=()).to_frame()
    b = table[table["customer_id"] == "b"]
    assert b["stage"].tolist() == ["aware", "use"]
    assert b["next_stage"].tolist()[0] == "use"
    assert "left_at" not in table


def test_who_leaves_and_comes_back_has_left_the_stage_and_is_counted() -> None:
    events = log(a=[(0, "ad"), (3, "cancel"), (5, "order")])
    found = spells(events)
    first, second = found.to_frame().to_dict("records")
    assert pd.isna(first["next_at"])
    assert first["left_at"] == START + pd.Timedelta(days=3)
    assert pd.isna(second["left_at"])
    assert found.counts["came_back"] == 1 > spells().counts["came_back"]


def test_every_event_and_customer_is_accounted_for() -> None:
    events = log(a=[(0, "ad"), (1, "chat"), (2, "order"), (9, "login")], b=[(0, "chat")], c=[(0, "ad"), (1, "cancel")])
    found = spells(events, observed_until=START + pd.Timedelta(days=5))
    counts = found.counts
    assert counts == {
        "events": 7, "after_observation": 1, "without_stage": 2, "at_ends": 1, "in_stages": 3, "customers": 3, "with_spells": 2,
        "without_spells": 1, "came_back": 0,
    }  # fmt: skip
    assert counts["events"] == sum(counts[k] for k in ("after_observation", "without_stage", "at_ends", "in_stages"))
    assert "use" not in set(found.to_frame()["stage"])


def test_shares_of_four_customers_by_hand() -> None:
    # aware, days until: a on 2, b off 4, d on 6, c watched for 9. Nobody is censored before 9: plain quarters
    found = time_to_next_stage(spells(), horizons=[3, 5, 7, 30])
    assert shares(found, "aware", 3) == {"went on": 25, "dropped off": 0, "still there": 75}
    assert shares(found, "aware", 5) == {"went on": 25, "dropped off": 25, "still there": 50}
    assert shares(found, "aware", 7) == pytest.approx({"went on": 50, "dropped off": 25, "still there": 25})
    assert all(math.isnan(value) for value in shares(found, "aware", 30).values())
    table = found.to_frame()
    late = table[(table["stage"] == "aware") & (table["days"] == 30)]
    assert set(late["reason"]) == {"nobody was watched so long"}
    assert late["n"].tolist() == [4, 4, 4]
    at_risk = table[(table["stage"] == "aware") & (table["outcome"] == "went on")].set_index("days")["n_at_risk"]
    assert at_risk.to_dict() == {3: 3, 5: 2, 7: 1, 30: 0}


def test_the_median_time_takes_leavers_as_censored_and_half_of_all_does_not() -> None:
    # Kaplan–Meier: 3/4 after a (day 2); b leaves; of c and d one goes at 6: 3/8. Of all four a half have gone on at day 6, too
    found = time_to_next_stage(spells()).medians.set_index("stage")
    row = found.loc["aware"]
    assert (row["estimate"], row["half_went_on"]) == (6, 6)
    assert (row["n"], row["went_on"], row["dropped_off"], row["censored"]) == (4, 2, 1, 1)
    three = log(a=[(0, "ad"), (2, "order")], b=[(0, "ad"), (1, "cancel")], c=[(0, "ad"), (9, "ad")])
    row = time_to_next_stage(spells(three)).medians.set_index("stage").loc["aware"]
    assert row["estimate"] == kaplan_meier([2, 1, 9], [1, 0, 0]).median == 2
    assert math.isnan(row["half_went_on"])  # a third of all


def test_a_median_that_is_not_reached_says_why() -> None:
    # buying: a goes on after 6 days, d was watched for 3; of those at risk at 6 all went on. Use is the last stage.
    found = time_to_next_stage(spells()).medians.set_index("stage")
    assert found.loc["buy", "estimate"] == 6
    assert (found.loc["use", "reason"], found.loc["buy", "reason"]) == ("the last stage", "")
    slow = log(a=[(0, "ad"), (2, "order")], b=[(0, "ad")], c=[(0, "ad"), (9, "ad")], d=[(0, "ad")])
    medians = time_to_next_stage(spells(slow, ends=())).medians.set_index("stage")
    assert medians.loc["aware", "reason"] == "fewer than half have gone on so far"
    assert math.isnan(medians.loc["aware", "estimate"])
    assert medians.loc["buy", "reason"] == "nobody has gone on so far"
    assert medians.loc["use", "n"] == 0


def test_without_an_end_drop_off_is_not_nought_but_unknown() -> None:
    table = time_to_next_stage(spells(ends=()), horizons=[1]).to_frame()
    off = table[table["outcome"] == "dropped off"]
    assert off["estimate"].isna().all()
    assert set(off["reason"]) == {"no end touchpoint says who dropped off"}
    assert shares(time_to_next_stage(spells(), horizons=[1]), "aware", 1)["dropped off"] == 0


def test_the_last_stage_and_a_stage_that_nobody_was_in_say_so() -> None:
    never = spells(log(a=[(0, "ad"), (1, "login"), (9, "login")]))
    table = time_to_next_stage(never, horizons=[1]).to_frame().set_index(["stage", "outcome"])
    assert table.loc[("use", "went on"), "reason"] == "the last stage"
    assert table.loc[("buy", "went on"), "reason"] == "nobody was seen in this stage"
    assert table.loc[("use", "still there"), "estimate"] == 100


def planted(n: int, seed: int, *, on: float = 1 / 20, off: float = 1 / 40) -> pd.DataFrame:
    """Customers start over 100 days, are watched until day 150, go on with rate `on` a day and leave with rate `off`."""
    rng = np.random.default_rng(seed)
    start = rng.uniform(0, 100, n)
    after = start + rng.exponential(1 / (on + off), n)
    goes = rng.random(n) < on / (on + off)
    events = {}
    for i in range(n):
        events[f"c{i:05d}"] = [(start[i], "ad"), (after[i], "order" if goes[i] else "cancel")]
    return log(**events)


def test_planted_rates_of_going_on_and_dropping_off_are_found() -> None:
    # F_on(t) = 2/3·(1 − exp(−3t/40)), F_off half of it; the median without leavers is 20·ln 2 = 13.9 days
    until = START + pd.Timedelta(days=150)
    found = time_to_next_stage(spells(planted(4_000, 1), observed_until=until))
    for day in (7, 30, 90):
        gone = 100 * (1 - math.exp(-3 * day / 40))
        truth = {"went on": gone * 2 / 3, "dropped off": gone / 3, "still there": 100 - gone}
        table = found.to_frame()
        rows = table[(table["stage"] == "aware") & (table["days"] == day)].set_index("outcome")
        for outcome, value in truth.items():
            assert abs(rows.loc[outcome, "estimate"] - value) < 4 * rows.loc[outcome, "std_error"]
            assert 0 < rows.loc[outcome, "std_error"] < 1
    median = found.medians.set_index("stage").loc["aware"]
    assert median["conf_low"] < 20 * math.log(2) < median["conf_high"]
    assert median["conf_high"] - median["conf_low"] < 2
    # of all who entered half have gone on when 2/3·(1 − exp(−3t/40)) = 1/2: after 18.5 days
    assert median["half_went_on"] == pytest.approx(40 / 3 * math.log(4), abs=1.5)


def test_the_three_outcomes_are_everybody_on_every_day() -> None:
    found = time_to_next_stage(spells(planted(300, 2)), horizons=range(0, 60, 3))
    table = found.to_frame()
    sums = table[table["stage"] == "aware"].groupby("days")["estimate"].sum()
    assert sums.to_numpy() == pytest.approx(np.full(20, 100))
    assert found.curves.loc[found.curves["stage"] == "aware"].groupby("days")[
        "estimate"
    ].sum().to_numpy() == pytest.approx(
        np.full(found.curves.loc[found.curves["stage"] == "aware", "days"].nunique(), 100)
    )


def test_who_is_still_there_has_the_interval_of_a_survival_curve() -> None:
    found = time_to_next_stage(spells(planted(300, 2)), horizons=[7]).to_frame()
    row = found[(found["stage"] == "aware") & (found["outcome"] == "still there")].iloc[0]
    table = spells(planted(300, 2)).to_frame()
    own = table[table["stage"] == "aware"]
    stop = own["next_at"].fillna(own["left_at"]).fillna(own["observed_until"])
    lengths = (stop - own["entered"]).dt.total_seconds() / 86_400
    other = kaplan_meier(lengths, own["next_at"].notna() | own["left_at"].notna()).survival_at(7)
    assert [row["estimate"], row["conf_low"], row["conf_high"]] == pytest.approx(
        [100 * value for value in other.values()]
    )


def test_the_headline_says_where_most_drop_off_with_interval_and_base() -> None:
    found = time_to_next_stage(spells(planted(400, 3)), horizons=[7, 30])
    row = found.to_frame().query("stage == 'aware' and outcome == 'dropped off' and days == 30").iloc[0]
    assert found.headline() == (
        f"Most drop off in aware: {row['estimate']:.0f}% ({row['conf_low']:.0f} to {row['conf_high']:.0f}%, n 400) within 30 days."
    )
    assert time_to_next_stage(spells()).headline().startswith("No stage has 30 customers")


def test_stages_by_days_since_start_by_hand() -> None:
    # a starts on day 0: aware, buy from 2, use from 8. b: left from 4. c starts on day 1, watched for 9. d: use from 6 on, and
    # buying on day 7 does not bring him back
    table = occupancy(spells(), days=[0, 3, 7, 10]).set_index(["days", "stage"])
    assert table["customers"].unstack()[[*ORDER, "left"]].to_numpy().tolist() == [
        [4, 0, 0, 0], [3, 1, 0, 0], [1, 1, 1, 1], [0, 0, 2, 1],
    ]  # fmt: skip
    assert table["n"].unstack()["use"].tolist() == [4, 4, 4, 3]  # c is out of the base of day 10
    assert table.groupby("days")["estimate"].sum().tolist() == pytest.approx([100] * 4)
    low, high = wilson(0.75, 4)
    assert table.loc[(3, "aware"), ["conf_low", "conf_high"]].tolist() == pytest.approx([100 * low, 100 * high])


def test_who_left_early_but_was_not_watched_so_long_does_not_stay_in_the_base() -> None:
    # old: still aware on day 20. new: starts on day 15 and leaves on day 16, watched for 5 days
    events = log(old=[(0, "ad"), (20, "visit")], new=[(15, "ad"), (16, "cancel")])
    table = occupancy(spells(events), days=[3, 10]).set_index(["days", "stage"])
    assert table.loc[(3, "left"), ["estimate", "n"]].tolist() == [50, 2]
    assert table.loc[(10, "left"), ["estimate", "n"]].tolist() == [0, 1]


def test_occupancy_finds_the_planted_shares_where_later_days_have_fewer_watched() -> None:
    until = START + pd.Timedelta(days=150)
    table = occupancy(spells(planted(4_000, 5), observed_until=until), days=[10, 60, 120, 200]).set_index(
        ["days", "stage"]
    )
    for day in (10, 60, 120):
        gone = 100 * (1 - math.exp(-3 * day / 40))
        assert abs(table.loc[(day, "left"), "estimate"] - gone / 3) < 4 * table.loc[(day, "left"), "std_error"]
        assert abs(table.loc[(day, "buy"), "estimate"] - gone * 2 / 3) < 4 * table.loc[(day, "buy"), "std_error"]
    n = table["n"].unstack()["buy"]
    assert n.tolist() == [
        4_000,
        n[60],
        pytest.approx(1_200, abs=110),
        0,
    ]  # of 100 days those who started before day 90, day 30
    assert table.loc[(200, "buy"), "reason"] == "nobody was watched so long"
    assert math.isnan(table.loc[(200, "buy"), "estimate"])


def test_rows_in_any_order_give_the_same_bytes() -> None:
    events = planted(200, 4)
    mixed = events.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(spells(mixed).to_frame(), spells(events).to_frame(), check_exact=True)
    table = spells(events).to_frame()
    other = table.sample(frac=1, random_state=2)
    once, again = time_to_next_stage(table, order=ORDER), time_to_next_stage(other, order=ORDER)
    pd.testing.assert_frame_equal(once.to_frame(), again.to_frame(), check_exact=True)
    pd.testing.assert_frame_equal(once.medians, again.medians, check_exact=True)
    pd.testing.assert_frame_equal(
        occupancy(table, days=[5, 9], order=ORDER), occupancy(other, days=[5, 9], order=ORDER), check_exact=True
    )


def test_a_plain_table_gives_what_the_spells_give() -> None:
    table = spells().to_frame()
    pd.testing.assert_frame_equal(
        time_to_next_stage(table, order=ORDER).to_frame(), time_to_next_stage(spells()).to_frame()
    )
    # without an order no stage is known to be the last
    alone = time_to_next_stage(table, horizons=[1]).to_frame()
    assert "the last stage" not in set(alone["reason"])
    both = table.assign(
        left_at=table["next_at"].fillna(table["left_at"])
    )  # going on counts where both are at one moment
    pd.testing.assert_frame_equal(
        time_to_next_stage(both, order=ORDER).to_frame(), time_to_next_stage(spells()).to_frame()
    )


def test_of_leaving_and_going_on_in_one_row_the_earlier_counts() -> None:
    # left on day 4, and came back to buy on day 6
    row = spells().to_frame().query("customer_id == 'b'")
    row = row.assign(next_at=START + pd.Timedelta(days=6), next_stage="buy")
    assert shares(time_to_next_stage(row, order=ORDER, horizons=[5]), "aware", 5)["dropped off"] == 100
    assert occupancy(row, days=[5], order=ORDER).set_index("stage").loc["left", "estimate"] == 100
    row = row.assign(left_at=START + pd.Timedelta(days=8))
    assert shares(time_to_next_stage(row, order=ORDER, horizons=[9]), "aware", 9)["went on"] == 100


def test_no_event_at_all_gives_empty_tables() -> None:
    found = stage_spells(FOUR.head(0), STAGES, ORDER)
    assert found.to_frame().empty
    assert set(time_to_next_stage(found).to_frame()["reason"]) == {"nobody was seen in this stage"}
    assert occupancy(found, days=[1])["n"].tolist() == [0, 0, 0]


def test_what_cannot_be_read_is_refused_by_name_with_the_way_out() -> None:
    with pytest.raises(ValueError, match=r"`stages`: the stage `bye` is not in `order`; did you mean `buy`\?"):
        stage_spells(FOUR, {"ad": "bye"}, ORDER)
    with pytest.raises(ValueError, match=r"`ends`: there is no touchpoint `cancl`; did you mean `cancel`\?"):
        spells(ends=["cancl"])
    with pytest.raises(ValueError, match="`events` lacks the column `timestamp`"):
        spells(FOUR.drop(columns="timestamp"))
    with pytest.raises(ValueError, match="`touchpoint` is missing in 1 rows"):
        spells(FOUR.assign(touchpoint=FOUR["touchpoint"].where(FOUR.index > 0)))
    with pytest.raises(ValueError, match="runs backwards in 1 places, first for customer 'a'"):
        spells(FOUR.assign(position=[1, 0, *FOUR["position"].iloc[2:]]))
    with pytest.raises(ValueError, match="`order` names the stage `buy` twice"):
        stage_spells(FOUR, STAGES, ["aware", "buy", "use", "buy"])
    table = spells().to_frame()
    with pytest.raises(ValueError, match="customer 'a' is in stage `aware` twice"):
        time_to_next_stage(pd.concat([table, table.head(1)]))
    with pytest.raises(
        ValueError, match="`next_at` lies before `entered` or after `observed_until` in 1 rows, first for customer 'a'"
    ):
        time_to_next_stage(table.assign(next_at=table["next_at"].mask(table.index == 0, START - pd.Timedelta(days=1))))
    with pytest.raises(ValueError, match="`order` is missing"):
        occupancy(table, days=[1])
    with pytest.raises(ValueError, match="`order` lacks the stage `use`"):
        time_to_next_stage(table, order=["aware", "buy"])
    with pytest.raises(ValueError, match="`horizons` are numbers of days"):
        time_to_next_stage(table, horizons=[-1])
    with pytest.raises(ValueError, match="`conf_level` must be between 0 and 1, got 95"):
        time_to_next_stage(table, conf_level=95)
    with pytest.raises(ValueError, match="a stage is called `left`"):
        occupancy(stage_spells(FOUR, {"ad": "left"}, ["left"], ends=["cancel"]), days=[1])


@pytest.mark.realdata
def test_of_500_patients_every_step_of_the_real_log_is_counted() -> None:
    path = DATA / "patients.parquet"
    if not path.exists():
        pytest.skip("the shared real data lacks journeys/patients.parquet")
    rows = pd.read_parquet(path).sort_values(["customer_id", "timestamp", "event_id"])
    rows = rows.assign(journey=0, position=rows.groupby("customer_id").cumcount())
    order = ["Registration", "Triage and Assessment", "Discuss Results", "Check-out"]
    found = stage_spells(rows, {name: name for name in order}, order)
    assert found.counts["in_stages"] + found.counts["without_stage"] == len(rows) == 2_721
    medians = time_to_next_stage(found).medians.set_index("stage")
    assert medians.loc["Registration", ["n", "went_on"]].tolist() == [500, 500]
    # all 500 go on, so the median is that of the waits: half have gone on when the 250th has
    waits = rows[rows["touchpoint"].isin(order[:2])].pivot_table(
        index="customer_id", columns="touchpoint", values="timestamp"
    )
    days_waited = ((waits[order[1]] - waits[order[0]]).dt.total_seconds() / 86_400).sort_values()
    assert medians.loc["Registration", "estimate"] == pytest.approx(days_waited.iloc[249])
    assert medians.loc["Discuss Results", ["n", "went_on"]].tolist() == [495, 492]


def test_a_hundred_thousand_events_take_less_than_three_seconds() -> None:
    n = 25_000
    rng = np.random.default_rng(0)
    events = pd.DataFrame(
        {
            "customer_id": np.repeat([f"c{i:06d}" for i in range(n)], 4), "journey": 0, "position": np.tile(range(4), n),
            "touchpoint": rng.choice(list(STAGES), 4 * n),
            "timestamp": START + pd.to_timedelta(rng.exponential(5, (n, 4)).cumsum(axis=1).ravel(), unit="D"),
        }
    )  # fmt: skip
    begun = time.process_time()
    found = spells(events)
    time_to_next_stage(found)
    occupancy(found, days=range(0, 60, 2))
    assert time.process_time() - begun < 3
