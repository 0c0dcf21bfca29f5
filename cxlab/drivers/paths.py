"""Through which feelings does the experience reach loyalty? A path model of several questions a construct (image, quality,
satisfaction, loyalty), and the satisfaction index that is made from it.

One row is one respondent, one column an item. Each construct is a weighted sum of its items; the weights come from the data by
partial least squares in mode A (Wold 1982; Lohmöller 1989; for the European index Tenenhaus, Esposito Vinzi, Chatelin & Lauro,
*Computational Statistics & Data Analysis* 48, 2005), so that neighbouring constructs are predicted well. The arrows are then
regressions between the standardised constructs. `paths` and total effects are in standard deviations, `ipma` and `index` in points
of a 0 to 100 scale whose ends are those of the questionnaire, not the best and worst answer that occurred.

A sign of a construct is a convention: it is turned so that its loadings add up to a positive number, and each resample is turned
to agree with the sample's loadings, else a standard error would say how often the sign changed.

Respondents with a hole in any item, or without a weight, are left out and counted. Refused by name: arrows in a circle, an item in
two constructs, a construct without an arrow, items without spread.

What it is not: a test that the arrows point the right way. They are the researcher's, and everything here is association. Sums of
items carry the items' errors, so the paths between them are nearer to 0 than between what lies behind (consistent PLS is not done).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxlab.drivers.complete import answers, check_column
from cxlab.drivers.moments import check_n_boot, check_units, moments, percentile_ends, products, resampled_sums
from cxlab.drivers.performance import weights_and_clusters
from cxlab.inference.intervals import Estimate, Floats, check_conf_level
from cxlab.problems import did_you_mean

Scheme = Literal["path", "centroid"]
Ends = tuple[float, float]
_MOST_ROUNDS = 300
_TOLERANCE = 1e-10
_SINGULAR = 1e-10
_SEPARATE = 0.9


@dataclass(frozen=True)
class _Solution:
    """A stack of solved models: `weights` and `loadings` (samples × items × constructs), `paths`, `total` (samples × from × to), `r2`
    (samples × to), `correlation` of the constructs, the items' `means` and `spreads`; `solved` says where the rounds came to rest."""

    weights: Floats
    loadings: Floats
    paths: Floats
    total: Floats
    r2: Floats
    correlation: Floats
    means: Floats
    spreads: Floats
    solved: npt.NDArray[np.bool_]
    n_rounds: int


@dataclass(frozen=True)
class PathModel:
    """The arrows between constructs, with what they rest on.

    `paths`: from_construct, to_construct, estimate (standard deviations of `to` that go with one of `from`, the other arrows into
    `to` held fixed), std_error, conf_low, conf_high, conf_level, n. `r2`: construct, estimate … for each that an arrow reaches.
    `loadings`: construct, item, estimate (correlation of the item with its construct) …, weight (of the standardised item),
    against (the item runs against its construct). `reliability`: construct, n_items, alpha (of standardised items), rho_a
    (Dijkstra & Henseler, *MIS Quarterly* 39, 2015), rho_c (composite reliability), ave (the mean squared loading), reason (why not
    defined). `discriminant`: construct, other, correlation, htmt (Henseler, Ringle & Sarstedt 2015; a single item counts as
    measuring without error), separate (htmt below .9, their limit for related ideas).

    `n_left_out` respondents had a hole; `n_draws` resamples of `n_units` respondents or accounts are behind the intervals, `n_unsolved`
    more had no solution.
    """

    paths: pd.DataFrame
    r2: pd.DataFrame
    loadings: pd.DataFrame
    reliability: pd.DataFrame
    discriminant: pd.DataFrame
    constructs: dict[str, tuple[str, ...]]
    scheme: Scheme
    n: int
    n_left_out: int
    n_units: int
    n_draws: int
    n_unsolved: int
    n_rounds: int
    weighted: bool
    clustered: bool
    conf_level: float
    _sample: _Solution = field(repr=False)
    _draws: _Solution | None = field(repr=False)
    _answered: Floats = field(repr=False)

    def total_effects(self, target: str) -> pd.DataFrame:
        """One row a construct from which arrows lead to `target`, direct and by others: driver, estimate (standard deviations), direct,
        std_error, conf_low, conf_high, conf_level, n; the largest first."""
        at, above = self._place(target), self._above(target)
        drawn = None if self._draws is None else self._draws.total[:, above, at]
        table = self._table(self._sample.total[0, above, at], drawn)
        names = list(self.constructs)
        table.insert(0, "driver", [names[k] for k in above])
        table["direct"] = self._sample.paths[0, above, at]
        order = np.argsort(-table["estimate"].abs().to_numpy(), kind="stable")
        return table.iloc[order].reset_index(drop=True)

    def ipma(self, target: str, *, scale: Ends | Mapping[str, Ends]) -> pd.DataFrame:
        """One row a construct that leads to `target`: driver, importance (points of `target` that go with one point of the driver, both
        0 to 100), performance (its mean, 0 to 100), each with _error, _low, _high; conf_level, n.

        `scale` gives the ends of the questionnaire: one pair for all items, or one for each. Raises ValueError for answers off
        it, and for an item with a negative weight, of which no 0 to 100 score can be made.
        """
        at, above = self._place(target), self._above(target)
        names = list(self.constructs)
        importance, performance = self._points(self._sample, scale, at, above, [names[k] for k in [*above, at]])
        table = pd.DataFrame({"driver": [names[k] for k in above], "importance": importance[0]})
        drawn = None if self._draws is None else self._points(self._draws, scale, at, above, [])
        for word, value, place in (("importance", importance, 0), ("performance", performance, 1)):
            spread = self._table(value[0], None if drawn is None else drawn[place])
            table[word] = value[0]
            table[f"{word}_error"] = spread["std_error"]
            table[f"{word}_low"], table[f"{word}_high"] = spread["conf_low"], spread["conf_high"]
        return table.assign(conf_level=self.conf_level, n=self.n)

    def index(self, construct: str, *, scale: Ends | Mapping[str, Ends]) -> Estimate:
        """The index of a construct, 0 to 100, as the European and American satisfaction indices make it: the mean of its items on 0 to
        100, weighted as the model weights them. The interval is the bootstrap's, which knows that the weights were estimated."""
        at = self._place(construct)
        value = self._points(self._sample, scale, at, [at], [construct])[1][0]
        drawn = None if self._draws is None else self._points(self._draws, scale, at, [at], [])[1]
        row = self._table(value, drawn).iloc[0]
        return Estimate(
            float(row["estimate"]), float(row["std_error"]), float(row["conf_low"]), float(row["conf_high"]),
            self.conf_level, self.n, reason="" if drawn is not None else "no resamples were drawn",
            label=f"The index of {construct}",
        )  # fmt: skip

    def scores(self, data: pd.DataFrame, *, scale: Ends | Mapping[str, Ends]) -> pd.DataFrame:
        """The 0 to 100 score of every respondent of `data` on every construct, NaN where an item is missing."""
        names = list(self.constructs)
        self._refuse_negative(names)
        items = [item for own in self.constructs.values() for item in own]
        low, width = self._ends(scale, items)
        given = np.column_stack([answers(data, item) for item in items])
        each = self._sample.weights[0] / self._sample.spreads[0][:, None] * width[:, None]
        each = each / each.sum(axis=0)
        parts = 100 * (given - low) / width
        made = [parts[:, each[:, k] != 0] @ each[each[:, k] != 0, k] for k in range(len(names))]
        return pd.DataFrame(np.column_stack(made), columns=names, index=data.index)

    def _place(self, construct: str) -> int:
        names = list(self.constructs)
        if construct not in names:
            raise ValueError(f"there is no construct `{construct}`; {did_you_mean(construct, names)}")
        return names.index(construct)

    def _above(self, target: str) -> list[int]:
        names = list(self.constructs)
        found: set[str] = set()
        todo = [target]
        while todo:
            to = todo.pop()
            before = self.paths.loc[self.paths["to_construct"] == to, "from_construct"]
            todo += [name for name in before if name not in found]
            found.update(before)
        if not found:
            raise ValueError(f"no arrow leads to `{target}`; it has no drivers in this model")
        return [k for k, name in enumerate(names) if name in found]

    def _points(
        self, stack: _Solution, scale: Ends | Mapping[str, Ends], at: int, above: list[int], check: list[str]
    ) -> tuple[Floats, Floats]:
        """Samples × `above`: importance and performance in points of 0 to 100."""
        self._refuse_negative(check)
        items = [item for own in self.constructs.values() for item in own]
        low, width = self._ends(scale, items)
        each = stack.weights / (100 * stack.spreads / width)[:, :, None]  # of an item in points of 0 to 100
        size = each.sum(axis=1)  # one over the standard deviation of the construct's score
        score = np.einsum("bil,bi->bl", each, 100 * (stack.means - low) / width) / size
        importance = stack.total[:, above, at] * size[:, above] / size[:, [at]]
        return importance, score[:, above]

    def _refuse_negative(self, constructs: list[str]) -> None:
        wrong = self.loadings[self.loadings["construct"].isin(constructs) & (self.loadings["weight"] < 0)]
        if len(wrong):
            raise ValueError(
                f"`{wrong['item'].iloc[0]}` has a negative weight in {wrong['construct'].iloc[0]}, so there is no 0 to 100 score; "
                "turn its answers round, or leave it out"
            )

    def _ends(self, scale: Ends | Mapping[str, Ends], items: list[str]) -> tuple[Floats, Floats]:
        ends = []
        for k, item in enumerate(items):
            if isinstance(scale, Mapping) and item not in scale:
                raise ValueError(f"`scale` has no ends for `{item}`; {did_you_mean(item, map(str, scale))}")
            low, high = scale[item] if isinstance(scale, Mapping) else scale
            if not low < high:
                raise ValueError(f"the scale of `{item}` must run from low to high, got {low:g} to {high:g}")
            if self._answered[0, k] < low or self._answered[1, k] > high:
                raise ValueError(
                    f"answers to `{item}` run from {self._answered[0, k]:g} to {self._answered[1, k]:g}, off the scale {low:g} to "
                    f"{high:g}; give the questionnaire's ends"
                )
            ends.append((float(low), float(high)))
        made = np.array(ends)
        return made[:, 0], made[:, 1] - made[:, 0]

    def _table(self, estimate: Floats, drawn: Floats | None) -> pd.DataFrame:
        return _table(estimate, drawn, self.conf_level, self.n, self.n_units)


def path_model(
    data: pd.DataFrame,
    *,
    constructs: Mapping[str, Sequence[str]],
    paths: Sequence[tuple[str, str]],
    scheme: Scheme = "path",
    weights_col: str | None = None,
    cluster_col: str | None = None,
    n_boot: int = 0,
    conf_level: float = 0.95,
    random_state: int | None = 0,
) -> PathModel:
    """Fits the arrows `paths` (from, to) between `constructs` {name: items}.

    `scheme`: how a construct looks at its neighbours while the weights are found: "path" (regression on what comes before it, correlation
    with what comes after) or "centroid" (the sign of the correlation, as the European index). `n_boot` resamples of respondents,
    or of whole clusters, make errors and percentile intervals; 0 leaves them out. A respondent without a cluster stands alone.

    Raises ValueError for what the module's head says is refused, and where the weights come to no rest.
    """
    check_conf_level(conf_level)
    check_n_boot(n_boot)
    if scheme not in ("path", "centroid"):
        raise ValueError(f'`scheme` must be "path" or "centroid", got {scheme!r}')
    blocks = _check_constructs(data, constructs)
    arrows = _check_paths(list(blocks), paths)
    items = [item for own in blocks.values() for item in own]
    given = np.column_stack([answers(data, item) for item in items])
    w, codes, there = weights_and_clusters(data, weights_col, cluster_col)
    whole = ~np.isnan(given).any(axis=1) & there
    X, w, codes = given[whole], w[whole], codes[whole]
    least = max(10, len(items) + 2)
    if len(X) < least:
        raise ValueError(
            f"{len(X)} of {len(data)} respondents answered all {len(items)} items; a path model of them needs {least}: leave out the "
            "items that fewest answered"
        )
    for k, item in enumerate(items):
        if X[:, k].min() == X[:, k].max():
            raise ValueError(f"`{item}` has no spread: all {len(X)} answers are {X[0, k]:g}; leave it out")
    belongs = np.array([[item in own for own in blocks.values()] for item in items])
    n_units = check_units(codes, n_boot)
    centre = np.average(X, axis=0, weights=w)
    rows = products(X - centre) * w[:, None]
    means, covariance = moments(rows.sum(axis=0)[None], len(items))
    spread = np.sqrt(np.diag(covariance[0]))
    items_together = covariance[0] / np.outer(spread, spread)
    sample = _solve(means + centre, covariance, belongs, arrows, scheme)
    if not sample.solved[0]:
        raise ValueError(
            f"the weights came to no rest within {_MOST_ROUNDS} rounds, or constructs follow from each other; leave out a construct, "
            'or try scheme "centroid"'
        )
    sample = _turned(sample, np.where((sample.loadings[0] * belongs).sum(axis=0) < 0, -1.0, 1.0)[None])
    draws = None
    if n_boot:
        sums = resampled_sums(rows, codes, n_boot, np.random.default_rng(random_state))
        means, covariance = moments(sums, len(items))
        varied = np.diagonal(covariance, axis1=1, axis2=2).min(axis=1) > _SINGULAR
        draws = _kept(_solve(means[varied] + centre, covariance[varied], belongs, arrows, scheme))
        agree = np.einsum("bil,il->bl", draws.loadings * belongs, sample.loadings[0])
        draws = _turned(draws, np.where(agree < 0, -1.0, 1.0))
    answered = np.array([X.min(axis=0), X.max(axis=0)])
    return _described(
        sample, draws, blocks, arrows, belongs, items_together, answered,
        n_boot=n_boot, conf_level=conf_level, n=len(X), n_left_out=len(data) - len(X), n_units=n_units,
        weighted=weights_col is not None, clustered=cluster_col is not None, scheme=scheme,
    )  # fmt: skip


def _check_constructs(data: pd.DataFrame, constructs: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    owner: dict[str, str] = {}
    for name, items in constructs.items():
        if isinstance(items, str):
            raise ValueError(f'the items of {name} must be a list of columns, got "{items}"; write ["{items}"]')
        if not len(items):
            raise ValueError(f"{name} has no items; name its columns")
        for item in items:
            check_column(data, item)
            if item in owner:
                raise ValueError(f"`{item}` is an item of {owner[item]} and of {name}; an item measures one construct")
            owner[item] = name
    if len(constructs) < 2:
        raise ValueError(f"a path model needs two constructs at least, got {len(constructs)}")
    return {str(name): tuple(items) for name, items in constructs.items()}


def _check_paths(names: list[str], paths: Sequence[tuple[str, str]]) -> npt.NDArray[np.bool_]:
    """from × to: whether an arrow leads there."""
    arrows = np.zeros((len(names), len(names)), dtype=bool)
    for start, end in paths:
        for name in (start, end):
            if name not in names:
                raise ValueError(f"a path names `{name}`, which is no construct; {did_you_mean(name, names)}")
        if start == end:
            raise ValueError(f"a path leads from {start} to itself; leave it out")
        arrows[names.index(start), names.index(end)] = True
    for k, name in enumerate(names):
        if not (arrows[k].any() or arrows[:, k].any()):
            raise ValueError(f"no path leads to {name} or from it; leave it out, or give it one")
    open_, left = arrows.copy(), set(range(len(names)))
    while free := [k for k in left if not open_[:, k].any()]:
        left -= set(free)
        open_[free] = False
    if left:
        raise ValueError(f"the paths run in a circle through {', '.join(names[k] for k in sorted(left))}; take one out")
    return arrows


def _solve(
    means: Floats,
    covariance: Floats,
    belongs: npt.NDArray[np.bool_],
    arrows: npt.NDArray[np.bool_],
    scheme: Scheme,
) -> _Solution:
    spreads = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    S = covariance / (spreads[:, :, None] * spreads[:, None, :])
    W = np.broadcast_to(belongs.astype(float), (len(S), *belongs.shape)).copy()
    W /= _size(S, W)[:, None, :]
    going, n_rounds = np.arange(len(S)), 0
    while going.size and n_rounds < _MOST_ROUNDS:
        n_rounds += 1
        own, weights = S[going], W[going]
        with_items = own @ weights
        R = weights.transpose(0, 2, 1) @ with_items
        new = (with_items @ _inner(R, arrows, scheme)) * belongs
        new /= _size(own, new)[:, None, :]
        moved = np.abs(new - weights).max(axis=(1, 2))
        W[going] = new
        going = going[~(moved < _TOLERANCE) & np.isfinite(moved)]
    loadings = S @ W
    R = W.transpose(0, 2, 1) @ loadings
    paths = _regressions(R, arrows)
    r2 = np.einsum("bij,bij->bj", paths, R)
    one = np.eye(R.shape[-1])
    solved = np.isfinite(W).all(axis=(1, 2)) & np.isfinite(paths).all(axis=(1, 2))
    solved[going] = False
    total = np.full_like(paths, np.nan)
    total[solved] = np.linalg.inv(one - paths[solved]) - one
    return _Solution(W, loadings, paths, total, r2, R, means, spreads, solved, n_rounds)


def _size(S: Floats, W: Floats) -> Floats:
    """The standard deviation of each construct: samples × constructs."""
    made: Floats = np.sqrt(np.maximum(np.einsum("bil,bij,bjl->bl", W, S, W, optimize=True), 1e-300))
    return made


def _inner(R: Floats, arrows: npt.NDArray[np.bool_], scheme: Scheme) -> Floats:
    """How each construct (last axis) weighs its neighbours."""
    if scheme == "centroid":
        signs: Floats = (arrows | arrows.T).astype(float) * np.sign(R)
        return signs
    return arrows.T * R + _regressions(R, arrows)


def _regressions(R: Floats, arrows: npt.NDArray[np.bool_]) -> Floats:
    """Samples × from × to: the coefficients of each construct on those whose arrows reach it; NaN where these follow from each other."""
    made = np.zeros_like(R)
    for to in np.flatnonzero(arrows.any(axis=0)):
        before = np.flatnonzero(arrows[:, to])
        own = R[:, before[:, None], before]
        known = np.flatnonzero(np.isfinite(own).all(axis=(1, 2)))
        told = known[np.linalg.eigvalsh(own[known])[:, 0] > _SINGULAR]
        made[:, before, to] = np.nan
        made[np.ix_(told, before, [to])] = np.linalg.solve(own[told], R[np.ix_(told, before, [to])])
    return made


def _turned(stack: _Solution, sign: Floats) -> _Solution:
    """The same models with the constructs turned by `sign` (samples × constructs, 1 or −1)."""
    both = sign[:, :, None] * sign[:, None, :]
    return _Solution(
        stack.weights * sign[:, None, :], stack.loadings * sign[:, None, :], stack.paths * both, stack.total * both, stack.r2,
        stack.correlation * both, stack.means, stack.spreads, stack.solved, stack.n_rounds,
    )  # fmt: skip


def _kept(stack: _Solution) -> _Solution:
    at = stack.solved
    return _Solution(
        stack.weights[at], stack.loadings[at], stack.paths[at], stack.total[at], stack.r2[at], stack.correlation[at],
        stack.means[at], stack.spreads[at], stack.solved[at], stack.n_rounds,
    )  # fmt: skip


def _table(estimate: Floats, drawn: Floats | None, conf_level: float, n: int, n_units: int) -> pd.DataFrame:
    """Estimates with the spread and the percentiles of their resamples (samples × estimates)."""
    error, low, high = percentile_ends(drawn, len(estimate), conf_level, n_units)
    return pd.DataFrame(
        {"estimate": estimate, "std_error": error, "conf_low": low, "conf_high": high, "conf_level": conf_level, "n": n}
    )


def _described(
    sample: _Solution,
    draws: _Solution | None,
    blocks: dict[str, tuple[str, ...]],
    arrows: npt.NDArray[np.bool_],
    belongs: npt.NDArray[np.bool_],
    items_together: Floats,
    answered: Floats,
    *,
    n_boot: int,
    conf_level: float,
    n: int,
    n_left_out: int,
    n_units: int,
    weighted: bool,
    clustered: bool,
    scheme: Scheme,
) -> PathModel:
    names = list(blocks)
    start, end = np.nonzero(arrows.T)[::-1]
    paths = _table(
        sample.paths[0, start, end], None if draws is None else draws.paths[:, start, end], conf_level, n, n_units
    )
    paths.insert(0, "from_construct", [names[k] for k in start])
    paths.insert(1, "to_construct", [names[k] for k in end])
    reached = np.flatnonzero(arrows.any(axis=0))
    r2 = _table(sample.r2[0, reached], None if draws is None else draws.r2[:, reached], conf_level, n, n_units)
    r2.insert(0, "construct", [names[k] for k in reached])
    item, owner = np.nonzero(belongs)
    loadings = _table(
        sample.loadings[0, item, owner],
        None if draws is None else draws.loadings[:, item, owner],
        conf_level,
        n,
        n_units,
    )
    loadings.insert(0, "construct", [names[k] for k in owner])
    loadings.insert(1, "item", [name for own in blocks.values() for name in own])
    loadings["weight"] = sample.weights[0, item, owner]
    loadings["against"] = loadings["estimate"] < 0
    n_draws = 0 if draws is None else len(draws.solved)
    return PathModel(
        paths=paths, r2=r2, loadings=loadings, reliability=_reliability(sample, blocks, belongs, items_together),
        discriminant=_discriminant(sample, blocks, belongs, items_together), constructs=blocks, scheme=scheme, n=n,
        n_left_out=n_left_out, n_units=n_units,
        n_draws=n_draws, n_unsolved=n_boot - n_draws, n_rounds=sample.n_rounds, weighted=weighted, clustered=clustered,
        conf_level=conf_level, _sample=sample, _draws=draws, _answered=answered,
    )  # fmt: skip


def _reliability(
    sample: _Solution, blocks: dict[str, tuple[str, ...]], belongs: npt.NDArray[np.bool_], together: Floats
) -> pd.DataFrame:
    rows = []
    for at, (name, items) in enumerate(blocks.items()):
        k, own = len(items), belongs[:, at]
        S, w, load = together[np.ix_(own, own)], sample.weights[0, own, at], sample.loadings[0, own, at]
        row = {"construct": name, "n_items": k, "alpha": np.nan, "rho_a": np.nan, "rho_c": np.nan, "ave": np.nan}
        reason = "a single item is its own measure" if k == 1 else ""
        if k > 1:
            off = ~np.eye(k, dtype=bool)
            row["alpha"] = k / (k - 1) * (1 - k / S.sum())
            row["rho_a"] = (w @ w) ** 2 * (w @ (S * off) @ w) / (w @ (np.outer(w, w) * off) @ w)
            row["rho_c"] = load.sum() ** 2 / (load.sum() ** 2 + (1 - load**2).sum())
            row["ave"] = (load**2).mean()
        rows.append(row | {"reason": reason})
    return pd.DataFrame(rows)


def _discriminant(
    sample: _Solution, blocks: dict[str, tuple[str, ...]], belongs: npt.NDArray[np.bool_], together: Floats
) -> pd.DataFrame:
    names = list(blocks)
    within = []
    for at in range(len(names)):
        own = together[np.ix_(belongs[:, at], belongs[:, at])]
        off = ~np.eye(len(own), dtype=bool)
        within.append(np.abs(own[off]).mean() if len(own) > 1 else 1.0)
    rows = []
    for a in range(len(names)):
        for b in range(a + 1, len(names)):
            between = np.abs(together[np.ix_(belongs[:, a], belongs[:, b])]).mean()
            htmt = float(between / np.sqrt(within[a] * within[b]))
            rows.append(
                {
                    "construct": names[a], "other": names[b], "correlation": sample.correlation[0, a, b], "htmt": htmt,
                    "separate": htmt < _SEPARATE,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)
