"""How strong would a driver that nobody asked about have to be, to explain a driver's effect away?

One row is a driver. The robustness value (Cinelli & Hazlett, *JRSS B* 82, 2020) is the share, 0 to 1, that an omitted driver
would have to explain of what is left of the driver **and** of what is left of the outcome, to bring the coefficient to 0.
`kept` says how much of the coefficient would stay if the omitted driver were as strong as the strongest other driver that was
asked (`benchmark`): 1 all, 0 nothing, below 0 a turned sign.

Both are exact for the linear model of the outcome. They say nothing about whether such a driver exists.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd


def robustness_value(partial_f: float) -> float:
    """From Cohen's partial f of the driver with the outcome, |t|/√(degrees of freedom).

    >>> round(robustness_value(4.18 / 783**0.5), 3)  # violence and peace in Darfur, the paper's example
    0.139
    """
    return 2 / (1 + math.sqrt(1 + 4 / partial_f**2)) if partial_f > 0 else 0.0


def kept_estimate(partial_f: float, r2_driver: float, r2_outcome: float) -> float:
    """How much of a coefficient stays (1 = all) once a driver is held fixed that explains `r2_driver` of what is left of the
    driver and `r2_outcome` of what is left of the outcome.

    >>> round(0.0973 * kept_estimate(4.184 / 783**0.5, 0.0092, 0.1246), 3)  # as strong as `female` there
    0.075
    """
    if not partial_f > 0 or r2_driver >= 1:
        return math.nan
    return 1 - math.sqrt(r2_outcome * r2_driver / (1 - r2_driver)) / partial_f


def omitted_driver(X: pd.DataFrame, y: npt.ArrayLike, *, weights: npt.ArrayLike | None = None) -> pd.DataFrame:
    """One row a driver: driver, partial_r2 (with the outcome, the others held fixed), robustness_value, benchmark (the other
    driver that would take most), benchmark_r2_driver, benchmark_r2_outcome, kept. `kept` is NaN where there is no other driver.

    X: respondents × drivers without holes that do not follow from each other.
    """
    names = [str(name) for name in X.columns]
    data = np.column_stack([X.to_numpy(dtype=float), np.asarray(y, dtype=float)])
    covariance = np.cov(data.T, aweights=None if weights is None else np.asarray(weights, dtype=float))
    spread = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(spread, spread)
    precision = np.linalg.inv(correlation[:-1, :-1])
    beta = precision @ correlation[:-1, -1]
    last = beta**2 / np.diag(precision)  # the gain in R² of a driver that enters after all others
    left = max(0.0, 1 - float(beta @ correlation[:-1, -1]))
    outcome = np.divide(last, left + last, out=np.zeros_like(last), where=last > 0)
    drivers = precision**2 / np.outer(np.diag(precision), np.diag(precision))
    rows: list[dict[str, Any]] = []
    for j, name in enumerate(names):
        f = math.sqrt(outcome[j] / (1 - outcome[j])) if outcome[j] < 1 else math.inf
        row: dict[str, Any] = {"driver": name, "partial_r2": outcome[j], "robustness_value": robustness_value(f)}
        bounds = [(*as_strong(drivers[j, k], outcome[k]), other) for k, other in enumerate(names) if k != j]
        worst = min(((kept_estimate(f, a, b), a, b, other) for a, b, other in bounds), default=None)
        kept, a, b, other = worst if worst else (math.nan, math.nan, math.nan, "")
        rows.append({**row, "benchmark": other, "benchmark_r2_driver": a, "benchmark_r2_outcome": b, "kept": kept})
    return pd.DataFrame(rows)


def as_strong(with_driver: float, with_outcome: float) -> tuple[float, float]:
    """What a driver as strong as an observed one would explain of the driver and of the outcome (the paper's section 4.4)."""
    r2_driver = with_driver / (1 - with_driver)
    own = with_driver**2 / (1 - with_driver) ** 2
    if r2_driver >= 1 or own >= 1 or with_outcome >= 1:
        return min(1.0, r2_driver), 1.0
    factor = (1 + math.sqrt(own)) ** 2 / (1 - own)
    return r2_driver, min(1.0, factor * with_outcome / (1 - with_outcome))
