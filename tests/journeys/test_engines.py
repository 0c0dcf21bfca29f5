"""The same questions have the same answers on DuckDB, PostgreSQL and Spark."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxlab.data.engine import connect
from cxlab.data.portable import upload
from cxlab.journeys import Journeys, customer_journeys, reconstruct

PLACES = ("ad", "landing", "cart", "purchase", "help", "Übergabe", "renewal", "exit")
RULES = [
    "help is followed by renewal within 3d",
    "cart is directly followed by purchase",
    "cart happens before purchase",
    "starts with ad",
    "ends with exit",
    "help happens at most 1 time",
    "cart happens at least 1 time",
    "exit never happens after renewal",
    "help and exit never happen together",
    "ad never happens",
]


def events(m: int = 300, seed: int = 5) -> pd.DataFrame:
    """Shuffled events with ties, missing cells, fractions of a second, an id "NA", numbers as text and a segment."""
    rng = np.random.default_rng(seed)
    length = rng.integers(1, 14, m)
    customer = np.repeat(np.arange(m), length)
    n = len(customer)
    wait = rng.exponential(5 * 86_400e6, n).astype("int64") * (rng.random(n) > 0.15)
    since = np.cumsum(wait)
    first = np.repeat(np.cumsum(length) - length, length)
    moments = pd.to_datetime(1_767_225_600_000_000 + since - since[first], unit="us", utc=True)
    frame = pd.DataFrame(
        {
            "customer_id": [f"C{number:04d}" if number else "NA" for number in customer],
            "timestamp": moments,
            "touchpoint": rng.choice(PLACES, n, p=[0.2, 0.2, 0.15, 0.1, 0.15, 0.08, 0.07, 0.05]),
            "plan": np.array(["basic", "plus"])[customer % 2],
            "event_id": np.arange(n).astype(str),
        }
    )
    frame.loc[rng.choice(n, 12, replace=False), "touchpoint"] = None
    frame.loc[rng.choice(n, 5, replace=False), "customer_id"] = None
    return frame.sample(frac=1, random_state=seed).reset_index(drop=True)


QUESTIONS: dict[str, Callable[[Journeys], pd.DataFrame]] = {
    "quality": lambda log: log.quality(),
    "transitions": lambda log: log.transitions(),
    "transitions with ends, by segment": lambda log: log.split("10d").transitions("plan", ends=True, closing=["exit"]),
    "variants": lambda log: log.variants(),
    "variants of journeys, by segment": lambda log: log.split("10d").variants("plan"),
    "durations": lambda log: log.split("10d").durations(),
    "reach": lambda log: log.reach("plan"),
    "compare": lambda log: log.compare("plan"),
    "funnel": lambda log: log.funnel(["ad", "cart", "purchase"], within="30d", by="plan"),
    "step matrix": lambda log: log.step_matrix("cart", by="plan"),
    "flow": lambda log: log.flow("cart"),
    "precedence": lambda log: log.precedence(),
    "loops": lambda log: log.split("10d").loops(),
    "times": lambda log: log.times(),
    "waits": lambda log: log.waits(),
    "gaps": lambda log: log.n_journeys_at(["1h", "10d"]),
    "stages": lambda log: log.stages({"ad": "a", "landing": "a", "cart": "b", "exit": "c"}).transitions(ends=True),
    "sessions": lambda log: log.split("20d").sessions("2d", begins=["ad"], ends=["purchase"]).transitions(),
    "rules": lambda log: pd.DataFrame(log.split("10d").conform(RULES)),
    "deviations": lambda log: log.conform(RULES).deviations,
    "the events in order": lambda log: log.split("10d").to_frame(),
}


def assert_equal_to_duckdb(url: str) -> None:
    rows = events()
    backend: Any = connect(url)
    ours, theirs = reconstruct(rows, segment="plan"), reconstruct(rows, segment="plan", engine=backend)
    for name, ask in QUESTIONS.items():
        pd.testing.assert_frame_equal(ask(theirs), ask(ours), obj=f"{name} on {backend.name}")


def assert_equal_page(url: str) -> None:
    """The page of 02 from a table of the engine, with segments of 01."""
    rows = events(120)
    known = rows.dropna(subset=["customer_id", "touchpoint"])
    touchpoints = pd.DataFrame(
        {
            "touchpoint": PLACES,
            "label": PLACES,
            "owner": "Sales",
            "stage": ["know"] * 2 + ["buy"] * 2 + ["use"] * 3 + ["leave"],
        }
    )
    members = known[["customer_id", "plan"]].drop_duplicates("customer_id").rename(columns={"plan": "segment"})
    members = members.assign(segment_id=members["segment"])
    backend: Any = connect(url)
    moments = known["timestamp"].dt.tz_localize(None).astype("datetime64[us]")
    table = upload(backend, known.assign(timestamp=moments))
    theirs = customer_journeys(table, touchpoints, rules=RULES[:3], membership=members)
    ours = customer_journeys(known, touchpoints, rules=RULES[:3], membership=members)
    assert theirs.headline() == ours.headline()
    assert theirs.sentences() == ours.sentences()
    for name in ("stages", "handovers", "rules", "variants", "segments", "segment_stages", "lengths"):
        pd.testing.assert_frame_equal(getattr(theirs, name), getattr(ours, name), obj=f"{name} on {backend.name}")


# ---------------------------------------------------------------------------------------------------------- PostgreSQL


def _as_postgres(command: list[str]) -> list[str]:
    """The server refuses to run as root; Debian's package brings a user for it."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server: that of CXLAB_TEST_POSTGRES, else one started from Debian's package for these tests."""
    pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")
    if url := os.environ.get("CXLAB_TEST_POSTGRES"):
        yield url
        return
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")) or [
        Path(p) for p in (shutil.which("pg_ctl"),) if p
    ]
    if not found:
        pytest.skip("there is no PostgreSQL server; Debian: apt-get install postgresql")
    programs, folder = (
        found[-1].parent,
        Path(tempfile.mkdtemp(prefix="cxlab-postgres-")),
    )  # its user may not enter pytest's folders
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data, options = folder / "data", f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"

    def run(*command: str) -> None:
        made = subprocess.run(_as_postgres(list(command)), capture_output=True, text=True, cwd=folder, check=False)
        if made.returncode:
            pytest.fail(f"{command[0]} failed: {made.stderr[-600:]}")

    run(
        str(programs / "initdb"),
        "-D",
        str(data),
        "-A",
        "trust",
        "-U",
        "cx",
        "--no-sync",
        "-E",
        "UTF8",
        "--locale",
        "C.UTF-8",
    )
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    start = [str(programs / "pg_ctl"), "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start"]
    if subprocess.run(_as_postgres(start), cwd=folder, check=False, **quiet).returncode:  # type: ignore[call-overload]
        pytest.fail(f"the server did not start: {(folder / 'log').read_text()[-600:]}")
    try:
        yield f"postgres://cx@127.0.0.1:{port}/postgres"
    finally:
        run(str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def test_postgres_gives_the_same_answers(postgres: str) -> None:
    assert_equal_to_duckdb(postgres)


def test_the_page_of_a_log_in_postgres_is_the_same(postgres: str) -> None:
    assert_equal_page(postgres)


# --------------------------------------------------------------------------------------------------------------- Spark


@pytest.fixture(scope="module")
def spark() -> Iterator[str]:
    pytest.importorskip("pyspark", reason="the extra `spark` is not installed")
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        pytest.skip("there is no Java")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        backend: Any = connect("pyspark://local[2]")
        yield "pyspark://local[2]"
        backend.disconnect()


@pytest.mark.spark
def test_spark_gives_the_same_answers(spark: str) -> None:
    assert_equal_to_duckdb(spark)


@pytest.mark.spark
def test_the_page_of_a_log_in_spark_is_the_same(spark: str) -> None:
    assert_equal_page(spark)
