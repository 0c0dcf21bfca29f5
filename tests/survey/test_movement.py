"""Did the experience move? Sentences, key numbers and findings, checked by hand on small waves."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pytest

from cxlab.problems import ParameterError
from cxlab.survey import movement

ITEMS = pd.DataFrame(
    {
        "item": ["ltr", "overall", "ease", "app"],
        "question": ["How likely?", "How satisfied?", "How easy?", "The app?"],
        "role": ["loyalty", "satisfaction", "effort", "satisfaction"],
        "low": [0, 1, 1, 1],
        "high": [10, 5, 7, 5],
        "touchpoint": [None, None, None, "app"],
        "label": ["Recommendation", "Overall satisfaction", "Ease", "App"],
    }
)


def wave(label: str, ltr: Sequence[float], day: str, **columns: object) -> pd.DataFrame:
    """One row a respondent; the other answers are all the same."""
    n = len(ltr)
    return pd.DataFrame(
        {
            "response_id": [f"{label}-{i}" for i in range(n)],
            "survey": "tracking",
            "perspective": "customer",
            "wave": label,
            "counted_at": pd.Timestamp(day, tz="UTC"),
            "in_period": label == "B",
            "ltr": ltr,
            "overall": [4.0, 2.0] * (n // 2),
            "ease": [5.0, 6.0] * (n // 2),
            "app": [4.0, 3.0] * (n // 2),
        }
    ).assign(**columns)


# 100 answers each. A: 60 promoters, 20 detractors, NPS 40. B: 30 promoters, 40 detractors, NPS −10.
A = wave("A", [10] * 60 + [8] * 20 + [3] * 20, "2026-05-01")
B = wave("B", [9] * 30 + [7] * 30 + [6] * 40, "2026-08-01")


def test_the_headline_says_where_the_leading_measure_went_with_interval_and_base() -> None:
    moved = movement(pd.concat([A, B]), ITEMS)
    assert moved.headline().startswith("NPS fell from 40 in A to −10, between ")
    assert moved.headline().endswith("(n 100) in B.")
    assert moved.sentences()[0].startswith("No clear change in overall satisfaction: 50%, between 40% and 60%")
    assert moved.sentences()[-1] == (
        "Of 4 measures tested against A, 1 got worse once the number of tests is counted: NPS (40 to −10)."
    )


def test_no_clear_change_says_what_these_bases_would_have_shown() -> None:
    same = B.assign(ltr=A["ltr"].to_numpy())
    moved = movement(pd.concat([A, same]), ITEMS)
    assert moved.headline().startswith("No clear change in NPS: 40, between ")
    # two waves with variance .64 each: (1.96 + .84)·√(2·.64/99) = .319, with t a little more
    assert moved.sentences()[-1] == (
        "In a test on its own these bases would have shown, four times in five, a true change of NPS of about 32 points or "
        "more."
    )


def test_the_first_wave_has_nothing_to_compare_with() -> None:
    moved = movement(B, ITEMS)
    assert moved.headline().endswith("; there is nothing earlier to compare it with.")
    assert moved.changes_by_unit() == {}
    assert set(moved.measures["reading"]) == {"new"}
    assert moved.measures_words()["note"] == {"Base": "100 answers"}
    assert moved.series_words("ltr")["title"] == "NPS is −10 in B."


def test_an_earlier_wave_can_be_chosen_and_one_that_is_not_there_is_refused() -> None:
    older = wave("older", [10] * 100, "2026-01-01")
    rows = pd.concat([older, A, B])
    assert movement(rows, ITEMS).before == "A"
    assert movement(rows, ITEMS, before="older").headline().startswith("NPS fell from 100 in older to −10")
    with pytest.raises(ParameterError, match="parameter `before`: `X` is no wave before B; known: A, older"):
        movement(rows, ITEMS, before="X")


def test_a_survey_without_answers_is_refused_with_those_that_have_some() -> None:
    with pytest.raises(
        ParameterError, match=r"`event`: no customer has answered the event survey.*surveys with answers: tracking"
    ):
        movement(A, ITEMS, survey="event")


def test_the_overall_measures_lead_in_the_order_loyalty_satisfaction_effort() -> None:
    moved = movement(pd.concat([A, B]), ITEMS)
    assert moved.leads == ["ltr", "overall", "ease"]
    assert moved.measures["item"].to_list() == ["ltr", "overall", "ease", "app"]
    assert moved.key_numbers()["label"].to_list() == ["NPS", "Overall satisfaction", "Ease"]
    assert moved.key_numbers()["estimate"].to_list() == pytest.approx([-10, 50, 5.5])


def test_a_small_wave_is_not_shown_and_not_tested() -> None:
    moved = movement(pd.concat([A, B.head(20)]), ITEMS)
    assert moved.headline() == "NPS is not shown (n<30) in B; it cannot be compared with A."
    assert moved.changes["reading"].eq("not tested").all()
    assert "Not tested" in moved.measures_words()["note"]


def test_where_only_one_wave_has_weights_both_figures_are_named() -> None:
    moved = movement(pd.concat([A, B.assign(weight=[2.0] * 30 + [1.0] * 70)]), ITEMS)
    # weighted: (2·30 − 40) / 130 = 15 points
    assert moved.headline().startswith("NPS is 15, between ")
    assert moved.headline().endswith("without weights, which A has not, it fell: −10 after 40.")
    key = moved.key_numbers().set_index("item").loc["ltr"]
    assert (key["difference"], key["unlike"]) == (-50, "without weights")
    assert {finding["definition"].endswith(", weighted") for finding in moved.findings()} == {True}


def test_findings_carry_touchpoint_owner_and_whether_periods_can_be_compared() -> None:
    touchpoints = pd.DataFrame({"touchpoint": ["app"], "owner": ["Head of Digital"]})
    found = {f["name"]: f for f in movement(pd.concat([A, B]), ITEMS).findings(touchpoints)}
    assert (found["tracking_app"]["target"], found["tracking_app"]["owner"]) == ("app", "Head of Digital")
    assert (found["tracking_ltr"]["better"], found["tracking_ltr"]["key"]) == ("higher", True)
    assert {f["comparable"] for f in found.values()} == {"independent"}
    assert found["tracking_ltr"]["result"]["headline"].startswith("NPS is −10, between")


def test_the_same_people_in_both_waves_are_told_and_not_compared_between_periods() -> None:
    who = [f"C{i}" for i in range(100)]
    moved = movement(pd.concat([A.assign(customer_id=who), B.assign(customer_id=who)]), ITEMS)
    assert {finding["comparable"] for finding in moved.findings()} == {"overlapping"}
    assert moved.change_words("%")["note"]["Same people"].startswith("100% of the customers of B also answered A")


def test_without_a_new_wave_the_period_says_so_and_its_findings_are_no_new_sample() -> None:
    moved = movement(pd.concat([A, B.assign(in_period=False)]), ITEMS)
    assert moved.sentences()[-1] == "No new wave was asked in this period: B is the newest there is."
    assert {finding["comparable"] for finding in moved.findings()} == {"cumulative"}


def test_surveys_and_perspectives_are_never_pooled() -> None:
    others = [
        A.assign(survey="event", wave="E", response_id="e" + A["response_id"]),
        A.assign(perspective="staff", wave="S", response_id="s" + A["response_id"]),
    ]
    assert movement(pd.concat([A, B, *others]), ITEMS).waves == ["A", "B"]


def test_titles_carry_the_figure_and_notes_the_question_and_the_test() -> None:
    moved = movement(pd.concat([A, B]), ITEMS)
    words = moved.series_words("ltr")
    assert words["title"] == "NPS was 40 in A, the first of 2 waves, and is −10 in B."
    assert words["note"]["Question"] == "“How likely?”"
    assert words["note"]["Test"].startswith("B against A: p < 0.001, q < 0.001 in a family of 4")
    assert words["alt"].startswith("Line chart of NPS by wave: A 40 (")
    assert moved.change_words("%")["title"] == "No clear change in 2 measures in percent since A."
    assert moved.unit_names["1 to 7"] == "scale_1_to_7"


def test_a_few_late_answers_are_no_new_wave() -> None:
    late = B.assign(in_period=[True] * 5 + [False] * 95)
    moved = movement(pd.concat([A, late]), ITEMS)
    assert {finding["comparable"] for finding in moved.findings()} == {"cumulative"}


def test_more_of_a_problem_is_worse() -> None:
    items = pd.concat(
        [ITEMS, pd.DataFrame([{"item": "trouble", "role": "problem", "low": 0, "high": 1, "label": "Trouble"}])]
    )
    rows = pd.concat([A.assign(trouble=[0.0, 1.0] * 50), B.assign(trouble=1.0)])
    found = {finding["name"]: finding for finding in movement(rows, items).findings()}
    assert found["tracking_trouble"]["better"] == "lower"
    assert found["tracking_app"]["better"] == "higher"


def test_a_measure_that_stepped_says_when_and_one_that_did_not_says_what_would_have_been_seen() -> None:
    shares = [0.5, 0.5, 0.52, 0.5, 0.9, 0.9, 0.88, 0.9]
    waves = [
        wave(f"20{number}", [10] * round(200 * share) + [0] * round(200 * (1 - share)), f"20{number}-05-01")
        for number, share in enumerate(shares, start=10)
    ]
    moved = movement(pd.concat(waves), ITEMS)
    ((words, levels),) = moved.steps_shown()
    assert words["title"].startswith("The level of NPS stepped once in 8 waves")
    assert levels["label"].tolist() == ["2010 to 2013", "2014 to 2017"]
    assert "Steps" in moved.series_words("ltr")["note"]
    flat = movement(pd.concat(waves[:3] + [part.assign(wave=f"x{n}") for n, part in enumerate(waves[:3])]), ITEMS)
    assert list(flat.steps_shown()) == []
    assert flat.series_words("ltr")["note"]["Steps"].startswith("No clear step in 6 waves")
    assert "Steps" not in movement(pd.concat(waves[:5]), ITEMS).series_words("ltr")["note"]


def test_who_stands_apart_is_shown_in_the_grouping_with_the_clearest_group() -> None:
    rows = B.assign(plan=["basic"] * 50 + ["plus"] * 50, region=["north", "south"] * 50)
    rows["ltr"] = [10.0] * 50 + [0.0] * 50
    moved = movement(rows, ITEMS)
    ((words, shown),) = moved.standing_shown()
    assert words["title"] == "NPS of B is 100 for basic (plan), 200 points above that of the others."
    assert shown["group"].tolist() == ["basic", "plus"]
    assert len(words["table"]) == 4
    assert words["note"]["Test"].startswith("Each group against all others; 4 tests")
