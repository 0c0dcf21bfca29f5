"""How fast is a latent class fit, beside the loop somebody would write by hand with NumPy?

    python benchmarks/latent_class.py                          small tables like the published ones, and a survey
    python benchmarks/latent_class.py --respondents 5000 --repeats 5

A fit makes 50 short searches and carries ten of them to the end, all in one stack over the distinct rows. The plain way is
EM with ten starts one after the other, until a step gains less than 1e-10 of the log-likelihood; once over all respondents,
once over the distinct rows with their weights. Tables are drawn from planted classes. The fit must be at least as good as
the plain one (less .001) before seconds of the processor are printed; one thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from cxlab.segments.latent_class import LatentClassSegmenter, bootstrap_lr


def answers(respondents: int, items: int, levels: int, k: int, seed: int) -> np.ndarray:
    """Answers of k planted classes, one in twenty missing."""
    rng = np.random.default_rng(seed)
    chances = rng.dirichlet(np.full(levels, 0.7), size=(k, items))[rng.integers(0, k, respondents)]
    drawn = (chances.cumsum(axis=2)[:, :, :-1] < rng.random((respondents, items, 1))).sum(axis=2).astype(float)
    return np.where(rng.random(drawn.shape) < 0.05, np.nan, drawn)


def plain_em(X: np.ndarray, weights: np.ndarray, k: int, n_init: int, seed: int) -> float:
    """The best log-likelihood of `n_init` starts, one after the other."""
    rng = np.random.default_rng(seed)
    blocks = [(X[:, [j]] == np.unique(X[~np.isnan(X[:, j]), j])).astype(float) for j in range(X.shape[1])]
    best = -np.inf
    for _ in range(n_init):
        posterior, last = rng.dirichlet(np.ones(k), size=len(X)), -np.inf
        while True:
            own = posterior * weights[:, None]
            logits = np.tile(np.log(np.maximum(own.sum(axis=0) / weights.sum(), 1e-300)), (len(X), 1))
            for block in blocks:
                counts = own.T @ block
                chances = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-300)
                logits += block @ np.log(np.clip(chances, 1e-12, 1)).T
            top = logits.max(axis=1, keepdims=True)
            posterior = np.exp(logits - top)
            total = posterior.sum(axis=1, keepdims=True)
            posterior /= total
            now = float(weights @ (top + np.log(total))[:, 0])
            if now - last <= 1e-10 * abs(now):
                break
            last = now
        best = max(best, now)
    return best


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Seconds of latent classes beside a plain loop.")
    parser.add_argument("--respondents", type=int, default=1_500, help="of the survey")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args(arguments)
    tables = {
        "118 × 7, 2 answers, k = 3": (118, 7, 2, 3),
        "1,202 × 4, 3 answers, k = 3": (1_202, 4, 3, 3),
        "216 × 4, 2 answers, k = 2": (216, 4, 2, 2),
        f"{given.respondents:,} × 11, 2 answers, k = 4": (given.respondents, 11, 2, 4),
        f"{given.respondents:,} × 10, 5 answers, k = 5": (given.respondents, 10, 5, 5),
    }
    with threadpool_limits(1):
        for name, (respondents, items, levels, k) in tables.items():
            spent = np.zeros(3)
            for seed in range(given.repeats):
                X = answers(respondents, items, levels, k, seed)
                rows, inverse = np.unique(np.where(np.isnan(X), -1, X), axis=0, return_inverse=True)
                rows = np.where(rows < 0, np.nan, rows)
                marks = [time.process_time()]
                ours = LatentClassSegmenter(k, random_state=seed).fit(X).log_likelihood_
                marks.append(time.process_time())
                plain = plain_em(X, np.ones(len(X)), k, 10, seed)
                marks.append(time.process_time())
                collapsed = plain_em(rows, np.bincount(inverse.ravel()).astype(float), k, 10, seed)
                marks.append(time.process_time())
                assert ours > max(plain, collapsed) - 1e-3, (name, seed, ours, plain, collapsed)
                spent += np.diff(marks) / given.repeats
            print(
                f"{name}: {spent[0]:.3f} s, plain EM {spent[1]:.3f} s (ratio {spent[0] / spent[1]:.3f}), "
                f"plain EM over distinct rows {spent[2]:.3f} s (ratio {spent[0] / spent[2]:.3f})",
                flush=True,
            )
        X = answers(given.respondents, 11, 2, 4, 0)
        start = time.process_time()
        test = bootstrap_lr(X, 5, n_boot=99, random_state=0)
        print(
            f"bootstrap test of 5 classes against 4, 99 samples: {time.process_time() - start:.1f} s, p = {test.p_value:.2f}"
        )


if __name__ == "__main__":
    main()
