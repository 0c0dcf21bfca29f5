"""The reliability of the batteries of a study."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxlab.survey import batteries, index_scale

NAMES = ["fair", "modern", "caring", "hard"]
ITEMS = pd.DataFrame(
    {
        "item": [*NAMES, "recommend", "app", "bill"], "role": [*["image"] * 4, "loyalty", "satisfaction", "satisfaction"],
        "low": [*[1.0] * 4, 0.0, 1.0, 1.0], "high": [*[5.0] * 4, 10.0, 5.0, 5.0], "reversed": [False, False, False, True, *[False] * 3],
    }
)  # fmt: skip


def _answers(loading: float, n: int = 300, wave: str = "B") -> pd.DataFrame:
    rng = np.random.default_rng(0)
    mood = rng.standard_normal(n)
    rows = {name: np.clip(np.rint(3 + loading * mood + rng.standard_normal(n)), 1, 5) for name in NAMES}
    rows["hard"] = 6 - rows["hard"]
    day = pd.Timestamp({"A": "2026-05-01", "B": "2026-08-01"}[wave], tz="UTC")
    return pd.DataFrame(rows).assign(
        recommend=5.0 + (mood > 0),
        app=4.0,
        bill=4.0,
        survey="deep_dive",
        perspective="customer",
        wave=wave,
        counted_at=day,
    )


def test_a_battery_of_one_mood_may_be_added_up_and_its_figures_are_those_of_the_index() -> None:
    rows = pd.concat([_answers(0.2, wave="A"), _answers(2.0)], ignore_index=True)
    found = batteries(rows, ITEMS, n_boot=100)
    (row,) = found.rows.to_dict("records")
    expected = index_scale(rows[300:], NAMES, scale=(1, 5), reversed=["hard"], n_boot=100, random_state=0)
    assert row["estimate"] == pytest.approx(expected.alpha.estimate)
    assert (row["omega"], row["n"], row["items"]) == (pytest.approx(expected.omega.estimate), 300, 4)
    ((words, shown),) = found.batteries_shown()
    assert words["title"].startswith(
        "1 of 1 batteries can be added up to one index, best Image (deep dive B): alpha 0."
    )
    assert shown["alpha"].iloc[0].startswith(f"{row['estimate']:.2f} (")


def test_questions_that_do_not_hang_together_may_not() -> None:
    ((words, _),) = batteries(_answers(0.1), ITEMS, n_boot=100).batteries_shown()
    assert words["title"] == "Of 1 batteries none can surely be added up to one index."


def test_two_questions_or_few_answers_are_no_battery() -> None:
    assert batteries(_answers(2.0, n=60), ITEMS, n_boot=100).rows.empty
    assert list(batteries(None, ITEMS).batteries_shown()) == []
