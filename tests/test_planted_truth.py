"""A report on a small simulated company against what is planted in it, notebook by notebook: right signs, the truth inside
the intervals, and nothing claimed that is not there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxlab.demo import TRUTH, expected
from cxlab.demo.people import day, population
from cxlab.demo.truth import OPENED

PERIOD = "2026-Q3"
NOTEBOOKS = sorted(path.stem for path in (Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
Findings = dict[str, dict[str, Any]]
NEED_OF = {
    "savers": "need_price",
    "connected": "need_speed",
    "cared_for": "need_help",
    "independent": "need_self_service",
}


@pytest.fixture(scope="module")
def root(company: Path) -> Path:
    """The small company with all eleven notebooks run for its last period."""
    manifest = json.loads((company / "reports" / "demo" / PERIOD / "manifest.json").read_text("utf-8"))
    assert {entry["name"]: entry["status"] for entry in manifest["notebooks"]} == dict.fromkeys(NOTEBOOKS, "ok")
    return company


@pytest.fixture(scope="module")
def findings(root: Path) -> Findings:
    found = json.loads((root / "reports" / "demo" / PERIOD / "findings.json").read_text("utf-8"))
    return {finding["name"]: finding for finding in found}


@pytest.fixture(scope="module")
def people(company_size: int) -> pd.DataFrame:
    return population(company_size, 2026).set_index("customer_id")


@pytest.fixture(scope="module")
def table(root: Path) -> Callable[[str], pd.DataFrame]:
    return lambda name: pd.read_csv(root / "reports" / "demo" / PERIOD / "tables" / f"{name}.csv")


def _holds(finding: dict[str, Any], truth: float, more: float = 1.0) -> bool:
    """Whether the interval, widened for the many that are looked at here, holds the truth."""
    half = (finding["conf_high"] - finding["conf_low"]) / 2 * more
    return abs(finding["estimate"] - truth) <= half


def test_01_finds_the_five_groups_and_puts_people_into_the_right_ones(root: Path, people: pd.DataFrame) -> None:
    from sklearn.metrics import adjusted_rand_score

    members = pd.read_parquet(root / f"data/processed/demo/products/{PERIOD}/segment_membership.parquet")
    assert members["segment_id"].nunique() == 5
    true = people["segment"].reindex(members["customer_id"])
    assert adjusted_rand_score(true, members["segment_id"]) > 0.7
    for segment, need in NEED_OF.items():
        most = members.loc[(true == segment).to_numpy(), "segment_id"].mode().iloc[0]
        assert most == need


def test_01_claims_no_difference_in_loyalty_or_plan_because_there_is_none(table: Callable[[str], pd.DataFrame]) -> None:
    for outcome in ("recommend", "overall"):
        assert set(table(f"01_needs_segmentation_outcome_{outcome}")["reading"]) == {"no clear change"}
    assert (table("01_needs_segmentation_groups")["q_value"] >= 0.05).all()


def test_02_finds_the_broken_hand_off_and_the_unanswered_complaints(findings: Findings, people: pd.DataFrame) -> None:
    begun = people[(people["start"] >= day(OPENED)) & (people["activated"] <= people["end"])]
    within = 100 * float((begun["activated"] - begun["start"] <= 5).mean())
    rule = findings["rule_order_is_followed_by_onboarding_within_5d"]
    assert _holds(rule, within, 2.5), within
    assert rule["conf_high"] < 75
    complaint = findings["rule_complaint_is_followed_by_resolution_within_14d"]
    assert complaint["conf_low"] - 5 < 100 * TRUTH.resolved < complaint["conf_high"] + 8
    assert findings["rule_onboarding_happens_before_first_bill"]["estimate"] == pytest.approx(100)


def test_02_tells_who_calls_for_help_most_and_least(table: Callable[[str], pd.DataFrame]) -> None:
    help_ = table("02_customer_journeys_segments").query("touchpoint == 'help'").set_index("segment")
    assert help_["estimate"].idxmax() == "Personal help"
    assert help_["estimate"].idxmin() == "Self-service"
    assert help_.loc["Personal help", "reading"] == "changed"


def test_02_calls_the_unanswered_complaint_the_moment_of_truth_for_staying(
    table: Callable[[str], pd.DataFrame],
) -> None:
    moments = table("02_customer_journeys_moments_0").set_index("label")
    worst = moments.loc["Complaints failed"]
    assert worst["reading"] == "worse"
    assert moments["estimate"].abs().idxmax() == "Complaints failed"
    assert worst["conf_high"] < -5  # of those who are never answered half leave within two months
    noise = moments[moments["touchpoint"].isin(["advertising", "the website", "the network"])]
    assert not noise["clear"].any()


def test_03_names_both_blind_spots_and_no_other(table: Callable[[str], pd.DataFrame]) -> None:
    quadrants = table("03_desired_experience_quadrants").set_index("item")
    assert set(quadrants.index[quadrants["blind_spot"]]) == {"satisfaction_first_bill", "satisfaction_help"}
    assert quadrants.loc["satisfaction_price", "quadrant"] == "known weakness"
    assert (table("03_desired_experience_gap_expected")["estimate"] < 0).all()


def test_04_calls_promises_kept_broken_and_unmeasured_as_they_are(table: Callable[[str], pd.DataFrame]) -> None:
    status = table("04_brand_experience_register").set_index("promise")["status"]
    assert status["answered"] == "broken"
    assert status["activated"] in ("broken", "undecided")
    assert status["easy_start"] == "kept"
    assert status["fair_price"] == "unmeasured"


def test_05_names_the_orphan_the_contested_and_the_broken_seam(
    table: Callable[[str], pd.DataFrame], findings: Findings
) -> None:
    card = table("05_touchpoints_scorecard").set_index("touchpoint")
    assert list(card.index[card["orphan"]]) == ["price"]
    assert "," in card.loc["complaint", "owner"]
    assert findings["seam_order_onboarding"]["conf_high"] < 0


def test_06_sees_esim_rise_and_masks_what_is_personal(root: Path, findings: Findings) -> None:
    assert findings["theme_esim"]["attention"]
    assert "rising" in findings["theme_esim"]["headline"]
    page = (root / "reports/demo" / PERIOD / "06_voice_of_customer.html").read_text("utf-8")
    assert "@example.com" not in page
    assert "020 7946" not in page
    assert "<script" not in page
    rising = {name for name, f in findings.items() if name.startswith("theme_") and "rising" in f["headline"]}
    assert rising == {"theme_esim"}


def test_07_ranks_the_first_bill_first_and_claims_nothing_for_the_app(findings: Findings) -> None:
    drivers = {name.removeprefix("driver_"): f for name, f in findings.items() if name.startswith("driver_")}
    assert max(drivers, key=lambda name: drivers[name]["estimate"]) == "first_bill"
    assert "not clear of chance" in drivers["app"]["headline"]
    assert "not clear of chance" not in drivers["first_bill"]["headline"]
    assert sum(driver["estimate"] for driver in drivers.values()) == pytest.approx(100)


def test_08_holds_the_truth_in_its_intervals_and_tells_mix_from_rate(
    company_size: int, findings: Findings, table: Callable[[str], pd.DataFrame]
) -> None:
    truth = expected(company_size).set_index(["survey", "wave", "item"]).loc[("tracking", PERIOD)]
    for item, row in truth.iterrows():
        assert _holds(findings[f"tracking_{item}"], row["answering"], 1.6), item
    measures = table("08_experience_tracking_measures").set_index("item")
    assert measures.loc["satisfaction_first_bill", "reading"] == "worse"
    still = {"satisfaction_app", "satisfaction_network", "satisfaction_help", "overall", "satisfaction_onboarding"}
    assert set(measures.loc[list(still), "reading"]) == {"no clear change"}
    if measures.loc["satisfaction_price", "reading"] == "worse":
        mix = table("08_experience_tracking_mix").set_index("item").loc["satisfaction_price"]
        assert mix["share"] > 0.5
        assert mix["by"] == "plan"
        assert not findings["tracking_satisfaction_price"]["attention"]


def test_09_counts_those_who_left_and_orders_segments_by_how_long_they_stay(
    findings: Findings, people: pd.DataFrame
) -> None:
    begin, after = day(pd.Timestamp("2026-07-01").date()), day(pd.Timestamp("2026-10-01").date())
    there = people[(people["start"] < begin) & (people["end"] >= begin)]
    assert findings["churn"]["estimate"] == pytest.approx(100 * float((there["end"] < after).mean()), abs=0.2)
    stay = {
        name.removeprefix("retention_"): f["estimate"] for name, f in findings.items() if name.startswith("retention_")
    }
    assert min(stay, key=lambda name: stay[name]) in ("stable_price", "self_service")
    pay = [findings[f"days_to_pay_{label}"]["estimate"] for label in ("detractors", "passives", "promoters")]
    assert pay == sorted(pay, reverse=True)


def test_10_claims_the_action_that_worked_and_not_the_one_that_did_not(root: Path, findings: Findings) -> None:
    assert findings["action_A1"]["estimate"] > 0
    assert "no clear effect" in findings["action_A2"]["headline"]
    calls = root / "reports/demo" / PERIOD / "restricted" / "10_actions_calls.csv"
    assert calls.stat().st_mode & 0o077 == 0
    someone = pd.read_csv(calls)["customer_id"].iloc[0]
    pages = (root / "reports/demo" / PERIOD).glob("*.html")
    assert not any(someone in page.read_text("utf-8") for page in pages)


def test_the_summary_asks_for_what_is_planted_first(findings: Findings) -> None:
    wanted = {"promise_answered", "touchpoint_first_bill", "touchpoint_price", "seam_order_onboarding", "theme_esim"}
    assert wanted <= {name for name, finding in findings.items() if finding["attention"]}
    assert not findings["driver_app"]["attention"]
    assert np.isfinite([f["estimate"] for f in findings.values() if f["estimate"] is not None]).all()
