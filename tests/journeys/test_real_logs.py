"""All ten real logs: the same figures as plain pandas finds, whatever the order of rows and the clock of the machine."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxlab.journeys import Journeys, reconstruct

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "journeys"
LOGS = (
    "bpic2012", "cdnow", "helpdesk", "patients", "receipt", "rete_ecom", "running_example", "sepsis", "teleclaims", "traffic_fines",
)  # fmt: skip
pytestmark = pytest.mark.realdata


def rows_of(name: str) -> pd.DataFrame:
    path = DATA / f"{name}.parquet"
    if not path.exists():
        pytest.skip(f"the shared real data lacks journeys/{name}.parquet")
    return pd.read_parquet(path)


def plain(rows: pd.DataFrame) -> pd.DataFrame:
    """The log in order by another route: text ids, a stable sort, and shifts."""
    known = rows.dropna(subset=["customer_id", "timestamp", "touchpoint"])
    known = known.assign(
        customer_id=known["customer_id"].astype(str), timestamp=pd.to_datetime(known["timestamp"], utc=True)
    )
    number = pd.to_numeric(known["event_id"])
    known = known.assign(number=number).sort_values(
        ["customer_id", "timestamp", "number"], kind="stable", ignore_index=True
    )
    same = known["customer_id"] == known["customer_id"].shift(-1)
    return known.assign(
        next=known["touchpoint"].shift(-1).where(same),
        wait=(known["timestamp"].shift(-1) - known["timestamp"]).where(same),
    )


def same_edges(found: Journeys, reference: pd.DataFrame) -> None:
    table = found.transitions().set_index(["from_touchpoint", "to_touchpoint"]).sort_index()
    edges = reference.dropna(subset=["next"]).groupby(["touchpoint", "next"])
    assert table["n"].tolist() == edges.size().tolist()
    assert table.index.tolist() == edges.size().index.tolist()
    assert table["customers"].tolist() == edges["customer_id"].nunique().tolist()
    waits = edges["wait"].median().dt.total_seconds().to_numpy()
    np.testing.assert_allclose(table["median_wait"].dt.total_seconds().to_numpy(), waits, atol=2e-6)


@pytest.mark.parametrize("name", LOGS)
def test_a_real_log_has_the_figures_that_plain_pandas_finds(name: str) -> None:
    rows = rows_of(name)
    found, reference = reconstruct(rows), plain(rows)
    assert (found.n_events, found.n_customers) == (len(reference), reference["customer_id"].nunique())
    assert found.touchpoints == sorted(reference["touchpoint"].unique())
    same_edges(found, reference)
    paths = Counter(tuple(part) for _, part in reference.groupby("customer_id")["touchpoint"])
    assert found.variants().set_index("variant")["n"].to_dict() == paths
    assert found.split("30d").n_journeys == found.n_customers + (reference["wait"] > pd.Timedelta("30D")).sum()
    assert found.counts["ties"] == (reference["wait"] == pd.Timedelta(0)).sum()
    span = reference.groupby("customer_id")["timestamp"].agg(lambda moments: moments.max() - moments.min())
    assert found.durations().set_index("customer_id")["duration"].dt.total_seconds().to_dict() == pytest.approx(
        span.dt.total_seconds().to_dict(), abs=2e-6
    )


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The clock of a machine in India, five and a half hours ahead."""
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("name", LOGS)
def test_neither_the_order_of_rows_nor_the_clock_of_the_machine_changes_a_log(
    name: str, elsewhere: None, tmp_path: Path
) -> None:
    rows = rows_of(name)
    shuffled = rows.sample(frac=1, random_state=3)
    shuffled.to_parquet(tmp_path / "shuffled.parquet", index=False)
    first = reconstruct(rows)
    for other in (reconstruct(shuffled), reconstruct(tmp_path / "shuffled.parquet")):
        pd.testing.assert_frame_equal(other.transitions(), first.transitions())
        pd.testing.assert_frame_equal(other.variants(), first.variants())
        pd.testing.assert_frame_equal(other.split("30d").durations(), first.split("30d").durations())
        assert other.counts["ties"] == first.counts["ties"]
