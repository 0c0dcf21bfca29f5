"""Make the sample look like the population: raking, also called iterative proportional fitting (Deming & Stephan 1940).

Raking mends the mix of those who answered along the margins that are known. It cannot mend that, within a margin, those
who answered may think differently from those who did not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxlab.inference.intervals import Floats, check_weights, kish
from cxlab.survey.respondents import check_columns

_TOLERANCE = 1e-10
_ROUNDS = 2_000
_SAME_TOTAL = 1e-6


@dataclass(frozen=True)
class RakedWeights:
    """Weights with the index of the table. `n_eff` is Kish's effective base; `deff` = n / n_eff is what they cost."""

    weights: pd.Series
    n_eff: float
    deff: float
    converged: bool
    rounds: int

    def headline(self) -> str:
        """What weighting costs."""
        return (
            f"Weighted, the {len(self.weights):,} respondents count as {self.n_eff:,.0f} "
            f"(design effect {self.deff:.2f}; weights from {self.weights.min():.3g} to {self.weights.max():.3g})."
        )


@dataclass(frozen=True)
class _Margin:
    """One margin: the category of each respondent as a code, and the weighted count wanted for each category."""

    name: str
    categories: list[Any]
    codes: npt.NDArray[np.intp]
    wanted: Floats

    def current(self, weights: Floats) -> Floats:
        counts: Floats = np.bincount(self.codes, weights=weights, minlength=len(self.categories)).astype(float)
        return counts


def rake(
    frame: pd.DataFrame,
    margins: Mapping[str, Mapping[Any, float]],
    *,
    base_weight_col: str | None = None,
    trim: float | None = None,
) -> RakedWeights:
    """Weights that meet every margin to 1e-10 of the total.

    `margins` maps a column to its categories' targets: counts (the weights sum to their total) or shares (they sum to
    the number of respondents). `trim` is the largest weight as a multiple of the mean weight; it is kept inside each
    round, so that the cap and the margins both hold.

    Raises ValueError, naming variable and category, before any round for: an unknown column, a target without
    respondents, a category without a target, respondents without a value, targets that are not positive, totals that
    differ, a missing or negative base weight; and afterwards for margins (with the cap) that contradict each other.
    """
    plan, total = _read_margins(frame, margins)
    n = len(frame)
    weights = check_weights(None if base_weight_col is None else frame[_column(frame, base_weight_col)], n).copy()
    cap = _cap(trim, total / n, plan)
    for margin in plan:
        empty = margin.current(weights) == 0
        if empty.any():
            category = margin.categories[int(np.argmax(empty))]
            raise ValueError(f"margin `{margin.name}`: every base weight in {category!r} is 0; no factor can raise it")
    for rounds in range(1, _ROUNDS + 1):
        for margin in plan:
            weights *= (margin.wanted / margin.current(weights))[margin.codes]
        np.minimum(weights, cap, out=weights)
        gap, name, category = _worst(plan, weights, total)
        if gap <= _TOLERANCE:
            n_eff = kish(weights)
            return RakedWeights(pd.Series(weights, index=frame.index, name="weight"), n_eff, n / n_eff, True, rounds)
    because = "" if trim is None else f" with no weight above {trim:g} times the mean; raise `trim` or merge categories"
    raise ValueError(
        f"the margins cannot all be met: after {_ROUNDS} rounds `{name}` = {category!r} is still {100 * gap:.2g}% "
        f"of the total off{because or '; the cells of the sample contradict the margins, so merge categories'}"
    )


def _column(frame: pd.DataFrame, column: str) -> str:
    check_columns(frame, [column])
    return column


def _cap(trim: float | None, mean_weight: float, plan: list[_Margin]) -> float:
    """The largest weight allowed. Raises ValueError where a category needs more on average."""
    if trim is None:
        return np.inf
    if not trim > 1:
        raise ValueError(f"`trim` must be above 1, the mean weight itself, got {trim!r}; 3 to 6 are usual")
    cap = trim * mean_weight
    for margin in plan:
        mean = margin.wanted / np.bincount(margin.codes, minlength=len(margin.categories))
        if (mean > cap * (1 + _TOLERANCE)).any():
            worst = int(np.argmax(mean))
            raise ValueError(
                f"margin `{margin.name}`: {margin.categories[worst]!r} needs {mean[worst] / mean_weight:.2f} times "
                f"the mean weight on average, and `trim` = {trim:g} allows less; raise `trim` or merge it with "
                "another category"
            )
    return cap


def _worst(plan: list[_Margin], weights: Floats, total: float) -> tuple[float, str, Any]:
    """The largest gap between margin and target, as a part of the total, and where it is."""
    worst: tuple[float, str, Any] = (-1.0, "", None)
    for margin in plan:
        off = np.abs(margin.current(weights) - margin.wanted) / total
        at = int(np.argmax(off))
        if off[at] > worst[0]:
            worst = (float(off[at]), margin.name, margin.categories[at])
    return worst


def _read_margins(frame: pd.DataFrame, margins: Mapping[str, Mapping[Any, float]]) -> tuple[list[_Margin], float]:
    """The margins in weighted counts, and what the weights shall sum to."""
    if not margins or frame.empty:
        raise ValueError("raking needs at least one margin and one respondent")
    check_columns(frame, list(margins))
    targets = {name: pd.Series(dict(target), dtype=float) for name, target in margins.items()}
    for name, target in targets.items():
        _check_categories(frame[name], target, name)
    totals = {name: float(target.sum()) for name, target in targets.items()}
    first_name, first = next(iter(totals.items()))
    for name, total in totals.items():
        if abs(total - first) > _SAME_TOTAL * first:
            raise ValueError(
                "the margins must add up to the same total: "
                f"`{first_name}` adds up to {first:.10g}, `{name}` to {total:.10g}"
            )
    shares = abs(first - 1) <= _SAME_TOTAL
    if not shares and 0.9 < first < 1.1:
        raise ValueError(f"margin `{first_name}`: shares must add up to 1, these add up to {first:.10g}")
    scale = float(len(frame)) if shares else first
    plan = [
        _Margin(
            name,
            list(target.index),
            pd.Index(target.index).get_indexer(pd.Index(frame[name])).astype(np.intp),
            np.asarray(target / target.sum() * scale, dtype=np.float64),
        )
        for name, target in targets.items()
    ]
    return plan, scale


def _check_categories(column: pd.Series, target: pd.Series, name: str) -> None:
    """The sample and the targets must have the same categories."""
    if column.isna().any():
        raise ValueError(
            f"{int(column.isna().sum())} respondents have no `{name}`; fill it in or leave them out by name"
        )
    bad = target[~(target > 0) | np.isinf(target)]
    if len(bad):
        raise ValueError(f"margin `{name}`: the target of {bad.index[0]!r} must be above 0, got {bad.iloc[0]:g}")
    seen = set(column.unique().tolist())
    present = ", ".join(sorted(repr(category) for category in seen))
    if absent := [category for category in target.index.tolist() if category not in seen]:
        raise ValueError(
            f"margin `{name}`: nobody in the sample is {absent[0]!r} (target {target[absent[0]]:g}); merge it with "
            f"another category (the sample holds {present})"
        )
    if unknown := sorted(repr(category) for category in seen - set(target.index)):
        raise ValueError(
            f"margin `{name}`: no target for {', '.join(unknown)}, which respondents have; add or merge it"
        )
