"""Comments from file to file: the same bytes whatever the batch or the workers, and counts that add up."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from cxlab.problems import StudyError
from cxlab.voice import CalibratedSentiment, Codebook, calibrate_sentiment, lexicon_sentiment
from cxlab.voice.stream import score_comments
from tests.voice.drawn_comments import comments


@pytest.fixture(scope="module")
def calibrated() -> CalibratedSentiment:
    texts, labels = comments(250)
    return calibrate_sentiment(texts, gold=labels)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    texts: list[str | None] = [*comments(400, random_state=3)[0], None, "  "]
    pd.DataFrame({"comment_id": [f"c{n}" for n in range(402)], "text": texts}).to_parquet(tmp_path / "comments.parquet")
    return tmp_path / "comments.parquet"


@pytest.fixture
def codebook(tmp_path: Path) -> Codebook:
    (tmp_path / "book.toml").write_text(
        '[themes.crew]\nany = ["crew", "rude", "friendly"]\n[themes.bag]\nany = ["bag*"]\n'
    )
    return Codebook.from_toml(tmp_path / "book.toml")


def test_the_files_are_the_same_bytes_whatever_the_batch_or_the_workers(
    source: Path, codebook: Codebook, calibrated: CalibratedSentiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cxlab.voice.stream._GROUP_ROWS", 150)  # several groups, none of which ends where a batch does
    made = []
    for number, (batch_rows, jobs) in enumerate([(10_000, 1), (61, 1), (150, 2)]):
        scores, mentions = tmp_path / f"s{number}.parquet", tmp_path / f"m{number}.parquet"
        told = score_comments(
            source, scores, sentiment=calibrated, codebook=codebook, mentions=mentions, batch_rows=batch_rows, jobs=jobs
        )
        made.append((scores.read_bytes(), mentions.read_bytes(), told))
    assert made[0] == made[1] == made[2]


def test_the_scores_and_mentions_are_those_of_the_texts(
    source: Path, codebook: Codebook, calibrated: CalibratedSentiment, tmp_path: Path
) -> None:
    told = score_comments(
        source,
        tmp_path / "s.parquet",
        sentiment=calibrated,
        codebook=codebook,
        mentions=tmp_path / "m.parquet",
        batch_rows=100,
    )
    texts = pd.read_parquet(source).set_index("comment_id")["text"]
    scores = pd.read_parquet(tmp_path / "s.parquet").set_index("id")
    mentions = pd.read_parquet(tmp_path / "m.parquet")
    expected = calibrated.predict(texts)
    assert list(scores.index) == list(texts.index)
    assert scores["label"].isna().tolist() == expected["label"].isna().tolist()
    assert scores.iloc[:400].equals(expected.iloc[:400].astype(scores.dtypes))
    pd.testing.assert_frame_equal(
        mentions, codebook.assign(texts.dropna()).rename(columns={"text_id": "id"})[mentions.columns], check_dtype=False
    )
    assert all(texts[row.id][row.start : row.end] == row.match for row in mentions.itertuples())
    assert (told.comments, told.scored, told.blank) == (402, 400, 2)
    assert told.mentions == len(mentions)
    assert told.mentioned == mentions["id"].nunique()
    assert sum(told.labels.values()) == told.scored
    assert told.headline().startswith("400 of 402 comments were scored (2 are blank), ")


def test_without_a_classifier_the_lexicon_scores(source: Path, tmp_path: Path) -> None:
    score_comments(source, tmp_path / "s.parquet", batch_rows=50)
    scores, texts = pd.read_parquet(tmp_path / "s.parquet"), pd.read_parquet(source)["text"]
    assert scores["score"].iloc[:400].tolist() == lexicon_sentiment(texts.iloc[:400])["score"].tolist()
    assert scores["probability"].isna().all()
    assert not scores["uncertain"].any()


def test_what_went_wrong_leaves_no_file_and_spares_the_old_one(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "s.parquet").write_text("old")
    calls = []

    def broken(*_: object) -> None:
        calls.append(1)
        raise RuntimeError("out of paper")

    monkeypatch.setattr("cxlab.voice.stream._score", broken)
    with pytest.raises(RuntimeError, match="out of paper"):
        score_comments(source, tmp_path / "s.parquet")
    assert calls
    assert (tmp_path / "s.parquet").read_text() == "old"
    assert not list(tmp_path.glob("*.part")) + list(tmp_path.glob(".*"))


def test_a_source_that_does_not_fit_is_refused_with_the_way_out(
    source: Path, tmp_path: Path, codebook: Codebook
) -> None:
    with pytest.raises(StudyError, match="no column `txt`; did you mean `text`"):
        score_comments(source, tmp_path / "s.parquet", text_col="txt")
    (tmp_path / "no.parquet").write_text("text")
    with pytest.raises(StudyError, match="cannot be read as parquet"):
        score_comments(tmp_path / "no.parquet", tmp_path / "s.parquet")
    pd.DataFrame({"comment_id": ["1"], "text": [5]}).to_parquet(tmp_path / "numbers.parquet")
    with pytest.raises(StudyError, match="holds int64, no text"):
        score_comments(tmp_path / "numbers.parquet", tmp_path / "s.parquet")
    with pytest.raises(ValueError, match="both or neither"):
        score_comments(source, tmp_path / "s.parquet", codebook=codebook)
    with pytest.raises(ValueError, match="at least 1"):
        score_comments(source, tmp_path / "s.parquet", jobs=0)
