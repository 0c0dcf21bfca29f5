"""After how long a silence does a new journey begin? Counts by hand, planted kinds of waits, and waits of one kind."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from cxlab.inference.intervals import wilson
from cxlab.journeys.gaps import GAPS, GapDiagnostic, gap_diagnostic, wait_histogram

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "journeys"
MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0


def counted(found: GapDiagnostic, gap: str, column: str = "journeys") -> Any:
    return found.to_frame().set_index("gap").loc[pd.Timedelta(gap), column]


def planted(seed: int, n: int, within: float = 0.7) -> np.ndarray:
    """Waits within journeys around 5 minutes (two thirds within a factor of 3.3), between journeys around 12 days (2.7)."""
    rng = np.random.default_rng(seed)
    logs = np.where(rng.random(n) < within, rng.normal(math.log(300), 1.2, n), rng.normal(math.log(12 * DAY), 1.0, n))
    return np.exp(logs)


def truth(within: float = 0.7) -> float:
    """Where the planted kinds are as likely, in seconds."""

    def more(x: float) -> float:
        return (
            math.log((1 - within) / within) + norm.logpdf(x, math.log(12 * DAY), 1) - norm.logpdf(x, math.log(300), 1.2)
        )

    return math.exp(brentq(more, math.log(300), math.log(12 * DAY)))


def test_journeys_at_each_gap_are_customers_and_the_waits_that_are_longer() -> None:
    # 3 customers; waits of 0, 30 min, 1 h, 1 h, 5 h, 1 d, 30 d and 31 d: a wait of exactly the gap does not part
    waits = [0, 30 * MINUTE, HOUR, HOUR, 5 * HOUR, DAY, 30 * DAY, 31 * DAY]
    found = gap_diagnostic(wait_histogram(waits), customers=3)
    journeys = {gap: counted(found, gap) for gap in ("1h", "4h", "6h", "1D", "21D", "30D", "45D")}
    assert journeys == {"1h": 7, "4h": 7, "6h": 6, "1D": 5, "21D": 5, "30D": 4, "45D": 3}
    assert counted(found, "1D", "per_customer") == pytest.approx(5 / 3)
    assert counted(found, "1D", "estimate") == pytest.approx(100 * 2 / 8)
    low, high = wilson(2 / 8, 8)
    assert [counted(found, "1D", "conf_low"), counted(found, "1D", "conf_high")] == pytest.approx(
        [100 * low, 100 * high]
    )
    assert (found.n_waits, found.zero_waits) == (8, 1)
    assert found.to_frame()["exact"].all()
    assert found.to_frame()["gap"].tolist() == list(GAPS)


def test_every_wait_is_in_one_bin() -> None:
    waits = planted(0, 5_000)
    table = wait_histogram([*waits, 0, 0])
    assert table["n"].sum() == 5_002
    assert table["n"].iloc[0] == 2
    assert table["log_low"].iloc[0] == -math.inf
    edges = table.iloc[1:]
    inside = [
        ((np.log(waits) > low) & (np.log(waits) <= high)).sum()
        for low, high in zip(edges["log_low"], edges["log_high"], strict=True)
    ]
    assert edges["n"].tolist() == inside


def test_the_table_is_that_of_the_waits_themselves_at_every_gap() -> None:
    waits = np.concatenate([planted(1, 3_000), np.repeat([gap.total_seconds() for gap in GAPS], 3)])
    found = gap_diagnostic(wait_histogram(waits), customers=100)
    for row in found.to_frame().to_dict("records"):
        assert row["journeys"] == 100 + (waits > row["gap"].total_seconds()).sum()


def test_a_gap_within_a_bin_is_interpolated_and_says_so() -> None:
    # 10 waits between e^8 and e^9 seconds: half of the bin lies above e^8.5
    waits = pd.DataFrame({"log_low": [8.0], "log_high": [9.0], "n": [10]})
    gap = pd.Timedelta(seconds=math.exp(8.5))
    row = gap_diagnostic(waits, customers=1, gaps=[gap]).to_frame().iloc[0]
    assert row["journeys"] == pytest.approx(6, abs=1e-6)
    assert not row["exact"]


@pytest.mark.parametrize("within", [0.5, 0.7, 0.9])
@pytest.mark.parametrize("n", [400, 4_000, 40_000])
def test_planted_waits_within_and_between_are_parted_within_a_factor_of_two(n: int, within: float) -> None:
    found = [gap_diagnostic(wait_histogram(planted(seed, n, within)), customers=50, n_boot=40) for seed in range(5)]
    ratios = [one.suggestion["estimate"].iloc[0] * DAY / truth(within) for one in found]
    assert all(0.5 < ratio < 2 for ratio in ratios)
    assert all(one.suggestion["reason"].iloc[0] == "" for one in found)


def test_the_kinds_are_the_planted_ones() -> None:
    kinds = gap_diagnostic(wait_histogram(planted(2, 50_000)), customers=50, n_boot=40).kinds.set_index("kind")
    assert kinds.loc["within", "share"] == pytest.approx(0.7, abs=0.01)
    assert kinds.loc["within", "median"].total_seconds() == pytest.approx(300, rel=0.03)
    assert kinds.loc["between", "median"].total_seconds() == pytest.approx(12 * DAY, rel=0.03)
    assert kinds["factor"].tolist() == pytest.approx([math.exp(1.2), math.e], rel=0.03)


def test_the_interval_holds_the_crossing_nineteen_times_in_twenty() -> None:
    held = []
    for seed in range(60):
        row = gap_diagnostic(
            wait_histogram(planted(1_000 + seed, 1_500)), customers=50, n_boot=100, random_state=seed
        ).suggestion.iloc[0]
        held.append(row["conf_low"] * DAY <= truth() <= row["conf_high"] * DAY)
        assert row["std_error"] > 0
    # 60 coverages of 95% have a standard error of 2.8 points, percentiles of 100 resamples miss by about one more
    assert np.mean(held) > 0.95 - 3 * 0.028 - 0.01


ONE_KIND = {
    "lognormal": lambda rng, n: np.exp(rng.normal(11, 2, n)),
    "exponential": lambda rng, n: rng.exponential(5 * DAY, n),
    "gamma": lambda rng, n: rng.gamma(0.3, 20 * DAY, n),
    "weibull": lambda rng, n: DAY * rng.weibull(0.5, n),
    "pareto": lambda rng, n: MINUTE * (1 + rng.pareto(1, n)),
    "heavy tails": lambda rng, n: np.exp(11 + 1.2 * rng.standard_t(3, n)),
    "even in logarithms": lambda rng, n: np.exp(rng.uniform(5, 15, n)),
    "whole days": lambda rng, n: np.ceil(rng.exponential(6, n)) * DAY,
    "whole seconds": lambda rng, n: np.ceil(rng.exponential(6, n)),
}


@pytest.mark.parametrize("n", [200, 2_000])
@pytest.mark.parametrize("family", ONE_KIND)
def test_waits_of_one_kind_give_no_gap(family: str, n: int) -> None:
    # a rate of 2% gives 3 false ones in 20 less than once in a hundred times
    rng = np.random.default_rng(17)
    waits = [ONE_KIND[family](rng, n) for _ in range(20)]
    found = [
        gap_diagnostic(wait_histogram(own), customers=50, n_boot=20, random_state=i) for i, own in enumerate(waits)
    ]
    assert sum(one.gap is not None for one in found) <= 2
    assert {one.suggestion["reason"].iloc[0] for one in found} <= {
        "", "one kind of waits describes them as well", "there is no valley between short and long waits", "the valley may be luck",
    }  # fmt: skip


def test_two_hills_with_hardly_a_valley_give_no_gap_however_many_waits_there_are() -> None:
    # means 2.6 apart, spread 1, smoothed by 0.35: the valley is at φ(1.23)/(½φ(0) + ½φ(2.45)) = 90% of the hills
    rng = np.random.default_rng(0)
    waits = np.exp(11 + rng.choice([-1.3, 1.3], 200_000) + rng.normal(size=200_000))
    found = gap_diagnostic(wait_histogram(waits), customers=1_000, n_boot=20)
    checks = found.checks.set_index("check")
    assert checks.loc["valley", "value"] == pytest.approx(0.9, abs=0.02)
    assert checks.loc["two kinds better than one", "met"]
    assert found.suggestion["reason"].iloc[0] == "there is no valley between short and long waits"


def test_without_a_gap_the_counts_are_there_and_the_reason() -> None:
    found = gap_diagnostic(wait_histogram(np.random.default_rng(0).exponential(5 * DAY, 1_000)), customers=40)
    assert found.gap is None
    assert pd.isna(found.suggestion["gap"].iloc[0])
    assert math.isnan(found.suggestion["estimate"].iloc[0])
    assert found.suggestion["reason"].iloc[0] in found.headline()
    assert found.headline().startswith("No gap parts the 1,000 waits")
    assert found.conclusions.empty
    assert len(found.to_frame()) == len(GAPS)
    assert not found.checks["met"].all()


def test_conclusions_at_half_and_double_the_gap_are_counts_of_the_same_waits() -> None:
    waits = planted(5, 20_000)
    found = gap_diagnostic(wait_histogram(waits), customers=700)
    rows = found.conclusions.set_index("at")
    assert rows.index.tolist() == ["half", "suggested", "double"]
    for at, factor in (("half", 0.5), ("suggested", 1), ("double", 2)):
        seconds = found.suggestion["estimate"].iloc[0] * DAY * factor
        # interpolated within a bin of 5% of its length: off by no more than the waits of that bin
        assert rows.loc[at, "journeys"] == pytest.approx(
            700 + (waits > seconds).sum(), abs=int(((waits > seconds / 1.06) & (waits < seconds * 1.06)).sum())
        )
        assert rows.loc[at, "change"] == pytest.approx(
            100 * (rows.loc[at, "journeys"] / rows.loc["suggested", "journeys"] - 1)
        )
    assert rows.loc["half", "journeys"] > rows.loc["suggested", "journeys"] > rows.loc["double", "journeys"]
    assert abs(rows["change"]).max() < 3
    assert f"{rows.loc['suggested', 'journeys']:,.0f} journeys" in found.headline()


def test_a_histogram_of_billions_gives_what_a_thousandth_of_it_gives() -> None:
    table = wait_histogram(planted(6, 20_000))
    few, many = (
        gap_diagnostic(table.assign(n=table["n"] * factor), customers=50 * factor, n_boot=40) for factor in (1, 100_000)
    )
    assert many.n_waits == 2_000_000_000
    assert many.suggestion["estimate"].iloc[0] == pytest.approx(few.suggestion["estimate"].iloc[0], rel=1e-3)
    assert many.to_frame()["per_customer"].tolist() == pytest.approx(few.to_frame()["per_customer"].tolist())
    assert many.suggestion["std_error"].iloc[0] < few.suggestion["std_error"].iloc[0] / 30


def test_bins_in_any_order_give_the_same_bytes_and_chance_comes_from_random_state() -> None:
    table = wait_histogram(planted(7, 2_000))
    once = gap_diagnostic(table, customers=50, random_state=1)
    again = gap_diagnostic(table.sample(frac=1, random_state=4), customers=50, random_state=1)
    for name in ("table", "suggestion", "conclusions", "kinds", "checks"):
        pd.testing.assert_frame_equal(getattr(once, name), getattr(again, name), check_exact=True)
    other = gap_diagnostic(table, customers=50, random_state=2)
    assert other.suggestion["estimate"].iloc[0] == once.suggestion["estimate"].iloc[0]
    assert other.suggestion["conf_low"].iloc[0] != once.suggestion["conf_low"].iloc[0]


def test_too_few_waits_suggest_nothing_and_no_wait_at_all_is_said() -> None:
    found = gap_diagnostic(wait_histogram(planted(0, 99)), customers=10)
    assert found.suggestion["reason"].iloc[0] == "there are 99 waits above 0, 100 are needed"
    none = gap_diagnostic(wait_histogram([]), customers=10)
    assert set(none.to_frame()["journeys"]) == {10}
    assert set(none.to_frame()["reason"]) == {"there is no wait"}
    assert none.to_frame()["estimate"].isna().all()
    same = gap_diagnostic(wait_histogram([60.0] * 500), customers=10)
    assert same.gap is None
    zero = gap_diagnostic(wait_histogram([0.0] * 500), customers=10)
    assert (zero.gap, zero.n_waits, zero.zero_waits) == (None, 500, 500)


def test_what_cannot_be_read_is_refused_by_name_with_the_way_out() -> None:
    table = wait_histogram([60.0, 120.0])
    with pytest.raises(ValueError, match="`waits` lacks the column `log_low`"):
        gap_diagnostic(table.drop(columns="log_low"), customers=1)
    with pytest.raises(ValueError, match=r"`n` must be whole numbers from 0 upwards, got 0\.5"):
        gap_diagnostic(table.assign(n=[0.5, 1.0]), customers=1)
    with pytest.raises(ValueError, match="`log_high` must be above `log_low`"):
        gap_diagnostic(table.assign(log_high=table["log_low"]), customers=1)
    with pytest.raises(ValueError, match="bins overlap at"):
        gap_diagnostic(pd.concat([table, table]), customers=1)
    with pytest.raises(ValueError, match="`customers` must be a whole number above 0, got 0"):
        gap_diagnostic(table, customers=0)
    with pytest.raises(ValueError, match="`gaps` are lengths of time with a unit"):
        gap_diagnostic(table, customers=1, gaps=[30])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="`n_boot` must be a whole number from 20 upwards"):
        gap_diagnostic(table, customers=1, n_boot=3)
    with pytest.raises(ValueError, match="`conf_level` must be between 0 and 1, got 95"):
        gap_diagnostic(table, customers=1, conf_level=95)
    with pytest.raises(ValueError, match="1 waits are missing or negative, the first is -5 s"):
        wait_histogram([1, -5])


def real(name: str) -> tuple[pd.Series, int]:
    path = DATA / f"{name}.parquet"
    if not path.exists():
        pytest.skip(f"the shared real data lacks journeys/{name}.parquet")
    rows = pd.read_parquet(path).sort_values(["customer_id", "timestamp", "event_id"], kind="stable")
    waits = rows.groupby("customer_id")["timestamp"].diff().dropna().dt.total_seconds()
    return waits, rows["customer_id"].nunique()


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "journeys"), [("receipt", 1_470), ("helpdesk", 7_228), ("rete_ecom", 1_084), ("patients", 500)]
)
def test_journeys_of_real_logs_at_30_days_are_those_of_pm4py(name: str, journeys: int) -> None:
    waits, customers = real(name)
    found = gap_diagnostic(wait_histogram(waits), customers=customers, n_boot=20)
    assert counted(found, "30D") == journeys
    assert found.n_waits == len(waits)


@pytest.mark.realdata
def test_visits_to_a_shop_are_minutes_apart_within_and_days_between() -> None:
    waits, customers = real("rete_ecom")
    found = gap_diagnostic(wait_histogram(waits), customers=customers)
    assert found.gap is not None
    assert pd.Timedelta("15min") < found.gap < pd.Timedelta("1D")
    assert found.kinds["median"].iloc[0] < pd.Timedelta("10min") < pd.Timedelta("1D") < found.kinds["median"].iloc[1]


def test_the_diagnostic_of_a_billion_waits_takes_less_than_five_seconds() -> None:
    table = wait_histogram(planted(8, 100_000)).assign(n=lambda rows: rows["n"] * 10_000)
    begun = time.process_time()
    gap_diagnostic(table, customers=1_000_000)
    assert time.process_time() - begun < 5
