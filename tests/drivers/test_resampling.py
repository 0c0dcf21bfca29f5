"""Intervals of shares: resamples redrawn respondent by respondent, percentiles by hand, and tests that keep their level."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cxlab.drivers import resampling
from cxlab.drivers.importance import lmg
from cxlab.drivers.resampling import ResampledImportance, permutation_test, resampled


def _data(seed: int, p: int, n: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) @ rng.normal(size=(p, p)) + 0.3 * rng.normal(size=(n, p))
    return np.column_stack([X, X @ rng.normal(size=p) + 2 * rng.normal(size=n)])


def test_resamples_are_the_correlations_of_redrawn_respondents() -> None:
    # the same draws, respondent by respondent
    data, weights = _data(0, 2, 20), np.random.default_rng(1).uniform(1, 3, 20)
    found = resampled(data, 3, np.random.default_rng(9), weights=weights)
    rng = np.random.default_rng(9)
    for one in found:
        at = rng.integers(0, 20, 20)
        cov = np.cov(data[at].T, aweights=weights[at])
        assert one == pytest.approx(cov / np.sqrt(np.outer(np.diag(cov), np.diag(cov))))


def test_resamples_of_accounts_draw_whole_accounts_and_a_respondent_without_one_stands_alone() -> None:
    data = _data(0, 2, 12)
    order = np.random.default_rng(2).permutation(12)  # accounts need not stand together
    clusters = np.array(["a"] * 4 + ["b"] * 4 + ["c"] * 2 + [None, None], dtype=object)
    shuffled = clusters[np.argsort(order)]
    first = list(dict.fromkeys(name for name in shuffled if name))
    members = [[row for row in range(12) if shuffled[row] == name] for name in first]
    members += [[row] for row in range(12) if shuffled[row] is None]
    found = resampled(data, 4, np.random.default_rng(3), clusters=shuffled)
    rng = np.random.default_rng(3)
    for one in found:
        at = [row for unit in rng.integers(0, 5, 5) for row in members[unit]]
        assert one == pytest.approx(np.corrcoef(data[at].T))


def test_neither_the_level_nor_the_unit_of_an_answer_matters_to_resamples() -> None:
    data = _data(0, 3, 30)
    moved = data * [1e3, 1e-3, 1, 5] + [1e5, 0, 7, -2]
    plain, other = (resampled(one, 20, np.random.default_rng(0)) for one in (data, moved))
    assert other == pytest.approx(plain, abs=1e-8)


def test_identical_rows_are_drawn_together_and_spread_as_much(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    data = rng.integers(0, 2, size=(400, 3)).astype(float)
    data[:, 2] += data[:, 0]
    weights = rng.integers(1, 3, 400).astype(float)
    single = resampled(data, 2_000, np.random.default_rng(1), weights=weights)
    monkeypatch.setattr(resampling, "_LARGE", 1)
    units, copies = resampling._units(data, np.triu_indices(3), None, weights)
    assert len(units) == len(np.unique(np.column_stack([data, weights]), axis=0))
    assert copies.sum() == 400
    together = resampled(data, 2_000, np.random.default_rng(1), weights=weights)
    whole = np.cov(data.T, aweights=weights)
    assert together.mean(axis=0) == pytest.approx(whole / np.sqrt(np.outer(np.diag(whole), np.diag(whole))), abs=0.01)
    # standard deviations of 2,000 draws: ± 4·sd/√4000
    a, b = single[:, 0, 2].std(), together[:, 0, 2].std()
    assert b == pytest.approx(a, rel=4 * np.sqrt(2) / np.sqrt(4_000))


def test_rows_that_are_all_different_are_not_aggregated(monkeypatch: pytest.MonkeyPatch) -> None:
    data = _data(0, 2, 50)
    plain = resampled(data, 5, np.random.default_rng(1))
    monkeypatch.setattr(resampling, "_LARGE", 1)
    assert np.array_equal(resampled(data, 5, np.random.default_rng(1)), plain)


def test_resamples_come_in_portions_that_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    data = _data(0, 2, 50)
    plain = resampled(data, 7, np.random.default_rng(1))
    monkeypatch.setattr(resampling, "_COUNTED", 100)  # two at once
    assert resampled(data, 7, np.random.default_rng(1)) == pytest.approx(plain)


def test_a_resample_without_spread_is_nan_and_not_noise() -> None:
    # weights and a level of 100 leave a variance of rounding where three equal answers are drawn
    rng = np.random.default_rng(8)
    data = 100 + 3 * rng.normal(size=(4, 3))
    data[:3, 0] = data[0, 0]
    found = resampled(data, 200, np.random.default_rng(0), weights=rng.uniform(1, 3, 4))
    rng = np.random.default_rng(0)
    flat = [len(set(data[rng.integers(0, 4, 4), 0])) == 1 for _ in range(200)]
    lone = np.isnan(found).all(axis=(1, 2))
    assert (lone[flat]).all()
    assert np.isfinite(found[~lone]).all()
    # one respondent four times has no spread anywhere, and none in the first column
    assert lone.sum() == sum(flat)


# ------------------------------------------------------------------------------------------------- what draws tell


def _made(draws: np.ndarray, estimate: list[float], **more: object) -> ResampledImportance:
    told = {"n": 100, "n_units": 100, "interval": "percentile", **more}
    return ResampledImportance(("a", "b", "c")[: draws.shape[1]], np.array(estimate), draws, **told)  # type: ignore[arg-type]


def _hundred() -> np.ndarray:
    """Shares of a from .40 to .499, of b the rest of .8, of c .2."""
    a = 0.40 + np.arange(100) / 1000
    return np.column_stack([a, 0.8 - a, np.full(100, 0.2)])


def test_percentiles_and_places_by_hand() -> None:
    found = _made(_hundred()[::-1], [0.45, 0.35, 0.2], conf_level=0.9).to_frame().set_index("driver")
    # the 5th percentile of 0 … 99 thousandths is 4.95
    assert found.loc["a", ["conf_low", "conf_high"]].tolist() == pytest.approx([0.40495, 0.49405])
    assert found.loc["b", ["conf_low", "conf_high"]].tolist() == pytest.approx([0.30595, 0.39505])
    assert found.loc["c", ["std_error", "conf_low", "conf_high"]].tolist() == pytest.approx([0, 0.2, 0.2])
    assert found.loc["a", "std_error"] == pytest.approx(np.sqrt((100**2 - 1) / 12 * 100 / 99) / 1000)
    assert found["rank"].tolist() == [1, 2, 3]
    assert found[["rank_low", "rank_high"]].values.tolist() == [[1, 1], [2, 2], [3, 3]]
    assert found["share_first"].tolist() == pytest.approx([1, 0, 0]), "at .40 both are equal, and the first one counts"
    assert found["n"].tolist() == [100] * 3
    assert found["conf_level"].tolist() == [0.9] * 3


def test_a_place_that_changes_in_one_of_ten_resamples_has_an_interval() -> None:
    draws = np.tile([0.6, 0.4], (100, 1))
    draws[:10] = draws[:10, ::-1]
    found = _made(draws, [0.6, 0.4]).to_frame()
    assert found[["rank_low", "rank_high"]].values.tolist() == [[1, 2], [1, 2]]
    assert found["share_first"].tolist() == pytest.approx([0.9, 0.1])
    # the 90.5th percentile of 90 first and 10 second places is a place, the second, and not 1.6
    between = _made(draws, [0.6, 0.4], conf_level=0.81).to_frame()
    assert between[["rank_low", "rank_high"]].values.tolist() == [[1, 2], [1, 2]]
    tighter = _made(draws, [0.6, 0.4], conf_level=0.7).to_frame()
    assert tighter[["rank_low", "rank_high"]].values.tolist() == [[1, 1], [2, 2]]


def test_importances_become_shares_resample_by_resample() -> None:
    draws = _hundred() * np.linspace(0.1, 0.9, 100)[:, None]  # R² differs, shares do not
    assert _made(draws, [0.09, 0.07, 0.04]).to_frame()["conf_low"].tolist() == pytest.approx(
        _made(_hundred(), [0.45, 0.35, 0.2]).to_frame()["conf_low"].tolist()
    )


def test_bias_correction_moves_the_percentiles_by_twice_the_score_of_the_estimate() -> None:
    estimate = [0.4695, 0.3305, 0.2]  # 70 of 100 resamples lie below .4695
    found = _made(_hundred(), estimate, interval="bias_corrected").to_frame()
    shift = 2 * stats.norm.ppf(0.7)
    student = np.sqrt(100 / 99) * stats.t.ppf([0.025, 0.975], 99)  # widened, too
    levels = stats.norm.cdf(shift + student)
    # np.quantile of 0 … 99 at q is 99·q
    assert found.loc[0, ["conf_low", "conf_high"]].tolist() == pytest.approx((0.4 + 99 * levels / 1000).tolist())
    middle = _made(_hundred(), [0.4495, 0.3505, 0.2], interval="bias_corrected").to_frame()
    plain = _made(_hundred(), [0.4495, 0.3505, 0.2], interval="widened").to_frame()
    assert middle["conf_low"].tolist() == pytest.approx(plain["conf_low"].tolist()), "nothing to correct"
    beyond = _made(_hundred(), [0.6, 0.2, 0.2], interval="bias_corrected").to_frame()
    assert beyond["conf_low"].tolist() == pytest.approx(plain["conf_low"].tolist()), "no score, no correction"


def test_few_accounts_widen_the_percentiles_as_student_would() -> None:
    # the mean of n draws from normal resamples would get ± t·s/√n, s with n − 1: resamples vary by √((n − 1)/n)·s/√n
    few, many = (
        _made(_hundred(), [0.45, 0.35, 0.2], interval="widened", n_units=units).to_frame() for units in (5, 10**6)
    )
    level = stats.norm.cdf(np.sqrt(5 / 4) * stats.t.ppf(0.025, 4))
    assert few.loc[0, "conf_low"] == pytest.approx(0.4 + 99 * level / 1000)
    assert few.loc[0, "conf_high"] == pytest.approx(0.499 - 99 * level / 1000)
    plain = _made(_hundred(), [0.45, 0.35, 0.2]).to_frame()
    assert many["conf_low"].tolist() == pytest.approx(plain["conf_low"].tolist(), abs=1e-6)
    assert few["std_error"].tolist() == plain["std_error"].tolist()


def test_a_widened_difference_is_clear_just_when_its_interval_leaves_0_out() -> None:
    gap = np.linspace(-0.003, 0.097, 1_001)  # 3% of the resamples lie below 0
    draws = np.column_stack([0.5 + gap / 2, 0.5 - gap / 2])
    for units in (4, 10, 30, 10_000):
        for conf_level in (0.8, 0.9, 0.93, 0.95, 0.99):
            row = (
                _made(draws, [0.52, 0.48], interval="widened", n_units=units, conf_level=conf_level)
                .differences()
                .iloc[0]
            )
            assert (row["conf_low"] > 0) == (row["p_value"] < 1 - conf_level), (units, conf_level)


def test_differences_of_pairs_by_hand() -> None:
    found = _made(_hundred(), [0.45, 0.35, 0.2]).differences()
    assert found[["driver", "other"]].values.tolist() == [["a", "b"], ["a", "c"], ["b", "c"]]
    assert found["estimate"].tolist() == pytest.approx([0.10, 0.25, 0.15])
    # a − b runs from 0 to .198 in steps of .002; the 2.5th percentile is at 2.475 steps
    assert found.loc[0, ["conf_low", "conf_high"]].tolist() == pytest.approx([0.00495, 0.19305])
    # one resample of a hundred is not above 0: twice (1 + 1)/101; none: twice 1/101
    assert found["p_value"].tolist() == pytest.approx([4 / 101, 2 / 101, 2 / 101])
    assert found["q_value"].tolist() == pytest.approx([4 / 101, 3 / 101, 3 / 101])


def test_a_difference_knows_that_two_drivers_rise_and_fall_together() -> None:
    # both shares are uncertain, their difference is not
    common = np.linspace(0.2, 0.3, 100)
    draws = np.column_stack([common + 0.05, common, 0.95 - 2 * common])
    found = _made(draws, [0.3, 0.25, 0.45])
    row = found.differences().set_index(["driver", "other"]).loc[("a", "b")]
    assert row[["estimate", "conf_low", "conf_high"]].tolist() == pytest.approx([0.05, 0.05, 0.05])
    overlap = found.to_frame().set_index("driver")
    assert overlap.loc["a", "conf_low"] < overlap.loc["b", "conf_high"]


def test_what_tells_no_interval_is_refused() -> None:
    with pytest.raises(ValueError, match=r"49 resamples with importances \(3 without\) are too few"):
        _made(_hundred()[:49], [0.45, 0.35, 0.2], n_failed=3)
    with pytest.raises(ValueError, match="3 drivers need 3 importances and as many in every resample"):
        _made(_hundred(), [0.45, 0.35])
    with pytest.raises(ValueError, match="`interval` is one of widened, percentile and bias_corrected, got 'normal'"):
        _made(_hundred(), [0.45, 0.35, 0.2], interval="normal")
    with pytest.raises(ValueError, match="`conf_level` must be between 0 and 1, got 95"):
        _made(_hundred(), [0.45, 0.35, 0.2], conf_level=95)
    with pytest.raises(ValueError, match="all respondents are of one account, which shows no spread"):
        _made(_hundred(), [0.45, 0.35, 0.2], n_units=1)
    with pytest.raises(ValueError, match="one driver has no other to differ from"):
        _made(_hundred()[:, :1], [0.45]).differences()


# ----------------------------------------------------------------------------------------------------- permutation test


def test_the_tested_share_is_lmg_and_a_planted_driver_is_found() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    X[:, 2] += X[:, 0]  # goes with the outcome only through driver 0
    data = np.column_stack([X, X[:, 0] + rng.normal(size=200)])
    found = permutation_test(data, ["real", "noise", "shadow"], n_draws=199)
    assert found["estimate"].tolist() == pytest.approx(lmg(np.corrcoef(data.T)).tolist())
    assert found["p_value"][0] == 1 / 200
    assert found["p_value"][1:].min() > 0.05
    assert found["expected"][2] > 0.1, "a shadow has a share by chance, so that 0 is not what it is held against"
    assert found["n"].tolist() == [200] * 3


def test_each_driver_is_judged_by_the_outcomes_that_leave_it_out() -> None:
    # the same orders by hand for the second of two drivers
    data = _data(3, 2, 30)
    found = permutation_test(data, ["a", "b"], n_draws=50, random_state=4)
    rng = np.random.default_rng(4)
    x = data[:, 0] - data[:, 0].mean()
    y = data[:, 2] - data[:, 2].mean()
    fitted = x * (x @ y) / (x @ x)
    drawn = []
    for _ in range(50):
        outcome = fitted + (y - fitted)[rng.permutation(30)]
        drawn.append(lmg(np.corrcoef(np.column_stack([data[:, :2], outcome]).T))[1])
    assert found["expected"][1] == pytest.approx(np.mean(drawn))
    assert found["p_value"][1] == pytest.approx((1 + np.sum(drawn >= found["estimate"][1])) / 51)


def test_a_driver_without_a_coefficient_is_found_as_often_as_chance_allows() -> None:
    found = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(40, 2))
        X[:, 1] += 0.7 * X[:, 0]
        data = np.column_stack([X, X[:, 0] + rng.normal(size=40)])
        found.append(permutation_test(data, ["real", "none"], n_draws=99, random_state=seed)["p_value"][1])
    # 5% of 200 are 10 ± 3·3.1
    assert 1 <= np.sum(np.array(found) <= 0.05) <= 19


def test_accounts_change_places_as_wholes() -> None:
    # twenty accounts of ten that answer alike: the correlation spreads as with 20 respondents, so that shuffling all 200 calls
    # 2·Φ(−1.96/√10) = 53% clear. Of 60 sets that is 53 ± 4·6.4%, and of accounts 5 ± 4·2.8%
    rng = np.random.default_rng(5)
    alone, whole = [], []
    for seed in range(60):
        accounts = np.repeat(np.arange(20), 10)
        data = np.column_stack(
            [rng.normal(size=20)[accounts], rng.normal(size=20)[accounts] + 0.2 * rng.normal(size=200)]
        )
        alone.append(permutation_test(data, ["a"], n_draws=99, random_state=seed)["p_value"][0])
        whole.append(permutation_test(data, ["a"], clusters=accounts, n_draws=99, random_state=seed)["p_value"][0])
    assert np.mean(np.array(alone) <= 0.05) > 0.27
    assert np.mean(np.array(whole) <= 0.05) < 0.17


def test_too_few_draws_and_names_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="`n_draws` must be at least 50, got 20"):
        permutation_test(_data(0, 2, 20), ["a", "b"], n_draws=20)
    with pytest.raises(ValueError, match="2 drivers and 3 names"):
        permutation_test(_data(0, 2, 20), ["a", "b", "c"])


def test_draws_of_another_fit_can_be_told_the_same_way() -> None:
    draws = pd.DataFrame(_hundred(), columns=["a", "b", "c"])
    told = ResampledImportance(tuple(draws), np.array([0.45, 0.35, 0.2]), draws.to_numpy(), 50, 10).to_frame()
    assert told.columns.tolist() == [
        "driver", "estimate", "share", "std_error", "conf_low", "conf_high", "conf_level", "n", "rank", "rank_low",
        "rank_high", "share_first",
    ]  # fmt: skip
