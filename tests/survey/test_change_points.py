"""Steps of a tracked measure: worked by hand, planted, and how often none is called one."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxlab.inference import share_row
from cxlab.problems import NotApplicableError
from cxlab.survey.change_points import ChangePoints, change_points

SFO = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "survey" / "sfo_tracking_2010_2018.parquet"
CUT_MEAN = 0.780903  # E min(|Z|, 2) = 2(φ(0) − φ(2)) + 4·P(Z > 2) = 2(0.398942 − 0.053991) + 4·0.0227501


def _found(estimates: list[float], errors: list[float] | float = 1.0, **more: object) -> ChangePoints:
    given = [errors] * len(estimates) if isinstance(errors, float) else errors
    return change_points(estimates, given, **{"n_sim": 199, "random_state": 0, **more})  # type: ignore[arg-type]


def _series(make: Callable[[np.random.Generator], np.ndarray], times: int) -> list[ChangePoints]:
    """Results of simulated series whose waves have a sampling error of 1."""
    rng = np.random.default_rng(20)
    made = [make(rng) for _ in range(times)]
    return [change_points(y, np.ones(len(y)), n_sim=199, random_state=i) for i, y in enumerate(made)]


def test_one_step_by_hand() -> None:
    # neighbours differ by 0, 0, 10, 0, 0: in the mean 2/5 when cut at two, less than chance gives, so extra is 0;
    # means 10 and 20, each with variance 1/3: 10 ± at least 1.96·√(2/3)
    found = _found([10, 10, 10, 20, 20, 20])
    step = found.points.to_dict("records")[0]
    assert found.extra == 0
    assert (step["from_wave"], step["to_wave"], step["difference"]) == (3, 4, pytest.approx(10))
    assert (step["estimate_before"], step["estimate_after"]) == (pytest.approx(10), pytest.approx(20))
    assert step["std_error"] == pytest.approx(math.sqrt(2 / 3))
    assert (step["n_before"], step["n_after"], step["n"]) == (3, 3, 6)
    assert step["conf_high"] - 10 == pytest.approx(10 - step["conf_low"])
    assert step["conf_high"] - 10 >= 1.9599 * math.sqrt(2 / 3)
    assert found.levels["std_error"].tolist() == pytest.approx([math.sqrt(1 / 3)] * 2)
    assert found.levels[["from_wave", "to_wave", "n"]].to_numpy().tolist() == [[1, 3, 3], [4, 6, 3]]
    assert found.to_frame().equals(found.points)


def test_a_wave_with_twice_the_error_counts_a_quarter() -> None:
    # weights 1, 1, 1/4: (10 + 10 + 14/4) / 2.25 = 10.444; variance 1/2.25
    found = _found([10, 10, 14, 40, 40, 40], [1.0, 1.0, 2.0, 1.0, 1.0, 1.0])
    assert found.extra == 0  # |4|/√5 and |26|/√5 cut at 2, of five: (1.79 + 2)/5 = 0.76, less than 0.78
    first = found.levels.iloc[0]
    assert first["to_wave"] == 3
    assert first["estimate"] == pytest.approx(23.5 / 2.25)
    assert first["std_error"] == pytest.approx(math.sqrt(1 / 2.25))


def test_the_variation_that_sampling_does_not_explain_by_hand() -> None:
    # all neighbours differ by 8, none is cut: 8/√(2·1 + 2·extra²) = 0.7809, so extra² = 32/0.7809² − 1
    found = _found([0, 8, 0, 8, 0, 8])
    assert found.points.empty
    assert found.extra == pytest.approx(math.sqrt(32 / CUT_MEAN**2 - 1), rel=1e-5)


def test_a_step_hardly_makes_the_unexplained_variation_larger_however_large_it_is() -> None:
    flat = 5 * np.random.default_rng(3).normal(size=20)
    after = np.arange(20) >= 10
    small, large = (_found((flat + step * after).tolist()) for step in (60, 3_000))
    assert small.points["to_wave"].tolist() == large.points["to_wave"].tolist() == [11]
    assert (small.extra, large.extra) == (pytest.approx(5, abs=1), pytest.approx(small.extra))
    # before the step is known, too: one of 19 differences counts for two, whatever it is
    unknown = [math.sqrt(large.search.extra2((flat + step * after)[None], [])[0]) for step in (300, 3_000)]
    assert unknown[0] == pytest.approx(unknown[1])
    assert unknown[0] == pytest.approx(5, rel=0.3)


def test_the_p_value_is_that_of_the_largest_difference_over_all_places() -> None:
    # by another route: the same statistic for plain series of normal waves, every place tried one by one
    y = np.array([0.0, 0.5, -0.5, 0.0, 2.0, 1.0, 1.5, 1.5])

    def largest(series: np.ndarray) -> float:
        gaps = [
            abs(series[:i].mean() - series[i:].mean()) / math.sqrt(1 / i + 1 / (len(series) - i)) for i in range(2, 7)
        ]
        return max(gaps)

    rng = np.random.default_rng(1)
    sampling_alone = np.mean([largest(rng.normal(size=8)) >= largest(y) for _ in range(4_000)])
    found = _found(y.tolist(), n_sim=4_000)
    assert found.extra == 0
    # two shares near 0.1 of 4,000 each: their difference has a standard error of 0.0067
    assert found.p_value == pytest.approx(sampling_alone, abs=3 * 0.0067)


@pytest.mark.parametrize("extra", [0.0, 1.0, 2.0])
def test_where_nothing_changed_a_step_is_found_in_at_most_one_of_twenty_series(extra: float) -> None:
    found = _series(lambda rng: math.hypot(1, extra) * rng.normal(size=12), 300)
    alarms = sum(len(one.points) > 0 for one in found)
    assert alarms <= 0.05 * 300 + 1.645 * math.sqrt(300 * 0.05 * 0.95)  # what 5% gives in 19 of 20 such trials
    assert alarms > 0


def test_a_planted_step_is_found_at_its_place_and_no_other_is_added() -> None:
    at = np.arange(12)
    found = _series(lambda rng: math.sqrt(2) * rng.normal(size=12) + np.where(at < 7, 0, 5 * math.sqrt(2)), 200)
    right = [one for one in found if one.points["to_wave"].tolist() == [8]]
    assert len(right) >= 180
    covered = np.mean([one.points["conf_low"][0] < 5 * math.sqrt(2) < one.points["conf_high"][0] for one in right])
    assert 0.92 <= covered <= 1
    more = sum(len(one.points) > 1 for one in found)
    assert more <= 0.05 * 200 + 1.645 * math.sqrt(200 * 0.05 * 0.95)


def test_a_bump_is_two_steps_and_every_wave_belongs_to_one_level() -> None:
    found = _found([5, 6, 5, 4, 5, 15, 14, 16, 15, 15, 5, 6, 5, 4, 5])
    assert found.points[["from_wave", "to_wave"]].to_numpy().tolist() == [[5, 6], [10, 11]]
    assert found.points["difference"].tolist() == pytest.approx([10, -10])
    assert found.levels["n"].tolist() == [5, 5, 5]
    assert found.levels["n"].sum() == found.n_waves
    assert found.headline().startswith("The level stepped 2 times in 15 waves: +10.0 (")


def test_a_step_is_placed_again_when_an_earlier_one_is_found() -> None:
    # alone, the step to 8 lies before the 5, which is nearer to 8 than to the mean of all before it; beside 3, 3, 4 it is not
    y = [-1, 0, 0, 0, 1, 3, 3, 4, 5, 8, 7, 7, 8, 8, 10]
    found = _found([float(value) for value in y])
    _, place = found.search.largest(found.search.y[None], [])
    assert place.tolist() == [8], "after eight waves, so from the ninth on"
    assert found.points["to_wave"].tolist() == [6, 10]


def test_a_level_may_be_the_first_or_the_last_two_waves() -> None:
    assert _found([10, 10, 0, 0, 0, 0, 0, 0]).points["to_wave"].tolist() == [3]
    assert _found([0, 0, 0, 0, 0, 0, 10, 10]).points["to_wave"].tolist() == [7]
    assert _found([0, 0, 0, 0, 0, 0, 0, 10]).points["to_wave"].tolist() != [8], "one wave is no level"


def test_a_step_is_never_surer_than_the_one_that_was_found_before_it() -> None:
    # a bump hides each of its steps from the other: the first is found with some luck, the second would then be beyond doubt
    found = _found([0, 0.5, 0, 0.5, 3, 3.5, 3, 3.5, 3, 3.5, 0, 0.5, 0, 0.5], n_sim=999)
    assert found.points["to_wave"].tolist() == [5, 11]
    assert found.p_value > 0.01
    assert found.points["p_value"].tolist() == [found.p_value] * 2


def test_a_slow_trend_is_said_as_a_trend_and_not_as_a_staircase() -> None:
    y = 0.5 * np.arange(24) + np.random.default_rng(8).normal(size=24)
    found = _found(y.tolist())
    assert len(found.points) == 2, "a trend comes out as steps"
    assert found.shape == "trend"
    slope = found.trend.iloc[0]
    expected, residue = np.polyfit(np.arange(24), y, 1, cov="unscaled")
    assert slope["estimate"] == pytest.approx(expected[0])
    assert slope["std_error"] == pytest.approx(math.sqrt(residue[0, 0] * (1 + found.extra**2)))
    assert found.headline() == (
        "A steady change of +0.55 (0.49 to 0.61) from wave to wave describes 24 waves better than 2 steps would."
    )


def test_a_clear_step_is_no_trend() -> None:
    assert _found([10, 10, 10, 10, 20, 20, 20, 20]).shape == "steps"
    assert _found([10, 10, 10, 10, 10, 10, 10, 10]).shape == "none"


def test_a_step_that_a_line_describes_as_well_is_said_to_be_either() -> None:
    y = [0.0, 0.5, 0.0, 0.5, 3.0, 3.5, 3.0, 4.0]
    found = _found(y)
    # both by hand with sampling errors of 1: left over from the line against a step after the fourth wave
    line = np.polyval(np.polyfit(range(8), y, 1), range(8))
    levels = np.repeat([np.mean(y[:4]), np.mean(y[4:])], 4)
    gap = ((y - line) ** 2).sum() + 2 * math.log(8) - ((y - levels) ** 2).sum() - 3 * math.log(8)
    assert found.extra == 0
    assert abs(gap) < 2
    assert found.shape == "either"
    assert found.headline().endswith("; a steady change would describe them about as well.")


def test_a_flat_series_says_which_step_it_would_have_shown() -> None:
    rng = np.random.default_rng(4)
    found = change_points(rng.normal(size=12), np.ones(12), n_sim=500, random_state=0)
    assert found.points.empty
    assert len(found.levels) == 1
    assert f"No clear step in 12 waves; one of {found.detectable:.1f} in the middle" in found.headline()
    step = np.where(np.arange(12) < 6, 0, found.detectable)
    seen = np.mean(
        [len(one.points) > 0 for one in _series(lambda r: math.hypot(1, found.extra) * r.normal(size=12) + step, 150)]
    )
    assert 0.7 <= seen <= 0.95


def test_waves_without_a_figure_are_skipped_and_said() -> None:
    figures = pd.Series([10, 10, math.nan, 10, 20, 20, 20, 20], index=list("abcdefgh"))
    errors = pd.Series([1, 1, 1, 1, 1, 1, math.nan, 1.0], index=figures.index)
    found = change_points(figures, errors, n_sim=199, random_state=0)
    assert found.skipped.to_numpy().tolist() == [["c", "has no estimate"], ["g", "has no sampling error"]]
    assert found.n_waves + len(found.skipped) == 8
    assert found.points[["from_wave", "to_wave"]].to_numpy().tolist() == [["d", "e"]]
    assert "6 waves (2 skipped: c has no estimate and g has no sampling error)" in found.headline()


def test_the_same_seed_gives_the_same_result_and_units_do_not_matter() -> None:
    y = [3.0, 1, 2, 4, 6, 7, 5, 7, 8]
    one, again = _found(y), _found(y)
    pd.testing.assert_frame_equal(one.points, again.points, check_exact=True)
    times_ten = _found([10 * value + 100 for value in y], [10.0] * 9)
    assert times_ten.p_value == one.p_value
    assert times_ten.points["difference"].tolist() == pytest.approx((10 * one.points["difference"]).tolist())


@pytest.mark.parametrize(
    ("estimates", "errors", "more", "said"),
    [
        ([1, 2, 3, 4, 5, 6], [1, 1, 1, 1, 1, 0], {}, "wave 6 is 0; a sampling error is above 0"),
        ([1, 2, 3, 4, 5, 6], [1] * 5, {}, "`std_errors` has 5 entries for 6 waves"),
        ([1, 2, 3, 4, 5, math.inf], [1] * 6, {}, "`estimates` must be finite numbers, got inf"),
        ([1, 2, 3, 4, 5, "x"], [1] * 6, {}, "`estimates` must be finite numbers, got x"),
        ([1, 2, 3, 4, 5, 6], [1] * 6, {"labels": ["a"] * 6}, "wave 'a' is there twice"),
        ([1, 2, 3, 4, 5, 6], [1] * 6, {"labels": ["a"]}, "`labels` names 1 waves, `estimates` has 6"),
        ([1, 2, 3, 4, 5, 6], [1] * 6, {"min_waves": 1}, "from 2 upwards, got 1"),
        ([1, 2, 3, 4, 5, 6], [1] * 6, {"alpha": 5}, "`alpha` must be between 0 and 1, got 5"),
        ([1, 2, 3, 4, 5, 6], [1] * 6, {"n_sim": 18}, "`n_sim` must be at least 19 for alpha=0.05, got 18"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(estimates: list, errors: list, more: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        change_points(estimates, errors, **more)


def test_errors_of_another_table_are_refused() -> None:
    with pytest.raises(ValueError, match="another index"):
        change_points(pd.Series([1.0] * 6), pd.Series([1.0] * 6, index=list("abcdef")))


def test_fewer_than_six_waves_are_not_judged() -> None:
    with pytest.raises(NotApplicableError, match=r"needs at least 6 waves .*; there are 5"):
        change_points([1, 2, 3, 4, 5, math.nan], [1] * 6)
    with pytest.raises(NotApplicableError, match=r"needs at least 8 waves .*; there are 7"):
        change_points([1] * 7, [1] * 7, min_waves=4)


@pytest.mark.realdata
def test_most_items_of_the_airport_step_up_between_the_same_two_years_as_a_changed_method_would_make_them() -> None:
    if not SFO.exists():
        pytest.skip("the shared real data lacks survey/sfo_tracking_2010_2018.parquet")
    sfo = pd.read_parquet(SFO)
    places = []
    for item in ("overall", "art", "walkways", "screens", "clean_boarding", "airtrain"):
        rows = pd.DataFrame(
            [
                {"wave": wave} | share_row((part[item] >= 4).where(part[item].notna()).astype(float))
                for wave, part in sfo.groupby("wave")
            ]
        )
        found = change_points(rows["estimate"], rows["std_error"], labels=rows["wave"].tolist(), random_state=0)
        assert found.n_waves == 9
        places += found.points["to_wave"].tolist()
    assert places == [2012] * 5  # the trains, item six, show none
