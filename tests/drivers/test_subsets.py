"""All subsets at once: against a regression for each, orders walked one by one, and games whose answer is known."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given as having
from hypothesis import settings
from hypothesis import strategies as st

from cxlab.drivers import subsets
from cxlab.drivers.subsets import all_r2, given, lmg, lmg_forms, pmvd, sampled_lmg, shapley


def _correlation(seed: int, p: int) -> np.ndarray:
    """Correlations of p drivers and an outcome that go together."""
    rng = np.random.default_rng(seed)
    answers = rng.normal(size=(40, p + 1)) @ rng.normal(size=(p + 1, p + 1)) + 0.5 * rng.normal(size=(40, p + 1))
    return np.corrcoef(answers.T)


def _r2(correlation: np.ndarray, columns: list[int]) -> float:
    """By solving the normal equations."""
    if not columns:
        return 0.0
    r = correlation[columns, -1]
    return float(r @ np.linalg.solve(correlation[np.ix_(columns, columns)], r))


def _members(number: int, p: int) -> list[int]:
    return [j for j in range(p) if number >> j & 1]


@settings(deadline=None, max_examples=25)
@having(seed=st.integers(0, 10**6), p=st.integers(1, 6))
def test_bit_j_of_a_subsets_number_is_driver_j(seed: int, p: int) -> None:
    correlation = _correlation(seed, p)
    expected = [_r2(correlation, _members(number, p)) for number in range(2**p)]
    assert all_r2(correlation).tolist() == pytest.approx(expected, abs=1e-9)


def test_a_group_is_one_bit_and_its_columns_enter_together() -> None:
    correlation = _correlation(1, 6)
    players = [[4], [5, 0, 2], [3, 1]]
    expected = [_r2(correlation, [c for j in _members(number, 3) for c in players[j]]) for number in range(8)]
    assert all_r2(correlation, players).tolist() == pytest.approx(expected)


def test_columns_of_no_player_stay_out_of_every_model() -> None:
    correlation = _correlation(1, 4)
    assert all_r2(correlation, [[3], [1]]).tolist() == pytest.approx(
        [0, *(_r2(correlation, columns) for columns in ([3], [1], [1, 3]))]
    )


def test_what_is_held_fixed_is_taken_from_every_model() -> None:
    correlation = _correlation(2, 4)
    base = _r2(correlation, [1, 3])
    found = all_r2(given(correlation, [3, 1]))  # drivers 0 and 2 are left
    assert found.tolist() == pytest.approx(
        [0, *(_r2(correlation, [1, 3, *more]) - base for more in ([0], [2], [0, 2]))]
    )
    assert given(correlation, []) is correlation


def test_many_matrices_at_once_give_what_each_gives() -> None:
    stack = np.stack([_correlation(seed, 4) for seed in range(5)])
    players = [[0, 2], [1], [3]]
    found = all_r2(stack, players)
    assert found == pytest.approx(np.stack([all_r2(one, players) for one in stack], axis=-1))
    assert lmg(stack, players) == pytest.approx(np.stack([lmg(one, players) for one in stack]))
    assert lmg(stack[:0], players).shape == (0, 3)
    assert given(stack, [2]) == pytest.approx(np.stack([given(one, [2]) for one in stack]))
    assert shapley(all_r2(stack)) == pytest.approx(np.stack([shapley(all_r2(one)) for one in stack]))
    assert pmvd(all_r2(stack)) == pytest.approx(np.stack([pmvd(all_r2(one)) for one in stack]))


@pytest.mark.parametrize(("inner", "chunk"), [(1, 2), (3, 8), (4, 32), (6, 64)])
@pytest.mark.parametrize("players", [None, [[0], [5, 2], [1], [3], [4, 8], [6], [7]]])
def test_chunks_change_nothing(
    monkeypatch: pytest.MonkeyPatch, inner: int, chunk: int, players: list[list[int]] | None
) -> None:
    correlation = _correlation(3, 9)
    whole = shapley(all_r2(correlation, players))
    assert lmg(np.stack([correlation, correlation]), players)[1] == pytest.approx(whole, abs=1e-12)
    monkeypatch.setattr(subsets, "_WHOLE", 6)
    monkeypatch.setattr(subsets, "_INNER", inner)
    monkeypatch.setattr(subsets, "_CHUNK", chunk)
    assert lmg(correlation, players) == pytest.approx(whole, abs=1e-12)
    assert lmg(np.stack([correlation, correlation]), players)[1] == pytest.approx(whole, abs=1e-12)


def test_eighteen_drivers_in_chunks_add_up_and_equal_ones_share_alike() -> None:
    # correlations a with the outcome and b among each other: R² = p·a²/(1 + (p − 1)·b), and each has the p-th part
    p, a, b = 18, 0.4, 0.3
    correlation = np.full((p + 1, p + 1), b) + (1 - b) * np.eye(p + 1)
    correlation[-1, :-1] = correlation[:-1, -1] = a
    assert lmg(correlation).tolist() == pytest.approx([a**2 / (1 + (p - 1) * b)] * p, abs=1e-12)


def test_portions_of_matrices_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = np.stack([_correlation(seed, 5) for seed in range(7)])
    whole = lmg(stack)
    monkeypatch.setattr(subsets, "_CHUNK", 96)  # three matrices at once, and one at last
    monkeypatch.setattr(subsets, "_ABREAST", 3)
    assert lmg(stack) == pytest.approx(whole, abs=1e-14)
    monkeypatch.setattr(subsets, "_ABREAST", 4)  # one by one
    assert lmg(stack) == pytest.approx(whole, abs=1e-14)


def test_more_than_25_players_are_refused() -> None:
    with pytest.raises(ValueError, match=r"26 drivers have 2\^26 subsets; ask for sampled orders, use method johnson"):
        lmg(np.eye(27))
    with pytest.raises(ValueError, match=r"26 drivers have 2\^26 subsets; group them to 25 at most"):
        all_r2(np.eye(27))
    assert lmg(np.eye(31), [list(range(15)), list(range(15, 30))]).tolist() == [0, 0]


# --------------------------------------------------------------------------------------------------------------- games


def test_the_shapley_value_of_the_glove_game() -> None:
    # one left glove (player 0), two right ones: a pair is worth 1; (2/3, 1/6, 1/6)
    worth = np.array([0, 0, 0, 1, 0, 1, 0, 1.0])
    assert shapley(worth).tolist() == pytest.approx([2 / 3, 1 / 6, 1 / 6])


def test_a_rich_player_and_many_workers() -> None:
    # nothing is made without player 0, else k² with k workers: over the orders he gets E k² = (2·2 + 1)·2/6, k = 0, 1, 2
    worth = np.array([(number & 1) * bin(number >> 1).count("1") ** 2 for number in range(8)], dtype=float)
    assert shapley(worth)[0] == pytest.approx((0 + 1 + 4) / 3)
    assert shapley(worth)[1:].tolist() == pytest.approx([(4 - 5 / 3) / 2] * 2)


def test_values_that_are_not_one_for_each_subset_are_refused() -> None:
    with pytest.raises(ValueError, match="6 values are not one for every subset"):
        shapley(np.zeros(6))
    with pytest.raises(ValueError, match="1 values are not one for every subset"):
        shapley(np.zeros(1))
    with pytest.raises(ValueError, match=r"the subset of players \[0, 2\] has no value"):
        shapley(np.array([0, 1, 2, 3, 4, np.nan, 6, 7]))


def test_pmvd_is_the_average_over_orders_weighted_by_what_each_leaves_open() -> None:
    # Feldman's weights: the product over the places of an order but the last of 1/(R² of all − R² so far)
    correlation = _correlation(4, 4)
    whole = _r2(correlation, [0, 1, 2, 3])
    shares, weights = np.zeros(4), 0.0
    for order in permutations(range(4)):
        so_far = [_r2(correlation, list(order[:place])) for place in range(5)]
        weight = np.prod([1 / (whole - r2) for r2 in so_far[1:4]])
        shares[list(order)] += weight * np.diff(so_far)
        weights += weight
    assert pmvd(all_r2(correlation)).tolist() == pytest.approx((shares / weights).tolist())


def test_pmvd_gives_a_driver_without_a_coefficient_nothing_and_shares_the_rest_as_without_it() -> None:
    # driver 2 goes with the outcome only through 0 and 1: r₂ = R₂₍₀₁₎ β
    R = np.array([[1, 0.4, 0.5], [0.4, 1, 0.6], [0.5, 0.6, 1]])
    r = R @ [0.5, 0.3, 0.0]
    correlation = np.block([[R, r[:, None]], [r[None], np.ones((1, 1))]])
    two = pmvd(all_r2(correlation[np.ix_([0, 1, 3], [0, 1, 3])]))
    assert pmvd(all_r2(correlation)).tolist() == pytest.approx([*two, 0.0])
    other = np.corrcoef(np.random.default_rng(0).normal(size=(9, 4)).T)
    stack = pmvd(all_r2(np.stack([other, correlation])))
    assert stack[1].tolist() == pytest.approx([*two, 0.0])
    assert stack[0].tolist() == pytest.approx(pmvd(all_r2(other)).tolist())
    assert pmvd(np.zeros(8)).tolist() == [0, 0, 0]


# ------------------------------------------------------------------------------------------------------ sampled orders


def test_two_players_have_two_orders_so_that_an_order_and_its_reverse_are_exact() -> None:
    correlation = _correlation(5, 4)
    players = [[0, 3], [2, 1]]
    found, error = sampled_lmg(correlation, players, 20, np.random.default_rng(0))
    assert found.tolist() == pytest.approx(lmg(correlation, players).tolist())
    assert error.tolist() == pytest.approx([0, 0], abs=1e-12)


def test_sampled_orders_are_as_near_to_the_exact_shares_as_their_error_says() -> None:
    correlation = _correlation(6, 7)
    exact = lmg(correlation)
    scores = []
    for seed in range(40):
        found, error = sampled_lmg(correlation, None, 200, np.random.default_rng(seed))
        assert found.sum() == pytest.approx(_r2(correlation, list(range(7))))
        scores.append((found - exact) / error)
    # 280 standard scores: their mean square is 1 ± 4·√(2/280)
    assert np.mean(np.square(scores)) == pytest.approx(1, abs=0.35)
    assert np.abs(np.mean(scores, axis=0)).max() < 4 / np.sqrt(40)


def test_orders_of_groups_keep_their_columns_together() -> None:
    correlation = _correlation(6, 7)
    players = [[0, 3], [6], [2, 1, 5], [4]]
    found, error = sampled_lmg(correlation, players, 2_000, np.random.default_rng(1))
    assert (np.abs(found - lmg(correlation, players)) < 4 * error).all()


def test_an_outcome_that_is_wholly_explained_can_be_sampled() -> None:
    correlation = _correlation(7, 3)
    whole = correlation[:3, :3] @ [0.2, 0.5, 0.1]
    scale = np.sqrt(np.array([0.2, 0.5, 0.1]) @ whole)
    correlation[-1, :-1] = correlation[:-1, -1] = whole / scale
    found, _ = sampled_lmg(correlation, None, 500, np.random.default_rng(0))
    assert found.sum() == pytest.approx(1)


def test_too_few_orders_to_know_their_error_are_refused() -> None:
    with pytest.raises(ValueError, match="`n_orders` must be at least 4 to show how far orders differ, got 3"):
        sampled_lmg(np.eye(3), None, 3, np.random.default_rng(0))


def test_forms_give_lmg_of_any_outcome_on_the_same_answers() -> None:
    forms = lmg_forms(_correlation(8, 5)[:-1, :-1])
    for seed in range(3):
        correlation = _correlation(8, 5)
        correlation[-1, :-1] = correlation[:-1, -1] = r = np.random.default_rng(seed).uniform(-0.3, 0.3, 5)
        assert [r @ form @ r for form in forms] == pytest.approx(lmg(correlation).tolist())
    with pytest.raises(ValueError, match="21 drivers are too many for their forms"):
        lmg_forms(np.eye(21))
