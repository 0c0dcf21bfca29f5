"""Groups of one wave against all others, by hand and by another route."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from cxlab.survey import compare, stand_apart
from cxlab.survey.tracking import Tracked

CONTENT = Tracked("satisfaction", "top_box", (1.0, 5.0), False, 1)


def _wave(**groups: tuple[int, int]) -> pd.DataFrame:
    """Of each group (satisfied, not)."""
    labels = [name for name, counts in groups.items() for _ in range(sum(counts))]
    scores = [score for yes, no in groups.values() for score in [5.0] * yes + [1.0] * no]
    return pd.DataFrame({"plan": labels, "satisfaction": scores})


def test_a_group_is_held_against_all_others_and_not_against_the_total() -> None:
    found = stand_apart(_wave(basic=(60, 40), family=(90, 10), plus=(60, 40)), CONTENT, ["plan"])
    rows = found.groups.set_index("group")
    assert rows.loc["family", "estimate"] == 90
    assert rows.loc["family", "difference"] == pytest.approx(90 - 60)  # the others: 120 of 200
    assert rows.loc["basic", "difference"] == pytest.approx(60 - 75)  # the others: 150 of 200
    assert found.apart["group"].iloc[0] == "family"
    assert rows.loc["family", "reading"] == "better"


def test_with_two_groups_it_is_the_comparison_of_both() -> None:
    wave = _wave(basic=(60, 40), family=(75, 25))
    found = stand_apart(wave, CONTENT, ["plan"]).groups.set_index("group").loc["family"]
    both = compare(wave, ["satisfaction"], by="plan").iloc[0]
    for here, there in (
        ("difference", "difference"),
        ("difference_low", "conf_low"),
        ("difference_high", "conf_high"),
        ("p_value", "p_value"),
    ):
        assert found[here] == pytest.approx(both[there])


def test_the_smallest_difference_is_what_four_of_five_samples_would_show() -> None:
    found = stand_apart(_wave(basic=(50, 50), family=(50, 50)), CONTENT, ["plan"]).groups.iloc[0]
    error = 100 * math.sqrt(2 * 0.25 / 99)  # the variance of a sample, of each group
    assert found["detectable"] == pytest.approx((1.959964 + 0.841621) * error, rel=1e-5)


def test_small_groups_and_groups_without_enough_others_have_no_figures_and_say_why() -> None:
    wave = _wave(basic=(50, 50), plus=(7, 6), family=(6, 6))
    found = stand_apart(wave, CONTENT, ["plan"]).groups.set_index("group")
    assert found.loc[["plus", "family"], "reason"].tolist() == ["n<30", "n<30"]
    assert found.loc["basic", "reason"] == "fewer than 30 others"
    assert found[["estimate", "difference", "q_value"]].isna().all(axis=None)
    assert set(found["reading"]) == {"not tested"}


def test_noise_stands_apart_in_one_study_of_twenty_at_most() -> None:
    rng = np.random.default_rng(0)
    studies = 200
    claimed = 0
    for _ in range(studies):
        wave = pd.DataFrame(
            {
                "satisfaction": rng.integers(1, 6, 400).astype(float), "plan": rng.choice(list("abcd"), 400),
                "region": rng.choice(list("uvw"), 400),
            }
        )  # fmt: skip
        claimed += len(stand_apart(wave, CONTENT, ["plan", "region"]).apart) > 0
    assert claimed <= 0.05 * studies + 2 * math.sqrt(0.05 * 0.95 * studies)


def test_the_total_cannot_tell_a_small_group() -> None:
    found = stand_apart(_wave(basic=(60, 40), plus=(40, 20), gold=(10, 9)), CONTENT, ["plan"]).groups.set_index("group")
    assert found.loc["gold", "reason"] == "n<30"
    assert found.loc["plus", "reason"] == "hidden so that n<30 cannot be worked out"
    assert found.loc["plus", ["n", "estimate"]].isna().all()
    assert np.isnan(found.loc["gold", "estimate"])
    assert found.loc["basic", "estimate"] == 60


def test_thirty_of_no_known_group_hide_what_the_total_would_tell() -> None:
    wave = _wave(basic=(60, 40), plus=(40, 20), gold=(10, 9), nobody=(15, 15))
    wave["plan"] = wave["plan"].where(wave["plan"] != "nobody")
    found = stand_apart(wave, CONTENT, ["plan"]).groups.set_index("group")
    assert found["reason"].to_dict() == {"basic": "", "gold": "n<30", "plus": ""}
