"""The timing of an event survey in one study: lags, their slope, and the contact rule."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxlab.survey import event_timing

ITEMS = pd.DataFrame(
    {
        "item": ["after", "app"],
        "role": "satisfaction",
        "low": 1.0,
        "high": 5.0,
        "touchpoint": [None, "app"],
        "label": ["After an event", "App"],
    }
)
START = pd.Timestamp("2026-07-01 08:00", tz="UTC")


def study(hours: list[float], scores: list[float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Answers so many hours after their events, and the log of these events."""
    n = len(hours)
    ids = [f"e{number}" for number in range(n)]
    at = [START + pd.Timedelta(hours=number) for number in range(n)]
    responses = pd.DataFrame(
        {
            "response_id": [f"r{number}" for number in range(n)], "customer_id": [f"c{number}" for number in range(n)],
            "event_id": ids, "survey": "event", "perspective": "customer", "touchpoint": ["help", "shop"] * (n // 2),
            "submitted_at": [moment + pd.Timedelta(hours=late) for moment, late in zip(at, hours, strict=True)], "after": scores,
        }
    )  # fmt: skip
    return responses, pd.DataFrame({"event_id": ids, "timestamp": at})


RNG = np.random.default_rng(1)
QUICK_AND_LATE = [0.5] * 100 + [200.0] * 100
FADING = [*RNG.choice([4.0, 5.0], 100), *RNG.choice([1.0, 2.0, 3.0], 100)]


def test_who_answers_late_and_less_content_is_said_with_the_caveat() -> None:
    responses, events = study(QUICK_AND_LATE, FADING)
    found = event_timing(responses, ITEMS, events=events)
    ((words, table),) = found.lags_shown()
    assert words["title"] == "After an event: who answers late is less content."
    assert table[["label", "estimate", "n"]].to_numpy().tolist() == [
        ["within 1 hour", 100.0, 100],
        ["longer than 7 days", 0.0, 100],
    ]
    assert "who answers late differs from who answers early" in words["note"]["Slope"]
    assert found.sentences()[0].startswith("After an event: answers that come twice as late are ")


def test_without_a_slope_the_title_says_so_and_the_answer_nothing() -> None:
    responses, events = study(QUICK_AND_LATE, [4.0, 2.0] * 100)
    found = event_timing(responses, ITEMS, events=events)
    ((words, _),) = found.lags_shown()
    assert words["title"] == "After an event does not clearly change with the time to the answer."
    assert found.sentences() == []


def test_an_event_at_two_moments_is_not_certain_and_one_that_is_there_twice_is() -> None:
    responses, events = study(QUICK_AND_LATE, FADING)
    other = events.head(1).assign(timestamp=START - pd.Timedelta(days=3))
    found = event_timing(responses, ITEMS, events=pd.concat([events, events.iloc[[1]], other]))
    assert found.lags is not None
    assert (found.lags.n, found.lags.missing) == (199, {"the event is not in the log": 1})


def test_an_answer_from_before_its_event_has_no_lag_and_is_counted() -> None:
    responses, events = study([-1.0, *QUICK_AND_LATE[1:]], FADING)
    found = event_timing(responses, ITEMS, events=events)
    assert found.lags is not None
    assert found.lags.missing == {"answered before the event": 1}


def test_the_contact_rule_counts_all_surveys_together() -> None:
    invitations = pd.DataFrame(
        {
            "customer_id": ["c1", "c1", "c2", "c2"], "survey": ["tracking", "event", "tracking", "event"],
            "invited_at": pd.to_datetime(["2026-07-01", "2026-07-11", "2026-07-01", "2026-08-15"], utc=True),
        }
    )  # fmt: skip
    responses, _ = study([1.0] * 10, [5.0] * 10)
    found = event_timing(responses, ITEMS, invitations=invitations, contact_days=30)
    assert found.sentences() == [
        "Of 4 invitations 1 broke the rule of one invitation per 30 days (event survey 1); 1 of 2 customers were asked too often."
    ]
    ((_, table),) = found.rule_shown()
    assert table.set_index("label")["n_breaking"].to_dict() == {"Event survey": 1, "Tracking survey": 0}
    assert event_timing(responses, ITEMS, invitations=invitations, contact_days=5).sentences() == []


@pytest.mark.parametrize("lack", ["event_id", "submitted_at"])
def test_answers_without_an_event_or_a_time_have_no_lags(lack: str) -> None:
    responses, events = study(QUICK_AND_LATE, FADING)
    assert list(event_timing(responses.drop(columns=lack), ITEMS, events=events).lags_shown()) == []
    assert list(event_timing(responses, ITEMS).lags_shown()) == [], "no log"
    assert list(event_timing(responses.head(60), ITEMS, events=events).lags_shown()) == [], "too few"


def test_unhappy_answers_of_the_period_wait_for_a_call_and_nobody_is_named() -> None:
    responses, events = study(QUICK_AND_LATE, FADING)
    responses["in_period"] = [False] * 100 + [True] * 100
    responses.loc[150, "customer_id"] = None
    unhappy = responses["after"].le(2) & responses["in_period"]
    found = event_timing(responses, ITEMS, events=events, now=START + pd.Timedelta(days=60))
    ((words, rows),) = found.alerts_shown()
    known = int((unhappy & responses["customer_id"].notna()).sum())
    assert rows["n"].sum() == known
    assert words["title"].startswith(f"{known} unhappy answers of the period ask for a call, most after ")
    assert (rows["n_overdue"] == rows["n"]).all()
    assert "customer_id" not in rows
    assert words["note"]["Not callable"].startswith(f"{int(unhappy.sum()) - known} unhappy")
    assert list(event_timing(responses, ITEMS, events=events).alerts_shown()) == []
