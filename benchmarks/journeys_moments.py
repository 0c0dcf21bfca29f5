"""Does luck make moments of truth, are planted ones found, and which of two descriptions of a journey tells more?

    python benchmarks/journeys_moments.py                     all parts; about 90 minutes on one core
    python benchmarks/journeys_moments.py --part null         also: planted, immortal, folds
    python benchmarks/journeys_moments.py --times 0.1         a tenth of the simulations

null: touchpoints that go with nothing; how often any is called (which is what the false discovery rate is where all is noise),
for scores and for 0/1, with one and with several outcomes a customer. planted: what failing and doing well are said to be worth
against what was planted, and coverage of the intervals. immortal: a letter that only those get who stay. folds: `discrete_or_journey`
where nothing tells, where both tell the same, and where one tells more; the interval that it uses beside the corrected
resampled t (Nadeau & Bengio, *Machine Learning* 52, 2003). Coverage there is of the mean difference over all
simulations of a case.

Measured on 2026-12-01 (`--part folds --times 0.3`, 60 simulations a case, seed 1), `discrete_or_journey` of touchpoints less journey: how
often the 95% interval held the mean difference, beside the corrected resampled t.

| case | scores: n 200 | n 300 | n 800 | 0/1: n 200 | n 300 | n 800 |
|---|---|---|---|---|---|---|
| nothing tells | 1.00 (1.00) | | 1.00 (1.00) | 1.00 (.85) | | .92 (.87) |
| both tell the same | | | 1.00 (1.00) | | | 1.00 (1.00) |
| one touchpoint tells | | .97 (.80) | .98 (.98) | | .98 (.95) | .98 (.92) |
| waiting tells | | 1.00 (.90) | .97 (.95) | | | .95 (.95) |

Where nothing tells, one of the two was said to tell more in 1 of 240 simulations.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from cxlab.inference import wilson
from cxlab.journeys import moments
from cxlab.journeys.moments import discrete_or_journey, moments_of_truth

END = pd.Timestamp("2026-06-30", tz="UTC")
FAILING, WELL = {"delivery": -1.5, "help": -0.9}, {"delivery": 0.5, "help": 0.9}


def planted_log(
    n: int, rng: np.random.Generator, *, touchpoints: int = 8, failing: float = 0.3
) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    """Events of n customers, their landmark and their segment. The busy meet more of everything; "welcome" is met by all.

    One in three events of a touchpoint fails by luck. Events of the 30 days after the landmark are in the log, too.
    """
    names = ["delivery", "help", *(f"t{i}" for i in range(touchpoints - 2))]
    busy = rng.normal(0, 0.7, n)
    days = rng.uniform(20, 300, n)
    rows = [(i, "welcome", -days[i], False) for i in range(n)]
    for j, name in enumerate(names):
        met = rng.random(n) < 1 / (1 + np.exp(-(-0.7 + 0.1 * j + busy)))
        visits = np.where(met, 1 + rng.poisson(0.4, n), 0)
        who = np.repeat(np.arange(n), visits)
        at = rng.uniform(-days[who], 30)
        rows += list(zip(who, [name] * len(who), at, rng.random(len(who)) < failing, strict=True))
    events = pd.DataFrame(rows, columns=["customer_id", "touchpoint", "day", "failed"])
    events["timestamp"] = END + pd.to_timedelta(events["day"], unit="D").dt.round("us")
    events["customer_id"] = "c" + events["customer_id"].astype(str)
    ids = [f"c{i}" for i in range(n)]
    segment = pd.Series(rng.choice(["small", "middle", "large"], n), index=ids)
    return events.drop(columns="day"), pd.Series(END, index=ids), segment


def worth(events: pd.DataFrame, landmark: pd.Series, segment: pd.Series, noise: np.ndarray) -> pd.Series:
    """The outcome that was planted: number of events and segment, failing and doing well at two touchpoints, and noise."""
    before = events[events["timestamp"] < END]
    y = 6 + 0.4 * np.log1p(before.groupby("customer_id").size().reindex(landmark.index))
    y += segment.map({"small": 0.0, "middle": 0.3, "large": 0.6})
    for name in FAILING:
        ever = before[before["touchpoint"] == name].groupby("customer_id")["failed"].max().reindex(landmark.index)
        y += ever.map({True: FAILING[name], False: WELL[name]}).fillna(0.0).astype(float)
    return (y + noise * (1 + 0.5 * (segment == "large"))).rename("likelihood to recommend")


def null(n: int, simulations: int, kind: str, seed: int) -> dict[str, object]:
    """How often a family of touchpoints without any effect gives a moment of truth, and the share of raw p below .05."""
    rng = np.random.default_rng(seed)
    any_called, raw = 0, []
    for _ in range(simulations):
        events, landmark, segment = planted_log(n, rng)
        if kind == "0/1":
            outcome = pd.Series((rng.random(n) < 0.2).astype(int), index=landmark.index)
        elif kind == "score":
            mood = 8 + segment.map({"small": 0.0, "middle": 0.5, "large": 1.0}) + rng.normal(0, 2.5, n)
            outcome = mood.round().clip(0, 10)
        else:  # three surveys a customer, of one mood
            ids = landmark.index.repeat(3)
            landmark = pd.Series(END - pd.to_timedelta(np.tile([120, 60, 0], n), unit="D"), index=ids)
            outcome = pd.Series(np.repeat(rng.normal(7, 1.5, n), 3) + rng.normal(0, 1, 3 * n), index=ids)
        found = moments_of_truth(events, outcome, landmark=landmark, segment=segment, failures="failed").to_frame()
        any_called += bool(found["verdict"].str.startswith("moment").any())
        raw += list(found["p_value"].dropna())
    low, high = wilson(any_called / simulations, simulations)
    return {
        "outcome": kind, "n": n, "simulations": simulations, "any_called": any_called / simulations, "low": low, "high": high,
        "tests": len(raw), "raw_below_05": float((np.array(raw) < 0.05).mean()),
    }  # fmt: skip


def planted(n: int, simulations: int, seed: int) -> pd.DataFrame:
    """One row a planted effect: what is found on average, coverage of 95% intervals, how often it is clear, and right."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(simulations):
        events, landmark, segment = planted_log(n, rng)
        outcome = worth(events, landmark, segment, rng.normal(0, 2, n))
        found = moments_of_truth(events, outcome, landmark=landmark, segment=segment, failures="failed").to_frame()
        rows += found.dropna(subset=["estimate"]).to_dict("records")
    table = pd.DataFrame(rows)
    truth = {(name, "failed"): size for name, size in FAILING.items()} | {
        (name, "went well"): size for name, size in WELL.items()
    }
    truth |= {(name, "asymmetry"): abs(FAILING[name]) - WELL[name] for name in FAILING}
    keys = list(zip(table["touchpoint"], table["kind"], strict=True))
    table["truth"] = [truth.get(key, 0.0) for key in keys]
    table["what"] = [" ".join(key) if key in truth else f"noise {key[1]}" for key in keys]
    table["held"] = (table["conf_low"] <= table["truth"]) & (table["truth"] <= table["conf_high"])
    table["clear"] = table["q_value"] < 0.05
    table["sign"] = np.sign(table["estimate"]) == np.sign(table["truth"])
    return table.groupby("what").agg(
        truth=("truth", "mean"), found=("estimate", "mean"), spread=("estimate", "std"), std_error=("std_error", "mean"),
        coverage=("held", "mean"), clear=("clear", "mean"), right_sign=("sign", "mean"), tests=("held", "size"),
    )  # fmt: skip


def letters(n: int, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    """Customers who leave at any time, or not, and a letter on a random day of the year that only those get who are there.

    Outcome: still a customer after a year, of those who are after 120 days; the letter does nothing. Two visits of the app a year.
    """
    leave = rng.exponential(500, n)
    stay = np.minimum(leave, 365.0)
    rows = [(i, "start", 0.0) for i in range(n)]
    letter = rng.uniform(1, 365, n)
    rows += [(i, "letter", letter[i]) for i in range(n) if letter[i] < stay[i]]
    for i in range(n):
        rows += [(i, "app", day) for day in rng.uniform(0, 365, rng.poisson(2)) if day < stay[i]]
    events = pd.DataFrame(rows, columns=["customer_id", "touchpoint", "day"])
    events["timestamp"] = pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(events["day"], unit="D").dt.round("us")
    there = np.flatnonzero(leave > 120)
    outcome = pd.Series((leave[there] > 365).astype(int), index=there, name="staying")
    return events, outcome, pd.Series(pd.Timestamp("2025-05-01", tz="UTC"), index=there)


def immortal(n: int, simulations: int, seed: int) -> dict[str, object]:
    rng = np.random.default_rng(seed)
    called: dict[str, list[tuple[float, bool]]] = {"without": [], "with": []}
    for _ in range(simulations):
        events, outcome, landmark = letters(n, rng)
        for name, moment in (("without", None), ("with", landmark)):
            table = moments_of_truth(events, outcome, landmark=moment).to_frame()
            found = table[table["touchpoint"] == "letter"].to_dict("records")[0]
            called[name].append((float(found["estimate"]), bool(found["q_value"] < 0.05)))
    return {"n": n, "simulations": simulations} | {
        f"{name}_{what}": float(np.mean([row[i] for row in rows]))
        for name, rows in called.items() for i, what in enumerate(("effect", "called"))
    }  # fmt: skip


def walks(n: int, rng: np.random.Generator, kind: str, *, binary: bool) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    """Journeys of 10 to 30 events over twelve touchpoints, a few of their waits very long, and an outcome.

    kind: "nothing" (noise), "both" (number of events), "touchpoint" (whether t6 was met), "waiting" (log of the days waited).
    """
    length = rng.integers(10, 31, n)
    who = np.repeat(np.arange(n), length)
    names = np.array([f"t{i}" for i in range(12)])
    touchpoint = names[np.minimum(rng.geometric(0.15, len(who)) - 1, 11)]
    wait = rng.lognormal(-1, 1.7, len(who))
    since = pd.Series(wait).groupby(who).cumsum().to_numpy()
    total = pd.Series(wait).groupby(who).sum().to_numpy()
    idle = rng.uniform(0, 150, n)
    before = pd.Series(pd.to_timedelta(total[who] - since + idle[who], unit="D")).dt.round("us")
    frame = pd.DataFrame({"customer_id": who, "touchpoint": touchpoint, "timestamp": END - before})
    signal = {
        "nothing": np.zeros(n),
        "both": (length - 20) / 6,
        "touchpoint": 1.2 * np.isin(np.arange(n), who[touchpoint == "t6"]),
        "waiting": -1.2 * np.log(total),
    }[kind]
    signal = signal - signal.mean()
    y = 7 + signal + rng.normal(0, 1.5, n)
    if binary:
        y = (rng.random(n) < 1 / (1 + np.exp(1 - signal))).astype(int)
    outcome = pd.Series(y, index=np.arange(n), name="renewal" if binary else "likelihood to recommend")
    return frame, outcome, pd.Series(END, index=outcome.index)


def resampled(
    events: pd.DataFrame, outcome: pd.Series, landmark: pd.Series, folds: int, repeats: int
) -> tuple[float, float]:
    """The other interval: differences of R² (or AUC) of folds, with the corrected resampled t of Nadeau and Bengio."""
    log = moments._read(events, outcome, landmark, None)
    features, _ = moments._features(log)
    judged = moments._Judged(log.y, log.customer, log.binary)
    rng = np.random.RandomState(0)
    deals = [moments._dealt(judged, folds, rng) for _ in range(repeats)]
    scores = {}
    for name in ("touchpoints", "journey"):
        guesses = moments._predicted(features[name].to_numpy(), judged, np.array(deals))
        means = moments._predicted(np.zeros((len(log.y), 0)), judged, np.array(deals))
        scores[name] = np.array(
            [
                next(
                    iter(moments._scores(judged.part(out), fold[out][None], guess[out][None], mean[out][None]).values())
                )
                for fold, guess, mean in zip(deals, guesses, means, strict=True)
                for out in (fold == one for one in range(folds))
            ]
        )
    gain = scores["touchpoints"] - scores["journey"]
    error = gain.std(ddof=1) * math.sqrt(1 / len(gain) + 1 / (folds - 1))
    return float(gain.mean()), float(stats.t.ppf(0.975, len(gain) - 1) * error)


def in_folds(n: int, simulations: int, kind: str, *, binary: bool, seed: int) -> dict[str, object]:
    """How often 95% intervals hold the mean difference of all simulations, and what the headline says."""
    rng = np.random.default_rng(seed)
    rows, words = [], []
    for _ in range(simulations):
        events, outcome, landmark = walks(n, rng, kind, binary=binary)
        found = discrete_or_journey(events, outcome, landmark=landmark)
        own = found.comparison().query("model == 'touchpoints' and other_model == 'journey'").iloc[0]
        mean, half = resampled(events, outcome, landmark, 5, 4)
        rows.append((own["estimate"], own["conf_low"], own["conf_high"], mean, half))
        words.append(found.headline().split()[0])
    table = np.array(rows)
    truth, other = table[:, 0].mean(), table[:, 3].mean()
    share = pd.Series(words).value_counts(normalize=True)
    return {
        "case": kind, "binary": binary, "n": n, "simulations": simulations, "difference": truth,
        "coverage": float(((table[:, 1] <= truth) & (truth <= table[:, 2])).mean()),
        "holds_zero": float(((table[:, 1] <= 0) & (table[:, 2] >= 0)).mean()),
        "width": float((table[:, 2] - table[:, 1]).mean()),
        "resampled_coverage": float((np.abs(table[:, 3] - other) <= table[:, 4]).mean()),
        "resampled_width": float(2 * table[:, 4].mean()),
        **{word: float(share.get(word, 0.0)) for word in ("Neither", "Whether", "The")},
    }  # fmt: skip


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--part", choices=["null", "planted", "immortal", "folds"], nargs="+", default=None)
    parser.add_argument(
        "--times", type=float, default=1.0, help="simulations as a multiple of those of the whole study"
    )
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    if not asked.times > 0:
        parser.error(f"--times must be above 0, got {asked.times:g}")
    return asked


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the parts that were asked for."""
    asked = parse(arguments)
    parts = asked.part or ["null", "planted", "immortal", "folds"]

    def many(simulations: int) -> int:
        return max(2, round(asked.times * simulations))

    def show(title: str, table: pd.DataFrame) -> None:
        print(f"{title} ({time.process_time() - start:.0f} CPU s)")
        print(table.to_string(float_format="{:.3f}".format), flush=True)

    start = time.process_time()
    if "null" in parts:
        cases = [("score", 400), ("score", 1500), ("0/1", 400), ("0/1", 1500), ("several", 400)]
        show("null", pd.DataFrame([null(n, many(400), kind, asked.seed) for kind, n in cases]))
    if "planted" in parts:
        for n in (400, 1500):
            show(f"planted, n {n}", planted(n, many(400), asked.seed))
    if "immortal" in parts:
        show("immortal", pd.DataFrame([immortal(n, many(200), asked.seed) for n in (400, 1500)]))
    if "folds" in parts:
        cases_of_folds = [
            ("nothing", 200, False), ("nothing", 800, False), ("both", 800, False), ("touchpoint", 800, False),
            ("waiting", 800, False), ("touchpoint", 300, False), ("waiting", 300, False), ("nothing", 200, True),
            ("nothing", 800, True), ("both", 800, True), ("touchpoint", 800, True), ("waiting", 800, True), ("touchpoint", 300, True),
        ]  # fmt: skip
        for kind, n, binary in cases_of_folds:
            show("folds", pd.DataFrame([in_folds(n, many(200), kind, binary=binary, seed=asked.seed)]))


if __name__ == "__main__":
    main()
