"""A study's own list of words scores comments in its language; other languages are not scored, with the reason."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from cxlab.problems import StudyError
from cxlab.voice import lexicon_sentiment
from cxlab.voice.word_lists import WordList, lexicon_for, score_with_lexicon, sentiment_by_language

GERMAN = """# Words of a German telephone company
gut\t1.9\t0.9\t[2, 1, 2]
toll\t2.5
enttäusch*\t-2.1
langsam\t-1.5
:-)\t2.0
nicht\tnot both
kein*\tnot
sehr\tmore
kaum\tless
"""


@pytest.fixture
def german(tmp_path: Path) -> WordList:
    (tmp_path / "lexicon.de.txt").write_text(GERMAN, "utf-8")
    found = lexicon_for("de", tmp_path)
    assert found is not None
    return found


def compound(total: float) -> float:
    return total / math.sqrt(total * total + 15)


@pytest.mark.parametrize(
    ("text", "total"),
    [
        ("Der Service war gut", 1.9),
        ("GUT!", 1.9),
        ("gut und toll", 1.9 + 2.5),
        ("Ich bin enttäuscht, eine Enttäuschung", -2.1 - 2.1),
        ("nicht gut", 1.9 * -0.74),
        ("Das gefällt mir gut nicht", 1.9 * -0.74),
        ("kein guter, kein gut", 1.9 * -0.74),  # "guter" is not in the list
        ("keine Hilfe, alles gut", 1.9),  # nothing reaches over a clause
        ("keine der vier Personen war gut", 1.9),  # three words at most
        ("gut kein", 1.9),  # only "not both" looks back
        ("sehr gut", 1.9 + 0.293),
        ("sehr langsam", -1.5 - 0.293),
        ("kaum gut", 1.9 - 0.293),
        ("nicht sehr gut", (1.9 + 0.293) * -0.74),
        ("nicht gut, aber auch nicht langsam", 1.9 * -0.74 + 1.5 * 0.74),
        ("Die Rechnung kam am Montag", 0.0),
        ("", 0.0),
    ],
)
def test_a_comment_is_scored_as_computed_by_hand(german: WordList, text: str, total: float) -> None:
    assert score_with_lexicon([text], german)["score"].iloc[0] == pytest.approx(compound(total), abs=1e-12)


def test_a_score_is_the_one_of_vader_where_both_have_the_same_words(german: WordList) -> None:
    theirs = SentimentIntensityAnalyzer()
    theirs.lexicon = {word: score for word, score in german.scores.items() if "*" not in word}
    text = "der service war gut und der techniker toll"
    ours = score_with_lexicon([text], german)["score"].iloc[0]
    assert ours == pytest.approx(theirs.polarity_scores(text)["compound"], abs=5e-5)  # VADER rounds to four places


def test_labels_are_cut_where_those_of_the_english_lexicon_are(german: WordList) -> None:
    table = score_with_lexicon(pd.Series(["gut", "langsam", "Montag", None], index=list("abcd")), german)
    assert table["label"].to_dict() == {"a": "positive", "b": "negative", "c": "neutral", "d": None}
    assert math.isnan(table.loc["d", "score"])


def test_a_whole_word_goes_before_a_beginning_and_a_longer_one_before_a_shorter() -> None:
    words = WordList("de", "", {"gut*": 1.0, "gutschein*": 0.5, "gutes": 3.0})
    scores = [score_with_lexicon([text], words)["score"].iloc[0] for text in ("guter", "Gutscheine", "gutes", "gu")]
    assert scores == pytest.approx([compound(total) for total in (1.0, 0.5, 3.0, 0.0)])


def test_the_same_list_may_be_written_in_toml(german: WordList, tmp_path: Path) -> None:
    (tmp_path / "toml").mkdir()
    (tmp_path / "toml" / "lexicon.de.toml").write_text(
        'language = "de"\nnegations = ["kein*"]\nnegations_both = ["nicht"]\n'
        '[words]\ngut = 1.9\ntoll = 2.5\n"enttäusch*" = -2.1\nlangsam = -1.5\n[degree]\nsehr = 0.293\nkaum = -0.293\n',
        "utf-8",
    )
    same = lexicon_for("de", tmp_path / "toml")
    assert same is not None
    assert (same.scores, same.negations, same.degree) == (german.scores, german.negations, german.degree)


def test_a_language_without_a_file_has_no_lexicon(tmp_path: Path) -> None:
    assert lexicon_for("fr", tmp_path) is None
    assert lexicon_for("fr", None) is None


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("lexicon.de.txt", "gut 1.9\n", "lexicon lexicon.de.txt line 1: `gut 1.9` has no tab"),
        (
            "lexicon.de.txt",
            "gut\t1.9\nschlecht\tno\n",
            "line 2: `no` is no number and none of not, not both, more, less",
        ),
        ("lexicon.de.txt", "gut\t19\n", "the score of `gut` is 19.0; scores lie between -4 and 4"),
        ("lexicon.de.txt", "gut\t1\nGUT\t2\n", "line 2: `GUT` is there twice"),
        ("lexicon.de.txt", "sehr gut\t1\n", "`sehr gut` is not one word"),
        ("lexicon.de.txt", "# nothing\n", "has no word with a score"),
        ("words.txt", "gut\t1\n", "says no language; name it lexicon.LANGUAGE.txt"),
        ("lexicon.de.toml", 'language = "fr"\n[words]\ngut = 1\n', "language: is `fr`; the name of the file says `de`"),
        ("lexicon.de.toml", '[words]\ngut = "x"\n[wurds]\n', "unknown key `wurds`; did you mean `words`?"),
        ("lexicon.de.toml", "[words\n", "is not valid TOML"),
    ],
)
def test_a_list_that_cannot_be_read_says_where_and_how_to_mend_it(
    name: str, text: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(StudyError) as told:
        WordList.from_file(tmp_path / name)
    assert said in str(told.value)


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "lexicon.de.txt").write_text("gut 1\nschlecht\tx\ngut\t9\n", "utf-8")
    with pytest.raises(StudyError) as told:
        WordList.from_file(tmp_path / "lexicon.de.txt")
    assert len(told.value.problems) == 3


def test_two_files_of_one_language_are_refused(tmp_path: Path) -> None:
    for ending in ("txt", "toml"):
        (tmp_path / f"lexicon.de.{ending}").write_text("gut\t1\n", "utf-8")
    with pytest.raises(StudyError, match=r"as \.toml and as \.txt; keep one"):
        lexicon_for("de", tmp_path)


def test_each_comment_is_scored_in_its_own_language_and_the_others_say_why_not(
    german: WordList, tmp_path: Path
) -> None:
    texts = pd.Series(
        [
            "The service was great and quick",
            "Der Service war gut und die Rechnung ist da",
            "Le service est très bon et la facture est juste",
            "10/10",
            None,
        ],
        index=list("edfnm"),
    )
    table = sentiment_by_language(texts, tmp_path)
    assert table["language"].to_dict() == {"e": "en", "d": "de", "f": "fr", "n": "", "m": ""}
    assert table["lexicon"].to_dict() == {"e": "VADER", "d": "lexicon.de.txt", "f": "", "n": "VADER", "m": ""}
    assert table["reason"].to_dict() == {"e": "", "d": "", "f": "no lexicon of French", "n": "", "m": "no text"}
    assert table["score"].isna().tolist() == [bool(reason) for reason in table["reason"]]
    assert table.loc["e", "score"] == lexicon_sentiment([texts["e"]])["score"].iloc[0]
    assert table.loc["d", "score"] == pytest.approx(compound(1.9))


def test_a_study_in_a_language_without_a_list_is_not_scored_at_all() -> None:
    table = sentiment_by_language(["Der Service war gut und die Rechnung ist da", "👍"], None, expected="de")
    assert table["score"].isna().all()
    assert table["reason"].tolist() == ["no lexicon of German"] * 2
    assert not np.isin(table["label"].dropna(), ["neutral"]).any()


def test_an_english_list_of_the_study_goes_before_the_one_that_comes_along(tmp_path: Path) -> None:
    (tmp_path / "lexicon.en.txt").write_text("great\t-4\n", "utf-8")
    table = sentiment_by_language(["This is a great failure of yours"], tmp_path)
    assert table["lexicon"].tolist() == ["lexicon.en.txt"]
    assert table["score"].iloc[0] == pytest.approx(compound(-4))
