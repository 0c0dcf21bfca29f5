"""Moments of truth, and touchpoints against the journey as a whole: by hand, against another route, and on planted logs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from cxlab.journeys import moments
from cxlab.journeys.moments import DiscreteOrJourney, discrete_or_journey, moments_of_truth
from cxlab.problems import NotApplicableError

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "journeys"
END = pd.Timestamp("2026-06-30", tz="UTC")


def log(*rows: tuple[object, str, str], **columns: Any) -> pd.DataFrame:
    """Events as (customer, day of January 2026, touchpoint)."""
    frame = pd.DataFrame(rows, columns=["customer_id", "timestamp", "touchpoint"])
    frame["timestamp"] = pd.to_datetime("2026-01-" + frame["timestamp"], utc=True)
    return frame.assign(**columns)


def moment(day: str, *ids: str) -> pd.Series:
    return pd.Series(pd.Timestamp(f"2026-01-{day}", tz="UTC"), index=list(ids))


def row_of(found: Any, touchpoint: str, kind: str) -> dict[str, Any]:
    table = found.to_frame()
    rows = table[(table["touchpoint"] == touchpoint) & (table["kind"] == kind)].to_dict("records")
    assert len(rows) == 1
    return rows[0]


def accounted(found: Any) -> dict[tuple[str, str], int]:
    return {(row["of"], row["reason"]): row["n"] for row in found.left_out.to_dict("records")}


def shuffled(frame: Any, seed: int = 3) -> Any:
    return frame.iloc[np.random.default_rng(seed).permutation(len(frame))]


def busy_log(
    n: int,
    rng: np.random.Generator,
    *,
    failing: float = 0.35,
    touchpoints: tuple[str, ...] = ("delivery", "help", "shop", "app"),
) -> pd.DataFrame:
    """Everybody is welcomed 20 to 300 days before the end, and meets each touchpoint at random, the busy more of each."""
    days = rng.uniform(20, 300, n)
    busy = rng.normal(0, 0.7, n)
    parts = [pd.DataFrame({"who": np.arange(n), "touchpoint": "welcome", "day": days, "failed": False})]
    for name in touchpoints:
        met = rng.random(n) < 1 / (1 + np.exp(-busy))
        who = np.repeat(np.arange(n), np.where(met, 1 + rng.poisson(0.4, n), 0))
        failed = rng.random(len(who)) < failing
        day = rng.uniform(0.01, 0.99, len(who)) * days[who]
        parts.append(pd.DataFrame({"who": who, "touchpoint": name, "day": day, "failed": failed}))
    events = pd.concat(parts, ignore_index=True)
    events["customer_id"] = "c" + events["who"].astype(str).str.zfill(4)
    events["timestamp"] = END - pd.to_timedelta(events["day"], unit="D").dt.round("us")
    return events[["customer_id", "touchpoint", "timestamp", "failed"]]


def everybody(events: pd.DataFrame, values: np.ndarray, name: str = "loyalty") -> pd.Series:
    return pd.Series(values, index=sorted(events["customer_id"].unique()), name=name)


def ends(outcome: pd.Series) -> pd.Series:
    return pd.Series(END, index=outcome.index)


# Eight customers with two events each on the same days: number of events and days do not differ, so that the effect of
# meeting help is the difference of two means, 5 − 8 = −3.
EIGHT = log(
    *(
        (f"{who}", day, name)
        for who in range(8)
        for day, name in (("01", "welcome"), ("02", "help" if who < 4 else "shop"))
    )
)
RATED = pd.Series([4, 5, 5, 6, 7, 8, 8, 9], index=[f"{who}" for who in range(8)], dtype=float)


def test_the_effect_of_meeting_a_touchpoint_is_a_difference_of_means_where_nothing_else_differs() -> None:
    # shop is what those did who did not meet help: one column tells the other, so the log is taken without it
    events = EIGHT.assign(touchpoint=EIGHT["touchpoint"].replace("shop", "welcome"))
    found = row_of(moments_of_truth(events, RATED, landmark=moment("10", *RATED.index), min_customers=2), "help", "met")
    assert found["estimate"] == pytest.approx(-3)
    # residuals −1 0 0 1 in either group of four; HC3 divides each by 1 − 1/4: variance of a mean 2 · (4/3)² / 4², twice that
    assert found["std_error"] == pytest.approx(np.sqrt(2 * 2 * (4 / 3) ** 2 / 16))
    assert (found["n"], found["n_met"]) == (8, 4)


def test_touchpoints_that_go_together_are_not_judged_and_the_reason_says_so() -> None:
    found = moments_of_truth(EIGHT, RATED, landmark=moment("10", *RATED.index), min_customers=2)
    for name in ("help", "shop"):
        row = row_of(found, name, "met")
        assert np.isnan(row["estimate"])
        assert row["verdict"] == "not judged"
        assert "cannot be told apart" in row["reason"]
    assert row_of(found, "welcome", "met")["reason"] == "every customer met it"
    assert found.headline().startswith("No touchpoint can be judged")


def test_events_at_the_landmark_or_after_it_do_not_count() -> None:
    events = log(
        ("a", "01", "shop"), ("a", "05", "help"), ("a", "06", "help"), ("b", "01", "shop"), ("b", "04", "help")
    )
    outcome = pd.Series([3.0, 9.0], index=["a", "b"])
    found = moments_of_truth(events, outcome, landmark=moment("05", "a", "b"), min_customers=2)
    assert row_of(found, "help", "met")["n_met"] == 1  # that of b
    assert accounted(found)[("events", "at or after the landmark")] == 2
    assert accounted(found)[("events", "")] == 3


def test_who_and_what_is_left_out_is_counted_and_adds_up_to_what_was_given() -> None:
    events = log(
        ("a", "01", "shop"), ("a", "03", "help"), ("b", "02", "shop"), ("c", "05", "shop"), ("d", "01", "shop"), ("e", "01", "shop"),
    )  # fmt: skip
    outcome = pd.Series([1.0, 2.0, 3.0, np.nan, 5.0], index=["a", "b", "c", "d", "x"])
    landmark = moment("05", "a", "c", "d", "x")
    found = moments_of_truth(events, outcome, landmark=landmark)
    assert accounted(found) == {
        ("outcomes", ""): 1, ("outcomes", "customer is not in the log"): 1, ("outcomes", "no event before the landmark"): 1,
        ("outcomes", "no landmark"): 1, ("outcomes", "no outcome"): 1,
        ("customers", ""): 1, ("customers", "no outcome"): 1, ("customers", "outcome cannot be used"): 3,
        ("events", ""): 2, ("events", "customer has no outcome to use"): 4,
    }  # fmt: skip
    assert "1 outcome (no landmark), 1 outcome (no outcome), 1 customer (no outcome)" in " ".join(found.sentences())


def test_estimates_and_hc3_errors_are_those_of_statsmodels() -> None:
    rng = np.random.default_rng(5)
    events = busy_log(300, rng)
    outcome = everybody(events, rng.normal(7, 2, 300))
    segment = pd.Series(rng.choice(["b", "a", "c"], 300), index=outcome.index)
    found = moments_of_truth(events, outcome, landmark=ends(outcome), segment=segment, failures="failed")
    by = events.groupby("customer_id")
    x = pd.DataFrame(
        {"one": 1.0, "b": segment == "b", "c": segment == "c", "n": np.log1p(by.size())}, index=outcome.index
    )
    x["days"] = np.log1p((END - by["timestamp"].min()).dt.total_seconds() / 86_400)
    for name in ("app", "delivery", "help", "shop"):
        ever = events[events["touchpoint"] == name].groupby("customer_id")["failed"].max().reindex(x.index)
        x[f"{name} went well"], x[f"{name} failed"] = ever.eq(False), ever.eq(True)
    fit = sm.OLS(outcome, x.astype(float)).fit(cov_type="HC3", use_t=True)
    for name in ("app", "delivery", "help", "shop"):
        for kind in ("went well", "failed"):
            row, at = row_of(found, name, kind), f"{name} {kind}"
            assert row["estimate"] == pytest.approx(fit.params[at], abs=1e-9)
            assert row["std_error"] == pytest.approx(fit.bse[at], abs=1e-9)
            assert row["p_value"] == pytest.approx(fit.pvalues[at], abs=1e-9)
            assert (row["conf_low"], row["conf_high"]) == pytest.approx(tuple(fit.conf_int().loc[at]), abs=1e-9)
        # the asymmetry from the covariance of the two, by the other route of a linear hypothesis
        well, failed = fit.params[f"{name} went well"], fit.params[f"{name} failed"]
        spread = fit.cov_params().loc[[f"{name} failed", f"{name} went well"], [f"{name} failed", f"{name} went well"]]
        sizes = [np.array([1, sign]) @ spread.to_numpy() @ np.array([1, sign]) for sign in (1, -1)]
        row = row_of(found, name, "asymmetry")
        assert row["estimate"] == pytest.approx(abs(failed) - abs(well), abs=1e-9)
        assert row["std_error"] == pytest.approx(np.sqrt(max(sizes)), abs=1e-9)


def test_several_outcomes_of_a_customer_count_as_one_customer() -> None:
    """Every outcome written three times adds nothing: CR3 by the leave-one-customer-out estimates, and the same interval's base."""
    rng = np.random.default_rng(2)
    events = busy_log(120, rng)
    once = everybody(events, rng.normal(7, 2, 120))
    thrice = once.loc[once.index.repeat(3)]
    single = moments_of_truth(events, once, landmark=ends(once)).to_frame()
    found = moments_of_truth(events, thrice, landmark=ends(thrice)).to_frame()
    for column in ("estimate", "std_error", "conf_low", "p_value", "n", "n_met"):
        np.testing.assert_allclose(found[column].astype(float), single[column].astype(float), atol=1e-8)


def test_errors_by_customer_are_those_of_leaving_one_customer_out_at_a_time() -> None:
    # the jackknife: Σ (estimate without customer g − estimate)² is CR3
    rng = np.random.default_rng(6)
    customer = np.repeat(np.arange(30), rng.integers(1, 5, 30))
    x = np.column_stack([np.ones(len(customer)), rng.random(len(customer)), rng.random(len(customer)) < 0.5])
    y = rng.normal(size=30)[customer] + rng.normal(size=len(customer))
    fit = moments._Fit(x, y, customer)
    left = np.array([np.linalg.lstsq(x[customer != g], y[customer != g], rcond=None)[0] - fit.beta for g in range(30)])
    np.testing.assert_allclose(fit.covariance, left.T @ left, atol=1e-10)


def test_each_outcome_of_a_customer_has_the_events_before_its_own_moment() -> None:
    events = log(("a", "01", "shop"), ("a", "05", "help"), ("b", "01", "shop"))
    outcome = pd.Series([9.0, 3.0, 8.0], index=["a", "a", "b"])
    landmark = pd.Series(pd.to_datetime(["2026-01-04", "2026-01-08", "2026-01-08"], utc=True), index=outcome.index)
    read = moments._read(events, outcome, landmark, None)
    assert read.seen.groupby("unit").size().tolist() == [1, 2, 1]
    assert read.y.tolist() == [9, 3, 8]
    with pytest.raises(ValueError, match="customer `a` has several outcomes; give `landmark`"):
        moments_of_truth(events, outcome)


def test_one_failed_event_at_a_touchpoint_makes_it_failed() -> None:
    events = log(
        ("a", "01", "help"), ("a", "02", "help"), ("b", "01", "help"), ("b", "02", "help"), ("c", "01", "shop")
    )
    outcome = pd.Series([1.0, 2.0, 3.0], index=["a", "b", "c"])
    flags = pd.Series([True, False, False, False, None], dtype=object)
    found = moments_of_truth(events, outcome, landmark=moment("09", "a", "b", "c"), failures=flags)
    assert [row_of(found, "help", kind)["n_met"] for kind in ("went well", "failed", "asymmetry")] == [1, 1, 2]
    assert row_of(found, "shop", "met")["n_met"] == 1


def test_a_rating_belongs_to_the_last_event_before_it_and_has_to_be_older_than_the_landmark() -> None:
    events = log(
        ("a", "01", "help"), ("a", "04", "help"), ("b", "01", "help"), ("c", "03", "help"), ("d", "01", "help")
    )
    ratings = log(
        ("a", "02", "help"), ("a", "05", "help"), ("b", "07", "help"), ("c", "02", "help"), ("y", "02", "help")
    )
    ratings["rating"] = [5, 1, 1, 1, 1]
    outcome = pd.Series(range(4), index=list("abcd"), dtype=float)
    landmark = moment("06", *"abcd")
    found = moments_of_truth(events, outcome, landmark=landmark, failures=ratings, fails_at=2)
    counts = {reason: n for (of, reason), n in accounted(found).items() if of == "ratings"}
    assert counts == {
        "": 2, "at or after the landmark": 1, "no event of the customer at that touchpoint before it": 1,
        "customer has no outcome to use": 1,
    }  # fmt: skip
    assert row_of(found, "help", "failed")["n_met"] == 1  # a, by the second of the two
    early = moments_of_truth(events, outcome, landmark=moment("05", *"abcd"), failures=ratings, fails_at=2)
    assert (
        row_of(early, "help", "met")["n_met"] == 4
    )  # the failing rating is as late as the outcome: nothing failed so far
    same = ratings.assign(failed=ratings["rating"] <= 2).drop(columns="rating")
    again = moments_of_truth(events, outcome, landmark=landmark, failures=same)
    pd.testing.assert_frame_equal(again.to_frame(), found.to_frame())


def test_where_nearly_all_met_a_touchpoint_failing_is_held_against_going_well() -> None:
    rng = np.random.default_rng(4)
    events = busy_log(300, rng)
    first = events["touchpoint"] == "welcome"
    events.loc[first, "failed"] = rng.random(300) < 0.3
    bad = events[first].set_index("customer_id")["failed"].sort_index()
    outcome = everybody(events, 8 - 2 * bad.to_numpy() + rng.normal(0, 1, 300))
    found = moments_of_truth(events, outcome, landmark=ends(outcome), failures="failed")
    row = row_of(found, "welcome", "failed")
    assert row["against"] == "went well"
    assert row["conf_low"] < -2 < row["conf_high"] < -1
    assert row["verdict"] == "moment of truth: can hurt"
    assert row_of(found, "welcome", "went well")["reason"] == "every customer met it"
    assert np.isnan(row_of(found, "welcome", "asymmetry")["estimate"])
    assert "its failing instead of going well is associated with" in found.headline()


def test_a_rare_touchpoint_is_not_judged_and_says_how_rare_it_is() -> None:
    rng = np.random.default_rng(4)
    events = busy_log(100, rng)
    rare = events[events["touchpoint"] == "welcome"].head(7).assign(touchpoint="branch")
    outcome = everybody(events, rng.normal(size=100))
    found = moments_of_truth(pd.concat([events, rare]), outcome, landmark=ends(outcome))
    row = row_of(found, "branch", "met")
    assert (row["reason"], row["verdict"], row["n_met"]) == ("n<30: 7 met it", "not judged", 7)
    assert "branch (n<30: 7 met it)" in " ".join(found.sentences())
    assert found.to_frame()["q_value"].notna().sum() == 4  # what is not judged is outside the family


def planted(rng: np.random.Generator, n: int, failing: float, well: float) -> Any:
    events = busy_log(n, rng)
    ever = events[events["touchpoint"] == "delivery"].groupby("customer_id")["failed"].max()
    ever = ever.reindex(sorted(events["customer_id"].unique()))
    effect = ever.map({True: failing, False: well}).fillna(0.0).astype(float).to_numpy()
    outcome = everybody(events, 7 + effect + rng.normal(0, 1.5, n))
    return moments_of_truth(events, outcome, landmark=ends(outcome), failures="failed")


def test_planted_effects_are_recovered_and_their_verdicts_are_right() -> None:
    found = planted(np.random.default_rng(1), 1500, -2.0, 0.7)
    failed, well = row_of(found, "delivery", "failed"), row_of(found, "delivery", "went well")
    for row, truth in ((failed, -2.0), (well, 0.7)):
        assert abs(row["estimate"] - truth) < 3.5 * row["std_error"] < 0.5  # by luck in 1 of 2,000
    assert failed["verdict"] == "moment of truth: both"
    others = found.to_frame().query("touchpoint != 'delivery' and touchpoint != 'welcome'")
    assert set(others["verdict"]) == {"no clear effect"}
    assert found.headline().startswith(
        "1 of 4 touchpoints that can be judged is a moment of truth; most of all delivery: its failing"
    )
    assert "caus" not in found.headline()
    assert "At delivery failing weighs more than going well, by " in " ".join(found.sentences())


def test_failing_that_weighs_three_times_as_much_is_seen_as_such() -> None:
    """Planted −1.5 and +0.5, 400 customers: in at least nine of ten simulations the asymmetry has the right sign."""
    rng = np.random.default_rng(8)
    rows = [row_of(planted(rng, 400, -1.5, 0.5), "delivery", "asymmetry") for _ in range(25)]
    assert np.mean([row["estimate"] > 0 for row in rows]) >= 0.9
    assert np.mean([row["estimate"] for row in rows]) == pytest.approx(1.0, abs=3 * 0.36 / np.sqrt(25))
    assert sum(row["conf_low"] <= 1 <= row["conf_high"] for row in rows) >= 21  # P(fewer of 25 at 95%) = 0.007


def test_which_end_of_the_outcome_is_good_turns_the_verdict_and_nothing_else() -> None:
    rng = np.random.default_rng(3)
    events = busy_log(900, rng)
    ever = events[events["touchpoint"] == "help"].groupby("customer_id")["failed"].max()
    bad = ever.reindex(sorted(events["customer_id"].unique())).eq(True).to_numpy()
    churn = everybody(events, (rng.random(900) < 0.1 + 0.4 * bad).astype(int), "churn")
    lower = moments_of_truth(events, churn, landmark=ends(churn), failures="failed", better="lower")
    higher = moments_of_truth(events, churn, landmark=ends(churn), failures="failed")
    assert row_of(lower, "help", "failed")["verdict"] == "moment of truth: can hurt"
    assert row_of(higher, "help", "failed")["verdict"] == "moment of truth: can delight"
    pd.testing.assert_frame_equal(lower.to_frame().drop(columns="verdict"), higher.to_frame().drop(columns="verdict"))
    assert "percentage points in churn" in lower.headline()


def test_touchpoints_that_go_with_nothing_are_rarely_called() -> None:
    """Eight noise effects a call and 40 calls: no more calls with a moment of truth than 5% would give by luck."""
    rng = np.random.default_rng(7)
    called, raw = 0, []
    for _ in range(40):
        events = busy_log(250, rng)
        outcome = everybody(events, rng.normal(8, 2.5, 250).round().clip(0, 10))
        table = moments_of_truth(events, outcome, landmark=ends(outcome), failures="failed").to_frame()
        called += int(table["verdict"].str.startswith("moment").any())
        raw += table["p_value"].dropna().tolist()
    assert called <= 6  # P(more than 6 of 40 at 5%) = 0.003
    assert len(raw) == 40 * 12
    assert 0.01 < np.mean(np.array(raw) < 0.05) < 0.08  # the asymmetry is tested with a wide error


def test_customers_who_stay_longer_seem_to_be_kept_by_the_letter_they_get_unless_there_is_a_landmark() -> None:
    """A letter comes on a random day of the year to whoever is still there, and does nothing. Outcome: there after a year, of
    those who are there after 120 days."""
    rng = np.random.default_rng(11)
    n = 1500
    leave, letter = rng.exponential(500, n), rng.uniform(1, 365, n)
    got = np.flatnonzero(letter < leave)
    rows = pd.DataFrame({"customer_id": [*range(n), *got], "touchpoint": ["start"] * n + ["letter"] * len(got)})
    rows["timestamp"] = pd.Timestamp("2025-01-01") + pd.to_timedelta([*np.zeros(n), *letter[got]], unit="D").round("us")
    there = np.flatnonzero(leave > 120)
    staying = pd.Series((leave[there] > 365).astype(int), index=there, name="staying")
    # without other events the number of events is the letter itself, so everybody's app visits are added, equal for all
    visits = (
        rows[rows["touchpoint"] == "start"].loc[np.repeat(np.arange(n), rng.poisson(3, n))].assign(touchpoint="app")
    )
    events = pd.concat([rows, visits])
    without = row_of(moments_of_truth(events, staying), "letter", "met")
    within = moments_of_truth(events, staying, landmark=pd.Series(pd.Timestamp("2025-05-01"), index=there))
    assert without["conf_low"] > 0.2
    assert without["verdict"] == "moment of truth: can delight"
    row = row_of(within, "letter", "met")
    assert row["conf_low"] < 0 < row["conf_high"]
    assert abs(row["estimate"]) < 0.1
    assert row["verdict"] == "no clear effect"
    assert any("who stayed longer had time for more" in one for one in moments_of_truth(events, staying).sentences())
    assert not any("who stayed longer had time for more" in one for one in within.sentences())


def test_the_order_of_rows_and_the_time_zone_change_no_byte() -> None:
    rng = np.random.default_rng(9)
    events = busy_log(200, rng)
    outcome = everybody(events, rng.normal(size=200))
    segment = pd.Series(rng.choice(["a", "b"], 200), index=outcome.index)
    mixed = shuffled(events).assign(timestamp=lambda frame: frame["timestamp"].dt.tz_convert("Asia/Tokyo"))
    first = moments_of_truth(events, outcome, landmark=ends(outcome), segment=segment, failures="failed")
    other = moments_of_truth(
        mixed, shuffled(outcome), landmark=ends(outcome), segment=shuffled(segment), failures="failed"
    )
    assert first.to_frame().to_csv() == other.to_frame().to_csv()
    one = discrete_or_journey(events, outcome, landmark=ends(outcome), segment=segment, repeats=1)
    two = discrete_or_journey(mixed, shuffled(outcome), landmark=ends(outcome), segment=shuffled(segment), repeats=1)
    assert one.to_frame().to_csv() == two.to_frame().to_csv()
    assert one.comparison().to_csv() == two.comparison().to_csv()
    another = discrete_or_journey(events, outcome, landmark=ends(outcome), segment=segment, repeats=1, random_state=1)
    assert another.to_frame().to_csv() != one.to_frame().to_csv()


def wrong(**changes: Any) -> Any:
    given: dict[str, Any] = {"events": EIGHT, "outcome": RATED, "landmark": moment("10", *RATED.index)} | changes
    return moments_of_truth(given.pop("events"), given.pop("outcome"), **given)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"conf_level": 95}, "95% is 0.95"),
        ({"min_customers": 1}, "`min_customers` must be a whole number of 2 or more, got 1"),
        ({"better": "high"}, "did you mean `higher`"),
        ({"events": EIGHT.rename(columns={"touchpoint": "touch_point"})}, "no column `touchpoint`; did you mean `touch_point`"),
        ({"events": EIGHT.assign(touchpoint=None)}, "`touchpoint` is missing in 16 events"),
        ({"events": EIGHT.assign(timestamp="2026")}, "`timestamp` is .*, not a time; use pd.to_datetime"),
        ({"outcome": RATED.astype(object).replace(4.0, "good")}, "value 'good', which is no number"),
        ({"outcome": RATED.replace(4.0, np.inf)}, "value inf"),
        ({"outcome": RATED.tolist()}, "`outcome` is list; give a Series"),
        ({"outcome": RATED.set_axis([f"x{i}" for i in range(8)])}, "`x0` there, `0` here"),
        ({"landmark": pd.concat([moment("10", *RATED.index), moment("11", "0")])}, "`landmark` has 9 rows"),
        ({"segment": pd.Series("a", index=["0", "0"])}, "names customer `0` twice"),
        ({"failures": "fail"}, "column `fail`"),
        ({"failures": pd.Series([True])}, "another index than `events`"),
        ({"failures": pd.Series("no", index=EIGHT.index)}, "value 'no'; an event failed"),
        ({"failures": EIGHT.assign(rating=1)}, "`fails_at` is not given"),
        ({"failures": EIGHT}, "neither `failed` nor `rating`"),
        ({"failures": EIGHT.assign(failed=True, touchpoint="halp")}, "did you mean `help`"),
        ({"fails_at": 2}, "there are no ratings"),
        ({"outcome": RATED * np.nan}, "of 8 outcomes none can be used"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_name(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        wrong(**changes)


def test_figures_that_are_not_defined_are_missing_with_a_reason() -> None:
    events = EIGHT.assign(touchpoint=EIGHT["touchpoint"].replace("shop", "welcome"))
    landmark = moment("10", *RATED.index)
    same = moments_of_truth(events, RATED * 0, landmark=landmark, min_customers=2)
    assert row_of(same, "help", "met")["reason"] == "every outcome is the same"
    few = moments_of_truth(events, RATED.iloc[[0, 1, 6, 7]], landmark=landmark, min_customers=2,
                           segment=pd.Series(["a", "b", "c", "d"], index=list("0167")))  # fmt: skip
    assert row_of(few, "help", "met")["reason"] != ""
    assert np.isnan(row_of(few, "help", "met")["std_error"])


def walks(n: int, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Journeys of 10 to 30 events over twelve touchpoints with some very long waits; who met t6, and the days each took."""
    who = np.repeat(np.arange(n), rng.integers(10, 31, n))
    touchpoint = np.array([f"t{i:02}" for i in range(12)])[np.minimum(rng.geometric(0.15, len(who)) - 1, 11)]
    wait = pd.Series(rng.lognormal(-1, 1.7, len(who)))
    days = wait.groupby(who).sum().to_numpy()
    ago = days[who] - wait.groupby(who).cumsum().to_numpy() + rng.uniform(0, 150, n)[who]
    before = pd.to_timedelta(ago, unit="D").round("us")
    events = pd.DataFrame({"customer_id": who, "touchpoint": touchpoint, "timestamp": END - before})
    return events, np.isin(np.arange(n), who[touchpoint == "t06"]), days


def compared(events: pd.DataFrame, values: np.ndarray, **options: Any) -> DiscreteOrJourney:
    outcome = pd.Series(values, name="loyalty")
    return discrete_or_journey(events, outcome, landmark=ends(outcome), **options)


def test_touchpoints_win_where_the_outcome_depends_on_one_of_them() -> None:
    rng = np.random.default_rng(1)
    events, met, _ = walks(800, rng)
    found = compared(events, 7 + 1.5 * met + rng.normal(0, 1.5, 800))
    assert found.headline().startswith("The touchpoints one by one tell more than the journey as a whole: R² .")
    score = dict(zip(found.to_frame()["model"], found.to_frame()["estimate"], strict=True))
    # the most that can be told is the variance of 1.5 · met in that of the outcome: 0.56 / 2.81 = 0.2
    assert 0.1 < score["touchpoints"] < 0.25
    assert [one.split(":")[0] for one in found.sentences()] == [
        "Both together tell not clearly more than the touchpoints one by one",
        "Both together tell clearly more than the journey as a whole",
    ]
    assert score["baseline"] < 0.02


def test_the_journey_wins_where_the_outcome_depends_on_all_waiting_together() -> None:
    rng = np.random.default_rng(1)
    events, _, days = walks(800, rng)
    found = compared(events, 7 - 1.2 * np.log(days) + rng.normal(0, 1, 800))
    assert found.headline().startswith("The journey as a whole tells more than the touchpoints one by one: R² .")
    row = found.comparison().query("model == 'touchpoints' and other_model == 'journey'").iloc[0]
    assert row["conf_high"] < 0
    assert row["q_value"] < 0.05


def test_nothing_is_told_where_there_is_nothing_to_tell() -> None:
    rng = np.random.default_rng(2)
    events, _, _ = walks(300, rng)
    found = compared(events, rng.normal(size=300))
    assert found.headline().startswith(
        "Neither the touchpoints one by one nor the journey as a whole clearly tell loyalty"
    )
    assert (found.to_frame()["estimate"] < 0.03).all()  # in the sample itself 36 noise columns would explain 12%


def test_yes_or_no_is_scored_by_auc_and_brier_skill() -> None:
    rng = np.random.default_rng(3)
    events, met, _ = walks(700, rng)
    found = compared(events, (rng.random(700) < np.where(met, 0.7, 0.2)).astype(int), repeats=2)
    table = found.to_frame().set_index(["metric", "model"])["estimate"]
    assert found.headline().startswith("The touchpoints one by one tell more than the journey as a whole: AUC .")
    assert 0.4 < table["auc", "baseline"] < 0.6 < table["auc", "touchpoints"] < 0.85
    assert 0 < table["brier_skill", "touchpoints"] < 0.25
    assert len(found.comparison()) == 12


def test_features_of_a_journey_by_hand() -> None:
    # a: offer, 1 day, help, 3 days, help, 1 day, offer; then 4 days to the landmark. b: one event
    events = log(
        ("a", "01", "offer"), ("a", "02", "help"), ("a", "05", "help"), ("a", "06", "offer"), ("b", "01", "offer")
    )
    read = moments._read(events, pd.Series([1.0, 2.0], index=["a", "b"]), moment("10", "a", "b"), None)
    found = moments._journey_features(read)
    expected: dict[str, Any] = {
        "events": np.log1p([4, 1]), "length_days": np.log1p([5, 0]), "longest_wait_days": np.log1p([3, 0]),
        "mean_wait_days": np.log1p([5 / 3, 0]), "different_touchpoints": np.log1p([2, 1]), "share_again": [2 / 4, 0],
        "share_at_once_again": [1 / 4, 0], "days_since_last": np.log1p([4, 9]), "events_a_day": np.log1p([4 / 6, 1]),
        "journeys": np.log1p([1, 1]),
    }  # fmt: skip
    assert list(found.columns) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], np.asarray(values, dtype=float), err_msg=name)


def test_features_of_single_touchpoints_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "_RARE", 1)
    events = log(
        ("a", "01", "offer"), ("a", "02", "help"), ("a", "05", "help"), ("b", "01", "offer"), ("b", "03", "chat")
    )
    read = moments._read(events, pd.Series([1.0, 2.0], index=["a", "b"]), moment("10", "a", "b"), None)
    found, rare = moments._single_features(read)
    assert not rare
    assert found["help met"].tolist() == [1, 0]
    np.testing.assert_allclose(found["help times"], np.log1p([2, 0]))
    np.testing.assert_allclose(found["help last wait"], np.log1p([3, 0]))
    np.testing.assert_allclose(found["chat last wait"], np.log1p([0, 2]))
    np.testing.assert_allclose(found["offer last wait"], [0, 0])  # nothing came before it


def test_steps_from_one_touchpoint_to_the_next_do_not_cross_journeys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "_RARE", 1)
    events = log(("a", "01", "offer"), ("a", "02", "help"), ("a", "09", "shop"), journey=[0, 0, 1])
    read = moments._read(events, pd.Series([1.0], index=["a"]), moment("10", "a"), None)
    found = moments._journey_features(read)
    assert [name for name in found if "→" in str(name)] == ["offer → help"]
    assert found["longest_wait_days"].item() == pytest.approx(np.log1p(1))


def test_customers_never_stand_on_both_sides_of_a_fold_and_outcomes_are_spread_evenly() -> None:
    rng = np.random.default_rng(4)
    events, _, _ = walks(100, rng)
    ids = np.repeat(np.arange(100), 2)
    outcome = pd.Series((np.arange(200) < 40).astype(int), index=ids)
    landmark = pd.Series([END - pd.Timedelta(1, unit="D"), END] * 100, index=ids)
    read = moments._read(events, outcome, landmark, None)
    fold = moments._dealt(moments._Judged(read.y, read.customer, True), 5, np.random.RandomState(0))
    assert pd.Series(fold).groupby(read.customer).nunique().eq(1).all()
    each = pd.Series(read.customer[read.y == 1]).groupby(fold[read.y == 1]).nunique()
    assert each.max() - each.min() <= 1


def test_the_score_by_hand() -> None:
    # squared errors of the model 1 1 0 0, of the mean 2 2 2 2: 1 − 2/8
    judged = moments._Judged(np.array([1.0, 5.0, 2.0, 8.0]), np.arange(4), False)
    guess = judged.y + np.array([1, -1, 0, 0])
    parts = np.zeros((1, 4), dtype=np.intp)
    assert moments._scores(judged, parts, guess[None], judged.y[None] + np.sqrt(2))["r2"] == pytest.approx(0.75)
    # folds (a b c d) and (e f g): in one both pairs with a 1 are right and one of two ties, 3.5 of 4; in the other 1 of 2
    yes_no = moments._Judged(np.array([1.0, 1, 0, 0, 1, 0, 0]), np.arange(7), True)
    guess = np.array([0.9, 0.5, 0.5, 0.1, 0.4, 0.3, 0.6])
    found = moments._scores(yes_no, np.array([[0, 0, 0, 0, 1, 1, 1]]), guess[None], np.full((1, 7), 0.5))
    assert found["auc"] == pytest.approx((3.5 / 4 + 1 / 2) / 2)
    assert found["brier_skill"] == pytest.approx(1 - (0.01 + 0.25 + 0.25 + 0.01 + 0.36 + 0.09 + 0.36) / (7 * 0.25))


def test_the_interval_of_a_score_by_hand() -> None:
    # halves differ by .2 and .4: squares .04 and .16, mean .1, a quarter of it .025; t with two degrees of freedom 4.3027
    row = moments._by_halves(0.5, [[0.6, 0.4], [0.3, 0.7]], 500, 0.95)
    assert row["std_error"] == pytest.approx(np.sqrt(0.025))
    assert (row["conf_low"], row["conf_high"]) == pytest.approx(
        (0.5 - 4.3026527 * 0.15811388, 0.5 + 4.3026527 * 0.15811388)
    )
    few = moments._by_halves(0.5, [[0.6, 0.4], [0.3, 0.7]], 499, 0.95)  # their halves learn too little: half of it
    assert few["std_error"] == pytest.approx(np.sqrt(0.05))
    same = moments._by_halves(0.0, [[0.1, 0.1], [0.1, 0.1]], 500, 0.95)
    assert np.isnan(same["std_error"])
    assert same["reason"] == "halves of the customers do not differ"


def test_halves_are_made_of_other_customers_and_together_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = moments._Judged(np.arange(40.0), np.repeat(np.arange(20), 2), False)
    monkeypatch.setattr(moments, "_validated", lambda features, half, *_: (features["x"].ravel().tolist(), half))
    found: Any = moments._halves({"x": judged.y[:, None]}, judged, 2, np.random.RandomState(0))
    assert len(found) == 10
    for (x, first), (other_x, second) in found:
        assert x == first.y.tolist()
        assert len({value // 2 for value in first.y}) == len({value // 2 for value in second.y}) == 10  # customers
        assert sorted(x + other_x) == judged.y.tolist()


def test_the_error_of_a_score_is_about_that_of_its_kind() -> None:
    """Of the AUC of luck, 60 ones among 200: √(201 / (12 · 60 · 140)) = .045, and more for the model being made of the same."""
    rng = np.random.default_rng(6)
    events, _, _ = walks(200, rng)
    found = compared(events, (np.arange(200) < 60).astype(int)).to_frame()
    error = found[(found["metric"] == "auc") & (found["model"] == "touchpoints")]["std_error"].item()
    assert 0.03 < error < 0.11


def test_too_few_customers_or_outcomes_are_refused_with_what_is_needed() -> None:
    rng = np.random.default_rng(5)
    events, _, _ = walks(60, rng)
    with pytest.raises(
        NotApplicableError, match="needs 50 customers with events and an outcome to compare: there are 20"
    ):
        compared(events, rng.normal(size=20))
    with pytest.raises(NotApplicableError, match="every one is 1"):
        compared(events, np.ones(60))
    with pytest.raises(NotApplicableError, match="10 customers with each outcome for 5 folds: 3 have 1"):
        compared(events, (np.arange(60) < 3).astype(int))
    with pytest.raises(ValueError, match="`folds` must be a whole number of 2 or more, got 1"):
        compared(events, rng.normal(size=60), folds=1)


@pytest.mark.realdata
def test_on_a_real_log_touchpoints_that_were_told_nothing_are_not_called() -> None:
    """Helpdesk: an outcome drawn at random; and one that is worse by 2 for whoever met a touchpoint, which is found."""
    path = DATA / "helpdesk.parquet"
    if not path.exists():
        pytest.skip("the shared real data lacks journeys/helpdesk.parquet")
    events = pd.read_parquet(path)[["customer_id", "touchpoint", "timestamp"]]
    rng = np.random.default_rng(1)
    ids = sorted(events["customer_id"].unique())
    noise = pd.Series(rng.normal(7, 2, len(ids)), index=ids)
    found = moments_of_truth(events, noise)
    assert found.n == 4_580
    assert accounted(found)[("events", "")] == 21_348
    assert not found.to_frame()["verdict"].str.startswith("moment").any()
    waited = events[events["touchpoint"] == "Wait"]["customer_id"].unique()
    hurt = moments_of_truth(events, noise - 2.0 * noise.index.isin(waited))
    row = row_of(hurt, "Wait", "met")
    assert row["conf_low"] < -2 < row["conf_high"]
    assert row["verdict"] == "moment of truth: can hurt"
