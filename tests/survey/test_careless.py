"""Careless answers by hand: who is flagged by which rule, who is not, and what leaving them out would change."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxlab.survey import csat, nps
from cxlab.survey.careless import RULES, careless, effect_of_exclusion

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "survey"
ITEMS = [f"q{number}" for number in range(1, 11)]


def _answers(*rows: str, index: list[Any] | None = None) -> pd.DataFrame:
    """One string a respondent, one digit an item; a dot is no answer."""
    cells = [[math.nan if digit == "." else float(digit) for digit in row] for row in rows]
    return pd.DataFrame(cells, columns=ITEMS[: len(rows[0])], index=index)


def test_one_answer_to_eight_items_is_straight_lining_and_to_seven_is_not() -> None:
    flags = careless(_answers("5555555555", "55555555..", "5555555...", "5555555554")).flags
    assert flags["straight_liner"].tolist() == [True, True, False, False]
    assert flags["n_answered"].tolist() == [10, 8, 7, 10]
    assert flags["spread"].tolist()[:3] == [0, 0, 0]
    # nine 5 and a 4: mean 4.9, variance .9·.1
    assert flags.loc[3, ["mean_answer", "spread"]].tolist() == pytest.approx([4.9, 0.3])


def test_the_longest_run_follows_the_questionnaire_and_passes_over_missing_answers() -> None:
    answers = _answers("1222333344", "33.33.3...", "..........")
    assert careless(answers).flags["longest_run"].tolist() == [4, 5, 0]
    turned = careless(answers, items=["q2", "q10", "q3", "q9", "q4", "q1"])
    assert turned.flags["longest_run"].iloc[0] == 1  # 2 4 2 4 2 1


def test_a_long_run_is_eight_items_and_three_quarters_of_those_answered() -> None:
    wide = pd.DataFrame(
        [
            [4] * 8 + [1, 2],  # 8 of 10: at least 8, and at least 7.5
            [4] * 7 + [1, 2, 3],  # 7 are too few
            [1, 2, *[4] * 8],  # wherever it stands
            [4] * 10,  # a straight line is a long run, too
        ]
    )
    assert careless(wide).flags["long_run"].tolist() == [True, False, True, True]
    assert careless(_answers("44444441")).flags["long_run"].tolist() == [False]  # 7 of 8: above three quarters, below 8
    longer = pd.DataFrame([[4] * 9 + [1, 2, 3] + [1], [4] * 10 + [1, 2, 3]])  # of 13 items three quarters are 9.75
    assert careless(longer).flags["long_run"].tolist() == [False, True]


def test_a_speeder_needs_less_than_a_third_of_the_median_time_an_item() -> None:
    # seconds an item: 9, 9, 3, 2.9, none answered; median of the four 6, hence below 2; then with a third at 9: below 3
    answers = _answers("1234512345", "5432154321", "1212121212", "3434343434", "..........")
    spent = pd.Series([90.0, 90.0, 30.0, 29.0, 5.0])
    first = careless(answers, seconds=spent)
    assert first.flags["seconds_per_item"].tolist()[:4] == [9, 9, 3, 2.9]
    assert math.isnan(first.flags["seconds_per_item"].iloc[4])
    assert (first.median_seconds_per_item, first.flags["speeder"].any(), first.judged["speeder"]) == (6, False, 4)
    six = pd.concat([answers.iloc[:4], answers.iloc[:2]], ignore_index=True)
    second = careless(six, seconds=pd.Series([90.0, 90.0, 30.0, 29.0, 90.0, 90.0]))
    assert second.median_seconds_per_item == 9
    assert second.flags["speeder"].tolist() == [False, False, False, True, False, False]
    assert careless(six, seconds=pd.Series([90.0, 90.0, 30.0, math.nan, 90.0, 90.0])).judged["speeder"] == 5


def test_half_the_items_in_half_the_time_is_no_speeding() -> None:
    flags = careless(_answers("1234512345", "12345.....", "1234554321"), seconds=pd.Series([60, 30, 60])).flags
    assert not flags["speeder"].any()
    assert flags["seconds_per_item"].tolist() == [6, 6, 6]


def test_a_duplicate_is_the_same_customer_with_the_same_answers_after_the_first_time() -> None:
    answers = _answers("12345.", "12345.", "12345.", "123451", "......", "......", "12345.", "12345.")
    ids = pd.Series(["a", "a", "b", "a", "c", "c", None, None])
    found = careless(answers, ids=ids)
    assert found.flags["duplicate"].tolist() == [False, True, False, False, False, False, False, False]
    assert found.judged["duplicate"] == 4  # neither the unknown customers nor those who said nothing


def test_impossible_answers_are_named_and_a_missing_answer_contradicts_nothing() -> None:
    answers = pd.DataFrame(
        {
            "visits": [5.0, 5, 5, math.nan],
            "visits_app": [3.0, 6, 0, 4],
            "likes_app": [4.0, 4, 4, 4],
        }
    )
    found = careless(
        answers,
        pairs=[("visits_app", ">", "visits"), (("visits_app", "==", 0), ("likes_app", "answered"))],
    )
    assert found.flags["impossible"].tolist() == [False, True, True, False]
    assert found.flags["reasons"].tolist() == [
        "",
        "impossible (visits_app > visits)",
        "impossible (visits_app == 0 and likes_app answered)",
        "",
    ]
    assert found.judged["impossible"] == 4
    assert careless(answers, pairs=[("visits_app", ">", "visits")]).judged["impossible"] == 3
    assert not careless(answers.iloc[[3]], pairs=[("visits", "!=", 5)]).flags["impossible"].any()


@pytest.mark.parametrize(
    ("relation", "holds"),
    [
        ("<", [True, False, False]),
        ("<=", [True, True, False]),
        (">", [False, False, True]),
        (">=", [False, True, True]),
        ("==", [False, True, False]),
        ("!=", [True, False, True]),
    ],
)
def test_every_relation_says_what_it_says(relation: str, holds: list[bool]) -> None:
    answers = pd.DataFrame({"a": [1, 2, 3], "b": [2, 2, 2]})
    assert careless(answers, pairs=[("a", relation, "b")]).flags["impossible"].tolist() == holds
    assert careless(answers, pairs=[("a", relation, 2)]).flags["impossible"].tolist() == holds


def test_counts_hold_the_base_that_each_rule_could_judge() -> None:
    found = careless(_answers("5555555555", "123.......", "1234512345", "5555555512"))
    table = found.counts().set_index("reason")
    assert table.index.tolist() == [*RULES, "any"]
    assert table.loc["straight_liner", ["n", "base"]].tolist() == [1, 3]
    assert table.at["straight_liner", "share"] == pytest.approx(100 / 3)
    assert table.loc["long_run", ["n", "base"]].tolist() == [2, 3]
    assert table.loc["any", ["n", "base", "share"]].tolist() == [2, 4, 50]
    assert math.isnan(table.at["speeder", "share"])
    assert table.at["speeder", "why_not"] == "no `seconds` were given"
    assert table.at["straight_liner", "why_not"] == ""


def test_nobody_is_left_out_but_by_a_rule_that_is_named() -> None:
    found = careless(_answers("5555555555", "5555555512", "1234512345", index=["x", "y", "z"]))
    assert len(found.flags) == 3
    assert found.keep([]).tolist() == [True, True, True]
    assert found.keep(["straight_liner"]).to_dict() == {"x": False, "y": True, "z": True}
    assert found.keep(["straight_liner", "long_run"]).tolist() == [False, False, True]
    with pytest.raises(ValueError, match="nobody can be left out as `speeder`: no `seconds` were given"):
        found.keep(["speeder"])
    with pytest.raises(ValueError, match="there is no rule `straightliner`; did you mean `straight_liner`"):
        found.keep(["straightliner"])
    with pytest.raises(ValueError, match=r"`rules` must be a list of names, got \"speeder\""):
        found.keep("speeder")


def test_the_headline_says_that_the_flagged_are_kept_and_what_was_not_looked_at() -> None:
    found = careless(
        _answers("5555555555", "5555555512", "1234512345", "1212121212"), seconds=pd.Series([50, 60, 60, 60])
    )
    assert found.headline() == (
        "2 of 4 respondents (50%) are flagged and kept: the same answer to everything 1 and the same answer to most items "
        "in a row 2. Not looked at: duplicate and impossible."
    )
    assert careless(_answers("1234512345")).headline().startswith("No respondent is flagged (n 1).")


def test_straight_answers_show_whether_the_line_is_always_the_good_answer() -> None:
    table = careless(_answers("5555555555", "55555555..", "1111111111", "1234512345", "3333333333")).straight_answers
    assert table.to_numpy().tolist() == [[1, 1, 25], [3, 1, 25], [5, 2, 50]]
    assert careless(_answers("1234512345")).straight_answers.empty


def test_the_effect_of_exclusion_is_the_figure_of_those_who_are_left() -> None:
    answers = _answers("5555555555", "4444444444", "1234512345", "5432154321", "1212345345")
    responses = answers.assign(ltr=[10, 10, 9, 3, math.nan])
    found = careless(answers, seconds=pd.Series([5, 60, 60, 60, 60]))
    table = effect_of_exclusion(responses, found, lambda part: nps(part["ltr"])).set_index("group")
    # all: 3 promoters, 1 detractor of 4 = 50; without the speeder 2, 1 of 3 = 33.3; without both straight lines 1, 1 of 2 = 0
    assert table.index.tolist() == [
        "all",
        "without speeder",
        "without straight_liner",
        "without long_run",
        "without any",
    ]
    assert table["estimate"].tolist() == pytest.approx([50, 100 / 3, 0, 0, 0])
    assert table["change"].tolist() == pytest.approx([0, -50 / 3, -50, -50, -50])
    assert table["n"].tolist() == [4, 3, 2, 2, 2]
    assert table["n_excluded"].tolist() == [0, 1, 2, 2, 2]
    left = nps(responses["ltr"].iloc[2:])
    assert table.loc["without any", ["std_error", "conf_low", "conf_high", "conf_level"]].tolist() == [
        left.std_error,
        left.conf_low,
        left.conf_high,
        0.95,
    ]


def test_where_nobody_is_left_the_figure_is_missing_with_a_reason() -> None:
    responses = pd.DataFrame({"score": [5, 4]})
    table = effect_of_exclusion(
        responses, {"everybody": pd.Series([False, False])}, lambda part: csat(part["score"])
    ).set_index("group")
    assert math.isnan(table.at["without everybody", "estimate"])
    assert math.isnan(table.at["without everybody", "change"])
    assert table.loc["without everybody", ["n", "n_excluded", "reason"]].tolist() == [0, 2, "nobody is left"]
    assert table.at["all", "estimate"] == 100


def test_planted_straight_liners_are_found_and_random_answers_are_not() -> None:
    rng = np.random.default_rng(4)
    careful = rng.integers(1, 6, (400, 12)).astype(float)
    lines = np.repeat(rng.integers(1, 6, (100, 1)), 12, axis=1).astype(float)
    found = careless(pd.DataFrame(np.vstack([careful, lines])))
    assert found.flags["straight_liner"].to_numpy().nonzero()[0].tolist() == list(range(400, 500))
    assert found.flags["long_run"].sum() == 100  # nine alike of twelve by chance: below one in ten thousand


def test_nullable_columns_and_any_index_are_read() -> None:
    answers = _answers("55555555", "5555555.", index=[7, 7]).astype("Int8")
    assert careless(answers).flags["straight_liner"].tolist() == [True, False]
    assert careless(answers).flags.index.tolist() == [7, 7]
    nobody = careless(_answers("12345").iloc[:0])
    assert nobody.n == 0
    assert nobody.counts()["share"].isna().all()


def test_a_respondent_without_any_answer_has_no_style_and_no_flag() -> None:
    flags = careless(_answers("..........")).flags.iloc[0]
    assert not flags[list(RULES)].any()
    assert math.isnan(flags["mean_answer"])
    assert math.isnan(flags["spread"])


GIVEN = pd.DataFrame({"a": [1, 2], "b": [2, 2], "text": ["x", None]})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"items": ["a", "c"]}, "no column `c`"),
        ({"items": "a"}, '`items` must be a list of names, got "a"; write ["a"]'),
        ({"items": []}, "`items` is empty"),
        ({"items": ["a", "b", "a"]}, "`a` is among the items twice"),
        ({"items": None}, "`text` must be numbers, got 'x'; code the answers, or leave it out of `items`"),
        ({"least_items": 1}, "`least_items` must be a whole number from 2 upwards, got 1"),
        ({"fastest": 33}, "`fastest` is a share of the median time, between 0 and 1, got 33"),
        ({"seconds": pd.Series([1.0, -2.0])}, "`seconds` must not be negative, got -2"),
        ({"seconds": pd.Series([1.0, 2.0], index=[1, 0])}, "`seconds` must be a Series with the index of the answers"),
        ({"ids": ["x", "y"]}, "`ids` must be a Series with the index of the answers"),
        ({"pairs": [("a", "=>", "b")]}, "the relation '=>'; known: < <= > >= == !="),
        ({"pairs": [("a", ">", "z")]}, "no column `z`"),
        ({"pairs": [("z", ">", "a")]}, "no column `z`"),
        ({"pairs": [("a", "b")]}, '(\'a\', \'b\'), which is no condition; write ("b", ">", "a")'),
        ({"pairs": [("a", ">", None)]}, "compares `a` with None"),
        ({"pairs": [()]}, "a pair without a condition"),
        ({"pairs": "a > b"}, '`pairs` must be a list of conditions such as ("b", ">", "a"), got "a > b"'),
        ({"pairs": [("text", ">", "a")]}, "`text` must be numbers, got 'x'"),
    ],
)
def test_what_cannot_be_judged_is_refused_by_name(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as refused:
        careless(GIVEN, **({"items": ["a", "b"]} | given))
    assert said in str(refused.value)


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="several columns `a`"):
        careless(pd.DataFrame([[1, 2]], columns=["a", "a"]), items=["a"])


def test_infinite_answers_are_refused() -> None:
    with pytest.raises(ValueError, match="`a` must be finite, got inf; write NaN for no answer"):
        careless(pd.DataFrame({"a": [1, math.inf]}))


@pytest.mark.parametrize(
    ("keep", "said"),
    [
        (pd.Series([True, False], index=[5, 6]), "`some` must be a Series with the index of the responses"),
        (pd.Series([1, 0]), "`some` must say true (keep) or false of everyone, got int64"),
    ],
)
def test_whom_to_keep_must_be_said_of_everyone(keep: pd.Series, said: str) -> None:
    with pytest.raises(ValueError) as refused:
        effect_of_exclusion(pd.DataFrame({"score": [5, 4]}), {"some": keep}, lambda part: csat(part["score"]))
    assert said in str(refused.value)


def test_a_measure_that_gives_no_estimate_is_refused() -> None:
    with pytest.raises(ValueError, match="`measure` gave a float without `estimate`"):
        effect_of_exclusion(pd.DataFrame({"score": [5.0, 4]}), {}, lambda part: float(part["score"].mean()))


@pytest.mark.realdata
def test_at_the_airport_one_in_seven_never_varies_and_hardly_ever_on_a_bad_answer() -> None:
    path = DATA / "sfo_tracking_2010_2018.parquet"
    if not path.exists():
        pytest.skip("the shared real data lacks survey/sfo_tracking_2010_2018.parquet")
    sfo = pd.read_parquet(path)
    columns = list(sfo.columns)
    battery = columns[columns.index("art") : columns.index("overall")]
    found = careless(sfo[battery].astype(float))
    table = found.counts().set_index("reason")
    # by another route: as many different answers as one, among those who gave eight or more
    answered, different = sfo[battery].notna().sum(axis=1), sfo[battery].nunique(axis=1)
    assert table.at["straight_liner", "n"] == ((answered >= 8) & (different == 1)).sum()
    assert table.at["straight_liner", "share"] == pytest.approx(14, abs=0.5)
    good = found.straight_answers.set_index("answer")["share"]
    assert good.loc[[3.0, 4.0, 5.0]].sum() > 95
