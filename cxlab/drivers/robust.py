"""How far do the coefficients of a regression move when one respondent, or one account, is left out?

One row is one respondent; the constant is added here and comes first. `moved` holds, for every unit, the coefficients with it less those
without it. Its cross product is the sandwich HC3 of respondents (MacKinnon & White, *Journal of Econometrics* 29, 1985) and CR3 of
accounts (Bell & McCaffrey, *Survey Methodology* 28, 2002); a row that stands far out is a unit on which the answer hangs.

Weights are sampling weights. A driver that says nothing (every answer is the same) or follows from drivers before it has no coefficient
(NaN) and is in `lost`. A unit without which a coefficient could not be told moves nothing. Nothing may be missing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from cxlab.inference.intervals import Floats
from cxlab.inference.permutation import Codes

_TOLD = 1e-8  # what must be left of a column that the others do not say, as a share of its size
_CHUNK = 2**20  # numbers held at once


@dataclass(frozen=True)
class RobustFit:
    """`coefficients` (the constant first), `moved` (units × coefficients), `leverage` and `residuals` of each row, the positions of
    `lost` coefficients, `units` and `df` (rows, or accounts, less the coefficients or 1)."""

    coefficients: Floats
    moved: Floats
    leverage: Floats
    residuals: Floats
    lost: tuple[int, ...]
    units: int
    df: int

    @property
    def covariance(self) -> Floats:
        made: Floats = self.moved.T @ self.moved
        return made

    @property
    def std_errors(self) -> Floats:
        errors: Floats = np.sqrt((self.moved**2).sum(axis=0))
        return errors


def robust_fit(X: Floats, y: Floats, weights: Floats, clusters: Codes, n_units: int | None = None) -> RobustFit:
    """Weighted least squares of `y` on a constant and `X`. `clusters` are numbers from 0 upwards; `n_units`, where given, is how many
    there are in the whole study, so that `moved` of several groups has the same rows."""
    design = np.column_stack([np.ones(len(y)), X])
    kept = _told(design * np.sqrt(weights)[:, None])
    x = design[:, kept]
    gram = (x * weights[:, None]).T @ x
    inverse = np.linalg.inv(gram)
    own = inverse @ (x.T @ (weights * y))
    residuals = y - x @ own
    leverage = weights * np.einsum("ij,jk,ik->i", x, inverse, x)
    total = int(clusters.max(initial=-1)) + 1 if n_units is None else n_units
    sizes = np.bincount(clusters, minlength=total)
    moved = np.zeros((total, design.shape[1]))
    moved[:, [j for j in range(design.shape[1]) if j not in kept]] = np.nan
    alone = sizes.max(initial=0) <= 1
    scores = x * (weights * residuals)[:, None]
    if alone:
        room = 1 - leverage
        shift = np.where(room > _TOLD, 1 / np.where(room > _TOLD, room, 1), 0)
        moved[clusters[:, None], kept] = (scores * shift[:, None]) @ inverse
    else:
        moved[:, kept] = _without_clusters(x, weights, scores, gram, clusters, total)
    coefficients = np.full(design.shape[1], np.nan)
    coefficients[kept] = own
    units = int((sizes > 0).sum())
    return RobustFit(
        coefficients=coefficients,
        moved=moved,
        leverage=leverage,
        residuals=residuals,
        lost=tuple(j for j in range(design.shape[1]) if j not in kept),
        units=units,
        df=units - len(kept) if alone else units - 1,
    )


def _told(x: Floats) -> list[int]:
    """The columns that say something which those before them do not."""
    kept: list[int] = []
    basis = np.zeros((len(x), 0))
    for j in range(x.shape[1]):
        left = x[:, j] - basis @ (basis.T @ x[:, j])
        left = left - basis @ (basis.T @ left)  # once more, against rounding
        size = np.sqrt(left @ left)
        if size > _TOLD * np.sqrt(x[:, j] @ x[:, j]):
            kept.append(j)
            basis = np.column_stack([basis, left / size])
    return kept


def _without_clusters(x: Floats, weights: Floats, scores: Floats, gram: Floats, clusters: Codes, total: int) -> Floats:
    """The coefficients less those without each cluster: (A − A_g)⁻¹ s_g, since A_g and s_g are what the cluster adds."""
    k = x.shape[1]
    sums = np.zeros((total, k))
    np.add.at(sums, clusters, scores)
    order = np.argsort(clusters, kind="stable")
    moved = np.zeros((total, k))
    step = max(1, _CHUNK * total // (k * k * max(len(x), total)))
    starts = np.searchsorted(clusters[order], np.arange(total + 1))
    root = np.sqrt(np.diag(gram))
    for at in range(0, total, step):
        end = min(at + step, total)
        rows = order[starts[at] : starts[end]]
        own = np.zeros((end - at, k, k))
        np.add.at(own, clusters[rows] - at, x[rows, :, None] * (weights[rows, None] * x[rows])[:, None, :])
        scaled = (gram - own) / np.outer(root, root)
        values, axes = np.linalg.eigh(scaled)
        told = values > _TOLD
        along = np.einsum("gij,gi->gj", axes, sums[at:end] / root) * told / np.where(told, values, 1)
        moved[at:end] = np.einsum("gij,gj->gi", axes, along) / root
    return moved


def wald_test(contrasts: Floats, theta: Floats, covariance: Floats, df: float, clustered: bool) -> dict[str, Any]:
    """F of the hypothesis that all `contrasts` (rows) of the coefficients `theta` are 0, as statistic, df, df_residual, p_value, reason.

    By account it is Hotelling's T²: the covariance rests on as many accounts as there are (`df` is one less), and so the statistic must
    be larger before it says something. NaN, with the reason, where there is nothing to test or too few accounts.
    """
    q = len(contrasts)
    nothing = {"statistic": math.nan, "df": q, "df_residual": math.nan, "p_value": math.nan}
    if q == 0:
        return nothing | {"reason": "there are not two estimates to compare"}
    rest = df - q + 1 if clustered else df
    if rest < 1:
        return nothing | {"reason": f"{int(df) + 1} accounts cannot carry a test of {q} differences"}
    told = ~np.isnan(theta)
    away = contrasts[:, told] @ theta[told]
    errors = contrasts[:, told] @ covariance[np.ix_(told, told)] @ contrasts[:, told].T
    scale = np.sqrt(np.diag(errors))
    if not (scale > 0).all() or np.linalg.eigvalsh(errors / np.outer(scale, scale))[0] < 1e-10:
        return nothing | {"reason": "the errors of the differences cannot be told"}
    wald = float(away @ np.linalg.solve(errors, away))
    statistic = wald / q * (rest / df if clustered else 1.0)
    p_value = float(stats.f.sf(statistic, q, rest))
    return {"statistic": statistic, "df": q, "df_residual": rest, "p_value": p_value, "reason": ""}
