"""Are planted segments found, none where none are, and the best known optimum?

    python benchmarks/segments_recovery.py                    all parts; about 15 minutes on one core
    python benchmarks/segments_recovery.py --part optimum     also: recovery, straight, null
    python benchmarks/segments_recovery.py --data FOLDER      where mcdonalds.csv and vacmot.csv lie; without them: left out

optimum: the sum of squares of 20 seeds beside the best known. recovery: five planted segments, agreement with the truth as a
share of what discriminant analysis reaches that is told the truth. straight: what straight-liners cost after `screen`.
null: how often `null_check` says "segments" of answers with and without any.

What was tried for `null_check`, on 600 × 12 answers with 20 nulls; weak segments are those .5 apart. A normal with the
covariance of the answers, rounded and cut to the scale, and three standard deviations as the line (10 sets a case): 17 of 20
sets on two dimensions are called segments, 8 of 30 weak ones are found. From here on 24 sets a case and p below .01. Nulls
with the very items and correlations, all respondents with the same spread: 35 of 72 weak ones are found; with a spread of
their own 52, and 2 of 120 sets without segments are called so. Components with the variance they have, not 1: 7 of 24 sets on
two dimensions with style are called segments. The largest distance over k, not their average: 54 of 72, but 9 of 120.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from cxlab.segments import KMeansSegmenter, null_check, screen

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "segmentation"
CUTS = np.linspace(-1.5, 1.5, 4) - 0.4  # batteries of importance are ticked high
# The smallest sums of squares of long searches; McDonald's up to six agree with R's kmeans(nstart = 1500).
MCDONALDS = dict(
    zip(range(2, 9), [2145.5037, 1818.7006, 1602.8995, 1434.6012, 1325.0876, 1241.3030, 1163.7534], strict=True)
)
VACMOT = dict(
    zip(range(2, 9), [3203.7507, 3009.4134, 2872.5585, 2751.3579, 2660.5314, 2596.7493, 2539.6787], strict=True)
)


def planted(n: int, items: int, apart: float, style: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Answers 1 to 5 and the segment of each of n respondents, five as large.

    Means of the segments differ by `apart` standard deviations of an answer (0: no segments) and add up to 0 over items;
    `style` is the SD of a respondent's level of ticking, half of it that of the log of the spread.
    """
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 5, n)
    means = rng.normal(0, apart, (5, items))
    means -= means.mean(axis=1, keepdims=True)
    return _ticked(means[truth] + rng.normal(0, style, (n, 1)), rng, style), truth


def between(n: int, items: int, style: float, seed: int) -> np.ndarray:
    """Answers of people who lie anywhere on two dimensions of needs: correlated, without segments."""
    rng = np.random.default_rng(seed)
    loads = rng.normal(0, 0.6, (2, items))
    loads -= loads.mean(axis=1, keepdims=True)
    return _ticked(rng.normal(size=(n, 2)) @ loads + rng.normal(0, style, (n, 1)), rng, style)


def _ticked(meant: np.ndarray, rng: np.random.Generator, style: float) -> np.ndarray:
    latent = meant + np.exp(rng.normal(0, style / 2, (len(meant), 1))) * rng.normal(size=meant.shape)
    return 1.0 + (latent[:, :, None] > CUTS).sum(axis=2)


def optimum(folder: Path, seeds: int) -> None:
    for name, best_known in {"mcdonalds": MCDONALDS, "vacmot": VACMOT}.items():
        path = folder / f"{name}.csv"
        if not path.exists():
            print(f"optimum {name}: left out, {path} is absent")
            continue
        table = pd.read_csv(path)
        X = (table.iloc[:, :11] == "Yes").to_numpy(dtype=float) if name == "mcdonalds" else table.to_numpy(dtype=float)
        for k, best in best_known.items():
            start = time.process_time()
            found = np.array([KMeansSegmenter(k, random_state=seed).fit(X).inertia_ for seed in range(seeds)])
            seconds = (time.process_time() - start) / seeds
            excess = 100 * (found / best - 1)
            print(
                f"optimum {name:9} k={k} best known {best:.4f}: of {seeds} seeds the best {excess.min():+.4f}%, "
                f"median {np.median(excess):+.4f}%, worst {excess.max():+.4f}%; {seconds:.2f} CPU s a fit",
                flush=True,
            )


def recovery(sets: int) -> None:
    for apart in (0.8, 0.5):
        for style in (0.0, 0.5, 1.0):
            found = np.array([_agreements(*planted(1_500, 20, apart, style, 100 + s)) for s in range(sets)])
            ours, oracle = found.mean(axis=0)
            print(
                f"recovery apart {apart} style {style}: ARI {ours:.3f}, discriminant analysis {oracle:.3f}, ratio of means "
                f"{ours / oracle:.3f}, worst of {sets} {(found[:, 0] / found[:, 1]).min():.3f}",
                flush=True,
            )


def _agreements(X: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    ours = KMeansSegmenter(5, style="center", random_state=0).fit(X).labels_
    told = LinearDiscriminantAnalysis().fit(X, truth).predict(X)
    return adjusted_rand_score(truth, ours), adjusted_rand_score(truth, told)


def straight(sets: int) -> None:
    """One in five ticks the same throughout; with slips: every second of them is a point off on one item."""
    for slips in (False, True):
        costs, refused = [], []
        for seed in range(sets):
            X, truth = planted(1_500, 20, 0.8, 0.5, 200 + seed)
            rng = np.random.default_rng(seed)
            lazy = np.repeat(rng.integers(3, 6, (375, 1)), 20, axis=1).astype(float)
            if slips:
                lazy[::2, 7] -= 1
            every = pd.DataFrame(np.vstack([X, lazy]))
            keep = screen(every)["keep"].to_numpy()
            refused.append((~keep[1_500:]).mean())
            screened = KMeansSegmenter(5, style="center", random_state=0).fit(every[keep])
            clean = KMeansSegmenter(5, style="center", random_state=0).fit(X)
            costs.append(adjusted_rand_score(truth, clean.predict(X)) - adjusted_rand_score(truth, screened.predict(X)))
        print(
            f"straight slips={slips}: refused {np.mean(refused):.0%}, cost in ARI mean {np.mean(costs):+.4f}, "
            f"worst of {sets} {max(costs):+.4f}",
            flush=True,
        )


def null(sets: int) -> None:
    cases: dict[str, Callable[[int], np.ndarray]] = {}
    for style in (0.0, 0.5, 1.0):
        cases[f"no segments, style {style}"] = lambda s, style=style: planted(600, 12, 0.0, style, s)[0]
    for style in (0.0, 0.7):
        cases[f"two dimensions, style {style}"] = lambda s, style=style: between(600, 12, style, s)
    for apart in (0.5, 0.8):
        for style in (0.0, 0.5, 1.0):
            cases[f"segments {apart}, style {style}"] = lambda s, a=apart, style=style: planted(600, 12, a, style, s)[0]
    for name, case in cases.items():
        start = time.process_time()
        said = [null_check(case(9_000 + seed), random_state=seed) for seed in range(sets)]
        seconds = (time.process_time() - start) / sets
        verdicts = Counter(one.verdict for one in said)
        low = sum(one.p_value < 0.05 for one in said)
        print(
            f"null {name:26} of {sets}: segments {verdicts['segments']}, style {verdicts['style']}, none {verdicts['none']}; "
            f"p below .05: {low}; {seconds:.1f} CPU s a check",
            flush=True,
        )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=["optimum", "recovery", "straight", "null"])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--seeds", type=int, default=20, help="of the optimum")
    parser.add_argument("--sets", type=int, default=0, help="planted sets: 10 of recovery and straight, 40 of null")
    given = parser.parse_args(arguments)
    with threadpool_limits(1):
        if given.part in (None, "optimum"):
            optimum(given.data, given.seeds)
        if given.part in (None, "recovery"):
            recovery(given.sets or 10)
        if given.part in (None, "straight"):
            straight(given.sets or 10)
        if given.part in (None, "null"):
            null(given.sets or 40)


if __name__ == "__main__":
    main()
