"""Who stays, who leaves, how fast they pay: published survival curves, and a few customers worked by hand."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from cxlab.problems import NotApplicableError
from cxlab.value import Retention, days_to_pay, kaplan_meier, log_rank, retention, wallet_share

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "value"
AS_OF = pd.Timestamp("2026-07-01", tz="UTC")
# Freireich et al. 1963, weeks of remission under 6-MP and placebo
WEEKS = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
ENDED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def test_the_remission_curve_of_freireich_1963() -> None:
    found = kaplan_meier(WEEKS, ENDED)
    survival = {time: round(found.survival_at(time)["estimate"], 4) for time in (6, 10, 22)}
    assert survival == {6: 0.8571, 10: 0.7529, 22: 0.5378}
    assert found.median == 23
    table = found.to_frame().set_index("time")
    assert table.loc[6, ["n_at_risk", "n_events"]].tolist() == [21, 3]
    assert table.loc[10, ["n_at_risk", "n_events"]].tolist() == [15, 1]
    assert table["n_events"].sum() == sum(ENDED)


def test_the_interval_is_the_log_log_one() -> None:
    # S(6) = 18/21; Σ d/(n(n − d)) = 3/(21·18); S^exp(±1.96·√(1/126)/ln S)
    found = kaplan_meier(WEEKS, ENDED).survival_at(6)
    reach = stats.norm.ppf(0.975) * math.sqrt(1 / 126) / abs(math.log(18 / 21))
    assert found["conf_low"] == pytest.approx((18 / 21) ** math.exp(reach))
    assert found["conf_high"] == pytest.approx((18 / 21) ** math.exp(-reach))


def test_the_curve_agrees_with_statsmodels_at_every_moment() -> None:
    rng = np.random.default_rng(0)
    time, ended = rng.integers(1, 15, 80), rng.random(80) < 0.6
    found, other = kaplan_meier(time, ended).to_frame(), SurvfuncRight(time, ended)
    assert found["time"].tolist() == other.surv_times.tolist()
    assert found["estimate"].tolist() == pytest.approx(other.surv_prob.tolist())
    assert found["n_at_risk"].tolist() == other.n_risk.tolist()


@pytest.mark.realdata
def test_the_telephone_company_keeps_84_percent_for_a_year_and_66_for_five() -> None:
    path = DATA / "telco_v2_satisfaction.parquet"
    if not path.exists():
        pytest.skip("the shared real data lacks value/telco_v2_satisfaction.parquet")
    telco = pd.read_parquet(path).rename(columns=lambda name: str(name).lower().replace(" ", "_"))
    months = next(telco[name] for name in telco if name in ("tenure", "tenure_in_months"))
    churn = next(telco[name] for name in telco if name in ("churn_value", "churn", "churn_label"))
    found = kaplan_meier(months, churn.isin([1, True, "Yes"]))
    assert found.survival_at(12)["estimate"] == pytest.approx(0.843437, abs=5e-7)
    assert found.survival_at(60)["estimate"] == pytest.approx(0.664591, abs=5e-7)


def test_whoever_is_censored_at_an_event_is_still_at_risk_then_and_not_after() -> None:
    # 1 (left), 2 (left), 2 (censored), 3 (left): 3/4, then 2/3 of it, then none of one
    found = kaplan_meier([1, 2, 2, 3], [1, 1, 0, 1]).to_frame()
    assert found["n_at_risk"].tolist() == [4, 3, 1]
    assert found["estimate"].tolist() == pytest.approx([0.75, 0.5, 0])
    assert found["conf_low"].isna().tolist() == [False, False, True]


def test_whoever_came_into_view_late_is_at_risk_only_from_then_on() -> None:
    # at 2: a, b (c is seen from 2 on, after that moment): 1/2; at 4: b, c: 1/2 of it; at 5: c: none
    found = kaplan_meier([2, 4, 5], [1, 1, 1], entry=[0, 0, 2]).to_frame()
    assert found["n_at_risk"].tolist() == [2, 2, 1]
    assert found["estimate"].tolist() == pytest.approx([0.5, 0.25, 0])
    assert kaplan_meier([2, 4, 5], [1, 1, 1]).survival_at(2)["estimate"] == pytest.approx(2 / 3)
    same = kaplan_meier(WEEKS, ENDED, entry=np.zeros(21)).to_frame()
    pd.testing.assert_frame_equal(same, kaplan_meier(WEEKS, ENDED).to_frame())


def test_a_median_that_is_not_reached_is_not_a_number_and_before_anybody_left_all_are_there() -> None:
    found = kaplan_meier([1, 5, 5], [1, 0, 0])
    assert math.isnan(found.median)
    assert found.survival_at(0.5)["estimate"] == 1
    assert found.survival_at(99)["estimate"] == pytest.approx(2 / 3)


def test_impossible_durations_are_refused_with_their_number() -> None:
    with pytest.raises(ValueError, match="2 durations are missing or negative"):
        kaplan_meier([1, -1, np.nan], [1, 1, 1])
    with pytest.raises(ValueError, match="1 came into view after they had ended"):
        kaplan_meier([1, 2], [1, 1], entry=[0, 3])
    with pytest.raises(ValueError, match=r"`conf_level` must be between 0 and 1, got 95"):
        kaplan_meier([1], [1], conf_level=95)


def test_the_log_rank_test_of_freireich_is_16_79() -> None:
    # the textbook chi-square of 6-MP against placebo
    time, ended = WEEKS + PLACEBO, ENDED + [1] * 21
    groups = ["6-MP"] * 21 + ["placebo"] * 21
    assert stats.chi2.isf(log_rank(time, ended, groups), 1) == pytest.approx(16.79, abs=0.005)
    third = np.arange(42) % 3
    assert log_rank(time, ended, third) == pytest.approx(survdiff(np.array(time), np.array(ended), third)[1])


def test_the_log_rank_test_of_late_comers_by_hand() -> None:
    # at 2: risk a 1, b 1 (c enters at 2), a leaves: expected a 1/2, variance 1/4; at 4: b and c, both group y: nothing
    # at 5: c alone. Gap 1/2, variance 1/4: chi-square 1
    p = log_rank([2, 4, 5], [1, 1, 1], ["x", "y", "y"], entry=[0, 0, 2])
    assert stats.chi2.isf(p, 1) == pytest.approx(1)


def test_one_group_alone_has_no_p_value() -> None:
    assert math.isnan(log_rank([1, 2], [1, 1], ["x", "x"]))


def test_the_first_of_three_brands_has_half_the_wallet_and_the_second_of_four_three_tenths() -> None:
    # Keiningham et al. 2011
    assert wallet_share([1, 2], [3, 4]).tolist() == pytest.approx([0.5, 0.3])


@pytest.mark.parametrize("n", [1, 2, 5])
def test_the_shares_of_all_brands_of_a_wallet_add_up_to_one_also_with_ties(n: int) -> None:
    ranks = np.arange(1, n + 1)
    assert wallet_share(ranks, np.full(n, n)).sum() == pytest.approx(1)
    assert wallet_share([1.5, 1.5, 3], [3, 3, 3]).sum() == pytest.approx(1)


@pytest.mark.parametrize(("rank", "n", "says"), [(0, 3, "got 0 of 3"), (4, 3, "got 4 of 3")])
def test_a_rank_outside_the_brands_is_refused(rank: int, n: int, says: str) -> None:
    with pytest.raises(ValueError, match=f"a rank lies between 1 and the number of brands, {says}"):
        wallet_share([1, rank], [3, n])


def _invoices(*rows: tuple[str, str | None, str | None, str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["timestamp", "paid_at", "due_at", "who"])
    for column in ("timestamp", "paid_at", "due_at"):
        table[column] = pd.to_datetime(table[column], utc=True)
    return table


INVOICES = _invoices(
    ("2026-06-01", "2026-06-11", "2026-06-15", "a"),  # 10 days, in time
    ("2026-06-01", "2026-06-21", "2026-06-15", "a"),  # 20 days, late
    ("2026-06-01", None, "2026-06-15", "b"),  # unpaid for 30 days, late
    ("2026-06-16", None, "2026-08-01", "b"),  # unpaid for 15 days, not due yet
)


def test_the_median_days_to_pay_counts_unpaid_invoices_as_still_open() -> None:
    # 10 (paid, 4 at risk): 3/4; 15 censored; 20 (paid, 2 at risk): 3/8: the median is 20, not 15
    row = days_to_pay(INVOICES, as_of=AS_OF).iloc[0]
    assert (row["estimate"], row["n"], row["unpaid"]) == (20, 4, 2)
    assert row["late"] == pytest.approx(2 / 3)  # of the three that are due
    assert row["reason"] == ""


def test_days_to_pay_by_group_say_where_half_have_not_paid() -> None:
    found = days_to_pay(INVOICES, by="who", as_of=AS_OF).set_index("who")
    assert found.loc["a", "estimate"] == 10
    assert math.isnan(found.loc["b", "estimate"])
    assert found["reason"].to_dict() == {"a": "", "b": "half have not paid yet"}
    assert found["n"].sum() == 4
    expected = log_rank([10, 20, 30, 15], [1, 1, 0, 0], ["a", "a", "b", "b"])
    assert found["p_value"].tolist() == pytest.approx([expected, expected])


def test_a_payment_after_the_day_of_the_report_is_not_yet_known() -> None:
    early = days_to_pay(INVOICES, as_of=pd.Timestamp("2026-06-18", tz="UTC")).iloc[0]
    assert (early["n"], early["unpaid"]) == (4, 3)


def test_invoices_without_a_date_on_which_they_are_due_have_days_to_pay_and_no_late_share() -> None:
    row = days_to_pay(INVOICES.drop(columns="due_at"), as_of=AS_OF).iloc[0]
    assert row["estimate"] == 20
    assert math.isnan(row["late"])


def test_leaving_unpaid_invoices_out_would_look_faster() -> None:
    # exponential with median 30 days, invoices of the last 90 days
    rng = np.random.default_rng(0)
    issued = AS_OF - pd.to_timedelta(rng.uniform(0, 90, 4_000), unit="D")
    paid = issued + pd.to_timedelta(rng.exponential(30 / math.log(2), 4_000), unit="D")
    table = pd.DataFrame({"timestamp": issued, "paid_at": paid, "due_at": issued + pd.Timedelta(days=14)})
    row = days_to_pay(table, as_of=AS_OF).iloc[0]
    assert row["estimate"] == pytest.approx(30, abs=2)
    assert row["conf_low"] < row["estimate"] < row["conf_high"]
    known = table[table["paid_at"] <= AS_OF]
    assert (known["paid_at"] - known["timestamp"]).dt.days.median() < 22


# ---------------------------------------------------------------------------------------------------------- retention


def _customers() -> pd.DataFrame:
    """100 of plan basic and 100 plus since September; 40 and 10 leave, evenly, from October 2025 to June 2026."""
    rows = []
    for plan, n_left, first in (("basic", 40, 2), ("plus", 10, 3)):
        for i in range(100):
            end = pd.Timestamp(f"2025-10-{first:02d}", tz="UTC") + pd.Timedelta(days=int(i * 270 / n_left))
            rows.append(
                {
                    "customer_id": f"{plan}{i:03d}",
                    "plan": plan,
                    "start_date": pd.Timestamp("2025-09-01", tz="UTC"),
                    "end_date": end if i < n_left else pd.NaT,
                }
            )
    return pd.DataFrame(rows)


ITEMS = pd.DataFrame(
    [
        {"item": "recommend", "label": "Recommendation", "role": "loyalty", "low": 0.0, "high": 10.0},
        {"item": "place", "label": "Place", "role": "wallet_rank", "low": 1.0, "high": np.nan},
    ]
)


def _responses() -> pd.DataFrame:
    """Everybody answers in October: basic customers 3, plus customers 10; we are second of three for the first."""
    customers = _customers()
    basic = (customers["plan"] == "basic").to_numpy()
    return pd.DataFrame(
        {
            "customer_id": customers["customer_id"],
            "perspective": "customer",
            "wave": "2025-Q4",
            "counted_at": pd.Timestamp("2025-10-01", tz="UTC"),
            "recommend": np.where(basic, 3.0, 10.0),
            "place": np.where(basic, 2.0, 1.0),
            "brands_used": 3.0,
        }
    )


def _transactions() -> pd.DataFrame:
    """One invoice of 10 a customer in June 2026, detractors pay after 20 days, promoters after 5."""
    customers = _customers()
    at = pd.Timestamp("2026-06-05", tz="UTC")
    days = np.where(customers["plan"] == "basic", 20, 5) + np.arange(200) % 3
    table = pd.DataFrame({"customer_id": customers["customer_id"], "timestamp": at, "amount": 10.0})
    return table.assign(paid_at=at + pd.to_timedelta(days, unit="D"), due_at=at + pd.Timedelta(days=14))


def _found(**more: Any) -> Retention:
    return retention(_customers(), as_of=AS_OF, **more)


@pytest.fixture(scope="module")
def whole() -> Retention:
    return _found(responses=_responses(), items=ITEMS, transactions=_transactions(), currency="EUR")


def test_customers_and_those_who_left_are_counted(whole: Retention) -> None:
    assert (whole.n, whole.n_left) == (200, 50)
    assert whole.base_sentence().startswith("200 customers, 50 of them have left; who joined before the log began")
    # the log begins with the first who leaves: that one was not at risk before, and is in no curve
    assert whole.groups.set_index("label")[["n", "left"]].to_dict() == {
        "n": {"basic": 99, "plus": 100},
        "left": {"basic": 39, "plus": 10},
    }


def test_the_share_that_left_in_a_quarter_is_of_those_there_when_it_began(whole: Retention) -> None:
    customers = _customers()
    there = customers["end_date"].isna() | (customers["end_date"] >= pd.Timestamp("2026-04-01", tz="UTC"))
    gone = int((customers["end_date"] >= pd.Timestamp("2026-04-01", tz="UTC")).sum())
    last = whole.churn.iloc[-1]
    assert (last["label"], last["left"], last["n"]) == ("2026-Q2", gone, there.sum())
    assert last["estimate"] == pytest.approx(100 * gone / there.sum())
    assert whole.churn["label"].tolist() == ["2025-Q4", "2026-Q1", "2026-Q2"]
    assert whole.churn["left"].sum() == 50
    assert whole.headline() == (
        f"{last['estimate']:.1f}% of customers left in 2026-Q2 ({last['conf_low']:.1f} to {last['conf_high']:.1f}%, "
        f"n {last['n']:,})."
    )
    assert any(said.startswith("Not clearly more or fewer than in 2026-Q1") for said in whole.sentences())


def test_a_quarter_that_has_not_ended_is_not_shown() -> None:
    early = retention(_customers(), as_of=pd.Timestamp("2026-05-15", tz="UTC"))
    assert early.churn["label"].iloc[-1] == "2026-Q1"
    assert early.n_left == int((_customers()["end_date"] <= pd.Timestamp("2026-05-15", tz="UTC")).sum())


def test_plans_that_differ_in_who_stays_are_said_and_plans_that_do_not_are_not(whole: Retention) -> None:
    assert whole.by == "plan"
    assert whole.p_value < 0.001
    assert whole.sentences()[0].endswith(" 61% of “basic” are still there, and 90% of “plus”.")
    alike = _customers().assign(plan=lambda frame: np.where(np.arange(200) % 2, "a", "b"))
    found = retention(alike, as_of=AS_OF)
    assert found.p_value > 0.05
    assert found.sentences()[0] == "How long customers stay does not clearly differ by plan."


def test_loyalty_is_the_answer_before_and_goes_with_staying(whole: Retention) -> None:
    rows = whole.loyalty.set_index("label")
    assert rows["n"].to_dict() == {"detractors": 100, "promoters": 100}
    assert rows["estimate"].to_dict() == pytest.approx({"detractors": 60, "promoters": 90})
    assert any("loyalty goes with staying" in said for said in whole.sentences())
    mixed = _responses().assign(recommend=lambda frame: np.where(np.arange(200) % 2, 3.0, 10.0))
    said = _found(responses=mixed, items=ITEMS).sentences()
    assert "Detractors and promoters cannot be told apart by who left." in said
    assert not any("loyalty goes with staying" in sentence for sentence in said)


def test_whoever_answered_after_leaving_says_nothing_about_staying() -> None:
    late = _responses().assign(counted_at=pd.Timestamp("2026-04-01", tz="UTC"))
    found = _found(responses=late, items=ITEMS).loyalty.set_index("label")
    still = _customers()
    still = still[still["end_date"].isna() | (still["end_date"] > pd.Timestamp("2026-04-01", tz="UTC"))]
    assert found["n"].sum() == len(still)


def test_nine_months_are_not_called_a_year(whole: Retention) -> None:
    # the data hold nine months after the answers
    assert whole.loyalty["months"].iloc[0] == pytest.approx(9, abs=0.1)
    said = next(sentence for sentence in whole.sentences() if "detractors" in sentence)
    assert "year" not in said
    shown = next(iter(whole.loyalty_shown()))[0]
    assert "year" not in shown["title"].lower()


def test_detractors_who_pay_later_are_said_and_no_difference_is_not(whole: Retention) -> None:
    assert whole.pay["label"].tolist() == ["detractors", "promoters"]
    assert whole.pay["estimate"].tolist() == [21, 6]
    assert (
        "Loyal customers pay sooner: detractors after 21 days and promoters after 6 days (median, unpaid invoices counted)."
        in whole.sentences()
    )
    same = _transactions().assign(paid_at=lambda frame: frame["timestamp"] + pd.Timedelta(days=9))
    alike = _found(responses=_responses(), items=ITEMS, transactions=same).sentences()
    assert "How soon customers pay does not clearly go with how loyal they say they are." in alike


def test_detractors_who_pay_sooner_are_not_called_the_slow_ones() -> None:
    turned = _responses().assign(recommend=lambda frame: 13 - frame["recommend"])
    found = _found(responses=turned, items=ITEMS, transactions=_transactions())
    assert found.pay.set_index("label")["estimate"].to_dict() == {"detractors": 6, "promoters": 21}
    assert not any("Loyal customers pay sooner" in said for said in found.sentences())


def test_promoters_who_leave_more_are_not_said_to_stay() -> None:
    turned = _responses().assign(recommend=lambda frame: 13 - frame["recommend"])
    found = _found(responses=turned, items=ITEMS)
    assert found.loyalty["p_value"].iloc[0] < 0.001
    assert not any("loyalty goes with staying" in said for said in found.sentences())


def test_an_invoice_from_before_the_answer_does_not_count() -> None:
    late = _responses().assign(counted_at=pd.Timestamp("2026-06-06", tz="UTC"))
    assert _found(responses=late, items=ITEMS, transactions=_transactions()).pay.empty


def test_the_money_at_risk_is_that_of_detractors_who_are_still_there(whole: Retention) -> None:
    # 60 detractors and 90 promoters are left, 10 each
    assert (whole.revenue, whole.at_risk) == (1500, 600)
    assert whole.sentences()[-1] == (
        "Customers who answered as detractors and are still there pay 600 EUR a quarter, 40% of what all who answered pay."
    )


def test_the_wallet_of_each_loyalty_class_by_hand(whole: Retention) -> None:
    # second of three: (1 − 2/4)·2/3 = 1/3; first: 1/2
    rows = whole.wallet.set_index("label")
    assert rows.loc["detractors", "estimate"] == pytest.approx(100 / 3)
    assert rows.loc["promoters", "estimate"] == pytest.approx(50)
    assert rows["n"].to_dict() == {"detractors": 100, "passives": 0, "promoters": 100}


def test_segments_are_counted_from_the_moment_they_were_placed() -> None:
    placed = pd.Timestamp("2026-01-01", tz="UTC")
    customers = _customers()
    still = customers[customers["end_date"].isna() | (customers["end_date"] > placed)]
    membership = pd.DataFrame({"customer_id": still["customer_id"], "segment": still["plan"], "placed_at": placed})
    found = _found(membership=membership)
    assert found.by == "segment"
    assert found.groups["n"].sum() == len(still)
    left = still.groupby("plan")["end_date"].count()
    expected = 100 * (1 - left / still.groupby("plan").size())
    assert found.groups.set_index("label")["estimate"].to_dict() == pytest.approx(expected.to_dict())
    assert found.sentences()[0].startswith("6 months after they told us their needs 70% of “basic” are still there")
    headlines = [finding["result"]["headline"] for finding in found.findings() if finding["level"] == "segment"]
    assert len(headlines) == 2
    assert not any("a year" in headline for headline in headlines)  # six months are known


def test_a_customer_from_before_the_log_is_at_risk_only_since_it_began() -> None:
    # two old customers (ten years) of whom one leaves at the beginning of the log and one stays, two new ones who stay
    known = pd.DataFrame(
        {
            "customer_id": list("abcd"),
            "start_date": pd.to_datetime(["2016-01-01", "2016-01-01", "2026-02-01", "2026-02-01"], utc=True),
            "end_date": pd.to_datetime(["2026-01-15", None, None, None], utc=True),
        }
    )
    found = retention(known, as_of=AS_OF)
    assert (found.by, found.n, found.n_left) == ("all", 4, 1)
    assert found.groups["estimate"].tolist() == [100]  # nobody left within a year of joining


def test_a_customer_who_joins_after_the_report_is_not_counted() -> None:
    customers = _customers()
    customers.loc[199, "start_date"] = pd.Timestamp("2026-08-01", tz="UTC")
    assert retention(customers, as_of=AS_OF).n == 199


def test_where_nobody_can_be_seen_leaving_that_is_the_headline(whole: Retention) -> None:
    assert dataclasses.replace(whole, churn=whole.churn.iloc[:0]).headline() == "Nobody can be seen leaving."


def test_customers_without_an_end_date_are_all_still_there() -> None:
    found = retention(_customers().drop(columns="end_date"), as_of=AS_OF)
    assert (found.n, found.n_left) == (200, 0)
    assert found.groups["estimate"].tolist() == [100, 100]


def test_findings_have_names_of_their_own(whole: Retention) -> None:
    findings = {finding["name"]: finding for finding in whole.findings()}
    assert set(findings) == {"churn", "days_to_pay_detractors", "days_to_pay_promoters"}
    assert len(findings) == len(whole.findings())
    assert findings["days_to_pay_promoters"]["result"]["headline"] == "Promoters pay after 6 days (median)."


def test_customers_without_dates_are_not_applicable() -> None:
    with pytest.raises(NotApplicableError, match="needs customers with a start_date"):
        retention(_customers().drop(columns="start_date"), as_of=AS_OF)
    with pytest.raises(NotApplicableError, match="start_date"):
        retention(_customers().assign(start_date=pd.NaT), as_of=AS_OF)
