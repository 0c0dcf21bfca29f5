"""Do the drivers of loyalty differ between segments?

One row in is one respondent. First one test of everything together: does any coefficient of any driver differ between any two segments
(Chow, *Econometrica* 28, 1960; each segment has its own level in both models, so a segment that is merely happier is no difference)?
Then one test a driver, with Benjamini and Hochberg's correction over the drivers. Coefficients and shares of R² (LMG) of each segment
stand beside it for display, each with its interval.

That a driver is clear in one segment and not in another is no difference (Gelman & Stern, *American Statistician* 60, 2006): the smaller
segment has the wider interval. Nothing here compares two verdicts. A share of R² also depends on how much the answers of a segment
spread; shares may differ where the coefficients do not, and the test is about the coefficients.

`kind="ols"`: a Wald test with errors HC3, by account CR3, as an F statistic; by account with Hotelling's correction for the number of
accounts. `kind="ordered"` (and `"logit"`, an ordered outcome with two answers): a likelihood-ratio test with common thresholds; with
weights or accounts, where a likelihood is none, a Wald test with sandwich errors and the same correction. Where there was no difference
the linear test called one in 2 to 7% of draws at 5%, whether accounts lie within segments or across them
(`benchmarks/drivers_segments.py`). A slope in a segment that grows without end (separation: the driver tells the answers apart without
error there) is named, and its estimate withheld.

Segments with fewer than `least_per_driver` rows for each driver, or fewer than `min_base`, are left out and counted; rows with a missing
answer or segment, too. With fewer than two segments nothing is tested and `reason` says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from cxlab.drivers.complete import CompleteAnswers, complete_answers
from cxlab.drivers.importance import lmg, resampled
from cxlab.drivers.ordered import OrderedLogit, fit_ordered
from cxlab.drivers.robust import RobustFit, robust_fit, wald_test
from cxlab.inference.intervals import Floats, check_conf_level, critical_value
from cxlab.inference.multiplicity import with_readings
from cxlab.problems import did_you_mean
from cxlab.wording import list_text, p_text

Kind = Literal["ols", "ordered", "logit"]
LEAST_PER_DRIVER = 10  # rows of a segment for each driver
MOST_SHARED = 20  # drivers up to which shares are shown; 2^p subsets for each segment and resample
LEAST_CLUSTERS = 5  # accounts of a segment, where errors are by account
READINGS = {"changed": "differs", "no clear change": "not clear"}
TESTS = ["driver", "statistic", "df", "df_residual", "p_value", "q_value", "reading", "n", "reason"]
COEFFICIENTS = [
    "segment", "driver", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "share", "share_low", "share_high", "n",
    "term", "reason",
]  # fmt: skip


@dataclass(frozen=True)
class SegmentDifferences:
    """`statistic`, `df`, `df_residual` (infinite for χ²) and `p_value` of the one test of all drivers; `test` names it.

    `tests` has one row a driver (columns `TESTS`), `coefficients` one row a segment and driver (`COEFFICIENTS`: points of the outcome a
    point of the driver, or log odds; share of R², 0 to 1; term is the driver that is tested), `segments` one row a segment: segment,
    n, units (accounts, or respondents), level (the mean of the outcome), kept, reason. `separated` are the drivers with a slope that
    grows without end in some segment. `n` rows are in the tests; `n_small` are in segments left out, `n_left_out` lack an answer or a
    segment.
    """

    statistic: float
    df: int
    df_residual: float
    p_value: float
    test: str
    tests: pd.DataFrame
    coefficients: pd.DataFrame
    segments: pd.DataFrame
    separated: list[str]
    n: int
    n_small: int
    n_left_out: int
    conf_level: float
    reason: str = ""

    def to_frame(self) -> pd.DataFrame:
        """One row a segment and driver, with the p_value, q_value and reading of its driver's test."""
        verdicts = self.tests.rename(columns={"driver": "term"})[["term", "p_value", "q_value", "reading"]]
        return self.coefficients.merge(verdicts, on="term", how="left", validate="many_to_one")

    def headline(self) -> str:
        """Whether drivers differ between the segments, and which."""
        if math.isnan(self.p_value):
            return f"Whether drivers differ between segments cannot be said: {self.reason}."
        kept = int(self.segments["kept"].sum())
        base = f"{kept} segments, n {self.n:,}, p {p_text(self.p_value)}"
        if self.p_value >= 1 - self.conf_level:
            return f"The drivers do not clearly differ between segments ({base})."
        names = list(self.tests.loc[self.tests["reading"] == "differs", "driver"])
        which = f"clearly {list_text(names)}" if names else "though no single driver clearly does"
        return f"The drivers differ between segments, {which} ({base})."


def segment_differences(
    data: pd.DataFrame,
    *,
    outcome: str,
    drivers: Sequence[str],
    segment_col: str,
    kind: Kind = "ols",
    weights_col: str | None = None,
    cluster_col: str | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    min_base: int = 30,
    least_per_driver: int = LEAST_PER_DRIVER,
    conf_level: float = 0.95,
    n_boot: int = 500,
    random_state: int = 0,
) -> SegmentDifferences:
    """Whether the drivers of `outcome` differ between the segments in `segment_col`. `n_boot` resamples give the intervals of shares
    (0: none; above 20 drivers there are no shares). `groups`: name → columns of `drivers` that are tested as one driver, such as the
    categories of one question; coefficients and shares stay those of the columns.

    Raises ValueError for columns that are not there, text and impossible weights, and a binary outcome with more than two answers.
    """
    check_conf_level(conf_level)
    known = complete_answers(
        data,
        outcome=outcome,
        drivers=drivers,
        weights_col=weights_col,
        cluster_col=cluster_col,
        group_cols=[segment_col],
    )
    levels = np.unique(known.y)
    if kind == "logit" and len(levels) > 2:
        raise ValueError(f"`{outcome}` has {len(levels)} different answers; kind logit needs two, use ordered or ols")
    names = np.asarray(known.rows[segment_col], dtype=object)
    segments = _segments(known, names, min_base, least_per_driver, cluster_col is not None)
    kept = list(segments.loc[segments["kept"], "segment"])
    number = {name: place for place, name in enumerate(kept)}
    inside = np.array([name in number for name in names], dtype=bool)
    whose = np.array([number[name] for name in names[inside]], dtype=np.intp)
    terms = _terms(known.drivers, groups or {})
    part = _Part(known, inside, whose, kept, terms, weights_col is not None, cluster_col is not None, conf_level)
    if len(kept) < 2:
        found = _Tested.none(list(terms), f"{len(kept)} of {len(segments)} segments are large enough, two are needed")
        rows = _linear_rows(part, [_fit(part, s) for s in range(len(kept))])
    elif kind == "ols":
        fits = [_fit(part, s) for s in range(len(kept))]
        found, rows = _linear_tests(part, fits), _linear_rows(part, fits)
    else:
        found, rows = _ordered_tests(part)
    shares = _shares(part, n_boot, random_state)
    owner = {known.drivers[j]: name for name, columns in terms.items() for j in columns}
    tests = with_readings(found.tests, conf_level).replace({"reading": READINGS})
    tests = tests.assign(n=int(inside.sum()))[TESTS]
    return SegmentDifferences(
        statistic=found.statistic,
        df=found.df,
        df_residual=found.df_residual,
        p_value=found.p_value,
        test=found.test,
        tests=tests,
        coefficients=rows.merge(shares, on=["segment", "driver"], validate="one_to_one").assign(
            term=lambda table: table["driver"].map(owner)
        )[COEFFICIENTS],
        segments=segments,
        separated=found.separated,
        n=int(inside.sum()),
        n_small=int((~inside).sum()),
        n_left_out=known.n_left_out,
        conf_level=conf_level,
        reason=found.reason,
    )


# ------------------------------------------------------------------------------------------------------------ who is in


@dataclass(frozen=True)
class _Part:
    """The rows of the segments that are large enough; `whose` is the number of each row's segment, `terms` name → numbers of columns."""

    known: CompleteAnswers
    inside: npt.NDArray[np.bool_]
    whose: npt.NDArray[np.intp]
    kept: list[Any]
    terms: dict[str, list[int]]
    weighted: bool
    clustered: bool
    conf_level: float

    def __post_init__(self) -> None:
        assert len(self.whose) == int(self.inside.sum())

    @property
    def X(self) -> Floats:
        return self.known.X[self.inside]

    @property
    def y(self) -> Floats:
        return self.known.y[self.inside]

    @property
    def weights(self) -> Floats:
        return self.known.weights[self.inside]

    @property
    def clusters(self) -> npt.NDArray[np.intp]:
        """Numbered from 0 among the rows that are in."""
        return np.unique(self.known.clusters[self.inside], return_inverse=True)[1].astype(np.intp)


def _terms(drivers: Sequence[str], groups: Mapping[str, Sequence[str]]) -> dict[str, list[int]]:
    """What is tested as one driver, by the numbers of its columns, in the order of the columns."""
    owner: dict[str, str] = {}
    for name, columns in groups.items():
        for column in columns:
            if column not in drivers:
                raise ValueError(f"`groups` names `{column}`, which is no driver; {did_you_mean(column, drivers)}")
            if column in owner:
                raise ValueError(f"`{column}` is in two groups, {owner[column]} and {name}; leave it in one")
            owner[column] = name
    terms: dict[str, list[int]] = {}
    for j, column in enumerate(drivers):
        terms.setdefault(owner.get(column, column), []).append(j)
    return terms


def _segments(
    known: CompleteAnswers, names: npt.NDArray[Any], min_base: int, least_per_driver: int, clustered: bool
) -> pd.DataFrame:
    least = max(min_base, least_per_driver * len(known.drivers), len(known.drivers) + 2)
    rows = []
    for name in sorted(pd.unique(names).tolist(), key=str):
        own = names == name
        n, units = int(own.sum()), len(np.unique(known.clusters[own]))
        reason = f"{n} respondents, {least} are needed" if n < least else ""
        if not reason and clustered and units < LEAST_CLUSTERS:
            reason = f"{units} accounts, {LEAST_CLUSTERS} are needed"
        if not reason and known.weights[own].sum() == 0:
            reason = "every weight is 0"
        level = (
            float(np.average(known.y[own], weights=known.weights[own])) if known.weights[own].sum() > 0 else math.nan
        )
        rows.append({"segment": name, "n": n, "units": units, "level": level, "kept": not reason, "reason": reason})
    return pd.DataFrame(rows, columns=["segment", "n", "units", "level", "kept", "reason"])


# ---------------------------------------------------------------------------------------------------------------- linear


@dataclass(frozen=True)
class _Tested:
    statistic: float
    df: int
    df_residual: float
    p_value: float
    test: str
    tests: pd.DataFrame
    separated: list[str]
    reason: str

    @classmethod
    def of(cls, joint: dict[str, Any], tests: pd.DataFrame, test: str, separated: Sequence[str] = ()) -> _Tested:
        return cls(**joint, test=test, tests=tests, separated=list(separated))

    @classmethod
    def none(cls, drivers: Sequence[str], reason: str) -> _Tested:
        tests = pd.DataFrame({"driver": list(drivers), "statistic": math.nan, "df": 0, "df_residual": math.nan})
        return cls(
            math.nan, 0, math.nan, math.nan, "not tested", tests.assign(p_value=math.nan, reason=reason), [], reason
        )


def _fit(part: _Part, segment: int) -> RobustFit:
    own = part.whose == segment
    clusters = part.clusters
    return robust_fit(
        part.X[own], part.y[own], part.weights[own], clusters[own], n_units=int(clusters.max(initial=-1)) + 1
    )


def _linear_tests(part: _Part, fits: list[RobustFit]) -> _Tested:
    """F tests that the coefficients of the segments are the same."""
    k = len(part.known.drivers) + 1
    theta = np.concatenate([fit.coefficients for fit in fits])
    moved = np.column_stack([fit.moved for fit in fits])
    covariance = moved.T @ moved
    df = float(len(np.unique(part.clusters)) - 1 if part.clustered else sum(fit.df for fit in fits))
    contrasts, rows = [], []
    for driver, columns in part.terms.items():
        places = [[s * k + j + 1 for s in range(len(fits)) if not math.isnan(theta[s * k + j + 1])] for j in columns]
        made = np.concatenate([_contrasts(own, len(theta)) for own in places])
        contrasts.append(made)
        rows.append({"driver": driver} | wald_test(made, theta, covariance, df, part.clustered))
    joint = wald_test(np.concatenate(contrasts), theta, covariance, df, part.clustered)
    errors = "errors by account (CR3), Hotelling’s F" if part.clustered else "HC3 errors, F"
    return _Tested.of(joint, pd.DataFrame(rows), f"Wald test of all interactions, {errors}")


def _contrasts(places: Sequence[int], size: int) -> Floats:
    """Each of the coefficients in these places less the first of them."""
    made = np.zeros((max(len(places) - 1, 0), size))
    for row, place in enumerate(places[1:]):
        made[row, place], made[row, places[0]] = 1.0, -1.0
    return made


def _linear_rows(part: _Part, fits: list[RobustFit]) -> pd.DataFrame:
    rows = []
    for segment, fit in zip(part.kept, fits, strict=True):
        reach = critical_value(part.conf_level, fit.df)
        for j, driver in enumerate(part.known.drivers, start=1):
            estimate, error = float(fit.coefficients[j]), float(fit.std_errors[j])
            reason = "no spread of its own in this segment" if j in fit.lost else ""
            rows.append(_row(segment, driver, estimate, error, reach, part.conf_level, len(fit.residuals), reason))
    columns = ["segment", "driver", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "reason"]
    return pd.DataFrame(rows, columns=columns)


def _row(
    segment: Any, driver: str, estimate: float, error: float, reach: float, conf_level: float, n: int, reason: str
) -> dict[str, Any]:
    return {
        "segment": segment, "driver": driver, "estimate": estimate, "std_error": error, "conf_low": estimate - reach * error,
        "conf_high": estimate + reach * error, "conf_level": conf_level, "n": n, "reason": reason,
    }  # fmt: skip


# --------------------------------------------------------------------------------------------------------------- ordered


def _ordered_tests(part: _Part) -> tuple[_Tested, pd.DataFrame]:
    """Tests with common thresholds and a level for each segment, and the slopes of each segment."""
    drivers = part.known.drivers
    levels = np.column_stack([part.whose == s for s in range(1, len(part.kept))]).astype(float)
    own = [(s, j) for s in range(len(part.kept)) for j in _told(part, s)]
    columns = {place: part.X[:, place[1]] * (part.whose == place[0]) for place in own}
    weights = part.weights / part.weights.mean() if part.weighted else None
    full = _fit_ordered(levels, [columns[place] for place in own], part.y, weights)
    at = len(full.thresholds) + levels.shape[1]
    grown = full.growing[at:]
    theta = np.concatenate([full.thresholds, full.slopes])
    robust = part.weighted or part.clustered
    covariance = full.covariance("sandwich", part.clusters if part.clustered else None)
    theta[np.isnan(np.diag(covariance))] = math.nan
    contrasts, rows = [], []
    df = float(part.clusters.max()) if part.clustered else float(len(part.y) - len(theta))
    for driver, numbers in part.terms.items():
        mine = [i for i, place in enumerate(own) if place[1] in numbers]
        free = [[at + i for i in mine if own[i][1] == j and not grown[i]] for j in numbers]
        made = np.concatenate([_contrasts(places, len(theta)) for places in free])
        contrasts.append(made)
        if robust:
            row = wald_test(made, theta, covariance, df, part.clustered)
        else:
            together = [_pooled(columns, own, j) for j in numbers if any(own[i][1] == j for i in mine)]
            others = [columns[place] for place in own if place[1] not in numbers]
            row = _likelihood_ratio(full, levels, [*others, *together], part.y, len(mine) - len(together))
        where = [str(part.kept[own[i][0]]) for i in mine if grown[i]]
        if where:
            row["reason"] = f"{driver} separates the answers of {list_text(where)}"
        rows.append({"driver": driver} | row)
    pooled = [_pooled(columns, own, j) for j in range(len(drivers)) if any(place[1] == j for place in own)]
    if robust:
        joint = wald_test(np.concatenate(contrasts), theta, covariance, df, part.clustered)
        test = "Wald test of all interactions, sandwich errors" + (
            " by account, Hotelling’s F" if part.clustered else ", F"
        )
    else:
        joint = _likelihood_ratio(full, levels, pooled, part.y, len(own) - len(pooled))
        test = "likelihood-ratio test of all interactions, χ²"
    separated = [
        driver
        for driver, numbers in part.terms.items()
        if any(grown[i] for i, place in enumerate(own) if place[1] in numbers)
    ]
    reach = critical_value(part.conf_level, df if part.clustered else math.inf)
    errors = np.sqrt(np.diag(covariance))
    display = []
    for s, segment in enumerate(part.kept):
        n = int((part.whose == s).sum())
        for j, driver in enumerate(drivers):
            i = own.index((s, j)) if (s, j) in own else -1
            estimate, error, reason = math.nan, math.nan, "no spread of its own in this segment"
            if i >= 0:
                estimate, error, reason = float(theta[at + i]), float(errors[at + i]), ""
                if grown[i]:
                    estimate, error, reason = math.nan, math.nan, "separates the answers: the slope grows without end"
            display.append(_row(segment, driver, estimate, error, reach, part.conf_level, n, reason))
    return _Tested.of(joint, pd.DataFrame(rows), test, separated), pd.DataFrame(display)


def _told(part: _Part, segment: int) -> list[int]:
    """The drivers that have a coefficient of their own in a segment."""
    lost = _fit(part, segment).lost
    return [j for j in range(len(part.known.drivers)) if j + 1 not in lost]


def _pooled(columns: dict[tuple[int, int], Floats], own: list[tuple[int, int]], j: int) -> Floats:
    made: Floats = np.sum([columns[place] for place in own if place[1] == j], axis=0)
    return made


def _fit_ordered(levels: Floats, columns: list[Floats], y: Floats, weights: Floats | None = None) -> OrderedLogit:
    return fit_ordered(np.column_stack([levels, *columns]), y, weights=weights)


def _likelihood_ratio(full: OrderedLogit, levels: Floats, columns: list[Floats], y: Floats, df: int) -> dict[str, Any]:
    """Twice what the log-likelihood of `full` gains over that of the model with `columns`."""
    if df == 0:
        return wald_test(np.zeros((0, 0)), np.zeros(0), np.zeros((0, 0)), math.inf, False)
    gain = max(2 * (full.log_likelihood - _fit_ordered(levels, columns, y).log_likelihood), 0.0)
    p_value = float(stats.chi2.sf(gain, df))
    return {"statistic": gain, "df": df, "df_residual": math.inf, "p_value": p_value, "reason": ""}


# --------------------------------------------------------------------------------------------------------------- display


def _shares(part: _Part, n_boot: int, random_state: int) -> pd.DataFrame:
    """LMG shares of each segment, for display; NaN where a driver has no spread of its own, or there are too many for all subsets."""
    drivers = list(part.known.drivers)
    tail = 100 * (1 - part.conf_level) / 2
    rows = []
    streams = np.random.default_rng(random_state).spawn(len(part.kept))
    for s, (segment, rng) in enumerate(zip(part.kept, streams, strict=True)):
        own = part.whose == s
        data, weights = np.column_stack([part.X[own], part.y[own]]), part.weights[own]
        whole = _correlation(data, weights)
        shares, low, high = (np.full(len(drivers), math.nan) for _ in range(3))
        if len(drivers) <= MOST_SHARED and whole is not None:
            shares = _to_one(lmg(whole[None]))[0]
            if n_boot:
                drawn = resampled(data, n_boot, rng, clusters=part.clusters[own], weights=weights)
                drawn = drawn[np.isfinite(drawn).all(axis=(1, 2))]
                low, high = np.percentile(_to_one(lmg(drawn)), [tail, 100 - tail], axis=0)
        rows += [
            {"segment": segment, "driver": driver, "share": shares[j], "share_low": low[j], "share_high": high[j]}
            for j, driver in enumerate(drivers)
        ]
    return pd.DataFrame(rows, columns=["segment", "driver", "share", "share_low", "share_high"])


def _correlation(data: Floats, weights: Floats) -> Floats | None:
    """Weighted correlations, or None where a column has no spread or follows from others."""
    covariance = np.cov(data.T, aweights=weights, bias=True)
    spread = np.sqrt(np.diag(covariance))
    if not (spread > 0).all():
        return None
    correlation: Floats = covariance / np.outer(spread, spread)
    return correlation if np.linalg.eigvalsh(correlation[:-1, :-1])[0] > 1e-10 else None


def _to_one(values: Floats) -> Floats:
    shares: Floats = values / values.sum(axis=1, keepdims=True)
    return shares
