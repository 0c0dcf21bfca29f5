"""Codebooks, and what they miss."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxlab.demo import comments
from cxlab.problems import StudyError
from cxlab.voice import Codebook, suggest_themes
from cxlab.voice.proposals import draft_toml
from cxlab.voice.sentences import sentence_spans

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


def test_of_matches_that_overlap_the_first_and_then_the_longest_counts() -> None:
    book = Codebook.from_text('[themes.wait]\nany = ["on hold", "hold", "hold for hours", "hours later"]')
    assert matches(book, "hold for hours later", "wait") == ["hold for hours"]
    assert matches(book, "on hold for hours later", "wait") == ["on hold", "hours later"]


def test_matches_that_touch_are_two() -> None:
    assert matches(Codebook.from_text('[themes.laugh]\nregex = ["ha"]'), "haha", "laugh") == ["ha", "ha"]


def test_an_apostrophe_is_either_kind_and_terms_may_begin_with_a_sign() -> None:
    book = Codebook.from_text("""[themes.t]\nany = ["can't log in", "won’t", "#fail", "wi-fi", "24/7", "*charge"]""")
    text = "Can’t log in, won't: epic #fail a#fail! WI-FI 24/7, 124/7 a surcharge"
    assert matches(book, text, "t") == ["Can’t log in", "won't", "#fail", "WI-FI", "24/7", "surcharge"]


def test_mentions_keep_the_labels_of_the_texts_and_their_order() -> None:
    book = Codebook.from_text('[themes.b]\nany = ["bill"]\n[themes.a]\nany = ["app"]')
    days = pd.date_range("2026-01-01", periods=3)
    found = book.assign(pd.Series(["app bill", None, "bill app bill"], index=days))
    assert found["text_id"].tolist() == [days[0], days[0], days[2], days[2], days[2]]
    assert found["theme"].tolist() == ["b", "a", "b", "b", "a"]
    assert found["start"].tolist() == [4, 0, 0, 9, 5]
    assert book.assign([]).columns.tolist() == ["text_id", "theme", "start", "end", "match"]
    assert book.assign(pd.Series(["app"], dtype="string"))["match"].tolist() == ["app"]


def test_what_is_no_text_is_refused_with_its_row() -> None:
    with pytest.raises(ValueError, match=r"text `7` is 3\.5, not text"):
        Codebook.from_text('[themes.b]\nany = ["bill"]').assign(pd.Series(["bill", 3.5], index=[6, 7]))


WORDS = [
    "bill",
    "Bills",
    "BILLED",
    "on",
    "hold",
    "ſhop",
    "shop",
    "K",
    "straße",
    "don't",
    "don’t",
    "e-bill",
    "#fail",
    "3",
    "a_b",
    "é",
]
TERMS = ["bill", "bill*", "on hold", "hold on", "on * hold", "*ill*", "b*ed", "shop", "ſhop", "k", "don't", "e-bill", "#fail",
         "straße on", "* bill", "on hold bill*", "bill on", "é", "3 3", "-bill", "e-*", "a_*", "hold. on",
         "don't hold", "on & hold", "& on", "#fail on", "on *", "on hold *", "e-bill on hold", "*-*", "-* bill",
         "bill* * bill*", "** 3"]  # fmt: skip
REGEX = [r"\bbill\s+on", r"h[oa]ld", r"(?<=\s)on\b"]
GAPS = [" ", "  ", "\n", ", ", ". ", "! ", "-", " (", "\u00a0", "\t", "’ "]
some = st.lists(st.sampled_from(TERMS), max_size=4, unique=True)


@st.composite
def a_text(draw: st.DrawFn) -> str:
    words = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=12))
    return "".join(word + draw(st.sampled_from(GAPS)) for word in words) + draw(st.text("ab bill.", max_size=3))


def plainly(theme: dict[str, Any], text: str) -> list[tuple[int, int]]:
    """What a theme means, written down as plainly as it can be: each term tried at each place."""

    def of(terms: list[str]) -> set[tuple[int, int]]:
        found = set()
        for term in terms:
            words = ["\\w+" if not word.strip("*") else re.escape(word).replace("\\*", "\\w*") for word in term.split()]
            written = re.sub("['’]", "['’]", "\\s+".join(words))
            pattern = re.compile(f"(?<!\\w){written}(?!\\w)", re.IGNORECASE)
            found |= {match.span() for place in range(len(text)) if (match := pattern.match(text, place))}
        return found

    spans = of(theme["any"])
    for written in theme["regex"]:
        spans |= {match.span() for match in re.finditer(written, text, re.IGNORECASE)}
    groups = [of(group) for group in theme["all"]]
    for begin, stop in sentence_spans(text) if groups else ():
        inside = [{span for span in group if begin <= span[0] and span[1] <= stop} for group in groups]
        if all(inside):
            spans |= inside[0]
    spans = {one for one in spans if not any(one[0] < end and start < one[1] for start, end in of(theme["none"]))}
    kept: list[tuple[int, int]] = []
    for one in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not kept or one[0] >= kept[-1][1]:
            kept.append(one)
    return kept


def as_toml(themes: dict[str, dict[str, Any]]) -> str:
    return "\n".join(
        f"[themes.{name}]\n"
        + "\n".join(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in body.items() if value)
        for name, body in themes.items()
    )


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_the_fast_matcher_finds_what_plain_regular_expressions_find(data: st.DataObject) -> None:
    themes = {}
    for name in ("a", "b"):
        any_ = data.draw(some.filter(bool))
        none = [term for term in data.draw(some) if term not in any_]
        groups = data.draw(st.lists(some.filter(bool), min_size=2, max_size=2) | st.just([]))
        regex = data.draw(st.lists(st.sampled_from(REGEX), max_size=2, unique=True))
        themes[name] = {"any": any_, "none": none, "all": groups, "regex": regex}
    texts = data.draw(st.lists(a_text(), min_size=1, max_size=3))
    book = Codebook.from_text(as_toml(themes))
    found = book.assign(texts)
    told = found[["text_id", "theme", "start", "end", "match"]].to_numpy().tolist()
    assert told == [
        [row, name, start, end, text[start:end]]
        for row, text in enumerate(texts)
        for name, theme in themes.items()
        for start, end in plainly(theme, text)
    ]


def test_masks_are_no_words_of_a_theme(book: Codebook) -> None:
    assert matches(book, "[NAME] sent the bill to [EMAIL]") == ["bill"]
    assert book.assign(["[EMAIL] [PHONE] [NAME]"]).empty


def test_a_codebook_says_everything_that_is_wrong_with_it(tmp_path: Path) -> None:
    text = '[themes.a]\nany = ["x"]\nparent = "bb"\n[themes.b]\nwords = ["y"]\n[themes.c]\nregex = ["("]\n'
    with pytest.raises(StudyError) as caught:
        written(tmp_path, text)
    said = str(caught.value)
    assert len(caught.value.problems) == 4
    assert "codebook book.toml [themes.a] parent: unknown theme `bb`" in said
    assert "[themes.b]: unknown key `words`" in said
    assert "[themes.b]: has neither `any` nor `all` nor `regex`" in said
    assert "[themes.c] regex: `(`:" in said


A = '[themes.a]\nany = ["x"]\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[themes.a]\nany = "bill"', "[themes.a] any: is 'bill', not a list of strings; write it like"),
        ('[themes.a]\nany = ["bill", " Bill "]', "[themes.a] any: ` Bill ` stands there twice"),
        ('[themes.a]\nany = ["bill", " "]', "[themes.a] any: ` ` is no word"),
        ('[themes.a]\nany = ["bill", "*"]', "[themes.a] any: `*` is every word"),
        ('[themes.a]\nany = ["bill"]\nnone = ["BILL"]', "[themes.a] none: `BILL` is in `any` too, so it never counts"),
        ('[themes.a]\nall = ["bill", "twice"]', "[themes.a] all: is ['bill', 'twice'], not lists of words"),
        ('[themes.a]\nall = [["bill"]]', "[themes.a] all: has one group, ['bill']"),
        ('[themes.a]\nregex = ["x*"]', "[themes.a] regex: `x*` matches no letters at all"),
        (A + 'label = ""', "[themes.a] label: is '', not a word"),
        (A + "parent = 3", "[themes.a] parent: is 3, not a word"),
        (A + '[themes.b]\nany = ["y"]\nlabel = "A"', "[themes.b] label: `A` is the label of [themes.a] too"),
        (A + A, "name each theme and each key once"),
        (A + 'any = ["y"]', "name each theme and each key once"),
        (A + "[theme.b]", "[theme]: is no part of a codebook; did you mean `themes`?"),
        ('[codebook]\nlang = "en"\n' + A, "[codebook]: unknown key `lang`"),
        ('[codebook]\nlanguage = "English"\n' + A, "[codebook] language: `English` is no code of a language; write it like `en`"),
        ("[themes]\na = 3", "[themes.a]: is 3, not a table"),
        ("themes = 3", "[themes]: is 3, not a table; write [themes.NAME]"),
        (A + 'parent = "a"', "[themes.a] parent: goes in a circle: a → a"),
        (A + 'parent = "b"\n[themes.b]\nparent = "c"\n[themes.c]\nparent = "a"', "goes in a circle: a → b → c → a"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_codebook_is_told_once_with_key_value_and_way_out(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(StudyError) as caught:
        written(tmp_path, text)
    assert says in str(caught.value)
    assert len(caught.value.problems) == 1
    assert str(caught.value).startswith("codebook book.toml")
    assert caught.value.problems[0].way_out


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


def test_a_codebook_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes('[themes.a]\nany = ["café"]'.encode("latin-1"))
    for name, says in (("none", "there is no such file"), ("latin", "is not UTF-8"), ("", "cannot be read")):
        with pytest.raises(StudyError, match=says):
            Codebook.from_toml(tmp_path / f"{name}.toml" if name else tmp_path)
    (tmp_path / "mark.toml").write_bytes(b"\xef\xbb\xbf" + BOOK.encode())
    assert Codebook.from_toml(tmp_path / "mark.toml").labels["bag"] == "Bag"


TREE = """
[themes.journey]
label = "The journey"
touchpoint = "trip"
[themes.bag]
parent = "journey"
any = ["bag*"]
[themes.bag_lost]
parent = "bag"
touchpoint = "claims"
any = ["lost bag*", "lost"]
[themes.food]
parent = "journey"
any = ["meal*"]
[themes.price]
any = ["fare*"]
"""


def test_a_theme_without_words_is_a_heading_of_others_and_touchpoints_are_inherited() -> None:
    book = Codebook.from_text(TREE)
    assert book.ancestors("bag_lost") == ("bag", "journey")
    assert book.ancestors("price") == ()
    assert book.touchpoints == {"journey": "trip", "bag": "trip", "bag_lost": "claims", "food": "trip", "price": None}
    with pytest.raises(ValueError, match="unknown theme `bags`; did you mean `bag`"):
        book.ancestors("bags")


def test_rolled_up_a_parent_is_mentioned_where_a_theme_below_it_is_each_place_once() -> None:
    book = Codebook.from_text(TREE)
    mentions = book.assign(pd.Series(["Lost bag, lost time", "fares and meals"], index=["x", "y"]))
    assert mentions["theme"].tolist() == ["bag", "bag_lost", "bag_lost", "food", "price"]
    up = book.roll_up(mentions)
    # the bag of "Lost bag" overlaps the mention of the lost bag, so the place counts once for bags and for the journey
    assert up[["text_id", "theme", "match"]].to_numpy().tolist() == [
        ["x", "journey", "Lost bag"],
        ["x", "journey", "lost"],
        ["x", "bag", "Lost bag"],
        ["x", "bag", "lost"],
        ["x", "bag_lost", "Lost bag"],
        ["x", "bag_lost", "lost"],
        ["y", "journey", "meals"],
        ["y", "food", "meals"],
        ["y", "price", "fares"],
    ]
    pd.testing.assert_frame_equal(book.roll_up(up), up)
    assert book.roll_up(mentions.head(0)).empty
    with pytest.raises(ValueError, match="unknown theme `bags`"):
        book.roll_up(mentions.assign(theme="bags"))


def test_a_flat_codebook_rolls_up_to_itself(book: Codebook) -> None:
    mentions = book.assign(["my bill and bag", "bag"]).assign(label="negative")
    pd.testing.assert_frame_equal(book.roll_up(mentions), mentions)


def test_labels_are_given_or_made_from_the_name(book: Codebook) -> None:
    assert book.labels == {"billing": "Bills", "billing_twice": "Billing twice", "bag": "Bag"}


@pytest.mark.parametrize("name", ["airline", "subscription"])
def test_the_codebooks_that_come_with_cxlab_are_trees_with_labels_and_touchpoints(name: str) -> None:
    book = Codebook.named(name)
    parents = {theme.parent for theme in book.themes}
    roots = [theme for theme in book.themes if theme.parent is None]
    leaves = [theme for theme in book.themes if theme.name not in parents]
    assert 8 <= len(roots) <= 12
    assert 20 <= len(leaves) <= 40
    assert all(theme.touchpoint for theme in book.themes)
    assert all(2 <= len(theme.label) <= 40 for theme in book.themes)
    # every term of the book finds itself, so none is shadowed by what does not count
    for theme in book.themes:
        for term in theme.any:
            text = term.replace("*", "x")
            assert theme.name in set(book.assign([f"when {text} then"])["theme"]), (theme.name, term)


PLANTED = {"onboarding": "activation", "first_bill": "billing", "help": "service"}


def test_what_the_simulated_customers_write_about_is_found_and_esim_is_nothing_else() -> None:
    book = Codebook.named("subscription")
    for theme, feelings in comments._PHRASES.items():
        for phrase in [phrase for phrases in feelings.values() for phrase in phrases]:
            text = phrase.format(days=5, hours=4, euros=20, minutes=30, times=4)
            found = set(book.roll_up(book.assign([text]))["theme"])
            assert PLANTED.get(theme, theme) in found, text
            assert ("esim" in found) == (theme == "esim"), text
            assert theme != "esim" or found == {"esim"}, text


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


def test_forms_of_a_word_are_one_word_of_a_proposal_and_masks_and_handles_are_none(book: Codebook) -> None:
    texts = [
        f"@united [NAME] {'parking' if i % 3 else 'parked'} {'spaces' if i % 4 else 'space'} full, see https://example.com/{i}"
        for i in range(40)
    ]
    proposed = suggest_themes(texts, book, n_themes=1)
    assert proposed["n"].tolist() == [40]
    # the form that was written most often stands for a word; "parked" and "parking" have no "park" that was written
    assert {*proposed["terms"].iloc[0]} == {"parking", "parked", "spaces"}


def test_every_comment_with_a_word_that_comes_again_is_in_one_proposal(book: Codebook) -> None:
    texts = [*PARKING, *FOOD, "zebra", None, "my bill"]
    proposed = suggest_themes(texts, book, n_themes=3)
    assert proposed["n"].sum() == 26, "all but the word that nobody else uses, the missing one and the covered one"
    assert proposed["share"].sum() == pytest.approx(26 / 28)
    assert proposed["theme"].tolist() == [f"new {number}" for number in range(1, len(proposed) + 1)]


def test_examples_are_from_the_middle_of_their_theme_and_differ(book: Codebook) -> None:
    odd = ["parking", "parking was near the theatre where my cousin sings operas about rivers and parking tickets"]
    near = [
        "expensive parking, the space was full",
        "full was the parking space",
        "parking space so full, so expensive",
    ]
    texts = [*odd, *[f"parking space was full and expensive {i}" for i in range(20)], *near]
    proposed = suggest_themes(texts, book, n_themes=1)
    examples = [texts[place] for place in proposed["examples"].iloc[0]]
    assert "parking space was full and expensive 0" in examples
    assert len({text.rstrip("0123456789 ") for text in examples}) == len(examples) == 3
    assert not set(odd) & set(examples), (
        "neither what is far from the middle nor, where there are longer ones, a single word"
    )


def test_a_draft_of_the_proposals_is_a_codebook_that_covers_them(book: Codebook) -> None:
    texts = [*PARKING, "my bill", *FOOD, 'coffees, coffee’s and a \x1b quote " here']
    proposed = suggest_themes(texts, book, n_themes=2)
    draft = draft_toml(proposed, texts, book)
    assert "# 14 comments" in draft
    assert "“parking space was full and expensive number" in draft
    both = Codebook.from_text(f"{BOOK}\n{draft}")
    new = [theme for theme in both.themes if theme.name not in book.labels]
    assert len(new) == 2
    found = both.assign(texts).groupby("theme")["text_id"].nunique()
    assert sorted(found[theme.name] for theme in new) == [13, 14]
    again = draft_toml(proposed, texts, both)
    assert len(Codebook.from_text(f"{BOOK}\n{draft}\n{again}").themes) == len(both.themes) + 2, (
        "taken names get a number"
    )
    assert draft_toml(proposed.head(0), texts, book) == ""
    with pytest.raises(ValueError, match="the proposals have no column `terms`"):
        draft_toml(proposed.drop(columns="terms"), texts)


def test_a_number_of_proposals_below_one_is_refused(book: Codebook) -> None:
    for wrong in (0, -1, 2.5):
        with pytest.raises(ValueError, match="`n_themes` must be a whole number from 1"):
            suggest_themes(PARKING, book, n_themes=wrong)  # type: ignore[arg-type]


def test_another_language_is_proposed_in_its_own_words() -> None:
    book = Codebook.from_text('[codebook]\nlanguage = "de"\n[themes.a]\nany = ["rechnung"]')
    texts = [f"Der Parkplatz war leider überfüllt {i}" for i in range(15)] + [
        f"Kaffee und Kuchen köstlich {i}" for i in range(15)
    ]
    words = {word for terms in suggest_themes(texts, book, n_themes=2)["terms"] for word in terms}
    assert {"parkplatz", "überfüllt", "kaffee", "köstlich"} <= words


def test_the_same_comments_give_the_same_proposals(book: Codebook) -> None:
    rng = np.random.default_rng(1)
    words = ["seat", "gate", "queue", "food", "staff", "price", "noise", "light", "water", "screen"]
    texts = [" ".join(rng.choice(words, 5)) for _ in range(120)]
    first, again = (suggest_themes(texts, book, n_themes=4, random_state=3) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    assert len(first) == 4
    assert first["n"].is_monotonic_decreasing
    assert first["n"].nunique() > 1
    assert first["n"].sum() <= 120


def test_few_comments_or_none_with_words_give_no_proposal(book: Codebook) -> None:
    assert suggest_themes(PARKING + FOOD[:5], book).empty
    assert suggest_themes(["the and of"] * 40, book).empty
    # comments that a theme covers are none that it misses, whatever else they say
    assert suggest_themes([f"my bill, and {text}" for text in PARKING + FOOD], book).empty
