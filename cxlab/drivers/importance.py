"""How much of loyalty does each driver explain? Shares of R² that stay right when drivers go together.

LMG (Lindeman, Merenda & Gold 1980; Grömping 2006): the gain in R² of a driver, averaged over all orders in which drivers
could enter. It equals the Shapley value of R², is never negative, and adds up to R². All 2^p subsets are computed in one
pass by Schur complements: each step either leaves a driver out or sweeps it, so the arrays double p times.

A share says how much, not in which direction, and never that a driver causes loyalty. That an interval of a share excludes
0 is no test: a driver of pure noise passes it every time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import comb
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Method = Literal["lmg", "pmvd", "johnson", "first", "last", "betasq", "pratt", "car"]
MOST_EXACT = 20  # drivers up to which all subsets are computed
_SINGULAR = 1e-10
_CHUNK = 2**18  # numbers held at once


def relative_importance(
    X: Any,
    y: Any,
    *,
    method: Method = "lmg",
    weights: npt.ArrayLike | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    always: Sequence[str] | None = None,
) -> pd.DataFrame:
    """One row a driver (or group): driver, importance (adds up to R²; less that of `always`), share (adds up to 1).

    X: respondents × drivers without holes, y: the outcome. `groups` = {name: [columns]} enter together, `always` are in from
    the start; both with lmg only. Raises ValueError for missing answers, a driver without spread, and drivers of which one
    follows from the others (named).

    >>> X = pd.DataFrame({"a": [1.0, 2, 3, 4, 5], "b": [1.0, -1, 1, -1, 1]})
    >>> relative_importance(X, [1.0, 2, 3, 4, 5])["share"].round(3).tolist()
    [1.0, 0.0]
    """
    table = X if isinstance(X, pd.DataFrame) else pd.DataFrame(np.asarray(X))
    names = [str(column) for column in table.columns]
    data = np.column_stack([table.to_numpy(dtype=float), np.asarray(y, dtype=float)])
    if np.isnan(data).any():
        raise ValueError(
            f"{int(np.isnan(data).any(axis=1).sum())} rows have a missing answer; leave them out and count them"
        )
    covariance = _covariance(data, None if weights is None else np.asarray(weights, dtype=float))
    correlation = _correlation(covariance, [*names, "the outcome"])
    if groups or always:
        if method != "lmg":
            raise ValueError(f"groups and always-in drivers are known to lmg alone, got method {method!r}")
        return _grouped(correlation, names, groups or {}, list(always or []))
    values = _METHODS[method](correlation)
    return pd.DataFrame({"driver": names, "importance": values, "share": values / values.sum()})


def _covariance(data: Floats, weights: Floats | None) -> Floats:
    w = np.ones(len(data)) if weights is None else weights
    centred = data - np.average(data, axis=0, weights=w)
    made: Floats = (centred * w[:, None]).T @ centred / w.sum()
    return made


def _correlation(covariance: Floats, names: list[str]) -> Floats:
    """The correlations, outcome last. Refuses columns without spread and collinear drivers by name."""
    spread = np.sqrt(np.diag(covariance))
    for name, value in zip(names, spread, strict=True):
        if not value > 0:
            raise ValueError(f"`{name}` has no spread: every answer is the same")
    correlation: Floats = covariance / np.outer(spread, spread)
    values, vectors = np.linalg.eigh(correlation[:-1, :-1])
    if values[0] <= _SINGULAR:
        together = [name for name, load in zip(names, vectors[:, 0], strict=False) if abs(load) > 0.1]
        raise ValueError(f"these drivers follow from each other: {', '.join(together)}; leave one out")
    return correlation


def all_r2(correlation: Floats) -> Floats:
    """R² of every subset; driver j is bit j of a subset's number. `correlation` is (p+1, p+1) or a stack of them."""
    stack = correlation if correlation.ndim == 3 else correlation[None]
    m = stack.shape[-1]
    columns = {(i, k): np.ascontiguousarray(stack[:, i, k]) for i in range(m) for k in range(i, m)}
    while m > 1:
        inverse = 1.0 / columns[0, 0]
        doubled = {}
        for i in range(1, m):
            factor = columns[0, i] * inverse
            for k in range(i, m):
                kept = columns[i, k]
                doubled[i - 1, k - 1] = np.concatenate([kept, kept - factor * columns[0, k]])
        columns, m = doubled, m - 1
    r2: Floats = 1.0 - columns[0, 0].reshape(-1, len(stack))
    return r2 if correlation.ndim == 3 else r2[:, 0]


def shapley(values: Floats) -> Floats:
    """Each player's share of a game, whose value is given for every subset (2^p, or 2^p × games)."""
    p = int(np.log2(len(values)))
    size = np.bitwise_count(np.arange(2**p, dtype=np.uint32)).astype(np.intp)
    joining = np.array([1.0 / (p * comb(p - 1, k)) for k in range(p)] + [0.0])
    own, before = joining[size], np.concatenate([[0.0], joining[:p]])[size]
    shape = (-1,) + (1,) * (values.ndim - 1)
    total = (own.reshape(shape) * values).sum(axis=0)
    left = values * (own + before).reshape(shape)
    shares = []
    for _ in range(p):
        shares.append(left[1::2].sum(axis=0) - total)
        left = left[0::2] + left[1::2]
    return np.stack(shares, axis=-1)


def lmg(correlation: Floats) -> Floats:
    """Shares of R² by all orders; a stack of correlation matrices gives a row each."""
    p = correlation.shape[-1] - 1
    if p > MOST_EXACT:
        raise ValueError(
            f"{p} drivers have 2^{p} subsets; use method johnson, or group drivers to {MOST_EXACT} at most"
        )
    if correlation.ndim == 2:
        return shapley(all_r2(correlation))
    step = max(1, _CHUNK >> p)
    return np.concatenate([shapley(all_r2(correlation[at : at + step])) for at in range(0, len(correlation), step)])


def _pmvd(correlation: Floats) -> Floats:
    """Proportional marginal variance decomposition: the proportional value of the dual game (Feldman 2005)."""
    r2 = all_r2(correlation)
    n, p = len(r2), int(np.log2(len(r2)))
    dual = r2[-1] - r2[::-1]
    numbers = np.arange(n)
    size = np.bitwise_count(numbers.astype(np.uint32))
    value = np.ones(n)
    for k in range(1, p + 1):
        subsets = numbers[size == k]
        total = np.zeros(len(subsets))
        for j in range(p):
            has = (subsets >> j) & 1 == 1
            total[has] += 1.0 / value[subsets[has] ^ (1 << j)]
        value[subsets] = dual[subsets] / total
    return np.array([value[-1] / value[(n - 1) ^ (1 << j)] for j in range(p)])


def closed_form(correlation: Floats, which: str) -> Floats:
    """Importances that need no subsets: johnson, car, first, betasq, pratt, last."""
    R, r = correlation[:-1, :-1], correlation[:-1, -1]
    beta = np.linalg.solve(R, r)
    values, vectors = np.linalg.eigh(R)
    root = (vectors * np.sqrt(values)) @ vectors.T
    omega = np.linalg.solve(root, r)
    made: dict[str, Any] = {
        "johnson": (root**2) @ omega**2, "car": omega**2, "first": r**2, "betasq": beta**2, "pratt": beta * r,
        "last": beta**2 / np.diag(np.linalg.inv(R)),
    }  # fmt: skip
    return np.asarray(made[which], dtype=float)


_METHODS: dict[str, Any] = {
    "lmg": lmg,
    "pmvd": _pmvd,
    **{
        name: (lambda correlation, name=name: closed_form(correlation, name))
        for name in ("johnson", "car", "first", "betasq", "pratt", "last")
    },
}


def _grouped(
    correlation: Floats, names: list[str], groups: Mapping[str, Sequence[str]], always: list[str]
) -> pd.DataFrame:
    known = {name: place for place, name in enumerate(names)}
    for name in [*always, *(column for columns in groups.values() for column in columns)]:
        if name not in known:
            raise ValueError(f"there is no driver `{name}`; there are {', '.join(names)}")
    taken = {*always, *(column for columns in groups.values() for column in columns)}
    players = {**{n: [n] for n in names if n not in taken}, **{g: list(c) for g, c in groups.items()}}
    r2 = all_r2(correlation)
    base = sum(1 << known[name] for name in always)
    subsets = np.full(2 ** len(players), base)
    for j, columns in enumerate(players.values()):
        mask = sum(1 << known[column] for column in columns)
        subsets[(np.arange(len(subsets)) >> j) & 1 == 1] |= mask
    values = shapley(r2[subsets] - r2[base])
    return pd.DataFrame({"driver": list(players), "importance": values, "share": values / values.sum()})


def resampled(
    data: Floats, n_boot: int, rng: np.random.Generator, *, clusters: Any = None, weights: Floats | None = None
) -> Floats:
    """Correlation matrices of bootstrap resamples of rows (or of whole clusters): n_boot × (p+1) × (p+1).

    Every resample is a weighting of products of pairs, so all of them are one matrix product.
    """
    centred = data - data.mean(axis=0)
    m = data.shape[1]
    upper = np.triu_indices(m)
    moments = np.concatenate([np.ones((len(data), 1)), centred, centred[:, upper[0]] * centred[:, upper[1]]], axis=1)
    if weights is not None:
        moments = moments * weights[:, None]
    if clusters is not None:
        codes = pd.factorize(np.asarray(clusters, dtype=object))[0]
        codes[codes < 0] = codes.max(initial=-1) + 1 + np.arange((codes < 0).sum())
        sums = np.zeros((codes.max() + 1, moments.shape[1]))
        np.add.at(sums, codes, moments)
        moments = sums
    n = len(moments)
    made = np.empty((n_boot, m, m))
    for at in range(0, n_boot, 200):
        size = min(200, n_boot - at)
        counts = np.stack([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(size)]).astype(float)
        drawn = counts @ moments
        mean, second = drawn[:, 1 : m + 1] / drawn[:, :1], drawn[:, m + 1 :] / drawn[:, :1]
        covariance = np.empty((size, m, m))
        covariance[:, upper[0], upper[1]] = second
        covariance[:, upper[1], upper[0]] = second
        covariance -= mean[:, :, None] * mean[:, None, :]
        spread = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
        made[at : at + size] = covariance / (spread[:, :, None] * spread[:, None, :])
    return made
