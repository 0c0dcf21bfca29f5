"""How often does a 95% NPS interval hold the true NPS?

    python benchmarks/nps_coverage.py exact                      every sample of 10 to 50 answers, by its probability
    python benchmarks/nps_coverage.py exact --n 100 --step 0.1
    python benchmarks/nps_coverage.py simulated --clusters 40 --icc 0.05 --weight-spread 0.4

`exact` adds up the probabilities of all samples whose interval holds the truth, for every pair of promoter and
detractor shares in steps of `--step`; nothing is drawn at random. `simulated` draws weighted and clustered samples,
for which no exact figure exists. Both call `cxlab.survey.nps`, the function that reports use, and set the plain Wald
interval beside it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from cxlab.inference import wilson
from cxlab.survey import nps

PROMOTER, PASSIVE, DETRACTOR = 9, 8, 0
_ROUNDING = 1e-9  # a truth that lies exactly on an end of the interval is inside


def intervals(n: int, conf_level: float) -> pd.DataFrame:
    """One row a possible sample of `n` answers: promoters, detractors, and the two intervals in points."""
    z = stats.norm.ppf(0.5 + conf_level / 2)
    rows = []
    for promoters, detractors in product(range(n + 1), repeat=2):
        passives = n - promoters - detractors
        if passives < 0:
            continue
        ltr = np.repeat([PROMOTER, PASSIVE, DETRACTOR], [promoters, passives, detractors])
        found = nps(ltr, conf_level=conf_level)
        share_p, share_d = promoters / n, detractors / n
        half = 100 * z * np.sqrt((share_p + share_d - (share_p - share_d) ** 2) / n)
        rows.append(
            {
                "promoters": promoters,
                "detractors": detractors,
                "adjusted_low": found.conf_low,
                "adjusted_high": found.conf_high,
                "wald_low": found.estimate - half,
                "wald_high": found.estimate + half,
            }
        )
    return pd.DataFrame(rows)


def exact_coverage(n: int, shares: Sequence[tuple[float, float]], conf_level: float = 0.95) -> pd.DataFrame:
    """One row a pair of true shares (promoters, detractors): the probability that each interval holds the true NPS."""
    samples = intervals(n, conf_level)
    counts = np.column_stack(
        [samples["promoters"], samples["detractors"], n - samples["promoters"] - samples["detractors"]]
    )
    rows = []
    for share_p, share_d in shares:
        probability = stats.multinomial.pmf(counts, n, [share_p, share_d, 1 - share_p - share_d])
        truth = 100 * (share_p - share_d)
        row = {"n": n, "promoters": share_p, "detractors": share_d}
        for method in ("adjusted", "wald"):
            low, high = samples[f"{method}_low"], samples[f"{method}_high"]
            row[method] = float(probability[(low - _ROUNDING <= truth) & (truth <= high + _ROUNDING)].sum())
        rows.append(row)
    return pd.DataFrame(rows)


def share_grid(step: float) -> list[tuple[float, float]]:
    """All pairs of positive shares in steps of `step` that leave some passives."""
    steps = round(1 / step)
    return [(i / steps, j / steps) for i in range(1, steps) for j in range(1, steps - i)]


def draw(
    rng: np.random.Generator, n: int, clusters: int, icc: float, weight_spread: float, shares: tuple[float, float]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Answers, weights, clusters. Answers of one cluster share a normal part with intraclass correlation `icc`."""
    cluster = rng.integers(0, clusters, n) if clusters else np.arange(n)
    shared = rng.normal(size=cluster.max() + 1)[cluster]
    mood = np.sqrt(icc) * shared + np.sqrt(1 - icc) * rng.normal(size=n)
    share_p, share_d = shares
    ltr = np.select(
        [mood > stats.norm.ppf(1 - share_p), mood < stats.norm.ppf(share_d)], [PROMOTER, DETRACTOR], PASSIVE
    )
    return ltr, rng.lognormal(sigma=weight_spread, size=n), cluster


def simulated_coverage(
    *,
    n: int,
    clusters: int,
    icc: float,
    weight_spread: float,
    shares: tuple[float, float],
    replications: int,
    conf_level: float = 0.95,
    random_state: int | None = None,
) -> pd.DataFrame:
    """One row a method: how often it held the truth, with a Wilson interval for the luck of the simulation."""
    rng = np.random.default_rng(random_state)
    truth = 100 * (shares[0] - shares[1])
    methods = {"weights and clusters": 0, "weights only": 0, "neither": 0}
    for _ in range(replications):
        ltr, weights, cluster = draw(rng, n, clusters, icc, weight_spread, shares)
        found = {
            "weights and clusters": nps(
                ltr, weights=weights, clusters=cluster if clusters else None, conf_level=conf_level
            ),
            "weights only": nps(ltr, weights=weights, conf_level=conf_level),
            "neither": nps(ltr, conf_level=conf_level),
        }
        for method, result in found.items():
            methods[method] += result.conf_low <= truth <= result.conf_high
    rows = []
    for method, held in methods.items():
        low, high = wilson(held / replications, replications)
        rows.append({"method": method, "coverage": held / replications, "conf_low": low, "conf_high": high})
    return pd.DataFrame(rows)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("kind", choices=["exact", "simulated"])
    parser.add_argument("--n", type=int, nargs="+", default=[10, 15, 20, 30, 50], help="bases (answers)")
    parser.add_argument("--conf-level", type=float, default=0.95)
    parser.add_argument("--step", type=float, default=0.05, help="exact: step of the grid of true shares")
    parser.add_argument("--aim", type=float, default=None, help="exact: count cells below this (conf level − 0.01)")
    parser.add_argument("--csv", default=None, help="exact: write every cell to this file")
    parser.add_argument("--promoters", type=float, default=0.45, help="simulated: true share")
    parser.add_argument("--detractors", type=float, default=0.2, help="simulated: true share")
    parser.add_argument("--clusters", type=int, default=0, help="simulated: number of clusters, 0 for none")
    parser.add_argument("--icc", type=float, default=0.0, help="simulated: intraclass correlation, 0 to 1")
    parser.add_argument("--weight-spread", type=float, default=0.0, help="simulated: sigma of lognormal weights")
    parser.add_argument("--replications", type=int, default=2_000, help="simulated: samples drawn")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    if not 0 < asked.conf_level < 1:
        parser.error(f"--conf-level must be between 0 and 1, got {asked.conf_level:g}; 95% is 0.95")
    if min(asked.n) < 2:
        parser.error(f"--n must be at least 2, got {min(asked.n)}")
    if not 0 < asked.step <= 1 / 3:
        parser.error(f"--step must be above 0 and at most a third, got {asked.step:g}")
    if not 0 <= asked.icc < 1:
        parser.error(f"--icc must be from 0 to below 1, got {asked.icc:g}")
    if min(asked.promoters, asked.detractors) <= 0 or asked.promoters + asked.detractors >= 1:
        parser.error("--promoters and --detractors must be above 0 and together below 1")
    if asked.replications < 1 or asked.clusters < 0 or asked.weight_spread < 0:
        parser.error("--replications must be at least 1; --clusters and --weight-spread cannot be negative")
    return asked


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the study that was asked for."""
    asked = parse(arguments)
    if asked.kind == "simulated":
        for n in asked.n:
            table = simulated_coverage(
                n=n,
                clusters=asked.clusters,
                icc=asked.icc,
                weight_spread=asked.weight_spread,
                shares=(asked.promoters, asked.detractors),
                replications=asked.replications,
                conf_level=asked.conf_level,
                random_state=asked.seed,
            )
            print(f"n {n:,}, {asked.replications:,} samples")
            print(table.to_string(index=False, float_format="{:.3f}".format))
        return
    aim = asked.conf_level - 0.01 if asked.aim is None else asked.aim
    cells = pd.concat([exact_coverage(n, share_grid(asked.step), asked.conf_level) for n in asked.n])
    for method in ("adjusted", "wald"):
        worst = cells.iloc[int(cells[method].to_numpy().argmin())]
        print(
            f"{method}: mean {cells[method].mean():.3f}, lowest {worst[method]:.3f} (n {worst['n']:.0f}, promoters "
            f"{worst['promoters']:.2f}, detractors {worst['detractors']:.2f}), below {aim:.3f} in "
            f"{int((cells[method] < aim).sum())} of {len(cells)} cells"
        )
    if asked.csv is not None:
        cells.to_csv(asked.csv, index=False)
        print(f"every cell: {asked.csv}")


if __name__ == "__main__":
    main()
