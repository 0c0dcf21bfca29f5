"""Who answered, against who was invited: R of each survey, and the profile of two waves."""

from __future__ import annotations

import pandas as pd
import pytest

from cxlab.survey import movement, representation, response_indicator


def invited(survey: str, wave: str, **plans: tuple[int, int]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Invitations and answers: so many of so many customers of a plan answered."""
    rows = [
        (f"{survey}{wave}{plan}{number}", plan, number < answered)
        for plan, (answered, n) in plans.items()
        for number in range(n)
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "plan", "answered"]).assign(
        survey=survey,
        wave=wave,
        counted_at=pd.Timestamp({"A": "2026-05-01", "B": "2026-08-01"}[wave], tz="UTC"),
        in_period=True,
    )
    return frame.drop(columns="answered"), frame[frame["answered"]].drop(columns=["plan", "answered"]).assign(
        perspective="customer"
    )


def test_the_newest_wave_of_every_survey_has_its_r_and_its_most_uneven_group() -> None:
    old, old_answers = invited("tracking", "A", basic=(100, 200), plus=(100, 200))
    new, new_answers = invited("tracking", "B", basic=(60, 300), plus=(180, 300))
    event, event_answers = invited("event", "B", basic=(100, 200), plus=(100, 200))
    found = representation(
        pd.concat([old_answers, new_answers, event_answers]), pd.concat([old, new, event]), random_state=1
    )
    rows = found.rows.set_index("survey")
    assert rows.loc["tracking", ["wave", "n", "response_rate", "variable"]].tolist() == ["B", 600, 40.0, "plan"]
    # 20% and 60% of halves: the propensities have a standard deviation of .2, so R is near 1 − 2·.2
    assert rows.loc["tracking", "estimate"] == pytest.approx(0.6, abs=0.01)
    assert rows.loc["event", "estimate"] > 0.95
    expected = response_indicator(
        new, new["customer_id"].isin(set(new_answers["customer_id"])), ["plan"], random_state=1, separated="merge"
    )
    assert rows.loc["tracking", "estimate"] == pytest.approx(expected.estimate)
    (said,) = found.sentences()
    assert "in the tracking survey of B answered" in said
    assert "basic (plan) less often (20%)" in said
    ((words, _),) = found.representation_shown()
    assert words["title"] == "Tracking survey: R is 0.60, the lowest of 2 surveys."


def test_what_the_invitations_lack_comes_from_the_customers() -> None:
    frame, answers = invited("tracking", "B", basic=(60, 300), plus=(180, 300))
    customers = frame[["customer_id", "plan"]]
    bare = frame.drop(columns="plan")
    assert representation(answers, bare, customers).rows["estimate"].iloc[0] == pytest.approx(0.6, abs=0.01)
    assert representation(answers, bare).rows.empty, "nothing is known of those invited"


def test_without_invitations_or_with_few_there_is_nothing_to_show() -> None:
    frame, answers = invited("tracking", "B", basic=(20, 90), plus=(30, 90))
    for found in (
        representation(answers, frame),
        representation(None, frame),
        representation(answers, None),
        representation(answers.drop(columns="customer_id"), frame),
    ):
        assert list(found.representation_shown()) == []
        assert found.sentences() == []


def test_a_wave_of_other_people_is_called_so() -> None:
    items = pd.DataFrame(
        {
            "item": ["app"],
            "role": ["satisfaction"],
            "low": [1],
            "high": [5],
            "question": ["?"],
            "touchpoint": [None],
            "label": ["App"],
        }
    )
    waves = [
        pd.DataFrame({"app": [4.0, 2.0] * 100, "plan": ["basic"] * basic + ["plus"] * (200 - basic)}).assign(
            wave=wave, survey="tracking", perspective="customer", in_period=wave == "B",
            counted_at=pd.Timestamp(f"2026-0{month}-01", tz="UTC"),
        )
        for wave, month, basic in (("A", 5, 150), ("B", 8, 110))
    ]  # fmt: skip
    moved = movement(pd.concat(waves, ignore_index=True), items)
    ((words, rows),) = moved.profile_shown()
    # from 75% to 55% basic: one in five would have to be others
    assert rows[["label", "drift"]].to_numpy().tolist() == [["plan", pytest.approx(20.0)]]
    first = rows.iloc[0]
    moved_by = {"basic": (75.0, 55.0), "plus": (25.0, 45.0)}[first["category"]]
    assert (first["share_before"], first["share_after"]) == pytest.approx(moved_by)
    assert words["title"] == "Other people answered than in A: by plan 20% would have to be others to be like before."
    alike = movement(
        pd.concat([waves[0], waves[0].assign(wave="B", counted_at=waves[1]["counted_at"])], ignore_index=True), items
    )
    ((words, _),) = alike.profile_shown()
    assert words["title"] == "No profile of respondents moved by more than 10% since A."
    assert list(movement(pd.concat(waves).drop(columns="plan"), items).profile_shown()) == []


ITEMS = pd.DataFrame(
    {
        "item": ["recommend"],
        "role": ["loyalty"],
        "low": [0.0],
        "high": [10.0],
        "touchpoint": [None],
        "label": ["Recommendation"],
    }
)


def _dated(early: float, late: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """400 who were invited on one day; half answer the day after, the others on the tenth day, with so many promoters."""
    day = pd.Timestamp("2026-08-01", tz="UTC")
    invitations = pd.DataFrame(
        {"survey": "tracking", "wave": "B", "customer_id": [str(number) for number in range(401)], "invited_at": day}
    )
    asked = day + pd.Timedelta(days=1), day + pd.Timedelta(days=10)
    scores = [10.0 if number < share * 200 else 0.0 for share in (early, late) for number in range(200)]
    answers = pd.DataFrame(
        {
            "survey": "tracking", "wave": "B", "perspective": "customer", "customer_id": [str(number) for number in range(400)],
            "recommend": scores, "submitted_at": [asked[0]] * 200 + [asked[1]] * 200, "counted_at": asked[1],
        }
    )  # fmt: skip
    return answers, invitations


def test_late_answers_that_are_less_content_say_which_way_the_figure_errs() -> None:
    found = representation(*_dated(0.8, 0.4), None, ITEMS)
    row = found.late.iloc[0]
    assert (row["early"], row["n_early"], row["n_late"]) == (60, 200, 200)
    assert row["difference"] == pytest.approx(-80)
    ((words, _),) = found.late_shown()
    assert words["title"] == (
        "Tracking survey, B: NPS is 80 points lower among those who answered late, so it may be too high."
    )


def test_late_answers_that_are_alike_point_to_nothing() -> None:
    ((words, rows),) = representation(*_dated(0.6, 0.6), None, ITEMS).late_shown()
    assert words["title"].startswith("Late answers do not clearly differ")
    assert rows["reading"].tolist() == ["no clear change"]


def test_answers_are_held_against_the_customers_who_were_there() -> None:
    answers, invitations = _dated(0.6, 0.6)
    gone, new = pd.Timestamp("2026-07-01", tz="UTC"), pd.Timestamp("2026-09-01", tz="UTC")
    customers = pd.DataFrame(
        {
            "customer_id": [str(number) for number in range(1000)], "plan": ["basic"] * 300 + ["plus"] * 700,
            "start_date": pd.Series([pd.NaT] * 900 + [new] * 100, dtype="datetime64[ns, UTC]"),
            "end_date": pd.Series([pd.NaT] * 800 + [gone] * 100 + [pd.NaT] * 100, dtype="datetime64[ns, UTC]"),
        }
    )  # fmt: skip
    found = representation(answers, invitations, customers, ITEMS)
    assert "tracking survey" in found.left_out, "all basic and nearly all plus customers answered: no model of it"
    row = found.profile.iloc[0]
    # 800 were there, 500 of them plus; of 400 answers the first 300 come from basic customers
    assert (row["cell"], row["frame_share"], row["achieved_share"], row["n"]) == ("plus", 62.5, 25.0, 400)
    # χ² = (300 − 150)²/150 + (100 − 250)²/250
    assert row["chi_square"] == pytest.approx(150 + 90)
