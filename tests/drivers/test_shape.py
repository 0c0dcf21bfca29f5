"""Penalty and reward in words: planted shapes are named, noise is not, and nothing rests on a small base."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxlab.drivers.asymmetry import diminishing_returns, penalty_reward
from cxlab.drivers.shape import Shape, shape_of
from tests.drivers.asked import asked_of

SCALES = (1.0, 5.0)


def _ratings(names: str, *, n: int = 800, seed: int = 3, best: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        rng.integers(1, best + 1, (n, len(names))).astype(float), columns=[f"q_{name}" for name in names]
    )


def _planted(*, n: int = 800, seed: int = 3) -> pd.DataFrame:
    """a costs 2 points with a low rating, b gives 2 with a high one, c does 1.2 of both, d nothing."""
    table = _ratings("abcd", n=n, seed=seed)
    low, high = table < 3, table > 3
    pull = -2 * low["q_a"] + 2 * high["q_b"] + 1.2 * (high["q_c"].astype(float) - low["q_c"])
    return table.assign(q_loyal=(5 + pull + np.random.default_rng(seed + 50).normal(scale=0.6, size=n)).clip(0, 10))


def _found(table: pd.DataFrame, **more: Any) -> Shape:
    options = {key: more.pop(key) for key in ("min_base", "n_boot") if key in more}
    return shape_of(asked_of(table, **more), **({"n_boot": 100} | options))


def _points(row: pd.Series, word: str) -> str:
    sign = "+" if row[word] > 0 else "−"
    return f"{sign}{abs(row[word]):.1f}"


def test_a_planted_penalty_and_a_planted_reward_are_said_with_interval_and_base() -> None:
    found = _found(_planted())
    effects = found.effects.set_index("driver")
    assert effects["class_named"].to_dict() == {
        "q_a": "basic",
        "q_b": "excitement",
        "q_c": "performance",
        "q_d": "not settled",
    }
    punishes, rewards = found.sentences()
    a = effects.loc["q_a"]
    assert a["penalty_low"] < -2 < a["penalty_high"]
    assert punishes.startswith(f"A punishes more than it rewards: a low rating goes with {_points(a, 'penalty')} (−")
    assert punishes.endswith(f"against one between them (n {a['n_low']:,} low, {a['n_high']:,} high).")
    assert rewards.startswith("B rewards more than it punishes: a low rating goes with ")
    assert " points of loyalty, a high one with " in rewards


def test_several_of_a_class_are_named_after_the_largest() -> None:
    table = _ratings("abc")
    low = table < 3
    table["q_loyal"] = (
        7 - 1.5 * low["q_a"] - 2.5 * low["q_b"] + np.random.default_rng(0).normal(scale=0.6, size=800)
    ).clip(0, 10)
    (said,) = [text for text in _found(table).sentences() if "punishes" in text]
    assert said.startswith("B punishes more")
    assert said.endswith(". So does a.")


def test_noise_is_not_named_and_says_nothing() -> None:
    table = _ratings("abc", n=300)
    found = _found(table.assign(q_loyal=np.random.default_rng(1).integers(0, 11, 300).astype(float)))
    assert found.sentences() == []
    assert found.findings() == []
    assert (
        found.effects_shown()[0][0]["title"]
        == "For none of 3 drivers is it settled whether it punishes or rewards more."
    )
    assert found.bends_shown()[0][0]["title"] == "None of 3 drivers clearly helps less, or more, further up its scale."


def test_the_figures_are_those_of_the_statistics() -> None:
    table = _planted()
    found = _found(table)
    own = penalty_reward(table, "q_loyal", ["q_a", "q_b", "q_c", "q_d"], scales=SCALES, n_boot=100).table
    assert found.effects["penalty"].tolist() == own["penalty"].tolist()
    assert found.effects["class_probability"].tolist() == own["class_probability"].tolist()
    bends = diminishing_returns(table, "q_loyal", ["q_a", "q_b", "q_c", "q_d"], scales=SCALES)
    assert found.bends["difference"].tolist() == bends["difference"].tolist()


def test_the_picture_begins_with_what_is_named_and_gives_its_values_in_words() -> None:
    words, rows = _found(_planted()).effects_shown()[0]
    assert rows["label"].tolist() == ["A", "B", "C", "D"]
    assert rows["class_words"].tolist() == ["Punishes more", "Rewards more", "Does both", "Not settled"]
    assert words["title"].startswith("A punishes more than it rewards: ")
    assert "against" not in words["title"]
    assert re.search(r"A −\d\.\d and [−\d.]+, punishes more; B ", words["alt"])
    assert "Not shown" not in words["note"]


def test_what_rests_on_a_small_base_is_not_shown_and_not_named() -> None:
    table = _planted()
    many = table.index[table["q_a"] < 3]
    table = table.drop(many[25:])  # 25 low ratings are left
    assert _found(table, min_base=20).effects["class_named"].iloc[0] == "basic"
    found = _found(table)
    a = found.effects.set_index("driver").loc["q_a"]
    assert np.isnan([a["penalty"], a["penalty_q"], a["class_probability"], a["p_basic"]]).all()
    assert (a["class_named"], a["class"], a["reason"]) == ("", "", "n<30")
    assert not np.isnan(a["reward"])  # it rests on enough
    words, rows = found.effects_shown()[0]
    assert "A" not in rows["label"].tolist()
    assert words["note"]["Not shown"] == "1 driver with fewer than 30 low, middle or high ratings"
    assert not any(text.startswith("A ") for text in found.sentences())
    assert found.findings()[0]["name"] != "shape_q_a"
    bends = found.bends.set_index("driver").loc["q_a"]
    assert (bends["shape"], bends["reason"]) == ("", "n<30")
    assert np.isnan(bends[["gain_low", "gain_high_high", "difference", "q_value"]].to_numpy(dtype=float)).all()


def test_a_figure_needs_enough_ratings_between_low_and_high_too() -> None:
    table = _planted()
    few = table.drop(table.index[table["q_a"] == 3][20:])
    assert _found(few).effects.set_index("driver").loc["q_a", ["penalty", "reward"]].isna().all()


def test_accounts_and_weights_of_the_answers_are_used() -> None:
    table = _planted(n=300).assign(
        account_id=np.repeat([f"K{k}" for k in range(60)], 5), weight=np.tile([1.0, 2.0, 3.0], 100)
    )
    names = ["q_a", "q_b", "q_c", "q_d"]
    own = penalty_reward(
        table, "q_loyal", names, scales=SCALES, weights_col="weight", cluster_col="account_id", n_boot=100
    ).table
    found = _found(table)
    assert found.effects["penalty_error"].tolist() == own["penalty_error"].tolist()
    assert "resamples of accounts" in found.effects_shown()[0][0]["note"]["Class"]


def test_the_table_has_the_class_with_the_share_of_resamples_that_agree() -> None:
    words, rows = _found(_planted()).effects_table()[0]
    assert rows["class_words"].iloc[0] == f"Punishes more, {rows['class_probability'].iloc[0]:.0%}"
    assert words["title"] == "Clear of chance is the penalty of 2 and the reward of 2 of 4 drivers."
    assert words["note"]["Test"] == "8 effects, Benjamini–Hochberg"
    assert rows["unit"].unique().tolist() == ["0 to 10"]
    assert words["folded"]


def test_a_driver_that_helps_only_below_the_middle_bends() -> None:
    table = _ratings("ab")
    table["q_loyal"] = (
        3 + 1.5 * np.minimum(table["q_a"], 3) + np.random.default_rng(2).normal(scale=0.5, size=800)
    ).clip(0, 10)
    found = _found(table)
    words, rows = found.bends_shown()[0]
    assert rows["label"].iloc[0] == "A"
    assert rows["shape_words"].iloc[0] == "Helps less further up"
    gains = rows.iloc[0]
    assert words["title"] == (
        f"From the worst rating of a to the middle loyalty rises by {gains['gain_low']:.1f}, from there to the best by "
        f"{gains['gain_high']:.1f}.".replace("-", "−")
    )


def test_a_clear_bend_is_said_where_no_class_is_named() -> None:
    found = _found(_planted())
    bare = Shape(**{**found.__dict__, "effects": found.effects.assign(class_named="not settled")})
    (said,) = bare.sentences()
    assert said == "More of a clearly helps less above the middle of the scale than below it (n 800)."
    four = found.bends.assign(shape="diminishing", q_value=[0.03, 0.001, 0.02, 0.04])
    (said,) = Shape(**{**bare.__dict__, "bends": four}).sentences()
    assert said.startswith("More of b, c and a clearly helps less")  # the clearest first, three at most


def test_on_a_scale_of_four_only_the_ends_are_low_and_high() -> None:
    table = _ratings("ab", best=4)
    pull = -2.0 * (table["q_a"] == 1)
    table["q_loyal"] = (6 + pull + np.random.default_rng(4).normal(scale=0.6, size=800)).clip(0, 10)
    found = _found(table, scale=(1.0, 4.0))
    row = found.effects.iloc[0]
    assert (row["low_to"], row["high_from"], row["class_named"]) == (1, 4, "basic")
    assert found.effects_shown()[0][0]["note"]["Low and high"] == "Only the worst and the best answer for a and b"


def test_two_answers_have_nothing_between_them() -> None:
    table = _ratings("ab", best=2).assign(q_loyal=np.random.default_rng(0).integers(0, 11, 800).astype(float))
    found = _found(table, scale=(1.0, 2.0))
    assert found.reasons == ["Penalty and reward are not told: nobody rated a between its worst and its best answer."]
    assert (found.effects_shown(), found.effects_table(), found.bends_shown(), found.sentences(), found.findings()) == (
        [],
        [],
        [],
        [],
        [],
    )


def test_too_few_respondents_are_a_reason() -> None:
    found = _found(_planted(n=39))
    assert found.reasons == [
        "Penalty and reward are not told: needs 40 respondents who answered every driver, and 39 did."
    ]


def test_an_effect_the_wrong_way_is_noted() -> None:
    table = _ratings("ab")
    table["q_loyal"] = (5 + 2.0 * (table["q_a"] < 3) + np.random.default_rng(0).normal(scale=0.6, size=800)).clip(0, 10)
    words, _ = _found(table).effects_shown()[0]
    assert words["note"]["Wrong way"] == "Low answers of a clearly go with an outcome that is opposite"


def test_findings_name_owner_and_touchpoint_and_ask_for_action_where_low_ratings_cost() -> None:
    found = _found(_planted())
    basic, excitement = found.findings()
    assert (basic["name"], basic["target"], basic["owner"], basic["attention"]) == ("shape_q_a", "a", "a team", True)
    assert (excitement["name"], excitement["attention"]) == ("shape_q_b", False)
    a = found.effects.set_index("driver").loc["q_a"]
    result = basic["result"]
    assert (result["estimate"], result["conf_low"], result["n"]) == (a["penalty"], a["penalty_low"], 800)
    assert result["headline"] == found.sentences()[0]


@pytest.mark.parametrize(("ends", "unit"), [((0.0, 10.0), "0 to 10"), ((0.0, 1.0), ""), ((0.0, 100.0), "0 to 100")])
def test_differences_of_a_yes_or_no_have_two_decimals(ends: tuple[float, float], unit: str) -> None:
    found = _found(_planted().assign(q_loyal=lambda t: (t["q_loyal"] > 5).astype(float)), outcome_scale=ends)
    assert found.unit == unit
