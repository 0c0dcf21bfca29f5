"""How fast are exact shares of R², beside a regression for every subset?

    python benchmarks/drivers_importance.py                 about a minute on one core
    python benchmarks/drivers_importance.py --drivers 12 15 --no-bootstrap

`plain` solves the normal equations of every subset one by one, as packages do that take any measure of fit; `stacked` solves all
subsets of one size in one call, the best that a solver can be made to do. Both run in this process on the same matrix, up to 18
drivers. R's relaimpo 2.2-7 is not run here; it was measured to need about 570 seconds for 1,000 resamples of 12 drivers, .57 for
one. `peak` is the memory that the shares take at most, in a run of its own.

Measured on one of two cores that other work shared, so that times and ratios are worth a factor of two: 12 drivers .4 ms, 527 times
as fast as `plain` and 27 as `stacked`; 15 drivers .9 ms, 2,073 and 225; 18 drivers 13 ms, 1,384 and 124; 20 drivers .04 s and 6 MB;
25 drivers 1.0 s and 40 MB; no share differs by more than 3e-16. 1,000 resamples of 12 drivers and 1,000 respondents take .17 s, of
100,000 respondents 7.4 s.
"""

from __future__ import annotations

import argparse
import tracemalloc
from collections.abc import Callable
from itertools import combinations
from time import perf_counter

import numpy as np
from threadpoolctl import threadpool_limits

from cxlab.drivers.importance import bootstrap_importance, dominance, relative_importance
from cxlab.drivers.subsets import MOST_HELD, all_r2, lmg, pmvd, sampled_lmg, shapley

MOST_SOLVED = 18
RELAIMPO_BOOTSTRAP = 570.0  # seconds for 1,000 resamples of 12 drivers


def answers(p: int, n: int = 1_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Drivers that correlate .5, and an outcome of which they explain about a third."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + rng.normal(size=(n, 1))
    return X, X @ rng.random(p) + rng.normal(size=n) * p


def correlations(p: int) -> np.ndarray:
    X, y = answers(p)
    return np.corrcoef(np.column_stack([X, y]).T)


def plain(correlation: np.ndarray) -> np.ndarray:
    """A solve for each subset."""
    p = len(correlation) - 1
    r2 = np.zeros(2**p)
    for number in range(1, 2**p):
        columns = [j for j in range(p) if number >> j & 1]
        r = correlation[columns, p]
        r2[number] = r @ np.linalg.solve(correlation[np.ix_(columns, columns)], r)
    return shapley(r2)


def stacked(correlation: np.ndarray) -> np.ndarray:
    """A solve for all subsets of one size."""
    p = len(correlation) - 1
    r2 = np.zeros(2**p)
    for size in range(1, p + 1):
        columns = np.array(list(combinations(range(p), size)))
        for part in np.array_split(columns, max(1, len(columns) * size**2 // 2**22)):
            r = correlation[part, p]
            solved = np.linalg.solve(correlation[part[:, :, None], part[:, None, :]], r[:, :, None])[:, :, 0]
            r2[(1 << part).sum(axis=1)] = (r * solved).sum(axis=1)
    return shapley(r2)


def seconds(call: Callable[[], object], repeats: int = 1) -> float:
    """The shortest of some runs."""
    found = []
    for _ in range(repeats):
        start = perf_counter()
        call()
        found.append(perf_counter() - start)
    return min(found)


def peak(call: Callable[[], object]) -> float:
    """Megabytes."""
    tracemalloc.start()
    call()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / 1e6


def shares(drivers: list[int]) -> None:
    print("drivers  subsets     seconds  peak MB   plain s   ratio  stacked s  ratio  largest difference")
    for p in drivers:
        correlation = correlations(p)
        took = seconds(lambda m=correlation: lmg(m), 5 if p <= 20 else 2)
        line = f"{p:7d}  {2**p:10,d}  {took:7.4f}  {peak(lambda m=correlation: lmg(m)):7.1f}"
        if p <= MOST_SOLVED:
            slow = seconds(lambda m=correlation: plain(m))
            stack = seconds(lambda m=correlation: stacked(m))
            off = np.abs(plain(correlation) - lmg(correlation)).max() if p <= 15 else np.nan
            off = np.nanmax([off, np.abs(stacked(correlation) - lmg(correlation)).max()])
            line += f"  {slow:8.2f}  {slow / took:6.0f}  {stack:9.2f}  {stack / took:5.0f}  {off:.1e}"
        print(line, flush=True)


def others() -> None:
    correlation = correlations(20)
    r2 = all_r2(correlation)
    print(f"\nPMVD, 20 drivers           {seconds(lambda: pmvd(r2)):7.3f} s")
    print(f"dominance, {MOST_HELD} drivers      {seconds(lambda: dominance(r2, [str(j) for j in range(20)])):7.3f} s")
    many, rng = correlations(40), np.random.default_rng(0)
    took = seconds(lambda: sampled_lmg(many, None, 2_000, rng))
    found, error = sampled_lmg(many, None, 2_000, rng)
    print(f"2,000 orders, 40 drivers   {took:7.3f} s; standard error at most {(error / found.sum()).max():.2%} of R²")


def bootstraps() -> None:
    X, y = answers(12)
    took = seconds(lambda: bootstrap_importance(X, y, n_boot=1_000), 3)
    rng = np.random.default_rng(1)

    def loop() -> None:
        for _ in range(3):
            at = rng.integers(0, len(y), len(y))
            plain(np.corrcoef(np.column_stack([X[at], y[at]]).T))

    slow = seconds(loop) / 3 * 1_000
    print(f"\n1,000 resamples of 12 drivers and 1,000 respondents: {took:.3f} s")
    print(f"  a loop of plain subsets (3 resamples, scaled): {slow:.0f} s, {slow / took:.0f} times as long")
    print(f"  relaimpo as it was measured: {RELAIMPO_BOOTSTRAP:.0f} s, {RELAIMPO_BOOTSTRAP / took:.0f} times as long")
    one = seconds(lambda: relative_importance(X, y), 5)
    print(f"  one table of shares from answers: {one:.4f} s")
    big, outcome = answers(12, 100_000)
    print(
        f"1,000 resamples of 12 drivers and 100,000 respondents: {seconds(lambda: bootstrap_importance(big, outcome)):.1f} s"
    )
    steps = np.clip(np.round(answers(6, 100_000)[0][:, :6] / 1.4) + 3, 1, 5)
    rated = np.clip(np.round(steps.mean(axis=1)), 1, 5)
    took = seconds(lambda: bootstrap_importance(steps, rated))
    print(f"1,000 resamples of 6 five-point answers of 100,000 respondents: {took:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drivers", type=int, nargs="+", default=[8, 10, 12, 15, 18, 20, 22, 25])
    parser.add_argument("--no-bootstrap", action="store_true")
    chosen = parser.parse_args()
    with threadpool_limits(1):
        shares(chosen.drivers)
        others()
        if not chosen.no_bootstrap:
            bootstraps()


if __name__ == "__main__":
    main()
