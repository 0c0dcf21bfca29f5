"""The classifier and its numbers for a text: the same as scikit-learn's by another route, calibrated, the same every time."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.metrics import f1_score, log_loss

from cxlab.voice import SentimentClassifier, lexicon_sentiment
from cxlab.voice.classifier import calibration_error, temperature_of, tempered
from cxlab.voice.features import TextFeatures, _count_words, _learn_pieces, _learn_words, plain
from tests.conftest import REAL_DATA
from tests.voice.drawn_comments import comments

TEXTS = [
    "The bag is lost",
    "lost bag! lost bag!!",
    "great crew :)",
    "Great  crew, a great day",
    "a",
    "",
    "the bag's here, the crew is great",
]


def test_pieces_are_those_of_scikit_learn() -> None:
    texts = TEXTS * 2
    places, counts = _learn_pieces(texts)
    theirs = CountVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=3)
    expected = theirs.fit_transform(texts)
    assert set(places) == set(theirs.vocabulary_)
    order = [theirs.vocabulary_[piece] for piece in places]
    assert (counts.toarray() == expected.toarray()[:, order]).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(alphabet="ab é1!", max_size=12), min_size=1, max_size=6))
def test_pieces_of_new_texts_are_those_of_scikit_learn(texts: list[str]) -> None:
    learned = [*TEXTS, "ab ab", "aab b", "ba 1!"] * 3
    features = TextFeatures()
    features.fit_transform(learned)
    theirs = CountVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=3).fit(learned)
    order = [theirs.vocabulary_[piece] for piece in features._pieces]
    assert (features._count_pieces(texts).toarray() == theirs.transform(texts).toarray()[:, order]).all()


def test_words_and_pairs_are_weighed_as_by_scikit_learn() -> None:
    words, pairs, counts = _learn_words(TEXTS)
    theirs = TfidfVectorizer(
        ngram_range=(1, 2), min_df=2, sublinear_tf=True, token_pattern=r"\w+(?:'\w+)*|[!?]+|[:;=]['^-]?[)(dp/|]+|<3"
    )
    expected = theirs.fit_transform(TEXTS)
    names = list(words)
    ours = [*names, *(f"{names[code // len(names)]} {names[code % len(names)]}" for code in pairs)]
    assert set(ours) == set(theirs.vocabulary_)
    features = TextFeatures()
    block = features.fit_transform(TEXTS)[:, : len(ours)].toarray()
    np.testing.assert_allclose(block, expected.toarray()[:, [theirs.vocabulary_[name] for name in ours]], atol=1e-12)
    assert (_count_words(TEXTS, words, pairs).toarray() == counts.toarray()).all()


def test_who_is_written_to_and_where_a_link_goes_do_not_matter() -> None:
    assert plain("@acme help https://x.example/1") == plain("@other help www.y.example") == "[HANDLE] help [URL]"
    assert plain("mail me: a@b.example") == "mail me: a@b.example"


def test_a_planted_feeling_is_found_also_in_words_that_the_lexicon_does_not_know() -> None:
    texts, labels = comments(500)
    new, truth = comments(300, random_state=1, mistaken=0.0)
    model = SentimentClassifier(random_state=0).fit(texts, labels)
    ours = (model.predict(new) == np.array(truth)).mean()
    lexicon = (lexicon_sentiment(new)["label"].to_numpy() == np.array(truth)).mean()
    assert ours > 0.95 > lexicon


def test_calibrated_probabilities_fit_new_labels_better_and_change_none() -> None:
    texts, labels = comments(2500, mistaken=0.4)
    learn, ask, given = (texts[:450], labels[:450]), texts[450:], labels[450:]
    model = SentimentClassifier(random_state=0).fit(*learn)
    p = model.predict_proba(ask)
    before = SentimentClassifier(random_state=0, calibrated=False).fit(*learn).predict_proba(ask)
    assert p.shape == (2050, 3)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert model.temperature_ > 1  # labels drawn by luck are learned as if they meant something
    assert log_loss(given, p) < log_loss(given, before)
    assert (p.argmax(axis=1) == before.argmax(axis=1)).all()


def test_calibration_error_by_hand() -> None:
    # .9 and right, .9 and wrong: |2 · .9 − 1|; .6 and right: |.6 − 1|; three texts
    p = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6]])
    assert calibration_error(p, ["a", "b", "b"], ["a", "b"]) == pytest.approx((0.8 + 0.4) / 3)


def test_a_model_that_is_too_sure_is_softened_back_to_what_was_drawn() -> None:
    rng = np.random.default_rng(0)
    truth = rng.dirichlet([1, 1, 1], 20_000)
    drawn = np.array(["a", "b", "c"])[(truth.cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)]
    # sharpened to the power of 2, it is softened by a temperature of 2
    assert temperature_of(tempered(truth, 0.5), drawn, np.array(["a", "b", "c"])) == pytest.approx(2.0, rel=0.05)


def test_the_same_texts_give_the_same_numbers_and_a_model_travels() -> None:
    texts, labels = comments(200)
    one, other = (SentimentClassifier(random_state=0).fit(texts, labels) for _ in range(2))
    assert (one.predict_proba(texts) == other.predict_proba(texts)).all()
    assert (pickle.loads(pickle.dumps(one)).predict_proba(texts) == one.predict_proba(texts)).all()


def test_a_text_s_numbers_do_not_hang_on_what_it_is_looked_at_with() -> None:
    texts, labels = comments(200)
    model = SentimentClassifier(random_state=0).fit(texts, labels)
    new = comments(40, random_state=5)[0]
    together = model.predict_proba(new)
    alone = np.vstack([model.predict_proba([text]) for text in reversed(new)])[::-1]
    assert (together == alone).all()


def test_many_labels_are_learned_by_descent_as_scikit_learn_would_say_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxlab.voice.classifier.MANY", 100)
    texts, labels = comments(150)
    model = SentimentClassifier(random_state=0, calibrated=False).fit(texts, labels)
    assert type(model.model_).__name__ == "SGDClassifier"
    theirs = model.model_.predict_proba(model.features_.transform(texts))
    np.testing.assert_allclose(model.predict_proba(texts), theirs, atol=3e-6)  # below 1e-6 nothing is told apart


@pytest.mark.parametrize(
    ("texts", "labels", "said"),
    [
        (["a", "b"], ["positive"], "as many as"),
        (["a", "b"], ["positive", "good"], "got 'good'"),
        (["a", "b"], ["positive", "positive"], "two labels are needed"),
        (["a", None], ["positive", "negative"], "text 1 is None"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(texts: list[str], labels: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SentimentClassifier().fit(texts, labels)


@pytest.mark.realdata
def test_on_airline_tweets_a_thousand_labels_read_better_than_the_lexicon() -> None:
    path = REAL_DATA / "voice" / "airline_tweets.parquet"
    if not path.exists():
        pytest.skip("the shared real data lacks voice/airline_tweets.parquet")
    found = pd.read_parquet(path).reset_index(drop=True)
    words = found["text"].str.replace(r"@\w+|https?://\S+", " ", regex=True).str.lower()
    found = found[~words.str.replace(r"\W+", " ", regex=True).str.strip().duplicated()]
    order = np.random.RandomState(0).permutation(len(found))
    texts, labels = found["text"].to_numpy(), found["airline_sentiment"].to_numpy(str)
    model = SentimentClassifier(random_state=0).fit(texts[order[2800:3800]].tolist(), labels[order[2800:3800]])
    asked = order[:2800]
    p = model.predict_proba(texts[asked].tolist())
    read = model.classes_[p.argmax(axis=1)]
    # the whole comparison, with other splits and numbers of labels: benchmarks/voice_sentiment.py
    assert f1_score(labels[asked], read, average="macro") >= 0.71
    assert (read == labels[asked]).mean() >= 0.76
    assert calibration_error(p, labels[asked], model.classes_) <= 0.07
