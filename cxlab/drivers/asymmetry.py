"""Does a part of the experience punish more than it rewards? Penalty and reward of each driver, and where more of it stops to help.

One row is one respondent. Penalty-reward analysis (Brandt 1987; Matzler & Sauerwein, *International Journal of Service Industry
Management* 13, 2002) gives every driver two dummies: a low answer and a high one, both against the answers between them. `penalty` is
what the outcome is lower or higher with a low answer (negative where it punishes), `reward` with a high one, the other drivers held
fixed, in points of the outcome. Errors are HC3, by account CR3.

The classes (Kano's, as read from a regression; his own need his own questions): *basic* where the penalty is clear of chance once the
number of tests is counted (Benjamini and Hochberg) and at least twice the reward, *excitement* where the reward is clear and at least
twice the penalty, *performance* where one of them is clear and neither leads by so much, *none* otherwise. An effect the wrong way (a low
answer that goes with a better outcome) counts as 0 while chance explains it; where it is clear it counts against the class with its size.

Such classes are much less certain than they look: they rest on a ratio of two uncertain numbers. So each has a probability, the share of
resamples (respondents or accounts) that put the driver there too, and is named only from 80% on. *None* is never named: too few answers
look the same. `python benchmarks/drivers_asymmetry.py` holds classes of small samples of an airline's passengers against those of all
42,276: with 300, 1,000 and 3,000 respondents the class agrees for 53, 63 and 76% of the drivers (31, 54 and 74% by the usual rule, where
what is not clear or runs the wrong way is 0; of the 14 drivers 6 are *none* for everybody by this rule, 1 by the usual one). 5, 19 and
30% have a named class, and of these 98, 99 and 94% agree.

`diminishing_returns` asks the milder question on the whole scale: is the line from the worst answer to the middle steeper than from the
middle to the best? An outcome that ends at its best answer bends such lines by itself, and so does a mood that lets people tick the
ends: a bend is a hint where money stops to help, not a proof. Respondents with a hole are left out and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from cxlab.data.answers import best_answers
from cxlab.drivers.complete import CompleteAnswers, complete_answers
from cxlab.drivers.moments import check_n_boot, drawn_counts, products, slopes, sums_by_unit
from cxlab.drivers.performance import AGREED, NOT_SETTLED, Ends, check_drivers, check_enough, ends_of, rescaled
from cxlab.drivers.robust import RobustFit, robust_fit
from cxlab.inference import benjamini_hochberg
from cxlab.inference.intervals import Floats, check_conf_level, critical_value

CLASSES = ("basic", "performance", "excitement", "none")
RATIO = 2.0  # penalty to reward, from which on one of them leads
LEAST_GROUP = 10  # low, middle and high answers that a driver needs


@dataclass(frozen=True)
class PenaltyReward:
    """`table` has one row a driver: driver, penalty, penalty_error, penalty_low, penalty_high, penalty_q, the same of reward (points of
    the outcome against the answers between low and high), low_to and high_from (the answers that count as low and as high), n_low,
    n_middle, n_high, class (of the sample), class_probability (share of resamples with the same class), class_named (the class
    where it is not "none" and has 80%, else "not settled"), p_basic, p_performance, p_excitement, p_none (shares of resamples),
    wrong_way (which answers clearly go with an outcome that is opposite), conf_level, n, reason (why there is no class)."""

    table: pd.DataFrame
    n: int
    n_left_out: int
    n_draws: int
    weighted: bool
    clustered: bool
    conf_level: float
    draws: Floats = field(repr=False)
    """Resamples × drivers × (penalty, reward)."""


def penalty_reward(
    data: pd.DataFrame,
    outcome: str,
    drivers: Sequence[str],
    *,
    scales: Ends | Mapping[str, Ends],
    cuts: Mapping[str, tuple[float, float]] | None = None,
    weights_col: str | None = None,
    cluster_col: str | None = None,
    n_boot: int = 500,
    conf_level: float = 0.95,
    random_state: int | None = 0,
) -> PenaltyReward:
    """Penalty, reward and class of each driver.

    `scales`: the ends of the questionnaire, one pair or one for each driver. Low are answers below the middle of the scale, high the two
    best (on a scale longer than ten points the upper fifth); `cuts` {driver: (low up to, high from)} says otherwise. A driver with fewer
    than ten low, middle or high answers has no class and says so, but is held fixed for the others.

    In a resample the coefficients are fitted anew and tested with the sample's errors. `n_boot` 0: no probabilities, nothing is named.
    """
    check_conf_level(conf_level)
    check_n_boot(n_boot)
    names = check_drivers(data, outcome, drivers)
    whole = _whole(data, outcome, names, scales, weights_col, cluster_col)
    low, high, bounds = _groups(whole, names, scales, cuts or {})
    bases = np.stack([low.sum(axis=0), (~low & ~high).sum(axis=0), high.sum(axis=0)], axis=1)
    told = bases.min(axis=1) >= LEAST_GROUP
    p = len(names)
    dummies = np.column_stack([low, high]).astype(float)
    used = np.concatenate([told, told])
    design, alone = dummies[:, used], whole.X[:, ~told]
    fit = robust_fit(np.column_stack([design, alone]), whole.y, whole.weights, whole.clusters)
    effect, error = np.full(2 * p, np.nan), np.full(2 * p, np.nan)
    effect[used] = fit.coefficients[1 : 1 + used.sum()]
    error[used] = fit.std_errors[1 : 1 + used.sum()]
    draws = _draws(np.column_stack([design, alone]), whole, used, n_boot, random_state)
    return PenaltyReward(
        table=_described(names, effect, error, draws, fit.df, bases, bounds, conf_level, whole.n),
        n=whole.n, n_left_out=whole.n_left_out, n_draws=len(draws), weighted=weights_col is not None,
        clustered=cluster_col is not None, conf_level=conf_level,
        draws=np.stack([draws[:, :p], draws[:, p:]], axis=2),
    )  # fmt: skip


def diminishing_returns(
    data: pd.DataFrame,
    outcome: str,
    drivers: Sequence[str],
    *,
    scales: Ends | Mapping[str, Ends],
    weights_col: str | None = None,
    cluster_col: str | None = None,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """One row a driver: driver, middle (of its scale), gain_low (points of the outcome from the worst answer to the middle),
    gain_low_error, gain_low_low, gain_low_high, the same of gain_high (from the middle to the best), difference (gain_low less
    gain_high), difference_error, difference_low, difference_high, p_value and q_value (that there is no bend; Benjamini and Hochberg
    over the drivers), shape ("diminishing", "rising", "no clear bend"), conf_level, n, n_low, n_high (answers below and above the
    middle), reason.

    All drivers have a line with one bend at the middle of their scale. One with fewer than ten answers on a side of it is held fixed
    with a straight line, and has no gains.
    """
    check_conf_level(conf_level)
    names = check_drivers(data, outcome, drivers)
    whole = _whole(data, outcome, names, scales, weights_col, cluster_col)
    ends = np.array([ends_of(scales, name) for name in names])
    middle, half = ends.mean(axis=1), (ends[:, 1] - ends[:, 0]) / 2
    around = (whole.X - middle) / half  # −1 the worst answer, 0 the middle, 1 the best
    n_low, n_high = (around < 0).sum(axis=0), (around > 0).sum(axis=0)
    bent = np.minimum(n_low, n_high) >= LEAST_GROUP
    design = np.column_stack([np.minimum(around, 0)[:, bent], np.maximum(around, 0)[:, bent], around[:, ~bent]])
    fit = robust_fit(design, whole.y, whole.weights, whole.clusters)
    k, p = int(bent.sum()), len(names)
    one = np.eye(k)
    none = np.zeros((k, p - k))
    weigh = {
        "gain_low": np.column_stack([one, 0 * one, none]),
        "gain_high": np.column_stack([0 * one, one, none]),
        "difference": np.column_stack([one, -one, none]),
    }
    reach = critical_value(conf_level, fit.df)
    table = pd.DataFrame({"driver": names, "middle": middle})
    for word, rows in weigh.items():
        value, error = _combined(fit, rows)
        for column, figures in (
            (word, value), (f"{word}_error", error), (f"{word}_low", value - reach * error), (f"{word}_high", value + reach * error),
        ):  # fmt: skip
            table[column] = np.nan
            table.loc[bent, column] = figures
    with np.errstate(invalid="ignore", divide="ignore"):
        table["p_value"] = 2 * stats.t.sf(np.abs(table["difference"] / table["difference_error"]), fit.df)
    table["q_value"] = benjamini_hochberg(table["p_value"])
    clear = (table["q_value"] < 1 - conf_level).to_numpy()
    shape = np.where(clear, np.where(table["difference"] > 0, "diminishing", "rising"), "no clear bend")
    table["shape"] = np.where(bent, shape, "")
    few = [
        f"{below} answers below the middle and {above} above it, needs {LEAST_GROUP} each"
        for below, above in zip(n_low, n_high, strict=True)
    ]
    return table.assign(
        conf_level=conf_level, n=whole.n, n_low=n_low, n_high=n_high, reason=np.where(bent, "", few),
    )  # fmt: skip


def classify(
    penalty: npt.ArrayLike, reward: npt.ArrayLike, clear_penalty: npt.ArrayLike, clear_reward: npt.ArrayLike
) -> npt.NDArray[np.intp]:
    """Places in `CLASSES` from the effects of a low and of a high answer, and whether each is clear of chance.

    >>> [CLASSES[k] for k in classify([-1, -1, -0.4, -1, 1], [0.4, 0.9, 1, 0.2, 0.1], [1, 1, 0, 0, 1], [1, 1, 1, 0, 0])]
    ['basic', 'performance', 'excitement', 'none', 'none']
    """
    punishes, rewards = -np.asarray(penalty, dtype=float), np.asarray(reward, dtype=float)
    sure_low, sure_high = np.asarray(clear_penalty, dtype=bool), np.asarray(clear_reward, dtype=bool)
    against_low = np.where((punishes < 0) & ~sure_low, 0, np.abs(punishes))
    against_high = np.where((rewards < 0) & ~sure_high, 0, np.abs(rewards))
    basic = sure_low & (punishes > 0) & (punishes >= RATIO * against_high)
    excitement = sure_high & (rewards > 0) & (rewards >= RATIO * against_low)
    both = (sure_low | sure_high) & (punishes > 0) & (rewards > 0)
    return np.select([basic, excitement, both], [0, 2, 1], 3)


def _whole(
    data: pd.DataFrame,
    outcome: str,
    names: list[str],
    scales: Ends | Mapping[str, Ends],
    weights_col: str | None,
    cluster_col: str | None,
) -> CompleteAnswers:
    for name in names:
        rescaled(data, name, ends_of(scales, name))  # refuses answers off the scale
    whole = complete_answers(data, outcome=outcome, drivers=names, weights_col=weights_col, cluster_col=cluster_col)
    check_enough(whole.n, len(data), 2 * len(names))
    return whole


def _groups(
    whole: CompleteAnswers, names: list[str], scales: Ends | Mapping[str, Ends], cuts: Mapping[str, tuple[float, float]]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], Floats]:
    """Respondents × drivers: low and high answers; drivers × (low up to, high from) as they occur."""
    for name in cuts:
        if name not in names:
            raise ValueError(f"`cuts` names `{name}`, which is no driver; there are {', '.join(names)}")
    low, high = np.zeros(whole.X.shape, dtype=bool), np.zeros(whole.X.shape, dtype=bool)
    bounds = np.full((len(names), 2), np.nan)
    for j, name in enumerate(names):
        given, (worst, best) = whole.X[:, j], ends_of(scales, name)
        if name in cuts:
            low_to, high_from = cuts[name]
            if not worst <= low_to < high_from <= best:
                raise ValueError(
                    f"`cuts` of `{name}` must lie on its scale, low below high, got {low_to:g} and {high_from:g}"
                )
            low[:, j], high[:, j] = given <= low_to, given >= high_from
        else:
            low[:, j] = given < (worst + best) / 2
            high[:, j] = (best_answers(pd.Series(given), worst, best) == 1).to_numpy() & (given > (worst + best) / 2)
        bounds[j] = given[low[:, j]].max(initial=worst), given[high[:, j]].min(initial=best)
        if (low[:, j] | high[:, j]).all():
            raise ValueError(
                f"no answer to `{name}` lies between low (up to {bounds[j, 0]:g}) and high (from {bounds[j, 1]:g}); say with `cuts` "
                "which answers are neither"
            )
    return low, high, bounds


def _draws(
    design: Floats, whole: CompleteAnswers, used: npt.NDArray[np.bool_], n_boot: int, random_state: int | None
) -> Floats:
    """Resamples × (penalties, rewards), NaN where a driver has none; resamples without a solution are left out."""
    made = np.full((n_boot, len(used)), np.nan)
    if n_boot:
        columns = np.column_stack([design, whole.y])
        around = columns - np.average(columns, axis=0, weights=whole.weights)
        by_unit = sums_by_unit(products(around) * whole.weights[:, None], whole.clusters)
        at = 0
        for counts in drawn_counts(len(by_unit), n_boot, np.random.default_rng(random_state)):
            made[at : at + len(counts), used] = slopes(counts @ by_unit, design.shape[1])[:, : used.sum()]
            at += len(counts)
    kept: Floats = made[np.isfinite(made[:, used]).all(axis=1)]
    return kept


def _described(
    names: list[str],
    effect: Floats,
    error: Floats,
    draws: Floats,
    df: int,
    bases: npt.NDArray[np.intp],
    bounds: Floats,
    conf_level: float,
    n: int,
) -> pd.DataFrame:
    p = len(names)
    q = benjamini_hochberg(2 * stats.t.sf(np.abs(effect / error), df))
    found = _classes(effect[None], error, df, conf_level)[0]
    reach = critical_value(conf_level, df) * error
    table = pd.DataFrame({"driver": names})
    for word, at in (("penalty", slice(0, p)), ("reward", slice(p, 2 * p))):
        table[word], table[f"{word}_error"] = effect[at], error[at]
        table[f"{word}_low"], table[f"{word}_high"] = effect[at] - reach[at], effect[at] + reach[at]
        table[f"{word}_q"] = q[at]
    table["low_to"], table["high_from"] = bounds.T
    table["n_low"], table["n_middle"], table["n_high"] = bases.T
    told = np.isfinite(effect[:p])
    table["class"] = np.where(told, np.array(CLASSES)[found], "")
    drawn = _classes(draws, error, df, conf_level)
    shares = np.stack([(drawn == k).mean(axis=0) for k in range(4)]) if len(draws) else np.full((4, p), np.nan)
    shares[:, ~told] = np.nan
    table["class_probability"] = np.where(told, shares[found, np.arange(p)], np.nan)
    sure = (table["class_probability"] >= AGREED) & (table["class"] != "none")
    table["class_named"] = np.where(sure, table["class"], np.where(told, NOT_SETTLED, ""))
    table["wrong_way"] = _wrong_way(table, conf_level)
    for k, word in enumerate(CLASSES):
        table[f"p_{word}"] = shares[k]
    few = [
        f"{low} low, {middle} middle and {high} high answers, needs {LEAST_GROUP} each" for low, middle, high in bases
    ]
    return table.assign(conf_level=conf_level, n=n, reason=np.where(told, "", few))


def _wrong_way(table: pd.DataFrame, conf_level: float) -> npt.NDArray[np.object_]:
    low = ((table["penalty"] > 0) & (table["penalty_q"] < 1 - conf_level)).to_numpy()
    high = ((table["reward"] < 0) & (table["reward_q"] < 1 - conf_level)).to_numpy()
    words = np.array(["", "low answers", "high answers", "low and high answers"], dtype=object)
    found: npt.NDArray[np.object_] = words[low + 2 * high]
    return found


def _classes(effects: Floats, error: Floats, df: int, conf_level: float) -> npt.NDArray[np.intp]:
    """Samples × drivers: places in `CLASSES`, each sample's tests corrected for their number."""
    p = effects.shape[1] // 2
    clear = np.zeros(effects.shape, dtype=bool)
    known = np.isfinite(error)
    if known.any() and len(effects):
        p_values = 2 * stats.t.sf(np.abs(effects[:, known] / error[known]), df)
        clear[:, known] = stats.false_discovery_control(p_values, axis=1, method="bh") < 1 - conf_level
    return classify(effects[:, :p], effects[:, p:], clear[:, :p], clear[:, p:])


def _combined(fit: RobustFit, weigh: Floats) -> tuple[Floats, Floats]:
    """Weighted sums of the coefficients behind the constant, and their errors."""
    return weigh @ fit.coefficients[1:], np.sqrt(((fit.moved[:, 1:] @ weigh.T) ** 2).sum(axis=0))
