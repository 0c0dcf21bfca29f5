"""How much of loyalty does each driver explain? Shares of R² that stay right when drivers go together.

LMG (Lindeman, Merenda & Gold 1980; Grömping, *Journal of Statistical Software* 17, 2006): the gain in R² of a driver, averaged over
all orders in which drivers could enter. It is the Shapley value of R², is never negative, and adds up to R². Beside it:

| method | is | adds up to R² |
|---|---|---|
| pmvd | LMG with orders weighted by what they leave open; without a coefficient no share (Feldman 2005) | yes |
| johnson, genizi | R² by the nearest uncorrelated variables, led back to the drivers (Johnson 2000, Genizi 1993) | yes |
| car | squared correlation with those uncorrelated variables (Zuber & Strimmer 2011) | yes |
| pratt | coefficient times correlation, both standardised; may be negative | yes |
| first | R² of the driver alone | no |
| last | gain of the driver as the last one to enter | no |
| betasq | squared standardised coefficient | no |

One row of the answers is one respondent who answered everything. `groups` of columns enter together (the dummies of one question),
`always` are in the model from the start; both are known to the methods that compare models (`lmg`, `pmvd`, `first`, `last`).

Up to 25 drivers LMG is exact; above, orders are sampled where `n_orders` asks for it, and a column says how far that may be off.

A share says how much, not in which direction, and never that a driver causes loyalty. That an interval of a share excludes
0 is no test: a driver of pure noise passes it every time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxlab.drivers.correlations import (
    SINGULAR,
    check_possible,
    correlation_of,
    nearest_correlation,
    read_answers,
    read_correlation,
)
from cxlab.drivers.dominance import STRENGTHS, Dominance, dominance, strengths
from cxlab.drivers.resampling import LEAST_DRAWS, Interval, ResampledImportance, permutation_test, resampled
from cxlab.drivers.subsets import MOST_EXACT, MOST_HELD, Players, all_r2, given, lmg, pmvd, sampled_lmg, shapley
from cxlab.inference.intervals import Floats
from cxlab.inference.permutation import cluster_codes
from cxlab.problems import did_you_mean
from cxlab.wording import list_text

__all__ = [
    "MOST_EXACT", "Dominance", "Method", "ResampledImportance", "all_r2", "bootstrap_dominance", "bootstrap_importance",
    "closed_form", "dominance", "dominance_analysis", "importance_from_correlation", "lmg", "permutation_test",
    "relative_importance", "resampled", "shapley",
]  # fmt: skip

Method = Literal["lmg", "pmvd", "johnson", "genizi", "first", "last", "betasq", "pratt", "car"]
_COMPARES_MODELS = ("lmg", "pmvd", "first", "last")
_MOST_WORK = {"lmg": 2**32, "pmvd": 2**27, "dominance": 2**25}  # subsets in all resamples together


def relative_importance(
    X: Any,
    y: Any,
    *,
    method: Method = "lmg",
    weights: npt.ArrayLike | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    always: Sequence[str] | None = None,
    n_orders: int | None = None,
    random_state: int = 0,
) -> pd.DataFrame:
    """One row a driver (or group): driver, importance (adds up to R²; less that of `always`), share (adds up to 1).

    X: respondents × drivers without holes, y: the outcome. `groups` = {name: [columns]} enter together, `always` are in from the
    start. `n_orders`: LMG over so many random orders, with their standard error in a column `monte_carlo_error`. Raises ValueError
    for missing answers, a driver without spread, drivers of which one follows from the others (named), and more than 25 drivers
    without `n_orders`.

    >>> X = pd.DataFrame({"a": [1.0, 2, 3, 4, 5], "b": [1.0, -1, 1, -1, 1]})
    >>> relative_importance(X, [1.0, 2, 3, 4, 5])["share"].round(3).tolist()
    [1.0, 0.0]
    """
    data, names, used = read_answers(X, y, weights)
    correlation = correlation_of(data, names, used)
    return _table(correlation, names, method, groups, always, n_orders, random_state)


def importance_from_correlation(
    correlation: pd.DataFrame,
    outcome: str,
    *,
    method: Method = "lmg",
    groups: Mapping[str, Sequence[str]] | None = None,
    always: Sequence[str] | None = None,
    n_orders: int | None = None,
    random_state: int = 0,
    repair: bool = False,
) -> pd.DataFrame:
    """As `relative_importance`, from a correlation or covariance matrix with names on rows and columns, `outcome` among them.

    Refuses a matrix that no answers can have, as pairwise correlations may be. With `repair` the nearest possible one is taken
    instead, and a column `largest_change` tells by how much the most changed correlation differs; it is 0 where nothing had to be
    repaired. Drivers that follow from each other are refused with `repair`, too.
    """
    matrix, names = read_correlation(correlation, outcome)
    changed = 0.0
    if repair and np.linalg.eigvalsh(matrix)[0] < -SINGULAR:
        order = [*names, outcome]
        repaired = nearest_correlation(pd.DataFrame(matrix, index=order, columns=order))
        matrix, changed = repaired.correlation.to_numpy(), repaired.largest_change
    check_possible(matrix, names)
    table = _table(matrix, names, method, groups, always, n_orders, random_state)
    return table.assign(largest_change=changed) if repair else table


def bootstrap_importance(
    X: Any,
    y: Any,
    *,
    method: Method = "lmg",
    weights: npt.ArrayLike | None = None,
    clusters: npt.ArrayLike | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    always: Sequence[str] | None = None,
    n_boot: int = 1000,
    conf_level: float = 0.95,
    interval: Interval = "widened",
    random_state: int = 0,
) -> ResampledImportance:
    """Importance with intervals of shares and places, and differences between drivers, by resampling respondents.

    `clusters`: one value a respondent (his account); whole accounts are drawn then, and a respondent without one is one of his own.
    A resample in which a column has no spread, or drivers follow from each other, has no importance: it is left out and counted
    (`n_failed`). Takes and refuses what `relative_importance` does; too many drivers for `n_boot` are refused with the way out.
    """
    data, names, used = read_answers(X, y, weights)
    correlation = correlation_of(data, names, used)
    labels, players, fixed = _players(names, groups, always, method)
    _check_work(method, len(labels), n_boot)
    draws = _possible_resamples(data, n_boot, random_state, clusters, used)
    return ResampledImportance(
        names=tuple(labels),
        estimate=_values(correlation[None], method, players, fixed)[0],
        draws=_values(draws, method, players, fixed) if len(draws) else np.empty((0, len(labels))),
        n=len(data),
        n_units=len(data) if clusters is None else int(cluster_codes(len(data), clusters).max()) + 1,
        n_failed=n_boot - len(draws),
        conf_level=conf_level,
        interval=interval,
    )


def _possible_resamples(
    data: Floats, n_boot: int, random_state: int, clusters: npt.ArrayLike | None, weights: Floats | None
) -> Floats:
    """Those in which every column has spread and drivers can be told apart."""
    draws = resampled(data, n_boot, np.random.default_rng(random_state), clusters=clusters, weights=weights)
    possible: npt.NDArray[np.bool_] = np.all(np.isfinite(draws), axis=(1, 2))
    possible[possible] = np.linalg.eigvalsh(draws[possible][:, :-1, :-1])[:, 0] > SINGULAR
    return draws[possible]


def dominance_analysis(
    X: Any,
    y: Any,
    *,
    weights: npt.ArrayLike | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    always: Sequence[str] | None = None,
) -> Dominance:
    """Complete, conditional and general dominance by R². Takes and refuses what `relative_importance` does, up to 20 drivers."""
    data, names, used = read_answers(X, y, weights)
    correlation = correlation_of(data, names, used)
    labels, players, fixed = _players(names, groups, always, "lmg")
    _check_held(labels, "dominance")
    return dominance(all_r2(given(correlation, fixed), players), labels)


def bootstrap_dominance(
    X: Any,
    y: Any,
    *,
    weights: npt.ArrayLike | None = None,
    clusters: npt.ArrayLike | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    always: Sequence[str] | None = None,
    n_boot: int = 1000,
    random_state: int = 0,
) -> pd.DataFrame:
    """How often resamples show that one driver dominates another. One row a pair, the generally dominant driver first: driver, other,
    dominance and share_of_subsets (in the answers as they are), reproduced (share of resamples with that dominance or a stronger
    one), complete, conditional, general (share of resamples with at least that), n, n_boot (resamples with an importance)."""
    data, names, used = read_answers(X, y, weights)
    correlation = correlation_of(data, names, used)
    labels, players, fixed = _players(names, groups, always, "lmg")
    _check_work("dominance", len(labels), n_boot)
    table = dominance(all_r2(given(correlation, fixed), players), labels).pairs()
    draws = given(_possible_resamples(data, n_boot, random_state, clusters, used), fixed)
    if len(draws) < LEAST_DRAWS:
        raise ValueError(
            f"only {len(draws)} of {n_boot} resamples tell the drivers apart; take `n_boot` of {LEAST_DRAWS} or more, and "
            "see why resamples fail where many do"
        )
    step = max(1, 2**20 >> len(labels))
    found = np.concatenate([strengths(all_r2(draws[at : at + step], players)) for at in range(0, len(draws), step)])
    place = {label: at for at, label in enumerate(labels)}
    pairs = found[:, [place[one] for one in table["driver"]], [place[one] for one in table["other"]]]
    at_least = {name: (pairs >= level).mean(axis=0) for level, name in enumerate(STRENGTHS)}
    table["reproduced"] = [
        at_least[name][row] if name != "none" else np.nan for row, name in enumerate(table["dominance"])
    ]
    return table.assign(**{name: at_least[name] for name in reversed(STRENGTHS[1:])}, n=len(data), n_boot=len(draws))


def closed_form(correlation: Floats, which: str) -> Floats:
    """Importances that need no subsets: johnson (= genizi), car, first, betasq, pratt, last; a stack of matrices gives a row each."""
    R, r = correlation[..., :-1, :-1], correlation[..., :-1, -1]
    if which == "first":
        return np.asarray(r**2, dtype=float)
    if which in ("johnson", "genizi", "car"):
        values, vectors = np.linalg.eigh(R)
        root = (vectors * np.sqrt(values)[..., None, :]) @ np.swapaxes(vectors, -1, -2)
        omega = np.linalg.solve(root, r[..., None])  # correlations with the nearest uncorrelated variables
        return np.asarray((omega**2 if which == "car" else root**2 @ omega**2)[..., 0], dtype=float)
    beta = np.linalg.solve(R, r[..., None])[..., 0]
    if which == "betasq":
        return np.asarray(beta**2, dtype=float)
    if which == "pratt":
        return np.asarray(beta * r, dtype=float)
    if which == "last":
        return np.asarray(beta**2 / np.diagonal(np.linalg.inv(R), axis1=-2, axis2=-1), dtype=float)
    raise ValueError(_unknown(which))


def _unknown(method: str) -> str:
    return f"there is no method `{method}`; {did_you_mean(method, get_args(Method))}"


def _players(
    names: list[str], groups: Mapping[str, Sequence[str]] | None, always: Sequence[str] | None, method: str
) -> tuple[list[str], Players | None, list[int]]:
    """Names of what enters, its columns once those of `always` (the last value) are gone; None where each column is on its own."""
    if method not in get_args(Method):
        raise ValueError(_unknown(method))
    if not groups and not always:
        return names, None, []
    if method not in _COMPARES_MODELS:
        raise ValueError(
            f"groups and always-in drivers are known to {list_text(_COMPARES_MODELS)}, got method {method!r}"
        )
    members = {str(group): [str(column) for column in columns] for group, columns in (groups or {}).items()}
    fixed = [str(column) for column in always or []]
    taken = [*fixed, *(column for columns in members.values() for column in columns)]
    for name in taken:
        if name not in names:
            raise ValueError(f"there is no driver `{name}`; there are {', '.join(names)}")
        if taken.count(name) > 1:
            raise ValueError(f"`{name}` is in two groups, or in a group and always in; it can enter once")
    for group, columns in members.items():
        if not columns:
            raise ValueError(f"the group `{group}` has no columns")
        if group in names and columns != [group]:
            raise ValueError(f"a column is called `{group}`, too; give the group a name of its own")
    players = {**{name: [name] for name in names if name not in taken}, **members}
    if not players:
        raise ValueError("every driver is always in; nothing is left to share out")
    place = {name: at for at, name in enumerate(name for name in names if name not in fixed)}
    return (
        list(players),
        [[place[column] for column in columns] for columns in players.values()],
        [names.index(name) for name in fixed],
    )


def _check_held(labels: list[str], method: str) -> None:
    if len(labels) > MOST_HELD:
        raise ValueError(
            f"{method} holds every subset, and {len(labels)} drivers have 2^{len(labels)}; take lmg or johnson, or group "
            f"drivers to {MOST_HELD} at most"
        )


def _check_work(method: str, p: int, n_boot: int) -> None:
    most = _MOST_WORK.get(method)
    if most is None or n_boot * 2**p <= most:
        return
    fewer = f"take `n_boot` of {most >> p} at most, " if most >> p >= LEAST_DRAWS and p <= MOST_EXACT else "take "
    raise ValueError(
        f"{n_boot} resamples of {p} drivers have {n_boot} times 2^{p} subsets; {fewer}method johnson, or group drivers"
    )


def _values(correlations: Floats, method: str, players: Players | None, fixed: list[int]) -> Floats:
    """The importances of a stack of matrices, a row each."""
    if players is None and method not in ("lmg", "pmvd"):
        return closed_form(correlations, method)
    left = given(correlations, fixed)
    if method == "lmg":
        return lmg(left, players)
    if method == "pmvd":
        p = left.shape[-1] - 1 if players is None else len(players)
        _check_held([""] * p, "pmvd")
        step = max(1, 2**18 >> p)
        return np.concatenate([pmvd(all_r2(left[at : at + step], players)) for at in range(0, len(left), step)])
    who = [list(one) for one in players or []]
    whole = [column for one in who for column in one]
    return np.stack(
        [
            _explained(left, one)
            if method == "first"
            else _explained(left, whole) - _explained(left, [column for column in whole if column not in one])
            for one in who
        ],
        axis=-1,
    )


def _explained(stack: Floats, columns: list[int]) -> Floats:
    if not columns:
        return np.zeros(len(stack))
    return np.asarray(stack[:, -1, -1] - given(stack, columns)[:, -1, -1], dtype=float)


def _table(
    correlation: Floats,
    names: list[str],
    method: str,
    groups: Mapping[str, Sequence[str]] | None,
    always: Sequence[str] | None,
    n_orders: int | None,
    random_state: int,
) -> pd.DataFrame:
    labels, players, fixed = _players(names, groups, always, method)
    if n_orders is not None:
        if method != "lmg":
            raise ValueError(f"`n_orders` samples the orders of lmg; method {method!r} has none")
        values, error = sampled_lmg(given(correlation, fixed), players, n_orders, np.random.default_rng(random_state))
        return _labelled(labels, values).assign(monte_carlo_error=error)
    if method == "lmg" and len(labels) > MOST_EXACT:
        raise ValueError(
            f"{len(labels)} drivers have 2^{len(labels)} subsets; give `n_orders` (2000, say) for sampled orders with their "
            f"error, use method johnson, or group drivers to {MOST_EXACT} at most"
        )
    return _labelled(labels, _values(correlation[None], method, players, fixed)[0])


def _labelled(labels: list[str], values: Floats) -> pd.DataFrame:
    total = values.sum()
    return pd.DataFrame({"driver": labels, "importance": values, "share": values / (total if total > 0 else np.nan)})
