"""The fieldwork of a survey as a page shows it."""

from __future__ import annotations

import pandas as pd

from cxlab.survey.conduct import Conduct, conduct

ITEMS = pd.DataFrame(
    {
        "item": ["recommend"],
        "role": ["loyalty"],
        "touchpoint": [None],
        "label": ["likely to recommend"],
        "low": [0.0],
        "high": [10.0],
    }
)
DAY = pd.Timedelta(days=1)


def _wave(name: str, first: str, *, customers: str, days: int = 10) -> pd.DataFrame:
    start = pd.Timestamp(first, tz="UTC")
    return pd.DataFrame(
        {
            "survey": "tracking", "perspective": "customer", "wave": name, "recommend": [10.0, 0.0] * (days // 2),
            "submitted_at": [start + number * DAY for number in range(days)],
            "customer_id": [f"{customers}{number}" for number in range(days)],
        }
    )  # fmt: skip


def _quarters(last: pd.DataFrame) -> Conduct:
    waves = [
        _wave(f"Q{n}", first, customers=f"w{n}-")
        for n, first in ((1, "2026-01-05"), (2, "2026-04-06"), (3, "2026-07-06"))
    ]
    return conduct(pd.concat([*waves, last], ignore_index=True), ITEMS)


def test_waves_that_were_fielded_alike_need_no_word() -> None:
    seen = _quarters(_wave("Q4", "2026-10-05", customers="w4-"))
    (words, rows), *_ = seen.waves_shown()
    assert seen.sentences() == []
    assert words["title"] == "All 4 waves were fielded alike, as far as their dates tell."
    assert rows["gap_days"].dropna().tolist() == [91, 91, 91]
    assert rows["repeats"].tolist()[1:] == [0, 0, 0]


def test_a_newest_wave_that_took_thrice_as_long_is_told_up_front() -> None:
    seen = _quarters(_wave("Q4", "2026-10-05", customers="w4-", days=30))
    assert seen.sentences() == ["Q4 was not fielded like the waves before: 30 days of fieldwork, usually 10."]


def test_customers_who_answer_again_are_counted_and_told() -> None:
    seen = _quarters(_wave("Q4", "2026-10-05", customers="w2-"))
    assert "100% of the customers of Q4 had answered an earlier wave" in seen.sentences()[0]


def test_the_order_of_arrival_is_that_of_the_newest_wave() -> None:
    seen = _quarters(_wave("Q4", "2026-10-05", customers="w4-"))
    assert seen.order is not None
    assert (seen.order.n, seen.order.n_runs) == (10, 10)  # high, low, high, low …
    (words, _), *_ = seen.waves_shown()
    assert words["note"]["Order"].startswith("Likely to recommend: Answers that arrive one after the other are unlike")


def test_a_survey_after_contacts_or_without_dates_has_nothing_to_show_and_says_why() -> None:
    rows = _wave("Q4", "2026-10-05", customers="w4-")
    events = conduct(rows.assign(survey="event"), ITEMS, survey="event")
    undated = conduct(rows.drop(columns="submitted_at"), ITEMS)
    assert [list(seen.waves_shown()) for seen in (events, undated)] == [[], []]
    assert (events.why_not, undated.why_not) == (
        "a survey after contacts runs all the time",
        "the answers bring no dates",
    )


def test_days_are_those_of_the_studys_zone() -> None:
    rows = _wave("Q4", "2026-10-05 23:30", customers="w4-")
    assert conduct(rows, ITEMS, timezone="Europe/Berlin").waves["first_day"].iloc[0] == "2026-10-06"
