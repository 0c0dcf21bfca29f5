"""How fast are comparisons and raking, beside what somebody would write by hand with pandas?

    python benchmarks/survey_speed.py                  200 items × 20 groups × 100,000 respondents; 1,000,000 × 6 margins
    python benchmarks/survey_speed.py --respondents 20000 --rows 200000

`compare` makes one row an item and pair of groups, weighted, with linearised errors, Newcombe's interval, p and q. The plain
way is a pandas groupby for the weighted shares and their variances and a loop over pairs for the differences, without
interval, correction or checks. `rake` is held against the loop that scales a column of weights by `groupby().transform`.
Both agree with the plain way before the seconds are printed.
"""

from __future__ import annotations

import argparse
import itertools
import math
import time
from collections.abc import Sequence

import numpy as np
import pandas as pd

from cxlab.survey import compare, rake


def answers(respondents: int, items: int, groups: int) -> pd.DataFrame:
    """Answers 1 to 5 with one in twenty missing, a group, and a weight."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        rng.integers(1, 6, (respondents, items)).astype(float), columns=[f"item_{number}" for number in range(items)]
    )
    frame = frame.mask(rng.random((respondents, items)) < 0.05)
    return frame.assign(group=rng.integers(0, groups, respondents).astype(str), weight=rng.uniform(0.5, 2, respondents))


def plain_comparison(frame: pd.DataFrame, items: list[str]) -> pd.DataFrame:
    """Differences of weighted shares of the two best answers, with their errors, by pandas alone."""
    rows = []
    for item in items:
        known = frame[frame[item].notna()]
        top = (known[item] >= 4).astype(float)
        parts = known.assign(wy=known["weight"] * top, w=known["weight"]).groupby("group")[["wy", "w"]].sum()
        share = parts["wy"] / parts["w"]
        z = known["weight"] * (top - known["group"].map(share)) / known["group"].map(parts["w"])
        n = known.groupby("group").size()
        variance = (z**2).groupby(known["group"]).sum() * n / (n - 1)
        for first, last in itertools.combinations(share.index, 2):
            change = share[last] - share[first]
            rows.append((item, first, last, 100 * change, 100 * math.sqrt(variance[first] + variance[last])))
    return pd.DataFrame(rows, columns=["item", "from_group", "to_group", "difference", "std_error"])


def plain_raking(frame: pd.DataFrame, margins: dict[str, dict[str, float]]) -> pd.Series:
    """Scale weights margin by margin until all fit to 1e-10 of the total."""
    weights = pd.Series(1.0, index=frame.index)
    n = len(frame)
    while True:
        for name, target in margins.items():
            weights *= frame[name].map(target) * n / weights.groupby(frame[name]).transform("sum")
        gap = max(
            float((weights.groupby(frame[name]).sum() / n - pd.Series(target)).abs().max())
            for name, target in margins.items()
        )
        if gap <= 1e-10:
            return weights


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Seconds of cxlab.survey beside plain pandas.")
    parser.add_argument("--respondents", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--groups", type=int, default=20)
    parser.add_argument("--rows", type=int, default=1_000_000)
    given = parser.parse_args(arguments)

    frame = answers(given.respondents, given.items, given.groups)
    items = [name for name in frame if name.startswith("item_")]
    start = time.perf_counter()
    ours = compare(frame, items, by="group", weights_col="weight")
    middle = time.perf_counter()
    plain = plain_comparison(frame, items)
    end = time.perf_counter()
    assert np.allclose(ours["difference"], plain["difference"], atol=1e-9)
    assert np.allclose(ours["std_error"], plain["std_error"], rtol=1e-9)
    print(
        f"compare {given.items} items × {given.groups} groups × {given.respondents:,}: {middle - start:.2f} s, "
        f"plain pandas {end - middle:.2f} s, ratio {(middle - start) / (end - middle):.2f}"
    )

    rng = np.random.default_rng(2)
    sample = pd.DataFrame(
        {f"margin_{i}": rng.choice(list("abcde"), given.rows, p=[0.1, 0.15, 0.2, 0.25, 0.3]) for i in range(6)}
    )
    margins = {name: dict.fromkeys("abcde", 0.2) for name in sample}
    start = time.perf_counter()
    raked = rake(sample, margins)
    middle = time.perf_counter()
    by_hand = plain_raking(sample, margins)
    end = time.perf_counter()
    assert np.allclose(raked.weights, by_hand, rtol=1e-8)
    print(
        f"rake {given.rows:,} × {len(margins)} margins: {middle - start:.2f} s ({raked.rounds} rounds), "
        f"plain loop {end - middle:.2f} s, ratio {(middle - start) / (end - middle):.2f}"
    )


if __name__ == "__main__":
    main()
