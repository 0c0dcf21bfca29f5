"""What would somebody who knows regressions look at before believing the drivers?

One row in is one respondent; one row out is one check with its verdict: "fine", "look" (read the figures beside it first), "warning" (the
answer hangs on this) or "not checked", with the reason. The limits are conventions and stand in the table. No check proves anything: a
model that passes all is still an association.

- *Rows for each driver*, and *answers lost* to holes.
- *Overlap*: the largest variance inflation. *Sign reversal*: drivers whose coefficient and correlation point different ways.
- *Halo*: the part of the drivers' correlations that one common direction holds. *Mood held fixed*: importance again by what each driver
  adds once the mean of the person's *other* answers is held fixed, which is to centre it on them. (Centred on the mean of all answers,
  a driver that does nothing counts as much as one that does twice the average: it is as far from the mean.) The other answers are
  experience, too: if the order stays it was not mood, if it changes it may be.
- *Influence*: importance again without the 1% of respondents (or accounts) on which the coefficients hang most (Cook, *Technometrics*
  19, 1977). `detail` names the coefficient that one of them moves furthest, in its standard errors (as DFBETAS).
- *Scale use*: answers at the top of the scale. *Straight-lining*: respondents who gave every driver the same answer, and whether the
  first driver is another without them.
- *Straight line*: a joint robust test of the squares of all drivers.
- *Omitted touchpoints*: those that no driver is about. What they do is counted for those that go with them.
- *Same source*: drivers and outcome from one questionnaire share the mood in which it was filled in (Podsakoff et al., *Journal of
  Applied Psychology* 88, 2003). Only another source, or another wave, tells.

"Importance" is the LMG share up to fifteen drivers and Johnson's weight above. Rows with a missing answer are left out and counted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import stats

from cxlab.drivers.complete import CompleteAnswers, complete_answers
from cxlab.drivers.importance import relative_importance
from cxlab.drivers.robust import RobustFit, robust_fit, wald_test
from cxlab.inference.intervals import Floats, check_conf_level, two_sided_p
from cxlab.inference.multiplicity import benjamini_hochberg
from cxlab.problems import NotApplicableError, did_you_mean
from cxlab.wording import list_text

Verdict = Literal["fine", "look", "warning", "not checked"]
ROWS_PER_DRIVER = 10
LOST = 0.2  # of rows
VIF_LOOK, VIF_WARNING = 5.0, 10.0
HALO = 0.6  # of the drivers' correlations in one direction
INFLUENTIAL = 0.01  # of respondents, or accounts
AT_TOP = 0.5  # of answers
STRAIGHT = 0.1  # of respondents
MOST_LMG = 15
_COLUMNS = ["check", "verdict", "estimate", "unit", "limit", "n", "detail"]


@dataclass(frozen=True)
class ExpertChecks:
    """`table` has one row a check: check, verdict, estimate (its figure), unit, limit (beyond which the verdict is not "fine"), n and
    detail.

    `importance` has one row a driver: share (0 to 1) and place as they are, and again with the mood held fixed (share_mood_fixed,
    place_mood_fixed), without the most influential (…_without_influential) and without straight-liners (…_without_straight); NaN where
    it was not checked.
    """

    table: pd.DataFrame
    importance: pd.DataFrame
    n: int
    n_left_out: int

    def to_frame(self) -> pd.DataFrame:
        return self.table.copy()

    def headline(self) -> str:
        """How many checks are fine, and which are not."""
        done = self.table[self.table["verdict"] != "not checked"]
        fine = int((done["verdict"] == "fine").sum())
        said = f"{fine} of {len(done)} checks are fine"
        for verdict, lead in (("warning", "the answer hangs on"), ("look", "look at")):
            names = list(done.loc[done["verdict"] == verdict, "check"])
            if names:
                said += f"; {lead} {list_text(names)}"
        return said + "."


def expert_checks(
    data: pd.DataFrame,
    *,
    outcome: str,
    drivers: Sequence[str],
    weights_col: str | None = None,
    cluster_col: str | None = None,
    scales: Mapping[str, tuple[float, float]] | None = None,
    touchpoint_of: Mapping[str, str | None] | None = None,
    touchpoints: Sequence[str] = (),
    same_source: bool = True,
    conf_level: float = 0.95,
) -> ExpertChecks:
    """All checks of a linear model of `outcome` on `drivers`.

    `scales`: driver (and outcome) → lowest and highest answer of the questionnaire, for scale use, and so that drivers on different
    scales can be held against each other. `touchpoint_of`: driver → touchpoint; `touchpoints`: all there are. `same_source`: outcome and
    drivers come from one questionnaire.

    Raises ValueError for columns that are not there, text, drivers without spread or collinear, answers off their scale;
    `NotApplicableError` where there are no more rows than coefficients.
    """
    check_conf_level(conf_level)
    known = complete_answers(data, outcome=outcome, drivers=drivers, weights_col=weights_col, cluster_col=cluster_col)
    p = len(known.drivers)
    if known.n < p + 3:
        raise NotApplicableError(f"needs more respondents than coefficients; {known.n} answered all {p} drivers")
    scales = scales or {}
    _check_scales(known, outcome, scales)
    share = _shares(known, np.ones(known.n, dtype=bool))
    fit = robust_fit(known.X, known.y, known.weights, known.clusters)
    importance = pd.DataFrame({"driver": known.drivers, "share": share, "place": _places(share)})
    rows = [_base(known), _lost(known, len(data)), _overlap(known)]
    rows.append(_signs(known, fit, conf_level))
    rows.append(_halo(known))
    rows.append(_with_importance(importance, "mood_fixed", *_mood(known, share, scales)))
    rows.append(_with_importance(importance, "without_influential", *_influence(known, fit, share)))
    rows.append(_top(known, scales))
    rows.append(_outcome_top(known, outcome, scales))
    rows.append(_with_importance(importance, "without_straight", *_straight(known, share, scales)))
    rows.append(_curved(known, conf_level, cluster_col is not None))
    rows.append(_omitted(known, touchpoint_of, touchpoints))
    rows.append(_source(same_source, known.n))
    return ExpertChecks(pd.DataFrame(rows, columns=_COLUMNS), importance, known.n, known.n_left_out)


def _row(
    check: str, verdict: Verdict, estimate: float, unit: str, limit: float, n: int, detail: str = ""
) -> dict[str, Any]:
    return {
        "check": check, "verdict": verdict, "estimate": float(estimate), "unit": unit, "limit": limit, "n": n, "detail": detail,
    }  # fmt: skip


def _not_checked(check: str, reason: str) -> dict[str, Any]:
    return _row(check, "not checked", math.nan, "", math.nan, 0, reason)


def _check_scales(known: CompleteAnswers, outcome: str, scales: Mapping[str, tuple[float, float]]) -> None:
    values = {**dict(zip(known.drivers, known.X.T, strict=True)), outcome: known.y}
    for name, (low, high) in scales.items():
        if name not in values:
            raise ValueError(f"`scales` names `{name}`, which is no driver; {did_you_mean(name, values)}")
        if not low < high:
            raise ValueError(f"the scale of `{name}` must rise, got {(low, high)!r}")
        off = values[name][(values[name] < low) | (values[name] > high)]
        if len(off):
            raise ValueError(f"`{name}` holds {off[0]:g}, off its scale {low:g} to {high:g}")


# ------------------------------------------------------------------------------------------------------------ importance


def _shares(known: CompleteAnswers, kept: Any) -> Floats:
    """Shares of R² from some respondents. Raises ValueError where a driver has no spread or follows from others."""
    table = pd.DataFrame(known.X[kept], columns=list(known.drivers))
    method: Literal["lmg", "johnson"] = "lmg" if len(known.drivers) <= MOST_LMG else "johnson"
    found = relative_importance(table, known.y[kept], method=method, weights=known.weights[kept])
    return found["share"].to_numpy(dtype=float)


def _places(share: Floats) -> Floats:
    return np.asarray(stats.rankdata(-np.round(share, 12), method="min", nan_policy="omit"), dtype=float)


def _with_importance(importance: pd.DataFrame, name: str, row: dict[str, Any], share: Floats | None) -> dict[str, Any]:
    """Lays the shares of a check beside the others; the row passes through."""
    importance[f"share_{name}"] = np.full(len(importance), math.nan) if share is None else share
    importance[f"place_{name}"] = np.full(len(importance), math.nan) if share is None else _places(share)
    return row


def _first(known: CompleteAnswers, share: Floats) -> str:
    return known.drivers[int(share.argmax())]


def _compared(known: CompleteAnswers, before: Floats, after: Floats) -> tuple[bool, str]:
    """Whether the first driver is another, in words."""
    one, other = _first(known, before), _first(known, after)
    if one == other:
        return False, f"{one} stays first"
    return True, f"{other} is first instead of {one}"


# --------------------------------------------------------------------------------------------------------------- checks


def _base(known: CompleteAnswers) -> dict[str, Any]:
    each = known.n / len(known.drivers)
    verdict: Verdict = "fine" if each >= ROWS_PER_DRIVER else "warning"
    detail = f"{known.n:,} respondents, {len(known.drivers)} drivers"
    return _row("rows for each driver", verdict, each, "rows", ROWS_PER_DRIVER, known.n, detail)


def _lost(known: CompleteAnswers, n_all: int) -> dict[str, Any]:
    lost = known.n_left_out / n_all
    detail = f"{known.n_left_out:,} of {n_all:,} rows lack an answer"
    return _row("answers lost", "fine" if lost <= LOST else "look", 100 * lost, "%", 100 * LOST, n_all, detail)


def _correlation(known: CompleteAnswers) -> Floats:
    covariance = np.cov(np.column_stack([known.X, known.y]).T, aweights=known.weights)
    spread = np.sqrt(np.diag(covariance))
    made: Floats = covariance / np.outer(spread, spread)
    return made


def _overlap(known: CompleteAnswers) -> dict[str, Any]:
    vif = np.diag(np.linalg.inv(_correlation(known)[:-1, :-1]))
    worst = float(vif.max())
    verdict: Verdict = "fine" if worst <= VIF_LOOK else "look" if worst <= VIF_WARNING else "warning"
    names = [name for name, value in zip(known.drivers, vif, strict=True) if value > VIF_LOOK]
    detail = f"{list_text(names)} can hardly be told from the others" if names else ""
    return _row("overlap", verdict, worst, "variance inflation", VIF_LOOK, known.n, detail)


def _signs(known: CompleteAnswers, fit: RobustFit, conf_level: float) -> dict[str, Any]:
    correlation = _correlation(known)[:-1, -1]
    turned = np.sign(fit.coefficients[1:]) != np.sign(correlation)
    p_values = [two_sided_p(b / e, fit.df) for b, e in zip(fit.coefficients[1:], fit.std_errors[1:], strict=True)]
    clear = turned & (benjamini_hochberg(p_values) < 1 - conf_level)
    verdict: Verdict = "warning" if clear.any() else "look" if turned.any() else "fine"
    parts = [
        f"{list_text(name for name, flag in zip(known.drivers, flags, strict=True) if flag)} {words}"
        for flags, words in ((clear, "(clear)"), (turned & ~clear, "(not clear of chance)"))
        if flags.any()
    ]
    return _row("sign reversal", verdict, int(turned.sum()), "drivers", 0, known.n, ", ".join(parts))


def _halo(known: CompleteAnswers) -> dict[str, Any]:
    values = np.linalg.eigvalsh(_correlation(known)[:-1, :-1])
    common = float(values[-1] / len(known.drivers))
    detail = f"{1 / len(known.drivers):.0%} if the drivers had nothing in common"
    return _row("halo", "fine" if common <= HALO else "look", 100 * common, "%", 100 * HALO, known.n, detail)


def _on_one_scale(known: CompleteAnswers, scales: Mapping[str, tuple[float, float]]) -> Floats | None:
    """Answers from 0 to 1 where every scale is known, as they are where none is; None where only some are."""
    if not any(name in scales for name in known.drivers):
        return known.X
    if not all(name in scales for name in known.drivers):
        return None
    low, high = (np.array([scales[name][end] for name in known.drivers], dtype=float) for end in (0, 1))
    made: Floats = (known.X - low) / (high - low)
    return made


def _mood(
    known: CompleteAnswers, share: Floats, scales: Mapping[str, tuple[float, float]]
) -> tuple[dict[str, Any], Floats | None]:
    """What each driver adds to the mean of a person's other answers; the figure is Kendall's τ-b with importance as it is."""
    check, p = "mood held fixed", len(known.drivers)
    if p < 3:
        return _not_checked(check, "fewer than three drivers"), None
    answers = _on_one_scale(known, scales)
    if answers is None:
        return _not_checked(check, "the scales of some drivers are not given"), None
    root = np.sqrt(known.weights)
    y = known.y - np.average(known.y, weights=known.weights)
    centred = answers - np.average(answers, axis=0, weights=known.weights)
    others = (centred.sum(axis=1, keepdims=True) - centred) / (p - 1)
    y, centred, others = y * root, centred * root[:, None], others * root[:, None]
    size = (others**2).sum(axis=0)
    if not (size > 1e-9 * (centred**2).sum() / p).all():
        return _not_checked(check, "the mean of the other answers does not differ between people"), None
    own = centred - others * ((others * centred).sum(axis=0) / size)
    left = (own**2).sum(axis=0)
    if not (left > 1e-9 * (centred**2).sum(axis=0)).all():
        return _not_checked(check, "a driver follows from a person's other answers"), None
    gains = (own * y[:, None]).sum(axis=0) ** 2 / left
    fixed = gains / gains.sum()
    turned, words = _compared(known, share, fixed)
    mood = centred.sum(axis=1)
    alone = float((mood @ y) ** 2 / ((mood @ mood) * (y @ y)))
    words += f"; a person's mean answer alone explains {alone:.0%} of the outcome"
    tau = float(stats.kendalltau(share, fixed).statistic)
    return _row(check, "look" if turned else "fine", tau, "Kendall's τ", math.nan, known.n, words), fixed


def _influence(known: CompleteAnswers, fit: RobustFit, share: Floats) -> tuple[dict[str, Any], Floats | None]:
    """Without the units on which the coefficients hang most; the figure is the largest change of a share."""
    check = "influence"
    design = np.column_stack([np.ones(known.n), known.X])
    gram = (design * known.weights[:, None]).T @ design
    cook = np.einsum("ij,jk,ik->i", fit.moved, gram, fit.moved)  # times a constant
    units = max(1, math.ceil(INFLUENTIAL * fit.units))
    out = np.argsort(-cook, kind="stable")[:units]
    kept = ~np.isin(known.clusters, out)
    try:
        without = _shares(known, kept)
    except ValueError as error:
        return _not_checked(check, f"without the most influential {units}: {error}"), None
    turned, words = _compared(known, share, without)
    far = np.abs(fit.moved[:, 1:]) / np.where(fit.std_errors[1:] > 0, fit.std_errors[1:], math.inf)
    unit, driver = np.unravel_index(int(far.argmax()), far.shape)
    words += f"; one of them moves {known.drivers[driver]} by {far[unit, driver]:.1f} standard errors"
    change = 100 * float(np.abs(without - share).max())
    verdict: Verdict = "warning" if turned else "fine"
    return _row(check, verdict, change, "percentage points", math.nan, int(kept.sum()), words), without


def _top(known: CompleteAnswers, scales: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    check = "scale use"
    named = [(j, name) for j, name in enumerate(known.drivers) if name in scales]
    if not named:
        return _not_checked(check, "the scales are not given")
    at_top = [float(np.average(known.X[:, j] >= scales[name][1], weights=known.weights)) for j, name in named]
    most = named[int(np.argmax(at_top))][1]
    detail = f"most of them for {most}, {max(at_top):.0%}"
    mean = float(np.mean(at_top))
    return _row(check, "fine" if mean <= AT_TOP else "look", 100 * mean, "% at the top", 100 * AT_TOP, known.n, detail)


def _outcome_top(known: CompleteAnswers, outcome: str, scales: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    check = "outcome at the top"
    if outcome not in scales:
        return _not_checked(check, "the scale of the outcome is not given")
    at_top = float(np.average(known.y >= scales[outcome][1], weights=known.weights))
    detail = "whoever is at the top cannot rise: an ordered model sees that, a straight line does not"
    verdict: Verdict = "fine" if at_top <= AT_TOP else "look"
    return _row(
        check, verdict, 100 * at_top, "% at the top", 100 * AT_TOP, known.n, "" if verdict == "fine" else detail
    )


def _straight(
    known: CompleteAnswers, share: Floats, scales: Mapping[str, tuple[float, float]]
) -> tuple[dict[str, Any], Floats | None]:
    check = "straight-lining"
    if len(known.drivers) < 3:
        return _not_checked(check, "fewer than three drivers"), None
    answers = _on_one_scale(known, scales)
    if answers is None:
        return _not_checked(check, "the scales of some drivers are not given"), None
    straight = np.ptp(answers, axis=1) < 1e-9
    part = float(np.average(straight, weights=known.weights))
    try:
        without = _shares(known, ~straight)
    except ValueError as error:
        return _row(check, "warning", 100 * part, "%", 100 * STRAIGHT, known.n, f"without them: {error}"), None
    turned, words = _compared(known, share, without)
    verdict: Verdict = "warning" if turned else "look" if part > STRAIGHT else "fine"
    return _row(check, verdict, 100 * part, "%", 100 * STRAIGHT, known.n, f"without them {words}"), without


def _curved(known: CompleteAnswers, conf_level: float, clustered: bool) -> dict[str, Any]:
    """A joint robust test of the squares of the drivers."""
    check, p = "straight line", len(known.drivers)
    centred = (known.X - known.X.mean(axis=0)) / known.X.std(axis=0)
    if known.n < ROWS_PER_DRIVER * 2 * p:
        return _not_checked(check, f"fewer than {ROWS_PER_DRIVER} rows for each driver and square")
    fit = robust_fit(np.column_stack([centred, centred**2]), known.y, known.weights, known.clusters)
    squares = [p + 1 + j for j in range(p) if p + 1 + j not in fit.lost]
    theta = np.where(np.isnan(fit.coefficients), 0.0, fit.coefficients)
    covariance = np.nan_to_num(fit.covariance)
    found = wald_test(np.eye(2 * p + 1)[squares], theta, covariance, float(fit.df), clustered)
    if math.isnan(found["p_value"]):
        return _not_checked(check, "every driver has two answers" if not squares else found["reason"])
    p_values = np.array([two_sided_p(theta[j] / np.sqrt(covariance[j, j]), fit.df) for j in squares])
    bent = [known.drivers[squares[i] - p - 1] for i in np.flatnonzero(benjamini_hochberg(p_values) < 1 - conf_level)]
    verdict: Verdict = "look" if found["p_value"] < 1 - conf_level else "fine"
    detail = "" if verdict == "fine" else f"bent: {list_text(bent)}" if bent else "no single driver is clearly bent"
    return _row(check, verdict, found["p_value"], "p", 1 - conf_level, known.n, detail)


def _omitted(
    known: CompleteAnswers, touchpoint_of: Mapping[str, str | None] | None, touchpoints: Sequence[str]
) -> dict[str, Any]:
    check = "omitted touchpoints"
    if touchpoint_of is None or not len(touchpoints):
        return _not_checked(check, "the touchpoints are not given")
    there = {touchpoint_of.get(name) for name in known.drivers}
    lacking = [name for name in dict.fromkeys(touchpoints) if name not in there]
    detail = f"no driver is about {list_text(lacking)}" if lacking else ""
    return _row(check, "look" if lacking else "fine", len(lacking), "touchpoints", 0, len(set(touchpoints)), detail)


def _source(same_source: bool, n: int) -> dict[str, Any]:
    detail = "drivers and outcome come from one questionnaire and share its mood; another wave or source would tell"
    return _row(
        "same source", "look" if same_source else "fine", float(same_source), "", 0, n, detail if same_source else ""
    )
