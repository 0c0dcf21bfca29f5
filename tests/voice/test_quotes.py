"""Quotes: central, diverse, masked, from enough people, one a person, readable aloud."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from cxlab.voice.quotes import QUOTES, quotes, readability
from cxlab.voice.themes import Codebook
from tests.conftest import REAL_DATA

BAGS = [
    "My bag came two days late and nobody called me back.",
    "They lost my bag on the way to Rome and the bag is still missing.",
    "The bag was delivered to the wrong hotel by a tired driver.",
    "My bag was late again, so I bought clothes for the wedding.",
]
FOOD = [
    "The food was cold and the portion was very small for the price.",
    "I loved the food on board, the soup was warm and fresh.",
    "We paid for food that never came to our row of seats.",
]
ALL = pd.Series(BAGS + FOOD)
IS_BAG, IS_FOOD = np.arange(7) < 4, np.arange(7) >= 4


def test_one_row_is_one_quote_and_the_first_is_nearest_to_what_all_say() -> None:
    found = quotes(ALL, {"bags": IS_BAG, "food": IS_FOOD}, min_base=3)
    assert list(found) == QUOTES
    assert found["theme"].to_list() == ["bags", "bags", "food", "food"]
    assert found["rank"].to_list() == [1, 2, 1, 2]
    assert found["n"].to_list() == [4, 4, 3, 3]
    assert all(row["quote"] == ALL[row["text_id"]] for row in found.to_dict("records"))


def test_the_centre_is_what_most_say() -> None:
    texts = [
        "I waited on hold for an hour before the call was answered.",
        "I waited on hold for the call and it was never answered.",
    ] * 5
    odd = ["I waited on hold while my grandmother baked seven plum cakes."]
    found = quotes(pd.Series(texts + odd), {"calls": [True] * 11}, min_base=5, n=1)
    assert found["text_id"].to_list() != [10]


def test_no_theme_is_quoted_from_fewer_people_than_the_base() -> None:
    people = pd.Series(["ann", "ann", "bob", "bob", "eve", "joe", "mia"])
    assert quotes(ALL, {"bags": IS_BAG, "food": IS_FOOD}, people=people, min_base=3)["theme"].unique().tolist() == [
        "food"
    ]
    assert quotes(ALL, {"bags": IS_BAG}, min_base=5).empty
    assert list(quotes(ALL, {"bags": IS_BAG}, min_base=5)) == QUOTES


def test_nobody_is_quoted_twice_and_no_comment_stands_for_two_themes() -> None:
    people = pd.Series(["ann"] * 3 + ["bob", "eve", "joe", "ann"])
    found = quotes(ALL, {"bags": IS_BAG, "food": IS_FOOD, "all": [True] * 7}, people=people, min_base=1, n=5)
    assert people[found["text_id"]].is_unique
    assert found["text_id"].is_unique


def test_who_is_not_known_is_somebody_of_their_own() -> None:
    people = pd.Series([None] * 7, dtype=object)
    assert quotes(ALL, {"bags": IS_BAG}, people=people, min_base=4, n=4)["n"].to_list()[0] == 4


def test_what_two_people_wrote_alike_is_quoted_once() -> None:
    same = "My bag came two days late and nobody called me back"
    texts = pd.Series([f"{same}.", f"{same}!", f"{same} ", BAGS[2]])
    found = quotes(texts, {"bags": [True] * 4}, min_base=1, n=4)
    assert sum(quote.startswith(same) for quote in found["quote"]) == 1
    assert len(found) == 2


def test_a_quote_is_masked_even_if_the_caller_forgot() -> None:
    texts = pd.Series(["I wrote to ann@example.com three times about my bag, said Zebrowska."] * 2 + BAGS)
    groups = pd.DataFrame({"text_id": [0], "theme": ["bags"], "start": [48], "end": [51]})
    assert texts[0][48:51] == "bag"
    found = quotes(texts, groups, min_base=1, names=["Ola Zebrowska"])
    assert found["quote"].to_list() == ["I wrote to [EMAIL] three times about my bag, said [NAME]."]


def test_a_quote_holds_the_words_of_the_theme_and_is_made_of_whole_sentences() -> None:
    long = "We flew to Rome in May. " * 12
    text = long + "Then my bag was lost for a whole week and nobody said a word. " + long
    start = text.index("bag")
    groups = pd.DataFrame({"text_id": [0], "theme": ["bags"], "start": [start], "end": [start + 3]})
    (quote,) = quotes([text], groups, min_base=1, n=1)["quote"]
    assert "my bag was lost for a whole week" in quote
    assert quote in text
    assert len(quote) <= 220


def test_a_negative_theme_is_quoted_by_a_negative_sentence() -> None:
    texts = pd.Series(
        [
            "The food was lovely. My bag was lost and the clerk was awful and rude to me.",
            "My bag arrived quickly and I was very happy with the wonderful service.",
            "I like the bag drop, it is great and the people there are friendly.",
        ]
    )
    groups = Codebook.from_text('[themes.bags]\nlabel = "Bags"\nany = ["bag"]').assign(texts)
    (bad,) = quotes(texts, groups, feelings={"bags": "negative"}, min_base=1).to_dict("records")
    assert (bad["text_id"], bad["feeling"]) == (0, "negative")
    assert bad["quote"] == "My bag was lost and the clerk was awful and rude to me."
    good = quotes(texts, groups, feelings={"bags": "positive"}, min_base=1)
    assert set(good["text_id"]) == {1, 2}


def test_without_a_wish_the_feeling_is_the_one_that_most_people_have() -> None:
    texts = pd.Series(
        [f"My bag was lost and the {word} was awful and rude to me." for word in ("clerk", "agent", "driver")]
        + ["My bag was great and I am very happy about it."]
    )
    labels = pd.Series(["negative", "negative", "negative", "positive"])
    found = quotes(texts, {"bags": [True] * 4}, labels=labels, min_base=1, n=4)
    assert found["feeling"].unique().tolist() == ["negative"]
    assert 3 not in found["text_id"].to_list()


def test_what_is_hard_to_read_aloud_is_chosen_last() -> None:
    plain = "I waited three hours on hold and then they hung up on me."
    for worse in (
        "i waited three hours on hold and then they hung up on me",
        "I WAITED THREE HOURS ON HOLD AND THEN THEY HUNG UP ON ME.",
        "I waited three damn hours on hold and then they hung up on me.",
        "And they waited three hours on hold and then they hung up on it.",
        "I waited three hours on hold with [NAME] and then they hung up on me.",
        "I waited three hours on hold and then they hung up on me!!! #fail",
    ):
        assert 0 < readability(worse) < readability(plain)
    assert readability("[HANDLE] [NAME] [URL] thanks [PHONE] ok") == 0.0
    assert readability("Never again, ever.") == 0.0


def test_mentions_that_open_and_close_a_message_are_left_out_and_no_word_is_altered() -> None:
    texts = ["@acme @bob_smith My bag came two days late and nobody called me back. #fail https://t.co/abc123"] * 1
    (quote,) = quotes(texts, {"bags": [True]}, min_base=1)["quote"]
    assert quote == "My bag came two days late and nobody called me back."


def test_same_input_same_quotes_and_missing_texts_are_nobody() -> None:
    many = pd.Series([f"My bag number {word} was lost for two days in the hall." for word in map(str, range(1200))])
    groups = pd.DataFrame({"text_id": many.index, "theme": "bags"})
    first, second = (quotes(many, groups, random_state=3) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    assert first["n"].iloc[0] == 1200
    with_gap = pd.concat([ALL, pd.Series([None], index=[99])])
    mentions = pd.DataFrame({"text_id": [*range(4), 99], "theme": "bags"})
    assert quotes(with_gap, mentions, min_base=1)["n"].iloc[0] == 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n": 0}, "at least 1, got 0"),
        ({"max_length": 20}, "at least 80 signs, got 20"),
        ({"people": pd.Series(["ann"])}, "`people` does not know every text"),
        ({"groups": {"bags": [True]}}, "has 1 values for 7 texts"),
        ({"groups": pd.DataFrame({"theme": []})}, "lacks text_id"),
        ({"texts": pd.Series(BAGS, index=[0, 0, 1, 2])}, "index label twice"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(change: dict[str, object], words: str) -> None:
    given = {"texts": ALL, "groups": {"bags": IS_BAG}} | change
    with pytest.raises(ValueError, match=re.escape(words)):
        quotes(**given)  # type: ignore[arg-type]


def test_reviews_of_an_airline_give_quotes_for_every_theme_with_enough_people() -> None:
    path = REAL_DATA / "voice" / "ba_reviews.parquet"
    if not path.exists():
        pytest.skip("shared/data/voice/ba_reviews.parquet is not there")
    frame = pd.read_parquet(path).head(250)
    book = Codebook.named("airline")
    mentions = book.assign(frame["ReviewBody"])
    found = quotes(frame["ReviewBody"], mentions, people=frame["Name"])
    n = mentions.assign(who=frame["Name"][mentions["text_id"]].to_numpy()).groupby("theme")["who"].nunique()
    assert set(found["theme"]) == set(n.index[n >= 30])
    assert (found["n"] == found["theme"].map(n)).all()
    assert found["text_id"].is_unique
    assert found["quote"].str.len().between(40, 220).all()
    assert not found["quote"].str.contains(r"@|https?:|\bfuck|\bshit", case=False).any()
    assert found.groupby("theme").size().max() == 2


def test_a_number_whose_word_for_an_order_was_cut_off_is_masked_on_the_way_out() -> None:
    texts = ["I asked about my order. 4155552671 is the number that I was given by the clerk at the desk."]
    start = texts[0].index("clerk")
    groups = pd.DataFrame({"text_id": [0], "theme": ["desk"], "start": [start], "end": [start + 5]})
    (quote,) = quotes(texts, groups, min_base=1, max_length=80)["quote"]
    assert quote == "[PHONE] is the number that I was given by the clerk at the desk."
