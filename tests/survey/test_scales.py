"""Answers on and off the scale."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxlab.survey import check_scale, orient


def test_missing_answers_stay_missing_whatever_holds_them() -> None:
    for scores in ([1, None, 5], pd.Series([1, pd.NA, 5], dtype="Int8"), pd.Series(["1", None, "5"])):
        assert check_scale(scores, (1, 5)).tolist() == pytest.approx([1, np.nan, 5], nan_ok=True)


def test_a_code_off_the_scale_is_named_with_its_count_and_the_way_out() -> None:
    with pytest.raises(ValueError, match=r"`nps` holds .*from 0 to 10\): 11 \(2 times\), 99; .*`missing = \[11, 99\]`"):
        check_scale([10, 11, 11, 99], (0, 10), name="nps")


def test_text_that_is_no_number_is_off_the_scale() -> None:
    with pytest.raises(ValueError, match='"Blank"'):
        check_scale(pd.Series(["4", "Blank"]), (1, 5))
    with pytest.raises(ValueError, match='""'):
        check_scale(["4", ""], (1, 5))


def test_an_answer_between_the_steps_is_refused_only_where_whole_numbers_are_needed() -> None:
    assert check_scale([3.5], (1, 5)).tolist() == [3.5]
    with pytest.raises(ValueError, match=r"whole numbers from 1 to 5\): 3\.5"):
        check_scale([3.5], (1, 5), whole=True)


def test_infinity_and_true_are_not_answers() -> None:
    with pytest.raises(ValueError, match="inf"):
        check_scale([np.inf], (1, 5))
    with pytest.raises(ValueError, match="true or false"):
        check_scale(pd.Series([True, False]), (0, 10))


def test_many_wrong_values_are_summed_up() -> None:
    with pytest.raises(ValueError, match="and 15 other values"):
        check_scale(range(11, 31), (0, 10))


def test_a_scale_that_falls_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`scale` must rise, got \(5, 1\)"):
        check_scale([1], (5, 1))
    with pytest.raises(ValueError, match="lowest and the highest answer"):
        check_scale([1], (1, 2, 3))  # type: ignore[arg-type]


def test_a_reversed_item_is_turned_around_the_middle_and_keeps_its_container() -> None:
    scores = pd.Series([1.0, np.nan, 4.0], index=["a", "b", "c"])
    turned = orient(scores, (1, 5), reversed=True)
    pd.testing.assert_series_equal(turned, pd.Series([5.0, np.nan, 2.0], index=["a", "b", "c"]))
    assert orient(scores, (1, 5), reversed=False) is scores
