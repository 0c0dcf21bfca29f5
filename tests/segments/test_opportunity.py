"""The opportunity map of five respondents by hand, and stated against derived importance of planted needs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cxlab.drivers import relative_importance
from cxlab.segments.opportunity import Opportunity, SaidAgainstDerived, opportunity, said_against_derived

AIRLINE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "survey" / "airlinesat.csv"
FIVE = pd.DataFrame({"i": [5, 5, 4, 4, 2], "s": [2, 4, 3, 1, 5]})
SPEED = {"speed": ("i", "s")}


def _map(answers: pd.DataFrame, pairs: dict[str, tuple[str, str]] = SPEED, **more: Any) -> Opportunity:
    return opportunity(answers, pairs, **{"n_boot": 200, "random_state": 0, **more})


def _row(answers: pd.DataFrame, **more: Any) -> pd.Series:
    return _map(answers, **more).table.iloc[0]


def _pairs_of(important_satisfied: int, important: int, satisfied: int, neither: int) -> pd.DataFrame:
    """So many respondents who find it important and are satisfied, only the one, only the other, neither."""
    rows = [(5, 5)] * important_satisfied + [(5, 1)] * important + [(1, 5)] * satisfied + [(1, 1)] * neither
    return pd.DataFrame(rows, columns=["i", "s"])


def test_the_score_of_five_respondents_by_hand() -> None:
    # four of five tick 4 or 5 on importance: 8; two of five on satisfaction: 4; 8 + (8 − 4) = 12
    row = _row(FIVE)
    assert (row["importance"], row["satisfaction"], row["unmet"], row["estimate"]) == (8, 4, 4, 12)
    # gaps 3, 1, 1, 3, −3: mean 1, squares 4 + 0 + 0 + 4 + 16 = 24, so √(24/4/5) and t with 4 degrees of freedom
    assert row["gap"] == pytest.approx(1)
    assert row["gap_std_error"] == pytest.approx(math.sqrt(24 / 20))
    assert row["gap_high"] - 1 == pytest.approx(2.7764 * math.sqrt(24 / 20), abs=1e-4)
    assert row["n"] == 5


def test_satisfaction_above_importance_takes_nothing_from_the_score() -> None:
    row = _row(FIVE.rename(columns={"i": "s", "s": "i"}))
    assert (row["importance"], row["satisfaction"], row["unmet"], row["estimate"]) == (4, 8, -4, 4)


def test_a_respondent_with_weight_two_is_as_two_in_every_figure() -> None:
    weighted = FIVE.assign(w=[2, 1, 1, 1, 3])
    repeated = FIVE.loc[FIVE.index.repeat([2, 1, 1, 1, 3])]
    figures = ["importance", "satisfaction", "unmet", "estimate", "gap"]
    once, twice = _row(weighted, weights="w"), _row(repeated)
    # important 2 + 1 + 1 + 1 of 8; satisfied 1 + 3 of 8
    assert once["estimate"] == pytest.approx(10 * (5 / 8 + (5 - 4) / 8))
    assert once[figures].tolist() == pytest.approx(twice[figures].tolist())
    assert _map(weighted, weights=weighted["w"].to_numpy()).table.equals(_map(weighted, weights="w").table)
    assert (once["n"], twice["n"]) == (5, 8), "but it is one person"


def test_weights_of_one_change_nothing_and_a_weight_of_nothing_leaves_a_person_out_of_the_figures() -> None:
    assert _map(FIVE, weights=np.ones(5)).table.equals(_map(FIVE).table)
    without = _row(FIVE, weights=[1, 1, 1, 1, 0])
    assert without["estimate"] == _row(FIVE.iloc[:4])["estimate"]


def test_only_who_answered_both_questions_counts_and_the_others_are_counted() -> None:
    holes = pd.concat([FIVE, pd.DataFrame({"i": [5, None, None], "s": [None, 1, None]})], ignore_index=True)
    row = _row(holes)
    assert (row["n"], row["n_missing"]) == (5, 3)
    assert row["estimate"] == pytest.approx(12)
    assert row["gap"] == pytest.approx(1)


def test_importance_counts_twice_which_the_gap_does_not() -> None:
    # price: 10 of 10 find it important, 6 are satisfied: 10 + 4. ease: 6 find it so, 2 are satisfied: 6 + 4. Same shortfall.
    price, ease = _pairs_of(6, 4, 0, 0), _pairs_of(2, 4, 0, 4)
    both = pd.concat([price.add_prefix("price_"), ease.add_prefix("ease_")], axis=1)
    found = _map(both, {"ease": ("ease_i", "ease_s"), "price": ("price_i", "price_s")}).table.set_index("need")
    assert found["estimate"].to_dict() == {"price": 14, "ease": 10}
    assert found["unmet"].tolist() == pytest.approx([4, 4])
    assert found["gap"].tolist() == pytest.approx([1.6, 1.6])
    assert found.index.tolist() == ["price", "ease"], "the highest score first"


def test_ticking_one_answer_higher_moves_the_score_and_not_the_gap() -> None:
    low = pd.DataFrame({"i": [4, 3, 3, 3, 2], "s": [2, 2, 3, 1, 2]})
    one, other = _row(low), _row(low + 1)
    assert one["estimate"] == pytest.approx(4)  # 2 + (2 − 0)
    assert other["estimate"] == pytest.approx(14)  # 8 + (8 − 2)
    assert one["gap"] == pytest.approx(other["gap"]) == pytest.approx(1)


def test_a_long_scale_counts_its_upper_fifth() -> None:
    row = _row(pd.DataFrame({"i": [85, 81, 80, 100], "s": [10, 90, 20, 30]}), scale=(0, 100))
    assert (row["importance"], row["satisfaction"]) == (7.5, 2.5)


@pytest.mark.parametrize(
    ("counts", "reading"),
    [
        ((3, 5, 1, 1), "under-served"),  # 8 and 4: 12
        ((2, 1, 5, 2), "over-served"),  # 3 and 7
        ((3, 2, 1, 4), "appropriate"),  # 5 and 4: 6
        ((4, 3, 3, 0), "not clear"),  # 7 and 7: neither side of the diagonal
        ((3, 4, 1, 2), "not clear"),  # 7 and 4: exactly 10
    ],
)
def test_a_need_is_called_served_or_not_only_where_the_interval_bears_it(
    counts: tuple[int, int, int, int], reading: str
) -> None:
    # the same shares of 10 and of 1,000 respondents
    assert _row(_pairs_of(*counts))["reading"] == "not clear"
    assert _row(_pairs_of(*(100 * count for count in counts)))["reading"] == reading


def test_the_standard_error_is_that_of_the_formula_by_another_route() -> None:
    # above the diagonal the score is 10·(2·I − S), a plain mean of 2·important − satisfied
    answers = _pairs_of(30, 50, 10, 10)
    row = _row(answers, n_boot=4_000)
    one = 10 * (2 * (answers["i"] == 5) - 1 * (answers["s"] == 5))
    assert row["estimate"] == pytest.approx(one.mean())
    assert row["std_error"] == pytest.approx(one.std(ddof=0) / 10, rel=0.04)  # of 4,000 samples: 1/√8000 = 1.1%
    assert row["conf_low"] < row["estimate"] < row["conf_high"]
    assert row["conf_high"] - row["conf_low"] == pytest.approx(2 * 1.96 * row["std_error"], rel=0.1)


@pytest.mark.parametrize(("important", "satisfied"), [(0.8, 0.4), (0.6, 0.6)])
def test_the_interval_holds_the_truth_in_about_nineteen_of_twenty_samples(important: float, satisfied: float) -> None:
    rng = np.random.default_rng(7)
    true = 10 * important + 10 * max(important - satisfied, 0)
    lines = stats.norm.ppf([important, satisfied])
    held = []
    for i in range(200):
        mood = rng.normal(size=(100, 1))
        liked = 0.6 * mood + 0.8 * rng.normal(size=(100, 2)) < lines  # answers of a person go together
        row = _row(pd.DataFrame(np.where(liked, 5, 1), columns=["i", "s"]), random_state=i)
        held.append(row["conf_low"] <= true <= row["conf_high"])
    assert 0.90 <= np.mean(held) <= 0.99  # 0.95 ± three standard errors of 200 samples


def test_where_all_say_the_same_there_is_no_interval_and_no_verdict() -> None:
    row = _row(_pairs_of(0, 8, 0, 0))
    assert row["estimate"] == 20
    assert row[["std_error", "conf_low", "conf_high"]].isna().all()
    assert (row["reading"], row["reason"]) == ("not clear", "the samples drawn again do not differ, or lack answers")


def test_a_need_that_nobody_answered_is_undefined_and_says_so() -> None:
    answers = FIVE.assign(j=np.nan)
    table = _map(answers, {"none": ("j", "s"), **SPEED}).table
    assert table["need"].tolist() == ["speed", "none"]
    last = table.iloc[1]
    assert (last["n"], last["n_missing"], last["reason"]) == (0, 5, "nobody answered both questions")
    assert math.isnan(last["estimate"])
    single = _row(FIVE.iloc[:1])
    assert (single["estimate"], single["reason"]) == (20, "a single respondent shows no spread")


def test_each_segment_is_as_if_it_were_alone_and_who_has_none_is_counted() -> None:
    answers = pd.concat(
        [FIVE.assign(g="b"), FIVE.iloc[:3].assign(g="a"), FIVE.iloc[:1].assign(g=None)], ignore_index=True
    )
    found = _map(answers, by="g")
    assert found.table["g"].tolist() == ["a", "b"]
    assert found.table["n"].tolist() == [3, 5]
    assert found.n_without_group + (found.table["n"] + found.table["n_missing"]).sum() == found.n_respondents == 9
    assert found.table["estimate"].tolist() == pytest.approx([_row(FIVE.iloc[:3])["estimate"], 12])
    assert found.headline().startswith("Of 1 needs in 2 groups (2 scores) ")


def test_the_headline_counts_what_is_clear_and_names_the_highest_score() -> None:
    first, second = _pairs_of(300, 500, 100, 100), _pairs_of(200, 100, 500, 200)
    both = pd.concat([first.add_prefix("a"), second.add_prefix("b")], axis=1)
    found = _map(both, {"speed": ("ai", "as"), "brochures": ("bi", "bs")})
    top = found.table.iloc[0]
    assert found.headline() == (
        "Of 2 needs 1 is under-served, 1 is over-served, 0 are appropriate and 0 are not clear; the highest score is that of "
        f"“speed” (12.0 of 20, {top['conf_low']:.1f} to {top['conf_high']:.1f}, n 1,000)."
    )


def test_the_same_seed_gives_the_same_table() -> None:
    answers = _pairs_of(6, 9, 4, 8)
    assert _map(answers).table.equals(_map(answers).table)
    assert not _map(answers).table.equals(_map(answers, random_state=1).table)


@pytest.mark.parametrize(
    ("answers", "more", "said"),
    [
        (FIVE, {"pairs": {"speed": ("i", "z")}}, "no column `z`"),
        (FIVE, {"pairs": {"speed": "i"}}, "must be .importance column, satisfaction column., got 'i'"),
        (FIVE, {"pairs": {}}, "`pairs` is empty"),
        (FIVE, {"by": "z"}, "no column `z`"),
        (FIVE.assign(need=1), {"by": "need"}, "must not be called `need`"),
        (FIVE.assign(g=None), {"by": "g"}, "`g` is missing for all 5"),
        (FIVE.assign(i=[1, 2, 3, 99, 99]), {}, r"`i` holds 99 \(2 answers\), which is off the scale 1 to 5"),
        (FIVE.assign(i=list("abcde")), {}, "`i` must hold numbers, got 'a'"),
        (FIVE, {"scale": (5, 1)}, "`scale` must rise"),
        (FIVE, {"weights": [1, 1, 1, 1, None]}, "have no weight"),
        (FIVE, {"weights": "w"}, "no column `w`"),
        (FIVE, {"weights": pd.Series([1.0] * 5, index=range(5, 10))}, "another index"),
        (FIVE, {"conf_level": 95}, "95% is 0.95"),
        (FIVE, {"n_boot": 1}, "`n_boot` must be"),
        (FIVE.iloc[:0], {}, "no respondents"),
    ],
)
def test_what_cannot_be_mapped_is_refused_by_name(answers: pd.DataFrame, more: dict[str, Any], said: str) -> None:
    pairs = more.pop("pairs", SPEED) if "pairs" in more else SPEED
    with pytest.raises(ValueError, match=said):
        _map(answers, pairs, **more)


# --------------------------------------------------------------------------------------------------- said against derived

STATED = pd.DataFrame({"price": [5, 5, 4], "speed": [4, 4, 4], "advice": [3, 4, 2], "design": [1, 2, None]})
DERIVED = pd.DataFrame(
    {
        "driver": ["speed", "design", "price", "advice", "parking"],
        "estimate": [0.4, 0.3, 0.2, 0.1, 0.05],
        "conf_low": [0.3, 0.2, 0.1, 0.0, 0.0],
        "conf_high": [0.5, 0.4, 0.3, 0.2, 0.1],
    }
)
NEEDS = ["price", "speed", "advice", "design"]


def _planted(seed: int, n: int, stated: list[float], moves: list[float]) -> pd.DataFrame:
    """Needs a, b, c … said to be as important as `stated` (SD 1), each moving the outcome by `moves`."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, len(moves)))
    names = "abcdefgh"[: len(moves)]
    said = rng.normal(size=X.shape) + stated
    y = X @ np.array(moves) + rng.normal(size=n)
    return pd.DataFrame(np.column_stack([X, said, y]), columns=[*names, *(f"said_{name}" for name in names), "y"])


def _slopes(frame: pd.DataFrame) -> pd.Series:
    values, k = frame.to_numpy(), len(frame.columns) // 2
    centred = values - values.mean(axis=0)
    X, y = centred[:, :k], centred[:, -1]
    return pd.Series(np.linalg.solve(X.T @ X, X.T @ y), index=frame.columns[:k])


def _against(frame: pd.DataFrame, **more: Any) -> SaidAgainstDerived:
    derived = _slopes(frame).rename("estimate").rename_axis("driver").reset_index()
    importance = {name: f"said_{name}" for name in derived["driver"]}
    return said_against_derived(
        frame, importance, derived, **{"derive": _slopes, "n_boot": 100, "random_state": 0, **more}
    )


def test_ranks_and_tau_of_four_needs_by_hand() -> None:
    # stated: price 4.67, speed 4, advice 3, design 1.5. derived: speed, design, price, advice. Of six pairs three stand as
    # stated (price and advice, speed and advice, speed and design), three the other way: τ = 0
    found = said_against_derived(STATED, NEEDS, DERIVED)
    table = found.table.set_index("need")
    assert table["estimate"].to_dict() == pytest.approx({"price": 14 / 3, "speed": 4, "advice": 3, "design": 1.5})
    assert table["stated_rank"].tolist() == [1, 2, 3, 4]
    assert table["derived_rank"].to_dict() == {"price": 3, "speed": 1, "advice": 4, "design": 2}
    assert table["rank_difference"].to_dict() == {"price": -2, "speed": 1, "advice": -1, "design": 2}
    assert found.tau["estimate"].tolist() == [0]
    assert (table.loc["design", "n"], table.loc["design", "n_missing"]) == (2, 1)
    assert table.loc["speed", ["derived", "derived_low", "derived_high"]].tolist() == [0.4, 0.3, 0.5]
    # price: 5, 5, 4 has a standard deviation of √(1/3), so √(1/9) for the mean, and t with 2 degrees of freedom 4.3027
    assert table.loc["price", "conf_high"] == pytest.approx(14 / 3 + 4.3027 / 3, abs=1e-4)
    assert found.not_asked == ("parking",)


def test_without_a_function_there_is_no_interval_and_it_says_why() -> None:
    found = said_against_derived(STATED, NEEDS, DERIVED)
    assert found.tau[["std_error", "conf_low", "conf_high"]].isna().all(axis=None)
    assert found.table["rank_difference_low"].isna().all()
    assert set(found.table["reading"]) == {"not clear"}
    assert found.headline() == (
        "Stated and derived importance of 4 needs: Kendall’s τ 0.00, without an interval: pass `derive` to have one (n 3)."
    )


def test_tau_is_that_of_scipy_also_with_ties() -> None:
    rng = np.random.default_rng(2)
    for _ in range(20):
        stated, derived = rng.integers(1, 5, 7), rng.integers(1, 5, 7).astype(float)
        names = list("abcdefg")
        table = pd.DataFrame({"driver": names, "estimate": derived})
        found = said_against_derived(pd.DataFrame([stated, stated], columns=names), names, table)
        assert found.tau["estimate"][0] == pytest.approx(stats.kendalltau(stated, derived).statistic)


def test_weights_of_the_stated_means_equal_repeated_rows() -> None:
    weighted = said_against_derived(STATED, NEEDS, DERIVED, weights=[1, 2, 3]).table
    repeated = said_against_derived(STATED.loc[[0, 1, 1, 2, 2, 2]], NEEDS, DERIVED).table
    assert weighted["estimate"].tolist() == pytest.approx(repeated["estimate"].tolist())
    assert weighted["need"].tolist() == repeated["need"].tolist()


def test_needs_that_people_put_in_the_wrong_order_are_found() -> None:
    found = _against(_planted(1, 800, [2.0, 1.5, 1.0, 0.5], [0.2, 0.5, 0.8, 1.1]))
    assert found.tau["estimate"].tolist() == [-1]
    assert found.tau["conf_high"][0] < 0
    readings = found.table.set_index("need")["reading"].to_dict()
    assert readings == {"a": "said more", "b": "said more", "c": "derived more", "d": "derived more"}
    assert found.headline().startswith(
        "Stated and derived importance of 4 needs contradict each other: Kendall’s τ −1.00 ("
    )
    assert "is number 1 as stated and 4 as derived." in found.headline()
    assert (found.n_boot, found.n_failed) == (100, 0)


def test_needs_that_people_put_in_the_right_order_go_together() -> None:
    found = _against(_planted(1, 800, [0.5, 1.0, 1.5, 2.0], [0.2, 0.5, 0.8, 1.1]))
    assert found.tau["estimate"].tolist() == [1]
    assert found.tau["conf_high"].tolist() == [1]
    assert found.headline().endswith("; no need clearly ranks differently.")
    assert "go together" in found.headline()


@pytest.mark.parametrize(
    "moves", [[0.3, 0.9, 0.1, 0.5, 1.1, 0.7], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0.6, 0.5, 0.4, 0.3, 0.2, 0.1]]
)
def test_the_interval_of_tau_holds_the_planted_one(moves: list[float]) -> None:
    stated = [0.0, 0.4, 0.8, 1.2, 1.6, 2.0]
    true = stats.kendalltau(stated, moves).statistic
    frames = [_planted(seed, 150, stated, moves) for seed in range(40)]
    taus = pd.concat([_against(frame, random_state=i, n_boot=60).tau for i, frame in enumerate(frames)])
    held = (taus["conf_low"] <= true + 1e-9) & (true - 1e-9 <= taus["conf_high"])
    assert held.mean() >= 0.85  # 95% less three standard errors of 40 samples
    assert taus[["conf_low", "conf_high"]].abs().to_numpy().max() <= 1
    assert (taus["conf_high"] - taus["conf_low"]).mean() < 1


def test_bootstrap_samples_without_a_derived_importance_are_counted_and_too_many_leave_no_interval() -> None:
    frame = _planted(3, 60, [0.0, 0.5, 1.0], [0.2, 0.5, 0.8])

    def failing(every: int) -> Any:
        calls = iter(range(10_000))

        def derive(rows: pd.DataFrame) -> pd.Series:
            call = next(calls)
            if call and call % every == 0:
                raise ValueError("a driver has no spread")
            return _slopes(rows)

        return derive

    some = _against(frame, derive=failing(20))
    assert some.n_failed == 5
    assert some.tau["conf_low"].notna().all()
    many = _against(frame, derive=failing(2))
    assert many.n_failed == 50
    assert many.tau["reason"].tolist() == ["50 of 100 bootstrap samples gave no derived importance"]
    assert many.tau["conf_low"].isna().all()
    assert set(many.table["reading"]) == {"not clear"}


def test_a_mistake_in_the_function_is_not_swallowed() -> None:
    calls = iter(range(10))

    def later(rows: pd.DataFrame) -> pd.Series:
        return _slopes(rows) if next(calls) < 3 else rows["no such column"]

    frame = _planted(3, 60, [0.0, 0.5, 1.0], [0.2, 0.5, 0.8])
    with pytest.raises(KeyError):
        _against(frame, derive=later)


def test_who_was_drawn_together_is_the_same_for_both_kinds_of_importance() -> None:
    # one person moves both: a derived importance that is the stated mean agrees with it in every sample
    frame = pd.DataFrame(np.random.default_rng(1).normal(size=(30, 4)), columns=NEEDS)
    derived = frame.mean().rename("estimate").rename_axis("driver").reset_index()
    found = said_against_derived(
        frame, NEEDS, derived, derive=lambda rows: rows[NEEDS].mean(), n_boot=50, random_state=0
    )
    assert found.tau["estimate"].tolist() == [1]
    assert found.tau[["std_error", "conf_low", "conf_high"]].to_numpy().tolist() == [[0, 1, 1]]
    assert found.table["rank_difference_low"].tolist() == found.table["rank_difference_high"].tolist() == [0] * 4


def test_an_item_that_nobody_answered_leaves_tau_undefined() -> None:
    found = said_against_derived(STATED.assign(design=np.nan), NEEDS, DERIVED)
    assert found.tau["reason"].tolist() == ["nobody answered `design`"]
    assert found.headline() == (
        "Whether stated and derived importance of 4 needs agree cannot be said: nobody answered `design`."
    )


@pytest.mark.parametrize(
    ("importance", "derived", "more", "said"),
    [
        (["price", "speed"], DERIVED, {}, "at least 3 needs, `importance` names 2"),
        ([*NEEDS, "colour"], DERIVED, {}, "no column `colour`"),
        ({**dict(zip(NEEDS, NEEDS, strict=True)), "ease": "price"}, DERIVED, {}, "no row for `ease`"),
        (NEEDS, DERIVED.rename(columns={"driver": "name"}), {}, "a column `driver` or `item`"),
        (NEEDS, DERIVED.drop(columns="estimate"), {}, "`derived` has no column `estimate`"),
        (NEEDS, pd.concat([DERIVED, DERIVED.iloc[:1]]), {}, "names `speed` twice"),
        (NEEDS, DERIVED.assign(estimate=[None, 1, 2, 3, 4]), {}, "importance of `speed` is missing"),
        (NEEDS, DERIVED, {"derive": lambda rows: [1, 2]}, "must return a Series by need, got list"),
        (NEEDS, DERIVED, {"derive": lambda rows: pd.Series({"speed": 1.0})}, "gives nothing for `price`"),
        (
            NEEDS, DERIVED, {"derive": lambda rows: pd.Series({"price": 4, "speed": 3, "advice": 2, "design": 1.0})},
            "order the needs differently: `price` has 4 by the one and 0.2 by the other",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused_by_name(
    importance: Any, derived: pd.DataFrame, more: dict, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        said_against_derived(STATED, importance, derived, **more)


@pytest.fixture(scope="module")
def airline() -> pd.DataFrame:
    if not AIRLINE.exists():
        pytest.skip("the shared real data lacks survey/airlinesat.csv")
    return pd.read_csv(AIRLINE)


@pytest.mark.realdata
def test_the_map_of_the_airline_is_that_of_plain_counting(airline: pd.DataFrame) -> None:
    found = _map(airline, {f"need {i}": (f"e{i}", f"s{i}") for i in range(1, 24)}, scale=(1, 100))
    row = found.table.iloc[0]
    both = airline[["e4", "s4"]].dropna()
    # upper fifth of 1 to 100: above 80.2
    important, satisfied = 10 * (both["e4"] > 80.2).mean(), 10 * (both["s4"] > 80.2).mean()
    assert row["need"] == "need 4"
    assert row["n"] == len(both) == 1035
    assert row["estimate"] == pytest.approx(2 * important - satisfied)
    assert row["gap"] == pytest.approx((both["e4"] - both["s4"]).mean())
    assert row["reading"] == "under-served"
    assert "over-served" not in set(found.table["reading"])


@pytest.mark.realdata
def test_what_air_passengers_expect_most_is_not_what_goes_with_their_recommendation(airline: pd.DataFrame) -> None:
    items = [f"s{i}" for i in (1, 2, 4, 5, 6, 7, 8, 9)]

    def derive(rows: pd.DataFrame) -> pd.Series:
        whole = rows[[*items, "nps"]].dropna()
        return relative_importance(whole[items], whole["nps"]).set_index("driver")["share"]

    derived = derive(airline).rename("estimate").reset_index()
    found = said_against_derived(
        airline, {item: f"e{item[1:]}" for item in items}, derived, derive=derive, n_boot=100, random_state=0
    )
    table = found.table.set_index("need")
    assert (table.loc["s9", "stated_rank"], table.loc["s9", "derived_rank"]) == (1, 8)
    assert table.loc["s9", "reading"] == "said more"
    assert table.loc["s5", "reading"] == "derived more"
    assert found.tau["conf_low"][0] < 0 < found.tau["conf_high"][0]
