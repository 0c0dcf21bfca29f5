"""Emotions: a small linear model in a safe file, which does what its card says and can be made again."""

from __future__ import annotations

import hashlib
import math
import re
import tomllib
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score

from cxlab.voice import emotions
from cxlab.voice.emotions import EMOTIONS, GROUPS, EmotionModel, emotion_of, shipped
from cxlab.voice.train_emotions import LABELS, card_table, figures, groups_of, main, train

ROOT = Path(__file__).resolve().parents[2]
GO_EMOTIONS = ROOT.parent / "shared" / "data" / "voice" / "go_emotions.parquet"
MODELS = Path(str(files("cxlab.voice").joinpath("models")))
SCORES = [f"{name}_score" for name in EMOTIONS]
SAID = [
    "Thank you so much, that was a great help!!",
    "I am furious. Why is the bill wrong AGAIN?",
    "i don't know what you're talking about",
    "Wow, I didn't expect that; the crew was lovely and I'm happy",
    "I'm afraid of flying and my hands were shaking",
    "The plane left at nine.",
]


@pytest.fixture(scope="module")
def go_emotions() -> pd.DataFrame:
    if not GO_EMOTIONS.exists():
        pytest.skip("the shared real data lacks voice/go_emotions.parquet")
    return pd.read_parquet(GO_EMOTIONS)


@pytest.fixture
def small() -> EmotionModel:
    """Two words and their pair; of the eight emotions only the first knows them."""
    coef = np.zeros((8, 3))
    coef[0] = [2.0, -1.0, 4.0]
    return EmotionModel(
        words=("bad", "bill"), pairs=np.array([[0, 1]]), frequency=np.array([1.0, 3.0, 1.0]), documents=7,
        coef=coef, intercept=np.full(8, -1.0), cut=np.full(8, 0.5),
    )  # fmt: skip


def planted(n: int = 240) -> pd.DataFrame:
    """Comments with one word for each emotion among words that mean nothing."""
    rng = np.random.default_rng(3)
    names = list(GROUPS)
    first = [LABELS.index(GROUPS[name][0]) for name in names]
    kind = np.arange(n) % len(names)
    fill = np.array(["the", "plane", "seat", "went", "there", "today"])
    texts = [" ".join(["[NAME]", *rng.choice(fill, 4), f"{names[k]}ish", *rng.choice(fill, 2)]) for k in kind]
    split = np.where(rng.random(n) < 0.6, "train", np.where(rng.random(n) < 0.5, "dev", "test"))
    return pd.DataFrame({"text": texts, "labels": [str(first[k]) for k in kind], "split": split})


def test_there_are_eight_columns_and_eight_scores_in_one_order_on_the_index_of_the_texts():
    found = emotions(pd.Series(SAID, index=list("abcdef")))
    assert list(found.columns) == [*EMOTIONS, *SCORES]
    assert EMOTIONS == (
        "frustration", "disappointment", "worry", "confusion", "surprise", "gratitude", "delight", "neutral"
    )  # fmt: skip
    assert list(found.index) == list("abcdef")
    assert {str(kind) for kind in found[list(EMOTIONS)].dtypes} == {"bool"}


def test_an_emotion_is_called_exactly_where_its_score_is_above_a_half():
    found = emotions(SAID)
    scores = found[SCORES].to_numpy()
    assert ((scores > 0) & (scores < 1)).all()
    assert (found[list(EMOTIONS)].to_numpy() == (scores > 0.5)).all()
    assert found["gratitude"].tolist() == [True, False, False, False, False, False]
    assert found["worry"].tolist() == [False, False, False, False, True, False]


def test_a_missing_text_is_missing_and_not_neutral():
    found = emotions(pd.Series(["Thank you!", None, np.nan]))
    assert found[list(EMOTIONS)].isna().all(axis=1).tolist() == [False, True, True]
    assert found[SCORES].isna().all(axis=1).tolist() == [False, True, True]
    assert bool(found.loc[0, "gratitude"]) is True


def test_where_no_word_is_known_nothing_is_called_and_there_is_no_score():
    found = emotions(["これは最悪です", "", "[EMAIL] [NAME]"])
    assert not found[list(EMOTIONS)].to_numpy().any()
    assert found[SCORES].isna().to_numpy().all()


def test_no_texts_give_an_empty_table():
    assert emotions([]).shape == (0, 16)


def test_masked_data_are_no_words_and_do_not_join_their_neighbours():
    plain, masked = emotions(["thank you"]), emotions(["[NAME] thank you [EMAIL]"])
    pd.testing.assert_frame_equal(plain, masked)
    apart = shipped().weighted(["thank you", "thank [NAME] you"])
    assert np.diff(apart.indptr).tolist() == [3, 2]  # two words and the pair; two words


def test_a_typographic_apostrophe_is_an_apostrophe():
    pd.testing.assert_frame_equal(emotions(["I don't know"]), emotions(["I don’t know"]))


def test_the_strongest_emotion_that_is_felt_goes_before_neutral():
    strongest = emotion_of(pd.Series([*SAID, None], index=list("abcdefg")))
    assert strongest["a"] == "gratitude"
    assert strongest["f"] == "neutral"
    assert strongest["g"] is None
    found = emotions(SAID)
    felt = found[list(EMOTIONS[:-1])].to_numpy().any(axis=1)
    assert (strongest[:6].to_numpy() != "neutral")[felt].all()


def test_the_score_is_the_one_computed_by_hand(small: EmotionModel):
    # "bad bill bad": tf bad 2, bill 1, pair "bad bill" 1 ("bill bad" is no term); 7 documents with 1, 3, 1 of the terms
    x = np.array([(1 + math.log(2)) * (1 + math.log(8 / 2)), 1 + math.log(8 / 4), 1 + math.log(8 / 2)])
    x /= math.sqrt(sum(x**2))
    z = 2 * x[0] - x[1] + 4 * x[2] - 1 - 0.5
    assert small.scores(["Bad bill, bad"])[0, 0] == pytest.approx(1 / (1 + math.exp(-z)), abs=1e-12)


def test_the_weights_of_terms_are_those_of_scikit_learn():
    model = shipped()
    terms = [*model.words, *(f"{model.words[a]} {model.words[b]}" for a, b in model.pairs)]
    theirs = TfidfVectorizer(
        vocabulary={term: place for place, term in enumerate(terms)}, ngram_range=(1, 2), sublinear_tf=True,
        token_pattern=r"\w+(?:'\w+)*|[!?]{1,3}",
    )  # fmt: skip
    theirs.idf_ = np.log((1 + model.documents) / (1 + model.frequency)) + 1
    assert abs(theirs.transform(SAID) - model.weighted(SAID)).max() < 1e-12


def test_texts_are_scored_alike_however_many_are_looked_at_together(monkeypatch: pytest.MonkeyPatch):
    whole = shipped().scores(SAID)
    monkeypatch.setitem(EmotionModel.scores.__globals__, "_CHUNK", 4)
    np.testing.assert_array_equal(shipped().scores(SAID), whole)
    np.testing.assert_allclose(np.vstack([shipped().scores([text]) for text in SAID]), whole, atol=1e-12)


def test_every_label_of_goemotions_is_in_one_group():
    assert sorted(label for labels in GROUPS.values() for label in labels) == sorted(LABELS)
    assert len(LABELS) == 28
    truth = groups_of(["2,15", "27", "1,17"])  # anger and gratitude; neutral; amusement and joy are one
    assert [[EMOTIONS[k] for k in np.flatnonzero(row)] for row in truth] == [
        ["frustration", "gratitude"], ["neutral"], ["delight"],
    ]  # fmt: skip


def test_planted_words_are_learnt_and_the_same_comments_give_the_same_bytes(tmp_path: Path):
    frame = planted()
    for name in ("a", "b"):
        train(frame).save(tmp_path / f"{name}.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    model = EmotionModel.load(tmp_path / "a.npz")
    assert (figures(model, frame[frame["split"] == "test"])["f1"] == 1).all()
    assert not any("name" in word for word in model.words)  # masked data teach nothing
    for k, name in enumerate(EMOTIONS):
        assert model.words[int(model.coef[k, : len(model.words)].argmax())] == f"{name}ish"


def test_the_file_holds_plain_arrays_and_no_pickled_object():
    with np.load(MODELS / "emotions.npz", allow_pickle=False) as stored:
        kinds = {key: stored[key].dtype.kind for key in stored.files}
        assert stored["coef"].dtype == np.float16
    assert set(kinds.values()) <= set("iufU")
    assert (MODELS / "emotions.npz").stat().st_size < 1_000_000


def test_a_pickled_model_is_refused(tmp_path: Path):
    np.savez(tmp_path / "odd.npz", format=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match=r"odd\.npz is no model of emotions: Object arrays cannot be loaded"):
        EmotionModel.load(tmp_path / "odd.npz")
    (tmp_path / "text.npz").write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"text\.npz is no model of emotions"):
        EmotionModel.load(tmp_path / "text.npz")
    with pytest.raises(ValueError, match=r"there is no model gone\.npz"):
        EmotionModel.load(tmp_path / "gone.npz")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": np.int64(2)}, "has format 2, this cxlab reads 1"),
        ({"coef": None}, "lacks `coef`"),
        ({"coef": np.zeros((8, 4), np.float16)}, r"`coef` has the shape \(8, 4\), it must be \(8, 3\)"),
        ({"cut": np.zeros(7)}, r"`cut` has the shape \(7,\)"),
        ({"intercept": np.full(8, np.nan)}, "`intercept` holds what is no number"),
        ({"pairs": np.array([[0, 2]], np.uint16)}, "`pairs` names a word that is not in `words`"),
        ({"names": np.array(EMOTIONS[::-1])}, "is about neutral, delight"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_by_what_does_not_fit(small, change, said, tmp_path: Path):
    path = tmp_path / "model.npz"
    small.save(path)
    assert EmotionModel.load(path).words == small.words
    with np.load(path) as stored:
        parts = {key: stored[key] for key in stored.files} | change
    np.savez(path, **{key: value for key, value in parts.items() if value is not None})
    with pytest.raises(ValueError, match=said):
        EmotionModel.load(path)


def test_more_terms_than_the_format_can_number_are_not_written(small: EmotionModel, tmp_path: Path):
    many = EmotionModel(
        small.words, small.pairs, np.array([1.0, 70_000.0, 1.0]), 80_000, small.coef, small.intercept, small.cut
    )
    with pytest.raises(ValueError, match="65,535"):
        many.save(tmp_path / "many.npz")


def test_the_card_names_the_source_its_licence_and_the_very_file():
    card = (MODELS / "emotions.md").read_text("utf-8")
    assert hashlib.sha256((MODELS / "emotions.npz").read_bytes()).hexdigest() in card
    for said in ("GoEmotions", "Google Research", "CC BY 4.0", "Reddit", "python -m cxlab.voice.train_emotions"):
        assert said in card


def test_the_model_and_its_card_are_packaged():
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["package-data"][
        "cxlab"
    ]
    packaged = {path.name for pattern in patterns for path in (ROOT / "cxlab").glob(pattern)}
    assert {"emotions.npz", "emotions.md"} <= packaged


def test_training_without_the_data_says_what_to_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main([str(tmp_path / "gone.parquet")]) == 2
    assert "name the parquet file of GoEmotions" in capsys.readouterr().err


@pytest.mark.realdata
def test_the_shipped_weights_reach_the_goal_on_comments_they_never_saw_as_the_card_says(go_emotions: pd.DataFrame):
    test, dev = (go_emotions[go_emotions["split"] == split] for split in ("test", "dev"))
    found = emotions(test["text"])[list(EMOTIONS)]
    f1 = f1_score(groups_of(test["labels"]), found, average=None)
    assert f1.mean() >= 0.58
    assert f1.min() >= 0.35
    ours = figures(shipped(), test)
    np.testing.assert_allclose(ours["f1"], f1, atol=1e-12)
    card = (MODELS / "emotions.md").read_text("utf-8")
    assert card_table(ours, figures(shipped(), dev)) in card
    stated = re.search(r"Macro-F1 (\.\d+)", card)
    assert stated is not None
    assert float(stated[1]) == pytest.approx(f1.mean(), abs=0.0005)


@pytest.mark.realdata
def test_training_again_gives_the_shipped_bytes(go_emotions, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main([str(GO_EMOTIONS), "--out", str(tmp_path), "--date", "2026-12-01"]) == 0
    assert (tmp_path / "emotions.npz").read_bytes() == (MODELS / "emotions.npz").read_bytes()
    card = (MODELS / "emotions.md").read_text("utf-8")
    table, _, last = capsys.readouterr().out.partition("\n\n")
    assert table in card
    assert last.split()[-1] in card
