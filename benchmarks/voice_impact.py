"""Do the tests of theme impact keep their 5%, and do the intervals hold the truth?

    python benchmarks/voice_impact.py random                     themes that are mentioned at random: how often are they called?
    python benchmarks/voice_impact.py coverage                   themes that cost: how often do 95% intervals hold the truth?
    python benchmarks/voice_impact.py adjusted                   all themes in one model, travelling together
    python benchmarks/voice_impact.py groups                     is what a theme goes with called different where it is the same?

`random` sets three tests that people use beside ours on the same samples: the percentile and the normal bootstrap of respondents,
and Welch's. Answers are 0 to 10: "spread" looks like a usual survey, "bunched" gives a 10 to nine in ten. Everything calls
`cxlab.voice.impact`, which reports use.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from cxlab.inference import wilson
from cxlab.voice.impact import adjusted_impact, theme_impact

Floats = npt.NDArray[np.float64]
ANSWERS = np.arange(11)
POINTS = {"nps": 100.0 * (ANSWERS >= 9) - 100.0 * (ANSWERS <= 6), "mean": ANSWERS.astype(float)}
SPREAD = np.array([4, 1, 1, 2, 2, 6, 7, 12, 20, 18, 27]) / 100
BUNCHED = np.array([1, 0, 0, 0, 0, 1, 1, 1, 2, 4, 90]) / 100
UNHAPPY = np.array([40, 8, 8, 8, 6, 6, 4, 5, 5, 4, 6]) / 100
SHAPES = {"spread": SPREAD, "bunched": BUNCHED}


def mentions_of(flags: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Respondents × themes as one row a mention."""
    who, which = np.nonzero(flags)
    return pd.DataFrame({"text_id": who, "theme": [f"t{j}" for j in which]})


def usual(y: Floats, x: npt.NDArray[np.bool_], rng: np.random.Generator, n_boot: int) -> dict[str, float]:
    """p of the same difference by the bootstrap of respondents and by Welch."""
    n = len(y)
    estimate = y.mean() - y[~x].mean()
    drawn = rng.multinomial(n, np.full(n, 1 / n), size=n_boot)
    with np.errstate(divide="ignore", invalid="ignore"):
        draws = drawn @ y / n - (drawn[:, ~x] @ y[~x]) / drawn[:, ~x].sum(axis=1)
        error = draws.std(ddof=1)
        normal = 2 * stats.norm.sf(abs(estimate / error)) if error > 0 else 1.0
        percentile = min(1.0, 2 * (min((draws <= 0).sum(), (draws >= 0).sum()) + 1) / (n_boot + 1))
        parts = np.array([y[x].var(ddof=1) / x.sum(), y[~x].var(ddof=1) / (~x).sum()])
        df = parts.sum() ** 2 / (parts**2 / [x.sum() - 1, (~x).sum() - 1]).sum()
        statistic = (y[x].mean() - y[~x].mean()) / np.sqrt(parts.sum())
        welch = float(2 * stats.t.sf(abs(statistic), df)) if parts.sum() > 0 else 1.0
    return {"percentile": percentile, "normal": float(normal), "welch": welch}


def random(replications: int, n_boot: int, seed: int) -> pd.DataFrame:
    """One row a case: the share of themes mentioned at random that each test calls at 5% (and ours at 0.5% and after q)."""
    cases = [
        (n, share, shape, metric, kind)
        for n, share in ((60, 0.1), (200, 0.05), (200, 0.3), (500, 0.03), (500, 0.2))
        for shape in SHAPES
        for metric, kind in (("nps", "alone"), ("mean", "alone"))
    ]
    cases += [
        (300, 0.1, shape, "nps", kind)
        for shape in SHAPES
        for kind in ("weighted", "customers", "accounts", "few accounts")
    ]
    rows = []
    for n, share, shape, metric, kind in cases:
        rng = np.random.default_rng(seed)
        p: list[float] = []
        others: list[dict[str, float]] = []
        for replication in range(replications):
            answers, flags, weights, clusters = _at_random(rng, n, share, SHAPES[shape], kind)
            if flags.sum() < 2:
                continue
            scores = pd.Series(answers)
            found = theme_impact(
                mentions_of(flags[:, None]), scores, metric=metric, weights=weights, clusters=clusters, n_boot=n_boot,
                random_state=replication,
            )  # fmt: skip
            p.append(float(found["p_value"].fillna(1).iloc[0]))
            if kind == "alone":
                others.append(usual(POINTS[metric][answers], flags, rng, n_boot))
        called = float(np.mean(np.array(p) < 0.05))
        rows.append(
            {
                "n": n, "share": share, "answers": shape, "metric": metric, "respondents": kind, "samples": len(p), "ours": called,
                "ours_0.5%": float(np.mean(np.array(p) < 0.005)), **pd.DataFrame(others).lt(0.05).mean().to_dict(),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def _at_random(
    rng: np.random.Generator, n: int, share: float, shape: Floats, kind: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_], Floats | None, npt.NDArray[np.int64] | None]:
    """Answers, mentions that have nothing to do with them, and weights or clusters. Members of a cluster are alike in both."""
    answers = rng.choice(11, n, p=shape)
    flags = rng.random(n) < share
    if kind == "weighted":
        return answers, flags, rng.lognormal(0, 0.5, n), None
    if kind == "alone":
        return answers, flags, None, None
    size = {"customers": [0.8, 0.12, 0.05, 0.03], "accounts": [0.1] * 10, "few accounts": [0.0] * 9 + [0.1] * 10}[kind]
    sizes = 1 + rng.choice(len(size), n, p=size)
    clusters = np.repeat(np.arange(n), sizes)[:n]
    same = rng.random(n) < 0.5  # half of them answer, and half of them write, as their cluster does
    answers = np.where(same, rng.choice(11, n, p=shape)[clusters], answers)
    flags = np.where(rng.random(n) < 0.5, (rng.random(n) < share)[clusters], flags)
    return answers, flags, None, clusters


def coverage(replications: int, n_boot: int, seed: int) -> pd.DataFrame:
    """One row a case: how often the interval of a theme that costs holds the truth, where it misses, and how often it is called.

    Of those who mention it, 60% answer as the unhappy do. "accounts": 300 respondents in 30 to 80 accounts alike in both."""
    rows = []
    for n, share in ((60, 0.1), (200, 0.05), (200, 0.3), (500, 0.06), (500, 0.2), (2000, 0.05)):
        for shape in SHAPES:
            for metric in POINTS:
                rng = np.random.default_rng(seed)
                truth = share * 0.6 * float(POINTS[metric] @ (UNHAPPY - SHAPES[shape]))
                below = above = called = made = 0
                for replication in range(replications):
                    flags = rng.random(n) < share
                    unhappy = flags & (rng.random(n) < 0.6)
                    answers = np.where(unhappy, rng.choice(11, n, p=UNHAPPY), rng.choice(11, n, p=SHAPES[shape]))
                    if flags.sum() < 2:
                        continue
                    row = theme_impact(
                        mentions_of(flags[:, None]), pd.Series(answers), metric=metric, n_boot=n_boot, random_state=replication
                    ).to_dict("records")[0]  # fmt: skip
                    made += 1
                    below += truth < row["conf_low"]
                    above += truth > row["conf_high"]
                    called += row["p_value"] < 0.05
                held = 1 - (below + above) / made
                rows.append(
                    {
                        "n": n, "share": share, "answers": shape, "metric": metric, "truth": truth, "held": held,
                        "low": wilson(held, made)[0], "high": wilson(held, made)[1], "truth_below": below / made,
                        "truth_above": above / made, "called": called / made,
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)


EFFECTS = np.array([-3.0, -1.5, -0.8, 0.0, 0.0, 0.5])


def together(
    rng: np.random.Generator, n: int, clustered: bool
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Answers, six themes that travel together (t1 mostly with t0, t4 with t0), and customers."""
    customers = np.repeat(np.arange(n), 1 + rng.choice(3, n, p=[0.7, 0.2, 0.1]))[:n] if clustered else np.arange(n)
    flags = np.zeros((n, 6), dtype=bool)
    flags[:, 0] = rng.random(n) < 0.2
    flags[:, 1] = rng.random(n) < np.where(flags[:, 0], 0.5, 0.05)
    flags[:, 2] = rng.random(n) < np.where(flags[:, 1], 0.3, 0.08)
    flags[:, 3] = rng.random(n) < 0.1
    flags[:, 4] = rng.random(n) < np.where(flags[:, 0], 0.4, 0.1)
    flags[:, 5] = rng.random(n) < 0.25
    if clustered:
        alike = rng.random(n) < 0.5
        flags[alike] = flags[np.unique(customers, return_index=True)[1]][customers[alike]]
    level = 8.2 + flags @ EFFECTS + (rng.normal(0, 1.2, n)[customers] if clustered else 0)
    answers = np.clip(np.rint(level + rng.normal(0, 1.8 + flags[:, 0], n)), 0, 10).astype(int)
    return answers, flags, customers


def adjusted(replications: int, seed: int) -> pd.DataFrame:
    """One row a case and theme: how often the 95% intervals of estimate and effect hold the truth (least squares of a million), and
    how often the theme is called; beside it how often the plain impact is."""
    rows = []
    for clustered in (False, True):
        for metric in POINTS:
            rng = np.random.default_rng(seed)
            answers, flags, _ = together(rng, 1_000_000, clustered)
            design = np.column_stack([np.ones(len(answers)), flags])
            effect = np.linalg.lstsq(design, POINTS[metric][answers], rcond=None)[0][1:]
            truth = effect * flags.mean(axis=0)
            for n in (500, 2_000):
                tables = []
                for replication in range(replications):
                    answers, flags, customers = together(rng, n, clustered)
                    given = mentions_of(flags).sort_values("theme"), pd.Series(answers)
                    found = adjusted_impact(*given, metric=metric, clusters=customers if clustered else None)
                    plain = (
                        theme_impact(*given, metric=metric, n_boot=199, random_state=replication) if n == 500 else found
                    )
                    tables.append(
                        pd.DataFrame(
                            {
                                "theme": found["theme"],
                                "held": (found["conf_low"] <= truth) & (truth <= found["conf_high"]),
                                "effect_held": (found["effect_low"] <= effect) & (effect <= found["effect_high"]),
                                "called": found["p_value"] < 0.05,
                                "plain_called": plain["p_value"] < 0.05 if n == 500 else np.nan,
                            }
                        )
                    )
                by_theme = pd.concat(tables).groupby("theme").mean()
                by_theme.insert(0, "truth", truth)
                case = {"respondents": "customers" if clustered else "alone", "metric": metric, "n": n}
                rows.append(by_theme.reset_index().assign(**case))
    return pd.concat(rows)[
        ["respondents", "metric", "n", "theme", "truth", "held", "effect_held", "called", "plain_called"]
    ]


def groups(replications: int, seed: int) -> pd.DataFrame:
    """One row a case: how often groups are called different (5%, before q), and how often one of themes × groups is called at q < 0.05.

    "same": nothing differs. "level": groups answer differently, the theme says nothing. "cost": it costs the same in all. "differs": it
    costs in one group only."""
    rows = []
    for n, k in ((400, 2), (900, 3), (1500, 5)):
        for case in ("same", "level", "cost", "differs"):
            for shape in SHAPES:
                rng = np.random.default_rng(seed)
                differs, called = [], []
                for replication in range(replications):
                    group = rng.integers(0, k, n)
                    flags = rng.random(n) < 0.15
                    hit = flags & (rng.random(n) < 0.5)
                    hit &= case in ("cost", "differs")
                    hit &= (group == 0) | (case != "differs")
                    low = (group == 0) & (rng.random(n) < 0.3) & (case == "level")
                    answers = np.where(hit | low, rng.choice(11, n, p=UNHAPPY), rng.choice(11, n, p=SHAPES[shape]))
                    found = theme_impact(
                        mentions_of(flags[:, None]), pd.Series(answers), by=pd.Series(group), n_boot=199, random_state=replication
                    )  # fmt: skip
                    differs.append(float(found["differs_p"].iloc[0]) < 0.05)
                    called.append(bool((found["q_value"] < 0.05).any()))
                rows.append(
                    {
                        "n": n,
                        "groups": k,
                        "case": case,
                        "answers": shape,
                        "differs": np.mean(differs),
                        "any_called": np.mean(called),
                    }
                )
    return pd.DataFrame(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("study", choices=["random", "coverage", "adjusted", "groups"])
    parser.add_argument("--replications", type=int, default=1000)
    parser.add_argument("--n-boot", type=int, default=399)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    if chosen.study in ("random", "coverage"):
        table = (random if chosen.study == "random" else coverage)(chosen.replications, chosen.n_boot, chosen.seed)
    else:
        table = (adjusted if chosen.study == "adjusted" else groups)(chosen.replications, chosen.seed)
    print(table.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
