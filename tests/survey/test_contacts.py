"""The event survey's own questions, on a handful of answers and invitations worked by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxlab.inference import wilson
from cxlab.survey.contacts import alert_queue, answer_lag, contact_rule, coverage, lag_bands, lag_decay

NOON = pd.Timestamp("2026-07-01 12:00", tz="UTC")


def after(*words: str | None) -> pd.Series:
    return pd.Series([pd.NaT if word is None else pd.Timedelta(word) for word in words], dtype="timedelta64[ns]")


def at(*words: str | None) -> list[pd.Timestamp]:
    return (NOON + after(*words)).tolist()


EVENTS = pd.DataFrame({"event_id": ["e1", "e2", "e3", None], "timestamp": at("0h", "1h", None, "2h")})
RESPONSES = pd.DataFrame(
    {
        "response_id": ["r1", "r2", "r3", "r4", "r5", "r6"],
        "event_id": ["e2", "e1", "e9", None, "e1", "e3"],
        "submitted_at": at("3h", "48h", "5h", "6h", None, "7h"),
    },
    index=[10, 20, 30, 40, 50, 60],
)


# ------------------------------------------------------------------------------------------------------------ the lag


def test_a_lag_is_the_answer_minus_the_event_and_what_has_none_is_counted_by_reason() -> None:
    lags = answer_lag(RESPONSES, EVENTS)
    assert lags.lag.index.tolist() == [10, 20, 30, 40, 50, 60]
    assert lags.lag.iloc[:2].tolist() == [pd.Timedelta("2h"), pd.Timedelta("48h")]
    assert lags.lag.iloc[2:].isna().all()
    assert lags.frame["reason"].tolist()[2:] == [
        "the event is not in the log", "no event is named", "no time of the answer", "no time of the event",
    ]  # fmt: skip
    assert sum(lags.missing.values()) + lags.n == len(lags.to_frame()) == len(RESPONSES)
    # half of 2 and 48 hours: 25; nine in ten: 2 + .9·46 = 43.4
    assert lags.headline() == (
        "Half of the answers came within 25 hours of the event, nine in ten within 43.4 hours (n 2); 4 have no lag."
    )


def test_an_answer_from_before_its_event_is_refused_with_its_times() -> None:
    early = RESPONSES.assign(submitted_at=at("30min", "48h", "5h", "6h", "-1h", "7h"))
    with pytest.raises(ValueError) as refused:
        answer_lag(early, EVENTS)
    said = str(refused.value)
    assert "2 answers came before their event; the first: response r1 was submitted 2026-07-01 12:30:00+00:00" in said
    assert "its event e2 happened 2026-07-01 13:00:00+00:00" in said
    left_out = answer_lag(early, EVENTS, negative="leave_out")
    assert left_out.missing["answered before the event"] == 2
    assert left_out.n == 1
    with pytest.raises(ValueError, match="response 10 was"):
        answer_lag(early.drop(columns="response_id"), EVENTS)


def test_an_answer_at_the_moment_of_its_event_has_a_lag_of_nothing() -> None:
    lags = answer_lag(RESPONSES.iloc[[0]].assign(submitted_at=at("1h")), EVENTS)
    assert lags.lag.tolist() == [pd.Timedelta(0)]


def test_several_answers_about_one_event_keep_a_row_each() -> None:
    same = RESPONSES.assign(event_id="e1", submitted_at=at("1h", "2h", "3h", "4h", "5h", "6h"))
    assert (answer_lag(same, EVENTS).lag / pd.Timedelta("1h")).tolist() == [1, 2, 3, 4, 5, 6]


def test_a_log_without_any_time_leaves_every_response_without_a_lag() -> None:
    lags = answer_lag(RESPONSES, EVENTS.assign(timestamp=None))
    assert lags.n == 0
    assert lags.headline() == "No answer can be placed after its event; 6 have no lag."


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"key": "evnt_id"}, "the table has no column `evnt_id`; did you mean `event_id`"),
        ({"negative": "drop"}, "`negative` must be refuse or leave_out, got 'drop'"),
        ({"events": pd.concat([EVENTS, EVENTS.iloc[[1]]])}, "`event_id` e2 is 2 times in the events (1 such keys)"),
        (
            {"events": EVENTS.assign(timestamp="01.07.2026")},
            "`timestamp` must hold moments (datetime64), got '01.07.2026'",
        ),
        (
            {"events": EVENTS.assign(timestamp=EVENTS["timestamp"].dt.tz_localize(None))},
            "`submitted_at` has a time zone (UTC) and `timestamp` has none",
        ),
    ],
)
def test_times_that_make_no_lag_are_refused_by_name(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as refused:
        answer_lag(**({"responses": RESPONSES, "events": EVENTS} | change))
    assert said in str(refused.value)


# ------------------------------------------------------------------------------------------------------ bands and slope


def test_bands_count_their_answers_and_an_edge_belongs_to_the_band_before_it() -> None:
    lags = after("0h", "1h", "61min", "24h", "3D", "4D", "7D", "8D", None)
    scores = [5, 4, 3, 5, 1, 2, 5, None, 5]
    table = lag_bands(lags, scores, (1, 5))
    assert table["band"].unique().tolist() == [
        "within 1 hour", "1 hour to 1 day", "1 day to 3 days", "3 days to 7 days", "longer than 7 days",
    ]  # fmt: skip
    boxes, means = (table[table["metric"] == metric] for metric in ("top_box", "mean"))
    assert boxes["n_responses"].tolist() == [2, 2, 1, 2, 1]
    assert boxes["n"].tolist() == [2, 2, 1, 2, 0]
    assert boxes["share_responses"].tolist() == [25, 25, 12.5, 25, 12.5]
    assert boxes["estimate"].tolist()[:4] == [100, 50, 0, 50]
    assert means["estimate"].tolist()[:4] == [4.5, 4, 1, 3.5]
    assert boxes["reason"].iloc[4] == "nobody answered"
    low, high = wilson(0.5, 2)
    assert (boxes["conf_low"].iloc[1], boxes["conf_high"].iloc[1]) == (
        pytest.approx(100 * low),
        pytest.approx(100 * high),
    )


def test_bands_of_other_edges_are_named_after_them_and_take_weights() -> None:
    lags = after("10min", "20min", "3h", "30h")
    table = lag_bands(
        lags, [5, 1, 4, 2], (1, 5), edges=(pd.Timedelta("30min"), pd.Timedelta("36h")), weights=[3, 1, 1, 1]
    )
    assert table["band"].unique().tolist() == ["within 30 minutes", "30 minutes to 36 hours", "longer than 36 hours"]
    assert table.loc[table["metric"] == "mean", "estimate"].tolist()[:2] == [4, 3]
    assert table.loc[table["metric"] == "top_box", "estimate"].tolist()[:2] == [75, 50]


def test_the_slope_over_doublings_is_that_of_least_squares_by_hand() -> None:
    # doublings of a day 0, 1, 2, 3; scores 5, 5, 3, 3: slope Σ(x − 1.5)(y − 4)/5 = −4/5, residuals −.2, .6, −.6, .2
    # HC3: leverage .25 + (x − 1.5)²/5 = .7, .3, .3, .7; Σ (x − 1.5)²·(e/(1 − h))² / 25 = (2·2.25·(.2/.3)² + 2·.25·(.6/.7)²)/25
    decay = lag_decay([5, 5, 3, 3], after("1D", "2D", "4D", "8D"))
    error = math.sqrt((4.5 * (2 / 3) ** 2 + 0.5 * (6 / 7) ** 2) / 25)
    assert decay.estimate == pytest.approx(-0.8)
    assert decay.std_error == pytest.approx(error)
    assert (decay.n, decay.df) == (4, 2)
    assert (decay.conf_low, decay.conf_high) == (
        pytest.approx(-0.8 - 4.30265 * error, abs=1e-4),
        pytest.approx(-0.8 + 4.30265 * error, abs=1e-4),
    )


def test_touchpoints_that_answer_late_and_low_make_no_slope() -> None:
    # within each touchpoint scores do not go with the lag; between them they do
    lags = after(*["1h", "2h", "1h", "2h"], *["32h", "64h", "32h", "64h"])
    scores, touchpoints = [5, 5, 4, 4, 2, 2, 1, 1], ["shop"] * 4 + ["help"] * 4
    assert lag_decay(scores, lags).estimate < -0.4
    within = lag_decay(scores, lags, touchpoints)
    assert within.estimate == pytest.approx(0, abs=1e-9)
    assert within.n_touchpoints == 2
    assert within.headline().startswith(
        "Scores do not clearly change with the time to the answer at the same touchpoint: 0.00"
    )


def test_the_slope_is_the_weighted_one_and_repeating_answers_is_weighting_them() -> None:
    lags, scores = after("1D", "2D", "3D", "4D", "9D"), [5, 3, 4, 2, 3]
    weighted = lag_decay(scores, lags, weights=[1, 2, 1, 3, 0])
    repeated = lag_decay([5, 3, 3, 4, 2, 2, 2], after("1D", "2D", "2D", "3D", "4D", "4D", "4D"))
    assert weighted.estimate == pytest.approx(repeated.estimate)
    assert (weighted.n, weighted.n_missing) == (4, 1)


def test_answers_repeated_by_one_customer_do_not_narrow_the_clustered_interval() -> None:
    rng = np.random.default_rng(4)
    hours, noise = rng.exponential(20, 60) + 1, rng.normal(size=60)
    lags = pd.Series(pd.to_timedelta(np.tile(hours, 3), unit="h"))
    scores, customer = np.tile(4 - 0.2 * np.log2(hours) + noise, 3), np.tile(np.arange(60), 3)
    blind, knows = lag_decay(scores, lags), lag_decay(scores, lags, clusters=customer)
    assert knows.estimate == pytest.approx(blind.estimate)
    assert knows.std_error == pytest.approx(math.sqrt(3) * blind.std_error, rel=0.06)
    assert (knows.df, blind.df) == (59, 178)
    # the sandwich by hand: Σ over customers of (Σ x·e)², with the usual factors
    X = np.column_stack([np.log2(np.tile(hours, 3) / 24), np.ones(180)])
    bread = np.linalg.inv(X.T @ X)
    e = scores - X @ bread @ X.T @ scores
    sums = (X * e[:, None]).reshape(3, 60, 2).sum(axis=0)
    V = bread @ sums.T @ sums @ bread * 60 / 59 * 179 / 178
    assert knows.std_error == pytest.approx(math.sqrt(V[0, 0]))
    unknown = lag_decay(scores[:60], lags[:60], clusters=[None] * 60)
    assert unknown.df == 59


def test_the_planted_slope_lies_in_about_95_of_100_intervals() -> None:
    rng, held, sets = np.random.default_rng(8), 0, 300
    for _ in range(sets):
        touchpoint = rng.integers(0, 3, 120)
        hours = rng.exponential(10.0 * (1 + touchpoint))
        scores = (
            4 - touchpoint - 0.2 * np.log2(np.maximum(hours, 1 / 60)) + rng.normal(0, 1, 120) * (1 + touchpoint / 2)
        )
        decay = lag_decay(scores, pd.Series(pd.to_timedelta(hours, unit="h")), touchpoint)
        held += decay.conf_low <= -0.2 <= decay.conf_high
    assert held / sets == pytest.approx(0.95, abs=2 * math.sqrt(0.95 * 0.05 / sets))


def test_what_is_missing_alone_or_too_fast_is_counted() -> None:
    lags = after("0s", "30s", "1h", "2h", "5h", "9h", None, "1h", "4h")
    scores = [5, 4, 4, 3, 5, 1, 5, None, 2]
    touchpoints = ["shop", "shop", "shop", "shop", "shop", "help", "shop", "shop", None]
    decay = lag_decay(scores, lags, touchpoints)
    assert (decay.n, decay.n_missing, decay.n_alone, decay.n_floored, decay.n_touchpoints) == (5, 3, 1, 2, 1)
    minute = lag_decay([5, 4, 4, 3, 5], after("1min", "1min", "1h", "2h", "5h"))
    assert decay.estimate == pytest.approx(minute.estimate)
    hour = lag_decay(scores, lags, touchpoints, shortest=pd.Timedelta("1h"))
    assert hour.n_floored == 2
    assert hour.estimate != pytest.approx(decay.estimate)


@pytest.mark.parametrize(
    ("scores", "lags", "more", "reason"),
    [
        ([5, 4, 3], ["1h", "1h", "1h"], {}, "the lag does not vary"),
        ([4, 4, 4], ["1h", "2h", "4h"], {}, "the score does not vary"),
        ([5, 4, 3], ["1h", "2h", "4h"], {}, "every score lies on the line"),
        ([5, 4], ["1h", "2h"], {}, "2 answers are too few"),
        ([None, 4], ["1h", None], {}, "no answer has a score and a lag"),
        ([5, 4, 3, 1], ["1h", "2h", "4h", "9h"], {"clusters": ["x"] * 4}, "all answers come from one cluster"),
        ([5, 4, 3, 1, 2], ["1h", "1h", "1h", "1h", "9h"], {}, "a single answer decides the slope"),
        ([5, 4, 3, 1], ["1h", "1h", "9h", "9h"], {"touchpoints": ["a", "a", "b", "b"]}, "the lag does not vary within any touchpoint"),
    ],
)  # fmt: skip
def test_a_slope_that_is_not_defined_says_why(
    scores: list[Any], lags: list[str], more: dict[str, Any], reason: str
) -> None:
    decay = lag_decay(scores, after(*lags), **more)
    assert math.isnan(decay.std_error)
    assert decay.reason == reason
    assert f"cannot be stated: {reason}" in decay.headline()


def test_the_headline_of_a_slope_says_that_late_answers_come_from_other_people() -> None:
    hours = np.tile([1.0, 2, 4, 8, 16, 32], 20)
    scores = 5 - 0.3 * np.log2(hours) + np.repeat([0.1, -0.1], 60)
    decay = lag_decay(scores, pd.Series(pd.to_timedelta(hours, unit="h")), conf_level=0.9)
    assert decay.headline() == (
        "Answers that come twice as late are 0.30 points lower (0.29 to 0.31, p < 0.001, n 120, 90% interval); who answers late "
        "differs from who answers early, so the delay need not be the reason."
    )
    assert {"estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "p_value"} <= set(
        decay.to_frame().columns
    )
    rising = lag_decay(10 - scores, pd.Series(pd.to_timedelta(hours, unit="h")))
    assert "0.30 points higher" in rising.headline()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"lags": after("1h", "-2h", "-3h", "1h")}, "2 lags are negative, the first -1 days +22:00:00"),
        (
            {"lags": pd.Series([1.0, 2, 3, 4])},
            "`lags` must hold durations (Timedelta), got np.float64(1.0), which has no unit",
        ),
        ({"scores": [5, 4, 3]}, "`scores` must be one column of 4 values"),
        ({"scores": pd.Series([5, 4, 3, 2], index=[9, 8, 7, 6])}, "`scores` has another index than the lags"),
    ],
)
def test_lags_and_scores_that_do_not_belong_together_are_refused(change: dict[str, Any], said: str) -> None:
    given = {"lags": after("1h", "2h", "3h", "4h"), "scores": [5, 4, 3, 2]} | change
    for function in (
        lambda: lag_bands(given["lags"], given["scores"], (1, 5)),
        lambda: lag_decay(given["scores"], given["lags"]),
    ):
        with pytest.raises(ValueError) as refused:
            function()
        assert said in str(refused.value)


def test_settings_of_bands_and_slope_are_refused_by_name() -> None:
    lags = after("1h", "2h")
    for edges, said in (
        ([24], "`edges` must be a duration with its unit, got 24"),
        ([], "`edges` is empty"),
        ([pd.Timedelta("2h"), pd.Timedelta("1h")], "`edges` must rise, got 1 hour after 2 hours"),
        ([pd.Timedelta(0)], "`edges` must be longer than nothing"),
        (["soon"], "`edges` must be a duration, got 'soon'"),
    ):
        with pytest.raises(ValueError, match=said):
            lag_bands(lags, [5, 4], (1, 5), edges=edges)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="off the scale"):
        lag_bands(lags, [5, 9], (1, 5))
    with pytest.raises(ValueError, match="`top` must be a whole number from 1 to 4"):
        lag_bands(lags, [5, 4], (1, 5), top=5)
    with pytest.raises(ValueError, match="`scores` holds 'good', which is no number"):
        lag_decay(["good", 4], lags)
    with pytest.raises(ValueError, match="1 respondents who answered have no weight"):
        lag_decay([5, 4], lags, weights=[1, None])


# ------------------------------------------------------------------------------------------- who was asked, how often


def test_coverage_is_invited_of_eligible_by_touchpoint_and_month() -> None:
    eligible = pd.DataFrame(
        {
            "event_id": ["e1", "e2", "e3", "e4", "e5", "e6", None],
            "touchpoint": ["help", "help", "help", "shop", "shop", None, "shop"],
            # 30 June 22:30 UTC is July in Paris
            "timestamp": pd.to_datetime(["2026-06-30 22:30", "2026-06-30 20:00", *["2026-07-05 10:00"] * 5], utc=True),
        }
    )
    invitations = pd.DataFrame({"event_id": ["e1", "e1", "e3", "e4", "e99", None, "e6"]})
    result = coverage(invitations, eligible, timezone="Europe/Paris")
    assert result.frame[["touchpoint", "period", "invited", "n"]].to_numpy().tolist() == [
        ["help", "2026-06", 0, 1], ["help", "2026-07", 2, 2], ["shop", "2026-07", 1, 2],
    ]  # fmt: skip
    low, high = wilson(0.5, 2)
    shop: Any = result.frame.iloc[2]
    assert (shop["estimate"], shop["conf_low"], shop["conf_high"]) == (
        50,
        pytest.approx(100 * low),
        pytest.approx(100 * high),
    )
    assert (result.invited, result.overall.n, result.overall.estimate) == (3, 5, 60)
    # e1 twice; e99 and e6 (no touchpoint) are elsewhere; one names no event; e6 and the event without a key are left out
    assert (result.n_repeated, result.n_elsewhere, result.n_unnamed, result.n_left_out) == (1, 2, 1, 2)
    assert coverage(invitations, eligible).frame["period"].tolist() == ["2026-06", "2026-07", "2026-07"]
    assert result.headline() == "3 of 5 eligible events led to an invitation: 60% (23 to 88%)."


def test_the_headline_of_coverage_names_the_lowest_cell_that_is_large_enough() -> None:
    eligible = pd.DataFrame(
        {"event_id": range(81), "touchpoint": ["help"] * 40 + ["shop"] * 40 + ["app"], "timestamp": NOON}
    )
    invitations = pd.DataFrame({"event_id": [*range(20), *range(40, 50)]})
    result = coverage(invitations, eligible, length="quarter")
    assert "least for shop in 2026-Q3: 25% (14 to 40%), n 40." in result.headline()
    nothing = coverage(invitations, eligible.iloc[:0])
    assert nothing.headline() == "Coverage cannot be stated: no event is eligible (n 0)."
    assert nothing.n_elsewhere == 30


def test_coverage_refuses_an_event_that_is_eligible_twice() -> None:
    eligible = pd.DataFrame({"event_id": ["e1", "e1"], "touchpoint": "help", "timestamp": NOON})
    with pytest.raises(ValueError, match="`event_id` e1 is 2 times among the eligible"):
        coverage(eligible, eligible)
    with pytest.raises(ValueError, match="`length` must be a length of a period, got 'fortnight'"):
        coverage(eligible, eligible, length="fortnight")  # type: ignore[arg-type]


def test_an_invitation_breaks_the_rule_after_one_that_counts_and_one_that_breaks_does_not_count() -> None:
    # customer a, rule of 30 days: day 0 counts, 20 and 29 break it, 30 is in order (30 after day 0), 59 breaks it, 60 counts
    days = [0, 20, 29, 30, 59, 60]
    invitations = pd.DataFrame(
        {
            "customer_id": ["a"] * 6 + ["b", "b", None, "c"],
            "invited_at": [
                *(NOON + pd.Timedelta(days=day) for day in days),
                NOON,
                NOON + pd.Timedelta(days=90),
                NOON,
                pd.NaT,
            ],
            "survey": ["tracking", "event", "event", "event", "tracking", "event", "event", "event", "event", "event"],
        }
    )
    result = contact_rule(invitations.iloc[::-1], days=30)
    frame = result.frame.sort_index()
    assert frame["place"].tolist() == [1, 2, 3, 1, 2, 1, 1, 1]
    assert frame["breaks"].tolist() == [False, True, True, False, True, False, False, False]
    assert frame["days_since"].tolist()[1:6] == [20, 29, 30, 29, 30]
    assert frame["days_since"].isna().tolist() == [True, *[False] * 5, True, False]
    assert frame["after"].tolist()[1:6] == ["tracking", "tracking", "tracking", "event", "event"]
    assert pd.isna(frame["after"].iloc[0])
    assert result.by_survey.to_numpy().tolist() == [["event", 6, 2, pytest.approx(100 / 3)], ["tracking", 2, 1, 50]]
    assert (result.n, result.n_breaking, result.n_customers, result.n_affected, result.n_left_out) == (8, 3, 2, 1, 2)
    assert result.headline() == (
        "Of 8 invitations 3 broke the rule of one invitation per 30 days (event survey 2 and tracking survey 1); "
        "1 of 2 customers were asked too often; 2 without customer or time are not checked."
    )


def test_counting_again_with_plain_python_gives_the_same_breaks() -> None:
    rng = np.random.default_rng(3)
    invitations = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 40, 400),
            "invited_at": NOON + pd.to_timedelta(rng.integers(0, 365, 400), unit="D"),
        }
    )
    last: dict[int, pd.Timestamp] = {}
    breaks = 0
    for row in invitations.sort_values("invited_at").itertuples():
        if row.customer_id in last and row.invited_at - last[row.customer_id] < pd.Timedelta(days=14):
            breaks += 1
        else:
            last[row.customer_id] = row.invited_at
    result = contact_rule(invitations, days=14)
    assert 50 < result.n_breaking == breaks
    assert contact_rule(invitations.sample(frac=1, random_state=1), days=14).n_breaking == breaks


def test_invitations_at_one_moment_are_taken_in_the_order_of_their_surveys() -> None:
    same = pd.DataFrame({"customer_id": ["a", "a"], "invited_at": NOON, "survey": ["tracking", "event"]})
    for table in (same, same.iloc[::-1]):
        frame = contact_rule(table, days=0.5).frame
        assert frame.set_index("survey")["breaks"].to_dict() == {"event": False, "tracking": True}


def test_a_rule_that_is_kept_or_cannot_be_checked_is_said_so() -> None:
    kept = pd.DataFrame({"customer_id": ["a", "b"], "invited_at": NOON})
    assert (
        contact_rule(kept, days=30).headline() == "Of 2 invitations none broke the rule of one invitation per 30 days."
    )
    nothing = contact_rule(kept.assign(customer_id=None), days=1)
    assert nothing.headline().startswith("Whether one invitation per 1 day was kept cannot be stated")
    assert len(nothing.to_frame()) == 0


@pytest.mark.parametrize("days", [0, -3, math.nan, math.inf, True, "30", pd.Timedelta("30D")])
def test_a_rule_needs_a_number_of_days(days: Any) -> None:
    with pytest.raises(ValueError, match="`days` must be a number of days above 0"):
        contact_rule(pd.DataFrame({"customer_id": ["a"], "invited_at": NOON}), days=days)


# ---------------------------------------------------------------------------------------------------- who waits for a call

UNHAPPY = pd.DataFrame(
    {
        "response_id": ["r1", "r2", "r3", "r4", "r5", "r6", "r7"],
        "customer_id": ["a", "b", None, "d", "e", "a", "g"],
        "score": [2, 1, 1, 3, None, 2, 1],
        "submitted_at": at("0h", "-30h", "-1h", "-2h", "-3h", "-24h", "1h"),
    }
)


def queue(responses: pd.DataFrame = UNHAPPY, **more: Any) -> Any:
    return alert_queue(
        responses, **({"score_col": "score", "at_most": 2, "now": NOON, "within": pd.Timedelta("24h")} | more)
    )


def test_the_queue_has_the_unhappy_the_first_due_first() -> None:
    result = queue()
    # r2 was due 6 hours ago, r6 is due now, r1 in a day; r3 has no customer, r4 is content, r5 gave no score, r7 comes later
    assert result.frame["response_id"].tolist() == ["r2", "r6", "r1"]
    assert result.frame["hours_left"].tolist() == [-6, 0, 24]
    assert result.frame["overdue"].tolist() == [True, False, False]
    assert result.frame["due"].iloc[0] == NOON - pd.Timedelta("6h")
    assert (result.n, result.n_overdue, result.n_uncallable, result.n_unscored, result.n_later) == (3, 1, 1, 1, 1)
    assert result.headline() == (
        "3 unhappy answers wait for a call (2 customers), 1 of them longer than 1 day; 1 more cannot be called: no customer is known."
    )


def test_the_headline_of_the_queue_names_nobody() -> None:
    said = queue(UNHAPPY.assign(customer_id="Jane Doe")).headline()
    assert "Jane Doe" not in said
    assert not any(name in said for name in UNHAPPY["response_id"])


def test_an_unhappy_answer_without_a_time_stands_at_the_top_and_is_counted() -> None:
    result = queue(UNHAPPY.assign(submitted_at=at(None, "-30h", "-1h", "-2h", "-3h", "-24h", "1h")))
    assert result.frame["response_id"].tolist() == ["r1", "r2", "r6"]
    assert result.n_undated == 1
    assert not result.frame["overdue"].iloc[0]
    timeless = queue(UNHAPPY.assign(submitted_at=None))
    assert (timeless.n, timeless.n_undated, timeless.n_overdue) == (4, 4, 0)


def test_an_empty_queue_says_so() -> None:
    result = queue(UNHAPPY[UNHAPPY["score"] > 2])
    assert result.headline() == "No unhappy answer waits for a call."
    assert result.to_frame().columns.tolist() == [
        "customer_id", "response_id", "submitted_at", "score", "due", "overdue", "hours_left",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"within": 24}, '`within` must be a duration with its unit, got 24; write pd.Timedelta("24h")'),
        ({"now": "2026-07-01"}, "`now` must be a moment, got '2026-07-01'"),
        ({"now": NOON.tz_localize(None)}, "`submitted_at` has a time zone (UTC) and `now` has none"),
        ({"at_most": math.nan}, "`at_most` must be the highest unhappy score, got nan"),
        ({"score_col": "scores"}, "the table has no column `scores`; did you mean `score`"),
        ({"responses": UNHAPPY.assign(score="bad")}, "`score` holds 'bad', which is no number"),
        (
            {"responses": UNHAPPY.assign(response_id="r1")},
            "`response_id` must name each unhappy response once, r1 is there twice",
        ),
        (
            {"responses": UNHAPPY.assign(response_id=None)},
            "`response_id` must name each unhappy response once, 3 have none",
        ),
    ],
)
def test_what_makes_no_queue_is_refused_by_name(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as refused:
        queue(**change)
    assert said in str(refused.value)
