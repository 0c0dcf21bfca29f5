"""Many tests at once: how many of the "clear" differences would luck alone have made?

Benjamini and Hochberg (1995) control the false discovery rate: among the differences called clear at q < 0.05, no
more than 5% are expected to be luck. The family must be declared before looking; leaving out the dull tests breaks
the promise.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats


def benjamini_hochberg(p_values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """q-values in the order of the p-values. NaN (a test that could not be made) stays NaN and is outside the family.

    >>> benjamini_hochberg([0.01, float("nan"), 0.04])
    array([0.02,  nan, 0.04])
    """
    p = np.asarray(p_values, dtype=float)
    outside = np.isnan(p)
    if ((p < 0) | (p > 1)).any():
        wrong = p[(p < 0) | (p > 1)][0]
        raise ValueError(f"a p-value lies between 0 and 1, got {wrong:g}")
    q = np.full(p.shape, np.nan)
    if not outside.all():
        q[~outside] = stats.false_discovery_control(p[~outside], method="bh")
    return q


def with_readings(table: pd.DataFrame, conf_level: float) -> pd.DataFrame:
    """A table of tests (one row a test, `p_value`) with `q_value` over all of them, and `reading`: "changed", "no clear change", or "not
    tested" where there is no p-value.

    >>> list(with_readings(pd.DataFrame({"p_value": [0.01, float("nan"), 0.4]}), 0.95)["reading"])
    ['changed', 'not tested', 'no clear change']
    """
    q = benjamini_hochberg(table["p_value"])
    reading = np.where(np.isnan(q), "not tested", np.where(q < 1 - conf_level, "changed", "no clear change"))
    return table.assign(q_value=q, reading=reading)
