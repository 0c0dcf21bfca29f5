"""Does one driver add more than another whatever else is in the model, at every number of others, or only on average?

The input is the fit of every subset of players (2^p values; player j is bit j): R² from `cxlab.drivers.subsets.all_r2`, or
McFadden's R² of an ordered or binary model, or any other measure of fit. Three strengths of dominance (Budescu, *Psychological
Bulletin* 114, 1993; Azen & Budescu, *Psychological Methods* 8, 2003):

- complete: i adds more than j to every subset of the others. `complete` holds the share of subsets in which it does; 1 is complete.
- conditional: averaged over subsets of one size, i adds more at every size. `conditional` holds those averages.
- general: averaged over the sizes, i adds more. These averages are the Shapley shares (LMG for R²) and add up to the whole fit.

Each implies the next. Gains that differ by rounding alone are equal: neither driver adds more. The table describes this sample; it
holds no interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cxlab.drivers.subsets import MOST_HELD, Floats, player_count

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
                    found = "complete"
                elif (ahead > _TIE).all():
                    found = "conditional"
                else:
                    found = "general" if self.general[driver] - self.general[other] > _TIE else "none"
                rows.append((driver, other, found, self.complete.loc[driver, other]))
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
    size = np.bitwise_count(np.arange(2 ** (p - 1), dtype=np.uint32)).astype(np.intp)
    many = np.bincount(size, minlength=p)
    cube = fits.reshape((2,) * p)  # the last axis is driver 0
    conditional = np.empty((p, p))
    complete = np.full((p, p), np.nan)
    for i in range(p):
        gain = np.diff(cube, axis=p - 1 - i).ravel()
        conditional[i] = np.bincount(size, weights=gain, minlength=p) / many
        for j in range(i):
            axes = np.moveaxis(cube, (p - 1 - i, p - 1 - j), (0, 1))
            ahead = axes[1, 0] - axes[0, 1]  # i without j against j without i
            complete[i, j] = np.mean(ahead > _TIE)
            complete[j, i] = np.mean(ahead < -_TIE)
    return Dominance(
        general=pd.Series(conditional.mean(axis=1), index=players),
        conditional=pd.DataFrame(conditional, index=players, columns=range(p)),
        complete=pd.DataFrame(complete, index=players, columns=players),
    )
