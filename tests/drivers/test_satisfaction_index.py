"""The satisfaction index on the page: its figures are the path model's, its arrows are said to be taken as given."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxlab.drivers import DriverAnswers, SatisfactionIndex, driver_answers, satisfaction_index
from cxlab.drivers.paths import path_model
from cxlab.problems import NotApplicableError

CONSTRUCTS = {"service_quality": ["q1", "q2"], "satisfaction": ["s1", "s2"], "loyalty": ["recommend"]}
PATHS = [("service_quality", "satisfaction"), ("satisfaction", "loyalty")]
TOUCHPOINTS = pd.DataFrame({"touchpoint": ["shop"], "label": ["The shop"], "owner": [None]})


def _asked(n: int = 300, noise: float = 0.5) -> DriverAnswers:
    """Quality moves satisfaction, satisfaction moves loyalty; items on 1 to 10."""
    rng = np.random.default_rng(5)
    quality = rng.normal(size=n)
    satisfaction = 0.8 * quality + 0.6 * rng.normal(size=n)
    loyalty = 0.8 * satisfaction + 0.6 * rng.normal(size=n)
    of = {"q1": quality, "q2": quality, "s1": satisfaction, "s2": satisfaction, "recommend": loyalty}
    rows = {item: (6 + 1.5 * (value + noise * rng.normal(size=n))).round().clip(1, 10) for item, value in of.items()}
    rows["recommend"][0] = np.nan if n == 99 else rows["recommend"][0]
    responses = pd.DataFrame(rows).assign(
        perspective="customer", survey="deep_dive", wave="2026", counted_at=pd.Timestamp("2026-05-01", tz="UTC")
    )
    items = pd.DataFrame({"item": list(of), "label": list(of), "low": 1, "high": 10, "touchpoint": None})
    items["role"] = ["satisfaction"] * 4 + ["loyalty"]
    return driver_answers(responses, items, TOUCHPOINTS)


@pytest.fixture(scope="module")
def found() -> SatisfactionIndex:
    (made,) = satisfaction_index(_asked(), constructs=CONSTRUCTS, paths=PATHS, n_boot=100)
    return made


def test_a_study_that_draws_no_model_has_no_index() -> None:
    assert satisfaction_index(_asked(), constructs={}, paths=[]) == []


def test_the_figures_are_those_of_the_path_model(found: SatisfactionIndex) -> None:
    alone = path_model(_asked().rows, constructs=CONSTRUCTS, paths=PATHS, n_boot=100)
    assert found.index == alone.index("satisfaction", scale=(1, 10))
    pd.testing.assert_frame_equal(found.effects, alone.total_effects("loyalty"))
    assert found.map["driver"].tolist() == ["service_quality", "satisfaction"]


def test_the_sentence_gives_index_interval_and_base_and_takes_the_arrows_as_given(found: SatisfactionIndex) -> None:
    (said,) = found.sentences()
    assert said.startswith(f"The index of satisfaction is {found.index.estimate:.0f} of 100 (")
    assert "n 300" in said
    assert said.endswith("comes from satisfaction, if the arrows of study.toml are right.")


def test_effects_come_largest_first_and_by_the_names_of_constructs(found: SatisfactionIndex) -> None:
    words, rows = found.effects_shown()
    assert rows["label"].tolist() == ["Satisfaction", "Service quality"]
    assert words["title"].startswith("Satisfaction moves loyalty most:")
    assert "taken as given, not tested" in words["note"]["Arrows"]


def test_arrows_that_are_not_clear_are_named(found: SatisfactionIndex) -> None:
    words, _ = found.paths_shown()
    assert words["title"] == "All 2 arrows are clear of chance."
    asked = _asked()
    luck = asked.rows.assign(q1=np.random.default_rng(1).permutation(asked.rows["q1"]), q2=asked.rows["q1"].to_numpy())
    luck["q1"], luck["q2"] = luck["q1"].to_numpy(), np.random.default_rng(2).permutation(luck["q2"])
    loose = DriverAnswers(luck, asked.outcome, asked.drivers, [], asked.items, asked.touchpoints)
    (made,) = satisfaction_index(loose, constructs=CONSTRUCTS, paths=PATHS, n_boot=100)
    assert made.model.paths["conf_low"].iloc[1] > 0
    weak, _ = made.quality_shown()
    assert weak["title"].startswith("The items of service quality hardly measure one thing")


def test_items_that_measure_one_thing_are_said_to(found: SatisfactionIndex) -> None:
    words, rows = found.quality_shown()
    assert words["title"] == "The items of every construct measure one thing."
    assert rows.set_index("construct")["r2"].notna().to_dict() == {
        "service_quality": False,
        "satisfaction": True,
        "loyalty": True,
    }


def test_too_few_who_answered_everything_are_counted() -> None:
    with pytest.raises(NotApplicableError, match="needs 100 respondents who answered every item; 98 did"):
        satisfaction_index(_asked(99), constructs=CONSTRUCTS, paths=PATHS)
