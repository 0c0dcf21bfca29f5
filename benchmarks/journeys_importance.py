"""How often do the intervals of touchpoint importance hold the truth, and how often is a touchpoint called that does nothing?

    python benchmarks/journeys_importance.py coverage                    200 samples of 2,000 customers from a known chain
    python benchmarks/journeys_importance.py false_calls                 touchpoints without effect, among them one that follows on
    python benchmarks/journeys_importance.py follower                    why lift holds equal which touchpoints were met, not how many
    python benchmarks/journeys_importance.py refits                      the resamples of lift against fitting each anew
    python benchmarks/journeys_importance.py speed                       20,000 customers, 200,000 events, 15 touchpoints

The truths of `coverage` are computed from the chain itself: the removal effect by solving it again without the touchpoint, the
equal split and the lift from a sample of two million customers. Everything calls `cxlab.journeys.importance`, which reports use.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from cxlab.inference import wilson
from cxlab.journeys.importance import touchpoint_importance

START = np.array([0.4, 0.3, 0.15, 0.1, 0.05])
STEPS = np.array(
    [
        [0.05, 0.35, 0.10, 0.05, 0.05],
        [0.10, 0.10, 0.25, 0.10, 0.05],
        [0.05, 0.10, 0.10, 0.20, 0.05],
        [0.10, 0.05, 0.10, 0.10, 0.10],
        [0.10, 0.10, 0.10, 0.05, 0.05],
    ]
)
WON = np.array([0.05, 0.10, 0.30, 0.15, 0.05])


def walks(
    rng: np.random.Generator, n: int, start: npt.NDArray[np.float64], steps: npt.NDArray[np.float64]
) -> list[npt.NDArray[np.int64]]:
    """Where each customer is, one array a step; −1 once the journey is over, with what is left of a row's probability."""
    where = rng.choice(len(start), n, p=start)
    until = steps.cumsum(axis=1)
    path = [where]
    while (where >= 0).any():
        draw = rng.random(n)
        following = (draw[:, None] >= until[where]).sum(axis=1)
        where = np.where((where < 0) | (following == len(start)), -1, following)
        path.append(where)
    return path


def from_chain(rng: np.random.Generator, n: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Paths (customers × steps, −1 after the end) and whether the customer converted, of the chain above."""
    path = np.column_stack(walks(rng, n, START, STEPS))
    last = path[np.arange(n), (path >= 0).sum(axis=1) - 1]
    return path, (rng.random(n) < (WON / (1 - STEPS.sum(axis=1)))[last]).astype(int)


def log(path: npt.NDArray[np.int64], first: npt.NDArray[np.float64] | None = None) -> pd.DataFrame:
    """The paths as events; `first` is the day of each customer's first event."""
    customer, position = np.nonzero(path >= 0)
    days = np.zeros(len(path)) if first is None else first
    moment = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(days[customer] + 0.1 * position, unit="D")
    return pd.DataFrame(
        {
            "customer_id": customer.astype(str), "journey": 0, "position": position,
            "touchpoint": np.char.add("t", path[customer, position].astype(str)), "timestamp": moment,
        }
    )  # fmt: skip


def removal_truth() -> npt.NDArray[np.float64]:
    """The removal effects of the chain, by solving it again without each touchpoint."""

    def converts(keep: npt.NDArray[np.bool_]) -> float:
        steps = STEPS * keep[:, None] * keep
        return float(START * keep @ np.linalg.solve(np.eye(len(START)) - steps, WON * keep))

    everything = np.ones(len(START), dtype=bool)
    whole = converts(everything)
    return np.array([1 - converts(np.arange(len(START)) != j) / whole for j in range(len(START))])


def coverage(replications: int, n: int, n_boot: int, seed: int, large: int = 2_000_000) -> pd.DataFrame:
    """One row a method and touchpoint: how often 95% intervals held the truth."""
    rng = np.random.default_rng(seed)
    path, converted = from_chain(rng, large)
    rows = touchpoint_importance(log(path), _by_id(converted), n_boot=0).to_frame()
    truth = rows.set_index(["method", "touchpoint"])[["estimate", "share"]]
    removal = removal_truth()
    for j, value in enumerate(removal):
        truth.loc[("markov", f"t{j}")] = value, value / removal.sum()
    held = pd.DataFrame(0.0, index=truth.index, columns=["estimate", "share"])
    for replication in range(replications):
        path, converted = from_chain(rng, n)
        found = touchpoint_importance(log(path), _by_id(converted), n_boot=n_boot, random_state=replication)
        found_rows = found.to_frame().set_index(["method", "touchpoint"]).reindex(truth.index)
        held["estimate"] += (found_rows["conf_low"] <= truth["estimate"]) & (
            truth["estimate"] <= found_rows["conf_high"]
        )
        held["share"] += (found_rows["share_low"] <= truth["share"]) & (truth["share"] <= found_rows["share_high"])
    made = truth.reset_index()
    made["held"], made["share_held"] = (held / replications).to_numpy().T
    made.loc[made["share"].isna(), "share_held"] = np.nan
    ends = [wilson(value, replications) for value in made["held"]]
    made["low"], made["high"] = [low for low, _ in ends], [high for _, high in ends]
    return made


def false_calls(replications: int, n: int, n_boot: int, seed: int) -> pd.DataFrame:
    """One row a case and method: the share of touchpoints without effect that are called at q < 0.05, and at p < 0.05.

    Busier customers convert more often in some segments, and those who came earlier. In the last two cases t0 raises the log odds
    by 1 and six in ten go on from it to t1, which does nothing. Under "nothing matters" markov and shapley are judged as well.
    """
    rng = np.random.default_rng(seed)
    k = 8
    cases = {"nothing matters": (0.0, 0.0), "segment and time matter": (0.0, 0.0), "t0 matters": (1.0, 0.0)}
    cases["t0 matters, t1 follows it"] = (1.0, 0.6)
    rows = []
    for case, (effect, follows) in cases.items():
        calls: list[pd.DataFrame] = []
        for replication in range(replications):
            segment = rng.integers(0, 3, n)
            steps = np.full((k, k), 0.75 / k)
            steps[0] = (0.75 - follows) / k
            steps[0, 1] += follows
            path = np.full((n, 1), -1)
            for group, more in enumerate((0.8, 1.0, 1.15)):  # some segments meet more touchpoints
                own = np.column_stack(walks(rng, n, np.full(k, 1 / k), steps * more))
                width = max(path.shape[1], own.shape[1])
                path, own = (np.pad(x, ((0, 0), (0, width - x.shape[1])), constant_values=-1) for x in (path, own))
                path = np.where((segment == group)[:, None], own, path)
            first = rng.uniform(0, 300, n)
            told = 0.0 if case == "nothing matters" else 1.0
            odds = -1 + told * (0.8 * (segment - 1) + (150 - first) / 150) + effect * (path == 0).any(axis=1)
            converted = (rng.random(n) < special.expit(odds)).astype(int)
            found = touchpoint_importance(
                log(path, first), _by_id(converted), segment=_by_id(segment), n_boot=n_boot, random_state=replication,
                methods=("markov", "shapley", "lift") if case == "nothing matters" else ("lift",),
            ).to_frame()  # fmt: skip
            calls.append(found[found["touchpoint"] != "t0"] if effect else found)
        table = pd.concat(calls)
        for method, part in table.groupby("method", sort=False):
            follower = part[part["touchpoint"] == "t1"]
            rows.append(
                {
                    "case": case, "method": method, "tests": len(part), "called": (part["q_value"] < 0.05).mean(),
                    "p<0.05": (part["p_value"] < 0.05).mean(), "t1_called": (follower["q_value"] < 0.05).mean(),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def refits(n: int, n_boot: int, seed: int) -> pd.DataFrame:
    """One row a touchpoint: standard error and interval of lift in points, by two steps from the fit to all and by fitting each anew."""
    rng = np.random.default_rng(seed)
    path, converted = from_chain(rng, n)
    found = (
        touchpoint_importance(log(path), _by_id(converted), methods=("lift",), n_boot=n_boot)
        .to_frame()
        .set_index("touchpoint")
    )
    refitted = []
    for _ in range(n_boot):
        who = rng.integers(0, n, n)
        again = touchpoint_importance(log(path[who]), _by_id(converted[who]), methods=("lift",), n_boot=0).to_frame()
        refitted.append(again.set_index("touchpoint")["estimate"])
    table = pd.concat(refitted, axis=1)
    return pd.DataFrame(
        {
            "two_steps": found["std_error"], "refitted": table.std(axis=1), "low": found["conf_low"],
            "refitted_low": table.quantile(0.025, axis=1), "high": found["conf_high"],
            "refitted_high": table.quantile(0.975, axis=1),
        }
    )  # fmt: skip


def follower(replications: int, n: int, seed: int) -> pd.DataFrame:
    """One row a model of the outcome (linear, HC0): how often it calls a touchpoint that does nothing, p < .05, with Wilson's interval.

    Half meet a touchpoint that adds 0.5 to 2 standard deviations; six in ten of them, and two in ten of the others, go on to one
    that does nothing; three more are met by half each. `number` knows the touchpoint and how many were met, `all` which.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for effect in (0.5, 1.0, 2.0):
        called = {"number": 0, "all": 0}
        for _ in range(replications):
            matters = rng.random(n) < 0.5
            nothing = rng.random(n) < np.where(matters, 0.6, 0.2)
            met = np.column_stack([matters, nothing, rng.random((n, 3)) < 0.5]).astype(float)
            y = effect * met[:, 0] + rng.normal(size=n)
            one = np.ones(n)
            models = {
                "number": np.column_stack([one, met[:, 1], met.sum(axis=1)]),
                "all": np.column_stack([one, met[:, [1, 0, 2, 3, 4]]]),
            }
            for name, x in models.items():
                bread = np.linalg.inv(x.T @ x)
                beta = bread @ x.T @ y
                meat = (x * (y - x @ beta)[:, None] ** 2).T @ x
                called[name] += abs(beta[1]) > 1.959964 * np.sqrt((bread @ meat @ bread)[1, 1])
        for name, times in called.items():
            low, high = wilson(times / replications, replications)
            rows.append({"effect": effect, "model": name, "called": times / replications, "low": low, "high": high})
    return pd.DataFrame(rows)


def speed(n: int, n_boot: int, seed: int) -> pd.DataFrame:
    """One row a choice of methods: CPU seconds."""
    rng = np.random.default_rng(seed)
    k = 15
    path = np.column_stack(walks(rng, n, np.full(k, 1 / k), np.full((k, k), 0.9 / k)))
    events, outcome = log(path), _by_id(rng.integers(0, 2, n))
    segment = _by_id(rng.integers(0, 4, n))
    rows = []
    for methods in (("markov",), ("shapley",), ("lift",), ("markov", "shapley", "lift")):
        before = time.process_time()
        touchpoint_importance(events, outcome, segment=segment, methods=methods, n_boot=n_boot)
        rows.append({"methods": ", ".join(methods), "events": len(events), "cpu_seconds": time.process_time() - before})
    return pd.DataFrame(rows)


def _by_id(values: npt.NDArray[np.int64]) -> pd.Series:
    return pd.Series(values, index=np.arange(len(values)).astype(str), name="renewal")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("study", choices=["coverage", "false_calls", "follower", "refits", "speed"])
    parser.add_argument("--replications", type=int, default=200)
    parser.add_argument("--n", type=int, help="customers of a sample (2,000; for speed 20,000)")
    parser.add_argument("--n-boot", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    n = chosen.n or (20_000 if chosen.study == "speed" else 2_000)
    if chosen.study == "coverage":
        table = coverage(chosen.replications, n, chosen.n_boot, chosen.seed)
    elif chosen.study == "follower":
        table = follower(chosen.replications, chosen.n or 1_000, chosen.seed)
    elif chosen.study == "false_calls":
        table = false_calls(chosen.replications, n, chosen.n_boot, chosen.seed)
    else:
        table = (refits if chosen.study == "refits" else speed)(n, chosen.n_boot, chosen.seed)
    print(table.round(4).to_string())


if __name__ == "__main__":
    main()
