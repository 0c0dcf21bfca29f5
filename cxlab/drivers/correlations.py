"""Can these drivers be told apart at all? The correlation matrix that importance rests on, checked before any arithmetic.

One row of the answers is one respondent who answered everything: a missing answer is refused and named, never filled or left out
here. A column without spread has no correlation. Where one driver follows from others (the smallest eigenvalue of the drivers'
correlations is `SINGULAR` or less) every division of R² between them is arbitrary; they are named, one group a dependence.

A matrix put together pair by pair, each correlation from other respondents, may belong to no possible set of answers: some
eigenvalue is negative. It is refused, or on request replaced by the nearest correlation matrix (Higham, *IMA Journal of Numerical
Analysis* 22, 2002), and the largest change that this took is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from cxlab.inference.intervals import Floats, check_weights

SINGULAR = 1e-10  # smallest eigenvalue of correlations that still tells drivers apart
REPAIRED = 1e-4  # smallest eigenvalue after a repair
_TAKES_PART = 1e-3  # weight from which on a driver belongs to a dependence
_ROUNDING = 1e-6  # by which printed correlations may be uneven


@dataclass(frozen=True)
class RepairedCorrelation:
    """The nearest correlation matrix to one that no answers could have.

    `largest_change` is that of any single correlation, `pair` which one, `smallest_eigenvalue` that of the matrix as it came.
    """

    correlation: pd.DataFrame
    largest_change: float
    pair: tuple[str, str]
    smallest_eigenvalue: float


def read_answers(X: Any, y: Any, weights: npt.ArrayLike | None) -> tuple[Floats, list[str], Floats | None]:
    """Answers with the outcome as last column, the drivers' names, checked weights (None where none were given)."""
    table = X if isinstance(X, pd.DataFrame) else pd.DataFrame(np.asarray(X))
    names = [str(column) for column in table.columns]
    check_names(names)
    outcome = np.asarray(y)
    if outcome.shape != (len(table),):
        raise ValueError(f"{len(table)} respondents have drivers and the outcome has the shape {outcome.shape}")
    data = np.empty((len(table), len(names) + 1))
    for at, (name, column) in enumerate([*zip(names, table.columns, strict=True), ("the outcome", None)]):
        values = pd.Series(outcome) if column is None else table[column]
        numbers = pd.to_numeric(values, errors="coerce")
        wrong = values[numbers.isna() & values.notna()]
        if len(wrong):
            raise ValueError(f"`{name}` holds {wrong.iloc[0]!r}, which is no number; recode it or leave it out")
        data[:, at] = numbers.to_numpy(dtype=float, na_value=np.nan)
    missing: npt.NDArray[np.bool_] = np.isnan(data)
    if missing.any():
        where = [name for at, name in enumerate([*names, "the outcome"]) if missing[:, at].any()]
        raise ValueError(
            f"{int(missing.any(axis=1).sum())} rows have a missing answer; leave them out and count them "
            f"(holes in {', '.join(where)})"
        )
    if np.isinf(data).any():
        at = int(np.isinf(data).any(axis=0).argmax())
        raise ValueError(f"`{[*names, 'the outcome'][at]}` holds an infinite answer; recode it or leave it out")
    return data, names, None if weights is None else check_weights(weights, len(data))


def check_names(names: Sequence[str]) -> None:
    """Refuses no drivers, and two of one name."""
    if not names:
        raise ValueError("there are no drivers; give at least one")
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise ValueError(f"two columns are called `{twice[0]}`; a driver needs a name of its own")


def correlation_of(data: Floats, names: Sequence[str], weights: Floats | None = None) -> Floats:
    """Correlations of answers, outcome last. Refuses what `check_told_apart` does, and a column without spread."""
    w = np.ones(len(data)) if weights is None else weights
    used = int((w > 0).sum())
    if used <= len(names):
        raise ValueError(f"{used} respondents cannot tell {len(names)} drivers apart; there have to be more of them")
    centred = data - np.average(data, axis=0, weights=w)
    spread = np.sqrt(np.average(centred**2, axis=0, weights=w))
    size = np.abs(data).max(axis=0)
    for name, value, largest in zip([*names, "the outcome"], spread, size, strict=True):
        if not value > 1e-12 * largest:
            raise ValueError(f"`{name}` has no spread: every answer is the same")
    scaled = centred / spread
    correlation: Floats = (scaled * w[:, None]).T @ scaled / w.sum()
    np.fill_diagonal(correlation, 1.0)
    check_told_apart(correlation[:-1, :-1], names)
    return correlation


def check_told_apart(drivers: Floats, names: Sequence[str]) -> None:
    """Refuses drivers of which one follows from others, and names who follows from whom."""
    values, vectors = np.linalg.eigh(drivers)
    if values[0] < -SINGULAR:
        raise ValueError(
            f"no answers have these correlations (smallest eigenvalue {values[0]:.2g}): they were taken pair by pair from "
            "different respondents; use respondents who answered everything, or ask for `repair=True`"
        )
    null = vectors[:, values <= SINGULAR]
    if not null.shape[1]:
        return
    together = np.abs(null @ null.T) > _TAKES_PART
    _, label = connected_components(csr_array(together), directed=False)
    dependences = [
        ", ".join(name for name, mine in zip(names, label == one, strict=True) if mine)
        for one in dict.fromkeys(label)
        if together.diagonal()[label == one].any()
    ]
    raise ValueError(f"these drivers follow from each other: {'; '.join(dependences)}; leave one out")


def read_correlation(correlation: pd.DataFrame, outcome: str) -> tuple[Floats, list[str]]:
    """A correlation or covariance matrix with names → correlations with the outcome last, and the drivers' names."""
    if not isinstance(correlation, pd.DataFrame):
        raise ValueError("give the correlations as a table that has the same names on its rows and columns")
    names = [str(name) for name in correlation.columns]
    check_names(names)
    if sorted(map(str, correlation.index)) != sorted(names):
        alone = sorted(set(map(str, correlation.index)) ^ set(names))
        raise ValueError(f"rows and columns of the correlations have different names: {', '.join(alone)}")
    if outcome not in names:
        raise ValueError(f"the correlations have no `{outcome}`; there are {', '.join(names)}")
    drivers = [name for name in names if name != outcome]
    check_names(drivers)
    ordered = correlation.set_axis(names, axis=1).set_axis([str(name) for name in correlation.index])
    matrix = ordered.loc[[*drivers, outcome], [*drivers, outcome]].to_numpy(dtype=float)
    order = [*drivers, outcome]
    for bad, what in (
        (~np.isfinite(matrix), "is missing"),
        (np.abs(matrix - matrix.T) > _ROUNDING, "depends on the order"),
    ):
        if bad.any():
            row, column = np.argwhere(bad)[0]
            raise ValueError(f"the correlation of `{order[row]}` and `{order[column]}` {what}")
    spread = np.sqrt(np.maximum(np.diag(matrix), 0))
    for name, value in zip(order, spread, strict=True):
        if not value > 0:
            raise ValueError(f"`{name}` has no spread: its place on the diagonal is not above 0")
    matrix = (matrix + matrix.T) / 2 / np.outer(spread, spread)
    if (np.abs(matrix) > 1 + _ROUNDING).any():
        row, column = np.argwhere(np.abs(matrix) > 1 + _ROUNDING)[0]
        raise ValueError(
            f"the correlation of `{order[row]}` and `{order[column]}` is {matrix[row, column]:.3g}, beyond 1"
        )
    np.fill_diagonal(matrix, 1.0)
    return matrix, drivers


def check_possible(correlation: Floats, names: Sequence[str]) -> None:
    """Refuses correlations that no answers can have, and drivers that cannot be told apart."""
    check_told_apart(correlation[:-1, :-1], names)
    smallest = float(np.linalg.eigvalsh(correlation)[0])
    if smallest < -SINGULAR:
        raise ValueError(
            f"no answers have these correlations (smallest eigenvalue {smallest:.2g}): the drivers would explain more than "
            "everything; use respondents who answered everything, or ask for `repair=True`"
        )


def nearest_correlation(correlation: pd.DataFrame, *, least_eigenvalue: float = REPAIRED) -> RepairedCorrelation:
    """The nearest matrix with 1 on its diagonal that answers can have, by Higham's alternating projections.

    That one lies on the border, where drivers cannot be told apart; it is shrunk towards no correlation until its smallest
    eigenvalue is `least_eigenvalue`. A matrix that has that already is left as it is.

    >>> r = pd.DataFrame([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]], index=list("abc"), columns=list("abc"))
    >>> round(nearest_correlation(r).largest_change, 2)
    0.4
    """
    matrix = correlation.to_numpy(dtype=float)
    names = [str(name) for name in correlation.columns]
    near, correction = matrix.copy(), np.zeros_like(matrix)
    for _ in range(10_000):
        shifted = near - correction
        values, vectors = np.linalg.eigh(shifted)
        possible = (vectors * np.maximum(values, 0)) @ vectors.T
        correction = possible - shifted
        before, near = near, possible.copy()
        np.fill_diagonal(near, 1.0)
        if np.abs(near - before).max() < 1e-10:
            break
    smallest = float(np.linalg.eigvalsh(near)[0])
    if smallest < least_eigenvalue:
        mix = (least_eigenvalue - smallest) / (1 - smallest)
        near = (1 - mix) * near + mix * np.eye(len(near))
    change = np.abs(near - matrix)
    row, column = np.unravel_index(int(change.argmax()), change.shape)
    return RepairedCorrelation(
        correlation=pd.DataFrame(near, index=correlation.index, columns=correlation.columns),
        largest_change=float(change.max()),
        pair=(names[row], names[column]),
        smallest_eigenvalue=float(np.linalg.eigvalsh(matrix)[0]),
    )
