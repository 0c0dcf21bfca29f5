"""What happens around a touchpoint, what comes first and again, how long it takes: small logs by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxlab.inference import wilson
from cxlab.journeys import Journeys, reconstruct

START = pd.Timestamp("2026-01-01", tz="UTC")


def log(*paths: str, step: str = "1D", **columns: list[str]) -> pd.DataFrame:
    """One path a customer, a step of time between neighbours; "." is a silence of ten days."""
    rows = []
    for number, path in enumerate(paths):
        at = START
        for touchpoint in path.split():
            if touchpoint == ".":
                at += pd.Timedelta(days=10)
                continue
            rows.append((f"c{number}", at, touchpoint))
            at += pd.Timedelta(step)
    frame = pd.DataFrame(rows, columns=["customer_id", "timestamp", "touchpoint"])
    for name, values in columns.items():
        frame[name] = frame["customer_id"].map({f"c{number}": value for number, value in enumerate(values)})
    return frame


def shares(table: pd.DataFrame, *keys: str, value: str = "n") -> dict[object, object]:
    return table.set_index(list(keys))[value].to_dict()


def test_artificial_ends_close_what_has_an_end_and_leave_open_what_may_go_on() -> None:
    found = reconstruct(log("A B exit", "A B", "B exit"))
    table = shares(found.transitions(ends=True, closing=["exit"]), "from_touchpoint", "to_touchpoint")
    assert table == {
        ("(start)", "A"): 2, ("(start)", "B"): 1, ("A", "B"): 2, ("B", "exit"): 2, ("B", "(still open)"): 1, ("exit", "(end)"): 2,
    }  # fmt: skip
    # nothing says what an end is: every journey ends where the log does
    unknown = shares(found.transitions(ends=True), "from_touchpoint", "to_touchpoint")
    assert unknown[("B", "(end)")] == 1
    # a silence longer than the gap ends a journey, the end of the log does not
    cut = reconstruct(log("A . A", "A")).split("3d")
    table = shares(cut.transitions(ends=True), "from_touchpoint", "to_touchpoint")
    assert table == {("(start)", "A"): 3, ("A", "(end)"): 2, ("A", "(still open)"): 1}


def test_the_shares_of_exits_add_up_to_one_with_artificial_ends() -> None:
    table = reconstruct(log("A B exit", "A B", "B exit", "A")).transitions(ends=True, closing=["exit"])
    assert table.groupby("from_touchpoint")["share"].sum().to_numpy() == pytest.approx(1)


def test_sessions_stay_inside_their_journey() -> None:
    found = reconstruct(log("A B . C D", "A"))
    journeys = found.split("5d")
    assert (found.grain, journeys.grain) == ("customer", "journey")
    sessions = journeys.sessions("20h")  # a day lies between all events
    assert sessions.grain == "session"
    assert (found.n_journeys, journeys.n_journeys, sessions.n_journeys) == (2, 3, 5)
    # a session rule that would not cut at the silence still ends with the journey
    assert journeys.sessions("30d").n_journeys == 3


def test_boundary_events_begin_and_end_a_journey() -> None:
    found = reconstruct(log("A B A C exit A"))
    assert found.split(None, begins=["A"]).variants()["variant"].tolist() == [("A",), ("A", "B"), ("A", "C", "exit")]
    assert found.split(None, ends=["exit"]).variants()["variant"].tolist() == [("A",), ("A", "B", "A", "C", "exit")]
    with pytest.raises(ValueError, match="nothing says where a journey ends"):
        found.split(None)
    with pytest.raises(ValueError, match="`begins`: there is no touchpoint `exits`; did you mean `exit`"):
        found.split("1d", begins=["exits"])


def test_the_step_matrix_looks_before_and_after_the_first_time_at_the_anchor() -> None:
    table = reconstruct(log("A help B", "help A help", "A B")).step_matrix("help", before=1, after=2)
    assert shares(table, "step", "touchpoint") == {
        (-1, "(start)"): 1, (-1, "A"): 1, (0, "help"): 2, (1, "A"): 1, (1, "B"): 1, (2, "(end)"): 1, (2, "help"): 1,
    }  # fmt: skip
    assert table.groupby("step")["share"].sum().to_numpy() == pytest.approx(1)  # of the two journeys with help


def test_without_an_anchor_the_step_matrix_begins_with_the_journey() -> None:
    table = reconstruct(log("A B", "A", "B A")).step_matrix(after=1)
    assert shares(table, "step", "touchpoint") == {(0, "A"): 2, (0, "B"): 1, (1, "A"): 1, (1, "B"): 1, (1, "(end)"): 1}


def test_the_step_matrix_by_segment_has_shares_within_the_segment() -> None:
    table = reconstruct(log("A B", "A", "B A", plan=["x", "x", "y"]), segment="plan").step_matrix(
        "A", before=1, after=1, by="plan"
    )
    assert table.groupby(["plan", "step"])["share"].sum().to_numpy() == pytest.approx(1)
    assert shares(table, "plan", "step", "touchpoint", value="share")[("y", -1, "B")] == 1


def test_the_flow_goes_from_step_to_step_and_what_comes_in_goes_out() -> None:
    table = reconstruct(log("A help B", "help A help", "A B")).flow("help", before=1, after=2)
    assert shares(table, "step", "from_touchpoint", "to_touchpoint") == {
        (-1, "(start)", "help"): 1, (-1, "A", "help"): 1, (0, "help", "A"): 1, (0, "help", "B"): 1, (1, "A", "help"): 1,
        (1, "B", "(end)"): 1,
    }  # fmt: skip


paths = st.lists(st.lists(st.sampled_from("ABC"), min_size=1, max_size=6), min_size=1, max_size=8)


@settings(max_examples=25, deadline=None)
@given(paths)
def test_every_flow_reconciles_with_the_journeys_that_have_the_anchor(drawn: list[list[str]]) -> None:
    found = reconstruct(log(*[" ".join(path) for path in drawn]))
    if "A" not in found.touchpoints:
        return
    table = found.flow("A", before=2, after=3)
    with_anchor = sum("A" in path for path in drawn)
    into = table[table["step"] == -1]["n"].sum()
    out_of = table[table["step"] == 0]["n"].sum()
    assert into == out_of == with_anchor
    matrix = found.step_matrix("A", before=2, after=3)
    assert (matrix.groupby("step")["n"].sum() == with_anchor).all()


def test_precedence_compares_first_times() -> None:
    table = reconstruct(log("A B A", "B A", "A B", "A")).precedence().set_index(["touchpoint", "other"])
    assert table.loc[("A", "B"), ["n", "n_before"]].tolist() == [3, 2]
    assert table.loc[("B", "A"), "share"] == pytest.approx(1 / 3)
    low, high = wilson(2 / 3, 3)
    assert table.loc[("A", "B"), ["conf_low", "conf_high"]].tolist() == pytest.approx([low, high])


def test_a_repeat_comes_at_once_and_a_return_after_something_else() -> None:
    table = reconstruct(log("help help app help", "help app", "app")).loops().set_index("touchpoint")
    assert table.loc["help", ["customers", "journeys", "repeats", "returns"]].tolist() == [2, 2, 1, 1]
    assert table.loc["help", "share_again"] == 0.5
    assert table.loc["help", "median_return"] == pd.Timedelta(
        "2D"
    )  # from the second help, on day 1, to the third, on day 3
    assert table.loc["app", ["repeats", "returns"]].tolist() == [0, 0]
    assert pd.isna(table.loc["app", "median_return"])


def test_waits_before_and_after_a_touchpoint() -> None:
    table = reconstruct(log("A B . C")).times().set_index("touchpoint")
    assert table.loc["B", "median_wait_before"] == pd.Timedelta("1D")
    assert table.loc["B", "median_wait_after"] == pd.Timedelta("11D")
    assert pd.isna(table.loc["A", "median_wait_before"])
    assert table["median_processing"].isna().all()  # the log does not say when events were over


def test_idle_is_the_time_in_which_nothing_goes_on() -> None:
    rows = log("A B C").assign(event_id=range(3))
    # A takes 36 hours and reaches into B, which is over at once; C begins 24 hours after B, 12 after the end of A
    rows["end_timestamp"] = [START + pd.Timedelta("36h"), START + pd.Timedelta("1D"), pd.NaT]
    table = reconstruct(rows).times().set_index("touchpoint")
    assert table.loc["A", "median_processing"] == pd.Timedelta("36h")
    assert table.loc["A", "median_idle"] == pd.Timedelta(0)
    assert table.loc["B", "median_idle"] == pd.Timedelta("12h")
    assert table.loc["B", "median_wait_after"] == pd.Timedelta("1D")
    assert pd.isna(table.loc["C", "median_idle"])


def test_the_classes_of_waits_hold_every_wait_that_is_longer_than_nothing() -> None:
    rng = np.random.default_rng(2)
    rows = pd.DataFrame(
        {"customer_id": "a", "timestamp": START + pd.to_timedelta(np.cumsum(rng.exponential(9e4, 400)), unit="s")}
    )
    found = reconstruct(rows.assign(touchpoint="app"))
    table = found.waits()
    waits = rows["timestamp"].diff().dropna().dt.total_seconds()
    assert table["n"].sum() == len(waits)
    for row in table.to_dict("records"):
        assert row["n"] == waits.between(row["low"], row["high"], inclusive="left").sum()
    gaps = found.n_journeys_at(["1h", "1d"])
    assert gaps["journeys"].tolist() == [1 + (waits > 3_600).sum(), 1 + (waits > 86_400).sum()]


def test_coverage_adds_up_the_more_frequent_paths() -> None:
    table = reconstruct(log("A B", "A B", "A", "B")).variants()
    assert table["variant"].tolist() == [("A", "B"), ("A",), ("B",)]
    assert table["coverage"].tolist() == [0.5, 0.75, 1]


def test_a_funnel_has_intervals_and_segments() -> None:
    table = reconstruct(log("A B", "A", "A B", "A B", plan=["x", "x", "x", "y"]), segment="plan").funnel(
        ["A", "B"], by="plan"
    )
    assert shares(table, "plan", "step") == {("x", "A"): 3, ("x", "B"): 2, ("y", "A"): 1, ("y", "B"): 1}
    row = table[(table["plan"] == "x") & (table["step"] == "B")].iloc[0]
    assert (row["conf_low"], row["conf_high"]) == pytest.approx(wilson(2 / 3, 3))


def test_deviations_say_who_broke_which_rule_and_when() -> None:
    found = reconstruct(log("complaint app resolution", "complaint app", "app complaint resolution"))
    broken = found.conform(["complaint is followed by resolution", "app happens before complaint"]).deviations
    assert broken[["rule", "customer_id"]].to_numpy().tolist() == [
        ["complaint is followed by resolution", "c1"], ["app happens before complaint", "c0"], ["app happens before complaint", "c1"],
    ]  # fmt: skip
    assert broken["timestamp"].tolist() == [START, START, START]
    counted = found.conform(["app never happens"])
    assert counted["broken"].tolist() == [len(counted.deviations)] == [3]


def test_leaving_out_a_touchpoint_joins_its_neighbours() -> None:
    found: Journeys = reconstruct(log("A app B", "A B"))
    table = found.only(["A", "B"]).transitions()
    assert table[["from_touchpoint", "to_touchpoint", "n"]].to_numpy().tolist() == [["A", "B", 2]]
    assert table["median_wait"].tolist() == [pd.Timedelta("36h")]
    assert found.only(["A", "B"]).n_customers == 2


def test_a_sample_of_customers_holds_whole_customers_and_the_same_ones_each_time() -> None:
    found = reconstruct(log(*["A B C"] * 50))
    drawn = found.sample(10, random_state=4)
    assert drawn["customer_id"].nunique() == 10
    assert len(drawn) == 30
    pd.testing.assert_frame_equal(drawn, found.sample(10, random_state=4))
    assert found.sample(50)["customer_id"].nunique() == 50


def test_a_goal_is_reached_once_and_what_lies_before_it_may_have_led_there() -> None:
    table = reconstruct(log("A goal A goal", "A B", "goal A")).goal("goal").set_index("customer_id")
    assert table["came"].tolist() == [True, False, True]
    assert table.loc["c0", "landmark"] == START + pd.Timedelta("1us")
    assert table.loc["c1", "landmark"] == START + pd.Timedelta("1D") + pd.Timedelta("1us")
    assert table.loc["c2", "landmark"] == START  # nothing lies before it


def test_the_map_says_who_was_there_and_where_most_go_next() -> None:
    table = reconstruct(log("A B", "A B", "A C", "B")).map().set_index("touchpoint")
    assert table.loc["A", ["customers", "n", "next_touchpoint"]].tolist() == [3, 3, "B"]
    assert table.loc["A", "next_share"] == pytest.approx(2 / 3)
    assert pd.isna(table.loc["C", "next_touchpoint"])
    by = reconstruct(log("A B", "A C", plan=["x", "y"]), segment="plan").map("plan").set_index(["plan", "touchpoint"])
    assert by.loc[("y", "A"), "next_touchpoint"] == "C"
    assert by.loc[("x", "A"), "share"] == 1


def test_importance_and_moments_take_a_touchpoint_as_success() -> None:
    often = {
        "help goal": 60, "web help goal": 30, "help": 20, "web help": 10, "app goal": 20, "web app goal": 10, "app": 60, "web app": 30,
        "web . help goal": 10, "web . app": 10, "web . . app goal": 5, "web . . help": 5, "help app goal": 20, "help app": 20,
    }  # fmt: skip
    found = reconstruct(log(*[path for path, n in often.items() for _ in range(n)]))
    lift = found.importance("goal", methods=["lift"], n_boot=0).to_frame().set_index("touchpoint")
    assert set(lift.index) == {"app", "help", "web"}  # what comes at the landmark or after it did not lead there
    # with the app: 20 of 40 who also met help came to the goal, and 35 of 135 of the others; nobody met neither
    assert lift.loc["help", "estimate"] == pytest.approx(100 * (20 / 40 - 35 / 135), abs=3)
    moments = found.moments("goal").to_frame()
    assert moments["n"].iloc[0] == sum(often.values())
