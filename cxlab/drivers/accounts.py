"""What matters to one key account, where a single account has too few answers for a model of its own?

One row in is one answer of a respondent who belongs to an account. All accounts are fitted together: each has its own level and its own
coefficient of every driver, which scatter around those of the whole (random coefficients; Laird & Ware, *Biometrics* 38, 1982). The
estimate of an account lies between its own regression and the whole, nearer to the whole the fewer answers it has and the less accounts
differ at all (partial pooling; Gelman & Hill 2007, chapter 12). `customer_priorities` does the same for single customers who answered
in several waves, where their record is long enough.

Units are points of the outcome per point of the driver. `reliability` (0 to 1) says how much of what sets accounts apart the answers of
this account could tell: 0 is the whole under another name, 1 the account's own. Variances are fitted by restricted likelihood (REML), one
for the level and one for each driver, without correlations between them; drivers are centred on the whole so that the level is that of
an average experience. A variance that is 0 by luck would make every account the whole, and its interval too narrow: the likelihood
carries the penalty of Chung et al. (*Psychometrika* 78, 2013), so that `sd` leans a little upwards; the test of a driver's variance does
not carry it. In `benchmarks/drivers_accounts.py` 95% intervals held the truth in 96% (in 100% where accounts do not differ;
without the penalty in 89% where they differ little). Intervals take the variances as known.

An account that is served better may also be more loyal for other reasons. So that this does not pass for what its people weigh up, the
means of an account's answers are held fixed (Mundlak, *Econometrica* 46, 1978): coefficients are about differences between people of one
account. With fewer than five accounts for each driver, or a driver that is the same for all people of each account, that cannot be done,
`means_held` is False, and coefficients mix both.

What it does not say: that the coefficients are causes; nor who was not asked in an account. Sampling weights have no place here: they
would stand for people outside the account. Rows with a missing answer or account are left out and counted. Refused are fewer than
ten accounts with two answers or more, since how much accounts differ cannot be told from so few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, stats

from cxlab.drivers.complete import complete_answers
from cxlab.inference.intervals import Floats, check_conf_level, critical_value
from cxlab.inference.multiplicity import with_readings
from cxlab.problems import NotApplicableError
from cxlab.wording import list_text

LEAST_ACCOUNTS = 10
LEAST_CUSTOMERS = 30
_UNITS_PER_MEAN = 5  # accounts for each driver, from which on their means are held fixed
LEAST_ANSWERS = 5  # of a customer, to be shown
_N_DRAWS = 2_000  # for the chance that a driver is an account's first
_FIELDS = [
    "driver", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "whole", "difference", "difference_low",
    "difference_high", "reliability", "place", "mean", "reading",
]  # fmt: skip


@dataclass(frozen=True)
class AccountPriorities:
    """`table` has one row an account (in a column named as it was given) and driver: estimate with interval, n (answers of the
    account), whole (the coefficient of all), difference (from the whole) with interval, reliability, place (1 is the driver whose usual
    spread moves the outcome most), mean (of the account's answers to the driver), reading: "more than the whole", "less than the whole",
    "not clear". Each interval stands for itself; they are already drawn towards the whole.

    `accounts` has one row an account: n, level (the outcome at an average experience) with level_low and level_high, first (the driver
    in place 1) and probability_first. `spread` has one row a driver: estimate (of the whole) with interval, sd (how far the
    coefficients of accounts scatter), p_value (that they do not), q_value, reading ("differs", "not clear"). `n_short` accounts have
    fewer than `least_answers` and are not shown. `means_held`: coefficients are about differences within accounts.
    """

    table: pd.DataFrame
    accounts: pd.DataFrame
    spread: pd.DataFrame
    unit_col: str
    residual_sd: float
    level_sd: float
    n: int
    n_left_out: int
    n_accounts: int
    n_short: int
    means_held: bool
    conf_level: float

    def to_frame(self) -> pd.DataFrame:
        return self.table.copy()

    def headline(self) -> str:
        """Whether accounts differ in what matters to them, and in which drivers."""
        base = f"{self.n_accounts:,} by {self.unit_col}, {self.n:,} answers"
        names = list(self.spread.loc[self.spread["reading"] == "differs", "driver"])
        if not names:
            return f"What matters does not clearly differ between them: the priorities of the whole hold for each ({base})."
        return f"What matters differs between them, clearly in {list_text(names)} ({base})."


def account_priorities(
    data: pd.DataFrame,
    *,
    outcome: str,
    drivers: Sequence[str],
    account_col: str,
    least_answers: int = 1,
    conf_level: float = 0.95,
    random_state: int = 0,
) -> AccountPriorities:
    """The drivers of each account, drawn towards those of all accounts. Accounts below `least_answers` take part, but are not shown.

    Raises `NotApplicableError` where fewer than ten accounts have two answers, or answers are fewer than there is to tell.
    """
    return _pooled(
        data, outcome, drivers, account_col, None, least_answers, LEAST_ACCOUNTS, 2, conf_level, random_state
    )


def customer_priorities(
    data: pd.DataFrame,
    *,
    outcome: str,
    drivers: Sequence[str],
    customer_col: str,
    wave_col: str,
    least_answers: int = LEAST_ANSWERS,
    conf_level: float = 0.95,
    random_state: int = 0,
) -> AccountPriorities:
    """The drivers of each customer with at least `least_answers` answers over waves; what all customers share of a wave is taken out.

    Raises `NotApplicableError` where fewer than thirty customers have so many.
    """
    return _pooled(
        data, outcome, drivers, customer_col, wave_col, least_answers, LEAST_CUSTOMERS, least_answers, conf_level, random_state
    )  # fmt: skip


def _pooled(
    data: pd.DataFrame,
    outcome: str,
    drivers: Sequence[str],
    unit_col: str,
    wave_col: str | None,
    least_answers: int,
    least_units: int,
    long_enough: int,
    conf_level: float,
    random_state: int,
) -> AccountPriorities:
    check_conf_level(conf_level)
    if unit_col in _FIELDS:
        raise ValueError(
            f"the column of accounts must not be called `{unit_col}`, as a column of the result is; rename it"
        )
    if least_answers < 1:
        raise ValueError(f"`least_answers` must be 1 or more, got {least_answers!r}")
    columns = [unit_col, *([wave_col] if wave_col else [])]
    known = complete_answers(data, outcome=outcome, drivers=drivers, group_cols=columns)
    codes, names = pd.factorize(known.rows[unit_col], sort=True)
    counts = np.bincount(codes, minlength=len(names))
    enough = int((counts >= long_enough).sum())
    if enough < least_units:
        raise NotApplicableError(
            f"needs {least_units} values of {unit_col} with {long_enough} complete answers or more; {enough} of {len(names)} have them"
        )
    spread = known.X.std(axis=0)
    for name, size in zip(known.drivers, spread, strict=True):
        if not size > 0:
            raise ValueError(f"`{name}` has no spread: every answer is the same; leave it out")
    Z = np.column_stack([np.ones(known.n), (known.X - known.X.mean(axis=0)) / spread])
    waves = _wave_columns(known.rows[wave_col]) if wave_col else np.zeros((known.n, 0))
    X = np.column_stack([Z, waves])
    if np.linalg.matrix_rank(X) < X.shape[1]:
        raise ValueError("the drivers follow from each other; leave one out")
    between = _unit_means(Z[:, 1:], codes.astype(np.intp))
    with_means = np.column_stack([Z, between[codes], waves])
    means_held = len(names) >= _UNITS_PER_MEAN * len(known.drivers) and bool(
        np.linalg.matrix_rank(with_means) == with_means.shape[1]
    )
    X = with_means if means_held else X
    if known.n < len(names) + 2 * X.shape[1]:
        raise NotApplicableError(
            f"needs more answers than one a value of {unit_col}; {known.n} answers are there for {len(names)} of them"
        )
    middle = float(known.y.mean())  # taken out before sums of squares are made, against rounding
    sums = _Sums.of(X, Z, known.y - middle, codes.astype(np.intp), len(names))
    plain = _fitted(sums)
    fit = _away_from_zero(sums, plain)
    shown = np.flatnonzero(counts >= least_answers)
    scale = np.concatenate([[1.0], spread])
    rng = np.random.default_rng(random_state)
    place_of_means = between if means_held else np.zeros((len(names), 0))
    means = _unit_means(known.X, codes.astype(np.intp))
    table, accounts = _tables(
        fit, sums, middle, place_of_means, means, counts, shown, names, known.drivers, scale, conf_level, rng
    )
    return AccountPriorities(
        table=table.rename(columns={"unit": unit_col}),
        accounts=accounts.rename(columns={"unit": unit_col}),
        spread=_spread(fit, plain, sums, known.drivers, scale, conf_level, known.n),
        unit_col=unit_col,
        residual_sd=float(np.sqrt(fit.variance)),
        level_sd=float(np.sqrt(fit.variance * fit.ratios[0])),
        n=known.n,
        n_left_out=known.n_left_out,
        n_accounts=len(names),
        n_short=len(names) - len(shown),
        means_held=means_held,
        conf_level=conf_level,
    )


def _unit_means(X: Floats, codes: npt.NDArray[np.intp]) -> Floats:
    """Accounts × columns."""
    sums = np.stack([np.bincount(codes, weights=column) for column in X.T], axis=1)
    made: Floats = sums / np.bincount(codes)[:, None]
    return made


def _wave_columns(waves: pd.Series) -> Floats:
    """One column a wave but the first, centred so that the constant stays that of the whole."""
    made = pd.get_dummies(waves, drop_first=True).to_numpy(dtype=float)
    centred: Floats = made - made.mean(axis=0)
    return centred


# ------------------------------------------------------------------------------------------------------------ likelihood


@dataclass(frozen=True)
class _Sums:
    """What the likelihood needs of each account: Z′Z, Z′X, Z′y, and X′X, X′y, y′y over all (k random, q fixed columns)."""

    ZZ: Floats
    ZX: Floats
    Zy: Floats
    XX: Floats
    Xy: Floats
    yy: float
    n: int

    @classmethod
    def of(cls, X: Floats, Z: Floats, y: Floats, codes: npt.NDArray[np.intp], units: int) -> _Sums:
        order = np.argsort(codes, kind="stable")
        starts = np.searchsorted(codes[order], np.arange(units))

        def summed(left: Floats, right: Floats) -> Floats:
            made = np.stack(
                [np.add.reduceat(left[order] * right[order, j, None], starts) for j in range(right.shape[1])], 2
            )
            return np.asarray(made, dtype=float)

        return cls(
            ZZ=summed(Z, Z), ZX=summed(Z, X), Zy=summed(Z, y[:, None])[:, :, 0], XX=X.T @ X, Xy=X.T @ y, yy=float(y @ y), n=len(y)
        )  # fmt: skip


@dataclass(frozen=True)
class _Fit:
    """`ratios` are the variances of the random columns over `variance`, that of the rest; `inside` is (I + ΛZ′ZΛ)⁻¹ of each account, with
    Λ the roots of the ratios; `inverse` is (ΣX′V⁻¹X)⁻¹; `deviance` −2 log restricted likelihood but for a constant."""

    ratios: Floats
    beta: Floats
    variance: float
    inside: Floats
    inverse: Floats
    deviance: float
    gradient: Floats


def _at(ratios: Floats, sums: _Sums) -> _Fit:
    """The restricted likelihood at given ratios, with everything else at its best."""
    root = np.sqrt(ratios)
    k = len(ratios)
    inner = np.eye(k) + root[:, None] * sums.ZZ * root
    inside: Floats = np.linalg.inv(inner).astype(float)
    through = root[:, None] * inside * root  # ΛW⁻¹Λ
    A = sums.XX - np.einsum("gik,gij,gjl->kl", sums.ZX, through, sums.ZX, optimize=True)
    b = sums.Xy - np.einsum("gik,gij,gj->k", sums.ZX, through, sums.Zy, optimize=True)
    c = sums.yy - float(np.einsum("gi,gij,gj->", sums.Zy, through, sums.Zy, optimize=True))
    inverse = np.linalg.inv(A)
    beta = inverse @ b
    df = sums.n - len(beta)
    rest = c - float(b @ beta)
    # Z′V⁻¹ of Z, X and the residuals, account by account
    kept = np.eye(k) - sums.ZZ @ through
    ZVX = kept @ sums.ZX
    ZVe = np.einsum("gij,gj->gi", kept, sums.Zy) - ZVX @ beta
    own = np.einsum("gij,gji->gi", kept, sums.ZZ).sum(axis=0)
    fixed = np.einsum("gik,kl,gil->i", ZVX, inverse, ZVX, optimize=True)
    gradient = own - fixed - df * (ZVe**2).sum(axis=0) / rest
    deviance = float(np.linalg.slogdet(inner)[1].sum() + np.linalg.slogdet(A)[1] + df * np.log(rest))
    return _Fit(ratios, beta, rest / df, inside, inverse, deviance, gradient)


def _fitted(sums: _Sums, without: int | None = None, near: Floats | None = None) -> _Fit:
    """The ratios at which the restricted likelihood is largest, sought from two starts or from `near`; `without` one of them stays 0."""
    k = sums.ZZ.shape[1]
    bounds = [(0.0, 0.0) if j == without else (0.0, 1e4) for j in range(k)]

    def target(ratios: Floats) -> tuple[float, Floats]:
        fit = _at(ratios, sums)
        return fit.deviance, fit.gradient

    found = []
    for start in [near] if near is not None else [np.full(k, 0.1), np.full(k, 0.01)]:
        first = np.where(np.arange(k) == without, 0.0, start)
        made = optimize.minimize(
            target, first, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500, "ftol": 1e-12, "gtol": 1e-7}
        )  # fmt: skip
        found.append(_at(np.asarray(made.x, dtype=float), sums))
    return min(found, key=lambda fit: fit.deviance)


def _away_from_zero(sums: _Sums, plain: _Fit) -> _Fit:
    """The fit whose likelihood is multiplied by the roots of the ratios, so that none of them is 0 by luck."""

    def target(ratios: Floats) -> tuple[float, Floats]:
        fit = _at(ratios, sums)
        return fit.deviance - float(np.log(ratios).sum()), fit.gradient - 1 / ratios

    made = optimize.minimize(
        target, np.maximum(plain.ratios, 0.01), jac=True, method="L-BFGS-B", bounds=[(1e-8, 1e4)] * len(plain.ratios),
        options={"maxiter": 500, "ftol": 1e-12, "gtol": 1e-7},
    )  # fmt: skip
    return _at(np.asarray(made.x, dtype=float), sums)


# ---------------------------------------------------------------------------------------------------------------- tables


def _tables(
    fit: _Fit,
    sums: _Sums,
    middle: float,
    between: Floats,
    means: Floats,
    counts: npt.NDArray[np.intp],
    shown: npt.NDArray[np.intp],
    names: Any,
    drivers: Sequence[str],
    scale: Floats,
    conf_level: float,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    root = np.sqrt(fit.ratios)
    k = len(root)
    reach = critical_value(conf_level)
    rows, heads = [], []
    noise = rng.standard_normal((_N_DRAWS, k - 1))
    for g in shown:
        through = root[:, None] * fit.inside[g] * root
        left = sums.Zy[g] - sums.ZX[g] @ fit.beta
        own = through @ left
        pull = through @ sums.ZX[g]  # DZ′V⁻¹X
        select = np.eye(k, len(fit.beta))
        select[0, k : k + between.shape[1]] = between[g]  # the level of an account with these means
        error = fit.variance * (through + pull @ fit.inverse @ pull.T)
        total = fit.variance * (through + (select - pull) @ fit.inverse @ (select - pull).T)
        estimate, std_error = select @ fit.beta + own, np.sqrt(np.diag(total))
        apart = np.sqrt(np.diag(error))
        apart_at_all = fit.variance * fit.ratios
        known_part = 1 - np.diag(error) / np.where(apart_at_all > 0, apart_at_all, 1)
        reliability = np.where(apart_at_all > 0, known_part, 0.0).clip(0, 1)
        place = stats.rankdata(-estimate[1:], method="min").astype(int)
        drawn = estimate[1:] + noise @ _root(total[1:, 1:]).T
        first = int(estimate[1:].argmax())
        name = names[g]
        for j, driver in enumerate(drivers, start=1):
            low, high = own[j] - reach * apart[j], own[j] + reach * apart[j]
            reading = "more than the whole" if low > 0 else "less than the whole" if high < 0 else "not clear"
            rows.append(
                {
                    "unit": name, "driver": driver, "estimate": estimate[j] / scale[j], "std_error": std_error[j] / scale[j],
                    "conf_low": (estimate[j] - reach * std_error[j]) / scale[j],
                    "conf_high": (estimate[j] + reach * std_error[j]) / scale[j], "conf_level": conf_level, "n": int(counts[g]),
                    "whole": fit.beta[j] / scale[j], "difference": own[j] / scale[j], "difference_low": low / scale[j],
                    "difference_high": high / scale[j], "reliability": float(reliability[j]), "place": int(place[j - 1]),
                    "mean": float(means[g, j - 1]), "reading": reading,
                }
            )  # fmt: skip
        heads.append(
            {
                "unit": name, "n": int(counts[g]), "level": middle + estimate[0],
                "level_low": middle + estimate[0] - reach * std_error[0],
                "level_high": middle + estimate[0] + reach * std_error[0], "first": drivers[first],
                "probability_first": float((drawn.argmax(axis=1) == first).mean()),
            }
        )  # fmt: skip
    head = ["unit", "n", "level", "level_low", "level_high", "first", "probability_first"]
    return pd.DataFrame(rows, columns=["unit", *_FIELDS]), pd.DataFrame(heads, columns=head)


def _root(covariance: Floats) -> Floats:
    values, axes = np.linalg.eigh(covariance)
    made: Floats = axes * np.sqrt(values.clip(0))
    return made


def _spread(
    fit: _Fit, plain: _Fit, sums: _Sums, drivers: Sequence[str], scale: Floats, conf_level: float, n: int
) -> pd.DataFrame:
    """The whole, and how far accounts scatter around it. A variance cannot be negative, so half of the chance lies at 0 (Self & Liang,
    *Journal of the American Statistical Association* 82, 1987)."""
    reach = critical_value(conf_level)
    errors = np.sqrt(fit.variance * np.diag(fit.inverse))
    rows = []
    for j, driver in enumerate(drivers, start=1):
        gain = max(_fitted(sums, without=j, near=plain.ratios).deviance - plain.deviance, 0.0)
        estimate, error = fit.beta[j] / scale[j], errors[j] / scale[j]
        rows.append(
            {
                "driver": driver, "estimate": estimate, "std_error": error, "conf_low": estimate - reach * error,
                "conf_high": estimate + reach * error, "conf_level": conf_level, "n": n,
                "sd": float(np.sqrt(fit.variance * fit.ratios[j])) / scale[j],
                "p_value": float(0.5 * stats.chi2.sf(gain, 1)) if gain > 1e-8 else 1.0,
            }
        )  # fmt: skip
    return with_readings(pd.DataFrame(rows), conf_level).replace(
        {"reading": {"changed": "differs", "no clear change": "not clear"}}
    )
