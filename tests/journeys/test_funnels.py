"""How far customers come in a time: planted journeys, counted by hand, and the funnel of the log along chosen touchpoints."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cxlab import charts
from cxlab.inference import wilson
from cxlab.journeys import Funnel, customer_journeys, stage_funnel

STAGES = {"ad": "learn", "offer": "learn", "order": "buy", "help": "care", "renewal": "stay", "exit_talk": "leave"}
TOUCHPOINTS = pd.DataFrame(
    {
        "touchpoint": list(STAGES),
        "label": ["Advertisement", "Offer", "Order", "Help", "Renewal", "Exit talk"],
        "owner": "Sales",
        "stage": list(STAGES.values()),
    }
)
START = pd.Timestamp("2026-01-01", tz="UTC")
END = START + pd.Timedelta(days=100)

# (how many, on which day they begin, what they do so many days later)
GROUPS = {
    "renewed": (40, 0, {"ad": 0, "order": 5, "renewal": 20}),  # without help: a stage that nobody needs is no loss
    "helped": (30, 0, {"ad": 0, "order": 5, "help": 10, "renewal": 60}),  # renews, but not within 30 days
    "ordered": (20, 0, {"offer": 0, "order": 30}),  # to the day within
    "saw": (10, 0, {"ad": 0, "exit_talk": 3}),
    "late": (25, 80, {"ad": 0, "order": 5, "renewal": 15}),  # 30 days are not over when the data end
    "old": (50, 0, {"help": 0, "renewal": 4}),  # were customers before the log began
}


def events(groups: dict[str, tuple[int, int, dict[str, int]]] = GROUPS) -> pd.DataFrame:
    rows = [
        (
            f"{name}{number:03d}",
            START + pd.Timedelta(days=begins + day),
            touchpoint,
            "even" if number % 2 == 0 else "odd",
        )
        for name, (count, begins, path) in groups.items()
        for number in range(count)
        for touchpoint, day in path.items()
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "timestamp", "touchpoint", "plan"])
    return frame.assign(event_id=range(len(frame)))


def made(log: pd.DataFrame | None = None, *, about: dict[str, Any] | None = None, **more: Any) -> Funnel:
    way = customer_journeys(events() if log is None else log, TOUCHPOINTS, observed_until=END, **(about or {}))
    return stage_funnel(way, **({"within": "30d", "observed_until": END} | more))


def test_a_customer_counts_in_a_stage_who_reached_it_or_a_later_one_in_time() -> None:
    found = made()
    table = found.table.set_index("step")
    assert table["customers"].to_dict() == {"learn": 100, "buy": 90, "care": 70, "stay": 40}
    assert set(table["n"]) == {100}
    assert table["lost"].to_dict() == pytest.approx({"learn": 0, "buy": 10, "care": 20, "stay": 30})
    assert table.loc["stay", ["conf_low", "conf_high"]].tolist() == pytest.approx([100 * x for x in wilson(0.4, 100)])
    assert list(table["label"]) == ["Learn", "Buy", "Care", "Stay"]
    assert "leave" not in table.index, "leaving is no step to reach"


def test_who_began_too_late_is_counted_apart_and_lost_to_nobody() -> None:
    found = made()
    assert found.n_late == 25
    (words, _) = next(found.steps_shown())
    assert words["note"]["Base"].startswith("100 customers")
    assert "25 more began too late" in words["note"]["Base"]
    wider = stage_funnel(
        customer_journeys(events(), TOUCHPOINTS, observed_until=END),
        within="30d",
        observed_until=END + pd.Timedelta(days=10),
    )
    assert (wider.n_late, wider.table["customers"].tolist()) == (0, [125, 115, 95, 65])


def test_the_sentences_say_how_many_come_to_the_end_and_where_most_stop() -> None:
    found = made()
    assert found.sentences() == ["Within 30 days 40% (31 to 50%) of 100 customers come from learn as far as stay."]
    (words, rows) = next(found.steps_shown())
    assert words["title"] == found.sentences()[0]
    assert words["note"]["Loss"] == "Most stop before stay, 30 of 100 who began"
    charts.bars(rows, label_col="label")


def test_chosen_touchpoints_are_met_in_turn_and_who_skips_one_is_not_counted_further() -> None:
    found = made(steps="ad, order, help, renewal", within="90d")
    assert found.table["customers"].tolist() == [80, 70, 30, 30]
    assert found.is_chosen
    assert list(found.table["label"]) == ["Advertisement", "Order", "Help", "Renewal"]
    assert made(steps=["ad", "order", "help", "renewal"], within="30d").table["customers"].tolist() == [80, 70, 30, 0]
    (words, _) = next(found.steps_shown())
    assert words["note"]["Order"] == "Each after the one before; who skips one is not counted further"


def test_chosen_touchpoints_agree_with_the_funnel_of_the_log() -> None:
    rng = np.random.default_rng(3)
    rows = [
        (f"c{i:03d}", START + pd.Timedelta(hours=float(hours)), touchpoint)
        for i in range(200)
        for hours, touchpoint in zip(np.sort(rng.uniform(0, 900, 9)), ["ad", *rng.choice(list(STAGES), 8)], strict=True)
    ]
    log = pd.DataFrame(rows, columns=["customer_id", "timestamp", "touchpoint"]).assign(event_id=range(len(rows)))
    way = customer_journeys(log, TOUCHPOINTS)
    steps = ["ad", "order", "help", "renewal"]
    later = START + pd.Timedelta(days=400)
    own = stage_funnel(way, steps=steps, within="20d", observed_until=later).table
    direct = way.journeys.funnel(steps, within="20d")
    assert own["customers"].tolist() == direct["n"].tolist()
    assert own["estimate"].tolist() == pytest.approx((100 * direct["share"]).tolist())
    assert 0 < own["customers"].iloc[-1] < own["customers"].iloc[0]


def test_a_log_that_is_split_counts_customers_over_all_their_journeys() -> None:
    whole, split = made(within="90d"), made(within="90d", about={"gap": "10d"})
    assert split.table["customers"].tolist() == whole.table["customers"].tolist()
    chosen = {"steps": "ad, order, renewal", "within": "90d"}
    assert (
        made(**chosen, about={"gap": "10d"}).table["customers"].tolist()
        == made(**chosen).table["customers"].tolist()
        == [80, 70, 70]
    )


def test_without_a_time_it_is_the_longest_that_is_over_for_a_third() -> None:
    assert made(within="").within == "90d", "180 days are over for nobody, 90 for 100 of 125"
    short = stage_funnel(customer_journeys(events(), TOUCHPOINTS), observed_until=START + pd.Timedelta(days=35))
    assert short.within == "30d"


def test_segments_are_compared_at_the_last_step_each_with_all_others() -> None:
    groups = {"came": (200, 0, {"ad": 0, "renewal": 2}), "saw": (200, 0, {"ad": 0})}
    log = events(groups)
    far = log["customer_id"].str[-3:].astype(int) < 150
    log["plan"] = np.where(
        (log["customer_id"].str.startswith("came") & far) | (log["customer_id"].str.startswith("saw") & ~far),
        "big",
        "small",
    )
    found = made(log, about={"segment_col": "plan"})
    table = found.segments.set_index("segment")
    assert table["n"].to_dict() == {"big": 200, "small": 200}
    assert table["estimate"].to_dict() == {"big": 75, "small": 25}
    assert table["difference"].to_dict() == {"big": 50, "small": -50}
    assert set(table["reading"]) == {"changed"}
    assert table["q_value"].tolist() == pytest.approx(stats.false_discovery_control(table["p_value"]).tolist())
    (words, rows) = next(found.segments_shown())
    assert words["title"].startswith("Of big 75% come to stay: +50")
    charts.dot_whisker(rows, label_col="segment")
    same = made(about={"segment_col": "plan"})
    assert set(same.segments["reading"]) == {"no clear change"}
    assert (
        next(same.segments_shown())[0]["title"]
        == "No segment clearly differs from the others in how many come to stay."
    )


def test_a_small_segment_is_not_tested() -> None:
    log = events()
    log["plan"] = np.where(log["customer_id"].isin([f"saw{i:03d}" for i in range(10)]), "tiny", "large")
    table = made(log, about={"segment_col": "plan"}).segments.set_index("segment")
    assert set(table["reading"]) == {"not tested"}, "the others of `large` are the ten of `tiny`"


def test_too_few_customers_or_stages_make_no_funnel() -> None:
    assert made(within="99d", about={"min_base": 101}).table.empty
    assert list(made(within="99d", about={"min_base": 101}).steps_shown()) == []
    alone = stage_funnel(customer_journeys(events(), None), within="30d")
    assert alone.table.empty
    assert alone.sentences() == []


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"steps": "ad, ordr"}, "there is no touchpoint `ordr`; did you mean `order`"),
        ({"steps": "ad"}, "a funnel needs two touchpoints or more, got `ad`"),
        ({"within": "soon"}, "soon"),
    ],
)
def test_what_is_no_funnel_is_refused(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(**more)


def test_the_order_of_the_rows_changes_nothing() -> None:
    first, second = made(events()), made(events().sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(first.table, second.table, check_exact=True)
