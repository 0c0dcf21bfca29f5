"""Correlations that importance may rest on: collinear drivers by name, impossible matrices, and the nearest possible one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxlab.drivers.correlations import (
    check_possible,
    check_told_apart,
    correlation_of,
    nearest_correlation,
    read_answers,
    read_correlation,
)


def _answers(p: int = 4, n: int = 30) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(n, p)), columns=[f"d{j}" for j in range(p)])
    return X, X.sum(axis=1).to_numpy() + rng.normal(size=n)


def _checked(X: pd.DataFrame, y: np.ndarray) -> np.ndarray:
    data, names, weights = read_answers(X, y, None)
    return correlation_of(data, names, weights)


def test_correlations_are_those_of_numpy_and_pandas() -> None:
    X, y = _answers()
    assert _checked(X, y) == pytest.approx(X.assign(y=y).corr().to_numpy())
    weights = np.random.default_rng(1).uniform(0, 3, len(y))
    data, names, used = read_answers(X, y, weights)
    covariance = np.cov(data.T, aweights=weights)
    spread = np.sqrt(np.diag(covariance))
    assert correlation_of(data, names, used) == pytest.approx(covariance / np.outer(spread, spread))


def test_each_dependence_is_named_on_its_own_and_bystanders_are_not() -> None:
    X, y = _answers(5)
    X = X.assign(total=X["d0"] + 0.01 * X["d1"], copy=3 - X["d3"])
    with pytest.raises(ValueError, match="follow from each other: d0, d1, total; d3, copy; leave one out"):
        _checked(X, y)


def test_answers_far_from_zero_and_of_tiny_spread_still_have_a_spread() -> None:
    X, y = _answers()
    shifted = X.assign(d0=1e6 + 1e-2 * X["d0"])
    assert _checked(shifted, y) == pytest.approx(_checked(X, y), abs=1e-6)
    with pytest.raises(ValueError, match="`d0` has no spread"):
        _checked(X.assign(d0=0.1 + 0.2), y)  # its mean differs from it by rounding


def test_respondents_without_weight_do_not_count_as_respondents() -> None:
    X, y = _answers(4)
    with pytest.raises(ValueError, match="4 respondents cannot tell 4 drivers apart"):
        correlation_of(np.column_stack([X, y]), list(X), np.r_[np.ones(4), np.zeros(26)])


def test_answers_that_cannot_be_read_are_refused_by_name() -> None:
    X, y = _answers(2)
    with pytest.raises(ValueError, match="`d1` holds 'often', which is no number"):
        read_answers(X.astype(object).assign(d1=["often"] + [1.0] * 29), y, None)
    with pytest.raises(ValueError, match="`d0` holds an infinite answer"):
        read_answers(X.assign(d0=[np.inf] + [1.0] * 29), y, None)
    with pytest.raises(ValueError, match=r"1 rows have a missing answer; .*holes in the outcome"):
        read_answers(X, np.r_[np.nan, y[1:]], None)
    with pytest.raises(ValueError, match=r"30 respondents have drivers and the outcome has the shape \(29,\)"):
        read_answers(X, y[1:], None)
    with pytest.raises(ValueError, match="two columns are called `d0`"):
        read_answers(X.set_axis(["d0", "d0"], axis=1), y, None)
    with pytest.raises(ValueError, match="there are no drivers"):
        read_answers(X[[]], y, None)
    with pytest.raises(ValueError, match="a weight must be a finite number from 0 upwards, got -1"):
        read_answers(X, y, np.r_[-1.0, np.ones(29)])
    data, names, weights = read_answers(X.to_numpy(), list(y), None)
    assert names == ["0", "1"]
    assert weights is None
    assert data[:, -1].tolist() == y.tolist()


def test_correlations_that_cannot_be_read_are_refused_by_name() -> None:
    X, y = _answers(2)
    table = X.assign(loyal=y).corr()
    with pytest.raises(ValueError, match="a table that has the same names"):
        read_correlation(table.to_numpy(), "loyal")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no `nps`; there are d0, d1, loyal"):
        read_correlation(table, "nps")
    with pytest.raises(ValueError, match="different names: d1, d9"):
        read_correlation(table.rename(index={"d1": "d9"}), "loyal")
    with pytest.raises(ValueError, match="`d0` and `d1` depends on the order"):
        read_correlation(table.where(~np.eye(3, k=1, dtype=bool), 0.5), "loyal")
    with pytest.raises(ValueError, match="`d0` and `loyal` is missing"):
        read_correlation(table.where(~(np.eye(3, k=2) + np.eye(3, k=-2)).astype(bool)), "loyal")
    with pytest.raises(ValueError, match=r"`d0` and `d1` is 1\.2, beyond 1"):
        read_correlation(table.mask((np.eye(3, k=1) + np.eye(3, k=-1)).astype(bool), 1.2), "loyal")
    with pytest.raises(ValueError, match="`d1` has no spread: its place on the diagonal is not above 0"):
        read_correlation(table * np.array([1, 0, 1]) * np.array([[1], [0], [1]]), "loyal")


def test_covariances_are_scaled_and_printed_digits_may_be_uneven() -> None:
    X, y = _answers(2)
    frame = X.assign(loyal=7 * y)
    matrix, names = read_correlation(frame.cov(), "loyal")
    assert names == ["d0", "d1"]
    assert matrix == pytest.approx(frame.corr().to_numpy())
    uneven = frame.corr().round(7)
    uneven.iloc[0, 1] += 1e-7
    assert read_correlation(uneven, "loyal")[0] == pytest.approx(frame.corr().to_numpy(), abs=2e-7)


def test_an_impossible_matrix_is_refused_whether_the_drivers_or_the_outcome_make_it_so() -> None:
    drivers = np.array([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]])
    with pytest.raises(ValueError, match=r"no answers have these correlations \(smallest eigenvalue -0\.8\)"):
        check_told_apart(drivers, ["a", "b", "c"])
    too_much = np.array([[1, 0, 0.9], [0, 1, 0.9], [0.9, 0.9, 1]])
    with pytest.raises(ValueError, match="the drivers would explain more than everything"):
        check_possible(too_much, ["a", "b"])
    check_possible(np.array([[1, 0, 0.6], [0, 1, 0.8], [0.6, 0.8, 1]]), ["a", "b"])  # they explain just everything


def test_the_nearest_matrix_is_highams() -> None:
    # Higham (2002), section 4: the nearest to this one, to four digits
    names = ["a", "b", "c"]
    table = pd.DataFrame([[1.0, 1, 0], [1, 1, 1], [0, 1, 1]], index=names, columns=names)
    found = nearest_correlation(table, least_eigenvalue=0)
    expected = [[1, 0.7607, 0.1573], [0.7607, 1, 0.7607], [0.1573, 0.7607, 1]]
    assert found.correlation.to_numpy() == pytest.approx(np.array(expected), abs=5e-5)
    assert found.largest_change == pytest.approx(0.2393, abs=5e-5)
    assert found.smallest_eigenvalue == pytest.approx(1 - np.sqrt(2))
    assert set(found.pair) <= {"a", "b", "c"}


def test_a_repaired_matrix_has_the_eigenvalue_asked_for_and_a_possible_one_is_left_alone() -> None:
    table = pd.DataFrame([[1.0, 1, 0], [1, 1, 1], [0, 1, 1]], index=list("abc"), columns=list("abc"))
    found = nearest_correlation(table, least_eigenvalue=0.01)
    assert np.linalg.eigvalsh(found.correlation.to_numpy())[0] == pytest.approx(0.01)
    assert np.diag(found.correlation).tolist() == pytest.approx([1, 1, 1])
    possible = pd.DataFrame([[1.0, 0.5], [0.5, 1]], index=["a", "b"], columns=["a", "b"])
    assert nearest_correlation(possible).largest_change == pytest.approx(0, abs=1e-12)
