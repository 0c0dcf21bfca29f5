"""The desired experience of a study: two gaps, the cards, the assumptions, and what is said of them."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from cxlab.config import Assumption
from cxlab.experience import DesiredExperience, desired_experience
from cxlab.inference import wilson
from cxlab.problems import NotApplicableError

TOUCHPOINTS = pd.DataFrame(
    {"touchpoint": ["app", "shop", "help"], "label": ["App", "Shop", "Help"], "owner": ["Digital", None, "Care"]}
)
ITEMS = pd.DataFrame(
    [
        ("good_app", "satisfaction", 1, 5, "app", "App"),
        ("good_shop", "satisfaction", 1, 5, "shop", "Shop"),
        ("good_help", "satisfaction", 1, 5, "help", "Help"),
        ("want_app", "expectation", 1, 5, "app", "App wanted"),
        ("want_shop", "expectation", 1, 5, "shop", "Shop wanted"),
        ("done", "goal", 0, 1, "help", "Reached the goal"),
        ("easy", "effort", 1, 7, "app", "Easy"),
        ("hard", "effort", 1, 7, "shop", "Hard"),
        ("trouble", "problem", 0, 1, "shop", "Had a problem"),
        ("fun", "enjoyment", 1, 5, "help", "Pleasant"),
    ],
    columns=["item", "role", "low", "high", "touchpoint", "label"],
).assign(high_is_easy=[None] * 6 + [True, False, None, None])


def answers(n: int = 40, perspective: str = "customer", wave: str = "2", **means: float) -> pd.DataFrame:
    """`n` people who answer each question half a point above or below its mean."""
    frame = pd.DataFrame({item: [mean - 0.5, mean + 0.5] * (n // 2) for item, mean in means.items()})
    day = pd.Timestamp("2026-01-01", tz="UTC") + pd.Timedelta(days=int(wave))
    return frame.assign(perspective=perspective, wave=wave, survey="deep_dive", counted_at=day)


CUSTOMERS = answers(good_app=2.5, good_shop=4.5, good_help=3.5, want_app=4.5, want_shop=4.5)
STAFF = answers(perspective="staff", good_app=4.5, good_shop=4.5, good_help=2.5)
BOTH = pd.concat([CUSTOMERS, STAFF], ignore_index=True)


def made(responses: pd.DataFrame = BOTH, **more: object) -> DesiredExperience:
    return desired_experience(responses, ITEMS, TOUCHPOINTS, **more)  # type: ignore[arg-type]


def test_the_headline_names_the_blind_spot() -> None:
    assert made().headline() == "Staff have a blind spot: they believe customers more content than they are with app."
    assert made().blind_spots["item"].tolist() == ["good_app"]
    assert (
        made()
        .sentences()[0]
        .startswith("App: staff believe 4.5, customers say 2.5, a gap of −2.0 (−2.2 to −1.8) on 1 to 5.")
    )


def test_without_staff_the_headline_is_the_widest_gap_to_expectations() -> None:
    found = made(CUSTOMERS)
    # half a point up or down on both sides together: the paired gap of app is always −2
    assert found.staff.empty
    assert found.expected["estimate"].tolist() == [-2, 0]
    assert math.isnan(found.expected["conf_low"].iloc[0])
    assert found.headline() == "No question clearly falls short of what customers expect."
    spread = CUSTOMERS.assign(want_app=[5.0, 4.0, 4.0, 5.0] * 10)
    assert (
        made(spread)
        .headline()
        .startswith("The experience falls short of expectations in 1 of 2 questions, most with app: −2.0 (")
    )


def test_only_the_expectations_of_the_same_touchpoint_or_the_same_ending_are_pairs() -> None:
    found = made().expected.set_index("item")
    assert list(found.index) == ["good_app", "good_shop"]
    assert found["reference"].tolist() == [4.5, 4.5]
    # s2 belongs to e2 by name, whatever the order of the questions
    items = pd.DataFrame(
        [("s1", "satisfaction"), ("s2", "satisfaction"), ("e2", "expectation"), ("e1", "expectation")],
        columns=["item", "role"],
    ).assign(low=1, high=5, touchpoint=None, label="x", high_is_easy=None)
    rows = answers(s1=2.5, s2=3.5, e1=3.5, e2=4.5)
    table = desired_experience(rows, items, TOUCHPOINTS).expected.set_index("item")
    assert table["reference"].to_dict() == {"s1": 3.5, "s2": 4.5}


def test_customers_of_the_newest_wave_count_only() -> None:
    rows = pd.concat(
        [BOTH, answers(wave="1", n=80, good_app=4.5, good_shop=1.5, good_help=1.5, want_app=2, want_shop=2)]
    )
    found = made(rows)
    assert found.wave == "2"
    assert found.staff["n"].tolist() == [40, 40, 40]
    assert found.base_sentence() == "Wave 2: up to 40 customers and 40 staff, not weighted."


def test_weights_are_used_and_said() -> None:
    found = made(BOTH.assign(weight=1.0))
    assert found.weighted
    assert found.base_sentence().endswith("40 staff, weighted.")


def test_the_cards_by_hand() -> None:
    rows = CUSTOMERS.assign(
        done=[1.0] * 30 + [0.0] * 10,  # 30 of 40 reached their goal
        easy=[7.0] * 10 + [6.0] * 10 + [5.0] * 20,  # 20 of 40 in the two best boxes
        hard=[1.0] * 10 + [2.0] * 4 + [7.0] * 26,  # high is hard: 14 of 40 found it easy
        trouble=[1.0] * 6 + [0.0] * 34,  # 34 of 40 had no problem
        fun=[5.0] * 2 + [4.0] * 2 + [3.0] * 36,
    )
    cards = made(pd.concat([rows, STAFF])).cards.set_index(["card", "touchpoint"])
    assert cards["estimate"].to_dict() == {
        ("Easy", "app"): 50,
        ("Easy", "shop"): 35,
        ("Effective", "help"): 75,
        ("Enjoyable", "help"): 10,
        ("Painless", "shop"): 85,
    }
    low, high = wilson(0.35, 40)
    assert cards.loc[("Easy", "shop"), ["conf_low", "conf_high"]].tolist() == pytest.approx([100 * low, 100 * high])
    assert any(
        said == "The weakest card: 10% found it pleasant (one of the two best answers) (help)."
        for said in made(pd.concat([rows, STAFF])).sentences()
    )


def test_a_question_that_nobody_answered_makes_no_card() -> None:
    assert made(BOTH.assign(done=math.nan)).cards.empty


def test_an_assumption_is_settled_only_by_a_clear_gap() -> None:
    beliefs = {
        "app": Assumption(belief="Our app is as good as we think", owner="Digital", finding="gap_staff_app"),
        "help": Assumption(belief="Our help is better than we think", finding="gap_staff_help"),
        "shop": Assumption(belief="The shop is as good as we think", finding="gap_staff_shop"),
        "late": Assumption(belief="Nobody waits", finding="rule_wait"),
        "none": Assumption(belief="Everybody loves us"),
    }
    table = made(assumptions=beliefs).assumptions.set_index("assumption")
    assert table["status"].to_dict() == {
        "app": "contradicted",
        "help": "supported",
        "shop": "not settled",  # no gap was seen, which is no proof that there is none
        "late": "untested",
        "none": "untested",
    }
    assert table["evidence"].tolist()[3:] == ["see finding rule_wait", "no finding named"]
    assert "−2.0" in table.loc["app", "evidence"]
    assert table.loc["shop", "owner"] == "no owner"
    words, _ = next(made(assumptions=beliefs).assumptions_shown())
    assert words["title"] == "3 of 5 assumptions are tested by a finding here."


def test_a_gap_that_could_not_be_shown_settles_no_assumption() -> None:
    few = pd.concat([CUSTOMERS, STAFF.head(12)])
    table = made(few, assumptions={"app": Assumption(belief="x", finding="gap_staff_app")}).assumptions
    assert table["status"].tolist() == ["not settled"]
    assert "nan" not in table["evidence"].iloc[0]


def test_an_assumption_about_a_driver_is_supported_where_the_driver_is_clear_of_chance() -> None:
    importance = pd.DataFrame(
        {
            "driver": ["good_app", "good_shop"],
            "touchpoint": ["app", "shop"],
            "share": [0.4, 0.1],
            "clear": [True, False],
        }
    )
    beliefs = {name: Assumption(belief="It matters", finding=f"driver_{name}") for name in ("app", "shop", "help")}
    table = made(assumptions=beliefs, importance=importance).assumptions.set_index("assumption")
    assert table["status"].to_dict() == {"app": "supported", "shop": "not settled", "help": "untested"}
    assert table.loc["app", "evidence"] == "40% of what the drivers explain, clear of chance"


def test_a_gap_on_a_small_base_is_a_finding_that_says_it_is_not_shown() -> None:
    found = made(pd.concat([CUSTOMERS, STAFF.head(12)]))
    first = found.findings()[0]
    assert first["result"]["headline"] == "App: not shown (n<30)."
    assert first["attention"] is False
    assert "Not shown" in next(found.gaps_shown())[0]["note"]


def test_a_finding_carries_the_owner_and_asks_for_attention_at_a_blind_spot() -> None:
    findings = {finding["name"]: finding for finding in made().findings()}
    assert findings["gap_staff_app"]["owner"] == "Digital"
    assert findings["gap_staff_app"]["attention"] is True
    assert findings["gap_staff_shop"]["owner"] is None
    assert findings["gap_staff_help"]["attention"] is False
    assert findings["gap_staff_app"]["result"]["headline"] == "App: −2.0 against what staff believe (−2.2 to −1.8)."


def test_the_pictures_are_widest_first_described_and_count_their_tests() -> None:
    words, rows = next(made().gaps_shown())
    assert rows["item"].tolist() == ["good_app", "good_shop", "good_help"]
    assert words["title"] == "1 of 3 questions fall short of what staff believe, most app: 2.5 against 4.5."
    assert words["note"]["Test"] == "3 gaps, Benjamini–Hochberg; Welch's test"
    assert "App −2.0" in words["alt"]
    assert next(made().quadrants_shown())[0]["title"] == (
        "Of 3 questions asked of both sides there are 1 blind spot, 1 shared strength and 1 hidden strength."
    )


def test_staff_and_customers_who_agree_have_no_blind_spot() -> None:
    rows = pd.concat([CUSTOMERS.drop(columns=["want_app", "want_shop"]), STAFF.assign(good_app=[2.0, 3.0] * 20)])
    assert (
        made(rows).headline()
        == "Staff and customers see no question clearly otherwise where customers are least content."
    )


def test_a_study_that_asked_neither_staff_nor_for_expectations_is_told_what_it_lacks() -> None:
    with pytest.raises(NotApplicableError, match="needs questions about expectation, or a survey of staff"):
        made(answers(good_app=3, good_shop=3))
