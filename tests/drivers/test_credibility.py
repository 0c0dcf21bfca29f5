"""Can it be believed: what is wrong stands first and in plain words, and what a study lacks is said and never raised."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxlab.drivers.credibility import Credibility, credibility
from cxlab.drivers.missing import RankingComparison
from tests.drivers.asked import asked_of

LABELS = {"q_app": "The app", "q_shop": "Shops", "q_help": "Help, by phone", "q_web": "Website"}
RATINGS = list(LABELS)


def _answers(effects: tuple[float, ...] = (1.0, 0.5, 0.3, 0.0), *, n: int = 300, seed: int = 2) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.integers(1, 6, (n, 4)).astype(float), columns=RATINGS)
    return table.assign(q_loyal=np.clip(table @ effects + rng.normal(size=n), 0, 10))


def _found(table: pd.DataFrame, *, responses: pd.DataFrame | None = None, **more: Any) -> Credibility:
    options = {key: more.pop(key) for key in ("not_applicable", "min_base") if key in more}
    asked = asked_of(table, labels=LABELS, **more)
    return credibility(asked, responses=asked.rows if responses is None else responses, **options)


def _everything_said(found: Credibility) -> str:
    exhibits = [
        *found.places_shown(), *found.checks_shown(), *found.variants_shown(), *found.dominance_shown(), *found.missing_shown(),
        *found.drawn_shown(), *found.lagged_shown(),
    ]  # fmt: skip
    said = [*found.sentences(), *found.reasons]
    for words, rows in exhibits:
        said += [str(value) for value in words.values()]
        said += [str(value) for column in rows if column != "driver" for value in rows[column]]
    return " ".join(said)


def _ranking(first_imputed: str, clear: str) -> RankingComparison:
    """The app is first of those who answered all; with drawn answers perhaps shops."""
    app_first = first_imputed == "the app"
    table = pd.DataFrame(
        {
            "driver": ["the app", "shops"], "share_listwise": [0.6, 0.4], "share_listwise_low": [0.5, 0.3],
            "share_listwise_high": [0.7, 0.5], "rank_listwise": [1, 2], "share_imputed": [0.55, 0.45] if app_first else [0.45, 0.55],
            "share_imputed_low": [0.4, 0.4], "share_imputed_high": [0.6, 0.6], "rank_imputed": [1, 2] if app_first else [2, 1],
            "missing": [0.1, 0.3],
        }
    )  # fmt: skip
    turned = pd.DataFrame([] if app_first else [("the app", "shops", clear)], columns=["driver", "other", "clear"])
    return RankingComparison(table, turned, 200, 300, 0, 0, 10, 0.95)


# --------------------------------------------------------------------------------------------------------------- checks


def test_item_names_never_reach_the_page() -> None:
    rng = np.random.default_rng(5)
    table = _answers()
    table.loc[rng.random(len(table)) < 0.2, "q_help"] = np.nan
    found = _found(table, more_touchpoints=("bill",))
    said = _everything_said(found)
    assert not re.search("q_[a-z]+", said)
    assert "No driver is about the bill" in said


def test_what_is_wrong_stands_first_then_what_to_look_at_then_what_is_fine() -> None:
    table = _answers()
    table["q_shop"] = np.where(
        np.arange(len(table)) % 25 == 0, 6 - table["q_app"], table["q_app"]
    )  # nearly the same answers
    found = _found(table)
    _, rows = found.checks_shown()[0]
    order = ["warning", "look", "fine", "not checked"]
    places = [order.index(verdict) for verdict in rows["verdict"]]
    assert places == sorted(places)
    assert len(rows) == 13


def test_nothing_hangs_on_answers_without_a_fault() -> None:
    found = _found(_answers())
    assert found.hangs_on() == []
    assert found.sentences() == found.places.sentences()  # type: ignore[union-attr]
    assert found.checks_shown()[0][0]["title"] == "12 of 13 checks are fine; the answer hangs on none of the others."


def test_an_overlap_is_said_with_its_figure_and_base() -> None:
    table = _answers()
    near = np.random.default_rng(0).random(len(table)) < 0.04
    table["q_shop"] = np.where(near, table["q_shop"], table["q_app"])
    table["q_loyal"] = np.clip(1.5 * table["q_app"] + table["q_help"] / 3, 0, 10)
    found = _found(table)
    figure = found.checks.table.set_index("check").loc["overlap", "estimate"]  # type: ignore[union-attr]
    assert figure > 10
    assert (
        f"drivers that can hardly be told from the others (variance inflation {figure:.0f}, n 300)" in found.hangs_on()
    )
    row = found.checks_shown()[0][1].set_index("check").loc["overlap"]
    assert row["figure"] == f"Variance inflation {figure:.1f}"
    assert row["verdict_words"] == "The answer hangs on it"


def test_a_few_respondents_on_whom_the_first_place_hangs_are_counted() -> None:
    table = _answers(seed=0)
    noise = np.random.default_rng(100).normal(scale=0.7, size=300)
    table["q_loyal"] = (3 + 0.3 * table["q_app"] + 0.25 * table["q_shop"] + noise).clip(0, 10)
    table.loc[:2, RATINGS] = [1.0, 5.0, 3.0, 3.0]
    table.loc[:2, "q_loyal"] = 10.0  # three who love the shops make them first
    found = _found(table)
    assert found.hangs_on() == ["3 of 300 respondents, without whom the app is first instead of shops"]
    assert (
        found.sentences()[-1]
        == "The answer hangs on 3 of 300 respondents, without whom the app is first instead of shops."
    )
    assert found.checks_shown()[0][1]["check"].iloc[0] == "influence"
    assert found.variants_shown()[0][0]["title"] == "Shops is first as it is; without the most influential, the app is."


def test_the_ways_of_counting_are_shares_in_percent() -> None:
    words, rows = _found(_answers()).variants_shown()[0]
    for column in ("share", "share_mood_fixed", "share_without_influential", "share_without_straight"):
        assert rows[column].sum() == pytest.approx(100)
    assert words["title"] == "The app stays first in 4 ways of counting."
    assert rows["label"].tolist() == ["The app", "Shops", "Help, by phone", "Website"]
    assert words["folded"]


def test_two_items_of_one_label_are_told_apart_by_their_names() -> None:
    asked = asked_of(_answers(), labels={**LABELS, "q_shop": "The app"})
    _, rows = credibility(asked, responses=asked.rows).variants_shown()[0]
    assert rows["label"].tolist()[:2] == ["The app (q_app)", "The app (q_shop)"]


def test_the_accounts_and_weights_of_the_answers_are_used() -> None:
    table = _answers().assign(account_id=np.repeat([f"K{k}" for k in range(60)], 5), weight=1.0)
    table.loc[::2, "weight"] = 3.0
    weighted, plain = _found(table), _found(table.drop(columns=["weight", "account_id"]))
    assert weighted.checks.importance["share"].tolist() != plain.checks.importance["share"].tolist()  # type: ignore[union-attr]
    out = weighted.n - weighted.checks.table.set_index("check").loc["influence", "n"]  # type: ignore[union-attr]
    assert out == 5  # one account of 60


def test_too_few_for_the_checks_is_a_sentence() -> None:
    found = _found(_answers(n=28))
    assert found.reasons[0] == "The checks need more respondents: 28 of 28 answered every driver."
    assert found.sentences() == []
    assert [
        found.checks_shown(),
        found.variants_shown(),
        found.places_shown(),
        found.dominance_shown(),
        found.drawn_shown(),
    ] == [[]] * 5
    assert _found(_answers(n=60), min_base=61).checks is None


# -------------------------------------------------------------------------------------------------------------- missing


def test_a_driver_that_many_did_not_answer_is_said_not_to_be_used() -> None:
    table = _answers()
    table.loc[:119, "q_help"] = np.nan  # 40%
    table.loc[100:129, "q_web"] = np.nan  # 10%, ten of them with help answered
    words, rows = _found(table).missing_shown()[0]
    assert (
        words["title"]
        == "40% of 300 gave no answer about “help, by phone”: who has not used it cannot have an opinion."
    )
    assert rows[["label", "lost_alone", "lost_only"]].to_numpy().tolist()[:2] == [
        ["Help, by phone", 120, 100],
        ["Website", 30, 10],
    ]
    assert rows["words"].tolist()[:2] == ["Ask: did they use it?", "No answer"]
    assert "“help, by phone”" in words["note"]["Not used"]


def test_few_holes_are_no_question_of_use() -> None:
    table = _answers()
    table.loc[:29, "q_help"] = np.nan
    words, _ = _found(table).missing_shown()[0]
    assert words["title"] == "10% of 300 gave no answer about “help, by phone”, the most."
    assert "Not used" not in words["note"]


def test_whole_answers_need_no_exhibit_of_holes() -> None:
    found = _found(_answers())
    assert found.missing_shown() == []
    assert found.drawn_shown() == []
    assert not any("drawn" in reason for reason in found.reasons)


def test_drawn_answers_that_keep_the_first_place_are_one_sentence() -> None:
    table = _answers((1.0, 0.5, 0.3, 0.0))
    table.loc[np.random.default_rng(1).random(300) < 0.15, "q_help"] = np.nan
    found = _found(table)
    words, rows = found.drawn_shown()[0]
    assert words["title"].startswith("With missing answers drawn, ")
    assert rows["drawn"].sum() == pytest.approx(100)
    assert rows["n"].unique().tolist() == [300]
    assert rows["words"].iloc[2] == f"{table['q_help'].isna().mean():.0%} drawn"
    assert "who answered everything" not in " ".join(found.hangs_on())


@pytest.mark.parametrize(
    ("ranking", "title"),
    [
        (
            _ranking("shops", "both"),
            "With missing answers drawn, shops is first (55%, 40 to 60%, n 300) instead of the app.",
        ),
        (
            _ranking("shops", "neither"),
            "With missing answers drawn, shops is first (55%, 40 to 60%, n 300) instead of the app, which chance could explain.",
        ),
        (_ranking("the app", ""), "With missing answers drawn, all 2 drivers keep their places."),
    ],
)
def test_the_title_says_whether_the_ranking_depends_on_missing_answers(ranking: RankingComparison, title: str) -> None:
    found = replace(_found(_answers()), ranking=ranking)
    assert found.drawn_shown()[0][0]["title"] == title
    hangs = [clause for clause in found.hangs_on() if clause.startswith("who answered everything: ")]
    assert len(hangs) == (ranking.turned["clear"] == "both").sum()


def test_what_the_study_says_was_not_used_is_not_drawn() -> None:
    table = _answers()
    table.loc[:119, "q_help"] = np.nan
    found = _found(table, not_applicable=("q_help",))
    assert found.ranking is None
    assert "Missing answers are not drawn: the study says that no answer means not used." in found.reasons
    _, rows = found.missing_shown()[0]
    assert rows["words"].iloc[0] == "Not used, as the study says"
    assert not rows["ask"].any()
    table.loc[250:, "q_web"] = np.nan  # another hole, which may be drawn for those who used help
    found = _found(table, not_applicable=("q_help",))
    assert found.ranking is not None
    assert (found.ranking.n_imputed, found.ranking.n_not_applicable) == (180, 120)


def test_too_many_drivers_and_too_few_answers_to_one_are_reasons() -> None:
    table = _answers()
    table.loc[:159, "q_help"] = np.nan
    assert "Missing answers are not drawn: fewer than half answered “help, by phone”." in _found(table).reasons
    rng = np.random.default_rng(0)
    wide = pd.DataFrame(
        rng.integers(1, 6, (250, 16)).astype(float), columns=[f"q_{letter}" for letter in "abcdefghijklmnop"]
    )
    wide["q_loyal"] = wide["q_a"] + rng.normal(size=250).clip(-1, 5)
    wide.loc[:9, "q_b"] = np.nan
    assert (
        "Missing answers are not drawn: all subsets of 16 drivers would take too long (15 are the most)."
        in _found(wide).reasons
    )


# --------------------------------------------------------------------------------------------------------------- lagged


def _two_waves(survey: str = "tracking", *, n: int = 300, seed: int = 6) -> pd.DataFrame:
    """Customers who answered twice; the earlier rating of the app raises later loyalty, the other ratings do not."""
    rng = np.random.default_rng(seed)
    first = _answers((0.5, 0.5, 0.0, 0.0), n=n, seed=seed)
    second = _answers((0.5, 0.5, 0.0, 0.0), n=n, seed=seed + 1)
    second["q_loyal"] = (0.4 * first["q_loyal"] + 0.9 * first["q_app"] + rng.normal(scale=0.8, size=n)).clip(0, 10)
    ids = [f"C{number}" for number in range(n)]
    waves = [
        part.assign(customer_id=ids, survey=survey, wave=wave, counted_at=pd.Timestamp(day), perspective="customer")
        for part, wave, day in ((first, "2026-Q1", "2026-03-31"), (second, "2026-Q2", "2026-06-30"))
    ]
    return pd.concat(waves, ignore_index=True)


def test_a_rating_that_came_before_the_change_is_found_in_two_waves() -> None:
    responses = _two_waves()
    found = _found(
        responses[responses["wave"] == "2026-Q2"].drop(columns=["survey", "wave", "counted_at"]), responses=responses
    )
    words, rows = found.lagged_shown()[0]
    clear = rows[rows["reading"] == "changed"]
    assert clear["label"].tolist() == ["The app"]
    assert clear["conf_low"].iloc[0] < 0.9 < clear["conf_high"].iloc[0]
    assert re.match(
        r"A point more of the app in Q1 2026 goes with \+\d\.\d+ \(.*\) points of loyalty in Q2 2026, at the same loyalty before\.",
        words["title"],
    )
    assert words["note"]["Base"].startswith(
        "300 who answered everything of 300 who came back; 300 answered the first time"
    )
    assert not any("Later loyalty" in reason for reason in found.reasons)


def test_the_survey_with_most_returners_is_taken_whichever_it_is() -> None:
    deep = _two_waves("deep_dive")
    few = _two_waves("tracking", n=40)
    others = pd.concat([deep, few], ignore_index=True)
    found = _found(_answers(), responses=others)
    assert found.lagged_survey == "deep_dive"
    assert "deep dive" in found.lagged_shown()[0][0]["note"]["Base"]


def test_staff_who_answered_twice_are_no_returners() -> None:
    responses = _two_waves().assign(perspective="staff")
    assert _found(_answers(), responses=responses).lagged is None


def test_the_two_newest_waves_count_by_their_dates_not_by_their_names() -> None:
    responses = _two_waves()
    responses["wave"] = responses["wave"].map({"2026-Q1": "wave 9", "2026-Q2": "wave 10"})
    found = _found(_answers(), responses=responses)
    assert found.lagged is not None
    assert (found.lagged.earlier, found.lagged.later) == ("wave 9", "wave 10")


def test_without_returners_the_reason_says_how_many_there_are() -> None:
    few = _two_waves(n=40)
    (reason,) = _found(_answers(), responses=few).reasons
    assert reason == (
        "Later loyalty is not held against earlier ratings: needs 150 customers who answered two waves, and 40 answered everything in "
        "Q1 2026 and came back in Q2 2026 (tracking survey)."
    )
    (reason,) = _found(_answers(), responses=few[few["wave"] == "2026-Q1"]).reasons
    assert reason.endswith("no survey asked about all of them in two waves.")
    (reason,) = _found(_answers(), responses=few.drop(columns="customer_id")).reasons
    assert reason.endswith("the answers do not say whose they are.")
    (reason,) = _found(_answers(), responses=few.assign(customer_id=None)).reasons
    assert reason.endswith("the answers do not say whose they are.")
