"""What a persona card may say: facts with their tests, nothing from small bases, nothing that names a person."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from threadpoolctl import threadpool_limits

from cxlab.inference import benjamini_hochberg, mean_row, share_row
from cxlab.segments.personas import CLEAR, Personas, median_row, personas

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
NEEDS = ["price", "speed", "trust", "care"]
KINDS = {"price": "functional", "speed": "functional", "trust": "emotional", "care": "emotional"}
LEADING = {"Price": [5, 4, 2, 1], "Speed": [3, 5, 3, 1], "Trust": [1, 2, 5, 4]}
ITEMS = pd.DataFrame(
    [
        ("recommend", "Recommendation", "loyalty", 0.0, 10.0, None),
        ("overall", "Overall satisfaction", "satisfaction", 1.0, 5.0, None),
        ("app", "The app", "satisfaction", 1.0, 5.0, "app"),
        ("never", "Never asked", "satisfaction", 1.0, 5.0, None),
        *((need, need.capitalize(), "need", 1.0, 5.0, None) for need in NEEDS),
    ],
    columns=["item", "label", "role", "low", "high", "touchpoint"],
)


def _answers(counts: dict[str, int]) -> tuple[pd.Series, pd.DataFrame]:
    """`counts` respondents a segment: the answers of LEADING, of every second one a point of `price` and `trust` changed.

    Everybody recommends 9, 5 in turn and is satisfied 5, 2 in turn. The index begins at 100, after twenty of the staff.
    """
    place = np.repeat(list(counts), list(counts.values()))
    at = np.arange(len(place))
    answers = np.array([LEADING[segment] for segment in place], dtype=float)
    answers[at % 2 == 1] += np.array([-1, 0, 1, 0]) * np.where(place[at % 2 == 1] == "Trust", -1, 1)[:, None]
    rows = pd.DataFrame(np.clip(answers, 0, 6), columns=NEEDS).assign(
        response_id=[f"R{i:04d}" for i in at],
        customer_id=[f"C{i:04d}" for i in at],
        perspective="customer",
        counted_at=pd.Timestamp("2026-07-01", tz="UTC"),
        recommend=np.where(at % 2, 5.0, 9.0),
        overall=np.where(at % 2, 2.0, 5.0),
    )
    staff = pd.DataFrame({"response_id": [f"S{i}" for i in range(20)], "perspective": "staff"})
    responses = pd.concat([staff, rows], ignore_index=True)
    responses.index += 80
    return pd.Series(place, index=responses.index[20:]), responses


def _found(shown: pd.Series, responses: pd.DataFrame, customers: pd.DataFrame | None = None, **more: Any) -> Personas:
    """The cards, with sizes and profile made as `needs_segments` makes them."""
    known = shown.dropna()
    answers = responses.loc[known.index, NEEDS].astype(float)
    centred = answers.sub(answers.mean(axis=1), axis=0)
    sizes = pd.DataFrame(
        {"segment_id": f"need_{label.lower()}", "label": label}
        | share_row(known == label)
        | {"n": int((known == label).sum())}
        for label in sorted(known.unique())
    )
    profile = pd.DataFrame(
        {"segment": label, "item": need, "label": need.capitalize()} | mean_row(centred.loc[known == label, need], unit="1 to 5")
        for label in known.unique()
        for need in NEEDS
    )  # fmt: skip
    return personas(shown, responses, ITEMS, customers, **{"sizes": sizes, "profile": profile, **more})


def _customers(responses: pd.DataFrame, **columns: Any) -> pd.DataFrame:
    ids = responses["customer_id"].dropna().unique()
    return pd.DataFrame({"customer_id": ids, **columns})


def _row(found: Personas, segment: str, fact: str) -> pd.Series:
    rows = found.cards[(found.cards["segment"] == segment) & (found.cards["fact"] == fact)]
    assert len(rows) == 1
    return rows.iloc[0]


def _everything(found: Personas) -> str:
    """All that a reader could see."""
    shown = [text for words, rows in found.cards_shown() for text in (str(words), rows.to_csv())]
    return "\n".join([*(table.to_csv() for table in (found.cards, found.quotes, found.tests, found.left_out)), *shown])


@pytest.fixture(scope="module")
def three() -> Personas:
    """120 (Trust), 100 (Price) and 80 (Speed); 90 of Price are on Family, 60 of the other 200; region is even everywhere."""
    shown, responses = _answers({"Price": 100, "Speed": 80, "Trust": 120})
    at = np.arange(300)
    family = np.where(at < 100, at < 90, at % 10 < 3)
    customers = _customers(
        responses,
        plan=np.where(family, "Family", np.where(at % 2, "Basic", "Plus")),
        region=np.where(at % 2, "North", "South"),
        start_date=pd.Timestamp("2026-07-01", tz="UTC") - pd.to_timedelta(30.4375 * (1 + at % 20), unit="D"),
    )
    behaviour = pd.DataFrame(
        {"recency": at % 20, "value": np.where(at < 100, 500.0, 100.0) + at % 20},
        index=responses["customer_id"].dropna(),
    )
    return _found(shown, responses, customers, behaviour=behaviour, kinds=KINDS, currency="EUR")


# -------------------------------------------------------------------------------------------------------------------- facts


def test_cards_stand_in_the_order_of_size_and_each_has_the_same_facts(three: Personas) -> None:
    facts = three.cards.groupby("segment", sort=False)["fact"].agg(list)
    assert list(facts.index) == ["Trust", "Price", "Speed"]
    assert facts["Trust"] == facts["Price"] == facts["Speed"]
    assert facts["Price"] == [
        "Share of customers", "Matters most", "Matters second", "Matters least", "Functional needs", "Emotional needs",
        "Functional less emotional needs", "Plan", "Region", "Tenure, months (median)", "Days since the last event (median)",
        "Value, EUR (median)", "NPS", "Overall satisfaction",
    ]  # fmt: skip
    assert three.cards["segment_id"].unique().tolist() == ["need_trust", "need_price", "need_speed"]


def test_a_share_its_index_and_its_test_by_hand(three: Personas) -> None:
    # 90 of 100 against 60 of 200; all 150 of 300 = 50%: index 180; z = .6/√(.25·(1/100 + 1/200)) = 9.80
    row = _row(three, "Price", "Plan")
    assert (row["cell"], row["estimate"], row["others"], row["total"], row["index"]) == ("Family", 90, 30, 50, 180)
    assert row["p_value"] == pytest.approx(2 * stats.norm.sf(0.6 / math.sqrt(0.25 * 0.015)), rel=1e-6)
    assert row["reading"] == "clearly higher"
    assert (row["n"], row["n_others"]) == (100, 200)
    assert row["value"] == "Family: 90% (83 to 94%)"


def test_the_share_test_is_the_chi_square_test_and_fishers_where_few_are_expected() -> None:
    shown, responses = _answers({"Price": 60, "Speed": 90})
    at = np.arange(150)
    customers = _customers(responses, plan=np.where(at % 60 < np.where(at < 60, 33, 21), "a", "b"))
    rare = _customers(responses, plan=np.where(np.isin(at, [1, 2, 3, 70]), "a", "b"))
    for table, min_base in ((customers, 30), (rare, 3)):
        row = _row(_found(shown, responses, table, min_base=min_base), "Price", "Plan")
        a, b = round(row["estimate"] * 0.6), round(row["others"] * 0.9)
        cells = np.array([[a, 60 - a], [b, 90 - b]])
        chosen = stats.chi2_contingency(cells, correction=False) if table is customers else stats.fisher_exact(cells)
        assert row["p_value"] == pytest.approx(chosen.pvalue, rel=1e-9)


def test_a_fact_that_does_not_differ_says_so(three: Personas) -> None:
    for segment in ("Price", "Speed", "Trust"):
        row = _row(three, segment, "Region")
        assert (row["estimate"], row["others"], row["reading"]) == (50, 50, "no clear difference")
        assert _row(three, segment, "NPS")["reading"] == "no clear difference"


def test_needs_are_ranked_against_the_persons_own_mean_and_never_tested(three: Personas) -> None:
    # Price answers 5, 4, 2, 1 and 4, 4, 3, 1 (mean 3) in turn: price 1.5, speed 1, trust −0.5, care −2
    most, second, least = (_row(three, "Price", f"Matters {word}") for word in ("most", "second", "least"))
    assert [row["cell"] for row in (most, second, least)] == ["Price", "Speed", "Care"]
    assert [row["estimate"] for row in (most, second, least)] == [1.5, 1.0, -2.0]
    assert least["value"].startswith("Care: 2.0 points below their own average")
    needs = three.cards[three.cards["about"].isin(["size", "need", "kind"])]
    assert needs["p_value"].isna().all()
    assert (needs["reading"] == "not tested").all()
    assert (needs.loc[needs["about"] != "size", "reason"] == "the segments are made from these answers").all()


def test_the_same_need_over_all_and_the_others_is_the_mean_of_everybody() -> None:
    # speed less the own mean (3, 3, 3): Price 1, Speed 2, Trust −1, so over all (100·1 + 80·2 − 120·1)/300
    shown, responses = _answers({"Price": 100, "Speed": 80, "Trust": 120})
    row = _row(_found(shown, responses), "Speed", "Matters most")
    assert row["total"] == pytest.approx(140 / 300)
    assert row["others"] == pytest.approx(-20 / 220)
    assert math.isnan(row["index"])


def test_functional_against_emotional_needs_by_hand(three: Personas) -> None:
    # Price: functional (1.5 + 1)/2, emotional −1.25, difference 2.5 (3 and 2 in turn: error .5025/10)
    row = _row(three, "Price", "Functional less emotional needs")
    assert row["estimate"] == 2.5
    assert row["std_error"] == pytest.approx(np.std([3, 2] * 50, ddof=1) / 10)
    assert row["value"] == "+2.5 (2.4 to 2.6): functional needs weigh more"
    assert _row(three, "Price", "Functional needs")["estimate"] == 1.25
    assert _row(three, "Trust", "Functional less emotional needs")["value"].endswith("emotional needs weigh more")


def test_kinds_that_weigh_the_same_are_said_to() -> None:
    shown, responses = _answers({"Price": 40, "Speed": 40})
    responses.loc[shown.index, NEEDS] = np.tile([[3, 4, 4, 3], [4, 4, 4, 3], [4, 3, 4, 4]], (27, 1))[:80]
    row = _row(_found(shown, responses, kinds=KINDS), "Price", "Functional less emotional needs")
    assert row["conf_low"] < 0 < row["conf_high"]
    assert row["value"].endswith(": neither clearly weighs more")
    one = _found(shown, responses, kinds={"price": "functional", "speed": "functional"})
    assert "kind" not in set(one.cards["about"])
    assert (
        one.left_out.set_index("what").loc["functional and emotional needs", "reason"] == "no need is marked emotional"
    )


def test_weights_reach_needs_and_kinds() -> None:
    # Price weighs 3 and 1 in turn: price is 2 above the mean for the first of each pair and 1 for the second
    shown, responses = _answers({"Price": 40, "Speed": 40})
    responses["weight"] = np.where(np.arange(len(responses)) % 2, 1.0, 3.0)
    found = _found(shown, responses, kinds=KINDS)
    assert found.weighted
    assert _row(found, "Price", "Functional less emotional needs")["estimate"] == pytest.approx(3 * 0.75 + 2 * 0.25)
    others = responses.loc[shown[shown == "Price"].index]
    by_hand = np.average(others["speed"] - others[NEEDS].mean(axis=1), weights=others["weight"])
    assert _row(found, "Speed", "Matters most")["others"] == pytest.approx(by_hand)
    kind = _row(found, "Speed", "Functional less emotional needs")  # 2 and 1 in turn, Price 3 and 2
    assert (kind["estimate"], kind["others"], kind["total"]) == pytest.approx((1.75, 2.75, 2.25))
    assert any("weighted" in words["note"]["Base"] for words, _ in found.cards_shown())


def test_tenure_counts_to_the_answer_in_months(three: Personas) -> None:
    # starts 1 to 20 months before the answer, five of each: median 10.5
    row = _row(three, "Price", "Tenure, months (median)")
    assert row["estimate"] == pytest.approx(10.5)
    assert row["index"] == pytest.approx(100)
    assert row["reading"] == "no clear difference"


def test_amounts_are_medians_and_a_planted_one_is_clear(three: Personas) -> None:
    row = _row(three, "Price", "Value, EUR (median)")
    assert (row["estimate"], row["others"], row["reading"]) == (509.5, 109.5, "clearly higher")
    assert _row(three, "Trust", "Value, EUR (median)")["reading"] == "clearly lower"


def test_nps_and_satisfaction_are_those_of_the_segment(three: Personas) -> None:
    # half 9, half 5: NPS 0; half 5, half 2 of 5: 50% among the two best
    assert _row(three, "Speed", "NPS")["estimate"] == 0
    assert math.isnan(_row(three, "Speed", "NPS")["index"])
    assert _row(three, "Speed", "Overall satisfaction")["estimate"] == 50
    assert not {"The app", "Never asked"} & set(three.cards["fact"])


def test_mean_of_nps_is_tested_as_welch_does() -> None:
    shown, responses = _answers({"Price": 50, "Speed": 70})
    responses["recommend"] = np.tile([10, 9, 3, 8, 9, 10, 2], 20)[: len(responses)]
    row = _row(_found(shown, responses), "Price", "NPS")
    points = 100.0 * (responses["recommend"] >= 9) - 100.0 * (responses["recommend"] <= 6)
    own, others = (points[shown[shown == segment].index] for segment in ("Price", "Speed"))
    assert row["p_value"] == pytest.approx(stats.ttest_ind(own, others, equal_var=False).pvalue)
    assert row["total"] == pytest.approx(points[shown.index].mean())


# -------------------------------------------------------------------------------------------------- medians and their tests


@pytest.mark.parametrize(("n", "d"), [(10, 2), (20, 6), (30, 10), (50, 18), (100, 40)])
def test_the_order_statistics_of_a_median_are_those_of_the_textbooks(n: int, d: int) -> None:
    # Conover, Practical Nonparametric Statistics: the d-th lowest and highest of n hold the median with 95% or more
    row = median_row(np.arange(1, n + 1)[::-1])
    assert (row["conf_low"], row["conf_high"]) == (d, n + 1 - d)


def test_too_few_values_have_a_median_and_no_interval() -> None:
    row = median_row([1, 2, 3, 4, 5])
    assert row["estimate"] == 3
    assert math.isnan(row["conf_low"])
    assert row["reason"] == "too few for an interval"
    assert median_row([])["reason"] == "nobody answered"


def test_the_interval_of_a_median_holds_it_at_least_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    rows = [median_row(rng.lognormal(size=45)) for _ in range(1_000)]
    held = sum(row["conf_low"] <= 1 <= row["conf_high"] for row in rows)
    assert 950 - 3 * math.sqrt(1_000 * 0.05 * 0.95) <= held
    spread = np.std([row["estimate"] for row in rows])
    assert np.mean([row["std_error"] for row in rows]) == pytest.approx(spread, rel=0.15)


def test_brunner_and_munzels_published_pain_scores() -> None:
    # Brunner & Munzel 2000: 14 and 11 patients, p = 0.0058
    first, second = [1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 1, 1], [3, 3, 4, 3, 1, 2, 3, 1, 1, 5, 4]
    shown, responses = _answers({"Price": 14, "Speed": 11})
    behaviour = pd.DataFrame({"frequency": first + second}, index=responses["customer_id"].dropna())
    row = _row(_found(shown, responses, behaviour=behaviour, min_base=5), "Price", "Events (median)")
    assert row["p_value"] == pytest.approx(0.005786, abs=1e-6)
    assert row["reading"] == "clearly lower"


def test_groups_whose_values_do_not_overlap_are_apart(three: Personas) -> None:
    assert _row(three, "Price", "Value, EUR (median)")["p_value"] < 1e-20


def test_a_difference_beside_the_median_is_not_said_of_the_median() -> None:
    # both medians are 3, but half of Price lie at 9
    shown, responses = _answers({"Price": 101, "Speed": 101})
    own = [3] * 51 + [9] * 50 + [1] * 50 + [3] * 51
    behaviour = pd.DataFrame({"frequency": own}, index=responses["customer_id"].dropna())
    row = _row(_found(shown, responses, behaviour=behaviour), "Price", "Events (median)")
    assert row["q_value"] < 0.001
    assert (row["reading"], row["reason"]) == ("no clear difference", "the distributions differ, their medians do not")


def test_what_is_the_same_for_all_is_not_tested() -> None:
    shown, responses = _answers({"Price": 40, "Speed": 40})
    responses["recommend"] = 9.0
    behaviour = pd.DataFrame({"frequency": 2}, index=responses["customer_id"].dropna())
    found = _found(shown, responses, behaviour=behaviour)
    for fact, why in (("Events (median)", "everybody has the same"), ("NPS", "everybody answered the same")):
        row = _row(found, "Price", fact)
        assert (row["reading"], row["reason"]) == ("not tested", why)


# -------------------------------------------------------------------------------------------------------------- many tests


def test_q_values_count_every_test_also_those_of_values_that_are_not_shown(three: Personas) -> None:
    # 3 segments × (3 values of plan, 1 of region, tenure, recency, value, NPS, satisfaction)
    assert len(three.tests) == three.n_tests == 27
    assert three.tests["shown"].sum() == 21
    assert three.tests["family"].value_counts().to_dict() == {"who they are": 12, "what they do": 9, "how they feel": 6}
    for _, family in three.tests.groupby("family"):
        np.testing.assert_allclose(family["q_value"], benjamini_hochberg(family["p_value"]))
    shown = three.tests[three.tests["shown"]].set_index(["segment", "fact"])["q_value"]
    cards = three.cards[three.cards["q_value"].notna()].set_index(["segment", "fact"])["q_value"]
    pd.testing.assert_series_equal(shown.sort_index(), cards.sort_index())
    assert "27 tests on all cards" in next(iter(three.cards_shown()))[0]["note"]["Test"]


def test_of_several_values_a_clear_one_is_shown_before_a_larger_unclear_one() -> None:
    # a: 56 against 44 (z = 1.70), b and d: 17 against 23, c: 10 against none (z = 3.24), e the other way round
    shown, responses = _answers({"Price": 100, "Speed": 100})
    plan = [*"a" * 56, *"b" * 17, *"d" * 17, *"c" * 10, *"a" * 44, *"b" * 23, *"d" * 23, *"e" * 10]
    found = _found(shown, responses, _customers(responses, plan=plan), min_base=5)
    assert _row(found, "Price", "Plan")[["cell", "estimate", "others"]].tolist() == ["c", 10, 0]
    assert _row(found, "Price", "Plan")["reading"] == "clearly higher"
    tests = found.tests.set_index(["segment", "fact", "cell"])
    assert tests.loc[("Price", "Plan", "a"), "q_value"] > 0.05


def test_without_a_planted_difference_cards_rarely_claim_one() -> None:
    # each of three families is wrong with 5%: 4.3 of 30 expected, more than 11 less than once in a thousand
    wrong = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        shown, responses = _answers({"Price": 70, "Speed": 60, "Trust": 50})
        responses["recommend"] = rng.integers(0, 11, len(responses)).astype(float)
        responses["overall"] = rng.integers(1, 6, len(responses)).astype(float)
        customers = _customers(responses, plan=rng.choice(list("abc"), 180), region=rng.choice(list("de"), 180))
        behaviour = pd.DataFrame(
            {"frequency": rng.poisson(2, 180), "value": rng.lognormal(size=180)}, index=customers["customer_id"]
        )
        wrong += _found(shown, responses, customers, behaviour=behaviour).cards["reading"].isin(CLEAR).any()
    assert wrong <= 11


def test_the_headline_counts_segments_that_differ_and_says_where_none_does(three: Personas) -> None:
    assert three.headline() == (
        "3 of 3 segments clearly differ from the others in something beside their needs, in 27 tests."
    )
    shown, responses = _answers({"Price": 40, "Speed": 40})
    assert (
        _found(shown, responses).headline()
        == "Beside their needs nothing clearly tells the 2 segments apart, in 4 tests."
    )
    nothing = _found(shown, responses.drop(columns=["recommend", "overall"]))
    assert nothing.headline() == "Nothing but their needs is known of the segments; nothing was tested."


# ---------------------------------------------------------------------------------------------------------- bases and words


def test_a_segment_below_the_least_base_shows_no_figure() -> None:
    shown, responses = _answers({"Price": 60, "Speed": 50, "Trust": 29})
    found = _found(shown, responses, _customers(responses, plan=np.resize(["a", "b"], 139)), kinds=KINDS)
    small = found.cards[found.cards["segment"] == "Trust"]
    figures = [
        "estimate",
        "std_error",
        "conf_low",
        "conf_high",
        "total",
        "others",
        "n_others",
        "index",
        "p_value",
        "q_value",
    ]
    assert small[figures].isna().all(axis=None)
    assert (small["reason"] == "n<30").all()
    assert (small["value"] == "n<30").all()
    assert (small["cell"] == "").all()
    words, rows = list(found.cards_shown())[-1]
    assert words["title"] == "“Trust”: too few respondents to describe, n<30."
    assert set(rows["n"]) == set(rows["value"]) == {"n<30"}
    assert "29" not in rows.to_csv()


def test_what_a_small_segment_is_cannot_be_worked_out_from_all_others() -> None:
    # with 29 hidden, all less Price and Speed would be they; with 29 and 28 hidden, all less the rest are 57 (29 of 9, 28 of 5)
    shown, responses = _answers({"Price": 60, "Speed": 50, "Trust": 29})
    cards = _found(shown, responses, kinds=KINDS).cards
    assert cards[["total", "others", "n_others", "index"]].isna().all(axis=None)
    assert cards.loc[cards["fact"] == "NPS", "p_value"].notna().sum() == 2
    responses.loc[shown[shown == "Price"].index, "recommend"] = 9.0
    words = next(iter(_found(shown, responses).cards_shown()))[0]
    assert words["note"]["Apart"] == "Clearly apart from the others: NPS 100"
    shown, responses = _answers({"Price": 60, "Speed": 28, "Trust": 29})
    assert _row(_found(shown, responses), "Price", "NPS")["others"] == pytest.approx(100 / 57)


def test_a_segment_beside_too_few_others_is_shown_and_not_tested() -> None:
    shown, responses = _answers({"Price": 60, "Speed": 29})
    row = _row(_found(shown, responses), "Price", "NPS")
    assert row["estimate"] == 0
    assert (row["reading"], row["reason"]) == ("not tested", "n<30 among the others")


def test_the_title_says_size_and_leading_need_and_the_note_what_is_clear(three: Personas) -> None:
    words, rows = list(three.cards_shown())[1]
    assert words["name"] == "persona_need_price"
    assert words["title"] == "“Price”: 33% of customers, who rate price 1.5 points above their own average."
    assert words["note"]["Apart"] == (
        "Clearly apart from the others: value, EUR (median) 509.5 (others 109.5); plan Family 90% (others 30%)"
    )
    assert rows.columns.tolist() == ["label", "value", "others", "reading", "n"]
    by_label = rows.set_index("label")
    assert by_label.loc["Plan"].tolist() == ["Family: 90% (83 to 94%)", "30%", "clearly higher", "100"]
    assert by_label.loc["Share of customers"].tolist() == ["33% (28 to 39%)", "", "", "100"]
    assert by_label.loc["Matters most", "reading"] == "not tested"
    speed = list(three.cards_shown())[2][0]
    assert "Region" not in speed["note"]["Apart"]


def test_a_card_that_nothing_sets_apart_says_so() -> None:
    shown, responses = _answers({"Price": 40, "Speed": 40})
    assert all(
        words["note"]["Apart"] == "Beside its needs nothing clearly sets it apart from the others"
        for words, _ in _found(shown, responses).cards_shown()
    )


def test_a_need_that_is_not_clearly_above_the_average_is_not_put_in_the_title() -> None:
    shown, responses = _answers({"Price": 40, "Speed": 40})
    mixed = np.tile([[5, 1, 3, 3], [1, 5, 3, 3], [3, 3, 5, 1], [3, 3, 1, 5]], (10, 1))
    responses.loc[shown[shown == "Price"].index, NEEDS] = mixed
    found = _found(shown, responses)
    assert "not clearly" in _row(found, "Price", "Matters most")["value"]
    title = next(words["title"] for words, _ in found.cards_shown() if "“Price”" in words["title"])
    assert title == "“Price”: 50% of customers, who put no need clearly above their own average."


def test_names_of_exhibits_are_file_names_and_differ() -> None:
    shown, responses = _answers({"Price": 40, "Speed": 40})
    found = _found(shown, responses)
    found.cards["segment_id"] = found.cards["segment_id"].map({"need_price": "Ä b", "need_speed": "ä_B"})
    assert [words["name"] for words, _ in found.cards_shown()] == ["persona_b", "persona_b_2"]


# ----------------------------------------------------------------------------------------------------- counts that reconcile


def test_who_is_in_no_figure_is_counted() -> None:
    shown, responses = _answers({"Price": 60, "Speed": 60})
    responses["customer_id"] = responses["customer_id"].astype(object)
    shown = shown.astype(object)
    shown.iloc[:3] = None
    ids = responses.loc[shown.index, "customer_id"].to_list()
    ids[10], ids[12] = None, ids[11]  # one without an id; one of Price answered twice
    responses.loc[shown.index, "customer_id"] = ids
    responses.loc[shown.index[20], "care"] = np.nan
    responses.loc[shown.index[21:25], "overall"] = np.nan
    customers = _customers(responses, plan=np.resize(["a", "b"], 118)).iloc[:-5]
    customers["start_date"] = pd.Timestamp("2026-01-01", tz="UTC")
    customers.loc[50:51, "start_date"] = pd.Timestamp("2026-08-01", tz="UTC")
    found = _found(shown, responses, customers, kinds=KINDS)
    left = found.left_out.set_index(["what", "reason"])["n"]
    assert left.to_dict() == {
        ("respondents in no segment", "not placed"): 3,
        ("respondents with an unanswered need", "not in the figures of kinds and of all"): 1,
        ("respondents without a customer_id", "not matched with customers"): 1,
        ("earlier answers of customers", "a customer counts once"): 1,
        ("customers who answered", "not in the customers table"): 5,
        ("customers who answered", "a start date after their answer"): 2,
        ("respondents without an answer about overall satisfaction", "no answer"): 4,
    }
    # 117 placed: without 1 id, 1 earlier answer and 5 unknown; without 2 starts
    assert _row(found, "Price", "Plan")["n"] + _row(found, "Speed", "Plan")["n"] == 117 - 1 - 1 - 5
    tenure = "Tenure, months (median)"
    assert _row(found, "Price", tenure)["n"] + _row(found, "Speed", tenure)["n"] == 117 - 1 - 1 - 5 - 2
    assert _row(found, "Price", "Overall satisfaction")["n"] == 57 - 4
    note = next(iter(found.cards_shown()))[0]["note"]["Not shown"]
    assert note.startswith("respondents in no segment: 3 (not placed); respondents with an unanswered need: 1 (")


def test_answers_without_customers_leave_facts_of_customers_empty_and_say_so() -> None:
    shown, responses = _answers({"Price": 40, "Speed": 40})
    customers = _customers(responses, plan=np.resize(["a", "b"], 80))
    behaviour = pd.DataFrame({"frequency": 2.0}, index=customers["customer_id"])
    found = _found(shown, responses.drop(columns="customer_id"), customers, behaviour=behaviour)
    for fact in ("Plan", "Events (median)"):
        assert _row(found, "Price", fact)["value"] == "no answers"
    assert found.left_out["n"].tolist() == [80]
    assert _row(found, "Price", "NPS")["n"] == 40


def test_values_that_few_customers_share_are_not_named_but_stay_in_the_base() -> None:
    shown, responses = _answers({"Price": 60, "Speed": 60})
    plan = ["solo"] * 5 + ["a"] * 60 + ["b"] * 55
    found = _found(shown, responses, _customers(responses, plan=plan, firm=[f"f{i % 8}" for i in range(120)]))
    assert "solo" not in _everything(found)
    assert _row(found, "Speed", "Plan")[["cell", "estimate", "n"]].tolist() == ["b", pytest.approx(100 * 55 / 60), 60]
    assert _row(found, "Price", "Plan")[["cell", "estimate", "n"]].tolist() == ["b", 0, 60]  # five of them are “solo”
    assert found.left_out.to_dict("records")[0] == {"what": "Plan: values", "reason": "fewer than 30 customers", "n": 1}
    firm = _row(found, "Price", "Firm")
    assert math.isnan(firm["estimate"])
    assert firm["value"] == "no value has 30 customers"


def test_columns_that_do_not_make_groups_are_told() -> None:
    shown, responses = _answers({"Price": 60, "Speed": 60})
    customers = _customers(
        responses,
        town=[f"t{i % 13}" for i in range(120)],
        employees=range(120),
        country="DE",
        newsletter=np.resize([True, False], 120),
        from_source="crm",
    )
    found = _found(shown, responses, customers)
    assert dict(zip(found.left_out["what"], found.left_out["reason"], strict=True)) == {
        "Town": "more than 12 values", "Employees": "numbers are not compared", "Country": "the same for all"
    }  # fmt: skip
    assert _row(found, "Price", "Newsletter")["cell"] in ("yes", "no")


# ------------------------------------------------------------------------------------------------------ persons stay unknown


def _comments(shown: pd.Series, responses: pd.DataFrame) -> pd.DataFrame:
    """One comment each, of three kinds; every fifth has something that must not be shown, and one is very long."""
    ids = responses.loc[shown.index, "customer_id"].tolist()
    kinds = [
        "The bill is clear and it was paid at once. I like that.",
        "Nobody answered the phone for days. " * 9,
        "The app shows all I need on one page, which is quick.",
    ]
    texts = [kinds[i % 3] for i in range(len(ids))]
    for i in range(0, len(ids), 5):
        texts[i] = f"I am customer {ids[i]} and the bill is clear, mail jane.doe@mail.example or 020 7946 0958."
    frame = pd.DataFrame({"comment_id": [f"K{i}" for i in range(len(ids))], "customer_id": ids, "text": texts})
    return frame.assign(rating=3.0, in_period=True)


def test_neither_ids_nor_persons_are_in_any_table_or_sentence() -> None:
    shown, responses = _answers({"Price": 60, "Speed": 60, "Trust": 25})
    at = np.arange(145)
    customers = _customers(
        responses,
        account_id=np.resize(["A-100", "A-200"], 145),
        plan=np.resize(["a", "b"], 145),
        adviser=np.resize(["jane.doe@mail.example", "john.roe@mail.example"], 145),
        parent=np.resize(["A-100", "A-200", "own"], 145),
        desk_id=np.resize(["D1", "D2"], 145),
        start_date=pd.Timestamp("2026-01-01", tz="UTC"),
    )
    behaviour = pd.DataFrame({"frequency": at % 7}, index=customers["customer_id"])
    comments = _comments(shown, responses)
    comments.loc[1::5, "text"] = "The bill is clear, so mail jane.doe@mail.example about it. I like that."
    found = _found(shown, responses, customers, behaviour=behaviour, comments=comments, kinds=KINDS)
    assert found.quotes["text"].str.contains("[EMAIL]", regex=False).any()
    text = _everything(found)
    hidden = [
        *customers["customer_id"],
        *responses["response_id"],
        *comments["comment_id"],
        "A-100",
        "A-200",
        "D1",
        "D2",
    ]
    words = set(pd.Series([text]).str.findall(r"[\w.@-]+").iloc[0])
    assert not words & set(hidden)
    assert not any(secret in text for secret in ("jane", "doe@", "7946"))
    assert dict(zip(found.left_out["what"], found.left_out["reason"], strict=True)) == {
        "Adviser": "may name persons",
        "Parent": "may name persons",
    }


def test_quotes_are_members_words_cut_at_a_sentence_and_no_quote_stands_twice() -> None:
    shown, responses = _answers({"Price": 60, "Speed": 60})
    found = _found(shown, responses, comments=_comments(shown, responses)).quotes
    assert found.groupby("segment").size().between(1, 3).all()
    assert found["text"].is_unique
    assert (found["text"].str.len() <= 180).all()
    cut = "Nobody answered the phone for days. Nobody answered the phone for days."
    long = found[found["text"].str.startswith(cut)]["text"]
    assert len(long) == 1
    assert long.iloc[0].endswith("days. …")
    assert (found["n"] == 60).all()


def test_quotes_of_a_segment_do_not_repeat_each_other_and_the_commonest_is_first() -> None:
    shown, responses = _answers({"Price": 60, "Speed": 60})
    comments = _comments(shown, responses)
    openings = np.resize(["", "Honestly: ", "Again: ", "Hello. "], 60)
    comments.loc[:59, "text"] = [f"{opening}The bill is clear and was paid at once." for opening in openings]
    comments.loc[:9, "text"] = "Nobody answered the phone for many days."
    found = _found(shown, responses, comments=comments).quotes
    own = found.loc[found["segment"] == "Price", "text"].tolist()
    assert len(own) == 2
    assert "The bill is clear and was paid at once." in own[0]
    assert own[1] == "Nobody answered the phone for many days."


def test_too_few_comments_of_a_segment_give_no_quote_and_the_reason() -> None:
    shown, responses = _answers({"Price": 60, "Speed": 60, "Trust": 60})
    comments = _comments(shown, responses)
    comments.loc[29:59, "in_period"] = False  # 29 of Price are left
    comments.loc[60:119, "text"] = None
    comments.loc[120:149, "customer_id"] = comments["customer_id"][120]  # Trust: one speaks 30 times, with 30 others
    found = _found(shown, responses, comments=comments)
    quotes = found.quotes.set_index("segment")
    assert quotes.loc["Price", ["text", "reason"]].tolist() == ["", "n<30"]
    assert math.isnan(quotes.loc["Price", "n"])
    assert quotes.loc["Speed", ["text", "reason"]].tolist() == ["", "no comments"]
    assert (quotes.loc[["Trust"], "n"] == 31).all()
    notes = {words["name"]: words["note"]["Quotes"] for words, _ in found.cards_shown()}
    assert notes["persona_need_price"] == "None: n<30"
    assert notes["persona_need_trust"] == "Nearest to what 31 members wrote; masked, not chosen by rating"


def test_a_comment_belongs_to_its_response_before_its_customer_and_to_nobody_who_is_in_two_segments() -> None:
    shown, responses = _answers({"Price": 40, "Speed": 40})
    same = responses["customer_id"].to_list()
    same[20 + 40] = same[20]  # the first of Price is also the first of Speed
    responses["customer_id"] = same
    comments = _comments(shown, responses)
    assert _found(shown, responses, comments=comments).quotes["n"].max() == 39
    comments["response_id"] = responses.loc[shown.index, "response_id"].to_numpy()
    assert _found(shown, responses, comments=comments).quotes["n"].max() == 40


def test_quotes_do_not_depend_on_the_order_of_rows_nor_figures_on_threads() -> None:
    shown, responses = _answers({"Price": 60, "Speed": 60})
    comments = _comments(shown, responses)
    customers = _customers(responses, plan=np.resize(["a", "b", "c"], 120))
    first = _found(shown, responses, customers, comments=comments, kinds=KINDS)
    with threadpool_limits(2):
        again = _found(shown, responses, customers, comments=comments.iloc[::-1], kinds=KINDS)
    pd.testing.assert_frame_equal(first.quotes, again.quotes, check_exact=True)
    pd.testing.assert_frame_equal(first.cards, again.cards, check_exact=True)


# ------------------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"kinds": {"prize": "functional"}}, "`kinds` names the need `prize`, which `profile` has not; did you mean `price`"),
        ({"kinds": {"price": "rational"}}, "`kinds` says `rational` of the need `price`; write functional or emotional"),
        ({"behaviour": pd.DataFrame({"frequenzy": [1]}, index=["C0000"])}, "the column `frequenzy`; did you mean `frequency`"),
        ({"behaviour": pd.DataFrame({"value": ["1"]}, index=["C0000"])}, "the column `value` of `behaviour` is .*; it needs numbers"),
        ({"behaviour": pd.DataFrame({"value": [math.inf]}, index=["C0000"])}, "`value` of `behaviour` has infinite values"),
        ({"behaviour": pd.DataFrame({"value": [1, 2]}, index=["C0", "C0"])}, "the index of `behaviour` repeats 1 customers"),
        ({"customers": pd.DataFrame({"customer_id": ["C0", "C0"]})}, "`customer_id` of `customers` repeats 1 ids"),
        ({"comments": pd.DataFrame({"text": ["a"]})}, "`comments` needs the column `text`, and `customer_id` or `response_id`"),
        ({"customers": pd.DataFrame({"customer": ["C0"]})}, "`customers` has no column `customer_id`; did you mean `customer`"),
        ({"conf_level": 0.9}, "`sizes` has intervals of 0.95 and `conf_level` is 0.9; use one"),
        ({"conf_level": 95}, "`conf_level` must be between 0 and 1, got 95"),
        ({"sizes": pd.DataFrame({"label": ["Price"]})}, "`sizes` has no column `segment_id`"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_name(more: dict[str, Any], says: str) -> None:
    shown, responses = _answers({"Price": 40, "Speed": 40})
    with pytest.raises(ValueError, match=says):
        _found(shown, responses, **more)


def test_places_that_do_not_fit_the_tables_are_refused_by_name() -> None:
    shown, responses = _answers({"Price": 40, "Speed": 40})
    known = _found(shown, responses)
    sizes = pd.DataFrame({"segment_id": ["a", "b"], "label": ["Price", "Sped"]})
    sizes = sizes.assign(estimate=50.0, std_error=1.0, conf_low=40.0, conf_high=60.0, n=40)
    assert len(known.cards)
    with pytest.raises(ValueError, match="`shown` has the segment `Speed`, which `sizes` has not; did you mean `Sped`"):
        _found(shown, responses, sizes=sizes)
    with pytest.raises(ValueError, match="`sizes` has the label `Price` twice"):
        _found(shown, responses, sizes=sizes.assign(label="Price"))
    moved = pd.Series(shown.to_numpy(), index=shown.index + 5)
    with pytest.raises(ValueError, match="5 rows of `shown` are not in `responses`"):
        personas(moved, responses, ITEMS, sizes=sizes, profile=sizes)
    with pytest.raises(ValueError, match="the index of `responses` repeats 100 rows"):
        personas(shown, pd.concat([responses, responses]), ITEMS, sizes=sizes, profile=sizes)


# ----------------------------------------------------------------------------------------------------------------- real data


@pytest.mark.realdata
def test_airline_passengers_by_two_groups_of_expectation() -> None:
    # the groups are cut by one expectation here: what must agree are shares and tests, found again with scipy
    path = DATA / "survey" / "airlinesat.csv"
    if not path.exists():
        pytest.skip("the shared real data lacks survey/airlinesat.csv")
    survey = pd.read_csv(path)
    needs = ["e1", "e2", "e3", "e4"]
    survey = survey.dropna(subset=needs).rename(columns=dict(zip(needs, NEEDS, strict=True)))
    survey = survey.assign(customer_id=[f"P{i}" for i in range(len(survey))], recommend=survey["nps"] - 1)
    place = pd.Series(np.where(survey["price"] > survey[NEEDS].mean(axis=1), "Price", "Speed"), index=survey.index)
    customers = survey[["customer_id", "flight_purpose", "status"]]
    flights = survey.set_index("customer_id")[["nflights"]].rename(columns={"nflights": "frequency"})
    found = _found(place, survey, customers, behaviour=flights)
    row = _row(found, "Price", "Flight purpose")
    cells = pd.crosstab(place, survey["flight_purpose"])
    assert row["estimate"] == pytest.approx(100 * cells.loc["Price", row["cell"]] / cells.loc["Price"].sum())
    assert row["p_value"] == pytest.approx(stats.chi2_contingency(cells, correction=False).pvalue)
    flown = _row(found, "Price", "Events (median)")
    own, others = (survey.loc[place == segment, "nflights"].dropna() for segment in ("Price", "Speed"))
    assert (flown["estimate"], flown["others"]) == (own.median(), others.median())
    assert flown["p_value"] == pytest.approx(stats.brunnermunzel(own, others).pvalue)
    assert found.cards["n"].max() <= len(survey)
