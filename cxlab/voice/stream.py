"""How are millions of comments scored, without holding them in memory? From one parquet file to another, a batch at a time.

One row of the file of scores is one comment, in the order of the source: its id, score (−1 to 1), label, probability (of the label),
probability_negative, …_neutral, …_positive, uncertain. One row of the file of mentions is one mention of a theme of the codebook: id,
theme, start, end, match. A missing or blank comment has an id and no score. The text itself is not written: mask personal data before,
because `match` quotes it.

Batches are read one after the other (pyarrow), scored in worker processes (joblib) and written in order, in groups of rows whose size
is fixed. Each comment is scored by itself, so the files are the same bytes whatever the size of a batch or the number of workers, and
memory depends on neither the length of the source nor of the files.
"""

from __future__ import annotations

import os
import pickle
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cxlab.problems import Problem, StudyError, did_you_mean
from cxlab.voice.calibration import PROBABILITIES, CalibratedSentiment
from cxlab.voice.sentiment import lexicon_sentiment
from cxlab.voice.themes import Codebook

BATCH_ROWS = 10_000
_GROUP_ROWS = 50_000  # rows of a group in the files that are written, whatever was read
_MENTIONS = ("theme", "start", "end", "match")


@dataclass(frozen=True)
class Streamed:
    """What became of a file: comments read, scored, blank (they add up), mentions, comments with a mention, uncertain, and of each
    label how many."""

    comments: int
    scored: int
    blank: int
    uncertain: int
    mentions: int
    mentioned: int
    labels: dict[str, int]

    def headline(self) -> str:
        """The counts in a sentence."""
        themes = f", {self.mentions:,} mentions of themes in {self.mentioned:,} of them" if self.mentions else ""
        return f"{self.scored:,} of {self.comments:,} comments were scored ({self.blank:,} are blank){themes}."


def score_comments(
    source: Path | str,
    scores: Path | str,
    *,
    sentiment: CalibratedSentiment | None = None,
    codebook: Codebook | None = None,
    mentions: Path | str | None = None,
    text_col: str = "text",
    id_col: str = "comment_id",
    batch_rows: int = BATCH_ROWS,
    jobs: int = 1,
) -> Streamed:
    """Score the comments of a parquet file and find their themes, writing one file of scores and, with a codebook, one of mentions.

    sentiment: as `calibrate_sentiment` gave it; without one the lexicon (no probabilities, nobody uncertain). jobs: worker processes.
    A file that is half written never stands under its name. StudyError for a source that cannot be read or lacks a column; ValueError
    for the other arguments.
    """
    if batch_rows < 1 or jobs < 1:
        raise ValueError(f"`batch_rows` and `jobs` must be at least 1, got {batch_rows} and {jobs}")
    if (codebook is None) != (mentions is None):
        raise ValueError("give `codebook` and `mentions` (the file to write) both or neither")
    file = _opened(Path(source), text_col, id_col)
    id_type = file.schema_arrow.field(id_col).type
    counted = {"comments": 0, "scored": 0, "uncertain": 0, "mentions": 0, "mentioned": 0}
    labels: dict[str, int] = {}
    with tempfile.TemporaryDirectory(prefix="cxlab-") as folder:
        chain = Path(folder) / "chain.pickle"  # made here and read by our own workers only, then deleted
        chain.write_bytes(pickle.dumps(_Chain(sentiment, codebook)))
        with (
            _Written(Path(scores), _score_schema(id_type)) as written,
            _Written(Path(mentions), _mention_schema(id_type)) if mentions is not None else _Nowhere() as found,
        ):
            for part in _scored(_batches(file, text_col, id_col, batch_rows), str(chain), jobs):
                written.add(part.scores)
                counted["comments"] += part.scores.num_rows
                counted["scored"] += part.scores.num_rows - part.scores["label"].null_count
                counted["uncertain"] += part.uncertain
                for label, n in part.labels.items():
                    labels[label] = labels.get(label, 0) + n
                if part.mentions is not None:
                    found.add(part.mentions)
                    counted["mentions"] += part.mentions.num_rows
                    counted["mentioned"] += part.mentioned
    return Streamed(
        **counted,
        blank=counted["comments"] - counted["scored"],
        labels={label: labels[label] for label in sorted(labels)},
    )


@dataclass(frozen=True)
class _Chain:
    """What is done with each batch."""

    sentiment: CalibratedSentiment | None
    codebook: Codebook | None


@dataclass(frozen=True)
class _Part:
    """What a worker gives back of one batch."""

    scores: pa.Table
    mentions: pa.Table | None
    uncertain: int
    mentioned: int
    labels: dict[str, int]


def _batches(file: pq.ParquetFile, text_col: str, id_col: str, batch_rows: int) -> Iterator[tuple[pa.Array, pa.Array]]:
    for batch in file.iter_batches(batch_size=batch_rows, columns=[id_col, text_col]):
        yield batch.column(id_col), batch.column(text_col)


def _scored(batches: Iterator[tuple[pa.Array, pa.Array]], chain: str, jobs: int) -> Iterator[_Part]:
    """The parts in the order of the batches; a few batches are under way at once, never all."""
    if jobs == 1:
        yield from (_score(chain, ids, texts) for ids, texts in batches)
        return
    from joblib import Parallel, delayed

    run = Parallel(n_jobs=jobs, return_as="generator", pre_dispatch=jobs + 2, batch_size=1, max_nbytes=None)
    yield from run(delayed(_score)(chain, ids, texts) for ids, texts in batches)


@lru_cache(maxsize=1)
def _chain_at(path: str) -> _Chain:
    made: _Chain = pickle.loads(Path(path).read_bytes())
    return made


def _score(chain: str, ids: pa.Array, texts: pa.Array) -> _Part:
    how = _chain_at(chain)
    said = pd.Series(texts.to_pylist(), dtype=object)
    said = said.where(said.map(lambda text: isinstance(text, str) and bool(text.strip())), None)
    if how.sentiment is None:
        found = lexicon_sentiment(said).assign(probability=float("nan"), uncertain=False)
        found[list(PROBABILITIES)] = float("nan")
    else:
        found = how.sentiment.predict(said)
    table = pa.table(
        {
            "id": ids,
            "score": pa.array(found["score"], pa.float64(), from_pandas=True),
            "label": pa.array(found["label"].tolist(), pa.string()),
            **{name: pa.array(found[name], pa.float64(), from_pandas=True) for name in ("probability", *PROBABILITIES)},
            "uncertain": pa.array(found["uncertain"].to_numpy(dtype=bool)),
        },
        schema=_score_schema(ids.type),
    )
    labels = {str(label): int(n) for label, n in found["label"].value_counts().items()}
    if how.codebook is None:
        return _Part(table, None, int(found["uncertain"].sum()), 0, labels)
    rows = how.codebook.assign(said)
    mentions = pa.table(
        {
            "id": ids.take(pa.array(rows["text_id"].to_numpy(dtype="int64"))),
            "theme": pa.array(rows["theme"].astype(str).tolist(), pa.string()),
            "start": pa.array(rows["start"].to_numpy(dtype="int64")),
            "end": pa.array(rows["end"].to_numpy(dtype="int64")),
            "match": pa.array(rows["match"].tolist(), pa.string()),
        },
        schema=_mention_schema(ids.type),
    )
    return _Part(table, mentions, int(found["uncertain"].sum()), int(rows["text_id"].nunique()), labels)


def _score_schema(id_type: pa.DataType) -> pa.Schema:
    numbers = [(name, pa.float64()) for name in ("probability", *PROBABILITIES)]
    return pa.schema(
        [("id", id_type), ("score", pa.float64()), ("label", pa.string()), *numbers, ("uncertain", pa.bool_())]
    )


def _mention_schema(id_type: pa.DataType) -> pa.Schema:
    return pa.schema(
        [("id", id_type), ("theme", pa.string()), ("start", pa.int64()), ("end", pa.int64()), ("match", pa.string())]
    )


def _opened(source: Path, text_col: str, id_col: str) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(source)
    except (OSError, pa.ArrowInvalid) as error:
        raise StudyError(
            Problem(source.name, f"cannot be read as parquet: {error}", "give a parquet file of comments")
        ) from None
    names = file.schema_arrow.names
    for column in (id_col, text_col):
        if column not in names:
            raise StudyError(Problem(source.name, f"there is no column `{column}`", did_you_mean(column, names)))
    if not pa.types.is_string(file.schema_arrow.field(text_col).type) and not pa.types.is_large_string(
        file.schema_arrow.field(text_col).type
    ):
        kind = file.schema_arrow.field(text_col).type
        raise StudyError(Problem(source.name, f"`{text_col}` holds {kind}, no text", "name the column of the comments"))
    return file


class _Written:
    """A parquet file that is written in groups of rows of one size and stands under its name only when it is whole."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path, self._schema = path, schema
        self._draft = path.with_name(f".{path.name}.{os.getpid()}.part")

    def __enter__(self) -> _Written:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = pq.ParquetWriter(self._draft, self._schema, compression="zstd")
        self._waiting: list[pa.Table] = []
        self._rows = 0
        return self

    def add(self, table: pa.Table) -> None:
        self._waiting.append(table)
        self._rows += table.num_rows
        while self._rows >= _GROUP_ROWS:
            self._flush(_GROUP_ROWS)

    def _flush(self, rows: int) -> None:
        whole = pa.concat_tables(self._waiting).combine_chunks()
        self._writer.write_table(whole.slice(0, rows).combine_chunks(), row_group_size=_GROUP_ROWS)
        rest = whole.slice(rows)
        self._waiting, self._rows = ([rest] if rest.num_rows else []), rest.num_rows

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is None and self._rows:
            self._flush(self._rows)
        self._writer.close()
        if kind is None:
            self._draft.replace(self._path)
        else:
            self._draft.unlink(missing_ok=True)


class _Nowhere:
    """Where mentions go without a codebook."""

    def __enter__(self) -> _Nowhere:
        return self

    def add(self, table: pa.Table) -> None:
        raise AssertionError("there is no codebook, and mentions were found")

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        return None
