"""What a manager will quote: number, interval, base, and no more than the interval allows."""

from __future__ import annotations

import math

from cxlab.inference import Difference, Estimate


def test_a_negative_nps_has_a_minus_sign_and_a_large_base_separators() -> None:
    found = Estimate(-18.1, 2.5, -23.0, -13.1, 0.95, 1065, label="NPS", unit="points")
    assert found.headline() == "NPS is −18, between −23 and −13 (n 1,065)."


def test_zero_is_never_minus_zero() -> None:
    found = Estimate(-0.2, 2.5, -5.1, 4.7, 0.95, 500, label="NPS", unit="points")
    assert found.headline() == "NPS is 0, between −5 and 5 (n 500)."


def test_a_mean_has_one_decimal_and_names_its_scale() -> None:
    found = Estimate(5.24, 0.05, 5.142, 5.338, 0.95, 431, label="Ease", unit="1 to 7")
    assert found.headline() == "Ease is 5.2 on a scale of 1 to 7, between 5.1 and 5.3 (n 431)."


def test_another_confidence_level_is_said() -> None:
    found = Estimate(81.2, 1, 79.6, 82.8, 0.9, 431, label="CSAT", unit="%")
    assert found.headline() == "CSAT is 81%, between 80% and 83% (n 431, 90% interval)."


def test_an_undefined_figure_says_why() -> None:
    undefined = Estimate(math.nan, math.nan, math.nan, math.nan, 0.95, 0, label="NPS", reason="nobody answered")
    assert undefined.headline() == "NPS cannot be stated: nobody answered (n 0)."
    lone = Estimate(4.0, math.nan, math.nan, math.nan, 0.95, 1, label="CES", unit="1 to 5", reason="one answer")
    assert lone.headline() == "CES is 4.0 on a scale of 1 to 5, without an interval: one answer (n 1)."


def _change(estimate: float, low: float, high: float, unit: str = "points") -> str:
    return Difference(
        estimate, 1, low, high, 0.95, 300, label="CSAT", unit=unit, p_value=0.5, n_before=100, n_after=200
    ).headline()


def test_a_rise_a_fall_and_no_clear_change() -> None:
    assert _change(4, 1, 7, "%") == "CSAT rose by 4 percentage points, between 1 and 7 (n 100 before, 200 after)."
    assert _change(-4, -7, -1) == "CSAT fell by 4 points, between 1 and 7 (n 100 before, 200 after)."
    assert _change(1, -5, 7) == "No clear change in CSAT: 1 point, between −5 and 7 (n 100 before, 200 after)."


def test_an_undefined_difference_says_why() -> None:
    found = Difference(math.nan, math.nan, math.nan, math.nan, 0.95, 40, label="NPS", reason="nobody answered")
    assert found.headline() == "The change in NPS cannot be stated: nobody answered (n 0 before, 0 after)."
    bare = Difference(2.0, math.nan, math.nan, math.nan, 0.95, 40, label="NPS", unit="points", reason="one answer")
    assert bare.headline() == "NPS changed by 2 points, without an interval: one answer (n 0 before, 0 after)."
