"""How fast are comments scored, beside a plain loop over vaderSentiment, and how much memory do a million of them take?

    python benchmarks/voice_speed.py                             ratios, two workers, memory at 100,000, 300,000 and 1,000,000 comments
    python benchmarks/voice_speed.py --comments 100000 --skip-memory
    python benchmarks/voice_speed.py --data FOLDER               where airline_tweets.parquet lies

The chain is the lexicon with its repair, the classifier (learned from all tweets that are not timed) and the themes of the airline
codebook. Ratios are comments per CPU second of the chain over those of `polarity_scores` alone, in one process on one thread: the
median of rounds that take turns, because other work on the machine slows both. Comments by the million are the tweets drawn again with
a word left out and a number put in, so that few are alike. Memory is the peak of a fresh process and of its largest worker.

Measured on 2026-12-01 on a quiet machine: vaderSentiment alone 21,500 comments a CPU second; the repair of denied problems 2.26
times as many, the lexicon with it 1.44, lexicon and classifier .75, themes 3.1, the whole chain .55 to .58. From parquet to
parquet with two workers 13,800 comments a second (100,000), 19,800 (300,000) and 21,900 (1,000,000); the peak is 507 MB, of the
largest worker 364, 369 and 371 MB.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from cxlab.voice import CalibratedSentiment, Codebook, calibrate_sentiment, mask_pii
from cxlab.voice.negation import repaired
from cxlab.voice.sentiment import english, lexicon_features
from cxlab.voice.stream import score_comments

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "voice"
TIMED, ROUNDS = 3_000, 5


def tweets(folder: Path) -> pd.DataFrame:
    found = pd.read_parquet(folder / "airline_tweets.parquet").drop_duplicates("text").reset_index(drop=True)
    return found.assign(text=mask_pii(found["text"]))


def cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def ratios(found: pd.DataFrame, sentiment: CalibratedSentiment, codebook: Codebook) -> None:
    texts = found["text"].iloc[:TIMED].tolist()
    said, theirs, ours = pd.Series(texts), SentimentIntensityAnalyzer(), english()
    parts: dict[str, Callable[[], object]] = {
        "vaderSentiment alone": lambda: [theirs.polarity_scores(text) for text in texts],
        "the same numbers": lambda: ours.table(texts),
        "the repair of denied problems": lambda: [repaired(text) for text in texts],
        "lexicon with repair": lambda: lexicon_features(texts),
        "lexicon and classifier": lambda: sentiment.predict(said),
        "themes": lambda: codebook.assign(said),
        "the whole chain": lambda: (sentiment.predict(said), codebook.assign(said)),
    }
    seconds: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(ROUNDS):
        for name, work in parts.items():
            seconds[name].append(cpu(work))
    plain = np.array(seconds["vaderSentiment alone"])
    for name, measured in seconds.items():
        ratio = float(np.median(plain / np.array(measured)))
        asked = "  (asked: at least 0.35)" if name == "the whole chain" else ""
        print(
            f"{name:<32} {TIMED / np.median(measured):>9,.0f} a CPU second, {ratio:5.2f} × vaderSentiment{asked}",
            flush=True,
        )


def drawn(texts: np.ndarray, n: int, path: Path) -> None:
    """A parquet file of n comments: tweets drawn again, a word left out and a number put in."""
    rng = np.random.default_rng(0)
    schema = pa.schema([("comment_id", pa.string()), ("text", pa.string())])
    with pq.ParquetWriter(path, schema) as writer:
        for begin in range(0, n, 20_000):
            made = []
            for number, which in enumerate(rng.integers(0, len(texts), min(20_000, n - begin)), begin):
                words = str(texts[which]).split() or ["nothing"]
                words[int(rng.integers(len(words)))] = f"{number % 997}"
                made.append(" ".join(words))
            ids = [f"c{number}" for number in range(begin, begin + len(made))]
            writer.write_table(pa.table({"comment_id": ids, "text": made}, schema=schema))


def streamed(folder: Path, n: int, jobs: int) -> dict[str, float]:
    """What a fresh process needs for n comments: seconds, CPU seconds and peak memory in MB."""
    command = [sys.executable, __file__, "--child", str(folder), str(jobs)]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(told.stdout.splitlines()[-1])


def child(folder: Path, jobs: int) -> None:
    import pickle

    sentiment, codebook = pickle.loads((folder / "chain.pickle").read_bytes())  # written by this benchmark
    start = time.perf_counter()
    told = score_comments(
        folder / "comments.parquet", folder / "scores.parquet", sentiment=sentiment, codebook=codebook,
        mentions=folder / "mentions.parquet", jobs=jobs,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    from joblib.externals.loky import get_reusable_executor

    if jobs > 1:
        get_reusable_executor().shutdown(wait=True)
    own, workers = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    used = sum(usage.ru_utime + usage.ru_stime for usage in (own, workers))
    peaks = {"own": own.ru_maxrss / 1024, "worker": workers.ru_maxrss / 1024}
    print(json.dumps({"comments": told.comments, "seconds": seconds, "cpu": used, **peaks}))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comments", type=int, nargs="+", default=[100_000, 300_000, 1_000_000])
    parser.add_argument("--skip-memory", action="store_true")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.child:
        child(Path(given.child[0]), int(given.child[1]))
        return
    import pickle

    found = tweets(given.data)
    rest = found.iloc[TIMED:]
    sentiment = calibrate_sentiment(rest["text"].tolist(), gold=rest["airline_sentiment"].tolist())
    codebook = Codebook.from_toml(Path(str(files("cxlab.voice") / "codebooks" / "airline.toml")))
    print(sentiment.reason)
    ratios(found, sentiment, codebook)
    if given.skip_memory:
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "chain.pickle").write_bytes(pickle.dumps((sentiment, codebook)))
        for n in given.comments:
            drawn(found["text"].to_numpy(), n, folder / "comments.parquet")
            for jobs in (1, 2) if n == given.comments[0] else (2,):
                told = streamed(folder, n, jobs)
                print(
                    f"{n:>9,} comments, {jobs} worker{'s' if jobs > 1 else ''}: {n / told['seconds']:,.0f} a second, "
                    f"{n / told['cpu']:,.0f} a CPU second; peak {told['own']:,.0f} MB, largest worker {told['worker']:,.0f} MB",
                    flush=True,
                )


if __name__ == "__main__":
    main()
