"""Shares that stepped lately."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cxlab.inference.recent_steps import recent_step


def test_a_doubling_is_found_with_its_start_and_its_size() -> None:
    counts = [31, 28, 30, 33, 29, 27, 32, 30, 61, 58, 63]
    found = recent_step(counts, [1000] * 11)
    assert (found.since, found.earliest, found.latest) == (8, 8, 8)
    assert found.before == pytest.approx(240 / 8000, rel=0.02)
    assert found.now == pytest.approx(182 / 3000, rel=0.02)
    assert found.estimate == pytest.approx(found.now - found.before)
    assert found.conf_low < found.estimate < found.conf_high
    assert found.p_value < 0.001
    assert (found.n_before, found.n) == (8000, 3000)


def test_without_extra_the_error_of_the_change_is_that_of_two_shares() -> None:
    # alternating around the level within chance: nothing beyond chance is estimated
    found = recent_step([30, 31, 29, 30, 31, 29, 30, 60], [1000] * 8, recent=1)
    assert found.extra == 0
    textbook = math.sqrt(0.03 * 0.97 / 7000 + 0.06 * 0.94 / 1000)
    assert found.std_error == pytest.approx(textbook, rel=0.02)


def test_periods_that_differ_anyway_make_the_same_rise_no_news() -> None:
    calm = [300, 310, 290, 305, 295, 302, 298, 420]
    wild = [300, 420, 210, 380, 190, 330, 270, 420]
    assert recent_step(calm, [10_000] * 8).p_value < 0.01
    assert recent_step(wild, [10_000] * 8).p_value > 0.3
    assert recent_step(wild, [10_000] * 8).extra > 0.005


def test_a_steady_series_is_called_in_one_of_twenty_whatever_periods_differ_by() -> None:
    rng = np.random.default_rng(1)
    for spread in (0.0, 0.3):
        size = (1 - 0.05) / (0.05 * 0.3**2) - 1
        called = 0
        for _ in range(200):
            shares = rng.beta(0.05 * size, 0.95 * size, 16) if spread else np.full(16, 0.05)
            called += recent_step(rng.binomial(400, shares), [400] * 16, n_sim=200).p_value < 0.05
        assert called <= 20  # 10 expected, more than 20 in 0.2%


def test_a_rise_that_is_over_is_no_present_run() -> None:
    steady, high = [30, 31, 29, 30, 31, 29, 30, 32, 28, 30], [90, 91, 89, 90, 92]
    over, still = recent_step([*steady, *high, 30], [1000] * 16), recent_step([*steady, *high, 90], [1000] * 16)
    assert still.p_value < 0.001
    assert over.p_value > 0.2


def test_a_fall_is_the_mirror_of_a_rise() -> None:
    counts = np.array([300, 310, 290, 305, 295, 302, 298, 420])
    up, down = recent_step(counts, [1000] * 8), recent_step(1000 - counts, [1000] * 8)
    assert down.estimate == pytest.approx(-up.estimate)
    assert (down.conf_low, down.conf_high) == pytest.approx((-up.conf_high, -up.conf_low))
    assert down.since == up.since
    assert down.p_value == pytest.approx(up.p_value, abs=0.01)


def test_a_given_start_is_tested_alone_and_so_more_easily() -> None:
    counts = [31, 24, 36, 33, 25, 27, 32, 30, 41, 43, 40]
    searched, given = recent_step(counts, [1000] * 11, recent=6), recent_step(counts, [1000] * 11, since=8)
    assert given.since == searched.since == 8
    assert given.p_value < searched.p_value
    assert given.estimate == searched.estimate


def test_the_run_may_be_older_than_was_looked_at() -> None:
    counts = [30] * 8 + [60] * 8
    assert recent_step(counts, [1000] * 16, recent=12).open is False
    assert recent_step(counts, [1000] * 16, recent=4).open is True


def test_too_short_a_series_and_one_without_a_case_have_a_reason() -> None:
    assert recent_step([1, 2, 3], [10] * 3).reason == "needs 5 periods before it, there are 2"
    assert recent_step([0] * 8, [10] * 8).reason == "the share is the same in every period"
    assert math.isnan(recent_step([0] * 8, [10] * 8).p_value)
    with pytest.raises(ValueError, match="period 2 counts 11 of 10"):
        recent_step([1, 11], [10, 10])
    with pytest.raises(ValueError, match="`recent` must be a whole number of periods"):
        recent_step([1] * 8, [10] * 8, recent=0)


def test_the_same_seed_gives_the_same_p() -> None:
    series = [31, 24, 36, 33, 25, 27, 32, 30, 41], [1000] * 9
    assert recent_step(*series, random_state=3) == recent_step(*series, random_state=3)
    assert recent_step(*series, random_state=3).p_value != recent_step(*series, random_state=4).p_value
