"""Waves weighted to the margins of a study."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxlab.problems import StudyError
from cxlab.survey import movement, rake, rake_waves
from cxlab.survey.weighting import rake_surveys

ITEMS = pd.DataFrame(
    {
        "item": ["overall"], "question": ["How satisfied?"], "role": ["satisfaction"], "low": [1], "high": [5],
        "touchpoint": [None], "label": ["Overall satisfaction"],
    }
)  # fmt: skip
HALF = {"plan": {"basic": 0.5, "plus": 0.5}}


def wave(label: str, basic: int, plus: int) -> pd.DataFrame:
    """Basic customers are content, plus customers are not: only who answers makes the figure."""
    n = basic + plus
    return pd.DataFrame(
        {
            "response_id": [f"{label}{i}" for i in range(n)], "customer_id": [f"{label}{i}" for i in range(n)],
            "survey": "tracking", "perspective": "customer", "wave": label, "in_period": label == "B",
            "counted_at": pd.Timestamp({"A": "2026-05-01", "B": "2026-08-01"}[label], tz="UTC"),
            "overall": [5.0] * basic + [1.0] * plus, "plan": ["basic"] * basic + ["plus"] * plus,
        }
    )  # fmt: skip


ROWS = pd.concat([wave("A", 80, 20), wave("B", 40, 60)], ignore_index=True)
CUSTOMERS = ROWS[["customer_id", "plan"]]


def test_every_wave_meets_the_margins_on_its_own_with_a_mean_weight_of_one() -> None:
    found = rake_waves(ROWS, HALF)
    # 80 and 20 become 50 and 50: weights .625 and 2.5; 40 and 60: 1.25 and .8333
    assert found.responses.groupby(["wave", "plan"])["weight"].first().tolist() == pytest.approx(
        [0.625, 2.5, 1.25, 5 / 6]
    )
    assert found.responses.groupby("wave")["weight"].sum().tolist() == pytest.approx([100, 100])
    # Kish: 100² / (80·.625² + 20·2.5²) = 64
    assert found.waves.set_index("wave").loc[
        "A", ["n", "n_eff", "deff", "largest", "unplaced"]
    ].tolist() == pytest.approx([100, 64, 100 / 64, 2.5, 0])


def test_a_change_in_who_answered_is_no_change_once_weighted() -> None:
    plain = movement(ROWS.drop(columns="plan"), ITEMS)
    assert plain.changes["reading"].tolist() == ["worse"]
    weighted = movement(ROWS.drop(columns="plan"), ITEMS, customers=CUSTOMERS, margins=HALF)
    assert weighted.changes["reading"].tolist() == ["no clear change"]
    assert weighted.current["estimate"].tolist() == pytest.approx([50])
    assert "weighted to plan" in weighted.base_sentence()
    ((words, table),) = weighted.weights_shown()
    assert words["title"] == "Weighted to plan, the 100 respondents of B count as 96."
    assert table[["n_eff", "deff"]].to_numpy().tolist() == [[64, 1.56], [96, 1.04]]
    assert list(plain.weights_shown()) == []


def test_counts_and_shares_give_the_same_weights() -> None:
    counts = {"plan": {"basic": 4_000.0, "plus": 4_000.0}}
    pd.testing.assert_frame_equal(rake_waves(ROWS, counts).responses, rake_waves(ROWS, HALF).responses)


def test_who_cannot_be_placed_keeps_the_mean_weight_and_is_counted() -> None:
    lost = ROWS.assign(plan=ROWS["plan"].where(ROWS.index >= 10))
    found = rake_waves(lost, HALF)
    assert found.responses["weight"].iloc[:10].tolist() == [1.0] * 10
    assert found.waves["unplaced"].tolist() == [10, 0]
    assert found.waves["n"].tolist() == [100, 100]
    words, _ = next(movement(lost, ITEMS, margins=HALF).weights_shown())
    assert words["note"]["Not placed"] == "10 respondents without a category keep the mean weight"


def test_weights_that_the_answers_bring_are_where_raking_begins() -> None:
    base = ROWS.assign(weight=np.tile([1.0, 2.0], 100))
    found = rake_waves(base, HALF).responses
    first = base[base["wave"] == "A"]
    expected = rake(first, {"plan": {"basic": 50, "plus": 50}}, base_weight_col="weight").weights
    assert found.loc[first.index, "weight"].tolist() == pytest.approx(expected.tolist())


def test_numbers_are_categories_as_study_toml_writes_them() -> None:
    rows = ROWS.assign(plan=ROWS["plan"].map({"basic": 1.0, "plus": 2.0}))
    assert rake_waves(rows, {"plan": {"1": 0.5, "2": 0.5}}).waves["n_eff"].iloc[0] == pytest.approx(64)


@pytest.mark.parametrize(
    ("margins", "said"),
    [
        ({"plam": {"basic": 1.0}}, "`plam` is no column of the answers or of the customers; did you mean `plan`?"),
        ({"plan": {"basic": 0.5, "plus": 0.3, "gold": 0.2}}, "wave A: margin `plan`: nobody in the sample is 'gold'"),
        ({"plan": {"basic": 1.0}}, "wave A: margin `plan`: no target for 'plus'"),
    ],
)
def test_margins_that_do_not_fit_are_refused_with_wave_and_category(
    margins: dict[str, dict[str, float]], said: str
) -> None:
    with pytest.raises(StudyError) as refused:
        rake_waves(ROWS, margins)
    assert said in str(refused.value)
    assert "study.toml [weights.margins]" in str(refused.value)


def test_a_wave_in_which_nobody_can_be_placed_is_refused() -> None:
    with pytest.raises(StudyError, match="wave B: nobody has a value for `plan`"):
        rake_waves(ROWS.assign(plan=ROWS["plan"].where(ROWS["wave"] == "A")), HALF)


def test_only_customers_of_the_named_surveys_are_weighted_each_survey_on_its_own() -> None:
    deep = pd.DataFrame(
        {"survey": "deep_dive", "wave": "Q1", "perspective": "customer", "plan": ["basic"] * 3 + ["plus"]}
    )
    event = deep.assign(survey="event")
    staff = deep.assign(perspective="staff")
    rows = pd.concat([deep, event, staff], ignore_index=True)
    weighted = rake_surveys(rows, {"deep_dive": {"plan": {"basic": 0.5, "plus": 0.5}}})
    assert weighted["weight"].iloc[:4].tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2])
    assert weighted["weight"].iloc[4:].isna().all()
    assert len(weighted) == len(rows)


def test_a_study_without_such_a_survey_keeps_its_answers_as_they_are() -> None:
    rows = pd.DataFrame({"survey": ["event"], "wave": ["Q1"], "perspective": ["customer"], "plan": ["basic"]})
    assert rake_surveys(rows, {"tracking": {"plan": {"basic": 1.0}}}).equals(rows)
