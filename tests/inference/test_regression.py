"""Least squares that leave out one unit at a time."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from cxlab.inference.regression import least_squares


def sample(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(n), rng.random((n, 3)) < 0.3, rng.normal(size=n)]).astype(float)
    return X, X @ [5, 1, -2, 0, 0.5] + rng.normal(size=n) * (1 + X[:, 1])


def test_errors_are_hc3() -> None:
    X, y = sample(80, 1)
    fit, reference = least_squares(X, y), sm.OLS(y, X).fit(cov_type="HC3")
    assert fit.coefficients == pytest.approx(reference.params)
    assert fit.std_errors == pytest.approx(reference.bse)
    assert fit.df == 75


@pytest.mark.parametrize("n_clusters", [5, 25])  # clusters larger and smaller than the number of columns
def test_without_a_cluster_the_coefficients_are_those_of_the_rest(n_clusters: int) -> None:
    X, y = sample(75, 2)
    rng = np.random.default_rng(2)
    clusters, weights = rng.integers(0, n_clusters, 75), rng.uniform(0.5, 2, 75)
    fit = least_squares(X, y, weights=weights, clusters=clusters)
    for unit in range(len(fit.without)):
        kept = fit.units != unit
        root = np.sqrt(weights[kept])
        again = np.linalg.lstsq(X[kept] * root[:, None], y[kept] * root, rcond=None)[0]
        assert fit.without[unit] == pytest.approx(again)


def test_columns_that_cannot_be_told_apart_are_named_and_the_rest_is_as_without_them() -> None:
    X, y = sample(60, 3)
    more = np.column_stack([X, X[:, 1] + X[:, 2], np.zeros(60)])
    fit = least_squares(more, y)
    assert fit.alike == ((), (2, 5), (1, 5), (), (), (1, 2), (6,))
    assert np.isnan(fit.coefficients[[1, 2, 5, 6]]).all()
    told = [0, 3, 4]
    assert fit.coefficients[told] == pytest.approx(least_squares(X, y).coefficients[told])
    assert fit.std_errors[told] == pytest.approx(least_squares(X, y).std_errors[told])


def test_the_variance_inflation_is_that_of_the_regression_on_the_others() -> None:
    X, y = sample(90, 4)
    X[:, 4] += 2 * X[:, 1]
    others = np.delete(X, 1, axis=1)
    r2 = sm.OLS(X[:, 1], others).fit().rsquared
    assert least_squares(X, y).inflation[1] == pytest.approx(1 / (1 - r2))


def test_what_a_single_respondent_informs_does_not_spoil_the_others() -> None:
    X, y = sample(40, 5)
    X[:, 3] = 0
    X[7, 3] = 1  # the coefficient is this one respondent
    fit = least_squares(X, y)
    without = least_squares(np.delete(np.delete(X, 3, axis=1), 7, axis=0), np.delete(y, 7))
    assert fit.coefficients[[0, 1, 2, 4]] == pytest.approx(without.coefficients)
    assert np.isfinite(fit.std_errors).all()


def test_missing_values_and_lengths_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="holds missing values"):
        least_squares([[1.0, np.nan]], [1.0])
    with pytest.raises(ValueError, match="`X` must have one row for each of the 2 values of `y`"):
        least_squares([[1.0]], [1.0, 2.0])
