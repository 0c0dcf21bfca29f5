"""After how long a silence does a new journey begin?

There is no right gap, only one that the waits themselves suggest, and conclusions that stand or fall with it. `gap_diagnostic` counts
journeys for each gap from an hour to half a year (customers plus the waits that are strictly longer), looks whether waits
fall into two kinds, short ones within a journey and long ones between journeys, and gives the counts at half and at
double the gap beside those at the gap.

The two kinds are a mixture of two normal distributions of the logarithm of waits. The suggested gap is where they cross: a wait
of this length is as likely one within as one between. It is suggested only where

- two kinds describe the waits better than one by Schwarz's criterion (a difference above 10),
- the waits, smoothed over a factor of about 1.4 to each side, have a valley between the means that is at most 80% of the lower
  hill on its sides, and
- waits spread evenly, the hardest case of waits without a second hill, would not show as much of one by luck: the excess mass of
  two intervals over one (Müller & Sawitzki, *JASA* 86, 1991; twice the dip of Hartigan & Hartigan 1985), at 2%.

Else there is no clear gap: the curve of journeys bends nowhere, and whatever gap is taken is a decision, to be said with the
results. Waits come as a histogram of their logarithms, so that a log of any size fits on a page.

What it does not say: that a pause ends a journey for the customer. A gap of minutes parts visits or the steps of a machine, not
journeys; and where journeys at half and double the gap differ much (`change`), so will whatever is concluded from them. Rhythms
of a day or a week make hills, too, opening hours and batch runs make waits that are nobody's. Waits of one customer go
together; the interval takes them as independent and is too short.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import ndimage, stats
from sklearn.utils import check_random_state

from cxlab.inference.intervals import Floats, check_conf_level, wilson
from cxlab.problems import did_you_mean
from cxlab.wording import number_text

LEAST_WAITS = 100
BIN = 0.05
"""The width of a bin of `wait_histogram`, in natural logarithms of seconds: a factor of 1.05."""
_HOUR, _DAY = 3_600.0, 86_400.0
GAPS = tuple(
    pd.Timedelta(seconds=seconds)
    for seconds in (
        *(hours * _HOUR for hours in (1, 1.5, 2, 3, 4, 6, 8, 12, 18)),
        *(days * _DAY for days in (1, 1.5, 2, 3, 4, 5, 7, 10, 14, 21, 30, 45, 60, 90, 120, 180)),
    )
)
_FLOOR = math.log(2) / 2  # of the spread of a kind of waits, and the smoothing: what whole seconds or days can blur
_BETTER, _VALLEY, _ALPHA = 10.0, 0.8, 0.02
_ROUNDS, _CONVERGED = 300, 1e-8
_GRID, _EVEN = 256, 200  # cells, and samples of waits spread evenly
_LEVELS = np.geomspace(0.01, 50, 40)  # of density, in multiples of that of waits spread evenly over the grid
_FACTORS = {"half": 0.5, "suggested": 1.0, "double": 2.0}


@dataclass(frozen=True)
class GapDiagnostic:
    """How many journeys each gap makes, and which gap the waits suggest.

    `table` has one row a gap: gap (Timedelta), journeys, per_customer, estimate (percent of waits longer than the gap), std_error,
    conf_low, conf_high (Wilson), conf_level, n (waits), exact (whether the gap is an edge of the histogram; else journeys are
    interpolated within a bin), unit, reason. `suggestion` is one row: gap, estimate (days), std_error, conf_low, conf_high (bootstrap
    of waits, percentiles), conf_level, n, unit, reason (why there is none). `conclusions` has the rows of `table` at half, the
    suggested and double the gap, with at and change (percent of journeys more or fewer than at the suggestion); empty
    where none is suggested. `kinds` has one row a kind of waits: kind ("within", "between"), share (of waits), median
    (Timedelta), factor (by which two thirds of waits lie around it). `checks` has one row a condition: check, value, limit, met.
    """

    table: pd.DataFrame
    suggestion: pd.DataFrame
    conclusions: pd.DataFrame
    kinds: pd.DataFrame
    checks: pd.DataFrame
    customers: int
    n_waits: int
    zero_waits: int
    conf_level: float

    @property
    def gap(self) -> pd.Timedelta | None:
        """The suggested gap, None where there is no clear one."""
        gap = self.suggestion["gap"].iloc[0]
        return None if pd.isna(gap) else gap

    def to_frame(self) -> pd.DataFrame:
        return self.table.copy()

    def headline(self) -> str:
        """The suggested gap with its interval and the journeys it makes, or that there is none."""
        row = self.suggestion.to_dict("records")[0]
        if self.gap is None:
            return f"No gap parts the {self.n_waits:,} waits into those within and those between journeys: {row['reason']}."
        half, here, double = self.conclusions.to_dict("records")
        low, high = (_length(row[end] * _DAY) for end in ("conf_low", "conf_high"))
        return (
            f"Waits suggest a gap of {_length(row['estimate'] * _DAY)} ({low} to {high}): {here['journeys']:,.0f} journeys, "
            f"{here['per_customer']:.1f} a customer; half the gap makes {half['journeys']:,.0f}, double {double['journeys']:,.0f}."
        )


def wait_histogram(wait_seconds: Iterable[float], *, gaps: Iterable[pd.Timedelta] = GAPS) -> pd.DataFrame:
    """Waits between the events of a customer as a histogram: one row a bin, log_low, log_high (natural logarithms of seconds), n.

    A bin holds waits above its lower and up to its upper edge. Edges are the multiples of 0.05 and the logarithms of `gaps`, so that
    journeys at these gaps are exact. Waits of 0 (events at one moment) are the bin from −∞ to the first edge. Only bins with waits
    are rows. A wait that is missing or negative is refused with a ValueError: a log in order has none.
    """
    waits = np.asarray(pd.Series(wait_seconds, dtype=float), dtype=float)
    wrong = ~(np.isfinite(waits) & (waits >= 0))
    if wrong.any():
        raise ValueError(
            f"{int(wrong.sum())} waits are missing or negative, the first is {waits[wrong][0]:g} s; put the log in order"
        )
    positive = waits[waits > 0]
    places = np.log(positive)
    edges = np.zeros(0)
    if len(places):
        low, high = math.floor(places.min() / BIN) - 1, math.ceil(places.max() / BIN) + 1
        own = np.array([math.log(gap.total_seconds()) for gap in gaps])
        edges = np.unique(np.concatenate([np.arange(low, high + 1) * BIN, own[(own > low * BIN) & (own < high * BIN)]]))
        edges = edges[np.concatenate([[True], np.diff(edges) > 1e-9])]
        limits = np.exp(edges)
        for gap in gaps:  # what exp(log(·)) misses by rounding must not move a wait of exactly this gap
            near = int(np.abs(edges - math.log(gap.total_seconds())).argmin())
            if abs(edges[near] - math.log(gap.total_seconds())) < 1e-9:
                limits[near] = gap.total_seconds()
        n = np.bincount(np.searchsorted(limits, positive, side="left"), minlength=len(edges) + 1)[1:-1]
    else:
        n = np.zeros(0, dtype=int)
    table = pd.DataFrame({"log_low": edges[:-1], "log_high": edges[1:], "n": n})
    table = table[table["n"] > 0]
    zero = int((waits == 0).sum())
    if zero:
        first = float(edges[0]) if len(edges) else 0.0
        table = pd.concat([pd.DataFrame({"log_low": [-math.inf], "log_high": [first], "n": [zero]}), table])
    return table.reset_index(drop=True)


def gap_diagnostic(
    waits: pd.DataFrame,
    *,
    customers: int,
    gaps: Iterable[pd.Timedelta] = GAPS,
    n_boot: int = 200,
    conf_level: float = 0.95,
    random_state: Any = 0,
) -> GapDiagnostic:
    """How many journeys each gap makes, and the gap that the waits suggest, if any.

    `waits` is a histogram of the waits between neighbouring events of a customer: log_low, log_high (natural logarithms of seconds; a
    bin holds waits above the lower and up to the upper edge; −∞ for waits of 0) and n, as `wait_histogram` makes it or an
    engine counts it. `customers` had at least one event each. `n_boot` resamples make the interval.

    Raises ValueError for missing columns, bins that overlap or have no width, counts that are no whole numbers, fewer customers
    than one, and gaps that are not above 0.
    """
    check_conf_level(conf_level)
    table, zero = _read(waits)
    if int(customers) != customers or customers < 1:
        raise ValueError(f"`customers` must be a whole number above 0, got {customers!r}")
    if int(n_boot) != n_boot or n_boot < 20:
        raise ValueError(f"`n_boot` must be a whole number from 20 upwards, got {n_boot!r}")
    looked = sorted({_seconds(gap) for gap in gaps})
    low, high, n = (table[name].to_numpy(dtype=float) for name in ("log_low", "log_high", "n"))
    total = int(n.sum()) + zero
    rng = check_random_state(random_state)
    counted = [_counts(seconds, low, high, n, customers, total, conf_level) for seconds in looked]
    found, checks, reason = _suggest(low, high, n, rng)
    gap = found[0] if found is not None and not reason else math.nan
    limits = _interval(low, high, n, found, n_boot, conf_level, rng) if not math.isnan(gap) else (math.nan,) * 3
    conclusions = []
    if not math.isnan(gap):
        rows = {
            at: _counts(gap * factor, low, high, n, customers, total, conf_level) for at, factor in _FACTORS.items()
        }
        here = rows["suggested"]["journeys"]
        conclusions = [{"at": at, **row, "change": 100 * (row["journeys"] / here - 1)} for at, row in rows.items()]
    figures = dict(zip(("std_error", "conf_low", "conf_high"), limits, strict=True))
    columns = list(counted[0]) if counted else []
    return GapDiagnostic(
        table=pd.DataFrame(counted),
        suggestion=pd.DataFrame(
            [
                {
                    "gap": pd.NaT if math.isnan(gap) else pd.Timedelta(seconds=round(gap)), "estimate": gap / _DAY, **figures,
                    "conf_level": conf_level, "n": total, "unit": "days", "reason": reason,
                }
            ]
        ),
        conclusions=pd.DataFrame(conclusions, columns=["at", *columns, "change"]),
        kinds=_kinds(found),
        checks=pd.DataFrame(checks, columns=["check", "value", "limit", "met"]),
        customers=int(customers),
        n_waits=total,
        zero_waits=zero,
        conf_level=conf_level,
    )  # fmt: skip


Found = tuple[float, Floats, Floats, Floats]  # the crossing in seconds; shares, means and spreads of the two kinds


def _suggest(low: Floats, high: Floats, n: Floats, rng: Any) -> tuple[Found | None, list[dict[str, Any]], str]:
    """The two kinds and their crossing, what was checked, and why no gap is suggested ("" where one is)."""
    if n.sum() < LEAST_WAITS:
        return None, [], f"there are {int(n.sum())} waits above 0, {LEAST_WAITS} are needed"
    x = (low + high) / 2
    mean = float((n * x).sum() / n.sum())
    spread = max(math.sqrt(float((n * (x - mean) ** 2).sum() / n.sum())), _FLOOR)
    one = float((n * stats.norm.logpdf(x, mean, spread)).sum())
    share, means, spreads, two = _two_kinds(x, n)
    better = 2 * (two - one) - 3 * math.log(n.sum())
    crossing = _crossing(share, means, spreads)
    found = (math.exp(crossing), share, means, spreads)
    grid, mass = _on_grid(low, high, n)
    valley = _valley(grid, mass, means)
    checks = [
        {"check": "two kinds better than one", "value": better, "limit": _BETTER, "met": better > _BETTER},
        {"check": "valley", "value": valley, "limit": _VALLEY, "met": valley <= _VALLEY},
    ]
    p = math.nan
    if math.isfinite(crossing) and all(check["met"] for check in checks):
        p = _second_hill_by_luck(grid, mass, (low.min(), high.max()), int(n.sum()), rng)
    checks.append({"check": "second hill by luck", "value": p, "limit": _ALPHA, "met": p <= _ALPHA})
    why = (
        "one kind of waits describes them as well",
        "there is no valley between short and long waits",
        "the valley may be luck",
    )
    if not math.isfinite(crossing):
        return None, checks, why[1]
    return found, checks, next((text for check, text in zip(checks, why, strict=True) if not check["met"]), "")


def _mixture(
    x: Floats, n: Floats, share: Floats, mean: Floats, spread: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Two normal distributions by expectation and maximisation from several beginnings at once, one a row of `n` (waits a bin) and
    of the shares, means and spreads; and the log-likelihoods. The lower mean comes first."""
    n, last = n[:, :, None], np.full(len(n), -math.inf)
    for _ in range(_ROUNDS):
        off = x[None, :, None] - mean[:, None]
        density = (share / (spread * math.sqrt(2 * math.pi)))[:, None] * np.exp((off / spread[:, None]) ** 2 / -2)
        sums = np.maximum(density.sum(axis=2, keepdims=True), 1e-300)
        value = (n * np.log(sums)).sum(axis=(1, 2))
        if (np.abs(value - last) <= _CONVERGED * np.abs(value)).all():
            break
        last = value
        part = n * density / sums
        mass = np.maximum(part.sum(axis=1), 1e-9)
        share, mean = mass / mass.sum(axis=1, keepdims=True), (part * x[None, :, None]).sum(axis=1) / mass
        off = x[None, :, None] - mean[:, None]
        spread = np.maximum(np.sqrt((part * off**2).sum(axis=1) / mass), _FLOOR)
    order = np.argsort(mean, axis=1, kind="stable")
    share, mean, spread = (np.take_along_axis(values, order, axis=1) for values in (share, mean, spread))
    return share, mean, spread, last


def _two_kinds(x: Floats, n: Floats) -> tuple[Floats, Floats, Floats, float]:
    """The best of mixtures that begin with the waits cut in two at five places."""
    reached = n.cumsum() / n.sum()
    made = []
    for cut in (0.1, 0.3, 0.5, 0.7, 0.9):
        at = min(max(int(np.searchsorted(reached, cut)), 1), len(x) - 1) if len(x) > 1 else 0
        sides = [(x[:at], n[:at]), (x[at:], n[at:])] if at else [(x, n / 2)] * 2
        mass = np.array([own.sum() for _, own in sides])
        mean = np.array([(own * place).sum() for place, own in sides]) / mass
        off = [float((own * (place - m) ** 2).sum()) for (place, own), m in zip(sides, mean, strict=True)]
        made.append((mass / mass.sum(), mean, np.maximum(np.sqrt(off / mass), _FLOOR)))
    share, mean, spread = (np.array(values) for values in zip(*made, strict=True))
    share, mean, spread, value = _mixture(x, np.repeat(n[None], len(made), axis=0), share, mean, spread)
    best = int(value.argmax())
    return share[best], mean[best], spread[best], float(value[best])


def _crossing(share: Floats, mean: Floats, spread: Floats) -> float:
    """The logarithm between the means at which both kinds are as likely; NaN where one is everywhere likelier."""
    places = np.linspace(mean[0], mean[1], 2_001)
    more = np.subtract(*(math.log(share[k]) + stats.norm.logpdf(places, mean[k], spread[k]) for k in (1, 0)))
    above = np.flatnonzero((more[:-1] < 0) & (more[1:] >= 0))
    if not len(above) or mean[1] - mean[0] < 1e-9:
        return math.nan
    i = int(above[0])
    return float(places[i] + (places[i + 1] - places[i]) * -more[i] / (more[i + 1] - more[i]))


def _on_grid(low: Floats, high: Floats, n: Floats) -> tuple[Floats, Floats]:
    """The share of waits in each of equally wide cells, a bin spread evenly over the cells that it covers, with empty room at
    both ends."""
    span = max(float(high.max() - low.min()), 1.0)
    edges = np.linspace(low.min() - span / 4, high.max() + span / 4, _GRID + 1)
    below = np.array([_below(edge, low, high, n) for edge in edges])
    return (edges[:-1] + edges[1:]) / 2, np.diff(below) / n.sum()


def _smooth(mass: Floats, width: float, cell: float) -> Floats:
    made: Floats = ndimage.gaussian_filter1d(mass, width / cell, mode="constant", truncate=6.0)
    return made


def _valley(grid: Floats, mass: Floats, means: Floats) -> float:
    """The lowest of the smoothed waits between the two means, as a share of the lower of the hills on its sides."""
    density = _smooth(mass, _FLOOR, grid[1] - grid[0])
    between = np.flatnonzero((grid >= means[0]) & (grid <= means[1]))
    if not len(between):
        return 1.0
    lowest = between[int(density[between].argmin())]
    return float(density[lowest] / min(density[: lowest + 1].max(), density[lowest:].max()))


def _second_hill_by_luck(grid: Floats, mass: Floats, ends: tuple[float, float], n: int, rng: Any) -> float:
    """How often as many waits, evenly spread between the shortest and the longest, have as much mass in a second hill."""
    cell = float(grid[1] - grid[0])
    even = ((grid >= ends[0]) & (grid <= ends[1])).astype(float)
    even = _sums_to_one(even)
    own = _second_hill(_smooth(mass, _FLOOR, cell))
    by_luck = [_second_hill(_smooth(rng.multinomial(n, even) / n, _FLOOR, cell)) for _ in range(_EVEN)]
    return float((1 + (np.array(by_luck) >= own).sum()) / (1 + _EVEN))


def _second_hill(mass: Floats) -> float:
    """By how much two intervals hold more than one, of what lies above a level, at the level where this is most."""
    above = np.concatenate(
        [np.zeros((len(_LEVELS), 1)), np.cumsum(mass - _LEVELS[:, None] / len(mass), axis=1)], axis=1
    )
    to_left = np.maximum.accumulate(above - np.minimum.accumulate(above, axis=1), axis=1)
    back = above[:, ::-1]
    to_right = np.maximum.accumulate(np.maximum.accumulate(back, axis=1) - back, axis=1)[:, ::-1]
    return float(((to_left + to_right).max(axis=1) - to_left[:, -1]).max())


def _interval(
    low: Floats, high: Floats, n: Floats, found: Found | None, n_boot: int, conf_level: float, rng: Any
) -> tuple[float, float, float]:
    """Standard error and percentiles of the crossing, in days, over resamples of waits."""
    assert found is not None
    chance, total = _sums_to_one(n / n.sum()), int(n.sum())
    drawn = rng.multinomial(total, chance, size=n_boot).astype(float)
    begin = (np.repeat(values[None], n_boot, axis=0) for values in found[1:])
    share, mean, spread, _ = _mixture((low + high) / 2, drawn, *begin)
    days = np.exp([_crossing(*own) for own in zip(share, mean, spread, strict=True)]) / _DAY
    days = days[np.isfinite(days)]
    ends = np.quantile(days, [(1 - conf_level) / 2, (1 + conf_level) / 2])
    return float(days.std(ddof=1)), float(ends[0]), float(ends[1])


def _counts(
    seconds: float, low: Floats, high: Floats, n: Floats, customers: int, total: int, conf_level: float
) -> dict[str, Any]:
    """Journeys at one gap: customers, and the waits strictly longer."""
    at = math.log(seconds)
    exact = bool(((low >= at - 1e-9) | (high <= at + 1e-9)).all())
    longer = n.sum() - _below(at, low, high, n)
    longer = float(round(longer)) if exact else longer
    share = longer / total if total else math.nan
    ends = wilson(min(max(share, 0.0), 1.0), total, conf_level) if total else (math.nan, math.nan)
    error = math.sqrt(share * (1 - share) / total) if total else math.nan
    return {
        "gap": _timedelta(seconds), "journeys": customers + longer, "per_customer": 1 + longer / customers,
        "estimate": 100 * share, "std_error": 100 * error, "conf_low": 100 * ends[0], "conf_high": 100 * ends[1],
        "conf_level": conf_level, "n": total, "exact": exact, "unit": "%", "reason": "" if total else "there is no wait",
    }  # fmt: skip


def _below(at: float, low: Floats, high: Floats, n: Floats) -> float:
    """How many waits are at most so long, a bin counted by the part of it that lies below."""
    part = np.where(np.abs(high - at) < 1e-9, 1.0, np.where(np.abs(low - at) < 1e-9, 0.0, (at - low) / (high - low)))
    return float((n * np.clip(part, 0, 1)).sum())


def _kinds(found: Found | None) -> pd.DataFrame:
    columns = ["kind", "share", "median", "factor"]
    if found is None:
        return pd.DataFrame(columns=columns)
    _, share, mean, spread = found
    return pd.DataFrame(
        {
            "kind": ["within", "between"], "share": share, "median": [_timedelta(math.exp(m)) for m in mean],
            "factor": np.exp(spread),
        }
    )  # fmt: skip


def _read(waits: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Bins in order, and the waits of 0."""
    for column in ("log_low", "log_high", "n"):
        if column not in waits:
            raise ValueError(f"`waits` lacks the column `{column}`; {did_you_mean(column, map(str, waits.columns))}")
    table = waits[["log_low", "log_high", "n"]].astype(float).sort_values("log_low", ignore_index=True)
    wrong = ~((table["n"] >= 0) & (table["n"] == np.floor(table["n"])) & np.isfinite(table["n"]))
    if wrong.any():
        raise ValueError(
            f"`n` must be whole numbers from 0 upwards, got {table.loc[wrong, 'n'].iloc[0]:g}; count waits"
        )
    wrong = ~(table["log_high"] > table["log_low"]) | ~np.isfinite(table["log_high"])
    if wrong.any():
        row = table[wrong].iloc[0]
        raise ValueError(
            f"`log_high` must be above `log_low` and finite, got {row['log_low']:g} to {row['log_high']:g}"
        )
    over = table["log_low"].to_numpy()[1:] < table["log_high"].to_numpy()[:-1] - 1e-9
    if over.any():
        raise ValueError(f"bins overlap at {table['log_low'].iloc[int(over.argmax()) + 1]:g}; count each wait once")
    zero = table["log_low"] == -math.inf
    some = table[~zero & (table["n"] > 0)].reset_index(drop=True)
    return some, int(table.loc[zero, "n"].sum())


def _timedelta(seconds: float) -> Any:
    """In whole seconds; NaT where it is longer than a Timedelta can be, 292 years."""
    return pd.Timedelta(seconds=round(seconds)) if seconds < 9e9 else pd.NaT


def _seconds(gap: pd.Timedelta | str) -> float:
    if not isinstance(gap, pd.Timedelta):
        raise ValueError(f"`gaps` are lengths of time with a unit, as pd.Timedelta('30min'), got {gap!r}")
    if not gap > pd.Timedelta(0):
        raise ValueError(f"`gaps` are above 0, got {gap}")
    return gap.total_seconds()


def _sums_to_one(chance: Floats) -> Floats:
    """Shares for a multinomial draw, which refuses a sum that is above 1 by rounding."""
    made: Floats = chance / chance.sum()
    made[int(made.argmax())] -= max(0.0, float(made.sum()) - 1)
    return made


def _length(seconds: float) -> str:
    """A length in words: 45 minutes, 9 hours, 12 days.

    >>> _length(2_700), _length(32_400), _length(1_036_800)
    ('45 minutes', '9 hours', '12 days')
    """
    for size, name in ((_DAY, "days"), (_HOUR, "hours"), (60.0, "minutes")):
        if seconds >= 2 * size:
            return f"{number_text(seconds / size, 0 if seconds >= 10 * size or (seconds / size).is_integer() else 1)} {name}"
    return f"{number_text(seconds)} seconds"
