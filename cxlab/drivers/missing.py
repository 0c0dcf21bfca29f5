"""What do missing answers do to the ranking of drivers? Rows that they cost, answers drawn in their place, and whether the order holds.

One row is one respondent. A model of many drivers uses whoever answered all of them, and each driver costs rows: `rows_lost` says how
many alone, and how many only because of it. Who was left out may be different: then the ranking is that of a special group.

Two kinds of hole are kept apart. *Missing*: the question applied, no answer came. *Not applicable*: the respondent never used the
touchpoint (a code such as 0, or a column that says so). What does not apply has no value that could be drawn, so it is never imputed:
those respondents are outside, and the model is one of those who use every touchpoint in it; `among_users` asks each touchpoint of
its own users where too few use all.

Multiple imputation (Rubin, *Multiple Imputation for Nonresponse in Surveys*, 1987) draws each missing answer several times from a
regression on the other drivers, the outcome and the weight, in turns (van Buuren, *Flexible Imputation of Missing Data*, 2018). Each
regression is fitted to redrawn respondents or accounts, so that what is not known of it is in the draws (Little & Rubin 2020, 10.2.3).
Each completed table gives shares (LMG) and coefficients with a bootstrap variance; Rubin's rules pool them, with the degrees of freedom
of Barnard & Rubin (*Biometrika* 86, 1999).

Drawn answers are neither rounded nor capped: only means and covariances are taken from them, which rounding and capping would bend
(Horton, Lipsitz & Parzen, *American Statistician* 57, 2003; von Hippel, *Sociological Methods & Research* 42, 2013). They are never
shown as answers. All this presumes that, given everything else in the model, whether an answer is missing does not depend on the
answer. That cannot be tested: a ranking that changes is a warning, not a proof that the imputed one is right. Rows without an
outcome or a weight are left out and counted.

scikit-learn's IterativeImputer is not used: it takes the fitted regression as known, so that imputations differ too little. With half
of one driver missing, its 95% interval of that driver's coefficient held the truth in 44 of 50 simulated sets, this one in 48, listwise
deletion in 26; it takes 16 times as long (`python benchmarks/drivers_missing.py --sklearn --sets 50`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from cxlab.drivers.complete import answers
from cxlab.drivers.importance import lmg
from cxlab.drivers.moments import check_n_boot, check_separate, moments, products, resampled_sums, slopes
from cxlab.drivers.performance import check_drivers, check_enough, weights_and_clusters
from cxlab.drivers.robust import robust_fit
from cxlab.inference import benjamini_hochberg
from cxlab.inference.intervals import Floats, check_conf_level, critical_value
from cxlab.inference.permutation import Codes

MUCH_MISSING = 0.3  # share of holes from which on it is worth asking whether the question applied
LEAST_ANSWERS = 30  # answers to a driver from which on others may be drawn
_ROUNDS = 10

NotApplicable = Mapping[str, Any]
Marks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ImputedDrivers:
    """Shares and coefficients pooled over imputations.

    `shares` and `coefficients` have one row a driver: driver, estimate (share of R², 0 to 1; points of the outcome a point of the
    driver), std_error, conf_low, conf_high (of a share within 0 and 1), conf_level, n, df, missing_information (the part of the
    variance that is there because answers are missing), rank (shares only). `r2` is the mean over imputations. `n_not_applicable`
    respondents are outside because a touchpoint does not apply, `n_left_out` lack the outcome or a weight; `n_incomplete` of the `n`
    had an answer drawn.
    """

    shares: pd.DataFrame
    coefficients: pd.DataFrame
    r2: float
    n: int
    n_incomplete: int
    n_not_applicable: int
    n_left_out: int
    n_imputations: int
    conf_level: float


@dataclass(frozen=True)
class RankingComparison:
    """Whether the ranking rests on who answered everything.

    `table`: driver, share_listwise, _error, _low, _high, rank_listwise, the same of imputed, missing (share of the `n_imputed`
    respondents without an answer to it), missing_information. `turned` has one row for each pair of drivers whose order differs,
    leader by those who answered everything first: driver, other, difference_listwise, _low, _high (share of driver less share of
    other), the same of imputed, clear ("both", "listwise", "imputed", "neither": where the interval of the difference leaves 0 out).
    """

    table: pd.DataFrame
    turned: pd.DataFrame
    n_listwise: int
    n_imputed: int
    n_not_applicable: int
    n_left_out: int
    n_imputations: int
    conf_level: float

    @property
    def first_listwise(self) -> str:
        return str(self.table["driver"].iloc[int(self.table["rank_listwise"].argmin())])

    @property
    def first_imputed(self) -> str:
        return str(self.table["driver"].iloc[int(self.table["rank_imputed"].argmin())])

    @property
    def first_depends(self) -> bool:
        """Another driver is first where missing answers are drawn."""
        return self.first_listwise != self.first_imputed

    @property
    def order_depends(self) -> bool:
        """Any two drivers change their order, clearly or not."""
        return len(self.turned) > 0

    @property
    def clearly(self) -> bool:
        """Two drivers change their order, and each order is clear of chance."""
        return bool((self.turned["clear"] == "both").any())


def applicable(
    data: pd.DataFrame, drivers: Sequence[str], not_applicable: NotApplicable | None = None
) -> tuple[pd.DataFrame, Marks]:
    """The drivers as numbers, with NaN for what is missing or does not apply, and respondents × drivers: does not apply.

    `not_applicable` is driver → the code, or list of codes, that says so, or one True/False for each row (a Series or an array).

    >>> table, marks = applicable(pd.DataFrame({"app": [0, 3, None]}), ["app"], {"app": 0})
    >>> table["app"].tolist(), marks[:, 0].tolist()
    ([nan, 3.0, nan], [True, False, False])
    """
    codes = dict(not_applicable or {})
    for name in codes:
        if name not in drivers:
            raise ValueError(f"`not_applicable` names `{name}`, which is no driver; there are {', '.join(drivers)}")
    marks = np.zeros((len(data), len(drivers)), dtype=bool)
    values = np.column_stack([answers(data, name) for name in drivers])
    for j, name in enumerate(drivers):
        if name in codes:
            marks[:, j] = _marked(values[:, j], codes[name], name)
            contradicts = marks[:, j] & ~np.isnan(values[:, j]) & _is_mask(codes[name])
            if contradicts.any():
                at = int(np.flatnonzero(contradicts)[0])
                raise ValueError(
                    f"`{name}` does not apply in row {data.index[at]!r}, but its answer there is {values[at, j]:g}; mend one of them"
                )
    values[marks] = np.nan
    return pd.DataFrame(values, columns=list(drivers), index=data.index), marks


def _is_mask(given: Any) -> bool:
    return isinstance(given, pd.Series | np.ndarray) and np.asarray(given).dtype == bool


def _marked(values: Floats, given: Any, name: str) -> Marks:
    if _is_mask(given):
        if len(given) != len(values):
            raise ValueError(
                f"`not_applicable` of `{name}` has {len(given)} marks for {len(values)} rows; give one for each"
            )
        return np.asarray(given)
    return np.isin(values, np.atleast_1d(np.asarray(given, dtype=float)))


def rows_lost(
    data: pd.DataFrame, outcome: str, drivers: Sequence[str], *, not_applicable: NotApplicable | None = None
) -> pd.DataFrame:
    """One row a driver, those that cost most first: driver, n (respondents with the outcome), answered, missing, not_applicable,
    lost_alone (missing and not applicable: the rows lost where it is the only driver), lost_only (the rows lost only because of it: they
    would count if it were left out), whole (rows with all drivers), whole_without (rows with all the others), ask (30% or more are
    missing and nothing says that it may not apply: did they use it?)."""
    names = check_drivers(data, outcome, drivers)
    table, marks = applicable(data, names, not_applicable)
    there = ~np.isnan(answers(data, outcome))
    hole, marks = table.isna().to_numpy()[there], marks[there]
    n, n_holes = int(there.sum()), hole.sum(axis=1)
    missing = (hole & ~marks).sum(axis=0)
    only = (hole & (n_holes == 1)[:, None]).sum(axis=0)
    whole = int((n_holes == 0).sum())
    said = np.array([name in (not_applicable or {}) for name in names])
    made = pd.DataFrame(
        {
            "driver": names, "n": n, "answered": n - hole.sum(axis=0), "missing": missing, "not_applicable": marks.sum(axis=0),
            "lost_alone": hole.sum(axis=0), "lost_only": only, "whole": whole, "whole_without": whole + only,
            "ask": (missing >= MUCH_MISSING * n) & ~said,
        }
    )  # fmt: skip
    return made.sort_values(["lost_alone", "lost_only"], ascending=False, ignore_index=True, kind="stable")


def among_users(
    data: pd.DataFrame,
    outcome: str,
    drivers: Sequence[str],
    *,
    not_applicable: NotApplicable,
    weights_col: str | None = None,
    cluster_col: str | None = None,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """What a point of each driver goes with among those who use it, from everybody at once: driver, estimate (points of the outcome),
    std_error (HC3, by account CR3), p_value, q_value, conf_low, conf_high, conf_level, n (respondents), n_users, reach (share of
    respondents who use it, weighted), reason.

    Where many touchpoints are each used by few, nobody uses all of them and the model of those who do is empty. Here whoever does not
    use one has an own level of the outcome in its place and says nothing about its slope. That presumes that a touchpoint's slope is
    the same whatever else is used, and does not make a non-user out of a missing answer: those rows are left out. A driver with
    fewer than 30 users has no estimate and is held fixed by whether it was used.
    """
    check_conf_level(conf_level)
    names = check_drivers(data, outcome, drivers)
    table, marks = applicable(data, names, not_applicable)
    w, codes, weighed = weights_and_clusters(data, weights_col, cluster_col)
    y = answers(data, outcome)
    kept = ~np.isnan(y) & weighed & ~(table.isna().to_numpy() & ~marks).any(axis=1)
    check_enough(int(kept.sum()), len(data), 2 * len(names))
    values, outside, w, y = table.to_numpy()[kept], marks[kept], w[kept], y[kept]
    users = ~outside
    told = users.sum(axis=0) >= LEAST_ANSWERS
    given = np.where(outside, 0.0, values)[:, told]  # whatever stands for non-users, their mark takes it up
    design = np.column_stack([given, outside[:, outside.any(axis=0)]])  # marks last: they give way
    fit = robust_fit(design, y, w, np.unique(codes[kept], return_inverse=True)[1])
    made = pd.DataFrame({"driver": names, "estimate": np.nan, "std_error": np.nan})
    made.loc[told, "estimate"] = fit.coefficients[1 : 1 + told.sum()]
    made.loc[told, "std_error"] = fit.std_errors[1 : 1 + told.sum()]
    made["p_value"] = 2 * stats.t.sf(np.abs(made["estimate"] / made["std_error"]), fit.df)
    made["q_value"] = benjamini_hochberg(made["p_value"])
    reach = critical_value(conf_level, fit.df) * made["std_error"]
    few = np.where(
        told, "its answers follow from other drivers, or are all the same", f"fewer than {LEAST_ANSWERS} users"
    )
    return made.assign(
        conf_low=made["estimate"] - reach, conf_high=made["estimate"] + reach, conf_level=conf_level, n=len(y),
        n_users=users.sum(axis=0), reach=np.average(users, axis=0, weights=w),
        reason=np.where(made["estimate"].notna(), "", few),
    )  # fmt: skip


def imputed_drivers(
    data: pd.DataFrame,
    outcome: str,
    drivers: Sequence[str],
    *,
    not_applicable: NotApplicable | None = None,
    weights_col: str | None = None,
    cluster_col: str | None = None,
    n_imputations: int = 20,
    n_boot: int = 200,
    conf_level: float = 0.95,
    random_state: int | None = 0,
) -> ImputedDrivers:
    """Shares and coefficients of everybody to whom all drivers apply, missing answers drawn `n_imputations` times; `n_boot` resamples of
    respondents or accounts give the variance within each.

    Raises ValueError for fewer than two imputations, a driver with fewer than 30 answers, and what `rows_lost` refuses.
    """
    asked = _asked(data, outcome, drivers, not_applicable, weights_col, cluster_col)
    _check_draws(n_imputations, n_boot, conf_level)
    rng = np.random.default_rng(random_state)
    fits = [_fit(filled, asked, n_boot, rng) for filled in _imputations(asked, n_imputations, rng)]
    shares = _pooled([fit[0] for fit in fits], [fit[1].var(axis=0, ddof=1) for fit in fits], asked, conf_level)
    shares[["conf_low", "conf_high"]] = shares[["conf_low", "conf_high"]].clip(0, 1)
    shares["rank"] = shares["estimate"].rank(ascending=False, method="first").astype(int)
    betas = _pooled([fit[2] for fit in fits], [fit[3].var(axis=0, ddof=1) for fit in fits], asked, conf_level)
    return ImputedDrivers(
        shares=shares, coefficients=betas, r2=float(np.mean([fit[4] for fit in fits])), n=len(asked.values),
        n_incomplete=int(asked.hole.any(axis=1).sum()), n_not_applicable=asked.n_not_applicable, n_left_out=asked.n_left_out,
        n_imputations=n_imputations, conf_level=conf_level,
    )  # fmt: skip


def ranking_depends(
    data: pd.DataFrame,
    outcome: str,
    drivers: Sequence[str],
    *,
    not_applicable: NotApplicable | None = None,
    weights_col: str | None = None,
    cluster_col: str | None = None,
    n_imputations: int = 20,
    n_boot: int = 200,
    conf_level: float = 0.95,
    random_state: int | None = 0,
) -> RankingComparison:
    """Shares by those who answered everything beside shares with missing answers drawn, and the pairs of drivers that change their
    order. Both have the same errors (bootstrap variance, t), so that they can be held against each other. Takes and refuses what
    `imputed_drivers` does, and fewer complete rows than a model needs."""
    asked = _asked(data, outcome, drivers, not_applicable, weights_col, cluster_col)
    _check_draws(n_imputations, n_boot, conf_level)
    p = len(asked.names)
    if p < 2:
        raise ValueError(f"a ranking needs two drivers at least, got {p}")
    complete = ~asked.hole.any(axis=1)
    check_enough(int(complete.sum()), len(data), p)
    check_separate(asked.values[complete, :p], asked.weights[complete], asked.names)
    rng = np.random.default_rng(random_state)
    first, second = np.triu_indices(p, 1)
    both = {}
    whole = _Asked(
        asked.names, asked.values[complete], asked.hole[complete], asked.weights[complete], asked.codes[complete],
        asked.weighted, asked.n_not_applicable, asked.n_left_out,
    )  # fmt: skip
    for word, own, tables in (
        ("listwise", whole, [whole.values]),
        ("imputed", asked, _imputations(asked, n_imputations, rng)),
    ):
        fits = [_fit(filled, own, n_boot, rng) for filled in tables]
        shares = _pooled([fit[0] for fit in fits], [fit[1].var(axis=0, ddof=1) for fit in fits], own, conf_level)
        gaps = [fit[0][first] - fit[0][second] for fit in fits]
        spread = [(fit[1][:, first] - fit[1][:, second]).var(axis=0, ddof=1) for fit in fits]
        both[word] = (shares, _pooled(gaps, spread, own, conf_level, np.array(asked.names)[first]))
    table = pd.DataFrame({"driver": asked.names})
    for word, (shares, _) in both.items():
        table[f"share_{word}"], table[f"share_{word}_error"] = shares["estimate"], shares["std_error"]
        table[f"share_{word}_low"] = shares["conf_low"].clip(0, 1)
        table[f"share_{word}_high"] = shares["conf_high"].clip(0, 1)
        table[f"rank_{word}"] = shares["estimate"].rank(ascending=False, method="first").astype(int)
    table["missing"] = asked.hole[:, :p].mean(axis=0)
    table["missing_information"] = both["imputed"][0]["missing_information"]
    return RankingComparison(
        table=table, turned=_turned(asked.names, first, second, both["listwise"][1], both["imputed"][1]),
        n_listwise=int(complete.sum()), n_imputed=len(asked.values), n_not_applicable=asked.n_not_applicable,
        n_left_out=asked.n_left_out, n_imputations=n_imputations, conf_level=conf_level,
    )  # fmt: skip


def pool(estimates: npt.ArrayLike, variances: npt.ArrayLike, df_complete: float) -> pd.DataFrame:
    """Rubin's rules, one row a figure: estimate, std_error, df, missing_information. Both inputs are imputations × figures; a single
    imputation is a table without holes.

    >>> pool([[1.0], [3.0]], [[1.0], [1.0]], 100).round(3).to_dict("records")
    [{'estimate': 2.0, 'std_error': 2.0, 'df': 1.658, 'missing_information': 0.75}]
    """
    each, within = np.asarray(estimates, dtype=float), np.asarray(variances, dtype=float).mean(axis=0)
    m = len(each)
    between = each.var(axis=0, ddof=1) * (1 + 1 / m) if m > 1 else np.zeros(each.shape[1])
    total = within + between
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(total > 0, between / total, 0.0)
        old = np.where(part > 0, (m - 1) / part**2, np.inf)
    observed = (
        (df_complete + 1) / (df_complete + 3) * df_complete * (1 - part) if m > 1 else np.full(part.shape, df_complete)
    )
    return pd.DataFrame(
        {
            "estimate": each.mean(axis=0), "std_error": np.sqrt(total), "df": 1 / (1 / old + 1 / observed),
            "missing_information": part,
        }
    )  # fmt: skip


@dataclass(frozen=True)
class _Asked:
    """Respondents to whom everything applies: `values` (drivers, then the outcome, NaN in holes), `hole`, weight and unit of each."""

    names: list[str]
    values: Floats
    hole: Marks
    weights: Floats
    codes: Codes
    weighted: bool
    n_not_applicable: int
    n_left_out: int


def _check_draws(n_imputations: int, n_boot: int, conf_level: float) -> None:
    check_conf_level(conf_level)
    check_n_boot(n_boot)
    if n_boot == 0:
        raise ValueError("`n_boot` must be 100 or more: the variance within an imputation comes from resamples")
    if int(n_imputations) != n_imputations or n_imputations < 2:
        raise ValueError(f"`n_imputations` must be 2 or more, got {n_imputations!r}; 20 is usual")


def _asked(
    data: pd.DataFrame,
    outcome: str,
    drivers: Sequence[str],
    not_applicable: NotApplicable | None,
    weights_col: str | None,
    cluster_col: str | None,
) -> _Asked:
    names = check_drivers(data, outcome, drivers)
    table, marks = applicable(data, names, not_applicable)
    w, codes, weighed = weights_and_clusters(data, weights_col, cluster_col)
    y = answers(data, outcome)
    there = ~np.isnan(y) & weighed
    outside = there & marks.any(axis=1)
    kept = there & ~outside
    values = np.column_stack([table.to_numpy()[kept], y[kept]])
    check_enough(int(kept.sum()), len(data), len(names))
    for name, n in zip(names, (~np.isnan(values[:, :-1])).sum(axis=0), strict=True):
        if n < LEAST_ANSWERS:
            raise ValueError(
                f"`{name}` has {n} answers of {int(kept.sum())} respondents to whom all drivers apply, too few to draw others from; "
                "leave it out"
            )
    hole = np.isnan(values)
    known = np.where(hole, np.nanmean(values, axis=0), values)
    check_separate(known, w[kept], [*names, outcome])
    return _Asked(
        names=names, values=values, hole=hole, weights=w[kept], codes=np.unique(codes[kept], return_inverse=True)[1],
        weighted=weights_col is not None, n_not_applicable=int(outside.sum()), n_left_out=len(data) - int(there.sum()),
    )  # fmt: skip


def _imputations(asked: _Asked, n_imputations: int, rng: np.random.Generator) -> list[Floats]:
    """Tables without holes. The weight, where there is one, helps to predict."""
    values, hole = asked.values, asked.hole
    if asked.weighted and asked.weights.std() > 0:
        values = np.column_stack([values, asked.weights])
        hole = np.column_stack([hole, np.zeros(len(values), dtype=bool)])
    return [_drawn(values, hole, asked.codes, rng)[:, : asked.values.shape[1]] for _ in range(n_imputations)]


def _drawn(values: Floats, hole: Marks, codes: Codes, rng: np.random.Generator) -> Floats:
    """One table with an answer drawn for each hole: every column in turns by its regression on the others, fitted to redrawn units."""
    centre, size = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    filled = np.where(hole, 0.0, (values - centre) / size)
    n_units, k = int(codes.max()) + 1, values.shape[1]
    design = np.column_stack([filled, np.ones(len(filled))])
    order = np.argsort(hole.sum(axis=0), kind="stable")
    for _ in range(_ROUNDS):
        for j in order[hole[:, order].any(axis=0)]:
            others = np.arange(k + 1) != j
            times = np.bincount(rng.integers(0, n_units, n_units), minlength=n_units)[codes] * ~hole[:, j]
            sums = (design * times[:, None]).T @ design
            beta = np.linalg.lstsq(sums[np.ix_(others, others)], sums[others, j])[0]
            left = max(sums[j, j] - sums[others, j] @ beta, 0) / max(times.sum() - k, 1)
            new = design[hole[:, j]][:, others] @ beta
            design[hole[:, j], j] = new + np.sqrt(left) * rng.normal(size=len(new))
    made: Floats = np.where(hole, design[:, :k] * size + centre, values)
    return made


def _fit(
    filled: Floats, asked: _Asked, n_boot: int, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats, Floats, float]:
    """Shares, shares of resamples, slopes, slopes of resamples, R²."""
    p = filled.shape[1] - 1
    rows = products(filled - np.average(filled, axis=0, weights=asked.weights)) * asked.weights[:, None]
    drawn = resampled_sums(rows, asked.codes, n_boot, rng)
    own = rows.sum(axis=0)[None]
    importance = lmg(_correlations(own, p + 1))[0]
    resampled = _correlations(drawn, p + 1)
    parts = lmg(resampled[np.isfinite(resampled).all(axis=(1, 2))])
    betas = slopes(drawn, p)
    return (
        importance / importance.sum(), parts / parts.sum(axis=1, keepdims=True), slopes(own, p)[0],
        betas[np.isfinite(betas).all(axis=1)], float(importance.sum()),
    )  # fmt: skip


def _correlations(sums: Floats, m: int) -> Floats:
    covariance = moments(sums, m)[1]
    spread = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    with np.errstate(invalid="ignore", divide="ignore"):
        made: Floats = covariance / (spread[:, :, None] * spread[:, None, :])
    return made


def _pooled(
    estimates: list[Floats], variances: list[Floats], asked: _Asked, conf_level: float, names: Any = None
) -> pd.DataFrame:
    table = pool(estimates, variances, np.unique(asked.codes).size - 1)
    reach = stats.t.ppf(0.5 + conf_level / 2, table["df"]) * table["std_error"]
    table.insert(0, "driver", asked.names if names is None else names)
    table.insert(3, "conf_low", table["estimate"] - reach)
    table.insert(4, "conf_high", table["estimate"] + reach)
    return table.assign(conf_level=conf_level, n=len(asked.values))


def _turned(
    names: list[str],
    first: npt.NDArray[np.intp],
    second: npt.NDArray[np.intp],
    listwise: pd.DataFrame,
    imputed: pd.DataFrame,
) -> pd.DataFrame:
    rows = []
    for k, (a, b) in enumerate(zip(first, second, strict=True)):
        before, after = listwise.iloc[k], imputed.iloc[k]
        if np.sign(before["estimate"]) == np.sign(after["estimate"]):
            continue
        turn = 1 if before["estimate"] > 0 else -1
        row: dict[str, Any] = {"driver": names[a if turn > 0 else b], "other": names[b if turn > 0 else a]}
        clear = []
        for word, gap in (("listwise", before), ("imputed", after)):
            low, high = sorted((turn * gap["conf_low"], turn * gap["conf_high"]))
            row |= {
                f"difference_{word}": turn * gap["estimate"],
                f"difference_{word}_low": low,
                f"difference_{word}_high": high,
            }
            clear.append(low > 0 or high < 0)
        rows.append(row | {"clear": {3: "both", 1: "listwise", 2: "imputed", 0: "neither"}[clear[0] + 2 * clear[1]]})
    return pd.DataFrame(rows, columns=_TURNED)


_TURNED = [
    "driver", "other", "difference_listwise", "difference_listwise_low", "difference_listwise_high", "difference_imputed",
    "difference_imputed_low", "difference_imputed_high", "clear",
]  # fmt: skip
