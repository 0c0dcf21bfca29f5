"""Journeys rebuilt from logs: by hand, and against published figures of real logs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cxlab.inference import linearised_mean
from cxlab.journeys import Journeys, reconstruct
from cxlab.journeys.reconstruct import duration

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "journeys"


def log(*rows: tuple[object, str | None, str | None], **columns: list[object]) -> pd.DataFrame:
    """Events as (customer, time, touchpoint), numbered as they stand."""
    frame = pd.DataFrame(rows, columns=["customer_id", "timestamp", "touchpoint"])
    frame["timestamp"] = pd.to_datetime(frame["timestamp"], format="ISO8601")
    return frame.assign(event_id=range(len(frame)), **columns)


THREE = log(
    ("a", "2026-01-01", "offer"),
    ("a", "2026-01-02", "order"),
    ("a", "2026-01-05", "help"),
    ("b", "2026-01-01", "offer"),
    ("b", "2026-01-05", "order"),
    ("c", "2026-01-03", "offer"),
    ("c", "2026-01-04", "help"),
)


def real(name: str) -> Journeys:
    path = DATA / f"{name}.parquet"
    if not path.exists():
        pytest.skip(f"the shared real data lacks journeys/{name}.parquet")
    return reconstruct(path)  # type: ignore[arg-type]


def edge(journeys: Journeys, first: str, second: str) -> pd.Series:
    table = journeys.transitions()
    found = table[table["from_touchpoint"].str.startswith(first) & table["to_touchpoint"].str.startswith(second)]
    assert len(found) == 1
    return found.iloc[0]


# pm4py 2.7.23, cross-checked in SQL; patients also equal the counts that bupaR published
REAL = {
    "running_example": {
        "events": (42, 6, 8), "edges": (16, 36), "variants": (6, 1), "median": 815_940, "split": 6, "ties": 0,
        "edge": ("check ticket", "decide", 6, 129_300), "start": ("register request", 6, 1), "end": ("pay compensation", 3, 2),
    },
    "patients": {
        "events": (2_721, 500, 7), "edges": (7, 2_221), "variants": (7, 258), "median": 515_393, "split": 500, "ties": 0,
        "edge": ("Registration", "Triage and Assessment", 500, 52_151), "start": ("Registration", 500, 1),
        "end": ("Check-out", 492, 5),
    },
    "receipt": {
        "events": (8_577, 1_434, 27), "edges": (99, 7_143), "variants": (116, 713), "median": 2_868.5835, "split": 1_470,
        "ties": 0, "edge": ("T04", "T05", 1_177, 31.055), "start": ("Confirmation of receipt", 1_434, 1),
        "end": ("T10", 828, 14),
    },
    "helpdesk": {
        "events": (21_348, 4_580, 14), "edges": (55, 16_768), "variants": (226, 2_366), "median": 3_443_836.5,
        "split": 7_228, "ties": 130, "edge": ("Resolve ticket", "Closed", 4_558, 2_592_116),
        "start": ("Assign seriousness", 4_384, 6), "end": ("Closed", 4_557, 6),
    },
    "rete_ecom": {
        "events": (31_106, 600, 19), "edges": (338, 30_506), "variants": (600, 1), "median": 7_084_709, "split": 1_084,
        "ties": 163, "edge": ("catalog", "product_view", 1_751, 99), "start": ("home", 195, 11), "end": ("product_view", 124, 18),
    },
}  # fmt: skip


@pytest.mark.realdata
@pytest.mark.parametrize("name", REAL)
def test_five_real_logs_have_the_figures_of_pm4py(name: str) -> None:
    known, found = REAL[name], real(name)
    table, variants = found.transitions(), found.variants()
    assert (found.n_events, found.n_customers, len(found.touchpoints)) == known["events"]
    assert (len(table), table["n"].sum()) == known["edges"]
    assert (found.n_variants, variants["n"].iloc[0]) == known["variants"]
    assert found.durations()["duration"].median().total_seconds() == pytest.approx(known["median"], abs=1e-3)
    assert found.split("30d").n_journeys == known["split"]
    assert found.counts["ties"] == known["ties"]
    first, second, n, wait = known["edge"]
    row = edge(found, first, second)
    assert row["n"] == n
    assert row["median_wait"].total_seconds() == pytest.approx(wait, abs=1e-3)
    for tally, (touchpoint, count, kinds) in ((found.starts(), known["start"]), (found.ends(), known["end"])):
        assert tally.loc[0, "touchpoint"].startswith(touchpoint)
        assert (tally.loc[0, "n"], len(tally), tally["n"].sum()) == (count, kinds, found.n_journeys)


@pytest.mark.realdata
def test_shuffled_rows_of_a_real_log_with_ties_give_the_same_journeys() -> None:
    rows = pd.read_parquet(DATA / "helpdesk.parquet") if (DATA / "helpdesk.parquet").exists() else None
    if rows is None:
        pytest.skip("the shared real data lacks journeys/helpdesk.parquet")
    shuffled = reconstruct(rows.sample(frac=1, random_state=3))
    pd.testing.assert_frame_equal(shuffled.to_frame(), reconstruct(rows).to_frame())
    assert shuffled.counts["unsorted"] > 0 == reconstruct(rows).counts["unsorted"]


@pytest.mark.realdata
def test_a_customer_called_na_is_a_customer() -> None:
    found = real("sepsis")
    assert "NA" in set(found.customers)
    assert found.counts["null_customer"] == 0


def test_transitions_of_three_customers_by_hand() -> None:
    # offer is left three times: twice for order (1 and 4 days), once for help (1 day); order once, for help (3 days)
    table = reconstruct(THREE).transitions().set_index(["from_touchpoint", "to_touchpoint"])
    assert table["n"].to_dict() == {("offer", "order"): 2, ("offer", "help"): 1, ("order", "help"): 1}
    assert table["share"].tolist() == pytest.approx([2 / 3, 1 / 3, 1])
    assert table.loc[("offer", "order"), "median_wait"] == pd.Timedelta("2.5D")
    # the 90th percentile of 1 and 4 days: 1 + 0.9·3
    assert table.loc[("offer", "order"), "slow_wait"] == pd.Timedelta("3.7D")


def test_an_edge_counts_a_customer_once_and_a_repetition_again() -> None:
    rows = log(*[("a", f"2026-01-0{day}", name) for day, name in enumerate(["help", "app", "help", "app"], start=1)])
    table = reconstruct(rows).transitions().set_index(["from_touchpoint", "to_touchpoint"])
    assert table.loc[("help", "app"), ["n", "customers"]].tolist() == [2, 1]


def test_transitions_are_the_exits_so_they_add_up_to_events_less_journeys() -> None:
    journeys = reconstruct(THREE).split("2d")
    assert journeys.transitions()["n"].sum() == journeys.n_events - journeys.n_journeys


def test_events_at_the_same_moment_follow_the_number_of_the_event_and_not_the_row() -> None:
    rows = log(("a", "2026-01-01", "second"), ("a", "2026-01-01", "first")).assign(event_id=[10, 9])
    assert reconstruct(rows).variants()["variant"].tolist() == [("first", "second")]
    # numbers written as text are numbers: "9" comes before "10"
    assert reconstruct(rows.assign(event_id=["10", "9"])).variants()["variant"].tolist() == [("first", "second")]
    assert reconstruct(rows).counts["ties"] == 1


def test_without_a_number_the_place_of_the_row_decides() -> None:
    rows = log(("a", "2026-01-01", "second"), ("a", "2026-01-01", "first")).drop(columns="event_id")
    assert reconstruct(rows).variants()["variant"].tolist() == [("second", "first")]


def test_unsorted_rows_are_sorted_and_counted() -> None:
    found = reconstruct(THREE.iloc[::-1])
    assert found.variants()["n"].sum() == 3
    pd.testing.assert_frame_equal(found.to_frame(), reconstruct(THREE).to_frame())
    assert found.counts["unsorted"] == 4


def test_rows_kept_and_left_out_add_up_to_all_and_a_row_with_two_gaps_counts_once() -> None:
    rows = log(
        ("a", "2026-01-01", "offer"), (None, None, None), ("b", None, None), ("c", "2026-01-01", None), ("a", None, "x")
    )
    counts = reconstruct(rows).counts
    assert [counts[name] for name in ("rows", "kept", "null_customer", "null_timestamp", "null_touchpoint")] == [
        5, 1, 1, 2, 1,
    ]  # fmt: skip
    assert counts["rows"] == counts["kept"] + sum(n for name, n in counts.items() if name.startswith("null_"))
    assert dict(zip(*reconstruct(rows).quality().to_numpy().T, strict=True)) == counts


def test_an_event_that_was_exported_twice_stays_and_is_seen_among_the_ties() -> None:
    twice = reconstruct(pd.concat([THREE, THREE.iloc[[0]]]))
    assert twice.n_events == 8
    assert (twice.counts["ties"], reconstruct(THREE).counts["ties"]) == (1, 0)
    assert edge(twice, "offer", "offer")["median_wait"] == pd.Timedelta(0)


def test_ids_stay_text_and_naive_times_are_utc() -> None:
    found = reconstruct(log(("007", "2026-01-01 12:00", "offer"), ("NA", "2026-01-01 12:00", "offer")))
    assert list(found.customers) == ["007", "NA"]
    aware = log(("a", "2026-01-01 12:00", "offer"))
    aware["timestamp"] = aware["timestamp"].dt.tz_localize("Europe/Paris")
    assert str(found.to_frame()["timestamp"].iloc[0]) == "2026-01-01 12:00:00+00:00"
    assert str(reconstruct(aware).to_frame()["timestamp"].iloc[0]) == "2026-01-01 11:00:00+00:00"


def test_a_log_without_events_has_no_journeys() -> None:
    empty = reconstruct(log())
    assert (empty.n_events, empty.n_customers, empty.n_journeys) == (0, 0, 0)
    assert empty.transitions().empty
    assert empty.ends().empty


def test_a_missing_column_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match="the log has no column `touchpoint`; did you mean `touch_point`"):
        reconstruct(THREE.rename(columns={"touchpoint": "touch_point"}))
    with pytest.raises(ValueError, match="the log has no column `segment`"):
        reconstruct(THREE, segment="segment")


def test_a_segment_belongs_to_the_customer_and_two_are_a_conflict() -> None:
    rows = THREE.assign(plan=["basic", None, None, None, "plus", "plus", "basic"])
    found = reconstruct(rows, segment="plan")
    assert found.segments["plan"].tolist() == [
        "basic",
        "plus",
        "basic",
    ]  # the first in the alphabet, whatever the order of rows
    assert found.counts["segment_conflicts"] == 1
    assert found.variants(by="plan").groupby("plan")["share"].sum().tolist() == [1, 1]
    assert found.variants(by="plan")["n"].sum() == found.n_customers
    with pytest.raises(ValueError, match="there is no segment `plans`; did you mean `plan`"):
        found.transitions(by="plans")


def test_transitions_by_segment_have_shares_within_the_segment() -> None:
    table = reconstruct(THREE.assign(plan=["x"] * 5 + ["y"] * 2), segment="plan").transitions(by="plan")
    shares = table.set_index(["plan", "from_touchpoint", "to_touchpoint"])["share"].to_dict()
    assert shares == {("x", "offer", "order"): 1, ("x", "order", "help"): 1, ("y", "offer", "help"): 1}


def test_a_silence_longer_than_the_gap_begins_a_new_journey_and_one_as_long_does_not() -> None:
    journeys = reconstruct(THREE).split("3d")
    # b is silent for 4 days, a for exactly 3
    assert journeys.n_journeys == 4
    assert journeys.durations()["customer_id"].tolist() == ["a", "b", "b", "c"]
    assert journeys.durations()["journey"].tolist() == [0, 0, 1, 0]
    assert reconstruct(THREE).split("72h").n_journeys == reconstruct(THREE).split(pd.Timedelta("3D")).n_journeys == 4


@pytest.mark.parametrize("wrong", ["30", 30, "30 moons", "", "d"])
def test_a_gap_without_a_unit_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"a number with a unit \(30d, 12h, 30min, 45s\)"):
        duration(wrong)


def test_durations_by_hand() -> None:
    table = reconstruct(THREE).durations()
    assert table["duration"].dt.days.tolist() == [4, 4, 1]
    assert table["n_events"].tolist() == [3, 2, 2]
    assert table["last_touchpoint"].tolist() == ["help", "order", "help"]


def test_a_journey_that_may_go_on_is_censored_and_without_a_rule_it_is_not_known() -> None:
    found = reconstruct(THREE)
    assert found.durations()["censored"].isna().all()
    assert found.durations(ends=["order"])["censored"].tolist() == [True, False, True]
    with pytest.raises(ValueError, match="`ends`: there is no touchpoint `orders`; did you mean `order`"):
        found.durations(ends=["orders"])


def test_after_a_split_only_a_silence_that_outlasted_the_gap_closes_a_journey() -> None:
    journeys = reconstruct(THREE).split("3d")
    # the log ends on the 5th: b's first journey ended on the 1st (1 + 3 < 5), c's on the 4th, the others on the 5th
    assert journeys.durations()["censored"].tolist() == [True, False, True, True]
    assert journeys.durations(observed_until="2026-01-08")["censored"].tolist() == [True, False, True, False]
    assert journeys.durations(observed_until="2026-01-08T00:00:01")["censored"].tolist() == [False] * 4


def test_reach_counts_customers_and_not_visits() -> None:
    table = reconstruct(pd.concat([THREE, THREE.iloc[[2]]])).reach().set_index("touchpoint")
    assert table["customers"].to_dict() == {"offer": 3, "help": 2, "order": 2}
    assert table.loc["help", "share"] == pytest.approx(2 / 3)


def test_a_funnel_counts_later_steps_and_its_window_runs_from_the_first() -> None:
    found = reconstruct(THREE)
    assert found.funnel(["offer", "order", "help"])["n"].tolist() == [3, 2, 1]
    assert found.funnel(["offer", "help"])["share"].tolist() == pytest.approx([1, 2 / 3])
    assert found.funnel(["offer", "order", "help"], within="3d")["n"].tolist() == [3, 1, 0]
    assert found.funnel(["help", "offer"])["n"].tolist() == [2, 0]
    with pytest.raises(ValueError, match="there is no touchpoint `offers`"):
        found.funnel(["offers"])


def test_a_step_that_repeats_has_to_come_twice() -> None:
    assert reconstruct(THREE).funnel(["offer", "offer"])["n"].tolist() == [3, 0]


def test_stages_merge_neighbours_and_leave_out_what_has_none() -> None:
    staged = reconstruct(THREE).stages({"offer": "buy", "order": "buy", "help": "use"})
    assert staged.variants().set_index("variant")["n"].to_dict() == {("buy", "use"): 2, ("buy",): 1}
    assert reconstruct(THREE).stages({"help": "use"}).n_events == 2


def crowd(seed: int, m: int, likes_help: float) -> pd.DataFrame:
    """Customers who leave `app` for help or for the shop, one to six times each."""
    rng = np.random.default_rng(seed)
    rows, start = [], pd.Timestamp("2026-01-01")
    for customer in range(m):
        for visit in range(rng.integers(1, 7)):
            at = start + pd.Timedelta(days=2 * visit)
            rows += [(f"{seed}-{customer}", at, "app")]
            rows += [
                (f"{seed}-{customer}", at + pd.Timedelta(hours=1), "help" if rng.random() < likes_help else "shop")
            ]
    return pd.DataFrame(rows, columns=["customer_id", "timestamp", "touchpoint"])


def test_segments_are_compared_over_customers_as_a_ratio_of_sums() -> None:
    parts = {"a": crowd(1, 60, 0.3), "b": crowd(2, 50, 0.7)}
    rows = pd.concat(part.assign(segment=name) for name, part in parts.items())
    table = reconstruct(rows, segment="segment").compare("segment")
    found = table[(table["from_touchpoint"] == "app") & (table["to_touchpoint"] == "help")].iloc[0]
    means = {}
    for (
        name,
        part,
    ) in parts.items():  # the same share and error by another route: a mean over visits, customers as clusters
        after = part[part["touchpoint"] != "app"]
        means[name] = linearised_mean((after["touchpoint"] == "help").astype(float), clusters=after["customer_id"])
    assert found["estimate"] == pytest.approx(means["b"].mean - means["a"].mean)
    assert found["std_error"] == pytest.approx(np.hypot(means["a"].std_error, means["b"].std_error))
    assert found["n"] == means["a"].n + means["b"].n
    assert found["conf_low"] < found["estimate"] < found["conf_high"]
    assert (table["q_value"] >= table["p_value"]).all()


def test_segments_by_luck_are_called_different_in_one_log_of_twenty_at_most() -> None:
    """Each customer has a habit, so that events of one are alike; testing events would call most logs different."""
    rng = np.random.default_rng(8)
    habits = rng.beta(0.6, 0.6, 240)
    rows = pd.concat([crowd(int(i), 1, float(habit)) for i, habit in enumerate(habits)], ignore_index=True)
    ids, runs = rows["customer_id"].unique(), 60
    for run in range(runs):
        rows[f"s{run}"] = rows["customer_id"].map(
            dict(zip(ids, rng.permuted(np.resize(["a", "b", "c"], len(ids))), strict=True))
        )
    log = reconstruct(rows, segment=[f"s{run}" for run in range(runs)])
    found = [log.compare(f"s{run}") for run in range(runs)]
    called = sum((table["q_value"] < 0.05).any() for table in found)
    assert called <= stats.binom.ppf(0.99, runs, 0.05)
    p = pd.concat(found)["p_value"]
    assert 0.02 < (p < 0.05).mean() < 0.08
    assert 0.42 < (p < 0.5).mean() < 0.58


def test_only_named_segments_are_compared_and_an_unknown_one_is_refused() -> None:
    rows = pd.concat(crowd(i, 60, 0.3 * i).assign(segment=name) for i, name in enumerate("abc", 1))
    log = reconstruct(rows, segment="segment")
    found = log.compare("segment", segments=["a", "c"])
    assert set(found["segment_a"] + found["segment_b"]) == {"ac"}
    pd.testing.assert_frame_equal(
        found.drop(columns="q_value"),
        log.compare("segment")
        .query("segment_a == 'a' and segment_b == 'c'")
        .drop(columns="q_value")
        .reset_index(drop=True),
    )
    with pytest.raises(ValueError, match="there is no segment `d` in `segment`"):
        log.compare("segment", segments=["a", "d"])


def test_an_edge_that_few_customers_take_is_not_compared() -> None:
    rows = pd.concat([crowd(1, 60, 0.3).assign(segment="a"), crowd(2, 29, 0.7).assign(segment="b")])
    assert reconstruct(rows, segment="segment").compare("segment").empty
