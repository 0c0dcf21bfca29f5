"""Orders in which one thing has nothing to do with another."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from cxlab.inference.permutation import cluster_codes, permutation_p, shuffles, upper_tail


def test_respondents_on_their_own_take_every_order_alike_often() -> None:
    rng = np.random.default_rng(1)
    seen = [tuple(draw) for draw in shuffles(np.arange(3), 6000, rng)]
    counts = [seen.count(order) for order in itertools.permutations(range(3))]
    assert sum(counts) == 6000
    assert stats.chisquare(counts).pvalue > 0.001


def test_members_of_a_cluster_keep_together_whatever_order_their_rows_have() -> None:
    codes = cluster_codes(8, ["a", "b", "a", None, "b", "c", "c", "a"])
    assert codes.tolist() == [0, 1, 0, 3, 1, 2, 2, 0]
    for draw in shuffles(codes, 200, np.random.default_rng(2)):
        for cluster in range(4):
            assert len(set(codes[draw[codes == cluster]])) == 1  # all from one cluster
        assert sorted(draw[[1, 4, 5, 6]]) == [1, 4, 5, 6]  # pairs change places as pairs, nobody twice
        assert draw[3] == 3  # the only one alone


def test_a_cluster_lends_each_member_alike_often_to_one_of_another_size() -> None:
    codes = np.repeat([0, 1], [3, 4])  # both between 3 and 4: they change places
    lent = np.zeros((7, 7))
    for draw in shuffles(codes, 8000, np.random.default_rng(3)):
        lent[np.arange(7), draw] += 1
    lent /= 8000
    assert lent[:3, :3].ravel() == pytest.approx(np.full(9, 1 / 6), abs=0.02)
    assert lent[:3, 3:].ravel() == pytest.approx(np.full(12, 1 / 8), abs=0.02)


def test_p_counts_the_draws_that_reach_as_far_and_the_statistic_itself() -> None:
    drawn = np.arange(-10.0, 11)  # 21 draws
    assert upper_tail(8.0, drawn, 10) == pytest.approx(4 / 22)  # 8, 9, 10 and itself
    assert permutation_p(8.0, drawn, 10) == pytest.approx(8 / 22)
    assert permutation_p(-8.0, drawn, 10) == pytest.approx(8 / 22)
    assert permutation_p(0.0, drawn, 10) == 1
    assert np.isnan(permutation_p(float("nan"), drawn, 10))
    assert np.isnan(permutation_p(1.0, np.array([np.nan]), 10))


def test_beyond_the_draws_the_tail_is_students() -> None:
    drawn = stats.t.ppf((np.arange(999) + 0.5) / 999, 20)  # the draws are Student's themselves
    for statistic in (3.5, 5.0, 7.0):
        # the tenth largest of 999 counts as the eleventh, so the tail is a little too wide, and never too narrow
        assert 1 < upper_tail(statistic, drawn, 20) / stats.t.sf(statistic, 20) < 2
    assert upper_tail(5.0, drawn, 20) < upper_tail(4.0, drawn, 20) < upper_tail(3.0, drawn, 20) <= 11 / 1000
