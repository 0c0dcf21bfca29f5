"""What would go with better drivers? The model's expected outcome after a change, less that before, with its interval.

A change moves respondents along a driver's own scale: by points, or up to a target (those below it move to it, the others stay).
Nobody passes the end of the scale that the questionnaire gives, so the gain of one point more shrinks as more people are at the top.

| model | in | is |
|---|---|---|
| ordered, outcome 0 to 10 | NPS points | mean of 100·[P(≥ 9) − P(≤ 6)] |
| ordered, another outcome (or `metric="mean"`) | points of the outcome | mean of the expected answer |
| ols | points of the outcome | mean of the prediction |
| logit | percentage points | mean of 100·P |

Means are over the respondents of the model, by their weights, each with his own answers. The interval is that of a bootstrap by
respondent, or by account: each resample is fitted anew from the fit of the whole, and weighs the respondents that it drew. It is
a little wider than percentiles where few were drawn, as in `cxlab.drivers.resampling`.
Effects are those of the whole sample also where a segment is shown: a segment differs by where its members stand.

**This is a statement about causes only if the association is one.** `sensitivity` says how strong a driver that was not asked would
have to be to explain an effect away.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special
from scipy.sparse import csr_array

from cxlab.drivers.correlations import correlation_of, read_answers
from cxlab.drivers.ordered import Batch, by_level, collapsed, fit_ordered, newton, sums_by
from cxlab.drivers.resampling import LEAST_DRAWS
from cxlab.inference.intervals import Estimate, Floats, critical_value
from cxlab.inference.permutation import cluster_codes
from cxlab.problems import did_you_mean
from cxlab.wording import list_text

if TYPE_CHECKING:
    from cxlab.drivers.model import DriverModel

Metric = Literal["nps", "mean"]
Scale = tuple[float, float] | Mapping[str, tuple[float, float]]
TOGETHER = "together"
_HELD = 2**21  # numbers of respondents × resamples held at once
_UNITS = {"nps": "NPS points", "mean": "points of the outcome", "probability": "percentage points"}


@dataclass(frozen=True)
class WhatIf(Estimate):
    """What would go with a change of drivers, if the association is causal; in `unit`.

    `share_can_move` (0 to 1, weighted) of the respondents can move at all. `parts` has one row a driver alone and one of all
    `together`, `segments` one row a segment and `segment_parts` one row a segment and driver alone (empty without `segment_col`), with
    estimate, std_error, conf_low, conf_high, conf_level, n, share_can_move, unit, reason. `draws` has one row a resample and a column
    a driver and `together`. `sensitivity` is that of `cxlab.drivers.sensitivity`, of the drivers that change.
    """

    _: KW_ONLY
    share_can_move: float = math.nan
    change: str = ""
    parts: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    segments: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    segment_parts: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    draws: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    sensitivity: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)

    def to_frame(self) -> pd.DataFrame:
        """One row: that of all drivers together, with what changes."""
        row = self.parts[self.parts["driver"] == TOGETHER].reset_index(drop=True)
        return row.assign(change=self.change)

    def headline(self) -> str:
        """The sentence that may be quoted."""
        about = f"{self.change}: {self.share_can_move:.0%} of respondents can move"
        if math.isnan(self.estimate):
            return f"What would go with {about}, cannot be stated: {self.reason} (n {self.n:,})."
        base = f"n {self.n:,}" + ("" if self.conf_level == 0.95 else f", {100 * self.conf_level:g}% interval")
        reach = ""
        if not math.isnan(self.conf_low):
            reach = f", between {_signed(self.conf_low)} and {_signed(self.conf_high)}"
        return (
            f"If the association is causal, {_signed(self.estimate)} {self.unit} would go with {self.change}"
            f"{reach} ({base}; {self.share_can_move:.0%} of respondents can move)."
        )


@dataclass(frozen=True)
class Simulator:
    """A model with its bootstrap refits. `what_if` needs no further fit, so it answers at once.

    `thresholds` and `slopes` have one row a fit, the whole sample's first; `units` the account (or respondent) of each row of the
    model, `counts` how often each was drawn (1 in the first row).
    """

    model: DriverModel = field(repr=False)
    unit: str
    value: Floats = field(repr=False)
    thresholds: Floats = field(repr=False)
    slopes: Floats = field(repr=False)
    units: npt.NDArray[np.intp] = field(repr=False)
    counts: npt.NDArray[np.uint16] = field(repr=False)
    sensitivity: pd.DataFrame = field(repr=False)
    separated: tuple[str, ...] = ()

    @property
    def n_boot(self) -> int:
        return len(self.slopes) - 1

    @classmethod
    def prepare(
        cls, model: DriverModel, accounts: Any, *, n_boot: int, metric: Metric | None, random_state: int
    ) -> Simulator:
        """Fit the model to the whole sample and to `n_boot` resamples of respondents, or of `accounts`."""
        if n_boot and n_boot < LEAST_DRAWS:
            raise ValueError(f"`n_boot` must be 0 (no interval) or {LEAST_DRAWS} and more, got {n_boot}")
        correlation_of(*read_answers(model.X, model.y, model.weights))  # refuses drivers that follow from each other
        units = cluster_codes(len(model.y), accounts)
        m = int(units.max()) + 1
        rng = np.random.default_rng(random_state)
        counts = np.ones((n_boot + 1, m), dtype=np.uint16)
        for draw in range(1, n_boot + 1):
            counts[draw] = np.bincount(rng.integers(0, m, m), minlength=m)
        w = np.ones(len(model.y)) if model.weights is None else model.weights
        X, known = model.X.to_numpy(dtype=float), model.sensitivity()
        if model.kind == "ols":
            if metric == "nps":
                raise ValueError(
                    "metric 'nps' needs kind='ordered': least squares predicts a mean, and no shares of answers"
                )
            slopes = _least_squares(X, model.y, w, units, counts)
            nothing = np.empty((len(slopes), 0))
            return cls(model, _UNITS["mean"], np.empty(0), nothing, slopes, units, counts, known)
        separated = fit_ordered(model.X, model.y, weights=w).separated
        levels = np.unique(model.y[w > 0])
        thresholds, slopes = _refits(X, model.y, w, levels, units, counts)
        unit, value = _valued(model.kind, levels, metric)
        return cls(model, _UNITS[unit], value, thresholds, slopes, units, counts, known, separated)

    def what_if(
        self,
        changes: Mapping[str, float] | None = None,
        *,
        scale: Scale,
        target: Mapping[str, float] | None = None,
        segment_col: str | None = None,
    ) -> WhatIf:
        """`changes` = {driver: points more (or less)}, `target` = {driver: answer up to which those below it move}.

        `scale` = (lowest, highest) answer that the questionnaire allows, of every driver or {driver: (lowest, highest)}. Raises
        ValueError for an unknown driver, one without a scale, answers outside it, a target outside it, a driver with
        categories, and a driver in both `changes` and `target`.
        """
        moves = self._moves(dict(changes or {}), dict(target or {}), scale)
        segments, labels = self._segments(segment_col)
        now = self._now()
        moved = {name: now[name].to_numpy(dtype=float) != values for name, values in moves.items()}
        rows, inside, draws = [], [], {}
        for driver, names in [*((name, [name]) for name in moves), (TOGETHER, list(moves))]:
            if driver != TOGETHER or len(moves) > 1:
                gain, by_segment = self._gain(self._design({name: moves[name] for name in names}), segments)
            anyone, reason = np.any([moved[name] for name in names], axis=0), self._reason(names)
            rows.append({"driver": driver, **self._row(gain, len(now), self._share(anyone), reason)})
            for label, members, own in zip(labels, segments > 0, by_segment, strict=True):
                told = self._row(own, int(members.sum()), self._share(anyone, members), reason)
                inside.append({"segment": label, "driver": driver, **told})
            draws[driver] = gain[1:]
        alone = pd.DataFrame(inside, columns=["segment", *rows[0]])
        whole = alone["driver"] == TOGETHER
        last, known = rows[-1], self.sensitivity
        return WhatIf(
            estimate=last["estimate"], std_error=last["std_error"], conf_low=last["conf_low"], conf_high=last["conf_high"],
            conf_level=self.model.conf_level, n=len(self.model.y), reason=last["reason"], label="The gain", unit=self.unit,
            share_can_move=last["share_can_move"], change=_said(changes or {}, target or {}), parts=pd.DataFrame(rows),
            segments=alone[whole].drop(columns="driver").reset_index(drop=True), segment_parts=alone[~whole].reset_index(drop=True),
            draws=pd.DataFrame(draws), sensitivity=known[known["driver"].isin(list(moves))].reset_index(drop=True),
        )  # fmt: skip

    def _now(self) -> pd.DataFrame:
        """What a change is made to: the columns that a formula names, else the drivers."""
        if self.model.design is None or self.model.rows is None:
            return self.model.X
        return self.model.rows

    def _moves(self, changes: dict[str, float], target: dict[str, float], scale: Scale) -> dict[str, Floats]:
        """The answers of every driver that changes, after the change."""
        both = sorted(set(changes) & set(target))
        if both:
            raise ValueError(f"`{both[0]}` is in `changes` and in `target`; say one of them")
        if not changes and not target:
            raise ValueError("nothing changes; say `{'speed': 0.5}`, or `target={'speed': 6}`")
        known = self.movable()
        moves = {}
        for name, points in [*changes.items(), *target.items()]:
            if name not in known:
                raise ValueError(f"there is no driver `{name}` that can move; {did_you_mean(name, known)}")
            now = self._now()[name].to_numpy(dtype=float)
            low, high = scale_ends(scale, name)
            outside = now[(now < low) | (now > high)]
            if len(outside):
                raise ValueError(f"`{name}` has the answer {outside[0]:g}, outside its scale {low:g} to {high:g}")
            if not math.isfinite(points):
                raise ValueError(f"the change of `{name}` is {points!r}; give a number of points")
            if name in target:
                if not low <= points <= high:
                    raise ValueError(f"the target {points:g} of `{name}` lies outside its scale {low:g} to {high:g}")
                moves[name] = np.maximum(now, points)
            else:
                moves[name] = (now + points).clip(low, high)
        return moves

    def movable(self) -> list[str]:
        """The drivers that can move: columns with numbers, not with categories."""
        if self.model.design is None:
            return [str(column) for column in self.model.X.columns]
        now = self._now()
        spec = self.model.design
        categories = {
            str(variable)
            for factor, variables in spec.factor_variables.items()
            if str(factor) in spec.encoder_state and spec.encoder_state[str(factor)][0].name == "CATEGORICAL"
            for variable in variables
        }
        sources = {str(name) for name in spec.variables_by_source.get("data", set())} - categories
        return [str(name) for name in now if str(name) in sources and pd.api.types.is_numeric_dtype(now[name])]

    def _design(self, moves: Mapping[str, Floats]) -> Floats:
        """How far the columns of X move."""
        before = self.model.X.to_numpy(dtype=float)
        moved = self._now().assign(**moves)
        if self.model.design is None:
            return moved.to_numpy(dtype=float) - before
        with np.errstate(divide="ignore", invalid="ignore"):
            after = self.model.design.get_model_matrix(moved)[list(self.model.X.columns)].to_numpy(dtype=float)
        if not np.isfinite(after).all():
            raise ValueError(f"the formula has no finite value after the change of {list_text(list(moves))}")
        made: Floats = after - before
        return made

    def _segments(self, segment_col: str | None) -> tuple[Floats, list[Any]]:
        """Segments × respondents, 1 for its members; respondents without a segment are in none."""
        rows = self.model.rows
        if segment_col is None:
            return np.empty((0, len(self.model.y))), []
        if rows is None or segment_col not in rows:
            raise ValueError(
                f"the table has no column `{segment_col}`; {did_you_mean(segment_col, [] if rows is None else map(str, rows))}"
            )
        names = sorted(rows[segment_col].dropna().unique(), key=str)
        values = rows[segment_col].to_numpy(dtype=object)
        return np.array([values == name for name in names], dtype=float).reshape(-1, len(rows)), names

    def _share(self, moved: npt.NDArray[np.bool_], inside: npt.NDArray[np.bool_] | None = None) -> float:
        w = np.ones(len(moved)) if self.model.weights is None else self.model.weights
        w = w if inside is None else w * inside
        return float((w * moved).sum() / w.sum()) if w.sum() > 0 else math.nan

    def _gain(self, move: Floats, segments: Floats) -> tuple[Floats, Floats]:
        """The mean gain in each fit, the whole sample's first; and that of segments × fits."""
        w = np.ones(len(self.model.y)) if self.model.weights is None else self.model.weights
        X = self.model.X.to_numpy(dtype=float)
        columns = np.flatnonzero((move != 0).any(axis=0))
        gain = np.empty(len(self.slopes))
        inside = np.empty((len(segments), len(self.slopes)))
        for these in _parts(len(self.slopes), len(X)):
            by_row = self._rise(X, move[:, columns], columns, these)
            weight = w[:, None] * self.counts[these][:, self.units].T
            gain[these] = (weight * by_row).sum(axis=0) / weight.sum(axis=0)
            if len(segments):
                with np.errstate(invalid="ignore", divide="ignore"):
                    inside[:, these] = (segments @ (weight * by_row)) / (segments @ weight)
        return gain, inside

    def _rise(self, X: Floats, move: Floats, columns: npt.NDArray[np.intp], these: slice) -> Floats:
        """Respondents × fits: the expected outcome after the change less that before."""
        added = move @ self.slopes[these][:, columns].T
        if self.model.kind == "ols":
            made: Floats = added
            return made
        before = X @ self.slopes[these].T
        made = np.zeros_like(before)
        for k in np.flatnonzero(np.diff(self.value)):
            threshold = self.thresholds[these, k]
            step = self.value[k + 1] - self.value[k]
            # the chance of an answer above level k, after less before
            made += step * (special.expit(before + added - threshold) - special.expit(before - threshold))
        return made

    def _reason(self, names: Sequence[str]) -> str:
        """Why there is no estimate: the driver separates the answers."""
        owned = {column for name in names for column in self._columns_of(name)}
        stuck = [column for column in self.separated if column in owned]
        if not stuck:
            return ""
        return f"{list_text(stuck)} separates the answers: no finite coefficient is the best"

    def _columns_of(self, name: str) -> list[str]:
        if self.model.design is None:
            return [name]
        owners = self.model.design.term_variables
        about = {str(term) for term, variables in owners.items() if name in {str(v) for v in variables}}
        return [
            column
            for term, place in self.model.design.term_slices.items()
            if str(term) in about
            for column in map(str, self.model.design.column_names[place])
        ]

    def _tails(self) -> Floats:
        """The percentiles to take (Hesterberg, *American Statistician* 69, 2015)."""
        m = self.counts.shape[1]
        score = math.sqrt(m / (m - 1)) * critical_value(self.model.conf_level, m - 1)
        return np.asarray(special.ndtr([-score, score]), dtype=float)

    def _row(self, gain: Floats, n: int, share: float, reason: str) -> dict[str, Any]:
        estimate, drawn = float(gain[0]), gain[1:][np.isfinite(gain[1:])]
        spread = low = high = math.nan
        if reason:
            estimate = math.nan
        elif len(drawn) < LEAST_DRAWS:
            reason = "no resamples were asked for" if not self.n_boot else f"only {len(drawn)} resamples have it"
        elif self.counts.shape[1] < 2:
            reason = "all respondents are of one account, which shows no spread"
        else:
            spread = float(drawn.std(ddof=1))
            low, high = (float(end) for end in np.quantile(drawn, self._tails()))
        return {
            "estimate": estimate, "std_error": spread, "conf_low": low, "conf_high": high,
            "conf_level": self.model.conf_level, "n": n, "share_can_move": share, "unit": self.unit, "reason": reason,
        }  # fmt: skip


def _signed(value: float) -> str:
    text = f"{value:+.1f}"
    return "0.0" if float(text) == 0 else text.replace("-", "−")


def _said(changes: Mapping[str, float], target: Mapping[str, float]) -> str:
    """What changes, in words.

    >>> _said({"speed": 0.5, "price": -1.0}, {"staff": 6})
    '0.5 points more of speed, 1 point less of price and staff at 6 at least'
    """
    said = [
        f"{abs(points):g} {'point' if abs(points) == 1 else 'points'} {'less' if points < 0 else 'more'} of {name}"
        for name, points in changes.items()
    ]
    return list_text([*said, *(f"{name} at {points:g} at least" for name, points in target.items())])


def scale_ends(scale: Scale, name: str) -> tuple[float, float]:
    """The lowest and the highest answer that a driver's question allows."""
    if isinstance(scale, Mapping):
        if name not in scale:
            raise ValueError(f"`{name}` has no scale; give its ends, as in scale={{'{name}': (1, 7)}}")
        low, high = scale[name]
    else:
        low, high = scale
    if not low < high:
        raise ValueError(f"the scale of `{name}` runs from its lowest to its highest answer, got {low:g} to {high:g}")
    return float(low), float(high)


def _parts(fits: int, rows: int) -> Iterator[slice]:
    size = max(1, _HELD // rows)
    for at in range(0, fits, size):
        yield slice(at, min(at + size, fits))


def _valued(kind: str, levels: Floats, metric: Metric | None) -> tuple[str, Floats]:
    """The unit, and what an answer of each level counts."""
    if metric not in (None, "nps", "mean"):
        raise ValueError(f"`metric` is nps or mean, got {metric!r}")
    if kind == "logit":
        if metric is not None:
            raise ValueError(f"a logit has a probability; metric {metric!r} needs kind='ordered'")
        return "probability", 100 * levels
    ten = bool((levels == np.round(levels)).all() and levels[0] >= 0 and levels[-1] <= 10)
    if metric == "nps" and not ten:
        raise ValueError(f"an NPS needs answers from 0 to 10, got {levels[0]:g} to {levels[-1]:g}")
    if metric == "nps" or (metric is None and ten and levels[-1] >= 9):
        return "nps", 100.0 * ((levels >= 9).astype(float) - (levels <= 6))
    return "mean", levels


def _least_squares(
    X: Floats, y: Floats, w: Floats, units: npt.NDArray[np.intp], counts: npt.NDArray[np.uint16]
) -> Floats:
    """Slopes in the whole sample and in each resample, one row each; where columns follow from each other there, the shortest."""
    centre = np.average(X, axis=0, weights=w)
    data = np.column_stack([np.ones(len(X)), X - centre, y - np.average(y, weights=w)])
    m = data.shape[1]
    upper = np.triu_indices(m)
    by_unit = sums_by(units, w[:, None] * data[:, upper[0]] * data[:, upper[1]])
    slopes = np.empty((len(counts), X.shape[1]))
    for these in _parts(len(counts), max(len(by_unit), m * m)):
        sums = counts[these].astype(float) @ by_unit
        full = np.empty((len(sums), m, m))
        full[:, upper[0], upper[1]] = full[:, upper[1], upper[0]] = sums
        gram = full[:, :-1, :-1]
        scale = np.sqrt(np.maximum(np.diagonal(gram, axis1=1, axis2=2), 1e-300))
        scaled = gram / (scale[:, :, None] * scale[:, None, :])
        right = full[:, :-1, -1] / scale
        solved = np.linalg.pinv(scaled, rcond=1e-12, hermitian=True) @ right[..., None]
        slopes[these] = (solved[..., 0] / scale)[:, 1:]
    return slopes


def _refits(
    X: Floats, y: Floats, w: Floats, levels: Floats, units: npt.NDArray[np.intp], counts: npt.NDArray[np.uint16]
) -> tuple[Floats, Floats]:
    """Thresholds and slopes of the whole sample and of each resample, which starts from them; NaN where it has one level only.

    Respondents with the same answers are one row. A level that a resample lacks has no width there.
    """
    inside, K, p = w > 0, len(levels), X.shape[1]
    codes, data, place = collapsed(np.searchsorted(levels, y[inside]), X[inside])
    units, weight = units[inside], w[inside]
    of_row = csr_array((weight, (units, place)), shape=(counts.shape[1], len(codes)))
    thresholds, slopes = np.full((len(counts), K - 1), np.nan), np.full((len(counts), p), np.nan)
    first, start, *_ = newton(data, codes, by_level(place, weight, len(codes)), K)
    thresholds[0], slopes[0] = first, start
    batch = Batch(codes, data, K)
    for at in range(1, len(counts), batch.at_once):
        these = np.arange(at, min(at + batch.at_once, len(counts)))
        drawn = counts[these].astype(float) @ of_row
        full = (drawn @ batch.level > 0).all(axis=1)
        found = batch.fit(
            drawn[full], np.ones((full.sum(), p)), np.tile(first, (full.sum(), 1)), np.tile(start, (full.sum(), 1))
        )
        done = np.flatnonzero(full)[np.isfinite(found[2])]
        thresholds[these[done]], slopes[these[done]] = (part[np.isfinite(found[2])] for part in found[:2])
        for one in np.setdiff1d(np.arange(len(these)), done):
            made = _refit(data, codes, drawn[one], K)
            thresholds[these[one]], slopes[these[one]] = made
    return thresholds, slopes


def _refit(data: Floats, codes: npt.NDArray[np.intp], drawn: Floats, K: int) -> tuple[Floats, Floats]:
    """A resample that lacks a level, or that separates a driver."""
    there = drawn > 0
    present = np.unique(codes[there])
    if len(present) < 2:
        return np.full(K - 1, np.nan), np.full(data.shape[1], np.nan)
    fitted, slopes, *_ = newton(data[there], np.searchsorted(present, codes[there]), drawn[there], len(present))
    # at most level k is at most the highest of the levels drawn that is not above it
    last = np.searchsorted(present, np.arange(K - 1), side="right") - 1
    return np.concatenate([[-np.inf], fitted, [np.inf]])[last + 1], slopes
