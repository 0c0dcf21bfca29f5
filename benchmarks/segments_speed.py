"""How fast is the stability of segments, beside a loop over scikit-learn's KMeans(n_init=10), at equal agreement?

    python benchmarks/segments_speed.py                      McDonald's, 100 pairs; 20,000 × 20 answers, 20 pairs; k = 2..8
    python benchmarks/segments_speed.py --pairs 20 --large-pairs 5
    python benchmarks/segments_speed.py --data FOLDER        where mcdonalds.csv lies; without it: answers drawn like it

Both sides run in one process on one thread, and CPU seconds are compared; the loop draws each bootstrap sample, fits and
places all respondents. The median agreement of the pairs is printed for both: faster by stopping early would show there.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from cxlab.segments import stability

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "segmentation"
KS = range(2, 9)


def mcdonalds(folder: Path) -> np.ndarray:
    """1,453 × 11 answers of yes or no."""
    path = folder / "mcdonalds.csv"
    if path.exists():
        return (pd.read_csv(path).iloc[:, :11] == "Yes").to_numpy(dtype=float)
    print(f"{path} is absent; four drawn groups instead")
    rng = np.random.default_rng(0)
    return (rng.random((1_453, 11)) < rng.beta(0.6, 0.6, (4, 11))[rng.integers(0, 4, 1_453)]).astype(float)


def likert(n: int, items: int) -> np.ndarray:
    """Answers 1 to 5 of five groups that overlap, with a level of ticking of each respondent."""
    rng = np.random.default_rng(3)
    means = rng.normal(0, 0.5, (5, items))
    latent = means[rng.integers(0, 5, n)] + rng.normal(0, 0.5, (n, 1)) + rng.normal(size=(n, items))
    return 1.0 + (latent[:, :, None] > np.linspace(-1.5, 1.5, 4) - 0.4).sum(axis=2)


def loop(X: np.ndarray, k: int, pairs: int) -> list[float]:
    """The agreement of each pair, as one would write it."""
    rng = np.random.default_rng(k)
    agreements = []
    for pair in range(pairs):
        one, other = (
            KMeans(k, n_init=10, random_state=2 * pair + side).fit(X[rng.integers(0, len(X), len(X))]).predict(X)
            for side in (0, 1)
        )
        agreements.append(adjusted_rand_score(one, other))
    return agreements


def beside(name: str, X: np.ndarray, pairs: int) -> None:
    total_ours = total_loop = 0.0
    for k in KS:
        start = time.process_time()
        ours = stability(X, k=[k], n_boot=pairs, random_state=0).pairs["ari"]
        middle = time.process_time()
        theirs = loop(X, k, pairs)
        end = time.process_time()
        total_ours, total_loop = total_ours + middle - start, total_loop + end - middle
        print(
            f"{name} k={k}, {pairs} pairs: {middle - start:.2f} CPU s, loop {end - middle:.2f}, ratio "
            f"1/{(end - middle) / (middle - start):.1f}; median ARI {ours.median():.3f}, loop {np.median(theirs):.3f}",
            flush=True,
        )
    print(
        f"{name} all: {total_ours:.1f} CPU s, loop {total_loop:.1f}, ratio 1/{total_loop / total_ours:.1f}", flush=True
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--large-pairs", type=int, default=20)
    parser.add_argument("--data", type=Path, default=DATA)
    given = parser.parse_args(arguments)
    with threadpool_limits(1):
        X = mcdonalds(given.data)
        beside(f"{len(X):,} × {X.shape[1]} yes or no", X, given.pairs)
        beside("20,000 × 20 Likert", likert(20_000, 20), given.large_pairs)


if __name__ == "__main__":
    main()
