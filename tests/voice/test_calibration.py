"""Whether a classifier may replace the lexicon: each guard, the agreement by another route, and what a reader is told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score, confusion_matrix, f1_score

from cxlab.voice import CalibratedSentiment, calibrate_sentiment, lexicon_sentiment
from cxlab.voice.calibration import PROBABILITIES, _gain, near_duplicate_key
from cxlab.voice.sentiment import LABELS
from tests.conftest import REAL_DATA
from tests.voice.drawn_comments import comments

STARS = {"negative": 1, "neutral": 3, "positive": 5}


@pytest.fixture(scope="module")
def coded() -> tuple[list[str], list[str], CalibratedSentiment]:
    texts, labels = comments(300)
    return texts, labels, calibrate_sentiment(texts, gold=labels)


@pytest.fixture(scope="module")
def by_lexicon() -> CalibratedSentiment:
    return calibrate_sentiment(["great", "awful"], gold=["positive", "negative"])


def test_a_classifier_that_reads_better_replaces_the_lexicon(
    coded: tuple[list[str], list[str], CalibratedSentiment],
) -> None:
    found = coded[2]
    rows = found.agreement.set_index("method")
    assert found.method == "classifier"
    assert rows.loc["classifier", "macro_f1"] > rows.loc["lexicon", "macro_f1"]
    assert found.gain["conf_low"].iloc[0] > 0
    assert found.reason.startswith(
        f"The classifier replaces the lexicon: macro-F1 {rows.loc['classifier', 'macro_f1']:.2f} against"
    )
    assert "on 300 hand-coded comments" in found.headline()
    assert len(found.sentences()) == 3


def test_the_agreement_is_what_scikit_learn_says_of_the_confusion(
    coded: tuple[list[str], list[str], CalibratedSentiment],
) -> None:
    texts, labels, found = coded
    read = lexicon_sentiment(texts)["label"].tolist()
    row = found.agreement.set_index("method").loc["lexicon"]
    assert row["macro_f1"] == pytest.approx(f1_score(labels, read, average="macro"))
    assert row["kappa"] == pytest.approx(cohen_kappa_score(labels, read))
    assert row["accuracy"] == pytest.approx(np.mean(np.array(labels) == np.array(read)))
    assert row["conf_low"] < row["macro_f1"] < row["conf_high"]
    table = found.confusion[found.confusion["method"] == "lexicon"].set_index("given")[list(LABELS)]
    assert (table.to_numpy() == confusion_matrix(labels, read, labels=list(LABELS))).all()
    ours = found.confusion[found.confusion["method"] == "classifier"][list(LABELS)].to_numpy()
    assert np.trace(ours) / 300 == pytest.approx(found.agreement.set_index("method").loc["classifier", "accuracy"])


def test_the_gain_drawn_by_counts_is_that_of_drawing_texts() -> None:
    texts, labels = comments(150)
    given, ours = np.array(labels), np.array(comments(150, mistaken=0.0)[1])
    theirs = lexicon_sentiment(texts)["label"].to_numpy(str)

    def f1(read: np.ndarray, at: np.ndarray) -> float:
        right = [2 * ((given == label) & (read == label))[at].sum() for label in LABELS]
        either = [(given == label)[at].sum() + (read == label)[at].sum() for label in LABELS]
        return float(np.mean(np.array(right) / np.array(either)))

    everybody = np.arange(150)
    gain, low = _gain(given, ours, theirs, 0)
    expected = f1_score(given, ours, average="macro") - f1_score(given, theirs, average="macro")
    assert gain["estimate"].iloc[0] == pytest.approx(expected)
    assert f1(ours, everybody) - f1(theirs, everybody) == pytest.approx(expected)
    rng = np.random.default_rng(1)
    draws = [f1(ours, at) - f1(theirs, at) for at in rng.integers(0, 150, (1_000, 150))]
    spread = np.std(draws)
    # errors of drawing 1,000 and 2,000 times: of a standard deviation sd/√(2n), of the 5 % point √(.05 · .95/n)/φ(1.645) sd; four of them
    assert gain["std_error"].iloc[0] == pytest.approx(spread, abs=4 * spread * (1 / 2_000 + 1 / 4_000) ** 0.5)
    assert low == pytest.approx(
        np.quantile(draws, 0.05), abs=4 * spread * (0.0475 / 1_000 + 0.0475 / 2_000) ** 0.5 / 0.103
    )


def test_stars_that_go_with_the_words_are_labels_enough() -> None:
    texts, labels = comments(400, mistaken=0.05)
    found = calibrate_sentiment(texts, ratings=[STARS[label] for label in labels], scale=(1, 5))
    assert found.method == "classifier"
    assert "400 rated comments" in found.reason
    assert set(found.agreement["against"]) == {"ratings"}


@pytest.mark.parametrize("kind", ["reversed", "unrelated", "all alike"])
def test_stars_that_are_reversed_unrelated_or_alike_leave_the_lexicon(kind: str) -> None:
    texts, labels = comments(400, mistaken=0.05)
    stars = np.array([STARS[label] for label in labels])
    given = {
        "reversed": 6 - stars,
        "unrelated": np.random.default_rng(0).permutation(stars),
        "all alike": 0 * stars + 5,
    }[kind]
    found = calibrate_sentiment(texts, ratings=given, scale=(1, 5))
    assert found.method == "lexicon"
    assert ("all alike" if kind == "all alike" else "rank correlation") in found.reason
    assert found.agreement["method"].tolist() == ["lexicon"]


def test_few_labels_leave_the_lexicon() -> None:
    texts, labels = comments(99)
    assert "99 comments are labelled, and 100 are needed" in calibrate_sentiment(texts, gold=labels).reason
    texts, labels = comments(150, mistaken=0.0)
    rare = [label if label != "neutral" or place < 40 else None for place, label in enumerate(labels)]
    assert rare.count("neutral") < 15
    found = calibrate_sentiment(
        [*texts, *comments(60, random_state=9)[0]], gold=[*rare, *(["negative", "positive"] * 30)]
    )
    assert (
        f"only {rare.count('neutral')} comments are labelled neutral, and 15 of each label are needed" in found.reason
    )


def test_a_classifier_that_only_learned_noise_leaves_the_lexicon() -> None:
    texts, _ = comments(250)
    given = lexicon_sentiment(texts)["label"].to_numpy(str)
    rng = np.random.default_rng(0)
    luck = rng.random(250) < 0.2
    given[luck] = rng.choice(list(LABELS), int(luck.sum()))
    found = calibrate_sentiment([f"{text} x{rng.integers(1e9)}" for text in texts], gold=given)
    # the lexicon says what was given but for luck: nothing can be gained
    assert found.method == "lexicon"
    assert "not shown to read better" in found.reason
    assert set(found.agreement["method"]) == {"classifier", "lexicon"}


def test_a_coder_goes_before_a_star_and_judges_where_there_are_enough() -> None:
    texts, labels = comments(500, mistaken=0.0)
    wrong = {"negative": "positive", "positive": "negative", "neutral": "neutral"}
    stars = [STARS[wrong[label]] if place < 120 else STARS[label] for place, label in enumerate(labels)]
    gold = labels[:120] + [None] * 380
    found = calibrate_sentiment(texts, ratings=stars, gold=gold, scale=(1, 5))
    assert found.counts["coded"] == 120
    assert found.counts["rated_only"] == 380
    assert found.agreement["n"].tolist() == [120, 120]
    assert "120 hand-coded comments" in found.reason
    assert found.predict(texts[:120])["label"].tolist() == labels[:120]


def test_texts_that_repeat_each_other_count_once_and_the_counts_add_up() -> None:
    texts, labels = comments(110)
    again = [f"@someone {text.upper()}!! https://x.example/{place}" for place, text in enumerate(texts[:60])]
    found = calibrate_sentiment([*texts, *again, "  ", None], gold=[*labels, *labels[:60], "neutral", None])  # type: ignore[list-item]
    counts = found.counts
    assert counts["near_duplicates"] == 60
    assert counts["texts"] == counts["blank"] + counts["near_duplicates"] + counts["distinct"] == 172
    assert counts["distinct"] == counts["coded"] + counts["rated_only"] + counts["unlabelled"] == 110
    assert near_duplicate_key("?!") == "?!"  # marks alone are themselves


def test_the_coded_one_of_two_that_repeat_each_other_stays() -> None:
    found = calibrate_sentiment(["Great!", "great"], gold=[None, "positive"])
    assert found.counts["coded"] == 1


def test_each_text_has_its_row_and_probabilities_that_add_up(
    coded: tuple[list[str], list[str], CalibratedSentiment],
) -> None:
    texts, _labels, found = coded
    table = found.predict(pd.Series([texts[0], None, " ", texts[1]], index=[7, 3, 9, 1]))
    assert list(table.index) == [7, 3, 9, 1]
    assert table.columns.tolist() == ["score", "label", "probability", *PROBABILITIES, "uncertain"]
    assert table["label"].isna().tolist() == [False, True, True, False]
    assert table["uncertain"].dtype == bool
    assert not table.loc[[3, 9], "uncertain"].any()
    whole = found.predict(texts)
    np.testing.assert_allclose(whole[list(PROBABILITIES)].sum(axis=1), 1, atol=2e-6)
    np.testing.assert_allclose(whole["score"], whole["probability_positive"] - whole["probability_negative"], atol=1e-6)
    assert (whole["probability"] == whole[list(PROBABILITIES)].max(axis=1)).all()
    assert found.predict([]).empty


def test_a_fifth_goes_to_the_review_list_least_sure_first() -> None:
    texts, labels = comments(500, mistaken=0.4)
    found = calibrate_sentiment(texts[:250], gold=labels[:250])
    assert found.method == "classifier"
    new = pd.Series(texts[250:], index=range(1000, 1250))
    listed = found.review(new)
    assert 0.1 < len(listed) / 250 < 0.3
    assert listed["probability"].is_monotonic_increasing
    assert listed["text_id"].between(1000, 1249).all()
    assert listed["probability"].max() < found.predict(new).query("not uncertain")["probability"].min()


def test_the_lexicon_reviews_what_a_word_would_change(by_lexicon: CalibratedSentiment) -> None:
    texts = comments(300)[0]
    found = calibrate_sentiment(texts)
    table = found.predict(texts)
    assert found.method == "lexicon"
    assert table["probability"].isna().all()
    assert table["score"].tolist() == lexicon_sentiment(texts)["score"].tolist()
    assert by_lexicon.agreement["n"].tolist() == [2]


def test_the_same_input_gives_the_same_answer(coded: tuple[list[str], list[str], CalibratedSentiment]) -> None:
    texts, labels, found = coded
    again = calibrate_sentiment(texts, gold=labels)
    pd.testing.assert_frame_equal(found.agreement, again.agreement)
    pd.testing.assert_frame_equal(found.predict(texts), again.predict(texts))
    assert found.review_below == again.review_below


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"gold": ["positive"]}, "`gold` must be as many"),
        ({"gold": ["good", None]}, "got 'good'"),
        ({"ratings": [1]}, "`ratings` must be as many"),
        ({"ratings": [1, "five"]}, "got 'five'"),
        ({"ratings": [1, 7], "scale": (1, 5)}, "the rating 7 is off the `scale` 1 to 5"),
        ({"ratings": [1, 2], "scale": (5, 1)}, "`scale` must be"),
    ],
)
def test_what_does_not_fit_the_texts_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        calibrate_sentiment(["a", "b"], **given)  # type: ignore[arg-type]


def test_nothing_at_all_is_no_mistake() -> None:
    found = calibrate_sentiment([])
    assert found.method == "lexicon"
    assert found.counts["texts"] == 0


@pytest.mark.realdata
def test_a_model_of_tweets_is_not_taken_for_reviews() -> None:
    folder = REAL_DATA / "voice"
    if not (folder / "airline_tweets.parquet").exists() or not (folder / "ba_reviews.parquet").exists():
        pytest.skip("the shared real data lacks voice/airline_tweets.parquet or voice/ba_reviews.parquet")
    tweets = pd.read_parquet(folder / "airline_tweets.parquet").drop_duplicates("text").iloc[:1000]
    reviews = pd.read_parquet(folder / "ba_reviews.parquet").dropna(subset=["ReviewBody", "OverallRating"]).iloc[:110]
    third = np.where(
        reviews["OverallRating"] <= 4, "negative", np.where(reviews["OverallRating"] >= 7, "positive", "neutral")
    )
    said = reviews["ReviewBody"].str.slice(0, 300)
    found = calibrate_sentiment(
        [*tweets["text"], *said],
        ratings=[*tweets["airline_sentiment"].map({"negative": 1, "neutral": 2, "positive": 3}), *[None] * len(said)],
        gold=[*[None] * len(tweets), *third],
        scale=(1, 3),
    )
    rows = found.agreement.set_index("method")
    assert rows["n"].tolist() == [110, 110]  # judged on reviews alone, whatever the tweets say
    assert (found.method == "classifier") == bool(
        found.gain["conf_low"].iloc[0] > 0 and rows.loc["classifier", "kappa"] >= 0.2
    )
