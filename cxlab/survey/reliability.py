"""Do several questions about one thing add up to an index, and how far may single answers be trusted to measure it?

One row of the input is one respondent, one column an item; all items share one scale, and those that ask the other way round
are named and turned. The index of a respondent is the mean of the items, in points of that scale; whoever answered too few has
none and is counted. Its mean has the interval of any weighted mean (`cxlab.survey.metrics`).

Alpha (Cronbach, *Psychometrika* 16, 1951) and omega total (McDonald, *Test Theory*, 1999) estimate the reliability: the part
of the differences between respondents' indices that another set of such items would show again. Alpha presumes that all items
follow the common thing equally closely, and is too low where they do not; omega takes each item's own loading, from a one-factor
model fitted by maximum likelihood. Alpha's interval is Feldt's (*Psychometrika* 30, 1965); those of omega and the average
correlation, and of alpha where respondents come in clusters, are percentiles of a bootstrap by respondent or by cluster. All of
these rest on the respondents who answered every item, and are not weighted: they describe the questions, not the customers.

None of them says that the items measure one thing, nor that it is the intended one: two topics of many items each have a high
alpha, too. `srmr` shows how far the correlations are from those of a single factor. Answers in steps are taken as equally
spaced; with fewer than five steps, or most answers at one end, the correlations and so alpha and omega come out too low
(Zumbo, Gadermann & Zeisser, *Journal of Modern Applied Statistical Methods* 6, 2007). A high figure earned by asking the same
question in other words is no merit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from cxlab.inference.intervals import Estimate, Floats, check_conf_level
from cxlab.inference.sentences import base
from cxlab.survey.metrics import SurveyEstimate, measure, survey_estimate
from cxlab.survey.respondents import check_columns, read_answers
from cxlab.survey.scales import Scale, check_ends, check_scale, orient
from cxlab.wording import list_text, number_text

LEAST_DRAWS = 100  # resamples from which on percentiles are taken
_NOTHING = 1e-12  # a variance of rounding errors only
_LEAST_UNIQUE = (
    0.005  # smallest share of an item's variance that the factor may leave unexplained, as in R's `factanal`
)
_MOST_ROUNDS = 3000
_FEW_STEPS = 5
_MISFIT = 0.08  # of the root mean square residual (Hu & Bentler, Structural Equation Modeling 6, 1999)


@dataclass(frozen=True)
class IndexScale:
    """An index of several items. `index` has one value a respondent, on the index of the table, NaN for no index.

    `mean` is the mean of the index; `alpha`, `omega` and `average_r` (the mean correlation of two items) rest on the
    `n_complete` respondents who answered every item. `n_partial` answered something, but too little for an index; `n_silent`
    answered no item. `items` has one row an item: item, turned, n, mean, std_dev (after turning, of all who answered it),
    item_rest (correlation with the sum of the others), alpha_if_dropped, loading (of the factor, as a correlation),
    asks_reversed (item_rest is negative). `srmr` is the root mean square of what the factor leaves of the correlations;
    with three items it is 0 whatever they measure. `n_steps` different answers occur, `n_draws` resamples are behind the
    intervals of the bootstrap. `improper` names items that the factor leaves almost nothing of their own.
    """

    index: pd.Series
    mean: SurveyEstimate
    alpha: Estimate
    omega: Estimate
    average_r: Estimate
    items: pd.DataFrame
    scale: Scale
    n_steps: int
    srmr: float
    n_complete: int
    n_partial: int
    n_silent: int
    n_draws: int
    improper: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """One row a figure (mean, alpha, omega, average_r), with the columns that every estimate has."""
        rows = {"mean": self.mean, "alpha": self.alpha, "omega": self.omega, "average_r": self.average_r}
        parts = [row.to_frame().assign(measure=name) for name, row in rows.items()]
        table = pd.concat(parts, ignore_index=True)
        return table[["measure", *(column for column in table.columns if column != "measure")]]

    def headline(self) -> str:
        """The mean of the index and its reliability in one sentence; an item that runs the other way is named."""
        said = self.mean.headline().removesuffix(".")
        known = [f"{_two(row)} by {name}" for name, row in _named(self) if not math.isnan(row.estimate)]
        if known:
            said += f"; its reliability is {list_text(known)} ({base(self.n_complete)} with every item)"
        else:
            said += f"; its reliability cannot be stated: {self.alpha.reason}"
        if names := self._against:
            verb = "runs" if len(names) == 1 else "run"
            it = "is it" if len(names) == 1 else "are they"
            said += f"; {list_text(names)} {verb} against the other items ({it} reversed?)"
        return said + "."

    def cautions(self) -> list[str]:
        """What has to be known before the reliability is quoted, in sentences."""
        said = [
            f"`{name}` runs against the other items (item-rest correlation {number_text(r, 2)}): is it reversed?"
            for name, r, against in zip(
                self.items["item"], self.items["item_rest"], self.items["asks_reversed"], strict=True
            )
            if against
        ]
        if self.n_steps < _FEW_STEPS:
            said.append(
                f"There are {self.n_steps} different answers, taken as equally spaced: alpha and omega come out lower than for "
                "what lies behind the answers."
            )
        else:
            said.append("The steps of the scale are taken as equally spaced.")
        if self.improper:
            names = list_text(f"`{name}`" for name in self.improper)
            said.append(f"The factor is almost {names} alone: the items share too little for omega to be trusted.")
        if self.srmr > _MISFIT:
            said.append(
                f"One factor does not describe the items well (SRMR {number_text(self.srmr, 2)}, above "
                f"{number_text(_MISFIT, 2)}): they may measure more than one thing."
            )
        return said

    @property
    def _against(self) -> list[str]:
        return [f"`{name}`" for name in self.items.loc[self.items["asks_reversed"], "item"]]


def index_scale(
    frame: pd.DataFrame,
    items: Sequence[str],
    *,
    scale: Scale,
    reversed: Sequence[str] = (),
    weights: Any = None,
    clusters: Any = None,
    conf_level: float = 0.95,
    least_answered: float = 1.0,
    n_boot: int = 1000,
    random_state: int | None = None,
) -> IndexScale:
    """The index of `items` (columns of `frame`, all on `scale`), its mean and its reliability.

    `reversed` names the items that ask the other way round. `weights` and `clusters` have one value a respondent, beside
    `frame`; weights serve the mean alone. A respondent has an index where at least the share `least_answered` of the items
    is answered. `n_boot` resamples make the intervals of the bootstrap; 0 leaves them out.

    Omega needs three items and more respondents than items; otherwise it is NaN with the reason. Raises ValueError for fewer
    than two items, unknown or repeated ones, answers off the scale, and an item that nobody answered or all answered alike.

    >>> answers = pd.DataFrame({"a": [1, 2, 4, 5], "b": [1, 3, 4, 4], "c": [2, 3, 3, 5]})
    >>> result = index_scale(answers, ["a", "b", "c"], scale=(1, 5), n_boot=0)
    >>> result.index.round(2).tolist(), round(result.alpha.estimate, 3)
    ([1.33, 2.67, 3.67, 4.67], 0.932)
    """
    check_conf_level(conf_level)
    ends, names = check_ends(scale), _check_items(frame, items, reversed)
    if not 0 < least_answered <= 1:
        raise ValueError(
            f"`least_answered` must be a share of the items, above 0 and at most 1, got {least_answered!r}; half is 0.5"
        )
    if int(n_boot) != n_boot or (n_boot and n_boot < LEAST_DRAWS):
        raise ValueError(f"`n_boot` must be 0 or a whole number from {LEAST_DRAWS} upwards, got {n_boot!r}")
    answers = np.column_stack([orient(_column(frame, name, ends), ends, name in reversed) for name in names])
    n_answered = (~np.isnan(answers)).sum(axis=1)
    enough = n_answered >= max(least_answered * len(names) - 1e-9, 1)
    index = pd.Series(np.nan, index=frame.index, name="index")
    index[enough] = np.clip(np.nanmean(answers[enough], axis=1), *ends)  # off by a rounding error at the ends
    beside = read_answers(index, ends, name="index", whole=False, weights=weights, clusters=clusters)
    mean = survey_estimate(measure(beside, "mean", ends), f"The index of {len(names)} items", conf_level)
    complete = n_answered == len(names)
    groups = None if clusters is None else np.asarray(clusters, dtype=object)[complete]
    parts = _reliability(answers[complete], names, groups, conf_level, int(n_boot), random_state)
    table = pd.DataFrame(
        {
            "item": names, "turned": [name in reversed for name in names], "n": (~np.isnan(answers)).sum(axis=0),
            "mean": np.nanmean(answers, axis=0), "std_dev": np.nanstd(answers, axis=0, ddof=1),
        }
    ).assign(**parts.pop("columns"))  # fmt: skip
    return IndexScale(
        index=index, mean=mean, items=table, scale=ends, n_complete=int(complete.sum()),
        n_steps=len(np.unique(answers[~np.isnan(answers)])),
        n_partial=int(((n_answered > 0) & ~enough).sum()), n_silent=int((n_answered == 0).sum()), **parts,
    )  # fmt: skip


def _check_items(frame: pd.DataFrame, items: Sequence[str], reversed: Sequence[str]) -> list[str]:
    for word, given in (("items", items), ("reversed", reversed)):
        if isinstance(given, str):
            raise ValueError(f'`{word}` must be a list of columns, got "{given}"; write ["{given}"]')
    names = list(items)
    if len(names) < 2:
        raise ValueError(f"an index needs at least two items, got {len(names)}; a single item is its own measure")
    check_columns(frame, [*names, *reversed])
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"`{name}` is {names.count(name)} times among the items; name each once")
    for name in reversed:
        if name not in names:
            raise ValueError(
                f"`{name}` is reversed but not among the items ({', '.join(names)}); add it, or leave it out"
            )
    return names


def _column(frame: pd.DataFrame, name: str, ends: Scale) -> Floats:
    """The answers to one item. Refuses an item that cannot tell respondents apart."""
    values = check_scale(frame[name], ends, name=name)
    given = values[~np.isnan(values)]
    if given.size == 0:
        raise ValueError(f"nobody answered `{name}`; leave it out of the index")
    if given.min() == given.max():
        raise ValueError(
            f"`{name}` has no spread: all {given.size} answers are {given[0]:g}; leave it out of the index"
        )
    return values


def _reliability(
    complete: Floats, names: list[str], clusters: Any, conf_level: float, n_boot: int, random_state: int | None
) -> dict[str, Any]:
    """What the complete respondents say of the items: the fields of `IndexScale` that rest on them."""
    n, k = complete.shape
    V = np.cov(complete, rowvar=False) if n > 1 else np.full((k, k), math.nan)
    reason = _why_no_alpha(complete, names)
    if reason:
        nowhere = {
            word: _estimate(math.nan, None, conf_level, n, reason, word) for word in ("alpha", "omega", "average_r")
        }
        columns = {word: np.full(k, math.nan) for word in ("item_rest", "alpha_if_dropped", "loading")}
        columns["asks_reversed"] = np.zeros(k, dtype=bool)
        return nowhere | {"columns": columns, "srmr": math.nan, "n_draws": 0, "improper": ()}
    draws = _resampled(complete, n_boot, np.random.default_rng(random_state), clusters)
    sampled = "" if len(draws) >= LEAST_DRAWS else _why_no_draws(n_boot, len(draws))
    alpha = _alpha_estimate(V, n, conf_level, draws, sampled, clusters is not None)
    average = _estimate(
        float(_average_r(V)), _average_r(draws) if not sampled else None, conf_level, n, sampled, "average_r"
    )
    no_omega = _why_no_omega(n, k)
    omega = _estimate(math.nan, None, conf_level, n, no_omega, "omega")
    loading, srmr = np.full(k, math.nan), math.nan
    improper: tuple[str, ...] = ()
    if not no_omega:
        R = _correlation(V)
        loading, unique = (part[0] for part in one_factor(R[None]))
        again = None
        if not sampled:  # far below what resamples differ by is exact enough
            again = _omega(draws, *one_factor(_correlation(draws), start=(loading, unique), tolerance=1e-5))
        omega = _estimate(float(_omega(V, loading, unique)), again, conf_level, n, sampled, "omega")
        off = np.tril_indices(k, -1)
        srmr = float(np.sqrt(((R - np.outer(loading, loading))[off] ** 2).sum() / (k * (k + 1) / 2)))
        improper = tuple(name for name, u in zip(names, unique, strict=True) if u <= _LEAST_UNIQUE * 1.001)
    item_rest = _item_rest(V)
    columns = {
        "item_rest": item_rest,
        "alpha_if_dropped": _alpha_if_dropped(V),
        "loading": loading,
        "asks_reversed": item_rest < 0,
    }
    return {
        "alpha": alpha, "omega": omega, "average_r": average, "columns": columns, "srmr": srmr, "n_draws": len(draws),
        "improper": improper,
    }  # fmt: skip


def _why_no_alpha(complete: Floats, names: list[str]) -> str:
    n = len(complete)
    if n < 3:
        people = {0: "nobody", 1: "a single respondent", 2: "two respondents"}[n]
        return f"{people} answered every item"
    for name, spread in zip(names, complete.var(axis=0), strict=True):
        if spread < _NOTHING:
            return f"`{name}` has no spread among the {n} respondents who answered every item"
    if complete.sum(axis=1).var() < _NOTHING:
        return "the sum of the items is the same for everybody"
    return ""


def _why_no_omega(n: int, k: int) -> str:
    if k < 3:
        return "omega needs three items: with two, many one-factor models fit equally well"
    if n <= k:
        return f"omega needs more respondents than items, {n} answered all {k}"
    return ""


def _why_no_draws(n_boot: int, n_draws: int) -> str:
    if not n_boot:
        return "no resamples were drawn"
    return "too few resamples have spread" if n_draws else "the respondents who answered every item are one cluster"


def _alpha(V: Floats) -> Any:
    """k/(k − 1)·(1 − Σ variances / variance of the sum), of one covariance matrix or a stack."""
    k = V.shape[-1]
    return k / (k - 1) * (1 - np.trace(V, axis1=-2, axis2=-1) / V.sum(axis=(-2, -1)))


def feldt(alpha: float, n: int, k: int, conf_level: float = 0.95) -> tuple[float, float]:
    """Feldt's interval of alpha from n respondents and k items: (1 − ρ)/(1 − alpha) follows F(n − 1, (n − 1)(k − 1)).

    Exact for normal items that follow the common thing equally closely, with independent respondents.

    >>> low, high = feldt(0.8431, 30, 7)
    >>> round(low, 2), round(high, 2)
    (0.74, 0.92)
    """
    check_conf_level(conf_level)
    if n < 2 or k < 2:
        raise ValueError(f"alpha's interval needs two respondents and two items, got {n} and {k}")
    tail, df = (1 - conf_level) / 2, (n - 1, (n - 1) * (k - 1))
    low, high = (1 - (1 - alpha) * float(stats.f.ppf(p, *df)) for p in (1 - tail, tail))
    return low, high


def _alpha_estimate(V: Floats, n: int, conf_level: float, draws: Floats, sampled: str, clustered: bool) -> Estimate:
    """Alpha with Feldt's interval; by bootstrap where respondents of a cluster resemble each other."""
    value = float(_alpha(V))
    again = _alpha(draws) if not sampled else None
    if clustered:
        return _estimate(value, again, conf_level, n, sampled, "alpha")
    error = math.nan if again is None else float(again.std(ddof=1))
    return Estimate(value, error, *feldt(value, n, V.shape[0], conf_level), conf_level, n, label="Alpha")


def _estimate(value: float, again: Any, conf_level: float, n: int, reason: str, word: str) -> Estimate:
    """A figure with the spread and the percentiles of its resamples."""
    label = {"alpha": "Alpha", "omega": "Omega", "average_r": "The average correlation of two items"}[word]
    if again is None or not len(again):
        return Estimate(value, math.nan, math.nan, math.nan, conf_level, n, reason=reason, label=label)
    tail = (1 - conf_level) / 2
    low, high = (float(end) for end in np.quantile(again, [tail, 1 - tail]))
    return Estimate(value, float(np.std(again, ddof=1)), low, high, conf_level, n, label=label)


def _correlation(V: Floats) -> Floats:
    spread = np.sqrt(np.diagonal(V, axis1=-2, axis2=-1))
    made: Floats = V / (spread[..., :, None] * spread[..., None, :])
    return made


def _average_r(V: Floats) -> Any:
    k = V.shape[-1]
    return (_correlation(V).sum(axis=(-2, -1)) - k) / (k * (k - 1))


def _item_rest(V: Floats) -> Floats:
    """The correlation of each item with the sum of the others."""
    own = np.diag(V)
    with_rest = V.sum(axis=0) - own
    rest = V.sum() - own - 2 * with_rest
    made: Floats = np.divide(with_rest, np.sqrt(own * rest), out=np.full(len(V), math.nan), where=rest > _NOTHING)
    return made


def _alpha_if_dropped(V: Floats) -> Floats:
    """Alpha of the others; with two items nothing that has an alpha is left."""
    k = len(V)
    if k < 3:
        return np.full(k, math.nan)
    return np.array([float(_alpha(np.delete(np.delete(V, i, 0), i, 1))) for i in range(k)])


def one_factor(
    R: Floats, *, start: tuple[Floats, Floats] | None = None, tolerance: float = 1e-7
) -> tuple[Floats, Floats]:
    """Loadings and uniquenesses of a one-factor model of each correlation matrix of a stack, by maximum likelihood.

    The EM steps of Rubin & Thayer (*Psychometrika* 47, 1982), for all matrices at once, so that a bootstrap is one pass. No
    uniqueness falls below 0.005: a factor that is a single item has no bounded likelihood. Steps end where no loading
    moves by more than `tolerance`. Loadings are signed so that their sum is not negative.
    """
    k = R.shape[-1]
    if start is None:
        values, vectors = np.linalg.eigh(R)
        load = vectors[..., -1] * np.sqrt(values[..., -1:] / 2)
        unique = np.clip(1 - load**2, _LEAST_UNIQUE, None)
    else:
        load, unique = (np.broadcast_to(part, (len(R), k)).copy() for part in start)
    going = np.arange(len(R))
    for step in range(_MOST_ROUNDS):
        own, w = R[going], load[going] / unique[going]
        beta = w / (1 + (w * load[going]).sum(axis=1, keepdims=True))
        r_beta = (own @ beta[:, :, None])[:, :, 0]
        second = 1 - (beta * load[going]).sum(axis=1, keepdims=True) + (beta * r_beta).sum(axis=1, keepdims=True)
        new = r_beta / second
        moved = np.abs(new - load[going]).max(axis=1)
        load[going], unique[going] = new, np.clip(1 - new * r_beta, _LEAST_UNIQUE, None)
        if step % 10 == 9:
            going = going[moved > tolerance]
            if not going.size:
                break
    return load * np.where(load.sum(axis=1, keepdims=True) < 0, -1.0, 1.0), unique


def _omega(V: Floats, load: Floats, unique: Floats) -> Any:
    """(Σλ)²/((Σλ)² + Σψ) of the sum of the items as they are, not standardised."""
    spread = np.sqrt(np.diagonal(V, axis1=-2, axis2=-1))
    common = (spread * load).sum(axis=-1) ** 2
    return common / (common + (spread**2 * unique).sum(axis=-1))


def _resampled(answers: Floats, n_boot: int, rng: np.random.Generator, clusters: Any) -> Floats:
    """Covariance matrices of resamples of respondents, or of whole clusters; those in which an item has no spread left out."""
    k = answers.shape[1]
    upper = np.triu_indices(k)
    centred = answers - answers.mean(axis=0)
    moments = np.column_stack([np.ones(len(answers)), centred, centred[:, upper[0]] * centred[:, upper[1]]])
    if clusters is not None:
        moments = _sums(moments, clusters)
    m = len(moments)
    made = np.empty((n_boot, k, k))
    for at in range(0, n_boot if m > 1 else 0, 100):
        size = min(100, n_boot - at)
        counts = np.stack([np.bincount(rng.integers(0, m, m), minlength=m) for _ in range(size)]).astype(float)
        drawn = counts @ moments
        mean, second = drawn[:, 1 : k + 1] / drawn[:, :1], drawn[:, k + 1 :] / drawn[:, :1]
        V = np.empty((size, k, k))
        V[:, upper[0], upper[1]] = V[:, upper[1], upper[0]] = second
        made[at : at + size] = V - mean[:, :, None] * mean[:, None, :]
    if m < 2:
        return made[:0]
    usable = (np.diagonal(made, axis1=1, axis2=2).min(axis=1, initial=1) > _NOTHING) & (
        made.sum(axis=(1, 2)) > _NOTHING
    )
    kept: Floats = made[usable]
    return kept


def _sums(moments: Floats, clusters: Any) -> Floats:
    """Sums by cluster; a respondent without one is a cluster of one."""
    codes: npt.NDArray[np.intp] = pd.factorize(np.asarray(clusters, dtype=object))[0]
    alone = codes < 0
    codes[alone] = codes.max(initial=-1) + 1 + np.arange(alone.sum())
    sums = np.zeros((codes.max() + 1, moments.shape[1]))
    np.add.at(sums, codes, moments)
    return sums


def _named(scale: IndexScale) -> list[tuple[str, Estimate]]:
    return [("alpha", scale.alpha), ("omega", scale.omega)]


def _two(row: Estimate) -> str:
    """A reliability with its interval: two decimals."""
    value = number_text(row.estimate, 2)
    if math.isnan(row.conf_low):
        return value
    return f"{value} ({number_text(row.conf_low, 2)} to {number_text(row.conf_high, 2)})"
