"""Raking: margins met, refusals named, caps kept."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxlab.survey import rake

SAMPLE = pd.DataFrame(
    {"sex": ["f", "f", "f", "m", "m", "f"], "age": ["old", "young", "old", "young", "old", "young"]},
    index=[10, 20, 30, 40, 50, 60],
)


def shares(weights: pd.Series, column: str) -> dict[str, float]:
    return (weights.groupby(SAMPLE[column]).sum() / weights.sum()).to_dict()


def test_one_margin_by_hand() -> None:
    # 4 women and 2 men to 50:50 of 6: women 3/4 each, men 3/2 each
    found = rake(SAMPLE, {"sex": {"f": 0.5, "m": 0.5}})
    assert found.weights.tolist() == pytest.approx([0.75, 0.75, 0.75, 1.5, 1.5, 0.75])
    assert found.weights.index.tolist() == [10, 20, 30, 40, 50, 60]
    assert found.n_eff == pytest.approx(36 / (4 * 0.75**2 + 2 * 1.5**2))
    assert found.deff == pytest.approx(6 / found.n_eff)
    assert found.converged


def test_both_margins_hold_and_counts_set_the_total() -> None:
    found = rake(SAMPLE, {"sex": {"f": 520, "m": 480}, "age": {"old": 700, "young": 300}})
    assert found.weights.sum() == pytest.approx(1000)
    assert shares(found.weights, "sex") == pytest.approx({"f": 0.52, "m": 0.48})
    assert shares(found.weights, "age") == pytest.approx({"old": 0.7, "young": 0.3})


def test_margins_that_already_hold_leave_the_base_weights_alone() -> None:
    frame = SAMPLE.assign(base=[1.0, 2, 3, 1, 2, 1])
    held = frame.groupby("sex")["base"].sum().to_dict()
    assert rake(frame, {"sex": held}, base_weight_col="base").weights.tolist() == pytest.approx([1, 2, 3, 1, 2, 1])


@pytest.mark.parametrize(
    ("margins", "says"),
    [
        ({"sex": {"f": 0.5, "m": 0.4, "x": 0.1}}, r"margin `sex`: nobody in the sample is 'x' \(target 0\.1\)"),
        ({"sex": {"f": 1.0}}, "margin `sex`: no target for 'm'"),
        ({"sex": {"f": 0.5, "m": 0.45}}, r"margin `sex`: shares must add up to 1, these add up to 0\.95"),
        ({"sex": {"f": 600, "m": 400}, "age": {"old": 5000, "young": 6000}}, "`sex` adds up to 1000, `age` to 11000"),
        ({"sxe": {"f": 0.5, "m": 0.5}}, "no column `sxe`; did you mean `sex`"),
        ({"sex": {"f": 1.0, "m": 0.0}}, "margin `sex`: the target of 'm' must be above 0, got 0"),
        ({"sex": {"f": 2.0, "m": -1.0}}, "the target of 'm' must be above 0, got -1"),
        ({"sex": {"f": 0.5, "m": float("nan")}}, "the target of 'm' must be above 0, got nan"),
        ({}, "raking needs at least one margin"),
    ],
)
def test_what_cannot_be_raked_is_refused_by_variable_and_category(
    margins: dict[str, dict[str, float]], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        rake(SAMPLE, margins)


def test_respondents_without_a_value_are_counted_and_refused() -> None:
    frame = SAMPLE.assign(sex=["f", None, "f", None, "m", "f"])
    with pytest.raises(ValueError, match="2 respondents have no `sex`"):
        rake(frame, {"sex": {"f": 0.5, "m": 0.5}})


def test_missing_and_negative_base_weights_are_refused() -> None:
    for base, says in (([1, 1, 1, 1, 1, None], "have no weight"), ([1, 1, 1, 1, 1, -1], "weight must be")):
        with pytest.raises(ValueError, match=says):
            rake(SAMPLE.assign(base=base), {"sex": {"f": 0.5, "m": 0.5}}, base_weight_col="base")
    with pytest.raises(ValueError, match="every base weight in 'm' is 0"):
        rake(SAMPLE.assign(base=[1, 1, 1, 0, 0, 1]), {"sex": {"f": 0.5, "m": 0.5}}, base_weight_col="base")


def test_margins_that_the_cells_contradict_are_refused_with_the_worst_category() -> None:
    # every woman is old and every man young, so both margins cannot be met
    frame = pd.DataFrame({"sex": ["f", "f", "m", "m"], "age": ["old", "old", "young", "young"]})
    with pytest.raises(ValueError, match=r"after 2000 rounds `(sex|age)` = '(f|m|old|young)' is still .* contradict"):
        rake(frame, {"sex": {"f": 0.5, "m": 0.5}, "age": {"old": 0.7, "young": 0.3}})


def _population(n: int, seed: int = 7) -> tuple[pd.DataFrame, dict[str, dict[str, float]]]:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "a": rng.choice(list("xyz"), n, p=[0.1, 0.3, 0.6]),
            "b": rng.choice(list("uv"), n, p=[0.25, 0.75]),
            "c": rng.choice(list("pq"), n, p=[0.3, 0.7]),
        }
    )
    third = 1 / 3
    return frame, {"a": dict.fromkeys("xyz", third), "b": {"u": 0.5, "v": 0.5}, "c": {"p": 0.5, "q": 0.5}}


def test_a_cap_and_the_margins_hold_together() -> None:
    frame, margins = _population(2_000)
    free = rake(frame, margins).weights
    found = rake(frame, margins, trim=4)
    assert free.max() > 4 * free.mean()
    assert found.weights.max() <= 4 * found.weights.mean() * (1 + 1e-9)
    for column, target in margins.items():
        met = found.weights.groupby(frame[column]).sum() / found.weights.sum()
        assert met.to_dict() == pytest.approx(target, abs=1e-9)


def test_a_cap_that_a_category_cannot_keep_is_refused_at_once() -> None:
    frame, margins = _population(2_000)
    with pytest.raises(
        ValueError, match=r"margin `a`: 'x' needs 3\.\d+ times the mean weight on average, and `trim` = 2"
    ):
        rake(frame, margins, trim=2)
    with pytest.raises(ValueError, match=r"`trim` must be above 1, the mean weight itself, got 0\.5"):
        rake(frame, margins, trim=0.5)


def test_a_hundred_thousand_respondents_take_a_moment() -> None:
    frame, margins = _population(100_000)
    found = rake(frame, margins)
    assert found.rounds < 20
    assert found.headline().startswith("Weighted, the 100,000 respondents count as ")


def test_categories_may_be_numbers() -> None:
    found = rake(pd.DataFrame({"k": [1, 1, 2]}), {"k": {1: 0.5, 2: 0.5}})
    assert found.weights.tolist() == pytest.approx([0.75, 0.75, 1.5])
    with pytest.raises(ValueError, match=r"nobody in the sample is '1' .* \(the sample holds 1, 2\)"):
        rake(pd.DataFrame({"k": [1, 1, 2]}), {"k": {"1": 0.5, "2": 0.5}})
