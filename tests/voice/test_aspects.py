"""The feeling towards each mention: by its clause, else its sentence; and a model learned from coded mentions."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, f1_score

from cxlab.voice import Codebook, lexicon_sentiment
from cxlab.voice.aspects import ASPECTS, aspect_sentiment, fit_aspects
from cxlab.voice.sentiment import LABELS
from tests.conftest import REAL_DATA

SEMEVAL = REAL_DATA / "voice" / "semeval14_absa.parquet"
BOOK = Codebook.from_text(
    '[themes.app]\nany = ["app"]\n[themes.bill]\nany = ["bill*", "amount, on time"]\n[themes.staff]\nany = ["agent*"]\n'
)


def felt(*texts: str | None) -> pd.DataFrame:
    said = pd.Series(list(texts))
    return aspect_sentiment(said, BOOK.assign(said))


def test_one_comment_may_praise_one_thing_and_blame_another() -> None:
    found = felt("The app is great, but the bill was awful. The agents were friendly!")
    assert found[["theme", "label", "scope"]].to_numpy().tolist() == [
        ["app", "positive", "clause"],
        ["bill", "negative", "clause"],
        ["staff", "positive", "clause"],
    ]


def test_the_score_is_that_of_the_clause_and_its_place_is_told() -> None:
    text = "We chatted; the app is great, but the bill was awful."
    found = felt(text)
    for row in found.to_dict("records"):
        clause = text[row["clause_start"] : row["clause_end"]]
        assert clause in ("the app is great", "the bill was awful.")
        assert row["score"] == pytest.approx(lexicon_sentiment([clause])["score"].iloc[0])
    assert list(found) == ASPECTS


def test_a_clause_without_a_feeling_takes_its_sentence_and_no_other() -> None:
    text = "I hate Mondays. The app, the bill and the agents were great. It rained"
    found = felt(text)
    by_theme = found.set_index("theme")
    assert by_theme["scope"].to_dict() == {"app": "sentence", "bill": "clause", "staff": "clause"}
    assert by_theme.loc["app", "score"] == pytest.approx(
        lexicon_sentiment(["The app, the bill and the agents were great."])["score"].iloc[0]
    )
    plain = felt("I hate Mondays. The app has a menu").iloc[0]
    assert (plain["score"], plain["label"], plain["scope"]) == (0.0, "neutral", "sentence")


def test_a_mention_across_a_cut_takes_both_clauses() -> None:
    text = "Great amount, on time as promised, but nothing else"
    row = felt(text).iloc[0]
    assert text[row["clause_start"] : row["clause_end"]] == "Great amount, on time as promised"


def test_a_negated_problem_in_the_clause_is_praise() -> None:
    assert felt("No problems with the app, but the bill was wrong and I am angry")["label"].tolist() == [
        "positive",
        "negative",
    ]


def test_rows_keep_the_order_and_the_index_of_the_mentions() -> None:
    said = pd.Series(["good app", None, "bad bill, bad bill"], index=["x", "y", "z"])
    mentions = BOOK.assign(said).iloc[::-1].set_axis([7, 8, 9])
    found = aspect_sentiment(said, mentions)
    assert found.index.tolist() == [7, 8, 9]
    assert found["text_id"].tolist() == ["z", "z", "x"]
    assert found["label"].tolist() == ["negative", "negative", "positive"]
    none = aspect_sentiment(said, mentions.head(0))
    assert none.empty
    assert list(none) == ASPECTS


def test_a_mention_without_its_text_is_refused() -> None:
    said = pd.Series(["good app", None])
    mentions = BOOK.assign(said)
    with pytest.raises(ValueError, match="there is no text `5`"):
        aspect_sentiment(said, mentions.assign(text_id=5))
    with pytest.raises(ValueError, match="text `1` is missing; leave out its mentions"):
        aspect_sentiment(said, mentions.assign(text_id=1))
    with pytest.raises(ValueError, match=r"text `0`: 5 to 99 is no place in its 8 signs"):
        aspect_sentiment(said, mentions.assign(end=99))
    with pytest.raises(ValueError, match="two texts have the same index label"):
        aspect_sentiment(said.set_axis([0, 0]), mentions)


def study(n: int, seed: int, between: str = ", but") -> tuple[list[str], list[tuple[int, int]], list[str]]:
    """Comments on two things each, in words that the lexicon does not know: what is said of the one tells nothing of the other."""
    rng = np.random.default_rng(seed)
    words = {"positive": ["zingy", "plumed"], "negative": ["grobbled", "murked"], "neutral": ["roundish", "beige"]}
    texts, spans, labels = [], [], []
    for _ in range(n):
        one, other = rng.choice(LABELS, 2)
        text = f"the menu was {rng.choice(words[one])}{between} the chairs were {rng.choice(words[other])} for us"
        at = text.index("chairs")
        texts += [text, text]
        spans += [(4, 8), (at, at + 6)]
        labels += [str(one), str(other)]
    return texts, spans, labels


def test_a_model_learns_what_stands_near_the_mention_and_not_what_is_said_of_another() -> None:
    model = fit_aspects(*study(150, 1))
    texts, spans, labels = study(60, 2)
    assert accuracy_score(labels, model.predict(texts, spans)) > 0.95
    chances = model.predict_proba(texts, spans)
    assert chances.shape == (120, 3)
    assert chances.sum(axis=1) == pytest.approx(np.ones(120))
    by_rules = aspect_sentiment(pd.Series(["the menu was zingy, but the chairs were murked for us"]), _mentions())
    assert by_rules["label"].tolist() == ["neutral", "neutral"]
    learned = aspect_sentiment(
        pd.Series(["the menu was zingy, but the chairs were murked for us"]), _mentions(), model=model
    )
    assert learned["label"].tolist() == ["positive", "negative"]
    assert learned["score"].iloc[0] > 0.5 > -0.5 > learned["score"].iloc[1]


def test_a_model_learns_from_the_words_nearby_where_no_clause_parts_two_subjects() -> None:
    between = " as far as we could tell from there and"
    model = fit_aspects(*study(150, 1, between))
    texts, spans, labels = study(60, 2, between)
    assert accuracy_score(labels, model.predict(texts, spans)) > 0.95


def _mentions() -> pd.DataFrame:
    return pd.DataFrame({"text_id": 0, "theme": ["menu", "chairs"], "start": [4, 28], "end": [8, 34]})


def test_the_same_mentions_give_the_same_model_and_it_can_be_stored() -> None:
    one, other = fit_aspects(*study(80, 1)), fit_aspects(*study(80, 1))
    texts, spans, _ = study(20, 3)
    assert (one.predict_proba(texts, spans) == other.predict_proba(texts, spans)).all()
    assert (pickle.loads(pickle.dumps(one)).predict(texts, spans) == one.predict(texts, spans)).all()
    assert len(one.predict([], [])) == 0


def test_mentions_that_nobody_coded_are_left_out_of_the_learning() -> None:
    texts, spans, labels = study(80, 1)
    gaps = [*labels, None, float("nan")]
    model = fit_aspects([*texts, "x menu", "x menu"], [*spans, (2, 6), (2, 6)], gaps)  # type: ignore[list-item]
    assert model.n == 160


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t, s, y: (t[:50], s, y), "texts, spans and labels go together; there are 50, 160 and 160"),
        (lambda t, s, y: (t[:90], s[:90], y[:90]), "100 coded mentions are needed to learn from, there are 90"),
        (lambda t, s, y: (t, s, ["good", *y[1:]]), "row 0: `good` is no label; known: negative, neutral, positive"),
        (lambda t, s, y: (t, s, ["neutral"] * 160), "every mention is neutral; there is nothing to learn"),
        (lambda t, s, y: (t, [(3, 3), *s[1:]], y), "text `0`: 3 to 3 is no place"),
    ],
)
def test_labels_that_cannot_be_learned_from_are_refused(change: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        fit_aspects(*change(*study(80, 1)))  # type: ignore[operator]


@pytest.mark.realdata
@pytest.mark.skipif(not SEMEVAL.exists(), reason="the reviews of SemEval-2014 are not here")
@pytest.mark.parametrize(("domain", "accuracy", "macro_f1"), [("restaurant", 0.729, 0.602), ("laptop", 0.624, 0.574)])
def test_the_rules_are_as_right_on_coded_reviews_as_the_module_says(
    domain: str, accuracy: float, macro_f1: float
) -> None:
    rows = pd.read_parquet(Path(SEMEVAL)).query("domain == @domain and split == 'test'").reset_index(drop=True)
    start = rows["sentence_T"].str.index("$T$")
    mentions = pd.DataFrame(
        {"text_id": rows.index, "theme": rows["aspect"], "start": start, "end": start + rows["aspect"].str.len()}
    )
    found = aspect_sentiment(rows["text"], mentions)
    assert accuracy_score(rows["polarity"], found["label"]) == pytest.approx(accuracy, abs=0.006)
    assert f1_score(rows["polarity"], found["label"], average="macro") == pytest.approx(macro_f1, abs=0.008)
