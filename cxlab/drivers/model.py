"""The model behind the drivers of loyalty: which of them goes with the outcome once the others are held fixed, and how surely.

`DriverModel` fits least squares (statsmodels) or an ordered or binary logit (`cxlab.drivers.ordered`) with robust or
account-clustered errors. Whether a driver counts at all is said by the test of its coefficient, corrected for their number; how
much it counts by its share of R² (LMG; McFadden's R² for the logits) with a bootstrap interval by respondent or account.

A weight is how many customers an answer stands for; the mean weight is taken as 1, so that its unit changes nothing.

Everything here is association. A driver that goes with loyalty need not cause it, and one that is left out lends its weight
to those that are in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxlab.drivers.asymmetry import PenaltyReward, penalty_reward
from cxlab.drivers.correlations import correlation_of, read_answers
from cxlab.drivers.dominance import Dominance, dominance
from cxlab.drivers.groups import SegmentDifferences, segment_differences
from cxlab.drivers.importance import Method, bootstrap_importance, dominance_analysis, relative_importance, shapley
from cxlab.drivers.ordered import MOST_ORDERED, SubsetFits, fit_ordered, resampled_r2, subset_fits
from cxlab.drivers.performance import importance_performance
from cxlab.drivers.resampling import Interval, ResampledImportance
from cxlab.drivers.robust import robust_fit
from cxlab.drivers.sensitivity import omitted_driver
from cxlab.drivers.simulate import Simulator, WhatIf
from cxlab.inference import benjamini_hochberg
from cxlab.inference.intervals import Floats, check_conf_level, check_weights, critical_value, two_sided_p
from cxlab.inference.permutation import cluster_codes
from cxlab.problems import did_you_mean

Kind = Literal["ols", "ordered", "logit"]
ErrorType = Literal["HC0", "HC1", "HC2", "HC3", "sandwich", "cluster", "nonrobust"]
_WEIGHT, _ACCOUNT = "the weight", "the account"
_COLUMNS = [
    "driver", "estimate", "std_error", "p_value", "q_value", "conf_low", "conf_high", "conf_level", "correlation", "vif",
    "sign_reversed", "n", "term", "reason",
]  # fmt: skip
_ERRORS: dict[str, tuple[str, ...]] = {
    "ols": ("HC3", "HC0", "HC1", "HC2", "cluster", "nonrobust"),
    "ordered": ("sandwich", "cluster", "nonrobust"),
    "logit": ("sandwich", "cluster", "nonrobust"),
}


@dataclass
class DriverModel:
    """An outcome and its drivers: one row of `X` and `y` is one respondent with all answers. `fit` first.

    `groups` maps each driver to its columns of `X`: one, or several for a driver with categories. `rows` are the respondents
    of `X` with all columns of the table, `kept` their places in it.
    """

    X: pd.DataFrame
    y: Floats
    weights: Floats | None = None
    n_left_out: int = 0
    conf_level: float = 0.95
    result: Any = field(default=None, repr=False)
    clusters: Any = field(default=None, repr=False)
    kind: Kind = "ols"
    outcome: str = "the outcome"
    groups: dict[str, list[str]] = field(default_factory=dict, repr=False)
    rows: pd.DataFrame | None = field(default=None, repr=False)
    kept: npt.NDArray[np.intp] | None = field(default=None, repr=False)
    design: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in _ERRORS:
            raise ValueError(f"`kind` must be ols, ordered or logit, got {self.kind!r}")
        if not self.groups:
            self.groups = {str(column): [str(column)] for column in self.X.columns}
        if self.kind == "logit" and not set(np.unique(self.y)) <= {0.0, 1.0}:
            wrong = next(value for value in np.unique(self.y) if value not in (0.0, 1.0))
            raise ValueError(
                f"a logit needs an outcome of 0 and 1, got {wrong:g} in `{self.outcome}`; say which answers count as 1 "
                "(`loyal = ltr >= 9`), or use kind='ordered'"
            )

    @classmethod
    def from_columns(
        cls,
        data: pd.DataFrame,
        outcome: str,
        drivers: Sequence[str],
        *,
        kind: Kind = "ols",
        weights: str | npt.ArrayLike | None = None,
        conf_level: float = 0.95,
    ) -> DriverModel:
        """From a table with one column a question. Rows with a hole in any of them are left out and counted.

        `weights`: a column, or one number a row. Raises ValueError for columns that are not there or hold no numbers.
        """
        check_conf_level(conf_level)
        asked = [outcome, *drivers]
        for column in asked:
            _check_numbers(data, column)
        w = _weights_of(data, weights)
        kept = _without_holes(data[asked], w)
        whole = data.iloc[kept]
        return cls(
            X=whole[list(drivers)].astype(float),
            y=whole[outcome].to_numpy(dtype=float),
            weights=_scaled(w, kept),
            n_left_out=len(data) - len(whole),
            conf_level=conf_level,
            kind=kind,
            outcome=outcome,
            rows=whole,
            kept=kept,
        )

    @classmethod
    def from_formula(
        cls,
        formula: str,
        data: pd.DataFrame,
        *,
        kind: Kind = "ols",
        weights: str | npt.ArrayLike | None = None,
        conf_level: float = 0.95,
    ) -> DriverModel:
        """From a formula as statsmodels and R read it: `"ltr ~ speed + price + C(channel)"`.

        Columns of text, and those in `C()`, are drivers with categories: all their columns are one driver in `importance`. Rows
        with a hole in a column that the formula names are left out and counted. Raises ValueError for a formula that cannot be
        read, an unknown column, an outcome that is no number, or a model without a constant.
        """
        from formulaic import Formula

        check_conf_level(conf_level)
        try:
            parsed = Formula(formula)
            needed = sorted(str(name) for name in parsed.required_variables)
            sides = (parsed.lhs, parsed.rhs)
        except Exception as error:  # a parser of its own, with classes of its own
            raise ValueError(f"the formula {formula!r} cannot be read; write it as 'ltr ~ speed + price'") from error
        for column in needed:
            if column not in data:
                raise ValueError(_unknown_column(data, column))
        w = _weights_of(data, weights)
        kept = _without_holes(data[needed], w)
        whole = data.iloc[kept]
        if whole.empty:
            raise ValueError(f"no row of {len(data)} has all of {', '.join(needed)}")
        with np.errstate(divide="ignore", invalid="ignore"):  # what has no value is refused below, by name
            made = parsed.get_model_matrix(whole, na_action="ignore")
        if made.lhs.shape[1] != 1 or not pd.api.types.is_numeric_dtype(made.lhs.dtypes.iloc[0]):
            raise ValueError(f"the outcome `{sides[0]}` is no number; code it as one first")
        if "Intercept" not in made.rhs:
            raise ValueError(f"{formula!r} leaves the constant out; R² is that of a model with one, leave out `0 +`")
        X = made.rhs.drop(columns="Intercept").astype(float).set_axis(whole.index)
        for column in [*X, *made.lhs]:
            values = X[column] if column in X else made.lhs[column]
            if not np.isfinite(values.to_numpy(dtype=float)).all():
                raise ValueError(f"`{column}` is not finite for some answers; a logarithm of 0 has no value")
        return cls(
            X=X,
            y=made.lhs.to_numpy(dtype=float)[:, 0],
            weights=_scaled(w, kept),
            n_left_out=len(data) - len(whole),
            conf_level=conf_level,
            kind=kind,
            outcome=str(made.lhs.columns[0]),
            groups=_terms(made.rhs.model_spec, list(made.rhs.columns), needed),
            rows=whole,
            kept=kept,
            design=made.rhs.model_spec,
        )

    def fit(self, cov_type: ErrorType | None = None, clusters: Any = None, *, cov_kwds: Any = None) -> DriverModel:
        """Fit, with errors HC3 (ols) or sandwich (ordered, logit), by account where `clusters` are given, or nonrobust. By account those
        of least squares are CR3, which leave every account out once: with sixty accounts the usual formula calls noise clear in
        7% of samples and not in 5 (`benchmarks/drivers_coverage.py`).

        `clusters`: a column of the table, or one value a row of the table or of X; a respondent without one stands alone.
        `cov_kwds={"groups": …}` is the same in the words of statsmodels. Refuses drivers that follow from each other.
        """
        given = clusters if cov_kwds is None else cov_kwds
        clusters = given["groups"] if isinstance(given, Mapping) else given
        if cov_type is None:
            cov_type = "cluster" if clusters is not None else ("HC3" if self.kind == "ols" else "sandwich")
        if cov_type not in _ERRORS[self.kind]:
            known = ", ".join(_ERRORS[self.kind])
            raise ValueError(f"an {self.kind} model has errors {known}; got {cov_type!r}")
        if cov_type == "cluster" and clusters is None:
            raise ValueError("errors by account need the accounts: give `clusters`, a column or one value a respondent")
        accounts = self._aligned(clusters) if cov_type == "cluster" else None
        correlation_of(*read_answers(self.X, self.y, self.weights))
        self.clusters = accounts
        if self.kind == "ols":
            self.result = self._least_squares("nonrobust" if accounts is not None else cov_type)
            names = list(self.X.columns)
            self._spread = self.result.bse[names].to_numpy()
            self._df = float(self.result.df_resid)
            if accounts is not None:
                codes = cluster_codes(len(accounts), accounts)
                w = np.ones(len(self.y)) if self.weights is None else self.weights
                self._spread = robust_fit(self.X.to_numpy(dtype=float), self.y, w, codes).std_errors[1:]
                self._df = float(codes.max())
        else:
            self.result = fit_ordered(self.X, self.y, weights=self.weights)
            made = self.result.covariance("nonrobust" if cov_type == "nonrobust" else "sandwich", accounts)
            with np.errstate(invalid="ignore"):
                self._spread = np.sqrt(np.diag(made))[len(self.result.thresholds) :]
            self._df = math.inf if accounts is None else float(cluster_codes(len(accounts), accounts).max())
        return self

    def _least_squares(self, cov_type: str) -> Any:
        import statsmodels.api as sm

        design = sm.add_constant(self.X, has_constant="add")
        model = sm.OLS(self.y, design) if self.weights is None else sm.WLS(self.y, design, weights=self.weights)
        return model.fit(cov_type=cov_type, use_t=True)

    def _aligned(self, values: Any, called: str = "accounts") -> npt.NDArray[np.object_]:
        """One value a row of X, from a column's name, the whole table's rows, or those of X."""
        if isinstance(values, str):
            if self.rows is None or values not in self.rows:
                raise ValueError(_unknown_column(self.X if self.rows is None else self.rows, values))
            return self.rows[values].to_numpy(dtype=object)
        given = np.asarray(values, dtype=object)
        if len(given) == len(self.y):
            return given
        if self.kept is not None and len(given) == len(self.y) + self.n_left_out:
            made: npt.NDArray[np.object_] = given[self.kept]
            return made
        raise ValueError(
            f"{len(given)} {called} for {len(self.y)} respondents (of {len(self.y) + self.n_left_out} rows); give a column, or "
            "one for each"
        )

    def _fitted(self) -> Any:
        if self.result is None:
            raise ValueError("the model is not fitted yet: call `fit()` first")
        return self.result

    @property
    def r2(self) -> float:
        """R² of least squares; McFadden's R² of a logit, which is lower and no share of variance."""
        return float(self._fitted().rsquared if self.kind == "ols" else self._fitted().r2)

    @property
    def separated(self) -> tuple[str, ...]:
        """Columns of drivers that separate the answers, so that no finite slope is the best. Always none for ols."""
        return () if self.kind == "ols" else self._fitted().separated

    def summary_frame(self) -> pd.DataFrame:
        """One row a driver (a column of a driver with categories): estimate (points of the outcome, or log odds of a higher
        answer, per point of the driver), std_error, p, q, interval, correlation, vif (variance inflation), sign_reversed
        (correlation and coefficient disagree), n, term (the driver in `importance`), reason (why an estimate is NaN)."""
        result = self._fitted()
        names = [str(name) for name in self.X.columns]
        estimate = result.params[self.X.columns].to_numpy(dtype=float) if self.kind == "ols" else result.slopes
        withheld = np.isin(names, self.separated)
        estimate = np.where(withheld, np.nan, estimate)
        spread = np.where(withheld, np.nan, self._spread)
        half = critical_value(self.conf_level, self._df) * spread
        covariance = np.cov(np.column_stack([self.X, self.y]).T, aweights=self.weights)
        deviation = np.sqrt(np.diag(covariance))
        together = covariance / np.outer(deviation, deviation)
        correlation, inverse = together[:-1, -1], np.linalg.inv(together[:-1, :-1])
        p_value = [two_sided_p(a / b, self._df) for a, b in zip(estimate, spread, strict=True)]
        owner = {column: driver for driver, columns in self.groups.items() for column in columns}
        table = pd.DataFrame(
            {
                "driver": names, "estimate": estimate, "std_error": spread, "p_value": p_value,
                "conf_low": estimate - half, "conf_high": estimate + half, "conf_level": self.conf_level,
                "correlation": correlation, "vif": np.diag(inverse), "n": len(self.y),
                "term": [owner[name] for name in names],
                "reason": np.where(withheld, "it separates the answers: no finite coefficient is the best", ""),
            }
        )  # fmt: skip
        table["q_value"] = benjamini_hochberg(table["p_value"])
        table["sign_reversed"] = (np.sign(estimate) != np.sign(correlation)) & ~withheld
        return table[_COLUMNS]

    def importance(
        self,
        method: Method = "lmg",
        *,
        n_boot: int = 1000,
        clusters: Any = None,
        cluster: str | None = None,
        always: Sequence[str] = (),
        interval: Interval = "widened",
        random_state: int = 0,
    ) -> pd.DataFrame:
        """One row a driver: estimate (its part of R²), share (of R², 0 to 1), std_error, conf_low, conf_high (of the share),
        rank, rank_low, rank_high (of its place), share_first, n_failed (resamples that had no importance), metric (`r2` or
        `mcfadden_r2`), note. Bootstrap by row, or by account where given here or in `fit`; `cluster` is a column's name.
        `n_boot=0` gives estimates alone.

        `always`: drivers held fixed from the start; the others share what they add. The logits share McFadden's R² among up to
        twelve drivers by lmg alone; above, they share the linear R² of the same answers, and `note` says so. A driver with
        categories enters with all its columns, which only lmg, pmvd, first and last know.
        """
        self._check_method(method)
        told = {"metric": "r2" if self._linear(always) else "mcfadden_r2", "note": self._note(always)}
        if n_boot:
            made = self.resampled_importance(
                method, n_boot=n_boot, clusters=clusters, cluster=cluster, always=always, interval=interval,
                random_state=random_state,
            )  # fmt: skip
            return made.to_frame().assign(n_failed=made.n_failed, **told)
        if self._linear(always):
            table = relative_importance(self.X, self.y, method=method, weights=self.weights, **self._entering(always))
            return table.rename(columns={"importance": "estimate"}).assign(**told)
        values = shapley(self._subsets(always).r2)
        names = list(self._players(always))
        return pd.DataFrame({"driver": names, "estimate": values, "share": values / values.sum()}).assign(**told)

    def resampled_importance(
        self,
        method: Method = "lmg",
        *,
        n_boot: int = 1000,
        clusters: Any = None,
        cluster: str | None = None,
        always: Sequence[str] = (),
        interval: Interval = "widened",
        random_state: int = 0,
    ) -> ResampledImportance:
        """What `importance` shows, with its draws, and with `differences()` between drivers."""
        self._check_method(method)
        given = clusters if clusters is not None else cluster
        accounts = self._aligned(given) if given is not None else self.clusters
        if self._linear(always):
            return bootstrap_importance(
                self.X, self.y, method=method, weights=self.weights, clusters=accounts, n_boot=n_boot,
                conf_level=self.conf_level, interval=interval, random_state=random_state, **self._entering(always),
            )  # fmt: skip
        fits = self._subsets(always)
        rng = np.random.default_rng(random_state)
        drawn = resampled_r2(fits, self.X, self.y, n_boot, rng, weights=self.weights, clusters=accounts)
        # no likelihood falls with a driver: what lies below 0 is what resamples without a fit of their own leave out
        values = shapley(drawn).clip(min=0)
        possible = np.isfinite(values).all(axis=1)
        return ResampledImportance(
            names=tuple(self._players(always)), estimate=shapley(fits.r2), draws=values[possible], n=len(self.y),
            n_units=int(cluster_codes(len(self.y), accounts).max()) + 1, n_failed=int((~possible).sum()),
            conf_level=self.conf_level, interval=interval,
        )  # fmt: skip

    def dominance(self, *, always: Sequence[str] = ()) -> Dominance:
        """Complete, conditional and general dominance between drivers, by R² or McFadden's R²; `cxlab.drivers.dominance`. The
        logits refuse more than twelve drivers."""
        if self.kind == "ols":
            return dominance_analysis(self.X, self.y, weights=self.weights, **self._entering(always))
        return dominance(self._subsets(always).r2, list(self._players(always)))

    def _check_method(self, method: str) -> None:
        if self.kind != "ols" and method != "lmg":
            raise ValueError(f"an {self.kind} model shares its likelihood by method lmg, got {method!r}")

    def _linear(self, always: Sequence[str]) -> bool:
        """Whether R² is shared: always for ols, for the logits where there are too many drivers to fit every subset."""
        return self.kind == "ols" or len(self._players(always)) > MOST_ORDERED

    def _note(self, always: Sequence[str]) -> str:
        if self.kind == "ols" or not self._linear(always):
            return ""
        many = len(self._players(always))
        return f"shares of the linear R² of the same answers: {many} drivers have too many subsets for an {self.kind} model"

    def _entering(self, always: Sequence[str]) -> dict[str, Any]:
        """`groups` and `always` in columns, as `relative_importance` takes them; neither where each driver is a column."""
        players = self._players(always)
        if not always and all(len(columns) == 1 for columns in players.values()):
            return {}
        fixed = [column for name in always for column in self.groups[name]]
        return {"groups": players, "always": fixed or None}

    def _players(self, always: Sequence[str]) -> dict[str, list[str]]:
        """The drivers that share, with their columns."""
        for name in always:
            if name not in self.groups:
                raise ValueError(f"there is no driver `{name}`; {did_you_mean(name, self.groups)}")
        return {driver: columns for driver, columns in self.groups.items() if driver not in always}

    def _subsets(self, always: Sequence[str]) -> SubsetFits:
        place = {str(column): number for number, column in enumerate(self.X.columns)}
        players = [[place[column] for column in columns] for columns in self._players(always).values()]
        fixed = [place[column] for name in always for column in self.groups[name]]
        return subset_fits(self.X, self.y, weights=self.weights, players=players, always=fixed)

    def by(
        self,
        segment: Any,
        *,
        clusters: Any = None,
        cluster: str | None = None,
        min_base: int = 30,
        n_boot: int = 500,
        random_state: int = 0,
    ) -> SegmentDifferences:
        """Whether the drivers differ between segments: `cxlab.drivers.segment_differences` of the respondents of this model.

        `segment`: a column of the table, or one value a row; errors by account where given here or in `fit`.
        """
        table = self._plain(clusters if clusters is not None else cluster)
        name = segment if isinstance(segment, str) else "the segment"
        return segment_differences(
            table.assign(**{name: self._aligned(segment, "segments")}), outcome=self.outcome, drivers=self._columns(),
            segment_col=name, kind=self.kind, weights_col=self._named(_WEIGHT, table), cluster_col=self._named(_ACCOUNT, table),
            groups=self.groups, min_base=min_base, conf_level=self.conf_level, n_boot=n_boot, random_state=random_state,
        )  # fmt: skip

    def ipma(
        self,
        *,
        scale: tuple[float, float] | Mapping[str, tuple[float, float]],
        outcome_scale: tuple[float, float] | None = None,
        clusters: Any = None,
        cluster: str | None = None,
        n_boot: int = 1000,
        random_state: int = 0,
    ) -> pd.DataFrame:
        """One row a driver: driver, importance (points of the outcome that go with one of the driver, both 0 to 100, by least
        squares whatever the kind), performance (the mean, 0 to 100), and what else `cxlab.drivers.importance_performance` says.

        `scale`: the ends of the questionnaire, of every driver or {driver: (lowest, highest)}; `outcome_scale`: those of the
        outcome, without it `scale`.
        """
        if outcome_scale is None:
            if isinstance(scale, Mapping):
                raise ValueError("drivers with scales of their own tell nothing of the outcome's; give `outcome_scale`")
            outcome_scale = scale
        table = self._plain(clusters if clusters is not None else cluster)
        return importance_performance(
            table, self.outcome, self._numbers(), scales=scale, outcome_scale=outcome_scale, n_boot=n_boot,
            weights_col=self._named(_WEIGHT, table), cluster_col=self._named(_ACCOUNT, table), conf_level=self.conf_level,
            random_state=random_state,
        ).table  # fmt: skip

    def asymmetry(
        self,
        *,
        scale: tuple[float, float] | Mapping[str, tuple[float, float]],
        clusters: Any = None,
        cluster: str | None = None,
        n_boot: int = 500,
        random_state: int = 0,
    ) -> PenaltyReward:
        """What low answers take and high ones give: `cxlab.drivers.penalty_reward` of the respondents of this model."""
        table = self._plain(clusters if clusters is not None else cluster)
        return penalty_reward(
            table, self.outcome, self._numbers(), scales=scale, weights_col=self._named(_WEIGHT, table),
            cluster_col=self._named(_ACCOUNT, table), n_boot=n_boot, conf_level=self.conf_level, random_state=random_state,
        )  # fmt: skip

    def _columns(self) -> list[str]:
        return [str(column) for column in self.X.columns]

    def _numbers(self) -> list[str]:
        """The drivers, which have to be columns of numbers on scales of their own."""
        for driver, columns in self.groups.items():
            if columns != [driver] or (self.rows is not None and driver not in self.rows):
                raise ValueError(
                    f"`{driver}` is no question on a scale; leave it out, or ask for the others from columns"
                )
        return list(self.groups)

    def _plain(self, clusters: Any) -> pd.DataFrame:
        """Drivers, outcome, weights and accounts as a table."""
        table = self.X.set_axis(self._columns(), axis=1).reset_index(drop=True).assign(**{self.outcome: self.y})
        accounts = self._aligned(clusters) if clusters is not None else self.clusters
        if self.weights is not None:
            table[_WEIGHT] = self.weights
        if accounts is not None:
            table[_ACCOUNT] = accounts
        return table

    @staticmethod
    def _named(column: str, table: pd.DataFrame) -> str | None:
        return column if column in table else None

    def sensitivity(self) -> pd.DataFrame:
        """How strong an omitted driver would have to be, as `cxlab.drivers.sensitivity.omitted_driver` says, one row a column of
        X. For the logits it is that of the linear model of the same answers, for which alone the bounds are exact."""
        return omitted_driver(self.X, self.y, weights=self.weights)

    def simulator(
        self,
        *,
        clusters: Any = None,
        cluster: str | None = None,
        n_boot: int = 500,
        metric: Literal["nps", "mean"] | None = None,
        random_state: int = 0,
    ) -> Simulator:
        """The model and its bootstrap refits, made once: `what_if(…)` then answers at once, as `simulate` does."""
        given = clusters if clusters is not None else cluster
        accounts = self._aligned(given) if given is not None else self.clusters
        return Simulator.prepare(self, accounts, n_boot=n_boot, metric=metric, random_state=random_state)

    def simulate(
        self,
        changes: Mapping[str, float] | None = None,
        *,
        scale: tuple[float, float] | Mapping[str, tuple[float, float]],
        target: Mapping[str, float] | None = None,
        segment_col: str | None = None,
        clusters: Any = None,
        cluster: str | None = None,
        n_boot: int = 500,
        metric: Literal["nps", "mean"] | None = None,
        random_state: int = 0,
    ) -> WhatIf:
        """What would go with better drivers, if the association is causal: see `Simulator.what_if`."""
        made = self.simulator(
            clusters=clusters, cluster=cluster, n_boot=n_boot, metric=metric, random_state=random_state
        )
        return made.what_if(changes, scale=scale, target=target, segment_col=segment_col)


def _unknown_column(data: pd.DataFrame, column: str) -> str:
    return f"the table has no column `{column}`; {did_you_mean(column, map(str, data.columns))}"


def _check_numbers(data: pd.DataFrame, column: str) -> None:
    if column not in data:
        raise ValueError(_unknown_column(data, column))
    wrong = data[column][pd.to_numeric(data[column], errors="coerce").isna() & data[column].notna()]
    if len(wrong):
        raise ValueError(f"`{column}` holds {wrong.iloc[0]!r}, which is no number; recode it or leave it out")


def _weights_of(data: pd.DataFrame, weights: str | npt.ArrayLike | None) -> Floats | None:
    """One weight a row of the table, NaN where there is none."""
    if weights is None:
        return None
    if isinstance(weights, str):
        _check_numbers(data, weights)
        return data[weights].to_numpy(dtype=float, na_value=np.nan)
    given = np.asarray(weights, dtype=float)
    if len(given) != len(data):
        raise ValueError(f"{len(given)} weights for {len(data)} rows; give one for each, or a column")
    return given


def _without_holes(data: pd.DataFrame, w: Floats | None) -> npt.NDArray[np.intp]:
    """The places of the rows in which nothing is missing."""
    whole = data.notna().all(axis=1).to_numpy()
    return np.flatnonzero(whole if w is None else whole & ~np.isnan(w))


def _scaled(w: Floats | None, kept: npt.NDArray[np.intp]) -> Floats | None:
    if w is None:
        return None
    made = check_weights(w[kept], len(kept))
    return made / made.mean() if len(made) else made


def _terms(spec: Any, columns: Sequence[str], variables: Sequence[str]) -> dict[str, list[str]]:
    """Drivers of a formula with their columns. `C(channel)` is the driver `channel` where no other term is about it alone."""
    made: dict[str, list[str]] = {}
    slices = {str(term): (term, place) for term, place in spec.term_slices.items() if str(term) != "1"}
    for name, (term, place) in slices.items():
        about = [variable for variable in map(str, spec.term_variables[term]) if variable in variables]
        plain = about[0] if len(about) == 1 and name.startswith("C(") and about[0] not in slices else name
        made[plain if plain not in made else name] = [str(column) for column in columns[place]]
    return made
