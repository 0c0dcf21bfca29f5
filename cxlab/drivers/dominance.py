"""Does one driver add more than another whatever else is in the model, at every number of others, or only on average?

The input is the fit of every subset of players (2^p values; player j is bit j): R² from `cxlab.drivers.subsets.all_r2`, or
McFadden's R² of an ordered or binary model, or any other measure of fit. Three strengths of dominance (Budescu, *Psychological
Bulletin* 114, 1993; Azen & Budescu, *Psychological Methods* 8, 2003):

- complete: i adds more than j to every subset of the others. `complete` holds the share of subsets in which it does; 1 is complete.
- conditional: averaged over subsets of one size, i adds more at every size. `conditional` holds those averages.
- general: averaged over the sizes, i adds more. These averages are the Shapley shares (LMG for R²) and add up to the whole fit.

Each implies the next. Gains that differ by rounding alone are equal: neither driver adds more. The table describes this sample; how
often resamples show the same dominance is its reproducibility (Azen & Budescu), `bootstrap_dominance` in
`cxlab.drivers.importance`. A dominance that comes back in few of them is not to be reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxlab.drivers.subsets import MOST_HELD, Floats, player_count

STRENGTHS = ("none", "general", "conditional", "complete")  # each implies those before
_TIE = 1e-12  # difference of fits that is rounding


@dataclass(frozen=True)
class Dominance:
    """`general`: driver → average gain. `conditional`: index driver, columns the number of other drivers already in, 0 to p − 1.
    `complete`: row i, column j, share of subsets of the others to which i adds more than j; NaN on the diagonal."""

    general: pd.Series
    conditional: pd.DataFrame
    complete: pd.DataFrame

    def pairs(self) -> pd.DataFrame:
        """One row a pair, the dominant driver first: driver, other, dominance (complete, conditional, general, or "none" where
        even the averages are equal), share_of_subsets (in which driver adds more than other)."""
        order = list(self.general.sort_values(ascending=False, kind="stable").index)
        rows = []
        for place, driver in enumerate(order):
            for other in order[place + 1 :]:
                ahead = self.conditional.loc[driver] - self.conditional.loc[other]
                if self.complete.loc[driver, other] == 1:
                    found = 3
                elif (ahead > _TIE).all():
                    found = 2
                else:
                    found = int(self.general[driver] - self.general[other] > _TIE)
                rows.append((driver, other, STRENGTHS[found], self.complete.loc[driver, other]))
        return pd.DataFrame(rows, columns=["driver", "other", "dominance", "share_of_subsets"])

    def to_frame(self) -> pd.DataFrame:
        """One row a driver: driver, general, and its average gain beside 0, 1, … others (with_0, with_1, …)."""
        sizes = self.conditional.add_prefix("with_")
        table = pd.concat([self.general.rename("general"), sizes], axis=1)
        return table.rename_axis("driver").reset_index()


def dominance(values: Floats, names: Sequence[str]) -> Dominance:
    """From the fit of every subset: `values[0b101]` is that of the first and the third driver together.

    >>> found = dominance(np.array([0, 0.36, 0.25, 0.41]), ["speed", "price"])  # both, and each alone
    >>> found.general.round(3).to_dict(), float(found.complete.loc["speed", "price"])
    ({'speed': 0.26, 'price': 0.15}, 1.0)
    """
    fits = np.asarray(values, dtype=float)
    if fits.ndim != 1:
        raise ValueError(f"dominance takes the fits of one model, got an array of shape {fits.shape}")
    p = player_count(fits)
    players = [str(name) for name in names]
    if len(players) != p:
        raise ValueError(f"{len(fits)} fits are those of {p} drivers, and {len(players)} names were given")
    if p > MOST_HELD:
        raise ValueError(f"{p} drivers have too many subsets to compare; group them to {MOST_HELD} at most")
    conditional = _conditional(fits[:, None])[0]
    complete = np.full((p, p), np.nan)
    for i, j, ahead in _leads(fits[:, None]):
        complete[i, j] = np.mean(ahead > _TIE)
        complete[j, i] = np.mean(ahead < -_TIE)
    return Dominance(
        general=pd.Series(conditional.mean(axis=1), index=players),
        conditional=pd.DataFrame(conditional, index=players, columns=range(p)),
        complete=pd.DataFrame(complete, index=players, columns=players),
    )


def strengths(values: Floats) -> npt.NDArray[np.int8]:
    """The strongest dominance of i over j in each of many games (2^p × games): games × p × p, an index of `STRENGTHS`."""
    player_count(values)
    conditional = _conditional(values)
    gaps = conditional[:, :, None, :] - conditional[:, None, :, :]
    found = np.where((gaps > _TIE).all(axis=3), 2, (gaps.mean(axis=3) > _TIE).astype(int)).astype(np.int8)
    for i, j, ahead in _leads(values):
        found[(ahead > _TIE).all(axis=0), i, j] = 3
        found[(ahead < -_TIE).all(axis=0), j, i] = 3
    return found


def _conditional(values: Floats) -> Floats:
    """Average gain of each player by the number of others already in: games × players × sizes."""
    p = len(values).bit_length() - 1
    size = np.bitwise_count(np.arange(2 ** (p - 1), dtype=np.uint32)).astype(np.intp)
    of_size = (np.arange(p)[:, None] == size) / np.bincount(size, minlength=p)[:, None]
    cube = values.reshape(*(2,) * p, -1)  # the last axis but one is player 0
    gains = [of_size @ np.diff(cube, axis=p - 1 - j).reshape(len(size), -1) for j in range(p)]
    return np.stack(gains).transpose(2, 0, 1)


def _leads(values: Floats) -> Iterator[tuple[int, int, Floats]]:
    """For each pair i > j: how much more i adds than j to every subset of the others (subsets × games)."""
    p = len(values).bit_length() - 1
    cube = values.reshape(*(2,) * p, -1)
    for i in range(p):
        for j in range(i):
            axes = np.moveaxis(cube, (p - 1 - i, p - 1 - j), (0, 1))
            yield i, j, (axes[1, 0] - axes[0, 1]).reshape(2 ** (p - 2), -1)
