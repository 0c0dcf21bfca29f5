"""Periods: half-open, in the study's time zone."""

from __future__ import annotations

import pandas as pd
import pytest

from cxlab.period import Period
from cxlab.problems import StudyError


@pytest.mark.parametrize(
    ("label", "first", "after"),
    [
        ("2026", "2026-01-01", "2027-01-01"),
        ("2026-Q4", "2026-10-01", "2027-01-01"),
        ("2026-12", "2026-12-01", "2027-01-01"),
        ("2026-W01", "2025-12-29", "2026-01-05"),
    ],
)
def test_a_period_runs_from_its_first_day_to_the_day_after_its_last(label: str, first: str, after: str) -> None:
    period = Period.parse(label)
    assert (str(period.first), str(period.after), period.label) == (first, after, label)


def test_bounds_are_local_midnight_also_when_the_clocks_change() -> None:
    period = Period.parse("2026-10", "Europe/Paris")  # winter time begins on 25 October 2026
    assert period.start == pd.Timestamp("2026-09-30 22:00", tz="UTC")
    assert period.end == pd.Timestamp("2026-10-31 23:00", tz="UTC")


@pytest.mark.parametrize(
    ("label", "earlier"), [("2026-Q1", "2025-Q4"), ("2026-01", "2025-12"), ("2026", "2025"), ("2026-W01", "2025-W52")]
)
def test_the_previous_period_ends_where_this_one_begins(label: str, earlier: str) -> None:
    period = Period.parse(label)
    assert period.previous().label == earlier
    assert period.previous().after == period.first
    assert period.previous().next() == period


@pytest.mark.parametrize("label", ["2026-13", "2026-Q5", "26-Q1", "2025-W53", "last month", "2026-1", ""])
def test_what_is_no_period_is_refused_with_the_formats(label: str) -> None:
    with pytest.raises(StudyError, match="2026-Q3"):
        Period.parse(label)


def test_periods_up_to_the_last_are_listed_in_order() -> None:
    labels = [p.label for p in Period.parse("2025-Q4").up_to(Period.parse("2026-Q2"))]
    assert labels == ["2025-Q4", "2026-Q1", "2026-Q2"]


def test_days_are_written_for_a_reader() -> None:
    assert Period.parse("2026-Q3").words() == "1 July to 30 September 2026"
    assert Period.parse("2026-W01").words() == "29 December 2025 to 4 January 2026"
