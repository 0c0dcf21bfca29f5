"""The model behind the drivers of loyalty: which of them goes with the outcome once the others are held fixed, and how surely.

`DriverModel` fits ordinary least squares with robust (HC3) or account-clustered errors (statsmodels). Whether a driver counts
at all is said by the test of its coefficient, corrected for their number; how much it counts by its share of R² (LMG) with a
bootstrap interval by respondent or account.

Everything here is association. A driver that goes with loyalty need not cause it, and one that is left out lends its weight
to those that are in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxlab.drivers.importance import closed_form, lmg, relative_importance, resampled
from cxlab.inference import benjamini_hochberg
from cxlab.inference.intervals import check_conf_level, critical_value
from cxlab.problems import did_you_mean

_COLUMNS = [
    "driver", "estimate", "std_error", "p_value", "q_value", "conf_low", "conf_high", "conf_level", "correlation", "vif",
    "sign_reversed", "n",
]  # fmt: skip


@dataclass
class DriverModel:
    """An outcome and its drivers: one row of `X` and `y` is one respondent with all answers. `fit` first."""

    X: pd.DataFrame
    y: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64] | None = None
    n_left_out: int = 0
    conf_level: float = 0.95
    result: Any = field(default=None, repr=False)
    clusters: Any = field(default=None, repr=False)

    @classmethod
    def from_columns(
        cls,
        data: pd.DataFrame,
        outcome: str,
        drivers: list[str],
        *,
        weights: str | None = None,
        conf_level: float = 0.95,
    ) -> DriverModel:
        """From a table with one column a question. Rows with a hole in any of them are left out and counted."""
        check_conf_level(conf_level)
        for column in (outcome, *drivers, *filter(None, (weights,))):
            if column not in data:
                raise ValueError(f"the table has no column `{column}`; {did_you_mean(column, map(str, data.columns))}")
        for column in (outcome, *drivers, *filter(None, (weights,))):
            wrong = data[column][pd.to_numeric(data[column], errors="coerce").isna() & data[column].notna()]
            if len(wrong):
                raise ValueError(f"`{column}` holds {wrong.iloc[0]!r}, which is no number; recode it or leave it out")
        whole = data.dropna(subset=[outcome, *drivers, *filter(None, (weights,))])
        return cls(
            X=whole[drivers].astype(float),
            y=whole[outcome].to_numpy(dtype=float),
            weights=None if weights is None else whole[weights].to_numpy(dtype=float),
            n_left_out=len(data) - len(whole),
            conf_level=conf_level,
        )

    def fit(self, cov_type: Literal["HC3", "cluster", "nonrobust"] = "HC3", clusters: Any = None) -> DriverModel:
        """Fit by (weighted) least squares. `clusters`: one value a row of X, for errors by account."""
        import statsmodels.api as sm

        design = sm.add_constant(self.X)
        model = sm.OLS(self.y, design) if self.weights is None else sm.WLS(self.y, design, weights=self.weights)
        options: dict[str, Any] = {"cov_type": cov_type, "use_t": True}
        if cov_type == "cluster":
            codes = pd.factorize(np.asarray(clusters, dtype=object))[0]
            codes[codes < 0] = codes.max(initial=-1) + 1 + np.arange((codes < 0).sum())
            options["cov_kwds"] = {"groups": codes}
            self.clusters = clusters
        self.result = model.fit(**options)
        return self

    @property
    def r2(self) -> float:
        return float(self.result.rsquared)

    def summary_frame(self) -> pd.DataFrame:
        """One row a driver: estimate (points of the outcome per point of the driver), std_error, p, q, interval, correlation,
        vif (variance inflation), sign_reversed (correlation and coefficient disagree), n."""
        names = list(self.X.columns)
        half = critical_value(self.conf_level, self.result.df_resid) * self.result.bse[names]
        estimate = self.result.params[names]
        covariance = np.cov(np.column_stack([self.X, self.y]).T, aweights=self.weights)
        spread = np.sqrt(np.diag(covariance))
        together = covariance / np.outer(spread, spread)
        correlation, inverse = together[:-1, -1], np.linalg.inv(together[:-1, :-1])
        table = pd.DataFrame(
            {
                "driver": names, "estimate": estimate.to_numpy(), "std_error": self.result.bse[names].to_numpy(),
                "p_value": self.result.pvalues[names].to_numpy(), "conf_low": (estimate - half).to_numpy(),
                "conf_high": (estimate + half).to_numpy(), "conf_level": self.conf_level, "correlation": correlation,
                "vif": np.diag(inverse), "n": len(self.y),
            }
        )  # fmt: skip
        table["q_value"] = benjamini_hochberg(table["p_value"])
        table["sign_reversed"] = np.sign(table["estimate"]) != np.sign(table["correlation"])
        return table[_COLUMNS]

    def importance(
        self,
        method: Literal["lmg", "johnson"] = "lmg",
        *,
        n_boot: int = 1000,
        clusters: Any = None,
        random_state: int = 0,
    ) -> pd.DataFrame:
        """One row a driver: estimate (its part of R²), share (of R², 0 to 1), std_error, conf_low, conf_high (of the share),
        rank_low, rank_high (of its place). Percentile bootstrap by row, or by cluster where given."""
        known = relative_importance(self.X, self.y, method=method, weights=self.weights)
        table = known.rename(columns={"importance": "estimate"})
        if not n_boot:
            return table
        data = np.column_stack([self.X.to_numpy(), self.y])
        groups = clusters if clusters is not None else self.clusters
        draws = resampled(data, n_boot, np.random.default_rng(random_state), clusters=groups, weights=self.weights)
        draws = draws[np.isfinite(draws).all(axis=(1, 2))]
        values = lmg(draws) if method == "lmg" else np.array([_johnson(draw) for draw in draws])
        shares = values / values.sum(axis=1, keepdims=True)
        ranks = (-shares).argsort(axis=1).argsort(axis=1) + 1
        tail = 100 * (1 - self.conf_level) / 2
        low, high = np.percentile(shares, [tail, 100 - tail], axis=0)
        rank_low, rank_high = np.percentile(ranks, [tail, 100 - tail], axis=0)
        return table.assign(
            std_error=shares.std(axis=0, ddof=1), conf_low=low, conf_high=high, conf_level=self.conf_level, n=len(self.y),
            rank_low=rank_low.astype(int), rank_high=rank_high.astype(int),
        )  # fmt: skip


def _johnson(correlation: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return closed_form(correlation, "johnson")
