"""Do those who answered look like those who were asked?

- `response_indicator`: did all groups of invited customers answer as readily? R is 1 where they did (Schouten, Cobben & Bethlehem,
  *Survey Methodology* 35, 2009), partial R says which variable and which group break it.
- `achieved_sample`: the sample against the frame, cell by cell.
- `late_responders`: do those who answered late, or after a reminder, say something else (Armstrong & Overton, *Journal of Marketing
  Research* 14, 1977)?
- `drift`: has the profile of respondents moved between two waves?

One row of a frame is one invited customer, one row of responses one respondent. Shares and drifts are percent; R and propensities lie
between 0 and 1.

What none of this says: that the answers are unbiased. All of it looks at variables known of everybody; two customers alike in all
of them may differ in what they think, and in whether they answer because of it. A good R with few variables is a weak promise, and
R of two surveys can be compared only with the same variables. The reverse holds, too: an uneven response biases only those figures
that go with what is uneven.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special, stats

from cxlab.inference.estimates import share_row
from cxlab.inference.intervals import Difference, Floats, check_conf_level, two_sided_p
from cxlab.inference.multiplicity import benjamini_hochberg
from cxlab.inference.sentences import base, between, figure
from cxlab.problems import did_you_mean
from cxlab.survey.comparison import difference_of
from cxlab.survey.metrics import LTR_SCALE, Measure, Metric, measure, survey_estimate
from cxlab.survey.respondents import check_columns, read_answers
from cxlab.survey.scales import Scale, check_ends
from cxlab.wording import list_text, p_text

OTHER, UNKNOWN = "other", "unknown"
_MOST_CATEGORIES = 50
_NOT_FINITE = 1e-7  # a propensity this near to 0 or 1 comes from a coefficient without end
_LEAST_EXPECTED = 5.0  # answers in a cell, from which on χ² and a normal residual are near enough
_METRICS = {"nps": "NPS", "top_box": "The share of best answers", "mean": "The mean"}


@dataclass(frozen=True)
class ResponseIndicator:
    """R of one survey: 1 − 2·SD of the propensities to answer, 1 where all are alike, 0 at the worst.

    `estimate` is adjusted for the luck in estimated propensities, which alone makes them differ; `unadjusted` is not. `n` is the
    number of invited customers, `response_rate` percent. `bias_at_most` is SD(ρ)/mean ρ: by how many standard deviations of an
    answer the mean of respondents could be off at the worst, as far as these variables tell.

    `variables` has one row a variable: variable, estimate (unconditional partial R: the SD of response rates between its categories,
    adjusted in the same way), unadjusted, std_error, conf_low, conf_high, conf_level, n, n_categories, p_value (χ² of answering by
    category) and q_value (Benjamini–Hochberg over the variables); largest first.

    `categories` has one row a category: variable, category, estimate (response rate in percent) with Wilson's interval, n (invited),
    n_answered, partial_r (√(n_k/n)·(mean ρ_k − mean ρ): below 0 where they are underrepresented), p_value, q_value (this category
    against all others; the family is all categories) and reading: "overrepresented", "underrepresented" or "no clear difference".

    `merged` names for each variable the categories that became "other".
    """

    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    conf_level: float
    n: int
    unadjusted: float
    n_answered: int
    bias_at_most: float
    variables: pd.DataFrame
    categories: pd.DataFrame
    merged: Mapping[str, tuple[str, ...]]

    @property
    def response_rate(self) -> float:
        """Percent of those invited."""
        return 100 * self.n_answered / self.n

    def to_frame(self) -> pd.DataFrame:
        """One row: R with its interval, and the response rate."""
        fields = (
            "estimate",
            "std_error",
            "conf_low",
            "conf_high",
            "conf_level",
            "n",
            "unadjusted",
            "n_answered",
            "bias_at_most",
        )
        return pd.DataFrame([{field: getattr(self, field) for field in fields} | {"response_rate": self.response_rate}])

    def headline(self) -> str:
        """R with interval and base, and who answered most and least readily."""
        level = "" if math.isclose(self.conf_level, 0.95) else f", {100 * self.conf_level:g}% interval"
        lead = (
            f"R is {self.estimate:.2f}, between {self.conf_low:.2f} and {self.conf_high:.2f}, where 1 is a response that is alike in "
            f"all groups ({self.n_answered:,} of {self.n:,} invited answered, {self.response_rate:.0f}%{level})."
        )
        clear = self.categories[self.categories["reading"] != "no clear difference"]
        if clear.empty:
            return f"{lead} No group clearly answered more or less often than the others."
        first = next(name for name in self.variables["variable"] if name in set(clear["variable"]))
        rows = clear[clear["variable"] == first].sort_values("partial_r", kind="stable")
        ends = [rows.iloc[0], rows.iloc[-1]] if len(rows) > 1 else [rows.iloc[0]]
        said = list_text(f"{row['category']} ({figure(row['estimate'], '%')} of {row['n']:,} answered)" for row in ends)
        return f"{lead} Most uneven by {first}: {said}."


@dataclass(frozen=True)
class LateResponders:
    """Early against late answers. `difference` is late − early, in the unit of the metric.

    `groups` has one row "early" and one "late": group, from_days, to_days, and the fields of an estimate. `n_between` answered
    in between, `n_left_out` have no answer or no time.
    """

    groups: pd.DataFrame
    difference: Difference
    early_until_days: float
    late_from_days: float
    n_between: int
    n_left_out: int

    def to_frame(self) -> pd.DataFrame:
        """The two groups and their difference, one row each."""
        fields = ("estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "unit", "reason", "p_value")
        row = {"group": "late − early"} | {field: getattr(self.difference, field) for field in fields}
        return pd.concat([self.groups, pd.DataFrame([row])], ignore_index=True)

    def headline(self) -> str:
        """Whether late answers differ, and what it would mean."""
        gap = self.difference
        early, late = self.groups.to_dict("records")
        unit = gap.unit
        plain = "points" if unit in ("%", "points") else "points of the scale"
        values = (
            f"{gap.label} is {figure(late['estimate'], unit)} among those who answered from day {self.late_from_days:g} on and "
            f"{figure(early['estimate'], unit)} up to day {self.early_until_days:g}"
        )
        bases = f"({base(late['n'])} late, {early['n']:,} early)"
        if math.isnan(gap.conf_low):
            return f"{values}; the difference has no interval: {gap.reason or 'it is not defined'} {bases}."
        bare = "points" if unit == "%" else unit
        if gap.conf_low <= 0 <= gap.conf_high:
            return f"{values}: no clear difference, {between(gap.conf_low, gap.conf_high, bare)} {plain} {bases}. {self.meaning()}"
        size = figure(abs(gap.estimate), bare)
        low, high = sorted((abs(gap.conf_low), abs(gap.conf_high)))
        way = "lower" if gap.estimate < 0 else "higher"
        return f"{values}: {size} {plain} {way}, {between(low, high, bare)} {bases}. {self.meaning()}"

    def meaning(self) -> str:
        """What would follow for those who never answered, if they are like the late."""
        weak = "weak evidence: whoever never answers may differ from both"
        if not self.difference.conf_low <= 0 <= self.difference.conf_high and not math.isnan(self.difference.conf_low):
            way = "too high" if self.difference.estimate < 0 else "too low"
            return f"If those who never answered resemble the late, the figure of the survey is {way}; that is {weak}."
        return f"Nothing here points to another answer of those who never answered; that is {weak}."


@dataclass(frozen=True)
class AchievedSample:
    """The sample against its frame. `cells` has one row a cell: cell, frame_n, frame_share, expected, achieved, achieved_share,
    difference (percentage points), residual (standardised; beyond ±2 is rare by chance), p_value, q_value (Benjamini–Hochberg over
    the cells), reading ("more than its share", "less than its share", "no clear difference"; "not tested" below five expected).

    `chi_square` is already divided by `deff`; cells that expect fewer than five are put together for it (`n_pooled` of them).
    """

    cells: pd.DataFrame
    chi_square: float
    df: int
    p_value: float
    deff: float
    n: int
    n_pooled: int
    reason: str

    def to_frame(self) -> pd.DataFrame:
        return self.cells.copy()

    def headline(self) -> str:
        """Whether the sample differs from the frame, and where most."""
        if math.isnan(self.p_value):
            return f"The sample cannot be held against the frame: {self.reason} ({base(self.n)})."
        test = f"χ² {self.chi_square:.1f} with {self.df} degrees of freedom, p {p_text(self.p_value)}, {base(self.n)}"
        if self.p_value >= 0.05:
            return f"The sample does not clearly differ from the frame ({test})."
        row: Any = self.cells.iloc[int(np.nanargmax(self.cells["residual"].abs()))]
        return (
            f"The sample differs from the frame ({test}), most in {row['cell']}: {figure(row['achieved_share'], '%')} of answers "
            f"against {figure(row['frame_share'], '%')} of the frame."
        )


def response_indicator(
    frame: pd.DataFrame,
    answered: pd.Series,
    variables: Sequence[str],
    *,
    conf_level: float = 0.95,
    n_boot: int = 200,
    random_state: int | np.random.Generator | None = None,
    min_base: int = 20,
    separated: Literal["refuse", "merge"] = "refuse",
) -> ResponseIndicator:
    """R, and partial R by variable and category.

    One row of `frame` is one invited customer, `answered` says of each whether they answered, `variables` are columns of
    categories known of everybody (cut numbers into groups first). A missing value is the category "unknown". Categories with
    fewer than `min_base` customers are put together as "other", and where that is still small the next smallest joins them.

    ρ is a logistic model with the main effects of all variables. A category in which nobody, or everybody, answered has no
    finite coefficient: it is refused by name, or joins "other" with `separated="merge"`.

    R = 1 − 2·√(S² − c), where S² is the variance of the estimated ρ and c how much of it estimation alone makes: the mean of
    their squared standard errors, less that of their mean (after Shlomo, Skinner & Schouten, *Journal of Statistical Planning
    and Inference* 142, 2012, with all invited as the population). The interval is that of a bootstrap: customers are drawn
    with replacement and answer with propensities drawn together until their variance is S² − c.

    Raises ValueError for unknown or unfit columns, answers that are missing, and a response of nobody or everybody.
    """
    check_conf_level(conf_level)
    names = _variables(variables)
    check_columns(frame, list(names))
    said = _said(answered, frame)
    if int(n_boot) != n_boot or n_boot < 50:
        raise ValueError(f"`n_boot` must be a whole number from 50 upwards, got {n_boot!r}; 200 is usual")
    if separated not in ("refuse", "merge"):
        raise ValueError(f'`separated` must be "refuse" or "merge", got {separated!r}')
    n, n_answered = len(said), int(said.sum())
    if not 0 < n_answered < n:
        raise ValueError(f"{n_answered} of {n} invited answered; R needs some who did and some who did not")
    grouped, merged = {}, {}
    for name in names:
        grouped[name], merged[name] = _merged(_labels(frame[name], name), said, name, min_base, separated == "merge")
    table = pd.DataFrame(grouped).assign(_said=said.astype(np.int64))
    cells: Any = table.groupby(names, sort=True, observed=True)["_said"].agg(["size", "sum"]).reset_index()
    X, size = _design(cells[names]), cells["size"].to_numpy(dtype=float)
    rho = _propensities(X, size, cells["sum"].to_numpy(dtype=float))
    _check_separation(cells, rho, names)
    mean = n_answered / n
    raw, adjusted = _spreads(X, size, rho)
    rng = np.random.default_rng(random_state)
    drawn = np.empty(int(n_boot))
    pulled = np.clip(mean + (rho - mean) * (adjusted / raw if raw > 0 else 0.0), 0, 1)
    for turn in range(len(drawn)):
        again = rng.multinomial(n, size / n).astype(float)
        yes = rng.binomial(again.astype(np.int64), pulled).astype(float)
        drawn[turn] = 1 - 2 * _spreads(X, again, _propensities(X, again, yes))[1]
    low, high = _percentiles(drawn, conf_level)
    by_variable = [_variable_row(name, table, rng, len(drawn), conf_level) for name in names]
    by_category = [row for name in names for row in _category_rows(name, table, conf_level)]
    categories = pd.DataFrame(by_category)
    q = benjamini_hochberg(categories["p_value"])
    way = np.where(categories["partial_r"] > 0, "overrepresented", "underrepresented")
    return ResponseIndicator(
        1 - 2 * adjusted,
        float(drawn.std(ddof=1)),
        low,
        high,
        conf_level,
        n,
        1 - 2 * raw,
        n_answered,
        adjusted / mean,
        pd.DataFrame(by_variable)
        .assign(q_value=lambda rows: benjamini_hochberg(rows["p_value"]))
        .sort_values("unadjusted", ascending=False, kind="stable", ignore_index=True),
        categories.assign(q_value=q, reading=np.where(q < 1 - conf_level, way, "no clear difference")),
        {name: gone for name, gone in merged.items() if gone},
    )


def late_responders(
    frame: pd.DataFrame,
    *,
    days_col: str,
    score_col: str,
    metric: Metric = "nps",
    scale: Scale | None = None,
    top: int = 2,
    early: float = 0.5,
    late: float = 1 / 3,
    reminder_day: float | None = None,
    conf_level: float = 0.95,
) -> LateResponders:
    """Early against late answers of one question; one row of `frame` is one respondent.

    `days_col` holds the days from invitation to answer. Early is the first half of the answers (`early`), late the last third
    (`late`); people of one day are never torn apart, so the groups are as near to these shares as whole days allow, and the late
    are those after the early where both would meet. With `reminder_day` early is everything before it, and late everything
    from it on: the waves of Armstrong & Overton. Interval and p-value are those of `compare`.

    On a continuum of resistance those who had to be asked twice are nearest to those who never answered. That is an
    assumption, often wrong (Lin & Schaeffer, *Public Opinion Quarterly* 59, 1995): late answers are weak evidence, and the lack of
    a difference is weaker still. It may also be the experience that faded.

    Raises ValueError for negative days, answers off the scale, and where nobody is late.
    """
    check_conf_level(conf_level)
    if metric not in _METRICS:
        raise ValueError(f"`metric` must be one of {', '.join(_METRICS)}, got {metric!r}")
    if not (0 < early < 1 and 0 < late < 1 and early + late <= 1 + 1e-9):
        raise ValueError(f"`early` and `late` are shares that add up to 1 at most, got {early!r} and {late!r}")
    check_columns(frame, [days_col, score_col])
    if scale is None and metric != "nps":
        raise ValueError(f'`metric` "{metric}" needs `scale`, the ends of `{score_col}`, such as (1, 5)')
    ends = LTR_SCALE if scale is None or metric == "nps" else check_ends(scale)
    days = _days(frame[days_col], days_col)
    known = days.notna() & frame[score_col].notna()
    if not known.any():
        raise ValueError(
            f"nobody has both `{days_col}` and `{score_col}`; take a survey with times of invitation and answer"
        )
    spent = days[known].sort_values().to_numpy()
    until, since = _cuts(spent, early, late, reminder_day, days_col)
    parts = {"early": known & (days <= until), "late": known & (days >= since)}
    label = _METRICS[metric]
    measured: dict[str, Measure] = {}
    rows: list[dict[str, Any]] = []
    for group, chosen in parts.items():
        answers = read_answers(frame.loc[chosen, score_col], ends, name=score_col, whole=metric != "mean")
        measured[group] = measure(answers, metric, ends, top=top)
        stated = survey_estimate(measured[group], label, conf_level)
        rows.append(
            {
                "group": group, "from_days": float(days[chosen].min()), "to_days": float(days[chosen].max()),
                "estimate": stated.estimate, "std_error": stated.std_error, "conf_low": stated.conf_low,
                "conf_high": stated.conf_high, "conf_level": conf_level, "n": stated.n, "unit": stated.unit,
                "reason": stated.reason,
            }
        )  # fmt: skip
    gap = difference_of(measured["early"], measured["late"], label=label, conf_level=conf_level)
    within = int((known & ~parts["early"] & ~parts["late"]).sum())
    return LateResponders(
        pd.DataFrame(rows), gap, rows[0]["to_days"], rows[1]["from_days"], within, int((~known).sum())
    )


def drift(
    before: pd.DataFrame,
    after: pd.DataFrame,
    variables: Sequence[str],
    *,
    deff: float = 1.0,
    warn_above: float = 10.0,
) -> pd.DataFrame:
    """How far the profile of respondents moved between two waves: one row a variable.

    Columns: variable, drift (Σ|change of share|/2 in percent: how many would have to be others to be like before), by_chance (the
    drift to expect from two samples of this size if nothing moved), warn (drift above `warn_above`), category (the one that moved
    most), share_before, share_after (its, in percent), n_before, n_after, n_unknown (respondents without a value, left out of both),
    chi_square, df, p_value, q_value (Benjamini–Hochberg over the variables), n_pooled, reason.

    `deff` is the design effect of weights and clusters: χ² is divided by it, `by_chance` multiplied by its root. Categories that
    expect fewer than five are put together for the test. Drift has no interval: with small bases chance adds to it, which
    `by_chance` shows. It says that other people answered, not that this moved any figure: that is what `mix_rate` is for.

    >>> waves = [pd.DataFrame({"age": ["young"] * young + ["old"] * (100 - young)}) for young in (50, 38)]
    >>> drift(*waves, ["age"])[["drift", "warn", "category"]].to_dict("records")
    [{'drift': 12.0, 'warn': True, 'category': 'old'}]
    """
    names = _variables(variables)
    _check_deff(deff)
    for part in (before, after):
        check_columns(part, list(names))
    rows = [_drift_row(name, before[name], after[name], deff, warn_above) for name in names]
    table = pd.DataFrame(rows).assign(q_value=lambda rows: benjamini_hochberg(rows["p_value"]))
    return table[[*table.columns.drop(["n_pooled", "reason", "q_value"]), "q_value", "n_pooled", "reason"]]


def achieved_sample(
    frame_counts: pd.Series | Mapping[Hashable, float],
    achieved_counts: pd.Series | Mapping[Hashable, float],
    *,
    deff: float = 1.0,
) -> AchievedSample:
    """The answers of each cell against the frame: does the sample have the profile of those it stands for?

    Both are counts by cell, such as `frame.groupby(["region", "plan"]).size()`; a cell without answers may be missing among the
    achieved. Expected is the number of answers at the share of the frame. `deff`, the design effect of clusters, divides χ².
    A frame of which most answered makes the test too careful. A sample that fits the frame may still be one of the willing.

    Raises ValueError for cells the frame does not know, cells of the frame that are empty, and counts that are none.
    """
    _check_deff(deff)
    N = _counts(frame_counts, "frame_counts", whole=False)
    achieved = _counts(achieved_counts, "achieved_counts", whole=True)
    if strangers := [cell for cell in achieved.index if cell not in N.index]:
        raise ValueError(
            f"`achieved_counts` has the cell {_cell(strangers[0])}, which the frame lacks; {_nearest(strangers[0], N)}"
        )
    if (N == 0).any():
        raise ValueError(
            f"`frame_counts` has nobody in the cell {_cell(N.index[N == 0][0])}; leave it out, or merge it with another"
        )
    achieved = achieved.reindex(N.index).fillna(0.0)
    n, share = int(achieved.sum()), N / N.sum()
    E = n * share
    with np.errstate(divide="ignore", invalid="ignore"):
        residual = (achieved - E) / np.sqrt(E * (1 - share) * deff)
    defined = residual.where((E > 0) & (share < 1))
    p = [two_sided_p(z) if count >= _LEAST_EXPECTED else math.nan for z, count in zip(defined, E, strict=True)]
    q = benjamini_hochberg(p)
    way = np.where(defined > 0, "more than its share", "less than its share")
    cells = pd.DataFrame(
        {
            "cell": [_cell(cell) for cell in N.index], "frame_n": N.to_numpy(), "frame_share": 100 * share.to_numpy(),
            "expected": E.to_numpy(), "achieved": achieved.to_numpy(dtype=np.int64),
            "achieved_share": (100 * achieved / n).to_numpy() if n else math.nan,
            "difference": (100 * (achieved / n - share)).to_numpy() if n else math.nan, "residual": defined.to_numpy(), "p_value": p,
            "q_value": q, "reading": np.where(np.isnan(q), "not tested", np.where(q < 0.05, way, "no clear difference")),
        }
    )  # fmt: skip
    observed, expected, pooled = _pooled(achieved.to_numpy()[None, :], E.to_numpy()[None, :])
    df = observed.shape[1] - 1
    reason = "nobody answered" if n == 0 else "too few answers for two cells" if df == 0 and len(N) > 1 else ""
    reason = reason or ("the frame has one cell" if df == 0 else "")
    chi = math.nan if reason else float(((observed - expected) ** 2 / expected).sum()) / deff
    return AchievedSample(
        cells, chi, df, math.nan if reason else float(stats.chi2.sf(chi, df)), deff, n, pooled, reason
    )


# The propensity model


def _design(cells: pd.DataFrame) -> Floats:
    """An intercept and the main effects, one column a category but the first of each variable."""
    effects = [np.asarray(pd.get_dummies(cells[name]).iloc[:, 1:], dtype=float) for name in cells.columns]
    return np.column_stack([np.ones(len(cells)), *effects])


def _propensities(X: Floats, size: Floats, yes: Floats) -> Floats:
    """Fitted shares of a logistic model on cells of `size` customers of whom `yes` answered, by Newton's method.

    Where a category has no finite coefficient the shares tend to 0 or 1, which is their limit.
    """
    total = float(yes.sum() / size.sum())
    if total in (0.0, 1.0):
        return np.full(len(size), total)
    beta = np.zeros(X.shape[1])
    beta[0] = special.logit(total)
    rho, likelihood = _shares(X, beta), -math.inf
    for _ in range(50):
        weight = size * rho * (1 - rho)
        step = np.linalg.lstsq((X * weight[:, None]).T @ X, X.T @ (yes - size * rho), rcond=1e-12)[0]
        for _ in range(20):  # halved until the fit is no worse
            trial = _shares(X, beta + step)
            found = float((special.xlogy(yes, trial) + special.xlog1py(size - yes, -trial)).sum())
            if found >= likelihood - 1e-9:
                break
            step = step / 2
        moved = float(np.abs(trial - rho).max())
        beta, rho, likelihood = beta + step, trial, found
        if moved < 1e-9:
            break
    return rho


def _shares(X: Floats, beta: Floats) -> Floats:
    return np.asarray(special.expit(np.clip(X @ beta, -25, 25)), dtype=float)


def _spreads(X: Floats, size: Floats, rho: Floats) -> tuple[float, float]:
    """SD of ρ over customers: as estimated, and without what estimation adds."""
    w = size / size.sum()
    S2 = float((w * (rho - (w * rho).sum()) ** 2).sum())
    slope = rho * (1 - rho)
    V = np.linalg.pinv((X * (size * slope)[:, None]).T @ X, rcond=1e-12, hermitian=True)
    z = slope[:, None] * X
    z = z - w @ z
    c = float((w * np.einsum("ij,jk,ik->i", z, V, z)).sum())
    return math.sqrt(S2), math.sqrt(max(S2 - c, 0.0))


def _between(size: Floats, yes: Floats) -> tuple[Floats, Floats]:
    """SD of response rates between categories (last axis), as observed and without what chance adds."""
    w = size / size.sum(axis=-1, keepdims=True)
    p = np.divide(yes, size, out=np.zeros_like(yes), where=size > 0)
    B2 = (w * (p - (w * p).sum(axis=-1, keepdims=True)) ** 2).sum(axis=-1)
    c = (w * (1 - w) * np.divide(p * (1 - p), size, out=np.zeros_like(p), where=size > 0)).sum(axis=-1)
    return np.sqrt(B2), np.sqrt(np.maximum(B2 - c, 0.0))


def _percentiles(drawn: Floats, conf_level: float) -> tuple[float, float]:
    low, high = np.quantile(drawn, [(1 - conf_level) / 2, (1 + conf_level) / 2])
    return float(low), float(high)


def _variable_row(
    name: str, table: pd.DataFrame, rng: np.random.Generator, n_boot: int, conf_level: float
) -> dict[str, Any]:
    """Unconditional partial R of one variable. Within a category the mean of ρ is the response rate, which is what main effects fit."""
    size, yes = _by_category(table, name)
    raw, adjusted = (float(value) for value in _between(size, yes))
    mean = yes.sum() / size.sum()
    pulled = np.clip(mean + (yes / size - mean) * (adjusted / raw if raw > 0 else 0.0), 0, 1)
    again = rng.multinomial(int(size.sum()), size / size.sum(), size=n_boot).astype(float)
    drawn = _between(again, rng.binomial(again.astype(np.int64), pulled).astype(float))[1]
    low, high = _percentiles(drawn, conf_level)
    p = stats.chi2_contingency(np.array([yes, size - yes]), correction=False).pvalue
    return {
        "variable": name, "estimate": adjusted, "unadjusted": raw, "std_error": float(drawn.std(ddof=1)), "conf_low": low,
        "conf_high": high, "conf_level": conf_level, "n": int(size.sum()), "n_categories": len(size), "p_value": float(p),
    }  # fmt: skip


def _category_rows(name: str, table: pd.DataFrame, conf_level: float) -> list[dict[str, Any]]:
    rows, n, mean = [], len(table), table["_said"].mean()
    for category, part in table.groupby(name, sort=True, observed=True)["_said"]:
        size, yes = len(part), int(part.sum())
        rest = np.array([[yes, size - yes], [table["_said"].sum() - yes, n - size - table["_said"].sum() + yes]])
        rows.append(
            {"variable": name, "category": category, **share_row(part, conf_level=conf_level)}
            | {
                "n_answered": yes, "partial_r": math.sqrt(size / n) * (yes / size - mean),
                "p_value": float(stats.chi2_contingency(rest, correction=False).pvalue),
            }
        )  # fmt: skip
    return rows


def _by_category(table: pd.DataFrame, name: str) -> tuple[Floats, Floats]:
    counts = table.groupby(name, sort=True, observed=True)["_said"].agg(["size", "sum"])
    return counts["size"].to_numpy(dtype=float), counts["sum"].to_numpy(dtype=float)


def _merged(
    labels: pd.Series, said: npt.NDArray[np.bool_], name: str, min_base: int, merge: bool
) -> tuple[pd.Series, tuple[str, ...]]:
    """The categories with the rare ones (and those without variation, if asked) put together, and which these are."""
    counts = pd.Series(said, index=labels.index).groupby(labels, sort=True).agg(["size", "sum"])

    def unfit(size: float, yes: float) -> bool:
        return size < min_base or (merge and yes in (0, size))

    gone = [str(label) for label, row in counts.iterrows() if unfit(row["size"], row["sum"])]
    left = counts.drop(index=gone).sort_values("size", kind="stable")
    if gone and OTHER in left.index:
        gone, left = [*gone, OTHER], left.drop(index=OTHER)
    while gone and len(left) and unfit(*counts.loc[gone, ["size", "sum"]].sum()):
        gone, left = [*gone, str(left.index[0])], left.iloc[1:]
    found = len(left) + bool(gone)
    if found < 2:
        shown = ", ".join(
            f"{label} ({row['size']} invited, {row['sum']} answered)" for label, row in counts.head(6).iterrows()
        )
        raise ValueError(
            f"`{name}` leaves {found} category to compare once small ones are put together (`min_base` {min_base}): {shown}; "
            "leave it out of `variables`"
        )
    for label, row in left.iterrows():
        if row["sum"] in (0, row["size"]):
            who = "nobody" if row["sum"] == 0 else "everybody"
            raise ValueError(
                f"`{name}`: {who} of the {row['size']} invited in `{label}` answered, so it has no finite propensity; merge it "
                'with another category, or let `separated="merge"` put it into "other"'
            )
    if gone == [OTHER]:
        gone = []
    return labels.where(~labels.isin(gone), OTHER), tuple(sorted(gone))


def _check_separation(cells: pd.DataFrame, rho: Floats, names: list[str]) -> None:
    """Every category varies, but several together may still part those who answered from those who did not."""
    edge = np.minimum(rho, 1 - rho)
    if edge.min() < _NOT_FINITE:
        worst: Any = cells.iloc[int(edge.argmin())]
        where = list_text(f"{name} {worst[name]}" for name in names)
        who = "nobody" if worst["sum"] == 0 else "everybody"
        raise ValueError(
            f"the variables together part those who answered from those who did not: {who} of the {worst['size']} with {where} "
            "answered, and the model has no finite propensity there; leave a variable out or merge its categories"
        )


# Reading what comes in


def _variables(variables: Sequence[str]) -> list[str]:
    if isinstance(variables, str) or not len(variables):
        raise ValueError(f"`variables` must be a list of columns, got {variables!r}")
    names = list(variables)
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"`{twice[0]}` is among `variables` twice; name each once")
    return names


def _labels(column: pd.Series, name: str) -> pd.Series:
    """Categories as text; no value is "unknown"."""
    if column.nunique() > _MOST_CATEGORIES:
        raise ValueError(
            f"`{name}` has {column.nunique()} different values; put them into at most {_MOST_CATEGORIES} groups, for example "
            "with `pd.cut`"
        )
    return pd.Series(
        [UNKNOWN if pd.isna(value) else _label(value) for value in column], index=column.index, dtype="str"
    )


def _label(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else f"{value}"


def _said(answered: pd.Series, frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
    if not isinstance(answered, pd.Series) or not answered.index.equals(frame.index):
        raise ValueError("`answered` must be a Series with the index of the frame; take both from one table")
    if answered.isna().any():
        raise ValueError(
            f"`answered` is missing for {int(answered.isna().sum())} customers; true or false is known of everybody"
        )
    if wrong := [value for value in answered.unique() if value not in (0, 1)]:
        raise ValueError(f"`answered` must be true or false, got {wrong[0]!r}")
    return answered.to_numpy(dtype=bool)


def _days(column: pd.Series, name: str) -> pd.Series:
    """Days as numbers; a duration is turned into days."""
    if pd.api.types.is_timedelta64_dtype(column.dtype):
        days = column.dt.total_seconds() / 86_400
    elif pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
        days = column.astype(float)
    else:
        raise ValueError(
            f"`{name}` must be numbers of days or durations, got {column.dtype}; subtract the two times first"
        )
    if (days < 0).any():
        raise ValueError(
            f"`{name}` must not be negative, got {days[days < 0].iloc[0]:g} days; an answer cannot come before its invitation"
        )
    return days


def _cuts(spent: Floats, early: float, late: float, reminder_day: float | None, name: str) -> tuple[float, float]:
    """Up to which day an answer is early, and from which on late. `spent` is sorted."""
    if reminder_day is not None:
        before, after = spent[spent < reminder_day], spent[spent >= reminder_day]
        if not (before.size and after.size):
            raise ValueError(
                f"of {spent.size} answers {before.size} came before `reminder_day` {reminder_day:g} and {after.size} from it on; "
                "both must have some"
            )
        return float(before[-1]), float(after[0])
    until = float(spent[math.ceil(early * spent.size - 1e-9) - 1])
    since = float(spent[spent.size - math.ceil(late * spent.size - 1e-9)])
    later = spent[spent > until]
    if not later.size:
        raise ValueError(
            f"the first {early:.0%} of {spent.size} answers reach to the largest `{name}`, {until:g}: nobody is late; take a "
            "smaller `early`, or give `reminder_day`"
        )
    return until, max(since, float(later[0]))


def _check_deff(deff: float) -> None:
    if not 0 < deff < math.inf:
        raise ValueError(f"`deff` must be a number above 0, got {deff!r}; 1 is a simple random sample")


def _counts(given: pd.Series | Mapping[Hashable, float], name: str, *, whole: bool) -> pd.Series:
    counts = given if isinstance(given, pd.Series) else pd.Series(dict(given))
    if counts.index.has_duplicates:
        raise ValueError(
            f"`{name}` has the cell {_cell(counts.index[counts.index.duplicated()][0])} twice; add its counts up"
        )
    values = pd.to_numeric(counts, errors="coerce").astype(float)
    bad = ~np.isfinite(values) | (values < 0)
    if whole:
        bad |= values != values.round()
    if bad.any():
        kind = "whole numbers" if whole else "numbers"
        raise ValueError(
            f"`{name}` must be {kind} from 0 upwards, got {counts[bad].iloc[0]} in the cell {_cell(counts.index[bad][0])}"
        )
    if not len(values) or (not whole and values.sum() == 0):
        raise ValueError(f"`{name}` is empty; give the number of customers in each cell")
    return values


def _cell(label: Any) -> str:
    return ", ".join(f"{part}" for part in label) if isinstance(label, tuple) else f"{label}"


def _nearest(label: Any, known: pd.Series) -> str:
    return did_you_mean(_cell(label), [_cell(cell) for cell in known.index])


# Profiles


def _drift_row(name: str, before: pd.Series, after: pd.Series, deff: float, warn_above: float) -> dict[str, Any]:
    sides = [_labels(part.dropna(), name).value_counts() for part in (before, after)]
    table = pd.concat(sides, axis=1, keys=["before", "after"]).fillna(0.0).sort_index()
    n = table.sum().to_numpy(dtype=float)
    unknown = int(before.isna().sum() + after.isna().sum())
    row: dict[str, Any] = {
        "variable": name, "drift": math.nan, "by_chance": math.nan, "warn": False, "category": "", "share_before": math.nan,
        "share_after": math.nan, "n_before": int(n[0]), "n_after": int(n[1]), "n_unknown": unknown, "chi_square": math.nan,
        "df": 0, "p_value": math.nan, "n_pooled": 0, "reason": "",
    }  # fmt: skip
    if n.min() == 0:
        return row | {"reason": f"nobody {'before' if n[0] == 0 else 'after'} has a value"}
    counts = table.to_numpy(dtype=float).T
    shares = counts / n[:, None]
    change = shares[1] - shares[0]
    most = int(np.abs(change).argmax())
    moved = 50 * float(np.abs(change).sum())
    row |= {
        "drift": moved,
        "by_chance": by_chance(counts.sum(axis=0) / n.sum(), (1 / n).sum() * deff),
        "warn": moved > warn_above + 1e-9,
        "category": str(table.index[most]),
        "share_before": 100 * float(shares[0, most]),
        "share_after": 100 * float(shares[1, most]),
    }
    observed, expected, pooled = _pooled(counts, np.outer(n, counts.sum(axis=0)) / n.sum())
    df = observed.shape[1] - 1
    if df == 0:
        return row | {
            "n_pooled": pooled,
            "reason": "one category only" if len(table) == 1 else "too few answers for two categories",
        }
    chi = float(((observed - expected) ** 2 / expected).sum()) / deff
    return row | {"chi_square": chi, "df": df, "p_value": float(stats.chi2.sf(chi, df)), "n_pooled": pooled}


def by_chance(shares: Floats, variance_factor: float) -> float:
    """The drift, in percent, that chance makes on average: half the sum of mean absolute normal deviations."""
    return 50 * float(np.sqrt(2 / math.pi * shares * (1 - shares) * variance_factor).sum())


def _pooled(observed: Floats, expected: Floats, least: float = _LEAST_EXPECTED) -> tuple[Floats, Floats, int]:
    """Columns that expect fewer than `least` somewhere put together, with the next smallest where they are still too few."""
    order = np.argsort(expected.min(axis=0), kind="stable")
    observed, expected = observed[:, order], expected[:, order]
    k = int((expected.min(axis=0) < least).sum())
    while 0 < k < expected.shape[1] and expected[:, :k].sum(axis=1).min() < least:
        k += 1
    if k < 2:
        return observed, expected, 0
    join = [np.column_stack([part[:, :k].sum(axis=1), part[:, k:]]) for part in (observed, expected)]
    return join[0], join[1], k
