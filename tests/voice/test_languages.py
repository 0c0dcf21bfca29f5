"""Languages are told, and what is not sure is not scored."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxlab.voice import mask_pii
from cxlab.voice.languages import identify, languages, not_scored, scorable

HERE = Path(__file__).parent
DATA = HERE.parents[1].parent / "shared" / "data" / "voice"
OTHERS = tomllib.loads((HERE / "other_languages.toml").read_text("utf-8"))


def others(*parts: str) -> Iterator[tuple[str, str]]:
    return ((language, text) for part in parts for language, texts in OTHERS[part].items() for text in texts)


def test_languages_are_told_and_a_short_text_is_not_guessed() -> None:
    texts = pd.Series(
        [
            "The bill is wrong and nobody answers the phone.",
            "Die Rechnung ist falsch und niemand geht ans Telefon.",
            "La facture est fausse et personne ne répond au téléphone.",
            "Nicht gut.",
            None,
        ],
        index=list("edfsn"),
    )
    assert languages(texts).to_dict() == {"e": "en", "d": "de", "f": "fr", "s": "", "n": ""}


def test_a_probability_goes_with_every_language_that_is_told_and_with_no_other() -> None:
    table = identify(
        ["The bill is wrong and nobody answers.", "La facture est fausse et personne ne répond", "Hm", "👍", None]
    )
    assert table["language"].tolist() == ["en", "fr", "", "", ""]
    assert table["probability"].iloc[0] == 1
    assert 0.5 <= table["probability"].iloc[1] <= 1
    assert table["probability"].iloc[2:].isna().all()


def test_the_odds_are_nine_to_one_for_the_language_that_is_expected() -> None:
    text = "Flyet var forsinket, men personalet var flinke"  # Danish or Norwegian
    plain, danish = identify([text]).iloc[0], identify([text], expected="da").iloc[0]
    assert plain["language"] == "unsure"
    assert danish["language"] == "da"
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    by_itself = dict(LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True).rank(text))
    p = by_itself["da"] / (1 - by_itself["pcm"] - by_itself["zxx"])
    assert danish["probability"] == pytest.approx(9 * p / (9 * p + 1 - p), abs=1e-4)


def test_no_sentence_of_another_language_is_taken_for_english() -> None:
    """115 sentences in eighteen languages with English words in them and without accents; 36 were written after the rules."""
    spoken = list(others("long", "unseen"))
    assert len(spoken) == 115
    assert len({language for language, _text in spoken}) == 18
    table = scorable([text for _language, text in spoken], "en")
    assert not table["scored"].any()
    assert not (languages([text for _language, text in spoken]) == "en").any()


def test_a_study_in_another_language_keeps_its_own_comments() -> None:
    kept = [bool(scorable([text], language)["scored"].iloc[0]) for language, text in others("long", "unseen")]
    assert all(kept)


def test_short_comments_of_other_languages_are_left_out_but_for_one() -> None:
    texts = [text for _language, text in others("short")]
    assert all(len(text) < 20 for text in texts)
    table = scorable(texts, "en")
    assert [text for text, scored in zip(texts, table["scored"], strict=True) if scored] == ["Muy caro"]


@pytest.mark.parametrize(
    "text", ["Great service", "thanks!", "so rude", "I WAITED TWO HOURS AND NOBODY CAME", "It’s awful"]
)
def test_short_and_loud_english_is_scored(text: str) -> None:
    assert scorable([text], "en")["reason"].tolist() == [""]


def test_why_a_comment_is_not_scored_is_said_and_nothing_is_lost() -> None:
    texts = pd.Series(
        [
            "The crew was kind",
            "Die Crew war sehr nett zu uns",
            "Todo bien, muchas gracias por la ayuda",
            "[EMAIL] [URL]",
            "10/10",
            "😀",
            "  ",
            None,
            "xq zzrt",
        ],
        index=range(10, 19),
    )
    table = scorable(texts, "en")
    assert table.index.tolist() == texts.index.tolist()
    assert table["reason"].tolist() == [
        "", "in German", "in Spanish", "no words", "", "", "no text", "no text", "too short to tell the language",
    ]  # fmt: skip
    assert table["scored"].tolist() == [not reason for reason in table["reason"]]
    counted = not_scored(table)
    assert counted.to_dict("list") == {
        "reason": ["no text", "in German", "in Spanish", "no words", "too short to tell the language"],
        "n": [2, 1, 1, 1, 1],
    }
    assert counted["n"].sum() + table["scored"].sum() == len(texts)


def test_masked_data_handles_and_links_say_nothing_about_a_language() -> None:
    said = "Die Rechnung ist falsch"
    plain = identify([said])
    dressed = identify(
        [f"[NAME] @customer_service_team {said} https://example.com/the/good/of/it #thisisenglish [EMAIL]"]
    )
    assert dressed["language"].tolist() == plain["language"].tolist() == ["de"]
    assert math.isclose(dressed["probability"].iloc[0], plain["probability"].iloc[0], abs_tol=1e-6)


def test_a_language_that_is_not_likely_is_unsure() -> None:
    table = scorable(["Wqrtz plmk xcvbn ghjkl qwrtp zxcvm lkjhg"], "de")
    assert table["language"].tolist() == ["unsure"]
    assert table["reason"].tolist() == ["language unsure"]


def test_the_beginning_of_a_long_comment_tells_its_language() -> None:
    german = "Die Rechnung ist falsch und niemand geht ans Telefon. "
    assert identify([german * 200])["language"].tolist() == ["de"]
    np.testing.assert_array_equal(identify([german * 200])["probability"], identify([german * 8])["probability"])


def test_the_same_texts_give_the_same_table_in_any_order() -> None:
    texts = pd.Series([text for _language, text in others("long")])
    shuffled = texts.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(identify(texts, expected="en"), identify(shuffled, expected="en").sort_index())


@pytest.mark.realdata
def test_hardly_any_english_tweet_or_review_is_left_out() -> None:
    if not (DATA / "airline_tweets.parquet").exists():
        pytest.skip("the shared real data lacks voice/airline_tweets.parquet")
    tweets = mask_pii(pd.read_parquet(DATA / "airline_tweets.parquet")["text"].drop_duplicates().iloc[::6])
    assert scorable(tweets, "en")["scored"].mean() >= 0.99  # 0.6 % of all, and most of those say nothing
    reviews = pd.read_parquet(DATA / "ba_reviews.parquet")["ReviewBody"].iloc[::3]
    assert scorable(reviews, "en")["scored"].all()
