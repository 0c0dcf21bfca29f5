"""How fast are journeys, beside what somebody would write by hand with pandas, and beside the least that an engine must do?

    python benchmarks/journeys_speed.py                                    1,000,000 simulated events; about a minute
    python benchmarks/journeys_speed.py --events 5e6 --memory-limit 300MB  the whole chain while DuckDB may hold no more
    python benchmarks/journeys_speed.py --scale [--large]                  1, 5 and 10 (and 50) million events
    python benchmarks/journeys_speed.py --pm4py PYTHON                     also PM4Py, from an environment of its own

The questions: read a parquet file of shuffled rows and put it in order; every transition with its customers, share and median
wait; every variant; how many journeys a silence of 30 days makes; the transitions of each segment. Plain pandas sorts, shifts and
groups. It is timed three times: with all columns that ours gives (the 90th percentile of waits, and customers and waits of each
segment); with the columns asked for alone; and so with a loop that cuts one long list into variants instead of
`groupby().agg(tuple)`, which is what costs pandas most. All agree before the seconds are printed. The floor is DuckDB reading the
file and looking once at the next touchpoint of each event.

CPU seconds are those of the process, everything on one thread, the least of five runs that take turns; memory is the peak of a process
of its own above what it held when its libraries were loaded. Other work on the machine makes all of them longer: read the ratios.

Measured on 2026-12-01, one quiet machine, 998,906 events: 0.77 CPU s, .25 of plain pandas with all columns, .26 with the columns asked
for, .53 where variants are cut by a loop, 2.2 times the floor (.35 s); 156 MB, .37 of pandas. PM4Py 2.7.23.11 took 4.7 CPU s and 493 MB,
5.8 and 3.2 times as much. It was asked for the same, but for the split and the customers of transitions, and got its rows in order,
for which the time of sorting is in its seconds.

With all threads, from 1 to 50 million events: 1.46, 1.25 (5), 1.38 (10) and 1.65 (50) CPU s a million; 50 million took 68 s by the clock
and 5.3 GB. 5 million events pass in 5.5 CPU s while DuckDB may hold 300 MB.
"""

from __future__ import annotations

import argparse
import gc
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cxlab.data.engine import connect
from cxlab.journeys import reconstruct

TOUCHPOINTS = (
    "advert", "search", "landing page", "newsletter", "shop", "product page", "comparison", "basket", "checkout", "purchase",
    "welcome", "login", "use", "crash", "call", "chat", "complaint", "solution", "renewal", "termination",
)  # fmt: skip
SEGMENTS = ("retail", "small business", "corporate", "public")
STARTS = (0.55, 0.25, 0.10, 0.06, 0.04)  # of the first five touchpoints
DAY = 86_400
ROW_GROUP = 122_880
GAP = "30d"
RUNS = 5
ONE_THREAD = ["SET threads = 1"]  # of DuckDB: pandas has one, and two that wait for each other cost more than one

PM4PY = """
import pathlib, re, sys, time
import pandas as pd, pm4py
def held_most(): return int(re.search(r"VmHWM:\\s*(\\d+)", pathlib.Path("/proc/self/status").read_text())[1]) / 1024
held, seconds = held_most(), []
for _ in range(int(sys.argv[2])):
    start = time.process_time()
    rows = pd.read_parquet(sys.argv[1]).sort_values(["customer_id", "timestamp", "event_id"])
    log = pm4py.format_dataframe(rows, case_id="customer_id", activity_key="touchpoint", timestamp_key="timestamp")
    edges = pm4py.discover_dfg(log)[0]
    waits = pm4py.discover_performance_dfg(log)[0]
    variants = pm4py.get_variants(log)
    parts = {name: pm4py.discover_dfg(part)[0] for name, part in log.groupby("segment")}
    seconds.append(time.process_time() - start)
print(pm4py.__version__, len(edges), sum(edges.values()), len(variants), min(seconds), held_most() - held)
"""


def write_events(n_events: int, path: Path, seed: int = 7) -> int:
    """About so many events of customers who have ten each on average, in shuffled rows; how many there are.

    Each segment goes its own way between 20 touchpoints, mostly forward. One gap in eight is long (50 days on average), the others
    are short (2 days). An event is numbered as it happened, so that equal moments have an order.
    """
    rng = np.random.default_rng(seed)
    m, k = max(1, n_events // 10), len(TOUCHPOINTS)
    length = np.clip(rng.negative_binomial(4, 4 / 13, m) + 1, 1, 80)
    segment = rng.integers(0, len(SEGMENTS), m).astype("int8")
    first = np.cumsum(length) - length
    who = np.repeat(np.arange(m, dtype="int32"), length)
    touchpoint = np.zeros(len(who), dtype="int8")
    touchpoint[first] = np.searchsorted(np.cumsum(STARTS)[:-1], rng.random(m))
    ways = np.cumsum(_ways(rng, k), axis=2)
    for step in range(1, int(length.max())):
        goes_on = np.flatnonzero(length > step)
        here = first[goes_on] + step
        way = ways[segment[goes_on], touchpoint[here - 1]]
        touchpoint[here] = np.minimum((way < rng.random(len(here))[:, None]).sum(axis=1), k - 1)
    gap = rng.exponential(np.where(rng.random(len(who)) < 0.12, 50 * DAY, 2 * DAY))
    gap[first] = rng.integers(1_640_995_200, 1_672_531_200, m)  # a day of 2022
    since = np.cumsum(gap)
    moment = ((since - np.repeat(since[first] - gap[first], length)) * 1e6).astype("int64")
    row = rng.permutation(len(who))
    ids = pa.array([f"C{number:08d}" for number in range(m)])
    with pq.ParquetWriter(path, _SCHEMA) as file:
        for start in range(0, len(row), ROW_GROUP):
            here = row[start : start + ROW_GROUP]
            columns = [
                ids.take(pa.array(who[here])),
                pa.array(moment[here], pa.timestamp("us")),
                pa.array(TOUCHPOINTS).take(pa.array(touchpoint[here])),
                pa.array(SEGMENTS).take(pa.array(segment[who[here]])),
                pa.array(here),
            ]
            file.write_table(pa.table(columns, schema=_SCHEMA))
    return len(row)


_SCHEMA = pa.schema(
    {"customer_id": pa.string(), "timestamp": pa.timestamp("us"), "touchpoint": pa.string(), "segment": pa.string(),
     "event_id": pa.int64()}
)  # fmt: skip


def _ways(rng: np.random.Generator, k: int) -> np.ndarray:
    """The shares of the next touchpoint, for each segment and touchpoint: any, but mostly the one after or the same again."""
    weight = rng.gamma(0.25, 1, (len(SEGMENTS), k, k)) + 1e-3
    weight[:, np.arange(k), np.minimum(np.arange(k) + 1, k - 1)] += 3
    weight[:, np.arange(k), np.arange(k)] += 0.4
    shares: np.ndarray = weight / weight.sum(axis=2, keepdims=True)
    return shares


def ours(path: Path, settings: Sequence[str] = ()) -> dict[str, Any]:
    backend: Any = connect()
    for setting in settings:
        backend.raw_sql(setting)
    log = reconstruct(path, segment="segment", engine=backend)
    return {
        "edges": log.transitions(),
        "variants": log.variants(),
        "journeys": log.split(GAP).n_journeys,
        "matrix": log.transitions("segment"),
    }


def plain(path: Path, *, all_columns: bool = False, loop: bool = False) -> dict[str, Any]:
    """The same answers as somebody would write them with pandas."""
    rows = pd.read_parquet(path)
    rows = rows.sort_values(["customer_id", "timestamp", "event_id"], ignore_index=True)
    same = rows["customer_id"] == rows["customer_id"].shift(-1)
    rows["next"] = rows["touchpoint"].shift(-1).where(same)
    rows["wait"] = (rows["timestamp"].shift(-1) - rows["timestamp"]).where(same)
    steps = rows.dropna(subset=["next"])
    edges = _edges(steps, ["touchpoint", "next"], all_columns)
    if loop:
        begins = np.flatnonzero(np.append(True, ~same.to_numpy()[:-1])).tolist()
        labels = rows["touchpoint"].tolist()
        paths = [tuple(labels[at:end]) for at, end in zip(begins, [*begins[1:], len(labels)], strict=True)]
    else:
        paths = rows.groupby("customer_id")["touchpoint"].agg(tuple).tolist()
    return {
        "edges": edges,
        "variants": Counter(map(tuple, paths)),
        "journeys": len(paths) + int((rows["wait"] > pd.Timedelta(days=30)).sum()),
        "matrix": _edges(steps, ["segment", "touchpoint", "next"], True)
        if all_columns
        else pd.crosstab([steps["segment"], steps["touchpoint"]], steps["next"], normalize="index"),
    }


def _edges(steps: pd.DataFrame, keys: list[str], all_columns: bool) -> pd.DataFrame:
    groups = steps.groupby(keys)
    edges = groups.agg(n=("wait", "size"), customers=("customer_id", "nunique"), median_wait=("wait", "median"))
    edges["share"] = edges["n"] / edges.groupby(keys[:-1])["n"].transform("sum")
    if all_columns:
        edges["slow_wait"] = groups["wait"].quantile(0.9)
    return edges


def floor(path: Path, settings: Sequence[str] = ()) -> None:
    following = "lead(touchpoint) OVER (PARTITION BY customer_id ORDER BY timestamp, event_id)"
    connection: Any = connect()
    for setting in settings:
        connection.raw_sql(setting)
    connection.raw_sql(
        f"SELECT count(*) FILTER (nx = touchpoint) FROM (SELECT touchpoint, {following} AS nx FROM '{path}')"
    ).fetchall()


def check_equal(found: dict[str, Any], reference: dict[str, Any]) -> None:
    """Raises AssertionError where the two give another answer."""
    _check_edges(found["edges"].set_index(["from_touchpoint", "to_touchpoint"]), reference["edges"])
    assert dict(zip(found["variants"]["variant"], found["variants"]["n"], strict=True)) == dict(reference["variants"])
    assert found["journeys"] == reference["journeys"]
    matrix = found["matrix"].set_index(["segment", "from_touchpoint", "to_touchpoint"])
    if "n" in reference["matrix"].columns:
        _check_edges(matrix, reference["matrix"])
    else:
        shares = matrix["share"].unstack(fill_value=0.0).sort_index()
        np.testing.assert_allclose(shares, reference["matrix"].sort_index(), atol=1e-12)


def _check_edges(edges: pd.DataFrame, by_hand: pd.DataFrame) -> None:
    edges, by_hand = edges.sort_index(), by_hand.sort_index()
    assert edges.index.tolist() == by_hand.index.tolist()
    assert edges["n"].tolist() == by_hand["n"].tolist()
    assert edges["customers"].tolist() == by_hand["customers"].tolist()
    np.testing.assert_allclose(edges["share"], by_hand["share"], rtol=1e-12)
    for wait in {"median_wait", "slow_wait"} & set(by_hand):
        apart = edges[wait].to_numpy() - by_hand[wait].to_numpy()
        assert (np.abs(apart) <= np.timedelta64(1, "us")).all(), (
            wait
        )  # parts of a microsecond: rounded here, cut off there


def cpu_seconds(tasks: dict[str, Callable[[], Any]], runs: int = RUNS) -> dict[str, list[float]]:
    """CPU seconds of each task, one after the other in every run, so that a busy machine is busy for all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(runs):
        for name, task in tasks.items():
            gc.collect()
            start = time.process_time()
            task()
            seconds[name].append(time.process_time() - start)
    return seconds


def held_most() -> float:
    """The most memory that this process has held so far, MB. Linux hands `ru_maxrss` on to a child, so it is not asked there."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.findall(r"VmHWM:\s*(\d+)", status.read_text())[0]) / 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1024**2 if sys.platform == "darwin" else 1024)


def alone(part: str, path: Path, settings: Sequence[str] = ()) -> tuple[float, float, float]:
    """CPU seconds, MB above start and seconds by the clock of one part in a process of its own."""
    command = [sys.executable, __file__, "--alone", part, "--path", str(path), "--settings", *settings]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        raise RuntimeError(f"{part} failed: {made.stderr.strip()[-800:]}")
    seconds, memory, lasted = json.loads(made.stdout)
    return seconds, memory, lasted


def run_alone(part: str, path: Path, settings: Sequence[str]) -> None:
    warm = connect()  # the engine's own start is no part of either
    warm.raw_sql("SELECT 1")
    held, start, begun = held_most(), time.process_time(), time.perf_counter()
    answers = ours(path, settings) if part == "ours" else plain(path)
    print(json.dumps([time.process_time() - start, held_most() - held, time.perf_counter() - begun]))
    del answers


def beside(path: Path, n: int, pm4py: str | None) -> None:
    references: dict[str, dict[str, bool]] = {
        "plain pandas, all columns": {"all_columns": True},
        "plain pandas, columns asked for": {},
        "plain pandas, variants by a loop": {"loop": True},
    }
    found = ours(path, ONE_THREAD)
    for options in references.values():
        check_equal(found, plain(path, **options))
    del found
    tasks = {"ours": lambda: ours(path, ONE_THREAD), "floor": lambda: floor(path, ONE_THREAD)}
    tasks |= {name: lambda options=options: plain(path, **options) for name, options in references.items()}  # type: ignore[misc]
    spent = cpu_seconds(tasks)
    mine = spent.pop("ours")
    own = min(mine)
    print(f"{n:,} events: {own:.2f} CPU s; the answers are equal")
    for name, seconds in spent.items():
        in_turn = np.median(np.divide(mine, seconds))
        print(f"  {name}: {min(seconds):.2f}, ratio {own / min(seconds):.2f}, median of the runs {in_turn:.2f}")
    memory, memory_by_hand = alone("ours", path, ONE_THREAD)[1], alone("plain", path)[1]
    print(
        f"  memory: {memory:.0f} MB, plain pandas {memory_by_hand:.0f}, ratio {memory / memory_by_hand:.2f}", flush=True
    )
    if pm4py:
        version, crossed, steps, variants, taken, _ = _other(pm4py, path, 3)
        theirs = float(_other(pm4py, path, 1)[-1])
        print(
            f"  PM4Py {version}: {float(taken):.1f} CPU s, ours 1/{float(taken) / own:.1f}; {theirs:.0f} MB, ours "
            f"1/{theirs / memory:.1f}; {crossed} edges, {int(steps):,} transitions, {int(variants):,} variants"
        )


def _other(python: str, path: Path, runs: int) -> list[str]:
    """What PM4Py says of itself in the last line, below its greeting."""
    command = [python, "-c", PM4PY, str(path), str(runs)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        raise RuntimeError(f"pm4py failed: {made.stderr.strip()[-800:]}")
    return made.stdout.splitlines()[-1].split()


def scale(sizes: Sequence[int], folder: Path) -> None:
    for size in sizes:
        path = folder / f"{size}.parquet"
        start = time.perf_counter()
        n = write_events(size, path)
        written = f"written in {time.perf_counter() - start:.0f} s, {path.stat().st_size / 1e6:.0f} MB of disk"
        seconds, memory, lasted = alone("ours", path)
        each = f"{seconds:.1f} CPU s, {1e6 * seconds / n:.2f} a million, {lasted:.0f} s, {memory:.0f} MB"
        print(f"{n:,} events: {each}; {written}", flush=True)
        path.unlink()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=float, default=1e6)
    parser.add_argument("--memory-limit", help="of DuckDB, as 300MB: only ours, which then spills to disk")
    parser.add_argument("--scale", action="store_true", help="cost for each million of 1, 5 and 10 million events")
    parser.add_argument("--large", action="store_true", help="with --scale: 50 million as well (about 3 GB of disk)")
    parser.add_argument("--pm4py", metavar="PYTHON", help="the interpreter of an environment that has pm4py")
    parser.add_argument("--alone", choices=["ours", "plain"], help=argparse.SUPPRESS)
    parser.add_argument("--path", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--settings", nargs="*", default=[], help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.alone:
        run_alone(given.alone, given.path, given.settings)
        return
    with tempfile.TemporaryDirectory(prefix="cxlab-journeys-") as name:
        folder = Path(name)
        if given.scale:
            scale([1_000_000, 5_000_000, 10_000_000, *([50_000_000] if given.large else [])], folder)
            return
        path = folder / "events.parquet"
        n = write_events(int(given.events), path)
        if given.memory_limit:
            limits = [f"SET memory_limit = '{given.memory_limit}'", f"SET temp_directory = '{folder / 'spill'}'"]
            seconds, memory, lasted = alone("ours", path, limits)
            print(f"{n:,} events within {given.memory_limit}: {seconds:.1f} CPU s, {lasted:.0f} s, {memory:.0f} MB")
            return
        beside(path, n, given.pm4py)


if __name__ == "__main__":
    main()
