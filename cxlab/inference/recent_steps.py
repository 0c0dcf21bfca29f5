"""Has a share stepped lately to a level at which it still is, since when, and from what to what?

One entry is one period, oldest first: how many of how many. Around its level a share varies by chance and by `extra`, what periods
differ by beyond it (season, events, who happened to write); with large bases a plain test of two shares takes every month for an
event (Laney, *Quality Engineering* 14, 2002). Shares are compared as angles, 2·asin √((x + 3/8)/(n + 3/4)), whose variance is
1/(n + 1/2) whatever the share (Anscombe, *Biometrika* 35, 1948); `extra` is estimated by moments within the levels (as DerSimonian &
Laird, *Controlled Clinical Trials* 7, 1986, do between studies), so that a step does not hide behind the spread that it makes.

A step is looked for at each of the last `recent` periods, with all before it as baseline and all from it on as the present run; the
newest period must lie at least half way from the one level to the other, else it is over. The statistic is the largest standardised
difference over these starts. It is held against series without a step, drawn with these bases, this share and this `extra`, that go
through the same search and estimate `extra` anew: a start that was chosen does not count as one that was named beforehand. Measured
on steady series of 8 to 40 periods, bases of 60 to 3,000 and shares of 1 to 20%: p is below 0.05 in 1 to 7% of them.

`earliest` to `latest` are the starts that fit almost as well as the best; of steps that were found, they held the true start in 86 to
100% (a share that doubled from 3%, 14 or 26 periods, bases of 200 and 1,000, periods that differ by 0 or 30%). A step that was barely
found is, if anything, smaller than said.

It does not see seasons: what comes every winter is new each winter, unless the baseline holds several. A slow trend comes out as a step
within it. Where neighbouring periods depend on each other it is alarmed too easily.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxlab.inference.intervals import Floats, check_conf_level, critical_value
from cxlab.inference.permutation import upper_tail

LEAST_BEFORE = 5
_FIRST, _CLOSE = 4, 0.2  # a quarter of the series is drawn first, the others only where that puts p below a fifth
_AT_ONCE = 20_000  # figures of drawn series that are worked on together, so that they stay in the cache
_HALF_WAY = 0.5
_TOLD = 8.0  # weighted squares by which a start must be worse than the best to be told from it; 3.84 held the true one too seldom


@dataclass(frozen=True)
class RecentStep:
    """Positions of periods (from 0): `since` the first period of the present run, `earliest` and `latest` the plausible ones; `open`
    where the run may be older than the starts that were looked at. Shares from 0 to 1: `before` and `now` with their intervals,
    `estimate` = now − before with `std_error` and interval; `extra` the standard deviation of periods beyond chance. `n_before` and `n`
    are the bases of the two levels. `p_value` is two-sided, for no step at all. Undefined figures are NaN, and `reason` says why."""

    since: int
    earliest: int
    latest: int
    open: bool
    before: float
    before_low: float
    before_high: float
    now: float
    now_low: float
    now_high: float
    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    conf_level: float
    extra: float
    n_before: int
    n: int
    p_value: float
    reason: str = ""

    @classmethod
    def undefined(cls, reason: str, conf_level: float, n: int = 0) -> RecentStep:
        nan = math.nan
        return cls(
            -1, -1, -1, False, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, conf_level, nan, 0, n, nan, reason
        )


def recent_step(
    counts: npt.ArrayLike,
    bases: npt.ArrayLike,
    *,
    recent: int = 6,
    since: int | None = None,
    n_sim: int = 1000,
    conf_level: float = 0.95,
    random_state: int | np.random.Generator | None = 0,
) -> RecentStep:
    """Whether the newest of a series of shares lie at another level than those before them.

    `counts` of `bases`, one entry a period, oldest first, each base above 0. `recent` is how many periods a present run may have lasted;
    with `since` (a position) its start is given and not looked for. `n_sim` is how many series without a step are drawn. Without five
    periods before the run there is a reason instead of figures.
    Raises ValueError for counts that exceed their base, bases of 0, and lengths that do not fit.

    >>> found = recent_step([30, 34, 28, 31, 29, 33, 30, 62, 60], [1000] * 9)
    >>> found.since, found.before.__round__(3), found.now.__round__(3), found.p_value < 0.01
    (7, 0.031, 0.061, True)
    """
    check_conf_level(conf_level)
    x, n = np.asarray(counts, dtype=float), np.asarray(bases, dtype=float)
    if x.shape != n.shape or x.ndim != 1:
        raise ValueError(f"`counts` and `bases` must be two rows of one length, got shapes {x.shape} and {n.shape}")
    if not ((x >= 0) & (x <= n) & (n > 0)).all():
        i = int(np.flatnonzero(~((x >= 0) & (x <= n) & (n > 0)))[0])
        raise ValueError(f"period {i + 1} counts {x[i]:g} of {n[i]:g}; a count lies between 0 and a base above 0")
    if int(recent) != recent or recent < 1:
        raise ValueError(f"`recent` must be a whole number of periods from 1 upwards, got {recent!r}")
    newest = len(x) - 1
    before = newest if since is None else min(int(since), newest)
    if before < LEAST_BEFORE:
        return RecentStep.undefined(f"needs {LEAST_BEFORE} periods before it, there are {max(before, 0)}", conf_level)
    if x.sum() == 0 or x.sum() == n.sum():
        return RecentStep.undefined("the share is the same in every period", conf_level, int(n[-1]))
    first = max(LEAST_BEFORE, len(x) - int(recent)) if since is None else before
    search = _Search(n, np.arange(first, len(x) if since is None else before + 1))
    y = _angles(x, n)
    highest, lowest = search.largest(y[None])
    rng = np.random.default_rng(random_state)
    drawn_high, drawn_low = search.drawn(y, n_sim // _FIRST, rng)
    p = _two_sided(float(highest[0]), float(lowest[0]), drawn_high, drawn_low, len(x) - 2)
    if p < _CLOSE:
        more_high, more_low = search.drawn(y, n_sim - n_sim // _FIRST, rng)
        drawn = np.concatenate([drawn_high, more_high]), np.concatenate([drawn_low, more_low])
        p = _two_sided(float(highest[0]), float(lowest[0]), *drawn, len(x) - 2)
    return _told(search, y, p, conf_level)


def _two_sided(highest: float, lowest: float, drawn_high: Floats, drawn_low: Floats, df: int) -> float:
    return min(1.0, 2 * min(upper_tail(highest, drawn_high, df), upper_tail(-lowest, -drawn_low, df)))


def _angles(x: Floats, n: Floats) -> Floats:
    angle: Floats = 2 * np.arcsin(np.sqrt((x + 0.375) / (n + 0.75)))
    return angle


def _share(angle: float) -> float:
    return float(np.sin(min(max(angle, 0.0), math.pi) / 2) ** 2)


class _Search:
    """The bases of a series and the starts of a run that are looked at; series are rows of angles."""

    def __init__(self, n: Floats, starts: npt.NDArray[np.intp]) -> None:
        self.n, self.starts = n, starts
        self.v = 1 / (n + 0.5)
        self.after = np.arange(len(n))[None, :] >= starts[:, None]  # starts × periods

    def fits(self, y: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Series × starts: standardised difference of the two levels, the levels before and after, and the variance beyond chance."""
        w = 1 / self.v
        masks = np.stack([~self.after, self.after]).astype(float)  # level × starts × periods
        mass = masks @ w
        first, second = (y * w) @ masks.transpose(0, 2, 1), (y * y * w) @ masks.transpose(0, 2, 1)
        q = (second - first**2 / mass[:, None, :]).sum(axis=0)
        room = (mass - masks @ w**2 / mass).sum(axis=0)
        extra = np.maximum(0, (q - (len(self.n) - 2)) / room)
        weights = 1 / (self.v[None, None, :] + extra[..., None])  # series × starts × periods
        late = np.where(self.after[None], weights, 0)
        total, mass_after = weights.sum(axis=2), late.sum(axis=2)
        sum_all, sum_after = np.einsum("bst,bt->bs", weights, y), np.einsum("bst,bt->bs", late, y)
        before, now = (sum_all - sum_after) / (total - mass_after), sum_after / mass_after
        z = (now - before) / np.sqrt(1 / mass_after + 1 / (total - mass_after))
        over = (y[:, -1:] - before) * np.sign(z) < _HALF_WAY * np.abs(now - before)
        return np.where(over, 0, z), before, now, extra

    def largest(self, y: Floats) -> tuple[Floats, Floats]:
        """For each series the largest rise and the largest fall."""
        parts = np.array_split(y, max(1, y.size * len(self.starts) // _AT_ONCE))
        z = np.concatenate([self.fits(part)[0] for part in parts])
        return z.max(axis=1), z.min(axis=1)

    def drawn(self, y: Floats, n_sim: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """The largest rise and fall of series without a step that vary around the level of this one as it does."""
        w = 1 / self.v
        level = float((w * y).sum() / w.sum())
        room = float(w.sum() - (w**2).sum() / w.sum())
        extra = max(0.0, float((w * (y - level) ** 2).sum() - (len(y) - 1)) / room)
        latent = level + math.sqrt(extra) * rng.standard_normal((n_sim, len(self.n)))
        share = np.sin(np.clip(latent, 0, math.pi) / 2) ** 2
        return self.largest(_angles(rng.binomial(self.n.astype(np.int64), share).astype(float), self.n))


def _told(search: _Search, y: Floats, p: float, conf_level: float) -> RecentStep:
    z, before, now, extra = (part[0] for part in search.fits(y[None]))
    best = int(np.abs(z).argmax())
    own = 1 / (search.v + extra[best])
    deviance = np.array([_deviance(y, own, late) for late in search.after])
    plausible = search.starts[deviance - deviance[best] <= _TOLD]
    since = int(search.starts[best])
    late = search.after[best]
    reach = critical_value(conf_level, len(y) - 2)
    errors = 1 / np.sqrt(own[~late].sum()), 1 / np.sqrt(own[late].sum())
    levels = [
        (_share(m), _share(m - reach * e), _share(m + reach * e))
        for m, e in zip((before[best], now[best]), errors, strict=True)
    ]
    (was, was_low, was_high), (is_, is_low, is_high) = levels
    slopes = [math.sqrt(share * (1 - share)) for share in (was, is_)]  # of a share by its angle
    change = is_ - was
    return RecentStep(
        since=since,
        earliest=int(min(plausible.min(), since)),
        latest=int(max(plausible.max(), since)),
        open=bool(len(search.starts) > 1 and plausible.min() == search.starts[0] > LEAST_BEFORE),
        before=was, before_low=was_low, before_high=was_high, now=is_, now_low=is_low, now_high=is_high,
        estimate=change,
        std_error=math.hypot(slopes[0] * errors[0], slopes[1] * errors[1]),
        conf_low=change - math.hypot(is_ - is_low, was_high - was),
        conf_high=change + math.hypot(is_high - is_, was - was_low),
        conf_level=conf_level,
        extra=math.sqrt(extra[best]) * slopes[0],
        n_before=int(search.n[~late].sum()),
        n=int(search.n[late].sum()),
        p_value=p,
    )  # fmt: skip


def _deviance(y: Floats, weights: Floats, late: npt.NDArray[np.bool_]) -> float:
    """The weighted squares that two levels leave."""
    left = 0.0
    for part in (late, ~late):
        mean = np.average(y[part], weights=weights[part])
        left += float((weights[part] * (y[part] - mean) ** 2).sum())
    return left
