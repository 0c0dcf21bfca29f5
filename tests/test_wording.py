"""How numbers are written."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from cxlab import wording


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (-18.1, "points", "−18"),
        (24, "points", "24"),
        (0.4, "%", "0%"),
        (99.6, "%", "100%"),
        (5.0, "1 to 7", "5.0"),
        (1250000, "", "1,250,000"),
        (np.float64(0.151), "", "0.15"),
        (-3.25, "", "−3.2"),
    ],
)
def test_an_estimate_has_the_decimals_of_its_unit(value: float, unit: str, text: str) -> None:
    assert wording.estimate_text(value, unit) == text


@pytest.mark.parametrize("value", [-0.4, -0.04, 0.0, -0.0, 0.3])
def test_what_rounds_to_zero_has_no_sign(value: float) -> None:
    assert wording.estimate_text(value, "points") == "0"
    assert wording.difference_text(value, "%") == "0"


def test_no_hyphen_stands_for_a_minus() -> None:
    texts = [
        wording.estimate_text(-2214.5, "points"),
        wording.interval_text(-25, -9, "%"),
        wording.difference_text(-17, "1 to 7", -25, -9),
    ]
    assert "-" not in "".join(texts)
    assert texts[1:] == ["−25 to −9%", "−17.0 (−25.0 to −9.0)"]


@pytest.mark.parametrize("missing", [None, math.nan, pd.NA, np.float64("nan"), math.inf])
def test_what_is_missing_is_said_in_words(missing: float | None) -> None:
    assert wording.estimate_text(missing, "%") == "not defined"
    assert wording.estimate_text(missing, "%", reason="n<30") == "n<30"
    assert wording.interval_text(missing, 3.0) == "no interval"
    assert wording.difference_text(missing) == "not tested"
    assert wording.p_text(missing) == "not tested"
    assert wording.base_text(missing) == "no answers"


def test_a_difference_of_shares_never_carries_a_percent_sign() -> None:
    assert wording.difference_text(-9.2, "%", -13, -5) == "−9 (−13 to −5)"
    assert wording.difference_unit("%") == "percentage points"


@pytest.mark.parametrize(("p", "text"), [(0, "< 0.001"), (0.00099, "< 0.001"), (0.001, "0.001"), (1, "1.000")])
def test_p_has_three_decimals_and_is_never_zero(p: float, text: str) -> None:
    assert wording.p_text(p) == text


@pytest.mark.parametrize("p", [-0.01, 1.2])
def test_a_p_value_outside_zero_and_one_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match=f"between 0 and 1, got {p}"):
        wording.p_text(p)


@pytest.mark.parametrize(
    ("n", "text"), [(29, "n<30"), (1, "n<30"), (30, "30 (small)"), (99, "99 (small)"), (100, "100"), (12345, "12,345")]
)
def test_a_base_is_hidden_below_30_and_marked_below_100(n: int, text: str) -> None:
    assert wording.base_text(n) == text


def test_a_study_may_set_its_own_smallest_bases() -> None:
    assert wording.base_text(40, min_base=50, caution_base=200) == "n<50"
    assert wording.base_text(150, min_base=50, caution_base=200) == "150 (small)"


def test_the_arrow_follows_the_number_and_the_word_whether_that_is_good() -> None:
    assert wording.reading_text("worse", 4) == "▲ Worse"  # churn rose
    assert wording.reading_text("better", -4) == "▼ Better"
    assert wording.reading_text("no clear change", -4) == "No clear change"
    assert wording.reading_text("not tested", math.nan) == "Not tested"


def test_an_unknown_reading_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="`great` is no reading; known: better, worse"):
        wording.reading_text("great")


TABLE = pd.DataFrame(
    {
        "wave": ["Q1", "Q2", "Q1", "Q2"],
        "segment": ["Old", "Old", "New", "New"],
        "estimate": [41.0, 43.2, 3.0, 99.0],
        "conf_low": [35.0, math.nan, -3.0, 90.0],
        "conf_high": [47.0, math.nan, 9.0, 100.0],
        "n": [820, 627, 92, 12],
    }
)


def test_a_description_gives_the_values_by_series_and_hides_what_the_picture_hides() -> None:
    text = wording.describe("NPS by wave", TABLE, label_col="wave", series_col="segment", unit="points")
    assert text == "NPS by wave: Old: Q1 41 (35 to 47), Q2 43; New: Q1 3 (−3 to 9), Q2 not shown, n<30."


def test_a_description_of_differences_has_signs_and_readings() -> None:
    frame = TABLE.head(1).rename(columns={"estimate": "difference"}).assign(reading="better", n=500)
    text = wording.describe("Change", frame, label_col="wave", unit="%", difference=True, estimate_col="difference")
    assert text == "Change: Q1 +41 (35 to 47), better."


def test_a_description_names_the_column_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="no column `group`; it has wave, segment, estimate"):
        wording.describe("NPS", TABLE, label_col="group")


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"estimate": 5.0, "n": 29}, "n<30"),
        ({"estimate": 5.0, "n_before": 500, "n_after": 3}, "n<30"),
        ({"estimate": math.nan, "n": 500, "reason": "everybody agreed"}, "everybody agreed"),
        ({"estimate": math.nan, "n": 0}, "no answers"),
        ({"estimate": math.nan, "n": 500, "reason": math.nan}, "not defined"),
        ({"estimate": 5.0, "n": 30}, ""),
        ({"estimate": 5.0}, ""),
    ],
)
def test_why_an_estimate_is_hidden(row: dict[str, object], why: str) -> None:
    assert wording.why_hidden(row) == why
