"""Survival with competing ends: by hand, a published table, and other routes to the same figures."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.duration.survfunc import CumIncidenceRight, SurvfuncRight

from cxlab.inference import cumulative_incidence, kaplan_meier
from cxlab.inference.survival import CumulativeIncidence

FIVE = ([1, 2, 2, 3, 4], ["on", "off", None, "on", None])


def column(found: CumulativeIncidence, cause: str, name: str = "estimate") -> list[float]:
    table = found.to_frame()
    return [float(value) for value in table.loc[table["cause"] == cause, name]]


def drawn(seed: int, n: int, causes: int = 3, longest: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Whole-numbered times with many ties; cause 0 is censored."""
    rng = np.random.default_rng(seed)
    return rng.integers(1, longest, n), rng.integers(0, causes + 1, n)


def named(codes: np.ndarray) -> list[str | None]:
    return [None if code == 0 else f"end {code}" for code in codes]


def test_five_customers_of_whom_two_go_on_and_one_leaves_by_hand() -> None:
    # at 1: 1 of 5 on. At 2: S = 4/5, 1 of 4 off. At 3: S = 4/5·3/4 = 3/5, 1 of 2 on. At 4 one is still watched.
    found = cumulative_incidence(*FIVE)
    assert column(found, "on") == pytest.approx([1 / 5, 1 / 5, 1 / 5 + 3 / 10])
    assert column(found, "off") == pytest.approx([0, 1 / 5, 1 / 5])
    assert column(found, "on", "n_at_risk") == [5, 4, 2]
    assert column(found, "on", "n_events") == [1, 0, 1]
    # variance of "on" at 3, F_j = .2, .2, .5, S = 1, .8, .6:
    # Σ (.5 − F_j)²·d/(n(n−d)) = .09/20 + .09/12 + 0; Σ S²·d(n−d)/n³ = 4/125 + .36·1/8; −2Σ (.5 − F_j)·S·d/n² = −2·.3/25
    variance = 0.09 / 20 + 0.09 / 12 + 4 / 125 + 0.36 / 8 - 2 * 0.3 / 25
    assert column(found, "on", "std_error")[-1] == pytest.approx(math.sqrt(variance))


def test_the_breast_cancer_patients_of_satagopan_2004() -> None:
    # British Journal of Cancer 91, table 2: nine of 305 patients, the others watched longer; survival and incidence in percent
    months = [7, 10, 14, 16, 18, 23, 24, 26, 27] + [30] * 296
    ends = [None, "cancer", None, "cancer", "other", "cancer", None, "other", "cancer"] + [None] * 296
    found = cumulative_incidence(months, ends)
    table = found.to_frame()
    cancer = table[(table["cause"] == "cancer") & (table["n_events"] > 0)].set_index("time")
    assert cancer["n_at_risk"].to_dict() == {10: 304, 16: 302, 23: 300, 27: 297}
    # the printed sums .3 .6 .9 1.2 add rounded steps
    assert (100 * cancer["estimate"].diff().fillna(cancer["estimate"])).round(1).tolist() == [0.3, 0.3, 0.3, 0.3]
    survival = found.still.to_frame().set_index("time")["estimate"]
    assert (100 * survival).round(1).to_dict() == {10: 99.7, 16: 99.3, 18: 99.0, 23: 98.7, 26: 98.3, 27: 98.0}


@pytest.mark.parametrize("seed", range(5))
def test_incidence_and_its_error_agree_with_statsmodels(seed: int) -> None:
    times, codes = drawn(seed, 150)
    times, codes = np.append(times, 25), np.append(codes, 0)  # statsmodels divides by zero where all at risk end
    found, other = cumulative_incidence(times, named(codes)), CumIncidenceRight(times, codes)
    moments = found.still.to_frame()["time"].to_numpy()
    rows = np.isin(other.times, moments)
    for cause in (1, 2, 3):
        assert column(found, f"end {cause}") == pytest.approx(other.cinc[cause - 1][rows].tolist(), abs=1e-10)
        own = np.array(column(found, f"end {cause}", "std_error"))
        known = np.isfinite(own)
        assert known.sum() > 10
        assert own[known] == pytest.approx(other.cinc_se[cause - 1][rows][known], abs=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_the_curve_and_its_error_agree_with_statsmodels(seed: int) -> None:
    times, codes = drawn(seed, 90)
    found, other = kaplan_meier(times, codes > 0).to_frame(), SurvfuncRight(times, (codes > 0).astype(int))
    assert found["estimate"].tolist() == pytest.approx(other.surv_prob.tolist(), abs=1e-10)
    inside = found["std_error"].notna().to_numpy()
    assert inside.sum() > 10
    assert found.loc[inside, "std_error"].tolist() == pytest.approx(other.surv_prob_se[inside].tolist(), abs=1e-10)


def test_with_one_cause_it_is_one_minus_kaplan_meier_interval_and_all() -> None:
    times, codes = drawn(3, 60, causes=1)
    found, curve = cumulative_incidence(times, named(codes)).to_frame(), kaplan_meier(times, codes > 0).to_frame()
    assert found["estimate"].tolist() == pytest.approx((1 - curve["estimate"]).tolist())
    inside = curve["conf_low"].notna()
    assert inside.sum() > 10
    assert found.loc[inside, "std_error"].tolist() == pytest.approx(curve.loc[inside, "std_error"].tolist())
    assert found.loc[inside, "conf_low"].tolist() == pytest.approx((1 - curve.loc[inside, "conf_high"]).tolist())
    assert found.loc[inside, "conf_high"].tolist() == pytest.approx((1 - curve.loc[inside, "conf_low"]).tolist())


def test_where_nobody_is_censored_it_is_a_share_with_the_error_of_a_share() -> None:
    times, codes = drawn(1, 80)
    times, codes = times[codes > 0], codes[codes > 0]
    last = cumulative_incidence(times, named(codes)).incidence_at(99).set_index("cause")
    for cause in (1, 2, 3):
        share = (codes == cause).mean()
        row = last.loc[f"end {cause}"]
        assert row["estimate"] == pytest.approx(share)
        assert row["std_error"] == pytest.approx(math.sqrt(share * (1 - share) / len(codes)))


def test_those_who_met_an_end_and_those_who_did_not_are_everybody() -> None:
    times, codes = drawn(2, 200)
    found = cumulative_incidence(times, named(codes))
    total = found.to_frame().groupby("time")["estimate"].sum().to_numpy()
    assert total + found.still.to_frame()["estimate"].to_numpy() == pytest.approx(np.ones(len(total)))


def test_kaplan_meier_on_one_end_alone_says_more_than_really_met_it() -> None:
    # 2 leave at 1, then 1 of the 2 others goes on at 2: a quarter of all; Kaplan–Meier with leavers censored says a half
    times, ends = [1, 1, 2, 3], ["off", "off", "on", None]
    assert cumulative_incidence(times, ends).incidence_at(2).set_index("cause").loc["on", "estimate"] == 0.25
    assert 1 - kaplan_meier(times, [end == "on" for end in ends]).survival_at(2)["estimate"] == 0.5


def test_the_interval_holds_the_truth_nineteen_times_in_twenty() -> None:
    # rates 2 (on) and 1 (off) a unit of time, watched for up to 0.6 units: F_on(t) = 2/3·(1 − exp(−3t)) at t = 0.3
    rng = np.random.default_rng(7)
    truth, held = 2 / 3 * (1 - math.exp(-0.9)), []
    for _ in range(600):
        time, stop = rng.exponential(1 / 3, 100), rng.uniform(0.1, 0.6, 100)
        ends = np.where(time <= stop, np.where(rng.random(100) < 2 / 3, "on", "off"), None)
        row = cumulative_incidence(np.minimum(time, stop), ends).incidence_at(0.3).set_index("cause").loc["on"]
        held.append(row["conf_low"] <= truth <= row["conf_high"])
    # 600 coverages of 95% have a standard error of 0.9 points
    assert 0.95 - 3 * 0.0089 < np.mean(held) < 0.95 + 3 * 0.0089


def test_beyond_what_was_watched_nothing_is_known_unless_all_had_met_an_end() -> None:
    open_, closed = cumulative_incidence(*FIVE), cumulative_incidence([1, 2], ["on", "off"])
    later = open_.incidence_at(5)
    assert later["estimate"].isna().all()
    assert set(later["reason"]) == {"nobody was watched so long"}
    assert later["n_at_risk"].tolist() == [0, 0]
    assert open_.incidence_at(4)["estimate"].notna().all()
    assert open_.incidence_at(4)["n_at_risk"].tolist() == [1, 1]
    assert closed.incidence_at(99)["estimate"].tolist() == [0.5, 0.5]


def test_before_anybody_met_an_end_the_share_is_nought_and_has_no_interval() -> None:
    row = cumulative_incidence(*FIVE).incidence_at(0.5).iloc[0]
    assert (row["estimate"], row["reason"]) == (0, "nobody so far")
    assert math.isnan(row["conf_low"])
    assert math.isnan(row["std_error"])


def test_when_half_have_gone_on_and_the_interval_of_that_moment() -> None:
    found = cumulative_incidence(*FIVE)
    assert found.time_of("on")[0] == 3
    assert math.isnan(found.time_of("off")[0])
    table = found.to_frame()
    on = table[table["cause"] == "on"].set_index("time")
    assert found.time_of("on")[1] == on.index[on["conf_high"] >= 0.5][0]
    assert math.isnan(found.time_of("on")[2])


def test_the_median_is_not_missed_by_a_rounding_error() -> None:
    # half of n have left after n/2 moments, whatever products of (n − 1)/n come to on a computer
    wrong = [n for n in range(2, 400, 2) if kaplan_meier(range(1, n + 1), [1] * n).median != n / 2]
    assert wrong == []


def test_the_interval_of_the_median_ends_where_that_of_the_curve_passes_a_half() -> None:
    # ten of ten, one at each moment: S = 1 − t/10, Σ d/(n(n − d)) = 1/n_left − 1/10; the lower limit is below a half from 1 on
    # (.473), the upper one from 8 on (.475) and not at 7 (.578)
    found = kaplan_meier(range(1, 11), [1] * 10)
    assert (found.median_interval, found.median) == ((1, 8), 5)

    def limit(time: int, sign: int) -> float:
        s = 1 - time / 10
        return s ** math.exp(sign * stats.norm.ppf(0.975) * math.sqrt(1 / (10 - time) - 1 / 10) / abs(math.log(s)))

    assert [round(limit(1, 1), 3), round(limit(7, -1), 3), round(limit(8, -1), 3)] == [0.473, 0.578, 0.475]
    assert math.isnan(kaplan_meier([1, 5, 5], [1, 0, 0]).median_interval[1])


def test_the_order_of_rows_does_not_matter() -> None:
    times, codes = drawn(5, 60)
    order = np.random.default_rng(0).permutation(60)
    mixed = cumulative_incidence(times[order], named(codes[order])).to_frame()
    pd.testing.assert_frame_equal(mixed, cumulative_incidence(times, named(codes)).to_frame(), check_exact=True)


def test_nobody_at_all_and_nobody_who_met_an_end_give_empty_tables() -> None:
    assert cumulative_incidence([], []).to_frame().empty
    found = cumulative_incidence([1, 2], [None, None])
    assert found.to_frame().empty
    assert found.causes == ()
    assert found.incidence_at(1).empty


def test_what_cannot_be_reckoned_with_is_refused_with_its_number() -> None:
    with pytest.raises(ValueError, match="2 durations are missing or negative"):
        cumulative_incidence([1, -1, np.nan], ["on"] * 3)
    with pytest.raises(ValueError, match="`causes` has 1 entries for 2 durations"):
        cumulative_incidence([1, 2], ["on"])
    with pytest.raises(ValueError, match="`observed` is missing for 1"):
        kaplan_meier([1, 2], [1, np.nan])
    with pytest.raises(ValueError, match="`observed` has 1 entries for 2"):
        kaplan_meier([1, 2], [1])
