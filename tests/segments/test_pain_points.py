"""Pain is frequency times severity, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxlab.segments import needs_segments, pain_points

NEEDS = [f"need_{number}" for number in range(4)]
ITEMS = pd.DataFrame(
    {
        "item": [*NEEDS, "recommend", "late", "lost", "rare"], "label": [*NEEDS, "Recommendation", "Late", "Lost", "Rare"],
        "role": [*["need"] * 4, "loyalty", *["problem"] * 3], "low": [*[1.0] * 4, 0.0, 0.0, 0.0, 0.0],
        "high": [*[5.0] * 4, 10.0, 1.0, 1.0, 1.0], "touchpoint": None,
    }
)  # fmt: skip


def _answers() -> pd.DataFrame:
    """400 people: 100 had it late and are detractors (of the others 200 promoters, 100 passive); lost parcels hit both alike."""
    n = 400
    lead = np.tile([[5.0, 4.0, 2.0, 1.0], [1.0, 2.0, 4.0, 5.0]], (n // 2, 1))
    noise = np.rint(0.6 * np.random.default_rng(0).normal(size=(n, 4)))
    table = pd.DataFrame(np.clip(lead + noise, 1, 5), columns=NEEDS)
    late = np.arange(n) < 100
    table["late"] = late.astype(float)
    table["recommend"] = np.where(late, 0.0, np.where(np.arange(n) < 300, 10.0, 8.0))
    table["lost"] = (np.arange(n) % 2).astype(float)
    table["rare"] = np.where(np.arange(n) < 50, 1.0, np.nan)
    return table.assign(
        customer_id=[f"C{number}" for number in range(n)], perspective="customer", survey="deep_dive", wave="A",
        counted_at=pd.Timestamp("2026-05-01", tz="UTC"),
    )  # fmt: skip


def test_pain_by_hand_comes_first_and_a_harmless_problem_is_not_clear() -> None:
    answers = _answers()
    done = pd.DataFrame({"value": np.arange(400.0)}, index=answers["customer_id"])
    found = pain_points(needs_segments(answers, ITEMS, n_boot=5), answers, ITEMS, done=done)
    late, lost = found.rows.to_dict("records")
    assert (late["item"], late["frequency"], late["n_with"]) == ("late", 25, 100)
    # NPS of the 300 others: 200 of 300 are promoters; of those it hit: −100
    assert late["severity"] == pytest.approx(200 / 3 + 100)
    assert late["estimate"] == pytest.approx(0.25 * (200 / 3 + 100))
    assert late["value"] == pytest.approx(49.5)
    assert (late["reading"], late["running"]) == ("clear", 100)
    assert (lost["item"], lost["reading"]) == ("lost", "not clear")
    assert lost["severity"] == pytest.approx(0)
    assert found.sentences() == [
        "Most pain comes from “Late”: 25% of those asked had it, and their NPS is 167 points lower."
    ]
    ((words, _),) = found.pain_shown()
    assert words["title"] == "“Late” costs most: 41.7 points of NPS over all, 25% of those asked and 167 points each."


def test_the_interval_of_pain_is_that_of_drawing_people_again() -> None:
    answers = _answers()
    answers["recommend"] = np.where(np.random.default_rng(0).random(400) < 0.3, 5.0, answers["recommend"])
    groups = needs_segments(answers, ITEMS, n_boot=5)
    row = pain_points(groups, answers, ITEMS).rows.set_index("item").loc["late"]
    score = np.where(answers["recommend"] >= 9, 100.0, np.where(answers["recommend"] <= 6, -100.0, 0.0))
    late = answers["late"].to_numpy() == 1
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(2000):
        at = rng.integers(0, 400, 400)
        drawn.append(late[at].mean() * (score[at][~late[at]].mean() - score[at][late[at]].mean()))
    assert row["std_error"] == pytest.approx(np.std(drawn), rel=0.08)


def test_segments_say_how_often_they_had_it_and_few_answers_are_left_out() -> None:
    answers = _answers()
    groups = needs_segments(answers, ITEMS, n_segments=2, n_boot=5)
    found = pain_points(groups, answers, ITEMS)
    assert "rare" not in set(found.rows["item"])
    if groups.found:
        lost = found.by_group[found.by_group["label"] == "Lost"].set_index("segment")["estimate"]
        assert sorted(lost)[0] < 10
        assert sorted(lost)[-1] > 90
    assert list(pain_points(groups, answers, ITEMS[ITEMS["role"] != "problem"]).pain_shown()) == []
