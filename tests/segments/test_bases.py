"""Firmographics, behaviour or needs: what each foretells of people who were not used to make its segments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from cxlab.segments.bases import BaseComparison, _foretold, _labels, _shuffled, behaviour, compare_bases

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "survey"
E = [f"e{i}" for i in range(1, 24)]
S = [f"s{i}" for i in range(1, 24)]


def _people(n: int = 300, seed: int = 0, level: float = 0.0) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Two equal groups with opposite needs, 4 points apart; `score` is 1 higher in the second, with a spread of 1: the group
    foretells .25/1.25 = 20% of it. `plan` is the group for three of four, `region` is nothing. `level`: how high one ticks,
    which moves all needs and `praise` alike.
    """
    rng = np.random.default_rng(seed)
    group = np.arange(n) % 2
    tick = level * rng.normal(size=n)
    needs = np.where(group[:, None] == [0, 0, 1, 1], 4.0, 0.0) + tick[:, None] + 0.5 * rng.normal(size=(n, 4))
    plan = np.where(rng.random(n) < 0.75, group, 1 - group)
    bases = {
        "needs": pd.DataFrame(needs, columns=list("abcd")),
        "plans": pd.DataFrame({"plan": np.where(plan, "plus", "basic")}),
        "regions": pd.DataFrame({"region": np.where(rng.random(n) < 0.5, "north", "south")}),
    }
    outcomes = pd.DataFrame({"score": group + rng.normal(size=n), "praise": tick + rng.normal(size=n)})
    return bases, outcomes


def _compared(bases: Any, outcomes: pd.DataFrame, **more: Any) -> BaseComparison:
    usual = {"n_segments": 2, "n_splits": 5, "n_permutations": 99, "random_state": 0}
    return compare_bases(bases, outcomes, **usual | more)


def _row(found: BaseComparison, base: str, outcome: str = "score", style: str = "none") -> pd.Series:
    return found.to_frame().set_index(["base", "style", "outcome"]).loc[(base, style, outcome)]


def test_r_squared_of_eight_people_in_two_halves_by_hand() -> None:
    # trained on 0 0 | 4 4, means 0 and 4, of all 2; tested on 1 1 | 3 3: 4·1 around segments, 4·1 around all.
    # The other way: means 1 and 3, of all 2; tested on 0 0 | 4 4: 4·1 around segments, 4·4 around all. 1 − 8/20
    y = np.array([0.0, 0, 4, 4, 1, 1, 3, 3])[:, None]
    y = np.vstack([y] * 5)  # 40 people: five times the same
    halves = np.tile(np.tile(np.repeat([True, False], 4), 5), (2, 1))  # the same split twice
    labels = np.tile(np.tile([0, 0, 1, 1], 10), (2, 2, 1))
    row, loss = _foretold(y, np.ones(40), halves, labels, 2, 0.95)
    assert row["estimate"] == pytest.approx(0.6)
    # a person's gain less .6 of their loss: 20 with 0 − .6, 20 with 3 − .6·4 = .6; over the mean loss 2.5
    assert row["std_error"] == pytest.approx(np.sqrt(40 / 39 * 40 * 0.36) / (40 * 2.5))
    assert loss is not None


def test_shuffling_by_products_of_matrices_is_shuffling_and_asking_again() -> None:
    rng = np.random.default_rng(3)
    y, w = rng.normal(size=(60, 2)), rng.integers(1, 4, 60).astype(float)
    halves = np.stack([rng.permutation(60) < 30 for _ in range(3)])
    labels = rng.integers(0, 3, (3, 2, 60))
    quick = _shuffled(y, w, halves, labels, 3, 4, np.random.default_rng(9))
    orders = np.random.default_rng(9)
    slow = [
        _foretold(y[order], w[order], halves, labels, 3, 0.95)[0]["estimate"]
        for order in (orders.permutation(60) for _ in range(4))
    ]
    assert quick == pytest.approx(slow)


def test_the_planted_base_foretells_a_fifth_and_the_empty_one_nothing() -> None:
    found = _compared(*_people(1_000))
    needs, plans, regions = (_row(found, base) for base in ("needs", "plans", "regions"))
    assert needs["conf_low"] < 0.2 < needs["conf_high"]
    # the plan is right for three of four: half the difference of means, a quarter of the share
    assert plans["conf_low"] < 0.05 < plans["conf_high"]
    assert regions["conf_low"] < 0
    assert (needs["p_value"], needs["ari"]) == (1 / 100, pytest.approx(1))
    assert regions["p_value"] > 0.05
    assert regions["null_mean"] == pytest.approx(-1 / 500, abs=0.002)
    assert (found.to_frame()["n"] == 1_000).all()


def test_the_headline_names_the_base_that_is_ahead_and_says_so_where_none_is() -> None:
    found = _compared(*_people(1_000))
    row = _row(found, "needs")
    assert found.headline() == (
        f"Needs discriminates score best: its segments foretell {100 * row['estimate']:.0f}% of the differences between people "
        f"({100 * row['conf_low']:.0f} to {100 * row['conf_high']:.0f}%). No base tells praise apart better than chance."
    )
    assert found.leader("score") == ("needs", True)


def test_two_bases_that_know_the_same_are_not_told_apart() -> None:
    bases, outcomes = _people(400)
    rng = np.random.default_rng(5)
    bases = {"needs": bases["needs"], "twin": bases["needs"] + 0.3 * rng.normal(size=(400, 4))}
    found = _compared(bases, outcomes[["score"]])
    assert found.headline() == "No base clearly discriminates score better than another."
    pair = found.differences().iloc[0]
    assert pair["conf_low"] <= 0 <= pair["conf_high"]


def test_the_difference_of_two_bases_is_the_difference_of_their_figures_on_the_same_people() -> None:
    found = _compared(*_people(200))
    pairs = found.differences()
    assert len(pairs) == 2 * 3
    for pair in pairs.to_dict("records"):
        own = _row(found, pair["base"], pair["outcome"])["estimate"]
        other = _row(found, pair["other_base"], pair["outcome"])["estimate"]
        assert pair["estimate"] == pytest.approx(own - other)
    assert (pairs["q_value"] >= pairs["p_value"]).all()


def test_a_lead_that_is_only_ticking_high_is_gone_with_style_taken_out() -> None:
    found = _compared(*_people(600, level=3.0), style=["needs"])
    assert _row(found, "needs", "praise")["estimate"] > 0.2
    assert _row(found, "needs", "praise", "center")["conf_low"] < 0
    assert _row(found, "needs", "score", "center")["estimate"] > 0.1
    # the headline judges the centred needs
    assert "Needs discriminates score best" in found.headline()
    assert "No base tells praise apart better than chance." in found.headline()
    assert f"{100 * _row(found, 'needs', 'praise')['estimate']:.0f}% of praise as answered" in found.style_sentence()


def test_intervals_hold_the_expected_figure_as_often_as_they_say() -> None:
    # 60 samples of 400: at 95%, fewer than 51 have a chance of .1%
    sets = [_compared(*_people(400, seed), n_splits=3, n_permutations=19) for seed in range(60)]
    for base, other in (("needs", "plans"), ("plans", "regions")):
        rows = pd.DataFrame([_row(found, base) for found in sets])
        expected = rows["estimate"].mean()
        assert ((rows["conf_low"] < expected) & (expected < rows["conf_high"])).sum() >= 51
        pairs = pd.concat([found.differences().query("outcome == 'score'") for found in sets])
        pairs = pairs[(pairs["base"] == base) & (pairs["other_base"] == other)]
        expected = pairs["estimate"].mean()
        assert ((pairs["conf_low"] < expected) & (expected < pairs["conf_high"])).sum() >= 51


def test_an_outcome_of_nothing_is_called_clear_no_more_often_than_chance() -> None:
    # each p is at most .05 with a chance of 5%: of 60, 8 or more have a chance of 1.4%
    p = [
        _row(_compared(*_people(100, seed), n_splits=2, n_permutations=59), "regions")["p_value"] for seed in range(60)
    ]
    assert (np.array(p) <= 0.05).sum() <= 7
    assert np.mean(p) > 0.35


def test_columns_taken_together_have_the_mean_of_their_figures() -> None:
    bases, outcomes = _people(400)
    alone = _compared(bases, outcomes)
    joined = _compared(bases, outcomes, together={"all": ["score", "praise"]})
    assert joined.to_frame()["outcome"].unique().tolist() == ["all"]
    for base in bases:
        mean = (_row(alone, base)["estimate"] + _row(alone, base, "praise")["estimate"]) / 2
        assert _row(joined, base, "all")["estimate"] == pytest.approx(mean, abs=1e-3)


def test_everybody_is_used_or_left_out_for_a_reason() -> None:
    bases, outcomes = _people(100)
    bases["needs"].loc[[0, 1], "a"] = np.nan
    bases["plans"].loc[[1, 2, 3], "plan"] = None  # the second already lacks a need
    outcomes.loc[[0, 9], "score"] = np.nan
    found = _compared(bases, outcomes, weights=np.where(np.arange(100) < 90, 1.0, 0.0))
    counted = found.left_out.set_index(["outcome", "reason"])["n"]
    assert counted["score"].to_dict() == {
        "": 85, "a gap in needs": 2, "a gap in plans": 2, "a weight of 0": 10, "no answer about score": 1
    }  # fmt: skip
    assert counted["praise"].to_dict() == {"": 86, "a gap in needs": 2, "a gap in plans": 2, "a weight of 0": 10}
    assert counted.groupby("outcome").sum().tolist() == [100, 100]
    assert (found.n, found.n_in) == (86, 100)
    assert found.to_frame().groupby("outcome")["n"].unique().map(list).to_dict() == {"praise": [86], "score": [85]}
    assert found.base_sentence() == (
        "86 of 100 respondents have whole answers in every base; left out: 2 for a gap in needs, 2 for a gap in plans and 10 "
        "for a weight of 0. 5 random splits in halves, weighted."
    )


def test_equal_weights_change_nothing_and_unequal_ones_do() -> None:
    bases, outcomes = _people(200)
    plain, equal = _compared(bases, outcomes), _compared(bases, outcomes, weights=np.full(200, 3.0))
    columns = ["estimate", "std_error", "null_mean", "p_value"]
    assert equal.to_frame()[columns].to_numpy() == pytest.approx(plain.to_frame()[columns].to_numpy())
    # where only the second group counts much, segments foretell less of the weighted differences: 2/11·9/11 = .149 for .25
    weighted = _compared(*_people(2_000), weights=np.where(np.arange(2_000) % 2, 9.0, 2.0))
    share = 2 / 11 * 9 / 11
    row = _row(weighted, "needs")
    assert row["conf_low"] < share / (share + 1) < row["conf_high"]
    assert row["estimate"] < 0.18


def test_a_weight_counts_when_segments_are_made() -> None:
    # at 0, 4 and 9 for everybody alike 0 and 4 lie together: 8 a pair for 12.5; where 9 counts .1, it joins 4: 25·.1/1.1 = 2.3
    points = np.tile([0.0, 4, 9], 20)[:, None]
    halves = np.tile(np.repeat([True, False], 30), (2, 1))
    alike = _labels("x", points, np.ones(60), halves, 2, np.random.default_rng(0))[0, 0, :3]
    lighter = _labels("x", points, np.tile([1, 1, 0.1], 20), halves, 2, np.random.default_rng(0))[0, 0, :3]
    assert alike[0] == alike[1] != alike[2]
    assert lighter[0] != lighter[1] == lighter[2]


def test_words_weigh_as_groups_and_numbers_whatever_their_unit() -> None:
    bases, outcomes = _people(200)
    mixed = bases["plans"].assign(income=np.random.default_rng(1).normal(size=200))
    euros = mixed.assign(income=1_000 * mixed["income"] + 40_000)
    one, other = (_compared({"people": base}, outcomes).to_frame() for base in (mixed, euros))
    pd.testing.assert_frame_equal(one, other)


def test_a_base_has_the_same_figures_whichever_others_are_there() -> None:
    bases, outcomes = _people(200)
    alone = _compared({"plans": bases["plans"]}, outcomes)
    assert _row(alone, "plans")[["estimate", "p_value", "ari"]].tolist() == (
        _row(_compared(bases, outcomes), "plans")[["estimate", "p_value", "ari"]].tolist()
    )


def test_the_same_seed_gives_the_same_table_on_one_thread_and_on_two() -> None:
    bases, outcomes = _people(200)
    tables = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            tables.append(_compared(bases, outcomes, style=["needs"], random_state=4).to_frame())
    pd.testing.assert_frame_equal(*tables, check_exact=True)


def test_an_outcome_without_differences_has_no_figure_and_says_why() -> None:
    bases, outcomes = _people(100)
    found = _compared(bases, outcomes.assign(flat=1.0, rare=outcomes["score"].where(outcomes.index < 30)))
    table = found.to_frame().set_index("outcome")
    assert table.loc[["flat", "rare"], "estimate"].isna().all()
    assert set(table.loc["flat", "reason"]) == {"everybody gave the same answer"}
    assert set(table.loc["rare", "reason"]) == {"fewer than 40 answers"}
    assert table.loc[["flat", "rare"], "q_value"].isna().all()
    assert not set(found.differences()["outcome"]) & {"flat", "rare"}


@pytest.mark.parametrize(
    ("change", "more", "says"),
    [
        (
            {"names": pd.DataFrame({"id": [f"C{i}" for i in range(100)]})},
            {},
            "column `id` of base `names` has 100 different",
        ),
        ({"short": np.zeros((99, 2))}, {}, r"base `short` has shape \(99, 2\); `outcomes` has 100 respondents"),
        ({"other": pd.DataFrame({"x": range(100)}, index=range(1, 101))}, {}, "base `other` .* have different indexes"),
        ({"one": pd.DataFrame({"x": ["same"] * 100})}, {}, "base `one` has 1 distinct rows in a half"),
        ({}, {"style": ["wants"]}, "`style` names `wants`, which is no base"),
        ({}, {"style": ["plans"]}, "column `plan` of the battery `plans` is .*, not a number"),
        ({}, {"n_segments": 1}, "`n_segments` of base `needs` must be 2 or more, got 1"),
        ({}, {"n_segments": {"needs": 2}}, "`n_segments` has no number for base `plans`"),
        ({}, {"n_splits": 1}, "`n_splits` must be 2 or more, got 1"),
        ({}, {"n_permutations": 5}, "`n_permutations` must be 19 or more, got 5"),
        (
            {},
            {"together": {"all": ["scor"]}},
            "`together` names column `scor`, which is no outcome; did you mean `score`",
        ),
        ({}, {"conf_level": 95}, "`conf_level` must be between 0 and 1, got 95"),
        ({"gone": pd.DataFrame({"x": [np.nan] * 61 + [1.0] * 39})}, {}, "39 of 100 .* left out: 61 for a gap in gone"),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name(change: dict[str, Any], more: dict[str, Any], says: str) -> None:
    bases, outcomes = _people(100)
    with pytest.raises(ValueError, match=says):
        _compared(bases | change, outcomes, **more)


def test_an_outcome_in_words_and_one_that_was_not_compared_are_refused() -> None:
    bases, outcomes = _people(100)
    with pytest.raises(ValueError, match=r"outcome `mood` is .*, not a number"):
        _compared(bases, outcomes.assign(mood="good"))
    with pytest.raises(ValueError, match="outcome `scores` was not compared; did you mean `score`"):
        _compared(bases, outcomes).leader("scores")


def test_recency_frequency_and_value_of_three_customers_by_hand() -> None:
    events = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b", "x", None, "a", "b"],
            "timestamp": pd.to_datetime(
                ["2026-01-01", "2026-01-11", "2026-01-21", "2026-01-01", "2026-01-01", "2026-03-01", None]
            ),
        }
    )
    bought = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b", "b"],
            "timestamp": pd.to_datetime(["2026-01-26", "2026-01-05", "2026-01-02", "2026-01-03"]),
            "amount": [10.0, 5.0, -3.0, np.nan],
        }
    )
    found = behaviour(events, bought, customers=["a", "b", "c"], until="2026-01-31")
    assert found.index.name == "customer_id"
    assert found["recency"].tolist()[:2] == [5, 10]
    assert np.isnan(found.loc["c", "recency"])
    assert found["frequency"].tolist() == [2, 1, 0]
    assert found["value"].tolist() == [15, -3, 0]
    assert found.attrs["left_out"] == {
        "events of customers not listed": 1,
        "events without a customer": 1,
        "events after the end": 1,
        "events without a time": 1,
        "transactions without an amount, not in value": 1,
    }


def test_without_events_purchases_are_counted_and_without_purchases_there_is_no_value() -> None:
    one = pd.DataFrame(
        {"customer_id": ["a"], "timestamp": pd.to_datetime(["2026-01-01 12:00"], utc=True), "amount": [2.0]}
    )
    until = pd.Timestamp("2026-01-02", tz="UTC")
    paid = behaviour(transactions=one, customers=pd.DataFrame({"customer_id": ["b", "a"]}), until=until)
    assert paid["frequency"].to_dict() == {"b": 0, "a": 1}
    assert paid.loc["a", "recency"] == 0.5
    assert list(behaviour(one, customers=["a"], until=until)) == ["recency", "frequency"]


def test_who_did_nothing_is_left_out_of_a_comparison_and_counted() -> None:
    bases, outcomes = _people(100)
    ids = [f"C{i}" for i in range(100)]
    events = pd.DataFrame(
        {
            "customer_id": np.repeat(ids[:90], 2),
            "timestamp": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(180), "h"),
        }
    )
    did = behaviour(events, customers=ids, until="2026-02-01")
    found = _compared({"needs": bases["needs"].set_axis(ids), "behaviour": did}, outcomes.set_axis(ids))
    assert found.left_out.set_index(["outcome", "reason"])["n"]["score"].to_dict() == {"": 90, "a gap in behaviour": 10}


def test_records_that_cannot_be_read_are_refused_by_name() -> None:
    events = pd.DataFrame({"customer_id": ["a"], "timestamp": pd.to_datetime(["2026-01-01"], utc=True)})
    with pytest.raises(ValueError, match="needs `events` or `transactions`"):
        behaviour(customers=["a"], until="2026-01-02")
    with pytest.raises(ValueError, match="must both have a time zone, or neither"):
        behaviour(events, customers=["a"], until="2026-01-02")
    with pytest.raises(ValueError, match="`transactions` has no column `amount`"):
        behaviour(transactions=events, customers=["a"], until="2026-01-02")
    with pytest.raises(ValueError, match="customer_id `a` is in `customers` more than once"):
        behaviour(events, customers=["a", "a"], until="2026-01-02")
    with pytest.raises(ValueError, match="`customers` has no column `customer_id`"):
        behaviour(events, customers=pd.DataFrame({"id": ["a"]}), until="2026-01-02")
    with pytest.raises(ValueError, match="`until` must be a time"):
        behaviour(events, customers=["a"], until=None)


def _airline() -> pd.DataFrame:
    path = DATA / "airlinesat.csv"
    if not path.exists():
        pytest.skip("the shared real data lacks survey/airlinesat.csv")
    return pd.read_csv(path)


def _flown(survey: pd.DataFrame) -> BaseComparison:
    bases = {
        "needs": survey[E],
        "firmographics": survey[["age", "gender", "country", "language"]],
        "behaviour": survey[["nflights", "status", "flight_purpose", "flight_type", "flight_class"]],
    }
    outcomes = survey[[*S, "nps"]]
    return compare_bases(
        bases, outcomes, style=["needs"], together={"satisfaction": S}, n_permutations=99, random_state=0
    )


@pytest.mark.realdata
def test_the_needs_of_airline_passengers_lead_only_until_style_is_taken_out() -> None:
    # an independent measurement with four segments, holes filled with means: satisfaction items / NPS
    published = {
        ("needs", "none"): (0.099, 0.018), ("needs", "center"): (0.016, 0.001),
        ("firmographics", "none"): (0.019, 0.015), ("behaviour", "none"): (0.017, 0.008),
    }  # fmt: skip
    survey = _airline()
    filled = survey.fillna(survey[[*E, *S]].mean())
    found = _flown(filled)
    assert found.n == found.n_in == 1_065
    for (base, style), figures in published.items():
        for outcome, figure in zip(("satisfaction", "nps"), figures, strict=True):
            row = _row(found, base, outcome, style)
            assert abs(row["estimate"] - figure) < 1.5 * row["std_error"]
    assert found.headline() == "No base clearly discriminates satisfaction or nps better than another."


@pytest.mark.realdata
def test_airline_passengers_with_holes_are_counted_and_the_answer_is_the_same() -> None:
    found = _flown(_airline())
    assert found.left_out.set_index(["outcome", "reason"])["n"]["satisfaction"].to_dict() == {
        "": 793,
        "a gap in needs": 272,
    }
    raw, centred = (_row(found, "needs", "satisfaction", style) for style in ("none", "center"))
    assert raw["estimate"] > 3 * centred["estimate"]
    assert found.headline() == "No base clearly discriminates satisfaction or nps better than another."
