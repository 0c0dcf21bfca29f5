"""Orders in which one thing that was observed of respondents has nothing to do with another: the reference of a permutation test.

Each draw says for every respondent whose value to take. Respondents on their own change places with one another, so a test of the
same statistic is exact where the value was handed out at random, whatever the answers look like (Fisher, *The Design of Experiments*,
1935); with a studentised statistic it holds in large samples too where only the means are the same (Janssen, *Statistics & Probability
Letters* 36, 1997; Chung & Romano, *Annals of Statistics* 41, 2013). The members of a cluster keep together: clusters of one size change
places as wholes, with clusters of up to twice their size by repeating or leaving out members; one without such a neighbour only turns
its own members round. With a handful of large clusters that is too little luck, and p-values come out too small.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from cxlab.inference.intervals import Floats

Codes = npt.NDArray[np.intp]


def cluster_codes(n: int, clusters: npt.ArrayLike | None = None) -> Codes:
    """A number from 0 upwards for the cluster of each of `n` respondents; one without a cluster is a cluster of its own.

    >>> cluster_codes(4, ["a", None, "a", None]).tolist()
    [0, 1, 0, 2]
    """
    if clusters is None:
        return np.arange(n)
    codes = pd.factorize(pd.Series(np.asarray(clusters, dtype=object)))[0].astype(np.intp)
    if len(codes) != n:
        raise ValueError(f"{len(codes)} clusters for {n} respondents; give one for each (missing is allowed)")
    alone = codes < 0
    codes[alone] = codes.max(initial=-1) + 1 + np.arange(alone.sum())
    return codes


def shuffles(codes: Codes, n_draws: int, rng: np.random.Generator) -> Iterator[Codes]:
    """`n_draws` times, whose value each respondent takes (positions), by the clusters that `codes` number.

    >>> [sorted(draw.tolist()) for draw in shuffles(np.arange(3), 2, np.random.default_rng(0))]
    [[0, 1, 2], [0, 1, 2]]
    """
    n = len(codes)
    size = np.bincount(codes) if n else np.zeros(0, dtype=np.intp)
    if (size == 1).all():
        for _ in range(n_draws):
            yield rng.permutation(n)
        return
    order = np.argsort(codes, kind="stable")
    start = np.concatenate([[0], np.cumsum(size)[:-1]])
    place = np.arange(n) - np.repeat(start, size)  # within its cluster
    classes = np.ceil(np.log2(np.maximum(size, 1))).astype(np.intp)
    alike = [np.flatnonzero(classes == one) for one in np.unique(classes)]
    whose = np.repeat(np.arange(len(size)), size)
    source = np.empty(len(size), dtype=np.intp)
    draw = np.empty(n, dtype=np.intp)
    for _ in range(n_draws):
        for members in alike:
            source[members] = rng.permutation(members)
        turn = (rng.random(len(size)) * size).astype(np.intp)
        lent = size[source][whose]
        # a member in place i of a cluster of m takes the member of a cluster of k that lies at (i + u)·k/m, turned round
        at = ((place + rng.random(len(size))[whose]) * lent / size[whose]).astype(np.intp)
        draw[order] = order[start[source][whose] + (at + turn[source][whose]) % lent]
        yield draw.copy()


def permutation_p(statistic: float, drawn: Floats, df: float) -> float:
    """Two-sided p of a studentised statistic among those of shuffled values, twice the smaller tail.

    NaN without a statistic or without draws.
    """
    known = drawn[~np.isnan(drawn)]
    if np.isnan(statistic) or not len(known) or not df > 0:
        return float("nan")
    return min(1.0, 2 * min(upper_tail(statistic, known, df), upper_tail(-statistic, -known, df)))


def upper_tail(statistic: float, drawn: Floats, df: float) -> float:
    """The share of draws that reach the statistic, which counts as one of them.

    Where fewer than one in a hundred reach as far, the tail beyond that hundredth is Student's with `df`, stretched so that it meets
    the draw there (in the spirit of Knijnenburg et al., *Bioinformatics* 25, 2009): without that, no share could be below 1/(draws + 1).

    >>> upper_tail(2.0, np.array([0.0, 1, 2, 3]), 10)
    0.6
    """
    slack = 1e-9 * max(abs(statistic), 1.0)  # draws that are the same but for rounding reach as far
    n = len(drawn) + 1
    reached = int((drawn >= statistic - slack).sum())
    few = n // 100
    if reached >= few or few < 1:
        return (reached + 1) / n
    anchor = float(np.partition(drawn, -few)[-few])
    if not 0 < anchor < statistic:
        return (reached + 1) / n
    at = (few + 1) / n
    return min(at, float(stats.t.sf(statistic * stats.t.isf(at, df) / anchor, df)))
