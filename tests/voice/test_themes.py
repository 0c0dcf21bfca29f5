"""Codebooks, and what they miss."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxlab.problems import StudyError
from cxlab.voice import Codebook, suggest_themes

BOOK = r"""
[codebook]
name = "bags and bills"
language = "en"

[themes.billing]
label = "Bills"
touchpoint = "bill"
any = ["bill", "invoice*", "direct debit"]
none = ["pro forma invoice"]
regex = ['\bcharg(?:ed|ing)\b']

[themes.billing_twice]
parent = "billing"
all = [["charg*", "bill*"], ["twice", "double*"]]

[themes.bag]
any = ["bag", "call * times"]
"""


@pytest.fixture
def book(tmp_path: Path) -> Codebook:
    return written(tmp_path, BOOK)


def written(folder: Path, text: str) -> Codebook:
    (folder / "book.toml").write_text(text, "utf-8")
    return Codebook.from_toml(folder / "book.toml")


def matches(book: Codebook, text: str, theme: str = "billing") -> list[str]:
    found = book.assign([text])
    return found.loc[found["theme"] == theme, "match"].tolist()


def test_a_mention_has_the_span_of_its_words_in_the_text(book: Codebook) -> None:
    texts = pd.Series(["My bill, and my BAG", None, "nothing here", "two invoices: one invoice"], index=list("wxyz"))
    found = book.assign(texts)
    assert found[["text_id", "theme", "match"]].to_numpy().tolist() == [
        ["w", "billing", "bill"],
        ["w", "bag", "BAG"],
        ["z", "billing", "invoices"],
        ["z", "billing", "invoice"],
    ]
    assert all(texts[row.text_id][row.start : row.end] == row.match for row in found.itertuples())


def test_terms_are_whole_words_and_a_star_is_any_ending(book: Codebook) -> None:
    assert matches(book, "garbage bags in a handbag", "bag") == []
    assert matches(book, "bag bag-drop", "bag") == ["bag", "bag"]
    assert matches(book, "invoiced") == ["invoiced"]
    assert matches(book, "billing") == []


def test_a_blank_in_a_term_is_any_white_space_and_a_star_between_is_a_word(book: Codebook) -> None:
    assert matches(book, "by direct \n debit") == ["direct \n debit"]
    assert matches(book, "I had to call three times", "bag") == ["call three times"]


def test_what_overlaps_an_exclusion_does_not_count(book: Codebook) -> None:
    assert matches(book, "a pro forma invoice") == []
    assert matches(book, "a pro forma invoice and an invoice") == ["invoice"]


def test_groups_have_to_stand_together_in_one_sentence(book: Codebook) -> None:
    assert matches(book, "They charged me twice.", "billing_twice") == ["charged"]
    assert matches(book, "They charged me. I called twice.", "billing_twice") == []
    assert matches(book, "Doubled! Fine. You bill double, billing double.", "billing_twice") == ["bill", "billing"]


def test_a_regular_expression_ignores_case_and_overlapping_matches_count_once(book: Codebook) -> None:
    assert matches(book, "CHARGED again") == ["CHARGED"]
    found = book.assign(["charged by invoice invoice"])
    assert not found.duplicated(["text_id", "theme", "start"]).any()


def test_masks_are_no_words_of_a_theme(book: Codebook) -> None:
    assert matches(book, "[NAME] sent the bill to [EMAIL]") == ["bill"]
    assert book.assign(["[EMAIL] [PHONE] [NAME]"]).empty


def test_a_codebook_says_everything_that_is_wrong_with_it(tmp_path: Path) -> None:
    text = '[themes.a]\nany = ["x"]\nparent = "bb"\n[themes.b]\nwords = ["y"]\n[themes.c]\nregex = ["("]\n'
    with pytest.raises(StudyError) as caught:
        written(tmp_path, text)
    said = str(caught.value)
    assert len(caught.value.problems) == 4
    assert "[themes.a] parent: unknown theme `bb`" in said
    assert "[themes.b]: unknown key `words`" in said
    assert "[themes.b]: has neither `any` nor `all` nor `regex`" in said
    assert "[themes.c] regex: `(`:" in said


@pytest.mark.parametrize(("text", "says"), [("", "has no [themes"), ("[themes", "is not valid TOML")])
def test_an_empty_or_broken_codebook_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(StudyError) as caught:
        written(tmp_path, text)
    assert says in str(caught.value)


def test_a_codebook_by_name_is_the_studys_own_first_and_an_unknown_one_is_refused(tmp_path: Path) -> None:
    assert Codebook.named("subscription").name == "subscription services"
    (tmp_path / "subscription.toml").write_text(BOOK, "utf-8")
    assert Codebook.named("subscription", tmp_path).name == "bags and bills"
    with pytest.raises(StudyError, match="did you mean `subscription`"):
        Codebook.named("subscriptions", tmp_path)


def test_labels_are_given_or_made_from_the_name(book: Codebook) -> None:
    assert book.labels == {"billing": "Bills", "billing_twice": "Billing twice", "bag": "Bag"}


PARKING = [f"parking space was full and expensive number{i}" for i in range(14)]
FOOD = [f"coffee tasted cold and stale today item{i}" for i in range(12)]


def test_what_the_codebook_misses_is_proposed_in_the_order_of_its_size(book: Codebook) -> None:
    texts = [*PARKING, "my bill", *FOOD]
    found = suggest_themes(texts, book, n_themes=2)
    assert found["n"].tolist() == [14, 12]
    assert {"parking", "coffee"} <= {word for terms in found["terms"] for word in terms}
    # shares are of all comments; examples are places in the list that was given, never of a covered comment
    assert found["share"].tolist() == pytest.approx([14 / 27, 12 / 27])
    assert all(texts[place].startswith("parking") for place in found["examples"].iloc[0])
    assert all(texts[place].startswith("coffee") for place in found["examples"].iloc[1])


def test_the_same_comments_give_the_same_proposals(book: Codebook) -> None:
    rng = np.random.default_rng(1)
    words = ["seat", "gate", "queue", "food", "staff", "price", "noise", "light", "water", "screen"]
    texts = [" ".join(rng.choice(words, 5)) for _ in range(120)]
    first, again = (suggest_themes(texts, book, n_themes=4, random_state=3) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    assert len(first) == 4
    assert first["n"].sum() <= 120


def test_few_comments_or_none_with_words_give_no_proposal(book: Codebook) -> None:
    assert suggest_themes(PARKING + FOOD[:5], book).empty
    assert suggest_themes(["the and of"] * 40, book).empty
    # comments that a theme covers are none that it misses, whatever else they say
    assert suggest_themes([f"my bill, and {text}" for text in PARKING + FOOD], book).empty
