"""Fieldwork by hand: rhythm, season and hours of waves, repeat respondents, the order of arrival."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from statsmodels.sandbox.stats.runs import runstest_1samp

from cxlab.inference.intervals import wilson
from cxlab.survey.fieldwork import regularity, repeat_respondents, runs_test


def _fielded(wave: object, first: str, days: int, *, hour: int = 10, each: int = 10) -> pd.DataFrame:
    """`each` answers on every one of `days` days, at one hour."""
    dates = pd.date_range(first, periods=days, freq="D") + pd.Timedelta(hours=hour)
    return pd.DataFrame({"wave": wave, "date": np.repeat(dates, each)})


def test_the_wave_in_another_season_is_named_with_the_season_of_the_others() -> None:
    years = {2011: "2011-05-02", 2012: "2012-05-07", 2013: "2013-05-06", 2014: "2014-09-01", 2015: "2015-05-04"}
    found = regularity(pd.concat([_fielded(year, first, 14) for year, first in years.items()]))
    assert found.irregular["wave"].tolist() == [2014, 2015]
    # 2013-05-06 to 2014-09-01 are 483 days, back to 2015-05-04 245; the gaps 371, 364, 483, 245 have the median 367.5
    assert found.waves["reason"].tolist()[3:] == [
        "fielded in September, the others in May; 483 days after the wave before, usually 367.5",
        "245 days after the wave before, usually 367.5",
    ]
    assert found.waves["fieldwork_days"].tolist() == [14] * 5
    assert found.headline().startswith(
        "2 of 5 waves are irregular: 2014 (fielded in September, the others in May; 483 days"
    )


def test_quarterly_waves_have_no_season_to_keep() -> None:
    firsts = ["2024-01-08", "2024-04-08", "2024-07-08", "2024-10-07", "2025-01-06"]
    found = regularity(pd.concat([_fielded(first[:7], first, 10) for first in firsts]))
    assert found.irregular.empty
    assert found.waves["gap_days"].tolist()[1:] == [91, 91, 91, 91]
    assert math.isnan(found.waves["gap_days"].iloc[0])
    assert found.headline() == "All 5 waves were fielded alike, as far as their dates tell."


def test_a_season_is_near_across_the_turn_of_the_year() -> None:
    firsts = ["2021-12-20", "2022-12-27", "2024-01-03", "2024-12-30"]
    assert regularity(pd.concat([_fielded(first, first, 7) for first in firsts])).irregular.empty


def test_of_two_waves_the_second_is_held_against_the_first() -> None:
    found = regularity(pd.concat([_fielded("b", "2025-01-13", 14), _fielded("a", "2024-04-01", 3)]))
    assert found.waves["wave"].tolist() == ["a", "b"]  # in the order of time, not of the table
    assert found.irregular["wave"].tolist() == ["b"]
    reason = found.waves["reason"].iloc[1]
    assert reason.startswith("fielded in January, the others in April; 14 days of fieldwork, usually 3")
    alone = regularity(_fielded("a", "2024-04-01", 3))
    assert alone.headline() == "1 wave has dates: there is nothing to compare it with."


def test_other_hours_and_other_days_are_named() -> None:
    # four weeks from a Monday: 20 of 28 days are weekdays
    parts = [
        _fielded(wave, first, 28) for wave, first in (("1", "2024-01-01"), ("2", "2024-04-01"), ("3", "2024-07-01"))
    ]
    evening = _fielded("4", "2024-09-30", 28, hour=19)
    weekdays = _fielded("5", "2024-12-30", 28).loc[lambda rows: rows["date"].dt.day_of_week < 5]
    found = regularity(pd.concat([*parts, evening, weekdays]))
    assert found.waves["weekdays"].tolist() == pytest.approx([100 * 20 / 28] * 4 + [100])
    assert found.waves["morning"].tolist() == [100, 100, 100, 0, 100]
    assert found.waves["evening"].tolist() == [0, 0, 0, 100, 0]
    assert found.waves["reason"].tolist() == [
        "", "", "",
        "0% of answers in the morning, usually 100%",
        "100% of answers on weekdays, usually 71%",
    ]  # fmt: skip


def test_with_few_answers_other_days_may_be_luck() -> None:
    waves = [_fielded(wave, first, 14, each=1) for wave, first in (("1", "2024-01-01"), ("2", "2024-02-05"))]
    waves.append(_fielded("3", "2024-03-11", 12, each=1))  # 10 of 12 instead of 10 of 14: 12 percent more
    assert regularity(pd.concat(waves)).irregular.empty
    many = [_fielded(wave, first, 14, each=50) for wave, first in (("1", "2024-01-01"), ("2", "2024-02-05"))]
    many.append(_fielded("3", "2024-03-11", 12, each=50))
    assert regularity(pd.concat(many)).irregular["wave"].tolist() == ["3"]


def test_days_without_hours_have_no_dayparts_and_missing_dates_are_counted() -> None:
    rows = _fielded("1", "2024-01-01", 7, hour=0, each=2)
    rows.loc[0, "date"] = pd.NaT
    found = regularity(rows)
    assert found.waves.loc[0, ["night", "morning", "afternoon", "evening"]].isna().all()
    assert found.waves.loc[0, ["n", "n_undated"]].tolist() == [13, 1]


def test_the_hour_is_that_of_the_place() -> None:
    rows = _fielded("1", "2024-01-01", 7, hour=23)
    rows["date"] = rows["date"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")  # 8 in the morning, a day later
    wave = regularity(rows).waves.iloc[0]
    assert (wave["morning"], wave["first_day"]) == (100, pd.Timestamp("2024-01-02"))


def test_waves_without_usable_dates_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`date` must be dates, got .*; read them with `pd.to_datetime` first"):
        regularity(pd.DataFrame({"wave": [1], "date": ["2024-01-01"]}))
    with pytest.raises(ValueError, match="1 answers have no `wave`"):
        regularity(pd.DataFrame({"wave": [None], "date": pd.to_datetime(["2024-01-01"])}))
    nothing = regularity(pd.DataFrame({"wave": [1], "date": pd.to_datetime([None])}))
    assert nothing.headline() == "No wave has dates."


def test_repeat_respondents_by_hand() -> None:
    rows = pd.DataFrame(
        {
            "wave": [1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3],
            "customer_id": ["a", "b", "c", "a", "b", "d", None, "c", "d", "e", "e", "f"],
        }
    )
    table = repeat_respondents(rows, wave_col="wave", customer_col="customer_id").set_index("wave")
    # wave 2: a and b of a, b, d; wave 3: c (of wave 1) and d (of wave 2) of c, d, e, f
    assert table["n"].tolist() == [3, 3, 4]
    assert table["n_repeat"].tolist() == [0, 2, 2]
    assert table["n_before"].tolist() == [0, 2, 1]
    assert table["n_twice"].tolist() == [0, 0, 1]
    assert table["n_unknown"].tolist() == [0, 1, 0]
    assert table["estimate"].tolist()[1:] == pytest.approx([200 / 3, 50])
    assert table.loc[3, ["conf_low", "conf_high"]].tolist() == pytest.approx([100 * end for end in wilson(0.5, 4)])
    assert math.isnan(table.at[1, "estimate"])
    assert table.at[1, "reason"] == "the first wave: nobody can have answered before"


def test_repeat_respondents_follow_the_order_of_a_categorical() -> None:
    rows = pd.DataFrame({"wave": ["spring", "autumn"], "customer_id": ["a", "a"]})
    rows["wave"] = pd.Categorical(rows["wave"], ["spring", "autumn"], ordered=True)
    table = repeat_respondents(rows, wave_col="wave", customer_col="customer_id")
    assert table["wave"].tolist() == ["spring", "autumn"]
    assert table["estimate"].tolist()[1] == 100
    with pytest.raises(ValueError, match="1 answers have no `wave`"):
        repeat_respondents(pd.DataFrame({"wave": [None], "c": ["a"]}), wave_col="wave", customer_col="c")


def test_runs_by_hand_and_by_another_route() -> None:
    # ++++ ---- ++: 3 runs, 6 high, 4 low; mean 2·24/10 + 1 = 5.8, variance 4.8·3.8/9
    found = runs_test([1, 1, 1, 1, 0, 0, 0, 0, 1, 1])
    assert (found.n_runs, found.n_high, found.n_low) == (3, 6, 4)
    assert found.expected_runs == pytest.approx(5.8)
    assert found.z == pytest.approx((3 - 5.8) / math.sqrt(4.8 * 3.8 / 9))
    assert found.note == "fewer than ten values on a side: the normal approximation is rough"
    values = np.random.default_rng(8).normal(size=101)
    z, p = runstest_1samp(values, cutoff="median", correction=False)
    assert (runs_test(values).z, runs_test(values).p_value) == (pytest.approx(z), pytest.approx(p))


def test_answers_on_the_median_go_where_they_even_the_halves() -> None:
    # median 10, the best answer: nothing is above it, so 10 against the others
    found = runs_test([10, 10, 3, 10, 8, None, 10])
    assert (found.n_high, found.n_low, found.n_runs, found.n_missing) == (4, 2, 5, 1)
    assert runs_test([10, 9, 8, 8], cutoff=9.5).n_high == 1


def test_streaks_are_found_and_no_order_is_none() -> None:
    streaks = runs_test(np.repeat([1, 0] * 10, 10))
    assert streaks.z < -8
    assert streaks.headline().startswith(
        "Answers that arrive one after the other are alike (20 runs, 101 expected, p < 0.001"
    )
    assert runs_test([0, 1] * 50).headline().startswith("Answers that arrive one after the other are unlike")
    p = [runs_test(np.random.default_rng(seed).integers(0, 11, 200)).p_value for seed in range(200)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.035)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([5, 5, 5], "all values lie on one side of the cutoff"),
        ([1, 2], "two values have no order"),
        ([], "nobody answered"),
    ],
)
def test_a_sequence_without_an_order_has_no_test_and_says_why(values: list[float], said: str) -> None:
    found = runs_test(values)
    assert math.isnan(found.z)
    assert math.isnan(found.p_value)
    assert said in found.headline()


def test_words_have_no_runs() -> None:
    with pytest.raises(ValueError, match="`sequence` must be numbers, or true and false, got 'high'"):
        runs_test(["high", 1])
