"""Least squares whose errors come from leaving out one respondent, or one cluster, at a time.

One row is one respondent. The coefficients without each unit give the sandwich HC3 (MacKinnon & White, *Journal of Econometrics* 29,
1985), by cluster CR3 (Bell & McCaffrey, *Survey Methodology* 28, 2002), and the error of anything made from coefficients: work it out
from every row of `without`. Columns that others add up to are not dropped: they have no coefficient, and `alike` says which columns
they cannot be told apart from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import linalg

from cxlab.inference.intervals import Floats, check_weights
from cxlab.inference.permutation import Codes, cluster_codes

_INFORMED = 1e-8  # what a unit must leave of a direction so that the fit without it is defined there


@dataclass(frozen=True)
class LeastSquares:
    """`coefficients` (NaN where a column cannot be told apart), `without` (units × columns: the coefficients without each unit; as they
    are in directions that this unit alone informs), `alike` (for each column the positions of those it cannot be told apart from),
    `inflation` (how much larger the variance of each coefficient is than if its column went with none of the others; NaN likewise and for
    a column without spread), `units` (the number of each respondent's unit) and `df`, units less independent columns."""

    coefficients: Floats
    without: Floats
    alike: tuple[tuple[int, ...], ...]
    inflation: Floats
    units: Codes
    df: int

    @property
    def std_errors(self) -> Floats:
        """The HC3 or CR3 error of each coefficient."""
        errors: Floats = np.sqrt(((self.without - self.coefficients) ** 2).sum(axis=0))
        return errors


def least_squares(
    X: npt.ArrayLike, y: npt.ArrayLike, *, weights: npt.ArrayLike | None = None, clusters: npt.ArrayLike | None = None
) -> LeastSquares:
    """Fits y on the columns of X (give the constant as a column).

    Raises ValueError for missing values, lengths that do not fit and impossible weights.

    >>> fit = least_squares([[1, 0], [1, 0], [1, 1], [1, 1]], [1, 3, 6, 8])
    >>> fit.coefficients.round(6).tolist(), fit.std_errors.round(6).tolist()
    ([2.0, 5.0], [1.414214, 2.0])
    """
    x, values = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    if x.ndim != 2 or len(x) != len(values):
        raise ValueError(f"`X` must have one row for each of the {len(values)} values of `y`, got shape {x.shape}")
    if np.isnan(x).any() or np.isnan(values).any():
        raise ValueError("`X` or `y` holds missing values; leave them out and count them first")
    root = np.sqrt(check_weights(weights, len(values)))
    units = cluster_codes(len(values), clusters)
    alike, kept = _told_apart(x * root[:, None])
    q, r = np.linalg.qr(x[:, kept] * root[:, None])
    scores = q.T @ (values * root)
    own = linalg.solve_triangular(r, scores)
    moved = _moved(q, values * root - q @ scores, units)
    coefficients = np.full(x.shape[1], np.nan)
    without = np.full((len(moved), x.shape[1]), np.nan)
    coefficients[kept] = own
    without[:, kept] = own - linalg.solve_triangular(r, moved.T).T
    spread = ((x - np.average(x, axis=0, weights=root**2)) ** 2 * root[:, None] ** 2).sum(axis=0)
    inflation = np.full(x.shape[1], np.nan)
    inverse = linalg.solve_triangular(r, np.eye(len(kept)))
    inflation[kept] = np.where(spread[kept] > 0, (inverse**2).sum(axis=1) * spread[kept], np.nan)
    lost = [bool(others) for others in alike]
    coefficients[lost] = inflation[lost] = np.nan
    without[:, lost] = np.nan
    return LeastSquares(coefficients, without, alike, inflation, units, len(moved) - len(kept))


def _told_apart(x: Floats) -> tuple[tuple[tuple[int, ...], ...], list[int]]:
    """For each column those it cannot be told apart from, and columns that carry all that the columns say."""
    scale = np.sqrt((x**2).sum(axis=0))
    scaled = x / np.where(scale > 0, scale, 1)
    square = (
        np.linalg.qr(scaled, mode="r") if len(x) > x.shape[1] else scaled
    )  # says the same of the columns in fewer rows
    _, sizes, axes = np.linalg.svd(square, full_matrices=True)
    rank = int((sizes > sizes.max(initial=0) * max(x.shape) * np.finfo(float).eps * 10).sum())
    projector = axes[rank:].T @ axes[rank:]  # onto what no data can say; the same whatever axes it is written in
    tied = np.abs(projector) > 1e-8
    alike = tuple(
        tuple(int(k) for k in np.flatnonzero(tied[j]) if k != j) or ((j,) if tied[j, j] else ())
        for j in range(x.shape[1])
    )
    pivots = linalg.qr(scaled, mode="r", pivoting=True)[1]
    return alike, sorted(int(j) for j in pivots[:rank])


def _moved(q: Floats, left: Floats, units: Codes) -> Floats:
    """Units × columns of q: by how much the scores move where the unit is left out."""
    sizes = np.bincount(units)
    order = np.argsort(units, kind="stable")
    start = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    moved = np.zeros((len(sizes), q.shape[1]))
    for size in np.unique(sizes):
        alike = np.flatnonzero(sizes == size)
        for part in np.array_split(alike, max(1, len(alike) * size // 50_000)):
            rows = order[start[part][:, None] + np.arange(size)]  # clusters × members
            own, rest = q[rows], left[rows]
            if size == 1:
                room = 1 - (own**2).sum(axis=2)
                moved[part] = (
                    np.where(room > _INFORMED, rest / np.where(room > _INFORMED, room, 1), 0)[..., None] * own
                )[:, 0]
            elif size <= q.shape[1]:
                value, axes = np.linalg.eigh(np.eye(size) - own @ own.transpose(0, 2, 1))
                told = value > _INFORMED
                along = np.einsum("gij,gi->gj", axes, rest) * told / np.where(told, value, 1)
                moved[part] = np.einsum("gij,gj,gik->gk", axes, along, own)
            else:
                value, axes = np.linalg.eigh(np.eye(q.shape[1]) - own.transpose(0, 2, 1) @ own)
                told = value > _INFORMED
                along = (
                    np.einsum("gij,gi->gj", axes, np.einsum("gmi,gm->gi", own, rest)) * told / np.where(told, value, 1)
                )
                moved[part] = np.einsum("gij,gj->gi", axes, along)
    return moved
