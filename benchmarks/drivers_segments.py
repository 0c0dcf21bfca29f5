"""How often does the joint test of drivers between segments call a difference where there is none, and where there is one?

Three segments (two where it says so), four drivers that go together (r .5), errors that grow with the first driver. With accounts each
has its own level and its own coefficient of the first driver (standard deviation .3); "nested" puts all answers of an account in one
segment, "crossed" spreads them. `planted` adds to the coefficient of the first driver in the second segment.

    .venv/bin/python benchmarks/drivers_segments.py [DRAWS]        150 draws: about 2 minutes

Rejected at 5% in 150 draws by the joint test, and by the tests of single drivers (their mean; luck alone makes .02 to .09 of .05):

| case | joint | single |
|---|---|---|
| 400 respondents | .060 | .053 |
| 400 respondents, .6 planted | .653 | .208 |
| 150 respondents | .073 | .040 |
| 400 in 30 accounts, crossed | .020 | .028 |
| 400 in 30 accounts, nested | .033 | .038 |
| 400 in 60 accounts, nested, two segments | .033 | .038 |
| 400 in 20 accounts, nested, two segments, three drivers | .033 | .022 |
| 1,200 in 120 accounts, nested | .060 | .062 |
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

from cxlab.drivers.groups import segment_differences


def answers(
    rng: np.random.Generator, n: int, p: int, segments: int, accounts: int, nested: bool, planted: float
) -> pd.DataFrame:
    X = rng.normal(size=(n, p)) @ np.linalg.cholesky(0.5 * np.eye(p) + 0.5).T
    segment, account = rng.integers(0, segments, n), np.arange(n)
    noise = rng.normal(size=n) * (1 + 0.5 * np.abs(X[:, 0]))
    if accounts:
        account = np.arange(n) % accounts
        segment = account % segments if nested else segment
        X = X + rng.normal(size=(accounts, p))[account]
        noise = noise + rng.normal(size=accounts)[account] + 0.3 * rng.normal(size=accounts)[account] * X[:, 0]
    y = 0.4 * X.sum(axis=1) + 0.7 * segment + planted * X[:, 0] * (segment == 1) + noise
    return pd.DataFrame(X, columns=[f"x{j}" for j in range(p)]).assign(y=y, segment=segment, account=account)


def main(draws: int) -> None:
    cases = [
        ("400 respondents", 400, 4, 3, 0, False, 0.0), ("400 respondents, .6 planted", 400, 4, 3, 0, False, 0.6),
        ("150 respondents", 150, 4, 3, 0, False, 0.0), ("30 accounts, crossed", 400, 4, 3, 30, False, 0.0),
        ("30 accounts, nested", 400, 4, 3, 30, True, 0.0), ("60 accounts, nested, 2 segments", 400, 4, 2, 60, True, 0.0),
        ("20 accounts, nested, 2 segments", 400, 3, 2, 20, True, 0.0), ("120 accounts, nested", 1200, 4, 3, 120, True, 0.0),
    ]  # fmt: skip
    for name, n, p, segments, accounts, nested, planted in cases:
        joint, single = [], []
        for draw in range(draws):
            table = answers(np.random.default_rng([1, draw]), n, p, segments, accounts, nested, planted)
            found = segment_differences(
                table, outcome="y", drivers=[f"x{j}" for j in range(p)], segment_col="segment",
                cluster_col="account" if accounts else None, n_boot=0,
            )  # fmt: skip
            joint.append(found.p_value < 0.05)
            single.append((found.tests["p_value"] < 0.05).mean())
        print(f"{name}: joint {np.mean(joint):.3f}, single {np.mean(single):.3f} ({draws} draws)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 150)
