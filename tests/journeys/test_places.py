"""DuckDB's shorter ways (rows in their places, sets of customers) give what the general ones give."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from cxlab.data.engine import connect
from cxlab.data.portable import keeps_places
from cxlab.journeys import Journeys, edges, reconstruct


def events(m: int = 150, seed: int = 3) -> pd.DataFrame:
    """Shuffled, with ties in time and in number, ends, missing cells, two segments of which one is known on some rows only."""
    rng = np.random.default_rng(seed)
    length = rng.integers(1, 12, m)
    who = np.repeat(np.arange(m), length)
    n = len(who)
    moment = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 40, n) * 2.5, unit="D")
    frame = pd.DataFrame(
        {
            "customer_id": [f"{number:x}é" if number else "NA" for number in who],
            "timestamp": moment.astype("datetime64[us]"),
            "touchpoint": rng.choice(["ad", "Ärger", "buy", "call"], n, p=[0.4, 0.1, 0.3, 0.2]),
            "event_id": rng.integers(0, 9, n).astype(str),
            "end_timestamp": (moment + pd.to_timedelta(rng.integers(0, 5, n), unit="h")).astype("datetime64[us]"),
            'the "plan"': np.where(rng.random(n) < 0.5, np.array(["basic", "plus"], dtype=object)[who % 2], np.nan),
            "country": np.array(["AT", "DE", None], dtype=object)[who % 3],
        }
    )
    frame.loc[frame["customer_id"] == "5é", "country"] = np.resize(
        ["DE", "AT"], (frame["customer_id"] == "5é").sum()
    )  # a conflict
    for column in ("customer_id", "touchpoint", "timestamp", "end_timestamp", "event_id"):
        frame.loc[rng.choice(n, 6, replace=False), column] = None
    return frame.sample(frac=1, random_state=seed, ignore_index=True)


SEGMENTS = ['the "plan"', "country"]
QUESTIONS: dict[str, Callable[[Journeys], Any]] = {
    "events": lambda log: log.to_frame(),
    "the table": lambda log: log.table.order_by("c", "pos").to_pandas(),
    "customers": lambda log: log.segments,
    "touchpoints": lambda log: pd.Series(log.names),
    "transitions": lambda log: log.transitions(),
    "transitions of segments": lambda log: log.transitions('the "plan"'),
    "variants": lambda log: log.variants(),
    "variants of segments": lambda log: log.variants("country"),
    "journeys": lambda log: log.split("5d", begins=["ad"], ends=["call"]).variants("country"),
    "without one touchpoint": lambda log: log.only(["ad", "buy", "call"]).transitions("country"),
    "times": lambda log: log.times(),
}


def in_windows() -> Any:
    """DuckDB that may put rows anywhere, so that it has to be asked as other engines are."""
    backend: Any = connect()
    backend.raw_sql("SET preserve_insertion_order = false")
    return backend


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("threads", [1, 2])
def test_rows_in_their_places_and_windows_have_the_same_answers(question: str, threads: int) -> None:
    rows = events()
    here = reconstruct(rows, segment=SEGMENTS, engine=f"duckdb://?threads={threads}")
    there = reconstruct(rows, segment=SEGMENTS, engine=in_windows())
    assert here.in_places
    assert not there.in_places
    pd.testing.assert_frame_equal(
        pd.DataFrame(QUESTIONS[question](here)), pd.DataFrame(QUESTIONS[question](there)), check_exact=True
    )


def test_a_database_that_does_not_keep_the_order_of_rows_is_not_read_by_place() -> None:
    assert keeps_places(connect())
    assert not keeps_places(in_windows())


def test_a_table_in_memory_of_ibis_is_put_in_order_as_well() -> None:
    rows = pd.DataFrame(
        {
            "customer_id": ["a", "b", "a"],
            "timestamp": pd.to_datetime(["2026-01-02", "2026-01-01", "2026-01-01"]),
            "touchpoint": ["buy", "ad", "ad"],
        }
    )
    log = reconstruct(ibis.memtable(rows), engine=connect())
    assert log.variants()["variant"].tolist() == [("ad",), ("ad", "buy")]


@pytest.mark.parametrize("settings", ["true", "false"])
def test_of_two_events_alike_in_all_else_the_one_that_ends_first_comes_first(settings: str) -> None:
    backend: Any = connect()
    backend.raw_sql(f"SET preserve_insertion_order = {settings}")
    rows = pd.DataFrame(
        {
            "customer_id": "a",
            "timestamp": pd.Timestamp("2026-01-01"),
            "touchpoint": "call",
            "event_id": 1,
            "end_timestamp": pd.to_datetime([f"2026-01-{day:02}" for day in (5, 2, 9, 3, 7, 4, 8, 6)]),
        }
    )
    assert reconstruct(rows, engine=backend).to_frame()["end_timestamp"].dt.day.tolist() == [2, 3, 4, 5, 6, 7, 8, 9]


def test_a_parquet_file_of_several_row_groups_is_put_in_order_by_two_threads(tmp_path: Path) -> None:
    # 300,000 rows are more than one row group of DuckDB: a customer's events lie on both sides of its border
    m, k = 60_000, 5
    who, step = np.repeat(np.arange(m), k), np.tile(np.arange(k), m)
    rows = pd.DataFrame(
        {
            "customer_id": pd.Series(who).astype(str).str.zfill(6),
            "timestamp": pd.Timestamp("2026-01-01") + pd.to_timedelta(step, unit="D"),
            "touchpoint": np.array(list("abcde"))[step],
            "event_id": 0,
        }
    )
    path = tmp_path / "rows.parquet"
    rows.sample(frac=1, random_state=1).to_parquet(path, row_group_size=20_000)
    log = reconstruct(path, engine="duckdb://?threads=2")
    assert log.variants()["variant"].tolist() == [tuple("abcde")]
    placed = log.table.mutate(place=log.table.rowid()).to_pandas().sort_values("place")
    assert (placed["c"].to_numpy() == who).all()
    assert (placed["pos"].to_numpy() == step).all()


def test_customers_of_an_edge_are_counted_alike_where_their_sets_would_be_too_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = events()
    by_sets = reconstruct(rows, segment=SEGMENTS)
    whole, parts = by_sets.transitions(), by_sets.transitions("country")
    some = by_sets.only(customers=by_sets.people.filter(by_sets.people.c % 3 == 1))
    third = some.transitions("country")
    assert by_sets._sets is not None
    assert some._sets is not None
    monkeypatch.setattr(edges, "MOST_BITS", 0)
    by_rows = reconstruct(rows, segment=SEGMENTS)
    pd.testing.assert_frame_equal(whole, by_rows.transitions(), check_exact=True)
    pd.testing.assert_frame_equal(parts, by_rows.transitions("country"), check_exact=True)
    again = by_rows.only(customers=by_rows.people.filter(by_rows.people.c % 3 == 1))
    pd.testing.assert_frame_equal(third, again.transitions("country"), check_exact=True)
    assert by_rows._sets is None


@pytest.mark.parametrize("kinds", [1, 3, 40, 32_767])
def test_variants_are_in_the_order_of_tuples_whatever_the_number_of_touchpoints(kinds: int) -> None:
    rng = np.random.default_rng(kinds)
    for longest in (2, 6, 30, 150):
        length = rng.integers(1, longest, 80)
        flat = rng.integers(kinds - min(kinds, 3), kinds, length.sum()).astype("int16")
        start = (np.cumsum(length) - length)[shuffled := rng.permutation(80)]
        words = [tuple(flat[at : at + k]) for at, k in zip(start, length[shuffled], strict=True)]
        order = edges._alphabetical(flat, start, length[shuffled])
        assert order.tolist() == sorted(range(80), key=words.__getitem__)  # a beginning is before what begins so
