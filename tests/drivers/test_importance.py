"""Shares of R²: worked by hand for two drivers, against R's relaimpo, and what must not change them."""

from __future__ import annotations

import warnings
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxlab.drivers import relative_importance
from cxlab.drivers.importance import (
    bootstrap_dominance,
    bootstrap_importance,
    closed_form,
    dominance_analysis,
    importance_from_correlation,
)

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "drivers"
METHODS = ("lmg", "pmvd", "johnson", "genizi", "first", "last", "betasq", "pratt", "car")
ADD_UP = ("lmg", "pmvd", "johnson", "genizi", "pratt", "car")
SWISS = ["Agriculture", "Examination", "Education", "Catholic", "Infant.Mortality"]


def _needed(name: str) -> pd.DataFrame:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"the shared real data lacks drivers/{name}")
    return pd.read_csv(path)


def _exact(correlation: list[list[float]]) -> tuple[pd.DataFrame, np.ndarray]:
    """Eight respondents whose answers correlate exactly as asked, the outcome last."""
    signs = np.array([[(-1) ** bin(row & column).count("1") for column in (1, 2, 4, 7)] for row in range(8)])
    made = signs[:, : len(correlation)] @ np.linalg.cholesky(np.array(correlation)).T
    return pd.DataFrame(made[:, :-1], columns=list("abc")[: len(correlation) - 1]), made[:, -1]


def _random(seed: int, p: int, n: int = 30) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) @ rng.normal(size=(p, p)) + 0.3 * rng.normal(size=(n, p))
    return pd.DataFrame(X, columns=[f"d{j}" for j in range(p)]), X @ rng.normal(size=p) + 2 * rng.normal(size=n)


def _r2(X: pd.DataFrame, y: np.ndarray, weights: np.ndarray | None = None) -> float:
    """R² by least squares, the other route."""
    root = np.sqrt(np.ones(len(y)) if weights is None else weights)[:, None]
    design = np.column_stack([np.ones(len(y)), X]) * root
    left = y * root[:, 0] - design @ np.linalg.lstsq(design, y * root[:, 0], rcond=None)[0]
    return float(1 - left @ left / (root[:, 0] ** 2 @ (y - np.average(y, weights=root[:, 0] ** 2)) ** 2))


@pytest.mark.parametrize(
    ("method", "a", "b"),
    [
        # r = .6 and .5 with the outcome, .5 with each other: β = (.35, .2)/.75 and R² = .6·β₁ + .5·β₂ = .31/.75
        ("first", 0.36, 0.25),
        ("last", 0.31 / 0.75 - 0.25, 0.31 / 0.75 - 0.36),
        ("lmg", (0.36 + 0.31 / 0.75 - 0.25) / 2, (0.25 + 0.31 / 0.75 - 0.36) / 2),
        ("betasq", (0.35 / 0.75) ** 2, (0.2 / 0.75) ** 2),
        ("pratt", 0.6 * 0.35 / 0.75, 0.5 * 0.2 / 0.75),
        # with two drivers PMVD splits R² like the gains of entering last: .16333 to .05333
        ("pmvd", 0.31 / 0.75 * 0.49 / 0.65, 0.31 / 0.75 * 0.16 / 0.65),
        # R½ has u ± v with u = (√1.5 + √.5)/2 …; R⁻½ r by the eigenvectors (1, 1) and (1, −1)
        ("car", (0.55 / 1.5**0.5 + 0.05 / 0.5**0.5) ** 2, (0.55 / 1.5**0.5 - 0.05 / 0.5**0.5) ** 2),
    ],
)
def test_two_drivers_by_hand(method: str, a: float, b: float) -> None:
    X, y = _exact([[1, 0.5, 0.6], [0.5, 1, 0.5], [0.6, 0.5, 1]])
    found = relative_importance(X, y, method=method)
    assert found["importance"].tolist() == pytest.approx([a, b])
    assert found["share"].tolist() == pytest.approx([a / (a + b), b / (a + b)])
    assert found["driver"].tolist() == ["a", "b"]


def test_drivers_that_do_not_go_together_have_their_squared_correlation_by_every_method() -> None:
    X, y = _exact([[1, 0, 0, 0.6], [0, 1, 0, -0.5], [0, 0, 1, 0.3], [0.6, -0.5, 0.3, 1]])
    for method in METHODS:
        found = relative_importance(X, y, method=method)["importance"]
        assert found.tolist() == pytest.approx([0.36, 0.25, 0.09]), method


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("method", "figures"),
    [  # R relaimpo 2.2-7; PMVD from its definition (Feldman 2005)
        ("lmg", [0.057091220768, 0.1711730289, 0.26013467862, 0.10557015037, 0.11276592293]),
        ("johnson", [0.048416895812, 0.15470824981, 0.27196410465, 0.11468002995, 0.11696572138]),
        ("car", [0.00056747418534, 0.15113399085, 0.32326807098, 0.11507318418, 0.1166922814]),
        ("last", [0.042869607125, 0.0073874185151, 0.16196269308, 0.062372625827, 0.056945258732]),
        ("pmvd", [0.0447851710, 0.0444686840, 0.3798187698, 0.1343317376, 0.1033306393]),
    ],
)
def test_swiss_agrees_with_relaimpo(method: str, figures: list[float]) -> None:
    swiss = _needed("swiss.csv")
    found = relative_importance(swiss[SWISS], swiss["Fertility"], method=method)
    assert found["importance"].tolist() == pytest.approx(figures, abs=1e-9)
    if method in ADD_UP:
        assert found["importance"].sum() == pytest.approx(0.70673500159, abs=1e-9)


@pytest.mark.realdata
def test_the_bank_agrees_with_displayrs_own_test() -> None:
    bank = _needed("displayr_bank.csv").dropna()
    drivers = ["Fees", "Interest", "Phone", "Branch", "Online", "ATM"]
    found = relative_importance(bank[drivers], bank["Overall"]).set_index("driver")["importance"]
    assert len(bank) == 244
    assert found["Fees"] == pytest.approx(0.115570678291964, abs=1e-12)
    assert found.sum() == pytest.approx(0.4988654351715, abs=1e-12)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), p=st.integers(1, 5), method=st.sampled_from(ADD_UP))
def test_the_parts_add_up_to_r2_and_the_shares_to_one(seed: int, p: int, method: str) -> None:
    X, y = _random(seed, p)
    found = relative_importance(X, y, method=method)
    assert found["importance"].sum() == pytest.approx(_r2(X, y), abs=1e-8)
    assert found["share"].sum() == pytest.approx(1)
    if method in ("lmg", "pmvd", "johnson", "car"):
        assert found["importance"].min() >= -1e-12


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), p=st.integers(2, 5), method=st.sampled_from(METHODS))
def test_neither_the_order_of_the_columns_nor_their_units_change_a_share(seed: int, p: int, method: str) -> None:
    X, y = _random(seed, p)
    rng = np.random.default_rng(seed)
    turned = (X * rng.uniform(0.1, 50, p) + rng.normal(size=p)).iloc[:, rng.permutation(p)]
    expected = relative_importance(X, y, method=method).set_index("driver")["importance"]
    found = relative_importance(turned, 7 * y - 3, method=method).set_index("driver")["importance"]
    assert found[expected.index].tolist() == pytest.approx(expected.tolist(), rel=1e-6, abs=1e-10)


def test_lmg_is_the_gain_in_r2_averaged_over_all_orders() -> None:
    X, y = _random(3, 4)
    gains = np.zeros(4)
    for order in permutations(range(4)):
        for place, j in enumerate(order):
            before = _r2(X.iloc[:, list(order[:place])], y) if place else 0.0
            gains[j] += _r2(X.iloc[:, list(order[: place + 1])], y) - before
    assert relative_importance(X, y)["importance"].tolist() == pytest.approx((gains / 24).tolist())


def test_a_driver_of_pure_noise_has_a_share_near_none() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(5_000, 3)), columns=["speed", "price", "noise"])
    found = relative_importance(X, X["speed"] + X["price"] + rng.normal(size=5_000)).set_index("driver")["share"]
    assert found["noise"] < 0.005
    assert found["speed"] == pytest.approx(0.5, abs=0.03)


def test_a_weight_is_as_many_equal_respondents() -> None:
    X, y = _random(1, 3)
    weights = np.random.default_rng(1).integers(1, 5, len(y))
    for method in METHODS:
        weighted = relative_importance(X, y, method=method, weights=weights)
        repeated = relative_importance(np.repeat(X, weights, axis=0), np.repeat(y, weights), method=method)
        assert weighted["importance"].tolist() == pytest.approx(repeated["importance"].tolist())
    assert relative_importance(X, y, weights=weights)["importance"].sum() == pytest.approx(_r2(X, y, weights))


def test_a_group_enters_together_and_always_in_drivers_take_theirs_first() -> None:
    X, y = _random(2, 4)
    grouped = relative_importance(X, y, groups={"both": ["d1", "d3"]}, always=["d0"]).set_index("driver")["importance"]
    # two players, both and d2, after d0: the mean of entering first and last
    d0, d02, d013, whole = (_r2(X[names], y) for names in (["d0"], ["d0", "d2"], ["d0", "d1", "d3"], list(X)))
    assert grouped.to_dict() == pytest.approx(
        {"d2": (d02 - d0 + whole - d013) / 2, "both": (d013 - d0 + whole - d02) / 2}
    )
    alone = relative_importance(X, y, groups={name: [name] for name in X})["importance"]
    assert alone.tolist() == pytest.approx(relative_importance(X, y)["importance"].tolist())


@pytest.mark.parametrize("method", ["lmg", "pmvd", "first", "last"])
def test_groups_and_always_in_drivers_by_the_r2_of_every_model(method: str) -> None:
    X, y = _random(8, 4)
    found = relative_importance(X, y, method=method, groups={"both": ["d1", "d3"]}, always=["d0"])
    base, alone, both, whole = (
        _r2(X[names], y) for names in (["d0"], ["d0", "d2"], ["d0", "d1", "d3"], ["d0", "d1", "d2", "d3"])
    )
    first, last = (alone - base, both - base), (whole - both, whole - alone)
    expected = {
        "first": first,
        "last": last,
        "lmg": [(one + other) / 2 for one, other in zip(first, last, strict=True)],
        # with two players PMVD splits what they explain like the gains of entering last
        "pmvd": [(whole - base) * part / sum(last) for part in last],
    }[method]
    assert found["driver"].tolist() == ["d2", "both"]
    assert found["importance"].tolist() == pytest.approx(expected)


def test_more_columns_than_could_be_visited_one_by_one_are_shared_out_in_groups() -> None:
    # 40 columns in four groups are 16 subsets
    X, y = _random(4, 40, n=200)
    groups = {f"g{part}": [f"d{j}" for j in range(part, 40, 4)] for part in range(4)}
    found = relative_importance(X, y, groups=groups)["importance"]
    assert found.sum() == pytest.approx(_r2(X, y))
    gains = []
    for order in permutations(groups):
        at = order.index("g2")
        before = [column for group in order[:at] for column in groups[group]]
        gains.append(_r2(X[[*before, *groups["g2"]]], y) - (_r2(X[before], y) if before else 0))
    assert found[2] == pytest.approx(np.mean(gains))


def test_first_betasq_and_pratt_are_what_a_regression_of_standard_scores_says() -> None:
    X, y = _random(6, 3)
    scores = ((X - X.mean()) / X.std()).to_numpy()
    outcome = (y - y.mean()) / y.std(ddof=1)
    beta = np.linalg.lstsq(scores, outcome, rcond=None)[0]
    r = np.array([np.corrcoef(X[name], y)[0, 1] for name in X])
    for method, expected in (("first", r**2), ("betasq", beta**2), ("pratt", beta * r)):
        assert relative_importance(X, y, method=method)["importance"].tolist() == pytest.approx(expected.tolist())


def test_genizi_and_johnson_are_one_method_found_on_two_ways() -> None:
    # Johnson as he wrote it: loadings of the drivers on Z = PQ', and the coefficients of the outcome on Z (X = PΔQ')
    X, y = _random(7, 4)
    scores = ((X - X.mean()) / X.std(ddof=0)).to_numpy() / np.sqrt(len(y))
    outcome = (y - y.mean()) / y.std() / np.sqrt(len(y))
    P, _, Qt = np.linalg.svd(scores, full_matrices=False)
    Z = P @ Qt
    expected = (Z.T @ scores).T ** 2 @ (Z.T @ outcome) ** 2
    for method in ("johnson", "genizi"):
        assert relative_importance(X, y, method=method)["importance"].tolist() == pytest.approx(expected.tolist())


@pytest.mark.realdata
def test_hbat_agrees_with_relaimpo_where_a_driver_turns_its_sign() -> None:
    hbat = _needed("hbat_a.csv")
    drivers = ["x6", "x7", "x9", "x11", "x12"]
    found = relative_importance(hbat[drivers], hbat["x19"])["importance"]
    figures = [0.1850056073, 0.054113054125, 0.18846793004, 0.14778848308, 0.21540492835]
    assert found.tolist() == pytest.approx(figures, abs=1e-9)
    assert relative_importance(hbat[drivers], hbat["x19"], method="pratt")["importance"][1] < 0, "told, not hidden"


@pytest.mark.realdata
def test_relaimpos_published_figures_come_from_the_correlations_alone() -> None:
    swiss = _needed("swiss.csv")[[*SWISS, "Fertility"]]
    for table in (swiss.corr(), swiss.cov()):
        found = importance_from_correlation(table, "Fertility")
        assert found["importance"].tolist() == pytest.approx(
            [0.057091220768, 0.1711730289, 0.26013467862, 0.10557015037, 0.11276592293], abs=1e-9
        )


@pytest.mark.parametrize("method", METHODS)
def test_correlations_give_what_the_answers_give_wherever_the_outcome_stands(method: str) -> None:
    X, y = _random(9, 4)
    table = X.assign(loyal=y)[["d2", "loyal", "d0", "d3", "d1"]].corr()
    expected = relative_importance(X, y, method=method).set_index("driver")
    found = importance_from_correlation(table.sample(frac=1, random_state=1), "loyal", method=method).set_index(
        "driver"
    )
    assert list(found.index) == ["d2", "d0", "d3", "d1"]
    assert found.loc[expected.index, "share"].tolist() == pytest.approx(expected["share"].tolist())


def test_a_matrix_put_together_pair_by_pair_is_refused_or_repaired_on_request_and_that_is_said() -> None:
    names = ["a", "b", "loyal"]
    impossible = pd.DataFrame([[1, 0.9, 0.9], [0.9, 1, -0.3], [0.9, -0.3, 1]], index=names, columns=names)
    with pytest.raises(ValueError, match=r"no answers have these correlations .* ask for `repair=True`"):
        importance_from_correlation(impossible, "loyal")
    repaired = importance_from_correlation(impossible, "loyal", repair=True)
    assert repaired["largest_change"].nunique() == 1
    assert 0.05 < repaired["largest_change"][0] < 0.6
    assert repaired["importance"].sum() <= 1
    possible = pd.DataFrame([[1, 0.5, 0.6], [0.5, 1, 0.5], [0.6, 0.5, 1]], index=names, columns=names)
    plain = importance_from_correlation(possible, "loyal")
    assert "largest_change" not in plain
    untouched = importance_from_correlation(possible, "loyal", repair=True)
    assert untouched["largest_change"].tolist() == [0, 0]
    assert untouched["importance"].tolist() == plain["importance"].tolist()


def test_repair_does_not_tell_drivers_apart_that_follow_from_each_other() -> None:
    X, y = _random(0, 2)
    table = X.assign(twice=X["d0"] * 2, loyal=y).corr()
    with pytest.raises(ValueError, match="follow from each other: d0, twice; leave one out"):
        importance_from_correlation(table, "loyal", repair=True)


def test_what_has_no_importance_is_refused_by_name() -> None:
    X, y = _random(0, 3)
    with pytest.raises(
        ValueError, match=r"1 rows have a missing answer; leave them out and count them .holes in d0, d1, d2"
    ):
        relative_importance(X.mask((X.index == 4).repeat(3).reshape(-1, 3)), y)
    with pytest.raises(ValueError, match="`d1` has no spread"):
        relative_importance(X.assign(d1=3.3), y)
    with pytest.raises(ValueError, match="`the outcome` has no spread"):
        relative_importance(X, np.ones(len(y)))
    with pytest.raises(ValueError, match="follow from each other: d0, d2; leave one out"):
        relative_importance(X.assign(d2=2 * X["d0"] + 1), y)
    with pytest.raises(ValueError, match="there is no driver `d9`; there are d0, d1, d2"):
        relative_importance(X, y, always=["d9"])
    with pytest.raises(ValueError, match="known to lmg, pmvd, first and last, got method 'johnson'"):
        relative_importance(X, y, method="johnson", always=["d0"])
    with pytest.raises(ValueError, match="there is no method `jonson`; did you mean `johnson`"):
        relative_importance(X, y, method="jonson")
    with pytest.raises(ValueError, match="there is no method `jonson`"):
        closed_form(np.eye(3), "jonson")
    with pytest.raises(ValueError, match="`d1` is in two groups, or in a group and always in"):
        relative_importance(X, y, groups={"one": ["d0", "d1"]}, always=["d1"])
    with pytest.raises(ValueError, match="a column is called `d2`, too"):
        relative_importance(X, y, groups={"d2": ["d0", "d1"]})
    with pytest.raises(ValueError, match="the group `one` has no columns"):
        relative_importance(X, y, groups={"one": []})
    with pytest.raises(ValueError, match="every driver is always in"):
        relative_importance(X, y, always=list(X))


def test_more_than_25_drivers_are_sampled_only_where_that_is_asked_for() -> None:
    X, y = _random(0, 26, n=80)
    with pytest.raises(ValueError, match=r"26 drivers have 2\^26 subsets; give `n_orders` .* method johnson, or group"):
        relative_importance(X, y)
    assert relative_importance(X, y, method="johnson")["importance"].sum() == pytest.approx(_r2(X, y))
    sampled = relative_importance(X, y, n_orders=200, random_state=3)
    assert list(sampled) == ["driver", "importance", "share", "monte_carlo_error"]
    assert sampled["importance"].sum() == pytest.approx(_r2(X, y)), "each order shares out all of R²"
    pd.testing.assert_frame_equal(sampled, relative_importance(X, y, n_orders=200, random_state=3))
    with pytest.raises(ValueError, match="`n_orders` samples the orders of lmg; method 'pmvd' has none"):
        relative_importance(X, y, method="pmvd", n_orders=200)
    with pytest.raises(ValueError, match="pmvd holds every subset, and 26 drivers have"):
        relative_importance(X, y, method="pmvd")
    with pytest.raises(ValueError, match="dominance holds every subset, and 26 drivers have"):
        dominance_analysis(X, y)


def test_sampled_orders_know_groups_and_what_is_always_in() -> None:
    # two players have two orders, and each is drawn with its reverse
    X, y = _random(2, 4)
    entering = {"groups": {"both": ["d1", "d3"]}, "always": ["d0"]}
    exact = relative_importance(X, y, **entering)
    sampled = relative_importance(X, y, n_orders=10, **entering)
    assert sampled["driver"].tolist() == exact["driver"].tolist()
    assert sampled["importance"].tolist() == pytest.approx(exact["importance"].tolist())


def test_an_outcome_that_nobody_explains_has_no_shares() -> None:
    X = pd.DataFrame({"a": [1.0, 1, -1, -1]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing is divided by 0 on the way
        found = relative_importance(X, [1.0, -1, 1, -1])
    assert found["importance"].tolist() == [0]
    assert found["share"].isna().all()


@pytest.mark.parametrize("method", METHODS)
def test_a_resample_has_the_importance_of_its_respondents(method: str) -> None:
    X, y = _random(1, 3, n=25)
    weights = np.random.default_rng(2).uniform(1, 3, 25)
    found = bootstrap_importance(X, y, method=method, weights=weights, n_boot=60, random_state=5)
    rng = np.random.default_rng(5)
    for draw in found.draws[:4]:
        at = rng.integers(0, 25, 25)
        expected = relative_importance(X.iloc[at], y[at], method=method, weights=weights[at])["importance"]
        assert draw.tolist() == pytest.approx(expected.tolist())
    known = relative_importance(X, y, method=method, weights=weights)
    assert found.estimate.tolist() == pytest.approx(known["importance"].tolist())
    assert (found.n, found.n_units, found.n_failed) == (25, 25, 0)


def test_groups_and_accounts_go_through_the_bootstrap() -> None:
    X, y = _random(1, 4, n=40)
    accounts = np.repeat(np.arange(8), 5)
    found = bootstrap_importance(
        X, y, clusters=accounts, groups={"both": ["d1", "d3"]}, always=["d0"], n_boot=50, random_state=5
    )
    at = [row for unit in np.random.default_rng(5).integers(0, 8, 8) for row in range(5 * unit, 5 * unit + 5)]
    expected = relative_importance(X.iloc[at], y[at], groups={"both": ["d1", "d3"]}, always=["d0"])
    assert found.names == ("d2", "both")
    assert found.draws[0].tolist() == pytest.approx(expected["importance"].tolist())
    assert (found.n, found.n_units) == (40, 8)


def test_resamples_without_an_importance_are_left_out_and_counted() -> None:
    # only one respondent answered `rare`: about e⁻¹ of the resamples lack him
    X, y = _random(1, 2, n=30)
    rare = X.assign(rare=[1.0] + [0.0] * 29)
    # and here only one respondent answered `almost` unlike d0: without him the two cannot be told apart
    almost = X.assign(almost=[9.0, *X["d0"][1:]])
    for answers in (rare, almost):
        found = bootstrap_importance(answers, y, n_boot=400, random_state=1)
        assert found.n_failed + len(found.draws) == 400
        assert found.n_failed / 400 == pytest.approx((29 / 30) ** 30, abs=0.08)
        assert np.isfinite(found.draws).all()
        assert found.draws.sum(axis=1).max() <= 1


def test_a_bootstrap_that_would_not_end_is_refused_with_the_way_out() -> None:
    X, y = _random(0, 24, n=80)
    with pytest.raises(
        ValueError, match=r"1000 resamples of 24 drivers .* take `n_boot` of 256 at most, method johnson"
    ):
        bootstrap_importance(X, y, n_boot=1000)
    with pytest.raises(ValueError, match="; take method johnson, or group drivers"):
        bootstrap_importance(X, y, method="pmvd")
    assert len(bootstrap_importance(X, y, method="johnson", n_boot=50).draws) == 50


def test_dominance_of_groups_adds_up_to_what_lmg_says() -> None:
    X, y = _random(8, 5)
    found = dominance_analysis(X, y, groups={"both": ["d1", "d3"]}, always=["d0"])
    expected = relative_importance(X, y, groups={"both": ["d1", "d3"]}, always=["d0"]).set_index("driver")["importance"]
    assert found.general.to_dict() == pytest.approx(expected.to_dict())


def test_dominance_is_reproduced_as_often_as_resamples_show_it() -> None:
    X, y = _random(11, 3, n=40)
    accounts = np.repeat(np.arange(20), 2)
    found = bootstrap_dominance(X, y, clusters=accounts, n_boot=60, random_state=2)
    told = dominance_analysis(X, y).pairs()
    pd.testing.assert_frame_equal(found[list(told)], told)
    rng = np.random.default_rng(2)
    drawn = []
    for _ in range(60):
        at = [row for unit in rng.integers(0, 20, 20) for row in (2 * unit, 2 * unit + 1)]
        drawn.append(dominance_analysis(X.iloc[at], y[at]))
    for row in found.itertuples():
        complete = [one.complete.loc[row.driver, row.other] == 1 for one in drawn]
        conditional = [(one.conditional.loc[row.driver] > one.conditional.loc[row.other]).all() for one in drawn]
        general = [one.general[row.driver] > one.general[row.other] for one in drawn]
        expected = {"complete": np.mean(complete), "conditional": np.mean(conditional), "general": np.mean(general)}
        assert {name: getattr(row, name) for name in expected} == pytest.approx(expected)
        assert row.reproduced == pytest.approx(expected[row.dominance])
        assert (row.n, row.n_boot) == (40, 60)
    assert found["general"].between(0.01, 0.99).any(), "a lead that is not certain is among them"
    with pytest.raises(ValueError, match="only 10 of 10 resamples tell the drivers apart; take `n_boot` of 50 or more"):
        bootstrap_dominance(X, y, n_boot=10)
