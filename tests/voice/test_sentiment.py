"""Feeling by words: negated problems, labels and agreement."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from cxlab.voice import lexicon_sentiment, mask_pii
from cxlab.voice.sentiment import agreement, label_of, labels_of_ratings, repaired

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "voice"


def label(text: str) -> str:
    return str(lexicon_sentiment([text])["label"].iloc[0])


@pytest.mark.parametrize(
    "praise",
    [
        "no problem at all",
        "No problems at all.",
        "NO ISSUES",
        "I had no issues with the switch",
        "it runs without any delays",
        "completely trouble-free",
        "zero complaints",
        "I haven't had a problem yet",
        "can't complain",
        "could not fault them",
        "not a single error in three years",
        "never had any trouble",
        "no drama, no fuss",
    ],
)
def test_a_negated_problem_is_praise(praise: str) -> None:
    assert label(praise) == "positive"


@pytest.mark.parametrize(
    "blame",
    [
        "nothing but problems",
        "not without problems",
        "no end of trouble",
        "no reply to my complaint",
        "they never fixed the problem",
        "They could not resolve my issue",
        "My problem was never solved",
        "nobody handled the complaint",
        "without solving the problem",
        "still no solution for the fault",
    ],
)
def test_a_problem_that_nobody_solved_is_none(blame: str) -> None:
    assert label(blame) == "negative"


def test_a_problem_that_stays_is_looked_for_before_the_negation_of_one() -> None:
    assert repaired("not without problems, no delays") == "unsolvedbad, flawlesslyok"
    assert repaired("they did not fix the problem without any delay") == "they did unsolvedbad flawlesslyok"


def test_a_plain_problem_and_plain_praise_stay_what_they_are() -> None:
    assert [label(text) for text in ("I have a problem", "terrible service", "great app", "the sky", "")] == [
        "negative", "negative", "positive", "neutral", "neutral",
    ]  # fmt: skip


def test_texts_without_a_negated_problem_have_vaders_own_score() -> None:
    texts = ["Great, friendly staff!", "The bill is WRONG again :(", "It works.", "not good, not bad at all, awful"]
    texts = [text for text in texts if repaired(text) == text]
    assert len(texts) == 3
    plain = SentimentIntensityAnalyzer()
    assert lexicon_sentiment(texts)["score"].tolist() == [plain.polarity_scores(text)["compound"] for text in texts]


def test_the_label_is_cut_at_a_twentieth_on_both_sides() -> None:
    scores = pd.Series([-0.05, -0.0499, 0.0, 0.0499, 0.05, math.nan])
    assert label_of(scores).tolist() == ["negative", "neutral", "neutral", "neutral", "positive", None]


def test_the_table_has_the_index_of_the_texts_and_no_score_for_a_missing_one() -> None:
    found = lexicon_sentiment(pd.Series(["great", None, "great"], index=[7, 3, 9]))
    assert list(found.index) == [7, 3, 9]
    assert found["score"].isna().tolist() == [False, True, False]
    assert found.loc[3, "label"] is None
    assert found.loc[7, "score"] == found.loc[9, "score"]


def test_ratings_are_read_by_thirds_of_their_scale() -> None:
    stars = pd.Series([1, 2, 3, 4, 5, None])
    assert labels_of_ratings(stars, (1, 5)).tolist() == [
        "negative", "negative", "neutral", "positive", "positive", None,
    ]  # fmt: skip
    # 0 to 10: a third is 3.33
    assert labels_of_ratings(pd.Series([3, 4, 6, 7]), (0, 10)).tolist() == [
        "negative", "neutral", "neutral", "positive",
    ]  # fmt: skip


def pairs(counts: dict[tuple[str, str], int]) -> tuple[pd.Series, pd.Series]:
    rows = [pair for pair, n in counts.items() for _ in range(n)]
    return pd.Series([a for a, _ in rows]), pd.Series([b for _, b in rows])


def test_kappa_by_hand() -> None:
    ours, theirs = pairs({("positive", "positive"): 20, ("positive", "negative"): 5, ("negative", "positive"): 10,
                          ("negative", "negative"): 15})  # fmt: skip
    found = agreement(ours, theirs)
    # alike 35/50 = .7; by chance .5·.6 + .5·.4 = .5; (.7 − .5)/(1 − .5)
    assert found["kappa"] == pytest.approx(0.4)
    assert found["accuracy"] == pytest.approx(0.7)
    # F1 of positive 40/55, of negative 30/45, of neutral (nobody) 0, over three labels
    assert found["macro_f1"] == pytest.approx((40 / 55 + 30 / 45) / 3)
    assert found["n"] == 50


def test_kappa_takes_the_texts_that_both_labelled_and_agrees_with_scikit_learn() -> None:
    ours, theirs = pairs({("positive", "neutral"): 9, ("neutral", "neutral"): 12, ("negative", "negative"): 14})
    gaps = pd.concat([theirs, pd.Series([None] * 5)], ignore_index=True)
    found = agreement(pd.concat([ours, pd.Series(["positive"] * 5)], ignore_index=True), gaps)
    assert found["n"] == 35
    assert found["kappa"] == pytest.approx(cohen_kappa_score(ours, theirs))


def test_agreement_on_few_texts_or_one_answer_is_not_stated() -> None:
    ours, theirs = pairs({("positive", "positive"): 15, ("negative", "negative"): 14})
    assert math.isnan(agreement(ours, theirs)["kappa"])
    assert agreement(ours, theirs)["n"] == 29
    assert math.isnan(agreement(*pairs({("positive", "positive"): 40}))["kappa"])


@pytest.mark.realdata
def test_the_repair_of_negated_problems_does_not_cost_agreement_on_airline_tweets() -> None:
    if not (DATA / "airline_tweets.parquet").exists():
        pytest.skip("the shared real data lacks voice/airline_tweets.parquet")
    tweets = pd.read_parquet(DATA / "airline_tweets.parquet").drop_duplicates("text").iloc[::4]
    gold, texts = tweets["airline_sentiment"], mask_pii(tweets["text"])  # as comments enter: "@united" is no praise
    plain = SentimentIntensityAnalyzer()
    raw = agreement(label_of(texts.map(lambda text: plain.polarity_scores(text)["compound"])), gold)
    ours = agreement(lexicon_sentiment(texts)["label"], gold)
    # VADER on these tweets, computed independently: accuracy .552, macro-F1 .514 (± .014 on one split)
    assert raw["accuracy"] == pytest.approx(0.552, abs=0.014)
    assert raw["macro_f1"] == pytest.approx(0.514, abs=0.014)
    assert ours["macro_f1"] >= raw["macro_f1"]
