"""Feelings along the way: which source counts, what is pleasant, and the net by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from scipy import stats

from cxlab.journeys.feelings import NEITHER, PLEASANT, UNPLEASANT, feelings, valence

ITEMS = pd.DataFrame(
    {
        "item": ["order_felt", "help_felt", "brand_felt"],
        "role": "emotion",
        "touchpoint": ["order", "help", None],
    }
)


def named(item: str, *words: str | None, wave: str = "2", day: int = 2, survey: str = "tracking") -> pd.DataFrame:
    """Answers to one question in one wave, one customer each."""
    return pd.DataFrame(
        {
            "customer_id": [f"c{number}" for number in range(len(words))],
            "perspective": "customer",
            "survey": survey,
            "wave": wave,
            "counted_at": pd.Timestamp(f"2026-01-{day:02d}", tz="UTC"),
            item: pd.Series(words, dtype=object),
        }
    )


def comments(touchpoint: str, *labels: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Comments and their scores."""
    ids = [f"{touchpoint}{number}" for number in range(len(labels))]
    rows = pd.DataFrame({"comment_id": ids, "customer_id": ids, "touchpoint": touchpoint})
    return rows, pd.DataFrame({"comment_id": ids, "label": labels})


def together(*parts: tuple[pd.DataFrame, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows, scores = zip(*parts, strict=True)
    return pd.concat(rows, ignore_index=True), pd.concat(scores, ignore_index=True)


def test_the_net_feeling_is_the_share_pleasant_less_the_share_unpleasant() -> None:
    found = feelings(named("order_felt", "joy", "joy", "Worry", "neutral"), ITEMS, min_base=1)
    row = found.net(["order"])
    # values 1 1 −1 0: mean 1/4, squares about it 3 − 4/16 = 11/4, so that s² = 11/12 and the error is √(11/48)
    assert (row["estimate"], row["n"], row["unit"]) == (25, 4, "points")
    half = 100 * stats.t.ppf(0.975, 3) * math.sqrt(11 / 48)
    assert (row["conf_low"], row["conf_high"]) == pytest.approx((25 - half, 25 + half))
    assert found.source == "emotions that customers named in a survey"


def test_two_answers_of_one_customer_are_one_cluster() -> None:
    rows = named("order_felt", "joy", "joy", "worry", "worry").assign(customer_id=list("aabb"))
    row = feelings(rows, ITEMS, min_base=1).net(["order"])
    # sums by customer of (value − 0)/4 are 1/2 and −1/2: variance 2/1 · (1/4 + 1/4) = 1
    assert (row["estimate"], row["n"]) == (0, 4)
    assert row["std_error"] == pytest.approx(100)


def test_weights_of_a_survey_count() -> None:
    rows = named("order_felt", "joy", "worry").assign(weight=[3.0, 1.0])
    assert feelings(rows, ITEMS, min_base=1).net(["order"])["estimate"] == 50


def test_only_the_customers_asked_for_count() -> None:
    found = feelings(named("order_felt", "joy", "worry", "worry"), ITEMS, min_base=1)
    assert found.net(["order"], pd.Series(["c0", "c1"]))["estimate"] == 0
    nobody = found.net(["order"], pd.Series(["somebody else"]))
    assert math.isnan(nobody["estimate"])
    assert (nobody["n"], nobody["reason"]) == (0, "nobody answered")


def test_words_of_unknown_sign_are_left_out_and_told() -> None:
    found = feelings(named("order_felt", "joy", "saudade", "weltschmerz", "saudade"), ITEMS, min_base=1)
    assert found.unread == ("saudade", "weltschmerz")
    assert found.net(["order"])["n"] == 1
    assert found.words(["order"], min_base=1).to_dict() == {"joy": 1}
    silent = feelings(named("order_felt", "saudade"), ITEMS, min_base=1)
    assert (silent.source, silent.unread) == ("", ("saudade",))


def test_no_word_is_of_two_signs_and_every_one_is_read_whatever_its_case() -> None:
    assert not PLEASANT & UNPLEASANT
    assert not (PLEASANT | UNPLEASANT) & NEITHER
    assert [valence(f" {word.upper()} ") for word in ("delight", "anger", "surprise")] == [1, -1, 0]
    assert math.isnan(valence(None))


def test_the_newest_wave_that_asked_counts() -> None:
    rows = pd.concat(
        [
            named("order_felt", *["worry"] * 3, wave="2026-Q4", day=1),
            named("order_felt", "joy", "joy", wave="2026-11", day=2),  # later, whatever it is called
            named("help_felt", "joy", wave="2026-12", day=3),  # asked nothing about the order
        ],
        ignore_index=True,
    )
    found = feelings(rows, ITEMS, min_base=1)
    assert (found.net(["order"])["estimate"], found.net(["order"])["n"]) == (100, 2)
    assert found.net(["help"])["n"] == 1


def test_which_wave_is_newest_does_not_depend_on_the_order_of_rows() -> None:
    rows = pd.concat(
        [named("order_felt", "joy", survey="tracking"), named("order_felt", "worry", survey="deep_dive")],
        ignore_index=True,
    )
    found = [feelings(part, ITEMS, min_base=1).net(["order"])["estimate"] for part in (rows, rows.iloc[::-1])]
    assert found == [100, 100]


def test_what_employees_say_is_no_feeling_of_customers() -> None:
    rows = pd.concat(
        [named("order_felt", "joy"), named("order_felt", "worry").assign(perspective="employee")], ignore_index=True
    )
    assert feelings(rows, ITEMS, min_base=1).net(["order"])["estimate"] == 100


def test_the_source_that_knows_more_touchpoints_counts_and_named_emotions_at_the_same_number() -> None:
    rows = named("order_felt", "joy", "joy")
    one = comments("order", "negative", "negative")
    two = together(one, comments("help", "negative", "positive", "negative"))
    assert feelings(rows, ITEMS, *one, min_base=2).source.startswith("emotions")
    by_comments = feelings(rows, ITEMS, *two, min_base=2)
    assert by_comments.source == "comments, by their sentiment"
    assert by_comments.net(["order"])["estimate"] == -100
    assert by_comments.net(["help"])["estimate"] == pytest.approx(-100 / 3)
    # one touchpoint has too few comments: named emotions count again
    assert feelings(rows, ITEMS, *two, min_base=3).source == "comments, by their sentiment"
    assert feelings(rows, ITEMS, *two, min_base=4).source == ""


def test_named_emotions_are_told_beside_comments() -> None:
    two = together(comments("order", "negative", "negative"), comments("help", "neutral", "neutral"))
    found = feelings(named("order_felt", "joy", "joy", "worry"), ITEMS, *two, min_base=2)
    assert found.net(["help"])["estimate"] == 0
    assert found.words(["order"], min_base=2).to_dict() == pytest.approx({"joy": 2 / 3, "worry": 1 / 3})
    assert found.words(["order"], min_base=4).empty
    assert found.words(["order"], pd.Series(["c2"]), min_base=1).to_dict() == {"worry": 1}


def test_emotions_that_are_named_as_often_stand_in_the_order_of_the_alphabet() -> None:
    rows = named("order_felt", "worry", "trust", "joy", "joy")
    for part in (rows, rows.iloc[::-1]):
        assert list(feelings(part, ITEMS, min_base=1).words(["order"], min_base=1).index) == ["joy", "trust", "worry"]


def test_comments_without_touchpoint_or_sentiment_are_no_feeling() -> None:
    rows, scores = comments("order", "positive", "unclear", "positive")
    rows.loc[2, "touchpoint"] = None
    assert len(feelings(None, None, rows, scores, min_base=1).rows) == 1
    assert feelings(None, None, rows.drop(columns="touchpoint"), scores, min_base=1).source == ""


def test_without_answers_and_comments_there_are_no_feelings() -> None:
    for found in (feelings(None, None), feelings(named("order_felt", None, None), ITEMS)):
        assert (found.source, len(found.rows), found.unread) == ("", 0, ())
        assert math.isnan(found.net(["order"])["estimate"])
        assert found.words(["order"]).empty
