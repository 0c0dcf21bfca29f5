"""What 07 says of improvements: gains with their verdict, who can move, what money buys, and nothing without the word "if"."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxlab.drivers import Improvement, driver_answers, improvement
from cxlab.drivers.simulate import TOGETHER

TOUCHPOINTS = pd.DataFrame(
    {
        "touchpoint": ["app", "shop", "phone"],
        "label": ["The app", "The shop", "The phone"],
        "owner": ["Ada", None, None],
    }
)
COSTS = {"app": 400_000.0, "shop": 1_600_000.0}


def _items(outcome: tuple[int, int] = (0, 10), driver: tuple[int, int] = (1, 5)) -> pd.DataFrame:
    rows = [
        ("recommend", "Recommendation", "loyalty", *outcome, None),
        ("app_good", "The app", "satisfaction", *driver, "app"),
        ("shop_good", "The shop", "satisfaction", *driver, "shop"),
        ("phone_good", "The phone line", "satisfaction", *driver, "phone"),
    ]
    return pd.DataFrame(rows, columns=["item", "label", "role", "low", "high", "touchpoint"])


def _responses(n: int = 500) -> pd.DataFrame:
    """Recommendation rises by 1.2 a point of the app, .6 a point of the shop, and not with the phone."""
    rng = np.random.default_rng(3)
    scores = pd.DataFrame(rng.integers(1, 6, (n, 3)).astype(float), columns=["app_good", "shop_good", "phone_good"])
    loyal = 2 + 1.2 * scores["app_good"] + 0.6 * scores["shop_good"] + rng.normal(size=n)
    return scores.assign(
        recommend=loyal.round().clip(0, 10),
        customer_id=[f"c{i}" for i in range(n)],
        perspective="customer",
        survey="tracking",
        wave="2026-Q2",
        counted_at=pd.Timestamp("2026-05-01", tz="UTC"),
    )


def _found(responses: pd.DataFrame | None = None, items: pd.DataFrame | None = None, **more: Any) -> Improvement:
    asked = driver_answers(
        _responses() if responses is None else responses, _items() if items is None else items, TOUCHPOINTS
    )
    return improvement(asked, **{"n_boot": 100, **more})


@pytest.fixture(scope="module")
def found() -> Improvement:
    return _found(costs=COSTS, counting=["app_good", "shop_good"])


def test_each_driver_alone_and_all_together_have_a_gain(found: Improvement) -> None:
    rows = found.rows.set_index("driver")
    assert list(rows.index[:2]) == [TOGETHER, "app_good"]
    assert rows.loc[TOGETHER, "estimate"] > rows.loc["app_good", "estimate"] > rows.loc["shop_good", "estimate"] > 5
    assert abs(rows.loc["phone_good", "estimate"]) < 3
    assert set(rows["unit"]) == {"points"}
    assert set(rows["n"]) == {500}


def test_who_gives_the_best_answer_already_cannot_move(found: Improvement) -> None:
    below = 100 * (_responses()["app_good"] < 5).mean()
    assert found.rows.set_index("driver").loc["app_good", "can_move"] == pytest.approx(below)
    assert f"{below:.0f}% of respondents can move" in found.sentences()[0]


def test_a_step_never_brings_more_than_the_best_answer_of_everybody(found: Improvement) -> None:
    rows = found.rows[found.rows["driver"].isin(found.counting)]
    assert (rows["to_top"] > rows["estimate"]).all()
    assert "If everybody gave the app the best answer, NPS would be" in found.table_words()["title"]


def test_every_sentence_and_title_about_a_gain_says_that_it_presumes_a_cause(found: Improvement) -> None:
    assert found.sentences()[0].startswith("If the association is causal, one point more of the app would go with +")
    assert found.gains_words()["title"].endswith("higher, if the association is causal.")
    assert "if the association is causal" in found.table_words()["subtitle"]
    for words, _ in found.money_shown():
        assert "if the association is causal" in words["note"]["Impact"]


def test_a_gain_is_no_gain_where_the_coefficient_is_not_clear(found: Improvement) -> None:
    assert found.focus() == ["The app", "The shop", "All together"]
    luck = dataclasses.replace(found, counting=("shop_good",))
    assert luck.focus() == ["The shop", "All together"]
    assert "of the shop would go with" in luck.sentences()[0]
    nothing = dataclasses.replace(found, counting=())
    assert nothing.sentences()[0] == "No single driver, moved by one point, would clearly change NPS."
    assert nothing.sensitivity_shown() == []


def test_ten_points_are_a_step_on_a_long_scale() -> None:
    responses = _responses()
    for name in ("app_good", "shop_good", "phone_good"):
        responses[name] = 25 * (responses[name] - 1)
    long = _found(responses, _items(driver=(0, 100)))
    assert "10 points more of the app" in long.sentences()[0]
    short = _found()
    assert long.rows.set_index("driver").loc["app_good", "estimate"] == pytest.approx(
        short.simulator.what_if({"app_good": 0.4}, scale=(1, 5)).estimate, abs=1e-6
    )


def test_an_outcome_of_yes_and_no_moves_by_percentage_points() -> None:
    responses = _responses()
    responses["recommend"] = (responses["recommend"] >= 8).astype(float)
    yes = _found(responses, _items(outcome=(0, 1)))
    assert yes.unit == "%"
    assert yes.outcome == "recommendation"
    assert "percentage points" in yes.sentences()[0]


def test_stars_are_no_nps() -> None:
    responses = _responses()
    responses["recommend"] = responses["recommend"].clip(1, 10)
    stars = _found(responses, _items(outcome=(1, 10)))
    assert stars.unit == "1 to 10"
    assert "points of 1 to 10" in stars.sentences()[0]


def test_segments_with_too_few_and_of_nobody_known_are_not_shown() -> None:
    segments = ["big"] * 250 + ["small"] * 20 + ["middle"] * 150
    members = pd.DataFrame({"customer_id": [f"c{i}" for i in range(420)], "segment": segments})
    responses = _responses()
    responses.loc[:249, "app_good"] = 5  # the big are at the top already
    ((words, rows),) = _found(responses, membership=members).segments_shown()
    assert rows["label"].tolist() == ["middle", "big"]
    assert rows["n"].tolist() == [150, 250]
    assert words["title"].startswith("A step of every driver would bring “middle” most")
    assert _found(responses).segments_shown() == []


def test_what_a_touchpoint_brings_for_its_cost_by_hand(found: Improvement) -> None:
    gains = found.rows.set_index("driver")["estimate"]
    ((words, rows),) = found.money_shown()
    by_hand = {"app": gains["app_good"] / 0.4, "shop": gains["shop_good"] / 1.6}  # for each 1,000,000
    assert rows.set_index("touchpoint")["estimate"].to_dict() == pytest.approx(by_hand)
    assert "for each 1,000,000 that the touchpoint costs" in words["subtitle"]
    assert words["note"]["Not in it"] == "No cost or no driver: the phone line"
    product = found.product().set_index("touchpoint")
    assert product["cost_share"].to_dict() == pytest.approx({"app": 0.2, "shop": 0.8})
    assert product.loc["app", "impact_share"] == pytest.approx(
        gains["app_good"] / (gains["app_good"] + gains["shop_good"])
    )
    assert product["reading"].to_dict() == {
        "app": "counts for more than it costs",
        "shop": "costs more than it counts for",
    }
    assert "For its cost the app does most." in found.sentences()


def test_without_costs_nothing_is_said_of_money() -> None:
    none = _found()
    assert none.money_shown() == []
    assert none.product().empty
    assert {"touchpoint", "impact_per_cost", "reading"} <= set(none.product().columns)


def test_how_strong_an_omitted_driver_would_have_to_be_is_said_of_what_counts(found: Improvement) -> None:
    ((words, rows),) = found.sensitivity_shown()
    assert rows["label"].tolist() == ["The app", "The shop"]
    assert rows["robustness"].is_monotonic_decreasing
    assert f"would have to explain {rows['robustness'].iloc[0]:.0f}% of what is left" in words["title"]
