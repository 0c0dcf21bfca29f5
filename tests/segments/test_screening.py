"""Who answered with care: refused, told, and never dropped."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from cxlab.segments import KMeansSegmenter, screen


def test_the_longest_run_and_the_spread_of_five_people_by_hand() -> None:
    people = [[1, 1, 2, 2, 2], [1, 2, 3, 4, 5], [None, 2, 2, None, 2], [None] * 5, [4] * 5]
    found = screen(pd.DataFrame(people, index=list("abcde"), dtype=float))
    assert found["longest_run"].to_dict() == {"a": 3, "b": 1, "c": 2, "d": 0, "e": 5}
    # 1, 1, 2, 2, 2: mean 1.6, squares 2·.36 + 3·.16 = 1.2, over 5; 1..5: 10 over 5
    assert found["spread"].tolist() == pytest.approx([0.24**0.5, 2**0.5, 0, np.nan, 0], nan_ok=True)
    assert found["missing_share"].tolist() == pytest.approx([0, 0, 0.4, 1, 0])
    assert found["keep"].tolist() == [True, True, True, False, True]
    assert found["reason"].tolist() == ["", "", "", "no answer", ""]


def test_a_hole_does_not_hide_a_straight_line_of_eight() -> None:
    found = screen(pd.DataFrame([[3.0] * 8 + [np.nan], [3.0] * 7 + [np.nan] * 2, [3.0] * 8 + [4.0]]))
    assert found["keep"].tolist() == [False, True, True]


def test_the_same_fraction_throughout_is_a_straight_line_in_spite_of_rounding() -> None:
    # the mean of twelve times .1 is not .1 in binary arithmetic: their standard deviation is 1e-17
    found = screen(pd.DataFrame(np.full((1, 12), 0.1)))
    assert found["spread"][0] == 0
    assert not found["keep"][0]


def test_whole_numbers_with_a_hole_are_read_as_pandas_writes_them() -> None:
    answers = pd.DataFrame({f"q{i}": pd.array([3, i, pd.NA], dtype="Int64") for i in range(8)})
    found = screen(answers)
    assert found["keep"].tolist() == [False, True, False]
    assert found["missing_share"].tolist() == [0, 0, 1]


def test_nobody_is_dropped_and_the_order_and_a_doubled_index_stay() -> None:
    answers = pd.DataFrame(np.arange(40).reshape(5, 8) % 7, index=["x", "y", "x", "z", "y"])
    found = screen(answers)
    assert found.index.tolist() == ["x", "y", "x", "z", "y"]
    assert screen(answers.iloc[:0]).columns.tolist() == found.columns.tolist()


def test_an_answer_that_is_no_number_and_a_battery_without_items_are_refused() -> None:
    with pytest.raises(ValueError, match="item 'price' has the answer 'often', which is no number"):
        screen(pd.DataFrame({"ease": [1, 2], "price": [1, "often"]}))
    with pytest.raises(ValueError, match="the battery has no items"):
        screen(pd.DataFrame(index=[1, 2]))


def test_straight_liners_cost_nothing_once_they_are_screened() -> None:
    rng = np.random.default_rng(1)
    truth = np.arange(300) % 3
    raw = 3 + 0.8 * np.repeat(np.eye(3), 4, axis=1)[truth] + 0.7 * rng.normal(size=(300, 12))
    careful = np.clip(np.rint(raw), 1, 5)
    lazy = np.repeat(rng.integers(3, 6, (75, 1)), 12, axis=1)
    every = pd.DataFrame(np.vstack([careful, lazy]))
    kept = screen(every)["keep"]
    assert not kept[300:].any()

    def agreement(answers: pd.DataFrame) -> float:
        fitted = KMeansSegmenter(3, style="center", random_state=0).fit(answers.to_numpy(dtype=float))
        return adjusted_rand_score(truth, fitted.predict(careful))

    assert agreement(every[kept]) >= agreement(every.iloc[:300]) - 0.01
