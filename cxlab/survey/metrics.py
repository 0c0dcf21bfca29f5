"""NPS, CSAT and CES: one number for a group of respondents, with its interval and base.

Each is a weighted mean of a recoded answer, so one linearised standard error serves all (`cxlab.inference`).
Intervals: adjusted Wald AW(3, T) for NPS (Rocks, *International Journal of Market Research* 58, 2016), Wilson for
shares, Student's t for means. NPS and CSAT use the base of a simple random sample that would be as informative as
this one.

None of them says why customers feel as they do, nor what those who did not answer would have said. Respondents without
an answer are left out and counted in `n_missing`.
"""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxlab.inference.intervals import (
    Estimate,
    LinearisedMean,
    check_conf_level,
    critical_value,
    effective_base,
    linearised_mean,
    wilson,
)
from cxlab.survey.respondents import Answers, read_answers
from cxlab.survey.scales import Scale, check_ends, orient, scale_words

Metric = Literal["nps", "top_box", "ces", "mean"]
LTR_SCALE: Scale = (0, 10)
_NOTHING = 1e-24  # a variance of rounding errors only


@dataclass(frozen=True)
class SurveyEstimate(Estimate):
    """An estimate from a survey: `n` answered, `n_missing` did not; `n_eff` is Kish's effective base of the weights."""

    _: KW_ONLY
    n_eff: float = math.nan
    n_missing: int = 0

    @property
    def deff(self) -> float:
        """What unequal weights cost: n / n_eff, 1 where all weights are equal (Kish 1965). It does not know the clusters."""
        return self.n / self.n_eff if self.n_eff > 0 else math.nan

    def to_frame(self) -> pd.DataFrame:
        """One row, one column a field, and deff."""
        return super().to_frame().assign(deff=self.deff)


@dataclass(frozen=True)
class Measure:
    """One metric of one group: what its interval, and its comparison with another group, are made from.

    Kept in units of the recoded answer: −1, 0, 1 for NPS, 0 or 1 for a share, the scale for a mean. `base` is the
    equivalent simple random sample (NPS and shares); `centre` and `variance` make the interval of NPS and means.
    """

    metric: Metric
    unit: str
    mean: LinearisedMean
    base: float
    centre: float
    variance: float
    clustered: bool
    n_missing: int

    @property
    def factor(self) -> int:
        """From the recoded answer to the unit of the estimate."""
        return 100 if self.metric in ("nps", "top_box") else 1

    @property
    def estimate(self) -> float:
        return self.factor * self.mean.mean

    @property
    def std_error(self) -> float:
        return self.factor * self.mean.std_error

    @property
    def df(self) -> float:
        """Degrees of freedom of the interval; without end where a normal one is used."""
        return self.mean.df if self.clustered or self.metric in ("ces", "mean") else math.inf

    def interval(self, conf_level: float) -> tuple[float, float]:
        """In the unit of the estimate; NPS stays within −100 and 100."""
        if self.metric == "top_box":
            low, high = wilson(self.mean.mean, self.base, conf_level, df=self.df)
        else:
            half = critical_value(conf_level, self.df) * math.sqrt(self.variance) if self.varies else math.nan
            low, high = self.centre - half, self.centre + half
        if self.metric == "nps" and not math.isnan(low):
            # the centre is drawn towards 0: with one or two answers the interval may not reach the estimate itself
            low, high = max(-1.0, min(low, self.mean.mean)), min(1.0, max(high, self.mean.mean))
        return self.factor * low, self.factor * high

    @property
    def varies(self) -> bool:
        """Whether the spread of answers, as far as the interval needs it, is known to be above 0."""
        return self.variance > _NOTHING

    def why_no_error(self) -> str:
        """Why there is no standard error; empty where there is one."""
        if self.mean.n == 0:
            return "nobody answered"
        if self.mean.n == 1:
            return "a single answer has no standard error"
        if self.mean.units == 1:
            return "all answers come from one cluster, so there is no standard error"
        return ""

    def why_undefined(self) -> str:
        """Why a figure is NaN; empty where none is."""
        if not self.why_no_error() and self.metric in ("ces", "mean") and not self.varies:
            return "everybody gave the same answer, so there is no interval"
        return self.why_no_error()


def measure(answers: Answers, metric: Metric, scale: Scale, *, top: int = 2) -> Measure:
    """One metric from the answers to one question."""
    clustered = answers.clusters is not None
    if metric == "nps":
        mean, base, centre, variance = _nps_parts(answers)
        return Measure(metric, "points", mean, base, centre, variance, clustered, answers.n_missing)
    if metric == "top_box":
        mean = _mean(answers, answers.scores > scale[1] - check_top(top, scale))
        base = effective_base(mean.mean * (1 - mean.mean), mean)
        return Measure(metric, "%", mean, base, math.nan, math.nan, clustered, answers.n_missing)
    mean = _mean(answers, answers.scores)
    unit, variance = scale_words(scale), mean.std_error**2
    return Measure(metric, unit, mean, math.nan, mean.mean, variance, clustered, answers.n_missing)


def _mean(answers: Answers, recoded: npt.ArrayLike) -> LinearisedMean:
    return linearised_mean(recoded, answers.weights, answers.clusters, answers.strata)


def _nps_parts(answers: Answers) -> tuple[LinearisedMean, float, float, float]:
    """P − D, and the adjusted Wald base, centre and variance: ¾ of an answer more at each end, n + 3 in all."""
    promoter, detractor = answers.scores >= 9, answers.scores <= 6
    mean = _mean(answers, promoter.astype(float) - detractor)
    if answers.n == 0:
        return mean, 0.0, math.nan, math.nan
    P = float(np.average(promoter, weights=answers.weights))
    D = float(np.average(detractor, weights=answers.weights))
    n_e = effective_base(P + D - (P - D) ** 2, mean)
    P_adj, D_adj = (n_e * P + 0.75) / (n_e + 3), (n_e * D + 0.75) / (n_e + 3)
    S_adj = P_adj - D_adj
    return mean, n_e, S_adj, (P_adj + D_adj - S_adj**2) / (n_e + 3)


def check_top(top: int, scale: Scale) -> int:
    """How many of the highest answers count as the top box. Raises ValueError unless it is a part of the scale."""
    points = scale[1] - scale[0] + 1
    if int(top) != top or not 1 <= top < points:
        raise ValueError(
            f"`top` must be a whole number from 1 to {points - 1:g} on the scale {scale_words(scale)}, got {top!r}"
        )
    return int(top)


def survey_estimate(measured: Measure, label: str, conf_level: float) -> SurveyEstimate:
    """What a measure says at a confidence level."""
    check_conf_level(conf_level)
    low, high = measured.interval(conf_level)
    return SurveyEstimate(
        measured.estimate,
        measured.std_error,
        low,
        high,
        conf_level,
        measured.mean.n,
        reason=measured.why_undefined(),
        label=label,
        unit=measured.unit,
        n_eff=measured.mean.n_eff,
        n_missing=measured.n_missing,
    )


def nps(
    ltr: Any, *, weights: Any = None, clusters: Any = None, strata: Any = None, conf_level: float = 0.95
) -> SurveyEstimate:
    """Net Promoter Score in points, −100 to 100: promoters (9, 10) minus detractors (0 to 6) in percent.

    `ltr` is the likelihood to recommend, whole numbers 0 to 10. Raises ValueError for any other answer (with its
    value), and for a missing or negative weight of someone who answered.

    >>> nps([10] * 50 + [8] * 30 + [3] * 20).headline()
    'NPS is 30, between 14 and 44 (n 100).'
    """
    answers = read_answers(ltr, LTR_SCALE, name="ltr", whole=True, weights=weights, clusters=clusters, strata=strata)
    return survey_estimate(measure(answers, "nps", LTR_SCALE), "NPS", conf_level)


def csat(
    scores: Any,
    *,
    scale: Scale = (1, 5),
    top: int = 2,
    weights: Any = None,
    clusters: Any = None,
    strata: Any = None,
    conf_level: float = 0.95,
) -> SurveyEstimate:
    """Customer satisfaction in percent: the share whose answer is among the `top` highest of the scale.

    Raises ValueError for answers off the scale or between its steps.

    >>> csat([5] * 60 + [4] * 21 + [2] * 19).headline()
    'CSAT is 81%, between 72% and 87% (n 100).'
    """
    ends = check_ends(scale)
    answers = read_answers(scores, ends, name="scores", whole=True, weights=weights, clusters=clusters, strata=strata)
    return survey_estimate(measure(answers, "top_box", ends, top=top), "CSAT", conf_level)


def ces(
    scores: Any,
    *,
    scale: Scale,
    high_is_easy: bool,
    weights: Any = None,
    clusters: Any = None,
    strata: Any = None,
    conf_level: float = 0.95,
) -> SurveyEstimate:
    """Customer effort score: the mean answer, turned so that a high one is easy. In points of the scale.

    Waves on a 5-point and on a 7-point scale cannot be mixed: the higher answers are refused as off the scale.

    >>> ces([1, 2, 2, 3], scale=(1, 7), high_is_easy=False).headline()
    'CES is 6.0 on a scale of 1 to 7, between 4.7 and 7.3 (n 4).'
    """
    ends = check_ends(scale)
    answers = read_answers(scores, ends, name="scores", whole=False, weights=weights, clusters=clusters, strata=strata)
    turned = replace(answers, scores=orient(answers.scores, ends, reversed=not high_is_easy))
    return survey_estimate(measure(turned, "ces", ends), "CES", conf_level)
