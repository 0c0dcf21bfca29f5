"""When did a tracked measure step to another level, and from which wave on does the new level hold?

One row in is one wave, in the order of time: its estimate and the sampling error of that estimate. The model is a level that
stays, or stays for a stretch of waves and then steps to another one. Around a level a wave varies by its sampling error and by
`extra`: what waves differ by that sampling does not explain (season, fieldwork, who was reached).

`extra` comes from the differences of neighbouring waves, as Laney does for p′ (*Quality Engineering* 14, 2002), so that a step
counts once and not in every wave after it; a difference counts for at most two of its standard deviations (Huber 1964). The
statistic is the largest standardised difference of the weighted means before and after a place, over all places (Hawkins,
*JASA* 72, 1977; Worsley, *JASA* 74, 1979), weights 1/(std_error² + extra²). Its p-value is simulated: series without a step,
with these sampling errors, go through the same steps, `extra` estimated anew. How large `extra` is nobody knows from a dozen
waves; the series are drawn with its upper 90% limit, else luck that makes it small would make steps.

Several steps are found one after another (binary segmentation, Scott & Knott 1974, Vostrikova 1981). The next test is one test
of the largest difference within all stretches, and the first that fails ends the search: with the steps that are there placed
rightly, the chance of any false one in the whole series is about `alpha`. (Measured at 0.05, 400 series each: a false step in
1.5 to 6.5% of series of 6 to 40 waves without a step, with and without `extra`.) After each step found the places of all are looked
for again between their neighbours (Bai, *Econometric Theory* 13, 1997).

What it does not say:

- Why. A step may be a new questionnaire, panel or season; nor is it said that customers changed.
- That a change was sudden. **A slow trend is no level, and comes out as one or several steps**, a staircase whose places mean
  nothing. So a straight line is fitted beside the levels and compared by Schwarz's criterion, a place counted as a parameter:
  `shape` is "trend" where the line is clearly better, and the headline then says the trend instead of the steps; "either"
  where the two are about as good (closer than 2), and the headline says so.
- That nothing happened. A flat series is said with the smallest step that would have been seen (`detectable`). A bump up and
  down again is harder to see than one step of its size, and a change of one wave is not looked for.
- Anything of waves that depend on each other. Overlapping panels and slow waves of mood make neighbours alike, hide `extra`
  and give false steps: with an autocorrelation of 0.5 and no sampling error in 21% of series of 8 waves and 57% of 24, with
  as much sampling error beside it in 8% and 24% (200 simulated series each).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from sklearn.utils import check_random_state

from cxlab.inference.intervals import Floats, critical_value
from cxlab.problems import NotApplicableError
from cxlab.wording import decimals_of, difference_text, list_text, number_text

LEAST_WAVES = 6
_MOST = 2.0  # standard deviations that one difference of neighbours counts for at most
_MEAN_DIFFERENCE = float(2 * (stats.norm.pdf(0) - stats.norm.pdf(_MOST)) + 2 * _MOST * stats.norm.sf(_MOST))
_UNLIKELY = 0.1  # the chance that `extra` lies above the limit with which series without a step are drawn
_CLOSE = 2.0  # of Schwarz's criterion: less is not worth a mention (Kass & Raftery, JASA 90, 1995)
_HALVINGS = 24
_POWER, _SERIES = 0.8, 500  # of the smallest step that would have been seen

Shape = Literal["none", "steps", "either", "trend"]


@dataclass(frozen=True)
class ChangePoints:
    """The steps of one series, and the levels between them.

    `points` has one row a step, in the order of time: from_wave and to_wave (the neighbours between which it lies), difference
    (after − before, in the unit of the estimates), std_error, conf_low, conf_high, conf_level (1 − alpha), p_value (of the test
    that found it, never below those of steps found earlier), estimate_before, estimate_after, n_before, n_after (waves of the
    two stretches that it parts) and n (both).

    `levels` has one row a stretch: from_wave, to_wave, estimate, std_error, conf_low, conf_high, conf_level, n (waves).
    `trend` is one row, the straight line through all waves: estimate (the change from one wave to the next, whatever time lies
    between them), std_error, conf_low, conf_high, conf_level, n. `skipped` has one row a wave that was left out: wave, reason.

    `extra` is the standard deviation of waves around their level beyond sampling, `shape` "none" (no step), "steps", "trend" or
    "either", `p_value` that of no step at all, `n_waves` the waves that were used, `search` the
    series with those that it was held against.

    Intervals count the luck of sampling, `extra` and that it is estimated. They do not count that the place was chosen because
    the difference is large there: a step that was barely found is, if anything, smaller than said. They are made wave by wave,
    the test over all places: of a barely found step among few waves the interval may just hold 0.
    """

    points: pd.DataFrame
    levels: pd.DataFrame
    trend: pd.DataFrame
    skipped: pd.DataFrame
    extra: float
    shape: Shape
    p_value: float
    alpha: float
    n_waves: int
    search: _Search = field(repr=False, compare=False)

    @cached_property
    def detectable(self) -> float:
        """The step in the middle that four of five series with this variation would show; NaN where there is a step."""
        return math.nan if len(self.points) else _detectable(self.search, self.extra**2, self.alpha)

    def to_frame(self) -> pd.DataFrame:
        """One row a step."""
        return self.points.copy()

    def headline(self) -> str:
        """The steps in one sentence; a trend, or the smallest step that would have been seen, where there is none."""
        waves = f"{self.n_waves} waves{self._left_out()}"
        if self.points.empty:
            step = number_text(self.detectable, max(decimals_of("", self.detectable), 1))
            return f"No clear step in {waves}; one of {step} in the middle would have been seen in four of five such series."
        if self.shape == "trend":
            slope = self.trend.to_dict("records")[0]
            change = difference_text(slope["estimate"], "", slope["conf_low"], slope["conf_high"])
            what = "a step" if len(self.points) == 1 else f"{len(self.points)} steps"
            return f"A steady change of {change} from wave to wave describes {waves} better than {what} would."
        steps = list_text(
            f"{difference_text(row['difference'], '', row['conf_low'], row['conf_high'])} between {row['from_wave']} and "
            f"{row['to_wave']}"
            for row in self.points.to_dict("records")
        )
        times = "once" if len(self.points) == 1 else f"{len(self.points)} times"
        line = "; a steady change would describe them about as well" if self.shape == "either" else ""
        return f"The level stepped {times} in {waves}: {steps}{line}."

    def _left_out(self) -> str:
        if self.skipped.empty:
            return ""
        each = (f"{row['wave']} {row['reason']}" for row in self.skipped.to_dict("records"))
        return f" ({len(self.skipped)} skipped: {list_text(each)})"


def change_points(
    estimates: npt.ArrayLike,
    std_errors: npt.ArrayLike,
    *,
    labels: Sequence[Any] | None = None,
    min_waves: int = 2,
    alpha: float = 0.05,
    n_sim: int = 2_000,
    random_state: Any = None,
) -> ChangePoints:
    """Where a tracked measure stepped to another level.

    `estimates` and `std_errors` have one entry a wave, oldest first, in one unit; the errors are those of sampling, with weights
    and clusters where the survey has them. `labels` name the waves (default: the index of a Series, else 1, 2, …). A wave without
    estimate or error is skipped, and said. A level lasts at least `min_waves` waves. `alpha` is the chance of any false step in
    the whole series, `n_sim` the number of simulated series. The method is told at the top of this module.

    Raises ValueError for lengths, labels or indexes that do not fit, infinite figures, a sampling error of 0 or less, and an
    `n_sim` from which no step could follow; NotApplicableError for fewer than 6 waves (or than two stretches need).

    >>> found = change_points([50, 51, 49, 50, 60, 61, 59, 60], [1.0] * 8, labels=range(2011, 2019), random_state=0)
    >>> found.headline()
    'The level stepped once in 8 waves: +10.0 (7.9 to 12.1) between 2014 and 2015.'
    """
    y, errors, names, skipped = _read(estimates, std_errors, labels)
    _check(len(y), min_waves, alpha, n_sim)
    rng = np.random.default_rng(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    search = _Search(y, errors**2, min_waves, rng.normal(size=(n_sim, len(y))))
    cuts, p_values, p_value = _find(search, alpha)
    extra2 = float(search.extra2(y[None], cuts)[0])
    levels, points = _tables(search, extra2, cuts, names, p_values, 1 - alpha)
    trend, shape = _trend(y, search.se2 + extra2, cuts, 1 - alpha)
    return ChangePoints(
        points=points,
        levels=levels,
        trend=trend,
        skipped=skipped,
        extra=math.sqrt(extra2),
        shape=shape,
        p_value=p_value,
        alpha=alpha,
        n_waves=len(y),
        search=search,
    )


class _Search:
    """One series, and simulated ones without a step that go through the same steps.

    `cuts` are places of steps: a cut at i parts the waves before i from those from i on. Series are rows of y.
    """

    def __init__(self, y: Floats, se2: Floats, min_waves: int, noise: Floats) -> None:
        self.y, self.se2, self.min_waves, self.noise = y, se2, min_waves, noise

    def largest(self, y: Floats, cuts: list[int]) -> tuple[Floats, npt.NDArray[np.intp]]:
        """For each series the largest standardised difference within a stretch, and its place; 0 where no place is left."""
        weights = 1 / (self.se2 + self.extra2(y, cuts)[:, None])
        highest, place = np.zeros(len(y)), np.zeros(len(y), dtype=np.intp)
        for start, end in _stretches(cuts, y.shape[1]):
            if end - start >= 2 * self.min_waves:
                z = _split(y[:, start:end], weights[:, start:end], self.min_waves)
                best = z.argmax(axis=1)
                z = z[np.arange(len(y)), best]
                place = np.where(z > highest, start + self.min_waves + best, place)
                highest = np.maximum(z, highest)
        return highest, place

    def p_value(self, statistic: float, cuts: list[int]) -> float:
        """How often series without a further step show as large a difference."""
        simulated, _ = self.largest(self.without_steps(cuts), cuts)
        return float((1 + (simulated >= statistic - 1e-9).sum()) / (1 + len(simulated)))

    def without_steps(self, cuts: list[int]) -> Floats:
        """Series around a level, with the upper limit of `extra`: what it is at most, but for a chance of 10%."""
        highest = self.extra2(self.y[None], cuts, self.unlikely_size(cuts))[0]
        drawn: Floats = self.noise * np.sqrt(self.se2 + highest)
        return drawn

    def unlikely_size(self, cuts: list[int]) -> float:
        """The mean size of differences that only one of ten series falls below, in their standard deviations."""
        gaps = np.abs(np.diff(self.noise, axis=1))[:, _inner(cuts, len(self.y))] / math.sqrt(2)
        return float(np.quantile(np.minimum(gaps, _MOST).mean(axis=1), _UNLIKELY))

    def extra2(self, y: Floats, cuts: list[int], size: float = _MEAN_DIFFERENCE) -> Floats:
        """The variance by which waves of a level differ beyond sampling, one for each series; 0 where sampling is enough.

        That with which the differences of neighbours, divided by their standard deviations and cut at two, are `size` in the
        mean, as those of a standard normal are. Found by halving.
        """
        inner = _inner(cuts, y.shape[1])
        gaps, sampling = np.abs(np.diff(y, axis=1))[:, inner], (self.se2[1:] + self.se2[:-1])[inner]
        low, high = np.zeros(len(y)), (gaps.mean(axis=1) / size) ** 2 / 2
        too_large = lambda extra2: np.minimum(gaps / np.sqrt(sampling + 2 * extra2[:, None]), _MOST).mean(axis=1) > size  # noqa: E731
        some = too_large(low)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            above = too_large(middle)
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        return np.where(some, high, 0.0)


def _find(search: _Search, alpha: float) -> tuple[list[int], list[float], float]:
    """Places of steps in the order of time, their p-values, and the p-value of no step at all."""
    found: list[tuple[int, float]] = []
    no_step, worst = math.nan, 0.0
    while True:
        cuts = [cut for cut, _ in found]
        statistic, place = search.largest(search.y[None], cuts)
        if not statistic[0] > 0:
            break
        p = search.p_value(float(statistic[0]), cuts)
        no_step = no_step if found else p
        if p > alpha:
            break
        worst = max(worst, p)
        found = sorted([*found, (int(place[0]), worst)])
        moved = _placed_again(search, [cut for cut, _ in found])
        found = [(cut, own) for cut, (_, own) in zip(moved, found, strict=True)]
    return [cut for cut, _ in found], [own for _, own in found], no_step


def _placed_again(search: _Search, cuts: list[int]) -> list[int]:
    """Each step at its best place between the steps beside it."""
    weights = 1 / (search.se2 + search.extra2(search.y[None], cuts)[:, None])
    cuts = list(cuts)
    for j in range(len(cuts)):
        start, end = ([0, *cuts][j], [*cuts, len(search.y)][j + 1])
        z = _split(search.y[None, start:end], weights[:, start:end], search.min_waves)
        cuts[j] = start + search.min_waves + int(z[0].argmax())
    return cuts


def _split(y: Floats, weights: Floats, min_waves: int) -> Floats:
    """The standardised difference of the means after and before each place, without sign; series × places."""
    mass, total = weights.cumsum(axis=1), (weights * y).cumsum(axis=1)
    before, sum_before = mass[:, :-1], total[:, :-1]
    after, sum_after = mass[:, -1:] - before, total[:, -1:] - sum_before
    z: Floats = np.abs(sum_after / after - sum_before / before) / np.sqrt(1 / before + 1 / after)
    return z[:, min_waves - 1 : y.shape[1] - min_waves]


def _stretches(cuts: list[int], n: int) -> Iterator[tuple[int, int]]:
    return zip([0, *cuts], [*cuts, n], strict=True)


def _inner(cuts: list[int], n: int) -> npt.NDArray[np.bool_]:
    """Which differences of neighbours lie within a stretch."""
    inner = np.ones(n - 1, dtype=bool)
    inner[[cut - 1 for cut in cuts]] = False
    return inner


def _means(y: Floats, variance: Floats, cuts: list[int]) -> tuple[Floats, Floats]:
    """Weighted means of the stretches and their variances; series × stretches."""
    starts = [0, *cuts]
    mass = np.add.reduceat(1 / variance, starts, axis=1)
    return np.add.reduceat(y / variance, starts, axis=1) / mass, 1 / mass


def _tables(
    search: _Search, extra2: float, cuts: list[int], names: list[Any], p_values: list[float], conf_level: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Levels and steps. Intervals reach as far as the errors of simulated series do, and never less far than the normal."""
    means, variances = (row[0] for row in _means(search.y[None], (search.se2 + extra2)[None], cuts))
    simulated = search.without_steps(cuts)
    off, spread = _means(simulated, search.se2 + search.extra2(simulated, cuts)[:, None], cuts)
    far = critical_value(conf_level)
    ends = list(_stretches(cuts, len(search.y)))
    levels = pd.DataFrame(
        {
            "from_wave": [names[start] for start, _ in ends],
            "to_wave": [names[end - 1] for _, end in ends],
            **_interval(
                means, variances, np.maximum(np.quantile(np.abs(off) / np.sqrt(spread), conf_level, axis=0), far)
            ),
            "conf_level": conf_level,
            "n": [end - start for start, end in ends],
        }
    )
    errors = np.abs(np.diff(off, axis=1)) / np.sqrt(spread[:, 1:] + spread[:, :-1])
    reach = np.maximum(np.quantile(errors, conf_level, axis=0), far) if cuts else np.zeros(0)
    steps = _interval(np.diff(means), variances[1:] + variances[:-1], reach)
    n = levels["n"].to_numpy()
    points = pd.DataFrame(
        {
            "from_wave": [names[cut - 1] for cut in cuts],
            "to_wave": [names[cut] for cut in cuts],
            "difference": steps.pop("estimate"),
            **steps,
            "conf_level": conf_level,
            "p_value": np.array(p_values, dtype=float),
            "estimate_before": means[:-1],
            "estimate_after": means[1:],
            "n_before": n[:-1],
            "n_after": n[1:],
            "n": n[:-1] + n[1:],
        }
    )
    return levels, points


def _interval(estimate: Floats, variance: Floats, reach: Floats) -> dict[str, Floats]:
    error = np.sqrt(variance)
    ends = {"conf_low": estimate - reach * error, "conf_high": estimate + reach * error}
    return {"estimate": estimate, "std_error": error, **ends}


def _trend(y: Floats, variance: Floats, cuts: list[int], conf_level: float) -> tuple[pd.DataFrame, Shape]:
    """The straight line through the waves, and whether it or the levels describe them better."""
    n, weights, at = len(y), 1 / variance, np.arange(len(y), dtype=float)
    at = at - np.average(at, weights=weights)
    middle = np.average(y, weights=weights)
    spread = float((weights * at**2).sum())
    slope = float((weights * at * (y - middle)).sum()) / spread
    row = _interval(np.array([slope]), np.array([1 / spread]), np.array([critical_value(conf_level, n - 2)]))
    means, _ = _means(y[None], variance[None], cuts)
    level = np.repeat(means[0], np.diff([0, *cuts, n]))
    by_line = float((weights * (y - middle - slope * at) ** 2).sum()) + 2 * math.log(n)
    by_levels = float((weights * (y - level) ** 2).sum()) + (2 * len(cuts) + 1) * math.log(n)
    shape: Shape = "none"
    if cuts:
        shape = "either" if abs(by_line - by_levels) < _CLOSE else "trend" if by_line < by_levels else "steps"
    return pd.DataFrame(row).assign(conf_level=conf_level, n=n), shape


def _detectable(search: _Search, extra2: float, alpha: float) -> float:
    """The smallest step in the middle of the series that four of five series with this variation would show.

    A step makes `extra` look larger, too. So the line that the statistic must pass is worked out for several upper limits of
    `extra`, and simulated series with a step are held against the line of their own limit.
    """
    part = _Search(search.y, search.se2, search.min_waves, search.noise[:_SERIES])
    limits = float(np.median(search.se2)) * np.array([0.0, 0.25, 1, 4, 16, 64])
    lines = [np.quantile(part.largest(part.noise * np.sqrt(search.se2 + one), [])[0], 1 - alpha) for one in limits]
    drawn, size = part.noise * np.sqrt(search.se2 + extra2), part.unlikely_size([])
    after = np.arange(len(search.y)) >= len(search.y) // 2
    _, variances = _means(search.y[None], (search.se2 + extra2)[None], [len(search.y) // 2])
    low, high = 0.0, 20 * math.sqrt(variances.sum())
    for _ in range(10):
        step = (low + high) / 2
        stepped = drawn + step * after
        line = np.interp(part.extra2(stepped, [], size), limits, lines)
        seen = (part.largest(stepped, [])[0] > line).mean() >= _POWER
        low, high = (low, step) if seen else (step, high)
    return high


def _read(
    estimates: npt.ArrayLike, std_errors: npt.ArrayLike, labels: Sequence[Any] | None
) -> tuple[Floats, Floats, list[Any], pd.DataFrame]:
    """Estimates, errors and names of the waves that have both, and the waves that have not."""
    if (
        isinstance(estimates, pd.Series)
        and isinstance(std_errors, pd.Series)
        and not estimates.index.equals(std_errors.index)
    ):
        raise ValueError("`std_errors` has another index than `estimates`; take both from one table")
    y, errors = _numbers(estimates, "estimates"), _numbers(std_errors, "std_errors")
    if len(errors) != len(y):
        raise ValueError(f"`std_errors` has {len(errors)} entries for {len(y)} waves; give one a wave")
    if labels is None:
        labels = list(estimates.index) if isinstance(estimates, pd.Series) else list(range(1, len(y) + 1))
    names = list(labels)
    if len(names) != len(y):
        raise ValueError(f"`labels` names {len(names)} waves, `estimates` has {len(y)}; give one label a wave")
    twice = pd.Series(names, dtype=object).duplicated()
    if twice.any():
        raise ValueError(
            f"wave {names[int(twice.to_numpy().argmax())]!r} is there twice; give one row a wave, oldest first"
        )
    if (errors <= 0).any():
        i = int((errors <= 0).argmax())
        raise ValueError(
            f"`std_errors` of wave {names[i]!r} is {errors[i]:g}; a sampling error is above 0. "
            "Where every answer is the same it is not known: give NaN, and the wave is skipped"
        )
    known = ~np.isnan(y) & ~np.isnan(errors)
    reasons = np.where(np.isnan(y), "has no estimate", "has no sampling error")
    skipped = pd.DataFrame(
        {
            "wave": pd.Series([name for name, there in zip(names, known, strict=True) if not there], dtype=object),
            "reason": pd.Series(reasons[~known], dtype=object),
        }
    )
    return y[known], errors[known], [name for name, there in zip(names, known, strict=True) if there], skipped


def _numbers(given: npt.ArrayLike, name: str) -> Floats:
    column = pd.Series(np.atleast_1d(np.asarray(given)))
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=math.nan)
    lost = column.notna().to_numpy() & ~np.isfinite(values)
    if lost.any():
        raise ValueError(f"`{name}` must be finite numbers, got {column[lost].iloc[0]}; NaN stands for a wave without")
    return values


def _check(n: int, min_waves: int, alpha: float, n_sim: int) -> None:
    if int(min_waves) != min_waves or min_waves < 2:
        raise ValueError(f"`min_waves` must be a whole number from 2 upwards, got {min_waves!r}; one wave is no level")
    if not 0 < alpha < 1:
        raise ValueError(f"`alpha` must be between 0 and 1, got {alpha!r}; 5% is 0.05")
    if int(n_sim) != n_sim or n_sim + 1 < 1 / alpha:
        raise ValueError(
            f"`n_sim` must be at least {math.ceil(1 / alpha - 1e-9) - 1} for alpha={alpha:g}, got {n_sim!r}; "
            "with fewer series no step could be told from luck"
        )
    least = max(LEAST_WAVES, 2 * min_waves)
    if n < least:
        raise NotApplicableError(f"needs at least {least} waves with an estimate and its sampling error; there are {n}")
