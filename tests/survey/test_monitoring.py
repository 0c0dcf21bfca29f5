"""Is it steady? Charts of event surveys and of long series of waves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxlab.survey import Monitoring, control_chart, monitor, track

ITEMS = pd.DataFrame(
    {
        "item": ["after", "overall", "app"],
        "question": ["How was it?", "All in all?", "The app?"],
        "role": ["satisfaction"] * 3,
        "low": [1.0] * 3,
        "high": [5.0] * 3,
        "touchpoint": [None, None, "app"],
        "label": ["Satisfaction after an event", "Overall satisfaction", "App"],
    }
)


def events(counts: list[tuple[int, int]], days: int = 7) -> pd.DataFrame:
    """One (satisfied, asked) a stretch of so many days, from Monday 5 January 2026 on."""
    rows = [
        (pd.Timestamp("2026-01-05", tz="UTC") + pd.Timedelta(days=days * stretch), 5.0 if number < good else 2.0)
        for stretch, (good, asked) in enumerate(counts)
        for number in range(asked)
    ]
    frame = pd.DataFrame(rows, columns=["counted_at", "after"])
    return frame.assign(
        survey="event", perspective="customer", wave="2026-Q1", overall=np.nan, app=np.nan, in_period=True
    )


def waves(estimates: list[int]) -> pd.DataFrame:
    """Waves of a hundred answers, so many of them satisfied."""
    parts = [
        pd.DataFrame({"overall": [5.0] * good + [2.0] * (100 - good)}).assign(
            wave=str(2010 + number),
            counted_at=pd.Timestamp(f"{2010 + number}-05-01", tz="UTC"),
            in_period=number == len(estimates) - 1,
        )
        for number, good in enumerate(estimates)
    ]
    return pd.concat(parts, ignore_index=True).assign(
        survey="tracking", perspective="customer", after=np.nan, app=np.nan
    )


def watched(rows: pd.DataFrame, survey: str = "tracking") -> Monitoring:
    own = rows[rows["survey"] == survey]
    tracked = track(own, ITEMS) if len(own) else pd.DataFrame(columns=["item", "estimate", "n"])
    return monitor(rows, ITEMS, tracked, survey=survey)


STEADY = [(35, 50), (36, 50), (34, 50), (35, 50), (33, 50), (36, 50), (35, 50), (34, 50), (36, 50), (35, 50)]


def test_weeks_of_the_event_survey_are_a_p_prime_chart() -> None:
    (chart,) = watched(events(STEADY)).charts
    assert (chart.each, chart.survey, len(chart.points)) == ("week", "event", 10)
    expected = control_chart([good for good, _ in STEADY], kind="p_prime", n=50)
    assert chart.points["estimate"].tolist() == [2 * good for good, _ in STEADY]
    assert chart.points["conf_low"].iloc[0] == 100 * float(expected.lcl)  # type: ignore[arg-type]
    assert chart.points["when"].iloc[0] == "2026-W02"
    assert chart.sentence() == (
        "Satisfaction after an event in the event survey is steady: none of 10 weeks lies outside its control limits."
    )
    assert watched(events(STEADY)).sentences() == [], "no news needs no sentence in the answer"


def test_a_week_that_falls_out_is_named_with_its_side_and_its_figure() -> None:
    found = watched(events([*STEADY, *STEADY, (5, 50)]))
    assert found.sentences() == [
        "Satisfaction after an event in the event survey is not steady: 2026-W22 lies below its control limits with 10% "
        "(of 21 weeks)."
    ]
    ((words, rows),) = found.charts_shown()
    assert (words["name"], words["better"]) == ("control_after", "higher")
    assert rows.loc[rows["signal"], "when"].tolist() == ["2026-W22"]
    assert words["note"]["Chance"] == "Of steady charts of 21 points 6% show one outside"


def test_a_signal_of_earlier_periods_is_in_the_chart_and_not_in_the_answer() -> None:
    rows = events([*STEADY, (5, 50), *STEADY])
    old = rows.assign(in_period=rows["counted_at"] >= pd.Timestamp("2026-04-01", tz="UTC"))
    assert len(watched(old).charts[0].signals) == 1
    assert watched(old).sentences() == []


def test_the_newest_points_are_judged_by_those_before_the_period() -> None:
    rows = events([*STEADY, (5, 50), (5, 50), (5, 50)])
    new = rows.assign(in_period=rows["counted_at"] >= pd.Timestamp("2026-03-16", tz="UTC"))  # the three bad weeks
    (chart,) = watched(new).charts
    assert chart.points["center"].iloc[0] == pytest.approx(100 * 349 / 500)
    assert "limits from the 10 weeks before the period" in chart.words()["note"]["Limits"]
    assert chart.signals["when"].tolist() == ["2026-W12", "2026-W13", "2026-W14"]
    (all_of_them,) = watched(rows).charts
    assert all_of_them.points["center"].iloc[0] == pytest.approx(100 * 364 / 650)


def test_weeks_that_are_too_small_become_months_and_small_points_are_hidden() -> None:
    (chart,) = watched(events([(8, 12)] * 52)).charts
    assert chart.each == "month"
    (chart,) = watched(events([*STEADY, (7, 10)])).charts
    assert chart.points["reason"].iloc[-1] == "n<30"
    assert chart.points[["estimate", "conf_low"]].iloc[-1].isna().all()
    assert chart.points["n"].iloc[-1] == 10
    assert "none of 10 weeks" in chart.sentence()
    assert chart.words()["note"]["Base"] == "50 answers a week"


def test_a_week_without_any_answer_keeps_its_place() -> None:
    rows = events([*STEADY[:5], (0, 0), *STEADY[5:]])
    (chart,) = watched(rows).charts
    assert len(chart.points) == 11
    assert chart.points.loc[5, ["when", "n"]].tolist() == ["2026-W07", 0]


def test_too_short_a_record_has_no_chart() -> None:
    assert watched(events(STEADY[:7])).charts == []
    assert watched(waves([70, 71, 72, 70, 71, 70, 72])).charts == []
    assert list(watched(waves([70, 71])).charts_shown()) == []


def test_eight_waves_are_an_xmr_chart_of_their_figures() -> None:
    figures = [70, 71, 69, 70, 72, 70, 71, 50]
    (chart,) = watched(waves(figures)).charts
    expected = control_chart(figures, kind="xmr")
    assert (chart.item, chart.each) == ("overall", "wave")
    assert chart.points["center"].iloc[0] == expected.center
    assert chart.points["conf_low"].iloc[0] == expected.lcl
    assert chart.points["in_period"].tolist() == [False] * 7 + [True]


def test_two_surveys_are_two_charts_and_staff_are_in_none() -> None:
    both = pd.concat([events(STEADY), waves([70, 71, 69, 70, 72, 70, 71, 70])], ignore_index=True)
    found = watched(both)
    assert [chart.survey for chart in found.charts] == ["event", "tracking"]
    staff = events([(0, 50)] * 10).assign(perspective="staff")
    (chart, _) = watched(pd.concat([both, staff], ignore_index=True)).charts
    assert chart.points["estimate"].equals(found.charts[0].points["estimate"])
