"""Shares of R²: worked by hand for two drivers, against R's relaimpo, and what must not change them."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxlab.drivers import relative_importance
from cxlab.drivers.importance import all_r2, resampled, shapley

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "drivers"
METHODS = ("lmg", "pmvd", "johnson", "first", "last", "betasq", "pratt", "car")
ADD_UP = ("lmg", "pmvd", "johnson", "pratt", "car")
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


def test_bit_j_of_a_subsets_number_is_driver_j() -> None:
    X, y = _random(5, 3)
    found = all_r2(np.corrcoef(np.column_stack([X, y]).T))
    expected = [_r2(X.iloc[:, [j for j in range(3) if number >> j & 1]], y) if number else 0 for number in range(8)]
    assert found.tolist() == pytest.approx(expected)


def test_the_shapley_value_of_the_glove_game() -> None:
    # one left glove (player 0), two right ones: a pair is worth 1; (2/3, 1/6, 1/6)
    worth = np.array([0, 0, 0, 1, 0, 1, 0, 1.0])
    assert shapley(worth).tolist() == pytest.approx([2 / 3, 1 / 6, 1 / 6])


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


def test_what_has_no_importance_is_refused_by_name() -> None:
    X, y = _random(0, 3)
    with pytest.raises(ValueError, match="1 rows have a missing answer; leave them out and count them"):
        relative_importance(X.mask((X.index == 4).repeat(3).reshape(-1, 3)), y)
    with pytest.raises(ValueError, match="`d1` has no spread"):
        relative_importance(X.assign(d1=3), y)
    with pytest.raises(ValueError, match="`the outcome` has no spread"):
        relative_importance(X, np.ones(len(y)))
    with pytest.raises(ValueError, match="follow from each other: d0, d2; leave one out"):
        relative_importance(X.assign(d2=2 * X["d0"] + 1), y)
    with pytest.raises(ValueError, match="there is no driver `d9`; there are d0, d1, d2"):
        relative_importance(X, y, always=["d9"])
    with pytest.raises(ValueError, match="known to lmg alone, got method 'johnson'"):
        relative_importance(X, y, method="johnson", always=["d0"])


def test_more_than_twenty_drivers_are_sent_to_johnson() -> None:
    X, y = _random(0, 21, n=60)
    with pytest.raises(ValueError, match=r"21 drivers have 2\^21 subsets; use method johnson, or group drivers to 20"):
        relative_importance(X, y)
    assert relative_importance(X, y, method="johnson")["importance"].sum() == pytest.approx(_r2(X, y))


def test_resamples_are_the_correlations_of_redrawn_respondents() -> None:
    # the same draws, respondent by respondent
    X, y = _random(0, 2, n=20)
    data, weights = np.column_stack([X, y]), np.random.default_rng(1).uniform(1, 3, 20)
    found = resampled(data, 3, np.random.default_rng(9), weights=weights)
    rng = np.random.default_rng(9)
    for one in found:
        at = rng.integers(0, 20, 20)
        cov = np.cov(data[at].T, aweights=weights[at])
        assert one == pytest.approx(cov / np.sqrt(np.outer(np.diag(cov), np.diag(cov))))


def test_resamples_of_accounts_draw_whole_accounts_and_a_respondent_without_one_stands_alone() -> None:
    X, y = _random(0, 2, n=12)
    data = np.column_stack([X, y])
    clusters = ["a"] * 4 + ["b"] * 4 + ["c"] * 2 + [None, None]
    members = [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9], [10], [11]]
    found = resampled(data, 2, np.random.default_rng(3), clusters=clusters)
    rng = np.random.default_rng(3)
    for one in found:
        at = [row for unit in rng.integers(0, 5, 5) for row in members[unit]]
        assert one == pytest.approx(np.corrcoef(data[at].T))
