"""Which places are settled: planted orders, borders worked by hand, and sentences as they are read."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from cxlab.drivers.importance import bootstrap_importance, dominance_analysis
from cxlab.drivers.places import Places, places_of
from cxlab.problems import NotApplicableError
from tests.drivers.asked import asked_of

RATINGS = ["q_app", "q_shop", "q_help", "q_web"]


def _answers(effects: list[float], *, n: int = 600, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.integers(1, 6, (n, len(effects))).astype(float), columns=RATINGS[: len(effects)])
    return table.assign(q_loyal=table @ effects + rng.normal(size=n))


def _by_hand(order: str, apart: set[str], *, dominance: pd.DataFrame | None = None) -> Places:
    """Drivers of one letter in their order; `apart` are the pairs told apart. Each explains ten points more than the next."""
    shares = pd.DataFrame(
        {
            "driver": list(order), "label": [f"Part {name}" for name in order],
            "estimate": [10.0 * (len(order) - at) for at in range(len(order))], "conf_low": 1.0, "conf_high": 90.0,
            "conf_level": 0.95, "n": 200, "place": range(1, len(order) + 1), "place_low": 1, "place_high": len(order), "unit": "%",
        }
    )  # fmt: skip
    pairs = pd.DataFrame(
        [
            {
                "driver": a, "other": b, "difference": 10.0 * (order.index(b) - order.index(a)), "conf_low": -2.0, "conf_high": 22.0,
                "p_value": 0.5, "q_value": 0.5, "reading": "told apart" if a + b in apart else "not told apart",
            }
            for a, b in combinations(order, 2)
        ]
    )  # fmt: skip
    return Places(
        shares, pairs, dominance if dominance is not None else pd.DataFrame(), "Loyalty", 200, "respondents", 0.95
    )


def test_planted_places_are_settled_and_those_of_noise_are_not() -> None:
    found = places_of(asked_of(_answers([1.0, 0.5, 0.0, 0.0])))
    assert found.groups[:2] == [["q_app"], ["q_shop"]]
    assert set(found.groups[2]) == {"q_help", "q_web"}
    assert found.sentences() == ["Places 1 (app) and 2 (shop) are settled; 3 and 4 are not told apart (n 600)."]


def test_two_that_do_as_much_share_the_first_place() -> None:
    found = places_of(asked_of(_answers([0.8, 0.8, 0.1, 0.0])))
    assert set(found.groups[0]) == {"q_app", "q_shop"}
    (said,) = found.sentences()
    assert said.startswith("The first place is not settled: ")
    assert said.endswith("(n 600), which chance could explain; 2 others clearly explain less.")


def test_among_noise_nobody_has_a_place() -> None:
    found = places_of(asked_of(_answers([0.0, 0.0, 0.0, 0.0], n=200)))
    assert found.sentences() == ["No driver clearly explains more than another, so no place is settled (n 200)."]
    assert found.shown()[0][0]["title"].startswith("No place is settled: ")


@pytest.mark.parametrize(
    ("apart", "groups"),
    [
        ({"ab", "ac", "ad"}, ["a", "bcd"]),
        ({"ab", "ac", "ad", "bd", "cd"}, ["a", "bc", "d"]),
        ({"ac", "ad", "bc", "bd"}, ["ab", "cd"]),
        ({"ab", "ad", "bd"}, ["abcd"]),  # a is told apart from b and d, not from c: no border anywhere
        ({"ab", "ac", "ad", "bc", "bd", "cd"}, ["a", "b", "c", "d"]),
    ],
)
def test_a_border_needs_every_driver_above_to_explain_more_than_every_one_below(
    apart: set[str], groups: list[str]
) -> None:
    assert ["".join(group) for group in _by_hand("abcd", apart).groups] == groups


def test_settled_places_are_told_first_and_the_others_by_their_numbers() -> None:
    found = _by_hand("abcdef", {a + b for a, b in combinations("abcdef", 2)} - {"bc", "de", "df", "ef"})
    assert found.sentences() == ["Place 1 (part a) is settled; 2 and 3, and 4 to 6 are not told apart (n 200)."]
    assert _by_hand("ab", {"ab"}).sentences() == ["All 2 places of the drivers are settled (n 200)."]


def test_the_rivals_of_the_first_are_named_with_the_gap_to_the_nearest() -> None:
    assert _by_hand("abcd", {"ad"}).sentences() == [
        "The first place is not settled: part a explains 10 (−2 to 22) percentage points more than part b (n 200), which chance could "
        "explain, nor is it told apart from part c; 1 other clearly explains less."
    ]


def test_a_label_with_a_comma_is_quoted_in_a_sentence() -> None:
    found = places_of(asked_of(_answers([1.0, 0.4, 0.0, 0.0]), labels={"q_app": "Booths, arrivals"}))
    assert found.sentences() == [
        "Places 1 (“booths, arrivals”) and 2 (shop) are settled; 3 and 4 are not told apart (n 600)."
    ]


def test_each_row_stands_beside_the_next_and_the_last_beside_none() -> None:
    found = places_of(asked_of(_answers([1.0, 0.5, 0.0, 0.0])))
    words, rows = found.shown()[0]
    gaps = rows["estimate"].to_numpy()[:-1] - rows["estimate"].to_numpy()[1:]
    assert rows["difference"].to_numpy()[:-1] == pytest.approx(gaps)
    assert np.isnan(rows["difference"].iloc[-1])
    assert rows["reason"].iloc[-1] == "none follows"
    assert rows["estimate"].sum() == pytest.approx(100)
    assert words["title"].startswith("2 of 4 places are settled: App explains ")
    assert rows["places"].iloc[0] == "1"


def test_dominance_is_that_of_all_subsets_in_words() -> None:
    table = _answers([1.0, 0.5, 0.0, 0.0])
    words, rows = places_of(asked_of(table)).dominance_shown()[0]
    whole = dominance_analysis(table[RATINGS], table["q_loyal"]).complete
    over = {name: [other for other in RATINGS if other != name and whole.loc[name, other] == 1] for name in RATINGS}
    assert dict(zip(rows["driver"], rows["n_over"], strict=True)) == {
        name: len(others) for name, others in over.items()
    }
    assert rows["label"].iloc[0] == "App"
    assert rows["n_over"].iloc[0] == 3
    assert rows["over"].iloc[0].startswith("Shop")
    assert words["title"].endswith("whatever else is in the model; App does so against every other.")
    assert words["folded"]


def test_a_first_driver_that_dominates_nobody_is_said_to_do_so_against_none() -> None:
    dominance = pd.DataFrame([("a", "b", "general", 0.5)], columns=["driver", "other", "dominance", "share_of_subsets"])
    title = _by_hand("ab", set(), dominance=dominance).dominance_shown()[0][0]["title"]
    assert (
        title
        == "In 0 of 1 pairs one driver adds more than the other whatever else is in the model; Part a does so against none."
    )


def test_accounts_are_resampled_and_weights_count() -> None:
    table = _answers([1.0, 0.5, 0.0, 0.0], n=300)
    table = table.assign(account_id=np.repeat([f"K{k}" for k in range(60)], 5), weight=np.tile([1.0, 2.0, 3.0], 100))
    found = places_of(asked_of(table))
    own = bootstrap_importance(
        table[RATINGS], table["q_loyal"], weights=table["weight"], clusters=table["account_id"], n_boot=500
    ).to_frame()
    same = found.shares.set_index("driver").loc[RATINGS]
    assert same["conf_low"].tolist() == pytest.approx((100 * own["conf_low"]).tolist())
    assert same["estimate"].tolist() == pytest.approx((100 * own["share"]).tolist())
    assert "resampled accounts" in found.shown()[0][0]["note"]["Method"]


def test_more_than_fifteen_drivers_have_places_but_no_dominance() -> None:
    rng = np.random.default_rng(3)
    table = pd.DataFrame(
        rng.integers(1, 6, (300, 16)).astype(float), columns=[f"q_{letter}" for letter in "abcdefghijklmnop"]
    )
    found = places_of(asked_of(table.assign(q_loyal=table["q_a"] + rng.normal(size=300))), n_boot=100)
    assert found.dominance_shown() == []
    assert "Johnson" in found.shown()[0][0]["note"]["Method"]
    assert found.groups[0] == ["q_a"]


def test_too_few_respondents_are_refused_with_their_number() -> None:
    with pytest.raises(NotApplicableError, match="too few answered all 4 drivers to rank them: 25"):
        places_of(asked_of(_answers([1.0, 0.5, 0.0, 0.0], n=25)))
