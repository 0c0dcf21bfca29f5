"""Does the interval of Kendall's τ between stated and derived importance hold the true one, and how often is a driver wrongly called?

Eight drivers with coefficients from .8 down to .1 that go together (r .2). "same": people state them in the true order, half a standard
deviation of an answer apart, so the true τ is 1. "turned": in the opposite order (−1). "mixed": in an order between. "close": the true
order, a tenth of a standard deviation apart. A driver is wrongly called where its true ranks are the same, or differ the other way.

    .venv/bin/python benchmarks/drivers_stated.py [DRAWS]        40 draws: about four minutes

With 40 draws (τ true and on average; the share of its 95% intervals that held it; drivers wrongly called in a draw, of eight):

| order, respondents | true | mean | held | wrong |
|---|---|---|---|---|
| same, 200 | 1.00 | .76 | .82 | .15 |
| same, 1,000 | 1.00 | .93 | .95 | 0 |
| turned, 200 | −1.00 | −.76 | .82 | 0 |
| turned, 1,000 | −1.00 | −.93 | .95 | 0 |
| mixed, 200 | .43 | .36 | .97 | 0 |
| mixed, 1,000 | .43 | .41 | 1.00 | 0 |
| close, 200 | 1.00 | .69 | .72 | .15 |
| close, 1,000 | 1.00 | .92 | .95 | 0 |

A perfect order among drivers that lie closer together than their errors is not seen as perfect.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from scipy import stats

from cxlab.drivers.stated import stated_against_derived

EFFECT = np.linspace(0.8, 0.1, 8)
DRIVERS = [f"d{j}" for j in range(8)]
ORDERS = {
    "same": (np.arange(8), 0.5), "turned": (np.arange(8)[::-1], 0.5), "mixed": (np.array([2, 0, 5, 1, 7, 3, 4, 6]), 0.5),
    "close": (np.arange(8), 0.1),
}  # fmt: skip


def answers(rng: np.random.Generator, n: int, order: np.ndarray, step: float) -> pd.DataFrame:
    X = rng.normal(size=(n, 8)) + 0.5 * rng.normal(size=(n, 1))
    said = 6 - step * order + rng.normal(size=(n, 8))
    table = pd.DataFrame(X, columns=DRIVERS).assign(loyal=X @ EFFECT + 1.5 * rng.normal(size=n))
    return pd.concat([table, pd.DataFrame(said, columns=[f"{name}_said" for name in DRIVERS])], axis=1)


def main(draws: int) -> None:
    for name, (order, step) in ORDERS.items():
        true = float(stats.kendalltau(-order, EFFECT).statistic)
        for n in (200, 1000):
            held, wrong, taus = [], [], []
            for draw in range(draws):
                table = answers(np.random.default_rng([2, draw]), n, order, step)
                found = stated_against_derived(
                    table, {d: f"{d}_said" for d in DRIVERS}, outcome="loyal", n_boot=200, random_state=draw
                )
                row = found.tau.loc[0]
                held.append(row["conf_low"] - 1e-9 <= true <= row["conf_high"] + 1e-9)
                taus.append(row["estimate"])
                apart = dict(zip(DRIVERS, order - np.arange(8), strict=True))  # above 0: hidden
                wrong.append(sum(apart[d] <= 0 for d in found.hidden) + sum(apart[d] >= 0 for d in found.overstated))
            print(f"{name}, n {n:,}: true {true:.2f}, mean {np.mean(taus):.2f}, held {np.mean(held):.2f}, wrongly called "
                  f"{np.mean(wrong):.2f} of 8")  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
