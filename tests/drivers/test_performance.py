"""The importance-performance map: by hand, theoretical ends, refits one by one, ellipses, coverage of a planted truth, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cxlab.drivers.moments import drawn_counts, moments, products, slopes, sums_by_unit
from cxlab.drivers.performance import NOT_SETTLED, ImportancePerformance, importance_performance


def _planted(n: int = 300, seed: int = 0) -> pd.DataFrame:
    """Recommendation 0 to 10 = 2 + .9·app + .3·shop + noise, the drivers on 1 to 5; the app does badly, the shop well."""
    rng = np.random.default_rng(seed)
    mood = rng.normal(size=n)
    app = (2.4 + 0.6 * mood + 0.8 * rng.normal(size=n)).clip(1, 5)
    shop = (4.0 + 0.4 * mood + 0.6 * rng.normal(size=n)).clip(1, 5)
    return pd.DataFrame(
        {"loyal": (2 + 0.9 * app + 0.3 * shop + 0.8 * rng.normal(size=n)).clip(0, 10), "app": app, "shop": shop}
    )


def _map(data: pd.DataFrame | None = None, **more: Any) -> ImportancePerformance:
    given = {"scales": (1, 5), "outcome_scale": (0, 10), "n_boot": 0, **more}
    return importance_performance(_planted() if data is None else data, "loyal", ["app", "shop"], **given)


def test_one_driver_by_hand() -> None:
    # 1 to 5 → 0, 25, 50, 75, 100; 0 to 10 → 0 to 100. loyal = 2·app − 1 exactly: 10·2 points a step of 25, so 0.8 a point
    data = pd.DataFrame({"app": [1, 2, 3, 4, 5, 3] * 6, "loyal": [1, 3, 5, 7, 9, 5] * 6})
    found = importance_performance(data, "loyal", ["app"], scales=(1, 5), outcome_scale=(0, 10), n_boot=0)
    row = found.table.iloc[0]
    assert row["importance"] == pytest.approx(0.8)
    assert row["performance"] == pytest.approx(50)
    assert found.outcome_performance == pytest.approx(50)
    assert np.isnan(row[["importance_low", "performance_high", "quadrant_probability"]].astype(float)).all()


def test_performance_uses_the_ends_of_the_questionnaire_not_of_the_answers() -> None:
    data = _planted()
    data["shop"] = data["shop"].clip(3, 4)  # nobody said 1, 2 or 5
    found = _map(data).table.set_index("driver")
    assert found.loc["shop", "performance"] == pytest.approx(100 * (data["shop"].mean() - 1) / 4)
    slope = np.linalg.lstsq(np.column_stack([np.ones(300), data[["app", "shop"]]]), data["loyal"], rcond=None)[0]
    assert found["importance"].tolist() == pytest.approx((slope[1:] * 4 / 10).tolist())


def test_the_units_of_a_driver_change_nothing_where_its_ends_change_with_them() -> None:
    data = _planted()
    wider = data.assign(app=10 * data["app"] - 3)
    found = _map(wider, scales={"app": (7, 47), "shop": (1, 5)}, n_boot=100)
    pd.testing.assert_frame_equal(found.table, _map(data, n_boot=100).table)


def test_the_bootstrap_agrees_with_refitting_redrawn_respondents_one_by_one() -> None:
    data = _planted(80)
    data.loc[:9, "shop"] = np.nan
    found = _map(data, n_boot=100, random_state=3)
    rng = np.random.default_rng(3)
    for draw in found.draws[:20]:
        again = _map(data.iloc[rng.integers(0, 80, 80)].reset_index(drop=True)).table
        assert draw == pytest.approx(again[["importance", "performance"]].to_numpy())
    row = found.table.set_index("driver").loc["app"]
    assert row["importance_error"] == pytest.approx(found.draws[:, 0, 0].std(ddof=1))
    reach = np.sqrt(80 / 79) * stats.t.ppf(0.975, 79)  # a little further out than 2.5% (Hesterberg 2015)
    assert row["performance_low"] == pytest.approx(np.quantile(found.draws[:, 0, 1], stats.norm.cdf(-reach)))
    assert found.n_units == 80


def test_importance_rests_on_complete_answers_and_performance_on_all_who_answered() -> None:
    data = _planted(100)
    data.loc[:29, "shop"] = np.nan
    data.loc[95:, "loyal"] = np.nan
    found = _map(data)
    assert (found.n, found.n_left_out) == (65, 35)
    table = found.table.set_index("driver")
    assert table["n_performance"].to_dict() == {"app": 100, "shop": 70}
    assert table.loc["app", "performance"] == pytest.approx(100 * (data["app"].mean() - 1) / 4)
    whole = _map(data.dropna()).table.set_index("driver")
    assert table["importance"].tolist() == pytest.approx(whole["importance"].tolist())


def test_a_weight_is_as_many_equal_respondents() -> None:
    data = _planted(100)
    times = np.random.default_rng(1).integers(0, 4, 100)
    weighted = _map(data.assign(w=times.astype(float)), weights_col="w")
    repeated = _map(data.loc[data.index.repeat(times)])
    columns = ["importance", "performance"]
    assert weighted.table[columns].to_numpy() == pytest.approx(repeated.table[columns].to_numpy())
    assert weighted.outcome_performance == pytest.approx(repeated.outcome_performance)
    lost = data.assign(w=np.where(np.arange(100) < 7, np.nan, 1.0))
    assert _map(lost, weights_col="w", n_boot=100).n == 93


def test_an_effect_of_ones_own_takes_the_place_of_least_squares() -> None:
    data = _planted(120)

    def least_squares(X: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
        design = np.column_stack([np.ones(len(y)), X]) * np.sqrt(w)[:, None]
        return np.linalg.lstsq(design, y * np.sqrt(w), rcond=None)[0][1:]

    accounts = data.assign(account=np.arange(120) // 3, w=np.tile([1.0, 2.0], 60))
    given = {"n_boot": 100, "cluster_col": "account", "weights_col": "w"}
    own = _map(accounts, effect=least_squares, **given)
    assert own.draws == pytest.approx(_map(accounts, **given).draws)
    accounts.loc[:9, "w"] = np.nan  # whole accounts without a weight
    own = _map(accounts, effect=least_squares, **given)
    assert own.draws == pytest.approx(_map(accounts, **given).draws)
    with pytest.raises(ValueError, match=r"one number for each of the 2 drivers, got shape \(3,\)"):
        _map(data, effect=lambda X, y, w: np.zeros(3))


def test_accounts_are_drawn_whole() -> None:
    # every respondent five times: drawn singly the error looks √5 smaller than it is
    data = pd.concat([_planted(60)] * 5, ignore_index=True).assign(account=np.tile(np.arange(60), 5))
    columns = ["importance_error", "performance_error"]
    once = _map(_planted(60), n_boot=400).table[columns].to_numpy()
    assert _map(data, cluster_col="account", n_boot=400).table[columns].to_numpy() == pytest.approx(once, rel=0.15)
    assert (_map(data, n_boot=400).table[columns].to_numpy() < 0.6 * once).all()


def test_an_ellipse_holds_as_many_resamples_as_its_level_says() -> None:
    found = _map(n_boot=2000, conf_level=0.9)
    for j, row in found.ellipses.iterrows():
        off = found.draws[:, j] - row[["importance", "performance"]].to_numpy(dtype=float)
        angle = np.deg2rad(row["angle"])
        along = off @ [np.cos(angle), np.sin(angle)] / row["long_axis"]
        across = off @ [-np.sin(angle), np.cos(angle)] / row["short_axis"]
        assert (along**2 + across**2 <= 1).mean() == pytest.approx(0.9, abs=0.03)
        # wider than the interval of performance alone, by √(2·F(2, n − 2)) to Student's
        width = row["long_axis"] / (stats.t.ppf(0.95, 299) * found.table["performance_error"][j])
        assert width == pytest.approx(np.sqrt(2 * stats.f.ppf(0.9, 2, 298)) / stats.t.ppf(0.95, 299), rel=0.01)


def test_outlines_lie_on_their_ellipses_and_close() -> None:
    found = _map(n_boot=200)
    lines = found.outlines(24)
    assert len(lines) == 2 * 25
    for j, (_, own) in enumerate(lines.groupby("driver")):
        place = own[["importance", "performance"]].to_numpy()
        assert place[0] == pytest.approx(place[-1])
        inverse = np.linalg.inv(np.cov(found.draws[:, j].T))
        centre = found.ellipses.loc[j, ["importance", "performance"]].to_numpy(dtype=float)
        distance = np.einsum("ni,ij,nj->n", place - centre, inverse, place - centre)
        assert distance == pytest.approx(np.full(25, 2 * 300 / 298 * stats.f.ppf(0.95, 2, 298)))


def test_a_quadrant_is_named_only_where_resamples_agree() -> None:
    sure = _map(_planted(400), n_boot=300).table.set_index("driver")
    assert sure["quadrant_named"].to_dict() == {"app": "concentrate here", "shop": "possible overkill"}
    rng = np.random.default_rng(0)
    twins = pd.DataFrame(rng.normal(3, 0.7, size=(60, 2)).clip(1, 5), columns=["app", "shop"])
    twins["loyal"] = (twins.sum(axis=1) + rng.normal(size=60)).clip(0, 10)
    found = _map(twins, n_boot=300).table
    assert (found["quadrant_probability"] < 0.8).all()
    assert set(found["quadrant_named"]) == {NOT_SETTLED}
    assert set(found["quadrant"]) != {NOT_SETTLED}


def test_resamples_in_which_a_driver_has_no_spread_are_left_out() -> None:
    data = _planted(80).assign(
        shop=np.where(np.arange(80) == 7, 5.0, 4.0)
    )  # respondent 7 is missed by a third of resamples
    found = _map(data, n_boot=200)
    assert 200 * 0.5 < found.n_draws < 200 * 0.8
    assert np.isfinite(found.table[["importance_low", "performance_high"]].to_numpy()).all()


def test_intervals_hold_a_planted_truth() -> None:
    # importance of the app .9·4/10 = .36 and of the shop .12; 60 samples, so at least .87 of .95 nominal by chance
    held = np.zeros((60, 2))
    for seed in range(60):
        table = _map(_planted_open(seed), n_boot=100, random_state=seed).table
        held[seed] = (table["importance_low"] <= [0.36, 0.12]) & (table["importance_high"] >= [0.36, 0.12])
    assert ((held.mean(axis=0) >= 0.87) & (held.mean(axis=0) <= 1)).all()


def _planted_open(seed: int) -> pd.DataFrame:
    """As `_planted`, on answers that no end of a scale cuts off."""
    rng = np.random.default_rng(seed)
    app, shop = rng.uniform(1, 5, 120), rng.uniform(1, 5, 120)
    return pd.DataFrame({"loyal": 1 + 0.9 * app + 0.3 * shop + rng.uniform(-1, 1, 120), "app": app, "shop": shop})


def test_what_has_no_place_on_the_map_is_refused_by_name() -> None:
    data = _planted(60)
    with pytest.raises(
        ValueError, match=r"`app` holds 9 \(row 4\), off the scale 1 to 5; mend the scale, or make a code"
    ):
        _map(data.assign(app=np.where(data.index == 4, 9, data["app"])))
    with pytest.raises(ValueError, match=r"`loyal` holds .* off the scale 1 to 3"):
        _map(data, outcome_scale=(1, 3))
    with pytest.raises(ValueError, match="these follow from each other: app, shop; leave one out"):
        _map(data.assign(shop=6 - data["app"]))
    with pytest.raises(ValueError, match="all respondents are of one account, which shows no spread"):
        _map(data.assign(account="A"), cluster_col="account", n_boot=100)
    with pytest.raises(ValueError, match="`app` has no spread among those who answered everything"):
        _map(data.assign(app=3))
    with pytest.raises(ValueError, match="20 of 60 respondents answered everything; 2 drivers need 30"):
        _map(data.mask(data.index.to_series() >= 20))
    with pytest.raises(ValueError, match="`scales` has no ends for `shop`"):
        _map(data, scales={"app": (1, 5)})
    with pytest.raises(ValueError, match="scale of `app` must run from low to high, got 5 to 1"):
        _map(data, scales=(5, 1))
    with pytest.raises(ValueError, match="`loyal` is named twice"):
        importance_performance(data, "loyal", ["app", "loyal"], scales=(1, 5), outcome_scale=(0, 10))
    with pytest.raises(ValueError, match='`drivers` must be a list of columns, got "app"'):
        importance_performance(data, "loyal", "app", scales=(1, 5), outcome_scale=(0, 10))
    with pytest.raises(ValueError, match="no column `shap`; did you mean `shop`"):
        importance_performance(data, "loyal", ["app", "shap"], scales=(1, 5), outcome_scale=(0, 10))


def test_sums_of_products_are_means_covariances_and_slopes() -> None:
    data = _planted(50)[["app", "shop", "loyal"]].to_numpy()
    w = np.random.default_rng(0).uniform(1, 3, 50)
    sums = (products(data) * w[:, None]).sum(axis=0)[None]
    mean, covariance = moments(sums, 3)
    assert mean[0] == pytest.approx(np.average(data, axis=0, weights=w))
    assert covariance[0] == pytest.approx(np.cov(data.T, aweights=w, ddof=0))
    design = np.column_stack([np.ones(50), data[:, :2]]) * np.sqrt(w)[:, None]
    assert slopes(sums, 2)[0] == pytest.approx(np.linalg.lstsq(design, data[:, 2] * np.sqrt(w), rcond=None)[0][1:])
    alike = products(data[:, [0, 0, 2]]).sum(axis=0)[None]
    assert np.isnan(slopes(alike, 2)).all()


def test_sums_by_unit_and_counts_of_resamples() -> None:
    assert sums_by_unit(np.array([[1.0], [2], [4]]), np.array([5, 2, 5])).tolist() == [[2], [5]]
    assert sums_by_unit(np.array([[1.0], [2], [4]]), np.array([2, 0, 1])).tolist() == [[2], [4], [1]]
    counts = np.concatenate(list(drawn_counts(7, 30, np.random.default_rng(0))))
    assert counts.shape == (30, 7)
    assert (counts.sum(axis=1) == 7).all()
