"""Are the priorities of single accounts closer to the truth than their own regressions and than the whole, and do intervals hold?

Sixty accounts with 2 to 24 answers (and with 2 to 6). Three drivers with coefficients .6, .3 and .2 of the whole; those of accounts
scatter around them with the standard deviations that the table names, and not at all for the third. Levels scatter with .7, the rest
with 1. Own regressions are those of accounts with more answers than coefficients; all three losses are taken there.

    .venv/bin/python benchmarks/drivers_accounts.py [DRAWS]        40 draws: two minutes

With 40 draws (squared error of the coefficients; the share of draws in which accounts were called different, driver by driver):

| answers, scatter | held by 95% intervals | pooled | own | whole | called |
|---|---|---|---|---|---|
| 2 to 24, .5 .3 0 | .960 | .037 | .316 | .108 | 1.00 .97 .03 |
| 2 to 24, .2 .1 0 | .960 | .013 | .316 | .017 | .78 .15 .07 |
| 2 to 6, .5 .3 0 | .961 | .076 | 1.994 | .115 | .93 .53 .05 |
| 2 to 24, none | 1.000 | .003 | .316 | .001 | .03 .00 .07 |

Without the penalty on variances of 0 the second case held .892, the third .926, with the same losses.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

from cxlab.drivers.accounts import account_priorities

WHOLE = np.array([0.6, 0.3, 0.2])
DRIVERS = ["a", "b", "c"]


def record(rng: np.random.Generator, most: int, sd: tuple[float, float, float]) -> tuple[pd.DataFrame, np.ndarray]:
    account = np.repeat(np.arange(60), rng.integers(2, most + 1, 60))
    X = rng.normal(size=(len(account), 3)) + 0.5 * rng.normal(size=(len(account), 1))
    slopes = WHOLE + rng.normal(size=(60, 3)) * sd
    loyal = 0.7 * rng.normal(size=60)[account] + (X * slopes[account]).sum(axis=1) + rng.normal(size=len(account))
    return pd.DataFrame(X, columns=DRIVERS).assign(loyal=loyal, account=account), slopes


def own_slopes(table: pd.DataFrame) -> np.ndarray:
    made = np.full((60, 3), np.nan)
    for account, rows in table.groupby("account"):
        if len(rows) > 4:
            design = np.column_stack([np.ones(len(rows)), rows[DRIVERS]])
            made[int(str(account))] = np.linalg.lstsq(design, rows["loyal"], rcond=None)[0][1:]
    return made


def main(draws: int) -> None:
    for most, sd in ((24, (0.5, 0.3, 0.0)), (24, (0.2, 0.1, 0.0)), (6, (0.5, 0.3, 0.0)), (24, (0.0, 0.0, 0.0))):
        held, called = [], []
        loss: dict[str, list[float]] = {"pooled": [], "own": [], "whole": []}
        for draw in range(draws):
            table, slopes = record(np.random.default_rng([1, draw]), most, sd)
            found = account_priorities(table, outcome="loyal", drivers=DRIVERS, account_col="account")
            rows = found.table
            truth = slopes.ravel()
            held.append(float(((rows["conf_low"] < truth) & (truth < rows["conf_high"])).mean()))
            called.append((found.spread["p_value"] < 0.05).to_numpy())
            own = own_slopes(table).ravel()
            known = ~np.isnan(own)
            for name, values in (("pooled", rows["estimate"]), ("own", own), ("whole", rows["whole"])):
                loss[name].append(float(((np.asarray(values) - truth)[known] ** 2).mean()))
        losses = ", ".join(f"{name} {np.mean(values):.3f}" for name, values in loss.items())
        calls = " ".join(f"{share:.2f}" for share in np.mean(called, axis=0))
        print(
            f"2 to {most} answers, sd {sd}: held {np.mean(held):.3f}; squared error {losses}; called to differ {calls}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
