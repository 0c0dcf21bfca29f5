"""Careless answers of a study: the battery, who is flagged, and what the figure would be without them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cxlab.survey import Carefulness, batteries, carefulness, nps

NEEDS = [f"need_{number}" for number in range(8)]
ITEMS = pd.DataFrame(
    {
        "item": ["recommend", *NEEDS, "good"],
        "role": ["loyalty", *["need"] * 8, "satisfaction"],
        "low": [0.0, *[1.0] * 9],
        "high": [10.0, *[5.0] * 9],
        "touchpoint": None,
        "label": ["Recommendation", *NEEDS, "Good"],
    }
)


def answers(careful: int, straight: int, survey: str = "deep_dive", wave: str = "B") -> pd.DataFrame:
    """Careful people vary and recommend (9); straight-liners tick 5 throughout and do not (0)."""
    rows = [
        {name: float(1 + (place + person) % 5) for place, name in enumerate(NEEDS)} | {"recommend": 9.0}
        for person in range(careful)
    ]
    rows += [dict.fromkeys(NEEDS, 5.0) | {"recommend": 0.0} for _ in range(straight)]
    frame = pd.DataFrame(rows).assign(good=4.0, survey=survey, perspective="customer", wave=wave)
    days = {"A": "2026-05-01", "B": "2026-08-01"}
    return frame.assign(
        counted_at=pd.Timestamp(days[wave], tz="UTC"), customer_id=[f"{wave}{i}" for i in range(len(frame))]
    )


def test_straight_liners_are_flagged_and_the_figure_is_shown_with_and_without_them() -> None:
    rows = answers(90, 10)
    found = carefulness(rows, ITEMS)
    ((words, table),) = found.flags_shown()
    assert words["name"] == "careless_deep_dive"
    assert words["title"] == "10% of 100 respondents are flagged, and none is left out."
    assert words["note"]["Answer"] == "Of those who gave one answer to everything 100% gave 5"
    assert "the answers bring no time" in words["note"]["Not looked at"]
    assert table.set_index("reason").loc["straight_liner", ["n", "share", "base"]].tolist() == [10, 10.0, 100]
    ((words, effect),) = found.effect_shown()
    assert effect["label"].iloc[0] == "All respondents"
    assert effect["estimate"].iloc[[0, -1]].tolist() == [nps(rows["recommend"]).estimate, 100.0]
    assert words["title"] == "Without all who are flagged NPS would be 20.0 points higher."
    assert found.sentences() == [
        "10 of 100 respondents of the deep dive of B answered in a way that may be careless or content (one answer throughout was "
        "mostly 5); without them NPS would be 20.0 points higher."
    ]


def test_the_newest_wave_is_looked_at_and_staff_are_not() -> None:
    rows = pd.concat(
        [answers(50, 50, wave="A"), answers(100, 0), answers(0, 60).assign(perspective="staff")], ignore_index=True
    )
    found = carefulness(rows, ITEMS)
    assert found.sentences() == []
    ((words, _),) = found.flags_shown()
    assert words["title"] == "0% of 100 respondents are flagged, and none is left out."
    assert list(found.effect_shown()) == []


def test_a_short_questionnaire_is_not_looked_at() -> None:
    rows = answers(60, 0).assign(**dict.fromkeys(NEEDS[:4], np.nan))
    found = carefulness(rows, ITEMS)
    assert found.too_short == ["deep_dive"]
    assert list(found.flags_shown()) == []


def test_a_battery_of_one_role_is_preferred_to_all_on_its_scale() -> None:
    """Whoever ticks 5 for every need and 4 for satisfaction is a straight-liner of the battery."""
    assert carefulness(answers(90, 10), ITEMS).looked[0].items == NEEDS
    fewer = ITEMS.assign(role=["loyalty", *["need"] * 4, *["image"] * 4, "satisfaction"])
    assert carefulness(answers(90, 10), fewer).looked[0].items == [*NEEDS, "good"]


def test_the_time_is_used_where_the_answers_bring_it() -> None:
    rows = answers(90, 0).assign(minutes=[0.2] * 5 + [5.0] * 85)
    ((_, table),) = carefulness(rows, ITEMS).flags_shown()
    assert table.set_index("reason").loc["speeder", "n"] == 5


def test_a_study_without_a_survey_has_nothing_to_look_at() -> None:
    found = carefulness(None, ITEMS)
    assert isinstance(found, Carefulness)
    assert found.sentences() == []


def test_answers_that_cannot_both_be_true_are_counted_where_the_survey_asked_both() -> None:
    rows = answers(95, 5)
    rows.loc[:2, "good"] = 1.0  # three recommend with a 9 and call it bad
    pairs = [(("recommend", ">=", 9.0), ("good", "==", 1.0)), (("recommend", ">", "never_asked"),)]
    ((_, table),) = carefulness(rows, ITEMS, pairs=pairs).flags_shown()
    assert table.set_index("reason").loc["impossible", "n"] == 3
    ((words, _),) = carefulness(rows, ITEMS).flags_shown()
    assert "[careless] of study.toml declares no answers" in words["note"]["Not looked at"]


def test_a_study_of_yes_and_no_has_no_battery_and_fails_nowhere() -> None:
    rows = answers(95, 5)
    two_points = ITEMS.assign(low=0.0, high=1.0)
    assert carefulness(rows, two_points).looked == []
    assert batteries(rows, two_points).rows.empty
    assert batteries(rows, ITEMS.iloc[:0]).rows.empty
