"""VADER's numbers, faster: equal to the last digit, whatever the text; and lists of other languages."""

from __future__ import annotations

import pickle
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vaderSentiment.vaderSentiment import BOOSTER_DICT, NEGATE, SPECIAL_CASES, SentimentIntensityAnalyzer

from cxlab.problems import StudyError
from cxlab.voice.lexicon import Lexicon
from tests.conftest import REAL_DATA

THEIRS = SentimentIntensityAnalyzer()
OURS = Lexicon.vader()
RULES = [
    *NEGATE, *BOOSTER_DICT, *" ".join(SPECIAL_CASES).split(), "no", "or", "nor", "so", "this", "least", "at", "very", "doubt", "but",
    "BUT", "kind", "of", "sort", "the", 
    "table", "x", "great", "GREAT", "awful", "Problem", "hate", "good", "WORST", "bad", "😀",
    "❤", ":)",
    ":D", "don't", "wasn’t", "ok!", "??", "!!!", "...", "#fail", "café", "İstanbul", "ß", "\u00a0", "NO", "NOT", "SO", "VERY",
]  # fmt: skip


def theirs(text: str) -> tuple[float, ...]:
    found = THEIRS.polarity_scores(text)
    return found["compound"], found["neg"], found["neu"], found["pos"]


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(RULES), st.sampled_from([" ", "  ", "", ", ", "! ", "? ", "\n"])), max_size=12)
)
def test_words_that_the_rules_are_about_score_as_with_vader(parts: list[tuple[str, str]]) -> None:
    text = "".join(word + gap for word, gap in parts)
    assert OURS.scores(text) == theirs(text)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40))
def test_any_text_scores_as_with_vader(text: str) -> None:
    assert OURS.scores(text) == theirs(text)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "!", "At least it isn't a horrible book.", "Only kind of good", "VERY good, not GOOD", "bad ass", "he is badass",
        "the shit", "bus stop", "yeah right", "kiss of death", "a dish to die for great", "no good or bad", "no more good or bad idea",
        "without doubt good", "never so good", "least good", "good but good but bad", "Good 😀😀bad", " ❤ ",
    ],
)  # fmt: skip
def test_each_rule_of_vader_is_kept(text: str) -> None:
    assert OURS.scores(text) == theirs(text)


@pytest.mark.realdata
def test_airline_tweets_score_as_with_vader() -> None:
    if not (REAL_DATA / "voice" / "airline_tweets.parquet").exists():
        pytest.skip("the shared real data lacks voice/airline_tweets.parquet")
    tweets = pd.read_parquet(REAL_DATA / "voice" / "airline_tweets.parquet")["text"].drop_duplicates().iloc[::3]
    assert [OURS.scores(text) for text in tweets] == [theirs(text) for text in tweets]


def test_words_of_ours_count_and_change_no_others() -> None:
    made = Lexicon.vader({"flawlesslyok": 2.2})
    assert made.scores("flawlesslyok")[0] > 0.4
    assert made.scores("not good") == theirs("not good")


def test_a_lexicon_travels_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(OURS)).scores("so GOOD!") == OURS.scores("so GOOD!")


def test_what_was_looked_up_is_forgotten_before_memory_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxlab.voice.lexicon._MOST_TOKENS", 5)
    made = Lexicon.vader()
    texts = [f"word{number} is not great" for number in range(30)]
    assert [made.scores(text) for text in texts] == [theirs(text) for text in texts]
    assert len(made._flags) <= 6


GERMAN = """
language = "de"
negations = ["nicht", "kein", "keine"]
[words]
gut = 1.9
schlecht = -2.5
[degree]
sehr = 0.3
"""


def test_a_list_of_another_language_brings_its_own_negations_and_degrees(tmp_path: Path) -> None:
    (tmp_path / "de.toml").write_text(GERMAN)
    made = Lexicon.from_toml(tmp_path / "de.toml")
    gut, sehr, nicht = (made.scores(text)[0] for text in ("Das ist gut", "Das ist sehr gut", "Das ist nicht gut"))
    assert nicht < 0 < gut < sehr
    # 1.9/√(1.9² + 15), and 1.9 + .3
    assert gut == round(1.9 / (1.9**2 + 15) ** 0.5, 4)
    assert sehr == round(2.2 / (2.2**2 + 15) ** 0.5, 4)
    assert made.scores("but least no good")[0] == 0  # no English word is known


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[words]\ngut = 9", "9 is no number from −4 to 4"),
        ('[words]\ngut = "ja"', "'ja' is no number"),
        ("[words]\n", "no words with numbers"),
        ("[words]\ngut = 1\n[degre]\nsehr = 1", "did you mean `degree`"),
        ('negations = "nicht"\n[words]\ngut = 1', "is no list of words"),
        ("[words", "cannot be read"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_with_the_place(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "xx.toml").write_text(text)
    with pytest.raises(StudyError, match=said) as found:
        Lexicon.from_toml(tmp_path / "xx.toml")
    assert "xx.toml" in str(found.value)
