"""What people say matters against what goes with their loyalty: who said it, what is told from how many pairs, and in which words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxlab.drivers import said
from cxlab.drivers.answers import DriverAnswers
from cxlab.drivers.importance import relative_importance
from cxlab.drivers.said import SaidAgainstDerived, said_against_derived

TOPICS = ["app", "shop", "help", "bill", "price", "net"]
COUNTS = {"app": 0.1, "shop": 0.3, "help": 0.45, "bill": 0.6, "price": 0.75, "net": 1.0}  # points of loyalty a point
OFTEN = {
    "app": 6.5,
    "shop": 5.5,
    "help": 4.5,
    "bill": 3.5,
    "price": 2.5,
    "net": 1.5,
}  # said, on 1 to 7: the other way round
SAME = dict(zip(TOPICS, sorted(OFTEN.values()), strict=True))


def _rows(
    stated: dict[str, float] | None, n: int = 300, counts: dict[str, float] = COUNTS, **fixed: Any
) -> pd.DataFrame:
    """Respondents whose loyalty follows `counts` and who say that a topic matters around `stated` (None: nobody was asked)."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({f"s_{topic}": rng.normal(5, 1, n) for topic in TOPICS})
    rows["recommend"] = sum(weight * rows[f"s_{topic}"] for topic, weight in counts.items()) + rng.normal(0, 1, n)
    for topic in TOPICS:
        rows[f"need_{topic}"] = np.nan if stated is None else stated.get(topic, np.nan) + rng.normal(0, 0.5, n)
    rows = rows.assign(survey="tracking", perspective="customer", wave="2026-Q3", counted_at=pd.Timestamp("2026-09-30"))
    return rows.assign(**fixed)


def _asked(rows: pd.DataFrame, topics: list[str] = TOPICS) -> DriverAnswers:
    named = [("recommend", "Recommendation", "loyalty", None)]
    named += [(f"s_{topic}", topic.capitalize(), "satisfaction", topic) for topic in TOPICS]
    named += [(f"need_{topic}", f"Good {topic}", "need", None) for topic in topics]
    items = pd.DataFrame(named, columns=["item", "label", "role", "touchpoint"]).assign(low=1, high=7).set_index("item")
    return DriverAnswers(rows, "recommend", [f"s_{topic}" for topic in TOPICS], [], items, pd.DataFrame())


def _found(rows: pd.DataFrame, responses: pd.DataFrame | None = None, **more: Any) -> SaidAgainstDerived:
    return said_against_derived(_asked(rows), rows if responses is None else responses, **{"n_boot": 200} | more)


def test_an_order_that_is_turned_around_is_said_with_the_drivers_furthest_off() -> None:
    found = _found(_rows(OFTEN))
    assert found.notes() == []
    (text,) = found.sentences()
    high = f"{found.tau['conf_high']:.2f}".replace("-", "−")
    assert text == (
        "Net (place 1, said 6) and price (place 2, said 5) count for more than people say; app (place 6, said 1) and shop (place 5, "
        f"said 2) count for less than people say (Kendall’s τ −1.00 (−1.00 to {high}), 6 pairs)."
    )
    ((words, rows),) = found.ranks_shown()
    by_topic = rows.set_index("label")
    assert list(by_topic["stated_rank"]) == [1, 2, 3, 4, 5, 6]
    assert list(by_topic["derived_rank"]) == [6, 5, 4, 3, 2, 1]
    assert by_topic.loc["Net", "words"] == "More than said"
    assert by_topic.loc["App", "words"] == "Less than said"
    assert "Net 6 by what is said, 1 by what goes with it" in words["alt"]
    assert words["title"].rstrip(".") in text


def test_of_many_drivers_that_are_off_two_are_named_and_the_others_counted() -> None:
    counts = {"app": 0.9, "shop": 0.7, "help": 0.5, "bill": 0.3, "price": 1.1, "net": 1.5}
    (text,) = _found(_rows(OFTEN, n=3000, counts=counts)).sentences()
    assert "; app (place 3, said 1), shop (place 4, said 2) and 2 others count for less than people say (" in text


def test_an_order_that_is_the_same_is_said_to_agree() -> None:
    found = _found(_rows(SAME))
    assert found.tau["estimate"] == 1
    low = f"{found.tau['conf_low']:.2f}"
    assert found.sentences() == [
        f"What people say matters agrees with what goes with recommendation (Kendall’s τ 1.00 ({low} to 1.00), 6 pairs)."
    ]
    assert set(found.ranks_shown()[0][1]["words"]) == {""}


def test_figures_of_the_pairs_are_means_and_shares_of_all_drivers() -> None:
    rows = _rows(OFTEN)
    ((words, shown),) = _found(rows).pairs_shown()
    drivers = [f"s_{topic}" for topic in TOPICS]
    shares = relative_importance(rows[drivers], rows["recommend"], method="lmg").set_index("driver")["share"]
    table = shown.set_index("driver")
    assert table.loc["s_net", "derived"] == pytest.approx(shares["s_net"])
    assert table.loc["s_app", "estimate"] == pytest.approx(rows["need_app"].mean())
    assert words["title"].startswith(f"Of 6 pairs good app is said to matter most ({rows['need_app'].mean():.1f} (")
    assert f"; net explains most ({100 * shares['s_net']:.0f}% (" in words["title"]


def test_needs_asked_in_another_survey_are_read_from_its_newest_wave() -> None:
    own = _rows(None)
    old = _rows(SAME, survey="deep_dive", wave="2025-Q4", counted_at=pd.Timestamp("2025-12-31"))
    new = _rows(OFTEN, n=200, survey="deep_dive", wave="2026-Q3")
    staff = _rows(SAME, n=900, survey="staff", perspective="staff")
    found = _found(own, pd.concat([own, old, new, staff], ignore_index=True))
    assert found.found is not None
    assert not found.found.same_people
    assert found.tau["estimate"] == -1
    note = found.pairs_shown()[0][0]["note"]
    assert note["Base"] == "200 said how important it is (deep dive 2026-Q3); 300 answered every driver"


def test_the_respondents_of_the_drivers_come_first_where_they_were_asked_as_much() -> None:
    own, other = _rows(OFTEN), _rows(SAME, n=900, survey="deep_dive")
    found = _found(own, pd.concat([own, other], ignore_index=True))
    assert found.found is not None
    assert found.found.same_people
    assert found.pairs_shown()[0][0]["note"]["Base"].startswith("300 said how important it is (the same respondents); ")


def test_answers_are_weighted_where_their_wave_is() -> None:
    own = _rows(None)
    light = np.where(np.arange(200) < 100, 0.5, 1.5)
    other = _rows(OFTEN, n=200, survey="deep_dive").assign(weight=light)
    other["need_app"] = np.where(np.arange(200) < 100, 2.0, 4.0)
    table = _found(own, pd.concat([own, other], ignore_index=True)).pairs_shown()[0][1].set_index("driver")
    assert table.loc["s_app", "estimate"] == pytest.approx(3.5)  # (0.5 × 2 + 1.5 × 4) / 2
    plain = _found(own, pd.concat([own, other.drop(columns="weight")], ignore_index=True)).pairs_shown()[0][1]
    assert plain.set_index("driver").loc["s_app", "estimate"] == pytest.approx(3.0)
    assert list(table.loc[:, "derived"].sort_index()) == pytest.approx(
        list(plain.set_index("driver")["derived"].sort_index())
    )


def test_four_pairs_show_their_figures_and_conclude_nothing() -> None:
    rows = _rows({topic: OFTEN[topic] for topic in TOPICS[:4]})
    found = _found(rows)
    assert found.sentences() == [] == found.ranks_shown()
    assert found.notes() == [
        "Whether people say what counts for recommendation cannot be told: 4 pairs of stated and derived importance are fewer than 5."
    ]
    ((words, shown),) = found.pairs_shown()
    assert set(shown["words"]) == {"Not clear"}
    drivers = [f"s_{topic}" for topic in TOPICS]
    shares = relative_importance(rows[drivers], rows["recommend"], method="lmg").set_index("driver")["share"]
    assert shown.set_index("driver").loc["s_app", "derived"] == pytest.approx(shares["s_app"])  # of all six
    assert words["note"]["Not asked"] == "Price and Net: in the model, but nobody said how important it is"
    assert words["note"]["No driver"] == "Good price and Good net"  # asked of nobody


def test_a_question_that_too_few_answered_is_no_pair() -> None:
    rows = _rows(OFTEN)
    rows.loc[29:, "need_net"] = np.nan
    assert "s_net" not in set(_found(rows).pairs_shown()[0][1]["driver"])
    rows = _rows(OFTEN)
    rows.loc[30:, "need_net"] = np.nan
    assert "s_net" in set(_found(rows).pairs_shown()[0][1]["driver"])


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (
            _asked(_rows(OFTEN), topics=[]),
            "no question asks how important something is (role need or importance)",
        ),
        (
            _asked(_rows(OFTEN), topics=["app", "shop"]),
            "2 questions about importance have a driver, 5 are needed",
        ),
        (
            _asked(_rows(OFTEN, n=29)),
            "0 questions about importance have a driver, 5 are needed",
        ),
    ],
)
def test_what_a_study_lacks_is_said_and_nothing_is_shown(asked: DriverAnswers, why: str) -> None:
    found = said_against_derived(asked, asked.rows)
    assert found.notes() == [f"Whether people say what counts for recommendation cannot be told: {why}."]
    assert found.sentences() == [] == found.ranks_shown() == found.pairs_shown()


def test_few_who_answered_every_driver_are_no_base() -> None:
    rows = _rows(OFTEN)
    rows.loc[29:, "s_app"] = np.nan
    found = _found(rows)
    assert found.why_not == "29 respondents answered every driver, 30 are needed"


def test_drivers_whose_subsets_would_take_too_long_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(said, "_SUBSETS", 99 * 2**6)  # one resample short of enough
    assert _found(_rows(OFTEN)).why_not == "with 6 drivers the intervals would take too long"
