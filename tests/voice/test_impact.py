"""What a theme goes with in loyalty."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cxlab.voice import theme_impact


def mentions(**themes: list[object]) -> pd.DataFrame:
    return pd.DataFrame([(i, theme) for theme, ids in themes.items() for i in ids], columns=["text_id", "theme"])


def test_the_impact_of_a_theme_by_hand() -> None:
    # NPS of all (2 − 2)/5 = 0; without those who mention bills (2 − 0)/3 = 66.7
    scores = pd.Series([10, 9, 8, 0, 6], index=list("abcde"))
    row = theme_impact(mentions(bill=["d", "e"]), scores).iloc[0]
    assert row["estimate"] == pytest.approx(-200 / 3)
    assert (row["n"], row["score_with"]) == (2, -100)
    # means: 33/5 = 6.6 of all, 27/3 = 9 of the others
    assert theme_impact(mentions(bill=["d", "e"]), scores, metric="mean")["estimate"].tolist() == pytest.approx([-2.4])


def test_somebody_who_mentions_a_theme_twice_counts_once() -> None:
    scores = pd.Series([10, 9, 8, 0, 6], index=list("abcde"))
    once, twice = (theme_impact(mentions(bill=ids), scores) for ids in (["d", "e"], ["d", "d", "e", "d"]))
    pd.testing.assert_frame_equal(once, twice)


def test_who_gave_no_score_is_in_no_base_and_a_theme_of_all_or_none_has_no_figure_but_a_reason() -> None:
    scores = pd.Series([10, 9, None, 0], index=list("abcd"))
    found = theme_impact(mentions(some=["c", "d"], everybody=list("abd"), nobody=["c", "z"]), scores).set_index("theme")
    assert found["n"].to_dict() == {"some": 1, "everybody": 3, "nobody": 0}
    assert found["n_all"].tolist() == [3, 3, 3]
    # NPS of all 100/3, of a and b 100: one respondent shows no spread, but there is a figure
    assert found["estimate"]["some"] == pytest.approx(100 / 3 - 100)
    assert found.loc[["everybody", "nobody"], "estimate"].isna().all()
    assert found["std_error"].isna().all()
    assert found["reason"].tolist() == [
        "a single respondent mentions it",
        "everybody with a score mentions it",
        "nobody with a score mentions it",
    ]


def test_the_bootstrap_of_an_impact_has_the_textbook_error() -> None:
    # all − others = p·(mean with − mean of others): its variance by the delta method
    rng = np.random.default_rng(8)
    with_, without = rng.normal(4, 2, 120), rng.normal(7, 2, 280)
    scores = pd.Series(np.concatenate([with_, without]))
    row = theme_impact(mentions(bill=list(range(120))), scores, metric="mean", n_boot=4000).iloc[0]
    p, gap = 0.3, with_.mean() - without.mean()
    variance = p**2 * (with_.var() / 120 + without.var() / 280) + gap**2 * p * (1 - p) / 400
    assert row["std_error"] == pytest.approx(math.sqrt(variance), rel=0.05)
    assert row["conf_low"] < row["estimate"] < row["conf_high"]
    assert row["conf_high"] - row["conf_low"] == pytest.approx(2 * 1.96 * row["std_error"], rel=0.05)


def test_the_same_seed_gives_the_same_interval_and_themes_are_corrected_together() -> None:
    rng = np.random.default_rng(5)
    scores = pd.Series(rng.integers(0, 11, 200))
    many = mentions(**{f"t{i}": list(rng.choice(200, 40, replace=False)) for i in range(6)})
    first, again = (theme_impact(many, scores, n_boot=200, random_state=4) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(theme_impact(many, scores, n_boot=200, random_state=5))
    assert first["q_value"].tolist() == pytest.approx(stats.false_discovery_control(first["p_value"]).tolist())
    assert (first["q_value"] > first["p_value"]).any()


def test_a_metric_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="`metric` must be nps or mean, got 'csat'"):
        theme_impact(mentions(bill=[1]), pd.Series([1, 2]), metric="csat")
